/* A whole answer in Anthropic's words is JSON whatever became of the model's calls. */

#include "../base/check.h"

#include "dialect/dialect.h"

static void check_input(const char *arguments, const char *input)
{
    struct arena a;
    struct llm_fold fold;
    struct llm_request request;
    struct buf out;
    const struct dialect_answer answer = {SLICE("id"), SLICE("model"), 0, SLICE("uuid")};
    const struct llm_event events[] = {
        {.kind = EV_START, .id = SLICE("msg")},
        {.kind = EV_BLOCK_START, .id = SLICE("toolu"), .name = SLICE("look")},
        {.kind = EV_TOOL_ARGS, .text = slice_of(arguments)},
        {.kind = EV_BLOCK_STOP},
        {.kind = EV_STOP, .stop = LLM_STOP_MAX_TOKENS},
        {.kind = EV_END},
    };
    arena_init(&a);
    buf_init(&out, 1 << 16);
    llm_fold_init(&fold, &a);
    llm_request_init(&request);
    for (size_t i = 0; i < sizeof(events) / sizeof(*events); i++)
        llm_fold_event(&fold, &events[i]);
    dialect_anthropic_messages.encode_whole(&fold.response, &request, &answer, &out);
    yyjson_val *body = json_parse(buf_slice(&out), &a, NULL);
    yyjson_val *call = yyjson_arr_get_first(json_get(body, "content"));
    assert_non_null(call);
    check_text(json_text_of(json_get(call, "input"), &a), input);
    llm_fold_fini(&fold);
    buf_fini(&out);
    arena_fini(&a);
}

static void test_arguments(void **state)
{
    check_input("", "{}");
    check_input("{\"city\": \"Paris\"}", "{\"city\":\"Paris\"}");
    check_input("{\"city\": \"Par", "{\"invalid_arguments\":\"{\\\"city\\\": \\\"Par\"}");
    check_input("[1]", "{\"invalid_arguments\":\"[1]\"}");
    check_input("{} {}", "{\"invalid_arguments\":\"{} {}\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_arguments)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
