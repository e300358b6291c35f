/* Alerts on their way to their channels.
 *
 * Happy path: somebody tells; the thing was not told lately; a slot is taken and the shared state
 * asked (a limit of one in the quiet time, so that of all processes one gets it); its answer is
 * deposited; the step hands the alert to the channels that want its type.
 *
 * Failure modes: the shared state cannot say: the alert goes out, better twice than never. All
 * slots are taken: it is dropped, and the log says so. */

#include "alerting.h"

#include "base/log.h"
#include "exchange.h"
#include "io/clock.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <stdio.h>
#include <stdlib.h>

#define KEY_PREFIX "alert:"
#define KEY_SIZE   (sizeof(KEY_PREFIX) + HEX_SIZE(SHA256_SIZE))
#define URLS_MAX   16 /* of one type */

struct seen {
    uint64_t hash; /* 0: free */
    int64_t until; /* ms, turn time: it may be told again */
    unsigned more; /* that were not told since */
};

enum pending_state { PENDING_FREE, PENDING_ASKED, PENDING_ALLOWED, PENDING_REFUSED };

struct pending {
    struct alerting *of;
    enum pending_state state;
    struct alert *alert;
    char key[KEY_SIZE];
};

struct alerting {
    struct worker *worker;
    struct observe *sinks;
    unsigned types; /* that somebody wants */
    struct alerting_digests *digests;
    struct alerting_watch *watch;
    struct alerting_failures *failures;
    struct alerting_daily *daily;
    struct alerting_spend *spend;
    struct turn_item item;
    struct seen seen[ALERTING_SEEN_MAX];
    struct pending pending[ALERTING_PENDING_MAX];
};

/* ---- telling -------------------------------------------------------------------------------- */

static uint64_t hash_of(const char *hex)
{
    uint64_t h;
    memcpy(&h, hex, sizeof(h));
    return h;
}

/* The place of that thing; of things that are not known that of the one which may be told soonest.
 */
static struct seen *seen_of(struct alerting *a, uint64_t hash)
{
    struct seen *oldest = a->seen;
    for (size_t i = 0; i < ALERTING_SEEN_MAX; i++) {
        if (a->seen[i].hash == hash)
            return &a->seen[i];
        if (a->seen[i].until < oldest->until)
            oldest = &a->seen[i];
    }
    *oldest = (struct seen){.hash = hash};
    return oldest;
}

static struct pending *free_slot(struct alerting *a)
{
    for (size_t i = 0; i < ALERTING_PENDING_MAX; i++)
        if (a->pending[i].state == PENDING_FREE)
            return &a->pending[i];
    return NULL;
}

static void on_reserved(void *user, const struct shared_answer *answer)
{
    struct pending *p = user;
    p->state = answer->refused < 0 || answer->away ? PENDING_ALLOWED : PENDING_REFUSED;
    turn_mark(&p->of->worker->turn, &p->of->item);
}

static void ask_others(struct pending *p, int64_t quiet_ms)
{
    struct worker *w = p->of->worker;
    const struct shared_ask ask = {.key = slice_of(p->key),
                                   .kind = SHARED_WINDOW,
                                   .limit = 1,
                                   .window_ms = quiet_ms,
                                   .units = 1};
    p->state = PENDING_ASKED;
    w->shared->ops->reserve(w->shared, &ask, 1, turn_now(&w->turn), on_reserved, p);
}

static void step(struct turn_item *item)
{
    struct alerting *a = LIST_ENTRY(item, struct alerting, item);
    for (size_t i = 0; i < ALERTING_PENDING_MAX; i++) {
        struct pending *p = &a->pending[i];
        if (p->state != PENDING_ALLOWED && p->state != PENDING_REFUSED)
            continue;
        if (p->state == PENDING_ALLOWED)
            observe_alert(a->sinks, p->alert);
        parcel_unref(&p->alert->parcel);
        p->state = PENDING_FREE;
    }
}

/* ---- what it says --------------------------------------------------------------------------- */

static void write_text(struct json_writer *w, const char *name, struct slice value)
{
    json_key_slice(w, slice_of(name));
    if (value.n)
        json_string(w, value);
    else
        json_null(w);
}

static void write_money(struct json_writer *w, const char *name, double value)
{
    json_key_slice(w, slice_of(name));
    if (value >= 0)
        json_number(w, value);
    else
        json_null(w);
}

static struct slice event_of(const struct alerting_news *news, struct arena *a)
{
    static const struct alerting_event none = {.spend = 0, .most = -1, .soft = -1};
    const struct alerting_event *e = news->event ? news->event : &none;
    struct slice type = slice_of(alert_type_name(news->type));
    struct json_writer w;
    struct buf b;
    buf_init(&b, ALERTS_BYTES_MAX);
    json_begin(&w, &b);
    json_object(&w);
    write_money(&w, "spend", e->spend);
    write_money(&w, "max_budget", e->most);
    write_money(&w, "soft_budget", e->soft);
    write_text(&w, "token", e->token);
    write_text(&w, "customer_id", e->customer);
    write_text(&w, "user_id", e->user);
    write_text(&w, "user_email", e->user_email);
    write_text(&w, "team_id", e->team);
    write_text(&w, "team_alias", e->team_alias);
    write_text(&w, "organization_id", e->organization);
    write_text(&w, "key_alias", e->key_alias);
    write_text(&w, "projected_exceeded_date", SLICE(""));
    write_money(&w, "projected_spend", -1);
    write_text(&w, "event", e->event ? slice_of(e->event) : type);
    write_text(&w, "event_group", slice_of(e->group ? e->group : "proxy"));
    write_text(&w, "event_message", ARENA_JOIN(a, news->subject, SLICE("\n"), news->text));
    write_text(&w, "alert_type", type);
    write_text(&w, "level", slice_of(news->level));
    json_object_end(&w);
    struct slice event = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return event;
}

static struct alert *make(const struct alerting_news *news, unsigned more)
{
    struct arena arena;
    struct alerting_news own = *news;
    arena_init(&arena);
    if (more)
        own.text = arena_printf(&arena, "%.*s\nNot told since the last one: `%u`",
                                SLICE_ARG(news->text), more);
    struct alert *alert = alert_new(&(struct alert){
        .type = own.type,
        .level = own.level,
        .at_ms = clock_unix_ms(),
        .subject = own.subject,
        .text = own.text,
        .event = event_of(&own, &arena),
    });
    arena_fini(&arena);
    return alert;
}

bool alerting_wants(const struct alerting *a, enum alert_type type)
{
    return a->types >> type & 1;
}

static void name_key(const struct alerting_news *news, char key[KEY_SIZE])
{
    struct arena arena;
    arena_init(&arena);
    memcpy(key, KEY_PREFIX, sizeof(KEY_PREFIX) - 1);
    sha256_hex(ARENA_JOIN(&arena, slice_of(alert_type_name(news->type)), SLICE("\n"), news->key),
               key + sizeof(KEY_PREFIX) - 1);
    arena_fini(&arena);
}

void alerting_send(struct alerting *a, const struct alerting_news *news)
{
    struct alert *alert = make(news, 0);
    observe_alert(a->sinks, alert);
    parcel_unref(&alert->parcel);
}

void alerting_tell(struct alerting *a, const struct alerting_news *news)
{
    char key[KEY_SIZE];
    int64_t now = turn_now(&a->worker->turn);
    if (!alerting_wants(a, news->type) || alerting_digests_take(a->digests, news))
        return;
    name_key(news, key);
    struct seen *seen = seen_of(a, hash_of(key + sizeof(KEY_PREFIX) - 1));
    if (seen->until > now) {
        seen->more++;
        return;
    }
    struct pending *p = free_slot(a);
    if (!p) {
        log_warn("alert %s is not told, too many wait: %.*s", alert_type_name(news->type),
                 SLICE_ARG(news->subject));
        return;
    }
    p->of = a;
    p->alert = make(news, seen->more);
    memcpy(p->key, key, sizeof(key));
    seen->until = now + news->quiet_ms;
    seen->more = 0;
    ask_others(p, news->quiet_ms);
}

bool alerting_test(struct alerting *a, struct slice channel)
{
    const struct alerting_news news = {
        .level = "Low",
        .subject = SLICE("This is a test alert"),
        .text = SLICE("Somebody asked for it with /health/services: alerts reach you here."),
    };
    struct alert *alert = make(&news, 0);
    bool used = observe_alert_at(a->sinks, channel, alert);
    parcel_unref(&alert->parcel);
    return used;
}

/* ---- what is told of ------------------------------------------------------------------------ */

static struct slice or_none(struct slice s)
{
    return s.n ? s : SLICE("-");
}

static void tell_slow(struct alerting *a, const struct record *r)
{
    struct arena arena;
    double seconds = (double)(r->ended_ms - r->begun_ms) / 1000;
    double most = a->worker->config->alerting.threshold;
    if (r->failed || r->cache_hit || seconds <= most || !alerting_wants(a, ALERT_LLM_TOO_SLOW))
        return;
    arena_init(&arena);
    alerting_tell(a,
                  &(struct alerting_news){
                      .type = ALERT_LLM_TOO_SLOW,
                      .level = "Low",
                      .key = r->text.group,
                      .quiet_ms = ALERTING_QUIET_MS,
                      .subject = arena_printf(&arena,
                                              "%.*s answers slowly: %.2f s, more than the %g s of "
                                              "alerting_threshold",
                                              SLICE_ARG(or_none(r->text.group)), seconds, most),
                      .text = arena_printf(
                          &arena,
                          "Request Model: `%.*s`\nAPI Base: `%.*s`\nDeployment: `%.*s`\n"
                          "Key Name: `%.*s`\nTeam: `%.*s`\nTokens: `%lld/%lld`\nCall id: `%.*s`",
                          SLICE_ARG(r->text.model), SLICE_ARG(r->text.api_base),
                          SLICE_ARG(r->text.deployment), SLICE_ARG(or_none(r->text.key_alias)),
                          SLICE_ARG(or_none(r->text.team)), (long long)llm_usage_prompt(&r->usage),
                          (long long)r->usage.output, SLICE_ARG(r->text.call_id)),
                  });
    arena_fini(&arena);
}

void alerting_request(struct alerting *a, const struct record *draft)
{
    tell_slow(a, draft);
    alerting_failures_note(a->failures, draft);
    alerting_daily_note(a->daily, draft);
}

void alerting_rests(struct alerting *a, const struct deployment *d, struct slice model, int status)
{
    struct arena arena;
    if (!alerting_wants(a, ALERT_COOLDOWN_DEPLOYMENT))
        return;
    arena_init(&arena);
    alerting_tell(
        a, &(struct alerting_news){
               .type = ALERT_COOLDOWN_DEPLOYMENT,
               .level = "Medium",
               .key = slice_of(d->id),
               .quiet_ms = ALERTING_QUIET_MS,
               .subject =
                   arena_printf(&arena, "A deployment of %s rests after failures", d->model_name),
               .text = arena_printf(&arena,
                                    "Request Model: `%s`\nModel: `%.*s`\nDeployment: `%s`\n"
                                    "API Base: `%s`\nRegion: `%s`\nStatus: `%d`",
                                    d->model_name, SLICE_ARG(model), d->id, d->endpoint, d->region,
                                    status),
           });
    arena_fini(&arena);
}

/* ---- life ----------------------------------------------------------------------------------- */

static unsigned types_of(yyjson_val *list)
{
    unsigned types = list ? 0 : ALERT_USUAL;
    size_t i, n;
    yyjson_val *name;
    enum alert_type type;
    yyjson_arr_foreach(list, i, n, name)
    {
        if (alert_type_find(json_slice(name), &type))
            types |= 1u << type;
        else
            log_warn("alert_types: there are no alerts %.*s", SLICE_ARG(json_slice(name)));
    }
    return types;
}

/* `url` empty: the variable of the channel says it. */
static void add_channel(struct alerting *a, struct slice name, struct slice url, unsigned types)
{
    struct arena arena;
    struct buf b;
    struct json_writer w;
    struct sink_setup setup = {
        .name = name, .variable = config_variable, .variable_user = a->worker->config};
    if (!types)
        return;
    arena_init(&arena);
    buf_init(&b, ALERTS_BYTES_MAX);
    json_begin(&w, &b);
    json_object(&w);
    if (url.n)
        json_member_string(&w, "url", url);
    json_object_end(&w);
    setup.settings = json_parse(buf_slice(&b), &arena, NULL);
    if (observe_add_alerts(a->sinks, &setup, types))
        a->types |= types;
    else
        log_error("alerting %.*s is not used: %s", SLICE_ARG(name), setup.error);
    buf_fini(&b);
    arena_fini(&arena);
}

/* Types with URLs of their own go there, and nowhere else in Slack. Returns them. */
static unsigned add_urls(struct alerting *a, yyjson_val *urls, unsigned wanted)
{
    unsigned own = 0;
    size_t i, n, k, count;
    yyjson_val *name, *value, *url;
    enum alert_type type;
    yyjson_obj_foreach(urls, i, n, name, value)
    {
        if (!alert_type_find(json_slice(name), &type) || !(wanted >> type & 1))
            continue;
        own |= 1u << type;
        if (yyjson_is_str(value))
            add_channel(a, SLICE("slack"), json_slice(value), 1u << type);
        yyjson_arr_foreach(value, k, count, url)
            add_channel(a, SLICE("slack"), json_slice(url), 1u << type);
    }
    return own;
}

static void add_channels(struct alerting *a, const struct alerting_settings *s)
{
    unsigned types = types_of(s->types);
    size_t i, n;
    yyjson_val *channel;
    yyjson_arr_foreach(s->channels, i, n, channel)
    {
        struct slice name = json_slice(channel);
        bool slack = slice_eq(name, SLICE("slack"));
        add_channel(a, name, SLICE(""), slack ? types & ~add_urls(a, s->urls, types) : types);
    }
    if (s->webhook)
        add_channel(a, SLICE("slack"), slice_of(s->webhook), types);
}

bool alerting_wanted(const struct config *c)
{
    return c->alerting.channels || c->alerting.webhook;
}

struct alerting *alerting_new(struct worker *w)
{
    if (!alerting_wanted(w->config))
        return NULL;
    struct alerting *a = calloc(1, sizeof(*a));
    if (!a)
        abort();
    a->worker = w;
    a->sinks = observe_new(&w->turn, w->upstream);
    turn_item_init(&a->item, step);
    add_channels(a, &w->config->alerting);
    a->digests = alerting_digests_new(a, w);
    a->failures = alerting_failures_new(a, w);
    a->watch = alerting_watch_new(a, w);
    a->daily = alerting_daily_new(a, w);
    a->spend = alerting_spend_new(a, w);
    return a;
}

void alerting_flush(struct alerting *a, unsigned ms)
{
    alerting_daily_free(a->daily);
    alerting_spend_free(a->spend);
    alerting_digests_free(a->digests);
    a->daily = NULL;
    a->spend = NULL;
    a->digests = NULL;
    observe_flush(a->sinks, ms);
}

void alerting_each(const struct alerting *a,
                   void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                   void *ctx)
{
    observe_each(a->sinks, each, ctx);
}

void alerting_free(struct alerting *a)
{
    if (!a)
        return;
    struct shared *s = a->worker->shared;
    for (size_t i = 0; i < ALERTING_PENDING_MAX; i++) {
        if (a->pending[i].state == PENDING_FREE)
            continue;
        s->ops->forget(s, &a->pending[i]);
        parcel_unref(&a->pending[i].alert->parcel);
    }
    turn_unmark(&a->item);
    alerting_watch_free(a->watch);
    observe_free(a->sinks);
    alerting_failures_free(a->failures);
    free(a);
}
