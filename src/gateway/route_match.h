#ifndef GATEWAY_ROUTE_MATCH_H
#define GATEWAY_ROUTE_MATCH_H

/* How people name routes, in allowed_routes of keys and in general_settings. Pure. */

#include "config/access.h"
#include "routes.h"

/* Whether `name` means the route that was called by `path`. It is a path ("/v1/models"), a path
 * with holes ("/v1/responses/{id}": each one segment), a beginning ("/v1/…" with a '*' at its end),
 * or one of LiteLLM's groups, "LiteLLMRoutes." before it or not: llm_api_routes, openai_routes,
 * anthropic_routes, mapped_pass_through_routes, info_routes, management_routes,
 * key_management_routes, spend_tracking_routes, global_spend_tracking_routes, public_routes. */
bool route_matches(struct slice name, const struct route *route, struct slice path);

bool route_matches_any(struct name_list names, const struct route *route, struct slice path);

#endif
