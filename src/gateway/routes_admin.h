/* Rows of the table of routes: management. */

#define ADMIN(method, path, handler)                                                               \
    {                                                                                              \
        method, path, false, CHAT, handler, .admin = true                                          \
    }
/* Others too, for what the request names. */
#define ALSO(method, path, handler, who)                                                           \
    {                                                                                              \
        method, path, false, CHAT, handler, .admin = true, .also = (who)                           \
    }
#define TEAM_ADMIN  ACCESS_TEAM_ADMIN
#define TEAM_MEMBER ACCESS_TEAM_MEMBER
#define ORG_ADMIN   ACCESS_ORG_ADMIN
/* clang-format off */
    ADMIN("POST", "/budget/new", handle_budget_new),
    ADMIN("POST", "/budget/update", handle_budget_update),
    ADMIN("POST", "/budget/info", handle_budget_info),
    ADMIN("GET", "/budget/list", handle_budget_list),
    ADMIN("GET", "/budget/settings", handle_budget_settings),
    ADMIN("POST", "/budget/delete", handle_budget_delete),
    ADMIN("POST", "/customer/new", handle_customer_new),
    ADMIN("POST", "/customer/update", handle_customer_update),
    ADMIN("GET", "/customer/info", handle_customer_info),
    ADMIN("GET", "/customer/list", handle_customer_list),
    ADMIN("POST", "/customer/delete", handle_customer_delete),
    ADMIN("POST", "/customer/block", handle_customer_block),
    ADMIN("POST", "/customer/unblock", handle_customer_block),
    ADMIN("POST", "/end_user/new", handle_customer_new),
    ADMIN("POST", "/end_user/update", handle_customer_update),
    ADMIN("GET", "/end_user/info", handle_customer_info),
    ADMIN("GET", "/end_user/list", handle_customer_list),
    ADMIN("POST", "/end_user/delete", handle_customer_delete),
    ADMIN("POST", "/end_user/block", handle_customer_block),
    ADMIN("POST", "/end_user/unblock", handle_customer_block),
    ADMIN("POST", "/tag/new", handle_tag_new),
    ADMIN("POST", "/tag/update", handle_tag_update),
    ADMIN("POST", "/tag/info", handle_tag_info),
    {"GET", "/tag/list", false, CHAT, handle_tag_list, .admin = true, .own_keys = true},
    ADMIN("POST", "/tag/delete", handle_tag_delete),
    ALSO("POST", "/user/new", handle_user_new, ORG_ADMIN),
    ALSO("GET", "/user/info", handle_user_info, ACCESS_SELF),
    ALSO("GET", "/v2/user/info", handle_user_info_v2, ACCESS_SELF),
    ADMIN("POST", "/user/update", handle_user_update),
    ADMIN("POST", "/user/bulk_update", handle_user_bulk_update),
    ADMIN("POST", "/user/delete", handle_user_delete),
    ADMIN("GET", "/user/list", handle_user_list),
    ADMIN("GET", "/user/filter/ui", handle_user_filter),
    ALSO("GET", "/user/available_roles", handle_user_roles, ACCESS_SELF),
    ADMIN("POST", "/invitation/new", handle_invitation_new),
    ADMIN("GET", "/invitation/info", handle_invitation_info),
    ADMIN("POST", "/invitation/update", handle_invitation_update),
    ADMIN("POST", "/invitation/delete", handle_invitation_delete),
    ALSO("POST", "/team/new", handle_team_new, ORG_ADMIN),
    ALSO("GET", "/team/info", handle_team_info, TEAM_ADMIN | TEAM_MEMBER | ORG_ADMIN),
    ALSO("GET", "/team/list", handle_team_list, ACCESS_ASKS),
    ALSO("GET", "/v2/team/list", handle_team_list_v2, ACCESS_ASKS),
    ALSO("POST", "/team/update", handle_team_change, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/block", handle_team_change, ORG_ADMIN),
    ALSO("POST", "/team/unblock", handle_team_change, ORG_ADMIN),
    ALSO("POST", "/team/delete", handle_team_delete, ORG_ADMIN),
    ALSO("POST", "/team/model/add", handle_team_change, ORG_ADMIN),
    ALSO("POST", "/team/model/delete", handle_team_change, ORG_ADMIN),
    ALSO("GET", "/team/permissions_list", handle_team_permissions, TEAM_ADMIN | TEAM_MEMBER | ORG_ADMIN),
    ALSO("POST", "/team/permissions_update", handle_team_change, TEAM_ADMIN | ORG_ADMIN),
    ALSO("GET", "/team/metadata_schema", handle_team_schema, ACCESS_SELF),
    ALSO("GET", "/team/available", handle_team_available, ACCESS_SELF),
    ALSO("POST", "/team/member_add", handle_member_add, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/bulk_member_add", handle_member_add, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/member_update", handle_member_update, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/member_delete", handle_member_delete, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/{item}/callback", handle_team_callback, TEAM_ADMIN | ORG_ADMIN),
    ALSO("GET", "/team/{item}/callback", handle_team_callback, TEAM_ADMIN | ORG_ADMIN),
    ALSO("DELETE", "/team/{item}/callback/{name}", handle_team_callback, TEAM_ADMIN | ORG_ADMIN),
    ALSO("POST", "/team/{item}/disable_logging", handle_team_callback, TEAM_ADMIN | ORG_ADMIN),
    ADMIN("POST", "/organization/new", handle_organization_new),
    ADMIN("PATCH", "/organization/update", handle_organization_update),
    ALSO("GET", "/organization/info", handle_organization_info, ORG_ADMIN),
    ALSO("POST", "/organization/info", handle_organization_info, ORG_ADMIN),
    ALSO("GET", "/organization/list", handle_organization_list, ACCESS_ASKS),
    ADMIN("DELETE", "/organization/delete", handle_organization_delete),
    ALSO("POST", "/organization/member_add", handle_organization_member_add, ORG_ADMIN),
    ALSO("PATCH", "/organization/member_update", handle_organization_member_update, ORG_ADMIN),
    ALSO("DELETE", "/organization/member_delete", handle_organization_member_delete, ORG_ADMIN),
    ALSO("POST", "/model/new", handle_model_new, ACCESS_ASKS),
    ALSO("POST", "/model/update", handle_model_update, ACCESS_ASKS),
    ALSO("PATCH", "/model/{model}/update", handle_model_update, ACCESS_ASKS),
    ALSO("POST", "/model/delete", handle_model_delete, ACCESS_ASKS),
    ADMIN("POST", "/model/block", handle_model_block),
    ADMIN("POST", "/model/unblock", handle_model_block),
    ADMIN("POST", "/credentials", handle_credential_new),
    ADMIN("GET", "/credentials", handle_credentials),
    ADMIN("GET", "/credentials/by_name/{item}", handle_credential),
    ADMIN("GET", "/credentials/by_model/{item}", handle_credential_of_model),
    ADMIN("PATCH", "/credentials/{item}", handle_credential_update),
    ADMIN("DELETE", "/credentials/{item}", handle_credential_delete),
    ADMIN("GET", "/audit", handle_audit),
    ADMIN("GET", "/audit/{item}", handle_audit_one),
    ADMIN("POST", "/config/update", handle_config_update),
    ADMIN("GET", "/config/list", handle_config_list),
    ADMIN("GET", "/config/field/info", handle_config_field_info),
    ADMIN("POST", "/config/field/update", handle_config_field_change),
    ADMIN("POST", "/config/field/delete", handle_config_field_change),
/* clang-format on */
#undef ADMIN
#undef ALSO
#undef TEAM_ADMIN
#undef TEAM_MEMBER
#undef ORG_ADMIN
