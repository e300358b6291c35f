/* A question in Redis' words.
 *
 * Happy path: the caller's keys are copied behind the question itself, each with the prefix of its
 * kind; question_send puts the command's words together on the stack; question_states reads what
 * the script of limits answers. Failure modes: a reply of another shape than the scripts give is
 * false, which counts as an error. */

#include "redis_question.h"

#include <stdlib.h>

#define ASK_WORDS  4 /* of the script of limits, for each ask */
#define HEAD_WORDS 6 /* EVALSHA, hash, number of keys; operation, id, time */
#define WORDS_MAX  (HEAD_WORDS + SHARED_KEYS_MAX + (1 + ASK_WORDS) * SHARED_ASKS_MAX)
#define DIGITS_MAX (4 + 3 * SHARED_ASKS_MAX)

#define SCRIPT(name)                                                                               \
    extern const char redis_##name##_lua[], redis_##name##_lua_sha1[];                             \
    extern const size_t redis_##name##_lua_size

SCRIPT(del);
SCRIPT(get);
SCRIPT(hold);
SCRIPT(limits);

/* A command under construction. */
struct words {
    struct slice v[WORDS_MAX];
    size_t n;
    char digits[DIGITS_MAX][SLICE_DIGITS];
    size_t numbers;
};

/* ---- copies -------------------------------------------------------------------------------- */

static struct question *make(enum question_kind kind, size_t n, size_t item, size_t bytes,
                             void **items, char **text)
{
    size_t keys = n * sizeof(struct slice);
    struct question *q = calloc(1, sizeof(*q) + keys + n * item + bytes);
    if (!q)
        abort();
    list_init(&q->link);
    q->kind = kind;
    q->n = n;
    q->keys = (void *)(q + 1);
    *items = (char *)q->keys + keys;
    *text = (char *)*items + n * item;
    return q;
}

static void add(char **at, struct slice s)
{
    if (s.n)
        memcpy(*at, s.p, s.n);
    *at += s.n;
}

struct question *question_of_keys(enum question_kind kind, struct slice prefix,
                                  const struct slice *keys, size_t n)
{
    void *none;
    char *at;
    size_t bytes = n * (prefix.n + 2);
    for (size_t i = 0; i < n; i++)
        bytes += keys[i].n;
    struct question *q = make(kind, n, 0, bytes, &none, &at);
    for (size_t i = 0; i < n; i++) {
        const char *begin = at;
        add(&at, prefix);
        add(&at, SLICE("v:"));
        add(&at, keys[i]);
        q->keys[i] = slice_make(begin, (size_t)(at - begin));
    }
    return q;
}

struct slice question_key(const struct question *q, struct slice prefix, size_t i)
{
    return slice_skip(q->keys[i], prefix.n + 2);
}

/* A limit's window is part of its key: a configuration may come to have another one. */
struct question *question_of_asks(enum question_kind kind, struct slice prefix,
                                  const struct shared_ask *asks, size_t n,
                                  const struct shared_grant *grant)
{
    void *copies;
    char *at;
    size_t bytes = n * (prefix.n + 3 + SLICE_DIGITS);
    for (size_t i = 0; i < n; i++)
        bytes += asks[i].key.n;
    struct question *q = make(kind, n, sizeof(*asks), bytes, &copies, &at);
    q->grant = *grant;
    q->asks = copies;
    for (size_t i = 0; i < n; i++) {
        char digits[SLICE_DIGITS];
        const char *begin = at;
        add(&at, prefix);
        add(&at, asks[i].kind == SHARED_LEASE ? SLICE("l:") : SLICE("w:"));
        add(&at, slice_digits(asks[i].window_ms, digits));
        add(&at, SLICE(":"));
        q->asks[i] = asks[i];
        q->asks[i].key = slice_make(at, asks[i].key.n);
        add(&at, asks[i].key);
        q->keys[i] = slice_make(begin, (size_t)(at - begin));
    }
    return q;
}

void question_free(struct question *q)
{
    free(q);
}

/* ---- words --------------------------------------------------------------------------------- */

static void say(struct words *w, struct slice word)
{
    w->v[w->n++] = word;
}

static void say_number(struct words *w, int64_t number)
{
    say(w, slice_digits(number, w->digits[w->numbers++]));
}

static void say_keys(struct words *w, const struct question *q)
{
    for (size_t i = 0; i < q->n; i++)
        say(w, q->keys[i]);
}

static void say_script(struct words *w, const struct question *q, struct slice text,
                       const char *sha1)
{
    say(w, q->whole_script ? SLICE("EVAL") : SLICE("EVALSHA"));
    say(w, q->whole_script ? text : slice_of(sha1));
    say_number(w, (int64_t)q->n);
    say_keys(w, q);
}
#define SAY_SCRIPT(w, q, name)                                                                     \
    say_script(w, q, slice_make(redis_##name##_lua, redis_##name##_lua_size),                      \
               redis_##name##_lua_sha1)

static void say_get(struct words *w, const struct question *q)
{
    if (q->ms <= 0) {
        say(w, SLICE("MGET"));
        say_keys(w, q);
        return;
    }
    SAY_SCRIPT(w, q, get);
    say_number(w, q->ms);
}

static void say_claim(struct words *w, const struct question *q, struct slice token)
{
    say(w, SLICE("SET"));
    say_keys(w, q);
    say(w, token);
    say(w, SLICE("NX"));
    say(w, SLICE("PX"));
    say_number(w, q->ms);
}

static void say_limits(struct words *w, const struct question *q, struct slice operation)
{
    SAY_SCRIPT(w, q, limits);
    say(w, operation);
    say_number(w, (int64_t)q->grant.id);
    say_number(w, q->grant.taken_at);
    for (size_t i = 0; i < q->n; i++) {
        say(w, q->asks[i].kind == SHARED_LEASE ? SLICE("l") : SLICE("w"));
        say_number(w, q->asks[i].limit);
        say_number(w, q->asks[i].window_ms);
        say_number(w, q->asks[i].units);
    }
}

bool question_send(struct question *q, struct redis *redis, struct slice token, redis_done *done)
{
    struct words w;
    w.n = w.numbers = 0;
    switch (q->kind) {
    case ASK_GET: say_get(&w, q); break;
    case ASK_CLAIM: say_claim(&w, q, token); break;
    case ASK_HOLD:
        SAY_SCRIPT(&w, q, hold);
        say(&w, token);
        say_number(&w, q->ms);
        break;
    case ASK_DEL:
        SAY_SCRIPT(&w, q, del);
        say(&w, SLICE(QUESTION_CLAIM));
        say(&w, token);
        break;
    case ASK_RESERVE: say_limits(&w, q, SLICE("reserve")); break;
    case ASK_SETTLE: say_limits(&w, q, SLICE("settle")); break;
    case ASK_RENEW: say_limits(&w, q, SLICE("renew")); break;
    }
    return redis_send(redis, w.v, w.n, done, q);
}

void question_load_scripts(struct redis *redis)
{
    const struct slice texts[] = {slice_make(redis_del_lua, redis_del_lua_size),
                                  slice_make(redis_get_lua, redis_get_lua_size),
                                  slice_make(redis_hold_lua, redis_hold_lua_size),
                                  slice_make(redis_limits_lua, redis_limits_lua_size)};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        redis_send(redis, (struct slice[]){SLICE("SCRIPT"), SLICE("LOAD"), texts[i]}, 3, NULL,
                   NULL);
}

/* ---- the answer of limits ------------------------------------------------------------------ */

static int64_t number(const struct redisReply *reply, size_t i)
{
    return redis_integer(redis_element(reply, i));
}

bool question_states(struct question *q, const struct redisReply *reply,
                     struct shared_state *states, int *refused)
{
    if (redis_count(reply) != 2 + 3 * q->n)
        return false;
    *refused = (int)number(reply, 0);
    q->grant.taken_at = number(reply, 1);
    for (size_t i = 0; i < q->n; i++)
        states[i] = (struct shared_state){number(reply, 2 + 3 * i), number(reply, 3 + 3 * i),
                                          number(reply, 4 + 3 * i)};
    return *refused >= -1 && *refused < (int)q->n;
}
