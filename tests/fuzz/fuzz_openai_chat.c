/* A client's body through the chat dialect, the plan and the Bedrock providers: whatever is
 * accepted becomes a conversation in order, and a body that is JSON again, has no member twice and
 * is the same each time; whatever is refused becomes an error that is JSON. Input: a byte (1: drop
 * parameters, 2: legacy completions, 4: the token counter; the rest, which of the models below),
 * then the body. */

#include "request.h"

#include "dialect/token_counter.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static bool parse(yyjson_val *body, uint8_t flags, struct arena *a, struct llm_request *r,
                  struct failure *f)
{
    if (flags & 4)
        return token_counter_parse(body, a, r, f);
    if (flags & 2)
        return dialect_openai_completions.parse(body, a, r, f);
    return dialect_openai_chat.parse(body, a, r, f);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct llm_request r;
    struct failure f = {0};
    if (!size)
        return 0;
    arena_init(&a);
    const struct model *m = model((data[0] >> 3) % MODELS);
    yyjson_val *body = json_parse(slice_make((const char *)data + 1, size - 1), &a, NULL);
    if (body && parse(body, data[0], &a, &r, &f)) {
        check_request(&r, m, data[0] & 1, &dialect_openai_chat, &a);
    } else if (body) {
        check_refusal(&dialect_openai_chat, &f, &a);
    }
    arena_fini(&a);
    return 0;
}
