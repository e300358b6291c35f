/* What is answered to what, whole. */

#include "answer.h"
#include "check.h"
#include "reply.h"
#include "signature.h"

#define WEATHER                                                                                    \
    "{'toolSpec':{'name':'get_weather','inputSchema':{'json':{'type':'object','properties':"       \
    "{'city':{'type':'string'}},'required':['city']}}}}"
#define READ                                                                                       \
    "{'toolSpec':{'name':'readFile','inputSchema':{'json':{'type':'object','properties':"          \
    "{'path':{'type':'string'}},'required':['path']}}}}"
#define DONE            "{'toolSpec':{'name':'attempt_completion','inputSchema':{'json':{'type':'object'}}}}"
#define ASK(text, more) "{'messages':[{'role':'user','content':[{'text':'" text "'}]}]" more "}"
#define TOOLS(tools)    ",'toolConfig':{'tools':[" tools "]}"
#define FORCED(choice)  ",'toolConfig':{'tools':[" WEATHER "," READ "],'toolChoice':" choice "}"
#define LIMITS(json)    ",'inferenceConfig':{" json "}"
#define FIELDS(paths)   ",'additionalModelResponseFieldPaths':[" paths "]"
#define THINK           ",'additionalModelRequestFields':{'thinking':{'type':'enabled','budget_tokens':1024}}"

struct world {
    struct arena arena;
    struct script script;
    struct answer answer;
    yyjson_val *body;
};

static void ask(struct world *w, const char *model, const char *text)
{
    struct fault f = {0};
    arena_init(&w->arena);
    const struct slice json = json_text(&w->arena, text);
    w->body = json_parse(json, &w->arena, NULL);
    assert_non_null(w->body);
    const struct slice prompt =
        json_get_slice(yyjson_arr_get_first(
                           json_get(yyjson_arr_get_last(json_get(w->body, "messages")), "content")),
                       "text");
    assert_true(script_parse(prompt, &w->arena, &w->script, &f));
    const struct model *m = model_find(slice_of(model));
    const struct usage usage = usage_of_request(w->body, m, NULL, 0, &w->arena);
    const struct question q = {
        .body = w->body, .text = json, .model = m, .script = &w->script, .arena = &w->arena};
    answer_make(&q, &usage, &w->answer);
}

/* "text:…|tool:name{…}" and the stop reason behind a space. */
static struct slice told(struct world *w)
{
    struct buf out;
    buf_init(&out, 1 << 20);
    for (size_t i = 0; i < w->answer.n; i++) {
        const struct answer_block *b = &w->answer.blocks[i];
        buf_addf(&out, "%s%s:%.*s%.*s", i ? "|" : "",
                 b->kind == BLOCK_TOOL_USE    ? "tool"
                 : b->kind == BLOCK_REASONING ? "thinking"
                                              : "text",
                 SLICE_ARG(b->name), SLICE_ARG(b->text));
    }
    buf_addf(&out, " %.*s", SLICE_ARG(w->answer.stop));
    const struct slice s = arena_dup(&w->arena, buf_slice(&out));
    buf_fini(&out);
    return s;
}

static void test_answers(void **state)
{
    static const struct {
        const char *body, *told;
    } cases[] = {
        {ASK("Grüße, wie geht es?", ""), NULL},
        {ASK("hello there", ""),
         "text:You said: \"hello there\" This is the simulated Bedrock: no model has read your "
         "message, the answer is made from its words. It has 2 words, and the conversation has 1 "
         "message. With AWS credentials the same request would reach a real model. end_turn"},
        {ASK("hello", TOOLS(WEATHER)), "text:You said: \"hello\"…"},
        {ASK("weather in Oslo?", TOOLS(READ "," WEATHER)),
         "text:Let me call get_weather.|tool:get_weather{'city':'Oslo'} tool_use"},
        {ASK("please read notes.txt", TOOLS(WEATHER "," READ)),
         "text:Let me call readFile.|tool:readFile{'path':'notes.txt'} tool_use"},
        {ASK("use a tool", TOOLS(READ "," WEATHER)),
         "text:Let me call readFile.|tool:readFile{'path':'.'} tool_use"},
        {ASK("weather in Oslo and Rome", TOOLS(WEATHER)),
         "text:Let me call get_weather.|tool:get_weather{'city':'Oslo'}|"
         "tool:get_weather{'city':'Rome'} tool_use"},
        {ASK("weather in Oslo and Rome",
             TOOLS(WEATHER) ",'additionalModelRequestFields':{'tool_choice':{'type':'auto',"
                            "'disable_parallel_tool_use':true}}"),
         "text:Let me call get_weather.|tool:get_weather{'city':'Oslo'} tool_use"},
        {ASK("call get_weather for Oslo and readFile on a.txt", TOOLS(WEATHER "," READ)),
         "text:Let me call get_weather.|tool:get_weather{'city':'Oslo'}|"
         "tool:readFile{'path':'a.txt'} tool_use"},
        {ASK("hello", FORCED("{'any':{}}")), "tool:get_weather{'city':'hello'} tool_use"},
        {ASK("hello", FORCED("{'tool':{'name':'readFile'}}")),
         "tool:readFile{'path':'.'} tool_use"},
        {ASK("hello", FORCED("{'auto':{}}")), "text:You said…"},
        {ASK("x", ",'outputConfig':{'textFormat':{'type':'json_schema','structure':{'jsonSchema':"
                  "{'schema':'{\\'type\\':\\'object\\',\\'properties\\':{\\'n\\':{\\'type\\':"
                  "\\'integer\\'}},\\'required\\':[\\'n\\']}'}}}}"),
         "text:{'n':1} end_turn"},
        {ASK("[[sim:reply(one STOP two END)]]", LIMITS("'stopSequences':['END','STOP']")),
         "text:one  stop_sequence"},
        {ASK("[[sim:reply(STOP)]]", LIMITS("'stopSequences':['STOP']")), " stop_sequence"},
        {ASK("[[sim:reply(äöüäöü)]]", LIMITS("'maxTokens':2")), "text:äöüä max_tokens"},
        {ASK("[[sim:reply(abcdefgh)]]", LIMITS("'maxTokens':2")), "text:abcdefgh end_turn"},
        {ASK("[[sim:tool(get_weather,{\\'city\\':\\'Oslo\\'})]]", LIMITS("'maxTokens':2")),
         "tool:get_weather{'city': max_tokens"},
        {ASK("[[sim:tool(a)]] [[sim:tool(b,{\\'c\\':1})]]", ""), "tool:a{}|tool:b{'c':1} tool_use"},
        {ASK("[[sim:chunks(3,4)]]", ""), "text:lorem ipsum  end_turn"},
        {ASK("[[sim:empty]]", ""), " end_turn"},
        {ASK("[[sim:stop(content_filtered)]] [[sim:reply(x)]]", ""), "text:x content_filtered"},
        {ASK("[[sim:echo]]", LIMITS("'maxTokens':1")),
         "text:" ASK("[[sim:echo]]", LIMITS("'maxTokens':1")) " end_turn"},
        {ASK("hello", TOOLS(DONE)), "tool:attempt_completion{'result':'You said: \\'hello\\'…"},
        {ASK("hello", ",'system':[{'text':'use <attempt_completion>'}]"),
         "text:<attempt_completion>\n<result>\nYou said…"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        ask(&w, SONNET, cases[i].body);
        const struct slice got = told(&w);
        if (!cases[i].told)
            assert_true(slice_find(got, SLICE("Grüße")) > 0);
        else if (strstr(cases[i].told, "You said: \""))
            check_text(cases[i].body, got, cases[i].told);
        else
            check_text(cases[i].body, got, json_text(&w.arena, cases[i].told).p);
        arena_fini(&w.arena);
    }
}

static void test_results(void **state)
{
    struct world w;
    ask(&w, SONNET,
        "{'messages':[{'role':'user','content':[{'text':'weather in Oslo'}]},{'role':'assistant',"
        "'content':[{'toolUse':{'toolUseId':'x','name':'get_weather','input':{}}},{'toolUse':"
        "{'toolUseId':'y','name':'readFile','input':{}}}]},{'role':'user','content':["
        "{'toolResult':{'toolUseId':'x','content':[{'text':'22 °C'}]}},{'toolResult':"
        "{'toolUseId':'y','status':'error','content':[{'json':{'no':1}}]}}]}]" TOOLS(WEATHER) "}");
    check_text("results", told(&w),
               json_text(&w.arena, "text:get_weather returned: 22 °C\nreadFile failed with: "
                                   "{'no':1} end_turn")
                   .p);
    arena_fini(&w.arena);
}

static void test_media(void **state)
{
    struct world w;
    ask(&w, SONNET,
        "{'messages':[{'role':'user','content':[{'text':'what?'},{'image':{'format':'png',"
        "'source':{'bytes':'aa'}}}]}]}");
    assert_true(slice_find(w.answer.blocks[0].text, SLICE("I received 1 image.")) > 0);
    assert_true(w.answer.usage.input > 1500);
    arena_fini(&w.arena);
}

static void test_citations(void **state)
{
    static const struct {
        const char *directive, *document, *cited, *title;
    } cases[] = {
        {"[[sim:cite]]", "", "the words of the source", "document"},
        {"[[sim:cite(these words)]]", "", "these words", "document"},
        {"[[sim:cite]]", "{'document':{'name':'a','source':{'text':'of the file'}}},",
         "of the file", "a"},
        {"[[sim:cite(b)]]", "{'document':{'name':'a','source':{'bytes':'AAAA'}}},", "b", "a"},
        {"", "{'document':{'name':'a','source':{'text':'b'}}},", "", ""},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        char body[512];
        snprintf(body, sizeof(body),
                 "{'messages':[{'role':'user','content':[{'text':'hi'}]},{'role':'assistant',"
                 "'content':[{'text':'x'}]},{'role':'user','content':[{'text':'%s'},%s{'text':"
                 "'y'}]}]}",
                 cases[i].directive, cases[i].document);
        ask(&w, SONNET, body);
        check_same(body, w.answer.blocks[0].cited, cases[i].cited);
        check_same(body, w.answer.blocks[0].title, cases[i].title);
        arena_fini(&w.arena);
    }
}

/* Told where the request asks for it, and there was thinking. */
static void test_thinking_tokens(void **state)
{
    static const struct {
        const char *body;
        bool told;
    } cases[] = {
        {ASK("hi", THINK FIELDS("'/usage/output_tokens_details'")), true},
        {ASK("hi", THINK FIELDS("'/stop_sequence'")), false},
        {ASK("hi", FIELDS("'/usage/output_tokens_details'")), false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        struct buf out;
        buf_init(&out, 1 << 20);
        ask(&w, SONNET, cases[i].body);
        reply_write(&w.answer, 0, &out);
        yyjson_val *fields =
            json_get(json_parse(buf_slice(&out), &w.arena, NULL), "additionalModelResponseFields");
        int64_t tokens = 0;
        json_int(json_get(json_get(json_get(fields, "usage"), "output_tokens_details"),
                          "thinking_tokens"),
                 &tokens);
        assert_int_equal(tokens, cases[i].told ? usage_tokens(w.answer.blocks[0].text.n) : 0);
        buf_fini(&out);
        arena_fini(&w.arena);
    }
}

static void test_thinking(void **state)
{
    struct world w;
    ask(&w, SONNET, ASK("weather in Oslo", TOOLS(WEATHER) THINK));
    assert_int_equal(w.answer.n, 3);
    assert_int_equal(w.answer.blocks[0].kind, BLOCK_REASONING);
    assert_true(w.answer.blocks[0].text.n > 0);
    assert_true(signature_good(w.answer.blocks[0].text, w.answer.blocks[0].signature, &w.arena));
    arena_fini(&w.arena);
    /* Where the text is not shown, the signature comes alone. */
    ask(&w, "us.anthropic.claude-opus-5-5", ASK("hello", ""));
    assert_int_equal(w.answer.blocks[0].kind, BLOCK_REASONING);
    assert_int_equal(w.answer.blocks[0].text.n, 0);
    assert_true(signature_good(SLICE(""), w.answer.blocks[0].signature, &w.arena));
    arena_fini(&w.arena);
    ask(&w, OPUS47,
        ASK("hello", ",'additionalModelRequestFields':{'thinking':{'type':'adaptive','display':"
                     "'summarized'}}"));
    assert_true(w.answer.blocks[0].kind == BLOCK_REASONING && w.answer.blocks[0].text.n > 0);
    arena_fini(&w.arena);
    ask(&w, SONNET, ASK("[[sim:redacted]]", THINK));
    assert_true(w.answer.blocks[0].redacted);
    assert_true(redacted_good(w.answer.blocks[0].text, &w.arena));
    arena_fini(&w.arena);
    /* Cut by the token limit, the thinking that is told still has its signature. */
    ask(&w, SONNET, ASK("hello", THINK LIMITS("'maxTokens':3")));
    assert_int_equal(w.answer.n, 1);
    assert_true(signature_good(w.answer.blocks[0].text, w.answer.blocks[0].signature, &w.arena));
    arena_fini(&w.arena);
}

static void test_usage(void **state)
{
    struct world w;
    ask(&w, SONNET, ASK("[[sim:reply(12345678)]]", ""));
    assert_int_equal(w.answer.usage.output, 2);
    arena_fini(&w.arena);
    ask(&w, SONNET, ASK("[[sim:usage(1,2,3,4)]]", ""));
    assert_int_equal(usage_total(&w.answer.usage), 10);
    arena_fini(&w.arena);
}

static void test_ids(void **state)
{
    struct world w, again;
    const char *body = ASK("weather in Oslo and Rome", TOOLS(WEATHER));
    ask(&w, SONNET, body);
    ask(&again, SONNET, body);
    const struct slice first = w.answer.blocks[1].id, second = w.answer.blocks[2].id;
    assert_true(slice_starts(first, SLICE("tooluse_")) && first.n <= 64);
    assert_false(slice_eq(first, second));
    assert_true(slice_eq(first, again.answer.blocks[1].id));
    arena_fini(&w.arena);
    arena_fini(&again.arena);
}

static void test_whole(void **state)
{
    static const struct {
        const char *body, *reply;
    } cases[] = {
        {ASK("[[sim:reply(hi)]] [[sim:usage(1,2)]]", ""),
         "{'output':{'message':{'role':'assistant','content':[{'text':'hi'}]}},'stopReason':"
         "'end_turn','usage':{'inputTokens':1,'outputTokens':2,'totalTokens':3,"
         "'cacheReadInputTokens':0,'cacheWriteInputTokens':0},'metrics':{'latencyMs':5}}"},
        {ASK("[[sim:tool(a,{\\'b\\':1})]] [[sim:usage(1,2,3,4)]]",
             ",'serviceTier':{'type':'flex'},'performanceConfig':{'latency':'standard'}"),
         "{'output':{'message':{'role':'assistant','content':[{'toolUse':{'toolUseId':'…"},
        {ASK("[[sim:tool(get,{\\'a\\':\\'bcdefgh\\'})]] [[sim:usage(1,2)]]",
             LIMITS("'maxTokens':2")),
         "{'output':{'message':{'role':'assistant','content':[]}},'stopReason':'max_tokens',…"},
        {ASK("[[sim:reply(a STOP)]] [[sim:usage(1,2)]]",
             LIMITS("'stopSequences':['STOP']") ",'additionalModelResponseFieldPaths':"
                                                "['/stop_sequence']"),
         "{'output':{'message':{'role':'assistant','content':[{'text':'a '}]}},'stopReason':"
         "'stop_sequence','additionalModelResponseFields':{'stop_sequence':'STOP'},'usage'…"},
        {ASK("[[sim:redacted]] [[sim:usage(1,2)]]", THINK),
         "{'output':{'message':{'role':'assistant','content':[{'reasoningContent':{"
         "'redactedContent':'…"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        struct buf out;
        ask(&w, SONNET, cases[i].body);
        buf_init(&out, 1 << 20);
        reply_write(&w.answer, 5, &out);
        check_text(cases[i].body, buf_slice(&out), json_text(&w.arena, cases[i].reply).p);
        yyjson_val *reply = json_parse(buf_slice(&out), &w.arena, NULL);
        assert_non_null(reply);
        if (i == 1) {
            check_text("tier", json_get_slice(json_get(reply, "serviceTier"), "type"), "flex");
            check_text("latency", json_get_slice(json_get(reply, "performanceConfig"), "latency"),
                       "standard");
        }
        buf_fini(&out);
        arena_fini(&w.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_answers),   cmocka_unit_test(test_results),
        cmocka_unit_test(test_media),     cmocka_unit_test(test_thinking),
        cmocka_unit_test(test_citations), cmocka_unit_test(test_thinking_tokens),
        cmocka_unit_test(test_usage),     cmocka_unit_test(test_ids),
        cmocka_unit_test(test_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
