#include "../base/check.h"

#include "dialect/dialect.h"

struct parsed {
    struct arena arena;
    struct llm_request request;
    struct failure failure;
    bool ok;
};

static void parse(struct parsed *p, struct slice body)
{
    *p = (struct parsed){.ok = false};
    arena_init(&p->arena);
    yyjson_val *v = json_parse(body, &p->arena, NULL);
    assert_non_null(v);
    p->ok = dialect_openai_chat.parse(v, &p->arena, &p->request, &p->failure);
}

static void parse_text(struct parsed *p, const char *body)
{
    parse(p, slice_of(body));
}

static void done(struct parsed *p)
{
    arena_fini(&p->arena);
}

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"Hi\"}]"

static const struct {
    const char *body, *param;
} refused[] = {
    {"[]", ""},
    {"\"hi\"", ""},
    {"{}", "messages"},
    {"{\"messages\":null}", "messages"},
    {"{\"messages\":{}}", "messages"},
    {"{\"messages\":[]}", "messages"},
    {"{\"messages\":[1]}", "messages[0]"},
    {"{\"messages\":[{\"content\":\"x\"}]}", "messages[0].role"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":1}]}", "messages[0].content"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":{}}]}", "messages[0].content"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[1]}]}", "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}]}",
     "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\"}]}]}",
     "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "\"data:audio/mpeg;base64,AAAA\"}]}]}",
     "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "\"data:image/png,AAAA\"}]}]}",
     "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
     "\"data:image/png;base64,\"}]}]}",
     "messages[0].content[0]"},
    {"{\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}", "messages[0]"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":{}}]}", "messages[0].tool_calls"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{}]}]}", "messages[0].tool_calls[0]"},
    {"{\"messages\":[{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"a\",\"function\":{}}]}]"
     "}",
     "messages[0].tool_calls[0]"},
    {"{" HI ",\"model\":1}", "model"},
    {"{" HI ",\"stream\":1}", "stream"},
    {"{" HI ",\"stream\":\"yes\"}", "stream"},
    {"{" HI ",\"stream_options\":true}", "stream_options"},
    {"{" HI ",\"stream_options\":{\"include_usage\":1}}", "stream_options.include_usage"},
    {"{" HI ",\"max_tokens\":-1}", "max_tokens"},
    {"{" HI ",\"max_tokens\":1.5}", "max_tokens"},
    {"{" HI ",\"max_tokens\":99999999999999999999}", "max_tokens"},
    {"{" HI ",\"max_completion_tokens\":0}", "max_completion_tokens"},
    {"{" HI ",\"temperature\":\"hot\"}", "temperature"},
    {"{" HI ",\"temperature\":-0.1}", "temperature"},
    {"{" HI ",\"top_p\":1.01}", "top_p"},
    {"{" HI ",\"stop\":{}}", "stop"},
    {"{" HI ",\"user\":1}", "user"},
    {"{" HI ",\"metadata\":[]}", "metadata"},
    {"{" HI ",\"n\":\"1\"}", "n"},
    {"{" HI ",\"response_format\":{\"type\":\"xml\"}}", "response_format"},
    {"{" HI ",\"response_format\":{\"type\":\"json_schema\"}}",
     "response_format.json_schema.schema"},
    {"{" HI ",\"reasoning_effort\":\"hard\"}", "reasoning_effort"},
    {"{" HI ",\"thinking\":true}", "thinking"},
    {"{" HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":\"1\"}}",
     "thinking.budget_tokens"},
    {"{" HI ",\"top_k\":0.5}", "top_k"},
    {"{" HI ",\"service_tier\":1}", "service_tier"},
    {"{" HI ",\"parallel_tool_calls\":\"no\"}", "parallel_tool_calls"},
    {"{" HI ",\"functions\":{}}", "functions"},
    {"{" HI ",\"functions\":[{\"name\":\"f\"}],\"function_call\":1}", "function_call"},
    {"{" HI ",\"extra_headers\":[]}", "extra_headers"},
    {"{" HI ",\"mock_timeout\":\"yes\"}", "mock_timeout"},
    {"{" HI ",\"n\":0}", "n"},
    {"{" HI ",\"allowed_openai_params\":\"seed\"}", "allowed_openai_params"},
    {"{" HI ",\"drop_params\":1}", "drop_params"},
    {"{" HI ",\"timeout\":\"1\"}", "timeout"},
    {"{" HI ",\"timeout\":0}", "timeout"},
    {"{" HI ",\"stream_timeout\":-1}", "stream_timeout"},
    {"{" HI ",\"connect_timeout\":0}", "connect_timeout"},
    {"{" HI ",\"first_byte_timeout\":\"1\"}", "first_byte_timeout"},
    {"{" HI ",\"stream_idle_timeout\":\"x\"}", "stream_idle_timeout"},
    {"{" HI ",\"tools\":{}}", "tools"},
    {"{" HI ",\"tools\":[1]}", "tools[0]"},
    {"{" HI ",\"tools\":[{\"type\":\"web_search\"}]}", "tools[0]"},
    {"{" HI ",\"tools\":[{\"type\":\"function\"}]}", "tools[0]"},
    {"{" HI ",\"tools\":[{\"function\":{}}]}", "tools[0]"},
    {"{" HI ",\"tools\":[{\"function\":{\"name\":\"a\",\"parameters\":[]}}]}", "tools[0]"},
    {"{" HI ",\"tool_choice\":\"any\"}", "tool_choice"},
    {"{" HI ",\"tool_choice\":7}", "tool_choice"},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct parsed p;
        parse_text(&p, refused[i].body);
        if (p.ok)
            fail_msg("accepted: %s", refused[i].body);
        assert_int_equal(p.failure.kind, FAILURE_BAD_REQUEST);
        assert_int_equal(p.failure.status, 400);
        assert_true(p.failure.message.n > 0);
        check_text(p.failure.param, refused[i].param);
        /* What clients see: the place in the message, and a param only for what is missing. */
        assert_true(slice_find(p.failure.message, slice_of(refused[i].param)) >= 0);
        assert_int_equal(p.failure.param_shown,
                         slice_starts(p.failure.message, SLICE("Missing required parameter")));
        done(&p);
    }
}

static void test_scalars(void **state)
{
    struct parsed p;
    parse_text(&p, "{\"model\":\"m\"," HI ",\"stream\":true,\"stream_options\":"
                   "{\"include_usage\":true},\"max_tokens\":7,\"user\":\"u\",\"metadata\":{},"
                   "\"drop_params\":true,\"temperature\":1.50,\"response_format\":"
                   "{\"type\":\"json_object\"},\"n\":1,\"num_retries\":3,\"top_k\":5,\"size\":5}");
    assert_true(p.ok);
    check_text(p.request.model, "m");
    assert_true(p.request.stream && p.request.include_usage && p.request.drop_params);
    assert_int_equal(p.request.max_tokens, 7);
    check_text(p.request.user, "u");
    assert_non_null(p.request.metadata);
    assert_true(json_is_number(p.request.temperature));
    assert_null(p.request.top_p);
    assert_null(p.request.stop);
    assert_true(json_is_number(p.request.top_k));
    check_text(p.request.extra->name, "size");
    assert_null(p.request.extra->next);
    done(&p);
    parse_text(&p, "{" HI ",\"stream\":\"false\",\"max_tokens\":null}");
    assert_true(p.ok && !p.request.stream && p.request.max_tokens == -1);
    done(&p);
    parse_text(&p, "{" HI ",\"stream\":\"true\",\"drop_params\":\"true\"}");
    assert_true(p.ok && !p.request.stream && p.request.drop_params);
    done(&p);
}

/* 256 members that nobody knows are taken, one more is not; duplicates do not count. */
static void test_many_extras(void **state)
{
    for (int n = 256; n <= 257; n++) {
        struct parsed p;
        struct buf b;
        buf_init(&b, 1 << 20);
        BUF_LITERAL(&b, "{" HI);
        for (int i = 0; i < n; i++)
            buf_addf(&b, ",\"x%d\":%d,\"x0\":1", i, i);
        BUF_LITERAL(&b, "}");
        parse(&p, buf_slice(&b));
        assert_int_equal(p.ok, n == 256);
        done(&p);
        buf_fini(&b);
    }
}

static void test_caps(void **state)
{
    static const struct {
        const char *head, *item, *tail;
        int limit;
    } rows[] = {
        {"{\"messages\":[", "{\"role\":\"user\",\"content\":\"x\"}", "]}", 100000},
        {"{" HI ",\"tools\":[", "{\"function\":{\"name\":\"a\"}}", "]}", 1024},
        {"{" HI ",\"stop\":[", "\"x\"", "]}", 2500},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        for (int n = rows[i].limit; n <= rows[i].limit + 1; n++) {
            struct parsed p;
            struct buf b;
            buf_init(&b, 1 << 26);
            buf_add(&b, slice_of(rows[i].head));
            for (int k = 0; k < n; k++) {
                buf_add(&b, k ? SLICE(",") : SLICE(""));
                buf_add(&b, slice_of(rows[i].item));
            }
            buf_add(&b, slice_of(rows[i].tail));
            parse(&p, buf_slice(&b));
            assert_int_equal(p.ok, n == rows[i].limit);
            done(&p);
            buf_fini(&b);
        }
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void test_failures(void **state)
{
    static const struct {
        struct failure f;
        const char *json;
    } rows[] = {
        {{.kind = FAILURE_AUTHENTICATION, .status = 401},
         "{\"error\":{\"message\":\"x\",\"type\":\"auth_error\",\"param\":null,\"code\":\"401\"}}"},
        {{.kind = FAILURE_AUTHENTICATION, .status = 403, .upstream = true},
         "{\"error\":{\"message\":\"litellm.AuthenticationError: BedrockException - x\","
         "\"type\":\"permission_error\",\"param\":null,\"code\":\"403\"}}"},
        {{.kind = FAILURE_INTERNAL, .status = 500},
         "{\"error\":{\"message\":\"x\",\"type\":\"internal_server_error\",\"param\":null,\"code\":"
         "\"500\"}}"},
        {{.kind = FAILURE_BAD_REQUEST, .status = 413, .param = {"a", 1}},
         "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"param\":null,\"code\":"
         "\"413\"}}"},
        {{.kind = FAILURE_BAD_REQUEST, .status = 413, .param = {"a\"b", 3}, .param_shown = true},
         "{\"error\":{\"message\":\"x\",\"type\":\"invalid_request_error\",\"param\":\"a\\\"b\","
         "\"code\":\"413\"}}"},
    };
    struct buf b;
    buf_init(&b, 10000);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct failure f = rows[i].f;
        f.message = SLICE("x");
        buf_reset(&b);
        dialect_openai_chat.encode_failure(&f, &b);
        check_text(buf_slice(&b), rows[i].json);
    }
    buf_fini(&b);
}

/* More calls at once than are remembered, and arguments of a call that never began. */
static void test_argument_deltas(void **state)
{
    struct arena a;
    struct buf b;
    struct llm_request r = {.stream = true};
    struct dialect_answer ans = {SLICE("i"), SLICE("a long \"model\""), 1};
    arena_init(&a);
    buf_init(&b, 1 << 20);
    void *enc = dialect_openai_chat.encoder(&a, &r, &ans);
    struct llm_event e = {.kind = EV_TOOL_ARGS, .block = 3, .text = SLICE("{}")};
    dialect_openai_chat.encode(enc, &e, &b);
    assert_int_equal(b.n, 0);
    for (unsigned i = 0; i < 20; i++)
        dialect_openai_chat.encode(
            enc, &(struct llm_event){.kind = EV_BLOCK_START, .block = 100 + i}, &b);
    for (unsigned i = 0; i < 20; i++) {
        char expected[64];
        buf_reset(&b);
        e.block = 100 + i;
        dialect_openai_chat.encode(enc, &e, &b);
        snprintf(expected, sizeof(expected), "\"tool_calls\":[{\"index\":%u,", i);
        assert_int_equal(slice_find(buf_slice(&b), slice_of(expected)) > 0, i >= 20 - 16);
    }
    buf_fini(&b);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_refused),     cmocka_unit_test(test_scalars),
        cmocka_unit_test(test_many_extras), cmocka_unit_test(test_caps),
        cmocka_unit_test(test_failures),    cmocka_unit_test(test_argument_deltas),
    };
    return cmocka_run_group_tests_name("openai_chat", tests, NULL, NULL);
}
