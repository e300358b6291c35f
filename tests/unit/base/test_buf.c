#include "check.h"

static void test_grows_to_the_cap(void **state)
{
    struct buf b;
    buf_init(&b, 3000);
    assert_null(b.p);
    assert_int_equal(buf_slice(&b).n, 0);
    for (int i = 0; i < 3000; i++)
        buf_add_char(&b, (char)('a' + i % 26));
    assert_int_equal(b.n, 3000);
    assert_false(b.overflow);
    assert_true(b.size <= b.cap);
    assert_memory_equal(b.p, "abcdefghij", 10);
    buf_add_char(&b, 'x');
    assert_int_equal(b.n, 3000);
    assert_true(b.overflow);
    buf_fini(&b);
    assert_int_equal(b.cap, 3000);
    assert_false(b.overflow);
}

/* The write that does not fit is dropped whole; later ones that would fit are dropped too. */
static void test_overflow_stays(void **state)
{
    struct buf b;
    buf_init(&b, 10);
    BUF_LITERAL(&b, "12345678");
    BUF_LITERAL(&b, "abc");
    assert_true(b.overflow);
    BUF_LITERAL(&b, "9");
    buf_addf(&b, "%d", 9);
    assert_null(buf_reserve(&b, 1));
    check_text(buf_slice(&b), "12345678");
    buf_reset(&b);
    assert_false(b.overflow);
    BUF_LITERAL(&b, "1234567890");
    check_text(buf_slice(&b), "1234567890");
    assert_false(b.overflow);
    buf_fini(&b);
}

static void test_no_room_at_all(void **state)
{
    struct buf b;
    buf_init(&b, 0);
    buf_add(&b, slice_make(NULL, 0));
    assert_false(b.overflow);
    buf_add_char(&b, 'x');
    assert_true(b.overflow);
    assert_null(b.p);
    buf_fini(&b);
}

static void test_huge_reserve(void **state)
{
    struct buf b;
    buf_init(&b, SIZE_MAX);
    BUF_LITERAL(&b, "x");
    b.cap = 100;
    assert_null(buf_reserve(&b, SIZE_MAX));
    assert_true(b.overflow);
    buf_fini(&b);
}

static void test_format(void **state)
{
    struct buf b;
    buf_init(&b, 100);
    buf_addf(&b, "%d-%s", 7, "x");
    buf_addf(&b, "%s", "");
    check_text(buf_slice(&b), "7-x");
    buf_addf(&b, "%200d", 1);
    assert_true(b.overflow);
    check_text(buf_slice(&b), "7-x");
    buf_fini(&b);
}

static void test_consume_and_take(void **state)
{
    struct buf b;
    char *p;
    buf_init(&b, 100);
    BUF_LITERAL(&b, "abcdef");
    buf_consume(&b, 0);
    buf_consume(&b, 2);
    check_text(buf_slice(&b), "cdef");
    buf_consume(&b, 4);
    assert_int_equal(b.n, 0);
    BUF_LITERAL(&b, "xyz");
    assert_int_equal(buf_take(&b, &p), 3);
    assert_memory_equal(p, "xyz", 3);
    free(p);
    assert_null(b.p);
    BUF_LITERAL(&b, "new");
    check_text(buf_slice(&b), "new");
    buf_fini(&b);
    buf_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grows_to_the_cap), cmocka_unit_test(test_overflow_stays),
        cmocka_unit_test(test_no_room_at_all),   cmocka_unit_test(test_huge_reserve),
        cmocka_unit_test(test_format),           cmocka_unit_test(test_consume_and_take),
    };
    return cmocka_run_group_tests_name("buf", tests, NULL, NULL);
}
