#ifndef PROVIDER_DEPLOYMENT_H
#define PROVIDER_DEPLOYMENT_H

/* One entry of model_list, as providers see it. Filled by gateway/config, immutable but for the
 * signing key, which fills itself. All memory belongs to the configuration snapshot. */

#include "base/json.h"
#include "base/map.h"
#include "wire/sigv4.h"

struct aws_identity;
struct http_fence;
struct model;
struct llm_request;
struct route_params;

/* Which of Bedrock's APIs the model string asks for: "bedrock/converse/…", "bedrock/invoke/…", or
 * whichever suits the model. */
enum bedrock_api { BEDROCK_AUTO, BEDROCK_CONVERSE, BEDROCK_INVOKE };

struct deployment {
    const char *id;         /* stable: model_info.id, or derived from name, model and region */
    const char *model_name; /* the group clients ask for; may contain '*' */
    const char *model;      /* litellm_params.model as written: "bedrock/us.anthropic…" */
    const char *bedrock_id; /* id or ARN to call; "*" when the model is a wildcard */
    enum bedrock_api api;
    const char *region;   /* "us-east-1" */
    const char *endpoint; /* "https://bedrock-runtime.us-east-1.amazonaws.com", no last slash */
    const struct http_fence *fence;      /* around it, where a client named it; else NULL */
    const struct aws_identity *identity; /* aws/identity.h: whose credentials; NULL: see api_key */
    struct aws_credentials credentials;  /* of an identity that has them for good; else empty */
    struct slice api_key; /* of Bedrock, in place of credentials and signatures; or empty */
    const char *credential_source; /* for people: "litellm_params", "environment", … */
    /* Request parameters used where the client is silent, as configured (an object, or NULL) and
     * as read (or NULL). */
    yyjson_val *defaults;
    const struct llm_request *preset;
    yyjson_val *model_info;    /* object as configured, or NULL */
    yyjson_val *params;        /* object: litellm_params without its secrets, for clients */
    const struct model *facts; /* prices, limits and capabilities; of a wildcard: see `known` */
    struct map *known; /* wildcard: id → struct model * of what the table names; or NULL */
    struct route_params *routing; /* what the gateway chooses by: gateway/routing.h */
    bool endpoint_named;          /* `endpoint` is as configured, not by the region */
    bool drop_params;             /* unsupported parameters are dropped, not refused */
    yyjson_val *drop_list;        /* additional_drop_params: names, or NULL */
    bool prompt_caching_auto;     /* cache points are put where an agent profits … */
    bool prompt_caching_hour;     /* … and hold an hour, where the model knows of such */
    bool tools_as_text;           /* calls of a history are told, where the request has no tools */
    int64_t num_retries;          /* of a failed call; -1: the router's */
    double timeout_s;             /* whole answer; 0: the router's */
    double stream_timeout_s;      /* to the first byte of a stream; 0: the router's */
    double connect_timeout_s, first_byte_timeout_s, idle_timeout_s; /* likewise */
    yyjson_val *tier_timeouts, *tier_stream_timeouts; /* objects tier → seconds, or NULL */
    double keepalive_s;      /* of a silent stream; 0: never, < 0: as the settings say */
    bool keepalive_override; /* clients may say it */
    struct sigv4_key *signing_key;
    const char *file; /* of the configuration, that has the entry … */
    int line;         /* … in that line */
    bool stored;      /* it comes from the database */
    bool blocked;     /* nothing is called there: model_info.blocked, /model/block */
};

#endif
