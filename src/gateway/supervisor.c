#include "supervisor.h"

#include "base/log.h"
#include "metering.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAUSE_MIN_S 1
#define PAUSE_MAX_S 30
#define HEALTHY_S   60 /* a worker that lived that long starts afresh at the shortest pause */

struct child {
    time_t started;
    pid_t pid; /* 0: not running */
    unsigned pause_s;
};

static struct child children[SOCKETS_MAX];
static volatile sig_atomic_t stopping;
static struct sockets *listening; /* kept for workers to come */

static void pass_on(int signum)
{
    stopping = 1;
    sockets_close(listening, -1); /* nobody would accept from them */
    for (int i = 0; i < SOCKETS_MAX; i++)
        if (children[i].pid > 0)
            kill(children[i].pid, signum);
}

/* Of SIGHUP: each worker reads the file itself; one that is started later must find the same. */
static void tell_workers(int signum)
{
    for (int i = 0; i < SOCKETS_MAX; i++)
        if (children[i].pid > 0)
            kill(children[i].pid, signum);
}

/* The log's file was moved away. */
static void pass_on_rotated(int signum)
{
    int before = errno;
    log_reopen();
    tell_workers(signum);
    errno = before;
}

static void spawn(struct child *c, struct config *config, const struct worker_options *options)
{
    struct worker_options own = *options;
    own.index = (int)(c - children);
    c->started = time(NULL);
    c->pid = fork();
    if (c->pid == 0) {
        signal(SIGTERM, SIG_DFL);
        signal(SIGINT, SIG_DFL);
        signal(SIGHUP, SIG_DFL);
        signal(SIGUSR1, SIG_IGN);         /* until the worker hears it */
        prctl(PR_SET_PDEATHSIG, SIGTERM); /* a killed supervisor leaves no orphans */
        exit(worker_run(config, &own));
    }
    if (c->pid < 0)
        log_error("cannot start a worker");
}

static struct child *find_child(pid_t pid, int workers)
{
    for (int i = 0; i < workers; i++)
        if (children[i].pid == pid)
            return &children[i];
    return NULL;
}

/* A worker that could not even start will not start the next time either. */
static bool never_ran(const struct child *c, int status)
{
    return WIFEXITED(status) && WEXITSTATUS(status) && time(NULL) - c->started < PAUSE_MIN_S + 1;
}

static void restart(struct child *c, struct config **config, const struct worker_options *options)
{
    struct config *newer;
    bool healthy = time(NULL) - c->started >= HEALTHY_S;
    c->pause_s = healthy || !c->pause_s         ? PAUSE_MIN_S
                 : c->pause_s * 2 < PAUSE_MAX_S ? c->pause_s * 2
                                                : PAUSE_MAX_S;
    log_error("a worker died, starting another in %u s", c->pause_s);
    sleep(c->pause_s); /* cut short by a signal */
    if (stopping)
        return;
    newer = options->config ? worker_reread(options->config, *config) : NULL;
    if (newer) {
        config_unref(*config);
        *config = newer;
    }
    if (stopping) /* its secrets may have taken a while */
        return;
    spawn(c, *config, options);
}

/* wait() is interrupted by the signals that pass_on handles. */
static pid_t wait_child(int *status)
{
    pid_t pid;
    do
        pid = wait(status);
    while (pid < 0 && errno == EINTR);
    return pid;
}

static int wait_for_children(struct config **config, const struct worker_options *options,
                             int workers)
{
    int status, result = 0;
    for (pid_t pid; (pid = wait_child(&status)) > 0;) {
        struct child *c = find_child(pid, workers);
        if (!c)
            continue;
        c->pid = 0;
        if (stopping)
            continue;
        if (never_ran(c, status)) {
            result = WEXITSTATUS(status);
            pass_on(SIGTERM);
        } else {
            restart(c, config, options);
        }
    }
    return result;
}

int supervisor_run(struct config *config, const struct worker_options *options, int workers)
{
    struct worker_options shared = *options;
    struct sigaction sa = {.sa_handler = pass_on};
    int status;
    shared.supervised = true;
    shared.metrics = metering_memory(config, (unsigned)workers);
    listening = options->sockets;
    sigaction(SIGTERM, &sa, NULL);
    sigaction(SIGINT, &sa, NULL);
    sa.sa_handler = tell_workers;
    sigaction(SIGHUP, &sa, NULL);
    sa.sa_handler = pass_on_rotated;
    sigaction(SIGUSR1, &sa, NULL);
    for (int i = 0; i < workers; i++)
        spawn(&children[i], config, &shared);
    sockets_forget_old(listening);
    status = wait_for_children(&config, &shared, workers);
    metrics_shared_free(shared.metrics);
    config_unref(config);
    return status;
}
