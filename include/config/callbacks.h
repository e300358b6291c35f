#ifndef CONFIG_CALLBACKS_H
#define CONFIG_CALLBACKS_H

/* Who is told of requests: litellm_settings.callbacks and its like, default_team_settings, and
 * callback_settings. What the names mean is the gateway's matter. */

#include "aws/identity.h"
#include "base/json.h"

struct callbacks {
    yyjson_val *both, *success, *failure; /* lists of names, or NULL */
    yyjson_val *settings;                 /* callback_settings: object by name */
    yyjson_val
        *teams;     /* default_team_settings: lists as callback_list_make's, by team id; or NULL */
    yyjson_val *s3; /* s3_callback_params: object, or NULL … */
    const struct aws_identity
        *s3_identity;          /* … and whose credentials those name; NULL: there are none */
    yyjson_val *headers;       /* generic_logger_headers: object, or NULL */
    yyjson_val *options;       /* options of several callbacks, by their names: object, or NULL */
    yyjson_val *audit;         /* audit_log_callbacks: a list of names, or NULL */
    yyjson_val *allowed_hosts; /* callback_url_allowed_hosts: list, or NULL */
};

/* What LiteLLM says in one object of all callbacks of a team ({success_callback: […],
 * failure_callback: […], callback_vars: {…}}; without callback_vars the other members are those),
 * as it says it of each ([{callback_name, callback_type, callback_vars}, …]). Lies in the arena.
 * NULL: it names none. */
yyjson_val *callback_list_make(yyjson_val *settings, struct arena *a);

#endif
