/* What the answer shall be. Structured output: which models take a JSON schema for their answer,
 * and which schemas they take (Anthropic's documentation, "Structured outputs", JSON schema
 * limitations; Bedrock's is the same).
 *
 * Happy path: every object is closed, nothing refers to itself, no constraint that the grammar
 * behind it cannot keep.
 * Failure modes: the first keyword that is not supported is told with its type, as Anthropic does;
 * a schema of more than NODES_MAX nodes, references followed, is too complex. */

#include "rules.h"

#define NODES_MAX 5000
#define REFS_MAX  32 /* references within references */

struct walk {
    const struct check *check;
    const char *place;
    yyjson_val *root;
    yyjson_val *open[REFS_MAX]; /* what was referred to on the way here */
    size_t depth;
    unsigned nodes;
};

static bool walk(struct walk *w, yyjson_val *v);

static bool refuse(struct walk *w, const char *text)
{
    return fault_model(w->check->fault, w->check->arena, "%s: %s", w->place, text);
}

/* ---- keywords ------------------------------------------------------------------------------ */

static bool check_keywords(struct walk *w, yyjson_val *v, struct slice type)
{
    static const struct {
        const char *type, *keyword;
    } unsupported[] = {
        {"integer", "minimum"},          {"integer", "maximum"},
        {"integer", "exclusiveMinimum"}, {"integer", "exclusiveMaximum"},
        {"integer", "multipleOf"},       {"number", "minimum"},
        {"number", "maximum"},           {"number", "exclusiveMinimum"},
        {"number", "exclusiveMaximum"},  {"number", "multipleOf"},
        {"string", "minLength"},         {"string", "maxLength"},
        {"array", "maxItems"},           {"array", "uniqueItems"},
        {"object", "minProperties"},     {"object", "maxProperties"},
    };
    for (size_t i = 0; i < sizeof(unsupported) / sizeof(unsupported[0]); i++)
        if (slice_eq(slice_of(unsupported[i].type), type) && json_get(v, unsupported[i].keyword))
            return fault_model(w->check->fault, w->check->arena,
                               "%s: For '%s' type, property '%s' is not supported", w->place,
                               unsupported[i].type, unsupported[i].keyword);
    return true;
}

static bool check_type(struct walk *w, yyjson_val *v)
{
    const struct slice type = json_get_slice(v, "type");
    int64_t least = 0;
    if (slice_eq(type, SLICE("object")) && !yyjson_is_false(json_get(v, "additionalProperties")))
        return refuse(w,
                      "For 'object' type, 'additionalProperties' must be explicitly set to false");
    if (slice_eq(type, SLICE("array")) && json_int(json_get(v, "minItems"), &least) && least > 1)
        return refuse(w, "For 'array' type, 'minItems' values other than 0 or 1 are not supported");
    return check_keywords(w, v, type);
}

/* ---- references ---------------------------------------------------------------------------- */

/* "#/$defs/name" or "#/definitions/name"; NULL: there is none. */
static yyjson_val *target(struct walk *w, struct slice reference)
{
    static const char *const homes[][2] = {{"#/$defs/", "$defs"},
                                           {"#/definitions/", "definitions"}};
    for (size_t i = 0; i < 2; i++) {
        const struct slice prefix = slice_of(homes[i][0]);
        if (!slice_starts(reference, prefix))
            continue;
        const struct slice name = slice_skip(reference, prefix.n);
        return yyjson_obj_getn(json_get(w->root, homes[i][1]), name.p, name.n);
    }
    return slice_eq(reference, SLICE("#")) ? w->root : NULL;
}

static bool follow(struct walk *w, struct slice reference)
{
    yyjson_val *v = target(w, reference);
    if (!v)
        return refuse(w, "Only references to definitions of the schema itself are supported");
    bool recursive = v == w->root || w->depth == REFS_MAX;
    for (size_t i = 0; i < w->depth; i++)
        recursive |= w->open[i] == v;
    if (recursive)
        return refuse(w, "Recursive schemas are not supported");
    w->open[w->depth++] = v;
    const bool good = walk(w, v);
    w->depth--;
    return good;
}

/* ---- the walk ------------------------------------------------------------------------------ */

static bool walk_all(struct walk *w, yyjson_val *container)
{
    size_t i, n;
    yyjson_val *key, *v;
    yyjson_arr_foreach(container, i, n, v)
    {
        if (!walk(w, v))
            return false;
    }
    yyjson_obj_foreach(container, i, n, key, v)
    {
        if (!walk(w, v))
            return false;
    }
    return true;
}

static bool walk(struct walk *w, yyjson_val *v)
{
    static const char *const single[] = {"items", "not"};
    static const char *const several[] = {"properties", "anyOf", "allOf", "oneOf"};
    const struct slice reference = json_get_slice(v, "$ref");
    if (++w->nodes > NODES_MAX)
        return refuse(w, "Schema is too complex");
    if (reference.p && !follow(w, reference))
        return false;
    if (!check_type(w, v))
        return false;
    for (size_t i = 0; i < sizeof(single) / sizeof(single[0]); i++)
        if (yyjson_is_obj(json_get(v, single[i])) && !walk(w, json_get(v, single[i])))
            return false;
    for (size_t i = 0; i < sizeof(several) / sizeof(several[0]); i++)
        if (!walk_all(w, json_get(v, several[i])))
            return false;
    return true;
}

/* ---- what is asked ------------------------------------------------------------------------- */

static bool check_schema(const struct check *c, yyjson_val *schema, const char *place)
{
    struct walk w = {.check = c, .place = place, .root = schema};
    return !c->model->claude || walk(&w, schema);
}

static bool unsupported(const struct check *c)
{
    if (c->native)
        return fault_model(c->fault, c->arena,
                           "output_config.format: Extra inputs are not permitted");
    return fault_validation(c->fault, c->arena,
                            "This model doesn't support the outputConfig.textFormat field. Remove "
                            "outputConfig.textFormat and try again.");
}

static bool check_format(const struct check *c)
{
    yyjson_val *format = json_get(json_get(c->body, "outputConfig"), "textFormat");
    const struct slice text =
        json_get_slice(json_get(json_get(format, "structure"), "jsonSchema"), "schema");
    if (!text.p)
        return true;
    if (!c->model->schema)
        return unsupported(c);
    yyjson_val *schema = json_parse(text, c->arena, NULL);
    if (!yyjson_is_obj(schema))
        return fault_validation(c->fault, c->arena,
                                "The value at outputConfig.textFormat.structure.jsonSchema.schema "
                                "is not a valid JSON schema. Provide one and try again.");
    return check_schema(c, schema, "output_config.format.schema");
}

static bool check_strict(const struct check *c)
{
    size_t i, n;
    yyjson_val *tool;
    yyjson_arr_foreach(body_tools(c->body), i, n, tool)
    {
        yyjson_val *spec = json_get(tool, "toolSpec");
        const struct slice place = arena_printf(c->arena, "tools.%zu.custom", i);
        if (!yyjson_is_true(json_get(spec, "strict")))
            continue;
        if (c->model->claude && !c->native && !c->model->strict_tools)
            return fault_model(c->fault, c->arena, "%s.strict: Extra inputs are not permitted",
                               place.p);
        if (!check_schema(c, json_get(json_get(spec, "inputSchema"), "json"), place.p))
            return false;
    }
    return true;
}

/* Documents cite all or none; a schema leaves no room for citations. */
static bool check_citations(const struct check *c)
{
    size_t i, n, j, m, documents = 0, cited = 0;
    yyjson_val *message, *block, *value;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        yyjson_arr_foreach(message_content(message), j, m, block)
        {
            if (block_kind(block, &value) != BLOCK_DOCUMENT)
                continue;
            documents++;
            cited += yyjson_is_true(json_get(json_get(value, "citations"), "enabled"));
        }
    }
    if (!c->model->claude || !cited)
        return true;
    if (cited < documents)
        return fault_model(c->fault, c->arena,
                           "messages: citations must be enabled on all or none of the documents of "
                           "a request");
    if (json_get(json_get(c->body, "outputConfig"), "textFormat"))
        return fault_model(c->fault, c->arena,
                           "output_config.format: citations cannot be used with structured "
                           "outputs");
    return true;
}

bool rules_output(const struct check *c)
{
    return check_format(c) && check_strict(c) && check_citations(c);
}
