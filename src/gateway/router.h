#ifndef GATEWAY_ROUTER_H
#define GATEWAY_ROUTER_H

/* Model name → deployment. A name is looked up as a group, then as an alias of another name; what
 * is no group is held against the groups with a wildcard ("bedrock/…"), of which the most precise
 * serves. Within a group the strategy decides (router_choose.c). */

#include "affinity.h"
#include "config/config.h"
#include "tracker.h"

struct health;

struct router_query {
    struct slice model;
    bool streamed;
    int64_t now;                 /* ms, the turn's */
    uint32_t random;             /* decides between equals */
    struct tracker *tracker;     /* NULL: only the name is looked up, nothing rests */
    const struct health *health; /* NULL: checks do not count */
    struct affinity *kept;       /* NULL: none */
    uint64_t affinity;           /* affinity_hash of what should stay where it was; 0: nothing */
    int64_t affinity_ttl;        /* ms; from its last use */
    int64_t estimated_tokens;    /* of the prompt; 0: not known */
    bool must_fit;               /* into the model's context, by that estimate */
    struct slice region;         /* where the deployment must lie; or empty: anywhere */
    bool prefill;                /* the model must accept the beginning of its answer */
    yyjson_val *tags;            /* list of strings, or NULL … */
    struct slice tag_list;       /* … and more, with commas between them */
    struct slice user_agent;     /* of the client, for tag_regex; or empty */
    /* Called before for this request: chosen again only when no other may be. */
    const struct deployment *const *tried;
    size_t tried_count;
    /* Asked before in this round, and had nothing to give: not chosen. */
    const struct deployment *const *passed_over;
    size_t passed_over_count;
};

#define ROUTER_PASSED_OVER_MAX 16 /* asked in one round; further ones count as limited too */

enum router_refusal {
    ROUTER_PICKED,
    ROUTER_NO_MODEL,   /* nothing serves the name */
    ROUTER_NO_TAGS,    /* none has one of the tags */
    ROUTER_NO_PREFILL, /* none accepts the beginning of its answer */
    ROUTER_NO_REGION,  /* none lies where it must */
    ROUTER_TOO_LONG,   /* the prompt fits none of the models */
    ROUTER_RESTING,    /* all of them rest; see wait_ms */
    ROUTER_BUSY,       /* all have as many calls under way as they may, or are paced */
    ROUTER_LIMITED     /* all have used their rpm or tpm up */
};

struct router_pick {
    const struct deployment *deployment; /* NULL: see refusal */
    struct slice group;                  /* model_name of the group */
    struct slice model_id;               /* Bedrock id to call */
    enum bedrock_api api;                /* the deployment's, or named with the wildcard's match */
    enum router_refusal refusal;
    int64_t wait_ms; /* until one may be called, where that is known; else 0 */
    double pace;     /* calls a second of those that may, where all of them are paced; else 0 */
};

/* The result points into the configuration, `model` or `a`. */
struct router_pick router_pick(const struct config *c, const struct router_query *q,
                               struct arena *a);

/* The group that serves a name; NULL: none. `model` becomes what an alias stands for. */
const struct pool *router_pool(const struct config *c, struct slice *model);

/* Facts about the model that a deployment calls by that id: its own, or one its wildcard stands
 * for. */
const struct model *router_facts(const struct config *c, const struct deployment *d,
                                 struct slice id, struct arena *a);

/* The group behind an alias (a name, or an object {model, hidden}); p == NULL: it is none. */
struct slice router_alias(const struct config *c, struct slice name);

#endif
