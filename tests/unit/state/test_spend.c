/* What was spent: records, the spool's file, and that each record counts once. */

#include "spend_record.h"
#include "spool_frame.h"
#include "store_world.h"

#include <stdio.h>

static struct spend spend_of(const char *id, double cost)
{
    return (struct spend){
        .request_id = slice_of(id),
        .call_type = SLICE("acompletion"),
        .endpoint = SLICE("/chat/completions"),
        .key = SLICE("k1"),
        .user = SLICE("u1"),
        .team = SLICE("t1"),
        .end_user = SLICE("e1"),
        .model = SLICE("m"),
        .model_group = SLICE("g"),
        .provider = SLICE("bedrock"),
        .tags = SLICE("[\"x\",\"y\"]"),
        .prompt_tokens = 10,
        .completion_tokens = 5,
        .cache_read_tokens = 3,
        .cost = cost,
        .start_ms = 1700000000000,
        .end_ms = 1700000001000,
    };
}

/* ---- records --------------------------------------------------------------------------------- */

static void test_record_comes_back(void **state)
{
    struct arena a;
    struct buf b;
    struct spend s = spend_of("r", 0.25), back;
    arena_init(&a);
    buf_init(&b, SPEND_RECORD_MAX);
    s.metadata = SLICE("{\"a\":\"\\u0000\",\"b\":\"\\\\u0000\"}");
    s.failed = true;
    spend_encode(&s, &b);
    assert_true(spend_decode(buf_slice(&b), &a, &back));
    check_text(back.request_id, "r");
    check_text(back.metadata, "{\"a\":\"\xef\xbf\xbd\",\"b\":\"\\\\u0000\"}");
    check_text(back.tags, "[\"x\",\"y\"]");
    assert_true(back.cost == 0.25 && back.prompt_tokens == 10 && back.failed && !back.no_row);
    assert_true(back.start_ms == 1700000000000 && back.first_ms == 0);
    assert_false(spend_decode(SLICE("[1]"), &a, &back));
    assert_false(spend_decode(SLICE("{"), &a, &back));
    buf_fini(&b);
    arena_fini(&a);
}

static void test_names_are_mended(void **state)
{
    char name[600];
    struct arena a;
    struct buf b;
    struct spend s = spend_of("a\nb", 0), back;
    arena_init(&a);
    buf_init(&b, SPEND_RECORD_MAX);
    for (size_t i = 0; i < sizeof(name); i += 2)
        memcpy(name + i, "\xc3\xa9", 2);
    s.end_user = slice_make(name, sizeof(name));
    s.user = slice_make("x\0\xff", 3);
    spend_encode(&s, &b);
    assert_true(spend_decode(buf_slice(&b), &a, &back));
    check_text(back.request_id, "a b");
    assert_int_equal(back.end_user.n, 254); /* no character is cut */
    check_text(back.user, "x ?");
    buf_fini(&b);
    arena_fini(&a);
}

static void test_bodies_that_are_too_long(void **state)
{
    struct buf b;
    struct spend s = spend_of("r", 0);
    char *body = malloc(SPEND_RECORD_MAX);
    memset(body, ' ', SPEND_RECORD_MAX);
    body[0] = '1';
    s.messages = slice_make(body, SPEND_RECORD_MAX);
    buf_init(&b, SPEND_RECORD_MAX);
    spend_encode(&s, &b);
    assert_false(b.overflow);
    assert_true(b.n < 4096);
    buf_fini(&b);
    free(body);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void make_file(const char *directory, const char *name, struct slice bytes)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes.p, 1, bytes.n, f), bytes.n);
    fclose(f);
}

/* However the file is cut, what comes back are whole records from its beginning. */
static void test_every_cut(void **state)
{
    struct world *w = *state;
    struct arena a;
    struct buf b;
    size_t ends[4], count = 0;
    arena_init(&a);
    buf_init(&b, 4096);
    BUF_LITERAL(&b, SPOOL_MAGIC);
    ends[count++] = b.n;
    for (uint64_t i = 1; i <= 3; i++) {
        frame_add(&b, i, slice_make("record", (size_t)i * 2));
        ends[count++] = b.n;
    }
    for (size_t n = SPOOL_HEAD; n <= b.n; n++) {
        struct spool_record records[SPOOL_RECORDS_MAX];
        uint64_t end = 0, next = 0;
        bool broken;
        size_t whole = 0;
        make_file(w->directory, "cut.spool", slice_make(b.p, n));
        struct spool_file f = spool_find_left(w->directory, &end);
        assert_true(f.fd >= 0);
        assert_int_equal(end, n);
        size_t got = spool_read(&f, end, &a, records, &next, &broken);
        while (whole + 1 < count && ends[whole + 1] <= n)
            whole++;
        assert_int_equal(got, whole);
        assert_int_equal(next, ends[whole]);
        if (got)
            check_slice(records[got - 1].text, slice_make("record", got * 2));
        f.place = next; /* what is left is no record */
        assert_int_equal(spool_read(&f, end, &a, records, &next, &broken), 0);
        assert_int_equal(broken, n != ends[whole]);
        spool_file_remove(&f);
        spool_file_close(&f);
    }
    buf_fini(&b);
    arena_fini(&a);
}

static void test_changed_bytes(void **state)
{
    struct world *w = *state;
    struct arena a;
    struct buf b;
    arena_init(&a);
    buf_init(&b, 4096);
    BUF_LITERAL(&b, SPOOL_MAGIC);
    frame_add(&b, 1, SLICE("record"));
    for (size_t i = SPOOL_HEAD; i < b.n; i++) {
        struct spool_record records[SPOOL_RECORDS_MAX];
        uint64_t end = 0, next = 0;
        bool broken = false;
        b.p[i] ^= 1;
        make_file(w->directory, "bad.spool", buf_slice(&b));
        struct spool_file f = spool_find_left(w->directory, &end);
        assert_int_equal(spool_read(&f, end, &a, records, &next, &broken), 0);
        assert_true(broken);
        b.p[i] ^= 1;
        spool_file_remove(&f);
        spool_file_close(&f);
    }
    make_file(w->directory, "other.spool", SLICE("something else"));
    make_file(w->directory, "other.txt", buf_slice(&b));
    uint64_t end;
    assert_true(spool_find_left(w->directory, &end).fd < 0);
    buf_fini(&b);
    arena_fini(&a);
}

static void ignore(void *user)
{
}

/* Memory and file are bounded; a file in use is nobody else's. */
static void test_bounds(void **state)
{
    struct world *w = *state;
    struct spool_limits limits = {
        .pending_max = 200, .file_max = 300, .record_max = 100, .delay_ms = 1};
    struct spool_counts counts;
    const char *error = NULL;
    char text[101];
    uint64_t end;
    memset(text, 'x', sizeof(text));
    struct spool *s = spool_open(w->directory, &limits, ignore, NULL, &error);
    assert_non_null(s);
    assert_true(spool_find_left(w->directory, &end).fd < 0);
    spool_add(s, slice_make(text, 101)); /* too long */
    for (int i = 0; i < 20; i++) {
        spool_add(s, slice_make(text, 50));
        uv_sleep(2);
    }
    spool_count(s, &counts);
    assert_int_equal(counts.taken, 21);
    assert_int_equal(counts.dropped, 21 - 4); /* four frames of 66 bytes, beside the head, in 300 */
    spool_stop(s);
    assert_false(spool_is_read(s));
    spool_free(s); /* the file stays */
    struct spool_file f = spool_find_left(w->directory, &end);
    assert_true(f.fd >= 0);
    assert_int_equal(end, SPOOL_HEAD + 4 * (FRAME_HEAD + 50));
    spool_file_close(&f);
}

/* ---- into the database ----------------------------------------------------------------------- */

static uint64_t wanted;

static bool is_written(struct world *w)
{
    struct store_stats stats;
    store_stats(w->store, &stats);
    if (stats.spend_written < wanted)
        uv_sleep(5);
    return stats.spend_written >= wanted;
}

/* The loop has nothing else to wake for. */
static void wait_written(struct world *w, uint64_t n)
{
    wanted = n;
    while (!is_written(w))
        uv_run(&w->loop, UV_RUN_NOWAIT);
}

static void empty(struct world *w, enum store_table_id table, const char *column)
{
    struct store_job *job = store_job_new(w->store);
    struct store_where all = {column, STORE_NOT_NULL, store_null(), 0};
    store_delete(job, table, &all, 1);
    store_job_free(world_ok(w, job));
}

static void add_owners(struct world *w)
{
    struct store_cell key[] = {{"token", store_text(SLICE("k1")), STORE_SET}};
    struct store_cell user[] = {{"user_id", store_text(SLICE("u1")), STORE_SET}};
    struct store_cell team[] = {{"team_id", store_text(SLICE("t1")), STORE_SET}};
    struct store_cell member[] = {user[0], team[0]};
    struct store_cell tag[] = {{"tag_name", store_text(SLICE("x")), STORE_SET}};
    empty(w, TABLE_SPEND_LOGS, "request_id");
    empty(w, TABLE_VERIFICATION_TOKEN, "token");
    empty(w, TABLE_USER_TABLE, "user_id");
    empty(w, TABLE_TEAM_TABLE, "team_id");
    empty(w, TABLE_TEAM_MEMBERSHIP, "team_id");
    empty(w, TABLE_TAG_TABLE, "tag_name");
    empty(w, TABLE_END_USER_TABLE, "user_id");
    for (int t = TABLE_DAILY_USER_SPEND; t <= TABLE_DAILY_GLOBAL_SPEND; t++)
        empty(w, (enum store_table_id)t, "id");
    struct store_job *job = store_job_new(w->store);
    store_insert(job, TABLE_VERIFICATION_TOKEN, key, 1);
    store_insert(job, TABLE_USER_TABLE, user, 1);
    store_insert(job, TABLE_TEAM_TABLE, team, 1);
    store_insert(job, TABLE_TEAM_MEMBERSHIP, member, 2);
    store_insert(job, TABLE_TAG_TABLE, tag, 1);
    store_job_free(world_ok(w, job));
}

static void spend_many(struct world *w, unsigned from, unsigned n)
{
    char id[16];
    for (unsigned i = from; i < from + n; i++) {
        snprintf(id, sizeof(id), "r%u", i);
        struct spend s = spend_of(id, 0.5);
        s.failed = i % 10 == 0;
        s.caching_savings = 0.25;
        s.organization = SLICE("o1");
        store_spend(w->store, &s);
    }
}

#define SPENT "spend\":500}]"

static void test_everybody_is_charged(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){.write_interval = 0.01});
    add_owners(w);
    spend_many(w, 0, 1000);
    wait_written(w, 1000);
    assert_string_equal(ROWS(w, TABLE_VERIFICATION_TOKEN, "token", "total_spend", "spend"),
                        "[{\"total_spend\":500,\"" SPENT);
    assert_string_equal(ROWS(w, TABLE_USER_TABLE, "user_id", "spend"), "[{\"" SPENT);
    assert_string_equal(ROWS(w, TABLE_TEAM_TABLE, "team_id", "spend"), "[{\"" SPENT);
    assert_string_equal(ROWS(w, TABLE_TEAM_MEMBERSHIP, "team_id", "total_spend", "spend"),
                        "[{\"total_spend\":500,\"" SPENT);
    assert_string_equal(ROWS(w, TABLE_TAG_TABLE, "tag_name", "tag_name", "spend"),
                        "[{\"tag_name\":\"x\",\"" SPENT);
    assert_string_equal(ROWS(w, TABLE_END_USER_TABLE, "user_id", "user_id", "spend"),
                        "[{\"user_id\":\"e1\",\"" SPENT);
    for (int t = TABLE_DAILY_USER_SPEND; t <= TABLE_DAILY_GLOBAL_SPEND; t++) {
        const char *rows =
            ROWS(w, (enum store_table_id)t, "id", "date", "model", "model_group", "endpoint",
                 "prompt_tokens", "completion_tokens", "cache_read_input_tokens", "api_requests",
                 "failed_requests", "successful_requests", "total_response_time_ms", "spend",
                 "prompt_caching_savings_spend");
        const char *one = "{\"date\":\"2023-11-14\",\"model\":\"m\",\"model_group\":\"g\","
                          "\"endpoint\":\"/chat/completions\",\"prompt_tokens\":10000,"
                          "\"completion_tokens\":5000,\"cache_read_input_tokens\":3000,"
                          "\"api_requests\":1000,\"failed_requests\":100,"
                          "\"successful_requests\":900,\"total_response_time_ms\":1000000,"
                          "\"spend\":500,\"prompt_caching_savings_spend\":250}";
        char expected[1024];
        snprintf(expected, sizeof(expected), t == TABLE_DAILY_TAG_SPEND ? "[%s,%s]" : "[%s]", one,
                 one);
        assert_string_equal(rows, expected);
    }
}

/* Two records under one id are one row, and are counted twice: two requests were served. */
static void test_the_same_id_again(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){.write_interval = 0.01});
    add_owners(w);
    spend_many(w, 1, 1);
    spend_many(w, 1, 1);
    wait_written(w, 2);
    assert_string_equal(ROWS(w, TABLE_SPEND_LOGS, "request_id", "request_id", "spend", "status"),
                        "[{\"request_id\":\"r1\",\"spend\":0.5,\"status\":\"success\"}]");
    assert_string_equal(ROWS(w, TABLE_USER_TABLE, "user_id", "spend"), "[{\"spend\":1}]");
}

/* A spool of which the database has the first part: only the rest counts. */
static void test_left_spool(void **state)
{
    struct world *w = *state;
    struct buf b, record;
    char directory[128], id[16];
    buf_init(&b, 1 << 20);
    buf_init(&record, 1 << 16);
    world_open(w, &(struct store_options){.write_interval = 0.01});
    add_owners(w);
    struct store_job *job = store_job_new(w->store);
    struct store_cell note[] = {{"spool_id", store_text(SLICE("left")), STORE_SET},
                                {"written", store_integer(4), STORE_SET}};
    store_upsert(job, TABLE_LINTEL_SPOOL, note, 2);
    store_job_free(world_ok(w, job));
    world_close(w);
    BUF_LITERAL(&b, SPOOL_MAGIC);
    for (unsigned i = 1; i <= 10; i++) {
        snprintf(id, sizeof(id), "left%u", i);
        struct spend s = spend_of(id, 1);
        buf_reset(&record);
        spend_encode(&s, &record);
        frame_add(&b, i, i == 7 ? SLICE("no record") : buf_slice(&record));
    }
    snprintf(directory, sizeof(directory), "%s/spool", w->directory);
    make_file(directory, "left.spool", buf_slice(&b));
    world_open(w, &(struct store_options){.write_interval = 0.01});
    wait_written(w, 6);
    assert_string_equal(ROWS(w, TABLE_USER_TABLE, "user_id", "spend"), "[{\"spend\":5}]");
    world_close(w);
    world_open(w, &(struct store_options){0});
    assert_string_equal(ROWS(w, TABLE_USER_TABLE, "user_id", "spend"), "[{\"spend\":5}]");
    assert_null(strstr(ROWS(w, TABLE_LINTEL_SPOOL, "spool_id", "spool_id"), "left"));
    buf_fini(&b);
    buf_fini(&record);
}

/* Closing writes what is there. */
static void test_closing(void **state)
{
    struct world *w = *state;
    world_open(w, &(struct store_options){.write_interval = 3600});
    add_owners(w);
    spend_many(w, 0, 100);
    world_close(w);
    world_open(w, &(struct store_options){0});
    assert_string_equal(ROWS(w, TABLE_USER_TABLE, "user_id", "spend"), "[{\"spend\":50}]");
}

int main(void)
{
#define IN_WORLD(test) cmocka_unit_test_setup_teardown(test, world_setup, world_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_record_comes_back),
        cmocka_unit_test(test_names_are_mended),
        cmocka_unit_test(test_bodies_that_are_too_long),
        IN_WORLD(test_every_cut),
        IN_WORLD(test_changed_bytes),
        IN_WORLD(test_bounds),
        IN_WORLD(test_everybody_is_charged),
        IN_WORLD(test_the_same_id_again),
        IN_WORLD(test_left_spool),
        IN_WORLD(test_closing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
