/* struct spend ⇄ JSON.
 *
 * Happy path: one table of the members serves both ways. Names are cleaned and cut on the way in;
 * what is empty is left out.
 *
 * Failure modes: a record that is no JSON object is refused; members of another type count as
 * absent. */

#include "spend_record.h"

#include "base/text.h"

#include <stddef.h>

enum member_kind { NAME, JSON_TEXT, BODY, NUMBER, MONEY, FLAG };

static const struct member {
    const char *key; /* as in LiteLLM_SpendLogs where it has one */
    enum member_kind kind;
    size_t offset;
} members[] = {
#define MEMBER(key, kind, field)                                                                   \
    {                                                                                              \
        key, kind, offsetof(struct spend, field)                                                   \
    }
    MEMBER("request_id", NAME, request_id),
    MEMBER("litellm_call_id", NAME, call_id),
    MEMBER("call_type", NAME, call_type),
    MEMBER("endpoint", NAME, endpoint),
    MEMBER("api_key", NAME, key),
    MEMBER("user", NAME, user),
    MEMBER("team_id", NAME, team),
    MEMBER("organization_id", NAME, organization),
    MEMBER("project_id", NAME, project),
    MEMBER("agent_id", NAME, agent),
    MEMBER("end_user", NAME, end_user),
    MEMBER("model", NAME, model),
    MEMBER("model_id", NAME, model_id),
    MEMBER("model_group", NAME, model_group),
    MEMBER("custom_llm_provider", NAME, provider),
    MEMBER("api_base", NAME, api_base),
    MEMBER("session_id", NAME, session_id),
    MEMBER("requester_ip_address", NAME, requester_ip),
    MEMBER("cache_hit", NAME, cache_hit),
    MEMBER("cache_key", NAME, cache_key),
    MEMBER("request_tags", JSON_TEXT, tags),
    MEMBER("metadata", JSON_TEXT, metadata),
    MEMBER("messages", BODY, messages),
    MEMBER("response", BODY, response),
    MEMBER("proxy_server_request", BODY, request),
    MEMBER("error", NAME, error),
    MEMBER("failed", FLAG, failed),
    MEMBER("prompt_tokens", NUMBER, prompt_tokens),
    MEMBER("completion_tokens", NUMBER, completion_tokens),
    MEMBER("cache_read_tokens", NUMBER, cache_read_tokens),
    MEMBER("cache_write_tokens", NUMBER, cache_write_tokens),
    MEMBER("spend", MONEY, cost),
    MEMBER("caching_savings", MONEY, caching_savings),
    MEMBER("start_ms", NUMBER, start_ms),
    MEMBER("end_ms", NUMBER, end_ms),
    MEMBER("first_ms", NUMBER, first_ms),
    MEMBER("no_row", FLAG, no_row),
    MEMBER("no_count", FLAG, no_count),
#undef MEMBER
};

#define MEMBERS (sizeof(members) / sizeof(*members))

static void *field_of(const struct spend *spend, const struct member *m)
{
    return (char *)(uintptr_t)spend + m->offset;
}

/* ---- out ------------------------------------------------------------------------------------- */

size_t spend_name_length(struct slice s)
{
    size_t n = s.n < SPEND_NAME_MAX ? s.n : SPEND_NAME_MAX;
    while (n < s.n && n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

static void write_name(struct json_writer *w, const char *key, struct slice s)
{
    char clean[SPEND_NAME_MAX];
    size_t n = spend_name_length(s);
    memcpy(clean, s.p, n);
    text_clean(clean, n);
    json_key_slice(w, slice_of(key));
    json_string(w, slice_make(clean, n));
}

/* PostgreSQL takes no NUL in a text, written as \u0000 or not: it becomes U+FFFD. */
static void write_json(struct json_writer *w, const char *key, struct slice json)
{
    struct slice nul = SLICE("\\u0000"), rest = json;
    json_key_slice(w, slice_of(key));
    json_raw(w, SLICE(""));
    for (ptrdiff_t at; (at = slice_find(rest, nul)) >= 0;) {
        ptrdiff_t slashes = 0;
        while (at > slashes && rest.p[at - 1 - slashes] == '\\')
            slashes++;
        buf_add(w->out, slice_make(rest.p, (size_t)at));
        buf_add(w->out, slashes % 2 ? nul : SLICE("\\ufffd"));
        rest = slice_skip(rest, (size_t)at + nul.n);
    }
    buf_add(w->out, rest);
}

static void write_member(struct json_writer *w, const struct spend *spend, const struct member *m)
{
    const void *field = field_of(spend, m);
    const struct slice *text = field;
    const int64_t *number = field;
    const double *usd = field;
    switch (m->kind) {
    case NAME:
        if (text->n)
            write_name(w, m->key, *text);
        break;
    case JSON_TEXT:
    case BODY:
        if (text->n)
            write_json(w, m->key, *text);
        break;
    case NUMBER:
        if (*number)
            json_key_slice(w, slice_of(m->key)), json_integer(w, *number);
        break;
    case MONEY:
        if (*usd != 0)
            json_key_slice(w, slice_of(m->key)), json_number(w, *usd);
        break;
    case FLAG:
        if (*(const bool *)field)
            json_key_slice(w, slice_of(m->key)), json_bool(w, true);
        break;
    }
}

void spend_encode(const struct spend *spend, struct buf *out)
{
    struct json_writer w;
    bool bodies = spend->messages.n + spend->response.n + spend->request.n < SPEND_RECORD_MAX / 2;
    json_begin(&w, out);
    json_object(&w);
    for (size_t i = 0; i < MEMBERS; i++)
        if (bodies || members[i].kind != BODY)
            write_member(&w, spend, &members[i]);
    json_object_end(&w);
}

/* ---- in -------------------------------------------------------------------------------------- */

static struct slice text_of(yyjson_val *json, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SPEND_RECORD_MAX);
    json_begin(&w, &b);
    json_value(&w, json);
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static void read_member(const struct spend *spend, const struct member *m, yyjson_val *json,
                        struct arena *a)
{
    void *field = field_of(spend, m);
    switch (m->kind) {
    case NAME: *(struct slice *)field = json_slice(json); break;
    case JSON_TEXT:
    case BODY: *(struct slice *)field = text_of(json, a); break;
    case NUMBER: json_int(json, field); break;
    case MONEY: json_double(json, field); break;
    case FLAG: *(bool *)field = yyjson_is_true(json); break;
    }
}

static const struct member *find_member(struct slice key)
{
    for (size_t i = 0; i < MEMBERS; i++)
        if (slice_eq(slice_of(members[i].key), key))
            return &members[i];
    return NULL;
}

bool spend_decode(struct slice record, struct arena *a, struct spend *spend)
{
    size_t i, n;
    yyjson_val *key, *value, *root = json_parse(record, a, NULL);
    *spend = (struct spend){0};
    if (!yyjson_is_obj(root))
        return false;
    yyjson_obj_foreach(root, i, n, key, value)
    {
        const struct member *m = find_member(json_slice(key));
        if (m)
            read_member(spend, m, value, a);
    }
    return true;
}
