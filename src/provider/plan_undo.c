/* The way back of an answer through what the plan did to its request.
 *
 * Names: a tool the client calls "my.tool" was offered as "my_tool"; the client hears its own name.
 * One call: parallel_tool_calls false is a promise; a model that cannot be told calls as many as it
 * likes, and all but the first are swallowed.
 * JSON tool: its arguments are the answer's text, and the answer ends as a text does. What else the
 * model says around it would make the JSON unreadable: text is held back until the call comes, or
 * until the answer ends without one. */

#include "llm/fold.h"
#include "plan_private.h"

struct undo {
    struct llm_sink sink; /* first: what plan_undo returns */
    const struct plan *p;
    const struct llm_sink *to;
    struct arena *a;
    struct plan_name *names;
    unsigned calls;      /* tool calls that began */
    unsigned json_block; /* of the JSON tool */
    bool json_open;      /* it is being called */
    bool json_done;      /* it was called */
    bool swallow;        /* the call that comes now is one too many */
    bool failed;         /* the client was told so: nothing may follow */
    struct buf held;     /* text in front of the JSON tool */
};

static void hand_on(struct undo *u, const struct llm_event *e)
{
    u->to->event(u->to->user, e);
}

static void let_go(struct undo *u)
{
    struct llm_event text = {.kind = EV_TEXT, .text = buf_slice(&u->held)};
    if (u->held.n)
        hand_on(u, &text);
    buf_fini(&u->held);
}

static void hold(struct undo *u, const struct llm_event *e)
{
    struct failure f = {0};
    if (u->json_done)
        return;
    buf_add(&u->held, e->text);
    if (!u->held.overflow)
        return;
    u->failed = true;
    failure_set(&f, u->a, FAILURE_BAD_GATEWAY, 502, "the model's answer is larger than %u bytes",
                LLM_ANSWER_MAX);
    hand_on(u, &(struct llm_event){.kind = EV_FAIL, .failure = &f});
}

static struct slice client_name(const struct undo *u, struct slice upstream)
{
    for (const struct plan_name *n = u->names; n; n = n->next)
        if (slice_eq(n->upstream, upstream))
            return n->client;
    return upstream;
}

static bool is_json_tool(const struct undo *u, struct slice name)
{
    return u->p->format == PLAN_FORMAT_TOOL && slice_eq(name, SLICE(PLAN_JSON_TOOL));
}

static void on_call(struct undo *u, const struct llm_event *e)
{
    struct llm_event own = *e;
    if (is_json_tool(u, e->name)) {
        u->swallow = u->json_done;
        u->json_open = !u->json_done;
        u->json_done = true;
        u->json_block = e->block;
        buf_fini(&u->held);
        return;
    }
    u->swallow = u->p->one_tool_call && u->calls;
    if (u->swallow)
        return;
    u->calls++;
    let_go(u);
    own.name = client_name(u, e->name);
    hand_on(u, &own);
}

static void on_args(struct undo *u, const struct llm_event *e)
{
    struct llm_event own = *e;
    if (u->swallow)
        return;
    if (u->json_open && e->block == u->json_block)
        own.kind = EV_TEXT;
    hand_on(u, &own);
}

static void on_block_stop(struct undo *u, const struct llm_event *e)
{
    if (u->json_open && e->block == u->json_block)
        u->json_open = false;
    if (!u->swallow)
        hand_on(u, e);
    u->swallow = false;
}

static void on_stop(struct undo *u, const struct llm_event *e)
{
    struct llm_event own = *e;
    let_go(u);
    if (u->json_done && !u->calls) {
        if (own.stop == LLM_STOP_TOOL_USE)
            own.stop = LLM_STOP_END_TURN;
        else if (own.stop == LLM_STOP_MALFORMED_TOOL_USE)
            own.stop = LLM_STOP_MALFORMED_OUTPUT;
    }
    hand_on(u, &own);
}

static void on_event(void *user, const struct llm_event *e)
{
    struct undo *u = user;
    if (u->failed)
        return;
    switch (e->kind) {
    case EV_BLOCK_START: on_call(u, e); break;
    case EV_TOOL_ARGS: on_args(u, e); break;
    case EV_BLOCK_STOP: on_block_stop(u, e); break;
    case EV_STOP: on_stop(u, e); break;
    case EV_TEXT:
        if (u->p->format == PLAN_FORMAT_TOOL)
            hold(u, e);
        else
            hand_on(u, e);
        break;
    case EV_START:
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_CITATION:
    case EV_FOREIGN:
    case EV_RAW:
    case EV_NOTE:
    case EV_USAGE:
    case EV_END:
    case EV_FAIL: hand_on(u, e); break;
    }
}

/* The plan's own die with the prompt. */
static void keep_names(struct undo *u)
{
    struct plan_name **tail = &u->names;
    for (const struct plan_name *n = u->p->names; n; n = n->next) {
        *tail = ARENA_NEW(u->a, struct plan_name);
        (*tail)->client = arena_dup(u->a, n->client);
        (*tail)->upstream = arena_dup(u->a, n->upstream);
        tail = &(*tail)->next;
    }
}

const struct llm_sink *plan_undo(const struct plan *p, const struct llm_sink *to, struct arena *a)
{
    struct undo *u;
    if (!p->names && !p->one_tool_call && p->format != PLAN_FORMAT_TOOL)
        return to;
    u = ARENA_NEW(a, struct undo);
    u->sink = (struct llm_sink){on_event, u};
    u->p = p;
    u->to = to;
    u->a = a;
    buf_init(&u->held, LLM_ANSWER_MAX);
    keep_names(u);
    return &u->sink;
}

void plan_undo_free(const struct llm_sink *undo, const struct llm_sink *to)
{
    if (undo && undo != to)
        buf_fini(&((struct undo *)undo->user)->held);
}
