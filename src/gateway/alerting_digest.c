/* alert_type_config: what is the same becomes one message (LiteLLM's digests).
 *
 * Happy path: the first of its kind opens a digest, the others are counted; when its time is over,
 * the first one's words are told, with how many there were and from when to when.
 *
 * Failure modes: too many digests at once: the next is told as if nothing was gathered. The process
 * ends: what was gathered is told. */

#include "alerting.h"
#include "base/date.h"
#include "base/log.h"
#include "io/clock.h"
#include "worker_private.h"

#include <stdlib.h>

#define LOOK_MS          1000
#define INTERVAL_DEFAULT 86400 /* seconds */
#define INTERVAL_MAX     (400.0 * 24 * 3600)

struct digest {
    struct arena arena;        /* of what the first one says */
    struct alerting_news news; /* text.p NULL: nothing is gathered here */
    struct alerting_event event;
    unsigned count;
    int64_t first_ms, last_ms; /* since 1970 */
    int64_t due;               /* turn time, ms */
};

struct alerting_digests {
    struct alerting *alerting;
    struct worker *worker;
    int64_t every_ms[ALERT_TYPES]; /* 0: told at once */
    struct digest digests[ALERTING_DIGESTS_MAX];
    size_t open;
    uv_timer_t timer; /* its end frees this */
};

static bool is_open(const struct digest *g)
{
    return g->count;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(struct alerting_digests *d, struct digest *g)
{
    char first[DATE_SIZE], last[DATE_SIZE];
    date_format(g->first_ms, first);
    date_format(g->last_ms, last);
    struct alerting_news news = g->news;
    news.text = arena_printf(&g->arena,
                             "(Digest)\nStart: `%s`\nEnd: `%s`\nCount: `%u`\nThe first one: %.*s",
                             first, last, g->count, SLICE_ARG(g->news.text));
    alerting_send(d->alerting, &news);
    arena_fini(&g->arena);
    g->count = 0;
    d->open--;
}

static void on_timer(uv_timer_t *timer)
{
    struct alerting_digests *d = timer->data;
    int64_t now = turn_now(&d->worker->turn);
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++)
        if (is_open(&d->digests[i]) && d->digests[i].due <= now)
            tell(d, &d->digests[i]);
    if (!d->open)
        uv_timer_stop(timer);
}

/* ---- gathering ------------------------------------------------------------------------------- */

static struct digest *find(struct alerting_digests *d, const struct alerting_news *news)
{
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++) {
        struct digest *g = &d->digests[i];
        if (is_open(g) && g->news.type == news->type && slice_eq(g->news.key, news->key))
            return g;
    }
    return NULL;
}

static struct digest *find_room(struct alerting_digests *d)
{
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++)
        if (!is_open(&d->digests[i]))
            return &d->digests[i];
    return NULL;
}

static void keep_event(struct digest *g, const struct alerting_event *e)
{
    struct slice *kept[] = {&g->event.token,
                            &g->event.key_alias,
                            &g->event.user,
                            &g->event.team,
                            &g->event.customer,
                            &g->event.organization,
                            NULL};
    g->event = *e;
    for (size_t i = 0; kept[i]; i++)
        *kept[i] = arena_dup(&g->arena, *kept[i]);
    g->news.event = &g->event;
}

static void begin(struct alerting_digests *d, struct digest *g, const struct alerting_news *news)
{
    arena_init(&g->arena);
    g->news = *news;
    g->news.key = arena_dup(&g->arena, news->key);
    g->news.subject = arena_dup(&g->arena, news->subject);
    g->news.text = arena_dup(&g->arena, news->text);
    if (news->event)
        keep_event(g, news->event);
    g->first_ms = clock_unix_ms();
    g->due = turn_now(&d->worker->turn) + d->every_ms[news->type];
    if (!d->open++)
        uv_timer_start(&d->timer, on_timer, LOOK_MS, LOOK_MS);
}

bool alerting_digests_take(struct alerting_digests *d, const struct alerting_news *news)
{
    if (!d || !d->every_ms[news->type])
        return false;
    struct digest *g = find(d, news);
    if (!g && (g = find_room(d)))
        begin(d, g, news);
    if (!g)
        return false;
    g->count++;
    g->last_ms = clock_unix_ms();
    return true;
}

/* ---- life ------------------------------------------------------------------------------------ */

static void read_types(struct alerting_digests *d, yyjson_val *map)
{
    size_t i, n;
    yyjson_val *name, *says;
    enum alert_type type;
    yyjson_obj_foreach(map, i, n, name, says)
    {
        double seconds = INTERVAL_DEFAULT;
        if (!alert_type_find(json_slice(name), &type)) {
            log_warn("alert_type_config: there are no alerts %.*s", SLICE_ARG(json_slice(name)));
            continue;
        }
        json_double(json_get(says, "digest_interval"), &seconds);
        if (yyjson_is_true(json_get(says, "digest")) && seconds >= 0 && seconds <= INTERVAL_MAX)
            d->every_ms[type] = (int64_t)(seconds * 1000) + 1;
    }
}

/* NULL: nothing is gathered. */
struct alerting_digests *alerting_digests_new(struct alerting *a, struct worker *w)
{
    if (!w->config->alerting.gathered)
        return NULL;
    struct alerting_digests *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    d->alerting = a;
    d->worker = w;
    read_types(d, w->config->alerting.gathered);
    uv_timer_init(&w->loop, &d->timer);
    uv_unref((uv_handle_t *)&d->timer);
    d->timer.data = d;
    return d;
}

static void on_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void alerting_digests_free(struct alerting_digests *d)
{
    if (!d)
        return;
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++)
        if (is_open(&d->digests[i]))
            tell(d, &d->digests[i]);
    uv_close((uv_handle_t *)&d->timer, on_closed);
}
