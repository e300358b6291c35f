/* The store over a real database: statements, jobs, changes. */

#include "store_world.h"

#include <stdio.h>

#define USERS TABLE_USER_TABLE

static struct store_cell text_cell(const char *column, const char *text)
{
    return (struct store_cell){column, store_text(slice_of(text)), STORE_SET};
}

static void add_user(struct store_job *job, const char *id, const char *alias, double spend,
                     const char *teams)
{
    struct store_cell cells[] = {
        text_cell("user_id", id),
        {"user_alias", alias ? store_text(slice_of(alias)) : store_null(), STORE_SET},
        {"spend", store_number(spend), STORE_SET},
        {"teams", store_texts(slice_of(teams)), STORE_SET},
        {"created_at", store_time(1700000000000 + (int64_t)(spend * 86400000)), STORE_SET},
    };
    store_insert(job, USERS, cells, 5);
}

/* Four users; what the tests look for. */
static void add_users(struct world *w)
{
    struct store_job *job = store_job_new(w->store);
    struct store_where all = {"user_id", STORE_NOT_NULL, store_null(), 0};
    store_delete(job, USERS, &all, 1);
    add_user(job, "a", "Anna", 1, "[]");
    add_user(job, "b", "Bruno", 2, "[\"red\"]");
    add_user(job, "c", NULL, 3, "[\"red\",\"blue \\\"sky\\\" \\\\\"]");
    add_user(job, "d", "anNabel", 4, "[\"green\"]");
    store_job_free(world_ok(w, job));
}

/* ---- cells ----------------------------------------------------------------------------------- */

static void test_cells_come_back(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){0});
    struct store_job *job = store_job_new(w->store);
    struct store_where where = {"token", STORE_EQ, store_text(SLICE("t'\"\\ \xc3\xa9")), 0};
    store_delete(job, TABLE_VERIFICATION_TOKEN, &where, 1);
    struct store_cell cells[] = {
        {"token", where.value, STORE_SET},
        {"spend", store_number(0.1), STORE_SET},
        {"max_budget", store_number(1e-12), STORE_SET},
        {"tpm_limit", store_integer(INT64_C(9007199254740993)), STORE_SET},
        {"blocked", store_flag(true), STORE_SET},
        {"models", store_texts(SLICE("[\"a\",\"b \\\"c\\\" \\\\ {d,e}\",\"\"]")), STORE_SET},
        {"metadata", store_json(SLICE("{\"k\":[1,null,\"\xc3\xa9\"]}")), STORE_SET},
        {"expires", store_time(1767225599999), STORE_SET},
        {"key_alias", store_null(), STORE_SET},
    };
    store_insert(job, TABLE_VERIFICATION_TOKEN, cells, sizeof(cells) / sizeof(*cells));
    size_t read = store_select(job, &(struct store_query){.table = TABLE_VERIFICATION_TOKEN,
                                                          .where = &where,
                                                          .where_count = 1});
    world_ok(w, job);
    const struct store_rows *rows = store_job_rows(job, read);
    assert_int_equal(rows->count, 1);
    assert_int_equal(rows->column_count, store_table(TABLE_VERIFICATION_TOKEN)->column_count);
    check_slice(store_rows_text(rows, 0, "token"), where.value.text);
    assert_true(store_rows_number(rows, 0, "spend") == 0.1);
    assert_true(store_rows_number(rows, 0, "max_budget") == 1e-12);
    assert_true(store_rows_at(rows, 0, "tpm_limit")->integer == INT64_C(9007199254740993));
    assert_true(store_rows_flag(rows, 0, "blocked"));
    assert_true(store_rows_at(rows, 0, "expires")->integer == 1767225599999);
    assert_true(store_rows_at(rows, 0, "key_alias")->null);
    check_text(store_rows_text(rows, 0, "models"), "[\"a\",\"b \\\"c\\\" \\\\ {d,e}\",\"\"]");
    assert_non_null(strstr(store_rows_text(rows, 0, "metadata").p, "\xc3\xa9"));
    /* what was not said */
    check_text(store_rows_text(rows, 0, "config"), "{}");
    check_text(store_rows_text(rows, 0, "allowed_routes"), "[]");
    assert_false(store_rows_flag(rows, 0, "soft_budget_cooldown"));
    assert_true(store_rows_at(rows, 0, "created_at")->integer > 1700000000000);
    assert_true(store_rows_at(rows, 0, "updated_at")->integer > 1700000000000);
    assert_true(store_rows_at(rows, 0, "budget_id")->null);
    store_job_free(job);
}

static void test_times_are_kept_on_request(void **state)
{
    static struct store_time times[STORE_TIMES_MAX];
    struct world *w = *state;
    struct store_where none = {"user_id", STORE_EQ, store_text(SLICE("nobody")), 0};
    world_open(w, &(struct store_options){0});
    add_users(w);
    assert_int_equal(store_take_times(w->store, times), 0);
    store_keep_times(w->store);
    add_users(w);
    struct store_job *job = store_job_new(w->store);
    store_delete(job, USERS, &none, 1);
    store_expect(job, 1);
    world_run(w, job);
    store_job_free(job);
    assert_int_equal(store_take_times(w->store, times), 2);
    assert_int_equal(times[0].work, STORE_WORK_JOB);
    assert_int_equal(times[0].status, STORE_OK);
    assert_true(times[0].us > 0);
    assert_int_equal(times[1].status, STORE_CONFLICT);
    assert_int_equal(store_take_times(w->store, times), 0);
}

/* ---- conditions ------------------------------------------------------------------------------ */

struct find {
    const char *name;
    struct store_where where[3];
    size_t count;
    const char *ids; /* that are found */
};

#define TEXT(s) store_text(SLICE(s))

static const struct find finds[] = {
    {"equal", {{"user_id", STORE_EQ, {.type = STORE_TEXT, .text = {"b", 1}}, 0}}, 1, "b"},
    {"not equal",
     {{"user_alias", STORE_NE, {.type = STORE_TEXT, .text = {"Anna", 4}}, 0}},
     1,
     "bd"},
    {"less", {{"spend", STORE_LT, {.type = STORE_FLOAT, .number = 2}, 0}}, 1, "a"},
    {"at most", {{"spend", STORE_LE, {.type = STORE_INTEGER, .integer = 2}, 0}}, 1, "ab"},
    {"greater", {{"spend", STORE_GT, {.type = STORE_FLOAT, .number = 2}, 0}}, 1, "cd"},
    {"at least", {{"spend", STORE_GE, {.type = STORE_FLOAT, .number = 2}, 0}}, 1, "bcd"},
    {"empty", {{"user_alias", STORE_IS_NULL, {0}, 0}}, 1, "c"},
    {"not empty", {{"user_alias", STORE_NOT_NULL, {0}, 0}}, 1, "abd"},
    {"holds", {{"user_alias", STORE_HOLDS, {.type = STORE_TEXT, .text = {"NNA", 3}}, 0}}, 1, "ad"},
    {"no pattern", {{"user_alias", STORE_HOLDS, {.type = STORE_TEXT, .text = {"%", 1}}, 0}}, 1, ""},
    {"has", {{"teams", STORE_HAS, {.type = STORE_TEXT, .text = {"red", 3}}, 0}}, 1, "bc"},
    {"has, with quotes",
     {{"teams", STORE_HAS, {.type = STORE_TEXT, .text = {"blue \"sky\" \\", 12}}, 0}},
     1,
     "c"},
    {"has no part", {{"teams", STORE_HAS, {.type = STORE_TEXT, .text = {"re", 2}}, 0}}, 1, ""},
    {"in",
     {{"user_id", STORE_IN, {.type = STORE_TEXTS, .text = {"[\"d\",\"x\",\"a\"]", 13}}, 0}},
     1,
     "ad"},
    {"in nothing", {{"user_id", STORE_IN, {.type = STORE_TEXTS, .text = {"[]", 2}}, 0}}, 1, ""},
    {"since",
     {{"created_at", STORE_GE, {.type = STORE_TIME, .integer = 1700259200000}, 0}},
     1,
     "cd"},
    {"and",
     {{"spend", STORE_GT, {.type = STORE_FLOAT, .number = 1}, 0},
      {"spend", STORE_LT, {.type = STORE_FLOAT, .number = 4}, 0}},
     2,
     "bc"},
    {"or beside and",
     {{"user_id", STORE_EQ, {.type = STORE_TEXT, .text = {"a", 1}}, 1},
      {"user_id", STORE_EQ, {.type = STORE_TEXT, .text = {"b", 1}}, 1},
      {"spend", STORE_GT, {.type = STORE_FLOAT, .number = 1}, 0}},
     3,
     "b"},
};

static void check_find(struct world *w, const struct find *f)
{
    char ids[16] = "";
    struct store_job *job = store_job_new(w->store);
    struct store_query q = {.table = USERS,
                            .where = f->where,
                            .where_count = f->count,
                            .order = &(struct store_order){"user_id", false},
                            .order_count = 1};
    store_select(job, &q);
    store_count(job, &q);
    world_ok(w, job);
    const struct store_rows *rows = store_job_rows(job, 0);
    for (size_t i = 0; i < rows->count; i++)
        strncat(ids, store_rows_text(rows, i, "user_id").p, 1);
    if (strcmp(ids, f->ids) != 0)
        fail_msg("%s: found %s, not %s", f->name, ids, f->ids);
    assert_true(store_rows_number(store_job_rows(job, 1), 0, "count") == (double)strlen(f->ids));
    store_job_free(job);
}

static void test_conditions(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){0});
    add_users(w);
    for (size_t i = 0; i < sizeof(finds) / sizeof(*finds); i++)
        check_find(w, &finds[i]);
}

static void test_order_and_pages(void **state)
{
    struct world *w = *state;
    const char *const columns[] = {"user_id", "user_alias"};
    struct store_order by_alias[] = {{"user_alias", true}, {"user_id", false}};
    world_open(w, &(struct store_options){0});
    add_users(w);
    struct store_job *job = store_job_new(w->store);
    struct store_query q = {
        .table = USERS, .columns = columns, .column_count = 2, .order = by_alias, .order_count = 2};
    store_select(job, &q);
    q.limit = 2;
    q.offset = 1;
    store_select(job, &q);
    world_ok(w, job);
    const struct store_rows *all = store_job_rows(job, 0), *page = store_job_rows(job, 1);
    assert_int_equal(all->count, 4);
    assert_int_equal(all->column_count, 2);
    check_text(store_rows_text(all, 3, "user_id"), "c"); /* the empty one last */
    assert_int_equal(page->count, 2);
    assert_false(page->more);
    check_slice(store_rows_text(page, 0, "user_id"), store_rows_text(all, 1, "user_id"));
    store_job_free(job);
}

static void test_reports(void **state)
{
    struct world *w = *state;
    const char *const sums[] = {"spend", "tpm_limit"}, *const by[] = {"user_alias"};
    struct store_order order[] = {{"spend", true}};
    struct store_where named = {"user_alias", STORE_NOT_NULL, store_null(), 0};
    struct store_where nobody = {"user_id", STORE_EQ, TEXT("nobody"), 0};
    world_open(w, &(struct store_options){0});
    add_users(w);
    struct store_job *job = store_job_new(w->store);
    store_report(job, &(struct store_report){.query = {.table = USERS,
                                                       .where = &named,
                                                       .where_count = 1,
                                                       .order = order,
                                                       .order_count = 1},
                                             .by = by,
                                             .by_count = 1,
                                             .sums = sums,
                                             .sum_count = 2,
                                             .day = "created_at"});
    store_report(
        job, &(struct store_report){.query = {.table = USERS, .where = &nobody, .where_count = 1},
                                    .sums = sums,
                                    .sum_count = 2});
    world_ok(w, job);
    const struct store_rows *rows = store_job_rows(job, 0), *none = store_job_rows(job, 1);
    assert_int_equal(rows->count, 3);
    check_text(store_rows_text(rows, 0, "user_alias"), "anNabel");
    check_text(store_rows_text(rows, 0, "created_at"), "2023-11-18");
    check_text(store_rows_text(rows, 2, "created_at"), "2023-11-15");
    assert_true(store_rows_number(rows, 0, "spend") == 4);
    assert_true(store_rows_number(rows, 0, "count") == 1);
    assert_int_equal(none->count, 1);
    assert_true(store_rows_number(none, 0, "spend") == 0);
    assert_true(store_rows_number(none, 0, "count") == 0);
    store_job_free(job);
}

/* ---- changing -------------------------------------------------------------------------------- */

static void test_changing(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){0});
    add_users(w);
    struct store_job *job = store_job_new(w->store);
    struct store_where b = {"user_id", STORE_EQ, TEXT("b"), 0};
    struct store_cell sets[] = {{"spend", store_number(0.5), STORE_ADD},
                                {"max_budget", store_integer(3), STORE_ADD},
                                {"user_alias", TEXT("Bea"), STORE_SET}};
    struct store_cell again[] = {text_cell("user_id", "a"),
                                 {"spend", store_number(7), STORE_ADD},
                                 {"user_alias", TEXT("never"), STORE_ONCE}};
    struct store_cell fresh[] = {text_cell("user_id", "e"),
                                 {"spend", store_number(7), STORE_ADD},
                                 {"user_alias", TEXT("Eve"), STORE_ONCE}};
    struct store_cell kept[] = {text_cell("user_id", "c"), {"spend", store_number(99), STORE_SET}};
    struct store_where d = {"user_id", STORE_EQ, TEXT("d"), 0};
    size_t update = store_update(job, USERS, sets, 3, &b, 1);
    store_upsert(job, USERS, again, 3);
    store_upsert(job, USERS, fresh, 3);
    store_insert_new(job, USERS, kept, 2);
    size_t gone = store_delete(job, USERS, &d, 1);
    world_ok(w, job);
    assert_int_equal(store_job_rows(job, update)->changed, 1);
    assert_int_equal(store_job_rows(job, gone)->changed, 1);
    store_job_free(job);
    assert_string_equal(ROWS(w, USERS, "user_id", "user_id", "user_alias", "spend", "max_budget"),
                        "[{\"user_id\":\"a\",\"user_alias\":\"Anna\",\"spend\":8,\"max_budget\":"
                        "null},{\"user_id\":\"b\",\"user_alias\":\"Bea\",\"spend\":2.5,\"max_"
                        "budget\":3},{\"user_id\":\"c\",\"user_alias\":null,\"spend\":3,\"max_"
                        "budget\":null},{\"user_id\":\"e\",\"user_alias\":\"Eve\",\"spend\":7,"
                        "\"max_budget\":null}]");
}

static void test_all_or_nothing(void **state)
{
    struct world *w = *state;
    struct store_where nobody = {"user_id", STORE_EQ, TEXT("nobody"), 0};
    struct store_cell set = {"spend", store_number(1), STORE_SET};
    world_open(w, &(struct store_options){0});
    add_users(w);
    struct store_job *job = store_job_new(w->store);
    add_user(job, "x", "X", 1, "[]");
    add_user(job, "a", "again", 1, "[]");
    world_run(w, job);
    assert_int_equal(store_job_status(job), STORE_CONFLICT);
    assert_true(*store_job_error(job));
    store_job_free(job);
    job = store_job_new(w->store);
    add_user(job, "y", "Y", 1, "[]");
    store_update(job, USERS, &set, 1, &nobody, 1);
    store_expect(job, 1);
    world_run(w, job);
    assert_int_equal(store_job_status(job), STORE_CONFLICT);
    assert_false(store_job_uncertain(job));
    store_job_free(job);
    assert_string_equal(ROWS(w, USERS, "user_id", "user_id"),
                        "[{\"user_id\":\"a\"},{\"user_id\":\"b\"},{\"user_id\":\"c\"},"
                        "{\"user_id\":\"d\"}]");
}

/* Ids of rows that have one beside their key are made. */
static void test_ids(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){0});
    struct store_job *job = store_job_new(w->store);
    struct store_where all = {"user_id", STORE_NOT_NULL, store_null(), 0};
    struct store_cell day[] = {text_cell("user_id", "a"),
                               text_cell("date", "2026-01-01"),
                               text_cell("api_key", "k"),
                               text_cell("model", "m"),
                               text_cell("custom_llm_provider", "p"),
                               text_cell("mcp_namespaced_tool_name", ""),
                               text_cell("endpoint", "/e"),
                               {"spend", store_number(1.5), STORE_ADD}};
    store_delete(job, TABLE_DAILY_USER_SPEND, &all, 1);
    store_upsert(job, TABLE_DAILY_USER_SPEND, day, 8);
    store_upsert(job, TABLE_DAILY_USER_SPEND, day, 8);
    day[6].value = TEXT("/other");
    store_upsert(job, TABLE_DAILY_USER_SPEND, day, 8);
    store_job_free(world_ok(w, job));
    assert_string_equal(
        ROWS(w, TABLE_DAILY_USER_SPEND, "endpoint", "endpoint", "spend"),
        "[{\"endpoint\":\"/e\",\"spend\":3},{\"endpoint\":\"/other\",\"spend\":1.5}]");
}

/* ---- jobs ------------------------------------------------------------------------------------ */

static void count_call(void *user, struct store_job *job)
{
    unsigned *calls = user;
    (*calls)++;
    store_job_free(job);
}

static void test_jobs_nobody_waits_for(void **state)
{
    struct world *w = *state;
    unsigned calls = 0;
    world_open(w, &(struct store_options){0});
    add_users(w);
    struct store_job *job = store_job_new(w->store), *left = store_job_new(w->store);
    add_user(job, "e", "E", 1, "[]");
    add_user(left, "f", "F", 1, "[]");
    store_submit(job, NULL, NULL);
    store_submit(left, count_call, &calls);
    store_job_abandon(left);
    assert_string_equal(ROWS(w, USERS, "user_id", "user_id"),
                        "[{\"user_id\":\"a\"},{\"user_id\":\"b\"},{\"user_id\":\"c\"},"
                        "{\"user_id\":\"d\"},{\"user_id\":\"e\"},{\"user_id\":\"f\"}]");
    assert_int_equal(calls, 0);
}

/* What waits when the store is closed is done; nobody is called back. */
static void test_closing_with_jobs(void **state)
{
    struct world *w = *state;
    unsigned calls = 0;
    char id[8];
    world_open(w, &(struct store_options){0});
    add_users(w);
    for (int i = 0; i < 50; i++) {
        struct store_job *job = store_job_new(w->store);
        snprintf(id, sizeof(id), "x%d", i);
        add_user(job, id, "X", 1, "[]");
        store_submit(job, count_call, &calls);
    }
    world_close(w);
    assert_int_equal(calls, 0);
    world_open(w, &(struct store_options){0});
    struct store_job *job = store_job_new(w->store);
    store_count(job, &(struct store_query){.table = USERS});
    world_ok(w, job);
    assert_true(store_rows_number(store_job_rows(job, 0), 0, "count") == 54);
    store_job_free(job);
}

static void test_unavailable(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){.url = "sqlite:////nonexistent/lintel.db"});
    struct store_job *job = store_job_new(w->store);
    store_count(job, &(struct store_query){.table = USERS});
    world_run(w, job);
    assert_int_equal(store_job_status(job), STORE_UNAVAILABLE);
    assert_false(store_is_up(w->store));
    world_run(w, job); /* now it is known, and is answered at once */
    assert_int_equal(store_job_status(job), STORE_UNAVAILABLE);
    store_job_free(job);
}

static void no_such_column(void)
{
    struct store_job *job = store_job_new(NULL);
    struct store_where where = {"user_id; DROP TABLE x", STORE_EQ, TEXT(""), 0};
    store_count(job, &(struct store_query){.table = USERS, .where = &where, .where_count = 1});
}

static void wrong_type(void)
{
    struct store_job *job = store_job_new(NULL);
    struct store_where where = {"user_id", STORE_EQ, store_integer(1), 0};
    store_count(job, &(struct store_query){.table = USERS, .where = &where, .where_count = 1});
}

static void delete_everything(void)
{
    store_delete(store_job_new(NULL), USERS, NULL, 0);
}

static void test_bugs_are_found(void **state)
{
    assert_true(aborts(no_such_column));
    assert_true(aborts(wrong_type));
    assert_true(aborts(delete_everything));
}

/* ---- changes --------------------------------------------------------------------------------- */

static char heard[16][64];
static unsigned heard_count;

static void on_changed(void *user, enum store_table_id table, struct slice key)
{
    assert_true(heard_count < 16);
    snprintf(heard[heard_count++], sizeof(*heard), "%s %.*s",
             table < STORE_TABLES ? store_table(table)->name : "anything", SLICE_ARG(key));
}

static bool heard_two(struct world *w)
{
    return heard_count >= 2;
}

static unsigned others_heard;

static void on_other_changed(void *user, enum store_table_id table, struct slice key)
{
    others_heard++;
}

static bool heard_one(struct world *w)
{
    return heard_count >= 1;
}

static void test_changes_are_told(void **state)
{
    struct world *w = *state;
    heard_count = 0;
    world_open(w, &(struct store_options){0});
    store_watch(w->store, on_changed, w);
    world_wait(w, heard_one);
    assert_string_equal(heard[0], "anything ");
    others_heard = 0;
    store_watch(w->store, on_other_changed, &others_heard);
    store_watch(w->store, on_other_changed, &heard);
    store_unwatch(w->store, &heard);
    struct store_job *job = store_job_new(w->store);
    store_tell(job, TABLE_TEAM_TABLE, SLICE("t1"));
    store_job_free(world_ok(w, job));
    world_wait(w, heard_two);
    assert_string_equal(heard[1], "LiteLLM_TeamTable t1");
    assert_true(others_heard >= 1);
}

static void on_spoken(void *user)
{
    ++*(unsigned *)user;
}

static bool others_have_heard(struct world *w)
{
    return others_heard > 0;
}

static void tell_of_team(struct world *w, struct store *s)
{
    struct store_job *job = store_job_new(s);
    store_tell(job, TABLE_TEAM_TABLE, SLICE("t1"));
    store_job_free(world_ok(w, job));
}

static double count_changes(struct world *w)
{
    struct store_job *job = store_job_new(w->store);
    store_count(job, &(struct store_query){.table = TABLE_LINTEL_CHANGES});
    job = world_ok(w, job);
    double count = store_rows_number(store_job_rows(job, 0), 0, "count");
    store_job_free(job);
    return count;
}

/* What the database was told before is read ahead of the next job. */
static void test_own_changes_are_told_once(void **state)
{
    struct world *w = *state;
    heard_count = others_heard = 0;
    world_open(w, &(struct store_options){0});
    store_watch(w->store, on_changed, w);
    world_wait(w, heard_one);
    store_watch(w->store, on_other_changed, &others_heard);
    double before = count_changes(w);
    for (unsigned i = 1; i <= 3; i++) {
        tell_of_team(w, w->store);
        assert_int_equal(others_heard, i);
        store_look(w->store);
        assert_true(count_changes(w) == before + i);
        assert_int_equal(others_heard, i);
    }
}

/* Of another process: one after the other, each within far less than a poll. */
static void test_changes_are_looked_at_at_once(void **state)
{
    struct world *w = *state;
    unsigned told = 0;
    heard_count = 0;
    world_open(w, &(struct store_options){0});
    struct store *speaker = w->store;
    tell_of_team(w, speaker); /* it is connected */
    store_on_spoken(speaker, on_spoken, &told);
    world_open(w, &(struct store_options){0});
    store_watch(w->store, on_changed, w);
    world_wait(w, heard_one);
    store_watch(w->store, on_other_changed, &others_heard);
    uint64_t begin = uv_hrtime();
    for (unsigned i = 1; i <= 4; i++) {
        others_heard = 0;
        tell_of_team(w, speaker);
        store_look(w->store);
        world_wait(w, others_have_heard);
        assert_int_equal(told, i);
    }
    assert_true((uv_hrtime() - begin) / 1000000 < 2 * STORE_POLL_MS);
    store_close(speaker, 10000);
}

/* ---- the options ----------------------------------------------------------------------------- */

static const struct {
    const char *url;
    bool fine;
} urls[] = {
    {"sqlite", true},
    {"sqlite://", true},
    {"sqlite:///file.db", true},
    {"sqlite:////tmp/file.db", true},
    {"file:/tmp/file.db", true},
    {"postgresql://u:p@h:5432/d?schema=public&connection_limit=10", true},
    {"postgres://h/d", true},
    {"postgresql://u:p%40%2F@[::1]:5432/d", true},
    {"mysql://u@h/d", true},
    {"mariadb://u:p@h:3306/d?ssl-mode=REQUIRED", true},
    {"", false},
    {"postgresql", false},
    {"postgresql://u:p@h:5432", false},
    {"postgresql://u:p@h:99999/d", false},
    {"postgresql://u:p@h:x/d", false},
    {"postgresql://u:%zz@h/d", false},
    {"postgresql://u:%00@h/d", false},
    {"mongodb://h/d", false},
    {"/tmp/file.db", false},
};

static void test_urls(void **state)
{
    for (size_t i = 0; i < sizeof(urls) / sizeof(*urls); i++) {
        const char *problem = store_url_problem(urls[i].url);
        if ((problem == NULL) != urls[i].fine)
            fail_msg("%s: %s", urls[i].url, problem ? problem : "taken");
    }
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        IN_WORLD(test_cells_come_back),
        IN_WORLD(test_times_are_kept_on_request),
        IN_WORLD(test_conditions),
        IN_WORLD(test_order_and_pages),
        IN_WORLD(test_reports),
        IN_WORLD(test_changing),
        IN_WORLD(test_all_or_nothing),
        IN_WORLD(test_ids),
        IN_WORLD(test_jobs_nobody_waits_for),
        IN_WORLD(test_closing_with_jobs),
        IN_WORLD(test_unavailable),
        cmocka_unit_test(test_bugs_are_found),
        IN_WORLD(test_changes_are_told),
        IN_WORLD(test_own_changes_are_told_once),
        IN_WORLD(test_changes_are_looked_at_at_once),
        cmocka_unit_test(test_urls),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
