/* Traces for OpenTelemetry: one for each request, with a span for each call of a model, in the
 * GenAI semantic conventions (opentelemetry.io/docs/specs/semconv/gen-ai), over OTLP/HTTP.
 *
 * The environment says where, in OpenTelemetry's names and in LiteLLM's: OTEL_EXPORTER_OTLP_…,
 * OTEL_ENDPOINT, OTEL_HEADERS, OTEL_SERVICE_NAME, OTEL_TRACES_SAMPLER.
 *
 * Failure modes: an exporter that is not HTTP is refused at the start. */

#include "genai.h"
#include "otel.h"

#define ENDPOINT_DEFAULT "http://localhost:4318"

/* ---- what is kept --------------------------------------------------------------------------- */

static uint64_t hex_number(const char *p, size_t n)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 4 | (uint64_t)(p[i] <= '9' ? p[i] - '0' : (p[i] | 0x20) - 'a' + 10);
    return v;
}

/* As TraceIdRatioBased: every party that knows the id decides alike. */
static bool sampled(const struct otel *o, const struct record *r)
{
    if (o->follows_parent && r->text.parent_span.n)
        return r->sampled;
    switch (o->sampler) {
    case SAMPLE_ALL: return true;
    case SAMPLE_NONE: return false;
    case SAMPLE_RATIO: break;
    }
    return hex_number(r->trace + RECORD_TRACE_SIZE / 2, RECORD_TRACE_SIZE / 2) >> 1 < o->ratio;
}

static bool read_sampler(struct otel *o, struct sink_setup *s)
{
    struct slice name = sink_setting(s, NULL, "OTEL_TRACES_SAMPLER");
    struct slice arg = sink_setting(s, NULL, "OTEL_TRACES_SAMPLER_ARG");
    double ratio = 1;
    o->follows_parent = !name.n || slice_starts(name, SLICE("parentbased_"));
    if (slice_starts(name, SLICE("parentbased_")))
        name = slice_skip(name, sizeof("parentbased_") - 1);
    if (!name.n || slice_eq(name, SLICE("always_on")))
        o->sampler = SAMPLE_ALL;
    else if (slice_eq(name, SLICE("always_off")))
        o->sampler = SAMPLE_NONE;
    else if (slice_eq(name, SLICE("traceidratio")))
        o->sampler = SAMPLE_RATIO;
    else
        return false;
    if (arg.n && (!slice_to_double(arg, &ratio) || !(ratio >= 0 && ratio <= 1)))
        return false;
    o->ratio = (uint64_t)(ratio * (double)(UINT64_C(1) << 63));
    return true;
}

/* ---- where to ------------------------------------------------------------------------------- */

static void read_url(struct otel *o, const struct sink_setup *s)
{
    struct slice whole = sink_setting(s, NULL, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT");
    struct slice base = sink_setting(s, "endpoint", "OTEL_EXPORTER_OTLP_ENDPOINT");
    if (!base.n)
        base = sink_setting(s, NULL, "OTEL_ENDPOINT");
    if (!base.n)
        base = SLICE(ENDPOINT_DEFAULT);
    o->url = genai_url(&o->arena, whole.n ? whole : base);
}

/* What OTEL_EXPORTER and OTEL_EXPORTER_OTLP_PROTOCOL may say; the latter wins. */
static bool read_protocol(const struct sink_setup *s, bool *json)
{
    struct slice exporter = sink_setting(s, "exporter", "OTEL_EXPORTER");
    struct slice protocol = sink_setting(s, NULL, "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL");
    if (!protocol.n)
        protocol = sink_setting(s, NULL, "OTEL_EXPORTER_OTLP_PROTOCOL");
    *json = slice_eq(protocol.n ? protocol : exporter, SLICE("http/json"));
    return (!exporter.n || slice_starts(exporter, SLICE("otlp_http")) ||
            slice_starts(exporter, SLICE("http/"))) &&
           (!protocol.n || slice_starts(protocol, SLICE("http/")));
}

struct otel *otel_new(struct sink_setup *s)
{
    struct otel *o = sink_new(sizeof(*o));
    o->spans.arena = &o->arena;
    if (!read_sampler(o, s))
        return sink_refuse(s, o, "OTEL_TRACES_SAMPLER, or its _ARG, is none that is supported");
    o->service = sink_kept(&o->arena, s, "service_name", "OTEL_SERVICE_NAME", SLICE("litellm"));
    o->environment =
        sink_kept(&o->arena, s, "deployment_environment", "OTEL_ENVIRONMENT_NAME", SLICE(""));
    return o;
}

static void *otel_open(struct sink_setup *s)
{
    bool json;
    if (!read_protocol(s, &json))
        return sink_refuse(s, NULL, "OTEL_EXPORTER: only otlp_http is supported");
    struct otel *o = otel_new(s);
    if (!o)
        return NULL;
    read_url(o, s);
    o->json = json;
    o->attempts = true;
    o->headers = sink_kept(&o->arena, s, "headers", "OTEL_EXPORTER_OTLP_HEADERS",
                           sink_setting(s, NULL, "OTEL_HEADERS"));
    o->bodies = slice_eq_nocase(
        sink_setting(s, NULL, "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT"), SLICE("true"));
    s->wants_bodies = o->bodies;
    return o;
}

/* ---- spans ---------------------------------------------------------------------------------- */

static void write_call(struct otlp *o, const struct record *r, const struct record_attempt *t)
{
    genai_call(o, r, t->model);
    otlp_text(o, "cloud.region", t->region);
    otlp_text(o, "litellm.deployment.id", t->deployment);
    otlp_text(o, "litellm.model_group", t->group);
    otlp_integer(o, "http.response.status_code", t->status);
    otlp_text(o, "error.type", t->error_class);
}

static struct memo_key key_of(const struct record *r, const struct record_attempt *t)
{
    if (!t)
        return (struct memo_key){record_common(r), RECORD_COMMON, genai_more(r)};
    /* Operations have different lengths. A message is nobody else's. */
    return (struct memo_key){record_attempt_texts(t), RECORD_ATTEMPT_TEXTS - 1,
                             (uint64_t)(uint32_t)t->status | genai_operation(r).n << 32};
}

/* With the attributes that many spans have in common; of the request: without `t`. */
static void begin_span(struct memo *m, struct otlp *o, struct otlp_span *span,
                       const struct record *r, const struct record_attempt *t, struct arena *a)
{
    const struct memo_key key = key_of(r, t);
    const struct slice *made = memo_find(m, &key);
    span->name = made ? made[0] : genai_name(a, r, t ? t->model : r->text.model);
    otlp_span_begin(o, span);
    if (made) {
        otlp_again(o, made[1]);
        return;
    }
    size_t start = o->out->n;
    if (t)
        write_call(o, r, t);
    else
        genai_common(o, r, a);
    struct slice written = slice_make(o->out->p + start, o->out->n - start);
    if (!o->out->overflow)
        memo_keep(m, &key, (const struct slice[MEMO_PARTS]){span->name, written});
}

static void write_request(struct otel *self, struct otlp *o, const struct record *r,
                          struct arena *a)
{
    struct otlp_span span = {
        .trace = slice_make(r->trace, sizeof(r->trace)),
        .id = slice_make(r->span, sizeof(r->span)),
        .parent = r->text.parent_span,
        .trace_state = r->text.trace_state,
        .kind = self->attempts ? OTLP_SERVER : OTLP_CLIENT,
        .begun_ms = r->begun_ms,
        .ended_ms = r->ended_ms,
    };
    begin_span(&self->spans, o, &span, r, NULL, a);
    genai_own(o, r, a);
    if (self->bodies)
        genai_bodies(o, r, a);
    if (self->more)
        self->more(o, r, a);
    otlp_span_end(o, r->failed, r->text.error_message);
}

static void write_attempt(struct otel *self, struct otlp *o, const struct record *r,
                          const struct record_attempt *t, struct arena *a)
{
    struct otlp_span span = {
        .trace = slice_make(r->trace, sizeof(r->trace)),
        .id = slice_make(t->span, sizeof(t->span)),
        .parent = slice_make(r->span, sizeof(r->span)),
        .trace_state = r->text.trace_state,
        .kind = OTLP_CLIENT,
        .begun_ms = t->begun_ms,
        .ended_ms = t->ended_ms,
    };
    begin_span(&self->spans, o, &span, r, t, a);
    otlp_span_end(o, t->error_class.n, t->message);
}

bool otel_write(void *self, struct parcel *const *parcels, size_t n, struct sink_call *call)
{
    struct otel *o = self;
    struct otlp w;
    size_t told = 0;
    otlp_begin(&w, &call->body, o->json);
    otlp_text(&w, "service.name", o->service);
    otlp_text(&w, "service.version", SLICE(LINTEL_VERSION));
    otlp_text(&w, "deployment.environment.name", o->environment);
    otlp_text(&w, "deployment.environment", o->environment);
    otlp_spans(&w);
    for (size_t i = 0; i < n; i++) {
        const struct record *r = record_of(parcels[i]);
        if (!sampled(o, r))
            continue;
        told++;
        struct arena_mark mark = arena_mark(&call->arena); /* the next one's memory is this one's */
        write_request(o, &w, r, &call->arena);
        for (size_t t = 0; o->attempts && t < r->attempt_count; t++)
            write_attempt(o, &w, r, &r->attempts[t], &call->arena);
        arena_rewind(&call->arena, mark);
    }
    otlp_end(&w);
    call->url = told ? o->url : NULL;
    sink_call_header(call, "content-type", otlp_content_type(o->json));
    sink_call_headers(call, o->headers);
    if (o->authorization.n)
        sink_call_header(call, "authorization", o->authorization);
    if (o->project.n)
        sink_call_header(call, "project_id", o->project);
    return true;
}

size_t otel_missed(void *self, struct slice answer, struct arena *a, struct slice *why)
{
    return otlp_missed(answer, a, why);
}

const struct sink_kind sink_otel = {
    .names = {"otel", "opentelemetry"},
    .variables = {"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_HEADERS", "OTEL_SERVICE_NAME"},
    .open = otel_open,
    .write = otel_write,
    .missed = otel_missed,
    .free = sink_free,
};
