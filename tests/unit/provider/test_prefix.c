/* Bedrock caches prompts by their prefix: what was sent in turn n must come again, byte for byte,
 * in turn n+1, and the system prompt and the tools must not move at all. A changed byte costs the
 * user the whole cache. */

#include "attempt.h"

#include "dialect/dialect.h"

#define TURNS 30

static const char head[] =
    "{\"model\":\"m\",\"temperature\":0.70,\"tools\":[{\"type\":\"function\",\"function\":{"
    "\"name\":"
    "\"read\",\"parameters\":{\"type\":\"object\",\"properties\":{\"z\":{\"maximum\":1.50},\"a\":{}"
    "}}},"
    "\"cache_control\":{\"type\":\"ephemeral\"}}],\"messages\":[{\"role\":\"system\",\"content\":"
    "[{\"type\":\"text\",\"text\":\"Long.\",\"cache_control\":{\"type\":\"ephemeral\"}}]},"
    "{\"role\":\"user\",\"content\":\"Fix \\\"it\\\" — größer.\"}";

/* The conversation after n tool calls: text, call, two results and a remark in each turn. */
static void write_request(struct buf *b, int turns)
{
    buf_add(b, slice_of(head));
    for (int i = 0; i < turns; i++)
        buf_addf(b,
                 ",{\"role\":\"assistant\",\"content\":\"Step %d\\n\",\"tool_calls\":["
                 "{\"id\":\"a%d\",\"type\":\"function\",\"function\":{\"name\":\"read\","
                 "\"arguments\":\"{\\\"z\\\": %d.50,  \\\"a\\\":[ ]}\"}},"
                 "{\"id\":\"b%d\",\"type\":\"function\",\"function\":{\"name\":\"read\","
                 "\"arguments\":\"\"}}]},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"a%d\",\"content\":\"int x = %d;\\n\\tüö\"},"
                 "{\"role\":\"tool\",\"tool_call_id\":\"b%d\",\"content\":[{\"type\":\"text\","
                 "\"text\":\"\\u00e9\"}]},{\"role\":\"user\",\"content\":\"go on\"}",
                 i, i, i, i, i, i, i);
    BUF_LITERAL(b, "]}");
}

/* Cuts the body we send into its messages, without the brackets that close them, and the rest. */
static void translate(struct fixture *x, int turns, struct slice *messages, struct slice *rest)
{
    struct http_call call;
    struct buf b;
    buf_init(&b, 1 << 20);
    write_request(&b, turns);
    yyjson_val *body = json_parse(buf_slice(&b), &x->arena, NULL);
    assert_true(dialect_openai_chat.parse(body, &x->arena, &x->request, &x->failure));
    assert_true(provider_bedrock.build(&x->attempt, &call, &x->failure));
    struct slice all = arena_dup(&x->arena, call.body);
    ptrdiff_t end = slice_find(all, SLICE("]}],\"system\":"));
    assert_true(end > 0);
    *messages = slice_make(all.p, (size_t)end);
    *rest = slice_skip(all, (size_t)end);
    buf_fini(&b);
}

static void test_prefix_stays(void **state)
{
    struct fixture x;
    struct slice messages, rest, more, same;
    fixture_init(&x);
    translate(&x, 0, &messages, &rest);
    for (int turns = 1; turns <= TURNS; turns++) {
        translate(&x, turns, &more, &same);
        assert_true(more.n > messages.n);
        check_slice(slice_make(more.p, messages.n), messages);
        check_slice(same, rest);
        messages = more;
    }
    assert_true(slice_find(messages, SLICE("\"input\":{\"z\": 29.50,  \"a\":[ ]}")) > 0);
    fixture_fini(&x);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_prefix_stays)};
    return cmocka_run_group_tests_name("prefix", tests, NULL, NULL);
}
