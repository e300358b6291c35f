/* Sections against the option table.
 *
 * Happy path: each key of a section has a row; its value has the row's type; what belongs into
 * struct settings is stored there.
 *
 * Failure modes: an unknown key (a warning that names the right one), a wrong type or an impossible
 * number (an error), an option without effect (one warning, however often it is written), one
 * that would guard access and is not there (an error).
 */

#include "config_loader.h"

#include <string.h>

/* ---- storing ------------------------------------------------------------------------------- */

struct range {
    const char *name;
    int64_t min, max;
};

static const struct range ranges[] = {
    {"max_request_size_mb", 1, 4096},
    {"max_connections", 1, 1000000},
    {"thinking_memory_mb", 0, 65536},
    {"responses_memory_mb", 1, 65536},
    {"max_queued_requests", 0, 100000},
    {"spend_spool_max_mb", 1, 1048576},
    {"callback_spool_max_mb", 0, 1048576},
    {"callback_prompt_max", 1024, 1048576},
    {"spend_logs_text_max", 64, 1048576},
    {"maximum_spend_logs_cleanup_batch_size", 1, 1000},
    {"maximum_spend_logs_cleanup_max_batches", 1, 1000000000},
    {"default_max_parallel_requests", 0, 1000000},
    {"fetch_max_mb", 0, FETCH_MB_MAX},
    {"prometheus_metrics_max_series_per_metric", 1, 100000},
    {"prometheus_end_user_metrics_max_series_per_metric", 0, 100000},
    {"health_check_interval", 1, CONFIG_MAX_SECONDS},
    {"health_check_concurrency", 1, 8},
    {NULL, 0, CONFIG_MAX_SECONDS}, /* all others are durations */
};

static const struct range *find_range(const char *name)
{
    const struct range *r = ranges;
    while (r->name && strcmp(r->name, name) != 0)
        r++;
    return r;
}

static bool in_range(const struct config_option *o, double value)
{
    const struct range *r = find_range(o->name);
    return value >= (double)r->min && value <= (double)r->max;
}

/* The value is of the row's type. */
static bool store(struct config_loader *l, const struct config_option *o, const struct node *n)
{
    void *field = (char *)&l->c->settings + o->offset;
    double number = 0;
    switch (o->type) {
    case OPT_STRING:
        *(const char **)field = n->text.n ? arena_strdup(&l->c->arena, n->text) : NULL;
        break;
    case OPT_BOOL: node_bool(n, field); break;
    case OPT_INT:
        node_number(n, &number);
        node_int(n, field);
        break;
    case OPT_NUMBER:
        node_number(n, &number);
        *(double *)field = number;
        break;
    case OPT_LIST:
    case OPT_MAP:
    case OPT_ANY: break;
    }
    return (o->type != OPT_INT && o->type != OPT_NUMBER) || in_range(o, number);
}

void config_defaults(struct config_loader *l)
{
    for (const struct config_option *o = config_options; o->section; o++) {
        if (o->offset < 0 || !o->default_value)
            continue;
        struct node n = {.kind = NODE_SCALAR, .text = slice_of(o->default_value)};
        store(l, o, &n);
    }
}

/* ---- checking one key ---------------------------------------------------------------------- */

static bool has_type(const struct node *n, enum option_type type)
{
    double number;
    int64_t integer;
    bool truth;
    switch (type) {
    case OPT_STRING: return n->kind == NODE_SCALAR && (n->string || !node_bool(n, &truth));
    case OPT_BOOL: return node_bool(n, &truth);
    case OPT_INT: return node_int(n, &integer);
    case OPT_NUMBER: return node_number(n, &number);
    case OPT_LIST: return n->kind == NODE_LIST;
    case OPT_MAP: return n->kind == NODE_MAP;
    case OPT_ANY: return true;
    }
    return false;
}

static const char *type_name(enum option_type type)
{
    static const char *const names[] = {
        [OPT_STRING] = "a string", [OPT_BOOL] = "true or false", [OPT_INT] = "a whole number",
        [OPT_NUMBER] = "a number", [OPT_LIST] = "a list",        [OPT_MAP] = "a map",
        [OPT_ANY] = "anything"};
    return names[type];
}

/* false, [] and maps of nothing but nulls ask for nothing, so nothing is missing. */
static bool asks_for_nothing(const struct config_option *o, const struct node *n)
{
    bool truth = true, on = o->default_value && strcmp(o->default_value, "true") == 0;
    if (n->kind == NODE_LIST)
        return n->count == 0;
    if (n->kind == NODE_SCALAR)
        return !on && node_bool(n, &truth) && !truth;
    for (size_t i = 0; i < n->count; i++)
        if (!node_is_null(n->items[i].value))
            return false;
    return true;
}

static void warn_once(struct config_loader *l, const struct config_option *o,
                      struct config_place place)
{
    uint8_t *warned = &l->warned[o - config_options];
    if (*warned)
        return;
    *warned = 1;
    config_warn(l, place, "is accepted but has no effect yet%s", config_accepted_note(o));
}

static void check_known(struct config_loader *l, const struct config_option *o,
                        const struct node *n, struct config_place place, enum config_key *key)
{
    *key = KEY_LEFT_OUT;
    if (node_is_null(n)) /* as if it were not written */
        return;
    if (!has_type(n, o->type)) {
        config_error(l, place, "expected %s, got %s", type_name(o->type), node_type_name(n));
        return;
    }
    *key = KEY_KNOWN;
    if (o->effect == OPT_ACCEPTED && !asks_for_nothing(o, n))
        warn_once(l, o, place);
    else if (o->effect == OPT_REFUSED && !asks_for_nothing(o, n))
        config_error(l, place, "%s", config_refusal(o));
    else if (o->offset >= 0 && !store(l, o, n))
        config_error(l, place, "expected a number from %lld to %lld",
                     (long long)find_range(o->name)->min, (long long)find_range(o->name)->max);
}

static enum config_key check_unknown(struct config_loader *l, const char *section, struct slice key,
                                     struct config_place place)
{
    const char *homes = config_homes(l, key);
    const struct config_option *near = homes ? NULL : config_nearest_option(l, section, key);
    bool here = near && strcmp(near->section, section) == 0;
    if (homes)
        config_warn(l, place, "is ignored here: it belongs under %s", homes);
    else if (near)
        config_warn(l, place, "unknown option, ignored: did you mean %s%s%s?", near->name,
                    here ? "" : " under ", here ? "" : near->section);
    return homes || near ? KEY_LEFT_OUT : KEY_NEW;
}

enum config_key config_check_key(struct config_loader *l, struct option_rows rows,
                                 const struct node_item *item, const struct config_path *up,
                                 const struct config_option **option)
{
    const struct config_path path = {.up = up, .key = item->key};
    struct config_place place = config_place(item->value, &path);
    enum config_key key;
    place.line = item->line;
    *option = config_find_option(rows, item->key);
    if (!*option)
        return check_unknown(l, rows.first->section, item->key, place);
    check_known(l, *option, item->value, place, &key);
    return key;
}

void config_check_section(struct config_loader *l, const char *section, const struct node *map,
                          const struct config_path *path)
{
    struct option_rows rows = config_section_rows(section);
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++) {
        const struct node_item *item = &map->items[i];
        const struct config_path self = {.up = path, .key = item->key};
        const struct config_option *o;
        if (config_check_key(l, rows, item, path, &o) != KEY_NEW)
            continue;
        struct config_place place = config_place(item->value, &self);
        place.line = item->line;
        config_warn(l, place, "unknown option, ignored");
    }
}
