#ifndef DIALECT_RESPONSES_H
#define DIALECT_RESPONSES_H

/* What OpenAI's Responses keep: a response, and the input it answered, so that a later request can
 * name it (previous_response_id, item_reference) instead of sending it again. Pure; where records
 * lie is the gateway's matter.
 *
 * A record is JSON: {"owner", "chain", "input", "response"}. `input` is what came with that request
 * alone; `chain` names the responses before it, oldest first, so that a conversation is got by two
 * questions and kept once. `owner` is whoever may use it: {"key", "user", "team"}. */

#include "base/json.h"
#include "llm/failure.h"

#define RESPONSES_CHAIN_MAX  200 /* a record that would have more is made to hold all of it */
#define RESPONSES_REFERS_MAX 50  /* responses whose items a request names, and the previous one */

struct responses_record {
    struct slice id;
    yyjson_val *json; /* NULL: there is none */
};

/* "resp_" and the digits of the answer's uuid (struct dialect_answer). */
struct slice responses_id(struct slice uuid, struct arena *a);

/* Whether the client wants the response kept: it does, unless it says no. */
bool responses_wants_kept(yyjson_val *body);

/* The responses that a body refers to, each once: in front the one it goes on from, if any, then
 * those whose items it names. False: there are more than RESPONSES_REFERS_MAX. */
bool responses_refers(yyjson_val *body, struct arena *a, struct slice ids[RESPONSES_REFERS_MAX],
                      size_t *n, bool *goes_on);

/* The responses before it; returns how many of `max`. */
size_t responses_chain(const struct responses_record *r, struct slice *ids, size_t max);

/* The body with everything it refers to in its input: the conversation so far (records in their
 * order, `n` of them, all there), then its own items, with those that it names out of `named`. What
 * is not found stays a reference. NULL: nothing was to be put in. */
yyjson_val *responses_expand(yyjson_val *body, const struct responses_record *so_far, size_t n,
                             const struct responses_record *named, size_t named_n, struct arena *a);

/* A caller, as the key says: any of them may be empty. */
struct responses_owner {
    struct slice key, user, team;
};

/* What was made for a user or in a team is theirs, whichever of their keys asks, so that it
 * outlives a key; anything else is its key's. */
bool responses_is_of(const struct responses_record *r, const struct responses_owner *caller);

/* The record of a response to come: everything but the response, which is given at the end.
 * `previous`: that it goes on from, or NULL. `own`: the body as it came, `expanded` as above. */
struct slice responses_record_begin(const struct responses_owner *owner,
                                    const struct responses_record *previous, yyjson_val *own,
                                    yyjson_val *expanded, struct arena *a);
void responses_record_end(struct slice begin, struct slice response, struct buf *out);

struct responses_page {
    bool descending;
    size_t limit;
    struct slice after; /* id of the item before; empty: from the first on */
};

/* A list of the input's items (GET …/input_items). */
void responses_write_input(const struct responses_record *r, const struct responses_page *page,
                           struct json_writer *w);

#endif
