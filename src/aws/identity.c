/* Which identity: litellm_params, then what boto3 would do.
 *
 * Happy path: each finder says NULL ("not set up", with a word on it in `tried`) or an identity.
 * Failure modes: what is set up by halves, or in a way nobody can carry out, is a fault, and ends
 * the search: no other source takes its place silently. */

#include "identity_private.h"

#define METADATA_URL      "http://169.254.169.254"
#define METADATA_URL_IPV6 "http://[fd00:ec2::254]"
#define CONTAINER_URL     "http://169.254.170.2"
#define METADATA_MS       1000 /* as botocore */
#define METADATA_MS_MAX   10000
#define METADATA_TRIES    5

const char *const aws_param_names[AWS_PARAMS] = {
    [AWS_PARAM_ACCESS_KEY_ID] = "aws_access_key_id",
    [AWS_PARAM_SECRET_ACCESS_KEY] = "aws_secret_access_key",
    [AWS_PARAM_SESSION_TOKEN] = "aws_session_token",
    [AWS_PARAM_PROFILE_NAME] = "aws_profile_name",
    [AWS_PARAM_ROLE_NAME] = "aws_role_name",
    [AWS_PARAM_SESSION_NAME] = "aws_session_name",
    [AWS_PARAM_EXTERNAL_ID] = "aws_external_id",
    [AWS_PARAM_WEB_IDENTITY_TOKEN] = "aws_web_identity_token",
    [AWS_PARAM_STS_ENDPOINT] = "aws_sts_endpoint",
};

/* ---- what is asked ------------------------------------------------------------------------- */

static struct slice search_env(const struct aws_search *s, const char *name)
{
    return slice_of(s->env(s->ctx, name));
}

struct slice finder_env(const struct finder *f, const char *name)
{
    return search_env(f->s, name);
}

/* LiteLLM takes what a model does not say from variables of these names. */
static struct slice param(const struct aws_search *s, enum aws_param p)
{
    static const char *const variables[AWS_PARAMS] = {
        [AWS_PARAM_PROFILE_NAME] = "AWS_PROFILE_NAME",
        [AWS_PARAM_ROLE_NAME] = "AWS_ROLE_NAME",
        [AWS_PARAM_SESSION_NAME] = "AWS_SESSION_NAME",
        [AWS_PARAM_EXTERNAL_ID] = "AWS_EXTERNAL_ID",
        [AWS_PARAM_WEB_IDENTITY_TOKEN] = "AWS_WEB_IDENTITY_TOKEN",
        [AWS_PARAM_STS_ENDPOINT] = "AWS_STS_ENDPOINT",
    };
    struct slice own = s->params[p];
    return own.n || !variables[p] ? own : search_env(s, variables[p]);
}

static struct slice named_profile(const struct aws_search *s)
{
    static const char *const variables[] = {"AWS_DEFAULT_PROFILE", "AWS_PROFILE"};
    struct slice name = param(s, AWS_PARAM_PROFILE_NAME);
    for (size_t i = 0; i < 2 && !name.n; i++)
        name = search_env(s, variables[i]);
    return name;
}

struct slice aws_search_profile(const struct aws_search *s)
{
    struct slice name = named_profile(s);
    return name.n ? name : SLICE("default");
}

static bool is_true(struct slice s)
{
    return slice_eq_nocase(s, SLICE("true")) || slice_eq(s, SLICE("1"));
}

/* A switch or a setting: the environment's, else the profile's. */
static struct slice setting(const struct aws_search *s, const char *variable, const char *key)
{
    struct slice own = search_env(s, variable);
    return own.n ? own : aws_profile_get(s->shared, aws_search_profile(s), key);
}

struct aws_endpoint_style aws_search_style(const struct aws_search *s)
{
    return (struct aws_endpoint_style){
        .fips = is_true(setting(s, "AWS_USE_FIPS_ENDPOINT", "use_fips_endpoint")),
        .dual_stack = is_true(setting(s, "AWS_USE_DUALSTACK_ENDPOINT", "use_dualstack_endpoint")),
    };
}

/* "services" names a section with nested settings by service. */
static struct slice profile_endpoint(const struct aws_search *s, const char *service)
{
    struct slice profile = aws_search_profile(s), found = {0};
    struct slice services = aws_profile_get(s->shared, profile, "services");
    if (services.n) {
        struct slice key = arena_printf(s->arena, "%s.endpoint_url", service);
        found = aws_section_get(s->shared, "services", services, key.p);
    }
    return found.n ? found : aws_profile_get(s->shared, profile, "endpoint_url");
}

struct slice aws_search_endpoint(const struct aws_search *s, const char *service)
{
    if (is_true(
            setting(s, "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "ignore_configured_endpoint_urls")))
        return (struct slice){0};
    struct slice own = search_env(s, arena_printf(s->arena, "AWS_ENDPOINT_URL_%s", service).p);
    if (!own.n)
        own = search_env(s, "AWS_ENDPOINT_URL");
    return own.n ? own : profile_endpoint(s, service); /* keys have no case */
}

/* ---- what is found ------------------------------------------------------------------------- */

void finder_tried_text(struct finder *f, struct slice text)
{
    f->tried = ARENA_JOIN(f->s->arena, f->tried, f->tried.n ? SLICE("; ") : SLICE(""), text);
}

struct aws_identity *finder_fault_text(struct finder *f, struct slice text)
{
    if (!f->fault->text)
        f->fault->text = text.p;
    return NULL;
}

struct aws_identity *identity_new(struct finder *f, enum aws_identity_kind kind, const char *name)
{
    struct aws_identity *id = ARENA_NEW(f->s->arena, struct aws_identity);
    id->kind = kind;
    id->name = name;
    return id;
}

struct aws_identity *identity_keys(struct finder *f, struct aws_credentials keys, const char *name)
{
    if (!keys.access_key_id.n && !keys.secret_access_key.n)
        return NULL;
    if (!keys.access_key_id.n || !keys.secret_access_key.n)
        return finder_fault(f, "half a pair of AWS keys in %s: the %s is missing", name,
                            keys.access_key_id.n ? "secret access key" : "access key id");
    if (!http_is_visible(keys.access_key_id) || !http_is_visible(keys.secret_access_key) ||
        !http_is_visible(keys.session_token))
        return finder_fault(f, "the AWS keys in %s hold characters that keys do not have", name);
    struct aws_identity *id = identity_new(f, AWS_KEYS, name);
    id->keys = keys;
    return id;
}

static struct slice without_slash(struct slice url)
{
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return url;
}

static struct slice sts_region(struct finder *f, struct slice url, struct slice profile)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    struct slice found = aws_sts_region(url);
    for (size_t i = 0; i < 2 && !found.n; i++)
        found = finder_env(f, variables[i]);
    if (!found.n)
        found = aws_profile_get(f->s->shared, profile, "region");
    bool own = found.n && (!f->s->region.n || aws_same_partition(found, f->s->region));
    return own ? found : f->s->region;
}

void identity_set_sts(struct finder *f, struct aws_identity *id, struct slice profile)
{
    struct slice url = param(f->s, AWS_PARAM_STS_ENDPOINT);
    if (!url.n)
        url = aws_search_endpoint(f->s, "STS");
    struct slice region = sts_region(f, url, profile);
    struct slice wanted = setting(f->s, "AWS_STS_REGIONAL_ENDPOINTS", "sts_regional_endpoints");
    struct aws_endpoint_style style = aws_search_style(f->s);
    if (!url.n && slice_eq_nocase(wanted, SLICE("legacy")) && aws_sts_is_global(region) &&
        !style.fips && !style.dual_stack) {
        url = SLICE("https://sts.amazonaws.com");
        region = SLICE("us-east-1");
    }
    id->text[AWS_STS_URL] =
        url.n ? without_slash(url) : slice_of(aws_endpoint("sts", region, style, f->s->arena));
    id->text[AWS_STS_REGION] = region;
}

/* ---- the environment ----------------------------------------------------------------------- */

struct aws_identity *find_env_keys(struct finder *f)
{
    struct aws_credentials keys = {finder_env(f, "AWS_ACCESS_KEY_ID"),
                                   finder_env(f, "AWS_SECRET_ACCESS_KEY"),
                                   finder_env(f, "AWS_SECURITY_TOKEN")};
    if (!keys.session_token.n)
        keys.session_token = finder_env(f, "AWS_SESSION_TOKEN");
    struct aws_identity *id = identity_keys(f, keys, "environment");
    if (!id && !f->fault->text)
        finder_tried(f, "environment: AWS_ACCESS_KEY_ID is not set");
    return id;
}

struct aws_identity *find_container(struct finder *f)
{
    struct slice path = finder_env(f, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    struct slice url = finder_env(f, "AWS_CONTAINER_CREDENTIALS_FULL_URI");
    if (!path.n && !url.n) {
        finder_tried(f, "container: AWS_CONTAINER_CREDENTIALS_RELATIVE_URI and "
                        "AWS_CONTAINER_CREDENTIALS_FULL_URI are not set");
        return NULL;
    }
    struct aws_identity *id = identity_new(f, AWS_CONTAINER, "container");
    id->text[AWS_URL] = path.n ? ARENA_JOIN(f->s->arena, SLICE(CONTAINER_URL), path) : url;
    id->text[AWS_AUTHORIZATION] = finder_env(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN");
    id->text[AWS_AUTHORIZATION_FILE] = finder_env(f, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    return id;
}

static unsigned number(struct slice s, double unit, unsigned otherwise, unsigned most)
{
    double value;
    if (!slice_to_double(s, &value) || !(value > 0))
        return otherwise;
    value *= unit;
    return value >= most ? most : value < 1 ? 1 : (unsigned)value;
}

struct aws_identity *find_instance(struct finder *f)
{
    const struct aws_search *s = f->s;
    if (is_true(finder_env(f, "AWS_EC2_METADATA_DISABLED"))) {
        finder_tried(f, "instance metadata: switched off by AWS_EC2_METADATA_DISABLED");
        return NULL;
    }
    struct aws_identity *id = identity_new(f, AWS_INSTANCE, "instance metadata");
    struct slice url =
        setting(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT", "ec2_metadata_service_endpoint");
    struct slice mode =
        setting(s, "AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE", "ec2_metadata_service_endpoint_mode");
    if (!url.n)
        url = slice_eq_nocase(mode, SLICE("ipv6")) ? SLICE(METADATA_URL_IPV6) : SLICE(METADATA_URL);
    id->text[AWS_URL] = without_slash(url);
    id->no_v1 = is_true(setting(s, "AWS_EC2_METADATA_V1_DISABLED", "ec2_metadata_v1_disabled"));
    id->timeout_ms = number(setting(s, "AWS_METADATA_SERVICE_TIMEOUT", "metadata_service_timeout"),
                            1000, METADATA_MS, METADATA_MS_MAX);
    id->attempts =
        number(setting(s, "AWS_METADATA_SERVICE_NUM_ATTEMPTS", "metadata_service_num_attempts"), 1,
               1, METADATA_TRIES);
    return id;
}

/* ---- the order ----------------------------------------------------------------------------- */

static struct aws_identity *find_profile(struct finder *f)
{
    const struct aws_shared *files = f->s->shared;
    struct aws_identity *id = NULL;
    f->searched = true;
    f->fault->unnamed = !f->named_profile;
    if (f->named_profile && !aws_profile_exists(files, f->profile))
        finder_fault(f, "there is no AWS profile \"%.*s\" in %s or %s",
                     (int)(f->profile.n < 64 ? f->profile.n : 64), f->profile.p,
                     files->path[0] ? files->path[0] : "~/.aws/credentials",
                     files->path[1] ? files->path[1] : "~/.aws/config");
    if (!f->fault->text)
        id = find_profile_role(f, f->profile);
    if (!id && !f->fault->text)
        id = find_profile_rest(f, f->profile, !f->explicit_profile);
    if (!f->fault->text)
        f->fault->unnamed = false;
    return id;
}

/* What boto3 does, with the profile that counts. */
static struct aws_identity *find_chain(struct finder *f)
{
    struct aws_identity *id = f->explicit_profile ? NULL : find_env_keys(f);
    if (!id && !f->fault->text)
        id = find_profile(f);
    if (!id && !f->fault->text)
        id = find_container(f);
    if (!id && !f->fault->text)
        id = find_instance(f);
    return id;
}

static struct aws_identity *param_keys(struct finder *f)
{
    const struct slice *p = f->s->params;
    return identity_keys(f,
                         (struct aws_credentials){p[AWS_PARAM_ACCESS_KEY_ID],
                                                  p[AWS_PARAM_SECRET_ACCESS_KEY],
                                                  p[AWS_PARAM_SESSION_TOKEN]},
                         "litellm_params");
}

static void describe_role(struct finder *f, struct aws_identity *id)
{
    id->text[AWS_ROLE_ARN] = param(f->s, AWS_PARAM_ROLE_NAME);
    id->text[AWS_SESSION_NAME] = param(f->s, AWS_PARAM_SESSION_NAME);
    id->text[AWS_EXTERNAL_ID] = param(f->s, AWS_PARAM_EXTERNAL_ID);
    id->text[AWS_SESSION_TAGS] = f->s->tags;
    identity_set_sts(f, id, f->profile);
}

/* LiteLLM's forms: oidc/file/PATH, oidc/env/NAME, oidc/env_path/NAME, the name of a variable; and,
 * ours, a path or the token itself. */
static bool take_token(struct finder *f, struct aws_identity *id, struct slice given)
{
    struct slice rest = given;
    bool oidc = slice_eq(slice_split(&rest, '/'), SLICE("oidc")) && rest.p;
    struct slice kind = oidc ? slice_split(&rest, '/') : SLICE("");
    const char *name = arena_strdup(f->s->arena, oidc ? rest : given);
    struct slice value = finder_env(f, name);
    if (slice_eq(kind, SLICE("file")) || (!oidc && slice_starts(given, SLICE("/"))))
        id->text[AWS_TOKEN_FILE] = slice_of(name);
    else if (slice_eq(kind, SLICE("env_path")))
        id->text[AWS_TOKEN_FILE] = value;
    else if (slice_eq(kind, SLICE("env")))
        id->text[AWS_TOKEN] = value;
    else if (!oidc)
        id->text[AWS_TOKEN] = value.n ? value : given;
    return id->text[AWS_TOKEN].n || id->text[AWS_TOKEN_FILE].n;
}

static struct aws_identity *param_web_identity(struct finder *f, struct slice token)
{
    struct aws_identity *id = identity_new(f, AWS_WEB_IDENTITY, "aws_web_identity_token");
    f->fault->param = AWS_PARAM_WEB_IDENTITY_TOKEN;
    if (!param(f->s, AWS_PARAM_ROLE_NAME).n)
        return finder_fault(f, "needs aws_role_name beside it");
    if (!take_token(f, id, token))
        return finder_fault(f, "names no token: expected oidc/file/PATH, oidc/env/NAME or "
                               "oidc/env_path/NAME of a variable that is set, a variable, a path, "
                               "or the token itself");
    describe_role(f, id);
    return id;
}

static struct aws_identity *param_role(struct finder *f)
{
    struct aws_identity *id = identity_new(f, AWS_ROLE, "aws_role_name"), *source = param_keys(f);
    describe_role(f, id);
    if (!source && !f->fault->text)
        source = find_chain(f);
    if (!source)
        return NULL;
    if (slice_eq(source->text[AWS_ROLE_ARN], id->text[AWS_ROLE_ARN]))
        return source;
    id->may_be_own = source->kind == AWS_CONTAINER || source->kind == AWS_INSTANCE;
    id->source = source;
    return id;
}

static struct aws_identity *find(struct finder *f)
{
    const struct aws_search *s = f->s;
    struct slice token = param(s, AWS_PARAM_WEB_IDENTITY_TOKEN);
    if (token.n)
        return param_web_identity(f, token);
    if (param(s, AWS_PARAM_ROLE_NAME).n) {
        f->fault->param = AWS_PARAM_ROLE_NAME;
        return param_role(f);
    }
    struct aws_identity *id = NULL;
    if (!f->explicit_profile) {
        f->fault->param = AWS_PARAM_ACCESS_KEY_ID;
        id = param_keys(f);
    }
    if (id || f->fault->text)
        return id;
    f->fault->param = f->explicit_profile ? AWS_PARAM_PROFILE_NAME : AWS_PARAMS;
    return find_chain(f);
}

const struct aws_identity *aws_identity_find(const struct aws_search *s, struct aws_fault *fault)
{
    struct finder f = {.s = s,
                       .fault = fault,
                       .profile = aws_search_profile(s),
                       .named_profile = named_profile(s).n > 0,
                       .explicit_profile = param(s, AWS_PARAM_PROFILE_NAME).n > 0};
    *fault = (struct aws_fault){.param = AWS_PARAMS};
    struct aws_identity *id = find(&f);
    if (!id)
        id = identity_new(&f, AWS_NOBODY, "none");
    id->tried = f.tried.n ? f.tried.p : "";
    id->searched = f.searched;
    if (fault->text)
        id->tried = fault->text;
    return id;
}
