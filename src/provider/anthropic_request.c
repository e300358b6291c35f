/* Plan → the body of Anthropic's Messages for InvokeModel.
 *
 * The happy path: one pass over the plan, written straight into the outgoing buffer, the
 * conversation last. A cache point becomes the cache_control of the block before it. Schemas, tool
 * arguments and numbers are passed on byte for byte.
 *
 * Failure modes: media without a form here (video, office documents, text that is no UTF-8) and
 * media that are still but a URL, since Bedrock fetches none. */

#include "anthropic.h"

#include "bedrock_media.h"
#include "invoke.h"
#include "wire/crypto.h"

struct writer {
    struct json_writer w;
    const struct plan *p;
    struct arena *a;
    struct failure *f;
};

/* ---- media --------------------------------------------------------------------------------- */

static void refuse(struct writer *x, const char *what, struct slice which)
{
    failure_bad_param(x->f, x->a, "messages", "%s: '%.*s'", what, SLICE_ARG(which));
}

static void write_source(struct writer *x, const char *type, struct slice media_type,
                         struct slice data)
{
    struct json_writer *w = &x->w;
    json_key(w, "source");
    json_object(w);
    json_member_string(w, "type", slice_of(type));
    json_member_string(w, "media_type", media_type);
    json_key(w, "data");
    if (slice_eq(slice_of(type), SLICE("base64")))
        bedrock_write_base64(w, data);
    else
        json_string(w, data);
    json_object_end(w);
}

static bool is_fetched(struct writer *x, const struct llm_block *b)
{
    if (b->data.n || !b->url.n)
        return true;
    refuse(x, "InvokeModel takes no URL of an image or a document", b->url);
    return false;
}

static void write_image(struct writer *x, const struct llm_block *b)
{
    json_member_string(&x->w, "type", SLICE("image"));
    if (is_fetched(x, b))
        write_source(x, "base64", b->media_type, b->data);
}

static bool is_utf8(struct slice s, struct arena *a)
{
    struct buf quoted;
    struct json_writer w;
    struct arena_mark mark = arena_mark(a);
    buf_init(&quoted, SIZE_MAX);
    json_begin(&w, &quoted);
    json_string(&w, s);
    bool valid = json_parse(buf_slice(&quoted), a, NULL) != NULL;
    buf_fini(&quoted);
    arena_rewind(a, mark);
    return valid;
}

static void write_blocks(struct writer *x, const struct llm_block *b);

static void write_content_source(struct writer *x, const struct llm_block *content)
{
    json_key(&x->w, "source");
    json_object(&x->w);
    json_member_string(&x->w, "type", SLICE("content"));
    json_key(&x->w, "content");
    write_blocks(x, content);
    json_object_end(&x->w);
}

/* Base64 is for PDF only; text goes as text, whatever its kind. */
static void write_document_source(struct writer *x, const struct llm_block *b)
{
    struct slice text;
    if (b->content)
        write_content_source(x, b->content);
    else if (!b->data.n)
        write_source(x, "text", SLICE("text/plain"), b->text);
    else if (slice_eq(b->media_type, SLICE("application/pdf")))
        write_source(x, "base64", b->media_type, b->data);
    else if (!slice_starts(b->media_type, SLICE("text/")))
        refuse(x, "Claude takes no document of this type over InvokeModel", b->media_type);
    else if (base64_decode(b->data, x->a, &text) && is_utf8(text, x->a))
        write_source(x, "text", SLICE("text/plain"), text);
    else
        refuse(x, "the text of a document is not UTF-8", b->name);
}

static void write_citations(struct json_writer *w, const struct llm_block *b)
{
    if (!b->citations)
        return;
    json_key(w, "citations");
    json_object(w);
    json_member_bool(w, "enabled", true);
    json_object_end(w);
}

static void write_document(struct writer *x, const struct llm_block *b)
{
    struct json_writer *w = &x->w;
    json_member_string(w, "type", SLICE("document"));
    if (is_fetched(x, b))
        write_document_source(x, b);
    if (b->name.n)
        json_member_string(w, "title", b->name);
    if (b->context.n)
        json_member_string(w, "context", b->context);
    write_citations(w, b);
}

static void write_search(struct writer *x, const struct llm_block *b)
{
    struct json_writer *w = &x->w;
    json_member_string(w, "type", SLICE("search_result"));
    json_member_string(w, "source", b->source);
    json_member_string(w, "title", b->name);
    json_key(w, "content");
    write_blocks(x, b->content);
    write_citations(w, b);
}

/* ---- blocks -------------------------------------------------------------------------------- */

static void write_cache_control(struct json_writer *w, struct slice ttl)
{
    json_key(w, "cache_control");
    json_object(w);
    json_member_string(w, "type", SLICE("ephemeral"));
    if (ttl.n)
        json_member_string(w, "ttl", ttl);
    json_object_end(w);
}

static void write_reasoning(struct json_writer *w, const struct llm_block *b)
{
    json_member_string(w, "type", b->redacted.n ? SLICE("redacted_thinking") : SLICE("thinking"));
    if (b->redacted.n) {
        json_member_string(w, "data", b->redacted);
    } else {
        json_member_string(w, "thinking", b->text);
        json_member_string(w, "signature", b->signature);
    }
}

static void write_tool_use(struct json_writer *w, const struct llm_block *b)
{
    json_member_string(w, "type", SLICE("tool_use"));
    json_member_string(w, "id", b->id);
    json_member_string(w, "name", b->name);
    json_key(w, "input");
    json_raw(w, b->input);
}

/* What came as a string goes as one, as LiteLLM passes it on. */
static void write_content(struct writer *x, const struct llm_block *content, bool plain)
{
    if (plain && content && content->kind == LLM_TEXT && !content->next)
        json_string(&x->w, content->text);
    else
        write_blocks(x, content);
}

static void write_tool_result(struct writer *x, const struct llm_block *b)
{
    struct json_writer *w = &x->w;
    json_member_string(w, "type", SLICE("tool_result"));
    json_member_string(w, "tool_use_id", b->id);
    if (b->content) {
        json_key(w, "content");
        write_content(x, b->content, b->plain);
    }
    if (b->is_error)
        json_member_bool(w, "is_error", true);
}

static void write_text(struct json_writer *w, const struct llm_block *b)
{
    json_member_string(w, "type", SLICE("text"));
    json_member_string(w, "text", b->text);
    if (b->cited)
        (json_key(w, "citations"), json_value(w, b->cited));
}

/* Ours stands in its place. */
static bool is_cache_control(struct slice name)
{
    return slice_eq(name, SLICE("cache_control"));
}

static void write_members(struct writer *x, const struct llm_block *b)
{
    switch (b->kind) {
    case LLM_TEXT: write_text(&x->w, b); break;
    case LLM_IMAGE: write_image(x, b); break;
    case LLM_DOCUMENT: write_document(x, b); break;
    case LLM_VIDEO: refuse(x, "Claude takes no video", b->media_type); break;
    case LLM_TOOL_USE: write_tool_use(&x->w, b); break;
    case LLM_TOOL_RESULT: write_tool_result(x, b); break;
    case LLM_REASONING: write_reasoning(&x->w, b); break;
    case LLM_SEARCH: write_search(x, b); break;
    case LLM_FOREIGN: json_members_but(&x->w, b->json, is_cache_control); break;
    case LLM_CACHE_POINT: /* write_blocks has written it */ break;
    }
}

static void write_blocks(struct writer *x, const struct llm_block *b)
{
    json_array(&x->w);
    for (; b; b = b->next) {
        if (b->kind == LLM_CACHE_POINT)
            continue;
        json_object(&x->w);
        write_members(x, b);
        if (b->next && b->next->kind == LLM_CACHE_POINT)
            write_cache_control(&x->w, b->next->ttl);
        json_object_end(&x->w);
    }
    json_array_end(&x->w);
}

static void write_messages(struct writer *x)
{
    struct json_writer *w = &x->w;
    json_key(w, "messages");
    json_array(w);
    for (const struct llm_message *m = x->p->messages; m; m = m->next) {
        json_object(w);
        json_member_string(w, "role", m->role == LLM_USER ? SLICE("user") : SLICE("assistant"));
        json_key(w, "content");
        write_content(x, m->blocks, m->plain);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- tools --------------------------------------------------------------------------------- */

/* Anthropic wants {type: object}; clients leave it out. Given members stay as they are. */
static void write_schema(struct json_writer *w, yyjson_val *schema)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(schema);
    json_object(w);
    if (!json_get(schema, "type"))
        json_member_string(w, "type", SLICE("object"));
    while ((key = yyjson_obj_iter_next(&it))) {
        json_key_slice(w, json_slice(key));
        json_value(w, yyjson_obj_iter_get_val(key));
    }
    if (!yyjson_obj_size(schema))
        (json_key(w, "properties"), json_object(w), json_object_end(w));
    json_object_end(w);
}

static void write_own_tool(struct json_writer *w, const struct llm_tool *t)
{
    json_object(w);
    json_members_but(w, t->own, is_cache_control);
    if (t->cache_point)
        write_cache_control(w, t->ttl);
    json_object_end(w);
}

static void write_tool(struct json_writer *w, const struct llm_tool *t)
{
    json_object(w);
    if (!t->untyped)
        json_member_string(w, "type", SLICE("custom"));
    json_member_string(w, "name", t->name);
    if (t->description.n)
        json_member_string(w, "description", t->description);
    json_key(w, "input_schema");
    write_schema(w, t->schema);
    if (t->strict)
        json_member_bool(w, "strict", true);
    for (const struct llm_extra *e = t->extra; e; e = e->next)
        (json_key_slice(w, e->name), json_value(w, e->value));
    if (t->cache_point)
        write_cache_control(w, t->ttl);
    json_object_end(w);
}

static void write_tool_choice(struct json_writer *w, const struct plan *p)
{
    bool any = p->tool_choice == LLM_TOOLS_REQUIRED, named = p->tool_choice == LLM_TOOLS_NAMED;
    if (p->tool_choice == LLM_TOOLS_UNSET && !p->one_tool_call)
        return;
    json_key(w, "tool_choice");
    json_object(w);
    json_member_string(w, "type", any ? SLICE("any") : named ? SLICE("tool") : SLICE("auto"));
    if (named)
        json_member_string(w, "name", p->tool_choice_name);
    if (p->one_tool_call)
        json_member_bool(w, "disable_parallel_tool_use", true);
    json_object_end(w);
}

static void write_tools(struct json_writer *w, const struct plan *p)
{
    if (!p->tools)
        return;
    json_key(w, "tools");
    json_array(w);
    for (const struct llm_tool *t = p->tools; t; t = t->next)
        if (t->own)
            write_own_tool(w, t);
        else
            write_tool(w, t);
    json_array_end(w);
    write_tool_choice(w, p);
}

/* ---- parameters ---------------------------------------------------------------------------- */

static void write_number(struct json_writer *w, const char *name, yyjson_val *v)
{
    if (!v)
        return;
    json_key_slice(w, slice_of(name));
    json_value(w, v);
}

static void write_strings(struct json_writer *w, const char *name, const struct slice *v, size_t n)
{
    if (!n)
        return;
    json_key_slice(w, slice_of(name));
    json_array(w);
    for (size_t i = 0; i < n; i++)
        json_string(w, v[i]);
    json_array_end(w);
}

static void write_thinking(struct json_writer *w, const struct plan *p)
{
    static const char *const types[] = {[PLAN_THINKING_DISABLED] = "disabled",
                                        [PLAN_THINKING_BUDGET] = "enabled",
                                        [PLAN_THINKING_ADAPTIVE] = "adaptive"};
    if (p->thinking == PLAN_THINKING_UNSET)
        return;
    json_key(w, "thinking");
    json_object(w);
    json_member_string(w, "type", slice_of(types[p->thinking]));
    if (p->thinking == PLAN_THINKING_BUDGET)
        json_member_integer(w, "budget_tokens", p->budget);
    if (p->display.n)
        json_member_string(w, "display", p->display);
    json_object_end(w);
}

static yyjson_val *field(const struct plan *p, const char *name)
{
    for (const struct llm_extra *e = p->fields; e; e = e->next)
        if (slice_eq(e->name, slice_of(name)))
            return e->value;
    return NULL;
}

static void write_format(struct json_writer *w, const struct plan *p)
{
    json_key(w, "format");
    json_object(w);
    json_member_string(w, "type", SLICE("json_schema"));
    json_key(w, "schema");
    json_value(w, p->schema->schema);
    json_object_end(w);
}

/* The plan's members, and what the client has put beside them. */
static void write_output_config(struct json_writer *w, const struct plan *p)
{
    bool native = p->format == PLAN_FORMAT_NATIVE;
    yyjson_val *key, *given = field(p, "output_config");
    yyjson_obj_iter it = yyjson_obj_iter_with(given);
    if (!p->effort.n && !native && !yyjson_obj_size(given))
        return;
    json_key(w, "output_config");
    json_object(w);
    if (p->effort.n)
        json_member_string(w, "effort", p->effort);
    if (native)
        write_format(w, p);
    while ((key = yyjson_obj_iter_next(&it))) {
        struct slice name = json_slice(key);
        if ((p->effort.n && slice_eq(name, SLICE("effort"))) ||
            (native && slice_eq(name, SLICE("format"))))
            continue;
        json_key_slice(w, name);
        json_value(w, yyjson_obj_iter_get_val(key));
    }
    json_object_end(w);
}

/* The plan has written this member: a second one of the name would leave open which one holds. */
static bool is_written(const struct plan *p, struct slice name)
{
    const struct {
        const char *name;
        bool written;
    } rows[] = {
        {"amazon-bedrock-guardrailConfig",
         json_get_slice(p->request->guardrail, "streamProcessingMode").n > 0},
        {"anthropic_beta", true},
        {"anthropic_version", true},
        {"max_tokens", true},
        {"messages", true},
        {"model", true},
        {"output_config", true},
        {"stop_sequences", p->stop_count > 0},
        {"stream", true},
        {"system", true},
        {"temperature", p->temperature != NULL},
        {"thinking", p->thinking != PLAN_THINKING_UNSET},
        {"tool_choice", true},
        {"tools", true},
        {"top_k", p->top_k != NULL},
        {"top_p", p->top_p != NULL},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_eq(name, slice_of(rows[i].name)))
            return rows[i].written;
    return false;
}

static void write_fields(struct json_writer *w, const struct plan *p)
{
    for (const struct llm_extra *e = p->fields; e; e = e->next) {
        if (is_written(p, e->name))
            continue;
        json_key_slice(w, e->name);
        json_value(w, e->value);
    }
}

static int64_t max_tokens(const struct plan *p)
{
    return p->max_tokens >= 0 ? p->max_tokens : ANTHROPIC_MAX_TOKENS;
}

static void write_parameters(struct json_writer *w, const struct plan *p)
{
    json_member_string(w, "anthropic_version", SLICE("bedrock-2023-05-31"));
    write_strings(w, "anthropic_beta", p->betas, p->beta_count);
    json_member_integer(w, "max_tokens", max_tokens(p));
    write_number(w, "temperature", p->temperature);
    write_number(w, "top_p", p->top_p);
    write_number(w, "top_k", p->top_k);
    write_strings(w, "stop_sequences", p->stop, p->stop_count);
    write_thinking(w, p);
    write_output_config(w, p);
    write_fields(w, p);
    invoke_write_guardrail(w, p);
}

bool anthropic_write_body(const struct plan *p, struct arena *a, struct buf *body,
                          struct failure *f)
{
    struct writer x = {.p = p, .a = a, .f = f};
    json_begin(&x.w, body);
    json_object(&x.w);
    write_parameters(&x.w, p);
    write_tools(&x.w, p);
    if (p->system) {
        json_key(&x.w, "system");
        write_blocks(&x, p->system);
    }
    write_messages(&x);
    json_object_end(&x.w);
    return f->kind == FAILURE_NONE;
}
