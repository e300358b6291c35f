/* Token counts and the memory of cached prefixes. */

#include "check.h"
#include "usage.h"

#define LONG                                                                                       \
    "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
#define POINT  ",{'cachePoint':{'type':'default'}}"
#define HOUR   ",{'cachePoint':{'type':'default','ttl':'1h'}}"
#define MINUTE INT64_C(60000)

struct world {
    struct arena arena;
    struct prefix_cache *cache;
    struct model model; /* with a minimum that tests can reach */
};

static void begin(struct world *w)
{
    arena_init(&w->arena);
    w->cache = malloc(sizeof(*w->cache));
    prefix_cache_init(w->cache);
    w->model = *model_find(SLICE(SONNET));
    w->model.cache_min = 20;
}

static void finish(struct world *w)
{
    free(w->cache);
    arena_fini(&w->arena);
}

static struct usage count(struct world *w, const char *body, int64_t now)
{
    return usage_of_request(json_of(&w->arena, body), &w->model, w->cache, now, &w->arena);
}

#define ASK(blocks) "{'messages':[{'role':'user','content':[" blocks "]}]}"
#define CACHED      ASK("{'text':'" LONG "'}" POINT ",{'text':'question'}")

static void test_counts(void **state)
{
    struct world w;
    begin(&w);
    const struct usage small = count(&w, ASK("{'text':'12345678'}"), 0);
    assert_int_equal(small.input, 4 + 2); /* the message, the text */
    assert_true(small.cached && !small.read && !small.write);
    const struct usage image =
        count(&w, ASK("{'image':{'format':'png','source':{'bytes':'AAAA'}}}"), 0);
    assert_in_range(image.input, 1500, 1520);
    const struct usage more =
        count(&w,
              "{'system':[{'text':'1234'}],'toolConfig':{'tools':[{'toolSpec':{'name':'n'}}]},"
              "'messages':[{'role':'user','content':[{'text':'12345678'}]},{'role':'assistant',"
              "'content':[{'text':'a'}]}]}",
              0);
    assert_true(more.input > small.input + 5);
    finish(&w);
}

static void test_write_then_read(void **state)
{
    struct world w;
    begin(&w);
    const struct usage first = count(&w, CACHED, 0);
    const struct usage again = count(&w, CACHED, 4 * MINUTE);
    assert_true(first.write > 20 && !first.read && first.input == 2);
    assert_int_equal(first.write_hour, 0);
    assert_int_equal(again.read, first.write);
    assert_int_equal(again.write, 0);
    assert_int_equal(again.input, 2);
    assert_int_equal(usage_total(&first), usage_total(&again));
    /* Reading prolongs the life. */
    assert_int_equal(count(&w, CACHED, 8 * MINUTE).read, first.write);
    assert_int_equal(count(&w, CACHED, 14 * MINUTE).read, 0);
    finish(&w);
}

static void test_hour(void **state)
{
    struct world w;
    begin(&w);
    const char *body = ASK("{'text':'" LONG "'}" HOUR ",{'text':'" LONG "'}" POINT);
    const struct usage first = count(&w, body, 0);
    assert_true(first.write_hour > 0 && first.write_hour < first.write);
    const struct usage later = count(&w, body, 30 * MINUTE);
    assert_int_equal(later.read, first.write_hour);
    assert_int_equal(later.write, first.write - first.write_hour);
    assert_int_equal(later.write_hour, 0);
    finish(&w);
}

static void test_other_prefix(void **state)
{
    struct world w;
    begin(&w);
    count(&w, CACHED, 0);
    const struct usage other = count(&w, ASK("{'text':'x" LONG "'}" POINT), 0);
    assert_true(!other.read && other.write);
    finish(&w);
}

/* An agent moves its cache point on with every turn: the prefix of the turn before is found. */
static void test_look_back(void **state)
{
    struct world w;
    begin(&w);
    const struct usage first = count(&w, ASK("{'text':'" LONG "'}" POINT), 0);
    const struct usage second =
        count(&w,
              "{'messages':[{'role':'user','content':[{'text':'" LONG "'}]},{'role':'assistant',"
              "'content':[{'text':'" LONG "'}]},{'role':'user','content':[{'text':'" LONG "'}" POINT
              "]}]}",
              0);
    assert_int_equal(second.read, first.write);
    assert_true(second.write > 0 && second.input == 0);
    finish(&w);
}

static void test_too_short(void **state)
{
    struct world w;
    begin(&w);
    const char *body = ASK("{'text':'short'}" POINT);
    for (int i = 0; i < 2; i++) {
        const struct usage u = count(&w, body, 0);
        assert_true(!u.read && !u.write && u.input);
    }
    finish(&w);
}

static void test_no_cache(void **state)
{
    struct world w;
    begin(&w);
    w.model.cache_min = 0;
    const struct usage u = count(&w, CACHED, 0);
    assert_true(!u.cached && !u.write);
    finish(&w);
}

/* More prefixes than the memory holds: the oldest is gone, the newest is there. */
static void test_bound(void **state)
{
    struct world w;
    begin(&w);
    for (int i = 0; i <= PREFIXES_MAX; i++) {
        char body[400];
        snprintf(body, sizeof(body), ASK("{'text':'%d" LONG "'}" POINT), i);
        const struct arena_mark mark = arena_mark(&w.arena);
        assert_int_equal(count(&w, body, 0).read, 0);
        arena_rewind(&w.arena, mark);
    }
    assert_int_equal(w.cache->count, PREFIXES_MAX);
    assert_true(count(&w, ASK("{'text':'4096" LONG "'}" POINT), 0).read > 0);
    assert_int_equal(count(&w, ASK("{'text':'0" LONG "'}" POINT), 0).read, 0);
    finish(&w);
}

static void test_written(void **state)
{
    static const struct {
        struct usage usage;
        const char *json;
    } cases[] = {
        {{.input = 1, .output = 2}, "{'inputTokens':1,'outputTokens':2,'totalTokens':3}"},
        {{.input = 1, .output = 2, .read = 3, .write = 9, .write_hour = 4, .cached = true},
         "{'inputTokens':1,'outputTokens':2,'totalTokens':15,'cacheReadInputTokens':3,"
         "'cacheWriteInputTokens':9,'cacheDetails':[{'ttl':'1h','inputTokens':4},{'ttl':'5m',"
         "'inputTokens':5}]}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct buf out;
        struct json_writer writer;
        arena_init(&a);
        buf_init(&out, 1000);
        json_begin(&writer, &out);
        usage_write(&writer, &cases[i].usage);
        check_text("usage", buf_slice(&out), json_text(&a, cases[i].json).p);
        buf_fini(&out);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counts),    cmocka_unit_test(test_write_then_read),
        cmocka_unit_test(test_hour),      cmocka_unit_test(test_other_prefix),
        cmocka_unit_test(test_look_back), cmocka_unit_test(test_too_short),
        cmocka_unit_test(test_no_cache),  cmocka_unit_test(test_bound),
        cmocka_unit_test(test_written),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
