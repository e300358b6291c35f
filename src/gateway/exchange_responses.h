#ifndef GATEWAY_EXCHANGE_RESPONSES_H
#define GATEWAY_EXCHANGE_RESPONSES_H

/* What requests of the Responses API refer to, and what is kept of them (dialect/responses.h), in
 * the shared state, under the response's id, for `responses_ttl` from the last use. A record is its
 * caller's: for everybody else but the master there is none. */

#include "dialect/responses.h"
#include "exchange.h"

/* Of one exchange, in its arena. */
struct responses_use {
    struct exchange *ex;
    bool asking;      /* the shared state, at this moment */
    bool too_large;   /* what is kept is more than a request may have */
    size_t bytes;     /* of the records so far */
    yyjson_val *body; /* as it came */
    bool goes_on;     /* named[0] is the response before */
    bool has_chain;   /* `chain` was asked for */
    struct responses_record *named, *chain;
    size_t named_count, chain_count;
    struct responses_record *wanted; /* of the question that is open */
    size_t wanted_count;
    struct slice begin; /* of this response's own record; empty: it is not kept */
};

/* ADMIT: true when ex->read_body has all that the body refers to, or ex->failure is set. False: the
 * exchange will be marked. Dialects that keep nothing: true at once. */
bool exchange_responses_read(struct exchange *ex);

/* The answer is complete. `response`: as the client gets it. */
void exchange_responses_keep(struct exchange *ex, struct slice response);

/* Nothing is waited for from here on. */
void exchange_responses_cancel(struct exchange *ex);

/* ---- for handlers_responses.c ---------------------------------------------------------------- */

/* Asks for records by their ids; ex->responses->asking while the answer is out. */
void exchange_responses_ask(struct exchange *ex, struct responses_record *records, size_t n);

void exchange_responses_forget(struct exchange *ex, struct slice id);

#endif
