#include "pass_target.h"

#include "base/arena.h"
#include "query.h"
#include "wire/crypto.h"

#define X_PASS   SLICE("x-pass-")
#define URL_MAX  ((size_t)64 * 1024) /* bytes; a request's target is at most 16 KiB */
#define KEPT_MAX 64                  /* headers of an answer */
#define PART_MAX 256                 /* segments of a path */

/* ---- which ----------------------------------------------------------------------------------- */

static bool has_path(const struct pass_endpoint *e, struct slice path)
{
    if (slice_eq(path, e->path))
        return true;
    return e->subpaths && slice_starts(path, e->path) &&
           (e->path.n == 1 || path.p[e->path.n] == '/');
}

static bool has_method(const struct pass_endpoint *e, struct slice method)
{
    static const char *const all[] = {"GET", "POST", "PUT", "DELETE", "PATCH"};
    for (size_t i = 0; i < e->method_count; i++)
        if (slice_eq(method, e->methods[i]))
            return true;
    for (size_t i = 0; !e->method_count && i < sizeof(all) / sizeof(*all); i++)
        if (slice_eq(method, slice_of(all[i])))
            return true;
    return false;
}

/* The longest path counts: a route below another one has a target of its own. */
const struct pass_endpoint *pass_find(const struct pass_endpoints *all, struct slice method,
                                      struct slice path, bool *other)
{
    const struct pass_endpoint *best = NULL;
    *other = false;
    for (size_t i = 0; i < all->n; i++) {
        const struct pass_endpoint *e = &all->v[i];
        if (!has_path(e, path))
            continue;
        *other = true;
        if (has_method(e, method) && (!best || e->path.n > best->path.n))
            best = e;
    }
    return best;
}

/* ---- where ----------------------------------------------------------------------------------- */

/* Whether a server that takes an encoded slash for one would be led up. */
static bool hides_dots(struct slice plain)
{
    for (size_t i = 0; i + 1 < plain.n; i++) {
        bool begins = !i || plain.p[i - 1] == '/' || plain.p[i - 1] == '\\';
        bool ends = i + 2 == plain.n || plain.p[i + 2] == '/' || plain.p[i + 2] == '\\';
        if (begins && ends && plain.p[i] == '.' && plain.p[i + 1] == '.')
            return true;
    }
    return false;
}

/* 1: ".", 2: "..", however they are written; what hides the latter leads nowhere. */
static unsigned dots(struct slice part, struct arena *a)
{
    struct slice plain = percent_decode(part, a);
    if (slice_eq(plain, SLICE("..")))
        return 2;
    return slice_eq(plain, SLICE(".")) || hides_dots(plain);
}

static void add_subpath(struct buf *url, struct slice path, struct arena *a)
{
    size_t begins[PART_MAX], n = 0;
    bool slash = slice_ends(path, SLICE("/"));
    if (url->p[url->n - 1] == '/')
        url->n--;
    while (path.p) {
        struct slice part = slice_split(&path, '/');
        unsigned up = dots(part, a);
        if (up == 2 && n)
            url->n = begins[--n];
        if (up || !part.n || n == PART_MAX)
            continue;
        begins[n++] = url->n;
        buf_add_char(url, '/');
        buf_add(url, part);
    }
    if (slash || !n)
        buf_add_char(url, '/');
}

static void add_parameter(struct buf *url, bool *any, struct slice encoded)
{
    buf_add_char(url, *any ? '&' : '?');
    buf_add(url, encoded);
    *any = true;
}

static bool names(struct slice query, struct slice name, struct arena *a)
{
    return query_get(query, arena_strdup(a, name), a).p;
}

static void add_query(struct buf *url, const struct pass_endpoint *e, struct slice query,
                      struct arena *a)
{
    bool any = false;
    for (size_t i = 0; i < e->parameter_count; i++) {
        const struct pass_parameter *p = &e->parameters[i];
        if (names(query, p->name, a) || names(e->target_query, p->name, a))
            continue;
        add_parameter(url, &any, SLICE(""));
        percent_encode(p->name, url);
        buf_add_char(url, '=');
        percent_encode(p->value, url);
    }
    for (struct slice own = e->target_query; own.n;) {
        struct slice pair = slice_split(&own, '&'), name = pair;
        name = percent_decode(slice_split(&name, '='), a);
        if (pair.n && !names(query, name, a))
            add_parameter(url, &any, pair);
    }
    if (query.n)
        add_parameter(url, &any, query);
}

const char *pass_url(const struct pass_endpoint *e, struct slice path, struct slice query,
                     struct arena *a)
{
    struct buf url;
    buf_init(&url, URL_MAX);
    buf_add(&url, e->target);
    struct slice below = slice_skip(path, e->path.n);
    if (below.n && !slice_eq(path, e->path))
        add_subpath(&url, below, a);
    add_query(&url, e, query, a);
    const char *text = url.overflow ? NULL : arena_strdup(a, buf_slice(&url));
    buf_fini(&url);
    return text;
}

/* ---- headers --------------------------------------------------------------------------------- */

/* Hop by hop (RFC 9110, 7.6.1), the framing, and what `Connection` names. */
static bool is_of_connection(struct slice name, struct http_headers all)
{
    for (size_t i = 0; i < all.n; i++) {
        struct slice list = all.v[i].value;
        while (slice_eq_nocase(all.v[i].name, SLICE("connection")) && list.p)
            if (slice_eq_nocase(slice_trim(slice_split(&list, ',')), name))
                return true;
    }
    return http_header_traits(name) & HTTP_OF_HOP;
}

static bool may_carry_key(struct slice name, const char *key_header)
{
    return http_header_traits(name) & HTTP_HAS_KEY ||
           (key_header && slice_eq_nocase(name, slice_of(key_header)));
}

static bool describes_body(struct slice name)
{
    return slice_eq_nocase(name, SLICE("content-type")) ||
           slice_eq_nocase(name, SLICE("content-encoding"));
}

struct http_headers pass_request_headers(const struct pass_endpoint *e, struct http_headers client,
                                         const char *key_header, struct arena *a)
{
    struct http_header *v = arena_alloc(a, (e->headers.n + client.n) * sizeof(*v));
    struct http_headers sent = {v, 0};
    for (size_t i = 0; i < e->headers.n; i++)
        if (!is_of_connection(e->headers.v[i].name, (struct http_headers){NULL, 0}) ||
            slice_eq_nocase(e->headers.v[i].name, SLICE("host")))
            v[sent.n++] = e->headers.v[i];
    for (size_t i = 0; i < client.n; i++) {
        struct http_header h = client.v[i];
        bool prefixed = slice_starts_nocase(h.name, X_PASS);
        if (is_of_connection(h.name, client))
            continue;
        if (prefixed)
            h.name = slice_skip(h.name, X_PASS.n);
        if (!prefixed && !e->forward && !describes_body(h.name))
            continue;
        bool barred = !h.name.n || may_carry_key(h.name, key_header) ||
                      is_of_connection(h.name, client) ||
                      (prefixed && slice_starts_nocase(h.name, SLICE("x-amz-")));
        if (!barred && !http_header_get(e->headers, arena_strdup(a, h.name)).p)
            v[sent.n++] = h;
    }
    return sent;
}

/* What our own answer says. */
static bool is_ours(struct slice name)
{
    static const char *const ours[] = {"date",
                                       "server",
                                       "x-litellm-call-id",
                                       "x-litellm-version",
                                       "x-request-id",
                                       "x-content-type-options",
                                       "access-control-allow-origin",
                                       "access-control-expose-headers"};
    for (size_t i = 0; i < sizeof(ours) / sizeof(*ours); i++)
        if (slice_eq_nocase(name, slice_of(ours[i])))
            return true;
    return false;
}

struct http_headers pass_answer_headers(struct http_headers answer, struct arena *a)
{
    struct http_header *v = arena_alloc(a, KEPT_MAX * sizeof(*v));
    struct http_headers kept = {v, 0};
    for (size_t i = 0; i < answer.n && kept.n < KEPT_MAX; i++) {
        struct http_header h = answer.v[i];
        /* A server may send anything; what is no name would break the head of our answer. */
        if (!http_is_token(h.name) || is_ours(h.name) || is_of_connection(h.name, answer))
            continue;
        v[kept.n++] = (struct http_header){arena_dup(a, h.name), arena_dup(a, h.value)};
    }
    return kept;
}
