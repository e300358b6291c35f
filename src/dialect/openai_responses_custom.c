/* The input of a custom tool, which is a text, out of the arguments of the function that stands for
 * it upstream: {"input": "…"}.
 *
 * The happy path: the characters in front of the text are matched one by one, those of the text are
 * handed on as they are, since the inside of one JSON string is that of the other. An escape is
 * handed on whole, and a pair of surrogates as one.
 *
 * Failure modes: arguments of another form are found out at once, and read when all of them are
 * there; what is no JSON is handed on as a text. */

#include "base/text.h"
#include "openai_responses.h"

#define PATTERN   "{\"" LLM_TEXT_INPUT "\":\""
#define REPLACING "\\ufffd" /* half a pair of surrogates */

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

/* White space may stand in front of a brace, a colon and the opening quotes. */
static bool may_be_spaced(unsigned at)
{
    return at <= 1 || at >= sizeof(PATTERN) - 3;
}

static void match(struct responses_custom *c, char next)
{
    if (next == PATTERN[c->at])
        c->at++;
    else if (!is_space(next) || !may_be_spaced(c->at))
        c->other = true;
}

/* ---- escapes ------------------------------------------------------------------------------- */

/* Of \uXXXX; -1: it is none. */
static int unit_of(const char *escape)
{
    int unit = 0;
    for (unsigned i = 2; i < 6; i++) {
        int digit = text_hex_digit(escape[i]);
        if (digit < 0)
            return -1;
        unit = unit * 16 + digit;
    }
    return unit;
}

static bool is_high(int unit)
{
    return unit >= 0xd800 && unit < 0xdc00;
}

static bool is_low(int unit)
{
    return unit >= 0xdc00 && unit < 0xe000;
}

static void drop_held(struct responses_custom *c)
{
    c->count = 0;
}

/* What was held back is no pair. */
static void replace_half(struct responses_custom *c, struct buf *out)
{
    BUF_LITERAL(out, REPLACING);
    c->count -= 6;
    memmove(c->held, c->held + 6, c->count);
}

static void finish_unicode(struct responses_custom *c, struct buf *out)
{
    const char *last = c->held + c->count - 6;
    int unit = unit_of(last);
    bool pair = c->count == 12;
    if (pair && !is_low(unit))
        replace_half(c, out);
    if (is_high(unit))
        return;
    if (unit < 0 || (is_low(unit) && !pair))
        BUF_LITERAL(out, REPLACING);
    else
        buf_add(out, slice_make(c->held, c->count));
    drop_held(c);
}

static bool is_plain(char c)
{
    return c != '"' && c != '\\' && (unsigned char)c >= 0x20;
}

static bool is_escape(char kind)
{
    return slice_find_char(SLICE("\"\\/bfnrt"), kind) >= 0;
}

/* The character behind a backslash: an escape, or none, then both stand for themselves. */
static void finish_short(struct responses_custom *c, struct buf *out)
{
    if (c->count == 8)
        replace_half(c, out);
    char kind = c->held[1];
    if (is_escape(kind))
        buf_add(out, slice_make(c->held, 2));
    else if (is_plain(kind))
        buf_addf(out, "\\\\%c", kind);
    else
        buf_addf(out, "\\\\\\u%04x", (unsigned)(unsigned char)kind);
    drop_held(c);
}

static void escape(struct responses_custom *c, char next, struct buf *out)
{
    c->held[c->count++] = next;
    unsigned n = c->count > 6 ? c->count - 6 : c->count;
    if (n == 2 && next != 'u')
        finish_short(c, out);
    else if (n == 6)
        finish_unicode(c, out);
}

/* ---- the text ------------------------------------------------------------------------------ */

static size_t plain_length(struct slice s)
{
    size_t n = 0;
    while (n < s.n && is_plain(s.p[n]))
        n++;
    return n;
}

/* Anything but a plain character, outside of an escape. */
static void special(struct responses_custom *c, char next, struct buf *out)
{
    if (next == '"')
        c->ended = true;
    else if (next == '\\')
        c->held[c->count++] = next;
    else
        buf_addf(out, "\\u%04x", (unsigned)(unsigned char)next);
}

static bool is_half(const struct responses_custom *c)
{
    return c->count == 6;
}

static struct slice feed_text(struct responses_custom *c, struct slice rest, struct buf *out)
{
    size_t n;
    if (is_half(c) && rest.p[0] != '\\') {
        replace_half(c, out);
        return rest;
    }
    if (c->count) {
        escape(c, rest.p[0], out);
        return slice_skip(rest, 1);
    }
    n = plain_length(rest);
    if (!n) {
        special(c, rest.p[0], out);
        return slice_skip(rest, 1);
    }
    buf_add(out, slice_make(rest.p, n));
    return slice_skip(rest, n);
}

void responses_custom_feed(struct responses_custom *c, struct slice piece, struct buf *out)
{
    struct slice rest = piece;
    while (rest.n && !c->ended && !c->other)
        if (c->at < sizeof(PATTERN) - 1) {
            match(c, rest.p[0]);
            rest = slice_skip(rest, 1);
        } else {
            rest = feed_text(c, rest, out);
        }
}

void responses_custom_end(struct responses_custom *c, struct slice arguments, struct buf *out)
{
    struct arena a;
    struct json_writer w;
    if (is_half(c))
        replace_half(c, out);
    if (c->at == sizeof(PATTERN) - 1 && !c->other)
        return;
    arena_init(&a);
    struct slice text = json_get_slice(json_parse(arguments, &a, NULL), LLM_TEXT_INPUT);
    json_begin(&w, out);
    json_string_part(&w, text.p ? text : arguments);
    arena_fini(&a);
}
