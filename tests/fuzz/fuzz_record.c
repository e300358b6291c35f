/* An answer that was kept, as anybody might have changed it: what passes for whole is read to its
 * end, and is JSON in the hands of the dialects, streamed and (OpenAI's) whole. */

#include "dialect/dialect.h"
#include "llm/record.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define OUT_MAX (1u << 28)

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void replay(const struct dialect *d, struct slice rest, struct arena *a, bool streamed)
{
    struct llm_request r;
    struct dialect_answer about = {
        .id = SLICE("chatcmpl-1"), .uuid = SLICE("1"), .model = SLICE("m"), .created = 1700000000};
    struct llm_usage usage;
    struct llm_event e = {0};
    struct llm_fold fold;
    struct buf out;
    buf_init(&out, OUT_MAX);
    llm_request_init(&r);
    r.stream = streamed;
    llm_fold_init(&fold, a);
    void *encoder = streamed ? d->encoder(a, &r, &about) : NULL;
    while (rest.n) {
        check(llm_record_read(&rest, a, &usage, &e));
        if (streamed)
            d->encode(encoder, &e, &out);
        else
            llm_fold_event(&fold, &e);
    }
    check(e.kind == EV_END);
    if (!streamed && fold.response.failure.kind == FAILURE_NONE) {
        d->encode_whole(&fold.response, &r, &about, &out);
        struct json_error why;
        check(json_parse(buf_slice(&out), a, &why) ||
              slice_eq(slice_of(why.message), SLICE("nested too deeply")));
    }
    llm_fold_fini(&fold);
    buf_fini(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dialect *const dialects[] = {&dialect_openai_chat, &dialect_openai_completions,
                                              &dialect_anthropic_messages};
    struct slice record = slice_make((const char *)data, size);
    if (!llm_record_is_whole(record))
        return 0;
    for (size_t i = 0; i < 2 * sizeof(dialects) / sizeof(*dialects); i++) {
        struct arena a;
        arena_init(&a);
        if (i % 2 || dialects[i / 2] != &dialect_anthropic_messages)
            replay(dialects[i / 2], record, &a, i % 2);
        arena_fini(&a);
    }
    return 0;
}
