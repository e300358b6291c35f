/* What LiteLLM Proxy 1.106.2 wrote into its database (recorded), and our own. */

#include "check.h"
#include "wire/secretbox.h"

#include <string.h>

#define KEY SLICE("sk-salt")

static void check_opens(struct slice sealed, struct slice text)
{
    struct arena a;
    struct slice opened;
    arena_init(&a);
    assert_true(secretbox_open(KEY, sealed, &a, &opened));
    assert_true(slice_eq(opened, text));
    arena_fini(&a);
}

static void check_refused(struct slice key, struct slice sealed)
{
    struct arena a;
    struct slice opened;
    arena_init(&a);
    assert_false(secretbox_open(key, sealed, &a, &opened));
    arena_fini(&a);
}

static void test_opens_what_litellm_sealed(void **state)
{
    check_opens(SLICE("-E_1SfAk_xyCyELUDnDH4KNi8zBdiVti7zXjJ5sFluZNDf50qDnIx-zJneuicSdmMQ=="),
                SLICE("us-east-1"));
    check_opens(SLICE("nsMnEqP0aa87ZclbGMT0ncNfwukMK5DEKqmq4xtk8FgCcO_IY6TI1WjHK9DAFTZzoDW_"
                      "aR2hpL56xY76"),
                SLICE("AKIAFAKEFAKEFAKEFAKE"));
    check_opens(SLICE("vkHHI_u4enFKXJfR4ItBV1geMXTlOF-c7goBvlqFm-b-obG9UPcKQY8cuJnw-"
                      "FjeZhqKgY0rRDsExWMV6sh0y2BRp-o-0ZynEnDaoM9X_w=="),
                SLICE("fakeSecretKey0123456789abcdefghijklmnop"));
}

/* As its later versions do; sealed by Python's `cryptography`, which they use. */
static void test_opens_aes_gcm(void **state)
{
    check_opens(SLICE("v3:gcm:UwSNry9shkeYRJ-itj-0NGziKlGfslgy9uzcylZfW_yY_p3vRQ=="),
                SLICE("us-east-1"));
    check_opens(SLICE("v3:gcm:cAtRDyI7aHaXf-UlinJ6g6S-lioGBwI7XDSTZQ=="), SLICE(""));
    check_opens(SLICE("v2:gcm:lgkcA7laWlQ390SZxAX3meY0YiU1tUgwhv4hwfM2tQKTk3sskg=="),
                SLICE("us-east-1"));
    check_opens(SLICE("v2:gcm:RKZiThQlAo0T-bOg36eWpf68GrEOAdj5OCfca8rUBT-voJxiu0EsX3jRX9JqbpKhZ1sUf"
                      "3VNdXtHe6LrCRTRzyzmFw=="),
                SLICE("fakeSecretKey0123456789abcdefghijklmnop"));
}

static void test_refuses_other_aes_gcm(void **state)
{
    const struct slice box = SLICE("v3:gcm:cAtRDyI7aHaXf-UlinJ6g6S-lioGBwI7XDSTZQ==");
    check_refused(SLICE("another key"), box);
    check_refused(KEY, SLICE("v2:gcm:cAtRDyI7aHaXf-UlinJ6g6S-lioGBwI7XDSTZQ=="));
    check_refused(KEY, SLICE("v3:gcm:cAtRDyI7aHaXf-UlinJ6g6S-lioGBwI7XDSTZg=="));
    check_refused(KEY, SLICE("v3:gcm:AAAA"));
    check_refused(KEY, SLICE("v3:gcm:"));
    check_refused(KEY, SLICE("v3:gcm:?"));
}

static void test_seals_and_opens(void **state)
{
    static const char *const texts[] = {"", "a", "\xc3\xa4\xc3\xb6\xc3\xbc?>", "0123456789abcdef"};
    struct buf first, second;
    buf_init(&first, 1000);
    buf_init(&second, 1000);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        buf_reset(&first);
        buf_reset(&second);
        secretbox_seal(KEY, slice_of(texts[i]), &first);
        secretbox_seal(KEY, slice_of(texts[i]), &second);
        assert_false(slice_eq(buf_slice(&first), buf_slice(&second)));
        assert_true(slice_find_char(buf_slice(&first), '+') < 0);
        assert_true(slice_find_char(buf_slice(&first), '/') < 0);
        check_opens(buf_slice(&first), slice_of(texts[i]));
    }
    check_refused(SLICE("another key"), buf_slice(&first));
    first.p[10] = (char)(first.p[10] == 'A' ? 'B' : 'A');
    check_refused(KEY, buf_slice(&first));
    buf_fini(&first);
    buf_fini(&second);
}

static void test_refuses_what_is_not_sealed(void **state)
{
    check_refused(KEY, SLICE(""));
    check_refused(KEY, SLICE("us-east-1"));
    check_refused(KEY, SLICE("bedrock/anthropic.claude-3-haiku-20240307-v1:0"));
    check_refused(KEY, SLICE("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_opens_what_litellm_sealed),  cmocka_unit_test(test_opens_aes_gcm),
        cmocka_unit_test(test_refuses_other_aes_gcm),      cmocka_unit_test(test_seals_and_opens),
        cmocka_unit_test(test_refuses_what_is_not_sealed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
