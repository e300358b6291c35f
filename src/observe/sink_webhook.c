/* Requests as LiteLLM's standard logging payloads, to a URL of one's own: `webhook` (WEBHOOK_URL,
 * WEBHOOK_HEADERS), LiteLLM's `generic_api` (GENERIC_LOGGER_ENDPOINT, GENERIC_LOGGER_HEADERS), and
 * any name whose callback_settings say callback_type: generic_api, endpoint, headers, event_types
 * and log_format.
 *
 * Failure modes: no URL, or a log_format that there is not, are refused at the start. */

#include "payload.h"
#include "sinks.h"

enum format { FORMAT_ARRAY, FORMAT_LINES, FORMAT_SINGLE };

struct webhook {
    struct arena arena;
    const char *url;
    struct slice headers, usual; /* the first win */
    enum format format;
    yyjson_val *without; /* of payloads */
    bool no_successes, no_failures;
};

static bool read_format(struct webhook *h, struct sink_setup *s)
{
    struct slice name = sink_setting(s, "log_format", NULL);
    if (slice_eq(name, SLICE("ndjson")))
        h->format = FORMAT_LINES;
    else if (slice_eq(name, SLICE("single")))
        h->format = FORMAT_SINGLE;
    else if (name.n && !slice_eq(name, SLICE("json_array")))
        return false;
    if (h->format == FORMAT_SINGLE)
        s->batch_max = 1;
    return true;
}

static void read_events(struct webhook *h, const struct sink_setup *s)
{
    yyjson_val *events = json_get(s->settings, "event_types");
    if (!yyjson_is_arr(events))
        return;
    h->no_successes = !json_list_has(events, SLICE("llm_api_success"));
    h->no_failures = !json_list_has(events, SLICE("llm_api_failure"));
}

/* Text of the environment, or a map of the settings. */
static struct slice read_headers(struct webhook *h, const struct sink_setup *s,
                                 const char *variable)
{
    yyjson_val *map = json_get(s->settings, "headers");
    if (yyjson_is_obj(map))
        return json_text_of(map, &h->arena);
    return sink_kept(&h->arena, s, "headers", variable, SLICE(""));
}

static void *webhook_open(struct sink_setup *s)
{
    bool ours = slice_eq(s->name, SLICE("webhook"));
    const char *variable = ours ? "WEBHOOK_URL" : "GENERIC_LOGGER_ENDPOINT";
    struct webhook *h = sink_new(sizeof(*h));
    struct slice url = sink_kept(&h->arena, s, "endpoint", variable, SLICE(""));
    if (!url.n)
        return sink_refuse(s, h, "%s is not set", variable);
    if (!read_format(h, s))
        return sink_refuse(s, h, "log_format is none of json_array, ndjson, single");
    h->url = url.p;
    h->headers = read_headers(h, s, ours ? "WEBHOOK_HEADERS" : "GENERIC_LOGGER_HEADERS");
    h->usual = s->headers ? json_text_of(s->headers, &h->arena) : SLICE("");
    h->without = sink_option_list(&h->arena, s, PAYLOAD_LEFT_OUT);
    read_events(h, s);
    s->wants_bodies = true;
    return h;
}

static void write_payloads(const struct webhook *h, struct json_writer *w,
                           struct parcel *const *parcels, size_t n, struct sink_call *call)
{
    for (size_t i = 0; i < n; i++) {
        const struct record *r = record_of(parcels[i]);
        if (!r->text.event.n && (r->failed ? h->no_failures : h->no_successes))
            continue;
        if (h->format == FORMAT_LINES && call->body.n) {
            buf_add_char(&call->body, '\n');
            json_begin(w, &call->body);
        }
        payload_write(w, r, h->without, &call->arena);
        call->url = h->url;
    }
}

static bool webhook_write(void *self, struct parcel *const *parcels, size_t n,
                          struct sink_call *call)
{
    const struct webhook *h = self;
    struct json_writer w;
    json_begin(&w, &call->body);
    if (h->format == FORMAT_ARRAY)
        json_array(&w);
    write_payloads(h, &w, parcels, n, call);
    if (h->format == FORMAT_ARRAY)
        json_array_end(&w);
    sink_call_headers(call, h->headers);
    sink_call_headers(call, h->usual);
    sink_call_header(call, "content-type", SLICE("application/json"));
    return true;
}

const struct sink_kind sink_webhook = {
    .names = {"webhook", "generic_api", "custom_callback_api"},
    .variables = {"WEBHOOK_URL", "WEBHOOK_HEADERS", "GENERIC_LOGGER_ENDPOINT",
                  "GENERIC_LOGGER_HEADERS"},
    .payloads = true,
    .open = webhook_open,
    .write = webhook_write,
    .free = sink_free,
};
