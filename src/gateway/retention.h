#ifndef GATEWAY_RETENTION_H
#define GATEWAY_RETENTION_H

/* Old rows of LiteLLM_SpendLogs go (maximum_spend_logs_retention_period). Of all gateways on a
 * database one at a time deletes them: whoever moves the time of the last run. In small batches,
 * between which the database serves others. The rows per day stay. */

struct retention;
struct worker;

struct retention *retention_new(struct worker *w);
void retention_free(struct retention *r); /* before its store; its handle closes in the loop */

/* The worker has another configuration. */
void retention_configure(struct retention *r);

#endif
