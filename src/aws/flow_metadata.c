/* Endpoints near the process: of a container (ECS, EKS Pod Identity) and of an EC2 instance.
 *
 * Happy path: a container's endpoint is asked once, with the authorization that its environment
 * names; an instance's three times: for a session token (version 2), for the name of its role, and
 * for the role's credentials.
 *
 * Failure modes: a container's URL that leads elsewhere is not called. An instance that refuses a
 * session token, or leaves the question unanswered (its hop limit is 1 and this is a container), is
 * asked without one, as the AWS SDKs do, unless that is forbidden. Credentials of an instance that
 * are about to expire, or have, are used on: AWS extends them when its own service is in trouble.
 */

#include "flow_private.h"

#define CONTAINER_CALLS 3
#define CONTAINER_MS    2000
#define TOKEN_TTL       "21600" /* seconds */
#define NAME_MAX_BYTES  256
#define EXTENSION_S     300

enum { BEGIN, AUTHORIZATION, CREDENTIALS, SESSION, ROLE };

static void want_get(struct aws_flow *f, const char *url, const char *header, struct slice value)
{
    struct http_header *v = arena_alloc(f->arena, 2 * sizeof(*v));
    v[0] = (struct http_header){SLICE("accept"), SLICE("application/json")};
    v[1] = (struct http_header){slice_of(header), value};
    flow_want_call(f, "GET", url, (struct http_headers){v, value.n ? 2 : 1}, (struct slice){0});
    f->call.direct = true;
}

/* ---- containers ---------------------------------------------------------------------------- */

static struct slice host_of(struct slice url)
{
    ptrdiff_t scheme = slice_find(url, SLICE("://"));
    struct slice rest = scheme < 0 ? url : slice_skip(url, (size_t)scheme + 3);
    struct slice authority = slice_split(&rest, '/');
    authority = slice_split(&authority, '?');
    ptrdiff_t at = slice_find_char(authority, '@');
    if (at >= 0)
        return (struct slice){0};
    if (slice_starts(authority, SLICE("["))) {
        ptrdiff_t end = slice_find_char(authority, ']');
        return end < 0 ? authority : slice_make(authority.p + 1, (size_t)end - 1);
    }
    return slice_split(&authority, ':');
}

static bool is_loopback(struct slice host)
{
    int64_t part;
    struct slice rest = host;
    if (slice_eq(host, SLICE("::1")) || slice_eq_nocase(host, SLICE("localhost")))
        return true;
    if (!slice_eq(slice_split(&rest, '.'), SLICE("127")))
        return false;
    for (int i = 0; i < 3; i++)
        if (!rest.p || !slice_to_i64(slice_split(&rest, '.'), &part) || part < 0 || part > 255)
            return false;
    return !rest.p;
}

/* Over plain HTTP the authorization goes to these only. */
static bool is_allowed(struct slice url)
{
    static const char *const hosts[] = {"169.254.170.2", "169.254.170.23", "fd00:ec2::23"};
    struct slice host = host_of(url);
    if (slice_starts_nocase(url, SLICE("https://")))
        return host.n;
    if (!slice_starts_nocase(url, SLICE("http://")))
        return false;
    for (size_t i = 0; i < sizeof(hosts) / sizeof(*hosts); i++)
        if (slice_eq_nocase(host, slice_of(hosts[i])))
            return true;
    return is_loopback(host);
}

static bool is_one_line(struct slice s)
{
    return slice_find_char(s, '\r') < 0 && slice_find_char(s, '\n') < 0;
}

static void call_container(struct aws_flow *f, struct slice authorization)
{
    f->stage = CREDENTIALS;
    if (!is_one_line(authorization)) {
        flow_fail(f, false, "container: its authorization token is more than one line");
        return;
    }
    want_get(f, arena_strdup(f->arena, f->identity->text[AWS_URL]), "authorization",
             arena_dup(f->arena, authorization));
    f->timeout_ms = CONTAINER_MS;
}

static void begin_container(struct aws_flow *f)
{
    const struct slice *text = f->identity->text;
    struct slice host = host_of(text[AWS_URL]);
    f->doing = arena_printf(f->arena, "container credentials from %.*s", SLICE_ARG(host)).p;
    f->stage = AUTHORIZATION;
    if (!is_allowed(text[AWS_URL]))
        flow_fail(f, false,
                  "container: AWS_CONTAINER_CREDENTIALS_FULL_URI must be https, or lead to this "
                  "machine or the addresses of ECS and EKS, not to '%.*s'",
                  SLICE_ARG(host));
    else if (text[AWS_AUTHORIZATION_FILE].n)
        flow_want_file(f, text[AWS_AUTHORIZATION_FILE]);
    else
        call_container(f, text[AWS_AUTHORIZATION]);
}

static void take_container(struct aws_flow *f, const struct aws_result *r)
{
    if (flow_retry(f, r, CONTAINER_CALLS) || flow_broken(f, r))
        return;
    yyjson_val *v = json_parse(r->text, f->arena, NULL);
    if (r->status != 200)
        flow_fail(f, r->status >= 500 || r->status == 429, "%s: status %d %.*s", f->doing,
                  r->status, SLICE_ARG(json_get_slice(v, "message")));
    else
        flow_found_json(f, v, "Token");
}

void flow_container(struct aws_flow *f, const struct aws_result *r)
{
    if (!r)
        begin_container(f);
    else if (f->stage == CREDENTIALS)
        take_container(f, r);
    else if (r->ok)
        call_container(f, slice_trim(r->text));
    else
        flow_fail(f, true, "container: authorization token: %s: %s", f->path, r->error);
}

/* ---- instances ----------------------------------------------------------------------------- */

static void ask(struct aws_flow *f, int stage, struct slice name)
{
    const char *url = arena_printf(f->arena, "%.*s/latest/meta-data/iam/security-credentials/%.*s",
                                   SLICE_ARG(f->identity->text[AWS_URL]), SLICE_ARG(name))
                          .p;
    f->stage = stage;
    want_get(f, url, "x-aws-ec2-metadata-token", f->token);
    f->timeout_ms = f->identity->timeout_ms;
}

static void ask_session(struct aws_flow *f)
{
    static const struct http_header header = {{"x-aws-ec2-metadata-token-ttl-seconds", 36},
                                              {TOKEN_TTL, sizeof(TOKEN_TTL) - 1}};
    struct slice url = f->identity->text[AWS_URL];
    f->stage = SESSION;
    f->doing = arena_printf(f->arena, "instance metadata at %.*s", SLICE_ARG(url)).p;
    flow_want_call(f, "PUT", ARENA_JOIN(f->arena, url, SLICE("/latest/api/token")).p,
                   (struct http_headers){&header, 1}, (struct slice){0});
    f->call.direct = true;
    f->timeout_ms = f->identity->timeout_ms;
}

static void take_session(struct aws_flow *f, const struct aws_result *r)
{
    bool refused = r->ok && (r->status == 403 || r->status == 404 || r->status == 405);
    struct slice token = r->ok ? slice_trim(r->text) : (struct slice){0};
    if (!r->silent && flow_retry(f, r, f->identity->attempts))
        return;
    if (r->ok && r->status == 200 && token.n && is_one_line(token)) {
        f->token = arena_dup(f->arena, token);
        ask(f, ROLE, SLICE(""));
    } else if ((refused || r->silent) && !f->identity->no_v1) {
        ask(f, ROLE, SLICE(""));
    } else if (r->ok) {
        flow_fail(f, r->status >= 500, "%s: no session token, status %d", f->doing, r->status);
    } else {
        flow_fail(f, true, "%s: %s%s", f->doing, r->error,
                  r->silent ? " (in a container the instance's hop limit must be 2)" : "");
    }
}

/* One role; what stands behind its line is not ours. */
static bool take_name(struct slice text, struct slice *name)
{
    *name = slice_trim(slice_split(&text, '\n'));
    for (size_t i = 0; i < name->n; i++)
        if (name->p[i] <= ' ' || name->p[i] > '~' || name->p[i] == '/' || name->p[i] == '?')
            return false;
    return name->n && name->n <= NAME_MAX_BYTES;
}

static void take_role(struct aws_flow *f, const struct aws_result *r)
{
    struct slice name;
    if (flow_retry(f, r, f->identity->attempts) || flow_broken(f, r))
        return;
    if (r->status == 404)
        flow_fail(f, false, "%s: the instance has no role (instance profile)", f->doing);
    else if (r->status != 200 || !take_name(r->text, &name))
        flow_fail(f, r->status >= 500, "%s: no name of a role, status %d", f->doing, r->status);
    else
        ask(f, CREDENTIALS, name);
}

static void extend(struct aws_flow *f)
{
    if (!f->failed && f->expires && f->expires < f->now + AWS_REFRESH_S)
        f->expires = f->now + AWS_REFRESH_S + EXTENSION_S;
}

static void take_instance(struct aws_flow *f, const struct aws_result *r)
{
    if (flow_retry(f, r, f->identity->attempts) || flow_broken(f, r))
        return;
    yyjson_val *v = json_parse(r->text, f->arena, NULL);
    struct slice code = json_get_slice(v, "Code");
    if (r->status != 200)
        flow_fail(f, r->status >= 500, "%s: status %d", f->doing, r->status);
    else if (code.n && !slice_eq_nocase(code, SLICE("Success")))
        flow_fail(f, false, "%s: %.*s: %.*s", f->doing, SLICE_ARG(code),
                  SLICE_ARG(json_get_slice(v, "Message")));
    else
        flow_found_json(f, v, "Token");
    extend(f);
}

void flow_instance(struct aws_flow *f, const struct aws_result *r)
{
    switch (f->stage) {
    case SESSION: take_session(f, r); break;
    case ROLE: take_role(f, r); break;
    case CREDENTIALS: take_instance(f, r); break;
    default: ask_session(f);
    }
}
