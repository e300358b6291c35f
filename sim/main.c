/* bedrock-sim: arguments, signals, the loop. */

#include "server.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>

struct program {
    uv_loop_t loop;
    uv_signal_t signals[2];
    struct server *server;
};

static void on_signal(uv_signal_t *handle, int number)
{
    struct program *p = handle->data;
    (void)number;
    for (size_t i = 0; i < 2; i++)
        if (!uv_is_closing((uv_handle_t *)&p->signals[i]))
            uv_close((uv_handle_t *)&p->signals[i], NULL);
    server_close(p->server);
}

static void hear_signals(struct program *p)
{
    static const int numbers[2] = {SIGTERM, SIGINT};
    for (size_t i = 0; i < 2; i++) {
        uv_signal_init(&p->loop, &p->signals[i]);
        p->signals[i].data = p;
        uv_signal_start(&p->signals[i], on_signal, numbers[i]);
    }
}

static void say_where(const struct program *p, const struct sim_options *o)
{
    const bool v6 = strchr(o->host, ':') != NULL;
    printf("listening on http://%s%s%s:%d\n", v6 ? "[" : "", o->host, v6 ? "]" : "",
           server_port(p->server));
    fflush(stdout);
}

static int run(const struct sim_options *o)
{
    struct program p;
    const char *error = NULL;
    uv_loop_init(&p.loop);
    p.server = server_new(&p.loop, o);
    const bool listening = server_listen(p.server, &error);
    if (listening) {
        hear_signals(&p);
        say_where(&p, o);
        uv_run(&p.loop, UV_RUN_DEFAULT);
    } else {
        fprintf(stderr, "bedrock-sim: cannot listen on %s port %d: %s\n", o->host, (int)o->port,
                error);
    }
    server_free(p.server);
    uv_loop_close(&p.loop);
    return listening ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct sim_options o;
    char error[OPTIONS_ERROR_MAX];
    signal(SIGPIPE, SIG_IGN);
    if (!options_parse(argc, argv, &o, error)) {
        fprintf(stderr, "bedrock-sim: %s (see --help)\n", error);
        return 2;
    }
    if (o.help) {
        options_print_help(stdout);
        return 0;
    }
    return run(&o);
}
