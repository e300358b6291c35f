#ifndef GATEWAY_USER_FIELDS_H
#define GATEWAY_USER_FIELDS_H

/* Users ⇄ columns of LiteLLM_UserTable. */

#include "admin.h"

extern const struct admin_fields user_fields; /* what clients may say */

/* admin_read of a user; an unknown role is a 400. False: see ex->failure. */
bool user_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                      struct admin_cells *cells);

/* The members of a user; the caller writes { and }. */
void user_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row);

/* Some of them, by the names of their columns (ends with NULL). */
void user_fields_write_some(struct json_writer *w, const struct store_rows *rows, size_t row,
                            const char *const *names);

#define USER_ROLES 4
extern const struct user_role {
    const char *name, *description, *label;
} user_roles[USER_ROLES];

#endif
