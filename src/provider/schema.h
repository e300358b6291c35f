#ifndef PROVIDER_SCHEMA_H
#define PROVIDER_SCHEMA_H

/* JSON schemas of tools and answers. Models on Bedrock do not all follow references, so those into
 * the schema itself ("#/$defs/X") are put in place; recursive ones end in {}. Everything else stays
 * byte for byte. */

#include "base/json.h"

/* Writes the schema as Bedrock wants a tool's: of type object, with properties and required. NULL:
 * no parameters. True: references were resolved. */
bool schema_write_tool(struct json_writer *w, yyjson_val *schema);

/* The schema as it is, references resolved. */
bool schema_write(struct json_writer *w, yyjson_val *schema);

/* Fit for native structured output: objects name their members and admit no others, nothing is
 * recursive, and no numbers, lengths or patterns are bounded. */
bool schema_is_closed(yyjson_val *schema);

#endif
