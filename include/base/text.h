#ifndef BASE_TEXT_H
#define BASE_TEXT_H

/* Text for people made out of bytes that anybody may have sent. */

#include "base/arena.h"
#include "base/buf.h"

/* Makes n bytes one line of valid UTF-8, in place and of the same length: control characters become
 * spaces, bytes that belong to no well-formed sequence (a text cut within a character, another
 * encoding) become '?'. */
void text_clean(char *p, size_t n);

/* Bytes of its start that are nothing but well-formed UTF-8. */
size_t text_utf8_prefix(struct slice s);
/* All of it is; an empty text is, too. */
bool text_is_utf8(struct slice s);

/* With U+FFFD for each byte that belongs to no well-formed sequence; a copy, like arena_dup's. */
void text_add_utf8(struct buf *b, struct slice s);
struct slice text_dup_utf8(struct arena *a, struct slice s);

/* Without the white space at its end: Unicode's White_Space and the separators U+001C to U+001F,
 * which is what Python and Java call space, one or the other. Empty: the text is blank. */
struct slice text_trim_end(struct slice s);

/* The value of a hexadecimal digit, of either case; -1: it is none. */
static inline int text_hex_digit(char c)
{
    char lower = (char)(c | 0x20);
    if (c >= '0' && c <= '9')
        return c - '0';
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

/* Order of bytes: < 0, 0, > 0. */
int text_compare(struct slice a, struct slice b);

#endif
