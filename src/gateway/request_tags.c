/* See request_tags.h. */

#include "request_tags.h"

#include "base/text.h"

#define VALUE_MAX 1000 /* bytes of a header's value */

static void write_tag(struct json_writer *w, struct slice name, struct slice value, struct arena *a)
{
    value.n = value.n < VALUE_MAX ? value.n : VALUE_MAX;
    json_string_begin(w);
    json_string_part(w, name);
    json_string_part(w, SLICE(": "));
    json_string_part(w, text_is_utf8(value) ? value : text_dup_utf8(a, value));
    json_string_end(w);
}

static void write_user_agent(struct http_headers headers, struct json_writer *w, struct arena *a)
{
    struct slice agent = slice_trim(http_header_get(headers, "user-agent"));
    ptrdiff_t slash = slice_find_char(agent, '/');
    if (slash >= 0)
        write_tag(w, SLICE("User-Agent"), slice_make(agent.p, (size_t)slash), a);
    if (agent.n)
        write_tag(w, SLICE("User-Agent"), agent, a);
}

void request_tags_write(const struct config *c, struct http_headers headers, struct json_writer *w,
                        struct arena *a)
{
    if (!c->settings.no_user_agent_tags)
        write_user_agent(headers, w, a);
    for (size_t i = 0; i < c->spend_tag_headers.n; i++) {
        struct slice name = c->spend_tag_headers.v[i], value = http_header_get(headers, name.p);
        if (value.n)
            write_tag(w, name, value, a);
    }
}
