/* Processes that open one new database at the same moment: each is connected at its first attempt.
 */

#include "../base/check.h"

#include "store_db.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define AT_ONCE 3
#define ROUNDS  20

/* In a process of its own; all wait for the other end of `start` to be closed. */
static void open_one(const char *file, const int start[2])
{
    struct store_address address = {.driver = &store_sqlite, .file = file};
    struct db db = {.address = &address,
                    .limits = {.connect_timeout = 60, .statement_timeout = 60}};
    struct db_error error;
    char byte;
    close(start[1]);
    while (read(start[0], &byte, 1) > 0)
        ;
    bool ok = db_connect(&db, &error);
    if (!ok)
        fprintf(stderr, "not connected: %s\n", error.text);
    db_close(&db);
    _exit(ok ? 0 : 1);
}

static void open_at_once(const char *file)
{
    pid_t children[AT_ONCE];
    int start[2], status;
    assert_int_equal(pipe(start), 0);
    for (size_t i = 0; i < AT_ONCE; i++)
        if ((children[i] = fork()) == 0)
            open_one(file, start);
    close(start[0]);
    close(start[1]);
    for (size_t i = 0; i < AT_ONCE; i++) {
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
}

static void test_sqlite_at_once(void **state)
{
    (void)state;
    char directory[] = "/tmp/lintel-start-XXXXXX", file[64];
    assert_non_null(mkdtemp(directory));
    for (int round = 0; round < ROUNDS; round++) {
        snprintf(file, sizeof(file), "%s/%d.db", directory, round);
        open_at_once(file);
    }
    snprintf(file, sizeof(file), "rm -rf %s", directory);
    assert_int_equal(system(file), 0); /* NOLINT: the name is ours */
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_sqlite_at_once)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
