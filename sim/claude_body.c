/* Tells Anthropic's Messages body as a Converse body.
 *
 * Blocks are renamed one by one, `cache_control` becomes a cache point behind its block, what
 * Converse has no member for goes into additionalModelRequestFields. The result is for reading (it
 * need not pass Converse's schema): documents without a title, for example, have no name. Nothing
 * fails: the body has passed its shape. */

#include "claude.h"

#define BODY_MAX (64 * 1024 * 1024)

yyjson_val *claude_blocks(yyjson_val *content)
{
    return yyjson_is_arr(content) ? content : NULL;
}

bool claude_is(yyjson_val *block, const char *type)
{
    return slice_eq(json_get_slice(block, "type"), slice_of(type));
}

yyjson_val *claude_given(yyjson_val *object, const char *name)
{
    yyjson_val *v = json_get(object, name);
    return v && !yyjson_is_null(v) ? v : NULL;
}

/* ---- content ------------------------------------------------------------------------------- */

static void write_text(struct json_writer *w, struct slice text)
{
    json_object(w);
    json_member_string(w, "text", text);
    json_object_end(w);
}

/* The mark of a block, or of one within it (a part of a tool's result): Converse knows no points in
 * there, and a prefix ends where its block ends. */
static yyjson_val *cache_control(yyjson_val *block)
{
    size_t i, n;
    yyjson_val *part, *control = claude_given(block, "cache_control");
    yyjson_arr_foreach(claude_blocks(json_get(block, "content")), i, n, part)
    {
        if (!control)
            control = claude_given(part, "cache_control");
    }
    return control;
}

static void write_cache_point(struct json_writer *w, yyjson_val *block)
{
    yyjson_val *control = cache_control(block);
    const struct slice ttl = json_get_slice(control, "ttl");
    if (!control)
        return;
    json_object(w);
    json_key(w, "cachePoint");
    json_object(w);
    json_member_string(w, "type", SLICE("default"));
    if (ttl.n)
        json_member_string(w, "ttl", ttl);
    json_object_end(w);
    json_object_end(w);
}

static void write_image(struct json_writer *w, yyjson_val *block)
{
    yyjson_val *source = json_get(block, "source");
    json_object(w);
    json_member_string(w, "format",
                       slice_skip(json_get_slice(source, "media_type"), sizeof("image/") - 1));
    json_key(w, "source");
    json_object(w);
    json_member_string(w, "bytes", json_get_slice(source, "data"));
    json_object_end(w);
    json_object_end(w);
}

/* The text blocks of a content that may be one string. */
static void write_texts(struct json_writer *w, yyjson_val *content)
{
    size_t i, n;
    yyjson_val *block;
    json_array(w);
    if (yyjson_is_str(content))
        write_text(w, json_slice(content));
    yyjson_arr_foreach(claude_blocks(content), i, n, block)
    {
        write_text(w, json_get_slice(block, "text"));
    }
    json_array_end(w);
}

static void write_document(struct json_writer *w, yyjson_val *block)
{
    yyjson_val *source = json_get(block, "source");
    const bool pdf = claude_is(source, "base64");
    json_object(w);
    json_member_string(w, "format", pdf ? SLICE("pdf") : SLICE("txt"));
    json_member_string(w, "name", json_get_slice(block, "title"));
    if (claude_given(block, "citations")) {
        json_key(w, "citations");
        json_value(w, json_get(block, "citations"));
    }
    json_key(w, "source");
    json_object(w);
    if (pdf) {
        json_member_string(w, "bytes", json_get_slice(source, "data"));
    } else if (claude_is(source, "text")) {
        json_member_string(w, "text", json_get_slice(source, "data"));
    } else {
        json_key(w, "content");
        write_texts(w, json_get(source, "content"));
    }
    json_object_end(w);
    json_object_end(w);
}

static void write_search_result(struct json_writer *w, yyjson_val *block)
{
    json_object(w);
    json_member_string(w, "source", json_get_slice(block, "source"));
    json_member_string(w, "title", json_get_slice(block, "title"));
    json_key(w, "content");
    write_texts(w, json_get(block, "content"));
    json_object_end(w);
}

static void write_tool_use(struct json_writer *w, yyjson_val *block)
{
    json_object(w);
    json_member_string(w, "toolUseId", json_get_slice(block, "id"));
    json_member_string(w, "name", json_get_slice(block, "name"));
    json_key(w, "input");
    json_value(w, json_get(block, "input"));
    json_object_end(w);
}

static void write_blocks(struct json_writer *w, yyjson_val *content, bool points);

static void write_tool_result(struct json_writer *w, yyjson_val *block)
{
    json_object(w);
    json_member_string(w, "toolUseId", json_get_slice(block, "tool_use_id"));
    json_key(w, "content");
    write_blocks(w, claude_given(block, "content"), false);
    if (yyjson_is_true(json_get(block, "is_error")))
        json_member_string(w, "status", SLICE("error"));
    json_object_end(w);
}

static void write_thinking(struct json_writer *w, yyjson_val *block)
{
    json_object(w);
    json_key(w, "reasoningText");
    json_object(w);
    json_member_string(w, "text", json_get_slice(block, "thinking"));
    json_member_string(w, "signature", json_get_slice(block, "signature"));
    json_object_end(w);
    json_object_end(w);
}

static void write_redacted(struct json_writer *w, yyjson_val *block)
{
    json_object(w);
    json_member_string(w, "redactedContent", json_get_slice(block, "data"));
    json_object_end(w);
}

static void write_block(struct json_writer *w, yyjson_val *block)
{
    static const struct {
        const char *type, *name;
        void (*write)(struct json_writer *w, yyjson_val *block);
    } kinds[] = {
        {"image", "image", write_image},
        {"document", "document", write_document},
        {"search_result", "searchResult", write_search_result},
        {"tool_use", "toolUse", write_tool_use},
        {"tool_result", "toolResult", write_tool_result},
        {"thinking", "reasoningContent", write_thinking},
        {"redacted_thinking", "reasoningContent", write_redacted},
    };
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        if (!claude_is(block, kinds[i].type))
            continue;
        json_object(w);
        json_key_slice(w, slice_of(kinds[i].name));
        kinds[i].write(w, block);
        json_object_end(w);
        return;
    }
    write_text(w, json_get_slice(block, "text"));
}

static void write_blocks(struct json_writer *w, yyjson_val *content, bool points)
{
    size_t i, n;
    yyjson_val *block;
    json_array(w);
    if (yyjson_is_str(content))
        write_text(w, json_slice(content));
    yyjson_arr_foreach(claude_blocks(content), i, n, block)
    {
        write_block(w, block);
        if (points)
            write_cache_point(w, block);
    }
    json_array_end(w);
}

static void write_messages(struct json_writer *w, yyjson_val *messages)
{
    size_t i, n;
    yyjson_val *message;
    json_key(w, "messages");
    json_array(w);
    yyjson_arr_foreach(messages, i, n, message)
    {
        json_object(w);
        json_member_string(w, "role", json_get_slice(message, "role"));
        json_key(w, "content");
        write_blocks(w, json_get(message, "content"), true);
        json_object_end(w);
    }
    json_array_end(w);
}

/* ---- tools --------------------------------------------------------------------------------- */

static void write_tool(struct json_writer *w, yyjson_val *tool)
{
    yyjson_val *schema = claude_given(tool, "input_schema");
    const struct slice description = json_get_slice(tool, "description");
    json_object(w);
    json_key(w, "toolSpec");
    json_object(w);
    json_member_string(w, "name", json_get_slice(tool, "name"));
    if (description.p)
        json_member_string(w, "description", description);
    if (yyjson_is_true(json_get(tool, "strict")))
        json_member_bool(w, "strict", true);
    json_key(w, "inputSchema");
    json_object(w);
    json_key(w, "json");
    if (schema)
        json_value(w, schema);
    else /* one of Anthropic's own tools */
        json_raw(w, SLICE("{\"type\":\"object\"}"));
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    write_cache_point(w, tool);
}

static void write_choice(struct json_writer *w, yyjson_val *choice)
{
    const struct slice type = json_get_slice(choice, "type");
    if (!type.n || slice_eq(type, SLICE("none")))
        return;
    json_key(w, "toolChoice");
    json_object(w);
    json_key_slice(w, type);
    json_object(w);
    if (json_get_slice(choice, "name").p)
        json_member_string(w, "name", json_get_slice(choice, "name"));
    json_object_end(w);
    json_object_end(w);
}

static void write_tools(struct json_writer *w, yyjson_val *body)
{
    size_t i, n;
    yyjson_val *tool, *tools = claude_given(body, "tools");
    if (!yyjson_arr_size(tools))
        return;
    json_key(w, "toolConfig");
    json_object(w);
    json_key(w, "tools");
    json_array(w);
    yyjson_arr_foreach(tools, i, n, tool)
    {
        write_tool(w, tool);
    }
    json_array_end(w);
    write_choice(w, claude_given(body, "tool_choice"));
    json_object_end(w);
}

/* ---- configuration ------------------------------------------------------------------------- */

/* Members as they are, under other names. */
static void write_renamed(struct json_writer *w, yyjson_val *body, const char *const names[][2],
                          size_t n)
{
    json_object(w);
    for (size_t i = 0; i < n; i++) {
        yyjson_val *v = claude_given(body, names[i][0]);
        if (!v)
            continue;
        json_key_slice(w, slice_of(names[i][1]));
        json_value(w, v);
    }
    json_object_end(w);
}

static void write_configuration(struct json_writer *w, yyjson_val *body)
{
    static const char *const inference[][2] = {{"max_tokens", "maxTokens"},
                                               {"temperature", "temperature"},
                                               {"top_p", "topP"},
                                               {"stop_sequences", "stopSequences"}};
    static const char *const fields[][2] = {{"thinking", "thinking"},
                                            {"top_k", "top_k"},
                                            {"tool_choice", "tool_choice"},
                                            {"output_config", "output_config"}};
    json_key(w, "inferenceConfig");
    write_renamed(w, body, inference, 4);
    json_key(w, "additionalModelRequestFields");
    write_renamed(w, body, fields, 4);
}

static void write_schema(struct json_writer *w, yyjson_val *schema)
{
    struct json_writer inner;
    struct buf text;
    buf_init(&text, BODY_MAX);
    json_begin(&inner, &text);
    json_value(&inner, schema);
    json_member_string(w, "schema", buf_slice(&text));
    buf_fini(&text);
}

/* outputConfig.textFormat; Converse wants the schema as a string. */
static void write_format(struct json_writer *w, yyjson_val *body)
{
    yyjson_val *format = claude_given(json_get(body, "output_config"), "format");
    if (!format)
        return;
    json_key(w, "outputConfig");
    json_object(w);
    json_key(w, "textFormat");
    json_object(w);
    json_member_string(w, "type", SLICE("json_schema"));
    json_key(w, "structure");
    json_object(w);
    json_key(w, "jsonSchema");
    json_object(w);
    write_schema(w, json_get(format, "schema"));
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

yyjson_val *claude_to_converse(yyjson_val *body, struct arena *a)
{
    struct json_writer w;
    struct buf out;
    buf_init(&out, BODY_MAX);
    json_begin(&w, &out);
    json_object(&w);
    if (claude_given(body, "system")) {
        json_key(&w, "system");
        write_blocks(&w, json_get(body, "system"), true);
    }
    write_messages(&w, json_get(body, "messages"));
    write_tools(&w, body);
    write_configuration(&w, body);
    write_format(&w, body);
    json_object_end(&w);
    yyjson_val *converse = json_parse(buf_slice(&out), a, NULL);
    buf_fini(&out);
    return converse;
}
