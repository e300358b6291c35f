/* InvokeModel: the call, what every body of it has in common, and who gets it.
 *
 * The happy path: the plan is made, written in the model's own words and signed; guardrail, service
 * tier, latency and metadata go into headers.
 *
 * Failure modes: those of the plan, of the body writers and of the signature; a value for a header
 * that cannot stand in one. */

#include "invoke.h"

#include "anthropic.h"
#include "titan.h"

#define HEADERS_MAX 6
#define VALUE_MAX   8192 /* bytes of the request metadata */

struct header_list {
    struct http_header v[HEADERS_MAX];
    size_t n;
    const struct provider_attempt *t;
    struct failure *f;
};

/* What a client wrote must not end the header. */
static bool is_printable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] < ' ' || s.p[i] > '~')
            return false;
    return true;
}

static void add(struct header_list *h, struct slice name, struct slice value, const char *param)
{
    if (!value.n)
        return;
    if (is_printable(value))
        h->v[h->n++] = (struct http_header){name, value};
    else
        failure_bad_param(h->f, h->t->arena, param, "%s: only printable ASCII characters", param);
}

static yyjson_val *top(const struct plan *p, const char *name)
{
    for (const struct llm_extra *e = p->top; e; e = e->next)
        if (slice_eq(e->name, slice_of(name)))
            return e->value;
    return NULL;
}

static struct slice json_text(yyjson_val *v, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, VALUE_MAX);
    json_begin(&w, &b);
    if (v)
        json_value(&w, v);
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static struct slice upper(struct slice s, struct arena *a)
{
    char *to = arena_strdup(a, s);
    for (size_t i = 0; i < s.n; i++)
        if (to[i] >= 'a' && to[i] <= 'z')
            to[i] = (char)(to[i] - 'a' + 'A');
    return slice_make(to, s.n);
}

static void add_guardrail(struct header_list *h, yyjson_val *guardrail)
{
    struct slice trace = upper(json_get_slice(guardrail, "trace"), h->t->arena);
    add(h, SLICE("x-amzn-bedrock-guardrailidentifier"),
        json_get_slice(guardrail, "guardrailIdentifier"), "guardrailConfig");
    add(h, SLICE("x-amzn-bedrock-guardrailversion"), json_get_slice(guardrail, "guardrailVersion"),
        "guardrailConfig");
    add(h, SLICE("x-amzn-bedrock-trace"), trace, "guardrailConfig");
}

static bool headers_of(const struct provider_attempt *t, struct header_list *h)
{
    const struct plan *p = t->plan;
    struct slice tier = json_get_slice(top(p, "serviceTier"), "type");
    add_guardrail(h, p->request->guardrail);
    add(h, SLICE("x-amzn-bedrock-performanceconfig-latency"),
        json_get_slice(top(p, "performanceConfig"), "latency"), "performanceConfig");
    add(h, SLICE("x-amzn-bedrock-request-metadata"), json_text(top(p, "requestMetadata"), t->arena),
        "requestMetadata");
    add(h, SLICE("x-amzn-bedrock-service-tier"), p->service_tier.n ? p->service_tier : tier,
        "serviceTier");
    return h->f->kind == FAILURE_NONE;
}

typedef bool body_writer(const struct plan *p, struct arena *a, struct buf *body,
                         struct failure *f);

static bool build(const struct provider_attempt *t, body_writer *write, bool raw_colon,
                  struct http_call *call, struct failure *f)
{
    struct header_list h = {.t = t, .f = f};
    struct slice api =
        t->request->stream ? SLICE("/invoke-with-response-stream") : SLICE("/invoke");
    buf_reset(t->body); /* an earlier attempt may have written it */
    return plan_make(t, t->plan, f) && write(t->plan, t->prompt, t->body, f) && headers_of(t, &h) &&
           bedrock_sign_call(t, api, raw_colon, (struct http_headers){h.v, h.n}, call, f);
}

void invoke_write_guardrail(struct json_writer *w, const struct plan *p)
{
    struct slice mode = json_get_slice(p->request->guardrail, "streamProcessingMode");
    bool sync = slice_eq(mode, SLICE("sync"));
    if (!mode.n)
        return;
    json_key(w, "amazon-bedrock-guardrailConfig");
    json_object(w);
    json_member_string(w, "streamProcessingMode",
                       sync ? SLICE("SYNCHRONOUS") : SLICE("ASYNCHRONOUS"));
    json_object_end(w);
}

struct slice invoke_stop_reason(yyjson_val *body, struct slice reason)
{
    struct slice action = json_get_slice(body, "amazon-bedrock-guardrailAction");
    return slice_eq(action, SLICE("INTERVENED")) ? SLICE("guardrail_intervened") : reason;
}

static void emit_note(struct bedrock_decoder *d, struct slice name, yyjson_val *json)
{
    if (json)
        bedrock_emit(d, &(struct llm_event){.kind = EV_NOTE, .name = name, .json = json});
}

static yyjson_val *json_of(struct slice text, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, VALUE_MAX);
    json_begin(&w, &b);
    json_string(&w, text);
    yyjson_val *v = json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
    return v;
}

void invoke_emit_notes(struct bedrock_decoder *d, yyjson_val *body)
{
    emit_note(d, SLICE("trace"), json_get(body, "amazon-bedrock-trace"));
    if (d->service_tier.n)
        emit_note(d, SLICE("service_tier"), json_of(d->service_tier, &d->scratch));
}

static int64_t header_count(struct http_headers headers, const char *name)
{
    int64_t n;
    return slice_to_i64(http_header_get(headers, name), &n) && n > 0 ? n : 0;
}

struct llm_usage invoke_usage(struct http_headers h)
{
    return (struct llm_usage){
        .input = header_count(h, "x-amzn-bedrock-input-token-count"),
        .output = header_count(h, "x-amzn-bedrock-output-token-count"),
        .cache_read = header_count(h, "x-amzn-bedrock-cache-read-input-token-count"),
        .cache_write = header_count(h, "x-amzn-bedrock-cache-write-input-token-count"),
    };
}

/* ---- the providers ------------------------------------------------------------------------- */

/* LiteLLM leaves the ':' of Claude's ids as it is here. */
static bool anthropic_build(const struct provider_attempt *t, struct http_call *call,
                            struct failure *f)
{
    return build(t, anthropic_write_body, true, call, f);
}

const struct provider provider_anthropic_invoke = {
    .name = "anthropic_invoke",
    .api = BEDROCK_INVOKE,
    .body_max = BEDROCK_BODY_MAX,
    .build = anthropic_build,
    .decoder = anthropic_decoder,
    .feed = bedrock_feed,
    .finish = bedrock_finish,
    .fini = bedrock_fini,
};

static bool titan_build(const struct provider_attempt *t, struct http_call *call, struct failure *f)
{
    return build(t, titan_write_body, false, call, f);
}

const struct provider provider_titan = {
    .name = "titan",
    .api = BEDROCK_INVOKE,
    .body_max = BEDROCK_BODY_MAX,
    .build = titan_build,
    .decoder = titan_decoder,
    .feed = bedrock_feed,
    .finish = bedrock_finish,
    .fini = bedrock_fini,
};

const struct provider *provider_choose(enum bedrock_api asked, const struct model *m)
{
    if (asked != BEDROCK_CONVERSE && slice_starts(slice_of(m->id), SLICE("amazon.titan-text")))
        return &provider_titan;
    if (asked == BEDROCK_INVOKE && m->family == FAMILY_CLAUDE)
        return &provider_anthropic_invoke;
    return &provider_bedrock;
}
