#ifndef GATEWAY_REQUEST_METADATA_H
#define GATEWAY_REQUEST_METADATA_H

/* litellm_settings.bedrock_request_metadata_fields: who asks, as requestMetadata of Bedrock's
 * calls, which AWS puts into its invocation log and its bills. The option lists facts of the
 * gateway (user_api_key_alias, user_api_key_team_id, …), which nobody can say instead, and
 * spend_logs_metadata, whose pairs are the client's. Pairs that Bedrock would refuse are left out:
 * https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
 *
 * Pure. */

#include "caller.h"
#include "llm/request.h"

#define REQUEST_METADATA_MAX 16 /* pairs; the gateway's own first */

/* `fields`: the option, a list. The request's own requestMetadata gives way to what is made of it
 * and of these. */
void request_metadata_set(struct llm_request *r, yyjson_val *fields, const struct caller *caller,
                          struct arena *a);

/* One of the facts that the option may list, by its name; empty: not known, or no such fact. */
struct slice request_metadata_fact(const struct caller *c, struct slice field);

#endif
