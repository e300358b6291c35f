/* Limits and fixed keys of a configuration → struct config.
 *
 * Happy path: the limits of all requests, then those of groups, then the keys of api_keys, of which
 * only the hash is kept.
 * Failure modes: a wrong number, a key that is none, or one that stands twice, is an error at its
 * line; a key's text is never quoted. */

#include "config_loader.h"

#include "config_reading.h"
#include "wire/crypto.h"

#define WINDOW_SECONDS     60
#define WINDOW_SECONDS_MAX 86400
#define ADMISSION_SECONDS  1.0
#define ADMISSION_SHORTEST 0.001 /* seconds */

static void read_limit(struct reading in, const char *key, int64_t *limit)
{
    reading_integer(in, key, 0, limit);
}

static void lower(int64_t *limit, int64_t other)
{
    if (other != LIMIT_NONE && (*limit == LIMIT_NONE || other < *limit))
        *limit = other;
}

/* ---- of all, of groups ----------------------------------------------------------------------- */

static void read_token_count(struct reading in)
{
    static const struct {
        struct slice name;
        enum limit_tokens count;
    } rows[] = {{SLICE("total"), TOKENS_TOTAL},
                {SLICE("input"), TOKENS_INPUT},
                {SLICE("output"), TOKENS_OUTPUT}};
    const struct config_path path = {.up = in.path, .key = SLICE("token_rate_limit_type")};
    const struct node *n = NODE_GET(in.map, "token_rate_limit_type");
    if (node_is_null(n) || n->kind != NODE_SCALAR)
        return;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(n->text, rows[i].name)) {
            in.l->c->settings.limit_tokens = rows[i].count;
            return;
        }
    config_error(in.l, config_place(n, &path), "expected total, input or output");
}

/* LiteLLM's variable. */
static void read_window(struct config_loader *l)
{
    const char *text = config_env(l, "LITELLM_RATE_LIMIT_WINDOW_SIZE");
    const struct config_path path = {.key = SLICE("LITELLM_RATE_LIMIT_WINDOW_SIZE")};
    int64_t seconds = WINDOW_SECONDS;
    if (text && *text &&
        (!slice_to_i64(slice_of(text), &seconds) || seconds < 1 || seconds > WINDOW_SECONDS_MAX)) {
        config_error(l, config_place(NULL, &path), "expected a number from 1 to %d",
                     WINDOW_SECONDS_MAX);
        seconds = WINDOW_SECONDS;
    }
    l->c->settings.limit_window = seconds;
}

static void read_all(struct reading litellm, struct reading general)
{
    struct config *c = litellm.l->c;
    int64_t parallel = LIMIT_NONE;
    read_limit(litellm, "rpm", &c->limits.rpm);
    read_limit(litellm, "tpm", &c->limits.tpm);
    read_limit(litellm, "max_parallel_requests", &c->limits.parallel);
    read_limit(general, "global_max_parallel_requests", &parallel);
    lower(&c->limits.parallel, parallel);
    read_limit(general, "max_parallel_requests", &c->parallel_per_key);
}

static void read_admission(struct reading general)
{
    struct admission_limits *a = &general.l->c->admission;
    a->timeout = ADMISSION_SECONDS;
    reading_integer(general, "max_in_flight_requests_per_worker", 0, &a->in_flight);
    a->queued = a->in_flight;
    reading_integer(general, "max_queued_requests_per_worker", 0, &a->queued);
    reading_number(general, "admission_queue_timeout_seconds", ADMISSION_SHORTEST,
                   CONFIG_MAX_SECONDS, &a->timeout);
}

static void read_group(struct reading groups, const struct node_item *item)
{
    const struct config_path path = {.up = groups.path, .key = item->key};
    struct reading in = {groups.l, item->value, &path, true};
    struct pool *pool = map_get(&groups.l->c->pools.by_name, item->key);
    if (item->value->kind != NODE_MAP) {
        config_error(in.l, config_place(item->value, &path),
                     "expected {rpm, tpm, max_parallel_requests}");
        return;
    }
    if (!pool) {
        config_warn(in.l, config_place(item->value, &path), "is no group of model_list");
        return;
    }
    read_limit(in, "rpm", &pool->limits.rpm);
    read_limit(in, "tpm", &pool->limits.tpm);
    read_limit(in, "max_parallel_requests", &pool->limits.parallel);
}

static void read_groups(struct reading router)
{
    const struct config_path path = {.up = router.path, .key = SLICE("model_group_limits")};
    const struct node *map = NODE_GET(router.map, "model_group_limits");
    struct reading groups = {router.l, map, &path, true};
    for (size_t i = 0; map && map->kind == NODE_MAP && i < map->count; i++)
        read_group(groups, &map->items[i]);
}

void config_read_key_defaults(struct reading params, struct limit_set *per_key)
{
    *per_key = (struct limit_set)LIMIT_SET_NONE;
    read_limit(params, "default_api_key_rpm_limit", &per_key->rpm);
    read_limit(params, "default_api_key_tpm_limit", &per_key->tpm);
}

/* ---- api_keys -------------------------------------------------------------------------------- */

static const char *const key_names[] = {"key",        "key_alias",       "models",
                                        "rpm",        "rpm_limit",       "tpm",
                                        "tpm_limit",  "model_rpm_limit", "model_tpm_limit",
                                        "user_id",    "team_id",         "max_parallel_requests",
                                        "spend_limit"};

static void warn(struct reading in, const char *key, const struct node *n, const char *text)
{
    const struct config_path path = {.up = in.path, .key = slice_of(key)};
    config_warn(in.l, config_place(n, &path), "%s", text);
}

static void check_names(struct reading in)
{
    for (size_t i = 0; i < in.map->count; i++) {
        const struct node_item *item = &in.map->items[i];
        size_t k = 0, n = sizeof(key_names) / sizeof(*key_names);
        while (k < n && !slice_eq(item->key, slice_of(key_names[k])))
            k++;
        if (k == n)
            warn(in, arena_strdup(&in.l->arena, item->key), item->value, "unknown option, ignored");
    }
}

static void read_key_models(struct reading in, struct fixed_key *k)
{
    const struct config_path path = {.up = in.path, .key = SLICE("models")};
    const struct node *list = NODE_GET(in.map, "models");
    if (node_is_null(list))
        return;
    if (list->kind != NODE_LIST) {
        config_error(in.l, config_place(list, &path), "expected a list of model names");
        return;
    }
    struct slice *models = arena_zalloc(&in.l->c->arena, (list->count + 1) * sizeof(*models));
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *n = list->items[i].value;
        if (node_is_null(n) || n->kind != NODE_SCALAR)
            config_error(in.l, config_place(n, &self), "expected the name of a model");
        else
            models[k->model_count++] = arena_dup(&in.l->c->arena, n->text);
    }
    k->models = models;
}

static struct limit_set *limits_of_model(struct reading in, struct model_limits *limits,
                                         struct model_limit *room, struct slice model)
{
    for (size_t i = 0; i < limits->n; i++)
        if (slice_eq(room[i].model, model))
            return &room[i].limits;
    room[limits->n] = (struct model_limit){arena_dup(&in.l->c->arena, model), LIMIT_SET_NONE};
    return &room[limits->n++].limits;
}

static size_t count_of(const struct node *map)
{
    return map && map->kind == NODE_MAP ? map->count : 0;
}

/* {model: number} */
static void read_model_limits(struct reading in, struct fixed_key *k)
{
    const struct node *rpm = NODE_GET(in.map, "model_rpm_limit");
    const struct node *tpm = NODE_GET(in.map, "model_tpm_limit");
    const struct config_path rpm_path = {.up = in.path, .key = SLICE("model_rpm_limit")};
    const struct config_path tpm_path = {.up = in.path, .key = SLICE("model_tpm_limit")};
    size_t n = count_of(rpm) + count_of(tpm);
    struct model_limit *room = arena_zalloc(&in.l->c->arena, (n + 1) * sizeof(*room));
    for (size_t i = 0; i < count_of(rpm); i++) {
        struct slice model = rpm->items[i].key;
        read_limit((struct reading){in.l, rpm, &rpm_path, true}, arena_strdup(&in.l->arena, model),
                   &limits_of_model(in, &k->model_limits, room, model)->rpm);
    }
    for (size_t i = 0; i < count_of(tpm); i++) {
        struct slice model = tpm->items[i].key;
        read_limit((struct reading){in.l, tpm, &tpm_path, true}, arena_strdup(&in.l->arena, model),
                   &limits_of_model(in, &k->model_limits, room, model)->tpm);
    }
    k->model_limits.v = room;
}

static void read_key_rights(struct reading in, struct fixed_key *k)
{
    k->alias = reading_text(in, "key_alias");
    k->user = reading_text(in, "user_id");
    k->team = reading_text(in, "team_id");
    k->limits = (struct limit_set)LIMIT_SET_NONE;
    read_limit(in, "rpm", &k->limits.rpm);
    read_limit(in, "rpm_limit", &k->limits.rpm);
    read_limit(in, "tpm", &k->limits.tpm);
    read_limit(in, "tpm_limit", &k->limits.tpm);
    read_limit(in, "max_parallel_requests", &k->limits.parallel);
    k->spend_limit = -1;
    reading_number(in, "spend_limit", 0, 1e12, &k->spend_limit);
    read_key_models(in, k);
    read_model_limits(in, k);
}

static void read_key(struct reading in)
{
    struct config *c = in.l->c;
    struct fixed_key *k = ARENA_NEW(&c->arena, struct fixed_key);
    const struct node *text = NODE_GET(in.map, "key");
    struct config_place place = config_place(in.map, in.path);
    if (in.map->kind != NODE_MAP || node_is_null(text) || text->kind != NODE_SCALAR ||
        !text->text.n) {
        config_error(in.l, place, "expected a map with a key: {key: sk-…, models: […]}");
        return;
    }
    sha256_hex(text->text, k->hash);
    if (map_get(&c->keys, slice_of(k->hash)))
        config_error(in.l, place, "this key stands in the list twice");
    if (slice_eq(slice_of(k->hash), slice_of(c->master_hash)))
        config_error(in.l, place, "this key is the master key");
    check_names(in);
    read_key_rights(in, k);
    map_put(&c->keys, slice_of(k->hash), k);
}

static void read_keys(struct reading general)
{
    const struct config_path path = {.up = general.path, .key = SLICE("api_keys")};
    const struct node *list = NODE_GET(general.map, "api_keys");
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        read_key((struct reading){general.l, list->items[i].value, &self, true});
    }
}

void config_read_limits(struct config_loader *l, const struct node *root)
{
    struct config *c = l->c;
    const struct config_path litellm_path = {.key = SLICE("litellm_settings")};
    const struct config_path general_path = {.key = SLICE("general_settings")};
    const struct config_path router_path = {.key = SLICE("router_settings")};
    struct reading litellm = {l, NODE_GET(root, "litellm_settings"), &litellm_path};
    struct reading general = {l, NODE_GET(root, "general_settings"), &general_path};
    struct reading router = {l, NODE_GET(root, "router_settings"), &router_path};
    c->limits = (struct limit_set)LIMIT_SET_NONE;
    c->parallel_per_key = LIMIT_NONE;
    if (c->settings.master_key)
        sha256_hex(slice_of(c->settings.master_key), c->master_hash);
    read_window(l);
    read_token_count(general);
    read_all(litellm, general);
    read_admission(general);
    read_groups(router);
    read_keys(general);
}
