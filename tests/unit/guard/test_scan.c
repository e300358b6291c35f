#include "../base/check.h"

#include "guard/rules.h"

#include <stdlib.h>

/* What a text becomes, whole and in every split into two and three pieces. */

struct case_ {
    const char *pattern; /* NULL: the words */
    const char *words[4];
    bool whole;
    enum guard_action action;
    const char *text, *expected;
    size_t masked, logged;
    bool blocked;
};

static const struct case_ cases[] = {
    {.pattern = "\\d{3}-\\d{2}-\\d{4}",
     .action = GUARD_MASK,
     .text = "it is 123-45-6789, 987-65-4321.",
     .expected = "it is [X], [X].",
     .masked = 2},
    {.pattern = "sk-[a-z0-9]+",
     .action = GUARD_MASK,
     .text = "sk-abc123 and SK-XYZ",
     .expected = "[X] and [X]",
     .masked = 2},
    {.pattern = "\\bsecret\\b",
     .action = GUARD_BLOCK,
     .text = "a secret here",
     .expected = "a [X] here",
     .blocked = true},
    {.pattern = "\\bsecret\\b",
     .action = GUARD_BLOCK,
     .text = "secretly, secrets",
     .expected = "secretly, secrets"},
    {.pattern = "(?<=key: )\\w+",
     .action = GUARD_MASK,
     .text = "key: abc, nokey:def",
     .expected = "key: [X], nokey:def",
     .masked = 1},
    {.pattern = "end$",
     .action = GUARD_MASK,
     .text = "end of the end",
     .expected = "end of the [X]",
     .masked = 1},
    {.pattern = "a+", .action = GUARD_LOG, .text = "baaab", .expected = "baaab", .logged = 1},
    {.pattern = "x*", .action = GUARD_MASK, .text = "axxb", .expected = "a[X]b", .masked = 1},
    {.pattern = "größe",
     .action = GUARD_MASK,
     .text = "die GRÖSSE, die Größe, GRÖßE.",
     .expected = "die GRÖSSE, die [X], [X].",
     .masked = 2},
    {.words = {"red", "redder", "Blau"},
     .action = GUARD_MASK,
     .text = "REDDER red Redde blauer",
     .expected = "[X] [X] [X]de [X]er",
     .masked = 4},
    {.words = {"red", "redder", "c++"},
     .whole = true,
     .action = GUARD_MASK,
     .text = "redder reddest (RED) c++ rouge",
     .expected = "[X] reddest ([X]) [X] rouge",
     .masked = 3},
    {.words = {"two words"},
     .action = GUARD_BLOCK,
     .text = "Two Words",
     .expected = "[X]",
     .blocked = true},
};

static struct guard_rules *rules_of(const struct case_ *c, struct arena *a)
{
    struct guard_rules *r = guard_rules_new();
    const char *error = NULL;
    struct slice words[4];
    size_t n = 0;
    while (n < 4 && c->words[n])
        words[n] = slice_of(c->words[n]), n++;
    bool ok = c->pattern ? guard_rules_add(r, SLICE("p"), SLICE("[X]"), c->action,
                                           slice_of(c->pattern), a, &error)
                         : guard_rules_add_words(r, words, n, SLICE("[X]"), c->action, c->whole, a,
                                                 &error);
    if (!ok)
        fail_msg("%s: %s", c->text, error);
    return r;
}

static void check(const struct case_ *c, const struct guard_found *f, struct slice out)
{
    if (!slice_eq(out, slice_of(c->expected)))
        fail_msg("%s became %.*s", c->text, SLICE_ARG(out));
    assert_int_equal(f->masked, c->masked);
    assert_int_equal(f->logged, c->logged);
    assert_int_equal(f->blocked, c->blocked);
    assert_false(f->failed);
}

static void feed(const struct case_ *c, const struct guard_rules *r, size_t one, size_t two)
{
    struct guard_found found = {0};
    struct guard_scan s;
    struct buf out;
    struct slice text = slice_of(c->text);
    buf_init(&out, 4096);
    guard_scan_init(&s, &r, 1, &found);
    guard_scan_feed(&s, slice_make(text.p, one), false, &out);
    guard_scan_feed(&s, slice_make(text.p + one, two - one), false, &out);
    guard_scan_feed(&s, slice_skip(text, two), true, &out);
    check(c, &found, buf_slice(&out));
    guard_scan_fini(&s);
    buf_fini(&out);
}

static bool at_character(const char *text, size_t n)
{
    return ((unsigned char)text[n] & 0xC0) != 0x80;
}

static void test_every_split(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena a;
        arena_init(&a);
        struct guard_rules *r = rules_of(&cases[i], &a);
        size_t n = strlen(cases[i].text);
        for (size_t one = 0; one <= n; one++)
            for (size_t two = one; two <= n; two++)
                if (at_character(cases[i].text, one) && at_character(cases[i].text, two))
                    feed(&cases[i], r, one, two);
        guard_rules_free(r);
        arena_fini(&a);
    }
}

static void test_whole(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena a;
        struct guard_found found = {0};
        struct guard_scan s;
        struct buf out;
        const struct case_ *c = &cases[i];
        arena_init(&a);
        buf_init(&out, 4096);
        const struct guard_rules *r = rules_of(c, &a);
        guard_scan_init(&s, &r, 1, &found);
        bool changed = guard_scan_text(&s, slice_of(c->text), &out);
        assert_int_equal(changed, strcmp(c->text, c->expected) != 0);
        check(c, &found, changed ? buf_slice(&out) : slice_of(c->text));
        guard_scan_fini(&s);
        buf_fini(&out);
        guard_rules_free((struct guard_rules *)(uintptr_t)r);
        arena_fini(&a);
    }
}

/* Nothing of a match leaves before it is whole, however it is cut. */
static void test_never_released(void **state)
{
    struct arena a;
    const char text[] = "token sk-0123456789 end";
    const struct case_ c = {.pattern = "sk-\\d{10}", .action = GUARD_BLOCK};
    arena_init(&a);
    const struct guard_rules *r = rules_of(&c, &a);
    for (size_t step = 1; step < 8; step++) {
        struct guard_found found = {0};
        struct guard_scan s;
        struct buf out;
        buf_init(&out, 4096);
        guard_scan_init(&s, &r, 1, &found);
        for (size_t at = 0; at < strlen(text) && !found.blocked; at += step) {
            struct slice rest = slice_skip(slice_of(text), at);
            guard_scan_feed(&s, slice_make(rest.p, rest.n < step ? rest.n : step), false, &out);
            if (!found.blocked)
                assert_true(slice_find(buf_slice(&out), SLICE("s")) < 0);
        }
        assert_true(found.blocked);
        guard_scan_fini(&s);
        buf_fini(&out);
    }
    guard_rules_free((struct guard_rules *)(uintptr_t)r);
    arena_fini(&a);
}

/* A pattern that would hold everything holds a window. */
static void test_window(void **state)
{
    struct arena a;
    struct guard_found found = {0};
    struct guard_scan s;
    struct buf out;
    const struct case_ c = {.pattern = "<.*>", .action = GUARD_MASK};
    size_t fed = 0, most = 0;
    arena_init(&a);
    const struct guard_rules *r = rules_of(&c, &a);
    buf_init(&out, SIZE_MAX);
    guard_scan_init(&s, &r, 1, &found);
    guard_scan_feed(&s, SLICE("<"), false, &out);
    for (int i = 0; i < 5000; i++) {
        guard_scan_feed(&s, SLICE("0123456789"), false, &out);
        fed = 1 + (size_t)(i + 1) * 10;
        most = fed - out.n > most ? fed - out.n : most;
    }
    assert_true(most > GUARD_WINDOW / 2 && most <= GUARD_WINDOW + 10);
    guard_scan_feed(&s, SLICE(""), true, &out);
    assert_int_equal(out.n, fed);
    assert_int_equal(found.masked, 0);
    guard_scan_fini(&s);
    buf_fini(&out);
    guard_rules_free((struct guard_rules *)(uintptr_t)r);
    arena_fini(&a);
}

/* Backtracking without end is given up, and said. */
static void test_catastrophe(void **state)
{
    struct arena a;
    struct guard_found found = {0};
    struct guard_scan s;
    struct buf out;
    const struct case_ c = {.pattern = "^(a|aa|aaa)+$", .action = GUARD_MASK};
    char text[200];
    arena_init(&a);
    memset(text, 'a', sizeof(text));
    text[sizeof(text) - 1] = '!';
    const struct guard_rules *r = rules_of(&c, &a);
    buf_init(&out, SIZE_MAX);
    guard_scan_init(&s, &r, 1, &found);
    guard_scan_text(&s, slice_make(text, sizeof(text)), &out);
    assert_true(found.failed && !found.blocked);
    guard_scan_fini(&s);
    buf_fini(&out);
    guard_rules_free((struct guard_rules *)(uintptr_t)r);
    arena_fini(&a);
}

static void test_long_text(void **state)
{
    struct arena a;
    struct guard_found found = {0};
    struct guard_scan s;
    struct buf text, out;
    const struct case_ c = {.words = {"needle"}, .action = GUARD_MASK};
    arena_init(&a);
    const struct guard_rules *r = rules_of(&c, &a);
    buf_init(&text, SIZE_MAX);
    buf_init(&out, SIZE_MAX);
    while (text.n < 200000)
        BUF_LITERAL(&text, "hay ü nee needle ");
    guard_scan_init(&s, &r, 1, &found);
    assert_true(guard_scan_text(&s, buf_slice(&text), &out));
    assert_int_equal(found.masked, text.n / strlen("hay ü nee needle "));
    assert_true(slice_find(buf_slice(&out), SLICE("needle")) < 0);
    guard_scan_fini(&s);
    buf_fini(&text);
    buf_fini(&out);
    guard_rules_free((struct guard_rules *)(uintptr_t)r);
    arena_fini(&a);
}

static void test_many_words(void **state)
{
    struct arena a;
    static struct slice words[GUARD_WORDS_MAX];
    const char *error = NULL;
    arena_init(&a);
    for (unsigned i = 0; i < GUARD_WORDS_MAX; i++)
        words[i] = arena_printf(&a, "w%x-%u", i * 2654435761u, i);
    struct guard_rules *r = guard_rules_new();
    assert_true(guard_rules_add_words(r, words, GUARD_WORDS_MAX, SLICE("[X]"), GUARD_BLOCK, false,
                                      &a, &error));
    for (unsigned i = 0; i < GUARD_WORDS_MAX; i += 997) {
        struct guard_found found = {0};
        struct guard_scan s;
        struct buf out;
        const struct guard_rules *set = r;
        buf_init(&out, 4096);
        guard_scan_init(&s, &set, 1, &found);
        assert_true(guard_scan_text(&s, words[i], &out));
        assert_true(found.blocked && !found.name.n && found.word_bytes == words[i].n);
        guard_scan_fini(&s);
        buf_fini(&out);
    }
    guard_rules_free(r);
    arena_fini(&a);
}

static void test_bad_rules(void **state)
{
    static const char *const patterns[] = {"", "(", "[a-", "a{2,1}", "\\C", "(?<=a+)b"};
    struct arena a;
    arena_init(&a);
    struct guard_rules *r = guard_rules_new();
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++) {
        const char *error = NULL;
        assert_false(guard_rules_add(r, SLICE("p"), SLICE(""), GUARD_MASK, slice_of(patterns[i]),
                                     &a, &error));
        assert_non_null(error);
    }
    guard_rules_free(r);
    arena_fini(&a);
}

static void test_presets(void **state)
{
    static const struct {
        const char *name, *yes, *no;
    } rows[] = {
        {"us_ssn", "my 123-45-6789", "1234-56-789"},
        {"email", "write to a.b+c@example.co.uk!", "a@b, @example.com"},
        {"aws_access_key", "AKIAIOSFODNN7EXAMPLE", "AKIAIOSFODNN7EXAMPL"},
        {"credit_card", "4111 1111 1111 1111", "4111 1111 1111"},
        {"amex", "3782-822463-10005", "4782-822463-10005"},
        {"visa", "4111111111111111", "5111111111111111"},
        {"mastercard", "5500 0000 0000 0004", "4500 0000 0000 0004"},
        {"discover", "6011000990139424", "6012000990139424"},
        {"github_token", "ghp_abcdefghijklmnopqrstuvwxyz0123456789", "ghp_abc"},
        {"slack_token", "xoxb-1234567890-abc", "xoxz-1234567890"},
        {"ipv4", "at 10.0.0.255:80", "10.0.0.256x, 1.2.3"},
        {"us_phone", "(555) 123-4567", "555-12-4567"},
        {"iban", "DE89 3704 0044 0532 0130 00", "DE89"},
        {"generic_api_key", "api_key = \"abcdefghijklmnop\"", "api_key = abc"},
        {"aws_secret_key", "aws_secret = wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY", "aws secret"},
    };
    assert_null(guard_preset(SLICE("nothing")));
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct guard_found found = {0};
        struct guard_scan s;
        struct buf out;
        arena_init(&a);
        const struct case_ c = {.pattern = guard_preset(slice_of(rows[i].name)),
                                .action = GUARD_MASK};
        const struct guard_rules *r = rules_of(&c, &a);
        buf_init(&out, 4096);
        guard_scan_init(&s, &r, 1, &found);
        if (!guard_scan_text(&s, slice_of(rows[i].yes), &out))
            fail_msg("%s does not find %s", rows[i].name, rows[i].yes);
        if (guard_scan_text(&s, slice_of(rows[i].no), &out))
            fail_msg("%s finds %s", rows[i].name, rows[i].no);
        guard_scan_fini(&s);
        buf_fini(&out);
        guard_rules_free((struct guard_rules *)(uintptr_t)r);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_split),    cmocka_unit_test(test_whole),
        cmocka_unit_test(test_never_released), cmocka_unit_test(test_window),
        cmocka_unit_test(test_catastrophe),    cmocka_unit_test(test_long_text),
        cmocka_unit_test(test_many_words),     cmocka_unit_test(test_bad_rules),
        cmocka_unit_test(test_presets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
