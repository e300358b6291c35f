/* SigV4 against AWS's published example (get-vanilla of the signature test suite) and the rules one
 * by one. Hundreds of requests are compared with botocore in vectors.py. */

#include "check.h"
#include "wire/crypto.h"
#include "wire/sigv4.h"

#define EMPTY_HASH "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

static const struct aws_credentials credentials = {
    .access_key_id = {"AKIDEXAMPLE", 11},
    .secret_access_key = {"wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40},
};

static const struct http_header vanilla_headers[] = {
    {{"Host", 4}, {"example.amazonaws.com", 21}},
    {{"X-Amz-Date", 10}, {"20150830T123600Z", 16}},
};

static const struct sigv4_request vanilla = {
    .method = {"GET", 3},
    .path = {"/", 1},
    .headers = {vanilla_headers, 2},
    .payload_hash = EMPTY_HASH,
};

#define VANILLA_SIGNATURE "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"

static struct slice authorize(const struct aws_credentials *c, struct slice region,
                              struct slice service, const char *date, struct sigv4_key *key,
                              struct arena *a)
{
    return sigv4_authorization(&vanilla, c, region, service, date, key, a);
}

static void test_vanilla(void **state)
{
    struct arena a;
    struct buf canonical;
    struct sigv4_key key = {0};
    arena_init(&a);
    buf_init(&canonical, SIZE_MAX);
    sigv4_canonical(&vanilla, &a, &canonical);
    check_slice(buf_slice(&canonical), SLICE("GET\n/\n\nhost:example.amazonaws.com\n"
                                             "x-amz-date:20150830T123600Z\n\n"
                                             "host;x-amz-date\n" EMPTY_HASH));
    for (int i = 0; i < 2; i++) /* the second time with the key at hand */
        check_slice(authorize(&credentials, SLICE("us-east-1"), SLICE("service"),
                              "20150830T123600Z", &key, &a),
                    SLICE("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
                          "aws4_request, SignedHeaders=host;x-amz-date, "
                          "Signature=" VANILLA_SIGNATURE));
    buf_fini(&canonical);
    arena_fini(&a);
}

/* S3 signs a path as it travels, with empty segments and what is encoded already. */
static void test_path_as_it_is(void **state)
{
    struct arena a;
    struct buf canonical;
    struct sigv4_request request = vanilla;
    request.path = SLICE("/bucket//a%20b/../c");
    request.path_as_is = true;
    arena_init(&a);
    buf_init(&canonical, SIZE_MAX);
    sigv4_canonical(&request, &a, &canonical);
    assert_true(slice_starts(buf_slice(&canonical), SLICE("GET\n/bucket//a%20b/../c\n")));
    buf_fini(&canonical);
    arena_fini(&a);
}

struct key_case {
    const char *secret, *date, *region, *service;
};

/* Each differs from the one before in one thing; the last two only in where the parts meet. */
static const struct key_case key_cases[] = {
    {"secret", "20150830T123600Z", "us-east-1", "bedrock"},
    {"secret", "20150831T000000Z", "us-east-1", "bedrock"},
    {"secret", "20150831T000000Z", "eu-west-1", "bedrock"},
    {"secret", "20150831T000000Z", "eu-west-1", "sts"},
    {"Secret", "20150831T000000Z", "eu-west-1", "sts"},
    {"cret", "20150831T000000Z", "eu-west-1", "stsSe"},
    {"cret", "20150831T000000Z", "eu-west-1s", "tsSe"},
};

/* A kept key must never outlive what it was derived from: with or without it, the same signature.
 */
static void test_key_refreshes(void **state)
{
    struct arena a;
    struct sigv4_key kept = {0};
    arena_init(&a);
    for (size_t i = 0; i < 2 * sizeof(key_cases) / sizeof(*key_cases); i++) {
        const struct key_case *c = &key_cases[i / 2];
        struct aws_credentials of = {SLICE("AKID"), slice_of(c->secret), {NULL, 0}};
        struct sigv4_key fresh = {0};
        check_slice(authorize(&of, slice_of(c->region), slice_of(c->service), c->date, &kept, &a),
                    authorize(&of, slice_of(c->region), slice_of(c->service), c->date, &fresh, &a));
        assert_true(kept.valid);
        assert_memory_equal(kept.key, fresh.key, sizeof(kept.key));
    }
    arena_fini(&a);
}

/* The same day keeps the key. A planted one shows in the signature, so it was not derived anew. */
static void test_key_is_kept(void **state)
{
    struct arena a;
    struct sigv4_key key = {0};
    arena_init(&a);
    struct slice before =
        authorize(&credentials, SLICE("r"), SLICE("s"), "20150830T123600Z", &key, &a);
    key.key[0] ^= 1;
    struct slice after =
        authorize(&credentials, SLICE("r"), SLICE("s"), "20150830T123600Z", &key, &a);
    assert_false(slice_eq(before, after));
    arena_fini(&a);
}

struct canonical_case {
    const char *path, *query;
    const char *expected_path, *expected_query;
};

static const struct canonical_case canonical_cases[] = {
    {"", "", "/", ""},
    {"/", "", "/", ""},
    {"/model/a.b-c_d~1/converse", "", "/model/a.b-c_d~1/converse", ""},
    {"/model/anthropic.claude-v1%3A0/converse", "", "/model/anthropic.claude-v1%253A0/converse",
     ""},
    {"/model/arn%3Aaws%2Fx/invoke", "", "/model/arn%253Aaws%252Fx/invoke", ""},
    {"/a//b/", "", "/a/b/", ""},
    {"/a/./b/../c", "", "/a/c", ""},
    {"/../..", "", "/", ""},
    {"/a/..", "", "/", ""},
    {"/a/../", "", "/", ""},
    {"/a b+c", "", "/a%20b%2Bc", ""},
    {"a/b", "", "a/b", ""},
    {"/", "b=2&a=1", "/", "a=1&b=2"},
    {"/", "a=2&a=1&a", "/", "a=&a=1&a=2"},
    {"/", "ab=1&a=2", "/", "a=2&ab=1"},
    {"/", "a=b=c&A=%2F", "/", "A=%2F&a=b=c"},
    {"/", "&", "/", "=&="},
    {"/", "x", "/", "x="},
};

static void test_canonical(void **state)
{
    for (size_t i = 0; i < sizeof(canonical_cases) / sizeof(*canonical_cases); i++) {
        const struct canonical_case *c = &canonical_cases[i];
        struct sigv4_request r = vanilla;
        struct arena a;
        struct buf out, expected;
        arena_init(&a);
        buf_init(&out, SIZE_MAX);
        buf_init(&expected, SIZE_MAX);
        r.path = slice_of(c->path);
        r.query = slice_of(c->query);
        sigv4_canonical(&r, &a, &out);
        buf_addf(&expected,
                 "GET\n%s\n%s\nhost:example.amazonaws.com\nx-amz-date:20150830T123600Z\n\n"
                 "host;x-amz-date\n" EMPTY_HASH,
                 c->expected_path, c->expected_query);
        check_slice(buf_slice(&out), buf_slice(&expected));
        buf_fini(&out);
        buf_fini(&expected);
        arena_fini(&a);
    }
}

static void test_headers(void **state)
{
    const struct http_header v[] = {
        {SLICE("X-Twice"), SLICE("b")}, {SLICE("x-spaces"), SLICE(" \t a   b\t\tc ")},
        {SLICE("Host"), SLICE("h")},    {SLICE("x-twice"), SLICE("a")},
        {SLICE("X-Empty"), SLICE("")},  {SLICE("content-type"), SLICE("application/json")},
        {SLICE("Content"), SLICE("c")},
    };
    struct sigv4_request r = vanilla;
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, SIZE_MAX);
    r.headers = (struct http_headers){v, sizeof(v) / sizeof(*v)};
    sigv4_canonical(&r, &a, &out);
    check_slice(buf_slice(&out),
                SLICE("GET\n/\n\ncontent:c\ncontent-type:application/json\nhost:h\nx-empty:\n"
                      "x-spaces:a b c\nx-twice:b,a\n\n"
                      "content;content-type;host;x-empty;x-spaces;x-twice\n" EMPTY_HASH));
    buf_fini(&out);
    arena_fini(&a);
}

static void test_date(void **state)
{
    char date[SIGV4_DATE_SIZE];
    sigv4_date(0, date);
    assert_string_equal(date, "19700101T000000Z");
    sigv4_date(1440938160, date);
    assert_string_equal(date, "20150830T123600Z");
    sigv4_date(1709251199, date);
    assert_string_equal(date, "20240229T235959Z");
    sigv4_date(4102444800, date);
    assert_string_equal(date, "21000101T000000Z");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_vanilla),       cmocka_unit_test(test_path_as_it_is),
        cmocka_unit_test(test_key_refreshes), cmocka_unit_test(test_key_is_kept),
        cmocka_unit_test(test_canonical),     cmocka_unit_test(test_headers),
        cmocka_unit_test(test_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
