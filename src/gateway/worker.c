/* One process of the gateway: makes the loop and what hangs on it, runs it, takes it down.
 *
 * The happy path: listen, serve, hear SIGTERM, stop accepting, wait until the last exchange has
 * ended, close everything, return 0.
 *
 * Failure modes: the port cannot be bound (one line, status 1); exchanges that do not end within
 * the drain limit, or a second signal: their connections are cut and they settle as if the clients
 * had left. */

#include "worker_private.h"

#include "auth.h"
#include "base/log.h"
#include "changes.h"
#include "descriptors.h"
#include "drain.h"
#include "exchange.h"
#include "exchange_claim.h"
#include "exchange_queue.h"
#include "exchange_responses.h"
#include "handlers.h"
#include "handover.h"
#include "notify.h"
#include "reread.h"
#include "rollcall.h"
#include "secrets_fetch.h"
#include "shared_state.h"
#include "stored.h"
#include "watch.h"

#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#define CLOCK_MS       250               /* resolution of exchange deadlines */
#define HEAP_KEPT_MAX  (4 * 1024 * 1024) /* bytes */
#define STORE_CLOSE_MS 5000              /* for the database to take what waits */
#define SPEND_SETTLE_MS                                                                            \
    1000 /* beside spend_write_seconds: until others' spend is in the database */
#define MEBIBYTE     (1024 * 1024)
#define STOP_IDLE_MS 2000 /* a client that uses a connection again does so sooner, mostly */

struct slice worker_date(struct worker *w)
{
    time_t now = time(NULL);
    struct tm tm;
    if (now != w->date_of && gmtime_r(&now, &tm)) {
        strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        w->date_of = now;
    }
    return slice_of(w->date);
}

/* ---- deadlines ----------------------------------------------------------------------------- */

static void on_clock(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    int64_t now = turn_now(&w->turn);
    for (struct list *l = w->exchanges.next; l != &w->exchanges; l = l->next)
        exchange_expire(LIST_ENTRY(l, struct exchange, link), now);
    if (w->draining)
        turn_mark(&w->turn, &w->drained);
}

void worker_exchange_began(struct worker *w, struct list *link)
{
    list_add(&w->exchanges, link);
    if (w->live++ == 0)
        uv_timer_start(&w->clock, on_clock, CLOCK_MS, CLOCK_MS);
    drain_note(w->options->drain, w->options->index, w->live);
}

void worker_exchange_ended(struct worker *w, struct list *link)
{
    list_del(link);
    w->served++;
    if (--w->live == 0 && !w->draining)
        uv_timer_stop(&w->clock);
    drain_note(w->options->drain, w->options->index, w->live);
}

/* ---- the end ------------------------------------------------------------------------------- */

static void close_handle(uv_handle_t *handle)
{
    if (!uv_is_closing(handle))
        uv_close(handle, NULL);
}

static void cut(struct worker *w)
{
    if (w->listener)
        listener_close(w->listener);
    w->listener = NULL;
}

/* Nothing lives any more, and all replies are with their clients. Kept upstream connections would
 * hold the loop: it is stopped. */
static void on_drained(struct turn_item *item)
{
    struct worker *w = LIST_ENTRY(item, struct worker, drained);
    if (w->live || (w->listener && listener_connections(w->listener)))
        return;
    cut(w);
    close_handle((uv_handle_t *)&w->clock);
    close_handle((uv_handle_t *)&w->drain_limit);
    close_handle((uv_handle_t *)&w->queue_clock);
    for (int i = 0; i < WORKER_SIGNALS; i++)
        close_handle((uv_handle_t *)&w->signals[i]);
    signal(SIGHUP, SIG_IGN); /* what is still to be written is not cut by a rotation */
    signal(SIGUSR1, SIG_IGN);
    uv_stop(&w->loop);
}

static void on_drain_limit(uv_timer_t *timer)
{
    struct worker *w = timer->data;
    log_warn("%u requests did not end in time and are cut", w->live);
    cut(w);
}

static void drain(struct worker *w)
{
    w->draining = true;
    notify_say("STOPPING=1");
    handover_close(w->handover);
    w->handover = NULL;
    if (w->listener)
        listener_stop(w->listener);
    sockets_close(w->options->sockets, w->options->index);
    uv_timer_start(&w->drain_limit, on_drain_limit, WORKER_DRAIN_MS, 0);
    uv_timer_start(&w->clock, on_clock, CLOCK_MS, CLOCK_MS);
    turn_mark(&w->turn, &w->drained);
}

static void on_signal(uv_signal_t *handle, int signum)
{
    struct worker *w = handle->data;
    if (w->draining) {
        log_warn("second signal: %u requests are cut", w->live);
        cut(w);
        return;
    }
    log_info("signal %d: shutting down, %u requests to finish", signum, w->live);
    drain(w);
}

/* Another gateway accepts from our sockets. */
static void on_taken(void *user)
{
    struct worker *w = user;
    w->handover = NULL;
    log_info("another gateway takes this one's place, %u requests to finish", w->live);
    if (w->options->supervised)
        kill(getppid(), SIGTERM); /* which comes back to all workers */
    else if (!w->draining)
        drain(w);
}

/* ---- another configuration ------------------------------------------------------------------ */

static void log_problems(const struct config *c)
{
    for (const struct config_problem *p = c->problems; p; p = p->next)
        log_write(p->severity == CONFIG_ERROR ? LOG_ERROR : LOG_WARN, "%s:%d: %s", p->file, p->line,
                  p->text);
}

/* Takes `c` over; NULL: it may not take the place of `old`. */
static struct config *check_new(struct config *c, const struct config *old)
{
    bool opens = auth_key_is_weak(c->settings.master_key) &&
                 !auth_key_is_weak(old->settings.master_key) && !c->settings.permit_weak_master_key;
    log_problems(c);
    if (!c->errors && !opens)
        return c;
    log_error("the configuration is not changed: %s",
              c->errors ? "the file has errors" : "its master key is unset or publicly known");
    config_unref(c);
    return NULL;
}

struct config *worker_reread(const char *path, const struct config *old)
{
    return check_new(secrets_load_config(path), old);
}

/* A certificate that cannot be used leaves the old one in place. */
static bool use_tls(struct worker *w)
{
    char error[TLS_ERROR_SIZE];
    if (!w->options->tls.cert_file || !w->listener)
        return true;
    struct tls_server *tls = tls_server_new(&w->options->tls, error);
    if (!tls) {
        log_error("the TLS certificate is not used: %s", error);
        return false;
    }
    listener_use_tls(w->listener, tls);
    tls_server_unref(tls);
    return true;
}

static void watch_files(struct worker *w)
{
    const struct tls_options *tls = &w->options->tls;
    const char *files[WATCH_MAX];
    size_t n = 0;
    for (; n < w->config->file_count && w->config->settings.reload_on_change; n++)
        files[n] = w->config->files[n];
    if (n && tls->cert_file) {
        files[n++] = tls->cert_file;
        files[n++] = tls->key_file;
    }
    watch_set(w->watch, files, n);
}

void worker_adopt(struct worker *w, struct config *config, const char *why)
{
    struct config *c = check_new(config, w->config);
    if (!c)
        return;
    config_unref(w->config);
    w->config = c;
    rows_set_salt_key(w->rows, stored_salt_key(c));
    credentials_adopt(w->credentials, c);
    health_configure(w->health);
    observing_adopt(w->observing);
    for (int i = 0; i < RETENTION_KINDS; i++)
        retention_configure(w->retention[i]);
    watch_files(w);
    log_info("%s: the configuration is read again, %zu deployments", why, c->deployment_count);
}

static void reload(struct worker *w, const char *why)
{
    use_tls(w);
    if (w->options->config)
        reread_begin(w->reread, why);
}

static void on_hangup(uv_signal_t *handle, int signum)
{
    (void)signum;
    reload(handle->data, "SIGHUP");
}

static void on_rotated(uv_signal_t *handle, int signum)
{
    (void)handle, (void)signum;
    log_reopen();
}

static void on_files_changed(void *user)
{
    reload(user, "its files have changed");
}

/* ---- the beginning ------------------------------------------------------------------------- */

/* False: the log says why. */
static bool open_store(struct worker *w)
{
    const struct settings *s = &w->config->settings;
    struct store_options o = {
        .url = s->database_url,
        .directory = s->data_directory,
        .keep_schema = s->keep_schema,
        .connect_timeout = s->database_connect_timeout,
        .socket_timeout = s->database_socket_timeout,
        .write_interval = s->spend_write_seconds,
        .spool_bytes = s->spool_max_mb * MEBIBYTE,
    };
    const char *error = NULL;
    if (!s->database_url)
        return true;
    w->store = store_open(&w->turn, &o, &error);
    if (!w->store) {
        log_error("%s", error);
        return false;
    }
    exchange_responses_listen(w, true);
    if (w->options->config)
        w->stored = stored_new(w);
    if (w->stored)
        stored_await(w->stored);
    return !w->draining;
}

static void know_callers(struct worker *w)
{
    const struct settings *s = &w->config->settings;
    struct rows_options o = {
        .ttl_ms = config_milliseconds(s->caller_ttl),
        .most = (size_t)s->caller_max,
        .settle_ms = config_milliseconds(s->spend_write_seconds) + SPEND_SETTLE_MS,
        .keep_periods = s->disable_reset_budget,
    };
    w->rows = rows_new(&w->turn, w->store, w->gossip, &o);
    rows_set_salt_key(w->rows, stored_salt_key(w->config));
}

static bool open_listener(struct worker *w, const struct worker_options *o)
{
    const struct settings *s = &w->config->settings;
    struct conn_limits limits = {
        .connections_max = descriptors_connections((unsigned)s->max_connections),
        .head_ms = config_milliseconds(s->header_timeout),
        .body_idle_ms = config_milliseconds(s->body_timeout),
        .idle_ms = config_milliseconds(s->idle_timeout),
        .stall_ms = config_milliseconds(s->client_stall_timeout),
        .stop_idle_ms = STOP_IDLE_MS,
    };
    const char *error = NULL;
    w->listener = listener_adopt(&w->turn, o->sockets->fds[o->index], &exchange_conn_events, w,
                                 &limits, &error);
    if (!w->listener)
        log_error("cannot listen on %s: %s", o->host, error);
    return w->listener && use_tls(w);
}

static void on_turn_over(uv_prepare_t *handle)
{
    observing_turn_over(handle->data);
}

/* Started before the turn's own handle, and so run after it (libuv runs the latest first): when the
 * loop is about to sleep. */
static void watch_turns(struct worker *w)
{
    uv_prepare_init(&w->loop, &w->turn_over);
    w->turn_over.data = w;
    uv_prepare_start(&w->turn_over, on_turn_over);
    uv_unref((uv_handle_t *)&w->turn_over);
}

static void start_signals(struct worker *w)
{
    static const struct {
        int number;
        uv_signal_cb heard;
    } rows[WORKER_SIGNALS] = {
        {SIGTERM, on_signal}, {SIGINT, on_signal}, {SIGHUP, on_hangup}, {SIGUSR1, on_rotated}};
    for (int i = 0; i < WORKER_SIGNALS; i++) {
        uv_signal_init(&w->loop, &w->signals[i]);
        w->signals[i].data = w;
        uv_signal_start(&w->signals[i], rows[i].heard, rows[i].number);
        uv_unref((uv_handle_t *)&w->signals[i]);
    }
}

/* Bodies of a few hundred kilobytes come and go with every request: kept in the heap they cost no
 * page faults. */
static void keep_bodies_in_the_heap(void)
{
    mallopt(M_MMAP_THRESHOLD, HEAP_KEPT_MAX);
    mallopt(M_TRIM_THRESHOLD, HEAP_KEPT_MAX);
}

static struct cache *new_cache(struct worker *w)
{
    const struct caching *c = &w->config->settings.caching;
    if (c->shared && w->config->redis.source)
        return cache_new_shared(&w->turn, w->shared);
    return cache_new_local(&w->turn, (size_t)c->size_mb * MEBIBYTE);
}

static void start(struct worker *w)
{
    const struct settings *s = &w->config->settings;
    struct upstream_tls tls = {.verify = s->ssl_verify, .ca_file = s->ssl_certificate};
    keep_bodies_in_the_heap();
    drain_note(w->options->drain, w->options->index, 0); /* of one that died */
    list_init(&w->exchanges);
    list_init(&w->queue);
    admission_init(&w->admission);
    turn_item_init(&w->drained, on_drained);
    uv_loop_init(&w->loop);
    watch_turns(w);
    turn_init(&w->turn, &w->loop);
    w->tracker = tracker_new();
    w->affinity = affinity_new();
    w->refused = affinity_new();
    w->upstream = upstream_init(&w->turn, &tls);
    w->credentials = credentials_new(&w->turn, w->upstream);
    credentials_adopt(w->credentials, w->config);
    w->shared = shared_state_new(&w->turn, w->config, w->options->machine, w->options->index);
    w->has_others = w->config->redis.source || w->options->machine;
    w->gossip = gossip_new(&w->turn, w->shared, w->tracker, w->has_others);
    if (s->thinking_memory_mb)
        w->memory = memory_new(&w->turn, w->shared);
    if (s->caching.on)
        w->cache = new_cache(w);
    exchange_claim_listen(w);
    w->roll = handlers_listen(w);
    w->observing = observing_new(w);
    w->health = health_new(w);
    health_configure(w->health);
    for (int i = 0; i < RETENTION_KINDS; i++)
        w->retention[i] = retention_new(w, (enum retention_kind)i);
    w->periods = periods_new(w);
    w->rotation = rotation_new(w);
    w->reread = reread_new(w);
    w->watch = watch_new(&w->loop, on_files_changed, w);
    watch_files(w);
    uv_timer_init(&w->loop, &w->clock);
    uv_timer_init(&w->loop, &w->drain_limit);
    exchange_queue_start(w);
    w->clock.data = w;
    w->drain_limit.data = w;
    start_signals(w);
}

static void finish(struct worker *w)
{
    observing_flush(w->observing);
    stored_free(w->stored);
    for (int i = 0; i < RETENTION_KINDS; i++)
        retention_free(w->retention[i]);
    periods_free(w->periods);
    rotation_free(w->rotation);
    exchange_responses_listen(w, false);
    rows_free(w->rows);
    store_close(w->store, STORE_CLOSE_MS);
    observing_free(w->observing);
    w->observing = NULL;
    health_free(w->health);
    reread_free(w->reread);
    watch_free(w->watch);
    memory_free(w->memory);
    gossip_free(w->gossip);
    roll_leave(w->roll);
    cache_free(w->cache);
    w->shared->ops->free(w->shared);
    credentials_free(w->credentials);
    upstream_fini(w->upstream);
    tracker_free(w->tracker);
    affinity_free(w->affinity);
    affinity_free(w->refused);
    turn_fini(&w->turn);
    close_handle((uv_handle_t *)&w->turn_over);
    while (uv_run(&w->loop, UV_RUN_DEFAULT))
        ; /* a stop that was asked for before ends only the first round */
    if (uv_loop_close(&w->loop))
        log_error("bug: handles were left open");
    config_unref(w->config);
    log_background(false);
}

/* Of the gateway before, if there is one; and make room for the next one. */
static void take_place(struct worker *w)
{
    struct sockets *s = w->options->sockets;
    if (w->options->index) {
        sockets_forget_old(s);
        return;
    }
    sockets_ready(s);
    if (s->path)
        w->handover = handover_open(&w->loop, s, on_taken, w);
}

static void announce(const struct worker *w, const struct worker_options *o)
{
    bool ipv6 = slice_find_char(slice_of(o->host), ':') >= 0;
    log_info("lintel " LINTEL_VERSION " listening on http%s://%s%s%s:%d",
             o->tls.cert_file ? "s" : "", ipv6 ? "[" : "", o->host, ipv6 ? "]" : "",
             listener_port(w->listener));
    if (w->config->simulated)
        log_warn(
            "SIMULATED BEDROCK: no AWS credentials were found, answers come from the simulator");
    if (auth_key_is_weak(w->config->settings.master_key))
        log_warn(
            "the master key is unset or publicly known: anyone who reaches this port can use it");
}

int worker_run(struct config *config, const struct worker_options *options)
{
    struct worker w = {.config = config, .options = options};
    log_background(!options->log_at_once);
    start(&w);
    bool listening = open_store(&w) && open_listener(&w, options);
    know_callers(&w);
    if (listening) {
        changes_begin(&w);
        announce(&w, options);
        take_place(&w);
        notify_say("READY=1");
        uv_run(&w.loop, UV_RUN_DEFAULT);
        log_info("stopped after %llu requests", (unsigned long long)w.served);
    } else {
        on_drained(&w.drained);
    }
    finish(&w);
    return listening || w.draining ? 0 : 1;
}
