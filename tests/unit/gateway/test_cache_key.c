/* Which requests have the same answer: bodies as clients write them, through the dialects. */

#include "../base/check.h"

#include "cache_key.h"
#include "dialect/dialect.h"
#include "dialect/embeddings.h"

#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define M  "\"model\":\"m\","

static const struct cache_key_scope scope = {.tenant = SLICE("sk"), .group = SLICE("m")};

static void key_of(const struct dialect *d, const char *body, const struct cache_key_scope *s,
                   uint8_t digest[SHA256_SIZE])
{
    struct arena a;
    struct llm_request r;
    struct failure f = {0};
    arena_init(&a);
    llm_request_init(&r);
    if (!d->parse(json_parse(slice_of(body), &a, NULL), &a, &r, &f))
        fail_msg("%s: %.*s", body, SLICE_ARG(f.message));
    cache_key_of_answer(s, &r, digest);
    arena_fini(&a);
}

static bool same(const char *one, const char *other)
{
    uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
    key_of(&dialect_openai_chat, one, &scope, a);
    key_of(&dialect_openai_chat, other, &scope, b);
    return memcmp(a, b, SHA256_SIZE) == 0;
}

#define BASE "{" M HI "}"

static void test_what_changes_the_answer(void **state)
{
    static const char *const bodies[] = {
        BASE,
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":\"ho\"}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":\"h\"},{\"role\":\"user\",\"content\":"
        "\"i\"}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"h\"},"
        "{\"type\":\"text\",\"text\":\"i\"}]}]}",
        "{" M "\"messages\":[{\"role\":\"assistant\",\"content\":\"hi\"}]}",
        "{" M "\"messages\":[{\"role\":\"system\",\"content\":\"hi\"}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
        "{\"url\":\"data:image/png;base64,AAAA\"}}]}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
        "{\"url\":\"data:image/png;base64,AAAB\"}}]}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
        "{\"url\":\"https://x/1.png\"}}]}]}",
        "{" M HI ",\"max_tokens\":1}",
        "{" M HI ",\"max_tokens\":2}",
        "{" M HI ",\"temperature\":0}",
        "{" M HI ",\"temperature\":1}",
        "{" M HI ",\"top_p\":1}",
        "{" M HI ",\"top_k\":1}",
        "{" M HI ",\"stop\":\"a\"}",
        "{" M HI ",\"stop\":[\"a\",\"b\"]}",
        "{" M HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]}",
        "{" M HI
        ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"description\":\"d\"}}]}",
        "{" M HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"
        "\"type\":\"object\"}}}]}",
        "{" M HI
        ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"strict\":true}}]}",
        "{" M HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"tool_"
        "choice\":\"required\"}",
        "{" M HI ",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}],\"parallel_"
        "tool_calls\":false}",
        "{" M HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}}",
        "{" M HI ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2048}}",
        "{" M HI ",\"reasoning_effort\":\"low\"}",
        "{" M HI ",\"reasoning_effort\":\"high\"}",
        "{" M HI ",\"response_format\":{\"type\":\"json_object\"}}",
        "{" M HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\","
        "\"schema\":{}}}}",
        "{" M HI ",\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{\"name\":\"a\","
        "\"schema\":{\"x\":1}}}}",
        "{" M HI ",\"service_tier\":\"flex\"}",
        "{" M HI ",\"guardrailConfig\":{\"guardrailIdentifier\":\"g\"}}",
        "{" M HI ",\"extra_headers\":{\"a\":\"b\"}}",
        "{" M HI ",\"drop_params\":true}",
        "{" M HI ",\"additional_drop_params\":[\"top_p\"]}",
        "{" M HI ",\"allowed_openai_params\":[\"top_p\"]}",
        "{" M HI ",\"mock_response\":\"x\"}",
        "{" M HI ",\"seed\":1}",
        "{" M HI ",\"seed\":2}",
        "{" M HI ",\"other\":1}",
    };
    size_t n = sizeof(bodies) / sizeof(*bodies);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++)
            if (same(bodies[i], bodies[k]) != (i == k))
                fail_msg("%s\n%s", bodies[i], bodies[k]);
}

static void test_what_does_not(void **state)
{
    static const char *const bodies[] = {
        "{ \"messages\" : [{\"content\":\"hi\",\"role\":\"user\"}] ,\n\"model\":\"m\"}",
        "{" M
        "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}",
        "{" M "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\","
        "\"cache_control\":{\"type\":\"ephemeral\"}}]}]}",
        "{" M HI ",\"stream\":true,\"stream_options\":{\"include_usage\":true}}",
        "{" M HI ",\"user\":\"u\"}",
        "{" M HI ",\"metadata\":{\"trace_id\":\"t\"}}",
        "{" M HI ",\"num_retries\":2,\"timeout\":3,\"fallbacks\":[\"x\"]}",
        "{" M HI ",\"tags\":[\"a\"]}",
        "{" M HI ",\"cache\":{\"ttl\":3}}",
        "{" M HI ",\"caching\":true}",
        "{" M HI ",\"temperature\":null}",
        "{" M HI
        ",\"cache_control_injection_points\":[{\"location\":\"message\",\"role\":\"user\"}]}",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
        if (!same(BASE, bodies[i]))
            fail_msg("%s", bodies[i]);
}

static void test_dialects_agree(void **state)
{
    uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
    (void)state;
    key_of(&dialect_openai_chat, "{" M HI ",\"max_tokens\":5}", &scope, a);
    key_of(&dialect_openai_completions,
           "{" M "\"prompt\":\"hi\",\"max_tokens\":5,\"echo\":true,\"stream\":true}", &scope, b);
    assert_memory_equal(a, b, SHA256_SIZE);
}

static void test_scopes(void **state)
{
    const struct cache_key_scope scopes[] = {
        scope,
        {.tenant = SLICE("sk2"), .group = SLICE("m")},
        {.group = SLICE("m")},
        {.tenant = SLICE("sk"), .group = SLICE("m2")},
        {.tenant = SLICE("s"), .group = SLICE("km")},
        {.tenant = SLICE("sk"), .group = SLICE("m"), .tags = SLICE("t")},
    };
    size_t n = sizeof(scopes) / sizeof(*scopes);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
            key_of(&dialect_openai_chat, BASE, &scopes[i], a);
            key_of(&dialect_openai_chat, BASE, &scopes[k], b);
            assert_int_equal(memcmp(a, b, SHA256_SIZE) == 0, i == k);
        }
}

/* The buffer for small fields and the large ones that go past it. */
static void test_long_texts(void **state)
{
    enum { COUNT = 12 };
    uint8_t keys[COUNT][SHA256_SIZE];
    static char text[9000];
    (void)state;
    memset(text, 'x', sizeof(text));
    for (size_t i = 0; i < COUNT; i++) {
        struct llm_block block = {.kind = LLM_TEXT, .text = slice_make(text, 4090 + i)};
        struct llm_message message = {.blocks = &block};
        struct llm_request r;
        llm_request_init(&r);
        r.messages = &message;
        cache_key_of_answer(&scope, &r, keys[i]);
        for (size_t k = 0; k < i; k++)
            assert_memory_not_equal(keys[i], keys[k], SHA256_SIZE);
    }
}

static void vector_key(const char *body, size_t i, uint8_t digest[SHA256_SIZE])
{
    struct arena a;
    struct llm_request r;
    struct embed_request e;
    struct failure f = {0};
    uint8_t common[SHA256_SIZE];
    arena_init(&a);
    llm_request_init(&r);
    assert_true(embeddings_parse(json_parse(slice_of(body), &a, NULL), &a, &r, &e, &f));
    cache_key_of_vectors(&scope, &r, e.format, common);
    cache_key_of_vector(common, e.inputs[i], digest);
    arena_fini(&a);
}

static void test_vectors(void **state)
{
    static const char *const bodies[] = {
        "{" M "\"input\":\"a\"}",
        "{" M "\"input\":\"b\"}",
        "{" M "\"input\":\"a\",\"encoding_format\":\"base64\"}",
        "{" M "\"input\":\"a\",\"encoding_format\":\"float\"}",
        "{" M "\"input\":\"a\",\"dimensions\":256}",
        "{" M "\"input\":\"a\",\"input_type\":\"search_query\"}",
    };
    uint8_t a[SHA256_SIZE], b[SHA256_SIZE];
    size_t n = sizeof(bodies) / sizeof(*bodies);
    (void)state;
    for (size_t i = 0; i < n; i++)
        for (size_t k = 0; k < n; k++) {
            vector_key(bodies[i], 0, a);
            vector_key(bodies[k], 0, b);
            assert_int_equal(memcmp(a, b, SHA256_SIZE) == 0, i == k);
        }
    vector_key(bodies[0], 0, a);
    vector_key("{" M "\"user\":\"u\",\"input\":[\"x\",\"a\"]}", 1, b);
    assert_memory_equal(a, b, SHA256_SIZE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_changes_the_answer),
        cmocka_unit_test(test_what_does_not),
        cmocka_unit_test(test_dialects_agree),
        cmocka_unit_test(test_scopes),
        cmocka_unit_test(test_long_texts),
        cmocka_unit_test(test_vectors),
    };
    return cmocka_run_group_tests_name("gateway/cache_key", tests, NULL, NULL);
}
