#include "redis_server.h"

#include "../base/check.h"

#include <arpa/inet.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGS_MAX  32
#define TRIES     500
#define TRY_US    20000
#define REPLY_MAX 65536

static int connect_to(int port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

static int free_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t size = sizeof(a);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    getsockname(fd, (struct sockaddr *)&a, &size);
    close(fd);
    return ntohs(a.sin_port);
}

static void run(const struct redis_server *s, const char *const *extra)
{
    char port[16];
    const char *args[ARGS_MAX] = {
        "redis-server", "--port",  port,        "--bind", "127.0.0.1",    "--save", "",
        "--dir",        s->folder, "--logfile", "log",    "--unixsocket", s->path};
    size_t n = 13;
    snprintf(port, sizeof(port), "%d", s->port);
    for (; extra && *extra && n < ARGS_MAX - 1; extra++)
        args[n++] = *extra;
    execvp(args[0], (char *const *)args);
    fprintf(stderr, "redis-server is not installed\n");
    _exit(127);
}

void redis_server_start(struct redis_server *s, const char *const *extra)
{
    if (!s->port) {
        s->port = free_port();
        snprintf(s->folder, sizeof(s->folder), "/tmp/lintel-redis-XXXXXX");
        assert_non_null(mkdtemp(s->folder));
        snprintf(s->path, sizeof(s->path), "%s/socket", s->folder);
    }
    s->pid = fork();
    assert_true(s->pid >= 0);
    if (s->pid == 0)
        run(s, extra);
    for (int i = 0; i < TRIES; i++) {
        int fd = connect_to(s->port);
        if (fd >= 0) {
            close(fd);
            return;
        }
        assert_int_equal(waitpid(s->pid, NULL, WNOHANG), 0);
        usleep(TRY_US);
    }
    fail_msg("redis-server does not answer");
}

void redis_server_signal(struct redis_server *s, int number)
{
    kill(s->pid, number);
}

void redis_server_kill(struct redis_server *s)
{
    if (!s->pid)
        return;
    kill(s->pid, SIGKILL);
    waitpid(s->pid, NULL, 0);
    s->pid = 0;
}

void redis_server_remove(struct redis_server *s)
{
    char path[128];
    redis_server_kill(s);
    snprintf(path, sizeof(path), "%s/log", s->folder);
    unlink(path);
    unlink(s->path);
    rmdir(s->folder);
}

const char *redis_server_do(struct redis_server *s, const char *command)
{
    static char reply[REPLY_MAX];
    int fd = connect_to(s->port);
    assert_true(fd >= 0);
    dprintf(fd, "%s\r\n", command);
    ssize_t n = read(fd, reply, sizeof(reply) - 1);
    close(fd);
    reply[n > 0 ? n : 0] = 0;
    return reply;
}
