/* Model names as in litellm_params.model: bedrock/[route/][region/]id, or an id alone.
 *
 * Happy path: the provider word goes, then route words (which API is called) and a region
 * in any order; what is left is a model id, an inference profile id or an ARN.
 * Failure: another provider's model, or something that cannot be an id.
 */

#include "config/bedrock_name.h"

static const char *const vendors[] = {
    "ai21", "amazon",    "anthropic",  "cohere",   "deepseek",   "google", "luma",
    "meta", "minimax",   "mistral",    "moonshot", "moonshotai", "nvidia", "openai",
    "qwen", "stability", "twelvelabs", "writer",   "xai",        "zai",    NULL};

static const char *const geographies[] = {"apac", "au", "ca", "eu",     "global", "in",
                                          "jp",   "sa", "us", "us-gov", NULL};

static const struct {
    const char *word;
    enum bedrock_api api;
} routes[] = {
    {"converse", BEDROCK_CONVERSE},       {"converse_like", BEDROCK_CONVERSE},
    {"invoke", BEDROCK_INVOKE},           {"1-month-commitment", BEDROCK_AUTO},
    {"6-month-commitment", BEDROCK_AUTO},
};

/* Words that tell LiteLLM which family an ARN belongs to. */
static const char *const families[] = {"anthropic", "deepseek_r1", "llama",  "moonshot",
                                       "nova",      "nova-2",      "openai", "qwen2",
                                       "qwen3",     "stability",   NULL};

static bool is_one_of(struct slice s, const char *const *words)
{
    for (; *words; words++)
        if (slice_eq(s, slice_of(*words)))
            return true;
    return false;
}

static bool is_arn(struct slice s)
{
    return slice_starts(s, SLICE("arn:"));
}

/* "anthropic.claude…", "eu.anthropic.claude…" */
static bool is_known_id(struct slice s)
{
    struct slice first = slice_split(&s, '.');
    if (is_one_of(first, geographies))
        first = slice_split(&s, '.');
    return s.n && is_one_of(first, vendors);
}

/* "us-east-1", "us-gov-west-1": at least three words, the last one a number. */
static bool is_region(struct slice s)
{
    struct slice word = {0};
    int words = 0;
    int64_t number;
    for (; s.p; words++) {
        word = slice_split(&s, '-');
        if (!bedrock_region_valid(word))
            return false;
    }
    return words >= 3 && slice_to_i64(word, &number);
}

bool bedrock_region_valid(struct slice region)
{
    for (size_t i = 0; i < region.n; i++) {
        char c = region.p[i];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-'))
            return false;
    }
    return region.n && region.n <= 32;
}

static bool is_id_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == ':' || c == '-' || c == '_' || c == '*';
}

bool bedrock_id_valid(struct slice id)
{
    bool arn = is_arn(id);
    for (size_t i = 0; i < id.n; i++)
        if (!is_id_char(id.p[i]) && !(arn && id.p[i] == '/'))
            return false;
    return id.n && id.n <= 2048;
}

struct slice bedrock_arn_region(struct slice id)
{
    struct slice field = {0};
    if (!is_arn(id))
        return field;
    for (int i = 0; i < 4; i++) /* arn:partition:service:region:… */
        field = slice_split(&id, ':');
    return field;
}

static bool is_route(struct slice word, enum bedrock_api *api)
{
    for (size_t i = 0; i < sizeof(routes) / sizeof(*routes); i++) {
        if (!slice_eq(word, slice_of(routes[i].word)))
            continue;
        if (routes[i].api != BEDROCK_AUTO)
            *api = routes[i].api;
        return true;
    }
    return false;
}

static void strip_routes(struct slice *rest, struct bedrock_name *name)
{
    for (;;) {
        struct slice after = *rest;
        struct slice word = slice_split(&after, '/');
        if (!after.p || is_arn(*rest))
            return;
        if (is_region(word))
            name->region = word;
        else if (!is_route(word, &name->api) && !(is_arn(after) && is_one_of(word, families)))
            return;
        *rest = after;
    }
}

const char *bedrock_name_parse(struct slice model, struct slice provider, struct bedrock_name *name)
{
    struct slice rest = model;
    *name = (struct bedrock_name){0};
    bool named = slice_starts(rest, SLICE("bedrock/"));
    if (named)
        rest = slice_skip(rest, sizeof("bedrock/") - 1);
    if (provider.n && !slice_eq(provider, SLICE("bedrock")))
        return "only Amazon Bedrock is served, not another custom_llm_provider";
    if (!named && !provider.n && !is_known_id(rest) && !is_arn(rest) && !slice_eq(rest, SLICE("*")))
        return "only Amazon Bedrock is served: write bedrock/<model id>";
    strip_routes(&rest, name);
    if (!bedrock_id_valid(rest))
        return "not a Bedrock model id, inference profile or ARN";
    name->id = rest;
    struct slice region = bedrock_arn_region(rest);
    if (region.n)
        name->region = region;
    return NULL;
}

static bool is_host(struct slice host)
{
    bool v6 = slice_starts(host, SLICE("[")) && slice_ends(host, SLICE("]"));
    size_t edge = v6 ? 1 : 0;
    for (size_t i = edge; i + edge < host.n; i++) {
        char c = host.p[i];
        bool alnum = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (!alnum && !(v6 ? c == ':' || c == '.' : c == '-' || c == '.' || c == '_'))
            return false;
    }
    return host.n > 2 * edge && host.n <= 255 + 2 * edge;
}

/* Cuts ":port" off the end of a host; false: the port is none. */
static bool split_port(struct slice *host)
{
    int64_t port;
    size_t at = host->n;
    while (at && host->p[at - 1] != ':' && host->p[at - 1] != ']')
        at--;
    if (!at || host->p[at - 1] == ']')
        return !at || at == host->n;
    if (!slice_to_i64(slice_skip(*host, at), &port) || port < 1 || port > 65535)
        return false;
    host->n = at - 1;
    return true;
}

struct slice bedrock_endpoint_parse(struct slice url)
{
    struct slice host = url;
    while (host.n && host.p[host.n - 1] == '/')
        host.n--;
    url.n = host.n;
    if (slice_starts(host, SLICE("https://")))
        host = slice_skip(host, 8);
    else if (slice_starts(host, SLICE("http://")))
        host = slice_skip(host, 7);
    else
        return (struct slice){0};
    return split_port(&host) && is_host(host) ? url : (struct slice){0};
}
