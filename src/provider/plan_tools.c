/* Tools: what is offered, under which names, and what the model must do with them.
 *
 * The happy path: the client's tools are offered as they are. Names outside Bedrock's alphabet
 * ([a-zA-Z0-9_-]{1,64}) are mapped, and back again in the answer; the tools of a history without
 * tools are declared from it, since Bedrock wants every tool it sees declared.
 *
 * A JSON answer is asked for natively where the model can; else through a tool whose arguments are
 * the answer, and which the model is made to call where it can be made.
 *
 * Failure modes: tools or a tool choice for a model that has none, a choice that names no tool. */

#include "plan_private.h"

#include "base/map.h"
#include "wire/crypto.h"

#include <string.h>

#define NAME_MAX_BYTES 64
#define HASH_CHARS     8

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
    return s.n <= NAME_MAX_BYTES;
}

/* Foreign characters become '_'; what is too long, or would be the same as another, ends in a hash
 * of the whole. The same name is always mapped alike. */
static struct slice squeeze(struct arena *a, struct slice s, const char *others, bool hashed)
{
    size_t room = hashed ? NAME_MAX_BYTES - HASH_CHARS - 1 : NAME_MAX_BYTES;
    size_t n = s.n < room ? s.n : room;
    char *to = arena_alloc(a, NAME_MAX_BYTES + 1);
    for (size_t i = 0; i < n; i++)
        to[i] = name_char(s.p[i], others) ? s.p[i] : '_';
    if (hashed) {
        uint8_t digest[SHA256_SIZE];
        char hex[HEX_SIZE(SHA256_SIZE)];
        sha256(s, digest);
        hex_encode(digest, sizeof(digest), hex);
        to[n++] = '_';
        memcpy(to + n, hex, HASH_CHARS);
        n += HASH_CHARS;
    }
    to[n] = '\0';
    return slice_make(to, n);
}

static const struct plan_name *find_client(const struct plan *p, struct slice client)
{
    for (const struct plan_name *n = p->names; n; n = n->next)
        if (slice_eq(n->client, client))
            return n;
    return NULL;
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
    const struct plan_name *known;
    if (fits(name, "_-"))
        return name;
    known = find_client(k->p, name);
    if (known)
        return known->upstream;
    struct plan_name *n = ARENA_NEW(k->a, struct plan_name);
    n->client = name;
    n->upstream = squeeze(k->a, name, "_-", name.n > NAME_MAX_BYTES);
    if (taken(k, n->upstream))
        n->upstream = squeeze(k->a, name, "_-", true);
    n->next = k->p->names;
    k->p->names = n;
    plan_repaired(k, REPAIR_TOOL_NAME);
    return n->upstream;
}

struct slice plan_tool_id(struct planner *k, struct slice id)
{
    if (fits(id, "_.:-"))
        return id;
    plan_repaired(k, REPAIR_TOOL_ID);
    return squeeze(k->a, id, "_.:-", true);
}

/* ---- the history --------------------------------------------------------------------------- */

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

bool plan_history_has_tools(const struct llm_request *r)
{
    const struct llm_message *m = r->messages;
    return next_tool_use(&m, m ? m->blocks : NULL) != NULL;
}

static struct llm_tool *add_tool(struct planner *k, struct llm_tool ***tail, struct slice name)
{
    struct llm_tool *t = ARENA_NEW(k->a, struct llm_tool);
    t->name = plan_tool_name(k, name);
    **tail = t;
    *tail = &t->next;
    return t;
}

/* A client that compacts a conversation does not send its tools any more. Without a schema, but
 * with their names. */
static void tools_of_history(struct planner *k, struct llm_tool ***tail)
{
    const struct llm_message *m = k->r->messages;
    const struct llm_block *b = next_tool_use(&m, m ? m->blocks : NULL);
    struct map seen;
    map_init(&seen);
    for (; b; b = next_tool_use(&m, b->next)) {
        if (!map_get(&seen, b->name))
            add_tool(k, tail, b->name);
        map_put(&seen, b->name, (void *)(uintptr_t)b);
    }
    map_fini(&seen);
    plan_repaired(k, REPAIR_TOOL_CONFIG);
}

/* Two tools of one name: Bedrock refuses both; the first one stays. */
static void tools_of_client(struct planner *k, struct llm_tool ***tail)
{
    struct map seen;
    map_init(&seen);
    for (const struct llm_tool *t = k->r->tools; t; t = t->next) {
        if (map_get(&seen, t->name)) {
            plan_repaired(k, REPAIR_TOOL_CONFIG);
            continue;
        }
        map_put(&seen, t->name, (void *)(uintptr_t)t);
        struct llm_tool *own = add_tool(k, tail, t->name);
        struct slice name = own->name;
        *own = *t;
        own->name = name;
        own->strict = t->strict && (k->m->strict_tools || k->t->api == BEDROCK_INVOKE);
        own->next = NULL;
    }
    map_fini(&seen);
}

/* ---- choice -------------------------------------------------------------------------------- */

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
    bool forced = choice == LLM_TOOLS_REQUIRED || choice == LLM_TOOLS_NAMED;
    if (!k->p->tools || choice == LLM_TOOLS_NONE)
        return true;
    if (choice == LLM_TOOLS_NAMED && !choose_named(k))
        return false;
    if (forced && !k->m->tool_choice)
        return plan_unsupported(k, SLICE("tool_choice"));
    k->p->tool_choice = k->m->tool_choice ? choice : LLM_TOOLS_UNSET;
    if (forced && !k->m->forced_tool) {
        k->p->tool_choice = LLM_TOOLS_AUTO;
        plan_repaired(k, REPAIR_TOOL_CHOICE);
    }
    return true;
}

/* ---- JSON answers -------------------------------------------------------------------------- */

/* With the client's own tools the model may call one of these first, so any tool will do. */
static void force_json_tool(struct planner *k, bool alone)
{
    if (!k->m->forced_tool || k->p->tool_choice == LLM_TOOLS_REQUIRED ||
        k->p->tool_choice == LLM_TOOLS_NAMED)
        return;
    k->p->tool_choice = alone ? LLM_TOOLS_NAMED : LLM_TOOLS_REQUIRED;
    k->p->tool_choice_name = alone ? SLICE(PLAN_JSON_TOOL) : SLICE("");
}

static bool settle_format(struct planner *k, struct llm_tool ***tail)
{
    const struct llm_format *format = &k->r->format;
    if (format->kind != LLM_FORMAT_SCHEMA)
        return true;
    k->p->schema = format;
    if (k->m->native_json_schema && schema_is_closed(format->schema)) {
        k->p->format = PLAN_FORMAT_NATIVE;
        return true;
    }
    if (!k->m->tools)
        return plan_unsupported(k, SLICE("response_format"));
    bool alone = !k->p->tools;
    struct llm_tool *t = add_tool(k, tail, SLICE(PLAN_JSON_TOOL));
    t->description = format->description;
    t->schema = format->schema;
    k->p->format = PLAN_FORMAT_TOOL;
    force_json_tool(k, alone);
    return true;
}

/* tool_choice "none" has no counterpart: the tools are not offered, unless the history needs them.
 */
static bool offer(struct planner *k, struct llm_tool ***tail)
{
    bool needed = plan_history_has_tools(k->r);
    if (k->r->tools && !k->m->tools && !plan_unsupported(k, SLICE("tools")))
        return false;
    if (!k->m->tools)
        return true;
    if (k->r->tools && (needed || k->r->tool_choice != LLM_TOOLS_NONE))
        tools_of_client(k, tail);
    else if (needed)
        tools_of_history(k, tail);
    if (needed && k->r->tool_choice == LLM_TOOLS_NONE)
        plan_repaired(k, REPAIR_TOOL_CHOICE);
    return true;
}

bool plan_tools(struct planner *k)
{
    struct llm_tool **tail = &k->p->tools;
    if (!offer(k, &tail) || !choose(k) || !settle_format(k, &tail))
        return false;
    k->p->one_tool_call = k->p->tools && k->r->parallel_tool_calls == LLM_FLAG_FALSE;
    return true;
}
