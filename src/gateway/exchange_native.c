#include "exchange_native.h"

#include "router.h"

static bool is_group(const struct config *c, struct slice name)
{
    return map_get(&c->pools.by_name, name) || router_alias(c, name).n;
}

static bool may_ask_for(const struct exchange *ex, const struct deployment *d)
{
    struct slice group = slice_of(d->model_name);
    struct slice inside = caller_team_name(&ex->caller, ex->config, group);
    return models_allow(ex->caller.models, ex->caller.model_count, inside.n ? inside : group);
}

static bool is_of_another_team(const struct exchange *ex, struct slice group)
{
    const struct config *c = ex->config;
    return c->team_groups.count && map_get(&c->team_groups, group) &&
           !caller_team_name(&ex->caller, c, group).n;
}

/* p == NULL: no deployment calls that model. */
static struct slice group_calling(const struct exchange *ex, struct slice id)
{
    const struct config *c = ex->config;
    struct slice first = {0};
    for (size_t i = 0; i < c->deployment_count; i++) {
        const struct deployment *d = &c->deployments[i];
        struct slice group = slice_of(d->model_name);
        if (d->blocked || !slice_eq(slice_of(d->bedrock_id), id) ||
            slice_find_char(group, '*') >= 0 || is_of_another_team(ex, group))
            continue;
        if (may_ask_for(ex, d))
            return group;
        if (!first.p)
            first = group;
    }
    return first;
}

struct slice exchange_native_group(struct exchange *ex, struct slice name)
{
    const struct config *c = ex->config;
    struct slice group = is_group(c, name) ? name : group_calling(ex, name);
    struct slice plain = name, prefixed = ARENA_JOIN(&ex->arena, SLICE("bedrock/"), name);
    struct slice pooled = prefixed;
    if (group.p)
        return group;
    return !router_pool(c, &plain) && router_pool(c, &pooled) ? prefixed : name;
}

void handle_bedrock_unsupported(struct exchange *ex, struct buf *body)
{
    failure_set(&ex->failure, &ex->arena, FAILURE_NOT_FOUND, 404,
                "%.*s is not supported: of Bedrock's API the gateway serves "
                "/bedrock/model/{id}/converse, converse-stream, invoke, "
                "invoke-with-response-stream and count-tokens.",
                SLICE_ARG(ex->head->path));
    ex->failure.code = "UnknownOperationException";
}
