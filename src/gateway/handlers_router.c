/* The router for people: its settings, and how the deployments do. */

#include "handlers.h"

#include "tracker.h"
#include "worker_private.h"

/* ---- settings, in LiteLLM's shape ---------------------------------------------------------- */

static const struct {
    const char *strategy, *meaning;
} strategies[] = {
    {"simple-shuffle", "by chance; by weight, rpm or tpm where deployments have them"},
    {"least-busy", "fewest calls under way"},
    {"usage-based-routing", "fewest tokens of the minute, within rpm and tpm"},
    {"usage-based-routing-v2", "the same"},
    {"latency-based-routing", "lowest time to the first event of streams, else per output token"},
    {"cost-based-routing", "lowest price"},
};
#define STRATEGIES (sizeof(strategies) / sizeof(*strategies))

static const char *type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPT_STRING] = "String", [OPT_BOOL] = "Boolean", [OPT_INT] = "Integer",
        [OPT_NUMBER] = "Float",  [OPT_LIST] = "List",    [OPT_MAP] = "Dictionary",
        [OPT_ANY] = "Any"};
    return names[type];
}

static void write_or_null(struct json_writer *w, yyjson_val *v)
{
    if (v)
        json_value(w, v);
    else
        json_null(w);
}

/* Defaults are written as in YAML, which is JSON but for texts. */
static void write_default(struct json_writer *w, const struct config_option *o)
{
    if (!o->default_value)
        json_null(w);
    else if (o->type == OPT_STRING)
        json_string(w, slice_of(o->default_value));
    else
        json_raw(w, slice_of(o->default_value));
}

static void write_options(struct json_writer *w, const struct config_option *o)
{
    json_key(w, "options");
    if (!slice_eq(slice_of(o->name), SLICE("routing_strategy"))) {
        json_null(w);
        return;
    }
    json_array(w);
    for (size_t i = 0; i < STRATEGIES; i++)
        json_string(w, slice_of(strategies[i].strategy));
    json_array_end(w);
}

static void write_field(struct json_writer *w, const struct config_option *o, yyjson_val *current)
{
    json_object(w);
    json_member_string(w, "field_name", slice_of(o->name));
    json_member_string(w, "field_type", slice_of(type_name(o->type)));
    json_key(w, "field_value");
    write_or_null(w, json_get(current, o->name));
    json_member_string(w, "field_description", slice_of(o->meaning));
    json_key(w, "field_default");
    write_default(w, o);
    write_options(w, o);
    json_member_string(w, "ui_field_name", slice_of(o->name));
    json_key(w, "link");
    json_null(w);
    json_object_end(w);
}

static void write_strategies(struct json_writer *w)
{
    json_key(w, "routing_strategy_descriptions");
    json_object(w);
    for (size_t i = 0; i < STRATEGIES; i++) {
        json_key_slice(w, slice_of(strategies[i].strategy));
        json_string(w, slice_of(strategies[i].meaning));
    }
    json_object_end(w);
}

void handle_router_settings(struct exchange *ex, struct buf *body)
{
    yyjson_val *current = ex->config->router_settings;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "fields");
    json_array(&w);
    for (const struct config_option *o = config_options; o->section; o++)
        if (slice_eq(slice_of(o->section), SLICE("router_settings")) && o->effect < OPT_ACCEPTED)
            write_field(&w, o, current);
    json_array_end(&w);
    json_key(&w, "current_values");
    if (current)
        json_value(&w, current);
    else
        json_raw(&w, SLICE("{}"));
    write_strategies(&w);
    json_object_end(&w);
}

/* ---- deployments --------------------------------------------------------------------------- */

static void write_failures(struct json_writer *w, const struct tracked_stats *s)
{
    json_key(w, "failed");
    json_object(w);
    for (unsigned i = 0; i < FAIL_CLASSES; i++)
        if (s->failed[i]) {
            json_key_slice(w, slice_of(routing_fail_name(i)));
            json_integer(w, (int64_t)s->failed[i]);
        }
    json_object_end(w);
}

static void write_deployment(void *ctx, const struct tracked_stats *s)
{
    struct json_writer *w = ctx;
    json_key_slice(w, slice_of(s->id));
    json_object(w);
    json_member_integer(w, "running", s->running);
    json_member_integer(w, "calls", (int64_t)s->calls);
    write_failures(w, s);
    json_member_integer(w, "throttled", (int64_t)s->throttled);
    json_key(w, "paced_per_second");
    if (s->pace > 0)
        json_number(w, s->pace);
    else
        json_null(w);
    json_member_integer(w, "rests", (int64_t)s->rests);
    json_member_integer(w, "rest_ms", s->rest_ms);
    json_member_integer(w, "requests_per_minute", s->requests);
    json_member_integer(w, "tokens_per_minute", s->tokens);
    json_key(w, "of_these_elsewhere");
    json_object(w);
    json_member_integer(w, "running", s->elsewhere.running);
    json_member_integer(w, "requests_per_minute", s->elsewhere.requests);
    json_member_integer(w, "tokens_per_minute", s->elsewhere.tokens);
    json_object_end(w);
    json_object_end(w);
}

void handlers_write_deployments(const struct worker *of, struct json_writer *w)
{
    json_object(w);
    tracker_each(of->tracker, turn_now(&of->turn), write_deployment, w);
    json_object_end(w);
}
