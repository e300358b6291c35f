/* What waits for a sink, and how it gets there.
 *
 * Happy path: a parcel is put into the ring; when enough have come, or the first has waited long
 * enough, the step moves some into the batch, lets the sink write a call of them and starts it; the
 * answer is deposited; the next step judges it, drops the batch and looks for more.
 *
 * Failure modes: a full ring loses its oldest; what is older than age_ms is dropped, in the batch
 * too; a call that fails for now is made again, the same bytes, after a wait that doubles; an
 * answer that does not end is given up at OUTBOX_ANSWER_MAX and judged by its status, and so is one
 * with a 2xx that breaks off or comes too late. The first failure of a row is logged, and the first
 * success behind it.
 *
 * With a shelf: jobs of its row are waited for, one at a time, while the ring goes on taking. */

#include "observe/outbox.h"

#include "base/date.h"
#include "base/log.h"
#include "io/clock.h"
#include "record_pack.h"
#include "shelf.h"
#include "wire/crypto.h"

#include <stdlib.h>

#define RING_MIN  64            /* slots */
#define PIECE_MAX (512 * 1024)  /* bytes of a call that are sent at once */
#define BODY_KEPT (1024 * 1024) /* bytes of memory for the next call's body */

struct outbox {
    struct turn *turn;
    struct upstream *upstream;
    const struct sink_kind *kind;
    void *self;
    const char *name;
    bool (*trusts)(const void *user, const char *url); /* NULL: all URLs */
    const void *user;
    struct outbox_limits limits;
    struct turn_item item;
    uv_timer_t timer; /* the last handle of it: its end frees this */
    bool hurry;

    struct parcel **ring; /* those that wait */
    size_t size, head, count;
    size_t ring_bytes, batch_bytes;
    struct parcel *batch[OUTBOX_BATCH_MAX]; /* being told of */
    size_t batch_count;
    struct sink_call call;
    size_t body_usual; /* bytes of the last one's body */
    int64_t try_at;    /* ms, turn time: not before */
    int64_t wait_ms;

    struct shelf_row *row;                   /* NULL: nothing is kept */
    bool bodies;                             /* … with those */
    bool fetching;                           /* its job is a get */
    bool from_files;                         /* the batch is what that got */
    bool save_all;                           /* nothing is told any more */
    struct parcel *saving[OUTBOX_BATCH_MAX]; /* its job is a put of these */
    size_t saving_count, saving_bytes;

    struct upstream_op *op; /* NULL: none is running */
    bool answered;          /* it has ended, or was read far enough */
    enum upstream_end end;
    int status; /* 0: no answer came */
    int64_t retry_after_ms;
    struct buf answer; /* its beginning */
    bool missing;      /* the last one had not taken all that it was told */
    char detail[SINK_ANSWER_SHOWN];

    struct outbox_stats stats;
};

const struct outbox_limits outbox_limits_usual = {
    .bytes_max = OUTBOX_BYTES_MAX,
    .age_ms = OUTBOX_AGE_MS,
    .delay_ms = OUTBOX_DELAY_MS,
    .wait_min_ms = OUTBOX_WAIT_MIN_MS,
    .wait_max_ms = OUTBOX_WAIT_MAX_MS,
    .ripe = OUTBOX_RIPE,
    .batch_max = OUTBOX_BATCH_MAX,
    .batch_bytes = OUTBOX_BATCH_BYTES,
    .call_ms = OUTBOX_CALL_MS,
};

/* ---- the ring ------------------------------------------------------------------------------- */

static struct parcel *oldest(const struct outbox *o)
{
    return o->count ? o->ring[o->head] : NULL;
}

static void grow(struct outbox *o)
{
    size_t size = o->size ? o->size * 2 : RING_MIN;
    struct parcel **ring = calloc(size, sizeof(struct parcel *));
    if (!ring)
        abort();
    for (size_t i = 0; i < o->count; i++)
        ring[i] = o->ring[(o->head + i) & (o->size - 1)];
    free(o->ring);
    o->ring = ring;
    o->size = size;
    o->head = 0;
}

static void ring_add(struct outbox *o, struct parcel *p)
{
    if (o->count == o->size)
        grow(o);
    o->ring[(o->head + o->count++) & (o->size - 1)] = p;
    o->ring_bytes += p->size;
}

/* To the front: they are the oldest again. */
static void ring_return(struct outbox *o, struct parcel *const *parcels, size_t n)
{
    while (n--) {
        if (o->count == o->size)
            grow(o);
        o->head = (o->head - 1) & (o->size - 1);
        o->ring[o->head] = parcels[n];
        o->ring_bytes += parcels[n]->size;
        o->count++;
    }
}

static struct parcel *ring_take(struct outbox *o)
{
    struct parcel *p = o->ring[o->head];
    o->head = (o->head + 1) & (o->size - 1);
    o->count--;
    o->ring_bytes -= p->size;
    return p;
}

static void drop_oldest(struct outbox *o)
{
    parcel_unref(ring_take(o));
    o->stats.dropped++;
}

static void drop_old(struct outbox *o, int64_t now)
{
    while (o->count && now - oldest(o)->made_ms > o->limits.age_ms)
        drop_oldest(o);
}

/* As many as one call tells of, or more. */
static bool is_full(const struct outbox *o)
{
    return o->count >= o->limits.batch_max || o->ring_bytes >= o->limits.batch_bytes;
}

/* The first has waited long enough for others. */
static bool is_due(const struct outbox *o, int64_t now)
{
    return o->hurry || is_full(o) || now - oldest(o)->made_ms >= o->limits.delay_ms;
}

void outbox_distrust(struct outbox *o, bool (*trusts)(const void *user, const char *url),
                     const void *user)
{
    o->trusts = trusts;
    o->user = user;
}

void outbox_put(struct outbox *o, struct parcel *p)
{
    int64_t now = turn_now(o->turn);
    if (!p->made_ms)
        p->made_ms = now ? now : 1;
    ring_add(o, parcel_ref(p));
    o->stats.put++;
    while (o->count && o->ring_bytes + o->batch_bytes + o->saving_bytes > o->limits.bytes_max)
        drop_oldest(o);
    /* A lone parcel only has to set the timer, and one that joins others that wait not even that.
     */
    if (o->count == 1 || o->count == o->limits.ripe || is_full(o))
        turn_mark(o->turn, &o->item);
}

/* ---- the batch ------------------------------------------------------------------------------ */

/* The body's memory stays while others wait, whose call needs as much. */
static void forget_call(struct outbox *o)
{
    if (o->count && o->call.body.size <= BODY_KEPT)
        buf_reset(&o->call.body);
    else
        buf_fini(&o->call.body);
    arena_fini(&o->call.arena);
}

static void empty_batch(struct outbox *o)
{
    o->batch_count = 0;
    o->batch_bytes = 0;
    o->from_files = false;
    forget_call(o);
}

static void release_all(struct parcel *const *parcels, size_t n)
{
    for (size_t i = 0; i < n; i++)
        parcel_unref(parcels[i]);
}

/* To where it came from: the ring, or its files. */
static void return_batch(struct outbox *o)
{
    if (o->from_files)
        release_all(o->batch, o->batch_count);
    else
        ring_return(o, o->batch, o->batch_count);
    empty_batch(o);
}

/* `lost`: so many of it were not taken. */
static void end_batch(struct outbox *o, size_t lost)
{
    release_all(o->batch, o->batch_count);
    o->stats.dropped += lost;
    o->stats.taken += o->batch_count - lost;
    if (o->from_files)
        shelf_drop(o->row);
    empty_batch(o);
}

/* The oldest, as many as one call may tell of. */
static size_t take_batch(struct outbox *o, struct parcel **batch, size_t *bytes)
{
    size_t n = 0;
    while (o->count && n < o->limits.batch_max &&
           (!n || *bytes + oldest(o)->size <= o->limits.batch_bytes)) {
        *bytes += oldest(o)->size;
        batch[n++] = ring_take(o);
    }
    return n;
}

static void wait_longer(struct outbox *o, int64_t now)
{
    uint32_t random;
    const struct outbox_limits *l = &o->limits;
    random_bytes(&random, sizeof(random));
    o->wait_ms = o->wait_ms ? o->wait_ms * 2 : l->wait_min_ms;
    o->wait_ms = o->wait_ms < l->wait_max_ms ? o->wait_ms : l->wait_max_ms;
    int64_t wait = o->hurry ? l->wait_min_ms : o->wait_ms;
    wait -= (int64_t)(random % (uint32_t)(wait / 2 + 1));
    o->try_at = now + (wait > o->retry_after_ms || o->hurry ? wait : o->retry_after_ms);
}

/* False: there is nothing to send. */
static bool write_call(struct outbox *o)
{
    arena_init(&o->call.arena);
    buf_reset(&o->call.body);
    o->call.method = o->call.url = NULL;
    o->call.mail = NULL;
    o->call.later = false;
    o->call.header_count = 0;
    buf_reserve(&o->call.body, o->body_usual);
    bool written = o->kind->write(o->self, o->batch, o->batch_count, &o->call);
    o->body_usual = o->call.body.n < BODY_KEPT ? o->call.body.n : BODY_KEPT;
    if (written && o->call.later) {
        wait_longer(o, turn_now(o->turn));
        return_batch(o);
        return false;
    }
    if (written && !o->call.body.overflow && o->call.url)
        return true;
    if (written && !o->call.url) {
        end_batch(o, 0);
        return false;
    }
    log_warn("callback %s: %zu records cannot be told%s", o->name, o->batch_count,
             o->call.body.overflow ? ": they are too large" : "");
    end_batch(o, o->batch_count);
    return false;
}

/* ---- the call ------------------------------------------------------------------------------- */

/* Seconds, or a date. More than half of what a parcel may wait would lose them. */
static int64_t read_wait(const struct outbox *o, struct slice text)
{
    int64_t seconds, date, most = o->limits.age_ms / 2;
    if (date_parse_http(text, &date))
        seconds = date - clock_unix_ms() / 1000;
    else if (!slice_to_i64(text, &seconds))
        return 0;
    if (seconds <= 0)
        return 0;
    return seconds < most / 1000 ? seconds * 1000 : most;
}

static void on_head(void *user, int status, struct http_headers headers)
{
    struct outbox *o = user;
    o->status = status;
    o->retry_after_ms = read_wait(o, http_header_get(headers, "retry-after"));
}

static bool on_data(void *user, struct slice bytes)
{
    struct outbox *o = user;
    buf_add(&o->answer, bytes);
    if (!o->answer.overflow)
        return true;
    o->answered = true;
    turn_mark(o->turn, &o->item);
    return false;
}

static void on_end(void *user, enum upstream_end end, const char *detail)
{
    struct outbox *o = user;
    struct buf b = {.p = o->detail, .size = sizeof(o->detail) - 1, .cap = sizeof(o->detail) - 1};
    o->op = NULL;
    o->end = end;
    o->answered = true;
    buf_add(&b, slice_of(detail));
    o->detail[b.n] = '\0';
    turn_mark(o->turn, &o->item);
}

static const struct upstream_events events = {.head = on_head, .data = on_data, .end = on_end};

static void start_call(struct outbox *o)
{
    static const struct http_fence fence = {.plain_http = true};
    const struct upstream_timeouts timeouts = {.connect_ms = OUTBOX_CONNECT_MS,
                                               .total_ms = o->limits.call_ms};
    const struct http_call call = {
        .method = o->call.method ? o->call.method : "POST",
        .url = o->call.url,
        .headers = {o->call.headers, o->call.header_count},
        .body = buf_slice(&o->call.body),
        .piece = o->call.body.n < PIECE_MAX ? o->call.body.n : PIECE_MAX,
        .fence = o->trusts && !o->trusts(o->user, o->call.url) ? &fence : NULL,
    };
    o->answered = false;
    o->end = UPSTREAM_DONE;
    o->status = 0;
    o->retry_after_ms = 0;
    buf_fini(&o->answer);
    o->detail[0] = '\0';
    o->stats.calls++;
    o->op = o->call.mail ? upstream_mail(o->upstream, call.url, o->call.mail, call.body, &timeouts,
                                         &events, o)
                         : upstream_start(o->upstream, &call, &timeouts, &events, o);
}

/* ---- the shelf ------------------------------------------------------------------------------ */

static bool must_save(const struct outbox *o, int64_t now)
{
    if (!o->row || !o->count || !shelf_takes(o->row))
        return false;
    return o->save_all || o->ring_bytes > o->limits.bytes_max / 2 ||
           (o->stats.away && is_due(o, now));
}

static void save(struct outbox *o)
{
    struct buf packed;
    buf_init(&packed, SHELF_FILE_MAX);
    o->saving_bytes = 0;
    o->saving_count = take_batch(o, o->saving, &o->saving_bytes);
    for (size_t i = 0; i < o->saving_count; i++)
        record_pack(&packed, record_of(o->saving[i]), o->bodies);
    shelf_put(o->row, buf_slice(&packed), (unsigned)o->saving_count);
    buf_fini(&packed);
}

static void end_saving(struct outbox *o)
{
    if (shelf_was_put(o->row))
        release_all(o->saving, o->saving_count);
    else
        ring_return(o, o->saving, o->saving_count);
    o->saving_count = o->saving_bytes = 0;
}

/* False: it is none of ours. */
static bool unpack_batch(struct outbox *o, struct slice packed, int64_t now)
{
    while (packed.n && o->batch_count < OUTBOX_BATCH_MAX) {
        struct record *r = record_unpack(&packed);
        if (!r)
            return false;
        r->parcel.made_ms = now ? now : 1;
        o->batch_bytes += r->parcel.size;
        o->batch[o->batch_count++] = &r->parcel;
    }
    return !packed.n;
}

static void end_fetching(struct outbox *o, int64_t now)
{
    o->fetching = false;
    o->from_files = true;
    if (unpack_batch(o, shelf_got(o->row), now)) {
        if (o->batch_count)
            write_call(o);
        else
            o->from_files = false;
        return;
    }
    release_all(o->batch, o->batch_count);
    empty_batch(o);
    shelf_set_aside(o->row);
}

/* False: its job has not ended yet. */
static bool shelf_is_free(struct outbox *o, int64_t now)
{
    if (!o->row)
        return true;
    if (!shelf_busy(o->row) && o->saving_count)
        end_saving(o);
    if (!shelf_busy(o->row) && o->fetching)
        end_fetching(o, now);
    return !shelf_busy(o->row);
}

/* ---- what came of it ------------------------------------------------------------------------ */

/* Whoever says 2xx has it, though the rest of the answer may come late, or never. */
static bool took_it(const struct outbox *o)
{
    return o->status >= 200 && o->status < 300;
}

static enum sink_verdict judge(const struct outbox *o)
{
    if (o->end == UPSTREAM_FENCED)
        return SINK_REFUSED;
    if (!o->status || (o->end != UPSTREAM_DONE && !took_it(o)))
        return SINK_AGAIN;
    if (!o->kind->judge)
        return sink_judge(o->status);
    return o->kind->judge(o->self, o->status, buf_slice(&o->answer));
}

static struct slice shown(struct slice text)
{
    return slice_make(text.p, text.n < SINK_ANSWER_SHOWN ? text.n : SINK_ANSWER_SHOWN);
}

/* Control characters of a foreign answer would break nothing, the log replaces them. */
static void tell_failure(struct outbox *o, const char *what)
{
    if (o->status)
        log_warn("callback %s: %s: answered %d: %.*s", o->name, what, o->status,
                 SLICE_ARG(shown(buf_slice(&o->answer))));
    else
        log_warn("callback %s: %s: %s", o->name, what, o->detail);
}

static size_t count_missed(struct outbox *o)
{
    struct slice why = SLICE("");
    size_t missed = 0;
    if (o->kind->missed)
        missed = o->kind->missed(o->self, buf_slice(&o->answer), &o->call.arena, &why);
    if (missed > o->batch_count)
        missed = o->batch_count;
    if (missed && !o->missing)
        log_warn("callback %s: %zu of %zu records were not taken: %.*s", o->name, missed,
                 o->batch_count, SLICE_ARG(shown(why)));
    o->missing = missed;
    return missed;
}

static void end_call(struct outbox *o, int64_t now)
{
    if (o->op)
        upstream_cancel(o->op);
    o->op = NULL;
    o->answered = false;
    enum sink_verdict verdict = judge(o);
    o->stats.failed_calls += verdict != SINK_TAKEN;
    if (verdict == SINK_OTHERWISE) {
        forget_call(o);
        write_call(o);
        return;
    }
    if (verdict == SINK_AGAIN) {
        if (!o->stats.away)
            tell_failure(o, "it is tried again later");
        o->stats.away = true;
        wait_longer(o, now);
        if (o->row) /* its files have it, or will */
            return_batch(o);
        return;
    }
    if (verdict == SINK_REFUSED)
        tell_failure(o, "refuses what it is told");
    else if (o->stats.away)
        log_info("callback %s: it answers again", o->name);
    o->stats.away = false;
    o->wait_ms = o->try_at = 0;
    end_batch(o, verdict == SINK_TAKEN ? count_missed(o) : o->batch_count);
}

/* ---- the step ------------------------------------------------------------------------------- */

static void on_timer(uv_timer_t *timer)
{
    struct outbox *o = timer->data;
    turn_mark(o->turn, &o->item);
}

static void wait_until(struct outbox *o, int64_t at, int64_t now)
{
    uv_timer_start(&o->timer, on_timer, at > now ? (uint64_t)(at - now) : 0, 0);
}

/* The next time that the ring has to be looked at, whatever calls do. */
static int64_t wake_at(const struct outbox *o, int64_t otherwise)
{
    int64_t due = o->count ? oldest(o)->made_ms + o->limits.delay_ms : otherwise;
    bool saves = o->row && o->count && o->stats.away && shelf_takes(o->row);
    return saves && due < otherwise ? due : otherwise;
}

/* False: nothing is to be sent now, and the timer or the shelf knows when. */
static bool have_batch(struct outbox *o, int64_t now)
{
    if (o->batch_count && !o->from_files && now - o->batch[0]->made_ms > o->limits.age_ms)
        end_batch(o, o->batch_count);
    if (o->batch_count)
        return true;
    drop_old(o, now);
    if (o->row && !o->hurry && shelf_waiting(o->row)) {
        o->fetching = true;
        shelf_get(o->row, o->limits.batch_max, o->limits.batch_bytes);
        return false;
    }
    if (!o->count)
        return false;
    if (o->count < o->limits.ripe && !is_due(o, now)) {
        wait_until(o, oldest(o)->made_ms + o->limits.delay_ms, now);
        return false;
    }
    o->batch_count = take_batch(o, o->batch, &o->batch_bytes);
    if (write_call(o))
        return true;
    turn_mark(o->turn, &o->item); /* for those behind it */
    return false;
}

static void step(struct turn_item *item)
{
    struct outbox *o = LIST_ENTRY(item, struct outbox, item);
    int64_t now = turn_now(o->turn);
    if (!shelf_is_free(o, now))
        return;
    if (o->answered)
        end_call(o, now);
    if (o->row && shelf_busy(o->row))
        return; /* its files are being removed */
    if (must_save(o, now))
        save(o);
    else if (o->op && o->row && o->stats.away)
        wait_until(o, wake_at(o, now + o->limits.call_ms), now);
    else if (o->op || o->save_all)
        return;
    else if (now < o->try_at)
        wait_until(o, wake_at(o, o->try_at), now);
    else if (have_batch(o, now))
        start_call(o);
}

/* ---- life ----------------------------------------------------------------------------------- */

struct outbox *outbox_new(struct turn *turn, struct upstream *up, const struct sink_kind *kind,
                          void *self, const char *name, const struct outbox_limits *limits)
{
    struct outbox *o = calloc(1, sizeof(*o));
    if (!o)
        abort();
    o->turn = turn;
    o->upstream = up;
    o->kind = kind;
    o->self = self;
    o->name = name;
    o->limits = *limits;
    buf_init(&o->call.body, SINK_CALL_MAX);
    buf_init(&o->answer, OUTBOX_ANSWER_MAX);
    if (kind->batch_max && kind->batch_max < o->limits.batch_max)
        o->limits.batch_max = kind->batch_max;
    turn_item_init(&o->item, step);
    uv_timer_init(turn->loop, &o->timer);
    uv_unref((uv_handle_t *)&o->timer);
    o->timer.data = o;
    return o;
}

static void release(uv_handle_t *handle)
{
    struct outbox *o = handle->data;
    buf_fini(&o->answer);
    free(o->ring);
    free(o);
}

static void on_shelf(void *user)
{
    struct outbox *o = user;
    turn_mark(o->turn, &o->item);
}

void outbox_keep(struct outbox *o, struct shelf *shelf, bool bodies)
{
    o->row = shelf_enter(shelf, o->name, on_shelf, o);
    o->bodies = bodies;
}

static size_t in_memory(const struct outbox *o)
{
    return o->count + o->saving_count + (o->from_files ? 0 : o->batch_count);
}

void outbox_free(struct outbox *o)
{
    if (!o)
        return;
    if (o->op)
        upstream_cancel(o->op);
    shelf_leave(o->row);
    if (in_memory(o))
        log_warn("callback %s: %zu records are lost at the end", o->name, in_memory(o));
    release_all(o->saving, o->saving_count);
    release_all(o->batch, o->batch_count);
    while (o->count)
        drop_oldest(o);
    turn_unmark(&o->item);
    forget_call(o);
    o->kind->free(o->self);
    uv_close((uv_handle_t *)&o->timer, release);
}

void outbox_hurry(struct outbox *o)
{
    o->hurry = true;
    o->try_at = 0;
    turn_mark(o->turn, &o->item);
}

void outbox_save(struct outbox *o)
{
    if (!o->row)
        return;
    if (o->op)
        upstream_cancel(o->op);
    o->op = NULL;
    o->answered = false;
    if (o->batch_count)
        return_batch(o);
    o->save_all = true;
    turn_mark(o->turn, &o->item);
}

bool outbox_empty(const struct outbox *o)
{
    return !in_memory(o) && !o->op && !o->answered;
}

bool outbox_idle(const struct outbox *o)
{
    return outbox_empty(o) && (!o->row || (!shelf_busy(o->row) && !shelf_waiting(o->row)));
}

void outbox_count(const struct outbox *o, struct outbox_stats *s)
{
    struct shelf_stats kept = {0};
    *s = o->stats;
    if (o->row)
        shelf_count(o->row, &kept);
    s->put += kept.found;
    s->dropped += kept.lost;
    s->kept = kept.records;
    s->kept_bytes = kept.bytes;
    s->waiting = in_memory(o);
    s->bytes = o->ring_bytes + o->saving_bytes + (o->from_files ? 0 : o->batch_bytes);
}
