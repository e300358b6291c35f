/* A client's body through the Messages dialect, the plan and the Bedrock providers, as
 * fuzz_openai_chat.c does it for chat. Input: a byte (1: drop parameters; 2: with beta flags in the
 * head; the upper five bits, which of the models), then the body. */

#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct http_header betas = {
        SLICE("anthropic-beta"), SLICE("context-1m-2025-08-07, claude-code-20250219,,x")};
    const struct dialect *dialect = &dialect_anthropic_messages;
    struct arena a;
    struct llm_request r;
    struct failure f = {0};
    if (!size)
        return 0;
    arena_init(&a);
    const struct model *m = model((data[0] >> 3) % MODELS);
    yyjson_val *body = json_parse(slice_make((const char *)data + 1, size - 1), &a, NULL);
    if (body && dialect->parse(body, &a, &r, &f)) {
        if (data[0] & 2)
            dialect->read_head((struct http_headers){&betas, 1}, &a, &r);
        check_request(&r, m, data[0] & 1, dialect, &a);
    } else if (body) {
        check_refusal(dialect, &f, &a);
    }
    arena_fini(&a);
    return 0;
}
