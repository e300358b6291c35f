/* Happy path: the body is read and its members are taken out; the request is parsed without them; a
 * deployment is chosen that allows all of them, and the attempt gets a copy of it that has them.
 *
 * Failure modes (400): what the deployment does not allow; what nobody may say, since it would act
 * as this machine (its profiles, its roles, its tokens); members inside extra_body, metadata or
 * fallbacks, where they would be sent or kept; half a pair of keys; an endpoint without credentials
 * for it. */

#include "clientside.h"

#include "aws/endpoint.h"
#include "config/bedrock_name.h"
#include "config/clientside.h"
#include "fetch.h"
#include "guard/rules.h"
#include "worker_private.h"

#define VALUE_MAX (16 * 1024) /* bytes; the longest are session tokens */

/* They choose among what this machine may be. */
static const char *const barred[] = {
    "aws_role_name",    "aws_session_name",       "aws_external_id",  "aws_session_tags",
    "aws_profile_name", "aws_web_identity_token", "aws_sts_endpoint", "aws_bedrock_project_id",
};

struct clientside {
    struct slice values[CLIENTSIDE_MEMBERS]; /* p == NULL: not brought */
    const char *wrong;                       /* a member that is no text; or NULL */
    const char *barred;                      /* one that nobody may bring; or NULL */
    const char *nested;                      /* where there are some inside; or NULL */
    struct slice endpoint;                   /* of the client's; or empty */
    struct http_fence fence;                 /* around it */
    struct deployment deployment;            /* once applied */
};

/* ---- out of the body ----------------------------------------------------------------------- */

static const char *barred_name(struct slice name)
{
    for (size_t i = 0; i < sizeof(barred) / sizeof(*barred); i++)
        if (slice_eq(name, slice_of(barred[i])))
            return barred[i];
    return NULL;
}

/* Nearly all members of all requests end with the first look. */
static bool is_clientside(struct slice name)
{
    return name.n > 0 && (*name.p == 'a' || *name.p == 'b') &&
           (clientside_member_of(name) < CLIENTSIDE_MEMBERS || barred_name(name));
}

static bool has_any(yyjson_val *object)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(object);
    yyjson_val *name;
    while ((name = yyjson_obj_iter_next(&it)))
        if (is_clientside(json_slice(name)))
            return true;
    return false;
}

static const char *nested_in(yyjson_val *body)
{
    static const char *const places[] = {"extra_body", "metadata", "litellm_metadata"};
    yyjson_arr_iter fallbacks = yyjson_arr_iter_with(json_get(body, "fallbacks"));
    yyjson_val *fallback;
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (has_any(json_get(body, places[i])))
            return places[i];
    while ((fallback = yyjson_arr_iter_next(&fallbacks)))
        if (has_any(fallback))
            return "fallbacks";
    return NULL;
}

static void note(struct exchange *ex, struct slice name, yyjson_val *v)
{
    struct clientside *c = ex->clientside;
    enum clientside_member m = clientside_member_of(name);
    if (yyjson_is_null(v))
        return;
    if (m == CLIENTSIDE_MEMBERS)
        c->barred = barred_name(name);
    else if (yyjson_is_str(v))
        c->values[m] = arena_dup(&ex->arena, slice_trim(json_slice(v)));
    else
        c->wrong = clientside_names[m];
}

static yyjson_val *without(struct exchange *ex, yyjson_val *body)
{
    struct json_writer w;
    struct buf text;
    buf_init(&text, SIZE_MAX); /* the body was capped */
    json_begin(&w, &text);
    json_object(&w);
    json_members_but(&w, body, is_clientside);
    json_object_end(&w);
    yyjson_val *rest = json_parse(buf_slice(&text), &ex->prompt, NULL);
    buf_fini(&text);
    return rest;
}

yyjson_val *clientside_take(struct exchange *ex, yyjson_val *body)
{
    bool any = !ex->route->handle && has_any(body);
    const char *nested = ex->route->handle ? NULL : nested_in(body);
    yyjson_obj_iter it = yyjson_obj_iter_with(body);
    yyjson_val *name;
    if (!any && !nested)
        return body;
    ex->clientside = ARENA_NEW(&ex->arena, struct clientside);
    ex->clientside->nested = nested;
    while ((name = yyjson_obj_iter_next(&it)))
        if (is_clientside(json_slice(name)))
            note(ex, json_slice(name), yyjson_obj_iter_get_val(name));
    return any ? without(ex, body) : body;
}

/* ---- what it says -------------------------------------------------------------------------- */

static bool refuse(struct exchange *ex, const char *name, const char *why)
{
    return failure_bad_param(&ex->failure, &ex->arena, name, "%s: %s", name, why);
}

static bool has(const struct clientside *c, enum clientside_member m)
{
    return c->values[m].n > 0;
}

static bool signs(const struct clientside *c)
{
    return has(c, CLIENTSIDE_API_KEY) || has(c, CLIENTSIDE_ACCESS_KEY);
}

/* Fit for headers. */
static bool are_plain(struct exchange *ex)
{
    const struct slice *v = ex->clientside->values;
    for (enum clientside_member m = 0; m < CLIENTSIDE_MEMBERS; m++)
        if (v[m].n > VALUE_MAX || !http_is_visible(v[m]))
            return refuse(ex, clientside_names[m], "expected printable characters without spaces");
    return true;
}

static bool has_pair(struct exchange *ex)
{
    const struct clientside *c = ex->clientside;
    if (has(c, CLIENTSIDE_ACCESS_KEY) != has(c, CLIENTSIDE_SECRET_KEY) ||
        (has(c, CLIENTSIDE_SESSION_TOKEN) && !has(c, CLIENTSIDE_ACCESS_KEY)))
        return refuse(ex, clientside_names[CLIENTSIDE_ACCESS_KEY],
                      "comes with aws_secret_access_key, and an aws_session_token with both");
    return true;
}

static bool has_region(struct exchange *ex)
{
    const struct clientside *c = ex->clientside;
    return !has(c, CLIENTSIDE_REGION) || bedrock_region_valid(c->values[CLIENTSIDE_REGION]) ||
           refuse(ex, clientside_names[CLIENTSIDE_REGION],
                  "not an AWS region (expected the like of eu-west-1)");
}

static bool has_endpoint(struct exchange *ex)
{
    struct clientside *c = ex->clientside;
    for (enum clientside_member m = CLIENTSIDE_ENDPOINT; m <= CLIENTSIDE_BASE_URL; m++) {
        if (!has(c, m))
            continue;
        c->endpoint = bedrock_endpoint_parse(c->values[m]);
        if (!c->endpoint.p)
            return refuse(ex, clientside_names[m], "expected http(s)://host[:port]");
        if (!signs(c))
            return refuse(ex, clientside_names[m],
                          "comes with credentials of your own (api_key, or aws_access_key_id and "
                          "aws_secret_access_key): those of the gateway are not sent there");
    }
    return true;
}

bool clientside_check(struct exchange *ex)
{
    const struct clientside *c = ex->clientside;
    if (!c)
        return true;
    if (c->nested)
        return refuse(ex, c->nested, "credentials and endpoints have no place in here");
    if (c->barred)
        return refuse(ex, c->barred, "is not allowed in a request body");
    if (c->wrong)
        return refuse(ex, c->wrong, "expected a string");
    return are_plain(ex) && has_pair(ex) && has_region(ex) && has_endpoint(ex);
}

/* ---- at the deployment --------------------------------------------------------------------- */

static bool fits_pattern(const struct guard_rules *rules, struct slice text)
{
    struct guard_found found = {0};
    struct guard_scan scan;
    struct buf out;
    if (!rules)
        return false;
    guard_scan_init(&scan, &rules, 1, &found);
    buf_init(&out, GUARD_WINDOW);
    guard_scan_text(&scan, text, &out);
    buf_fini(&out);
    guard_scan_fini(&scan);
    return found.blocked && !found.failed;
}

static bool allows(const struct exchange *ex, enum clientside_member m)
{
    const struct route_params *p = ex->deployment->routing;
    return p->clientside >> m & 1 ||
           (m == CLIENTSIDE_API_BASE && fits_pattern(p->bases, ex->clientside->values[m]));
}

static bool allows_all(struct exchange *ex)
{
    for (enum clientside_member m = 0; m < CLIENTSIDE_MEMBERS; m++)
        if (has(ex->clientside, m) && !allows(ex, m))
            return refuse(ex, clientside_names[m],
                          "is not allowed in a request body, unless the configuration says so "
                          "(allow_client_side_credentials, configurable_clientside_auth_params)");
    return true;
}

/* An endpoint that the region gave is that of the new one, of the same kind. */
static void change_region(struct exchange *ex, struct deployment *d)
{
    struct slice region = ex->clientside->values[CLIENTSIDE_REGION], old = slice_of(d->endpoint);
    struct aws_endpoint_style style = {.fips = slice_find(old, SLICE("-fips.")) >= 0,
                                       .dual_stack = slice_ends(old, SLICE(".api.aws"))};
    d->region = arena_strdup(&ex->arena, region);
    if (!d->endpoint_named)
        d->endpoint = aws_endpoint("bedrock-runtime", region, style, &ex->arena);
}

static void go_elsewhere(struct exchange *ex, struct deployment *d)
{
    struct clientside *c = ex->clientside;
    if (has(c, CLIENTSIDE_REGION))
        change_region(ex, d);
    if (!c->endpoint.n)
        return;
    d->endpoint = arena_strdup(&ex->arena, c->endpoint);
    c->fence = fetch_fence(ex->config, c->endpoint);
    c->fence.redirects_max = 0;
    d->fence = &c->fence;
}

static void sign_as_client(struct exchange *ex, struct deployment *d)
{
    const struct clientside *c = ex->clientside;
    d->identity = NULL;
    d->credential_source = "the request";
    d->api_key = c->values[CLIENTSIDE_API_KEY];
    d->credentials =
        (struct aws_credentials){c->values[CLIENTSIDE_ACCESS_KEY], c->values[CLIENTSIDE_SECRET_KEY],
                                 c->values[CLIENTSIDE_SESSION_TOKEN]};
    ex->credentials = d->credentials;
}

bool clientside_apply(struct exchange *ex)
{
    struct deployment *d = &ex->clientside->deployment;
    if (!ex->config->settings.clientside && !allows_all(ex))
        return false;
    *d = *ex->deployment;
    d->signing_key = ARENA_NEW(&ex->arena, struct sigv4_key);
    go_elsewhere(ex, d);
    if (signs(ex->clientside))
        sign_as_client(ex, d);
    return true;
}

bool clientside_signs(const struct exchange *ex)
{
    return ex->clientside && signs(ex->clientside);
}

bool clientside_redirects(const struct exchange *ex)
{
    return ex->clientside && ex->clientside->endpoint.n > 0;
}

const struct deployment *clientside_deployment(const struct exchange *ex)
{
    const struct clientside *c = ex->clientside;
    return c && c->deployment.id ? &c->deployment : ex->deployment;
}
