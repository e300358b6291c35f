/* general_settings.spend_logs_metadata_fields → what rows of requests leave out.
 *
 * Failure modes: both lists, none or an empty one, a path into a member: errors, since rows would
 * hold what they should not; a name that no row has is a warning. */

#include "config_loader.h"

#define NAME "spend_logs_metadata_fields"

/* Lintel's, and those that LiteLLM alone has. */
static const char *const known[] = {"user_api_key",
                                    "user_api_key_alias",
                                    "user_api_key_user_id",
                                    "user_api_key_team_id",
                                    "user_api_key_org_id",
                                    "requester_ip_address",
                                    "user_agent",
                                    "status",
                                    "attempted_retries",
                                    "applied_guardrails",
                                    "usage_object",
                                    "additional_usage_values",
                                    "cost_breakdown",
                                    "error_information",
                                    "attempts",
                                    "stages",
                                    "batch_models",
                                    "cold_storage_object_key",
                                    "eval_information",
                                    "guardrail_information",
                                    "litellm_overhead_time_ms",
                                    "max_retries",
                                    "mcp_tool_call_metadata",
                                    "model_map_information",
                                    "proxy_server_request",
                                    "spend_logs_metadata",
                                    "user_api_key_project_alias",
                                    "user_api_key_project_id",
                                    "user_api_key_team_alias",
                                    "vector_store_request_metadata"};

static void check_name(struct config_loader *l, const struct node *n,
                       const struct config_path *path)
{
    struct slice name = n->kind == NODE_SCALAR ? n->text : SLICE("");
    size_t i = 0, count = sizeof(known) / sizeof(*known);
    while (i < count && !slice_eq(name, slice_of(known[i])))
        i++;
    if (!name.n || slice_find_char(name, '.') >= 0)
        config_error(l, config_place(n, path), "expected the name of a member, without a dot");
    else if (i == count)
        config_warn(l, config_place(n, path), "rows of requests have no such member");
}

static struct name_list read_list(struct config_loader *l, const struct node *list,
                                  const struct config_path *path)
{
    struct slice *v = arena_zalloc(&l->c->arena, list->count * sizeof(*v));
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = path, .index = i};
        check_name(l, list->items[i].value, &self);
        v[i] = arena_dup(&l->c->arena, list->items[i].value->text);
    }
    return (struct name_list){v, list->count};
}

void config_read_spend(struct config_loader *l, const struct node *general)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE(NAME)};
    const struct node *map = NODE_GET(general, NAME);
    const struct node *include = NODE_GET(map, "include"), *exclude = NODE_GET(map, "exclude");
    const struct node *list = node_is_null(include) ? exclude : include;
    const struct config_path list_path = {
        .up = &path, .key = list == include ? SLICE("include") : SLICE("exclude")};
    if (node_is_null(map) || map->kind != NODE_MAP)
        return;
    if (node_is_null(list) || list->kind != NODE_LIST || !list->count || map->count != 1) {
        config_error(l, config_place(map, &path),
                     "expected {include: [names]} or {exclude: [names]}, one of them");
        return;
    }
    l->c->row_metadata = read_list(l, list, &list_path);
    l->c->row_metadata_others = list == exclude;
}
