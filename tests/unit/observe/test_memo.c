/* What was kept comes back for the same texts, and for no others. */

#include "cmocka_all.h"
#include "memo.h"

#include <stdio.h>

#define TEXTS 3

struct texts {
    char room[MEMO_ROOM + 1];
    struct slice all[TEXTS];
};

/* One behind the other. */
static struct memo_key key_of(struct texts *t, const char *a, const char *b, const char *c,
                              uint64_t more)
{
    const char *given[TEXTS] = {a, b, c};
    char *to = t->room;
    for (size_t i = 0; i < TEXTS; i++) {
        t->all[i] = slice_make(to, strlen(given[i]));
        memcpy(to, given[i], t->all[i].n);
        to += t->all[i].n;
    }
    return (struct memo_key){t->all, TEXTS, more};
}

static void keep(struct memo *m, const struct memo_key *k, const char *first, const char *last)
{
    const struct slice parts[MEMO_PARTS] = {slice_of(first), SLICE(""), slice_of(last)};
    memo_keep(m, k, parts);
}

static void assert_text(struct slice found, const char *expected)
{
    assert_true(slice_eq(found, slice_of(expected)));
}

static int begin(void **state)
{
    static struct arena arena;
    static struct memo m;
    arena_init(&arena);
    m = (struct memo){.arena = &arena};
    *state = &m;
    return 0;
}

static int end(void **state)
{
    struct memo *m = *state;
    arena_fini(m->arena);
    return 0;
}

static void the_same_texts_have_what_was_kept(void **state)
{
    struct texts t, same;
    struct memo_key k = key_of(&t, "key", "", "model", 200);
    assert_null(memo_find(*state, &k));
    keep(*state, &k, "name", "attributes");
    struct memo_key again = key_of(&same, "key", "", "model", 200);
    const struct slice *parts = memo_find(*state, &again);
    assert_non_null(parts);
    assert_text(parts[0], "name");
    assert_text(parts[1], "");
    assert_text(parts[2], "attributes");
}

static void others_do_not(void **state)
{
    static const struct {
        const char *a, *b, *c;
        uint64_t more;
    } others[] = {
        {"key", "", "modem", 200}, {"key", "m", "odel", 200}, {"keymodel", "", "", 200},
        {"", "key", "model", 200}, {"key", "", "model", 400}, {"key", "", "mode", 200},
        {"", "", "", 200},
    };
    struct texts t;
    struct memo_key k = key_of(&t, "key", "", "model", 200);
    keep(*state, &k, "name", "attributes");
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        struct texts other;
        k = key_of(&other, others[i].a, others[i].b, others[i].c, others[i].more);
        assert_null(memo_find(*state, &k));
    }
    k = key_of(&t, "key", "", "model", 200);
    k.count--;
    assert_null(memo_find(*state, &k));
}

/* Of many the latest is there, and whatever is there belongs to its texts. */
static void many_share_few_places(void **state)
{
    enum { MANY = 4 * MEMO_SLOTS };
    struct texts t;
    char name[16];
    size_t found = 0;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "key-%d", i);
        struct memo_key k = key_of(&t, name, "deployment", "model", 200);
        keep(*state, &k, name, name);
        assert_text(memo_find(*state, &k)[0], name);
    }
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "key-%d", i);
        struct memo_key k = key_of(&t, name, "deployment", "model", 200);
        const struct slice *parts = memo_find(*state, &k);
        if (parts)
            assert_text(parts[2], name), found++;
    }
    assert_in_range(found, 1, MEMO_SLOTS);
}

static void what_is_too_large_is_not_kept(void **state)
{
    struct texts t;
    char large[MEMO_ROOM];
    memset(large, 'x', sizeof(large) - 1);
    large[sizeof(large) - 1] = '\0';
    struct memo_key k = key_of(&t, "a", "b", "c", 0);
    keep(*state, &k, large, "");
    assert_null(memo_find(*state, &k));
    large[sizeof(large) - TEXTS] = '\0';
    keep(*state, &k, large, "");
    assert_text(memo_find(*state, &k)[0], large);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_same_texts_have_what_was_kept, begin, end),
        cmocka_unit_test_setup_teardown(others_do_not, begin, end),
        cmocka_unit_test_setup_teardown(many_share_few_places, begin, end),
        cmocka_unit_test_setup_teardown(what_is_too_large_is_not_kept, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
