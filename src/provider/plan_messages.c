/* The conversation as Bedrock takes it: user first, in turns, no blank text, every tool call
 * followed by its result and every result preceded by its call.
 *
 * The happy path: the blocks are copied into turns; nothing is moved that stands where it should.
 * What was said in earlier turns is written alike in later ones, so that prompt caches keep
 * matching.
 *
 * Nothing fails here: what cannot be kept becomes text, and what is missing is said to be missing.
 */

#include "plan_private.h"

#include "base/text.h"

#define CONTINUE  "Please continue."
#define NO_RESULT "[no result: the tool call was not answered]"
#define DOCUMENT  "(document attached)"

struct talk {
    struct planner *k;
    struct plan_call *calls;     /* the next one to be written */
    struct plan_call *open;      /* first one of the turn: results are due from here to `calls` */
    struct plan_call *expected;  /* whose result should come next in the history; NULL: nobody's */
    struct plan_result *results; /* the next one to be met */

    struct llm_message **tail;
    struct llm_message *turn;    /* being written; NULL: none yet */
    struct llm_block **end;      /* of its blocks */
    struct llm_block **tools;    /* where its first tool call hangs; NULL: none yet */
    struct llm_block **thoughts; /* where this message's thinking goes; NULL: where it stands */
    bool answers;                /* the turn begins with results, or the message before held some */
};

static bool says(const struct llm_block *b)
{
    if (b->kind == LLM_TEXT || (b->kind == LLM_DOCUMENT && !b->data.n && !b->url.n && !b->content))
        return text_trim_end(b->text).n > 0;
    return b->kind != LLM_CACHE_POINT;
}

bool plan_says_anything(const struct llm_message *m)
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

/* An empty text is how clients say that there is none: nothing is lost with it. */
static void leave_out(struct talk *t, const struct llm_block *b)
{
    if (b->kind == LLM_CACHE_POINT)
        plan_repaired(t->k, REPAIR_CACHE_POINTS);
    else if (b->text.n)
        plan_repaired(t->k, REPAIR_BLANK_TEXT);
}

/* ---- turns --------------------------------------------------------------------------------- */

/* Of an answer's text, where the upstream takes them back. */
static void settle_cited(struct talk *t, struct llm_block *own)
{
    if (!own->cited || t->k->t->api == BEDROCK_INVOKE)
        return;
    own->cited = NULL;
    plan_repaired(t->k, REPAIR_CITATIONS);
}

static struct llm_block *add(struct talk *t, struct llm_block **at, const struct llm_block *b)
{
    struct llm_block *own = arena_alloc(t->k->a, sizeof(*own));
    *own = *b;
    own->next = *at;
    *at = own;
    if (at == t->end)
        t->end = &own->next;
    t->k->documents += b->kind == LLM_DOCUMENT;
    t->k->cited += b->kind == LLM_DOCUMENT && b->citations;
    settle_cited(t, own);
    return own;
}

static void add_text(struct talk *t, struct slice text)
{
    add(t, t->end, &(struct llm_block){.kind = LLM_TEXT, .text = text});
}

/* Claude refuses a turn that ends in thinking; it says nothing anyway. */
static void cut_last_thoughts(struct talk *t)
{
    struct llm_block **end = &t->turn->blocks;
    bool thought = false;
    for (struct llm_block **at = end; *at; at = &(*at)->next) {
        if ((*at)->kind == LLM_REASONING) {
            thought = true;
        } else if ((*at)->kind != LLM_CACHE_POINT) {
            thought = false;
            end = &(*at)->next;
        }
    }
    if (!thought)
        return;
    *end = NULL;
    plan_repaired(t->k, REPAIR_THINKING_DROPPED);
}

/* Converse wants a text beside documents. */
static void tell_of_document(struct talk *t)
{
    if (!has_kind(t->turn, LLM_DOCUMENT) || has_kind(t->turn, LLM_TEXT))
        return;
    add_text(t, SLICE(DOCUMENT));
    plan_repaired(t->k, REPAIR_DOCUMENT_TEXT);
}

static void close_turn(struct talk *t)
{
    if (!t->turn)
        return;
    if (t->turn->role == LLM_ASSISTANT)
        cut_last_thoughts(t);
    else if (t->k->t->api == BEDROCK_CONVERSE)
        tell_of_document(t);
}

static void open_turn(struct talk *t, enum llm_role role)
{
    close_turn(t);
    t->turn = ARENA_NEW(t->k->a, struct llm_message);
    t->turn->role = role;
    *t->tail = t->turn;
    t->tail = &t->turn->next;
    t->end = &t->turn->blocks;
    t->tools = NULL;
}

/* ---- blocks of Claude's ------------------------------------------------------------------- */

static struct slice all_texts(struct talk *t, struct slice head, const struct llm_block *b)
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    buf_add(&text, head);
    for (; b; b = b->next)
        if (b->kind == LLM_TEXT)
            (buf_add_char(&text, '\n'), buf_add(&text, b->text));
    struct slice all = arena_dup(t->k->a, buf_slice(&text));
    buf_fini(&text);
    return all;
}

/* Search results, for models that have no such blocks: as text. */
static const struct llm_block *in_other_words(struct talk *t, const struct llm_block *b)
{
    if (b->kind != LLM_SEARCH || t->k->claude)
        return b;
    struct llm_block *text = ARENA_NEW(t->k->a, struct llm_block);
    text->kind = LLM_TEXT;
    text->text =
        all_texts(t, ARENA_JOIN(t->k->a, b->name, SLICE(" ("), b->source, SLICE(")")), b->content);
    plan_repaired(t->k, REPAIR_DOCUMENT_TEXT);
    return text;
}

/* A document of pieces with images among them, for Converse, whose documents are made of texts: its
 * pieces stand in its place. */
static bool falls_apart(struct talk *t, const struct llm_block *b)
{
    const struct llm_block *c = b->kind == LLM_DOCUMENT ? b->content : NULL;
    while (c && c->kind != LLM_IMAGE)
        c = c->next;
    if (!c || t->k->t->api == BEDROCK_INVOKE)
        return false;
    plan_repaired(t->k, REPAIR_DOCUMENT_TEXT);
    return true;
}

/* ---- tool results -------------------------------------------------------------------------- */

struct result {
    struct llm_block **tail;
    const struct llm_block *point; /* the last cache point in it, or behind it */
};

/* Results hold no blank texts. */
static void add_pieces(struct talk *t, struct result *r, const struct llm_block *b)
{
    for (; b; b = b->next) {
        if (b->kind == LLM_CACHE_POINT)
            r->point = b;
        else if (!says(b))
            leave_out(t, b);
        else if (falls_apart(t, b))
            add_pieces(t, r, b->content);
        else if (b->kind != LLM_FOREIGN || plan_keeps_foreign(t->k, b))
            r->tail = &add(t, r->tail, in_other_words(t, b))->next;
    }
}

/* Cache points stand behind results, not in them. */
static void add_result(struct talk *t, const struct llm_block *result, struct slice id)
{
    struct llm_block *own = add(t, t->end, result);
    const struct llm_block *point = result->next;
    struct result r = {&own->content, point && point->kind == LLM_CACHE_POINT ? point : NULL};
    own->id = id;
    own->content = NULL;
    add_pieces(t, &r, result->content);
    if (r.point)
        add(t, t->end, r.point);
}

static void add_missing(struct talk *t, struct slice id)
{
    struct llm_block text = {.kind = LLM_TEXT, .text = SLICE(NO_RESULT)};
    struct llm_block result = {.kind = LLM_TOOL_RESULT, .content = &text, .is_error = true};
    add_result(t, &result, id);
    plan_repaired(t->k, REPAIR_TOOL_RESULT_MISSING);
}

/* The first call from here on that has a result, among those just answered. */
static struct plan_call *next_answered(const struct talk *t, struct plan_call *c)
{
    while (c != t->calls && !c->result)
        c = c->next;
    return c;
}

/* The results of the calls of the turn that ends here, in their order, open the next one. */
static void answer_calls(struct talk *t)
{
    if (t->open == t->calls)
        return;
    open_turn(t, LLM_USER);
    t->answers = true;
    t->expected = next_answered(t, t->open);
    for (; t->open != t->calls; t->open = t->open->next) {
        if (t->open->result)
            add_result(t, t->open->result, t->open->id);
        else
            add_missing(t, t->open->id);
    }
}

/* A result where there can be none: its text alone, and what else it holds behind that. */
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
    for (const struct llm_block *c = b->content; c; c = c->next)
        if (c->kind != LLM_TEXT)
            add(t, t->end, c);
}

/* Results are written already, but for those without a call. They should stand in the history right
 * where they were written: then nothing was repaired. True: nothing of it belongs here. */
static bool pass_result(struct talk *t, const struct llm_block *b)
{
    const struct plan_result *r = t->results;
    t->results = r->next;
    if (r->orphan) {
        t->expected = NULL;
        tell_result(t, b);
        return false;
    }
    if (r->call && r->call == t->expected)
        t->expected = next_answered(t, t->expected->next);
    else if (r->call)
        plan_repaired(t->k, REPAIR_TOOL_RESULT_ORDER);
    return true;
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void add_call(struct talk *t, const struct llm_block *b)
{
    struct llm_block **at = t->end, *own = add(t, at, b);
    own->id = t->calls->id;
    own->name = plan_tool_name(t->k, b->name);
    if (!t->tools)
        t->tools = at;
    t->calls = t->calls->next;
}

/* Calls of the history as texts, and what they gave. */
static void tell_tool(struct talk *t, const struct llm_block *b)
{
    plan_repaired(t->k, REPAIR_TOOL_TEXT);
    if (b->kind == LLM_TOOL_RESULT)
        tell_result(t, b);
    else
        add_text(t, ARENA_JOIN(t->k->a, SLICE("[tool call "), b->id, SLICE(": "), b->name,
                               SLICE("("), b->input, SLICE(")]")));
}

/* Everything but tool calls stands before the tool calls of its turn. */
static void add_said(struct talk *t, const struct llm_block *b)
{
    if (b->kind == LLM_CACHE_POINT) {
        add(t, t->end, b);
        return;
    }
    t->expected = NULL;
    if (t->tools) {
        t->tools = &add(t, t->tools, b)->next;
        plan_repaired(t->k, REPAIR_BLOCK_ORDER);
    } else {
        add(t, t->end, b);
    }
}

/* Claude wants a turn that has thinking to begin with it. */
static void add_thought(struct talk *t, const struct llm_block *b)
{
    bool first = !t->turn->blocks || t->turn->blocks->kind == LLM_REASONING;
    if (!plan_keeps_thinking(t->k, b))
        return;
    if (first && !t->thoughts) {
        add_said(t, b);
        return;
    }
    if (!t->thoughts)
        t->thoughts = &t->turn->blocks;
    if (t->tools == t->thoughts)
        t->tools = t->thoughts = &add(t, t->thoughts, b)->next;
    else
        t->thoughts = &add(t, t->thoughts, b)->next;
    plan_repaired(t->k, REPAIR_BLOCK_ORDER);
}

static void add_parts(struct talk *t, const struct llm_block *b)
{
    for (; b; b = b->next) {
        if (says(b))
            add_said(t, b);
        else
            leave_out(t, b);
    }
}

static bool is_tool(const struct llm_block *b)
{
    return b->kind == LLM_TOOL_USE || b->kind == LLM_TOOL_RESULT;
}

/* True: a cache point behind it has gone with it. */
static bool add_block(struct talk *t, const struct llm_block *b)
{
    if (is_tool(b) && t->k->tools_as_text)
        tell_tool(t, b);
    else if (b->kind == LLM_TOOL_USE)
        add_call(t, b);
    else if (b->kind == LLM_TOOL_RESULT)
        return pass_result(t, b);
    else if (b->kind == LLM_REASONING)
        add_thought(t, b);
    else if (b->kind == LLM_FOREIGN && !plan_keeps_foreign(t->k, b))
        return true;
    else if (falls_apart(t, b))
        add_parts(t, b->content);
    else if (says(b) || (b->kind == LLM_CACHE_POINT && t->turn->blocks))
        add_said(t, in_other_words(t, b));
    else
        leave_out(t, b);
    return false;
}

/* The results of a turn's calls may be all that a message says: then it needs no turn of its own.
 */
static void add_message(struct talk *t, const struct llm_message *m)
{
    bool answers = has_kind(m, LLM_TOOL_RESULT);
    if (t->turn && t->turn->role == LLM_ASSISTANT && m->role == LLM_USER)
        answer_calls(t);
    if (!t->turn || t->turn->role != m->role) {
        open_turn(t, m->role);
        t->turn->plain = m->plain;
    } else if (!t->answers && !answers)
        plan_repaired(t->k, REPAIR_MERGED_TURNS);
    t->answers = answers;
    t->thoughts = NULL;
    for (const struct llm_block *b = m->blocks; b; b = b->next)
        if (add_block(t, b) && b->next && b->next->kind == LLM_CACHE_POINT)
            b = b->next;
}

/* ---- both ends ----------------------------------------------------------------------------- */

static void say_continue(struct talk *t, enum plan_repair repair)
{
    open_turn(t, LLM_USER);
    add_text(t, SLICE(CONTINUE));
    plan_repaired(t->k, repair);
}

/* Puts the blocks of a turn behind those of another, thinking first. */
static void append_blocks(struct llm_message *m, struct llm_block *rest)
{
    struct llm_block **at = &m->blocks;
    while (m->blocks->kind != LLM_REASONING && rest && rest->kind == LLM_REASONING) {
        struct llm_block *thought = rest;
        rest = rest->next;
        thought->next = *at;
        *at = thought;
        at = &thought->next;
    }
    while (*at)
        at = &(*at)->next;
    *at = rest;
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
        if (m->blocks) {
            append_blocks(t->turn, m->blocks);
            plan_repaired(t->k, REPAIR_MERGED_TURNS);
        }
        *at = m->next;
    }
    t->tail = at;
}

static void drop_thoughts(struct talk *t)
{
    struct llm_block **at = &t->turn->blocks;
    while (*at) {
        if ((*at)->kind != LLM_REASONING) {
            at = &(*at)->next;
            continue;
        }
        *at = (*at)->next;
        plan_repaired(t->k, REPAIR_THINKING_DROPPED);
    }
}

/* Models that continue a given beginning want no white space at its end. */
static void trim_prefill(struct talk *t)
{
    struct llm_block *last = NULL;
    for (struct llm_block *b = t->turn->blocks; b; b = b->next)
        if (b->kind != LLM_CACHE_POINT)
            last = b;
    if (!last || last->kind != LLM_TEXT)
        return;
    size_t n = text_trim_end(last->text).n;
    if (n < last->text.n)
        plan_repaired(t->k, REPAIR_PREFILL);
    last->text.n = n;
}

/* The conversation ends with the assistant's turn: a beginning that the model shall continue. */
static void end_with_prefill(struct talk *t)
{
    struct planner *k = t->k;
    if (!k->m->prefill || plan_asks_to_think(k->p)) {
        say_continue(t, REPAIR_PREFILL);
        return;
    }
    if (!plan_thinks(k->p))
        drop_thoughts(t);
    trim_prefill(t);
}

static void end_conversation(struct talk *t)
{
    if (t->turn && t->turn->role == LLM_ASSISTANT)
        answer_calls(t);
    close_turn(t);
    drop_empty_turns(t);
    if (!t->turn)
        say_continue(t, REPAIR_EMPTY_CONVERSATION);
    else if (t->turn->role == LLM_ASSISTANT)
        end_with_prefill(t);
}

static void begin_with_user(struct talk *t)
{
    struct plan *p = t->k->p;
    struct llm_message *first = p->messages;
    if (first->role == LLM_USER)
        return;
    t->turn = NULL; /* the last one is complete */
    t->tail = &p->messages;
    say_continue(t, REPAIR_FIRST_USER);
    p->messages->next = first;
}

/* ---- system -------------------------------------------------------------------------------- */

static void copy_system(struct talk *t)
{
    struct plan *p = t->k->p;
    t->end = &p->system;
    for (const struct llm_block *b = t->k->system; b; b = b->next) {
        if (says(b) || (b->kind == LLM_CACHE_POINT && p->system))
            add(t, t->end, b);
        else
            leave_out(t, b);
    }
}

/* Some older models know no system prompt: the user says it, before anything else. */
static void system_as_user(struct talk *t)
{
    struct plan *p = t->k->p;
    struct llm_block **end = &p->system;
    if (!p->system || t->k->m->system || t->k->t->api != BEDROCK_CONVERSE)
        return;
    while (*end)
        end = &(*end)->next;
    *end = p->messages->blocks;
    p->messages->blocks = p->system;
    p->system = NULL;
    plan_repaired(t->k, REPAIR_SYSTEM);
}

void plan_messages(struct planner *k)
{
    struct talk t = {.k = k, .tail = &k->p->messages};
    k->p->messages = NULL;
    k->documents = k->cited = 0;
    copy_system(&t);
    if (!k->tools_as_text)
        plan_pair(k, &t.calls, &t.results);
    t.open = t.calls;
    for (const struct llm_message *m = k->messages; m; m = m->next) {
        if (plan_says_anything(m))
            add_message(&t, m);
        else if (m->blocks)
            plan_repaired(k, REPAIR_BLANK_TEXT);
    }
    end_conversation(&t);
    begin_with_user(&t);
    system_as_user(&t);
}
