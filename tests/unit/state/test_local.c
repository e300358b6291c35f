#include "../base/check.h"

#include "state/shared.h"

#include <stdio.h>

#define PLENTY ((size_t)1 << 20)

/* ---- tables -------------------------------------------------------------------------------- */

enum op { END, PUT, GET, RENEW };

struct step {
    enum op op;
    const char *key, *value; /* GET: the value expected, or NULL */
    int64_t at;              /* ms */
    int64_t ms;              /* PUT: ttl; RENEW: renew_ms */
};

static void check_one(void *user, const struct slice *values, size_t n)
{
    const char *expected = user;
    assert_int_equal(n, 1);
    if (expected)
        check_slice(values[0], slice_of(expected));
    else
        assert_null(values[0].p);
}

static void run_step(struct shared *s, const struct step *t)
{
    struct slice key = slice_of(t->key);
    if (t->op == PUT)
        s->ops->put(s, key, slice_of(t->value), t->ms, t->at);
    else
        s->ops->get(s, &key, 1, t->ms, t->at, check_one, (void *)t->value);
}

static struct shared_stats stats_of(struct shared *s)
{
    struct shared_stats stats;
    s->ops->stats(s, &stats);
    return stats;
}

/* What one entry of so many bytes costs. */
static size_t price(size_t bytes)
{
    struct shared *s = shared_local_new(PLENTY);
    s->ops->put(s, SLICE(""), slice_make(NULL, 0), 1, 0);
    size_t n = stats_of(s).bytes + bytes;
    s->ops->free(s);
    return n;
}

struct script {
    const char *name;
    size_t entries, bytes; /* room for so many, with so many bytes of keys and values; 0: plenty */
    struct step steps[8];
    struct shared_stats end; /* `bytes`: of keys and values only */
};

static size_t room(const struct script *t)
{
    return t->entries || t->bytes ? t->entries * price(0) + t->bytes : PLENTY;
}

static void run_script(const struct script *t)
{
    struct shared *s = shared_local_new(room(t));
    for (const struct step *step = t->steps; step->op != END; step++)
        run_step(s, step);
    struct shared_stats stats = stats_of(s), want = t->end;
    want.bytes += want.entries * price(0);
    if (memcmp(&stats, &want, sizeof(want)) != 0)
        fail_msg("%s: entries %zu bytes %zu hits %d misses %d evicted %d expired %d dropped %d",
                 t->name, stats.entries, stats.bytes, (int)stats.hits, (int)stats.misses,
                 (int)stats.evicted, (int)stats.expired, (int)stats.dropped);
    s->ops->free(s);
}

static const struct script of_time[] = {
    {"nothing there", 0, 0, {{GET, "a", NULL}}, {.misses = 1}},
    {"there", 0, 0, {{PUT, "a", "1", 0, 10}, {GET, "a", "1", 9}}, {1, 2, .hits = 1}},
    {"an empty value is one", 0, 0, {{PUT, "a", "", 0, 10}, {GET, "a", ""}}, {1, 1, .hits = 1}},
    {"an empty key is one", 0, 0, {{PUT, "", "1", 0, 10}, {GET, "", "1"}}, {1, 1, .hits = 1}},
    {"over in its last millisecond",
     0,
     0,
     {{PUT, "a", "1", 5, 10}, {GET, "a", NULL, 15}, {GET, "a", NULL, 15}},
     {.misses = 2, .expired = 1}},
    {"put without time to live",
     0,
     0,
     {{PUT, "a", "1", 5, 0}, {GET, "a", NULL, 5}},
     {.misses = 1, .expired = 1}},
    {"replaced, with a new time to live",
     0,
     0,
     {{PUT, "a", "1", 0, 10}, {PUT, "a", "longer", 5, 10}, {GET, "a", "longer", 14}},
     {1, 7, .hits = 1}},
    {"replaced, with a shorter one",
     0,
     0,
     {{PUT, "a", "longer", 0, 10}, {PUT, "a", "1", 5, 2}, {GET, "a", NULL, 7}},
     {.misses = 1, .expired = 1}},
    {"a look does not prolong",
     0,
     0,
     {{PUT, "a", "1", 0, 10}, {GET, "a", "1", 9}, {GET, "a", NULL, 10}},
     {.hits = 1, .misses = 1, .expired = 1}},
    {"unless it is to",
     0,
     0,
     {{PUT, "a", "1", 0, 10}, {RENEW, "a", "1", 9, 5}, {GET, "a", "1", 13}, {GET, "a", NULL, 14}},
     {.hits = 2, .misses = 1, .expired = 1}},
    {"and never shortens",
     0,
     0,
     {{PUT, "a", "1", 0, 10}, {RENEW, "a", "1", 1, 2}, {GET, "a", "1", 9}},
     {1, 2, .hits = 2}},
    {"what is over cannot be renewed",
     0,
     0,
     {{PUT, "a", "1", 0, 10}, {RENEW, "a", NULL, 10, 5}, {GET, "a", NULL, 11}},
     {.misses = 2, .expired = 1}},
    {"what is over leaves with the next put",
     0,
     0,
     {{PUT, "a", "1", 0, 5}, {PUT, "b", "2", 0, 5}, {PUT, "c", "3", 0, 9}, {PUT, "d", "4", 5, 9}},
     {2, 4, .expired = 2}},
};

#define A1                                                                                         \
    {                                                                                              \
        PUT, "a", "1", 0, 99                                                                       \
    }
#define B2                                                                                         \
    {                                                                                              \
        PUT, "b", "2", 0, 99                                                                       \
    }
#define C3                                                                                         \
    {                                                                                              \
        PUT, "c", "3", 0, 99                                                                       \
    }

static const struct script of_room[] = {
    {"the oldest makes room",
     2,
     4,
     {A1, B2, C3, {GET, "a", NULL}, {GET, "b", "2"}, {GET, "c", "3"}},
     {2, 4, .hits = 2, .misses = 1, .evicted = 1}},
    {"the one used longest ago, not the oldest",
     2,
     4,
     {A1, B2, {GET, "a", "1"}, C3, {GET, "b", NULL}, {GET, "a", "1"}},
     {2, 4, .hits = 2, .misses = 1, .evicted = 1}},
    {"a put is a use",
     2,
     4,
     {A1, B2, A1, C3, {GET, "b", NULL}, {GET, "a", "1"}},
     {2, 4, .hits = 1, .misses = 1, .evicted = 1}},
    {"several make room for a large one",
     3,
     6,
     {A1, B2, C3, {PUT, "d", "12345", 0, 99}, {GET, "b", NULL}, {GET, "d", "12345"}},
     {2, 8, .hits = 1, .misses = 1, .evicted = 2}},
    {"exactly full", 2, 5, {A1, {PUT, "b", "22", 0, 99}, {GET, "a", "1"}}, {2, 5, .hits = 1}},
    {"one byte too many",
     2,
     4,
     {A1, {PUT, "b", "22", 0, 99}, {GET, "a", NULL}},
     {1, 3, .misses = 1, .evicted = 1}},
    {"replacing needs no other room",
     2,
     4,
     {A1, B2, {PUT, "a", "3", 0, 99}, {GET, "b", "2"}, {GET, "a", "3"}},
     {2, 4, .hits = 2}},
    {"too large for ever",
     1,
     3,
     {A1, {PUT, "b", "222", 0, 99}, {GET, "a", "1"}, {GET, "b", NULL}},
     {1, 2, .hits = 1, .misses = 1, .dropped = 1}},
    {"too large, and the old value is not served",
     1,
     3,
     {A1, {PUT, "a", "222", 0, 99}, {GET, "a", NULL}},
     {.misses = 1, .dropped = 1}},
    {"nothing fits at all", 0, 1, {A1, {GET, "a", NULL}}, {.misses = 1, .dropped = 1}},
    {"what is over is not counted as evicted",
     2,
     4,
     {{PUT, "a", "1", 0, 5}, B2, {PUT, "c", "3", 5, 99}, {PUT, "d", "4", 5, 99}},
     {2, 4, .evicted = 1, .expired = 1}},
};

static void test_time(void **state)
{
    for (size_t i = 0; i < sizeof(of_time) / sizeof(*of_time); i++)
        run_script(&of_time[i]);
}

static void test_room(void **state)
{
    for (size_t i = 0; i < sizeof(of_room) / sizeof(*of_room); i++)
        run_script(&of_room[i]);
}

/* ---- many ---------------------------------------------------------------------------------- */

struct several {
    const struct slice *expected;
    size_t calls, n;
};

static void check_several(void *user, const struct slice *values, size_t n)
{
    struct several *s = user;
    s->calls++;
    s->n = n;
    for (size_t i = 0; i < n; i++) {
        assert_true((s->expected[i].p == NULL) == (values[i].p == NULL));
        check_slice(values[i], s->expected[i]);
    }
}

static void test_a_full_question(void **state)
{
    static char names[SHARED_KEYS_MAX][16];
    struct slice keys[SHARED_KEYS_MAX], expected[SHARED_KEYS_MAX];
    struct several several = {.expected = expected};
    struct shared *s = shared_local_new(PLENTY);
    for (int i = 0; i < SHARED_KEYS_MAX; i++) {
        snprintf(names[i], sizeof(names[i]), "key %d", i);
        keys[i] = slice_of(names[i]);
        expected[i] = i % 3 ? keys[i] : slice_make(NULL, 0);
        if (i % 3)
            s->ops->put(s, keys[i], keys[i], 100, 0);
    }
    s->ops->get(s, keys, SHARED_KEYS_MAX, 0, 0, check_several, &several);
    assert_int_equal(several.calls, 1);
    assert_int_equal(several.n, SHARED_KEYS_MAX);
    s->ops->forget(s, &several); /* harmless afterwards */
    s->ops->free(s);
}

static void test_values_are_copied(void **state)
{
    char key[] = "key", value[] = "value";
    struct shared *s = shared_local_new(PLENTY);
    s->ops->put(s, slice_of(key), slice_of(value), 10, 0);
    key[0] = value[0] = '?';
    run_step(s, &(struct step){GET, "key", "value", 0, 0});
    s->ops->free(s);
}

/* Random ops beside a plain list that does the same the slow way. */

#define MODEL_KEYS 40
#define MODEL_CAP  (25 * price(6))

struct model {
    struct {
        bool there;
        int64_t expires, used;
        size_t n;
        char value[16];
    } rows[MODEL_KEYS];
    int64_t clock; /* counts uses */
    size_t bytes;
};

static void model_remove(struct model *m, int i)
{
    if (m->rows[i].there)
        m->bytes -= price(m->rows[i].n + 2);
    m->rows[i].there = false;
}

static int model_oldest(const struct model *m)
{
    int found = -1;
    for (int i = 0; i < MODEL_KEYS; i++)
        if (m->rows[i].there && (found < 0 || m->rows[i].used < m->rows[found].used))
            found = i;
    return found;
}

static void model_put(struct model *m, int i, const char *value, int64_t expires, int64_t now)
{
    size_t n = strlen(value);
    model_remove(m, i);
    for (int o; (o = model_oldest(m)) >= 0 &&
                (m->rows[o].expires <= now || m->bytes + price(n + 2) > MODEL_CAP);)
        model_remove(m, o);
    m->rows[i].there = true;
    m->rows[i].expires = expires;
    m->rows[i].used = m->clock++;
    m->rows[i].n = n;
    snprintf(m->rows[i].value, sizeof(m->rows[i].value), "%s", value);
    m->bytes += price(n + 2);
}

static const char *model_get(struct model *m, int i, int64_t now)
{
    if (m->rows[i].there && m->rows[i].expires <= now)
        model_remove(m, i);
    if (!m->rows[i].there)
        return NULL;
    m->rows[i].used = m->clock++;
    return m->rows[i].value;
}

static void random_op(struct shared *s, struct model *m, int64_t now)
{
    int i = rand() % MODEL_KEYS;
    char key[8], value[16];
    snprintf(key, sizeof(key), "%02d", i);
    if (rand() % 2) {
        int64_t ttl = 1 + rand() % 200;
        snprintf(value, sizeof(value), "%.*s", rand() % 9, "abcdefghi");
        model_put(m, i, value, now + ttl, now);
        run_step(s, &(struct step){PUT, key, value, now, ttl});
    } else {
        run_step(s, &(struct step){GET, key, model_get(m, i, now), now, 0});
    }
}

static void test_against_a_model(void **state)
{
    struct model m = {0};
    struct shared *s = shared_local_new(MODEL_CAP);
    srand(1);
    for (int64_t now = 0; now < 20000; now++) {
        random_op(s, &m, now);
        struct shared_stats stats = stats_of(s);
        assert_int_equal(stats.bytes, m.bytes);
        assert_true(stats.bytes <= MODEL_CAP);
    }
    assert_true(stats_of(s).evicted > 100 && stats_of(s).expired > 100 && stats_of(s).hits > 100);
    s->ops->free(s);
}

static void test_thousands(void **state)
{
    struct shared *s = shared_local_new(64 * PLENTY);
    char key[16];
    for (int i = 0; i < 50000; i++) {
        snprintf(key, sizeof(key), "%d", i);
        s->ops->put(s, slice_of(key), slice_of(key), 100, 0);
    }
    for (int i = 0; i < 50000; i += 7) {
        snprintf(key, sizeof(key), "%d", i);
        run_step(s, &(struct step){GET, key, key, 1, 0});
    }
    assert_int_equal(stats_of(s).entries, 50000);
    s->ops->free(s);
}

/* ---- del, clear, claim, word ----------------------------------------------------------------- */

static void note(void *user, int64_t n)
{
    *(int64_t *)user = n;
}

static int64_t del(struct shared *s, const char *key, int64_t now)
{
    int64_t n = -1;
    struct slice k = slice_of(key);
    s->ops->del(s, &k, 1, now, note, &n);
    return n;
}

static int64_t clear(struct shared *s, const char *prefix, int64_t now)
{
    int64_t n = -1;
    s->ops->clear(s, slice_of(prefix), now, note, &n);
    return n;
}

static int64_t claim(struct shared *s, const char *key, int64_t now)
{
    int64_t n = -1;
    s->ops->claim(s, slice_of(key), 100, now, note, &n);
    return n;
}

static void test_del(void **state)
{
    struct shared *s = shared_local_new(PLENTY);
    const struct slice both[] = {SLICE("a"), SLICE("b")};
    int64_t n = -1;
    run_step(s, &(struct step){PUT, "a", "1", 0, 10});
    run_step(s, &(struct step){PUT, "b", "2", 0, 10});
    run_step(s, &(struct step){PUT, "c", "3", 0, 10});
    s->ops->del(s, both, 2, 0, note, &n);
    assert_int_equal(n, 2);
    assert_int_equal(del(s, "a", 0), 0);
    assert_int_equal(del(s, "c", 10), 0); /* it was over */
    assert_int_equal(stats_of(s).bytes, 0);
    s->ops->del(s, both, 2, 0, NULL, NULL);
    s->ops->free(s);
}

static void test_clear(void **state)
{
    struct shared *s = shared_local_new(PLENTY);
    run_step(s, &(struct step){PUT, "x:1", "1", 0, 10});
    run_step(s, &(struct step){PUT, "x:2", "2", 0, 5});
    run_step(s, &(struct step){PUT, "y:1", "3", 0, 10});
    assert_int_equal(clear(s, "x:", 5), 1); /* those that were over do not count … */
    assert_int_equal(stats_of(s).entries, 1);
    run_step(s, &(struct step){GET, "y:1", "3", 5});
    assert_int_equal(clear(s, "", 5), 1);
    assert_int_equal(stats_of(s).bytes, 0);
    s->ops->free(s);
}

static void test_claim(void **state)
{
    struct shared *s = shared_local_new(PLENTY);
    assert_int_equal(claim(s, "work", 0), 1);
    assert_int_equal(claim(s, "work", 99), 0);
    assert_int_equal(claim(s, "other", 99), 1);
    s->ops->hold(s, SLICE("other"), 1000, 150);
    s->ops->hold(s, SLICE("nobody's"), 1000, 150);
    assert_int_equal(claim(s, "other", 1149), 0);
    assert_int_equal(claim(s, "work", 100), 1); /* whoever had it took too long */
    assert_int_equal(del(s, "work", 100), 1);
    assert_int_equal(claim(s, "work", 100), 1);
    s->ops->free(s);
}

static void hear(void *ctx, struct slice message)
{
    check_slice(message, SLICE("word"));
    ++*(int *)ctx;
}

static void test_publish(void **state)
{
    int heard = 0;
    struct shared *s = shared_local_new(PLENTY);
    s->ops->publish(s, SLICE("to nobody"));
    s->hearer = (struct shared_hearer){hear, &heard};
    s->ops->publish(s, SLICE("word"));
    assert_int_equal(heard, 1);
    s->ops->free(s);
}

/* ---- limits: what counters.h promises, through the ops ----------------------------------------
 */

static struct shared_answer answered;
static struct shared_state states[SHARED_ASKS_MAX];

static void keep_answer(void *user, const struct shared_answer *answer)
{
    answered = *answer;
    memcpy(states, answer->states, answer->n * sizeof(*states));
    ++*(int *)user;
}

static void test_limits(void **state)
{
    int calls = 0;
    struct shared *s = shared_local_new(PLENTY);
    struct shared_ask asks[] = {{SLICE("rpm"), SHARED_WINDOW, 2, 60000, 1},
                                {SLICE("par"), SHARED_LEASE, 1, 30000, 1}};
    s->ops->reserve(s, asks, 2, 0, keep_answer, &calls);
    struct shared_grant first = answered.grant;
    assert_int_equal(answered.refused, -1);
    assert_false(answered.away || answered.grant.local);
    assert_int_equal(answered.n, 2);
    s->ops->renew(s, &first, asks, 2, 20000);
    s->ops->reserve(s, asks, 2, 40000, keep_answer, &calls);
    assert_int_equal(answered.refused, 1);
    assert_int_equal(states[0].used, 1);
    asks[0].units = 0;
    s->ops->settle(s, &first, asks, 2, 40000);
    asks[0].units = 1;
    s->ops->reserve(s, asks, 2, 40000, keep_answer, &calls);
    assert_int_equal(answered.refused, -1);
    assert_int_equal(states[0].used, 2);
    assert_int_equal(calls, 3);
    assert_int_equal(stats_of(s).bytes, 0); /* another room than that of values */
    s->ops->free(s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_time),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_a_full_question),
        cmocka_unit_test(test_values_are_copied),
        cmocka_unit_test(test_against_a_model),
        cmocka_unit_test(test_thousands),
        cmocka_unit_test(test_del),
        cmocka_unit_test(test_clear),
        cmocka_unit_test(test_claim),
        cmocka_unit_test(test_publish),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
