/* libcurl's multi handle on the loop.
 *
 * Happy path: libcurl says which descriptors it wants to hear of (on_socket) and when it wants to
 * be called (on_timeout); libuv tells (on_poll, on_timer) and libcurl is called
 * (curl_multi_socket_action); after each such call the finished transfers are read.
 *
 * Costs: libcurl drops its interest in a socket at the end of each transfer and takes it up with
 * the next one, and libuv makes two or three system calls of every change. So we open and close the
 * sockets ourselves, keep one poll handle for the life of each and stay interested in reading; only
 * when an unwanted event comes (the server closes a kept connection, or sends while the transfer is
 * paused) the interest is taken back. A kept connection costs no epoll_ctl per call.
 *
 * Failure modes: an error event is told as "ready": libcurl then finds the error by itself and
 * tries again where it may (a kept connection that was reset), while CURL_CSELECT_ERR would end the
 * transfer. Descriptors libcurl opens by itself (its resolver's) are polled plainly. */

#include "upstream_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct upstream_socket {
    uv_poll_t poll;
    struct upstream *upstream;
    int fd;
    int want;  /* UV_READABLE | UV_WRITABLE: what libcurl wants */
    int armed; /* what libuv polls for */
    bool own;  /* opened by us */
    bool kept; /* own and connected: lives until libcurl closes it, see on_socket */
};

static struct upstream_socket *find_socket(const struct upstream *u, int fd)
{
    return (size_t)fd < u->sockets_size ? u->sockets[fd] : NULL;
}

static void remember_socket(struct upstream *u, struct upstream_socket *s)
{
    size_t size = u->sockets_size ? u->sockets_size : 64;
    while (size <= (size_t)s->fd)
        size *= 2;
    if (size > u->sockets_size) {
        u->sockets = realloc(u->sockets, size * sizeof(struct upstream_socket *));
        if (!u->sockets)
            abort();
        memset(u->sockets + u->sockets_size, 0,
               (size - u->sockets_size) * sizeof(struct upstream_socket *));
        u->sockets_size = size;
    }
    u->sockets[s->fd] = s;
}

static struct upstream_socket *add_socket(struct upstream *u, int fd)
{
    struct upstream_socket *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    if (uv_poll_init(u->turn->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->upstream = u;
    s->fd = fd;
    u->handles++;
    remember_socket(u, s);
    return s;
}

static void on_socket_closed(uv_handle_t *handle)
{
    struct upstream_socket *s = handle->data;
    upstream_unref(s->upstream);
    free(s);
}

static void drop_socket(struct upstream_socket *s)
{
    s->want = 0;
    s->upstream->sockets[s->fd] = NULL;
    uv_close((uv_handle_t *)&s->poll, on_socket_closed);
}

static void on_poll(uv_poll_t *handle, int status, int events);

static void poll_for(struct upstream_socket *s, int events)
{
    if (events == s->armed)
        return;
    s->armed = events;
    if (events)
        uv_poll_start(&s->poll, events, on_poll);
    else
        uv_poll_stop(&s->poll);
}

static void act(struct upstream *u, int fd, int bits)
{
    int running;
    curl_multi_socket_action(u->multi, fd, bits, &running);
    upstream_end_finished(u);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct upstream_socket *s = handle->data;
    struct upstream *u = s->upstream;
    int fd = s->fd;
    if (status < 0) {
        s->armed = 0; /* libuv has stopped it */
        events = s->want;
    }
    if (!(events & s->want)) {
        poll_for(s, s->want);
        return;
    }
    act(u, fd,
        (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
            (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
    if (find_socket(u, fd) == s && !s->armed)
        poll_for(s, s->want);
}

/* ---- libcurl's callbacks: they only note --------------------------------------------------------
 */

/* libcurl 7.88 closes a socket that never connected without calling on_close (cf_socket_close), and
 * says CURL_POLL_REMOVE after that. So only one that is known to be connected, for libcurl wanted
 * to read from it, is kept beyond CURL_POLL_REMOVE. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *upstream, void *unused)
{
    (void)easy;
    (void)unused;
    struct upstream *u = upstream;
    struct upstream_socket *s = find_socket(u, fd);
    bool remove = what == CURL_POLL_REMOVE;
    if (!s && !remove)
        s = add_socket(u, fd);
    if (!s)
        return remove ? 0 : -1;
    if (remove && !s->kept) {
        drop_socket(s);
        return 0;
    }
    s->want =
        remove ? 0
               : (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    s->kept |= s->own && (s->want & UV_READABLE);
    poll_for(s, s->want | (s->armed & UV_READABLE));
    return 0;
}

/* A socket may have been closed behind our back, see on_socket, and its number given out again.
 * libcurl believes that the old interest is in force, so the new socket inherits it. */
static struct upstream_socket *add_own_socket(struct upstream *u, int fd)
{
    struct upstream_socket *stale = find_socket(u, fd);
    int want = stale ? stale->want : 0;
    if (stale)
        drop_socket(stale);
    struct upstream_socket *s = add_socket(u, fd);
    if (!s)
        return NULL;
    s->own = true;
    s->want = want;
    poll_for(s, want);
    return s;
}

static curl_socket_t on_open(void *upstream, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (add_own_socket(upstream, fd))
        return fd;
    close(fd);
    return CURL_SOCKET_BAD;
}

static int on_close(void *upstream, curl_socket_t fd)
{
    struct upstream_socket *s = find_socket(upstream, fd);
    if (s)
        drop_socket(s);
    return close(fd);
}

static void on_timer(uv_timer_t *timer);

static void arm_timer(struct upstream *u)
{
    if (u->wake_at >= u->armed)
        return;
    int64_t now = turn_now(u->turn);
    u->armed = u->wake_at;
    uv_timer_start(&u->timer, on_timer, u->wake_at > now ? (uint64_t)(u->wake_at - now) : 0, 0);
}

/* "At once" is this drain only for a call just started; else the next turn, because a fast upstream
 * and a fast client could otherwise keep each other, and this drain, running. */
static int on_timeout(CURLM *multi, long ms, void *upstream)
{
    (void)multi;
    struct upstream *u = upstream;
    u->wake_at = ms < 0 ? UPSTREAM_NEVER : turn_now(u->turn) + ms;
    if (ms == 0 && u->starting)
        turn_mark(u->turn, &u->item);
    else
        arm_timer(u);
    return 0;
}

/* ---- the loop's side
 * ----------------------------------------------------------------------------- */

static void wake(struct upstream *u)
{
    if (u->wake_at <= turn_now(u->turn)) {
        u->wake_at = UPSTREAM_NEVER;
        act(u, CURL_SOCKET_TIMEOUT, 0);
    } else {
        upstream_end_finished(u);
    }
    arm_timer(u);
}

static void on_timer(uv_timer_t *timer)
{
    struct upstream *u = timer->data;
    u->armed = UPSTREAM_NEVER;
    wake(u);
}

static void on_step(struct turn_item *item)
{
    wake(LIST_ENTRY(item, struct upstream, item));
}

static void on_timer_closed(uv_handle_t *handle)
{
    upstream_unref(handle->data);
}

void upstream_loop_init(struct upstream *u)
{
    u->wake_at = UPSTREAM_NEVER;
    u->armed = UPSTREAM_NEVER;
    turn_item_init(&u->item, on_step);
    uv_timer_init(u->turn->loop, &u->timer);
    u->timer.data = u;
    u->handles++;
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(u->multi, CURLMOPT_SOCKETDATA, u);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(u->multi, CURLMOPT_TIMERDATA, u);
}

void upstream_loop_options(struct upstream *u, CURL *easy)
{
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, u);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, u);
}

/* After curl_multi_cleanup, which closes the sockets. */
void upstream_loop_fini(struct upstream *u)
{
    turn_unmark(&u->item);
    uv_close((uv_handle_t *)&u->timer, on_timer_closed);
}
