/* Files → one tree: reading, `include`, merging.
 *
 * Happy path: the main file is parsed; each file of its `include` list (relative to the file that
 * names it) is parsed and merged into it in order: lists at the top level are appended, maps are
 * merged, anything else is replaced, as in LiteLLM.
 *
 * Failure modes, each a problem at its line: a file that cannot be read or is too large, a cycle,
 * too many files. The rest is still read, so that all problems show.
 */

#include "config_loader.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the world outside --------------------------------------------------------------------- */

#define READ_SIZE 65536

static bool read_all(int fd, struct arena *a, struct slice *text, const char **error)
{
    struct buf b;
    ssize_t n = 0;
    buf_init(&b, CONFIG_MAX_FILE_SIZE + 2 * READ_SIZE);
    while (b.n <= CONFIG_MAX_FILE_SIZE && (n = read(fd, buf_reserve(&b, READ_SIZE), READ_SIZE)) > 0)
        b.n += (size_t)n;
    *error = n < 0 ? strerror(errno) : b.n > CONFIG_MAX_FILE_SIZE ? "larger than 16 MiB" : NULL;
    if (!*error)
        *text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return !*error;
}

static bool system_read_file(void *ctx, const char *path, struct arena *a, struct slice *text,
                             const char **error)
{
    (void)ctx;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool ok = fd >= 0 && read_all(fd, a, text, error);
    if (fd < 0)
        *error = strerror(errno);
    else
        close(fd);
    return ok;
}

static const char *system_get_env(void *ctx, const char *name)
{
    (void)ctx;
    return getenv(name);
}

static void system_set_env(void *ctx, const char *name, const char *value)
{
    (void)ctx;
    if (setenv(name, value, 1) != 0)
        abort();
}

const struct config_host config_host_system = {
    .read_file = system_read_file, .get_env = system_get_env, .set_env = system_set_env};

/* ---- merging ------------------------------------------------------------------------------- */

static void merge_map(struct config_loader *l, struct node *into, const struct node *from,
                      const struct config_path *up);

/* Nodes may be shared through aliases, so what changes is copied first. */
static void merge_item(struct config_loader *l, struct node_item *into,
                       const struct node_item *from, const struct config_path *up)
{
    struct config_path path = {.up = up, .key = from->key};
    const struct node *a = into->value, *b = from->value;
    if (a->kind == NODE_MAP && b->kind == NODE_MAP) {
        into->value = node_copy(a, &l->arena);
        merge_map(l, into->value, b, &path);
    } else if (a->kind == NODE_LIST && b->kind == NODE_LIST && !up) {
        into->value = node_copy(a, &l->arena);
        for (size_t i = 0; i < b->count; i++)
            node_append(into->value, &l->arena, b->items[i]);
    } else {
        config_warn(l, config_place(b, &path), "replaces the value of %s line %d", a->file,
                    a->line);
        *into = *from;
    }
}

static void merge_map(struct config_loader *l, struct node *into, const struct node *from,
                      const struct config_path *up)
{
    struct map index = {0};
    for (size_t i = 0; i < into->count; i++)
        map_put(&index, into->items[i].key, (void *)(uintptr_t)(i + 1)); /* NOLINT: a position */
    for (size_t i = 0; i < from->count; i++) {
        const struct node_item *item = &from->items[i];
        uintptr_t at = (uintptr_t)map_get(&index, item->key);
        if (!up && slice_eq(item->key, SLICE("include")))
            continue; /* followed already */
        if (at)
            merge_item(l, &into->items[at - 1], item, up);
        else
            node_append(into, &l->arena, *item);
    }
    map_fini(&index);
}

/* ---- include ------------------------------------------------------------------------------- */

struct include {
    const struct include *up; /* the file that includes this one */
    const char *path;
};

static struct node *read_tree(struct config_loader *l, const char *path, const struct include *up,
                              struct config_place asked);

const char *config_join_path(struct arena *a, const char *file, struct slice name)
{
    const char *slash = strrchr(file, '/');
    while (slice_starts(name, SLICE("./")))
        name = slice_skip(name, 2);
    if (!slash || slice_starts(name, SLICE("/")))
        return arena_strdup(a, name);
    return arena_printf(a, "%.*s/%.*s", (int)(slash - file), file, SLICE_ARG(name)).p;
}

static void include_one(struct config_loader *l, struct node *root, const struct node *name,
                        const struct include *self, const struct config_path *path)
{
    struct config_place place = config_place(name, path);
    if (name->kind != NODE_SCALAR || !name->text.n) {
        config_error(l, place, "expected the name of a file, got %s", node_type_name(name));
        return;
    }
    const char *file = config_join_path(&l->arena, self->path, name->text);
    for (const struct include *i = self; i; i = i->up)
        if (strcmp(i->path, file) == 0) {
            config_error(l, place, "%s includes itself", file);
            return;
        }
    const struct node *tree = read_tree(l, file, self, place);
    if (tree)
        merge_map(l, root, tree, NULL);
}

static void include_all(struct config_loader *l, struct node *root, const struct include *self)
{
    const struct config_path path = {.key = SLICE("include")};
    const struct node *list = NODE_GET(root, "include");
    if (!list || list->kind != NODE_LIST)
        return; /* another type is the section check's business */
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path element = {.up = &path, .index = i};
        include_one(l, root, list->items[i].value, self, &element);
    }
}

static struct node *read_tree(struct config_loader *l, const char *path, const struct include *up,
                              struct config_place asked)
{
    struct include self = {.up = up, .path = path};
    const char *error = NULL;
    struct slice text;
    if (l->file_count == CONFIG_MAX_FILES) {
        config_error(l, asked, "more than %d files", CONFIG_MAX_FILES);
        return NULL;
    }
    const char *name = arena_strdup(&l->c->arena, slice_of(path));
    l->files[l->file_count++] = name;
    if (!l->host->read_file(l->host->ctx, path, &l->arena, &text, &error)) {
        asked.file = asked.file ? asked.file : name;
        config_error(l, asked, "cannot read %s: %s", path, error);
        return NULL;
    }
    struct node *root = config_parse_yaml(l, name, text);
    if (root)
        include_all(l, root, &self);
    return root;
}

struct node *config_read_tree(struct config_loader *l, const char *path)
{
    return read_tree(l, path, NULL, (struct config_place){0});
}
