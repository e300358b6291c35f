#ifndef GATEWAY_COMMAND_H
#define GATEWAY_COMMAND_H

/* Runs a program and collects what it prints, without waiting for it. It gets the gateway's
 * environment and no input. It and its children are killed when it takes too long or prints too
 * much, or is cancelled. */

#include "base/slice.h"
#include "io/turn.h"

#define COMMAND_WORDS_MAX 1024 /* bytes of its standard error that are kept */

struct command;

struct command_options {
    char *const *arguments; /* the program (looked up in PATH) and its arguments, then NULL */
    unsigned timeout_ms;
    size_t output_max; /* bytes */
};

/* Valid during `over`. */
struct command_result {
    const char *error;   /* NULL: it ended with 0; else one line without anything it printed */
    struct slice output; /* its standard output */
    struct slice words;  /* its standard error */
};

/* `over` comes once, from a step; the command then frees itself. The arguments are not kept. */
struct command *command_start(struct turn *t, const struct command_options *options,
                              void (*over)(void *user, const struct command_result *result),
                              void *user);
void command_cancel(struct command *c); /* `over` does not come */

#endif
