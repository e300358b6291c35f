#ifndef TESTS_GATEWAY_WORLD_H
#define TESTS_GATEWAY_WORLD_H

/* A world for loading configurations: files and environment from tables, nothing real. */

#include "config_loader.h"

#define WORLD_SIZE 16

struct world {
    struct {
        const char *path, *text;
    } files[WORLD_SIZE];
    struct {
        const char *name, *value;
    } env[WORLD_SIZE];
    char set[256]; /* what was exported, "A=1 B=2 " */
    struct config_host host;
};

void world_init(struct world *w); /* empty, HOME=/home/u */
void world_file(struct world *w, const char *path, const char *text);
void world_env(struct world *w, const char *name, const char *value);

/* Loads `text` as "c.yaml". To be given to config_unref(). */
struct config *world_load(struct world *w, const char *text);

/* The problems as text, "E3 path: …\nW4 …\n"; with "file:" before the line where it is not c.yaml.
 * Valid until the next call. */
const char *world_problems(const struct config *c);

/* Loads and compares the problems; NULL: none expected. */
void world_expect(struct world *w, const char *text, const char *problems);

/* A JSON value as text; "" for NULL. Valid until the next call. */
const char *world_json(yyjson_val *v);

#endif
