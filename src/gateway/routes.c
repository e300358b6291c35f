#include "routes.h"

#include "access.h"
#include "exchange_native.h"
#include "handlers.h"
#include "handlers_admin.h"
#include "operation.h"

#define CHAT        &dialect_openai_chat
#define COMPLETIONS &dialect_openai_completions
#define MESSAGES    &dialect_anthropic_messages
#define BEDROCK     &dialect_bedrock_native
#define RESPONSES   &dialect_openai_responses

static const struct route routes[] = {
    {"POST", "/v1/chat/completions", false, CHAT, NULL},
    {"POST", "/chat/completions", false, CHAT, NULL},
    {"POST", "/openai/deployments/{model}/chat/completions", false, CHAT, NULL},
    {"POST", "/engines/{model}/chat/completions", false, CHAT, NULL},
    {"POST", "/v1/completions", false, COMPLETIONS, NULL},
    {"POST", "/completions", false, COMPLETIONS, NULL},
    {"POST", "/openai/deployments/{model}/completions", false, COMPLETIONS, NULL},
    {"POST", "/engines/{model}/completions", false, COMPLETIONS, NULL},
    {"POST", "/v1/messages", false, MESSAGES, NULL},
    {"POST", "/anthropic/v1/messages", false, MESSAGES, NULL},
    {"POST", "/messages", false, MESSAGES, NULL},
    {"POST", "/v1/messages/count_tokens", false, MESSAGES, NULL, &operation_count_tokens},
    {"POST", "/anthropic/v1/messages/count_tokens", false, MESSAGES, NULL, &operation_count_tokens},
    {"POST", "/messages/count_tokens", false, MESSAGES, NULL, &operation_count_tokens},
    {"POST", "/bedrock/model/{model}/converse", false, BEDROCK, NULL},
    {"POST", "/bedrock/model/{model}/converse-stream", false, BEDROCK, NULL},
    {"POST", "/bedrock/model/{model}/invoke", false, BEDROCK, NULL},
    {"POST", "/bedrock/model/{model}/invoke-with-response-stream", false, BEDROCK, NULL},
    {"POST", "/bedrock/model/{model}/count-tokens", false, BEDROCK, NULL},
    {"POST", "/bedrock/{item}", false, BEDROCK, handle_bedrock_unsupported},
    {"GET", "/bedrock/{item}", false, BEDROCK, handle_bedrock_unsupported},
    {"POST", "/v1/responses", false, RESPONSES, NULL},
    {"POST", "/v1/responses/compact", false, &dialect_openai_compact, NULL},
    {"POST", "/v1/responses/input_tokens", false, RESPONSES, NULL, &operation_input_tokens},
    {"GET", "/v1/responses/{item}/input_items", false, RESPONSES, handle_response_items},
    {"POST", "/v1/responses/{item}/cancel", false, RESPONSES, handle_response_cancel},
    {"GET", "/v1/responses/{item}", false, RESPONSES, handle_response},
    {"DELETE", "/v1/responses/{item}", false, RESPONSES, handle_response_delete},
    {"POST", "/openai/v1/responses", false, RESPONSES, NULL},
    {"POST", "/openai/v1/responses/compact", false, &dialect_openai_compact, NULL},
    {"POST", "/openai/v1/responses/input_tokens", false, RESPONSES, NULL, &operation_input_tokens},
    {"GET", "/openai/v1/responses/{item}/input_items", false, RESPONSES, handle_response_items},
    {"POST", "/openai/v1/responses/{item}/cancel", false, RESPONSES, handle_response_cancel},
    {"GET", "/openai/v1/responses/{item}", false, RESPONSES, handle_response},
    {"DELETE", "/openai/v1/responses/{item}", false, RESPONSES, handle_response_delete},
    {"POST", "/responses", false, RESPONSES, NULL},
    {"POST", "/responses/compact", false, &dialect_openai_compact, NULL},
    {"POST", "/responses/input_tokens", false, RESPONSES, NULL, &operation_input_tokens},
    {"GET", "/responses/{item}/input_items", false, RESPONSES, handle_response_items},
    {"POST", "/responses/{item}/cancel", false, RESPONSES, handle_response_cancel},
    {"GET", "/responses/{item}", false, RESPONSES, handle_response},
    {"DELETE", "/responses/{item}", false, RESPONSES, handle_response_delete},
    {"POST", "/v1/embeddings", false, CHAT, NULL, &operation_embeddings},
    {"POST", "/embeddings", false, CHAT, NULL, &operation_embeddings},
    {"POST", "/openai/deployments/{model}/embeddings", false, CHAT, NULL, &operation_embeddings},
    {"POST", "/engines/{model}/embeddings", false, CHAT, NULL, &operation_embeddings},
    {"POST", "/v1/rerank", false, CHAT, NULL, &operation_rerank},
    {"POST", "/v2/rerank", false, CHAT, NULL, &operation_rerank},
    {"POST", "/rerank", false, CHAT, NULL, &operation_rerank},
    {"GET", "/v1/models", false, CHAT, handle_models},
    {"GET", "/models", false, CHAT, handle_models},
    {"GET", "/v1/models/{model}", false, CHAT, handle_model},
    {"GET", "/models/{model}", false, CHAT, handle_model},
    {"GET", "/v1/model/info", false, CHAT, handle_model_info},
    {"GET", "/model/info", false, CHAT, handle_model_info},
    {"GET", "/v2/model/info", false, CHAT, handle_model_info_v2},
    {"GET", "/model_group/info", false, CHAT, handle_model_groups},
    {"GET", "/public/model_hub", true, CHAT, handle_model_hub},
    {"GET", "/utils/supported_openai_params", false, CHAT, handle_supported_params},
    {"POST", "/utils/token_counter", false, CHAT, NULL, &operation_token_counter},
    {"POST", "/utils/transform_request", false, CHAT, handle_transform_request},
    {"POST", "/key/generate", false, CHAT, handle_key_generate, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"POST", "/key/update", false, CHAT, handle_key_update, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"POST", "/key/bulk_update", false, CHAT, handle_key_bulk_update, .admin = true},
    {"POST", "/key/delete", false, CHAT, handle_key_delete, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"POST", "/key/block", false, CHAT, handle_key_block, .admin = true, .also = ACCESS_ASKS},
    {"POST", "/key/unblock", false, CHAT, handle_key_block, .admin = true, .also = ACCESS_ASKS},
    {"POST", "/key/regenerate", false, CHAT, handle_key_regenerate, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"POST", "/key/{item}/regenerate", false, CHAT, handle_key_regenerate, .admin = true,
     .own_keys = true, .also = ACCESS_ASKS},
    {"POST", "/key/{item}/reset_spend", false, CHAT, handle_key_reset_spend, .admin = true,
     .also = ACCESS_ASKS},
    {"POST", "/key/service-account/generate", false, CHAT, handle_key_generate, .admin = true,
     .own_keys = true, .also = ACCESS_ASKS},
    {"GET", "/key/list", false, CHAT, handle_key_list, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"GET", "/key/aliases", false, CHAT, handle_key_aliases, .admin = true, .own_keys = true,
     .also = ACCESS_ASKS},
    {"POST", "/v2/key/info", false, CHAT, handle_key_infos, .also = ACCESS_ASKS},
    {"POST", "/key/health", false, CHAT, handle_key_health},
    {"GET", "/key/info", false, CHAT, handle_key_info, .also = ACCESS_ASKS},
#include "routes_admin.h"
#include "routes_spend.h"
    {"GET", "/", true, CHAT, handle_root},
    {"GET", "/ui", true, CHAT, handle_ui},
    {"POST", "/v2/login", true, CHAT, handle_login},
    {"GET", "/ui/session", false, CHAT, handle_session},
    {"GET", "/sso/key/generate", true, CHAT, handle_sso_begin},
    {"GET", "/sso/callback", true, CHAT, handle_sso_callback},
    {"GET", "/.well-known/litellm-ui-config", true, CHAT, handle_ui_config},
    {"GET", "/litellm/.well-known/litellm-ui-config", true, CHAT, handle_ui_config},
    {"GET", "/onboarding/get_token", true, CHAT, handle_onboarding},
    {"POST", "/onboarding/claim_token", true, CHAT, handle_onboarding_claim},
    {"POST", "/ui/logout", true, CHAT, handle_logout},
    {"GET", "/ui/{item}", true, CHAT, handle_ui_file},
    {"GET", "/openapi.json", true, CHAT, handle_openapi},
    {"GET", "/routes", true, CHAT, handle_routes},
    {"GET", "/robots.txt", true, CHAT, handle_robots},
    {"GET", "/docs", true, CHAT, handle_docs},
    {"GET", "/redoc", true, CHAT, handle_redoc},
    {"GET", "/health", true, CHAT, handle_health, .knows_keys = true},
    {"GET", "/health/backlog", false, CHAT, handle_health_backlog},
    {"GET", "/health/drain", true, CHAT, handle_drain},
    {"GET", "/health/latest", false, CHAT, handle_health_latest},
    {"GET", "/health/liveliness", true, CHAT, handle_liveness},
    {"GET", "/health/liveness", true, CHAT, handle_liveness},
    {"GET", "/health/readiness", true, CHAT, handle_readiness},
    {"GET", "/health/services", false, CHAT, handle_health_services, .admin = true},
    {"GET", "/callbacks/list", false, CHAT, handle_callbacks_list, .admin = true},
    {"GET", "/active/callbacks", false, CHAT, handle_active_callbacks, .admin = true},
    {"GET", "/settings", false, CHAT, handle_active_callbacks, .admin = true},
    {"GET", "/get/config/callbacks", false, CHAT, handle_config_callbacks, .admin = true},
    {"GET", "/guardrails/list", false, CHAT, handle_guardrails},
    {"GET", "/v2/guardrails/list", false, CHAT, handle_guardrails_v2},
    {"GET", "/guardrails/{item}/info", false, CHAT, handle_guardrail},
    {"POST", "/guardrails/apply_guardrail", false, CHAT, handle_apply_guardrail},
    {"GET", "/cache/ping", false, CHAT, handle_cache_ping},
    {"POST", "/cache/delete", false, CHAT, handle_cache_delete, .admin = true},
    {"POST", "/cache/flushall", false, CHAT, handle_cache_flushall, .admin = true},
    {"GET", "/cache/redis/info", false, CHAT, handle_cache_redis_info, .admin = true},
    {"GET", "/metrics", true, CHAT, handle_metrics, .knows_keys = true},
    {"GET", "/metrics/", true, CHAT, handle_metrics, .knows_keys = true},
    {"GET", "/router/settings", false, CHAT, handle_router_settings, .admin = true},
    {"GET", "/provider/budgets", false, CHAT, handle_provider_budgets, .admin = true},
    {"GET", "/debug/exchanges", false, CHAT, handle_exchanges, .admin = true},
};
#define ROUTE_COUNT (sizeof(routes) / sizeof(*routes))

const struct route *routes_at(size_t i)
{
    return i < ROUTE_COUNT ? &routes[i] : NULL;
}

/* What stands in the places of {name}; n == 0: the pattern has no such hole. */
struct holes {
    struct slice first, second;
};

/* A hole at the pattern's end and the path's last segment, taken from both. */
static bool take_last(struct slice *pattern, struct slice *path, struct slice *last)
{
    size_t n = path->n;
    while (n && path->p[n - 1] != '/')
        n--;
    *last = slice_skip(*path, n);
    path->n = n;
    while (!slice_ends(*pattern, SLICE("/")))
        pattern->n--;
    return last->n;
}

static bool path_matches(const char *pattern, struct slice path, struct holes *holes)
{
    struct slice p = slice_of(pattern), before, after;
    ptrdiff_t open = slice_find_char(p, '{'), close = slice_find_char(p, '}');
    *holes = (struct holes){{NULL, 0}, {NULL, 0}};
    if (open < 0)
        return slice_eq(p, path);
    before = slice_make(p.p, (size_t)open);
    if (slice_find_char(slice_skip(p, (size_t)close), '{') >= 0 &&
        !take_last(&p, &path, &holes->second))
        return false;
    after = slice_skip(p, (size_t)close + 1);
    if (path.n <= before.n + after.n || !slice_starts(path, before) || !slice_ends(path, after))
        return false;
    holes->first = slice_make(path.p + before.n, path.n - before.n - after.n);
    return true;
}

static struct route_result found(const struct route *route, const struct holes *holes)
{
    struct route_result r = {.match = ROUTE_FOUND, .route = route, .second = holes->second};
    if (slice_find(slice_of(route->path), SLICE("{model}")) >= 0)
        r.model = holes->first;
    else
        r.item = holes->first;
    return r;
}

struct route_result routes_find(struct slice method, struct slice path)
{
    struct route_result r = {.match = ROUTE_NO_PATH};
    struct slice wanted = slice_eq(method, SLICE("HEAD")) ? SLICE("GET") : method;
    struct holes holes;
    for (size_t i = 0; i < ROUTE_COUNT; i++) {
        if (!path_matches(routes[i].path, path, &holes))
            continue;
        if (slice_eq(wanted, slice_of(routes[i].method)))
            return found(&routes[i], &holes);
        r.match = ROUTE_NO_METHOD;
        r.allow =
            slice_eq(slice_of(routes[i].method), SLICE("GET")) ? "GET, HEAD" : routes[i].method;
    }
    return r;
}

bool routes_has_path(struct slice path)
{
    return routes_find(SLICE("OPTIONS"), path).match != ROUTE_NO_PATH;
}

struct slice routes_without_slash(struct slice path)
{
    struct slice shorter = path;
    while (slice_ends(shorter, SLICE("/")))
        shorter.n--;
    return shorter.n < path.n && routes_has_path(shorter) ? shorter : slice_make(NULL, 0);
}
