/* Structured output, strict tools, citations, response fields: what is refused, and how. */

#include "check.h"
#include "validate.h"

#define MODEL  "The model returned the following errors: "
#define PLACE  MODEL "output_config.format.schema: "
#define HI     "'messages':[{'role':'user','content':[{'text':'hi'}]}]"
#define CLOSED "'type':'object','additionalProperties':false"
#define HAS(p) "{" CLOSED ",'properties':{'a':{" p "}}}"
#define REF    "'$ref':'#/$defs/x'"
#define OPEN   "{'type':'object'}"
#define STRICT(schema)                                                                             \
    "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'get','strict':true,'inputSchema':"        \
    "{'json':" schema "}}}]}}"
#define DOCUMENTS(first, second)                                                                   \
    "{'messages':[{'role':'user','content':[{'text':'a'},{'document':{'format':'txt','name':"      \
    "'a','source':{'text':'x'}" first "}},{'document':{'format':'txt','name':'b','source':"        \
    "{'text':'x'}" second "}}]}]"
#define CITED ",'citations':{'enabled':true}"

static void check_body(const char *name, const char *model, yyjson_val *body, struct arena *a,
                       const char *message)
{
    struct fault f = {0};
    const bool good = validate_converse(body, model_find(slice_of(model ? model : SONNET)), a, &f);
    if (good != !message)
        fail_msg("%s: %s: %.*s", name, good ? "accepted" : "refused", SLICE_ARG(f.message));
    if (!good)
        check_text(name, f.message, message);
}

/* Schemas as outputConfig.textFormat has them: in a string. */
static const struct {
    const char *model; /* NULL: SONNET */
    const char *schema;
    const char *message; /* NULL: good */
} schemas[] = {
    {NULL, "{" CLOSED "}", NULL},
    {NULL, "{'type':'string','enum':['a','b']}", NULL},
    {NULL, OPEN, PLACE "For 'object' type, 'additionalProperties' must be explicitly set to false"},
    {NULL, "{'type':'object','additionalProperties':true}", PLACE "For 'object' type…"},
    {NULL, HAS("'type':'array','items':" OPEN), PLACE "For 'object' type…"},
    {NULL, HAS("'anyOf':[{'type':'null'}," OPEN "]"), PLACE "For 'object' type…"},
    {NULL, HAS("'type':'integer','minimum':1"),
     PLACE "For 'integer' type, property 'minimum' is not supported"},
    {NULL, HAS("'type':'string','maxLength':1"),
     PLACE "For 'string' type, property 'maxLength' is not supported"},
    {NULL, HAS("'type':'array','minItems':1"), NULL},
    {NULL, HAS("'type':'array','minItems':2"),
     PLACE "For 'array' type, 'minItems' values other than 0 or 1 are not supported"},
    {NULL, "{" CLOSED ",'properties':{'a':{" REF "},'b':{" REF "}},'$defs':{'x':{" CLOSED "}}}",
     NULL},
    {NULL, "{" CLOSED ",'properties':{'a':{" REF "}},'$defs':{'x':" OPEN "}}",
     PLACE "For 'object' type…"},
    {NULL,
     "{" CLOSED ",'properties':{'a':{" REF "}},'$defs':{'x':{" CLOSED ",'properties':{'y':{" REF
     "}}}}}",
     PLACE "Recursive schemas are not supported"},
    {NULL, HAS("'$ref':'#'"), PLACE "Recursive schemas are not supported"},
    {NULL, HAS("'$ref':'https://a/b'"),
     PLACE "Only references to definitions of the schema itself are supported"},
    {NULL, "nothing",
     "The value at outputConfig.textFormat.structure.jsonSchema.schema is not a valid JSON…"},
    {NULL, "[]", "The value at outputConfig.textFormat.structure.jsonSchema.schema is not a…"},
    {SONNET37, "{" CLOSED "}",
     "This model doesn't support the outputConfig.textFormat field. Remove outputConfig.textFormat "
     "and try again."},
    {"qwen.qwen3-32b-v1:0", OPEN, NULL},
    {"amazon.nova-pro-v1:0", "{" CLOSED "}", "This model doesn't support…"},
};

static yyjson_val *with_schema(struct arena *a, struct slice schema)
{
    struct buf out;
    struct json_writer w;
    buf_init(&out, 1 << 20);
    json_begin(&w, &out);
    json_string(&w, schema);
    const struct slice head = json_text(a, "{" HI ",'outputConfig':{'textFormat':{'type':"
                                           "'json_schema','structure':{'jsonSchema':{'schema':");
    const struct slice body =
        arena_printf(a, "%.*s%.*s}}}}}", SLICE_ARG(head), SLICE_ARG(buf_slice(&out)));
    buf_fini(&out);
    yyjson_val *v = json_parse(body, a, NULL);
    assert_non_null(v);
    return v;
}

static void test_schemas(void **state)
{
    for (size_t i = 0; i < COUNT(schemas); i++) {
        struct arena a;
        arena_init(&a);
        check_body(schemas[i].schema, schemas[i].model,
                   with_schema(&a, json_text(&a, schemas[i].schema)), &a, schemas[i].message);
        arena_fini(&a);
    }
}

/* References that double from one definition to the next end at the bound. */
static void test_complex(void **state)
{
    struct arena a;
    struct buf schema;
    arena_init(&a);
    buf_init(&schema, 1 << 20);
    BUF_LITERAL(&schema, "{'$ref':'#/$defs/0','$defs':{");
    for (int i = 0; i < 20; i++)
        buf_addf(&schema, "'%d':{'anyOf':[{'$ref':'#/$defs/%d'},{'$ref':'#/$defs/%d'}]},", i, i + 1,
                 i + 1);
    BUF_LITERAL(&schema, "'20':{'type':'null'}}}");
    buf_add_char(&schema, '\0');
    check_body("complex", NULL, with_schema(&a, json_text(&a, schema.p)), &a,
               PLACE "Schema is too complex");
    buf_fini(&schema);
    arena_fini(&a);
}

static const struct {
    const char *model, *body, *message;
} bodies[] = {
    {NULL, STRICT("{" CLOSED "}"), NULL},
    {NULL, STRICT(OPEN), MODEL "tools.0.custom: For 'object' type…"},
    {OPUS47, STRICT("{" CLOSED "}"), MODEL "tools.0.custom.strict: Extra inputs are not permitted"},
    {"mistral.mistral-large-2407-v1:0", STRICT(OPEN), NULL},
    {NULL, DOCUMENTS(CITED, CITED) "}", NULL},
    {NULL, DOCUMENTS(CITED, "") "}",
     MODEL "messages: citations must be enabled on all or none of the documents of a request"},
    {NULL,
     DOCUMENTS(CITED, CITED) ",'outputConfig':{'textFormat':{'type':'json_schema','structure':"
                             "{'jsonSchema':{'schema':'{}'}}}}}",
     MODEL "output_config.format: citations cannot be used with structured outputs"},
    {NULL, "{" HI ",'additionalModelResponseFieldPaths':['/stop_sequence','/usage/none']}", NULL},
    {NULL, "{" HI ",'additionalModelResponseFieldPaths':['/a','stop_sequence']}",
     "The value at additionalModelResponseFieldPaths.1 is not a valid JSON Pointer.…"},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct arena a;
        arena_init(&a);
        check_body(bodies[i].body, bodies[i].model, json_of(&a, bodies[i].body), &a,
                   bodies[i].message);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_schemas),
                                       cmocka_unit_test(test_complex),
                                       cmocka_unit_test(test_bodies)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
