#include "check.h"

#include "base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifdef WITH_ASAN
#include <sanitizer/asan_interface.h>
#define POISONED(p) __asan_address_is_poisoned(p)
#else
#define POISONED(p) (-1) /* cannot be known */
#endif

static void check_poisoned(const void *p, bool expected)
{
    int poisoned = POISONED(p);
    if (poisoned >= 0)
        assert_int_equal(poisoned != 0, expected);
}

static void test_aligned_and_apart(void **state)
{
    struct arena a;
    char *last = NULL;
    arena_init(&a);
    for (size_t n = 0; n < 200; n++) {
        char *p = arena_alloc(&a, n);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, (int)n, n);
        if (last && n > 1)
            assert_int_equal((unsigned char)last[n - 2], n - 1);
        last = p;
    }
    char *z = arena_zalloc(&a, 1000);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(z[i], 0);
    arena_fini(&a);
    assert_int_equal(a.total, 0);
}

static void test_large_and_many(void **state)
{
    struct arena a;
    arena_init(&a);
    char *big = arena_alloc(&a, 5 << 20);
    memset(big, 1, 5 << 20);
    for (int i = 0; i < 10000; i++)
        memset(arena_alloc(&a, 100), 2, 100);
    assert_int_equal(big[(5 << 20) - 1], 1);
    assert_true(a.total >= (5u << 20) + 1000000 && a.total < (5u << 20) + 2000000);
    arena_fini(&a);
}

static void test_resize(void **state)
{
    struct arena a;
    arena_init(&a);
    char *p = arena_realloc(&a, NULL, 0, 10);
    memcpy(p, "0123456789", 10);
    assert_ptr_equal(arena_realloc(&a, p, 10, 1000), p); /* the newest grows in place */
    assert_ptr_equal(arena_realloc(&a, p, 1000, 16), p); /* and shrinks */
    check_poisoned(p + 16, true);
    char *next = arena_alloc(&a, 16);
    assert_ptr_equal(next, p + 16);
    assert_ptr_equal(arena_realloc(&a, p, 16, 8), p); /* an older one shrinks where it is */
    check_poisoned(p + 8, true);
    char *moved = arena_realloc(&a, p, 8, 32);
    assert_ptr_not_equal(moved, p);
    assert_memory_equal(moved, "01234567", 8);
    check_poisoned(p, true);
    moved = arena_realloc(&a, moved, 32, 100000); /* beyond the block */
    assert_memory_equal(moved, "01234567", 8);
    memset(moved, 3, 100000);
    arena_fini(&a);
}

static void test_mark_and_rewind(void **state)
{
    struct arena a;
    arena_init(&a);
    struct arena_mark start = arena_mark(&a);
    char *kept = arena_alloc(&a, 100);
    memset(kept, 7, 100);
    struct arena_mark mark = arena_mark(&a);
    size_t total = a.total;
    char *gone = arena_alloc(&a, 50);
    for (int i = 0; i < 100; i++)
        arena_alloc(&a, 10000);
    arena_rewind(&a, mark);
    assert_int_equal(a.total, total);
    check_poisoned(gone, true);
    check_poisoned(kept, false);
    assert_ptr_equal(arena_alloc(&a, 50), gone);
    assert_int_equal(kept[99], 7);
    arena_rewind(&a, start);
    assert_int_equal(a.total, 0);
    check_poisoned(kept, true);
    arena_fini(&a);
}

static void test_edges_are_guarded(void **state)
{
    struct arena a;
    arena_init(&a);
    char *p = arena_alloc(&a, 5);
    check_poisoned(p + 4, false);
    check_poisoned(p + 5, true); /* not even the padding */
    arena_fini(&a);
    check_poisoned(p, true); /* in the list of free blocks */
}

/* A block that comes back from the free list is usable from end to end. */
static void test_blocks_are_reused(void **state)
{
    struct arena a;
    arena_init(&a);
    void *first = arena_alloc(&a, 16000);
    arena_fini(&a);
    arena_init(&a);
    void *again = arena_alloc(&a, 16000);
    assert_ptr_equal(first, again);
    memset(again, 1, 16000);
    arena_fini(&a);
}

static void test_strings(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice s = arena_dup(&a, SLICE("a\0b"));
    check_slice(s, SLICE("a\0b"));
    assert_int_equal(s.p[3], '\0');
    assert_string_equal(arena_dup(&a, slice_make(NULL, 0)).p, "");
    assert_string_equal(arena_strdup(&a, SLICE("xyz")), "xyz");
    s = arena_printf(&a, "%s-%d", "x", 5);
    check_text(s, "x-5");
    assert_int_equal(s.p[3], '\0');
    assert_int_equal(arena_printf(&a, "%50000d", 1).n, 50000);
    arena_fini(&a);
}

static void test_join(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice none = ARENA_JOIN(&a, slice_make(NULL, 0));
    struct slice all = ARENA_JOIN(&a, SLICE("one"), slice_make(NULL, 0), SLICE(" two"));
    assert_string_equal(none.p, "");
    assert_string_equal(all.p, "one two");
    assert_int_equal(all.n, 7);
    assert_string_equal(arena_integer(&a, -42).p, "-42");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_aligned_and_apart),
        cmocka_unit_test(test_large_and_many),
        cmocka_unit_test(test_resize),
        cmocka_unit_test(test_mark_and_rewind),
        cmocka_unit_test(test_edges_are_guarded),
        cmocka_unit_test(test_blocks_are_reused),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_join),
    };
    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
