/* general_settings.database_extra_connection_params → the query of database_url.
 *
 * Failure modes: a value that is no text or number is an error; parameters beside SQLite, or
 * without a database, are a warning. */

#include "config_loader.h"

#include "wire/crypto.h"

#define NAME    "database_extra_connection_params"
#define URL_MAX ((size_t)64 * 1024)

static bool is_server(struct slice url)
{
    return slice_find(url, SLICE("://")) > 0 && !slice_starts(url, SLICE("sqlite:")) &&
           !slice_starts(url, SLICE("file:"));
}

static void add_parameters(struct config_loader *l, const struct node *map,
                           const struct config_path *path, struct buf *query)
{
    for (size_t i = 0; i < map->count; i++) {
        const struct config_path self = {.up = path, .key = map->items[i].key};
        const struct node *value = map->items[i].value;
        if (node_is_null(value))
            continue;
        if (value->kind != NODE_SCALAR) {
            config_error(l, config_place(value, &self), "expected a text or a number");
            continue;
        }
        percent_encode(self.key, query);
        buf_add_char(query, '=');
        percent_encode(value->text, query);
        buf_add_char(query, '&');
    }
}

/* The first of two with one name counts (state/store_url.h): ours stand before the URL's own. */
void config_read_database(struct config_loader *l, const struct node *general)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE(NAME)};
    const struct node *map = NODE_GET(general, NAME);
    struct slice own = slice_of(l->c->settings.database_url), base = slice_split(&own, '?');
    struct buf query;
    if (node_is_null(map) || map->kind != NODE_MAP || !map->count)
        return;
    if (!is_server(base)) {
        config_warn(l, config_place(map, &path), "has no meaning without a database server");
        return;
    }
    buf_init(&query, URL_MAX);
    add_parameters(l, map, &path, &query);
    if (query.overflow)
        config_error(l, config_place(map, &path), "is too long");
    l->c->settings.database_url =
        ARENA_JOIN(&l->c->arena, base, SLICE("?"), buf_slice(&query), own).p;
    buf_fini(&query);
}
