#ifndef GATEWAY_LOGIN_H
#define GATEWAY_LOGIN_H

/* Logging in at the admin UI, whichever way: by what the settings say, by an address and password,
 * a virtual key, an invitation, or single sign-on. What is common to them: the session's cookie and
 * what the page is told, and the tries of an address. */

#include "ask.h"
#include "session.h"

#define LOGIN_ADMIN "default_user_id" /* LiteLLM's name for who knows the settings' password */

#define LOGIN_FOR_ADMINS "The admin UI is for admins of the proxy only (ui_access_mode)."

/* Somebody who logs in, or wants to. */
struct login {
    struct slice name, word; /* as they were typed */
    bool right;
    enum session_kind kind;
    struct slice id;         /* of the session: see session.h */
    struct slice user, role; /* whose it is, and LiteLLM's role of theirs */
    answer_next *then;       /* of login_find */
    struct shared_ask ask;   /* a question to the shared state, and its answer: */
    struct shared_grant grant;
    bool asking, refused, taken;
    int64_t wait_ms;
};

/* ex->own.state, made at the first call. */
struct login *login_of(struct exchange *ex);

/* Sets the cookie, and tells the page who that is. */
void login_let_in(struct exchange *ex, struct buf *body);
/* Only the cookie. */
struct slice login_cookie(struct exchange *ex);
/* The session of a request's cookie. False: there is none. */
bool login_session(struct exchange *ex, struct session *s);
void login_tell(struct exchange *ex, struct slice user, struct slice role, struct slice session,
                struct buf *body);
bool login_is_secure(const struct exchange *ex); /* the client came by TLS */
struct slice login_secret(const struct exchange *ex);
/* What the settings say, and whether that is the well-known password of tutorials. */
struct slice login_name(const struct settings *s);
struct slice login_password(const struct settings *s);
bool login_is_sample(const struct settings *s);
void login_refuse(struct exchange *ex, enum failure_kind kind, int status, const char *why);

/* Asks the shared state l->ask, and waits as ask_wait. */
void login_ask(struct exchange *ex, answer_next *next);
/* One more try of the client's address; too many: the failure is set in `next` by login_may_try. */
void login_count(struct exchange *ex, answer_next *next);
bool login_may_try(struct exchange *ex);
void login_give_back(struct exchange *ex); /* it was right: no try */

/* Whether a session has ended (units 0), or that it does (1). */
struct shared_ask login_ended(struct slice nonce, int64_t units, struct arena *a);

/* login_user.c: asks the database for name and word, or for the key that `word` is, and calls
 * l->then. A failure may be set. */
void login_find(struct exchange *ex);

/* LiteLLM's, of somebody who has none. */
struct slice login_role(struct slice role);

#endif
