/* Bodies of embedding models, good and bad, and what stands around the vectors. */

#include "check.h"
#include "embed.h"

#define TITAN1 "amazon.titan-embed-text-v1"
#define TITAN2 "amazon.titan-embed-text-v2:0"
#define IMAGE  "amazon.titan-embed-image-v1"
#define COHERE "cohere.embed-multilingual-v3"
#define V4     "eu.cohere.embed-v4:0"
#define NOVA   "amazon.nova-2-multimodal-embeddings-v1:0"

#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define URL "data:image/png;base64," PNG
#define NOVA_HEAD                                                                                  \
    "{'taskType':'SINGLE_EMBEDDING','singleEmbeddingParams':{'embeddingPurpose':'CLUSTERING',"
#define NOVA_BODY(params) NOVA_HEAD params "}}"
#define MALFORMED(text)                                                                            \
    "Malformed input request: " text ", please reformat your input and try again."

static const struct {
    const char *model, *body;
    const char *message; /* NULL: good */
    int64_t tokens;      /* of a good one */
    const char *text;    /* where directives may stand */
} cases[] = {
    {TITAN1, "{'inputText':'hello'}", NULL, 2, "hello"},
    {TITAN1, "{'inputText':'a','normalize':true}",
     MALFORMED("#: extraneous key [normalize] is not permitted"), 0, NULL},
    {TITAN2, "{'inputText':'a','dimensions':256,'normalize':false,'embeddingTypes':['float']}",
     NULL, 1, "a"},
    {TITAN2, "{'inputText':'a','dimensions':384}",
     MALFORMED("#/dimensions: 384 is not a valid enum value"), 0, NULL},
    {TITAN2, "{'inputText':'a','embeddingTypes':[]}",
     MALFORMED("#/embeddingTypes: expected minimum item count: 1, found: 0"), 0, NULL},
    {IMAGE, "{'inputText':'a','inputImage':'" PNG "'}", NULL, 1, "a"},
    {IMAGE, "{'inputImage':'" PNG "'}", NULL, 0, ""},
    {IMAGE, "{'embeddingConfig':{}}", "Invalid input request: inputText or inputImage is required.",
     0, NULL},
    {IMAGE, "{'inputImage':'?'}", "Invalid input request: the image is malformed…", 0, NULL},
    {IMAGE, "{'inputImage':'" URL "'}", "Invalid input request: the image is malformed…", 0, NULL},
    {COHERE, "{'texts':['ab','cd'],'input_type':'search_query'}", NULL, 2, "ab\ncd"},
    {COHERE, "{'texts':[],'input_type':'search_query'}",
     MALFORMED("#/texts: expected minimum item count: 1, found: 0"), 0, NULL},
    {COHERE, "{'texts':['a'],'input_type':'image'}",
     "invalid request: input_type image needs images", 0, NULL},
    {COHERE, "{'images':['" URL "','" URL "'],'input_type':'image'}",
     MALFORMED("#/images: expected maximum item count: 1, found: 2"), 0, NULL},
    {COHERE, "{'inputs':[],'texts':['a'],'input_type':'image'}",
     MALFORMED("#: extraneous key [inputs] is not permitted"), 0, NULL},
    {V4,
     "{'inputs':[{'content':[{'type':'text','text':'a'},{'type':'text','text':'b'}]},{'content':"
     "[{'type':'image_url','image_url':{'url':'" URL "'}}]}],'input_type':'search_query'}",
     NULL, 1, "a\nb"},
    {V4, "{'inputs':[{'content':[{'type':'video'}]}],'input_type':'search_query'}",
     MALFORMED("#/inputs/0/content/0: Input tag 'video' found using 'type' does not match any of "
               "the expected tags: 'text', 'image_url'"),
     0, NULL},
    {NOVA, NOVA_BODY("'text':{'truncationMode':'NONE','value':'abc'}"), NULL, 1, "abc"},
    {NOVA,
     NOVA_BODY("'text':{'truncationMode':'END','value':'a'},'image':{'format':'png','source':"
               "{'bytes':'" PNG "'}}"),
     "Invalid input request: singleEmbeddingParams must have exactly one…", 0, NULL},
    {NOVA, NOVA_BODY("'embeddingDimension':512"),
     MALFORMED("#/singleEmbeddingParams/embeddingDimension: 512 is not a valid enum value"), 0,
     NULL},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct arena a;
        struct buf out;
        struct fault f = {0};
        arena_init(&a);
        buf_init(&out, 1 << 20);
        yyjson_val *body = json_of(&a, cases[i].body);
        const struct model *model = model_find(slice_of(cases[i].model));
        assert_true(model_embeds(model));
        const bool good = embed_check(body, model, &a, &f);
        if (good != !cases[i].message)
            fail_msg("%s: %s: %.*s", cases[i].body, good ? "accepted" : "refused",
                     SLICE_ARG(f.message));
        if (good) {
            check_same(cases[i].body, embed_text(body, &a), cases[i].text);
            assert_int_equal(embed_write(body, model, &a, &out), cases[i].tokens);
            assert_non_null(json_parse(buf_slice(&out), &a, NULL));
        } else {
            check_text(cases[i].body, f.message, cases[i].message);
        }
        buf_fini(&out);
        arena_fini(&a);
    }
}

/* A text of as many tokens as the model takes, and one more; some models may cut it. */
static void test_length(void **state)
{
    static const struct {
        const char *model, *before, *after;
        size_t most;
        bool cuts;
    } limits[] = {
        {TITAN2, "{'inputText':'", "'}", 8192, false},
        {IMAGE, "{'inputText':'", "'}", 256, false},
        {NOVA, NOVA_HEAD "'text':{'truncationMode':'NONE','value':'", "'}}}", 8000, false},
        {NOVA, NOVA_HEAD "'text':{'truncationMode':'START','value':'", "'}}}", 8000, true},
    };
    for (size_t i = 0; i < 2 * COUNT(limits); i++) {
        struct arena a;
        struct fault f = {0};
        const size_t l = i / 2, n = (limits[l].most + i % 2) * 4;
        arena_init(&a);
        char *text = arena_alloc(&a, n);
        memset(text, 'x', n);
        const struct slice body =
            arena_printf(&a, "%s%.*s%s", limits[l].before, (int)n, text, limits[l].after);
        const bool good =
            embed_check(json_of(&a, body.p), model_find(slice_of(limits[l].model)), &a, &f);
        assert_int_equal(good, limits[l].cuts || i % 2 == 0);
        if (!good)
            check_text(limits[l].model, f.message, "400 Bad Request: Too many input tokens.…");
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bodies),
                                       cmocka_unit_test(test_length)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
