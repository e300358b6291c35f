/* One flow, driven.
 *
 * Happy path: the step gives the flow what it wants for as long as that is at hand (a file, the
 * credentials of a source), starts a call or a command when it wants one, and is marked again by
 * its end.
 *
 * Failure modes: whatever goes wrong is told to the flow, which knows what that means. Files are
 * small and local: they are read on the spot, and nothing but plain files is. */

#include "credentials_fetch.h"

#include "base/date.h"
#include "base/file.h"
#include "base/log.h"
#include "base/text.h"
#include "batch.h"
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define WORDS_SHOWN 300 /* bytes of what a command complains, in the log */

struct credentials_fetch {
    struct credentials_fetch_job job;
    struct turn_item item;
    struct turn_grave grave;
    struct arena arena;
    struct aws_flow flow;
    struct batch *batch;     /* NULL: no call is running */
    struct command *command; /* NULL: no command is running */
    struct credentials_wait source;
    bool dead;
};

/* ---- files --------------------------------------------------------------------------------- */

static const char *read_open(int fd, struct arena *a, struct slice *text)
{
    struct stat st;
    if (fstat(fd, &st) < 0)
        return strerror(errno);
    if (!S_ISREG(st.st_mode) || st.st_size > AWS_ANSWER_MAX)
        return "not a file, or too large";
    size_t size = (size_t)st.st_size, n = 0;
    char *p = arena_alloc(a, size + 1);
    for (ssize_t got; n < size && (got = read(fd, p + n, size - n)) > 0;)
        n += (size_t)got;
    *text = slice_make(p, n);
    return NULL;
}

static void give_file(struct credentials_fetch *f)
{
    struct aws_result r = {0};
    int fd = open(f->flow.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    r.error = fd < 0 ? strerror(errno) : read_open(fd, &f->arena, &r.text);
    r.ok = !r.error;
    if (fd >= 0)
        close(fd);
    aws_flow_take(&f->flow, &r);
}

/* Whole or not at all: others read it too. */
static void keep_file(struct credentials_fetch *f)
{
    char *name = arena_strdup(&f->arena, arena_printf(&f->arena, "%s.XXXXXX", f->flow.path));
    int fd = mkstemp(name);
    bool ok = fd >= 0 && file_write(fd, f->flow.kept);
    if (fd >= 0)
        ok = close(fd) == 0 && ok;
    ok = ok && rename(name, f->flow.path) == 0;
    if (!ok && fd >= 0)
        unlink(name);
    if (!ok)
        log_warn("AWS credentials (%s): %s cannot be written: the next start needs another login",
                 f->job.identity->name, f->flow.path);
    aws_flow_take(&f->flow, &(struct aws_result){.ok = ok});
}

/* ---- calls --------------------------------------------------------------------------------- */

static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct credentials_fetch *f = user;
    (void)i;
    *call = f->flow.call;
    return true;
}

static bool on_answer(void *user, size_t i, const struct batch_answer *answer)
{
    struct credentials_fetch *f = user;
    (void)i;
    struct aws_result r = {
        .ok = answer->end == UPSTREAM_DONE,
        .silent = answer->end == UPSTREAM_TIMEOUT_FIRST || answer->end == UPSTREAM_TIMEOUT_TOTAL,
        .error = answer->detail,
        .status = answer->status,
        .text = answer->body,
    };
    if (r.ok)
        date_parse_http(http_header_get(answer->headers, "date"), &r.date);
    aws_flow_take(&f->flow, &r);
    return true;
}

static void on_over(void *user)
{
    struct credentials_fetch *f = user;
    f->batch = NULL;
    turn_mark(f->job.turn, &f->item);
}

static const struct batch_events events = {.call = on_call, .done = on_answer, .over = on_over};

static void start_call(struct credentials_fetch *f)
{
    unsigned ms = f->flow.timeout_ms;
    const struct batch_options options = {
        .count = 1,
        .body_max = AWS_ANSWER_MAX,
        .timeouts = {.connect_ms = ms < AWS_CONNECT_MS ? ms : AWS_CONNECT_MS,
                     .first_ms = ms,
                     .total_ms = 2 * ms},
    };
    f->batch = batch_start(f->job.upstream, f->job.turn, &options, &events, f);
}

/* ---- commands ------------------------------------------------------------------------------ */

/* What it complains of goes to the log, not to clients. */
static void log_words(const struct credentials_fetch *f, struct slice words)
{
    char text[WORDS_SHOWN];
    size_t n = words.n < sizeof(text) ? words.n : sizeof(text);
    if (!n)
        return;
    memcpy(text, words.p, n);
    text_clean(text, n);
    log_warn("AWS credentials (%s): credential_process says: %.*s", f->job.identity->name, (int)n,
             text);
}

static void on_output(void *user, const struct command_result *result)
{
    struct credentials_fetch *f = user;
    struct aws_result r = {.ok = !result->error, .error = result->error, .text = result->output};
    f->command = NULL;
    if (result->error)
        log_words(f, result->words);
    aws_flow_take(&f->flow, &r);
    turn_mark(f->job.turn, &f->item);
}

static void start_command(struct credentials_fetch *f)
{
    const struct command_options options = {
        .arguments = f->flow.arguments, .timeout_ms = AWS_OUTPUT_MS, .output_max = AWS_ANSWER_MAX};
    f->command = command_start(f->job.turn, &options, on_output, f);
}

/* ---- the step ------------------------------------------------------------------------------ */

static bool give_source(struct credentials_fetch *f)
{
    struct credentials_answer answer =
        credentials_get(f->job.credentials, f->job.identity->source, &f->source, &f->item);
    if (answer.state == CREDENTIALS_COMING)
        return false;
    aws_flow_take(&f->flow, &(struct aws_result){.ok = answer.state == CREDENTIALS_READY,
                                                 .error = answer.error,
                                                 .transient = answer.transient,
                                                 .credentials = answer.credentials,
                                                 .expires = answer.expires});
    return true;
}

/* True: the flow got what it wanted. */
static bool give(struct credentials_fetch *f)
{
    switch (f->flow.want) {
    case AWS_WANT_FILE: give_file(f); return true;
    case AWS_WANT_KEPT: keep_file(f); return true;
    case AWS_WANT_SOURCE: return give_source(f);
    case AWS_WANT_CALL: start_call(f); return false;
    case AWS_WANT_OUTPUT: start_command(f); return false;
    case AWS_WANT_NOTHING: break;
    }
    return false;
}

static void release(struct turn_grave *grave)
{
    struct credentials_fetch *f = LIST_ENTRY(grave, struct credentials_fetch, grave);
    arena_fini(&f->arena);
    free(f);
}

static void die(struct credentials_fetch *f)
{
    f->dead = true;
    credentials_leave(&f->source);
    turn_unmark(&f->item);
    turn_bury(f->job.turn, &f->grave, release);
}

static void fetch_step(struct turn_item *item)
{
    struct credentials_fetch *f = LIST_ENTRY(item, struct credentials_fetch, item);
    if (f->batch || f->command)
        return;
    while (f->flow.want != AWS_WANT_NOTHING)
        if (!give(f))
            return;
    die(f);
    f->job.over(f->job.user, &f->flow);
}

struct credentials_fetch *credentials_fetch_start(const struct credentials_fetch_job *job)
{
    struct credentials_fetch *f = calloc(1, sizeof(*f));
    if (!f)
        abort();
    f->job = *job;
    arena_init(&f->arena);
    turn_item_init(&f->item, fetch_step);
    aws_flow_begin(&f->flow, job->identity, credentials_now(job->credentials), &f->arena);
    turn_mark(job->turn, &f->item);
    return f;
}

void credentials_fetch_cancel(struct credentials_fetch *f)
{
    if (f->batch)
        batch_cancel(f->batch);
    if (f->command)
        command_cancel(f->command);
    die(f);
}
