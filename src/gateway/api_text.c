#include "api_text.h"

#include "admin_budget.h"
#include "handlers_admin.h"
#include "key_fields.h"
#include "team_fields.h"
#include "user_fields.h"

#define CHATS   "Chat and text"
#define OTHERS  "Embeddings and rerank"
#define MODELS  "Models"
#define KEYS    "Virtual keys"
#define PEOPLE  "Users"
#define TEAMS   "Teams"
#define FIRMS   "Organizations"
#define BUDGETS "Budgets, customers, tags"
#define SPEND   "Spend"
#define SETTING "Settings"
#define HEALTH  "Health"
#define UI      "Admin UI"
#define UTILITY "Utilities"

#define STREAM "text/event-stream"
#define TEXT   "text/plain"
#define HTML   "text/html"

#define SAYING "[{\"role\":\"user\",\"content\":\"Hello\"}]"
#define DAYS   "start_date end_date"
#define PAGES  " page:i page_size:i"
#define ACTIVITY(one)                                                                              \
    .group = SPEND, .summary = "What was spent by day, model and key, for each " one
#define SAMPLING                                                                                   \
    " stream:b stream_options:o temperature:n top_p:n max_tokens:i stop:a seed:i user metadata:o"  \
    " fallbacks:l num_retries:i timeout:n"

static const struct api_text texts[] = {
#include "api_text_rows.h"
};
#define TEXT_COUNT (sizeof(texts) / sizeof(*texts))

const struct api_text *api_text_at(size_t i)
{
    return i < TEXT_COUNT ? &texts[i] : NULL;
}

/* ---- finding --------------------------------------------------------------------------------- */

static bool belongs(const struct api_text *t, struct slice method, struct slice path)
{
    return slice_eq(slice_of(t->method), method) && slice_ends(path, slice_of(t->path));
}

/* A slash at the end is the same route. */
static struct slice plain(struct slice path)
{
    if (path.n > 1 && slice_ends(path, SLICE("/")))
        path.n--;
    return path;
}

const struct api_text *api_text_find(const struct route *route)
{
    struct slice method = slice_of(route->method), path = plain(slice_of(route->path));
    const struct api_text *best = NULL;
    size_t longest = 0;
    for (const struct api_text *t = texts; t < texts + TEXT_COUNT; t++)
        if (belongs(t, method, path) && strlen(t->path) > longest) {
            best = t;
            longest = strlen(t->path);
        }
    return best;
}

bool api_member_next(struct slice *list, struct api_member *m)
{
    struct slice one = slice_split(list, ' ');
    *m = (struct api_member){.type = 's'};
    m->name = slice_split(&one, ':');
    if (one.n)
        m->type = one.p[0];
    m->needed = slice_ends(m->name, SLICE("!"));
    m->name.n -= m->needed;
    return m->name.n > 0;
}
