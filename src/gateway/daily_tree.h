#ifndef GATEWAY_DAILY_TREE_H
#define GATEWAY_DAILY_TREE_H

/* Rows per day → what LiteLLM's …/daily/activity answers: days, each broken down by model, group,
 * provider, endpoint, key and entity, each of these again by key. Both ways can be gone in pieces:
 * an answer may have tens of thousands of nodes. */

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

/* Columns that name a row's place in the dimensions; ends with NULL. */
extern const char *const daily_parts[];
#define DAILY_PARTS 5

/* Where the rows of an answer of the database count. All of them have the date and the sums. */
enum {
    DAILY_COUNT_DAYS = 1 << 0,     /* in their day, and what daily_parts name */
    DAILY_COUNT_ENTITIES = 1 << 1, /* in their entity */
    DAILY_COUNT_KEYS = 1 << 2      /* in their key, alone and within all dimensions */
};

struct daily_node;

/* What is known of keys and entities: rows of tables. */
struct daily_names {
    const struct store_rows *keys, *deleted_keys; /* token, key_alias, team_id, user_id */
    const struct store_rows *entities;            /* id first, then what is told of it */
};

struct daily_tree {
    struct arena *arena;
    struct map nodes; /* parent, dimension, name → node */
    struct map known_keys, known_entities;
    struct map told_keys; /* the others count in no key; empty: all are told */
    struct daily_node *root;
    const char *entity; /* column: "team_id" */
    /* What is written next. */
    const struct daily_node *day, *part;
    unsigned dimension;
};

/* The names' rows must stay. */
void daily_tree_init(struct daily_tree *t, struct arena *a, const char *entity,
                     const struct daily_names *names);
void daily_tree_fini(struct daily_tree *t);

/* The keys of the first rows of a report are told, no others. The rows must stay. */
void daily_tree_tell_keys(struct daily_tree *t, const struct store_rows *keys, size_t count);

/* `count` rows from `first` on. */
void daily_tree_add(struct daily_tree *t, const struct store_rows *rows, size_t first, size_t count,
                    unsigned where);

/* "results": […]: its beginning, then piece after piece while it returns true; `w` stays. At most a
 * part of a day beyond `bytes` at once. */
void daily_tree_write_begin(struct daily_tree *t, struct json_writer *w);
bool daily_tree_write(struct daily_tree *t, struct json_writer *w, size_t bytes);
/* The members total_spend … total_timed_requests. */
void daily_tree_write_total(const struct daily_tree *t, struct json_writer *w);

#endif
