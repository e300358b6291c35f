#ifndef STATE_STORE_TABLE_H
#define STATE_STORE_TABLE_H

/* The tables as data: LiteLLM's names, columns and types (its proxy's database migrations), and a
 * few of our own. The SQL of each database is made from these descriptions, and so are the tables
 * in an empty database. Columns and tables that are not described here are left alone. */

#include "base/slice.h"

enum store_type {
    STORE_TEXT,
    STORE_INTEGER,
    STORE_FLOAT,
    STORE_BOOL,
    STORE_JSON,
    STORE_TEXTS, /* a list of strings */
    STORE_TIME
};

enum {
    COLUMN_NEEDED = 1 << 0, /* NOT NULL */
    COLUMN_NAME = 1 << 1,   /* part of a key or an index: short */
    COLUMN_NARROW = 1 << 2, /* integers: 32 bits */
    COLUMN_SERIAL = 1 << 3  /* integers: the database counts */
};

struct store_column {
    const char *name;
    enum store_type type;
    unsigned flags;
    const char *initial; /* of rows that do not say: a text, "now"; NULL: nothing */
};

#define STORE_KEY_MAX 7

struct store_table {
    const char *name;
    const struct store_column *columns;
    size_t column_count;
    const char *const *key;     /* columns that name a row for store_upsert; ends with NULL */
    const char *id;             /* primary key when it is another one; else NULL */
    const char *const *indexes; /* each "a,b"; "!a": unique; ends with NULL */
};

enum store_table_id {
    TABLE_VERIFICATION_TOKEN,
    TABLE_DEPRECATED_VERIFICATION_TOKEN,
    TABLE_DELETED_VERIFICATION_TOKEN,
    TABLE_USER_TABLE,
    TABLE_TEAM_TABLE,
    TABLE_DELETED_TEAM_TABLE,
    TABLE_TEAM_MEMBERSHIP,
    TABLE_ORGANIZATION_TABLE,
    TABLE_ORGANIZATION_MEMBERSHIP,
    TABLE_PROJECT_TABLE,
    TABLE_BUDGET_TABLE,
    TABLE_END_USER_TABLE,
    TABLE_TAG_TABLE,
    TABLE_MODEL_TABLE,
    TABLE_OBJECT_PERMISSION_TABLE,
    TABLE_PROXY_MODEL_TABLE,
    TABLE_CREDENTIALS_TABLE,
    TABLE_CONFIG,
    TABLE_INVITATION_LINK,
    TABLE_AUDIT_LOG,
    TABLE_SPEND_LOGS,
    TABLE_DAILY_USER_SPEND,
    TABLE_DAILY_TEAM_SPEND,
    TABLE_DAILY_ORGANIZATION_SPEND,
    TABLE_DAILY_END_USER_SPEND,
    TABLE_DAILY_TAG_SPEND,
    TABLE_DAILY_GLOBAL_SPEND,
    TABLE_LINTEL_MIGRATIONS,
    TABLE_LINTEL_SPOOL,
    TABLE_LINTEL_CHANGES,
    TABLE_LINTEL_TASKS,
    TABLE_LINTEL_LOCKS,
    TABLE_LINTEL_DAILY_CALLS,
    TABLE_LINTEL_RESPONSES,
    STORE_TABLES
};

const struct store_table *store_table(enum store_table_id id);
/* The column's place in the table; -1: it has none of that name. */
int store_column_find(const struct store_table *table, struct slice name);

#endif
