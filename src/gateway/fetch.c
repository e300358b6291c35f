/* What prompts name by URL.
 *
 * Happy path: the URLs of all blocks are gathered, each once; a batch gets them; each answer is
 * checked, encoded and given to every block that named the URL.
 *
 * Failure modes: too many URLs; a URL that its fence stops; a host that is away, slow, or answers
 * with anything but 200; too many bytes; a type no model takes, or a page where a picture was
 * meant. The first one ends the rest. What curl says is for nobody's eyes: it may name addresses of
 * our network. */

#include "fetch.h"

#include "batch.h"
#include "llm/media.h"
#include "wire/crypto.h"

#include <ctype.h>
#include <stdio.h>

#define REDIRECTS_MAX 3
#define HOST_SHOWN    200 /* bytes of a host in a message */
#define MEGABYTE      (1024.0 * 1024)

struct item {
    struct slice named; /* as the client wrote it */
    const char *url;    /* as it is called */
    struct http_fence fence;
};

struct fetch {
    struct fetch_job job;
    struct batch *batch;
    struct item items[FETCH_URLS_MAX];
    size_t count;
    bool too_many;
    const struct item *item; /* being handed out, with … */
    struct slice type;       /* … what its answer says it is … */
    struct slice bytes;
    struct slice data; /* … and base64 */
};

/* ---- blocks -------------------------------------------------------------------------------- */

static bool wants_fetch(const struct llm_block *b)
{
    return b->url.n && !b->data.n && !slice_starts(b->url, SLICE("s3://"));
}

static bool any_wants_fetch(const struct llm_block *b)
{
    for (; b; b = b->next)
        if (wants_fetch(b) || any_wants_fetch(b->content))
            return true;
    return false;
}

bool fetch_is_wanted(const struct llm_request *r)
{
    for (const struct llm_message *m = r->messages; m; m = m->next)
        if (any_wants_fetch(m->blocks))
            return true;
    return false;
}

typedef void visitor(struct fetch *f, struct llm_block *b);

/* Results hold documents, and those hold images: no deeper. */
static void each_in(struct fetch *f, struct llm_block *b, visitor *visit)
{
    for (; b; b = b->next) {
        if (wants_fetch(b))
            visit(f, b);
        each_in(f, b->content, visit);
    }
}

static void each_block(struct fetch *f, visitor *visit)
{
    for (struct llm_message *m = f->job.request->messages; m; m = m->next)
        each_in(f, m->blocks, visit);
}

/* ---- URLs ---------------------------------------------------------------------------------- */

/* libcurl takes "http:/host//other" and "host/?at=//other" too: to that host. */
struct slice fetch_authority(struct slice url)
{
    size_t scheme = 0, n = 0;
    while (scheme < url.n && isalpha((unsigned char)url.p[scheme]))
        scheme++;
    struct slice rest = slice_skip(url, scheme);
    if (!scheme || !slice_starts(rest, SLICE("://")))
        return slice_make(NULL, 0);
    rest = slice_skip(rest, 3);
    while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?' && rest.p[n] != '#')
        n++;
    return slice_make(rest.p, n);
}

/* Without a user's name. */
static struct slice host_of(struct slice url)
{
    struct slice host = fetch_authority(url);
    for (ptrdiff_t at; (at = slice_find_char(host, '@')) >= 0;)
        host = slice_skip(host, (size_t)at + 1);
    return host.n > HOST_SHOWN ? slice_make(host.p, HOST_SHOWN) : host;
}

bool fetch_lists_host(yyjson_val *hosts, struct slice url)
{
    struct slice authority = fetch_authority(url), host = authority;
    yyjson_arr_iter it = yyjson_arr_iter_with(hosts);
    yyjson_val *v;
    size_t colon = host.n;
    while (colon && host.p[colon - 1] >= '0' && host.p[colon - 1] <= '9')
        colon--;
    if (colon && host.p[colon - 1] == ':')
        host.n = colon - 1;
    while ((v = yyjson_arr_iter_next(&it)))
        if (slice_eq_nocase(json_slice(v), authority) || slice_eq_nocase(json_slice(v), host))
            return true;
    return false;
}

/* A listed host is trusted itself, but not with sending us elsewhere. */
struct http_fence fetch_fence(const struct config *c, struct slice url)
{
    const struct settings *s = &c->settings;
    if (fetch_lists_host(c->url_allowed_hosts, url))
        return (struct http_fence){.plain_http = true, .private_addresses = true};
    return (struct http_fence){.plain_http = s->fetch_plain_http || !s->user_url_validation,
                               .private_addresses = !s->user_url_validation,
                               .redirects_max = REDIRECTS_MAX};
}

/* Spaces and letters beyond ASCII, as people copy them, are percent-encoded; the host stays. */
static const char *callable(struct arena *a, struct slice url)
{
    struct slice authority = fetch_authority(url);
    const char *path = authority.p ? authority.p + authority.n : url.p;
    char *text = arena_alloc(a, url.n * 3 + 1), *to = text;
    for (const char *p = url.p; p < url.p + url.n; p++) {
        unsigned char c = (unsigned char)*p;
        if (p >= path && (c <= ' ' || c >= 0x7f))
            to += snprintf(to, 4, "%%%02X", c);
        else
            *to++ = *p;
    }
    *to = '\0';
    return text;
}

static void gather(struct fetch *f, struct llm_block *b)
{
    for (size_t i = 0; i < f->count; i++)
        if (slice_eq(f->items[i].named, b->url))
            return;
    f->too_many = f->too_many || f->count == FETCH_URLS_MAX;
    if (f->too_many)
        return;
    f->items[f->count++] = (struct item){
        .named = b->url,
        .url = callable(f->job.arena, b->url),
        .fence = fetch_fence(f->job.config, b->url),
    };
}

/* ---- answers ------------------------------------------------------------------------------- */

#define REFUSE(f, item, format, ...)                                                               \
    failure_set((f)->job.failure, (f)->job.message, FAILURE_BAD_REQUEST, 400,                      \
                "the URL at '%.*s' cannot be used: " format, SLICE_ARG(host_of((item)->named)),    \
                __VA_ARGS__)

static bool refuse_end(struct fetch *f, const struct item *item, const struct batch_answer *a)
{
    switch (a->end) {
    case UPSTREAM_FENCED: return REFUSE(f, item, "%s", a->detail);
    case UPSTREAM_UNREACHABLE: return REFUSE(f, item, "%s", "its host cannot be reached");
    case UPSTREAM_TIMEOUT_CONNECT:
    case UPSTREAM_TIMEOUT_FIRST:
    case UPSTREAM_TIMEOUT_IDLE:
    case UPSTREAM_TIMEOUT_TOTAL: return REFUSE(f, item, "%s", "it takes too long");
    case UPSTREAM_DONE:
    case UPSTREAM_BROKEN: break;
    }
    return REFUSE(f, item, "%s", "its answer is cut off or malformed");
}

static bool is_plain(struct slice encoding)
{
    return !encoding.n || slice_eq_nocase(encoding, SLICE("identity"));
}

static bool take_answer(struct fetch *f, const struct item *item, const struct batch_answer *a)
{
    if (a->too_large)
        return REFUSE(f, item, "it is larger than %g MB, or all that is fetched larger than %d MB",
                      f->job.config->settings.fetch_max_mb, FETCH_TOTAL_MAX / (1024 * 1024));
    if (a->end != UPSTREAM_DONE)
        return refuse_end(f, item, a);
    if (a->status != 200)
        return REFUSE(f, item, "its host answers %d", a->status);
    if (!a->body.n)
        return REFUSE(f, item, "%s", "it is empty");
    if (!is_plain(http_header_get(a->headers, "content-encoding")))
        return REFUSE(f, item, "%s", "its answer is compressed");
    return true;
}

static struct slice encode(struct arena *a, struct slice bytes)
{
    size_t size = (bytes.n + 2) / 3 * 4;
    struct buf text = {.p = arena_alloc(a, size), .size = size, .cap = size};
    base64_encode(bytes, &text);
    return buf_slice(&text);
}

/* Where a picture was meant a text is an error page or a web page that shows it. */
static bool is_meant(const struct llm_block *b, const struct media *media)
{
    return b->kind == LLM_DOCUMENT || !slice_starts(slice_of(media->types[0]), SLICE("text/"));
}

/* The client's word on the type counts more than the server's, the bytes more than both. */
static void hand_out(struct fetch *f, struct llm_block *b)
{
    if (!slice_eq(b->url, f->item->named))
        return;
    struct slice type = b->media_type.n ? b->media_type : f->type;
    struct slice name = media_by_name(b->name) ? b->name : b->url;
    const struct media *media = media_decide(type, name, f->bytes);
    if (!media || !is_meant(b, media)) {
        REFUSE(f, f->item, "'%.*s' is not a media type that can be used here",
               type.n > HOST_SHOWN ? HOST_SHOWN : (int)type.n, type.n ? type.p : "");
        return;
    }
    b->kind = media->kind;
    b->media_type = slice_of(media->types[0]);
    b->data = f->data;
    b->url = slice_make(NULL, 0);
}

static bool on_done(void *user, size_t i, const struct batch_answer *a)
{
    struct fetch *f = user;
    if (!take_answer(f, &f->items[i], a))
        return false;
    f->item = &f->items[i];
    f->type = http_header_get(a->headers, "content-type");
    f->bytes = a->body;
    f->data = encode(f->job.arena, a->body);
    each_block(f, hand_out);
    return f->job.failure->kind == FAILURE_NONE;
}

static bool on_call(void *user, size_t i, struct http_call *call)
{
    static const struct http_header headers[] = {
        {{"User-Agent", 10}, {"lintel/" LINTEL_VERSION, sizeof("lintel/" LINTEL_VERSION) - 1}},
        {{"Accept", 6}, {"*/*", 3}},
    };
    struct fetch *f = user;
    *call = (struct http_call){
        .method = "GET",
        .url = f->items[i].url,
        .headers = {headers, sizeof(headers) / sizeof(*headers)},
        .fence = &f->items[i].fence,
    };
    return true;
}

static void on_over(void *user)
{
    struct fetch *f = user;
    f->batch = NULL;
    f->job.over(f->job.user);
}

static const struct batch_events batch_events = {.call = on_call, .done = on_done, .over = on_over};

/* ---- the whole ----------------------------------------------------------------------------- */

static void start_batch(struct fetch *f)
{
    const struct settings *s = &f->job.config->settings;
    const struct batch_options options = {
        .count = f->count,
        .body_max = (size_t)(s->fetch_max_mb * MEGABYTE),
        .total_max = FETCH_TOTAL_MAX,
        .timeouts = {.connect_ms = config_milliseconds(s->connect_timeout),
                     .total_ms = config_milliseconds(s->fetch_timeout)},
    };
    f->batch = batch_start(f->job.upstream, f->job.turn, &options, &batch_events, f);
}

struct fetch *fetch_start(const struct fetch_job *job)
{
    struct fetch found = {.job = *job};
    each_block(&found, gather);
    if (found.too_many)
        failure_set(job->failure, job->message, FAILURE_BAD_REQUEST, 400,
                    "the request names more than %d URLs to be fetched", FETCH_URLS_MAX);
    else if (found.count && job->config->settings.fetch_max_mb <= 0)
        REFUSE(&found, &found.items[0], "%s", "URLs are not fetched here: send the data itself");
    if (!found.count || job->failure->kind != FAILURE_NONE)
        return NULL;
    struct fetch *f = arena_alloc(job->arena, sizeof(*f));
    *f = found;
    start_batch(f);
    return f;
}

void fetch_cancel(struct fetch *f)
{
    batch_cancel(f->batch);
    f->batch = NULL;
}

void fetch_expire(struct fetch *f)
{
    fetch_cancel(f);
    failure_set(f->job.failure, f->job.message, FAILURE_BAD_REQUEST, 400,
                "the URLs in the request take longer than %g seconds",
                f->job.config->settings.fetch_timeout);
}
