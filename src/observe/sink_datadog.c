/* Datadog's log intake (docs.datadoghq.com, "Logs": POST /api/v2/logs), or its agent's: each
 * request is one log whose message is LiteLLM's standard logging payload, compressed. Names and
 * tags are those of LiteLLM's `datadog`.
 *
 * Failure modes: without DD_API_KEY and DD_SITE, or an agent, it is refused at the start. */

#include "otlp.h"
#include "payload.h"
#include "sinks.h"
#include "wire/gzip.h"

#define PATH "/api/v2/logs"

struct datadog {
    struct arena arena;
    const char *url;
    struct slice key; /* empty: an agent's */
    struct slice source, service, host, tags;
    yyjson_val *without; /* of payloads */
};

static bool read_url(struct datadog *d, struct sink_setup *s)
{
    struct slice base = sink_setting(s, NULL, "DD_BASE_URL");
    struct slice agent = sink_setting(s, NULL, "LITELLM_DD_AGENT_HOST");
    struct slice port = sink_setting(s, NULL, "LITELLM_DD_AGENT_PORT");
    struct slice site = sink_setting(s, NULL, "DD_SITE");
    if (agent.n && !base.n)
        base = ARENA_JOIN(&d->arena, SLICE("http://"), agent, SLICE(":"),
                          port.n ? port : SLICE("10518"));
    if (!agent.n && (!d->key.n || (!site.n && !base.n)))
        return false;
    if (!base.n)
        base = ARENA_JOIN(&d->arena, SLICE("https://http-intake.logs."), site);
    d->url = sink_url(&d->arena, base, SLICE(PATH));
    return true;
}

static struct slice said(struct datadog *d, const struct sink_setup *s, const char *variable)
{
    return sink_kept(&d->arena, s, NULL, variable, SLICE("unknown"));
}

static void *datadog_open(struct sink_setup *s)
{
    struct datadog *d = sink_new(sizeof(*d));
    struct arena *a = &d->arena;
    d->key = sink_kept(a, s, NULL, "DD_API_KEY", SLICE(""));
    if (!read_url(d, s))
        return sink_refuse(s, d, "%s is not set", d->key.n ? "DD_SITE" : "DD_API_KEY");
    d->source = sink_kept(a, s, NULL, "DD_SOURCE", SLICE("litellm"));
    d->service = sink_kept(a, s, NULL, "DD_SERVICE", SLICE("litellm-server"));
    d->host = sink_kept(a, s, NULL, "HOSTNAME", SLICE(""));
    d->tags = ARENA_JOIN(a, SLICE("env:"), said(d, s, "DD_ENV"), SLICE(",service:"), d->service,
                         SLICE(",version:"), said(d, s, "DD_VERSION"), SLICE(",HOSTNAME:"), d->host,
                         SLICE(",POD_NAME:"), said(d, s, "POD_NAME"));
    d->without = sink_option_list(a, s, PAYLOAD_LEFT_OUT);
    s->wants_bodies = true;
    return d;
}

static bool fits_tag(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || (c && strchr("-:./", c)) ||
           (unsigned char)c >= 0x80;
}

/* As Datadog keeps it, and LiteLLM sends it: in lower case, each row of other characters (a comma
 * would begin a tag) one underscore between them. */
static struct slice tag_value(struct slice s, struct arena *a)
{
    char *to = arena_alloc(a, s.n);
    size_t n = 0;
    for (size_t i = 0; i < s.n; i++) {
        char c = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] | 0x20 : s.p[i]);
        if (fits_tag(c))
            to[n++] = c;
        else if (n && to[n - 1] != '_')
            to[n++] = '_';
    }
    return slice_make(to, n && to[n - 1] == '_' ? n - 1 : n);
}

static void write_tags(struct json_writer *w, const struct datadog *d, const struct record *r,
                       struct arena *a)
{
    size_t i, n;
    yyjson_val *tag;
    const struct record_texts *t = &r->text;
    json_string_begin(w);
    json_string_part(w, d->tags);
    yyjson_arr_foreach(otlp_parse(t->tags, a), i, n, tag)
    {
        json_string_part(w, SLICE(",request_tag:"));
        json_string_part(w, tag_value(json_slice(tag), a));
    }
    if (t->team_alias.n || t->team.n) {
        json_string_part(w, SLICE(",team:"));
        json_string_part(w, tag_value(t->team_alias.n ? t->team_alias : t->team, a));
    }
    json_string_end(w);
}

static void write_log(struct json_writer *w, const struct datadog *d, const struct record *r,
                      struct buf *payload, struct arena *a)
{
    struct json_writer inner;
    buf_reset(payload);
    json_begin(&inner, payload);
    payload_write(&inner, r, d->without, a);
    json_object(w);
    json_member_string(w, "ddsource", d->source);
    json_key(w, "ddtags"), write_tags(w, d, r, a);
    json_member_string(w, "hostname", d->host);
    json_member_string(w, "message", buf_slice(payload));
    json_member_string(w, "service", d->service);
    json_member_string(w, "status", r->failed ? SLICE("error") : SLICE("info"));
    json_object_end(w);
}

static bool datadog_write(void *self, struct parcel *const *parcels, size_t n,
                          struct sink_call *call)
{
    const struct datadog *d = self;
    struct buf payload, plain;
    struct json_writer w;
    buf_init(&payload, SINK_CALL_MAX);
    buf_init(&plain, SINK_CALL_MAX);
    json_begin(&w, &plain);
    json_array(&w);
    for (size_t i = 0; i < n; i++)
        write_log(&w, d, record_of(parcels[i]), &payload, &call->arena);
    json_array_end(&w);
    bool written = !plain.overflow && !payload.overflow;
    if (written && gzip_write(buf_slice(&plain), &call->body))
        sink_call_header(call, "content-encoding", SLICE("gzip"));
    else
        buf_add(&call->body, buf_slice(&plain));
    buf_fini(&payload);
    buf_fini(&plain);
    call->url = d->url;
    sink_call_header(call, "content-type", SLICE("application/json"));
    if (d->key.n)
        sink_call_header(call, "dd-api-key", d->key);
    return written;
}

const struct sink_kind sink_datadog = {
    .names = {"datadog"},
    .variables = {"DD_API_KEY", "DD_SITE", "LITELLM_DD_AGENT_HOST"},
    .payloads = true,
    .open = datadog_open,
    .write = datadog_write,
    .free = sink_free,
};
