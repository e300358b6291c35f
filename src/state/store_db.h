#ifndef STATE_STORE_DB_H
#define STATE_STORE_DB_H

/* The store's connection: made, its tables seen to, jobs run on it. The store's thread only. */

#include "store_driver.h"

struct db {
    const struct store_address *address;
    struct db_limits limits;
    bool keep_schema;
    void *handle; /* NULL: not connected */
    uint64_t connects;
};

/* Connects and makes what tables are missing. False: `error`; not connected. */
bool db_connect(struct db *db, struct db_error *error);
void db_close(struct db *db);

/* Runs the job as one transaction and sets its status; tries again after a deadlock. When the
 * connection is lost on the way it is closed. */
void db_run(struct db *db, struct store_job *job);

/* store_schema.c: makes what tables and columns are missing, one process at a time. */
bool db_make_tables(struct db *db, struct db_error *error);

#endif
