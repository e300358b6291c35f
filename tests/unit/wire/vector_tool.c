/* Lets another program's code judge ours: reads JSON lines, does what "op" says with the wire layer
 * and prints a JSON line for each. Driven by vectors.py.
 *   sign    method path query headers [[name, value]…] body(base64) key secret token region service
 *           date → canonical, authorization
 *   decode  bytes(base64) cuts [size…] → messages [{…headers…, payload(base64)}…], error, boundary
 *   encode  headers [[name, value]…] payload(base64) → frame(base64)
 * A line it cannot use ends the program. */

#include "base/json.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"
#include "wire/sigv4.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void give_up(const char *why)
{
    fprintf(stderr, "vector_tool: %s\n", why);
    exit(1);
}

static struct slice member(yyjson_val *line, const char *key)
{
    struct slice s = json_get_slice(line, key);
    if (!s.p)
        give_up(key);
    return s;
}

static struct slice bytes_member(yyjson_val *line, const char *key, struct arena *a)
{
    struct slice data = {NULL, 0}, text = member(line, key);
    if (!base64_valid(text) || !base64_decode(text, a, &data))
        give_up(key);
    return data;
}

static void write_base64(struct json_writer *w, struct slice data)
{
    struct buf text;
    buf_init(&text, SIZE_MAX);
    base64_encode(data, &text);
    json_string(w, buf_slice(&text));
    buf_fini(&text);
}

/* [[name, value]…] as pairs of slices: the layout of both header structs. */
static struct http_headers headers_member(yyjson_val *line, struct arena *a)
{
    yyjson_val *list = json_get(line, "headers"), *pair;
    size_t i, n;
    struct http_header *v = arena_alloc(a, (yyjson_arr_size(list) + 1) * sizeof(*v));
    yyjson_arr_foreach(list, i, n, pair)
    {
        v[i].name = json_slice(yyjson_arr_get(pair, 0));
        v[i].value = json_slice(yyjson_arr_get(pair, 1));
    }
    return (struct http_headers){v, yyjson_arr_size(list)};
}

static void sign(yyjson_val *line, struct arena *a, struct json_writer *w)
{
    static struct sigv4_key key; /* kept over all lines, as a gateway would */
    uint8_t digest[SHA256_SIZE];
    char hash[HEX_SIZE(SHA256_SIZE)];
    struct buf canonical;
    sha256(bytes_member(line, "body", a), digest);
    hex_encode(digest, SHA256_SIZE, hash);
    const struct aws_credentials credentials = {member(line, "key"), member(line, "secret"),
                                                member(line, "token")};
    const struct sigv4_request r = {
        .method = member(line, "method"),
        .path = member(line, "path"),
        .query = member(line, "query"),
        .headers = headers_member(line, a),
        .payload_hash = hash,
    };
    buf_init(&canonical, SIZE_MAX);
    sigv4_canonical(&r, a, &canonical);
    json_member_string(w, "canonical", buf_slice(&canonical));
    json_member_string(w, "authorization",
                       sigv4_authorization(&r, &credentials, member(line, "region"),
                                           member(line, "service"),
                                           arena_strdup(a, member(line, "date")), &key, a));
    buf_fini(&canonical);
}

static bool write_message(void *user, const struct eventstream_message *m)
{
    struct json_writer *w = user;
    const struct {
        struct slice name, value;
    } headers[] = {
        {SLICE(":message-type"), m->message_type},     {SLICE(":event-type"), m->event_type},
        {SLICE(":exception-type"), m->exception_type}, {SLICE(":error-code"), m->error_code},
        {SLICE(":error-message"), m->error_message},   {SLICE(":content-type"), m->content_type},
    };
    json_object(w);
    for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
        if (!headers[i].value.p)
            continue;
        json_key_slice(w, headers[i].name);
        json_string(w, headers[i].value);
    }
    json_key(w, "payload");
    write_base64(w, m->payload);
    json_object_end(w);
    return true;
}

static void decode(yyjson_val *line, struct arena *a, struct json_writer *w)
{
    struct eventstream es;
    yyjson_val *cuts = json_get(line, "cuts"), *cut;
    struct slice rest = bytes_member(line, "bytes", a);
    size_t i, n;
    eventstream_init(&es);
    json_key(w, "messages");
    json_array(w);
    yyjson_arr_foreach(cuts, i, n, cut)
    {
        int64_t size;
        if (!json_int(cut, &size) || size < 0)
            give_up("cuts");
        size_t piece = (size_t)size < rest.n ? (size_t)size : rest.n;
        eventstream_feed(&es, slice_make(rest.p, piece), write_message, w); /* errors stay */
        rest = slice_skip(rest, piece);
    }
    enum eventstream_error e = eventstream_feed(&es, rest, write_message, w);
    json_array_end(w);
    json_member_string(w, "error", slice_of(e ? eventstream_error_text(e) : ""));
    json_member_bool(w, "boundary", eventstream_at_boundary(&es));
    eventstream_fini(&es);
}

static void encode(yyjson_val *line, struct arena *a, struct json_writer *w)
{
    struct http_headers h = headers_member(line, a);
    struct eventstream_header *headers = arena_alloc(a, (h.n + 1) * sizeof(*headers));
    struct buf frame;
    for (size_t i = 0; i < h.n; i++)
        headers[i] = (struct eventstream_header){h.v[i].name, h.v[i].value};
    buf_init(&frame, SIZE_MAX);
    eventstream_write(&frame, headers, h.n, bytes_member(line, "payload", a));
    json_key(w, "frame");
    write_base64(w, buf_slice(&frame));
    buf_fini(&frame);
}

static void answer(struct slice text, struct buf *out)
{
    struct arena a;
    struct json_writer w;
    arena_init(&a);
    yyjson_val *line = json_parse(text, &a, NULL);
    struct slice op = member(line, "op");
    json_begin(&w, out);
    json_object(&w);
    if (slice_eq(op, SLICE("sign")))
        sign(line, &a, &w);
    else if (slice_eq(op, SLICE("decode")))
        decode(line, &a, &w);
    else if (slice_eq(op, SLICE("encode")))
        encode(line, &a, &w);
    else
        give_up("op");
    json_object_end(&w);
    buf_add_char(out, '\n');
    arena_fini(&a);
}

int main(void)
{
    char *line = NULL;
    size_t size = 0;
    ssize_t n;
    struct buf out;
    buf_init(&out, SIZE_MAX);
    while ((n = getline(&line, &size, stdin)) > 0) {
        buf_reset(&out);
        answer(slice_make(line, (size_t)n), &out);
        fwrite(out.p, 1, out.n, stdout);
    }
    buf_fini(&out);
    free(line);
    return 0;
}
