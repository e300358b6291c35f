/* What to do about an error of AWS. Its texts say what is wrong, seldom what helps; the first row
 * of the table that fits adds one sentence for people. Codes are compared without regard to case,
 * texts by what they contain; a row may ask for both. */

#include "bedrock.h"

#include "provider/models.h"

struct where {
    struct slice id, region, source; /* model id, region, where the credentials come from */
};

static bool is_profile(struct slice id)
{
    if (slice_starts(id, SLICE("arn:")))
        return slice_find(id, SLICE("inference-profile/")) >= 0;
    return model_base_id(id).n < id.n;
}

/* The geography whose inference profiles a region may call, as the id begins. */
static struct slice geography(struct slice region)
{
    static const struct {
        struct slice region, geography;
    } rows[] = {
        {{"us-gov-", 7}, {"us-gov", 6}}, {{"us-", 3}, {"us", 2}},   {{"ca-", 3}, {"us", 2}},
        {{"eu-", 3}, {"eu", 2}},         {{"ap-", 3}, {"apac", 4}},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (slice_starts(region, rows[i].region))
            return rows[i].geography;
    return SLICE("global");
}

static struct slice say_profile(struct arena *a, const struct where *w)
{
    struct slice near = geography(w->region), base = model_base_id(w->id);
    if (is_profile(w->id))
        return arena_printf(a,
                            "Call it through an inference profile that region %.*s has: aws "
                            "bedrock list-inference-profiles --region %.*s shows them",
                            SLICE_ARG(w->region), SLICE_ARG(w->region));
    return arena_printf(a,
                        "Call it through its inference profile, with model: bedrock/%.*s.%.*s "
                        "(aws bedrock list-inference-profiles --region %.*s shows all)",
                        SLICE_ARG(near), SLICE_ARG(base), SLICE_ARG(w->region));
}

static struct slice say_identifier(struct arena *a, const struct where *w)
{
    struct slice near = geography(w->region);
    if (!slice_starts(w->id, SLICE("arn:")) && is_profile(w->id) &&
        !slice_starts(w->id, SLICE("global.")) && !slice_starts(w->id, near))
        return arena_printf(a,
                            "The inference profile %.*s is of another geography than region %.*s, "
                            "whose profiles begin with '%.*s.'",
                            SLICE_ARG(w->id), SLICE_ARG(w->region), SLICE_ARG(near));
    return arena_printf(a,
                        "Region %.*s does not offer the model %.*s under this id: check the "
                        "spelling, aws_region_name, and aws bedrock list-foundation-models "
                        "--region %.*s",
                        SLICE_ARG(w->region), SLICE_ARG(w->id), SLICE_ARG(w->region));
}

static struct slice say_end_of_life(struct arena *a, const struct where *w)
{
    return arena_printf(a, "Choose a newer model: aws bedrock list-foundation-models --region %.*s",
                        SLICE_ARG(w->region));
}

static struct slice say_access(struct arena *a, const struct where *w)
{
    if (is_profile(w->id))
        return arena_printf(
            a,
            "IAM must allow bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on the "
            "inference profile %.*s and on the foundation model in every region it leads to (a "
            "condition on aws:RequestedRegion that names one region only blocks cross-region "
            "profiles), and the model must be enabled under Model access in the Bedrock console",
            SLICE_ARG(w->id));
    return arena_printf(
        a,
        "Enable the model under Model access in the Bedrock console of %.*s, and allow "
        "bedrock:InvokeModel and bedrock:InvokeModelWithResponseStream on %.*s in IAM for the "
        "credentials in use (%.*s)",
        SLICE_ARG(w->region), SLICE_ARG(w->id), SLICE_ARG(w->source));
}

static struct slice say_credentials(struct arena *a, const struct where *w)
{
    return arena_printf(a,
                        "AWS does not know the access key (from: %.*s): check it, and with "
                        "temporary credentials their session token too",
                        SLICE_ARG(w->source));
}

static struct slice say_expired(struct arena *a, const struct where *w)
{
    return arena_printf(a, "The temporary credentials (from: %.*s) have to be renewed",
                        SLICE_ARG(w->source));
}

static struct slice say_clock(struct arena *a, const struct where *w)
{
    return SLICE("Set the clock of the machine that the gateway runs on: AWS allows five minutes");
}

static struct slice say_signature(struct arena *a, const struct where *w)
{
    return arena_printf(a,
                        "Check the secret access key (from: %.*s), aws_region_name, and the clock "
                        "of the machine that the gateway runs on",
                        SLICE_ARG(w->source));
}

static struct slice say_retention(struct arena *a, const struct where *w)
{
    return arena_printf(a,
                        "This model wants another data retention mode: an administrator of the AWS "
                        "account changes it in the Bedrock settings of %.*s",
                        SLICE_ARG(w->region));
}

static struct slice say_quota(struct arena *a, const struct where *w)
{
    return arena_printf(a,
                        "Ask for more under Service Quotas, Amazon Bedrock, in %.*s, or share the "
                        "load with a deployment in another region",
                        SLICE_ARG(w->region));
}

static const struct {
    const char *code; /* NULL: any */
    const char *text; /* in lower case; NULL: any */
    struct slice (*say)(struct arena *a, const struct where *w);
} rows[] = {
    {NULL, "on-demand throughput", say_profile},
    {NULL, "data retention mode", say_retention},
    {NULL, "model identifier is invalid", say_identifier},
    {NULL, "signature expired", say_clock},
    {NULL, "signature not yet current", say_clock},
    {NULL, "security token included in the request is expired", say_expired},
    {"ExpiredTokenException", NULL, say_expired},
    {"UnrecognizedClientException", NULL, say_credentials},
    {"InvalidClientTokenId", NULL, say_credentials},
    {"MissingAuthenticationTokenException", NULL, say_credentials},
    {"IncompleteSignatureException", NULL, say_signature},
    {"InvalidSignatureException", NULL, say_signature},
    {"SignatureDoesNotMatch", NULL, say_signature},
    {"ServiceQuotaExceededException", NULL, say_quota},
    {"ResourceNotFoundException", "end of its life", say_end_of_life},
    {"ResourceNotFoundException", NULL, say_identifier},
    {"AccessDeniedException", NULL, say_access},
};

struct slice bedrock_hint(const struct provider_attempt *t, struct slice code, struct slice text)
{
    const struct deployment *d = t->deployment;
    struct where w = {t->model_id, slice_of(d->region), slice_of(d->credential_source)};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if ((!rows[i].code || slice_eq_nocase(code, slice_of(rows[i].code))) &&
            (!rows[i].text || slice_find(text, slice_of(rows[i].text)) >= 0))
            return rows[i].say(t->arena, &w);
    return slice_make(NULL, 0);
}
