/* JSON: what was parsed and written again parses as the same value, and is written the same; the
 * parser that works in place agrees with the one that copies; a string in two parts is the string.
 */

#include "../unit/base/json_same.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void write_value(yyjson_val *v, struct buf *out)
{
    struct json_writer w;
    buf_init(out, SIZE_MAX);
    json_begin(&w, out);
    json_value(&w, v);
}

static yyjson_val *parse_in_place(struct slice text, struct arena *a)
{
    char *copy = arena_alloc(a, text.n + JSON_PADDING);
    if (text.n)
        memcpy(copy, text.p, text.n);
    return json_parse_insitu(copy, text.n, a, NULL);
}

static void check_string_in_parts(struct slice s)
{
    struct buf whole, parts;
    struct json_writer w;
    size_t cut = s.n ? (unsigned char)s.p[0] % s.n : 0;
    buf_init(&whole, SIZE_MAX);
    buf_init(&parts, SIZE_MAX);
    json_begin(&w, &whole);
    json_string(&w, s);
    json_begin(&w, &parts);
    json_string_begin(&w);
    json_string_part(&w, slice_make(s.p, cut));
    json_string_part(&w, slice_skip(s, cut));
    json_string_end(&w);
    check(slice_eq(buf_slice(&whole), buf_slice(&parts)));
    buf_fini(&whole);
    buf_fini(&parts);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena a;
    struct slice text = slice_make((const char *)data, size);
    struct json_error e = {.message = NULL};
    arena_init(&a);
    check_string_in_parts(text);
    yyjson_val *v = json_parse(text, &a, &e), *in_place = parse_in_place(text, &a);
    check(v ? in_place && json_same(v, in_place) : !in_place && e.message);
    if (v) {
        struct buf once, twice;
        write_value(v, &once);
        yyjson_val *again = json_parse(buf_slice(&once), &a, NULL);
        check(again && json_same(v, again));
        write_value(again, &twice);
        check(slice_eq(buf_slice(&once), buf_slice(&twice)));
        buf_fini(&once);
        buf_fini(&twice);
    }
    arena_fini(&a);
    return 0;
}
