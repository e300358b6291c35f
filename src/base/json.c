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

/* yyjson asks for room for the most values a text of that size could have, of which a prompt needs
 * a hundredth. One piece of memory serves all documents read in place; what was used of it is
 * copied (values find each other by distance, so they may be moved). */
#define SCRATCH_KEPT_MAX ((size_t)2 * 1024 * 1024)

struct scratch {
    void *p;
    size_t size;
    bool taken; /* yyjson takes one piece a document */
};

static void *scratch_realloc(void *ctx, void *p, size_t old, size_t n)
{
    struct scratch *s = ctx;
    (void)p;
    (void)old;
    if (n <= s->size)
        return s->p;
    s->p = realloc(s->p, n);
    if (!s->p)
        abort();
    s->size = n;
    return s->p;
}

static void *scratch_malloc(void *ctx, size_t n)
{
    struct scratch *s = ctx;
    assert(!s->taken);
    s->taken = true;
    return scratch_realloc(ctx, NULL, 0, n);
}

static yyjson_val *keep_values(yyjson_doc *doc, struct arena *a)
{
    size_t size = yyjson_doc_get_val_count(doc) * sizeof(yyjson_val);
    return memcpy(arena_alloc(a, size), yyjson_doc_get_root(doc), size);
}

static yyjson_doc *read_doc(char *text, size_t n, yyjson_read_flag flags, const yyjson_alc *alc,
                            struct json_error *error)
{
    yyjson_read_err err;
    yyjson_doc *doc = yyjson_read_opts(text, n, flags | YYJSON_READ_NUMBER_AS_RAW, alc, &err);
    struct json_error ignored;
    if (!error)
        error = &ignored;
    if (!doc) {
        *error = (struct json_error){.message = err.msg, .offset = err.pos};
        return NULL;
    }
    if (too_deep(doc)) {
        *error = (struct json_error){.message = "nested too deeply", .offset = n};
        return NULL;
    }
    return doc;
}

yyjson_val *json_parse(struct slice text, struct arena *a, struct json_error *error)
{
    yyjson_alc alc = {alc_malloc, alc_realloc, alc_free, a};
    return yyjson_doc_get_root(read_doc((char *)(uintptr_t)(text.n ? text.p : ""), text.n,
                                        YYJSON_READ_NOFLAG, &alc, error));
}

yyjson_val *json_parse_insitu(char *text, size_t n, struct arena *a, struct json_error *error)
{
    static _Thread_local struct scratch scratch;
    yyjson_alc alc = {scratch_malloc, scratch_realloc, alc_free, &scratch};
    memset(text + n, 0, JSON_PADDING);
    yyjson_doc *doc = read_doc(text, n, YYJSON_READ_INSITU, &alc, error);
    yyjson_val *root = doc ? keep_values(doc, a) : NULL;
    scratch.taken = false;
    if (scratch.size > SCRATCH_KEPT_MAX) {
        free(scratch.p);
        scratch = (struct scratch){0};
    }
    return root;
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

bool json_list_has(yyjson_val *list, struct slice text)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_slice(item), text))
            return true;
    return false;
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

#define BLOCK ((size_t)16)

#ifdef __SSE2__
/* Bit i: p[i] needs an escape; of a block. */
static unsigned escapes_in(const char *p)
{
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\');
    const __m128i top = _mm_set1_epi8(0x1f);
    __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
    __m128i bad = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                               _mm_cmpeq_epi8(_mm_min_epu8(v, top), v));
    return (unsigned)_mm_movemask_epi8(bad);
}
#endif

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

static char *escape_bytes(char *to, const char *p, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (needs_escape((unsigned char)p[i]))
            to += write_escape(to, (unsigned char)p[i]);
        else
            *to++ = p[i];
    }
    return to;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* One of eight bytes needs an escape. */
static bool escapes_in_word(uint64_t v)
{
    uint64_t quote = v ^ EACH('"'), slash = v ^ EACH('\\');
    uint64_t low = (v - EACH(0x20)) & ~v;
    return (low | ((quote - EACH(1)) & ~quote) | ((slash - EACH(1)) & ~slash)) & EACH(0x80);
}

/* Less than a block, from both ends: mostly nothing in it needs an escape. */
static char *escape_few(char *to, const char *p, size_t n)
{
    uint64_t first, last;
    uint32_t begin, end;
    if (n >= sizeof(first)) {
        memcpy(&first, p, sizeof(first));
        memcpy(&last, p + n - sizeof(last), sizeof(last));
        if (escapes_in_word(first) || escapes_in_word(last))
            return escape_bytes(to, p, n);
        memcpy(to, &first, sizeof(first));
        memcpy(to + n - sizeof(last), &last, sizeof(last));
        return to + n;
    }
    if (n < sizeof(begin))
        return escape_bytes(to, p, n);
    memcpy(&begin, p, sizeof(begin));
    memcpy(&end, p + n - sizeof(end), sizeof(end));
    if (escapes_in_word((uint64_t)end << 32 | begin))
        return escape_bytes(to, p, n);
    memcpy(to, &begin, sizeof(begin));
    memcpy(to + n - sizeof(end), &end, sizeof(end));
    return to + n;
}

/* Escapes n bytes to `to`, which has room for six times as many and BLOCK more; returns the end.
 * Whole blocks are copied and then corrected from the first escape on: no copy of variable length,
 * no byte looked at twice. */
static char *escape_blocks(char *to, const char *p, size_t n)
{
    size_t i = 0;
#ifdef __SSE2__
    for (; i + 2 * BLOCK <= n; i += BLOCK) {
        size_t start = 0;
        for (unsigned mask = escapes_in(p + i); mask; mask &= mask - 1) {
            size_t at = (size_t)__builtin_ctz(mask);
            memcpy(to, p + i + start, BLOCK);
            to += at - start;
            to += write_escape(to, (unsigned char)p[i + at]);
            start = at + 1;
        }
        memcpy(to, p + i + start, BLOCK);
        to += BLOCK - start;
    }
#endif
    for (; i + BLOCK <= n; i += BLOCK / 2)
        to = escape_few(to, p + i, BLOCK / 2);
    return escape_few(to, p + i, n - i);
}

#define STRETCH ((size_t)1024) /* bytes of a string that are escaped at once … */
#define BIT     ((size_t)64)   /* … and close to the cap */

#define ESCAPED_MAX(n) ((n)*6 + BLOCK) /* room for n bytes */

static void add_bit(struct buf *out, struct slice bit)
{
    char room[ESCAPED_MAX(BIT)];
    char *end = escape_blocks(room, bit.p, bit.n);
    buf_add(out, slice_make(room, (size_t)(end - room)));
}

/* Room for a stretch in which every byte may need an escape keeps the inner loop free of checks;
 * only close to the cap the true size is looked at, bit by bit. */
static void add_escaped(struct buf *out, struct slice s)
{
    while (s.n && !out->overflow) {
        bool tight = ESCAPED_MAX(STRETCH) > out->cap - out->n;
        size_t most = tight ? BIT : STRETCH;
        struct slice part = slice_make(s.p, s.n < most ? s.n : most);
        s = slice_skip(s, part.n);
        if (tight) {
            add_bit(out, part);
            continue;
        }
        char *start = buf_reserve(out, ESCAPED_MAX(part.n));
        out->n += (size_t)(escape_blocks(start, part.p, part.n) - start);
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

void json_key_raw(struct json_writer *w, struct slice quoted)
{
    separate(w);
    buf_add(w->out, quoted);
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

/* Copies of fixed size, the last of which overlaps: keys are short, and a call for each costs more
 * than they do. */
static char *put(char *to, struct slice s)
{
    size_t i = 0;
    if (s.n < BLOCK) {
        for (; i < s.n; i++)
            to[i] = s.p[i];
        return to + s.n;
    }
    for (; i + BLOCK <= s.n; i += BLOCK)
        memcpy(to + i, s.p + i, BLOCK);
    memcpy(to + s.n - BLOCK, s.p + s.n - BLOCK, BLOCK);
    return to + s.n;
}

/* What most of an answer, a record or a log line is made of: room is looked for once. */
void json_string_between(struct json_writer *w, struct slice before, struct slice s,
                         struct slice after)
{
    struct buf *out = w->out;
    size_t worst = before.n + s.n * 6 + BLOCK + after.n + sizeof(",\"\"");
    if (s.n > STRETCH || worst > out->cap - out->n) {
        json_key_raw(w, before);
        json_string_begin(w);
        add_escaped(out, s);
        json_string_end(w);
        buf_add(out, after);
        return;
    }
    char *start = buf_reserve(out, worst), *to = start;
    if (!to)
        return;
    if (w->comma)
        *to++ = ',';
    to = put(to, before);
    *to++ = '"';
    to = escape_blocks(to, s.p, s.n);
    *to++ = '"';
    to = put(to, after);
    out->n += (size_t)(to - start);
    w->comma = true;
}

void json_string(struct json_writer *w, struct slice s)
{
    json_string_between(w, slice_make(NULL, 0), s, slice_make(NULL, 0));
}

void json_integer_after(struct json_writer *w, struct slice quoted, int64_t value)
{
    char room[SLICE_DIGITS];
    struct slice digits = slice_digits(value, room);
    struct buf *out = w->out;
    char *start = buf_reserve(out, w->comma + quoted.n + digits.n), *to = start;
    if (!to)
        return;
    if (w->comma)
        *to++ = ',';
    to = put(put(to, quoted), digits);
    out->n += (size_t)(to - start);
    w->comma = true;
}

void json_integer(struct json_writer *w, int64_t value)
{
    json_integer_after(w, SLICE(""), value);
}

#define WHOLE_MAX 1e15 /* numbers below are written with all their digits */

#define FIXED_SIZE (2 * SLICE_DIGITS)

static const int64_t tens[] = {1,
                               10,
                               100,
                               1000,
                               10000,
                               100000,
                               1000000,
                               10000000,
                               100000000,
                               1000000000,
                               10000000000,
                               100000000000,
                               1000000000000,
                               10000000000000,
                               100000000000000,
                               1000000000000000};

/* "4125" of 412500000, and how many digits that had. */
static struct slice digits_of(int64_t n, char room[SLICE_DIGITS], int *count)
{
    struct slice digits = slice_digits(n, room);
    *count = (int)digits.n;
    while (digits.n > 1 && digits.p[digits.n - 1] == '0')
        digits.n--;
    return digits;
}

/* Most numbers are amounts: a few digits behind the point. printf and strtod take thousands of
 * instructions for each; a whole number of at most 15 digits over a power of ten is exact, and what
 * they would print. 0: it is none of those. */
static size_t write_fixed(double value, char text[FIXED_SIZE])
{
    int count, places = value < 1e-4 ? 15 : 12;
    char room[SLICE_DIGITS];
    struct buf b = {.p = text, .size = FIXED_SIZE, .cap = FIXED_SIZE};
    if (!(value >= 1e-9 && value < 1e3))
        return 0;
    int64_t scaled = (int64_t)(value * (double)tens[places] + 0.5);
    if ((double)scaled / (double)tens[places] != value)
        return 0;
    struct slice digits = digits_of(scaled, room, &count);
    int whole = count - places; /* digits in front of the point */
    if (places > 12) {          /* 4.125e-05 */
        buf_add(&b, slice_make(digits.p, 1));
        if (digits.n > 1)
            buf_add_char(&b, '.');
        buf_add(&b, slice_skip(digits, 1));
        BUF_LITERAL(&b, "e-0");
        buf_add_char(&b, (char)('1' - whole));
        return b.n;
    }
    if (whole > 0)
        buf_add(&b, slice_make(digits.p, (size_t)whole));
    else
        buf_add_char(&b, '0');
    buf_add_char(&b, '.');
    for (int i = whole; i < 0; i++)
        buf_add_char(&b, '0');
    buf_add(&b, slice_skip(digits, whole > 0 ? (size_t)whole : 0));
    return b.n;
}

void json_number(struct json_writer *w, double value)
{
    char text[FIXED_SIZE];
    int n = 0;
    if (value - value != 0)
        value = 0;
    if (value > -WHOLE_MAX && value < WHOLE_MAX && value == (double)(int64_t)value) {
        json_integer(w, (int64_t)value);
        return;
    }
    size_t fixed = write_fixed(value, text);
    if (fixed) {
        json_raw(w, slice_make(text, fixed));
        return;
    }
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

void json_string_or_null(struct json_writer *w, struct slice s)
{
    if (s.n)
        json_string(w, s);
    else
        json_null(w);
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

static void write_spaced_array(struct json_writer *w, yyjson_val *v)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    json_array(w);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++) {
        if (i)
            buf_add(w->out, SLICE(", "));
        w->comma = false;
        json_value_spaced(w, item);
    }
    json_array_end(w);
}

static void write_spaced_object(struct json_writer *w, yyjson_val *v)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    json_object(w);
    for (size_t i = 0; (key = yyjson_obj_iter_next(&it)); i++) {
        if (i)
            buf_add(w->out, SLICE(", "));
        w->comma = false;
        json_key_slice(w, json_slice(key));
        buf_add_char(w->out, ' ');
        json_value_spaced(w, yyjson_obj_iter_get_val(key));
    }
    json_object_end(w);
}

void json_value_spaced(struct json_writer *w, yyjson_val *v)
{
    if (yyjson_is_arr(v))
        write_spaced_array(w, v);
    else if (yyjson_is_obj(v))
        write_spaced_object(w, v);
    else
        json_value(w, v);
}

struct slice json_text_of(yyjson_val *v, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, SIZE_MAX);
    json_begin(&w, &b);
    json_value(&w, v);
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

void json_members_but(struct json_writer *w, yyjson_val *object,
                      bool (*left_out)(struct slice name))
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(object, i, n, key, value)
    {
        if (left_out(json_slice(key)))
            continue;
        json_key_slice(w, json_slice(key));
        json_value(w, value);
    }
}
