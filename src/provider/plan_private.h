#ifndef PROVIDER_PLAN_PRIVATE_H
#define PROVIDER_PLAN_PRIVATE_H

/* Shared by the files of the plan. Each settles its part, in this order:
 *
 *   plan_params.c        parameters: supported or not, the model's own fields, beta flags
 *   plan_tools.c         tools, names, choice, JSON answers
 *   plan_thinking.c      thinking, sampling, token limits
 *   plan_messages.c      the conversation
 *   plan_cache.c         cache points
 */

#include "provider/plan.h"
#include "provider/provider.h"
#include "schema.h"

struct planner {
    const struct provider_attempt *t;
    const struct llm_request *r;
    const struct model *m;
    struct arena *a;
    struct plan *p;
    struct failure *f;
    bool drop; /* what the model does not take is dropped, not refused */
};

static inline void plan_repaired(struct planner *k, enum plan_repair r)
{
    k->p->repairs |= 1u << r;
}

/* True when the parameter may be left out; else the failure is set. */
bool plan_unsupported(struct planner *k, struct slice name);

/* Adds a field for the model itself; `json` is its value as text. */
void plan_field(struct planner *k, struct slice name, const char *json);

bool plan_params(struct planner *k);
bool plan_tools(struct planner *k);
bool plan_thinking(struct planner *k);
void plan_messages(struct planner *k);
void plan_cache(struct planner *k);

/* Name and id in the provider's alphabet; what fits is returned as it is. */
struct slice plan_tool_name(struct planner *k, struct slice name);
struct slice plan_tool_id(struct planner *k, struct slice id);

bool plan_history_has_tools(const struct llm_request *r);

/* The history is such that a model with a thinking budget will take it. */
bool plan_history_thinks(const struct llm_request *r);

#endif
