/* An exchange → a row of LiteLLM_SpendLogs.
 *
 * Happy path: at ADMIT the caller is noted (the hash of the key, the end user, tags, address) in
 * the exchange's arena; at SETTLE tokens, cost, times and the outcome are added, and the store
 * copies it.
 *
 * Failure modes: none; a request that failed is a row too. Requests without a valid key are not:
 * anybody could fill the database. */

#include "exchange_spend.h"

#include "call_kind.h"
#include "exchange_client.h"
#include "exchange_guard.h"
#include "exchange_log.h"
#include "exchange_observe.h"
#include "exchange_route.h"
#include "exchange_stored.h"
#include "io/clock.h"
#include "request_tags.h"
#include "state/spend.h"
#include "worker_private.h"

#define METADATA_MAX (64 * 1024) /* bytes */
#define TEXT_MAX     2000        /* bytes of a message or a header in it */
#define TAGS_USUAL   1024        /* bytes of tags that need no memory of their own */

static bool set_kind(struct spend *s, const struct route *route)
{
    const struct call_kind *kind = call_kind_of(route);
    s->call_type = slice_of(kind ? kind->call_type : NULL);
    s->endpoint = slice_of(kind ? kind->endpoint : NULL);
    return kind != NULL;
}

/* ---- the beginning --------------------------------------------------------------------------- */

static bool write_tags(struct exchange *ex, struct buf *b)
{
    struct json_writer w;
    json_begin(&w, b);
    json_array(&w);
    for (size_t i = 0; i < ex->caller.tag_count; i++)
        json_string(&w, ex->caller.tags[i].id);
    request_tags_write(ex->config, ex->head->headers, &w, &ex->arena);
    json_array_end(&w);
    return !b->overflow;
}

struct slice exchange_tags(struct exchange *ex)
{
    char room[TAGS_USUAL];
    struct buf b = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    if (ex->told_tags.p)
        return ex->told_tags;
    if (write_tags(ex, &b)) { /* mostly */
        ex->told_tags = arena_dup(&ex->arena, buf_slice(&b));
        return ex->told_tags;
    }
    buf_init(&b, METADATA_MAX);
    ex->told_tags = write_tags(ex, &b) ? arena_dup(&ex->arena, buf_slice(&b)) : SLICE("[]");
    buf_fini(&b);
    return ex->told_tags;
}

void exchange_spend_begin(struct exchange *ex)
{
    struct spend s = {0};
    if (!ex->worker->store || !set_kind(&s, ex->route))
        return;
    s.tags = exchange_tags(ex);
    s.requester_ip = exchange_client(ex);
    s.session_id = exchange_told_session(ex);
    ex->user_agent = arena_dup(&ex->arena, http_header_get(ex->head->headers, "user-agent"));
    ex->spend = ARENA_NEW(&ex->arena, struct spend);
    *ex->spend = s;
}

/* ---- the end --------------------------------------------------------------------------------- */

static struct slice cut(struct slice s)
{
    return slice_make(s.p, s.n < TEXT_MAX ? s.n : TEXT_MAX);
}

static void write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "usage_object");
    json_object(w);
    json_member_integer(w, "prompt_tokens", llm_usage_prompt(u));
    json_member_integer(w, "completion_tokens", u->output);
    json_member_integer(w, "total_tokens", llm_usage_prompt(u) + u->output);
    json_key(w, "prompt_tokens_details");
    json_object(w);
    json_member_integer(w, "cached_tokens", u->cache_read);
    json_member_integer(w, "cache_creation_tokens", u->cache_write);
    json_object_end(w);
    json_key(w, "completion_tokens_details");
    json_object(w);
    json_member_integer(w, "reasoning_tokens", u->reasoning);
    json_object_end(w);
    json_object_end(w);
    json_key(w, "additional_usage_values");
    json_object(w);
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_object_end(w);
}

static void write_cost(struct json_writer *w, const struct model_cost *c)
{
    json_key(w, "cost_breakdown");
    json_object(w);
    json_key(w, "input_cost"), json_number(w, c->input + c->cache_read + c->cache_write);
    json_key(w, "output_cost"), json_number(w, c->output);
    json_key(w, "cache_read_cost"), json_number(w, c->cache_read);
    json_key(w, "cache_creation_cost"), json_number(w, c->cache_write);
    json_key(w, "total_cost"), json_number(w, c->total);
    json_object_end(w);
}

static void write_error(struct json_writer *w, const struct exchange *ex)
{
    json_key(w, "error_information");
    json_object(w);
    json_key(w, "error_code");
    json_string_begin(w);
    char digits[SLICE_DIGITS];
    json_string_part(w, slice_digits(ex->status, digits));
    json_string_end(w);
    json_member_string(w, "error_class", slice_of(failure_class(&ex->failure)));
    json_member_string(w, "llm_provider", ex->failure.upstream ? SLICE("bedrock") : SLICE(""));
    json_member_string(w, "error_message", cut(exchange_log_failure(ex, &ex->failure)));
    json_object_end(w);
}

static bool is_kept(const struct config *c, struct slice name)
{
    bool listed = false;
    for (size_t i = 0; i < c->row_metadata.n; i++)
        listed = listed || slice_eq(c->row_metadata.v[i], name);
    return listed != c->row_metadata_others || slice_eq(name, SLICE("status"));
}

/* Those that spend_logs_metadata_fields leaves. */
static struct slice kept_members(struct exchange *ex, struct slice metadata)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(json_parse(metadata, &ex->arena, NULL));
    struct buf b;
    struct json_writer w;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    while ((key = yyjson_obj_iter_next(&it))) {
        if (!is_kept(ex->config, json_slice(key)))
            continue;
        json_key_slice(&w, json_slice(key));
        json_value(&w, yyjson_obj_iter_get_val(key));
    }
    json_object_end(&w);
    struct slice kept = arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return kept;
}

/* The members that LiteLLM's pages read. */
static struct slice metadata_of(struct exchange *ex, const struct spend *s)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "user_api_key", s->key);
    json_key(&w, "user_api_key_alias"), json_string_or_null(&w, ex->caller.alias);
    json_key(&w, "user_api_key_user_id"), json_string_or_null(&w, s->user);
    json_key(&w, "user_api_key_team_id"), json_string_or_null(&w, s->team);
    json_key(&w, "user_api_key_org_id"), json_string_or_null(&w, s->organization);
    json_key(&w, "requester_ip_address"), json_string_or_null(&w, s->requester_ip);
    json_key(&w, "user_agent"), json_string_or_null(&w, cut(ex->user_agent));
    json_member_string(&w, "status", s->failed ? SLICE("failure") : SLICE("success"));
    json_member_integer(&w, "attempted_retries", ex->attempts > 1 ? ex->attempts - 1 : 0);
    if (ex->guard)
        json_key(&w, "applied_guardrails"), exchange_guard_write_names(ex, &w);
    write_usage(&w, &ex->usage);
    write_cost(&w, &ex->cost);
    exchange_observe_write(ex, &w);
    if (ex->failure.kind != FAILURE_NONE)
        write_error(&w, ex);
    json_object_end(&w);
    struct slice metadata = b.overflow ? SLICE("{}") : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return ex->config->row_metadata.n ? kept_members(ex, metadata) : metadata;
}

static void set_caller(const struct exchange *ex, struct spend *s)
{
    const struct caller *c = &ex->caller;
    s->key = caller_logged_key(c);
    s->user = caller_logged_user(c);
    s->team = c->team;
    s->organization = c->organization;
    s->project = c->project;
    s->end_user = c->end_user;
}

static void set_model(const struct exchange *ex, struct spend *s)
{
    const struct deployment *d = ex->deployment;
    s->model = ex->model_id.n ? ex->model_id : ex->request.model;
    s->model_group = ex->model_group.n ? ex->model_group : ex->request.model;
    s->model_id = d ? slice_of(d->id) : SLICE("");
    s->api_base = d ? slice_of(d->endpoint) : SLICE("");
    s->provider = SLICE("bedrock");
    if (!ex->pass)
        return;
    s->model_group = s->provider = SLICE("");
    s->api_base = ex->pass->to->told;
}

static void set_times(const struct exchange *ex, struct spend *s)
{
    int64_t now = turn_now(&ex->worker->turn);
    s->end_ms = clock_unix_ms();
    s->start_ms = s->end_ms - (now - ex->times[EX_HEAD]);
    s->first_ms = ex->first_event ? s->end_ms - (now - ex->first_event) : s->end_ms;
}

/* What reading from the prompt cache saved, less what writing into it cost. */
static double caching_savings(const struct exchange *ex)
{
    const struct llm_usage *u = &ex->usage;
    struct llm_usage uncached = {.input = llm_usage_prompt(u), .output = u->output};
    struct slice tier = slice_of(ex->service_tier);
    if (!ex->model || ex->cache.hit || !(u->cache_read || u->cache_write))
        return 0;
    return model_cost(ex->model, &uncached, tier).total - model_cost(ex->model, u, tier).total;
}

void exchange_spend_end(struct exchange *ex)
{
    const struct settings *settings = &ex->config->settings;
    struct spend *s = ex->spend;
    if (!s)
        return;
    s->failed = ex->failure.kind != FAILURE_NONE || ex->status >= 400;
    if (ex->failure.kind != FAILURE_NONE)
        s->error = ARENA_JOIN(&ex->arena, arena_integer(&ex->arena, ex->status), SLICE(" "),
                              slice_of(failure_class(&ex->failure)));
    s->no_row = settings->disable_spend_logs || (s->failed && settings->disable_error_logs);
    s->no_count = settings->disable_spend_updates;
    if (s->no_row && s->no_count)
        return;
    /* A kept answer has the id of the one that it was first. */
    s->request_id = ex->answer.id.n && !ex->cache.hit ? ex->answer.id : slice_of(ex->id);
    s->call_id = slice_of(ex->id);
    s->prompt_tokens = llm_usage_prompt(&ex->usage);
    s->completion_tokens = ex->usage.output;
    s->cache_read_tokens = ex->usage.cache_read;
    s->cache_write_tokens = ex->usage.cache_write;
    s->cost = ex->cache.hit ? 0 : ex->cost.total; /* what is kept costs nothing */
    s->caching_savings = caching_savings(ex);
    s->cache_hit = ex->cache.hit ? SLICE("True") : SLICE("False");
    s->cache_key = ex->cache.hit ? ex->cache.key : SLICE("");
    set_caller(ex, s);
    set_model(ex, s);
    set_times(ex, s);
    s->metadata = metadata_of(ex, s);
    if (exchange_stored_wanted(ex)) {
        s->request = ex->stored_request;
        s->response = exchange_stored_answer(ex, exchange_observe_output(ex));
    }
    store_spend(ex->worker->store, s);
}
