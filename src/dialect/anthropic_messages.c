/* Anthropic's Messages, request side (POST /v1/messages): the members of the body, and the beta
 * flags of the head.
 *
 * The happy path: one walk over the members; each has a row in `members` with its handler. What no
 * row names goes into request->extra as optional: a model that takes it gets it, others do not.
 *
 * Failure modes: a member of the wrong type or value is a 400 that names it. max_tokens may be
 * missing, since a deployment can have one configured. */

#include "anthropic_messages.h"

static bool parse_stop_sequences(struct parse *p, yyjson_val *v)
{
    return parse_stop(p, "stop_sequences", v);
}

/* ---- output -------------------------------------------------------------------------------- */

static bool parse_format(struct parse *p, const char *name, yyjson_val *v)
{
    struct llm_format *f = &p->r->format;
    yyjson_val *schema = json_get(v, "schema");
    if (!slice_eq(json_get_slice(v, "type"), SLICE("json_schema")))
        return parse_refuse(p, slice_of(name), "type must be 'json_schema'");
    if (!yyjson_is_obj(schema))
        return parse_refuse_type(p, slice_of(name), "an object as schema", schema);
    f->kind = LLM_FORMAT_SCHEMA;
    f->schema = schema;
    f->strict = true;
    return true;
}

static bool parse_output_format(struct parse *p, yyjson_val *v)
{
    return parse_format(p, "output_format", v);
}

static bool is_known(struct slice name)
{
    return slice_eq(name, SLICE("effort")) || slice_eq(name, SLICE("format"));
}

/* What else output_config has: for models that know it. */
static bool keep_others(struct parse *p, yyjson_val *v)
{
    struct buf text;
    struct json_writer w;
    yyjson_val *others;
    buf_init(&text, SIZE_MAX);
    json_begin(&w, &text);
    json_object(&w);
    json_members_but(&w, v, is_known);
    json_object_end(&w);
    others = json_parse(buf_slice(&text), p->a, NULL);
    buf_fini(&text);
    return !yyjson_obj_size(others) || parse_extra(p, SLICE("output_config"), others);
}

static bool parse_config(struct parse *p, yyjson_val *v)
{
    yyjson_val *format = json_get(v, "format");
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("output_config"), "an object", v);
    p->r->thinking.output_effort = json_get_slice(v, "effort");
    if (format && !yyjson_is_null(format) && !parse_format(p, "output_config.format", format))
        return false;
    return keep_others(p, v);
}

/* ---- others -------------------------------------------------------------------------------- */

/* {user_id}: who asks, for the provider too. */
static bool parse_metadata(struct parse *p, yyjson_val *v)
{
    if (!yyjson_is_obj(v))
        return parse_refuse_type(p, SLICE("metadata"), "an object", v);
    p->r->user = json_get_slice(v, "user_id");
    return !p->r->user.n || parse_extra(p, SLICE("metadata"), v);
}

static bool parse_litellm_metadata(struct parse *p, yyjson_val *v)
{
    p->r->metadata = v;
    return yyjson_is_obj(v) || parse_refuse_type(p, SLICE("litellm_metadata"), "an object", v);
}

/* Anthropic's "auto" is what happens anyway; Bedrock's own tiers are taken too. */
static bool parse_tier(struct parse *p, yyjson_val *v)
{
    struct slice tier = json_slice(v);
    if (!tier.p)
        return parse_refuse_type(p, SLICE("service_tier"), "a string", v);
    if (slice_eq(tier, SLICE("standard_only")))
        p->r->service_tier = SLICE("default");
    else if (!slice_eq(tier, SLICE("auto")))
        p->r->service_tier = tier;
    return true;
}

/* On the request itself: the conversation so far may be cached. */
static bool parse_cache_control(struct parse *p, yyjson_val *v)
{
    struct llm_message *last = p->r->messages;
    struct llm_block **tail;
    while (last && last->next)
        last = last->next;
    if (!last || !yyjson_is_obj(v))
        return true;
    for (tail = &last->blocks; *tail;)
        tail = &(*tail)->next;
    llm_block_add(&tail, p->a, LLM_CACHE_POINT)->ttl = json_get_slice(v, "ttl");
    return true;
}

/* Conversations that the server keeps: there are none here, and half a conversation would be
 * answered as a whole one. Anthropic's SDKs know the code and send all of it. */
static bool parse_thread(struct parse *p, yyjson_val *v)
{
    if (yyjson_is_false(v))
        return true;
    parse_refuse(p, SLICE("thread"), "message threads are not supported: send the conversation");
    p->f->code = "thread_unsupported_request";
    return false;
}

/* The provider's business: Bedrock has a version of its own. */
static bool ignore(struct parse *p, yyjson_val *v)
{
    return true;
}

static const struct parse_member members[] = {
    {"model", parse_model},
    {"thread", parse_thread},
    {"messages", messages_parse_messages},
    {"system", messages_parse_system},
    {"cache_control", parse_cache_control},
    {"stream", parse_stream},
    {"max_tokens", parse_max_tokens},
    {"tools", messages_parse_tools},
    {"tool_choice", messages_parse_tool_choice},
    {"thinking", parse_thinking},
    {"output_format", parse_output_format},
    {"output_config", parse_config},
    {"temperature", parse_temperature},
    {"top_p", parse_top_p},
    {"top_k", parse_top_k},
    {"stop_sequences", parse_stop_sequences},
    {"metadata", parse_metadata},
    {"service_tier", parse_tier},
    {"anthropic_version", ignore},
    {"litellm_metadata", parse_litellm_metadata},
};

/* Beta flags are judged one by one. */
static void mark_optional(struct llm_request *r)
{
    for (struct llm_extra *e = r->extra; e; e = e->next)
        e->optional = !slice_eq(e->name, SLICE("anthropic_beta"));
}

static bool messages_parse(yyjson_val *body, struct arena *a, struct llm_request *out,
                           struct failure *f)
{
    struct parse p = {.a = a, .r = out, .f = f};
    yyjson_val *messages = json_get(body, "messages");
    llm_request_init(out);
    out->anthropic = true;
    if (!yyjson_is_obj(body))
        return failure_set(f, a, FAILURE_BAD_REQUEST, 400,
                           "the request body must be a JSON object, got %s", json_type_name(body));
    if (!messages || yyjson_is_null(messages))
        return failure_missing_param(f, a, "messages");
    if (!parse_members(&p, body, members, sizeof(members) / sizeof(*members)))
        return false;
    mark_optional(out);
    return true;
}

/* The header may be there several times. */
static void read_head(struct http_headers head, struct arena *a, struct llm_request *out)
{
    for (size_t i = 0; i < head.n; i++) {
        if (!slice_eq_nocase(head.v[i].name, SLICE("anthropic-beta")))
            continue;
        out->betas = out->betas.n ? ARENA_JOIN(a, out->betas, SLICE(","), head.v[i].value)
                                  : arena_dup(a, head.v[i].value);
    }
}

const struct dialect dialect_anthropic_messages = {
    .name = "anthropic_messages",
    .id_header = "request-id",
    .starts_at_once = true,
    .read_head = read_head,
    .parse = messages_parse,
    .encoder = messages_encoder,
    .encode = messages_encode,
    .keep_alive = messages_keep_alive,
    .encode_whole = messages_encode_whole,
    .encode_failure = messages_error_write,
};
