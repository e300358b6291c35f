/* Schemas, and the JSON that satisfies them. */

#include "arguments.h"
#include "check.h"

static void test_schemas(void **state)
{
#define OBJECT(member, schema)                                                                     \
    "{'type':'object','properties':{'" member "':" schema "},'required':['" member "']}"
    static const struct {
        const char *schema, *prompt, *json;
    } cases[] = {
        {"{'type':'object'}", "hi", "{}"},
        {OBJECT("a", "{'type':'string'}"), "hello there", "{'a':'hello there'}"},
        {OBJECT("city", "{'type':'string'}"), "weather in Oslo?", "{'city':'Oslo'}"},
        {OBJECT("path", "{'type':'string'}"), "read src/a.c", "{'path':'src/a.c'}"},
        {OBJECT("path", "{'type':'string'}"), "read Oslo", "{'path':'.'}"},
        {OBJECT("query", "{'type':'string'}"), "find 'x y' in Oslo", "{'query':'x y'}"},
        {OBJECT("a", "{'type':'string'}"), "", "{'a':'example'}"},
        {OBJECT("a", "{'type':'integer'}"), "take 12 of them", "{'a':12}"},
        {OBJECT("a", "{'type':'integer','minimum':20}"), "take 12", "{'a':20}"},
        {OBJECT("a", "{'type':'number','exclusiveMinimum':1}"), "none", "{'a':2}"},
        {OBJECT("a", "{'type':'integer','maximum':5}"), "take 12", "{'a':5}"},
        {OBJECT("a", "{'type':'boolean'}"), "", "{'a':true}"},
        {OBJECT("a", "{'type':'null'}"), "", "{'a':null}"},
        {OBJECT("a", "{'type':['null','boolean']}"), "", "{'a':true}"},
        {OBJECT("a", "{'enum':['x','y']}"), "", "{'a':'x'}"},
        {OBJECT("a", "{'const':3}"), "", "{'a':3}"},
        {OBJECT("a", "{'type':'string','default':'d'}"), "", "{'a':'d'}"},
        {OBJECT("a", "{'type':'array','items':{'type':'integer'}}"), "", "{'a':[1]}"},
        {OBJECT("a", "{'type':'array','minItems':2,'items':{'enum':[7]}}"), "", "{'a':[7,7]}"},
        {OBJECT("a", OBJECT("b", "{'type':'boolean'}")), "", "{'a':{'b':true}}"},
        {OBJECT("a", "{'anyOf':[{'type':'boolean'},{'type':'string'}]}"), "", "{'a':true}"},
        {"{'type':'object','properties':{'a':{'$ref':'#/$defs/x'}},'required':['a'],"
         "'$defs':{'x':{'type':'boolean'}}}",
         "", "{'a':true}"},
        {"{'type':'object','properties':{'a':{'type':'string'},'b':{'type':'string'}},"
         "'required':['b']}",
         "hi", "{'b':'hi'}"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct buf out;
        arena_init(&a);
        buf_init(&out, 10000);
        yyjson_val *schema = json_of(&a, cases[i].schema);
        struct arguments args = {.root = schema, .text = slice_of(cases[i].prompt), .arena = &a};
        args.text = json_text(&a, cases[i].prompt);
        arguments_write(&args, schema, &out);
        const struct slice want = json_text(&a, cases[i].json);
        check_text(cases[i].schema, buf_slice(&out), want.n ? want.p : "");
        buf_fini(&out);
        arena_fini(&a);
    }
}

/* Schemas that ask for the impossible still end. */
static void test_bounds(void **state)
{
    static const char *const schemas[] = {
        "{'type':'object','properties':{'a':{'$ref':'#'},'b':{'$ref':'#'}},'required':['a','b']}",
        "{'$ref':'#'}",
        "{'type':'array','minItems':1000000,'items':{'type':'array','minItems':1000000}}",
    };
    for (size_t i = 0; i < COUNT(schemas); i++) {
        struct arena a;
        struct buf out;
        arena_init(&a);
        buf_init(&out, 1000000);
        yyjson_val *schema = json_of(&a, schemas[i]);
        struct arguments args = {.root = schema, .text = SLICE("x"), .arena = &a};
        arguments_write(&args, schema, &out);
        assert_false(out.overflow);
        assert_non_null(json_parse(buf_slice(&out), &a, NULL));
        buf_fini(&out);
        arena_fini(&a);
    }
}

static void test_parallel(void **state)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *schema = json_of(&a, OBJECT("city", "{'type':'string'}"));
    yyjson_val *fixed = json_of(&a, OBJECT("city", "{'enum':['a']}"));
    assert_int_equal(arguments_parallel(schema, SLICE("weather in Paris and Tokyo")), 2);
    assert_int_equal(arguments_parallel(schema, SLICE("weather in Paris")), 1);
    assert_int_equal(arguments_parallel(schema, SLICE("weather")), 1);
    assert_int_equal(arguments_parallel(fixed, SLICE("weather in Paris and Tokyo")), 1);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schemas),
                                       cmocka_unit_test(test_bounds),
                                       cmocka_unit_test(test_parallel)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
