#ifndef GATEWAY_HANDLERS_ADMIN_H
#define GATEWAY_HANDLERS_ADMIN_H

/* The management routes, as LiteLLM answers them; routes_admin.h has their paths. */

#include "exchange.h"

/* handlers_budgets.c */
void handle_budget_new(struct exchange *ex, struct buf *body);
void handle_budget_update(struct exchange *ex, struct buf *body);
void handle_budget_info(struct exchange *ex, struct buf *body);
void handle_budget_list(struct exchange *ex, struct buf *body);
void handle_budget_delete(struct exchange *ex, struct buf *body);
void handle_budget_settings(struct exchange *ex, struct buf *body);

#endif
