/* Which callbacks there are, and a test of one, in LiteLLM's shapes. */

#include "handlers.h"

#include "admin.h"
#include "detail.h"
#include "io/clock.h"
#include "observing.h"
#include "query.h"
#include "worker_private.h"

typedef void each_name(struct json_writer *w, const struct config *c, struct slice name,
                       const char *type);

static bool is_told_both(const struct callbacks *c, struct slice name)
{
    return json_list_has(c->both, name) ||
           (json_list_has(c->success, name) && json_list_has(c->failure, name));
}

static void write_each(struct json_writer *w, const struct config *c, yyjson_val *names,
                       const char *type, each_name *each)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(names, i, n, name) if (yyjson_is_str(name))
        each(w, c, json_slice(name), type);
}

/* ---- GET /callbacks/list -------------------------------------------------------------------- */

static void write_once(struct json_writer *w, const struct config *c, struct slice name,
                       const char *type)
{
    bool both = slice_eq(slice_of(type), SLICE("success_and_failure"));
    if (is_told_both(&c->callbacks, name) == both)
        json_string(w, name);
}

void handle_callbacks_list(struct exchange *ex, struct buf *body)
{
    const struct callbacks *c = &ex->config->callbacks;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "success"), json_array(&w);
    write_each(&w, ex->config, c->success, "success", write_once);
    json_array_end(&w);
    json_key(&w, "failure"), json_array(&w);
    write_each(&w, ex->config, c->failure, "failure", write_once);
    json_array_end(&w);
    json_key(&w, "success_and_failure"), json_array(&w);
    write_each(&w, ex->config, c->both, "success_and_failure", write_once);
    if (!c->both)
        write_each(&w, ex->config, c->success, "success_and_failure", write_once);
    json_array_end(&w);
    json_object_end(&w);
}

/* ---- GET /active/callbacks ------------------------------------------------------------------ */

static void write_name(struct json_writer *w, const struct config *c, struct slice name,
                       const char *type)
{
    json_string(w, name);
}

static void write_names(struct json_writer *w, const struct config *c, const char *member,
                        yyjson_val *names)
{
    json_key_slice(w, slice_of(member));
    json_array(w);
    write_each(w, c, names, "", write_name);
    json_array_end(w);
}

void handle_active_callbacks(struct exchange *ex, struct buf *body)
{
    const struct callbacks *c = &ex->config->callbacks;
    size_t count =
        yyjson_arr_size(c->both) + yyjson_arr_size(c->success) + yyjson_arr_size(c->failure);
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    write_names(&w, ex->config, "litellm.callbacks", c->both);
    write_names(&w, ex->config, "litellm.input_callback", NULL);
    write_names(&w, ex->config, "litellm.failure_callback", c->failure);
    write_names(&w, ex->config, "litellm.success_callback", c->success);
    json_key(&w, "all_litellm_callbacks"), json_array(&w);
    write_each(&w, ex->config, c->both, "", write_name);
    write_each(&w, ex->config, c->failure, "", write_name);
    write_each(&w, ex->config, c->success, "", write_name);
    json_array_end(&w);
    json_member_integer(&w, "num_callbacks", (int64_t)count);
    json_key(&w, "litellm.request_timeout"), json_number(&w, ex->config->settings.request_timeout);
    json_object_end(&w);
}

/* ---- GET /get/config/callbacks -------------------------------------------------------------- */

static bool is_secret(const struct config *c, const char *variable, const char *value)
{
    return config_is_secret(slice_of(variable)) || config_holds_secret(slice_of(value)) ||
           secrets_get(c->secrets, variable);
}

static void write_variables(struct json_writer *w, const struct config *c,
                            const char *const *variables)
{
    json_object(w);
    for (const char *const *v = variables; v && *v; v++) {
        const char *value = config_variable(c, *v);
        json_key_slice(w, slice_of(*v));
        if (!value)
            json_null(w);
        else
            json_string(w, is_secret(c, *v, value) ? SLICE("****") : slice_of(value));
    }
    json_object_end(w);
}

static void write_callback(struct json_writer *w, const struct config *c, struct slice name,
                           const char *type)
{
    const struct sink_setup setup = {.name = name};
    const struct sink_kind *kind = sink_find(&setup);
    json_object(w);
    json_member_string(w, "name", name);
    json_key(w, "variables"), write_variables(w, c, kind ? kind->variables : NULL);
    json_member_string(w, "type", slice_of(type));
    json_object_end(w);
}

static void write_available(struct json_writer *w)
{
    json_object(w);
    for (size_t i = 0; sink_kind_at(i); i++)
        for (const char *const *n = sink_kind_at(i)->names; *n; n++) {
            json_key_slice(w, slice_of(*n));
            json_object(w);
            json_member_string(w, "litellm_callback_name", slice_of(*n));
            json_key(w, "litellm_callback_params"), json_array(w);
            for (const char *const *v = sink_kind_at(i)->variables; *v; v++)
                json_string(w, slice_of(*v));
            json_array_end(w);
            json_object_end(w);
        }
    json_object_end(w);
}

static bool is_active(const struct alerting_settings *s, enum alert_type type)
{
    return s->types ? json_list_has(s->types, slice_of(alert_type_name(type)))
                    : type != ALERT_REGION_OUTAGE_ALERTS;
}

static void write_slack(struct json_writer *w, const struct config *c)
{
    const struct alerting_settings *s = &c->alerting;
    static const char *const variables[] = {"SLACK_WEBHOOK_URL", NULL};
    size_t i, n;
    yyjson_val *type, *url;
    json_object(w);
    json_member_string(w, "name", SLICE("slack"));
    json_key(w, "variables"), write_variables(w, c, variables);
    json_key(w, "active_alerts"), json_array(w);
    for (enum alert_type t = 0; t < ALERT_TYPES; t++)
        if (is_active(s, t))
            json_string(w, slice_of(alert_type_name(t)));
    json_array_end(w);
    json_key(w, "alerts_to_webhook"), json_object(w);
    yyjson_obj_foreach(s->urls, i, n, type, url)
    {
        json_key_slice(w, json_slice(type)); /* whoever has such a URL may write there */
        json_string(w, SLICE("****"));
    }
    json_object_end(w);
    json_object_end(w);
}

/* E-mail always, as LiteLLM. */
static void write_alerts(struct json_writer *w, const struct config *c)
{
    static const char *const variables[] = {"SMTP_HOST",
                                            "SMTP_PORT",
                                            "SMTP_USERNAME",
                                            "SMTP_PASSWORD",
                                            "SMTP_SENDER_EMAIL",
                                            "ALERT_EMAIL",
                                            "TEST_EMAIL_ADDRESS",
                                            "EMAIL_LOGO_URL",
                                            "EMAIL_SUPPORT_CONTACT",
                                            NULL};
    json_array(w);
    if (json_list_has(c->alerting.channels, SLICE("slack")))
        write_slack(w, c);
    json_object(w);
    json_member_string(w, "name", SLICE("email"));
    json_key(w, "variables"), write_variables(w, c, variables);
    json_object_end(w);
    json_array_end(w);
}

void handle_config_callbacks(struct exchange *ex, struct buf *body)
{
    const struct callbacks *c = &ex->config->callbacks;
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("success"));
    json_key(&w, "callbacks"), json_array(&w);
    write_each(&w, ex->config, c->success, "success", write_callback);
    write_each(&w, ex->config, c->failure, "failure", write_callback);
    write_each(&w, ex->config, c->both, "success_and_failure", write_callback);
    json_array_end(&w);
    json_key(&w, "alerts"), write_alerts(&w, ex->config);
    json_key(&w, "router_settings");
    if (ex->config->router_settings)
        json_value(&w, ex->config->router_settings);
    else
        json_raw(&w, SLICE("{}"));
    json_key(&w, "available_callbacks"), write_available(&w);
    json_object_end(&w);
}

/* ---- GET /health/services?service= ---------------------------------------------------------- */

static struct record test_record(struct exchange *ex)
{
    int64_t now = clock_unix_ms();
    struct record r = {.begun_ms = now, .ended_ms = now, .called_ms = now, .status = 200};
    struct record_texts *t = &r.text;
    r.sampled = true;
    for (int i = 0; i < RECORD_PAYERS; i++)
        r.limits.budgets[i].most = -1;
    memset(r.trace, '0', sizeof(r.trace));
    memset(r.span, '0', sizeof(r.span));
    for (size_t i = 0, n = 0; ex->id[i] && n < sizeof(r.trace); i++)
        if (ex->id[i] != '-')
            r.trace[n++] = ex->id[i];
    memcpy(r.span, r.trace, sizeof(r.span));
    t->call_id = t->answer_id = slice_of(ex->id);
    t->call_type = SLICE("acompletion");
    t->route = SLICE("/health/services");
    t->model = t->group = t->upstream = SLICE("litellm-mock-response-model");
    t->end_user = SLICE("litellm:/health/services");
    t->finish_reason = SLICE("stop");
    t->parameters = SLICE("{}");
    t->messages = SLICE("[{\"role\":\"user\",\"content\":\"Hey, how's it going?\"}]");
    t->output = SLICE("{\"role\":\"assistant\",\"content\":\"This is a mock response\"}");
    return r;
}

/* `service` and a full stop follow `what`. */
static void write_sent(struct exchange *ex, const char *what, struct slice service,
                       struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "status", SLICE("success"));
    json_member_string(&w, "message", ARENA_JOIN(&ex->arena, slice_of(what), service, SLICE(".")));
    json_object_end(&w);
}

/* A channel that is not in use is LiteLLM's 422; but for a callback of the same name. */
static bool test_alert(struct exchange *ex, struct slice service, struct buf *body)
{
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
    write_sent(ex, "A test alert is on its way to ", service, body);
    return true;
}

/* What comes of it stands in the log and in /debug/exchanges. */
void handle_health_services(struct exchange *ex, struct buf *body)
{
    char error[SINK_ERROR_SIZE] = "";
    struct slice service = query_get(ex->head->query, "service", &ex->arena);
    struct sink_setup setup = {.name = service};
    struct record r = test_record(ex);
    if (test_alert(ex, service, body))
        return;
    if (!sink_find(&setup) && !observing_named(ex->worker, service)) {
        admin_refuse(ex, 400, "auth_error", "{'error': 'Service must be in list. Service=%.*s'}",
                     SLICE_ARG(service));
        return;
    }
    if (!observing_test(ex->worker, service, &r, error)) {
        admin_refuse(ex, 500, "auth_error", "Authentication Error, %s", error);
        admin_show_param(ex, "None");
        return;
    }
    write_sent(ex, "Mock LLM request made - check ", service, body);
}
