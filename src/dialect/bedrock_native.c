/* Bedrock's own API, for clients that speak it themselves (the AWS SDKs, Claude Code in Bedrock
 * mode). Nothing is translated: the request keeps its body, the answer's bytes come as EV_RAW.
 * What the gateway has to say itself is said as Bedrock would: a JSON message beside the
 * exception's name, or an exception frame in a stream. Source: AWS's API reference of
 * bedrock-runtime, botocore's model of it. */

#include "dialect/dialect.h"
#include "wire/eventstream.h"

#define HEADERS_MAX    (16 * 1024) /* bytes that are handed on */
#define NAME_MAX_BYTES 1024        /* of an exception: Bedrock's may be anything */

static const struct call {
    struct slice end; /* of the path */
    enum llm_native native;
    bool stream;
} calls[] = {
    {{"/converse", 9}, LLM_NATIVE_CONVERSE, false},
    {{"/converse-stream", 16}, LLM_NATIVE_CONVERSE, true},
    {{"/invoke", 7}, LLM_NATIVE_INVOKE, false},
    {{"/invoke-with-response-stream", 28}, LLM_NATIVE_INVOKE, true},
    {{"/count-tokens", 13}, LLM_NATIVE_COUNT, false},
};

static void take(struct slice path, struct slice body, struct llm_request *out)
{
    llm_request_init(out);
    for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++)
        if (slice_ends(path, calls[i].end)) {
            out->native = calls[i].native;
            out->stream = calls[i].stream;
        }
    out->native_body = body;
}

/* InvokeModel has parameters in its head: guardrail, tier, latency. */
static void read_head(struct http_headers head, struct arena *a, struct llm_request *out)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, HEADERS_MAX);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < head.n; i++) {
        struct slice name = head.v[i].name;
        if (!slice_starts_nocase(name, SLICE("x-amzn-bedrock-")) &&
            !slice_eq_nocase(name, SLICE("accept")))
            continue;
        json_key_slice(&w, name);
        json_string(&w, head.v[i].value);
    }
    json_object_end(&w);
    out->headers = b.overflow ? NULL : json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
}

/* ---- failures ------------------------------------------------------------------------------ */

/* Bedrock's own name for it, if it came from there. */
static const char *error_name(const struct failure *f)
{
    static const struct {
        int status;
        const char *name;
    } rows[] = {
        {401, "UnrecognizedClientException"}, {403, "AccessDeniedException"},
        {404, "ResourceNotFoundException"},   {408, "ModelTimeoutException"},
        {424, "ModelErrorException"},         {429, "ThrottlingException"},
        {503, "ServiceUnavailableException"}, {504, "ModelTimeoutException"},
    };
    if (f->code)
        return f->code;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (f->status == rows[i].status)
            return rows[i].name;
    return f->status >= 500 ? "InternalServerException" : "ValidationException";
}

static void encode_failure(const struct failure *f, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "message", f->message);
    json_object_end(&w);
}

/* The names of exceptions in frames begin in lower case. */
static void encode_exception(const struct failure *f, struct buf *out)
{
    const char *name = error_name(f);
    struct buf lower, message;
    buf_init(&lower, NAME_MAX_BYTES);
    buf_init(&message, EVENTSTREAM_PAYLOAD_MAX);
    buf_addf(&lower, "%c%s", name[0] >= 'A' && name[0] <= 'Z' ? name[0] | 0x20 : name[0], name + 1);
    encode_failure(f, &message);
    const struct eventstream_header headers[] = {
        {SLICE(":exception-type"), buf_slice(&lower)},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), SLICE("exception")},
    };
    eventstream_write(out, headers, sizeof(headers) / sizeof(*headers), buf_slice(&message));
    buf_fini(&lower);
    buf_fini(&message);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* It has nothing to remember. */
static void *encoder(struct arena *a, const struct llm_request *r, const struct dialect_answer *ans)
{
    return a;
}

static void encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    if (e->kind == EV_RAW)
        buf_add(out, e->text);
    else if (e->kind == EV_FAIL)
        encode_exception(e->failure, out);
}

static void encode_whole(const struct llm_response *response, const struct llm_request *r,
                         const struct dialect_answer *ans, struct buf *out)
{
    buf_add(out, buf_slice(&response->raw));
}

const struct dialect dialect_bedrock_native = {
    .name = "bedrock_native",
    .id_header = "x-amzn-requestid",
    .stream_type = "application/vnd.amazon.eventstream",
    .take = take,
    .read_head = read_head,
    .encoder = encoder,
    .encode = encode,
    .encode_whole = encode_whole,
    .encode_failure = encode_failure,
    .error_name = error_name,
};
