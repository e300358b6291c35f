#include "langfuse.h"

#include "base/date.h"
#include "otlp.h"
#include "sinks.h"

#define REDACTED SLICE("\"redacted-by-litellm\"")

/* ---- what the client says ------------------------------------------------------------------- */

static yyjson_val *header_value(const struct langfuse_story *s, const char *key)
{
    size_t i, n;
    yyjson_val *name, *value, *found = NULL;
    yyjson_obj_foreach(s->headers, i, n, name, value)
    {
        struct slice rest = json_slice(name);
        if (!slice_starts_nocase(rest, SLICE("langfuse")) || rest.n <= sizeof("langfuse"))
            continue;
        if (slice_eq_nocase(slice_skip(rest, sizeof("langfuse")), slice_of(key)))
            found = value;
    }
    return found;
}

static struct slice said(const struct langfuse_story *s, const char *key)
{
    if (!s->steered) /* mostly */
        return slice_make(NULL, 0);
    yyjson_val *v = header_value(s, key);
    if (!v)
        v = json_get(s->metadata, key);
    if (!v || yyjson_is_null(v) || yyjson_is_obj(v) || yyjson_is_arr(v))
        return slice_make(NULL, 0);
    return yyjson_is_str(v) ? json_slice(v) : json_text_of(v, s->arena);
}

static bool asked(const struct langfuse_story *s, const char *key)
{
    return slice_eq_nocase(said(s, key), SLICE("true"));
}

static struct slice first_of(struct slice a, struct slice b)
{
    return a.n ? a : b;
}

/* Langfuse refuses others. */
static struct slice environment_of(struct slice name)
{
    for (size_t i = 0; i < name.n; i++) {
        char c = name.p[i];
        if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
            return slice_make(NULL, 0);
    }
    return name.n <= 40 && !slice_starts(name, SLICE("langfuse")) ? name : slice_make(NULL, 0);
}

/* {"messages": …, "tools": …}, as LiteLLM. */
static void read_input(struct langfuse_story *s)
{
    const struct record_texts *t = &s->record->text;
    bool wrapped = t->messages.n && !s->record->redacted;
    s->input[1] = t->messages;
    if (wrapped)
        s->input[0] = SLICE("{\"messages\":"), s->input[4] = SLICE("}");
    if (wrapped && t->tools.n)
        s->input[2] = SLICE(",\"tools\":"), s->input[3] = t->tools;
}

static void read_trace(struct langfuse_story *s, const struct langfuse_defaults *d)
{
    const struct record_texts *t = &s->record->text;
    struct slice existing = said(s, "existing_trace_id");
    s->trace_exists = existing.n > 0;
    s->trace_id = first_of(existing, said(s, "trace_id"));
    s->trace_given = s->trace_id.n > 0;
    s->trace_id = first_of(s->trace_id, t->call_id);
    if (d->update_traces) {
        s->update_keys = json_get(s->metadata, "update_trace_keys");
        s->update_names = said(s, "update_trace_keys");
    }
    s->trace_public = asked(s, "trace_public");
    /* Who pays, where nobody is named. */
    s->user = first_of(first_of(said(s, "trace_user_id"), said(s, "user_id")),
                       first_of(t->end_user, first_of(t->user, t->key_alias)));
    s->session = first_of(said(s, "session_id"), t->session);
    s->release = first_of(said(s, "trace_release"), d->release);
    s->version = said(s, "version");
    s->trace_version = first_of(said(s, "trace_version"), s->version);
    s->environment = first_of(environment_of(said(s, "environment")), d->environment);
}

static void read_generation(struct langfuse_story *s)
{
    const struct record_texts *t = &s->record->text;
    s->generation_id = said(s, "generation_id");
    s->generation_given = s->generation_id.n > 0;
    s->generation_id = first_of(s->generation_id, t->answer_id);
    s->parent = said(s, "parent_observation_id");
    s->prompt_name = said(s, "prompt_name");
    s->prompt_version = said(s, "prompt_version");
    s->model = first_of(t->upstream, t->model);
    if (asked(s, "mask_input"))
        s->input[0] = REDACTED;
    else
        read_input(s);
    s->output = asked(s, "mask_output") ? REDACTED : t->output;
}

bool langfuse_tells(const struct langfuse_story *s, const char *key)
{
    struct slice names = s->update_names;
    if (!s->trace_exists || json_list_has(s->update_keys, slice_of(key)))
        return true;
    while (names.p)
        if (slice_eq(slice_trim(slice_split(&names, ',')), slice_of(key)))
            return true;
    return false;
}

struct slice langfuse_trace_name(const struct langfuse_story *s)
{
    struct slice name = said(s, "trace_name");
    return name.n || s->trace_exists
               ? name
               : ARENA_JOIN(s->arena, SLICE("litellm-"), s->record->text.call_type);
}

struct slice langfuse_generation_name(const struct langfuse_story *s)
{
    const struct record_texts *t = &s->record->text;
    struct slice name = said(s, "generation_name");
    if (name.n)
        return name;
    return t->key_alias.n ? ARENA_JOIN(s->arena, SLICE("litellm:"), t->key_alias)
                          : ARENA_JOIN(s->arena, SLICE("litellm-"), t->call_type);
}

void langfuse_read(struct langfuse_story *s, const struct record *r,
                   const struct langfuse_defaults *d, struct arena *a, struct buf *scratch)
{
    *s = (struct langfuse_story){.record = r, .defaults = d, .arena = a, .scratch = scratch};
    s->metadata = otlp_parse(r->text.metadata, a);
    s->headers = otlp_parse(r->text.headers, a);
    s->steered = s->metadata || s->headers;
    read_trace(s, d);
    read_generation(s);
}

/* ---- values --------------------------------------------------------------------------------- */

static void write_list(struct json_writer *w, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item) if (yyjson_is_str(item)) json_string(w, json_slice(item));
}

bool langfuse_tagged(const struct langfuse_story *s)
{
    return s->record->text.tags.n > sizeof("[]") - 1 || s->defaults->tags ||
           header_value(s, "tags");
}

static struct slice fact(const struct langfuse_story *s, struct slice name)
{
    const struct record_texts *t = &s->record->text;
    const struct {
        const char *name;
        struct slice value;
    } facts[] = {{"cache_hit", s->record->cache_hit ? SLICE("True") : SLICE("False")},
                 {"user_api_key_alias", t->key_alias},
                 {"user_api_key_hash", t->key},
                 {"user_api_key", t->key},
                 {"user_api_key_user_id", t->user},
                 {"user_api_key_user_email", t->user_email},
                 {"user_api_key_team_id", t->team},
                 {"user_api_key_team_alias", t->team_alias},
                 {"user_api_key_org_id", t->organization},
                 {"user_api_key_org_alias", t->organization_alias},
                 {"user_api_key_end_user_id", t->end_user},
                 {"model_group", t->group},
                 {"deployment", t->upstream_as},
                 {"api_base", t->api_base}};
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        if (slice_eq(name, slice_of(facts[i].name)))
            return facts[i].value;
    return json_slice(yyjson_is_obj(s->metadata) ? yyjson_obj_getn(s->metadata, name.p, name.n)
                                                 : NULL);
}

/* LiteLLM's "user_api_key_alias:cline"; what is not known is left out. */
static void write_default_tags(struct json_writer *w, const struct langfuse_story *s)
{
    size_t i, n;
    yyjson_val *name;
    yyjson_arr_foreach(s->defaults->tags, i, n, name)
    {
        struct slice value = fact(s, json_slice(name));
        if (value.n)
            json_string(w, ARENA_JOIN(s->arena, json_slice(name), SLICE(":"), value));
    }
}

void langfuse_write_tags(struct json_writer *w, const struct langfuse_story *s)
{
    struct slice header = json_slice(header_value(s, "tags"));
    yyjson_val *listed = header.n ? json_parse(header, s->arena, NULL) : NULL;
    json_array(w);
    write_list(w, otlp_parse(s->record->text.tags, s->arena));
    write_list(w, listed);
    write_default_tags(w, s);
    while (!listed && header.p) {
        struct slice tag = slice_trim(slice_split(&header, ','));
        if (tag.n)
            json_string(w, tag);
    }
    json_array_end(w);
}

/* Langfuse takes scalars; what is none becomes its text. */
void langfuse_write_parameters(struct json_writer *w, const struct langfuse_story *s)
{
    size_t i, n;
    yyjson_val *key, *value, *all = otlp_parse(s->record->text.parameters, s->arena);
    json_object(w);
    yyjson_obj_foreach(all, i, n, key, value)
    {
        if (yyjson_is_null(value))
            continue;
        json_key_slice(w, json_slice(key));
        if (yyjson_is_obj(value) || yyjson_is_arr(value))
            json_string(w, json_text_of(value, s->arena));
        else
            json_value(w, value);
    }
    json_object_end(w);
}

/* `input` is what was not read from the cache: Langfuse adds the parts up. */
void langfuse_write_usage(struct json_writer *w, const struct langfuse_story *s)
{
    const struct llm_usage *u = &s->record->usage;
    json_object(w);
    json_member_integer(w, "input", llm_usage_prompt(u) - u->cache_read);
    json_member_integer(w, "output", u->output);
    json_member_integer(w, "total", record_tokens(s->record));
    json_member_integer(w, "cache_read_input_tokens", u->cache_read);
    json_member_integer(w, "cache_creation_input_tokens", u->cache_write);
    json_object_end(w);
}

void langfuse_write_cost(struct json_writer *w, const struct langfuse_story *s)
{
    json_object(w);
    json_key(w, "total"), json_number(w, s->record->cost);
    json_object_end(w);
}

static bool is_steering(struct slice name)
{
    static const char *const names[] = {"trace_id",
                                        "existing_trace_id",
                                        "update_trace_keys",
                                        "session_id",
                                        "trace_name",
                                        "trace_user_id",
                                        "trace_version",
                                        "trace_release",
                                        "trace_metadata",
                                        "trace_public",
                                        "generation_id",
                                        "parent_observation_id",
                                        "generation_name",
                                        "version",
                                        "prompt_name",
                                        "prompt_version",
                                        "mask_input",
                                        "mask_output",
                                        "tags",
                                        "debug_langfuse"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq(name, slice_of(names[i])))
            return true;
    return false;
}

static void write_members(struct json_writer *w, yyjson_val *object, bool all)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value) if (all || !is_steering(json_slice(key)))
    {
        json_key_slice(w, json_slice(key));
        json_value(w, value);
    }
}

void langfuse_write_trace_metadata(struct json_writer *w, const struct langfuse_story *s)
{
    yyjson_val *given = json_get(s->metadata, "trace_metadata");
    json_object(w);
    write_members(w, given ? given : s->metadata, given != NULL);
    json_object_end(w);
}

void langfuse_write_said(struct json_writer *w, const struct langfuse_story *s)
{
    write_members(w, s->metadata, false);
}

void langfuse_write_common(struct json_writer *w, const struct record *r)
{
    const struct record_texts *t = &r->text;
    sink_member_text(w, "user_api_key_hash", t->key);
    sink_member_text(w, "user_api_key_alias", t->key_alias);
    sink_member_text(w, "user_api_key_user_id", t->user);
    sink_member_text(w, "user_api_key_user_email", t->user_email);
    sink_member_text(w, "user_api_key_team_id", t->team);
    sink_member_text(w, "user_api_key_team_alias", t->team_alias);
    sink_member_text(w, "user_api_key_org_id", t->organization);
    sink_member_text(w, "user_api_key_org_alias", t->organization_alias);
    sink_member_text(w, "user_api_key_end_user_id", t->end_user);
    sink_member_text(w, "requester_ip_address", t->peer);
    sink_member_text(w, "user_agent", t->user_agent);
    sink_member_text(w, "model_group", t->group);
    sink_member_text(w, "model_id", t->deployment);
    sink_member_text(w, "api_base", t->api_base);
    sink_member_text(w, "aws_region_name", t->region);
    sink_member_text(w, "finish_reason", t->finish_reason);
    json_member_bool(w, "cache_hit", r->cache_hit);
    json_member_integer(w, "status_code", r->status);
}

void langfuse_write_own(struct json_writer *w, const struct record *r)
{
    sink_member_text(w, "litellm_call_id", r->text.call_id);
    json_member_integer(w, "attempts", (int64_t)r->attempt_count);
    if (r->priced)
        json_key(w, "litellm_response_cost"), json_number(w, r->cost);
}

void langfuse_write_metadata(struct json_writer *w, const struct langfuse_story *s)
{
    json_object(w);
    langfuse_write_said(w, s);
    langfuse_write_common(w, s->record);
    langfuse_write_own(w, s->record);
    json_object_end(w);
}

struct slice langfuse_time(struct arena *a, int64_t unix_ms)
{
    char text[DATE_SIZE];
    date_format(unix_ms, text);
    return ARENA_JOIN(a, slice_make(text, sizeof("2026-11-21T06:11:48.123") - 1), SLICE("Z"));
}
