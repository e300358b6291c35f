/* The call of InvokeModel: who gets it, its URL, and what travels in headers. */

#include "attempt.h"

static const struct model *find(struct fixture *x, const char *id)
{
    return models_find(x->models, slice_of(id), SLICE("us-east-1"), NULL, &x->arena);
}

static void test_choice(void **state)
{
    static const struct {
        const char *id;
        enum bedrock_api asked;
        const struct provider *provider;
    } rows[] = {
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_AUTO, &provider_bedrock},
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_CONVERSE, &provider_bedrock},
        {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", BEDROCK_INVOKE,
         &provider_anthropic_invoke},
        {"anthropic.claude-saga-9", BEDROCK_INVOKE, &provider_anthropic_invoke},
        {"amazon.titan-text-express-v1", BEDROCK_AUTO, &provider_titan},
        {"amazon.titan-text-lite-v1", BEDROCK_INVOKE, &provider_titan},
        {"amazon.titan-text-express-v1", BEDROCK_CONVERSE, &provider_bedrock},
        {"us.amazon.nova-pro-v1:0", BEDROCK_INVOKE, &provider_bedrock},
        {"acme.model-1", BEDROCK_INVOKE, &provider_bedrock},
    };
    struct fixture x;
    fixture_init(&x);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_ptr_equal(provider_choose(rows[i].asked, find(&x, rows[i].id)), rows[i].provider);
    assert_int_equal(provider_bedrock.api, BEDROCK_CONVERSE);
    assert_int_equal(provider_anthropic_invoke.api, BEDROCK_INVOKE);
    assert_int_equal(provider_titan.api, BEDROCK_INVOKE);
    fixture_fini(&x);
}

/* Claude's ids keep their ':', as LiteLLM has it; an ARN is one segment all the same. */
static void test_url(void **state)
{
    static const struct {
        const struct provider *provider;
        const char *id, *path;
        bool stream;
    } rows[] = {
        {&provider_anthropic_invoke, "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
         "/model/us.anthropic.claude-3-7-sonnet-20250219-v1:0/invoke", false},
        {&provider_anthropic_invoke, "a::b:", "/model/a::b:/invoke-with-response-stream", true},
        {&provider_anthropic_invoke,
         "arn:aws:bedrock:us-east-1:1:application-inference-profile/a b",
         "/model/arn:aws:bedrock:us-east-1:1:application-inference-profile%2Fa%20b/invoke", false},
        {&provider_titan, "amazon.titan-text-express-v1:0",
         "/model/amazon.titan-text-express-v1%3A0/invoke-with-response-stream", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        struct http_call call;
        fixture_init(&x);
        x.attempt.model_id = slice_of(rows[i].id);
        x.attempt.api = BEDROCK_INVOKE;
        x.request.stream = rows[i].stream;
        assert_true(rows[i].provider->build(&x.attempt, &call, &x.failure));
        assert_true(slice_ends(slice_of(call.url), slice_of(rows[i].path)));
        check_text(http_header_get(call.headers, "content-type"), "application/json");
        assert_true(slice_find(http_header_get(call.headers, "authorization"),
                               SLICE("SignedHeaders=content-type;host;x-amz-date,")) > 0);
        fixture_fini(&x);
    }
}

static void add_extra(struct fixture *x, struct llm_extra *e, const char *name, const char *json)
{
    *e = (struct llm_extra){.next = x->request.extra,
                            .name = slice_of(name),
                            .value = json_parse(slice_of(json), &x->arena, NULL)};
    x->request.extra = e;
}

static void test_headers(void **state)
{
    struct fixture x;
    struct http_call call;
    struct llm_extra extra[2];
    fixture_init(&x);
    x.request.guardrail = json_parse(
        SLICE("{\"guardrailIdentifier\":\"gr-1\",\"guardrailVersion\":\"DRAFT\",\"trace\":"
              "\"enabled_full\"}"),
        &x.arena, NULL);
    x.request.service_tier = SLICE("priority");
    add_extra(&x, &extra[0], "performanceConfig", "{\"latency\":\"optimized\"}");
    add_extra(&x, &extra[1], "requestMetadata", "{\"team\": \"a\"}");
    assert_true(provider_anthropic_invoke.build(&x.attempt, &call, &x.failure));
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-GuardrailIdentifier"), "gr-1");
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-GuardrailVersion"), "DRAFT");
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-Trace"), "ENABLED_FULL");
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-PerformanceConfig-Latency"),
               "optimized");
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-Request-Metadata"),
               "{\"team\":\"a\"}");
    check_text(http_header_get(call.headers, "X-Amzn-Bedrock-Service-Tier"), "priority");
    assert_true(slice_find(http_header_get(call.headers, "authorization"),
                           SLICE(";x-amzn-bedrock-guardrailidentifier;")) > 0);
    assert_true(slice_find(call.body, SLICE("guardrail")) < 0);
    assert_true(slice_find(call.body, SLICE("team")) < 0);
    fixture_fini(&x);
}

/* What a client wrote cannot begin a header of its own. */
static void test_bad_headers(void **state)
{
    static const struct {
        const char *name, *json;
    } rows[] = {
        {"performanceConfig", "{\"latency\":\"a\\r\\nx-evil: 1\"}"},
        {"requestMetadata", "{\"a\":\"gr\\u00f6\\u00dfer\"}"},
        {"serviceTier", "{\"type\":\"\\u0000\"}"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        struct http_call call;
        struct llm_extra extra;
        fixture_init(&x);
        add_extra(&x, &extra, rows[i].name, rows[i].json);
        assert_false(provider_anthropic_invoke.build(&x.attempt, &call, &x.failure));
        assert_int_equal(x.failure.status, 400);
        check_text(x.failure.param, rows[i].name);
        fixture_fini(&x);
    }
}

static void test_refusals(void **state)
{
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    x.deployment.credentials.access_key_id = SLICE("");
    assert_false(provider_titan.build(&x.attempt, &call, &x.failure));
    assert_int_equal(x.failure.kind, FAILURE_AUTHENTICATION);
    fixture_fini(&x);
    fixture_init(&x);
    x.body.cap = 100;
    assert_false(provider_anthropic_invoke.build(&x.attempt, &call, &x.failure));
    assert_int_equal(x.failure.status, 413);
    fixture_fini(&x);
}

/* A longer conversation begins with the bytes of the shorter one, but for the end. */
static void test_prefix(void **state)
{
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    assert_true(provider_anthropic_invoke.build(&x.attempt, &call, &x.failure));
    struct slice before = arena_dup(&x.arena, call.body);
    struct llm_message answer = {.role = LLM_ASSISTANT, .blocks = &x.block},
                       next = {.role = LLM_USER, .blocks = &x.block};
    x.message.next = &answer;
    answer.next = &next;
    assert_true(provider_anthropic_invoke.build(&x.attempt, &call, &x.failure));
    assert_true(slice_starts(call.body, slice_make(before.p, before.n - 2)));
    check_text(slice_skip(before, before.n - 2), "]}");
    fixture_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_choice),   cmocka_unit_test(test_url),
        cmocka_unit_test(test_headers),  cmocka_unit_test(test_bad_headers),
        cmocka_unit_test(test_refusals), cmocka_unit_test(test_prefix),
    };
    return cmocka_run_group_tests_name("invoke", tests, NULL, NULL);
}
