/* Alerts in a Slack channel, or whatever takes the same (Discord's …/slack, Mattermost): one POST
 * of
 * {"text": …} to an incoming webhook for all alerts that wait, in LiteLLM's field names. */

#include "alert_sinks.h"
#include "sinks.h"

struct slack {
    struct arena arena;
    const char *url;
    struct slice proxy_url;
};

static void *slack_open(struct sink_setup *s)
{
    struct slice url = sink_setting(s, "url", "SLACK_WEBHOOK_URL");
    if (!url.n)
        url = sink_setting(s, "url", "ALERTING_WEBHOOK_URL");
    if (!url.n)
        return sink_refuse(s, NULL, "SLACK_WEBHOOK_URL is not set");
    struct slack *self = sink_new(sizeof(*self));
    self->url = sink_url(&self->arena, url, SLICE(""));
    self->proxy_url = sink_kept(&self->arena, s, NULL, "PROXY_BASE_URL", SLICE(""));
    return self;
}

/* Slack wants these three, and no others, escaped. */
static void write_escaped(struct json_writer *w, struct slice s)
{
    for (size_t i = 0, from = 0; i <= s.n; i++) {
        const char *escape = i == s.n        ? ""
                             : s.p[i] == '&' ? "&amp;"
                             : s.p[i] == '<' ? "&lt;"
                             : s.p[i] == '>' ? "&gt;"
                                             : NULL;
        if (!escape)
            continue;
        json_string_part(w, slice_make(s.p + from, i - from));
        json_string_part(w, slice_of(escape));
        from = i + 1;
    }
}

static void write_alert(const struct slack *self, const struct alert *a, bool first,
                        struct json_writer *w)
{
    char time[ALERT_TIME_SIZE];
    alert_time(a->at_ms, time);
    json_string_part(w, first ? SLICE("Level: `") : SLICE("\n\nLevel: `"));
    json_string_part(w, slice_of(a->level));
    json_string_part(w, SLICE("`\nTimestamp: `"));
    json_string_part(w, slice_of(time));
    json_string_part(w, SLICE("`\nAlert type: `"));
    json_string_part(w, slice_of(alert_type_name(a->type)));
    json_string_part(w, SLICE("`\n\nMessage: *"));
    write_escaped(w, a->subject);
    json_string_part(w, SLICE("*\n"));
    write_escaped(w, a->text);
    if (self->proxy_url.n) {
        json_string_part(w, SLICE("\nProxy URL: `"));
        json_string_part(w, self->proxy_url);
        json_string_part(w, SLICE("`"));
    }
}

static bool slack_write(void *user, struct parcel *const *parcels, size_t n, struct sink_call *call)
{
    const struct slack *self = user;
    struct json_writer w;
    json_begin(&w, &call->body);
    json_object(&w);
    json_key(&w, "text");
    json_string_begin(&w);
    for (size_t i = 0; i < n; i++)
        write_alert(self, alert_of(parcels[i]), i == 0, &w);
    json_string_end(&w);
    json_object_end(&w);
    call->url = self->url;
    sink_call_header(call, "content-type", SLICE("application/json"));
    return true;
}

const struct sink_kind alert_slack = {
    .names = {"slack"},
    .batch_max = ALERTS_BATCH_MAX,
    .open = slack_open,
    .write = slack_write,
    .free = sink_free,
};
