/* The shared state on a Redis.
 *
 * Happy path: an op makes a question (redis_question.h) and sends it (ask); the reply answers the
 * caller (on_reply) and the question is gone.
 *
 * Failure modes: no reply within the patience (on_timer), an error, or the end of the connection:
 * the question is answered without Redis, once (redis_alone.c), and is kept until its reply comes
 * or will never come. What says that Redis cannot serve makes it away (redis_away.c): from then on
 * nothing is sent but a probe, whose success is the return. */

#include "base/log.h"
#include "redis_clear.h"
#include "shared_redis_private.h"
#include "wire/crypto.h"

#include <stdio.h>
#include <stdlib.h>

#define REASON_MAX  256
#define SECOND_LOOK 1 /* ms: what has come meanwhile is read before anything counts as late */
#define SEEN_BYTES  ((size_t)8 * 1024 * 1024)
#define NS_PER_US   1000
#define RANDOM_IDS  UINT64_C(0x7fffffffffff) /* leaves room to count up within an int64_t */

static struct shared_redis *of(struct shared *s)
{
    return LIST_ENTRY(s, struct shared_redis, shared);
}

static void on_nothing(void *user, int64_t n)
{
}

static void on_reply(void *user, const struct redisReply *reply);

static bool send_question(struct shared_redis *r, struct question *q)
{
    q->sent_at = uv_hrtime();
    q->unsent = !question_send(q, r->redis, slice_of(r->token), on_reply);
    r->stats.asked += !q->unsent;
    return !q->unsent;
}

void redis_send_waiting(struct shared_redis *r)
{
    for (struct list *l = r->open.next, *next; l != &r->open; l = next) {
        struct question *q = LIST_ENTRY(l, struct question, link);
        next = l->next;
        if (q->unsent)
            send_question(r, q);
    }
}

/* ---- replies -------------------------------------------------------------------------------- */

static bool take_reserved(struct shared_redis *r, struct question *q,
                          const struct redisReply *reply)
{
    struct shared_state states[SHARED_ASKS_MAX];
    struct shared_answer answer = {.states = states, .n = q->n};
    if (!question_states(q, reply, states, &answer.refused))
        return false;
    answer.grant = q->grant;
    redis_note(r, q, states, answer.refused >= 0);
    if (redis_is_answered(q))
        redis_set_right(r, q, answer.refused < 0);
    else
        q->answer.reserved(q->user, &answer);
    return true;
}

static bool take_values(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    struct slice values[SHARED_KEYS_MAX];
    if (redis_count(reply) != q->n)
        return false;
    for (size_t i = 0; i < q->n; i++) {
        const struct redisReply *value = redis_element(reply, i);
        bool there = redis_kind(value) == REDIS_STRING;
        values[i] = there ? redis_text(value) : slice_make(NULL, 0);
        r->stats.hits += there;
        r->stats.misses += !there;
    }
    if (!redis_is_answered(q))
        q->answer.got(q->user, values, q->n);
    return true;
}

/* A claim that nobody waits for any more is given back. */
static bool take_claim(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    bool mine = redis_kind(reply) == REDIS_STRING;
    struct slice key = question_key(q, redis_prefix(r), 0);
    if (!redis_is_answered(q))
        q->answer.done(q->user, mine);
    else if (mine && q->forgotten)
        r->shared.ops->del(&r->shared, &key, 1, redis_now(r), NULL, NULL);
    return true;
}

static bool take_count(struct question *q, const struct redisReply *reply)
{
    bool counted = redis_kind(reply) == REDIS_INTEGER;
    if (counted && !redis_is_answered(q))
        q->answer.done(q->user, redis_integer(reply));
    return counted;
}

static bool take_reply(struct shared_redis *r, struct question *q, const struct redisReply *reply)
{
    switch (q->kind) {
    case ASK_GET: return take_values(r, q, reply);
    case ASK_CLAIM: return take_claim(r, q, reply);
    case ASK_DEL: return take_count(q, reply);
    case ASK_RESERVE: return take_reserved(r, q, reply);
    default: return true;
    }
}

static bool ask_again(struct shared_redis *r, struct question *q, struct slice error)
{
    if (q->whole_script || !slice_starts(error, SLICE("NOSCRIPT")))
        return false;
    q->whole_script = true;
    return question_send(q, r->redis, slice_of(r->token), on_reply);
}

static void end_question(struct shared_redis *r, struct question *q)
{
    if (!redis_is_answered(q) && !r->closed)
        redis_answer_alone(r, q);
    list_del(&q->link);
    question_free(q);
}

static void take_error(struct shared_redis *r, struct question *q, struct slice error)
{
    if (ask_again(r, q, error))
        return;
    r->stats.failed++;
    log_debug("redis: %.*s", SLICE_ARG(error));
    if (!redis_is_of_command(error))
        redis_go_away_for(r, error);
    end_question(r, q);
}

static void count_wait(struct shared_redis *r, const struct question *q)
{
    const struct shared_timer *timer = &r->shared.timer;
    if (!q->sent_at)
        return;
    uint64_t us = (uv_hrtime() - q->sent_at) / NS_PER_US;
    r->stats.answered++;
    r->stats.waited_us += us;
    if (timer->answered)
        timer->answered(timer->ctx, us);
}

static void on_reply(void *user, const struct redisReply *reply)
{
    struct question *q = user;
    struct shared_redis *r = q->owner;
    if (!reply || r->closed) {
        end_question(r, q);
    } else if (redis_kind(reply) == REDIS_ERROR) {
        take_error(r, q, redis_text(reply));
    } else {
        r->late_in_a_row = redis_is_answered(q) ? r->late_in_a_row : 0;
        count_wait(r, q);
        if (take_reply(r, q, reply))
            q->answer.got = NULL;
        else
            r->stats.failed++;
        end_question(r, q);
    }
}

/* Of a put: nobody waits, but an error says how the server is. */
static void on_put(void *user, const struct redisReply *reply)
{
    struct shared_redis *r = user;
    if (!reply || r->closed || redis_kind(reply) != REDIS_ERROR)
        return;
    r->stats.failed++;
    if (!redis_is_of_command(redis_text(reply)))
        redis_go_away_for(r, redis_text(reply));
}

/* ---- patience ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer);

static void arm(struct shared_redis *r)
{
    if (list_empty(&r->open) || uv_is_active((uv_handle_t *)&r->timer))
        return;
    int64_t left = LIST_ENTRY(r->open.next, struct question, link)->deadline - redis_now(r);
    uv_timer_start(&r->timer, on_timer, left > 0 ? (uint64_t)left : 0, 0);
}

/* The first of them should have been answered by then. */
static bool has_late(const struct shared_redis *r, int64_t by)
{
    return !list_empty(&r->open) && LIST_ENTRY(r->open.next, struct question, link)->deadline <= by;
}

static void count_late(struct shared_redis *r, const struct question *q)
{
    r->stats.late++;
    if (r->late_in_a_row++ == 0)
        r->late_since = q->deadline;
}

/* Many at once may be late for one reason, which is over soon. */
static void leave_if_silent(struct shared_redis *r)
{
    char why[REASON_MAX];
    if (r->late_in_a_row < SHARED_REDIS_LATE_MAX ||
        redis_now(r) - r->late_since < SHARED_REDIS_SILENT_MS)
        return;
    snprintf(why, sizeof(why), "%u answers in a row took longer than %u ms", r->late_in_a_row,
             r->patience_ms);
    redis_go_away(r, why);
}

static void answer_late(struct shared_redis *r, int64_t by)
{
    while (has_late(r, by)) {
        struct question *q = LIST_ENTRY(r->open.next, struct question, link);
        if (q != r->probe)
            count_late(r, q);
        redis_give_up(r, q);
    }
    leave_if_silent(r);
}

/* The loop runs timers before it reads, and a process that is busy itself runs them late: nothing
 * counts as late before the loop has read what had come by then. What it was busy for, at most the
 * patience once more, is time that Redis did not have either. */
static void on_timer(uv_timer_t *timer)
{
    struct shared_redis *r = timer->data;
    int64_t now = redis_now(r), over, most = r->patience_ms;
    if (r->looked_at)
        answer_late(r, r->looked_at);
    r->looked_at = has_late(r, now) ? now : 0;
    if (!r->looked_at) {
        arm(r);
        return;
    }
    over = now - LIST_ENTRY(r->open.next, struct question, link)->deadline;
    over = over > most ? most : over < SECOND_LOOK ? SECOND_LOOK : over;
    uv_timer_start(timer, on_timer, (uint64_t)over, 0);
}

void redis_await(struct shared_redis *r, struct question *q)
{
    list_add(&r->open, &q->link);
    arm(r);
}

/* ---- the ops -------------------------------------------------------------------------------- */

/* Takes the question over. */
static void ask(struct shared_redis *r, struct question *q)
{
    q->owner = r;
    q->deadline = redis_now(r) + r->patience_ms;
    q->unsent = !r->told; /* the first connection is about to be made */
    if (!q->unsent && (r->away || !send_question(r, q))) {
        end_question(r, q);
        return;
    }
    redis_await(r, q);
}

/* What nobody waits for is sent whenever there is a connection. */
static void tell(struct shared_redis *r, struct question *q)
{
    q->owner = r;
    if (!question_send(q, r->redis, slice_of(r->token), on_reply))
        question_free(q);
}

static void redis_get(struct shared *s, const struct slice *keys, size_t n, int64_t renew_ms,
                      int64_t now, shared_got *got, void *user)
{
    struct question *q = question_of_keys(ASK_GET, redis_prefix(of(s)), keys, n);
    q->ms = renew_ms;
    q->answer.got = got;
    q->user = user;
    ask(of(s), q);
}

static bool send_words(struct shared_redis *r, const struct slice *words, size_t n)
{
    return !r->away && redis_send(r->redis, words, n, on_put, r);
}

static void redis_put(struct shared *s, struct slice key, struct slice value, int64_t ttl_ms,
                      int64_t now)
{
    struct shared_redis *r = of(s);
    char digits[SLICE_DIGITS];
    bool fits = value.n <= SHARED_REDIS_VALUE_MAX;
    struct question *q = question_of_keys(ASK_GET, redis_prefix(r), &key, 1);
    const struct slice set[] = {SLICE("SET"), q->keys[0], value, SLICE("PX"),
                                slice_digits(ttl_ms, digits)};
    const struct slice unlink[] = {SLICE("UNLINK"), q->keys[0]};
    bool sent = fits && ttl_ms > 0 ? send_words(r, set, 5) : send_words(r, unlink, 2);
    r->stats.dropped += !fits;
    if (!sent && fits)
        r->local->ops->put(r->local, key, value, ttl_ms, now);
    question_free(q);
}

static void redis_del(struct shared *s, const struct slice *keys, size_t n, int64_t now,
                      shared_done *done, void *user)
{
    struct shared_redis *r = of(s);
    struct question *q;
    if (r->away) {
        r->local->ops->del(r->local, keys, n, now, done ? done : on_nothing, user);
        return;
    }
    r->local->ops->del(r->local, keys, n, now, on_nothing, NULL);
    q = question_of_keys(ASK_DEL, redis_prefix(r), keys, n);
    q->answer.done = done;
    q->user = user;
    if (done)
        ask(r, q);
    else
        tell(r, q);
}

static void redis_clear_all(struct shared *s, struct slice prefix, int64_t now, shared_done *done,
                            void *user)
{
    struct shared_redis *r = of(s);
    bool away = r->away;
    r->local->ops->clear(r->local, prefix, now, away && done ? done : on_nothing, user);
    if (away)
        return;
    struct question *q = question_of_keys(ASK_GET, redis_prefix(r), &prefix, 1);
    redis_clear_start(&r->clearing, r->redis, q->keys[0], done ? done : on_nothing, user);
    question_free(q);
}

static void redis_claim(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now,
                        shared_done *done, void *user)
{
    struct question *q = question_of_keys(ASK_CLAIM, redis_prefix(of(s)), &key, 1);
    q->ms = ttl_ms > 0 ? ttl_ms : 1;
    q->answer.done = done;
    q->user = user;
    ask(of(s), q);
}

/* Whoever holds it, here or there. */
static void redis_hold(struct shared *s, struct slice key, int64_t ttl_ms, int64_t now)
{
    struct shared_redis *r = of(s);
    struct question *q = question_of_keys(ASK_HOLD, redis_prefix(r), &key, 1);
    q->ms = ttl_ms;
    r->local->ops->hold(r->local, key, ttl_ms, now);
    tell(r, q);
}

static void redis_reserve(struct shared *s, const struct shared_ask *asks, size_t n, int64_t now,
                          shared_reserved *reserved, void *user)
{
    struct shared_redis *r = of(s);
    const struct shared_grant grant = {.id = ++r->last_id};
    struct question *q = question_of_asks(ASK_RESERVE, redis_prefix(r), asks, n, &grant);
    q->answer.reserved = reserved;
    q->user = user;
    ask(r, q);
}

static void redis_settle(struct shared *s, const struct shared_grant *grant,
                         const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_redis *r = of(s);
    const struct shared_grant own = {grant->id, grant->taken_at, grant->local - 1};
    if (grant->local)
        r->local->ops->settle(r->local, &own, asks, n, now);
    else
        tell(r, question_of_asks(ASK_SETTLE, redis_prefix(r), asks, n, grant));
}

static void redis_renew(struct shared *s, const struct shared_grant *grant,
                        const struct shared_ask *asks, size_t n, int64_t now)
{
    struct shared_redis *r = of(s);
    const struct shared_grant own = {grant->id, grant->taken_at, grant->local - 1};
    if (grant->local)
        r->local->ops->renew(r->local, &own, asks, n, now);
    else
        tell(r, question_of_asks(ASK_RENEW, redis_prefix(r), asks, n, grant));
}

static void hear(struct shared_redis *r, struct slice message)
{
    if (r->shared.hearer.heard)
        r->shared.hearer.heard(r->shared.hearer.ctx, message);
}

/* What does not go round by Redis reaches this process and its siblings at least. */
static void redis_publish(struct shared *s, struct slice message)
{
    struct shared_redis *r = of(s);
    const struct slice words[] = {SLICE("PUBLISH"), slice_of(r->channel), message};
    bool sent = redis_send(r->redis, words, sizeof(words) / sizeof(*words), NULL, NULL);
    if (!sent)
        r->local->ops->publish(r->local, message);
    else if (!redis_listens(r->redis))
        hear(r, message);
}

static void redis_forget(struct shared *s, void *user)
{
    struct shared_redis *r = of(s);
    for (struct list *l = r->open.next, *next; l != &r->open; l = next) {
        struct question *q = LIST_ENTRY(l, struct question, link);
        next = l->next;
        if (q->user != user)
            continue;
        q->answer.got = NULL;
        q->forgotten = true;
        list_del(&q->link);
        if (q->unsent)
            question_free(q);
    }
    redis_clear_forget(&r->clearing, user);
}

static void redis_stats(const struct shared *s, struct shared_stats *stats)
{
    const struct shared_redis *r = LIST_ENTRY(s, const struct shared_redis, shared);
    r->local->ops->stats(r->local, stats);
    stats->hits += r->stats.hits;
    stats->misses += r->stats.misses;
    stats->dropped += r->stats.dropped;
    stats->asked = r->stats.asked;
    stats->late = r->stats.late;
    stats->failed = r->stats.failed;
    stats->alone = r->stats.alone;
    stats->losses = r->stats.losses;
    stats->answered = r->stats.answered;
    stats->waited_us = r->stats.waited_us;
    stats->processes = (uint64_t)r->processes;
    stats->away = r->away;
    stats->probe_ms = r->stats.probe_ms;
}

static void on_closed(uv_handle_t *handle)
{
    struct shared_redis *r = handle->data;
    if (--r->handles == 0)
        free(r);
}

static void redis_free(struct shared *s)
{
    struct shared_redis *r = of(s);
    r->closed = true;
    redis_clear_forget(&r->clearing, NULL);
    redis_close(r->redis);
    for (struct list *link; (link = list_pop(&r->open));)
        question_free(LIST_ENTRY(link, struct question, link));
    r->local->ops->free(r->local);
    r->seen->ops->free(r->seen);
    uv_close((uv_handle_t *)&r->timer, on_closed);
    uv_close((uv_handle_t *)&r->probe_timer, on_closed);
}

static const struct shared_ops redis_ops = {
    .get = redis_get,
    .put = redis_put,
    .del = redis_del,
    .clear = redis_clear_all,
    .claim = redis_claim,
    .hold = redis_hold,
    .reserve = redis_reserve,
    .settle = redis_settle,
    .renew = redis_renew,
    .publish = redis_publish,
    .forget = redis_forget,
    .stats = redis_stats,
    .free = redis_free,
};

/* ---- the beginning -------------------------------------------------------------------------- */

static void on_heard(void *ctx, struct slice message)
{
    hear(ctx, message);
}

static const struct redis_events redis_events = {.changed = redis_on_changed, .heard = on_heard};

static void name_keys(struct shared_redis *r, const char *name_space)
{
    uint64_t random[2];
    random_bytes(random, sizeof(random));
    r->id = r->last_id = random[0] & RANDOM_IDS;
    snprintf(r->prefix, sizeof(r->prefix), "{lintel%s%s}:", name_space ? ":" : "",
             name_space ? name_space : "");
    snprintf(r->channel, sizeof(r->channel), "%sword", r->prefix);
    snprintf(r->token, sizeof(r->token), QUESTION_CLAIM "%016llx%016llx",
             (unsigned long long)random[0], (unsigned long long)random[1]);
}

static void start_timer(struct shared_redis *r, uv_timer_t *timer)
{
    uv_timer_init(r->turn->loop, timer);
    timer->data = r;
    r->handles++;
}

struct shared *shared_redis_new(struct turn *turn, const struct shared_redis_options *options,
                                char *error, size_t size)
{
    struct redis_options redis = options->redis;
    struct shared_redis *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    name_keys(r, options->name_space);
    redis.channel = r->channel;
    r->turn = turn;
    r->redis = redis_open(turn, &redis, &redis_events, r, error, size);
    if (!r->redis) {
        options->local->ops->free(options->local);
        free(r);
        return NULL;
    }
    r->shared.ops = &redis_ops;
    r->local = options->local;
    r->local->hearer = (struct shared_hearer){on_heard, r};
    r->siblings = options->siblings;
    r->seen = shared_local_new(SEEN_BYTES);
    r->processes = 1;
    r->patience_ms = options->patience_ms;
    r->fail_closed = options->fail_closed;
    r->away = true;
    list_init(&r->open);
    list_init(&r->clearing);
    start_timer(r, &r->timer);
    start_timer(r, &r->probe_timer);
    return &r->shared;
}
