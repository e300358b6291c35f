#ifndef GATEWAY_PERIODS_H
#define GATEWAY_PERIODS_H

/* Budgets whose period is over begin anew even when nobody asks for their rows (rows.h does so as
 * they are used): so that reports and lists are right. Every proxy_budget_rescheduler_min_time to
 * …_max_time seconds one of all gateways on the database looks; disable_reset_budget: none does. */

#include <stdint.h>

struct periods;
struct worker;

struct periods *periods_new(struct worker *w);
/* Milliseconds between two looks, by a number that was drawn; 0: never. */
int64_t periods_pause(int64_t least_s, int64_t most_s, uint64_t drawn);
void periods_free(struct periods *p); /* before its store: task.h */

#endif
