#include "model.h"

/* clang-format off */

#define OLD     .sampling = true, .prefill = true, .forced_tool = true, .tools = true, .system = true, .claude = true, .own_body = BODY_CLAUDE
#define HOUR    .cache_hour = true
#define SCHEMA  .schema = true
#define STRUCT  .schema = true, .strict_tools = true
#define STRICT  .forced_tool = true, .tools = true, .system = true, .claude = true, .own_body = BODY_CLAUDE, .cache_hour = true
#define NO_FORCE .tools = true, .system = true, .claude = true, .own_body = BODY_CLAUDE, .cache_hour = true
#define OTHER   .sampling = true, .forced_tool = true, .tools = true, .system = true

#define K * 1000u

/* First match wins: longer prefixes stand before shorter ones. */
static const struct model models[] = {
    /* prefix                             thinking           context  output  cache_min */
    {"anthropic.claude-3-haiku",          THINKING_NONE,     200 K,   4096,   0,    OLD},
    {"anthropic.claude-3-opus",           THINKING_NONE,     200 K,   4096,   0,    OLD},
    {"anthropic.claude-3-sonnet",         THINKING_NONE,     200 K,   4096,   0,    OLD},
    {"anthropic.claude-3-5-haiku",        THINKING_NONE,     200 K,   8192,   2048, OLD},
    {"anthropic.claude-3-5-sonnet",       THINKING_NONE,     200 K,   8192,   1024, OLD},
    {"anthropic.claude-3-7-sonnet",       THINKING_BUDGET,   200 K,   128 K,  1024, OLD},
    {"anthropic.claude-haiku-4-5",        THINKING_BUDGET,   200 K,   64 K,   4096, OLD, HOUR, .one_sampling = true, STRUCT},
    {"anthropic.claude-opus-4-1",         THINKING_BUDGET,   200 K,   32 K,   1024, OLD, .one_sampling = true},
    {"anthropic.claude-opus-4-5",         THINKING_BUDGET,   200 K,   64 K,   4096, OLD, HOUR, .one_sampling = true, .effort = "high", STRUCT},
    {"anthropic.claude-opus-4-6",         THINKING_BOTH,     1000 K,  128 K,  4096, STRICT, .sampling = true, .one_sampling = true, .effort = "max", STRUCT},
    {"anthropic.claude-opus-4-7",         THINKING_ADAPTIVE, 1000 K,  128 K,  2048, STRICT, .effort = "xhigh"},
    {"anthropic.claude-opus-4-8",         THINKING_ADAPTIVE, 1000 K,  128 K,  1024, STRICT, .effort = "xhigh", SCHEMA},
    {"anthropic.claude-opus-4-2025",      THINKING_BUDGET,   200 K,   32 K,   1024, OLD},
    {"anthropic.claude-sonnet-4-5",       THINKING_BUDGET,   200 K,   64 K,   1024, OLD, HOUR, .one_sampling = true, STRUCT},
    {"anthropic.claude-sonnet-4-6",       THINKING_BOTH,     1000 K,  64 K,   1024, STRICT, .sampling = true, .one_sampling = true, .effort = "max", STRUCT},
    {"anthropic.claude-sonnet-4-2025",    THINKING_BUDGET,   200 K,   64 K,   1024, OLD},
    {"anthropic.claude-mythos-preview",   THINKING_ALWAYS,   1000 K,  128 K,  1024, OLD, HOUR, .effort = "max"},
    {"anthropic.claude-mythos-5",         THINKING_ALWAYS,   1000 K,  128 K,  512,  STRICT, .effort = "xhigh", STRUCT},
    {"anthropic.claude-fable-5-1",        THINKING_ALWAYS,   1000 K,  128 K,  512,  NO_FORCE, .effort = "xhigh"},
    {"anthropic.claude-fable-5",          THINKING_ALWAYS,   1000 K,  128 K,  512,  STRICT, .effort = "xhigh"},
    {"anthropic.claude-opus-5-5",         THINKING_ALWAYS,   1000 K,  128 K,  512,  NO_FORCE, .effort = "max"},
    {"anthropic.claude-sonnet-5-5",       THINKING_ALWAYS,   1000 K,  128 K,  512,  NO_FORCE, .effort = "xhigh", SCHEMA},
    {"anthropic.claude-opus-5",           THINKING_ADAPTIVE, 1000 K,  128 K,  512,  STRICT, .effort = "max"},
    {"anthropic.claude-sonnet-5",         THINKING_ADAPTIVE, 1000 K,  128 K,  1024, STRICT, .effort = "xhigh", SCHEMA},
    {"anthropic.claude-haiku-5-5",        THINKING_ADAPTIVE, 1000 K,  128 K,  512,  STRICT, .effort = "xhigh", SCHEMA},
    {"anthropic.claude-",                 THINKING_ADAPTIVE, 1000 K,  128 K,  1024, STRICT, .effort = "max", STRUCT},
    {"amazon.nova-2-multimodal-embed",    THINKING_NONE,     8 K,     0,      0,    .own_body = BODY_NOVA_EMBED},
    {"amazon.nova",                       THINKING_NONE,     300 K,   0,      1024, OTHER, .prefill = true, .video = true},
    {"amazon.titan-text",                 THINKING_NONE,     8 K,     0,      0,    .sampling = true, .own_body = BODY_TITAN_TEXT},
    {"amazon.titan-embed-text-v2",        THINKING_NONE,     8192,    0,      0,    .own_body = BODY_TITAN_EMBED_V2},
    {"amazon.titan-embed-image",          THINKING_NONE,     256,     0,      0,    .own_body = BODY_TITAN_EMBED_IMAGE},
    {"amazon.titan-embed",                THINKING_NONE,     8192,    0,      0,    .own_body = BODY_TITAN_EMBED},
    {"cohere.embed-v4",                   THINKING_NONE,     128 K,   0,      0,    .own_body = BODY_COHERE_V4},
    {"cohere.embed",                      THINKING_NONE,     128 K,   0,      0,    .own_body = BODY_COHERE_V3},
    {"meta.llama",                        THINKING_NONE,     128 K,   0,      0,    .sampling = true, .tools = true, .system = true},
    {"mistral.mistral-7b",                THINKING_NONE,     32 K,    0,      0,    .sampling = true},
    {"mistral.",                          THINKING_NONE,     128 K,   0,      0,    OTHER, SCHEMA},
};

static const struct model unknown_model = {"", THINKING_BOTH, 1000 K, 0, 1024, OTHER, STRUCT, .prefill = true, .video = true, .cache_hour = true, .effort = "max"};

static const char *const geographies[] = {"us-gov.", "us.", "eu.", "apac.", "au.", "jp.", "ca.", "global."};

/* clang-format on */

static struct slice without_geography(struct slice id)
{
    for (size_t i = 0; i < sizeof(geographies) / sizeof(geographies[0]); i++) {
        const struct slice geography = slice_of(geographies[i]);
        if (slice_starts(id, geography))
            return slice_skip(id, geography.n);
    }
    return id;
}

/* "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic…" → its last part. */
static struct slice base_id(struct slice id)
{
    if (slice_starts(id, SLICE("arn:"))) {
        const ptrdiff_t slash = slice_find_char(id, '/');
        id = slash < 0 ? id : slice_skip(id, (size_t)slash + 1);
    }
    return without_geography(id);
}

bool model_embeds(const struct model *m)
{
    return m->own_body >= BODY_TITAN_EMBED;
}

bool model_is_profile(struct slice id)
{
    if (slice_starts(id, SLICE("arn:")))
        return slice_find(id, SLICE(":foundation-model/")) < 0;
    return without_geography(id).n != id.n;
}

const struct model *model_find(struct slice id)
{
    const struct slice base = base_id(id);
    for (size_t i = 0; i < sizeof(models) / sizeof(models[0]); i++)
        if (slice_starts(base, slice_of(models[i].prefix)))
            return &models[i];
    return &unknown_model;
}

static bool is_alnum(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool model_id_plausible(struct slice id)
{
    if (slice_starts(id, SLICE("arn:aws")))
        return slice_find(id, SLICE(":bedrock:")) > 0 && slice_find_char(id, '/') > 0;
    struct slice rest = without_geography(id);
    const struct slice vendor = slice_split(&rest, '.');
    if (!vendor.n || !rest.n || vendor.p[0] < 'a' || vendor.p[0] > 'z')
        return false;
    for (size_t i = 0; i < vendor.n; i++)
        if (!is_alnum(vendor.p[i]))
            return false;
    for (size_t i = 0; i < rest.n; i++)
        if (!is_alnum(rest.p[i]) && rest.p[i] != '-' && rest.p[i] != ':' && rest.p[i] != '.')
            return false;
    return id.n <= 2048;
}
