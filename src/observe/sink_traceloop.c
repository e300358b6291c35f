/* Traceloop: OpenTelemetry's spans with Traceloop's own attributes (opentelemetry-semantic-
 * conventions-ai), where its SDK sends them: TRACELOOP_BASE_URL, with TRACELOOP_API_KEY or
 * TRACELOOP_HEADERS. */

#include "genai.h"
#include "otel.h"

#define BASE "https://api.traceloop.com"

static void write_more(struct otlp *o, const struct record *r, struct arena *a)
{
    size_t i, n;
    yyjson_val *key, *value;
    otlp_text(o, "traceloop.entity.name", genai_operation(r));
    if (record_tokens(r)) {
        otlp_integer(o, "gen_ai.usage.total_tokens", record_tokens(r));
        otlp_integer(o, "gen_ai.usage.reasoning_tokens", r->usage.reasoning);
    }
    otlp_bool(o, "gen_ai.is_streaming", r->stream);
    otlp_text(o, "gen_ai.user", r->text.end_user);
    yyjson_obj_foreach(otlp_parse(r->text.metadata, a), i, n, key, value)
    {
        struct slice name =
            ARENA_JOIN(a, SLICE("traceloop.association.properties."), json_slice(key));
        otlp_text_named(o, name, yyjson_is_str(value) ? json_slice(value) : json_text_of(value, a));
    }
}

static void *traceloop_open(struct sink_setup *s)
{
    struct slice key = sink_setting(s, "api_key", "TRACELOOP_API_KEY");
    struct slice headers = sink_setting(s, "headers", "TRACELOOP_HEADERS");
    struct slice base = sink_setting(s, "base_url", "TRACELOOP_BASE_URL");
    struct slice content = sink_setting(s, NULL, "TRACELOOP_TRACE_CONTENT");
    if (!key.n && !headers.n)
        return sink_refuse(s, NULL, "TRACELOOP_API_KEY is not set");
    struct otel *o = otel_new(s);
    if (!o)
        return NULL;
    o->url = sink_url(&o->arena, base.n ? base : SLICE(BASE), SLICE("/v1/traces"));
    o->headers = arena_dup(&o->arena, headers);
    o->authorization = key.n ? sink_bearer(&o->arena, key) : SLICE("");
    o->attempts = true;
    o->bodies = !content.n || slice_eq_nocase(content, SLICE("true"));
    o->more = write_more;
    s->wants_bodies = o->bodies;
    return o;
}

const struct sink_kind sink_traceloop = {
    .names = {"traceloop"},
    .variables = {"TRACELOOP_API_KEY", "TRACELOOP_BASE_URL"},
    .open = traceloop_open,
    .write = otel_write,
    .missed = otel_missed,
    .free = sink_free,
};
