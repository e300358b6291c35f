/* A group of deployments as one model.
 *
 * Happy path: each deployment behind the name adds what it has: limits and prices by the largest,
 * abilities by any, parameters by all, limits of traffic by the sum.
 *
 * Failure modes: none. What no deployment knows is null; a group without deployments has nothing.
 */

#include "model_group.h"

static const char *const abilities[] = {"supports_parallel_function_calling",
                                        "supports_vision",
                                        "supports_web_search",
                                        "supports_url_context",
                                        "supports_reasoning",
                                        "supports_function_calling",
                                        "supports_fast_mode"};
#define ABILITY_COUNT (sizeof(abilities) / sizeof(*abilities))

/* ---- reading -------------------------------------------------------------------------------- */

static void take_larger(yyjson_val **have, const struct model *m, const char *fact)
{
    double old = 0, new = 0;
    yyjson_val *v = model_fact(m, fact);
    if (json_double(v, &new) && (!json_double(*have, &old) || new > old))
        *have = v;
}

/* litellm_params.rpm and its like. */
static void add_limit(int64_t *sum, const struct deployment *d, const char *name)
{
    int64_t limit;
    if (json_int(json_get(d->params, name), &limit) && limit >= 0)
        *sum = (*sum < 0 ? 0 : *sum) + limit;
}

static void add_abilities(struct model_group *g, const struct model *m)
{
    for (size_t i = 0; i < ABILITY_COUNT; i++)
        if (yyjson_is_true(model_fact(m, abilities[i])))
            g->abilities |= 1u << i;
}

static void add_params(struct model_group *g, const struct model_entry *e)
{
    struct model_params params = model_params_of(e->facts, e->api), efforts;
    bool known = model_params_efforts(e->facts, &efforts);
    bool first = g->deployments == 0;
    g->params = first ? params : model_params_both(&g->params, &params);
    g->efforts = first ? efforts : model_params_both(&g->efforts, &efforts);
    g->efforts_known = known && (first || g->efforts_known);
}

static void add_size(struct model_group *g, const struct model *m)
{
    yyjson_val *mode = model_fact(m, "mode");
    g->mode = mode ? mode : g->mode;
    take_larger(&g->max_input_tokens, m, "max_input_tokens");
    take_larger(&g->max_output_tokens, m, "max_output_tokens");
}

static void add_entry(struct model_group *g, const struct model_entry *e)
{
    const struct model *m = e->facts;
    add_size(g, m);
    take_larger(&g->input_cost_per_token, m, "input_cost_per_token");
    take_larger(&g->output_cost_per_token, m, "output_cost_per_token");
    take_larger(&g->input_cost_per_pixel, m, "input_cost_per_pixel");
    add_limit(&g->tpm, e->deployment, "tpm");
    add_limit(&g->rpm, e->deployment, "rpm");
    add_limit(&g->itpm, e->deployment, "itpm");
    add_limit(&g->otpm, e->deployment, "otpm");
    yyjson_val *own = json_get(e->deployment->params, "configurable_clientside_auth_params");
    g->clientside = own ? own : g->clientside;
    add_abilities(g, m);
    add_params(g, e);
    g->deployments++;
}

void model_group_read(const struct config *c, const struct model_listed *l, struct model_group *g,
                      struct arena *a)
{
    struct model_entry e;
    *g = (struct model_group){.name = l->name, .tpm = -1, .rpm = -1, .itpm = -1, .otpm = -1};
    for (size_t i = 0; i < c->deployment_count; i++)
        if (!c->deployments[i].blocked && model_list_entry(c, l, &c->deployments[i], &e, a))
            add_entry(g, &e);
}

void model_group_read_size(const struct config *c, const struct model_listed *l,
                           struct model_group *g, struct arena *a)
{
    struct model_entry e;
    *g = (struct model_group){.name = l->name};
    for (size_t i = 0; i < c->deployment_count; i++)
        if (!c->deployments[i].blocked && model_list_entry(c, l, &c->deployments[i], &e, a))
            add_size(g, e.facts);
}

bool model_group_is_public(const struct config *c, struct slice name)
{
    yyjson_val *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(c->public_model_groups);
    while ((v = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(v), name))
            return true;
    return false;
}

/* ---- writing -------------------------------------------------------------------------------- */

static void write_value(struct json_writer *w, yyjson_val *v)
{
    if (v)
        json_value(w, v);
    else
        json_null(w);
}

static void write_limit(struct json_writer *w, int64_t limit)
{
    if (limit >= 0)
        json_integer(w, limit);
    else
        json_null(w);
}

static void write_abilities(const struct model_group *g, struct json_writer *w)
{
    for (size_t i = 0; i < ABILITY_COUNT; i++) {
        json_key_slice(w, slice_of(abilities[i]));
        json_bool(w, g->abilities & 1u << i);
    }
}

static void write_numbers(const struct model_group *g, struct json_writer *w)
{
    json_key(w, "max_input_tokens");
    write_value(w, g->max_input_tokens);
    json_key(w, "max_output_tokens");
    write_value(w, g->max_output_tokens);
    json_key(w, "input_cost_per_token");
    write_value(w, g->input_cost_per_token);
    json_key(w, "output_cost_per_token");
    write_value(w, g->output_cost_per_token);
    json_key(w, "input_cost_per_pixel");
    write_value(w, g->input_cost_per_pixel);
    json_key(w, "mode");
    write_value(w, g->mode);
    json_key(w, "tpm");
    write_limit(w, g->tpm);
    json_key(w, "rpm");
    write_limit(w, g->rpm);
    json_key(w, "itpm");
    write_limit(w, g->itpm);
    json_key(w, "otpm");
    write_limit(w, g->otpm);
}

/* Nothing checks the health of models here. */
static void write_rest(const struct model_group *g, bool is_public, struct json_writer *w)
{
    static const char *const unknown[] = {"health_status", "health_response_time",
                                          "health_checked_at"};
    json_key(w, "configurable_clientside_auth_params");
    json_value(w, g->clientside);
    json_member_bool(w, "is_public_model_group", is_public);
    for (size_t i = 0; i < sizeof(unknown) / sizeof(*unknown); i++) {
        json_key_slice(w, slice_of(unknown[i]));
        json_null(w);
    }
}

void model_group_write(const struct model_group *g, bool is_public, struct json_writer *w)
{
    json_object(w);
    json_member_string(w, "model_group", g->name);
    json_key(w, "providers");
    json_array(w);
    json_string(w, SLICE("bedrock"));
    json_array_end(w);
    write_numbers(g, w);
    write_abilities(g, w);
    json_key(w, "supported_reasoning_efforts");
    if (g->efforts_known)
        model_params_write(&g->efforts, w);
    else
        json_null(w);
    json_key(w, "supported_openai_params");
    model_params_write(&g->params, w);
    write_rest(g, is_public, w);
    json_object_end(w);
}
