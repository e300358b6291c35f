#ifndef SIM_TOLD_H
#define SIM_TOLD_H

/* The tokens that complete answers told their clients, for each model: what a ledger is held
 * against. Of TOLD_MODELS ids; further ones are counted together, under "other". */

#include "usage.h"

#define TOLD_MODELS  64
#define TOLD_ID_SIZE 160

struct told_model {
    char id[TOLD_ID_SIZE]; /* cut at that */
    uint64_t calls;
    int64_t input, output, read, write;
};

struct told {
    struct told_model v[TOLD_MODELS + 1];
    size_t n;
};

/* Sets all counts to 0; ids stay, for calls that go on. */
void told_reset(struct told *t);

/* The place of a model: for as long as `t` is there. */
struct told_model *told_of(struct told *t, struct slice model);
void told_count(struct told_model *m, const struct usage *u);

/* {"MODEL": {"calls", "input", "output", "read", "write"}, …} */
void told_write(const struct told *t, struct json_writer *w);

#endif
