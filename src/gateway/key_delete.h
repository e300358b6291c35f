#ifndef GATEWAY_KEY_DELETE_H
#define GATEWAY_KEY_DELETE_H

/* Keys that go, singly or with their user, team or organization: their rows move to
 * LiteLLM_DeletedVerificationToken. */

#include "admin.h"

#define KEY_DELETE_MAX 250 /* in one job */

/* Adds the deleting of a row of LiteLLM_VerificationToken to the job. */
void key_delete(struct exchange *ex, struct store_job *job, const struct store_rows *rows,
                size_t row);

/* All keys for which the conditions hold, however many; then `then` is called. Must be the first
 * member of what ex->own.state points to, and its `where` must live as long. */
struct key_sweep {
    const struct store_where *where;
    size_t where_count;
    answer_next *then;
};

void key_sweep_begin(struct exchange *ex, const struct store_where *where, size_t where_count,
                     answer_next *then);

#endif
