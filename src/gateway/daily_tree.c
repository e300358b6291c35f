/* Happy path: each row is added to the node of its day, of each dimension of that day, and of its
 * key in each of these; nodes are found by one map and listed in the order they came. Writing
 * remembers the part of a day that comes next.
 *
 * Failure modes: none; a name that says nothing is left out, or called as LiteLLM calls it. */

#include "daily_tree.h"

#include <stdlib.h>

enum {
    SPEND,
    PROMPT,
    COMPLETION,
    CACHE_READ,
    CACHE_WRITE,
    COMPRESSED,
    COMPRESSION_SPEND,
    CACHING_SPEND,
    INJECTED_SPEND,
    ROUTER_SPEND,
    SUCCESSFUL,
    FAILED,
    REQUESTS,
    RESPONSE_MS,
    TIMED
};

const char *const daily_sums[DAILY_SUMS + 1] = {
    [SPEND] = "spend",
    [PROMPT] = "prompt_tokens",
    [COMPLETION] = "completion_tokens",
    [CACHE_READ] = "cache_read_input_tokens",
    [CACHE_WRITE] = "cache_creation_input_tokens",
    [COMPRESSED] = "compression_saved_tokens",
    [COMPRESSION_SPEND] = "compression_savings_spend",
    [CACHING_SPEND] = "prompt_caching_savings_spend",
    [INJECTED_SPEND] = "gateway_injected_caching_savings_spend",
    [ROUTER_SPEND] = "autorouter_savings_spend",
    [SUCCESSFUL] = "successful_requests",
    [FAILED] = "failed_requests",
    [REQUESTS] = "api_requests",
    [RESPONSE_MS] = "total_response_time_ms",
    [TIMED] = "timed_requests",
};

const char *const daily_parts[DAILY_PARTS + 1] = {"mcp_namespaced_tool_name", "model",
                                                  "model_group", "custom_llm_provider", "endpoint"};

static const char *const dimension_names[] = {
    [DAILY_TOOLS] = "mcp_servers",   [DAILY_MODELS] = "models",
    [DAILY_GROUPS] = "model_groups", [DAILY_PROVIDERS] = "providers",
    [DAILY_ENDPOINTS] = "endpoints", [DAILY_KEYS] = "api_keys",
    [DAILY_ENTITIES] = "entities",
};

struct children {
    struct daily_node *first, *last;
};

struct daily_node {
    struct slice name;
    double sums[DAILY_SUMS];
    struct daily_node *next;                 /* beside it */
    struct children below[DAILY_DIMENSIONS]; /* of the root, and in a dimension: [0] alone */
};

/* name → row of one of the tables */
struct known {
    const struct store_rows *rows;
    size_t row;
    bool live;
};

static void learn(struct arena *a, struct map *map, const struct store_rows *rows,
                  const char *column, bool live)
{
    for (size_t i = 0; i < rows->count; i++) {
        struct slice name = store_rows_text(rows, i, column);
        struct known *k = ARENA_NEW(a, struct known);
        *k = (struct known){rows, i, live};
        if (name.n && !map_get(map, name))
            map_put(map, name, k);
    }
}

void daily_tree_init(struct daily_tree *t, struct arena *a, const char *entity,
                     const struct daily_names *names)
{
    *t = (struct daily_tree){.arena = a, .entity = entity};
    map_init(&t->nodes);
    map_init(&t->known_keys);
    map_init(&t->known_entities);
    map_init(&t->told_keys);
    t->root = ARENA_NEW(a, struct daily_node);
    learn(a, &t->known_keys, names->keys, "token", true);
    learn(a, &t->known_keys, names->deleted_keys, "token", false);
    learn(a, &t->known_entities, names->entities, names->entities->columns[0].name, true);
}

void daily_tree_fini(struct daily_tree *t)
{
    map_fini(&t->nodes);
    map_fini(&t->known_keys);
    map_fini(&t->known_entities);
    map_fini(&t->told_keys);
}

void daily_tree_tell_keys(struct daily_tree *t, const struct store_rows *keys, size_t count)
{
    for (size_t i = 0; i < count; i++)
        map_put(&t->told_keys, store_rows_text(keys, i, "api_key"), t);
}

/* ---- adding ---------------------------------------------------------------------------------- */

static struct daily_node *child(struct daily_tree *t, struct daily_node *parent, unsigned place,
                                struct slice name)
{
    struct arena_mark mark = arena_mark(t->arena);
    uintptr_t id = (uintptr_t)parent;
    char digit = (char)place;
    struct slice key = ARENA_JOIN(t->arena, slice_make((const char *)&id, sizeof(id)),
                                  slice_make(&digit, 1), name);
    struct daily_node *node = map_get(&t->nodes, key);
    if (node) {
        arena_rewind(t->arena, mark);
        return node;
    }
    node = ARENA_NEW(t->arena, struct daily_node);
    node->name = slice_skip(key, sizeof(id) + 1);
    map_put(&t->nodes, key, node);
    struct children *list = &parent->below[place];
    if (list->last)
        list->last->next = node;
    else
        list->first = node;
    list->last = node;
    return node;
}

/* Where an answer's columns are; columns it has not are not asked for. */
struct daily_cells {
    const struct store_rows *rows;
    size_t row;
    size_t sums[DAILY_SUMS];
};

static size_t place_of(const struct store_rows *rows, const char *column)
{
    return (size_t)(store_rows_at(rows, 0, column) - rows->values);
}

static void add_sums(struct daily_node *node, const struct daily_cells *c)
{
    const struct store_value *row = c->rows->values + c->row * c->rows->column_count;
    for (size_t i = 0; i < DAILY_SUMS; i++) {
        const struct store_value *v = &row[c->sums[i]];
        node->sums[i] += v->null ? 0 : v->type == STORE_FLOAT ? v->number : (double)v->integer;
    }
}

static struct slice text_of(const struct daily_cells *c, const char *column)
{
    return store_rows_text(c->rows, c->row, column);
}

static struct slice text_or(struct slice text, struct slice otherwise)
{
    return text.n ? text : otherwise;
}

/* n == 0: the row counts nowhere in that dimension. */
static struct slice name_in(const struct daily_tree *t, const struct daily_cells *c,
                            enum daily_dimension d)
{
    switch (d) {
    case DAILY_TOOLS: return text_of(c, "mcp_namespaced_tool_name");
    case DAILY_MODELS: return text_of(c, "model");
    case DAILY_GROUPS: return text_or(text_of(c, "model_group"), text_of(c, "model"));
    case DAILY_PROVIDERS: return text_or(text_of(c, "custom_llm_provider"), SLICE("unknown"));
    case DAILY_ENDPOINTS: return text_of(c, "endpoint");
    case DAILY_KEYS: return text_of(c, "api_key");
    case DAILY_ENTITIES: return text_or(text_of(c, t->entity), SLICE("Unassigned"));
    case DAILY_DIMENSIONS: break;
    }
    return slice_make(NULL, 0);
}

static void add_part(struct daily_tree *t, struct daily_node *day, const struct daily_cells *c,
                     enum daily_dimension d, bool by_key)
{
    struct slice name = name_in(t, c, d);
    struct daily_node *node;
    if (!name.n)
        return;
    node = child(t, day, d, name);
    if (by_key)
        node = child(t, node, 0, text_of(c, "api_key"));
    add_sums(node, c);
}

static bool is_told(const struct daily_tree *t, const struct daily_cells *c)
{
    return !t->told_keys.count || map_get(&t->told_keys, text_of(c, "api_key"));
}

static void add_row(struct daily_tree *t, const struct daily_cells *c, unsigned where)
{
    struct daily_node *day = child(t, t->root, 0, text_of(c, "date"));
    if (where & DAILY_COUNT_DAYS) {
        add_sums(t->root, c);
        add_sums(day, c);
        for (unsigned d = 0; d < DAILY_KEYS; d++)
            add_part(t, day, c, (enum daily_dimension)d, false);
    }
    if (where & DAILY_COUNT_ENTITIES)
        add_part(t, day, c, DAILY_ENTITIES, false);
    if (where & DAILY_COUNT_KEYS && is_told(t, c))
        for (unsigned d = 0; d < DAILY_DIMENSIONS; d++)
            add_part(t, day, c, (enum daily_dimension)d, d != DAILY_KEYS);
}

void daily_tree_add(struct daily_tree *t, const struct store_rows *rows, size_t first, size_t count,
                    unsigned where)
{
    struct daily_cells c = {.rows = rows};
    for (size_t i = 0; count && i < DAILY_SUMS; i++)
        c.sums[i] = place_of(rows, daily_sums[i]);
    for (c.row = first; c.row < first + count; c.row++)
        add_row(t, &c, where);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_number(struct json_writer *w, const char *prefix, const char *name, double value)
{
    json_string_begin(w);
    json_string_part(w, slice_of(prefix));
    json_string_part(w, slice_of(name));
    json_string_end(w);
    buf_add_char(w->out, ':');
    w->comma = false;
    json_number(w, value);
}

/* In LiteLLM's order. `prefix`: "total_" of the metadata, where names that begin so stay. */
static void write_sums(struct json_writer *w, const double *s, const char *prefix)
{
    write_number(w, prefix, "spend", s[SPEND]);
    write_number(w, prefix, "flat_cost", 0);
    for (unsigned i = PROMPT; i <= ROUTER_SPEND; i++)
        write_number(w, prefix, daily_sums[i], s[i]);
    write_number(w, "", "total_tokens", s[PROMPT] + s[COMPLETION]);
    for (unsigned i = SUCCESSFUL; i <= REQUESTS; i++)
        write_number(w, prefix, daily_sums[i], s[i]);
    write_number(w, "", daily_sums[RESPONSE_MS], s[RESPONSE_MS]);
    write_number(w, prefix, daily_sums[TIMED], s[TIMED]);
}

void daily_tree_write_total(const struct daily_tree *t, struct json_writer *w)
{
    write_sums(w, t->root->sums, "total_");
}

static void write_metrics(struct json_writer *w, const struct daily_node *n)
{
    json_key(w, "metrics");
    json_object(w);
    write_sums(w, n->sums, "");
    json_object_end(w);
}

static void write_known(struct json_writer *w, const struct known *k, const char *column)
{
    json_key_slice(w, slice_of(column));
    if (k)
        store_value_write(w, store_rows_at(k->rows, k->row, column));
    else
        json_null(w);
}

static void write_key(const struct daily_tree *t, struct json_writer *w, const struct daily_node *n)
{
    const struct known *k = map_get(&t->known_keys, n->name);
    json_key_slice(w, n->name);
    json_object(w);
    write_metrics(w, n);
    json_key(w, "metadata");
    json_object(w);
    write_known(w, k, "key_alias");
    write_known(w, k, "team_id");
    write_known(w, k, "user_id");
    json_key(w, "user_email"), json_null(w);
    json_member_bool(w, "key_exists", k && k->live);
    json_object_end(w);
    json_object_end(w);
}

/* All columns but the id. */
static void write_entity(struct json_writer *w, const struct known *k)
{
    json_object(w);
    for (size_t i = 1; k && i < k->rows->column_count; i++)
        write_known(w, k, k->rows->columns[i].name);
    json_object_end(w);
}

/* Of a dimension: with its keys; a key is alone. */
static void write_part(const struct daily_tree *t, struct json_writer *w)
{
    const struct daily_node *n = t->part;
    if (t->dimension == DAILY_KEYS) {
        write_key(t, w, n);
        return;
    }
    json_key_slice(w, n->name);
    json_object(w);
    write_metrics(w, n);
    json_key(w, "metadata");
    write_entity(w, t->dimension == DAILY_ENTITIES ? map_get(&t->known_entities, n->name) : NULL);
    json_key(w, "api_key_breakdown");
    json_object(w);
    for (const struct daily_node *key = n->below[0].first; key; key = key->next)
        write_key(t, w, key);
    json_object_end(w);
    json_object_end(w);
}

static void begin_dimension(struct daily_tree *t, struct json_writer *w)
{
    json_key_slice(w, slice_of(dimension_names[t->dimension]));
    json_object(w);
    t->part = t->day->below[t->dimension].first;
}

static void begin_day(struct daily_tree *t, struct json_writer *w)
{
    if (!t->day)
        return;
    json_object(w);
    json_member_string(w, "date", t->day->name);
    write_metrics(w, t->day);
    json_key(w, "breakdown");
    json_object(w);
    t->dimension = 0;
    begin_dimension(t, w);
}

/* A part, or the step to the next dimension, or day. */
static void write_next(struct daily_tree *t, struct json_writer *w)
{
    if (t->part) {
        write_part(t, w);
        t->part = t->part->next;
        return;
    }
    json_object_end(w);
    if (++t->dimension < DAILY_DIMENSIONS) {
        begin_dimension(t, w);
        return;
    }
    json_object_end(w); /* breakdown */
    json_object_end(w);
    t->day = t->day->next;
    begin_day(t, w);
}

void daily_tree_write_begin(struct daily_tree *t, struct json_writer *w)
{
    json_key(w, "results");
    json_array(w);
    t->day = t->root->below[0].first;
    begin_day(t, w);
}

bool daily_tree_write(struct daily_tree *t, struct json_writer *w, size_t bytes)
{
    size_t end = w->out->n + bytes;
    while (t->day && w->out->n < end)
        write_next(t, w);
    if (!t->day)
        json_array_end(w);
    return t->day;
}
