/* libcurl's multi handles on the loop.
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

#include "address.h"
#include "upstream_private.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct upstream_socket {
    uv_poll_t poll;
    struct upstream *upstream;
    struct upstream_lane *lane;
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

static struct upstream_socket *add_socket(struct upstream_lane *lane, int fd)
{
    struct upstream *u = lane->upstream;
    struct upstream_socket *s = calloc(1, sizeof(*s));
    if (!s)
        abort();
    if (uv_poll_init(u->turn->loop, &s->poll, fd) < 0) {
        free(s);
        return NULL;
    }
    s->poll.data = s;
    s->upstream = u;
    s->lane = lane;
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

unsigned upstream_connections(const struct upstream *u)
{
    unsigned n = 0;
    for (size_t fd = 0; fd < u->sockets_size; fd++)
        n += u->sockets[fd] && u->sockets[fd]->kept;
    return n;
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

/* When an address does not answer in its share of the connect timeout, libcurl before 8.4 gives up
 * its socket for the next address, and then forgets to ask to be called for that. Only this old
 * function makes it look by itself. */
static void nudge(struct upstream_lane *lane)
{
    if (!lane->nudge)
        return;
    lane->nudge = false;
    if (curl_version_info(CURLVERSION_NOW)->version_num >= 0x080400)
        return;
    int running;
    CURL_IGNORE_DEPRECATION(curl_multi_socket_all(lane->multi, &running);)
}

static void act(struct upstream_lane *lane, int fd, int bits)
{
    int running;
    curl_multi_socket_action(lane->multi, fd, bits, &running);
    nudge(lane);
    upstream_end_finished(lane);
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
    act(s->lane, fd,
        (events & UV_READABLE ? CURL_CSELECT_IN : 0) |
            (events & UV_WRITABLE ? CURL_CSELECT_OUT : 0));
    if (find_socket(u, fd) == s && !s->armed)
        poll_for(s, s->want);
}

/* ---- libcurl's callbacks: they only note ----------------------------------------------------- */

/* libcurl 7.88 closes a socket that never connected without calling on_close (cf_socket_close), and
 * says CURL_POLL_REMOVE after that. So only one that is known to be connected, for libcurl wanted
 * to read from it, is kept beyond CURL_POLL_REMOVE. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *lane, void *unused)
{
    (void)easy;
    (void)unused;
    struct upstream_socket *s = find_socket(((struct upstream_lane *)lane)->upstream, fd);
    bool remove = what == CURL_POLL_REMOVE;
    if (!s && !remove)
        s = add_socket(lane, fd);
    if (!s)
        return remove ? 0 : -1;
    if (remove && !s->kept) {
        s->lane->nudge |= s->own;
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
static struct upstream_socket *add_own_socket(struct upstream_lane *lane, int fd)
{
    struct upstream_socket *stale = find_socket(lane->upstream, fd);
    int want = stale ? stale->want : 0;
    if (stale)
        drop_socket(stale);
    struct upstream_socket *s = add_socket(lane, fd);
    if (!s)
        return NULL;
    s->own = true;
    s->want = want;
    poll_for(s, want);
    return s;
}

static curl_socket_t on_open(void *user, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)purpose;
    struct upstream_op *op = user;
    if (upstream_refuses(op, address_is_public(&address->addr)))
        return CURL_SOCKET_BAD;
    int fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    address->protocol);
    if (fd < 0)
        return CURL_SOCKET_BAD;
    if (add_own_socket(op->lane, fd))
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

static void arm_timer(struct upstream_lane *lane)
{
    int64_t at = lane->wake_at < lane->leave_at ? lane->wake_at : lane->leave_at;
    if (at >= lane->armed)
        return;
    int64_t now = turn_now(lane->upstream->turn);
    lane->armed = at;
    uv_timer_start(&lane->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* "At once" is this drain only for a call just started; else the next turn, because a fast upstream
 * and a fast client could otherwise keep each other, and this drain, running. */
static int on_timeout(CURLM *multi, long ms, void *user)
{
    (void)multi;
    struct upstream_lane *lane = user;
    struct turn *turn = lane->upstream->turn;
    lane->wake_at = ms < 0 ? UPSTREAM_NEVER : turn_now(turn) + ms;
    if (ms == 0 && lane->starting)
        turn_mark(turn, &lane->item);
    else
        arm_timer(lane);
    return 0;
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static void wake(struct upstream_lane *lane)
{
    if (lane->wake_at <= turn_now(lane->upstream->turn)) {
        lane->wake_at = UPSTREAM_NEVER;
        act(lane, CURL_SOCKET_TIMEOUT, 0);
    } else {
        upstream_end_finished(lane);
    }
    arm_timer(lane);
}

static void on_timer(uv_timer_t *timer)
{
    struct upstream_lane *lane = timer->data;
    lane->armed = UPSTREAM_NEVER;
    if (lane->leave_at <= turn_now(lane->upstream->turn))
        lane_close(lane);
    else
        wake(lane);
}

static void on_step(struct turn_item *item)
{
    wake(LIST_ENTRY(item, struct upstream_lane, item));
}

static struct upstream_lane *lane_new(struct upstream *u)
{
    struct upstream_lane *lane = calloc(1, sizeof(*lane));
    if (!lane)
        abort();
    lane->upstream = u;
    lane->multi = curl_multi_init();
    if (!lane->multi)
        abort();
    lane->wake_at = lane->leave_at = lane->armed = UPSTREAM_NEVER;
    list_init(&lane->link);
    list_add(&u->lanes, &lane->link);
    list_init(&lane->failed);
    turn_item_init(&lane->item, on_step);
    uv_timer_init(u->turn->loop, &lane->timer);
    lane->timer.data = lane;
    u->handles++;
    curl_multi_setopt(lane->multi, CURLMOPT_MAXCONNECTS, LANE_CONNECTIONS_MAX);
    curl_multi_setopt(lane->multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETFUNCTION, on_socket);
    curl_multi_setopt(lane->multi, CURLMOPT_SOCKETDATA, lane);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERFUNCTION, on_timeout);
    curl_multi_setopt(lane->multi, CURLMOPT_TIMERDATA, lane);
    return lane;
}

static void on_lane_closed(uv_handle_t *handle)
{
    struct upstream_lane *lane = handle->data;
    upstream_unref(lane->upstream);
    free(lane);
}

void lane_close(struct upstream_lane *lane)
{
    curl_multi_cleanup(lane->multi);
    list_del(&lane->link);
    turn_unmark(&lane->item);
    uv_close((uv_handle_t *)&lane->timer, on_lane_closed);
}

/* The earliest lanes fill first, so that connections are kept where the next calls go. */
static struct upstream_lane *lane_with_room(struct upstream *u)
{
    for (struct list *link = u->lanes.next; link != &u->lanes; link = link->next) {
        struct upstream_lane *lane = LIST_ENTRY(link, struct upstream_lane, link);
        if (lane->active < LANE_CALLS_MAX)
            return lane;
    }
    return lane_new(u);
}

CURLMcode lane_add(struct upstream_op *op)
{
    struct upstream_lane *lane = lane_with_room(op->upstream);
    op->lane = lane;
    lane->active++;
    lane->leave_at = UPSTREAM_NEVER;
    lane->starting = true;
    CURLMcode code = curl_multi_add_handle(lane->multi, op->easy);
    lane->starting = false;
    return code;
}

void lane_remove(struct upstream_op *op)
{
    struct upstream_lane *lane = op->lane;
    curl_multi_remove_handle(lane->multi, op->easy);
    op->lane = NULL;
    lane->active--;
    if (lane->active || lane->link.prev == &lane->upstream->lanes)
        return;
    lane->leave_at = turn_now(lane->upstream->turn) + lane->upstream->lane_idle_ms;
    arm_timer(lane);
}

void lane_options(struct upstream_op *op)
{
    curl_easy_setopt(op->easy, CURLOPT_OPENSOCKETFUNCTION, on_open);
    curl_easy_setopt(op->easy, CURLOPT_OPENSOCKETDATA, op);
    /* A connection outlives the call that made it. */
    curl_easy_setopt(op->easy, CURLOPT_CLOSESOCKETFUNCTION, on_close);
    curl_easy_setopt(op->easy, CURLOPT_CLOSESOCKETDATA, op->upstream);
}
