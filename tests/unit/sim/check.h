#ifndef TESTS_SIM_CHECK_H
#define TESTS_SIM_CHECK_H

/* cmocka, and what every test of the simulator needs. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/json.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define SONNET   "us.anthropic.claude-sonnet-4-5-20250929-v1:0"
#define SONNET37 "us.anthropic.claude-3-7-sonnet-20250219-v1:0"
#define OPUS47   "us.anthropic.claude-opus-4-7"

/* JSON in tests is written with ' instead of ". */
static inline struct slice json_text(struct arena *a, const char *text)
{
    struct slice s = arena_dup(a, slice_of(text));
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] == '\'')
            ((char *)(uintptr_t)s.p)[i] = '"';
    return s;
}

static inline yyjson_val *json_of(struct arena *a, const char *text)
{
    struct json_error error = {0};
    yyjson_val *v = json_parse(json_text(a, text), a, &error);
    if (!v)
        fail_msg("test body is no JSON (%s at %zu): %s", error.message, error.offset, text);
    return v;
}

/* Equal, or both say where they differ. */
static inline void check_same(const char *name, struct slice got, const char *expected)
{
    if (!slice_eq(got, slice_of(expected)))
        fail_msg("%s:\n  got      %.*s\n  expected %s", name, SLICE_ARG(got), expected);
}

/* The same, but an `expected` that ends in "…" is a prefix. */
static inline void check_text(const char *name, struct slice got, const char *expected)
{
    struct slice want = slice_of(expected);
    if (!slice_ends(want, SLICE("…"))) {
        check_same(name, got, expected);
        return;
    }
    want.n -= sizeof("…") - 1;
    if (!slice_starts(got, want))
        fail_msg("%s:\n  got      %.*s\n  expected %s", name, SLICE_ARG(got), expected);
}

#endif
