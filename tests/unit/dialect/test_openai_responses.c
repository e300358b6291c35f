/* Responses: what golden cases cannot show. Conversations that go on from what was kept, longer
 * than a chain may be; pages of an input; an answer that is too large. */

#include "../base/check.h"

#include "dialect/dialect.h"
#include "dialect/responses.h"
#include "llm/fold.h"

#define TURNS (2 * RESPONSES_CHAIN_MAX + 5)

static yyjson_val *parse(struct arena *a, const char *text)
{
    yyjson_val *v = json_parse(slice_of(text), a, NULL);
    assert_non_null(v);
    return v;
}

/* ---- conversations --------------------------------------------------------------------------- */

/* What the gateway's shared state is: records by their number. */
static struct responses_record kept[TURNS];

static const struct responses_record *find(struct slice id)
{
    int64_t n = -1;
    assert_true(slice_to_i64(slice_skip(id, 5), &n) && n >= 0 && n < TURNS);
    return &kept[n];
}

/* One turn, as the gateway makes it; returns the input that the model is given. */
static yyjson_val *turn(struct arena *a, size_t n)
{
    char text[256];
    struct slice chain[RESPONSES_CHAIN_MAX];
    struct responses_record so_far[RESPONSES_CHAIN_MAX + 1];
    struct buf record;
    if (n)
        snprintf(text, sizeof(text), "{\"input\":\"in %zu\",\"previous_response_id\":\"resp_%zu\"}",
                 n, n - 1);
    else
        snprintf(text, sizeof(text), "{\"input\":\"in 0\"}");
    yyjson_val *body = parse(a, text), *expanded = body;
    const struct responses_record *previous = n ? &kept[n - 1] : NULL;
    size_t count = previous ? responses_chain(previous, chain, RESPONSES_CHAIN_MAX) : 0;
    assert_true(count < RESPONSES_CHAIN_MAX);
    for (size_t i = 0; i < count; i++)
        so_far[i] = *find(chain[i]);
    if (previous) {
        so_far[count] = *previous;
        expanded = responses_expand(body, so_far, count + 1, previous, 1, a);
    }
    buf_init(&record, 1 << 20);
    snprintf(text, sizeof(text),
             "{\"id\":\"resp_%zu\",\"output\":[{\"type\":\"message\",\"role\":\"assistant\","
             "\"content\":\"out %zu\"}]}",
             n, n);
    responses_record_end(responses_record_begin(&(struct responses_owner){.key = SLICE("me")},
                                                previous, body, expanded, a),
                         slice_of(text), &record);
    kept[n] = (struct responses_record){arena_printf(a, "resp_%zu", n),
                                        json_parse(buf_slice(&record), a, NULL)};
    assert_non_null(kept[n].json);
    buf_fini(&record);
    return expanded;
}

static void test_long_conversation(void **state)
{
    struct arena a;
    struct llm_request r;
    struct failure f = {0};
    yyjson_val *last = NULL;
    size_t n = 0;
    arena_init(&a);
    for (size_t i = 0; i < TURNS; i++)
        last = turn(&a, i);
    assert_true(dialect_openai_responses.parse(last, &a, &r, &f));
    for (const struct llm_message *m = r.messages; m; m = m->next, n++) {
        char text[32];
        snprintf(text, sizeof(text), "%s %zu", n % 2 ? "out" : "in", n / 2);
        assert_int_equal(m->role, n % 2 ? LLM_ASSISTANT : LLM_USER);
        check_text(m->blocks->text, text);
        assert_null(m->blocks->next);
    }
    assert_int_equal(n, 2 * TURNS - 1);
    arena_fini(&a);
}

/* ---- references ------------------------------------------------------------------------------ */

#define HEX "00000000000000000000000000000001"

static void test_refers(void **state)
{
    struct arena a;
    struct slice ids[RESPONSES_REFERS_MAX];
    size_t n;
    bool goes_on;
    arena_init(&a);
    yyjson_val *body = parse(
        &a, "{\"previous_response_id\":\"resp_p\",\"input\":["
            "{\"type\":\"item_reference\",\"id\":\"msg_" HEX "0\"},"
            "{\"type\":\"item_reference\",\"id\":\"fc_" HEX "1\"},"
            "{\"type\":\"item_reference\",\"id\":\"msg_short\"},{\"type\":\"item_reference\"},"
            "{\"type\":\"message\",\"id\":\"msg_" HEX "2\"}]}");
    assert_true(responses_refers(body, &a, ids, &n, &goes_on));
    assert_true(goes_on);
    assert_int_equal(n, 2);
    check_text(ids[0], "resp_p");
    check_text(ids[1], "resp_" HEX);
    arena_fini(&a);
}

static void test_too_many_references(void **state)
{
    struct arena a;
    struct slice ids[RESPONSES_REFERS_MAX];
    struct buf text;
    size_t n;
    bool goes_on;
    arena_init(&a);
    buf_init(&text, 1 << 20);
    BUF_LITERAL(&text, "{\"input\":[0");
    for (int i = 0; i <= RESPONSES_REFERS_MAX; i++)
        buf_addf(&text, ",{\"type\":\"item_reference\",\"id\":\"msg_%032d0\"}", i);
    BUF_LITERAL(&text, "]}");
    yyjson_val *body = json_parse(buf_slice(&text), &a, NULL);
    assert_false(responses_refers(body, &a, ids, &n, &goes_on));
    buf_fini(&text);
    arena_fini(&a);
}

/* ---- pages ----------------------------------------------------------------------------------- */

static const struct page {
    struct responses_page page;
    const char *ids; /* of the items, and what the list says of its ends */
} pages[] = {
    {{false, 10, {0}}, "a,in_resp_1_1,c|a|c|0"},
    {{true, 10, {0}}, "c,in_resp_1_1,a|c|a|0"},
    {{false, 1, {0}}, "a|a|a|1"},
    {{false, 2, {0}}, "a,in_resp_1_1|a|in_resp_1_1|1"},
    {{false, 2, SLICE("a")}, "in_resp_1_1,c|in_resp_1_1|c|0"},
    {{true, 2, SLICE("in_resp_1_1")}, "a|a|a|0"},
    {{false, 2, SLICE("c")}, "|||0"},
    {{false, 2, SLICE("nobody")}, "|||0"},
};

static void test_pages(void **state)
{
    struct arena a;
    arena_init(&a);
    const struct responses_record r = {
        SLICE("resp_1"), parse(&a, "{\"input\":[{\"id\":\"a\",\"role\":\"user\",\"content\":\"x\"},"
                                   "{\"type\":\"message\"},{\"id\":\"c\"}]}")};
    for (size_t i = 0; i < sizeof(pages) / sizeof(*pages); i++) {
        struct buf out, told;
        struct json_writer w;
        yyjson_val *list, *item;
        buf_init(&out, 1 << 16);
        buf_init(&told, 1 << 16);
        json_begin(&w, &out);
        responses_write_input(&r, &pages[i].page, &w);
        list = json_parse(buf_slice(&out), &a, NULL);
        yyjson_arr_iter it = yyjson_arr_iter_with(json_get(list, "data"));
        for (int n = 0; (item = yyjson_arr_iter_next(&it)); n++)
            buf_addf(&told, "%s%.*s", n ? "," : "", SLICE_ARG(json_get_slice(item, "id")));
        buf_addf(&told, "|%.*s|%.*s|%d", SLICE_ARG(json_get_slice(list, "first_id")),
                 SLICE_ARG(json_get_slice(list, "last_id")),
                 yyjson_is_true(json_get(list, "has_more")));
        check_text(buf_slice(&told), pages[i].ids);
        buf_fini(&out);
        buf_fini(&told);
    }
    arena_fini(&a);
}

/* ---- whose they are -------------------------------------------------------------------------- */

static const struct {
    struct responses_owner owner, caller;
    bool may;
} owners[] = {
    {{.key = SLICE("k")}, {.key = SLICE("k")}, true},
    {{.key = SLICE("k")}, {.key = SLICE("l")}, false},
    {{.key = SLICE("k")}, {.key = SLICE("k"), .user = SLICE("u")}, true},
    {{.key = SLICE("k")}, {.key = SLICE("l"), .user = SLICE("k")}, false},
    {{.key = SLICE("k"), .user = SLICE("u")}, {.key = SLICE("l"), .user = SLICE("u")}, true},
    {{.key = SLICE("k"), .user = SLICE("u")}, {.key = SLICE("k"), .user = SLICE("v")}, false},
    {{.key = SLICE("k"), .user = SLICE("u")}, {.key = SLICE("k"), .team = SLICE("u")}, false},
    {{.key = SLICE("k"), .team = SLICE("t")}, {.key = SLICE("l"), .team = SLICE("t")}, true},
    {{.key = SLICE("k"), .user = SLICE("u"), .team = SLICE("t")}, {.user = SLICE("u")}, false},
    {.may = true}, /* no keys at all */
};

static void test_owners(void **state)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *body = parse(&a, "{\"input\":\"x\"}");
    for (size_t i = 0; i < sizeof(owners) / sizeof(*owners); i++) {
        struct responses_record r = {0};
        struct buf record;
        buf_init(&record, 1 << 16);
        responses_record_end(responses_record_begin(&owners[i].owner, NULL, body, body, &a),
                             SLICE("{}"), &record);
        r.json = json_parse(buf_slice(&record), &a, NULL);
        assert_int_equal(responses_is_of(&r, &owners[i].caller), owners[i].may);
        buf_fini(&record);
    }
    arena_fini(&a);
}

/* ---- bounds ---------------------------------------------------------------------------------- */

static void test_too_large(void **state)
{
    const struct dialect *dialect = &dialect_openai_responses;
    const struct dialect_answer answer = {SLICE("id"), SLICE("m"), 1, SLICE("u")};
    static char piece[4 << 20];
    struct arena a;
    struct llm_request r;
    struct buf out;
    bool failed = false;
    arena_init(&a);
    llm_request_init(&r);
    buf_init(&out, SIZE_MAX);
    memset(piece, 'x', sizeof(piece));
    void *encoder = dialect->encoder(&a, &r, &answer);
    for (size_t n = 0; n <= LLM_ANSWER_MAX; n += sizeof(piece)) {
        assert_false(failed);
        buf_reset(&out);
        dialect->encode(encoder,
                        &(struct llm_event){.kind = EV_TEXT, .text = {piece, sizeof(piece)}}, &out);
        failed = slice_find(buf_slice(&out), SLICE("event: response.failed")) >= 0;
    }
    assert_true(failed);
    buf_reset(&out);
    dialect->encode(encoder, &(struct llm_event){.kind = EV_END}, &out);
    assert_int_equal(out.n, 0);
    assert_int_equal(dialect->kept(encoder).n, 0);
    buf_fini(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_long_conversation),
        cmocka_unit_test(test_refers),
        cmocka_unit_test(test_too_many_references),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_owners),
        cmocka_unit_test(test_too_large),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
