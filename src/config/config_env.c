/* The environment: os.environ/NAME comes in, environment_variables go out.
 *
 * Happy path: secrets of a secret manager (config_secrets.c) come before all. The pairs of
 * environment_variables are noted in order (a value may itself be os.environ/NAME); from then on
 * they hide what the environment says. Every scalar of the tree that is wholly os.environ/NAME
 * becomes the text of that variable. Once the whole configuration is known to be good the pairs are
 * exported: a bad file changes nothing.
 *
 * Failure modes: a variable that is not set is an error at the place that wants it (LiteLLM reads
 * it as nothing, silently); a name that no environment can hold; an export that is no scalar.
 */

#include "config_loader.h"

#define PREFIX SLICE("os.environ/")

const char *config_env(const struct config_loader *l, const char *name)
{
    const char *secret = secrets_get(l->c->secrets, name);
    const struct node *own = map_get(&l->exports, slice_of(name));
    return secret ? secret : own ? own->text.p : l->host->get_env(l->host->ctx, name);
}

/* Whose headers may end in a variable: config_pass.c. */
static bool is_of_passes(const struct config_path *path)
{
    while (path && !slice_eq(path->key, SLICE("pass_through_endpoints")))
        path = path->up;
    return path;
}

static void report_unset(struct config_loader *l, const char *name, struct config_place place)
{
    const char *why = secrets_why(l->c->secrets, name);
    if (why)
        config_error(l, place,
                     "\"%.64s\" is neither in AWS Secrets Manager (%s) nor in the environment",
                     name, why);
    else
        config_error(l, place, "the environment variable \"%.64s\" is not set", name);
}

static void substitute_scalar(struct config_loader *l, struct node *n,
                              const struct config_path *path)
{
    struct slice text = n->text;
    if (!slice_starts(text, PREFIX)) {
        if (slice_find(text, PREFIX) > 0 && !is_of_passes(path))
            config_warn(l, config_place(n, path),
                        "os.environ/ is only replaced where it is the whole value");
        return;
    }
    const char *name = slice_skip(text, PREFIX.n).p; /* texts end with a NUL */
    const char *value = config_env(l, name);
    if (!value) {
        report_unset(l, name, config_place(n, path));
        value = "";
    }
    n->text = arena_dup(&l->arena, slice_of(value));
    n->string = true;
}

static void substitute(struct config_loader *l, struct node *n, const struct config_path *path)
{
    if (n->settled)
        return;
    n->settled = true;
    if (n->kind == NODE_SCALAR)
        substitute_scalar(l, n, path);
    for (size_t i = 0; i < n->count; i++) {
        struct config_path element = {.up = path, .key = n->items[i].key, .index = i};
        substitute(l, n->items[i].value, &element);
    }
}

void config_substitute_early(struct config_loader *l, struct node *map, const char *key,
                             const struct config_path *path)
{
    struct node *n = node_get(map, slice_of(key));
    if (n)
        substitute(l, n, path);
}

static void note_export(struct config_loader *l, const struct node_item *item,
                        const struct config_path *up)
{
    struct config_path path = {.up = up, .key = item->key};
    struct node *value = item->value;
    substitute(l, value, &path);
    if (node_is_null(value))
        return;
    if (value->kind != NODE_SCALAR)
        config_error(l, config_place(value, &path), "expected a string, got %s",
                     node_type_name(value));
    else if (!item->key.n || slice_find_char(item->key, '=') >= 0)
        config_error(l, config_place(value, &path), "no environment variable can have this name");
    else
        map_put(&l->exports, item->key, value);
}

static const struct node *exports_of(const struct node *root)
{
    const struct node *exports = NODE_GET(root, "environment_variables");
    return exports && exports->kind == NODE_MAP ? exports : NULL;
}

void config_substitute(struct config_loader *l, struct node *root)
{
    const struct config_path path = {.key = SLICE("environment_variables")};
    const struct node *exports = exports_of(root);
    for (size_t i = 0; exports && i < exports->count; i++)
        note_export(l, &exports->items[i], &path);
    for (size_t i = 0; i < root->count; i++) {
        struct config_path element = {.key = root->items[i].key};
        substitute(l, root->items[i].value, &element);
    }
}

void config_export(const struct config_loader *l, const struct node *root)
{
    const struct node *exports = exports_of(root);
    for (size_t i = 0; exports && i < exports->count; i++) {
        struct slice name = exports->items[i].key;
        const struct node *value = map_get(&l->exports, name);
        if (value)
            l->host->set_env(l->host->ctx, name.p, value->text.p);
    }
}
