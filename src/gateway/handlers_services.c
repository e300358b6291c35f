#include "detail.h"
#include "handlers.h"
#include "worker_private.h"

/* A channel that is not in use is LiteLLM's 422; but for a callback of the same name. */
bool handlers_test_alert(struct exchange *ex, struct slice service, struct buf *body)
{
    struct json_writer w;
    const struct sink_setup callback = {.name = service};
    bool used = observing_test_alert(ex->worker, service);
    if (!used && (!alert_sink_find(service) || sink_find(&callback)))
        return false;
    if (!used) {
        detail_refuse_error(ex, 422,
                            arena_printf(&ex->arena,
                                         "\"%.*s\" not in proxy config: general_settings.alerting. "
                                         "Unable to test this.",
                                         SLICE_ARG(service)));
        return true;
    }
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("success"));
    json_member_string(
        &w, "message",
        ARENA_JOIN(&ex->arena, SLICE("A test alert is on its way to "), service, SLICE(".")));
    json_object_end(&w);
    return true;
}
