/* Rows of the table of metrics: METRIC(id, kind, merge over processes, buckets, name, help,
 * labels).
 *
 * Names and labels that begin with litellm_ are LiteLLM's (1.106,
 * types/integrations/prometheus.py), so that its dashboards work; lintel_ are our own; process_ are
 * those of the client libraries. Counters get "_total" behind the name. */
/* clang-format off */

#define WHO  LABEL_KEY, LABEL_KEY_ALIAS, LABEL_TEAM, LABEL_TEAM_ALIAS
#define ORG  LABEL_ORG, LABEL_ORG_ALIAS
#define AT   LABEL_LITELLM_MODEL, LABEL_MODEL_ID, LABEL_API_BASE, LABEL_PROVIDER
#define FROM LABEL_CLIENT_IP, LABEL_USER_AGENT

/* requests */
METRIC(REQUESTS, COUNTER, SUM, NONE, "litellm_proxy_total_requests_metric", "Requests of clients, by what they were answered", LABEL_END_USER, WHO, LABEL_REQUESTED_MODEL, LABEL_USER, LABEL_STATUS_CODE, LABEL_USER_EMAIL, LABEL_ROUTE, FROM, LABEL_MODEL_ID, ORG, LABEL_PROVIDER, LABEL_STREAM)
METRIC(FAILED, COUNTER, SUM, NONE, "litellm_proxy_failed_requests_metric", "Requests that were answered with an error", LABEL_END_USER, WHO, LABEL_REQUESTED_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_EXCEPTION_STATUS, LABEL_EXCEPTION_CLASS, LABEL_ROUTE, FROM, LABEL_MODEL_ID, ORG, LABEL_PROVIDER, LABEL_LIMIT_CATEGORY, LABEL_LIMIT_TYPE)
METRIC(LLM_REQUESTS, COUNTER, SUM, NONE, "litellm_requests_metric", "Requests that a model answered", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, FROM, LABEL_MODEL_ID, LABEL_PROVIDER, ORG, LABEL_REQUESTED_MODEL)
METRIC(LLM_FAILED, COUNTER, SUM, NONE, "litellm_llm_api_failed_requests_metric", "Requests that a model did not answer", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_MODEL_ID)
METRIC(TOTAL_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_request_total_latency_metric", "Seconds from a request's head to the end of its answer, if it went well", LABEL_END_USER, WHO, LABEL_REQUESTED_MODEL, LABEL_USER, LABEL_MODEL, LABEL_MODEL_ID, ORG, LABEL_MODEL_GROUP, LABEL_PROVIDER, LABEL_SERVICE_TIER, LABEL_PROMPT_LENGTH)
METRIC(API_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_llm_api_latency_metric", "Seconds that the last call of a model took", LABEL_MODEL, WHO, LABEL_REQUESTED_MODEL, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, ORG, LABEL_MODEL_GROUP, LABEL_PROVIDER, LABEL_SERVICE_TIER, LABEL_PROMPT_LENGTH)
METRIC(FIRST_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_llm_api_time_to_first_token_metric", "Seconds from the call of a model to the first token of its stream", LABEL_MODEL, WHO, LABEL_REQUESTED_MODEL, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, ORG, LABEL_MODEL_GROUP, LABEL_PROVIDER, LABEL_SERVICE_TIER, LABEL_PROMPT_LENGTH)
METRIC(OVERHEAD_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_overhead_latency_metric", "Seconds of a request before a model was called", LABEL_MODEL_GROUP, LABEL_PROVIDER, LABEL_API_BASE, LABEL_LITELLM_MODEL, LABEL_KEY, LABEL_KEY_ALIAS, LABEL_MODEL_ID)
METRIC(OVERHEAD_GUARD_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_overhead_with_guardrails_latency_metric", "The same and the time that guardrails took after the call, of requests that they looked at", LABEL_MODEL_GROUP, LABEL_PROVIDER, LABEL_API_BASE, LABEL_LITELLM_MODEL, LABEL_KEY, LABEL_KEY_ALIAS, LABEL_MODEL_ID)
METRIC(QUEUE_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_request_queue_time_seconds", "Seconds that a request waited for a place at a deployment", LABEL_END_USER, WHO, LABEL_REQUESTED_MODEL, LABEL_USER, LABEL_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)

/* tokens and money */
METRIC(SPEND, COUNTER, SUM, NONE, "litellm_spend_metric", "USD", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, FROM, LABEL_MODEL_ID, LABEL_PROVIDER, ORG, LABEL_REQUESTED_MODEL, LABEL_SERVICE_TIER)
METRIC(TOKENS, COUNTER, SUM, NONE, "litellm_total_tokens_metric", "Tokens of prompts and answers", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_REQUESTED_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)
METRIC(INPUT_TOKENS, COUNTER, SUM, NONE, "litellm_input_tokens_metric", "Tokens of prompts, cached ones too", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_REQUESTED_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)
METRIC(OUTPUT_TOKENS, COUNTER, SUM, NONE, "litellm_output_tokens_metric", "Tokens of answers", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_REQUESTED_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)
METRIC(CACHE_READ_TOKENS, COUNTER, SUM, NONE, "litellm_input_cached_tokens_metric", "Tokens of prompts that were read from Bedrock's cache", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_REQUESTED_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)
METRIC(CACHE_WRITE_TOKENS, COUNTER, SUM, NONE, "litellm_input_cache_creation_tokens_metric", "Tokens of prompts that were written to Bedrock's cache", LABEL_END_USER, WHO, LABEL_MODEL, LABEL_USER, LABEL_USER_EMAIL, LABEL_REQUESTED_MODEL, LABEL_MODEL_ID, ORG, LABEL_PROVIDER)
METRIC(PROVIDER_READ_TOKENS, COUNTER, SUM, NONE, "litellm_provider_cache_read_input_tokens_metric", "The same as litellm_input_cached_tokens_metric", LABEL_MODEL, WHO, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, LABEL_PROVIDER)
METRIC(PROVIDER_WRITE_TOKENS, COUNTER, SUM, NONE, "litellm_provider_cache_creation_input_tokens_metric", "The same as litellm_input_cache_creation_tokens_metric", LABEL_MODEL, WHO, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, LABEL_PROVIDER)
METRIC(CACHE_HITS, COUNTER, SUM, NONE, "litellm_cache_hits_metric", "Requests that got a kept answer", LABEL_MODEL, WHO, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, LABEL_PROVIDER)
METRIC(CACHE_MISSES, COUNTER, SUM, NONE, "litellm_cache_misses_metric", "Requests that looked for a kept answer in vain", LABEL_MODEL, WHO, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, LABEL_PROVIDER)
METRIC(CACHED_TOKENS, COUNTER, SUM, NONE, "litellm_cached_tokens_metric", "Tokens of kept answers and their prompts", LABEL_MODEL, WHO, LABEL_END_USER, LABEL_USER, LABEL_MODEL_ID, LABEL_PROVIDER)

/* deployments */
METRIC(DEPLOYMENT_REQUESTS, COUNTER, SUM, NONE, "litellm_deployment_total_requests", "Calls of a deployment", LABEL_REQUESTED_MODEL, AT, WHO, FROM, LABEL_MODEL_GROUP)
METRIC(DEPLOYMENT_SUCCESSES, COUNTER, SUM, NONE, "litellm_deployment_success_responses", "Calls of a deployment that were answered", LABEL_REQUESTED_MODEL, AT, WHO, FROM, LABEL_MODEL_GROUP)
METRIC(DEPLOYMENT_FAILURES, COUNTER, SUM, NONE, "litellm_deployment_failure_responses", "Calls of a deployment that failed", LABEL_REQUESTED_MODEL, AT, LABEL_EXCEPTION_STATUS, LABEL_EXCEPTION_CLASS, WHO, FROM, LABEL_MODEL_GROUP)
METRIC(DEPLOYMENT_TOKEN_SECONDS, HISTOGRAM, SUM, PER_TOKEN, "litellm_deployment_latency_per_output_token", "Seconds for each token of an answer", AT, WHO, ORG, LABEL_MODEL_GROUP)
METRIC(DEPLOYMENT_STATE, GAUGE, LATEST, NONE, "litellm_deployment_state", "0: healthy, 1: its last call failed, 2: it rests", AT)
METRIC(DEPLOYMENT_COOLED, COUNTER, SUM, NONE, "litellm_deployment_cooled_down", "How often a deployment was made to rest", AT, LABEL_EXCEPTION_STATUS)
METRIC(DEPLOYMENT_TPM, GAUGE, MAX, NONE, "litellm_deployment_tpm_limit", "Tokens a minute that the configuration gives a deployment", AT, LABEL_MODEL_GROUP)
METRIC(DEPLOYMENT_RPM, GAUGE, MAX, NONE, "litellm_deployment_rpm_limit", "Requests a minute that the configuration gives a deployment", AT, LABEL_MODEL_GROUP)
METRIC(FALLBACKS_GOOD, COUNTER, SUM, NONE, "litellm_deployment_successful_fallbacks", "Requests that another group answered", LABEL_REQUESTED_MODEL, LABEL_FALLBACK_MODEL, WHO, LABEL_EXCEPTION_STATUS, LABEL_EXCEPTION_CLASS, LABEL_MODEL_ID)
METRIC(FALLBACKS_BAD, COUNTER, SUM, NONE, "litellm_deployment_failed_fallbacks", "Requests that no other group answered either", LABEL_REQUESTED_MODEL, LABEL_FALLBACK_MODEL, WHO, LABEL_EXCEPTION_STATUS, LABEL_EXCEPTION_CLASS, LABEL_MODEL_ID)

/* limits */
METRIC(KEY_REQUESTS_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_api_key_requests_for_model", "Requests that a key has left of its limit, as its last request saw it", LABEL_KEY, LABEL_KEY_ALIAS, LABEL_MODEL, LABEL_MODEL_ID)
METRIC(KEY_TOKENS_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_api_key_tokens_for_model", "Tokens that a key has left of its limit, as its last request saw it", LABEL_KEY, LABEL_KEY_ALIAS, LABEL_MODEL, LABEL_MODEL_ID)
METRIC(KEY_BUDGET_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_api_key_budget_metric", "USD that a key has left, as its last request saw it", LABEL_KEY, LABEL_KEY_ALIAS)
METRIC(KEY_BUDGET, GAUGE, LATEST, NONE, "litellm_api_key_max_budget_metric", "USD that a key may spend", LABEL_KEY, LABEL_KEY_ALIAS)
METRIC(KEY_BUDGET_HOURS, GAUGE, LATEST, NONE, "litellm_api_key_budget_remaining_hours_metric", "Hours until a key's budget begins anew", LABEL_KEY, LABEL_KEY_ALIAS)

METRIC(TEAM_BUDGET_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_team_budget_metric", "USD that a team has left, as its last request saw it", LABEL_TEAM, LABEL_TEAM_ALIAS)
METRIC(TEAM_BUDGET, GAUGE, LATEST, NONE, "litellm_team_max_budget_metric", "USD that a team may spend", LABEL_TEAM, LABEL_TEAM_ALIAS)
METRIC(TEAM_BUDGET_HOURS, GAUGE, LATEST, NONE, "litellm_team_budget_remaining_hours_metric", "Hours until a team's budget begins anew", LABEL_TEAM, LABEL_TEAM_ALIAS)
METRIC(USER_BUDGET_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_user_budget_metric", "USD that a user has left, as its last request saw it", LABEL_USER, LABEL_USER_EMAIL, LABEL_USER_ALIAS)
METRIC(USER_BUDGET, GAUGE, LATEST, NONE, "litellm_user_max_budget_metric", "USD that a user may spend", LABEL_USER, LABEL_USER_EMAIL, LABEL_USER_ALIAS)
METRIC(USER_BUDGET_HOURS, GAUGE, LATEST, NONE, "litellm_user_budget_remaining_hours_metric", "Hours until a user's budget begins anew", LABEL_USER, LABEL_USER_EMAIL, LABEL_USER_ALIAS)
METRIC(ORG_BUDGET_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_org_budget_metric", "USD that an organization has left, as its last request saw it", LABEL_ORG, LABEL_ORG_ALIAS)
METRIC(ORG_BUDGET, GAUGE, LATEST, NONE, "litellm_org_max_budget_metric", "USD that an organization may spend", LABEL_ORG, LABEL_ORG_ALIAS)
METRIC(ORG_BUDGET_HOURS, GAUGE, LATEST, NONE, "litellm_org_budget_remaining_hours_metric", "Hours until an organization's budget begins anew", LABEL_ORG, LABEL_ORG_ALIAS)
METRIC(CUSTOMER_BUDGET_LEFT, GAUGE, LATEST, NONE, "litellm_remaining_customer_budget_metric", "USD that an end user has left, as its last request saw it", LABEL_END_USER)
METRIC(CUSTOMER_BUDGET, GAUGE, LATEST, NONE, "litellm_customer_max_budget_metric", "USD that an end user may spend", LABEL_END_USER)
METRIC(CUSTOMER_BUDGET_HOURS, GAUGE, LATEST, NONE, "litellm_customer_budget_remaining_hours_metric", "Hours until an end user's budget begins anew", LABEL_END_USER)

/* guardrails */
METRIC(GUARD_REQUESTS, COUNTER, SUM, NONE, "litellm_guardrail_requests", "Texts of a request, or an answer, that a guardrail looked at", LABEL_GUARD, LABEL_STATUS, LABEL_HOOK)
METRIC(GUARD_ERRORS, COUNTER, SUM, NONE, "litellm_guardrail_errors", "Of these: it objected, or could not be asked", LABEL_GUARD, LABEL_ERROR_TYPE, LABEL_HOOK)
METRIC(GUARD_SECONDS, HISTOGRAM, SUM, LATENCY, "litellm_guardrail_latency_seconds", "Seconds that asking a guardrail took, of those that are asked over the network", LABEL_GUARD, LABEL_STATUS, LABEL_ERROR_TYPE, LABEL_HOOK)

/* the process */
METRIC(IN_FLIGHT, GAUGE, SUM, NONE, "litellm_in_flight_requests", "Requests under way")
METRIC(CALLBACK_FAILURES, COUNTER, SUM, NONE, "litellm_callback_logging_failures_metric", "Records that a callback was not told of", LABEL_CALLBACK_NAME)
METRIC(REDIS_REQUESTS, COUNTER, SUM, NONE, "litellm_redis_total_requests", "Questions to the shared state outside", LABEL_REDIS)
METRIC(REDIS_FAILED, COUNTER, SUM, NONE, "litellm_redis_failed_requests", "Questions to it that were answered with an error, or late", LABEL_REDIS, LABEL_ERROR_CLASS, LABEL_FUNCTION)
METRIC(REDIS_SECONDS, COUNTER, SUM, NONE, "lintel_shared_waited_seconds", "Seconds that the shared state's answers took altogether")
METRIC(REDIS_ANSWERED, COUNTER, SUM, NONE, "lintel_shared_answered", "Answers of the shared state")
METRIC(REDIS_ALONE, COUNTER, SUM, NONE, "lintel_shared_alone", "Questions that this process answered itself because the shared state did not")
METRIC(REDIS_LOSSES, COUNTER, SUM, NONE, "lintel_shared_losses", "How often the shared state went away")
METRIC(REDIS_AWAY, GAUGE, MAX, NONE, "lintel_shared_away", "1 while the shared state cannot be asked")
METRIC(CONNECTIONS, GAUGE, SUM, NONE, "lintel_client_connections", "Connections of clients")
METRIC(UPSTREAM_CALLS, GAUGE, SUM, NONE, "lintel_upstream_calls", "Calls under way, of models and callbacks")
METRIC(UPSTREAM_CONNECTIONS, GAUGE, SUM, NONE, "lintel_upstream_connections", "Connections to Bedrock, callbacks and whatever else is called, idle ones too")
METRIC(QUEUED, GAUGE, SUM, NONE, "lintel_queued_requests", "Requests that wait for a place at a deployment")
METRIC(QUEUE_REFUSED, COUNTER, SUM, NONE, "lintel_queue_refused", "Requests that found no place in time")
METRIC(ADMITTED, GAUGE, SUM, NONE, "litellm_admission_admitted_requests", "Requests that have a place in their worker (max_in_flight_requests_per_worker)")
METRIC(ADMISSION_QUEUED, GAUGE, SUM, NONE, "litellm_admission_queued_requests", "Requests that wait for one")
METRIC(ADMISSION_REFUSED, COUNTER, SUM, NONE, "litellm_admission_rejected_requests", "Requests that got none: queue_full, queue_timeout", LABEL_REASON)
METRIC(REPAIRS, COUNTER, SUM, NONE, "lintel_repairs", "Requests that were changed so that the model takes them", LABEL_REPAIR)
METRIC(CLIENTS_GONE, COUNTER, SUM, NONE, "lintel_clients_gone", "Clients that left before their answer's end")
METRIC(STAGE_SECONDS, HISTOGRAM, SUM, STAGE, "lintel_stage_seconds", "Seconds that a request was in a state (ARCHITECTURE.md tells them)", LABEL_STATE)
METRIC(LOOP_SECONDS, HISTOGRAM, SUM, LOOP, "lintel_loop_busy_seconds", "Seconds that one turn of the loop worked: what everybody else waits")
METRIC(CALLBACK_TOLD, COUNTER, SUM, NONE, "lintel_callback_records_told", "Records that a callback's destination took", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_CALLS, COUNTER, SUM, NONE, "lintel_callback_calls", "Calls of a callback's destination", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_FAILED_CALLS, COUNTER, SUM, NONE, "lintel_callback_calls_failed", "Calls of a callback's destination that failed", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_WAITING, GAUGE, SUM, NONE, "lintel_callback_waiting_records", "Records that wait for a callback's destination", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_BYTES, GAUGE, SUM, NONE, "lintel_callback_waiting_bytes", "Bytes of them", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_KEPT, GAUGE, SUM, NONE, "lintel_callback_kept_records", "Records in files, until a callback's destination takes them", LABEL_CALLBACK_NAME)
METRIC(CALLBACK_KEPT_BYTES, GAUGE, SUM, NONE, "lintel_callback_kept_bytes", "Bytes of those files", LABEL_CALLBACK_NAME)
METRIC(SPOOL_BYTES, GAUGE, SUM, NONE, "lintel_spend_spool_bytes", "Bytes of what requests cost that the database has not taken yet")
METRIC(SPEND_LOST, COUNTER, SUM, NONE, "lintel_spend_lost", "Requests whose cost will not come into the database: the spool was full, or it refused them")
METRIC(DATABASE_AWAY, GAUGE, MAX, NONE, "lintel_database_away", "1 while the database does not answer")
METRIC(LOG_DROPPED, COUNTER, SUM, NONE, "lintel_log_dropped", "Lines of the log that were lost: it could not be written, or not in time")
METRIC(OVERFLOW, COUNTER, SUM, NONE, "lintel_metrics_overflow", "How often labels were put into a metric's series `other`, because it has as many series as it may", LABEL_METRIC)
METRIC(RESIDENT, GAUGE, SUM, NONE, "process_resident_memory_bytes", "Resident memory, of all workers together")
METRIC(CPU_SECONDS, COUNTER, SUM, NONE, "process_cpu_seconds", "Processor time, of all workers together")

/* services, which LiteLLM has with service_callback: [prometheus_system] only; to the end */
METRIC(REDIS_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_redis_latency", "Seconds until the shared state outside answered", LABEL_REDIS)
METRIC(POSTGRES_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_postgres_latency", "Seconds that jobs of the database, whichever it is took", LABEL_POSTGRES)
METRIC(POSTGRES_TOTAL, COUNTER, SUM, NONE, "litellm_postgres_total_requests", "Jobs of the database, whichever it is", LABEL_POSTGRES)
METRIC(POSTGRES_FAILED, COUNTER, SUM, NONE, "litellm_postgres_failed_requests", "Of these: they failed", LABEL_POSTGRES, LABEL_ERROR_CLASS, LABEL_FUNCTION)
METRIC(BATCH_WRITE_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_batch_write_to_db_latency", "Seconds that writes of what requests cost into the database took", LABEL_BATCH_WRITE)
METRIC(BATCH_WRITE_TOTAL, COUNTER, SUM, NONE, "litellm_batch_write_to_db_total_requests", "Writes of what requests cost into the database", LABEL_BATCH_WRITE)
METRIC(BATCH_WRITE_FAILED, COUNTER, SUM, NONE, "litellm_batch_write_to_db_failed_requests", "Of these: they failed", LABEL_BATCH_WRITE, LABEL_ERROR_CLASS, LABEL_FUNCTION)
METRIC(SELF_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_self_latency", "Seconds that requests of models took", LABEL_SELF)
METRIC(SELF_TOTAL, COUNTER, SUM, NONE, "litellm_self_total_requests", "Requests of models", LABEL_SELF)
METRIC(SELF_FAILED, COUNTER, SUM, NONE, "litellm_self_failed_requests", "Of these: they failed", LABEL_SELF, LABEL_ERROR_CLASS, LABEL_FUNCTION)
METRIC(AUTH_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_auth_latency", "Seconds that looks at keys took", LABEL_AUTH)
METRIC(AUTH_TOTAL, COUNTER, SUM, NONE, "litellm_auth_total_requests", "Looks at keys", LABEL_AUTH)
METRIC(AUTH_FAILED, COUNTER, SUM, NONE, "litellm_auth_failed_requests", "Of these: they failed", LABEL_AUTH, LABEL_ERROR_CLASS, LABEL_FUNCTION)
METRIC(ROUTER_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_router_latency", "Seconds that choices of a deployment took", LABEL_ROUTER)
METRIC(ROUTER_TOTAL, COUNTER, SUM, NONE, "litellm_router_total_requests", "Choices of a deployment", LABEL_ROUTER)
METRIC(PRE_CALL_LATENCY, HISTOGRAM, SUM, LATENCY, "litellm_proxy_pre_call_latency", "Seconds that looks at limits and budgets took", LABEL_PRE_CALL)
METRIC(PRE_CALL_TOTAL, COUNTER, SUM, NONE, "litellm_proxy_pre_call_total_requests", "Looks at limits and budgets", LABEL_PRE_CALL)

#undef WHO
#undef ORG
#undef AT
#undef FROM
