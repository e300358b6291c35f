/* The API reference: every route is in it, with a text of its own; no text is left over. */

#include "api_document.h"
#include "api_text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_members(void **state)
{
    struct slice list = SLICE("model! n:i tools!:l");
    struct api_member m;
    assert_true(api_member_next(&list, &m));
    assert_true(slice_eq(m.name, SLICE("model")) && m.needed && m.type == 's');
    assert_true(api_member_next(&list, &m));
    assert_true(slice_eq(m.name, SLICE("n")) && !m.needed && m.type == 'i');
    assert_true(api_member_next(&list, &m));
    assert_true(slice_eq(m.name, SLICE("tools")) && m.needed && m.type == 'l');
    assert_false(api_member_next(&list, &m));
}

static void test_every_route_has_a_text(void **state)
{
    for (size_t i = 0; routes_at(i); i++)
        if (!api_text_find(routes_at(i)))
            fail_msg("%s %s: add a row to src/gateway/api_text_rows.h", routes_at(i)->method,
                     routes_at(i)->path);
}

static bool is_used(const struct api_text *text)
{
    for (size_t i = 0; routes_at(i); i++)
        if (api_text_find(routes_at(i)) == text)
            return true;
    return false;
}

static void test_every_text_has_a_route(void **state)
{
    for (size_t i = 0; api_text_at(i); i++)
        if (!is_used(api_text_at(i)))
            fail_msg("%s %s: api_text_rows.h has it twice, or no route is so",
                     api_text_at(i)->method, api_text_at(i)->path);
}

static yyjson_val *method_of(yyjson_val *paths, const struct route *r, struct arena *a)
{
    struct slice method = arena_dup(a, slice_of(r->method));
    char *name = arena_strdup(a, method);
    for (char *p = name; *p; p++)
        *p = (char)(*p | 0x20);
    return json_get(yyjson_obj_getn(paths, r->path, strlen(r->path)), name);
}

static void test_the_document_has_every_route(void **state)
{
    struct buf out;
    struct arena a;
    size_t operations = 0, routes = 0, i, n;
    yyjson_val *document, *path, *key;
    arena_init(&a);
    buf_init(&out, 4 * 1024 * 1024);
    api_document_write(&out);
    document = json_parse(buf_slice(&out), &a, NULL);
    assert_non_null(document);
    for (; routes_at(routes); routes++)
        assert_non_null(method_of(json_get(document, "paths"), routes_at(routes), &a));
    yyjson_obj_foreach(json_get(document, "paths"), i, n, key, path) operations +=
        yyjson_obj_size(path);
    assert_int_equal(operations, routes);
    buf_fini(&out);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_members),
        cmocka_unit_test(test_every_route_has_a_text),
        cmocka_unit_test(test_every_text_has_a_route),
        cmocka_unit_test(test_the_document_has_every_route),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
