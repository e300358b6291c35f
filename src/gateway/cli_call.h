#ifndef GATEWAY_CLI_CALL_H
#define GATEWAY_CLI_CALL_H

/* The running gateway, as the command line talks to it: one HTTP call after the other, waited for.
 */

#include "base/json.h"

struct cli_target {
    struct slice url; /* "http://127.0.0.1:4000", no last slash */
    struct slice key;
};

enum cli_result { CLI_OK, CLI_REFUSED, CLI_UNREACHABLE };

/* `body` empty: none. `*answer`: the JSON that came, in the arena. Otherwise `*error` is one line
 * for people, in the arena. */
enum cli_result cli_call(const struct cli_target *target, const char *method, struct slice path,
                         struct slice body, struct arena *a, yyjson_val **answer,
                         struct slice *error);

#endif
