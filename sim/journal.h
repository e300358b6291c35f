#ifndef SIM_JOURNAL_H
#define SIM_JOURNAL_H

/* What happened: counters, and the last JOURNAL_ENTRIES calls with heads and bodies, for tests that
 * ask what the gateway really sent. Bounded in entries and in bytes. */

#include "base/buf.h"
#include "wire/http1.h"

#define JOURNAL_ENTRIES   100
#define JOURNAL_BYTES_MAX (64 * 1024 * 1024) /* bodies; the oldest are dropped first */

enum outcome { OUTCOME_LIVE, OUTCOME_COMPLETED, OUTCOME_FAILED, OUTCOME_CANCELLED };

struct journal_entry {
    uint64_t sequence; /* 0: unused */
    enum outcome outcome;
    int status;          /* of the reply; 0: none yet */
    uint64_t frames;     /* of a stream, sent */
    int64_t started, ms; /* Unix ms; duration */
    struct buf head;     /* members "method", "path", "headers" as JSON, inside braces */
    char *body;          /* malloced; NULL: none, or dropped */
    size_t body_n;
    size_t body_sent; /* bytes the client sent */
};

struct journal {
    struct journal_entry ring[JOURNAL_ENTRIES];
    uint64_t requests, live, completed, failed, cancelled, frames, last_reset;
    int64_t last_cancel_ms; /* from the start of the call to the client's leaving; -1: none yet */
    int64_t last_cancel_at; /* Unix ms */
    size_t bytes;           /* of bodies kept */
};

void journal_init(struct journal *j);
void journal_fini(struct journal *j);
void journal_reset(struct journal *j); /* live calls stay counted */

/* A call begins; takes the body out of `body`. Returns its sequence number. */
uint64_t journal_begin(struct journal *j, const struct http_head *head, struct buf *body,
                       int64_t now);
/* Without an entry: only counted. For benchmarks. */
void journal_count(struct journal *j);

void journal_end(struct journal *j, uint64_t sequence, enum outcome outcome, int status,
                 uint64_t frames, int64_t started, int64_t now);

struct quota;
struct told;
void journal_write_stats(const struct journal *j, const struct quota *q, const struct told *t,
                         int64_t now, struct buf *out);
void journal_write_requests(const struct journal *j, uint64_t last, struct buf *out);

#endif
