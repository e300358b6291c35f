#include "provider/count.h"

#include "bedrock.h"
#include "provider/models.h"
#include "provider/plan.h"

/* Inference profiles are not counted for, and the newest models only at another endpoint: the facts
 * say which. A Claude of which they say nothing is tried. */
struct slice count_model(const struct provider_attempt *t)
{
    yyjson_val *fact = model_fact(t->model, "token_count_model");
    struct slice named = json_get_slice(fact, "model");
    struct slice where = json_get_slice(fact, "litellm_provider");
    if (t->model->family != FAMILY_CLAUDE || (where.n && !slice_eq(where, SLICE("bedrock"))))
        return slice_make(NULL, 0);
    return named.n ? named : model_base_id(slice_of(t->model->id));
}

/* Bytes that are not here yet cannot be counted. */
static bool has_remote(const struct llm_block *b)
{
    for (; b; b = b->next)
        if ((b->url.n && !slice_starts(b->url, SLICE("s3://"))) || has_remote(b->content))
            return true;
    return false;
}

static bool check_remote(const struct provider_attempt *t, struct failure *f)
{
    for (const struct llm_message *m = t->request->messages; m; m = m->next)
        if (has_remote(m->blocks))
            return failure_set(f, t->arena, FAILURE_BAD_REQUEST, 400,
                               "images and documents named by URL are not fetched for counting");
    return true;
}

bool count_build(const struct provider_attempt *t, struct slice model, struct http_call *call,
                 struct failure *f)
{
    struct provider_attempt counted = *t;
    counted.model_id = model;
    counted.api = BEDROCK_CONVERSE; /* whichever the call itself will take */
    buf_reset(t->body);
    if (!check_remote(t, f) || !plan_make(&counted, t->plan, f))
        return false;
    bedrock_write_counted(t->plan, t->body);
    return bedrock_sign_call(&counted, SLICE("/count-tokens"), false, (struct http_headers){0},
                             call, f);
}

bool count_read(const struct provider_attempt *t, int status, struct http_headers headers,
                struct slice body, int64_t *tokens, bool *unsupported, struct failure *f)
{
    *unsupported = false;
    if (status != 200) {
        bedrock_failure(f, t, status, http_header_get(headers, "x-amzn-errortype"), body);
        *unsupported = status == 400 && slice_find(f->message, SLICE("counting tokens")) >= 0;
        return false;
    }
    if (json_int(json_get(json_parse(body, t->arena, NULL), "inputTokens"), tokens) && *tokens >= 0)
        return true;
    return failure_set(f, t->arena, FAILURE_BAD_GATEWAY, 502,
                       "Bedrock's answer has no count of tokens");
}
