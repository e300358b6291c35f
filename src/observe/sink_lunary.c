/* Lunary: each request is two events, start and end (or error), as its SDK sends them
 * (POST /v1/runs/ingest).
 *
 * Failure modes: without a key it is refused at the start. */

#include "langfuse.h"
#include "otlp.h"
#include "payload.h"
#include "sinks.h"

#define BASE "https://api.lunary.ai"

struct lunary {
    struct arena arena;
    const char *url;
    struct slice authorization;
};

static void *lunary_open(struct sink_setup *s)
{
    struct slice key = sink_setting(s, "public_key", "LUNARY_PRIVATE_KEY");
    if (!key.n)
        key = sink_setting(s, NULL, "LUNARY_PUBLIC_KEY");
    if (!key.n)
        key = sink_setting(s, NULL, "LUNARY_APP_ID");
    if (!key.n)
        return sink_refuse(s, NULL, "LUNARY_PUBLIC_KEY is not set");
    struct lunary *l = sink_new(sizeof(*l));
    struct slice base = sink_setting(s, "api_url", "LUNARY_API_URL");
    l->url = sink_url(&l->arena, base.n ? base : SLICE(BASE), SLICE("/v1/runs/ingest"));
    l->authorization = sink_bearer(&l->arena, key);
    s->wants_bodies = true;
    return l;
}

/* Lunary knows runs by UUIDs; the request's own id is one. */
static void begin_event(struct json_writer *w, const struct record *r, const char *event,
                        int64_t unix_ms, struct arena *a)
{
    json_object(w);
    json_member_string(w, "type", payload_embeds(r) ? SLICE("embed") : SLICE("llm"));
    json_member_string(w, "event", slice_of(event));
    json_member_string(w, "runId", r->text.call_id);
    json_member_string(w, "timestamp", langfuse_time(a, unix_ms));
    json_member_string(w, "runtime", SLICE("litellm"));
    json_member_string(w, "name", r->text.upstream.n ? r->text.upstream : r->text.model);
}

static void write_start(struct json_writer *w, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    struct slice parent = json_get_slice(otlp_parse(t->metadata, a), "parent_run_id");
    struct slice template = sink_client_header(r, SLICE("template-id"), a);
    begin_event(w, r, "start", r->begun_ms, a);
    sink_member_text(w, "parentRunId", parent);
    sink_member_text(w, "userId", t->end_user.n ? t->end_user : t->user);
    sink_member_json(w, "tags", t->tags);
    json_key(w, "params");
    json_object(w);
    payload_parameters(w, r);
    json_object_end(w);
    sink_member_json(w, "metadata", t->metadata);
    sink_member_text(w, "templateId", template);
    json_key(w, "input"), payload_messages(w, r);
    json_object_end(w);
}

static void write_end(struct json_writer *w, const struct record *r, struct arena *a)
{
    const struct record_texts *t = &r->text;
    begin_event(w, r, r->failed ? "error" : "end", r->ended_ms, a);
    if (r->failed) {
        json_key(w, "error");
        json_object(w);
        json_member_string(w, "message", t->error_message);
        json_member_string(w, "stack", t->error_message);
        json_object_end(w);
    } else {
        sink_member_json(w, "output", t->output);
        json_key(w, "tokensUsage");
        json_object(w);
        json_member_integer(w, "prompt", llm_usage_prompt(&r->usage));
        json_member_integer(w, "completion", r->usage.output);
        json_member_integer(w, "promptCached", r->usage.cache_read);
        json_object_end(w);
    }
    json_object_end(w);
}

static bool lunary_write(void *self, struct parcel *const *parcels, size_t n,
                         struct sink_call *call)
{
    const struct lunary *l = self;
    struct json_writer w;
    json_begin(&w, &call->body);
    json_object(&w);
    json_key(&w, "events");
    json_array(&w);
    for (size_t i = 0; i < n; i++) {
        write_start(&w, record_of(parcels[i]), &call->arena);
        write_end(&w, record_of(parcels[i]), &call->arena);
    }
    json_array_end(&w);
    json_object_end(&w);
    call->url = l->url;
    sink_call_header(call, "content-type", SLICE("application/json"));
    sink_call_header(call, "authorization", l->authorization);
    return true;
}

const struct sink_kind sink_lunary = {
    .names = {"lunary"},
    .variables = {"LUNARY_PUBLIC_KEY", "LUNARY_API_URL"},
    .open = lunary_open,
    .write = lunary_write,
    .free = sink_free,
};
