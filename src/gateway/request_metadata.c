/* See request_metadata.h. */

#include "request_metadata.h"

#include <ctype.h>
#include <string.h>

#define NAME      SLICE("requestMetadata")
#define IDENTITY  SLICE("user_api_key_")
#define OF_CLIENT "spend_logs_metadata"
#define TEXT_MAX  256 /* bytes of a name or value */
#define JSON_MAX  (REQUEST_METADATA_MAX * 4 * TEXT_MAX)

struct pairs {
    struct buf text;
    struct json_writer w;
    struct slice names[REQUEST_METADATA_MAX];
    size_t n;
};

static bool is_forwardable(struct slice s)
{
    for (size_t i = 0; i < s.n; i++)
        if (!isalnum((unsigned char)s.p[i]) && !isspace((unsigned char)s.p[i]) &&
            (!s.p[i] || !strchr(":_@$#=/+,.-", s.p[i])))
            return false;
    return s.n <= TEXT_MAX;
}

static void add(struct pairs *p, struct slice name, struct slice value)
{
    if (p->n == REQUEST_METADATA_MAX || !name.n || !is_forwardable(name) || !is_forwardable(value))
        return;
    for (size_t i = 0; i < p->n; i++)
        if (slice_eq(p->names[i], name))
            return;
    p->names[p->n++] = name;
    json_key_slice(&p->w, name);
    json_string(&p->w, value);
}

/* ---- the gateway's own ----------------------------------------------------------------------- */

struct slice request_metadata_fact(const struct caller *c, struct slice field)
{
    const struct {
        struct slice name, value;
    } facts[] = {
        {SLICE("user_api_key_hash"), caller_logged_key(c)},
        {SLICE("user_api_key_alias"), c->alias},
        {SLICE("user_api_key_user_id"), c->user},
        {SLICE("user_api_key_team_id"), c->team},
        {SLICE("user_api_key_team_alias"), caller_alias(c, HOLDER_TEAM)},
        {SLICE("user_api_key_org_id"), c->organization},
        {SLICE("user_api_key_org_alias"), caller_alias(c, HOLDER_ORGANIZATION)},
        {SLICE("user_api_key_project_id"), c->project},
        {SLICE("user_api_key_project_alias"), caller_alias(c, HOLDER_PROJECT)},
        {SLICE("user_api_key_end_user_id"), c->end_user},
    };
    for (size_t i = 0; i < sizeof(facts) / sizeof(*facts); i++)
        if (slice_eq(facts[i].name, field))
            return facts[i].value;
    return SLICE("");
}

static void add_facts(struct pairs *p, yyjson_val *fields, const struct caller *c)
{
    yyjson_val *v;
    yyjson_arr_iter it = yyjson_arr_iter_with(fields);
    while ((v = yyjson_arr_iter_next(&it))) {
        struct slice value = request_metadata_fact(c, json_slice(v));
        if (value.n)
            add(p, json_slice(v), value);
    }
}

/* ---- the client's ---------------------------------------------------------------------------- */

static void add_members(struct pairs *p, yyjson_val *map)
{
    yyjson_val *key;
    yyjson_obj_iter it = yyjson_obj_iter_with(map);
    while ((key = yyjson_obj_iter_next(&it))) {
        yyjson_val *v = yyjson_obj_iter_get_val(key);
        if (yyjson_is_str(v) && !slice_starts(json_slice(key), IDENTITY))
            add(p, json_slice(key), json_slice(v));
    }
}

static yyjson_val *own_of(const struct llm_request *r)
{
    for (const struct llm_extra *e = r->extra; e; e = e->next)
        if (slice_eq(e->name, NAME))
            return e->value;
    return NULL;
}

void request_metadata_set(struct llm_request *r, yyjson_val *fields, const struct caller *caller,
                          struct arena *a)
{
    struct pairs p = {.n = 0};
    buf_init(&p.text, JSON_MAX);
    json_begin(&p.w, &p.text);
    json_object(&p.w);
    add_facts(&p, fields, caller);
    add_members(&p, own_of(r));
    if (json_list_has(fields, SLICE(OF_CLIENT)))
        add_members(&p, json_get(r->metadata, OF_CLIENT));
    json_object_end(&p.w);
    llm_request_drop(r, NAME, a);
    if (p.n) {
        struct llm_extra *e = ARENA_NEW(a, struct llm_extra);
        *e = (struct llm_extra){
            .next = r->extra, .name = NAME, .value = json_parse(buf_slice(&p.text), a, NULL)};
        r->extra = e;
    }
    buf_fini(&p.text);
}
