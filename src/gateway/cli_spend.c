/* Happy path: one report of the gateway, days of it summed by name, and a table ordered by money.
 *
 * Failure modes: those of cli.c. */

#include "base/date.h"
#include "cli.h"
#include "cli_table.h"
#include "io/clock.h"
#include "wire/crypto.h"

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

/* Whose days are asked for, and what spent in them is added up. */
struct report {
    const char *task, *dimension, *title; /* dimension NULL: the days themselves */
    enum cli_option own; /* whose days it must be; CLI_OPTIONS: anybody's who is named */
};

static const struct report reports[] = {
    {"keys", "api_keys", "KEY", CLI_OPTIONS}, {"models", "model_groups", "MODEL", CLI_OPTIONS},
    {"days", NULL, "DAY", CLI_OPTIONS},       {"users", "entities", "USER", CLI_USER},
    {"teams", "entities", "TEAM", CLI_TEAM},  {"tags", "entities", "TAG", CLI_TAG},
};

static const struct report *report_of(const struct cli_task *task)
{
    const struct report *r = reports;
    while (strcmp(r->task, task->name) != 0)
        r++;
    return r;
}

/* The key that --api-key means, as rows name it; empty: none is asked for. False: said why not. */
static bool find_key(struct cli *c, struct slice *key, int *status)
{
    char hash[HEX_SIZE(SHA256_SIZE)];
    *key = SLICE("");
    if (!c->given[CLI_API_KEY].n)
        return true;
    *key = cli_key(c, c->given[CLI_API_KEY], status);
    if (slice_starts(*key, SLICE("sk-"))) {
        sha256_hex(*key, hash);
        *key = arena_dup(&c->arena, slice_of(hash));
    }
    return key->p != NULL;
}

static yyjson_val *ask_days(struct cli *c, const struct report *r, int *status)
{
    static const struct source {
        enum cli_option option;
        const char *path, *parameter;
    } sources[] = {{CLI_USER, "/user/daily/activity/aggregated", "user_id"},
                   {CLI_TEAM, "/team/daily/activity/aggregated", "team_ids"},
                   {CLI_TAG, "/tag/daily/activity/aggregated", "tags"}};
    const struct source *s = sources;
    int64_t now = clock_unix_ms();
    struct slice key, from = c->given[CLI_FROM], to = c->given[CLI_TO];
    struct buf b;
    for (size_t i = 0; i < sizeof(sources) / sizeof(*sources); i++)
        if (sources[i].option == r->own || c->given[sources[i].option].p)
            s = &sources[i];
    if (!find_key(c, &key, status))
        return NULL;
    buf_init(&b, PATH_MAX_BYTES);
    buf_add(&b, slice_of(s->path));
    cli_add_query(&b, "start_date", from.n ? from : day_of(c, now - LATELY * DAY_MS));
    cli_add_query(&b, "end_date", to.n ? to : day_of(c, now));
    cli_add_query(&b, s->parameter, c->given[s->option]);
    cli_add_query(&b, "api_key", key);
    cli_add_query(&b, "model_group", c->given[CLI_MODEL]);
    yyjson_val *answer = cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&b)), SLICE(""), status);
    buf_fini(&b);
    return answer;
}

/* A filter that is empty, as of a variable of the shell that was never set, would filter nothing.
 */
static bool has_empty(const struct cli *c)
{
    for (size_t i = 0; i < CLI_OPTIONS; i++)
        if (c->given[i].p && !c->given[i].n)
            return true;
    return false;
}

/* -1: it is no number. */
static int64_t limit_of(const struct cli *c, int64_t otherwise)
{
    int64_t n = otherwise;
    struct slice given = c->given[CLI_LIMIT];
    return !given.p || (slice_to_i64(given, &n) && n > 0) ? n : -1;
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

static int report(struct cli *c, const struct cli_task *task)
{
    int status;
    const struct report *r = report_of(task);
    struct sums s = {0};
    int64_t limit = limit_of(c, INT32_MAX);
    if (has_empty(c))
        return cli_wrong(c, "an option's value is empty");
    if (limit < 0)
        return cli_wrong(c, "--limit %.*s: a number from 1 on", SLICE_ARG(c->given[CLI_LIMIT]));
    if ((c->given[CLI_USER].p != NULL) + (c->given[CLI_TEAM].p != NULL) +
            (c->given[CLI_TAG].p != NULL) >
        1)
        return cli_wrong(c, "one of --user, --team and --tag, not two");
    yyjson_val *answer = ask_days(c, r, &status);
    if (!answer)
        return status;
    sum_up(c, &s, answer, r->dimension);
    if (r->dimension && s.n)
        qsort(s.v, s.n, sizeof(*s.v), by_spend);
    if (c->json)
        print_sums_json(&s, (size_t)limit);
    else
        print_sums(c, &s, r->title, (size_t)limit);
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

static int logs(struct cli *c, const struct cli_task *task)
{
    static const struct {
        enum cli_option option;
        const char *name;
    } filters[] = {{CLI_USER, "user_id"},
                   {CLI_TEAM, "team_id"},
                   {CLI_STATUS, "status_filter"},
                   {CLI_MODEL, "model_group"}};
    struct slice key, today = day_of(c, clock_unix_ms());
    struct slice from = c->given[CLI_FROM], to = c->given[CLI_TO];
    int status;
    struct buf b;
    int64_t limit = limit_of(c, 50);
    if (has_empty(c))
        return cli_wrong(c, "an option's value is empty");
    if (limit < 1 || limit > 1000)
        return cli_wrong(c, "--limit %.*s: a number from 1 to 1000",
                         SLICE_ARG(c->given[CLI_LIMIT]));
    if (!find_key(c, &key, &status))
        return status;
    buf_init(&b, PATH_MAX_BYTES);
    buf_add(&b, slice_of(task->path));
    cli_add_query(&b, "start_date", from.n ? from : today);
    cli_add_query(&b, "end_date", to.n ? to : today);
    cli_add_query(&b, "page_size", arena_integer(&c->arena, limit));
    cli_add_query(&b, "api_key", key);
    for (size_t i = 0; i < sizeof(filters) / sizeof(*filters); i++)
        cli_add_query(&b, filters[i].name, c->given[filters[i].option]);
    yyjson_val *answer = cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&b)), SLICE(""), &status);
    buf_fini(&b);
    if (answer && c->json)
        cli_print_json(json_get(answer, "data"));
    else if (answer)
        print_logs(c, json_get(answer, "data"));
    return status;
}

#define ROWS                                                                                       \
    (CLI_BIT(CLI_FROM) | CLI_BIT(CLI_TO) | CLI_BIT(CLI_LIMIT) | CLI_BIT(CLI_API_KEY) |             \
     CLI_BIT(CLI_MODEL))
#define ANYBODY (CLI_BIT(CLI_USER) | CLI_BIT(CLI_TEAM) | CLI_BIT(CLI_TAG))

const struct cli_task cli_spend[] = {
    {"keys", NULL, report, ROWS | ANYBODY, 0, 0},
    {"users", NULL, report, ROWS | CLI_BIT(CLI_USER), 0, 0},
    {"teams", NULL, report, ROWS | CLI_BIT(CLI_TEAM), 0, 0},
    {"tags", NULL, report, ROWS | CLI_BIT(CLI_TAG), 0, 0},
    {"models", NULL, report, ROWS | ANYBODY, 0, 0},
    {"days", NULL, report, ROWS | ANYBODY, 0, 0},
    {"logs", "/spend/logs/v2", logs,
     ROWS | CLI_BIT(CLI_USER) | CLI_BIT(CLI_TEAM) | CLI_BIT(CLI_STATUS), 0, 0},
    {NULL, NULL, NULL, 0, 0, 0},
};
