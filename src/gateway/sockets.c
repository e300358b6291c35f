#include "sockets.h"

#include "base/log.h"
#include "io/conn.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define PATIENCE_S 2

/* ---- from a gateway that runs ---------------------------------------------------------------- */

static int dial(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    struct timeval patience = {.tv_sec = PATIENCE_S};
    size_t n = strlen(path);
    if (n >= sizeof(address.sun_path))
        return -1;
    memcpy(address.sun_path, path, n);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return -1;
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (const struct sockaddr *)&address, sizeof(address)) == 0)
        return fd;
    close(fd);
    return -1;
}

static void take_descriptors(struct sockets *s, struct msghdr *m)
{
    struct cmsghdr *c = CMSG_FIRSTHDR(m);
    if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
        return;
    s->count = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
    memcpy(s->fds, CMSG_DATA(c), (size_t)s->count * sizeof(int));
    for (int i = 0; i < s->count; i++)
        fcntl(s->fds[i], F_SETFD, FD_CLOEXEC);
}

/* Its name comes with them. False: nothing, or not what was expected. */
static bool receive(struct sockets *s, int old, const char *name)
{
    char text[SOCKETS_NAME_MAX] = "";
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(SOCKETS_MAX * sizeof(int))];
    struct iovec bytes = {text, sizeof(text) - 1};
    struct msghdr m = {.msg_iov = &bytes,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = sizeof(control)};
    if (recvmsg(old, &m, MSG_CMSG_CLOEXEC) <= 0)
        return false;
    take_descriptors(s, &m);
    return s->count > 0 && strcmp(text, name) == 0;
}

static bool take_over(struct sockets *s)
{
    int old = s->path ? dial(s->path) : -1;
    if (old < 0)
        return false;
    if (receive(s, old, s->name)) {
        s->old = old;
        return true;
    }
    close(old);
    sockets_close(s, -1);
    return false;
}

/* ---- made anew ------------------------------------------------------------------------------- */

static bool add(struct sockets *s, const char *host, int port, bool shared, const char **error)
{
    int fd = listener_bind(host, port, shared, error);
    if (fd >= 0)
        s->fds[s->count++] = fd;
    return fd >= 0;
}

bool sockets_open(struct sockets *s, const char *host, int port, int count, const char *path,
                  const char **error)
{
    /* Whoever may be followed by another number of workers must be able to share the port. */
    bool shared = count > 1 || path;
    *s = (struct sockets){.old = -1, .path = path};
    snprintf(s->name, sizeof(s->name), "%s %d", host, port);
    take_over(s);
    while (s->count > count)
        close(s->fds[--s->count]);
    while (s->count < count) {
        if (!add(s, host, s->count ? listener_bound_port(s->fds[0]) : port, shared, error)) {
            sockets_close(s, -1);
            return false;
        }
    }
    snprintf(s->name, sizeof(s->name), "%s %d", host, listener_bound_port(s->fds[0]));
    return true;
}

void sockets_forget_old(struct sockets *s)
{
    if (s->old >= 0)
        close(s->old);
    s->old = -1;
}

void sockets_ready(struct sockets *s)
{
    if (s->old < 0)
        return;
    char end;
    if (send(s->old, "r", 1, MSG_NOSIGNAL) != 1 || recv(s->old, &end, 1, 0) < 0)
        log_warn("the gateway before did not hear that it may go: %s", strerror(errno));
    sockets_forget_old(s);
}

void sockets_close(struct sockets *s, int index)
{
    for (int i = 0; i < s->count; i++)
        if (i != index && s->fds[i] >= 0) {
            close(s->fds[i]);
            s->fds[i] = -1;
        }
    if (index < 0)
        s->count = 0;
}
