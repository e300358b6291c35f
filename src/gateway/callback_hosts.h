#ifndef GATEWAY_CALLBACK_HOSTS_H
#define GATEWAY_CALLBACK_HOSTS_H

/* Where callbacks may go whose variables a key or a team says: to public addresses, and to hosts
 * that the operator named, in litellm_settings.callback_url_allowed_hosts or for callbacks of the
 * configuration (their variables, callback_settings). `worker`: struct worker. */

#include <stdbool.h>

bool callback_host_is_trusted(const void *worker, const char *url);

#endif
