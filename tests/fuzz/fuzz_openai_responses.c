/* A client's body through the Responses dialect, the plan and the Bedrock providers, as
 * fuzz_openai_chat.c does it for chat; then kept, and gone on from. Input: a byte (1: drop
 * parameters; the upper five bits, which of the models), then the body. */

#include "request.h"

#include "dialect/responses.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What was answered once, with all of its input in front, is a request again. */
static void check_kept(yyjson_val *body, struct arena *a)
{
    static const char answer[] =
        "{\"id\":\"resp_0\",\"output\":[{\"type\":\"message\",\"role\":\"assistant\",\"id\":"
        "\"msg_00000000000000000000000000000000a\",\"content\":[{\"type\":\"output_text\",\"text\":"
        "\"Yes.\"}]},{\"type\":\"reasoning\",\"summary\":[]}]}";
    const struct dialect *dialect = &dialect_openai_responses;
    struct slice named[RESPONSES_REFERS_MAX];
    struct responses_record r = {.id = SLICE("resp_0")};
    struct llm_request again;
    struct failure f = {0};
    struct json_error e;
    struct buf record;
    bool goes_on;
    size_t n;
    check(!responses_refers(body, a, named, &n, &goes_on) || n <= RESPONSES_REFERS_MAX);
    struct slice begin =
        responses_record_begin(&(struct responses_owner){.key = SLICE("o")}, NULL, body, body, a);
    buf_init(&record, 1 << 26);
    responses_record_end(begin, slice_of(answer), &record);
    r.json = json_parse(buf_slice(&record), a, &e);
    buf_fini(&record);
    if (!r.json && slice_eq(slice_of(e.message), SLICE("nested too deeply")))
        return;
    check(r.json != NULL);
    yyjson_val *more = responses_expand(body, &r, 1, &r, 1, a);
    check(more && dialect->parse(more, a, &again, &f));
    struct slice second =
        responses_record_begin(&(struct responses_owner){.key = SLICE("o")}, &r, body, more, a);
    check(second.n > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct dialect *dialect = &dialect_openai_responses;
    struct arena a;
    struct llm_request r;
    struct failure f = {0};
    if (!size)
        return 0;
    arena_init(&a);
    const struct model *m = model((data[0] >> 3) % MODELS);
    yyjson_val *body = json_parse(slice_make((const char *)data + 1, size - 1), &a, NULL);
    if (body && dialect->parse(body, &a, &r, &f)) {
        check_request(&r, m, data[0] & 1, dialect, &a);
        check_kept(body, &a);
    } else if (body) {
        check_refusal(dialect, &f, &a);
    }
    arena_fini(&a);
    return 0;
}
