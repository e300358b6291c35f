#ifndef GUARD_RULES_H
#define GUARD_RULES_H

/* What a content filter looks for: regular expressions (PCRE2's, in UTF-8, without regard to case)
 * and words, each with what follows when it is met. And the looking: a text at once, or in pieces
 * as a stream brings it. Pure.
 *
 * Pieces: what may be the beginning of a match is held until it is known whether it is one, so that
 * the cut of a stream makes no difference; at most GUARD_WINDOW bytes are held. A match of up to
 * half of that is found wherever it is cut.
 *
 * Patterns are the operator's, texts anybody's: each attempt to match is bounded in steps. A
 * pattern that is given up there has failed, which counts as if nobody had looked. */

#include "base/arena.h"
#include "base/buf.h"

#define GUARD_WINDOW    (16 * 1024) /* bytes of a stream that are held at most */
#define GUARD_SETS_MAX  32          /* filters at work on one text */
#define GUARD_WORD_MAX  64          /* bytes of a word that are told */
#define GUARD_WORDS_MAX 10000       /* of one call of guard_rules_add_words */

enum guard_action { GUARD_LOG, GUARD_MASK, GUARD_BLOCK };

struct guard_rules; /* of one filter; one thread at a time */

struct guard_rules *guard_rules_new(void);
void guard_rules_free(struct guard_rules *r); /* NULL is fine */

/* `name`: for people; `mask`: what stands in the place of what matched. Both are copied. False:
 * `*error` says why, in the arena. */
bool guard_rules_add(struct guard_rules *r, struct slice name, struct slice mask,
                     enum guard_action action, struct slice pattern, struct arena *a,
                     const char **error);

/* Words, wherever they stand, or (`whole`) only where no letter or digit is beside them. */
bool guard_rules_add_words(struct guard_rules *r, const struct slice *words, size_t n,
                           struct slice mask, enum guard_action action, bool whole, struct arena *a,
                           const char **error);

/* The pattern of that name that is known here ("email"); NULL: none. */
const char *guard_preset(struct slice name);

/* What looking found so far. Zeroed: nothing. */
struct guard_found {
    bool blocked, failed; /* by the set … */
    unsigned by;          /* … of this index, the first that did; for rule `name` … */
    struct slice name;    /* … empty: it is a word, this one: */
    char word[GUARD_WORD_MAX];
    size_t word_bytes;
    size_t masked, logged; /* matches */
    uint32_t sets;         /* bit i: something of set i matched */
};

/* Several sets look at one text together. */
struct guard_scan {
    const struct guard_rules *const *sets; /* GUARD_SETS_MAX at most */
    size_t set_count;
    struct guard_found *found;
    struct buf text; /* a little that is released, and what is held … */
    size_t from;     /* … from here on */
    struct buf spans;
};

void guard_scan_init(struct guard_scan *s, const struct guard_rules *const *sets, size_t n,
                     struct guard_found *found);
void guard_scan_fini(struct guard_scan *s);

/* Adds to `out` what may be released, with matches masked (those that block too: what is left of
 * the text is for logs). `last`: the text ends here, and the next piece begins another one. */
void guard_scan_feed(struct guard_scan *s, struct slice piece, bool last, struct buf *out);

/* A whole text. False: it is to stay as it is; else `out` has it masked. */
bool guard_scan_text(struct guard_scan *s, struct slice text, struct buf *out);

#endif
