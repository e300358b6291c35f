#include "llm/failure.h"

#include "base/text.h"

#include <stdarg.h>
#include <stdio.h>

#define MESSAGE_MAX 16384 /* bytes; Bedrock's messages quote parts of the request */

__attribute__((format(printf, 5, 0))) static void set(struct failure *f, struct arena *a,
                                                      enum failure_kind kind, int status,
                                                      const char *format, va_list args)
{
    char message[MESSAGE_MAX];
    if (f->kind != FAILURE_NONE)
        return;
    int n = vsnprintf(message, sizeof(message), format, args);
    size_t length = n < 0 ? 0 : (size_t)n < sizeof(message) ? (size_t)n : sizeof(message) - 1;
    f->kind = kind;
    f->status = status;
    text_clean(message, length);
    f->message = arena_dup(a, slice_make(message, length));
}

bool failure_set(struct failure *f, struct arena *a, enum failure_kind kind, int status,
                 const char *format, ...)
{
    va_list args;
    va_start(args, format);
    set(f, a, kind, status, format, args);
    va_end(args);
    return false;
}

bool failure_bad_param(struct failure *f, struct arena *a, const char *param, const char *format,
                       ...)
{
    va_list args;
    bool first = f->kind == FAILURE_NONE;
    va_start(args, format);
    set(f, a, FAILURE_BAD_REQUEST, 400, format, args);
    va_end(args);
    if (first)
        f->param = arena_dup(a, slice_of(param));
    return false;
}

bool failure_missing_param(struct failure *f, struct arena *a, const char *name)
{
    bool first = f->kind == FAILURE_NONE;
    failure_bad_param(f, a, name, "Missing required parameter: '%s'.", name);
    f->param_shown = f->param_shown || first;
    return false;
}

const char *failure_class(const struct failure *f)
{
    if (f->kind == FAILURE_UNAVAILABLE && f->status == 500)
        return "InternalServerError";
    switch (f->kind) {
    case FAILURE_NONE:
    case FAILURE_INTERNAL: return "InternalServerError";
    case FAILURE_BAD_REQUEST:
    case FAILURE_MODEL: return "BadRequestError";
    case FAILURE_UNSUPPORTED: return "UnsupportedParamsError";
    case FAILURE_CONTEXT_WINDOW: return "ContextWindowExceededError";
    case FAILURE_CONTENT_POLICY: return "ContentPolicyViolationError";
    case FAILURE_AUTHENTICATION: return "AuthenticationError";
    case FAILURE_PERMISSION: return "PermissionDeniedError";
    case FAILURE_NOT_FOUND: return "NotFoundError";
    case FAILURE_TIMEOUT: return "Timeout";
    case FAILURE_RATE_LIMIT: return "RateLimitError";
    case FAILURE_UNAVAILABLE: return "ServiceUnavailableError";
    case FAILURE_BAD_GATEWAY: return "BadGatewayError";
    }
    return "InternalServerError";
}
