/* The signed call: URL, headers, refusals. The body is the matter of the golden cases, the
 * signature itself of the wire's tests. */

#include "attempt.h"

static bool build(struct fixture *x, struct http_call *call)
{
    return provider_bedrock.build(&x->attempt, call, &x->failure);
}

static void test_url(void **state)
{
    static const struct {
        const char *endpoint, *id, *url, *host;
        bool stream;
    } rows[] = {
        {"https://bedrock-runtime.eu-west-1.amazonaws.com",
         "eu.anthropic.claude-3-7-sonnet-20250219-v1:0",
         "https://bedrock-runtime.eu-west-1.amazonaws.com/model/"
         "eu.anthropic.claude-3-7-sonnet-20250219-v1%3A0/converse",
         "bedrock-runtime.eu-west-1.amazonaws.com", false},
        {"http://127.0.0.1:9000", "a", "http://127.0.0.1:9000/model/a/converse-stream",
         "127.0.0.1:9000", true},
        {"http://h/proxy/eu", "a", "http://h/proxy/eu/model/a/converse", "h", false},
        {"https://h", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc",
         "https://h/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3A"
         "application-inference-profile%2Fabc/converse-stream",
         "h", true},
        {"https://h", "../x?y#z %", "https://h/model/..%2Fx%3Fy%23z%20%25/converse", "h", false},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        struct http_call call;
        fixture_init(&x);
        x.deployment.endpoint = rows[i].endpoint;
        x.attempt.model_id = slice_of(rows[i].id);
        x.request.stream = rows[i].stream;
        assert_true(build(&x, &call));
        assert_string_equal(call.url, rows[i].url);
        assert_string_equal(call.method, "POST");
        check_text(http_header_get(call.headers, "host"), rows[i].host);
        fixture_fini(&x);
    }
}

static void test_headers(void **state)
{
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    x.request.stream = true;
    assert_true(build(&x, &call));
    struct slice plain = http_header_get(call.headers, "authorization");
    check_text(http_header_get(call.headers, "content-type"), "application/json");
    check_text(http_header_get(call.headers, "x-amz-date"), "20231114T221320Z");
    assert_null(http_header_get(call.headers, "accept").p);
    assert_true(slice_starts(http_header_get(call.headers, "user-agent"), SLICE("lintel/")));
    assert_null(http_header_get(call.headers, "x-amz-security-token").p);
    assert_true(slice_starts(plain, SLICE("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20231114/"
                                          "eu-west-1/bedrock/aws4_request, SignedHeaders="
                                          "content-type;host;x-amz-date, Signature=")));
    x.deployment.credentials.session_token = SLICE("token");
    x.request.stream = false;
    assert_true(build(&x, &call));
    check_text(http_header_get(call.headers, "x-amz-security-token"), "token");
    assert_true(slice_find(http_header_get(call.headers, "authorization"),
                           SLICE("content-type;host;x-amz-date;x-amz-security-token,")) > 0);
    fixture_fini(&x);
}

/* A second attempt writes the body anew, and a path in the endpoint is signed. */
static void test_again_and_elsewhere(void **state)
{
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    assert_true(build(&x, &call));
    struct slice first = arena_dup(&x.arena, call.body);
    struct slice signature = http_header_get(call.headers, "authorization");
    check_text(first, "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"Hi\"}]}],"
                      "\"inferenceConfig\":{}}");
    assert_true(build(&x, &call));
    check_slice(call.body, first);
    check_slice(http_header_get(call.headers, "authorization"), signature);
    x.deployment.endpoint = "https://bedrock-runtime.eu-west-1.amazonaws.com/prefix";
    assert_true(build(&x, &call));
    assert_false(slice_eq(http_header_get(call.headers, "authorization"), signature));
    fixture_fini(&x);
}

static void test_refusals(void **state)
{
    static char text[3000];
    struct fixture x;
    struct http_call call;
    fixture_init(&x);
    x.deployment.credentials.access_key_id = SLICE("");
    assert_false(build(&x, &call));
    assert_int_equal(x.failure.kind, FAILURE_AUTHENTICATION);
    assert_true(slice_find(x.failure.message, SLICE("no AWS credentials")) == 0);
    fixture_fini(&x);

    for (size_t n = 0; n <= 2049; n += n ? 1 : 2048) {
        fixture_init(&x);
        memset(text, ':', sizeof(text));
        x.attempt.model_id = slice_make(text, n);
        assert_int_equal(build(&x, &call), n == 2048);
        assert_int_equal(x.failure.status, n == 2048 ? 0 : 404);
        if (n == 2048)
            assert_true(slice_ends(slice_of(call.url), SLICE("%3A/converse")));
        fixture_fini(&x);
    }

    fixture_init(&x);
    x.body.cap = 1000;
    x.block.text = slice_make(memset(text, 'x', 1000), 1000);
    assert_false(build(&x, &call));
    assert_int_equal(x.failure.kind, FAILURE_BAD_REQUEST);
    assert_int_equal(x.failure.status, 413);
    fixture_fini(&x);
}

/* extra_headers: a proxy before Bedrock may want a key of its own. */
static void test_client_headers(void **state)
{
    static const char *const left_out[] = {"keep-alive", "TE", "a/b", "proxy-any", "Content-MD5"};
    struct fixture x;
    struct http_call call;
    (void)state;
    fixture_init(&x);
    x.request.headers =
        json_parse(SLICE("{\"x-mine\":\"1\",\"x-api-key\":\"of-the-proxy\",\"keep-alive\":\"2\","
                         "\"TE\":\"3\",\"a/b\":\"4\",\"proxy-any\":\"5\",\"Content-MD5\":\"6\","
                         "\"Authorization\":\"7\"}"),
                   &x.arena, NULL);
    assert_true(build(&x, &call));
    check_text(http_header_get(call.headers, "x-mine"), "1");
    check_text(http_header_get(call.headers, "x-api-key"), "of-the-proxy");
    assert_true(
        slice_starts(http_header_get(call.headers, "authorization"), SLICE("AWS4-HMAC-SHA256 ")));
    for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
        assert_null(http_header_get(call.headers, left_out[i]).p);
    fixture_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_url),
        cmocka_unit_test(test_headers),
        cmocka_unit_test(test_again_and_elsewhere),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_client_headers),
    };
    return cmocka_run_group_tests_name("bedrock_call", tests, NULL, NULL);
}
