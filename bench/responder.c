/* A fixed upstream for benchmarks: what Bedrock would answer, at next to no cost.
 *
 *   responder [--port P] [--chunks N] [--gap-ms M]      prints "listening on http://127.0.0.1:P"
 *
 *   POST /model/bench.whole/converse           a short answer in one piece
 *   POST /model/bench.burst/converse-stream    N chunks at once, in one write
 *   POST /model/bench.paced/converse-stream    N chunks, one every M ms, each stream in its own
 * phase
 *   POST …/v1/traces                           what a destination of callbacks answers
 *
 * Happy path: epoll → read a head → count the body off → queue the answer → write. Each frame is an
 * HTTP chunk of its own, as Bedrock sends it. Nothing is verified: that is the simulator's trade.
 * Failure modes: another request gets a 404, a head over 16 KiB ends the connection. */

#include "tool.h"

#include "base/buf.h"
#include "base/list.h"
#include "wire/eventstream.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define HEAD_MAX   (16 * 1024)
#define OUT_MAX    (4u * 1024 * 1024)
#define CHUNKS_MAX 10000 /* what fits into OUT_MAX */
#define EVENTS_MAX 256

struct client {
    int fd;
    char head[HEAD_MAX + 1];
    size_t have;      /* bytes in `head` */
    size_t body_left; /* of the request being read */
    bool in_body;
    struct list link; /* in `waiting` while a paced answer runs */
    int64_t due;      /* ns: when its next chunk goes */
    unsigned chunks;  /* sent of it */
    struct buf out;   /* not taken by the kernel yet */
    bool wants_to_write;
};

static struct {
    int epoll, timer, listener;
    unsigned chunks;
    int64_t gap_ns;
    struct list waiting; /* by `due`, since all streams have one gap */
    struct buf whole, burst, paced_head;
} server;

/* ---- answers ------------------------------------------------------------------------------- */

static void add_frame(struct buf *out, struct slice event, struct slice payload)
{
    const struct eventstream_header headers[] = {
        {SLICE(":event-type"), event},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), SLICE("event")}};
    struct buf frame;
    buf_init(&frame, OUT_MAX);
    eventstream_write(&frame, headers, 3, payload);
    buf_addf(out, "%zx\r\n", frame.n);
    buf_add(out, buf_slice(&frame));
    BUF_LITERAL(out, "\r\n");
    buf_fini(&frame);
}

static void add_chunk(struct buf *out, unsigned i, int64_t stamp)
{
    char payload[256];
    const int n = snprintf(payload, sizeof(payload),
                           "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"%c%0*lld the word %u\"},"
                           "\"p\":\"%.*s\"}",
                           STAMP_MARK, STAMP_DIGITS, (long long)stamp, i, (int)(1 + i * 7 % 26),
                           "abcdefghijklmnopqrstuvwxyz");
    add_frame(out, SLICE("contentBlockDelta"), slice_make(payload, (size_t)n));
}

static void add_stream_begin(struct buf *out)
{
    BUF_LITERAL(out, "HTTP/1.1 200 OK\r\n"
                     "Content-Type: application/vnd.amazon.eventstream\r\n"
                     "Transfer-Encoding: chunked\r\n"
                     "x-amzn-RequestId: 6f1bb24c-3d3c-4f6c-9c4b-2c1f1f6a2d10\r\n\r\n");
    add_frame(out, SLICE("messageStart"), SLICE("{\"p\":\"abcdefghi\",\"role\":\"assistant\"}"));
}

static void add_stream_end(struct buf *out)
{
    add_frame(out, SLICE("contentBlockStop"), SLICE("{\"contentBlockIndex\":0,\"p\":\"abc\"}"));
    add_frame(out, SLICE("messageStop"), SLICE("{\"p\":\"abcdef\",\"stopReason\":\"end_turn\"}"));
    add_frame(out, SLICE("metadata"),
              SLICE("{\"metrics\":{\"latencyMs\":812},\"p\":\"abcdefghijkl\",\"usage\":{"
                    "\"inputTokens\":21,\"outputTokens\":200,\"totalTokens\":221}}"));
    BUF_LITERAL(out, "0\r\n\r\n");
}

static void build_answers(void)
{
    char json[1024];
    const int n = snprintf(
        json, sizeof(json),
        "{\"metrics\":{\"latencyMs\":412},\"output\":{\"message\":{\"content\":[{\"text\":"
        "\"%c%0*d Paris is the capital of France. It has been the seat of its government for most "
        "of the past thousand years, and some two million people live there.\"}],"
        "\"role\":\"assistant\"}},\"stopReason\":\"end_turn\",\"usage\":{\"inputTokens\":21,"
        "\"outputTokens\":34,\"serverToolUsage\":{},\"totalTokens\":55}}",
        STAMP_MARK, STAMP_DIGITS, 0);
    buf_addf(&server.whole,
             "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n"
             "x-amzn-RequestId: 6f1bb24c-3d3c-4f6c-9c4b-2c1f1f6a2d10\r\n\r\n%s",
             n, json);
    add_stream_begin(&server.burst);
    for (unsigned i = 0; i < server.chunks; i++)
        add_chunk(&server.burst, i, 0);
    add_stream_end(&server.burst);
    add_stream_begin(&server.paced_head);
}

/* ---- clients ------------------------------------------------------------------------------- */

static void drop(struct client *c)
{
    close(c->fd);
    list_del(&c->link);
    buf_fini(&c->out);
    free(c);
}

static void want_to_write(struct client *c, bool want)
{
    if (c->wants_to_write == want)
        return;
    struct epoll_event e = {.events = EPOLLIN | (want ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(server.epoll, EPOLL_CTL_MOD, c->fd, &e))
        die("epoll_ctl: %s", strerror(errno));
    c->wants_to_write = want;
}

/* False: the client is gone. */
static bool flush(struct client *c)
{
    if (c->out.n) {
        const ssize_t n = send(c->fd, c->out.p, c->out.n, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            return false;
        if (n > 0)
            buf_consume(&c->out, (size_t)n);
    }
    want_to_write(c, c->out.n > 0);
    return true;
}

static void arm_timer(void)
{
    if (list_empty(&server.waiting))
        return;
    const int64_t due = LIST_ENTRY(server.waiting.next, struct client, link)->due;
    const struct itimerspec t = {.it_value = {due / 1000000000, due % 1000000000}};
    if (timerfd_settime(server.timer, TFD_TIMER_ABSTIME, &t, NULL))
        die("timerfd_settime: %s", strerror(errno));
}

static void pace(struct client *c)
{
    const bool first = list_empty(&server.waiting);
    c->due = now_ns() + server.gap_ns;
    c->chunks = 0;
    list_add(&server.waiting, &c->link);
    if (first)
        arm_timer();
}

static void answer(struct client *c)
{
    if (strstr(c->head, "/v1/traces ")) {
        BUF_LITERAL(&c->out, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
    } else if (strstr(c->head, "/model/bench.whole/converse ")) {
        buf_add(&c->out, buf_slice(&server.whole));
    } else if (strstr(c->head, "/model/bench.burst/converse-stream ")) {
        buf_add(&c->out, buf_slice(&server.burst));
    } else if (strstr(c->head, "/model/bench.paced/converse-stream ") && list_empty(&c->link)) {
        buf_add(&c->out, buf_slice(&server.paced_head));
        pace(c);
    } else {
        BUF_LITERAL(&c->out, "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n");
    }
}

/* A whole head lies in `head`: begins its body with the bytes behind it. */
static void take_head(struct client *c, char *end)
{
    *end = '\0';
    const char *length = strcasestr(c->head, "\r\ncontent-length:");
    if (strcasestr(c->head, "\r\nexpect:"))
        BUF_LITERAL(&c->out, "HTTP/1.1 100 Continue\r\n\r\n");
    c->body_left = length ? strtoul(length + sizeof("\r\ncontent-length:") - 1, NULL, 10) : 0;
    c->in_body = true;
}

static bool read_head(struct client *c)
{
    const ssize_t n = recv(c->fd, c->head + c->have, HEAD_MAX - c->have, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    c->have += (size_t)n;
    char *end = memmem(c->head, c->have, "\r\n\r\n", 4);
    if (!end)
        return c->have < HEAD_MAX;
    const size_t behind = c->have - (size_t)(end - c->head) - 4;
    take_head(c, end);
    c->have = 0;
    if (behind > c->body_left) /* nobody pipelines here */
        return false;
    c->body_left -= behind;
    return true;
}

static bool skip_body(struct client *c)
{
    static char scratch[256 * 1024];
    const size_t want = c->body_left < sizeof(scratch) ? c->body_left : sizeof(scratch);
    const ssize_t n = recv(c->fd, scratch, want, 0);
    if (n <= 0)
        return n < 0 && errno == EAGAIN;
    c->body_left -= (size_t)n;
    return true;
}

static void serve(struct client *c, uint32_t events)
{
    bool good = true;
    if (events & (EPOLLIN | EPOLLHUP | EPOLLERR))
        good = c->in_body && c->body_left ? skip_body(c) : read_head(c);
    if (good && c->in_body && !c->body_left) {
        c->in_body = false;
        answer(c);
    }
    if (!good || !flush(c))
        drop(c);
}

/* Every stream whose time has come sends a chunk and goes to the end of the line. */
static void tick(void)
{
    uint64_t expired;
    if (read(server.timer, &expired, sizeof(expired)) < 0 && errno != EAGAIN)
        die("timerfd: %s", strerror(errno));
    while (!list_empty(&server.waiting)) {
        struct client *c = LIST_ENTRY(server.waiting.next, struct client, link);
        const int64_t now = now_ns();
        if (c->due > now)
            break;
        list_del(&c->link);
        add_chunk(&c->out, c->chunks++, now);
        c->due += server.gap_ns;
        if (c->chunks < server.chunks)
            list_add(&server.waiting, &c->link);
        else
            add_stream_end(&c->out);
        if (!flush(c))
            drop(c);
    }
    arm_timer();
}

/* ---- the server ---------------------------------------------------------------------------- */

static void watch(int fd, void *who)
{
    struct epoll_event e = {.events = EPOLLIN, .data.ptr = who};
    if (epoll_ctl(server.epoll, EPOLL_CTL_ADD, fd, &e))
        die("epoll_ctl: %s", strerror(errno));
}

static void accept_client(void)
{
    const int fd = accept4(server.listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0)
        return;
    const int on = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    struct client *c = calloc(1, sizeof(*c));
    if (!c)
        die("out of memory");
    c->fd = fd;
    list_init(&c->link);
    buf_init(&c->out, OUT_MAX);
    watch(fd, c);
}

static void listen_on(long port)
{
    struct sockaddr_in a = {.sin_family = AF_INET,
                            .sin_port = htons((uint16_t)port),
                            .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(a);
    const int on = 1;
    server.listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    setsockopt(server.listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    if (server.listener < 0 || bind(server.listener, (void *)&a, size) ||
        listen(server.listener, 4096) || getsockname(server.listener, (void *)&a, &size))
        die("cannot listen on port %ld: %s", port, strerror(errno));
    printf("listening on http://127.0.0.1:%d\n", ntohs(a.sin_port));
    fflush(stdout);
}

static void serve_forever(void)
{
    struct epoll_event events[EVENTS_MAX];
    for (;;) {
        const int n = epoll_wait(server.epoll, events, EVENTS_MAX, -1);
        bool ticked = false;
        for (int i = 0; i < n; i++) {
            if (events[i].data.ptr == &server.listener)
                accept_client();
            else if (events[i].data.ptr == &server.timer)
                ticked = true; /* afterwards: it may drop clients of this batch */
            else
                serve(events[i].data.ptr, events[i].events);
        }
        if (ticked)
            tick();
    }
}

int main(int argc, char **argv)
{
    long port = 0, chunks = 200, gap_ms = 50;
    for (int i = 1; i < argc; i += 2) {
        const long value = number_argument(argv[i], argv[i + 1]);
        if (!strcmp(argv[i], "--port") && value < 65536)
            port = value;
        else if (!strcmp(argv[i], "--chunks") && value <= CHUNKS_MAX)
            chunks = value;
        else if (!strcmp(argv[i], "--gap-ms"))
            gap_ms = value;
        else
            die("responder [--port P] [--chunks N] [--gap-ms M]");
    }
    server.chunks = (unsigned)chunks;
    server.gap_ns = (int64_t)gap_ms * 1000000;
    list_init(&server.waiting);
    buf_init(&server.whole, OUT_MAX);
    buf_init(&server.burst, OUT_MAX);
    buf_init(&server.paced_head, OUT_MAX);
    build_answers();
    signal(SIGPIPE, SIG_IGN);
    server.epoll = epoll_create1(EPOLL_CLOEXEC);
    server.timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    if (server.epoll < 0 || server.timer < 0)
        die("epoll: %s", strerror(errno));
    listen_on(port);
    watch(server.listener, &server.listener);
    watch(server.timer, &server.timer);
    serve_forever();
}
