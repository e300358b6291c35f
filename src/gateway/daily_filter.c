#include "daily_filter.h"

#include "detail.h"
#include "query.h"

#define EXCLUDE_MAX 16

#define CUSTOMERS                                                                                  \
    TABLE_DAILY_END_USER_SPEND, TABLE_END_USER_TABLE, {"user_id", "alias"}, "end_user_id",         \
        "end_user_ids", "exclude_end_user_ids", 10, true

static const struct daily_route daily_routes[] = {
    {"/user/",
     TABLE_DAILY_USER_SPEND,
     TABLE_USER_TABLE,
     {"user_id", "user_email", "user_alias"},
     "user_id",
     "user_id",
     NULL,
     50,
     false},
    {"/team/",
     TABLE_DAILY_TEAM_SPEND,
     TABLE_TEAM_TABLE,
     {"team_id", "team_alias"},
     "team_id",
     "team_ids",
     "exclude_team_ids",
     10,
     true},
    {"/tag/",
     TABLE_DAILY_TAG_SPEND,
     TABLE_TAG_TABLE,
     {"tag_name", "description"},
     "tag",
     "tags",
     NULL,
     10,
     true},
    {"/customer/", CUSTOMERS},
    {"/end_user/", CUSTOMERS},
    {"/organization/",
     TABLE_DAILY_ORGANIZATION_SPEND,
     TABLE_ORGANIZATION_TABLE,
     {"organization_id", "organization_alias"},
     "organization_id",
     "organization_ids",
     "exclude_organization_ids",
     10,
     true},
};

const struct daily_route *daily_route_of(const struct exchange *ex)
{
    const struct daily_route *r = daily_routes;
    while (!slice_starts(slice_of(ex->route->path), slice_of(r->begins)))
        r++;
    return r;
}

static bool filter_excluded(struct exchange *ex, const struct daily_route *r,
                            struct report_filter *f)
{
    struct slice rest =
        r->excluded ? query_get(ex->head->query, r->excluded, &ex->arena) : slice_make(NULL, 0);
    size_t n = 0;
    while (rest.n && n < EXCLUDE_MAX) {
        report_filter_add(f, r->entity, STORE_NE, store_text(slice_split(&rest, ',')));
        n++;
    }
    if (rest.n)
        detail_refuse_error(ex, 400, SLICE("at most 16 can be excluded"));
    return !rest.n;
}

/* Whoever is no admin: a user's own rows; those of its teams that it is an admin of; else those of
 * the key that asks. */
static bool filter_own(struct exchange *ex, const struct daily_route *r, struct report_filter *f,
                       struct slice teams)
{
    struct slice asked = query_get(ex->head->query, r->asked, &ex->arena);
    if (report_sees_all(ex))
        return true;
    if (r->table == TABLE_DAILY_TEAM_SPEND) {
        report_filter_own_or_teams(ex, f, "api_key", ex->caller.key, teams);
        return true;
    }
    if (r->table != TABLE_DAILY_USER_SPEND) {
        report_filter_add(f, "api_key", STORE_EQ, store_text(ex->caller.key));
        return true;
    }
    if (asked.n && !slice_eq(asked, ex->caller.user)) {
        detail_refuse_error(ex, 403, SLICE("Non-admin users can only view their own spend data."));
        return false;
    }
    report_filter_add(f, "user_id", STORE_EQ, store_text(ex->caller.user));
    return true;
}

bool daily_filter_read(struct exchange *ex, const struct daily_route *r, struct slice teams,
                       struct report_filter *f, struct report_days *days)
{
    struct slice key = query_get(ex->head->query, "api_key", &ex->arena);
    if (!report_days_read(ex, days) || !filter_own(ex, r, f, teams) || !filter_excluded(ex, r, f))
        return false;
    report_filter_days(f, days);
    if (r->list)
        report_filter_list(ex, f, r->entity, r->asked);
    else
        report_filter_query(ex, f, r->entity, r->asked);
    report_filter_query(ex, f, "model", "model");
    report_filter_query(ex, f, "model_group", "model_group");
    if (key.n)
        report_filter_add(f, "api_key", STORE_EQ, store_text(report_key(ex, key)));
    return true;
}

void daily_with_teams(struct exchange *ex, const struct daily_route *r, report_teams_next *next)
{
    if (r->table == TABLE_DAILY_TEAM_SPEND)
        report_with_teams(ex, next);
    else
        next(ex, SLICE("[]"));
}

static void select_in(struct store_job *job, enum store_table_id table, const char *const *columns,
                      size_t n, struct slice list)
{
    struct store_where where = {columns[0], STORE_IN, store_texts(list), 0};
    store_select(job, &(struct store_query){.table = table,
                                            .columns = columns,
                                            .column_count = n,
                                            .where = &where,
                                            .where_count = 1});
}

void daily_select_names(struct store_job *job, const struct daily_route *r, struct slice keys,
                        struct slice entities)
{
    static const char *const of_keys[] = {"token", "key_alias", "team_id", "user_id"};
    select_in(job, TABLE_VERIFICATION_TOKEN, of_keys, 4, keys);
    select_in(job, TABLE_DELETED_VERIFICATION_TOKEN, of_keys, 4, keys);
    select_in(job, r->names, r->name_columns, r->name_columns[2] ? 3 : 2, entities);
}
