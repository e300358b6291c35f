#ifndef TESTS_GATEWAY_CHECK_H
#define TESTS_GATEWAY_CHECK_H

/* cmocka and what it wants to be included before it. */

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#endif
