/* Streams: the row of frames, their pacing, and every way to go wrong. */

#include "check.h"
#include "plan.h"

#include "wire/eventstream.h"

struct trace {
    struct arena arena;
    struct buf names; /* "messageStart contentBlockDelta:text …" */
    struct buf text;  /* of all deltas of one kind, joined */
    size_t lengths[64], padded;
};

/* Delta members are told by name, their texts are collected. */
static void note_delta(struct trace *t, yyjson_val *payload)
{
    static const char *const paths[][2] = {{NULL, "text"},
                                           {"toolUse", "input"},
                                           {"reasoningContent", "text"},
                                           {"reasoningContent", "signature"},
                                           {"reasoningContent", "redactedContent"}};
    yyjson_val *delta = json_get(payload, "delta");
    for (size_t i = 0; i < COUNT(paths); i++) {
        yyjson_val *v = paths[i][0] ? json_get(delta, paths[i][0]) : delta;
        const struct slice text = json_get_slice(v, paths[i][1]);
        if (!text.p)
            continue;
        buf_addf(&t->names, ":%s", paths[i][1]);
        buf_add(&t->text, text);
    }
    yyjson_val *source = json_get(json_get(delta, "citation"), "sourceContent");
    if (!source)
        return;
    BUF_LITERAL(&t->names, ":citation");
    buf_add(&t->text, json_get_slice(yyjson_arr_get_first(source), "text"));
}

static bool on_message(void *user, const struct eventstream_message *m)
{
    struct trace *t = user;
    yyjson_val *payload = json_parse(m->payload, &t->arena, NULL);
    assert_non_null(payload);
    const bool event = slice_eq(m->message_type, SLICE("event"));
    check_text("content type", m->content_type, "application/json");
    if (t->names.n)
        buf_add_char(&t->names, ' ');
    buf_add(&t->names, event ? m->event_type : m->exception_type);
    if (event)
        t->lengths[t->padded++ % 64] = json_get_slice(payload, "p").n;
    else
        assert_true(json_get_slice(payload, "message").n > 0);
    note_delta(t, payload);
    return true;
}

struct world {
    struct arena arena;
    struct answer answer;
    struct script script;
    struct plan plan;
    struct trace trace;
    enum eventstream_error error;
    bool boundary;
};

static void play(struct world *w, const char *script, const struct pace *pace,
                 const struct answer *answer)
{
    struct fault f = {0};
    struct eventstream es;
    arena_init(&w->arena);
    assert_true(script_parse(slice_of(script), &w->arena, &w->script, &f));
    plan_init(&w->plan);
    plan_stream(&w->plan, answer, &w->script, pace);
    w->trace = (struct trace){.padded = 0};
    arena_init(&w->trace.arena);
    buf_init(&w->trace.names, 1 << 20);
    buf_init(&w->trace.text, 1 << 20);
    eventstream_init(&es);
    w->error = eventstream_feed(&es, buf_slice(&w->plan.bytes), on_message, &w->trace);
    w->boundary = eventstream_at_boundary(&es);
    eventstream_fini(&es);
}

static void clean(struct world *w)
{
    plan_fini(&w->plan);
    buf_fini(&w->trace.names);
    buf_fini(&w->trace.text);
    arena_fini(&w->trace.arena);
    arena_fini(&w->arena);
}

static const struct pace pace = {.first_ms = 100, .gap_ms = 10, .chunk_bytes = 4};
static const struct answer hello = {
    .blocks = {{.kind = BLOCK_TEXT, .text = {"hällo wörld", 13}}}, .n = 1, .stop = {"end_turn", 8}};

#define D     " contentBlockDelta:text"
#define STOP  " contentBlockStop"
#define END   " messageStop metadata"
#define START "messageStart"

static void test_text(void **state)
{
    struct world w;
    play(&w, "", &pace, &hello);
    assert_int_equal(w.error, ES_OK);
    assert_true(w.boundary);
    check_text("frames", buf_slice(&w.trace.names), START D D D D STOP END);
    check_text("text", buf_slice(&w.trace.text), "hällo wörld");
    assert_int_equal(w.plan.head_ms, 100);
    assert_int_equal(w.plan.latency_ms, 30);
    assert_int_equal(w.plan.frames[1].wait_ms, 0);
    assert_int_equal(w.plan.frames[2].wait_ms, 10);
    assert_false(w.plan.failed);
    assert_int_equal(w.plan.end, PLAN_COMPLETE);
    /* The padding changes from frame to frame. */
    for (size_t i = 1; i < w.trace.padded; i++)
        assert_int_not_equal(w.trace.lengths[i], w.trace.lengths[i - 1]);
    clean(&w);
}

static void test_blocks(void **state)
{
    const struct answer answer = {
        .blocks = {{.kind = BLOCK_REASONING, .text = SLICE("hmm"), .signature = SLICE("c2ln")},
                   {.kind = BLOCK_REASONING, .signature = SLICE("c2ln")},
                   {.kind = BLOCK_REASONING, .text = SLICE("b3BhcXVl"), .redacted = true},
                   {.kind = BLOCK_TEXT, .text = SLICE("ab")},
                   {.kind = BLOCK_TOOL_USE,
                    .text = SLICE("{\"a\":1}"),
                    .id = SLICE("x"),
                    .name = SLICE("get")}},
        .n = 5,
        .stop = SLICE("tool_use")};
    struct world w;
    play(&w, "", &pace, &answer);
    check_text("frames", buf_slice(&w.trace.names),
               START D " contentBlockDelta:signature" STOP " contentBlockDelta:signature" STOP
                       " contentBlockDelta:redactedContent" STOP D STOP
                       " contentBlockStart contentBlockDelta:input contentBlockDelta:input "
                       "contentBlockDelta:input" STOP END);
    check_text("text", buf_slice(&w.trace.text), "hmmc2lnc2lnb3BhcXVlab{\"a\":1}");
    clean(&w);
}

static void test_citation(void **state)
{
    const struct answer answer = {.blocks = {{.kind = BLOCK_TEXT,
                                              .text = SLICE("ab"),
                                              .cited = SLICE("source"),
                                              .title = SLICE("doc")}},
                                  .n = 1,
                                  .stop = SLICE("end_turn")};
    struct world w;
    play(&w, "", &pace, &answer);
    check_text("frames", buf_slice(&w.trace.names), START D " contentBlockDelta:citation" STOP END);
    check_text("text", buf_slice(&w.trace.text), "absource");
    clean(&w);
}

static void test_faults(void **state)
{
    static const struct {
        const char *script, *frames;
        enum eventstream_error error;
        bool boundary;
        enum plan_end end;
    } cases[] = {
        {"[[sim:exception(throttlingException)]]", "throttlingException", ES_OK, true,
         PLAN_COMPLETE},
        {"[[sim:exception(internalServerException,2)]]", START D D " internalServerException",
         ES_OK, true, PLAN_COMPLETE},
        {"[[sim:exception(validationException,99)]]", START D D D D STOP " validationException",
         ES_OK, true, PLAN_COMPLETE},
        {"[[sim:end(0)]]", "", ES_OK, true, PLAN_COMPLETE},
        {"[[sim:end(2)]]", START D D, ES_OK, true, PLAN_COMPLETE},
        {"[[sim:end(99)]]", START D D D D STOP, ES_OK, true, PLAN_COMPLETE},
        {"[[sim:cut(0)]]", "", ES_OK, false, PLAN_CUT},
        {"[[sim:cut(2)]]", START D D, ES_OK, false, PLAN_CUT},
        {"[[sim:cut(99)]]", START D D D D STOP, ES_OK, false, PLAN_CUT},
        {"[[sim:badcrc(0)]]", "", ES_BAD_MESSAGE, true, PLAN_COMPLETE},
        {"[[sim:badcrc(3)]]", START D D D, ES_BAD_MESSAGE, true, PLAN_COMPLETE},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        play(&w, cases[i].script, &pace, &hello);
        check_text(cases[i].script, buf_slice(&w.trace.names), cases[i].frames);
        assert_int_equal(w.error, cases[i].error);
        if (w.error == ES_OK)
            assert_int_equal(w.boundary, cases[i].boundary);
        assert_int_equal(w.plan.end, cases[i].end);
        assert_true(w.plan.failed);
        clean(&w);
    }
}

static void test_pace(void **state)
{
    struct world w;
    play(&w, "[[sim:silence(500,1)]] [[sim:slow_head(40)]] [[sim:gap(3)]]", &pace, &hello);
    assert_int_equal(w.plan.head_ms, 140);
    assert_int_equal(w.plan.frames[1].wait_ms, 0);
    assert_int_equal(w.plan.frames[2].wait_ms, 503);
    assert_int_equal(w.plan.frames[3].wait_ms, 3);
    assert_int_equal(w.plan.latency_ms, 509);
    assert_false(w.plan.failed);
    assert_int_equal(plan_whole_ms(&hello, &w.script, &pace), 140 + 500 + 9);
    clean(&w);
}

static void test_chunks(void **state)
{
    const struct answer answer = {.blocks = {{.kind = BLOCK_TEXT, .text = SLICE("abcdef")}},
                                  .n = 1,
                                  .stop = SLICE("end_turn")};
    struct world w;
    play(&w, "[[sim:chunks(2,3)]]", &pace, &answer);
    check_text("frames", buf_slice(&w.trace.names), START D D STOP END);
    clean(&w);
    const struct pace narrow = {.chunk_bytes = 1};
    play(&w, "", &narrow, &hello);
    check_text("whole characters", buf_slice(&w.trace.text), "hällo wörld");
    assert_int_equal(w.plan.count, 1 + 11 + 3);
    clean(&w);
}

static void test_empty(void **state)
{
    const struct answer answer = {.stop = SLICE("end_turn")};
    struct world w;
    play(&w, "", &pace, &answer);
    check_text("frames", buf_slice(&w.trace.names), START END);
    clean(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),     cmocka_unit_test(test_blocks),
        cmocka_unit_test(test_citation), cmocka_unit_test(test_faults),
        cmocka_unit_test(test_pace),     cmocka_unit_test(test_chunks),
        cmocka_unit_test(test_empty),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
