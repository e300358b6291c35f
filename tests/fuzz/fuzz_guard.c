/* A text in pieces as the first byte cuts them: it becomes what it becomes as a whole, and nothing
 * of what is to be masked is left. */

#include "guard/rules.h"
#include "guard/texts.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

static struct guard_rules *make_rules(void)
{
    static const char *const patterns[] = {"\\d{3}-\\d{2}-\\d{4}", "\\bkey\\b[:=] ?\\w+",
                                           "(?<=<)[^>]{1,40}(?=>)", "a+b?c$"};
    const struct slice words[] = {SLICE("red"), SLICE("reddest"), SLICE("größe")};
    struct arena a;
    const char *error;
    struct guard_rules *r = guard_rules_new();
    arena_init(&a);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(*patterns); i++)
        check(guard_rules_add(r, SLICE("p"), SLICE("[X]"), GUARD_MASK, slice_of(patterns[i]), &a,
                              &error));
    check(guard_rules_add_words(r, words, 3, SLICE("[W]"), GUARD_MASK, true, &a, &error));
    arena_fini(&a);
    return r;
}

static bool is_cut(struct slice text, size_t at)
{
    return at < text.n && ((unsigned char)text.p[at] & 0xC0) == 0x80;
}

static void feed(struct guard_scan *s, struct slice text, size_t step, struct buf *out)
{
    while (text.n > step) {
        size_t n = step;
        while (is_cut(text, n))
            n++;
        guard_scan_feed(s, slice_make(text.p, n), false, out);
        text = slice_skip(text, n);
    }
    guard_scan_feed(s, text, true, out);
}

static void compare(const struct guard_rules *rules, struct slice text, size_t step)
{
    struct guard_found whole_found = {0}, found = {0};
    struct guard_scan whole, pieces;
    struct buf a, b;
    buf_init(&a, SIZE_MAX);
    buf_init(&b, SIZE_MAX);
    guard_scan_init(&whole, &rules, 1, &whole_found);
    guard_scan_init(&pieces, &rules, 1, &found);
    bool changed = guard_scan_text(&whole, text, &a);
    feed(&pieces, text, step, &b);
    if (!found.failed && !whole_found.failed && text.n < GUARD_WINDOW / 2) {
        check(slice_eq(changed ? buf_slice(&a) : text, buf_slice(&b)));
        check(found.masked == whole_found.masked);
    }
    guard_scan_fini(&whole);
    guard_scan_fini(&pieces);
    buf_fini(&a);
    buf_fini(&b);
}

/* A body keeps its shape, whatever is written into its texts. */
static void rewrite(struct slice json)
{
    struct arena a;
    struct guard_texts t;
    arena_init(&a);
    yyjson_val *body = json_parse(json, &a, NULL);
    guard_texts_init(&t, &a);
    guard_texts_add_request(&t, body);
    guard_texts_add_native(&t, body);
    for (struct guard_text *x = t.first; x; x = x->next)
        guard_text_set(&t, x, SLICE("\"x"));
    guard_texts_write(&t);
    check(!body || json_parse(json_text_of(body, &a), &a, NULL));
    arena_fini(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct guard_rules *rules;
    struct slice text = slice_make((const char *)data, size);
    if (!size)
        return 0;
    if (!rules)
        rules = make_rules();
    compare(rules, slice_skip(text, 1), (size_t)(data[0] % 16) + 1);
    rewrite(slice_skip(text, 1));
    return 0;
}
