/* Bedrock's own calls, as clients of Bedrock make them: the body goes out as it came in, to the
 * deployment's model and under its signature, and the answer's bytes go back beside what is read of
 * them (EV_RAW). What is read is for usage only: an answer that nobody here knows passes all the
 * same, without any. */

#include "bedrock_decoder.h"

#include "anthropic.h"
#include "invoke.h"

#include "provider/count.h"

static struct slice api_of(const struct llm_request *r)
{
    switch (r->native) {
    case LLM_NATIVE_NONE:
    case LLM_NATIVE_CONVERSE: break;
    case LLM_NATIVE_INVOKE:
        return r->stream ? SLICE("/invoke-with-response-stream") : SLICE("/invoke");
    case LLM_NATIVE_COUNT: return SLICE("/count-tokens");
    }
    return r->stream ? SLICE("/converse-stream") : SLICE("/converse");
}

static bool native_build(const struct provider_attempt *t, struct http_call *call,
                         struct failure *f)
{
    struct provider_attempt called = *t;
    struct slice counted = count_model(t);
    buf_reset(t->body); /* an earlier attempt may have written it */
    buf_add(t->body, t->request->native_body);
    if (t->request->native == LLM_NATIVE_COUNT && counted.n)
        called.model_id = counted;
    return bedrock_sign_call(&called, api_of(t->request), false, (struct http_headers){0}, call, f);
}

/* ---- models that have no form of their own here --------------------------------------------- */

struct plain {
    struct bedrock_decoder core;
    struct llm_usage usage;
};

static void emit_usage(struct bedrock_decoder *d)
{
    struct plain *x = (struct plain *)d;
    if (x->usage.input || x->usage.output)
        bedrock_emit(d, &(struct llm_event){.kind = EV_USAGE, .usage = &x->usage});
}

/* Of a stream the last chunk has Bedrock's counts. */
static void plain_event(struct bedrock_decoder *d, struct slice type, yyjson_val *payload)
{
    struct llm_usage *u = &((struct plain *)d)->usage;
    yyjson_val *metrics = json_get(payload, "amazon-bedrock-invocationMetrics");
    if (!metrics)
        return;
    u->input = bedrock_count(metrics, "inputTokenCount");
    u->output = bedrock_count(metrics, "outputTokenCount");
    u->cache_read = bedrock_count(metrics, "cacheReadInputTokenCount");
    u->cache_write = bedrock_count(metrics, "cacheWriteInputTokenCount");
}

static bool plain_whole(struct bedrock_decoder *d, yyjson_val *body)
{
    emit_usage(d);
    return true;
}

static const struct bedrock_form plain = {
    .event = plain_event,
    .whole = plain_whole,
    .end = emit_usage,
};

static void *plain_decoder(const struct provider_attempt *t, int status,
                           struct http_headers headers, const struct llm_sink *sink)
{
    struct plain *x = ARENA_NEW(t->arena, struct plain);
    x->usage = invoke_usage(headers);
    x->core.stopped = true; /* its stream ends where it ends */
    bedrock_decoder_init(&x->core, &plain, t, status, headers, sink);
    return x;
}

static void *native_decoder(const struct provider_attempt *t, int status,
                            struct http_headers headers, const struct llm_sink *sink)
{
    if (t->request->native == LLM_NATIVE_CONVERSE)
        return bedrock_converse_decoder(t, status, headers, sink);
    if (t->request->native == LLM_NATIVE_INVOKE && t->model->family == FAMILY_CLAUDE)
        return anthropic_decoder(t, status, headers, sink);
    return plain_decoder(t, status, headers, sink);
}

const struct provider provider_native = {
    .name = "bedrock_native",
    .body_max = BEDROCK_BODY_MAX,
    .build = native_build,
    .decoder = native_decoder,
    .feed = bedrock_feed,
    .finish = bedrock_finish,
    .fini = bedrock_fini,
};
