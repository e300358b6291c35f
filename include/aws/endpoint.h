#ifndef AWS_ENDPOINT_H
#define AWS_ENDPOINT_H

/* Where a service of AWS answers, by region: partitions (commercial, GovCloud, China, European
 * Sovereign Cloud, the isolated ones), FIPS and dual stack. Pure. Source: the endpoint rule sets
 * and partitions.json that the AWS SDKs share; a region that no partition knows is taken for a new
 * one of the commercial partition. */

#include "base/arena.h"

struct aws_endpoint_style {
    bool fips;
    bool dual_stack; /* IPv6 too */
};

/* "https://bedrock-runtime.eu-west-1.amazonaws.com". `service` is the first label of the name:
 * "bedrock-runtime", "sts", "portal.sso", "oidc". */
const char *aws_endpoint(const char *service, struct slice region, struct aws_endpoint_style style,
                         struct arena *a);

/* Credentials of one partition mean nothing in another. */
bool aws_same_partition(struct slice region, struct slice other);

/* Whether STS calls of a region go to https://sts.amazonaws.com, signed for us-east-1, when
 * AWS_STS_REGIONAL_ENDPOINTS says "legacy". */
bool aws_sts_is_global(struct slice region);

/* The region in a host name of STS ("https://sts.eu-west-1.amazonaws.com", or a VPC endpoint);
 * p == NULL: it names none. */
struct slice aws_sts_region(struct slice url);

#endif
