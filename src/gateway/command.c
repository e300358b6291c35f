/* A child process and two pipes on the loop.
 *
 * Happy path: the child's output is collected until both pipes are at their end and it has ended;
 * then the item is marked, and the step tells the owner.
 *
 * Failure modes: what cannot be started says so in the step; a child that is slow or talks too much
 * is killed with its whole process group (it is the leader of a session of its own), and then ends
 * like any other. What the owner cancels is killed, and freed once it has ended. */

#include "command.h"

#include "base/buf.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#define HANDLES     4 /* process, two pipes, timer */
#define ERROR_BYTES 128
#define PIECE_MAX   4096

struct command_pipe {
    uv_pipe_t pipe;
    struct buf text;
    bool ended;
};

struct command {
    struct turn *turn;
    struct turn_item item;
    struct turn_grave grave;
    uv_process_t process;
    uv_timer_t timer;
    struct command_pipe out, err;
    char piece[PIECE_MAX];
    char error[ERROR_BYTES]; /* "": none */
    bool running, dead;
    unsigned handles; /* open ones */
    void (*over)(void *user, const struct command_result *result);
    void *user;
};

static void on_closed(uv_handle_t *handle)
{
    struct command *c = handle->data;
    if (--c->handles)
        return;
    buf_fini(&c->out.text);
    buf_fini(&c->err.text);
    free(c);
}

/* ---- deposits ------------------------------------------------------------------------------ */

static void look(struct command *c)
{
    if (!c->running && c->out.ended && c->err.ended && !c->dead)
        turn_mark(c->turn, &c->item);
}

static void stop(struct command *c, const char *why)
{
    if (!*c->error)
        snprintf(c->error, sizeof(c->error), "%s", why);
    if (c->running)
        kill(-c->process.pid, SIGKILL);
}

static void on_exit_status(uv_process_t *process, int64_t status, int signal_number)
{
    struct command *c = process->data;
    c->running = false;
    if (!*c->error && signal_number)
        snprintf(c->error, sizeof(c->error), "it was ended by signal %d", signal_number);
    else if (!*c->error && status)
        snprintf(c->error, sizeof(c->error), "it ended with status %d", (int)status);
    kill(-process->pid, SIGKILL); /* what it left behind would hold the pipes */
    if (c->dead)
        uv_close((uv_handle_t *)process, on_closed);
    look(c);
}

static void on_timer(uv_timer_t *timer)
{
    struct command *c = timer->data;
    stop(c, "it took too long");
}

static void on_room(uv_handle_t *pipe, size_t suggested, uv_buf_t *buf)
{
    struct command *c = pipe->data;
    (void)suggested;
    *buf = uv_buf_init(c->piece, sizeof(c->piece));
}

static void on_output(uv_stream_t *pipe, ssize_t n, const uv_buf_t *buf)
{
    struct command *c = pipe->data;
    struct command_pipe *p = pipe == (uv_stream_t *)&c->out.pipe ? &c->out : &c->err;
    if (n > 0)
        buf_add(&p->text, slice_make(buf->base, (size_t)n));
    if (p == &c->out && p->text.overflow)
        stop(c, "it printed too much");
    if (n < 0) {
        uv_read_stop(pipe);
        p->ended = true;
        look(c);
    }
}

/* ---- the end ------------------------------------------------------------------------------- */

static void close_all(struct command *c)
{
    c->dead = true;
    turn_unmark(&c->item);
    if (!c->running) /* else its end is waited for, lest it stays a zombie */
        uv_close((uv_handle_t *)&c->process, on_closed);
    uv_close((uv_handle_t *)&c->timer, on_closed);
    uv_close((uv_handle_t *)&c->out.pipe, on_closed);
    uv_close((uv_handle_t *)&c->err.pipe, on_closed);
}

static void command_step(struct turn_item *item)
{
    struct command *c = LIST_ENTRY(item, struct command, item);
    struct command_result result = {.error = *c->error ? c->error : NULL,
                                    .output = buf_slice(&c->out.text),
                                    .words = buf_slice(&c->err.text)};
    c->over(c->user, &result);
    if (!c->dead)
        close_all(c);
}

void command_cancel(struct command *c)
{
    if (c->running)
        kill(-c->process.pid, SIGKILL);
    close_all(c);
}

/* ---- the beginning ------------------------------------------------------------------------- */

static void open_pipe(struct command *c, struct command_pipe *p, size_t max)
{
    uv_pipe_init(c->turn->loop, &p->pipe, 0);
    p->pipe.data = c;
    buf_init(&p->text, max);
}

static int spawn(struct command *c, char *const *arguments)
{
    uv_stdio_container_t stdio[3] = {
        {.flags = UV_IGNORE},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->out.pipe},
        {.flags = UV_CREATE_PIPE | UV_WRITABLE_PIPE, .data.stream = (uv_stream_t *)&c->err.pipe},
    };
    uv_process_options_t options = {
        .exit_cb = on_exit_status,
        .file = arguments[0],
        .args = (char **)(uintptr_t)arguments,
        .flags = UV_PROCESS_DETACHED,
        .stdio_count = 3,
        .stdio = stdio,
    };
    int status = uv_spawn(c->turn->loop, &c->process, &options);
    c->process.data = c;
    return status;
}

struct command *command_start(struct turn *t, const struct command_options *options,
                              void (*over)(void *user, const struct command_result *result),
                              void *user)
{
    struct command *c = calloc(1, sizeof(*c));
    if (!c)
        abort();
    c->turn = t;
    c->over = over;
    c->user = user;
    c->handles = HANDLES;
    turn_item_init(&c->item, command_step);
    open_pipe(c, &c->out, options->output_max);
    open_pipe(c, &c->err, COMMAND_WORDS_MAX);
    uv_timer_init(t->loop, &c->timer);
    c->timer.data = c;
    int status = spawn(c, options->arguments);
    if (status < 0) {
        snprintf(c->error, sizeof(c->error), "it cannot be started: %s", uv_strerror(status));
        turn_mark(t, &c->item);
        return c;
    }
    c->running = true;
    uv_timer_start(&c->timer, on_timer, options->timeout_ms, 0);
    uv_read_start((uv_stream_t *)&c->out.pipe, on_room, on_output);
    uv_read_start((uv_stream_t *)&c->err.pipe, on_room, on_output);
    return c;
}
