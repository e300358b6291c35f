/* LiteLLM's standard logging payload.
 *
 * Happy path: what a record holds as JSON is written as it is, the rest member by member. Whoever
 * reads such payloads counts on the members, so those that we know nothing of are there and null.
 *
 * Failure modes: none; what a record lacks is null or empty. */

#include "payload.h"

#include "otlp.h"
#include "sinks.h"

#define ANSWER_MAX ((size_t)2 * 1024 * 1024) /* bytes of an answer that is an attribute */
#define WHOLE_MAX  SINK_CALL_MAX

/* ---- values --------------------------------------------------------------------------------- */

#define member_text(w, literal, value) (json_key((w), literal), json_string_or_null((w), (value)))
#define member_null(w, literal)        (json_key((w), literal), json_null(w))
#define member_number(w, literal, v)   (json_key((w), literal), json_number((w), (v)))

static void json_or(struct json_writer *w, struct slice json, const char *otherwise)
{
    json_raw(w, json.n ? json : slice_of(otherwise));
}

static double seconds(int64_t unix_ms)
{
    return (double)unix_ms / 1000;
}

static struct slice model_of(const struct record *r)
{
    return r->text.upstream.n ? r->text.upstream : r->text.model;
}

struct slice payload_provider(const struct record *r)
{
    return slice_eq(r->text.call_type, SLICE("pass_through_endpoint")) ? SLICE("")
                                                                       : SLICE("bedrock");
}

bool payload_embeds(const struct record *r)
{
    return slice_find(r->text.call_type, SLICE("embedding")) >= 0;
}

/* ---- the answer ----------------------------------------------------------------------------- */

static void write_usage(struct json_writer *w, const struct record *r)
{
    const struct llm_usage *u = &r->usage;
    json_object(w);
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(u));
    json_member_integer(w, "completion_tokens", u->output);
    json_member_integer(w, "total_tokens", record_tokens(r));
    json_key(w, "prompt_tokens_details");
    json_object(w);
    json_member_integer(w, "cached_tokens", u->cache_read);
    json_object_end(w);
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_object_end(w);
}

/* Vectors are told to nobody. */
static void write_embeddings(struct json_writer *w, const struct record *r)
{
    json_object(w);
    json_member_string(w, "object", SLICE("list"));
    json_key(w, "data"), json_raw(w, SLICE("[]"));
    json_member_string(w, "model", model_of(r));
    json_key(w, "usage"), write_usage(w, r);
    json_object_end(w);
}

void payload_response(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    if (payload_embeds(r)) {
        write_embeddings(w, r);
        return;
    }
    json_object(w);
    json_member_string(w, "id", t->answer_id);
    json_member_string(w, "object", SLICE("chat.completion"));
    json_member_integer(w, "created", r->begun_ms / 1000);
    json_member_string(w, "model", model_of(r));
    json_key(w, "choices");
    json_array(w);
    if (t->output.n) {
        json_object(w);
        member_text(w, "finish_reason", t->finish_reason);
        json_member_integer(w, "index", 0);
        json_key(w, "message"), json_raw(w, t->output);
        json_object_end(w);
    }
    json_array_end(w);
    json_key(w, "usage"), write_usage(w, r);
    json_object_end(w);
}

struct slice payload_answer(const struct record *r, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, ANSWER_MAX);
    json_begin(&w, &b);
    payload_response(&w, r);
    struct slice text = b.overflow ? SLICE("") : arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* ---- the request ---------------------------------------------------------------------------- */

void payload_messages(struct json_writer *w, const struct record *r)
{
    if (r->redacted)
        json_raw(w, SLICE("[{\"role\":\"user\",\"content\":\"redacted-by-litellm\"}]"));
    else
        json_or(w, r->text.messages, "null");
}

void payload_parameters(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    if (t->parameters.n > sizeof("{}") - 1) /* its members */
        json_raw(w, slice_make(t->parameters.p + 1, t->parameters.n - 2));
    sink_member_json(w, "tools", t->tools);
}

void payload_request(struct json_writer *w, const struct record *r)
{
    json_object(w);
    json_member_string(w, "model", model_of(r));
    if (payload_embeds(r))
        json_key(w, "input");
    else
        json_key(w, "messages");
    payload_messages(w, r);
    payload_parameters(w, r);
    sink_member_text(w, "user", r->text.end_user);
    json_object_end(w);
}

/* ---- who asked ------------------------------------------------------------------------------ */

static void write_caller(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    member_text(w, "user_api_key_hash", t->key);
    member_text(w, "user_api_key_alias", t->key_alias);
    member_text(w, "user_api_key_team_id", t->team);
    member_text(w, "user_api_key_team_alias", t->team_alias);
    member_text(w, "user_api_key_org_id", t->organization);
    member_text(w, "user_api_key_org_alias", t->organization_alias);
    member_text(w, "user_api_key_user_id", t->user);
    member_text(w, "user_api_key_user_email", t->user_email);
    member_text(w, "user_api_key_end_user_id", t->end_user);
    member_text(w, "user_api_key_request_route", t->route);
}

static void write_amount(struct json_writer *w, double usd, bool known)
{
    if (known)
        json_number(w, usd);
    else
        json_null(w);
}

/* Of those that have one. */
static void write_budgets(struct json_writer *w, const struct record *r)
{
    static const char *const names[RECORD_PAYERS][2] = {
        [RECORD_KEY] = {"user_api_key_spend", "user_api_key_max_budget"},
        [RECORD_USER] = {"user_api_key_user_spend", "user_api_key_user_max_budget"},
        [RECORD_TEAM] = {"user_api_key_team_spend", "user_api_key_team_max_budget"}};
    for (int i = RECORD_KEY; i <= RECORD_TEAM; i++) {
        const struct record_budget *b = &r->limits.budgets[i];
        json_key_slice(w, slice_of(names[i][0])), write_amount(w, b->spent, b->most >= 0);
        json_key_slice(w, slice_of(names[i][1])), write_amount(w, b->most, b->most >= 0);
    }
}

static void write_metadata(struct json_writer *w, const struct record *r, struct arena *a)
{
    yyjson_val *given = otlp_parse(r->text.metadata, a);
    yyjson_val *own = json_get(given, "spend_logs_metadata");
    json_object(w);
    write_caller(w, r);
    write_budgets(w, r);
    json_key(w, "spend_logs_metadata");
    if (own)
        json_value(w, own);
    else
        json_null(w);
    member_text(w, "team_id", r->text.team);
    member_text(w, "team_alias", r->text.team_alias);
    member_text(w, "requester_ip_address", r->text.peer);
    member_text(w, "user_agent", r->text.user_agent);
    json_key(w, "requester_metadata"), json_or(w, r->text.metadata, "{}");
    json_key(w, "requester_custom_headers"), json_or(w, r->text.headers, "{}");
    member_null(w, "prompt_management_metadata");
    json_key(w, "applied_guardrails"), json_or(w, r->text.guardrails, "null");
    json_key(w, "usage_object"), write_usage(w, r);
    json_object_end(w);
}

/* ---- what came of it ------------------------------------------------------------------------ */

static void write_hidden(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    json_object(w);
    member_text(w, "model_id", t->deployment);
    member_text(w, "cache_key", t->cache_key);
    member_text(w, "api_base", t->api_base);
    member_number(w, "response_cost", r->cost);
    member_number(w, "litellm_overhead_time_ms",
                  r->called_ms ? (double)(r->called_ms - r->begun_ms) : 0);
    member_text(w, "litellm_model_name", t->upstream_as);
    member_null(w, "additional_headers");
    member_null(w, "batch_models");
    json_key(w, "usage_object"), write_usage(w, r);
    json_object_end(w);
}

static void write_cost(struct json_writer *w, const struct record *r)
{
    member_number(w, "response_cost", r->cost);
    json_key(w, "cost_breakdown");
    json_object(w);
    member_number(w, "input_cost", r->input_cost + r->cache_read_cost + r->cache_write_cost);
    member_number(w, "cache_read_cost", r->cache_read_cost);
    member_number(w, "cache_creation_cost", r->cache_write_cost);
    member_number(w, "output_cost", r->output_cost);
    member_number(w, "total_cost", r->cost);
    member_number(w, "tool_usage_cost", 0);
    json_object_end(w);
    member_null(w, "response_cost_failure_debug_info");
    member_number(w, "saved_cache_cost", r->saved_cost);
}

static void write_error(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    char digits[SLICE_DIGITS];
    member_text(w, "error_str", t->error_message);
    json_key(w, "error_information");
    json_object(w);
    json_member_string(w, "error_code",
                       r->failed ? slice_digits(record_error_status(r), digits) : SLICE(""));
    json_member_string(w, "error_class", t->error_class);
    json_member_string(w, "llm_provider", r->failed ? payload_provider(r) : SLICE(""));
    json_member_string(w, "traceback", SLICE(""));
    json_member_string(w, "error_message", t->error_message);
    json_object_end(w);
}

static void write_status(struct json_writer *w, const struct record *r)
{
    struct slice status = r->failed ? SLICE("failure") : SLICE("success");
    json_member_string(w, "status", status);
    json_key(w, "status_fields");
    json_object(w);
    json_member_string(w, "llm_api_status", status);
    json_member_string(w, "guardrail_status",
                       r->text.guard_status.n ? r->text.guard_status : SLICE("not_run"));
    json_object_end(w);
}

/* The response of a stream is there when it begins. */
static void write_times(struct json_writer *w, const struct record *r)
{
    int64_t responded_ms = r->stream && r->first_ms ? r->first_ms : r->ended_ms;
    member_number(w, "startTime", seconds(r->begun_ms));
    member_number(w, "endTime", seconds(r->ended_ms));
    member_number(w, "completionStartTime", seconds(responded_ms));
    member_number(w, "response_time", seconds(responded_ms - r->begun_ms));
}

/* With the provider before it, as a deployment has it. */
static struct slice full_model(const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    if (slice_find(t->upstream_as, SLICE("/")) >= 0)
        return t->upstream_as;
    return t->upstream.n ? ARENA_JOIN(a, SLICE("bedrock/"), t->upstream) : t->model;
}

static void write_model(struct json_writer *w, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    json_member_string(w, "model", full_model(r, a));
    member_text(w, "model_id", t->deployment);
    member_text(w, "model_group", t->group.n ? t->group : t->model);
    json_member_string(w, "api_base", t->api_base);
    member_text(w, "custom_llm_provider", payload_provider(r));
    json_key(w, "model_map_information");
    json_object(w);
    json_member_string(w, "model_map_key", model_of(r));
    member_null(w, "model_map_value");
    json_object_end(w);
}

/* What requests of one conversation have in common, as far as the client says it. */
static struct slice trace_id(const struct record *r, struct arena *a)
{
    if (r->text.session.n)
        return r->text.session;
    struct slice header = sink_client_header(r, SLICE("x-litellm-trace-id"), a);
    struct slice said = json_get_slice(otlp_parse(r->text.metadata, a), "trace_id");
    return header.n ? header : said.n ? said : r->text.call_id;
}

static void write_whole(struct json_writer *w, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    json_object(w);
    json_member_string(w, "id", t->answer_id);
    json_member_string(w, "litellm_call_id", t->call_id);
    json_member_string(w, "trace_id", trace_id(r, a));
    json_member_string(w, "session_id", t->session.n ? t->session : t->call_id);
    json_member_string(w, "call_type", t->call_type);
    json_member_bool(w, "stream", r->stream);
    json_member_bool(w, "cache_hit", r->cache_hit);
    member_text(w, "cache_key", t->cache_key);
    write_status(w, r);
    write_model(w, r, a);
    write_times(w, r);
    write_cost(w, r);
    json_member_integer(w, "total_tokens", record_tokens(r));
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(&r->usage));
    json_member_integer(w, "completion_tokens", r->usage.output);
    json_key(w, "request_tags"), json_or(w, t->tags, "[]");
    member_text(w, "end_user", t->end_user);
    member_text(w, "requester_ip_address", t->peer);
    member_text(w, "user_agent", t->user_agent);
    json_key(w, "metadata"), write_metadata(w, r, a);
    json_key(w, "model_parameters"), json_or(w, t->parameters, "{}");
    json_key(w, "hidden_params"), write_hidden(w, r);
    json_key(w, "messages"), payload_messages(w, r);
    json_key(w, "response");
    if (r->failed)
        json_null(w);
    else
        payload_response(w, r);
    write_error(w, r);
    member_null(w, "guardrail_information");
    member_null(w, "standard_built_in_tools_params");
    json_object_end(w);
}

static void write_members_but(struct json_writer *w, yyjson_val *whole, yyjson_val *without)
{
    size_t i, n;
    yyjson_val *key, *value;
    json_object(w);
    yyjson_obj_foreach(whole, i, n, key, value)
    {
        if (json_list_has(without, json_slice(key)))
            continue;
        json_key_slice(w, json_slice(key));
        json_value(w, value);
    }
    json_object_end(w);
}

void payload_write(struct json_writer *w, const struct record *r, yyjson_val *without,
                   struct arena *a)
{
    struct buf b;
    struct json_writer whole;
    if (r->text.event.n) {
        json_raw(w, r->text.event);
        return;
    }
    if (!without) {
        write_whole(w, r, a);
        return;
    }
    buf_init(&b, WHOLE_MAX);
    json_begin(&whole, &b);
    write_whole(&whole, r, a);
    write_members_but(w, b.overflow ? NULL : json_parse(buf_slice(&b), a, NULL), without);
    buf_fini(&b);
}
