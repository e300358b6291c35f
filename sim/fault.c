#include "fault.h"

#include "base/json.h"

#include <stdarg.h>
#include <stdio.h>

#define TRY_AGAIN                                                                                  \
    "The system encountered an unexpected error during processing. Try your request again."

struct exception {
    int status;
    const char *name;
    const char *message;
    const char *members;
};

/* One row per exception of the API (botocore's bedrock-runtime model); the first row of a status
 * is the one that status stands for. */
static const struct exception exceptions[] = {
    {400, "ValidationException", "The provided request is not valid.", ""},
    {400, "ServiceQuotaExceededException",
     "Your request exceeds the service quota for your account.", ""},
    {403, "AccessDeniedException",
     "You don't have access to the model with the specified model ID.", ""},
    {403, "ExpiredTokenException", "The security token included in the request is expired", ""},
    {403, "UnrecognizedClientException", "The security token included in the request is invalid.",
     ""},
    {404, "ResourceNotFoundException",
     "This model version has reached the end of its life. Please refer to the AWS documentation "
     "for more details.",
     ""},
    {408, "ModelTimeoutException",
     "Model has timed out in processing the request. Try your request again.", ""},
    {424, "ModelErrorException", TRY_AGAIN, ",\"originalStatusCode\":500,\"resourceName\":\"sim\""},
    {424, "ModelStreamErrorException", TRY_AGAIN,
     ",\"originalStatusCode\":500,\"originalMessage\":\"simulated\""},
    {429, "ThrottlingException", "Too many requests, please wait before trying again.", ""},
    {429, "ModelNotReadyException",
     "The model is not ready for inference requests. Try your request again.", ""},
    {500, "InternalServerException", TRY_AGAIN, ""},
    {503, "ServiceUnavailableException", "Bedrock is unable to process your request.", ""},
};

enum { EXCEPTION_NR = sizeof(exceptions) / sizeof(exceptions[0]) };

bool fault_set(struct fault *f, int status, const char *type, struct slice message)
{
    if (!f->status)
        *f = (struct fault){.status = status, .type = type, .message = message};
    return false;
}

__attribute__((format(printf, 3, 0))) static struct slice
text_of(struct arena *a, const char *prefix, const char *format, va_list args)
{
    char line[2048];
    vsnprintf(line, sizeof(line), format, args);
    return arena_printf(a, "%s%s", prefix, line);
}

bool fault_validation(struct fault *f, struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct slice text = text_of(a, "", format, args);
    va_end(args);
    return fault_set(f, 400, "ValidationException", text);
}

bool fault_model(struct fault *f, struct arena *a, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const struct slice text =
        text_of(a, f->bare ? "" : "The model returned the following errors: ", format, args);
    va_end(args);
    return fault_set(f, 400, "ValidationException", text);
}

static void fault_from(const struct exception *e, struct fault *f)
{
    *f = (struct fault){.status = e->status,
                        .type = e->name,
                        .message = slice_of(e->message),
                        .members = slice_of(e->members)};
}

bool fault_of_status(int status, struct fault *f)
{
    for (size_t i = 0; i < EXCEPTION_NR; i++)
        if (exceptions[i].status == status)
            return fault_from(&exceptions[i], f), true;
    return false;
}

bool fault_of_name(struct slice name, struct fault *f)
{
    for (size_t i = 0; i < EXCEPTION_NR; i++)
        if (slice_eq_nocase(slice_of(exceptions[i].name), name))
            return fault_from(&exceptions[i], f), true;
    return false;
}

void fault_write_body(const struct fault *f, struct buf *out)
{
    BUF_LITERAL(out, "{\"message\":");
    struct json_writer w;
    json_begin(&w, out);
    json_string(&w, f->message);
    buf_add(out, f->members);
    BUF_LITERAL(out, "}");
}
