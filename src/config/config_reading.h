#ifndef CONFIG_READING_H
#define CONFIG_READING_H

/* Numbers out of a map of the tree. */

#include "config_loader.h"

struct reading {
    struct config_loader *l;
    const struct node *map;
    const struct config_path *path;
    bool nested; /* inside an option: no check of a section has looked at its types */
};

/* False: it is not there, or no such number; the latter is reported once, and `value` stays. */
bool reading_number(struct reading in, const char *key, double min, double max, double *value);
bool reading_integer(struct reading in, const char *key, int64_t min, int64_t *value);

/* Of a map inside a list or map: a text, or empty. */
struct slice reading_text(struct reading in, const char *key);

struct route_params;
/* configurable_clientside_auth_params of litellm_params. */
void config_read_clientside(struct reading in, struct route_params *p);

#endif
