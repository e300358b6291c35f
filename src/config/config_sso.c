#include "config_loader.h"

static const char *variable(struct config_loader *l, const char *name, const char *otherwise)
{
    const char *value = config_env(l, name);
    return value && *value ? arena_strdup(&l->c->arena, slice_of(value)) : otherwise;
}

static bool is_true(struct config_loader *l, const char *name)
{
    const char *value = config_env(l, name);
    return value && slice_eq_nocase(slice_of(value), SLICE("true"));
}

static bool is_url(const char *text)
{
    return slice_starts(slice_of(text), SLICE("https://")) ||
           slice_starts(slice_of(text), SLICE("http://"));
}

/* What is missing says why nobody can log in so. */
static void check(struct config_loader *l)
{
    const struct config_path path = {.key = SLICE("GENERIC_CLIENT_ID")};
    struct sso *s = &l->c->sso;
    const struct {
        const char *name, *value;
        bool url;
    } needed[] = {{"GENERIC_CLIENT_SECRET", s->client_secret, false},
                  {"GENERIC_AUTHORIZATION_ENDPOINT", s->authorization_endpoint, true},
                  {"GENERIC_TOKEN_ENDPOINT", s->token_endpoint, true},
                  {"GENERIC_USERINFO_ENDPOINT", s->userinfo_endpoint, true}};
    s->on = true;
    for (size_t i = 0; i < sizeof(needed) / sizeof(*needed); i++) {
        if (needed[i].value && (!needed[i].url || is_url(needed[i].value)))
            continue;
        s->on = false;
        config_warn(l, config_place(NULL, &path),
                    "it is set, but %s is not%s: nobody logs in by single sign-on", needed[i].name,
                    needed[i].url ? " an http(s) URL" : "");
    }
}

void config_read_sso(struct config_loader *l)
{
    struct sso *s = &l->c->sso;
    s->client_id = variable(l, "GENERIC_CLIENT_ID", NULL);
    s->client_secret = variable(l, "GENERIC_CLIENT_SECRET", NULL);
    s->authorization_endpoint = variable(l, "GENERIC_AUTHORIZATION_ENDPOINT", NULL);
    s->token_endpoint = variable(l, "GENERIC_TOKEN_ENDPOINT", NULL);
    s->userinfo_endpoint = variable(l, "GENERIC_USERINFO_ENDPOINT", NULL);
    s->scope = variable(l, "GENERIC_SCOPE", "openid email profile");
    s->id_attribute = variable(l, "GENERIC_USER_ID_ATTRIBUTE", "preferred_username");
    s->email_attribute = variable(l, "GENERIC_USER_EMAIL_ATTRIBUTE", "email");
    s->name_attribute = variable(l, "GENERIC_USER_DISPLAY_NAME_ATTRIBUTE", "sub");
    s->role_attribute = variable(l, "GENERIC_USER_ROLE_ATTRIBUTE", "role");
    s->base_url = variable(l, "PROXY_BASE_URL", NULL);
    s->email_domains = variable(l, "ALLOWED_EMAIL_DOMAINS", NULL);
    s->admin_id = variable(l, "PROXY_ADMIN_ID", NULL);
    s->client_id_in_body = is_true(l, "GENERIC_INCLUDE_CLIENT_ID");
    if (s->client_id)
        check(l);
}
