/* A request as one span of OTLP with Langfuse's own attributes (langfuse.com, "OpenTelemetry"),
 * which becomes a trace with one generation; the trace shows the input and output of it. */

#include "genai.h"
#include "langfuse.h"
#include "wire/crypto.h"

/* Hexadecimal digits in any case, with dashes or not, are an id of OpenTelemetry's. What is none is
 * a seed, as in Langfuse's SDKs: the same one leads to the same id. */
static struct slice id_of(struct slice said, size_t n, struct arena *a)
{
    char hash[HEX_SIZE(SHA256_SIZE)], *digits = arena_alloc(a, n);
    size_t found = 0;
    bool zero = true, hex = true;
    for (size_t i = 0; i < said.n && hex && found <= n; i++) {
        char c = said.p[i], low = (char)(c | 0x20);
        if (c == '-')
            continue;
        hex = (c >= '0' && c <= '9') || (low >= 'a' && low <= 'f');
        zero = zero && c == '0';
        if (found < n)
            digits[found] = c <= '9' ? c : low;
        found++;
    }
    if (hex && found == n && !zero)
        return slice_make(digits, n);
    sha256_hex(said, hash);
    return arena_dup(a, slice_make(hash, n));
}

static struct slice trace_of(const struct langfuse_story *s)
{
    return s->trace_given ? id_of(s->trace_id, RECORD_TRACE_SIZE, s->arena)
                          : slice_make(s->record->trace, RECORD_TRACE_SIZE);
}

static struct slice span_of(const struct langfuse_story *s)
{
    return s->generation_given ? id_of(s->generation_id, RECORD_SPAN_SIZE, s->arena)
                               : slice_make(s->record->span, RECORD_SPAN_SIZE);
}

/* A trace shows the input and output of the span that has no parent: in one that exists there is a
 * parent, which nobody tells of. */
static struct slice parent_of(const struct langfuse_story *s)
{
    if (s->parent.n)
        return id_of(s->parent, RECORD_SPAN_SIZE, s->arena);
    if (s->trace_exists)
        return id_of(s->record->text.call_id, RECORD_SPAN_SIZE, s->arena);
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
    if (langfuse_tells(s, "trace_name"))
        otlp_text(o, "langfuse.trace.name", langfuse_trace_name(s));
    if (langfuse_tells(s, "trace_user_id"))
        otlp_text(o, "user.id", s->user);
    if (langfuse_tells(s, "trace_release"))
        otlp_text(o, "langfuse.release", s->release);
    if (langfuse_tagged(s) && langfuse_tells(s, "tags"))
        write_tags(o, s);
    if (s->trace_public && langfuse_tells(s, "trace_public"))
        otlp_bool(o, "langfuse.trace.public", true);
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
    if (!s->trace_exists)
        otlp_text(o, "session.id", s->session);
    if (s->trace_exists && langfuse_tells(s, "input"))
        otlp_add_pieces(o, OTLP_TEXT("langfuse.trace.input"), s->input, LANGFUSE_INPUT);
    if (s->trace_exists && langfuse_tells(s, "output"))
        otlp_add_pieces(o, OTLP_TEXT("langfuse.trace.output"), &s->output, 1);
    if (s->metadata && (langfuse_tells(s, "metadata") || langfuse_tells(s, "trace_metadata")))
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
    bool counted = !r->failed || record_tokens(r); /* what broke off costs, too */
    if (counted)
        write_json(o, OTLP_TEXT("langfuse.observation.usage_details"), s, langfuse_write_usage);
    if (counted && r->priced)
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
        .id = span_of(s),
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
