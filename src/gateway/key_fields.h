#ifndef GATEWAY_KEY_FIELDS_H
#define GATEWAY_KEY_FIELDS_H

/* What clients say of a key ⇄ columns of LiteLLM_VerificationToken. */

#include "exchange.h"
#include "state/store.h"

#define KEY_CELLS_MAX 64

struct key_cells {
    struct store_cell v[KEY_CELLS_MAX];
    size_t n;
};

/* The members of a body that are the client's to set. Members that have no column of their own lie
 * in metadata, as LiteLLM keeps them; others are passed over. `metadata`: of the key so far, JSON;
 * empty: it is new. False: see ex->failure. */
bool key_fields_read(struct exchange *ex, yyjson_val *body, struct slice metadata,
                     struct key_cells *cells);
void key_fields_set(struct key_cells *cells, const char *column, struct store_value value);

/* The answer of /key/generate; `key` in the clear. */
void key_fields_write_new(struct json_writer *w, const struct store_rows *rows, struct slice key,
                          yyjson_val *body);

/* The members of a key as /key/info and its like show it; the caller writes { and }. */
void key_fields_write(struct json_writer *w, const struct store_rows *rows, size_t row);

int64_t key_fields_now(void);

/* Unix ms: when a budget of that duration begins anew; 0: it is none. */
int64_t key_fields_next_reset(struct slice duration, int64_t now); /* unix ms */

#endif
