#ifndef GATEWAY_EXCHANGE_OBSERVE_H
#define GATEWAY_EXCHANGE_OBSERVE_H

/* What an exchange leaves for those who watch: a draft of its record (observe/record.h), filled as
 * the request goes along and published at SETTLE. Nothing of this is done when nobody watches. */

#include "exchange.h"

/* Somebody may be told of the body. */
bool exchange_observe_wants_body(const struct exchange *ex);
/* The body is read; `body`: as the client sent it, or NULL. */
void exchange_observe_body(struct exchange *ex, yyjson_val *body);
/* ADMIT is over: what the head says. */
void exchange_observe_begin(struct exchange *ex);

/* A call of a model begins, or ends as ex->failure says. */
void exchange_observe_call(struct exchange *ex);
void exchange_observe_call_ended(struct exchange *ex);
/* The traceparent for the call that begins; empty: none. */
struct slice exchange_observe_traceparent(struct exchange *ex);

/* An event of the answer, as the client gets it. */
void exchange_observe_event(struct exchange *ex, const struct llm_event *e);

/* The answer as a message in OpenAI's words, JSON, in the arena; empty: there was none, or nobody
 * wants it. */
struct slice exchange_observe_output(struct exchange *ex);

/* The members "attempts", each call of a model with its times in ms since the request began, and
 * "stages", what the states took in ms: for the request's row in the log of spend. */
void exchange_observe_write(struct exchange *ex, struct json_writer *w);

void exchange_observe_end(struct exchange *ex);  /* tells */
void exchange_observe_free(struct exchange *ex); /* with the exchange */

#endif
