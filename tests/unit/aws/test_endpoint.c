/* Against what botocore's endpoint rules give. */

#include "check.h"

#include "aws/endpoint.h"

static void endpoints(void **state)
{
    static const struct {
        const char *service, *region;
        bool fips, dual_stack;
        const char *url;
    } rows[] = {
        {"bedrock-runtime", "us-east-1", 0, 0, "https://bedrock-runtime.us-east-1.amazonaws.com"},
        {"bedrock-runtime", "us-east-1", 1, 0,
         "https://bedrock-runtime-fips.us-east-1.amazonaws.com"},
        {"bedrock-runtime", "us-east-1", 0, 1, "https://bedrock-runtime.us-east-1.api.aws"},
        {"bedrock-runtime", "us-east-1", 1, 1, "https://bedrock-runtime-fips.us-east-1.api.aws"},
        {"bedrock-runtime", "us-gov-west-1", 1, 0,
         "https://bedrock-runtime-fips.us-gov-west-1.amazonaws.com"},
        {"bedrock-runtime", "cn-north-1", 0, 0,
         "https://bedrock-runtime.cn-north-1.amazonaws.com.cn"},
        {"bedrock-runtime", "cn-north-1", 0, 1,
         "https://bedrock-runtime.cn-north-1.api.amazonwebservices.com.cn"},
        {"bedrock-runtime", "eusc-de-east-1", 0, 0,
         "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu"},
        {"bedrock-runtime", "us-iso-east-1", 0, 0,
         "https://bedrock-runtime.us-iso-east-1.c2s.ic.gov"},
        {"bedrock-runtime", "us-isob-east-1", 0, 0,
         "https://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov"},
        {"bedrock-runtime", "us-isof-east-1", 1, 1,
         "https://bedrock-runtime-fips.us-isof-east-1.api.aws.hci.ic.gov"},
        {"bedrock-runtime", "eu-isoe-west-1", 0, 0,
         "https://bedrock-runtime.eu-isoe-west-1.cloud.adc-e.uk"},
        {"bedrock-runtime", "xx-new-1", 0, 0, "https://bedrock-runtime.xx-new-1.amazonaws.com"},
        {"sts", "eu-west-1", 0, 0, "https://sts.eu-west-1.amazonaws.com"},
        {"sts", "eu-west-1", 1, 0, "https://sts-fips.eu-west-1.amazonaws.com"},
        {"sts", "us-gov-west-1", 1, 0, "https://sts.us-gov-west-1.amazonaws.com"},
        {"sts", "us-gov-west-1", 1, 1, "https://sts-fips.us-gov-west-1.api.aws"},
        {"sts", "cn-north-1", 1, 0, "https://sts-fips.cn-north-1.amazonaws.com.cn"},
        {"portal.sso", "us-east-1", 0, 0, "https://portal.sso.us-east-1.amazonaws.com"},
        {"portal.sso", "us-gov-west-1", 1, 0, "https://portal.sso.us-gov-west-1.amazonaws.com"},
        {"oidc", "eu-west-1", 1, 0, "https://oidc-fips.eu-west-1.amazonaws.com"},
    };
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_string_equal(
            aws_endpoint(rows[i].service, slice_of(rows[i].region),
                         (struct aws_endpoint_style){rows[i].fips, rows[i].dual_stack}, &a),
            rows[i].url);
    arena_fini(&a);
}

static void regions_of_sts(void **state)
{
    static const char *const rows[][2] = {
        {"https://sts.eu-west-1.amazonaws.com", "eu-west-1"},
        {"https://sts-fips.us-east-2.amazonaws.com/", "us-east-2"},
        {"https://sts.cn-north-1.amazonaws.com.cn:443/x", "cn-north-1"},
        {"https://vpce-0a.sts.eu-west-3.vpce.amazonaws.com", "eu-west-3"},
        {"https://sts.amazonaws.com", ""},
        {"https://sts.example.com", ""},
        {"http://127.0.0.1:8080", ""},
        {"", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        check_text(aws_sts_region(slice_of(rows[i][0])), rows[i][1]);
    assert_true(aws_sts_is_global(SLICE("us-west-2")));
    assert_false(aws_sts_is_global(SLICE("me-south-1")));
}

static void partitions(void **state)
{
    assert_true(aws_same_partition(SLICE("us-east-1"), SLICE("eu-west-1")));
    assert_false(aws_same_partition(SLICE("us-east-1"), SLICE("us-gov-west-1")));
    assert_false(aws_same_partition(SLICE("us-east-1"), SLICE("cn-north-1")));
    assert_true(aws_same_partition(SLICE("us-gov-east-1"), SLICE("us-gov-west-1")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(endpoints),
                                       cmocka_unit_test(regions_of_sts),
                                       cmocka_unit_test(partitions)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
