#include "seen.h"

#include "llm/resume.h"

#include <string.h>

/* Texts reach the client as they are, everything else is seen as "<kind block>". */
static void on_event(void *user, const struct llm_event *e)
{
    char word[64];
    if (e->kind == EV_TEXT) {
        see(user, e->text);
        return;
    }
    snprintf(word, sizeof(word), "<%s %u>", seen_name(e->kind), e->block);
    see(user, slice_of(word));
}

struct test {
    struct llm_resume r;
    struct seen seen;
};

static void begin(struct test *t, size_t cap)
{
    t->seen = (struct seen){.n = 0};
    llm_resume_init(&t->r, (struct llm_sink){on_event, &t->seen}, cap);
}

static void send(struct test *t, enum llm_event_kind kind, unsigned block, const char *text)
{
    struct llm_event e = {.kind = kind, .block = block, .text = slice_of(text)};
    t->r.sink.event(t->r.sink.user, &e);
}

/* Pieces of text are separated by '|'. */
static void say(struct test *t, unsigned block, const char *pieces)
{
    struct slice rest = slice_of(pieces);
    while (rest.n) {
        struct llm_event e = {.kind = EV_TEXT, .block = block, .text = slice_split(&rest, '|')};
        t->r.sink.event(t->r.sink.user, &e);
    }
}

static void check_seen(struct test *t, const char *expected)
{
    assert_string_equal(t->seen.text, expected);
    llm_resume_fini(&t->r);
}

static void test_nothing_breaks(void **state)
{
    struct test t;
    begin(&t, 100);
    send(&t, EV_START, 0, "");
    send(&t, EV_REASONING, 0, "hm");
    send(&t, EV_SIGNATURE, 0, "s");
    send(&t, EV_BLOCK_STOP, 0, "");
    say(&t, 1, "Hello |world");
    send(&t, EV_BLOCK_STOP, 1, "");
    send(&t, EV_BLOCK_START, 2, "");
    send(&t, EV_TOOL_ARGS, 2, "{}");
    send(&t, EV_BLOCK_STOP, 2, "");
    send(&t, EV_STOP, 0, "");
    send(&t, EV_USAGE, 0, "");
    send(&t, EV_END, 0, "");
    check_seen(&t, "<start 0><thought 0><signed 0><stopped 0>Hello world<stopped 1><call 2>"
                   "<args 2><stopped 2><stop 0><usage 0><end 0>");
}

/* { sent, given to the next model, what it goes on with, what the client sees in all } */
static const char *const rows[][4] = {
    {"Hello", "Hello", ", world", "Hello, world"},
    {"Hello ", "Hello", " world", "Hello world"},
    {"Hello ", "Hello", " |world", "Hello world"},
    {"Hello ", "Hello", "world", "Hello world"},
    {"Hello\n", "Hello", "\n\nworld", "Hello\n\nworld"},
    {"Hello\n\n", "Hello", "\n|\n|world", "Hello\n\nworld"},
    {"Hello\n\n", "Hello", "\nworld", "Hello\n\nworld"},
    {"Hello \n", "Hello", "\nworld", "Hello \n\nworld"},
    {"Hello ", "Hello", " ", "Hello "},
    {"Hello\xc2\xa0", "Hello", "\xc2\xa0world", "Hello\xc2\xa0world"},
    {"Hello\xc2\xa0", "Hello", "\xc2\x85world", "Hello\xc2\xa0\xc2\x85world"},
    {"Gr\xc3\xbc", "Gr\xc3\xbc", "\xc3\x9f", "Gr\xc3\xbc\xc3\x9f"},
    {"\xe3\x80\x80x\xe3\x80\x80", "\xe3\x80\x80x", "\xe3\x80\x80|y", "\xe3\x80\x80x\xe3\x80\x80y"},
    {"aa|a", "aaa", "aab", "aaaaab"},
};

static void test_texts_are_joined(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct test t;
        begin(&t, 100);
        say(&t, 0, rows[i][0]);
        assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_PREFILL);
        check_text(llm_resume_prefill(&t.r), rows[i][1]);
        llm_resume_again(&t.r);
        send(&t, EV_START, 0, "");
        say(&t, 0, rows[i][2]);
        check_seen(&t, rows[i][3]);
    }
}

static void test_blocks_count_on(void **state)
{
    struct test t;
    begin(&t, 100);
    send(&t, EV_REASONING, 0, "hm");
    say(&t, 1, "One");
    llm_resume_again(&t.r);
    say(&t, 0, " two");
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_BLOCK_START, 1, "");
    send(&t, EV_TOOL_ARGS, 1, "{}");
    check_seen(&t, "<thought 0>One two<stopped 1><call 2><args 2>");
}

static void test_text_was_complete(void **state)
{
    struct test t;
    begin(&t, 100);
    say(&t, 0, "One");
    send(&t, EV_BLOCK_STOP, 0, "");
    llm_resume_again(&t.r);
    say(&t, 0, " two");
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_STOP, 0, "");
    check_seen(&t, "One<stopped 0> two<stopped 1><stop 0>");
}

static void test_open_text_is_closed(void **state)
{
    struct test t;
    begin(&t, 100);
    say(&t, 0, "One");
    llm_resume_again(&t.r);
    send(&t, EV_BLOCK_START, 0, "");
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_STOP, 0, "");
    check_seen(&t, "One<stopped 0><call 1><stopped 1><stop 0>");
    begin(&t, 100);
    say(&t, 0, "One");
    llm_resume_again(&t.r);
    send(&t, EV_STOP, 0, "");
    check_seen(&t, "One<stopped 0><stop 0>");
}

static void test_breaks_again_and_again(void **state)
{
    struct test t;
    begin(&t, 100);
    send(&t, EV_START, 0, "");
    say(&t, 0, "a ");
    llm_resume_again(&t.r);
    send(&t, EV_START, 0, "");
    llm_resume_again(&t.r); /* said nothing at all */
    send(&t, EV_START, 0, "");
    say(&t, 0, " b \n");
    check_text(llm_resume_prefill(&t.r), "a b");
    llm_resume_again(&t.r);
    send(&t, EV_START, 0, "");
    say(&t, 0, " |\n|c");
    check_seen(&t, "<start 0>a b \nc");
}

static void test_ways(void **state)
{
    struct test t;
    begin(&t, 100);
    send(&t, EV_START, 0, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_ANEW);
    say(&t, 0, " \n");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_ANEW);
    say(&t, 0, "x");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_PREFILL);
    send(&t, EV_BLOCK_START, 1, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    say(&t, 2, "y");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    send(&t, EV_STOP, 0, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_COMPLETE);
    llm_resume_fini(&t.r);
    static const enum llm_event_kind losing[] = {EV_REASONING, EV_REDACTED, EV_SIGNATURE,
                                                 EV_TOOL_ARGS, EV_CITATION, EV_BLOCK_START};
    for (size_t i = 0; i < sizeof(losing) / sizeof(*losing); i++) {
        begin(&t, 100);
        say(&t, 0, "x"); /* behind a text even thinking */
        send(&t, losing[i], 1, "y");
        assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
        llm_resume_fini(&t.r);
    }
    begin(&t, 100);
    send(&t, EV_REASONING, 0, "hm");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    say(&t, 1, "x");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_PREFILL);
    llm_resume_fini(&t.r);
}

/* A tool call comes where white space was to be skipped: nothing is left to compare with. */
static void test_lost_in_a_continuation(void **state)
{
    struct test t;
    begin(&t, 100);
    say(&t, 0, "One ");
    llm_resume_again(&t.r);
    send(&t, EV_BLOCK_START, 0, "");
    say(&t, 1, " two");
    check_seen(&t, "One <stopped 0><call 1> two");
}

static void test_bound(void **state)
{
    struct test t;
    begin(&t, 8);
    say(&t, 0, "12345678");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_PREFILL);
    say(&t, 0, "9|0");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    assert_int_equal(t.r.text.n, 0);
    check_seen(&t, "1234567890");
}

/* Without the option an answer goes on only as long as nothing of it counts, and nothing is kept.
 */
static void test_only_anew(void **state)
{
    struct test t;
    begin(&t, 100);
    llm_resume_only_anew(&t.r);
    send(&t, EV_START, 0, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_ANEW);
    llm_resume_again(&t.r);
    send(&t, EV_START, 0, "");
    say(&t, 0, "Hi");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    assert_null(t.r.text.p);
    send(&t, EV_BLOCK_STOP, 0, "");
    send(&t, EV_STOP, 0, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    check_seen(&t, "<start 0>Hi<stopped 0><stop 0>");
}

static void test_foreign_blocks_are_the_end(void **state)
{
    struct test t;
    begin(&t, 100);
    send(&t, EV_FOREIGN, 0, "");
    assert_int_equal(llm_resume_way(&t.r), LLM_RESUME_NEVER);
    check_seen(&t, "<foreign 0>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nothing_breaks),
        cmocka_unit_test(test_only_anew),
        cmocka_unit_test(test_foreign_blocks_are_the_end),
        cmocka_unit_test(test_texts_are_joined),
        cmocka_unit_test(test_blocks_count_on),
        cmocka_unit_test(test_text_was_complete),
        cmocka_unit_test(test_open_text_is_closed),
        cmocka_unit_test(test_breaks_again_and_again),
        cmocka_unit_test(test_ways),
        cmocka_unit_test(test_lost_in_a_continuation),
        cmocka_unit_test(test_bound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
