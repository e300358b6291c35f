#include "detail.h"

#define DETAIL_MAX (128 * 1024)

void detail_refuse(struct exchange *ex, int status, struct slice text)
{
    enum failure_kind kind = status == 404  ? FAILURE_NOT_FOUND
                             : status < 500 ? FAILURE_BAD_REQUEST
                                            : FAILURE_INTERNAL;
    failure_set(&ex->failure, &ex->arena, kind, status, "%.*s", SLICE_ARG(text));
    ex->detail = text;
}

/* What was written becomes the detail. */
static void take(struct exchange *ex, struct buf *json)
{
    ex->detail = json->overflow ? SLICE("null") : arena_dup(&ex->arena, buf_slice(json));
    ex->detail_is_json = true;
    buf_fini(json);
}

static void refuse_with(struct exchange *ex, int status, const char *member, struct slice text)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, DETAIL_MAX);
    json_begin(&w, &json);
    json_object(&w);
    json_key_slice(&w, slice_of(member));
    json_string(&w, text);
    json_object_end(&w);
    detail_refuse(ex, status, text);
    take(ex, &json);
}

void detail_refuse_error(struct exchange *ex, int status, struct slice text)
{
    refuse_with(ex, status, "error", text);
}

void detail_refuse_message(struct exchange *ex, int status, struct slice text)
{
    refuse_with(ex, status, "message", text);
}

static void refuse_input(struct exchange *ex, const char *where, const char *name, const char *type,
                         const char *message)
{
    struct buf json;
    struct json_writer w;
    buf_init(&json, DETAIL_MAX);
    json_begin(&w, &json);
    json_array(&w);
    json_object(&w);
    json_member_string(&w, "type", slice_of(type));
    json_key(&w, "loc");
    json_array(&w);
    json_string(&w, slice_of(where));
    if (*name)
        json_string(&w, slice_of(name));
    json_array_end(&w);
    json_member_string(&w, "msg", slice_of(message));
    json_key(&w, "input");
    json_null(&w);
    json_object_end(&w);
    json_array_end(&w);
    detail_refuse(ex, 422, slice_of(message));
    take(ex, &json);
}

void detail_refuse_input(struct exchange *ex, const char *where, const char *name,
                         const char *message)
{
    refuse_input(ex, where, name, *name ? "missing" : "json_invalid", message);
}

void detail_refuse_value(struct exchange *ex, const char *name, const char *type,
                         const char *message)
{
    refuse_input(ex, "body", name, type, message);
}
