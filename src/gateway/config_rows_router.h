/* Rows of config_options: router_settings. */
/* clang-format off */

#define SECTION "router_settings"
READ("model_group_alias", MAP, RELOAD, NULL, "other names of model groups: name → group, or → {model: group, hidden: true}")
STORED("timeout", NUMBER, RELOAD, timeout, NULL, "seconds for a whole answer; unset: litellm_settings.request_timeout")
STORED("stream_timeout", NUMBER, RELOAD, stream_timeout, NULL, "seconds to the first byte of a stream; unset: as timeout")
STORED("connect_timeout", NUMBER, RELOAD, connect_timeout, "10", "Lintel's own: seconds to connect to Bedrock, TLS included")
STORED("first_byte_timeout", NUMBER, RELOAD, first_byte_timeout, NULL, "Lintel's own: seconds to the first byte of any answer; unset: only the other timeouts count")
STORED("stream_idle_timeout", NUMBER, RELOAD, stream_idle_timeout, "300", "Lintel's own: seconds a stream may be silent before it is given up; 0: for ever")
#undef SECTION

#define SECTION "cache_kwargs"
ACCEPTED("ttl", NUMBER, NULL, "seconds an answer stays in the cache")
#undef SECTION
