/* The body of Anthropic's Messages, from plans made by hand. */

#include "attempt.h"

#include "anthropic.h"

#define HEAD "{\"anthropic_version\":\"bedrock-2023-05-31\",\"max_tokens\":4096,"

struct world {
    struct fixture x;
    struct plan plan;
    struct llm_message message;
};

/* A plan of one turn with these blocks. */
static void world_init(struct world *o, struct llm_block *blocks)
{
    fixture_init(&o->x);
    o->message = (struct llm_message){.role = LLM_USER, .blocks = blocks};
    o->plan = (struct plan){.request = &o->x.request, .messages = &o->message, .max_tokens = -1};
}

static yyjson_val *json(struct world *o, const char *text)
{
    yyjson_val *v = json_parse(slice_of(text), &o->x.arena, NULL);
    assert_non_null(v);
    return v;
}

static void check_body(struct world *o, const char *body)
{
    assert_true(anthropic_write_body(&o->plan, &o->x.arena, &o->x.body, &o->x.failure));
    check_text(buf_slice(&o->x.body), body);
    assert_non_null(json_parse(buf_slice(&o->x.body), &o->x.arena, NULL));
    buf_reset(&o->x.body);
}

static void chain(struct llm_block *v, size_t n)
{
    for (size_t i = 0; i + 1 < n; i++)
        v[i].next = &v[i + 1];
}

static void test_blocks(void **state)
{
    struct llm_block in_result[] = {
        {.kind = LLM_TEXT, .text = SLICE("22 C")},
        {.kind = LLM_IMAGE, .media_type = SLICE("image/png"), .data = SLICE("AAAA")},
    };
    struct llm_block alone = {.kind = LLM_TEXT, .text = SLICE("\"0\"")};
    struct llm_block blocks[] = {
        {.kind = LLM_REASONING, .text = SLICE("Hm."), .signature = SLICE("Eq+/==")},
        {.kind = LLM_REASONING, .redacted = SLICE("AA==")},
        {.kind = LLM_TEXT, .text = SLICE("Größe \"x\"\n")},
        {.kind = LLM_CACHE_POINT, .ttl = SLICE("1h")},
        {.kind = LLM_CACHE_POINT},
        {.kind = LLM_IMAGE, .media_type = SLICE("image/jpeg"), .data = SLICE("/9j/4A")},
        {.kind = LLM_CACHE_POINT},
        {.kind = LLM_TOOL_USE,
         .id = SLICE("t1"),
         .name = SLICE("look"),
         .input = SLICE("{\"z\": 1.50}")},
        {.kind = LLM_TOOL_RESULT, .id = SLICE("t1"), .content = in_result, .is_error = true},
        {.kind = LLM_CACHE_POINT},
        {.kind = LLM_TOOL_RESULT, .id = SLICE("t2")},
        {.kind = LLM_TOOL_RESULT, .id = SLICE("t3"), .content = &alone, .plain = true},
        {.kind = LLM_TOOL_RESULT, .id = SLICE("t4"), .content = &alone},
    };
    struct world o;
    chain(in_result, 2);
    chain(blocks, sizeof(blocks) / sizeof(*blocks));
    world_init(&o, blocks);
    check_body(&o, HEAD
               "\"messages\":[{\"role\":\"user\",\"content\":["
               "{\"type\":\"thinking\",\"thinking\":\"Hm.\",\"signature\":\"Eq+/==\"},"
               "{\"type\":\"redacted_thinking\",\"data\":\"AA==\"},"
               "{\"type\":\"text\",\"text\":\"Größe \\\"x\\\"\\n\",\"cache_control\":{\"type\":"
               "\"ephemeral\",\"ttl\":\"1h\"}},"
               "{\"type\":\"image\",\"source\":{\"type\":\"base64\",\"media_type\":\"image/jpeg\","
               "\"data\":\"/9j/4A==\"},\"cache_control\":{\"type\":\"ephemeral\"}},"
               "{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"look\",\"input\":{\"z\": 1.50}},"
               "{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"content\":[{\"type\":\"text\","
               "\"text\":\"22 C\"},{\"type\":\"image\",\"source\":{\"type\":\"base64\","
               "\"media_type\":\"image/png\",\"data\":\"AAAA\"}}],\"is_error\":true,"
               "\"cache_control\":{\"type\":\"ephemeral\"}},"
               "{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"},"
               "{\"type\":\"tool_result\",\"tool_use_id\":\"t3\",\"content\":\"\\\"0\\\"\"},"
               "{\"type\":\"tool_result\",\"tool_use_id\":\"t4\",\"content\":[{\"type\":\"text\","
               "\"text\":\"\\\"0\\\"\"}]}]}]}");
    fixture_fini(&o.x);
}

static void test_documents(void **state)
{
    struct llm_block blocks[] = {
        {.kind = LLM_DOCUMENT,
         .media_type = SLICE("application/pdf"),
         .data = SLICE("JVBE"),
         .name = SLICE("a.pdf"),
         .context = SLICE("My notes."),
         .citations = true},
        {.kind = LLM_DOCUMENT, .media_type = SLICE("text/csv"), .data = SLICE("YSxiCsO8")},
        {.kind = LLM_DOCUMENT, .text = SLICE("plain")},
    };
    struct world o;
    chain(blocks, 3);
    world_init(&o, blocks);
    check_body(&o, HEAD
               "\"messages\":[{\"role\":\"user\",\"content\":["
               "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":"
               "\"application/pdf\",\"data\":\"JVBE\"},\"title\":\"a.pdf\",\"context\":\"My "
               "notes.\",\"citations\":{\"enabled\":"
               "true}},"
               "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
               "\"data\":\"a,b\\nü\"}},"
               "{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":\"text/plain\","
               "\"data\":\"plain\"}}]}]}");
    fixture_fini(&o.x);
}

static void test_refused_media(void **state)
{
    static const struct {
        struct llm_block block;
        const char *says;
    } rows[] = {
        {{.kind = LLM_VIDEO, .media_type = {"video/mp4", 9}, .data = {"AA", 2}}, "video"},
        {{.kind = LLM_IMAGE, .url = {"https://h/x", 11}}, "https://h/x"},
        {{.kind = LLM_DOCUMENT, .url = {"https://h/y", 11}}, "https://h/y"},
        {{.kind = LLM_DOCUMENT, .media_type = {"application/msword", 18}, .data = {"AA", 2}},
         "application/msword"},
        {{.kind = LLM_DOCUMENT, .media_type = {"text/plain", 10}, .data = {"/w==", 4}}, "UTF-8"},
        {{.kind = LLM_DOCUMENT, .media_type = {"text/plain", 10}, .data = {"***", 3}}, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llm_block block = rows[i].block;
        struct world o;
        world_init(&o, &block);
        assert_false(anthropic_write_body(&o.plan, &o.x.arena, &o.x.body, &o.x.failure));
        assert_int_equal(o.x.failure.status, 400);
        check_text(o.x.failure.param, "messages");
        assert_true(slice_find(o.x.failure.message, slice_of(rows[i].says)) >= 0);
        fixture_fini(&o.x);
    }
}

static void test_turns_and_system(void **state)
{
    struct llm_block system[] = {{.kind = LLM_TEXT, .text = SLICE("Be brief.")},
                                 {.kind = LLM_CACHE_POINT, .ttl = SLICE("5m")}};
    struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
    struct llm_message answer = {.role = LLM_ASSISTANT, .blocks = &ask};
    struct world o;
    chain(system, 2);
    world_init(&o, &ask);
    o.plan.system = system;
    o.message.next = &answer;
    check_body(&o, HEAD "\"system\":[{\"type\":\"text\",\"text\":\"Be brief.\",\"cache_control\":{"
                        "\"type\":\"ephemeral\",\"ttl\":\"5m\"}}],\"messages\":["
                        "{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]},"
                        "{\"role\":\"assistant\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}"
                        "]}");
    fixture_fini(&o.x);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"Hi\"}]}]}"

static void test_tools(void **state)
{
    struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
    struct world o;
    world_init(&o, &ask);
    struct llm_tool tools[] = {
        {.next = &tools[1],
         .name = SLICE("look"),
         .description = SLICE("Looks."),
         .schema = json(&o, "{\"type\":\"object\",\"properties\":{\"z\":{\"maximum\":1.50}}}"),
         .strict = true,
         .cache_point = true,
         .ttl = SLICE("1h")},
        {.next = &tools[2], .name = SLICE("wait")},
        {.name = SLICE("go"), .schema = json(&o, "{\"properties\":{}}")},
    };
    o.plan.tools = tools;
    check_body(&o, HEAD "\"tools\":[{\"type\":\"custom\",\"name\":\"look\",\"description\":"
                        "\"Looks.\",\"input_schema\":{\"type\":\"object\",\"properties\":{\"z\":{"
                        "\"maximum\":1.50}}},\"strict\":true,\"cache_control\":{\"type\":"
                        "\"ephemeral\",\"ttl\":\"1h\"}},"
                        "{\"type\":\"custom\",\"name\":\"wait\",\"input_schema\":{\"type\":"
                        "\"object\",\"properties\":{}}},"
                        "{\"type\":\"custom\",\"name\":\"go\",\"input_schema\":{\"type\":"
                        "\"object\",\"properties\":{}}}]," HI);
    fixture_fini(&o.x);
}

static void test_tool_choice(void **state)
{
    static const struct {
        enum llm_tool_choice choice;
        bool one;
        const char *text;
    } rows[] = {
        {LLM_TOOLS_UNSET, false, ""},
        {LLM_TOOLS_UNSET, true,
         "\"tool_choice\":{\"type\":\"auto\",\"disable_parallel_tool_use\":true},"},
        {LLM_TOOLS_AUTO, false, "\"tool_choice\":{\"type\":\"auto\"},"},
        {LLM_TOOLS_REQUIRED, false, "\"tool_choice\":{\"type\":\"any\"},"},
        {LLM_TOOLS_REQUIRED, true,
         "\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"},
        {LLM_TOOLS_NAMED, false, "\"tool_choice\":{\"type\":\"tool\",\"name\":\"look\"},"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
        struct llm_tool tool = {.name = SLICE("look")};
        struct world o;
        char body[500];
        world_init(&o, &ask);
        o.plan.tools = &tool;
        o.plan.tool_choice = rows[i].choice;
        o.plan.tool_choice_name = SLICE("look");
        o.plan.one_tool_call = rows[i].one;
        snprintf(body, sizeof(body),
                 HEAD "\"tools\":[{\"type\":\"custom\",\"name\":\"look\",\"input_schema\":{"
                      "\"type\":\"object\",\"properties\":{}}}],%s" HI,
                 rows[i].text);
        check_body(&o, body);
        fixture_fini(&o.x);
    }
}

static void test_thinking(void **state)
{
    static const struct {
        enum plan_thinking kind;
        const char *effort, *display, *text;
    } rows[] = {
        {PLAN_THINKING_DISABLED, "", "", "\"thinking\":{\"type\":\"disabled\"},"},
        {PLAN_THINKING_BUDGET, "", "",
         "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048},"},
        {PLAN_THINKING_ADAPTIVE, "high", "summarized",
         "\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
         "\"output_config\":{\"effort\":\"high\"},"},
        {PLAN_THINKING_ADAPTIVE, "", "", "\"thinking\":{\"type\":\"adaptive\"},"},
        {PLAN_THINKING_UNSET, "low", "", "\"output_config\":{\"effort\":\"low\"},"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
        struct world o;
        char body[500];
        world_init(&o, &ask);
        o.plan.thinking = rows[i].kind;
        o.plan.budget = 2048;
        o.plan.effort = slice_of(rows[i].effort);
        o.plan.display = slice_of(rows[i].display);
        snprintf(body, sizeof(body), HEAD "%s" HI, rows[i].text);
        check_body(&o, body);
        fixture_fini(&o.x);
    }
}

static void test_parameters(void **state)
{
    struct slice stop[] = {SLICE("A"), SLICE("\n")}, betas[] = {SLICE("context-1m-2025-08-07")};
    struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
    struct world o;
    world_init(&o, &ask);
    o.plan.max_tokens = 7;
    o.plan.temperature = json(&o, "0.70");
    o.plan.top_p = json(&o, "1");
    o.plan.top_k = json(&o, "5");
    o.plan.stop = stop;
    o.plan.stop_count = 2;
    o.plan.betas = betas;
    o.plan.beta_count = 1;
    o.x.request.guardrail = json(&o, "{\"guardrailIdentifier\":\"g\",\"guardrailVersion\":\"1\","
                                     "\"streamProcessingMode\":\"sync\"}");
    check_body(&o, "{\"anthropic_version\":\"bedrock-2023-05-31\",\"anthropic_beta\":["
                   "\"context-1m-2025-08-07\"],\"max_tokens\":7,\"temperature\":0.70,\"top_p\":1,"
                   "\"top_k\":5,\"stop_sequences\":[\"A\",\"\\n\"],"
                   "\"amazon-bedrock-guardrailConfig\":{\"streamProcessingMode\":\"SYNCHRONOUS\"}"
                   "," HI);
    fixture_fini(&o.x);
}

/* What the client adds stands beside what the plan says, never twice. */
static void test_fields(void **state)
{
    struct llm_block ask = {.kind = LLM_TEXT, .text = SLICE("Hi")};
    struct world o;
    world_init(&o, &ask);
    struct llm_extra fields[] = {
        {&fields[1], SLICE("metadata"), json(&o, "{\"user_id\":\"u\"}")},
        {&fields[2], SLICE("anthropic_version"), json(&o, "\"x\"")},
        {&fields[3], SLICE("temperature"), json(&o, "2")},
        {&fields[4], SLICE("top_k"), json(&o, "3")},
        {NULL, SLICE("output_config"),
         json(&o, "{\"effort\":\"low\",\"format\":{},\"task_budget\":{\"total\":9}}")},
    };
    struct llm_format format = {.kind = LLM_FORMAT_SCHEMA,
                                .schema = json(&o, "{\"type\":\"object\"}")};
    o.plan.fields = fields;
    o.plan.temperature = json(&o, "1");
    check_body(&o, HEAD "\"temperature\":1,\"output_config\":{\"effort\":\"low\",\"format\":{},"
                        "\"task_budget\":{\"total\":9}},\"metadata\":{\"user_id\":\"u\"},"
                        "\"top_k\":3," HI);
    o.plan.format = PLAN_FORMAT_NATIVE;
    o.plan.schema = &format;
    o.plan.effort = SLICE("high");
    check_body(&o, HEAD "\"temperature\":1,\"output_config\":{\"effort\":\"high\",\"format\":{"
                        "\"type\":\"json_schema\",\"schema\":{\"type\":\"object\"}},"
                        "\"task_budget\":{\"total\":9}},\"metadata\":{\"user_id\":\"u\"},"
                        "\"top_k\":3," HI);
    fixture_fini(&o.x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_blocks),        cmocka_unit_test(test_documents),
        cmocka_unit_test(test_refused_media), cmocka_unit_test(test_turns_and_system),
        cmocka_unit_test(test_tools),         cmocka_unit_test(test_tool_choice),
        cmocka_unit_test(test_thinking),      cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_fields),
    };
    return cmocka_run_group_tests_name("anthropic_request", tests, NULL, NULL);
}
