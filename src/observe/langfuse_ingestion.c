/* Langfuse's ingestion API (POST /api/public/ingestion, api-reference "Ingestion"): each request is
 * two events, trace-create and generation-create. Their ids are made from the request's, so that a
 * batch that is sent twice is taken once. */

#include "langfuse.h"
#include "sinks.h"

static void begin_event(struct json_writer *w, const struct langfuse_story *s, const char *type)
{
    const struct record *r = s->record;
    json_object(w);
    json_member_string(w, "id", ARENA_JOIN(s->arena, r->text.call_id, SLICE("-"), slice_of(type)));
    json_member_string(w, "type", slice_of(type));
    json_member_string(w, "timestamp", langfuse_time(s->arena, r->ended_ms));
    json_key(w, "body");
    json_object(w);
}

static void end_event(struct json_writer *w)
{
    json_object_end(w);
    json_object_end(w);
}

static void write_input(struct json_writer *w, const struct langfuse_story *s)
{
    sink_member_json(
        w, "input",
        ARENA_JOIN(s->arena, s->input[0], s->input[1], s->input[2], s->input[3], s->input[4]));
}

static void write_trace_names(struct json_writer *w, const struct langfuse_story *s)
{
    if (langfuse_tells(s, "trace_name"))
        sink_member_text(w, "name", langfuse_trace_name(s));
    if (langfuse_tells(s, "trace_user_id"))
        sink_member_text(w, "userId", s->user);
    if (langfuse_tells(s, "trace_release"))
        sink_member_text(w, "release", s->release);
    if (langfuse_tells(s, "trace_version"))
        sink_member_text(w, "version", s->trace_version);
    if (langfuse_tells(s, "tags"))
        json_key(w, "tags"), langfuse_write_tags(w, s);
    if (s->trace_public && langfuse_tells(s, "trace_public"))
        json_member_bool(w, "public", true);
}

static void write_trace(struct json_writer *w, const struct langfuse_story *s)
{
    const struct record *r = s->record;
    begin_event(w, s, "trace-create");
    json_member_string(w, "id", s->trace_id);
    if (!s->trace_exists) {
        json_member_string(w, "timestamp", langfuse_time(s->arena, r->begun_ms));
        sink_member_text(w, "sessionId", s->session);
        sink_member_text(w, "environment", s->environment);
    }
    write_trace_names(w, s);
    if (langfuse_tells(s, "input"))
        write_input(w, s);
    if (langfuse_tells(s, "output"))
        sink_member_json(w, "output", s->output);
    if (langfuse_tells(s, "metadata") || langfuse_tells(s, "trace_metadata"))
        json_key(w, "metadata"), langfuse_write_trace_metadata(w, s);
    end_event(w);
}

static void write_prices(struct json_writer *w, const struct langfuse_story *s)
{
    json_key(w, "usageDetails"), langfuse_write_usage(w, s);
    if (s->record->priced)
        json_key(w, "costDetails"), langfuse_write_cost(w, s);
}

static void write_times(struct json_writer *w, const struct langfuse_story *s)
{
    const struct record *r = s->record;
    json_member_string(w, "startTime", langfuse_time(s->arena, r->begun_ms));
    json_member_string(w, "endTime", langfuse_time(s->arena, r->ended_ms));
    if (r->stream && r->first_ms)
        json_member_string(w, "completionStartTime", langfuse_time(s->arena, r->first_ms));
}

static void write_generation(struct json_writer *w, const struct langfuse_story *s)
{
    int64_t version;
    const struct record *r = s->record;
    begin_event(w, s, "generation-create");
    json_member_string(w, "id", s->generation_id);
    json_member_string(w, "traceId", s->trace_id);
    json_member_string(w, "name", langfuse_generation_name(s));
    sink_member_text(w, "parentObservationId", s->parent);
    write_times(w, s);
    json_member_string(w, "model", s->model);
    json_key(w, "modelParameters"), langfuse_write_parameters(w, s);
    write_input(w, s);
    sink_member_json(w, "output", s->output);
    if (!r->failed || record_tokens(r)) /* what broke off costs, too */
        write_prices(w, s);
    json_member_string(w, "level", r->failed ? SLICE("ERROR") : SLICE("DEFAULT"));
    sink_member_text(w, "statusMessage", r->text.error_message);
    sink_member_text(w, "version", s->version);
    sink_member_text(w, "environment", s->environment);
    sink_member_text(w, "promptName", s->prompt_name);
    if (slice_to_i64(s->prompt_version, &version))
        json_member_integer(w, "promptVersion", version);
    json_key(w, "metadata"), langfuse_write_metadata(w, s);
    end_event(w);
}

void langfuse_ingest(struct json_writer *w, const struct langfuse_story *s)
{
    write_trace(w, s);
    write_generation(w, s);
}
