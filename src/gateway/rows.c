/* Rows of the database, cached; see rows.h.
 *
 * Happy path: an entry is found by kind and id, and young enough. Else a job asks the database;
 * when it is over the entry has a row, or is known to have none, and whoever waits is marked and
 * asks again.
 *
 * Failure modes: a database that is away leaves the old row in use, and those who wait without
 * one are told; a change that is told while a question is under way has it asked again. */

#include "rows.h"

#include "affinity.h"
#include "base/log.h"
#include "callback_vars.h"
#include "io/clock.h"
#include "rows_ask.h"
#include "state/spend.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS   8192 /* a power of two */
#define RETRY_MS  1000 /* after a question that the database did not answer */
#define SAY_MAX   (GOSSIP_MESSAGE_MAX - 1024)
#define NAME_SIZE 17

struct entry {
    struct list link;  /* of known or unknown */
    struct list chain; /* of its bucket */
    struct list waiting;
    struct rows *rows;
    enum row_kind kind;
    struct slice id;       /* behind the entry */
    struct row *row;       /* NULL: there is none, or nobody knows */
    bool loaded;           /* the database said which */
    bool away;             /* it did not answer the last question */
    bool again;            /* the row changed while it was asked for */
    bool changed;          /* the row is known to be another by now */
    bool unsure;           /* its spend was on its way to the database when it was asked */
    int64_t at;            /* ms, turn time: asked last with success … */
    int64_t tried;         /* … or at all */
    int64_t heard_at;      /* ms, turn time: others spent */
    double before;         /* USD: spend when the question under way was asked */
    double spent;          /* USD: since the last question, as far as is known here */
    uint64_t handed;       /* requests that this process had handed to the store when it spent */
    double reserved;       /* USD: by requests under way */
    int64_t period_asked;  /* unix ms: end of the period that was asked to end; 0: none was */
    struct store_job *job; /* NULL: no question is under way */
};

struct ring {
    struct list head; /* the oldest first */
    size_t count;
};

struct rows {
    struct turn *turn;
    struct store *store;
    struct gossip *gossip;
    struct arena kept; /* the salt key */
    struct slice salt_key;
    struct rows_options options;
    uint64_t seed;
    struct ring known, unknown; /* with a row, and without */
    int64_t distrust;           /* ms, turn time: what was asked until then may have changed */
    struct list buckets[BUCKETS];
    char name[NAME_SIZE];  /* of this process, among those that it talks to */
    struct turn_item item; /* to say what was spent … */
    struct buf words;      /* … of this turn: the members of its list */
    struct arena arena;    /* of what is heard */
};

/* ---- entries --------------------------------------------------------------------------------- */

static struct list *bucket_of(struct rows *r, enum row_kind kind, struct slice id)
{
    return &r->buckets[affinity_hash(r->seed + kind, id) & (BUCKETS - 1)];
}

static struct entry *find(struct rows *r, enum row_kind kind, struct slice id)
{
    struct list *bucket = bucket_of(r, kind, id);
    for (struct list *l = bucket->next; l != bucket; l = l->next) {
        struct entry *e = LIST_ENTRY(l, struct entry, chain);
        if (e->kind == kind && slice_eq(e->id, id))
            return e;
    }
    return NULL;
}

static struct entry *entry_of(const struct rows *r, const struct row *row)
{
    struct rows *mine = (struct rows *)(uintptr_t)r; /* to look into its buckets */
    return find(mine, row->kind, row->id);
}

/* Where it belongs, as the youngest. */
static void enlist(struct entry *e)
{
    struct ring *ring = e->row ? &e->rows->known : &e->rows->unknown;
    list_add(&ring->head, &e->link);
    ring->count++;
}

static void unlist(struct entry *e)
{
    struct ring *ring = e->row ? &e->rows->known : &e->rows->unknown;
    list_del(&e->link);
    ring->count--;
}

static struct entry *add(struct rows *r, enum row_kind kind, struct slice id)
{
    struct entry *e = calloc(1, sizeof(*e) + id.n);
    if (!e)
        abort();
    char *text = (char *)(e + 1);
    if (id.n)
        memcpy(text, id.p, id.n);
    e->rows = r;
    e->kind = kind;
    e->id = slice_make(text, id.n);
    list_init(&e->waiting);
    list_add(bucket_of(r, kind, id), &e->chain);
    enlist(e);
    return e;
}

static void wake(struct entry *e)
{
    struct list *l;
    while ((l = list_pop(&e->waiting))) {
        struct rows_wait *wait = LIST_ENTRY(l, struct rows_wait, link);
        turn_mark(e->rows->turn, wait->item);
        wait->item = NULL;
    }
}

/* Who waits for it asks again. */
static void drop(struct entry *e)
{
    wake(e);
    unlist(e);
    list_del(&e->chain);
    if (e->job)
        store_job_abandon(e->job);
    row_unref(e->row);
    free(e);
}

static void drop_oldest(struct ring *ring, size_t most)
{
    for (struct list *l = ring->head.next, *next; ring->count > most; l = next) {
        next = l->next;
        drop(LIST_ENTRY(l, struct entry, link));
    }
}

/* ---- what was spent -------------------------------------------------------------------------- */

static double spend_of(const struct entry *e)
{
    double told = e->row ? e->row->spend : 0;
    return (e->job ? e->before : told) + e->spent;
}

/* Of what this process spent of it. */
static bool is_on_its_way(const struct entry *e)
{
    struct store_stats s;
    store_stats(e->rows->store, &s);
    return s.spend_settled < e->handed;
}

static bool is_unsure(const struct entry *e)
{
    const struct rows *r = e->rows;
    bool heard = e->heard_at && turn_now(r->turn) - e->heard_at < r->options.settle_ms;
    return heard || is_on_its_way(e);
}

/* Requests that were on their way when it was asked may be in the number or not: it does not fall
 * by that, unless the budget's period ended, or somebody set it back. */
static double missing(const struct entry *e, const struct row *old, const struct row *new)
{
    double gap = e->before - new->spend;
    bool same = old && old->reset_at == new->reset_at &&new->spend >= old->spend;
    return e->unsure && same && gap > 0 ? gap : 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static void take(struct entry *e, struct row *row)
{
    struct row *old = e->row;
    unlist(e);
    e->loaded = true;
    e->changed = false;
    e->period_asked = 0;
    e->at = e->tried;
    e->row = row;
    if (row)
        e->spent += missing(e, old, row);
    enlist(e);
    row_unref(old);
}

static void on_answer(void *user, struct store_job *job);

static void ask(struct entry *e)
{
    struct rows *r = e->rows;
    struct store_job *job = store_job_new(r->store);
    e->tried = turn_now(r->turn);
    e->again = false;
    if (!rows_question(job, e->kind, e->id, clock_unix_ms())) {
        store_job_free(job);
        take(e, NULL);
        return;
    }
    e->before = spend_of(e);
    e->spent = 0;
    e->unsure = is_unsure(e);
    e->job = job;
    store_submit(job, on_answer, e);
}

/* As if it had not been asked. */
static void take_back(struct entry *e)
{
    e->spent = spend_of(e) - (e->row ? e->row->spend : 0);
    e->job = NULL;
}

static void on_answer(void *user, struct store_job *job)
{
    struct entry *e = user;
    bool answered = store_job_status(job) == STORE_OK;
    e->away = !answered;
    if (answered && !e->again) {
        e->job = NULL;
        struct row *row = rows_answer(job, e->kind, e->id, clock_unix_ms());
        if (row)
            row->logging = callback_vars_open(e->rows->salt_key, row->logging, &row->arena);
        take(e, row);
    } else {
        take_back(e);
        if (answered)
            ask(e);
    }
    store_job_free(job);
    if (!e->job)
        wake(e);
}

static int64_t life_of(const struct entry *e)
{
    int64_t ttl = e->rows->options.ttl_ms;
    return e->row || ttl < ROWS_UNKNOWN_MS ? ttl : ROWS_UNKNOWN_MS;
}

static bool is_young(const struct entry *e, int64_t now)
{
    return e->loaded && !e->changed && e->at > e->rows->distrust && now - e->at < life_of(e);
}

static bool has_budget(const struct row *r)
{
    return r->budget >= 0 || r->soft >= 0 || r->kind == ROW_TALLY || r->budget_id.n;
}

/* Read again ahead of its end, so that nobody has to wait. */
static bool is_ripe(const struct entry *e, int64_t now)
{
    int64_t half = life_of(e) / 2;
    bool soon = e->row && has_budget(e->row) && half > ROWS_BUDGET_MS;
    return e->row && now - e->at >= (soon ? ROWS_BUDGET_MS : half);
}

static void ask_if_due(struct entry *e, int64_t now)
{
    if (!e->job && (!e->away || now - e->tried >= RETRY_MS))
        ask(e);
}

static void wait_for(struct entry *e, struct rows_wait *wait, struct turn_item *item)
{
    if (!wait)
        return;
    wait->item = item;
    list_add(&e->waiting, &wait->link);
}

/* ---- periods --------------------------------------------------------------------------------- */

/* Somebody else was faster: fine. */
static void on_period(void *user, struct store_job *job)
{
    if (store_job_status(job) != STORE_OK && store_job_status(job) != STORE_CONFLICT)
        log_warn("a budget could not begin anew: %s", store_job_error(job));
    store_job_free(job);
}

static void begin_period(struct entry *e, int64_t now)
{
    struct store_job *job = store_job_new(e->rows->store);
    e->period_asked = e->row->reset_at;
    if (rows_begin_period(job, e->row, now))
        store_submit(job, on_period, NULL);
    else
        store_job_free(job);
}

/* A tally knows by itself. */
static void begin_tally(struct entry *e, int64_t now)
{
    unlist(e);
    row_unref(e->row);
    e->row = row_new_tally(e->id, 0, rows_tally_end(e->id, now));
    e->spent = 0;
    enlist(e);
}

static void look_at_period(struct entry *e)
{
    const struct row *k = e->row;
    int64_t now;
    if (!k || !k->reset_at || e->period_asked == k->reset_at)
        return;
    now = clock_unix_ms();
    if (now < k->reset_at)
        return;
    if (k->kind == ROW_TALLY)
        begin_tally(e, now);
    else if (!e->rows->options.keep_periods)
        begin_period(e, now);
}

/* ---- getting --------------------------------------------------------------------------------- */

static enum rows_state answer(struct entry *e, struct row **row)
{
    look_at_period(e);
    if (e->row)
        *row = row_ref(e->row);
    return e->row ? ROWS_FOUND : ROWS_UNKNOWN;
}

/* Without a database, or while it cannot say, tallies count from now on. */
static enum rows_state count_alone(struct entry *e, struct row **row)
{
    if (!e->row && e->kind == ROW_TALLY)
        begin_tally(e, clock_unix_ms());
    return answer(e, row);
}

enum rows_state rows_get(struct rows *r, enum row_kind kind, struct slice id,
                         struct rows_wait *wait, struct turn_item *item, struct row **row)
{
    int64_t now = turn_now(r->turn);
    struct entry *e;
    drop_oldest(&r->known, r->options.most);
    drop_oldest(&r->unknown, ROWS_UNKNOWN_MAX);
    e = find(r, kind, id);
    if (!e)
        e = add(r, kind, id);
    if (!r->store)
        return count_alone(e, row);
    if (is_young(e, now)) {
        if (is_ripe(e, now))
            ask_if_due(e, now);
        return answer(e, row);
    }
    ask_if_due(e, now);
    if (e->row && !e->changed && (e->away || !store_is_up(r->store)))
        return answer(e, row);
    if (!e->job && e->loaded && is_young(e, now))
        return answer(e, row);
    if (!e->job)
        return kind == ROW_TALLY ? count_alone(e, row) : ROWS_AWAY;
    wait_for(e, wait, item);
    return ROWS_COMING;
}

bool rows_have_database(const struct rows *r)
{
    return r && r->store;
}

void rows_leave(struct rows_wait *wait)
{
    if (wait->item)
        list_del(&wait->link);
    wait->item = NULL;
}

bool rows_fresh(struct rows *r, const struct row *row, int64_t ms, struct rows_wait *wait,
                struct turn_item *item)
{
    struct entry *e = entry_of(r, row);
    int64_t now = turn_now(r->turn);
    if (!e || !r->store || (e->at && now - e->at < ms))
        return true;
    ask_if_due(e, now);
    if (!e->job || e->away)
        return true;
    wait_for(e, wait, item);
    return false;
}

bool rows_sure(const struct rows *r, const struct row *row, int64_t ms)
{
    const struct entry *e = entry_of(r, row);
    return !r->store || (e && e->at && turn_now(r->turn) - e->at < ms);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void forget(struct entry *e)
{
    e->changed = true;
    e->again = e->job != NULL;
}

static void forget_row(struct rows *r, enum row_kind kind, struct slice id)
{
    struct entry *e = find(r, kind, id);
    if (e)
        forget(e);
}

static void forget_ring(struct ring *ring, bool (*concerned)(const struct entry *e))
{
    for (struct list *l = ring->head.next; l != &ring->head; l = l->next) {
        struct entry *e = LIST_ENTRY(l, struct entry, link);
        if (concerned(e))
            forget(e);
    }
}

static bool is_member(const struct entry *e)
{
    return e->kind == ROW_MEMBER;
}

/* Whose spend may have begun anew with a budget's period. */
static bool is_held_by_budget(const struct entry *e)
{
    return e->kind == ROW_BUDGET || (e->row && e->row->budget_id.n);
}

static void on_change(void *user, enum store_table_id table, struct slice key)
{
    struct rows *r = user;
    if (!key.n)
        r->distrust = turn_now(r->turn);
    if (table == TABLE_TEAM_MEMBERSHIP || table == TABLE_TEAM_TABLE) {
        forget_ring(&r->known, is_member);
        forget_ring(&r->unknown, is_member);
    } else if (table == TABLE_BUDGET_TABLE) {
        forget_ring(&r->known, is_held_by_budget);
        forget_ring(&r->unknown, is_held_by_budget);
    }
    for (enum row_kind kind = 0; key.n && kind < ROW_KINDS; kind++)
        if (rows_table(kind) == table)
            forget_row(r, kind, key);
}

/* ---- what is said and heard ------------------------------------------------------------------ */

static void say(struct turn_item *item)
{
    struct rows *r = LIST_ENTRY(item, struct rows, item);
    struct buf message;
    struct json_writer w;
    buf_init(&message, GOSSIP_MESSAGE_MAX - 1);
    json_begin(&w, &message);
    json_object(&w);
    json_member_string(&w, "from", slice_of(r->name));
    json_key(&w, "spent");
    json_array(&w);
    json_raw(&w, buf_slice(&r->words));
    json_array_end(&w);
    json_object_end(&w);
    gossip_say(r->gossip, GOSSIP_SPENT, buf_slice(&message));
    buf_fini(&message);
    buf_reset(&r->words);
}

static void note_word(struct rows *r, enum row_kind kind, struct slice id, double usd)
{
    struct json_writer w;
    if (r->words.n > SAY_MAX) /* what is not said is read in the database */
        return;
    if (r->words.n)
        buf_add_char(&r->words, ',');
    json_begin(&w, &r->words);
    json_array(&w);
    json_integer(&w, kind);
    json_string(&w, id);
    json_number(&w, usd);
    json_array_end(&w);
    turn_mark(r->turn, &r->item);
}

static void hear_word(struct rows *r, yyjson_val *word)
{
    int64_t kind;
    double usd;
    struct entry *e;
    if (!json_int(yyjson_arr_get(word, 0), &kind) || kind < 0 || kind >= ROW_KINDS ||
        !json_double(yyjson_arr_get(word, 2), &usd))
        return;
    e = find(r, (enum row_kind)kind, json_slice(yyjson_arr_get(word, 1)));
    if (!e)
        return;
    e->spent += usd;
    e->heard_at = turn_now(r->turn);
}

static void on_heard(void *ctx, struct slice body)
{
    struct rows *r = ctx;
    yyjson_val *root = json_parse(body, &r->arena, NULL), *word;
    yyjson_arr_iter it = yyjson_arr_iter_with(json_get(root, "spent"));
    bool others = !slice_eq(json_get_slice(root, "from"), slice_of(r->name));
    while (others && (word = yyjson_arr_iter_next(&it)))
        hear_word(r, word);
    arena_fini(&r->arena);
}

double rows_spend(const struct rows *r, const struct row *row)
{
    const struct entry *e = entry_of(r, row);
    return e && e->row ? spend_of(e) : row->spend;
}

double rows_reserved(const struct rows *r, const struct row *row)
{
    const struct entry *e = entry_of(r, row);
    return e && e->reserved > 0 ? e->reserved : 0;
}

static uint64_t handed_in(const struct rows *r)
{
    struct store_stats s = {0};
    if (r->store)
        store_stats(r->store, &s);
    return s.spend_taken;
}

void rows_spent(struct rows *r, enum row_kind kind, struct slice id, double usd)
{
    struct entry *e = find(r, kind, id);
    if (e) {
        e->spent += usd;
        e->handed = handed_in(r);
    }
    if (usd > 0)
        note_word(r, kind, id, usd);
}

void rows_hold(struct rows *r, enum row_kind kind, struct slice id, double usd)
{
    struct entry *e = find(r, kind, id);
    if (e)
        e->reserved += usd;
}

struct slice rows_tally_id(struct arena *a, const char *scope, struct slice name,
                           struct slice model, struct slice period)
{
    return ARENA_JOIN(a, slice_of(scope), SLICE("\n"), model, SLICE("\n"), period, SLICE("\n"),
                      name);
}

/* ---- all of it ------------------------------------------------------------------------------- */

static struct rows_options complete(const struct rows_options *o)
{
    struct rows_options all = *o;
    if (!all.ttl_ms)
        all.ttl_ms = ROWS_TTL_MS;
    if (!all.most)
        all.most = ROWS_MAX;
    return all;
}

struct rows *rows_new(struct turn *t, struct store *s, struct gossip *g,
                      const struct rows_options *o)
{
    struct rows *r = calloc(1, sizeof(*r));
    uint64_t name;
    if (!r)
        abort();
    r->turn = t;
    r->store = s;
    r->gossip = g;
    r->options = complete(o);
    arena_init(&r->kept);
    r->distrust = -1;
    random_bytes(&r->seed, sizeof(r->seed));
    random_bytes(&name, sizeof(name));
    hex_encode((const uint8_t *)&name, sizeof(name), r->name);
    list_init(&r->known.head);
    list_init(&r->unknown.head);
    for (size_t i = 0; i < BUCKETS; i++)
        list_init(&r->buckets[i]);
    buf_init(&r->words, GOSSIP_MESSAGE_MAX);
    arena_init(&r->arena);
    turn_item_init(&r->item, say);
    gossip_register(g, GOSSIP_SPENT, on_heard, r);
    if (s)
        store_watch(s, on_change, r);
    return r;
}

void rows_set_salt_key(struct rows *r, struct slice key)
{
    if (!r || slice_eq(r->salt_key, key))
        return;
    arena_fini(&r->kept);
    arena_init(&r->kept);
    r->salt_key = arena_dup(&r->kept, key);
}

void rows_free(struct rows *r)
{
    if (!r)
        return;
    if (r->store)
        store_unwatch(r->store, r);
    gossip_register(r->gossip, GOSSIP_SPENT, NULL, NULL);
    turn_unmark(&r->item);
    drop_oldest(&r->known, 0);
    drop_oldest(&r->unknown, 0);
    buf_fini(&r->words);
    arena_fini(&r->kept);
    free(r);
}
