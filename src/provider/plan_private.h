#ifndef PROVIDER_PLAN_PRIVATE_H
#define PROVIDER_PLAN_PRIVATE_H

/* Shared by the files of the plan. Each settles its part, in this order:
 *
 *   plan_params.c        parameters: supported or not, the model's own fields, beta flags
 *   plan_tools.c         tools, names, choice, JSON answers
 *   plan_thinking.c      the form of thinking
 *   plan_inject.c        cache points that the configuration asks for
 *   plan_messages.c      the conversation; plan_calls.c: which result answers which call
 *   plan_thinking.c      whether the conversation lets the model think; what thinking changes
 *   plan_sampling.c      token limits and sampling
 *   plan_cache.c         cache points
 */

#include "provider/plan.h"
#include "provider/provider.h"
#include "schema.h"

struct planner {
    const struct provider_attempt *t;
    const struct llm_request *r;
    struct llm_block *system;           /* the request's … */
    const struct llm_message *messages; /* … and its messages, with cache points injected */
    const struct model *m;
    struct arena *a;
    struct plan *p;
    struct failure *f;
    bool drop;                 /* what the model does not take is dropped, not refused */
    bool claude;               /* or a model we know nothing about, which is taken for one */
    bool tools_as_text;        /* calls and results of the history are told */
    bool nova_high;            /* Nova thinks with its highest effort: then it takes no limits */
    unsigned documents, cited; /* of the conversation; those the answer shall cite */
};

static inline void plan_repaired(struct planner *k, enum plan_repair r)
{
    k->p->repairs |= PLAN_REPAIR(r);
}

/* ---- parameters ---------------------------------------------------------------------------- */

/* True when the parameter may be left out; else the failure is set. */
bool plan_unsupported(struct planner *k, struct slice name);

/* The client vouches that the model takes the parameter (allowed_openai_params). */
bool plan_is_allowed(const struct llm_request *r, const char *name);

/* Adds a field for the model itself; `json` is its value as text. */
void plan_field(struct planner *k, struct slice name, const char *json);

bool plan_params(struct planner *k);

/* The beta flag that a part of the request needs: false when the model does not know it, or is no
 * Claude that is spoken to in its own words. */
bool plan_needs_beta(struct planner *k, const char *name);

/* What the client says in the model's own words counts: nothing is said twice. */
void plan_fields_win(struct planner *k);

/* ---- tools --------------------------------------------------------------------------------- */

bool plan_tools(struct planner *k);

/* Whether a block of Anthropic's that has no neutral form goes to the model. */
bool plan_keeps_foreign(struct planner *k, const struct llm_block *b);

/* When it is known whether the model thinks, which does not go together with a forced tool. */
void plan_settle_choice(struct planner *k);

/* Name in the provider's alphabet; what fits is returned as it is. */
struct slice plan_tool_name(struct planner *k, struct slice name);

/* Likewise the id of a call, the nth of that id (from 1) in the conversation. */
struct slice plan_tool_id(struct planner *k, struct slice id, unsigned nth);

/* ---- thinking ------------------------------------------------------------------------------ */

bool plan_thinking(struct planner *k);

/* The model is asked to think. */
static inline bool plan_asks_to_think(const struct plan *p)
{
    return p->thinking == PLAN_THINKING_BUDGET || p->thinking == PLAN_THINKING_ADAPTIVE;
}

/* The model thinks, asked or not. */
static inline bool plan_thinks(const struct plan *p)
{
    return plan_asks_to_think(p) || p->model->thinking == THINKING_ALWAYS;
}

/* Is this block of thinking sent? */
bool plan_keeps_thinking(struct planner *k, const struct llm_block *b);

/* With a budget Claude wants to see its thinking in a tool loop. False: it does not, thinking is
 * off now, and the conversation has to be planned again. */
bool plan_history_thinks(struct planner *k);

/* ---- the conversation ---------------------------------------------------------------------- */

/* A tool call of the history. */
struct plan_call {
    struct plan_call *next;
    struct slice id;                /* as the provider takes it, unlike any other */
    const struct llm_block *result; /* NULL: none came */
    unsigned nth;                   /* call of the client's id */
    /* Of calls with one id in one turn; the first of them keeps account. */
    unsigned turn;
    struct plan_call *twin; /* the next of them */
    struct plan_call *open; /* the first without a result */
    struct plan_call *last;
};

/* A tool result of the history. Neither orphan nor a call: the call has another. */
struct plan_result {
    struct plan_result *next;
    struct plan_call *call;
    bool orphan; /* there is no such call */
};

/* Both lists in the order of the history. */
void plan_pair(struct planner *k, struct plan_call **calls, struct plan_result **results);

/* More than cache points and white space. */
bool plan_says_anything(const struct llm_message *m);

void plan_messages(struct planner *k);

/* ---- the rest ------------------------------------------------------------------------------ */

void plan_inject(struct planner *k);
void plan_sampling(struct planner *k);
void plan_cache(struct planner *k);

#endif
