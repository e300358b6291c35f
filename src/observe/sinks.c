#include "sinks.h"

#include "otlp.h"
#include "wire/crypto.h"

#include <stdarg.h>
#include <stdio.h>

static const struct sink_kind *const kinds[] = {
    &sink_langfuse,  &sink_langfuse_otel, &sink_otel,        &sink_weave,
    &sink_traceloop, &sink_webhook,       &sink_datadog,     &sink_s3,
    &sink_lunary,    &sink_helicone,      &sink_promptlayer, NULL,
};

static const struct sink_kind *find_named(struct slice name)
{
    for (const struct sink_kind *const *kind = kinds; *kind; kind++)
        for (const char *const *n = (*kind)->names; *n; n++)
            if (slice_eq(name, slice_of(*n)))
                return *kind;
    return NULL;
}

const struct sink_kind *sink_find(const struct sink_setup *s)
{
    const struct sink_kind *kind = find_named(s->name);
    return kind ? kind : find_named(json_get_slice(s->settings, "callback_type"));
}

const struct sink_kind *sink_kind_at(size_t i)
{
    size_t k = 0;
    while (kinds[k] && k < i)
        k++;
    return kinds[k];
}

void *sink_new(size_t size)
{
    struct arena arena;
    arena_init(&arena);
    struct arena *self = arena_zalloc(&arena, size);
    *self = arena;
    return self;
}

void sink_free(void *self)
{
    struct arena arena = *(struct arena *)self;
    arena_fini(&arena);
}

void *sink_refuse(struct sink_setup *s, void *self, const char *why, ...)
{
    va_list arguments;
    va_start(arguments, why);
    vsnprintf(s->error, sizeof(s->error), why, arguments);
    va_end(arguments);
    if (self)
        sink_free(self);
    return NULL;
}

yyjson_val *sink_option_list(struct arena *a, const struct sink_setup *s, const char *name)
{
    yyjson_val *list = json_get(s->options, name);
    return yyjson_arr_size(list) ? json_parse(json_text_of(list, a), a, NULL) : NULL;
}

struct slice sink_kept(struct arena *a, const struct sink_setup *s, const char *setting,
                       const char *variable, struct slice otherwise)
{
    struct slice said = sink_setting(s, setting, variable);
    return arena_dup(a, said.n ? said : otherwise);
}

const char *sink_url(struct arena *a, struct slice base, struct slice path)
{
    bool bare = slice_find(base, SLICE("://")) < 0; /* LiteLLM takes that too */
    while (slice_ends(base, SLICE("/")))
        base.n--;
    return ARENA_JOIN(a, bare ? SLICE("https://") : SLICE(""), base, path).p;
}

static struct slice member_nocase(yyjson_val *object, struct slice name)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (slice_eq_nocase(json_slice(key), name))
            return json_slice(value);
    }
    return slice_make(NULL, 0);
}

struct slice sink_client_header(const struct record *r, struct slice name, struct arena *a)
{
    return member_nocase(otlp_parse(r->text.headers, a), name);
}

struct slice sink_bearer(struct arena *a, struct slice key)
{
    return ARENA_JOIN(a, SLICE("Bearer "), key);
}

struct slice sink_setting(const struct sink_setup *s, const char *setting, const char *variable)
{
    struct slice said = setting ? json_get_slice(s->settings, setting) : slice_make(NULL, 0);
    if (said.n || !variable)
        return said;
    if (s->own) /* in lower case, as LiteLLM has it in callback_vars */
        said = member_nocase(s->own, slice_of(variable));
    /* The environment's secrets do not go where somebody else says. */
    return said.n || (s->own && !s->own_first) ? said
                                               : slice_of(s->variable(s->variable_user, variable));
}

enum sink_verdict sink_judge(int status)
{
    if (status >= 200 && status < 300)
        return SINK_TAKEN;
    return status == 408 || status == 429 || status >= 500 ? SINK_AGAIN : SINK_REFUSED;
}

void sink_call_header(struct sink_call *c, const char *name, struct slice value)
{
    if (!http_is_token(slice_of(name)) || !http_is_line(value))
        return;
    for (size_t i = 0; i < c->header_count; i++)
        if (slice_eq_nocase(c->headers[i].name, slice_of(name)))
            return;
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
