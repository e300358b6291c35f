/* Listens and accepts.
 *
 * Happy path: listener_open resolves, binds and listens; each accepted socket becomes a connection
 * (conn.c). listener_stop closes the listening socket, listener_close also cuts what is left.
 * Failure modes: an address that does not resolve or bind is told to the caller in words; when no
 * descriptor is left, libuv drops the waiting clients one by one; beyond connections_max a client
 * is told 503 by its connection. */

#include "conn_private.h"

#include <netdb.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

/* Before bind. libuv has a flag for it only since 1.49. */
static int share_port(uv_tcp_t *tcp)
{
    uv_os_fd_t fd;
    int rc = uv_fileno((uv_handle_t *)tcp, &fd);
    if (rc < 0)
        return rc;
    int on = 1;
    return setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) < 0
               ? uv_translate_sys_error(errno)
               : 0;
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

static int start(struct listener *l, const struct sockaddr_storage *address, bool reuseport)
{
    int rc = uv_tcp_init_ex(l->turn->loop, &l->tcp, address->ss_family);
    if (rc < 0)
        return rc;
    l->refs = 1;
    l->tcp.data = l;
    if (reuseport)
        rc = share_port(&l->tcp);
    if (rc == 0)
        rc = uv_tcp_bind(&l->tcp, (const struct sockaddr *)address, 0);
    if (rc == 0)
        rc = uv_listen((uv_stream_t *)&l->tcp, BACKLOG, on_connection);
    return rc;
}

struct listener *listener_open(struct turn *t, const char *host, int port, bool reuseport,
                               const struct conn_events *events, void *server,
                               const struct conn_limits *limits, const char **error)
{
    struct sockaddr_storage address = {0};
    if (!resolve(host, port, &address, error))
        return NULL;
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
    int rc = start(l, &address, reuseport);
    if (rc == 0) {
        l->port = bound_port(&l->tcp);
        return l;
    }
    *error = uv_strerror(rc);
    if (l->refs)
        listener_close(l);
    else
        free(l);
    return NULL;
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
            conn_close(c);
    }
}

void listener_close(struct listener *l)
{
    listener_stop(l);
    for (struct list *link = l->conns.next; link != &l->conns; link = link->next)
        conn_cut(LIST_ENTRY(link, struct conn, link));
    listener_unref(l);
}
