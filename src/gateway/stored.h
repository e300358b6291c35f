#ifndef GATEWAY_STORED_H
#define GATEWAY_STORED_H

/* What the database adds to the configuration file (general_settings.store_model_in_db): models
 * (LiteLLM_ProxyModelTable), credentials that they name (LiteLLM_CredentialsTable) and settings
 * (LiteLLM_Config: litellm_settings, router_settings; of general_settings the lists allowed_ips and
 * pass_through_endpoints).
 *
 * The file is the authority for what it says: its models keep their ids, its settings their values.
 * The rest is put behind it, and the whole is read as on SIGHUP, checked, and swapped in at once. A
 * model or setting that cannot be used is left out and told in the log; the others hold. Changes of
 * other gateways come within a second, those of LiteLLM on the same database within
 * proxy_config_reload_interval_seconds.
 *
 * Strings of litellm_params and credential_values lie in the database sealed (wire/secretbox.h), as
 * LiteLLM seals them; what does not open with our salt key is taken as it is. */

#include "config/config.h"
#include "state/store.h"

#define STORED_WAIT_MS 5000 /* for the database, before the first client is let in */

struct worker;
struct stored;

struct stored *stored_new(struct worker *w); /* of a worker with a store */
void stored_free(struct stored *s);          /* before the store; NULL is fine */

/* Runs the loop until the database has answered, or failed to, at most STORED_WAIT_MS; then what it
 * said to the gateway before holds until it answers (stored_copy.h). */
void stored_await(struct stored *s);

/* The file read again, with these secrets and what the database said last. NULL: it is not usable,
 * see the log. `s` NULL: the file alone. */
struct config *stored_reread(struct stored *s, struct worker *w, struct secrets *secrets);

/* Asks for all of it; and what came for these statements takes effect, from the second step on. */
size_t stored_select(struct store_job *job);
void stored_take(struct stored *s, const struct store_job *job, size_t statement);

/* One thing that somebody wants to store, in the clear. */
struct stored_change {
    const char *section; /* "model_list", "credential_list", "litellm_settings", "router_settings",
                            "allowed_ips", "pass_through_endpoints" */
    struct slice name; /* id of the model or endpoint, name of the credential or setting, address */
    struct slice json; /* of the entry, or the value */
};

/* Whether the configuration would be usable with it, in the place of what has the same name.
 * Empty: yes; else what is wrong with it, for people, in the arena. */
struct slice stored_check(struct stored *s, const struct stored_change *change, struct arena *a);

/* A model's entry, as it would stand in the file. `params` and `info`: objects or NULL. */
struct slice stored_model_json(struct slice id, struct slice name, yyjson_val *params,
                               yyjson_val *info, bool blocked, struct arena *a);

/* A credential's entry likewise. `values`: an object. */
struct slice stored_credential_json(struct slice name, yyjson_val *values, yyjson_val *info,
                                    struct arena *a);

/* Seals what lies in the database; empty: there is none. */
struct slice stored_salt_key(const struct config *c);

/* litellm_params, or credential_values, with its strings sealed, or opened. */
struct slice stored_seal(const struct config *c, yyjson_val *params, struct arena *a);
yyjson_val *stored_open(const struct config *c, struct slice params, struct arena *a);

#endif
