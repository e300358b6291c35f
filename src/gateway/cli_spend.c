/* Happy path: one report of the gateway, days of it summed by name, and a table ordered by money.
 *
 * Failure modes: those of cli.c. */

#include "base/date.h"
#include "cli.h"
#include "cli_table.h"
#include "io/clock.h"

#include <stdio.h>
#include <stdlib.h>

#define PATH_MAX_BYTES (16 * 1024)
#define DAY_MS         INT64_C(86400000)
#define LATELY         30 /* days */

struct sum {
    struct slice name, alias;
    double spend;
    int64_t requests, failed, tokens;
};

struct sums {
    struct sum *v;
    size_t n, size;
};

/* ---- sums ------------------------------------------------------------------------------------ */

static struct sum *sum_of(struct cli *c, struct sums *s, struct slice name)
{
    for (size_t i = 0; i < s->n; i++)
        if (slice_eq(s->v[i].name, name))
            return &s->v[i];
    if (s->n == s->size) {
        size_t size = s->size ? s->size * 2 : 64;
        s->v = arena_realloc(&c->arena, s->v, s->size * sizeof(*s->v), size * sizeof(*s->v));
        s->size = size;
    }
    s->v[s->n] = (struct sum){.name = name};
    return &s->v[s->n++];
}

static void add(struct sum *s, yyjson_val *metrics)
{
    const struct {
        const char *name;
        int64_t *into;
    } counts[] = {{"api_requests", &s->requests},
                  {"failed_requests", &s->failed},
                  {"total_tokens", &s->tokens}};
    double usd;
    for (size_t i = 0; i < 3; i++) {
        int64_t n;
        if (json_int(json_get(metrics, counts[i].name), &n))
            *counts[i].into += n;
    }
    if (json_double(json_get(metrics, "spend"), &usd))
        s->spend += usd;
}

static struct slice alias_of(struct cli *c, yyjson_val *part)
{
    static const char *const names[] = {"key_alias", "team_alias", "user_email"};
    yyjson_val *metadata = json_get(part, "metadata");
    for (size_t i = 0; i < 3; i++)
        if (json_get_slice(metadata, names[i]).n)
            return cli_text(c, json_get(metadata, names[i]));
    return SLICE("");
}

static void add_part(struct cli *c, struct sums *s, struct slice name, yyjson_val *part)
{
    struct sum *sum = sum_of(c, s, name);
    add(sum, json_get(part, "metrics"));
    if (!sum->alias.n)
        sum->alias = alias_of(c, part);
}

/* `dimension` NULL: the days themselves. */
static void sum_up(struct cli *c, struct sums *s, yyjson_val *answer, const char *dimension)
{
    size_t i, n, k, m;
    yyjson_val *day, *name, *part;
    yyjson_arr_foreach(json_get(answer, "results"), i, n, day)
    {
        yyjson_val *parts = dimension ? json_get(json_get(day, "breakdown"), dimension) : NULL;
        if (!dimension)
            add_part(c, s, json_get_slice(day, "date"), day);
        yyjson_obj_foreach(parts, k, m, name, part) add_part(c, s, json_slice(name), part);
    }
}

static int by_spend(const void *left, const void *right)
{
    const struct sum *a = left, *b = right;
    return (a->spend < b->spend) - (a->spend > b->spend);
}

/* ---- what is asked --------------------------------------------------------------------------- */

static struct slice day_of(struct cli *c, int64_t ms)
{
    char text[DATE_SIZE];
    date_format(ms, text);
    return arena_dup(&c->arena, slice_make(text, 10));
}

static yyjson_val *ask_days(struct cli *c, const char *path, int *status)
{
    int64_t now = clock_unix_ms();
    struct buf b;
    buf_init(&b, PATH_MAX_BYTES);
    buf_add(&b, slice_of(path));
    cli_add_query(&b, "start_date", c->from.n ? c->from : day_of(c, now - LATELY * DAY_MS));
    cli_add_query(&b, "end_date", c->to.n ? c->to : day_of(c, now));
    yyjson_val *answer = cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&b)), SLICE(""), status);
    buf_fini(&b);
    return answer;
}

/* -1: it is no number. */
static int64_t limit_of(const struct cli *c, int64_t otherwise)
{
    int64_t n = otherwise;
    return !c->limit.p || (slice_to_i64(c->limit, &n) && n > 0) ? n : -1;
}

/* ---- the answers ----------------------------------------------------------------------------- */

static void print_sums(struct cli *c, const struct sums *s, const char *title, size_t limit)
{
    static const char *const numbers[] = {"REQUESTS", "FAILED", "TOKENS", "SPEND"};
    struct cli_table t;
    cli_table_init(&t, &c->arena);
    cli_table_column(&t, title, false);
    cli_table_column(&t, "ALIAS", false);
    for (size_t i = 0; i < 4; i++)
        cli_table_column(&t, numbers[i], true);
    for (size_t i = 0; i < s->n && i < limit; i++) {
        struct slice *cells = cli_table_row(&t);
        cells[0] = s->v[i].name;
        cells[1] = s->v[i].alias;
        cells[2] = arena_integer(&c->arena, s->v[i].requests);
        cells[3] = arena_integer(&c->arena, s->v[i].failed);
        cells[4] = arena_integer(&c->arena, s->v[i].tokens);
        cells[5] = cli_money(c, s->v[i].spend);
    }
    cli_table_print(&t);
}

static void print_sums_json(const struct sums *s, size_t limit)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SIZE_MAX);
    json_begin(&w, &b);
    json_array(&w);
    for (size_t i = 0; i < s->n && i < limit; i++) {
        json_object(&w);
        json_member_string(&w, "name", s->v[i].name);
        json_member_string(&w, "alias", s->v[i].alias);
        json_member_integer(&w, "requests", s->v[i].requests);
        json_member_integer(&w, "failed", s->v[i].failed);
        json_member_integer(&w, "tokens", s->v[i].tokens);
        json_key(&w, "spend"), json_number(&w, s->v[i].spend);
        json_object_end(&w);
    }
    json_array_end(&w);
    printf("%.*s\n", SLICE_ARG(buf_slice(&b)));
    buf_fini(&b);
}

static int report(struct cli *c, const char *path, const char *dimension, const char *title)
{
    int status;
    struct sums s = {0};
    int64_t limit = limit_of(c, INT32_MAX);
    if (limit < 0)
        return cli_wrong("--limit %.*s: a number from 1 on", SLICE_ARG(c->limit));
    yyjson_val *answer = ask_days(c, path, &status);
    if (!answer)
        return status;
    sum_up(c, &s, answer, dimension);
    if (dimension && s.n)
        qsort(s.v, s.n, sizeof(*s.v), by_spend);
    if (c->json)
        print_sums_json(&s, (size_t)limit);
    else
        print_sums(c, &s, title, (size_t)limit);
    return status;
}

static void print_logs(struct cli *c, yyjson_val *rows)
{
    static const char *const members[] = {"startTime", "status",  "model_group",
                                          "user",      "team_id", "total_tokens"};
    static const char *const titles[] = {"TIME", "STATUS", "MODEL", "USER", "TEAM", "TOKENS"};
    struct cli_table t;
    size_t i, n;
    yyjson_val *row;
    double usd;
    cli_table_init(&t, &c->arena);
    for (i = 0; i < 6; i++)
        cli_table_column(&t, titles[i], i == 5);
    cli_table_column(&t, "SPEND", true);
    cli_table_column(&t, "REQUEST", false);
    yyjson_arr_foreach(rows, i, n, row)
    {
        struct slice *cells = cli_table_row(&t);
        for (size_t k = 0; k < 6; k++)
            cells[k] = cli_text(c, json_get(row, members[k]));
        cells[0].n = cells[0].n > 19 ? 19 : cells[0].n; /* to the second */
        cells[6] = cli_money(c, json_double(json_get(row, "spend"), &usd) ? usd : 0);
        cells[7] = cli_text(c, json_get(row, "request_id"));
    }
    cli_table_print(&t);
}

static int logs(struct cli *c)
{
    const struct {
        const char *name;
        struct slice value;
    } filters[] = {{"api_key", c->key},
                   {"user_id", c->user},
                   {"team_id", c->team},
                   {"status_filter", c->status},
                   {"model_group", c->model}};
    struct slice today = day_of(c, clock_unix_ms());
    int status;
    struct buf b;
    int64_t limit = limit_of(c, 50);
    if (limit < 1 || limit > 1000)
        return cli_wrong("--limit %.*s: a number from 1 to 1000", SLICE_ARG(c->limit));
    buf_init(&b, PATH_MAX_BYTES);
    buf_add(&b, SLICE("/spend/logs/v2"));
    cli_add_query(&b, "start_date", c->from.n ? c->from : today);
    cli_add_query(&b, "end_date", c->to.n ? c->to : today);
    cli_add_query(&b, "page_size", arena_integer(&c->arena, limit));
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        cli_add_query(&b, filters[i].name, filters[i].value);
    yyjson_val *answer = cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&b)), SLICE(""), &status);
    buf_fini(&b);
    if (answer && c->json)
        cli_print_json(json_get(answer, "data"));
    else if (answer)
        print_logs(c, json_get(answer, "data"));
    return status;
}

int cli_spend(struct cli *c)
{
    static const struct {
        const char *task, *path, *dimension, *title;
    } reports[] = {
        {"keys", "/user/daily/activity/aggregated", "api_keys", "KEY"},
        {"users", "/user/daily/activity/aggregated", "entities", "USER"},
        {"teams", "/team/daily/activity/aggregated", "entities", "TEAM"},
        {"models", "/user/daily/activity/aggregated", "model_groups", "MODEL"},
        {"tags", "/tag/daily/activity/aggregated", "entities", "TAG"},
        {"days", "/user/daily/activity/aggregated", NULL, "DAY"},
    };
    if (c->name_count)
        return cli_wrong("'%.*s' is too much", SLICE_ARG(c->names[0]));
    if (slice_eq(c->task, SLICE("logs")))
        return logs(c);
    for (size_t i = 0; i < sizeof(reports) / sizeof(*reports); i++)
        if (slice_eq(c->task, slice_of(reports[i].task)))
            return report(c, reports[i].path, reports[i].dimension, reports[i].title);
    return cli_wrong("spend %.*s: unknown", SLICE_ARG(c->task));
}
