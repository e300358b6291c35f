#include "sinks.h"

#include "wire/crypto.h"

static const struct sink_kind *const kinds[] = {
    &sink_langfuse,
    &sink_langfuse_otel,
    &sink_otel,
    NULL,
};

const struct sink_kind *sink_find(struct slice name)
{
    for (const struct sink_kind *const *kind = kinds; *kind; kind++)
        for (const char *const *n = (*kind)->names; *n; n++)
            if (slice_eq(name, slice_of(*n)))
                return *kind;
    return NULL;
}

struct slice sink_setting(const struct sink_setup *s, const char *setting, const char *variable)
{
    struct slice said = setting ? json_get_slice(s->settings, setting) : slice_make(NULL, 0);
    return said.n || !variable ? said : slice_of(s->variable(variable));
}

enum sink_verdict sink_judge(int status)
{
    if (status >= 200 && status < 300)
        return SINK_TAKEN;
    return status == 408 || status == 429 || status >= 500 ? SINK_AGAIN : SINK_REFUSED;
}

void sink_call_header(struct sink_call *c, const char *name, struct slice value)
{
    if (c->header_count < SINK_HEADERS_MAX)
        c->headers[c->header_count++] = (struct http_header){slice_of(name), value};
}

struct slice sink_basic(struct arena *a, struct slice name, struct slice password)
{
    struct buf b;
    buf_init(&b, SINK_CALL_MAX);
    BUF_LITERAL(&b, "Basic ");
    base64_encode(ARENA_JOIN(a, name, SLICE(":"), password), &b);
    struct slice value = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return value;
}

static void add_pair(struct sink_call *c, struct slice name, struct slice value)
{
    if (name.n && value.p)
        sink_call_header(c, arena_strdup(&c->arena, name), arena_dup(&c->arena, value));
}

/* Values are percent-encoded in OpenTelemetry's variables. */
static void add_listed(struct sink_call *c, struct slice list)
{
    while (list.p) {
        struct slice value = slice_split(&list, ','), name = slice_trim(slice_split(&value, '='));
        struct slice plain = percent_decode(slice_trim(value), &c->arena);
        add_pair(c, name, plain.p ? plain : slice_trim(value));
    }
}

void sink_call_headers(struct sink_call *c, struct slice list)
{
    struct slice text = slice_trim(list);
    yyjson_val *object = text.n && *text.p == '{' ? json_parse(text, &c->arena, NULL) : NULL;
    size_t i, n;
    yyjson_val *key, *value;
    if (!object)
        add_listed(c, list);
    yyjson_obj_foreach(object, i, n, key, value) add_pair(c, json_slice(key), json_slice(value));
}
