/* The OpenAPI document, out of the table of routes.
 *
 * Happy path: paths in the order of the table, each with its methods; parameters and bodies come
 * from the texts of a route, and where clients may set columns of a table, from that table's
 * description; settings come from the table of options. Failure modes: none; a route without a
 * text (a unit test knows) has no more than its path. */

#include "api_document.h"

#include "api_text.h"
#include "config/config.h"
#include "session.h"

#define NAME_MAX_BYTES 200

/* ---- types ----------------------------------------------------------------------------------- */

static const char *schema_of(char type)
{
    switch (type) {
    case 'i': return "{\"type\":\"integer\"}";
    case 'n': return "{\"type\":\"number\"}";
    case 'b': return "{\"type\":\"boolean\"}";
    case 'o': return "{\"type\":\"object\"}";
    case 'l': return "{\"type\":\"array\",\"items\":{}}";
    case 't': return "{\"type\":\"array\",\"items\":{\"type\":\"string\"}}";
    case 'a': return "{}";
    default: return "{\"type\":\"string\"}";
    }
}

static char type_of_column(const struct store_column *c)
{
    switch (c->type) {
    case STORE_INTEGER: return 'i';
    case STORE_FLOAT: return 'n';
    case STORE_BOOL: return 'b';
    case STORE_TEXTS: return 't';
    case STORE_JSON: return 'a'; /* objects, and lists */
    case STORE_TEXT:
    case STORE_TIME: break;
    }
    return 's';
}

static char type_of_option(const struct config_option *o)
{
    switch (o->type) {
    case OPT_INT: return 'i';
    case OPT_NUMBER: return 'n';
    case OPT_BOOL: return 'b';
    case OPT_MAP: return 'o';
    case OPT_LIST: return 'l';
    case OPT_ANY: return 'a';
    case OPT_STRING: break;
    }
    return 's';
}

static void write_property(struct json_writer *w, struct slice name, char type)
{
    json_key_slice(w, name);
    json_raw(w, slice_of(schema_of(type)));
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static bool is_named(const char *list, struct slice name)
{
    struct slice rest = list ? slice_of(list) : SLICE("");
    struct api_member m;
    while (api_member_next(&rest, &m))
        if (slice_eq(m.name, name))
            return true;
    return false;
}

/* What can be changed while the gateway runs. */
static void write_options(struct json_writer *w, struct slice section)
{
    json_object(w);
    json_member_string(w, "type", SLICE("object"));
    json_key(w, "properties");
    json_object(w);
    for (const struct config_option *o = config_options; o->section; o++) {
        if (o->effect != OPT_RELOAD || !slice_eq(slice_of(o->section), section))
            continue;
        json_key_slice(w, slice_of(o->name));
        json_object(w);
        json_member_string(w, "description", slice_of(o->meaning));
        json_key(w, "anyOf");
        json_array(w);
        json_raw(w, slice_of(schema_of(type_of_option(o))));
        json_raw(w, SLICE("{\"type\":\"null\"}"));
        json_array_end(w);
        json_object_end(w);
    }
    json_object_end(w);
    json_object_end(w);
}

static void write_member(struct json_writer *w, const struct api_member *m)
{
    if (slice_ends(m->name, SLICE("_settings"))) {
        json_key_slice(w, m->name);
        write_options(w, m->name);
    } else {
        write_property(w, m->name, m->type);
    }
}

static void write_fields(struct json_writer *w, const struct api_text *t)
{
    const struct store_table *table = store_table(t->fields->table);
    for (const char *const *name = t->fields->settable; name && *name; name++) {
        int column = store_column_find(table, slice_of(*name));
        if (column >= 0 && !is_named(t->body, slice_of(*name)))
            write_property(w, slice_of(*name), type_of_column(&table->columns[column]));
    }
    for (const char *const *name = t->fields->in_metadata; name && *name; name++)
        if (!is_named(t->body, slice_of(*name)))
            write_property(w, slice_of(*name), 'a');
}

static void write_needed(struct json_writer *w, struct slice list)
{
    struct api_member m;
    struct slice rest = list;
    bool any = false;
    while (api_member_next(&rest, &m))
        any = any || m.needed;
    if (!any)
        return;
    json_key(w, "required");
    json_array(w);
    while (api_member_next(&list, &m))
        if (m.needed)
            json_string(w, m.name);
    json_array_end(w);
}

static void write_schema(struct json_writer *w, const struct api_text *t)
{
    struct slice list = t->body ? slice_of(t->body) : SLICE(""), rest = list;
    struct api_member m;
    json_object(w);
    json_member_string(w, "type", SLICE("object"));
    json_key(w, "properties");
    json_object(w);
    while (api_member_next(&rest, &m))
        write_member(w, &m);
    if (t->fields)
        write_fields(w, t);
    json_object_end(w);
    write_needed(w, list);
    json_object_end(w);
}

static void write_body(struct json_writer *w, const struct api_text *t)
{
    json_key(w, "requestBody");
    json_object(w);
    json_key(w, "content");
    json_object(w);
    json_key(w, "application/json");
    json_object(w);
    json_key(w, "schema");
    write_schema(w, t);
    if (t->example) {
        json_key(w, "example");
        json_raw(w, slice_of(t->example));
    }
    json_object_end(w);
    json_object_end(w);
    json_object_end(w);
}

/* ---- parameters ------------------------------------------------------------------------------ */

static void write_parameter(struct json_writer *w, struct slice name, const char *where,
                            bool needed, char type)
{
    json_object(w);
    json_member_string(w, "name", name);
    json_member_string(w, "in", slice_of(where));
    json_member_bool(w, "required", needed);
    json_key(w, "schema");
    json_raw(w, slice_of(schema_of(type)));
    json_object_end(w);
}

static void write_parameters(struct json_writer *w, const struct route *r, const struct api_text *t)
{
    struct slice path = slice_of(r->path), query = t && t->query ? slice_of(t->query) : SLICE("");
    struct api_member m;
    json_key(w, "parameters");
    json_array(w);
    for (slice_split(&path, '{'); path.p; slice_split(&path, '{'))
        write_parameter(w, slice_split(&path, '}'), "path", true, 's');
    while (api_member_next(&query, &m))
        write_parameter(w, m.name, "query", m.needed, m.type);
    json_array_end(w);
}

/* ---- one route ------------------------------------------------------------------------------- */

static const char *who_may(const struct route *r)
{
    if (r->open)
        return "everybody";
    if (!r->admin)
        return "any key";
    return r->own_keys || r->also ? "admins; others: their own" : "admins";
}

static void write_answer(struct json_writer *w, const char *type)
{
    json_key_slice(w, slice_of(type));
    json_raw(w, SLICE("{\"schema\":{}}"));
}

/* What streams gives whole answers too. */
static void write_responses(struct json_writer *w, const struct route *r, const struct api_text *t)
{
    static const char plain[] = "application/json";
    const char *type = t && t->answer ? t->answer : plain;
    json_key(w, "responses");
    json_object(w);
    json_key(w, "200");
    json_object(w);
    json_member_string(w, "description", SLICE("It was done"));
    json_key(w, "content");
    json_object(w);
    write_answer(w, type);
    if (!r->handle && type != plain)
        write_answer(w, plain);
    json_object_end(w);
    json_object_end(w);
    json_key(w, "default");
    json_raw(w, SLICE("{\"$ref\":\"#/components/responses/Error\"}"));
    json_object_end(w);
}

/* "post_v1_chat_completions" */
static void write_id(struct json_writer *w, const struct route *r)
{
    char name[NAME_MAX_BYTES];
    size_t n = 0;
    for (const char *p = r->method; *p && n < sizeof(name); p++)
        name[n++] = (char)(*p | 0x20);
    for (const char *p = r->path; *p && n < sizeof(name); p++) {
        bool good = (*p >= 'a' && *p <= 'z') || (*p >= '0' && *p <= '9');
        if (*p != '{' && *p != '}')
            name[n++] = good ? *p : '_';
    }
    json_member_string(w, "operationId", slice_make(name, n));
}

static void write_route(struct json_writer *w, const struct route *r)
{
    const struct api_text *t = api_text_find(r);
    char method[8];
    size_t n = 0;
    for (const char *p = r->method; *p && n < sizeof(method); p++)
        method[n++] = (char)(*p | 0x20);
    json_key_slice(w, slice_make(method, n));
    json_object(w);
    write_id(w, r);
    if (t) {
        json_key(w, "tags");
        json_array(w);
        json_string(w, slice_of(t->group));
        json_array_end(w);
        json_member_string(w, "summary", slice_of(t->summary));
    }
    json_member_string(w, "x-who-may", slice_of(who_may(r)));
    if (r->open) {
        json_key(w, "security");
        json_raw(w, SLICE("[]"));
    }
    write_parameters(w, r, t);
    if (t && (t->body || t->fields))
        write_body(w, t);
    write_responses(w, r, t);
    json_object_end(w);
}

static bool came_before(size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (slice_eq(slice_of(routes_at(k)->path), slice_of(routes_at(i)->path)))
            return true;
    return false;
}

static void write_path(struct json_writer *w, size_t i)
{
    struct slice path = slice_of(routes_at(i)->path);
    json_key_slice(w, path);
    json_object(w);
    for (; routes_at(i); i++)
        if (slice_eq(slice_of(routes_at(i)->path), path))
            write_route(w, routes_at(i));
    json_object_end(w);
}

/* ---- the document ---------------------------------------------------------------------------- */

#define HEAD                                                                                       \
    "{\"title\":\"Lintel\",\"version\":\"" LINTEL_VERSION                                          \
    "\",\"description\":\"A gateway for language models: "                                         \
    "OpenAI's, Anthropic's and Bedrock's routes, and LiteLLM's for keys, people and spend.\"}"
#define ERRORS                                                                                     \
    "{\"Error\":{\"description\":\"What went wrong: 400 and 422 the request, 401 the key, 403 "    \
    "what it may not, 404 what is not there, 429 a limit or a budget, 5xx the gateway or the "     \
    "model\",\"content\":{\"application/json\":{\"schema\":{\"type\":\"object\",\"properties\":{"  \
    "\"error\":{\"type\":\"object\",\"properties\":{\"message\":{\"type\":\"string\"},\"type\":"   \
    "{\"type\":[\"string\",\"null\"]},\"param\":{\"type\":[\"string\",\"null\"]},\"code\":"        \
    "{\"type\":[\"string\",\"null\"]}}}}}}}}}"
#define KEYS                                                                                       \
    "{\"key\":{\"type\":\"http\",\"scheme\":\"bearer\",\"description\":\"A virtual key, or the "   \
    "master key\"},\"header\":{\"type\":\"apiKey\",\"in\":\"header\",\"name\":\"x-api-key\"},"     \
    "\"login\":{\"type\":\"apiKey\",\"in\":\"cookie\",\"name\":\"" SESSION_COOKIE "\"}}"

void api_document_write(struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "openapi", SLICE("3.1.0"));
    json_key(&w, "info");
    json_raw(&w, SLICE(HEAD));
    json_key(&w, "servers");
    json_raw(&w, SLICE("[{\"url\":\".\"}]"));
    json_key(&w, "security");
    json_raw(&w, SLICE("[{\"key\":[]},{\"header\":[]},{\"login\":[]}]"));
    json_key(&w, "paths");
    json_object(&w);
    for (size_t i = 0; routes_at(i); i++)
        if (!came_before(i))
            write_path(&w, i);
    json_object_end(&w);
    json_key(&w, "components");
    json_object(&w);
    json_key(&w, "responses");
    json_raw(&w, SLICE(ERRORS));
    json_key(&w, "securitySchemes");
    json_raw(&w, SLICE(KEYS));
    json_object_end(&w);
    json_object_end(&w);
}
