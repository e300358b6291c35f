/* Exchanges between a client and a scripted Bedrock, with a memory that takes its time: the state
 * RECALL suspends, goes on, gives up, and ends with its client. */

#include "../base/check.h"
#include "../io/caller.h"
#include "base/log.h"
#include "config_loader.h"
#include "exchange.h"
#include "slow_shared.h"
#include "worker_private.h"

#define THOUGHT "\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"c2ln\"}}"

static const char answer[] =
    "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["
    "{" THOUGHT "},"
    "{\"toolUse\":{\"toolUseId\":\"tooluse_1\",\"name\":\"f\",\"input\":{}}}]}},"
    "\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}";

#define TOOLS                                                                                      \
    "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{\"type\":"     \
    "\"object\"}}}]"
#define QUESTION "{\"role\":\"user\",\"content\":\"go\"}"
#define CALLED                                                                                     \
    "{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"tooluse_1\",\"type\":\"function\","         \
    "\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}]},"                                       \
    "{\"role\":\"tool\",\"tool_call_id\":\"tooluse_1\",\"content\":\"done\"}"

static const char first_body[] = "{\"model\":\"m\"," TOOLS ",\"messages\":[" QUESTION "]}";
static const char second_body[] =
    "{\"model\":\"m\",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," TOOLS
    ",\"messages\":[" QUESTION "," CALLED "]}";

struct fixture {
    struct world world;
    struct slow_shared slow;
    struct peer_server bedrock;
    struct peer *client;
    struct buf upstream; /* the last request that Bedrock got */
    unsigned requests;
    struct worker w;
    char config[1000];
};

/* ---- Bedrock ------------------------------------------------------------------------------- */

static void on_request(struct peer *p)
{
    struct fixture *f = p->server->user;
    char head[200];
    if (!peer_has_request(p))
        return;
    buf_reset(&f->upstream);
    buf_add(&f->upstream, buf_slice(&p->got));
    peer_drop_request(p);
    f->requests++;
    snprintf(head, sizeof(head),
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             strlen(answer));
    peer_say(p, head);
    peer_say(p, answer);
}

static bool upstream_got(const struct fixture *f, const char *text)
{
    return slice_find(buf_slice(&f->upstream), slice_of(text)) >= 0;
}

/* ---- a worker ------------------------------------------------------------------------------ */

static bool read_config(void *ctx, const char *path, struct arena *a, struct slice *text,
                        const char **error)
{
    struct fixture *f = ctx;
    *text = arena_dup(a, slice_of(f->config));
    return strcmp(path, "c.yaml") == 0;
}

static const char *no_variable(void *ctx, const char *name)
{
    return NULL;
}

static void set_nothing(void *ctx, const char *name, const char *value)
{
}

static void load(struct fixture *f)
{
    const struct config_host host = {f, read_config, no_variable, set_nothing};
    snprintf(f->config, sizeof(f->config),
             "model_list:\n"
             "- model_name: m\n"
             "  litellm_params: {model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0,\n"
             "    aws_region_name: us-east-1, aws_access_key_id: AKIA, aws_secret_access_key: s,\n"
             "    aws_bedrock_runtime_endpoint: 'http://127.0.0.1:%d'}\n"
             "general_settings: {master_key: sk-test}\n",
             f->bedrock.port);
    f->w.config = config_load_from("c.yaml", &host);
    assert_int_equal(f->w.config->errors, 0);
}

static void no_step(struct turn_item *item)
{
}

static void open_fixture(struct fixture *f, bool slow)
{
    static const struct conn_limits limits = {.connections_max = 10};
    static const struct upstream_tls tls = {.verify = true};
    static const struct worker_options options = {0};
    const char *error;
    struct worker *w = &f->w;
    memset(f, 0, sizeof(*f));
    world_open(&f->world);
    buf_init(&f->upstream, SIZE_MAX);
    f->bedrock.user = f;
    f->bedrock.on_data = on_request;
    peer_server_open(&f->bedrock, &f->world);
    load(f);
    w->options = &options;
    list_init(&w->exchanges);
    list_init(&w->queue);
    turn_init(&w->turn, &f->world.loop);
    turn_item_init(&w->drained, no_step);
    w->upstream = upstream_init(&w->turn, &tls);
    w->credentials = credentials_new(&w->turn, w->upstream);
    w->tracker = tracker_new();
    w->affinity = affinity_new();
    uv_timer_init(&f->world.loop, &w->clock);
    slow_shared_init(&f->slow, &f->world);
    w->shared = slow ? &f->slow.shared : f->slow.local;
    w->memory = memory_new(&w->turn, w->shared);
    w->listener =
        listener_open(&w->turn, "127.0.0.1", 0, false, &exchange_conn_events, w, &limits, &error);
    assert_non_null(w->listener);
    f->client = peer_connect(&f->world, listener_port(w->listener));
}

static void close_fixture(struct fixture *f)
{
    struct worker *w = &f->w;
    peer_free(f->client);
    WORLD_UNTIL(&f->world, w->live == 0);
    listener_close(w->listener);
    memory_free(w->memory);
    w->shared->ops->free(w->shared);
    tracker_free(w->tracker);
    affinity_free(w->affinity);
    credentials_free(w->credentials);
    upstream_fini(w->upstream);
    uv_close((uv_handle_t *)&w->clock, NULL);
    peer_server_close(&f->bedrock);
    turn_fini(&w->turn);
    config_unref(w->config);
    buf_fini(&f->upstream);
    world_close(&f->world);
}

/* ---- the client ---------------------------------------------------------------------------- */

static void ask(struct fixture *f, const char *body)
{
    char head[300];
    buf_reset(&f->client->got);
    snprintf(head, sizeof(head),
             "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer sk-test\r\n"
             "Content-Type: application/json\r\nContent-Length: %zu\r\n\r\n",
             strlen(body));
    peer_say(f->client, head);
    peer_say(f->client, body);
}

static void ask_and_wait(struct fixture *f, const char *body)
{
    uint64_t served = f->w.served;
    ask(f, body);
    WORLD_UNTIL(&f->world, peer_has(f->client, "\"usage\"") && f->w.served > served);
    assert_true(peer_has(f->client, "HTTP/1.1 200 OK"));
}

/* The only exchange that lives is in this state. */
static bool only_in(const struct fixture *f, enum exchange_state state)
{
    return f->w.live == 1 &&
           LIST_ENTRY(f->w.exchanges.next, struct exchange, link)->sm.state == (int)state;
}

/* ---- tests --------------------------------------------------------------------------------- */

static void test_put_back(void **state)
{
    struct fixture f;
    for (int slow = 0; slow < 2; slow++) {
        open_fixture(&f, slow);
        f.slow.delay_ms = 10;
        ask_and_wait(&f, first_body);
        assert_int_equal(f.slow.gets, 0); /* nothing lacks: nothing is asked for */
        assert_true(peer_has(f.client, "\"signature\":\"c2ln\""));
        ask_and_wait(&f, second_body);
        assert_int_equal(f.slow.gets, slow);
        assert_true(upstream_got(&f, "\"role\":\"assistant\",\"content\":[{" THOUGHT "},"));
        close_fixture(&f);
    }
}

static void test_suspends(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    f.slow.delay_ms = RECALL_PATIENCE_MS / 2;
    ask_and_wait(&f, first_body);
    ask(&f, second_body);
    WORLD_UNTIL(&f.world, only_in(&f, EX_RECALL));
    assert_int_equal(f.requests, 1);
    WORLD_UNTIL(&f.world, f.w.served == 2);
    assert_int_equal(f.requests, 2);
    assert_true(upstream_got(&f, THOUGHT));
    close_fixture(&f);
}

static void test_goes_on_without_an_answer(void **state)
{
    struct fixture f;
    struct memory_stats stats;
    open_fixture(&f, true);
    f.slow.never = true;
    ask_and_wait(&f, first_body);
    int64_t begun = turn_now(&f.w.turn);
    ask_and_wait(&f, second_body);
    assert_true(turn_now(&f.w.turn) - begun >= RECALL_PATIENCE_MS);
    assert_false(upstream_got(&f, THOUGHT));
    assert_true(upstream_got(&f, "tooluse_1"));
    memory_stats(f.w.memory, &stats);
    assert_int_equal(stats.late, 1);
    assert_int_equal(f.slow.forgotten, 1);
    close_fixture(&f);
}

static void test_ends_with_its_client(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    f.slow.never = true;
    ask_and_wait(&f, first_body);
    ask(&f, second_body);
    WORLD_UNTIL(&f.world, only_in(&f, EX_RECALL));
    peer_close(f.client);
    WORLD_UNTIL(&f.world, f.w.live == 0);
    assert_int_equal(f.slow.forgotten, 1);
    world_run_ms(&f.world, 2 * RECALL_PATIENCE_MS);
    assert_int_equal(f.requests, 1); /* nobody calls a model for nobody */
    close_fixture(&f);
}

static void test_switched_off(void **state)
{
    struct fixture f;
    open_fixture(&f, true);
    struct memory *memory = f.w.memory;
    f.w.memory = NULL;
    ask_and_wait(&f, first_body);
    ask_and_wait(&f, second_body);
    assert_int_equal(f.slow.gets, 0);
    assert_false(upstream_got(&f, THOUGHT));
    f.w.memory = memory;
    close_fixture(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_put_back),
        cmocka_unit_test(test_suspends),
        cmocka_unit_test(test_goes_on_without_an_answer),
        cmocka_unit_test(test_ends_with_its_client),
        cmocka_unit_test(test_switched_off),
    };
    log_setup(LOG_ERROR, false);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
