#ifndef GATEWAY_KEY_ACCESS_H
#define GATEWAY_KEY_ACCESS_H

/* Who may see and change which keys: proxy admins all, their viewers see all; users those with
 * their user_id, admins of teams and of organizations those of their teams (access.h); any key may
 * look at itself. Refusals are set in the exchange. */

#include "exchange.h"

/* What names a key, in the clear ("sk-…") or by its hash → its hash. False: it cannot be one. */
bool key_hash(struct slice key, char hash[KEY_HASH_SIZE]);

void key_refuse_missing(struct exchange *ex, const char *text);

/* Whether the caller may do as it likes with keys (`change`), or may see all of them. */
bool key_is_admin(const struct exchange *ex, bool change);

/* Of a row of LiteLLM_VerificationToken. False: 403 is set. */
bool key_may_see(struct exchange *ex, const struct store_rows *rows, size_t row);
bool key_may_change(struct exchange *ex, const struct store_rows *rows, size_t row);

/* Whether a caller that is no proxy admin may say that of a new key, or of one that is changed; the
 * owner of a new one comes out in `owner` (p == NULL: as the body says); `rows`: of the one that is
 * changed. False: 403 is set. */
bool key_may_make(struct exchange *ex, yyjson_val *body, struct slice *owner);
bool key_may_say(struct exchange *ex, yyjson_val *body, const struct store_rows *rows, size_t row);

/* Whether a body has no other members than those. False: 403 is set. */
bool key_may_say_only(struct exchange *ex, yyjson_val *body, const char *const *names);

#endif
