/* The way back of an answer: the client hears its own names, one call where it asked for one, and
 * JSON as text. Each answer is told whole and with every text and every argument cut at every byte;
 * what the client has in the end is the same. */

#include "planned.h"

#include "llm/fold.h"

#define A "'messages':[{'role':'user','content':'A'}]"
#define ONE                                                                                        \
    "'parallel_tool_calls':false,'tools':[{'function':{'name':'a.b'}},"                            \
    "{'function':{'name':'r'}}],"
#define MAPPED "'tools':[{'function':{'name':'a.b'}},{'function':{'name':'r'}}],"
#define JSON                                                                                       \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':{'type':'object'," \
    "'properties':{'n':{'type':'integer'}}}}},"

/* An answer in a line: "t:text" text, "c:name" a call, "j:json" its arguments, "r:text" thinking,
 * "." the end of a block, "stop" (end_turn), "tools" (tool_use), "cut" (max_tokens), "bad"
 * (malformed tool use). The stop comes with usage and the end behind it. */
struct undo_case {
    const char *name, *members, *answer;
    const char *told; /* what the client has, in the same words, without the '.' */
};

static const struct undo_case cases[] = {
    {"nothing to undo", A, "t:Hi|.|stop", "t:Hi|stop"},
    {"its own name", MAPPED A, "t:Let me.|.|c:a_b|j:{\"x\":1}|.|c:r|j:{}|.|tools",
     "t:Let me.|c:a.b|j:{\"x\":1}|c:r|j:{}|tools"},
    {"a name nobody offered", MAPPED A, "c:zzz|j:{}|.|tools", "c:zzz|j:{}|tools"},
    {"one call", ONE A, "c:a_b|j:{\"x\":1}|.|tools", "c:a.b|j:{\"x\":1}|tools"},
    {"one of three", ONE A, "t:T|.|c:a_b|j:{\"x\":1}|.|c:r|j:{\"y\":2}|.|c:r|j:{}|.|t:U|.|tools",
     "t:T|c:a.b|j:{\"x\":1}|t:U|tools"},
    {"no block ends", ONE A, "c:a_b|j:{\"x\":1}|c:r|j:{\"y\":2}|t:U|tools",
     "c:a.b|j:{\"x\":1}|t:U|tools"},
    {"several", MAPPED A, "c:r|j:{}|.|c:r|j:{}|.|tools", "c:r|j:{}|c:r|j:{}|tools"},
    {"JSON", JSON A, "c:json_tool_call|j:{\"n\": 1}|.|tools", "t:{\"n\": 1}|stop"},
    {"JSON and words around it", JSON A,
     "t:Here you are:|.|c:json_tool_call|j:{\"n\":1}|.|t:Anything else?|.|tools",
     "t:{\"n\":1}|stop"},
    {"JSON after thinking", JSON A, "r:Hm.|.|t:So:|.|c:json_tool_call|j:{\"n\":1}|.|tools",
     "r:Hm.|t:{\"n\":1}|stop"},
    {"JSON twice", JSON A, "c:json_tool_call|j:{\"n\":1}|.|c:json_tool_call|j:{\"n\":2}|.|tools",
     "t:{\"n\":1}|stop"},
    {"JSON that breaks off", JSON A, "c:json_tool_call|j:{\"n\":|cut", "t:{\"n\":|cut"},
    {"JSON that is none", JSON A, "c:json_tool_call|j:{\"n\":|.|bad", "t:{\"n\":|stop"},
    {"no JSON, but words", JSON A, "t:I cannot.|.|t: Really.|.|stop", "t:I cannot. Really.|stop"},
    {"another tool first", JSON MAPPED A, "t:Let me.|.|c:a_b|j:{}|.|tools",
     "t:Let me.|c:a.b|j:{}|tools"},
    {"another tool, then JSON", JSON MAPPED A, "c:r|j:{}|.|c:json_tool_call|j:{\"n\":1}|.|tools",
     "c:r|j:{}|t:{\"n\":1}|tools"},
    {"JSON, then a tool", JSON MAPPED A, "c:json_tool_call|j:{\"n\":1}|.|c:a_b|j:{}|.|tools",
     "t:{\"n\":1}|c:a.b|j:{}|tools"},
    {"a tool of that name without a format",
     "'tools':[{'function':{'name':'json_tool_call'}},{'function':{'name':'a.b'}}]," A,
     "c:json_tool_call|j:{}|.|tools", "c:json_tool_call|j:{}|tools"},
};

/* ---- sending ------------------------------------------------------------------------------- */

struct sender {
    const struct llm_sink *sink;
    unsigned block;
    bool open;   /* a block is */
    size_t cut;  /* texts and arguments are cut here … */
    bool cut_it; /* … if so */
};

static void send_kind(struct sender *s, struct llm_event e)
{
    e.block = s->block;
    s->sink->event(s->sink->user, &e);
}

static void send_pieces(struct sender *s, enum llm_event_kind kind, struct slice text)
{
    size_t cut = s->cut_it && s->cut < text.n ? s->cut : 0;
    if (cut)
        send_kind(s, (struct llm_event){.kind = kind, .text = slice_make(text.p, cut)});
    send_kind(s, (struct llm_event){.kind = kind, .text = slice_skip(text, cut)});
}

static void send_stop(struct sender *s, struct slice word)
{
    static const struct llm_usage usage = {.input = 1, .output = 2};
    enum llm_stop stop = slice_eq(word, SLICE("tools")) ? LLM_STOP_TOOL_USE
                         : slice_eq(word, SLICE("cut")) ? LLM_STOP_MAX_TOKENS
                         : slice_eq(word, SLICE("bad")) ? LLM_STOP_MALFORMED_TOOL_USE
                                                        : LLM_STOP_END_TURN;
    send_kind(s, (struct llm_event){.kind = EV_STOP, .stop = stop});
    send_kind(s, (struct llm_event){.kind = EV_USAGE, .usage = &usage});
    send_kind(s, (struct llm_event){.kind = EV_END});
}

static void send_word(struct sender *s, struct slice word)
{
    struct slice text = slice_skip(word, word.n > 1 ? 2 : 0);
    if (slice_eq(word, SLICE("."))) {
        send_kind(s, (struct llm_event){.kind = EV_BLOCK_STOP});
        s->block++;
    } else if (slice_starts(word, SLICE("t:"))) {
        s->block += s->open;
        send_pieces(s, EV_TEXT, text);
    } else if (slice_starts(word, SLICE("r:"))) {
        send_pieces(s, EV_REASONING, text);
    } else if (slice_starts(word, SLICE("c:"))) {
        s->block += s->open;
        send_kind(s, (struct llm_event){.kind = EV_BLOCK_START, .id = SLICE("id"), .name = text});
    } else if (slice_starts(word, SLICE("j:"))) {
        send_pieces(s, EV_TOOL_ARGS, text);
    } else {
        send_stop(s, word);
    }
    s->open = slice_starts(word, SLICE("j:")); /* in case its end is not told */
}

static void send_answer(struct sender *s, const char *answer)
{
    struct slice rest = slice_of(answer);
    send_kind(s, (struct llm_event){.kind = EV_START});
    while (rest.n)
        send_word(s, slice_split(&rest, '|'));
}

/* ---- what the client has ------------------------------------------------------------------- */

static void fold_event(void *user, const struct llm_event *e)
{
    llm_fold_event(user, e);
}

static void tell_part(struct buf *b, const struct llm_part *part)
{
    if (part->kind == LLM_PART_TOOL_CALL)
        buf_addf(b, "c:%.*s|j:%.*s|", SLICE_ARG(part->name), SLICE_ARG(buf_slice(&part->text)));
    else
        buf_addf(b, "%c:%.*s|", part->kind == LLM_PART_TEXT ? 't' : 'r',
                 SLICE_ARG(buf_slice(&part->text)));
}

static const char *tell_response(struct planned *p, const struct llm_response *r)
{
    buf_reset(&p->out);
    for (const struct llm_part *part = r->parts; part; part = part->next)
        tell_part(&p->out, part);
    buf_addf(&p->out, "%s",
             r->stop == LLM_STOP_TOOL_USE     ? "tools"
             : r->stop == LLM_STOP_MAX_TOKENS ? "cut"
                                              : "stop");
    return told(p);
}

static void check_cut(struct planned *p, const struct undo_case *c, bool cut_it, size_t cut)
{
    struct llm_fold fold;
    struct llm_sink sink = {fold_event, &fold};
    llm_fold_init(&fold, &p->x.arena);
    const struct llm_sink *undo = plan_undo(&p->x.plan, &sink, &p->x.arena);
    struct sender s = {.sink = undo, .cut_it = cut_it, .cut = cut};
    send_answer(&s, c->answer);
    plan_undo_free(undo, &sink);
    assert_true(fold.response.complete);
    assert_int_equal(fold.response.usage.output, 2);
    check_told(c->name, tell_response(p, &fold.response), c->told);
    llm_fold_fini(&fold);
}

static void test_answers(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct planned p;
        planned_of(&p, SONNET37, cases[i].members);
        assert_true(p.planned);
        check_cut(&p, &cases[i], false, 0);
        for (size_t cut = 1; cut < 20; cut++)
            check_cut(&p, &cases[i], true, cut);
        planned_fini(&p);
    }
}

/* ---- the rest ------------------------------------------------------------------------------ */

static void count_event(void *user, const struct llm_event *e)
{
    ++*(unsigned *)user;
}

/* An answer that needs no undoing goes straight through. */
static void test_nothing_between(void **state)
{
    static const char *const rows[] = {A, "'tools':[{'function':{'name':'r'}}]," A,
                                       "'parallel_tool_calls':false," A,
                                       "'response_format':{'type':'json_object'}," A};
    unsigned count = 0;
    struct llm_sink sink = {count_event, &count};
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, SONNET37, rows[i]);
        const struct llm_sink *undo = plan_undo(&p.x.plan, &sink, &p.x.arena);
        assert_ptr_equal(undo, &sink);
        plan_undo_free(undo, &sink); /* not its own: left alone */
        planned_fini(&p);
    }
    plan_undo_free(NULL, &sink);
}

/* The names of the plan die with the prompt, before the answer comes. */
static void test_names_outlive_the_prompt(void **state)
{
    struct planned p;
    struct arena prompt;
    struct llm_fold fold;
    struct llm_sink sink = {fold_event, &fold};
    planned_init(&p, SONNET37);
    arena_init(&prompt);
    p.x.attempt.prompt = &prompt;
    planned_parse(&p, MAPPED A);
    planned_make(&p);
    llm_fold_init(&fold, &p.x.arena);
    const struct llm_sink *undo = plan_undo(&p.x.plan, &sink, &p.x.arena);
    arena_fini(&prompt);
    struct sender s = {.sink = undo};
    send_answer(&s, "c:a_b|j:{}|.|tools");
    check_told("names", tell_response(&p, &fold.response), "c:a.b|j:{}|tools");
    plan_undo_free(undo, &sink);
    llm_fold_fini(&fold);
    planned_fini(&p);
}

struct failures {
    unsigned events, failures;
};

static void note_failure(void *user, const struct llm_event *e)
{
    struct failures *f = user;
    f->events++;
    f->failures += e->kind == EV_FAIL && e->failure->status == 502;
}

/* Held text has a bound; beyond it the client is told once, and nothing else. */
static void test_too_much_to_hold(void **state)
{
    struct planned p;
    struct failures f = {0};
    struct llm_sink sink = {note_failure, &f};
    planned_of(&p, SONNET37, JSON A);
    const struct llm_sink *undo = plan_undo(&p.x.plan, &sink, &p.x.arena);
    struct sender s = {.sink = undo};
    const size_t piece = 8u << 20;
    char *text = malloc(piece);
    memset(text, 'x', piece);
    for (size_t sent = 0; sent <= LLM_ANSWER_MAX + piece; sent += piece)
        send_kind(&s, (struct llm_event){.kind = EV_TEXT, .text = slice_make(text, piece)});
    send_answer(&s, "c:json_tool_call|j:{}|.|tools");
    assert_int_equal(f.failures, 1);
    assert_int_equal(f.events, 1);
    plan_undo_free(undo, &sink);
    free(text);
    planned_fini(&p);
}

/* A call that fails half-way gives its failure and no half of a text. */
static void test_failure_in_the_middle(void **state)
{
    static const struct failure failure = {.kind = FAILURE_BAD_GATEWAY, .status = 502};
    struct planned p;
    struct failures f = {0};
    struct llm_sink sink = {note_failure, &f};
    planned_of(&p, SONNET37, JSON A);
    const struct llm_sink *undo = plan_undo(&p.x.plan, &sink, &p.x.arena);
    struct sender s = {.sink = undo};
    send_kind(&s, (struct llm_event){.kind = EV_TEXT, .text = SLICE("Here")});
    send_kind(&s, (struct llm_event){.kind = EV_FAIL, .failure = &failure});
    assert_int_equal(f.failures, 1);
    assert_int_equal(f.events, 1);
    plan_undo_free(undo, &sink);
    planned_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_nothing_between),
        cmocka_unit_test(test_names_outlive_the_prompt),
        cmocka_unit_test(test_too_much_to_hold),
        cmocka_unit_test(test_failure_in_the_middle),
    };
    return cmocka_run_group_tests_name("plan_undo", tests, NULL, NULL);
}
