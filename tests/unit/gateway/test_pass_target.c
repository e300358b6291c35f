/* Where requests that pass through go, and which headers with them. */

#include "base/arena.h"
#include "check.h"
#include "pass_target.h"

#define S(literal) SLICE_INIT(literal)
#define SLICE_INIT(literal)                                                                        \
    {                                                                                              \
        .p = (literal), .n = sizeof(literal) - 1                                                   \
    }

static const struct slice only_put[] = {S("PUT")};
static const struct pass_endpoint endpoints[] = {
    {.path = S("/a"), .target = S("https://x.example/base")},
    {.path = S("/b"), .target = S("https://x.example/base/"), .subpaths = true},
    {.path = S("/b/own"),
     .target = S("https://y.example/"),
     .methods = only_put,
     .method_count = 1},
};
static const struct pass_endpoints all = {endpoints, 3};

static void finds(void **state)
{
    static const struct {
        const char *method, *path;
        int which; /* -1: none, -2: for other methods */
    } rows[] = {
        {"GET", "/a", 0},     {"PATCH", "/a", 0},   {"HEAD", "/a", -2},     {"POST", "/a/", -1},
        {"POST", "/a/c", -1}, {"POST", "/b", 1},    {"POST", "/b/c/d", 1},  {"POST", "/bc", -1},
        {"PUT", "/b/own", 2}, {"GET", "/b/own", 1}, {"PUT", "/b/owner", 1}, {"GET", "/", -1},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        bool other;
        const struct pass_endpoint *e =
            pass_find(&all, slice_of(rows[i].method), slice_of(rows[i].path), &other);
        assert_int_equal(e ? (int)(e - endpoints) : other ? -2 : -1, rows[i].which);
    }
}

static void urls(void **state)
{
    static const struct {
        int which;
        const char *path, *query, *url;
    } rows[] = {
        {0, "/a", "", "https://x.example/base"},
        {0, "/a", "q=1&r=%20", "https://x.example/base?q=1&r=%20"},
        {1, "/b", "", "https://x.example/base/"},
        {1, "/b/c/d", "", "https://x.example/base/c/d"},
        {1, "/b/c/", "", "https://x.example/base/c/"},
        {1, "/b//c", "", "https://x.example/base/c"},
        {1, "/b/../c", "", "https://x.example/base/c"},
        {1, "/b/c/../../../d", "", "https://x.example/base/d"},
        {1, "/b/%2e%2E/./d", "", "https://x.example/base/d"},
        {1, "/b/..", "", "https://x.example/base/"},
        {1, "/b/..%2f..%2Fadmin/c", "", "https://x.example/base/c"},
        {1, "/b/%2e%2e%5Cadmin/c/..d/e..", "", "https://x.example/base/c/..d/e.."},
        {1, "/b/a%2Fb..%2Fc", "", "https://x.example/base/a%2Fb..%2Fc"},
        {1, "/b/@evil.example/", "", "https://x.example/base/@evil.example/"},
        {2, "/b/own", "", "https://y.example/"},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_string_equal(pass_url(&endpoints[rows[i].which], slice_of(rows[i].path),
                                     slice_of(rows[i].query), &a),
                            rows[i].url);
    arena_fini(&a);
}

static void parameters(void **state)
{
    static const struct pass_parameter defaults[] = {{S("version"), S("a b")}, {S("k"), S("1")}};
    const struct pass_endpoint e = {.path = S("/a"),
                                    .target = S("https://x.example/"),
                                    .target_query = S("k=2&own=%31"),
                                    .parameters = defaults,
                                    .parameter_count = 2};
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_string_equal(pass_url(&e, e.path, SLICE(""), &a),
                        "https://x.example/?version=a%20b&k=2&own=%31");
    assert_string_equal(pass_url(&e, e.path, SLICE("own=3&version=4"), &a),
                        "https://x.example/?k=2&own=3&version=4");
    arena_fini(&a);
}

static struct slice list(struct http_headers headers, struct arena *a)
{
    struct slice text = SLICE("");
    for (size_t i = 0; i < headers.n; i++)
        text = ARENA_JOIN(a, text, headers.v[i].name, SLICE("="), headers.v[i].value, SLICE(";"));
    return text;
}

static void request_headers(void **state)
{
    static const struct http_header own[] = {{S("Authorization"), S("Bearer theirs")}};
    static const struct http_header client[] = {
        {S("Host"), S("gateway")},
        {S("authorization"), S("Bearer sk-ours")},
        {S("X-API-Key"), S("sk-ours")},
        {S("X-LiteLLM-Key"), S("sk-ours")},
        {S("x-key"), S("sk-ours")},
        {S("Cookie"), S("token=1")},
        {S("Connection"), S("close, x-hop")},
        {S("X-Hop"), S("1")},
        {S("Transfer-Encoding"), S("chunked")},
        {S("Content-Type"), S("text/csv")},
        {S("accept"), S("*/*")},
        {S("x-pass-beta"), S("b")},
        {S("x-pass-authorization"), S("Bearer sk-ours")},
        {S("x-pass-x-amz-date"), S("now")},
        {S("x-pass-host"), S("evil.example")},
    };
    const struct http_headers from = {client, sizeof(client) / sizeof(*client)};
    struct pass_endpoint e = {.headers = {own, 1}};
    struct arena a;
    (void)state;
    arena_init(&a);
    struct slice text = list(pass_request_headers(&e, from, "x-key", &a), &a);
    assert_true(slice_eq(text, SLICE("Authorization=Bearer theirs;Content-Type=text/csv;beta=b;")));
    e.forward = true;
    e.headers.n = 0;
    text = list(pass_request_headers(&e, from, "x-key", &a), &a);
    assert_true(slice_eq(text, SLICE("Content-Type=text/csv;accept=*/*;beta=b;")));
    arena_fini(&a);
}

static void answer_headers(void **state)
{
    static const struct http_header answer[] = {
        {S("Content-Type"), S("text/csv")},
        {S("content-length"), S("5")},
        {S("Server"), S("x")},
        {S("Date"), S("now")},
        {S("Keep-Alive"), S("timeout=5")},
        {S("x-litellm-call-id"), S("theirs")},
        {S("Content-Encoding"), S("gzip")},
        {S("Set-Cookie"), S("a=b")},
        {S("set-cookie"), S("c=d")},
        {S("connection"), S("x-hop")},
        {S("x-hop"), S("1")},
        {S("a\rb"), S("1")},
        {S("a b"), S("1")},
        {S("a/b"), S("1")},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    struct slice text = list(
        pass_answer_headers((struct http_headers){answer, sizeof(answer) / sizeof(*answer)}, &a),
        &a);
    assert_true(slice_eq(
        text, SLICE("Content-Type=text/csv;Content-Encoding=gzip;Set-Cookie=a=b;set-cookie=c=d;")));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds), cmocka_unit_test(urls), cmocka_unit_test(parameters),
        cmocka_unit_test(request_headers), cmocka_unit_test(answer_headers)};
    return cmocka_run_group_tests_name("pass_target", tests, NULL, NULL);
}
