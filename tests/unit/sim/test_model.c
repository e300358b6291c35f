/* Ids and what they stand for. */

#include "check.h"
#include "model.h"

static void test_ids(void **state)
{
    static const struct {
        const char *id, *prefix;
    } cases[] = {
        {"anthropic.claude-3-5-sonnet-20241022-v2:0", "anthropic.claude-3-5-sonnet"},
        {SONNET, "anthropic.claude-sonnet-4-5"},
        {"us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0", "anthropic.claude-sonnet-4-5"},
        {"eu.anthropic.claude-sonnet-4-20250514-v1:0", "anthropic.claude-sonnet-4-2025"},
        {"global.anthropic.claude-opus-5-5", "anthropic.claude-opus-5-5"},
        {"global.anthropic.claude-opus-5", "anthropic.claude-opus-5"},
        {"anthropic.claude-mythos-5-1", "anthropic.claude-mythos-5"},
        {"anthropic.claude-opus-9", "anthropic.claude-"},
        {"arn:aws:bedrock:us-east-1:123456789012:inference-profile/" SONNET37,
         "anthropic.claude-3-7-sonnet"},
        {"arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-pro-v1:0", "amazon.nova"},
        {"arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc123", ""},
        {"mistral.mistral-large-2407-v1:0", "mistral."},
        {"deepseek.r1-v1:0", ""},
        {"amazon.nova-2-multimodal-embeddings-v1:0", "amazon.nova-2-multimodal-embed"},
        {"amazon.titan-embed-text-v1", "amazon.titan-embed"},
        {"amazon.titan-embed-text-v2:0", "amazon.titan-embed-text-v2"},
        {"amazon.titan-embed-image-v1", "amazon.titan-embed-image"},
        {"cohere.embed-multilingual-v3", "cohere.embed"},
        {"global.cohere.embed-v4:0", "cohere.embed-v4"},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct model *m = model_find(slice_of(cases[i].id));
        if (strcmp(m->prefix, cases[i].prefix) != 0)
            fail_msg("%s is %s", cases[i].id, m->prefix);
    }
}

static void test_plausible(void **state)
{
    static const char *const good[] = {
        SONNET,
        "amazon.nova-pro-v1:0",
        "us.meta.llama3-1-70b-instruct-v1:0",
        "openai.gpt-oss-120b-1:0",
        ("arn:aws:bedrock:us-east-1:123456789012:inference-profile/" SONNET),
        "arn:aws-us-gov:bedrock:us-gov-west-1::foundation-model/amazon.nova-pro-v1:0"};
    static const char *const bad[] = {"gpt-4o",
                                      "gpt-4.1",
                                      "claude-3",
                                      "",
                                      ".",
                                      "us.",
                                      "us.anthropic",
                                      "arn:aws:s3:::bucket/key",
                                      "Anthropic.claude",
                                      "a.b c"};
    for (size_t i = 0; i < COUNT(good); i++)
        if (!model_id_plausible(slice_of(good[i])))
            fail_msg("%s", good[i]);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (model_id_plausible(slice_of(bad[i])))
            fail_msg("%s", bad[i]);
}

static void test_profiles(void **state)
{
    static const struct {
        const char *id;
        bool profile, embeds;
    } cases[] = {
        {SONNET, true, false},
        {"anthropic.claude-opus-4-7", false, false},
        {"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1", false, true},
        {"arn:aws:bedrock:us-east-1:123456789012:inference-profile/" SONNET, true, false},
        {"us.cohere.embed-v4:0", true, true},
        {"amazon.titan-text-lite-v1", false, false},
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct slice id = slice_of(cases[i].id);
        if (model_is_profile(id) != cases[i].profile ||
            model_embeds(model_find(id)) != cases[i].embeds)
            fail_msg("%s", cases[i].id);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_ids), cmocka_unit_test(test_plausible),
                                       cmocka_unit_test(test_profiles)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
