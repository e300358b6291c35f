/* What a profile of the shared files is set up for.
 *
 * Happy path: a role (role_arn without a web identity) with its source; else a web identity, SSO,
 * keys of the credentials file, a credential_process, keys of the config file. A source profile is
 * looked at in the same way, and may be a role again.
 *
 * Failure modes: a profile that somebody named and no file has; a role without a source, with two,
 * or with one that leads in a circle; a role that asks for MFA (nobody is there to type it); SSO by
 * halves. */

#include "identity_private.h"

static struct slice get(struct finder *f, struct slice profile, const char *key)
{
    return aws_profile_get(f->s->shared, profile, key);
}

/* Names of profiles are cut for messages. */
#define NAME_ARG(s) (int)((s).n < 64 ? (s).n : 64), (s).n ? (s).p : ""

static const char *profile_name(struct finder *f, struct slice profile)
{
    return arena_printf(f->s->arena, "profile %.*s", NAME_ARG(profile)).p;
}

static bool has_keys(struct finder *f, struct slice profile)
{
    return get(f, profile, "aws_access_key_id").p || get(f, profile, "aws_secret_access_key").p;
}

static bool is_role(struct finder *f, struct slice profile)
{
    return get(f, profile, "role_arn").n && !get(f, profile, "web_identity_token_file").n;
}

/* ---- roles --------------------------------------------------------------------------------- */

static struct aws_identity *named_source(struct finder *f, struct slice profile, struct slice name)
{
    struct aws_identity *id = NULL;
    if (slice_eq_nocase(name, SLICE("Environment")))
        id = find_env_keys(f);
    else if (slice_eq_nocase(name, SLICE("EcsContainer")))
        id = find_container(f);
    else if (slice_eq_nocase(name, SLICE("Ec2InstanceMetadata")))
        id = find_instance(f);
    else
        return finder_fault(f,
                            "profile %.*s: credential_source must be Environment, EcsContainer or "
                            "Ec2InstanceMetadata",
                            NAME_ARG(profile));
    return id ? id
              : finder_fault(f,
                             "profile %.*s: its credential_source %.*s has no credentials (%.*s)",
                             NAME_ARG(profile), NAME_ARG(name), SLICE_ARG(f->tried));
}

static bool was_visited(const struct finder *f, struct slice profile)
{
    for (unsigned i = 0; i < f->visited_count; i++)
        if (slice_eq(f->visited[i], profile))
            return true;
    return false;
}

static bool may_visit(struct finder *f, struct slice from, struct slice to)
{
    bool itself = slice_eq(from, to) && has_keys(f, to);
    if (!aws_profile_exists(f->s->shared, to))
        finder_fault(f, "profile %.*s: its source_profile %.*s does not exist", NAME_ARG(from),
                     NAME_ARG(to));
    else if ((was_visited(f, to) && !itself) || f->visited_count == SOURCE_PROFILES_MAX)
        finder_fault(f, "profile %.*s: its source_profile %.*s leads in a circle, or too far",
                     NAME_ARG(from), NAME_ARG(to));
    return !f->fault->text;
}

static struct aws_identity *profile_source(struct finder *f, struct slice from, struct slice to)
{
    struct aws_identity *id;
    if (!may_visit(f, from, to))
        return NULL;
    if (has_keys(f, to) || !is_role(f, to))
        id = find_profile_rest(f, to, false);
    else
        id = find_profile_role(f, to);
    if (!id)
        finder_fault(f, "profile %.*s: its source_profile %.*s has no credentials", NAME_ARG(from),
                     NAME_ARG(to));
    return id;
}

static struct aws_identity *role_source(struct finder *f, struct slice profile)
{
    struct slice from = get(f, profile, "source_profile");
    struct slice named = get(f, profile, "credential_source");
    if (from.n && named.n)
        return finder_fault(f, "profile %.*s has both source_profile and credential_source",
                            NAME_ARG(profile));
    if (get(f, profile, "mfa_serial").n)
        return finder_fault(f,
                            "profile %.*s asks for MFA (mfa_serial), which a gateway cannot give",
                            NAME_ARG(profile));
    if (named.n)
        return named_source(f, profile, named);
    if (from.n)
        return profile_source(f, profile, from);
    return finder_fault(f,
                        "profile %.*s has a role_arn, but no source_profile or credential_source",
                        NAME_ARG(profile));
}

static struct slice seconds(struct finder *f, struct slice profile)
{
    int64_t value;
    struct slice text = get(f, profile, "duration_seconds");
    return slice_to_i64(text, &value) && value > 0 ? text : (struct slice){0};
}

struct aws_identity *find_profile_role(struct finder *f, struct slice profile)
{
    if (!is_role(f, profile))
        return NULL;
    if (f->visited_count < SOURCE_PROFILES_MAX)
        f->visited[f->visited_count++] = profile;
    struct aws_identity *source = role_source(f, profile);
    if (!source)
        return NULL;
    struct aws_identity *id = identity_new(f, AWS_ROLE, profile_name(f, profile));
    id->text[AWS_ROLE_ARN] = get(f, profile, "role_arn");
    id->text[AWS_SESSION_NAME] = get(f, profile, "role_session_name");
    id->text[AWS_EXTERNAL_ID] = get(f, profile, "external_id");
    id->text[AWS_DURATION] = seconds(f, profile);
    id->source = source;
    identity_set_sts(f, id, profile);
    return id;
}

/* ---- web identity -------------------------------------------------------------------------- */

static struct slice web_setting(struct finder *f, struct slice profile, bool with_env,
                                const char *variable, const char *key)
{
    struct slice own = with_env ? finder_env(f, variable) : (struct slice){0};
    return own.n ? own : get(f, profile, key);
}

static struct aws_identity *find_web_identity(struct finder *f, struct slice profile, bool with_env)
{
    struct slice file =
        web_setting(f, profile, with_env, "AWS_WEB_IDENTITY_TOKEN_FILE", "web_identity_token_file");
    struct slice role = web_setting(f, profile, with_env, "AWS_ROLE_ARN", "role_arn");
    bool from_env = with_env && finder_env(f, "AWS_WEB_IDENTITY_TOKEN_FILE").n;
    if (!file.n)
        return NULL;
    if (!role.n)
        return finder_fault(f,
                            "a web identity token file without a role: AWS_ROLE_ARN (role_arn of "
                            "a profile) is missing");
    struct aws_identity *id = identity_new(
        f, AWS_WEB_IDENTITY, from_env ? "AWS_WEB_IDENTITY_TOKEN_FILE" : profile_name(f, profile));
    id->text[AWS_TOKEN_FILE] = file;
    id->text[AWS_ROLE_ARN] = role;
    id->text[AWS_SESSION_NAME] =
        web_setting(f, profile, with_env, "AWS_ROLE_SESSION_NAME", "role_session_name");
    identity_set_sts(f, id, profile);
    return id;
}

/* ---- SSO ----------------------------------------------------------------------------------- */

/* Of the profile, or of the session it names; they may not differ. */
static struct slice sso_get(struct finder *f, struct slice profile, struct slice session,
                            const char *key)
{
    struct slice own = get(f, profile, key), shared = {0};
    if (session.n)
        shared = aws_section_get(f->s->shared, "sso-session", session, key);
    if (own.n && shared.n && !slice_eq(own, shared))
        finder_fault(f, "profile %.*s: %s is not that of its sso-session", NAME_ARG(profile), key);
    struct slice found = own.n ? own : shared;
    if (!found.n)
        finder_fault(f, "profile %.*s is set up for SSO, but %s is missing", NAME_ARG(profile),
                     key);
    return found;
}

static struct slice sso_url(struct finder *f, const char *service, const char *label,
                            struct slice region)
{
    struct slice url = aws_search_endpoint(f->s, service);
    while (url.n && url.p[url.n - 1] == '/')
        url.n--;
    return url.n ? url : slice_of(aws_endpoint(label, region, aws_search_style(f->s), f->s->arena));
}

static struct aws_identity *find_sso(struct finder *f, struct slice profile)
{
    struct slice session = get(f, profile, "sso_session");
    if (!get(f, profile, "sso_role_name").n && !get(f, profile, "sso_account_id").n)
        return NULL;
    if (session.n && !aws_section_exists(f->s->shared, "sso-session", session))
        return finder_fault(f, "profile %.*s: there is no sso-session %.*s", NAME_ARG(profile),
                            NAME_ARG(session));
    struct aws_identity *id = identity_new(f, AWS_SSO, profile_name(f, profile));
    struct slice region = sso_get(f, profile, session, "sso_region");
    id->text[AWS_SSO_REGION] = region;
    id->text[AWS_SSO_SESSION] = session;
    id->text[AWS_SSO_START_URL] = sso_get(f, profile, session, "sso_start_url");
    id->text[AWS_SSO_ACCOUNT] = sso_get(f, profile, session, "sso_account_id");
    id->text[AWS_SSO_ROLE] = sso_get(f, profile, session, "sso_role_name");
    if (f->fault->text)
        return NULL;
    id->text[AWS_SSO_URL] = sso_url(f, "SSO", "portal.sso", region);
    id->text[AWS_SSO_OIDC_URL] = sso_url(f, "SSO_OIDC", "oidc", region);
    id->text[AWS_SSO_FOLDER] =
        ARENA_JOIN(f->s->arena, finder_env(f, "HOME"), SLICE("/.aws/sso/cache"));
    return id;
}

/* ---- the rest ------------------------------------------------------------------------------ */

static struct aws_identity *find_file_keys(struct finder *f, struct slice profile,
                                           enum aws_file which)
{
    const struct aws_shared *s = f->s->shared;
    struct slice token = aws_profile_get_from(s, which, profile, "aws_security_token");
    if (!token.n)
        token = aws_profile_get_from(s, which, profile, "aws_session_token");
    struct aws_credentials keys = {aws_profile_get_from(s, which, profile, "aws_access_key_id"),
                                   aws_profile_get_from(s, which, profile, "aws_secret_access_key"),
                                   token};
    return identity_keys(f, keys, profile_name(f, profile));
}

static struct aws_identity *find_process(struct finder *f, struct slice profile)
{
    struct slice command = get(f, profile, "credential_process");
    if (!command.n)
        return NULL;
    struct aws_identity *id = identity_new(f, AWS_PROCESS, profile_name(f, profile));
    id->text[AWS_COMMAND] = command;
    return id;
}

static void tell_empty(struct finder *f, struct slice profile, bool with_env)
{
    const struct aws_shared *s = f->s->shared;
    const char *one = s->path[AWS_CREDENTIALS_FILE], *other = s->path[AWS_CONFIG_FILE];
    if (!aws_profile_exists(s, profile))
        finder_tried(f, "profile %.*s: neither %s nor %s has it", NAME_ARG(profile),
                     one ? one : "~/.aws/credentials", other ? other : "~/.aws/config");
    else if (get(f, profile, "login_session").n)
        finder_tried(f, "profile %.*s: its login_session (aws login) is not supported",
                     NAME_ARG(profile));
    else
        finder_tried(f, "profile %.*s: it names no credentials", NAME_ARG(profile));
    if (with_env)
        finder_tried(f, "web identity: AWS_WEB_IDENTITY_TOKEN_FILE is not set");
}

struct aws_identity *find_profile_rest(struct finder *f, struct slice profile, bool with_env)
{
    struct aws_identity *id = find_web_identity(f, profile, with_env);
    if (!id && !f->fault->text)
        id = find_sso(f, profile);
    if (!id && !f->fault->text)
        id = find_file_keys(f, profile, AWS_CREDENTIALS_FILE);
    if (!id && !f->fault->text)
        id = find_process(f, profile);
    if (!id && !f->fault->text)
        id = find_file_keys(f, profile, AWS_CONFIG_FILE);
    if (!id && !f->fault->text)
        tell_empty(f, profile, with_env);
    return id;
}
