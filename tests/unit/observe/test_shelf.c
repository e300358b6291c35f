/* What a destination does not take goes into files, and from there to it: once, whoever dies when.
 */

#include "post.h"
#include "record_pack.h"
#include "shelf.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#define HOUR_MS   (3600 * 1000)
#define FILES_MAX 64

static const struct shelf_limits roomy = {.bytes_max = 1 << 20, .age_ms = HOUR_MS};

struct kept { /* a post whose box has a shelf */
    struct post post;
    struct shelf *shelf;
    char directory[64];
};

static void open_shelf(struct kept *k, const struct shelf_limits *limits)
{
    const char *error = "";
    k->shelf = shelf_new(&k->post.world.loop, k->directory, limits, &error);
    assert_non_null(k->shelf);
    outbox_keep(k->post.box, k->shelf, true);
}

static void open_kept(struct kept *k, const struct shelf_limits *limits)
{
    struct outbox_limits l = quick();
    snprintf(k->directory, sizeof(k->directory), "/tmp/shelf-XXXXXX");
    assert_non_null(mkdtemp(k->directory));
    open_post(&k->post, &l);
    open_shelf(k, limits);
}

static void end_process(struct kept *k)
{
    outbox_free(k->post.box);
    shelf_free(k->shelf);
    WORLD_UNTIL(&k->post.world, !k->post.world.loop.active_reqs.count);
    uv_run(&k->post.world.loop, UV_RUN_NOWAIT);
}

static void begin_process(struct kept *k)
{
    struct outbox_limits l = quick();
    open_box(&k->post, &l);
    open_shelf(k, &roomy);
}

static void begin_anew(struct kept *k)
{
    end_process(k);
    begin_process(k);
}

/* ---- files ----------------------------------------------------------------------------------- */

struct files {
    char path[FILES_MAX][300];
    size_t count;
};

static void find_in(struct files *f, const char *directory, const char *ending, int depth)
{
    DIR *d = opendir(directory);
    for (struct dirent *e; d && (e = readdir(d));) {
        char path[300];
        if (e->d_name[0] == '.' || f->count == FILES_MAX)
            continue;
        snprintf(path, sizeof(path), "%.60s/%.200s", directory, e->d_name);
        if (depth)
            find_in(f, path, ending, depth - 1);
        if (slice_ends(slice_of(e->d_name), slice_of(ending)))
            memcpy(f->path[f->count++], path, sizeof(path));
    }
    if (d)
        closedir(d);
}

static struct files batches(const struct kept *k)
{
    struct files f = {.count = 0};
    find_in(&f, k->directory, ".batch", 1);
    return f;
}

static void close_kept(struct kept *k)
{
    outbox_free(k->post.box);
    shelf_free(k->shelf);
    caller_close(&k->post.dialer);
    peer_server_close(&k->post.server);
    world_close(&k->post.world);
    struct files f = batches(k);
    for (size_t i = 0; i < f.count; i++)
        unlink(f.path[i]);
    struct files folders = {.count = 0};
    find_in(&folders, k->directory, "", 0);
    for (size_t i = 0; i < folders.count; i++)
        rmdir(folders.path[i]);
    assert_int_equal(rmdir(k->directory), 0);
}

static void spoil(const char *path)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "?", 1, 30), 1);
    close(fd);
}

/* Numbers until `last` (ten at most), told to a destination that is away; each four are a file. */
static void put_while_away(struct kept *k, int last)
{
    struct post *p = &k->post;
    p->answer = AWAY;
    for (int i = 1; i <= last; i++)
        put(p, i, 10);
    WORLD_UNTIL(&p->world, stats(p).kept == (uint64_t)last);
    assert_int_equal(stats(p).waiting, 0);
}

static bool told_each_once(const struct post *p, int last)
{
    for (int i = 1; i <= last; i++) {
        char number[16];
        snprintf(number, sizeof(number), "%d,", i);
        const char *first = strstr(p->all, number);
        if (!first)
            return false;
        assert_null(strstr(first + 1, number));
    }
    return true;
}

/* ---- records as bytes ------------------------------------------------------------------------ */

static struct record sample(struct record_attempt *attempt)
{
    struct record r = {.attempts = attempt, .attempt_count = 1};
    *attempt = (struct record_attempt){.deployment = SLICE("d-1"), .status = 429, .begun_ms = 5};
    r.text.call_id = SLICE("c-1");
    r.text.messages = SLICE("[1]");
    r.text.output = SLICE("{\"a\":1}");
    r.begun_ms = -7;
    r.failed = true;
    r.cost = 0.25;
    r.usage.output = 12;
    r.usage.tells_ttl = true;
    memset(r.trace, 'a', sizeof(r.trace));
    return r;
}

static void records_are_the_same_again(void **state)
{
    struct record_attempt attempt;
    struct record draft = sample(&attempt);
    struct buf packed;
    buf_init(&packed, 1 << 16);
    record_pack(&packed, &draft, true);
    record_pack(&packed, &draft, false);
    struct slice rest = buf_slice(&packed);
    struct record *r = record_unpack(&rest), *bare = record_unpack(&rest);
    assert_non_null(r);
    assert_non_null(bare);
    assert_int_equal(rest.n, 0);
    assert_true(slice_eq(r->text.call_id, SLICE("c-1")) &&
                slice_eq(r->text.messages, SLICE("[1]")));
    assert_true(slice_eq(r->attempts[0].deployment, SLICE("d-1")) && r->attempts[0].status == 429);
    assert_true(r->begun_ms == -7 && r->failed && !r->stream && r->usage.tells_ttl);
    assert_true(r->cost > 0.24 && r->cost < 0.26 && r->usage.output == 12);
    assert_memory_equal(r->trace, draft.trace, sizeof(r->trace));
    assert_int_equal(bare->text.messages.n + bare->text.output.n, 0);
    assert_true(slice_eq(bare->text.call_id, SLICE("c-1")));
    parcel_unref(&r->parcel);
    parcel_unref(&bare->parcel);
    buf_fini(&packed);
}

static void a_part_of_a_record_is_none(void **state)
{
    struct record_attempt attempt;
    struct record draft = sample(&attempt);
    struct buf packed;
    buf_init(&packed, 1 << 16);
    record_pack(&packed, &draft, true);
    for (size_t n = 0; n < packed.n; n++) {
        struct slice part = slice_make(packed.p, n);
        assert_null(record_unpack(&part));
    }
    buf_fini(&packed);
}

/* ---- the shelf ------------------------------------------------------------------------------- */

static void what_fails_is_kept_until_it_is_told(void **state)
{
    struct kept k;
    struct stat st;
    open_kept(&k, &roomy);
    put_while_away(&k, 10);
    struct files f = batches(&k);
    assert_true(f.count >= 3);
    assert_int_equal(stat(f.path[0], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    k.post.answer = OK;
    WORLD_UNTIL(&k.post.world, !stats(&k.post).kept && outbox_empty(k.post.box));
    assert_true(told_each_once(&k.post, 10));
    assert_int_equal(stats(&k.post).taken, 10);
    assert_int_equal(stats(&k.post).dropped, 0);
    close_kept(&k);
}

static void the_next_process_tells_it(void **state)
{
    struct kept k;
    open_kept(&k, &roomy);
    put_while_away(&k, 9);
    begin_anew(&k);
    WORLD_UNTIL(&k.post.world, stats(&k.post).failed_calls);
    k.post.answer = OK;
    WORLD_UNTIL(&k.post.world, stats(&k.post).taken == 9 && !stats(&k.post).kept);
    assert_true(told_each_once(&k.post, 9));
    assert_int_equal(stats(&k.post).put, 9);
    begin_anew(&k);
    put(&k.post, 77, 10);
    WORLD_UNTIL(&k.post.world, stats(&k.post).taken == 1);
    assert_string_equal(k.post.told, "77,"); /* nothing of before */
    close_kept(&k);
}

static void at_the_end_the_rest_is_kept(void **state)
{
    struct kept k;
    open_kept(&k, &roomy);
    k.post.answer = NULL; /* it hangs */
    for (int i = 1; i <= 6; i++)
        put(&k.post, i, 10);
    WORLD_UNTIL(&k.post.world, k.post.calls == 1);
    outbox_hurry(k.post.box);
    outbox_save(k.post.box);
    WORLD_UNTIL(&k.post.world, outbox_empty(k.post.box));
    assert_int_equal(stats(&k.post).kept, 6);
    k.post.answer = OK;
    begin_anew(&k);
    WORLD_UNTIL(&k.post.world, stats(&k.post).taken == 6);
    close_kept(&k);
}

static void another_process_has_its_own_files(void **state)
{
    struct kept k;
    const char *error = "";
    open_kept(&k, &roomy);
    put_while_away(&k, 4);
    struct files before = batches(&k);
    struct shelf *other = shelf_new(&k.post.world.loop, k.directory, &roomy, &error);
    world_run_ms(&k.post.world, 50);
    assert_int_equal(batches(&k).count, before.count);
    for (size_t i = 0; i < before.count; i++)
        assert_int_equal(access(before.path[i], F_OK), 0);
    shelf_free(other);
    k.post.answer = OK;
    WORLD_UNTIL(&k.post.world, stats(&k.post).taken == 4);
    close_kept(&k);
}

static void damaged_files_are_set_aside(void **state)
{
    struct kept k;
    open_kept(&k, &roomy);
    put_while_away(&k, 8);
    end_process(&k);
    struct files f = batches(&k);
    assert_int_equal(f.count, 2);
    spoil(f.path[0]);
    k.post.answer = OK;
    begin_process(&k);
    WORLD_UNTIL(&k.post.world, stats(&k.post).put && !stats(&k.post).kept);
    WORLD_UNTIL(&k.post.world, outbox_empty(k.post.box));
    assert_int_equal(stats(&k.post).taken, 4);
    assert_int_equal(stats(&k.post).dropped, 4);
    WORLD_UNTIL(&k.post.world, batches(&k).count == 1); /* the other one is removed */
    f = batches(&k);
    assert_true(slice_find(slice_of(f.path[0]), SLICE("damaged-")) > 0);
    close_kept(&k);
}

/* A file that may not grow stands for a disk that is full: what comes stays in memory. */
static void a_full_disk(void **state)
{
    struct kept k;
    struct rlimit old, none;
    open_kept(&k, &roomy);
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    none = (struct rlimit){.rlim_cur = 20, .rlim_max = old.rlim_max};
    setrlimit(RLIMIT_FSIZE, &none);
    k.post.answer = AWAY;
    for (int i = 1; i <= 6; i++)
        put(&k.post, i, 10);
    WORLD_UNTIL(&k.post.world, stats(&k.post).failed_calls > 2);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(stats(&k.post).kept, 0);
    assert_int_equal(stats(&k.post).waiting, 6);
    assert_int_equal(batches(&k).count, 0);
    k.post.answer = OK;
    WORLD_UNTIL(&k.post.world, stats(&k.post).taken == 6);
    assert_true(told_each_once(&k.post, 6));
    close_kept(&k);
}

static void there_is_no_more_than_may_be(void **state)
{
    struct kept k;
    const struct shelf_limits narrow = {.bytes_max = 2000, .age_ms = HOUR_MS};
    open_kept(&k, &narrow);
    k.post.answer = AWAY;
    for (int i = 0; i < 100; i++)
        put(&k.post, 1000 + i, 10);
    WORLD_UNTIL(&k.post.world, stats(&k.post).dropped && !stats(&k.post).waiting);
    assert_true(stats(&k.post).kept_bytes <= narrow.bytes_max);
    assert_int_equal(stats(&k.post).kept + stats(&k.post).dropped, 100);
    k.post.answer = OK;
    WORLD_UNTIL(&k.post.world, !stats(&k.post).kept && outbox_empty(k.post.box));
    assert_non_null(strstr(k.post.all, "1099,")); /* the oldest went */
    assert_null(strstr(k.post.all, "1000,"));
    close_kept(&k);
}

static void the_old_go(void **state)
{
    struct kept k;
    const struct shelf_limits brief = {.bytes_max = 1 << 20, .age_ms = 1};
    open_kept(&k, &brief);
    k.post.answer = AWAY;
    for (int i = 1; i <= 5; i++)
        put(&k.post, i, 10);
    WORLD_UNTIL(&k.post.world, stats(&k.post).dropped == 5);
    assert_int_equal(stats(&k.post).kept, 0);
    close_kept(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_are_the_same_again),
        cmocka_unit_test(a_part_of_a_record_is_none),
        cmocka_unit_test(what_fails_is_kept_until_it_is_told),
        cmocka_unit_test(the_next_process_tells_it),
        cmocka_unit_test(at_the_end_the_rest_is_kept),
        cmocka_unit_test(another_process_has_its_own_files),
        cmocka_unit_test(damaged_files_are_set_aside),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(there_is_no_more_than_may_be),
        cmocka_unit_test(the_old_go),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
