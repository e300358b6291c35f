#include "handover.h"

#include "base/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct handover {
    uv_pipe_t server, client;
    bool serving; /* `client` is open */
    bool over;    /* it is being closed */
    dev_t device; /* of the socket file … */
    ino_t inode;
    const struct sockets *sockets;
    void (*taken)(void *user);
    void *user;
    unsigned handles; /* open ones */
    char byte;
};

static void on_closed(uv_handle_t *handle)
{
    struct handover *h = handle->data;
    if (handle == (uv_handle_t *)&h->client)
        h->serving = false;
    if (--h->handles == 0)
        free(h);
}

static void drop_client(struct handover *h)
{
    if (h->serving && !uv_is_closing((uv_handle_t *)&h->client))
        uv_close((uv_handle_t *)&h->client, on_closed);
}

static bool is_same_user(int fd)
{
    struct ucred who;
    socklen_t size = sizeof(who);
    return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &size) == 0 &&
           (who.uid == geteuid() || who.uid == 0);
}

/* One message, small enough for any socket buffer. */
static bool give(const struct sockets *s, int fd)
{
    _Alignas(struct cmsghdr) char control[CMSG_SPACE(SOCKETS_MAX * sizeof(int))] = {0};
    size_t size = (size_t)s->count * sizeof(int);
    struct iovec name = {(void *)s->name, strlen(s->name)};
    struct msghdr m = {.msg_iov = &name,
                       .msg_iovlen = 1,
                       .msg_control = control,
                       .msg_controllen = CMSG_SPACE(size)};
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    c->cmsg_level = SOL_SOCKET;
    c->cmsg_type = SCM_RIGHTS;
    c->cmsg_len = CMSG_LEN(size);
    memcpy(CMSG_DATA(c), s->fds, size);
    return sendmsg(fd, &m, MSG_NOSIGNAL) > 0;
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    struct handover *h = handle->data;
    (void)suggested;
    *buf = uv_buf_init(&h->byte, 1);
}

static void on_byte(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
    struct handover *h = stream->data;
    (void)buf;
    if (n == 0)
        return;
    if (n < 0) {
        drop_client(h); /* the other one died: we stay */
        return;
    }
    void (*taken)(void *) = h->taken;
    void *user = h->user;
    handover_close(h);
    taken(user);
}

static void on_asked(uv_stream_t *server, int status)
{
    struct handover *h = server->data;
    uv_os_fd_t fd;
    if (status < 0 || h->serving || h->over)
        return;
    uv_pipe_init(server->loop, &h->client, 0);
    h->client.data = h;
    h->serving = true;
    h->handles++;
    if (uv_accept(server, (uv_stream_t *)&h->client) == 0 &&
        uv_fileno((uv_handle_t *)&h->client, &fd) == 0 && is_same_user(fd) &&
        give(h->sockets, fd) && uv_read_start((uv_stream_t *)&h->client, on_alloc, on_byte) == 0)
        return;
    log_warn("another gateway asked for the listening sockets and did not get them");
    drop_client(h);
}

/* libuv would remove the file when the pipe closes, whosever it is by then. */
static int bind_at(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof(address.sun_path))
        return UV_ENAMETOOLONG;
    memcpy(address.sun_path, path, strlen(path));
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return uv_translate_sys_error(errno);
    unlink(path);
    mode_t mask = umask(0177);
    int rc = bind(fd, (const struct sockaddr *)&address, sizeof(address));
    int error = uv_translate_sys_error(errno);
    umask(mask);
    if (rc == 0)
        return fd;
    close(fd);
    return error;
}

static int listen_at(struct handover *h)
{
    struct stat file;
    int fd = bind_at(h->sockets->path);
    if (fd < 0)
        return fd;
    if (stat(h->sockets->path, &file) == 0) {
        h->device = file.st_dev;
        h->inode = file.st_ino;
    }
    int rc = uv_pipe_open(&h->server, fd);
    if (rc < 0)
        close(fd);
    return rc < 0 ? rc : uv_listen((uv_stream_t *)&h->server, 1, on_asked);
}

/* Another gateway may have put its own there. */
static void remove_file(const struct handover *h)
{
    struct stat file;
    if (h->inode && stat(h->sockets->path, &file) == 0 && file.st_dev == h->device &&
        file.st_ino == h->inode)
        unlink(h->sockets->path);
}

struct handover *handover_open(uv_loop_t *loop, const struct sockets *sockets,
                               void (*taken)(void *user), void *user)
{
    struct handover *h = calloc(1, sizeof(*h));
    if (!h)
        abort();
    h->sockets = sockets;
    h->taken = taken;
    h->user = user;
    uv_pipe_init(loop, &h->server, 0);
    h->server.data = h;
    h->handles = 1;
    int rc = listen_at(h);
    uv_unref((uv_handle_t *)&h->server);
    if (rc == 0)
        return h;
    log_warn("nobody can take this gateway's place: %s: %s", sockets->path, uv_strerror(rc));
    handover_close(h);
    return NULL;
}

void handover_close(struct handover *h)
{
    if (!h)
        return;
    h->over = true;
    /* The file goes with it, before the client hears the end of its connection and makes its own.
     */
    remove_file(h);
    uv_close((uv_handle_t *)&h->server, on_closed);
    drop_client(h);
}
