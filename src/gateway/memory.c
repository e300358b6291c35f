/* The gateway's memory of thinking: scope and tool-use id → record (thinking.h), in a shared state.
 *
 * Happy path: an answer with tool calls is complete; its record is put under each call's id. The
 * next request names those calls in its assistant messages but not what was thought before them;
 * one question, or a few, brings the records, and each becomes blocks in front of its message.
 *
 * Failure modes: what is not there, or no record, is left out, and what follows decides whether the
 * model can still think. A shared state that is silent is given up after RECALL_PATIENCE_MS;
 * whoever stops waiting is forgotten there, so that no answer finds them gone. */

#include "memory.h"

#include <stdlib.h>

#define TICK_MS (RECALL_PATIENCE_MS / 5)
#define KEY_MAX (SHA256_SIZE + THINKING_ID_MAX)

struct memory {
    struct turn *turn;
    struct shared *shared;
    struct list waiting; /* memory_recall.link */
    uv_timer_t timer;    /* ticks while somebody waits */
    uint64_t unkept, late, hits, misses;
    char keys[SHARED_KEYS_MAX][KEY_MAX]; /* of the question that is being asked */
};

struct recall_want {
    struct llm_message *message;
    struct slice id;       /* of its first tool call */
    struct thinking found; /* no blocks: nothing */
};

struct memory *memory_new(struct turn *turn, struct shared *shared)
{
    struct memory *m = calloc(1, sizeof(*m));
    if (!m)
        abort();
    m->turn = turn;
    m->shared = shared;
    list_init(&m->waiting);
    uv_timer_init(turn->loop, &m->timer);
    m->timer.data = m;
    return m;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void memory_free(struct memory *m)
{
    if (!m)
        return;
    uv_close((uv_handle_t *)&m->timer, on_closed);
}

void memory_stats(const struct memory *m, struct memory_stats *stats)
{
    stats->unkept = m->unkept;
    stats->late = m->late;
    stats->hits = m->hits;
    stats->misses = m->misses;
    m->shared->ops->stats(m->shared, &stats->shared);
}

/* ---- keys ---------------------------------------------------------------------------------- */

/* Both are hashed by themselves first, so that no key runs into a model's name. */
struct memory_scope memory_scope_of(struct slice key, struct slice model)
{
    struct memory_scope scope;
    uint8_t both[2 * SHA256_SIZE];
    sha256(key, both);
    sha256(model, both + SHA256_SIZE);
    sha256(slice_make((const char *)both, sizeof(both)), scope.digest);
    return scope;
}

/* `id` has at most THINKING_ID_MAX bytes. */
static struct slice key_of(const struct memory_scope *scope, struct slice id, char room[KEY_MAX])
{
    memcpy(room, scope->digest, SHA256_SIZE);
    memcpy(room + SHA256_SIZE, id.p, id.n);
    return slice_make(room, SHA256_SIZE + id.n);
}

/* ---- keeping ------------------------------------------------------------------------------- */

void memory_keep(struct memory *m, const struct memory_scope *scope, struct thinking_capture *c,
                 int64_t ttl_ms)
{
    struct slice record = thinking_capture_end(c);
    char room[KEY_MAX];
    m->unkept += c->broken;
    for (const struct thinking_call *call = c->calls; record.p && call; call = call->next)
        m->shared->ops->put(m->shared, key_of(scope, call->id, room), record, ttl_ms,
                            turn_now(m->turn));
}

/* ---- asking -------------------------------------------------------------------------------- */

/* A signature without its text may be whole, where the model does not show its thinking; or it is
 * what a client has left of a stream: the last piece. */
static bool is_whole(const struct llm_block *thought)
{
    return thought->redacted.n || (thought->signature.n && thought->text.n);
}

/* The id to ask for; empty when the message lacks nothing, or it cannot have been kept. */
static struct slice lacking(const struct llm_message *m)
{
    struct slice id = {0};
    bool thinks = false, whole = true;
    for (const struct llm_block *b = m->role == LLM_ASSISTANT ? m->blocks : NULL; b; b = b->next) {
        if (b->kind == LLM_REASONING) {
            thinks = true;
            whole = whole && is_whole(b);
        } else if (b->kind == LLM_TOOL_USE && !id.n && b->id.n <= THINKING_ID_MAX) {
            id = b->id;
        }
    }
    return thinks && whole ? slice_make(NULL, 0) : id;
}

static size_t count_lacking(const struct llm_message *messages)
{
    size_t n = 0;
    for (const struct llm_message *m = messages; m; m = m->next)
        n += lacking(m).n > 0;
    return n;
}

void memory_recall_begin(struct memory_recall *r, struct memory *m, const struct recall_request *q)
{
    size_t n = count_lacking(q->messages), skip;
    skip = n > RECALL_MESSAGES_MAX ? n - RECALL_MESSAGES_MAX : 0;
    *r = (struct memory_recall){.memory = m,
                                .scope = q->scope,
                                .arena = q->arena,
                                .item = q->item,
                                .ttl_ms = q->ttl_ms,
                                .deadline = turn_now(m->turn) + RECALL_PATIENCE_MS};
    list_init(&r->link);
    if (n > skip)
        r->wants = arena_zalloc(q->arena, (n - skip) * sizeof(*r->wants));
    for (struct llm_message *i = q->messages; i; i = i->next) {
        struct slice id = lacking(i);
        if (id.n && (skip == 0 || skip-- == 0))
            r->wants[r->count++] = (struct recall_want){.message = i, .id = id};
    }
    r->left = r->count;
}

static void keep_answer(struct memory_recall *r, struct recall_want *want, struct slice record)
{
    if (!record.n || record.n > RECALL_BYTES_MAX - r->bytes)
        return;
    r->bytes += record.n;
    if (!thinking_decode(arena_dup(r->arena, record), r->arena, &want->found))
        want->found.blocks = NULL;
}

/* From inside the question or later. The newest come first, in case there are too many bytes. */
static void on_got(void *user, const struct slice *values, size_t n)
{
    struct memory_recall *r = user;
    for (size_t i = n; i-- > 0;) {
        r->memory->hits += values[i].p != NULL;
        r->memory->misses += values[i].p == NULL;
        keep_answer(r, &r->wants[r->left + i], values[i]);
    }
    r->waiting = false;
    if (r->asking)
        return;
    list_del(&r->link);
    turn_mark(r->memory->turn, r->item);
}

static void give_up(struct memory_recall *r)
{
    struct memory *m = r->memory;
    m->shared->ops->forget(m->shared, r);
    list_del(&r->link);
    r->waiting = false;
}

static void on_tick(uv_timer_t *timer)
{
    struct memory *m = timer->data;
    for (struct list *i = m->waiting.next, *next; i != &m->waiting; i = next) {
        struct memory_recall *r = LIST_ENTRY(i, struct memory_recall, link);
        next = i->next;
        if (r->deadline > turn_now(m->turn))
            continue;
        give_up(r);
        r->late = true;
        m->late++;
        turn_mark(m->turn, r->item);
    }
    if (list_empty(&m->waiting))
        uv_timer_stop(timer);
}

static void wait_for_answer(struct memory_recall *r)
{
    struct memory *m = r->memory;
    if (list_empty(&m->waiting))
        uv_timer_start(&m->timer, on_tick, TICK_MS, TICK_MS);
    list_add(&m->waiting, &r->link);
}

/* For the last of those that nobody asked for yet: the end of a conversation matters most. */
static void ask(struct memory_recall *r)
{
    struct memory *m = r->memory;
    struct slice keys[SHARED_KEYS_MAX];
    size_t n = r->left < SHARED_KEYS_MAX ? r->left : SHARED_KEYS_MAX;
    r->left -= n;
    for (size_t i = 0; i < n; i++)
        keys[i] = key_of(r->scope, r->wants[r->left + i].id, m->keys[i]);
    r->waiting = r->asking = true;
    m->shared->ops->get(m->shared, keys, n, r->ttl_ms, turn_now(m->turn), on_got, r);
    r->asking = false;
    if (r->waiting)
        wait_for_answer(r);
}

/* ---- putting back -------------------------------------------------------------------------- */

static void drop_thoughts(struct llm_message *m)
{
    for (struct llm_block **at = &m->blocks; *at;)
        if ((*at)->kind == LLM_REASONING)
            *at = (*at)->next;
        else
            at = &(*at)->next;
}

static void put_in_front(struct llm_message *m, struct llm_block *blocks)
{
    struct llm_block *last = blocks;
    while (last->next)
        last = last->next;
    last->next = m->blocks;
    m->blocks = blocks;
}

/* Some clients write the parallel calls of one turn as a message each: the turn's thinking goes in
 * front of the first. */
static void put_back(struct memory_recall *r)
{
    struct slice turn = {0};
    for (size_t i = 0; i < r->count; i++) {
        struct thinking *t = &r->wants[i].found;
        if (t->blocks && !slice_eq(t->turn, turn)) {
            drop_thoughts(r->wants[i].message);
            put_in_front(r->wants[i].message, t->blocks);
            turn = t->turn;
        }
    }
    r->count = 0;
}

bool memory_recall_step(struct memory_recall *r)
{
    while (!r->waiting && r->left && !r->late)
        ask(r);
    if (r->waiting)
        return false;
    put_back(r);
    return true;
}

void memory_recall_cancel(struct memory_recall *r)
{
    if (r->waiting)
        give_up(r);
    r->count = r->left = 0;
}
