#ifndef GATEWAY_CLI_H
#define GATEWAY_CLI_H

/* lintel keys …, lintel spend …: the common tasks of an administrator, over HTTP at the running
 * gateway. docs/cli.md. */

#include "cli_call.h"

enum { CLI_EXIT_OK, CLI_EXIT_REFUSED, CLI_EXIT_USAGE, CLI_EXIT_UNREACHABLE = 4 };

#define CLI_NAMES_MAX 300 /* keys that one command names */

/* Options that have a value. */
enum cli_option {
    CLI_URL,
    CLI_KEY,
    CLI_CONFIG,
    CLI_ALIAS,
    CLI_USER,
    CLI_TEAM,
    CLI_TAG,
    CLI_MODELS,
    CLI_MAX_BUDGET,
    CLI_BUDGET_DURATION,
    CLI_DURATION,
    CLI_RPM,
    CLI_TPM,
    CLI_GRACE,
    CLI_API_KEY,
    CLI_MODEL,
    CLI_STATUS,
    CLI_FROM,
    CLI_TO,
    CLI_LIMIT,
    CLI_OPTIONS
};

#define CLI_BIT(option) (1u << (option))

/* What stands on the command line. */
struct cli {
    struct arena arena;
    struct cli_target target;
    const char *group;                 /* "keys", "spend" */
    struct slice task;                 /* "list" */
    struct slice names[CLI_NAMES_MAX]; /* what it is about: keys */
    size_t name_count;
    bool json;                       /* the answer as it is, instead of a table */
    struct slice given[CLI_OPTIONS]; /* p == NULL: not given */
};

struct cli_task {
    const char *name, *path;
    int (*run)(struct cli *c, const struct cli_task *task); /* the process's status */
    unsigned options;                                       /* CLI_BITs: those it knows */
    size_t names_min, names_max;
};

bool cli_is(const char *name); /* "keys" or "spend" */
int cli_main(int argc, char **argv);

/* cli_keys.c, cli_spend.c: their tasks, the last with no name. */
extern const struct cli_task cli_keys[], cli_spend[];

/* The key that a person means by its text, its hash, the first 8 characters of it or more, or its
 * alias: a text or a hash. p == NULL: said why not, `*status` is the process's. */
struct slice cli_key(struct cli *c, struct slice name, int *status);

/* For these: calls, and says why not. NULL: `*status` is the process's. */
yyjson_val *cli_ask(struct cli *c, const char *method, struct slice path, struct slice body,
                    int *status);
int cli_wrong(const struct cli *c, const char *format, ...) __attribute__((format(printf, 2, 3)));
void cli_print_json(yyjson_val *v);
/* path?name=value, percent-encoded; nothing for an empty value. */
void cli_add_query(struct buf *path, const char *name, struct slice value);

/* A cell: text, or a number; empty for null and for what is not there. In the arena. */
struct slice cli_text(struct cli *c, yyjson_val *v);
struct slice cli_money(struct cli *c, double usd);

#endif
