/* Published vectors: FIPS 180-2 (SHA-256), RFC 4231 (HMAC), RFC 4648 (base64), RFC 3986. */

#include "check.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static void check_hex(const uint8_t digest[SHA256_SIZE], const char *expected)
{
    char hex[HEX_SIZE(SHA256_SIZE)];
    hex_encode(digest, SHA256_SIZE, hex);
    assert_string_equal(hex, expected);
}

static void test_sha256(void **state)
{
    uint8_t digest[SHA256_SIZE];
    sha256((struct slice){NULL, 0}, digest);
    check_hex(digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    sha256(SLICE("abc"), digest);
    check_hex(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    char *million = malloc(1000000);
    assert_non_null(million);
    memset(million, 'a', 1000000);
    sha256(slice_make(million, 1000000), digest);
    check_hex(digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

static void test_hmac(void **state)
{
    uint8_t digest[SHA256_SIZE];
    char key[131];
    hmac_sha256(SLICE("Jefe"), SLICE("what do ya want for nothing?"), digest);
    check_hex(digest, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof(key));
    hmac_sha256(slice_make(key, sizeof(key)),
                SLICE("Test Using Larger Than Block-Size Key - Hash Key First"), digest);
    check_hex(digest, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    hmac_sha256((struct slice){NULL, 0}, (struct slice){NULL, 0}, digest);
    check_hex(digest, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

/* RFC 7914, 12, the third vector. */
static void test_scrypt(void **state)
{
    uint8_t key[64];
    char hex[HEX_SIZE(sizeof(key))];
    scrypt(SLICE("pleaseletmein"), SLICE("SodiumChloride"), key, sizeof(key));
    hex_encode(key, sizeof(key), hex);
    assert_string_equal(hex, "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
                             "d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887");
}

static void test_base64url(void **state)
{
    struct arena a;
    struct buf text;
    struct slice back;
    arena_init(&a);
    buf_init(&text, 100);
    base64url_encode(SLICE("\xfb\xff\xfe\xfb"), &text);
    assert_true(slice_eq(buf_slice(&text), SLICE("-__--w")));
    assert_true(base64url_decode(buf_slice(&text), &a, &back));
    assert_true(slice_eq(back, SLICE("\xfb\xff\xfe\xfb")));
    assert_true(base64url_decode(SLICE("-__--w=="), &a, &back));
    assert_false(base64url_decode(SLICE("-__-!"), &a, &back));
    buf_fini(&text);
    arena_fini(&a);
}

static void test_ct_equal(void **state)
{
    assert_true(ct_equal(SLICE("sk-1234"), SLICE("sk-1234")));
    assert_false(ct_equal(SLICE("sk-1234"), SLICE("sk-1235")));
    assert_false(ct_equal(SLICE("tk-1234"), SLICE("sk-1234")));
    assert_false(ct_equal(SLICE("sk-1234"), SLICE("sk-12345")));
    assert_false(ct_equal(SLICE("sk-1234"), (struct slice){NULL, 0}));
    assert_true(ct_equal(SLICE(""), (struct slice){NULL, 0}));
}

static void test_random(void **state)
{
    static uint8_t a[5000], b[5000];
    size_t zero = 0;
    random_bytes(a, sizeof(a)); /* more than one request to the generator */
    random_bytes(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    assert_memory_not_equal(a, a + 1024, 1024);
    for (size_t i = 0; i < sizeof(a); i++)
        zero += a[i] == 0;
    assert_in_range(zero, 1, 100); /* 19.5 expected; 100 is beyond chance */
    random_bytes(a, 0);
}

static void test_uuid(void **state)
{
    for (int i = 0; i < 100; i++) {
        char uuid[UUID_SIZE];
        random_uuid(uuid);
        assert_int_equal(strlen(uuid), 36);
        assert_int_equal(strspn(uuid, "0123456789abcdef-"), 36);
        assert_true(uuid[8] == '-' && uuid[13] == '-' && uuid[18] == '-' && uuid[23] == '-');
        assert_int_equal(uuid[14], '4');
        assert_non_null(strchr("89ab", uuid[19]));
    }
}

/* Workers are forked from a process that may have used its generator: none may repeat another. */
static void test_random_after_fork(void **state)
{
    char ours[UUID_SIZE], theirs[UUID_SIZE];
    int pipes[2], status;
    random_uuid(ours);
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        random_uuid(theirs);
        _exit(write(pipes[1], theirs, UUID_SIZE) == UUID_SIZE ? 0 : 1);
    }
    random_uuid(ours);
    assert_int_equal(read(pipes[0], theirs, UUID_SIZE), UUID_SIZE);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_string_not_equal(ours, theirs);
    close(pipes[0]);
    close(pipes[1]);
}

struct base64_case {
    const char *text;
    const char *data; /* NULL: refused */
};

static const struct base64_case base64_cases[] = {
    {"", ""},
    {"Zg==", "f"},
    {"Zm8=", "fo"},
    {"Zm9v", "foo"},
    {"Zm9vYg==", "foob"},
    {"Zm9vYmE=", "fooba"},
    {"Zm9vYmFy", "foobar"},
    {"Zg", "f"},
    {"Zm8", "fo"},
    {"Zm9vYg", "foob"},
    {"+/+/", "\xfb\xff\xbf"},
    {"Zh==", "f"}, /* the bits that do not count may be anything */
    {"=", NULL},
    {"==", NULL},
    {"A", NULL},
    {"A===", NULL},
    {"Zm9vY", NULL},
    {"Zg=", NULL},
    {"Zm8==", NULL},
    {"Zm9v=", NULL},
    {"Zm9v==", NULL},
    {"Z=9v", NULL},
    {"Zg==Zg==", NULL},
    {"-_-_", NULL}, /* the URL alphabet is another */
    {"Zm9v\n", NULL},
    {"Zm9v Zm9v", NULL},
    {" Zm9v", NULL},
    {"Zm9vYmFyZm9vYmF\xff", NULL},
    {"Zm9vYmF*", NULL},
    {"Zm9vYmFyZm9vYmFyZm\x01v", NULL},
};

static void test_base64(void **state)
{
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, SIZE_MAX);
    for (size_t i = 0; i < sizeof(base64_cases) / sizeof(*base64_cases); i++) {
        const struct base64_case *c = &base64_cases[i];
        struct slice data;
        assert_int_equal(base64_valid(slice_of(c->text)), c->data != NULL);
        assert_int_equal(base64_decode(slice_of(c->text), &a, &data), c->data != NULL);
        if (c->data)
            check_slice(data, slice_of(c->data));
    }
    for (size_t i = 0; i < 7; i++) { /* RFC 4648, section 10 */
        buf_reset(&out);
        base64_encode(slice_of(base64_cases[i].data), &out);
        check_slice(buf_slice(&out), slice_of(base64_cases[i].text));
    }
    buf_fini(&out);
    arena_fini(&a);
}

/* All byte values at all lengths, there and back; and the whole alphabet is told from the rest. */
static void test_base64_round(void **state)
{
    char bytes[300];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(i * 7);
    for (size_t n = 0; n <= sizeof(bytes); n++) {
        struct arena a;
        struct buf out;
        struct slice data;
        arena_init(&a);
        buf_init(&out, SIZE_MAX);
        base64_encode(slice_make(bytes, n), &out);
        assert_true(base64_valid(buf_slice(&out)));
        assert_true(base64_decode(buf_slice(&out), &a, &data));
        check_slice(data, slice_make(bytes, n));
        buf_fini(&out);
        arena_fini(&a);
    }
    for (int c = 0; c < 256; c++) {
        char text[4] = {'A', 'A', 'A', (char)c};
        bool is =
            c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", c);
        assert_int_equal(base64_valid(slice_make(text, 4)), is);
    }
}

static void test_percent(void **state)
{
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, SIZE_MAX);
    percent_encode(SLICE("arn:aws/x y%\xc3\xa9-._~AZaz09+"), &out);
    check_slice(buf_slice(&out), SLICE("arn%3Aaws%2Fx%20y%25%C3%A9-._~AZaz09%2B"));
    check_slice(percent_decode(buf_slice(&out), &a), SLICE("arn:aws/x y%\xc3\xa9-._~AZaz09+"));
    check_slice(percent_decode(SLICE("a%3ab+%2F%00"), &a), SLICE("a:b+/\0"));
    assert_non_null(percent_decode(SLICE(""), &a).p);
    assert_null(percent_decode(SLICE("%"), &a).p);
    assert_null(percent_decode(SLICE("a%2"), &a).p);
    assert_null(percent_decode(slice_make("a%2F", 3), &a).p);
    assert_null(percent_decode(SLICE("%g0"), &a).p);
    assert_null(percent_decode(SLICE("%0g"), &a).p);
    assert_null(percent_decode(SLICE("%%41"), &a).p);
    buf_fini(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),    cmocka_unit_test(test_hmac),
        cmocka_unit_test(test_ct_equal),  cmocka_unit_test(test_random),
        cmocka_unit_test(test_uuid),      cmocka_unit_test(test_random_after_fork),
        cmocka_unit_test(test_base64),    cmocka_unit_test(test_base64_round),
        cmocka_unit_test(test_percent),   cmocka_unit_test(test_scrypt),
        cmocka_unit_test(test_base64url),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
