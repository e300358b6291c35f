#ifndef GATEWAY_RETENTION_H
#define GATEWAY_RETENTION_H

/* Old rows go: those of LiteLLM_SpendLogs (maximum_spend_logs_retention_period; the rows per day
 * stay), spend per day and tag (maximum_daily_tag_spend_retention_period), and kept responses whose
 * time is over. One of all gateways on a database deletes them (task.h), in small batches, between
 * which the database serves others. */

struct retention;
struct worker;

enum retention_kind { RETENTION_LOGS, RETENTION_TAGS, RETENTION_RESPONSES, RETENTION_KINDS };

struct retention *retention_new(struct worker *w, enum retention_kind kind);
void retention_free(struct retention *r); /* before its store: task.h */

/* The worker has another configuration. */
void retention_configure(struct retention *r);

#endif
