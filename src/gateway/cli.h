#ifndef GATEWAY_CLI_H
#define GATEWAY_CLI_H

/* lintel keys …, lintel spend …: the common tasks of an administrator, over HTTP at the running
 * gateway. docs/cli.md. */

#include "cli_call.h"

enum { CLI_EXIT_OK, CLI_EXIT_REFUSED, CLI_EXIT_USAGE, CLI_EXIT_UNREACHABLE = 4 };

#define CLI_NAMES_MAX 300 /* keys that one command names */

/* What stands on the command line. */
struct cli {
    struct arena arena;
    struct cli_target target;
    struct slice task;                 /* "list" */
    struct slice names[CLI_NAMES_MAX]; /* what it is about: keys */
    size_t name_count;
    bool json; /* the answer as it is, instead of a table */
    /* Options of the tasks; p == NULL: not given. */
    struct slice alias, user, team, models, max_budget, budget_duration, duration, rpm, tpm;
    struct slice key, model, status, from, to, limit;
};

bool cli_is(const char *name); /* "keys" or "spend" */
int cli_main(int argc, char **argv);

/* cli_keys.c, cli_spend.c: the process's status. */
int cli_keys(struct cli *c);
int cli_spend(struct cli *c);

/* For these: calls, and says why not. NULL: `*status` is the process's. */
yyjson_val *cli_ask(struct cli *c, const char *method, struct slice path, struct slice body,
                    int *status);
int cli_wrong(const char *format, ...) __attribute__((format(printf, 1, 2)));
void cli_print_json(yyjson_val *v);
/* path?name=value, percent-encoded; nothing for an empty value. */
void cli_add_query(struct buf *path, const char *name, struct slice value);

/* A cell: text, or a number; empty for null and for what is not there. In the arena. */
struct slice cli_text(struct cli *c, yyjson_val *v);
struct slice cli_money(struct cli *c, double usd);

#endif
