#ifndef CONFIG_SHOWN_H
#define CONFIG_SHOWN_H

/* What of a configuration clients may read (/model/info): everything but secrets. A secret is told
 * by its name, at any depth; what is wrongly taken for one is merely not shown. */

#include "config/config.h"
#include "config_node.h"

/* As node_write_json(), without the secrets; URLs with a password are masked. */
void config_write_shown(const struct node *n, struct json_writer *w);

#endif
