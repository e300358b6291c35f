/* One deployment as /model/info tells it.
 *
 * Happy path: litellm_params as configured (secrets were left out when the configuration was
 * loaded), with LiteLLM's defaults; model_info: what the configuration says itself, then every
 * member LiteLLM has, filled from the facts about the model, then prices of further tiers.
 *
 * Failure modes: none. What is not known is null. */

#include "model_info.h"

#include "model_params.h"

struct field {
    struct slice name;
    struct slice key; /* as JSON, with its colon */
};

#define FIELD(literal)                                                                             \
    {                                                                                              \
        {literal, sizeof(literal) - 1},                                                            \
        {                                                                                          \
            "\"" literal "\":", sizeof(literal) + 2                                                \
        }                                                                                          \
    }
static const struct field fields[] = {
#include "model_info_fields.h"
};
#define FIELD_COUNT (sizeof(fields) / sizeof(*fields))
#define TIERS_MAX   32

void model_info_init(struct model_info_writer *i)
{
    map_init(&i->fields);
    for (size_t k = 0; k < FIELD_COUNT; k++)
        map_put(&i->fields, fields[k].name, (void *)(uintptr_t)&fields[k]);
}

void model_info_fini(struct model_info_writer *i)
{
    map_fini(&i->fields);
}

/* ---- litellm_params ------------------------------------------------------------------------- */

static void write_members(yyjson_val *object, struct slice but, struct json_writer *w)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    while ((key = yyjson_obj_iter_next(&it))) {
        if (slice_eq(json_slice(key), but))
            continue;
        json_key_slice(w, json_slice(key));
        json_value(w, yyjson_obj_iter_get_val(key));
    }
}

static void write_params(const struct model_entry *e, struct json_writer *w)
{
    static const char *const defaults[] = {"allow_client_keepalive_override", "use_in_pass_through",
                                           "use_litellm_proxy", "use_xai_oauth",
                                           "merge_reasoning_content_in_choices"};
    yyjson_val *params = e->deployment->params;
    json_object(w);
    write_members(params, SLICE("model"), w);
    for (size_t i = 0; i < sizeof(defaults) / sizeof(*defaults); i++) {
        if (json_get(params, defaults[i]))
            continue;
        json_key_slice(w, slice_of(defaults[i]));
        json_bool(w, false);
    }
    json_member_string(w, "model", e->model);
    json_object_end(w);
}

/* ---- model_info ----------------------------------------------------------------------------- */

struct tier {
    struct slice name;
    yyjson_val *price;
};

/* The members of one model_info. */
struct sheet {
    const struct model_info_writer *info;
    yyjson_val *v[FIELD_COUNT];
    struct tier tiers[TIERS_MAX]; /* prices LiteLLM has no member for */
    size_t tier_count;
};

/* "input_cost_per_token_above_100k_tokens" */
static bool is_tier(struct slice name)
{
    return slice_find(name, SLICE("_cost")) >= 0 && slice_find(name, SLICE("_above_")) >= 0;
}

static void note_tier(struct sheet *s, struct slice name, yyjson_val *price)
{
    size_t i = 0;
    while (i < s->tier_count && !slice_eq(s->tiers[i].name, name))
        i++;
    if (i == TIERS_MAX)
        return;
    s->tiers[i] = (struct tier){name, price};
    s->tier_count += i == s->tier_count;
}

static void note_fact(void *ctx, struct slice name, yyjson_val *value)
{
    struct sheet *s = ctx;
    const struct field *field = map_get(&s->info->fields, name);
    if (field)
        s->v[field - fields] = value;
    else if (is_tier(name))
        note_tier(s, name, value);
}

static yyjson_val **value_of(struct sheet *s, struct slice name)
{
    const struct field *field = map_get(&s->info->fields, name);
    return &s->v[field - fields];
}

/* LiteLLM's older name for the longest answer; of an embedding, for the longest input. */
static void derive_max_tokens(struct sheet *s)
{
    yyjson_val **max = value_of(s, SLICE("max_tokens"));
    if (!*max)
        *max = *value_of(s, SLICE("max_output_tokens"));
    if (!*max)
        *max = *value_of(s, SLICE("max_input_tokens"));
}

/* What is written whatever the configuration says. */
static bool is_fixed(struct slice name)
{
    static const char *const names[] = {"id",
                                        "db_model",
                                        "blocked",
                                        "config_source",
                                        "member_auto_router",
                                        "pricing_overrides",
                                        "key",
                                        "supported_openai_params"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

/* Members of the configuration's own: base_model, access_groups, … */
static void write_own(const struct sheet *s, yyjson_val *own, struct json_writer *w)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(own);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if (map_get(&s->info->fields, name) || is_tier(name) || is_fixed(name))
            continue;
        json_key_slice(w, name);
        json_value(w, yyjson_obj_iter_get_val(key));
    }
}

static void write_overrides(yyjson_val *own, struct json_writer *w)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(own);
    json_key(w, "pricing_overrides");
    json_array(w);
    while ((key = yyjson_obj_iter_next(&it)))
        if (slice_find(json_slice(key), SLICE("_cost")) >= 0)
            json_string(w, json_slice(key));
    json_array_end(w);
}

/* "config.yaml:12", without the folder: whoever may ask for the model sees it. */
static void write_source(const struct deployment *d, struct json_writer *w)
{
    const char *slash = strrchr(d->file, '/');
    char digits[SLICE_DIGITS];
    json_key(w, "config_source");
    if (d->stored) {
        json_string(w, SLICE("database"));
        return;
    }
    json_string_begin(w);
    json_string_part(w, slice_of(slash ? slash + 1 : d->file));
    json_string_part(w, SLICE(":"));
    json_string_part(w, slice_digits(d->line, digits));
    json_string_end(w);
}

static void write_identity(const struct model_entry *e, struct json_writer *w)
{
    const struct model *m = e->facts;
    const struct deployment *d = e->deployment;
    json_member_string(w, "id", slice_of(d->id));
    json_member_bool(w, "db_model", d->stored);
    if (d->stored || d->blocked)
        json_member_bool(w, "blocked", d->blocked);
    write_source(d, w);
    json_member_bool(w, "member_auto_router", false);
    write_overrides(e->deployment->model_info, w);
    json_member_string(w, "key", m->known ? slice_of(m->key) : e->model);
}

static void write_value(yyjson_val *v, struct json_writer *w)
{
    if (v)
        json_value(w, v);
    else
        json_null(w);
}

static void write_facts(const struct sheet *s, struct json_writer *w)
{
    for (size_t i = 0; i < FIELD_COUNT; i++) {
        json_key_raw(w, fields[i].key);
        if (!s->v[i] && slice_eq(fields[i].name, SLICE("litellm_provider")))
            json_string(w, SLICE("bedrock"));
        else
            write_value(s->v[i], w);
    }
    for (size_t i = 0; i < s->tier_count; i++) {
        json_key_slice(w, s->tiers[i].name);
        write_value(s->tiers[i].price, w);
    }
}

static void write_info(const struct model_info_writer *i, const struct model_entry *e,
                       struct json_writer *w)
{
    struct sheet s = {.info = i};
    struct model_params params = model_params_of(e->facts, e->api);
    model_each_fact(e->facts, note_fact, &s);
    derive_max_tokens(&s);
    json_object(w);
    write_own(&s, e->deployment->model_info, w);
    write_identity(e, w);
    write_facts(&s, w);
    json_key(w, "supported_openai_params");
    model_params_write(&params, w);
    json_object_end(w);
}

void model_info_write(const struct model_info_writer *i, const struct model_entry *e,
                      struct json_writer *w)
{
    json_object(w);
    json_member_string(w, "model_name", e->name);
    json_key(w, "litellm_params");
    write_params(e, w);
    json_key(w, "model_info");
    write_info(i, e, w);
    json_object_end(w);
}
