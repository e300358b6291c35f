#include "check.h"

#include "base/pack.h"

static void test_round_trip(void **state)
{
    static const uint64_t numbers[] = {0,     1,          127,       128,       16383,
                                       16384, UINT32_MAX, INT64_MAX, UINT64_MAX};
    struct buf b;
    struct slice rest, text;
    uint64_t n;
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++) {
        buf_init(&b, 100);
        pack_number(&b, numbers[i]);
        pack_bytes(&b, SLICE("text"));
        pack_bytes(&b, SLICE(""));
        rest = buf_slice(&b);
        assert_true(unpack_number(&rest, &n) && n == numbers[i]);
        assert_true(unpack_bytes(&rest, &text));
        check_text(text, "text");
        assert_true(unpack_bytes(&rest, &text));
        assert_int_equal(text.n, 0);
        assert_int_equal(rest.n, 0);
        assert_false(unpack_number(&rest, &n) || unpack_bytes(&rest, &text));
        buf_fini(&b);
    }
}

static void test_what_is_refused(void **state)
{
    static const struct slice bad[] = {
        SLICE("\x80"),                                         /* cut */
        SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02"),     /* 65 bits */
        SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"), /* eleven bytes */
    };
    struct slice rest, text;
    uint64_t n;
    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        rest = bad[i];
        assert_false(unpack_number(&rest, &n));
    }
    rest = SLICE("\x05"
                 "abcd");
    assert_false(unpack_bytes(&rest, &text));
    rest = SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"
                 "abcd");
    assert_false(unpack_bytes(&rest, &text));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_what_is_refused),
    };
    return cmocka_run_group_tests_name("base/pack", tests, NULL, NULL);
}
