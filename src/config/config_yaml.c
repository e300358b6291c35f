/* YAML text → tree. The only file that knows libyaml.
 *
 * Happy path: libyaml's events are read recursively; each anchored node is remembered, an alias is
 * the node itself (shared, not copied); `<<` adds the pairs that its map does not have.
 *
 * Failure modes, each one problem that ends the reading of this file: a syntax error, a second
 * document, a key that is no scalar, an alias of nothing or of a node that contains it, unknown
 * tags, and the bounds: height NODE_MAX_HEIGHT, CONFIG_MAX_NODES with aliases counted as what they
 * stand for (a few lines of nested aliases can expand to billions). A duplicate key is a warning;
 * the last one counts, as in Python.
 */

#include "config_loader.h"

#include <string.h>
#include <yaml.h>

static struct node anchor_open; /* stands for a node that is still being read */

struct reader {
    struct config_loader *l;
    const char *file;
    yaml_parser_t parser;
    struct map anchors; /* name → struct node * */
    bool failed;        /* a problem was reported: unwind */
};

static struct node *read_node(struct reader *r, yaml_event_t *event, unsigned depth);

static int line_of(const yaml_event_t *event)
{
    return (int)event->start_mark.line + 1;
}

static void fail(struct reader *r, int line, const char *text)
{
    if (!r->failed)
        config_error(r->l, (struct config_place){.file = r->file, .line = line}, "%s", text);
    r->failed = true;
}

static void fail_parser(struct reader *r)
{
    const yaml_parser_t *p = &r->parser;
    bool reading = p->error == YAML_READER_ERROR;
    int line = (int)(reading ? p->mark.line : p->problem_mark.line) + 1;
    if (r->failed)
        return;
    r->failed = true;
    config_error(r->l, (struct config_place){.file = r->file, .line = line},
                 "not valid YAML: %s%s%s", p->problem ? p->problem : "unreadable",
                 p->context ? ", " : "", p->context ? p->context : "");
}

/* The next event, to be deleted by the caller. */
static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (!r->failed && yaml_parser_parse(&r->parser, event))
        return true;
    memset(event, 0, sizeof(*event));
    fail_parser(r);
    return false;
}

static bool count_nodes(struct reader *r, int line, size_t weight)
{
    struct config_loader *l = r->l;
    if (weight > CONFIG_MAX_NODES - l->nodes) {
        fail(r, line, "the configuration is too large (aliases count as what they stand for)");
        return false;
    }
    l->nodes += weight;
    return true;
}

static struct node *new_node(struct reader *r, enum node_kind kind, int line, size_t text)
{
    size_t weight = node_weight(text);
    struct node *n = ARENA_NEW(&r->l->arena, struct node);
    *n = (struct node){.kind = kind, .file = r->file, .line = line, .weight = weight, .height = 1};
    return count_nodes(r, line, weight) ? n : NULL;
}

/* ---- anchors ------------------------------------------------------------------------------- */

static void set_anchor(struct reader *r, const yaml_char_t *anchor, struct node *n)
{
    if (anchor)
        map_put(&r->anchors, arena_dup(&r->l->arena, slice_of((const char *)anchor)), n);
}

static struct node *find_alias(struct reader *r, const yaml_event_t *event, unsigned depth)
{
    int line = line_of(event);
    struct node *n = map_get(&r->anchors, slice_of((const char *)event->data.alias.anchor));
    if (!n)
        fail(r, line, "an alias (*name) without an anchor (&name) before it");
    else if (n == &anchor_open)
        fail(r, line, "an alias inside the very value it stands for");
    else if (depth + n->height > NODE_MAX_HEIGHT)
        fail(r, line, "nested too deeply");
    else if (count_nodes(r, line, n->weight))
        return n;
    return NULL;
}

/* ---- scalars ------------------------------------------------------------------------------- */

/* Tags of the core schema only say how a scalar is to be read. */
static bool read_tag(struct reader *r, const yaml_event_t *event, bool *string)
{
    static const char core[] = "tag:yaml.org,2002:";
    const char *tag = (const char *)event->data.scalar.tag;
    *string = event->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
    if (!tag || strcmp(tag, "!") == 0) {
        *string = *string || tag;
        return true;
    }
    if (strncmp(tag, core, sizeof(core) - 1) != 0) {
        fail(r, line_of(event), "a tag (!name) that means nothing here");
        return false;
    }
    *string = strcmp(tag + sizeof(core) - 1, "str") == 0;
    return true;
}

static struct node *read_scalar(struct reader *r, const yaml_event_t *event)
{
    struct slice text =
        slice_make((const char *)event->data.scalar.value, event->data.scalar.length);
    bool string;
    struct node *n = new_node(r, NODE_SCALAR, line_of(event), text.n);
    if (!n || !read_tag(r, event, &string))
        return NULL;
    if (slice_find_char(text, '\0') >= 0) {
        fail(r, line_of(event), "a NUL character in a text");
        return NULL;
    }
    n->text = arena_dup(&r->l->arena, text);
    n->string = string;
    return n;
}

/* ---- lists and maps ------------------------------------------------------------------------ */

static struct node *read_list(struct reader *r, const yaml_event_t *start, unsigned depth)
{
    struct node *list = new_node(r, NODE_LIST, line_of(start), 0);
    while (list) {
        yaml_event_t event;
        struct node *value = NULL;
        bool end = !next_event(r, &event) || event.type == YAML_SEQUENCE_END_EVENT;
        if (!end)
            value = read_node(r, &event, depth + 1);
        yaml_event_delete(&event);
        if (r->failed)
            return NULL;
        if (end)
            break;
        node_append(list, &r->l->arena, (struct node_item){.value = value});
    }
    return list;
}

/* A map being read: `index` finds keys (position + 1), `merges` holds the values of `<<`. */
struct map_reader {
    struct node *map;
    struct node *merges;
    struct map index;
    unsigned depth;
};

static struct node_item *find_item(struct map_reader *m, struct slice key)
{
    uintptr_t at = (uintptr_t)map_get(&m->index, key);
    return at ? &m->map->items[at - 1] : NULL;
}

static void add_item(struct reader *r, struct map_reader *m, struct node_item item)
{
    node_append(m->map, &r->l->arena, item);
    map_put(&m->index, item.key, (void *)(uintptr_t)m->map->count); /* NOLINT: a position */
}

static void add_pair(struct reader *r, struct map_reader *m, struct node_item item)
{
    struct node_item *old = find_item(m, item.key);
    if (!old) {
        add_item(r, m, item);
        return;
    }
    config_warn(r->l, (struct config_place){.file = r->file, .line = item.line},
                "the key \"%.*s\" stands twice in one map (first on line %d): the last one counts",
                (int)(item.key.n < 64 ? item.key.n : 64), item.key.p, old->line);
    *old = item;
    m->map->weight += item.value->weight;
    if (m->map->height <= item.value->height)
        m->map->height = item.value->height + 1;
}

/* The pairs of `from` that the map does not have. */
static void merge_map(struct reader *r, struct map_reader *m, const struct node *from, int line)
{
    if (from->kind != NODE_MAP) {
        fail(r, line, "\"<<\" takes a map, an alias of one, or a list of them");
        return;
    }
    for (size_t i = 0; i < from->count && !r->failed; i++) {
        const struct node_item *item = &from->items[i];
        if (m->depth + item->value->height > NODE_MAX_HEIGHT)
            fail(r, line, "nested too deeply");
        else if (!find_item(m, item->key) &&
                 count_nodes(r, line, item->value->weight + node_weight(item->key.n)))
            add_item(r, m, *item);
    }
}

static void merge_all(struct reader *r, struct map_reader *m)
{
    for (size_t i = 0; m->merges && i < m->merges->count && !r->failed; i++) {
        const struct node_item *item = &m->merges->items[i];
        const struct node *from = item->value;
        if (from->kind != NODE_LIST)
            merge_map(r, m, from, item->line);
        for (size_t k = 0; from->kind == NODE_LIST && k < from->count && !r->failed; k++)
            merge_map(r, m, from->items[k].value, item->line);
    }
}

static struct node *read_key(struct reader *r, yaml_event_t *event, unsigned depth)
{
    struct node *key = NULL;
    if (event->type == YAML_SCALAR_EVENT || event->type == YAML_ALIAS_EVENT)
        key = read_node(r, event, depth);
    if (!r->failed && (!key || key->kind != NODE_SCALAR))
        fail(r, line_of(event), "a key that is neither a word nor a text");
    return r->failed ? NULL : key;
}

/* One pair; false at the end of the map or after a failure. */
static bool read_pair(struct reader *r, struct map_reader *m)
{
    yaml_event_t event;
    bool end = !next_event(r, &event) || event.type == YAML_MAPPING_END_EVENT;
    int line = line_of(&event);
    struct node *key = end ? NULL : read_key(r, &event, m->depth + 1);
    yaml_event_delete(&event);
    if (!key || !next_event(r, &event))
        return false;
    struct node_item item = {.key = key->text, .line = line};
    item.value = read_node(r, &event, m->depth + 1);
    yaml_event_delete(&event);
    if (r->failed)
        return false;
    if (key->string || !slice_eq(key->text, SLICE("<<")))
        add_pair(r, m, item);
    else {
        if (!m->merges)
            m->merges = new_node(r, NODE_LIST, line, 0);
        if (m->merges)
            node_append(m->merges, &r->l->arena, item);
    }
    return !r->failed;
}

static struct node *read_map(struct reader *r, const yaml_event_t *start, unsigned depth)
{
    struct map_reader m = {.map = new_node(r, NODE_MAP, line_of(start), 0), .depth = depth};
    if (!m.map)
        return NULL;
    while (read_pair(r, &m))
        ;
    merge_all(r, &m);
    map_fini(&m.index);
    return r->failed ? NULL : m.map;
}

static const yaml_char_t *anchor_of(const yaml_event_t *event)
{
    switch (event->type) {
    case YAML_SCALAR_EVENT: return event->data.scalar.anchor;
    case YAML_SEQUENCE_START_EVENT: return event->data.sequence_start.anchor;
    case YAML_MAPPING_START_EVENT: return event->data.mapping_start.anchor;
    default: return NULL;
    }
}

/* The node that starts with `event`; NULL after a failure. */
static struct node *read_node(struct reader *r, yaml_event_t *event, unsigned depth)
{
    struct node *n = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return find_alias(r, event, depth - 1);
    if (depth > NODE_MAX_HEIGHT) {
        fail(r, line_of(event), "nested too deeply");
        return NULL;
    }
    set_anchor(r, anchor_of(event), &anchor_open);
    if (event->type == YAML_SCALAR_EVENT)
        n = read_scalar(r, event);
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        n = read_list(r, event, depth);
    else if (event->type == YAML_MAPPING_START_EVENT)
        n = read_map(r, event, depth);
    if (n)
        set_anchor(r, anchor_of(event), n);
    return n;
}

/* ---- the document -------------------------------------------------------------------------- */

/* Skips to the first node of the stream; NULL when there is none. */
static struct node *read_document(struct reader *r)
{
    struct node *root = NULL;
    for (bool end = false; !end;) {
        yaml_event_t event;
        if (!next_event(r, &event))
            return NULL;
        end = event.type == YAML_STREAM_END_EVENT;
        if (event.type == YAML_DOCUMENT_START_EVENT && root)
            fail(r, line_of(&event), "a second document (---) in one file");
        else if (event.type == YAML_SCALAR_EVENT || event.type == YAML_SEQUENCE_START_EVENT ||
                 event.type == YAML_MAPPING_START_EVENT || event.type == YAML_ALIAS_EVENT)
            root = read_node(r, &event, 1);
        yaml_event_delete(&event);
        if (r->failed)
            return NULL;
    }
    return root && !node_is_null(root) ? root : new_node(r, NODE_MAP, 1, 0);
}

struct node *config_parse_yaml(struct config_loader *l, const char *file, struct slice text)
{
    struct reader r = {.l = l, .file = file};
    if (!yaml_parser_initialize(&r.parser))
        abort();
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)text.p, text.n);
    struct node *root = read_document(&r);
    if (root && root->kind != NODE_MAP) {
        fail(&r, root->line, "the file must be a map, of sections (model_list …) or of models");
        root = NULL;
    }
    yaml_parser_delete(&r.parser);
    map_fini(&r.anchors);
    return root;
}
