#include "reply.h"

#include "base/json.h"
#include "clientside.h"
#include "exchange_guard.h"
#include "wire/gzip.h"
#include "worker_private.h"

#define REPAIRS_MAX          1024 /* all their names together */
#define HEADERS_MAX          96
#define PASSED_MAX           64   /* of them another server's */
#define UPSTREAM_HEADERS_MAX 24   /* kept of an answer */
#define UPSTREAM_BYTES_MAX   8192 /* likewise */
#define FAILURE_BODY_MAX     (128 * 1024)
#define PREFLIGHT_MAX_AGE    "600"          /* seconds */
#define OWN_WHOLE_MAX        (1024u * 1024) /* bytes; copying and packing more would hold up others */
#define MEBIBYTE             (1024 * 1024)
#define GZIP_MIN             1400 /* bytes: what fits one packet gains nothing */

struct reply_headers {
    struct http_header v[HEADERS_MAX];
    size_t n;
    bool packable; /* the body depends on Accept-Encoding … */
    bool packed;   /* … and is gzip already */
};

static void add(struct reply_headers *h, const char *name, struct slice value)
{
    if (h->n < HEADERS_MAX && value.p)
        h->v[h->n++] = (struct http_header){slice_of(name), value};
}

static void add_integer(struct exchange *ex, struct reply_headers *h, const char *name,
                        int64_t value)
{
    add(h, name, arena_integer(&ex->arena, value));
}

/* What came from a configuration file or a client must not break the head. */
static struct slice printable(struct exchange *ex, struct slice s)
{
    struct slice copy = arena_dup(&ex->arena, s);
    char *p = (char *)(uintptr_t)copy.p;
    for (size_t i = 0; i < copy.n; i++)
        if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f)
            p[i] = ' ';
    return copy;
}

static void add_cors(struct exchange *ex, struct reply_headers *h)
{
    bool cors = ex->head && http_header_get(ex->head->headers, "origin").p;
    if (cors) {
        add(h, "access-control-allow-origin", SLICE("*"));
        add(h, "access-control-expose-headers", SLICE("*"));
    }
    if (cors && h->packable)
        add(h, "vary", SLICE("Origin, Accept-Encoding"));
    else if (cors || h->packable)
        add(h, "vary", cors ? SLICE("Origin") : SLICE("Accept-Encoding"));
}

static const struct dialect *dialect_of(const struct exchange *ex)
{
    return ex->route ? ex->route->dialect : &dialect_openai_chat;
}

/* "tool-name, sampling": what was changed to make the request fit. */
static void add_repairs(struct exchange *ex, struct reply_headers *h)
{
    char room[REPAIRS_MAX];
    struct buf b = {.p = room, .size = sizeof(room), .cap = sizeof(room)};
    for (unsigned i = 0; ex->plan.repairs >> i; i++) {
        if (!(ex->plan.repairs >> i & 1))
            continue;
        if (b.n)
            BUF_LITERAL(&b, ", ");
        buf_add(&b, slice_of(plan_repair_name(i)));
    }
    if (b.n)
        add(h, "x-lintel-repairs", arena_dup(&ex->arena, buf_slice(&b)));
}

static void add_deployment(struct exchange *ex, struct reply_headers *h)
{
    const struct deployment *d = clientside_deployment(ex);
    if (!d)
        return;
    add(h, "x-litellm-model-id", printable(ex, slice_of(d->id)));
    add(h, "x-litellm-model-name", printable(ex, slice_of(d->model)));
    add(h, "x-litellm-model-group", printable(ex, ex->model_group));
    add(h, "x-litellm-model-api-base", printable(ex, slice_of(d->endpoint)));
    add(h, "x-litellm-model-region", printable(ex, slice_of(d->region)));
    add_integer(ex, h, "x-litellm-attempted-retries", ex->reroute.retries);
    if (ex->reroute.retries)
        add_integer(ex, h, "x-litellm-max-retries", ex->reroute.retries_max);
    add_integer(ex, h, "x-litellm-attempted-fallbacks", ex->reroute.fallbacks);
    if (ex->fallback_errors.n)
        add(h, "x-litellm-fallback-errors",
            printable(ex, ARENA_JOIN(&ex->arena, ex->fallback_errors, SLICE("]"))));
    for (size_t i = 0; i < ex->upstream_headers.n && h->n < HEADERS_MAX; i++)
        h->v[h->n++] = ex->upstream_headers.v[i];
}

static void add_price(struct exchange *ex, struct reply_headers *h, const char *name, double usd)
{
    char room[SLICE_MONEY];
    add(h, name, arena_dup(&ex->arena, slice_money(usd, room)));
}

/* What the answer cost; a stream's is in its last usage chunk. */
static void add_cost(struct exchange *ex, struct reply_headers *h)
{
    if (!ex->model || !ex->model->has_prices)
        return;
    add_price(ex, h, "x-litellm-response-cost", ex->cost.total);
    add_price(ex, h, "x-litellm-response-cost-original", ex->cost.total);
    add(h, "x-litellm-response-cost-discount-amount", SLICE("0.0"));
    add(h, "x-litellm-response-cost-margin-amount", SLICE("0.0"));
    add(h, "x-litellm-response-cost-margin-percent", SLICE("0.0"));
    add_price(ex, h, "x-litellm-response-cost-input", ex->cost.input);
    add_price(ex, h, "x-litellm-response-cost-output", ex->cost.output);
    add(h, "x-litellm-response-cost-tool-usage", SLICE("0.0"));
    if (ex->cost.cache_read > 0)
        add_price(ex, h, "x-litellm-response-cost-cache-read", ex->cost.cache_read);
    if (ex->cost.cache_write > 0)
        add_price(ex, h, "x-litellm-response-cost-cache-creation", ex->cost.cache_write);
}

/* Durations are known only when the whole answer is there. */
static void add_durations(struct exchange *ex, struct reply_headers *h)
{
    int64_t now = turn_now(&ex->worker->turn);
    int64_t called = ex->times[EX_CALL] ? ex->times[EX_CALL] : ex->times[EX_BATCH];
    if (!called && ex->cache.hit)
        called = now;
    if (!called)
        return;
    add_integer(ex, h, "x-litellm-response-duration-ms", now - ex->times[EX_HEAD]);
    add_integer(ex, h, "x-litellm-overhead-duration-ms", called - ex->times[EX_HEAD]);
}

/* "6m0.25s", as OpenAI writes durations. */
static struct slice duration(struct exchange *ex, int64_t ms)
{
    if (ms >= 60000)
        return arena_printf(&ex->arena, "%lldm%gs", (long long)(ms / 60000),
                            (double)(ms % 60000) / 1000);
    if (ms >= 1000)
        return arena_printf(&ex->arena, "%gs", (double)ms / 1000);
    return arena_printf(&ex->arena, "%lldms", (long long)ms);
}

static void add_joined(struct exchange *ex, struct reply_headers *h, const char *a, const char *b,
                       const char *c, struct slice value)
{
    add(h, ARENA_JOIN(&ex->arena, slice_of(a), slice_of(b), slice_of(c), SLICE("\0")).p, value);
}

/* OpenAI's "x-ratelimit-remaining-requests" and its like, of the limit that has least left. */
static void add_tightest(struct exchange *ex, struct reply_headers *h, enum limit_unit unit)
{
    struct limit_left left;
    const char *name = limit_unit_name(unit);
    if (!exchange_limit_left(ex, unit, &left))
        return;
    add_joined(ex, h, "x-ratelimit-limit-", name, "", arena_integer(&ex->arena, left.limit));
    add_joined(ex, h, "x-ratelimit-remaining-", name, "", arena_integer(&ex->arena, left.left));
    add_joined(ex, h, "x-ratelimit-reset-", name, "", duration(ex, left.reset_ms));
}

/* LiteLLM's, of each limit: "x-ratelimit-api_key-remaining-requests". */
static void add_each_limit(struct exchange *ex, struct reply_headers *h)
{
    const struct limit_hold *hold = &ex->caller_hold;
    for (size_t i = 0; hold->asked && i < hold->limits.n; i++) {
        const struct limit_ask *of = &hold->limits.of[i];
        const char *unit = limit_unit_name(of->unit);
        int64_t limit = hold->limits.asks[i].limit, left = limit - hold->states[i].used;
        add_joined(ex, h, "x-ratelimit-", of->scope,
                   ARENA_JOIN(&ex->arena, SLICE("-remaining-"), slice_of(unit), SLICE("\0")).p,
                   arena_integer(&ex->arena, left > 0 ? left : 0));
        add_joined(ex, h, "x-ratelimit-", of->scope,
                   ARENA_JOIN(&ex->arena, SLICE("-limit-"), slice_of(unit), SLICE("\0")).p,
                   arena_integer(&ex->arena, limit));
    }
}

static void add_limits(struct exchange *ex, struct reply_headers *h)
{
    const struct limit_set *key = &ex->caller.of_key;
    if (!ex->caller.key.n || !ex->route || ex->route->handle)
        return;
    if (key->rpm != LIMIT_NONE)
        add_integer(ex, h, "x-litellm-key-rpm-limit", key->rpm);
    if (key->tpm != LIMIT_NONE)
        add_integer(ex, h, "x-litellm-key-tpm-limit", key->tpm);
    add_tightest(ex, h, LIMIT_REQUESTS);
    add_tightest(ex, h, LIMIT_TOKENS);
    add_each_limit(ex, h);
}

static void write_head(struct exchange *ex, struct reply_headers *h, int status, int64_t length)
{
    ex->reply.keep_alive = ex->reply.keep_alive && conn_can_keep_alive(ex->conn);
    add(h, "date", worker_date(ex->worker));
    add(h, "x-litellm-call-id", slice_of(ex->id));
    add(h, dialect_of(ex)->id_header, slice_of(ex->id));
    add(h, "x-litellm-version", SLICE(LINTEL_VERSION));
    if (ex->config->simulated)
        add(h, "x-lintel-simulated", SLICE("true"));
    add(h, "x-content-type-options", SLICE("nosniff"));
    add_cors(ex, h);
    add_deployment(ex, h);
    add_repairs(ex, h);
    add_limits(ex, h);
    if (ex->guard)
        add(h, "x-litellm-applied-guardrails", printable(ex, exchange_guard_names(ex)));
    if (ex->cache.hit)
        add(h, "x-litellm-cache-key", printable(ex, ex->cache.key));
    http1_write_head(&ex->reply, &ex->out, status, (struct http_headers){h->v, h->n}, length);
    ex->status = status;
    ex->head_sent = true;
}

/* Head and body, the body compressed for those who want it so. */
static void write_reply(struct exchange *ex, struct reply_headers *h, int status, struct slice body)
{
    struct buf packed;
    h->packable = h->packed || body.n >= GZIP_MIN;
    buf_init(&packed, body.n);
    if (h->packed) {
        add(h, "content-encoding", SLICE("gzip"));
    } else if (h->packable &&
               gzip_accepted(http_header_get(ex->head->headers, "accept-encoding")) &&
               gzip_write(body, &packed)) {
        add(h, "content-encoding", SLICE("gzip"));
        body = buf_slice(&packed);
    }
    write_head(ex, h, status, (int64_t)body.n);
    if (!ex->reply.no_body)
        buf_add(&ex->out, body);
    buf_fini(&packed);
}

void reply_whole(struct exchange *ex, int status, struct slice content_type, struct slice body)
{
    struct reply_headers h = {.n = 0};
    add(&h, "content-type", content_type);
    if (ex->estimated)
        add(&h, "x-lintel-estimated", SLICE("true"));
    add_durations(ex, &h);
    add_cost(ex, &h);
    write_reply(ex, &h, status, body);
}

bool reply_answer(struct exchange *ex, struct slice body)
{
    double most = ex->config->settings.max_response_size_mb, mb = (double)body.n / MEBIBYTE;
    if (most > 0 && mb > most) {
        failure_set(&ex->failure, &ex->arena, FAILURE_BAD_REQUEST, 400,
                    "Response size is too large. Response size is %gMB. Max size is %gMB", mb,
                    most);
        ex->failure.type = "bad_request_error";
        ex->failure.param = SLICE("content-length");
        ex->failure.param_shown = true;
        return false;
    }
    reply_whole(ex, 200, SLICE("application/json"), body);
    return true;
}

void reply_own(struct exchange *ex)
{
    struct own_answer *own = &ex->own;
    struct reply_headers h = {.packed = own->packed};
    add(&h, "content-type", own->type.n ? own->type : SLICE("application/json"));
    for (size_t i = 0; i < own->headers.n; i++)
        h.v[h.n++] = own->headers.v[i];
    add_durations(ex, &h);
    if (own->body.n > OWN_WHOLE_MAX && !own->packed) {
        write_head(ex, &h, own->status ? own->status : 200, (int64_t)own->body.n);
        own->apart = !ex->reply.no_body;
        return;
    }
    write_reply(ex, &h, own->status ? own->status : 200, buf_slice(&own->body));
}

void reply_passed(struct exchange *ex, int status, struct http_headers headers, int64_t length)
{
    struct reply_headers h = {.n = 0};
    for (size_t i = 0; i < headers.n && h.n < PASSED_MAX; i++)
        h.v[h.n++] = (struct http_header){headers.v[i].name, printable(ex, headers.v[i].value)};
    write_head(ex, &h, status, length);
}

void reply_stream_begin(struct exchange *ex)
{
    struct reply_headers h = {.n = 0};
    const char *type = ex->route->dialect->stream_type;
    add(&h, "content-type", slice_of(type ? type : "text/event-stream; charset=utf-8"));
    add(&h, "cache-control", SLICE("no-cache"));
    add(&h, "x-accel-buffering", SLICE("no")); /* nginx would collect the stream */
    write_head(ex, &h, 200, -1);
}

/* LiteLLM's words for where a call went. */
static struct slice with_groups(struct exchange *ex, struct slice message)
{
    const struct reroute *r = &ex->reroute;
    struct slice groups = SLICE("");
    for (size_t i = 0; i < r->seen_count; i++)
        if (!slice_eq(r->seen[i], ex->request.model))
            groups = ARENA_JOIN(&ex->arena, groups, groups.n ? SLICE(", '") : SLICE("['"),
                                r->seen[i], SLICE("'"));
    return ARENA_JOIN(&ex->arena, message, SLICE(". Received Model Group="), ex->request.model,
                      SLICE("\nAvailable Model Group Fallbacks="),
                      groups.n ? groups : SLICE("None"), groups.n ? SLICE("]") : SLICE(""));
}

struct failure reply_told_failure(struct exchange *ex)
{
    const struct settings *s = &ex->config->settings;
    struct failure f = ex->failure;
    if (s->call_id_in_errors)
        f.call_id = slice_of(ex->id);
    if (s->groups_in_errors && ex->routed)
        f.message = with_groups(ex, f.message);
    return f;
}

static void write_detail(const struct exchange *ex, struct buf *body)
{
    struct json_writer w;
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "detail");
    if (ex->detail_is_json)
        json_raw(&w, ex->detail);
    else
        json_string(&w, ex->detail);
    if (ex->config->settings.call_id_in_errors)
        json_member_string(&w, "litellm_call_id", slice_of(ex->id));
    json_object_end(&w);
}

static void write_failure(struct exchange *ex, struct buf *body)
{
    struct failure told = reply_told_failure(ex);
    if (ex->detail.p)
        write_detail(ex, body);
    else
        dialect_of(ex)->encode_failure(&told, body);
}

/* A call of a model that failed costs nothing; how long it was given explains a timeout. */
static void add_failed_call(struct exchange *ex, struct reply_headers *h)
{
    if (ex->route && !ex->route->handle)
        add(h, "x-litellm-response-cost", SLICE("0"));
    if (ex->deployment)
        add(h, "x-litellm-timeout", arena_printf(&ex->arena, "%g", exchange_timeout(ex)));
}

void reply_failure(struct exchange *ex)
{
    struct reply_headers h = {.n = 0};
    const struct failure *f = &ex->failure;
    struct buf body;
    buf_init(&body, FAILURE_BODY_MAX);
    write_failure(ex, &body);
    add(&h, "content-type", SLICE("application/json"));
    if (f->retry_after_s)
        add_integer(ex, &h, "retry-after", f->retry_after_s);
    if (ex->caller_hold.reset_at.n) { /* LiteLLM's, of the limit that refused */
        enum limit_unit unit = ex->caller_hold.limits.of[ex->caller_hold.refused].unit;
        add(&h, "rate_limit_type", slice_of(limit_unit_name(unit)));
        add(&h, "reset_at", ex->caller_hold.reset_at);
    }
    if (f->status == 401)
        add(&h, "www-authenticate", SLICE("Bearer"));
    if (ex->allow)
        add(&h, "allow", slice_of(ex->allow));
    if (dialect_of(ex)->error_name)
        add(&h, "x-amzn-errortype", printable(ex, slice_of(dialect_of(ex)->error_name(f))));
    add_failed_call(ex, &h);
    add_durations(ex, &h);
    write_reply(ex, &h, f->status, buf_slice(&body));
    buf_fini(&body);
}

void reply_preflight(struct exchange *ex)
{
    struct reply_headers h = {.n = 0};
    struct slice wanted = http_header_get(ex->head->headers, "access-control-request-headers");
    add(&h, "content-type", SLICE("text/plain; charset=utf-8"));
    add(&h, "access-control-allow-methods", SLICE("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"));
    add(&h, "access-control-allow-headers", wanted.n ? printable(ex, wanted) : SLICE("*"));
    add(&h, "access-control-max-age", SLICE(PREFLIGHT_MAX_AGE));
    write_head(ex, &h, 200, 2);
    BUF_LITERAL(&ex->out, "OK");
}

/* The location is relative: the client may have come through a proxy that speaks TLS. */
void reply_redirect(struct exchange *ex, struct slice path)
{
    struct reply_headers h = {.n = 0};
    struct slice query = ex->head->query, mark = query.n ? SLICE("?") : SLICE("");
    add(&h, "location", printable(ex, ARENA_JOIN(&ex->arena, path, mark, query)));
    write_head(ex, &h, 307, 0);
}

/* "llm_provider-x-amzn-requestid": lower case, as LiteLLM gives it. Clients of Bedrock know its
 * headers by their own names. */
static struct slice provider_name(struct exchange *ex, struct slice name)
{
    bool own = ex->request.native && slice_starts_nocase(name, SLICE("x-amzn-bedrock-"));
    struct slice prefix = own ? SLICE("") : SLICE("llm_provider-"),
                 all = ARENA_JOIN(&ex->arena, prefix, name);
    char *p = (char *)(uintptr_t)all.p;
    for (size_t i = prefix.n; i < all.n; i++)
        if (p[i] >= 'A' && p[i] <= 'Z')
            p[i] |= 0x20;
    return all;
}

void reply_keep_upstream_headers(struct exchange *ex, struct http_headers headers)
{
    struct http_header *kept = arena_alloc(&ex->arena, UPSTREAM_HEADERS_MAX * sizeof(*kept));
    size_t n = 0, bytes = 0;
    for (size_t i = 0; i < headers.n && n < UPSTREAM_HEADERS_MAX; i++) {
        bytes += headers.v[i].name.n + headers.v[i].value.n;
        if (bytes > UPSTREAM_BYTES_MAX)
            break;
        kept[n].name = provider_name(ex, headers.v[i].name);
        kept[n++].value = printable(ex, headers.v[i].value);
    }
    ex->upstream_headers = (struct http_headers){kept, n};
}

void reply_refusal(int status, const char *reason, struct buf *body)
{
    struct failure f = {.kind = FAILURE_BAD_REQUEST, .status = status, .message = slice_of(reason)};
    if (status >= 500)
        f.kind = status == 503 ? FAILURE_UNAVAILABLE : FAILURE_INTERNAL;
    dialect_openai_chat.encode_failure(&f, body);
}
