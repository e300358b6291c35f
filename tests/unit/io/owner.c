/* The owner of requests: deposits in the events, acts in the step, is buried when its request is
 * over. Freed only in the release, so a connection that mentions it too late is found by the
 * sanitizer. */

#include "owner.h"

#include "cmocka_all.h"

#include <stdlib.h>

#define BODY_MAX ((size_t)16 * 1024 * 1024)

static void release(struct turn_grave *grave)
{
    struct request *r = LIST_ENTRY(grave, struct request, grave);
    r->owner->live--;
    buf_fini(&r->target);
    buf_fini(&r->body);
    free(r);
}

static void bury(struct request *r)
{
    list_del(&r->link);
    turn_unmark(&r->item);
    turn_bury(&r->owner->world->turn, &r->grave, release);
}

static void step(struct turn_item *item)
{
    struct request *r = LIST_ENTRY(item, struct request, item);
    r->owner->steps++;
    if (r->conn)
        r->owner->act(r);
    else if (r->owner->left)
        r->owner->left(r);
    if (!r->conn && !list_empty(&r->link))
        bury(r);
}

static void mark(struct request *r)
{
    turn_mark(&r->owner->world->turn, &r->item);
}

static void *on_head(void *server, struct conn *c, const struct http_head *head)
{
    struct owner *o = server;
    struct request *r = calloc(1, sizeof(*r));
    o->heads++;
    o->live++;
    r->owner = o;
    r->conn = c;
    turn_item_init(&r->item, step);
    list_init(&r->link);
    list_add(&o->requests, &r->link);
    buf_init(&r->target, BODY_MAX);
    buf_init(&r->body, BODY_MAX);
    buf_add(&r->target, head->target);
    http1_reply_init(&r->reply, head);
    mark(r);
    return r;
}

static void on_body(void *user, struct slice bytes)
{
    struct request *r = user;
    buf_add(&r->body, bytes);
    r->body_bytes += bytes.n;
    if (bytes.n > r->owner->largest_body)
        r->owner->largest_body = bytes.n;
    mark(r);
}

static void on_body_end(void *user)
{
    struct request *r = user;
    assert_false(r->body_end);
    r->body_end = true;
    mark(r);
}

static void on_body_failed(void *user, int status, const char *reason)
{
    struct request *r = user;
    assert_non_null(reason);
    assert_int_equal(r->failed, 0);
    r->failed = status;
    mark(r);
}

static void on_room(void *user)
{
    struct request *r = user;
    r->rooms++;
    mark(r);
}

static void on_gone(void *user)
{
    struct request *r = user;
    r->conn = NULL;
    r->owner->gones++;
    r->owner->gone_at = turn_now(&r->owner->world->turn);
    mark(r);
}

static void on_refusal(int status, const char *reason, struct buf *body)
{
    buf_addf(body, "{\"status\":%d,\"reason\":\"%s\"}", status, reason);
}

static const struct conn_events events = {
    .head = on_head,
    .body = on_body,
    .body_end = on_body_end,
    .body_failed = on_body_failed,
    .room = on_room,
    .gone = on_gone,
    .refusal = on_refusal,
};

void owner_open_at(struct owner *o, struct world *w, const char *host,
                   void (*act)(struct request *r))
{
    const char *error = NULL;
    o->world = w;
    o->act = act;
    if (!o->limits.connections_max)
        o->limits.connections_max = 1000;
    list_init(&o->requests);
    o->listener = listener_open(&w->turn, host, 0, false, &events, o, &o->limits, &error);
    assert_non_null(o->listener);
    assert_null(error);
}

void owner_open(struct owner *o, struct world *w, void (*act)(struct request *r))
{
    owner_open_at(o, w, "127.0.0.1", act);
}

int owner_port(const struct owner *o)
{
    return listener_port(o->listener);
}

void owner_close(struct owner *o)
{
    listener_close(o->listener);
    WORLD_UNTIL(o->world, o->live == 0);
}

struct request *owner_request(struct owner *o)
{
    assert_false(list_empty(&o->requests));
    return LIST_ENTRY(o->requests.next, struct request, link);
}

void request_finish(struct request *r, bool keep_alive)
{
    struct conn *c = r->conn;
    r->conn = NULL;
    conn_finish(c, keep_alive);
}

void request_reply(struct request *r, int status, struct slice body)
{
    struct buf out;
    buf_init(&out, BODY_MAX);
    r->reply.keep_alive = conn_can_keep_alive(r->conn);
    http1_write_head(&r->reply, &out, status, (struct http_headers){0}, (int64_t)body.n);
    buf_add(&out, body);
    conn_send(r->conn, &out);
    request_finish(r, r->reply.keep_alive);
}

void act_hold(struct request *r)
{
    if (r->stage++ == 0)
        conn_read_body(r->conn);
}

void act_ignore(struct request *r)
{
    r->stage++;
}

void act_refuse(struct request *r)
{
    request_reply(r, 401, SLICE("no"));
}

void act_echo(struct request *r)
{
    if (r->stage++ == 0)
        conn_read_body(r->conn);
    if (r->failed) {
        request_reply(r, r->failed, SLICE("bad body"));
    } else if (r->body_end) {
        BUF_LITERAL(&r->target, " ");
        buf_add(&r->target, buf_slice(&r->body));
        request_reply(r, 200, buf_slice(&r->target));
    }
}
