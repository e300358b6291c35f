/* Happy path: each row is added to the node of its day, of each dimension of that day, and of its
 * key in each of these; nodes are found by one map and listed in the order they came.
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

void daily_tree_init(struct daily_tree *t, struct arena *a, const char *entity)
{
    *t = (struct daily_tree){.arena = a, .entity = entity};
    map_init(&t->nodes);
    t->root = ARENA_NEW(a, struct daily_node);
}

void daily_tree_fini(struct daily_tree *t)
{
    map_fini(&t->nodes);
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

static void add_sums(struct daily_node *node, const struct store_rows *rows, size_t row)
{
    for (size_t i = 0; i < DAILY_SUMS; i++)
        node->sums[i] += store_rows_number(rows, row, daily_sums[i]);
}

static struct slice text_or(struct slice text, struct slice otherwise)
{
    return text.n ? text : otherwise;
}

/* n == 0: the row counts nowhere in that dimension. */
static struct slice name_in(const struct daily_tree *t, const struct store_rows *rows, size_t row,
                            enum daily_dimension d)
{
    switch (d) {
    case DAILY_TOOLS: return store_rows_text(rows, row, "mcp_namespaced_tool_name");
    case DAILY_MODELS: return store_rows_text(rows, row, "model");
    case DAILY_GROUPS:
        return text_or(store_rows_text(rows, row, "model_group"),
                       store_rows_text(rows, row, "model"));
    case DAILY_PROVIDERS:
        return text_or(store_rows_text(rows, row, "custom_llm_provider"), SLICE("unknown"));
    case DAILY_ENDPOINTS: return store_rows_text(rows, row, "endpoint");
    case DAILY_KEYS: return store_rows_text(rows, row, "api_key");
    case DAILY_ENTITIES: return text_or(store_rows_text(rows, row, t->entity), SLICE("Unassigned"));
    case DAILY_DIMENSIONS: break;
    }
    return slice_make(NULL, 0);
}

static struct daily_node *day_of(struct daily_tree *t, const struct store_rows *rows, size_t row)
{
    return child(t, t->root, 0, store_rows_text(rows, row, "date"));
}

void daily_tree_add_day(struct daily_tree *t, const struct store_rows *rows, size_t row)
{
    add_sums(t->root, rows, row);
    add_sums(day_of(t, rows, row), rows, row);
}

void daily_tree_add_part(struct daily_tree *t, const struct store_rows *rows, size_t row,
                         enum daily_dimension d, bool by_key)
{
    struct slice name = name_in(t, rows, row, d);
    struct daily_node *node;
    if (!name.n)
        return;
    node = child(t, day_of(t, rows, row), d, name);
    if (by_key)
        node = child(t, node, 0, store_rows_text(rows, row, "api_key"));
    add_sums(node, rows, row);
}

void daily_tree_add(struct daily_tree *t, const struct store_rows *rows, size_t row)
{
    daily_tree_add_day(t, rows, row);
    for (unsigned d = 0; d < DAILY_DIMENSIONS; d++) {
        daily_tree_add_part(t, rows, row, (enum daily_dimension)d, false);
        if (d != DAILY_KEYS)
            daily_tree_add_part(t, rows, row, (enum daily_dimension)d, true);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_number(struct json_writer *w, const char *prefix, const char *name, double value)
{
    char key[64];
    struct buf b = {.p = key, .size = sizeof(key), .cap = sizeof(key)};
    buf_addf(&b, "%s%s", prefix, name);
    json_key_slice(w, buf_slice(&b));
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

/* name → row of one of the tables */
struct known {
    const struct store_rows *rows;
    size_t row;
    bool live;
};

struct known_names {
    struct map keys, entities;
};

static void learn(struct arena *a, struct map *map, const struct store_rows *rows,
                  const char *column, bool live)
{
    for (size_t i = 0; rows && i < rows->count; i++) {
        struct slice name = store_rows_text(rows, i, column);
        struct known *k = ARENA_NEW(a, struct known);
        *k = (struct known){rows, i, live};
        if (name.n && !map_get(map, name))
            map_put(map, name, k);
    }
}

static void write_known(struct json_writer *w, const struct known *k, const char *column)
{
    json_key_slice(w, slice_of(column));
    if (k)
        store_value_write(w, store_rows_at(k->rows, k->row, column));
    else
        json_null(w);
}

static void write_key(struct json_writer *w, const struct daily_node *n,
                      const struct known_names *names)
{
    const struct known *k = map_get(&names->keys, n->name);
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

static void write_keys(struct json_writer *w, const struct children *list,
                       const struct known_names *names)
{
    json_object(w);
    for (const struct daily_node *n = list->first; n; n = n->next)
        write_key(w, n, names);
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

static void write_part(struct json_writer *w, const struct daily_node *n, bool entity,
                       const struct known_names *names)
{
    json_key_slice(w, n->name);
    json_object(w);
    write_metrics(w, n);
    json_key(w, "metadata");
    write_entity(w, entity ? map_get(&names->entities, n->name) : NULL);
    json_key(w, "api_key_breakdown");
    write_keys(w, &n->below[0], names);
    json_object_end(w);
}

static void write_day(struct json_writer *w, const struct daily_node *day,
                      const struct known_names *names)
{
    json_object(w);
    json_member_string(w, "date", day->name);
    write_metrics(w, day);
    json_key(w, "breakdown");
    json_object(w);
    for (unsigned d = 0; d < DAILY_DIMENSIONS; d++) {
        json_key_slice(w, slice_of(dimension_names[d]));
        if (d == DAILY_KEYS) {
            write_keys(w, &day->below[d], names);
            continue;
        }
        json_object(w);
        for (const struct daily_node *n = day->below[d].first; n; n = n->next)
            write_part(w, n, d == DAILY_ENTITIES, names);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

void daily_tree_write(const struct daily_tree *t, const struct daily_names *names,
                      struct json_writer *w)
{
    struct known_names known;
    map_init(&known.keys);
    map_init(&known.entities);
    learn(t->arena, &known.keys, names->keys, "token", true);
    learn(t->arena, &known.keys, names->deleted_keys, "token", false);
    if (names->entities)
        learn(t->arena, &known.entities, names->entities, names->entities->columns[0].name, true);
    json_key(w, "results");
    json_array(w);
    for (const struct daily_node *day = t->root->below[0].first; day; day = day->next)
        write_day(w, day, &known);
    json_array_end(w);
    map_fini(&known.entities);
    map_fini(&known.keys);
}
