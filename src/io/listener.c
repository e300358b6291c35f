/* Listens and accepts.
 *
 * Happy path: listener_open resolves, binds and listens; each accepted socket becomes a connection
 * (conn.c). listener_stop closes the listening socket, listener_close also cuts what is left.
 * Failure modes: an address that does not resolve or bind is told to the caller in words; when no
 * descriptor is left, the one that is kept for this lets the waiting clients in, one by one, to be
 * told 503, and accepting pauses; beyond connections_max a client is told 503 by its connection. */

#include "conn_private.h"

#include "base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BACKLOG       4096 /* the kernel's own limit is mostly this or less */
#define ACCEPT_ROUNDS 256  /* connections taken in one turn */
#define SHED_ROUNDS   64   /* clients told 503 before accepting pauses */
#define SHED_MS       100  /* for so long */

/* Numeric addresses as they are; of a name's addresses an IPv4 one if there is one, because that is
 * what clients who say "localhost" or "127.0.0.1" can both reach. */
static bool resolve(const char *host, int port, struct sockaddr_storage *address,
                    const char **error)
{
    char service[8];
    snprintf(service, sizeof(service), "%d", port);
    struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_PASSIVE | AI_NUMERICSERV};
    struct addrinfo *all;
    int rc = getaddrinfo(host, service, &hints, &all);
    if (rc) {
        *error = gai_strerror(rc);
        return false;
    }
    const struct addrinfo *best = all;
    while (best->ai_family != AF_INET && best->ai_next)
        best = best->ai_next;
    if (best->ai_family != AF_INET)
        best = all;
    memcpy(address, best->ai_addr, best->ai_addrlen);
    freeaddrinfo(all);
    return true;
}

static bool set_flag(int fd, int flag)
{
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, flag, &on, sizeof(on)) == 0;
}

/* "::" listens on IPv4 too, whatever the system's default. */
static bool prepare(int fd, int family, bool reuseport)
{
    int off = 0;
    if (family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off)) < 0)
        return false;
    return set_flag(fd, SO_REUSEADDR) && (!reuseport || set_flag(fd, SO_REUSEPORT));
}

static socklen_t size_of(const struct sockaddr_storage *address)
{
    return address->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                          : sizeof(struct sockaddr_in);
}

int listener_bind(const char *host, int port, bool reuseport, const char **error)
{
    struct sockaddr_storage address = {0};
    if (!resolve(host, port, &address, error))
        return -1;
    int fd = socket(address.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && prepare(fd, address.ss_family, reuseport) &&
        bind(fd, (const struct sockaddr *)&address, size_of(&address)) == 0 &&
        listen(fd, BACKLOG) == 0)
        return fd;
    *error = uv_strerror(uv_translate_sys_error(errno));
    if (fd >= 0)
        close(fd);
    return -1;
}

int listener_bound_port(int fd)
{
    union {
        struct sockaddr any;
        struct sockaddr_in v4;
        struct sockaddr_in6 v6;
    } address = {.v6 = {0}};
    socklen_t size = sizeof(address);
    if (getsockname(fd, &address.any, &size) < 0)
        return 0;
    return ntohs(address.any.sa_family == AF_INET6 ? address.v6.sin6_port : address.v4.sin_port);
}

/* ---- accepting ------------------------------------------------------------------------------- */

static void on_waiting(uv_poll_t *poll, int status, int events);

static int take(const struct listener *l)
{
    return accept4(l->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

static void keep_reserve(struct listener *l)
{
    if (l->reserve < 0)
        l->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* What the client has sent is read, lest closing resets the connection before it has read. */
static void tell_shed(struct listener *l, int fd)
{
    struct buf out;
    buf_init(&out, 2 * CONN_PENDING_MAX);
    conn_write_refusal(l, 503, "too many connections", &out);
    send(fd, out.p, out.n, MSG_NOSIGNAL);
    shutdown(fd, SHUT_WR);
    while (recv(fd, l->read_memory, sizeof(l->read_memory), 0) == (ssize_t)sizeof(l->read_memory))
        ;
    buf_fini(&out);
}

/* One waiting client, by the descriptor that is kept back. False: there is none. */
static bool shed_one(struct listener *l)
{
    if (l->reserve >= 0)
        close(l->reserve);
    l->reserve = -1;
    int fd = take(l);
    if (fd >= 0) {
        if (!l->tls)
            tell_shed(l, fd);
        close(fd);
        l->shed++;
    }
    keep_reserve(l);
    return fd >= 0;
}

static void on_pause_over(uv_timer_t *timer)
{
    struct listener *l = timer->data;
    keep_reserve(l);
    uv_poll_start(&l->poll, UV_READABLE, on_waiting);
}

static void shed(struct listener *l)
{
    if (!l->shedding)
        log_error("no connection can be accepted: %s", strerror(errno));
    l->shedding = true;
    for (int i = 0; i < SHED_ROUNDS && shed_one(l); i++)
        ;
    uv_poll_stop(&l->poll);
    uv_timer_start(&l->pause, on_pause_over, SHED_MS, 0);
}

static void note_taken(struct listener *l)
{
    if (!l->shedding)
        return;
    log_warn("connections are accepted again; %llu were refused", (unsigned long long)l->shed);
    l->shedding = false;
    l->shed = 0;
}

static bool is_shortage(int error)
{
    return error == EMFILE || error == ENFILE || error == ENOBUFS || error == ENOMEM;
}

static void on_waiting(uv_poll_t *poll, int status, int events)
{
    struct listener *l = poll->data;
    (void)status;
    (void)events;
    for (int i = 0; i < ACCEPT_ROUNDS; i++) {
        int fd = take(l);
        if (fd >= 0) {
            note_taken(l);
            conn_accept(l, fd);
        } else if (is_shortage(errno)) {
            shed(l);
            return;
        } else if (errno == EAGAIN) {
            return;
        } /* else a client that left, or something the next one does not have */
    }
}

static int start(struct listener *l, int fd)
{
    int rc = uv_poll_init(l->turn->loop, &l->poll, fd);
    if (rc < 0)
        return rc;
    uv_timer_init(l->turn->loop, &l->pause);
    l->poll.data = l;
    l->pause.data = l;
    l->fd = fd;
    l->port = listener_bound_port(fd);
    keep_reserve(l);
    return uv_poll_start(&l->poll, UV_READABLE, on_waiting);
}

static struct listener *listener_new(struct turn *t, const struct conn_events *events, void *server,
                                     const struct conn_limits *limits)
{
    struct listener *l = malloc(sizeof(*l));
    if (!l)
        abort();
    /* Without the 64 KiB of read memory: they need no clearing. */
    memset(l, 0, offsetof(struct listener, read_memory));
    l->turn = t;
    l->events = events;
    l->server = server;
    l->limits = *limits;
    l->refs = 1;
    l->reserve = -1;
    list_init(&l->conns);
    return l;
}

struct listener *listener_adopt(struct turn *t, int fd, const struct conn_events *events,
                                void *server, const struct conn_limits *limits, const char **error)
{
    struct listener *l = listener_new(t, events, server, limits);
    int rc = start(l, fd);
    if (rc == 0)
        return l;
    *error = uv_strerror(rc);
    close(fd);
    listener_unref(l);
    return NULL;
}

struct listener *listener_open(struct turn *t, const char *host, int port, bool reuseport,
                               const struct conn_events *events, void *server,
                               const struct conn_limits *limits, const char **error)
{
    int fd = listener_bind(host, port, reuseport, error);
    return fd < 0 ? NULL : listener_adopt(t, fd, events, server, limits, error);
}

int listener_port(const struct listener *l)
{
    return l->port;
}

unsigned listener_connections(const struct listener *l)
{
    return l->open;
}

void listener_use_tls(struct listener *l, struct tls_server *s)
{
    tls_server_unref(l->tls);
    l->tls = tls_server_ref(s);
}

void listener_unref(struct listener *l)
{
    if (--l->refs)
        return;
    tls_server_unref(l->tls);
    free(l);
}

static void on_closed(uv_handle_t *handle)
{
    listener_unref(handle->data);
}

/* The listener itself stays until listener_close: its owner still asks for its connections. */
void listener_stop(struct listener *l)
{
    if (l->stopping)
        return;
    l->stopping = true;
    l->refs += 2;
    uv_close((uv_handle_t *)&l->poll, on_closed);
    uv_close((uv_handle_t *)&l->pause, on_closed);
    close(l->fd);
    if (l->reserve >= 0)
        close(l->reserve);
    struct list *next;
    for (struct list *link = l->conns.next; link != &l->conns; link = next) {
        next = link->next;
        struct conn *c = LIST_ENTRY(link, struct conn, link);
        if (conn_state(c) == CONN_IDLE)
            conn_stop_idling(c);
    }
}

void listener_close(struct listener *l)
{
    listener_stop(l);
    for (struct list *link = l->conns.next; link != &l->conns; link = link->next)
        conn_cut(LIST_ENTRY(link, struct conn, link));
    listener_unref(l);
}
