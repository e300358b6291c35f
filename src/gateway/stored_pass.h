#ifndef GATEWAY_STORED_PASS_H
#define GATEWAY_STORED_PASS_H

/* Entries of general_settings.pass_through_endpoints as they lie in the database: the values of
 * `headers` and `default_query_params` are sealed. LiteLLM leaves them in the clear, which is taken
 * as it is. */

#include "config/config.h"

/* JSON in the arena; what is no object is written as it is. */
struct slice stored_pass_seal(const struct config *c, yyjson_val *endpoint, struct arena *a);
struct slice stored_pass_open(const struct config *c, yyjson_val *endpoint, struct arena *a);

#endif
