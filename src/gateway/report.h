#ifndef GATEWAY_REPORT_H
#define GATEWAY_REPORT_H

/* What the reports of spend have in common: the days they are about, whose rows a caller sees, the
 * conditions that a query string names, and lists of rows. They read the rows per day
 * (LiteLLM_Daily…Spend), of which there are few however many requests there were. */

#include "ask.h"

#define REPORT_CONDITIONS_MAX 32

/* Both included; "2026-11-21". */
struct report_days {
    struct slice first, last;
};

/* start_date and end_date of the query string. False: the failure is set. */
bool report_days_read(struct exchange *ex, struct report_days *days);

/* The last 30 days and today. */
struct report_days report_days_lately(struct exchange *ex);

/* Unix ms at which that day begins (UTC); -1: it is no day in that form. */
int64_t report_day_begins(struct slice day);
/* A day, of which the end is its last ms, or a time ("2026-11-21 10:00:00", ISO 8601), of which the
 * second is meant; -1: neither. */
int64_t report_time(struct slice text, bool end);
/* A day again; in the arena. */
struct slice report_day_of(int64_t unix_ms, struct arena *a);

/* "2026-11-21" → "Nov 21", as charts show it. */
#define REPORT_SHORT_DAY 8
struct slice report_short_day(struct slice day, char room[REPORT_SHORT_DAY]);

#define REPORT_DAY_MS INT64_C(86400000)

struct report_filter {
    struct store_where where[REPORT_CONDITIONS_MAX];
    size_t count;
};

void report_filter_add(struct report_filter *f, const char *column, enum store_test test,
                       struct store_value value);
/* Those that share a number other than 0 are joined by OR; they are added one behind the other. */
void report_filter_any(struct report_filter *f, const char *column, enum store_test test,
                       struct store_value value, unsigned any);
void report_filter_days(struct report_filter *f, const struct report_days *days);
/* … of rows of requests. */
void report_filter_times(struct report_filter *f, const struct report_days *days);
/* The column is what the query string says under that name; nothing when it says nothing. */
void report_filter_query(struct exchange *ex, struct report_filter *f, const char *column,
                         const char *name);
/* The column is one of a list, "a,b,c" in the query string. */
void report_filter_list(struct exchange *ex, struct report_filter *f, const char *column,
                        const char *name);
/* All values of a parameter that comes several times, as a JSON list; n == 0: none. */
struct slice report_values(struct exchange *ex, const char *name);
/* A key in the clear becomes its hash. */
struct slice report_key(struct exchange *ex, struct slice key);

/* Whether the caller sees what everybody spent; else its own alone. */
bool report_sees_all(const struct exchange *ex);
/* Who sees only its own rows gets the condition. */
void report_filter_own(struct exchange *ex, struct report_filter *f, const char *column);

/* A job; NULL: there is no database, and the failure is set. */
struct store_job *report_new(struct exchange *ex);

/* A whole number of the query string, `otherwise` when it says nothing. False: it is none, or not
 * in the range; the failure is set. */
bool report_number(struct exchange *ex, const char *name, int64_t low, int64_t high,
                   int64_t otherwise, int64_t *number);

/* LiteLLM's {"error": {"message", "type", "param", "code"}}. */
void report_refuse(struct exchange *ex, int status, const char *type, const char *param,
                   struct slice message);

/* False: there were more rows than an answer of the database holds; the failure is set. Half a
 * report is none. */
bool report_is_whole(struct exchange *ex, const struct store_rows *rows);

/* One more statement: the rows per day, summed by these columns and in the order of these: spend,
 * tokens, requests. */
void report_add_days_by(struct store_job *job, enum store_table_id table,
                        const struct report_filter *f, const char *const *by, size_t n);
/* A job of that. NULL: there is no database, and the failure is set. */
struct store_job *report_days_by(struct exchange *ex, enum store_table_id table,
                                 const struct report_filter *f, const char *const *by, size_t n);
int64_t report_tokens(const struct store_rows *rows, size_t row); /* prompt and completion */

/* One more statement: the names of the teams; and what one of them is called. */
void report_add_teams(struct store_job *job);
struct slice report_team_name(const struct store_rows *teams, struct slice id);

/* Rows as a list of objects: these columns under these names; the last has column NULL. */
struct report_member {
    const char *column, *name;
};

void report_write_row(struct json_writer *w, const struct store_rows *rows, size_t row,
                      const struct report_member *members);
void report_write_rows(struct json_writer *w, const struct store_rows *rows,
                       const struct report_member *members);

/* ["a","b"] of a column's cells, for STORE_IN; the first STORE_LIST_MAX of them. */
struct slice report_list_of(struct exchange *ex, const struct store_rows *rows, const char *column);

#endif
