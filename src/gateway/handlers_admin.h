#ifndef GATEWAY_HANDLERS_ADMIN_H
#define GATEWAY_HANDLERS_ADMIN_H

/* The management routes, as LiteLLM answers them; routes_admin.h has their paths. */

#include "exchange.h"

struct admin_fields; /* what clients may say of such things: */
extern const struct admin_fields customer_fields, organization_fields, tag_fields;

/* handlers_budgets.c */
void handle_budget_new(struct exchange *ex, struct buf *body);
void handle_budget_update(struct exchange *ex, struct buf *body);
void handle_budget_info(struct exchange *ex, struct buf *body);
void handle_budget_list(struct exchange *ex, struct buf *body);
void handle_budget_delete(struct exchange *ex, struct buf *body);
void handle_budget_settings(struct exchange *ex, struct buf *body);

/* handlers_customers.c */
void handle_customer_new(struct exchange *ex, struct buf *body);
void handle_customer_update(struct exchange *ex, struct buf *body);
void handle_customer_info(struct exchange *ex, struct buf *body);
void handle_customer_list(struct exchange *ex, struct buf *body);
void handle_customer_delete(struct exchange *ex, struct buf *body);
void handle_customer_block(struct exchange *ex, struct buf *body); /* and unblock */

/* handlers_tags.c */
void handle_tag_new(struct exchange *ex, struct buf *body);
void handle_tag_update(struct exchange *ex, struct buf *body);
void handle_tag_info(struct exchange *ex, struct buf *body);
void handle_tag_list(struct exchange *ex, struct buf *body);
void handle_tag_delete(struct exchange *ex, struct buf *body);

/* handlers_users.c */
void handle_user_new(struct exchange *ex, struct buf *body);
void handle_user_info(struct exchange *ex, struct buf *body);
void handle_user_info_v2(struct exchange *ex, struct buf *body);

/* handlers_users_change.c */
void handle_user_update(struct exchange *ex, struct buf *body);
void handle_user_bulk_update(struct exchange *ex, struct buf *body);
void handle_user_delete(struct exchange *ex, struct buf *body);

/* handlers_users_list.c */
void handle_user_list(struct exchange *ex, struct buf *body);
void handle_user_filter(struct exchange *ex, struct buf *body);
void handle_user_roles(struct exchange *ex, struct buf *body);

/* handlers_invitations.c: links by which a user gets a password */
void handle_invitation_new(struct exchange *ex, struct buf *body);
void handle_invitation_info(struct exchange *ex, struct buf *body);
void handle_invitation_update(struct exchange *ex, struct buf *body);
void handle_invitation_delete(struct exchange *ex, struct buf *body);
void handle_onboarding(struct exchange *ex, struct buf *body);
void handle_onboarding_claim(struct exchange *ex, struct buf *body);

/* handlers_team_callbacks.c: /team/{team_id}/callback…, /team/{team_id}/disable_logging */
void handle_team_callback(struct exchange *ex, struct buf *body);

/* handlers_teams.c */
void handle_team_new(struct exchange *ex, struct buf *body);
void handle_team_delete(struct exchange *ex, struct buf *body);
void handle_team_change(struct exchange *ex, struct buf *body); /* update, block, model/add, … */

/* handlers_teams_list.c */
void handle_team_info(struct exchange *ex, struct buf *body);
void handle_team_list(struct exchange *ex, struct buf *body);
void handle_team_list_v2(struct exchange *ex, struct buf *body);
void handle_team_permissions(struct exchange *ex, struct buf *body);
void handle_team_schema(struct exchange *ex, struct buf *body);
void handle_team_available(struct exchange *ex, struct buf *body);

/* handlers_members.c */
void handle_member_add(struct exchange *ex, struct buf *body);
void handle_member_update(struct exchange *ex, struct buf *body);
void handle_member_delete(struct exchange *ex, struct buf *body);

/* handlers_organizations.c */
void handle_organization_new(struct exchange *ex, struct buf *body);
void handle_organization_update(struct exchange *ex, struct buf *body);
void handle_organization_info(struct exchange *ex, struct buf *body);
void handle_organization_list(struct exchange *ex, struct buf *body);
void handle_organization_delete(struct exchange *ex, struct buf *body);

/* handlers_organization_members.c */
void handle_organization_member_add(struct exchange *ex, struct buf *body);
void handle_organization_member_update(struct exchange *ex, struct buf *body);
void handle_organization_member_delete(struct exchange *ex, struct buf *body);

/* handlers_model_change.c */
void handle_model_new(struct exchange *ex, struct buf *body);
void handle_model_update(struct exchange *ex, struct buf *body);
void handle_model_block(struct exchange *ex, struct buf *body);

void handle_credential_new(struct exchange *ex, struct buf *body);
void handle_credentials(struct exchange *ex, struct buf *body);
void handle_credential(struct exchange *ex, struct buf *body);
void handle_credential_of_model(struct exchange *ex, struct buf *body);
void handle_credential_update(struct exchange *ex, struct buf *body);
void handle_credential_delete(struct exchange *ex, struct buf *body);
void handle_model_delete(struct exchange *ex, struct buf *body);

/* handlers_audit.c */
void handle_audit(struct exchange *ex, struct buf *body);
void handle_audit_one(struct exchange *ex, struct buf *body);

/* handlers_config.c */
void handle_config_update(struct exchange *ex, struct buf *body);
void handle_config_field_change(struct exchange *ex, struct buf *body); /* update, delete */
void handle_config_field_info(struct exchange *ex, struct buf *body);
void handle_config_list(struct exchange *ex, struct buf *body);

/* handlers_allowed_ips.c */
void handle_allowed_ips(struct exchange *ex, struct buf *body);
void handle_allowed_ip_add(struct exchange *ex, struct buf *body);
void handle_allowed_ip_delete(struct exchange *ex, struct buf *body);

/* handlers_pass.c */
void handle_pass_endpoints(struct exchange *ex, struct buf *body);
void handle_pass_endpoint_new(struct exchange *ex, struct buf *body);
void handle_pass_endpoint_update(struct exchange *ex, struct buf *body);
void handle_pass_endpoint_delete(struct exchange *ex, struct buf *body);

/* Whether the database may hold models and settings. False: the failure is set. */
bool admin_may_store(struct exchange *ex);

#endif
