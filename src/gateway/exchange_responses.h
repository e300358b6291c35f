#ifndef GATEWAY_EXCHANGE_RESPONSES_H
#define GATEWAY_EXCHANGE_RESPONSES_H

/* What requests of the Responses API refer to, and what is kept of them (dialect/responses.h), in
 * the shared state and in the database, under the response's id, for `responses_ttl` from the last
 * use. A record is its caller's (responses_is_of, unless disable_responses_id_security): for
 * everybody else but an administrator there is none.
 *
 * Where no Redis makes the shared state common to all processes, the end of an answer waits until
 * its record is in the database, RESPONSES_PATIENCE_MS at most: whichever process gets the request
 * that goes on from it, finds it. */

#include "dialect/responses.h"
#include "exchange.h"
#include "state/store.h"

#define RESPONSES_PATIENCE_MS 5000

/* Of one exchange, in its arena. */
struct responses_use {
    struct exchange *ex;
    bool asking; /* the shared state, or the database, at this moment */
    bool looked; /* in the database, or it was not needed */
    bool away;   /* … and it could not be asked */
    struct store_job *job;
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
/* False: it is being kept; the exchange will be marked, by its deadline at the latest. */
bool exchange_responses_kept(struct exchange *ex);

/* Nothing is waited for from here on. */
void exchange_responses_cancel(struct exchange *ex);

/* What other processes delete is forgotten here, too. The worker has its store. */
void exchange_responses_listen(struct worker *w, bool on);

/* ---- for handlers_responses.c ---------------------------------------------------------------- */

/* Asks for records by their ids. */
void exchange_responses_ask(struct exchange *ex, struct responses_record *records, size_t n);

/* What was asked for is there, or is known not to be. */
bool exchange_responses_ready(struct exchange *ex);

/* NULL: it is gone. Otherwise the job that makes it so in the database, for ask_store. */
struct store_job *exchange_responses_forget(struct exchange *ex, struct slice id);

/* The failure: nobody can say whether there is such a response. */
bool exchange_responses_away(struct exchange *ex);

#endif
