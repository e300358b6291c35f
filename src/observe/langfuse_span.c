/* A request as one span of OTLP with Langfuse's own attributes (langfuse.com, "OpenTelemetry"),
 * which becomes a trace with one generation; the trace shows the input and output of it. */

#include "genai.h"
#include "langfuse.h"
#include "wire/crypto.h"

static bool is_hex(struct slice s, size_t n)
{
    for (size_t i = 0; i < s.n; i++)
        if (!(s.p[i] >= '0' && s.p[i] <= '9') && !(s.p[i] >= 'a' && s.p[i] <= 'f'))
            return false;
    return s.n == n;
}

/* An id that is none of OpenTelemetry's is a seed, as in Langfuse's SDKs: the same one leads to the
 * same trace. */
static struct slice trace_of(const struct langfuse_story *s)
{
    char hash[HEX_SIZE(SHA256_SIZE)];
    if (!s->trace_given)
        return slice_make(s->record->trace, RECORD_TRACE_SIZE);
    if (is_hex(s->trace_id, RECORD_TRACE_SIZE))
        return s->trace_id;
    sha256_hex(s->trace_id, hash);
    return arena_dup(s->arena, slice_make(hash, RECORD_TRACE_SIZE));
}

static struct slice parent_of(const struct langfuse_story *s)
{
    if (is_hex(s->parent, RECORD_SPAN_SIZE))
        return s->parent;
    return s->trace_given ? slice_make(NULL, 0) : s->record->text.parent_span;
}

typedef void json_part(struct json_writer *w, const struct langfuse_story *s);

static void write_json(struct json_writer *w, struct slice head, const struct langfuse_story *s,
                       json_part *part)
{
    struct json_writer inner;
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    part(&inner, s);
    if (!s->scratch->overflow)
        otlp_add_text(w, head, buf_slice(s->scratch));
}

static void write_tags(struct json_writer *w, const struct langfuse_story *s)
{
    struct json_writer inner;
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    langfuse_write_tags(&inner, s);
    yyjson_val *list = json_parse(buf_slice(s->scratch), s->arena, NULL);
    if (yyjson_arr_size(list))
        otlp_texts(w, "langfuse.trace.tags", list);
}

static void write_trace(struct json_writer *w, const struct langfuse_story *s)
{
    if (s->trace_exists)
        return;
    otlp_text(w, "langfuse.trace.name", s->trace_name);
    otlp_text(w, "user.id", s->user);
    otlp_text(w, "session.id", s->session);
    if (langfuse_tagged(s))
        write_tags(w, s);
    otlp_text(w, "langfuse.release", s->release);
    if (s->metadata)
        write_json(w, OTLP_HEAD("langfuse.trace.metadata", "stringValue"), s,
                   langfuse_write_trace_metadata);
}

static void write_generation(struct json_writer *w, const struct langfuse_story *s)
{
    int64_t version;
    const struct record *r = s->record;
    otlp_text(w, "langfuse.observation.type", SLICE("generation"));
    otlp_text(w, "langfuse.observation.input", s->input);
    otlp_text(w, "langfuse.observation.output", s->output);
    otlp_text(w, "langfuse.observation.model.name", s->model);
    write_json(w, OTLP_HEAD("langfuse.observation.model.parameters", "stringValue"), s,
               langfuse_write_parameters);
    write_json(w, OTLP_HEAD("langfuse.observation.metadata", "stringValue"), s,
               langfuse_write_metadata);
    otlp_text(w, "langfuse.observation.level", r->failed ? SLICE("ERROR") : SLICE("DEFAULT"));
    otlp_text(w, "langfuse.observation.status_message", r->text.error_message);
    if (!r->failed)
        write_json(w, OTLP_HEAD("langfuse.observation.usage_details", "stringValue"), s,
                   langfuse_write_usage);
    if (!r->failed && r->priced)
        write_json(w, OTLP_HEAD("langfuse.observation.cost_details", "stringValue"), s,
                   langfuse_write_cost);
    if (r->stream && r->first_ms) /* in JSON, as the SDKs write it */
        otlp_text(
            w, "langfuse.observation.completion_start_time",
            ARENA_JOIN(s->arena, SLICE("\""), langfuse_time(s->arena, r->first_ms), SLICE("\"")));
    otlp_text(w, "langfuse.version", s->version);
    otlp_text(w, "langfuse.environment", s->environment);
    otlp_text(w, "langfuse.observation.prompt.name", s->prompt_name);
    if (slice_to_i64(s->prompt_version, &version))
        otlp_integer(w, "langfuse.observation.prompt.version", version);
}

void langfuse_span(struct json_writer *w, const struct langfuse_story *s)
{
    const struct record *r = s->record;
    const struct otlp_span span = {
        .trace = trace_of(s),
        .id = slice_make(r->span, sizeof(r->span)),
        .parent = parent_of(s),
        .name = s->generation_name,
        .kind = OTLP_CLIENT,
        .begun_ms = r->begun_ms,
        .ended_ms = r->ended_ms,
    };
    otlp_span_begin(w, &span);
    otlp_text(w, "gen_ai.operation.name", genai_operation(r));
    otlp_text(w, "gen_ai.provider.name", SLICE("aws.bedrock"));
    otlp_text(w, "gen_ai.request.model", r->text.model);
    otlp_text(w, "gen_ai.response.model", s->model);
    write_trace(w, s);
    write_generation(w, s);
    otlp_span_end(w, r->failed, r->text.error_message);
}
