/* Titan text: the prompt and its settings, the answer at every split. */

#include "invoke_trace.h"

#include "titan.h"

#define PART(text) "{\"outputText\":\"" text "\",\"index\":0,\"completionReason\":null}"
#define LAST(reason, metrics)                                                                      \
    "{\"outputText\":\".\",\"index\":0,\"totalOutputTextTokenCount\":12,\"completionReason\":"     \
    "\"" reason "\",\"inputTextTokenCount\":25" metrics "}"
#define METRICS                                                                                    \
    ",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":26,\"outputTokenCount\":13}"

static void test_streams(void **state)
{
    static const struct {
        const char *chunks[4];
        const char *events;
    } rows[] = {
        {{PART("Hel"), PART("lo"), LAST("FINISH", METRICS), NULL},
         "start\ntext0 Hel\ntext0 lo\ntext0 .\nblock0\nstop 0\n"
         "used in 26 out 13 read 0 write 0 1h 0 thinking 0\nend\n"},
        {{LAST("LENGTH", ""), NULL},
         "start\ntext0 .\nblock0\nstop 3\nused in 25 out 12 read 0 write 0 1h 0 thinking 0\nend\n"},
        {{LAST("FINISH", ""),
          "{\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":26,"
          "\"outputTokenCount\":13},\"outputText\":\"late\"}",
          NULL},
         "start\ntext0 .\nblock0\nstop 0\nused in 26 out 13 read 0 write 0 1h 0 thinking 0\nend\n"},
        {{LAST("FINISH", ",\"amazon-bedrock-guardrailAction\":\"INTERVENED\","
                         "\"amazon-bedrock-trace\":{\"g\":1}" METRICS),
          NULL},
         "start\ntext0 .\nblock0\nstop 4\nnote  trace {\"g\":1}\n"
         "used in 26 out 13 read 0 write 0 1h 0 thinking 0\nend\n"},
        {{PART("Hel"), NULL},
         "start\ntext0 Hel\nfail 11 502 Bedrock's answer cannot be read: the stream ended before "
         "it was complete\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_stream(titan_decoder, rows[i].chunks, rows[i].events);
}

static void test_whole(void **state)
{
    static const struct {
        const char *reason;
        int stop;
    } rows[] = {{"FINISH", LLM_STOP_END_TURN},
                {"LENGTH", LLM_STOP_MAX_TOKENS},
                {"STOP_CRITERIA_MET", LLM_STOP_SEQUENCE},
                {"CONTENT_FILTERED", LLM_STOP_CONTENT_FILTER},
                {"FINISHED", LLM_STOP_END_TURN}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char body[300], events[300];
        snprintf(body, sizeof(body),
                 "{\"inputTextTokenCount\":25,\"results\":[{\"tokenCount\":12,\"outputText\":"
                 "\"Hi.\",\"completionReason\":\"%s\"}]}",
                 rows[i].reason);
        snprintf(events, sizeof(events),
                 "start\ntext0 Hi.\nblock0\nstop %d\n"
                 "used in 25 out 12 read 0 write 0 1h 0 thinking 0\nend\n",
                 rows[i].stop);
        check_trace(titan_decoder, false, slice_of(body), events);
    }
    check_trace(titan_decoder, false, SLICE("{\"results\":[{\"outputText\":\"x\"}]}"),
                "fail 11 502 Bedrock's answer cannot be read: it is not an answer of Titan's\n");
}

/* ---- the body ------------------------------------------------------------------------------ */

static struct llm_block text(const char *s)
{
    return (struct llm_block){.kind = LLM_TEXT, .text = slice_of(s)};
}

static void check_body(struct plan *p, const char *body)
{
    struct fixture x;
    struct llm_request empty;
    llm_request_init(&empty);
    if (!p->request)
        p->request = &empty;
    fixture_init(&x);
    assert_true(titan_write_body(p, &x.arena, &x.body, &x.failure));
    check_text(buf_slice(&x.body), body);
    fixture_fini(&x);
}

static void test_conversation(void **state)
{
    struct llm_block system = text("Be \"brief\"."), ask = text("Hi"), more = text("there"),
                     answer = text("Hello"), inner = text("22 C");
    struct llm_block result = {.kind = LLM_TOOL_RESULT, .id = SLICE("t1"), .content = &inner};
    struct llm_message first = {.role = LLM_USER, .blocks = &ask},
                       second = {.role = LLM_ASSISTANT, .blocks = &answer},
                       third = {.role = LLM_USER, .blocks = &result};
    struct plan p = {.system = &system, .messages = &first, .max_tokens = -1};
    ask.next = &more;
    check_body(&p, "{\"inputText\":\"\\n\\nUser: <admin>Be \\\"brief\\\".</admin>\\n\\nUser: Hi"
                   "\\n\\nUser: there\\n\\nBot: \",\"textGenerationConfig\":{}}");
    first.next = &second;
    p.system = NULL;
    check_body(&p, "{\"inputText\":\"\\n\\nUser: Hi\\n\\nUser: there\\n\\nBot: Hello\","
                   "\"textGenerationConfig\":{}}");
    second.next = &third;
    ask.next = NULL;
    check_body(&p, "{\"inputText\":\"\\n\\nUser: Hi\\n\\nBot: Hello\\n\\nUser: [tool result for "
                   "t1: 22 C]\\n\\nBot: \",\"textGenerationConfig\":{}}");
}

static void test_settings(void **state)
{
    struct fixture x;
    fixture_init(&x);
    struct slice stop[] = {SLICE("STOP"), SLICE("\n")};
    struct llm_extra extra = {.name = SLICE("topK"),
                              .value = json_parse(SLICE("5"), &x.arena, NULL)};
    struct llm_block ask = text("Hi");
    struct llm_message message = {.role = LLM_USER, .blocks = &ask};
    struct plan p = {.messages = &message,
                     .max_tokens = 50,
                     .temperature = json_parse(SLICE("0.50"), &x.arena, NULL),
                     .top_p = json_parse(SLICE("1"), &x.arena, NULL),
                     .stop = stop,
                     .stop_count = 2,
                     .fields = &extra};
    check_body(&p, "{\"inputText\":\"\\n\\nUser: Hi\\n\\nBot: \",\"textGenerationConfig\":{"
                   "\"temperature\":0.50,\"topP\":1,\"stopSequences\":[\"STOP\",\"\\n\"],"
                   "\"maxTokenCount\":50,\"topK\":5}}");
    fixture_fini(&x);
}

static void test_media(void **state)
{
    static const enum llm_block_kind kinds[] = {LLM_IMAGE, LLM_DOCUMENT, LLM_VIDEO};
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
        struct fixture x;
        struct llm_block media = {.kind = kinds[i]};
        struct llm_block result = {.kind = LLM_TOOL_RESULT, .content = &media};
        struct llm_message message = {.role = LLM_USER, .blocks = i ? &media : &result};
        struct plan p = {.messages = &message};
        fixture_init(&x);
        assert_false(titan_write_body(&p, &x.arena, &x.body, &x.failure));
        assert_int_equal(x.failure.status, 400);
        check_text(x.failure.param, "messages");
        fixture_fini(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_streams),      cmocka_unit_test(test_whole),
        cmocka_unit_test(test_conversation), cmocka_unit_test(test_settings),
        cmocka_unit_test(test_media),
    };
    return cmocka_run_group_tests_name("titan", tests, NULL, NULL);
}
