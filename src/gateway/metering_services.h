#ifndef GATEWAY_METERING_SERVICES_H
#define GATEWAY_METERING_SERVICES_H

/* service_callback: [prometheus_system]: how long what requests wait for took, under LiteLLM's
 * names. Only what lies outside (Redis, the database) and the states that do what LiteLLM has as
 * functions: AUTH, LIMIT (proxy_pre_call), ROUTE. */

#include "observe/metrics.h"
#include "observe/record.h"
#include "state/shared.h"

struct metering_services;
struct worker;

/* The metrics must know of services. */
struct metering_services *metering_services_new(struct worker *w, struct metrics *m);
/* Before the store and the shared state; NULL is fine. */
void metering_services_free(struct metering_services *s);

void metering_services_count(struct metering_services *s, const struct record *draft);
/* Now and then: what was since the last time. */
void metering_services_redis(struct metering_services *s, const struct shared_stats *stats);
void metering_services_store(struct metering_services *s);

#endif
