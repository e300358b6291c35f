#include "reread.h"

#include "secrets_fetch.h"
#include "stored.h"
#include "worker_private.h"

#include <stdlib.h>

struct reread {
    struct worker *w;
    const char *why;
    struct config *plan;         /* what is asked for; NULL: nothing is under way */
    struct secrets_fetch *fetch; /* NULL likewise */
    bool again;
};

static void on_found(void *user, struct secrets *found)
{
    struct reread *r = user;
    worker_adopt(r->w, stored_reread(r->w->stored, r->w, found), r->why);
    secrets_unref(found);
    config_unref(r->plan);
    r->plan = NULL;
    r->fetch = NULL;
    if (r->again)
        reread_begin(r, r->why);
}

void reread_begin(struct reread *r, const char *why)
{
    r->why = why;
    r->again = r->fetch;
    if (r->fetch)
        return;
    struct config *c = stored_reread(r->w->stored, r->w, NULL);
    if (!c->secrets_plan) {
        worker_adopt(r->w, c, why);
        return;
    }
    r->plan = c;
    r->fetch = secrets_fetch_start(&(struct secrets_job){.turn = &r->w->turn,
                                                         .upstream = r->w->upstream,
                                                         .credentials = r->w->credentials,
                                                         .plan = c->secrets_plan,
                                                         .over = on_found,
                                                         .user = r});
}

struct reread *reread_new(struct worker *w)
{
    struct reread *r = calloc(1, sizeof(*r));
    if (!r)
        abort();
    r->w = w;
    return r;
}

void reread_free(struct reread *r)
{
    if (!r)
        return;
    secrets_fetch_cancel(r->fetch);
    config_unref(r->plan);
    free(r);
}
