#ifndef GATEWAY_CALLBACK_VARS_H
#define GATEWAY_CALLBACK_VARS_H

/* callback_vars in the metadata of keys and teams. Secrets among them lie in the database sealed,
 * as LiteLLM has them ("litellm_enc::", then wire/secretbox.h), and are in no answer. Which ones
 * are secrets, their names say (config_is_secret). What lies there in the clear, from before, is
 * used as it is. */

#include "base/json.h"

/* Metadata with its secrets sealed; those that are already stay so. A client that sends back what
 * it was shown (***REDACTED***) means what `old`, the row's metadata so far, has in that place; but
 * only if all of that callback's variables are as they were: a secret goes to no other host than
 * the one it was given for. Empty: it is too long. */
struct slice callback_vars_seal(struct slice salt_key, struct slice metadata, struct slice old,
                                struct arena *a);

/* metadata.logging, opened. What another key sealed is left out. NULL stays NULL. */
yyjson_val *callback_vars_open(struct slice salt_key, yyjson_val *logging, struct arena *a);

/* Metadata for an answer, whole. */
void callback_vars_write(struct json_writer *w, struct slice metadata);

#endif
