#ifndef GATEWAY_HANDLERS_H
#define GATEWAY_HANDLERS_H

/* Routes that are answered by the gateway itself, as LiteLLM answers them. Each writes the whole
 * JSON body, or sets the exchange's failure. */

#include "exchange.h"

void handle_root(struct exchange *ex, struct buf *body);

/* What lives now, for operators: handlers_exchanges.c asks all workers. One says as a JSON object
 * what it has, with the oldest `listed` of its requests. */
void handle_exchanges(struct exchange *ex, struct buf *body);
void handlers_write_worker(const struct worker *w, unsigned listed, struct buf *out);
struct roll *handlers_listen(struct worker *w); /* NULL: there are no other workers to ask */

/* handlers_ui.c: the admin UI's files */
void handle_ui(struct exchange *ex, struct buf *body);
void handle_ui_file(struct exchange *ex, struct buf *body);

/* handlers_api.c: what routes there are, for programs and for people */
void handle_openapi(struct exchange *ex, struct buf *body);
void handle_routes(struct exchange *ex, struct buf *body);
void handle_docs(struct exchange *ex, struct buf *body);
void handle_robots(struct exchange *ex, struct buf *body); /* handlers_ui.c */
void handle_redoc(struct exchange *ex, struct buf *body);

/* handlers_sso.c: single sign-on there */
void handle_sso_begin(struct exchange *ex, struct buf *body);
void handle_sso_callback(struct exchange *ex, struct buf *body);
void handle_ui_config(struct exchange *ex, struct buf *body); /* what its login can do */

/* handlers_session.c: who is logged in there */
void handle_login(struct exchange *ex, struct buf *body);
void handle_session(struct exchange *ex, struct buf *body);
void handle_logout(struct exchange *ex, struct buf *body);

/* handlers_router.c */
void handle_router_settings(struct exchange *ex, struct buf *body);
void handle_provider_budgets(struct exchange *ex, struct buf *body);
void handlers_write_deployments(const struct worker *of, struct json_writer *w); /* how they do */

/* handlers_drain.c */
void handle_liveness(struct exchange *ex, struct buf *body);
void handle_readiness(struct exchange *ex, struct buf *body); /* both: 503 while draining */
void handle_drain(struct exchange *ex, struct buf *body);

/* handlers_health.c */
void handle_health(struct exchange *ex, struct buf *body);
void handle_health_backlog(struct exchange *ex, struct buf *body);
void handle_health_latest(struct exchange *ex, struct buf *body);

/* handlers_callbacks.c */
void handle_callbacks_list(struct exchange *ex, struct buf *body);
void handle_active_callbacks(struct exchange *ex, struct buf *body); /* and /settings */
void handle_config_callbacks(struct exchange *ex, struct buf *body);
void handle_health_services(struct exchange *ex, struct buf *body); /* tells one of a test */

/* handlers_guards.c */
void handle_guardrails(struct exchange *ex, struct buf *body);
void handle_guardrails_v2(struct exchange *ex, struct buf *body);
void handle_guardrail(struct exchange *ex, struct buf *body);
void handle_apply_guardrail(struct exchange *ex, struct buf *body);

/* handlers_cache.c */
void handle_cache_ping(struct exchange *ex, struct buf *body);
void handle_cache_delete(struct exchange *ex, struct buf *body);
void handle_cache_flushall(struct exchange *ex, struct buf *body);
void handle_cache_redis_info(struct exchange *ex, struct buf *body);

/* handlers_metrics.c */
void handle_metrics(struct exchange *ex, struct buf *body);

/* handlers_models.c */
void handle_models(struct exchange *ex, struct buf *body);
void handle_model(struct exchange *ex, struct buf *body);
void handle_model_info(struct exchange *ex, struct buf *body);
void handle_model_info_v2(struct exchange *ex, struct buf *body);
void handle_model_groups(struct exchange *ex, struct buf *body);
void handle_model_hub(struct exchange *ex, struct buf *body);

/* handlers_keys.c */
void handle_key_generate(struct exchange *ex, struct buf *body);
void handle_key_update(struct exchange *ex, struct buf *body);
void handle_key_delete(struct exchange *ex, struct buf *body);
void handle_key_bulk_update(struct exchange *ex, struct buf *body);
void handle_key_block(struct exchange *ex, struct buf *body); /* and unblock */
void handle_key_info(struct exchange *ex, struct buf *body);
void handle_key_list(struct exchange *ex, struct buf *body);
void handle_key_aliases(struct exchange *ex, struct buf *body);
void handle_key_infos(struct exchange *ex, struct buf *body);
void handle_key_health(struct exchange *ex, struct buf *body);
void handle_key_regenerate(struct exchange *ex, struct buf *body);
void handle_key_reset_spend(struct exchange *ex, struct buf *body);

/* handlers_spend.c: what was spent, in lists */
void handle_spend_listing(struct exchange *ex, struct buf *body);
void handle_spend_keys(struct exchange *ex, struct buf *body);
void handle_spend_users(struct exchange *ex, struct buf *body);
void handle_global_spend(struct exchange *ex, struct buf *body);
void handle_global_spend_keys(struct exchange *ex, struct buf *body);
void handle_global_end_users(struct exchange *ex, struct buf *body);
void handle_global_names(struct exchange *ex, struct buf *body); /* of tags, of end users */
void handle_global_reset(struct exchange *ex, struct buf *body);
void handle_global_refresh(struct exchange *ex, struct buf *body);

/* handlers_activity.c: by day, nested */
void handle_global_activity(struct exchange *ex, struct buf *body); /* and /model */
void handle_global_teams(struct exchange *ex, struct buf *body);
void handle_spend_summary(struct exchange *ex, struct buf *body); /* of /spend/logs */

/* handlers_calls.c: how calls went */
void handle_cache_hits(struct exchange *ex, struct buf *body);
void handle_exceptions(struct exchange *ex, struct buf *body); /* and of each deployment */

/* handlers_logs.c: one row a request */
void handle_spend_logs(struct exchange *ex, struct buf *body);
void handle_spend_logs_page(struct exchange *ex, struct buf *body);
void handle_spend_log(struct exchange *ex, struct buf *body);

/* handlers_report.c */
void handle_global_report(struct exchange *ex, struct buf *body);
void handle_scoped_report(struct exchange *ex, struct buf *body); /* of a key, a user, … */

/* handlers_team_users.c, handlers_tag_users.c */
void handle_team_users(struct exchange *ex, struct buf *body);
void handle_tag_distinct(struct exchange *ex, struct buf *body);
void handle_tag_active(struct exchange *ex, struct buf *body); /* by day, week, month */
void handle_tag_summary(struct exchange *ex, struct buf *body);
void handle_tag_people(struct exchange *ex, struct buf *body);

/* handlers_daily.c, handlers_daily_keys.c */
void handle_daily_activity(struct exchange *ex, struct buf *body);
void handle_daily_keys(struct exchange *ex, struct buf *body); /* keys, search, … */
void handle_daily_export(struct exchange *ex, struct buf *body);

/* handlers_calculate.c */
void handle_spend_calculate(struct exchange *ex, struct buf *body);

/* handlers_responses.c */
void handle_response(struct exchange *ex, struct buf *body);
void handle_response_delete(struct exchange *ex, struct buf *body);
void handle_response_items(struct exchange *ex, struct buf *body);
void handle_response_cancel(struct exchange *ex, struct buf *body);

/* handlers_utils.c */
void handle_supported_params(struct exchange *ex, struct buf *body);
void handle_transform_request(struct exchange *ex, struct buf *body);

#endif
