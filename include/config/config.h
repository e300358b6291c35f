#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

/* The configuration: LiteLLM's config.yaml read into an immutable snapshot. Every option is a row
 * of one table (config_options); parsing, `lintel check`, docs/config.md and conf/full_config.yml
 * come from it or are tested against it. All problems of a file are reported at once, with file and
 * line; an unknown or misplaced key is a warning that names the right one, a wrong type is an
 * error.
 *
 * Ownership: a snapshot owns everything it points to. It is reference counted: the worker holds one
 * reference, each exchange one more; a reload swaps the worker's. Single thread. */

#include "base/arena.h"
#include "base/map.h"
#include "config/access.h"
#include "config/alerting.h"
#include "config/caching.h"
#include "config/callbacks.h"
#include "config/guards.h"
#include "config/limits.h"
#include "config/metrics.h"
#include "config/pass.h"
#include "config/redis.h"
#include "config/routing.h"
#include "config/secrets.h"
#include "config/sso.h"
#include "provider/deployment.h"
#include "provider/models.h"

enum config_severity { CONFIG_ERROR, CONFIG_WARNING };

struct config_problem {
    struct config_problem *next;
    enum config_severity severity;
    const char *file; /* as given, or as included */
    int line;         /* 1-based; 0: no line */
    const char *text; /* one line, with the path of the key: "litellm_settings.fallback: …" */
};

/* general_settings.health_check_…: calls that only see whether a model answers. */
struct health_settings {
    bool background, routing, details, ignore_transient, skip_disabled;
    int64_t interval, concurrency; /* seconds; calls at once */
    double staleness;              /* seconds; 0: two intervals */
};

/* What the database adds to the file: gateway/stored.h. */
struct stored_settings {
    bool on;
    int64_t interval;     /* seconds */
    const char *salt_key; /* LITELLM_SALT_KEY; NULL: the master key */
};

/* Of keys and teams that are made. */
struct made_rules {
    bool no_own_keys;     /* disable_custom_api_keys */
    bool teams_only;      /* default_team_disabled */
    bool plain_aliases;   /* enable_key_alias_format_validation */
    const char *aliases;  /* key_alias_pattern; NULL: any */
    double soft_budget;   /* default_soft_budget: USD; 0: none */
    bool admins_stay_out; /* disable_auto_add_proxy_admin_to_teams */
    const char *grace;    /* LITELLM_KEY_ROTATION_GRACE_PERIOD: of keys that are renewed; or NULL */
};

/* Settings by name; a row of config_options says where each comes from. Strings may be NULL
 * (unset). Durations are seconds as in LiteLLM. */
struct settings { /* NOLINT(clang-analyzer-optin.performance.Padding): by what they are about */
    /* general_settings */
    const char *master_key;
    bool permit_weak_master_key; /* dangerously_permit_weak_or_unset_master_key */
    bool always_include_stream_usage;
    bool list_healthy_only; /* model_list_healthy_only */
    bool call_id_in_errors; /* include_call_id_in_error_body */
    bool fallback_errors;   /* expose_fallback_errors_to_caller */
    bool mock_testing;      /* dangerously_allow_mock_testing_request_params */
    int64_t max_request_size_mb;
    double max_response_size_mb;         /* of answers that are not streamed; 0: no limit */
    const char *embedding_model;         /* of embeddings, before … */
    const char *completion_model;        /* model of requests that name none */
    const char *litellm_key_header_name; /* an extra header that may carry the key */
    int64_t max_connections;             /* ours: client connections at once */
    double header_timeout, body_timeout, idle_timeout, client_stall_timeout; /* ours */

    double thinking_memory_ttl;         /* ours: seconds */
    int64_t thinking_memory_mb;         /* ours: 0: none */
    double responses_ttl;               /* ours: seconds */
    int64_t responses_memory_mb;        /* ours */
    bool responses_in_database;         /* ours */
    bool responses_of_all;              /* disable_responses_id_security */
    bool clientside;                    /* allow_client_side_credentials */
    const char *shared_namespace;       /* ours: of all keys in Redis */
    double shared_patience;             /* ours: seconds a request waits for Redis */
    double fetch_max_mb, fetch_timeout; /* ours: of what prompts name by URL */
    bool fetch_plain_http;              /* ours */

    const char *log_file; /* ours; NULL: standard error */

    const char *user_header_name;   /* an extra header that may name the end user */
    enum limit_tokens limit_tokens; /* token_rate_limit_type */
    int64_t limit_window;           /* seconds of rpm and tpm: LITELLM_RATE_LIMIT_WINDOW_SIZE */

    const char *ui_username, *ui_password; /* UI_USERNAME, UI_PASSWORD; NULL: see session.h */
    bool block_robots;                     /* there is a /robots.txt */
    bool ui_disabled;                      /* DISABLE_ADMIN_UI */
    bool disable_env_login;                /* disable_env_credential_login */
    bool drain_endpoint;                   /* there is GET /health/drain */
    const char *drain_token;               /* what it asks for; NULL: nothing */
    double drain_s;                        /* seconds it waits: GRACEFUL_SHUTDOWN_TIMEOUT */
    bool sso_at_once;                      /* auto_redirect_ui_login_to_sso */
    bool no_login_hint;                    /* hide_default_credentials_hint */
    bool sso_only;                         /* disable_password_login_when_sso_enabled */
    int64_t password_min; /* characters of a user's password, at least: password_policy_… */
    bool password_lower, password_upper, password_digit, password_sign;

    const char *database_url;   /* or DATABASE_URL; NULL: no database */
    const char *data_directory; /* ours: of the default database and the spool */
    double database_connect_timeout, database_socket_timeout; /* 0: the store's */
    double spend_write_seconds;                               /* proxy_batch_write_at */
    int64_t spool_max_mb;                                     /* ours */
    int64_t callback_spool_mb;                                /* ours: 0: none */
    double callback_spool_age;                                /* ours: seconds */
    bool keep_schema;                                         /* disable_prisma_schema_update */
    bool reload_on_change;                                    /* ours */
    struct stored_settings stored;                            /* store_model_in_db … */
    bool disable_spend_logs, disable_spend_updates, disable_error_logs;
    bool store_prompts;                    /* store_prompts_in_spend_logs … */
    int64_t stored_text_max;               /* ours: … bytes of one text in them */
    const char *logs_kept, *logs_interval; /* maximum_spend_logs_retention_…; NULL: for ever */
    const char *logs_cron;            /* maximum_spend_logs_cleanup_cron; NULL: by the interval */
    const char *tags_kept;            /* maximum_daily_tag_spend_retention_period; NULL: for ever */
    int64_t logs_batch, logs_batches; /* maximum_spend_logs_cleanup_… */
    double caller_ttl;                /* user_api_key_cache_ttl */
    int64_t caller_max;               /* user_api_key_cache_max_size */
    bool disable_reset_budget;        /* periods never begin anew */
    int64_t budget_look_seconds;      /* proxy_budget_rescheduler_min_time; 0: never */
    int64_t budget_look_most;         /* proxy_budget_rescheduler_max_time */
    bool disable_reservation;         /* disable_budget_reservation */
    bool hide_master_row;             /* disable_master_key_return */
    bool closed_budgets;              /* fail_closed_budget_enforcement */
    bool allow_unknown_keys;          /* allow_requests_on_db_unavailable */
    bool user_budget_in_teams;        /* apply_user_budget_to_team_keys */
    struct made_rules rules;

    /* litellm_settings */
    double request_timeout;   /* whole call, seconds */
    bool user_url_validation; /* or general_settings: such URLs lead to public addresses only */
    bool drop_params;
    bool prompt_caching_auto; /* enable_anthropic_prompt_caching … */
    bool prompt_caching_hour; /* … and anthropic_prompt_caching_ttl: 1h */
    bool checks_schemas;      /* enable_json_schema_validation */
    bool tools_as_text;       /* bedrock_neutralize_orphaned_tool_blocks */
    bool set_verbose, debug, json_logs;
    bool log_raw;      /* log_raw_request_response */
    bool include_cost; /* include_cost_in_streaming_usage */
    bool ssl_verify;
    bool redact;                 /* turn_off_message_logging */
    int64_t told_max;            /* callback_prompt_max, bytes */
    bool redact_key;             /* redact_user_api_key_info */
    bool redact_errors;          /* redact_messages_in_exceptions */
    bool store_audit_logs;       /* litellm_settings */
    bool ignore_no_log;          /* global_disable_no_log_param */
    bool dynamic_disabling;      /* allow_dynamic_callback_disabling */
    bool groups_in_errors;       /* expose_router_debug_in_errors */
    bool trace_upstream;         /* forward_traceparent_to_llm_provider */
    bool no_user_agent_tags;     /* disable_add_user_agent_to_request_tags */
    bool forward_headers;        /* forward_client_headers_to_llm_api */
    bool user_headers;           /* add_user_information_to_llm_headers */
    bool metrics_need_key;       /* require_auth_for_metrics_endpoint */
    int64_t metrics_series_max;  /* prometheus_metrics_max_series_per_metric */
    double keepalive_seconds;    /* sse_keepalive_ping_interval_seconds; 0 = off */
    double messages_ping;        /* anthropic_sse_ping_interval_seconds; < 0: the same */
    const char *ssl_certificate; /* CA file: ssl_verify given as a path, or SSL_CERT_FILE */

    double max_budget;           /* USD of the whole gateway, in each … */
    const char *budget_duration; /* … of these; 0: no limit */
    int64_t budget_status;       /* budget_exceeded_status_code */
    bool team_names;             /* use_team_public_model_name */
    double ui_session_budget;    /* USD of a login at the admin UI; 0: no limit */
    double max_end_user_budget;  /* USD of an end user without a budget of its own; 0: no limit */
    const char *max_end_user_budget_id;

    struct caching caching; /* and cache_params */

    bool metrics_stream;          /* prometheus_emit_stream_label */
    bool metrics_limits;          /* prometheus_emit_rate_limit_labels */
    bool metrics_prompt_length;   /* prometheus_emit_input_sequence_length_label */
    bool metrics_user_names;      /* prometheus_user_budget_label_include_email_alias */
    bool metrics_budgets;         /* prometheus_initialize_budget_metrics */
    int64_t metrics_end_users;    /* prometheus_end_user_metrics_max_…; 0: as the others */
    double metrics_end_user_ttl;  /* … and ttl_seconds; 0: as the others */
    double metrics_look;          /* prometheus_metrics_cleanup_interval_seconds; 0: by the ttl */
    double metrics_ttl;           /* prometheus_metrics_ttl_seconds; 0: never */
    const char *metrics_identity; /* prometheus_deployment_and_latency_caller_identity */

    /* router_settings */
    double timeout, stream_timeout;                                  /* 0 = unset */
    double connect_timeout, first_byte_timeout, stream_idle_timeout; /* ours */
    bool mid_stream_fallbacks; /* ours; or in litellm_settings */
    struct routing routing;
    struct health_settings health;
};

/* An entry of credential_list, as clients may see it. */
struct named_credential {
    struct slice name;
    yyjson_val *values; /* object, its secrets masked */
    yyjson_val *info;   /* object, or NULL */
    bool stored;        /* it comes from the database */
};

#define CONFIG_MAX_FILES 64 /* with everything included */

struct config {
    unsigned refs;
    struct arena arena;
    struct settings settings;
    struct model_table *models;     /* facts about Bedrock's models */
    struct deployment *deployments; /* in file order */
    size_t deployment_count;
    struct named_credential *credentials; /* in file order */
    size_t credential_count;
    yyjson_val *router_settings;                     /* as written, without secrets; or NULL */
    yyjson_val *litellm_settings, *general_settings; /* the same of these */
    struct pools pools;                              /* the same by name */
    struct map team_models; /* "team\nname inside it" → const struct deployment * of that team … */
    struct map team_groups;        /* … and by model_name */
    yyjson_val *model_group_alias; /* object name → group, or NULL */
    /* Lists as written, [{group: [others]}] and [others], or NULL. */
    yyjson_val *fallbacks, *context_window_fallbacks, *content_policy_fallbacks;
    yyjson_val *default_fallbacks;
    int64_t max_fallbacks;
    int64_t num_retries;             /* of a group, where nobody says otherwise */
    int64_t num_retries_per_request; /* at most, in any case; -1: no limit */
    double retry_after;              /* seconds, the shortest wait */
    yyjson_val *retry_policy, *model_group_retry_policy; /* objects as written, or NULL */
    yyjson_val *health_groups; /* background_health_check_model_groups: list of names, or NULL */
    yyjson_val *public_model_groups; /* list of names, or NULL */
    struct access_settings access;
    struct name_list spend_tag_headers; /* extra_spend_tag_headers */
    struct name_list row_metadata;      /* spend_logs_metadata_fields; n == 0: all … */
    bool row_metadata_others;           /* … these are left out, not the others */
    struct name_list header_groups;     /* model_group_settings.forward_client_headers_to_llm_api */
    yyjson_val *request_metadata;       /* bedrock_request_metadata_fields: list, or NULL */
    yyjson_val *url_allowed_hosts;      /* list of hosts and host:port, or NULL */
    /* Objects as written, or NULL: members of what is made (default_…_params), the most that a
     * new key may have, who makes keys (key_generation_settings), {tag: its budget}. */
    yyjson_val *new_key, *most_of_key, *key_rules, *new_user, *new_team, *tag_budgets;
    struct guard_rules *key_aliases; /* key_alias_pattern: blocks what is one; NULL: any alias */
    yyjson_val *team_schema;         /* team_metadata_schema: list of {key, label}, or NULL */
    yyjson_val *user_budget, *user_budget_duration; /* of new internal users; NULL: none */
    struct config_redis redis;                      /* what gateways share */
    struct callbacks callbacks;                     /* who is told of requests */
    struct metrics_settings metrics;                /* … counted how */
    struct alerting_settings alerting;              /* … and of what goes wrong */
    struct guards guards;                           /* what looks at prompts and answers */
    struct pass_endpoints passes;                   /* whose requests go to other servers */
    struct limit_set limits;                        /* of all requests together */
    struct admission_limits admission;              /* … of one worker */
    int64_t parallel_per_key;                       /* where the key says nothing */
    struct map keys; /* api_keys: hash → const struct fixed_key * */
    struct sso sso;  /* at the admin UI */
    char master_hash[KEY_HASH_SIZE];
    const char *files[CONFIG_MAX_FILES]; /* that were read, as they were opened */
    size_t file_count;
    struct config_problem *problems;
    unsigned errors, warnings;
    bool simulated;                /* the upstream is the simulated Bedrock (LINTEL_SIMULATED=1) */
    const char *credential_source; /* see config_credential_source() */
    /* What is to be asked for before the file can be read; NULL: nothing. */
    const struct secrets_plan *secrets_plan;
    struct secrets *secrets; /* what it was resolved with, or NULL */
};

/* Reads `path` and what it includes. Never NULL: when `errors` > 0 only the problems are valid.
 * The environment is read (os.environ/NAME, AWS_*, LITELLM_MASTER_KEY); environment_variables of
 * the file are exported first. */
struct config *config_load(const char *path);

/* The same with secrets (NULL: nobody was asked) and with what a database has: `stored` is JSON of
 * the file's shape, whose models come behind those of the file, as do entries of
 * general_settings.allowed_ips and pass_through_endpoints, and whose settings (litellm_settings,
 * router_settings) count where the file is silent. Its problems have the file CONFIG_STORED and the
 * line in that text. */
#define CONFIG_STORED "database"
struct config *config_load_stored(const char *path, struct slice stored, struct secrets *secrets);
struct config *config_ref(struct config *c);
void config_unref(struct config *c); /* NULL is fine */

/* Of the environment, as the snapshot `config` was read with it: secrets first. NULL: not set. */
const char *config_variable(const void *config, const char *name);

/* The best source of AWS credentials that any deployment has or names, for people ("environment",
 * "profile cline", "aws_role_name"); "aws_bedrock_runtime_endpoint" when every deployment names its
 * own upstream. NULL: there is nothing that could sign a call. Lives as long as the snapshot. */
const char *config_credential_source(const struct config *c);

/* A duration of the settings for timers: 0 for none, at most 46 days. */
static inline unsigned config_milliseconds(double seconds)
{
    unsigned ms = seconds <= 0 ? 0 : seconds > 4e6 ? 4000000000u : (unsigned)(seconds * 1000);
    return ms || seconds <= 0 ? ms : 1; /* 0 means no limit */
}

/* ---- the option table ------------------------------------------------------------------------ */

enum option_type { OPT_STRING, OPT_BOOL, OPT_INT, OPT_NUMBER, OPT_LIST, OPT_MAP, OPT_ANY };
enum option_effect {
    OPT_RELOAD,   /* takes effect on reload */
    OPT_RESTART,  /* needs a restart */
    OPT_ACCEPTED, /* LiteLLM's; read without complaint about its name, but has no effect yet: a
                     warning says so */
    OPT_REFUSED   /* LiteLLM's; guards access, and is not there: an error */
};

struct config_option {
    const char *section; /* "general_settings", "litellm_params", … */
    const char *name;    /* LiteLLM's spelling where it has one */
    enum option_type type;
    enum option_effect effect;
    const char *default_value; /* as one would write it in YAML; NULL: unset */
    const char *meaning;       /* one line for docs/config.md */
    int offset;                /* into struct settings, or < 0: handled by its section */
};

extern const struct config_option config_options[]; /* ends with a NULL section */

/* By the name of an option, a variable, a member: keys, tokens, passwords, credentials, headers,
 * and which role is assumed how. */
bool config_is_secret(struct slice name);
bool config_names_a_user(struct slice url); /* "https://user:password@host": a secret, too */
/* That, or "https://host/path?api_key=…". */
bool config_holds_secret(struct slice url);

#endif
