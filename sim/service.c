/* The path of one call.
 *
 * Happy path: the operation is known, the signature good, the id one of Bedrock's, the body valid;
 * the script of the last user message is read; the answer is made, and laid out as a whole reply or
 * as a plan of frames.
 * Failure modes: each step may set the fault, which then is the reply; the script may want a fault,
 * a reply of its own, or silence. */

#include "service.h"

#include "claude.h"
#include "embed.h"
#include "prompt.h"
#include "reply.h"
#include "rerank.h"
#include "schema.h"
#include "titan.h"
#include "validate.h"

#include "wire/crypto.h"

#define REPLY_BYTES_MAX (64 * 1024 * 1024)
#define JSON_TYPE       "application/json"
#define STREAM_TYPE     "application/vnd.amazon.eventstream"

struct call {
    struct service *service;
    const struct http_head *head;
    struct slice text; /* the body */
    int64_t now, now_ms;
    struct arena *arena;
    struct fault fault;
    struct script script;
    struct slice model_id;
    const struct model *model;
    enum grammar grammar;
    yyjson_val *body; /* of Converse, also where the request was another */
};

void service_init(struct service *s)
{
    s->auth = (struct auth){.count = 0};
    s->pace = (struct pace){.chunk_bytes = 16};
    s->quota.rate = 0;
    s->told.n = 0;
    service_reset(s);
}

void service_reset(struct service *s)
{
    prefix_cache_init(&s->prefixes);
    s->attempts.n = s->attempts.next = 0;
    quota_reset(&s->quota);
    told_reset(&s->told);
}

void service_reply_init(struct service_reply *r)
{
    *r = (struct service_reply){.kind = REPLY_WHOLE, .status = 200, .content_type = JSON_TYPE};
    buf_init(&r->body, REPLY_BYTES_MAX);
    plan_init(&r->plan);
}

void service_reply_fini(struct service_reply *r)
{
    buf_fini(&r->body);
    plan_fini(&r->plan);
}

/* ---- routes -------------------------------------------------------------------------------- */

/* "/model/{id}/{operation}"; the id is one segment, percent-encoded. */
static bool split_path(struct slice path, struct slice *id, struct slice *operation)
{
    if (!slice_starts(path, SLICE("/model/")))
        return false;
    struct slice rest = slice_skip(path, 7);
    *id = slice_split(&rest, '/');
    *operation = rest;
    return id->n > 0 && slice_find_char(rest, '/') < 0;
}

enum operation service_operation(const struct http_head *head)
{
    static const struct {
        const char *name;
        enum operation operation;
    } operations[] = {
        {"converse", OPERATION_CONVERSE},
        {"converse-stream", OPERATION_CONVERSE_STREAM},
        {"count-tokens", OPERATION_COUNT_TOKENS},
        {"invoke", OPERATION_INVOKE},
        {"invoke-with-response-stream", OPERATION_INVOKE_STREAM},
    };
    struct slice id, name;
    if (slice_eq(head->method, SLICE("POST")) && slice_eq(head->path, SLICE("/rerank")))
        return OPERATION_RERANK;
    if (!slice_eq(head->method, SLICE("POST")) || !split_path(head->path, &id, &name))
        return OPERATION_UNKNOWN;
    for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]); i++)
        if (slice_eq(slice_of(operations[i].name), name))
            return operations[i].operation;
    return OPERATION_UNKNOWN;
}

/* ---- what comes in ------------------------------------------------------------------------- */

static bool find_model(struct call *c)
{
    struct slice encoded = {0}, operation;
    split_path(c->head->path, &encoded, &operation);
    const struct slice id = percent_decode(encoded, c->arena);
    if (!id.p || !model_id_plausible(id))
        return fault_set(&c->fault, 404, "ResourceNotFoundException",
                         arena_printf(c->arena,
                                      "Could not resolve the foundation model from the provided "
                                      "model identifier: %.*s",
                                      SLICE_ARG(encoded)));
    c->model_id = id;
    c->model = model_find(id);
    return true;
}

/* Before the body is looked at; counting tokens has quotas of its own. */
static bool check_quota(struct call *c, enum operation operation)
{
    if (operation == OPERATION_COUNT_TOKENS ||
        quota_admit(&c->service->quota, c->model_id, c->now_ms))
        return true;
    fault_of_name(SLICE("ThrottlingException"), &c->fault);
    return false;
}

static bool parse_body(struct call *c)
{
    struct json_error error;
    c->body = json_parse(c->text.n ? c->text : SLICE("{}"), c->arena, &error);
    if (c->body)
        return true;
    return fault_set(&c->fault, 400, "SerializationException",
                     arena_printf(c->arena, "Unable to parse the request body: %s at byte %zu",
                                  error.message, error.offset));
}

static bool read_script(struct call *c, struct slice text)
{
    int64_t turn = 0;
    struct slice plan;
    if (!script_parse(text, c->arena, &c->script, &c->fault))
        return false;
    if (prompt_plan(c->body, c->arena, &plan, &turn)) {
        if (!script_plan(plan, turn, c->arena, &c->script, &c->fault))
            return false;
        text = arena_printf(c->arena, "%lld %.*s %.*s", (long long)turn, SLICE_ARG(plan),
                            SLICE_ARG(text));
    }
    if (c->grammar == GRAMMAR_CONVERSE && c->script.exception_after != SCRIPT_NEVER &&
        c->script.exception.status == 408)
        return fault_validation(
            &c->fault, c->arena,
            "bedrock-sim: modelTimeoutException is a frame of InvokeModel only");
    if (c->script.times != SCRIPT_NEVER &&
        attempts_count(&c->service->attempts, text) >= c->script.times)
        script_forgive(&c->script);
    return true;
}

static bool check_size(struct call *c, const struct usage *usage)
{
    const int64_t tokens = usage_total(usage);
    if (tokens <= c->model->context)
        return true;
    if (c->model->claude)
        return fault_model(&c->fault, c->arena, "prompt is too long: %lld tokens > %u maximum",
                           (long long)tokens, c->model->context);
    return fault_validation(&c->fault, c->arena, "Input is too long for requested model.");
}

/* ---- what goes out ------------------------------------------------------------------------- */

static void reply_fault(const struct fault *fault, struct service_reply *out)
{
    out->kind = REPLY_WHOLE;
    out->status = fault->status;
    out->error_type = fault->type;
    fault_write_body(fault, &out->body);
}

static void reply_unknown_operation(struct service_reply *out)
{
    out->status = 404;
    out->error_type = "UnknownOperationException";
    BUF_LITERAL(&out->body,
                "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},"
                "\"Version\":\"1.0\"}");
}

/* What the script answers instead of a model. False: nothing. */
static bool reply_script(const struct call *c, struct service_reply *out)
{
    const struct script *s = &c->script;
    out->wait_ms = s->slow_head_ms;
    if (s->hang) {
        out->kind = REPLY_NEVER;
    } else if (s->http_status) {
        const bool json = slice_starts(s->http_body, SLICE("{"));
        out->status = (int)s->http_status;
        out->content_type = json ? JSON_TYPE : "text/html";
        buf_add(&out->body, s->http_body);
    } else if (s->fault.status) {
        reply_fault(&s->fault, out);
    }
    const bool instead = s->hang || s->http_status || s->fault.status;
    out->invoked &= !instead;
    return instead;
}

static void tell(const struct call *c, const struct usage *usage, struct service_reply *out)
{
    out->usage = *usage;
    out->told = told_of(&c->service->told, c->model_id);
}

static void reply_whole(const struct call *c, const struct answer *answer,
                        struct service_reply *out)
{
    out->wait_ms = plan_whole_ms(answer, &c->script, &c->service->pace);
    out->cut = c->script.cut_after != SCRIPT_NEVER;
    switch (answer->grammar) {
    case GRAMMAR_CONVERSE: reply_write(answer, out->wait_ms, &out->body); break;
    case GRAMMAR_CLAUDE: claude_write(answer, &out->body); break;
    case GRAMMAR_TITAN: titan_write(answer, &out->body); break;
    }
}

static void reply_answer(struct call *c, bool stream, const struct usage *usage,
                         struct service_reply *out)
{
    const struct question q = {c->grammar, c->body,    c->text, c->model_id,
                               c->model,   &c->script, c->arena};
    struct answer answer;
    answer_make(&q, usage, &answer);
    tell(c, &answer.usage, out);
    if (!stream) {
        reply_whole(c, &answer, out);
        return;
    }
    out->kind = REPLY_STREAM;
    out->content_type = STREAM_TYPE;
    plan_stream(&out->plan, &answer, &c->script, &c->service->pace);
    out->wait_ms = out->plan.head_ms;
}

/* A stream that begins with an exception is told in the stream; a whole answer as an error. */
static bool fails_whole(struct call *c)
{
    if (c->script.exception_after == SCRIPT_NEVER)
        return false;
    c->fault = c->script.exception;
    return true;
}

/* From a body that was found valid to what its script wants, or the model says. */
static bool answer(struct call *c, bool stream, struct service_reply *out)
{
    if (!read_script(c, prompt_text(c->body, c->arena)))
        return false;
    if (reply_script(c, out))
        return true;
    const struct usage usage =
        usage_of_request(c->body, c->model, &c->service->prefixes, c->now_ms, c->arena);
    if (!check_size(c, &usage))
        return false;
    if (!stream && fails_whole(c))
        return false;
    reply_answer(c, stream, &usage, out);
    return true;
}

static bool converse(struct call *c, bool stream, struct service_reply *out)
{
    if (model_embeds(c->model))
        return fault_validation(&c->fault, c->arena,
                                "This action doesn't support the model that you provided. Try "
                                "again with a supported text or chat model.");
    return validate_converse(c->body, c->model, c->arena, &c->fault) && answer(c, stream, out);
}

/* ---- InvokeModel --------------------------------------------------------------------------- */

static bool invoke_claude(struct call *c, bool stream, struct service_reply *out)
{
    c->grammar = GRAMMAR_CLAUDE;
    return validate_claude(c->body, c->model, c->arena, &c->fault, &c->body) &&
           answer(c, stream, out);
}

static bool invoke_titan(struct call *c, bool stream, struct service_reply *out)
{
    c->grammar = GRAMMAR_TITAN;
    if (!native_check(&titan_shape, VOICE_SCHEMA, c->body, c->arena, &c->fault))
        return false;
    c->body = titan_to_converse(c->body, c->arena);
    return answer(c, stream, out);
}

static bool invoke_embedding(struct call *c, bool stream, struct service_reply *out)
{
    if (stream)
        return fault_validation(&c->fault, c->arena, "The model is unsupported for streaming.");
    if (!embed_check(c->body, c->model, c->arena, &c->fault) ||
        !read_script(c, embed_text(c->body, c->arena)))
        return false;
    if (reply_script(c, out))
        return true;
    if (fails_whole(c))
        return false;
    out->wait_ms += c->service->pace.first_ms;
    out->cut = c->script.cut_after != SCRIPT_NEVER;
    const int64_t input = embed_write(c->body, c->model, c->arena, &out->body);
    tell(c, &(struct usage){.input = input}, out);
    return true;
}

/* What is asked of a model whose id says nothing: a profile of one's own. */
static enum own_body own_body(const struct call *c)
{
    const bool named = c->model->prefix[0] != '\0';
    return !named && json_get(c->body, "anthropic_version") ? BODY_CLAUDE : c->model->own_body;
}

static bool header_value(struct call *c, const char *header, const char *member,
                         const char *const *values, const char **value)
{
    const struct slice given = http_header_get(c->head->headers, header);
    struct slice set = {0};
    for (size_t i = 0; given.p && values[i]; i++) {
        if (slice_eq(given, slice_of(values[i])))
            *value = values[i];
        set = arena_printf(c->arena, "%.*s%s%s", SLICE_ARG(set), i ? ", " : "", values[i]);
    }
    if (!given.p || *value)
        return true;
    return fault_validation(&c->fault, c->arena,
                            "1 validation error detected: Value '%.*s' at '%s' failed to satisfy "
                            "constraint: Member must satisfy enum value set: [%.*s]",
                            SLICE_ARG(given), member, SLICE_ARG(set));
}

/* What Converse has in its body. */
static bool read_headers(struct call *c, struct service_reply *out)
{
    static const char *const tiers[] = {"priority", "default", "flex", "reserved", NULL};
    static const char *const latencies[] = {"standard", "optimized", NULL};
    const struct slice metadata =
        http_header_get(c->head->headers, "x-amzn-bedrock-request-metadata");
    out->invoked = true;
    if (!header_value(c, "x-amzn-bedrock-service-tier", "serviceTier", tiers, &out->tier) ||
        !header_value(c, "x-amzn-bedrock-performanceconfig-latency", "performanceConfigLatency",
                      latencies, &out->latency))
        return false;
    if (!metadata.p)
        return true;
    yyjson_val *pairs = json_parse(metadata, c->arena, NULL);
    if (!pairs)
        return fault_validation(&c->fault, c->arena, "requestMetadata is not valid JSON");
    return schema_check(&shape_request_metadata, pairs, c->arena, &c->fault);
}

static bool invoke(struct call *c, bool stream, struct service_reply *out)
{
    if (!read_headers(c, out))
        return false;
    switch (own_body(c)) {
    case BODY_CLAUDE: return invoke_claude(c, stream, out);
    case BODY_TITAN_TEXT: return invoke_titan(c, stream, out);
    case BODY_UNKNOWN: break;
    case BODY_TITAN_EMBED:
    case BODY_TITAN_EMBED_V2:
    case BODY_TITAN_EMBED_IMAGE:
    case BODY_COHERE_V3:
    case BODY_COHERE_V4:
    case BODY_NOVA_EMBED: return invoke_embedding(c, stream, out);
    }
    return fault_validation(&c->fault, c->arena,
                            "bedrock-sim: InvokeModel of this model is not simulated");
}

/* ---- CountTokens --------------------------------------------------------------------------- */

/* The request to count as a Converse body; NULL: the fault is set. */
static yyjson_val *counted_request(struct call *c)
{
    struct slice text;
    struct json_error error;
    yyjson_val *input = json_get(c->body, "input"), *converse = json_get(input, "converse");
    if (converse && !yyjson_is_null(converse))
        return converse;
    base64_decode(json_get_slice(json_get(input, "invokeModel"), "body"), c->arena, &text);
    yyjson_val *body = json_parse(text, c->arena, &error);
    if (!body)
        fault_validation(&c->fault, c->arena, "Invalid JSON in invokeModel.body: %s at byte %zu",
                         error.message, error.offset);
    else if (validate_claude(body, c->model, c->arena, &c->fault, &converse))
        return converse;
    return NULL;
}

static bool count_tokens(struct call *c, struct service_reply *out)
{
    struct json_writer w;
    if (!validate_count_tokens(c->body, c->arena, &c->fault))
        return false;
    if (!c->model->claude || model_is_profile(c->model_id))
        return fault_validation(&c->fault, c->arena,
                                "The provided model doesn't support counting tokens.");
    yyjson_val *request = counted_request(c);
    if (!request)
        return false;
    const struct usage usage = usage_of_request(request, c->model, NULL, c->now_ms, c->arena);
    json_begin(&w, &out->body);
    json_object(&w);
    json_member_integer(&w, "inputTokens", usage.input);
    json_object_end(&w);
    return true;
}

/* ---- Rerank -------------------------------------------------------------------------------- */

/* Directives stand in the query. */
static bool rerank(struct call *c, struct service_reply *out)
{
    if (!rerank_check(c->body, c->arena, &c->fault))
        return false;
    c->model_id = rerank_model(c->body);
    if (slice_find(c->model_id, SLICE(".rerank-")) < 0)
        return fault_validation(&c->fault, c->arena,
                                "The provided model doesn't support reranking.");
    if (!check_quota(c, OPERATION_RERANK) || !read_script(c, rerank_query(c->body)))
        return false;
    if (reply_script(c, out))
        return true;
    if (fails_whole(c))
        return false;
    out->wait_ms += c->service->pace.first_ms;
    rerank_write(c->body, c->arena, &out->body);
    return true;
}

static bool perform(struct call *c, enum operation operation, struct service_reply *out)
{
    switch (operation) {
    case OPERATION_UNKNOWN: break;
    case OPERATION_CONVERSE: return converse(c, false, out);
    case OPERATION_CONVERSE_STREAM: return converse(c, true, out);
    case OPERATION_COUNT_TOKENS: return count_tokens(c, out);
    case OPERATION_INVOKE: return invoke(c, false, out);
    case OPERATION_INVOKE_STREAM: return invoke(c, true, out);
    case OPERATION_RERANK: return rerank(c, out);
    }
    return false;
}

void service_answer(struct service *s, const struct http_head *head, struct slice body, int64_t now,
                    int64_t now_ms, struct arena *a, struct service_reply *out)
{
    struct call c = {
        .service = s, .head = head, .text = body, .now = now, .now_ms = now_ms, .arena = a};
    bool good = false;
    const enum operation operation = service_operation(head);
    if (operation == OPERATION_UNKNOWN) {
        reply_unknown_operation(out);
        return;
    }
    if (auth_check(&s->auth, head, body, now, a, &c.fault) &&
        (operation == OPERATION_RERANK || (find_model(&c) && check_quota(&c, operation))) &&
        parse_body(&c))
        good = perform(&c, operation, out);
    if (!good)
        reply_fault(&c.fault, out);
}
