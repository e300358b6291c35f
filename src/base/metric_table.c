#include "base/metric_table.h"

#include <string.h>

static const double buckets_latency[] = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1,   2,
                                         5,     10,   30,    60,   120, 300,  420, 600, 0};
static const double buckets_per_token[] = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5,
                                           0.75,  1,    2.5,   5,    7.5,   10,  0};
static const double buckets_stage[] = {0.001, 0.005, 0.02, 0.1, 0.5, 2, 10, 60, 300, 0};
static const double buckets_loop[] = {0.00005, 0.0002, 0.001, 0.005, 0.02, 0.1, 0.5, 2, 0};

#define IS_NONE      false
#define IS_LATENCY   true
#define IS_PER_TOKEN false
#define IS_STAGE     false
#define IS_LOOP      false

#define BUCKETS_NONE      NULL
#define BUCKETS_LATENCY   buckets_latency
#define BUCKETS_PER_TOKEN buckets_per_token
#define BUCKETS_STAGE     buckets_stage
#define BUCKETS_LOOP      buckets_loop

const struct metric_row metric_rows[METRIC_COUNT] = {
#define METRIC(id, kind, merge, buckets, name, help, ...)                                          \
    [METRIC_##id] = {name,         help,  METRIC_##kind, MERGE_##merge, BUCKETS_##buckets,         \
                     IS_##buckets, false, {__VA_ARGS__}},
#include "base/metric_rows.h"
#undef METRIC
};

const char *metric_label_name(enum label l)
{
    static const char *const names[] = {
        "",
#define LABEL(id, name) name,
#include "base/metric_labels.h"
#undef LABEL
    };
    return names[l];
}

unsigned metric_bucket_count(const struct metric_row *r)
{
    unsigned n = 0;
    while (r->buckets && r->buckets[n] > 0)
        n++;
    return n;
}

unsigned metric_value_count(const struct metric_row *r)
{
    return r->kind == METRIC_HISTOGRAM ? metric_bucket_count(r) + 2 : 1;
}

/* ---- by name -------------------------------------------------------------------------------- */

bool metric_is_named(enum metric_id id, struct slice name)
{
    const struct metric_row *r = &metric_rows[id];
    if (r->kind == METRIC_COUNTER && slice_ends(name, SLICE("_total")))
        name.n -= strlen("_total");
    return slice_eq(name, slice_of(r->name));
}

enum metric_id metric_find(struct slice name)
{
    int id = 0;
    while (id < METRIC_COUNT && !metric_is_named(id, name))
        id++;
    return id;
}

enum label metric_label_find(struct slice name)
{
    for (int l = LABEL_END + 1; l < LABEL_COUNT; l++)
        if (slice_eq(name, slice_of(metric_label_name(l))))
            return l;
    return LABEL_END;
}

bool metric_has_label(const struct metric_row *r, enum label l)
{
    unsigned i = 0;
    while (r->labels[i] && r->labels[i] != l)
        i++;
    return r->labels[i];
}

bool metric_counts_callers(const struct metric_row *r)
{
    return r->kind != METRIC_GAUGE && metric_has_label(r, LABEL_KEY);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

const char *metric_label_make(struct arena *a, const char *prefix, struct slice name)
{
    bool underline = !*prefix && (!name.n || is_digit(*name.p));
    struct slice all = ARENA_JOIN(a, underline ? SLICE("_") : SLICE(""), slice_of(prefix), name);
    char *made = arena_strdup(a, all);
    for (char *p = made; *p; p++)
        if (!is_letter(*p) && !is_digit(*p))
            *p = '_';
    return made;
}
