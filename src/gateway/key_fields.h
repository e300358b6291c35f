#ifndef GATEWAY_KEY_FIELDS_H
#define GATEWAY_KEY_FIELDS_H

/* What clients say of a key ⇄ columns of LiteLLM_VerificationToken. */

#include "admin_budget.h"

extern const struct admin_fields key_fields; /* what clients may say */

/* admin_read of a key. False: see ex->failure. */
bool key_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                     struct admin_cells *cells);

/* The text of a new key; and its name, "sk-...abcd". In the arena. */
struct slice key_fields_make(struct arena *a);
struct slice key_fields_name(struct slice key, struct arena *a);

/* The answer of /key/generate, to the request `asked`; `key` in the clear, `budgets`: the one that
 * it names. */
void key_fields_write_new(struct buf *body, const struct store_rows *rows, struct slice key,
                          yyjson_val *asked, const struct store_rows *budgets);

/* The members of a key as /key/info and its like show it; the caller writes { and }. `budgets`:
 * those that keys name; NULL: they are not told. */
void key_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row,
                      const struct admin_budgets *budgets);

/* As /key/list shows it. */
void key_fields_write_listed(struct json_writer *w, const struct store_rows *rows, size_t row,
                             const struct admin_budgets *budgets);

/* As /key/info shows one that was deleted. */
void key_fields_write_deleted(struct json_writer *w, const struct store_rows *rows, size_t row);

/* [{"token": hash, …}, …]: as lists of other things tell of their keys. */
void key_fields_write_list(struct json_writer *w, const struct store_rows *rows);

#endif
