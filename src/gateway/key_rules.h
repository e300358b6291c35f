#ifndef GATEWAY_KEY_RULES_H
#define GATEWAY_KEY_RULES_H

/* What the configuration says of new keys: default_key_generate_params,
 * upperbound_key_generate_params, key_generation_settings, disable_custom_api_keys,
 * default_team_disabled, enable_key_alias_format_validation, key_alias_pattern. */

#include "admin.h"

/* Whether the caller may make such a key, in the words of key_generation_settings. `team_role`: the
 * caller's in the team that the body names ("admin", "user"; empty: it is not in it). Admins of the
 * proxy are let into every team. False: see ex->failure. */
bool key_rules_allow(struct exchange *ex, yyjson_val *body, struct slice team_role);

/* The body of a new key with what is given unless said otherwise, and, where it says nothing else,
 * with the most that it may have. NULL: it wants more; see ex->failure. */
yyjson_val *key_rules_complete(struct exchange *ex, yyjson_val *body);

/* Whether a client may choose the text of a key. False: see ex->failure. */
bool key_rules_own_text(struct exchange *ex);

/* Whether the body of a change stays below the most, and its alias looks as one has to, where it is
 * another one than `alias`, the key's so far. False: see ex->failure. */
bool key_rules_bound(struct exchange *ex, yyjson_val *body, struct slice alias);

/* Two keys may not have one alias, as in LiteLLM. The first statements of a job that writes this
 * key: the job is undone where another key has the alias that the body gives it. */
void key_rules_claim_alias(struct store_job *job, yyjson_val *body, struct slice hash);
/* Of such a job that has ended: whether that is why nothing was written; see ex->failure. */
bool key_rules_alias_taken(struct exchange *ex, yyjson_val *body);

#endif
