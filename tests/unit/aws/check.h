#ifndef AWS_TEST_CHECK_H
#define AWS_TEST_CHECK_H

/* cmocka wants these first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"

#define COUNT(rows) (sizeof(rows) / sizeof(*(rows)))

static inline void check_text(struct slice s, const char *text)
{
    if (!slice_eq(s, slice_of(text)))
        print_error("got '%.*s', wanted '%s'\n", SLICE_ARG(s), text ? text : "");
    assert_true(slice_eq(s, slice_of(text)));
}

static inline void check_has(struct slice s, const char *text)
{
    if (slice_find(s, slice_of(text)) < 0)
        print_error("'%s' is not in '%.*s'\n", text, SLICE_ARG(s));
    assert_true(slice_find(s, slice_of(text)) >= 0);
}

#endif
