/* Budgets that are used up, or nearly. By what is spent, not by its crossing something: a sum that
 * other processes add to may pass a limit unseen. LiteLLM's shares: 85 and 95 %. */

#include "alerting.h"
#include "exchange.h"
#include "worker_private.h"

#define NEAR  0.85
#define CLOSE 0.95

struct crossing {
    const char *event, *what;
    double limit; /* USD that the sentence names */
};

/* Event NULL: nothing to tell. */
static struct crossing crossing_of(const struct budget *b, double spent)
{
    if (b->most >= 0 && spent >= b->most)
        return (struct crossing){"budget_crossed", "is used up", b->most};
    if (b->most >= 0 && spent >= b->most * CLOSE)
        return (struct crossing){"threshold_crossed", "has less than 5 % left", b->most};
    if (b->most >= 0 && spent >= b->most * NEAR)
        return (struct crossing){"threshold_crossed", "has less than 15 % left", b->most};
    if (b->soft >= 0 && spent >= b->soft)
        return (struct crossing){"soft_budget_crossed", "is over its soft limit", b->soft};
    return (struct crossing){0};
}

/* LiteLLM's event groups; ours for what it has none for. */
static const char *group_of(const struct budget *b)
{
    static const char *const groups[] = {[HOLDER_KEY] = "key",
                                         [HOLDER_USER] = "internal_user",
                                         [HOLDER_TEAM] = "team",
                                         [HOLDER_MEMBER] = "team_member",
                                         [HOLDER_ORGANIZATION] = "organization",
                                         [HOLDER_PROJECT] = "project",
                                         [HOLDER_END_USER] = "customer",
                                         [HOLDER_TAGS] = "tag"};
    return b->kind == BUDGET_OF_ALL ? "proxy" : groups[b->holder];
}

static struct slice subject_of(const struct budget *b, const struct crossing *c, struct arena *a)
{
    struct slice who = b->who.n ? b->who : SLICE("all requests");
    struct slice of_model = b->model.n ? ARENA_JOIN(a, SLICE(" for "), b->model) : SLICE("");
    return arena_printf(a, "The budget of %s %.*s%.*s %s", group_of(b), SLICE_ARG(who),
                        SLICE_ARG(of_model), c->what);
}

static struct slice text_of(const struct budget *b, const struct crossing *c, double spent,
                            struct arena *a)
{
    char is[SLICE_MONEY], most[SLICE_MONEY];
    struct slice left = slice_money(spent, is), limit = slice_money(c->limit, most);
    return arena_printf(a, "Event: `%s`\nSpend: `%.*s` USD\nBudget: `%.*s` USD\nPeriod: `%.*s`",
                        c->event, SLICE_ARG(left), SLICE_ARG(limit),
                        SLICE_ARG(b->period.n ? b->period : SLICE("-")));
}

void alerting_budget(struct alerting *a, const struct exchange *ex, const struct budget *b,
                     double spent)
{
    struct arena arena;
    const struct caller *caller = &ex->caller;
    const struct row *user = caller->holders[HOLDER_USER].row;
    if (!a || !alerting_wants(a, ALERT_BUDGET_ALERTS))
        return;
    struct crossing c = crossing_of(b, spent);
    if (!c.event)
        return;
    arena_init(&arena);
    struct slice subject = subject_of(b, &c, &arena);
    const struct alerting_event event = {
        .event = c.event,
        .group = group_of(b),
        .spend = spent,
        .most = b->most,
        .soft = b->soft,
        .token = caller->key,
        .key_alias = caller->alias,
        .user = caller->user,
        .user_email = user ? user->email : SLICE(""),
        .team = caller->team,
        .team_alias = caller_alias(caller, HOLDER_TEAM),
        .customer = b->holder == HOLDER_END_USER ? caller->end_user : SLICE(""),
        .organization = caller->organization,
    };
    alerting_tell(a, &(struct alerting_news){
                         .type = ALERT_BUDGET_ALERTS,
                         .level = "High",
                         .key = ARENA_JOIN(&arena, subject, SLICE("\n"), b->id),
                         .quiet_ms = (int64_t)(ex->config->alerting.budget_ttl * 1000) + 1,
                         .subject = subject,
                         .text = text_of(b, &c, spent, &arena),
                         .event = &event,
                     });
    arena_fini(&arena);
}
