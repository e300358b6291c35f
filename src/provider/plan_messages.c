/* The conversation as Bedrock takes it: user first, in turns, no blank text, every tool call
 * followed by its result and every result preceded by its call.
 *
 * The happy path: one look over the history pairs calls with results, a second one copies the
 * blocks into turns. Nothing is moved that stands where it should, and what was said in earlier
 * turns is written alike in later ones, so that prompt caches keep matching.
 *
 * Nothing fails here: what cannot be kept becomes text, and what is missing is said to be missing.
 */

#include "plan_private.h"

#include "base/map.h"

#define CONTINUE  "Please continue."
#define NO_RESULT "[no result: the tool call was not answered]"

struct call {
    struct call *next;
    const struct llm_block *use;
    const struct llm_block *result; /* NULL: none came */
};

struct orphan {
    struct orphan *next;
    const struct llm_block *result;
};

struct talk {
    struct planner *k;
    struct call *calls, **calls_tail; /* in order; consumed as they are written */
    struct orphan *orphans, **orphans_tail;
    struct map by_id;

    struct llm_message **tail;
    struct llm_message *turn;        /* being written; NULL: none yet */
    struct llm_block **end;          /* of its blocks */
    struct llm_block **tools;        /* where its first tool call hangs; NULL: none yet */
    struct llm_block *last;          /* block added last */
    struct call *open;               /* first call of the turn: results are due */
    struct call *expected;           /* whose result should come next in the history */
    bool results;                    /* the turn holds tool results, or the message before did */
    const struct llm_message *final; /* the last message that says something */
};

static bool says(const struct llm_block *b)
{
    if (b->kind == LLM_TEXT || (b->kind == LLM_DOCUMENT && !b->data.n && !b->url.n))
        return !slice_is_blank(b->text);
    return b->kind != LLM_CACHE_POINT;
}

static bool says_anything(const struct llm_message *m)
{
    const struct llm_block *b = m->blocks;
    while (b && !says(b))
        b = b->next;
    return b != NULL;
}

static bool has_kind(const struct llm_message *m, enum llm_block_kind kind)
{
    const struct llm_block *b = m->blocks;
    while (b && b->kind != kind)
        b = b->next;
    return b != NULL;
}

/* ---- pairing ------------------------------------------------------------------------------- */

static void note_call(struct talk *t, const struct llm_block *b)
{
    struct call *c = ARENA_NEW(t->k->a, struct call);
    c->use = b;
    *t->calls_tail = c;
    t->calls_tail = &c->next;
    map_put(&t->by_id, b->id, c); /* an id used again: from here on the newer call is meant */
}

static void note_result(struct talk *t, const struct llm_block *b)
{
    struct call *c = map_get(&t->by_id, b->id);
    if (c && !c->result) {
        c->result = b;
    } else if (c) {
        plan_repaired(t->k, REPAIR_TOOL_RESULT_DUPLICATE);
    } else {
        struct orphan *o = ARENA_NEW(t->k->a, struct orphan);
        o->result = b;
        *t->orphans_tail = o;
        t->orphans_tail = &o->next;
        plan_repaired(t->k, REPAIR_TOOL_RESULT_ORPHAN);
    }
}

static void pair(struct talk *t)
{
    map_init(&t->by_id);
    for (const struct llm_message *m = t->k->r->messages; m; m = m->next) {
        for (const struct llm_block *b = m->blocks; b; b = b->next) {
            if (b->kind == LLM_TOOL_USE && t->k->m->tools)
                note_call(t, b);
            else if (b->kind == LLM_TOOL_RESULT && t->k->m->tools)
                note_result(t, b);
        }
        if (says_anything(m))
            t->final = m;
    }
    map_fini(&t->by_id);
}

/* ---- turns --------------------------------------------------------------------------------- */

static void open_turn(struct talk *t, enum llm_role role)
{
    t->turn = ARENA_NEW(t->k->a, struct llm_message);
    t->turn->role = role;
    *t->tail = t->turn;
    t->tail = &t->turn->next;
    t->end = &t->turn->blocks;
    t->tools = NULL;
    t->last = NULL;
}

static struct llm_block *add(struct talk *t, struct llm_block **at, const struct llm_block *b)
{
    struct llm_block *own = arena_alloc(t->k->a, sizeof(*own));
    *own = *b;
    own->next = *at;
    *at = own;
    if (at == t->end)
        t->end = &own->next;
    t->last = own;
    return own;
}

static void add_text(struct talk *t, struct slice text)
{
    add(t, t->end, &(struct llm_block){.kind = LLM_TEXT, .text = text});
}

/* ---- tool results -------------------------------------------------------------------------- */

/* Results hold no blank texts, and cache points stand behind them. */
static void add_result(struct talk *t, const struct llm_block *result, struct slice id)
{
    struct llm_block *own = add(t, t->end, result), **tail = &own->content;
    const struct llm_block *point = NULL;
    own->id = id;
    own->content = NULL;
    for (const struct llm_block *b = result->content; b; b = b->next) {
        if (b->kind == LLM_CACHE_POINT)
            point = b;
        if (!says(b))
            continue;
        struct llm_block *c = llm_block_add(&tail, t->k->a, b->kind);
        *c = *b;
        c->next = NULL;
    }
    if (point)
        add(t, t->end, point);
}

static void add_missing(struct talk *t, struct slice id)
{
    struct llm_block text = {.kind = LLM_TEXT, .text = SLICE(NO_RESULT)};
    struct llm_block result = {.kind = LLM_TOOL_RESULT, .content = &text, .is_error = true};
    add_result(t, &result, id);
    plan_repaired(t->k, REPAIR_TOOL_RESULT_MISSING);
}

/* The results of the calls of the turn that ends here, in their order, open the next one. */
static void answer_calls(struct talk *t)
{
    if (t->open == t->calls)
        return;
    open_turn(t, LLM_USER);
    t->results = true;
    t->expected = t->open;
    for (; t->open != t->calls; t->open = t->open->next) {
        struct slice id = plan_tool_id(t->k, t->open->use->id);
        if (t->open->result)
            add_result(t, t->open->result, id);
        else
            add_missing(t, id);
    }
}

/* A result where there can be none: its text alone. */
static void tell_result(struct talk *t, const struct llm_block *b)
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    BUF_LITERAL(&text, "[tool result for ");
    buf_add(&text, b->id);
    BUF_LITERAL(&text, ":");
    for (const struct llm_block *c = b->content; c; c = c->next)
        if (c->kind == LLM_TEXT)
            (buf_add_char(&text, ' '), buf_add(&text, c->text));
    buf_add_char(&text, ']');
    add_text(t, arena_dup(t->k->a, buf_slice(&text)));
    buf_fini(&text);
}

/* A result that is written already, or has no call. Written ones should stand in the history right
 * where they were written: then nothing was repaired. */
static void pass_result(struct talk *t, const struct llm_block *b)
{
    while (t->expected && t->expected != t->calls && !t->expected->result)
        t->expected = t->expected->next;
    if (t->expected && t->expected != t->calls && t->expected->result == b) {
        t->expected = t->expected->next;
        return;
    }
    if (!t->orphans || t->orphans->result != b) {
        plan_repaired(t->k, REPAIR_TOOL_RESULT_ORDER);
        return;
    }
    t->orphans = t->orphans->next;
    tell_result(t, b);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void add_call(struct talk *t, const struct llm_block *b)
{
    struct llm_block **at = t->end, *own = add(t, at, b);
    own->id = plan_tool_id(t->k, b->id);
    own->name = plan_tool_name(t->k, b->name);
    if (!t->tools)
        t->tools = at;
    t->calls = t->calls->next;
}

/* A model without tools gets the calls of others told. */
static void tell_call(struct talk *t, const struct llm_block *b)
{
    add_text(t, ARENA_JOIN(t->k->a, SLICE("[tool call "), b->id, SLICE(": "), b->name, SLICE("("),
                           b->input, SLICE(")]")));
}

static bool thinks(const struct plan *p)
{
    return p->thinking == PLAN_THINKING_BUDGET || p->thinking == PLAN_THINKING_ADAPTIVE;
}

/* Thinking is kept as it came, but where the model would refuse it. */
static bool keeps_reasoning(struct talk *t, const struct llm_message *m, const struct llm_block *b)
{
    struct planner *k = t->k;
    bool off = k->p->repairs & 1u << REPAIR_THINKING_OFF;
    bool final = m == t->final && !has_kind(m, LLM_TOOL_USE);
    if (b->recalled && thinks(k->p)) {
        plan_repaired(k, REPAIR_THINKING_RECALLED);
        return true;
    }
    if (b->recalled)
        return false;
    if (off || (final && !thinks(k->p)) || k->m->thinking == THINKING_NONE) {
        plan_repaired(k, REPAIR_THINKING_DROPPED);
        return false;
    }
    return true;
}

/* Everything but tool calls stands before the tool calls of its turn. */
static void add_said(struct talk *t, const struct llm_block *b)
{
    if (t->tools && b->kind != LLM_CACHE_POINT) {
        struct llm_block **at = t->tools;
        t->tools = &add(t, at, b)->next;
        plan_repaired(t->k, REPAIR_BLOCK_ORDER);
    } else {
        add(t, t->end, b);
    }
}

static void add_block(struct talk *t, const struct llm_message *m, const struct llm_block *b)
{
    if (b->kind == LLM_TOOL_USE && t->k->m->tools)
        add_call(t, b);
    else if (b->kind == LLM_TOOL_USE)
        tell_call(t, b);
    else if (b->kind == LLM_TOOL_RESULT && t->k->m->tools)
        pass_result(t, b);
    else if (b->kind == LLM_TOOL_RESULT)
        tell_result(t, b);
    else if (b->kind == LLM_REASONING && !keeps_reasoning(t, m, b))
        return;
    else if (says(b) || (b->kind == LLM_CACHE_POINT && t->last))
        add_said(t, b);
    else if (b->kind != LLM_CACHE_POINT)
        plan_repaired(t->k, REPAIR_BLANK_TEXT);
}

/* The results of a turn's calls may be all that a message says: then it needs no turn of its own.
 */
static void add_message(struct talk *t, const struct llm_message *m)
{
    bool results = has_kind(m, LLM_TOOL_RESULT);
    if (t->turn && t->turn->role == LLM_ASSISTANT && m->role == LLM_USER)
        answer_calls(t);
    if (t->turn && t->turn->role == m->role) {
        if (!t->results && !results)
            plan_repaired(t->k, REPAIR_MERGED_TURNS);
    } else {
        open_turn(t, m->role);
    }
    t->results = results;
    for (const struct llm_block *b = m->blocks; b; b = b->next)
        add_block(t, m, b);
}

/* ---- both ends ----------------------------------------------------------------------------- */

static void say_continue(struct talk *t, enum plan_repair repair)
{
    open_turn(t, LLM_USER);
    add_text(t, SLICE(CONTINUE));
    plan_repaired(t->k, repair);
}

/* Turns whose blocks were all left out: Bedrock refuses them. Their neighbours become one. */
static void drop_empty_turns(struct talk *t)
{
    struct llm_message **at = &t->k->p->messages;
    t->turn = NULL;
    while (*at) {
        struct llm_message *m = *at;
        if (m->blocks && (!t->turn || t->turn->role != m->role)) {
            t->turn = m;
            at = &m->next;
            continue;
        }
        struct llm_block **end = m->blocks ? &t->turn->blocks : NULL;
        while (end && *end)
            end = &(*end)->next;
        if (end)
            *end = m->blocks;
        *at = m->next;
    }
    t->tail = at;
}

/* Models that continue a given beginning want it without white space at its end. */
static void trim_prefill(struct talk *t)
{
    struct llm_block *b = t->turn->blocks;
    while (b->next)
        b = b->next;
    while (b->kind == LLM_TEXT && b->text.n && slice_is_blank(slice_skip(b->text, b->text.n - 1))) {
        b->text.n--;
        plan_repaired(t->k, REPAIR_PREFILL);
    }
}

static void end_conversation(struct talk *t)
{
    if (t->turn && t->turn->role == LLM_ASSISTANT)
        answer_calls(t);
    drop_empty_turns(t);
    if (!t->turn)
        say_continue(t, REPAIR_EMPTY_CONVERSATION);
    else if (t->turn->role == LLM_ASSISTANT && (!t->k->m->prefill || thinks(t->k->p)))
        say_continue(t, REPAIR_PREFILL);
    else if (t->turn->role == LLM_ASSISTANT)
        trim_prefill(t);
}

static void begin_with_user(struct talk *t)
{
    struct plan *p = t->k->p;
    struct llm_message *first = p->messages;
    if (first->role == LLM_USER)
        return;
    t->tail = &p->messages;
    say_continue(t, REPAIR_FIRST_USER);
    p->messages->next = first;
}

static void copy_system(struct talk *t)
{
    struct llm_message system = {0};
    t->turn = NULL;
    t->end = &system.blocks;
    t->last = NULL;
    t->tools = NULL;
    for (const struct llm_block *b = t->k->r->system; b; b = b->next)
        add_block(t, &system, b);
    t->k->p->system = system.blocks;
}

void plan_messages(struct planner *k)
{
    struct talk t = {.k = k, .tail = &k->p->messages};
    t.calls_tail = &t.calls;
    t.orphans_tail = &t.orphans;
    copy_system(&t);
    pair(&t);
    t.open = t.calls;
    for (const struct llm_message *m = k->r->messages; m; m = m->next) {
        if (says_anything(m))
            add_message(&t, m);
        else if (m->blocks)
            plan_repaired(k, REPAIR_BLANK_TEXT);
    }
    end_conversation(&t);
    begin_with_user(&t);
}

/* ---- does the history think? --------------------------------------------------------------- */

static bool begins_with_thinking(const struct llm_message *m)
{
    const struct llm_block *b = m->blocks;
    while (b && !says(b))
        b = b->next;
    return b && b->kind == LLM_REASONING;
}

static bool asks(const struct llm_message *m)
{
    for (const struct llm_block *b = m->blocks; b; b = b->next)
        if (b->kind != LLM_TOOL_RESULT && says(b))
            return true;
    return false;
}

/* With a budget, Claude wants the assistant's answer to begin with thinking as long as its tool
 * calls are being worked off. Whether words of the user among the results begin a new answer is not
 * documented, so both readings must hold. */
bool plan_history_thinks(const struct llm_request *r)
{
    const struct llm_message *loop = NULL, *answer = NULL; /* where it began, in both readings */
    bool calls = false;                                    /* the newest assistant turn has some */
    bool results = false, asked = true, user = true;       /* of the newest user turn */
    for (const struct llm_message *m = r->messages; m; m = m->next) {
        if (!says_anything(m))
            continue;
        if (m->role == LLM_USER) {
            results = has_kind(m, LLM_TOOL_RESULT) || (user ? results : calls);
            asked = asks(m) || (user && asked);
        } else {
            loop = user && !results ? m : loop;
            answer = user && asked ? m : answer;
            calls = has_kind(m, LLM_TOOL_USE) || (!user && calls);
        }
        user = m->role == LLM_USER;
    }
    return !calls || (loop && begins_with_thinking(loop) && answer && begins_with_thinking(answer));
}
