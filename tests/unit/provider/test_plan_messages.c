/* The conversation: every repair of it has a request that needs it, and one nearly like it that
 * does not. */

#include "planned.h"

#define USER(text)        "{'role':'user','content':'" text "'}"
#define BOT(text)         "{'role':'assistant','content':'" text "'}"
#define FN(id, args)      "{'id':'" id "','function':{'name':'read','arguments':'" args "'}}"
#define CALLS(list)       "{'role':'assistant','content':null,'tool_calls':[" list "]}"
#define CALL(id)          CALLS(FN(id, "{}"))
#define TOOL(id, text)    "{'role':'tool','tool_call_id':'" id "','content':'" text "'}"
#define THOUGHT           "{'type':'thinking','thinking':'t','signature':'Eq=='}"
#define SECRET            "{'type':'redacted_thinking','data':'AAAA'}"
#define THINKING(t, text) "{'role':'assistant','content':'" text "','thinking_blocks':[" t "]}"
#define POINT             "'cache_control':{'type':'ephemeral'}"
#define PNG               "{'type':'image_url','image_url':{'url':'data:image/png;base64,iVBORw0KGgo='}}"
#define DOC               "{'type':'document','source':{'type':'text','data':'D'}}"
#define CITED             "{'type':'document','source':{'type':'text','data':'D'},'citations':{'enabled':true}}"
#define PARTS(list)       "{'role':'user','content':[" list "]}"
#define T(text)           "{'type':'text','text':'" text "'}"

struct message_case {
    const char *name, *messages, *told, *repairs;
};

static void check_planned(struct planned *p, const struct message_case *c, const char *more)
{
    planned_parse(p, arena_printf(&p->x.arena, "%s'messages':[%s]", more, c->messages).p);
    planned_make(p);
    assert_true(p->planned);
    check_told(c->name, tell_messages(p), c->told);
    check_told(c->name, tell_repairs(p), c->repairs);
}

static void check_case(const struct message_case *c, const char *model, const char *more)
{
    struct planned p;
    planned_init(&p, model);
    check_planned(&p, c, more);
    planned_fini(&p);
}

#define CHECK_CASES(cases, model, more)                                                            \
    for (size_t i = 0; i < COUNT(cases); i++)                                                      \
    check_case(&(cases)[i], model, more)

/* ---- texts and turns ----------------------------------------------------------------------- */

static const struct message_case turns[] = {
    {"plain", USER("Hi"), "u['Hi']", ""},
    {"in turns", USER("A") "," BOT("B") "," USER("C"), "u['A'] a['B'] u['C']", ""},
    {"white space is a blank text", PARTS(T("A") "," T(" \\n\\t")), "u['A']", "blank-text"},
    {"so is Unicode's", PARTS(T("A") "," T("\\u00a0\\u2003")), "u['A']", "blank-text"},
    {"but no character is", PARTS(T("A") "," T("\\u200b")), "u['A' '\xe2\x80\x8b']", ""},
    {"an empty part says nothing", PARTS(T("A") "," T("")), "u['A']", ""},
    {"an empty message is left out", USER("A") "," BOT("") "," USER("B"), "u['A' 'B']",
     "blank-text merged-turns"},
    {"neighbours", USER("A") "," USER("B"), "u['A' 'B']", "merged-turns"},
    {"neighbours of the assistant", USER("A") "," BOT("B") "," BOT("C") "," USER("D"),
     "u['A'] a['B' 'C'] u['D']", "merged-turns"},
    {"assistant first", BOT("A") "," USER("B"), "u['Please continue.'] a['A'] u['B']",
     "first-user"},
    {"system only", "{'role':'system','content':'S'}", "u['Please continue.']",
     "empty-conversation"},
    {"nothing but blanks", USER(" "), "u['Please continue.']", "blank-text empty-conversation"},
    {"system in the middle", USER("A") ",{'role':'system','content':'S'}",
     "u['A' 'Operator note (not from the user): S']", "merged-turns"},
    {"a refusal is text",
     USER("A") ",{'role':'assistant','content':null,'refusal':'No.'}," USER("B"),
     "u['A'] a['No.'] u['B']", ""},
    {"a part may be one",
     USER("A") ",{'role':'assistant','content':[{'type':'refusal','refusal':'No.'}]}," USER("B"),
     "u['A'] a['No.'] u['B']", ""},
};

static void test_turns(void **state)
{
    CHECK_CASES(turns, SONNET37, "");
}

/* ---- the end ------------------------------------------------------------------------------- */

static const struct message_case prefills[] = {
    {"a beginning", USER("A") "," BOT("B"), "u['A'] a['B']", ""},
    {"with space at its end", USER("A") "," BOT("B \\u3000\\n"), "u['A'] a['B']", "prefill"},
    {"and a cache point behind",
     USER("A") ",{'role':'assistant','content':[{'type':'text','text':'B ',"
               "" POINT "}]}",
     "u['A'] a['B' |]", "prefill"},
    {"thinking in it", USER("A") "," THINKING(THOUGHT, "B"), "u['A'] a['B']", "thinking-dropped"},
    {"in two messages", USER("A") "," THINKING(THOUGHT, "B") "," BOT("C"), "u['A'] a['B' 'C']",
     "merged-turns thinking-dropped"},
    {"thinking further up", USER("A") "," THINKING(THOUGHT, "B") "," USER("C"),
     "u['A'] a[think 'B'] u['C']", ""},
};

static const struct message_case closed[] = {
    {"a beginning", USER("A") "," BOT("B"), "u['A'] a['B'] u['Please continue.']", "prefill"},
    {"with space at its end", USER("A") "," BOT("B "), "u['A'] a['B '] u['Please continue.']",
     "prefill"},
    {"the user last", USER("A") "," BOT("B") "," USER("C"), "u['A'] a['B'] u['C']", ""},
};

static void test_the_end(void **state)
{
    CHECK_CASES(prefills, SONNET37, "");
    CHECK_CASES(closed, OPUS46, "");
    CHECK_CASES(closed, LLAMA, "");
    CHECK_CASES(closed, SONNET37, "'thinking':{'type':'enabled','budget_tokens':1024},");
}

/* ---- calls and results --------------------------------------------------------------------- */

static const struct message_case calls[] = {
    {"one", USER("A") "," CALL("c") "," TOOL("c", "x"), "u['A'] a[call:c:read:{}] u[result:c('x')]",
     "tool-config"},
    {"two, and words of the user",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("c", "x") "," TOOL(
         "d", "y") "," USER("B"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') result:d('y') 'B']", "tool-config"},
    {"out of order",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("d", "y") "," TOOL("c", "x"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') result:d('y')]",
     "tool-result-order tool-config"},
    {"words between them",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("c", "x") "," USER("B") "," TOOL(
         "d", "y"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') result:d('y') 'B']",
     "tool-result-order tool-config"},
    {"a turn later",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("c", "x") "," BOT("B") "," TOOL(
         "d", "y"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') result:d('y')] a['B']",
     "tool-result-order tool-config"},
    {"each call a message of its own",
     USER("A") "," CALL("c") "," CALL("d") "," TOOL("c", "x") "," TOOL("d", "y"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') result:d('y')]",
     "merged-turns tool-config"},
    {"missing", USER("A") "," CALL("c") "," USER("B"),
     "u['A'] a[call:c:read:{}] u[result:c!('[no result: the tool call was not answered]') 'B']",
     "tool-result-missing tool-config"},
    {"missing at the end", USER("A") "," CALL("c"),
     "u['A'] a[call:c:read:{}] u[result:c!('[no result: the tool call was not answered]')]",
     "tool-result-missing tool-config"},
    {"one of two missing", USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("d", "y"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c!('[no result: the tool call was not "
     "answered]') result:d('y')]",
     "tool-result-missing tool-config"},
    {"twice", USER("A") "," CALL("c") "," TOOL("c", "x") "," TOOL("c", "z"),
     "u['A'] a[call:c:read:{}] u[result:c('x')]", "tool-result-duplicate tool-config"},
    {"twice, the second time alone",
     USER("A") "," CALL("c") "," TOOL("c", "x") "," BOT("B") "," TOOL("c", "z") "," BOT("C"),
     "u['A'] a[call:c:read:{}] u[result:c('x')] a['B' 'C']",
     "merged-turns tool-result-duplicate tool-config"},
    {"no such call", USER("A") "," TOOL("x", "y"), "u['A' '[tool result for x: y]']",
     "tool-result-orphan"},
    {"result before its call", USER("A") "," TOOL("c", "x") "," CALL("c"),
     "u['A' '[tool result for c: x]'] a[call:c:read:{}] u[result:c!('[no result: the tool call was "
     "not answered]')]",
     "tool-result-missing tool-result-orphan tool-config"},
    {"an image in a result without a call",
     USER("A") ",{'role':'tool','tool_call_id':'x','content':[" T("y") "," PNG "]}",
     "u['A' '[tool result for x: y]' img]", "tool-result-orphan"},
    {"one id twice in a turn",
     USER("A") "," CALLS(FN("c", "{}") "," FN("c", "{}")) "," TOOL("c", "x") "," TOOL("c", "y"),
     "u['A'] a[call:c:read:{} call:c_2_16951c04:read:{}] u[result:c('x') result:c_2_16951c04('y')]",
     "tool-config tool-id"},
    {"one id in two turns",
     USER("A") "," CALL("c") "," TOOL("c", "x") "," CALL("c") "," TOOL("c", "y"),
     "u['A'] a[call:c:read:{}] u[result:c('x')] a[call:c_2_16951c04:read:{}] "
     "u[result:c_2_16951c04('y')]",
     "tool-config tool-id"},
    {"blank results", USER("A") "," CALL("c") "," TOOL("c", " "),
     "u['A'] a[call:c:read:{}] u[result:c()]", "blank-text tool-config"},
    {"empty results", USER("A") "," CALL("c") "," TOOL("c", ""),
     "u['A'] a[call:c:read:{}] u[result:c()]", "tool-config"},
    {"an image in a result",
     USER("A") "," CALL("c") ",{'role':'tool','tool_call_id':'c','content':[" PNG "]}",
     "u['A'] a[call:c:read:{}] u[result:c(img)]", "tool-config"},
    {"text behind a call", USER("A") "," CALL("c") "," BOT("B") "," TOOL("c", "x"),
     "u['A'] a['B' call:c:read:{}] u[result:c('x')]", "merged-turns block-order tool-config"},
    {"text in front of it",
     USER("A") ",{'role':'assistant','content':'B','tool_calls':[" FN("c", "{}") "]}," TOOL("c",
                                                                                            "x"),
     "u['A'] a['B' call:c:read:{}] u[result:c('x')]", "tool-config"},
};

static void test_calls(void **state)
{
    CHECK_CASES(calls, SONNET37, "");
}

static const struct message_case inputs[] = {
    {"an object", USER("A") "," CALLS(FN("c", "{\\\"a\\\": 1.50}")) "," TOOL("c", "x"),
     "u['A'] a[call:c:read:{\"a\": 1.50}] u[result:c('x')]", "tool-config"},
    {"nothing", USER("A") "," CALLS(FN("c", "")) "," TOOL("c", "x"),
     "u['A'] a[call:c:read:{}] u[result:c('x')]", "tool-input tool-config"},
    {"broken off", USER("A") "," CALLS(FN("c", "{\\\"a\\\"")) "," TOOL("c", "x"),
     "u['A'] a[call:c:read:{\"invalid_arguments\":\"{\\\"a\\\"\"}] u[result:c('x')]",
     "tool-input tool-config"},
    {"a list", USER("A") "," CALLS(FN("c", "[1]")) "," TOOL("c", "x"),
     "u['A'] a[call:c:read:{\"invalid_arguments\":\"[1]\"}] u[result:c('x')]",
     "tool-input tool-config"},
};

static void test_inputs(void **state)
{
    CHECK_CASES(inputs, SONNET37, "");
}

static const struct message_case without_tools[] = {
    {"told", USER("A") "," CALLS(FN("c", "{\\\"a\\\":1}")) "," TOOL("c", "x"),
     "u['A'] a['[tool call c: read({\"a\":1})]'] u['[tool result for c: x]']", "tool-text"},
    {"nothing to tell", USER("A") "," BOT("B") "," USER("C"), "u['A'] a['B'] u['C']", ""},
};

static void test_models_without_tools(void **state)
{
    CHECK_CASES(without_tools, DEEPSEEK, "");
    CHECK_CASES(without_tools, TITAN, "");
}

#define OFFERED "'tools':[{'function':{'name':'read'}}],"
#define ASKED   USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL("c", "x")

static const struct {
    const char *tools; /* that the request brings */
    struct message_case expected;
    size_t offered;
} as_text[] = {
    {"",
     {"no tools", ASKED,
      "u['A'] a['[tool call c: read({})]' '[tool call d: read({})]'] "
      "u['[tool result for c: x]']",
      "tool-text"},
     0},
    {OFFERED,
     {"the request has tools", ASKED,
      "u['A'] a[call:c:read:{} call:d:read:{}] "
      "u[result:c('x') result:d!('[no result: the tool call was not answered]')]",
      "tool-result-missing"},
     1},
};

/* bedrock_neutralize_orphaned_tool_blocks */
static void test_tools_as_text(void **state)
{
    for (size_t i = 0; i < COUNT(as_text); i++) {
        struct planned p;
        size_t offered = 0;
        planned_init(&p, SONNET37);
        p.x.deployment.tools_as_text = true;
        check_planned(&p, &as_text[i].expected, as_text[i].tools);
        for (const struct llm_tool *t = p.x.plan.tools; t; t = t->next)
            offered++;
        assert_int_equal(offered, as_text[i].offered);
        planned_fini(&p);
    }
}

/* ---- thinking ------------------------------------------------------------------------------ */

static const struct message_case thoughts[] = {
    {"first", USER("A") "," THINKING(THOUGHT "," SECRET, "B") "," USER("C"),
     "u['A'] a[think secret 'B'] u['C']", ""},
    {"as parts of the content",
     USER("A") ",{'role':'assistant','content':[" THOUGHT "," T("B") "]}," USER("C"),
     "u['A'] a[think 'B'] u['C']", ""},
    {"behind text",
     USER("A") ",{'role':'assistant','content':[" T("B") "," THOUGHT "," SECRET
                                                         "," T("C") "]}," USER("D"),
     "u['A'] a[think secret 'B' 'C'] u['D']", "block-order"},
    {"behind the text of the message before",
     USER("A") "," BOT("B") "," THINKING(THOUGHT "," SECRET, "C") "," USER("D"),
     "u['A'] a[think secret 'B' 'C'] u['D']", "merged-turns block-order"},
    {"behind a call of the message before",
     USER("A") "," CALL("c") "," THINKING(THOUGHT "," SECRET, "C") "," TOOL("c", "x"),
     "u['A'] a[think secret 'C' call:c:read:{}] u[result:c('x')]",
     "merged-turns block-order tool-config"},
    {"behind other thinking",
     USER("A") "," THINKING(SECRET, "B") "," THINKING(THOUGHT, "C") "," USER("D"),
     "u['A'] a[secret 'B' think 'C'] u['D']", "merged-turns"},
    {"alone", USER("A") "," THINKING(THOUGHT, "") "," USER("B"), "u['A' 'B']",
     "merged-turns thinking-dropped"},
    {"last", USER("A") "," BOT("B") "," THINKING(THOUGHT, "") "," USER("C"),
     "u['A'] a[think 'B'] u['C']", "merged-turns block-order"},
    {"unsigned", USER("A") "," THINKING("{'type':'thinking','thinking':'t'}", "B") "," USER("C"),
     "u['A'] a['B'] u['C']", "thinking-dropped"},
    {"torn",
     USER("A") "," THINKING("{'type':'thinking','thinking':'','signature':'Eq=='}",
                            "B") "," USER("C"),
     "u['A'] a['B'] u['C']", "thinking-dropped"},
};

static const struct message_case foreign[] = {
    {"of Claude", USER("A") "," THINKING(THOUGHT, "B") "," USER("C"), "u['A'] a['B'] u['C']",
     "thinking-dropped"},
};

static void test_thinking_in_its_place(void **state)
{
    CHECK_CASES(thoughts, SONNET37, "");
    CHECK_CASES(foreign, NOVA2, "");
    CHECK_CASES(foreign, DEEPSEEK, "");
    CHECK_CASES(foreign, HAIKU3, "");
}

/* ---- documents, cache points, system ------------------------------------------------------- */

static const struct message_case documents[] = {
    {"alone", PARTS(DOC), "u[doc '(document attached)']", "document-text"},
    {"with a word", PARTS(DOC "," T("A")), "u[doc 'A']", ""},
    {"with a word of the next message", PARTS(DOC) "," USER("A"), "u[doc 'A']", "merged-turns"},
    {"an image alone", PARTS(PNG), "u[img]", ""},
    {"one cited", PARTS(CITED "," DOC "," T("A")), "u[cited cited 'A']", "citations"},
    {"one cited turns ago", PARTS(CITED "," T("A")) "," BOT("B") "," PARTS(DOC "," T("C")),
     "u[cited 'A'] a['B'] u[cited 'C']", "citations"},
    {"all cited", PARTS(CITED "," CITED "," T("A")), "u[cited cited 'A']", ""},
    {"none cited", PARTS(DOC "," DOC "," T("A")), "u[doc doc 'A']", ""},
};

static void test_documents(void **state)
{
    CHECK_CASES(documents, SONNET37, "");
}

static const struct message_case points[] = {
    {"behind a part", PARTS("{'type':'text','text':'A'," POINT "}," T("B")), "u['A' | 'B']", ""},
    {"behind a result",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) ",{'role':'tool','tool_call_id':'c',"
                                                          "'content':'x'," POINT
                                                          "}," TOOL("d", "y"),
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') | result:d('y')]", "tool-config"},
    {"behind a part of a result",
     USER("A") "," CALL("c") ",{'role':'tool','tool_call_id':'c','content':[{'type':'text',"
                             "'text':'x'," POINT "}," T("z") "]}",
     "u['A'] a[call:c:read:{}] u[result:c('x' 'z') |]", "tool-config"},
    {"behind a result that moves",
     USER("A") "," CALLS(FN("c", "{}") "," FN("d", "{}")) "," TOOL(
         "d", "y") ",{'role':'tool',"
                   "'tool_call_id':'c','content':'x'," POINT "}",
     "u['A'] a[call:c:read:{} call:d:read:{}] u[result:c('x') | result:d('y')]",
     "tool-result-order tool-config"},
    {"behind a result that is left out",
     USER("A") "," CALL("c") "," TOOL(
         "c", "x") ",{'role':'tool','tool_call_id':'c','content':'z'," POINT "}",
     "u['A'] a[call:c:read:{}] u[result:c('x')]", "tool-result-duplicate tool-config"},
    {"behind nothing", PARTS("{'type':'text','text':''," POINT "}," T("B")), "u['B']",
     "cache-points"},
};

static void test_cache_points_stay_with_their_blocks(void **state)
{
    CHECK_CASES(points, SONNET37, "");
}

static void test_system(void **state)
{
    static const struct {
        const char *model, *system, *messages, *repairs;
    } rows[] = {
        {SONNET37, "'S' 'P'", "u['A']", ""},
        {MISTRAL7, "", "u['S' 'P' 'A']", "system"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model,
                   "'messages':[{'role':'system','content':'S'},"
                   "{'role':'developer','content':[{'type':'text','text':'P'}]}," USER("A") "]");
        check_told(rows[i].model, tell_system(&p), rows[i].system);
        check_told(rows[i].model, tell_messages(&p), rows[i].messages);
        check_told(rows[i].model, tell_repairs(&p), rows[i].repairs);
        planned_fini(&p);
    }
}

static void test_the_guarded_text(void **state)
{
    static const struct message_case guarded[] = {
        {"the last one", PARTS(T("A") "," T("B")), "u['A' g'B']", ""},
        {"before media", PARTS(T("A") "," PNG), "u[g'A' img]", ""},
        {"none in results", USER("A") "," CALL("c") "," TOOL("c", "x"),
         "u['A'] a[call:c:read:{}] u[result:c('x')]", "tool-config"},
        {"none in a beginning", USER("A") "," BOT("B"), "u['A'] a['B']", ""},
    };
    CHECK_CASES(guarded, SONNET37, "'guardrailConfig':{'guardrailIdentifier':'g'},");
}

/* ---- an agent's conversation as it should be ------------------------------------------------ */

/* All kinds of messages that OpenAI's clients send, in their order: nothing is repaired. */
static void test_a_clean_conversation(void **state)
{
    struct planned p;
    planned_of(
        &p, SONNET45,
        "'tools':[{'type':'function','function':{'name':'read','description':'Reads.','"
        "parameters':"
        "{'type':'object','properties':{'path':{'type':'string'}},'required':['path']}}}],"
        "'tool_choice':'auto','max_tokens':4096,'temperature':0.2,'stop':['END'],"
        "'messages':[{'role':'system','content':[{'type':'text','text':'S'," POINT "}]}," USER(
            "A") ","
                 "{'role':'assistant','content':'','thinking_blocks':[" THOUGHT
                 "],'tool_calls':[" FN("c", "{\\\"path\\\":\\\"a\\\"}") "," FN(
                     "d",
                     "{\\\"pa"
                     "th\\\":"
                     "\\\"b\\"
                     "\"}") "]}," TOOL("c",
                                       "x") "," TOOL("d",
                                                     "") ","
                                                         "{'role':'assistant','content':null,'tool_"
                                                         "calls':"
                                                         "[" FN("e", "{}") "]}," TOOL(
                                                             "e",
                                                             "y") "," BOT("Done.") ",{'role':'user'"
                                                                                   ",'content':"
                                                                                   "[" T(
                                                                                       "B") "," PNG
                                                                                            ",{'"
                                                                                            "type':"
                                                                                            "'text'"
                                                                                            ",'"
                                                                                            "text':"
                                                                                            "'C'"
                                                                                            "," POINT
                                                                                            "}]}]");
    assert_true(p.planned);
    check_told("clean", tell_messages(&p),
               "u['A'] a[think call:c:read:{\"path\":\"a\"} call:d:read:{\"path\":\"b\"}] "
               "u[result:c('x') result:d()] a[call:e:read:{}] u[result:e('y')] a['Done.'] "
               "u['B' img 'C' |]");
    tell_body(&p);
    check_told("clean", tell_repairs(&p), "");
    planned_fini(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_the_end),
        cmocka_unit_test(test_calls),
        cmocka_unit_test(test_inputs),
        cmocka_unit_test(test_models_without_tools),
        cmocka_unit_test(test_tools_as_text),
        cmocka_unit_test(test_thinking_in_its_place),
        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_cache_points_stay_with_their_blocks),
        cmocka_unit_test(test_system),
        cmocka_unit_test(test_the_guarded_text),
        cmocka_unit_test(test_a_clean_conversation),
    };
    return cmocka_run_group_tests_name("plan_messages", tests, NULL, NULL);
}
