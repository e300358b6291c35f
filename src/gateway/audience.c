#include "exchange.h"
#include "observing.h"
#include "worker_private.h"

/* ---- what the client says ------------------------------------------------------------------- */

static bool is_true(yyjson_val *v)
{
    return yyjson_is_true(v) || slice_eq_nocase(json_slice(v), SLICE("true"));
}

static struct slice header(const struct exchange *ex, const char *name)
{
    return ex->head ? http_header_get(ex->head->headers, name) : slice_make(NULL, 0);
}

/* LiteLLM's order: the header that says no, the body, the headers that say yes, the settings. */
static bool redacts(const struct exchange *ex, yyjson_val *body, bool key_says)
{
    yyjson_val *asked = json_get(body, "turn_off_message_logging");
    if (header(ex, "litellm-disable-message-redaction").n)
        return false;
    if (key_says || (asked && !yyjson_is_null(asked)))
        return key_says || is_true(asked);
    return header(ex, "litellm-enable-message-redaction").n ||
           header(ex, "x-litellm-enable-message-redaction").n || ex->config->settings.redact;
}

/* The next name of those that are not told: the header's, or else the key's. */
struct unheard {
    const struct row *key;
    struct slice header;
    bool listed, off;
    size_t i;
};

static struct unheard unheard_of(const struct exchange *ex, const struct row *key)
{
    struct slice list = header(ex, "x-litellm-disable-callbacks");
    return (struct unheard){key, list, list.p != NULL, !ex->config->settings.dynamic_disabling, 0};
}

static bool next_unheard(struct unheard *u, struct slice *name)
{
    if (u->off || (u->listed && !u->header.p))
        return false;
    if (!u->listed && (!u->key || u->i == u->key->unheard_count))
        return false;
    *name = u->listed ? slice_trim(slice_split(&u->header, ',')) : u->key->unheard[u->i++];
    return true;
}

static bool is_unheard(struct unheard u, struct slice name)
{
    struct slice other;
    while (next_unheard(&u, &other))
        if (slice_eq_nocase(other, name))
            return true;
    return false;
}

static uint64_t usual(const struct exchange *ex, struct unheard u)
{
    struct slice name;
    uint64_t told = observing_usual(ex->worker);
    while (next_unheard(&u, &name))
        told &= ~observing_named(ex->worker, name);
    return told;
}

/* ---- what the key says ---------------------------------------------------------------------- */

struct own_list {
    yyjson_val *v;   /* NULL: there is none */
    bool configured; /* the operator wrote it */
};

/* The key's say, or else its team's, or what the configuration says of that. */
static struct own_list own_list(const struct exchange *ex)
{
    const struct row *key = ex->caller.holders[HOLDER_KEY].row;
    const struct row *team = ex->caller.holders[HOLDER_TEAM].row;
    yyjson_val *teams = ex->config->callbacks.teams;
    if (key && key->logging)
        return (struct own_list){key->logging, false};
    if (team && team->logging)
        return (struct own_list){team->logging, false};
    return (struct own_list){
        teams ? yyjson_obj_getn(teams, ex->caller.team.p, ex->caller.team.n) : NULL, true};
}

static unsigned outcomes_of(yyjson_val *entry)
{
    struct slice type = json_get_slice(entry, "callback_type");
    if (slice_eq(type, SLICE("success")))
        return OBSERVE_SUCCESS;
    return slice_eq(type, SLICE("failure")) ? OBSERVE_FAILURE : OBSERVE_BOTH;
}

/* True: one of them says that nobody is to see prompts and answers. */
static bool add_own(struct exchange *ex, struct audience *a, struct own_list own_list,
                    struct unheard u)
{
    size_t i, n;
    yyjson_val *entry;
    bool redact = false;
    yyjson_arr_foreach(own_list.v, i, n, entry)
    {
        struct slice name = json_get_slice(entry, "callback_name");
        yyjson_val *own = json_get(entry, "callback_vars");
        redact = redact || is_true(json_get(own, "turn_off_message_logging"));
        if (!name.n || is_unheard(u, name))
            continue;
        uint64_t sink =
            observing_own(ex->worker, name, own, outcomes_of(entry), own_list.configured);
        if (sink)
            a->told = (a->told & ~observing_named(ex->worker, name)) | sink;
        a->held |= sink;
    }
    observing_hold(ex->worker, a->held);
    return redact;
}

bool audience_own(const struct exchange *ex)
{
    return own_list(ex).v;
}

void audience_choose(struct exchange *ex, yyjson_val *body)
{
    struct audience *a = &ex->audience;
    bool key_redacts = false;
    if (a->chosen)
        return;
    a->chosen = true;
    struct own_list own = own_list(ex);
    if (ex->config->settings.ignore_no_log || !is_true(json_get(body, "no-log"))) {
        struct unheard u = unheard_of(ex, ex->caller.holders[HOLDER_KEY].row);
        a->told = usual(ex, u);
        key_redacts = own.v && add_own(ex, a, own, u);
    }
    a->redact = redacts(ex, body, key_redacts);
}

void audience_release(struct exchange *ex)
{
    observing_release(ex->worker, ex->audience.held);
}
