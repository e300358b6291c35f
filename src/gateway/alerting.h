#ifndef GATEWAY_ALERTING_H
#define GATEWAY_ALERTING_H

/* general_settings.alerting: what happens here that people should look at, told to Slack, a
 * webhook, or by e-mail (observe/alert.h).
 *
 * The same thing is told once in a while, however many requests and processes meet it: this process
 * remembers what it told (ALERTING_SEEN_MAX things), and asks the shared state whether another one
 * did; what was not told is counted and said with the next one. Bounded: ALERTING_PENDING_MAX
 * alerts wait for that answer, further ones are dropped and counted in the log; then the bounds of
 * outboxes hold. No request waits for anything here. */

#include "budgets.h"
#include "observe/alert.h"
#include "observe/observe.h"

#define ALERTING_SEEN_MAX    256
#define ALERTING_PENDING_MAX 32
#define ALERTING_QUIET_MS    60000 /* the same failure is not told again for so long */

struct alerting;
struct exchange;
struct worker;

/* Whether the configuration names anybody. */
bool alerting_wanted(const struct config *c);

/* NULL: nobody is to be told. A channel that cannot be used is an error in the log. */
struct alerting *alerting_new(struct worker *w);
/* As observe_flush, before the database closes: no report is made from here on. */
void alerting_flush(struct alerting *a, unsigned ms);
void alerting_each(const struct alerting *a,
                   void (*each)(void *ctx, const char *name, const struct outbox_stats *s),
                   void *ctx);
void alerting_free(struct alerting *a); /* before the shared state; NULL is fine */

/* A request is over. */
void alerting_request(struct alerting *a, const struct record *draft);

/* A request of the gateway's own routes is over, which may have changed keys, teams, users or
 * models.
 */
void alerting_change(struct alerting *a, struct exchange *ex);

/* After a failure with that status a deployment rests. */
void alerting_rests(struct alerting *a, const struct deployment *d, struct slice model, int status);

/* `spent` USD of a budget are. NULL is fine. */
void alerting_budget(struct alerting *a, const struct exchange *ex, const struct budget *b,
                     double spent);

/* One alert for that channel alone, to see whether it comes. False: it is not in use. */
bool alerting_test(struct alerting *a, struct slice channel);

/* ---- for the files behind it ----------------------------------------------------------------- */

struct alerting_event { /* LiteLLM's WebhookEvent, as far as it is known; slices may be empty */
    const char *event;  /* NULL: the name of the alert's type */
    const char *group;  /* NULL: "proxy" */
    double spend, most, soft; /* USD; < 0: none */
    struct slice token, key_alias, user, user_email, team, team_alias, customer, organization;
};

struct alerting_news {
    enum alert_type type;
    const char *level;
    struct slice key; /* what makes it the same */
    int64_t quiet_ms; /* for which the same is not told again */
    struct slice subject, text;
    const struct alerting_event *event; /* NULL: no budget is concerned */
};

bool alerting_wants(const struct alerting *a, enum alert_type type);
void alerting_tell(struct alerting *a, const struct alerting_news *news);

/* At once, and to all that want its type. */
void alerting_send(struct alerting *a, const struct alerting_news *news);

/* alerting_digest.c: gathers what is the same (alert_type_config), all workers together, in memory
 * that is made before they are forked (NULL: nothing is gathered). It is told when its interval is
 * over, or the last worker ends. */
#define ALERTING_DIGESTS_MAX 64 /* beyond them: told as if nothing was gathered */
struct digest_memory;
struct digest_memory *alerting_digest_memory(const struct config *c);
void alerting_digest_memory_free(struct digest_memory *m); /* NULL is fine */
struct alerting_digests;
struct alerting_digests *alerting_digests_new(struct alerting *a, struct worker *w);
bool alerting_digests_take(struct alerting_digests *d, const struct alerting_news *news);
void alerting_digests_free(struct alerting_digests *d); /* NULL is fine */

/* alerting_watch.c: looks now and then for requests that hang and a database that is away. */
struct alerting_watch;
struct alerting_watch *alerting_watch_new(struct alerting *a, struct worker *w);
void alerting_watch_free(struct alerting_watch *watch); /* NULL is fine */

/* alerting_failures.c: counts failures of models and deployments. */
struct alerting_failures;
struct alerting_failures *alerting_failures_new(struct alerting *a, struct worker *w);
void alerting_failures_free(struct alerting_failures *f); /* NULL is fine */
void alerting_failures_note(struct alerting_failures *f, const struct record *r);

/* alerting_daily.c, alerting_spend.c: reports now and then; NULL: not wanted, or (of spend) there
 * is no database. */
struct alerting_daily;
struct alerting_daily *alerting_daily_new(struct alerting *a, struct worker *w);
void alerting_daily_free(struct alerting_daily *d); /* NULL is fine, here and below */
void alerting_daily_note(struct alerting_daily *d, const struct record *r);

struct alerting_spend;
struct alerting_spend *alerting_spend_new(struct alerting *a, struct worker *w);
void alerting_spend_free(struct alerting_spend *s);

#endif
