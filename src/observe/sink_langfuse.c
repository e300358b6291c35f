/* Langfuse: over its OpenTelemetry endpoint, and, where the server has none yet (404: before 3.22),
 * over its ingestion API from then on. `langfuse_otel` stays with the first.
 *
 * Failure modes: missing keys are refused at the start; keys that the server does not know (401)
 * are said in the log, and what was to be told is dropped. */

#include "langfuse.h"
#include "otlp.h"
#include "sinks.h"

#define HOST_DEFAULT "https://cloud.langfuse.com"
#define SCRATCH_MAX  ((size_t)256 * 1024) /* bytes of one attribute that is JSON made here */

struct langfuse {
    struct arena arena;
    const char *spans, *ingestion; /* URLs; ingestion NULL: never */
    bool old;                      /* the server takes no spans */
    struct slice authorization;
    struct langfuse_defaults defaults;
    struct memo memo;
};

static void read_urls(struct langfuse *l, const struct sink_setup *s, bool spans_only)
{
    struct slice host = sink_setting(s, "host", spans_only ? "LANGFUSE_OTEL_HOST" : NULL);
    if (!host.n)
        host = sink_setting(s, NULL, "LANGFUSE_HOST");
    if (!host.n)
        host = sink_setting(s, NULL, "LANGFUSE_BASE_URL");
    if (!host.n)
        host = SLICE(HOST_DEFAULT);
    while (slice_ends(host, SLICE("/")))
        host.n--;
    bool bare = slice_find(host, SLICE("://")) < 0; /* LiteLLM takes that too */
    host = bare ? ARENA_JOIN(&l->arena, SLICE("https://"), host) : host;
    bool whole = slice_ends(host, SLICE("/api/public/otel"));
    l->spans = ARENA_JOIN(&l->arena, host, whole ? SLICE("") : SLICE("/api/public/otel"),
                          SLICE("/v1/traces"))
                   .p;
    if (!spans_only)
        l->ingestion = ARENA_JOIN(&l->arena, host, SLICE("/api/public/ingestion")).p;
}

static void *open_langfuse(struct sink_setup *s, bool spans_only)
{
    struct slice name = sink_setting(s, "public_key", "LANGFUSE_PUBLIC_KEY");
    struct slice secret = sink_setting(s, "langfuse_secret", NULL); /* in callback_vars */
    if (!secret.n)
        secret = sink_setting(s, "secret_key", "LANGFUSE_SECRET_KEY");
    if (!name.n || !secret.n)
        return sink_refuse(s, NULL, "%s is not set",
                           name.n ? "LANGFUSE_SECRET_KEY" : "LANGFUSE_PUBLIC_KEY");
    struct langfuse *l = sink_new(sizeof(*l));
    l->memo.arena = &l->arena;
    read_urls(l, s, spans_only);
    l->authorization = sink_basic(&l->arena, name, secret);
    l->defaults.environment =
        sink_kept(&l->arena, s, "environment", "LANGFUSE_TRACING_ENVIRONMENT", SLICE(""));
    l->defaults.release = sink_kept(&l->arena, s, "release", "LANGFUSE_RELEASE", SLICE(""));
    l->defaults.tags = sink_option_list(&l->arena, s, "langfuse_default_tags");
    l->defaults.update_traces =
        yyjson_is_true(json_get(s->options, "langfuse_enable_update_trace_keys"));
    s->wants_bodies = true;
    return l;
}

static void *open_both(struct sink_setup *s)
{
    return open_langfuse(s, false);
}

static void *open_spans(struct sink_setup *s)
{
    return open_langfuse(s, true);
}

/* As one of both; the other is NULL. */
static void write_stories(struct langfuse *l, struct parcel *const *parcels, size_t n,
                          struct arena *a, struct json_writer *events, struct otlp *spans)
{
    struct buf scratch;
    buf_init(&scratch, SCRATCH_MAX);
    for (size_t i = 0; i < n; i++) {
        struct langfuse_story story;
        struct arena_mark mark = arena_mark(a); /* the next one's memory is this one's */
        langfuse_read(&story, record_of(parcels[i]), &l->defaults, a, &scratch);
        story.memo = &l->memo;
        if (spans)
            langfuse_span(spans, &story);
        else
            langfuse_ingest(events, &story);
        arena_rewind(a, mark);
    }
    buf_fini(&scratch);
}

static bool langfuse_write(void *self, struct parcel *const *parcels, size_t n,
                           struct sink_call *call)
{
    struct langfuse *l = self;
    if (l->old) {
        struct json_writer w;
        json_begin(&w, &call->body);
        json_object(&w);
        json_key(&w, "batch");
        json_array(&w);
        write_stories(l, parcels, n, &call->arena, &w, NULL);
        json_array_end(&w);
        json_object_end(&w);
    } else {
        struct otlp o;
        otlp_begin(&o, &call->body, false);
        otlp_text(&o, "service.name", SLICE("litellm"));
        otlp_spans(&o);
        write_stories(l, parcels, n, &call->arena, NULL, &o);
        otlp_end(&o);
        sink_call_header(call, "x-langfuse-ingestion-version", SLICE("4"));
    }
    call->url = l->old ? l->ingestion : l->spans;
    sink_call_header(call, "content-type", otlp_content_type(l->old));
    sink_call_header(call, "authorization", l->authorization);
    return true;
}

static enum sink_verdict langfuse_judge(void *self, int status, struct slice answer)
{
    struct langfuse *l = self;
    if (status == 404 && l->ingestion && !l->old) {
        l->old = true;
        return SINK_OTHERWISE;
    }
    return sink_judge(status);
}

/* Of the ingestion API: {"successes": …, "errors": [{"id": …, "message": …}]} with a 207. */
static size_t langfuse_missed(void *self, struct slice answer, struct arena *a, struct slice *why)
{
    const struct langfuse *l = self;
    if (!l->old)
        return otlp_missed(answer, a, why);
    yyjson_val *errors = json_get(json_parse(answer, a, NULL), "errors");
    if (yyjson_arr_size(errors))
        *why = json_text_of(yyjson_arr_get_first(errors), a);
    return yyjson_arr_size(errors);
}

const struct sink_kind sink_langfuse = {
    .names = {"langfuse"},
    .variables = {"LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_HOST"},
    .open = open_both,
    .write = langfuse_write,
    .missed = langfuse_missed,
    .judge = langfuse_judge,
    .free = sink_free,
};

const struct sink_kind sink_langfuse_otel = {
    .names = {"langfuse_otel"},
    .variables = {"LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY", "LANGFUSE_HOST"},
    .open = open_spans,
    .write = langfuse_write,
    .missed = langfuse_missed,
    .free = sink_free,
};
