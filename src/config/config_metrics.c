/* Which metrics /metrics offers, with which labels.
 *
 * Happy path: the lists are kept as written.
 *
 * Failure modes: a name that no metric or label has is a warning that says the nearest one; where a
 * group leaves out labels, one that none of its metrics has is, too. Bounds that do not rise are an
 * error. */

#include "config_loader.h"

#include "base/metric_table.h"

#define LITELLM "litellm_settings"

struct checking {
    struct config_loader *l;
    const struct node *settings;
    struct slice customs[METRIC_CUSTOM_MAX]; /* labels that the configuration makes */
    size_t custom_count;
};

/* ---- names ----------------------------------------------------------------------------------- */

static struct slice text_of(const struct node *n)
{
    return n->kind == NODE_SCALAR ? n->text : slice_make(NULL, 0);
}

static const char *nearest_metric(struct config_loader *l, struct slice name)
{
    const char *names[METRIC_COUNT];
    for (int i = 0; i < METRIC_COUNT; i++)
        names[i] = metric_rows[i].name;
    return config_nearest_name(l, names, METRIC_COUNT, name);
}

static const char *nearest_label(struct config_loader *l, struct slice name)
{
    const char *names[LABEL_COUNT];
    for (int i = 0; i < LABEL_COUNT; i++)
        names[i] = metric_label_name(i);
    return config_nearest_name(l, names, LABEL_COUNT, name);
}

static void warn_unknown(struct config_loader *l, struct config_place place, const char *what,
                         const char *near)
{
    config_warn(l, place, "there is no such %s%s%s%s", what, near ? ": did you mean " : "",
                near ? near : "", near ? "?" : "");
}

static bool is_custom(const struct checking *c, struct slice name)
{
    for (size_t i = 0; i < c->custom_count; i++)
        if (slice_eq(c->customs[i], name))
            return true;
    return false;
}

static void check_metrics(struct checking *c, const struct node *list, const struct config_path *up)
{
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path path = {.up = up, .index = i};
        if (metric_find(text_of(n)) == METRIC_COUNT)
            warn_unknown(c->l, config_place(n, &path), "metric", nearest_metric(c->l, text_of(n)));
    }
}

/* `metrics`: one of them has it; NULL: any may. */
static bool some_has(const struct node *metrics, struct slice label)
{
    for (size_t i = 0; metrics && metrics->kind == NODE_LIST && i < metrics->count; i++) {
        enum metric_id id = metric_find(text_of(metrics->items[i].value));
        if (id < METRIC_COUNT && metric_has_label(&metric_rows[id], metric_label_find(label)))
            return true;
    }
    return !metrics;
}

static void check_labels(struct checking *c, const struct node *list, const struct node *metrics,
                         const struct config_path *up)
{
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path path = {.up = up, .index = i};
        if (is_custom(c, text_of(n)))
            continue;
        if (!metric_label_find(text_of(n)))
            warn_unknown(c->l, config_place(n, &path), "label", nearest_label(c->l, text_of(n)));
        else if (!some_has(metrics, text_of(n)))
            config_warn(c->l, config_place(n, &path), "none of these metrics has this label");
    }
}

/* ---- options --------------------------------------------------------------------------------- */

static void check_group(struct checking *c, const struct node *group, const struct config_path *up)
{
    const struct config_path metrics = {.up = up, .key = SLICE("metrics")};
    const struct config_path labels = {.up = up, .key = SLICE("include_labels")};
    const struct node *names = NODE_GET(group, "metrics");
    if (node_is_null(names) || names->kind != NODE_LIST || !names->count) {
        config_warn(c->l, config_place(group, up), "names no metrics: expected a list `metrics`");
        return;
    }
    check_metrics(c, names, &metrics);
    check_labels(c, NODE_GET(group, "include_labels"), names, &labels);
}

static void check_groups(struct checking *c)
{
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path path = {.up = &up, .key = SLICE("prometheus_metrics_config")};
    const struct node *list = NODE_GET(c->settings, "prometheus_metrics_config");
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++)
        check_group(c, list->items[i].value, &(struct config_path){.up = &path, .index = i});
}

static void note_customs(struct checking *c, const char *option, const char *prefix)
{
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path path = {.up = &up, .key = slice_of(option)};
    const struct node *list = node_get(c->settings, slice_of(option));
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path self = {.up = &path, .index = i};
        if (c->custom_count < METRIC_CUSTOM_MAX)
            c->customs[c->custom_count++] =
                slice_of(metric_label_make(&c->l->arena, prefix, text_of(n)));
        else
            config_warn(c->l, config_place(n, &self), "is left out: %d labels may be made",
                        METRIC_CUSTOM_MAX);
    }
}

static bool is_infinite(struct slice text)
{
    return slice_eq_nocase(text, SLICE(".inf")) || slice_eq_nocase(text, SLICE("inf"));
}

static void check_buckets(struct checking *c)
{
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path path = {.up = &up, .key = SLICE("prometheus_latency_buckets")};
    const struct node *list = NODE_GET(c->settings, "prometheus_latency_buckets");
    double last = 0, bound;
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path self = {.up = &path, .index = i};
        if (i + 1 == list->count && is_infinite(text_of(n)))
            return; /* LiteLLM's own ends so */
        if (!node_number(n, &bound) || bound <= last || i + 1 >= METRIC_BUCKETS_MAX) {
            config_error(c->l, config_place(n, &self),
                         "expected at most %d numbers of seconds that rise",
                         METRIC_BUCKETS_MAX - 1);
            return;
        }
        last = bound;
    }
}

static void check_identity(struct config_loader *l, const struct node *settings)
{
    static const char name[] = "prometheus_deployment_and_latency_caller_identity";
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path path = {.up = &up, .key = slice_of(name)};
    const struct node *n = node_get(settings, slice_of(name));
    struct slice said = node_is_null(n) ? SLICE("both") : text_of(n);
    if (!slice_eq(said, SLICE("both")) && !slice_eq(said, SLICE("user_email")) &&
        !slice_eq(said, SLICE("api_key_alias")))
        config_error(l, config_place(n, &path), "expected api_key_alias, user_email or both");
}

/* LiteLLM's others are told in traces. */
static bool read_services(struct checking *c, const char *option)
{
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path path = {.up = &up, .key = slice_of(option)};
    const struct node *list = node_get(c->settings, slice_of(option));
    bool found = false;
    for (size_t i = 0; list && list->kind == NODE_LIST && i < list->count; i++) {
        const struct node *n = list->items[i].value;
        const struct config_path self = {.up = &path, .index = i};
        if (slice_eq(text_of(n), SLICE("prometheus_system")))
            found = true;
        else
            config_warn(c->l, config_place(n, &self),
                        "is told nothing of services: prometheus_system is the only one");
    }
    return found;
}

void config_read_metrics(struct config_loader *l, const struct node *root)
{
    struct metrics_settings *m = &l->c->metrics;
    struct checking c = {.l = l, .settings = NODE_GET(root, LITELLM)};
    const struct config_path up = {.key = SLICE(LITELLM)};
    const struct config_path metrics = {.up = &up, .key = SLICE("prometheus_exclude_metrics")};
    const struct config_path labels = {.up = &up, .key = SLICE("prometheus_exclude_labels")};
    note_customs(&c, "custom_prometheus_metadata_labels", "");
    note_customs(&c, "custom_prometheus_tags", "tag_");
    check_groups(&c);
    check_metrics(&c, NODE_GET(c.settings, "prometheus_exclude_metrics"), &metrics);
    check_labels(&c, NODE_GET(c.settings, "prometheus_exclude_labels"), NULL, &labels);
    check_buckets(&c);
    check_identity(l, c.settings);
    m->services = read_services(&c, "service_callback");
    m->services = read_services(&c, "service_callbacks") || m->services;
    m->groups = config_read_list(l, c.settings, LITELLM, "prometheus_metrics_config");
    m->exclude_metrics = config_read_list(l, c.settings, LITELLM, "prometheus_exclude_metrics");
    m->exclude_labels = config_read_list(l, c.settings, LITELLM, "prometheus_exclude_labels");
    m->metadata = config_read_list(l, c.settings, LITELLM, "custom_prometheus_metadata_labels");
    m->tags = config_read_list(l, c.settings, LITELLM, "custom_prometheus_tags");
    m->buckets = config_read_list(l, c.settings, LITELLM, "prometheus_latency_buckets");
}
