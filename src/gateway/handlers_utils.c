/* Looking at what the gateway would do: which parameters a model takes, and the call that a request
 * would become.
 *
 * Happy path: the request inside the body goes the way every request goes, up to the call; URL and
 * body are shown instead of being sent.
 *
 * Failure modes: what keeps the call from being built is the `error` of a 200, as in LiteLLM. No
 * credentials take part: the call is signed with made-up ones, and the signature is not shown. */

#include "handlers.h"

#include "config/bedrock_name.h"
#include "detail.h"
#include "exchange_call.h"
#include "fetch.h"
#include "model_group.h"
#include "query.h"

#include <time.h>

/* ---- /utils/supported_openai_params --------------------------------------------------------- */

/* A name clients may ask for, or a model of Bedrock that nobody configured. */
static bool find_params(struct exchange *ex, struct slice model, struct model_params *params)
{
    struct model_listed l;
    struct model_group g;
    struct bedrock_name name;
    if (model_list_find(ex->config, model, &l, &ex->arena)) {
        model_group_read(ex->config, &l, &g, &ex->arena);
        *params = g.params;
        return true;
    }
    if (bedrock_name_parse(model, slice_make(NULL, 0), &name))
        return false;
    *params = model_params_of(
        models_find(ex->config->models, name.id, name.region, NULL, &ex->arena), name.api);
    return true;
}

void handle_supported_params(struct exchange *ex, struct buf *body)
{
    struct slice model = query_get(ex->head->query, "model", &ex->arena);
    struct model_params params;
    struct json_writer w;
    if (!model.p) {
        detail_refuse_input(ex, "query", "model", "Field required");
        return;
    }
    if (!find_params(ex, model, &params)) {
        detail_refuse_error(ex, 400,
                            arena_printf(&ex->arena, "Could not map model=%.*s", SLICE_ARG(model)));
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "supported_openai_params");
    model_params_write(&params, &w);
    json_object_end(&w);
}

/* ---- /utils/transform_request --------------------------------------------------------------- */

static struct slice host_of(struct slice url)
{
    ptrdiff_t scheme = slice_find(url, SLICE("://"));
    struct slice rest = slice_skip(url, scheme < 0 ? 0 : (size_t)scheme + 3);
    return slice_split(&rest, '/');
}

static void write_call(struct exchange *ex, const struct http_call *call, struct buf *body)
{
    struct slice url = slice_of(call->url);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "raw_request_api_base", url);
    json_key(&w, "raw_request_body");
    json_raw(&w, call->body);
    json_key(&w, "raw_request_headers");
    json_object(&w);
    json_member_string(&w, "Host", host_of(url));
    json_member_string(&w, "Content-Type", SLICE("application/json"));
    json_member_string(&w, "Authorization", SLICE("****"));
    json_member_string(&w, "Content-Length", arena_integer(&ex->arena, (int64_t)call->body.n));
    json_object_end(&w);
    json_key(&w, "error");
    json_null(&w);
    json_object_end(&w);
}

static void write_error(struct slice error, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "raw_request_api_base");
    json_null(&w);
    json_key(&w, "raw_request_body");
    json_null(&w);
    json_key(&w, "raw_request_headers");
    json_null(&w);
    json_member_string(&w, "error", error);
    json_object_end(&w);
}

/* The deployment as it is, but for who signs. */
static void use_no_credentials(struct exchange *ex)
{
    struct deployment *d = arena_alloc(&ex->arena, sizeof(*d));
    *d = *ex->deployment;
    d->api_key = (struct slice){0};
    ex->credentials = (struct aws_credentials){SLICE("none"), SLICE("none"), {0}};
    d->signing_key = ARENA_NEW(&ex->arena, struct sigv4_key);
    ex->deployment = d;
}

static bool build(struct exchange *ex, yyjson_val *request, struct http_call *call)
{
    ex->answer.created = time(NULL);
    if (!ex->route->dialect->parse(request, &ex->prompt, &ex->request, &ex->failure))
        return false;
    ex->request.drop_params = ex->request.drop_params || ex->config->settings.drop_params;
    if (!exchange_find_model(ex))
        return false;
    if (fetch_is_wanted(&ex->request))
        return failure_set(&ex->failure, &ex->arena, FAILURE_UNSUPPORTED, 400,
                           "what the prompt names by URL is fetched before the call: give it as a "
                           "data: URL to see the call");
    use_no_credentials(ex);
    return exchange_build_call(ex, call);
}

/* Nothing was called: the reply has no deployment and no price. */
static void forget_call(struct exchange *ex)
{
    ex->deployment = NULL;
    ex->model = NULL;
    ex->encoder = NULL;
    ex->request.stream = false;
    ex->failure = (struct failure){0};
}

static bool is_chat(struct slice call_type)
{
    return slice_eq(call_type, SLICE("completion")) || slice_eq(call_type, SLICE("acompletion"));
}

void handle_transform_request(struct exchange *ex, struct buf *body)
{
    struct json_error error;
    struct http_call call;
    yyjson_val *input = json_parse(buf_slice(&ex->body), &ex->prompt, &error);
    yyjson_val *request = json_get(input, "request_body");
    struct slice type = json_get_slice(input, "call_type");
    if (!yyjson_is_obj(input))
        detail_refuse_input(ex, "body", "", "JSON object expected");
    else if (!type.p)
        detail_refuse_input(ex, "body", "call_type", "Field required");
    else if (!yyjson_is_obj(request))
        detail_refuse_input(ex, "body", "request_body", "Field required");
    else if (!is_chat(type))
        write_error(SLICE("only call_type completion can be shown"), body);
    else if (build(ex, request, &call))
        write_call(ex, &call, body);
    else
        write_error(ex->failure.message, body);
    if (!ex->detail.p)
        forget_call(ex);
}
