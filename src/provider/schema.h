#ifndef PROVIDER_SCHEMA_H
#define PROVIDER_SCHEMA_H

/* JSON schemas of tools and answers. Models on Bedrock do not all follow references, so those into
 * the schema itself ("#/$defs/X") are put in place; recursive ones, and those into nothing, end in
 * {}. Everything else stays byte for byte. What references add is bounded. */

#include "base/json.h"

/* Writes the schema as Bedrock wants a tool's: of type object, with properties and required. NULL:
 * no parameters. `bare`: nothing but these three at the top, which is what Nova takes. True:
 * references were resolved, or members left out. */
bool schema_write_tool(struct json_writer *w, yyjson_val *schema, bool bare);

/* The schema as it is, references resolved. True: there were some. */
bool schema_write(struct json_writer *w, yyjson_val *schema);

/* Fit for native structured output and for strict tools: objects name their members and admit no
 * others, nothing is recursive, and nothing is asked that a grammar cannot promise (Anthropic's
 * list of limitations). */
bool schema_is_strict(yyjson_val *schema);

#endif
