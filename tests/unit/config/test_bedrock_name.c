/* Model names, regions and endpoints as LiteLLM's users write them. */

#include "check.h"
#include "config/bedrock_name.h"

#include <string.h>

#define ARN "arn:aws:bedrock:eu-west-3:123456789012:application-inference-profile/abc"

static void assert_slice(struct slice got, const char *wanted)
{
    char text[4096] = "";
    assert_true(got.n < sizeof(text));
    if (got.n)
        memcpy(text, got.p, got.n);
    assert_string_equal(text, wanted);
}

static void names(void **state)
{
    static const struct {
        const char *model, *id, *region;
        enum bedrock_api api;
    } rows[] = {
        {"bedrock/anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0",
         ""},
        {"bedrock/us.anthropic.claude-opus-4-6-v1", "us.anthropic.claude-opus-4-6-v1", ""},
        {"bedrock/converse/us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", "",
         BEDROCK_CONVERSE},
        {"bedrock/converse_like/x.y", "x.y", "", BEDROCK_CONVERSE},
        {"bedrock/invoke/us.amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", "", BEDROCK_INVOKE},
        {"bedrock/eu-central-1/anthropic.claude-v2", "anthropic.claude-v2", "eu-central-1"},
        {"bedrock/us-gov-west-1/anthropic.claude-v2", "anthropic.claude-v2", "us-gov-west-1"},
        {"bedrock/converse/eu-west-1/meta.llama3-1-8b-instruct-v1:0",
         "meta.llama3-1-8b-instruct-v1:0", "eu-west-1", BEDROCK_CONVERSE},
        {"bedrock/us-east-1/1-month-commitment/anthropic.claude-v2", "anthropic.claude-v2",
         "us-east-1"},
        {"bedrock/" ARN, ARN, "eu-west-3"},
        {"bedrock/us-east-1/" ARN, ARN, "eu-west-3"},
        {"bedrock/converse/" ARN, ARN, "eu-west-3", BEDROCK_CONVERSE},
        {"bedrock/llama/" ARN, ARN, "eu-west-3"},
        {"bedrock/nova-2/" ARN, ARN, "eu-west-3"},
        {ARN, ARN, "eu-west-3"},
        {"bedrock/*", "*", ""},
        {"*", "*", ""},
        {"bedrock/us.anthropic.*", "us.anthropic.*", ""},
        {"anthropic.claude-3-haiku-20240307-v1:0", "anthropic.claude-3-haiku-20240307-v1:0", ""},
        {"us-gov.anthropic.claude-sonnet-4-5", "us-gov.anthropic.claude-sonnet-4-5", ""},
        {"global.cohere.embed-v4:0", "global.cohere.embed-v4:0", ""},
        {"openai.gpt-oss-120b-1:0", "openai.gpt-oss-120b-1:0", ""},
        {"bedrock/invoke/us-west-2/anthropic.claude-v2", "anthropic.claude-v2", "us-west-2",
         BEDROCK_INVOKE},
        {"bedrock/us-west-2/invoke/" ARN, ARN, "eu-west-3", BEDROCK_INVOKE},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct bedrock_name name;
        const char *error = bedrock_name_parse(slice_of(rows[i].model), slice_of(NULL), &name);
        if (error)
            fail_msg("%s: %s", rows[i].model, error);
        assert_slice(name.id, rows[i].id);
        assert_slice(name.region, rows[i].region);
        assert_int_equal(name.api, rows[i].api);
    }
}

static void refused_names(void **state)
{
    static const char *const rows[] = {
        "openai/gpt-4o",
        "gpt-4o",
        "anthropic/claude-3-7-sonnet",
        "vertex_ai/gemini",
        "bedrock_mantle/openai.gpt-oss-20b",
        "unknown.model",
        "us.unknown.model",
        "us.",
        "",
        "bedrock/",
        "bedrock/us-east-1/",
        "bedrock/agent/ABC/DEF",
        "bedrock/two words",
        "bedrock/x?y",
        "bedrock/llama/meta.llama3",
    };
    struct bedrock_name name;
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (!bedrock_name_parse(slice_of(rows[i]), slice_of(NULL), &name))
            fail_msg("%s was taken", rows[i]);
}

static void providers(void **state)
{
    struct bedrock_name name;
    (void)state;
    assert_null(bedrock_name_parse(SLICE("my.own-model"), SLICE("bedrock"), &name));
    assert_slice(name.id, "my.own-model");
    assert_non_null(bedrock_name_parse(SLICE("amazon.nova-pro-v1:0"), SLICE("openai"), &name));
}

static void regions(void **state)
{
    static const char *const bad[] = {
        "",    "eu west", "EU-WEST-1", "eu-west-1.evil.example",
        "a/b", "x@y",     "a:1",       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"};
    (void)state;
    assert_true(bedrock_region_valid(SLICE("eu-west-1")));
    assert_true(bedrock_region_valid(SLICE("us-iso-east-1")));
    for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        assert_false(bedrock_region_valid(slice_of(bad[i])));
    assert_slice(bedrock_arn_region(SLICE("arn:aws:bedrock:us-west-2::foundation-model/x")),
                 "us-west-2");
    assert_slice(bedrock_arn_region(SLICE("arn:aws:bedrock")), "");
    assert_slice(bedrock_arn_region(SLICE("amazon.nova:us-west-2:0:x:y")), "");
}

static void endpoints(void **state)
{
    static const struct {
        const char *url, *endpoint; /* NULL: refused */
    } rows[] = {
        {"http://127.0.0.1:18081", "http://127.0.0.1:18081"},
        {"https://bedrock.example/", "https://bedrock.example"},
        {"https://vpce-1_2.example:443//", "https://vpce-1_2.example:443"},
        {"http://[::1]:8080", "http://[::1]:8080"},
        {"http://[::1]", "http://[::1]"},
        {"ftp://x", NULL},
        {"bedrock.example", NULL},
        {"http://", NULL},
        {"http://:80", NULL},
        {"http://x:0", NULL},
        {"http://x:65536", NULL},
        {"http://x:80x", NULL},
        {"http://x:", NULL},
        {"http://user:pass@x", NULL},
        {"http://x/path", NULL},
        {"http://x?y", NULL},
        {"http://x y", NULL},
        {"http://::1", NULL},
        {"http://[::1", NULL},
        {"http://[]", NULL},
        {"", NULL},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct slice got = bedrock_endpoint_parse(slice_of(rows[i].url));
        if (!got.p != !rows[i].endpoint)
            fail_msg("%s", rows[i].url);
        assert_slice(got, rows[i].endpoint ? rows[i].endpoint : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),   cmocka_unit_test(refused_names), cmocka_unit_test(providers),
        cmocka_unit_test(regions), cmocka_unit_test(endpoints),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
