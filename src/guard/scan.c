/* Looking at texts.
 *
 * Happy path of a piece: every rule looks at what is held and the piece behind it; a rule that has
 * come to the end within a match says where that begins (PCRE2's partial matching), and from the
 * first of these places on everything is held. What stands before is released, matches masked.
 *
 * Failure modes: more than GUARD_WINDOW bytes would have to be held: the older half is released,
 * whatever might have become of it. A rule that runs into its limits: `found.failed`. */

#include "rules_private.h"

#include <stdlib.h>
#include <string.h>

#define CONTEXT 1024        /* bytes before: what a lookbehind may see, 255 characters */
#define PIECE   (16 * 1024) /* bytes of a long text that are looked at together */

/* A match. */
struct span {
    size_t start, end;
    unsigned set;
    const struct guard_rule *rule;
};

/* What one round of looking knows. */
struct round {
    struct guard_scan *s;
    struct slice text;
    size_t from;
    bool last;
    size_t hold; /* from here on nothing is decided */
};

void guard_scan_init(struct guard_scan *s, const struct guard_rules *const *sets, size_t n,
                     struct guard_found *found)
{
    *s = (struct guard_scan){
        .sets = sets, .set_count = n < GUARD_SETS_MAX ? n : GUARD_SETS_MAX, .found = found};
    buf_init(&s->text, SIZE_MAX);
    buf_init(&s->spans, SIZE_MAX);
}

void guard_scan_fini(struct guard_scan *s)
{
    buf_fini(&s->text);
    buf_fini(&s->spans);
}

static struct span *spans_of(const struct guard_scan *s, size_t *n)
{
    *n = s->spans.n / sizeof(struct span);
    return (struct span *)(void *)s->spans.p;
}

/* ---- matches -------------------------------------------------------------------------------- */

static void fail(struct guard_found *f, unsigned set, const struct guard_rule *rule)
{
    if (f->blocked || f->failed)
        return;
    f->failed = true;
    f->by = set;
    f->name = rule->name;
}

static void find(struct round *r, unsigned set, const struct guard_rule *rule)
{
    const struct guard_rules *rules = r->s->sets[set];
    const PCRE2_SIZE *at = pcre2_get_ovector_pointer(rules->match);
    uint32_t options = PCRE2_NOTEMPTY | (r->last ? 0 : PCRE2_PARTIAL_HARD);
    for (size_t pos = r->from; pos < r->text.n;) {
        int rc = pcre2_match(rule->code, (PCRE2_SPTR)r->text.p, r->text.n, pos, options,
                             rules->match, rules->limits);
        if (rc == PCRE2_ERROR_PARTIAL && at[0] < r->hold)
            r->hold = at[0] > r->from ? at[0] : r->from;
        if (rc < 0 && rc != PCRE2_ERROR_NOMATCH && rc != PCRE2_ERROR_PARTIAL)
            fail(r->s->found, set, rule);
        if (rc < 0 || at[1] <= pos || at[0] < pos) /* \K can say strange things */
            return;
        struct span span = {at[0], at[1], set, rule};
        buf_add(&r->s->spans, slice_make((const char *)&span, sizeof(span)));
        pos = at[1];
    }
}

static int by_start(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end); /* the longer one first */
}

static size_t at_character(struct slice s, size_t n)
{
    while (n && n < s.n && ((unsigned char)s.p[n] & 0xC0) == 0x80)
        n--;
    return n;
}

/* No match is cut: it is held as a whole, or (`forced`) released as a whole. */
static void settle(struct round *r, bool forced)
{
    size_t n, before;
    const struct span *v = spans_of(r->s, &n);
    do {
        before = r->hold;
        for (size_t i = 0; i < n; i++)
            if (v[i].start < r->hold && r->hold < v[i].end)
                r->hold = forced ? v[i].end : v[i].start;
    } while (r->hold != before);
}

static void look(struct round *r)
{
    struct guard_scan *s = r->s;
    size_t n, oldest = r->text.n > GUARD_WINDOW / 2 ? r->text.n - GUARD_WINDOW / 2 : 0;
    buf_reset(&s->spans);
    r->hold = r->text.n;
    for (unsigned set = 0; set < s->set_count; set++)
        for (const struct guard_rule *rule = s->sets[set]->first; rule; rule = rule->next)
            find(r, set, rule);
    settle(r, false);
    if (r->text.n - r->from > GUARD_WINDOW && r->hold < oldest) {
        r->hold = at_character(r->text, oldest);
        settle(r, true);
    }
    struct span *v = spans_of(s, &n);
    if (n > 1)
        qsort(v, n, sizeof(*v), by_start);
}

/* ---- releasing ------------------------------------------------------------------------------ */

static void block(struct guard_found *f, const struct span *span, struct slice text)
{
    if (f->blocked || f->failed)
        return;
    f->blocked = true;
    f->by = span->set;
    f->name = span->rule->name;
    f->word_bytes = at_character(text, text.n < GUARD_WORD_MAX ? text.n : GUARD_WORD_MAX);
    memcpy(f->word, text.p, f->word_bytes);
}

static void note(struct guard_found *f, const struct span *span, struct slice text)
{
    f->sets |= UINT32_C(1) << span->set;
    switch (span->rule->action) {
    case GUARD_LOG: f->logged++; break;
    case GUARD_MASK: f->masked++; break;
    case GUARD_BLOCK: block(f, span, text); break;
    }
}

/* True: something is masked. */
static bool release(const struct round *r, struct buf *out)
{
    size_t n, pos = r->from;
    bool masked = false;
    const struct span *v = spans_of(r->s, &n);
    for (size_t i = 0; i < n && v[i].start < r->hold; i++) {
        note(r->s->found, &v[i], slice_make(r->text.p + v[i].start, v[i].end - v[i].start));
        if (v[i].rule->action == GUARD_LOG)
            continue;
        masked = true;
        if (v[i].start >= pos) {
            buf_add(out, slice_make(r->text.p + pos, v[i].start - pos));
            buf_add(out, v[i].rule->mask);
        }
        pos = v[i].end > pos ? v[i].end : pos;
    }
    if (pos < r->hold)
        buf_add(out, slice_make(r->text.p + pos, r->hold - pos));
    return masked;
}

static void forget(struct guard_scan *s)
{
    if (s->from <= (size_t)2 * CONTEXT)
        return;
    size_t drop = at_character(buf_slice(&s->text), s->from - CONTEXT);
    buf_consume(&s->text, drop);
    s->from -= drop;
}

static void feed(struct guard_scan *s, struct slice piece, bool last, struct buf *out)
{
    buf_add(&s->text, piece);
    struct round r = {.s = s, .text = buf_slice(&s->text), .from = s->from, .last = last};
    look(&r);
    release(&r, out);
    s->from = r.hold;
    if (!last) {
        forget(s);
        return;
    }
    buf_reset(&s->text);
    s->from = 0;
}

void guard_scan_feed(struct guard_scan *s, struct slice piece, bool last, struct buf *out)
{
    while (piece.n > PIECE) {
        size_t n = at_character(piece, PIECE);
        feed(s, slice_make(piece.p, n ? n : PIECE), false, out);
        piece = slice_skip(piece, n ? n : PIECE);
    }
    if (piece.n || last)
        feed(s, piece, last, out);
}

bool guard_scan_text(struct guard_scan *s, struct slice text, struct buf *out)
{
    if (text.n > PIECE) {
        size_t before = out->n;
        guard_scan_feed(s, text, true, out);
        return !slice_eq(text, slice_make(out->p + before, out->n - before));
    }
    struct round r = {.s = s, .text = text, .from = 0, .last = true};
    look(&r);
    if (!s->spans.n)
        return false;
    return release(&r, out);
}
