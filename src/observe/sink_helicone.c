/* Helicone's log (docs.helicone.ai, "Manual logger"; LiteLLM's integrations/helicone.py): each
 * request is one call. What a Claude answered goes to /anthropic/v1/log in Anthropic's words, where
 * Helicone finds its price; others go to /oai/v1/log as they are. Helicone-* headers of the client,
 * and members of its metadata that begin so, go along.
 *
 * Failure modes: without a key it is refused at the start. */

#include "otlp.h"
#include "payload.h"
#include "sinks.h"

#define BASE "https://api.hconeai.com"

struct helicone {
    struct arena arena;
    const char *openai, *anthropic; /* URLs */
    struct slice authorization;
};

static void *helicone_open(struct sink_setup *s)
{
    struct slice key = sink_setting(s, "api_key", "HELICONE_API_KEY");
    if (!key.n)
        return sink_refuse(s, NULL, "HELICONE_API_KEY is not set");
    struct helicone *h = sink_new(sizeof(*h));
    struct slice base = sink_setting(s, "api_base", "HELICONE_API_BASE");
    base = base.n ? base : SLICE(BASE);
    h->openai = sink_url(&h->arena, base, SLICE("/oai/v1/log"));
    h->anthropic = sink_url(&h->arena, base, SLICE("/anthropic/v1/log"));
    h->authorization = sink_bearer(&h->arena, key);
    s->wants_bodies = true;
    return h;
}

/* ---- what was asked ------------------------------------------------------------------------- */

static void write_steering(struct json_writer *w, yyjson_val *object)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (!slice_starts_nocase(json_slice(key), SLICE("helicone")) || !yyjson_is_str(value))
            continue;
        json_key_slice(w, json_slice(key));
        json_string(w, json_slice(value));
    }
}

static void write_request(struct json_writer *w, const struct helicone *h, const struct record *r,
                          bool claude, struct arena *a)
{
    json_object(w);
    json_member_string(w, "url",
                       claude              ? SLICE("https://api.anthropic.com/v1/messages")
                       : payload_embeds(r) ? SLICE("https://api.openai.com/v1/embeddings")
                                           : SLICE("https://api.openai.com/v1/chat/completions"));
    json_key(w, "json"), payload_request(w, r);
    json_key(w, "meta");
    json_object(w);
    json_member_string(w, "Helicone-Auth", h->authorization);
    sink_member_text(w, "Helicone-User-Id", r->text.end_user);
    sink_member_text(w, "Helicone-Session-Id", r->text.session);
    write_steering(w, otlp_parse(r->text.headers, a));
    write_steering(w, otlp_parse(r->text.metadata, a));
    json_object_end(w);
    json_object_end(w);
}

/* ---- what was answered ---------------------------------------------------------------------- */

static void write_tool(struct json_writer *w, yyjson_val *call, struct arena *a)
{
    yyjson_val *function = json_get(call, "function");
    yyjson_val *input = json_parse(json_get_slice(function, "arguments"), a, NULL);
    json_object(w);
    json_member_string(w, "type", SLICE("tool_use"));
    json_member_string(w, "id", json_get_slice(call, "id"));
    json_member_string(w, "name", json_get_slice(function, "name"));
    json_key(w, "input");
    if (input)
        json_value(w, input);
    else
        json_raw(w, SLICE("{}"));
    json_object_end(w);
}

static void write_content(struct json_writer *w, const struct record *r, struct arena *a)
{
    size_t i, n;
    yyjson_val *call, *message = otlp_parse(r->text.output, a);
    struct slice text = json_get_slice(message, "content");
    json_array(w);
    if (text.n) {
        json_object(w);
        json_member_string(w, "type", SLICE("text"));
        json_member_string(w, "text", text);
        json_object_end(w);
    }
    yyjson_arr_foreach(json_get(message, "tool_calls"), i, n, call) write_tool(w, call, a);
    json_array_end(w);
}

/* OpenAI's words in Anthropic's; Anthropic's own stay. */
static struct slice stop_reason(struct slice finish)
{
    static const struct {
        struct slice openai, anthropic;
    } words[] = {
        {{"stop", 4}, {"end_turn", 8}},
        {{"length", 6}, {"max_tokens", 10}},
        {{"tool_calls", 10}, {"tool_use", 8}},
        {{"content_filter", 14}, {"refusal", 7}},
    };
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
        if (slice_eq(finish, words[i].openai))
            return words[i].anthropic;
    return finish;
}

static void write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_object(w);
    json_member_integer(w, "input_tokens", u->input);
    json_member_integer(w, "output_tokens", u->output);
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_key(w, "cache_creation");
    llm_usage_write_lifetimes(w, u);
    json_object_end(w);
}

static void write_claude(struct json_writer *w, const struct record *r, struct arena *a)
{
    json_object(w);
    json_member_string(w, "id", r->text.answer_id);
    json_member_string(w, "type", SLICE("message"));
    json_member_string(w, "role", SLICE("assistant"));
    json_member_string(w, "model", r->text.upstream);
    json_key(w, "content"), write_content(w, r, a);
    json_key(w, "stop_reason"), json_string_or_null(w, stop_reason(r->text.finish_reason));
    json_key(w, "stop_sequence"), json_null(w);
    json_key(w, "usage"), write_usage(w, &r->usage);
    json_object_end(w);
}

static void write_failure(struct json_writer *w, const struct record *r)
{
    json_object(w);
    json_key(w, "error");
    json_object(w);
    json_member_string(w, "type", r->text.error_class);
    json_member_string(w, "message", r->text.error_message);
    json_object_end(w);
    json_object_end(w);
}

static void write_response(struct json_writer *w, const struct record *r, bool claude,
                           struct arena *a)
{
    json_object(w);
    json_key(w, "json");
    if (r->failed)
        write_failure(w, r);
    else if (claude)
        write_claude(w, r, a);
    else
        payload_response(w, r);
    json_member_integer(w, "status", record_error_status(r));
    json_key(w, "headers"), json_raw(w, SLICE("{}"));
    json_object_end(w);
}

/* ---- the call ------------------------------------------------------------------------------- */

static void write_time(struct json_writer *w, int64_t unix_ms)
{
    json_object(w);
    json_member_integer(w, "seconds", unix_ms / 1000);
    json_member_integer(w, "milliseconds", unix_ms % 1000);
    json_object_end(w);
}

static void write_timing(struct json_writer *w, const struct record *r)
{
    json_object(w);
    json_key(w, "startTime"), write_time(w, r->begun_ms);
    json_key(w, "endTime"), write_time(w, r->ended_ms);
    json_key(w, "timeToFirstToken");
    if (r->stream && r->first_ms)
        json_integer(w, r->first_ms - r->begun_ms);
    else
        json_null(w);
    json_object_end(w);
}

static bool helicone_write(void *self, struct parcel *const *parcels, size_t n,
                           struct sink_call *call)
{
    const struct helicone *h = self;
    const struct record *r = record_of(parcels[0]);
    bool claude = slice_find(r->text.upstream, SLICE("claude")) >= 0;
    struct json_writer w;
    json_begin(&w, &call->body);
    json_object(&w);
    json_key(&w, "providerRequest"), write_request(&w, h, r, claude, &call->arena);
    json_key(&w, "providerResponse"), write_response(&w, r, claude, &call->arena);
    json_key(&w, "timing"), write_timing(&w, r);
    json_object_end(&w);
    call->url = claude ? h->anthropic : h->openai;
    sink_call_header(call, "content-type", SLICE("application/json"));
    sink_call_header(call, "authorization", h->authorization);
    return n == 1;
}

const struct sink_kind sink_helicone = {
    .names = {"helicone"},
    .variables = {"HELICONE_API_KEY", "HELICONE_API_BASE"},
    .batch_max = 1,
    .open = helicone_open,
    .write = helicone_write,
    .free = sink_free,
};
