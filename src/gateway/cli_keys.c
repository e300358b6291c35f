/* Happy path: the key that is meant, one call of the gateway, a table or what an administrator
 * wants to see of the key.
 *
 * Failure modes: those of cli.c; a name that more than one key goes by. */

#include "cli.h"
#include "cli_table.h"

#include <stdio.h>

#define BODY_MAX   (256 * 1024)
#define HASH_SHOWN 16 /* characters … */
#define HASH_MIN   8  /* … of which so many name a key */
#define HASH_SIZE  64

/* ---- which key ------------------------------------------------------------------------------- */

static bool is_meant(yyjson_val *key, struct slice name)
{
    return (name.n && slice_eq(json_get_slice(key, "key_alias"), name)) ||
           (name.n >= HASH_MIN && slice_starts(json_get_slice(key, "token"), name));
}

struct slice cli_key(struct cli *c, struct slice name, int *status)
{
    size_t i, n, found = 0;
    struct slice hash = name; /* of a key that is not there: the gateway says so */
    yyjson_val *key, *keys;
    *status = CLI_EXIT_OK;
    if (slice_starts(name, SLICE("sk-")) || name.n == HASH_SIZE)
        return name;
    keys = cli_ask(c, "GET", SLICE("/spend/keys"), SLICE(""), status);
    if (!keys)
        return slice_make(NULL, 0);
    yyjson_arr_foreach(keys, i, n, key) if (is_meant(key, name))
    {
        hash = json_get_slice(key, "token");
        found++;
    }
    if (found < 2)
        return hash;
    *status = cli_wrong(c, "'%.*s' names %zu keys", SLICE_ARG(name), found);
    return slice_make(NULL, 0);
}

/* Each that is named on the command line. */
static bool find_keys(struct cli *c, int *status)
{
    for (size_t i = 0; i < c->name_count; i++)
        if (!(c->names[i] = cli_key(c, c->names[i], status)).p)
            return false;
    return true;
}

/* ---- list ------------------------------------------------------------------------------------ */

static bool is_wanted(const struct cli *c, yyjson_val *key)
{
    struct slice user = c->given[CLI_USER], team = c->given[CLI_TEAM];
    return (!user.p || slice_eq(json_get_slice(key, "user_id"), user)) &&
           (!team.p || slice_eq(json_get_slice(key, "team_id"), team));
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
    cells[8] = slice_make(token.p, token.n > HASH_SHOWN ? HASH_SHOWN : token.n);
}

static int list(struct cli *c, const struct cli_task *task)
{
    static const char *const titles[] = {"KEY",    "ALIAS",   "USER",  "TEAM", "SPEND",
                                         "BUDGET", "EXPIRES", "STATE", "HASH"};
    int status;
    struct cli_table t;
    size_t i, n;
    yyjson_val *key, *keys = cli_ask(c, "GET", slice_of(task->path), SLICE(""), &status);
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
static bool write_number(const struct cli *c, struct json_writer *w, const char *member,
                         struct slice text)
{
    double value;
    if (!text.p)
        return true;
    if (!slice_to_double(text, &value)) {
        cli_wrong(c, "'%.*s' is no number", SLICE_ARG(text));
        return false;
    }
    json_key_slice(w, slice_of(member));
    json_number(w, value);
    return true;
}

static bool write_options(struct cli *c, struct json_writer *w)
{
    static const struct {
        enum cli_option option;
        const char *member;
    } texts[] = {{CLI_ALIAS, "key_alias"},   {CLI_USER, "user_id"},
                 {CLI_TEAM, "team_id"},      {CLI_BUDGET_DURATION, "budget_duration"},
                 {CLI_DURATION, "duration"}, {CLI_GRACE, "grace_period"}};
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
        struct slice value = c->given[texts[i].option];
        if (value.p)
            json_key_slice(w, slice_of(texts[i].member)), json_string(w, value);
    }
    if (c->given[CLI_MODELS].p)
        json_key(w, "models"), write_list(w, c->given[CLI_MODELS]);
    return write_number(c, w, "max_budget", c->given[CLI_MAX_BUDGET]) &&
           write_number(c, w, "rpm_limit", c->given[CLI_RPM]) &&
           write_number(c, w, "tpm_limit", c->given[CLI_TPM]);
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
        if (!text.n)
            continue;
        printf("%-16s ", members[i]);
        cli_put(stdout, text, SIZE_MAX);
        putchar('\n');
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

/* A key that is made or changed: its name, if it has one yet, and what the options say. */
static int change(struct cli *c, const struct cli_task *task)
{
    int status;
    struct buf body;
    struct json_writer w;
    yyjson_val *answer = NULL;
    if (!find_keys(c, &status))
        return status;
    buf_init(&body, BODY_MAX);
    json_begin(&w, &body);
    json_object(&w);
    if (c->name_count)
        json_member_string(&w, "key", c->names[0]);
    status = CLI_EXIT_USAGE;
    if (write_options(c, &w)) {
        json_object_end(&w);
        answer = cli_ask(c, "POST", slice_of(task->path), arena_dup(&c->arena, buf_slice(&body)),
                         &status);
    }
    buf_fini(&body);
    return answer ? show(c, answer, answer) : status;
}

/* ---- the others ------------------------------------------------------------------------------ */

static int info(struct cli *c, const struct cli_task *task)
{
    int status;
    struct buf path;
    if (!find_keys(c, &status))
        return status;
    buf_init(&path, BODY_MAX);
    buf_add(&path, slice_of(task->path));
    cli_add_query(&path, "key", c->names[0]);
    yyjson_val *answer =
        cli_ask(c, "GET", arena_dup(&c->arena, buf_slice(&path)), SLICE(""), &status);
    buf_fini(&path);
    return answer ? show(c, answer, json_get(answer, "info")) : status;
}

static int remove_keys(struct cli *c, const struct cli_task *task)
{
    int status;
    size_t i, n;
    struct buf body;
    struct json_writer w;
    yyjson_val *key, *answer;
    if (!find_keys(c, &status))
        return status;
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
        cli_ask(c, "POST", slice_of(task->path), arena_dup(&c->arena, buf_slice(&body)), &status);
    buf_fini(&body);
    if (answer && c->json)
        cli_print_json(answer);
    else
        yyjson_arr_foreach(json_get(answer, "deleted_keys"), i, n, key)
            printf("deleted %.*s\n", SLICE_ARG(cli_text(c, key)));
    return status;
}

#define WHOSE (CLI_BIT(CLI_USER) | CLI_BIT(CLI_TEAM))
#define FIELDS                                                                                     \
    (WHOSE | CLI_BIT(CLI_ALIAS) | CLI_BIT(CLI_MODELS) | CLI_BIT(CLI_MAX_BUDGET) |                  \
     CLI_BIT(CLI_BUDGET_DURATION) | CLI_BIT(CLI_DURATION) | CLI_BIT(CLI_RPM) | CLI_BIT(CLI_TPM))

const struct cli_task cli_keys[] = {
    {"list", "/spend/keys", list, WHOSE, 0, 0},
    {"new", "/key/generate", change, FIELDS, 0, 0},
    {"info", "/key/info", info, 0, 1, 1},
    {"update", "/key/update", change, FIELDS, 1, 1},
    {"block", "/key/block", change, 0, 1, 1},
    {"unblock", "/key/unblock", change, 0, 1, 1},
    {"rotate", "/key/regenerate", change, FIELDS | CLI_BIT(CLI_GRACE), 1, 1},
    {"regenerate", "/key/regenerate", change, FIELDS | CLI_BIT(CLI_GRACE), 1, 1}, /* LiteLLM's */
    {"delete", "/key/delete", remove_keys, 0, 1, CLI_NAMES_MAX},
    {NULL, NULL, NULL, 0, 0, 0},
};
