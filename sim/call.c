/* One HTTP request of a client.
 *
 *   BODY ─► WAIT ─► SEND ─► DONE        WAIT: the time before the first byte
 *     │       └───────────► DONE        SEND: the frames of a stream, as they are due
 *     └─► HANG ───────────► DONE        HANG: never answered; the client leaves
 *
 * Happy path: the body comes in, the service answers it, the wait is over, the reply goes out (at
 * once, or frame by frame), the connection is told that the reply is complete.
 * Failure modes: a body that is too large or broken is answered and the connection closed; a client
 * that leaves, in any state, ends the call as cancelled; a client that reads slowly holds at most
 * QUEUED_HIGH and one frame.
 *
 * Callbacks only set facts; call_step() acts. */

#include "control.h"
#include "server_private.h"

#include "base/log.h"
#include "wire/crypto.h"

#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

#define HEADERS_MAX 12

enum call_state { CALL_BODY, CALL_WAIT, CALL_SEND, CALL_HANG, CALL_DONE };

enum {
    FACT_BODY_END = 1,
    FACT_BODY_FAILED = 2,
    FACT_TOO_LARGE = 4,
    FACT_GONE = 8,
    FACT_BEGUN = 16, /* the body was asked for */
};

struct sim_call {
    struct turn_item item;
    struct turn_grave grave;
    struct list link; /* in server.calls */
    struct sm sm;
    struct server *server;
    struct conn *conn; /* NULL: gone */
    const struct http_head *head;
    struct http1_reply framing;
    struct buf body;
    unsigned facts;
    int failed_status; /* with FACT_BODY_FAILED */
    bool counted;      /* it is a call of the API: in the journal */
    bool timer_made;
    uv_timer_t timer;
    struct service_reply reply;
    const struct plan *plan; /* the reply's own, or the canned one */
    size_t next, offset;     /* frame to send; where it begins */
    int64_t due;             /* when, ms of the turn's clock */
    uint64_t sequence;       /* in the journal; 0: counted only */
    int64_t started;         /* Unix ms */
};

/* clang-format off */
static const struct sm_state states[] = {
    [CALL_BODY] = {"body", SM_TO(CALL_WAIT) | SM_TO(CALL_HANG) | SM_TO(CALL_DONE)},
    [CALL_WAIT] = {"wait", SM_TO(CALL_SEND) | SM_TO(CALL_DONE)},
    [CALL_SEND] = {"send", SM_TO(CALL_DONE)},
    [CALL_HANG] = {"hang", SM_TO(CALL_DONE)},
    [CALL_DONE] = {"done", 0},
};
/* clang-format on */

static int64_t unix_ms(void)
{
    struct timeval tv;
    gettimeofday(&tv, NULL);
    return (int64_t)tv.tv_sec * 1000 + tv.tv_usec / 1000;
}

/* ---- birth and death ----------------------------------------------------------------------- */

static void call_free(struct sim_call *c)
{
    service_reply_fini(&c->reply);
    buf_fini(&c->body);
    free(c);
}

static void on_timer_closed(uv_handle_t *handle)
{
    call_free(handle->data);
}

static void on_grave(struct turn_grave *grave)
{
    struct sim_call *c = LIST_ENTRY(grave, struct sim_call, grave);
    if (c->timer_made)
        uv_close((uv_handle_t *)&c->timer, on_timer_closed);
    else
        call_free(c);
}

static void log_end(const struct sim_call *c, const char *outcome, int status)
{
    if (c->server->options->log && c->conn)
        log_info("%.*s %.*s %d %s, %zu frames, %lld ms", SLICE_ARG(c->head->method),
                 SLICE_ARG(c->head->path), status, outcome, c->next,
                 (long long)(unix_ms() - c->started));
    else if (c->server->options->log)
        log_info("the client left after %zu frames, %lld ms", c->next,
                 (long long)(unix_ms() - c->started));
}

static void end(struct sim_call *c, enum outcome outcome, int status, bool keep_alive)
{
    static const char *const names[] = {"live", "completed", "failed", "cancelled"};
    struct server *s = c->server;
    sm_move(&c->sm, CALL_DONE);
    if (outcome == OUTCOME_COMPLETED && c->reply.told)
        told_count(c->reply.told, &c->reply.usage);
    if (c->counted) {
        journal_end(&s->journal, c->sequence, outcome, status, c->next, c->started, unix_ms());
        s->live--;
        log_end(c, names[outcome], status);
    }
    if (c->conn)
        conn_finish(c->conn, keep_alive);
    c->conn = NULL;
    list_del(&c->link);
    turn_unmark(&c->item);
    turn_bury(&s->turn, &c->grave, on_grave);
}

/* ---- waiting ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct sim_call *c = timer->data;
    if (c->sm.state != CALL_DONE)
        turn_mark(&c->server->turn, &c->item);
}

/* True: it is time. False: the step comes again when it is. */
static bool is_due(struct sim_call *c)
{
    const int64_t now = turn_now(&c->server->turn);
    if (c->due <= now)
        return true;
    if (!c->timer_made) {
        c->timer_made = true;
        uv_timer_init(c->server->turn.loop, &c->timer);
        c->timer.data = c;
    }
    uv_timer_start(&c->timer, on_timer, (uint64_t)(c->due - now), 0);
    return false;
}

/* ---- replies ------------------------------------------------------------------------------- */

/* RFC 9110 date, made once a second. */
static struct slice http_date(void)
{
    static char text[64];
    static time_t made;
    const time_t now = time(NULL);
    struct tm tm;
    if (now != made && gmtime_r(&now, &tm)) {
        strftime(text, sizeof(text), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        made = now;
    }
    return slice_of(text);
}

struct head {
    struct http_header v[HEADERS_MAX];
    size_t n;
    char digits[5][SLICE_DIGITS];
    size_t numbers;
};

static void add_text(struct head *h, const char *name, const char *value)
{
    if (value)
        h->v[h->n++] = (struct http_header){slice_of(name), slice_of(value)};
}

static void add_number(struct head *h, const char *name, int64_t value)
{
    h->v[h->n++] =
        (struct http_header){slice_of(name), slice_digits(value, h->digits[h->numbers++])};
}

static void add_counts(const struct service_reply *r, struct head *h)
{
    const struct usage *u = &r->usage;
    add_number(h, "X-Amzn-Bedrock-Invocation-Latency", r->wait_ms);
    add_number(h, "X-Amzn-Bedrock-Input-Token-Count", u->input);
    if (u->output)
        add_number(h, "X-Amzn-Bedrock-Output-Token-Count", u->output);
    if (u->read || u->write) {
        add_number(h, "X-Amzn-Bedrock-Cache-Read-Input-Token-Count", u->read);
        add_number(h, "X-Amzn-Bedrock-Cache-Write-Input-Token-Count", u->write);
    }
}

/* What InvokeModel tells of an answer in its head. */
static void add_invocation(const struct service_reply *r, struct head *h)
{
    if (!r->invoked || r->error_type)
        return;
    add_text(h, "X-Amzn-Bedrock-Service-Tier", r->tier);
    add_text(h, "X-Amzn-Bedrock-PerformanceConfig-Latency", r->latency);
    if (r->kind == REPLY_STREAM)
        add_text(h, "X-Amzn-Bedrock-Content-Type", "application/json");
    else
        add_counts(r, h);
}

static void write_head(struct sim_call *c, struct buf *out, int status, const char *content_type,
                       const char *error_type, int64_t length)
{
    char id[UUID_SIZE], error[160];
    struct head h = {.n = 0};
    random_uuid(id);
    h.v[h.n++] = (struct http_header){SLICE("Date"), http_date()};
    h.v[h.n++] = (struct http_header){SLICE("Content-Type"), slice_of(content_type)};
    h.v[h.n++] = (struct http_header){SLICE("x-amzn-RequestId"), slice_of(id)};
    if (error_type) {
        snprintf(error, sizeof(error), "%s:http://internal.amazon.com/coral/com.amazon.bedrock/",
                 error_type);
        h.v[h.n++] = (struct http_header){SLICE("x-amzn-ErrorType"), slice_of(error)};
    }
    h.v[h.n++] = (struct http_header){SLICE("X-Simulated-Bedrock"), SLICE("true")};
    add_invocation(&c->reply, &h);
    http1_write_head(&c->framing, out, status, (struct http_headers){h.v, h.n}, length);
}

static void send_whole(struct sim_call *c, int status, const char *content_type,
                       const char *error_type, struct slice body)
{
    struct buf out;
    const bool cut = c->reply.cut;
    buf_init(&out, body.n + 4096);
    write_head(c, &out, status, content_type, error_type, (int64_t)body.n);
    if (!c->framing.no_body)
        buf_add(&out, slice_make(body.p, cut ? body.n / 2 : body.n));
    conn_send(c->conn, &out);
    buf_fini(&out);
    end(c, status < 400 && !cut ? OUTCOME_COMPLETED : OUTCOME_FAILED, status,
        c->framing.keep_alive && !cut);
}

static void send_fault(struct sim_call *c, int status, const char *type, struct slice message)
{
    struct buf body;
    const struct fault fault = {.status = status, .type = type, .message = message};
    buf_init(&body, 4096);
    fault_write_body(&fault, &body);
    c->framing.keep_alive = false;
    send_whole(c, status, "application/json", type, buf_slice(&body));
    buf_fini(&body);
}

/* ---- streams ------------------------------------------------------------------------------- */

static void finish_stream(struct sim_call *c, struct buf *out)
{
    const bool cut = c->plan->end == PLAN_CUT;
    if (!cut)
        http1_write_end(&c->framing, out);
    if (out->n)
        conn_send(c->conn, out);
    end(c, c->plan->failed ? OUTCOME_FAILED : OUTCOME_COMPLETED, 200,
        c->framing.keep_alive && !cut);
}

/* Late frames are caught up with slowly: a model does not speak in bursts either. */
static int64_t due_after(const struct sim_call *c, int64_t wait_ms)
{
    const int64_t planned = c->due + wait_ms;
    const int64_t soonest = turn_now(&c->server->turn) + wait_ms / 2;
    return planned > soonest ? planned : soonest;
}

static void add_frame(struct sim_call *c, struct buf *out)
{
    const struct plan_frame *frame = &c->plan->frames[c->next++];
    const size_t mark = http1_chunk_begin(&c->framing, out);
    buf_add(out, slice_make(c->plan->bytes.p + c->offset, frame->n));
    http1_chunk_commit(&c->framing, out, mark);
    c->offset += frame->n;
    if (c->next < c->plan->count)
        c->due = due_after(c, c->plan->frames[c->next].wait_ms);
}

/* Everything that is due, as far as the client has room for it. */
static void step_send(struct sim_call *c)
{
    struct buf out;
    buf_init(&out, SIZE_MAX / 2);
    while (c->next < c->plan->count && conn_queued(c->conn) + out.n < QUEUED_HIGH && is_due(c))
        add_frame(c, &out);
    if (c->next == c->plan->count) {
        finish_stream(c, &out);
    } else if (out.n) {
        conn_send(c->conn, &out);
        /* What the kernel takes at once is never told by `room`. */
        if (conn_queued(c->conn) == 0 && is_due(c))
            turn_mark(&c->server->turn, &c->item);
    }
    buf_fini(&out);
}

static void start_stream(struct sim_call *c)
{
    struct buf out;
    buf_init(&out, 4096);
    write_head(c, &out, 200, "application/vnd.amazon.eventstream", NULL, -1);
    conn_send(c->conn, &out);
    buf_fini(&out);
    if (c->plan->count)
        c->due += c->plan->frames[0].wait_ms;
    sm_move(&c->sm, CALL_SEND);
    step_send(c);
}

/* Bench mode without a gap: head and all frames in one piece. */
static void send_canned(struct sim_call *c)
{
    const struct server *s = c->server;
    struct buf out;
    buf_init(&out, s->canned_chunked.n + 4096);
    write_head(c, &out, 200, "application/vnd.amazon.eventstream", NULL, -1);
    buf_add(&out, buf_slice(c->framing.chunked ? &s->canned_chunked : &s->canned.bytes));
    conn_send(c->conn, &out);
    buf_fini(&out);
    c->next = s->canned.count;
    end(c, OUTCOME_COMPLETED, 200, c->framing.keep_alive);
}

/* ---- steps --------------------------------------------------------------------------------- */

static void step_wait(struct sim_call *c)
{
    const struct service_reply *r = &c->reply;
    if (!is_due(c))
        return;
    if (r->kind == REPLY_STREAM)
        start_stream(c);
    else
        send_whole(c, r->status, r->content_type, r->error_type, buf_slice(&r->body));
}

static void wait_for_reply(struct sim_call *c)
{
    c->due = turn_now(&c->server->turn) + c->reply.wait_ms;
    sm_move(&c->sm, CALL_WAIT);
    step_wait(c);
}

static void count(struct sim_call *c)
{
    c->counted = true;
    c->server->live++;
}

static void answer_bench(struct sim_call *c)
{
    struct server *s = c->server;
    const enum operation operation = service_operation(c->head);
    const struct pace *pace = &s->options->pace;
    count(c);
    journal_count(&s->journal);
    if (operation != OPERATION_CONVERSE_STREAM) {
        buf_add(&c->reply.body, buf_slice(&s->canned_whole));
    } else {
        c->reply.kind = REPLY_STREAM;
        c->plan = &s->canned;
        if (!pace->first_ms && !pace->gap_ms) {
            send_canned(c);
            return;
        }
        c->reply.wait_ms = s->canned.head_ms;
    }
    wait_for_reply(c);
}

static void answer_control(struct sim_call *c)
{
    const int64_t now = unix_ms();
    c->reply.status =
        control_answer(&c->server->journal, &c->server->service, c->head, now, &c->reply.body);
    wait_for_reply(c);
}

static void answer_call(struct sim_call *c)
{
    struct server *s = c->server;
    struct arena a;
    const int64_t now = unix_ms();
    count(c);
    if (s->live > (uint64_t)s->options->live_max) {
        c->sequence = journal_begin(&s->journal, c->head, &c->body, c->started);
        send_fault(c, 503, "ServiceUnavailableException",
                   SLICE("Too many connections, please wait before trying again."));
        return;
    }
    arena_init(&a);
    service_answer(&s->service, c->head, buf_slice(&c->body), now / 1000, turn_now(&s->turn), &a,
                   &c->reply);
    arena_fini(&a);
    c->plan = &c->reply.plan;
    c->sequence = journal_begin(&s->journal, c->head, &c->body, c->started);
    if (c->reply.kind == REPLY_NEVER)
        sm_move(&c->sm, CALL_HANG);
    else
        wait_for_reply(c);
}

static void step_body(struct sim_call *c)
{
    if (!(c->facts & FACT_BEGUN)) {
        c->facts |= FACT_BEGUN;
        conn_read_body(c->conn);
    }
    if (c->facts & FACT_TOO_LARGE)
        send_fault(c, 413, "RequestEntityTooLargeException",
                   SLICE("The request body exceeds the limit of 25000000 bytes."));
    else if (c->facts & FACT_BODY_FAILED)
        send_fault(c, c->failed_status, "SerializationException", SLICE("The body is malformed."));
    else if (!(c->facts & FACT_BODY_END))
        return;
    else if (control_owns(c->head))
        answer_control(c);
    else if (c->server->options->chunks)
        answer_bench(c);
    else
        answer_call(c);
}

static void call_step(struct turn_item *item)
{
    struct sim_call *c = LIST_ENTRY(item, struct sim_call, item);
    if (c->facts & FACT_GONE) {
        end(c, OUTCOME_CANCELLED, c->sm.state == CALL_SEND ? 200 : 0, false);
        return;
    }
    switch ((enum call_state)c->sm.state) {
    case CALL_BODY: step_body(c); break;
    case CALL_WAIT: step_wait(c); break;
    case CALL_SEND: step_send(c); break;
    case CALL_HANG:
    case CALL_DONE: break;
    }
}

/* ---- what the connection tells ------------------------------------------------------------- */

static void deposit(struct sim_call *c, unsigned facts)
{
    c->facts |= facts;
    turn_mark(&c->server->turn, &c->item);
}

static void *on_head(void *server, struct conn *conn, const struct http_head *head)
{
    struct server *s = server;
    struct sim_call *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->server = s;
    c->conn = conn;
    c->head = head;
    c->started = unix_ms();
    turn_item_init(&c->item, call_step);
    sm_init(&c->sm, states, NULL, CALL_BODY);
    http1_reply_init(&c->framing, head);
    buf_init(&c->body, BODY_BYTES_MAX);
    service_reply_init(&c->reply);
    list_add(&s->calls, &c->link);
    deposit(c, 0);
    return c;
}

static void on_body(void *user, struct slice bytes)
{
    struct sim_call *c = user;
    if (c->server->options->chunks)
        return; /* bench mode looks at nothing */
    buf_add(&c->body, bytes);
    if (c->body.overflow)
        deposit(c, FACT_TOO_LARGE);
}

static void on_body_end(void *user)
{
    deposit(user, FACT_BODY_END);
}

static void on_body_failed(void *user, int status, const char *reason)
{
    struct sim_call *c = user;
    (void)reason;
    c->failed_status = status;
    deposit(c, FACT_BODY_FAILED);
}

static void on_room(void *user)
{
    deposit(user, 0);
}

static void on_gone(void *user)
{
    struct sim_call *c = user;
    c->conn = NULL;
    deposit(c, FACT_GONE);
}

static void on_refusal(int status, const char *reason, struct buf *body)
{
    const struct fault fault = {.status = status, .message = slice_of(reason)};
    fault_write_body(&fault, body);
}

const struct conn_events call_events = {
    .head = on_head,
    .body = on_body,
    .body_end = on_body_end,
    .body_failed = on_body_failed,
    .room = on_room,
    .gone = on_gone,
    .refusal = on_refusal,
};
