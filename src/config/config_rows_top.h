/* Rows of config_options: the top level and what has few keys of its own. */
/* clang-format off */

#define SECTION "top level"
READ("model_list", LIST, RELOAD, NULL, "the models clients may ask for; several entries of one name share its load")
READ("litellm_settings", MAP, RELOAD, NULL, "how requests and answers are treated; see the section of that name")
READ("router_settings", MAP, RELOAD, NULL, "how a deployment is chosen and how long it may take; see the section of that name")
READ("general_settings", MAP, RELOAD, NULL, "the server: keys, limits, connections; see the section of that name")
READ("environment_variables", MAP, RESTART, NULL, "environment variables to set first; a value may be os.environ/OTHER")
READ("include", LIST, RELOAD, NULL, "more files, relative to this one: lists at the top level are appended, maps are merged, a later value replaces an earlier one")
READ("callback_settings", MAP, RESTART, NULL, "options of single callbacks, by callback name")
READ("credential_list", LIST, RELOAD, NULL, "named sets of litellm_params for models that name one (litellm_credential_name): [{credential_name, credential_values, credential_info}]; more may lie in the database (/credentials)")
READ("guardrails", LIST, RELOAD, NULL, "checks of prompts and answers before and after the model; docs/guardrails.md says what an entry holds")
ACCEPTED("mcp_servers", MAP, NULL, "MCP servers behind the gateway")
ACCEPTED("mcp_aliases", MAP, NULL, "short names of MCP servers")
ACCEPTED("vector_store_registry", LIST, NULL, "vector stores that requests may refer to")
ACCEPTED("search_tools", LIST, NULL, "web search back ends")
ACCEPTED("prompts", LIST, NULL, "prompt templates")
ACCEPTED("finetune_settings", LIST, NULL, "providers of fine-tuning jobs")
ACCEPTED("files_settings", LIST, NULL, "providers of the files API")
ACCEPTED("assistant_settings", MAP, NULL, "provider of the assistants API")
ACCEPTED("agent_list", LIST, NULL, "agents that speak A2A")
ACCEPTED("policies", MAP, NULL, "named sets of guardrails")
ACCEPTED("plugins", LIST, NULL, "extensions")
ACCEPTED("worker_registry", LIST, NULL, "other instances that this one manages")
#undef SECTION

#define SECTION "model_list"
READ("model_name", STRING, RELOAD, NULL, "the name clients ask for (required); may hold '*'")
READ("litellm_params", MAP, RELOAD, NULL, "which model, where and how (required); see the section of that name")
READ("model_info", MAP, RELOAD, NULL, "what is known about the model; see the section of that name")
#undef SECTION
