/* Loading a configuration: the steps in order, and the life of the snapshot.
 *
 * Happy path: files → tree → environment → sections against the option table → models → snapshot.
 * Failure modes: every step reports its problems and the next one goes on with what there is, so
 * that all problems show at once; only a file that is no YAML ends the loading.
 */

#include "config_loader.h"
#include "config_reading.h"

#include "base/json.h"

#include <stdlib.h>

/* ---- settings that need more than their row ------------------------------------------------ */

/* LiteLLM's variable, the AWS SDKs', and that of Python's programs. */
static const char *ca_variable(const struct config_loader *l)
{
    static const char *const names[] = {"SSL_CERT_FILE", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"};
    const char *file = NULL;
    for (size_t i = 0; i < sizeof(names) / sizeof(*names) && (!file || !*file); i++)
        file = config_env(l, names[i]);
    return file;
}

/* true, false, or the path of a file of certificate authorities. */
static void read_ssl_verify(struct config_loader *l, const struct node *litellm)
{
    struct settings *s = &l->c->settings;
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("ssl_verify")};
    const struct node *n = NODE_GET(litellm, "ssl_verify");
    const char *file = ca_variable(l);
    s->ssl_verify = true;
    if (!node_is_null(n) && !node_bool(n, &s->ssl_verify)) {
        struct slice text;
        const char *error = "expected true, false or the path of a file";
        file = n->kind == NODE_SCALAR ? n->text.p : NULL;
        if (!file || !l->host->read_file(l->host->ctx, file, &l->arena, &text, &error))
            config_error(l, config_place(n, &path), "%s", error);
    }
    if (file && *file)
        s->ssl_certificate = arena_strdup(&l->c->arena, slice_of(file));
}

static bool env_true(const struct config_loader *l, const char *name)
{
    const char *value = config_env(l, name);
    struct node n = {.kind = NODE_SCALAR, .string = true, .text = slice_of(value)};
    bool truth = false;
    return value && node_bool(&n, &truth) && truth;
}

/* LiteLLM's variable for what is fetch_max_mb here. */
static void read_fetch_max(struct config_loader *l, const struct node *general)
{
    const char *text = config_env(l, "MAX_IMAGE_URL_DOWNLOAD_SIZE_MB");
    const struct config_path path = {.key = SLICE("MAX_IMAGE_URL_DOWNLOAD_SIZE_MB")};
    double mb;
    if (!node_is_null(NODE_GET(general, "fetch_max_mb")) || !text)
        return;
    if (slice_to_double(slice_of(text), &mb) && mb >= 0 && mb <= FETCH_MB_MAX)
        l->c->settings.fetch_max_mb = mb;
    else
        config_error(l, config_place(NULL, &path), "expected a number from 0 to %d", FETCH_MB_MAX);
}

/* Either section may have it; the general one wins. */
static void read_url_hosts(struct config_loader *l, const struct node *litellm,
                           const struct node *general)
{
    static const char name[] = "user_url_allowed_hosts";
    yyjson_val *list = config_read_list(l, general, "general_settings", name);
    l->c->url_allowed_hosts = list ? list : config_read_list(l, litellm, "litellm_settings", name);
}

/* An empty one counts as not set: NULL. */
static const char *kept_variable(struct config_loader *l, const char *variable)
{
    const char *value = config_env(l, variable);
    return value && *value ? arena_strdup(&l->c->arena, slice_of(value)) : NULL;
}

/* A variable where the file is silent. */
static void read_variable(struct config_loader *l, const char *variable, const char **field,
                          const struct node *in, const char *name)
{
    const char *value = kept_variable(l, variable);
    if (node_is_null(node_get(in, slice_of(name))) && value)
        *field = value;
}

#define STORED_TEXT_MIN 64
#define STORED_TEXT_MAX 1048576 /* bytes */

/* LiteLLM's variable. */
static void read_text_max(struct config_loader *l, const struct node *general)
{
    const char *text = config_env(l, "MAX_STRING_LENGTH_PROMPT_IN_DB");
    int64_t bytes;
    if (node_is_null(NODE_GET(general, "spend_logs_text_max")) && text &&
        slice_to_i64(slice_of(text), &bytes) && bytes >= STORED_TEXT_MIN &&
        bytes <= STORED_TEXT_MAX)
        l->c->settings.stored_text_max = bytes;
}

#define DRAIN_SECONDS 30.0

/* LiteLLM's variable. What is no number counts as not set, as there. */
static double drain_seconds(struct config_loader *l)
{
    const char *text = config_env(l, "GRACEFUL_SHUTDOWN_TIMEOUT");
    double seconds;
    bool is_number = text && slice_to_double(slice_of(text), &seconds);
    return is_number && seconds >= 0 && seconds <= CONFIG_MAX_SECONDS ? seconds : DRAIN_SECONDS;
}

/* What the environment says where the file is silent. */
static void read_environment(struct config_loader *l, const struct node *litellm,
                             const struct node *general)
{
    struct settings *s = &l->c->settings;
    if (!s->master_key)
        s->master_key = kept_variable(l, "LITELLM_MASTER_KEY");
    s->stored.salt_key = kept_variable(l, "LITELLM_SALT_KEY");
    if (node_is_null(NODE_GET(general, "store_model_in_db")))
        s->stored.on = env_true(l, "STORE_MODEL_IN_DB");
    if (node_is_null(NODE_GET(general, "default_team_disabled")))
        s->rules.teams_only = env_true(l, "PROXY_DEFAULT_TEAM_DISABLED");
    read_variable(l, "DATABASE_URL", &s->database_url, general, "database_url");
    s->rules.grace = kept_variable(l, "LITELLM_KEY_ROTATION_GRACE_PERIOD");
    s->ui_username = kept_variable(l, "UI_USERNAME");
    s->ui_password = kept_variable(l, "UI_PASSWORD");
    s->ui_disabled = env_true(l, "DISABLE_ADMIN_UI");
    read_variable(l, "LINTEL_DATA_DIRECTORY", &s->data_directory, general, "data_directory");
    if (node_is_null(NODE_GET(general, "auto_redirect_ui_login_to_sso")))
        s->sso_at_once = env_true(l, "AUTO_REDIRECT_UI_LOGIN_TO_SSO");
    if (node_is_null(NODE_GET(general, "hide_default_credentials_hint")))
        s->no_login_hint = env_true(l, "LITELLM_HIDE_DEFAULT_CREDENTIALS_HINT");
    read_text_max(l, general);
    read_variable(l, "DRAIN_ENDPOINT_TOKEN", &s->drain_token, general, "drain_endpoint_token");
    s->drain_s = drain_seconds(l);
    if (node_is_null(NODE_GET(general, "store_prompts_in_spend_logs")))
        s->store_prompts = env_true(l, "STORE_PROMPTS_IN_SPEND_LOGS");
    if (node_is_null(NODE_GET(litellm, "drop_params")))
        s->drop_params = env_true(l, "LITELLM_DROP_PARAMS");
    if (node_is_null(NODE_GET(litellm, "enable_anthropic_prompt_caching")))
        s->prompt_caching_auto = env_true(l, "LITELLM_ENABLE_ANTHROPIC_PROMPT_CACHING");
    if (node_is_null(NODE_GET(litellm, "store_audit_logs")))
        s->store_audit_logs = env_true(l, "LITELLM_STORE_AUDIT_LOGS");
    l->c->simulated = env_true(l, "LINTEL_SIMULATED");
}

/* The pings of /v1/messages, where they are not those of all streams. */
static void read_messages_ping(struct config_loader *l, const struct node *litellm)
{
    const struct config_path path = {.key = SLICE("litellm_settings")};
    struct settings *s = &l->c->settings;
    s->messages_ping = -1;
    reading_number((struct reading){l, litellm, &path, false},
                   "anthropic_sse_ping_interval_seconds", 0, CONFIG_MAX_SECONDS, &s->messages_ping);
}

/* How long automatic cache points hold. In LiteLLM's variable, too, but there what is neither
 * counts as not set. */
static void read_caching_ttl(struct config_loader *l, const struct node *litellm)
{
    static const char name[] = "anthropic_prompt_caching_ttl";
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = slice_of(name)};
    const struct node *n = node_get(litellm, slice_of(name));
    struct slice ttl =
        node_is_null(n) ? slice_of(config_env(l, "LITELLM_ANTHROPIC_PROMPT_CACHING_TTL")) : n->text;
    l->c->settings.prompt_caching_hour = slice_eq(ttl, SLICE("1h"));
    if (!node_is_null(n) && !slice_eq(ttl, SLICE("1h")) && !slice_eq(ttl, SLICE("5m")))
        config_error(l, config_place(n, &path), "must be 5m or 1h");
}

/* ---- sections ------------------------------------------------------------------------------ */

static const struct node *section(const struct node *root, const char *name)
{
    return node_get(root, slice_of(name));
}

static void check_nested(struct config_loader *l, const struct node *root, const char *outer,
                         const char *inner)
{
    const struct config_path up = {.key = slice_of(outer)};
    const struct config_path path = {.up = &up, .key = slice_of(inner)};
    const struct node *n = node_get(section(root, outer), slice_of(inner));
    if (n && n->kind == NODE_MAP)
        config_check_section(l, inner, n, &path);
}

static void check_sections(struct config_loader *l, const struct node *root)
{
    static const char *const sections[] = {"litellm_settings", "router_settings",
                                           "general_settings"};
    config_check_section(l, "top level", root, NULL);
    for (size_t i = 0; i < sizeof(sections) / sizeof(*sections); i++) {
        const struct config_path path = {.key = slice_of(sections[i])};
        config_check_section(l, sections[i], section(root, sections[i]), &path);
    }
    check_nested(l, root, "litellm_settings", "cache_params");
    check_nested(l, root, "router_settings", "cache_kwargs");
}

/* Whom to trust is wanted for asking already. */
static void read_certificates(struct config_loader *l, const struct node *root)
{
    const struct config_path up = {.key = SLICE("litellm_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("ssl_verify")};
    struct node *litellm = NODE_GET(root, "litellm_settings");
    config_substitute_early(l, litellm, "ssl_verify", &path);
    read_ssl_verify(l, litellm);
}

static void read_tree(struct config_loader *l, struct node *root)
{
    const struct node *litellm = section(root, "litellm_settings");
    config_substitute(l, root);
    check_sections(l, root);
    read_environment(l, litellm, section(root, "general_settings"));
    config_read_database(l, section(root, "general_settings"));
    read_ssl_verify(l, litellm);
    read_messages_ping(l, litellm);
    read_caching_ttl(l, litellm);
    read_fetch_max(l, section(root, "general_settings"));
    read_url_hosts(l, litellm, section(root, "general_settings"));
    config_read_routing(l, root);
    config_read_groups(l, root);
    config_read_caching(l, root);
    config_read_callbacks(l, root);
    config_read_metrics(l, root);
    config_read_calls(l, root);
    config_read_spend(l, section(root, "general_settings"));
    config_read_guards(l, root);
    config_read_access(l, root);
    config_read_alerting(l, root);
    config_read_redis(l, root);
    config_read_sso(l);
    config_read_facts(l, section(root, "general_settings"));
    config_read_credentials(l, root);
    config_read_models(l, root);
    config_gather_pools(l, root);
    config_read_limits(l, root);
    config_read_passes(l, root);
    config_note_source(l);
    if (!l->c->errors)
        config_export(l, root);
}

/* ---- life ---------------------------------------------------------------------------------- */

struct config *config_load_from(const char *path, const struct config_host *host)
{
    struct config *c = calloc(1, sizeof(*c));
    struct config_loader l = {.c = c, .host = host};
    if (!c)
        abort();
    c->refs = 1;
    arena_init(&c->arena);
    map_init(&c->pools.by_name);
    map_init(&c->team_models);
    map_init(&c->team_groups);
    map_init(&c->keys);
    map_init(&c->access.demands.blocked);
    arena_init(&l.arena);
    l.warned = arena_zalloc(&l.arena, config_option_count());
    config_defaults(&l);
    struct node *root = config_read_tree(&l, path);
    if (root && config_read_secrets(&l, root)) {
        config_add_stored(&l, root, host->stored);
        read_tree(&l, root);
    } else if (c->secrets_plan) {
        read_certificates(&l, root);
    }
    config_sort_problems(&l);
    memcpy(c->files, l.files, sizeof(l.files));
    c->file_count = l.file_count;
    map_fini(&l.exports);
    map_fini(&l.ids);
    map_fini(&l.credentials);
    arena_fini(&l.arena);
    return c;
}

struct config *config_load(const char *path)
{
    return config_load_from(path, &config_host_system);
}

struct config *config_load_stored(const char *path, struct slice stored, struct secrets *secrets)
{
    struct config_host host = config_host_system;
    host.stored = stored;
    host.secrets = secrets;
    return config_load_from(path, &host);
}

struct config *config_ref(struct config *c)
{
    c->refs++;
    return c;
}

void config_unref(struct config *c)
{
    if (!c || --c->refs)
        return;
    for (size_t i = 0; i < c->deployment_count; i++) {
        if (c->deployments[i].known)
            map_fini(c->deployments[i].known);
        config_free_patterns(&c->deployments[i]);
    }
    for (size_t i = 0; i < c->guards.n; i++)
        guard_rules_free(c->guards.v[i].rules);
    guard_rules_free(c->key_aliases);
    map_fini(&c->pools.by_name);
    map_fini(&c->team_models);
    map_fini(&c->team_groups);
    map_fini(&c->keys);
    map_fini(&c->access.demands.blocked);
    model_table_free(c->models);
    secrets_unref(c->secrets);
    arena_fini(&c->arena);
    free(c);
}

const char *config_variable(const void *config, const char *name)
{
    const struct config *c = config;
    const char *secret = secrets_get(c->secrets, name);
    return secret ? secret : config_host_system.get_env(NULL, name);
}

const char *config_credential_source(const struct config *c)
{
    return c->credential_source;
}
