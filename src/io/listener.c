/* Listens and accepts.
 *
 * Happy path: listener_open resolves, binds and listens; each accepted socket becomes a connection
 * (conn.c). listener_stop closes the listening socket, listener_close also cuts what is left.
 * Failure modes: an address that does not resolve or bind is told to the caller in words; when no
 * descriptor is left, libuv drops the waiting clients one by one; beyond connections_max a client
 * is told 503 by its connection. */

#include "conn_private.h"

#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BACKLOG 4096 /* the kernel's own limit is mostly this or less */

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

static int bound_port(const uv_tcp_t *tcp)
{
    struct sockaddr_storage address = {0};
    int size = sizeof(address);
    if (uv_tcp_getsockname(tcp, (struct sockaddr *)&address, &size) < 0)
        return 0;
    if (address.ss_family == AF_INET6)
        return ntohs(((struct sockaddr_in6 *)&address)->sin6_port);
    return ntohs(((struct sockaddr_in *)&address)->sin_port);
}

static void on_connection(uv_stream_t *stream, int status)
{
    struct listener *l = stream->data;
    if (status == 0 && !l->stopping)
        conn_accept(l);
}

static int start(struct listener *l, int fd)
{
    uv_tcp_init(l->turn->loop, &l->tcp);
    l->refs = 1;
    l->tcp.data = l;
    int rc = uv_tcp_open(&l->tcp, fd);
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
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
    list_init(&l->conns);
    return l;
}

struct listener *listener_adopt(struct turn *t, int fd, const struct conn_events *events,
                                void *server, const struct conn_limits *limits, const char **error)
{
    struct listener *l = listener_new(t, events, server, limits);
    int rc = start(l, fd);
    if (rc == 0) {
        l->port = bound_port(&l->tcp);
        return l;
    }
    *error = uv_strerror(rc);
    listener_close(l);
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
    l->refs++;
    uv_close((uv_handle_t *)&l->tcp, on_closed);
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
