/* Rows of config_options: litellm_settings and its cache_params. */
/* clang-format off */

#define SECTION "litellm_settings"
STORED("request_timeout", NUMBER, RELOAD, request_timeout, "6000", "seconds a whole call may take, unless a more precise timeout says otherwise")
STORED("drop_params", BOOL, RELOAD, drop_params, "false", "drop parameters a model does not know instead of refusing the request; also LITELLM_DROP_PARAMS")
STORED("set_verbose", BOOL, RESTART, set_verbose, "false", "log in detail, as --detailed_debug does; never prompts or keys")
STORED("json_logs", BOOL, RESTART, json_logs, "false", "one JSON object per log line")
STORED("sse_keepalive_ping_interval_seconds", NUMBER, RELOAD, keepalive_seconds, "15", "seconds of silence after which a stream carries a comment, so that no proxy cuts it; 0: never (LiteLLM's default)")
READ("ssl_verify", ANY, RESTART, "true", "check the certificates of Bedrock; or the path of a file with certificate authorities; also SSL_CERT_FILE")
ACCEPTED("success_callback", LIST, NULL, "loggers that are told of successes (langfuse, otel, prometheus, webhook …)")
#undef SECTION

#define SECTION "cache_params"
ACCEPTED("type", STRING, "local", "x")
#undef SECTION
