/* What may be a header's name, and what is known of some of them. */

#include "check.h"

#include "wire/http1.h"

#include <ctype.h>

static void tokens(void **state)
{
    (void)state;
    assert_false(http_is_token(SLICE("")));
    assert_true(http_is_token(SLICE("x-Litellm_1.2")));
    assert_true(http_is_visible(SLICE("")));
    for (int c = 0; c < 256; c++) {
        const char name[] = {'a', (char)c, 'b'};
        bool may = c && c < 0x80 && (isalnum(c) || strchr("!#$%&'*+-.^_`|~", c));
        assert_int_equal(http_is_token(slice_make(name, 3)), may);
        assert_int_equal(http_is_token(slice_make(name + 1, 1)), may);
        assert_int_equal(http_is_visible(slice_make(name, 3)), c > ' ' && c < 0x7f);
    }
}

/* Lists of headers that go on to others ask by these. */
static void traits(void **state)
{
    static const struct {
        const char *name;
        unsigned traits;
    } rows[] = {
        {"Authorization", HTTP_HAS_KEY},
        {"API-KEY", HTTP_HAS_KEY},
        {"x-api-key", HTTP_HAS_KEY},
        {"X-Goog-Api-Key", HTTP_HAS_KEY},
        {"x-litellm-api-key", HTTP_HAS_KEY},
        {"x-litellm-key", HTTP_HAS_KEY},
        {"Ocp-Apim-Subscription-Key", HTTP_HAS_KEY},
        {"X-Amz-Security-Token", HTTP_HAS_KEY},
        {"cookie", HTTP_HAS_KEY},
        {"Proxy-Authorization", HTTP_HAS_KEY | HTTP_OF_HOP},
        {"Proxy-Authenticate", HTTP_OF_HOP},
        {"Proxy-Connection", HTTP_OF_HOP},
        {"Connection", HTTP_OF_HOP},
        {"Keep-Alive", HTTP_OF_HOP},
        {"TE", HTTP_OF_HOP},
        {"Trailer", HTTP_OF_HOP},
        {"Transfer-Encoding", HTTP_OF_HOP},
        {"Upgrade", HTTP_OF_HOP},
        {"Content-Length", HTTP_OF_HOP},
        {"Host", HTTP_OF_HOP},
        {"Expect", HTTP_OF_HOP},
        {"", 0},
        {"content-type", 0},
        {"set-cookie", 0},
        {"x-api-keys", 0},
        {"x-api", 0},
        {"x-amz-date", 0},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        assert_int_equal(http_header_traits(slice_of(rows[i].name)), rows[i].traits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(tokens), cmocka_unit_test(traits)};
    return cmocka_run_group_tests_name("header_names", tests, NULL, NULL);
}
