#ifndef CONFIG_CALLBACKS_H
#define CONFIG_CALLBACKS_H

/* Who is told of requests: litellm_settings.callbacks and its like, and callback_settings. What the
 * names mean is the gateway's matter. */

#include "aws/identity.h"
#include "base/json.h"

struct callbacks {
    yyjson_val *both, *success, *failure; /* lists of names, or NULL */
    yyjson_val *settings;                 /* callback_settings: object by name, or NULL */
    yyjson_val *s3;                       /* s3_callback_params: object, or NULL … */
    const struct aws_identity
        *s3_identity;          /* … and whose credentials those name; NULL: there are none */
    yyjson_val *headers;       /* generic_logger_headers: object, or NULL */
    yyjson_val *allowed_hosts; /* callback_url_allowed_hosts: list, or NULL */
};

#endif
