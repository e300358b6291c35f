/* The memory of thinking, over a shared state that answers at once, later, or never. */

#include "memory.h"

#include "../base/check.h"
#include "answer.h"
#include "slow_shared.h"

#define TTL 60000

struct fixture {
    struct world world;
    struct slow_shared slow;
    struct shared *shared;
    struct memory *memory;
    struct memory_scope scope;
    /* one recall at a time */
    struct arena arena;
    struct llm_message *messages;
    struct memory_recall recall;
    struct turn_item item;
    unsigned steps;
    bool over;
    struct buf text;
};

static void step(struct turn_item *item)
{
    struct fixture *f = LIST_ENTRY(item, struct fixture, item);
    f->steps++;
    f->over = memory_recall_step(&f->recall);
}

static void open_fixture(struct fixture *f, bool slow)
{
    memset(f, 0, sizeof(*f));
    world_open(&f->world);
    slow_shared_init(&f->slow, &f->world);
    f->shared = slow ? &f->slow.shared : f->slow.local;
    f->memory = memory_new(&f->world.turn, f->shared);
    f->scope = memory_scope_of(SLICE("sk-key"), SLICE("anthropic.claude"));
    arena_init(&f->arena);
    buf_init(&f->text, SIZE_MAX);
    turn_item_init(&f->item, step);
}

static void close_fixture(struct fixture *f)
{
    memory_free(f->memory);
    f->shared->ops->free(f->shared);
    buf_fini(&f->text);
    arena_fini(&f->arena);
    world_close(&f->world);
}

static void keep(struct fixture *f, const char *answer)
{
    struct thinking_capture c;
    struct arena a;
    arena_init(&a);
    thinking_capture_init(&c, &a, true);
    answer_feed(&c, answer);
    memory_keep(f->memory, &f->scope, &c, TTL);
    thinking_capture_fini(&c);
    arena_fini(&a);
}

/* ---- conversations in shorthand ------------------------------------------------------------ */

/* A word per message: "U" the user says something; "R" and an id, a tool's result; "A" an
 * assistant's message, followed by its blocks, each with a '+' before it: "+cID" a tool call,
 * "+xWORD" text, "+sWORD" signed thinking, "+nWORD" thinking without signature, "+dWORD" redacted,
 * "+eWORD" a signature alone. */
static void add_block(struct llm_block ***tail, struct arena *a, struct slice word)
{
    static const char letters[] = "cxsnde";
    static const enum llm_block_kind kinds[] = {LLM_TOOL_USE,  LLM_TEXT,      LLM_REASONING,
                                                LLM_REASONING, LLM_REASONING, LLM_REASONING};
    struct slice text = slice_skip(word, 1);
    struct llm_block *b = llm_block_add(tail, a, kinds[strchr(letters, word.p[0]) - letters]);
    *(word.p[0] == 'c'   ? &b->id
      : word.p[0] == 'd' ? &b->redacted
      : word.p[0] == 'e' ? &b->signature
                         : &b->text) = text;
    if (word.p[0] == 's')
        b->signature = SLICE("own");
}

static struct llm_message *make_message(struct arena *a, struct slice word)
{
    struct llm_message *m = ARENA_NEW(a, struct llm_message);
    struct llm_block **tail = &m->blocks;
    struct slice head = slice_split(&word, '+');
    m->role = head.p[0] == 'A' ? LLM_ASSISTANT : LLM_USER;
    if (head.p[0] == 'U')
        llm_block_add(&tail, a, LLM_TEXT)->text = SLICE("hello");
    if (head.p[0] == 'R')
        llm_block_add(&tail, a, LLM_TOOL_RESULT)->id = slice_skip(head, 1);
    while (word.n)
        add_block(&tail, a, slice_split(&word, '+'));
    return m;
}

static void begin(struct fixture *f, const char *conversation)
{
    struct slice rest = slice_of(conversation);
    struct llm_message **tail = &f->messages;
    f->messages = NULL;
    while (rest.n) {
        *tail = make_message(&f->arena, slice_split(&rest, ' '));
        tail = &(*tail)->next;
    }
    memory_recall_begin(&f->recall, f->memory,
                        &(struct recall_request){.messages = f->messages,
                                                 .arena = &f->arena,
                                                 .scope = &f->scope,
                                                 .item = &f->item,
                                                 .ttl_ms = TTL});
    f->over = memory_recall_step(&f->recall);
}

static void describe_block(struct buf *out, const struct llm_block *b)
{
    if (b->kind == LLM_TOOL_USE)
        buf_addf(out, "+c%.*s", SLICE_ARG(b->id));
    else if (b->kind == LLM_TEXT)
        buf_addf(out, "+x%.*s", SLICE_ARG(b->text));
    else if (b->recalled)
        buf_addf(out, "+[%.*s/%.*s%.*s]", SLICE_ARG(b->text), SLICE_ARG(b->signature),
                 SLICE_ARG(b->redacted));
    else
        buf_addf(out, "+%s%.*s%.*s",
                 b->redacted.n    ? "d"
                 : b->signature.n ? "s"
                                  : "n",
                 SLICE_ARG(b->text), SLICE_ARG(b->redacted));
}

/* The assistant's messages only. */
static void check_conversation(struct fixture *f, const char *expected)
{
    buf_reset(&f->text);
    for (const struct llm_message *m = f->messages; m; m = m->next) {
        if (m->role == LLM_USER)
            continue;
        buf_addf(&f->text, "%sA", f->text.n ? " " : "");
        for (const struct llm_block *b = m->blocks; b; b = b->next)
            describe_block(&f->text, b);
    }
    check_slice(buf_slice(&f->text), slice_of(expected));
}

/* ---- what is put back ---------------------------------------------------------------------- */

static void test_conversations(void **state)
{
    static const struct {
        const char *conversation, *expected;
    } rows[] = {
        {"U", ""},
        {"U A+xhi U", "A+xhi"},
        {"U A+ca Ra", "A+[one/s]+ca"},
        {"U A+xtext+ca Ra", "A+[one/s]+xtext+ca"},
        {"U A+cother Rother", "A+cother"},
        {"U A+c Ra", "A+c"},
        {"U A+ca Ra A+cb+cc Rb Rc U", "A+[one/s]+ca A+[two/t]+[/x]+cb+cc"},
        /* parallel calls: the second alone, or in another order, is as good */
        {"U A+cc Rc", "A+[two/t]+[/x]+cc"},
        {"U A+cc+cb Rc Rb", "A+[two/t]+[/x]+cc+cb"},
        /* a message each: the turn's thinking comes once */
        {"U A+cb A+cc Rb Rc", "A+[two/t]+[/x]+cb A+cc"},
        {"U A+cb Rb A+cc Rc", "A+[two/t]+[/x]+cb A+cc"},
        {"U A+cb Rb A+ca Ra A+cc Rc", "A+[two/t]+[/x]+cb A+[one/s]+ca A+[two/t]+[/x]+cc"},
        /* what the client sends is used as it is */
        {"U A+smine+ca Ra", "A+smine+ca"},
        {"U A+dmine+ca Ra", "A+dmine+ca"},
        {"U A+ca+smine Ra", "A+ca+smine"},
        /* but not what no model takes back */
        {"U A+nmine+ca Ra", "A+[one/s]+ca"},
        /* what is not whole is replaced, where that is known */
        {"U A+emine+ca Ra", "A+[one/s]+ca"},
        {"U A+smine+ca+eyours Ra", "A+[one/s]+ca"},
        {"U A+emine+cother Ra", "A+s+cother"},
        {"U A+emine+xhi U", "A+s+xhi"},
        /* the user has no thoughts */
        {"U+ca Ra", ""},
    };
    struct fixture f;
    for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
        bool slow = i % 2;
        open_fixture(&f, slow);
        keep(&f, "T0one S0s C1a");
        keep(&f, "T0two S0t R1x C2b C3c");
        begin(&f, rows[i / 2].conversation);
        if (!slow)
            assert_true(f.over && f.steps == 0); /* no turn is lost */
        WORLD_UNTIL(&f.world, f.over);
        check_conversation(&f, rows[i / 2].expected);
        close_fixture(&f);
    }
}

static void test_scopes(void **state)
{
    static const struct {
        const char *key, *model;
        bool same;
    } rows[] = {
        {"sk-key", "anthropic.claude", true},
        {"sk-kez", "anthropic.claude", false},
        {"", "anthropic.claude", false},
        {"sk-key", "anthropic.claude-2", false},
        {"sk-key", "", false},
        {"sk-keyanthropic", ".claude", false},
        {"anthropic.claude", "sk-key", false},
    };
    struct fixture f;
    open_fixture(&f, false);
    keep(&f, "T0one S0s C1a");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        f.scope = memory_scope_of(slice_of(rows[i].key), slice_of(rows[i].model));
        begin(&f, "U A+ca Ra");
        check_conversation(&f, rows[i].same ? "A+[one/s]+ca" : "A+ca");
    }
    close_fixture(&f);
}

/* More calls than one question holds; each message gets its own thinking. */
static void test_long_conversations(void **state)
{
    enum { CALLS = 2 * SHARED_KEYS_MAX + 10 };
    struct fixture f;
    struct buf conversation;
    buf_init(&conversation, SIZE_MAX);
    open_fixture(&f, true);
    buf_addf(&conversation, "U");
    for (int i = 0; i < CALLS; i++) {
        char answer[64];
        snprintf(answer, sizeof(answer), "T0thought-%d S0s C1%d", i, i);
        keep(&f, answer);
        buf_addf(&conversation, " A+c%d R%d", i, i);
    }
    buf_add_char(&conversation, '\0');
    begin(&f, conversation.p);
    WORLD_UNTIL(&f.world, f.over);
    assert_int_equal(f.slow.gets, 3);
    assert_int_equal(f.slow.largest, SHARED_KEYS_MAX);
    int i = 0;
    for (struct llm_message *m = f.messages; m; m = m->next) {
        char thought[32];
        if (m->role == LLM_USER)
            continue;
        snprintf(thought, sizeof(thought), "thought-%d", i++);
        check_slice(m->blocks->text, slice_of(thought));
        assert_int_equal(m->blocks->next->kind, LLM_TOOL_USE);
    }
    assert_int_equal(i, CALLS);
    buf_fini(&conversation);
    close_fixture(&f);
}

/* Beyond the bound it is the oldest that go without. */
static void test_the_last_messages_count(void **state)
{
    struct fixture f;
    struct buf conversation;
    buf_init(&conversation, SIZE_MAX);
    open_fixture(&f, false);
    keep(&f, "T0one S0s C1a");
    keep(&f, "T0two S0s C1b");
    buf_addf(&conversation, "U A+ca Ra A+cb Rb");
    for (int i = 1; i < RECALL_MESSAGES_MAX; i++)
        buf_addf(&conversation, " A+cx Rx");
    buf_add_char(&conversation, '\0');
    begin(&f, conversation.p);
    assert_true(f.over);
    struct llm_message *first = f.messages->next, *second = first->next->next;
    assert_int_equal(first->blocks->kind, LLM_TOOL_USE);
    check_text(second->blocks->text, "two");
    buf_fini(&conversation);
    close_fixture(&f);
}

static void put_raw(struct fixture *f, const char *id, struct slice value)
{
    struct buf key;
    buf_init(&key, 1000);
    buf_add(&key, slice_make((char *)f->scope.digest, SHA256_SIZE));
    buf_add(&key, slice_of(id));
    f->slow.local->ops->put(f->slow.local, buf_slice(&key), value, TTL, turn_now(&f->world.turn));
    buf_fini(&key);
}

static void test_corrupt_records_are_none(void **state)
{
    static const char half[] = "\1\20\0\0\0T\1\0\0\0xS\4\0\0\0sig"; /* cut */
    struct fixture f;
    open_fixture(&f, false);
    keep(&f, "T0one S0s C1a");
    put_raw(&f, "b", SLICE("what is this?"));
    put_raw(&f, "c", SLICE(""));
    put_raw(&f, "d", slice_make(half, sizeof(half) - 1));
    begin(&f, "U A+ca Ra A+cb Rb A+cc Rc A+cd Rd");
    check_conversation(&f, "A+[one/s]+ca A+cb A+cc A+cd");
    close_fixture(&f);
}

static void test_bytes_of_one_request_are_bounded(void **state)
{
    static char thought[THINKING_MAX - 4096];
    enum { FIT = RECALL_BYTES_MAX / sizeof(thought) };
    struct fixture f;
    struct thinking_capture c;
    struct buf conversation;
    size_t given = 0;
    buf_init(&conversation, SIZE_MAX);
    open_fixture(&f, false);
    memory_free(f.memory); /* a larger one */
    f.shared->ops->free(f.shared);
    f.shared = shared_local_new((size_t)64 << 20);
    f.memory = memory_new(&f.world.turn, f.shared);
    memset(thought, 'x', sizeof(thought));
    buf_addf(&conversation, "U");
    for (unsigned i = 0; i < FIT + 3; i++) {
        char calls[32];
        thinking_capture_init(&c, &f.arena, true);
        thinking_capture(&c, &(struct llm_event){.kind = EV_REASONING,
                                                 .text = slice_make(thought, sizeof(thought))});
        snprintf(calls, sizeof(calls), "S0s C1%u", i);
        answer_feed(&c, calls);
        memory_keep(f.memory, &f.scope, &c, TTL);
        thinking_capture_fini(&c);
        buf_addf(&conversation, " A+c%u R%u", i, i);
    }
    buf_add_char(&conversation, '\0');
    begin(&f, conversation.p);
    assert_true(f.over);
    for (struct llm_message *m = f.messages; m; m = m->next)
        given += m->role == LLM_ASSISTANT && m->blocks->recalled;
    assert_int_equal(given, FIT);
    assert_false(f.messages->next->blocks->recalled); /* the oldest go without */
    buf_fini(&conversation);
    close_fixture(&f);
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void test_waits_for_an_answer(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    f.slow.delay_ms = 10;
    keep(&f, "T0one S0s C1a");
    begin(&f, "U A+ca Ra");
    assert_false(f.over);
    assert_true(f.recall.waiting);
    check_conversation(&f, "A+ca");
    assert_false(memory_recall_step(&f.recall)); /* something else woke us: no second question */
    assert_int_equal(f.slow.gets, 1);
    WORLD_UNTIL(&f.world, f.over);
    assert_int_equal(f.steps, 1);
    check_conversation(&f, "A+[one/s]+ca");
    close_fixture(&f);
}

static void check_late(struct fixture *f, uint64_t late)
{
    struct memory_stats stats;
    memory_stats(f->memory, &stats);
    assert_int_equal(stats.late, late);
}

static void test_goes_on_without(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    f.slow.never = true;
    keep(&f, "T0one S0s C1a");
    begin(&f, "U A+ca Ra");
    int64_t begun = turn_now(&f.world.turn);
    WORLD_UNTIL(&f.world, f.over);
    int64_t took = turn_now(&f.world.turn) - begun;
    assert_true(took >= RECALL_PATIENCE_MS && took < 10 * RECALL_PATIENCE_MS);
    assert_int_equal(f.slow.forgotten, 1);
    check_late(&f, 1);
    check_conversation(&f, "A+ca");
    close_fixture(&f);
}

/* The patience is for all questions of a request, not for each; what came in time is used. */
static void test_uses_what_came_in_time(void **state)
{
    struct fixture f;
    struct buf conversation;
    buf_init(&conversation, SIZE_MAX);
    open_fixture(&f, true);
    f.slow.delay_ms = RECALL_PATIENCE_MS * 3 / 5;
    keep(&f, "T0one S0s C1a");
    keep(&f, "T0two S0s C1b");
    buf_addf(&conversation, "U A+ca Ra");
    for (int i = 1; i < SHARED_KEYS_MAX; i++)
        buf_addf(&conversation, " A+cx Rx");
    buf_addf(&conversation, " A+cb Rb");
    buf_add_char(&conversation, '\0');
    begin(&f, conversation.p);
    WORLD_UNTIL(&f.world, f.over);
    check_late(&f, 1);
    assert_int_equal(f.slow.gets, 2);
    assert_int_equal(f.messages->next->blocks->kind, LLM_TOOL_USE);
    struct llm_message *last = f.messages;
    while (last->next->next)
        last = last->next;
    check_text(last->blocks->text, "two"); /* the newest were asked for first */
    buf_fini(&conversation);
    close_fixture(&f);
}

static void test_cancel(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    f.slow.delay_ms = 5;
    memory_recall_cancel(&f.recall); /* never begun */
    begin(&f, "U A+ca Ra");
    memory_recall_cancel(&f.recall);
    assert_int_equal(f.slow.forgotten, 1);
    assert_true(list_empty(&f.slow.open));
    memory_recall_cancel(&f.recall);
    assert_int_equal(f.slow.forgotten, 1);
    world_run_ms(&f.world, 2 * RECALL_PATIENCE_MS);
    assert_int_equal(f.steps, 0); /* nothing comes any more */
    check_late(&f, 0);
    close_fixture(&f);
}

/* ---- time and room ------------------------------------------------------------------------- */

static void test_use_prolongs(void **state)
{
    struct fixture f;
    struct thinking_capture c;
    open_fixture(&f, false);
    thinking_capture_init(&c, &f.arena, true);
    answer_feed(&c, "T0one S0s C1a C2b");
    memory_keep(f.memory, &f.scope, &c, 60);
    thinking_capture_fini(&c);
    begin(&f, "U A+ca Ra"); /* for another TTL */
    world_run_ms(&f.world, 100);
    begin(&f, "U A+ca Ra U A+cb Rb");
    check_conversation(&f, "A+[one/s]+ca A+cb");
    close_fixture(&f);
}

static void test_what_cannot_be_kept_is_counted(void **state)
{
    struct fixture f;
    struct memory_stats stats;
    open_fixture(&f, false);
    keep(&f, "T0one S0s T0two S0t C1a");
    keep(&f, "X0text C1b");
    memory_stats(f.memory, &stats);
    assert_int_equal(stats.unkept, 1);
    assert_int_equal(stats.shared.entries, 0);
    keep(&f, "T0one S0s C1a C2b C3c");
    memory_stats(f.memory, &stats);
    assert_int_equal(stats.unkept, 1);
    assert_int_equal(stats.shared.entries, 3);
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_conversations),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_long_conversations),
        cmocka_unit_test(test_the_last_messages_count),
        cmocka_unit_test(test_corrupt_records_are_none),
        cmocka_unit_test(test_bytes_of_one_request_are_bounded),
        cmocka_unit_test(test_waits_for_an_answer),
        cmocka_unit_test(test_goes_on_without),
        cmocka_unit_test(test_uses_what_came_in_time),
        cmocka_unit_test(test_cancel),
        cmocka_unit_test(test_use_prolongs),
        cmocka_unit_test(test_what_cannot_be_kept_is_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
