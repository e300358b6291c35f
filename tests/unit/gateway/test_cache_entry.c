/* What lies in the cache, and what a request says of it. */

#include "../base/check.h"

#include "cache_control.h"
#include "cache_entry.h"

/* ---- entries ------------------------------------------------------------------------------- */

static void test_an_answer(void **state)
{
    struct cache_entry in = {.created = 1700000000,
                             .id = SLICE("some-id"),
                             .deployment = SLICE("d"),
                             .group = SLICE("g"),
                             .model = SLICE("m")},
                       out;
    struct buf b;
    (void)state;
    buf_init(&b, SIZE_MAX);
    cache_entry_begin(&b, &in);
    struct slice rest = buf_slice(&b);
    assert_true(cache_entry_read(&rest, &out)); /* while it is being written */
    assert_int_equal(out.stored_at, 0);
    buf_add(&b, SLICE("events"));
    cache_entry_seal(&b, 1700000100);
    rest = buf_slice(&b);
    assert_true(cache_entry_open(&rest) && cache_entry_read(&rest, &out));
    assert_int_equal(out.stored_at, 1700000100);
    assert_int_equal(out.created, 1700000000);
    check_text(out.id, "some-id");
    check_text(out.deployment, "d");
    check_text(out.group, "g");
    check_text(out.model, "m");
    check_text(rest, "events");
    struct cache_vector v;
    assert_false(cache_vector_read(buf_slice(&b), &v));
    buf_fini(&b);
}

static void test_a_vector(void **state)
{
    struct cache_vector in = {.stored_at = 5,
                              .tokens = 300,
                              .estimated = true,
                              .type = SLICE("float"),
                              .json = SLICE("[0.5,1]")},
                        out;
    struct buf b;
    struct cache_entry e;
    (void)state;
    buf_init(&b, SIZE_MAX);
    cache_vector_write(&b, &in);
    assert_true(cache_vector_read(buf_slice(&b), &out));
    assert_int_equal(out.stored_at, 5);
    assert_int_equal(out.tokens, 300);
    assert_true(out.estimated);
    check_text(out.type, "float");
    check_text(out.json, "[0.5,1]");
    struct slice rest = buf_slice(&b);
    assert_false(cache_entry_open(&rest) && cache_entry_read(&rest, &e));
    buf_fini(&b);
}

/* Cut anywhere, or with any bit changed: it is none. */
static void test_damage(void **state)
{
    struct cache_vector v = {.stored_at = 5, .tokens = 300, .json = SLICE("[0.5,1]")};
    struct buf b;
    struct slice rest;
    (void)state;
    buf_init(&b, SIZE_MAX);
    cache_vector_write(&b, &v);
    for (size_t n = 0; n < b.n; n++) {
        char *copy = malloc(n + 1);
        memcpy(copy, b.p, n);
        assert_false(cache_vector_read(slice_make(copy, n), &v));
        free(copy);
    }
    for (size_t bit = 0; bit < 8 * b.n; bit++) {
        b.p[bit / 8] ^= (char)(1 << bit % 8);
        rest = buf_slice(&b);
        assert_false(cache_vector_read(rest, &v) || cache_entry_open(&rest));
        b.p[bit / 8] ^= (char)(1 << bit % 8);
    }
    assert_true(cache_vector_read(buf_slice(&b), &v));
    buf_fini(&b);
}

/* ---- what a request says -------------------------------------------------------------------- */

static void test_controls(void **state)
{
    static const struct {
        const char *cache; /* NULL: nothing */
        enum llm_flag caching;
        bool opt_in, take, keep;
        int64_t ttl_ms;
        double max_age;
        const char *name_space;
    } rows[] = {
        {NULL, 0, false, true, true, 60000, -1, "conf"},
        {"{}", 0, false, true, true, 60000, -1, "conf"},
        {"{\"no-cache\":true}", 0, false, false, true, 60000, -1, "conf"},
        {"{\"no-cache\":false,\"no-store\":false}", 0, false, true, true, 60000, -1, "conf"},
        {"{\"no-store\":true}", 0, false, true, false, 60000, -1, "conf"},
        {"{\"ttl\":1.5}", 0, false, true, true, 1500, -1, "conf"},
        {"{\"ttl\":0}", 0, false, true, false, 0, -1, "conf"},
        {"{\"ttl\":null}", 0, false, true, true, 60000, -1, "conf"},
        {"{\"ttl\":1e300}", 0, false, true, true, 4000000000, -1, "conf"},
        {"{\"s-maxage\":7}", 0, false, true, true, 60000, 7, "conf"},
        {"{\"s-max-age\":0}", 0, false, true, true, 60000, 0, "conf"},
        {"{\"namespace\":\"mine\"}", 0, false, true, true, 60000, -1, "mine"},
        {"{\"namespace\":\"\"}", 0, false, true, true, 60000, -1, "conf"},
        {NULL, LLM_FLAG_FALSE, false, false, false, 60000, -1, "conf"},
        {NULL, LLM_FLAG_TRUE, false, true, true, 60000, -1, "conf"},
        {NULL, 0, true, false, false, 60000, -1, "conf"},
        {"{\"use-cache\":true}", 0, true, true, true, 60000, -1, "conf"},
        {"{\"use-cache\":\"yes\"}", 0, true, false, false, 60000, -1, "conf"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct llm_request r;
        struct failure f = {0};
        struct cache_control c;
        const struct caching settings = {.ttl = 60, .opt_in = rows[i].opt_in, .name_space = "conf"};
        arena_init(&a);
        llm_request_init(&r);
        if (rows[i].cache)
            r.cache = json_parse(slice_of(rows[i].cache), &a, NULL);
        r.caching = rows[i].caching;
        assert_true(cache_control_read(&settings, &r, &a, &c, &f));
        if (c.take != rows[i].take || c.keep != rows[i].keep || c.ttl_ms != rows[i].ttl_ms)
            fail_msg("row %zu", i);
        assert_true(c.max_age >= rows[i].max_age && c.max_age <= rows[i].max_age);
        check_text(c.name_space, rows[i].name_space);
        arena_fini(&a);
    }
}

static void test_refused_controls(void **state)
{
    static const char *const rows[][2] = {
        {"{\"ttl\":\"60\"}", "cache.ttl"},
        {"{\"ttl\":-1}", "cache.ttl"},
        {"{\"s-maxage\":[]}", "cache.s-maxage"},
        {"{\"s-max-age\":true}", "cache.s-max-age"},
        {"{\"namespace\":1}", "cache.namespace"},
        {"{\"namespace\":\"a\\nb\"}", "cache.namespace"},
        {"{\"namespace\":\"\303\244\"}", "cache.namespace"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct llm_request r;
        struct failure f = {0};
        struct cache_control c;
        const struct caching settings = {.ttl = 60};
        arena_init(&a);
        llm_request_init(&r);
        r.cache = json_parse(slice_of(rows[i][0]), &a, NULL);
        assert_false(cache_control_read(&settings, &r, &a, &c, &f));
        assert_int_equal(f.status, 400);
        check_text(f.param, rows[i][1]);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer),        cmocka_unit_test(test_a_vector),
        cmocka_unit_test(test_damage),           cmocka_unit_test(test_controls),
        cmocka_unit_test(test_refused_controls),
    };
    return cmocka_run_group_tests_name("gateway/cache_entry", tests, NULL, NULL);
}
