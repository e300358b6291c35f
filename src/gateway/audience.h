#ifndef GATEWAY_AUDIENCE_H
#define GATEWAY_AUDIENCE_H

/* Who is told of a request, and of how much of it: one place for all callbacks and for what the
 * database keeps of prompts.
 *
 *   told      the callbacks of the configuration, without those that the client (header
 *             x-litellm-disable-callbacks) or the key (metadata.litellm_disabled_callbacks) names,
 *             none of them for a body with "no-log": true; and the key's own, or the team's
 *             (metadata.logging, else default_team_settings), which take the place of the
 *             configuration's of the same name
 *   redact    prompts and answers are told to nobody: turn_off_message_logging of the
 *             configuration, the body or a key's callback_vars, or a header */

#include "base/json.h"

struct exchange;

struct audience {
    bool chosen;
    bool redact;
    uint64_t told; /* sinks (observe/observe.h) … */
    uint64_t held; /* … of which those are the key's or the team's own */
};

bool audience_own(const struct exchange *ex); /* the key or its team have callbacks of their own */

/* Once the body is read, if anybody listens; again costs nothing. */
void audience_choose(struct exchange *ex, yyjson_val *body);
void audience_release(struct exchange *ex); /* nobody is told of it any more */

#endif
