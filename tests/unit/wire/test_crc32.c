/* The folded CRC-32 against zlib's, for every length and place that its blocks can meet. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "wire/crc32.h"

#include <zlib.h>

#define LENGTH_MAX 700
#define PLACES     17

static void equals_zlib(void **state)
{
    char bytes[LENGTH_MAX + PLACES];
    uint32_t seed = 1;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        seed = seed * 1664525 + 1013904223;
        bytes[i] = (char)(seed >> 24);
    }
    for (size_t place = 0; place < PLACES; place++)
        for (size_t n = 0; n <= LENGTH_MAX; n++) {
            uint32_t expected = (uint32_t)crc32_z(0, (const Bytef *)bytes + place, n);
            assert_int_equal(crc32_of(slice_make(bytes + place, n)), expected);
        }
}

static void known_value(void **state)
{
    assert_int_equal(crc32_of(SLICE("123456789")), 0xcbf43926u);
    assert_int_equal(crc32_of(slice_make(NULL, 0)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(equals_zlib),
                                       cmocka_unit_test(known_value)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
