#include "cli.h"
#include "cli_table.h"

#include <stdio.h>

#define BODY_MAX (256 * 1024)

/* ---- list ------------------------------------------------------------------------------------ */

static bool is_wanted(const struct cli *c, yyjson_val *key)
{
    return (!c->user.p || slice_eq(json_get_slice(key, "user_id"), c->user)) &&
           (!c->team.p || slice_eq(json_get_slice(key, "team_id"), c->team));
}

static const char *state_of(yyjson_val *key)
{
    return yyjson_is_true(json_get(key, "blocked")) ? "blocked" : "";
}

static double number(yyjson_val *object, const char *name)
{
    double value;
    return json_double(json_get(object, name), &value) ? value : 0;
}

static void add_key(struct cli *c, struct cli_table *t, yyjson_val *key)
{
    struct slice *cells = cli_table_row(t);
    struct slice token = json_get_slice(key, "token");
    cells[0] = cli_text(c, json_get(key, "key_name"));
    cells[1] = cli_text(c, json_get(key, "key_alias"));
    cells[2] = cli_text(c, json_get(key, "user_id"));
    cells[3] = cli_text(c, json_get(key, "team_id"));
    cells[4] = cli_money(c, number(key, "spend"));
    cells[5] = cli_text(c, json_get(key, "max_budget"));
    cells[6] = cli_text(c, json_get(key, "expires"));
    cells[6].n = cells[6].n > 10 ? 10 : cells[6].n;
    cells[7] = slice_of(state_of(key));
    cells[8] = slice_make(token.p, token.n > 16 ? 16 : token.n);
}

static int list(struct cli *c)
{
    static const char *const titles[] = {"KEY",    "ALIAS",   "USER",  "TEAM", "SPEND",
                                         "BUDGET", "EXPIRES", "STATE", "HASH"};
    int status;
    struct cli_table t;
    size_t i, n;
    yyjson_val *key, *keys = cli_ask(c, "GET", SLICE("/spend/keys"), SLICE(""), &status);
    if (!keys)
        return status;
    cli_table_init(&t, &c->arena);
    for (i = 0; i < sizeof(titles) / sizeof(*titles); i++)
        cli_table_column(&t, titles[i], i == 4 || i == 5);
    if (c->json)
        putchar('[');
    size_t written = 0;
    yyjson_arr_foreach(keys, i, n, key)
    {
        if (!is_wanted(c, key))
            continue;
        if (c->json)
            printf("%s%.*s", written++ ? "," : "", SLICE_ARG(json_text_of(key, &c->arena)));
        else
            add_key(c, &t, key);
    }
    if (c->json)
        puts("]");
    else
        cli_table_print(&t);
    return status;
}

/* ---- new, update ----------------------------------------------------------------------------- */

static void write_list(struct json_writer *w, struct slice rest)
{
    json_array(w);
    while (rest.n)
        json_string(w, slice_trim(slice_split(&rest, ',')));
    json_array_end(w);
}

/* False: it is no number; said. */
static bool write_number(struct json_writer *w, const char *member, struct slice text)
{
    double value;
    if (!text.p)
        return true;
    if (!slice_to_double(text, &value)) {
        cli_wrong("'%.*s' is no number", SLICE_ARG(text));
        return false;
    }
    json_key_slice(w, slice_of(member));
    json_raw(w, text);
    return true;
}

static bool write_options(struct cli *c, struct json_writer *w)
{
    const struct {
        const char *member;
        struct slice value;
    } texts[] = {{"key_alias", c->alias},
                 {"user_id", c->user},
                 {"team_id", c->team},
                 {"budget_duration", c->budget_duration},
                 {"duration", c->duration}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        if (texts[i].value.p)
            json_key_slice(w, slice_of(texts[i].member)), json_string(w, texts[i].value);
    if (c->models.p)
        json_key(w, "models"), write_list(w, c->models);
    return write_number(w, "max_budget", c->max_budget) && write_number(w, "rpm_limit", c->rpm) &&
           write_number(w, "tpm_limit", c->tpm);
}

/* What an administrator wants to see of one key. */
static void print_key(struct cli *c, yyjson_val *key)
{
    static const char *const members[] = {
        "key",       "key_name", "key_alias",  "token",           "user_id",         "team_id",
        "models",    "spend",    "max_budget", "budget_duration", "budget_reset_at", "rpm_limit",
        "tpm_limit", "blocked",  "expires",    "created_at"};
    for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
        struct slice text = cli_text(c, json_get(key, members[i]));
        if (text.n)
            printf("%-16s %.*s\n", members[i], SLICE_ARG(text));
    }
}

static int show(struct cli *c, yyjson_val *answer, yyjson_val *key)
{
    if (c->json)
        cli_print_json(answer);
    else
        print_key(c, key);
    return CLI_EXIT_OK;
}

static int make(struct cli *c, struct slice path, bool named)
{
    int status = CLI_EXIT_USAGE;
    struct buf body;
    struct json_writer w;
    yyjson_val *answer = NULL;
    buf_init(&body, BODY_MAX);
    json_begin(&w, &body);
    json_object(&w);
    if (named)
        json_member_string(&w, "key", c->names[0]);
    if (write_options(c, &w)) {
        json_object_end(&w);
        answer = cli_ask(c, "POST", path, arena_dup(&c->arena, buf_slice(&body)), &status);
    }
    buf_fini(&body);
    return answer ? show(c, answer, answer) : status;
}

/* ---- the others ------------------------------------------------------------------------------ */

static int info(struct cli *c)
{
    int status;
    struct buf path;
    buf_init(&path, BODY_MAX);
    buf_add(&path, SLICE("/key/info"));
    cli_add_query(&path, "key", c->names[0]);
    yyjson_val *answer =
        cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&path)), SLICE(""), &status);
    buf_fini(&path);
    return answer ? show(c, answer, json_get(answer, "info")) : status;
}

static int remove_keys(struct cli *c)
{
    int status;
    size_t i, n;
    struct buf body;
    struct json_writer w;
    yyjson_val *key, *answer;
    buf_init(&body, BODY_MAX);
    json_begin(&w, &body);
    json_object(&w);
    json_key(&w, "keys");
    json_array(&w);
    for (i = 0; i < c->name_count; i++)
        json_string(&w, c->names[i]);
    json_array_end(&w);
    json_object_end(&w);
    answer =
        cli_ask(c, "POST", SLICE("/key/delete"), arena_dup(&c->arena, buf_slice(&body)), &status);
    buf_fini(&body);
    if (answer && c->json)
        cli_print_json(answer);
    else
        yyjson_arr_foreach(json_get(answer, "deleted_keys"), i, n, key)
            printf("deleted %.*s\n", SLICE_ARG(cli_text(c, key)));
    return status;
}

int cli_keys(struct cli *c)
{
    static const struct {
        const char *task, *path;
    } named[] = {{"update", "/key/update"},
                 {"regenerate", "/key/regenerate"},
                 {"block", "/key/block"},
                 {"unblock", "/key/unblock"}};
    if (slice_eq(c->task, SLICE("list")) || slice_eq(c->task, SLICE("new"))) {
        if (c->name_count)
            return cli_wrong("'%.*s' is too much", SLICE_ARG(c->names[0]));
        return slice_eq(c->task, SLICE("list")) ? list(c) : make(c, SLICE("/key/generate"), false);
    }
    if (slice_eq(c->task, SLICE("delete")) && c->name_count)
        return remove_keys(c);
    if (c->name_count > 1)
        return cli_wrong("one key, not %zu", c->name_count);
    if (slice_eq(c->task, SLICE("info")) && c->name_count)
        return info(c);
    for (size_t i = 0; i < sizeof(named) / sizeof(*named); i++)
        if (slice_eq(c->task, slice_of(named[i].task)) && c->name_count)
            return make(c, slice_of(named[i].path), true);
    return cli_wrong("keys %.*s: %s", SLICE_ARG(c->task),
                     c->name_count ? "unknown" : "unknown, or which key?");
}
