/* Region, endpoint and credentials of a deployment, in LiteLLM's order.
 *
 * Happy path: whose credentials it uses is found by aws/identity.h (litellm_params, the
 * environment, the shared files, the container, the instance); the region is that of the model's
 * name, litellm_params, the environment, the profile, else us-west-2; a Bedrock API key takes the
 * place of all credentials.
 *
 * Failure modes: what is set up by halves or wrongly, a named profile that no file has, a file that
 * is no ini, a region or endpoint that cannot be one: errors, but a broken profile "default" that
 * nobody named is only warned about. Values are never shown.
 */

#include "aws/identity.h"
#include "config/bedrock_name.h"
#include "config_loader.h"
#include "wire/crypto.h"

#include <string.h>

#define TAGS_MAX     50 /* session tags, STS's own limit */
#define TAG_TEXT_MAX 65536

/* The same for all parts of one deployment. */
struct reader {
    struct config_loader *l;
    struct deployment *d;
    const struct node *params;
    const struct config_path *path;
    struct aws_search search;
};

static struct slice env_slice(const struct config_loader *l, const char *name)
{
    return slice_of(config_env(l, name)); /* empty counts as not set */
}

static const struct node *param_node(const struct reader *r, const char *key)
{
    const struct node *n = node_get(r->params, slice_of(key));
    return !node_is_null(n) && n->kind == NODE_SCALAR ? n : NULL;
}

static struct slice param(const struct reader *r, const char *key)
{
    const struct node *n = param_node(r, key);
    return n ? slice_trim(n->text) : (struct slice){0};
}

static struct config_place place_of(const struct reader *r, struct config_path *path,
                                    const char *key)
{
    const struct node *n = node_get(r->params, slice_of(key));
    *path = (struct config_path){.up = r->path, .key = slice_of(key)};
    return config_place(n ? n : r->params, path);
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

static void read_file(struct config_loader *l, enum aws_file which)
{
    struct slice text;
    const char *error, *path = l->aws->path[which];
    /* A file that is not there says nothing; so does one we may not read. */
    if (!path || !l->host->read_file(l->host->ctx, path, &l->arena, &text, &error))
        return;
    l->aws_bad[which] =
        (struct config_place){.file = arena_strdup(&l->c->arena, slice_of(path)),
                              .line = aws_shared_read(l->aws, which, text, &l->arena)};
}

/* Fatal only where somebody's credentials may have stood there. */
static void report_files(struct config_loader *l)
{
    static const char text[] = "expected [section] or key = value";
    for (int i = 0; i < 2; i++)
        if (l->aws_bad[i].line && l->aws_needed)
            config_error(l, l->aws_bad[i], "%s", text);
        else if (l->aws_bad[i].line)
            config_warn(l, l->aws_bad[i], "%s", text);
}

static const struct aws_shared *open_files(struct config_loader *l)
{
    if (l->aws)
        return l->aws;
    l->aws = ARENA_NEW(&l->arena, struct aws_shared);
    l->aws->path[AWS_CREDENTIALS_FILE] = file_path(l, "AWS_SHARED_CREDENTIALS_FILE", "credentials");
    l->aws->path[AWS_CONFIG_FILE] = file_path(l, "AWS_CONFIG_FILE", "config");
    read_file(l, AWS_CREDENTIALS_FILE);
    read_file(l, AWS_CONFIG_FILE);
    return l->aws;
}

/* ---- region and endpoint ------------------------------------------------------------------- */

static struct slice find_region(const struct reader *r)
{
    static const char *const variables[] = {"AWS_REGION_NAME", "AWS_REGION", "AWS_DEFAULT_REGION"};
    struct slice region = param(r, "aws_region_name");
    for (size_t i = 0; !region.n && i < sizeof(variables) / sizeof(*variables); i++)
        region = env_slice(r->l, variables[i]);
    if (!region.n)
        region = aws_profile_get(r->search.shared, aws_search_profile(&r->search), "region");
    return region.n ? region : SLICE("us-west-2");
}

static void read_region(struct reader *r, struct slice region)
{
    struct config_path path;
    if (!region.n)
        region = find_region(r);
    if (!bedrock_region_valid(region)) {
        config_error(r->l, place_of(r, &path, "aws_region_name"),
                     "not an AWS region (expected the like of eu-west-1)");
        region = SLICE("us-west-2");
    }
    r->d->region = arena_strdup(&r->l->c->arena, region);
    r->search.region = slice_of(r->d->region);
}

static void read_endpoint(const struct reader *r)
{
    struct arena *a = &r->l->c->arena;
    struct slice url = param(r, "aws_bedrock_runtime_endpoint");
    struct config_path path;
    if (!url.n)
        url = env_slice(r->l, "AWS_BEDROCK_RUNTIME_ENDPOINT");
    if (!url.n)
        url = aws_search_endpoint(&r->search, "BEDROCK_RUNTIME");
    if (!url.n) {
        r->d->endpoint = aws_endpoint("bedrock-runtime", slice_of(r->d->region),
                                      aws_search_style(&r->search), a);
        return;
    }
    r->l->own_endpoints++;
    r->d->endpoint_named = true;
    url = bedrock_endpoint_parse(slice_trim(url));
    if (!url.p)
        config_error(r->l, place_of(r, &path, "aws_bedrock_runtime_endpoint"),
                     "expected http(s)://host[:port]");
    r->d->endpoint = arena_strdup(a, url);
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

static const char *source_env(const void *loader, const char *name)
{
    return config_env(loader, name);
}

static bool has_own_credentials(const struct reader *r)
{
    for (int i = 0; i < AWS_PARAMS; i++)
        if (r->search.params[i].n && i != AWS_PARAM_STS_ENDPOINT)
            return true;
    return false;
}

/* LiteLLM lets a Bedrock API key win over everything, be it only the environment's; an api_key that
 * is set but empty keeps that one away. */
static bool read_api_key(struct reader *r)
{
    const struct node *own = param_node(r, "api_key");
    struct slice key = own ? slice_trim(own->text) : env_slice(r->l, "AWS_BEARER_TOKEN_BEDROCK");
    const char *source = own ? "api_key" : "AWS_BEARER_TOKEN_BEDROCK";
    struct config_path path;
    if (!key.n)
        return false;
    if (!http_is_visible(key))
        config_error(r->l, place_of(r, &path, "api_key"),
                     "the Bedrock API key of %s holds characters that keys do not have", source);
    if (!own && has_own_credentials(r))
        config_warn(r->l, config_place(r->params, r->path),
                    "AWS_BEARER_TOKEN_BEDROCK of the environment is used, not the aws_… "
                    "credentials here; set api_key: \"\" to use these");
    r->d->api_key = arena_dup(&r->l->c->arena, key);
    r->d->credential_source = source;
    note(r->l, 2, source);
    return true;
}

static void add_tag(struct buf *b, unsigned number, const struct node *tag)
{
    static const char *const names[] = {"Key", "Value"};
    for (size_t i = 0; i < 2; i++) {
        const struct node *n = node_get(tag, slice_of(names[i]));
        buf_addf(b, "&Tags.member.%u.%s=", number, names[i]);
        percent_encode(n ? n->text : SLICE(""), b);
    }
}

static struct slice read_tags(struct reader *r)
{
    const struct node *n = NODE_GET(r->params, "aws_session_tags");
    struct config_path path;
    struct buf b;
    if (node_is_null(n))
        return (struct slice){0};
    buf_init(&b, TAG_TEXT_MAX);
    bool ok = n->kind == NODE_LIST && n->count <= TAGS_MAX;
    for (size_t i = 0; ok && i < n->count; i++) {
        const struct node *tag = n->items[i].value, *key = NODE_GET(tag, "Key");
        ok = tag->kind == NODE_MAP && key && key->kind == NODE_SCALAR && key->text.n;
        if (ok)
            add_tag(&b, (unsigned)i + 1, tag);
    }
    struct slice tags = arena_dup(&r->l->arena, buf_slice(&b));
    buf_fini(&b);
    if (!ok)
        config_error(r->l, place_of(r, &path, "aws_session_tags"),
                     "expected at most %d tags like {Key: team, Value: a}", TAGS_MAX);
    return tags;
}

static void report(struct reader *r, const struct aws_fault *fault)
{
    struct config_path path;
    struct config_place place = {0};
    if (fault->param != AWS_PARAMS)
        place = place_of(r, &path, aws_param_names[fault->param]);
    if (fault->unnamed)
        config_warn(r->l, place, "%s", fault->text);
    else
        config_error(r->l, place, "%s", fault->text);
}

static const struct aws_identity *find_identity(struct reader *r)
{
    struct aws_fault fault;
    const struct aws_identity *id = aws_identity_find(&r->search, &fault);
    id = aws_identity_copy(id, &r->l->c->arena);
    if (fault.text)
        report(r, &fault);
    r->l->aws_needed |= id->searched;
    return id;
}

static void read_identity(struct reader *r)
{
    struct deployment *d = r->d;
    const struct aws_identity *id = find_identity(r);
    d->identity = id;
    d->credentials = id->keys;
    d->credential_source = id->name;
    if (id->kind != AWS_NOBODY && id->kind != AWS_INSTANCE)
        note(r->l, 2, id->name);
    else if (id->kind == AWS_NOBODY && r->search.params[AWS_PARAM_ROLE_NAME].n)
        note(r->l, 1, aws_param_names[AWS_PARAM_ROLE_NAME]);
}

void config_read_aws(struct config_loader *l, struct deployment *d, const struct node *params,
                     struct slice region, const struct config_path *path)
{
    struct reader r = {.l = l, .d = d, .params = params, .path = path};
    r.search = (struct aws_search){
        .env = source_env, .ctx = l, .shared = open_files(l), .arena = &l->arena};
    for (int i = 0; i < AWS_PARAMS; i++)
        r.search.params[i] = param(&r, aws_param_names[i]);
    r.search.tags = read_tags(&r);
    read_region(&r, region);
    read_endpoint(&r);
    if (!read_api_key(&r))
        read_identity(&r);
}

const struct aws_identity *config_read_s3_identity(struct config_loader *l,
                                                   const struct node *params)
{
    const struct config_path path = {.key = SLICE("s3_callback_params")};
    struct reader r = {.l = l, .params = params, .path = &path};
    r.search = (struct aws_search){
        .env = source_env, .ctx = l, .shared = open_files(l), .arena = &l->arena};
    for (int i = 0; i < AWS_PARAMS; i++)
        r.search.params[i] =
            param(&r, ARENA_JOIN(&l->arena, SLICE("s3_"), slice_of(aws_param_names[i])).p);
    r.search.region = param(&r, "s3_region_name");
    const struct aws_identity *id = find_identity(&r);
    return id->kind == AWS_NOBODY ? NULL : id;
}

void config_read_secrets_aws(struct config_loader *l, const struct node *params,
                             const struct config_path *path, struct secrets_plan *plan)
{
    struct deployment of_region = {0};
    struct config_path endpoint_path = {.key = SLICE("AWS_ENDPOINT_URL_SECRETS_MANAGER")};
    struct reader r = {.l = l, .d = &of_region, .params = params, .path = path};
    r.search = (struct aws_search){
        .env = source_env, .ctx = l, .shared = open_files(l), .arena = &l->arena};
    for (int i = 0; i < AWS_PARAMS; i++)
        r.search.params[i] = param(&r, aws_param_names[i]);
    read_region(&r, (struct slice){0});
    plan->region = of_region.region;
    plan->identity = find_identity(&r);
    struct slice url = slice_trim(aws_search_endpoint(&r.search, "SECRETS_MANAGER"));
    if (url.n && !bedrock_endpoint_parse(url).p)
        config_error(l, config_place(NULL, &endpoint_path), "expected http(s)://host[:port]");
    plan->endpoint = url.n ? arena_strdup(&l->c->arena, bedrock_endpoint_parse(url))
                           : aws_endpoint("secretsmanager", slice_of(plan->region),
                                          aws_search_style(&r.search), &l->c->arena);
    l->aws = NULL; /* for what follows, environment_variables may name other files */
}

void config_note_source(struct config_loader *l)
{
    report_files(l);
    if (l->c->deployment_count && l->own_endpoints == l->c->deployment_count)
        note(l, 1, "aws_bedrock_runtime_endpoint");
}
