/* What a native request carries beside the conversation's text: beta flags and the fields that need
 * one, cache_control, images and documents. Betas are those of the Bedrock InvokeModel column of
 * LiteLLM's map. */

#include "claude.h"

#include "wire/crypto.h"

#define IMAGE_BYTES_MAX (5 * 1024 * 1024)
#define IMAGES_MAX      100
#define PDF_BYTES_MAX   (32 * 1024 * 1024)

/* ---- betas --------------------------------------------------------------------------------- */

static const char *const betas[] = {
    "compact-2026-01-12",
    "computer-use-2025-01-24",
    "computer-use-2025-11-24",
    "context-1m-2025-08-07",
    "context-management-2025-06-27",
    "dangerous-tool-use-2026-09-03",
    "effort-2025-11-24",
    "fine-grained-tool-streaming-2025-05-14",
    "interleaved-thinking-2025-05-14", /* not in LiteLLM's map, but in AWS's user guide */
    "mid-conversation-output-config-2026-07-01",
    "mid-conversation-tool-changes-2026-07-01",
    "thinking-binding-controls-2026-08-01",
    "thinking-display-updates-2026-08-18",
    "tool-search-tool-2025-10-19",
};

static bool known_beta(struct slice beta)
{
    for (size_t i = 0; i < sizeof(betas) / sizeof(betas[0]); i++)
        if (slice_eq(slice_of(betas[i]), beta))
            return true;
    return false;
}

static bool has_beta(const struct check *c, const char *name)
{
    size_t i, n;
    yyjson_val *beta;
    yyjson_arr_foreach(json_get(c->body, "anthropic_beta"), i, n, beta)
    {
        if (slice_eq(json_slice(beta), slice_of(name)))
            return true;
    }
    return false;
}

static bool check_betas(const struct check *c)
{
    size_t i, n;
    yyjson_val *beta;
    yyjson_arr_foreach(json_get(c->body, "anthropic_beta"), i, n, beta)
    {
        if (!known_beta(json_slice(beta)))
            return fault_model(c->fault, c->arena, "invalid beta flag");
    }
    return true;
}

/* Anthropic's own tools that exist with a beta only. */
static bool check_tool_type(const struct check *c, struct slice type, size_t i)
{
    static const char *const needs[][2] = {
        {"computer_20250124", "computer-use-2025-01-24"},
        {"computer_20251124", "computer-use-2025-11-24"},
        {"memory_20250818", "context-management-2025-06-27"},
        {"tool_search_tool_bm25_20251119", "tool-search-tool-2025-10-19"},
        {"tool_search_tool_regex_20251119", "tool-search-tool-2025-10-19"},
    };
    for (size_t n = 0; n < sizeof(needs) / sizeof(needs[0]); n++)
        if (slice_eq(slice_of(needs[n][0]), type) && !has_beta(c, needs[n][1]))
            return fault_model(c->fault, c->arena,
                               "tools.%zu: Input tag '%s' found using 'type' does not match any of "
                               "the expected tags: 'bash_20250124', 'custom', "
                               "'text_editor_20250124', 'text_editor_20250429', "
                               "'text_editor_20250728'",
                               i, needs[n][0]);
    return true;
}

static bool check_tool(const struct check *c, yyjson_val *tool, size_t i)
{
    const char *extra = NULL;
    if (claude_given(tool, "defer_loading") && !has_beta(c, "tool-search-tool-2025-10-19"))
        extra = "defer_loading";
    if (claude_given(tool, "strict") && !c->model->schema)
        extra = "strict";
    if (extra)
        return fault_model(c->fault, c->arena,
                           "tools.%zu.custom.%s: Extra inputs are not permitted", i, extra);
    return check_tool_type(c, json_get_slice(tool, "type"), i);
}

bool claude_rules_fields(const struct check *c)
{
    size_t i, n;
    yyjson_val *tool;
    if (!check_betas(c))
        return false;
    if (claude_given(c->body, "context_management") &&
        !has_beta(c, "context-management-2025-06-27"))
        return fault_model(c->fault, c->arena,
                           "context_management: Extra inputs are not permitted");
    yyjson_arr_foreach(json_get(c->body, "tools"), i, n, tool)
    {
        if (!check_tool(c, tool, i))
            return false;
    }
    return true;
}

/* ---- cache_control ------------------------------------------------------------------------- */

static bool check_point(const struct check *c, yyjson_val *block, const char *place,
                        struct cache_points *points)
{
    yyjson_val *control = json_get(block, "cache_control");
    return !yyjson_is_obj(control) ||
           rules_cache_point(c, json_get_slice(control, "ttl"), place, points);
}

/* `place` of a block as Anthropic tells it: with its type, but where there is only one. */
static bool check_points(const struct check *c, yyjson_val *list, const char *place, bool typed,
                         struct cache_points *points)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(list, i, n, block)
    {
        struct slice type = json_get_slice(block, "type");
        if (typed && !type.p)
            type = SLICE("custom"); /* a tool */
        const struct slice at = arena_printf(c->arena, "%s.%zu%s%.*s", place, i, typed ? "." : "",
                                             typed ? (int)type.n : 0, type.p);
        const struct slice inner = arena_printf(c->arena, "%s.content", at.p);
        if (!check_points(c, claude_blocks(json_get(block, "content")), inner.p, true, points) ||
            !check_point(c, block, at.p, points))
            return false;
    }
    return true;
}

bool claude_rules_cache(const struct check *c)
{
    size_t i, n;
    yyjson_val *message;
    struct cache_points points = {0};
    if (!check_points(c, json_get(c->body, "tools"), "tools", true, &points) ||
        !check_points(c, claude_blocks(json_get(c->body, "system")), "system", false, &points))
        return false;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        const struct slice place = arena_printf(c->arena, "messages.%zu.content", i);
        if (!check_points(c, claude_blocks(json_get(message, "content")), place.p, true, &points))
            return false;
    }
    return rules_cache_count(c, &points);
}

/* ---- images and documents ------------------------------------------------------------------ */

static bool check_image(const struct check *c, yyjson_val *block, const char *place)
{
    yyjson_val *source = json_get(block, "source");
    const struct slice data = json_get_slice(source, "data");
    const struct slice format =
        slice_skip(json_get_slice(source, "media_type"), sizeof("image/") - 1);
    bool known;
    const char *type = rules_image_type(data, c->arena, &known);
    if (!known || !base64_valid(data))
        return fault_model(c->fault, c->arena, "%s.image.source.base64.data: Invalid base64 data",
                           place);
    if (data.n / 4 * 3 > IMAGE_BYTES_MAX)
        return fault_model(c->fault, c->arena,
                           "%s.image.source.base64: image exceeds 5 MB maximum: %zu bytes > %d "
                           "bytes",
                           place, data.n / 4 * 3, IMAGE_BYTES_MAX);
    if (!type)
        return fault_model(c->fault, c->arena, "Could not process image");
    if (slice_eq(slice_of(type), format))
        return true;
    return fault_model(c->fault, c->arena,
                       "%s.image.source.base64: The image was specified using the image/%.*s media "
                       "type, but the image appears to be a image/%s image",
                       place, SLICE_ARG(format), type);
}

static bool check_document(const struct check *c, yyjson_val *block, const char *place)
{
    yyjson_val *source = json_get(block, "source");
    const struct slice data = json_get_slice(source, "data");
    struct slice head;
    if (!claude_is(source, "base64"))
        return true;
    if (!base64_valid(data))
        return fault_model(c->fault, c->arena,
                           "%s.document.source.base64.data: Invalid base64 data", place);
    if (data.n / 4 * 3 > PDF_BYTES_MAX)
        return fault_model(c->fault, c->arena, "Request exceeds the maximum size");
    base64_decode(slice_make(data.p, data.n > 64 ? 64 : data.n), c->arena, &head);
    if (slice_starts(head, SLICE("%PDF-")))
        return true;
    return fault_model(c->fault, c->arena,
                       "%s.document.source.base64.data: The PDF specified was not valid.", place);
}

static bool check_media(const struct check *c, yyjson_val *list, const char *place, size_t *images)
{
    size_t i, n;
    yyjson_val *block;
    yyjson_arr_foreach(list, i, n, block)
    {
        const struct slice at = arena_printf(c->arena, "%s.%zu", place, i);
        const struct slice inner = arena_printf(c->arena, "%s.tool_result.content", at.p);
        *images += claude_is(block, "image");
        if (claude_is(block, "image") && !check_image(c, block, at.p))
            return false;
        if (claude_is(block, "document") && !check_document(c, block, at.p))
            return false;
        if (claude_is(block, "tool_result") &&
            !check_media(c, claude_blocks(json_get(block, "content")), inner.p, images))
            return false;
    }
    return true;
}

bool claude_rules_media(const struct check *c)
{
    size_t i, n, images = 0;
    yyjson_val *message;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        const struct slice place = arena_printf(c->arena, "messages.%zu.content", i);
        if (!check_media(c, claude_blocks(json_get(message, "content")), place.p, &images))
            return false;
    }
    if (images <= IMAGES_MAX)
        return true;
    return fault_model(c->fault, c->arena,
                       "messages: the number of images exceeds the limit of %d: %zu", IMAGES_MAX,
                       images);
}
