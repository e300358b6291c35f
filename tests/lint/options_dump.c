/* Shows the option table to options.py, and how the parser reads a file.
 *
 *   options_dump table         the rows: section, name, type, effect, default, meaning
 *   options_dump keys FILE     section and name of every key in the file
 *   options_dump check FILE    the file's problems
 */

#include "config_loader.h"

#include <stdio.h>
#include <string.h>

static int dump_table(void)
{
    static const char *const types[] = {"string", "bool", "int", "number", "list", "map", "any"};
    static const char *const effects[] = {"reload", "restart", "accepted", "refused"};
    for (const struct config_option *o = config_options; o->section; o++)
        printf("%s\t%s\t%s\t%s\t%s\t%s\n", o->section, o->name, types[o->type], effects[o->effect],
               o->default_value ? o->default_value : "", o->meaning);
    return 0;
}

static void dump_keys(const char *section, const struct node *map)
{
    for (size_t i = 0; map && i < map->count; i++)
        printf("%s\t%s\n", section, map->items[i].key.p);
}

/* One level below the top, and what has a section of its own deeper. */
static int dump_file(const char *path)
{
    static const char *const inner[] = {"cache_params", "cache_kwargs", "litellm_params",
                                        "model_info"};
    struct config c = {0};
    struct config_loader l = {.c = &c, .host = &config_host_system};
    struct node *root = config_read_tree(&l, path);
    if (!root)
        return 1;
    dump_keys("top level", root);
    for (size_t i = 0; i < root->count; i++) {
        const struct node *n = root->items[i].value;
        bool models = slice_eq(root->items[i].key, SLICE("model_list"));
        if (models && n->count)
            n = n->items[0].value;
        if (n->kind == NODE_MAP)
            dump_keys(root->items[i].key.p, n);
        for (size_t k = 0; k < sizeof(inner) / sizeof(*inner); k++)
            dump_keys(inner[k], node_get(n, slice_of(inner[k])));
    }
    arena_fini(&l.arena);
    arena_fini(&c.arena);
    return 0;
}

static int check_file(const char *path)
{
    struct config *c = config_load(path);
    for (const struct config_problem *p = c->problems; p; p = p->next)
        printf("%s:%d: %s\n", p->file, p->line, p->text);
    config_unref(c);
    return 0;
}

int main(int argc, char **argv)
{
    if (argc == 2 && strcmp(argv[1], "table") == 0)
        return dump_table();
    if (argc == 3 && strcmp(argv[1], "keys") == 0)
        return dump_file(argv[2]);
    if (argc == 3 && strcmp(argv[1], "check") == 0)
        return check_file(argv[2]);
    fputs("usage: options_dump table | keys FILE | check FILE\n", stderr);
    return 2;
}
