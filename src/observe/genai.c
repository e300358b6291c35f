#include "genai.h"

#include "payload.h"

#define TRACES_PATH "/v1/traces"
#define BODY_SIZE   ((size_t)4 * 1024 * 1024) /* bytes of messages in OpenTelemetry's form */

const char *genai_url(struct arena *a, struct slice endpoint)
{
    struct slice base = endpoint;
    while (slice_ends(base, SLICE("/")))
        base.n--;
    bool whole = slice_ends(base, SLICE(TRACES_PATH));
    return ARENA_JOIN(a, base, whole ? SLICE("") : SLICE(TRACES_PATH)).p;
}

struct slice genai_operation(const struct record *r)
{
    if (slice_eq(r->text.call_type, SLICE("acompletion"))) /* mostly */
        return SLICE("chat");
    if (slice_find(r->text.call_type, SLICE("embedding")) >= 0)
        return SLICE("embeddings");
    if (slice_find(r->text.call_type, SLICE("text_completion")) >= 0)
        return SLICE("text_completion");
    if (slice_eq(r->text.call_type, SLICE("arerank")))
        return SLICE("rerank");
    return payload_provider(r).n ? SLICE("chat") : SLICE("pass_through");
}

struct slice genai_name(struct arena *a, const struct record *r, struct slice model)
{
    return model.n ? ARENA_JOIN(a, genai_operation(r), SLICE(" "), model) : genai_operation(r);
}

/* ---- the request ---------------------------------------------------------------------------- */

static void write_integer(struct otlp *o, struct otlp_key name, yyjson_val *v)
{
    int64_t value;
    if (json_int(v, &value))
        otlp_add_integer(o, name, value);
}

static void write_number(struct otlp *o, struct otlp_key name, yyjson_val *v)
{
    double value;
    if (json_double(v, &value))
        otlp_add_number(o, name, value);
}

static void write_parameters(struct otlp *o, const struct record *r, struct arena *a)
{
    yyjson_val *p = otlp_parse(r->text.parameters, a);
    if (!p)
        return;
    yyjson_val *most = json_get(p, "max_completion_tokens"), *stop = json_get(p, "stop");
    write_integer(o, OTLP_INTEGER("gen_ai.request.max_tokens"),
                  most ? most : json_get(p, "max_tokens"));
    write_number(o, OTLP_NUMBER("gen_ai.request.temperature"), json_get(p, "temperature"));
    write_number(o, OTLP_NUMBER("gen_ai.request.top_p"), json_get(p, "top_p"));
    write_number(o, OTLP_NUMBER("gen_ai.request.top_k"), json_get(p, "top_k"));
    if (yyjson_is_arr(stop))
        otlp_texts(o, "gen_ai.request.stop_sequences", stop);
}

static void write_usage(struct otlp *o, const struct record *r)
{
    if (r->failed && !record_tokens(r))
        return;
    otlp_integer(o, "gen_ai.usage.input_tokens", llm_usage_prompt(&r->usage));
    otlp_integer(o, "gen_ai.usage.output_tokens", r->usage.output);
    otlp_integer(o, "gen_ai.usage.cache_read.input_tokens", r->usage.cache_read);
    if (r->usage.cache_write)
        otlp_integer(o, "gen_ai.usage.cache_creation.input_tokens", r->usage.cache_write);
    if (r->priced)
        otlp_number(o, "gen_ai.usage.cost", r->cost);
}

static void write_caller(struct otlp *o, const struct record *r)
{
    const struct record_texts *t = &r->text;
    otlp_text(o, "user.id", t->end_user.n ? t->end_user : t->user);
    otlp_text(o, "client.address", t->peer);
    otlp_text(o, "user_agent.original", t->user_agent);
    otlp_text(o, "litellm.key.hash", t->key);
    otlp_text(o, "litellm.key.alias", t->key_alias);
    otlp_text(o, "litellm.user.id", t->user);
    otlp_text(o, "litellm.team.id", t->team);
    otlp_text(o, "litellm.team.alias", t->team_alias);
}

static void write_metadata(struct otlp *o, const struct record *r, struct arena *a)
{
    size_t i, n;
    yyjson_val *key, *value, *object = otlp_parse(r->text.metadata, a);
    yyjson_obj_foreach(object, i, n, key, value)
    {
        struct slice name = ARENA_JOIN(a, SLICE("metadata."), json_slice(key));
        otlp_text_named(o, name, yyjson_is_str(value) ? json_slice(value) : json_text_of(value, a));
    }
}

static void write_outcome(struct otlp *o, const struct record *r)
{
    if (r->retries)
        otlp_integer(o, "litellm.retries", r->retries);
    if (r->fallbacks)
        otlp_integer(o, "litellm.fallbacks", r->fallbacks);
    if (r->first_ms)
        otlp_number(o, "gen_ai.server.time_to_first_token",
                    (double)(r->first_ms - r->begun_ms) / 1000);
}

void genai_call(struct otlp *o, const struct record *r, struct slice model)
{
    otlp_text(o, "gen_ai.operation.name", genai_operation(r));
    if (payload_provider(r).n)
        otlp_text(o, "gen_ai.provider.name", SLICE("aws.bedrock"));
    otlp_text(o, "gen_ai.request.model", model);
}

void genai_common(struct otlp *o, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    yyjson_val *tags = otlp_parse(t->tags, a);
    genai_call(o, r, t->model);
    otlp_text(o, "gen_ai.response.model", t->upstream);
    otlp_text_alone(o, "gen_ai.response.finish_reasons", t->finish_reason);
    otlp_text(o, "http.request.method", SLICE("POST"));
    otlp_text(o, "http.route", t->route);
    otlp_text(o, "litellm.model_group", t->group);
    otlp_text(o, "litellm.deployment.id", t->deployment);
    otlp_bool(o, "gen_ai.request.stream", r->stream);
    write_parameters(o, r, a);
    write_caller(o, r);
    if (tags)
        otlp_texts(o, "litellm.tags", tags);
    otlp_integer(o, "http.response.status_code", r->status);
    if (r->failed)
        otlp_text(o, "error.type", t->error_class.n ? t->error_class : arena_integer(a, r->status));
    otlp_bool(o, "litellm.cache_hit", r->cache_hit);
}

uint64_t genai_more(const struct record *r)
{
    return (uint64_t)(uint32_t)r->status | (uint64_t)r->stream << 32 |
           (uint64_t)r->cache_hit << 33 | (uint64_t)r->failed << 34;
}

void genai_own(struct otlp *o, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    otlp_text(o, "gen_ai.response.id", t->answer_id);
    otlp_text(o, "litellm.call_id", t->call_id);
    otlp_text(o, "session.id", t->session);
    otlp_text(o, "gen_ai.conversation.id", t->session);
    write_usage(o, r);
    write_metadata(o, r, a);
    write_outcome(o, r);
}

/* ---- prompts and answers -------------------------------------------------------------------- */

static void write_part(struct json_writer *w, const char *kind, struct slice content)
{
    json_object(w);
    json_member_string(w, "type", slice_of(kind));
    json_member_string(w, "content", content);
    json_object_end(w);
}

/* A part of a message that is no text stays as it is. */
static void write_content(struct json_writer *w, yyjson_val *content)
{
    size_t i, n;
    yyjson_val *part;
    if (yyjson_is_str(content))
        write_part(w, "text", json_slice(content));
    yyjson_arr_foreach(content, i, n, part)
    {
        struct slice text = json_get_slice(part, "text");
        if (text.p)
            write_part(w, "text", text);
        else
            json_value(w, part);
    }
}

static void write_call(struct json_writer *w, struct slice id, yyjson_val *function)
{
    json_object(w);
    json_member_string(w, "type", SLICE("tool_call"));
    json_member_string(w, "id", id);
    json_member_string(w, "name", json_get_slice(function, "name"));
    json_member_string(w, "arguments", json_get_slice(function, "arguments"));
    json_object_end(w);
}

static void write_calls(struct json_writer *w, yyjson_val *calls)
{
    size_t i, n;
    yyjson_val *call;
    yyjson_arr_foreach(calls, i, n, call)
        write_call(w, json_get_slice(call, "id"), json_get(call, "function"));
}

static void write_result(struct json_writer *w, struct slice id, yyjson_val *said)
{
    json_object(w);
    json_member_string(w, "type", SLICE("tool_call_response"));
    json_member_string(w, "id", id);
    json_key(w, "response");
    json_value(w, said);
    json_object_end(w);
}

static void begin_message(struct json_writer *w, struct slice role)
{
    json_object(w);
    json_member_string(w, "role", role);
    json_key(w, "parts");
    json_array(w);
}

static void end_message(struct json_writer *w, struct slice finish)
{
    json_array_end(w);
    if (finish.n)
        json_member_string(w, "finish_reason", finish);
    json_object_end(w);
}

static void write_message(struct json_writer *w, yyjson_val *message, struct slice finish)
{
    struct slice answers = json_get_slice(message, "tool_call_id");
    struct slice reasoning = json_get_slice(message, "reasoning_content");
    begin_message(w, json_get_slice(message, "role"));
    if (reasoning.n)
        write_part(w, "reasoning", reasoning);
    if (answers.n)
        write_result(w, answers, json_get(message, "content"));
    else
        write_content(w, json_get(message, "content"));
    write_calls(w, json_get(message, "tool_calls"));
    end_message(w, finish);
}

/* An item of the Responses API that is no message, or one of many prompts. */
static void write_item(struct json_writer *w, yyjson_val *item)
{
    struct slice type = json_get_slice(item, "type"), id = json_get_slice(item, "call_id");
    bool result = slice_ends(type, SLICE("call_output"));
    bool asked = !type.n;
    begin_message(w, result ? SLICE("tool") : asked ? SLICE("user") : SLICE("assistant"));
    if (result)
        write_result(w, id, json_get(item, "output"));
    else if (slice_eq(type, SLICE("function_call")))
        write_call(w, id, item);
    else if (yyjson_is_str(item))
        write_part(w, "text", json_slice(item));
    else if (type.n)
        json_value(w, item);
    end_message(w, SLICE(""));
}

static void write_one(struct json_writer *w, yyjson_val *v, struct slice finish)
{
    if (json_get(v, "role"))
        write_message(w, v, finish);
    else if (yyjson_is_str(v) || yyjson_is_obj(v))
        write_item(w, v);
}

/* One message or a list of them, as an attribute. */
static void write_messages(struct otlp *o, struct otlp_key name, struct slice json,
                           struct slice finish, struct arena *a)
{
    size_t i, n;
    struct buf text;
    struct json_writer inner;
    yyjson_val *message, *messages = json.n ? json_parse(json, a, NULL) : NULL;
    if (!messages)
        return;
    buf_init(&text, BODY_SIZE);
    json_begin(&inner, &text);
    json_array(&inner);
    yyjson_arr_foreach(messages, i, n, message) write_one(&inner, message, finish);
    write_one(&inner, messages, finish);
    json_array_end(&inner);
    if (!text.overflow)
        otlp_add_text(o, name, buf_slice(&text));
    buf_fini(&text);
}

static bool is_function(struct slice name)
{
    return slice_eq(name, SLICE("function"));
}

/* OpenAI wraps what the conventions have flat; the tools of others are so already. */
static void write_tools(struct otlp *o, struct slice json, struct arena *a)
{
    size_t i, n;
    struct buf text;
    struct json_writer w;
    yyjson_val *tool, *tools = otlp_parse(json, a);
    buf_init(&text, BODY_SIZE);
    json_begin(&w, &text);
    json_array(&w);
    yyjson_arr_foreach(tools, i, n, tool)
    {
        json_object(&w);
        json_members_but(&w, tool, is_function);
        json_members_but(&w, json_get(tool, "function"), is_function);
        json_object_end(&w);
    }
    json_array_end(&w);
    if (!text.overflow && yyjson_is_arr(tools))
        otlp_text(o, "gen_ai.tool.definitions", buf_slice(&text));
    buf_fini(&text);
}

void genai_bodies(struct otlp *o, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    write_messages(o, OTLP_TEXT("gen_ai.input.messages"), t->messages, SLICE(""), a);
    write_messages(o, OTLP_TEXT("gen_ai.output.messages"), t->output, t->finish_reason, a);
    if (t->tools.n)
        write_tools(o, t->tools, a);
}
