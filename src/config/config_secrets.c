/* general_settings.key_management_system: whom to ask for which secrets (config/secrets.h).
 *
 * Happy path: the section is read before anything else, with the environment alone, since nothing
 * can be asked before it is known whom; the names are those of hosted_keys, all that the secret
 * primary_secret_name has, or every os.environ/NAME of the files.
 *
 * Failure modes, each an error at its line: another secret manager than AWS', nobody's credentials
 * to ask with, a secret that is neither there nor in the environment, an answer that failed. What
 * writes into a secret manager is not there: a warning. */

#include "config_loader.h"

#include <string.h>

#define AWS_SECRETS SLICE("aws_secret_manager")
#define PREFIX      SLICE("os.environ/")

static const struct config_path general_path = {.key = SLICE("general_settings")};
static const struct config_path system_path = {.up = &general_path,
                                               .key = SLICE("key_management_system")};
static const struct config_path settings_path = {.up = &general_path,
                                                 .key = SLICE("key_management_settings")};

/* The same for all parts of the section. */
struct section {
    struct config_loader *l;
    const struct node *system, *settings;
    struct secrets_plan *plan;
    struct map seen;
};

static struct config_place place_of(const struct section *s, struct config_path *path,
                                    const char *key)
{
    const struct node *n = node_get(s->settings, slice_of(key));
    *path = (struct config_path){.up = &settings_path, .key = slice_of(key)};
    return config_place(n ? n : s->system, path);
}

static struct slice text_of(const struct section *s, const char *key)
{
    const struct node *n = node_get(s->settings, slice_of(key));
    struct config_path path;
    if (node_is_null(n))
        return SLICE("");
    if (n->kind == NODE_SCALAR)
        return slice_trim(n->text);
    config_error(s->l, place_of(s, &path, key), "expected a string, got %s", node_type_name(n));
    return SLICE("");
}

/* ---- options ------------------------------------------------------------------------------- */

/* All of LiteLLM's: what is none of them is a slip. */
static const char *const known[] = {"access_mode",
                                    "hosted_keys",
                                    "primary_secret_name",
                                    "aws_region_name",
                                    "aws_role_name",
                                    "aws_session_name",
                                    "aws_external_id",
                                    "aws_profile_name",
                                    "aws_web_identity_token",
                                    "aws_sts_endpoint",
                                    "store_virtual_keys",
                                    "prefix_for_stored_virtual_keys",
                                    "description",
                                    "tags",
                                    "replica_regions",
                                    "kms_key_id",
                                    "custom_secret_manager"};
#define KNOWN (sizeof(known) / sizeof(*known))

static bool is_known(struct slice key)
{
    for (size_t i = 0; i < KNOWN; i++)
        if (slice_eq(key, slice_of(known[i])))
            return true;
    return false;
}

static void check_keys(const struct section *s)
{
    for (size_t i = 0; s->settings && i < s->settings->count; i++) {
        const struct node_item *item = &s->settings->items[i];
        const struct config_path path = {.up = &settings_path, .key = item->key};
        if (is_known(item->key))
            continue;
        const char *near = config_nearest_name(s->l, known, KNOWN, item->key);
        config_warn(s->l, config_place(item->value, &path), "unknown option, ignored%s%s%s",
                    near ? ": did you mean " : "", near ? near : "", near ? "?" : "");
    }
}

/* False: nothing is read from it. */
static bool reads(const struct section *s)
{
    struct slice mode = text_of(s, "access_mode");
    bool writes = slice_eq(mode, SLICE("write_only")), stores = false;
    struct config_path path;
    if (mode.n && !writes && !slice_eq(mode, SLICE("read_only")) &&
        !slice_eq(mode, SLICE("read_and_write")))
        config_error(s->l, place_of(s, &path, "access_mode"),
                     "expected read_only, write_only or read_and_write");
    const struct node *storing = NODE_GET(s->settings, "store_virtual_keys");
    if (storing)
        node_bool(storing, &stores);
    if (writes || stores)
        config_warn(s->l, place_of(s, &path, stores ? "store_virtual_keys" : "access_mode"),
                    "has no effect yet: virtual keys are not written into a secret manager, only "
                    "their hashes into the database");
    return !writes;
}

/* ---- names --------------------------------------------------------------------------------- */

static void want(struct section *s, struct slice name, struct config_place place)
{
    struct secrets_plan *plan = s->plan;
    if (secrets_are_asked_with(name) || map_get(&s->seen, name))
        return;
    if (plan->count == SECRETS_MAX) {
        config_error(s->l, place,
                     "more than %d secrets: name those in hosted_keys that lie in AWS Secrets "
                     "Manager, or put them into one (primary_secret_name)",
                     SECRETS_MAX);
        return;
    }
    struct slice kept = arena_dup(&s->l->c->arena, name);
    plan->names[plan->count++] = kept;
    map_put(&s->seen, kept, plan);
}

static void want_hosted(struct section *s, const struct node *list)
{
    struct config_path path;
    struct config_place place = place_of(s, &path, "hosted_keys");
    s->plan->hosted = true;
    for (size_t i = 0; i < list->count; i++) {
        const struct node *n = list->items[i].value;
        if (n->kind == NODE_SCALAR && n->text.n)
            want(s, n->text, place);
        else
            config_error(s->l, place, "expected a list of names, one is %s", node_type_name(n));
    }
}

/* A value that is shared through an alias is met again, and counts once. */
static void want_written(struct section *s, const struct node *n)
{
    if (n->kind == NODE_SCALAR && slice_starts(n->text, PREFIX))
        want(s, slice_skip(n->text, PREFIX.n), config_place(s->system, &system_path));
    for (size_t i = 0; i < n->count; i++)
        want_written(s, n->items[i].value);
}

static void find_names(struct section *s, const struct node *root)
{
    const struct node *hosted = NODE_GET(s->settings, "hosted_keys");
    struct config_path path;
    s->plan->names = arena_alloc(&s->l->c->arena, SECRETS_MAX * sizeof(*s->plan->names));
    map_init(&s->seen);
    if (!node_is_null(hosted) && hosted->kind != NODE_LIST)
        config_error(s->l, place_of(s, &path, "hosted_keys"), "expected a list, got %s",
                     node_type_name(hosted));
    else if (!node_is_null(hosted))
        want_hosted(s, hosted);
    else if (!s->plan->primary)
        want_written(s, root);
    map_fini(&s->seen);
}

/* ---- the plan ------------------------------------------------------------------------------ */

static void make_plan(struct section *s, const struct node *root)
{
    struct slice primary = text_of(s, "primary_secret_name");
    check_keys(s);
    if (!reads(s))
        return;
    s->plan = ARENA_NEW(&s->l->c->arena, struct secrets_plan);
    if (primary.n)
        s->plan->primary = arena_strdup(&s->l->c->arena, primary);
    find_names(s, root);
    if (!s->plan->count && (!primary.n || s->plan->hosted)) {
        s->plan = NULL; /* nothing is wanted */
        return;
    }
    config_read_secrets_aws(s->l, s->settings, &settings_path, s->plan);
    if (s->plan->identity->kind == AWS_NOBODY)
        config_error(s->l, config_place(s->system, &system_path),
                     "nobody's AWS credentials to ask with: %s", s->plan->identity->tried);
}

/* ---- the answers --------------------------------------------------------------------------- */

static bool covers(const struct secrets *set, const struct secrets_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        if (!secrets_knows(set, plan->names[i]))
            return false;
    return set;
}

static void check_hosted(struct config_loader *l, const struct node *at)
{
    const struct config_path path = {.up = &settings_path, .key = SLICE("hosted_keys")};
    const struct secrets_plan *plan = l->c->secrets_plan;
    for (size_t i = 0; plan->hosted && i < plan->count; i++)
        if (!config_env(l, plan->names[i].p))
            config_error(l, config_place(at, &path),
                         "\"%.64s\" is neither in AWS Secrets Manager (%s) nor in the environment",
                         plan->names[i].p, secrets_why(l->c->secrets, plan->names[i].p));
}

/* Once the plan is there. */
static bool take(struct config_loader *l, const struct section *s)
{
    const char *error = secrets_error(l->host->secrets);
    l->c->secrets_plan = s->plan;
    if (!error && !covers(l->host->secrets, s->plan))
        error = "its secrets were not asked for yet: read the configuration again (SIGHUP)";
    if (error) {
        config_error(l, config_place(s->system, &system_path), "%s", error);
        return false;
    }
    l->c->secrets = secrets_ref(l->host->secrets);
    check_hosted(l, NODE_GET(s->settings, "hosted_keys"));
    return true;
}

bool config_read_secrets(struct config_loader *l, struct node *root)
{
    struct node *general = NODE_GET(root, "general_settings");
    struct section s = {.l = l,
                        .system = NODE_GET(general, "key_management_system"),
                        .settings = NODE_GET(general, "key_management_settings")};
    config_substitute_early(l, general, "key_management_system", &system_path);
    config_substitute_early(l, general, "key_management_settings", &settings_path);
    if (node_is_null(s.system) || s.system->kind != NODE_SCALAR ||
        (!node_is_null(s.settings) && s.settings->kind != NODE_MAP))
        return true; /* wrong types are the section check's business */
    if (slice_eq(s.system->text, AWS_SECRETS))
        make_plan(&s, root);
    else
        config_error(l, config_place(s.system, &system_path),
                     "only aws_secret_manager is read here: put what lies elsewhere into the "
                     "environment before the start (in Kubernetes: External Secrets)");
    if (!s.plan)
        return true;
    return !l->c->errors && take(l, &s); /* with errors nobody is asked */
}
