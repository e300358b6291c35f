#include "call_kind.h"

static const struct call_kind kinds[] = {
    {"/chat/completions", "acompletion", "/chat/completions"},
    {"/completions", "atext_completion", "/completions"},
    {"/embeddings", "aembedding", "/embeddings"},
    {"/rerank", "arerank", "/rerank"},
    {"/responses/compact", "acompact_responses", "/v1/responses/compact"},
    {"/responses", "aresponses", "/v1/responses"},
    {"/messages", "anthropic_messages", "/v1/messages"},
    {"/responses", "aresponses", "/responses"},
    {"/converse", "allm_passthrough_route", "/bedrock"},
    {"/converse-stream", "allm_passthrough_route", "/bedrock"},
    {"/invoke", "allm_passthrough_route", "/bedrock"},
    {"/invoke-with-response-stream", "allm_passthrough_route", "/bedrock"},
};

const struct call_kind *call_kind_of(const struct route *route)
{
    static const struct call_kind passes = {"", "pass_through_endpoint", ""};
    if (route->passes)
        return &passes;
    for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
        if (slice_ends(slice_of(route->path), slice_of(kinds[i].path)))
            return &kinds[i];
    return NULL;
}
