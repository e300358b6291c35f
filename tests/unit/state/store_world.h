#ifndef TESTS_UNIT_STATE_STORE_WORLD_H
#define TESTS_UNIT_STATE_STORE_WORLD_H

/* A store with a loop, in a folder of its own. LINTEL_TEST_DATABASE names another database than
 * SQLite: an empty one, which the tests fill; tests/integration runs them so. */

#include "../base/check.h"

#include "state/spend.h"

struct world {
    uv_loop_t loop;
    struct turn turn;
    struct store *store;
    char directory[64];
    struct store_job *done; /* the last job that was called back */
    unsigned calls;
    uv_timer_t limit; /* nothing takes forever */
    bool late;
};

int world_setup(void **state);
int world_teardown(void **state);

void world_open(struct world *w, const struct store_options *options);
void world_close(struct world *w); /* the store, not the world */

/* Runs the loop until the condition holds. */
void world_wait(struct world *w, bool (*condition)(struct world *w));

/* Submits and waits; the job is the caller's to free. */
struct store_job *world_run(struct world *w, struct store_job *job);
/* The same for what must succeed. */
struct store_job *world_ok(struct world *w, struct store_job *job);

/* The cells of a table, row by row, as JSON: [{"column": …}, …]. Valid until the next call. */
const char *world_rows(struct world *w, enum store_table_id table, const char *const *columns,
                       size_t n, const char *order);
#define ROWS(w, table, order, ...)                                                                 \
    world_rows((w), (table), (const char *const[]){__VA_ARGS__},                                   \
               sizeof((const char *const[]){__VA_ARGS__}) / sizeof(char *), (order))

#endif
