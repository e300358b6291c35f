/* Tools: what is offered, under which names, and what the model must do with them.
 *
 * The happy path: the client's tools are offered as they are. Names outside Bedrock's alphabet
 * ([a-zA-Z0-9_-]{1,64}) are mapped, and back again in the answer; the tools of a history without
 * tools are declared from it, since Bedrock wants every tool it sees declared.
 *
 * A JSON answer is asked for natively where the model can; else through a tool whose arguments are
 * the answer, and which the model is made to call, or told to where it cannot be made.
 *
 * Failure modes: tools or a tool choice for a model that has none, a choice that names no tool. */

#include "plan_private.h"

#include "base/map.h"
#include "wire/crypto.h"

#include <string.h>

#define NAME_MAX_BYTES 64
#define HASH_CHARS     8
#define SEARCH_BETA    "tool-search-tool-2025-10-19"

#define ANSWER_HERE "Call this tool with the answer as its arguments, and say nothing else."

/* ---- names --------------------------------------------------------------------------------- */

static bool name_char(char c, const char *others)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr(others, c));
}

static bool fits(struct slice s, const char *others)
{
    for (size_t i = 0; i < s.n; i++)
        if (!name_char(s.p[i], others))
            return false;
    return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Foreign characters become '_', each one. */
static size_t map_chars(struct slice s, const char *others, char *to, size_t room)
{
    size_t n = 0;
    for (size_t i = 0; i < s.n && n < room; i++)
        if (((unsigned char)s.p[i] & 0xc0) != 0x80) /* the first byte of a character */
            to[n++] = name_char(s.p[i], others) ? s.p[i] : '_';
    return n;
}

/* What is too long, or would be the same as another, ends in a hash of the whole. The same name is
 * always mapped alike. */
static struct slice squeeze(struct arena *a, struct slice s, const char *others)
{
    char hex[HEX_SIZE(SHA256_SIZE)], *to = arena_alloc(a, NAME_MAX_BYTES);
    size_t n = map_chars(s, others, to, NAME_MAX_BYTES - HASH_CHARS - 1);
    sha256_hex(s, hex);
    to[n++] = '_';
    memcpy(to + n, hex, HASH_CHARS);
    return slice_make(to, n + HASH_CHARS);
}

static struct slice plain_name(struct arena *a, struct slice s)
{
    char *to = arena_alloc(a, NAME_MAX_BYTES);
    return slice_make(to, map_chars(s, "_-", to, NAME_MAX_BYTES));
}

static const struct plan_name *find_client(const struct plan *p, struct slice client)
{
    for (const struct plan_name *n = p->names; n; n = n->next)
        if (slice_eq(n->client, client))
            return n;
    return NULL;
}

/* The tool of JSON answers must be the only one of its name. */
static bool is_reserved(const struct planner *k, struct slice name)
{
    return k->p->format == PLAN_FORMAT_TOOL && slice_eq(name, SLICE(PLAN_JSON_TOOL));
}

/* Another tool, or another mapped name, has this one already. */
static bool taken(const struct planner *k, struct slice upstream)
{
    for (const struct llm_tool *t = k->r->tools; t; t = t->next)
        if (slice_eq(t->name, upstream))
            return true;
    for (const struct plan_name *n = k->p->names; n; n = n->next)
        if (slice_eq(n->upstream, upstream))
            return true;
    return slice_eq(upstream, SLICE(PLAN_JSON_TOOL));
}

struct slice plan_tool_name(struct planner *k, struct slice name)
{
    if (fits(name, "_-") && !is_reserved(k, name))
        return name;
    const struct plan_name *known = find_client(k->p, name);
    plan_repaired(k, REPAIR_TOOL_NAME);
    if (known)
        return known->upstream;
    struct plan_name *n = ARENA_NEW(k->a, struct plan_name);
    n->client = name;
    n->upstream = plain_name(k->a, name);
    if (!n->upstream.n || name.n > NAME_MAX_BYTES || taken(k, n->upstream))
        n->upstream = squeeze(k->a, name, "_-");
    n->next = k->p->names;
    k->p->names = n;
    return n->upstream;
}

/* Converse takes more characters in ids than Anthropic's own API. */
struct slice plan_tool_id(struct planner *k, struct slice id, unsigned nth)
{
    const char *others = k->t->api == BEDROCK_INVOKE ? "_-" : "_.:-";
    if (nth == 1 && fits(id, others))
        return id;
    plan_repaired(k, REPAIR_TOOL_ID);
    if (nth > 1)
        id = ARENA_JOIN(k->a, id, SLICE(" "), arena_integer(k->a, nth));
    return squeeze(k->a, id, others);
}

/* ---- what is offered ----------------------------------------------------------------------- */

/* The first tool call at or after `b` of message `m`, which moves along; NULL: none. */
static const struct llm_block *next_tool_use(const struct llm_message **m,
                                             const struct llm_block *b)
{
    for (; *m; *m = (*m)->next, b = *m ? (*m)->blocks : NULL)
        for (; b; b = b->next)
            if (b->kind == LLM_TOOL_USE)
                return b;
    return NULL;
}

static const struct llm_block *first_tool_use(const struct planner *k, const struct llm_message **m)
{
    *m = k->messages;
    return next_tool_use(m, *m ? (*m)->blocks : NULL);
}

static bool history_has_tools(const struct planner *k)
{
    const struct llm_message *m;
    return first_tool_use(k, &m) != NULL;
}

static struct llm_tool *add_tool(struct planner *k, struct llm_tool ***tail)
{
    struct llm_tool *t = ARENA_NEW(k->a, struct llm_tool);
    **tail = t;
    *tail = &t->next;
    return t;
}

/* A client that compacts a conversation does not send its tools any more. Without a schema, but
 * with their names. */
static void tools_of_history(struct planner *k, struct llm_tool ***tail)
{
    const struct llm_message *m;
    const struct llm_block *b = first_tool_use(k, &m);
    struct map seen;
    map_init(&seen);
    for (; b; b = next_tool_use(&m, b->next)) {
        struct slice name = plan_tool_name(k, b->name);
        if (map_get(&seen, name))
            continue;
        map_put(&seen, name, k);
        add_tool(k, tail)->name = name;
    }
    map_fini(&seen);
    plan_repaired(k, REPAIR_TOOL_CONFIG);
}

/* Bedrock wants a schema that a grammar can promise, and a model that knows of such. */
static bool takes_strict(const struct planner *k, const struct llm_tool *t)
{
    bool able = k->t->api == BEDROCK_INVOKE ? k->m->native_json_schema : k->m->strict_tools;
    return able && schema_is_strict(t->schema);
}

/* The members that Claude has on Bedrock too. */
static void settle_extras(struct planner *k, struct llm_tool *own)
{
    const struct llm_extra *e = own->extra;
    struct llm_extra **tail = &own->extra;
    for (*tail = NULL; e; e = e->next) {
        if (!slice_eq(e->name, SLICE("defer_loading")) || !plan_needs_beta(k, SEARCH_BETA)) {
            plan_repaired(k, REPAIR_FIELDS);
            continue;
        }
        *tail = arena_alloc(k->a, sizeof(**tail));
        **tail = *e;
        (*tail)->next = NULL;
        tail = &(*tail)->next;
    }
}

static void offer_tool(struct planner *k, struct llm_tool *own, const struct llm_tool *t)
{
    *own = *t;
    own->next = NULL;
    own->name = plan_tool_name(k, t->name);
    settle_extras(k, own);
    if (slice_is_blank(t->description))
        own->description.n = 0;
    if (!t->strict || takes_strict(k, t))
        return;
    own->strict = false;
    plan_repaired(k, REPAIR_SCHEMA);
}

/* Tools that Anthropic defines, and the beta flags without which they are refused. */
static bool takes_own(struct planner *k, const struct llm_tool *t)
{
    static const char *const rows[][2] = {
        {"computer_20250124", "computer-use-2025-01-24"},
        {"computer_20251124", "computer-use-2025-11-24"},
        {"memory_20250818", "context-management-2025-06-27"},
        {"tool_search_tool_bm25_20251119", SEARCH_BETA},
        {"tool_search_tool_regex_20251119", SEARCH_BETA},
    };
    struct slice type = json_get_slice(t->own, "type");
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(type, slice_of(rows[i][0])))
            plan_needs_beta(k, rows[i][1]);
    if (k->claude && k->t->api == BEDROCK_INVOKE)
        return true;
    return failure_bad_param(k->f, k->a, "tools",
                             "tools: '%.*s' is one of Claude's own tools, which exist over "
                             "InvokeModel only; this request goes to %.*s over Converse",
                             SLICE_ARG(type), SLICE_ARG(k->t->model_id));
}

/* Two tools of one name: Bedrock refuses both; the first one stays. */
static bool tools_of_client(struct planner *k, struct llm_tool ***tail)
{
    struct map seen;
    bool good = true;
    map_init(&seen);
    for (const struct llm_tool *t = k->r->tools; t && good; t = t->next) {
        if (map_get(&seen, t->name)) {
            plan_repaired(k, REPAIR_TOOL_CONFIG);
            continue;
        }
        map_put(&seen, t->name, k);
        offer_tool(k, add_tool(k, tail), t);
        good = !t->own || takes_own(k, t);
    }
    map_fini(&seen);
    return good;
}

/* tool_choice "none" has no counterpart: the tools are not offered, unless the history needs them.
 */
static bool offer(struct planner *k, struct llm_tool ***tail)
{
    bool none = k->r->tool_choice == LLM_TOOLS_NONE;
    if (k->r->tools && !k->m->tools && !plan_unsupported(k, SLICE("tools")))
        return false;
    if (!k->m->tools)
        return true;
    bool needed = !k->tools_as_text && history_has_tools(k);
    if (k->r->tools && (needed || !none)) {
        if (!tools_of_client(k, tail))
            return false;
    } else if (needed)
        tools_of_history(k, tail);
    if (needed && none)
        plan_repaired(k, REPAIR_TOOL_CHOICE);
    return true;
}

/* What the search among tools left in the history, and compactions; the rest is of servers that
 * Bedrock does not have. */
bool plan_keeps_foreign(struct planner *k, const struct llm_block *b)
{
    struct slice type = json_get_slice(b->json, "type"), name = json_get_slice(b->json, "name");
    bool search = slice_eq(type, SLICE("tool_reference")) ||
                  slice_eq(type, SLICE("tool_search_tool_result")) ||
                  slice_starts(name, SLICE("tool_search_tool_"));
    if (search && plan_needs_beta(k, SEARCH_BETA))
        return true;
    if (slice_eq(type, SLICE("compaction")) && plan_needs_beta(k, "compact-2026-01-12"))
        return true;
    plan_repaired(k, REPAIR_SERVER_BLOCKS);
    return false;
}

/* ---- choice -------------------------------------------------------------------------------- */

static bool is_forced(enum llm_tool_choice choice)
{
    return choice == LLM_TOOLS_REQUIRED || choice == LLM_TOOLS_NAMED;
}

static bool offers(const struct plan *p, struct slice name)
{
    for (const struct llm_tool *t = p->tools; t; t = t->next)
        if (slice_eq(t->name, name))
            return true;
    return false;
}

static bool choose_named(struct planner *k)
{
    k->p->tool_choice_name = plan_tool_name(k, k->r->tool_choice_name);
    if (offers(k->p, k->p->tool_choice_name))
        return true;
    return failure_bad_param(k->f, k->a, "tool_choice",
                             "tool_choice: there is no tool named '%.*s'",
                             SLICE_ARG(k->r->tool_choice_name));
}

static bool choose(struct planner *k)
{
    enum llm_tool_choice choice = k->r->tool_choice;
    if (!k->p->tools || choice == LLM_TOOLS_NONE)
        return true;
    if (choice == LLM_TOOLS_NAMED && !choose_named(k))
        return false;
    if (is_forced(choice) && !k->m->tool_choice)
        return plan_unsupported(k, SLICE("tool_choice"));
    k->p->tool_choice = k->m->tool_choice ? choice : LLM_TOOLS_UNSET;
    if (is_forced(choice) && !k->m->forced_tool) {
        k->p->tool_choice = LLM_TOOLS_AUTO;
        plan_repaired(k, REPAIR_TOOL_CHOICE);
    }
    return true;
}

/* ---- JSON answers -------------------------------------------------------------------------- */

static bool wants_citations(const struct planner *k)
{
    for (const struct llm_message *m = k->messages; m; m = m->next)
        for (const struct llm_block *b = m->blocks; b; b = b->next)
            if (b->kind == LLM_DOCUMENT && b->citations)
                return true;
    return false;
}

/* Citations have no place in structured output; as a tool's arguments JSON goes beside them. */
static bool settle_format(struct planner *k)
{
    const struct llm_format *format = &k->r->format;
    if (format->kind != LLM_FORMAT_SCHEMA)
        return true;
    if (k->m->native_json_schema && schema_is_strict(format->schema) && !wants_citations(k))
        k->p->format = PLAN_FORMAT_NATIVE;
    else if (k->m->tools)
        k->p->format = PLAN_FORMAT_TOOL;
    else
        return plan_unsupported(k, SLICE("response_format"));
    k->p->schema = format;
    return true;
}

/* With the client's own tools the model may call one of these first, so any tool will do. */
static void force_json_tool(struct planner *k, bool alone)
{
    if (!k->m->forced_tool || is_forced(k->p->tool_choice))
        return;
    k->p->tool_choice = alone ? LLM_TOOLS_NAMED : LLM_TOOLS_REQUIRED;
    k->p->tool_choice_name = alone ? SLICE(PLAN_JSON_TOOL) : SLICE("");
}

static void add_json_tool(struct planner *k, struct llm_tool ***tail)
{
    const struct llm_format *format = &k->r->format;
    bool alone = !k->p->tools || k->r->tool_choice == LLM_TOOLS_NONE;
    struct llm_tool *t = add_tool(k, tail);
    t->name = SLICE(PLAN_JSON_TOOL);
    t->description = slice_is_blank(format->description) ? SLICE("") : format->description;
    t->schema = format->schema;
    force_json_tool(k, alone);
}

/* A model that cannot be made to call it is told to. */
static void explain_json_tool(struct planner *k)
{
    struct llm_tool *t = k->p->tools;
    while (t->next) /* it is the last one */
        t = t->next;
    t->description = t->description.n
                         ? ARENA_JOIN(k->a, t->description, SLICE(" "), SLICE(ANSWER_HERE))
                         : SLICE(ANSWER_HERE);
}

bool plan_tools(struct planner *k)
{
    struct llm_tool **tail = &k->p->tools;
    if (!settle_format(k) || !offer(k, &tail) || !choose(k))
        return false;
    if (k->p->format == PLAN_FORMAT_TOOL)
        add_json_tool(k, &tail);
    k->p->one_tool_call = k->p->tools && k->r->parallel_tool_calls == LLM_FLAG_FALSE;
    k->p->tell_one_call = k->p->one_tool_call && k->m->parallel_tool_config;
    return true;
}

void plan_settle_choice(struct planner *k)
{
    struct plan *p = k->p;
    if (plan_asks_to_think(p) && is_forced(p->tool_choice)) {
        p->tool_choice = is_forced(k->r->tool_choice) ? LLM_TOOLS_AUTO : LLM_TOOLS_UNSET;
        plan_repaired(k, REPAIR_TOOL_CHOICE);
    }
    if (p->format == PLAN_FORMAT_TOOL && !is_forced(p->tool_choice))
        explain_json_tool(k);
}
