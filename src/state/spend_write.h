#ifndef STATE_SPEND_WRITE_H
#define STATE_SPEND_WRITE_H

/* Records of requests → the statements that write them. Pure. */

#include "spend_record.h"
#include "store_private.h"

/* Adds to the job: rows of LiteLLM_SpendLogs, what each key, user, team … spent, rows per day. In
 * one order for all processes, so that they seldom wait for each other in a circle. */
void spend_add_statements(struct store_job *job, const struct spend *spends, size_t n);

#endif
