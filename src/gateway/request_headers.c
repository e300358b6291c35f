/* See request_headers.h. */

#include "request_headers.h"

#include "base/text.h"
#include "config/wildcard.h"
#include "request_metadata.h"

#define OF_CALLER "x-litellm-user_api_key_"

struct headers {
    struct buf text;
    struct json_writer w;
    struct slice names[REQUEST_HEADERS_MAX];
    size_t n, bytes;
};

static bool lists(struct name_list list, struct slice name)
{
    for (size_t i = 0; i < list.n; i++)
        if (name.n && (slice_eq(list.v[i], name) || wildcard_match(list.v[i], name).p))
            return true;
    return false;
}

bool request_headers_wanted(const struct config *c, struct slice asked, struct slice group)
{
    return c->settings.forward_headers || lists(c->header_groups, asked) ||
           lists(c->header_groups, group);
}

static void add(struct headers *h, struct slice name, struct slice value)
{
    if (h->n == REQUEST_HEADERS_MAX || h->bytes + name.n + value.n > REQUEST_HEADERS_BYTES)
        return;
    for (size_t i = 0; i < h->n; i++)
        if (slice_eq_nocase(h->names[i], name))
            return;
    h->bytes += name.n + value.n;
    h->names[h->n++] = name;
    json_key_slice(&h->w, name);
    json_string(&h->w, value);
}

static void add_fact(struct headers *h, const char *name, struct slice value)
{
    if (value.n)
        add(h, slice_of(name), value);
}

static void add_facts(struct headers *h, const struct caller *c, struct slice path)
{
    static const char *const names[] = {OF_CALLER "hash",          OF_CALLER "alias",
                                        OF_CALLER "user_id",       OF_CALLER "team_id",
                                        OF_CALLER "team_alias",    OF_CALLER "org_id",
                                        OF_CALLER "org_alias",     OF_CALLER "project_id",
                                        OF_CALLER "project_alias", OF_CALLER "end_user_id"};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        add_fact(
            h, names[i],
            request_metadata_fact(c, slice_skip(slice_of(names[i]), sizeof("x-litellm-") - 1)));
    add_fact(h, OF_CALLER "request_route", path);
}

static void add_own(struct headers *h, yyjson_val *own)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(own);
    while ((key = yyjson_obj_iter_next(&it)))
        if (yyjson_is_str(yyjson_obj_iter_get_val(key)))
            add(h, json_slice(key), json_slice(yyjson_obj_iter_get_val(key)));
}

bool request_headers_carries_key(const struct config *c, struct slice name)
{
    return http_header_traits(name) & HTTP_HAS_KEY ||
           slice_eq_nocase(name, slice_of(c->settings.litellm_key_header_name));
}

static bool is_forwardable(const struct config *c, struct slice name)
{
    if (slice_eq_nocase(name, SLICE("anthropic-beta")))
        return true;
    return slice_starts_nocase(name, SLICE("x-")) &&
           !slice_starts_nocase(name, SLICE("x-stainless")) &&
           !slice_starts_nocase(name, SLICE("x-amz")) &&
           !slice_starts_nocase(name, SLICE(OF_CALLER)) && !request_headers_carries_key(c, name);
}

static void begin(struct headers *h)
{
    *h = (struct headers){.n = 0};
    buf_init(&h->text, 8 * REQUEST_HEADERS_BYTES);
    json_begin(&h->w, &h->text);
    json_object(&h->w);
}

static void end(struct headers *h, struct llm_request *r, struct arena *a)
{
    json_object_end(&h->w);
    if (h->n)
        r->headers = json_parse(buf_slice(&h->text), a, NULL);
    buf_fini(&h->text);
}

void request_headers_put(struct llm_request *r, struct slice name, struct slice value,
                         struct arena *a)
{
    struct headers h;
    if (!value.n)
        return;
    begin(&h);
    add_own(&h, r->headers);
    add(&h, name, text_dup_utf8(a, value));
    end(&h, r, a);
}

void request_headers_add(struct llm_request *r, const struct config *c, struct http_headers headers,
                         const struct caller *caller, struct slice path, struct arena *a)
{
    struct headers h;
    begin(&h);
    if (c->settings.user_headers)
        add_facts(&h, caller, path);
    add_own(&h, r->headers);
    for (size_t i = 0; i < headers.n; i++)
        if (is_forwardable(c, headers.v[i].name))
            add(&h, headers.v[i].name, text_dup_utf8(a, headers.v[i].value));
    end(&h, r, a);
}
