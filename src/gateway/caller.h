#ifndef GATEWAY_CALLER_H
#define GATEWAY_CALLER_H

/* Who calls, and what that is allowed: filled by auth from what the configuration knows (the master
 * key, general_settings.api_keys) and from the database: the key's row, and those of its user,
 * team, … Read by the limits, the budgets, the log, and whoever accounts for it. What it points to
 * lives as long as the exchange: in its arena, in its configuration, or in rows it refers to. */

#include "config/config.h"
#include "rows.h"

#define CALLER_TAGS_MAX 16 /* of a request, that have budgets */

/* Whoever may have limits and budgets of its own, in LiteLLM's order of looking at them. */
enum caller_holder {
    HOLDER_KEY,
    HOLDER_USER,
    HOLDER_TEAM,
    HOLDER_MEMBER, /* the user in the team */
    HOLDER_ORGANIZATION,
    HOLDER_PROJECT,
    HOLDER_END_USER,
    HOLDER_TAGS /* the first of them; see caller_holder() */
};

/* One of them, as the database has it. */
struct holder {
    struct slice id;
    bool done, budget_done; /* looked up */
    struct row *row;        /* NULL: it has no row */
    struct row *budget;     /* that the row names; NULL: none */
};

enum caller_role { /* LiteLLM's, of the key's user */
                   ROLE_NONE,
                   ROLE_PROXY_ADMIN,
                   ROLE_PROXY_ADMIN_VIEWER,
                   ROLE_ORG_ADMIN,
                   ROLE_INTERNAL_USER,
                   ROLE_INTERNAL_USER_VIEWER,
                   ROLE_TEAM,
                   ROLE_CUSTOMER,
                   ROLES
};

struct caller {
    bool master;          /* may do everything */
    bool role_stays;      /* whoever is looked up */
    bool login;           /* a user, at the admin UI, without a key */
    struct slice session; /* … or whoever is logged in there: of this login alone; else empty */
    struct slice key;     /* SHA-256 of the key, hex; empty: there is none */
    struct slice alias, user, team, organization, project; /* of the key; may be empty */
    struct slice end_user; /* whom the request itself names; may be empty */
    enum caller_role role;
    const struct slice *models; /* that the key may ask for, see caller_may_call() … */
    size_t model_count;         /* … 0: all */
    double spend_limit;         /* USD, of a key of the configuration; < 0: none */
    struct limit_set of_key, of_user, of_team;
    struct limit_set of_member; /* of the user in the team */
    struct limit_set of_organization, of_project, of_end_user;
    struct model_limits of_key_models, of_team_models, of_project_models;
    struct holder holders[HOLDER_TAGS];
    struct holder *tags; /* room for CALLER_TAGS_MAX; NULL: none yet */
    size_t tag_count;
    bool aliases_done;
    struct row *aliases; /* names of models of the team; NULL: none */
    struct arena *arena; /* of ids that are made of others */
};

/* Nobody in particular, without limits. */
void caller_init(struct caller *c, struct arena *a);
void caller_free(struct caller *c);

/* i < HOLDER_TAGS + tag_count. */
static inline const struct holder *caller_holder(const struct caller *c, size_t i)
{
    return i < HOLDER_TAGS ? &c->holders[i] : &c->tags[i - HOLDER_TAGS];
}

/* Looks up what the caller's names stand for, as far as they are known by now: user, team, member,
 * organization, project, end user, tags, and the budgets these name. ROWS_FOUND: all that there
 * is; ROWS_AWAY: the database cannot say, of those that the key names. */
enum rows_state caller_look_up(struct caller *c, struct rows *r, struct rows_wait *wait,
                               struct turn_item *item);

/* A row of the key was found: the caller is who it says. Takes the reference. */
void caller_be(struct caller *c, struct row *key);
/* From here on it spends what that user may, and has; its role stays. */
void caller_act_for(struct caller *c, struct slice user);
void caller_add_tag(struct caller *c, struct slice tag); /* twice is once */

/* The name that the caller's own names of models, and its team's models, make of that one. */
struct slice caller_model(const struct caller *c, const struct config *config, struct slice model);

/* The name inside the caller's team of a group that is the team's own; p == NULL: it is not. */
struct slice caller_team_name(const struct caller *c, const struct config *config,
                              struct slice group);

/* Whether key, team, user, … let it ask for that model; if not, `whose` is LiteLLM's word for who
 * does not: "key", "team", … */
bool caller_may_call(const struct caller *c, const struct config *config, struct slice model,
                     const char **whose);

/* What people call a holder; may be empty. */
struct slice caller_alias(const struct caller *c, enum caller_holder holder);

/* What rows of spend call its key and its user: of the master key not even the hash is kept. */
struct slice caller_logged_key(const struct caller *c);
struct slice caller_logged_user(const struct caller *c);

/* "proxy_admin", …; ROLE_NONE: "unknown". */
const char *caller_role_name(enum caller_role role);
enum caller_role caller_role_find(struct slice name);
bool caller_is_team_admin(const struct caller *c);

#endif
