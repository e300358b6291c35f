#include "gateway/commands.h"

#include "alerting.h"
#include "auth.h"
#include "aws/identity.h"
#include "base/log.h"
#include "cli.h"
#include "descriptors.h"
#include "drain.h"
#include "rollcall.h"
#include "secrets_fetch.h"
#include "shared_state.h"
#include "supervisor.h"
#include "worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define DEFAULT_HOST "127.0.0.1"
#define DEFAULT_PORT 4000
#define ERROR_MAX    512
#define EXIT_NOWHERE 3 /* lintel credentials: no source */

static const char usage[] =
    "usage: lintel --config FILE [options]\n"
    "       lintel check FILE | credentials FILE | models FILE\n"
    "       lintel keys … | spend …\n"
    "\n"
    "An OpenAI-compatible gateway in front of Amazon Bedrock.\n"
    "\n"
    "  -c, --config FILE      LiteLLM's config.yaml (CONFIG_FILE_PATH)\n"
    "      --host HOST        address to listen on (HOST; default 127.0.0.1)\n"
    "      --port PORT        port to listen on, 0 for a free one (PORT; default 4000)\n"
    "      --num_workers N    processes that share the port (NUM_WORKERS; default 1)\n"
    "      --ssl_certfile_path FILE, --ssl_keyfile_path FILE\n"
    "                         speak HTTPS with this certificate chain and key, PEM\n"
    "                         (SSL_CERTFILE_PATH, SSL_KEYFILE_PATH); SIGHUP reads them again\n"
    "      --ciphers LIST     of TLS 1.2, with ':' between them\n"
    "      --handover PATH    Unix socket by which a gateway with the same host and port takes "
    "this\n"
    "                         one's place without a refused connection (LINTEL_HANDOVER)\n"
    "      --detailed_debug   log everything\n"
    "      --version\n"
    "      --help\n"
    "\n"
    "  check         what is wrong with the configuration; status 1 when there is an error\n"
    "  credentials   where the AWS credentials come from; status 3 when nowhere\n"
    "  models        the model names, one a line\n"
    "  keys, spend   virtual keys, and what was spent: lintel keys --help\n";

struct options {
    const char *config;
    struct worker_options worker;
    const char *handover;
    int port;
    int workers;
    bool debug;
};

/* ---- small helpers ------------------------------------------------------------------------- */

static const char *environment(const char *name, const char *otherwise)
{
    const char *v = getenv(name);
    return v && *v ? v : otherwise;
}

static bool to_number(const char *text, int low, int high, const char *what, int *out)
{
    int64_t v;
    if (slice_to_i64(slice_of(text), &v) && v >= low && v <= high) {
        *out = (int)v;
        return true;
    }
    fprintf(stderr, "lintel: %s must be a number from %d to %d, not '%s'\n", what, low, high, text);
    return false;
}

static void print_problems(const struct config *c)
{
    for (const struct config_problem *p = c->problems; p; p = p->next)
        fprintf(stderr, "%s:%d: %s: %s\n", p->file, p->line,
                p->severity == CONFIG_ERROR ? "error" : "warning", p->text);
}

/* ---- serving ------------------------------------------------------------------------------- */

static bool is_loopback(const char *host)
{
    struct in_addr v4;
    if (inet_pton(AF_INET, host, &v4) == 1)
        return ntohl(v4.s_addr) >> 24 == 127;
    return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static bool key_is_acceptable(const struct config *c, const char *host)
{
    if (!auth_key_is_weak(c->settings.master_key) || is_loopback(host) ||
        c->settings.permit_weak_master_key)
        return true;
    fprintf(stderr,
            "lintel: the master key is unset or publicly known, and %s is reachable from other "
            "machines: set LITELLM_MASTER_KEY (or general_settings.master_key) to a secret, or "
            "general_settings.dangerously_permit_weak_or_unset_master_key to true\n",
            host);
    return false;
}

/* LITELLM_LOG, as LiteLLM reads it. */
static enum log_level log_level_of(const struct settings *s, bool debug)
{
    static const struct {
        const char *name;
        enum log_level level;
    } names[] = {{"ERROR", LOG_ERROR},
                 {"CRITICAL", LOG_ERROR},
                 {"WARNING", LOG_WARN},
                 {"INFO", LOG_INFO},
                 {"DEBUG", LOG_DEBUG}};
    const char *wanted = environment("LITELLM_LOG", "");
    if (debug || s->set_verbose || s->debug)
        return LOG_DEBUG;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq_nocase(slice_of(wanted), slice_of(names[i].name)))
            return names[i].level;
    return LOG_INFO;
}

static bool says_yes(const char *variable)
{
    struct slice value = slice_of(environment(variable, ""));
    return slice_eq_nocase(value, SLICE("true")) || slice_eq(value, SLICE("1"));
}

/* https://no-color.org */
static bool shows_colours(void)
{
    return isatty(STDERR_FILENO) && !*environment("NO_COLOR", "") &&
           strcmp(environment("TERM", "dumb"), "dumb") != 0;
}

/* False: standard error says why. */
static bool set_up_log(const struct config *c, bool debug)
{
    const struct settings *s = &c->settings;
    log_setup(log_level_of(s, debug), s->json_logs || says_yes("JSON_LOGS"));
    log_colour(!s->log_file && shows_colours());
    if (!s->log_file || log_open(s->log_file))
        return true;
    fprintf(stderr, "lintel: the log file %s: %s\n", s->log_file, strerror(errno));
    return false;
}

/* Once for each source, with the first of the models that use it. */
static void announce_sources(const struct config *c)
{
    for (size_t i = 0; i < c->deployment_count; i++) {
        const struct deployment *d = &c->deployments[i];
        size_t first = 0;
        while (strcmp(c->deployments[first].credential_source, d->credential_source) != 0)
            first++;
        if (first < i)
            continue;
        if (strcmp(d->credential_source, "none") == 0)
            log_warn("model %s has no AWS credentials: %s", d->model_name, d->identity->tried);
        else
            log_info("AWS credentials from: %s (model %s)", d->credential_source, d->model_name);
    }
}

static void announce_sharing(const struct config *c, const struct worker_options *o, int workers)
{
    if (c->redis.source)
        log_info("shared state: the Redis of %s", c->redis.source);
    else if (o->machine)
        log_info("%d workers count limits together; as no Redis is configured, each keeps answers "
                 "%sand remembers thinking by itself (see docs/state.md)",
                 workers, c->settings.database_url ? "" : "and responses ");
}

/* Limits of one worker are no limits of all: whoever starts several is told. */
static struct machine *machine_of(int workers)
{
    struct machine *m = workers > 1 ? machine_new(workers) : NULL;
    if (workers > 1 && !m)
        log_warn("%d workers have no memory in common (%s): each counts limits by itself", workers,
                 strerror(errno));
    return m;
}

static struct rollcall *rollcall_of(int workers)
{
    struct rollcall *c = workers > 1 ? rollcall_new(workers) : NULL;
    if (workers > 1 && !c)
        log_warn("/debug/exchanges tells of single workers: %s", strerror(errno));
    return c;
}

static bool shared_state_is_usable(const struct config *c)
{
    char error[ERROR_MAX];
    if (c->errors || shared_state_check(c, error, sizeof(error)))
        return true;
    fprintf(stderr, "lintel: the Redis of %s: %s\n", c->redis.source, error);
    return false;
}

static int serve(const struct options *o)
{
    struct config *c;
    if (!o->config) {
        fputs("lintel: --config FILE is missing (lintel --help)\n", stderr);
        return 2;
    }
    c = secrets_load_config(o->config);
    print_problems(c);
    if (c->errors || !key_is_acceptable(c, o->worker.host) || !shared_state_is_usable(c)) {
        if (c->errors)
            fprintf(stderr, "lintel: %s: %u errors, not started\n", o->config, c->errors);
        config_unref(c);
        return 1;
    }
    if (!set_up_log(c, o->debug)) {
        config_unref(c);
        return 1;
    }
    struct worker_options worker = o->worker;
    worker.log_at_once = says_yes("LINTEL_LOG_AT_ONCE");
    struct sockets sockets;
    const char *error = NULL;
    if (!sockets_open(&sockets, worker.host, o->port, o->workers, o->handover, &error)) {
        log_error("cannot listen on %s port %d: %s", worker.host, o->port, error);
        config_unref(c);
        return 1;
    }
    descriptors_raise();
    announce_sources(c);
    worker.machine = machine_of(o->workers);
    worker.drain = drain_new(o->workers);
    worker.rollcall = rollcall_of(o->workers);
    worker.digests = alerting_digest_memory(c);
    announce_sharing(c, &worker, o->workers);
    worker.config = o->config;
    worker.sockets = &sockets;
    int status = o->workers > 1 ? supervisor_run(c, &worker, o->workers) : worker_run(c, &worker);
    alerting_digest_memory_free(worker.digests);
    rollcall_free(worker.rollcall);
    drain_free(worker.drain);
    machine_free(worker.machine);
    return status;
}

/* ---- commands that only read a configuration ----------------------------------------------- */

static void print_source(const struct deployment *d)
{
    const struct aws_identity *id = d->identity;
    printf("  %s: %s in %s, AWS credentials: %s", d->model_name, d->bedrock_id, d->region,
           d->credential_source);
    if (id && id->kind == AWS_NOBODY)
        printf(" (%s)", id->tried);
    else if (id && id->kind == AWS_INSTANCE)
        fputs(" (nothing else is set up)", stdout);
    putchar('\n');
}

static void print_secrets(const struct secrets_plan *plan)
{
    printf("  secrets: AWS Secrets Manager in %s, AWS credentials: %s\n", plan->region,
           plan->identity->name);
}

static int check(const struct config *c, const char *path)
{
    printf("%s: %u errors, %u warnings, %zu deployments\n", path, c->errors, c->warnings,
           c->errors ? 0 : c->deployment_count);
    for (size_t i = 0; !c->errors && i < c->deployment_count; i++)
        print_source(&c->deployments[i]);
    if (!c->errors && c->secrets_plan)
        print_secrets(c->secrets_plan);
    if (!c->errors)
        printf("  shared state: %s%s\n", c->redis.source ? "the Redis of " : "",
               c->redis.source ? c->redis.source
                               : "that of one gateway's workers (no Redis is named)");
    return c->errors || !shared_state_is_usable(c) ? 1 : 0;
}

static int credentials(const struct config *c)
{
    const char *source = config_credential_source(c);
    puts(source ? source : "none");
    return source ? 0 : EXIT_NOWHERE;
}

static int models(const struct config *c)
{
    for (size_t i = 0; i < c->deployment_count; i++) {
        bool first = true;
        for (size_t j = 0; j < i; j++)
            first =
                first && strcmp(c->deployments[i].model_name, c->deployments[j].model_name) != 0;
        if (first)
            puts(c->deployments[i].model_name);
    }
    return 0;
}

static int read_only(const char *name, const char *path)
{
    struct config *c = secrets_load_config(path);
    int status = 1;
    bool checking = strcmp(name, "check") == 0;
    if (checking || c->errors)
        print_problems(c);
    if (checking)
        status = check(c, path);
    else if (!c->errors)
        status = strcmp(name, "models") == 0 ? models(c) : credentials(c);
    config_unref(c);
    return status;
}

static bool is_read_only(const char *name)
{
    return strcmp(name, "check") == 0 || strcmp(name, "credentials") == 0 ||
           strcmp(name, "models") == 0;
}

/* ---- arguments ----------------------------------------------------------------------------- */

enum {
    ARG_HOST = 256,
    ARG_PORT,
    ARG_WORKERS,
    ARG_CERT,
    ARG_KEY,
    ARG_CIPHERS,
    ARG_HANDOVER,
    ARG_DEBUG,
    ARG_VERSION,
    ARG_HELP
};

static const struct option arguments[] = {
    {"config", required_argument, NULL, 'c'},
    {"host", required_argument, NULL, ARG_HOST},
    {"port", required_argument, NULL, ARG_PORT},
    {"num_workers", required_argument, NULL, ARG_WORKERS},
    {"ssl_certfile_path", required_argument, NULL, ARG_CERT},
    {"ssl_keyfile_path", required_argument, NULL, ARG_KEY},
    {"ciphers", required_argument, NULL, ARG_CIPHERS},
    {"ssl_ciphers", required_argument, NULL, ARG_CIPHERS},
    {"handover", required_argument, NULL, ARG_HANDOVER},
    {"detailed_debug", no_argument, NULL, ARG_DEBUG},
    {"version", no_argument, NULL, ARG_VERSION},
    {"help", no_argument, NULL, ARG_HELP},
    {NULL, 0, NULL, 0},
};

/* What to do next: a process status, or CONTINUE. */
enum { CONTINUE = -1 };

static int take_argument(int key, struct options *o)
{
    switch (key) {
    case 'c': o->config = optarg; return CONTINUE;
    case ARG_HOST: o->worker.host = optarg; return CONTINUE;
    case ARG_PORT: return to_number(optarg, 0, 65535, "--port", &o->port) ? CONTINUE : 2;
    case ARG_WORKERS:
        return to_number(optarg, 1, SOCKETS_MAX, "--num_workers", &o->workers) ? CONTINUE : 2;
    case ARG_CERT: o->worker.tls.cert_file = optarg; return CONTINUE;
    case ARG_KEY: o->worker.tls.key_file = optarg; return CONTINUE;
    case ARG_CIPHERS: o->worker.tls.ciphers = optarg; return CONTINUE;
    case ARG_HANDOVER: o->handover = optarg; return CONTINUE;
    case ARG_DEBUG: o->debug = true; return CONTINUE;
    case ARG_VERSION: puts("lintel " LINTEL_VERSION); return 0;
    case ARG_HELP: fputs(usage, stdout); return 0;
    default: fputs(usage, stderr); return 2;
    }
}

static bool from_environment(struct options *o)
{
    const char *port = environment("PORT", NULL), *workers = environment("NUM_WORKERS", NULL);
    *o = (struct options){
        .config = environment("CONFIG_FILE_PATH", NULL),
        .worker = {.host = environment("HOST", DEFAULT_HOST),
                   .tls = {.cert_file = environment("SSL_CERTFILE_PATH", NULL),
                           .key_file = environment("SSL_KEYFILE_PATH", NULL)}},
        .handover = environment("LINTEL_HANDOVER", NULL),
        .port = DEFAULT_PORT,
        .workers = 1,
    };
    return (!port || to_number(port, 0, 65535, "PORT", &o->port)) &&
           (!workers || to_number(workers, 1, SOCKETS_MAX, "NUM_WORKERS", &o->workers));
}

int command_main(int argc, char **argv)
{
    struct options o;
    signal(SIGPIPE, SIG_IGN); /* libuv does not guard its writes */
    if (argc > 1 && cli_is(argv[1]))
        return cli_main(argc, argv);
    if (argc == 3 && is_read_only(argv[1]))
        return read_only(argv[1], argv[2]);
    if (!from_environment(&o))
        return 2;
    for (int key; (key = getopt_long(argc, argv, "c:", arguments, NULL)) != -1;) {
        int status = take_argument(key, &o);
        if (status != CONTINUE)
            return status;
    }
    if (optind < argc) {
        fprintf(stderr, "lintel: unexpected argument '%s' (lintel --help)\n", argv[optind]);
        return 2;
    }
    if (!o.worker.tls.cert_file != !o.worker.tls.key_file) {
        fputs("lintel: HTTPS needs both --ssl_certfile_path and --ssl_keyfile_path\n", stderr);
        return 2;
    }
    return serve(&o);
}
