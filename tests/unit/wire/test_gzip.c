#include "check.h"
#include "wire/gzip.h"

#include <stdlib.h>
#include <zlib.h>

static void test_accepted(void **state)
{
    static const struct {
        const char *header;
        bool accepted;
    } rows[] = {
        {"", false},
        {"gzip", true},
        {"gzip, deflate, br", true},
        {"br;q=1.0, GZIP;q=0.5", true},
        {" deflate ,\tx-gzip", true},
        {"gzip;q=0", false},
        {"gzip; Q = 0.000", false},
        {"gzip;q=0.001", true},
        {"gzip;q=x", true},
        {"identity", false},
        {"gzipped", false},
        {"*", false}, /* an answer as it is suits everybody */
        {",,;,gzip", true},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (gzip_accepted(slice_of(rows[i].header)) != rows[i].accepted)
            fail_msg("%s", rows[i].header);
}

static void check_unpacks(struct slice packed, struct slice plain)
{
    char *room = malloc(plain.n + 1);
    z_stream z = {.next_in = (Bytef *)(uintptr_t)packed.p, .avail_in = (uInt)packed.n};
    assert_non_null(room);
    assert_int_equal(inflateInit2(&z, MAX_WBITS + 16), Z_OK);
    z.next_out = (Bytef *)room;
    z.avail_out = (uInt)plain.n + 1;
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    assert_int_equal(z.avail_in, 0);
    check_slice(slice_make(room, plain.n + 1 - z.avail_out), plain);
    inflateEnd(&z);
    free(room);
}

/* Every size of window and of zlib's tables, at its edges. */
static void test_round_trip(void **state)
{
    struct buf text, out;
    buf_init(&text, 1 << 20);
    for (int i = 0; text.n < 200000; i++)
        buf_addf(&text, "{\"n\":%d,\"twice\":%d}\n", i, 2 * i);
    for (size_t n = 256; n <= 1 << 17; n *= 2)
        for (size_t at = n - 1; at <= n + 1; at++) {
            struct slice plain = slice_make(text.p, at);
            buf_init(&out, at + 3);
            BUF_LITERAL(&out, "abc");
            assert_true(gzip_write(plain, &out));
            assert_true(out.n < at);
            check_unpacks(slice_skip(buf_slice(&out), 3), plain);
            buf_fini(&out);
        }
    buf_fini(&text);
}

static void test_not_shorter(void **state)
{
    static char noise[4096];
    struct buf out;
    uint32_t x = 1;
    for (size_t i = 0; i < sizeof(noise); i++) {
        x = x * 1664525 + 1013904223;
        noise[i] = (char)(x >> 24);
    }
    buf_init(&out, sizeof(noise));
    assert_false(gzip_write(slice_make(noise, sizeof(noise)), &out));
    assert_false(gzip_write(SLICE("short"), &out));
    assert_false(gzip_write(SLICE(""), &out));
    assert_true(out.n == 0 && !out.overflow);
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accepted),
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_not_shorter),
    };
    return cmocka_run_group_tests_name("gzip", tests, NULL, NULL);
}
