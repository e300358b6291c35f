#ifndef GATEWAY_EXCHANGE_GUARD_H
#define GATEWAY_EXCHANGE_GUARD_H

/* An exchange and the guards that look at its prompt and its answer (config/guards.h): those that
 * are always on, those of its key and team, and those that it asks for.
 *
 * The prompt is looked at before it is parsed, in the body's JSON, so that whatever reads the body
 * afterwards, whichever API it is of, finds it as the guards want it. An answer is looked at
 *   - on its way, where filters alone look at a stream (guard/stream.h);
 *   - once it is complete and before anything of it is given, otherwise: whole answers, those of
 *     Bedrock's own API, and all that somebody has to be asked about.
 * What waits does so in GUARD and VET. */

#include "exchange.h"

/* Whether GUARD has something to do. */
bool exchange_guard_wanted(const struct exchange *ex);

/* GUARD: true when the prompt was looked at. */
bool exchange_guard_request(struct exchange *ex);

/* ADMIT, once the request is read: false: see ex->failure. */
bool exchange_guard_admits(struct exchange *ex);

/* The body as logs may have it. */
yyjson_val *exchange_guard_shown(struct exchange *ex, yyjson_val *body);
struct slice exchange_guard_shown_answer(struct exchange *ex, struct slice message);

/* Names of the guards that were applied, with commas; in the arena; empty: none. */
struct slice exchange_guard_names(struct exchange *ex);
void exchange_guard_write_names(const struct exchange *ex, struct json_writer *w); /* a list */

/* The guards have refused: nothing is tried again. */
bool exchange_guard_refused(const struct exchange *ex);
/* What came of them all, in LiteLLM's words ("guardrail_intervened"); NULL: there were none. */
const char *exchange_guard_status(const struct exchange *ex);

/* ---- the answer ------------------------------------------------------------------------------ */

bool exchange_guard_watches(const struct exchange *ex); /* the answer is looked at */

/* An event that is on its way to the client. True: the guards have it, and hand it on in their own
 * time; `*facts`: what has become of it. */
bool exchange_guard_take(struct exchange *ex, const struct llm_event *e, unsigned *facts);

/* Whether a complete answer has to go through VET. */
bool exchange_guard_must_vet(const struct exchange *ex);
/* VET: true when it was looked at; a stream that was held is handed on, a whole answer is in the
 * fold. False: see later; ex->failure may be set. */
bool exchange_guard_vet(struct exchange *ex);

/* A text of an answer that no event brought. False: see ex->failure. */
bool exchange_guard_text(struct exchange *ex, struct slice *text);

/* The request is over: what filters did is counted. */
void exchange_guard_count(const struct exchange *ex);
void exchange_guard_again(struct exchange *ex);  /* another attempt begins */
void exchange_guard_cancel(struct exchange *ex); /* nothing is waited for from here on */
void exchange_guard_free(struct exchange *ex);

#endif
