/* Cache points: the client's, injected ones, automatic ones; and what Bedrock's limits leave of
 * them. */

#include "planned.h"

#include "strict.h"

#define POINT        "'cache_control':{'type':'ephemeral'}"
#define HOUR         "'cache_control':{'type':'ephemeral','ttl':'1h'}"
#define FIVE         "'cache_control':{'type':'ephemeral','ttl':'5m'}"
#define S(mark)      "{'role':'system','content':[{'type':'text','text':'S'" mark "}]}"
#define U(mark)      "{'role':'user','content':[{'type':'text','text':'U'" mark "}]}"
#define B(mark)      "{'role':'assistant','content':[{'type':'text','text':'B'" mark "}]}"
#define TOOLS(a, b)  "'tools':[{'function':{'name':'r'}" a "},{'function':{'name':'w'}" b "}],"
#define MSGS(list)   "'messages':[" list "]"
#define INJECT(list) "'cache_control_injection_points':[" list "],"
#define ROLE(r)      "{'location':'message','role':'" r "'}"
#define INDEX(i)     "{'location':'message','index':" i "}"

struct cache_case {
    const char *name, *model, *members, *tools, *system, *messages, *repairs;
};

static void check_case(const struct cache_case *c, bool automatic)
{
    struct planned p;
    planned_init(&p, c->model);
    p.x.deployment.prompt_caching_auto = automatic;
    planned_parse(&p, c->members);
    planned_make(&p);
    check_told(c->name, tell_tools(&p), c->tools);
    check_told(c->name, tell_system(&p), c->system);
    check_told(c->name, tell_messages(&p), c->messages);
    check_told(c->name, tell_repairs(&p), c->repairs);
    const char *body = tell_body(&p);
    const char *refusal = strict_refusal(p.x.attempt.model_id, slice_of(body), &p.x.arena);
    if (refusal)
        fail_msg("%s: %s\n%s", c->name, refusal, body);
    planned_fini(&p);
}

/* ---- the client's -------------------------------------------------------------------------- */

static const struct cache_case own[] = {
    {"none", SONNET45, TOOLS("", "") MSGS(S("") "," U("")), "r w", "'S'", "u['U']", ""},
    {"four", SONNET45,
     TOOLS("", "," POINT) MSGS(S("," POINT) "," U("," POINT) "," B("") "," U("," POINT)), "r w |",
     "'S' |", "u['U' |] a['B'] u['U' |]", ""},
    {"five: the oldest of the messages goes", SONNET45,
     TOOLS("", "," POINT) MSGS(S("," POINT) "," U("," POINT) "," B("," POINT) "," U("," POINT)),
     "r w |", "'S' |", "u['U'] a['B' |] u['U' |]", "cache-points"},
    {"six, two in system: the first there goes, too", SONNET45,
     TOOLS("", "," POINT)
         MSGS(S("," POINT) "," S("," POINT) "," U("," POINT) "," B("," POINT) "," U("," POINT)),
     "r w |", "'S' 'S' |", "u['U'] a['B' |] u['U' |]", "cache-points"},
    {"tools before the last one go, too", SONNET45,
     TOOLS("," POINT, "," POINT)
         MSGS(S("," POINT) "," U("," POINT) "," B("," POINT) "," U("," POINT)),
     "r w |", "'S' |", "u['U'] a['B' |] u['U' |]", "cache-points"},
    {"five in system alone", SONNET45,
     MSGS(S("," POINT) "," S("," POINT) "," S("," POINT) "," S("," POINT) "," S("," POINT) "," U(
         "")),
     "", "'S' 'S' | 'S' | 'S' | 'S' |", "u['U']", "cache-points"},
    {"an hour", SONNET45, MSGS(S("," HOUR) "," U("")), "", "'S' |1h", "u['U']", ""},
    {"five minutes need not be said", SONNET45, MSGS(S("," FIVE) "," U("")), "", "'S' |", "u['U']",
     ""},
    {"no hour behind five minutes", SONNET45,
     TOOLS("", "," HOUR) MSGS(S("," POINT) "," U("," HOUR)), "r w |1h", "'S' |", "u['U' |]",
     "cache-ttl"},
    {"five minutes behind an hour", SONNET45, MSGS(S("," HOUR) "," U("," FIVE)), "", "'S' |1h",
     "u['U' |]", ""},
    {"no hour on older models", SONNET37, MSGS(S("," HOUR) "," U("")), "", "'S' |", "u['U']",
     "cache-ttl"},
    {"none on models without a cache", LLAMA,
     TOOLS("", "," POINT) MSGS(S("," POINT) "," U("," POINT)), "r w", "'S'", "u['U']",
     "cache-points"},
    {"none on older Claudes", HAIKU3, MSGS(S("," POINT) "," U("")), "", "'S'", "u['U']",
     "cache-points"},
    {"Nova: not behind tools", NOVA, TOOLS("", "," POINT) MSGS(S("," POINT) "," U("," POINT)),
     "r w", "'S' |", "u['U' |]", "cache-points"},
    {"twice at one place", SONNET45,
     MSGS("{'role':'user','content':[{'type':'text','text':'U'," POINT "}]," HOUR "}"), "", "",
     "u['U' |]", "cache-points"},
};

static void test_own(void **state)
{
    for (size_t i = 0; i < COUNT(own); i++)
        check_case(&own[i], false);
}

/* ---- injected ------------------------------------------------------------------------------ */

#define AGENT                                                                                      \
    MSGS("{'role':'system','content':'S'},{'role':'developer','content':'P'},{'role':'user',"      \
         "'content':'U'},{'role':'assistant','content':'B','tool_calls':[{'id':'c','function':"    \
         "{'name':'r','arguments':'{}'}},{'id':'d','function':{'name':'r','arguments':'{}'}}]},"   \
         "{'role':'tool','tool_call_id':'c','content':'x'},{'role':'tool','tool_call_id':'d',"     \
         "'content':'y'},{'role':'user','content':'V'}")
#define CALLS "'B' call:c:r:{} call:d:r:{}"

static const struct cache_case injected[] = {
    {"system", SONNET45, TOOLS("", "") INJECT(ROLE("system")) AGENT, "r w", "'S' 'P' |",
     "u['U'] a[" CALLS "] u[result:c('x') result:d('y') 'V']", ""},
    {"tools", SONNET45, TOOLS("", "") INJECT("{'location':'tool_config'}") AGENT, "r w |",
     "'S' 'P'", "u['U'] a[" CALLS "] u[result:c('x') result:d('y') 'V']", ""},
    {"users, not tools", SONNET45, TOOLS("", "") INJECT(ROLE("user")) AGENT, "r w", "'S' 'P'",
     "u['U' |] a[" CALLS "] u[result:c('x') result:d('y') 'V' |]", ""},
    {"tools, not users", SONNET45, TOOLS("", "") INJECT(ROLE("tool")) AGENT, "r w", "'S' 'P'",
     "u['U'] a[" CALLS "] u[result:c('x') | result:d('y') | 'V']", ""},
    {"assistants, an hour", SONNET45,
     TOOLS("", "") INJECT("{'location':'message','role':'assistant','control':{'ttl':'1h'}}") AGENT,
     "r w", "'S' 'P'", "u['U'] a[" CALLS " |1h] u[result:c('x') result:d('y') 'V']", ""},
    {"index", SONNET45, TOOLS("", "") INJECT(INDEX("2")) AGENT, "r w", "'S' 'P'",
     "u['U' |] a[" CALLS "] u[result:c('x') result:d('y') 'V']", ""},
    {"index of a result", SONNET45, TOOLS("", "") INJECT(INDEX("4")) AGENT, "r w", "'S' 'P'",
     "u['U'] a[" CALLS "] u[result:c('x') | result:d('y') 'V']", ""},
    {"index in the system prompt", SONNET45, TOOLS("", "") INJECT(INDEX("1")) AGENT, "r w",
     "'S' 'P' |", "u['U'] a[" CALLS "] u[result:c('x') result:d('y') 'V']", ""},
    {"from the end, as text", SONNET45, TOOLS("", "") INJECT(INDEX("'-1'")) AGENT, "r w", "'S' 'P'",
     "u['U'] a[" CALLS "] u[result:c('x') result:d('y') 'V' |]", ""},
    {"beyond the end", SONNET45, TOOLS("", "") INJECT(INDEX("7") "," INDEX("-8")) AGENT, "r w",
     "'S' 'P'", "u['U'] a[" CALLS "] u[result:c('x') result:d('y') 'V']", ""},
    {"where the client has one", SONNET45, INJECT(ROLE("user")) MSGS(U("," HOUR)), "", "",
     "u['U' |1h]", ""},
    {"a role nobody has", SONNET45, INJECT(ROLE("function") ",{}") MSGS(U("")), "", "", "u['U']",
     ""},
    {"a model without a cache", LLAMA, INJECT(ROLE("user")) MSGS(U("")), "", "", "u['U']", ""},
};

static void test_injected(void **state)
{
    for (size_t i = 0; i < COUNT(injected); i++)
        check_case(&injected[i], false);
}

/* The request stays as it was: another deployment may get it. */
static void test_the_request_is_not_changed(void **state)
{
    struct planned p;
    planned_of(&p, SONNET45, INJECT(ROLE("user") "," ROLE("system")) MSGS(S("") "," U("")));
    planned_make(&p);
    check_told("again", tell_messages(&p), "u['U' |]");
    assert_null(p.x.request.messages->blocks->next);
    assert_null(p.x.request.system->next);
    planned_fini(&p);
}

/* ---- automatic ----------------------------------------------------------------------------- */

/* About so many tokens. */
static const char *words(struct planned *p, int tokens)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (int i = 0; i < tokens; i++)
        buf_add(&b, SLICE("word "));
    const char *text = arena_strdup(&p->x.arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* "t s u1 u3": a point behind the tools, the system prompt, the first and the third turn; "t1h":
 * one that holds an hour. */
static const char *tell_points(struct planned *p)
{
    const struct plan *plan = &p->x.plan;
    int turn = 0;
    buf_reset(&p->out);
    for (const struct llm_tool *t = plan->tools; t; t = t->next)
        if (t->cache_point)
            buf_addf(&p->out, "t%.*s ", SLICE_ARG(t->ttl));
    for (const struct llm_block *b = plan->system; b; b = b->next)
        if (b->kind == LLM_CACHE_POINT)
            buf_addf(&p->out, "s%.*s ", SLICE_ARG(b->ttl));
    for (const struct llm_message *m = plan->messages; m; m = m->next, turn++)
        for (const struct llm_block *b = m->blocks; b; b = b->next)
            if (b->kind == LLM_CACHE_POINT)
                buf_addf(&p->out, "%c%d%.*s ", m->role == LLM_USER ? 'u' : 'a', turn,
                         SLICE_ARG(b->ttl));
    p->out.n -= p->out.n > 0;
    return told(p);
}

static const struct automatic_case {
    const char *name, *model;
    int system, user;      /* tokens */
    const char *mark;      /* of the client's own */
    const char *points[3]; /* after one, two and three turns of the user */
    bool hour;             /* anthropic_prompt_caching_ttl: 1h */
} automatic[] = {
    {"a long head", SONNET45, 2000, 1, "", {"t s u0", "t s u0 u2", "t s u2 u4"}},
    {"a head below this model's minimum",
     "us.anthropic.claude-haiku-4-5-20251001-v1:0",
     2000,
     1,
     "",
     {"", "", ""}},
    {"the estimate may be too low", SONNET45, 900, 1, "", {"t s u0", "t s u0 u2", "t s u2 u4"}},
    {"a short head, a long conversation", SONNET45, 10, 2000, "", {"u0", "u0 u2", "u2 u4"}},
    {"all short", SONNET45, 10, 10, "", {"", "", ""}},
    {"Nova", NOVA, 2000, 1, "", {"s u0", "s u0 u2", "s u2 u4"}},
    {"no cache", LLAMA, 2000, 2000, "", {"", "", ""}},
    {"the client's own count", SONNET45, 2000, 1, "," POINT, {"u0", "u0", "u0"}},
    {"an hour",
     SONNET45,
     2000,
     1,
     "",
     {"t1h s1h u01h", "t1h s1h u01h u21h", "t1h s1h u21h u41h"},
     true},
    {"no hour on older models", SONNET37, 2000, 1, "", {"t s u0", "t s u0 u2", "t s u2 u4"}, true},
    {"the client's own keep theirs", SONNET45, 2000, 1, "," POINT, {"u0", "u0", "u0"}, true},
};

static void test_automatic(void **state)
{
    for (size_t i = 0; i < COUNT(automatic) * 3; i++) {
        const struct automatic_case *c = &automatic[i / 3];
        struct planned p;
        planned_init(&p, c->model);
        p.x.deployment.prompt_caching_auto = true;
        p.x.deployment.prompt_caching_hour = c->hour;
        planned_parse(&p, arena_printf(&p.x.arena,
                                       TOOLS("", "") MSGS("{'role':'system','content':'%s'},{"
                                                          "'role':'user','content':[{'type':"
                                                          "'text','text':'%s'%s}]}%s%s"),
                                       words(&p, c->system), words(&p, c->user), c->mark,
                                       i % 3 > 0 ? "," B("") "," U("") : "",
                                       i % 3 > 1 ? "," B("") "," U("") : "")
                              .p);
        planned_make(&p);
        check_told(c->name, tell_points(&p), c->points[i % 3]);
        assert_int_equal(p.x.plan.repairs, 0);
        planned_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_own),
        cmocka_unit_test(test_injected),
        cmocka_unit_test(test_the_request_is_not_changed),
        cmocka_unit_test(test_automatic),
    };
    return cmocka_run_group_tests_name("plan_cache", tests, NULL, NULL);
}
