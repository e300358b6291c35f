#include "../base/check.h"

#include "llm/failure.h"

static void test_first_one_stays(void **state)
{
    struct arena a;
    struct failure f = {0};
    arena_init(&a);
    assert_false(failure_bad_param(&f, &a, "messages[0].role", "no %s", "role"));
    assert_false(failure_set(&f, &a, FAILURE_MODEL, 424, "later"));
    assert_false(failure_bad_param(&f, &a, "other", "later"));
    assert_int_equal(f.kind, FAILURE_BAD_REQUEST);
    assert_int_equal(f.status, 400);
    check_text(f.message, "no role");
    check_text(f.param, "messages[0].role");
    assert_false(f.upstream || f.retryable || f.retry_after_s);
    arena_fini(&a);
}

static void test_missing_param(void **state)
{
    struct arena a;
    struct failure f = {0}, other = {0};
    arena_init(&a);
    assert_false(failure_missing_param(&f, &a, "messages"));
    check_text(f.message, "Missing required parameter: 'messages'.");
    check_text(f.param, "messages");
    assert_true(f.param_shown && f.status == 400);
    failure_bad_param(&other, &a, "n", "not so");
    failure_missing_param(&other, &a, "messages");
    check_text(other.param, "n");
    assert_false(other.param_shown);
    arena_fini(&a);
}

/* Whatever went into it, a message is one line of UTF-8 and bounded. */
static void test_message_is_clean(void **state)
{
    static char text[40001];
    struct arena a;
    struct failure f = {0};
    arena_init(&a);
    failure_set(&f, &a, FAILURE_INTERNAL, 500, "a\r\nb \xff \xc3\xbc");
    check_text(f.message, "a  b ? \xc3\xbc");
    memset(text, 'x', sizeof(text) - 1);
    for (size_t i = 0; i + 1 < sizeof(text); i += 2)
        memcpy(text + i, "\xc3\xbc", 2);
    f = (struct failure){0};
    failure_set(&f, &a, FAILURE_INTERNAL, 500, "%s", text);
    assert_int_equal(f.message.n, 16383);
    assert_int_equal(f.message.p[16382], '?'); /* cut within a character */
    arena_fini(&a);
}

static void test_classes(void **state)
{
    static const struct {
        enum failure_kind kind;
        const char *name;
    } rows[] = {
        {FAILURE_BAD_REQUEST, "BadRequestError"},
        {FAILURE_UNSUPPORTED, "UnsupportedParamsError"},
        {FAILURE_CONTEXT_WINDOW, "ContextWindowExceededError"},
        {FAILURE_AUTHENTICATION, "AuthenticationError"},
        {FAILURE_PERMISSION, "PermissionDeniedError"},
        {FAILURE_NOT_FOUND, "NotFoundError"},
        {FAILURE_TIMEOUT, "Timeout"},
        {FAILURE_RATE_LIMIT, "RateLimitError"},
        {FAILURE_MODEL, "BadRequestError"},
        {FAILURE_UNAVAILABLE, "ServiceUnavailableError"},
        {FAILURE_BAD_GATEWAY, "BadGatewayError"},
        {FAILURE_INTERNAL, "InternalServerError"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(failure_class(&(struct failure){.kind = rows[i].kind}), rows[i].name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_first_one_stays),
        cmocka_unit_test(test_missing_param),
        cmocka_unit_test(test_message_is_clean),
        cmocka_unit_test(test_classes),
    };
    return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
