#ifndef SIM_CLAUDE_H
#define SIM_CLAUDE_H

/* Claude in its own words, on InvokeModel: Anthropic's Messages in, messages and their events out.
 * What is asked is also told as a Converse body, so that both operations share counting, caching,
 * thinking and answers, and signatures and cached prefixes hold across them. Pure. */

#include "frames.h"
#include "native.h"
#include "rules.h"

extern const struct native_shape claude_shape;

/* The rules of one theme against a body that has passed the shape, in Anthropic's words. `c->body`
 * is Anthropic's. */
bool claude_rules_conversation(const struct check *c);
bool claude_rules_tools(const struct check *c);
bool claude_rules_cache(const struct check *c);
bool claude_rules_media(const struct check *c);
bool claude_rules_fields(const struct check *c); /* betas and what needs them, max_tokens */

/* Blocks of a system text, message or tool result; a plain string counts as one text block. */
yyjson_val *claude_blocks(yyjson_val *content); /* the list; NULL: a string, or nothing */
bool claude_is(yyjson_val *block, const char *type);
yyjson_val *claude_given(yyjson_val *object, const char *name); /* there, and not null; or NULL */

/* The same request as a Converse body. */
yyjson_val *claude_to_converse(yyjson_val *body, struct arena *a);

/* The message as JSON; the stream's events. */
void claude_write(const struct answer *answer, struct buf *out);
void claude_stream(struct frames *f, const struct answer *answer);

#endif
