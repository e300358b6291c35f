#include "check.h"

#include "base/json.h"
#include "base/log.h"

/* What one call writes on standard error. */
static struct slice captured(enum log_level level, const char *message)
{
    static char text[65536];
    int pipes[2], saved = dup(STDERR_FILENO);
    assert_int_equal(pipe(pipes), 0);
    fcntl(pipes[0], F_SETFL, O_NONBLOCK);
    dup2(pipes[1], STDERR_FILENO);
    log_write(level, "%s", message);
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[1]);
    ssize_t n = read(pipes[0], text, sizeof(text));
    close(pipes[0]);
    return slice_make(text, n > 0 ? (size_t)n : 0);
}

static void test_one_line(void **state)
{
    log_setup(LOG_INFO, false);
    struct slice line = captured(LOG_WARN, "a\nb\r\x1b[31m\tc");
    assert_true(slice_ends(line, SLICE(" WARNING a b  [31m c\n")));
    assert_int_equal(slice_find_char(line, 'T'), 10); /* 2026-11-21T00:00:00.000Z */
    assert_int_equal(slice_find_char(line, 'Z'), 23);
}

static void test_levels(void **state)
{
    log_setup(LOG_WARN, false);
    assert_true(log_enabled(LOG_ERROR) && log_enabled(LOG_WARN) && !log_enabled(LOG_INFO));
    assert_int_equal(captured(LOG_INFO, "x").n, 0);
    assert_true(captured(LOG_ERROR, "x").n > 0);
}

static void test_json(void **state)
{
    struct arena a;
    arena_init(&a);
    log_setup(LOG_DEBUG, true);
    struct slice line = captured(LOG_ERROR, "say \"hi\"\n\\ \xff ü");
    yyjson_val *v = json_parse(line, &a, NULL);
    assert_non_null(v);
    check_text(json_get_slice(v, "message"), "say \"hi\" \\ ? ü");
    check_text(json_get_slice(v, "level"), "ERROR");
    assert_int_equal(json_get_slice(v, "timestamp").n, 24);
    assert_int_equal(slice_find_char(line, '\n'), line.n - 1);
    arena_fini(&a);
}

/* A long message is cut, and still one whole line, in both forms. */
static void test_long(void **state)
{
    struct arena a;
    static char message[10001];
    arena_init(&a);
    for (size_t i = 0; i < sizeof(message) - 1; i += 2)
        memcpy(message + i, "\xc3\xbc", 2);
    log_setup(LOG_DEBUG, true);
    struct slice line = captured(LOG_INFO, message + 0);
    assert_non_null(json_parse(line, &a, NULL));
    log_setup(LOG_DEBUG, false);
    memset(message, '"', sizeof(message) - 1);
    line = captured(LOG_INFO, message);
    assert_true(line.n > 4000 && line.n < 4200 && slice_ends(line, SLICE("\"\n")));
    log_setup(LOG_DEBUG, true);
    line = captured(LOG_INFO, message);
    assert_int_equal(json_get_slice(json_parse(line, &a, NULL), "message").n, 4095);
    arena_fini(&a);
}

/* Members are further ones of the line's object, and nothing in text. */
static void test_fields(void **state)
{
    struct arena a;
    static char text[4096];
    int pipes[2], saved = dup(STDERR_FILENO);
    arena_init(&a);
    assert_int_equal(pipe(pipes), 0);
    dup2(pipes[1], STDERR_FILENO);
    log_setup(LOG_INFO, true);
    assert_true(log_is_json());
    log_fields(LOG_INFO, SLICE("request"), SLICE(",\"status\":200,\"key\":\"a\xff\""));
    ssize_t n = read(pipes[0], text, sizeof(text));
    yyjson_val *v = json_parse(slice_make(text, (size_t)n), &a, NULL);
    int64_t status;
    assert_true(json_int(json_get(v, "status"), &status) && status == 200);
    check_text(json_get_slice(v, "key"), "a?");
    check_text(json_get_slice(v, "message"), "request");
    dup2(saved, STDERR_FILENO);
    close(saved);
    close(pipes[0]);
    close(pipes[1]);
    arena_fini(&a);
}

static size_t count(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, what)); p++)
        n++;
    return n;
}

/* A pipe whose reader takes nothing yet: lines wait, further ones are lost and counted,
 * and nobody who logs waits. What waited comes once it is read, and the log says what is missing.
 */
static void test_background(void **state)
{
    int pipes[2];
    size_t lines = 2 * 1024, n = 0, told = 0, sum = 0;
    static char message[2048], text[4 << 20], path[64];
    memset(message, 'x', sizeof(message) - 1);
    log_setup(LOG_INFO, false);
    assert_int_equal(pipe(pipes), 0);
    snprintf(path, sizeof(path), "/dev/fd/%d", pipes[1]);
    assert_true(log_open(path));
    close(pipes[1]);
    uint64_t before = log_dropped();
    log_background(true);
    for (size_t i = 0; i < lines; i++)
        log_write(LOG_INFO, "%s", message);
    uint64_t lost = log_dropped() - before;
    assert_in_range(lost, lines / 2, lines - 400); /* of four mebibytes one waits */
    while (count(text, "x\n") < lines - lost)
        n += (size_t)read(pipes[0], text + n, sizeof(text) - n - 1);
    log_write(LOG_INFO, "again");
    log_background(false);
    n += (size_t)read(pipes[0], text + n, sizeof(text) - n - 1);
    assert_int_equal(count(text, "x\n"), lines - lost);
    assert_int_equal(count(text, " again\n"), 1);
    for (const char *p = text; (p = strstr(p, " WARNING ")); p++, sum += told)
        assert_int_equal(sscanf(p, " WARNING %zu lines of the log were lost", &told), 1);
    assert_int_equal(sum, before + lost); /* what a test before lost is told too */
    close(pipes[0]);
}

/* A file that is moved away goes on getting lines until the log is told. */
static void test_rotation(void **state)
{
    static char text[4096];
    char path[] = "/tmp/test_log.XXXXXX", moved[64];
    close(mkstemp(path));
    snprintf(moved, sizeof(moved), "%s.1", path);
    log_setup(LOG_INFO, false);
    assert_true(log_open(path));
    assert_false(log_open("/nowhere/at/all"));
    log_background(true);
    log_info("one");
    assert_int_equal(rename(path, moved), 0);
    log_info("two");
    log_background(false); /* all of it is written */
    log_background(true);
    log_reopen();
    log_background(false);
    log_info("three");
    int fds[] = {open(moved, O_RDONLY), open(path, O_RDONLY)};
    struct slice old = slice_make(text, (size_t)read(fds[0], text, sizeof(text)));
    assert_true(slice_find(old, SLICE(" one\n")) > 0 && slice_ends(old, SLICE(" two\n")));
    struct slice new = slice_make(text, (size_t)read(fds[1], text, sizeof(text)));
    assert_true(slice_ends(new, SLICE(" three\n")) && slice_find(new, SLICE("two")) < 0);
    close(fds[0]), close(fds[1]);
    unlink(path), unlink(moved);
}

static void test_dropped(void **state)
{
    int saved = dup(STDERR_FILENO);
    uint64_t before = log_dropped();
    close(STDERR_FILENO);
    log_error("nobody hears this");
    dup2(saved, STDERR_FILENO);
    close(saved);
    assert_int_equal(log_dropped(), before + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_one_line),
        cmocka_unit_test(test_levels),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_long),

        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_dropped),
        /* nothing goes to standard error any more */
        cmocka_unit_test(test_background),
        cmocka_unit_test(test_rotation),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
