/* Parcels of all sizes, more of them than are kept, in the order of a queue and of a stack. */

#include "cmocka_all.h"
#include "observe/parcel.h"

#include <string.h>

enum { MANY = 3 * PARCELS_KEPT };

static struct parcel *make(size_t size, int n)
{
    struct parcel *p = parcel_new(size);
    assert_int_equal(p->refs, 1);
    assert_int_equal(p->made_ms, 0);
    assert_true(p->size >= size);
    memset(p + 1, n, p->size - sizeof(*p));
    return p;
}

static void check(const struct parcel *p, int n)
{
    const char *bytes = (const char *)(p + 1);
    for (size_t i = 0; i < p->size - sizeof(*p); i++)
        assert_int_equal(bytes[i], (char)n);
}

static void hold_what_is_written(void **state)
{
    struct parcel *parcels[MANY];
    (void)state;
    for (int round = 0; round < 3; round++) {
        for (int i = 0; i < MANY; i++)
            parcels[i] = make(sizeof(struct parcel) + (size_t)i * 37, i + round);
        for (int i = 0; i < MANY; i++)
            check(parcels[i], i + round);
        for (int i = 0; i < MANY; i++)
            parcel_unref(parcels[round % 2 ? i : MANY - 1 - i]);
    }
}

static void live_until_the_last_lets_go(void **state)
{
    (void)state;
    struct parcel *p = parcel_ref(make(100, 7));
    parcel_unref(p);
    struct parcel *other = make(100, 8);
    assert_ptr_not_equal(p, other);
    check(p, 7);
    parcel_unref(p);
    parcel_unref(other);
    parcel_unref(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hold_what_is_written),
        cmocka_unit_test(live_until_the_last_lets_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
