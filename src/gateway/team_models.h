#ifndef GATEWAY_TEAM_MODELS_H
#define GATEWAY_TEAM_MODELS_H

/* Models of one team (model_info.team_id), which its admins manage themselves. Such a model is
 * stored under a name of its own, "model_name_{team_id}_{uuid}", and keys of the team ask for it by
 * its name inside the team (model_info.team_public_model_name), which goes before a model of that
 * name for all. To others it is not there.
 *
 * What an admin of a team may say is a list of what is harmless: such a model calls Bedrock with
 * credentials that stand in its own litellm_params, never with what the gateway has. */

#include "admin.h"

/* Whether the caller may have such a model, `name` being its name inside the team. Admins of the
 * proxy may have any. False: 403 or 400, see ex->failure. */
bool team_model_may_have(struct exchange *ex, struct slice team, struct slice name,
                         yyjson_val *params, yyjson_val *info);

/* The caller is an admin of the proxy, or of that team. False: 403, see ex->failure. */
bool team_model_may_manage(struct exchange *ex, struct slice team);

/* litellm_params without a way to the gateway's own Bedrock API key. */
yyjson_val *team_model_params(struct exchange *ex, yyjson_val *params);

/* model_info with team and name. */
yyjson_val *team_model_info(struct exchange *ex, yyjson_val *info, struct slice team,
                            struct slice name);

struct slice team_model_make_name(struct slice team, struct arena *a);

/* The team's own list of models gets a name, and loses another one (empty: none). A list that is
 * empty allows all models, and stays so; one that would become empty gets "no-default-models". The
 * statement expects the team to be as it was read. False: nothing changes. */
bool team_model_list(struct exchange *ex, struct store_job *job, const struct store_rows *team,
                     struct slice more, struct slice less);

/* Another model of the team, of that name, than the one of that id. */
bool team_model_is_other(const struct exchange *ex, struct slice team, struct slice name,
                         struct slice id);

/* What a team that is deleted had: `models` are the rows read by the first. */
size_t team_models_select(struct store_job *job, struct slice team);
void team_models_delete(struct exchange *ex, struct store_job *job, const struct store_rows *models,
                        struct slice team);

#endif
