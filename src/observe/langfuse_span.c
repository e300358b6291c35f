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

static void write_json(struct otlp *o, struct otlp_key name, const struct langfuse_story *s,
                       json_part *part)
{
    struct json_writer inner;
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    part(&inner, s);
    if (!s->scratch->overflow)
        otlp_add_text(o, name, buf_slice(s->scratch));
}

static void write_tags(struct otlp *o, const struct langfuse_story *s)
{
    struct json_writer inner;
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    langfuse_write_tags(&inner, s);
    yyjson_val *list = json_parse(buf_slice(s->scratch), s->arena, NULL);
    if (yyjson_arr_size(list))
        otlp_texts(o, "langfuse.trace.tags", list);
}

/* What the client may change. */
static void write_names(struct otlp *o, const struct langfuse_story *s)
{
    otlp_text(o, "langfuse.version", s->version);
    otlp_text(o, "langfuse.environment", s->environment);
    if (s->trace_exists)
        return;
    otlp_text(o, "langfuse.trace.name", langfuse_trace_name(s));
    otlp_text(o, "user.id", s->user);
    otlp_text(o, "langfuse.release", s->release);
    if (langfuse_tagged(s))
        write_tags(o, s);
}

/* Made of record_common and what genai_more tells, if the client changes nothing. */
static void write_common(struct otlp *o, const struct langfuse_story *s)
{
    const struct record *r = s->record;
    otlp_text(o, "langfuse.observation.type", SLICE("generation"));
    otlp_text(o, "langfuse.observation.model.name", s->model);
    write_json(o, OTLP_TEXT("langfuse.observation.model.parameters"), s, langfuse_write_parameters);
    otlp_text(o, "langfuse.observation.level", r->failed ? SLICE("ERROR") : SLICE("DEFAULT"));
    if (!s->steered)
        write_names(o, s);
}

static void write_trace(struct otlp *o, const struct langfuse_story *s)
{
    if (s->steered)
        write_names(o, s);
    if (s->trace_exists)
        return;
    otlp_text(o, "session.id", s->session);
    if (s->metadata)
        write_json(o, OTLP_TEXT("langfuse.trace.metadata"), s, langfuse_write_trace_metadata);
}

/* `common`: its members that were written already; NULL: they are too long. */
static void write_metadata(struct otlp *o, const struct langfuse_story *s, struct slice common)
{
    struct json_writer inner;
    if (!common.p)
        return;
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    json_object(&inner);
    langfuse_write_said(&inner, s);
    json_raw(&inner, common);
    langfuse_write_own(&inner, s->record);
    json_object_end(&inner);
    if (!s->scratch->overflow)
        otlp_text(o, "langfuse.observation.metadata", buf_slice(s->scratch));
}

static void write_generation(struct otlp *o, const struct langfuse_story *s, struct slice common)
{
    int64_t version;
    const struct record *r = s->record;
    otlp_add_pieces(o, OTLP_TEXT("langfuse.observation.input"), s->input, LANGFUSE_INPUT);
    otlp_add_pieces(o, OTLP_TEXT("langfuse.observation.output"), &s->output, 1);
    write_metadata(o, s, common);
    otlp_text(o, "langfuse.observation.status_message", r->text.error_message);
    if (!r->failed)
        write_json(o, OTLP_TEXT("langfuse.observation.usage_details"), s, langfuse_write_usage);
    if (!r->failed && r->priced)
        write_json(o, OTLP_TEXT("langfuse.observation.cost_details"), s, langfuse_write_cost);
    if (r->stream && r->first_ms) /* in JSON, as the SDKs write it */
        otlp_text(
            o, "langfuse.observation.completion_start_time",
            ARENA_JOIN(s->arena, SLICE("\""), langfuse_time(s->arena, r->first_ms), SLICE("\"")));
    otlp_text(o, "langfuse.observation.prompt.name", s->prompt_name);
    if (slice_to_i64(s->prompt_version, &version))
        otlp_integer(o, "langfuse.observation.prompt.version", version);
}

/* The beginning of a span, up to its first attributes; returns the common members of the metadata.
 */
static struct slice begin_span(struct otlp *o, const struct langfuse_story *s,
                               struct otlp_span *span)
{
    struct json_writer inner;
    const struct record *r = s->record;
    const struct memo_key key = {record_common(r), RECORD_COMMON,
                                 genai_more(r) | (uint64_t)s->steered << 63};
    const struct slice *made = memo_find(s->memo, &key);
    span->name = made && !s->steered ? made[0] : langfuse_generation_name(s);
    otlp_span_begin(o, span);
    if (made) {
        otlp_again(o, made[1]);
        return made[2];
    }
    size_t start = o->out->n;
    write_common(o, s);
    buf_reset(s->scratch);
    json_begin(&inner, s->scratch);
    langfuse_write_common(&inner, r);
    if (s->scratch->overflow || o->out->overflow)
        return slice_make(NULL, 0);
    struct slice members = arena_dup(s->arena, buf_slice(s->scratch));
    struct slice written = slice_make(o->out->p + start, o->out->n - start);
    memo_keep(s->memo, &key, (const struct slice[MEMO_PARTS]){span->name, written, members});
    return members;
}

void langfuse_span(struct otlp *o, const struct langfuse_story *s)
{
    const struct record *r = s->record;
    struct otlp_span span = {
        .trace = trace_of(s),
        .id = slice_make(r->span, sizeof(r->span)),
        .parent = parent_of(s),
        .kind = OTLP_CLIENT,
        .begun_ms = r->begun_ms,
        .ended_ms = r->ended_ms,
    };
    struct slice common = begin_span(o, s, &span);
    write_trace(o, s);
    write_generation(o, s, common);
    otlp_span_end(o, r->failed, r->text.error_message);
}
