#ifndef SIM_OPTIONS_H
#define SIM_OPTIONS_H

/* The command line. */

#include "service.h"

#include <stdio.h>

struct sim_options {
    const char *host;
    int64_t port;
    struct pace pace;
    int64_t chunks;   /* > 0: bench mode, so many chunks whatever was asked */
    int64_t rate;     /* calls a second of each model; 0: no limit */
    int64_t live_max; /* calls at once; beyond: ServiceUnavailableException */
    bool log;         /* a line per call on stderr */
    bool help;
    struct auth auth; /* slices of argv */
};

/* False: `error` (at least OPTIONS_ERROR_MAX bytes) says which argument is wrong. */
#define OPTIONS_ERROR_MAX 256
bool options_parse(int argc, char **argv, struct sim_options *o, char *error);
void options_print_help(FILE *out);

#endif
