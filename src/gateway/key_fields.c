/* A table of members: which are columns, which lie in metadata, which answers have.
 *
 * Happy path: each member that the client may set becomes a cell by its column's type; durations
 * become times. Failure modes: a member of another type, or a duration that is none, is a 400 that
 * names it. */

#include "key_fields.h"

#include "base/json.h"
#include "io/clock.h"

#include <time.h>

#define METADATA_MAX (1024 * 1024)
#define MS_PER_S     1000
#define S_PER_DAY    86400
#define DAYS_MAX     36500
#define WEEK         7
#define MONTH        30
#define THURSDAY     3 /* 1970-01-01 was one; days since Monday */

static const char *const settable[] = {
    "key_alias",        "models",          "aliases",
    "config",           "user_id",         "team_id",
    "permissions",      "max_budget",      "max_parallel_requests",
    "blocked",          "tpm_limit",       "rpm_limit",
    "budget_duration",  "spend",           "allowed_cache_controls",
    "model_max_budget", "organization_id", "allowed_routes",
    "project_id",       "router_settings", "policies",
    "access_group_ids", "agent_id",        "budget_limits",
    "budget_fallbacks", "key_type",        "tpd_limit",
    "budget_id",        "auto_rotate",     "rotation_interval",
};

static const char *const in_metadata[] = {
    "model_rpm_limit",
    "model_tpm_limit",
    "mcp_rpm_limit",
    "tag_rpm_limit",
    "guardrails",
    "prompts",
    "tags",
    "enforced_params",
    "disable_global_guardrails",
    "enable_prompt_caching",
    "throttle_on_budget_exceeded",
    "default_estimated_output_tokens",
    "default_estimated_output_tokens_per_model",
    "allowed_passthrough_routes",
    "denied_passthrough_routes",
    "allowed_vector_store_indexes",
    "rpm_limit_type",
    "tpm_limit_type",
    "end_user_budget_id",
};

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

void key_fields_set(struct key_cells *cells, const char *column, struct store_value value)
{
    cells->v[cells->n++] = (struct store_cell){column, value, STORE_SET};
}

/* ---- durations ------------------------------------------------------------------------------- */

struct duration {
    int64_t count;
    char unit; /* s, m, h, d, w; M: months */
};

static bool read_duration(struct slice text, struct duration *d)
{
    size_t digits = 0;
    struct slice unit;
    while (digits < text.n && text.p[digits] >= '0' && text.p[digits] <= '9')
        digits++;
    unit = slice_skip(text, digits);
    if (!digits || !slice_to_i64(slice_make(text.p, digits), &d->count) || d->count < 1)
        return false;
    d->unit = unit.n ? unit.p[0] : 0;
    if (slice_eq(unit, SLICE("mo")))
        d->unit = 'M';
    else if (unit.n != 1 || !strchr("smhdw", d->unit))
        return false;
    return d->count <= (int64_t)DAYS_MAX * S_PER_DAY;
}

static int64_t seconds_of(const struct duration *d)
{
    switch (d->unit) {
    case 'm': return d->count * 60;
    case 'h': return d->count * 3600;
    case 'd': return d->count * S_PER_DAY;
    case 'w': return d->count * S_PER_DAY * WEEK;
    case 'M': return d->count * S_PER_DAY * MONTH;
    default: return d->count;
    }
}

static int64_t months_on(int64_t now_s, int64_t months)
{
    time_t t = (time_t)now_s;
    struct tm tm;
    if (!gmtime_r(&t, &tm))
        return now_s;
    tm.tm_mon += (int)months;
    tm.tm_mday = 1;
    tm.tm_hour = tm.tm_min = tm.tm_sec = 0;
    return (int64_t)timegm(&tm);
}

/* When a budget of that duration begins anew: days at midnight, weeks on Mondays, months on the
 * first, as LiteLLM's (UTC). */
static int64_t reset_after(int64_t now_s, const struct duration *d)
{
    int64_t days = seconds_of(d) / S_PER_DAY, today = now_s / S_PER_DAY;
    if (d->unit == 'M')
        return months_on(now_s, d->count < DAYS_MAX ? d->count : DAYS_MAX);
    if (!days)
        return now_s + seconds_of(d);
    if (days == MONTH)
        return months_on(now_s, 1);
    if (days == WEEK)
        return (today - (today + THURSDAY) % WEEK + WEEK) * S_PER_DAY;
    return (today + days) * S_PER_DAY;
}

int64_t key_fields_next_reset(struct slice duration, int64_t now)
{
    struct duration d;
    return read_duration(duration, &d) ? reset_after(now / MS_PER_S, &d) * MS_PER_S : 0;
}

static bool refuse(struct exchange *ex, const char *name, const char *why)
{
    return failure_bad_param(&ex->failure, &ex->arena, name, "%s: %s", name, why);
}

/* Months in days for `duration`, calendar-aligned for budgets. */
static bool read_time(struct exchange *ex, yyjson_val *body, const char *name, const char *column,
                      bool aligned, struct key_cells *cells)
{
    yyjson_val *v = json_get(body, name);
    struct duration d;
    int64_t now = clock_unix_ms();
    if (!v)
        return true;
    if (yyjson_is_null(v)) {
        key_fields_set(cells, column, store_null());
        return true;
    }
    if (!read_duration(json_slice(v), &d) || seconds_of(&d) > (int64_t)DAYS_MAX * S_PER_DAY)
        return refuse(ex, name,
                      "a duration such as \"30s\", \"12h\", \"30d\" or \"1mo\" is wanted");
    key_fields_set(cells, column,
                   store_time(aligned ? reset_after(now / MS_PER_S, &d) * MS_PER_S
                                      : now + seconds_of(&d) * MS_PER_S));
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

static bool read_member(struct exchange *ex, yyjson_val *body, const char *name,
                        struct key_cells *cells)
{
    const struct store_table *table = store_table(TABLE_VERIFICATION_TOKEN);
    const struct store_column *column = &table->columns[store_column_find(table, slice_of(name))];
    yyjson_val *v = json_get(body, name);
    struct store_value value;
    if (!v || (yyjson_is_null(v) && column->flags & COLUMN_NEEDED))
        return true;
    if (!store_value_from_json(column, v, &ex->arena, &value))
        return refuse(ex, name, "a value of another type is wanted");
    key_fields_set(cells, name, value);
    return true;
}

static bool has_any(yyjson_val *body, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!yyjson_is_null(json_get(body, names[i])) && json_get(body, names[i]))
            return true;
    return false;
}

static bool is_in_metadata(struct slice name)
{
    for (size_t i = 0; i < COUNT(in_metadata); i++)
        if (slice_eq(name, slice_of(in_metadata[i])))
            return true;
    return false;
}

/* What the client gives anew replaces the old; null takes it away. */
static struct slice join_metadata(struct exchange *ex, yyjson_val *old, yyjson_val *body)
{
    struct buf b;
    struct json_writer w;
    yyjson_val *key;
    buf_init(&b, METADATA_MAX);
    json_begin(&w, &b);
    json_object(&w);
    if (yyjson_is_obj(old)) {
        yyjson_obj_iter it = yyjson_obj_iter_with(old);
        while ((key = yyjson_obj_iter_next(&it))) {
            struct slice name = json_slice(key);
            if (is_in_metadata(name) && json_get(body, arena_strdup(&ex->arena, name)))
                continue;
            json_key_slice(&w, name);
            json_value(&w, yyjson_obj_iter_get_val(key));
        }
    }
    for (size_t i = 0; i < COUNT(in_metadata); i++) {
        yyjson_val *v = json_get(body, in_metadata[i]);
        if (!v || yyjson_is_null(v))
            continue;
        json_key_slice(&w, slice_of(in_metadata[i]));
        json_value(&w, v);
    }
    json_object_end(&w);
    struct slice text = b.overflow ? SLICE("") : arena_dup(&ex->arena, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static bool read_metadata(struct exchange *ex, yyjson_val *body, struct slice metadata,
                          struct key_cells *cells)
{
    yyjson_val *given = json_get(body, "metadata");
    struct slice text;
    if (given && !yyjson_is_null(given) && !yyjson_is_obj(given))
        return refuse(ex, "metadata", "an object is wanted");
    if (!yyjson_is_obj(given) && !has_any(body, in_metadata, COUNT(in_metadata)))
        return true;
    text = join_metadata(ex, yyjson_is_obj(given) ? given : json_parse(metadata, &ex->arena, NULL),
                         body);
    if (!text.n)
        return refuse(ex, "metadata", "it is too long");
    key_fields_set(cells, "metadata", store_json(text));
    return true;
}

bool key_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                     struct key_cells *cells)
{
    cells->n = 0;
    for (size_t i = 0; i < COUNT(settable); i++)
        if (!read_member(ex, body, settable[i], cells))
            return false;
    return read_metadata(ex, body, metadata, cells) &&
           read_time(ex, body, "duration", "expires", false, cells) &&
           read_time(ex, body, "budget_duration", "budget_reset_at", true, cells);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void write_row(struct json_writer *w, const struct store_rows *rows, size_t row,
                      struct slice hidden)
{
    for (size_t i = 0; i < rows->column_count; i++) {
        const struct store_value *v = &rows->values[row * rows->column_count + i];
        struct slice name = slice_of(rows->columns[i].name);
        if (slice_eq(name, SLICE("token")) || slice_eq(name, hidden))
            continue;
        json_key_slice(w, name);
        if (v->null && rows->columns[i].type == STORE_TEXTS)
            json_raw(w, SLICE("[]"));
        else
            store_value_write(w, v);
    }
}

static void write_null(struct json_writer *w, const char *name)
{
    json_key_slice(w, slice_of(name));
    json_null(w);
}

static void write_relations(struct json_writer *w)
{
    static const char *const names[] = {"litellm_budget_table", "litellm_organization_table",
                                        "litellm_project_table", "object_permission",
                                        "jwt_key_mappings"};
    for (size_t i = 0; i < COUNT(names); i++)
        write_null(w, names[i]);
}

void key_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row)
{
    write_row(w, rows, row, SLICE(""));
    write_relations(w);
}

void key_fields_write_new(struct json_writer *w, const struct store_rows *rows, struct slice key,
                          yyjson_val *body)
{
    struct slice hash = store_rows_text(rows, 0, "token");
    json_member_string(w, "key", key);
    json_member_string(w, "token", hash);
    json_member_string(w, "token_id", hash);
    write_row(w, rows, 0, SLICE(""));
    for (size_t i = 0; i < COUNT(in_metadata); i++) {
        yyjson_val *v = json_get(body, in_metadata[i]);
        json_key_slice(w, slice_of(in_metadata[i]));
        if (v)
            json_value(w, v);
        else
            json_null(w);
    }
    write_null(w, "duration");
    write_null(w, "object_permission");
    write_null(w, "litellm_budget_table");
}
