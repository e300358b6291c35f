#ifndef GUARD_RULES_PRIVATE_H
#define GUARD_RULES_PRIVATE_H

/* Compiled rules, as rules.c makes them and scan.c uses them. */

#include "guard/rules.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct guard_rule {
    struct guard_rule *next;
    struct slice name; /* empty: words */
    struct slice mask;
    enum guard_action action;
    pcre2_code *code;
};

struct guard_rules {
    struct arena arena;
    struct guard_rule *first, **tail;
    pcre2_match_data *match; /* of whichever match is looked for now */
    pcre2_match_context *limits;
    pcre2_jit_stack *stack; /* NULL: the JIT's own */
};

#endif
