/* OpenAI's Responses, request side: `input`, a text or a list of items.
 *
 * The happy path: leading system and developer messages become request->system; what an assistant
 * said, thought and called in a row is one neutral message, and so are the results of its calls.
 * Thinking comes back in a reasoning item's encrypted_content as it was given out: LiteLLM's form,
 * a list of Anthropic's blocks, which their model signed or encrypted.
 *
 * Failure modes: unknown items, parts and roles: each a 400 that names the place. Thinking of
 * another provider, or without a signature, is left out, as is what tools that run at OpenAI did.
 */

#include "openai_responses.h"

#include "openai_chat.h"

#define ITEMS_MAX 100000 /* in one request; the body cap bounds the bytes */

/* Who says what is added. */
enum turn { TURN_NONE, TURN_MESSAGE, TURN_ASSISTANT, TURN_RESULTS };

struct input {
    struct parse *p;
    struct llm_block **system;     /* tail */
    struct llm_message **messages; /* tail */
    bool leading;                  /* only system messages so far */
    enum turn turn;                /* of the last message … */
    struct llm_block **blocks;     /* … and the tail of its blocks */
};

static struct llm_message *begin_message(struct input *in, enum llm_role role, enum turn turn)
{
    struct llm_message *m = ARENA_NEW(in->p->a, struct llm_message);
    m->role = role;
    *in->messages = m;
    in->messages = &m->next;
    in->blocks = &m->blocks;
    in->turn = turn;
    in->leading = false;
    return m;
}

/* Where an assistant's item goes on, or the results of its calls. */
static struct llm_block ***tail_of(struct input *in, enum turn turn)
{
    if (in->turn != turn)
        begin_message(in, turn == TURN_ASSISTANT ? LLM_ASSISTANT : LLM_USER, turn);
    return &in->blocks;
}

/* ---- content ------------------------------------------------------------------------------- */

struct content {
    struct parse *p;
    struct slice path;
    struct llm_block ***tail;
    bool text_only; /* of a system message, an assistant's */
};

static void add_text(const struct content *c, struct slice text)
{
    llm_block_add(c->tail, c->p->a, LLM_TEXT)->text = text;
}

static void add_cache_point(const struct content *c, yyjson_val *part)
{
    yyjson_val *control = json_get(part, "cache_control");
    if (yyjson_is_obj(control))
        llm_block_add(c->tail, c->p->a, LLM_CACHE_POINT)->ttl = json_get_slice(control, "ttl");
}

static bool is_text(struct slice type)
{
    return slice_eq(type, SLICE("input_text")) || slice_eq(type, SLICE("output_text")) ||
           slice_eq(type, SLICE("text"));
}

static bool parse_part(const struct content *c, size_t i, yyjson_val *part)
{
    struct slice path = parse_path_item(c->p, c->path, i), type = json_get_slice(part, "type");
    yyjson_val *text = json_get(part, slice_eq(type, SLICE("refusal")) ? "refusal" : "text");
    if (yyjson_is_str(part)) {
        add_text(c, json_slice(part));
        return true;
    }
    if (parse_is_media(type) && !c->text_only) {
        if (!parse_media(c->p, path, part, c->tail))
            return false;
    } else if (!is_text(type) && !slice_eq(type, SLICE("refusal"))) {
        return type.p ? parse_refuse(c->p, path, "content parts of type '%.*s' are not supported",
                                     SLICE_ARG(type))
                      : parse_refuse(c->p, path, "a content part needs a 'type'");
    } else if (!yyjson_is_str(text)) {
        return parse_refuse_type(c->p, path, "a string as text", text);
    } else {
        add_text(c, json_slice(text));
    }
    add_cache_point(c, part);
    return true;
}

/* A string, a list of parts, or nothing. */
static bool parse_content(const struct content *c, yyjson_val *v)
{
    yyjson_val *part;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (!v || yyjson_is_null(v))
        return true;
    if (yyjson_is_str(v)) {
        add_text(c, json_slice(v));
        return true;
    }
    if (!yyjson_is_arr(v))
        return parse_refuse_type(c->p, c->path, "a string or a list of parts", v);
    for (size_t i = 0; (part = yyjson_arr_iter_next(&it)); i++)
        if (!parse_part(c, i, part))
            return false;
    return true;
}

/* ---- messages ------------------------------------------------------------------------------ */

static bool is_system(struct slice role)
{
    return slice_eq(role, SLICE("system")) || slice_eq(role, SLICE("developer"));
}

/* Behind the beginning it has no place of its own: it becomes a user's text that says who speaks.
 */
static void mark_operator(struct input *in, struct llm_message *m)
{
    for (struct llm_block *b = m->blocks; b; b = b->next)
        if (b->kind == LLM_TEXT && !slice_is_blank(b->text)) {
            b->text = llm_operator_note(in->p->a, b->text);
            return;
        }
}

static bool parse_message(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice role = json_get_slice(item, "role");
    bool system = is_system(role), assistant = slice_eq(role, SLICE("assistant"));
    struct content c = {.p = in->p,
                        .path = parse_path_member(in->p, path, SLICE("content")),
                        .text_only = system || assistant};
    struct llm_message *m = NULL;
    if (!system && !assistant && !slice_eq(role, SLICE("user")))
        return parse_refuse(in->p, parse_path_member(in->p, path, SLICE("role")),
                            "unknown role '%.*s'", SLICE_ARG(role));
    if (system && in->leading) {
        in->p->r->system_count++;
        c.tail = &in->system;
    } else if (assistant) {
        c.tail = tail_of(in, TURN_ASSISTANT);
    } else {
        m = begin_message(in, LLM_USER, TURN_MESSAGE);
        c.tail = &in->blocks;
    }
    if (!parse_content(&c, json_get(item, "content")))
        return false;
    if (system && m)
        mark_operator(in, m);
    return true;
}

/* ---- thinking ------------------------------------------------------------------------------ */

static bool add_thought(struct input *in, yyjson_val *v)
{
    struct slice signature = json_get_slice(v, "signature"), data = json_get_slice(v, "data");
    if (!signature.n && !data.n)
        return false;
    struct llm_block *b = llm_block_add(tail_of(in, TURN_ASSISTANT), in->p->a, LLM_REASONING);
    b->text = json_get_slice(v, "thinking");
    b->signature = signature;
    b->redacted = data;
    return true;
}

static bool parse_reasoning(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice sealed = json_get_slice(item, "encrypted_content");
    yyjson_val *v, *list = sealed.n ? json_parse(sealed, in->p->a, NULL) : NULL;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    bool any = false;
    while ((v = yyjson_arr_iter_next(&it)))
        any = add_thought(in, v) || any;
    in->p->r->unsigned_thinking |= !any;
    return true;
}

/* ---- calls and their results --------------------------------------------------------------- */

static struct llm_block *add_call(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice id = json_get_slice(item, "call_id"), name = json_get_slice(item, "name");
    if (!id.n || !name.n) {
        parse_refuse(in->p, path, "a call needs 'call_id' and 'name'");
        return NULL;
    }
    struct llm_block *b = llm_block_add(tail_of(in, TURN_ASSISTANT), in->p->a, LLM_TOOL_USE);
    b->id = id;
    b->name = responses_tool_name(in->p->a, json_get_slice(item, "namespace"), name);
    return b;
}

static bool parse_function_call(struct input *in, struct slice path, yyjson_val *item)
{
    yyjson_val *arguments = json_get(item, "arguments");
    struct llm_block *b = add_call(in, path, item);
    if (b && arguments && !yyjson_is_null(arguments) && !yyjson_is_str(arguments))
        return parse_refuse_type(in->p, path, "a string of JSON as arguments", arguments);
    if (b)
        b->input = chat_tool_input(in->p, json_slice(arguments));
    return b != NULL;
}

static bool parse_custom_call(struct input *in, struct slice path, yyjson_val *item)
{
    struct llm_block *b = add_call(in, path, item);
    if (b)
        b->input = chat_wrap_text(in->p->a, LLM_TEXT_INPUT, json_get_slice(item, "input"));
    return b != NULL;
}

static bool parse_output(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice id = json_get_slice(item, "call_id");
    yyjson_val *output = json_get(item, "output");
    if (!id.n)
        return parse_refuse(in->p, path, "a call's output needs 'call_id'");
    struct llm_block *b = llm_block_add(tail_of(in, TURN_RESULTS), in->p->a, LLM_TOOL_RESULT);
    struct llm_block **tail = &b->content;
    struct content c = {
        .p = in->p, .path = parse_path_member(in->p, path, SLICE("output")), .tail = &tail};
    b->id = id;
    b->plain = !yyjson_is_arr(output);
    if (!yyjson_is_obj(output))
        return parse_content(&c, output);
    add_text(&c, json_text_of(output, in->p->a));
    return true;
}

/* ---- items --------------------------------------------------------------------------------- */

static bool parse_reference(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice id = json_get_slice(item, "id");
    return parse_refuse(in->p, path, "item '%.*s' is not kept here", SLICE_ARG(id));
}

/* A conversation that was compacted begins with what it was about. */
static bool parse_compaction(struct input *in, struct slice path, yyjson_val *item)
{
    struct slice text = json_get_slice(item, "encrypted_content");
    if (!text.n)
        return parse_refuse(in->p, path, "a compaction needs 'encrypted_content'");
    begin_message(in, LLM_USER, TURN_MESSAGE);
    llm_block_add(&in->blocks, in->p->a, LLM_TEXT)->text = text;
    return true;
}

static bool leave_out(struct input *in, struct slice path, yyjson_val *item)
{
    in->p->r->server_tools = true;
    return true;
}

static const struct item_kind {
    const char *type;
    bool (*parse)(struct input *in, struct slice path, yyjson_val *item);
} kinds[] = {
    {"message", parse_message},
    {"function_call", parse_function_call},
    {"function_call_output", parse_output},
    {"reasoning", parse_reasoning},
    {"custom_tool_call", parse_custom_call},
    {"custom_tool_call_output", parse_output},
    {"item_reference", parse_reference},
    {"compaction", parse_compaction},
    {"code_interpreter_call", leave_out},
    {"file_search_call", leave_out},
    {"image_generation_call", leave_out},
    {"mcp_list_tools", leave_out},
    {"tool_search_call", leave_out},
    {"tool_search_output", leave_out},
    {"web_search_call", leave_out},
};

static bool parse_item(struct input *in, size_t i, yyjson_val *item)
{
    struct slice path = parse_path_item(in->p, SLICE("input"), i);
    struct slice type = json_get_slice(item, "type");
    if (!yyjson_is_obj(item))
        return parse_refuse_type(in->p, path, "an object", item);
    if (!type.n)
        type = SLICE("message");
    for (size_t k = 0; k < sizeof(kinds) / sizeof(*kinds); k++)
        if (slice_eq(type, slice_of(kinds[k].type)))
            return kinds[k].parse(in, path, item);
    return parse_refuse(in->p, path, "items of type '%.*s' are not supported", SLICE_ARG(type));
}

static bool parse_text(struct input *in, struct slice text)
{
    begin_message(in, LLM_USER, TURN_MESSAGE);
    llm_block_add(&in->blocks, in->p->a, LLM_TEXT)->text = text;
    return true;
}

bool responses_parse_input(struct parse *p, yyjson_val *v)
{
    struct input in = {
        .p = p, .system = &p->r->system, .messages = &p->r->messages, .leading = true};
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    while (*in.system)
        in.system = &(*in.system)->next;
    if (yyjson_is_str(v))
        return parse_text(&in, json_slice(v));
    if (!yyjson_is_arr(v))
        return parse_refuse_type(p, SLICE("input"), "a string or a list of items", v);
    if (yyjson_arr_size(v) > ITEMS_MAX)
        return parse_refuse(p, SLICE("input"), "at most %d items", ITEMS_MAX);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_item(&in, i, item))
            return false;
    if (!p->r->messages && !p->r->system)
        return parse_refuse(p, SLICE("input"), "at least one item is needed");
    return true;
}
