/* Happy path: options, then where the gateway is and with which key: from the command line, the
 * environment, .env in the working directory, the configuration file, in this order; then the task.
 *
 * Failure modes: a wrong command line (2), no gateway there (4), a gateway that refuses or an
 * output that takes nothing (1): a line on standard error each. */

#include "cli.h"

#include "cli_table.h"
#include "config/config.h"
#include "secrets_fetch.h"
#include "wire/crypto.h"

#include <getopt.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ENV_MAX (64 * 1024)

static const char usage[] =
    "usage: lintel keys  list | new | info KEY | update KEY | block KEY | unblock KEY |\n"
    "                    rotate KEY | delete KEY…   [options]\n"
    "       lintel spend keys | users | teams | tags | models | days | logs   [options]\n"
    "\n"
    "Asks the running gateway, with the master key.\n"
    "\n"
    "      --url URL          where it is (LINTEL_URL; default http://HOST:PORT of the "
    "environment\n"
    "                         or .env, else http://127.0.0.1:4000)\n"
    "      --key KEY          the key to ask with (LITELLM_MASTER_KEY of the environment or .env,\n"
    "                         else the master key of --config)\n"
    "  -c, --config FILE      LiteLLM's config.yaml (CONFIG_FILE_PATH)\n"
    "      --json             JSON instead of a table\n"
    "  -h, --help\n"
    "\n"
    "KEY is a key (sk-…), its hash, the first 8 or more characters of that, or the key's alias.\n"
    "\n"
    "keys list                --user, --team: whose\n"
    "keys new, update         --alias, --user, --team NAME; --models A,B; --max-budget USD;\n"
    "                         --budget-duration 30d; --duration 90d (how long it is valid);\n"
    "                         --rpm, --tpm N. A new key is shown once\n"
    "keys rotate              (or regenerate) a new key in its place, shown once; --grace 24h: "
    "the\n"
    "                         old one works that much longer; and the options of update\n"
    "spend …                  --from, --to 2026-11-21 (UTC; default: the last 30 days);\n"
    "                         --api-key KEY, --model NAME; --limit N\n"
    "spend users, teams, tags --user, --team or --tag NAME: this one alone\n"
    "spend keys, models, days --user, --team or --tag NAME: what it spent\n"
    "spend logs               --api-key KEY; --user, --team, --model NAME; --status success |\n"
    "                         failure; --from, --to: a day, or \"2026-11-21 10:00:00\" (default:\n"
    "                         today); --limit N (50, at most 1000)\n"
    "\n"
    "Status: 0 done, 1 the gateway refuses, 2 wrong usage, 4 no gateway there.\n";

/* ---- helpers for tasks ----------------------------------------------------------------------- */

int cli_wrong(const struct cli *c, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("lintel: ", stderr);
    vfprintf(stderr, format, args);
    fprintf(stderr, " (lintel %s --help)\n", c->group);
    va_end(args);
    return CLI_EXIT_USAGE;
}

yyjson_val *cli_ask(struct cli *c, const char *method, struct slice path, struct slice body,
                    int *status)
{
    yyjson_val *answer;
    struct slice error;
    switch (cli_call(&c->target, method, path, body, &c->arena, &answer, &error)) {
    case CLI_OK: *status = CLI_EXIT_OK; return answer;
    case CLI_REFUSED: *status = CLI_EXIT_REFUSED; break;
    case CLI_UNREACHABLE: *status = CLI_EXIT_UNREACHABLE; break;
    }
    fputs("lintel: ", stderr);
    cli_put(stderr, error, SIZE_MAX);
    fputc('\n', stderr);
    return NULL;
}

void cli_print_json(yyjson_val *v)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SIZE_MAX);
    json_begin(&w, &b);
    json_value(&w, v);
    printf("%.*s\n", SLICE_ARG(buf_slice(&b)));
    buf_fini(&b);
}

void cli_add_query(struct buf *path, const char *name, struct slice value)
{
    if (!value.n)
        return;
    buf_addf(path, "%c%s=", slice_find_char(buf_slice(path), '?') < 0 ? '?' : '&', name);
    percent_encode(value, path);
}

struct slice cli_text(struct cli *c, yyjson_val *v)
{
    if (!v || yyjson_is_null(v))
        return SLICE("");
    return yyjson_is_str(v) ? json_slice(v) : json_text_of(v, &c->arena);
}

struct slice cli_money(struct cli *c, double usd)
{
    char room[SLICE_MONEY];
    return arena_dup(&c->arena, slice_money(usd, room));
}

/* ---- where, and with which key --------------------------------------------------------------- */

/* A line NAME=value of .env, quotes taken off; p == NULL: it says nothing. */
static struct slice value_of_line(struct slice line, const char *name)
{
    struct slice value = slice_trim(line), key = slice_trim(slice_split(&value, '='));
    if (!value.p || !slice_eq(key, slice_of(name)))
        return slice_make(NULL, 0);
    value = slice_trim(value);
    if (value.n >= 2 && (value.p[0] == '"' || value.p[0] == '\'') &&
        value.p[value.n - 1] == value.p[0])
        value = slice_make(value.p + 1, value.n - 2);
    return value;
}

static struct slice from_env_file(struct cli *c, const char *name)
{
    static char text[ENV_MAX];
    struct slice found = {0};
    FILE *f = fopen(".env", "re");
    if (!f)
        return found;
    struct slice rest = slice_make(text, fread(text, 1, sizeof(text), f));
    fclose(f);
    while (rest.n) {
        struct slice value = value_of_line(slice_split(&rest, '\n'), name);
        if (value.n)
            found = arena_dup(&c->arena, value);
    }
    return found;
}

static struct slice setting(struct cli *c, const char *name)
{
    const char *value = getenv(name);
    return value && *value ? slice_of(value) : from_env_file(c, name);
}

static struct slice default_url(struct cli *c)
{
    struct slice host = setting(c, "HOST"), port = setting(c, "PORT");
    bool tls = setting(c, "SSL_CERTFILE_PATH").n != 0;
    if (!host.n || slice_eq(host, SLICE("0.0.0.0")) || slice_eq(host, SLICE("::")))
        host = SLICE("127.0.0.1");
    bool v6 = slice_find_char(host, ':') >= 0;
    return ARENA_JOIN(&c->arena, tls ? SLICE("https://") : SLICE("http://"),
                      v6 ? SLICE("[") : SLICE(""), host, v6 ? SLICE("]") : SLICE(""), SLICE(":"),
                      port.n ? port : SLICE("4000"));
}

static struct slice key_of_config(struct cli *c, struct slice file)
{
    struct config *config = secrets_load_config(arena_strdup(&c->arena, file));
    struct slice key = config->errors ? slice_make(NULL, 0)
                                      : arena_dup(&c->arena, slice_of(config->settings.master_key));
    config_unref(config);
    return key;
}

static void find_target(struct cli *c)
{
    struct slice config = c->given[CLI_CONFIG];
    c->target = (struct cli_target){c->given[CLI_URL], c->given[CLI_KEY]};
    if (!c->target.url.n)
        c->target.url = setting(c, "LINTEL_URL");
    if (!c->target.url.n)
        c->target.url = default_url(c);
    while (slice_ends(c->target.url, SLICE("/")))
        c->target.url.n--;
    if (!c->target.key.n)
        c->target.key = setting(c, "LITELLM_MASTER_KEY");
    if (!config.n)
        config = setting(c, "CONFIG_FILE_PATH");
    if (!c->target.key.n && config.n)
        c->target.key = key_of_config(c, config);
}

/* ---- arguments ------------------------------------------------------------------------------- */

#define OPTIONS 256 /* behind the characters */

/* In the order of enum cli_option. */
static const struct option arguments[] = {
    {"url", required_argument, NULL, OPTIONS + CLI_URL},
    {"key", required_argument, NULL, OPTIONS + CLI_KEY},
    {"config", required_argument, NULL, 'c'},
    {"alias", required_argument, NULL, OPTIONS + CLI_ALIAS},
    {"user", required_argument, NULL, OPTIONS + CLI_USER},
    {"team", required_argument, NULL, OPTIONS + CLI_TEAM},
    {"tag", required_argument, NULL, OPTIONS + CLI_TAG},
    {"models", required_argument, NULL, OPTIONS + CLI_MODELS},
    {"max-budget", required_argument, NULL, OPTIONS + CLI_MAX_BUDGET},
    {"budget-duration", required_argument, NULL, OPTIONS + CLI_BUDGET_DURATION},
    {"duration", required_argument, NULL, OPTIONS + CLI_DURATION},
    {"rpm", required_argument, NULL, OPTIONS + CLI_RPM},
    {"tpm", required_argument, NULL, OPTIONS + CLI_TPM},
    {"grace", required_argument, NULL, OPTIONS + CLI_GRACE},
    {"api-key", required_argument, NULL, OPTIONS + CLI_API_KEY},
    {"model", required_argument, NULL, OPTIONS + CLI_MODEL},
    {"status", required_argument, NULL, OPTIONS + CLI_STATUS},
    {"from", required_argument, NULL, OPTIONS + CLI_FROM},
    {"to", required_argument, NULL, OPTIONS + CLI_TO},
    {"limit", required_argument, NULL, OPTIONS + CLI_LIMIT},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* -1: go on; else the process's status. */
static int take_arguments(struct cli *c, int argc, char **argv)
{
    for (int key; (key = getopt_long(argc, argv, "c:h", arguments, NULL)) != -1;)
        switch (key) {
        case 'h': fputs(usage, stdout); return CLI_EXIT_OK;
        case 'j': c->json = true; break;
        case 'c': c->given[CLI_CONFIG] = slice_of(optarg); break;
        case '?': return CLI_EXIT_USAGE; /* getopt said why */
        default: c->given[key - OPTIONS] = slice_of(optarg);
        }
    if (optind == argc)
        return cli_wrong(c, "what shall be done?");
    c->task = slice_of(argv[optind++]);
    for (; optind < argc && c->name_count < CLI_NAMES_MAX; optind++)
        c->names[c->name_count++] = slice_of(argv[optind]);
    return optind < argc ? cli_wrong(c, "at most %d keys at once", CLI_NAMES_MAX) : -1;
}

/* An option that a task does not know would be believed to have narrowed the answer. */
static int run(struct cli *c, const struct cli_task *task)
{
    const unsigned everywhere = CLI_BIT(CLI_URL) | CLI_BIT(CLI_KEY) | CLI_BIT(CLI_CONFIG);
    while (task->name && !slice_eq(c->task, slice_of(task->name)))
        task++;
    if (!task->name)
        return cli_wrong(c, "%s %.*s: unknown", c->group, SLICE_ARG(c->task));
    for (unsigned i = 0; i < CLI_OPTIONS; i++)
        if (c->given[i].p && !((task->options | everywhere) & CLI_BIT(i)))
            return cli_wrong(c, "%s %s has no --%s", c->group, task->name, arguments[i].name);
    if (c->name_count < task->names_min)
        return cli_wrong(c, "%s %s: which key?", c->group, task->name);
    if (c->name_count > task->names_max)
        return cli_wrong(c, "'%.*s' is too much", SLICE_ARG(c->names[task->names_max]));
    find_target(c);
    return task->run(c, task);
}

bool cli_is(const char *name)
{
    return strcmp(name, "keys") == 0 || strcmp(name, "spend") == 0;
}

int cli_main(int argc, char **argv)
{
    static char speaker[] = "lintel"; /* for getopt's words */
    struct cli *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    setlocale(LC_CTYPE, "C.UTF-8"); /* how wide characters are */
    arena_init(&c->arena);
    c->group = strcmp(argv[1], "keys") == 0 ? "keys" : "spend";
    argv[1] = speaker;
    int status = take_arguments(c, argc - 1, argv + 1);
    if (status < 0)
        status = run(c, *c->group == 'k' ? cli_keys : cli_spend);
    if (fflush(stdout) != 0 || ferror(stdout)) {
        perror("lintel: standard output");
        status = CLI_EXIT_REFUSED;
    }
    arena_fini(&c->arena);
    free(c);
    return status;
}
