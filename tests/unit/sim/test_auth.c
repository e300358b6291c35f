/* Signatures, good and bad. The good ones are made by our own signer here; that it agrees with
 * AWS's is what the integration tests with boto3 and the JavaScript SDK show. */

#include "auth.h"
#include "check.h"

#include "wire/crypto.h"

#define NOW 1795221238 /* 2026-11-21T00:33:58Z */

/* One request, as it is signed and as it arrives. What a case changes in between is the fault. */
struct request {
    struct arena arena;
    struct http_header v[8];
    size_t n;
    struct http_head head;
    struct slice body;
};

static const struct aws_credentials key = {.access_key_id = {"AKID", 4},
                                           .secret_access_key = {"secret", 6}};
static const struct aws_credentials session = {.access_key_id = {"ASIA", 4},
                                               .secret_access_key = {"secret", 6},
                                               .session_token = {"token", 5}};

static void add(struct request *r, const char *name, struct slice value)
{
    r->v[r->n++] = (struct http_header){slice_of(name), value};
}

static void make(struct request *r, const struct aws_credentials *credentials, int64_t time,
                 const char *region, const char *service)
{
    uint8_t digest[SHA256_SIZE];
    char hash[HEX_SIZE(SHA256_SIZE)], date[SIGV4_DATE_SIZE];
    struct sigv4_key derived = {.valid = false};
    *r = (struct request){.body = SLICE("{}")};
    arena_init(&r->arena);
    sigv4_date(time, date);
    sha256(r->body, digest);
    hex_encode(digest, sizeof(digest), hash);
    add(r, "Host", SLICE("127.0.0.1:1"));
    add(r, "Content-Type", SLICE("application/json"));
    add(r, "X-Amz-Date", arena_dup(&r->arena, slice_of(date)));
    if (credentials->session_token.n)
        add(r, "X-Amz-Security-Token", credentials->session_token);
    const struct sigv4_request request = {.method = SLICE("POST"),
                                          .path = SLICE("/model/a.b-v1%3A0/converse"),
                                          .headers = {r->v, r->n},
                                          .payload_hash = hash};
    add(r, "Authorization",
        sigv4_authorization(&request, credentials, slice_of(region), slice_of(service), date,
                            &derived, &r->arena));
    add(r, "Content-Length", SLICE("2")); /* not signed */
    r->head = (struct http_head){.method = SLICE("POST"),
                                 .path = SLICE("/model/a.b-v1%3A0/converse"),
                                 .headers = {r->v, r->n}};
}

static struct slice *value_of(struct request *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (slice_eq(r->v[i].name, slice_of(name)))
            return &r->v[i].value;
    fail_msg("no header %s", name);
    return NULL;
}

static void drop(struct request *r, const char *name)
{
    const size_t at = (size_t)((struct http_header *)(void *)((char *)value_of(r, name) -
                                                              offsetof(struct http_header, value)) -
                               r->v);
    memmove(r->v + at, r->v + at + 1, (r->n - at - 1) * sizeof(r->v[0]));
    r->head.headers.n = --r->n;
}

/* Replaces a part of the Authorization header. */
static void edit(struct request *r, const char *from, const char *to)
{
    struct slice *h = value_of(r, "Authorization");
    const ptrdiff_t at = slice_find(*h, slice_of(from));
    assert_true(at >= 0);
    *h = arena_printf(&r->arena, "%.*s%s%.*s", (int)at, h->p, to,
                      (int)(h->n - (size_t)at - strlen(from)), h->p + at + strlen(from));
}

static void check(struct request *r, const char *type, const char *message)
{
    struct auth auth = {.count = 0};
    struct fault f = {0};
    assert_true(auth_add(&auth, SLICE("AKID:secret"), false));
    assert_true(auth_add(&auth, SLICE("ASIA:secret:token"), false));
    assert_true(auth_add(&auth, SLICE("OLD:secret"), true));
    assert_true(auth_add_api_key(&auth, SLICE("bedrock-api-key")));
    const bool good = auth_check(&auth, &r->head, r->body, NOW, &r->arena, &f);
    if (good != !type)
        fail_msg("%s: %s: %.*s", type ? type : "good", good ? "accepted" : "refused",
                 SLICE_ARG(f.message));
    if (!good) {
        assert_int_equal(f.status, 403);
        assert_string_equal(f.type, type);
        check_text(type, f.message, message);
    }
    arena_fini(&r->arena);
}

#define INVALID      "InvalidSignatureException"
#define INCOMPLETE   "IncompleteSignatureException"
#define UNRECOGNIZED "UnrecognizedClientException"
#define MISMATCH     "The request signature we calculated does not match the signature you provided.…"
#define TOKEN        "The security token included in the request is invalid."

static void test_good(void **state)
{
    struct request r;
    make(&r, &key, NOW, "us-east-1", "bedrock");
    check(&r, NULL, NULL);
    make(&r, &key, NOW - 299, "eu-west-1", "bedrock");
    check(&r, NULL, NULL);
    make(&r, &key, NOW + 299, "ap-northeast-1", "bedrock");
    check(&r, NULL, NULL);
    make(&r, &session, NOW, "us-east-1", "bedrock");
    check(&r, NULL, NULL);
}

static void test_header(void **state)
{
    struct request r;
    make(&r, &key, NOW, "us-east-1", "bedrock");
    drop(&r, "Authorization");
    check(&r, "MissingAuthenticationTokenException", "Missing Authentication Token");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "Authorization") = SLICE("Basic YTpi");
    check(&r, INCOMPLETE, "Unsupported AWS 'algorithm' in the Authorization header.");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "Authorization") = SLICE("AWS4-HMAC-SHA256 Credential=a/b/c/d/e");
    check(&r, INCOMPLETE,
          "Authorization header requires 'Signature' parameter. Authorization header requires "
          "'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    edit(&r, "/aws4_request", "");
    check(&r, INCOMPLETE, "Credential must have exactly 5 slash-delimited elements,…");
}

static void test_scope(void **state)
{
    struct request r;
    make(&r, &key, NOW, "us-east-1", "s3");
    check(&r, INVALID, "Credential should be scoped to correct service: 'bedrock'.");
    make(&r, &key, NOW, "mars", "bedrock");
    check(&r, INVALID, "Credential should be scoped to a valid region.");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    edit(&r, "aws4_request", "aws5_request");
    check(&r, INVALID, "Credential should be scoped with a valid terminator: 'aws4_request'.");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    edit(&r, "/20261121/", "/20261120/");
    check(&r, INVALID,
          "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of "
          "date from HTTP: '20261120' != '20261121', from '20261121T003358Z'.");
}

static void test_date(void **state)
{
    struct request r;
    make(&r, &key, NOW - 301, "us-east-1", "bedrock");
    check(&r, INVALID,
          "Signature expired: 20261121T002857Z is now earlier than 20261121T002858Z "
          "(20261121T003358Z - 5 min.)");
    make(&r, &key, NOW + 301, "us-east-1", "bedrock");
    check(&r, INVALID,
          "Signature not yet current: 20261121T003859Z is still later than "
          "20261121T003858Z (20261121T003358Z + 5 min.)");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "X-Amz-Date") = SLICE("2026-11-21T00:33Z");
    check(&r, INCOMPLETE, "Date must be in ISO-8601 'basic format'.…");
}

static void test_keys(void **state)
{
    const struct aws_credentials stranger = {.access_key_id = SLICE("NOBODY"),
                                             .secret_access_key = SLICE("secret")};
    const struct aws_credentials wrong = {.access_key_id = SLICE("AKID"),
                                          .secret_access_key = SLICE("Secret")};
    const struct aws_credentials expired = {.access_key_id = SLICE("OLD"),
                                            .secret_access_key = SLICE("secret")};
    struct request r;
    make(&r, &stranger, NOW, "us-east-1", "bedrock");
    check(&r, UNRECOGNIZED, TOKEN);
    make(&r, &wrong, NOW, "us-east-1", "bedrock");
    check(&r, INVALID, MISMATCH);
    make(&r, &expired, NOW, "us-east-1", "bedrock");
    check(&r, "ExpiredTokenException", "The security token included in the request is expired");
    make(&r, &session, NOW, "us-east-1", "bedrock");
    *value_of(&r, "X-Amz-Security-Token") = SLICE("other");
    check(&r, UNRECOGNIZED, TOKEN);
    make(&r, &session, NOW, "us-east-1", "bedrock");
    drop(&r, "X-Amz-Security-Token");
    check(&r, UNRECOGNIZED, TOKEN);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    add(&r, "X-Amz-Security-Token", SLICE("token"));
    r.head.headers.n = r.n;
    check(&r, UNRECOGNIZED, TOKEN);
}

static void test_changed(void **state)
{
    struct request r;
    make(&r, &key, NOW, "us-east-1", "bedrock");
    r.body = SLICE("{ }");
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    r.head.path = SLICE("/model/a.b-v1:0/converse"); /* the same id, encoded otherwise */
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    r.head.query = SLICE("a=b");
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "Host") = SLICE("127.0.0.1:2");
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    drop(&r, "Content-Type");
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    add(&r, "x-amz-content-sha256", SLICE("00"));
    r.head.headers.n = r.n;
    check(&r, INVALID, MISMATCH);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    edit(&r, "host;", "");
    check(&r, INVALID, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.");
    make(&r, &key, NOW, "us-east-1", "bedrock");
    edit(&r, ";x-amz-date", "");
    check(&r, INVALID, "'X-Amz-Date' must be a 'SignedHeader' in the AWS Authorization.");
}

static void test_api_key(void **state)
{
    struct request r;
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "Authorization") = SLICE("Bearer bedrock-api-key");
    check(&r, NULL, NULL);
    make(&r, &key, NOW, "us-east-1", "bedrock");
    *value_of(&r, "Authorization") = SLICE("Bearer bedrock-api-kez");
    check(&r, "AccessDeniedException",
          "Authentication failed: Please make sure your API Key is valid.");
}

static void test_configuration(void **state)
{
    struct auth auth = {.count = 0};
    assert_false(auth_add(&auth, SLICE("id"), false));
    assert_false(auth_add(&auth, SLICE(":secret"), false));
    assert_false(auth_add(&auth, SLICE("id:"), false));
    assert_false(auth_add_api_key(&auth, SLICE("")));
    for (size_t i = 0; i < AUTH_CREDENTIALS_MAX; i++) {
        assert_true(auth_add(&auth, SLICE("id:secret"), false));
        assert_true(auth_add_api_key(&auth, SLICE("k")));
    }
    assert_false(auth_add(&auth, SLICE("id:secret"), false));
    assert_false(auth_add_api_key(&auth, SLICE("k")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good),    cmocka_unit_test(test_header),
        cmocka_unit_test(test_scope),   cmocka_unit_test(test_date),
        cmocka_unit_test(test_keys),    cmocka_unit_test(test_changed),
        cmocka_unit_test(test_api_key), cmocka_unit_test(test_configuration),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
