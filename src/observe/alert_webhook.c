/* Alerts for programs: one POST of LiteLLM's WebhookEvent for each, to WEBHOOK_URL, with the
 * headers of WEBHOOK_HEADERS. */

#include "alert_sinks.h"
#include "sinks.h"

struct webhook {
    struct arena arena;
    const char *url;
    struct slice headers;
};

static void *webhook_open(struct sink_setup *s)
{
    struct slice url = sink_setting(s, "url", "WEBHOOK_URL");
    if (!url.n)
        return sink_refuse(s, NULL, "WEBHOOK_URL is not set");
    struct webhook *self = sink_new(sizeof(*self));
    self->url = sink_url(&self->arena, url, SLICE(""));
    self->headers = sink_kept(&self->arena, s, NULL, "WEBHOOK_HEADERS", SLICE(""));
    return self;
}

static bool webhook_write(void *user, struct parcel *const *parcels, size_t n,
                          struct sink_call *call)
{
    const struct webhook *self = user;
    (void)n; /* one: batch_max */
    buf_add(&call->body, alert_of(*parcels)->event);
    call->url = self->url;
    sink_call_header(call, "content-type", SLICE("application/json"));
    sink_call_headers(call, self->headers);
    return true;
}

const struct sink_kind alert_webhook = {
    .names = {"webhook"},
    .batch_max = 1,
    .open = webhook_open,
    .write = webhook_write,
    .free = sink_free,
};
