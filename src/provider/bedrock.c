/* Amazon Bedrock: the call. POST {endpoint}/model/{id}/{api}, signed with SigV4 for the service
 * "bedrock"; here for Converse, and for the other providers through bedrock_sign_call. The id is
 * percent-encoded into one path segment (the '/' of ARNs too).
 *
 * Failure modes: no credentials (FAILURE_AUTHENTICATION, saying where they were looked for), a
 * model id longer than Bedrock's, a body over Bedrock's limit. */

#include "bedrock_decoder.h"

#include "provider/plan.h"
#include "wire/crypto.h"

#define USER_AGENT         "lintel/" LINTEL_VERSION
#define ID_MAX             2048 /* bytes of a model id or ARN, Bedrock's own limit */
#define URL_MAX            8192 /* bytes; three for each of an id, when encoded */
#define HEADER_COUNT       7    /* of our own */
#define CLIENT_HEADERS_MAX 48   /* extra_headers, and what the gateway adds to them */

/* "https://host:port/prefix" in two: the host, and the prefix (usually empty) that a proxy in front
 * of Bedrock may have; it is signed with the rest of the path. */
static struct slice endpoint_host(struct slice endpoint, struct slice *prefix)
{
    struct slice rest = endpoint;
    ptrdiff_t scheme = slice_find(rest, SLICE("://"));
    if (scheme >= 0)
        rest = slice_skip(rest, (size_t)scheme + 3);
    ptrdiff_t slash = slice_find_char(rest, '/');
    *prefix = slash < 0 ? SLICE("") : slice_skip(rest, (size_t)slash);
    return slash < 0 ? rest : slice_make(rest.p, (size_t)slash);
}

static void write_id(struct slice id, bool raw_colon, struct buf *b)
{
    while (raw_colon && slice_find_char(id, ':') >= 0) {
        percent_encode(slice_split(&id, ':'), b);
        buf_add_char(b, ':');
    }
    percent_encode(id, b);
}

static struct slice call_path(const struct provider_attempt *t, struct slice prefix,
                              struct slice api, bool raw_colon)
{
    struct buf b;
    buf_init(&b, URL_MAX + prefix.n);
    buf_add(&b, prefix);
    BUF_LITERAL(&b, "/model/");
    write_id(t->model_id, raw_colon, &b);
    buf_add(&b, api);
    struct slice path = arena_dup(t->arena, buf_slice(&b));
    buf_fini(&b);
    return path;
}

/* The headers that are signed come first; `signed_count` says how many. */
struct signed_headers {
    struct http_header *v;
    size_t signed_count;
    size_t count;
};

static void header_add(struct signed_headers *h, struct slice name, struct slice value)
{
    h->v[h->count++] = (struct http_header){name, value};
}

static const struct aws_credentials *credentials_of(const struct provider_attempt *t)
{
    return t->credentials ? t->credentials : &t->deployment->credentials;
}

static void sign(const struct provider_attempt *t, struct slice path, const char *date,
                 struct signed_headers *h)
{
    const struct deployment *d = t->deployment;
    char hash[HEX_SIZE(SHA256_SIZE)];
    sha256_hex(buf_slice(t->body), hash);
    struct sigv4_request r = {.method = SLICE("POST"),
                              .path = path,
                              .headers = {h->v, h->signed_count},
                              .payload_hash = hash};
    header_add(h, SLICE("authorization"),
               sigv4_authorization(&r, credentials_of(t), slice_of(d->region), SLICE("bedrock"),
                                   date, d->signing_key, t->arena));
}

/* Headers that would change what is called, how it is framed or who calls. Beta flags travel in
 * the body. */
static bool is_ours(struct slice name)
{
    static const struct slice fixed[] = {
        SLICE_CONST("accept-encoding"),
        SLICE_CONST("user-agent"),
        SLICE_CONST("authorization"),
        SLICE_CONST("anthropic-beta"),
    };
    for (size_t i = 0; i < sizeof(fixed) / sizeof(*fixed); i++)
        if (slice_eq_nocase(name, fixed[i]))
            return true;
    return http_header_traits(name) & HTTP_OF_HOP || slice_starts_nocase(name, SLICE("x-amz-")) ||
           slice_starts_nocase(name, SLICE("content-")) ||
           slice_starts_nocase(name, SLICE("proxy-"));
}

/* extra_headers: not signed, as proxies on the way may want to read and drop them. */
static void add_client_headers(const struct llm_request *r, struct signed_headers *h)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(r->headers);
    for (size_t n = 0; n < CLIENT_HEADERS_MAX && (key = yyjson_obj_iter_next(&it));) {
        struct slice name = json_slice(key), value = json_slice(yyjson_obj_iter_get_val(key));
        if (!http_is_token(name) || !value.p || !http_is_line(value) || is_ours(name))
            continue;
        header_add(h, name, value);
        n++;
    }
}

/* What is signed. */
static void add_signed(const struct provider_attempt *t, struct slice host, const char *date,
                       struct signed_headers *h)
{
    struct slice token = credentials_of(t)->session_token;
    header_add(h, SLICE("content-type"), SLICE("application/json"));
    header_add(h, SLICE("host"), host);
    header_add(h, SLICE("x-amz-date"), arena_dup(t->arena, slice_of(date)));
    if (token.n)
        header_add(h, SLICE("x-amz-security-token"), token);
}

static void write_headers(const struct provider_attempt *t, struct slice host, struct slice path,
                          struct http_headers extra, struct http_call *call)
{
    struct slice key = t->deployment->api_key;
    struct signed_headers h = {0};
    char date[SIGV4_DATE_SIZE];
    sigv4_date(t->now, date);
    size_t client = t->request->headers ? CLIENT_HEADERS_MAX : 0;
    h.v = arena_alloc(t->arena, (HEADER_COUNT + extra.n + client) * sizeof(*h.v));
    if (key.n)
        header_add(&h, SLICE("content-type"), SLICE("application/json"));
    else
        add_signed(t, host, date, &h);
    for (size_t i = 0; i < extra.n; i++)
        header_add(&h, extra.v[i].name, extra.v[i].value);
    h.signed_count = h.count;
    if (key.n)
        header_add(&h, SLICE("authorization"), ARENA_JOIN(t->arena, SLICE("Bearer "), key));
    else
        sign(t, path, date, &h);
    header_add(&h, SLICE("user-agent"), SLICE(USER_AGENT));
    if (t->traceparent.n)
        header_add(&h, SLICE("traceparent"), t->traceparent);
    if (client)
        add_client_headers(t->request, &h);
    call->headers = (struct http_headers){h.v, h.count};
}

static bool check_call(const struct provider_attempt *t, struct failure *f)
{
    if (!t->deployment->api_key.n && !credentials_of(t)->access_key_id.n)
        return failure_set(f, t->arena, FAILURE_AUTHENTICATION, 401,
                           "no AWS credentials for model '%s'", t->deployment->model_name);
    if (!t->model_id.n || t->model_id.n > ID_MAX)
        return failure_set(f, t->arena, FAILURE_NOT_FOUND, 404,
                           "a model id of Bedrock has between 1 and %d bytes", ID_MAX);
    if (t->body->overflow)
        return failure_set(f, t->arena, FAILURE_BAD_REQUEST, 413,
                           "the request is larger than Bedrock's limit of %u bytes",
                           BEDROCK_BODY_MAX);
    return true;
}

static void fill_call(const struct provider_attempt *t, struct slice endpoint, struct slice host,
                      struct slice path, struct http_headers extra, struct http_call *call)
{
    *call = (struct http_call){
        .method = "POST",
        .url = ARENA_JOIN(t->arena, endpoint, path).p,
        .body = buf_slice(t->body),
        .fence = t->deployment->fence,
    };
    write_headers(t, host, path, extra, call);
}

bool bedrock_sign_call(const struct provider_attempt *t, struct slice api, bool raw_colon,
                       struct http_headers extra, struct http_call *call, struct failure *f)
{
    struct slice endpoint = slice_of(t->deployment->endpoint), prefix;
    struct slice host = endpoint_host(endpoint, &prefix);
    if (!check_call(t, f))
        return false;
    endpoint.n -= prefix.n;
    fill_call(t, endpoint, host, call_path(t, prefix, api, raw_colon), extra, call);
    return true;
}

static struct slice agent_endpoint(const struct provider_attempt *t)
{
    struct slice endpoint = slice_of(t->deployment->endpoint), name = SLICE("bedrock-runtime");
    ptrdiff_t at = slice_find(endpoint, name);
    if (at < 0)
        return endpoint;
    return ARENA_JOIN(t->arena, slice_make(endpoint.p, (size_t)at), SLICE("bedrock-agent-runtime"),
                      slice_skip(endpoint, (size_t)at + name.n));
}

static bool sign_path(const struct provider_attempt *t, struct slice endpoint, struct slice path,
                      struct http_call *call, struct failure *f)
{
    struct slice prefix, host = endpoint_host(endpoint, &prefix);
    if (!check_call(t, f))
        return false;
    endpoint.n -= prefix.n;
    fill_call(t, endpoint, host, ARENA_JOIN(t->arena, prefix, path), (struct http_headers){0},
              call);
    return true;
}

bool bedrock_sign_agent_call(const struct provider_attempt *t, struct slice path,
                             struct http_call *call, struct failure *f)
{
    return sign_path(t, agent_endpoint(t), path, call, f);
}

bool bedrock_sign_path(const struct provider_attempt *t, struct slice path, struct http_call *call,
                       struct failure *f)
{
    return sign_path(t, slice_of(t->deployment->endpoint), path, call, f);
}

static bool bedrock_build(const struct provider_attempt *t, struct http_call *call,
                          struct failure *f)
{
    buf_reset(t->body); /* an earlier attempt may have written it */
    if (!plan_make(t, t->plan, f))
        return false;
    bedrock_write_body(t->plan, t->body);
    return bedrock_sign_call(t, t->request->stream ? SLICE("/converse-stream") : SLICE("/converse"),
                             false, (struct http_headers){0}, call, f);
}

const struct provider provider_bedrock = {
    .name = "bedrock",
    .api = BEDROCK_CONVERSE,
    .body_max = BEDROCK_BODY_MAX,
    .build = bedrock_build,
    .decoder = bedrock_converse_decoder,
    .feed = bedrock_feed,
    .finish = bedrock_finish,
    .fini = bedrock_fini,
};
