#ifndef CONFIG_NODE_H
#define CONFIG_NODE_H

/* A configuration file as a tree in which every node knows its file and line. Aliases share nodes,
 * so the tree is a graph without cycles; `weight` and `height` bound what walking it can cost. */

#include "base/arena.h"
#include "base/buf.h"

#define NODE_MAX_HEIGHT 64

enum node_kind { NODE_SCALAR, NODE_LIST, NODE_MAP };

struct node;

struct node_item {
    struct slice key; /* of a map; empty in a list */
    int line;         /* of the key */
    struct node *value;
};

struct node {
    enum node_kind kind;
    bool string;  /* a scalar that is text whatever it looks like: quoted, tagged or substituted */
    bool settled; /* os.environ/ was looked at (a shared node is met more than once) */
    const char *file;
    int line;
    struct slice text;       /* of a scalar; holds no NUL but ends with one */
    struct node_item *items; /* of a list or map */
    size_t count;
    size_t weight;   /* of all in it, each alias counted as what it stands for */
    unsigned height; /* 1 for a scalar */
};

/* What a node with n bytes of text counts: long texts cannot be multiplied for nothing either. */
static inline size_t node_weight(size_t n)
{
    return 1 + n / 64;
}

struct node *node_get(const struct node *map, struct slice key); /* NULL: no such key, or no map */
#define NODE_GET(map, literal) node_get((map), SLICE(literal))

/* Appends; the caller keeps keys unique. The arrays grow in the arena the node lies in. */
void node_append(struct node *parent, struct arena *a, struct node_item item);

/* A list or map with the same items, which may be appended to. */
struct node *node_copy(const struct node *n, struct arena *a);

bool node_is_null(const struct node *n); /* also true of NULL */

/* What a scalar says. Text in quotes counts when it is unambiguous ("5", "true"). False: `value` is
 * as it was. */
bool node_bool(const struct node *n, bool *value);
bool node_int(const struct node *n, int64_t *value);
bool node_number(const struct node *n, double *value);

/* With an article, for messages: "a list", "a number", "nothing". */
const char *node_type_name(const struct node *n);

struct json_writer;
void node_write_json(const struct node *n, struct json_writer *w);

/* The scalar as JSON number, bool or null even when it was written in quotes, where its text allows
 * (for options that are known to be no text). */
void node_write_json_plain(const struct node *n, struct json_writer *w);

#endif
