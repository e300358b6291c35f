#include "base/json.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* ---- reading ------------------------------------------------------------------------------- */

static void *alc_malloc(void *ctx, size_t n)
{
    return arena_alloc(ctx, n);
}

static void *alc_realloc(void *ctx, void *p, size_t old, size_t n)
{
    return arena_realloc(ctx, p, old, n);
}

static void alc_free(void *ctx, void *p)
{
    (void)ctx;
    (void)p;
}

static bool is_container(yyjson_val *v)
{
    return yyjson_is_arr(v) || yyjson_is_obj(v);
}

/* yyjson itself reads any depth; what walks its values later recurses, so the depth is bounded
 * here. Values lie in document order, a container followed by its content. */
static bool too_deep(yyjson_doc *doc)
{
    yyjson_val *ends[JSON_MAX_DEPTH];
    size_t depth = 0, count = yyjson_doc_get_val_count(doc);
    yyjson_val *v = yyjson_doc_get_root(doc), *last = v + count;
    for (; v < last; v++) {
        while (depth && v >= ends[depth - 1])
            depth--;
        if (!is_container(v))
            continue;
        if (depth == JSON_MAX_DEPTH)
            return true;
        ends[depth++] = (yyjson_val *)(void *)((uint8_t *)v + v->uni.ofs);
    }
    return false;
}

static yyjson_val *read_doc(char *text, size_t n, yyjson_read_flag flags, struct arena *a,
                            struct json_error *error)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, a};
    yyjson_read_err err;
    yyjson_doc *doc = yyjson_read_opts(text, n, flags | YYJSON_READ_NUMBER_AS_RAW, &alc, &err);
    struct json_error ignored;
    if (!error)
        error = &ignored;
    if (!doc) {
        *error = (struct json_error){.message = err.msg, .offset = err.pos};
        return NULL;
    }
    if (too_deep(doc)) {
        *error = (struct json_error){.message = "nested too deeply"};
        return NULL;
    }
    return yyjson_doc_get_root(doc);
}

yyjson_val *json_parse(struct slice text, struct arena *a, struct json_error *error)
{
    return read_doc((char *)(uintptr_t)(text.n ? text.p : ""), text.n, YYJSON_READ_NOFLAG, a,
                    error);
}

yyjson_val *json_parse_insitu(char *text, size_t n, struct arena *a, struct json_error *error)
{
    memset(text + n, 0, JSON_PADDING);
    return read_doc(text, n, YYJSON_READ_INSITU, a, error);
}

yyjson_val *json_get(yyjson_val *v, const char *key)
{
    yyjson_val *k, *found = NULL;
    size_t n = strlen(key);
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    while ((k = yyjson_obj_iter_next(&it)))
        if (yyjson_equals_strn(k, key, n))
            found = yyjson_obj_iter_get_val(k);
    return found;
}

struct slice json_slice(yyjson_val *v)
{
    if (!yyjson_is_str(v))
        return slice_make(NULL, 0);
    return slice_make(yyjson_get_str(v), yyjson_get_len(v));
}

struct slice json_get_slice(yyjson_val *v, const char *key)
{
    return json_slice(json_get(v, key));
}

static struct slice raw_slice(yyjson_val *v)
{
    return slice_make(yyjson_get_raw(v), yyjson_get_len(v));
}

bool json_is_number(yyjson_val *v)
{
    return yyjson_is_raw(v);
}

bool json_int(yyjson_val *v, int64_t *value)
{
    return yyjson_is_raw(v) && slice_to_i64(raw_slice(v), value);
}

bool json_double(yyjson_val *v, double *value)
{
    return yyjson_is_raw(v) && slice_to_double(raw_slice(v), value);
}

const char *json_type_name(yyjson_val *v)
{
    if (!v)
        return "missing";
    if (yyjson_is_raw(v))
        return "number";
    return yyjson_get_type_desc(v);
}

/* ---- writing ------------------------------------------------------------------------------- */

/* Control characters, quote and backslash. */
static bool needs_escape(unsigned char c)
{
    return c < 0x20 || c == '"' || c == '\\';
}

/* Copies the bytes before the first one that needs an escape and returns how many these are. What
 * stands at `to` behind them may be overwritten, up to n bytes in all. */
static size_t copy_plain(char *to, const char *p, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i top = _mm_set1_epi8(0x1f);
    for (; i + 16 <= n; i += 16) {
        __m128i v = _mm_loadu_si128((const __m128i *)(const void *)(p + i));
        __m128i bad = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(v, top), v));
        int mask = _mm_movemask_epi8(bad);
        _mm_storeu_si128((__m128i *)(void *)(to + i), v);
        if (mask)
            return i + (size_t)__builtin_ctz((unsigned)mask);
    }
#endif
    for (; i < n && !needs_escape((unsigned char)p[i]); i++)
        to[i] = p[i];
    return i;
}

/* Writes the escape for c at `to` (6 bytes of room) and returns its length. */
static size_t write_escape(char *to, unsigned char c)
{
    static const char hex[] = "0123456789abcdef";
    static const char shorts[0x20] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    to[0] = '\\';
    if (c >= 0x20 || shorts[c]) {
        to[1] = c >= 0x20 ? (char)c : shorts[c];
        return 2;
    }
    to[1] = 'u';
    to[2] = to[3] = '0';
    to[4] = hex[c >> 4];
    to[5] = hex[c & 15];
    return 6;
}

static size_t escaped_size(struct slice s)
{
    char ignored[6];
    size_t size = 0;
    for (size_t i = 0; i < s.n; i++)
        size +=
            needs_escape((unsigned char)s.p[i]) ? write_escape(ignored, (unsigned char)s.p[i]) : 1;
    return size;
}

/* Room for a stretch in which every byte may need an escape keeps the inner loop free of checks;
 * only close to the cap the true size is looked at. */
static void add_escaped(struct buf *out, struct slice s)
{
    while (s.n) {
        struct slice stretch = slice_make(s.p, s.n < 4096 ? s.n : 4096);
        size_t worst = stretch.n * 6, done = 0;
        char *start = buf_reserve(out, worst <= out->cap - out->n ? worst : escaped_size(stretch));
        char *to = start;
        if (!start)
            return;
        while (done < stretch.n) {
            size_t run = copy_plain(to, stretch.p + done, stretch.n - done);
            to += run;
            done += run;
            if (done < stretch.n)
                to += write_escape(to, (unsigned char)stretch.p[done++]);
        }
        out->n += (size_t)(to - start);
        s = slice_skip(s, stretch.n);
    }
}

static void separate(struct json_writer *w)
{
    if (w->comma)
        buf_add_char(w->out, ',');
    w->comma = true;
}

static void open_container(struct json_writer *w, char c)
{
    separate(w);
    buf_add_char(w->out, c);
    w->comma = false;
}

static void close_container(struct json_writer *w, char c)
{
    buf_add_char(w->out, c);
    w->comma = true;
}

void json_begin(struct json_writer *w, struct buf *out)
{
    *w = (struct json_writer){.out = out};
}

void json_object(struct json_writer *w)
{
    open_container(w, '{');
}

void json_object_end(struct json_writer *w)
{
    close_container(w, '}');
}

void json_array(struct json_writer *w)
{
    open_container(w, '[');
}

void json_array_end(struct json_writer *w)
{
    close_container(w, ']');
}

void json_key_slice(struct json_writer *w, struct slice key)
{
    json_string(w, key);
    buf_add_char(w->out, ':');
    w->comma = false;
}

void json_string_begin(struct json_writer *w)
{
    separate(w);
    buf_add_char(w->out, '"');
}

void json_string_part(struct json_writer *w, struct slice part)
{
    add_escaped(w->out, part);
}

void json_string_end(struct json_writer *w)
{
    buf_add_char(w->out, '"');
}

void json_string(struct json_writer *w, struct slice s)
{
    json_string_begin(w);
    json_string_part(w, s);
    json_string_end(w);
}

void json_integer(struct json_writer *w, int64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof(digits), "%lld", (long long)value);
    json_raw(w, slice_make(digits, (size_t)n));
}

void json_number(struct json_writer *w, double value)
{
    char text[40];
    int n = 0;
    if (value - value != 0)
        value = 0;
    for (int precision = 15; precision <= 17; precision++) {
        n = snprintf(text, sizeof(text), "%.*g", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    json_raw(w, slice_make(text, (size_t)n));
}

void json_bool(struct json_writer *w, bool value)
{
    json_raw(w, value ? SLICE("true") : SLICE("false"));
}

void json_null(struct json_writer *w)
{
    json_raw(w, SLICE("null"));
}

void json_raw(struct json_writer *w, struct slice json)
{
    separate(w);
    buf_add(w->out, json);
}

static void write_array(struct json_writer *w, yyjson_val *v)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    json_array(w);
    while ((item = yyjson_arr_iter_next(&it)))
        json_value(w, item);
    json_array_end(w);
}

static void write_object(struct json_writer *w, yyjson_val *v)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    json_object(w);
    while ((key = yyjson_obj_iter_next(&it))) {
        json_key_slice(w, json_slice(key));
        json_value(w, yyjson_obj_iter_get_val(key));
    }
    json_object_end(w);
}

/* Recursion is bounded: what was parsed is no deeper than JSON_MAX_DEPTH. */
void json_value(struct json_writer *w, yyjson_val *v)
{
    switch (yyjson_get_type(v)) {
    case YYJSON_TYPE_RAW: json_raw(w, raw_slice(v)); break;
    case YYJSON_TYPE_STR: json_string(w, json_slice(v)); break;
    case YYJSON_TYPE_BOOL: json_bool(w, yyjson_get_bool(v)); break;
    case YYJSON_TYPE_ARR: write_array(w, v); break;
    case YYJSON_TYPE_OBJ: write_object(w, v); break;
    default: json_null(w); break;
    }
}
