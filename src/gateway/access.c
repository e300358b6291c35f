/* See access.h.
 *
 * Happy path: the caller is an admin of the proxy, and the handler is called at once. Else the
 * caller's memberships are read, then its teams with those that the request names, and each name is
 * held against them.
 *
 * Failure modes: nothing is named, or something that is not the caller's: 403, before anything is
 * read or changed. */

#include "access.h"

#include "key_access.h"
#include "query.h"

#define NAMED_MAX 300 /* teams, and organizations, that a request may name */

struct access_team {
    struct slice id, organization;
    yyjson_val *permissions;
    bool admin, member;
};

struct access_org {
    struct slice id;
    bool admin;
};

struct names {
    struct slice v[NAMED_MAX];
    size_t n;
};

struct access {
    struct names teams_named, orgs_named;
    struct access_team *teams;
    size_t team_count;
    struct access_org *orgs;
    size_t org_count;
    answer_next *next; /* when all of this is known */
};

/* ---- what the request names ------------------------------------------------------------------ */

static void add_name(struct names *names, struct slice name)
{
    if (name.n && names->n < NAMED_MAX)
        names->v[names->n++] = name;
}

static void add_names(struct names *names, yyjson_val *list)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    yyjson_val *v;
    while ((v = yyjson_arr_iter_next(&it)))
        add_name(names, json_slice(v));
}

/* False: the body cannot be read, or names too many. */
static bool read_names(struct exchange *ex, struct access *a)
{
    bool shows = slice_eq(slice_of(ex->route->method), SLICE("GET"));
    yyjson_val *body = shows ? NULL : ask_body(ex);
    if (slice_starts(slice_of(ex->route->path), SLICE("/team/{")))
        add_name(&a->teams_named, percent_decode(ex->route_item, &ex->arena));
    add_name(&a->teams_named, query_get(ex->head->query, "team_id", &ex->arena));
    add_name(&a->orgs_named, query_get(ex->head->query, "organization_id", &ex->arena));
    add_name(&a->teams_named, json_get_slice(body, "team_id"));
    add_names(&a->teams_named, json_get(body, "team_ids"));
    add_name(&a->orgs_named, json_get_slice(body, "organization_id"));
    add_names(&a->orgs_named, json_get(body, "organizations"));
    if (a->teams_named.n == NAMED_MAX || a->orgs_named.n == NAMED_MAX)
        admin_refuse(ex, 400, NULL, "At most %d teams or organizations at once", NAMED_MAX - 1);
    return ex->failure.kind == FAILURE_NONE;
}

/* ---- what the caller is ---------------------------------------------------------------------- */

static const struct access_team *find_team(const struct exchange *ex, struct slice id)
{
    const struct access *a = ex->access;
    for (size_t i = 0; a && id.n && i < a->team_count; i++)
        if (slice_eq(a->teams[i].id, id))
            return &a->teams[i];
    return NULL;
}

bool access_is_org_admin(const struct exchange *ex, struct slice organization)
{
    const struct access *a = ex->access;
    for (size_t i = 0; a && organization.n && i < a->org_count; i++)
        if (a->orgs[i].admin && slice_eq(a->orgs[i].id, organization))
            return true;
    return false;
}

bool access_is_team_admin(const struct exchange *ex, struct slice team)
{
    const struct access_team *t = find_team(ex, team);
    if (!ex->access)
        return team.n && caller_is_team_admin(&ex->caller) && slice_eq(ex->caller.team, team);
    return t && (t->admin || access_is_org_admin(ex, t->organization));
}

struct slice access_team_role(const struct exchange *ex, struct slice team)
{
    const struct access_team *t = find_team(ex, team);
    return !t || !t->member ? SLICE("") : t->admin ? SLICE("admin") : SLICE("user");
}

bool access_team_permits(const struct exchange *ex, struct slice team, struct slice route)
{
    const struct access_team *t = find_team(ex, team);
    return t && t->member && json_list_has(t->permissions, route);
}

struct slice access_teams(struct exchange *ex)
{
    const struct access *a = ex->access;
    struct admin_texts t;
    admin_texts_begin(&t);
    for (size_t i = 0, n = 0; i < a->team_count && n < STORE_LIST_MAX; i++) {
        if (!a->teams[i].member && !access_is_org_admin(ex, a->teams[i].organization))
            continue;
        admin_texts_add(&t, a->teams[i].id);
        n++;
    }
    return admin_texts_end(&t, &ex->arena);
}

struct slice access_teams_of_reports(struct exchange *ex)
{
    const struct access *a = ex->access;
    struct admin_texts t;
    admin_texts_begin(&t);
    for (size_t i = 0; i < a->team_count && i < STORE_LIST_MAX; i++)
        if (access_is_team_admin(ex, a->teams[i].id) ||
            access_team_permits(ex, a->teams[i].id, SLICE("/team/daily/activity")))
            admin_texts_add(&t, a->teams[i].id);
    return admin_texts_end(&t, &ex->arena);
}

struct slice access_organizations(struct exchange *ex)
{
    const struct access *a = ex->access;
    struct admin_texts t;
    admin_texts_begin(&t);
    for (size_t i = 0; i < a->org_count && i < STORE_LIST_MAX; i++)
        admin_texts_add(&t, a->orgs[i].id);
    return admin_texts_end(&t, &ex->arena);
}

static bool refuse(struct exchange *ex)
{
    return failure_set(&ex->failure, &ex->arena, FAILURE_PERMISSION, 403,
                       "Call not allowed. User not proxy admin, nor admin of what it concerns. "
                       "route=%s. Your role=%s",
                       ex->route->path, caller_role_name(ex->caller.role));
}

/* Internal users, and members of what the caller is an admin of. */
bool access_may_make_user(struct exchange *ex, yyjson_val *body, yyjson_val *teams)
{
    static const char *const roles[] = {"", "internal_user", "internal_user_viewer"};
    struct slice role = json_get_slice(body, "user_role");
    yyjson_arr_iter it = yyjson_arr_iter_with(teams);
    yyjson_val *team;
    bool fits = !ex->access;
    for (size_t i = 0; i < sizeof(roles) / sizeof(*roles); i++)
        fits = fits || slice_eq(role, slice_of(roles[i]));
    while (ex->access && (team = yyjson_arr_iter_next(&it)))
        fits = fits && access_is_team_admin(ex, json_slice(team));
    return fits || refuse(ex);
}

bool access_may_say_of_team(struct exchange *ex, yyjson_val *body, struct slice team)
{
    static const char *const free_ones[] = {"team_id",
                                            "team_alias",
                                            "team_member_permissions",
                                            "team_member_budget",
                                            "team_member_budget_duration",
                                            "team_member_rpm_limit",
                                            "team_member_tpm_limit",
                                            NULL};
    const struct access_team *t = find_team(ex, team);
    if (!ex->access || (t && access_is_org_admin(ex, t->organization)))
        return true;
    return key_may_say_only(ex, body, free_ones);
}

/* ---- deciding -------------------------------------------------------------------------------- */

static bool may_with_team(const struct exchange *ex, struct slice team)
{
    const struct access_team *t = find_team(ex, team);
    unsigned also = ex->route->also;
    return t &&
           ((also & ACCESS_TEAM_ADMIN && t->admin) || (also & ACCESS_TEAM_MEMBER && t->member) ||
            (also & ACCESS_ORG_ADMIN && access_is_org_admin(ex, t->organization)));
}

/* Users without a role manage what they are made admins of, or what a team lets its members do. */
static bool has_say(const struct exchange *ex)
{
    const struct access *a = ex->access;
    struct slice path = slice_of(ex->route->path);
    for (size_t i = 0; i < a->team_count; i++)
        if (access_is_team_admin(ex, a->teams[i].id) ||
            access_team_permits(ex, a->teams[i].id, path))
            return true;
    for (size_t i = 0; i < a->org_count; i++)
        if (a->orgs[i].admin)
            return true;
    return false;
}

static bool may(const struct exchange *ex)
{
    const struct access *a = ex->access;
    bool shows = slice_eq(slice_of(ex->route->method), SLICE("GET"));
    bool makes = slice_ends(slice_of(ex->route->path), SLICE("/new")); /* the team is not there */
    if (ex->route->also & ACCESS_ASKS)
        return shows || !ex->route->admin || ex->caller.role != ROLE_NONE || has_say(ex);
    if (makes && !a->orgs_named.n)
        return false;
    for (size_t i = 0; !makes && i < a->teams_named.n; i++)
        if (!may_with_team(ex, a->teams_named.v[i]))
            return false;
    for (size_t i = 0; i < a->orgs_named.n; i++)
        if (!(ex->route->also & ACCESS_ORG_ADMIN) || !access_is_org_admin(ex, a->orgs_named.v[i]))
            return false;
    return a->teams_named.n + a->orgs_named.n > 0;
}

/* ---- asking the database --------------------------------------------------------------------- */

static void add_team(struct exchange *ex, const struct store_rows *rows, size_t row)
{
    struct access *a = ex->access;
    struct access_team *t = &a->teams[a->team_count];
    yyjson_val *members =
        json_parse(store_rows_text(rows, row, "members_with_roles"), &ex->arena, NULL);
    yyjson_arr_iter it = yyjson_arr_iter_with(members);
    yyjson_val *m;
    t->id = arena_dup(&ex->arena, store_rows_text(rows, row, "team_id"));
    t->organization = arena_dup(&ex->arena, store_rows_text(rows, row, "organization_id"));
    t->permissions =
        json_parse(store_rows_text(rows, row, "team_member_permissions"), &ex->arena, NULL);
    while ((m = yyjson_arr_iter_next(&it))) {
        if (!slice_eq(json_get_slice(m, "user_id"), ex->caller.user))
            continue;
        t->member = true;
        t->admin = slice_eq(json_get_slice(m, "role"), SLICE("admin"));
    }
    a->team_count++;
}

static void teams_found(struct exchange *ex, struct buf *body)
{
    struct access *a = ex->access;
    const struct store_rows *own = ask_rows(ex, 0), *of_orgs = ask_rows(ex, 1);
    a->teams = arena_zalloc(&ex->arena, (own->count + of_orgs->count + 1) * sizeof(*a->teams));
    for (size_t i = 0; i < own->count; i++)
        add_team(ex, own, i);
    for (size_t i = 0; i < of_orgs->count; i++)
        if (!find_team(ex, store_rows_text(of_orgs, i, "team_id")))
            add_team(ex, of_orgs, i);
    a->next(ex, body);
}

static void select_teams(struct store_job *job, const char *column, struct slice list)
{
    static const char *const columns[] = {"team_id", "organization_id", "members_with_roles",
                                          "team_member_permissions"};
    struct store_where where = admin_where_in(column, list);
    store_select(job, &(struct store_query){.table = TABLE_TEAM_TABLE,
                                            .columns = columns,
                                            .column_count = 4,
                                            .where = &where,
                                            .where_count = 1,
                                            .limit = STORE_LIST_MAX});
}

static struct slice teams_to_read(struct exchange *ex, const struct store_rows *user)
{
    const struct access *a = ex->access;
    struct slice own = user->count ? store_rows_text(user, 0, "teams") : SLICE("[]");
    struct names all = a->teams_named;
    struct admin_texts t;
    add_name(&all, ex->caller.team);
    add_names(&all, json_parse(own, &ex->arena, NULL));
    admin_texts_begin(&t);
    for (size_t i = 0; i < all.n; i++)
        admin_texts_add(&t, all.v[i]);
    return admin_texts_end(&t, &ex->arena);
}

static struct slice administered(struct exchange *ex)
{
    const struct access *a = ex->access;
    struct admin_texts t;
    admin_texts_begin(&t);
    for (size_t i = 0; i < a->org_count && i < STORE_LIST_MAX; i++)
        if (a->orgs[i].admin)
            admin_texts_add(&t, a->orgs[i].id);
    return admin_texts_end(&t, &ex->arena);
}

static void memberships_found(struct exchange *ex, struct buf *body)
{
    struct access *a = ex->access;
    const struct store_rows *rows = ask_rows(ex, 0);
    struct slice teams = teams_to_read(ex, ask_rows(ex, 1));
    a->orgs = arena_zalloc(&ex->arena, (rows->count + 1) * sizeof(*a->orgs));
    for (size_t i = 0; i < rows->count; i++)
        a->orgs[a->org_count++] = (struct access_org){
            arena_dup(&ex->arena, store_rows_text(rows, i, "organization_id")),
            slice_eq(store_rows_text(rows, i, "user_role"), SLICE("org_admin"))};
    struct store_job *job = ask_new(ex);
    select_teams(job, "team_id", teams);
    select_teams(job, "organization_id", administered(ex));
    ask_store(ex, job, teams_found);
}

static void ask_memberships(struct exchange *ex, struct store_job *job, answer_next *next)
{
    ex->access->next = next;
    admin_select(job, TABLE_ORGANIZATION_MEMBERSHIP, "user_id", ex->caller.user);
    admin_select(job, TABLE_USER_TABLE, "user_id", ex->caller.user);
    ask_store(ex, job, memberships_found);
}

void access_read(struct exchange *ex, answer_next *next)
{
    struct store_job *job = ask_new(ex);
    if (!job)
        return;
    ex->access = ARENA_NEW(&ex->arena, struct access);
    ask_memberships(ex, job, next);
}

/* ---- in front of a handler ------------------------------------------------------------------- */

static void decide(struct exchange *ex, struct buf *body)
{
    if (may(ex))
        ex->route->handle(ex, body);
    else
        refuse(ex);
}

/* Of no other user. */
static bool is_about_self(struct exchange *ex)
{
    struct slice user = query_get(ex->head->query, "user_id", &ex->arena);
    return !user.n || slice_eq(user, ex->caller.user);
}

void access_handle(struct exchange *ex, struct buf *body)
{
    bool shows = slice_eq(slice_of(ex->route->method), SLICE("GET"));
    struct store_job *job;
    bool alone = !ex->route->admin && !ex->caller.user.n; /* a key that is in the hand of nobody */
    if (!ex->route->also || alone || key_is_admin(ex, !shows)) {
        ex->route->handle(ex, body);
        return;
    }
    if (ex->route->also & ACCESS_SELF) {
        if (is_about_self(ex) || refuse(ex))
            ex->route->handle(ex, body);
        return;
    }
    ex->access = ARENA_NEW(&ex->arena, struct access);
    if (!read_names(ex, ex->access) || !(job = ask_new(ex)))
        return;
    ask_memberships(ex, job, decide);
}
