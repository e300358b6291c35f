/* Embeddings from the client's bytes to Bedrock's and back: what each family is sent, how its
 * answer is read, and what the client gets. */

#include "attempt.h"

#include "dialect/embeddings.h"
#include "provider/embed.h"

struct embedding {
    struct fixture x;
    struct embed_request embed;
    struct embed_plan plan;
    bool planned;
};

static void begin(struct embedding *e, const char *id, const char *body)
{
    fixture_init(&e->x);
    struct fixture *x = &e->x;
    x->attempt.model_id = slice_of(id);
    x->attempt.model = models_find(x->models, slice_of(id), SLICE("eu-west-1"), NULL, &x->arena);
    yyjson_val *v = json_parse(slice_of(body), &x->arena, NULL);
    assert_non_null(v);
    e->planned = embeddings_parse(v, &x->arena, &x->request, &e->embed, &x->failure) &&
                 embed_plan_make(&x->attempt, &e->embed, &e->plan, &x->failure);
}

static struct slice build(struct embedding *e, size_t i, struct http_call *call)
{
    assert_true(embed_build(&e->x.attempt, &e->plan, i, call, &e->x.failure));
    return call->body;
}

#define TITAN1 "amazon.titan-embed-text-v1"
#define TITAN2 "amazon.titan-embed-text-v2:0"
#define TITANI "amazon.titan-embed-image-v1"
#define COHERE "cohere.embed-english-v3"
#define NOVA   "amazon.nova-2-multimodal-embeddings-v1:0"
#define IN     "{\"model\":\"m\",\"input\":"
#define PNG    "data:image/png;base64,iVBORw0KGgo="
#define NOVA_HEAD                                                                                  \
    "{\"schemaVersion\":\"nova-multimodal-embed-v1\",\"taskType\":\"SINGLE_EMBEDDING\","           \
    "\"singleEmbeddingParams\":{"

static const struct {
    const char *id, *body;
    size_t calls;
    const char *first; /* body of the first call */
} bodies[] = {
    {TITAN1, IN "\"a\"}", 1, "{\"inputText\":\"a\"}"},
    {TITAN1, IN "\"a\",\"encoding_format\":\"base64\"}", 1, "{\"inputText\":\"a\"}"},
    {TITAN1, IN "\"a\",\"dimensions\":256,\"drop_params\":true}", 1, "{\"inputText\":\"a\"}"},
    {"amazon.titan-embed-g1-text-02", IN "\"a\"}", 1, "{\"inputText\":\"a\"}"},
    {TITAN2, IN "\"h\\\"i\"}", 1, "{\"inputText\":\"h\\\"i\"}"},
    {TITAN2, IN "[\"a\",\"b\",\"c\"],\"user\":\"u\"}", 3, "{\"inputText\":\"a\"}"},
    {TITAN2, IN "[]}", 0, NULL},
    {TITAN2, IN "\"a\",\"encoding_format\":\"base64\"}", 1,
     "{\"inputText\":\"a\",\"embeddingTypes\":[\"float\"]}"},
    {TITAN2, IN "\"a\",\"encoding_format\":\"float\",\"dimensions\":256,\"normalize\":false}", 1,
     "{\"inputText\":\"a\",\"normalize\":false,\"dimensions\":256,\"embeddingTypes\":[\"float\"]}"},
    {TITAN2, IN "\"a\",\"encoding_format\":null,\"dimensions\":null}", 1, "{\"inputText\":\"a\"}"},
    {TITAN2, IN "\"a\",\"encoding_format\":\"base64\",\"embeddingTypes\":[\"binary\"]}", 1,
     "{\"inputText\":\"a\",\"embeddingTypes\":[\"binary\"]}"},
    {TITANI, IN "\"a\",\"dimensions\":384}", 1,
     "{\"inputText\":\"a\",\"embeddingConfig\":{\"outputEmbeddingLength\":384}}"},
    {TITANI, IN "\"" PNG "\"}", 1, "{\"inputImage\":\"iVBORw0KGgo=\"}"},
    {COHERE, IN "[\"a\",\"b\"]}", 1,
     "{\"texts\":[\"a\",\"b\"],\"input_type\":\"search_document\"}"},
    {COHERE, IN "\"a\",\"input_type\":\"search_query\",\"truncate\":\"END\"}", 1,
     "{\"texts\":[\"a\"],\"input_type\":\"search_query\",\"truncate\":\"END\"}"},
    {COHERE, IN "\"a\",\"encoding_format\":\"base64\"}", 1,
     "{\"texts\":[\"a\"],\"input_type\":\"search_document\",\"embedding_types\":[\"float\"]}"},
    {"us.cohere.embed-v4:0", IN "\"a\",\"dimensions\":512}", 1,
     "{\"texts\":[\"a\"],\"input_type\":\"search_document\",\"output_dimension\":512}"},
    {COHERE, IN "[\"" PNG "\",\"a\"],\"input_type\":\"search_query\"}", 2,
     "{\"images\":[\"" PNG "\"],\"input_type\":\"image\"}"},
    {NOVA, IN "\"a\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"text\":{\"truncationMode\":\"END\",\"value\":\"a\"}}}"},
    {NOVA, IN "\"a\",\"dimensions\":256,\"embeddingPurpose\":\"TEXT_RETRIEVAL\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"TEXT_RETRIEVAL\",\"embeddingDimension\":256,"
               "\"text\":{\"truncationMode\":\"END\",\"value\":\"a\"}}}"},
    {NOVA, IN "\"" PNG "\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"iVBORw0KGgo=\"}}}}"},
    {NOVA, IN "\"data:audio/mpeg;base64,AAAA\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"audio\":{\"format\":\"mp3\",\"source\":{\"bytes\":\"AAAA\"}}}}"},
    {NOVA, IN "\"data:video/quicktime;base64,AAAA\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"video\":{\"format\":\"mov\",\"source\":{\"bytes\":\"AAAA\"}}}}"},
    {NOVA, IN "\"s3://b/k\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"text\":{\"truncationMode\":\"END\",\"source\":{\"s3Location\":{\"uri\":"
               "\"s3://b/k\"}}}}}"},
    {NOVA, IN "\"a\",\"text\":{\"value\":\"b\"},\"embeddingDimension\":384}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"text\":{\"value\":\"b\"},"
               "\"embeddingDimension\":384}}"},
    {TITAN2, IN "\"a\",\"inputText\":\"b\",\"texts\":[]}", 1, "{\"inputText\":\"a\",\"texts\":[]}"},
    {TITANI, IN "\"" PNG "\",\"inputText\":\"b\",\"inputImage\":\"c\"}", 1,
     "{\"inputImage\":\"iVBORw0KGgo=\",\"inputText\":\"b\"}"},
    {COHERE, IN "\"a\",\"texts\":[\"b\"],\"images\":[]}", 1,
     "{\"texts\":[\"a\"],\"input_type\":\"search_document\"}"},
    {NOVA, IN "\"data:\"}", 1,
     NOVA_HEAD "\"embeddingPurpose\":\"GENERIC_INDEX\",\"embeddingDimension\":3072,"
               "\"text\":{\"truncationMode\":\"END\",\"value\":\"data:\"}}}"},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++) {
        struct embedding e;
        struct http_call call;
        begin(&e, bodies[i].id, bodies[i].body);
        assert_true(e.planned);
        assert_int_equal(e.plan.count, bodies[i].calls);
        if (bodies[i].first)
            check_text(build(&e, 0, &call), bodies[i].first);
        fixture_fini(&e.x);
    }
}

static void test_calls_are_signed_and_keep(void **state)
{
    struct embedding e;
    struct http_call first, second;
    begin(&e, TITAN2, IN "[\"a\",\"b\"]}");
    build(&e, 0, &first);
    build(&e, 1, &second);
    assert_string_equal(first.url, "https://bedrock-runtime.eu-west-1.amazonaws.com/model/"
                                   "amazon.titan-embed-text-v2%3A0/invoke");
    assert_true(slice_starts(http_header_get(first.headers, "authorization"),
                             SLICE("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/")));
    check_text(first.body, "{\"inputText\":\"a\"}");
    check_text(second.body, "{\"inputText\":\"b\"}");
    fixture_fini(&e.x);
}

/* 200 texts and an image among them: 96 a call, the image alone, the order kept. */
static void test_cohere_is_split(void **state)
{
    struct embedding e;
    struct buf b;
    buf_init(&b, 1 << 16);
    BUF_LITERAL(&b, IN "[\"0\"");
    for (int i = 1; i < 200; i++)
        buf_addf(&b, i == 150 ? ",\"" PNG "\"" : ",\"%d\"", i);
    BUF_LITERAL(&b, "]}");
    buf_add_char(&b, '\0');
    begin(&e, COHERE, b.p);
    static const struct embed_call expected[] = {{0, 96}, {96, 54}, {150, 1}, {151, 49}};
    assert_true(e.planned);
    assert_int_equal(e.plan.count, 4);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(e.plan.calls[i].first, expected[i].first);
        assert_int_equal(e.plan.calls[i].count, expected[i].count);
    }
    buf_fini(&b);
    fixture_fini(&e.x);
}

static const struct {
    const char *id, *body, *message;
    enum failure_kind kind;
} refused[] = {
    {TITAN2, "[]", "the request body must be a JSON object, got array", FAILURE_BAD_REQUEST},
    {TITAN2, "{\"model\":\"m\"}", "Missing required parameter: 'input'.", FAILURE_BAD_REQUEST},
    {TITAN2, IN "7}", "input: expected a string or a list of strings, got number",
     FAILURE_BAD_REQUEST},
    {TITAN2, IN "[\"a\",null]}", "input[1]: expected a string, got null", FAILURE_BAD_REQUEST},
    {TITAN2, IN "[\"a\",[]]}", "input[1]: expected a string, got array", FAILURE_BAD_REQUEST},
    {TITAN2, IN "[1,2]}",
     "input: token ids are not supported, send the text (LangChain: "
     "check_embedding_ctx_length=False)",
     FAILURE_BAD_REQUEST},
    {TITAN2, IN "[[1,2],[3]]}",
     "input: token ids are not supported, send the text (LangChain: "
     "check_embedding_ctx_length=False)",
     FAILURE_BAD_REQUEST},
    {TITAN2, IN "\"a\",\"encoding_format\":\"int8\"}",
     "encoding_format: expected \"float\" or \"base64\"", FAILURE_BAD_REQUEST},
    {TITAN2, IN "\"a\",\"dimensions\":0}", "dimensions: expected an integer of at least 1",
     FAILURE_BAD_REQUEST},
    {TITAN2, IN "\"a\",\"dimensions\":\"256\"}", "dimensions: expected an integer of at least 1",
     FAILURE_BAD_REQUEST},
    {TITAN1, IN "\"a\",\"dimensions\":256}",
     "Bedrock does not support the parameter 'dimensions' for model amazon.titan-embed-text-v1; "
     "set drop_params: true to drop such parameters",
     FAILURE_UNSUPPORTED},
    {"us.anthropic.claude-3-7-sonnet-20250219-v1:0", IN "\"a\"}",
     "model us.anthropic.claude-3-7-sonnet-20250219-v1:0 makes no embeddings: Titan, Cohere and "
     "Nova models named \"embed\" do",
     FAILURE_BAD_REQUEST},
    {"amazon.titan-text-express-v1", IN "\"a\"}",
     "model amazon.titan-text-express-v1 makes no embeddings: Titan, Cohere and Nova models named "
     "\"embed\" do",
     FAILURE_BAD_REQUEST},
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct embedding e;
        begin(&e, refused[i].id, refused[i].body);
        assert_false(e.planned);
        assert_int_equal(e.x.failure.kind, refused[i].kind);
        assert_int_equal(e.x.failure.status, 400);
        check_text(e.x.failure.message, refused[i].message);
        fixture_fini(&e.x);
    }
}

static void test_too_many(void **state)
{
    struct embedding e;
    struct buf b;
    buf_init(&b, 1 << 20);
    BUF_LITERAL(&b, IN "[\"\"");
    for (int i = 0; i < EMBED_INPUTS_MAX; i++)
        BUF_LITERAL(&b, ",\"\"");
    BUF_LITERAL(&b, "]}");
    buf_add_char(&b, '\0');
    begin(&e, TITAN2, b.p);
    assert_false(e.planned);
    check_text(e.x.failure.message, "input: at most 8192 inputs");
    buf_fini(&b);
    fixture_fini(&e.x);
}

/* Wholly read: what the client gets for one call's answer. */
static void answer(struct embedding *e, const char *header, const char *body, struct buf *out)
{
    struct arena scratch;
    struct embed_answer a;
    struct embeddings_item items[8] = {{.type = SLICE("")}};
    struct http_header h = {SLICE("X-Amzn-Bedrock-Input-Token-Count"), slice_of(header)};
    struct http_headers headers = {&h, header ? 1 : 0};
    arena_init(&scratch);
    assert_true(embed_read(&e->x.attempt, &e->plan, 0, 200, headers, slice_of(body), &scratch, &a,
                           &e->x.failure));
    for (size_t i = 0; i < e->plan.calls[0].count; i++) {
        assert_true(embeddings_vector(a.vectors[i], e->embed.format, &e->x.arena, &items[i].json));
        items[i].type = a.type;
    }
    struct llm_usage usage = {.input = a.tokens, .estimated = a.estimated};
    embeddings_write(SLICE("m"), items, e->plan.calls[0].count, &usage, out);
    arena_fini(&scratch);
}

#define ITEM(i, vector) "{\"object\":\"embedding\",\"index\":" #i ",\"embedding\":" vector
#define OUT(items, tokens)                                                                         \
    "{\"model\":\"m\",\"data\":[" items "],\"object\":\"list\",\"usage\":{\"completion_tokens\":"  \
    "0,\"prompt_tokens\":" #tokens ",\"total_tokens\":" #tokens                                    \
    ",\"completion_tokens_details\":null,\"prompt_tokens_details\":null}}"

static const struct {
    const char *id, *request, *header, *body, *client;
} answers[] = {
    {TITAN2, IN "\"a\"}", NULL,
     "{\"embedding\":[0.10,-1e-7,3],\"embeddingsByType\":{\"float\":[9]},"
     "\"inputTextTokenCount\":2}",
     OUT(ITEM(0, "[0.10,-1e-7,3]}"), 2)},
    {TITAN2, IN "\"a\",\"encoding_format\":\"base64\"}", "9",
     "{\"embeddingsByType\":{\"float\":[1,-2,0.5]},\"inputTextTokenCount\":4}",
     OUT(ITEM(0, "\"AACAPwAAAMAAAAA/\"}"), 4)},
    {TITAN2, IN "\"a\",\"embeddingTypes\":[\"binary\"]}", NULL,
     "{\"embeddingsByType\":{\"binary\":[0,1]},\"inputTextTokenCount\":1}",
     OUT(ITEM(0, "[0,1]}"), 1)},
    {TITANI, IN "\"" PNG "\"}", NULL, "{\"embedding\":[1],\"message\":null}",
     OUT(ITEM(0, "[1]}"), 0)},
    {COHERE, IN "[\"hello\",\"world\"]}", "7", "{\"embeddings\":[[1,2],[3,4]]}",
     OUT(ITEM(0, "[1,2]}") "," ITEM(1, "[3,4]}"), 7)},
    {COHERE, IN "[\"hello\",\"world\"]}", NULL, "{\"embeddings\":[[1,2],[3,4]]}",
     OUT(ITEM(0, "[1,2]}") "," ITEM(1, "[3,4]}"), 2)},
    {COHERE, IN "\"q\",\"encoding_format\":\"float\"}", "1",
     "{\"embeddings\":{\"int8\":[[5]],\"float\":[[1.5]]}}",
     OUT(ITEM(0, "[1.5],\"type\":\"float\"}"), 1)},
    {COHERE, IN "\"q\",\"embedding_types\":[\"int8\"]}", "1", "{\"embeddings\":{\"int8\":[[5]]}}",
     OUT(ITEM(0, "[5],\"type\":\"int8\"}"), 1)},
    {NOVA, IN "\"a b c\"}", "3",
     "{\"embeddings\":[{\"embeddingType\":\"TEXT\",\"embedding\":[1]}]}", OUT(ITEM(0, "[1]}"), 3)},
    {NOVA, IN "\"a b c\",\"encoding_format\":\"base64\"}", "none",
     "{\"embeddings\":[{\"embeddingType\":\"TEXT\",\"embedding\":[1e300,-1e300]}]}",
     OUT(ITEM(0, "\"//9/f///f/8=\"}"), 3)},
};

static void test_answers(void **state)
{
    for (size_t i = 0; i < sizeof(answers) / sizeof(*answers); i++) {
        struct embedding e;
        struct buf out;
        begin(&e, answers[i].id, answers[i].request);
        buf_init(&out, 1 << 16);
        assert_true(e.planned);
        answer(&e, answers[i].header, answers[i].body, &out);
        check_text(buf_slice(&out), answers[i].client);
        buf_fini(&out);
        fixture_fini(&e.x);
    }
}

static void test_images_are_counted(void **state)
{
    struct embedding e;
    struct arena scratch;
    struct embed_answer a;
    arena_init(&scratch);
    begin(&e, TITANI, IN "\"" PNG "\"}");
    assert_true(embed_read(&e.x.attempt, &e.plan, 0, 200, (struct http_headers){0},
                           SLICE("{\"embedding\":[1]}"), &scratch, &a, &e.x.failure));
    assert_int_equal(a.images, 1);
    assert_int_equal(a.tokens, 0);
    assert_true(a.estimated);
    fixture_fini(&e.x);
    arena_fini(&scratch);
}

static const struct {
    const char *id, *request, *body;
} broken[] = {
    {TITAN2, IN "\"a\"}", ""},
    {TITAN2, IN "\"a\"}", "[]"},
    {TITAN2, IN "\"a\"}", "{\"embedding\":null,\"message\":\"failed\"}"},
    {TITAN2, IN "\"a\"}", "{\"embedding\":\"AAAA\"}"},
    {COHERE, IN "[\"a\",\"b\"]}", "{\"embeddings\":[[1]]}"},
    {COHERE, IN "[\"a\",\"b\"]}", "{\"embeddings\":[[1],null]}"},
    {COHERE, IN "[\"a\",\"b\"]}", "{\"embeddings\":{}}"},
    {NOVA, IN "\"a\"}", "{\"embeddings\":[]}"},
    {NOVA, IN "\"a\"}", "{\"embeddings\":[{\"embedding\":{}}]}"},
};

static void test_broken_answers(void **state)
{
    for (size_t i = 0; i < sizeof(broken) / sizeof(*broken); i++) {
        struct embedding e;
        struct arena scratch;
        struct embed_answer a;
        arena_init(&scratch);
        begin(&e, broken[i].id, broken[i].request);
        assert_false(embed_read(&e.x.attempt, &e.plan, 0, 200, (struct http_headers){0},
                                slice_of(broken[i].body), &scratch, &a, &e.x.failure));
        assert_int_equal(e.x.failure.status, 502);
        fixture_fini(&e.x);
        arena_fini(&scratch);
    }
}

static void test_errors_of_bedrock(void **state)
{
    struct embedding e;
    struct arena scratch;
    struct embed_answer a;
    struct http_header h = {SLICE("x-amzn-errortype"), SLICE("ThrottlingException:http://x")};
    arena_init(&scratch);
    begin(&e, TITAN2, IN "\"a\"}");
    assert_false(embed_read(&e.x.attempt, &e.plan, 0, 429, (struct http_headers){&h, 1},
                            SLICE("{\"message\":\"Too many requests\"}"), &scratch, &a,
                            &e.x.failure));
    assert_int_equal(e.x.failure.kind, FAILURE_RATE_LIMIT);
    assert_int_equal(e.x.failure.status, 429);
    assert_true(e.x.failure.upstream);
    fixture_fini(&e.x);
    arena_fini(&scratch);
}

static void test_what_is_no_vector(void **state)
{
    static const char *const rows[] = {"null", "\"AAAA\"", "{}", "[1,\"2\"]", "[null]", "[[1]]"};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct slice json;
        arena_init(&a);
        yyjson_val *v = json_parse(slice_of(rows[i]), &a, NULL);
        assert_false(embeddings_vector(v, EMBED_FLOAT, &a, &json));
        assert_false(embeddings_vector(v, EMBED_BASE64, &a, &json));
        arena_fini(&a);
    }
}

static void test_cost(void **state)
{
    struct buf out;
    struct llm_usage usage = {.input = 5, .has_cost = true, .cost = 0.0000001};
    buf_init(&out, 4096);
    embeddings_write(SLICE("\"m\""), NULL, 0, &usage, &out);
    check_text(buf_slice(&out),
               "{\"model\":\"\\\"m\\\"\",\"data\":[],\"object\":\"list\",\"usage\":{"
               "\"completion_tokens\":0,\"prompt_tokens\":5,\"total_tokens\":5,"
               "\"completion_tokens_details\":null,\"prompt_tokens_details\":null,"
               "\"cost\":0.0000001}}");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),
        cmocka_unit_test(test_calls_are_signed_and_keep),
        cmocka_unit_test(test_cohere_is_split),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_images_are_counted),
        cmocka_unit_test(test_broken_answers),
        cmocka_unit_test(test_errors_of_bedrock),
        cmocka_unit_test(test_what_is_no_vector),
        cmocka_unit_test(test_cost),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
