/* Tools: what is offered, under which names, what the model must do with them, and answers in JSON.
 * Each repair has a request that needs it, and one nearly like it that does not. */

#include "planned.h"

#define A          "'messages':[{'role':'user','content':'A'}]"
#define TOOL(name) "{'type':'function','function':{'name':'" name "'}}"
#define READ       "'tools':[" TOOL("read") "],"
#define CHOICE(c)  "'tool_choice':" c ","
#define NAMED(n)   CHOICE("{'type':'function','function':{'name':'" n "'}}")
#define HISTORY                                                                                    \
    "'messages':[{'role':'user','content':'A'},{'role':'assistant','content':null,'tool_calls':["  \
    "{'id':'c','function':{'name':'my.tool','arguments':'{}'}},"                                   \
    "{'id':'d','function':{'name':'my.tool','arguments':'{}'}}]},"                                 \
    "{'role':'tool','tool_call_id':'c','content':'x'},"                                            \
    "{'role':'tool','tool_call_id':'d','content':'y'}]"
#define CLOSED                                                                                     \
    "{'type':'object','properties':{'n':{'type':'integer'}},'required':['n'],"                     \
    "'additionalProperties':false}"
#define OPEN "{'type':'object','properties':{'n':{'type':'integer'}}}"
#define FORMAT(schema)                                                                             \
    "'response_format':{'type':'json_schema','json_schema':{'name':'n','schema':" schema "}},"
#define STRICT(schema)                                                                             \
    "'tools':[{'type':'function','function':{'name':'read','strict':true,'parameters':" schema     \
    "}}],"
#define THINK     "'thinking':{'type':'enabled','budget_tokens':1024},"
#define LONG_NAME "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn" /* 64 */

struct tool_case {
    const char *name, *model, *members, *told, *repairs;
};

static void check_case(const struct tool_case *c)
{
    struct planned p;
    planned_of(&p, c->model, c->members);
    if (!p.planned)
        fail_msg("%s: %s", c->name, p.x.failure.message.p);
    check_told(c->name, tell_tools(&p), c->told);
    check_told(c->name, tell_repairs(&p), c->repairs);
    planned_fini(&p);
}

/* ---- what is offered ----------------------------------------------------------------------- */

static const struct tool_case offers[] = {
    {"none", SONNET37, A, "", ""},
    {"one", SONNET37, READ A, "read", ""},
    {"a second of a name", SONNET37, "'tools':[" TOOL("read") "," TOOL("read") "]," A, "read",
     "tool-config"},
    {"from the history", SONNET37, HISTORY, "my_tool", "tool-config tool-name"},
    {"not from it when there are some", SONNET37, "'tools':[" TOOL("my_tool2") "]," HISTORY,
     "my_tool2", "tool-name"},
    {"foreign characters", SONNET37,
     "'tools':[" TOOL("my.tool/do it") "," TOOL("größe🙂") "]," A, "my_tool_do_it gr__e_",
     "tool-name"},
    {"64 characters", SONNET37, "'tools':[" TOOL(LONG_NAME) "]," A, LONG_NAME, ""},
    {"65 characters", SONNET37, "'tools':[" TOOL(LONG_NAME "n") "]," A,
     "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_1e3fb6d5", "tool-name"},
    {"two that would be one", SONNET37, "'tools':[" TOOL("a.b") "," TOOL("a b") "]," A,
     "a_b a_b_c8687a08", "tool-name"},
    {"one that would be another's", SONNET37, "'tools':[" TOOL("a.b") "," TOOL("a_b") "]," A,
     "a_b_2e7336dc a_b", "tool-name"},
    {"a cache point", SONNET45,
     "'tools':[{'type':'function','function':{'name':'read'},'cache_control':{'type':'ephemeral',"
     "'ttl':'1h'}}," TOOL("write") "]," A,
     "read |1h write", ""},
    {"dropped for a model without", DEEPSEEK, "'drop_params':true," READ A, "", ""},
    {"kept when the client vouches", DEEPSEEK, "'allowed_openai_params':['tools']," READ A, "read",
     ""},
};

static void test_offers(void **state)
{
    for (size_t i = 0; i < COUNT(offers); i++)
        check_case(&offers[i]);
}

/* ---- choice -------------------------------------------------------------------------------- */

static const struct tool_case choices[] = {
    {"auto", SONNET37, READ CHOICE("'auto'") A, "read auto", ""},
    {"required", SONNET37, READ CHOICE("'required'") A, "read any", ""},
    {"named", SONNET37, READ NAMED("read") A, "read =read", ""},
    {"named by its own name", SONNET37, "'tools':[" TOOL("a.b") "]," NAMED("a.b") A, "a_b =a_b",
     "tool-name"},
    {"none", SONNET37, READ CHOICE("'none'") A, "", ""},
    {"none, but the history needs them", SONNET37,
     "'tools':[" TOOL("my_tool2") "]," CHOICE("'none'") HISTORY, "my_tool2",
     "tool-name tool-choice"},
    {"named without tools", SONNET37, NAMED("read") A, "", ""},
    {"forced beside thinking", SONNET37, THINK READ CHOICE("'required'") A, "read auto",
     "tool-choice"},
    {"auto beside thinking", SONNET37, THINK READ CHOICE("'auto'") A, "read auto", ""},
    {"forced where it cannot be", OPUS55, READ NAMED("read") A, "read auto", "tool-choice"},
    {"forced where thinking is always on", FABLE5, READ NAMED("read") A, "read =read", ""},
    {"auto for a model that knows no choice", LLAMA, READ CHOICE("'auto'") A, "read", ""},
    {"dropped for a model that knows none", LLAMA,
     "'drop_params':true," READ CHOICE("'required'") A, "read", ""},
    {"vouched for", LLAMA, "'allowed_openai_params':['tool_choice']," READ CHOICE("'required'") A,
     "read any", ""},
};

static void test_choices(void **state)
{
    for (size_t i = 0; i < COUNT(choices); i++)
        check_case(&choices[i]);
}

static void test_refusals(void **state)
{
    static const struct {
        const char *model, *members, *param;
        int status;
    } rows[] = {
        {SONNET37, READ NAMED("write") A, "tool_choice", 400},
        {LLAMA, READ CHOICE("'required'") A, "tool_choice", 400},
        {DEEPSEEK, READ A, "tools", 400},
        {DEEPSEEK, FORMAT(OPEN) A, "response_format", 400},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        assert_false(p.planned);
        assert_int_equal(p.x.failure.status, rows[i].status);
        check_text(p.x.failure.param, rows[i].param);
        planned_fini(&p);
    }
}

/* ---- one call ------------------------------------------------------------------------------ */

static void test_one_call(void **state)
{
    static const struct {
        const char *model, *members;
        bool wanted, told;
    } rows[] = {
        {SONNET45, "'parallel_tool_calls':false," READ A, true, true},
        {SONNET37, "'parallel_tool_calls':false," READ A, true, false},
        {SONNET45, "'parallel_tool_calls':true," READ A, false, false},
        {SONNET45, "'parallel_tool_calls':false," A, false, false},
        {SONNET45, "'functions':[{'name':'read'}]," A, true, true},
        {SONNET45, "'parallel_tool_calls':false,'extra_body':{'tool_choice':{}}," READ A, true,
         false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        assert_int_equal(p.x.plan.one_tool_call, rows[i].wanted);
        assert_int_equal(p.x.plan.tell_one_call, rows[i].told);
        planned_fini(&p);
    }
}

/* ---- strict tools -------------------------------------------------------------------------- */

static const struct tool_case strict[] = {
    {"a closed schema", SONNET45, STRICT(CLOSED) A, "read!", ""},
    {"an open one", SONNET45, STRICT(OPEN) A, "read", "schema"},
    {"none", SONNET45, STRICT("null") A, "read", "schema"},
    {"a model that knows of none", SONNET37, STRICT(CLOSED) A, "read", "schema"},
    {"one that knows, but not on Converse", OPUS47, STRICT(CLOSED) A, "read", "schema"},
};

static void test_strict_tools(void **state)
{
    for (size_t i = 0; i < COUNT(strict); i++)
        check_case(&strict[i]);
}

/* ---- JSON answers -------------------------------------------------------------------------- */

#define HERE "Call this tool with the answer as its arguments, and say nothing else."

static const struct format_case {
    const char *name, *model, *members, *told, *repairs, *description;
    enum plan_format format;
} formats[] = {
    {"text", SONNET45, "'response_format':{'type':'text'}," A, "", "", NULL, PLAN_FORMAT_NONE},
    {"any JSON", SONNET45, "'response_format':{'type':'json_object'}," A, "", "", NULL,
     PLAN_FORMAT_NONE},
    {"natively", SONNET45, FORMAT(CLOSED) A, "", "", NULL, PLAN_FORMAT_NATIVE},
    {"open: by a tool", SONNET45, FORMAT(OPEN) A, "json_tool_call =json_tool_call", "", "",
     PLAN_FORMAT_TOOL},
    {"by a tool", SONNET37, FORMAT(CLOSED) A, "json_tool_call =json_tool_call", "", "",
     PLAN_FORMAT_TOOL},
    {"beside tools", SONNET37, READ FORMAT(CLOSED) A, "read json_tool_call any", "", "",
     PLAN_FORMAT_TOOL},
    {"beside a forced tool", SONNET37, READ NAMED("read") FORMAT(CLOSED) A,
     "read json_tool_call =read", "", "", PLAN_FORMAT_TOOL},
    {"beside tools that are not to be used", SONNET37,
     "'tools':[" TOOL("my_tool") "]," CHOICE("'none'") FORMAT(CLOSED) HISTORY,
     "my_tool json_tool_call =json_tool_call", "tool-name tool-choice", "", PLAN_FORMAT_TOOL},
    {"beside one of its name", SONNET37, "'tools':[" TOOL("json_tool_call") "]," FORMAT(CLOSED) A,
     "json_tool_call_fd4a46fb json_tool_call any", "tool-name", "", PLAN_FORMAT_TOOL},
    {"thinking: it cannot be forced", SONNET37, THINK FORMAT(CLOSED) A, "json_tool_call",
     "tool-choice", HERE, PLAN_FORMAT_TOOL},
    {"a model that cannot be forced", OPUS55, FORMAT(CLOSED) A, "json_tool_call", "", HERE,
     PLAN_FORMAT_TOOL},
    {"natively beside thinking", SONNET45, THINK FORMAT(CLOSED) A, "", "", NULL,
     PLAN_FORMAT_NATIVE},
    {"beside citations", SONNET45,
     FORMAT(CLOSED) "'messages':[{'role':'user','content':[{'type':'text','text':'A'},{'type':"
                    "'document','source':{'type':'text','data':'D'},'citations':{'enabled':true}}"
                    "]}]",
     "json_tool_call =json_tool_call", "", "", PLAN_FORMAT_TOOL},
    {"dropped", DEEPSEEK, "'drop_params':true," FORMAT(CLOSED) A, "", "", NULL, PLAN_FORMAT_NONE},
};

static void check_description(struct planned *p, const struct format_case *c)
{
    const struct llm_tool *t = p->x.plan.tools;
    while (t && t->next)
        t = t->next;
    if (t && c->description)
        check_text(t->description, c->description);
}

static void test_formats(void **state)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        struct planned p;
        planned_of(&p, formats[i].model, formats[i].members);
        assert_true(p.planned);
        check_told(formats[i].name, tell_tools(&p), formats[i].told);
        check_told(formats[i].name, tell_repairs(&p), formats[i].repairs);
        assert_int_equal(p.x.plan.format, formats[i].format);
        check_description(&p, &formats[i]);
        planned_fini(&p);
    }
}

/* ---- ids ----------------------------------------------------------------------------------- */

static void test_ids(void **state)
{
    static const struct {
        const char *id, *converse, *invoke;
    } rows[] = {
        {"call_1-A", "call_1-A", "call_1-A"},
        {"a.b:c", "a.b:c", "a_b_c_b2a25f70"},
        {"a b", "a_b_c8687a08", "a_b_c8687a08"},
        {"é", "__4a99557e", "__4a99557e"},
        {LONG_NAME, LONG_NAME, LONG_NAME},
        {LONG_NAME "nn", "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_1be15438",
         "nnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnnn_1be15438"},
    };
    for (size_t i = 0; i < 2 * COUNT(rows); i++) {
        const char *expected = i % 2 ? rows[i / 2].invoke : rows[i / 2].converse;
        struct planned p;
        planned_init(&p, SONNET37);
        p.x.attempt.api = i % 2 ? BEDROCK_INVOKE : BEDROCK_CONVERSE;
        planned_parse(&p, arena_printf(&p.x.arena,
                                       "'messages':[{'role':'user','content':'A'},{'role':"
                                       "'assistant','tool_calls':[{'id':'%s','function':{'name':"
                                       "'read','arguments':'{}'}}]},{'role':'tool','tool_call_id':"
                                       "'%s','content':'x'}]",
                                       rows[i / 2].id, rows[i / 2].id)
                              .p);
        planned_make(&p);
        const struct llm_message *call = p.x.plan.messages->next;
        check_text(call->blocks->id, expected);
        check_text(call->next->blocks->id, expected);
        assert_int_equal(p.x.plan.repairs >> REPAIR_TOOL_ID & 1,
                         strcmp(expected, rows[i / 2].id) != 0);
        planned_fini(&p);
    }
}

/* ---- the body ------------------------------------------------------------------------------ */

static void test_bodies(void **state)
{
    static const struct {
        const char *model, *members, *part;
    } rows[] = {
        {SONNET37, READ A,
         "{\"toolSpec\":{\"name\":\"read\",\"description\":\"read\",\"inputSchema\":{\"json\":"
         "{\"type\":\"object\",\"properties\":{},\"required\":[]}}}}"},
        {SONNET37, "'tools':[{'function':{'name':'read','description':' '}}]," A,
         "\"description\":\"read\","},
        {SONNET45, STRICT(CLOSED) A, "\"strict\":true}}"},
        {SONNET45, "'parallel_tool_calls':false," READ CHOICE("'required'") A,
         "\"additionalModelRequestFields\":{\"tool_choice\":{\"type\":\"any\","
         "\"disable_parallel_tool_use\":true}}"},
        {SONNET45, FORMAT(CLOSED) A,
         "\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{\"jsonSchema\":"
         "{\"schema\":\"{\\\"type\\\":\\\"object\\\","},
        {NOVA,
         STRICT("{'title':'T','type':'object','properties':{},'additionalProperties':false}") A,
         "{\"json\":{\"type\":\"object\",\"properties\":{},\"required\":[]}}"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        const char *body = tell_body(&p);
        if (!strstr(body, rows[i].part))
            fail_msg("%s\nis not in %s", rows[i].part, body);
        planned_fini(&p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offers),       cmocka_unit_test(test_choices),
        cmocka_unit_test(test_refusals),     cmocka_unit_test(test_one_call),
        cmocka_unit_test(test_strict_tools), cmocka_unit_test(test_formats),
        cmocka_unit_test(test_ids),          cmocka_unit_test(test_bodies),
    };
    return cmocka_run_group_tests_name("plan_tools", tests, NULL, NULL);
}
