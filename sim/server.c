/* The listener, and the answer that bench mode always gives. */

#include "server.h"
#include "server_private.h"

#include "reply.h"

#include <stdlib.h>

/* ---- bench mode ---------------------------------------------------------------------------- */

/* The one answer, worked out once. */
static void make_canned(struct server *s)
{
    const struct sim_options *o = s->options;
    struct arena a;
    struct fault f = {0};
    struct script script;
    struct answer answer;
    const struct usage usage = {.input = 10};
    arena_init(&a);
    script_parse(SLICE(""), &a, &script, &f);
    script.chunks = o->chunks;
    script.chunk_bytes = (int64_t)o->pace.chunk_bytes;
    const struct question q = {.model = model_find(SLICE("")), .script = &script, .arena = &a};
    answer_make(&q, &usage, &answer);
    plan_stream(&s->canned, &answer, &script, &o->pace);
    reply_write(&answer, 0, &s->canned_whole);
    arena_fini(&a);
}

/* The same with HTTP's chunk framing, one chunk a frame, as the service sends it. */
static void frame_canned(struct server *s)
{
    const struct http1_reply framing = {.chunked = true};
    size_t offset = 0;
    for (size_t i = 0; i < s->canned.count; i++) {
        const size_t mark = http1_chunk_begin(&framing, &s->canned_chunked);
        buf_add(&s->canned_chunked, slice_make(s->canned.bytes.p + offset, s->canned.frames[i].n));
        http1_chunk_commit(&framing, &s->canned_chunked, mark);
        offset += s->canned.frames[i].n;
    }
    http1_write_end(&framing, &s->canned_chunked);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct server *server_new(uv_loop_t *loop, const struct sim_options *o)
{
    struct server *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    s->options = o;
    list_init(&s->calls);
    turn_init(&s->turn, loop);
    service_init(&s->service);
    s->service.auth = o->auth;
    s->service.pace = o->pace;
    s->service.quota.rate = o->rate;
    journal_init(&s->journal);
    plan_init(&s->canned);
    buf_init(&s->canned_chunked, PLAN_BYTES_MAX * 2ul);
    buf_init(&s->canned_whole, PLAN_BYTES_MAX);
    if (o->chunks) {
        make_canned(s);
        frame_canned(s);
    }
    return s;
}

bool server_listen(struct server *s, const char **error)
{
    const struct sim_options *o = s->options;
    const struct conn_limits limits = {.connections_max = (unsigned)o->live_max + 1000,
                                       .head_ms = 30000,
                                       .body_idle_ms = 30000,
                                       .idle_ms = 300000,
                                       .stall_ms = 300000};
    s->listener =
        listener_open(&s->turn, o->host, (int)o->port, false, &call_events, s, &limits, error);
    return s->listener != NULL;
}

int server_port(const struct server *s)
{
    return listener_port(s->listener);
}

void server_close(struct server *s)
{
    if (s->listener)
        listener_close(s->listener);
    s->listener = NULL;
}

void server_free(struct server *s)
{
    turn_fini(&s->turn);
    uv_run(s->turn.loop, UV_RUN_DEFAULT);
    plan_fini(&s->canned);
    buf_fini(&s->canned_chunked);
    buf_fini(&s->canned_whole);
    journal_fini(&s->journal);
    free(s);
}
