/* Native bodies against small shapes, in both voices. */

#include "check.h"
#include "native.h"

static const struct native_shape string = {.kind = NATIVE_STRING, .min = 1, .max = 4};
static const struct native_shape letters = {
    .kind = NATIVE_STRING, .max = 9, .pattern = "^[a-z_]+$", .alphabet = "_"};
static const char *const colours_values[] = {"red", "green", "blue", NULL};
static const struct native_shape colours = {
    .kind = NATIVE_STRING, .max = NATIVE_NO_MAX, .values = colours_values};
static const struct native_shape integer = {.kind = NATIVE_INTEGER, .min = 1, .max = 10};
static const struct native_shape number = {.kind = NATIVE_NUMBER, .min = 0, .max = 1};
static const struct native_shape boolean = {.kind = NATIVE_BOOLEAN};
static const struct native_shape map = {.kind = NATIVE_MAP};
static const struct native_shape any = {.kind = NATIVE_ANY};
static const struct native_shape list = {.kind = NATIVE_LIST, .item = &string, .min = 1, .max = 2};
static const struct native_shape texts = {
    .kind = NATIVE_TEXT_OR_LIST, .item = &integer, .max = NATIVE_NO_MAX};
static const struct native_shape circle = {
    .kind = NATIVE_OBJECT,
    .members = (const struct native_member[]){
        {"type", &any, false}, {"radius", &integer, true}, {NULL, NULL, false}}};
static const struct native_shape figure = {
    .kind = NATIVE_TAGGED,
    .members = (const struct native_member[]){
        {"circle", &circle, false}, {"disc", &circle, false}, {NULL, NULL, false}}};
static const struct native_shape lazy = {
    .kind = NATIVE_TAGGED,
    .untagged = "disc",
    .members = (const struct native_member[]){{"disc", &circle, false}, {NULL, NULL, false}}};
static const struct native_shape root = {
    .kind = NATIVE_OBJECT,
    .members = (const struct native_member[]){{"must", &any, true},
                                              {"string", &string, false},
                                              {"letters", &letters, false},
                                              {"colour", &colours, false},
                                              {"integer", &integer, false},
                                              {"number", &number, false},
                                              {"boolean", &boolean, false},
                                              {"map", &map, false},
                                              {"list", &list, false},
                                              {"texts", &texts, false},
                                              {"figure", &figure, false},
                                              {"lazy", &lazy, false},
                                              {NULL, NULL, false}}};

#define M "{'must':1,"

/* NULL: good. The schema's text stands between its preface and its request to try again. */
static const struct {
    const char *body, *anthropic, *schema;
} cases[] = {
    {M "'string':'abcd','letters':'a_z','colour':'red','integer':10,'number':0.5,'boolean':true,"
       "'map':{'x':[]},'list':['a','b'],'texts':'t','figure':{'type':'circle','radius':1},"
       "'lazy':{'radius':2}}",
     NULL, NULL},
    {"{}", "must: Field required", "#: required key [must] not found"},
    {M "'other':1}", "other: Extra inputs are not permitted",
     "#: extraneous key [other] is not permitted"},
    {"[]", "Input should be an object", "#: expected type: JSONObject, found: JSONArray"},
    {M "'string':1}", "string: Input should be a valid string",
     "#/string: expected type: String, found: Integer"},
    {M "'string':''}", "string: String should have at least 1 character",
     "#/string: expected minLength: 1, actual: 0"},
    {M "'string':'äöüßx'}", "string: String should have at most 4 characters",
     "#/string: expected maxLength: 4, actual: 5"},
    {M "'letters':'a b'}", "letters: String should match pattern '^[a-z_]+$'",
     "#/letters: string [a b] does not match pattern ^[a-z_]+$"},
    {M "'letters':''}", "letters: String should match pattern '^[a-z_]+$'",
     "#/letters: string [] does not match pattern ^[a-z_]+$"},
    {M "'colour':'pink'}", "colour: Input should be 'red', 'green' or 'blue'",
     "#/colour: pink is not a valid enum value"},
    {M "'integer':1.5}", "integer: Input should be a valid integer",
     "#/integer: expected type: Integer, found: Double"},
    {M "'integer':0}", "integer: Input should be greater than or equal to 1",
     "#/integer: 0 is not greater or equal to 1"},
    {M "'number':'1'}", "number: Input should be a valid number",
     "#/number: expected type: Number, found: String"},
    {M "'number':1.5}", "number: Input should be less than or equal to 1",
     "#/number: 1.5 is not less or equal to 1"},
    {M "'boolean':0}", "boolean: Input should be a valid boolean",
     "#/boolean: expected type: Boolean, found: Integer"},
    {M "'map':[]}", "map: Input should be a valid dictionary",
     "#/map: expected type: JSONObject, found: JSONArray"},
    {M "'list':{}}", "list: Input should be a valid list",
     "#/list: expected type: JSONArray, found: JSONObject"},
    {M "'list':[]}", "list: List should have at least 1 item after validation, not 0",
     "#/list: expected minimum item count: 1, found: 0"},
    {M "'list':['a','b','c']}", "list: List should have at most 2 items after validation, not 3",
     "#/list: expected maximum item count: 2, found: 3"},
    {M "'list':['a',2]}", "list.1: Input should be a valid string",
     "#/list/1: expected type: String, found: Integer"},
    {M "'texts':['a']}", "texts.0: Input should be a valid integer",
     "#/texts/0: expected type: Integer, found: String"},
    {M "'figure':{'radius':1}}", "figure.type: Field required", "#/figure/type: Field required"},
    {M "'figure':{'type':'square'}}",
     "figure: Input tag 'square' found using 'type' does not match any of the expected tags: "
     "'circle', 'disc'",
     "#/figure: Input tag…"},
    {M "'figure':{'type':'disc'}}", "figure.disc.radius: Field required",
     "#/figure/disc: required key [radius] not found"},
    {M "'figure':1}", "figure: Input should be an object",
     "#/figure: expected type: JSONObject, found: Integer"},
    {M "'lazy':{}}", "lazy.disc.radius: Field required",
     "#/lazy/disc: required key [radius] not found"},
    {M "'string':null}", NULL, "#/string: expected type: String, found: Null"},
    {M "'string':1,'integer':'x'}", "string: Input should be a valid string",
     "2 schema violations found"},
};

static void check_voice(struct arena *a, const char *body, enum native_voice voice,
                        const char *message)
{
    struct fault f = {0};
    const bool good = native_check(&root, voice, json_of(a, body), a, &f);
    if (good != !message)
        fail_msg("%s: %s: %.*s", body, good ? "accepted" : "refused", SLICE_ARG(f.message));
    if (good)
        return;
    assert_int_equal(f.status, 400);
    if (voice == VOICE_ANTHROPIC) {
        check_text(body, f.message, message);
        return;
    }
    const struct slice preface = SLICE("Malformed input request: ");
    const struct slice retry = SLICE(", please reformat your input and try again.");
    assert_true(slice_starts(f.message, preface) && slice_ends(f.message, retry));
    const struct slice rest = slice_skip(f.message, preface.n);
    check_text(body, slice_make(rest.p, rest.n - retry.n), message);
}

static void test_voices(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        arena_init(&a);
        check_voice(&a, cases[i].body, VOICE_ANTHROPIC, cases[i].anthropic);
        check_voice(&a, cases[i].body, VOICE_SCHEMA, cases[i].schema);
        arena_fini(&a);
    }
}

/* A place that is too long to be told is told as far as it goes. */
static void test_long_place(void **state)
{
    struct arena a;
    struct fault f = {0};
    char body[2048];
    arena_init(&a);
    snprintf(body, sizeof(body), "{'must':1,'%01000d':1}", 0);
    assert_false(native_check(&root, VOICE_ANTHROPIC, json_of(&a, body), &a, &f));
    check_same("place", f.message, "Extra inputs are not permitted");
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_voices),
                                       cmocka_unit_test(test_long_place)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
