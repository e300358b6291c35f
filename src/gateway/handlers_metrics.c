#include "detail.h"
#include "handlers.h"
#include "observing.h"
#include "worker_private.h"

#define REFUSAL                                                                                    \
    "\"Unauthorized access to metrics endpoint: Authentication Error, Malformed API Key passed "   \
    "in. Ensure Key has `Bearer ` prefix. To allow unauthenticated access, set "                   \
    "`litellm_settings.require_auth_for_metrics_endpoint: false` in your proxy_config.yaml.\""

static bool wants_open_metrics(const struct exchange *ex)
{
    struct slice accept = http_header_get(ex->head->headers, "accept");
    return slice_find(accept, SLICE("application/openmetrics-text")) >= 0;
}

/* In LiteLLM's words. A key that is shown was looked at already. */
void handle_metrics(struct exchange *ex, struct buf *body)
{
    if (ex->config->settings.metrics_need_key && !ex->caller.key.n && !ex->caller.master) {
        ex->own.status = 401;
        BUF_LITERAL(body, REFUSAL);
        return;
    }
    bool open = wants_open_metrics(ex);
    if (!observing_metrics(ex->worker, open, body)) {
        detail_refuse(ex, 404, SLICE("Not Found"));
        return;
    }
    ex->own.type = open ? SLICE(METRICS_OPEN_TYPE) : SLICE(METRICS_TEXT_TYPE);
}
