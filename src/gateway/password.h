#ifndef GATEWAY_PASSWORD_H
#define GATEWAY_PASSWORD_H

/* Passwords of users, in LiteLLM's forms: "scrypt:" and base64 of salt and key; what was stored by
 * older ones is the password's SHA-256. scrypt takes its time by design, so it runs on another
 * thread; at most PASSWORD_JOBS_MAX at once in a process. */

#include "ask.h"

#define PASSWORD_MAX      1024 /* bytes */
#define PASSWORD_JOBS_MAX 16

/* Waits as ask_wait: whether `word` is the password that is stored; nothing stored (p == NULL)
 * takes as long and is no. Too many at once: the failure is set (503). */
void password_check(struct exchange *ex, struct slice stored, struct slice word, answer_next *next);

/* Likewise, how a new one is stored. */
void password_seal(struct exchange *ex, struct slice word, answer_next *next);

/* In that `next`. */
bool password_is_right(const struct exchange *ex);
struct slice password_sealed(struct exchange *ex); /* in the arena */

/* The member "password" of a body, by the policy of the settings. False: the failure is set.
 * Not there: p == NULL. */
bool password_read(struct exchange *ex, yyjson_val *body, struct slice *word);

#endif
