/* What somebody changed by hand: keys, teams, users, models. Told when the request is over that did
 * it, in the words of its body; of keys the beginning of their hash, never more. */

#include "admin.h"
#include "alerting.h"
#include "exchange.h"
#include "report.h"
#include "worker_private.h"

#define TEXT_MAX   ((size_t)8 * 1024)
#define VALUE_MAX  500 /* bytes of a member's value … */
#define KEYS_MAX   20  /* … and keys of a list, which are told */
#define KEY_DIGITS 12  /* as in the log */

struct change {
    const char *path;
    enum alert_type type;
    const char *subject;
};

static const struct change changes[] = {
    {"/key/generate", ALERT_NEW_VIRTUAL_KEY_CREATED, "A key was created"},
    {"/key/service-account/generate", ALERT_NEW_VIRTUAL_KEY_CREATED, "A key was created"},
    {"/key/update", ALERT_VIRTUAL_KEY_UPDATED, "A key was updated"},
    {"/key/bulk_update", ALERT_VIRTUAL_KEY_UPDATED, "Keys were updated"},
    {"/key/block", ALERT_VIRTUAL_KEY_UPDATED, "A key was blocked"},
    {"/key/unblock", ALERT_VIRTUAL_KEY_UPDATED, "A key was unblocked"},
    {"/key/regenerate", ALERT_VIRTUAL_KEY_UPDATED, "A key was regenerated"},
    {"/key/{item}/regenerate", ALERT_VIRTUAL_KEY_UPDATED, "A key was regenerated"},
    {"/key/delete", ALERT_VIRTUAL_KEY_DELETED, "Keys were deleted"},
    {"/team/new", ALERT_NEW_TEAM_CREATED, "A team was created"},
    {"/team/update", ALERT_TEAM_UPDATED, "A team was updated"},
    {"/team/block", ALERT_TEAM_UPDATED, "A team was blocked"},
    {"/team/unblock", ALERT_TEAM_UPDATED, "A team was unblocked"},
    {"/team/delete", ALERT_TEAM_DELETED, "Teams were deleted"},
    {"/user/new", ALERT_NEW_INTERNAL_USER_CREATED, "A user was created"},
    {"/user/update", ALERT_INTERNAL_USER_UPDATED, "A user was updated"},
    {"/user/bulk_update", ALERT_INTERNAL_USER_UPDATED, "Users were updated"},
    {"/user/delete", ALERT_INTERNAL_USER_DELETED, "Users were deleted"},
    {"/model/new", ALERT_NEW_MODEL_ADDED, "A model was added"},
};

/* Of bodies: what says which one it is, and what it may do. */
static const char *const told[] = {
    "model_name", "key_alias",  "key_aliases", "user_id",         "user_ids",
    "user_email", "user_role",  "team_id",     "team_ids",        "team_alias",
    "models",     "max_budget", "soft_budget", "budget_duration", "organization_id",
    "duration",   "tpm_limit",  "rpm_limit",   "service_account"};

static void add_keys(struct exchange *ex, struct buf *b, yyjson_val *v)
{
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    yyjson_val *one = yyjson_is_str(v) ? v : yyjson_arr_iter_next(&it);
    for (int i = 0; one && i < KEYS_MAX; i++, one = yyjson_arr_iter_next(&it)) {
        struct slice hash = report_key(ex, json_slice(one));
        buf_addf(b, "Key: `%.*s`\n", (int)(hash.n < KEY_DIGITS ? hash.n : KEY_DIGITS),
                 hash.p ? hash.p : "");
    }
}

static struct slice text_of(struct exchange *ex, struct buf *b)
{
    yyjson_val *body = ex->own.given;
    for (size_t i = 0; i < sizeof(told) / sizeof(*told); i++) {
        yyjson_val *v = json_get(body, told[i]);
        struct slice value = v && !yyjson_is_null(v) ? json_text_of(v, &ex->arena) : SLICE("");
        if (value.n)
            buf_addf(b, "%s: `%.*s`\n", told[i], (int)(value.n < VALUE_MAX ? value.n : VALUE_MAX),
                     value.p);
    }
    add_keys(ex, b, json_get(body, "key"));
    add_keys(ex, b, json_get(body, "keys"));
    buf_addf(b, "By: `%.*s`\nCall id: `%s`", SLICE_ARG(admin_who(ex)), ex->id);
    return buf_slice(b);
}

static void tell(struct alerting *a, struct exchange *ex, const struct change *c)
{
    struct buf text;
    buf_init(&text, TEXT_MAX);
    alerting_tell(a, &(struct alerting_news){.type = c->type,
                                             .level = "Low",
                                             .key = slice_of(ex->id),
                                             .quiet_ms = 1,
                                             .subject = slice_of(c->subject),
                                             .text = text_of(ex, &text)});
    buf_fini(&text);
}

void alerting_change(struct alerting *a, struct exchange *ex)
{
    for (size_t i = 0; ex->status < 300 && i < sizeof(changes) / sizeof(*changes); i++)
        if (alerting_wants(a, changes[i].type) && strcmp(changes[i].path, ex->route->path) == 0)
            tell(a, ex, &changes[i]);
}
