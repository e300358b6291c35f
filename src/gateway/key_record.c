/* A row of LiteLLM_VerificationToken → what its holder may do.
 *
 * Happy path: texts are copied into the record's arena, lists and the limits per model are read out
 * of their JSON. Failure modes: JSON that is not what it should be counts as not being there. */

#include "key_record.h"

#include "base/date.h"
#include "base/json.h"
#include "wire/crypto.h"

#include <stdlib.h>

#define NUMBER_MAX 40

/* ---- reading a row --------------------------------------------------------------------------- */

struct reader {
    const struct store_rows *rows;
    size_t row;
    struct arena *a;
};

static struct slice text_of(const struct reader *r, const char *column)
{
    return arena_dup(r->a, store_rows_text(r->rows, r->row, column));
}

static int64_t limit_of(const struct reader *r, const char *column)
{
    const struct store_value *v = store_rows_at(r->rows, r->row, column);
    return v->null ? LIMIT_NONE : v->integer;
}

static int64_t time_of(const struct reader *r, const char *column)
{
    const struct store_value *v = store_rows_at(r->rows, r->row, column);
    return v->null ? 0 : v->integer;
}

static yyjson_val *json_of(const struct reader *r, const char *column)
{
    return json_parse(store_rows_text(r->rows, r->row, column), r->a, NULL);
}

static const struct slice *texts_of(const struct reader *r, const char *column, size_t *n)
{
    yyjson_val *list = json_of(r, column), *text;
    size_t i, count;
    struct slice *v;
    *n = 0;
    if (!yyjson_is_arr(list) || !yyjson_arr_size(list))
        return NULL;
    v = arena_zalloc(r->a, yyjson_arr_size(list) * sizeof(*v));
    yyjson_arr_foreach(list, i, count, text) if (yyjson_is_str(text)) v[(*n)++] = json_slice(text);
    return v;
}

/* ---- limits per model ------------------------------------------------------------------------ */

static struct model_limit *limit_for(struct model_limit *v, size_t *n, struct slice model)
{
    const struct limit_set none = LIMIT_SET_NONE;
    for (size_t i = 0; i < *n; i++)
        if (slice_eq(v[i].model, model))
            return &v[i];
    v[*n] = (struct model_limit){model, none};
    return &v[(*n)++];
}

/* {"model": 10}, as metadata has it. */
static void read_limits(yyjson_val *map, struct model_limit *v, size_t *n, bool tokens)
{
    yyjson_val *key;
    yyjson_obj_iter it;
    int64_t value;
    if (!yyjson_is_obj(map))
        return;
    it = yyjson_obj_iter_with(map);
    while ((key = yyjson_obj_iter_next(&it))) {
        if (!json_int(yyjson_obj_iter_get_val(key), &value))
            continue;
        struct limit_set *set = &limit_for(v, n, json_slice(key))->limits;
        *(tokens ? &set->tpm : &set->rpm) = value;
    }
}

static struct model_limits model_limits_of(const struct reader *r)
{
    yyjson_val *metadata = json_of(r, "metadata");
    yyjson_val *rpm = json_get(metadata, "model_rpm_limit"),
               *tpm = json_get(metadata, "model_tpm_limit");
    size_t n = 0, most = yyjson_obj_size(rpm) + yyjson_obj_size(tpm);
    struct model_limit *v;
    if (!most)
        return (struct model_limits){0};
    v = arena_zalloc(r->a, most * sizeof(*v));
    read_limits(rpm, v, &n, false);
    read_limits(tpm, v, &n, true);
    return (struct model_limits){v, n};
}

/* ---- the record ------------------------------------------------------------------------------ */

static void read_caller(const struct reader *r, struct caller *c)
{
    caller_init(c);
    c->key = text_of(r, "token");
    c->alias = text_of(r, "key_alias");
    c->user = text_of(r, "user_id");
    c->team = text_of(r, "team_id");
    c->models = texts_of(r, "models", &c->model_count);
    c->of_key.rpm = limit_of(r, "rpm_limit");
    c->of_key.tpm = limit_of(r, "tpm_limit");
    c->of_key.parallel = limit_of(r, "max_parallel_requests");
    c->of_key_models = model_limits_of(r);
}

struct key_record *key_record_new(const struct store_rows *rows, size_t row)
{
    struct key_record *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->refs = 1;
    arena_init(&k->arena);
    struct reader r = {rows, row, &k->arena};
    read_caller(&r, &k->caller);
    k->name = text_of(&r, "key_name");
    k->blocked = store_rows_flag(rows, row, "blocked");
    k->expires = time_of(&r, "expires");
    k->reset_at = time_of(&r, "budget_reset_at");
    k->period = text_of(&r, "budget_duration");
    k->spend = store_rows_number(rows, row, "spend");
    k->budget = store_rows_at(rows, row, "max_budget")->null
                    ? -1
                    : store_rows_number(rows, row, "max_budget");
    k->caller.spend_limit = k->budget;
    k->routes = texts_of(&r, "allowed_routes", &k->route_count);
    return k;
}

struct key_record *key_record_ref(struct key_record *k)
{
    k->refs++;
    return k;
}

void key_record_unref(struct key_record *k)
{
    if (!k || --k->refs)
        return;
    arena_fini(&k->arena);
    free(k);
}

/* ---- what is held against it ----------------------------------------------------------------- */

static bool refuse_expired(const struct key_record *k, int64_t now, struct arena *a,
                           struct failure *f)
{
    char then[DATE_SIZE], at[DATE_SIZE];
    date_format(k->expires, then);
    date_format(now, at);
    failure_set(f, a, FAILURE_AUTHENTICATION, 401,
                "Authentication Error - Expired Key. Key Expiry time %s and current time %s", then,
                at);
    f->type = "expired_key";
    f->param = arena_dup(a, k->name);
    f->param_shown = true;
    return false;
}

bool key_record_check(const struct key_record *k, int64_t now, struct arena *a, struct failure *f)
{
    if (k->blocked) {
        failure_set(f, a, FAILURE_AUTHENTICATION, 401,
                    "Authentication Error, Key is blocked. Update via `/key/unblock` if you're "
                    "admin.");
        f->param = SLICE("None");
        f->param_shown = true;
        return false;
    }
    return !k->expires || now < k->expires || refuse_expired(k, now, a, f);
}

/* What stands in LiteLLM's groups, as far as there are such routes here. */
static bool is_of_group(const struct route *route, struct slice group)
{
    /* … or is about such calls, as they are kept */
    bool calls_model = !route->handle || route->dialect == &dialect_openai_responses;
    bool shows = !route->admin && slice_eq(slice_of(route->method), SLICE("GET"));
    if (slice_eq(group, SLICE("management_routes")))
        return route->admin;
    if (slice_eq(group, SLICE("info_routes")))
        return shows;
    if (slice_eq(group, SLICE("anthropic_routes")))
        return calls_model && route->dialect == &dialect_anthropic_messages;
    return (slice_eq(group, SLICE("llm_api_routes")) || slice_eq(group, SLICE("openai_routes"))) &&
           (calls_model || shows);
}

static bool is_allowed(struct slice allowed, const struct route *route, struct slice path)
{
    struct slice star = SLICE("*");
    if (slice_ends(allowed, star))
        return slice_starts(path, slice_make(allowed.p, allowed.n - star.n));
    return slice_eq(allowed, path) || slice_eq(allowed, slice_of(route->path)) ||
           is_of_group(route, allowed);
}

bool key_record_check_route(const struct key_record *k, const struct route *route,
                            struct slice path, struct arena *a, struct failure *f)
{
    for (size_t i = 0; i < k->route_count; i++)
        if (is_allowed(k->routes[i], route, path))
            return true;
    if (!k->route_count)
        return true;
    failure_set(f, a, FAILURE_PERMISSION, 403,
                "Virtual key is not allowed to call this route. Tried to call route: %.*s",
                SLICE_ARG(path));
    f->type = "auth_error";
    return false;
}

static struct slice number(double value, char room[NUMBER_MAX])
{
    struct buf b = {.p = room, .size = NUMBER_MAX, .cap = NUMBER_MAX};
    struct json_writer w;
    json_begin(&w, &b);
    json_number(&w, value);
    return buf_slice(&b);
}

bool key_record_check_budget(const struct key_record *k, double spend, struct arena *a,
                             struct failure *f)
{
    char spent[NUMBER_MAX], most[NUMBER_MAX];
    struct slice cost = number(spend, spent), budget = number(k->budget, most);
    struct slice who = k->caller.alias.n ? k->caller.alias : SLICE("key");
    if (k->budget < 0 || spend < k->budget)
        return true;
    failure_set(f, a, FAILURE_BAD_REQUEST, 422,
                "Budget has been exceeded! Key=%.*s (%.*s) Current cost: %.*s, Max budget: %.*s",
                SLICE_ARG(who), SLICE_ARG(k->name), SLICE_ARG(cost), SLICE_ARG(budget));
    f->type = "budget_exceeded";
    return false;
}
