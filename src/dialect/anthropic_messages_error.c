#include "anthropic_messages.h"
#include "error_text.h"

#define TOO_LONG "prompt is too long"

/* Anthropic's types go by the status. */
static const char *error_type(const struct failure *f)
{
    static const struct {
        int status;
        const char *type;
    } rows[] = {
        {401, "authentication_error"}, {402, "billing_error"}, {403, "permission_error"},
        {404, "not_found_error"},      {408, "timeout_error"}, {413, "request_too_large"},
        {429, "rate_limit_error"},     {504, "timeout_error"}, {529, "overloaded_error"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (f->status == rows[i].status)
            return rows[i].type;
    return f->status >= 500 ? "api_error" : "invalid_request_error";
}

/* Agents compact their conversation when they read these words of Anthropic's, whatever Bedrock
 * says for them. */
static void write_message(struct json_writer *w, const struct failure *f)
{
    bool says_so = slice_find(f->message, SLICE(TOO_LONG)) >= 0;
    json_key(w, "message");
    json_string_begin(w);
    if (f->kind == FAILURE_CONTEXT_WINDOW && !says_so)
        json_string_part(w, SLICE(TOO_LONG ": "));
    error_text_write(w, f);
    json_string_end(w);
}

static void write_details(struct json_writer *w, const struct failure *f)
{
    json_key(w, "details");
    json_object(w);
    json_member_string(w, "error_code", slice_of(f->code));
    json_object_end(w);
}

void messages_error_write(const struct failure *f, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "type", SLICE("error"));
    json_key(&w, "error");
    json_object(&w);
    json_member_string(&w, "type", slice_of(error_type(f)));
    write_message(&w, f);
    if (f->code)
        write_details(&w, f);
    if (f->call_id.n)
        json_member_string(&w, "litellm_call_id", f->call_id);
    json_object_end(&w);
    json_object_end(&w);
}
