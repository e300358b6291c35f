#include "store_world.h"

#include <stdio.h>
#include <string.h>

#define LIMIT_MS 30000

static void on_limit(uv_timer_t *timer)
{
    struct world *w = timer->data;
    w->late = true;
}

int world_setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    snprintf(w->directory, sizeof(w->directory), "/tmp/lintel-store-XXXXXX");
    assert_non_null(mkdtemp(w->directory));
    uv_loop_init(&w->loop);
    turn_init(&w->turn, &w->loop);
    uv_timer_init(&w->loop, &w->limit);
    w->limit.data = w;
    *state = w;
    return 0;
}

int world_teardown(void **state)
{
    struct world *w = *state;
    char command[128];
    world_close(w);
    turn_fini(&w->turn);
    uv_close((uv_handle_t *)&w->limit, NULL);
    uv_run(&w->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&w->loop), 0);
    snprintf(command, sizeof(command), "rm -rf %s", w->directory);
    assert_int_equal(system(command), 0); /* NOLINT: the name is ours */
    free(w);
    return 0;
}

void world_open(struct world *w, const struct store_options *options)
{
    struct store_options o = *options;
    const char *error = NULL, *url = getenv("LINTEL_TEST_DATABASE");
    if (!o.url)
        o.url = url ? url : "sqlite";
    o.directory = w->directory;
    w->store = store_open(&w->turn, &o, &error);
    assert_null(error);
    assert_non_null(w->store);
}

void world_close(struct world *w)
{
    store_close(w->store, LIMIT_MS);
    if (w->store)
        uv_run(&w->loop, UV_RUN_NOWAIT);
    w->store = NULL;
}

void world_wait(struct world *w, bool (*condition)(struct world *w))
{
    uv_timer_start(&w->limit, on_limit, LIMIT_MS, 0);
    while (!condition(w)) {
        uv_run(&w->loop, UV_RUN_ONCE);
        assert_false(w->late);
    }
    uv_timer_stop(&w->limit);
}

static void on_done(void *user, struct store_job *job)
{
    struct world *w = user;
    w->done = job;
    w->calls++;
}

static bool is_done(struct world *w)
{
    return w->done != NULL;
}

struct store_job *world_run(struct world *w, struct store_job *job)
{
    w->done = NULL;
    store_submit(job, on_done, w);
    assert_null(w->done); /* never from inside the call */
    world_wait(w, is_done);
    assert_ptr_equal(w->done, job);
    return job;
}

struct store_job *world_ok(struct world *w, struct store_job *job)
{
    world_run(w, job);
    if (store_job_status(job) != STORE_OK)
        fail_msg("%s", store_job_error(job));
    return job;
}

const char *world_rows(struct world *w, enum store_table_id table, const char *const *columns,
                       size_t n, const char *order)
{
    static char text[65536];
    struct buf b = {.p = text, .size = sizeof(text), .cap = sizeof(text)};
    struct json_writer jw;
    struct store_job *job = store_job_new(w->store);
    store_select(job, &(struct store_query){.table = table,
                                            .columns = columns,
                                            .column_count = n,
                                            .order = &(struct store_order){order, false},
                                            .order_count = 1});
    world_ok(w, job);
    const struct store_rows *rows = store_job_rows(job, 0);
    json_begin(&jw, &b);
    json_array(&jw);
    for (size_t i = 0; i < rows->count; i++) {
        json_object(&jw);
        store_row_write(&jw, rows, i);
        json_object_end(&jw);
    }
    json_array_end(&jw);
    buf_add_char(&b, '\0');
    store_job_free(job);
    return text;
}
