/* Rows of config_options: general_settings. */
/* clang-format off */

#define SECTION "general_settings"
STORED("master_key", STRING, RELOAD, master_key, NULL, "the key that may do everything; also LITELLM_MASTER_KEY")
STORED("dangerously_permit_weak_or_unset_master_key", BOOL, RESTART, permit_weak_master_key, "false", "start beyond loopback although the master key is missing or a well-known sample")
STORED("always_include_stream_usage", BOOL, RELOAD, always_include_stream_usage, "false", "end every stream with a usage chunk, asked for or not")
STORED("max_request_size_mb", INT, RELOAD, max_request_size_mb, "100", "largest request body in MB (1 to 4096); beyond: 413")
STORED("completion_model", STRING, RELOAD, completion_model, NULL, "model of chat requests that name none")
STORED("litellm_key_header_name", STRING, RELOAD, litellm_key_header_name, NULL, "a further header that may carry the key")
STORED("max_connections", INT, RESTART, max_connections, "10000", "Lintel's own: client connections at once; beyond: 503")
STORED("header_timeout", NUMBER, RESTART, header_timeout, "20", "Lintel's own: seconds a client may take for a request head")
STORED("body_timeout", NUMBER, RESTART, body_timeout, "30", "Lintel's own: seconds a request body may stand still")
STORED("idle_timeout", NUMBER, RESTART, idle_timeout, "75", "Lintel's own: seconds a connection is kept between requests")
STORED("client_stall_timeout", NUMBER, RESTART, client_stall_timeout, "60", "Lintel's own: seconds a client may take no byte of its answer")
#undef SECTION
