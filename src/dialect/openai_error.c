#include "openai_error.h"

#include "error_text.h"
#include "wire/sse.h"

/* LiteLLM's error types, which differ from OpenAI's in places. */
static const char *error_type(const struct failure *f)
{
    if (f->type)
        return f->type;
    switch (f->kind) {
    case FAILURE_RATE_LIMIT: return "throttling_error";
    case FAILURE_PERMISSION: return "permission_error";
    case FAILURE_AUTHENTICATION: return f->upstream ? "permission_error" : "auth_error";
    case FAILURE_BAD_REQUEST:
    case FAILURE_UNSUPPORTED:
    case FAILURE_CONTEXT_WINDOW:
    case FAILURE_CONTENT_POLICY:
    case FAILURE_NOT_FOUND:
    case FAILURE_TIMEOUT:
    case FAILURE_MODEL: return "invalid_request_error";
    case FAILURE_NONE:
    case FAILURE_UNAVAILABLE:
    case FAILURE_BAD_GATEWAY:
    case FAILURE_INTERNAL: return "internal_server_error";
    }
    return "internal_server_error";
}

void openai_error_member(struct json_writer *w, const struct failure *f)
{
    char code[12];
    struct buf status = {.p = code, .size = sizeof(code), .cap = sizeof(code)};
    buf_addf(&status, "%d", f->status);
    json_key(w, "error");
    json_object(w);
    json_key(w, "message");
    json_string_begin(w);
    error_text_write(w, f);
    json_string_end(w);
    json_member_string(w, "type", slice_of(error_type(f)));
    json_key(w, "param");
    if (f->param_shown)
        json_string(w, f->param);
    else
        json_null(w);
    json_member_string(w, "code", buf_slice(&status));
    if (f->call_id.n)
        json_member_string(w, "litellm_call_id", f->call_id);
    json_object_end(w);
}

void openai_error_write(const struct failure *f, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    openai_error_member(&w, f);
    json_object_end(&w);
}

void openai_error_event(const struct failure *f, struct buf *out)
{
    sse_begin(out);
    openai_error_write(f, out);
    sse_end(out);
}
