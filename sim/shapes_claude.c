/* Claude's own request body on InvokeModel: Anthropic's Messages without `model` and `stream`, with
 * `anthropic_version`. Sources: Anthropic's API reference (types of its Python SDK), and what
 * Bedrock leaves out of it: sources by URL or file, server tools, service_tier, mcp_servers. */

#include "claude.h"

/* clang-format off */

#define MEMBERS (const struct native_member[])
#define END     {NULL, NULL, false}
#define ANY_LENGTH .max = NATIVE_NO_MAX

#define ENUM(name, ...)                                                                            \
    static const char *const name##_values[] = {__VA_ARGS__, NULL};                                \
    static const struct native_shape name = {.kind = NATIVE_STRING, ANY_LENGTH, .values = name##_values}

ENUM(version, "bedrock-2023-05-31", "2026-10-21"); /* the second is what Anthropic's own SDK sends now */
ENUM(role, "user", "assistant", "system");
ENUM(ttl, "5m", "1h");
ENUM(image_type, "image/jpeg", "image/png", "image/gif", "image/webp");
ENUM(pdf_type, "application/pdf");
ENUM(plain_type, "text/plain");
ENUM(display, "summarized", "omitted");
ENUM(effort, "low", "medium", "high", "xhigh", "max");
ENUM(schema_type, "json_schema");
ENUM(text_type, "text");
ENUM(any_type, "custom", "bash_20250124", "text_editor_20250124", "text_editor_20250429", "text_editor_20250728",
     "computer_20250124", "computer_20251124", "memory_20250818", "tool_search_tool_regex_20251119",
     "tool_search_tool_bm25_20251119");

static const struct native_shape any = {.kind = NATIVE_ANY};
static const struct native_shape map = {.kind = NATIVE_MAP};
static const struct native_shape boolean = {.kind = NATIVE_BOOLEAN};
static const struct native_shape string = {.kind = NATIVE_STRING, ANY_LENGTH};
static const struct native_shape strings = {.kind = NATIVE_LIST, .item = &string, ANY_LENGTH};
static const struct native_shape fraction = {.kind = NATIVE_NUMBER, .min = 0, .max = 1};
static const struct native_shape natural = {.kind = NATIVE_INTEGER, .min = 0, ANY_LENGTH};
static const struct native_shape positive = {.kind = NATIVE_INTEGER, .min = 1, ANY_LENGTH};
static const struct native_shape id = {.kind = NATIVE_STRING, ANY_LENGTH, .pattern = "^[a-zA-Z0-9_-]+$", .alphabet = "_-"};
static const struct native_shape tool_name = {.kind = NATIVE_STRING, .min = 1, .max = 64,
    .pattern = "^[a-zA-Z0-9_-]{1,64}$", .alphabet = "_-"};

/* ---- content ------------------------------------------------------------------------------- */

static const struct native_shape ephemeral = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"ttl", &ttl, false},
    END}};
static const struct native_shape cache_control = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"ephemeral", &ephemeral, false},
    END}};
static const struct native_shape citations = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"enabled", &boolean, false},
    END}};

static const struct native_shape text = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &text_type, true},
    {"text", &string, true},
    {"citations", &any, false},
    {"cache_control", &cache_control, false},
    END}};
static const struct native_shape texts = {.kind = NATIVE_TEXT_OR_LIST, .item = &text, ANY_LENGTH};

static const struct native_shape image_base64 = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"media_type", &image_type, true},
    {"data", &string, true},
    END}};
static const struct native_shape image_source = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"base64", &image_base64, false},
    END}};
static const struct native_shape image = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"source", &image_source, true},
    {"cache_control", &cache_control, false},
    END}};

static const struct native_shape pdf = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"media_type", &pdf_type, true},
    {"data", &string, true},
    END}};
static const struct native_shape plain = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"media_type", &plain_type, true},
    {"data", &string, true},
    END}};
static const struct native_shape source_block = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"text", &text, false},
    {"image", &image, false},
    END}};
static const struct native_shape source_blocks = {.kind = NATIVE_TEXT_OR_LIST, .item = &source_block, ANY_LENGTH};
static const struct native_shape content_source = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"content", &source_blocks, true},
    END}};
static const struct native_shape document_source = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"base64", &pdf, false},
    {"content", &content_source, false},
    {"text", &plain, false},
    END}};
static const struct native_shape document = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"source", &document_source, true},
    {"title", &string, false},
    {"context", &string, false},
    {"citations", &citations, false},
    {"cache_control", &cache_control, false},
    END}};

static const struct native_shape search_texts = {.kind = NATIVE_LIST, .item = &text, ANY_LENGTH};
static const struct native_shape search_result = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"source", &string, true},
    {"title", &string, true},
    {"content", &search_texts, true},
    {"citations", &citations, false},
    {"cache_control", &cache_control, false},
    END}};

static const struct native_shape tool_use = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"id", &id, true},
    {"name", &tool_name, true},
    {"input", &map, true},
    {"cache_control", &cache_control, false},
    END}};
static const struct native_shape result_block = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"document", &document, false},
    {"image", &image, false},
    {"search_result", &search_result, false},
    {"text", &text, false},
    END}};
static const struct native_shape result_blocks = {.kind = NATIVE_TEXT_OR_LIST, .item = &result_block, ANY_LENGTH};
static const struct native_shape tool_result = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"tool_use_id", &id, true},
    {"content", &result_blocks, false},
    {"is_error", &boolean, false},
    {"cache_control", &cache_control, false},
    END}};

static const struct native_shape thinking_block = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"thinking", &string, true},
    {"signature", &string, true},
    END}};
static const struct native_shape redacted_block = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"data", &string, true},
    END}};

static const struct native_shape block = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"document", &document, false},
    {"image", &image, false},
    {"redacted_thinking", &redacted_block, false},
    {"search_result", &search_result, false},
    {"text", &text, false},
    {"thinking", &thinking_block, false},
    {"tool_result", &tool_result, false},
    {"tool_use", &tool_use, false},
    END}};
static const struct native_shape blocks = {.kind = NATIVE_TEXT_OR_LIST, .item = &block, ANY_LENGTH};
static const struct native_shape message = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"role", &role, true},
    {"content", &blocks, true},
    END}};
static const struct native_shape messages = {.kind = NATIVE_LIST, .item = &message, .max = 100000};

/* ---- tools --------------------------------------------------------------------------------- */

static const struct native_shape custom_tool = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any_type, false},
    {"name", &tool_name, true},
    {"description", &string, false},
    {"input_schema", &map, true},
    {"strict", &boolean, false},
    {"defer_loading", &boolean, false},
    {"cache_control", &cache_control, false},
    END}};
static const struct native_shape plain_tool = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any_type, true},
    {"name", &tool_name, true},
    {"max_characters", &positive, false},
    {"cache_control", &cache_control, false},
    END}};
static const struct native_shape computer_tool = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any_type, true},
    {"name", &tool_name, true},
    {"display_width_px", &positive, true},
    {"display_height_px", &positive, true},
    {"display_number", &natural, false},
    {"enable_zoom", &boolean, false},
    {"cache_control", &cache_control, false},
    END}};
static const struct native_shape tool = {.kind = NATIVE_TAGGED, .untagged = "custom", .members = MEMBERS{
    {"bash_20250124", &plain_tool, false},
    {"computer_20250124", &computer_tool, false},
    {"computer_20251124", &computer_tool, false},
    {"custom", &custom_tool, false},
    {"memory_20250818", &plain_tool, false},
    {"text_editor_20250124", &plain_tool, false},
    {"text_editor_20250429", &plain_tool, false},
    {"text_editor_20250728", &plain_tool, false},
    {"tool_search_tool_bm25_20251119", &plain_tool, false},
    {"tool_search_tool_regex_20251119", &plain_tool, false},
    END}};
static const struct native_shape tools = {.kind = NATIVE_LIST, .item = &tool, ANY_LENGTH};

static const struct native_shape choice = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"disable_parallel_tool_use", &boolean, false},
    END}};
static const struct native_shape choice_none = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    END}};
static const struct native_shape choice_tool = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"name", &string, true},
    {"disable_parallel_tool_use", &boolean, false},
    END}};
static const struct native_shape tool_choice = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"any", &choice, false},
    {"auto", &choice, false},
    {"none", &choice_none, false},
    {"tool", &choice_tool, false},
    END}};

/* ---- configuration ------------------------------------------------------------------------- */

static const struct native_shape adaptive = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"display", &display, false},
    END}};
static const struct native_shape disabled = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    END}};
static const struct native_shape enabled = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"budget_tokens", &any, false}, /* rules_thinking() says what is wrong with it */
    {"display", &display, false},
    END}};
static const struct native_shape thinking = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"adaptive", &adaptive, false},
    {"disabled", &disabled, false},
    {"enabled", &enabled, false},
    END}};
static const struct native_shape output_format = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &schema_type, true},
    {"schema", &map, true},
    END}};
static const struct native_shape output_config = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"effort", &effort, false},
    {"format", &output_format, false},
    END}};
static const struct native_shape user_id = {.kind = NATIVE_STRING, .max = 256};
static const struct native_shape metadata = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"user_id", &user_id, false},
    END}};

const struct native_shape claude_shape = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"anthropic_version", &version, true},
    {"max_tokens", &positive, true},
    {"messages", &messages, true},
    {"anthropic_beta", &strings, false},
    {"context_management", &map, false},
    {"metadata", &metadata, false},
    {"output_config", &output_config, false},
    {"safeguards", &any, false},
    {"stop_sequences", &strings, false},
    {"system", &texts, false},
    {"temperature", &fraction, false},
    {"thinking", &thinking, false},
    {"tool_choice", &tool_choice, false},
    {"tools", &tools, false},
    {"top_k", &natural, false},
    {"top_p", &fraction, false},
    END}};
