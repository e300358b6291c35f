#include "report_teams.h"

#include "worker_private.h"

#define OWN_ROWS 9 /* conditions joined by OR; others in a report have other numbers */

struct waiting {
    report_teams_next *next;
    void *state; /* the handler's */
};

static void go_on(struct exchange *ex, struct slice teams)
{
    const struct waiting *w = ex->own.state;
    ex->own.state = w->state;
    w->next(ex, teams);
}

/* [{"user_id": "u", "role": "admin"}] */
static bool is_admin(struct exchange *ex, struct slice members)
{
    yyjson_val *list = json_parse(members, &ex->arena, NULL), *m;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((m = yyjson_arr_iter_next(&it)))
        if (slice_eq(json_get_slice(m, "user_id"), ex->caller.user) &&
            slice_eq(json_get_slice(m, "role"), SLICE("admin")))
            return true;
    return false;
}

static void take_teams(struct exchange *ex, struct buf *body)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    struct buf b;
    struct json_writer w;
    buf_init(&b, STORE_LIST_MAX * 512);
    json_begin(&w, &b);
    json_array(&w);
    for (size_t i = 0; i < rows->count; i++)
        if (is_admin(ex, store_rows_text(rows, i, "members_with_roles")))
            json_string(&w, store_rows_text(rows, i, "team_id"));
    json_array_end(&w);
    go_on(ex, b.overflow ? SLICE("[]") : arena_dup(&ex->arena, buf_slice(&b)));
    buf_fini(&b);
    (void)body;
}

/* A user's teams stand in the user's row. */
static void ask_teams(struct exchange *ex, struct buf *body)
{
    static const char *const columns[] = {"team_id", "members_with_roles"};
    const struct store_rows *users = ask_rows(ex, 0);
    struct slice teams = users->count ? store_rows_text(users, 0, "teams") : SLICE("");
    struct store_where where = {"team_id", STORE_IN, store_texts(teams.n ? teams : SLICE("[]")), 0};
    struct store_job *job = report_new(ex);
    store_select(job, &(struct store_query){.table = TABLE_TEAM_TABLE,
                                            .columns = columns,
                                            .column_count = 2,
                                            .where = &where,
                                            .where_count = 1,
                                            .limit = STORE_LIST_MAX});
    ask_store(ex, job, take_teams);
    (void)body;
}

void report_with_teams(struct exchange *ex, report_teams_next *next)
{
    static const char *const columns[] = {"teams"};
    struct store_where where = {"user_id", STORE_EQ, store_text(ex->caller.user), 0};
    struct waiting *w;
    struct store_job *job;
    if (report_sees_all(ex) || !ex->caller.user.n) {
        next(ex, SLICE("[]"));
        return;
    }
    if (!(job = report_new(ex)))
        return;
    w = ARENA_NEW(&ex->arena, struct waiting);
    *w = (struct waiting){next, ex->own.state};
    ex->own.state = w;
    store_select(job, &(struct store_query){.table = TABLE_USER_TABLE,
                                            .columns = columns,
                                            .column_count = 1,
                                            .where = &where,
                                            .where_count = 1});
    ask_store(ex, job, ask_teams);
}

bool report_teams_has(struct exchange *ex, struct slice teams, struct slice team)
{
    return json_list_has(json_parse(teams, &ex->arena, NULL), team);
}

void report_filter_own_or_teams(struct exchange *ex, struct report_filter *f, const char *column,
                                struct slice value, struct slice teams)
{
    if (report_sees_all(ex))
        return;
    report_filter_any(f, column, STORE_EQ, store_text(value), OWN_ROWS);
    report_filter_any(f, "team_id", STORE_IN, store_texts(teams), OWN_ROWS);
}
