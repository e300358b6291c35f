/* Rows ⇄ statements; see rows_ask.h.
 *
 * Happy path: one row by its key; for a key also the one that replaced it, while the old one may
 * still be used. A tally is a sum over the rows per day, or over LiteLLM_SpendLogs for periods that
 * are no whole days. Failure modes: none here; what is not there has no row. */

#include "rows_ask.h"

#include "base/date.h"
#include "base/duration.h"

#include <stdlib.h>

#define DAY_MS   (INT64_C(86400) * 1000)
#define DAY_SIZE 10 /* "2026-11-21" */

static const enum store_table_id tables[ROW_KINDS] = {
    [ROW_KEY] = TABLE_VERIFICATION_TOKEN,
    [ROW_USER] = TABLE_USER_TABLE,
    [ROW_TEAM] = TABLE_TEAM_TABLE,
    [ROW_MEMBER] = TABLE_TEAM_MEMBERSHIP,
    [ROW_ORGANIZATION] = TABLE_ORGANIZATION_TABLE,
    [ROW_PROJECT] = TABLE_PROJECT_TABLE,
    [ROW_END_USER] = TABLE_END_USER_TABLE,
    [ROW_TAG] = TABLE_TAG_TABLE,
    [ROW_BUDGET] = TABLE_BUDGET_TABLE,
    [ROW_ALIASES] = TABLE_MODEL_TABLE,
    [ROW_TALLY] = STORE_TABLES,
};

enum store_table_id rows_table(enum row_kind kind)
{
    return tables[kind];
}

/* ---- tallies --------------------------------------------------------------------------------- */

struct tally {
    struct slice scope, name, model, period;
};

static struct tally read_id(struct slice id)
{
    struct tally t;
    t.scope = slice_split(&id, '\n');
    t.model = slice_split(&id, '\n');
    t.period = slice_split(&id, '\n');
    t.name = id; /* which may be anything */
    return t;
}

/* Where sums by scope lie: per day, and single requests. */
struct place {
    struct slice scope;
    enum store_table_id days;
    const char *column; /* of the rows per day; NULL: all of them count */
    const char *logged; /* of LiteLLM_SpendLogs; NULL: there is none, or all of them count */
};

static const struct place *place_of(struct slice scope)
{
    static const struct place places[] = {
        {SLICE("api_key"), TABLE_DAILY_USER_SPEND, "api_key", "api_key"},
        {SLICE("user"), TABLE_DAILY_USER_SPEND, "user_id", "user"},
        {SLICE("team"), TABLE_DAILY_TEAM_SPEND, "team_id", "team_id"},
        {SLICE("organization"), TABLE_DAILY_ORGANIZATION_SPEND, "organization_id",
         "organization_id"},
        {SLICE("end_user"), TABLE_DAILY_END_USER_SPEND, "end_user_id", "end_user"},
        {SLICE("tag"), TABLE_DAILY_TAG_SPEND, "tag", NULL},
        {SLICE("global"), TABLE_DAILY_GLOBAL_SPEND, NULL, NULL},
    };
    for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++)
        if (slice_eq(places[i].scope, scope))
            return &places[i];
    return NULL;
}

int64_t rows_tally_end(struct slice id, int64_t now)
{
    struct tally t = read_id(id);
    return t.period.n ? duration_end(t.period, now) : 0;
}

static bool ask_tally(struct store_job *job, struct slice id, int64_t now)
{
    static const char *const sums[] = {"spend"};
    struct tally t = read_id(id);
    const struct place *p = place_of(t.scope);
    int64_t from = t.period.n ? duration_begin(t.period, now) : 0;
    bool days = (from % DAY_MS == 0 && rows_tally_end(id, now) % DAY_MS == 0) ||
                (p && p->column && !p->logged); /* of tags there is nothing finer than a day */
    const char *column = p && days ? p->column : p ? p->logged : NULL;
    char date[DATE_SIZE];
    struct store_where where[3];
    size_t n = 0;
    if (!p)
        return false;
    if (column)
        where[n++] = (struct store_where){column, STORE_EQ, store_text(t.name), 0};
    if (t.model.n)
        where[n++] = (struct store_where){"model_group", STORE_EQ, store_text(t.model), 0};
    if (from && days) {
        date_format(from, date);
        where[n++] =
            (struct store_where){"date", STORE_GE, store_text(slice_make(date, DAY_SIZE)), 0};
    } else if (from) {
        where[n++] = (struct store_where){"startTime", STORE_GE, store_time(from), 0};
    }
    store_report(job, &(struct store_report){.query = {.table = days ? p->days : TABLE_SPEND_LOGS,
                                                       .where = where,
                                                       .where_count = n},
                                             .sums = sums,
                                             .sum_count = 1});
    return true;
}

/* ---- rows ------------------------------------------------------------------------------------ */

static void ask_row(struct store_job *job, enum store_table_id table,
                    const struct store_where *where, size_t n)
{
    store_select(
        job, &(struct store_query){.table = table, .where = where, .where_count = n, .limit = 1});
}

static void ask_replaced(struct store_job *job, struct slice hash, int64_t now)
{
    struct store_where where[] = {{"token", STORE_EQ, store_text(hash), 0},
                                  {"revoke_at", STORE_GT, store_time(now), 0}};
    ask_row(job, TABLE_DEPRECATED_VERIFICATION_TOKEN, where, 2);
}

/* "team\nuser" */
static void ask_member(struct store_job *job, struct slice id)
{
    struct slice team = slice_split(&id, '\n');
    struct store_where where[] = {{"user_id", STORE_EQ, store_text(id), 0},
                                  {"team_id", STORE_EQ, store_text(team), 0}};
    ask_row(job, TABLE_TEAM_MEMBERSHIP, where, 2);
}

bool rows_question(struct store_job *job, enum row_kind kind, struct slice id, int64_t now)
{
    struct store_where where = {store_table(TABLE_USER_TABLE)->key[0], STORE_EQ, store_text(id), 0};
    int64_t number;
    if (kind == ROW_TALLY)
        return ask_tally(job, id, now);
    if (kind == ROW_MEMBER) {
        ask_member(job, id);
        return true;
    }
    if (kind == ROW_ALIASES) {
        if (!slice_to_i64(id, &number))
            return false;
        where.value = store_integer(number);
    }
    where.column = store_table(tables[kind])->key[0];
    ask_row(job, tables[kind], &where, 1);
    if (kind == ROW_KEY)
        ask_replaced(job, id, now);
    return true;
}

/* An old key, good for a while yet. */
static struct row *replaced(const struct store_rows *rows)
{
    struct row *k = row_new(ROW_KEY, rows, 0);
    k->active = arena_dup(&k->arena, store_rows_text(rows, 0, "active_token_id"));
    k->expires = store_rows_at(rows, 0, "revoke_at")->integer;
    return k;
}

struct row *rows_answer(const struct store_job *job, enum row_kind kind, struct slice id,
                        int64_t now)
{
    const struct store_rows *rows = store_job_rows(job, 0);
    if (kind == ROW_TALLY)
        return row_new_tally(id, store_rows_number(rows, 0, "spend"), rows_tally_end(id, now));
    if (rows->count)
        return row_new(kind, rows, 0);
    if (kind == ROW_KEY && store_job_rows(job, 1)->count)
        return replaced(store_job_rows(job, 1));
    return NULL;
}

/* ---- the next period ------------------------------------------------------------------------- */

/* What names a budget is reset with it. */
static void reset_members(struct store_job *job, struct slice budget)
{
    static const enum store_table_id held[] = {TABLE_VERIFICATION_TOKEN, TABLE_TEAM_MEMBERSHIP,
                                               TABLE_ORGANIZATION_TABLE, TABLE_PROJECT_TABLE,
                                               TABLE_END_USER_TABLE,     TABLE_TAG_TABLE};
    struct store_where where = {"budget_id", STORE_EQ, store_text(budget), 0};
    struct store_cell cell = {"spend", store_number(0), STORE_SET};
    for (size_t i = 0; i < sizeof(held) / sizeof(*held); i++)
        store_update(job, held[i], &cell, 1, &where, 1);
}

bool rows_begin_period(struct store_job *job, const struct row *row, int64_t now)
{
    bool budget = row->kind == ROW_BUDGET;
    bool own = row->kind == ROW_KEY || row->kind == ROW_USER || row->kind == ROW_TEAM;
    enum store_table_id table = tables[row->kind];
    int64_t next = duration_reset(row->period, now);
    struct store_cell cells[] = {
        {"budget_reset_at", next ? store_time(next) : store_null(), STORE_SET},
        {"spend", store_number(0), STORE_SET}};
    if (!budget && !own)
        return false;
    struct store_where where[] = {{store_table(table)->key[0], STORE_EQ, store_text(row->id), 0},
                                  {"budget_reset_at", STORE_EQ, store_time(row->reset_at), 0}};
    store_update(job, table, cells, budget ? 1 : 2, where, 2);
    store_expect(job, 1);
    if (budget)
        reset_members(job, row->id);
    store_tell(job, table, row->id);
    return true;
}
