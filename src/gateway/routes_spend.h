/* Rows of routes.c: reports of what was spent. */

#define ADMIN(method, path, handler)                                                               \
    {                                                                                              \
        method, path, false, CHAT, handler, .admin = true                                          \
    }
/* Internal users see their own rows there (report_filter_own). */
#define OWN(path, handler)                                                                         \
    {                                                                                              \
        "GET", path, false, CHAT, handler, .admin = true, .own_keys = true                         \
    }
/* clang-format off */
    OWN("/spend/keys", handle_spend_keys),
    OWN("/spend/users", handle_spend_users),
    ADMIN("GET", "/spend/tags", handle_spend_listing),
    {"POST", "/spend/calculate", false, CHAT, handle_spend_calculate},
    /* Of the key that asks, unless an admin does (scope_id). */
    {"GET", "/key/spend/report", false, CHAT, handle_scoped_report},
    {"GET", "/user/spend/report", false, CHAT, handle_scoped_report},
    {"GET", "/team/spend/report", false, CHAT, handle_scoped_report},
    {"GET", "/organization/spend/report", false, CHAT, handle_scoped_report, .admin = true, .also = ACCESS_ASKS},
    OWN("/team/spend/by_user", handle_team_users),
    OWN("/spend/logs", handle_spend_logs),
    OWN("/spend/logs/v2", handle_spend_logs_page),
    OWN("/spend/logs/ui", handle_spend_logs_page),
    OWN("/spend/logs/ui/{item}", handle_spend_log),
    OWN("/spend/logs/session/ui", handle_spend_logs_page),
    OWN("/global/spend", handle_global_spend),
    OWN("/global/spend/logs", handle_spend_listing),
    OWN("/global/spend/models", handle_spend_listing),
    OWN("/global/spend/provider", handle_spend_listing),
    ADMIN("GET", "/global/spend/tags", handle_spend_listing),
    OWN("/global/spend/keys", handle_global_spend_keys),
    ADMIN("GET", "/global/spend/teams", handle_global_teams),
    ADMIN("POST", "/global/spend/end_users", handle_global_end_users),
    ADMIN("GET", "/global/spend/report", handle_global_report),
    ADMIN("GET", "/global/spend/all_tag_names", handle_global_names),
    ADMIN("GET", "/global/all_end_users", handle_global_names),
    ADMIN("POST", "/global/spend/reset", handle_global_reset),
    ADMIN("POST", "/global/spend/refresh", handle_global_refresh),
    ADMIN("GET", "/tag/distinct", handle_tag_distinct),
    ADMIN("GET", "/tag/dau", handle_tag_active),
    ADMIN("GET", "/tag/wau", handle_tag_active),
    ADMIN("GET", "/tag/mau", handle_tag_active),
    ADMIN("GET", "/tag/summary", handle_tag_summary),
    ADMIN("GET", "/tag/user-agent/per-user-analytics", handle_tag_people),
    OWN("/global/activity", handle_global_activity),
    OWN("/global/activity/model", handle_global_activity),
    ADMIN("GET", "/global/activity/cache_hits", handle_cache_hits),
    ADMIN("GET", "/global/activity/exceptions", handle_exceptions),
    ADMIN("GET", "/global/activity/exceptions/deployment", handle_exceptions),
    OWN("/user/daily/activity", handle_daily_activity),
    OWN("/team/daily/activity", handle_daily_activity),
    OWN("/tag/daily/activity", handle_daily_activity),
    ADMIN("GET", "/customer/daily/activity", handle_daily_activity),
    ADMIN("GET", "/end_user/daily/activity", handle_daily_activity),
    ADMIN("GET", "/organization/daily/activity", handle_daily_activity),
    OWN("/user/daily/activity/aggregated", handle_daily_activity),
    OWN("/team/daily/activity/aggregated", handle_daily_activity),
    OWN("/tag/daily/activity/aggregated", handle_daily_activity),
    ADMIN("GET", "/customer/daily/activity/aggregated", handle_daily_activity),
    ADMIN("GET", "/end_user/daily/activity/aggregated", handle_daily_activity),
    ADMIN("GET", "/organization/daily/activity/aggregated", handle_daily_activity),
/* clang-format on */
#undef ADMIN
#undef OWN
