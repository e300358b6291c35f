#include "cli_call.h"

#include "io/upstream.h"

#include <signal.h>

#define ANSWER_MAX (256u * 1024 * 1024)
#define CONNECT_MS 5000
#define ANSWER_MS  120000

struct call {
    struct buf answer;
    int status;
    enum upstream_end end;
    struct slice detail;
    struct arena *arena;
};

static void on_head(void *user, int status, struct http_headers headers)
{
    struct call *c = user;
    c->status = status;
}

static bool on_data(void *user, struct slice bytes)
{
    struct call *c = user;
    buf_add(&c->answer, bytes);
    return true;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    struct call *c = user;
    c->end = end;
    c->detail = arena_dup(c->arena, slice_of(detail));
}

static void run(const struct http_call *http, struct call *c)
{
    static const struct upstream_events events = {on_head, on_data, on_end};
    const struct upstream_tls tls = {.verify = true};
    const struct upstream_timeouts limits = {.connect_ms = CONNECT_MS, .total_ms = ANSWER_MS};
    uv_loop_t loop;
    struct turn turn;
    signal(SIGPIPE, SIG_IGN); /* libuv does not guard its writes */
    uv_loop_init(&loop);
    turn_init(&turn, &loop);
    struct upstream *up = upstream_init(&turn, &tls);
    upstream_start(up, http, &limits, &events, c);
    while (upstream_active(up))
        uv_run(&loop, UV_RUN_ONCE);
    upstream_fini(up);
    turn_fini(&turn);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
    signal(SIGPIPE, SIG_DFL); /* lintel keys list | head -1 */
}

/* {"error": {"message"}}, {"error": "…"}, {"detail": …}: what the gateway says. */
static struct slice words_of(yyjson_val *answer, struct arena *a)
{
    static const char *const names[] = {"error", "detail", "message"};
    yyjson_val *v = answer;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names);)
        if (json_get(v, names[i]))
            v = json_get(v, names[i]), i = 0;
        else
            i++;
    return yyjson_is_str(v) ? json_slice(v) : json_text_of(v, a);
}

enum cli_result cli_call(const struct cli_target *target, const char *method, struct slice path,
                         struct slice body, struct arena *a, yyjson_val **answer,
                         struct slice *error)
{
    struct slice bearer = ARENA_JOIN(a, SLICE("Bearer "), target->key);
    struct http_header headers[] = {{SLICE("Authorization"), bearer},
                                    {SLICE("Content-Type"), SLICE("application/json")}};
    struct http_call http = {.method = method,
                             .url = ARENA_JOIN(a, target->url, path).p,
                             .headers = {headers, target->key.n ? 2 : 1},
                             .body = body,
                             .direct = true};
    struct call c = {.arena = a};
    if (!target->key.n)
        http.headers = (struct http_headers){headers + 1, 1};
    buf_init(&c.answer, ANSWER_MAX);
    run(&http, &c);
    *answer = c.end == UPSTREAM_DONE ? json_parse(buf_slice(&c.answer), a, NULL) : NULL;
    buf_fini(&c.answer);
    if (c.end != UPSTREAM_DONE || !*answer) {
        *error = ARENA_JOIN(a, target->url, SLICE(": "),
                            c.end != UPSTREAM_DONE ? c.detail : SLICE("what answers is no Lintel"));
        return CLI_UNREACHABLE;
    }
    if (c.status < 300)
        return CLI_OK;
    *error = ARENA_JOIN(a, arena_integer(a, c.status), SLICE(": "), words_of(*answer, a));
    return CLI_REFUSED;
}
