#ifndef GATEWAY_STORED_LIST_H
#define GATEWAY_STORED_LIST_H

/* Handlers that change a list of general_settings in the database (stored.h): the row is read, the
 * list edited, the row written if it is still the same, and what is stored taken over at once; with
 * another change at the same time it begins again. */

#include "admin.h"

/* What such a handler's state (ex->own.state) begins with. */
struct stored_list {
    const char *name; /* of the setting */
    /* Writes the entries; `old`: those so far, a list or NULL. False: the failure is set. */
    bool (*edit)(struct exchange *ex, yyjson_val *old, struct json_writer *w);
    answer_next *answer; /* once it holds, in ex->worker->config too */
    unsigned tries;
    size_t statement; /* of all that is stored */
};

void stored_list_change(struct exchange *ex);

/* Why an edit fails: the three one behind the other. False, for `edit`. */
bool stored_list_refuse(struct exchange *ex, int status, const char *before, struct slice text,
                        const char *after);

#endif
