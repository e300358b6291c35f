/* general_settings.model_facts_file → the table of models.
 *
 * Happy path: the file, JSON or YAML in the shape of LiteLLM's price map, is read into a tree, so
 * that every value knows its line; the rows of Bedrock's models are laid over the built-in table.
 *
 * Failure modes, each an error at its line: a file that cannot be read or parsed, a row that is no
 * map, a fact of the wrong type, a negative price.
 */

#include "config_loader.h"

/* LiteLLM's own map says in its first row what the members mean. */
static bool is_row_of_bedrock(const struct node_item *row)
{
    const struct node *provider = NODE_GET(row->value, "litellm_provider");
    return !slice_eq(row->key, SLICE("sample_spec")) &&
           (node_is_null(provider) || slice_starts(provider->text, SLICE("bedrock")));
}

static bool is_price(struct slice name)
{
    return slice_find(name, SLICE("_cost")) >= 0;
}

static bool has_type(const struct node *n, enum option_type type)
{
    double number;
    bool truth;
    switch (type) {
    case OPT_INT:
    case OPT_NUMBER: return node_number(n, &number);
    case OPT_BOOL: return node_bool(n, &truth);
    case OPT_STRING: return n->kind == NODE_SCALAR;
    case OPT_LIST:
    case OPT_MAP:
    case OPT_ANY: return true;
    }
    return true;
}

static void check_fact(struct config_loader *l, const struct config_option *o,
                       const struct node_item *item, const struct config_path *up)
{
    const struct config_path path = {.up = up, .key = item->key};
    const struct node *n = item->value;
    double number = 0;
    if (!o || node_is_null(n))
        return;
    if (!has_type(n, o->type))
        config_error(l, config_place(n, &path), "expected %s, got %s",
                     o->type == OPT_BOOL     ? "true or false"
                     : o->type == OPT_STRING ? "a string"
                                             : "a number",
                     node_type_name(n));
    else if (is_price(item->key) && node_number(n, &number) && number < 0)
        config_error(l, config_place(n, &path), "a price is 0 or more");
}

static void write_row(struct config_loader *l, const struct node_item *row, struct json_writer *w)
{
    const struct config_path path = {.key = row->key};
    struct option_rows known = config_section_rows("model_info");
    if (row->value->kind != NODE_MAP) {
        config_error(l, config_place(row->value, &path), "expected a map, got %s",
                     node_type_name(row->value));
        return;
    }
    json_key_slice(w, row->key);
    json_object(w);
    for (size_t i = 0; i < row->value->count; i++) {
        const struct node_item *item = &row->value->items[i];
        const struct config_option *o = config_find_option(known, item->key);
        check_fact(l, o, item, &path);
        json_key_slice(w, item->key);
        if (o && (o->type == OPT_INT || o->type == OPT_NUMBER))
            node_write_json_plain(item->value, w);
        else
            node_write_json(item->value, w);
    }
    json_object_end(w);
}

static void write_rows(struct config_loader *l, const struct node *root, struct buf *text)
{
    struct json_writer w;
    json_begin(&w, text);
    json_object(&w);
    for (size_t i = 0; i < root->count; i++)
        if (is_row_of_bedrock(&root->items[i]))
            write_row(l, &root->items[i], &w);
    json_object_end(&w);
}

/* The file's tree; NULL after a problem. */
static const struct node *read_tree(struct config_loader *l, const struct node *name)
{
    const struct config_path up = {.key = SLICE("general_settings")};
    const struct config_path path = {.up = &up, .key = SLICE("model_facts_file")};
    const char *error = NULL, *file = config_join_path(&l->c->arena, name->file, name->text);
    struct slice text;
    if (l->file_count < CONFIG_MAX_FILES)
        l->files[l->file_count++] = file;
    if (!l->host->read_file(l->host->ctx, file, &l->arena, &text, &error)) {
        config_error(l, config_place(name, &path), "cannot read %s: %s", file, error);
        return NULL;
    }
    return config_parse_yaml(l, file, text);
}

void config_read_facts(struct config_loader *l, const struct node *general)
{
    const struct node *name = NODE_GET(general, "model_facts_file"), *root = NULL;
    struct buf text;
    struct json_error error;
    buf_init(&text, CONFIG_MAX_JSON);
    if (!node_is_null(name) && name->kind == NODE_SCALAR && name->text.n)
        root = read_tree(l, name);
    if (root)
        write_rows(l, root, &text);
    l->c->models = model_table_new(buf_slice(&text), &error);
    if (!l->c->models) {
        config_error(l, config_place(root, NULL), "not valid UTF-8, or too large");
        l->c->models = model_table_new(slice_make(NULL, 0), NULL);
    }
    buf_fini(&text);
}
