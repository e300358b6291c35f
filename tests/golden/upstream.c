#include "upstream.h"

#include "wire/crypto.h"
#include "wire/eventstream.h"

#include <stdio.h>
#include <stdlib.h>

#define BODY_MAX    (16u * 1024 * 1024)
#define HEADERS_MAX 8

static struct slice text_of(yyjson_val *v, struct buf *space)
{
    struct json_writer w;
    if (yyjson_is_str(v))
        return json_slice(v);
    json_begin(&w, space);
    json_value(&w, v);
    return buf_slice(space);
}

/* {"bytes":"…"}, as InvokeModel wraps the model's own event. */
static void wrap(yyjson_val *chunk, struct buf *payload)
{
    struct buf json;
    buf_init(&json, BODY_MAX);
    struct slice text = text_of(chunk, &json);
    BUF_LITERAL(payload, "{\"bytes\":\"");
    base64_encode(text, payload);
    BUF_LITERAL(payload, "\"}");
    buf_fini(&json);
}

static void write_frame(struct buf *out, yyjson_val *row)
{
    static const char *const types[] = {"event", "exception", "error"};
    static const char *const names[] = {":event-type", ":exception-type", ":error-code"};
    struct eventstream_header h[3];
    struct slice text = json_get_slice(row, "payload_text");
    struct buf payload;
    yyjson_val *chunk = json_get(row, "chunk");
    size_t kind = 0;
    while (!chunk && kind < 3 && !json_get(row, types[kind]))
        kind++;
    if (kind == 3) {
        fprintf(stderr, "a row of upstream.events.json has no kind\n");
        exit(1);
    }
    h[0] = (struct eventstream_header){SLICE(":message-type"), slice_of(types[kind])};
    h[1] = (struct eventstream_header){slice_of(names[kind]),
                                       chunk ? SLICE("chunk") : json_get_slice(row, types[kind])};
    h[2] =
        kind == 2
            ? (struct eventstream_header){SLICE(":error-message"), json_get_slice(row, "message")}
            : (struct eventstream_header){SLICE(":content-type"), SLICE("application/json")};
    buf_init(&payload, BODY_MAX);
    if (chunk) {
        wrap(chunk, &payload);
        text = buf_slice(&payload);
    }
    if (!text.p && json_get(row, "payload"))
        text = text_of(json_get(row, "payload"), &payload);
    eventstream_write(out, h, 3, text);
    buf_fini(&payload);
}

static void spoil(struct buf *body, size_t frame, yyjson_val *fault)
{
    int64_t bytes;
    if (json_int(fault, &bytes))
        body->n = frame + (size_t)bytes;
    else if (slice_eq(json_slice(fault), SLICE("message_crc")))
        body->p[body->n - 1] ^= 1;
    else if (slice_eq(json_slice(fault), SLICE("prelude_crc")))
        body->p[frame + 8] ^= 1;
}

void upstream_from_events(struct upstream *u, yyjson_val *events)
{
    yyjson_val *row;
    yyjson_arr_iter it = yyjson_arr_iter_with(events);
    *u = (struct upstream){.status = 200};
    buf_init(&u->body, BODY_MAX);
    while ((row = yyjson_arr_iter_next(&it))) {
        size_t frame = u->body.n;
        if (json_get(row, "raw"))
            buf_add(&u->body, json_get_slice(row, "raw"));
        else
            write_frame(&u->body, row);
        spoil(&u->body, frame, json_get(row, "fault"));
    }
}

void upstream_from_reply(struct upstream *u, yyjson_val *reply, struct arena *a)
{
    struct http_header *h = arena_alloc(a, HEADERS_MAX * sizeof(*h));
    yyjson_val *key, *body = json_get(reply, "body");
    yyjson_obj_iter it = yyjson_obj_iter_with(json_get(reply, "headers"));
    int64_t status = 200;
    size_t n = 0;
    *u = (struct upstream){0};
    buf_init(&u->body, BODY_MAX);
    while ((key = yyjson_obj_iter_next(&it)) && n < HEADERS_MAX)
        h[n++] = (struct http_header){json_slice(key), json_slice(yyjson_obj_iter_get_val(key))};
    if (json_get(reply, "status"))
        json_int(json_get(reply, "status"), &status);
    u->status = (int)status;
    u->headers = (struct http_headers){h, n};
    if (yyjson_is_str(body))
        buf_add(&u->body, json_slice(body));
    else if (body)
        text_of(body, &u->body);
}
