/* Region, endpoint and credentials of a deployment, in LiteLLM's order.
 *
 * Happy path: credentials come from litellm_params (a profile before keys), then the environment,
 * then the profile AWS_PROFILE or "default"; the region from the model's name, litellm_params, the
 * environment, the profile, else us-west-2.
 *
 * Failure modes: half a pair of keys, a named profile that no file has, a file that is no ini, a
 * region or endpoint that cannot be one: errors. A source that is not supported (a role, a web
 * identity, a bearer token) leaves the deployment without credentials: its warning comes from the
 * option table. Values are never shown.
 */

#include "aws_profile.h"
#include "config/bedrock_name.h"
#include "config_loader.h"

#include <string.h>

struct aws_files {
    const char *path[2]; /* by enum aws_file; NULL: there is no home to look in */
    struct slice text[2];
};

/* The same for all parts of one deployment. */
struct finder {
    struct config_loader *l;
    struct deployment *d;
    const struct node *params;
    const struct config_path *path;
    struct slice profile; /* the name that counts here */
};

static struct slice env_slice(const struct config_loader *l, const char *name)
{
    return slice_of(config_env(l, name)); /* empty counts as not set */
}

static struct slice param(const struct finder *f, const char *key)
{
    const struct node *n = node_get(f->params, slice_of(key));
    return !node_is_null(n) && n->kind == NODE_SCALAR ? slice_trim(n->text) : (struct slice){0};
}

static struct config_place place_of(const struct finder *f, struct config_path *path,
                                    const char *key)
{
    const struct node *n = node_get(f->params, slice_of(key));
    *path = (struct config_path){.up = f->path, .key = slice_of(key)};
    return config_place(n ? n : f->params, path);
}

/* ---- the shared files ---------------------------------------------------------------------- */

static const char *file_path(struct config_loader *l, const char *variable, const char *name)
{
    struct slice own = env_slice(l, variable), home = env_slice(l, "HOME");
    if (slice_starts(own, SLICE("~/")))
        own = arena_printf(&l->arena, "%.*s%.*s", SLICE_ARG(home), SLICE_ARG(slice_skip(own, 1)));
    if (!own.n && home.n)
        own = arena_printf(&l->arena, "%.*s/.aws/%s", SLICE_ARG(home), name);
    return own.n ? arena_strdup(&l->arena, own) : NULL;
}

static struct aws_files *open_files(struct config_loader *l)
{
    if (l->aws)
        return l->aws;
    struct aws_files *files = l->aws = ARENA_NEW(&l->arena, struct aws_files);
    files->path[AWS_CREDENTIALS_FILE] = file_path(l, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    files->path[AWS_CONFIG_FILE] = file_path(l, "AWS_CONFIG_FILE", "config");
    for (int i = 0; i < 2; i++) {
        const char *error; /* a file that is not there says nothing; so does one we may not read */
        if (files->path[i] &&
            !l->host->read_file(l->host->ctx, files->path[i], &l->arena, &files->text[i], &error))
            files->text[i] = (struct slice){0};
    }
    return files;
}

static const struct aws_profile *find_profile(struct config_loader *l, struct slice name)
{
    struct aws_files *files = open_files(l);
    struct aws_profile *p = map_get(&l->profiles, name);
    if (p)
        return p;
    p = ARENA_NEW(&l->arena, struct aws_profile);
    for (int i = 0; i < 2; i++) {
        int line = files->text[i].n ? aws_profile_read(files->text[i], i, name, p) : 0;
        if (line) {
            struct config_place place = {
                .file = arena_strdup(&l->c->arena, slice_of(files->path[i])), .line = line};
            config_error(l, place, "expected [section] or key = value");
        }
    }
    map_put(&l->profiles, name, p);
    return p;
}

/* ---- region and endpoint ------------------------------------------------------------------- */

static struct slice find_region(const struct finder *f)
{
    static const char *const variables[] = {"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"};
    struct slice region = param(f, "aws_region_name");
    for (size_t i = 0; !region.n && i < sizeof(variables) / sizeof(*variables); i++)
        region = env_slice(f->l, variables[i]);
    if (!region.n)
        region = find_profile(f->l, f->profile)->region;
    return region.n ? region : SLICE("us-west-2");
}

static void read_region(const struct finder *f, struct slice region)
{
    struct config_path path;
    if (!region.n)
        region = find_region(f);
    if (!bedrock_region_valid(region)) {
        config_error(f->l, place_of(f, &path, "aws_region_name"),
                     "not an AWS region (expected the like of eu-west-1)");
        region = SLICE("us-west-2");
    }
    f->d->region = arena_strdup(&f->l->c->arena, region);
}

static void read_endpoint(const struct finder *f)
{
    struct arena *a = &f->l->c->arena;
    struct slice url = param(f, "aws_bedrock_runtime_endpoint");
    struct config_path path;
    if (!url.n)
        url = env_slice(f->l, "AWS_BEDROCK_RUNTIME_ENDPOINT");
    if (!url.n) {
        bool china = slice_starts(slice_of(f->d->region), SLICE("cn-"));
        f->d->endpoint = arena_printf(a, "https://bedrock-runtime.%s.amazonaws.com%s", f->d->region,
                                      china ? ".cn" : "")
                             .p;
        return;
    }
    f->l->own_endpoints++;
    url = bedrock_endpoint_parse(slice_trim(url));
    if (!url.p)
        config_error(f->l, place_of(f, &path, "aws_bedrock_runtime_endpoint"),
                     "expected http(s)://host[:port]");
    f->d->endpoint = arena_strdup(a, url);
}

/* ---- credentials --------------------------------------------------------------------------- */

/* Remembers the best source any deployment has (2: usable) or names (1). */
static void note(struct config_loader *l, unsigned rank, const char *source)
{
    if (rank <= l->source_rank)
        return;
    l->source_rank = rank;
    l->c->credential_source = source;
}

/* Credentials travel in headers. */
static bool is_header_text(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (s.p[i] <= ' ' || s.p[i] > '~')
            return false;
    return true;
}

/* True: this source says something, be it wrong. */
static bool take_keys(const struct finder *f, struct aws_credentials keys, const char *source,
                      struct config_place place)
{
    struct arena *a = &f->l->c->arena;
    if (!keys.access_key_id.n && !keys.secret_access_key.n)
        return false;
    if (!keys.access_key_id.n || !keys.secret_access_key.n)
        config_error(f->l, place, "half a pair of AWS keys in %s: the %s is missing", source,
                     keys.access_key_id.n ? "secret access key" : "access key id");
    else if (!is_header_text(keys.access_key_id) || !is_header_text(keys.secret_access_key) ||
             !is_header_text(keys.session_token))
        config_error(f->l, place, "the AWS keys in %s hold characters that keys do not have",
                     source);
    f->d->credentials.access_key_id = arena_dup(a, keys.access_key_id);
    f->d->credentials.secret_access_key = arena_dup(a, keys.secret_access_key);
    f->d->credentials.session_token = arena_dup(a, keys.session_token);
    f->d->credential_source = source;
    note(f->l, 2, source);
    return true;
}

static void refuse_profile(const struct finder *f, struct config_place place)
{
    const char *const *path = open_files(f->l)->path;
    config_error(f->l, place, "there is no AWS profile \"%.*s\" in %s or %s",
                 (int)(f->profile.n < 64 ? f->profile.n : 64), f->profile.p,
                 path[0] ? path[0] : "~/.aws/credentials", path[1] ? path[1] : "~/.aws/config");
}

/* The profile that aws_profile_name, AWS_PROFILE or nobody names. */
static void use_profile(const struct finder *f, bool named, struct config_place place)
{
    struct config_loader *l = f->l;
    const struct aws_profile *p = find_profile(l, f->profile);
    const char *source =
        arena_printf(&l->c->arena, "profile %.*s", (int)f->profile.n, f->profile.p).p;
    struct aws_credentials keys = {p->access_key_id, p->secret_access_key, p->session_token};
    if (named || p->other)
        note(l, 1, source);
    if (named && !p->found)
        refuse_profile(f, place);
    else if (!take_keys(f, keys, source, place) && p->other)
        config_warn(l, place, "the AWS profile \"%.*s\" says %s, which is not supported yet",
                    (int)(f->profile.n < 64 ? f->profile.n : 64), f->profile.p, p->other);
}

/* Sources that Lintel cannot use yet but that are meant to be used. */
static bool names_other_source(const struct finder *f, const char *key)
{
    if (!param(f, key).n)
        return false;
    note(f->l, 1, key);
    return true;
}

static void read_environment(struct finder *f)
{
    struct config_loader *l = f->l;
    static const char *const others[] = {"AWS_BEARER_TOKEN_BEDROCK", "AWS_WEB_IDENTITY_TOKEN_FILE",
                                         "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
                                         "AWS_CONTAINER_CREDENTIALS_FULL_URI"};
    struct aws_credentials keys = {env_slice(l, "AWS_ACCESS_KEY_ID"),
                                   env_slice(l, "AWS_SECRET_ACCESS_KEY"),
                                   env_slice(l, "AWS_SESSION_TOKEN")};
    if (take_keys(f, keys, "environment", (struct config_place){0}))
        return;
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
        if (env_slice(l, others[i]).n)
            note(l, 1, others[i]);
    use_profile(f, env_slice(l, "AWS_PROFILE").n > 0, (struct config_place){0});
}

static void read_credentials(struct finder *f)
{
    struct config_path path;
    struct aws_credentials keys = {param(f, "aws_access_key_id"), param(f, "aws_secret_access_key"),
                                   param(f, "aws_session_token")};
    f->d->credential_source = "none";
    if (names_other_source(f, "aws_web_identity_token") || names_other_source(f, "aws_role_name"))
        return;
    if (param(f, "aws_profile_name").n)
        use_profile(f, true, place_of(f, &path, "aws_profile_name"));
    else if (!take_keys(f, keys, "litellm_params", place_of(f, &path, "aws_access_key_id")) &&
             !names_other_source(f, "api_key"))
        read_environment(f);
}

void config_read_aws(struct config_loader *l, struct deployment *d, const struct node *params,
                     struct slice region, const struct config_path *path)
{
    struct finder f = {.l = l, .d = d, .params = params, .path = path};
    f.profile = param(&f, "aws_profile_name");
    if (!f.profile.n)
        f.profile = env_slice(l, "AWS_PROFILE");
    if (!f.profile.n)
        f.profile = SLICE("default");
    read_region(&f, region);
    read_endpoint(&f);
    read_credentials(&f);
}

void config_note_source(struct config_loader *l)
{
    if (l->c->deployment_count && l->own_endpoints == l->c->deployment_count)
        note(l, 1, "aws_bedrock_runtime_endpoint");
}
