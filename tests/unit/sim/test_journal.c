/* Counters, the last calls, and the routes that tell them. */

#include "check.h"
#include "control.h"

struct world {
    struct journal *journal;
    struct service *service;
    struct buf out;
    struct arena arena;
};

static void begin(struct world *w)
{
    w->journal = malloc(sizeof(*w->journal));
    w->service = malloc(sizeof(*w->service));
    journal_init(w->journal);
    service_init(w->service);
    buf_init(&w->out, 100 << 20);
    arena_init(&w->arena);
}

static void finish(struct world *w)
{
    journal_fini(w->journal);
    free(w->journal);
    free(w->service);
    buf_fini(&w->out);
    arena_fini(&w->arena);
}

static yyjson_val *ask(struct world *w, const char *method, const char *path, const char *query,
                       int status)
{
    const struct http_head head = {
        .method = slice_of(method), .path = slice_of(path), .query = slice_of(query)};
    assert_true(control_owns(&head));
    buf_reset(&w->out);
    assert_int_equal(control_answer(w->journal, w->service, &head, 5000, &w->out), status);
    yyjson_val *v = json_parse(buf_slice(&w->out), &w->arena, NULL);
    assert_non_null(v);
    return v;
}

static uint64_t record(struct world *w, const char *text)
{
    static const struct http_header headers[] = {
        {{"Host", 4}, {"h", 1}},
        {{"authorization", 13}, {"AWS4-HMAC-SHA256 Credential=a, Signature=secret", 47}},
    };
    const struct http_head head = {
        .method = SLICE("POST"), .path = SLICE("/model/x/converse"), .headers = {headers, 2}};
    struct buf body;
    buf_init(&body, 64 << 20);
    buf_add(&body, slice_of(text));
    const uint64_t sequence = journal_begin(w->journal, &head, &body, 1000);
    assert_int_equal(body.n, 0);
    buf_fini(&body);
    return sequence;
}

static int64_t member(yyjson_val *v, const char *name)
{
    int64_t value = -1;
    json_int(json_get(v, name), &value);
    return value;
}

static void test_counters(void **state)
{
    struct world w;
    begin(&w);
    const uint64_t a = record(&w, "{}"), b = record(&w, "{}"), c = record(&w, "{}");
    record(&w, "{}");
    journal_end(w.journal, a, OUTCOME_COMPLETED, 200, 7, 1000, 1100);
    journal_end(w.journal, b, OUTCOME_FAILED, 429, 0, 1000, 1100);
    journal_end(w.journal, c, OUTCOME_CANCELLED, 200, 3, 1000, 1250);
    yyjson_val *v = ask(&w, "GET", "/_sim/stats", "", 200);
    assert_int_equal(member(v, "requests"), 4);
    assert_int_equal(member(v, "live"), 1);
    assert_int_equal(member(v, "completed"), 1);
    assert_int_equal(member(v, "failed"), 1);
    assert_int_equal(member(v, "cancelled"), 1);
    assert_int_equal(member(v, "frames"), 10);
    assert_int_equal(member(v, "last_cancel_ms"), 250);
    assert_int_equal(member(v, "last_cancel_at"), 1250);
    assert_int_equal(member(v, "now"), 5000);
    finish(&w);
}

static void test_told(void **state)
{
    struct world w;
    char id[] = "a0", longest[2 * TOLD_ID_SIZE];
    begin(&w);
    struct told *t = &w.service->told;
    const struct usage usage = {.input = 7, .output = 5, .read = 3, .write = 2};
    told_count(told_of(t, SLICE("x")), &usage);
    told_count(told_of(t, SLICE("x")), &usage);
    memset(longest, 'l', sizeof(longest));
    for (int i = 0; i < 2; i++)
        told_count(told_of(t, slice_make(longest, sizeof(longest))), &usage);
    assert_int_equal(t->n, 2);
    for (int i = 0; i < TOLD_MODELS; i++, id[1]++)
        told_count(told_of(t, slice_make(id, 2)), &usage);
    yyjson_val *v = json_get(ask(&w, "GET", "/_sim/stats", "", 200), "told");
    assert_int_equal(yyjson_obj_size(v), TOLD_MODELS + 1);
    assert_int_equal(member(json_get(v, "x"), "calls"), 2);
    assert_int_equal(member(json_get(v, "x"), "input"), 14);
    assert_int_equal(member(json_get(v, "x"), "output"), 10);
    assert_int_equal(member(json_get(v, "x"), "read"), 6);
    assert_int_equal(member(json_get(v, "x"), "write"), 4);
    assert_int_equal(member(json_get(v, "a0"), "calls"), 1);
    assert_int_equal(member(json_get(v, "other"), "calls"), 2);
    ask(&w, "POST", "/_sim/reset", "", 200);
    v = json_get(ask(&w, "GET", "/_sim/stats", "", 200), "told");
    assert_int_equal(member(json_get(v, "x"), "input"), 0);
    finish(&w);
}

static void test_requests(void **state)
{
    struct world w;
    begin(&w);
    journal_end(w.journal, record(&w, "{\"a\": [1]}"), OUTCOME_COMPLETED, 200, 7, 1000, 1100);
    record(&w, "no json");
    yyjson_val *v = ask(&w, "GET", "/_sim/requests", "", 200);
    assert_int_equal(yyjson_arr_size(v), 2);
    yyjson_val *first = yyjson_arr_get(v, 0), *second = yyjson_arr_get(v, 1);
    check_text("path", json_get_slice(first, "path"), "/model/x/converse");
    check_text("method", json_get_slice(first, "method"), "POST");
    check_text("outcome", json_get_slice(first, "outcome"), "completed");
    check_text("signature", json_get_slice(json_get(first, "headers"), "authorization"),
               "AWS4-HMAC-SHA256 Credential=a, Signature=");
    assert_int_equal(member(first, "frames"), 7);
    assert_int_equal(member(first, "ms"), 100);
    assert_int_equal(yyjson_arr_size(json_get(json_get(first, "body"), "a")), 1);
    check_text("outcome", json_get_slice(second, "outcome"), "live");
    assert_true(yyjson_is_null(json_get(second, "body")));
    assert_int_equal(member(second, "body_bytes"), 7);
    v = ask(&w, "GET", "/_sim/requests", "last=1", 200);
    assert_int_equal(yyjson_arr_size(v), 1);
    assert_int_equal(member(yyjson_arr_get(v, 0), "sequence"), 2);
    finish(&w);
}

static void test_bounds(void **state)
{
    struct world w;
    begin(&w);
    const uint64_t first = record(&w, "{}");
    for (int i = 0; i < JOURNAL_ENTRIES; i++)
        record(&w, "{}");
    yyjson_val *v = ask(&w, "GET", "/_sim/requests", "last=500", 200);
    assert_int_equal(yyjson_arr_size(v), JOURNAL_ENTRIES);
    assert_int_equal(member(yyjson_arr_get(v, 0), "sequence"), 2);
    journal_end(w.journal, first, OUTCOME_COMPLETED, 200, 0, 0, 0); /* its entry is gone */
    assert_int_equal(w.journal->completed, 1);
    char *big = malloc(20 << 20);
    memset(big, 'x', 20 << 20);
    big[(20 << 20) - 1] = '\0';
    for (int i = 0; i < 5; i++) {
        record(&w, big);
        assert_true(w.journal->bytes <= JOURNAL_BYTES_MAX);
    }
    assert_true(w.journal->bytes > JOURNAL_BYTES_MAX / 2);
    free(big);
    finish(&w);
}

static void test_reset(void **state)
{
    struct world w;
    begin(&w);
    const uint64_t live = record(&w, "{}");
    journal_end(w.journal, record(&w, "{}"), OUTCOME_COMPLETED, 200, 0, 0, 0);
    check_text("reset", json_get_slice(ask(&w, "POST", "/_sim/reset", "", 200), "status"), "reset");
    w.service->quota.refused = 7;
    assert_int_equal(member(ask(&w, "GET", "/_sim/stats", "", 200), "throttled"), 7);
    service_reset(w.service);
    yyjson_val *v = ask(&w, "GET", "/_sim/stats", "", 200);
    assert_int_equal(member(v, "admitted"), 0);
    assert_int_equal(member(v, "throttled"), 0);
    assert_int_equal(member(v, "requests"), 0);
    assert_int_equal(member(v, "live"), 1);
    assert_int_equal(member(v, "completed"), 0);
    assert_int_equal(yyjson_arr_size(ask(&w, "GET", "/_sim/requests", "", 200)), 0);
    journal_end(w.journal, live, OUTCOME_COMPLETED, 200, 0, 0, 0);
    assert_int_equal(w.journal->live, 0);
    finish(&w);
}

static void test_routes(void **state)
{
    const struct http_head other = {.method = SLICE("GET"), .path = SLICE("/model/_sim/stats")};
    struct world w;
    begin(&w);
    assert_false(control_owns(&other));
    ask(&w, "GET", "/_sim/health", "", 200);
    ask(&w, "GET", "/_sim/nothing", "", 404);
    ask(&w, "GET", "/_sim/reset", "", 404);
    ask(&w, "POST", "/_sim/stats", "", 404);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_counters), cmocka_unit_test(test_told),
        cmocka_unit_test(test_requests), cmocka_unit_test(test_bounds),
        cmocka_unit_test(test_reset),    cmocka_unit_test(test_routes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
