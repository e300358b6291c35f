#ifndef GATEWAY_BODY_MEMBERS_H
#define GATEWAY_BODY_MEMBERS_H

/* What the members of request bodies are, in all dialects, for those who keep or tell bodies. */

#include "base/json.h"

bool body_is_part(struct slice name);    /* of a conversation: see body_parts */
bool body_is_content(struct slice name); /* what people and models say: parts and others */
bool body_is_secret(struct slice name);  /* by its name: a key, a password */

/* The conversation, the system prompt beside it, and the tools, wherever the dialect has them;
 * NULL: there are none. */
struct body_parts {
    yyjson_val *messages, *system, *tools;
};
struct body_parts body_parts(yyjson_val *body);

#endif
