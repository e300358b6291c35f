#ifndef SIM_CALLS_H
#define SIM_CALLS_H

/* Which tools the simulated model calls, and with what. Pure. */

#include "body.h"

#define CALLS_AT_ONCE 8

struct call_list {
    struct {
        struct slice name, input; /* input: JSON that satisfies the tool's schema */
    } v[CALLS_AT_ONCE];
    size_t n;    /* 0: the prompt asks for no tool */
    bool forced; /* toolChoice left no choice */
};

/* toolChoice any and tool always call. With auto a tool is called when the prompt has its name, or
 * a word of its name ("weather" for get_weather); not right after results came back. Several names,
 * or a row of things ("… in Paris and Tokyo"), give several calls, unless the request forbids it.
 */
void calls_choose(yyjson_val *body, struct slice text, struct arena *a, struct call_list *out);

bool calls_offered(yyjson_val *body, struct slice name); /* a toolSpec of this name */

/* `prefix` and letters: the same for the same body and index. */
struct slice call_id(const char *prefix, struct slice body, size_t index, struct arena *a);

#endif
