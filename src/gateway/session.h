#ifndef GATEWAY_SESSION_H
#define GATEWAY_SESSION_H

/* Logins of the admin UI. Who showed the right name and password gets a text that says who they
 * are and until when, signed with the master key: every worker and gateway that has the key knows
 * it, nothing is kept, and a new master key ends all of them. The browser has it as a cookie that
 * scripts cannot read and other sites cannot send; a request that changes something shows a second
 * text, made of the first, which only the page itself knows. Pure, but for random bytes. */

#include "base/arena.h"
#include "base/slice.h"
#include "wire/http1.h"

#define SESSION_MS     (INT64_C(12) * 60 * 60 * 1000)
#define SESSION_COOKIE "lintel_session"
#define SESSION_CSRF   "x-csrf-token"

/* Who acts in it. */
enum session_kind {
    SESSION_MASTER, /* who knows the settings' password: as the master key does */
    SESSION_USER,   /* the user of that id */
    SESSION_KEY,    /* the holder of the virtual key with that hash */
    SESSION_KINDS
};

struct session {
    enum session_kind kind;
    struct slice id;    /* in the arena */
    int64_t until;      /* ms since 1970 */
    struct slice nonce; /* of this one alone, when it was read */
};

/* In the arena. */
struct slice session_write(const struct session *s, struct slice secret, struct arena *a);

/* False: it is none of ours, or over. */
bool session_read(struct slice text, struct slice secret, int64_t now, struct arena *a,
                  struct session *s);

/* What a request of that session shows that changes something. In the arena. */
struct slice session_csrf(struct slice text, struct slice secret, struct arena *a);

/* A cookie of the request; p == NULL: there is none. */
struct slice session_find_cookie(const struct http_head *head, struct slice name);
/* The session's text, as the request brings it; empty: none. */
struct slice session_cookie(const struct http_head *head);

/* The value of Set-Cookie; an empty text ends the session. `secure`: the client came by TLS. */
struct slice session_set_cookie(struct slice text, bool secure, struct arena *a);

#endif
