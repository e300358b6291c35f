/* What texts decide about an error, and what a person is told to do. */

#include "attempt.h"

#include "bedrock.h"

#define SONNET "anthropic.claude-3-7-sonnet-20250219-v1:0"

static void test_texts(void **state)
{
    static const struct {
        const char *text;
        enum failure_kind kind;
        int status, retry_after_s;
    } rows[] = {
        {"Input is too long for requested model.", FAILURE_CONTEXT_WINDOW, 400, 0},
        {"prompt is too long: 210000 tokens > 200000 maximum", FAILURE_CONTEXT_WINDOW, 400, 0},
        {"input length and `max_tokens` exceed context limit: 1 + 2 > 2", FAILURE_CONTEXT_WINDOW,
         400, 0},
        {"The input exceeds the maximum number of tokens", FAILURE_CONTEXT_WINDOW, 400, 0},
        {"This model's maximum context length is 8192 tokens", FAILURE_CONTEXT_WINDOW, 400, 0},
        {"400 Bad Request: Too many input tokens. Max input tokens: 8192", FAILURE_CONTEXT_WINDOW,
         400, 0},
        {"too many tokens: total number of tokens in the prompt cannot exceed 4081",
         FAILURE_CONTEXT_WINDOW, 400, 0},
        {"#/inputText: expected maxLength: 50000, actual: 60000", FAILURE_CONTEXT_WINDOW, 400, 0},
        {"#/tools/0/name: expected maxLength: 64, actual: 80", FAILURE_BAD_REQUEST, 400, 0},
        {"The maximum tokens you requested exceeds the model limit of 4096.", FAILURE_BAD_REQUEST,
         400, 0},
        {"Too many tokens, please wait before trying again.", FAILURE_RATE_LIMIT, 429, 1},
        {"Too many connections, please wait before trying again.", FAILURE_RATE_LIMIT, 429, 1},
        {"Bedrock is unable to process your request.", FAILURE_UNAVAILABLE, 503, 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int frame = 0; frame < 2; frame++) {
            struct fixture x;
            struct failure f = {0};
            fixture_init(&x);
            struct slice body = arena_printf(&x.arena, "{\"message\":\"%s\"}", rows[i].text);
            if (frame)
                bedrock_exception(&f, &x.attempt, SLICE("validationException"), body);
            else
                bedrock_failure(&f, &x.attempt, 400, SLICE("ValidationException"), body);
            if (f.kind != rows[i].kind)
                fail_msg("%s: kind %d", rows[i].text, f.kind);
            assert_int_equal(f.status, rows[i].status);
            assert_int_equal(f.retry_after_s, rows[i].retry_after_s);
            assert_int_equal(f.retryable, f.status > 400);
            assert_true(slice_find(f.message, slice_of(rows[i].text)) > 0);
            fixture_fini(&x);
        }
}

/* What Bedrock says by code stands, whatever the text. */
static void test_codes_win(void **state)
{
    struct fixture x;
    struct failure f = {0};
    fixture_init(&x);
    bedrock_failure(&f, &x.attempt, 503, SLICE("ServiceUnavailableException"),
                    SLICE("{\"message\":\"Too many connections\"}"));
    assert_int_equal(f.status, 503);
    f = (struct failure){0};
    bedrock_failure(&f, &x.attempt, 429, SLICE("ModelNotReadyException"), SLICE("{}"));
    assert_int_equal(f.retry_after_s, 5);
    f = (struct failure){0};
    bedrock_failure(&f, &x.attempt, 424, SLICE("ModelErrorException"),
                    SLICE("{\"message\":\"It failed.\",\"originalMessage\":\"Overloaded\"}"));
    check_text(f.message, "ModelErrorException: It failed. The model said: Overloaded");
    fixture_fini(&x);
}

static void test_hints(void **state)
{
    static const struct {
        const char *id, *region, *code, *text, *hint;
    } rows[] = {
        {SONNET, "eu-west-1", "ValidationException",
         "Invocation of model ID x with on-demand throughput isn\xe2\x80\x99t supported.",
         " supported. Call it through its inference profile, with model: bedrock/eu." SONNET " ("},
        {SONNET, "us-gov-west-1", "ValidationException", "on-demand throughput",
         "bedrock/us-gov." SONNET},
        {SONNET, "ap-south-1", "ValidationException", "on-demand throughput",
         "bedrock/apac." SONNET},
        {SONNET, "me-south-1", "ValidationException", "on-demand throughput",
         "bedrock/global." SONNET},
        {"us." SONNET, "us-east-1", "ValidationException", "on-demand throughput",
         "list-inference-profiles --region us-east-1 shows them."},
        {SONNET, "eu-west-1", "ValidationException",
         "data retention mode 'default' is not available", "an administrator of the AWS account"},
        {"us." SONNET, "eu-west-1", "ValidationException",
         "The provided model identifier is invalid.",
         "is of another geography than region eu-west-1, whose profiles begin with 'eu.'."},
        {"global." SONNET, "eu-west-1", "ValidationException",
         "The provided model identifier is invalid.", "Region eu-west-1 does not offer the model"},
        {"typo", "eu-west-1", "ResourceNotFoundException", "No such model",
         "No such model. Region eu-west-1 does not offer the model typo under this id"},
        {SONNET, "eu-west-1", "ResourceNotFoundException",
         "This model version has reached the end of its life.", "life. Choose a newer model"},
        {"eu." SONNET, "eu-west-1", "AccessDeniedException", "User is not authorized",
         "aws:RequestedRegion"},
        {"arn:aws:bedrock:eu-west-1:123456789012:application-inference-profile/abc", "eu-west-1",
         "AccessDeniedException", "no", "aws:RequestedRegion"},
        {SONNET, "eu-west-1", "AccessDeniedException", "You don't have access to the model",
         "Model access in the Bedrock console of eu-west-1, and allow bedrock:InvokeModel"},
        {"arn:aws:bedrock:eu-west-1::foundation-model/" SONNET, "eu-west-1",
         "AccessDeniedException", "no", "Model access in the Bedrock console of eu-west-1, and"},
        {SONNET, "eu-west-1", "UnrecognizedClientException",
         "The security token included in the request is invalid.",
         "AWS does not know the access key (from: profile cline)"},
        {SONNET, "eu-west-1", "ExpiredTokenException", "x", "have to be renewed."},
        {SONNET, "eu-west-1", "accessDeniedException",
         "The security token included in the request is expired", "have to be renewed."},
        {SONNET, "eu-west-1", "InvalidSignatureException", "The signature we calculated differs",
         "Check the secret access key (from: profile cline)"},
        {SONNET, "eu-west-1", "InvalidSignatureException", "Signature expired: 1 is now earlier",
         "Set the clock"},
        {SONNET, "eu-west-1", "ServiceQuotaExceededException", "quota", "Service Quotas"},
        {SONNET, "eu-west-1", "ValidationException", "messages: too few", NULL},
        {SONNET, "eu-west-1", "ThrottlingException", "Too many requests", NULL},
        {SONNET, "eu-west-1", "InternalServerException", "x", NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        struct failure f = {0};
        fixture_init(&x);
        x.deployment.region = rows[i].region;
        x.deployment.credential_source = "profile cline";
        x.attempt.model_id = slice_of(rows[i].id);
        struct slice body = arena_printf(&x.arena, "{\"message\":\"%s\"}", rows[i].text);
        struct slice plain = arena_printf(&x.arena, "%s: %s", rows[i].code, rows[i].text);
        bedrock_failure(&f, &x.attempt, 400, slice_of(rows[i].code), body);
        assert_true(slice_starts(f.message, plain));
        if (!rows[i].hint)
            check_slice(f.message, plain);
        else if (slice_find(f.message, slice_of(rows[i].hint)) < 0)
            fail_msg("%s: %.*s", rows[i].text, SLICE_ARG(f.message));
        else
            assert_true(slice_ends(f.message, SLICE(".")));
        assert_true(slice_find(f.message, SLICE("AKID")) < 0);
        fixture_fini(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_codes_win),
        cmocka_unit_test(test_hints),
    };
    return cmocka_run_group_tests_name("bedrock_error", tests, NULL, NULL);
}
