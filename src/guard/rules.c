/* Compiling what a filter looks for.
 *
 * Happy path: a pattern is compiled and handed to the JIT; words become patterns of their own, a
 * trie in the form of alternatives, so that ten thousand of them cost about as much as one.
 *
 * Failure modes: a pattern that is none, or that matches the empty text only: an error for whoever
 * wrote it. Without a JIT patterns are interpreted. */

#include "rules_private.h"

#include "base/text.h"

#include <stdlib.h>
#include <string.h>

#define STEPS_MAX      200000       /* of one attempt, before it is given up */
#define HEAP_KIB_MAX   (8 * 1024)   /* of the interpreter */
#define JIT_STACK_MIN  (32 * 1024)  /* bytes */
#define JIT_STACK_MAX  (512 * 1024) /* bytes */
#define WORD_BYTES_MAX 200
#define TRIE_BYTES_MAX 6000 /* of words in one pattern: PCRE2's own limit is not far */

static void *must(void *p)
{
    if (!p)
        abort();
    return p;
}

struct guard_rules *guard_rules_new(void)
{
    struct guard_rules *r = must(calloc(1, sizeof(*r)));
    arena_init_small(&r->arena, 1024);
    r->tail = &r->first;
    r->match = must(pcre2_match_data_create(1, NULL));
    r->limits = must(pcre2_match_context_create(NULL));
    r->stack = pcre2_jit_stack_create(JIT_STACK_MIN, JIT_STACK_MAX, NULL);
    pcre2_set_match_limit(r->limits, STEPS_MAX);
    pcre2_set_heap_limit(r->limits, HEAP_KIB_MAX);
    if (r->stack)
        pcre2_jit_stack_assign(r->limits, NULL, r->stack);
    return r;
}

void guard_rules_free(struct guard_rules *r)
{
    if (!r)
        return;
    for (struct guard_rule *rule = r->first; rule; rule = rule->next)
        pcre2_code_free(rule->code);
    if (r->stack)
        pcre2_jit_stack_free(r->stack);
    pcre2_match_context_free(r->limits);
    pcre2_match_data_free(r->match);
    arena_fini(&r->arena);
    free(r);
}

/* ---- patterns ------------------------------------------------------------------------------- */

static const char *error_text(int number, size_t offset, struct arena *a)
{
    PCRE2_UCHAR text[256];
    pcre2_get_error_message(number, text, sizeof(text));
    text_clean((char *)text, strlen((char *)text));
    return arena_printf(a, "%s (at byte %zu)", (char *)text, offset).p;
}

static pcre2_code *compile(struct slice pattern, struct arena *a, const char **error)
{
    int number;
    PCRE2_SIZE offset;
    uint32_t options =
        PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS | PCRE2_MATCH_INVALID_UTF | PCRE2_NEVER_BACKSLASH_C;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n, options, &number, &offset, NULL);
    if (!code) {
        *error = error_text(number, offset, a);
        return NULL;
    }
    (void)pcre2_jit_compile(code, PCRE2_JIT_COMPLETE | PCRE2_JIT_PARTIAL_HARD);
    return code;
}

bool guard_rules_add(struct guard_rules *r, struct slice name, struct slice mask,
                     enum guard_action action, struct slice pattern, struct arena *a,
                     const char **error)
{
    struct guard_rule *rule;
    pcre2_code *code = pattern.n ? compile(pattern, a, error) : NULL;
    if (!pattern.n)
        *error = "the pattern is empty";
    if (!code)
        return false;
    rule = ARENA_NEW(&r->arena, struct guard_rule);
    *rule = (struct guard_rule){
        .name = arena_dup(&r->arena, name),
        .mask = arena_dup(&r->arena, mask),
        .action = action,
        .code = code,
    };
    *r->tail = rule;
    r->tail = &rule->next;
    return true;
}

/* ---- words ---------------------------------------------------------------------------------- */

static unsigned char folded(char c)
{
    return (unsigned char)(c >= 'A' && c <= 'Z' ? c | 0x20 : c);
}

static int compare(const void *a, const void *b)
{
    const struct slice *x = a, *y = b;
    for (size_t i = 0; i < x->n && i < y->n; i++)
        if (folded(x->p[i]) != folded(y->p[i]))
            return folded(x->p[i]) - folded(y->p[i]);
    return (x->n > y->n) - (x->n < y->n);
}

/* Bytes of the character that begins there. */
static size_t width(struct slice word, size_t at)
{
    size_t n = 1;
    while (at + n < word.n && ((unsigned char)word.p[at + n] & 0xC0) == 0x80)
        n++;
    return n;
}

static void write_char(struct slice c, struct buf *out)
{
    unsigned char u = folded(c.p[0]);
    bool plain = c.n > 1 || (u >= 'a' && u <= 'z') || (u >= '0' && u <= '9');
    if (plain)
        buf_add(out, c);
    else
        buf_addf(out, "\\x{%x}", u);
}

static bool same_char(struct slice word, size_t at, struct slice c)
{
    if (word.n < at + c.n)
        return false;
    struct slice own = slice_make(word.p + at, c.n);
    return slice_eq_nocase(own, c);
}

/* Words in order that agree in their first `at` bytes: what may follow these. The recursion is as
 * deep as a word is long. */
static void write_trie(const struct slice *words, size_t n, size_t at, struct buf *out)
{
    bool may_end = words[0].n == at, any = false;
    size_t i = 0;
    while (i < n && words[i].n == at)
        i++;
    if (i == n)
        return;
    BUF_LITERAL(out, "(?:");
    while (i < n) {
        struct slice c = slice_make(words[i].p + at, width(words[i], at));
        size_t end = i;
        while (end < n && same_char(words[end], at, c))
            end++;
        if (any)
            buf_add_char(out, '|');
        any = true;
        write_char(c, out);
        write_trie(words + i, end - i, at + c.n, out);
        i = end;
    }
    buf_add(out, may_end ? SLICE(")?") : SLICE(")"));
}

static bool add_trie(struct guard_rules *r, const struct slice *words, size_t n, struct slice mask,
                     enum guard_action action, bool whole, struct arena *a, const char **error)
{
    struct buf pattern;
    buf_init(&pattern, SIZE_MAX);
    if (whole)
        BUF_LITERAL(&pattern, "(?<![\\p{L}\\p{N}])");
    write_trie(words, n, 0, &pattern);
    if (whole)
        BUF_LITERAL(&pattern, "(?![\\p{L}\\p{N}])");
    bool ok = guard_rules_add(r, SLICE(""), mask, action, buf_slice(&pattern), a, error);
    buf_fini(&pattern);
    return ok;
}

static bool check_words(const struct slice *words, size_t n, const char **error)
{
    for (size_t i = 0; i < n; i++)
        if (!words[i].n || words[i].n > WORD_BYTES_MAX || !text_is_utf8(words[i])) {
            *error = "a word is empty, longer than 200 bytes, or not UTF-8";
            return false;
        }
    if (n > GUARD_WORDS_MAX)
        *error = "there are more than 10000 words";
    return n <= GUARD_WORDS_MAX;
}

bool guard_rules_add_words(struct guard_rules *r, const struct slice *words, size_t n,
                           struct slice mask, enum guard_action action, bool whole, struct arena *a,
                           const char **error)
{
    struct slice *sorted = arena_alloc(a, (n + 1) * sizeof(*sorted));
    if (!check_words(words, n, error))
        return false;
    for (size_t i = 0; i < n; i++)
        sorted[i] = words[i];
    qsort(sorted, n, sizeof(*sorted), compare);
    for (size_t i = 0; i < n;) {
        size_t end = i, bytes = 0;
        while (end < n && bytes < TRIE_BYTES_MAX)
            bytes += sorted[end++].n;
        if (!add_trie(r, sorted + i, end - i, mask, action, whole, a, error))
            return false;
        i = end;
    }
    return true;
}
