/* The cache of AWS credentials.
 *
 * Happy path: `look` starts a fetch for each identity that is wanted; its end fills the entry,
 * wakes who waits and sets the time of the renewal; a timer looks for entries that are due. A
 * role's fetch waits for its source's entry like a request.
 *
 * Failure modes: a fetch that fails leaves what is still valid in force and is tried again, later
 * and later; an entry without anything is only tried again when somebody asks. What AWS refuses is
 * got anew, but not for every refusal. The clock of the machine may be put right by an answer of
 * AWS; times of expiry are AWS's. */

#include "credentials.h"

#include "aws/flow.h"
#include "base/log.h"
#include "credentials_fetch.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <time.h>

#define LOOK_MS       30000 /* at least so often: a machine may have slept */
#define LOOK_LEAST_MS 100
#define MARGIN_S      5                   /* credentials are not used in their last seconds */
#define SHORT_S       (2 * AWS_REFRESH_S) /* such are renewed at half-time */
#define JITTER_S      60                  /* workers and machines should not all come at once */

struct entry {
    struct list link; /* credentials.entries */
    struct credentials *owner;
    struct arena arena; /* of the identity */
    const struct aws_identity *identity;
    bool wanted; /* by the configuration in force */

    struct arena found_arena;
    bool found; /* there are credentials, valid or not */
    struct aws_credentials credentials;
    int64_t expires;    /* unix seconds; 0: never */
    int64_t renew_at;   /* unix seconds; 0: never */
    int64_t refused_at; /* ms, turn time; 0: never */

    struct arena error_arena;
    const char *error; /* of the last fetch; NULL: it went well */
    bool transient;
    int64_t retry_at;  /* ms, turn time: not before */
    unsigned failures; /* one after the other */

    struct credentials_fetch *fetch; /* NULL: none is running */
    struct list waiters;
};

struct credentials {
    struct turn *turn;
    struct upstream *upstream;
    struct list entries;
    unsigned fetches; /* that run */
    int64_t ahead;    /* of the machine's clock, seconds */
    struct turn_item item;
    uv_timer_t timer;
};

int64_t credentials_now(const struct credentials *c)
{
    return time(NULL) + c->ahead;
}

void credentials_set_now(struct credentials *c, int64_t now)
{
    c->ahead = now - time(NULL);
    log_warn("the clock of this machine is %lld seconds off: signatures go by the clock of AWS",
             (long long)-c->ahead);
}

/* ---- entries ------------------------------------------------------------------------------- */

static struct entry *find_entry(const struct credentials *c, struct slice key)
{
    for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
        struct entry *e = LIST_ENTRY(l, struct entry, link);
        if (slice_eq(e->identity->key, key))
            return e;
    }
    return NULL;
}

static struct entry *entry_of(struct credentials *c, const struct aws_identity *id)
{
    struct entry *e = find_entry(c, id->key);
    if (e)
        return e;
    e = calloc(1, sizeof(*e));
    if (!e)
        abort();
    e->owner = c;
    arena_init(&e->arena);
    arena_init(&e->found_arena);
    arena_init(&e->error_arena);
    list_init(&e->waiters);
    e->identity = aws_identity_copy(id, &e->arena);
    list_add(&c->entries, &e->link);
    return e;
}

static void wake(struct entry *e)
{
    struct list *link;
    while ((link = list_pop(&e->waiters))) {
        struct credentials_wait *w = LIST_ENTRY(link, struct credentials_wait, link);
        turn_mark(e->owner->turn, w->item);
        w->item = NULL;
    }
}

/* Out of its list already. */
static void entry_free(struct entry *e)
{
    if (e->fetch) {
        credentials_fetch_cancel(e->fetch);
        e->owner->fetches--;
    }
    wake(e);
    arena_fini(&e->arena);
    arena_fini(&e->found_arena);
    arena_fini(&e->error_arena);
    free(e);
}

static bool is_valid(const struct entry *e, int64_t now)
{
    return e->found && (!e->expires || now + MARGIN_S < e->expires);
}

static bool is_due(const struct entry *e, int64_t now)
{
    return !e->found || (e->renew_at && now >= e->renew_at);
}

/* ---- fetching ------------------------------------------------------------------------------ */

static void look_soon(struct credentials *c)
{
    turn_mark(c->turn, &c->item);
}

static int64_t renewal(int64_t expires, int64_t now)
{
    uint32_t random;
    int64_t left = expires - now;
    if (!expires)
        return 0;
    if (left < SHORT_S)
        return now + (left > 2 ? left / 2 : 1);
    random_bytes(&random, sizeof(random));
    return expires - AWS_REFRESH_S - random % JITTER_S;
}

static void take_found(struct entry *e, const struct aws_flow *flow)
{
    int64_t now = credentials_now(e->owner);
    struct arena *a = &e->found_arena;
    arena_fini(a);
    arena_init(a);
    e->credentials = (struct aws_credentials){arena_dup(a, flow->found.access_key_id),
                                              arena_dup(a, flow->found.secret_access_key),
                                              arena_dup(a, flow->found.session_token)};
    e->found = true;
    e->expires = flow->expires;
    e->renew_at = renewal(flow->expires, now);
    e->error = NULL;
    e->failures = 0;
    e->retry_at = 0;
    if (e->expires)
        log_info("AWS credentials (%s): valid for %lld seconds", e->identity->name,
                 (long long)(e->expires - now));
    else
        log_info("AWS credentials (%s): they do not expire", e->identity->name);
}

static void take_failure(struct entry *e, const struct aws_flow *flow)
{
    int64_t now = credentials_now(e->owner), wait = CREDENTIALS_RETRY_MS;
    for (unsigned i = 0; i < e->failures && wait < CREDENTIALS_RETRY_MAX_MS; i++)
        wait *= 2;
    wait = wait < CREDENTIALS_RETRY_MAX_MS ? wait : CREDENTIALS_RETRY_MAX_MS;
    arena_fini(&e->error_arena);
    arena_init(&e->error_arena);
    e->error = arena_strdup(&e->error_arena, flow->error);
    e->transient = flow->transient;
    e->failures++;
    e->retry_at = turn_now(e->owner->turn) + wait;
    if (is_valid(e, now))
        log_warn("AWS credentials (%s) are not renewed: %s; the old ones are valid for %lld "
                 "seconds",
                 e->identity->name, e->error, (long long)(e->expires ? e->expires - now : 0));
    else
        log_error("AWS credentials (%s): %s", e->identity->name, e->error);
}

/* By the clock of whoever gave the credentials they are valid; ours may be off. */
static void take_clock(struct credentials *c, const struct aws_flow *flow)
{
    int64_t off = flow->now - credentials_now(c);
    if (flow->set_clock && !flow->failed && (off >= AWS_CLOCK_OFF_S || off <= -AWS_CLOCK_OFF_S))
        credentials_set_now(c, flow->now);
}

static void on_over(void *user, const struct aws_flow *flow)
{
    struct entry *e = user;
    e->fetch = NULL;
    e->owner->fetches--;
    take_clock(e->owner, flow);
    if (flow->failed)
        take_failure(e, flow);
    else if (flow->expires && flow->expires <= credentials_now(e->owner) + MARGIN_S)
        take_failure(
            e, &(struct aws_flow){.error = SLICE("the credentials it gives have expired already"),
                                  .transient = true});
    else
        take_found(e, flow);
    wake(e);
    look_soon(e->owner);
}

static void fetch(struct entry *e)
{
    struct credentials *c = e->owner;
    c->fetches++;
    e->fetch = credentials_fetch_start(&(struct credentials_fetch_job){
        .credentials = c,
        .turn = c->turn,
        .upstream = c->upstream,
        .identity = e->identity,
        .over = on_over,
        .user = e,
    });
}

static bool may_fetch(const struct entry *e)
{
    return !e->fetch && turn_now(e->owner->turn) >= e->retry_at;
}

/* ---- renewal in the background ------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    look_soon(timer->data);
}

static bool was_never_asked(const struct entry *e)
{
    return !e->found && !e->error;
}

/* When an entry is to be looked at again, in milliseconds. One that failed is left to whoever asks.
 */
static int64_t look_at(struct entry *e)
{
    struct credentials *c = e->owner;
    bool first = was_never_asked(e);
    if (!e->wanted || e->fetch || (!first && (!e->found || !e->renew_at)))
        return LOOK_MS;
    int64_t due = first ? 0 : (e->renew_at - credentials_now(c)) * 1000;
    int64_t retry = e->retry_at - turn_now(c->turn);
    if (due <= 0 && retry <= 0 && c->fetches < CREDENTIALS_FLOWS_MAX) {
        fetch(e);
        return LOOK_MS;
    }
    int64_t wait = due > retry ? due : retry;
    return wait < LOOK_LEAST_MS ? LOOK_LEAST_MS : wait;
}

static void look(struct turn_item *item)
{
    struct credentials *c = LIST_ENTRY(item, struct credentials, item);
    int64_t wait = LOOK_MS;
    for (struct list *l = c->entries.next; l != &c->entries; l = l->next) {
        int64_t ms = look_at(LIST_ENTRY(l, struct entry, link));
        wait = ms < wait ? ms : wait;
    }
    uv_timer_start(&c->timer, on_timer, (uint64_t)wait, 0);
}

/* ---- the configuration --------------------------------------------------------------------- */

static bool is_fetched(const struct aws_identity *id)
{
    return id && id->kind != AWS_KEYS && id->kind != AWS_NOBODY;
}

static void forget_unwanted(struct credentials *c)
{
    for (struct list *l = c->entries.next, *next; l != &c->entries; l = next) {
        struct entry *e = LIST_ENTRY(l, struct entry, link);
        next = l->next;
        if (e->wanted || !list_empty(&e->waiters))
            continue;
        list_del(l);
        entry_free(e);
    }
}

/* Sources are wanted too: a role that is renewed needs them. */
static void want(struct credentials *c, const struct aws_identity *id)
{
    for (; id; id = id->source)
        if (is_fetched(id))
            entry_of(c, id)->wanted = true;
}

void credentials_adopt(struct credentials *c, const struct config *config)
{
    for (struct list *l = c->entries.next; l != &c->entries; l = l->next)
        LIST_ENTRY(l, struct entry, link)->wanted = false;
    for (size_t i = 0; i < config->deployment_count; i++)
        want(c, config->deployments[i].identity);
    for (size_t i = 0; i < config->guards.n; i++)
        if (config->guards.v[i].at)
            want(c, config->guards.v[i].at->identity);
    want(c, config->callbacks.s3_identity);
    forget_unwanted(c);
    look_soon(c);
}

/* ---- asking -------------------------------------------------------------------------------- */

static struct credentials_answer fixed_answer(const struct aws_identity *id)
{
    if (id->kind == AWS_KEYS)
        return (struct credentials_answer){.state = CREDENTIALS_READY, .credentials = id->keys};
    return (struct credentials_answer){.state = CREDENTIALS_NONE, .error = id->tried};
}

struct credentials_answer credentials_get(struct credentials *c, const struct aws_identity *id,
                                          struct credentials_wait *wait, struct turn_item *item)
{
    if (!is_fetched(id))
        return fixed_answer(id);
    struct entry *e = entry_of(c, id);
    int64_t now = credentials_now(c);
    if (is_due(e, now) && may_fetch(e))
        fetch(e);
    if (is_valid(e, now))
        return (struct credentials_answer){
            .state = CREDENTIALS_READY, .credentials = e->credentials, .expires = e->expires};
    if (!e->fetch)
        return (struct credentials_answer){
            .state = CREDENTIALS_NONE, .error = e->error, .transient = e->transient};
    if (!wait->item) {
        list_init(&wait->link);
        list_add(&e->waiters, &wait->link);
    }
    wait->item = item;
    return (struct credentials_answer){.state = CREDENTIALS_COMING};
}

void credentials_leave(struct credentials_wait *wait)
{
    if (wait->item)
        list_del(&wait->link);
    wait->item = NULL;
}

bool credentials_refuse(struct credentials *c, const struct aws_identity *id,
                        struct slice access_key_id)
{
    struct entry *e = is_fetched(id) ? find_entry(c, id->key) : NULL;
    int64_t now = turn_now(c->turn);
    if (!e)
        return false;
    if (!e->found || !slice_eq(e->credentials.access_key_id, access_key_id))
        return true; /* others are there already, or coming */
    if (e->refused_at && now - e->refused_at < CREDENTIALS_REFUSED_MS)
        return false;
    log_warn("AWS credentials (%s): AWS does not accept them any more", e->identity->name);
    e->refused_at = now;
    e->found = false;
    return true;
}

/* ---- life ---------------------------------------------------------------------------------- */

struct credentials *credentials_new(struct turn *t, struct upstream *u)
{
    struct credentials *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->turn = t;
    c->upstream = u;
    list_init(&c->entries);
    turn_item_init(&c->item, look);
    uv_timer_init(t->loop, &c->timer);
    uv_unref((uv_handle_t *)&c->timer);
    c->timer.data = c;
    return c;
}

static void on_closed(uv_handle_t *timer)
{
    free(timer->data);
}

void credentials_free(struct credentials *c)
{
    if (!c)
        return;
    for (struct list *l = c->entries.next, *next; l != &c->entries; l = next) {
        next = l->next;
        entry_free(LIST_ENTRY(l, struct entry, link));
    }
    list_init(&c->entries);
    turn_unmark(&c->item);
    uv_close((uv_handle_t *)&c->timer, on_closed);
}
