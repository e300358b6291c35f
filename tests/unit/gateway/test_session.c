/* Sessions of the admin UI: whose they are, and that nobody else can make one. */

#include "check.h"
#include "session.h"

#define SECRET SLICE("sk-master-of-the-tests")
#define NOW    INT64_C(1795241242000)

static struct slice written(struct arena *a)
{
    const struct session s = {SESSION_USER, SLICE("a;b=\"c\".d"), NOW + 1000, {0}};
    return session_write(&s, SECRET, a);
}

static void there_and_back(void **state)
{
    struct arena a;
    struct session s;
    arena_init(&a);
    struct slice text = written(&a);
    assert_true(session_read(text, SECRET, NOW, &a, &s));
    assert_true(slice_eq(s.id, SLICE("a;b=\"c\".d")) && s.kind == SESSION_USER && s.nonce.n == 32);
    assert_true(s.until == NOW + 1000);
    assert_false(session_read(text, SECRET, NOW + 1000, &a, &s));
    assert_false(session_read(text, SLICE("sk-another"), NOW, &a, &s));
    assert_false(session_read(text, SLICE(""), NOW, &a, &s));
    assert_false(slice_eq(text, written(&a)));
    arena_fini(&a);
}

static void any_change_breaks_it(void **state)
{
    struct arena a;
    struct session s;
    arena_init(&a);
    struct slice text = written(&a);
    char *copy = arena_alloc(&a, text.n);
    for (size_t i = 0; i < text.n; i++) {
        memcpy(copy, text.p, text.n);
        copy[i] = copy[i] == '0' ? '1' : '0';
        assert_false(session_read(slice_make(copy, text.n), SECRET, NOW, &a, &s));
        assert_false(session_read(slice_make(text.p, i), SECRET, NOW, &a, &s));
        assert_false(session_read(slice_skip(text, i + 1), SECRET, NOW, &a, &s));
    }
    arena_fini(&a);
}

static void the_token_is_not_the_signature(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice text = written(&a), token = session_csrf(text, SECRET, &a);
    assert_true(token.n == 64 && slice_find(text, token) < 0);
    assert_false(slice_eq(token, session_csrf(written(&a), SECRET, &a)));
    assert_false(slice_eq(token, session_csrf(text, SLICE("sk-another"), &a)));
    arena_fini(&a);
}

static void cookies(void **state)
{
    static const struct {
        const char *header, *value;
    } rows[] = {
        {"lintel_session=abc", "abc"},
        {"a=b; lintel_session=abc; c=d", "abc"},
        {"a=b;lintel_session=abc=", "abc="},
        {"xlintel_session=abc", ""},
        {"lintel_session", ""},
        {"", ""},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct http_header h = {SLICE("cookie"), slice_of(rows[i].header)};
        struct http_head head = {.headers = {&h, 1}};
        assert_true(slice_eq(session_cookie(&head), slice_of(rows[i].value)));
    }
    struct slice set = session_set_cookie(SLICE("abc"), true, &a);
    assert_true(slice_eq(set, SLICE("lintel_session=abc; Path=/; Max-Age=43200; HttpOnly; "
                                    "SameSite=Strict; Secure")));
    assert_true(slice_find(session_set_cookie(SLICE(""), false, &a), SLICE("Max-Age=0;")) > 0);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(there_and_back),
        cmocka_unit_test(any_change_breaks_it),
        cmocka_unit_test(the_token_is_not_the_signature),
        cmocka_unit_test(cookies),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
