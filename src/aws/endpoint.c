#include "aws/endpoint.h"

/* By how a region's name begins; the first row that fits. */
static const struct partition {
    struct slice prefix;
    const char *suffix, *dual_stack;
} partitions[] = {
    {{"cn-", 3}, "amazonaws.com.cn", "api.amazonwebservices.com.cn"},
    {{"eusc-", 5}, "amazonaws.eu", "api.amazonwebservices.eu"},
    {{"us-isob-", 8}, "sc2s.sgov.gov", "api.aws.scloud"},
    {{"us-isof-", 8}, "csp.hci.ic.gov", "api.aws.hci.ic.gov"},
    {{"us-iso-", 7}, "c2s.ic.gov", "api.aws.ic.gov"},
    {{"eu-isoe-", 8}, "cloud.adc-e.uk", "api.cloud-aws.adc-e.uk"},
    {{"", 0}, "amazonaws.com", "api.aws"},
};

static const struct partition *partition_of(struct slice region)
{
    const struct partition *p = partitions;
    while (!slice_starts(region, p->prefix))
        p++;
    return p;
}

/* In GovCloud the plain names of these services are the FIPS ones. */
static bool is_always_fips(struct slice service, struct slice region)
{
    return slice_starts(region, SLICE("us-gov-")) && !slice_starts(service, SLICE("bedrock"));
}

const char *aws_endpoint(const char *service, struct slice region, struct aws_endpoint_style style,
                         struct arena *a)
{
    const struct partition *p = partition_of(region);
    bool fips = style.fips && (style.dual_stack || !is_always_fips(slice_of(service), region));
    return arena_printf(a, "https://%s%s.%.*s.%s", service, fips ? "-fips" : "", SLICE_ARG(region),
                        style.dual_stack ? p->dual_stack : p->suffix)
        .p;
}

bool aws_same_partition(struct slice region, struct slice other)
{
    const struct partition *p = partition_of(region);
    bool gov = slice_starts(region, SLICE("us-gov-"));
    return p == partition_of(other) && gov == slice_starts(other, SLICE("us-gov-"));
}

bool aws_sts_is_global(struct slice region)
{
    static const char *const regions[] = {
        "ap-northeast-1", "ap-south-1",   "ap-southeast-1", "ap-southeast-2",
        "aws-global",     "ca-central-1", "eu-central-1",   "eu-north-1",
        "eu-west-1",      "eu-west-2",    "eu-west-3",      "sa-east-1",
        "us-east-1",      "us-east-2",    "us-west-1",      "us-west-2"};
    for (size_t i = 0; i < sizeof(regions) / sizeof(*regions); i++)
        if (slice_eq(region, slice_of(regions[i])))
            return true;
    return false;
}

struct slice aws_sts_region(struct slice url)
{
    ptrdiff_t scheme = slice_find(url, SLICE("://"));
    struct slice host = scheme < 0 ? url : slice_skip(url, (size_t)scheme + 3);
    host = slice_split(&host, '/');
    host = slice_split(&host, ':');
    while (host.p) {
        struct slice label = slice_split(&host, '.');
        bool is_sts = slice_eq(label, SLICE("sts")) || slice_eq(label, SLICE("sts-fips"));
        if (is_sts && slice_find(host, SLICE(".amazonaws.")) > 0)
            return slice_split(&host, '.');
    }
    return (struct slice){0};
}
