#ifndef GATEWAY_CLIENTSIDE_H
#define GATEWAY_CLIENTSIDE_H

/* Credentials, region and endpoint that a request brings itself, in LiteLLM's words
 * (aws_access_key_id, api_key, api_base …): its calls are made with them in place of the
 * deployment's, where allow_client_side_credentials or the deployment's
 * configurable_clientside_auth_params says so.
 *
 * They are taken out of the body when it is read, so that nothing that keeps or tells bodies ever
 * sees them, and die with the exchange. What such a call comes to says nothing about the
 * deployment: nobody rests, is paced or learns because of it, and its answer is not kept for
 * others. An endpoint of the client's gets credentials of the client's only, none of the
 * deployment's own headers, and leads to public addresses (user_url_allowed_hosts excepted). */

#include "exchange.h"

/* The body without them. Of routes that call models; others' bodies stay as they are. */
yyjson_val *clientside_take(struct exchange *ex, yyjson_val *body);

/* ADMIT: what was brought makes sense. False: see ex->failure. */
bool clientside_check(struct exchange *ex);

/* CREDENTIALS: the chosen deployment allows it. False: see ex->failure. */
bool clientside_apply(struct exchange *ex);
/* After that: the call is signed with what the client brought. */
bool clientside_signs(const struct exchange *ex);
bool clientside_redirects(const struct exchange *ex);

/* The deployment as this request calls it. */
const struct deployment *clientside_deployment(const struct exchange *ex);

#endif
