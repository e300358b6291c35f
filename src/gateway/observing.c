#include "observing.h"

#include "base/log.h"
#include "callback_hosts.h"
#include "exchange.h"
#include "wire/crypto.h"
#include "worker_private.h"

#include <stdlib.h>

#define OWN_DIGITS  12    /* of a hash */
#define COMPLAIN_MS 60000 /* between two warnings about keys */
#define MEBIBYTE    (1024 * 1024)

struct observing {
    struct observe *sinks;
    struct metering *metering; /* NULL: not wanted */
    struct alerting *alerting; /* NULL: nobody is told */
    int64_t complained;        /* ms, turn time; 0: never */
    uint64_t audit;            /* sinks that are told of changes */
};

static yyjson_val *settings_of(const struct callbacks *c, struct slice name)
{
    yyjson_val *own = c->settings ? yyjson_obj_getn(c->settings, name.p, name.n) : NULL;
    bool s3 = slice_eq(name, SLICE("s3")) || slice_eq(name, SLICE("s3_v2"));
    return s3 && !own ? c->s3 : own;
}

/* Renewed in the background, like those of deployments. */
static bool s3_credentials(void *user, struct aws_credentials *found)
{
    struct worker *w = user;
    const struct aws_identity *id = w->config->callbacks.s3_identity;
    struct credentials_wait wait = {.item = NULL};
    struct turn_item nobody;
    turn_item_init(&nobody, NULL);
    if (!id)
        return false; /* a reload took it away */
    struct credentials_answer answer = credentials_get(w->credentials, id, &wait, &nobody);
    credentials_leave(&wait);
    *found = answer.credentials;
    return answer.state == CREDENTIALS_READY;
}

/* What LiteLLM has as callbacks: here banned_keywords_list and blocked_user_list are enough. */
static bool is_done_elsewhere(struct slice name)
{
    return slice_eq(name, SLICE("banned_keywords")) || slice_eq(name, SLICE("blocked_user_check"));
}

/* Of a callback that the configuration names. */
static struct sink_setup setup_of(struct worker *w, struct slice name)
{
    const struct callbacks *c = &w->config->callbacks;
    return (struct sink_setup){.name = name,
                               .settings = settings_of(c, name),
                               .headers = c->headers,
                               .options = c->options,
                               .variable = config_variable,
                               .variable_user = w->config,
                               .credentials = c->s3_identity ? s3_credentials : NULL,
                               .credentials_user = w};
}

static void add(struct worker *w, struct observing *o, struct slice name, unsigned outcomes)
{
    if (slice_eq(name, SLICE("prometheus")) || is_done_elsewhere(name))
        return;
    struct sink_setup setup = setup_of(w, name);
    if (!observe_add(o->sinks, &setup, outcomes))
        log_error("callback %.*s is not used: %s", SLICE_ARG(name), setup.error);
}

static void add_all(struct worker *w, struct observing *o, yyjson_val *names, unsigned outcomes)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(names, i, n, name) if (yyjson_is_str(name))
        add(w, o, json_slice(name), outcomes);
}

static void keep(struct observe *sinks, const struct settings *s)
{
    struct arena a;
    const char *error;
    arena_init(&a);
    const char *directory = ARENA_JOIN(&a, slice_of(s->data_directory), SLICE("/callbacks")).p;
    if (!observe_keep(sinks, directory, (uint64_t)s->callback_spool_mb * MEBIBYTE,
                      (int64_t)(s->callback_spool_age * 1000), &error))
        log_error("what callbacks are not told is not kept: %s: %s", directory, error);
    arena_fini(&a);
}

static struct observing *begin(struct worker *w)
{
    struct observing *o = calloc(1, sizeof(*o));
    if (!o)
        abort();
    o->sinks = observe_new(&w->turn, w->upstream);
    if (w->config->settings.callback_spool_mb)
        keep(o->sinks, &w->config->settings);
    return o;
}

/* Sinks of their own, that no request is told to. */
static void add_audit(struct worker *w, struct observing *o, struct slice name)
{
    struct arena a;
    struct sink_setup setup = setup_of(w, name);
    const struct sink_kind *kind = sink_find(&setup);
    arena_init(&a);
    struct slice id = ARENA_JOIN(&a, SLICE("audit/"), name);
    uint64_t sink = kind && kind->payloads ? observe_own(o->sinks, &setup, OBSERVE_BOTH, id) : 0;
    observe_hold(o->sinks, sink);
    o->audit |= sink;
    if (!sink)
        log_error("audit_log_callbacks: %.*s is not used: %s", SLICE_ARG(name),
                  *setup.error ? setup.error : "it is none of webhook, generic_api, s3, datadog");
    arena_fini(&a);
}

static void add_audits(struct worker *w, struct observing *o, yyjson_val *names)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(names, i, n, name) if (yyjson_is_str(name))
        add_audit(w, o, json_slice(name));
}

struct observing *observing_new(struct worker *w)
{
    const struct callbacks *c = &w->config->callbacks;
    if (!c->both && !c->success && !c->failure && !c->audit && !metering_wanted(w->config) &&
        !alerting_wanted(w->config))
        return NULL;
    struct observing *o = begin(w);
    add_all(w, o, c->both, OBSERVE_BOTH);
    add_all(w, o, c->success, OBSERVE_SUCCESS);
    add_all(w, o, c->failure, OBSERVE_FAILURE);
    add_audits(w, o, c->audit);
    if (metering_wanted(w->config))
        o->metering = metering_new(w);
    o->alerting = alerting_new(w);
    return o;
}

void observing_adopt(struct observing *o)
{
    if (o && o->metering)
        metering_adopt(o->metering);
}

void observing_flush(struct observing *o)
{
    if (o)
        observe_flush(o->sinks, OBSERVING_FLUSH_MS);
    if (o && o->alerting)
        alerting_flush(o->alerting, OBSERVING_FLUSH_MS);
    if (o && o->metering)
        metering_flush(o->metering);
}

void observing_free(struct observing *o)
{
    if (!o)
        return;
    alerting_free(o->alerting);
    observe_free(o->sinks);
    metering_free(o->metering);
    free(o);
}

bool observing_records(const struct worker *w)
{
    return w->observing && observe_wants(w->observing->sinks);
}

bool observing_wants_metadata(const struct worker *w)
{
    const struct observing *o = w->observing;
    return observing_records(w) || (o && o->metering && metering_wants_texts(o->metering));
}

bool observing_wants(const struct worker *w)
{
    const struct observing *o = w->observing;
    return observing_records(w) || (o && (o->metering || o->alerting));
}

uint64_t observing_usual(const struct worker *w)
{
    return w->observing ? observe_usual(w->observing->sinks) : 0;
}

uint64_t observing_named(const struct worker *w, struct slice kind)
{
    return w->observing ? observe_named(w->observing->sinks, kind) : 0;
}

bool observing_wants_bodies(const struct worker *w, uint64_t sinks)
{
    return w->observing && observe_wants_bodies(w->observing->sinks, sinks);
}

/* Keys with the same variables share a sink, which its name tells apart from others, and from the
 * configuration's. */
static struct slice own_name(struct slice name, yyjson_val *variables, struct arena *a)
{
    char hash[HEX_SIZE(SHA256_SIZE)];
    if (!variables)
        return ARENA_JOIN(a, name, SLICE("/own"));
    sha256_hex(json_text_of(variables, a), hash);
    return arena_printf(a, "%.*s/%.*s", SLICE_ARG(name), OWN_DIGITS, hash);
}

/* Each request of that key would. */
static void complain(struct worker *w, struct slice id, const char *why)
{
    int64_t now = turn_now(&w->turn), *last = &w->observing->complained;
    if (*last && now - *last < COMPLAIN_MS)
        return;
    *last = now;
    log_warn("callback %.*s of a key is not used: %s", SLICE_ARG(id), why);
}

uint64_t observing_own(struct worker *w, struct slice name, yyjson_val *variables,
                       unsigned outcomes, bool configured)
{
    struct arena a;
    struct sink_setup setup = {.name = name,
                               .options = w->config->callbacks.options,
                               .variable = config_variable,
                               .variable_user = w->config,
                               .own_first = configured};
    if (!configured) {
        setup.trusts = callback_host_is_trusted;
        setup.user = w;
    }
    if (slice_eq(name, SLICE("prometheus")))
        return 0;
    if (!w->observing)
        w->observing = begin(w);
    arena_init(&a);
    setup.own = setup.settings = yyjson_obj_size(variables) ? variables : NULL;
    if (configured && !setup.own)
        setup.settings = settings_of(&w->config->callbacks, name);
    struct slice id = ARENA_JOIN(&a, own_name(name, setup.own, &a),
                                 outcomes == OBSERVE_BOTH      ? SLICE("")
                                 : outcomes == OBSERVE_SUCCESS ? SLICE(":success")
                                                               : SLICE(":failure"),
                                 configured ? SLICE("*") : SLICE(""));
    uint64_t sink = observe_own(w->observing->sinks, &setup, outcomes, id);
    if (!sink)
        complain(w, id, setup.error);
    arena_fini(&a);
    return sink;
}

void observing_hold(struct worker *w, uint64_t sinks)
{
    if (sinks)
        observe_hold(w->observing->sinks, sinks);
}

void observing_release(struct worker *w, uint64_t sinks)
{
    if (sinks && w->observing)
        observe_release(w->observing->sinks, sinks);
}

bool observing_test(struct worker *w, struct slice name, const struct record *draft,
                    char error[SINK_ERROR_SIZE])
{
    struct sink_setup setup = setup_of(w, name);
    if (!w->observing)
        w->observing = begin(w);
    uint64_t sinks = observe_named(w->observing->sinks, name);
    if (!sinks)
        sinks = observe_own(w->observing->sinks, &setup, OBSERVE_BOTH, name);
    memcpy(error, setup.error, SINK_ERROR_SIZE);
    if (sinks)
        observe_publish(w->observing->sinks, draft, sinks);
    return sinks;
}

void observing_audit(struct worker *w, struct slice id, struct slice json, int64_t at_ms)
{
    const struct record draft = {.text = {.answer_id = id, .event = json},
                                 .begun_ms = at_ms,
                                 .ended_ms = at_ms,
                                 .status = 200};
    if (w->observing && w->observing->audit)
        observe_publish(w->observing->sinks, &draft, w->observing->audit);
}

static void forget_key(struct record *r)
{
    struct record_texts *t = &r->text;
    for (int i = 0; i < RECORD_PAYERS; i++)
        r->limits.budgets[i].most = -1;
    t->key = t->key_alias = t->user = t->user_email = SLICE("");
    t->team = t->team_alias = t->organization = t->organization_alias = SLICE("");
}

void observing_tell(struct worker *w, struct record *draft, uint64_t sinks)
{
    if (w->observing->metering)
        metering_count(w->observing->metering, draft);
    if (w->observing->alerting)
        alerting_request(w->observing->alerting, draft);
    if (w->config->settings.redact_key)
        forget_key(draft);
    observe_publish(w->observing->sinks, draft, sinks);
}

void observing_rests(struct worker *w, const struct deployment *d, struct slice model, int status,
                     int64_t ms)
{
    if (w->observing && w->observing->metering)
        metering_rests(w->observing->metering, d, model, status, ms);
    if (w->observing && w->observing->alerting)
        alerting_rests(w->observing->alerting, d, model, status);
}

void observing_guard(struct worker *w, const struct request_meter_guard *g)
{
    if (w->observing && w->observing->metering)
        metering_guard(w->observing->metering, g);
}

void observing_budget(struct worker *w, const struct exchange *ex, const struct budget *b,
                      double spent)
{
    if (w->observing)
        alerting_budget(w->observing->alerting, ex, b, spent);
}

void observing_alert(struct worker *w, const struct alerting_news *news)
{
    struct alerting *a = w->observing ? w->observing->alerting : NULL;
    if (a && alerting_wants(a, news->type))
        alerting_tell(a, news);
}

void observing_change(struct exchange *ex)
{
    const struct observing *o = ex->worker->observing;
    if (o && o->alerting)
        alerting_change(o->alerting, ex);
}

bool observing_test_alert(struct worker *w, struct slice channel)
{
    return w->observing && w->observing->alerting && alerting_test(w->observing->alerting, channel);
}

void observing_turn_over(struct worker *w)
{
    if (w->observing && w->observing->metering)
        metering_turn_over(w->observing->metering);
}

bool observing_metrics(struct worker *w, bool open, struct buf *out)
{
    if (!w->observing || !w->observing->metering)
        return false;
    metering_write(w->observing->metering, open, out);
    return true;
}

void observing_each(const struct worker *w,
                    void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                    void *ctx)
{
    if (w->observing)
        observe_each(w->observing->sinks, each, ctx);
    if (w->observing && w->observing->alerting)
        alerting_each(w->observing->alerting, each, ctx);
}

static void write_sink(void *ctx, const char *name, const struct outbox_stats *s)
{
    struct json_writer *j = ctx;
    json_object(j);
    json_member_string(j, "name", slice_of(name));
    json_member_bool(j, "away", s->away);
    json_member_integer(j, "put", (int64_t)s->put);
    json_member_integer(j, "taken", (int64_t)s->taken);
    json_member_integer(j, "dropped", (int64_t)s->dropped);
    json_member_integer(j, "calls", (int64_t)s->calls);
    json_member_integer(j, "failed_calls", (int64_t)s->failed_calls);
    json_member_integer(j, "waiting", (int64_t)s->waiting);
    json_member_integer(j, "bytes", (int64_t)s->bytes);
    json_member_integer(j, "kept", (int64_t)s->kept);
    json_member_integer(j, "kept_bytes", (int64_t)s->kept_bytes);
    json_object_end(j);
}

void observing_write(const struct worker *w, struct json_writer *j)
{
    json_array(j);
    observing_each(w, write_sink, j);
    json_array_end(j);
}
