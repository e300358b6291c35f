#include "check.h"

#include "json_same.h"

/* ---- reading ------------------------------------------------------------------------------- */

static void test_strings(void **state)
{
    static const struct {
        const char *json, *text;
    } rows[] = {
        {"\"\"", ""},
        {"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t"},
        {"\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00\"", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"", "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"},
        {"\"\x7f\"", "\x7f"},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        check_text(json_slice(json_parse(slice_of(rows[i].json), &a, NULL)), rows[i].text);
    check_slice(json_slice(json_parse(SLICE("\"a\\u0000b\""), &a, NULL)), SLICE("a\0b"));
    arena_fini(&a);
}

static void test_refused(void **state)
{
    static const char *const rows[] = {
        "",
        " ",
        "{",
        "[1,]",
        "{\"a\":1,}",
        "{a:1}",
        "{'a':1}",
        "[1 2]",
        "nul",
        "NaN",
        "[Infinity]",
        "[-Infinity]",
        "01",
        "1.",
        ".5",
        "+1",
        "1e",
        "0x10",
        "--1",
        "\"",
        "\"a",
        "\"\n\"",
        "\"\t\"",
        "\"\\x\"",
        "\"\\u12\"",
        "\"\\ud800\"",
        "\"\\ud800\\u0041\"",
        "\"\\udc00\"",
        "// c\n1",
        "/* c */ 1",
        "1 2",
        "{} x",
        "\xef\xbb\xbf{}",
        "\"\x80\"",
        "\"\xc0\x80\"",
        "\"\xc3\"",
        "\"\xed\xa0\x80\"",
        "\"\xf4\x90\x80\x80\"",
        "\"\xf0\x8f\xbf\xbf\"",
        ("\xc2\xa0"
         "1"),
        "{\"a\"}",
        "{\"a\":}",
        "[",
        "]",
        ",",
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct json_error e = {0};
        if (json_parse(slice_of(rows[i]), &a, &e))
            fail_msg("accepted: %s", rows[i]);
        assert_non_null(e.message);
        assert_true(e.offset <= strlen(rows[i]));
    }
    assert_null(json_parse(slice_make(NULL, 0), &a, NULL));
    assert_null(json_parse(SLICE("1\0"), &a, NULL));
    arena_fini(&a);
}

static bool parses_nested(size_t depth, bool objects)
{
    struct arena a;
    struct buf b;
    struct json_error e = {0};
    arena_init(&a);
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < depth; i++)
        buf_add(&b, objects ? SLICE("{\"a\":") : SLICE("[[],"));
    BUF_LITERAL(&b, "1");
    for (size_t i = 0; i < depth; i++)
        buf_add_char(&b, objects ? '}' : ']');
    bool ok = json_parse(buf_slice(&b), &a, &e) != NULL;
    assert_int_equal(ok, e.message == NULL);
    buf_fini(&b);
    arena_fini(&a);
    return ok;
}

static void test_depth(void **state)
{
    assert_true(parses_nested(JSON_MAX_DEPTH, true));
    assert_false(parses_nested(JSON_MAX_DEPTH + 1, true));
    assert_true(parses_nested(JSON_MAX_DEPTH - 1, false)); /* the empty list is one more */
    assert_false(parses_nested(JSON_MAX_DEPTH, false));
    assert_false(parses_nested(100000, false));
}

static void test_members(void **state)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *v = json_parse(
        SLICE("{\"a\":1,\"b\":\"x\",\"a\":\"last\",\"\\u0063\":null,\"\":2,\"n\\u0000\":3}"), &a,
        NULL);
    check_text(json_get_slice(v, "a"), "last");
    check_text(json_get_slice(v, "b"), "x");
    assert_true(yyjson_is_null(json_get(v, "c")));
    assert_true(json_is_number(json_get(v, "")));
    assert_null(json_get(v, "n")); /* a NUL in a key does not end it */
    assert_null(json_get(v, "d"));
    assert_null(json_get_slice(v, "c").p);
    assert_null(json_get(NULL, "a"));
    assert_null(json_get(json_get(v, "b"), "a"));
    assert_string_equal(json_type_name(json_get(v, "b")), "string");
    assert_string_equal(json_type_name(json_get(v, "")), "number");
    assert_string_equal(json_type_name(json_get(v, "c")), "null");
    assert_string_equal(json_type_name(v), "object");
    assert_string_equal(json_type_name(NULL), "missing");
    arena_fini(&a);
}

static void test_numbers(void **state)
{
    struct arena a;
    int64_t i = 0;
    double d = 0;
    arena_init(&a);
    yyjson_val *v = json_parse(SLICE("{\"i\":-12,\"f\":12.50,\"e\":1e2,\"big\":9223372036854775808,"
                                     "\"s\":\"12\",\"h\":1E999}"),
                               &a, NULL);
    assert_true(json_int(json_get(v, "i"), &i) && i == -12);
    assert_false(json_int(json_get(v, "f"), &i) || json_int(json_get(v, "e"), &i));
    assert_false(json_int(json_get(v, "big"), &i) || json_int(json_get(v, "s"), &i));
    assert_false(json_int(NULL, &i) || json_double(NULL, &d) || json_double(json_get(v, "s"), &d));
    assert_true(json_double(json_get(v, "f"), &d) && d == 12.5);
    assert_true(json_double(json_get(v, "e"), &d) && d == 100);
    assert_false(json_double(json_get(v, "h"), &d));
    arena_fini(&a);
}

static void test_in_situ(void **state)
{
    char text[64 + JSON_PADDING] = "{\"a\":[\"x\\n\\u00e9\",1.50,true]} garbage";
    struct arena a;
    arena_init(&a);
    yyjson_val *list = json_get(json_parse_insitu(text, 29, &a, NULL), "a");
    struct slice s = json_slice(yyjson_arr_get(list, 0));
    check_text(s, "x\n\xc3\xa9");
    assert_true(s.p > text && s.p < text + 29);
    assert_null(json_parse_insitu(text, 0, &a, NULL));
    arena_fini(&a);
}

/* ---- writing ------------------------------------------------------------------------------- */

static void check_string(struct slice s, const char *expected)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1 << 20);
    json_begin(&w, &b);
    json_string(&w, s);
    check_text(buf_slice(&b), expected);
    buf_fini(&b);
}

static void test_escapes(void **state)
{
    char expected[7];
    for (int c = 0; c < 0x80; c++) {
        char text = (char)c, json[16];
        static const char *const shorts[] = {
            ['"'] = "\\\"", ['\\'] = "\\\\", ['\b'] = "\\b", ['\t'] = "\\t",
            ['\n'] = "\\n", ['\f'] = "\\f",  ['\r'] = "\\r",
        };
        if ((size_t)c < sizeof(shorts) / sizeof(*shorts) && shorts[c])
            snprintf(expected, sizeof(expected), "%s", shorts[c]);
        else
            snprintf(expected, sizeof(expected), c < 0x20 ? "\\u%04x" : "%c", c);
        snprintf(json, sizeof(json), "\"%s\"", expected);
        check_string(slice_make(&text, 1), json);
    }
    check_string(slice_make(NULL, 0), "\"\"");
    check_string(SLICE("\xc3\xa9/\xf0\x9f\x98\x80"), "\"\xc3\xa9/\xf0\x9f\x98\x80\"");
}

/* An escape at each place of strings around the width of the vector loop, and of the stretches. */
static void test_escape_places(void **state)
{
    static char text[9000];
    struct buf b;
    struct json_writer w;
    struct arena a;
    static const size_t sizes[] = {1, 15, 16, 17, 31, 32, 33, 48, 4095, 4096, 4097, 9000};
    buf_init(&b, 1 << 20);
    arena_init(&a);
    for (size_t s = 0; s < sizeof(sizes) / sizeof(*sizes); s++)
        for (size_t at = 0; at < sizes[s]; at += sizes[s] < 100 ? 1 : 61) {
            struct arena_mark mark = arena_mark(&a);
            memset(text, 'x', sizes[s]);
            text[at] = at % 2 ? '\n' : '\x01';
            buf_reset(&b);
            json_begin(&w, &b);
            json_string(&w, slice_make(text, sizes[s]));
            assert_int_equal(b.n, sizes[s] + 2 + (at % 2 ? 1 : 5));
            yyjson_val *v = json_parse(buf_slice(&b), &a, NULL);
            check_slice(json_slice(v), slice_make(text, sizes[s]));
            arena_rewind(&a, mark);
        }
    arena_fini(&a);
    buf_fini(&b);
}

static void test_structure(void **state)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1 << 20);
    json_begin(&w, &b);
    json_object(&w);
    json_member_string(&w, "a", SLICE("x"));
    json_key(&w, "b");
    json_array(&w);
    json_integer(&w, INT64_MIN);
    json_bool(&w, true);
    json_null(&w);
    json_object(&w);
    json_object_end(&w);
    json_array(&w);
    json_array_end(&w);
    json_raw(&w, SLICE("{ \"raw\": 1.50 }"));
    json_array_end(&w);
    json_key_slice(&w, SLICE("c\n"));
    json_bool(&w, false);
    json_key(&w, "s");
    json_string_begin(&w);
    json_string_part(&w, SLICE("one \""));
    json_string_part(&w, SLICE(""));
    json_string_part(&w, SLICE("two"));
    json_string_end(&w);
    json_member_integer(&w, "d", 0);
    json_object_end(&w);
    check_text(buf_slice(&b),
               "{\"a\":\"x\",\"b\":[-9223372036854775808,true,null,{},[],{ \"raw\": 1.50 }],"
               "\"c\\n\":false,\"s\":\"one \\\"two\",\"d\":0}");
    buf_fini(&b);
}

static void test_written_numbers(void **state)
{
    static const struct {
        double value;
        const char *json;
    } rows[] = {
        {0, "0"},
        {0.1, "0.1"},
        {1e21, "1e+21"},
        {-2.5, "-2.5"},
        {1.0 / 3, "0.3333333333333333"},
        {5e-324, "4.94065645841247e-324"},
        {100, "100"},
        {__builtin_inf(), "0"},
        {__builtin_nan(""), "0"},
    };
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        buf_reset(&b);
        json_begin(&w, &b);
        json_number(&w, rows[i].value);
        check_text(buf_slice(&b), rows[i].json);
    }
    buf_fini(&b);
}

/* Amounts take a way of their own, and look as printf has them. */
static void test_amounts(void **state)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 100);
    for (int64_t i = 1; i < 200000; i++) {
        double value = (double)(i * i) / (i % 2 ? 1e10 : 1e15) + (i % 3 ? 0 : 1e-12 * (double)i);
        char text[40];
        buf_reset(&b);
        json_begin(&w, &b);
        json_number(&w, value);
        snprintf(text, sizeof(text), "%.15g", value);
        if (strtod(text, NULL) == value)
            check_text(buf_slice(&b), text);
        buf_add_char(&b, '\0');
        assert_true(strtod(b.p, NULL) == value);
    }
    buf_fini(&b);
}

/* Digits, order and duplicates are as they were read; only white space and escapes are normal. */
static void test_value_as_read(void **state)
{
    struct arena a;
    struct buf b;
    struct json_writer w;
    arena_init(&a);
    buf_init(&b, 1 << 20);
    yyjson_val *v =
        json_parse(SLICE(" { \"z\" : [ 1.50 , -0 , 1E400, 123456789012345678901234567890 ],"
                         " \"a\" : \"\\u00e9\\/\", \"a\" : { } , \"t\" : [true,false,null] } "),
                   &a, NULL);
    json_begin(&w, &b);
    json_value(&w, v);
    check_text(buf_slice(&b),
               "{\"z\":[1.50,-0,1E400,123456789012345678901234567890],\"a\":\"é/\",\"a\":{},"
               "\"t\":[true,false,null]}");
    assert_true(json_same(v, json_parse(buf_slice(&b), &a, NULL)));
    buf_fini(&b);
    arena_fini(&a);
}

/* A string fits a buffer that has room for exactly its escaped form, and no smaller one. */
static void test_caps(void **state)
{
    static char text[6000];
    struct buf b;
    struct json_writer w;
    size_t size = 2 + sizeof(text) + 100 + 50 * 5;
    memset(text, 'a', sizeof(text));
    memset(text + 5000, '"', 100);
    memset(text + 5100, 1, 50);
    for (int missing = 0; missing < 2; missing++) {
        buf_init(&b, size - missing);
        json_begin(&w, &b);
        json_string(&w, slice_make(text, sizeof(text)));
        assert_int_equal(b.overflow, missing);
        assert_true(b.n <= size - missing);
        buf_fini(&b);
    }
}

/* Close to the cap a string is written bit by bit; what comes out is the same. */
static void test_close_to_the_cap(void **state)
{
    static char text[3000];
    struct buf roomy, tight;
    struct json_writer w;
    for (size_t i = 0; i < sizeof(text); i++)
        text[i] = i % 7 == 3 ? '\n' : i % 61 == 5 ? 2 : (char)('a' + i % 26);
    for (size_t n = 0; n < sizeof(text); n += n < 300 ? 1 : 97) {
        struct slice s = slice_make(text, n);
        buf_init(&roomy, 1 << 20);
        json_begin(&w, &roomy);
        json_string(&w, s);
        buf_init(&tight, roomy.n);
        json_begin(&w, &tight);
        json_string(&w, s);
        assert_false(tight.overflow);
        check_slice(buf_slice(&tight), buf_slice(&roomy));
        buf_fini(&roomy);
        buf_fini(&tight);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strings),   cmocka_unit_test(test_refused),
        cmocka_unit_test(test_depth),     cmocka_unit_test(test_members),
        cmocka_unit_test(test_numbers),   cmocka_unit_test(test_in_situ),
        cmocka_unit_test(test_escapes),   cmocka_unit_test(test_escape_places),
        cmocka_unit_test(test_structure), cmocka_unit_test(test_written_numbers),
        cmocka_unit_test(test_amounts),   cmocka_unit_test(test_value_as_read),
        cmocka_unit_test(test_caps),      cmocka_unit_test(test_close_to_the_cap),
    };
    return cmocka_run_group_tests_name("json", tests, NULL, NULL);
}
