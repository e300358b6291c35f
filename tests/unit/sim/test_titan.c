/* Titan text: its body as Converse's, its answer, its chunks. */

#include "check.h"
#include "titan.h"

#include "wire/crypto.h"
#include "wire/eventstream.h"

static void test_translation(void **state)
{
    struct arena a;
    struct buf out;
    struct json_writer w;
    arena_init(&a);
    buf_init(&out, 1 << 16);
    yyjson_val *body = json_of(&a, "{'inputText':'hi','textGenerationConfig':{'maxTokenCount':5,"
                                   "'topP':0.9,'stopSequences':['x']}}");
    json_begin(&w, &out);
    json_value(&w, titan_to_converse(body, &a));
    check_same("body", buf_slice(&out),
               json_text(&a, "{'messages':[{'role':'user','content':[{'text':'hi'}]}],"
                             "'inferenceConfig':{'maxTokens':5,'stopSequences':['x'],'topP':0.9}}")
                   .p);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_reasons(void **state)
{
    static const char *const stops[][2] = {{"end_turn", "FINISH"},
                                           {"max_tokens", "LENGTH"},
                                           {"stop_sequence", "STOP_CRITERIA_MET"},
                                           {"content_filtered", "CONTENT_FILTERED"},
                                           {"RAG_QUERY", "RAG_QUERY"}};
    for (size_t i = 0; i < COUNT(stops); i++) {
        struct arena a;
        struct buf out;
        const struct answer answer = {.stop = slice_of(stops[i][0]),
                                      .usage = {.input = 3, .output = 1}};
        arena_init(&a);
        buf_init(&out, 1 << 16);
        titan_write(&answer, &out);
        const struct slice expected =
            arena_printf(&a,
                         "{'inputTextTokenCount':3,'results':[{'tokenCount':1,'outputText':'',"
                         "'completionReason':'%s'}]}",
                         stops[i][1]);
        check_same(stops[i][0], buf_slice(&out), json_text(&a, expected.p).p);
        buf_fini(&out);
        arena_fini(&a);
    }
}

static bool on_message(void *user, const struct eventstream_message *m)
{
    struct arena a;
    struct slice event;
    arena_init(&a);
    check_same("event type", m->event_type, "chunk");
    assert_true(
        base64_decode(json_get_slice(json_parse(m->payload, &a, NULL), "bytes"), &a, &event));
    buf_add(user, event);
    buf_add_char(user, '\n');
    arena_fini(&a);
    return true;
}

static void check_stream(const struct answer *answer, const char *expected)
{
    struct arena a;
    struct buf events;
    struct script script;
    struct fault f = {0};
    struct plan plan;
    struct eventstream es;
    const struct pace pace = {.first_ms = 7, .gap_ms = 2, .chunk_bytes = 2};
    arena_init(&a);
    buf_init(&events, 1 << 16);
    plan_init(&plan);
    eventstream_init(&es);
    assert_true(script_parse(SLICE(""), &a, &script, &f));
    plan_stream(&plan, answer, &script, &pace);
    assert_int_equal(eventstream_feed(&es, buf_slice(&plan.bytes), on_message, &events), ES_OK);
    check_same("events", buf_slice(&events), json_text(&a, expected).p);
    eventstream_fini(&es);
    plan_fini(&plan);
    buf_fini(&events);
    arena_fini(&a);
}

#define CHUNK(text, output, reason, input)                                                         \
    "{'outputText':'" text "','index':0,'totalOutputTextTokenCount':" output                       \
    ",'completionReason':" reason ",'inputTextTokenCount':" input
#define METRICS(latency)                                                                           \
    ",'amazon-bedrock-invocationMetrics':{'inputTokenCount':3,'outputTokenCount':1,"               \
    "'invocationLatency':" latency ",'firstByteLatency':7}}\n"

static void test_stream(void **state)
{
    struct answer answer = {.grammar = GRAMMAR_TITAN,
                            .blocks = {{.kind = BLOCK_TEXT, .text = SLICE("hello")}},
                            .n = 1,
                            .stop = SLICE("end_turn"),
                            .usage = {.input = 3, .output = 1}};
    check_stream(&answer, CHUNK("he", "null", "null", "3") "}\n" CHUNK(
                              "ll", "null", "null", "null") "}\n" CHUNK("o", "1", "'FINISH'",
                                                                        "null") METRICS("9"));
    answer.n = 0;
    check_stream(&answer, CHUNK("", "1", "'FINISH'", "3") METRICS("7"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_translation),
                                       cmocka_unit_test(test_reasons),
                                       cmocka_unit_test(test_stream)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
