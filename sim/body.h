#ifndef SIM_BODY_H
#define SIM_BODY_H

/* Reading a Converse body that has passed the schema: blocks, messages, tools, thinking. */

#include "model.h"

#include "base/json.h"

enum block_kind {
    BLOCK_TEXT,
    BLOCK_IMAGE,
    BLOCK_DOCUMENT,
    BLOCK_VIDEO,
    BLOCK_TOOL_USE,
    BLOCK_TOOL_RESULT,
    BLOCK_REASONING,
    BLOCK_CACHE_POINT,
    BLOCK_OTHER,
};

/* The kind of a content, system or tool block and, in `*value` (may be NULL), what is in it. */
enum block_kind block_kind(yyjson_val *block, yyjson_val **value);

bool message_is(yyjson_val *message, const char *role);
yyjson_val *message_content(yyjson_val *message);
size_t message_count(yyjson_val *message, enum block_kind kind);

/* The last message of the list, or of a role; NULL: none. */
yyjson_val *body_last_message(yyjson_val *body);
yyjson_val *body_last_user(yyjson_val *body);

yyjson_val *body_tools(yyjson_val *body); /* toolConfig.tools or NULL */

/* "auto", "any", "tool", or NULL when absent; `*name`: the tool that "tool" forces. */
const char *body_tool_choice(yyjson_val *body, struct slice *name);

struct thinking {
    bool on;
    bool manual;  /* type enabled: with a budget */
    bool visible; /* the text is shown; else only the signature comes */
    int64_t budget;
};

/* What the request asks of a model that thinks (additionalModelRequestFields.thinking). */
struct thinking body_thinking(yyjson_val *body, const struct model *model);

#endif
