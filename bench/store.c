/* How fast what was spent gets into a database: store_spend for so many requests, as fast as the
 * spool takes them, until the last one is in LiteLLM_SpendLogs and in the rows per day.
 *
 *   bench-store FOLDER [--rows N] [--url URL]
 *
 * Prints one line. The folder is made; a database that has rows already is a fair case too. */

#include "state/spend.h"
#include "tool.h"

#include <unistd.h>

#define AT_ONCE 500  /* handed in before the loop looks around */
#define KEYS    50   /* callers */
#define WAITING 5000 /* handed in, not written yet: the spool's memory is not what is measured */

struct bench {
    uv_loop_t loop;
    struct turn turn;
    struct store *store;
    long rows;
};

static void spend_one(struct bench *b, long i)
{
    char id[40], key[80], user[16];
    struct spend s = {
        .request_id =
            slice_make(id, (size_t)snprintf(id, sizeof(id), "chatcmpl-%d-%ld", getpid(), i)),
        .call_type = SLICE("acompletion"),
        .endpoint = SLICE("/chat/completions"),
        .key = slice_make(key, (size_t)snprintf(key, sizeof(key), "%064ld", i % KEYS)),
        .user = slice_make(user, (size_t)snprintf(user, sizeof(user), "user-%ld", i % KEYS)),
        .team = SLICE("team"),
        .end_user = SLICE("somebody"),
        .model = SLICE("us.anthropic.claude-sonnet-4-5-20250929-v1:0"),
        .model_id = SLICE("0123456789abcdef0123456789abcdef"),
        .model_group = SLICE("claude"),
        .provider = SLICE("bedrock"),
        .api_base = SLICE("https://bedrock-runtime.us-east-1.amazonaws.com"),
        .requester_ip = SLICE("192.0.2.1"),
        .tags = SLICE("[\"nightly\"]"),
        .metadata = SLICE("{\"user_api_key_team_id\":\"team\",\"status\":\"success\","
                          "\"usage_object\":{\"prompt_tokens\":1200,\"completion_tokens\":300}}"),
        .prompt_tokens = 1200,
        .completion_tokens = 300,
        .cost = 0.0081,
        .start_ms = 1767225600000 + i,
        .end_ms = 1767225602000 + i,
    };
    store_spend(b->store, &s);
}

static struct store_stats stats_of(struct bench *b)
{
    struct store_stats stats;
    uv_run(&b->loop, UV_RUN_NOWAIT);
    store_stats(b->store, &stats);
    if (stats.spend_dropped)
        die("the spool dropped records");
    return stats;
}

static void run(struct bench *b)
{
    for (long i = 0; i < b->rows;) {
        if ((long)stats_of(b).spend_written + WAITING < i) {
            uv_sleep(1);
            continue;
        }
        for (long end = i + AT_ONCE; i < end && i < b->rows; i++)
            spend_one(b, i);
    }
    while ((long)stats_of(b).spend_written < b->rows)
        uv_sleep(1);
}

int main(int argc, char **argv)
{
    struct bench b = {.rows = 100000};
    struct store_options o = {.url = "sqlite", .write_interval = 0.001};
    const char *error = NULL;
    for (int i = 2; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--rows") == 0)
            b.rows = number_argument("--rows", argv[i + 1]);
        else if (strcmp(argv[i], "--url") == 0)
            o.url = argv[i + 1];
        else
            die("unknown: %s", argv[i]);
    if (argc < 2)
        die("usage: bench-store FOLDER [--rows N] [--url URL]");
    o.directory = argv[1];
    uv_loop_init(&b.loop);
    turn_init(&b.turn, &b.loop);
    b.store = store_open(&b.turn, &o, &error);
    if (!b.store)
        die("%s", error);
    while (!store_is_up(b.store))
        stats_of(&b), uv_sleep(1);
    int64_t begun = now_ns();
    run(&b);
    double seconds = (double)(now_ns() - begun) / 1e9;
    printf("%s: %ld rows in %.2f s, %.0f rows/s\n", stats_of(&b).kind, b.rows, seconds,
           (double)b.rows / seconds);
    store_close(b.store, 10000);
    turn_fini(&b.turn);
    uv_run(&b.loop, UV_RUN_DEFAULT);
    uv_loop_close(&b.loop);
    return 0;
}
