/* alert_type_config: what is the same becomes one message (LiteLLM's digests), of all workers.
 *
 * Happy path: the digests lie in memory that is mapped before the workers are forked. The first of
 * its kind opens one, the others are counted, whichever workers meet them; the first worker that
 * finds its time over takes it out and tells the first one's words, with how many there were and
 * from when to when. The last worker to end tells of all.
 *
 * Failure modes: too many digests at once, or somebody keeps the memory: the next is told as if
 * nothing was gathered. A worker dies: the others, and the next one, go on with what it gathered;
 * in the middle of a change, all of it is lost, and the log says so. */

#include "alerting.h"
#include "base/date.h"
#include "base/log.h"
#include "base/shm.h"
#include "base/text.h"
#include "io/clock.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#define LOOK_MS          1000
#define INTERVAL_DEFAULT 86400 /* seconds */
#define INTERVAL_MAX     (400.0 * 24 * 3600)
#define WORDS_MAX        16384 /* bytes of what the first one says; what is longer is cut */

struct digest {
    uint8_t key[SHA256_SIZE];
    struct alerting_news news; /* its texts, and the event's, are in `words` */
    struct alerting_event event;
    unsigned count;            /* 0: nothing is gathered here */
    int64_t first_ms, last_ms; /* since 1970 */
    int64_t due;               /* turn time, ms, which is the machine's */
    size_t used;
    char words[WORDS_MAX];
};

struct digest_memory {
    struct shm_lock lock;
    pid_t present[SOCKETS_MAX]; /* by the index of workers; 0: it has ended */
    struct digest digests[ALERTING_DIGESTS_MAX];
};

struct alerting_digests {
    struct alerting *alerting;
    struct worker *worker;
    struct digest_memory *memory;
    int64_t every_ms[ALERT_TYPES]; /* 0: told at once */
    uv_timer_t timer;              /* its end frees this */
};

/* ---- the memory ------------------------------------------------------------------------------ */

struct digest_memory *alerting_digest_memory(const struct config *c)
{
    struct digest_memory *m = c->alerting.gathered ? shm_new(sizeof(*m)) : NULL;
    if (m)
        shm_lock_init(&m->lock);
    else if (c->alerting.gathered)
        log_warn("there is no memory for alert_type_config: alerts are told one by one");
    return m;
}

void alerting_digest_memory_free(struct digest_memory *m)
{
    shm_free(m, sizeof(*m));
}

static bool take(struct digest_memory *m)
{
    enum shm_taken taken = shm_take(&m->lock);
    if (taken == SHM_ORPHANED) {
        log_warn("a worker died while it gathered alerts: those that were gathered are lost");
        memset(m->digests, 0, sizeof(m->digests));
    }
    return taken != SHM_BUSY;
}

/* Whether there is another worker to go on. */
static bool leave(struct digest_memory *m, int index)
{
    bool others = false;
    m->present[index] = 0;
    for (int i = 0; i < SOCKETS_MAX; i++)
        others = others || (m->present[i] && kill(m->present[i], 0) == 0);
    return others;
}

/* ---- telling --------------------------------------------------------------------------------- */

static void tell(struct alerting_digests *d, const struct digest *g)
{
    char first[DATE_SIZE], last[DATE_SIZE];
    struct arena arena;
    struct alerting_news news = g->news;
    date_format(g->first_ms, first);
    date_format(g->last_ms, last);
    arena_init(&arena);
    news.text =
        arena_printf(&arena, "(Digest)\nStart: `%s`\nEnd: `%s`\nCount: `%u`\nThe first one: %.*s",
                     first, last, g->count, SLICE_ARG(g->news.text));
    alerting_send(d->alerting, &news);
    arena_fini(&arena);
}

/* With the lock. */
static void tell_due(struct alerting_digests *d, int64_t now)
{
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++) {
        struct digest *g = &d->memory->digests[i];
        if (!g->count || g->due > now)
            continue;
        tell(d, g);
        g->count = 0;
    }
}

static void on_timer(uv_timer_t *timer)
{
    struct alerting_digests *d = timer->data;
    if (!take(d->memory))
        return; /* the next look */
    tell_due(d, turn_now(&d->worker->turn));
    shm_release(&d->memory->lock);
}

/* ---- gathering ------------------------------------------------------------------------------- */

/* The digest of that key, or else one that is free. NULL: none is. */
static struct digest *find(struct digest_memory *m, enum alert_type type,
                           const uint8_t key[SHA256_SIZE])
{
    struct digest *empty = NULL;
    for (size_t i = 0; i < ALERTING_DIGESTS_MAX; i++) {
        struct digest *g = &m->digests[i];
        if (!g->count)
            empty = empty ? empty : g;
        else if (g->news.type == type && memcmp(g->key, key, SHA256_SIZE) == 0)
            return g;
    }
    return empty;
}

static void keep(struct digest *g, struct slice *text)
{
    size_t room = sizeof(g->words) - g->used;
    struct slice kept = slice_make(text->p, text->n < room ? text->n : room);
    if (kept.n < text->n)
        kept.n = text_utf8_prefix(kept);
    if (kept.n)
        memcpy(g->words + g->used, kept.p, kept.n);
    *text = slice_make(g->words + g->used, kept.n);
    g->used += kept.n;
}

static void keep_event(struct digest *g, const struct alerting_event *e)
{
    g->event = *e;
    g->news.event = &g->event;
    keep(g, &g->event.token);
    keep(g, &g->event.key_alias);
    keep(g, &g->event.user);
    keep(g, &g->event.user_email);
    keep(g, &g->event.team);
    keep(g, &g->event.team_alias);
    keep(g, &g->event.customer);
    keep(g, &g->event.organization);
}

/* What is not a slice is a constant of the program, which all workers have. */
static void begin(struct digest *g, const struct alerting_news *news,
                  const uint8_t key[SHA256_SIZE], int64_t due)
{
    memcpy(g->key, key, SHA256_SIZE);
    g->news = *news;
    g->news.key = SLICE("");
    g->used = 0;
    if (news->event)
        keep_event(g, news->event);
    keep(g, &g->news.subject);
    keep(g, &g->news.text);
    g->first_ms = clock_unix_ms();
    g->due = due;
}

bool alerting_digests_take(struct alerting_digests *d, const struct alerting_news *news)
{
    uint8_t key[SHA256_SIZE];
    if (!d || !d->every_ms[news->type])
        return false;
    sha256(news->key, key);
    if (!take(d->memory))
        return false;
    struct digest *g = find(d->memory, news->type, key);
    if (g && !g->count)
        begin(g, news, key, turn_now(&d->worker->turn) + d->every_ms[news->type]);
    if (g) {
        g->count++;
        g->last_ms = clock_unix_ms();
    }
    shm_release(&d->memory->lock);
    return g != NULL;
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
    if (!w->config->alerting.gathered || !w->options->digests)
        return NULL;
    struct alerting_digests *d = calloc(1, sizeof(*d));
    if (!d)
        abort();
    d->alerting = a;
    d->worker = w;
    d->memory = w->options->digests;
    d->memory->present[w->options->index] = getpid(); /* its own place */
    read_types(d, w->config->alerting.gathered);
    uv_timer_init(&w->loop, &d->timer);
    uv_unref((uv_handle_t *)&d->timer);
    d->timer.data = d;
    uv_timer_start(&d->timer, on_timer, LOOK_MS, LOOK_MS);
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
    if (take(d->memory)) {
        if (!leave(d->memory, d->worker->options->index))
            tell_due(d, INT64_MAX);
        shm_release(&d->memory->lock);
    }
    uv_close((uv_handle_t *)&d->timer, on_closed);
}
