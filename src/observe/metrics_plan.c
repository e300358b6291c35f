/* The table of metrics as a configuration wants it.
 *
 * Happy path: each row is copied without the labels that are not wanted, or is off; what labels the
 * configuration makes come behind those of the rows that count callers. Made once, before there are
 * workers: counting asks nothing.
 *
 * Failure modes: none. Names that are not known are ignored here; who reads the configuration has
 * told of them. */

#include "metrics_private.h"

/* ---- which metrics, which labels ------------------------------------------------------------- */

/* A metric stands in a list of names. */
static bool lists_metric(yyjson_val *names, enum metric_id id)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(names, i, n, name) if (metric_is_named(id, json_slice(name))) return true;
    return false;
}

/* The last group that names it and says which labels; NULL: all. */
static yyjson_val *labels_of(yyjson_val *groups, enum metric_id id)
{
    size_t i, n;
    yyjson_val *group, *found = NULL;
    yyjson_arr_foreach(groups, i, n, group)
    {
        yyjson_val *labels = json_get(group, "include_labels");
        if (yyjson_arr_size(labels) && lists_metric(json_get(group, "metrics"), id))
            found = labels;
    }
    return found;
}

static bool in_a_group(yyjson_val *groups, enum metric_id id)
{
    size_t i, n;
    yyjson_val *group;
    yyjson_arr_foreach(groups, i, n,
                       group) if (lists_metric(json_get(group, "metrics"), id)) return true;
    return false;
}

/* Groups choose among LiteLLM's metrics; our own and the process's are few, and have few labels. */
static bool is_off(const struct metrics_options *o, enum metric_id id)
{
    bool chosen = !yyjson_arr_size(o->groups) || in_a_group(o->groups, id) ||
                  !slice_starts(slice_of(metric_rows[id].name), SLICE("litellm_"));
    return !chosen || (id >= METRIC_OF_SERVICES && !o->services) ||
           lists_metric(o->exclude_metrics, id);
}

/* LiteLLM's caller-identity: these tell of the key's alias, of the user's address, or of both. */
static bool tells_identity(enum metric_id id)
{
    switch (id) {
    case METRIC_DEPLOYMENT_REQUESTS:
    case METRIC_DEPLOYMENT_SUCCESSES:
    case METRIC_DEPLOYMENT_FAILURES:
    case METRIC_TOTAL_SECONDS:
    case METRIC_API_SECONDS:
    case METRIC_FIRST_SECONDS:
    case METRIC_QUEUE_SECONDS:
    case METRIC_OVERHEAD_SECONDS:
    case METRIC_DEPLOYMENT_TOKEN_SECONDS: return true;
    default: return false;
    }
}

/* Labels that are there on demand. */
static bool is_asked_for(const struct metrics_options *o, const struct metric_row *row, uint8_t l)
{
    switch (l) {
    case LABEL_STREAM: return o->stream;
    case LABEL_LIMIT_CATEGORY:
    case LABEL_LIMIT_TYPE: return o->limits;
    case LABEL_REDIS:
    case LABEL_ERROR_CLASS:
    case LABEL_FUNCTION: return o->services;
    case LABEL_PROMPT_LENGTH: return o->prompt_length;
    case LABEL_USER_ALIAS: return o->user_names;
    case LABEL_USER_EMAIL: return o->user_names || !metric_has_label(row, LABEL_USER_ALIAS);
    default: return true;
    }
}

struct labels { /* of a row, as it grows */
    struct metrics_plan *plan;
    const struct metrics_options *options;
    yyjson_val *only;
    struct metric_row *row;
    unsigned count;
};

static void add_label(struct labels *l, uint8_t label)
{
    struct slice name = slice_of(l->plan->label_names[label]);
    if (json_list_has(l->options->exclude_labels, name) ||
        (l->only && !json_list_has(l->only, name)))
        return;
    if (l->count + 1 < METRIC_LABELS_MAX)
        l->row->labels[l->count++] = label;
}

static void add_labels(struct labels *l, enum metric_id id)
{
    const struct metric_row *from = &metric_rows[id];
    struct slice identity = slice_of(tells_identity(id) ? l->options->identity : NULL);
    bool email = slice_eq(identity, SLICE("user_email"));
    for (unsigned i = 0; from->labels[i]; i++) {
        if (!is_asked_for(l->options, from, from->labels[i]))
            continue;
        if (from->labels[i] != LABEL_KEY_ALIAS || !email)
            add_label(l, from->labels[i]);
        if (from->labels[i] == LABEL_KEY_ALIAS && (email || slice_eq(identity, SLICE("both"))))
            add_label(l, LABEL_USER_EMAIL);
    }
    for (size_t i = 0; metric_counts_callers(from) && i < l->plan->custom_count; i++)
        add_label(l, (uint8_t)(LABEL_COUNT + i));
}

/* ---- labels of its own ----------------------------------------------------------------------- */

static void add_custom(struct metrics_plan *p, const char *name, struct metric_custom custom)
{
    if (p->custom_count == METRIC_CUSTOM_MAX || metric_label_find(slice_of(name)))
        return;
    for (size_t i = 0; i < p->custom_count; i++)
        if (strcmp(p->label_names[LABEL_COUNT + i], name) == 0)
            return;
    p->label_names[LABEL_COUNT + p->custom_count] = name;
    p->customs[p->custom_count++] = custom;
}

static void add_customs(struct metrics_plan *p, const struct metrics_options *o)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(o->metadata, i, n, v)
    {
        struct slice name = json_slice(v), path = name;
        if (slice_starts(path, SLICE("metadata.")))
            path = slice_skip(path, strlen("metadata."));
        add_custom(p, metric_label_make(&p->arena, "", name),
                   (struct metric_custom){.path = arena_strdup(&p->arena, path)});
    }
    yyjson_arr_foreach(o->tags, i, n, v)
        add_custom(p, metric_label_make(&p->arena, "tag_", json_slice(v)),
                   (struct metric_custom){.tag = arena_strdup(&p->arena, json_slice(v))});
}

static struct slice member(yyjson_val *metadata, struct slice path)
{
    while (metadata && path.n) {
        struct slice name = slice_split(&path, '.');
        metadata = yyjson_obj_getn(metadata, name.p, name.n);
    }
    return json_slice(metadata);
}

/* "begin*end"; several '*' are possible. */
static bool matches(struct slice pattern, struct slice text)
{
    struct slice part = slice_split(&pattern, '*');
    if (!slice_starts(text, part))
        return false;
    text = slice_skip(text, part.n);
    while (pattern.p) {
        part = slice_split(&pattern, '*');
        if (!pattern.p)
            return slice_ends(text, part);
        ptrdiff_t at = slice_find(text, part);
        if (at < 0)
            return false;
        text = slice_skip(text, (size_t)at + part.n);
    }
    return !text.n;
}

static bool has_tag(yyjson_val *tags, struct slice wanted)
{
    size_t i, n;
    yyjson_val *tag;
    yyjson_arr_foreach(tags, i, n, tag) if (matches(wanted, json_slice(tag))) return true;
    return false;
}

void metrics_plan_values(const struct metrics_plan *p, struct slice metadata, struct slice tags,
                         struct arena *a, struct slice *values)
{
    yyjson_val *object = metadata.n ? json_parse(metadata, a, NULL) : NULL;
    yyjson_val *list = tags.n ? json_parse(tags, a, NULL) : NULL;
    for (size_t i = 0; i < p->custom_count; i++) {
        const struct metric_custom *c = &p->customs[i];
        if (c->path)
            values[i] = member(object, slice_of(c->path));
        else
            values[i] = has_tag(list, slice_of(c->tag)) ? SLICE("true") : SLICE("false");
    }
}

bool metrics_want_texts(const struct metrics *m)
{
    return m->shared->plan.custom_count > 0;
}

/* ---- all of it ------------------------------------------------------------------------------- */

static const double *buckets_of(struct metrics_plan *p, yyjson_val *list)
{
    size_t i, n, count = 0;
    yyjson_val *v;
    double *made = arena_zalloc(&p->arena, METRIC_BUCKETS_MAX * sizeof(double));
    yyjson_arr_foreach(list, i, n, v)
    {
        double bound = 0; /* infinity is a text in JSON, and always there */
        if (json_double(v, &bound) && bound > (count ? made[count - 1] : 0) &&
            count + 1 < METRIC_BUCKETS_MAX)
            made[count++] = bound;
    }
    return count ? made : NULL;
}

static void note_used(struct metrics_plan *p)
{
    bool seen[METRIC_LABELS_ALL] = {0};
    for (int id = 0; id < METRIC_COUNT; id++)
        for (unsigned i = 0; !p->rows[id].off && p->rows[id].labels[i]; i++)
            seen[p->rows[id].labels[i]] = true;
    for (unsigned l = 1; l < METRIC_LABELS_ALL; l++)
        if (seen[l])
            p->used[p->used_count++] = (uint8_t)l;
}

void metrics_plan_make(struct metrics_plan *p, const struct metrics_options *o)
{
    static const struct metrics_options none;
    o = o ? o : &none;
    arena_init(&p->arena);
    for (int l = 0; l < LABEL_COUNT; l++)
        p->label_names[l] = metric_label_name(l);
    add_customs(p, o);
    const double *buckets = o->buckets ? buckets_of(p, o->buckets) : NULL;
    for (int id = 0; id < METRIC_COUNT; id++) {
        struct metric_row *row = &p->rows[id];
        *row = metric_rows[id];
        memset(row->labels, 0, sizeof(row->labels));
        row->off = is_off(o, id);
        if (row->latency && buckets)
            row->buckets = buckets;
        add_labels(
            &(struct labels){.plan = p, .options = o, .row = row, .only = labels_of(o->groups, id)},
            id);
    }
    note_used(p);
}
