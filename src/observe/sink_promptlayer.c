/* PromptLayer's POST /track-request, as its SDK sends it and LiteLLM's
 * integrations/prompt_layer.py: each request is one call, its metadata in it. It knows no failed
 * requests; they are left out.
 *
 * Failure modes: without a key it is refused at the start. */

#include "otlp.h"
#include "payload.h"
#include "sinks.h"

#define BASE "https://api.promptlayer.com"

struct promptlayer {
    struct arena arena;
    const char *url;
    struct slice key;
};

static void *promptlayer_open(struct sink_setup *s)
{
    struct slice key = sink_setting(s, "api_key", "PROMPTLAYER_API_KEY");
    if (!key.n)
        return sink_refuse(s, NULL, "PROMPTLAYER_API_KEY is not set");
    struct promptlayer *p = sink_new(sizeof(*p));
    struct slice base = sink_setting(s, "base_url", "PROMPTLAYER_BASE_URL");
    p->url = sink_url(&p->arena, base.n ? base : SLICE(BASE), SLICE("/track-request"));
    p->key = arena_dup(&p->arena, key);
    s->wants_bodies = true;
    return p;
}

/* PromptLayer takes texts only; what is none becomes its text. */
static void write_metadata(struct json_writer *w, yyjson_val *metadata, struct arena *a)
{
    size_t i, n;
    yyjson_val *key, *value;
    json_object(w);
    yyjson_obj_foreach(metadata, i, n, key, value)
    {
        if (slice_eq(json_slice(key), SLICE("pl_tags")))
            continue;
        json_key_slice(w, json_slice(key));
        json_string(w, yyjson_is_str(value) ? json_slice(value) : json_text_of(value, a));
    }
    json_object_end(w);
}

static void write_tags(struct json_writer *w, const struct record *r, yyjson_val *metadata)
{
    yyjson_val *own = json_get(metadata, "pl_tags");
    if (yyjson_is_arr(own))
        json_value(w, own);
    else
        json_raw(w, r->text.tags.n ? r->text.tags : SLICE("[]"));
}

static bool promptlayer_write(void *self, struct parcel *const *parcels, size_t n,
                              struct sink_call *call)
{
    const struct promptlayer *p = self;
    const struct record *r = record_of(parcels[0]);
    yyjson_val *metadata = otlp_parse(r->text.metadata, &call->arena);
    struct json_writer w;
    if (r->failed)
        return n == 1;
    json_begin(&w, &call->body);
    json_object(&w);
    json_member_string(&w, "function_name",
                       payload_embeds(r) ? SLICE("openai.OpenAI.embeddings.create")
                                         : SLICE("openai.OpenAI.chat.completions.create"));
    json_member_string(&w, "provider_type", SLICE("openai"));
    json_key(&w, "args"), json_raw(&w, SLICE("[]"));
    json_key(&w, "kwargs"), payload_request(&w, r);
    json_key(&w, "tags"), write_tags(&w, r, metadata);
    json_key(&w, "request_response"), payload_response(&w, r);
    json_key(&w, "request_start_time"), json_number(&w, (double)r->begun_ms / 1000);
    json_key(&w, "request_end_time"), json_number(&w, (double)r->ended_ms / 1000);
    json_key(&w, "metadata"), write_metadata(&w, metadata, &call->arena);
    json_member_string(&w, "api_key", p->key);
    json_object_end(&w);
    call->url = p->url;
    sink_call_header(call, "content-type", SLICE("application/json"));
    return n == 1;
}

const struct sink_kind sink_promptlayer = {
    .names = {"promptlayer"},
    .variables = {"PROMPTLAYER_API_KEY", "PROMPTLAYER_BASE_URL"},
    .batch_max = 1,
    .open = promptlayer_open,
    .write = promptlayer_write,
    .free = sink_free,
};
