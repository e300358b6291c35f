/* Parameters behind the '?'. */

#include "check.h"
#include "query.h"

static void values(void **state)
{
    static const struct {
        const char *query, *name, *value; /* NULL: not there */
    } rows[] = {
        {"", "a", NULL},          {"a=1", "a", "1"},
        {"a=1&b=2", "b", "2"},    {"a=1&a=2", "a", "1"},
        {"a", "a", ""},           {"a=", "a", ""},
        {"ab=1", "a", NULL},      {"a=x%2Fy+z%2B", "a", "x/y z+"},
        {"%61=1", "a", "1"},      {"a=%4", "a", NULL},
        {"&&a=b=c&", "a", "b=c"},
    };
    struct arena a;
    (void)state;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct slice v = query_get(slice_of(rows[i].query), rows[i].name, &a);
        assert_int_equal(v.p != NULL, rows[i].value != NULL);
        assert_true(slice_eq(v, slice_of(rows[i].value)));
    }
    arena_fini(&a);
}

static void flags(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    assert_true(query_flag(SLICE("x=TRUE"), "x", &a));
    assert_true(query_flag(SLICE("x=1"), "x", &a));
    assert_false(query_flag(SLICE("x=false"), "x", &a));
    assert_false(query_flag(SLICE("x"), "x", &a));
    assert_false(query_flag(SLICE("y=1"), "x", &a));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(values), cmocka_unit_test(flags)};
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
