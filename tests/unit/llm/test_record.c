/* Answers as bytes: what is written is read, whatever the events are; what is cut or changed is
 * noticed, or is another complete answer, and never more than that. */

#include "../base/check.h"

#include "llm/record.h"

#define ROUNDS 300

static struct llm_event text_event(enum llm_event_kind kind, unsigned block, const char *text)
{
    return (struct llm_event){.kind = kind, .block = block, .text = slice_of(text)};
}

static void check_json(yyjson_val *a, yyjson_val *b)
{
    assert_int_equal(a != NULL, b != NULL);
    assert_true(!a || yyjson_equals(a, b));
}

static void check_usage(const struct llm_usage *a, const struct llm_usage *b)
{
    assert_int_equal(a->input, b->input);
    assert_int_equal(a->output, b->output);
    assert_int_equal(a->cache_read, b->cache_read);
    assert_int_equal(a->cache_write, b->cache_write);
    assert_int_equal(a->cache_write_1h, b->cache_write_1h);
    assert_int_equal(a->reasoning, b->reasoning);
    assert_int_equal(a->estimated, b->estimated);
    assert_int_equal(a->tells_cache, b->tells_cache);
    assert_int_equal(a->tells_ttl, b->tells_ttl);
    assert_false(b->has_cost);
}

static void check_event(const struct llm_event *a, const struct llm_event *b)
{
    assert_int_equal(a->kind, b->kind);
    assert_int_equal(a->block, b->block);
    check_slice(b->text, a->text);
    check_slice(b->id, a->id);
    check_slice(b->name, a->name);
    assert_int_equal(a->stop, b->stop);
    check_json(a->json, b->json);
    assert_int_equal(a->usage != NULL, b->usage != NULL);
    if (a->usage)
        check_usage(a->usage, b->usage);
}

/* One of each, in an order that is possible. */
static size_t sample(struct arena *a, const struct llm_usage *usage, struct llm_event *out)
{
    yyjson_val *json = json_parse(SLICE("{\"a\":[1.50,\"x\\n\",null]}"), a, NULL);
    const struct llm_event events[] = {
        {.kind = EV_START, .id = SLICE("msg_1"), .usage = usage},
        text_event(EV_REASONING, 0, "I think"),
        text_event(EV_SIGNATURE, 0, "c2ln"),
        {.kind = EV_BLOCK_STOP},
        text_event(EV_REDACTED, 1, "AAAA"),
        text_event(EV_TEXT, 2, "Gr\303\274\303\237e"),
        text_event(EV_TEXT, 2, ""),
        {.kind = EV_CITATION, .block = 2, .json = json},
        {.kind = EV_BLOCK_START, .block = 70000, .id = SLICE("t1"), .name = SLICE("get")},
        text_event(EV_TOOL_ARGS, 70000, "{\"a\":"),
        text_event(EV_TOOL_ARGS, 70000, "1}"),
        {.kind = EV_BLOCK_STOP, .block = 70000},
        {.kind = EV_FOREIGN, .block = 5, .json = json},
        {.kind = EV_STOP, .stop = LLM_STOP_OTHER, .text = SLICE("zzz"), .name = SLICE("odd")},
        {.kind = EV_NOTE, .name = SLICE("trace"), .json = json},
        {.kind = EV_USAGE, .usage = usage},
        {.kind = EV_END},
    };
    memcpy(out, events, sizeof(events));
    return sizeof(events) / sizeof(*events);
}

static void write_all(struct buf *b, const struct llm_event *events, size_t n)
{
    for (size_t i = 0; i < n; i++)
        llm_record_event(b, &events[i]);
}

static void check_all(struct slice rest, const struct llm_event *events, size_t n, struct arena *a)
{
    struct llm_usage usage;
    struct llm_event e;
    for (size_t i = 0; i < n; i++) {
        assert_true(llm_record_read(&rest, a, &usage, &e));
        check_event(&events[i], &e);
    }
    assert_int_equal(rest.n, 0);
    assert_false(llm_record_read(&rest, a, &usage, &e));
}

static const struct llm_usage sample_usage = {.input = 1,
                                              .output = 1 << 20,
                                              .cache_read = 3,
                                              .cache_write = 400,
                                              .cache_write_1h = 5,
                                              .reasoning = 6,
                                              .estimated = true,
                                              .tells_ttl = true,
                                              .has_cost = true,
                                              .cost = 7};

static void test_every_kind(void **state)
{
    struct arena a;
    struct buf b;
    struct llm_event events[20];
    (void)state;
    arena_init(&a);
    buf_init(&b, SIZE_MAX);
    size_t n = sample(&a, &sample_usage, events);
    write_all(&b, events, n);
    assert_true(llm_record_is_whole(buf_slice(&b)));
    check_all(buf_slice(&b), events, n, &a);
    buf_fini(&b);
    arena_fini(&a);
}

static void test_failures_are_not_recorded(void **state)
{
    struct buf b;
    struct failure f = {.kind = FAILURE_MODEL};
    (void)state;
    buf_init(&b, SIZE_MAX);
    llm_record_event(&b, &(struct llm_event){.kind = EV_FAIL, .failure = &f});
    assert_int_equal(b.n, 0);
    buf_fini(&b);
}

/* Any order of events of any content comes back, but is not always a whole answer. */
static void test_generated(void **state)
{
    struct llm_event events[40];
    struct llm_event kinds[20];
    struct arena a;
    struct buf b;
    (void)state;
    srand(1);
    for (int round = 0; round < ROUNDS; round++) {
        arena_init(&a);
        buf_init(&b, SIZE_MAX);
        size_t count = sample(&a, &sample_usage, kinds), n = (size_t)rand() % 40;
        for (size_t i = 0; i < n; i++) {
            events[i] = kinds[(size_t)rand() % count];
            events[i].block = (unsigned)rand();
        }
        write_all(&b, events, n);
        check_all(buf_slice(&b), events, n, &a);
        buf_fini(&b);
        arena_fini(&a);
    }
}

static void test_cut_anywhere(void **state)
{
    struct arena a;
    struct buf b;
    struct llm_event events[20];
    (void)state;
    arena_init(&a);
    buf_init(&b, SIZE_MAX);
    write_all(&b, events, sample(&a, &sample_usage, events));
    for (size_t n = 0; n < b.n; n++) {
        char *copy = malloc(n + 1); /* so that reading past its end is seen */
        memcpy(copy, b.p, n);
        assert_false(llm_record_is_whole(slice_make(copy, n)));
        free(copy);
    }
    buf_add_char(&b, 0);
    assert_false(llm_record_is_whole(buf_slice(&b)));
    buf_fini(&b);
    arena_fini(&a);
}

static void test_what_is_no_answer(void **state)
{
    static const struct {
        const char *what;
        enum llm_event_kind kinds[5];
        size_t n;
        const char *text;
    } rows[] = {
        {"nothing", {0}, 0, ""},
        {"no beginning", {EV_TEXT, EV_STOP, EV_END}, 3, ""},
        {"two beginnings", {EV_START, EV_START, EV_STOP, EV_END}, 4, ""},
        {"no end", {EV_START, EV_TEXT, EV_STOP}, 3, ""},
        {"no stop", {EV_START, EV_TEXT, EV_END}, 3, ""},
        {"more behind the end", {EV_START, EV_STOP, EV_END, EV_TEXT}, 4, ""},
        {"no UTF-8", {EV_START, EV_TEXT, EV_STOP, EV_END}, 4, "\xff"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf b;
        buf_init(&b, SIZE_MAX);
        for (size_t k = 0; k < rows[i].n; k++)
            llm_record_event(
                &b, &(struct llm_event){.kind = rows[i].kinds[k], .text = slice_of(rows[i].text)});
        if (llm_record_is_whole(buf_slice(&b)))
            fail_msg("%s", rows[i].what);
        buf_fini(&b);
    }
}

static void test_no_room(void **state)
{
    struct buf b;
    struct llm_event e = text_event(EV_TEXT, 0, "0123456789");
    (void)state;
    buf_init(&b, 30);
    llm_record_event(&b, &e);
    llm_record_event(&b, &e);
    size_t n = b.n;
    assert_false(b.overflow);
    llm_record_event(&b, &e);
    assert_true(b.overflow);
    assert_int_equal(b.n, n);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_kind), cmocka_unit_test(test_failures_are_not_recorded),
        cmocka_unit_test(test_generated),  cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_no_room),    cmocka_unit_test(test_what_is_no_answer),
    };
    return cmocka_run_group_tests_name("llm/record", tests, NULL, NULL);
}
