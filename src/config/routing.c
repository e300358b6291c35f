#include "config/routing.h"

enum fail_class routing_fail_class(const struct failure *f)
{
    switch (f->kind) {
    case FAILURE_NONE:
    case FAILURE_INTERNAL: return FAIL_INTERNAL;
    case FAILURE_BAD_REQUEST:
    case FAILURE_UNSUPPORTED:
    case FAILURE_CONTEXT_WINDOW:
    case FAILURE_MODEL: return FAIL_BAD_REQUEST;
    case FAILURE_CONTENT_POLICY: return FAIL_CONTENT_POLICY;
    case FAILURE_AUTHENTICATION:
    case FAILURE_PERMISSION: return FAIL_AUTHENTICATION;
    case FAILURE_NOT_FOUND: return FAIL_NOT_FOUND;
    case FAILURE_TIMEOUT: return FAIL_TIMEOUT;
    case FAILURE_RATE_LIMIT: return FAIL_RATE_LIMIT;
    case FAILURE_UNAVAILABLE: return f->status == 500 ? FAIL_INTERNAL : FAIL_UNAVAILABLE;
    case FAILURE_BAD_GATEWAY: return FAIL_BAD_GATEWAY;
    }
    return FAIL_INTERNAL;
}

const char *routing_fail_name(enum fail_class c)
{
    static const char *const names[FAIL_CLASSES] = {
        [FAIL_BAD_REQUEST] = "BadRequestError",
        [FAIL_AUTHENTICATION] = "AuthenticationError",
        [FAIL_NOT_FOUND] = "NotFoundError",
        [FAIL_TIMEOUT] = "TimeoutError",
        [FAIL_RATE_LIMIT] = "RateLimitError",
        [FAIL_CONTENT_POLICY] = "ContentPolicyViolationError",
        [FAIL_INTERNAL] = "InternalServerError",
        [FAIL_UNAVAILABLE] = "ServiceUnavailableError",
        [FAIL_BAD_GATEWAY] = "BadGatewayError",
    };
    return names[c];
}
