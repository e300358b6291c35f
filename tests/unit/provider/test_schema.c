/* Schemas: references put in place, what a tool's must have, and which are fit for a grammar. JSON
 * in these tests is written with single quotes. */

#include "../base/check.h"

#include "schema.h"

#include <time.h>

#define COUNT(table) (sizeof(table) / sizeof(*(table)))

static struct slice quoted(struct arena *a, const char *text)
{
    char *copy = arena_strdup(a, slice_of(text));
    for (char *p = copy; *p; p++)
        *p = *p == '\'' ? '"' : *p;
    return slice_of(copy);
}

static yyjson_val *parse(struct arena *a, const char *text)
{
    yyjson_val *v = json_parse(quoted(a, text), a, NULL);
    if (!v && strcmp(text, "null") != 0)
        fail_msg("no JSON: %s", text);
    return yyjson_is_null(v) ? NULL : v;
}

/* ---- as it is ------------------------------------------------------------------------------ */

#define NODE "'$defs':{'N':{'type':'object','properties':{'next':{'$ref':'#/$defs/N'}}}}"

static const struct schema_case {
    const char *name, *schema, *written; /* NULL: as it was */
    bool resolved;
} schemas[] = {
    {"plain", "{'type':'object','properties':{'a':{'maximum':1.50,'x':[1,{}]}}}", NULL, false},
    {"a reference", "{'a':{'$ref':'#/$defs/A'},'$defs':{'A':{'type':'string'}}}",
     "{'a':{'type':'string'}}", true},
    {"older words", "{'a':{'$ref':'#/definitions/A'},'definitions':{'A':{'type':'string'}}}",
     "{'a':{'type':'string'}}", true},
    {"what stands beside it wins",
     "{'a':{'description':'own','$ref':'#/$defs/A','x':1},'$defs':{'A':{'type':'string',"
     "'description':'of A'}}}",
     "{'a':{'description':'own','x':1,'type':'string'}}", true},
    {"in lists", "{'anyOf':[{'$ref':'#/$defs/A'},{'$ref':'#/$defs/A'}],'$defs':{'A':{'a':1}}}",
     "{'anyOf':[{'a':1},{'a':1}]}", true},
    {"nested", "{'a':{'$ref':'#/$defs/A'},'$defs':{'A':{'b':{'$ref':'#/$defs/B'}},'B':{'c':1}}}",
     "{'a':{'b':{'c':1}}}", true},
    {"recursive", "{'a':{'$ref':'#/$defs/N'}," NODE "}",
     "{'a':{'type':'object','properties':{'next':{}}}}", true},
    {"to itself", "{'type':'object','properties':{'next':{'$ref':'#','title':'T'}}}",
     "{'type':'object','properties':{'next':{'title':'T'}}}", true},
    {"in a circle",
     "{'a':{'$ref':'#/$defs/A'},'$defs':{'A':{'b':{'$ref':'#/$defs/B'}},'B':{'a':{'$ref':'#/$defs/"
     "A'}}}}",
     "{'a':{'b':{'a':{}}}}", true},
    {"into nothing", "{'a':{'$ref':'#/$defs/Z','title':'T'},'b':{'$ref':'#x'}}",
     "{'a':{'title':'T'},'b':{}}", true},
    {"into a list", "{'a':{'$ref':'#/anyOf/1'},'b':{'$ref':'#/anyOf/2'},'anyOf':[{'a':1},{'b':2}]}",
     "{'a':{'b':2},'b':{},'anyOf':[{'a':1},{'b':2}]}", true},
    {"to a property", "{'properties':{'a':{'x':1},'b':{'$ref':'#/properties/a'}}}",
     "{'properties':{'a':{'x':1},'b':{'x':1}}}", true},
    {"to what is no schema", "{'a':{'$ref':'#/type'},'type':'object'}", "{'a':{},'type':'object'}",
     true},
    {"with escapes",
     "{'a':{'$ref':'#/$defs/A~1B~0C%20D'},'$defs':{'A/B~C D':{'x':1}},'b':{'$ref':'#/$defs/%zz'}}",
     "{'a':{'x':1},'b':{}}", true},
    {"to elsewhere", "{'a':{'$ref':'https://x/y.json'},'b':{'$ref':'y.json#/a','title':'T'}}", NULL,
     false},
    {"definitions that are properties",
     "{'properties':{'$defs':{'type':'string'},'definitions':{'type':'object','properties':{"
     "'definitions':{'a':1}}}}}",
     NULL, false},
    {"a property of that name", "{'properties':{'$ref':{'type':'string'}}}", NULL, false},
    {"definitions nobody needs", "{'type':'object','$defs':{'A':{}}}", "{'type':'object'}", true},
};

static const char *write_plain(struct arena *a, yyjson_val *v, bool *resolved)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1 << 24);
    json_begin(&w, &b);
    *resolved = schema_write(&w, v);
    const char *text = arena_strdup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static void test_references(void **state)
{
    for (size_t i = 0; i < COUNT(schemas); i++) {
        const struct schema_case *c = &schemas[i];
        struct arena a;
        bool resolved;
        arena_init(&a);
        const char *written = write_plain(&a, parse(&a, c->schema), &resolved);
        const char *expected = quoted(&a, c->written ? c->written : c->schema).p;
        if (strcmp(written, expected) != 0 || resolved != c->resolved)
            fail_msg("%s (%d)\n%s\n%s", c->name, resolved, expected, written);
        arena_fini(&a);
    }
}

/* ---- a tool's ------------------------------------------------------------------------------ */

static const struct tool_case {
    const char *name, *schema, *written; /* NULL: as it was */
    bool bare, resolved;
} tools[] = {
    {"whole", "{'required':[],'type':'object','properties':{}}", NULL, false, false},
    {"none", "null", "{'type':'object','properties':{},'required':[]}", false, false},
    {"empty", "{}", "{'type':'object','properties':{},'required':[]}", false, false},
    {"no type", "{'properties':{'a':{}},'required':['a']}",
     "{'type':'object','properties':{'a':{}},'required':['a']}", false, false},
    {"another type", "{'type':['object','null'],'properties':{'a':{}},'required':['a']}",
     "{'type':'object','properties':{'a':{}},'required':['a']}", false, true},
    {"null members", "{'type':'object','properties':null,'required':null}",
     "{'type':'object','properties':{},'required':[]}", false, true},
    {"a dialect", "{'$schema':'http://x','type':'object','properties':{},'required':[]}",
     "{'type':'object','properties':{},'required':[]}", false, false},
    {"more at the top", "{'title':'T','type':'object','properties':{},'required':[],'x':{'y':1}}",
     NULL, false, false},
    {"more at the top, bare",
     "{'title':'T','type':'object','properties':{'title':{'title':'A'}},'required':[],"
     "'additionalProperties':false}",
     "{'type':'object','properties':{'title':{'title':'A'}},'required':[]}", true, true},
    {"nothing more, bare", "{'type':'object','properties':{},'required':[]}", NULL, true, false},
    {"references",
     "{'type':'object','properties':{'a':{'$ref':'#/$defs/N'}},'required':[]," NODE "}",
     "{'type':'object','properties':{'a':{'type':'object','properties':{'next':{}}}},'required':[]"
     "}",
     false, true},
    {"a reference at the top",
     "{'$ref':'#/definitions/In','description':'D','definitions':{'In':{'type':'object',"
     "'description':'of In','properties':{'a':{'$ref':'#/definitions/In'}},'required':['a']}}}",
     "{'description':'D','type':'object','properties':{'a':{}},'required':['a']}", false, true},
    {"two of them",
     "{'$ref':'#/$defs/A','$defs':{'A':{'$ref':'#/$defs/B','title':'A'},'B':{'properties':{'b':{}}}"
     "}}",
     "{'type':'object','title':'A','properties':{'b':{}},'required':[]}", false, true},
    {"one that leads back", "{'$ref':'#','properties':{'a':{}}}",
     "{'type':'object','properties':{'a':{}},'required':[]}", false, true},
    {"one that leads nowhere", "{'$ref':'#/$defs/X','properties':{'a':{}}}",
     "{'type':'object','properties':{'a':{}},'required':[]}", false, true},
};

static void test_tools(void **state)
{
    for (size_t i = 0; i < COUNT(tools); i++) {
        const struct tool_case *c = &tools[i];
        struct arena a;
        struct buf b;
        struct json_writer w;
        arena_init(&a);
        buf_init(&b, 1 << 20);
        json_begin(&w, &b);
        bool resolved = schema_write_tool(&w, parse(&a, c->schema), c->bare);
        struct slice expected = quoted(&a, c->written ? c->written : c->schema);
        if (!slice_eq(buf_slice(&b), expected) || resolved != c->resolved)
            fail_msg("%s (%d)\n%s\n%.*s", c->name, resolved, expected.p, SLICE_ARG(buf_slice(&b)));
        buf_fini(&b);
        arena_fini(&a);
    }
}

/* ---- bounds -------------------------------------------------------------------------------- */

/* D0 has two of D1, which has two of D2 …: 2^60 leaves. */
static struct slice exponential(struct arena *a)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    buf_add(&b, SLICE("{\"a\":{\"$ref\":\"#/$defs/D0\"},\"$defs\":{"));
    for (int i = 0; i < 60; i++)
        buf_addf(&b, "\"D%d\":{\"x\":{\"$ref\":\"#/$defs/D%d\"},\"y\":{\"$ref\":\"#/$defs/D%d\"}},",
                 i, i + 1, i + 1);
    buf_add(&b, SLICE("\"D60\":{}}}"));
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static void test_exponential(void **state)
{
    struct arena a;
    bool resolved;
    arena_init(&a);
    yyjson_val *v = json_parse(exponential(&a), &a, NULL);
    clock_t before = clock();
    const char *written = write_plain(&a, v, &resolved);
    assert_true(resolved);
    assert_in_range(strlen(written), 1000, 1 << 20);
    assert_non_null(json_parse(slice_of(written), &a, NULL));
    assert_false(schema_is_strict(v));
    assert_in_range((clock() - before) / (CLOCKS_PER_SEC / 1000), 0, 500); /* ms, with sanitizers */
    arena_fini(&a);
}

/* "BEFORE0AFTER,BEFORE1AFTER,…" */
static void add_many(struct buf *b, const char *before, int n, const char *after)
{
    for (int i = 0; i < n; i++)
        buf_addf(b, "%s%s%d%s", i ? "," : "", before, i, after);
}

static yyjson_val *many_references(struct arena *a, struct buf *b, int n)
{
    buf_reset(b);
    buf_addf(b, "{'anyOf':[");
    add_many(b, "{'$ref':'#/$defs/d", n, "'}");
    buf_addf(b, "],'$defs':{");
    add_many(b, "'d", n, "':{'x':1}");
    buf_addf(b, "}}");
    return parse(a, arena_strdup(a, buf_slice(b)));
}

static yyjson_val *many_siblings(struct arena *a, struct buf *b, int n)
{
    buf_reset(b);
    buf_addf(b, "{'items':{'$ref':'#/$defs/T',");
    add_many(b, "'own", n, "':1");
    buf_addf(b, "},'$defs':{'T':{");
    add_many(b, "'theirs", n, "':1");
    buf_addf(b, "}}}");
    return parse(a, arena_strdup(a, buf_slice(b)));
}

static yyjson_val *many_large(struct arena *a, struct buf *b, int n)
{
    buf_reset(b);
    buf_addf(b, "{'type':'object','additionalProperties':false,'anyOf':[");
    add_many(b, "{'$ref':'#/$defs/T','x':", n, "}");
    buf_addf(b, "],'$defs':{'T':{");
    add_many(b, "'theirs", n, "':1");
    buf_addf(b, "}}}");
    return parse(a, arena_strdup(a, buf_slice(b)));
}

/* What references lead to is not looked for without end. */
static void test_many_members(void **state)
{
    struct arena a;
    struct buf b;
    bool resolved;
    (void)state;
    arena_init(&a);
    buf_init(&b, 1 << 22);
    for (int n = 200; n <= 2000; n += 1800) {
        bool few = n == 200;
        const char *written = write_plain(&a, many_references(&a, &b, n), &resolved);
        assert_int_equal(few, !strstr(written, "{}"));
        written = write_plain(&a, many_siblings(&a, &b, n), &resolved);
        assert_int_equal(few, strstr(written, "theirs9") != NULL);
        assert_int_equal(few, schema_is_strict(many_large(&a, &b, n)));
    }
    buf_fini(&b);
    arena_fini(&a);
}

/* Once nothing more fits, no more is walked. */
static void test_no_room(void **state)
{
    struct arena a;
    struct buf b;
    struct json_writer w;
    arena_init(&a);
    buf_init(&b, 100);
    json_begin(&w, &b);
    schema_write(&w, json_parse(exponential(&a), &a, NULL));
    assert_true(b.overflow);
    buf_fini(&b);
    arena_fini(&a);
}

/* As deep as a body may be, plain and through references: it ends, and is JSON that can be read. */
static void test_deep(void **state)
{
    struct arena a;
    struct buf b;
    bool resolved;
    arena_init(&a);
    buf_init(&b, 1 << 20);
    for (int i = 0; i < 250; i++)
        buf_add(&b, i % 2 ? SLICE("[") : SLICE("{\"a\":"));
    buf_add(&b, SLICE("1"));
    for (int i = 250; i-- > 0;)
        buf_add_char(&b, i % 2 ? ']' : '}');
    yyjson_val *v = json_parse(buf_slice(&b), &a, NULL);
    assert_non_null(v);
    assert_non_null(json_parse(slice_of(write_plain(&a, v, &resolved)), &a, NULL));
    buf_reset(&b);
    buf_add(&b, SLICE("{\"a\":{\"$ref\":\"#/$defs/D0\"},\"$defs\":{"));
    for (int i = 0; i < 100; i++)
        buf_addf(&b, "\"D%d\":{\"a\":{\"b\":{\"c\":{\"$ref\":\"#/$defs/D%d\"}}}},", i, i + 1);
    buf_add(&b, SLICE("\"D100\":{\"end\":1}}}"));
    v = json_parse(buf_slice(&b), &a, NULL);
    assert_non_null(v);
    const char *written = write_plain(&a, v, &resolved);
    assert_non_null(json_parse(slice_of(written), &a, NULL));
    assert_null(strstr(written, "$ref"));
    buf_fini(&b);
    arena_fini(&a);
}

/* ---- strict -------------------------------------------------------------------------------- */

#define CLOSED(properties)                                                                         \
    "{'type':'object','properties':{" properties "},'additionalProperties':false}"

static const struct strict_case {
    const char *name, *schema;
    bool strict;
} strict[] = {
    {"closed", CLOSED("'a':{'type':'string'}"), true},
    {"open", "{'type':'object','properties':{}}", false},
    {"open by its own words", "{'type':'object','additionalProperties':true}", false},
    {"none", "null", false},
    {"empty", "{}", false},
    {"no object", "{'type':'array','items':{'type':'string'}}", false},
    {"an object by its properties", "{'properties':{'a':{}},'additionalProperties':false}", true},
    {"open by its properties", "{'properties':{'a':{}}}", false},
    {"perhaps an object", CLOSED("'a':{'type':['object','null']}"), false},
    {"an open one in it", CLOSED("'a':{'type':'object'}"), false},
    {"an open one in a list", CLOSED("'a':{'type':'array','items':{'type':'object'}}"), false},
    {"an open one of several", CLOSED("'a':{'anyOf':[{'type':'null'},{'type':'object'}]}"), false},
    {"closed ones of several", CLOSED("'a':{'anyOf':[{'type':'null'}," CLOSED("") "]}"), true},
    {"a bound", CLOSED("'a':{'type':'integer','minimum':1}"), false},
    {"a length", CLOSED("'a':{'type':'string','maxLength':1}"), false},
    {"a pattern", CLOSED("'a':{'type':'string','pattern':'x'}"), true},
    {"a property of that name", CLOSED("'minimum':{'type':'integer'},'oneOf':{'type':'string'}"),
     true},
    {"one item at least", CLOSED("'a':{'type':'array','minItems':1}"), true},
    {"two items at least", CLOSED("'a':{'type':'array','minItems':2}"), false},
    {"one of", CLOSED("'a':{'oneOf':[{'type':'string'}]}"), false},
    {"an enum", CLOSED("'a':{'enum':['x',1,null]}"), true},
    {"an enum of objects", CLOSED("'a':{'enum':[{}]}"), false},
    {"a reference",
     "{'type':'object','properties':{'a':{'$ref':'#/$defs/A'},'b':{'$ref':'#/$defs/A'}},"
     "'additionalProperties':false,'$defs':{'A':" CLOSED("") "}}",
     true},
    {"a reference to an open one",
     "{'type':'object','properties':{'a':{'$ref':'#/$defs/A'}},'additionalProperties':false,"
     "'$defs':{'A':{'type':'object'}}}",
     false},
    {"an open one nobody needs",
     "{'type':'object','properties':{},'additionalProperties':false,'$defs':{'A':{'type':'object'}}"
     "}",
     true},
    {"recursive", CLOSED("'a':{'$ref':'#'}"), false},
    {"into nothing", CLOSED("'a':{'$ref':'#/$defs/A'}"), false},
    {"to elsewhere", CLOSED("'a':{'$ref':'http://x'}"), false},
    {"a reference at the top", "{'$ref':'#/$defs/A','$defs':{'A':" CLOSED("") "}}", true},
    {"to no object", "{'$ref':'#/$defs/A','$defs':{'A':{'type':'string'}}}", false},
};

static void test_strict(void **state)
{
    for (size_t i = 0; i < COUNT(strict); i++) {
        struct arena a;
        arena_init(&a);
        if (schema_is_strict(parse(&a, strict[i].schema)) != strict[i].strict)
            fail_msg("%s: %s", strict[i].name, strict[i].schema);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_references),  cmocka_unit_test(test_tools),
        cmocka_unit_test(test_exponential), cmocka_unit_test(test_many_members),
        cmocka_unit_test(test_no_room),     cmocka_unit_test(test_deep),
        cmocka_unit_test(test_strict),
    };
    return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
