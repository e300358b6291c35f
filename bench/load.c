/* The load generator: a fixed amount of work, and what it cost the process under test.
 *
 *   load --port P --path T --body FILE [--key K] [--pid PID] --connections C --marks M
 *        --requests N --warmup W                      closed loop: N answers after W others
 *        --ramp-ms R --from-ms F --window-ms D        one stream per connection, all at once
 *
 * Happy path: C connections post the body and read answers. `--pid` is looked at in /proc when the
 * measured part begins and when it ends. One JSON object on standard output:
 *   closed loop: requests, seconds, latency_us (from the first byte sent to the last received),
 *     first_us (to the first piece of the answer), cpu_user_us, cpu_system_us, rss_kb
 *   streams: the same for the chunks that arrived within the window, with delay_us (from the
 *     responder's write to this read) and gap_us (between two chunks of one stream)
 * Every answer must be a 200 with M marks (tool.h) that ends as its kind must.
 *
 * Failure modes: a wrong answer, a lost connection or a run of over two minutes end the program
 * with 1 and a line on standard error. */

#include "answer.h"
#include "tool.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONNECTIONS_MAX 20000
#define REQUEST_MAX     (16L * 1024 * 1024)
#define EVENTS_MAX      256
#define DEADLINE_NS     INT64_C(120000000000)

/* Durations in ns; grows as needed. */
struct samples {
    int64_t *v;
    size_t n, size;
};

struct connection {
    int fd;
    size_t sent; /* bytes of the request */
    bool wants_to_write;
    struct answer answer;
    int64_t begun, last; /* ns: request sent, last piece seen */
    bool measured;
};

/* What the kernel says the process under test has used. */
struct used {
    int64_t at; /* ns */
    double user_us, system_us;
    long rss_kb;
    long chunks, answers; /* so far */
};

static struct {
    long port, pid, connections, marks, requests, warmup, ramp_ms, from_ms, window_ms;
    const char *path, *body_file, *key;
    char *request;
    size_t request_size;

    int epoll;
    struct connection *all;
    int64_t begun;
    long started, answers, chunks;
    bool measuring, over;
    struct used before, after;
    struct samples latency, first, delay, gap;
} load;

/* ---- figures ------------------------------------------------------------------------------- */

static void sample(struct samples *s, int64_t ns)
{
    if (!load.measuring)
        return;
    if (s->n == s->size) {
        s->size = s->size ? s->size * 2 : 4096;
        s->v = realloc(s->v, s->size * sizeof(*s->v));
        if (!s->v)
            die("out of memory");
    }
    s->v[s->n++] = ns;
}

static int compare(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return x < y ? -1 : x > y;
}

static void print_samples(const char *name, struct samples *s)
{
    if (!s->n)
        return;
    qsort(s->v, s->n, sizeof(*s->v), compare);
    printf(", \"%s\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.1f}", name,
           (double)s->v[s->n / 2] / 1e3, (double)s->v[s->n - 1 - s->n / 100] / 1e3,
           (double)s->v[s->n - 1] / 1e3);
}

/* Reads /proc/PID/`file` into `text`. */
static void read_proc(const char *file, char *text, size_t size)
{
    char path[64];
    snprintf(path, sizeof(path), "/proc/%ld/%s", load.pid, file);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t n = fd < 0 ? -1 : read(fd, text, size - 1);
    if (n < 0)
        die("%s: %s", path, strerror(errno));
    text[n] = '\0';
    close(fd);
}

static struct used look(void)
{
    struct used u = {.at = now_ns(), .chunks = load.chunks, .answers = load.answers};
    if (!load.pid)
        return u;
    char text[4096];
    unsigned long user = 0, sys = 0;
    read_proc("stat", text, sizeof(text));
    const char *fields = strrchr(text, ')'); /* the name before it may hold anything */
    if (!fields ||
        sscanf(fields, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &sys) != 2)
        die("cannot read /proc/%ld/stat", load.pid);
    const double tick_us = 1e6 / (double)sysconf(_SC_CLK_TCK);
    u.user_us = (double)user * tick_us;
    u.system_us = (double)sys * tick_us;
    read_proc("status", text, sizeof(text));
    const char *rss = strstr(text, "VmRSS:");
    u.rss_kb = rss ? strtol(rss + 6, NULL, 10) : 0;
    return u;
}

static void begin_measuring(void)
{
    load.before = look();
    load.measuring = true;
}

static void end_measuring(void)
{
    load.after = look();
    load.measuring = false;
    load.over = true;
}

static void report(void)
{
    const struct used *a = &load.before, *b = &load.after;
    printf("{\"requests\": %ld, \"chunks\": %ld, \"seconds\": %.4f", b->answers - a->answers,
           b->chunks - a->chunks, (double)(b->at - a->at) / 1e9);
    if (load.pid)
        printf(", \"cpu_user_us\": %.0f, \"cpu_system_us\": %.0f, \"rss_before_kb\": %ld, "
               "\"rss_kb\": %ld",
               b->user_us - a->user_us, b->system_us - a->system_us, a->rss_kb, b->rss_kb);
    print_samples("latency_us", &load.latency);
    print_samples("first_us", &load.first);
    print_samples("delay_us", &load.delay);
    print_samples("gap_us", &load.gap);
    printf("}\n");
}

/* ---- one connection ------------------------------------------------------------------------ */

static void want(struct connection *c, bool to_write, int operation)
{
    struct epoll_event e = {.events = EPOLLIN | (to_write ? EPOLLOUT : 0u), .data.ptr = c};
    if (epoll_ctl(load.epoll, operation, c->fd, &e))
        die("epoll_ctl: %s", strerror(errno));
    c->wants_to_write = to_write;
}

static void send_some(struct connection *c)
{
    while (c->sent < load.request_size) {
        const ssize_t n =
            send(c->fd, load.request + c->sent, load.request_size - c->sent, MSG_NOSIGNAL);
        if (n < 0 && errno != EAGAIN)
            die("the connection broke while sending: %s", strerror(errno));
        if (n < 0)
            break;
        c->sent += (size_t)n;
    }
    const bool to_write = c->sent < load.request_size;
    if (to_write != c->wants_to_write)
        want(c, to_write, EPOLL_CTL_MOD);
}

static void begin_request(struct connection *c)
{
    load.started++;
    answer_init(&c->answer);
    c->sent = 0;
    c->begun = now_ns();
    c->last = 0;
    c->measured = load.measuring;
    send_some(c);
}

static void open_connection(struct connection *c)
{
    const struct sockaddr_in a = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load.port),
                                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int on = 1;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (const void *)&a, sizeof(a)))
        die("cannot connect to port %ld: %s", load.port, strerror(errno));
    fcntl(c->fd, F_SETFL, fcntl(c->fd, F_GETFL) | O_NONBLOCK);
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    want(c, false, EPOLL_CTL_ADD);
    begin_request(c);
}

/* A piece of the answer is there, written by the responder at `stamp` (0: unknown). */
static void on_mark(void *user, int64_t stamp)
{
    struct connection *c = user;
    const int64_t now = now_ns();
    load.chunks++;
    if (!c->last)
        sample(&load.first, now - c->begun);
    else if (stamp)
        sample(&load.gap, now - c->last);
    if (stamp)
        sample(&load.delay, now - stamp);
    c->last = now;
}

static void end_answer(struct connection *c)
{
    if (c->answer.marks != load.marks)
        die("an answer had %ld pieces, not %ld", c->answer.marks, load.marks);
    if (c->measured)
        sample(&load.latency, now_ns() - c->begun);
    load.answers++;
    if (!load.requests)
        return;
    if (load.answers == load.warmup)
        begin_measuring();
    if (load.answers == load.warmup + load.requests)
        end_measuring();
    if (load.started < load.warmup + load.requests)
        begin_request(c);
}

static void receive(struct connection *c)
{
    static char scratch[256 * 1024];
    const ssize_t n = recv(c->fd, scratch, sizeof(scratch), 0);
    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0)
        die("the connection ended within an answer%s%s", n ? ": " : "", n ? strerror(errno) : "");
    const char *wrong = NULL;
    switch (answer_feed(&c->answer, scratch, (size_t)n, on_mark, c, &wrong)) {
    case ANSWER_MORE: break;
    case ANSWER_DONE: end_answer(c); break;
    case ANSWER_WRONG:
        die("%s:\n%.*s\n%.*s", wrong, (int)c->answer.head_size, c->answer.head,
            (int)(n < 2000 ? n : 2000), scratch);
    }
}

/* ---- the run ------------------------------------------------------------------------------- */

/* Streams begin one after the other; the window opens and closes by the clock. */
static void keep_schedule(void)
{
    const int64_t ms = (now_ns() - load.begun) / 1000000;
    while (load.started < load.connections && ms * load.connections >= load.started * load.ramp_ms)
        open_connection(&load.all[load.started]);
    if (!load.measuring && !load.over && ms >= load.from_ms)
        begin_measuring();
    if (load.measuring && ms >= load.from_ms + load.window_ms)
        end_measuring();
}

static bool finished(void)
{
    return load.requests ? load.over : load.answers == load.connections;
}

static void run(void)
{
    struct epoll_event events[EVENTS_MAX];
    load.begun = now_ns();
    if (load.requests && !load.warmup)
        begin_measuring();
    if (load.requests)
        for (long i = 0; i < load.connections; i++)
            open_connection(&load.all[i]);
    while (!finished()) {
        if (!load.requests)
            keep_schedule();
        const int n = epoll_wait(load.epoll, events, EVENTS_MAX, load.requests ? 1000 : 1);
        for (int i = 0; i < n; i++) {
            struct connection *c = events[i].data.ptr;
            if (events[i].events & EPOLLOUT)
                send_some(c);
            if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
                receive(c);
        }
        if (now_ns() - load.begun > DEADLINE_NS)
            die("not done after two minutes: %ld of %ld answers", load.answers, load.started);
    }
    if (!load.over)
        die("the streams were over before the window was");
}

static void build_request(void)
{
    FILE *f = fopen(load.body_file, "rb");
    if (!f)
        die("%s: %s", load.body_file, strerror(errno));
    load.request = malloc(REQUEST_MAX);
    char *body = malloc(REQUEST_MAX);
    if (!load.request || !body)
        die("out of memory");
    const size_t n = fread(body, 1, REQUEST_MAX - 4096, f);
    fclose(f);
    const int head =
        snprintf(load.request, 4096,
                 "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%ld\r\n"
                 "Authorization: Bearer %s\r\nContent-Type: application/json\r\n"
                 "Accept: */*\r\nUser-Agent: bench-load\r\nContent-Length: %zu\r\n\r\n",
                 load.path, load.port, load.key, n);
    memcpy(load.request + head, body, n);
    load.request_size = (size_t)head + n;
    free(body);
}

static void read_arguments(int argc, char **argv)
{
    const struct {
        const char *name;
        long *number;
        const char **text;
    } rows[] = {
        {"--port", &load.port, NULL},           {"--pid", &load.pid, NULL},
        {"--marks", &load.marks, NULL},         {"--connections", &load.connections, NULL},
        {"--requests", &load.requests, NULL},   {"--warmup", &load.warmup, NULL},
        {"--ramp-ms", &load.ramp_ms, NULL},     {"--from-ms", &load.from_ms, NULL},
        {"--window-ms", &load.window_ms, NULL}, {"--path", NULL, &load.path},
        {"--body", NULL, &load.body_file},      {"--key", NULL, &load.key},
    };
    load.key = "none";
    for (int i = 1; i < argc; i += 2) {
        size_t row = 0;
        while (row < sizeof(rows) / sizeof(rows[0]) && strcmp(argv[i], rows[row].name) != 0)
            row++;
        if (row == sizeof(rows) / sizeof(rows[0]) || !argv[i + 1])
            die("unknown option or no value: %s", argv[i]);
        if (rows[row].number)
            *rows[row].number = number_argument(argv[i], argv[i + 1]);
        else
            *rows[row].text = argv[i + 1];
    }
    if (!load.path || !load.body_file || load.port < 1 || load.port > 65535)
        die("--port, --path and --body are needed");
    if (load.connections < 1 || load.connections > CONNECTIONS_MAX)
        die("--connections: 1 to %d", CONNECTIONS_MAX);
    if (!load.requests == !load.window_ms)
        die("either --requests or --window-ms");
}

int main(int argc, char **argv)
{
    read_arguments(argc, argv);
    build_request();
    signal(SIGPIPE, SIG_IGN);
    load.epoll = epoll_create1(EPOLL_CLOEXEC);
    load.all = calloc((size_t)load.connections, sizeof(*load.all));
    if (load.epoll < 0 || !load.all)
        die("epoll: %s", strerror(errno));
    run();
    report();
    free(load.all);
    free(load.request);
    free(load.latency.v);
    free(load.first.v);
    free(load.delay.v);
    free(load.gap.v);
    return 0;
}
