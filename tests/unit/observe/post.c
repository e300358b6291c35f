#include "post.h"

#include "observe/record.h"

#include <stdio.h>

/* ---- a sink --------------------------------------------------------------------------------- */

static bool write_numbers(void *self, struct parcel *const *parcels, size_t n,
                          struct sink_call *call)
{
    struct post *p = self;
    call->url = p->nothing ? NULL : p->url;
    for (size_t i = 0; i < n; i++)
        buf_addf(&call->body, "%.*s,", SLICE_ARG(record_of(parcels[i])->text.call_id));
    sink_call_header(call, "content-type", SLICE("text/plain"));
    return true;
}

static void forget(void *self)
{
}

/* As many as the answer has crosses. */
static size_t count_crosses(void *self, struct slice answer, struct arena *a, struct slice *why)
{
    size_t n = 0;
    for (size_t i = 0; i < answer.n; i++)
        n += answer.p[i] == 'x';
    *why = answer;
    return n;
}

static const struct sink_kind numbers = {
    .write = write_numbers, .missed = count_crosses, .free = forget};

/* ---- a destination -------------------------------------------------------------------------- */

static void chatter(struct peer *p)
{
    static char block[64 * 1024];
    struct post *post = p->server->user;
    if (post->answer && strcmp(post->answer, ENDLESS) == 0)
        peer_send(p, block, sizeof(block));
}

static void on_request(struct peer *p)
{
    struct post *post = p->server->user;
    while (peer_has_request(p)) {
        struct slice got = buf_slice(&p->got);
        struct slice body = slice_skip(got, (size_t)slice_find(got, SLICE("\r\n\r\n")) + 4);
        size_t told = strlen(post->all);
        snprintf(post->told, sizeof(post->told), "%.*s", SLICE_ARG(body));
        if (post->answer && strcmp(post->answer, OK) == 0)
            snprintf(post->all + told, sizeof(post->all) - told, "%s", post->told);
        peer_drop_request(p);
        post->calls++;
        if (post->answer)
            peer_say(p, post->answer);
        chatter(p);
        if (post->next)
            post->answer = post->next;
    }
}

struct outbox_limits quick(void)
{
    struct outbox_limits l = outbox_limits_usual;
    l.delay_ms = 20;
    l.wait_min_ms = 10;
    l.wait_max_ms = 40;
    l.batch_max = 4;
    return l;
}

void open_box(struct post *p, const struct outbox_limits *limits)
{
    p->box = outbox_new(&p->world.turn, p->dialer.upstream, &numbers, p, "numbers", limits);
}

void open_post(struct post *p, const struct outbox_limits *limits)
{
    memset(p, 0, sizeof(*p));
    world_open(&p->world);
    peer_server_open(&p->server, &p->world);
    p->server.on_data = on_request;
    p->server.on_written = chatter;
    p->server.user = p;
    caller_open(&p->dialer, &p->world, p->server.port);
    snprintf(p->url, sizeof(p->url), "http://127.0.0.1:%d/take", p->server.port);
    open_box(p, limits);
    p->answer = OK;
}

void close_post(struct post *p)
{
    outbox_free(p->box);
    caller_close(&p->dialer);
    peer_server_close(&p->server);
    world_close(&p->world);
}

void put(struct post *p, int number, size_t weight)
{
    char text[16];
    struct record draft = {.status = 200};
    snprintf(text, sizeof(text), "%d", number);
    draft.text.call_id = slice_of(text);
    draft.text.messages = SLICE("[\"a prompt\"]");
    struct record *r = record_new(&draft);
    r->parcel.size = weight;
    outbox_put(p->box, &r->parcel);
    parcel_unref(&r->parcel);
}

struct outbox_stats stats(const struct post *p)
{
    struct outbox_stats s;
    outbox_count(p->box, &s);
    return s;
}
