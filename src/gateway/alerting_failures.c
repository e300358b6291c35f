/* Failures of models and deployments: how many in a while, and whether that is worth telling.
 *
 * Happy path: nothing fails. Else each failed request counts for its model, each failed attempt for
 * its deployment and region; a count that comes to a threshold within its window is told.
 *
 * Failure modes: what clients did wrong (400, 413, 422) says nothing of models. Of more than
 * COUNTS_MAX things at once the one whose window ends first is forgotten. Each process counts what
 * it meets itself. */

#include "alerting.h"
#include "worker_private.h"

#include <stdlib.h>

#define COUNTS_MAX  256
#define COUNTED_MAX 128 /* bytes of what is counted */
#define ERRORS_MS   60000
#define ERROR_SHOWN 600 /* bytes */

struct count {
    char name[COUNTED_MAX]; /* "" : free */
    int64_t until;          /* ms, turn time */
    int64_t n, timeouts;
    char first[COUNTED_MAX]; /* deployment, of a region … */
    bool several;            /* … and another one failed too */
};

struct alerting_failures {
    struct alerting *alerting;
    struct worker *worker;
    struct count counts[COUNTS_MAX];
};

struct alerting_failures *alerting_failures_new(struct alerting *a, struct worker *w)
{
    struct alerting_failures *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->alerting = a;
    f->worker = w;
    return f;
}

void alerting_failures_free(struct alerting_failures *f)
{
    free(f);
}

/* ---- counting ------------------------------------------------------------------------------- */

static void keep_name(char to[COUNTED_MAX], struct slice name)
{
    size_t n = name.n < COUNTED_MAX - 1 ? name.n : COUNTED_MAX - 1;
    if (n)
        memcpy(to, name.p, n);
    to[n] = '\0';
}

static struct count *count_of(struct alerting_failures *f, const char *kind, struct slice name,
                              int64_t window_ms)
{
    char full[COUNTED_MAX];
    int64_t now = turn_now(&f->worker->turn);
    struct count *oldest = f->counts, *found = NULL;
    struct buf b = {.p = full, .size = sizeof(full), .cap = sizeof(full) - 1};
    buf_add(&b, slice_of(kind));
    buf_add(&b, slice_make(name.p, name.n < COUNTED_MAX / 2 ? name.n : COUNTED_MAX / 2));
    for (size_t i = 0; i < COUNTS_MAX && !found; i++) {
        struct count *c = &f->counts[i];
        if (slice_eq(slice_of(c->name), buf_slice(&b)))
            found = c;
        else if (c->until < oldest->until)
            oldest = c;
    }
    if (found && found->until > now)
        return found;
    found = found ? found : oldest;
    *found = (struct count){.until = now + window_ms};
    keep_name(found->name, buf_slice(&b));
    return found;
}

static bool is_worth(int status)
{
    return status >= 500 || status == 429 || status == 408 || status == 401 || status == 403 ||
           status == 404;
}

/* LiteLLM's rule for outages. */
static bool is_outage(int status)
{
    return status >= 500 || status == 408;
}

/* ---- llm_exceptions ------------------------------------------------------------------------- */

static struct slice shown(struct slice message)
{
    return slice_make(message.p, message.n < ERROR_SHOWN ? message.n : ERROR_SHOWN);
}

static void tell_exception(struct alerting_failures *f, const struct record *r,
                           const struct record_attempt *last, int64_t n)
{
    struct arena arena;
    arena_init(&arena);
    alerting_tell(
        f->alerting,
        &(struct alerting_news){
            .type = ALERT_LLM_EXCEPTIONS,
            .level = "High",
            .key = ARENA_JOIN(&arena, r->text.group, SLICE("\n"), last->error_class),
            .quiet_ms = ALERTING_QUIET_MS,
            .subject = arena_printf(&arena, "%.*s fails: %.*s (%d)", SLICE_ARG(r->text.group),
                                    SLICE_ARG(last->error_class), last->status),
            .text = arena_printf(
                &arena,
                "Request Model: `%.*s`\nAPI Base: `%.*s`\nDeployment: `%.*s`\nKey Name: `%.*s`\n"
                "Team: `%.*s`\nFailures in the last minute: `%lld`\nError: `%.*s`\nCall id: `%.*s`",
                SLICE_ARG(r->text.model), SLICE_ARG(last->api_base), SLICE_ARG(last->deployment),
                SLICE_ARG(r->text.key_alias), SLICE_ARG(r->text.team), (long long)n,
                SLICE_ARG(shown(last->message)), SLICE_ARG(r->text.call_id)),
        });
    arena_fini(&arena);
}

static void note_exception(struct alerting_failures *f, const struct record *r)
{
    const struct record_attempt *last = &r->attempts[r->attempt_count - 1];
    if (!r->failed || !last->error_class.n || !is_worth(last->status))
        return;
    struct count *c = count_of(f, "model ", r->text.group, ERRORS_MS);
    if (++c->n >= f->worker->config->alerting.errors)
        tell_exception(f, r, last, c->n);
}

/* ---- outages -------------------------------------------------------------------------------- */

static void tell_outage(struct alerting_failures *f, const struct count *c, enum alert_type type,
                        struct slice of, const struct record_attempt *t, bool major)
{
    struct arena arena;
    const struct alerting_settings *s = &f->worker->config->alerting;
    double ttl = type == ALERT_OUTAGE_ALERTS ? s->outage_ttl : s->region_outage_ttl;
    const char *what = type == ALERT_OUTAGE_ALERTS ? "Model" : "Region";
    arena_init(&arena);
    alerting_tell(
        f->alerting,
        &(struct alerting_news){
            .type = type,
            .level = major ? "High" : "Medium",
            .key =
                ARENA_JOIN(&arena, slice_of(c->name), major ? SLICE("\nmajor") : SLICE("\nminor")),
            .quiet_ms = (int64_t)(ttl * 1000) + 1,
            .subject = arena_printf(&arena, "%s outage: %.*s failed %lld times within %g s",
                                    major ? "Major" : "Minor", SLICE_ARG(of), (long long)c->n, ttl),
            .text =
                arena_printf(&arena,
                             "%s Name: `%.*s`\nProvider: `bedrock`\nAPI Base: `%.*s`\n"
                             "Deployment: `%.*s`\nRegion: `%.*s`\nTimeout Errors: `%lld`\n"
                             "API Errors: `%lld`\nLast error: `%.*s`",
                             what, SLICE_ARG(of), SLICE_ARG(t->api_base), SLICE_ARG(t->deployment),
                             SLICE_ARG(t->region), (long long)c->timeouts,
                             (long long)(c->n - c->timeouts), SLICE_ARG(shown(t->message))),
        });
    arena_fini(&arena);
}

static void note_outage(struct alerting_failures *f, enum alert_type type, struct slice of,
                        const struct record_attempt *t)
{
    const struct alerting_settings *s = &f->worker->config->alerting;
    bool region = type == ALERT_REGION_OUTAGE_ALERTS;
    if (!alerting_wants(f->alerting, type))
        return;
    struct count *c = count_of(f, region ? "region " : "deployment ", region ? of : t->deployment,
                               (int64_t)((region ? s->region_outage_ttl : s->outage_ttl) * 1000));
    c->n++;
    c->timeouts += t->status == 408;
    if (!*c->first)
        keep_name(c->first, t->deployment);
    c->several = c->several || !slice_eq(slice_of(c->first), t->deployment);
    if (region && !c->several)
        return;
    if (c->n >= s->major)
        tell_outage(f, c, type, of, t, true);
    else if (c->n >= s->minor)
        tell_outage(f, c, type, of, t, false);
}

void alerting_failures_note(struct alerting_failures *f, const struct record *r)
{
    for (size_t i = 0; i < r->attempt_count; i++) {
        const struct record_attempt *t = &r->attempts[i];
        if (!t->error_class.n || !is_outage(t->status))
            continue;
        note_outage(f, ALERT_OUTAGE_ALERTS, t->model, t);
        note_outage(f, ALERT_REGION_OUTAGE_ALERTS, t->region, t);
    }
    if (r->attempt_count)
        note_exception(f, r);
}
