/* The cache of rows over a real database: one question for all, what is remembered, changes that
 * others tell, what was spent by whom, periods, and a database that is away. */

#include "../state/store_world.h"
#include "base/date.h"
#include "caller.h"
#include "io/clock.h"
#include "tracker.h"

#include <stdio.h>

#define PROCESSES 2

/* A process: what it says reaches both. */
struct process {
    struct shared shared;
    struct tracker *tracker;
    struct gossip *gossip;
    struct rows *rows;
};

/* One that asks. */
struct asker {
    struct rows_wait wait;
    struct turn_item item;
    unsigned woken;
};

static struct {
    struct world *w;
    struct process p[PROCESSES];
    struct asker asker;
    bool connected; /* the store said so to those who watch it */
} f;

static void on_woken(struct turn_item *item)
{
    LIST_ENTRY(item, struct asker, item)->woken++;
}

static bool is_woken(struct world *w)
{
    (void)w;
    return f.asker.woken;
}

static void on_publish(struct shared *s, struct slice message)
{
    (void)s;
    for (int i = 0; i < PROCESSES; i++)
        f.p[i].shared.hearer.heard(f.p[i].shared.hearer.ctx, message);
}

static const struct shared_ops ops = {.publish = on_publish};

static void on_change(void *user, enum store_table_id table, struct slice key)
{
    (void)user, (void)table;
    f.connected = f.connected || !key.n;
}

/* Jobs run one after the other: by then those before it are done, and heard of. */
static void run_a_job(void)
{
    struct store_job *job = store_job_new(f.w->store);
    store_count(job, &(struct store_query){.table = TABLE_USER_TABLE});
    store_job_free(world_run(f.w, job));
}

/* With the connection anything may have changed, and is asked for again: a test that counts
 * questions has to begin after that. */
static void wait_connected(void)
{
    while (!f.connected)
        run_a_job();
    for (int64_t at = turn_now(&f.w->turn); turn_now(&f.w->turn) == at;)
        run_a_job();
}

static void begin(void **state, const struct store_options *store, const struct rows_options *o)
{
    memset(&f, 0, sizeof(f));
    f.w = *state;
    if (store)
        world_open(f.w, store);
    turn_item_init(&f.asker.item, on_woken);
    for (int i = 0; i < PROCESSES; i++) {
        struct process *p = &f.p[i];
        p->shared.ops = &ops;
        p->tracker = tracker_new();
        p->gossip = gossip_new(&f.w->turn, &p->shared, p->tracker, false);
    }
    for (int i = 0; i < PROCESSES; i++)
        f.p[i].rows = rows_new(&f.w->turn, f.w->store, f.p[i].gossip, o);
    if (store)
        store_watch(f.w->store, on_change, &f);
    if (store && !store->url)
        wait_connected();
}

static void end(void)
{
    if (f.w->store)
        store_unwatch(f.w->store, &f);
    rows_leave(&f.asker.wait);
    turn_unmark(&f.asker.item);
    for (int i = 0; i < PROCESSES; i++) {
        rows_free(f.p[i].rows);
        gossip_free(f.p[i].gossip);
        tracker_free(f.p[i].tracker);
    }
    uv_run(&f.w->loop, UV_RUN_NOWAIT);
}

/* As a request does: asks, and again when it is told to. The row is to be given back. */
static enum rows_state get(int process, enum row_kind kind, const char *id, struct row **row)
{
    enum rows_state s;
    *row = NULL;
    while ((s = rows_get(f.p[process].rows, kind, slice_of(id), &f.asker.wait, &f.asker.item,
                         row)) == ROWS_COMING) {
        f.asker.woken = 0;
        world_wait(f.w, is_woken);
    }
    return s;
}

static double spend_at(int process, enum row_kind kind, const char *id)
{
    struct row *row;
    assert_int_equal(get(process, kind, id, &row), ROWS_FOUND);
    double usd = rows_spend(f.p[process].rows, row);
    row_unref(row);
    return usd;
}

static void put(enum store_table_id table, struct store_cell *cells, size_t n)
{
    struct store_job *job = store_job_new(f.w->store);
    store_upsert(job, table, cells, n);
    store_job_free(world_ok(f.w, job));
}

static void tell(enum store_table_id table, struct slice key)
{
    struct store_job *job = store_job_new(f.w->store);
    store_tell(job, table, key);
    store_job_free(world_ok(f.w, job));
}

#define TEXT(column, text)                                                                         \
    {                                                                                              \
        (column), store_text(SLICE(text)), STORE_SET                                               \
    }
#define NUMBER(column, number)                                                                     \
    {                                                                                              \
        (column), store_number(number), STORE_SET                                                  \
    }
#define WRITE(table, ...)                                                                          \
    put((table), (struct store_cell[]){__VA_ARGS__},                                               \
        sizeof((struct store_cell[]){__VA_ARGS__}) / sizeof(struct store_cell))

static uint64_t jobs_done(void)
{
    struct store_stats s;
    store_stats(f.w->store, &s);
    return s.jobs;
}

/* ---- what is remembered ---------------------------------------------------------------------- */

static void test_one_question_for_all(void **state)
{
    struct row *row = NULL;
    struct rows_wait other = {0};
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    WRITE(TABLE_VERIFICATION_TOKEN, TEXT("token", "k"), TEXT("key_alias", "first"));
    uint64_t before = jobs_done();
    for (int i = 0; i < 3; i++)
        assert_int_equal(
            rows_get(f.p[0].rows, ROW_KEY, SLICE("k"), i ? NULL : &other, &f.asker.item, &row),
            ROWS_COMING);
    rows_leave(&other); /* whoever left is not told */
    assert_int_equal(get(0, ROW_KEY, "k", &row), ROWS_FOUND);
    check_text(row->alias, "first");
    row_unref(row);
    assert_int_equal(get(0, ROW_KEY, "k", &row), ROWS_FOUND); /* at once */
    row_unref(row);
    assert_int_equal(jobs_done(), before + 1);
    end();
}

static void test_changes_are_heard_of(void **state)
{
    struct row *row, *old;
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    assert_int_equal(get(0, ROW_USER, "u", &row), ROWS_UNKNOWN);
    uint64_t before = jobs_done();
    assert_int_equal(get(0, ROW_USER, "u", &row), ROWS_UNKNOWN); /* that is remembered too */
    assert_int_equal(jobs_done(), before);
    WRITE(TABLE_USER_TABLE, TEXT("user_id", "u"), TEXT("user_role", "internal_user"));
    tell(TABLE_USER_TABLE, SLICE("u"));
    assert_int_equal(get(0, ROW_USER, "u", &old), ROWS_FOUND);
    WRITE(TABLE_USER_TABLE, TEXT("user_id", "u"), TEXT("user_role", "proxy_admin"));
    tell(TABLE_USER_TABLE, SLICE("u"));
    assert_int_equal(get(0, ROW_USER, "u", &row), ROWS_FOUND);
    check_text(old->role, "internal_user"); /* who has it keeps it as it was */
    check_text(row->role, "proxy_admin");
    row_unref(old);
    row_unref(row);
    end();
}

static void test_only_so_many_are_remembered(void **state)
{
    struct row *row;
    begin(state, &(struct store_options){0}, &(struct rows_options){.most = 1});
    WRITE(TABLE_USER_TABLE, TEXT("user_id", "a"));
    WRITE(TABLE_USER_TABLE, TEXT("user_id", "b"));
    for (const char *id = "aba"; *id; id++) {
        const char name[] = {*id, 0};
        uint64_t before = jobs_done();
        assert_int_equal(get(0, ROW_USER, name, &row), ROWS_FOUND);
        row_unref(row);
        assert_int_equal(jobs_done(), before + 1);
    }
    end();
}

/* An old key is good for a while yet, and leads to the new one. */
static void test_a_key_that_was_replaced(void **state)
{
    struct row *row;
    int64_t until = clock_unix_ms() + 3600000;
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    WRITE(TABLE_DEPRECATED_VERIFICATION_TOKEN, TEXT("id", "1"), TEXT("token", "old"),
          TEXT("active_token_id", "new"), {"revoke_at", store_time(until), STORE_SET});
    WRITE(TABLE_DEPRECATED_VERIFICATION_TOKEN, TEXT("id", "2"), TEXT("token", "older"),
          TEXT("active_token_id", "new"), {"revoke_at", store_time(1000), STORE_SET});
    assert_int_equal(get(0, ROW_KEY, "old", &row), ROWS_FOUND);
    check_text(row->active, "new");
    assert_true(row->expires == until);
    row_unref(row);
    assert_int_equal(get(0, ROW_KEY, "older", &row), ROWS_UNKNOWN);
    end();
}

/* ---- what was spent -------------------------------------------------------------------------- */

static void test_spend_of_both(void **state)
{
    struct row *row;
    begin(state, &(struct store_options){0}, &(struct rows_options){.settle_ms = 100});
    WRITE(TABLE_TEAM_TABLE, TEXT("team_id", "t"), NUMBER("spend", 1), NUMBER("max_budget", 9));
    assert_true(spend_at(0, ROW_TEAM, "t") == 1 && spend_at(1, ROW_TEAM, "t") == 1);
    rows_spent(f.p[0].rows, ROW_TEAM, SLICE("t"), 2);
    rows_hold(f.p[0].rows, ROW_TEAM, SLICE("t"), 4);
    assert_true(spend_at(0, ROW_TEAM, "t") == 3);
    uv_run(&f.w->loop, UV_RUN_NOWAIT); /* it is said at the turn's end */
    assert_true(spend_at(1, ROW_TEAM, "t") == 3 && spend_at(0, ROW_TEAM, "t") == 3);
    assert_int_equal(get(0, ROW_TEAM, "t", &row), ROWS_FOUND);
    assert_true(rows_reserved(f.p[0].rows, row) == 4 && rows_reserved(f.p[1].rows, row) == 0);
    rows_hold(f.p[0].rows, ROW_TEAM, SLICE("t"), -4);
    assert_true(rows_reserved(f.p[0].rows, row) == 0);
    row_unref(row);
    rows_spent(f.p[0].rows, ROW_TEAM, SLICE("nobody's"), 2); /* fine */
    end();
}

/* What the database says by then is not counted twice. */
static void test_spend_that_was_written(void **state)
{
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    WRITE(TABLE_TEAM_TABLE, TEXT("team_id", "t"), NUMBER("spend", 1));
    assert_true(spend_at(0, ROW_TEAM, "t") == 1);
    rows_spent(f.p[0].rows, ROW_TEAM, SLICE("t"), 2);
    WRITE(TABLE_TEAM_TABLE, TEXT("team_id", "t"), NUMBER("spend", 3));
    tell(TABLE_TEAM_TABLE, SLICE("t"));
    assert_true(spend_at(0, ROW_TEAM, "t") == 3);
    end();
}

static void test_sums(void **state)
{
    static const struct {
        const char *model, *period;
        double sum;
    } sums[] = {{"", "", 7}, {"m", "", 3}, {"m", "1d", 2}, {"none", "", 0}};
    struct arena a;
    char today[64];
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    arena_init(&a);
    date_format(clock_unix_ms(), today);
    today[10] = '\0';
    WRITE(TABLE_DAILY_USER_SPEND, TEXT("id", "1"), TEXT("user_id", "u"), TEXT("api_key", "k"),
          TEXT("date", "2020-01-01"), TEXT("model_group", "m"), NUMBER("spend", 1));
    WRITE(TABLE_DAILY_USER_SPEND, TEXT("id", "2"), TEXT("user_id", "u"), TEXT("api_key", "k"),
          {"date", store_text(slice_of(today)), STORE_SET}, TEXT("model_group", "m"),
          NUMBER("spend", 2));
    WRITE(TABLE_DAILY_USER_SPEND, TEXT("id", "3"), TEXT("user_id", "u"), TEXT("api_key", "k"),
          TEXT("date", "2020-01-01"), TEXT("model_group", "n"), NUMBER("spend", 4));
    for (size_t i = 0; i < sizeof(sums) / sizeof(*sums); i++) {
        struct slice id = rows_tally_id(&a, "user", SLICE("u"), slice_of(sums[i].model),
                                        slice_of(sums[i].period));
        assert_true(spend_at(0, ROW_TALLY, arena_strdup(&a, id)) == sums[i].sum);
    }
    arena_fini(&a);
    end();
}

/* ---- periods --------------------------------------------------------------------------------- */

static void write_old_period(void)
{
    WRITE(TABLE_VERIFICATION_TOKEN, TEXT("token", "k"), NUMBER("spend", 5),
          TEXT("budget_duration", "1d"), {"budget_reset_at", store_time(1000), STORE_SET});
}

static void test_a_period_begins_anew(void **state)
{
    struct row *row;
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    write_old_period();
    assert_true(spend_at(0, ROW_KEY, "k") == 5);
    run_a_job();
    assert_true(spend_at(0, ROW_KEY, "k") == 0);
    assert_int_equal(get(0, ROW_KEY, "k", &row), ROWS_FOUND);
    assert_true(row->reset_at > clock_unix_ms());
    row_unref(row);
    end();
}

static void test_no_period_begins_anew(void **state)
{
    begin(state, &(struct store_options){0}, &(struct rows_options){.keep_periods = true});
    write_old_period();
    uint64_t before = jobs_done();
    assert_true(spend_at(0, ROW_KEY, "k") == 5);
    assert_true(spend_at(0, ROW_KEY, "k") == 5);
    assert_int_equal(jobs_done(), before + 1);
    end();
}

/* ---- without a database ---------------------------------------------------------------------- */

static void test_the_database_is_away(void **state)
{
    struct row *row;
    begin(state, &(struct store_options){.url = "postgresql://nobody@127.0.0.1:1/none"},
          &(struct rows_options){0});
    assert_int_equal(get(0, ROW_KEY, "k", &row), ROWS_AWAY);
    assert_int_equal(get(0, ROW_TALLY, "user\n\n\nu", &row), ROWS_FOUND); /* counted from now on */
    assert_true(row->spend == 0);
    row_unref(row);
    end();
}

static void test_no_database(void **state)
{
    struct row *row;
    begin(state, NULL, &(struct rows_options){0});
    assert_false(rows_have_database(f.p[0].rows) || rows_have_database(NULL));
    assert_int_equal(get(0, ROW_KEY, "k", &row), ROWS_UNKNOWN);
    assert_int_equal(get(0, ROW_TALLY, "user\n\n\nu", &row), ROWS_FOUND);
    rows_spent(f.p[0].rows, ROW_TALLY, row->id, 3);
    assert_true(rows_spend(f.p[0].rows, row) == 3);
    row_unref(row);
    end();
}

/* ---- who stands behind a key ----------------------------------------------------------------- */

static enum rows_state look_up(struct caller *c)
{
    enum rows_state s;
    while ((s = caller_look_up(c, f.p[0].rows, &f.asker.wait, &f.asker.item)) == ROWS_COMING) {
        f.asker.woken = 0;
        world_wait(f.w, is_woken);
    }
    return s;
}

static void write_everybody(void)
{
    struct store_cell slow[] = {TEXT("budget_id", "slow"),
                                {"rpm_limit", store_integer(1), STORE_SET},
                                TEXT("created_by", "me"),
                                TEXT("updated_by", "me")};
    put(TABLE_BUDGET_TABLE, slow, 4);
    WRITE(TABLE_VERIFICATION_TOKEN, TEXT("token", "k"), TEXT("user_id", "u"), TEXT("team_id", "t"));
    WRITE(TABLE_USER_TABLE, TEXT("user_id", "u"), TEXT("user_role", "internal_user"));
    WRITE(TABLE_TEAM_TABLE, TEXT("team_id", "t"), TEXT("organization_id", "o"));
    WRITE(TABLE_TEAM_MEMBERSHIP, TEXT("user_id", "u"), TEXT("team_id", "t"),
          TEXT("budget_id", "slow"));
    WRITE(TABLE_END_USER_TABLE, TEXT("user_id", "c"), TEXT("budget_id", "slow"),
          {"blocked", store_flag(true), STORE_SET});
}

static void test_everybody_behind_a_key(void **state)
{
    struct caller c;
    struct arena a;
    struct row *key;
    begin(state, &(struct store_options){0}, &(struct rows_options){0});
    write_everybody();
    arena_init(&a);
    caller_init(&c, &a);
    assert_int_equal(get(0, ROW_KEY, "k", &key), ROWS_FOUND);
    caller_be(&c, key);
    c.end_user = SLICE("c");
    caller_add_tag(&c, SLICE("no row"));
    assert_int_equal(look_up(&c), ROWS_FOUND);
    assert_int_equal(c.role, ROLE_INTERNAL_USER);
    check_text(c.organization, "o"); /* the team's; it has no row */
    assert_true(c.holders[HOLDER_TEAM].row && !c.holders[HOLDER_ORGANIZATION].row);
    assert_true(c.holders[HOLDER_END_USER].row->blocked && !c.tags[0].row);
    assert_int_equal(c.of_member.rpm, 1);
    assert_int_equal(c.of_end_user.rpm, 1);
    assert_int_equal(c.of_user.rpm, LIMIT_NONE);
    caller_free(&c);
    arena_fini(&a);
    end();
}

/* What the key names has to be known; what the request names besides, not. */
static void test_everybody_while_the_database_is_away(void **state)
{
    static const struct {
        const char *user, *end_user;
        enum rows_state state;
    } cases[] = {{"", "", ROWS_FOUND}, {"", "c", ROWS_FOUND}, {"u", "", ROWS_AWAY}};
    begin(state, &(struct store_options){.url = "postgresql://nobody@127.0.0.1:1/none"},
          &(struct rows_options){0});
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        struct caller c;
        struct arena a;
        arena_init(&a);
        caller_init(&c, &a);
        c.user = slice_of(cases[i].user);
        c.end_user = slice_of(cases[i].end_user);
        assert_int_equal(look_up(&c), cases[i].state);
        caller_free(&c);
        arena_fini(&a);
    }
    end();
}

#define WITH_WORLD(f) cmocka_unit_test_setup_teardown(f, world_setup, world_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_WORLD(test_one_question_for_all),
        WITH_WORLD(test_changes_are_heard_of),
        WITH_WORLD(test_only_so_many_are_remembered),
        WITH_WORLD(test_a_key_that_was_replaced),
        WITH_WORLD(test_spend_of_both),
        WITH_WORLD(test_spend_that_was_written),
        WITH_WORLD(test_sums),
        WITH_WORLD(test_a_period_begins_anew),
        WITH_WORLD(test_no_period_begins_anew),
        WITH_WORLD(test_the_database_is_away),
        WITH_WORLD(test_no_database),
        WITH_WORLD(test_everybody_behind_a_key),
        WITH_WORLD(test_everybody_while_the_database_is_away),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
