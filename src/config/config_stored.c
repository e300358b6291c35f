/* What a database has, added to the tree of the files: models, credentials and the lists of
 * general_settings behind the files' own, settings where the files say nothing. */

#include "config_loader.h"

#include <string.h>

bool config_is_stored(const struct node *n)
{
    return n->file && strcmp(n->file, CONFIG_STORED) == 0;
}

/* The item of that key, made when there is none. */
static struct node_item *item_of(struct config_loader *l, struct node *map,
                                 const struct node_item *like)
{
    for (size_t i = 0; i < map->count; i++)
        if (slice_eq(map->items[i].key, like->key))
            return &map->items[i];
    node_append(map, &l->arena, *like);
    return &map->items[map->count - 1];
}

static void add_entries(struct config_loader *l, struct node_item *to, const struct node *entries)
{
    if (to->value == entries)
        return;
    if (node_is_null(to->value)) {
        to->value = node_copy(entries, &l->arena);
        return;
    }
    if (to->value->kind != NODE_LIST)
        return; /* reported by the check of the top level */
    to->value = node_copy(to->value, &l->arena);
    for (size_t i = 0; i < entries->count; i++)
        node_append(to->value, &l->arena, entries->items[i]);
}

static void add_settings(struct config_loader *l, struct node_item *to, const struct node *settings)
{
    bool lists = slice_eq(to->key, SLICE("general_settings"));
    if (to->value == settings)
        return;
    if (node_is_null(to->value)) {
        to->value = node_copy(settings, &l->arena);
        return;
    }
    to->value = node_copy(to->value, &l->arena);
    for (size_t i = 0; i < settings->count; i++) {
        struct node_item *own = item_of(l, to->value, &settings->items[i]);
        const struct config_path up = {.key = to->key};
        const struct config_path path = {.up = &up, .key = own->key};
        if (node_is_null(own->value))
            *own = settings->items[i];
        else if (lists)
            add_entries(l, own, settings->items[i].value);
        else if (own->value != settings->items[i].value)
            config_error(l, config_place(settings->items[i].value, &path),
                         "the configuration file says it, and counts");
    }
}

void config_add_stored(struct config_loader *l, struct node *root, struct slice stored)
{
    const struct node *tree =
        stored.n ? config_parse_yaml(l, CONFIG_STORED, arena_dup(&l->arena, stored)) : NULL;
    for (size_t i = 0; tree && i < tree->count; i++) {
        const struct node_item *item = &tree->items[i];
        struct node_item *to = item_of(l, root, item);
        if (slice_eq(item->key, SLICE("model_list")) ||
            slice_eq(item->key, SLICE("credential_list")))
            add_entries(l, to, item->value);
        else if (item->value->kind == NODE_MAP &&
                 (node_is_null(to->value) || to->value->kind == NODE_MAP))
            add_settings(l, to, item->value);
    }
}
