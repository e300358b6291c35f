/* YAML to tree: what Python's loader reads, with places, within bounds. */

#include "check.h"
#include "world.h"

#include "base/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Parses one text and gives it back as JSON, or the first problem. */
static const char *parse(const char *yaml)
{
    static char out[8192];
    struct config c = {0};
    struct config_loader l = {.c = &c};
    struct buf b;
    struct json_writer w;
    buf_init(&b, sizeof(out) - 1);
    json_begin(&w, &b);
    struct node *root = config_parse_yaml(&l, "c.yaml", slice_of(yaml));
    if (root)
        node_write_json(root, &w);
    for (const struct config_problem *p = c.problems; p; p = p->next)
        buf_addf(&b, " %c%d %s", p->severity == CONFIG_ERROR ? 'E' : 'W', p->line, p->text);
    snprintf(out, sizeof(out), "%.*s", (int)b.n, b.p ? b.p : "");
    buf_fini(&b);
    arena_fini(&l.arena);
    arena_fini(&c.arena);
    return out;
}

struct row {
    const char *yaml, *json;
};

static void run(const struct row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const char *got = parse(rows[i].yaml);
        if (strcmp(got, rows[i].json) != 0)
            print_error("--- of:\n%s\n", rows[i].yaml);
        assert_string_equal(got, rows[i].json);
    }
}

#define RUN(rows) run(rows, sizeof(rows) / sizeof(*(rows)))

static void scalars(void **state)
{
    static const struct row rows[] = {
        {"a: 1", "{\"a\":1}"},
        {"a: -1.50", "{\"a\":-1.50}"},
        {"a: 3e-6", "{\"a\":3e-6}"},
        {"a: +7", "{\"a\":7}"},
        {"a: .5", "{\"a\":0.5}"},
        {"a: -.5", "{\"a\":-0.5}"},
        {"a: 5.", "{\"a\":5.0}"},
        {"a: 1_000", "{\"a\":1000}"},
        {"a: 0x1F", "{\"a\":31}"},
        {"a: 0x", "{\"a\":\"0x\"}"},
        {"a: 0xfffffffffffffffff", "{\"a\":\"0xfffffffffffffffff\"}"},
        {"a: 012", "{\"a\":\"012\"}"},
        {"a: _1", "{\"a\":\"_1\"}"},
        {"a: 1.2.3", "{\"a\":\"1.2.3\"}"},
        {"a: .inf", "{\"a\":\".inf\"}"},
        {"a: 2024-01-01", "{\"a\":\"2024-01-01\"}"},
        {"a: '1'", "{\"a\":\"1\"}"},
        {"a: True\nb: yes\nc: Off", "{\"a\":true,\"b\":true,\"c\":false}"},
        {"a: 'true'", "{\"a\":\"true\"}"},
        {"a:\nb: ~\nc: null\nd: ''", "{\"a\":null,\"b\":null,\"c\":null,\"d\":\"\"}"},
        {"a: !!str 5\nb: !!int '5'\nc: ! 5", "{\"a\":\"5\",\"b\":5,\"c\":\"5\"}"},
        {"a: |\n  x\n  y\nb: >\n  x\n  y\n", "{\"a\":\"x\\ny\\n\",\"b\":\"x y\\n\"}"},
        {"a: \"\\u00e9\\n\"", "{\"a\":\"\xc3\xa9\\n\"}"},
        {"5: x\ntrue: y", "{\"5\":\"x\",\"true\":\"y\"}"},
    };
    (void)state;
    RUN(rows);
}

static void structure(void **state)
{
    static const struct row rows[] = {
        {"", "{}"},
        {"# nothing\n", "{}"},
        {"---\n...\n", "{}"},
        {"a: [1, [2, {b: 3}]]\n", "{\"a\":[1,[2,{\"b\":3}]]}"},
        {"a:\n- b: 1\n  c: 2\n- d\n", "{\"a\":[{\"b\":1,\"c\":2},\"d\"]}"},
        {"a: &x {b: 1}\nc: *x\n", "{\"a\":{\"b\":1},\"c\":{\"b\":1}}"},
        {"a: &x 1\nb: &x 2\nc: *x\n", "{\"a\":1,\"b\":2,\"c\":2}"},
        {"&k a: 1\nb: *k\n", "{\"a\":1,\"b\":\"a\"}"},
        {"k: &k a\n*k : 1\n", "{\"k\":\"a\",\"a\":1}"},
    };
    (void)state;
    RUN(rows);
}

static void merge_keys(void **state)
{
    static const struct row rows[] = {
        {"x: &x {a: 1, b: 2}\ny:\n  <<: *x\n  b: 3\n",
         "{\"x\":{\"a\":1,\"b\":2},\"y\":{\"b\":3,\"a\":1}}"},
        {"x: &x {a: 1}\ny: {a: 2, <<: *x}\n", "{\"x\":{\"a\":1},\"y\":{\"a\":2}}"},
        {"x: &x {a: 1}\nz: &z {a: 2, b: 3}\ny: {<<: [*x, *z]}\n",
         "{\"x\":{\"a\":1},\"z\":{\"a\":2,\"b\":3},\"y\":{\"a\":1,\"b\":3}}"},
        {"x: &x {a: 1}\nz: &z {<<: *x, b: 3}\ny: {<<: *z}\n",
         "{\"x\":{\"a\":1},\"z\":{\"b\":3,\"a\":1},\"y\":{\"b\":3,\"a\":1}}"},
        {"y: {<<: {a: 1}, <<: {b: 2}}", "{\"y\":{\"a\":1,\"b\":2}}"},
        {"y: {'<<': 1}", "{\"y\":{\"<<\":1}}"},
        {"y:\n  <<: 1\n", " E2 \"<<\" takes a map, an alias of one, or a list of them"},
        {"y:\n  <<: [1]\n", " E2 \"<<\" takes a map, an alias of one, or a list of them"},
    };
    (void)state;
    RUN(rows);
}

static void refusals(void **state)
{
    static const struct row rows[] = {
        {"a: [1\nb: 2\n", " E2 not valid YAML: did not find expected ',' or ']', while parsing a "
                          "flow sequence"},
        {"a: 1\na: 2\n",
         "{\"a\":2} W2 the key \"a\" stands twice in one map (first on line 1): the last one "
         "counts"},
        {"- 1\n", " E1 the file must be a map, of sections (model_list …) or of models"},
        {"text", " E1 the file must be a map, of sections (model_list …) or of models"},
        {"a: 1\n---\nb: 2\n", " E2 a second document (---) in one file"},
        {"a: *x\n", " E1 an alias (*name) without an anchor (&name) before it"},
        {"a: &x [1, *x]\n", " E1 an alias inside the very value it stands for"},
        {"a: &x {b: {c: *x}}\n", " E1 an alias inside the very value it stands for"},
        {"a: !foo 1\n", " E1 a tag (!name) that means nothing here"},
        {"? [a]\n: 1\n", " E1 a key that is neither a word nor a text"},
        {"x: &x [1]\n*x : 1\n", " E2 a key that is neither a word nor a text"},
        {"a: \"x\\0y\"\n", " E1 a NUL character in a text"},
        {"a: \"\xff\"\n", " E1 not valid YAML: invalid leading UTF-8 octet"},
        {"a:\n\t- b\n",
         " E2 not valid YAML: found character that cannot start any token, while scanning for the "
         "next token"},
    };
    (void)state;
    RUN(rows);
}

static void places(void **state)
{
    struct config c = {0};
    struct config_loader l = {.c = &c};
    struct node *root =
        config_parse_yaml(&l, "c.yaml", SLICE("a: &x\n  b: 1\nc:\n  - *x\n  - d\n"));
    (void)state;
    assert_non_null(root);
    const struct node *list = NODE_GET(root, "c");
    assert_int_equal(NODE_GET(root, "a")->line, 1);
    assert_int_equal(root->items[1].line, 3);
    assert_int_equal(list->items[0].value->line, 1); /* where the anchor is */
    assert_int_equal(list->items[1].value->line, 5);
    assert_string_equal(list->file, "c.yaml");
    assert_ptr_equal(list->items[0].value, NODE_GET(root, "a")); /* shared, not copied */
    arena_fini(&l.arena);
    arena_fini(&c.arena);
}

/* n levels of "[" in one key. */
static const char *nested(unsigned n)
{
    static char text[1024];
    snprintf(text, sizeof(text), "a: %.*s%.*s", (int)n,
             "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[",
             (int)n,
             "]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]");
    return text;
}

static void height_is_bounded(void **state)
{
    (void)state;
    assert_non_null(strstr(parse(nested(NODE_MAX_HEIGHT - 1)), "[[]]"));
    assert_string_equal(parse(nested(NODE_MAX_HEIGHT)), " E1 nested too deeply");
    /* Through aliases: each line adds its brackets to what the one before stands for. */
    assert_string_equal(parse("a: &a [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"
                              "b: &b [[[[[[[[[[[[[[[[[[[[[[[[[*a]]]]]]]]]]]]]]]]]]]]]]]]]\n"
                              "c: [[[[[[[[[[*b]]]]]]]]]]\n"),
                        " E3 nested too deeply");
    assert_string_equal(
        parse("a: &a {x: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]}\n"
              "b: [[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[{<<: *a}]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]\n"),
        " E2 nested too deeply");
}

static void aliases_count_as_what_they_stand_for(void **state)
{
    static const char tooth[] =
        "a: &a [x, x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
        "c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b, *b]\n"
        "d: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
        "e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d, *d]\n"
        "f: &f [*e, *e, *e, *e, *e, *e, *e, *e, *e, *e]\n"
        "g: [*f, *f, *f, *f, *f, *f, *f, *f, *f, *f]\n";
    (void)state;
    assert_string_equal(
        parse(tooth), " E6 the configuration is too large (aliases count as what they stand for)");
}

static void long_texts_count_too(void **state)
{
    struct config c = {0};
    struct config_loader l = {.c = &c};
    struct buf b;
    (void)state;
    buf_init(&b, 1 << 20);
    BUF_LITERAL(&b, "a: &a ");
    for (int i = 0; i < 64000; i++)
        buf_add_char(&b, 'x');
    BUF_LITERAL(&b, "\nb:\n");
    for (int i = 0; i < 400; i++)
        BUF_LITERAL(&b, "- *a\n");
    assert_null(config_parse_yaml(&l, "c.yaml", buf_slice(&b)));
    assert_int_equal(c.errors, 1);
    assert_true(l.nodes <= CONFIG_MAX_NODES);
    buf_fini(&b);
    arena_fini(&l.arena);
    arena_fini(&c.arena);
}

static struct node scalar(const char *text, bool string)
{
    return (struct node){.kind = NODE_SCALAR, .text = slice_of(text), .string = string};
}

static void typed_reading(void **state)
{
    static const struct {
        const char *text;
        bool string, is_bool, is_int, is_number;
        const char *type;
    } rows[] = {
        {"true", false, true, false, false, "a bool"},
        {"true", true, true, false, false, "a string"},
        {"0", false, false, true, true, "a number"},
        {"1", true, true, true, true, "a string"},
        {"5", true, false, true, true, "a string"},
        {"5.0", false, false, true, true, "a number"},
        {"1e6", false, false, true, true, "a number"},
        {"5.5", false, false, false, true, "a number"},
        {"99999999999999999999", false, false, false, true, "a number"},
        {"1e999", false, false, false, false, "a number"},
        {"ten", false, false, false, false, "a string"},
        {"", false, false, false, false, "nothing"},
        {"", true, false, false, false, "a string"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct node n = scalar(rows[i].text, rows[i].string);
        bool truth = i % 2;
        int64_t integer = -77;
        double number = -77;
        assert_int_equal(node_bool(&n, &truth), rows[i].is_bool);
        assert_int_equal(node_int(&n, &integer), rows[i].is_int);
        assert_int_equal(node_number(&n, &number), rows[i].is_number);
        assert_true(rows[i].is_bool || truth == i % 2); /* as it was */
        assert_true(rows[i].is_int == (integer != -77));
        assert_true(rows[i].is_number == (number != -77));
        assert_string_equal(node_type_name(&n), rows[i].type);
    }
    struct node list = {.kind = NODE_LIST}, map = {.kind = NODE_MAP};
    bool truth;
    assert_false(node_bool(&list, &truth));
    assert_string_equal(node_type_name(&list), "a list");
    assert_string_equal(node_type_name(&map), "a map");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scalars),
        cmocka_unit_test(structure),
        cmocka_unit_test(merge_keys),
        cmocka_unit_test(refusals),
        cmocka_unit_test(places),
        cmocka_unit_test(height_is_bounded),
        cmocka_unit_test(aliases_count_as_what_they_stand_for),
        cmocka_unit_test(long_texts_count_too),
        cmocka_unit_test(typed_reading),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
