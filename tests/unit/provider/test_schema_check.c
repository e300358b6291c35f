/* Answers held against schemas. JSON in these tests is written with single quotes. */

#include "../base/check.h"

#include "provider/schema_check.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static yyjson_val *parse(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, slice_of(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    yyjson_val *v = json_parse(slice_of(copy), a, NULL);
    if (!v)
        fail_msg("no JSON: %s", text);
    return v;
}

#define OBJECT(members) "{'type':'object','properties':{" members "}}"
#define TREE                                                                                       \
    "{'$ref':'#/$defs/N','$defs':{'N':{'type':'object','required':['v'],'properties':{'v':{"       \
    "'type':'integer'},'next':{'$ref':'#/$defs/N'}}}}}"

static const struct {
    const char *schema, *value, *why; /* NULL: it fits */
} cases[] = {
    {"true", "5", NULL},
    {"{}", "{'a':[1,null]}", NULL},
    {"false", "5", "$: may not be there"},
    {"{'type':'string'}", "'x'", NULL},
    {"{'type':'string'}", "5", "$: expected string, got number"},
    {"{'type':'boolean'}", "true", NULL},
    {"{'type':'number'}", "false", "$: expected number, got boolean"},
    {"{'type':'null'}", "null", NULL},
    {"{'type':'integer'}", "5.0", NULL},
    {"{'type':'integer'}", "5.5", "$: expected integer, got number"},
    {"{'type':['string','null']}", "null", NULL},
    {"{'type':['string','null']}", "[]", "$: array is none of its types"},
    {"{'enum':['a',1,{'b':[2]}]}", "{'b':[2.0]}", NULL},
    {"{'enum':['a',1,{'b':[2]}]}", "{'b':[2,3]}", "$: is none of the enum"},
    {"{'enum':['a',1,{'b':2}]}", "{'c':2}", "$: is none of the enum"},
    {"{'const':null}", "null", NULL},
    {"{'const':true}", "false", "$: is not the constant"},
    {OBJECT("'a':{'type':'string'}"), "{'a':'x','b':1}", NULL},
    {OBJECT("'a':" OBJECT("'b':{'type':'string'}")), "{'a':{'b':1}}",
     "$.a.b: expected string, got number"},
    {"{'required':['a','b']}", "{'a':1}", "$: 'b' is missing"},
    {"{'required':['a']}", "[1]", NULL},
    {"{'properties':{'a':{}},'additionalProperties':false}", "{'a':1}", NULL},
    {"{'properties':{'a':{}},'additionalProperties':false}", "{'b':1}", "$.b: may not be there"},
    {"{'additionalProperties':{'type':'string'}}", "{'b':1}", "$.b: expected string, got number"},
    {"{'patternProperties':{'^b':{}},'additionalProperties':false}", "{'b':1}", NULL},
    {"{'minProperties':1}", "{}", "$: 0 is less than minProperties"},
    {"{'maxProperties':1}", "{'a':1,'b':2}", "$: 2 is more than maxProperties"},
    {"{'items':{'type':'string'}}", "['x','y']", NULL},
    {"{'items':{'type':'string'}}", "['x',1]", "$[1]: expected string, got number"},
    {"{'prefixItems':[{'type':'string'}],'items':false}", "['x']", NULL},
    {"{'prefixItems':[{'type':'string'}],'items':false}", "['x',1]", "$[1]: may not be there"},
    {"{'minItems':2}", "[1]", "$: 1 is less than minItems"},
    {"{'maxItems':0}", "[1]", "$: 1 is more than maxItems"},
    {"{'uniqueItems':true}", "[1,'1',[1]]", NULL},
    {"{'uniqueItems':true}", "[[1],2,[1.0]]", "$: has an item twice"},
    {"{'minLength':2,'maxLength':2}", "'\xc3\xa4\xc3\xb6'", NULL},
    {"{'maxLength':2}", "'abc'", "$: 3 is more than maxLength"},
    {"{'minLength':1}", "''", "$: 0 is less than minLength"},
    {"{'minimum':1,'maximum':2}", "1", NULL},
    {"{'minimum':1}", "0.5", "$: is less than minimum"},
    {"{'maximum':1}", "1.5", "$: is more than maximum"},
    {"{'exclusiveMinimum':1}", "1", "$: is not more than exclusiveMinimum"},
    {"{'exclusiveMaximum':1}", "1", "$: is not less than exclusiveMaximum"},
    {"{'multipleOf':0.1}", "0.3", NULL},
    {"{'multipleOf':2}", "3", "$: is no multiple of multipleOf"},
    {"{'multipleOf':0}", "3", NULL},
    {"{'anyOf':[{'type':'string'},{'type':'number'}]}", "1", NULL},
    {"{'anyOf':[{'type':'string'},{'type':'number'}]}", "null", "$: fits nothing of anyOf"},
    {"{'oneOf':[{'type':'string'},{'minimum':0}]}", "0", NULL},
    {"{'oneOf':[{'type':'number'},{'type':'integer'}]}", "0",
     "$: does not fit exactly one of oneOf"},
    {"{'allOf':[{'type':'number'},{'minimum':1}]}", "0", "$: is less than minimum"},
    {"{'not':{'type':'number'}}", "0", "$: fits what it must not"},
    {"{'not':{'type':'number'}}", "'0'", NULL},
    {"{'items':{'anyOf':[{'type':'string'}]}}", "[1]", "$[0]: fits nothing of anyOf"},
    {"{'items':{'$ref':'#/$defs/A'},'$defs':{'A':{'type':'string'}}}", "[1]",
     "$[0]: expected string, got number"},
    {TREE, "{'v':1,'next':{'v':2}}", NULL},
    {TREE, "{'v':'1'}", "$.v: expected integer, got string"},
    {"{'pattern':'^a','format':'email'}", "'x'", NULL},
};

static void test_cases(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct slice why;
        arena_init(&a);
        bool fits = schema_check(parse(&a, cases[i].schema), parse(&a, cases[i].value), &a, &why);
        const char *told = fits ? NULL : arena_strdup(&a, why);
        if (fits != !cases[i].why || (told && strcmp(told, cases[i].why) != 0))
            fail_msg("%s, %s: %s", cases[i].schema, cases[i].value, told ? told : "fits");
        arena_fini(&a);
    }
}

/* "[N,N,…]" */
static const char *list_of(struct arena *a, const char *item, int n)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    buf_add_char(&b, '[');
    for (int i = 0; i < n; i++)
        buf_addf(&b, "%s%s", i ? "," : "", item);
    buf_add_char(&b, ']');
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* "{'b0':1,'b1':1,…}" */
static const char *many_members(struct arena *a, int n)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (int i = 0; i < n; i++)
        buf_addf(&b, "%s'b%d':1", i ? "," : "{", i);
    buf_add_char(&b, '}');
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* "[0,1,…]" */
static const char *many_numbers(struct arena *a, int n)
{
    struct buf b;
    buf_init(&b, 1 << 24);
    for (int i = 0; i < n; i++)
        buf_addf(&b, "%s%d", i ? "," : "[", i);
    buf_add_char(&b, ']');
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

/* What would take for ever is given up, whatever it would have come to. */
static void test_too_much_work(void **state)
{
    struct arena a;
    struct slice why;
    (void)state;
    arena_init(&a);
    yyjson_val *equal = parse(&a, "{'uniqueItems':true}"), *not = parse(&a, "{'not':{'items':{}}}");
    yyjson_val *list = parse(&a, list_of(&a, "[1,2]", 250000));
    assert_false(schema_check(not, list, &a, &why));
    check_text(why, "the schema and the answer are too large to be checked");
    assert_false(schema_check(parse(&a, "{'items':{}}"), list, &a, &why));
    check_text(why, "the schema and the answer are too large to be checked");
    assert_true(
        schema_check(parse(&a, "{'items':{}}"), parse(&a, list_of(&a, "1", 100000)), &a, &why));
    assert_false(schema_check(equal, list, &a, &why));
    arena_fini(&a);
}

/* Looking through long lists, objects and texts is work, too. */
static void test_much_work_behind_few_values(void **state)
{
    struct arena a;
    (void)state;
    arena_init(&a);
    const char *numbers = many_numbers(&a, 150000), *names = list_of(&a, "'a'", 100000);
    const char *objects = list_of(&a, "{'a':1}", 1000), *any = list_of(&a, "{'minLength':1}", 1000);
    const char *text = arena_printf(&a, "'%0100000d'", 0).p;
    const struct {
        const char *schema, *value;
    } hard[] = {
        {"{'uniqueItems':true}", numbers},
        {arena_printf(&a, "{'items':{'required':%s}}", names).p, objects},
        {arena_printf(&a, "{'items':{'anyOf':[{'type':%s},{}]}}", names).p, objects},
        {arena_printf(&a, "{'items':{'properties':%s}}", many_members(&a, 10000)).p, objects},
        {arena_printf(&a, "{'items':%s}", many_members(&a, 10000)).p, objects},
        {arena_printf(&a, "{'required':%s}", list_of(&a, "'b9999'", 1000)).p,
         many_members(&a, 10000)},
        {arena_printf(&a, "{'anyOf':%s}", list_of(&a, "{}", 1000)).p, many_members(&a, 10000)},
        {arena_printf(&a, "{'anyOf':%s}", any).p, text},
        {arena_printf(&a, "{'items':{'anyOf':[{'enum':[%s]}],'const':%s}}", text, text).p,
         list_of(&a, text, 150)},
    };
    for (size_t i = 0; i < COUNT(hard); i++) {
        struct slice why;
        yyjson_val *schema = parse(&a, hard[i].schema);
        if (schema_check(schema, parse(&a, hard[i].value), &a, &why))
            fail_msg("hard[%zu] fits", i);
        check_text(why, "the schema and the answer are too large to be checked");
    }
    arena_fini(&a);
}

/* What only decides an anyOf costs no memory. */
static void test_nothing_is_written_in_vain(void **state)
{
    struct arena a;
    struct slice why;
    (void)state;
    arena_init(&a);
    yyjson_val *schema =
        parse(&a, arena_printf(&a, "{'items':{'anyOf':[{'type':'%0100000d'},{}]}}", 0).p);
    yyjson_val *value = parse(&a, list_of(&a, "1", 10000));
    size_t before = a.total;
    assert_true(schema_check(schema, value, &a, &why));
    assert_true(a.total - before < 1000000);
    arena_fini(&a);
}

static void test_a_long_place(void **state)
{
    struct arena a;
    struct slice why;
    (void)state;
    arena_init(&a);
    char name[1024] = {0};
    memset(name, 'n', sizeof(name) - 1);
    yyjson_val *v = parse(&a, arena_printf(&a, "{'%s':5}", name).p);
    assert_false(
        schema_check(parse(&a, "{'additionalProperties':{'type':'string'}}"), v, &a, &why));
    check_text(why, "$\xe2\x80\xa6: expected string, got number");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cases),
        cmocka_unit_test(test_too_much_work),
        cmocka_unit_test(test_much_work_behind_few_values),
        cmocka_unit_test(test_nothing_is_written_in_vain),
        cmocka_unit_test(test_a_long_place),
    };
    return cmocka_run_group_tests_name("schema_check", tests, NULL, NULL);
}
