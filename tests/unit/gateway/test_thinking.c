#include "../base/check.h"

#include "answer.h"

#include <stdlib.h>

/* A record in words: "text/signature (redacted) turn", or "" for what is no record. */
static void describe(struct slice record, struct buf *out)
{
    struct arena a;
    struct thinking t;
    arena_init(&a);
    buf_reset(out);
    if (record.p && thinking_decode(record, &a, &t)) {
        for (const struct llm_block *b = t.blocks; b; b = b->next) {
            assert_true(b->kind == LLM_REASONING && b->recalled);
            if (b->redacted.n)
                buf_addf(out, "(%.*s) ", SLICE_ARG(b->redacted));
            else
                buf_addf(out, "%.*s/%.*s ", SLICE_ARG(b->text), SLICE_ARG(b->signature));
        }
        buf_add(out, t.turn);
    }
    arena_fini(&a);
}

static void check_answer(const char *answer, bool on, const char *expected, const char *calls)
{
    struct arena a;
    struct thinking_capture c;
    struct buf out;
    arena_init(&a);
    buf_init(&out, SIZE_MAX);
    thinking_capture_init(&c, &a, on);
    answer_feed(&c, answer);
    describe(thinking_capture_end(&c), &out);
    if (!slice_eq(buf_slice(&out), slice_of(expected)))
        print_error("--- of: %s\n", answer);
    check_slice(buf_slice(&out), slice_of(expected));
    buf_reset(&out);
    for (struct thinking_call *i = c.calls; i; i = i->next)
        buf_addf(&out, "%.*s ", SLICE_ARG(i->id));
    check_slice(buf_slice(&out), slice_of(calls));
    buf_fini(&out);
    thinking_capture_fini(&c);
    arena_fini(&a);
}

static void test_answers(void **state)
{
    static const struct {
        const char *answer, *record, *calls;
    } rows[] = {
        {"T0a S0s C1id", "a/s id", "id "},
        {"T0a T0b T0c S0s S0t X1hello C2id", "abc/st id", "id "},
        {"T0a S0s C1one C2two C3three", "a/s one", "one two three "},
        {"T0a S0s T1b S1t R2x R2y T3c S3u C4id", "a/s b/t (xy) c/u id", "id "},
        {"R0x R1y C2id", "(x) (y) id", "id "},
        {"S0s C1id", "/s id", "id "}, /* thinking that is not shown */
        {"S0s S1t T2a S2u C3id", "/s /t a/u id", "id "},
        {"R0x S1s C2id", "(x) /s id", "id "},
        {"T0a T0 S0s S0 C1id", "a/s id", "id "},                    /* empty pieces are none */
        {"T0a S0s C1one T2b S2t C3two", "a/s b/t one", "one two "}, /* interleaved */
        {"T0a S0s X1text", "", ""}, /* no call: nothing to hang it on */
        {"X0text C1id", "", ""},
        {"C0id", "", ""},
        {"", "", ""},
        {"T0a C1id", "", "id "}, /* not signed */
        {"T0a T1b S1s C2id", "", "id "},
        {"T0a S0s T1b C2id", "", "id "},
        {"T0a R1x C2id", "", "id "},
        {"T0a S0s T0b C1id", "", "id "}, /* in an order nobody knows */
        {"T0a S0s T0b S0t C1id", "", "id "},
        {"T0a S0s R0x C1id", "", "id "},
        {"R0x S0s C1id", "", "id "},
        {"T0a S1s C2id", "", "id "},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        check_answer(rows[i].answer, true, rows[i].record, rows[i].calls);
        check_answer(rows[i].answer, false, "", "");
    }
}

/* ---- bounds -------------------------------------------------------------------------------- */

static void piece(struct thinking_capture *c, enum llm_event_kind kind, size_t n)
{
    char *text = malloc(n);
    memset(text, 'x', n);
    thinking_capture(c, &(struct llm_event){.kind = kind, .text = slice_make(text, n)});
    free(text);
}

static void test_bytes_are_bounded(void **state)
{
    struct arena a;
    struct thinking_capture c;
    const size_t framing = 5 + 5 + 5 + 1 + 5 + 2;
    arena_init(&a);
    for (size_t n = THINKING_MAX - framing; n <= THINKING_MAX; n++) {
        bool fits = n == THINKING_MAX - framing;
        thinking_capture_init(&c, &a, true);
        piece(&c, EV_REASONING, n);
        answer_feed(&c, "S0s C1id");
        assert_int_equal(thinking_capture_end(&c).n, fits ? THINKING_MAX : 0);
        thinking_capture_fini(&c);
    }
    thinking_capture_init(&c, &a, true);
    piece(&c, EV_REASONING, THINKING_MAX + 1);
    assert_true(c.broken);
    assert_null(c.record.p); /* it does not keep what is of no use */
    answer_feed(&c, "S0s C1id");
    assert_null(thinking_capture_end(&c).p);
    thinking_capture_fini(&c);
    arena_fini(&a);
}

static void test_calls_are_bounded(void **state)
{
    struct arena a;
    struct thinking_capture c;
    char id[THINKING_ID_MAX + 2];
    arena_init(&a);
    thinking_capture_init(&c, &a, true);
    answer_feed(&c, "T0a S0s C1");
    for (size_t n = THINKING_ID_MAX; n <= THINKING_ID_MAX + 1; n++) {
        memset(id, 'x', n);
        thinking_capture(&c, &(struct llm_event){.kind = EV_BLOCK_START, .id = slice_make(id, n)});
        assert_int_equal(c.call_count, 1); /* neither an empty id nor one that is too long */
    }
    for (unsigned i = 1; i < THINKING_CALLS_MAX + 10; i++)
        answer_feed(&c, "C1id");
    assert_int_equal(c.call_count, THINKING_CALLS_MAX);
    assert_int_equal(thinking_capture_end(&c).n, 5 + 5 + 1 + 5 + 1 + 5 + THINKING_ID_MAX);
    thinking_capture_fini(&c);
    arena_fini(&a);
}

static void test_nothing_is_allocated_without_thinking(void **state)
{
    struct arena a;
    struct thinking_capture c;
    arena_init(&a);
    thinking_capture_init(&c, &a, true);
    answer_feed(&c, "X0text C1one C2two X3text");
    assert_null(thinking_capture_end(&c).p);
    assert_null(c.record.p);
    assert_int_equal(a.total, 0);
    thinking_capture_fini(&c);
    arena_fini(&a);
}

/* ---- what is no record --------------------------------------------------------------------- */

static void make_record(struct buf *record)
{
    struct arena a;
    struct thinking_capture c;
    arena_init(&a);
    thinking_capture_init(&c, &a, true);
    answer_feed(&c, "T0first S0signature R1redacted T2second S2another C3tooluse_1");
    buf_add(record, thinking_capture_end(&c));
    thinking_capture_fini(&c);
    arena_fini(&a);
}

static bool decodes(struct slice record)
{
    /* In memory of exactly that size, so that the sanitizer sees a read too far. */
    char *copy = malloc(record.n + 1);
    struct arena a;
    struct thinking t;
    arena_init(&a);
    memcpy(copy, record.n ? record.p : "", record.n);
    copy = realloc(copy, record.n ? record.n : 1);
    bool ok = thinking_decode(slice_make(copy, record.n), &a, &t);
    arena_fini(&a);
    free(copy);
    return ok;
}

static void test_every_truncation(void **state)
{
    struct buf record;
    buf_init(&record, THINKING_MAX);
    make_record(&record);
    assert_true(decodes(buf_slice(&record)));
    for (size_t n = 0; n < record.n; n++)
        assert_false(decodes(slice_make(record.p, n)));
    buf_add_char(&record, 'I'); /* and nothing may follow */
    assert_false(decodes(buf_slice(&record)));
    buf_fini(&record);
}

/* The cut is known to the head: only the fields tell that something lacks. */
static void test_every_shortening(void **state)
{
    struct buf record;
    buf_init(&record, THINKING_MAX);
    make_record(&record);
    for (size_t n = 5; n < record.n; n++) {
        struct buf shorter;
        buf_init(&shorter, THINKING_MAX);
        buf_add(&shorter, slice_make(record.p, n));
        shorter.p[1] = (char)(n - 5);
        assert_false(decodes(buf_slice(&shorter)));
        buf_fini(&shorter);
    }
    buf_fini(&record);
}

static void test_other_bytes(void **state)
{
    /* Version, length, the first tag and the upper bytes of its length. */
    static const size_t structural[] = {0, 1, 2, 3, 4, 5, 7, 8, 9};
    struct buf record;
    buf_init(&record, THINKING_MAX);
    make_record(&record);
    for (size_t i = 0; i < sizeof(structural) / sizeof(*structural); i++) {
        char was = record.p[structural[i]];
        for (int v = 0; v < 256; v++) {
            record.p[structural[i]] = (char)v;
            assert_true(decodes(buf_slice(&record)) == ((char)v == was));
        }
        record.p[structural[i]] = was;
    }
    for (size_t i = 0; i < record.n; i++) /* elsewhere it may be another text, but no overrun */
        for (int bit = 0; bit < 8; bit++) {
            record.p[i] = (char)(record.p[i] ^ 1 << bit);
            decodes(buf_slice(&record));
            record.p[i] = (char)(record.p[i] ^ 1 << bit);
        }
    buf_fini(&record);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_bytes_are_bounded),
        cmocka_unit_test(test_calls_are_bounded),
        cmocka_unit_test(test_nothing_is_allocated_without_thinking),
        cmocka_unit_test(test_every_truncation),
        cmocka_unit_test(test_every_shortening),
        cmocka_unit_test(test_other_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
