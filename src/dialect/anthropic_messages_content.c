/* Anthropic's Messages, request side: system prompt, messages and their content blocks.
 *
 * The happy path: each block has a row in `kinds` with its handler and becomes one neutral block,
 * in its place; a cache_control becomes a cache point behind it. Content that came as a string is
 * remembered as such. Blocks of server tools, which have no neutral form, are kept as they are.
 *
 * Failure modes: unknown roles, unknown or broken blocks: each a 400 that names the place. */

#include "anthropic_messages.h"

#define MESSAGES_MAX 100000 /* in one request; the body cap bounds the bytes */

/* Claude Code's note to Anthropic's own billing: different from call to call, it would keep the
 * prompt behind it from being cached. */
#define BILLING_NOTE "x-anthropic-billing-header:"

/* Whose content it is, and who may say a kind of block. */
enum speaker {
    USER = 1 << 0,
    ASSISTANT = 1 << 1,
    SYSTEM = 1 << 2, /* and whatever else is of texts alone */
    TOOL = 1 << 3    /* a tool's result, a document of pieces */
};

/* Where a content list puts its blocks. */
struct content {
    struct parse *p;
    struct slice path; /* "messages[3].content" */
    struct llm_block **tail;
    enum speaker speaker;
};

bool messages_cache_control(yyjson_val *holder, struct slice *ttl)
{
    yyjson_val *control = json_get(holder, "cache_control");
    *ttl = json_get_slice(control, "ttl");
    return yyjson_is_obj(control);
}

static bool parse_content(struct content *c, yyjson_val *v, bool *plain);

/* ---- blocks -------------------------------------------------------------------------------- */

static bool parse_text(struct content *c, struct slice path, yyjson_val *v)
{
    yyjson_val *text = json_get(v, "text"), *cited = json_get(v, "citations");
    if (!yyjson_is_str(text))
        return parse_refuse_type(c->p, path, "a string as text", text);
    if (c->speaker == SYSTEM && slice_starts(json_slice(text), SLICE(BILLING_NOTE)))
        return true;
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_TEXT);
    b->text = json_slice(text);
    b->cited = yyjson_arr_size(cited) ? cited : NULL;
    return true;
}

static bool wants_citations(yyjson_val *v)
{
    return yyjson_is_true(json_get(json_get(v, "citations"), "enabled"));
}

/* A list in place of a file: {source: {type: content, content}}. */
static bool parse_content_document(struct content *c, struct slice path, yyjson_val *v)
{
    bool plain;
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_DOCUMENT);
    struct content inner = {.p = c->p, .path = path, .tail = &b->content, .speaker = TOOL};
    b->media_type = SLICE("text/plain");
    b->name = json_get_slice(v, "title");
    b->context = json_get_slice(v, "context");
    b->citations = wants_citations(v);
    return parse_content(&inner, json_get(json_get(v, "source"), "content"), &plain) &&
           (b->content || parse_refuse(c->p, path, "its source is empty"));
}

static bool parse_medium(struct content *c, struct slice path, yyjson_val *v)
{
    yyjson_val *source = json_get(v, "source");
    struct slice type = json_get_slice(source, "type");
    if (slice_eq(type, SLICE("content")))
        return parse_content_document(c, path, v);
    if (slice_eq(type, SLICE("file")))
        return parse_refuse(c->p, path,
                            "the source names an uploaded file, and files cannot be uploaded "
                            "here: send its bytes");
    return parse_media(c->p, path, v, &c->tail);
}

static bool parse_tool_use(struct content *c, struct slice path, yyjson_val *v)
{
    struct slice id = json_get_slice(v, "id"), name = json_get_slice(v, "name");
    yyjson_val *input = json_get(v, "input");
    if (!id.n || !name.n)
        return parse_refuse(c->p, path, "a tool call needs 'id' and 'name'");
    if (input && !yyjson_is_null(input) && !yyjson_is_obj(input))
        return parse_refuse_type(c->p, path, "an object as input", input);
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_TOOL_USE);
    b->id = id;
    b->name = name;
    b->input = yyjson_is_obj(input) ? json_text_of(input, c->p->a) : SLICE("{}");
    return true;
}

static bool parse_tool_result(struct content *c, struct slice path, yyjson_val *v)
{
    struct slice id = json_get_slice(v, "tool_use_id");
    if (!id.n)
        return parse_refuse(c->p, path, "a tool result needs 'tool_use_id'");
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_TOOL_RESULT);
    struct content inner = {.p = c->p, .path = path, .tail = &b->content, .speaker = TOOL};
    b->id = id;
    b->is_error = yyjson_is_true(json_get(v, "is_error"));
    return parse_content(&inner, json_get(v, "content"), &b->plain);
}

/* Without a signature it is of no use: no model takes it back. */
static bool parse_thought(struct content *c, struct slice path, yyjson_val *v)
{
    struct slice signature = json_get_slice(v, "signature");
    if (!signature.n) {
        c->p->r->unsigned_thinking = true;
        return true;
    }
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_REASONING);
    b->text = json_get_slice(v, "thinking");
    b->signature = signature;
    return true;
}

static bool parse_redacted(struct content *c, struct slice path, yyjson_val *v)
{
    struct slice data = json_get_slice(v, "data");
    if (!data.n)
        return parse_refuse(c->p, path, "redacted thinking needs 'data'");
    llm_block_add(&c->tail, c->p->a, LLM_REASONING)->redacted = data;
    return true;
}

static bool parse_search_result(struct content *c, struct slice path, yyjson_val *v)
{
    bool plain;
    struct llm_block *b = llm_block_add(&c->tail, c->p->a, LLM_SEARCH);
    struct content inner = {.p = c->p, .path = path, .tail = &b->content, .speaker = SYSTEM};
    b->source = json_get_slice(v, "source");
    b->name = json_get_slice(v, "title");
    b->citations = wants_citations(v);
    if (!b->source.n || !b->name.n)
        return parse_refuse(c->p, path, "a search result needs 'source' and 'title'");
    return parse_content(&inner, json_get(v, "content"), &plain);
}

static bool keep_foreign(struct content *c, struct slice path, yyjson_val *v)
{
    llm_block_add(&c->tail, c->p->a, LLM_FOREIGN)->json = v;
    return true;
}

static const struct kind {
    const char *type;
    bool (*parse)(struct content *c, struct slice path, yyjson_val *v);
    unsigned speakers;
} kinds[] = {
    {"text", parse_text, USER | ASSISTANT | SYSTEM | TOOL},
    {"tool_use", parse_tool_use, ASSISTANT},
    {"tool_result", parse_tool_result, USER},
    {"thinking", parse_thought, ASSISTANT},
    {"redacted_thinking", parse_redacted, ASSISTANT},
    {"image", parse_medium, USER | ASSISTANT | TOOL},
    {"document", parse_medium, USER | ASSISTANT | TOOL},
    {"search_result", parse_search_result, USER | TOOL},
    {"tool_reference", keep_foreign, TOOL},
    {"server_tool_use", keep_foreign, ASSISTANT},
    {"bash_code_execution_tool_result", keep_foreign, ASSISTANT},
    {"code_execution_tool_result", keep_foreign, ASSISTANT},
    {"compaction", keep_foreign, ASSISTANT},
    {"mcp_tool_result", keep_foreign, ASSISTANT},
    {"mcp_tool_use", keep_foreign, ASSISTANT},
    {"text_editor_code_execution_tool_result", keep_foreign, ASSISTANT},
    {"tool_search_tool_result", keep_foreign, ASSISTANT},
    {"web_fetch_tool_result", keep_foreign, ASSISTANT},
    {"web_search_tool_result", keep_foreign, ASSISTANT},
};

static const struct kind *find_kind(const struct content *c, struct slice type)
{
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (slice_eq(type, slice_of(kinds[i].type)))
            return kinds[i].speakers & c->speaker ? &kinds[i] : NULL;
    return NULL;
}

static bool parse_block(struct content *c, size_t i, yyjson_val *v)
{
    struct slice path = parse_path_item(c->p, c->path, i), ttl;
    struct slice type = json_get_slice(v, "type");
    const struct kind *kind = find_kind(c, type);
    if (!yyjson_is_obj(v))
        return parse_refuse_type(c->p, path, "an object", v);
    if (!type.p)
        return parse_refuse(c->p, path, "a content block needs a 'type'");
    if (!kind)
        return parse_refuse(c->p, path, "content blocks of type '%.*s' are not supported here",
                            SLICE_ARG(type));
    if (!kind->parse(c, path, v))
        return false;
    if (messages_cache_control(v, &ttl))
        llm_block_add(&c->tail, c->p->a, LLM_CACHE_POINT)->ttl = ttl;
    return true;
}

/* A string, a list of blocks, or nothing. */
static bool parse_content(struct content *c, yyjson_val *v, bool *plain)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    *plain = yyjson_is_str(v);
    if (!v || yyjson_is_null(v))
        return true;
    if (*plain) {
        llm_block_add(&c->tail, c->p->a, LLM_TEXT)->text = json_slice(v);
        return true;
    }
    if (!yyjson_is_arr(v))
        return parse_refuse_type(c->p, c->path, "a string or a list of blocks", v);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_block(c, i, item))
            return false;
    return true;
}

/* ---- messages ------------------------------------------------------------------------------ */

bool messages_parse_system(struct parse *p, yyjson_val *v)
{
    struct content c = {.p = p, .path = SLICE("system"), .speaker = SYSTEM, .tail = &p->r->system};
    bool plain;
    struct llm_block *late = p->r->system; /* of messages of that role: it stands behind this */
    p->r->system = NULL;
    if (!parse_content(&c, v, &plain))
        return false;
    *c.tail = late;
    return true;
}

static void say_who_speaks(struct arena *a, struct llm_block *b)
{
    for (; b; b = b->next)
        if (b->kind == LLM_TEXT && !slice_is_blank(b->text)) {
            b->text = llm_operator_note(a, b->text);
            return;
        }
}

/* Tails of the two lists a message may be added to. */
struct lists {
    struct llm_block **system;
    struct llm_message **messages;
};

/* The system's own messages: before any other they are the system prompt. */
static bool parse_system_message(struct content *c, yyjson_val *v, struct lists *lists,
                                 struct llm_message *m)
{
    bool first = lists->messages == &c->p->r->messages;
    c->speaker = SYSTEM;
    c->tail = first ? lists->system : &m->blocks;
    if (!parse_content(c, json_get(v, "content"), &m->plain))
        return false;
    if (first)
        lists->system = c->tail;
    else
        say_who_speaks(c->p->a, m->blocks);
    return true;
}

static bool parse_message(struct parse *p, size_t i, yyjson_val *v, struct lists *lists)
{
    struct slice at = parse_path_item(p, SLICE("messages"), i), role = json_get_slice(v, "role");
    struct llm_message *m = ARENA_NEW(p->a, struct llm_message);
    struct content c = {
        .p = p, .path = parse_path_member(p, at, SLICE("content")), .tail = &m->blocks};
    bool system = slice_eq(role, SLICE("system"));
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, at, "an object", v);
    if (!system && !slice_eq(role, SLICE("user")) && !slice_eq(role, SLICE("assistant")))
        return parse_refuse(p, parse_path_member(p, at, SLICE("role")),
                            "must be 'user' or 'assistant'");
    m->role = slice_eq(role, SLICE("assistant")) ? LLM_ASSISTANT : LLM_USER;
    c.speaker = m->role == LLM_ASSISTANT ? ASSISTANT : USER;
    if (system ? !parse_system_message(&c, v, lists, m)
               : !parse_content(&c, json_get(v, "content"), &m->plain))
        return false;
    if (system && !m->blocks)
        return true;
    *lists->messages = m;
    lists->messages = &m->next;
    return true;
}

bool messages_parse_messages(struct parse *p, yyjson_val *v)
{
    struct lists lists = {&p->r->system, &p->r->messages};
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (!yyjson_is_arr(v))
        return parse_refuse_type(p, SLICE("messages"), "a list", v);
    if (yyjson_arr_size(v) > MESSAGES_MAX)
        return parse_refuse(p, SLICE("messages"), "at most %d messages", MESSAGES_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_message(p, i, item, &lists))
            return false;
    return p->r->messages || parse_refuse(p, SLICE("messages"), "at least one message is required");
}
