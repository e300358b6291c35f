#include "journal.h"

#include "quota.h"
#include "told.h"

#include "base/json.h"

#include <stdlib.h>

#define HEAD_BYTES_MAX (256 * 1024)

static const char *const outcomes[] = {"live", "completed", "failed", "cancelled"};

static void forget_body(struct journal *j, struct journal_entry *e)
{
    j->bytes -= e->body_n;
    free(e->body);
    e->body = NULL;
    e->body_n = 0;
}

static void forget(struct journal *j, struct journal_entry *e)
{
    forget_body(j, e);
    buf_fini(&e->head);
    e->sequence = 0;
}

void journal_init(struct journal *j)
{
    *j = (struct journal){.last_cancel_ms = -1};
    for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
        buf_init(&j->ring[i].head, HEAD_BYTES_MAX);
}

void journal_fini(struct journal *j)
{
    for (size_t i = 0; i < JOURNAL_ENTRIES; i++)
        forget(j, &j->ring[i]);
}

void journal_reset(struct journal *j)
{
    const uint64_t live = j->live, requests = j->requests;
    journal_fini(j);
    journal_init(j);
    j->live = live;
    j->requests = requests;
    j->last_reset = requests;
}

/* ---- recording ----------------------------------------------------------------------------- */

/* The signature of a request is as good as the request for some minutes: it is not kept. */
static struct slice without_signature(struct slice value)
{
    const ptrdiff_t at = slice_find(value, SLICE("Signature="));
    if (at >= 0)
        return slice_make(value.p, (size_t)at + 10);
    return slice_starts_nocase(value, SLICE("bearer ")) ? slice_make(value.p, 7) : value;
}

static void write_head(const struct http_head *head, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "method", head->method);
    json_member_string(&w, "path", head->path);
    json_key(&w, "headers");
    json_object(&w);
    for (size_t i = 0; i < head->headers.n; i++) {
        const struct http_header *h = &head->headers.v[i];
        const bool secret = slice_eq_nocase(h->name, SLICE("authorization"));
        json_key_slice(&w, h->name);
        json_string(&w, secret ? without_signature(h->value) : h->value);
    }
    json_object_end(&w);
    json_object_end(&w);
}

static void keep_within_bytes(struct journal *j, uint64_t newest)
{
    for (uint64_t s = newest + 1; j->bytes > JOURNAL_BYTES_MAX && s <= newest + JOURNAL_ENTRIES;
         s++)
        forget_body(j, &j->ring[s % JOURNAL_ENTRIES]);
}

void journal_count(struct journal *j)
{
    j->requests++;
    j->live++;
}

uint64_t journal_begin(struct journal *j, const struct http_head *head, struct buf *body,
                       int64_t now)
{
    journal_count(j);
    struct journal_entry *e = &j->ring[j->requests % JOURNAL_ENTRIES];
    forget(j, e);
    *e = (struct journal_entry){.sequence = j->requests, .started = now, .head = e->head};
    write_head(head, &e->head);
    e->body_sent = body->n;
    if (body->n) {
        e->body_n = buf_take(body, &e->body);
        j->bytes += e->body_n;
        keep_within_bytes(j, e->sequence);
    }
    return e->sequence;
}

void journal_end(struct journal *j, uint64_t sequence, enum outcome outcome, int status,
                 uint64_t frames, int64_t started, int64_t now)
{
    struct journal_entry *e = &j->ring[sequence % JOURNAL_ENTRIES];
    j->live--;
    j->frames += frames;
    j->completed += outcome == OUTCOME_COMPLETED;
    j->failed += outcome == OUTCOME_FAILED;
    j->cancelled += outcome == OUTCOME_CANCELLED;
    if (outcome == OUTCOME_CANCELLED) {
        j->last_cancel_ms = now - started;
        j->last_cancel_at = now;
    }
    if (!sequence || e->sequence != sequence)
        return;
    e->outcome = outcome;
    e->status = status;
    e->frames = frames;
    e->ms = now - started;
}

/* ---- telling ------------------------------------------------------------------------------- */

void journal_write_stats(const struct journal *j, const struct quota *q, const struct told *t,
                         int64_t now, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_integer(&w, "requests", (int64_t)(j->requests - j->last_reset));
    json_member_integer(&w, "live", (int64_t)j->live);
    json_member_integer(&w, "completed", (int64_t)j->completed);
    json_member_integer(&w, "failed", (int64_t)j->failed);
    json_member_integer(&w, "cancelled", (int64_t)j->cancelled);
    json_member_integer(&w, "frames", (int64_t)j->frames);
    json_member_integer(&w, "admitted", (int64_t)q->admitted);
    json_member_integer(&w, "throttled", (int64_t)q->refused);
    json_key(&w, "told");
    told_write(t, &w);
    json_key(&w, "last_cancel_ms");
    if (j->last_cancel_ms < 0)
        json_null(&w);
    else
        json_integer(&w, j->last_cancel_ms);
    json_key(&w, "last_cancel_at");
    if (j->last_cancel_ms < 0)
        json_null(&w);
    else
        json_integer(&w, j->last_cancel_at);
    json_member_integer(&w, "now", now);
    json_object_end(&w);
}

static void write_body(struct json_writer *w, const struct journal_entry *e)
{
    struct arena a;
    const struct slice text = slice_make(e->body, e->body_n);
    arena_init(&a);
    json_key(w, "body");
    if (e->body && json_parse(text, &a, NULL))
        json_raw(w, text);
    else
        json_null(w);
    arena_fini(&a);
}

static void write_entry(struct json_writer *w, const struct journal_entry *e)
{
    /* The head is an object already: its members come first, without the closing brace. */
    json_raw(w, slice_make(e->head.p, e->head.n - 1));
    json_member_integer(w, "sequence", (int64_t)e->sequence);
    json_member_string(w, "outcome", slice_of(outcomes[e->outcome]));
    json_member_integer(w, "status", e->status);
    json_member_integer(w, "frames", (int64_t)e->frames);
    json_member_integer(w, "started", e->started);
    json_member_integer(w, "ms", e->ms);
    json_member_integer(w, "body_bytes", (int64_t)e->body_sent);
    write_body(w, e);
    json_object_end(w);
}

void journal_write_requests(const struct journal *j, uint64_t last, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_array(&w);
    for (uint64_t i = last < JOURNAL_ENTRIES ? last : JOURNAL_ENTRIES; i > 0; i--) {
        const uint64_t sequence = j->requests + 1 - i;
        if (i > j->requests || j->ring[sequence % JOURNAL_ENTRIES].sequence != sequence)
            continue;
        write_entry(&w, &j->ring[sequence % JOURNAL_ENTRIES]);
    }
    json_array_end(&w);
}
