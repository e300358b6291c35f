#include "check.h"

#include "base/list.h"
#include "base/map.h"

static void test_put_and_get(void **state)
{
    struct map m;
    int one = 1, two = 2;
    map_init(&m);
    assert_null(map_get(&m, SLICE("a")));
    map_put(&m, SLICE("a"), &one);
    map_put(&m, SLICE(""), &two);
    assert_ptr_equal(map_get(&m, SLICE("a")), &one);
    assert_ptr_equal(map_get(&m, SLICE("")), &two);
    assert_null(map_get(&m, SLICE("ab")));
    map_put(&m, SLICE("a"), &two);
    assert_ptr_equal(map_get(&m, SLICE("a")), &two);
    assert_int_equal(m.count, 2);
    map_fini(&m);
    assert_null(map_get(&m, SLICE("a")));
}

static void test_growth(void **state)
{
    enum { N = 5000 };
    static char keys[N][8];
    struct map m;
    map_init(&m);
    for (int i = 0; i < N; i++) {
        snprintf(keys[i], sizeof(keys[i]), "k%d", i);
        map_put(&m, slice_of(keys[i]), keys[i]);
        assert_true(m.count * 4 <= m.size * 3);
    }
    assert_int_equal(m.count, N);
    for (int i = 0; i < N; i++)
        assert_ptr_equal(map_get(&m, slice_of(keys[i])), keys[i]);
    assert_null(map_get(&m, SLICE("k5000")));
    map_fini(&m);
}

static void put_null(void)
{
    struct map m;
    map_init(&m);
    map_put(&m, SLICE("a"), NULL);
}

static void test_null_is_no_value(void **state)
{
    assert_true(aborts(put_null));
}

static void test_list(void **state)
{
    struct list head, a, b;
    list_init(&head);
    list_init(&a);
    assert_true(list_empty(&head));
    assert_null(list_pop(&head));
    list_del(&a); /* in no list: harmless */
    list_add(&head, &a);
    list_add(&head, &b);
    assert_ptr_equal(list_pop(&head), &a);
    list_add(&head, &a);
    list_del(&b);
    list_del(&b);
    assert_ptr_equal(list_pop(&head), &a);
    assert_true(list_empty(&head));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_and_get),
        cmocka_unit_test(test_growth),
        cmocka_unit_test(test_null_is_no_value),
        cmocka_unit_test(test_list),
    };
    return cmocka_run_group_tests_name("map", tests, NULL, NULL);
}
