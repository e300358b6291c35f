/* Sections against the option table: what is stored, and what is said about the rest. */

#include "check.h"
#include "world.h"

#include <string.h>

#define NO_MODELS "W1 model_list: there are no models\n"

/* A configuration whose first line brings one good model. */
#define MODEL                                                                                      \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/a.b, aws_region_name: r}}]\n"

struct row {
    const char *yaml, *problems;
};

static void run(const struct row *rows, size_t n)
{
    struct world w;
    for (size_t i = 0; i < n; i++) {
        world_init(&w);
        world_expect(&w, rows[i].yaml, rows[i].problems);
    }
}

#define RUN(rows) run(rows, sizeof(rows) / sizeof(*(rows)))

/* Which metrics there are is known here. */
static void names_of_metrics(void **state)
{
    static const struct row rows[] = {
        {MODEL "litellm_settings:\n  prometheus_exclude_metrics:\n  - litellm_spend_metric\n"
               "  - litellm_spent_metric\n  - litellm_requests_metric_total\n",
         "W5 litellm_settings.prometheus_exclude_metrics[1]: there is no such metric: did you mean "
         "litellm_spend_metric?\n"},
        {MODEL
         "litellm_settings:\n  prometheus_exclude_labels: [end_user, user_agnt, mine, tag_a_b]\n"
         "  custom_prometheus_metadata_labels: [mine]\n  custom_prometheus_tags: [a-b]\n",
         "W3 litellm_settings.prometheus_exclude_labels[1]: there is no such label: did you mean "
         "user_agent?\n"},
        {MODEL
         "litellm_settings:\n  prometheus_metrics_config:\n"
         "  - group: money\n    metrics: [litellm_spend_metric, litellm_mcp_tool_calls_total]\n"
         "    include_labels: [model, status_code, quite_another]\n  - {group: none}\n",
         "W5 litellm_settings.prometheus_metrics_config[0].metrics[1]: there is no such metric\n"
         "W6 litellm_settings.prometheus_metrics_config[0].include_labels[1]: none of these "
         "metrics "
         "has this label\n"
         "W6 litellm_settings.prometheus_metrics_config[0].include_labels[2]: there is no such "
         "label\n"
         "W7 litellm_settings.prometheus_metrics_config[1]: names no metrics: expected a list "
         "`metrics`\n"},
        {MODEL "litellm_settings: {prometheus_latency_buckets: [0.1, 5, .inf]}\n", ""},
        {MODEL "litellm_settings:\n  prometheus_latency_buckets: [0.1, 0.1]\n",
         "E3 litellm_settings.prometheus_latency_buckets[1]: expected at most 39 numbers of "
         "seconds "
         "that rise\n"},
        {MODEL "litellm_settings:\n  prometheus_deployment_and_latency_caller_identity: email\n",
         "E3 litellm_settings.prometheus_deployment_and_latency_caller_identity: expected "
         "api_key_alias, user_email or both\n"},
    };
    (void)state;
    RUN(rows);
}

static void unknown_keys(void **state)
{
    static const struct row rows[] = {
        {"", NO_MODELS},
        {MODEL "litellm_setings: {}\n",
         "W2 litellm_setings: unknown option, ignored: did you mean litellm_settings?\n"},
        {MODEL "general_settings:\n  master_ky: x\n",
         "W3 general_settings.master_ky: unknown option, ignored: did you mean master_key?\n"},
        {MODEL "general_settings: {max_request_szie_mb: 1}\n",
         "W2 general_settings.max_request_szie_mb: unknown option, ignored: did you mean "
         "max_request_size_mb?\n"},
        {MODEL "general_settings: {request_timeout: 1}\n",
         "W2 general_settings.request_timeout: is ignored here: it belongs under "
         "litellm_settings\n"},
        {MODEL "master_key: x\n", "W2 master_key: is ignored here: it belongs under "
                                  "general_settings\n"},
        {MODEL "router_settings: {drop_params: true}\n",
         "W2 router_settings.drop_params: is ignored here: it belongs under litellm_params or "
         "litellm_settings\n"},
        {MODEL "general_settings: {conect_timeout: 1}\n",
         "W2 general_settings.conect_timeout: unknown option, ignored: did you mean "
         "connect_timeout under litellm_params?\n"},
        {MODEL "x: 1\nquite_another_thing_altogether: 1\n",
         "W2 x: unknown option, ignored\n"
         "W3 quite_another_thing_altogether: unknown option, ignored\n"},
        {MODEL "litellm_settings: {cache_params: {typ: redis}}\n",
         "W2 litellm_settings.cache_params.typ: unknown option, ignored: did you mean type?\n"},
        {MODEL "\"ma\\x01in\\n\": 1\n", "W2 ma?in?: unknown option, ignored\n"},
    };
    (void)state;
    RUN(rows);
}

static void wrong_types(void **state)
{
    static const struct row rows[] = {
        {"model_list: 7\n", "E1 model_list: expected a list, got a number\n"},
        {MODEL "general_settings: [1]\n", "E2 general_settings: expected a map, got a list\n"},
        {MODEL "litellm_settings: {drop_params: 5}\n",
         "E2 litellm_settings.drop_params: expected true or false, got a number\n"},
        {MODEL "litellm_settings: {request_timeout: [1]}\n",
         "E2 litellm_settings.request_timeout: expected a number, got a list\n"},
        {MODEL "litellm_settings: {request_timeout: 10s}\n",
         "E2 litellm_settings.request_timeout: expected a number, got a string\n"},
        {MODEL "general_settings: {max_connections: 1.5}\n",
         "E2 general_settings.max_connections: expected a whole number, got a number\n"},
        {MODEL "general_settings: {master_key: {a: b}}\n",
         "E2 general_settings.master_key: expected a string, got a map\n"},
        {MODEL "general_settings: {master_key: yes}\n",
         "E2 general_settings.master_key: expected a string, got a bool\n"},
        {MODEL "general_settings: {alerting: slack}\n",
         "E2 general_settings.alerting: expected a list, got a string\n"},
        {MODEL "litellm_settings: {ssl_verify: [1]}\n",
         "E2 litellm_settings.ssl_verify: expected true, false or the path of a file\n"},
        {MODEL "router_settings: {routing_strategy: fastest}\n",
         "E2 router_settings.routing_strategy: expected simple-shuffle, least-busy, "
         "usage-based-routing, latency-based-routing or cost-based-routing\n"},
        {MODEL "router_settings: {model_group_alias: {a: [b]}}\n",
         "E2 router_settings.model_group_alias.a: expected the name of a model group\n"},
        {MODEL "router_settings: {model_group_alias: {a: {hidden: true}}}\n",
         "E2 router_settings.model_group_alias.a: expected the name of a model group\n"},
        {MODEL "litellm_settings: {key_alias_pattern: 'a('}\n",
         "E2 litellm_settings.key_alias_pattern: missing closing parenthesis (at byte 2)\n"},
        {MODEL "general_settings: {team_metadata_schema: [{key: a}, {label: b}]}\n",
         "E2 general_settings.team_metadata_schema[1]: expected {key, label}\n"},
        {MODEL "general_settings: {team_metadata_schema: [{key: a}, {key: a}]}\n",
         "E2 general_settings.team_metadata_schema[1]: the key stands twice\n"},
    };
    (void)state;
    RUN(rows);
}

static void ranges(void **state)
{
    static const struct row rows[] = {
        {MODEL "router_settings: {timeout: -1}\n",
         "E2 router_settings.timeout: expected a number from 0 to 4000000\n"},
        {MODEL "general_settings: {idle_timeout: 4000001}\n",
         "E2 general_settings.idle_timeout: expected a number from 0 to 4000000\n"},
        {MODEL "general_settings: {thinking_memory_mb: -1}\n",
         "E2 general_settings.thinking_memory_mb: expected a number from 0 to 65536\n"},
        {MODEL "general_settings: {max_request_size_mb: 0}\n",
         "E2 general_settings.max_request_size_mb: expected a number from 1 to 4096\n"},
        {MODEL "general_settings: {fetch_max_mb: 1001}\n",
         "E2 general_settings.fetch_max_mb: expected a number from 0 to 1000\n"},
        {MODEL "general_settings: {max_connections: 1000001}\n",
         "E2 general_settings.max_connections: expected a number from 1 to 1000000\n"},
        {MODEL "general_settings: {max_connections: 9e300}\n",
         "E2 general_settings.max_connections: expected a whole number, got a number\n"},
    };
    (void)state;
    RUN(rows);
}

static void accepted(void **state)
{
    static const struct row rows[] = {
        {MODEL "router_settings: {debug_level: INFO}\nlitellm_settings: {service_callback: [x]}\n",
         "W2 router_settings.debug_level: is accepted but has no effect yet\n"
         "W3 litellm_settings.service_callback[0]: is told nothing of services: prometheus_system "
         "is "
         "the only one\n"},
        /* nothing is asked for */
        {MODEL "litellm_settings: {success_callback: [], telemetry: false, cache: null}\n", NULL},
        {MODEL "litellm_settings: {suppress_debug_info: true}\n",
         "W2 litellm_settings.suppress_debug_info: is accepted but has no effect "
         "yet\n"},
        {MODEL "router_settings: {routing_strategy: simple-shuffle}\n", NULL},
        {MODEL "router_settings: {routing_strategy: least-busy}\n", NULL},
        {MODEL "router_settings: {routing_strategy: lar1}\n",
         "W2 router_settings.routing_strategy: lar1 behaves as simple-shuffle\n"},
        {MODEL
         "router_settings: {allowed_fails: -1, optional_pre_call_checks: [prompt_caching, x]}\n",
         "E2 router_settings.allowed_fails: expected a number from 0 to 10000000000\n"
         "W2 router_settings.optional_pre_call_checks[1]: has no effect: session_affinity, "
         "deployment_affinity, prompt_caching and enforce_model_rate_limits have\n"},
        {MODEL "router_settings: {allowed_fails_policy: {RateLimitErrorAllowedFails: x, Y: 1}}\n",
         "E2 router_settings.allowed_fails_policy.RateLimitErrorAllowedFails: expected a number "
         "from 0 to 10000000000\n"
         "W2 router_settings.allowed_fails_policy: holds a class that is not known: the names are "
         "RateLimitErrorAllowedFails and the like\n"},
        {MODEL "litellm_settings: {vertex_project: x, vertex_location: y, openai_key: z}\n",
         "W2 litellm_settings.vertex_project: is accepted but has no effect yet\n"
         "W2 litellm_settings.openai_key: is accepted but has no effect yet\n"},
        /* a name of its own elsewhere is no member of the family *_key */
        {MODEL "litellm_settings: {master_key: x}\n",
         "W2 litellm_settings.master_key: is ignored here: it belongs under general_settings\n"},
    };
    (void)state;
    RUN(rows);
}

/* The French document of the mission, which LiteLLM would misread in silence. */
static void mission_shapes(void **state)
{
    static const char yaml[] =
        MODEL "litellm_settings:\n"
              "  num_retries: 3\n"
              "  request_timeout: 600\n"
              "  retry_after: 10\n"
              "  max_parallel_requests: 100\n"
              "  rpm: 1000\n"
              "  tpm: 100000\n"
              "  fallbacks:\n"
              "    - model: claude-3-5-sonnet\n"
              "      fallback: claude-3-haiku\n"
              "  alerting: [slack, email]\n"
              "  alerting_threshold: 5\n"
              "  set_verbose: true\n"
              "  debug: true\n"
              "general_settings:\n"
              "  master_key: sk-1234\n"
              "  database_url: \"postgresql://user:pass@host:5432/litellm\"\n"
              "  api_keys:\n"
              "    - {key: sk-team-a, spend_limit: 100, models: [claude-3-haiku]}\n"
              "router_settings:\n"
              "  cache_responses: true\n"
              "  cache_kwargs:\n"
              "    ttl: 3600\n";
    struct world w;
    (void)state;
    world_init(&w);
    world_expect(&w, yaml, "");
}

static void defaults(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c = world_load(&w, MODEL);
    const struct settings *s = &c->settings;
    (void)state;
    assert_int_equal(c->errors + c->warnings, 0);
    assert_null(s->master_key);
    assert_null(s->completion_model);
    assert_null(s->ssl_certificate);
    assert_false(s->permit_weak_master_key || s->always_include_stream_usage || s->drop_params ||
                 s->set_verbose || s->json_logs || c->simulated);
    assert_true(s->ssl_verify);
    assert_int_equal(s->max_request_size_mb, 100);
    assert_int_equal(s->max_connections, 10000);
    assert_float_equal(s->header_timeout, 20, 0);
    assert_float_equal(s->body_timeout, 30, 0);
    assert_float_equal(s->idle_timeout, 75, 0);
    assert_float_equal(s->client_stall_timeout, 60, 0);
    assert_float_equal(s->thinking_memory_ttl, 3600, 0);
    assert_int_equal(s->thinking_memory_mb, 64);
    assert_float_equal(s->request_timeout, 6000, 0);
    assert_float_equal(s->keepalive_seconds, 15, 0);
    assert_float_equal(s->fetch_max_mb, 20, 0);
    assert_float_equal(s->fetch_timeout, 30, 0);
    assert_true(s->user_url_validation && !s->fetch_plain_http);
    assert_null(c->url_allowed_hosts);
    assert_float_equal(s->connect_timeout, 10, 0);
    assert_float_equal(s->stream_idle_timeout, 300, 0);
    assert_true(s->timeout == 0 && s->stream_timeout == 0 && s->first_byte_timeout == 0);
    assert_null(c->model_group_alias);
    config_unref(c);
}

static void values(void **state)
{
    struct world w;
    world_init(&w);
    struct config *c =
        world_load(&w, MODEL "general_settings:\n"
                             "  master_key: 1234\n"
                             "  completion_model: m\n"
                             "  litellm_key_header_name: X-My-Key\n"
                             "  max_request_size_mb: \"8\"\n"
                             "  max_connections: 5.0\n"
                             "  always_include_stream_usage: \"True\"\n"
                             "  dangerously_permit_weak_or_unset_master_key: on\n"
                             "  header_timeout: 0.5\n"
                             "litellm_settings:\n"
                             "  json_logs: yes\n"
                             "  set_verbose: \"1\"\n"
                             "  drop_params: true\n"
                             "  sse_keepalive_ping_interval_seconds: 0\n"
                             "  ssl_verify: false\n"
                             "router_settings:\n"
                             "  timeout: 20\n"
                             "  model_group_alias: {gpt-4o: m, x: {model: m, hidden: true}}\n");
    const struct settings *s = &c->settings;
    (void)state;
    assert_string_equal(world_problems(c), "");
    assert_string_equal(s->master_key, "1234");
    assert_string_equal(s->completion_model, "m");
    assert_string_equal(s->litellm_key_header_name, "X-My-Key");
    assert_int_equal(s->max_request_size_mb, 8);
    assert_int_equal(s->max_connections, 5);
    assert_true(s->always_include_stream_usage && s->permit_weak_master_key && s->json_logs &&
                s->set_verbose && s->drop_params);
    assert_false(s->ssl_verify);
    assert_float_equal(s->header_timeout, 0.5, 0);
    assert_float_equal(s->keepalive_seconds, 0, 0);
    assert_float_equal(s->timeout, 20, 0);
    assert_string_equal(world_json(c->model_group_alias),
                        "{\"gpt-4o\":\"m\",\"x\":{\"model\":\"m\",\"hidden\":true}}");
    config_unref(config_ref(c));
    config_unref(c);
    config_unref(NULL);
}

/* Both sections may say it; the general one wins. */
static void urls_of_prompts(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c =
        world_load(&w, MODEL "litellm_settings:\n"
                             "  user_url_validation: false\n"
                             "  user_url_allowed_hosts: [a.example, \"b.example:8443\"]\n");
    assert_string_equal(world_problems(c), "");
    assert_false(c->settings.user_url_validation);
    assert_string_equal(world_json(c->url_allowed_hosts), "[\"a.example\",\"b.example:8443\"]");
    config_unref(c);
    world_env(&w, "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB", "0.5");
    c = world_load(&w, MODEL "litellm_settings: {user_url_validation: false, "
                             "user_url_allowed_hosts: [a]}\n"
                             "general_settings: {user_url_validation: true, "
                             "user_url_allowed_hosts: [b], fetch_plain_http: true}\n");
    assert_string_equal(world_problems(c), "");
    assert_true(c->settings.user_url_validation && c->settings.fetch_plain_http);
    assert_string_equal(world_json(c->url_allowed_hosts), "[\"b\"]");
    assert_float_equal(c->settings.fetch_max_mb, 0.5, 0);
    config_unref(c);
    c = world_load(&w, MODEL "general_settings: {fetch_max_mb: 7}\n");
    assert_float_equal(c->settings.fetch_max_mb, 7, 0);
    config_unref(c);
    world_env(&w, "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB", "a lot");
    world_expect(&w, MODEL,
                 "E0 MAX_IMAGE_URL_DOWNLOAD_SIZE_MB: expected a number from 0 to 1000\n");
}

static void tls(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_file(&w, "/ca.pem", "certificates");
    struct config *c = world_load(&w, MODEL "litellm_settings: {ssl_verify: /ca.pem}\n");
    assert_string_equal(world_problems(c), "");
    assert_true(c->settings.ssl_verify);
    assert_string_equal(c->settings.ssl_certificate, "/ca.pem");
    config_unref(c);
    world_env(&w, "SSL_CERT_FILE", "/env.pem");
    c = world_load(&w, MODEL);
    assert_string_equal(c->settings.ssl_certificate, "/env.pem");
    config_unref(c);
    world_expect(&w, MODEL "litellm_settings: {ssl_verify: /no.pem}\n",
                 "E2 litellm_settings.ssl_verify: No such file or directory\n");
}

static void environment(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "LITELLM_MASTER_KEY", "sk-env");
    world_env(&w, "LITELLM_DROP_PARAMS", "True");
    world_env(&w, "LINTEL_SIMULATED", "1");
    struct config *c = world_load(&w, MODEL);
    assert_string_equal(c->settings.master_key, "sk-env");
    assert_true(c->settings.drop_params && c->deployments[0].drop_params && c->simulated);
    config_unref(c);
    c = world_load(&w, MODEL "general_settings: {master_key: sk-file}\n"
                             "litellm_settings: {drop_params: false}\n");
    assert_string_equal(c->settings.master_key, "sk-file");
    assert_false(c->settings.drop_params);
    config_unref(c);
    c = world_load(&w, MODEL "general_settings: {master_key: }\n");
    assert_string_equal(c->settings.master_key, "sk-env");
    config_unref(c);
}

static void automatic_cache_points(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c = world_load(&w, MODEL);
    assert_false(c->deployments[0].prompt_caching_auto || c->deployments[0].prompt_caching_hour);
    config_unref(c);
    c = world_load(&w, MODEL "litellm_settings: {enable_anthropic_prompt_caching: true, "
                             "anthropic_prompt_caching_ttl: 1h}\n");
    assert_true(c->deployments[0].prompt_caching_auto && c->deployments[0].prompt_caching_hour);
    config_unref(c);
    world_expect(&w, MODEL "litellm_settings: {anthropic_prompt_caching_ttl: 2h}\n",
                 "E2 litellm_settings.anthropic_prompt_caching_ttl: must be 5m or 1h\n");
    world_env(&w, "LITELLM_ENABLE_ANTHROPIC_PROMPT_CACHING", "true");
    world_env(&w, "LITELLM_ANTHROPIC_PROMPT_CACHING_TTL", "1h");
    c = world_load(&w, MODEL);
    assert_true(c->deployments[0].prompt_caching_auto && c->deployments[0].prompt_caching_hour);
    config_unref(c);
    c = world_load(&w, MODEL "litellm_settings: {enable_anthropic_prompt_caching: false, "
                             "anthropic_prompt_caching_ttl: 5m}\n");
    assert_false(c->deployments[0].prompt_caching_auto || c->deployments[0].prompt_caching_hour);
    config_unref(c);
}

static void history_of_tools(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c = world_load(&w, MODEL);
    assert_false(c->deployments[0].tools_as_text);
    config_unref(c);
    c = world_load(&w, MODEL "litellm_settings: {bedrock_neutralize_orphaned_tool_blocks: true}\n");
    assert_true(c->deployments[0].tools_as_text);
    config_unref(c);
}

static void substitution(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "KEY", "sk-1");
    world_env(&w, "SIZE", "7");
    world_env(&w, "LOOP", "os.environ/KEY");
    world_env(&w, "EMPTY", "");
    struct config *c = world_load(&w, MODEL "environment_variables:\n"
                                            "  A: os.environ/KEY\n"
                                            "  B: os.environ/A\n"
                                            "  KEY: changed\n"
                                            "  N: 5\n"
                                            "  NONE:\n"
                                            "general_settings:\n"
                                            "  master_key: os.environ/B\n"
                                            "  max_request_size_mb: os.environ/SIZE\n"
                                            "  completion_model: os.environ/LOOP\n"
                                            "  litellm_key_header_name: os.environ/EMPTY\n"
                                            "  plugins: [os.environ/KEY, {a: os.environ/N}]\n");
    assert_string_equal(world_problems(c),
                        "W13 general_settings.plugins: is accepted but has no effect yet\n");
    assert_string_equal(c->settings.master_key, "sk-1");
    assert_int_equal(c->settings.max_request_size_mb, 7);
    assert_string_equal(c->settings.completion_model, "os.environ/KEY"); /* once is enough */
    assert_null(c->settings.litellm_key_header_name);
    assert_string_equal(w.set, "A=sk-1 B=sk-1 KEY=changed N=5 ");
    config_unref(c);
}

static void substitution_failures(void **state)
{
    static const struct row rows[] = {
        {MODEL "general_settings:\n  master_key: os.environ/NOPE\n",
         "E3 general_settings.master_key: the environment variable \"NOPE\" is not set\n"},
        {MODEL "general_settings:\n  plugins:\n  - 1\n  - {a: os.environ/NOPE}\n",
         "W3 general_settings.plugins: is accepted but has no effect yet\n"
         "E5 general_settings.plugins[1].a: the environment variable \"NOPE\" is not set\n"},
        {MODEL "environment_variables: {A: os.environ/NOPE}\n",
         "E2 environment_variables.A: the environment variable \"NOPE\" is not set\n"},
        {MODEL "environment_variables: {A: [1], \"B=C\": 1, \"\": 2}\n",
         "E2 environment_variables.A: expected a string, got a list\n"
         "E2 environment_variables.B=C: no environment variable can have this name\n"
         "E2 environment_variables.: no environment variable can have this name\n"},
        {MODEL "general_settings: {completion_model: x-os.environ/A}\n",
         "W2 general_settings.completion_model: os.environ/ is only replaced where it is the whole "
         "value\n"},
    };
    struct world w;
    (void)state;
    RUN(rows);
    world_init(&w); /* a bad file exports nothing */
    config_unref(world_load(&w, MODEL "environment_variables: {A: 1}\nlitellm_settings: 1\n"));
    assert_string_equal(w.set, "");
}

static void problems_are_bounded(void **state)
{
    struct world w;
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    BUF_LITERAL(&b, MODEL);
    for (int i = 0; i < 2 * CONFIG_MAX_PROBLEMS; i++)
        buf_addf(&b, "unheard_of_%d_in_any_section: 1\n", i);
    buf_add_char(&b, '\0');
    world_init(&w);
    struct config *c = world_load(&w, b.p);
    unsigned shown = 0;
    for (const struct config_problem *p = c->problems; p; p = p->next, shown++)
        if (!p->next)
            assert_string_equal(p->text, "there are more problems than are shown here");
    assert_int_equal(shown, CONFIG_MAX_PROBLEMS);
    assert_int_equal(c->warnings, 2 * CONFIG_MAX_PROBLEMS);
    config_unref(c);
    buf_fini(&b);
}

static void no_secret_is_shown(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "AWS_SECRET_ACCESS_KEY", "hush-env");
    struct config *c =
        world_load(&w, "general_settings: {master_key: {hush-a: hush-b}, max_connections: hush-1}\n"
                       "model_list:\n"
                       "- model_name: m\n"
                       "  litellm_params:\n"
                       "    model: bedrock/x.y\n"
                       "    aws_secret_access_key: hush-2\n"
                       "    aws_bedrock_runtime_endpoint: https://hush-3:hush-4@x\n"
                       "    timeout: hush-5\n"
                       "- model_name: n\n"
                       "  litellm_params: {model: bedrock/x.y, aws_access_key_id: \"hush 6\", "
                       "aws_secret_access_key: hush-7}\n"
                       "- model_name: o\n"
                       "  litellm_params: {model: bedrock/x.y}\n");
    assert_int_equal(c->errors, 7);
    assert_null(strstr(world_problems(c), "hush"));
    config_unref(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_of_metrics),
        cmocka_unit_test(unknown_keys),
        cmocka_unit_test(wrong_types),
        cmocka_unit_test(ranges),
        cmocka_unit_test(accepted),
        cmocka_unit_test(mission_shapes),
        cmocka_unit_test(defaults),
        cmocka_unit_test(values),
        cmocka_unit_test(urls_of_prompts),
        cmocka_unit_test(tls),
        cmocka_unit_test(environment),
        cmocka_unit_test(automatic_cache_points),
        cmocka_unit_test(history_of_tools),
        cmocka_unit_test(substitution),
        cmocka_unit_test(substitution_failures),
        cmocka_unit_test(problems_are_bounded),
        cmocka_unit_test(no_secret_is_shown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
