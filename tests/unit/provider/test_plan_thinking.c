/* Thinking: every class of models asked in every form, and what that changes around it. What comes
 * of it is held against the rules of the strict simulator. */

#include "planned.h"

#include "strict.h"

#define A     "'messages':[{'role':'user','content':'A'}]"
#define READ  "'tools':[{'type':'function','function':{'name':'read'}}],"
#define THINK "'thinking':{'type':'enabled','budget_tokens':2000},"

static void check_strict(struct planned *p, const char *name)
{
    const char *body = tell_body(p);
    const char *refusal = strict_refusal(p->x.attempt.model_id, slice_of(body), &p->x.arena);
    if (refusal)
        fail_msg("%s: %s\n%s", name, refusal, body);
}

/* ---- the form ------------------------------------------------------------------------------ */

/* Columns of the table below. */
static const char *const models[] = {HAIKU3, SONNET37, OPUS45,   OPUS46,  OPUS47, OPUS5,
                                     OPUS55, FABLE5,   DEEPSEEK, GPT_OSS, NOVA2};
enum { MODELS = sizeof(models) / sizeof(*models) };

/* "b2000" a budget, "a/high" adaptive with an effort, "off" disabled, "n/…" Nova's own field, "o/…"
 * gpt-oss's; "+s" thinking is asked to be shown; "-" nothing is said. "!": the repair
 * thinking-budget is told. */
static const struct form_row {
    const char *form;
    const char *told[MODELS];
} forms[] = {
    /* clang-format off */
    {"",
     {"-", "-", "-", "-", "-", "-", "-", "-", "-", "-", "-"}},
    {"'thinking':{'type':'disabled'},",
     {"-", "off", "off", "off", "-", "-", "-!", "-!", "-", "-", "-"}},
    {"'thinking':{'type':'enabled','budget_tokens':2000},",
     {"-", "b2000", "b2000", "b2000", "a/medium+s!", "a/medium+s!", "a/medium+s!", "a/medium+s!", "-!", "o/medium!", "n/medium!"}},
    {"'thinking':{'type':'enabled','budget_tokens':20000},",
     {"-", "b7168!", "b20000", "b20000", "a/high+s!", "a/high+s!", "a/high+s!", "a/high+s!", "-!", "o/high!", "n/high!"}},
    {"'thinking':{'type':'enabled','budget_tokens':500},",
     {"-", "b1024!", "b1024!", "b1024!", "a/low+s!", "a/low+s!", "a/low+s!", "a/low+s!", "-!", "o/low!", "n/low!"}},
    {"'thinking':{'type':'enabled'},",
     {"-", "b2048", "b2048", "b2048", "a+s!", "a+s!", "a+s!", "a+s!", "-!", "o/medium!", "n/medium!"}},
    {"'thinking':{'type':'adaptive'},",
     {"-", "b2048!", "b2048!", "a", "a+s", "a+s", "a+s", "a+s", "-!", "o/medium!", "n/medium!"}},
    {"'thinking':{'type':'adaptive'},'reasoning_effort':'high',",
     {"-", "b4096!", "b4096!", "a/high", "a/high+s", "a/high+s", "a/high+s", "a/high+s", "-!", "o/high!", "n/high!"}},
    {"'reasoning_effort':'none',",
     {"-", "-", "-", "-", "-", "-", "-!", "-!", "-", "-", "-"}},
    {"'reasoning_effort':'minimal',",
     {"-", "b1024", "b1024", "a/low+s", "a/low+s", "a/low+s", "a/low+s", "a/low+s", "-", "o/low", "n/low"}},
    {"'reasoning_effort':'low',",
     {"-", "b1024", "b1024", "a/low+s", "a/low+s", "a/low+s", "a/low+s", "a/low+s", "-", "o/low", "n/low"}},
    {"'reasoning_effort':'medium',",
     {"-", "b2048", "b2048", "a/medium+s", "a/medium+s", "a/medium+s", "a/medium+s", "a/medium+s", "-", "o/medium", "n/medium"}},
    {"'reasoning_effort':'high',",
     {"-", "b4096", "b4096", "a/high+s", "a/high+s", "a/high+s", "a/high+s", "a/high+s", "-", "o/high", "n/high"}},
    {"'reasoning_effort':'xhigh',",
     {"-", "b7168!", "b8192", "a/high+s!", "a/xhigh+s", "a/xhigh+s", "a/xhigh+s", "a/xhigh+s", "-", "o/high", "n/high"}},
    {"'reasoning_effort':'max',",
     {"-", "b7168!", "b16384", "a/max+s", "a/xhigh+s!", "a/max+s", "a/max+s", "a/xhigh+s!", "-", "o/high", "n/high"}},
    /* How thorough the answer is: thinking is not asked for. */
    {"'output_config':{'effort':'low'},",
     {"-", "-", "-/low", "-/low", "-/low", "-/low", "-/low", "-/low", "-", "-", "-"}},
    {"'output_config':{'effort':'max'},",
     {"-", "-", "-/high!", "-/max", "-/xhigh!", "-/max", "-/max", "-/xhigh!", "-", "-", "-"}},
    {"'output_config':{'effort':'low'},'thinking':{'type':'enabled','budget_tokens':2000},",
     {"-", "b2000", "b2000/low", "b2000/low", "a/low+s!", "a/low+s!", "a/low+s!", "a/low+s!", "-!", "o/medium!", "n/medium!"}},
    /* clang-format on */
};

static struct slice field_text(const struct plan *p, const char *name, const char *member)
{
    for (const struct llm_extra *e = p->fields; e; e = e->next)
        if (slice_eq(e->name, slice_of(name)))
            return member ? json_get_slice(e->value, member) : json_slice(e->value);
    return slice_make(NULL, 0);
}

static void tell_form(struct planned *p, char *out, size_t size)
{
    const struct plan *plan = &p->x.plan;
    struct slice nova = field_text(plan, "reasoningConfig", "maxReasoningEffort");
    struct slice gpt = field_text(plan, "reasoning_effort", NULL);
    struct slice effort = nova.n ? nova : gpt.n ? gpt : plan->effort;
    char form[32] = "-";
    if (plan->thinking == PLAN_THINKING_BUDGET)
        snprintf(form, sizeof(form), "b%d", (int)plan->budget);
    else if (plan->thinking == PLAN_THINKING_ADAPTIVE)
        snprintf(form, sizeof(form), "a");
    else if (plan->thinking == PLAN_THINKING_DISABLED)
        snprintf(form, sizeof(form), "off");
    else if (nova.n || gpt.n)
        snprintf(form, sizeof(form), nova.n ? "n" : "o");
    snprintf(out, size, "%s%s%.*s%s%s", form, effort.n ? "/" : "", SLICE_ARG(effort),
             slice_eq(plan->display, SLICE("summarized")) ? "+s" : "",
             plan->repairs >> REPAIR_THINKING_BUDGET & 1 ? "!" : "");
}

static void test_forms(void **state)
{
    for (size_t i = 0; i < COUNT(forms); i++)
        for (size_t m = 0; m < MODELS; m++) {
            struct planned p;
            char told[64];
            planned_init(&p, models[m]);
            planned_parse(&p, arena_printf(&p.x.arena, "'drop_params':true,%s" A, forms[i].form).p);
            planned_make(&p);
            assert_true(p.planned);
            tell_form(&p, told, sizeof(told));
            struct slice name = arena_printf(&p.x.arena, "%s %s", models[m], forms[i].form);
            check_told(name.p, told, forms[i].told[m]);
            assert_int_equal(p.x.plan.repairs & ~(1u << REPAIR_THINKING_BUDGET), 0);
            check_strict(&p, name.p);
            planned_fini(&p);
        }
}

static void test_refusals(void **state)
{
    static const struct {
        const char *model, *members, *param;
    } rows[] = {
        {HAIKU3, "'reasoning_effort':'low'," A, "reasoning_effort"},
        {HAIKU3, THINK A, "thinking"},
        {NOVA, THINK A, "thinking"},
        {ARN, THINK A, "thinking"},
        {SONNET37, "'output_config':{'effort':'low'}," A, "output_config"},
        {NOVA, "'output_config':{'effort':'low'}," A, "output_config"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        assert_false(p.planned);
        assert_int_equal(p.x.failure.status, 400);
        assert_int_equal(p.x.failure.kind, FAILURE_UNSUPPORTED);
        check_text(p.x.failure.param, rows[i].param);
        planned_fini(&p);
    }
}

/* Of a model nobody knows, the client may know that it thinks. */
static void test_vouched_for(void **state)
{
    struct planned p;
    char told[64];
    planned_of(&p, ARN, "'allowed_openai_params':['thinking']," THINK A);
    assert_true(p.planned);
    tell_form(&p, told, sizeof(told));
    check_told("thinking", told, "b2000");
    planned_fini(&p);
    planned_of(&p, ARN, "'allowed_openai_params':['reasoning_effort'],'reasoning_effort':'low'," A);
    tell_form(&p, told, sizeof(told));
    check_told("reasoning_effort", told, "a/low+s");
    planned_fini(&p);
}

/* ---- what it changes ----------------------------------------------------------------------- */

static const struct limit_case {
    const char *name, *model, *members;
    int64_t max_tokens, budget;
    const char *sampling, *repairs;
} limits[] = {
    {"nothing said", SONNET37, A, -1, 0, "", ""},
    {"the client's", SONNET37, "'max_tokens':100," A, 100, 0, "", ""},
    {"above the model's", SONNET37, "'max_tokens':9000," A, 8192, 0, "", "max-tokens"},
    {"at the model's", SONNET37, "'max_tokens':8192," A, 8192, 0, "", ""},
    {"an older one's", HAIKU3, "'max_tokens':9000," A, 4096, 0, "", "max-tokens"},
    {"a newer one's", "anthropic.claude-opus-9-20300101-v1:0", "'max_tokens':900000," A, 128000, 0,
     "", "max-tokens"},
    {"room for the answer", SONNET37, THINK A, 6096, 2000, "", ""},
    {"enough", SONNET37, THINK "'max_tokens':2001," A, 2001, 2000, "", ""},
    {"not enough", SONNET37, THINK "'max_tokens':2000," A, 4000, 2000, "", "max-tokens"},
    {"not even for the model", SONNET37,
     "'thinking':{'type':'enabled','budget_tokens':90000},'max_tokens':9000," A, 8192, 7168, "",
     "max-tokens thinking-budget"},
    {"temperature 0", SONNET37, THINK "'temperature':0,'max_tokens':3000," A, 3000, 2000, "",
     "sampling"},
    {"temperature 1", SONNET37, THINK "'temperature':1,'max_tokens':3000," A, 3000, 2000, "t1", ""},
    {"top_p and top_k", SONNET37, THINK "'top_p':0.9,'top_k':5,'max_tokens':3000," A, 3000, 2000,
     "", "sampling"},
    {"a high top_p", SONNET37, THINK "'top_p':0.95,'max_tokens':3000," A, 3000, 2000, "p0.95", ""},
    {"adaptive", OPUS46, "'thinking':{'type':'adaptive'},'temperature':0.5,'max_tokens':5," A, 5, 0,
     "", "sampling"},
    {"not thinking", SONNET37, "'temperature':0,'top_p':0.9,'top_k':5," A, -1, 0, "t0 p0.9 k5", ""},
    {"hotter than Bedrock", SONNET37, "'temperature':1.5," A, -1, 0, "t1", "sampling"},
    {"one of two", SONNET45, "'temperature':0.5,'top_p':0.9," A, -1, 0, "t0.5", "sampling"},
    {"the one that says something", SONNET45, "'temperature':1,'top_p':0.9," A, -1, 0, "p0.9",
     "sampling"},
    {"one alone", SONNET45, "'top_p':0.9," A, -1, 0, "p0.9", ""},
    {"none at all", OPUS47, "'temperature':1,'top_p':0.9,'top_k':5," A, -1, 0, "", "sampling"},
    {"no top_k", LLAMA, "'temperature':0.5,'top_k':5," A, -1, 0, "t0.5", "sampling"},
    {"Nova at its highest", NOVA2,
     "'reasoning_effort':'high','temperature':0.5,'top_p':0.9,'max_tokens':100," A, -1, 0, "",
     "sampling max-tokens"},
    {"Nova below", NOVA2, "'reasoning_effort':'low','temperature':0.5,'max_tokens':100," A, 100, 0,
     "t0.5", ""},
};

static void tell_number(struct buf *b, char name, yyjson_val *v)
{
    struct json_writer w;
    if (!v)
        return;
    if (b->n)
        buf_add_char(b, ' ');
    buf_add_char(b, name);
    json_begin(&w, b);
    json_value(&w, v);
}

static const char *tell_sampling(struct planned *p)
{
    buf_reset(&p->out);
    tell_number(&p->out, 't', p->x.plan.temperature);
    tell_number(&p->out, 'p', p->x.plan.top_p);
    tell_number(&p->out, 'k', p->x.plan.top_k);
    return told(p);
}

static void test_limits(void **state)
{
    for (size_t i = 0; i < COUNT(limits); i++) {
        const struct limit_case *c = &limits[i];
        struct planned p;
        planned_of(&p, c->model, c->members);
        assert_true(p.planned);
        if (p.x.plan.max_tokens != c->max_tokens)
            fail_msg("%s: max_tokens %d", c->name, (int)p.x.plan.max_tokens);
        if (c->budget)
            assert_int_equal(p.x.plan.budget, c->budget);
        check_told(c->name, tell_sampling(&p), c->sampling);
        check_told(c->name, tell_repairs(&p), c->repairs);
        check_strict(&p, c->name);
        planned_fini(&p);
    }
}

/* ---- the history --------------------------------------------------------------------------- */

#define USER "{'role':'user','content':'A'}"
#define TH   "'thinking_blocks':[{'type':'thinking','thinking':'t','signature':'Eq=='}],"
#define TORN "'thinking_blocks':[{'type':'thinking','thinking':'','signature':'Eq=='}],"
#define CALL(id, thought)                                                                          \
    "{'role':'assistant','content':null," thought "'tool_calls':[{'id':'" id "','function':"       \
    "{'name':'read','arguments':'{}'}}]}"
#define TOOL(id)      "{'role':'tool','tool_call_id':'" id "','content':'x'}"
#define SAID(thought) "{'role':'assistant'," thought "'content':'B'}"

static const struct history_case {
    const char *name, *messages;
    bool off;
} histories[] = {
    {"no loop", USER "," SAID("") "," USER, false},
    {"a loop that thinks", USER "," CALL("c", TH) "," TOOL("c"), false},
    {"one that does not", USER "," CALL("c", "") "," TOOL("c"), true},
    {"one whose thinking has lost its text", USER "," CALL("c", TORN) "," TOOL("c"), true},
    {"its second call need not",
     USER "," CALL("c", TH) "," TOOL("c") "," CALL("d", "") "," TOOL("d"), false},
    {"its first must", USER "," CALL("c", "") "," TOOL("c") "," CALL("d", TH) "," TOOL("d"), true},
    {"an older loop need not", USER "," CALL("c", "") "," TOOL("c") "," SAID("") "," USER, false},
    {"a new loop",
     USER "," CALL("c", "") "," TOOL("c") "," SAID("") "," USER "," CALL("d", TH) "," TOOL("d"),
     false},
    {"words among the results",
     USER "," CALL("c", TH) "," TOOL("c") "," USER "," CALL("d", TH) "," TOOL("d") "," USER, false},
    {"… begin a new answer, perhaps",
     USER "," CALL("c", TH) "," TOOL("c") "," USER "," CALL("d", "") "," TOOL("d"), true},
    {"a call without a result", USER "," CALL("c", ""), true},
    {"results of nobody's calls", USER "," SAID("") "," TOOL("x"), false},
    {"a second result is none",
     USER "," CALL("c", "") "," TOOL("c") "," SAID("") "," USER "," SAID("") "," TOOL("c"), false},
};

static const char *thinking_of(const struct planned *p)
{
    return p->x.plan.thinking == PLAN_THINKING_BUDGET     ? "budget"
           : p->x.plan.thinking == PLAN_THINKING_ADAPTIVE ? "adaptive"
                                                          : "off";
}

static void check_history(const struct history_case *c, const char *model, const char *when_lost,
                          enum plan_repair repair)
{
    struct planned p;
    planned_init(&p, model);
    planned_parse(&p,
                  arena_printf(&p.x.arena,
                               THINK "'temperature':0.5,'max_tokens':100," READ "'messages':[%s]",
                               c->messages)
                      .p);
    planned_make(&p);
    check_told(c->name, thinking_of(&p), c->off ? when_lost : "budget");
    assert_int_equal(p.x.plan.repairs >> repair & 1, c->off);
    planned_fini(&p);
}

static void test_histories(void **state)
{
    for (size_t i = 0; i < COUNT(histories); i++) {
        check_history(&histories[i], SONNET37, "off", REPAIR_THINKING_OFF);
        check_history(&histories[i], OPUS46, "adaptive", REPAIR_THINKING_BUDGET);
    }
}

/* Off for this turn: nothing is left of what thinking had changed. */
static void test_off(void **state)
{
    struct planned p;
    planned_of(&p, SONNET37,
               THINK "'temperature':0.5,'top_k':5,'max_tokens':100,'tool_choice':'required'," READ
                     "'messages':[" USER "," SAID(TH) "," USER "," CALL("c", "") "," TOOL("c") "]");
    check_told("off", thinking_of(&p), "off");
    check_told("off", tell_messages(&p), "u['A'] a['B'] u['A'] a[call:c:read:{}] u[result:c('x')]");
    check_told("off", tell_tools(&p), "read any");
    check_told("off", tell_sampling(&p), "t0.5 k5");
    assert_int_equal(p.x.plan.max_tokens, 100);
    check_told("off", tell_repairs(&p), "thinking-off thinking-dropped");
    check_strict(&p, "off");
    planned_fini(&p);
}

/* Thinking that the gateway remembered, in front of the first call. */
static void recall(struct planned *p)
{
    struct llm_message *m = p->x.request.messages->next;
    struct llm_block *b = ARENA_NEW(&p->x.arena, struct llm_block);
    *b = (struct llm_block){.kind = LLM_REASONING,
                            .text = SLICE("t"),
                            .signature = SLICE("Eq=="),
                            .recalled = true,
                            .next = m->blocks};
    m->blocks = b;
}

static void test_recalled(void **state)
{
    static const struct {
        const char *model, *form, *told, *repairs;
    } rows[] = {
        {SONNET37, THINK, "u['A'] a[think* call:c:read:{}] u[result:c('x')]", "thinking-recalled"},
        {SONNET37, "", "u['A'] a[call:c:read:{}] u[result:c('x')]", ""},
        {OPUS47, "", "u['A'] a[call:c:read:{}] u[result:c('x')]", ""},
        {OPUS55, "", "u['A'] a[think* call:c:read:{}] u[result:c('x')]", "thinking-recalled"},
        {ARN, "", "u['A'] a[call:c:read:{}] u[result:c('x')]", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_init(&p, rows[i].model);
        planned_parse(&p, arena_printf(&p.x.arena,
                                       "%s" READ "'messages':[" USER
                                       "," CALL("c", "") "," TOOL("c") "]",
                                       rows[i].form)
                              .p);
        recall(&p);
        planned_make(&p);
        check_told(rows[i].model, tell_messages(&p), rows[i].told);
        check_told(rows[i].model, tell_repairs(&p), rows[i].repairs);
        planned_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),       cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_vouched_for), cmocka_unit_test(test_limits),
        cmocka_unit_test(test_histories),   cmocka_unit_test(test_off),
        cmocka_unit_test(test_recalled),
    };
    return cmocka_run_group_tests_name("plan_thinking", tests, NULL, NULL);
}
