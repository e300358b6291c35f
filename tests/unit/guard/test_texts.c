#include "../base/check.h"

#include "guard/texts.h"

#include <ctype.h>

/* Every text that is found is turned into capitals: what is not, was not looked at. */

static void shout(struct guard_texts *t, struct arena *a)
{
    for (struct guard_text *x = t->first; x; x = x->next) {
        struct slice copy = arena_dup(a, x->text);
        char *p = (char *)(uintptr_t)copy.p;
        for (size_t i = 0; i < copy.n; i++)
            p[i] = (char)toupper((unsigned char)p[i]);
        if (!slice_eq(copy, x->text))
            guard_text_set(t, x, copy);
    }
    guard_texts_write(t);
}

struct case_ {
    bool native;
    const char *body, *expected;
};

static const struct case_ cases[] = {
    {false,
     "{\"model\":\"m\",\"user\":\"u\",\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}",
     "{\"model\":\"m\",\"user\":\"u\",\"messages\":[{\"role\":\"user\",\"content\":\"HI\"}]}"},
    {false,
     "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"a\"},{\"type\":\"image_url\","
     "\"image_url\":{\"url\":\"data:x\"}}]}]}",
     "{\"messages\":[{\"content\":[{\"type\":\"text\",\"text\":\"A\"},{\"type\":\"image_url\","
     "\"image_url\":{\"url\":\"data:x\"}}]}]}"},
    /* Arguments: without escapes, keys and numbers too. */
    {false,
     "{\"messages\":[{\"tool_calls\":[{\"id\":\"i\",\"function\":{\"name\":\"f\","
     "\"arguments\":\"{\\\"a\\\": \\\"\\\\u0062\\\"}\"}}]}]}",
     "{\"messages\":[{\"tool_calls\":[{\"id\":\"i\",\"function\":{\"name\":\"f\","
     "\"arguments\":\"{\\\"A\\\":\\\"B\\\"}\"}}]}]}"},
    {false, "{\"messages\":[{\"tool_calls\":[{\"function\":{\"arguments\":\"{no json\"}}]}]}",
     "{\"messages\":[{\"tool_calls\":[{\"function\":{\"arguments\":\"{NO JSON\"}}]}]}"},
    {false,
     "{\"system\":[{\"text\":\"s\"}],\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"id\":"
     "\"i\","
     "\"name\":\"n\",\"input\":{\"k\":[\"v\",{\"id\":\"w\"}]}},{\"type\":\"tool_result\","
     "\"tool_use_id\":\"i\",\"content\":\"r\"}]}]}",
     "{\"system\":[{\"text\":\"S\"}],\"messages\":[{\"content\":[{\"type\":\"tool_use\",\"id\":"
     "\"i\","
     "\"name\":\"n\",\"input\":{\"K\":[\"V\",{\"ID\":\"W\"}]}},{\"type\":\"tool_result\","
     "\"tool_use_id\":\"i\",\"content\":\"R\"}]}]}"},
    /* A document in plain text has it where others have bytes. */
    {false,
     "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"text\",\"data\":\"d\"}},"
     "{\"source\":{\"type\":\"base64\",\"data\":\"d\"}}]}]}",
     "{\"messages\":[{\"content\":[{\"source\":{\"type\":\"text\",\"data\":\"D\"}},"
     "{\"source\":{\"type\":\"base64\",\"data\":\"d\"}}]}]}"},
    {false,
     "{\"tools\":[{\"name\":\"n\",\"description\":\"d\",\"input_schema\":{\"properties\":"
     "{\"p\":{\"type\":\"string\",\"description\":\"e\"}}}}]}",
     "{\"tools\":[{\"name\":\"n\",\"description\":\"D\",\"input_schema\":{\"properties\":"
     "{\"p\":{\"type\":\"string\",\"description\":\"E\"}}}}]}"},
    {false,
     "{\"input\":[\"a\",\"b\"],\"instructions\":\"c\",\"prompt\":[\"d\"],\"query\":\"e\","
     "\"documents\":[\"f\",{\"text\":\"g\"}],\"encoding_format\":\"float\"}",
     "{\"input\":[\"A\",\"B\"],\"instructions\":\"C\",\"prompt\":[\"D\"],\"query\":\"E\","
     "\"documents\":[\"F\",{\"text\":\"G\"}],\"encoding_format\":\"float\"}"},
    {true,
     "{\"inputText\":\"a\",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"b\"}]}],"
     "\"inferenceConfig\":{\"stopSequences\":[\"c\"]},\"anthropic_version\":\"d\"}",
     "{\"inputText\":\"A\",\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"B\"}]}],"
     "\"inferenceConfig\":{\"stopSequences\":[\"c\"]},\"anthropic_version\":\"d\"}"},
    {true,
     "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":"
     "\"t\",\"name\":\"n\",\"input\":{\"a\":\"b\"}}}]}},\"stopReason\":\"end_turn\"}",
     "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":"
     "\"t\",\"name\":\"n\",\"input\":{\"A\":\"B\"}}}]}},\"stopReason\":\"end_turn\"}"},
};

static void test_cases(void **state)
{
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct arena a;
        struct guard_texts t;
        arena_init(&a);
        yyjson_val *body = json_parse(slice_of(cases[i].body), &a, NULL);
        assert_non_null(body);
        guard_texts_init(&t, &a);
        if (cases[i].native)
            guard_texts_add_native(&t, body);
        else
            guard_texts_add_request(&t, body);
        shout(&t, &a);
        struct slice now = json_text_of(body, &a);
        if (!slice_eq(now, slice_of(cases[i].expected)))
            fail_msg("case %zu became %.*s", i, SLICE_ARG(now));
        arena_fini(&a);
    }
}

static void test_numbers(void **state)
{
    struct arena a;
    struct guard_texts t;
    arena_init(&a);
    guard_texts_init(&t, &a);
    struct guard_nested *n = guard_texts_add_json(&t, SLICE("{\"card\":4111111111111111,\"x\":1}"));
    for (struct guard_text *x = t.first; x; x = x->next)
        if (slice_eq(x->text, SLICE("4111111111111111")))
            guard_text_set(&t, x, SLICE("[CARD]"));
    assert_true(guard_texts_write(&t));
    assert_true(slice_eq(guard_nested_text(n), SLICE("{\"card\":\"[CARD]\",\"x\":1}")));
    arena_fini(&a);
}

static void test_nothing_changes(void **state)
{
    struct arena a;
    struct guard_texts t;
    const struct slice json = SLICE("{ \"a\" : \"b\" }");
    arena_init(&a);
    guard_texts_init(&t, &a);
    struct guard_nested *n = guard_texts_add_json(&t, json);
    assert_int_equal(t.count, 2);
    assert_false(guard_texts_write(&t));
    assert_true(slice_eq(guard_nested_text(n), json));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_numbers),
        cmocka_unit_test(test_nothing_changes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
