#ifndef GATEWAY_ASK_H
#define GATEWAY_ASK_H

/* Routes that are answered by the gateway itself, and what they may wait for: the state ANSWER.
 *
 * A handler (route.handle) writes the whole body of the answer, or sets the exchange's failure. One
 * that cannot do so at once says what it waits for, and returns; `next` goes on, and may wait
 * again. Mostly that is the database:
 *
 *     void handle_key_info(struct exchange *ex, struct buf *body)
 *     {
 *         struct store_job *job = ask_new(ex);
 *         if (!job)
 *             return;                                … no database: the failure is set
 *         store_select(job, …);
 *         ask_store(ex, job, write_key);
 *     }
 *     static void write_key(struct exchange *ex, struct buf *body) { … ask_rows(ex, 0) … }
 *
 * A job that did not succeed becomes the answer 503 (the database is away) or 500, and `next` is
 * not called; ask_store_conflict calls it for STORE_CONFLICT and STORE_REFERENCE too. A client that
 * leaves ends the waiting; what a job writes is written all the same. */

#include "exchange.h"
#include "state/store.h"

/* Anything: `ready` is asked whenever the exchange is stepped (whoever makes it so deposits, or
 * marks the exchange's item), then `next` is called. `end`, once: something else is waited for, or
 * the exchange is over. As the last thing before the handler, or `next`, returns. */
void ask_wait(struct exchange *ex, bool (*ready)(struct exchange *ex), answer_next *next,
              void (*end)(struct exchange *ex));

/* Goes on with `next` after the loop has polled: what takes long is done in pieces of a few
 * milliseconds. What was waited for before stays, its rows and its `end` too. */
void ask_later(struct exchange *ex, answer_next *next);

/* A job for ask_store. NULL: no database is configured; the failure is set. */
struct store_job *ask_new(struct exchange *ex);

/* Waits for the job, as ask_wait. It is freed when something else is waited for, or with the
 * exchange. */
void ask_store(struct exchange *ex, struct store_job *job, answer_next *next);
void ask_store_conflict(struct exchange *ex, struct store_job *job, answer_next *next);

/* Of the job that `next` was called for. */
const struct store_rows *ask_rows(const struct exchange *ex, size_t statement);

/* The same, but these rows, and all others of that job, stay when something else is asked; at most
 * ASK_KEPT_MAX times. */
const struct store_rows *ask_keep(struct exchange *ex, size_t statement);

/* The JSON object that the client sent; an empty body counts as {}. NULL: it is none; the failure
 * is set. Valid as long as the exchange's prompt. */
yyjson_val *ask_body(struct exchange *ex);

/* Headers of the answer; copied. */
void ask_headers(struct exchange *ex, const struct http_header *headers, size_t n);

/* ---- for exchange.c ------------------------------------------------------------------------ */

/* True when the answer is ready, or failed. */
bool ask_step(struct exchange *ex);
void ask_end(struct exchange *ex); /* nothing is waited for from here on */

#endif
