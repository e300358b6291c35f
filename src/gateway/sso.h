#ifndef GATEWAY_SSO_H
#define GATEWAY_SSO_H

/* OpenID Connect's authorization code flow with PKCE, as far as it is text: where the browser is
 * sent, what the provider is asked, what its answers say. Pure, but for random bytes.
 *
 * All of one attempt hangs on a random state that the browser keeps in a signed cookie and the
 * provider sends back: the code verifier and the nonce are made of it and the master key, so
 * nothing is stored. */

#include "base/json.h"
#include "config/sso.h"
#include "wire/http1.h"

#define SSO_COOKIE "lintel_sso"
#define SSO_MS     (INT64_C(10) * 60 * 1000) /* that an attempt may take */

struct slice sso_state(struct arena *a); /* a new one */

/* The value of Set-Cookie that keeps it; an empty state takes it away. */
struct slice sso_set_cookie(struct slice state, struct slice secret, int64_t now, bool secure,
                            struct arena *a);
/* Whether the request brings the cookie of that state, in time. */
bool sso_is_of_browser(const struct http_head *head, struct slice state, struct slice secret,
                       int64_t now, struct arena *a);

/* Where the browser logs in. */
struct slice sso_location(const struct sso *s, struct slice redirect_uri, struct slice state,
                          struct slice secret, struct arena *a);

/* The body of the question for tokens, and its Authorization. */
struct slice sso_token_form(const struct sso *s, struct slice redirect_uri, struct slice state,
                            struct slice code, struct slice secret, struct arena *a);
struct slice sso_basic(const struct sso *s, struct arena *a);

/* What an id_token claims, which came straight from the provider. NULL: it is for us, for this
 * attempt, and in time; else why not. `subject`: its "sub". */
const char *sso_token_problem(const struct sso *s, struct slice id_token, struct slice state,
                              struct slice secret, int64_t now, struct arena *a,
                              struct slice *subject);

struct sso_user {
    struct slice id, email, name, role; /* empty: not said */
    bool email_unverified;
};

/* Out of the provider's claims. NULL: it may log in; else why not. */
const char *sso_read_user(const struct sso *s, yyjson_val *claims, struct arena *a,
                          struct sso_user *user);

#endif
