/* /key/regenerate, /key/{key}/regenerate, /key/{key}/reset_spend: what happens to a key in its
 * life.
 *
 * Happy path: the row is read, and written again where it is still as it was: one of several that
 * renew a key at once gets to do it. An old key that may be used for a while yet (grace_period) is
 * noted in LiteLLM_DeprecatedVerificationToken with the hash of the new one.
 *
 * Failure modes: no such key, somebody else's, a member of a wrong type; others at the same time.
 */

#include "handlers.h"

#include "audit.h"
#include "base/duration.h"
#include "io/clock.h"
#include "key_access.h"
#include "key_fields.h"
#include "key_rules.h"
#include "wire/crypto.h"

struct renewal {
    yyjson_val *body;
    char hash[KEY_HASH_SIZE];
    char new_hash[KEY_HASH_SIZE];
    struct slice key;     /* the new one */
    double before, after; /* reset_spend */
    size_t statement;     /* whose rows are the answer: */
    const struct store_rows *rows;
};

static struct renewal *renewal_of(struct exchange *ex)
{
    if (!ex->own.state)
        ex->own.state = ARENA_NEW(&ex->arena, struct renewal);
    return ex->own.state;
}

/* Named in the path, or in the body. */
static bool begin(struct exchange *ex, answer_next *next)
{
    struct renewal *r = renewal_of(ex);
    struct slice key = percent_decode(ex->route_item, &ex->arena);
    struct store_job *job;
    r->body = ask_body(ex);
    if (!r->body)
        return false;
    if (!key.n)
        key = json_get_slice(r->body, "key");
    if (!key_hash(key, r->hash)) {
        key_refuse_missing(ex, "Key not found.");
        return false;
    }
    job = ask_new(ex);
    if (!job)
        return false;
    admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(r->hash));
    ask_store(ex, job, next);
    return true;
}

static bool may_go_on(struct exchange *ex)
{
    const struct store_rows *rows = ask_rows(ex, 0);
    if (!rows->count)
        key_refuse_missing(ex, "Key not found.");
    else
        key_may_change(ex, rows, 0);
    return ex->failure.kind == FAILURE_NONE;
}

static bool was_first(struct exchange *ex)
{
    if (store_job_status(ex->own.job) == STORE_OK)
        return true;
    admin_refuse(ex, 409, NULL, "There is such a key already, or others change it now.");
    return false;
}

/* ---- regenerate ------------------------------------------------------------------------------ */

static void write_renewed(struct exchange *ex, struct buf *body)
{
    const struct renewal *r = renewal_of(ex);
    key_fields_write_new(body, r->rows, r->key, r->body, ask_rows(ex, 0));
}

static void renewed(struct exchange *ex, struct buf *body)
{
    struct renewal *r = renewal_of(ex);
    if (key_rules_alias_taken(ex, r->body) || !was_first(ex))
        return;
    r->rows = ask_keep(ex, r->statement);
    admin_budget_ask(ex, r->rows, write_renewed);
}

/* An empty one is none. */
static bool read_grace(struct exchange *ex, yyjson_val *body, int64_t *ms)
{
    yyjson_val *said = json_get(body, "grace_period");
    bool silent = !said || yyjson_is_null(said);
    struct slice grace = silent ? slice_of(ex->config->settings.rules.grace) : json_slice(said);
    *ms = duration_ms(grace);
    if (grace.n && !*ms)
        return failure_bad_param(&ex->failure, &ex->arena, "grace_period",
                                 "grace_period (%s): a duration such as \"24h\" is wanted",
                                 silent ? "LITELLM_KEY_ROTATION_GRACE_PERIOD" : "of the request");
    return true;
}

static bool choose(struct exchange *ex, struct renewal *r)
{
    struct slice own = json_get_slice(r->body, "new_key");
    if (own.n && !slice_starts(own, SLICE("sk-"))) {
        admin_refuse(ex, 400, NULL, "{'error': 'New key must start with \\'sk-\\''}");
        return false;
    }
    if (own.n && !key_rules_own_text(ex))
        return false;
    r->key = own.n ? arena_dup(&ex->arena, own) : key_fields_make(&ex->arena);
    key_hash(r->key, r->new_hash);
    return true;
}

/* Older ones that were still good lead to the new one, too. */
static void keep_old(struct exchange *ex, struct store_job *job, const struct renewal *r,
                     int64_t until)
{
    char id[UUID_SIZE];
    struct store_where where = {"active_token_id", STORE_EQ, store_text(slice_of(r->hash)), 0};
    struct store_cell moved = {"active_token_id", store_text(slice_of(r->new_hash)), STORE_SET};
    random_uuid(id);
    struct store_cell cells[] = {{"id", store_text(arena_dup(&ex->arena, slice_of(id))), STORE_SET},
                                 {"token", store_text(slice_of(r->hash)), STORE_SET},
                                 {"active_token_id", store_text(slice_of(r->new_hash)), STORE_SET},
                                 {"revoke_at", store_time(until), STORE_SET}};
    store_update(job, TABLE_DEPRECATED_VERIFICATION_TOKEN, &moved, 1, &where, 1);
    if (until)
        store_insert(job, TABLE_DEPRECATED_VERIFICATION_TOKEN, cells, 4);
}

/* The next time is an interval from now, unless the request says another one. */
static void set_next(const struct renewal *r, const struct store_rows *rows, int64_t now,
                     struct admin_cells *cells)
{
    int64_t interval = duration_ms(store_rows_text(rows, 0, "rotation_interval"));
    if (interval && !json_get(r->body, "rotation_interval"))
        admin_set(cells, "key_rotation_at", store_time(now + interval));
}

static void renew_found(struct exchange *ex, struct buf *body)
{
    struct renewal *r = renewal_of(ex);
    const struct store_rows *rows = ask_rows(ex, 0);
    struct store_where where = admin_where("token", slice_of(r->hash));
    struct admin_cells cells;
    int64_t now = clock_unix_ms(), grace;
    if (!may_go_on(ex) || !key_may_say(ex, r->body, rows, 0) ||
        !key_rules_bound(ex, r->body, store_rows_text(rows, 0, "key_alias")) ||
        !read_grace(ex, r->body, &grace) || !choose(ex, r) ||
        !key_fields_read(ex, r->body, store_rows_text(rows, 0, "metadata"), &cells))
        return;
    admin_set(&cells, "token", store_text(slice_of(r->new_hash)));
    admin_set(&cells, "key_name", store_text(key_fields_name(r->key, &ex->arena)));
    admin_set(&cells, "updated_by", store_text(admin_who(ex)));
    admin_set(&cells, "last_rotation_at", store_time(now));
    set_next(r, rows, now, &cells);
    admin_set(&cells, "rotation_count",
              store_integer((int64_t)store_rows_number(rows, 0, "rotation_count") + 1));
    struct store_job *job = ask_new(ex);
    key_rules_claim_alias(job, r->body, slice_of(r->hash));
    store_update(job, TABLE_VERIFICATION_TOKEN, cells.v, cells.n, &where, 1);
    store_expect(job, 1);
    audit_changed(ex, job, TABLE_VERIFICATION_TOKEN, rows, 0, &cells);
    keep_old(ex, job, r, grace ? now + grace : 0);
    r->statement = admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(r->new_hash));
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(r->hash));
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(r->new_hash));
    ask_store_conflict(ex, job, renewed);
}

void handle_key_regenerate(struct exchange *ex, struct buf *body)
{
    begin(ex, renew_found);
}

/* ---- reset_spend ----------------------------------------------------------------------------- */

static void write_reset(struct exchange *ex, struct buf *body)
{
    const struct renewal *r = renewal_of(ex);
    const struct store_rows *rows = ask_rows(ex, r->statement);
    struct json_writer w;
    if (!was_first(ex))
        return;
    json_begin(&w, body);
    json_object(&w);
    json_member_string(&w, "key_hash", slice_of(r->hash));
    json_key(&w, "spend"), json_number(&w, r->after);
    json_key(&w, "previous_spend"), json_number(&w, r->before);
    json_key(&w, "max_budget"), store_value_write(&w, store_rows_at(rows, 0, "max_budget"));
    json_key(&w, "budget_reset_at");
    store_value_write(&w, store_rows_at(rows, 0, "budget_reset_at"));
    json_object_end(&w);
}

static void reset_found(struct exchange *ex, struct buf *body)
{
    struct renewal *r = renewal_of(ex);
    struct store_where where = admin_where("token", slice_of(r->hash));
    if (!may_go_on(ex) || !key_may_say(ex, r->body, ask_rows(ex, 0), 0)) /* not its holder */
        return;
    r->before = store_rows_number(ask_rows(ex, 0), 0, "spend");
    if (!json_double(json_get(r->body, "reset_to"), &r->after) || r->after < 0 ||
        r->after > r->before) {
        admin_refuse(ex, 400, NULL, "{'error': 'reset_to must be a number from 0 to the spend'}");
        return;
    }
    /* what is spent meanwhile stays counted */
    struct store_cell cell = {"spend", store_number(r->after - r->before), STORE_ADD};
    struct store_job *job = ask_new(ex);
    store_update(job, TABLE_VERIFICATION_TOKEN, &cell, 1, &where, 1);
    store_expect(job, 1);
    struct admin_cells spend = {.n = 0};
    admin_set(&spend, "spend", store_number(r->after));
    audit_changed(ex, job, TABLE_VERIFICATION_TOKEN, ask_rows(ex, 0), 0, &spend);
    r->statement = admin_select(job, TABLE_VERIFICATION_TOKEN, "token", slice_of(r->hash));
    store_tell(job, TABLE_VERIFICATION_TOKEN, slice_of(r->hash));
    ask_store_conflict(ex, job, write_reset);
}

void handle_key_reset_spend(struct exchange *ex, struct buf *body)
{
    begin(ex, reset_found);
}
