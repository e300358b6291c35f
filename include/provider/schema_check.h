#ifndef PROVIDER_SCHEMA_CHECK_H
#define PROVIDER_SCHEMA_CHECK_H

/* Whether a value fits a JSON schema (json-schema.org, 2020-12). Checked are type, enum, const,
 * properties, required, additionalProperties, minProperties, maxProperties, items, prefixItems,
 * minItems, maxItems, uniqueItems, minLength, maxLength, minimum, maximum, exclusiveMinimum,
 * exclusiveMaximum, multipleOf, anyOf, oneOf, allOf, not, and references into the schema itself, as
 * they are resolved for models (recursive ones admit anything). Any other keyword, pattern and
 * format among them, says nothing here. The work is bounded. */

#include "base/json.h"

/* False: `*why` names place and reason ("$.age: expected an integer, got a string"), and is in the
 * arena. A check that would be too much work fails, too. */
bool schema_check(yyjson_val *schema, yyjson_val *value, struct arena *a, struct slice *why);

#endif
