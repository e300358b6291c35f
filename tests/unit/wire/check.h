#ifndef TESTS_UNIT_WIRE_CHECK_H
#define TESTS_UNIT_WIRE_CHECK_H

/* cmocka with what it wants included before it, and comparisons of bytes. */

#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

/* Shows both sides as text when they differ. */
#define check_slice(actual, expected) check_slice_at((actual), (expected), __FILE__, __LINE__)

static inline void check_slice_at(struct slice actual, struct slice expected, const char *file,
                                  int line)
{
    if (slice_eq(actual, expected))
        return;
    print_error("got      (%zu bytes) %.*s\nexpected (%zu bytes) %.*s\n", actual.n,
                SLICE_ARG(actual), expected.n, SLICE_ARG(expected));
    _fail(file, line);
}

#endif
