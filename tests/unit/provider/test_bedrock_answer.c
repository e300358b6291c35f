/* What the golden cases cannot show of Bedrock's answers: whether a failure may be retried, the
 * caps on bodies, and the contract of feed and finish. */

#include "attempt.h"

#include "wire/eventstream.h"

struct answer {
    int status;
    const char *type, *body;
    struct slice more; /* of a header: Retry-After */
};

static void answer(struct fixture *x, const struct answer *a)
{
    struct http_header h[] = {{SLICE("X-Amzn-ErrorType"), slice_of(a->type ? a->type : "")},
                              {SLICE("Retry-After"), a->more}};
    void *d =
        provider_bedrock.decoder(&x->attempt, a->status, (struct http_headers){h, 2}, &x->sink);
    provider_bedrock.feed(d, slice_of(a->body));
    provider_bedrock.finish(d);
    provider_bedrock.fini(d);
}

static void test_errors(void **state)
{
    static const struct {
        struct answer answer;
        enum failure_kind kind;
        int status;
        bool retryable;
    } rows[] = {
        {{429, "ThrottlingException:http://x", "{}", {0}}, FAILURE_RATE_LIMIT, 429, true},
        {{429, "ModelNotReadyException", "{}", {0}}, FAILURE_RATE_LIMIT, 429, true},
        {{503, "ServiceUnavailableException", "{}", {0}}, FAILURE_UNAVAILABLE, 503, true},
        {{500, "InternalServerException", "{}", {0}}, FAILURE_UNAVAILABLE, 500, true},
        {{500, "InternalFailure", "{}", {0}}, FAILURE_UNAVAILABLE, 500, true},
        {{408, "ModelTimeoutException", "{}", {0}}, FAILURE_TIMEOUT, 408, true},
        {{424, "ModelErrorException", "{}", {0}}, FAILURE_MODEL, 424, false},
        {{400, "ValidationException", "{}", {0}}, FAILURE_BAD_REQUEST, 400, false},
        {{400, "validationexception", "{}", {0}}, FAILURE_BAD_REQUEST, 400, false},
        {{400, "SerializationException", "{}", {0}}, FAILURE_BAD_REQUEST, 400, false},
        {{400, "ServiceQuotaExceededException", "{}", {0}}, FAILURE_BAD_REQUEST, 400, false},
        {{403, "AccessDeniedException", "{}", {0}}, FAILURE_PERMISSION, 403, false},
        {{403, "ExpiredTokenException", "{}", {0}}, FAILURE_PERMISSION, 403, false},
        {{403, "InvalidSignatureException", "{}", {0}}, FAILURE_PERMISSION, 403, false},
        {{403, "UnrecognizedClientException", "{}", {0}}, FAILURE_AUTHENTICATION, 403, false},
        {{404, "ResourceNotFoundException", "{}", {0}}, FAILURE_NOT_FOUND, 404, false},
        {{400, NULL, "{\"__type\":\"a#ThrottlingException\"}", {0}}, FAILURE_RATE_LIMIT, 429, true},
        {{400, "ValidationException", "{\"message\":\"x: prompt is too long: 9 > 8\"}", {0}},
         FAILURE_CONTEXT_WINDOW,
         400,
         false},
        {{403, "AccessDeniedException", "{\"message\":\"prompt is too long\"}", {0}},
         FAILURE_PERMISSION,
         403,
         false},
        {{429, NULL, "", {0}}, FAILURE_RATE_LIMIT, 429, true},
        {{403, NULL, "<html>", {0}}, FAILURE_PERMISSION, 403, false},
        {{404, NULL, "", {0}}, FAILURE_NOT_FOUND, 404, false},
        {{408, NULL, "", {0}}, FAILURE_TIMEOUT, 408, true},
        {{400, NULL, "", {0}}, FAILURE_BAD_REQUEST, 400, false},
        {{499, "New", "", {0}}, FAILURE_BAD_REQUEST, 499, false},
        {{502, NULL, "", {0}}, FAILURE_BAD_GATEWAY, 502, true},
        {{599, NULL, "", {0}}, FAILURE_BAD_GATEWAY, 599, true},
        {{999, NULL, "", {0}}, FAILURE_BAD_GATEWAY, 502, true},
        {{301, NULL, "", {0}}, FAILURE_BAD_GATEWAY, 502, true},
        {{204, NULL, "", {0}}, FAILURE_BAD_GATEWAY, 502, true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        fixture_init(&x);
        answer(&x, &rows[i].answer);
        assert_int_equal(x.ends, 1);
        assert_int_equal(x.failure.kind, rows[i].kind);
        assert_int_equal(x.failure.status, rows[i].status);
        assert_int_equal(x.failure.retryable, rows[i].retryable);
        assert_true(x.failure.upstream && x.failure.message.n);
        fixture_fini(&x);
    }
}

static void test_retry_after(void **state)
{
    static const struct {
        const char *header;
        int seconds;
    } rows[] = {{"7", 7}, {"0", 1}, {"-5", 1}, {"99999999999", 3600}, {"soon", 1}, {"", 1}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct fixture x;
        fixture_init(&x);
        answer(&x, &(struct answer){429, NULL, "", slice_of(rows[i].header)});
        assert_int_equal(x.failure.retry_after_s, rows[i].seconds);
        fixture_fini(&x);
    }
}

/* Feeds `total` bytes in pieces of `piece`; the message of the failure, in the fixture's arena. */
static struct slice answer_of(struct fixture *x, int status, size_t total, size_t piece)
{
    char *bytes = malloc(piece);
    assert_non_null(bytes);
    memset(bytes, 'x', piece);
    void *d = provider_bedrock.decoder(&x->attempt, status, (struct http_headers){0}, &x->sink);
    bool more = true;
    for (size_t n = 0; n < total && more; n += piece)
        more = provider_bedrock.feed(d, slice_make(bytes, total - n < piece ? total - n : piece));
    provider_bedrock.finish(d);
    provider_bedrock.fini(d);
    free(bytes);
    assert_int_equal(x->ends, 1);
    return x->failure.message;
}

/* The beginning of a long error is kept, however it comes. */
static void test_long_error(void **state)
{
    struct fixture x, y;
    fixture_init(&x);
    fixture_init(&y);
    struct slice whole = answer_of(&x, 500, 200000, 200000);
    struct slice pieces = answer_of(&y, 500, 200000, 999);
    assert_true(whole.n > 10000);
    check_slice(whole, pieces);
    fixture_fini(&x);
    fixture_fini(&y);
}

static void test_too_large(void **state)
{
    struct fixture x;
    fixture_init(&x);
    struct slice message = answer_of(&x, 200, (64u << 20) + 1, 8u << 20);
    assert_int_equal(x.failure.kind, FAILURE_BAD_GATEWAY);
    assert_true(slice_find(message, SLICE("too large")) > 0);
    fixture_fini(&x);
}

static void write_event(struct buf *out, const char *type, const char *payload)
{
    struct eventstream_header h[] = {{SLICE(":message-type"), SLICE("event")},
                                     {SLICE(":event-type"), slice_of(type)}};
    eventstream_write(out, h, 2, slice_of(payload));
}

/* feed() says when it has enough; what comes afterwards changes nothing. */
static void test_nothing_after_the_end(void **state)
{
    struct fixture x;
    struct buf frames;
    fixture_init(&x);
    buf_init(&frames, 10000);
    x.request.stream = true;
    void *d = provider_bedrock.decoder(&x.attempt, 200, (struct http_headers){0}, &x.sink);
    assert_true(provider_bedrock.feed(d, slice_make(NULL, 0)));
    write_event(&frames, "messageStop", "{\"stopReason\":\"end_turn\"}");
    assert_true(provider_bedrock.feed(d, buf_slice(&frames)));
    assert_int_equal(x.ends, 0);
    buf_reset(&frames);
    write_event(&frames, "metadata", "{}");
    assert_false(provider_bedrock.feed(d, buf_slice(&frames)));
    assert_int_equal(x.ends, 1);
    int events = x.events;
    assert_false(provider_bedrock.feed(d, buf_slice(&frames)));
    provider_bedrock.finish(d);
    provider_bedrock.finish(d);
    assert_int_equal(x.events, events);
    provider_bedrock.fini(d);
    provider_bedrock.fini(NULL);
    buf_fini(&frames);
    fixture_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_long_error),
        cmocka_unit_test(test_too_large),
        cmocka_unit_test(test_nothing_after_the_end),
    };
    return cmocka_run_group_tests_name("bedrock_answer", tests, NULL, NULL);
}
