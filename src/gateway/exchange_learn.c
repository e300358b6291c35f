#include "exchange_learn.h"

#include "worker_private.h"

#define REFUSAL ": Extra inputs are not permitted"
#define TOOLS   "tools."

static uint64_t key_of(const struct exchange *ex, const char *of, struct slice name)
{
    uint64_t h = affinity_hash(0, slice_of(ex->model->key));
    return affinity_hash(affinity_hash(h, slice_of(of)), name);
}

static bool is_refused(const struct exchange *ex, const char *of, const struct llm_extra *e)
{
    int64_t now = turn_now(&ex->worker->turn);
    return e->optional && affinity_get(ex->worker->refused, key_of(ex, of, e->name), now);
}

/* ---- learning ------------------------------------------------------------------------------ */

/* "ValidationException: tools.0.custom.defer_loading: Extra inputs …" → "tools.0.custom.…" */
static struct slice refused_path(struct slice message)
{
    ptrdiff_t at = slice_find(message, SLICE(REFUSAL));
    size_t from = at < 0 ? 0 : (size_t)at;
    while (from && message.p[from - 1] != ' ')
        from--;
    return at < 0 ? slice_make(NULL, 0) : slice_make(message.p + from, (size_t)at - from);
}

static bool has(const struct llm_extra *list, struct slice name)
{
    while (list && !(list->optional && slice_eq(list->name, name)))
        list = list->next;
    return list != NULL;
}

static bool tools_have(const struct llm_tool *t, struct slice name)
{
    while (t && !has(t->extra, name))
        t = t->next;
    return t != NULL;
}

static struct slice last_segment(struct slice path)
{
    for (ptrdiff_t at; (at = slice_find_char(path, '.')) >= 0;)
        path = slice_skip(path, (size_t)at + 1);
    return path;
}

bool exchange_learn(struct exchange *ex)
{
    const struct failure *f = &ex->failure;
    const struct llm_request *r = &ex->effective;
    if (f->kind != FAILURE_BAD_REQUEST || !f->upstream || !r->anthropic || ex->released ||
        ex->clientside)
        return false;
    struct slice path = refused_path(f->message), rest = path;
    bool of_tool = slice_starts(path, SLICE(TOOLS));
    struct slice name = of_tool ? last_segment(path) : slice_split(&rest, '.');
    if (!name.n || !(of_tool ? tools_have(r->tools, name) : has(r->extra, name)))
        return false;
    if (ex->learned++ == LEARN_MAX)
        return false;
    affinity_put(ex->worker->refused, key_of(ex, of_tool ? TOOLS : "", name), 1, LEARN_TTL_MS,
                 turn_now(&ex->worker->turn));
    return true;
}

/* ---- leaving out --------------------------------------------------------------------------- */

static bool any_refused(const struct exchange *ex, const char *of, const struct llm_extra *list)
{
    while (list && !is_refused(ex, of, list))
        list = list->next;
    return list != NULL;
}

/* The list belongs to the request, which may be tried again at another model. */
static struct llm_extra *without_refused(struct exchange *ex, const char *of,
                                         const struct llm_extra *list)
{
    struct llm_extra *kept = NULL, **tail = &kept;
    for (; list; list = list->next) {
        if (is_refused(ex, of, list))
            continue;
        *tail = arena_alloc(&ex->prompt, sizeof(**tail));
        **tail = *list;
        (*tail)->next = NULL;
        tail = &(*tail)->next;
    }
    ex->effective.left_out = true;
    return kept;
}

static struct llm_tool *copy_tools(struct exchange *ex, const struct llm_tool *list)
{
    struct llm_tool *copy = NULL, **tail = &copy;
    for (; list; list = list->next) {
        *tail = arena_alloc(&ex->prompt, sizeof(**tail));
        **tail = *list;
        (*tail)->next = NULL;
        tail = &(*tail)->next;
    }
    return copy;
}

static bool any_tool_refused(const struct exchange *ex, const struct llm_tool *t)
{
    while (t && !any_refused(ex, TOOLS, t->extra))
        t = t->next;
    return t != NULL;
}

void exchange_leave_out(struct exchange *ex)
{
    struct llm_request *r = &ex->effective;
    if (!r->anthropic || !affinity_count(ex->worker->refused))
        return;
    if (any_refused(ex, "", r->extra))
        r->extra = without_refused(ex, "", r->extra);
    if (!any_tool_refused(ex, r->tools))
        return;
    r->tools = copy_tools(ex, r->tools);
    for (struct llm_tool *t = r->tools; t; t = t->next)
        t->extra = without_refused(ex, TOOLS, t->extra);
}
