#ifndef SIM_MODEL_H
#define SIM_MODEL_H

/* What a model id stands for: the rules of its family. Pure tables. */

#include "base/slice.h"

enum thinking_mode {
    THINKING_NONE,     /* the model cannot */
    THINKING_BUDGET,   /* enabled + budget_tokens */
    THINKING_BOTH,     /* budget or adaptive */
    THINKING_ADAPTIVE, /* adaptive only */
    THINKING_ALWAYS,   /* adaptive, and it cannot be switched off */
};

/* What InvokeModel takes. */
enum own_body {
    BODY_UNKNOWN, /* not simulated */
    BODY_CLAUDE,
    BODY_TITAN_TEXT,
    BODY_TITAN_EMBED,    /* from here on: embeddings */
    BODY_TITAN_EMBED_V2, /* with dimensions, normalize, embeddingTypes */
    BODY_TITAN_EMBED_IMAGE,
    BODY_COHERE_V3,
    BODY_COHERE_V4,
    BODY_NOVA_EMBED,
};

struct model {
    const char *prefix; /* of the base id, without geography */
    enum thinking_mode thinking;
    unsigned context;   /* tokens in */
    unsigned output;    /* tokens out; 0: unknown, not checked */
    unsigned cache_min; /* tokens a cached prefix needs; 0: no prompt caching */
    enum own_body own_body;
    bool claude;        /* speaks Anthropic's messages behind Converse */
    bool sampling;      /* takes temperature, top_p, top_k */
    bool one_sampling;  /* refuses temperature and top_p together */
    bool prefill;       /* takes a final assistant message */
    bool forced_tool;   /* takes toolChoice any / tool */
    bool cache_hour;    /* takes cachePoint ttl 1h */
    bool schema;        /* takes a JSON schema for its answer; on InvokeModel strict tools */
    bool strict_tools;  /* takes toolSpec.strict on Converse */
    bool video;         /* looks at videos */
    bool tools;         /* takes a toolConfig */
    bool system;        /* takes system text */
    const char *effort; /* highest output_config.effort; NULL: does not know the parameter */
};

/* It makes vectors, and neither converses nor streams. */
bool model_embeds(const struct model *m);

/* `id`: percent-decoded, with or without geography, or an ARN. Never NULL: an unknown Claude has
 * the newest rules, an application profile or another vendor's model the loosest. */
const struct model *model_find(struct slice id);

/* The id, or the ARN, names a profile and not a foundation model. */
bool model_is_profile(struct slice id);

/* False for names that cannot be Bedrock ids ("gpt-4o"). */
bool model_id_plausible(struct slice id);

#endif
