/* Bedrock's errors → failures. One table for HTTP errors (code in x-amzn-errortype, or __type in
 * the body) and for exception frames in streams (the same names, first letter in lower case). What
 * the table does not know is judged by its HTTP status; texts decide where codes do not: a prompt
 * that is too long is a ValidationException like any other. */

#include "bedrock.h"

#include <ctype.h>

/* Bedrock refills its quotas all the time: a second later there is room again, if only for a
 * short request. A model that is not ready is being loaded. */
#define RETRY_THROTTLED 1 /* seconds */
#define RETRY_NOT_READY 5

static const struct error_row {
    const char *code; /* compared without regard to case */
    enum failure_kind kind;
    int status; /* for the client */
    bool retryable;
    int retry_after_s; /* seconds, when Bedrock names none; 0: clients back off by themselves */
} error_rows[] = {
    {"ThrottlingException", FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED},
    {"ModelNotReadyException", FAILURE_RATE_LIMIT, 429, true, RETRY_NOT_READY},
    {"ServiceUnavailableException", FAILURE_UNAVAILABLE, 503, true},
    {"InternalServerException", FAILURE_UNAVAILABLE, 500, true},
    {"InternalFailure", FAILURE_UNAVAILABLE, 500, true},
    {"ModelTimeoutException", FAILURE_TIMEOUT, 408, true},
    {"ModelErrorException", FAILURE_MODEL, 424, false},
    {"ModelStreamErrorException", FAILURE_MODEL, 424, false},
    {"ValidationException", FAILURE_BAD_REQUEST, 400, false},
    {"SerializationException", FAILURE_BAD_REQUEST, 400, false},
    {"ServiceQuotaExceededException", FAILURE_BAD_REQUEST, 400, false},
    {"AccessDeniedException", FAILURE_PERMISSION, 403, false},
    {"ExpiredTokenException", FAILURE_PERMISSION, 403, false},
    {"InvalidSignatureException", FAILURE_PERMISSION, 403, false},
    {"UnrecognizedClientException", FAILURE_AUTHENTICATION, 403, false},
    {"ResourceNotFoundException", FAILURE_NOT_FOUND, 404, false},
};

/* Texts decide where codes do not; in lower case. */
static const struct text_row {
    const char *text;
    struct error_row row;
} text_rows[] = {
    /* Throttling that came under another name. */
    {"too many tokens, please wait", {NULL, FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED}},
    {"too many requests", {NULL, FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED}},
    {"too many connections", {NULL, FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED}},
    {"rate exceeded", {NULL, FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED}},
    {"unable to process your request", {NULL, FAILURE_UNAVAILABLE, 503, true}},
    {"content filtering policy", {NULL, FAILURE_CONTENT_POLICY, 400}},
    /* A prompt that is too long, as each maker of models puts it. */
    {"input is too long", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"prompt is too long", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"exceed context limit", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"exceeds the maximum number of tokens", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"number of input tokens exceeds", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"maximum context length", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"too many input tokens", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"too many tokens: ", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
    {"inputtext: expected maxlength", {NULL, FAILURE_CONTEXT_WINDOW, 400}},
};

static void judge_by_text(struct error_row *row, struct slice text)
{
    bool open = row->kind == FAILURE_BAD_REQUEST || row->kind == FAILURE_MODEL;
    for (size_t i = 0; open && i < sizeof(text_rows) / sizeof(*text_rows); i++)
        if (slice_find(text, slice_of(text_rows[i].text)) >= 0) {
            *row = text_rows[i].row;
            return;
        }
}

static const struct error_row *find_row(struct slice code)
{
    for (size_t i = 0; i < sizeof(error_rows) / sizeof(*error_rows); i++)
        if (slice_eq_nocase(code, slice_of(error_rows[i].code)))
            return &error_rows[i];
    return NULL;
}

/* For codes without a row, and for proxies that answer in HTML. */
static struct error_row row_of_status(int status)
{
    if (status == 429)
        return (struct error_row){NULL, FAILURE_RATE_LIMIT, 429, true, RETRY_THROTTLED};
    if (status == 403)
        return (struct error_row){NULL, FAILURE_PERMISSION, 403, false};
    if (status == 404)
        return (struct error_row){NULL, FAILURE_NOT_FOUND, 404, false};
    if (status == 408)
        return (struct error_row){NULL, FAILURE_TIMEOUT, 408, true};
    if (status == 503 || status == 500)
        return (struct error_row){NULL, FAILURE_UNAVAILABLE, status, true};
    if (status > 500)
        return (struct error_row){NULL, FAILURE_BAD_GATEWAY, status < 600 ? status : 502, true};
    if (status >= 400)
        return (struct error_row){NULL, FAILURE_BAD_REQUEST, status, false};
    return (struct error_row){NULL, FAILURE_BAD_GATEWAY, 502, true};
}

/* "com.amazon.coral#ThrottlingException:http://…" → "ThrottlingException" */
static struct slice bare_code(struct slice code)
{
    struct slice rest = code;
    struct slice first = slice_split(&rest, ':');
    ptrdiff_t hash = slice_find_char(first, '#');
    return slice_trim(hash >= 0 ? slice_skip(first, (size_t)hash + 1) : first);
}

static struct slice lower(struct arena *a, struct slice s)
{
    char *p = arena_strdup(a, s);
    for (size_t i = 0; i < s.n; i++)
        p[i] = (char)tolower((unsigned char)p[i]);
    return slice_make(p, s.n);
}

/* "Code: text. Hint." */
static struct slice full_message(const struct provider_attempt *t, struct slice code,
                                 struct slice text)
{
    struct slice hint = bedrock_hint(t, bare_code(code), lower(t->arena, text));
    struct slice all =
        code.n ? ARENA_JOIN(t->arena, code, SLICE(": "), slice_trim(text)) : slice_trim(text);
    if (!hint.n)
        return all;
    return ARENA_JOIN(t->arena, all, slice_ends(all, SLICE(".")) ? SLICE(" ") : SLICE(". "), hint,
                      SLICE("."));
}

static void set_failure(struct failure *f, const struct provider_attempt *t, struct error_row row,
                        struct slice code, struct slice text)
{
    bool native = t->request->native != LLM_NATIVE_NONE; /* its client has a place for the code */
    struct slice message = native ? text : full_message(t, code, text);
    if (f->kind != FAILURE_NONE)
        return;
    judge_by_text(&row, lower(t->arena, text));
    failure_set(f, t->arena, row.kind, row.status, "%.*s", SLICE_ARG(message));
    if (native && code.n)
        f->code = arena_strdup(t->arena, code);
    f->upstream = true;
    f->retryable = row.retryable;
    f->retry_after_s = row.retry_after_s;
}

/* Of the two texts of a ModelErrorException the model's own says more. */
static struct slice message_of(yyjson_val *body, struct arena *a)
{
    struct slice message = json_get_slice(body, "message");
    struct slice original = json_get_slice(body, "originalMessage");
    if (!message.p)
        message = json_get_slice(body, "Message");
    if (original.n && message.n && !slice_eq(original, message))
        return ARENA_JOIN(a, message, SLICE(" The model said: "), original);
    return message.n ? message : original;
}

void bedrock_failure(struct failure *f, const struct provider_attempt *t, int status,
                     struct slice error_type, struct slice body)
{
    yyjson_val *json = json_parse(body, t->arena, NULL);
    struct slice code = bare_code(error_type.n ? error_type : json_get_slice(json, "__type"));
    struct slice message = message_of(json, t->arena);
    const struct error_row *known = find_row(code);
    struct slice text = message.n ? message : body;
    if (!text.n)
        text = arena_printf(t->arena, "HTTP status %d without a body", status);
    set_failure(f, t, known ? *known : row_of_status(status), code, text);
}

void bedrock_exception(struct failure *f, const struct provider_attempt *t, struct slice type,
                       struct slice payload)
{
    yyjson_val *json = json_parse(payload, t->arena, NULL);
    struct slice message = message_of(json, t->arena);
    const struct error_row *known = find_row(bare_code(type));
    set_failure(f, t, known ? *known : row_of_status(0), type, message.n ? message : payload);
}
