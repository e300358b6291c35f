/* The token counter from the client's bytes to Bedrock's CountTokens and back. */

#include "attempt.h"

#include "dialect/token_counter.h"
#include "provider/count.h"

static void use_model(struct fixture *x, const char *id)
{
    x->attempt.model_id = slice_of(id);
    x->attempt.model = models_find(x->models, slice_of(id), SLICE("eu-west-1"), NULL, &x->arena);
}

static bool parse(struct fixture *x, const char *body)
{
    yyjson_val *v = json_parse(slice_of(body), &x->arena, NULL);
    assert_non_null(v);
    return token_counter_parse(v, &x->arena, &x->request, &x->failure);
}

static const struct {
    const char *id, *counted; /* NULL: estimated */
} models[] = {
    {"eu.anthropic.claude-3-7-sonnet-20250219-v1:0", "anthropic.claude-3-7-sonnet-20250219-v1:0"},
    {"global.anthropic.claude-sonnet-4-5-20250929-v1:0",
     "anthropic.claude-sonnet-4-5-20250929-v1:0"},
    {"us.anthropic.claude-opus-4-7", NULL}, /* counted at another endpoint only */
    {"us.amazon.nova-pro-v1:0", NULL},
    {"meta.llama3-1-8b-instruct-v1:0", NULL},
};

static void test_which_models(void **state)
{
    for (size_t i = 0; i < sizeof(models) / sizeof(*models); i++) {
        struct fixture x;
        fixture_init(&x);
        use_model(&x, models[i].id);
        struct slice id = count_model(&x.attempt);
        assert_true(models[i].counted ? slice_eq(id, slice_of(models[i].counted)) : !id.p);
        fixture_fini(&x);
    }
}

#define TEXT(role, text) "{\"role\":\"" role "\",\"content\":[{\"text\":\"" text "\"}]}"

static const struct {
    const char *body, *converse;
} bodies[] = {
    {"{\"model\":\"m\",\"prompt\":\"Hi\",\"messages\":null}",
     "{\"messages\":[" TEXT("user", "Hi") "]}"},
    {"{\"messages\":[{\"role\":\"system\",\"content\":\"S\"},{\"role\":\"user\",\"content\":"
     "\"Hi\"}],\"prompt\":\"ignored\",\"max_tokens\":5,\"seed\":7}",
     "{\"messages\":[" TEXT("user", "Hi") "],\"system\":[{\"text\":\"S\"}]}"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}],\"tools\":[{\"type\":\"function\","
     "\"function\":{\"name\":\"f\",\"parameters\":{\"type\":\"object\"}}}]}",
     "{\"messages\":[" TEXT("user", "Hi") "],\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
                                          "\"f\",\"description\":\"f\",\"inputSchema\":{\"json\":{"
                                          "\"type\":\"object\",\"properties\":{},"
                                          "\"required\":[]}}}}]}}"},
    {"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"text\":\"b\"}]},{\"role\":"
     "\"model\",\"parts\":[{\"text\":\"c\"}]},{\"parts\":[{\"text\":\"d\"}]}]}",
     "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"},{\"text\":\"b\"}]}," TEXT(
         "assistant", "c") "," TEXT("user", "d") "]}"},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct fixture x;
        struct http_call call;
        fixture_init(&x);
        assert_true(parse(&x, bodies[i].body));
        assert_true(count_build(&x.attempt, SLICE("anthropic.claude:0"), &call, &x.failure));
        check_text(call.body,
                   arena_printf(&x.arena, "{\"input\":{\"converse\":%s}}", bodies[i].converse).p);
        assert_string_equal(call.url, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/"
                                      "anthropic.claude%3A0/count-tokens");
        assert_true(http_header_get(call.headers, "authorization").n);
        fixture_fini(&x);
    }
}

static const struct {
    const char *body, *message;
} refused[] = {
    {"[]", "the request body must be a JSON object, got array"},
    {"{\"model\":\"m\"}", "prompt or messages or contents must be provided"},
    {"{\"prompt\":[\"a\"]}", "prompt: expected a string, got array"},
    {"{\"contents\":\"a\"}", "contents: expected a list, got string"},
    {"{\"contents\":[{\"parts\":[{\"text\":\"a\"}]},{\"parts\":[{\"inlineData\":{}}]}]}",
     "contents[1]: expected {role, parts: [{text}]}"},
    {"{\"contents\":[7]}", "contents[0]: expected {role, parts: [{text}]}"},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct fixture x;
        fixture_init(&x);
        assert_false(parse(&x, refused[i].body));
        assert_int_equal(x.failure.status, 400);
        check_text(x.failure.message, refused[i].message);
        fixture_fini(&x);
    }
}

static void test_what_is_elsewhere_is_not_counted(void **state)
{
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    assert_true(parse(&x, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
                          "\"image_url\":{\"url\":\"https://a.b/c.png\"}}]}]}"));
    assert_false(count_build(&x.attempt, SLICE("m"), &call, &x.failure));
    assert_int_equal(x.failure.status, 400);
    fixture_fini(&x);
}

static const struct {
    int status;
    const char *type, *body;
    int64_t tokens; /* -1: a failure */
    bool unsupported;
    int failure;
} answers[] = {
    {200, "", "{\"inputTokens\":12}", 12, false, 0},
    {200, "", "{\"inputTokens\":\"12\"}", -1, false, 502},
    {200, "", "{\"inputTokens\":-1}", -1, false, 502},
    {200, "", "<html>", -1, false, 502},
    {400, "ValidationException",
     "{\"message\":\"The provided model doesn't support counting tokens.\"}", -1, true, 400},
    {400, "ValidationException", "{\"message\":\"messages.0.content is empty\"}", -1, false, 400},
    {429, "ThrottlingException", "{\"message\":\"Too many requests\"}", -1, false, 429},
};

static void test_answers(void **state)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct fixture x;
        struct http_header h = {SLICE("x-amzn-errortype"), slice_of(answers[i].type)};
        int64_t tokens;
        bool unsupported;
        fixture_init(&x);
        bool good = count_read(&x.attempt, answers[i].status, (struct http_headers){&h, 1},
                               slice_of(answers[i].body), &tokens, &unsupported, &x.failure);
        assert_int_equal(good, answers[i].tokens >= 0);
        if (good)
            assert_int_equal(tokens, answers[i].tokens);
        assert_int_equal(unsupported, answers[i].unsupported);
        assert_int_equal(x.failure.status, answers[i].failure);
        fixture_fini(&x);
    }
}

static void test_reply(void **state)
{
    struct buf out;
    struct failure f = {
        .kind = FAILURE_RATE_LIMIT, .status = 429, .message = SLICE("slow \"down\"")};
    struct token_count c = {12, SLICE("claude"), SLICE("anthropic.claude"), false, NULL};
    buf_init(&out, 4096);
    token_counter_write(&c, &out);
    check_text(buf_slice(&out),
               "{\"total_tokens\":12,\"request_model\":\"claude\",\"model_used\":\"anthropic."
               "claude\",\"tokenizer_type\":\"bedrock_api\",\"original_response\":{\"inputTokens\":"
               "12},\"error\":false,\"error_message\":null,\"status_code\":null}");
    buf_reset(&out);
    c.estimated = true;
    c.failure = &f;
    token_counter_write(&c, &out);
    check_text(buf_slice(&out),
               "{\"total_tokens\":12,\"request_model\":\"claude\",\"model_used\":\"anthropic."
               "claude\",\"tokenizer_type\":\"estimate\",\"original_response\":null,\"error\":true,"
               "\"error_message\":\"RateLimitError: slow \\\"down\\\"\",\"status_code\":429}");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_which_models),
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_what_is_elsewhere_is_not_counted),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_reply),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
