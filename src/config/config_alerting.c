/* general_settings.alerting, alert_types, alerting_args … → struct alerting_settings.
 *
 * litellm_settings.alerting, which LiteLLM ignores, counts where general_settings has none. Its
 * alerting_threshold there is a number of failures, as people write it who put it there. */

#include "config_reading.h"

#define THRESHOLD_DEFAULT 300
#define BUDGET_TTL        (24 * 3600)
#define OUTAGE_TTL        60
#define DAILY_FREQUENCY   (12 * 3600)
#define SPEND_FREQUENCY   "7d"
#define MINOR_DEFAULT     5
#define MAJOR_DEFAULT     10
#define SECONDS_MAX       (400.0 * 24 * 3600)
#define THRESHOLD_MAX     100000

static const struct node *section_of(const struct node *root, const char *name)
{
    return node_get(root, slice_of(name));
}

static void read_lists(struct config_loader *l, const struct node *root,
                       struct alerting_settings *a)
{
    const struct node *general = section_of(root, "general_settings");
    const struct node *litellm = section_of(root, "litellm_settings");
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("alert_to_webhook_url")};
    const struct node *urls = NODE_GET(general, "alert_to_webhook_url");
    a->channels = config_read_list(l, general, "general_settings", "alerting");
    if (!a->channels)
        a->channels = config_read_list(l, litellm, "litellm_settings", "alerting");
    a->types = config_read_list(l, general, "general_settings", "alert_types");
    if (!node_is_null(urls) && urls->kind == NODE_MAP)
        a->urls = config_read_json(l, urls, &path);
}

static void read_gathered(struct config_loader *l, const struct node *general,
                          struct alerting_settings *a)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("alert_type_config")};
    const struct node *types = NODE_GET(general, "alert_type_config");
    if (!node_is_null(types) && types->kind == NODE_MAP)
        a->gathered = config_read_json(l, types, &path);
}

/* LiteLLM's router has a Slack of its own. */
static void read_router(struct config_loader *l, const struct node *root,
                        struct alerting_settings *a)
{
    const struct config_path up = {.key = SLICE("router_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("alerting_config")};
    const struct node *map = NODE_GET(section_of(root, "router_settings"), "alerting_config");
    struct reading in = {.l = l, .map = map, .path = &path, .nested = true};
    if (node_is_null(map) || map->kind != NODE_MAP)
        return;
    struct slice url = reading_text(in, "webhook_url");
    if (url.n)
        a->webhook = arena_strdup(&l->c->arena, url);
    reading_number(in, "alerting_threshold", 0.001, SECONDS_MAX, &a->threshold);
}

static void read_args(struct config_loader *l, const struct node *general,
                      struct alerting_settings *a)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("alerting_args")};
    const struct node *map = NODE_GET(general, "alerting_args");
    struct reading in = {.l = l, .map = map, .path = &path, .nested = true};
    if (node_is_null(map) || map->kind != NODE_MAP)
        return;
    reading_number(in, "budget_alert_ttl", 0, SECONDS_MAX, &a->budget_ttl);
    reading_number(in, "outage_alert_ttl", 0, SECONDS_MAX, &a->outage_ttl);
    reading_number(in, "region_outage_alert_ttl", 0, SECONDS_MAX, &a->region_outage_ttl);
    reading_number(in, "daily_report_frequency", 0, SECONDS_MAX, &a->daily_frequency);
    reading_integer(in, "minor_outage_alert_threshold", 1, &a->minor);
    reading_integer(in, "major_outage_alert_threshold", 1, &a->major);
}

void config_read_alerting(struct config_loader *l, const struct node *root)
{
    const struct config_path general_path = {.key = SLICE("general_settings")};
    const struct config_path litellm_path = {.key = SLICE("litellm_settings")};
    const struct node *general = section_of(root, "general_settings");
    struct alerting_settings *a = &l->c->alerting;
    struct reading in = {.l = l, .map = general, .path = &general_path};
    struct reading errors = {
        .l = l, .map = section_of(root, "litellm_settings"), .path = &litellm_path};
    *a = (struct alerting_settings){.threshold = THRESHOLD_DEFAULT,
                                    .errors = 1,
                                    .budget_ttl = BUDGET_TTL,
                                    .outage_ttl = OUTAGE_TTL,
                                    .region_outage_ttl = OUTAGE_TTL,
                                    .minor = MINOR_DEFAULT,
                                    .major = MAJOR_DEFAULT,
                                    .daily_frequency = DAILY_FREQUENCY,
                                    .spend_frequency = SPEND_FREQUENCY};
    struct slice spend = reading_text(in, "spend_report_frequency");
    double failures = 1;
    read_lists(l, root, a);
    read_args(l, general, a);
    read_gathered(l, general, a);
    read_router(l, root, a);
    reading_number(in, "alerting_threshold", 0.001, SECONDS_MAX, &a->threshold);
    reading_number(errors, "alerting_threshold", 1, THRESHOLD_MAX, &failures);
    a->errors = (int64_t)failures;
    if (spend.n)
        a->spend_frequency = arena_strdup(&l->c->arena, spend);
}
