#ifndef CONFIG_SSO_H
#define CONFIG_SSO_H

/* Single sign-on at the admin UI with an OpenID Connect provider: LiteLLM's GENERIC_… variables. */

#include "base/slice.h"

struct sso {
    bool on; /* all that it needs is there */
    const char *client_id, *client_secret;
    const char *authorization_endpoint, *token_endpoint, *userinfo_endpoint;
    const char *scope;        /* "openid email profile" */
    const char *id_attribute; /* of the user's claims; "a.b" leads into objects … */
    const char *email_attribute, *name_attribute, *role_attribute;
    const char *base_url;      /* PROXY_BASE_URL; NULL: as the client came */
    const char *email_domains; /* ALLOWED_EMAIL_DOMAINS, "a.com,b.com"; NULL: any */
    const char *admin_id;      /* PROXY_ADMIN_ID; NULL: nobody */
    bool client_id_in_body;    /* GENERIC_INCLUDE_CLIENT_ID */
};

#endif
