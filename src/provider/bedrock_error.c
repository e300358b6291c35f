/* Bedrock's errors → failures. One table for HTTP errors (code in x-amzn-errortype, or __type in
 * the body) and for exception frames in streams (the same names, first letter in lower case). What
 * the table does not know is judged by its HTTP status; texts decide where codes do not: a prompt
 * that is too long is a ValidationException like any other. */

#include "bedrock.h"

static const struct error_row {
    const char *code; /* compared without regard to case */
    enum failure_kind kind;
    int status; /* for the client */
    bool retryable;
} error_rows[] = {
    {"ThrottlingException", FAILURE_RATE_LIMIT, 429, true},
    {"ModelNotReadyException", FAILURE_RATE_LIMIT, 429, true},
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

static const struct slice too_long_texts[] = {
    {"Input is too long", 17},
    {"prompt is too long", 18},
    {"input length and `max_tokens` exceed context limit", 50},
    {"input length and max_tokens exceed context limit", 48},
};

static bool says_too_long(struct slice text)
{
    for (size_t i = 0; i < sizeof(too_long_texts) / sizeof(*too_long_texts); i++)
        if (slice_find(text, too_long_texts[i]) >= 0)
            return true;
    return false;
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
        return (struct error_row){NULL, FAILURE_RATE_LIMIT, 429, true};
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

static void set_failure(struct failure *f, struct arena *a, struct error_row row, struct slice text)
{
    if (f->kind != FAILURE_NONE)
        return;
    if (row.kind == FAILURE_BAD_REQUEST && says_too_long(text))
        row.kind = FAILURE_CONTEXT_WINDOW;
    failure_set(f, a, row.kind, row.status, "%.*s", SLICE_ARG(text));
    f->upstream = true;
    f->retryable = row.retryable;
}

static struct slice message_of(yyjson_val *body)
{
    struct slice message = json_get_slice(body, "message");
    return message.p ? message : json_get_slice(body, "Message");
}

void bedrock_failure(struct failure *f, struct arena *a, int status, struct slice error_type,
                     struct slice body)
{
    yyjson_val *json = json_parse(body, a, NULL);
    struct slice code = bare_code(error_type.n ? error_type : json_get_slice(json, "__type"));
    struct slice message = message_of(json);
    const struct error_row *known = find_row(code);
    struct slice text = message.n ? message : body;
    if (!text.n)
        text = arena_printf(a, "HTTP status %d without a body", status);
    if (code.n)
        text = arena_printf(a, "%.*s: %.*s", SLICE_ARG(code), SLICE_ARG(text));
    set_failure(f, a, known ? *known : row_of_status(status), text);
}

void bedrock_exception(struct failure *f, struct arena *a, struct slice type, struct slice payload)
{
    yyjson_val *json = json_parse(payload, a, NULL);
    struct slice message = message_of(json);
    const struct error_row *known = find_row(bare_code(type));
    struct slice text = message.n ? message : payload;
    if (type.n)
        text = arena_printf(a, "%.*s: %.*s", SLICE_ARG(type), SLICE_ARG(text));
    set_failure(f, a, known ? *known : row_of_status(0), text);
}
