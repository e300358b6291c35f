/* configurable_clientside_auth_params of a deployment → which members, and which base URLs.
 *
 * Failure modes: an item that is neither a name nor a pattern of api_base, a pattern that is none:
 * an error; a name that is not taken from clients here: a warning. */

#include "config/clientside.h"

#include "config_reading.h"
#include "guard/rules.h"

#define OPTION "configurable_clientside_auth_params"

const char *const clientside_names[CLIENTSIDE_MEMBERS] = {
    [CLIENTSIDE_ACCESS_KEY] = "aws_access_key_id",
    [CLIENTSIDE_SECRET_KEY] = "aws_secret_access_key",
    [CLIENTSIDE_SESSION_TOKEN] = "aws_session_token",
    [CLIENTSIDE_API_KEY] = "api_key",
    [CLIENTSIDE_REGION] = "aws_region_name",
    [CLIENTSIDE_ENDPOINT] = "aws_bedrock_runtime_endpoint",
    [CLIENTSIDE_API_BASE] = "api_base",
    [CLIENTSIDE_BASE_URL] = "base_url",
};

enum clientside_member clientside_member_of(struct slice name)
{
    enum clientside_member m = 0;
    while (m < CLIENTSIDE_MEMBERS && !slice_eq(name, slice_of(clientside_names[m])))
        m++;
    return m;
}

static void read_name(struct reading in, const struct node *n, const struct config_path *path,
                      struct route_params *p)
{
    enum clientside_member m = clientside_member_of(n->text);
    if (m < CLIENTSIDE_MEMBERS)
        p->clientside |= 1u << m;
    else
        config_warn(in.l, config_place(n, path), "is not taken from clients");
}

/* As a whole: what a pattern only begins with may go on as another host. First as it stands, so
 * that an error is about what was written. */
static void read_base(struct reading in, const struct node *n, const struct config_path *path,
                      struct route_params *p)
{
    const struct node *base = NODE_GET(n, "api_base");
    const char *error = "expected the name of a parameter, or {api_base: pattern}";
    struct slice none = SLICE("");
    if (!p->bases)
        p->bases = guard_rules_new();
    if (base && base->kind == NODE_SCALAR &&
        guard_rules_add(p->bases, none, none, GUARD_LOG, base->text, &in.l->arena, &error) &&
        guard_rules_add(p->bases, none, none, GUARD_BLOCK,
                        ARENA_JOIN(&in.l->arena, SLICE("\\A(?-i:"), base->text, SLICE(")\\z")),
                        &in.l->arena, &error))
        return;
    config_error(in.l, config_place(n, path), "%s", error);
}

void config_read_clientside(struct reading in, struct route_params *p)
{
    const struct config_path up = {.up = in.path, .key = SLICE(OPTION)};
    const struct node *list = NODE_GET(in.map, OPTION);
    for (size_t i = 0; !node_is_null(list) && list->kind == NODE_LIST && i < list->count; i++) {
        const struct config_path path = {.up = &up, .index = i};
        const struct node *n = list->items[i].value;
        if (n->kind == NODE_SCALAR)
            read_name(in, n, &path, p);
        else
            read_base(in, n, &path, p);
    }
}
