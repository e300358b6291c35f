#include "row_world.h"

#include "../base/check.h"
#include "rows_ask.h"

yyjson_val *row_world_json(const char *json, struct arena *a)
{
    char *text = arena_strdup(a, slice_of(json));
    for (char *p = text; *p; p++)
        if (*p == '\'')
            *p = '"';
    yyjson_val *v = json_parse(slice_of(text), a, NULL);
    assert_non_null(v);
    return v;
}

const struct store_rows *row_world_rows(enum store_table_id table, const char *json,
                                        struct arena *a)
{
    const struct store_table *t = store_table(table);
    struct store_rows *rows = ARENA_NEW(a, struct store_rows);
    yyjson_val *given = row_world_json(json, a), *name;
    yyjson_obj_iter it = yyjson_obj_iter_with(given);
    rows->columns = t->columns;
    rows->column_count = t->column_count;
    rows->count = 1;
    rows->values = arena_zalloc(a, t->column_count * sizeof(*rows->values));
    for (size_t i = 0; i < t->column_count; i++)
        rows->values[i] = (struct store_value){.type = t->columns[i].type, .null = true};
    while ((name = yyjson_obj_iter_next(&it))) {
        int i = store_column_find(t, json_slice(name));
        if (i < 0)
            fail_msg("%s has no column %s", t->name, yyjson_get_str(name));
        assert_true(store_value_from_json(&t->columns[i], yyjson_obj_iter_get_val(name), a,
                                          &rows->values[i]));
    }
    return rows;
}

struct row *row_world_row(enum row_kind kind, const char *json)
{
    struct arena a;
    arena_init(&a);
    struct row *r = row_new(kind, row_world_rows(rows_table(kind), json, &a), 0);
    arena_fini(&a);
    return r;
}

static enum row_kind kind_of(size_t holder)
{
    static const enum row_kind kinds[] = {
        [HOLDER_KEY] = ROW_KEY,         [HOLDER_USER] = ROW_USER,
        [HOLDER_TEAM] = ROW_TEAM,       [HOLDER_MEMBER] = ROW_MEMBER,
        [HOLDER_PROJECT] = ROW_PROJECT, [HOLDER_ORGANIZATION] = ROW_ORGANIZATION,
        [HOLDER_TAGS] = ROW_TAG,        [HOLDER_END_USER] = ROW_END_USER,
    };
    return kinds[holder];
}

void row_world_caller(struct caller *c, const struct row_world_caller *from, struct arena *a)
{
    caller_init(c, a);
    if (from->rows[HOLDER_KEY])
        caller_be(c, row_world_row(ROW_KEY, from->rows[HOLDER_KEY]));
    if (from->rows[HOLDER_TAGS])
        caller_add_tag(c, SLICE("its row says"));
    for (size_t i = HOLDER_KEY; i <= HOLDER_TAGS; i++) {
        struct holder *h = i < HOLDER_TAGS ? &c->holders[i] : c->tags;
        if (!h)
            break;
        if (from->rows[i] && i != HOLDER_KEY)
            h->row = row_world_row(kind_of(i), from->rows[i]);
        if (from->budgets[i])
            h->budget = row_world_row(ROW_BUDGET, from->budgets[i]);
        if (h->row)
            h->id = h->row->id;
    }
    c->end_user = c->holders[HOLDER_END_USER].id;
}
