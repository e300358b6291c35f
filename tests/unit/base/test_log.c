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

/* Deferred lines wait for a flush, for a warning (and keep their order), or for the memory's end.
 */
static void test_deferred(void **state)
{
    static char message[4000];
    memset(message, 'x', sizeof(message) - 1);
    log_setup(LOG_INFO, false);
    log_defer(true);
    assert_int_equal(captured(LOG_INFO, "first").n, 0);
    struct slice both = captured(LOG_WARN, "second");
    assert_true(slice_find(both, SLICE("first\n")) > 0);
    assert_true(slice_ends(both, SLICE("second\n")));
    size_t written = 0;
    for (int i = 0; i < 10; i++)
        written += captured(LOG_INFO, message).n;
    assert_in_range(written, 8 * sizeof(message), 9 * sizeof(message));
    log_defer(false);
    assert_true(slice_ends(captured(LOG_INFO, "last"), SLICE("last\n")));
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
        cmocka_unit_test(test_one_line), cmocka_unit_test(test_levels),
        cmocka_unit_test(test_json),     cmocka_unit_test(test_long),
        cmocka_unit_test(test_deferred), cmocka_unit_test(test_dropped),
    };
    return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
