#include "options.h"

#include <string.h>

#define MS_MAX 3600000

static bool set_host(struct sim_options *o, struct slice value)
{
    o->host = value.p;
    return value.n > 0;
}

static bool number(struct slice value, int64_t min, int64_t max, int64_t *out)
{
    return slice_to_i64(value, out) && *out >= min && *out <= max;
}

static bool set_port(struct sim_options *o, struct slice value)
{
    return number(value, 0, 65535, &o->port);
}

static bool set_first_ms(struct sim_options *o, struct slice value)
{
    return number(value, 0, MS_MAX, &o->pace.first_ms);
}

static bool set_gap_ms(struct sim_options *o, struct slice value)
{
    return number(value, 0, MS_MAX, &o->pace.gap_ms);
}

static bool set_chunk_bytes(struct sim_options *o, struct slice value)
{
    int64_t bytes = 0;
    const bool good = number(value, 1, 1024 * 1024, &bytes);
    o->pace.chunk_bytes = (size_t)bytes;
    return good;
}

static bool set_fast(struct sim_options *o, struct slice value)
{
    o->pace.first_ms = o->pace.gap_ms = 0;
    return true;
}

static bool set_chunks(struct sim_options *o, struct slice value)
{
    return number(value, 1, 100000, &o->chunks);
}

static bool set_live_max(struct sim_options *o, struct slice value)
{
    return number(value, 1, 1000000, &o->live_max);
}

static bool set_rate(struct sim_options *o, struct slice value)
{
    return number(value, 1, 1000000, &o->rate);
}

static bool add_credentials(struct sim_options *o, struct slice value)
{
    return auth_add(&o->auth, value, false);
}

static bool add_expired(struct sim_options *o, struct slice value)
{
    return auth_add(&o->auth, value, true);
}

static bool add_api_key(struct sim_options *o, struct slice value)
{
    return auth_add_api_key(&o->auth, value);
}

static bool set_log(struct sim_options *o, struct slice value)
{
    o->log = true;
    return true;
}

static bool set_help(struct sim_options *o, struct slice value)
{
    o->help = true;
    return true;
}

struct option {
    const char *name;
    const char *value; /* what stands behind it; NULL: nothing */
    bool (*set)(struct sim_options *o, struct slice value);
    const char *help;
};

static const struct option options[] = {
    {"--host", "ADDRESS", set_host, "where to listen (127.0.0.1)"},
    {"--port", "PORT", set_port, "0 takes a free one, which is printed (0)"},
    {"--credentials", "ID:SECRET[:TOKEN]", add_credentials,
     "an AWS key to accept; may be repeated\n"
     "(" SIM_DEFAULT_ACCESS_KEY_ID ":" SIM_DEFAULT_SECRET_ACCESS_KEY ")"},
    {"--expired-credentials", "ID:SECRET[:TOKEN]", add_expired,
     "a key that is answered with ExpiredTokenException"},
    {"--api-key", "KEY", add_api_key, "a Bedrock API key to accept as Bearer token"},
    {"--first-ms", "MS", set_first_ms, "time before the first byte of an answer (200)"},
    {"--gap-ms", "MS", set_gap_ms, "time between two chunks of it (20)"},
    {"--chunk-bytes", "N", set_chunk_bytes, "text in a chunk (16)"},
    {"--fast", NULL, set_fast, "no waiting: --first-ms 0 --gap-ms 0"},
    {"--chunks", "N", set_chunks,
     "bench mode: always N chunks of --chunk-bytes; nothing is\n"
     "verified, parsed or remembered"},
    {"--rate", "N", set_rate, "calls a second of each model; 429 beyond (no limit)"},
    {"--live-max", "N", set_live_max, "calls at once; 503 beyond (20000)"},
    {"--log", NULL, set_log, "a line per call on stderr"},
    {"--help", NULL, set_help, "this text"},
};

enum { OPTION_NR = sizeof(options) / sizeof(options[0]) };

static const struct option *find(const char *name)
{
    for (size_t i = 0; i < OPTION_NR; i++)
        if (strcmp(options[i].name, name) == 0)
            return &options[i];
    return NULL;
}

bool options_parse(int argc, char **argv, struct sim_options *o, char *error)
{
    *o = (struct sim_options){.host = "127.0.0.1",
                              .pace = {.first_ms = 200, .gap_ms = 20, .chunk_bytes = 16},
                              .live_max = 20000};
    for (int i = 1; i < argc; i++) {
        const struct option *option = find(argv[i]);
        struct slice value = {0};
        if (!option) {
            snprintf(error, OPTIONS_ERROR_MAX, "unknown option %.100s", argv[i]);
            return false;
        }
        if (option->value && i + 1 < argc)
            value = slice_of(argv[++i]);
        if ((option->value && !value.p) || !option->set(o, value)) {
            snprintf(error, OPTIONS_ERROR_MAX, "%s needs a %s", option->name, option->value);
            return false;
        }
    }
    if (!o->auth.count)
        auth_add(&o->auth, SLICE(SIM_DEFAULT_ACCESS_KEY_ID ":" SIM_DEFAULT_SECRET_ACCESS_KEY),
                 false);
    return true;
}

static void print_option(const struct option *option, FILE *out)
{
    struct slice rest = slice_of(option->help);
    char left[64];
    snprintf(left, sizeof(left), "%s %s", option->name, option->value ? option->value : "");
    while (rest.n) {
        const struct slice line = slice_split(&rest, '\n');
        fprintf(out, "  %-40s %.*s\n", left, SLICE_ARG(line));
        left[0] = '\0';
    }
}

void options_print_help(FILE *out)
{
    fputs("bedrock-sim: a simulated Amazon Bedrock (Converse, ConverseStream, CountTokens).\n"
          "usage: bedrock-sim [options]\n\n",
          out);
    for (size_t i = 0; i < OPTION_NR; i++)
        print_option(&options[i], out);
}
