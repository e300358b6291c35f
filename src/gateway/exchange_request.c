#include "exchange_request.h"

#include "base/text.h"
#include "clientside.h"
#include "exchange_guard.h"
#include "exchange_native.h"
#include "exchange_observe.h"
#include "exchange_stored.h"
#include "operation.h"

static bool is_form(struct exchange *ex)
{
    struct slice type = http_header_get(ex->head->headers, "content-type");
    return slice_starts_nocase(type, SLICE("application/x-www-form-urlencoded")) ||
           slice_starts_nocase(type, SLICE("multipart/form-data"));
}

/* NULL: see failure, unless `*nothing` says why the body says nothing at all. */
static yyjson_val *parse_body(struct exchange *ex, const char **nothing)
{
    struct json_error error;
    struct slice body = buf_slice(&ex->body);
    if (ex->parsed)
        return ex->parsed;
    if (slice_is_blank(body)) {
        *nothing = "the request body is empty";
        return NULL;
    }
    ex->body.cap = SIZE_MAX; /* the padding may pass the limit of the body itself */
    if (!buf_reserve(&ex->body, JSON_PADDING))
        abort();
    yyjson_val *v = json_parse_insitu(ex->body.p, body.n, &ex->prompt, &error);
    if (v)
        return ex->parsed = clientside_take(ex, v);
    if (is_form(ex))
        *nothing = "the request body is a form: send JSON";
    else if (!text_is_utf8(slice_skip(buf_slice(&ex->body), error.offset)))
        *nothing = "the request body is not valid UTF-8";
    else
        failure_bad_param(&ex->failure, &ex->arena, "request_body",
                          "Invalid JSON payload: %s at byte %zu", error.message, error.offset);
    ex->failure.param_shown = ex->failure.param.n;
    return NULL;
}

yyjson_val *exchange_parse_body(struct exchange *ex)
{
    const char *nothing = NULL;
    yyjson_val *body = parse_body(ex, &nothing);
    return nothing ? json_parse(SLICE("{}"), &ex->prompt, NULL) : body;
}

/* A body that says nothing counts as an empty object, as in LiteLLM: the dialect knows what it
 * misses in it. */
static bool parse_request(struct exchange *ex)
{
    const char *nothing = NULL;
    yyjson_val *body = ex->read_body ? ex->read_body : parse_body(ex, &nothing);
    if (nothing)
        body = json_parse(SLICE("{}"), &ex->prompt, NULL);
    if (!body || !clientside_check(ex))
        return false;
    yyjson_val *shown = exchange_guard_shown(ex, body);
    exchange_observe_body(ex, shown);
    exchange_stored_body(ex, shown);
    if (ex->route->operation
            ? ex->route->operation->parse(ex, body)
            : ex->route->dialect->parse(body, &ex->prompt, &ex->request, &ex->failure))
        return true;
    if (nothing)
        ex->failure.message =
            arena_printf(&ex->arena, "%.*s (%s)", SLICE_ARG(ex->failure.message), nothing);
    return false;
}

static bool read_seconds(struct exchange *ex, const char *header, double *seconds)
{
    struct slice value = http_header_get(ex->head->headers, header);
    if (!value.p || (slice_to_double(slice_trim(value), seconds) && *seconds > 0))
        return true;
    return failure_bad_param(&ex->failure, &ex->arena, header,
                             "header %s: expected a number of seconds", header);
}

static bool read_retries(struct exchange *ex)
{
    int64_t *n = &ex->request.routing.num_retries;
    struct slice value = http_header_get(ex->head->headers, "x-litellm-num-retries");
    if (!value.p || (slice_to_i64(slice_trim(value), n) && *n >= 0))
        return true;
    return failure_bad_param(&ex->failure, &ex->arena, "x-litellm-num-retries",
                             "header x-litellm-num-retries: expected a count");
}

/* What clients may say in the head as well as in the body; LiteLLM's, and our own. */
static bool read_request_headers(struct exchange *ex)
{
    struct llm_request *r = &ex->request;
    return read_retries(ex) && read_seconds(ex, "x-litellm-timeout", &r->timeout) &&
           read_seconds(ex, "x-litellm-stream-timeout", &r->stream_timeout) &&
           read_seconds(ex, "x-lintel-connect-timeout", &r->connect_timeout) &&
           read_seconds(ex, "x-lintel-first-byte-timeout", &r->first_byte_timeout) &&
           read_seconds(ex, "x-lintel-stream-idle-timeout", &r->stream_idle_timeout);
}

/* A body that is sent as it is: it is read only where somebody is told of it. */
static void tell_body(struct exchange *ex)
{
    if (!exchange_observe_wants_body(ex))
        return;
    yyjson_val *v =
        ex->read_body ? ex->read_body : json_parse(buf_slice(&ex->body), &ex->prompt, NULL);
    if (v)
        exchange_observe_body(ex, exchange_guard_shown(ex, v));
}

static bool take_or_parse(struct exchange *ex)
{
    const struct dialect *dialect = ex->route->dialect;
    if (!dialect->take)
        return parse_request(ex);
    tell_body(ex);
    dialect->take(ex->head->path, buf_slice(&ex->body), &ex->request);
    return true;
}

bool exchange_read_request(struct exchange *ex)
{
    const struct dialect *dialect = ex->route->dialect;
    if (!take_or_parse(ex) || !read_request_headers(ex))
        return false;
    if (dialect->read_head)
        dialect->read_head(ex->head->headers, &ex->prompt, &ex->request);
    return true;
}

/* ---- which model ------------------------------------------------------------------------ */

void exchange_name_model(struct exchange *ex)
{
    struct slice named = percent_decode(ex->route_model, &ex->arena);
    if (named.n) {
        named = text_dup_utf8(&ex->arena, named);
        ex->request.model = ex->request.native ? exchange_native_group(ex, named) : named;
    }
    if (!ex->request.model.n && operation_of(ex) == &operation_embeddings)
        ex->request.model = slice_of(ex->config->settings.embedding_model);
    if (!ex->request.model.n)
        ex->request.model = slice_of(ex->config->settings.completion_model);
    ex->asked_model = arena_dup(&ex->arena, ex->request.model); /* outlives the body */
    ex->request.model = caller_model(&ex->caller, ex->config, ex->asked_model);
}

/* ---- the end ----------------------------------------------------------------------------------
 */

static void forget_prompt(struct llm_request *r)
{
    r->system = NULL;
    r->messages = NULL;
    r->tools = NULL;
    r->extra = NULL;
    r->metadata = NULL;
    r->headers = NULL;
    r->native_body = slice_make(NULL, 0);
    r->said = NULL;
}

/* Nothing can be tried again from here on: the request's bytes are not needed any more, and a long
 * prompt should not lie around for as long as its answer streams. */
void exchange_release_prompt(struct exchange *ex)
{
    forget_prompt(&ex->request);
    forget_prompt(&ex->effective);
    arena_fini(&ex->prompt);
    buf_fini(&ex->body);
    ex->released = true;
}
