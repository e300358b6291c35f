/* credential_list: sets of litellm_params under a name, for deployments that name one of them
 * (litellm_credential_name), and for GET /credentials, which sees them masked.
 *
 * Failure modes: an entry without a name or values is an error; of two with one name the first
 * counts, but the database may not have the file's again. */

#include "config_loader.h"
#include "config_reading.h"

#define SHOWN_MIN 16 /* bytes of a secret of which any are shown … */
#define SHOWN     2  /* … these many at each end */

/* "AK****XY" */
static void write_masked(struct json_writer *w, struct slice secret)
{
    bool some = secret.n >= SHOWN_MIN;
    json_string_begin(w);
    json_string_part(w, some ? slice_make(secret.p, SHOWN) : SLICE("*"));
    json_string_part(w, SLICE("****"));
    if (some)
        json_string_part(w, slice_skip(secret, secret.n - SHOWN));
    json_string_end(w);
}

static yyjson_val *masked(struct config_loader *l, const struct node *values)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, CONFIG_MAX_JSON);
    json_begin(&w, &b);
    json_object(&w);
    for (size_t i = 0; i < values->count; i++) {
        const struct node_item *item = &values->items[i];
        json_key_slice(&w, item->key);
        if (config_is_secret(item->key) && item->value->kind == NODE_SCALAR)
            write_masked(&w, item->value->text);
        else if (config_is_secret(item->key))
            write_masked(&w, SLICE(""));
        else
            node_write_json(item->value, &w);
    }
    json_object_end(&w);
    yyjson_val *v = json_parse(buf_slice(&b), &l->c->arena, NULL);
    buf_fini(&b);
    return v;
}

static void read_credential(struct reading in, const struct node *at)
{
    struct config_loader *l = in.l;
    const struct config_path values_path = {.up = in.path, .key = SLICE("credential_values")};
    const struct config_path info_path = {.up = in.path, .key = SLICE("credential_info")};
    const struct node *values = NODE_GET(in.map, "credential_values");
    const struct node *info = NODE_GET(in.map, "credential_info");
    struct named_credential *c = &l->c->credentials[l->c->credential_count];
    c->name = reading_text(in, "credential_name");
    if (!c->name.n) {
        config_error(l, config_place(at, in.path), "credential_name is missing");
        return;
    }
    if (!values || values->kind != NODE_MAP) {
        config_error(l, config_place(values ? values : at, &values_path), "expected a map, got %s",
                     node_type_name(values));
        return;
    }
    if (map_get(&l->credentials, c->name)) {
        (config_is_stored(at) ? config_error : config_warn)(
            l, config_place(at, in.path), "another credential has this name already");
        return;
    }
    c->values = masked(l, values);
    c->info = info && info->kind == NODE_MAP ? config_read_json(l, info, &info_path) : NULL;
    c->stored = config_is_stored(at);
    map_put(&l->credentials, c->name, (void *)(uintptr_t)values); /* NOLINT: not changed there */
    l->c->credential_count++;
}

void config_read_credentials(struct config_loader *l, const struct node *root)
{
    const struct config_path path = {.key = SLICE("credential_list")};
    const struct node *list = NODE_GET(root, "credential_list");
    if (!list || list->kind != NODE_LIST || !list->count)
        return; /* another type is reported by the check of the top level */
    l->c->credentials = arena_zalloc(&l->c->arena, list->count * sizeof(struct named_credential));
    for (size_t i = 0; i < list->count; i++) {
        const struct config_path self = {.up = &path, .index = i};
        const struct node *n = list->items[i].value;
        if (n->kind == NODE_MAP)
            read_credential((struct reading){l, n, &self, true}, n);
        else
            config_error(l, config_place(n, &self), "expected a map, got %s", node_type_name(n));
    }
}

const struct node *config_credential_values(struct config_loader *l, const struct node *params,
                                            const struct config_path *up)
{
    const struct config_path path = {.up = up, .key = SLICE("litellm_credential_name")};
    const struct node *name = NODE_GET(params, "litellm_credential_name");
    if (node_is_null(name) || name->kind != NODE_SCALAR)
        return NULL;
    const struct node *values = map_get(&l->credentials, name->text);
    if (!values)
        config_warn(l, config_place(name, &path),
                    "no entry of credential_list has this name: the credentials are those of "
                    "models that name none");
    return values;
}
