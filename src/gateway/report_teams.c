#include "report_teams.h"

#include "access.h"

#define OWN_ROWS 9 /* conditions joined by OR; others in a report have other numbers */

struct waiting {
    report_teams_next *next;
    void *state; /* the handler's */
};

static void go_on(struct exchange *ex, struct buf *body)
{
    const struct waiting *w = ex->own.state;
    ex->own.state = w->state;
    w->next(ex, access_teams_of_reports(ex));
    (void)body;
}

void report_with_teams(struct exchange *ex, report_teams_next *next)
{
    struct waiting *w;
    if (report_sees_all(ex) || !ex->caller.user.n) {
        next(ex, SLICE("[]"));
        return;
    }
    w = ARENA_NEW(&ex->arena, struct waiting);
    *w = (struct waiting){next, ex->own.state};
    ex->own.state = w;
    access_read(ex, go_on);
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
