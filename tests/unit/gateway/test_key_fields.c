/* What clients say of a key → columns, and rows → what clients are shown. */

#include "../base/check.h"
#include "exchange.h"
#include "key_fields.h"
#include "row_world.h"

#include <stdio.h>

/* The cells that a body makes: "name=value" with texts and JSON as they are; times only by name.
 * A body that is refused: the member at fault, behind "!". */
static const struct {
    const char *body, *metadata, *cells;
} cases[] = {
    {"{}", "", ""},
    {"{'nobody_knows_this': 1}", "", ""},
    {"{'key_alias': 'a', 'max_budget': 1.5, 'rpm_limit': 3, 'blocked': true}", "",
     "key_alias=a max_budget=1.5 blocked=1 rpm_limit=3"},
    {"{'models': ['a', 'b'], 'aliases': {'x': 'y'}}", "",
     "models=[\"a\",\"b\"] aliases={\"x\":\"y\"}"},
    {"{'max_budget': null, 'team_id': null}", "", "team_id=null max_budget=null"},
    /* members that lie in metadata */
    {"{'tags': ['t']}", "", "metadata={\"tags\":[\"t\"]}"},
    {"{'metadata': {'a': 1}, 'guardrails': ['g']}", "",
     "metadata={\"a\":1,\"guardrails\":[\"g\"]}"},
    {"{'tags': ['t']}", "{\"a\":1,\"tags\":[\"old\"]}", "metadata={\"a\":1,\"tags\":[\"t\"]}"},
    {"{'temp_budget_increase': 4}", "{\"a\":1}", "metadata={\"a\":1,\"temp_budget_increase\":4}"},
    /* times that come of durations */
    {"{'duration': '30d'}", "", "expires"},
    {"{'duration': null}", "", "expires=null"},
    {"{'budget_duration': '1d'}", "", "budget_duration=1d budget_reset_at"},
    {"{'auto_rotate': true, 'rotation_interval': '7d'}", "",
     "auto_rotate=1 rotation_interval=7d key_rotation_at"},
    /* members of a wrong kind */
    {"{'models': 'claude'}", "", "!models"},
    {"{'max_budget': 'much'}", "", "!max_budget"},
    {"{'rpm_limit': 1.5}", "", "!rpm_limit"},
    {"{'metadata': []}", "", "!metadata"},
    {"{'duration': 'soon'}", "", "!duration"},
    {"{'budget_duration': 5}", "", "!budget_duration"},
    {"{'rotation_interval': 'soon'}", "", "!rotation_interval"},
};

static size_t tell_cell(char *p, size_t size, const struct store_cell *cell)
{
    const struct store_value *v = &cell->value;
    if (v->null)
        return (size_t)snprintf(p, size, "%s=null", cell->column);
    switch (v->type) {
    case STORE_TIME: return (size_t)snprintf(p, size, "%s", cell->column);
    case STORE_INTEGER: return (size_t)snprintf(p, size, "%s=%d", cell->column, (int)v->integer);
    case STORE_FLOAT: return (size_t)snprintf(p, size, "%s=%g", cell->column, v->number);
    case STORE_BOOL: return (size_t)snprintf(p, size, "%s=%d", cell->column, v->flag);
    default: return (size_t)snprintf(p, size, "%s=%.*s", cell->column, SLICE_ARG(v->text));
    }
}

static void check_read(size_t i)
{
    char said[1000] = "";
    size_t n = 0;
    struct admin_cells cells = {.n = 0};
    static struct config config;
    struct exchange *ex = calloc(1, sizeof(*ex));
    assert_non_null(ex);
    ex->config = &config;
    arena_init(&ex->arena);
    yyjson_val *body = row_world_json(cases[i].body, &ex->arena);
    if (!key_fields_read(ex, body, slice_of(cases[i].metadata), &cells)) {
        assert_int_equal(ex->failure.status, 400);
        snprintf(said, sizeof(said), "!%.*s", SLICE_ARG(ex->failure.param));
    }
    for (size_t k = 0; said[0] != '!' && k < cells.n; k++) {
        n += (size_t)snprintf(said + n, sizeof(said) - n, "%s", k ? " " : "");
        n += tell_cell(said + n, sizeof(said) - n, &cells.v[k]);
    }
    if (strcmp(said, cases[i].cells) != 0)
        fail_msg("%s\nsays  %s\nnot   %s", cases[i].body, said, cases[i].cells);
    arena_fini(&ex->arena);
    free(ex);
}

static void test_reading(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++)
        check_read(i);
}

static void test_texts_of_keys(void **state)
{
    static const struct {
        const char *key, *name;
    } names[] = {
        {"sk-0123456789abcdef", "sk-...cdef"}, {"sk-12345", "sk-..."}, {"sk-123456", "sk-...3456"}};
    struct arena a;
    (void)state;
    arena_init(&a);
    struct slice one = key_fields_make(&a), other = key_fields_make(&a);
    assert_true(slice_starts(one, SLICE("sk-")) && one.n == 35 && other.n == 35);
    assert_false(slice_eq(one, other));
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        check_text(key_fields_name(slice_of(names[i].key), &a), names[i].name);
    arena_fini(&a);
}

/* ---- what clients see ------------------------------------------------------------------------ */

enum view { NEW, INFO, LISTED, LIST };

#define ROW                                                                                        \
    "{'token': 'hash', 'key_alias': 'a', 'models': ['m'], 'metadata': {'tags': ['t'], 'own': 1},"  \
    " 'budget_reset_at': '2026-01-01T00:00:00Z', 'rotation_count': 2, 'budget_id': 'b'}"

static void write_view(enum view view, const struct store_rows *rows,
                       const struct store_rows *budget, struct buf *b)
{
    struct admin_budgets budgets;
    struct json_writer w;
    admin_budgets_init(&budgets, budget);
    json_begin(&w, b);
    json_object(&w);
    if (view == INFO)
        key_fields_write(&w, rows, 0, &budgets);
    else if (view == LISTED)
        key_fields_write_listed(&w, rows, 0, &budgets);
    else
        json_key(&w, "keys"), key_fields_write_list(&w, rows);
    json_object_end(&w);
    admin_budgets_fini(&budgets);
}

static yyjson_val *view_of(enum view view, struct arena *a)
{
    const struct store_rows *rows = row_world_rows(TABLE_VERIFICATION_TOKEN, ROW, a);
    const struct store_rows *budget =
        row_world_rows(TABLE_BUDGET_TABLE, "{'budget_id': 'b', 'max_budget': 5}", a);
    struct buf b;
    buf_init(&b, 1 << 20);
    if (view == NEW)
        key_fields_write_new(&b, rows, SLICE("sk-clear"), row_world_json("{'tags': ['t']}", a),
                             budget);
    else
        write_view(view, rows, budget, &b);
    yyjson_val *v = json_parse(arena_dup(a, buf_slice(&b)), a, NULL);
    buf_fini(&b);
    assert_non_null(v);
    return view == LIST ? yyjson_arr_get(json_get(v, "keys"), 0) : v;
}

static void test_views(void **state)
{
    /* of each view, by its letter (new, info, listed, list): "text", null, - (not there) or any (*)
     */
    static const struct {
        const char *member, *seen[LIST + 1];
    } members[] = {
        {"key", {"sk-clear", "-", "-", "-"}},
        {"token", {"hash", "-", "hash", "hash"}},
        {"token_id", {"hash", "-", "-", "-"}},
        {"key_alias", {"a", "a", "a", "a"}},
        {"models", {"*", "*", "*", "*"}},
        {"tags", {"*", "-", "-", "-"}},
        {"guardrails", {"null", "-", "-", "-"}},
        {"rotation_count", {"-", "*", "*", "*"}},
        {"budget_reset_at",
         {"-", "2026-01-01T00:00:00.000000Z", "2026-01-01T00:00:00.000000Z",
          "2026-01-01T00:00:00.000000Z"}},
        {"router_settings", {"*", "null", "null", "null"}},
        {"litellm_budget_table", {"*", "*", "*", "null"}},
        {"team_models", {"-", "-", "*", "-"}},
        {"object_permission", {"null", "null", "null", "null"}},
    };
    (void)state;
    for (enum view view = NEW; view <= LIST; view++) {
        struct arena a;
        arena_init(&a);
        yyjson_val *v = view_of(view, &a);
        for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++) {
            yyjson_val *m = json_get(v, members[i].member);
            const char *seen = !m                  ? "-"
                               : yyjson_is_null(m) ? "null"
                               : yyjson_is_str(m)  ? yyjson_get_str(m)
                                                   : "*";
            if (strcmp(seen, members[i].seen[view]) != 0)
                fail_msg("view %d: %s is %s", (int)view, members[i].member, seen);
        }
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_texts_of_keys),
        cmocka_unit_test(test_views),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
