/* litellm_settings about heads of calls: extra_spend_tag_headers, model_group_settings. */

#include "config_loader.h"

#define LITELLM "litellm_settings"

static bool is_list(const struct node *n)
{
    return n && n->kind == NODE_LIST;
}

void config_read_calls(struct config_loader *l, const struct node *root)
{
    static const char forward[] = "forward_client_headers_to_llm_api";
    const struct node *settings = NODE_GET(root, LITELLM);
    const struct node *tags = NODE_GET(settings, "extra_spend_tag_headers");
    const struct node *groups = NODE_GET(settings, "model_group_settings");
    const struct node *forwarding = node_get(groups, slice_of(forward));
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path of_tags = {.up = &up, .key = SLICE("extra_spend_tag_headers")};
    const struct config_path of_groups = {.up = &up, .key = SLICE("model_group_settings")};
    const struct config_path of_headers = {.up = &of_groups, .key = slice_of(forward)};
    if (is_list(tags)) /* its row of the table says what else is wrong */
        l->c->spend_tag_headers = config_read_lines(l, tags, &of_tags);
    if (node_is_null(groups) || groups->kind != NODE_MAP)
        return;
    for (size_t i = 0; i < groups->count; i++) {
        const struct config_path self = {.up = &of_groups, .key = groups->items[i].key};
        if (!slice_eq(self.key, slice_of(forward)))
            config_warn(l, config_place(groups->items[i].value, &self), "unknown option, ignored");
    }
    if (is_list(forwarding))
        l->c->header_groups = config_read_lines(l, forwarding, &of_headers);
    else if (!node_is_null(forwarding))
        config_error(l, config_place(forwarding, &of_headers), "expected a list of names");
}
