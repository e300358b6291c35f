/* Rows → who calls; see caller.h.
 *
 * Happy path: each holder that has a name by now is looked up, then the budget that its row names;
 * what is not in the cache is asked for all at once, and waited for one by one.
 *
 * Failure modes: a name without a row limits nothing. A database that is away refuses callers whose
 * user or team is not remembered; an end user or a tag that is not counts as unlimited. */

#include "caller.h"

#include "base/json.h"
#include "router.h"

/* ---- the holders ----------------------------------------------------------------------------- */

static const enum row_kind kinds[] = {
    [HOLDER_KEY] = ROW_KEY,
    [HOLDER_USER] = ROW_USER,
    [HOLDER_TEAM] = ROW_TEAM,
    [HOLDER_MEMBER] = ROW_MEMBER,
    [HOLDER_ORGANIZATION] = ROW_ORGANIZATION,
    [HOLDER_PROJECT] = ROW_PROJECT,
    [HOLDER_END_USER] = ROW_END_USER,
    [HOLDER_TAGS] = ROW_TAG,
};

static enum row_kind kind_of(size_t holder)
{
    return kinds[holder < HOLDER_TAGS ? holder : HOLDER_TAGS];
}

/* What the request itself names. */
static bool is_named_by_request(size_t holder)
{
    return holder >= HOLDER_END_USER;
}

void caller_init(struct caller *c, struct arena *a)
{
    const struct limit_set none = LIMIT_SET_NONE;
    *c = (struct caller){.spend_limit = -1,
                         .of_key = none,
                         .of_user = none,
                         .of_team = none,
                         .of_member = none,
                         .of_organization = none,
                         .of_project = none,
                         .of_end_user = none,
                         .arena = a};
}

static void forget(struct holder *h)
{
    row_unref(h->row);
    row_unref(h->budget);
    h->row = h->budget = NULL;
}

void caller_free(struct caller *c)
{
    for (size_t i = 0; i < HOLDER_TAGS; i++)
        forget(&c->holders[i]);
    for (size_t i = 0; i < c->tag_count; i++)
        forget(&c->tags[i]);
    row_unref(c->aliases);
    c->aliases = NULL;
}

void caller_be(struct caller *c, struct row *key)
{
    struct holder *h = &c->holders[HOLDER_KEY];
    h->id = key->id;
    h->row = key;
    h->done = true;
    c->key = key->id;
    c->alias = key->alias;
    c->user = key->user;
    c->team = key->team;
    c->organization = key->organization;
    c->project = key->project;
    c->models = key->models;
    c->model_count = key->model_count;
    for (size_t i = 0; i < key->tag_count; i++)
        caller_add_tag(c, key->tags[i]);
}

void caller_act_for(struct caller *c, struct slice user)
{
    static const enum caller_holder theirs[] = {HOLDER_USER, HOLDER_MEMBER};
    for (size_t i = 0; i < sizeof(theirs) / sizeof(*theirs); i++) {
        forget(&c->holders[theirs[i]]);
        c->holders[theirs[i]] = (struct holder){0};
    }
    c->user = user;
    c->role_stays = true;
}

void caller_add_tag(struct caller *c, struct slice tag)
{
    for (size_t i = 0; i < c->tag_count; i++)
        if (slice_eq(c->tags[i].id, tag))
            return;
    if (!tag.n || c->tag_count == CALLER_TAGS_MAX)
        return;
    if (!c->tags)
        c->tags = arena_alloc(c->arena, CALLER_TAGS_MAX * sizeof(*c->tags));
    c->tags[c->tag_count++] = (struct holder){.id = tag};
}

/* ---- looking up ------------------------------------------------------------------------------ */

static struct slice organization_of(const struct caller *c)
{
    const struct row *team = c->holders[HOLDER_TEAM].row;
    return c->organization.n || !team ? c->organization : team->organization;
}

/* Names that came to be known. */
static void name_holders(struct caller *c)
{
    struct holder *h = c->holders;
    c->organization = organization_of(c);
    h[HOLDER_USER].id = c->user;
    h[HOLDER_TEAM].id = c->team;
    h[HOLDER_ORGANIZATION].id = c->organization;
    h[HOLDER_PROJECT].id = c->project;
    h[HOLDER_END_USER].id = c->end_user;
    if (c->team.n && c->user.n && !h[HOLDER_MEMBER].id.n)
        h[HOLDER_MEMBER].id = ARENA_JOIN(c->arena, c->team, SLICE("\n"), c->user);
}

struct looking {
    struct rows *rows;
    bool away;   /* something that the key names */
    bool coming; /* the first that does: */
    enum row_kind kind;
    struct slice id;
};

static void get(struct looking *l, enum row_kind kind, struct slice id, bool needed, bool *done,
                struct row **row)
{
    enum rows_state state;
    if (*done || !id.n)
        return;
    state = rows_get(l->rows, kind, id, NULL, NULL, row);
    *done = state != ROWS_COMING;
    l->away = l->away || (state == ROWS_AWAY && needed);
    if (state == ROWS_COMING && !l->coming) {
        l->coming = true;
        l->kind = kind;
        l->id = id;
    }
}

static void get_holder(struct looking *l, struct holder *h, size_t i)
{
    bool needed = !is_named_by_request(i);
    if (i != HOLDER_KEY)
        get(l, kind_of(i), h->id, needed, &h->done, &h->row);
    if (h->row)
        get(l, ROW_BUDGET, h->row->budget_id, needed, &h->budget_done, &h->budget);
}

static void get_all(struct looking *l, struct caller *c)
{
    const struct row *team;
    name_holders(c);
    for (size_t i = 0; i < HOLDER_TAGS; i++) {
        get_holder(l, &c->holders[i], i);
        if (i == HOLDER_TEAM)
            name_holders(c);
    }
    for (size_t i = 0; i < c->tag_count; i++)
        get_holder(l, &c->tags[i], HOLDER_TAGS);
    team = c->holders[HOLDER_TEAM].row;
    if (team)
        get(l, ROW_ALIASES, team->model_table, false, &c->aliases_done, &c->aliases);
}

static int64_t first(int64_t own, int64_t other)
{
    return own != LIMIT_NONE ? own : other;
}

/* Its own, else those of the budget that it names. */
static struct limit_set limits_of(const struct holder *h)
{
    struct limit_set set = LIMIT_SET_NONE;
    const struct limit_set *own = h->row ? &h->row->limits : &set;
    if (h->budget) {
        const struct limit_set *other = &h->budget->limits;
        return (struct limit_set){first(own->rpm, other->rpm), first(own->tpm, other->tpm),
                                  first(own->parallel, other->parallel)};
    }
    return *own;
}

static void set_limits(struct caller *c)
{
    const struct holder *h = c->holders;
    if (h[HOLDER_KEY].row) {
        c->of_key = limits_of(&h[HOLDER_KEY]);
        c->of_key_models = h[HOLDER_KEY].row->of_models;
    }
    c->of_user = limits_of(&h[HOLDER_USER]);
    c->of_team = limits_of(&h[HOLDER_TEAM]);
    c->of_member = limits_of(&h[HOLDER_MEMBER]);
    c->of_organization = limits_of(&h[HOLDER_ORGANIZATION]);
    c->of_project = limits_of(&h[HOLDER_PROJECT]);
    c->of_end_user = limits_of(&h[HOLDER_END_USER]);
    if (h[HOLDER_TEAM].row)
        c->of_team_models = h[HOLDER_TEAM].row->of_models;
    if (h[HOLDER_PROJECT].row)
        c->of_project_models = h[HOLDER_PROJECT].row->of_models;
    if (h[HOLDER_USER].row && !c->role_stays)
        c->role = caller_role_find(h[HOLDER_USER].row->role);
}

enum rows_state caller_look_up(struct caller *c, struct rows *r, struct rows_wait *wait,
                               struct turn_item *item)
{
    struct looking l = {.rows = r};
    struct row *row = NULL;
    if (!rows_have_database(r))
        return ROWS_FOUND;
    get_all(&l, c);
    if (l.coming && rows_get(r, l.kind, l.id, wait, item, &row) == ROWS_COMING)
        return ROWS_COMING;
    row_unref(row);
    set_limits(c);
    return l.away ? ROWS_AWAY : ROWS_FOUND;
}

/* ---- models ---------------------------------------------------------------------------------- */

/* A team's own model goes before one of that name for all. */
static struct slice team_model(const struct caller *c, const struct config *config,
                               struct slice name)
{
    if (!config->team_models.count || !c->team.n)
        return name;
    const struct deployment *d =
        map_get(&config->team_models, ARENA_JOIN(c->arena, c->team, SLICE("\n"), name));
    return d ? slice_of(d->model_name) : name;
}

static const struct deployment *of_team(const struct config *config, struct slice group)
{
    return config->team_groups.count ? map_get(&config->team_groups, group) : NULL;
}

static bool owns(const struct caller *c, const struct deployment *d)
{
    return c->team.n && slice_eq(json_get_slice(d->model_info, "team_id"), c->team);
}

static struct slice name_inside(const struct deployment *d)
{
    return json_get_slice(d->model_info, "team_public_model_name");
}

struct slice caller_team_name(const struct caller *c, const struct config *config,
                              struct slice group)
{
    const struct deployment *d = of_team(config, group);
    return d && owns(c, d) ? name_inside(d) : slice_make(NULL, 0);
}

struct slice caller_model(const struct caller *c, const struct config *config, struct slice model)
{
    struct slice other = row_alias_find(c->aliases, model);
    struct slice name = other.n ? other : model;
    other = row_alias_find(c->holders[HOLDER_KEY].row, name);
    return team_model(c, config, other.n ? other : name);
}

static bool is_in_group(const struct config *c, struct slice model, struct slice access_group)
{
    struct slice name = model;
    const struct pool *pool = router_pool(c, &name);
    for (size_t i = 0; pool && i < c->deployment_count; i++)
        if (c->deployments[i].routing->pool == pool &&
            json_list_has(json_get(c->deployments[i].model_info, "access_groups"), access_group))
            return true;
    return false;
}

static bool allow(const struct slice *models, size_t n, const struct config *config,
                  struct slice model)
{
    const struct deployment *own = of_team(config, model);
    if (models_allow(models, n, model) || (own && models_allow(models, n, name_inside(own))))
        return true;
    for (size_t i = 0; i < n; i++)
        if (is_in_group(config, model, models[i]))
            return true;
    return false;
}

/* The key leaves it to its team. */
static bool leaves_to_team(const struct caller *c)
{
    for (size_t i = 0; c->team.n && i < c->model_count; i++)
        if (slice_eq(c->models[i], SLICE("all-team-models")))
            return true;
    return false;
}

bool caller_may_call(const struct caller *c, const struct config *config, struct slice model,
                     const char **whose)
{
    const struct holder *h = c->holders;
    const struct {
        const char *whose;
        const struct row *row;
    } bounds[] = {
        {"team", h[HOLDER_TEAM].row},
        {"user", c->team.n ? NULL : h[HOLDER_USER].row},
        {"team_member", h[HOLDER_MEMBER].budget},
        {"org", h[HOLDER_ORGANIZATION].row},
        {"project", h[HOLDER_PROJECT].row},
        {"customer", h[HOLDER_END_USER].row},
    };
    const struct deployment *own = of_team(config, model);
    *whose = "team";
    if (own && !owns(c, own) && c->role != ROLE_PROXY_ADMIN)
        return false;
    *whose = "key";
    if (!leaves_to_team(c) && !allow(c->models, c->model_count, config, model))
        return false;
    for (size_t i = 0; i < sizeof(bounds) / sizeof(*bounds); i++) {
        const struct row *r = bounds[i].row;
        *whose = bounds[i].whose;
        if (r && !allow(r->models, r->model_count, config, model))
            return false;
    }
    return true;
}

/* ---- roles ----------------------------------------------------------------------------------- */

static const char *const role_names[ROLES] = {
    [ROLE_NONE] = "unknown",
    [ROLE_PROXY_ADMIN] = "proxy_admin",
    [ROLE_PROXY_ADMIN_VIEWER] = "proxy_admin_viewer",
    [ROLE_ORG_ADMIN] = "org_admin",
    [ROLE_INTERNAL_USER] = "internal_user",
    [ROLE_INTERNAL_USER_VIEWER] = "internal_user_viewer",
    [ROLE_TEAM] = "team",
    [ROLE_CUSTOMER] = "customer",
};

const char *caller_role_name(enum caller_role role)
{
    return role_names[role];
}

enum caller_role caller_role_find(struct slice name)
{
    for (enum caller_role r = 0; r < ROLES; r++)
        if (slice_eq(name, slice_of(role_names[r])))
            return r;
    return ROLE_NONE;
}

struct slice caller_alias(const struct caller *c, enum caller_holder holder)
{
    const struct row *r = c->holders[holder].row;
    return r ? r->alias : SLICE("");
}

/* LiteLLM's names for them. */
struct slice caller_logged_key(const struct caller *c)
{
    return c->master && c->key.n ? SLICE("litellm_proxy_master_key") : c->key;
}

struct slice caller_logged_user(const struct caller *c)
{
    return c->master && !c->user.n ? SLICE("default_user_id") : c->user;
}

bool caller_is_team_admin(const struct caller *c)
{
    const struct row *team = c->holders[HOLDER_TEAM].row;
    for (size_t i = 0; team && c->user.n && i < team->admin_count; i++)
        if (slice_eq(team->admins[i], c->user))
            return true;
    return false;
}
