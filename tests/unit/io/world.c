/* The loop, its guard and the scripted TCP peers of the io tests. A failed assertion inside a
 * callback leaves the loop as it is; the teardown then fails too, which is fine. */

#include "world.h"

#include "cmocka_all.h"

#include <dirent.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define KEPT_MAX ((size_t)16 * 1024 * 1024)

static int count_descriptors(void)
{
    DIR *dir = opendir("/proc/self/fd");
    assert_non_null(dir);
    int n = 0;
    while (readdir(dir))
        n++;
    closedir(dir);
    return n;
}

static void on_guard(uv_timer_t *timer)
{
    struct world *w = timer->data;
    w->expired = true;
}

/* libuv keeps a descriptor pair of its own for signals from the first loop on. */
static void open_first_loop(void)
{
    uv_loop_t loop;
    uv_loop_init(&loop);
    uv_loop_close(&loop);
}

void world_open(struct world *w)
{
    memset(w, 0, sizeof(*w));
    signal(SIGPIPE, SIG_IGN); /* as main does */
    open_first_loop();
    w->descriptors = count_descriptors();
    assert_int_equal(uv_loop_init(&w->loop), 0);
    turn_init(&w->turn, &w->loop);
    uv_timer_init(&w->loop, &w->guard);
    w->guard.data = w;
    uv_update_time(&w->loop);
}

void world_guard(struct world *w)
{
    w->expired = false;
    uv_timer_start(&w->guard, on_guard, WORLD_LIMIT_MS, 0);
}

unsigned world_run_ms(struct world *w, unsigned ms)
{
    unsigned turns = 0;
    w->expired = false;
    uv_timer_start(&w->guard, on_guard, ms, 0);
    for (; !w->expired; turns++)
        uv_run(&w->loop, UV_RUN_ONCE);
    return turns;
}

void world_settle(struct world *w, const size_t *value)
{
    size_t before;
    int rounds = 0;
    do {
        assert_true(rounds++ < 40);
        before = *value;
        world_run_ms(w, 150);
    } while (*value != before);
}

static void tell_open(uv_handle_t *handle, void *arg)
{
    (void)arg;
    if (!uv_is_closing(handle))
        print_error("still open: %s\n", uv_handle_type_name(handle->type));
}

void world_close(struct world *w)
{
    /* What was closed by the test finishes first, so that its steps still have a turn. */
    uv_timer_stop(&w->guard);
    for (int i = 0; i < 3; i++)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    turn_fini(&w->turn);
    uv_close((uv_handle_t *)&w->guard, NULL);
    for (int i = 0; i < 2000 && uv_loop_alive(&w->loop); i++) {
        uv_run(&w->loop, UV_RUN_NOWAIT);
        if (i > 100)
            uv_sleep(1); /* a thread of the pool is at work */
    }
    if (uv_loop_alive(&w->loop))
        uv_walk(&w->loop, tell_open, NULL);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    /* A resolver's thread, left alone by a cancelled call, opens and closes some of its own. */
    for (int ms = 0; ms < 2000 && count_descriptors() > w->descriptors; ms++)
        uv_sleep(1);
    assert_true(count_descriptors() <= w->descriptors);
}

int world_setup(void **state)
{
    static struct world world;
    world_open(&world);
    *state = &world;
    return 0;
}

int world_teardown(void **state)
{
    world_close(*state);
    return 0;
}

/* ---- peers ----------------------------------------------------------------------------------- */

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct peer *p = handle->data;
    *buf = uv_buf_init(p->read, (unsigned)(p->read_max ? p->read_max : PEER_READ_MAX));
}

static void peer_left(struct peer *p, int error)
{
    if (p->eof || p->error)
        return;
    if (error == UV_EOF)
        p->eof = true;
    else
        p->error = error;
    if (p->server)
        p->server->open--;
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = stream->data;
    if (n < 0)
        peer_left(p, (int)n);
    if (n > 0) {
        p->total += (size_t)n;
        if (!p->discard)
            buf_add(&p->got, slice_make(buf->base, (size_t)n));
        if (p->server && p->server->on_data)
            p->server->on_data(p);
    }
}

static struct peer *peer_new(struct world *w)
{
    struct peer *p = calloc(1, sizeof(*p));
    assert_non_null(p);
    p->world = w;
    buf_init(&p->got, KEPT_MAX);
    list_init(&p->link);
    uv_tcp_init(&w->loop, &p->tcp);
    p->tcp.data = p;
    return p;
}

static void on_connected(uv_connect_t *req, int status)
{
    struct peer *p = req->handle->data;
    free(req);
    if (status == UV_ECANCELED)
        return;
    p->connected = status == 0;
    p->error = status;
    if (status == 0) {
        uv_tcp_nodelay(&p->tcp, 1);
        uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
    }
}

struct peer *peer_connect(struct world *w, int port)
{
    struct peer *p = peer_new(w);
    struct sockaddr_in address;
    uv_ip4_addr("127.0.0.1", port, &address);
    uv_connect_t *req = malloc(sizeof(*req));
    assert_int_equal(uv_tcp_connect(req, &p->tcp, (const struct sockaddr *)&address, on_connected),
                     0);
    WORLD_UNTIL(w, p->connected || p->error);
    return p;
}

struct peer_write {
    uv_write_t req;
    size_t n;
    char bytes[];
};

static void on_written(uv_write_t *req, int status)
{
    struct peer *p = req->handle->data;
    struct peer_write *write = LIST_ENTRY(req, struct peer_write, req);
    p->writes--;
    if (status == 0)
        p->sent += write->n;
    free(write);
    if (status == 0 && p->server && p->server->on_written && !uv_is_closing((uv_handle_t *)&p->tcp))
        p->server->on_written(p);
}

void peer_send(struct peer *p, const void *bytes, size_t n)
{
    struct peer_write *write = malloc(sizeof(*write) + n);
    memcpy(write->bytes, bytes, n);
    write->n = n;
    uv_buf_t buf = uv_buf_init(write->bytes, (unsigned)n);
    p->writes++;
    int rc = uv_write(&write->req, (uv_stream_t *)&p->tcp, &buf, 1, on_written);
    assert_int_equal(rc, 0);
}

void peer_say(struct peer *p, const char *text)
{
    peer_send(p, text, strlen(text));
}

void peer_read(struct peer *p, bool on)
{
    if (on)
        uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
    else
        uv_read_stop((uv_stream_t *)&p->tcp);
}

static void on_shutdown(uv_shutdown_t *req, int status)
{
    (void)status;
    free(req);
}

void peer_shutdown(struct peer *p)
{
    uv_shutdown_t *req = malloc(sizeof(*req));
    assert_int_equal(uv_shutdown(req, (uv_stream_t *)&p->tcp, on_shutdown), 0);
}

static void on_closed(uv_handle_t *handle)
{
    struct peer *p = handle->data;
    buf_fini(&p->got);
    free(p);
}

static void on_only_closed(uv_handle_t *handle)
{
    struct peer *p = handle->data;
    p->closed = true;
}

void peer_close(struct peer *p)
{
    peer_left(p, UV_ECANCELED);
    uv_close((uv_handle_t *)&p->tcp, on_only_closed);
}

void peer_reset(struct peer *p)
{
    peer_left(p, UV_ECANCELED);
    assert_int_equal(uv_tcp_close_reset(&p->tcp, on_only_closed), 0);
}

void peer_free(struct peer *p)
{
    if (!uv_is_closing((uv_handle_t *)&p->tcp)) {
        uv_close((uv_handle_t *)&p->tcp, on_closed);
        return;
    }
    WORLD_UNTIL(p->world, p->closed);
    on_closed((uv_handle_t *)&p->tcp);
}

bool peer_has(const struct peer *p, const char *text)
{
    return slice_find(buf_slice(&p->got), slice_of(text)) >= 0;
}

unsigned peer_count(const struct peer *p, const char *text)
{
    struct slice rest = buf_slice(&p->got);
    ptrdiff_t at;
    unsigned n = 0;
    for (; (at = slice_find(rest, slice_of(text))) >= 0; n++)
        rest = slice_skip(rest, (size_t)at + strlen(text));
    return n;
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct peer_server *s = stream->data;
    assert_int_equal(status, 0);
    struct peer *p = peer_new(s->world);
    p->server = s;
    assert_int_equal(uv_accept(stream, (uv_stream_t *)&p->tcp), 0);
    p->connected = true;
    s->accepts++;
    s->open++;
    list_add(&s->peers, &p->link);
    uv_read_start((uv_stream_t *)&p->tcp, on_alloc, on_read);
    if (s->on_connect)
        s->on_connect(p);
}

void peer_server_open(struct peer_server *s, struct world *w)
{
    struct sockaddr_in address;
    int size = sizeof(address);
    s->world = w;
    list_init(&s->peers);
    uv_tcp_init(&w->loop, &s->tcp);
    s->tcp.data = s;
    uv_ip4_addr("127.0.0.1", 0, &address);
    assert_int_equal(uv_tcp_bind(&s->tcp, (const struct sockaddr *)&address, 0), 0);
    assert_int_equal(uv_listen((uv_stream_t *)&s->tcp, 1024, on_connection), 0);
    assert_int_equal(uv_tcp_getsockname(&s->tcp, (struct sockaddr *)&address, &size), 0);
    s->port = ntohs(address.sin_port);
}

static void on_server_closed(uv_handle_t *handle)
{
    struct peer_server *s = handle->data;
    s->closed = true;
}

void peer_server_close(struct peer_server *s)
{
    struct list *link;
    while ((link = list_pop(&s->peers)))
        peer_free(LIST_ENTRY(link, struct peer, link));
    uv_close((uv_handle_t *)&s->tcp, on_server_closed);
    WORLD_UNTIL(s->world, s->closed);
}
