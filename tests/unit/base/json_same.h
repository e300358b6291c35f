#ifndef TESTS_JSON_SAME_H
#define TESTS_JSON_SAME_H

#include "base/json.h"

#include <string.h>

/* Equal as values, with the members in the same order and numbers in the same digits. */
static inline bool json_same(yyjson_val *a, yyjson_val *b)
{
    size_t n = unsafe_yyjson_get_len(a);
    if (yyjson_get_type(a) != yyjson_get_type(b) || n != unsafe_yyjson_get_len(b))
        return false;
    if (yyjson_is_str(a) || yyjson_is_raw(a))
        return memcmp(a->uni.str, b->uni.str, n) == 0;
    if (!yyjson_is_arr(a) && !yyjson_is_obj(a))
        return yyjson_get_bool(a) == yyjson_get_bool(b);
    yyjson_val *x = unsafe_yyjson_get_first(a), *y = unsafe_yyjson_get_first(b);
    for (size_t i = 0; i < (yyjson_is_obj(a) ? 2 * n : n); i++) {
        if (!json_same(x, y))
            return false;
        x = unsafe_yyjson_get_next(x);
        y = unsafe_yyjson_get_next(y);
    }
    return true;
}

#endif
