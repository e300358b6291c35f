#ifndef GATEWAY_DAILY_TREE_H
#define GATEWAY_DAILY_TREE_H

/* Rows per day → what LiteLLM's …/daily/activity answers: days, each broken down by model, group,
 * provider, endpoint, key and entity, each of these again by key. */

#include "base/map.h"
#include "state/store.h"

enum daily_dimension { /* in the order of the answer */
                       DAILY_TOOLS,
                       DAILY_MODELS,
                       DAILY_GROUPS,
                       DAILY_PROVIDERS,
                       DAILY_ENDPOINTS,
                       DAILY_KEYS,
                       DAILY_ENTITIES,
                       DAILY_DIMENSIONS
};

extern const char *const daily_sums[]; /* columns; ends with NULL */
#define DAILY_SUMS 15

struct daily_node;

struct daily_tree {
    struct arena *arena;
    struct map nodes; /* parent, dimension, name → node */
    struct daily_node *root;
    const char *entity; /* column: "team_id" */
};

void daily_tree_init(struct daily_tree *t, struct arena *a, const char *entity);
void daily_tree_fini(struct daily_tree *t); /* nothing more is added; it can still be written */

/* A whole row of a table: counts in all dimensions. */
void daily_tree_add(struct daily_tree *t, const struct store_rows *rows, size_t row);

/* A row of a report: counts where its columns say. By date alone (and so in the total); by date and
 * a dimension; `by_key`: by date, dimension and key. */
void daily_tree_add_day(struct daily_tree *t, const struct store_rows *rows, size_t row);
void daily_tree_add_part(struct daily_tree *t, const struct store_rows *rows, size_t row,
                         enum daily_dimension dimension, bool by_key);

/* What is known of keys and entities: rows of tables, or NULL. */
struct daily_names {
    const struct store_rows *keys, *deleted_keys; /* token, key_alias, team_id, user_id */
    const struct store_rows *entities;            /* id first, then what is told of it */
};

/* "results": […] */
void daily_tree_write(const struct daily_tree *t, const struct daily_names *names,
                      struct json_writer *w);
/* The members total_spend … total_timed_requests. */
void daily_tree_write_total(const struct daily_tree *t, struct json_writer *w);

#endif
