/* Anthropic's events and messages over InvokeModel, at every split. */

#include "invoke_trace.h"

#include "anthropic.h"

#define START                                                                                      \
    "{\"type\":\"message_start\",\"message\":{\"id\":\"msg\",\"content\":[],\"stop_reason\":null," \
    "\"usage\":{\"input_tokens\":25,\"cache_creation_input_tokens\":0,"                            \
    "\"cache_read_input_tokens\":0,\"output_tokens\":1}}}"
#define DELTA(reason)                                                                              \
    "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason                             \
    "\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":12}}"
#define STOP                                                                                       \
    "{\"type\":\"message_stop\",\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":25,"     \
    "\"outputTokenCount\":12,\"invocationLatency\":321,\"firstByteLatency\":123}}"
#define USED "used in 25 out 12 read 0 write 0 1h 0 thinking 0\n"

static void test_all_blocks(void **state)
{
    static const char *const chunks[] = {
        START,
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":\"thinking\","
        "\"thinking\":\"\",\"signature\":\"\"}}",
        "{\"type\":\"ping\"}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"thinking_delta\","
        "\"thinking\":\"I need\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"signature_delta\","
        "\"signature\":\"EqoB+/==\"}}",
        "{\"type\":\"content_block_stop\",\"index\":0}",
        "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
        "\"redacted_thinking\",\"data\":\"AAAA\"}}",
        "{\"type\":\"content_block_stop\",\"index\":1}",
        "{\"type\":\"content_block_start\",\"index\":2,\"content_block\":{\"type\":\"text\","
        "\"text\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"text_delta\","
        "\"text\":\"Größe \\\"x\\\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":\"citations_delta\","
        "\"citation\":{\"type\":\"page_location\",\"document_index\":0}}}",
        "{\"type\":\"content_block_stop\",\"index\":2}",
        "{\"type\":\"content_block_start\",\"index\":3,\"content_block\":{\"type\":\"tool_use\","
        "\"id\":\"toolu_1\",\"name\":\"look\",\"input\":{}}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"\"}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{\\\"a\\\":\"}}",
        "{\"type\":\"content_block_delta\",\"index\":3,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"1}\"}}",
        "{\"type\":\"content_block_stop\",\"index\":3}",
        "{\"type\":\"content_block_start\",\"index\":4,\"content_block\":{\"type\":\"tool_use\","
        "\"id\":\"toolu_2\",\"name\":\"wait\",\"input\":{}}}",
        "{\"type\":\"content_block_stop\",\"index\":4}",
        "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"tool_use\"},\"usage\":{"
        "\"output_tokens\":12,\"output_tokens_details\":{\"thinking_tokens\":5}}}",
        STOP,
        NULL,
    };
    check_stream(anthropic_decoder, chunks,
                 "start\n"
                 "thinking0 I need\n"
                 "signature0 EqoB+/==\n"
                 "block0\n"
                 "redacted1 AAAA\n"
                 "block1\n"
                 "text2 Größe \"x\"\n"
                 "citation2 {\"type\":\"page_location\",\"document_index\":0}\n"
                 "block2\n"
                 "tool3 toolu_1 look\n"
                 "args3 {\"a\":\n"
                 "args3 1}\n"
                 "block3\n"
                 "tool4 toolu_2 wait\n"
                 "args4 {}\n"
                 "block4\n"
                 "stop 2\n"
                 "used in 25 out 12 read 0 write 0 1h 0 thinking 5\n"
                 "end\n");
}

/* Counts repeat each other in up to three events, in any of them, and never add up. */
static void test_usage(void **state)
{
    static const struct {
        const char *start, *delta, *stop, *used;
    } rows[] = {
        {"{\"input_tokens\":10,\"cache_creation_input_tokens\":500,\"cache_read_input_tokens\":"
         "1500,\"output_tokens\":1}",
         "{\"output_tokens\":12}",
         "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":10,\"outputTokenCount\":12,"
         "\"cacheReadInputTokenCount\":1500,\"cacheWriteInputTokenCount\":500}",
         "used in 10 out 12 read 1500 write 500 1h 0 thinking 0\n"},
        {"{\"input_tokens\":10,\"output_tokens\":1}", "{\"output_tokens\":12}",
         "\"usage\":{\"input_tokens\":10,\"output_tokens\":12,\"cache_read_input_tokens\":7,"
         "\"cache_creation_input_tokens\":3}",
         "used in 10 out 12 read 7 write 3 1h 0 thinking 0\n"},
        {"{\"input_tokens\":10,\"cache_creation\":{\"ephemeral_5m_input_tokens\":20,"
         "\"ephemeral_1h_input_tokens\":30},\"output_tokens\":1}",
         "{\"input_tokens\":10,\"output_tokens\":12,\"cache_read_input_tokens\":0,"
         "\"output_tokens_details\":{\"thinking_tokens\":5}}",
         "\"x\":0", "used in 10 out 12 read 0 write 50 1h 30 thinking 5\n"},
        {"null", "null",
         "\"amazon-bedrock-invocationMetrics\":{\"inputTokenCount\":4,\"outputTokenCount\":2}",
         "used in 4 out 2 read 0 write 0 1h 0 thinking 0\n"},
        {"null", "null", "\"x\":0", ""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char text[3][600], events[200];
        const char *chunks[] = {text[0], text[1], text[2], NULL};
        snprintf(text[0], sizeof(text[0]),
                 "{\"type\":\"message_start\",\"message\":{\"usage\":%s}}", rows[i].start);
        snprintf(text[1], sizeof(text[1]),
                 "{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"},"
                 "\"usage\":%s}",
                 rows[i].delta);
        snprintf(text[2], sizeof(text[2]), "{\"type\":\"message_stop\",%s}", rows[i].stop);
        snprintf(events, sizeof(events), "start\nstop 0\n%send\n", rows[i].used);
        check_stream(anthropic_decoder, chunks, events);
    }
}

static void test_reasons(void **state)
{
    static const struct {
        const char *delta; /* the members of message_delta */
        const char *events;
    } rows[] = {
        {"\"delta\":{\"stop_reason\":\"end_turn\"}", "stop 0\n"},
        {"\"delta\":{\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"STOP\"}",
         "stop 1 STOP\n"},
        {"\"delta\":{\"stop_reason\":\"max_tokens\"}", "stop 3\n"},
        {"\"delta\":{\"stop_reason\":\"refusal\"}", "stop 4\n"},
        {"\"delta\":{\"stop_reason\":\"model_context_window_exceeded\"}", "stop 5\n"},
        {"\"delta\":{\"stop_reason\":\"pause_turn\"}", "stop 8  pause_turn\n"},
        {"\"delta\":{\"stop_reason\":\"later\"}", "stop 8  later\n"},
        {"\"delta\":{\"stop_reason\":null}", "stop 0\n"},
        {"\"delta\":{\"stop_reason\":\"end_turn\"},"
         "\"amazon-bedrock-guardrailAction\":\"INTERVENED\"",
         "stop 4\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        char delta[300], events[200];
        const char *chunks[] = {START, delta, STOP, NULL};
        snprintf(delta, sizeof(delta), "{\"type\":\"message_delta\",%s}", rows[i].delta);
        snprintf(events, sizeof(events),
                 "start\n%sused in 25 out 12 read 0 write 0 1h 0 thinking 0\nend\n",
                 rows[i].events);
        check_stream(anthropic_decoder, chunks, events);
    }
}

/* Blocks of server tools, and what comes later, are no calls of the client's: they pass as they
 * are.
 */
static void test_foreign(void **state)
{
    static const char *const chunks[] = {
        START,
        "{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
        "\"server_tool_use\",\"id\":\"s\",\"name\":\"web\",\"input\":{}}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"input_json_delta\","
        "\"partial_json\":\"{}\"}}",
        "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":\"later_delta\"}}",
        "{\"type\":\"later\"}",
        "{}",
        "[]",
        DELTA("end_turn"),
        STOP,
        NULL,
    };
    check_stream(anthropic_decoder, chunks,
                 "start\nforeign0 "
                 "{\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":\"web\",\"input\":{}}\n"
                 "foreign0 {\"type\":\"input_json_delta\",\"partial_json\":\"{}\"}\n"
                 "foreign0 {\"type\":\"later_delta\"}\nstop 0\n" USED "end\n");
}

static void test_ends(void **state)
{
    static const struct {
        const char *chunks[5];
        const char *events;
    } rows[] = {
        {{NULL},
         "fail 11 502 Bedrock's answer cannot be read: the stream ended before it was "
         "complete\n"},
        {{START, NULL},
         "start\nfail 11 502 Bedrock's answer cannot be read: the stream ended "
         "before it was complete\n"},
        {{START, DELTA("end_turn"), NULL}, "start\nstop 0\n" USED "end\n"},
        {{START, STOP, DELTA("end_turn"), NULL}, "start\nstop 0\n" USED "end\n"},
        {{START,
          "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":"
          "\"Overloaded\"}}",
          STOP, NULL},
         "start\nfail 10 503 ServiceUnavailableException: Overloaded\n"},
        {{"{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\",\"message\":"
          "\"prompt is too long: 9 > 8\"}}",
          NULL},
         "fail 3 400 ValidationException: prompt is too long: 9 > 8\n"},
        {{"{\"type\":\"error\"}", NULL}, "fail 10 500 InternalServerException: \n"},
        {{START, "{", NULL},
         "start\nfail 11 502 Bedrock's answer cannot be read: an event is not JSON\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_stream(anthropic_decoder, rows[i].chunks, rows[i].events);
}

static void test_whole(void **state)
{
    static const struct {
        const char *body, *events;
    } rows[] = {
        {"{\"type\":\"message\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"Hm.\","
         "\"signature\":\"Eq==\"},{\"type\":\"redacted_thinking\",\"data\":\"AA\"},"
         "{\"type\":\"text\",\"text\":\"See.\",\"citations\":[{\"a\":1},{\"a\":2}]},"
         "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"n\",\"input\":{\"x\": 1.50}},"
         "{\"type\":\"tool_use\",\"id\":\"u\",\"name\":\"m\",\"input\":{}}],"
         "\"stop_reason\":\"tool_use\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":25,"
         "\"output_tokens\":12,\"output_tokens_details\":{\"thinking_tokens\":3}}}",
         "start\nthinking0 Hm.\nsignature0 Eq==\nblock0\nredacted1 AA\nblock1\ntext2 See.\n"
         "citation2 {\"a\":1}\ncitation2 {\"a\":2}\nblock2\ntool3 t n\nargs3 {\"x\": "
         "1.50}\nblock3\n"
         "tool4 u m\nargs4 {}\nblock4\nstop 2\nused in 25 out 12 read 0 write 0 1h 0 "
         "thinking 3\nend\n"},
        {"{\"content\":[],\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"X\"}",
         "start\nstop 1 X\nend\n"},
        {"{\"content\":[],\"stop_reason\":\"end_turn\",\"amazon-bedrock-guardrailAction\":"
         "\"INTERVENED\",\"amazon-bedrock-trace\":{\"guardrail\":{}}}",
         "start\nstop 4\nnote  trace {\"guardrail\":{}}\nend\n"},
        {"{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":\"slow\"}}",
         "fail 8 429 ThrottlingException: slow\n"},
        {"{\"content\":[]}",
         "fail 11 502 Bedrock's answer cannot be read: it is not a message of Anthropic's\n"},
        {"{\"stop_reason\":\"end_turn\"}",
         "fail 11 502 Bedrock's answer cannot be read: it is not a message of Anthropic's\n"},
        {"<html>",
         "fail 11 502 Bedrock's answer cannot be read: it is not a message of Anthropic's\n"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_trace(anthropic_decoder, false, slice_of(rows[i].body), rows[i].events);
}

/* What a frame must hold: base64 of JSON. */
static void test_bad_frames(void **state)
{
    static const char *const payloads[] = {"{}", "{\"bytes\":1}", "{\"bytes\":\"*\"}",
                                           "{\"bytes\":\"e30\"", "{\"bytes\":\"\"}"};
    struct eventstream_header h[] = {{SLICE(":event-type"), SLICE("chunk")},
                                     {SLICE(":message-type"), SLICE("event")}};
    for (size_t i = 0; i < sizeof(payloads) / sizeof(*payloads); i++) {
        struct buf frames;
        buf_init(&frames, 1 << 20);
        eventstream_write(&frames, h, 2, slice_of(payloads[i]));
        check_trace(anthropic_decoder, true, buf_slice(&frames),
                    "fail 11 502 Bedrock's answer cannot be read: an event is not JSON\n");
        buf_fini(&frames);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_blocks), cmocka_unit_test(test_usage),
        cmocka_unit_test(test_reasons),    cmocka_unit_test(test_foreign),
        cmocka_unit_test(test_ends),       cmocka_unit_test(test_whole),
        cmocka_unit_test(test_bad_frames),
    };
    return cmocka_run_group_tests_name("anthropic_answer", tests, NULL, NULL);
}
