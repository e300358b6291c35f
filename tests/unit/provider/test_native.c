/* Bedrock's own calls: the body goes out as it is, the answer's bytes come as they are, whatever
 * pieces they came in, and its usage is read beside. */

#include "attempt.h"

#include "dialect/dialect.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"

struct seen {
    struct buf raw;
    struct llm_usage usage;
    struct failure failure;
    bool ended;
};

static void on_event(void *user, const struct llm_event *e)
{
    struct seen *s = user;
    if (e->kind == EV_RAW)
        buf_add(&s->raw, e->text);
    if (e->kind == EV_USAGE)
        s->usage = *e->usage;
    if (e->kind == EV_FAIL)
        s->failure = *e->failure;
    s->ended = s->ended || e->kind == EV_END;
}

static void frame(struct buf *out, const char *kind, const char *type, struct slice payload)
{
    bool event = !strcmp(kind, "event");
    const struct eventstream_header headers[] = {
        {event ? SLICE(":event-type") : SLICE(":exception-type"), slice_of(type)},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), slice_of(kind)},
    };
    eventstream_write(out, headers, 3, payload);
}

static void chunk(struct buf *out, const char *json)
{
    struct buf payload;
    buf_init(&payload, 4096);
    BUF_LITERAL(&payload, "{\"bytes\":\"");
    base64_encode(slice_of(json), &payload);
    BUF_LITERAL(&payload, "\"}");
    frame(out, "event", "chunk", buf_slice(&payload));
    buf_fini(&payload);
}

static void feed(struct fixture *x, struct seen *s, struct http_headers headers, int status,
                 struct slice bytes, size_t cut)
{
    struct llm_sink sink = {on_event, s};
    *s = (struct seen){.ended = false};
    buf_init(&s->raw, 1 << 20);
    void *decoder = provider_native.decoder(&x->attempt, status, headers, &sink);
    provider_native.feed(decoder, slice_make(bytes.p, cut));
    provider_native.feed(decoder, slice_skip(bytes, cut));
    provider_native.finish(decoder);
    provider_native.fini(decoder);
}

/* At every split: all bytes, the counts, a good end. */
static void check_stream(struct fixture *x, struct slice bytes, int64_t input, int64_t output)
{
    struct seen s;
    for (size_t cut = 0; cut <= bytes.n; cut++) {
        feed(x, &s, (struct http_headers){0}, 200, bytes, cut);
        assert_true(s.ended && slice_eq(buf_slice(&s.raw), bytes));
        assert_int_equal(s.usage.input, input);
        assert_int_equal(s.usage.output, output);
        buf_fini(&s.raw);
    }
}

static void test_calls(void **state)
{
    static const struct {
        enum llm_native native;
        bool stream;
        const char *id, *api, *called;
    } rows[] = {
        {LLM_NATIVE_CONVERSE, false, "a", "/converse", "a"},
        {LLM_NATIVE_CONVERSE, true, "a", "/converse-stream", "a"},
        {LLM_NATIVE_INVOKE, false, "a", "/invoke", "a"},
        {LLM_NATIVE_INVOKE, true, "a", "/invoke-with-response-stream", "a"},
        {LLM_NATIVE_COUNT, false, "eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "/count-tokens",
         "anthropic.claude-3-7-sonnet-20250219-v1%3A0"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        struct http_call call;
        fixture_init(&x);
        x.attempt.model_id = slice_of(rows[i].id);
        x.request.native = rows[i].native;
        x.request.stream = rows[i].stream;
        x.request.native_body = SLICE(" {\"no\": matter\xff ");
        for (int again = 0; again < 2; again++) {
            assert_true(provider_native.build(&x.attempt, &call, &x.failure));
            assert_true(slice_eq(call.body, x.request.native_body));
        }
        struct slice path =
            ARENA_JOIN(&x.arena, SLICE("/model/"), slice_of(rows[i].called), slice_of(rows[i].api));
        assert_true(slice_ends(slice_of(call.url), path));
        fixture_fini(&x);
    }
}

static void test_converse_stream(void **state)
{
    struct fixture x;
    struct buf b;
    fixture_init(&x);
    buf_init(&b, 1 << 16);
    x.request.native = LLM_NATIVE_CONVERSE;
    x.request.stream = true;
    frame(&b, "event", "messageStart", SLICE("{\"role\":\"assistant\"}"));
    frame(&b, "event", "contentBlockDelta",
          SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hi\"},\"p\":\"ab\"}"));
    frame(&b, "event", "somethingNew", SLICE("not JSON"));
    frame(&b, "event", "messageStop", SLICE("{\"stopReason\":\"end_turn\"}"));
    frame(&b, "event", "metadata", SLICE("{\"usage\":{\"inputTokens\":7,\"outputTokens\":3}}"));
    frame(&b, "event", "somethingLater", SLICE("{}"));
    check_stream(&x, buf_slice(&b), 7, 3);
    buf_fini(&b);
    fixture_fini(&x);
}

/* Of a model that nobody here knows: Bedrock's own counts. */
static void test_invoke_stream(void **state)
{
    struct fixture x;
    struct buf b;
    fixture_init(&x);
    buf_init(&b, 1 << 16);
    x.request.native = LLM_NATIVE_INVOKE;
    x.request.stream = true;
    x.attempt.model = models_find(x.models, SLICE("meta.llama3-8b-instruct-v1:0"),
                                  SLICE("us-east-1"), NULL, &x.arena);
    chunk(&b, "{\"generation\":\"Hi\"}");
    chunk(&b, "{\"generation\":\"\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":9,"
              "\"outputTokenCount\":2}}");
    check_stream(&x, buf_slice(&b), 9, 2);
    buf_fini(&b);
    fixture_fini(&x);
}

static void test_whole(void **state)
{
    const struct http_header counts[] = {
        {SLICE("X-Amzn-Bedrock-Input-Token-Count"), SLICE("5")},
        {SLICE("X-Amzn-Bedrock-Output-Token-Count"), SLICE("1")},
    };
    struct slice body = SLICE("{ \"generation\" : \"Hi\" }");
    struct fixture x;
    struct seen s;
    fixture_init(&x);
    x.request.native = LLM_NATIVE_INVOKE;
    x.attempt.model = models_find(x.models, SLICE("meta.llama3-8b-instruct-v1:0"),
                                  SLICE("us-east-1"), NULL, &x.arena);
    feed(&x, &s, (struct http_headers){counts, 2}, 200, body, 4);
    assert_true(s.ended && slice_eq(buf_slice(&s.raw), body));
    assert_int_equal(s.usage.input, 5);
    buf_fini(&s.raw);
    x.request.native = LLM_NATIVE_CONVERSE; /* no answer of Converse: whose matter is that? */
    feed(&x, &s, (struct http_headers){0}, 200, body, 4);
    assert_true(s.ended && slice_eq(buf_slice(&s.raw), body));
    buf_fini(&s.raw);
    fixture_fini(&x);
}

/* Bedrock's name and words, without what is added for people. */
static void test_failures(void **state)
{
    const struct http_header type = {SLICE("x-amzn-errortype"), SLICE("ThrottlingException:http")};
    struct fixture x;
    struct seen s;
    struct buf b;
    fixture_init(&x);
    buf_init(&b, 1 << 16);
    x.request.native = LLM_NATIVE_CONVERSE;
    x.request.stream = true;
    feed(&x, &s, (struct http_headers){&type, 1}, 429, SLICE("{\"message\":\"Too many\"}"), 0);
    assert_int_equal(s.failure.kind, FAILURE_RATE_LIMIT);
    assert_string_equal(dialect_bedrock_native.error_name(&s.failure), "ThrottlingException");
    dialect_bedrock_native.encode_failure(&s.failure, &b);
    check_text(buf_slice(&b), "{\"message\":\"Too many\"}");
    assert_int_equal(s.raw.n, 0);
    buf_fini(&s.raw);
    buf_reset(&b);
    frame(&b, "event", "messageStart", SLICE("{\"role\":\"assistant\"}"));
    size_t good = b.n;
    frame(&b, "exception", "modelStreamErrorException", SLICE("{\"message\":\"It broke\"}"));
    feed(&x, &s, (struct http_headers){0}, 200, buf_slice(&b), 3);
    assert_false(s.ended);
    /* What went out, and the exception that the dialect writes: the same bytes. */
    dialect_bedrock_native.encode(NULL, &(struct llm_event){.kind = EV_FAIL, .failure = &s.failure},
                                  &s.raw);
    assert_true(slice_eq(buf_slice(&s.raw), buf_slice(&b)) && good < b.n);
    buf_fini(&s.raw);
    buf_fini(&b);
    fixture_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),         cmocka_unit_test(test_converse_stream),
        cmocka_unit_test(test_invoke_stream), cmocka_unit_test(test_whole),
        cmocka_unit_test(test_failures),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
