/* What Prometheus reads.
 *
 * Happy path: the entries of all regions are gathered and sorted by metric and labels; equal
 * neighbours are merged, and written under their metric's head. No failure modes: an output that is
 * full shows in the buffer. */

#include "base/json.h"
#include "metrics_private.h"

#include <math.h>
#include <stdlib.h>

struct gathered {
    const struct metric_entry **v;
    size_t n, size;
};

static void gather(struct gathered *g, const struct metric_region *r)
{
    uint64_t place = 0;
    for (const struct metric_entry *e; (e = metric_next(r, &place));) {
        if (atomic_load_explicit(&e->gone, memory_order_acquire))
            continue;
        if (g->n == g->size) {
            g->size = g->size ? g->size * 2 : 256;
            g->v = realloc(g->v, g->size * sizeof(struct metric_entry *));
            if (!g->v)
                abort();
        }
        g->v[g->n++] = e;
    }
}

static int compare_labels(struct slice a, struct slice b)
{
    size_t n = a.n < b.n ? a.n : b.n;
    int order = memcmp(a.p, b.p, n);
    return order ? order : (a.n > b.n) - (a.n < b.n);
}

static int compare(const void *left, const void *right)
{
    const struct metric_entry *a = *(const struct metric_entry *const *)left;
    const struct metric_entry *b = *(const struct metric_entry *const *)right;
    if (a->metric != b->metric)
        return a->metric < b->metric ? -1 : 1;
    return compare_labels(metric_labels(a), metric_labels(b));
}

static bool same_series(const struct metric_entry *a, const struct metric_entry *b)
{
    return a->metric == b->metric && slice_eq(metric_labels(a), metric_labels(b));
}

/* ---- merging -------------------------------------------------------------------------------- */

static double merge_gauge(const struct metric_row *row, const struct metric_entry *const *v,
                          size_t n)
{
    double sum = 0, most = metric_value(v[0], 0), latest = most;
    int64_t updated = INT64_MIN;
    for (size_t i = 0; i < n; i++) {
        double value = metric_value(v[i], 0);
        int64_t at = atomic_load_explicit(&v[i]->updated_ms, memory_order_relaxed);
        sum += value;
        most = value > most ? value : most;
        latest = at > updated ? value : latest;
        updated = at > updated ? at : updated;
    }
    switch (row->merge) {
    case MERGE_SUM: break;
    case MERGE_MAX: return most;
    case MERGE_LATEST: return latest;
    }
    return sum;
}

static double sum_of(const struct metric_entry *const *v, size_t n, unsigned i)
{
    double sum = 0;
    for (size_t k = 0; k < n; k++)
        sum += metric_value(v[k], i);
    return sum;
}

/* ---- writing -------------------------------------------------------------------------------- */

/* Whole numbers without a point, others shortly. */
static void write_number(struct buf *out, double value)
{
    struct json_writer w;
    if (value >= HUGE_VAL) {
        BUF_LITERAL(out, "+Inf");
        return;
    }
    if (value == (double)(int64_t)value && value < 9e15 && value > -9e15) {
        char digits[SLICE_DIGITS];
        buf_add(out, slice_digits((int64_t)value, digits));
        return;
    }
    json_begin(&w, out);
    json_number(&w, value);
}

static void write_bound(struct buf *out, double bound)
{
    write_number(out, bound);
    if (bound == (double)(int64_t)bound)
        BUF_LITERAL(out, ".0"); /* as Python writes it, and dashboards match it */
}

static void write_sample(struct buf *out, const struct metric_row *row, const char *suffix,
                         struct slice labels, double value)
{
    buf_add(out, slice_of(row->name));
    buf_add(out, slice_of(suffix));
    if (labels.n) {
        buf_add_char(out, '{');
        buf_add(out, labels);
        buf_add_char(out, '}');
    }
    buf_add_char(out, ' ');
    write_number(out, value);
    buf_add_char(out, '\n');
}

static void write_bucket(struct buf *out, const struct metric_row *row, struct slice labels,
                         const double *bound, double count)
{
    buf_add(out, slice_of(row->name));
    BUF_LITERAL(out, "_bucket{");
    buf_add(out, labels);
    if (labels.n)
        buf_add_char(out, ',');
    BUF_LITERAL(out, "le=\"");
    if (bound)
        write_bound(out, *bound);
    else
        BUF_LITERAL(out, "+Inf");
    BUF_LITERAL(out, "\"} ");
    write_number(out, count);
    buf_add_char(out, '\n');
}

static void write_histogram(struct buf *out, const struct metric_row *row,
                            const struct metric_entry *const *v, size_t n)
{
    struct slice labels = metric_labels(v[0]);
    unsigned buckets = metric_bucket_count(row);
    double count = 0;
    for (unsigned i = 0; i <= buckets; i++) {
        count += sum_of(v, n, i);
        write_bucket(out, row, labels, i < buckets ? &row->buckets[i] : NULL, count);
    }
    write_sample(out, row, "_count", labels, count);
    write_sample(out, row, "_sum", labels, sum_of(v, n, buckets + 1));
}

static void write_series(struct buf *out, const struct metric_row *row,
                         const struct metric_entry *const *v, size_t n)
{
    switch (row->kind) {
    case METRIC_COUNTER:
        write_sample(out, row, "_total", metric_labels(v[0]), sum_of(v, n, 0));
        break;
    case METRIC_GAUGE:
        write_sample(out, row, "", metric_labels(v[0]), merge_gauge(row, v, n));
        break;
    case METRIC_HISTOGRAM: write_histogram(out, row, v, n); break;
    }
}

static void write_head(struct buf *out, const struct metric_row *row, bool open)
{
    static const char *const kinds[] = {
        [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};
    const char *suffix = row->kind == METRIC_COUNTER && !open ? "_total" : "";
    buf_addf(out, "# HELP %s%s %s\n", row->name, suffix, row->help);
    buf_addf(out, "# TYPE %s%s %s\n", row->name, suffix, kinds[row->kind]);
}

void metrics_write(const struct metrics *m, bool open, struct buf *out)
{
    struct gathered g = {0};
    for (unsigned i = 0; i < m->shared->workers; i++)
        gather(&g, metrics_region(m->shared, i));
    if (g.n)
        qsort(g.v, g.n, sizeof(struct metric_entry *), compare);
    for (size_t i = 0, n; i < g.n; i += n) {
        const struct metric_row *row = metric_row_of(m, g.v[i]->metric);
        for (n = 1; i + n < g.n && same_series(g.v[i], g.v[i + n]);)
            n++;
        if (i == 0 || g.v[i - 1]->metric != g.v[i]->metric)
            write_head(out, row, open);
        write_series(out, row, &g.v[i], n);
    }
    if (open)
        BUF_LITERAL(out, "# EOF\n");
    free(g.v);
}
