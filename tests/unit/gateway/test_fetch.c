/* What prompts name by URL, against a scripted server on loopback. */

#include "fetch.h"

#include "../io/caller.h"
#include "../io/cmocka_all.h"

#include <stdio.h>
#include <string.h>

#define OK_PNG                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 8\r\n\r\n\x89PNG\r\n\x1a\n"

static struct peer_server server;
static struct dialer caller;

/* One request and its fetch. */
struct prompt {
    struct arena arena;
    struct config config;
    struct llm_request request;
    struct llm_message message;
    struct llm_block **tail;
    struct failure failure;
    struct fetch *fetch;
    size_t overs;
};

static void on_over(void *user)
{
    struct prompt *p = user;
    p->overs++;
}

static void answer_png(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, OK_PNG);
}

static struct prompt *open_prompt(struct world *w, void (*on_data)(struct peer *p))
{
    static struct prompt p;
    memset(&server, 0, sizeof(server));
    memset(&caller, 0, sizeof(caller));
    memset(&p, 0, sizeof(p));
    server.on_data = on_data;
    peer_server_open(&server, w);
    caller_open(&caller, w, server.port);
    arena_init(&p.arena);
    llm_request_init(&p.request);
    p.request.messages = &p.message;
    p.tail = &p.message.blocks;
    p.config.settings = (struct settings){
        .fetch_max_mb = 1, .fetch_timeout = 5, .connect_timeout = 5, .fetch_plain_http = true};
    return &p;
}

static void close_prompt(struct world *w, struct prompt *p)
{
    world_run_ms(w, 10);
    assert_int_equal(upstream_active(caller.upstream), 0);
    arena_fini(&p->arena);
    caller_close(&caller);
    peer_server_close(&server);
}

/* `text` with the server's port for PORT. */
static struct slice with_port(struct prompt *p, const char *text)
{
    struct slice rest = slice_of(text), head, all = SLICE("");
    for (ptrdiff_t at; (at = slice_find(rest, SLICE("PORT"))) >= 0;) {
        head = slice_make(rest.p, (size_t)at);
        all = ARENA_JOIN(&p->arena, all, head, arena_integer(&p->arena, server.port));
        rest = slice_skip(rest, (size_t)at + 4);
    }
    return ARENA_JOIN(&p->arena, all, rest);
}

static struct llm_block *add(struct prompt *p, const char *url)
{
    struct llm_block *b = llm_block_add(&p->tail, &p->arena, LLM_IMAGE);
    b->url = with_port(p, url);
    return b;
}

static void start(struct world *w, struct prompt *p)
{
    const struct fetch_job job = {
        .upstream = caller.upstream,
        .turn = &w->turn,
        .config = &p->config,
        .request = &p->request,
        .arena = &p->arena,
        .failure = &p->failure,
        .message = &p->arena,
        .over = on_over,
        .user = p,
    };
    p->fetch = fetch_start(&job);
    assert_int_equal(p->overs, 0);
}

static void allow(struct prompt *p, const char *host)
{
    struct slice list =
        ARENA_JOIN(&p->arena, SLICE("[\"elsewhere.example\",\""), with_port(p, host), SLICE("\"]"));
    p->config.url_allowed_hosts = json_parse(list, &p->arena, NULL);
    assert_non_null(p->config.url_allowed_hosts);
}

/* ---- hosts that are trusted by name ---------------------------------------------------------- */

static const struct {
    const char *allowed, *url;
    bool reached;
} hosts[] = {
    {"localhost", "http://localhost:PORT/x", true},
    {"LOCALHOST", "HTTP://LocalHost:PORT?x", true},
    {"localhost:PORT", "http://localhost:PORT/x", true},
    {"127.0.0.1", "http://127.0.0.1:PORT/x", true},
    {"localhost:1", "http://localhost:PORT/x", false},
    {"localhost", "http://127.0.0.1:PORT/x", false},
    {"localhost", "http://127.0.0.1:PORT/localhost", false},
    {"localhost", "http://127.0.0.1:PORT?//localhost", false},
    {"localhost", "http://127.0.0.1:PORT#//localhost", false},
    {"localhost", "http://localhost:PORT@127.0.0.1:PORT/", false},
    {"localhost", "http://localhost@127.0.0.1:PORT/", false},
    {"localhost", "http://localhost\\@127.0.0.1:PORT/", false},
    {"localhost", "http://localhost\\.127.0.0.1:PORT/", false},
    {"localhost", "http:///localhost:PORT/", false},
    {"localhost", "http:/127.0.0.1:PORT//localhost/", false},
    {"localhost", "127.0.0.1:PORT/?at=//localhost/", false},
    {"localhost", "127.0.0.1:PORT/?at=http://localhost/", false},
    {"local", "http://localhost:PORT/", false},
    {"host", "http://localhost:PORT/", false},
    {"", "http://127.0.0.1:PORT/", false},
};

static void only_listed_hosts_are_trusted(void **state)
{
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++) {
        struct prompt *p = open_prompt(w, answer_png);
        p->config.settings.user_url_validation = true;
        allow(p, hosts[i].allowed);
        const struct llm_block *b = add(p, hosts[i].url);
        start(w, p);
        WORLD_UNTIL(w, p->overs);
        bool reached = server.accepts > 0;
        if (reached != hosts[i].reached || reached != (b->data.n > 0) ||
            reached == (p->failure.status == 400))
            fail_msg("%s by %s: %.*s", hosts[i].url, hosts[i].allowed,
                     SLICE_ARG(p->failure.message));
        close_prompt(w, p);
    }
}

/* ---- the life of a fetch --------------------------------------------------------------------- */

static void blocks_get_their_data(void **state)
{
    struct world *w = *state;
    struct prompt *p = open_prompt(w, answer_png);
    struct llm_block *first = add(p, "http://127.0.0.1:PORT/a");
    struct llm_block *result = llm_block_add(&p->tail, &p->arena, LLM_TOOL_RESULT);
    struct llm_block *again = add(p, "http://127.0.0.1:PORT/a");
    struct llm_block **outer = p->tail;
    struct llm_block *s3 = add(p, "s3://bucket/PORT.png");
    p->tail = &result->content;
    struct llm_block *inner = add(p, "http://127.0.0.1:PORT/b");
    p->tail = outer;
    start(w, p);
    assert_non_null(p->fetch);
    WORLD_UNTIL(w, p->overs);
    assert_int_equal(p->failure.kind, FAILURE_NONE);
    assert_int_equal(server.accepts, 2);
    for (size_t i = 0; i < 3; i++) {
        const struct llm_block *b = i == 0 ? first : i == 1 ? again : inner;
        assert_true(slice_eq(b->data, SLICE("iVBORw0KGgo=")));
        assert_true(slice_eq(b->media_type, SLICE("image/png")));
        assert_int_equal(b->url.n, 0);
    }
    assert_ptr_equal(first->data.p, again->data.p);
    assert_int_equal(s3->data.n, 0);
    assert_true(slice_starts(s3->url, SLICE("s3://")));
    close_prompt(w, p);
}

static void nothing_to_fetch_costs_nothing(void **state)
{
    struct world *w = *state;
    struct prompt *p = open_prompt(w, NULL);
    struct llm_block *b = add(p, "http://127.0.0.1:PORT/a");
    b->data = SLICE("AAAA");
    size_t total = p->arena.total;
    start(w, p);
    assert_null(p->fetch);
    assert_int_equal(p->failure.kind, FAILURE_NONE);
    assert_int_equal(p->arena.total, total);
    close_prompt(w, p);
}

static void cancelling_and_expiring_end_it_at_once(void **state)
{
    struct world *w = *state;
    for (int i = 0; i < 2; i++) {
        struct prompt *p = open_prompt(w, NULL);
        add(p, "http://127.0.0.1:PORT/a");
        start(w, p);
        WORLD_UNTIL(w, server.accepts);
        if (i == 0)
            fetch_cancel(p->fetch);
        else
            fetch_expire(p->fetch);
        assert_int_equal(upstream_active(caller.upstream), 0);
        assert_int_equal(p->failure.status, i == 0 ? 0 : 400);
        world_run_ms(w, 20);
        assert_int_equal(p->overs, 0);
        close_prompt(w, p);
    }
}

static void send_two_megabytes(struct peer *p)
{
    static char body[2 * 1024 * 1024];
    if (!peer_has_request(p))
        return;
    peer_drop_request(p);
    peer_say(p, "HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nContent-Length: 2097152\r\n\r\n");
    peer_send(p, body, sizeof(body));
}

/* Each of them may be had, sixteen of them too. */
static void together_they_have_a_limit(void **state)
{
    struct world *w = *state;
    for (int n = 16; n <= 17; n++) {
        struct prompt *p = open_prompt(w, send_two_megabytes);
        p->config.settings.fetch_max_mb = 2;
        for (int i = 0; i < n; i++)
            add(p, "http://127.0.0.1:PORT/")->url =
                arena_printf(&p->arena, "http://127.0.0.1:%d/%d", server.port, i);
        start(w, p);
        WORLD_UNTIL(w, p->overs);
        assert_int_equal(p->failure.status, n == 16 ? 0 : 400);
        close_prompt(w, p);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(only_listed_hosts_are_trusted),
        WORLD_TEST(blocks_get_their_data),
        WORLD_TEST(nothing_to_fetch_costs_nothing),
        WORLD_TEST(cancelling_and_expiring_end_it_at_once),
        WORLD_TEST(together_they_have_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
