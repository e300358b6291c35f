/* Happy path: options, then where the gateway is and with which key: from the command line, the
 * environment, .env in the working directory, the configuration file, in this order; then the task.
 *
 * Failure modes: a wrong command line (2), no gateway there (4), a gateway that refuses (1): one
 * line on standard error each. */

#include "cli.h"

#include "config/config.h"
#include "wire/crypto.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define ENV_MAX (64 * 1024)

static const char usage[] =
    "usage: lintel keys  list | new | info KEY | update KEY | block KEY | unblock KEY |\n"
    "                    regenerate KEY | delete KEY…   [options]\n"
    "       lintel spend keys | users | teams | models | tags | days | logs   [options]\n"
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
    "\n"
    "keys list                --user, --team: whose\n"
    "keys new, update         --alias, --user, --team NAME; --models A,B; --max-budget USD;\n"
    "                         --budget-duration 30d; --duration 90d (how long it is valid);\n"
    "                         --rpm, --tpm N. A new key is shown once\n"
    "  KEY is a key (sk-…) or its hash\n"
    "spend …                  --from, --to 2026-11-21 (default: the last 30 days); --limit N\n"
    "spend logs               --api-key, --user, --team, --model NAME; --status success | "
    "failure;\n"
    "                         --from, --to: a day, or \"2026-11-21 10:00:00\" (default: today)\n"
    "\n"
    "Status: 0 done, 1 the gateway refuses, 2 wrong usage, 4 no gateway there.\n";

/* ---- helpers for tasks ----------------------------------------------------------------------- */

int cli_wrong(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("lintel: ", stderr);
    vfprintf(stderr, format, args);
    fputs(" (lintel keys --help)\n", stderr);
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
    fprintf(stderr, "lintel: %.*s\n", SLICE_ARG(error));
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
    struct config *config = config_load(arena_strdup(&c->arena, file));
    struct slice key = config->errors ? slice_make(NULL, 0)
                                      : arena_dup(&c->arena, slice_of(config->settings.master_key));
    config_unref(config);
    return key;
}

static void find_target(struct cli *c, struct slice config)
{
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

enum {
    URL = 256,
    KEY,
    JSON,
    HELP,
    ALIAS,
    USER,
    TEAM,
    MODELS,
    MAX_BUDGET,
    BUDGET_DURATION,
    DURATION,
    RPM,
    TPM,
    API_KEY,
    MODEL,
    STATUS,
    FROM,
    TO,
    LIMIT
};

static const struct option arguments[] = {
    {"url", required_argument, NULL, URL},
    {"key", required_argument, NULL, KEY},
    {"config", required_argument, NULL, 'c'},
    {"json", no_argument, NULL, JSON},
    {"help", no_argument, NULL, HELP},
    {"alias", required_argument, NULL, ALIAS},
    {"user", required_argument, NULL, USER},
    {"team", required_argument, NULL, TEAM},
    {"models", required_argument, NULL, MODELS},
    {"max-budget", required_argument, NULL, MAX_BUDGET},
    {"budget-duration", required_argument, NULL, BUDGET_DURATION},
    {"duration", required_argument, NULL, DURATION},
    {"rpm", required_argument, NULL, RPM},
    {"tpm", required_argument, NULL, TPM},
    {"api-key", required_argument, NULL, API_KEY},
    {"model", required_argument, NULL, MODEL},
    {"status", required_argument, NULL, STATUS},
    {"from", required_argument, NULL, FROM},
    {"to", required_argument, NULL, TO},
    {"limit", required_argument, NULL, LIMIT},
    {NULL, 0, NULL, 0},
};

/* Where an option's value goes; NULL: it has none. */
static struct slice *field_of(struct cli *c, int key, struct slice *config)
{
    struct slice *const fields[] = {
        [URL - URL] = &c->target.url,
        [KEY - URL] = &c->target.key,
        [ALIAS - URL] = &c->alias,
        [USER - URL] = &c->user,
        [TEAM - URL] = &c->team,
        [MODELS - URL] = &c->models,
        [MAX_BUDGET - URL] = &c->max_budget,
        [BUDGET_DURATION - URL] = &c->budget_duration,
        [DURATION - URL] = &c->duration,
        [RPM - URL] = &c->rpm,
        [TPM - URL] = &c->tpm,
        [API_KEY - URL] = &c->key,
        [MODEL - URL] = &c->model,
        [STATUS - URL] = &c->status,
        [FROM - URL] = &c->from,
        [TO - URL] = &c->to,
        [LIMIT - URL] = &c->limit,
    };
    if (key == 'c')
        return config;
    return key >= URL ? fields[key - URL] : NULL;
}

/* -1: go on; else the process's status. */
static int take_arguments(struct cli *c, int argc, char **argv, struct slice *config)
{
    for (int key; (key = getopt_long(argc, argv, "c:", arguments, NULL)) != -1;) {
        struct slice *field = field_of(c, key, config);
        if (key == HELP)
            return fputs(usage, stdout) < 0 ? CLI_EXIT_REFUSED : CLI_EXIT_OK;
        if (key == JSON)
            c->json = true;
        else if (field)
            *field = slice_of(optarg);
        else
            return CLI_EXIT_USAGE;
    }
    if (optind == argc)
        return cli_wrong("what shall be done?");
    c->task = slice_of(argv[optind++]);
    for (; optind < argc && c->name_count < CLI_NAMES_MAX; optind++)
        c->names[c->name_count++] = slice_of(argv[optind]);
    return optind < argc ? cli_wrong("at most %d keys at once", CLI_NAMES_MAX) : -1;
}

bool cli_is(const char *name)
{
    return strcmp(name, "keys") == 0 || strcmp(name, "spend") == 0;
}

int cli_main(int argc, char **argv)
{
    struct cli *c = calloc(1, sizeof(*c));
    struct slice config = {0};
    if (!c)
        abort();
    arena_init(&c->arena);
    int status = take_arguments(c, argc - 1, argv + 1, &config);
    if (status < 0) {
        find_target(c, config);
        status = strcmp(argv[1], "keys") == 0 ? cli_keys(c) : cli_spend(c);
    }
    arena_fini(&c->arena);
    free(c);
    return status;
}
