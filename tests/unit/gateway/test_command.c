/* Programs that are run: their output, their end, and what is done about those that do not. */

#include "command.h"

#include "../base/check.h"
#include "../io/world.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct outcome {
    unsigned calls;
    char error[200], output[200], words[200];
    size_t printed;
};

static void copy(char *to, size_t size, struct slice s)
{
    snprintf(to, size, "%.*s", (int)(s.n < size ? s.n : size - 1), s.n ? s.p : "");
}

static void on_over(void *user, const struct command_result *r)
{
    struct outcome *o = user;
    o->calls++;
    snprintf(o->error, sizeof(o->error), "%s", r->error ? r->error : "");
    copy(o->output, sizeof(o->output), r->output);
    copy(o->words, sizeof(o->words), r->words);
    o->printed = r->output.n;
}

static struct command *shell(struct world *w, const char *script, unsigned timeout_ms,
                             struct outcome *o)
{
    char sh[] = "sh", c[] = "-c", *text = strdup(script);
    char *const arguments[] = {sh, c, text, NULL};
    const struct command_options options = {
        .arguments = arguments, .timeout_ms = timeout_ms, .output_max = 100000};
    struct command *command = command_start(&w->turn, &options, on_over, o);
    free(text);
    return command;
}

static void outcomes(void **state)
{
    static const struct {
        const char *script;
        unsigned timeout_ms;
        const char *error, *output, *words;
    } rows[] = {
        {"printf hello", 9000, "", "hello", ""},
        {"cat; printf none", 9000, "", "none", ""}, /* there is no input, and no waiting for it */
        {"echo oops >&2; exit 3", 9000, "it ended with status 3", "", "oops\n"},
        {"kill -9 $$", 9000, "it was ended by signal 9", "", ""},
        {"printf before; sleep 1000", 50, "it took too long", "before", ""},
        {"(sleep 1000 &) ; printf x", 9000, "", "x", ""}, /* what it leaves behind goes too */
        {"exec >&- 2>&-; sleep 1000", 50, "it took too long", "", ""},
        {"nosuchprogram 2>/dev/null", 9000, "it ended with status 127", "", ""},
    };
    struct world *w = *state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct outcome o = {0};
        shell(w, rows[i].script, rows[i].timeout_ms, &o);
        WORLD_UNTIL(w, o.calls);
        assert_string_equal(o.error, rows[i].error);
        assert_string_equal(o.output, rows[i].output);
        assert_string_equal(o.words, rows[i].words);
    }
}

static void too_much(void **state)
{
    struct world *w = *state;
    struct outcome o = {0};
    shell(w, "yes", 9000, &o);
    WORLD_UNTIL(w, o.calls);
    assert_string_equal(o.error, "it printed too much");
    assert_true(o.printed <= 100000);
    /* Complaints beyond what is kept are dropped. */
    o = (struct outcome){0};
    shell(w, "yes | head -c 100000 >&2; printf ok", 9000, &o);
    WORLD_UNTIL(w, o.calls);
    assert_string_equal(o.error, "");
    assert_string_equal(o.output, "ok");
}

static void not_there(void **state)
{
    struct world *w = *state;
    struct outcome o = {0};
    char name[] = "/nosuch/program";
    char *const arguments[] = {name, NULL};
    const struct command_options options = {
        .arguments = arguments, .timeout_ms = 1000, .output_max = 10};
    command_start(&w->turn, &options, on_over, &o);
    assert_int_equal(o.calls, 0); /* never from inside */
    WORLD_UNTIL(w, o.calls);
    assert_non_null(strstr(o.error, "it cannot be started: no such file"));
}

static void cancelled(void **state)
{
    struct world *w = *state;
    struct outcome o = {0};
    char path[] = "/tmp/test_command_XXXXXX", script[200];
    int fd = mkstemp(path);
    long pid = 0;
    snprintf(script, sizeof(script), "echo $$ >%s; sleep 1000", path);
    struct command *c = shell(w, script, 9000, &o);
    char text[20] = "";
    WORLD_UNTIL(w, pread(fd, text, sizeof(text) - 1, 0) > 1 && strchr(text, '\n'));
    pid = strtol(text, NULL, 10);
    command_cancel(c);
    WORLD_UNTIL(w, kill((pid_t)pid, 0) < 0 && errno == ESRCH);
    assert_int_equal(o.calls, 0);
    close(fd);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {WORLD_TEST(outcomes), WORLD_TEST(too_much),
                                       WORLD_TEST(not_there), WORLD_TEST(cancelled)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
