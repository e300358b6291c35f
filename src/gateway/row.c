/* A row → what it says of its holder.
 *
 * Happy path: columns are read by the names that LiteLLM's tables share; texts are copied into the
 * row's arena, lists and maps are read out of their JSON. Failure modes: a column that the table
 * has not is empty; JSON that is not what it should be counts as not being there. */

#include "row.h"

#include "base/date.h"
#include "base/json.h"
#include "config/callbacks.h"

#include <stdlib.h>

#define FIRST_BYTES 1024

/* ---- reading a row --------------------------------------------------------------------------- */

struct reader {
    const struct store_rows *rows;
    size_t row;
    struct arena *a;
};

/* NULL: there is no such column, or nothing in it. */
static const struct store_value *cell_of(const struct reader *r, const char *column)
{
    struct slice name = slice_of(column);
    for (size_t i = 0; i < r->rows->column_count; i++)
        if (slice_eq(slice_of(r->rows->columns[i].name), name)) {
            const struct store_value *v = &r->rows->values[r->row * r->rows->column_count + i];
            return v->null ? NULL : v;
        }
    return NULL;
}

static struct slice text_of(const struct reader *r, const char *column)
{
    const struct store_value *v = cell_of(r, column);
    return v ? arena_dup(r->a, v->text) : slice_make(NULL, 0);
}

static int64_t integer_of(const struct reader *r, const char *column, int64_t otherwise)
{
    const struct store_value *v = cell_of(r, column);
    return v ? v->integer : otherwise;
}

static double number_of(const struct reader *r, const char *column, double otherwise)
{
    const struct store_value *v = cell_of(r, column);
    return v ? v->number : otherwise;
}

static bool flag_of(const struct reader *r, const char *column)
{
    const struct store_value *v = cell_of(r, column);
    return v && v->flag;
}

static yyjson_val *json_of(const struct reader *r, const char *column)
{
    const struct store_value *v = cell_of(r, column);
    return v ? json_parse(v->text, r->a, NULL) : NULL;
}

static const struct slice *list_of(struct arena *a, yyjson_val *list, size_t *n)
{
    yyjson_val *text;
    size_t i, count;
    struct slice *v;
    *n = 0;
    if (!yyjson_is_arr(list) || !yyjson_arr_size(list))
        return NULL;
    v = arena_zalloc(a, yyjson_arr_size(list) * sizeof(*v));
    yyjson_arr_foreach(list, i, count, text) if (yyjson_is_str(text)) v[(*n)++] = json_slice(text);
    return v;
}

static const struct slice *texts_of(const struct reader *r, const char *column, size_t *n)
{
    return list_of(r->a, json_of(r, column), n);
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

static struct model_limits model_limits_of(struct arena *a, yyjson_val *rpm, yyjson_val *tpm)
{
    size_t n = 0, most = yyjson_obj_size(rpm) + yyjson_obj_size(tpm);
    struct model_limit *v;
    if (!most)
        return (struct model_limits){0};
    v = arena_zalloc(a, most * sizeof(*v));
    read_limits(rpm, v, &n, false);
    read_limits(tpm, v, &n, true);
    return (struct model_limits){v, n};
}

/* Projects have columns for them. */
static void read_model_limits(const struct reader *r, yyjson_val *metadata, struct row *k)
{
    yyjson_val *rpm = json_get(metadata, "model_rpm_limit"),
               *tpm = json_get(metadata, "model_tpm_limit");
    k->of_models = model_limits_of(r->a, rpm ? rpm : json_of(r, "model_rpm_limit"),
                                   tpm ? tpm : json_of(r, "model_tpm_limit"));
}

static void read_limit_set(const struct reader *r, struct limit_set *set)
{
    set->rpm = integer_of(r, "rpm_limit", LIMIT_NONE);
    set->tpm = integer_of(r, "tpm_limit", LIMIT_NONE);
    set->parallel = integer_of(r, "max_parallel_requests", LIMIT_NONE);
}

/* ---- budgets --------------------------------------------------------------------------------- */

static struct slice either(yyjson_val *v, const char *one, const char *other)
{
    struct slice text = json_get_slice(v, one);
    return text.n ? text : json_get_slice(v, other);
}

static bool read_sum(yyjson_val *v, const char *one, const char *other, double *usd)
{
    return json_double(json_get(v, one), usd) || json_double(json_get(v, other), usd);
}

/* {"claude": {"budget_limit": 5, "time_period": "1d"}}, or {"claude": 5}. */
static void read_model_budgets(yyjson_val *map, struct row_budget *v, size_t *n)
{
    yyjson_val *key;
    yyjson_obj_iter it;
    if (!yyjson_is_obj(map))
        return;
    it = yyjson_obj_iter_with(map);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *value = yyjson_obj_iter_get_val(key);
        struct row_budget b = {.model = json_slice(key),
                               .period = either(value, "time_period", "budget_duration")};
        if (json_double(value, &b.most) || read_sum(value, "budget_limit", "max_budget", &b.most))
            v[(*n)++] = b;
    }
}

/* [{"budget_duration": "1d", "max_budget": 5}] */
static void read_further_budgets(yyjson_val *list, struct row_budget *v, size_t *n)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    yyjson_val *item;
    while ((item = yyjson_arr_iter_next(&it))) {
        struct row_budget b = {.period = either(item, "budget_duration", "time_period")};
        if (read_sum(item, "max_budget", "budget_limit", &b.most))
            v[(*n)++] = b;
    }
}

/* temp_budget_increase: budgets have columns, keys tell it in metadata. */
static void read_extra(const struct reader *r, yyjson_val *metadata, struct row *k)
{
    k->extra = number_of(r, "temp_budget_increase", 0);
    k->extra_until = integer_of(r, "temp_budget_expiry", 0);
    if (k->kind == ROW_KEY &&
        !date_parse(json_get_slice(metadata, "temp_budget_expiry"), &k->extra_until))
        k->extra_until = 0;
    if (k->kind == ROW_KEY)
        json_double(json_get(metadata, "temp_budget_increase"), &k->extra);
}

static void read_budgets(const struct reader *r, yyjson_val *metadata, struct row *k)
{
    yyjson_val *models = json_of(r, "model_max_budget"), *further = json_of(r, "budget_limits");
    size_t most = yyjson_obj_size(models) + yyjson_arr_size(further);
    k->spend = number_of(r, "spend", 0);
    k->budget = number_of(r, "max_budget", -1);
    k->soft = number_of(r, "soft_budget", -1);
    k->period = text_of(r, "budget_duration");
    k->reset_at = integer_of(r, "budget_reset_at", 0);
    read_extra(r, metadata, k);
    if (!most)
        return;
    struct row_budget *v = arena_zalloc(r->a, most * sizeof(*v));
    read_model_budgets(models, v, &k->budget_count);
    read_further_budgets(further, v, &k->budget_count);
    k->budgets = v;
}

/* ---- names of models ------------------------------------------------------------------------- */

static void read_aliases(const struct reader *r, struct row *k)
{
    yyjson_val *map = json_of(r, "aliases"), *key;
    struct row_alias *v;
    if (yyjson_is_str(map)) /* LiteLLM writes those of teams as a text of JSON */
        map = json_parse(json_slice(map), r->a, NULL);
    if (!yyjson_is_obj(map) || !yyjson_obj_size(map))
        return;
    v = arena_zalloc(r->a, yyjson_obj_size(map) * sizeof(*v));
    yyjson_obj_iter it = yyjson_obj_iter_with(map);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice model = json_slice(yyjson_obj_iter_get_val(key));
        if (model.n)
            v[k->alias_count++] = (struct row_alias){json_slice(key), model};
    }
    k->aliases = v;
}

struct slice row_alias_find(const struct row *r, struct slice name)
{
    for (size_t i = 0; r && i < r->alias_count; i++)
        if (slice_eq(r->aliases[i].name, name))
            return r->aliases[i].model;
    return slice_make(NULL, 0);
}

/* ---- the row ------------------------------------------------------------------------------ */

/* [{"user_id": "u", "role": "admin"}] */
static void read_admins(const struct reader *r, struct row *k)
{
    yyjson_val *members = json_of(r, "members_with_roles"), *m;
    yyjson_arr_iter it = yyjson_arr_iter_with(members);
    struct slice *v;
    if (!yyjson_arr_size(members))
        return;
    v = arena_zalloc(r->a, yyjson_arr_size(members) * sizeof(*v));
    while ((m = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_get_slice(m, "role"), SLICE("admin")) && json_get_slice(m, "user_id").n)
            v[k->admin_count++] = json_get_slice(m, "user_id");
    k->admins = v;
}

static void read_names(const struct reader *r, struct row *k)
{
    static const char *const ids[ROW_KINDS] = {
        [ROW_KEY] = "token",          [ROW_USER] = "user_id",
        [ROW_TEAM] = "team_id",       [ROW_ORGANIZATION] = "organization_id",
        [ROW_PROJECT] = "project_id", [ROW_END_USER] = "user_id",
        [ROW_TAG] = "tag_name",       [ROW_BUDGET] = "budget_id",
    };
    static const char *const aliases[] = {"key_alias",          "user_alias",    "team_alias",
                                          "organization_alias", "project_alias", "alias"};
    for (size_t i = 0; !k->alias.n && i < sizeof(aliases) / sizeof(*aliases); i++)
        k->alias = text_of(r, aliases[i]);
    k->user = text_of(r, "user_id");
    k->team = text_of(r, "team_id");
    k->organization = text_of(r, "organization_id");
    k->project = text_of(r, "project_id");
    k->budget_id = text_of(r, "budget_id");
    k->name = text_of(r, "key_name");
    k->role = text_of(r, "user_role");
    k->email = text_of(r, "user_email");
    k->id = k->kind == ROW_MEMBER ? ARENA_JOIN(r->a, k->team, SLICE("\n"), k->user)
            : ids[k->kind]        ? text_of(r, ids[k->kind])
                                  : k->id;
}

static struct row *row_begin(enum row_kind kind)
{
    struct row *k = calloc(1, sizeof(*k));
    if (!k)
        abort();
    k->kind = kind;
    k->refs = 1;
    k->limits = (struct limit_set)LIMIT_SET_NONE;
    k->budget = k->soft = -1;
    arena_init_small(&k->arena, FIRST_BYTES);
    return k;
}

/* A team's may be in LiteLLM's older form. */
static yyjson_val *logging_of(const struct reader *r, yyjson_val *metadata)
{
    yyjson_val *list = json_get(metadata, "logging");
    if (yyjson_is_arr(list))
        return list;
    return callback_list_make(json_get(metadata, "callback_settings"), r->a);
}

struct row *row_new(enum row_kind kind, const struct store_rows *rows, size_t row)
{
    struct row *k = row_begin(kind);
    struct reader r = {rows, row, &k->arena};
    yyjson_val *metadata = json_of(&r, "metadata");
    read_names(&r, k);
    k->blocked = flag_of(&r, "blocked");
    k->sees_spend = yyjson_is_true(json_get(json_of(&r, "permissions"), "get_spend_routes"));
    k->expires = integer_of(&r, "expires", 0);
    k->models = texts_of(&r, kind == ROW_BUDGET ? "allowed_models" : "models", &k->model_count);
    k->routes = texts_of(&r, "allowed_routes", &k->route_count);
    k->permissions = texts_of(&r, "team_member_permissions", &k->permission_count);
    k->tags = list_of(r.a, json_get(metadata, "tags"), &k->tag_count);
    k->guards = list_of(r.a, json_get(metadata, "guardrails"), &k->guard_count);
    k->enforced = list_of(r.a, json_get(metadata, "enforced_params"), &k->enforced_count);
    k->of_service = json_get(metadata, "service_account_id") != NULL;
    k->no_global_guards = yyjson_is_true(json_get(metadata, "disable_global_guardrails"));
    k->unheard = list_of(r.a, json_get(metadata, "litellm_disabled_callbacks"), &k->unheard_count);
    k->logging = logging_of(&r, metadata);
    k->model_table = integer_of(&r, "model_id", 0)
                         ? arena_integer(r.a, integer_of(&r, "model_id", 0))
                         : slice_make(NULL, 0);
    read_limit_set(&r, &k->limits);
    read_model_limits(&r, metadata, k);
    read_budgets(&r, metadata, k);
    read_aliases(&r, k);
    read_admins(&r, k);
    return k;
}

struct row *row_new_tally(struct slice id, double spend, int64_t reset_at)
{
    struct row *k = row_begin(ROW_TALLY);
    k->id = arena_dup(&k->arena, id);
    k->spend = spend;
    k->reset_at = reset_at;
    return k;
}

struct row *row_ref(struct row *r)
{
    r->refs++;
    return r;
}

void row_unref(struct row *r)
{
    if (!r || --r->refs)
        return;
    arena_fini(&r->arena);
    free(r);
}
