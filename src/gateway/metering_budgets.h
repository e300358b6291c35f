#ifndef GATEWAY_METERING_BUDGETS_H
#define GATEWAY_METERING_BUDGETS_H

/* prometheus_initialize_budget_metrics: the budgets of all that the database knows, whether anybody
 * asks for something or not. One worker of each gateway reads them: what it shows, all of them
 * show.
 *
 * Bounded: METERING_BUDGETS_PAGE rows at once, at most prometheus_metrics_max_series_per_metric of
 * each kind. */

#include "observe/request_meter.h"

#define METERING_BUDGETS_MS   300000 /* between two readings, as LiteLLM has it */
#define METERING_BUDGETS_PAGE 100

struct metering_budgets;
struct worker;

struct metering_budgets *metering_budgets_new(struct worker *w, struct request_meter *meter);
/* Before the store closes; its handle closes in the loop. NULL is fine. */
void metering_budgets_free(struct metering_budgets *b);

#endif
