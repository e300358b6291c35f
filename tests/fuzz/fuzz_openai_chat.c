/* A client's body through the chat dialect and the Bedrock providers: whatever is accepted becomes
 * a body that is JSON again and has no member twice, whatever is refused becomes an error that is
 * JSON.
 * Input: a byte of flags (1: drop parameters, 2: legacy completions, 4: the token counter), then
 * the body. */

#include "dialect/dialect.h"
#include "dialect/token_counter.h"
#include "llm/estimate.h"
#include "provider/count.h"
#include "provider/plan.h"
#include "provider/provider.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* Our body nests a little deeper than the client's; beyond the limit neither is read. */
static void check_json(struct slice text, struct arena *a)
{
    struct json_error e;
    check(json_parse(text, a, &e) || slice_eq(slice_of(e.message), SLICE("nested too deeply")));
}

static void check_refusal(const struct failure *f, struct arena *a)
{
    struct buf out;
    check(f->kind != FAILURE_NONE && f->status >= 400 && f->status < 600);
    buf_init(&out, 1 << 20);
    dialect_openai_chat.encode_failure(f, &out);
    check(!out.overflow);
    check_json(buf_slice(&out), a);
    buf_fini(&out);
}

/* A member twice: nobody knows which one the upstream takes. */
static void check_members(struct slice text, struct arena *a)
{
    yyjson_val *body = json_parse(text, a, NULL), *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    for (size_t i = 0; (key = yyjson_obj_iter_next(&it)); i++) {
        yyjson_obj_iter other = yyjson_obj_iter_with(body);
        for (size_t j = 0; j < i; j++)
            check(!slice_eq(json_slice(yyjson_obj_iter_next(&other)), json_slice(key)));
    }
}

/* One that can do everything, and one that can do nothing but talk. */
static const struct model able = {.id = "anthropic.claude-sonnet-4-5-20250929-v1:0",
                                  .family = FAMILY_CLAUDE,
                                  .thinking = THINKING_BUDGET,
                                  .tools = true,
                                  .tool_choice = true,
                                  .forced_tool = true,
                                  .prompt_cache = true,
                                  .sampling = true,
                                  .prefill = true,
                                  .native_json_schema = true};
static const struct model plain = {
    .id = "amazon.titan-text-express-v1", .family = FAMILY_TITAN, .sampling = true};

static void check_call(const struct provider *p, const struct model *m, const struct llm_request *r,
                       bool drop, struct arena *a)
{
    static struct sigv4_key key;
    struct failure f = {0};
    struct buf body;
    struct plan plan;
    struct http_call call;
    struct deployment d = {.model_name = "m",
                           .region = "us-east-1",
                           .endpoint = "http://127.0.0.1",
                           .credentials = {SLICE("id"), SLICE("secret"), SLICE("token")},
                           .drop_params = drop,
                           .signing_key = &key};
    struct provider_attempt t = {.deployment = &d,
                                 .model_id = SLICE("model"),
                                 .model = m,
                                 .api = p->api,
                                 .plan = &plan,
                                 .request = r,
                                 .now = 1700000000,
                                 .arena = a,
                                 .prompt = a,
                                 .body = &body};
    buf_init(&body, 1 << 26);
    if (p->build(&t, &call, &f)) {
        check(!body.overflow);
        check_json(call.body, a);
        check_members(call.body, a);
    } else {
        check_refusal(&f, a);
    }
    buf_fini(&body);
}

static void check_count(const struct llm_request *r, struct arena *a)
{
    static struct sigv4_key key;
    struct failure f = {0};
    struct buf body;
    struct plan plan;
    struct http_call call;
    struct deployment d = {.region = "us-east-1",
                           .endpoint = "http://127.0.0.1",
                           .credentials = {SLICE("id"), SLICE("secret"), SLICE("")},
                           .signing_key = &key};
    struct provider_attempt t = {.deployment = &d,
                                 .model = &able,
                                 .plan = &plan,
                                 .request = r,
                                 .now = 1700000000,
                                 .arena = a,
                                 .prompt = a,
                                 .body = &body};
    buf_init(&body, 1 << 26);
    if (count_build(&t, SLICE("model"), &call, &f))
        check_json(call.body, a);
    else
        check_refusal(&f, a);
    check(llm_estimate_request(r) >= 0);
    buf_fini(&body);
}

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
    yyjson_val *body = json_parse(slice_make((const char *)data + 1, size - 1), &a, NULL);
    if (body && parse(body, data[0], &a, &r, &f)) {
        check_count(&r, &a);
        check_call(&provider_bedrock, &able, &r, data[0] & 1, &a);
        check_call(&provider_anthropic_invoke, &able, &r, data[0] & 1, &a);
        check_call(&provider_titan, &plain, &r, data[0] & 1, &a);
    } else if (body) {
        check_refusal(&f, &a);
    }
    arena_fini(&a);
    return 0;
}
