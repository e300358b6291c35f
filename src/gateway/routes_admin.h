/* Rows of the table of routes: management. */

#define ADMIN(method, path, handler)                                                               \
    {                                                                                              \
        method, path, false, CHAT, handler, .admin = true                                          \
    }
/* clang-format off */
    ADMIN("POST", "/budget/new", handle_budget_new),
    ADMIN("POST", "/budget/update", handle_budget_update),
    ADMIN("POST", "/budget/info", handle_budget_info),
    ADMIN("GET", "/budget/list", handle_budget_list),
    ADMIN("GET", "/budget/settings", handle_budget_settings),
    ADMIN("POST", "/budget/delete", handle_budget_delete),
/* clang-format on */
#undef ADMIN
