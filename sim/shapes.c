/* The request shapes of Converse, ConverseStream and CountTokens, one table per structure, named as
 * in the API. Streaming's guardrailConfig has one member more (streamProcessingMode); both
 * operations take it here. */

#include "schema.h"

/* clang-format off */

#define MEMBERS (const struct shape_member[])
#define END     {NULL, NULL, false}
#define ANY_LENGTH .max = SHAPE_NO_MAX

static const struct shape any_string = {.kind = SHAPE_STRING, ANY_LENGTH};
static const struct shape non_empty_string = {.kind = SHAPE_STRING, .min = 1, ANY_LENGTH};
static const struct shape boolean = {.kind = SHAPE_BOOLEAN};
static const struct shape document = {.kind = SHAPE_DOCUMENT};
static const struct shape blob = {.kind = SHAPE_BLOB, ANY_LENGTH};
static const struct shape non_empty_blob = {.kind = SHAPE_BLOB, .min = 1, ANY_LENGTH};
static const struct shape index_number = {.kind = SHAPE_INTEGER, .max = SHAPE_NO_MAX};

#define ENUM(name, ...)                                                                            \
    static const char *const name##_values[] = {__VA_ARGS__, NULL};                                \
    static const struct shape name = {.kind = SHAPE_STRING, .max = SHAPE_NO_MAX, .values = name##_values}

ENUM(role, "user", "assistant", "system");
ENUM(image_format, "png", "jpeg", "gif", "webp");
ENUM(document_format, "pdf", "csv", "doc", "docx", "xls", "xlsx", "html", "txt", "md");
ENUM(video_format, "mkv", "mov", "mp4", "webm", "flv", "mpeg", "mpg", "wmv", "three_gp");
ENUM(audio_format, "mp3", "opus", "wav", "aac", "flac", "mp4", "ogg", "mkv", "mka", "x-aac", "m4a", "mpeg", "mpga", "pcm", "webm");
ENUM(tool_use_type, "server_tool_use");
ENUM(tool_result_status, "success", "error");
ENUM(guard_qualifier, "grounding_source", "query", "guard_content");
ENUM(guard_image_format, "png", "jpeg");
ENUM(cache_type, "default");
ENUM(cache_ttl, "5m", "1h");
ENUM(guardrail_trace, "enabled", "disabled", "enabled_full");
ENUM(guardrail_mode, "sync", "async");
ENUM(latency, "standard", "optimized");
ENUM(service_tier_type, "priority", "default", "flex", "reserved");
ENUM(output_format_type, "json_schema");

static const struct shape tool_use_id = {.kind = SHAPE_STRING, .min = 1, .max = 64,
    .pattern = "[a-zA-Z0-9_.:-]+", .alphabet = "_.:-"};
static const struct shape tool_name = {.kind = SHAPE_STRING, .min = 1, .max = 64,
    .pattern = "[a-zA-Z0-9_-]+", .alphabet = "_-"};

/* ---- media --------------------------------------------------------------------------------- */

static const struct shape s3_uri = {.kind = SHAPE_STRING, .min = 1, .max = 1024};
static const struct shape account_id = {.kind = SHAPE_STRING, .min = 12, .max = 12,
    .pattern = "[0-9]{12}", .alphabet = ""};
static const struct shape s3_location = {.kind = SHAPE_STRUCTURE, .name = "S3Location", .members = MEMBERS{
    {"uri", &s3_uri, true},
    {"bucketOwner", &account_id, false},
    END}};
static const struct shape bytes_or_s3 = {.kind = SHAPE_UNION, .name = "ImageSource", .members = MEMBERS{
    {"bytes", &non_empty_blob, false},
    {"s3Location", &s3_location, false},
    END}};
static const struct shape error_block = {.kind = SHAPE_STRUCTURE, .name = "ErrorBlock", .members = MEMBERS{
    {"message", &any_string, false},
    END}};
static const struct shape image = {.kind = SHAPE_STRUCTURE, .name = "ImageBlock", .members = MEMBERS{
    {"format", &image_format, true},
    {"source", &bytes_or_s3, true},
    {"error", &error_block, false},
    END}};
static const struct shape video = {.kind = SHAPE_STRUCTURE, .name = "VideoBlock", .members = MEMBERS{
    {"format", &video_format, true},
    {"source", &bytes_or_s3, true},
    END}};
static const struct shape audio = {.kind = SHAPE_STRUCTURE, .name = "AudioBlock", .members = MEMBERS{
    {"format", &audio_format, true},
    {"source", &bytes_or_s3, true},
    {"error", &error_block, false},
    END}};

static const struct shape text_union = {.kind = SHAPE_UNION, .name = "DocumentContentBlock", .members = MEMBERS{
    {"text", &any_string, false},
    END}};
static const struct shape text_list = {.kind = SHAPE_LIST, .item = &text_union, ANY_LENGTH};
static const struct shape document_source = {.kind = SHAPE_UNION, .name = "DocumentSource", .members = MEMBERS{
    {"bytes", &non_empty_blob, false},
    {"s3Location", &s3_location, false},
    {"text", &any_string, false},
    {"content", &text_list, false},
    END}};
static const struct shape citations_config = {.kind = SHAPE_STRUCTURE, .name = "CitationsConfig", .members = MEMBERS{
    {"enabled", &boolean, true},
    END}};
static const struct shape document_name = {.kind = SHAPE_STRING, .min = 1, .max = 200};
static const struct shape document_block = {.kind = SHAPE_STRUCTURE, .name = "DocumentBlock", .members = MEMBERS{
    {"format", &document_format, false},
    {"name", &document_name, true},
    {"source", &document_source, true},
    {"context", &any_string, false},
    {"citations", &citations_config, false},
    END}};

static const struct shape search_text = {.kind = SHAPE_STRUCTURE, .name = "SearchResultContentBlock", .members = MEMBERS{
    {"text", &any_string, true},
    END}};
static const struct shape search_texts = {.kind = SHAPE_LIST, .item = &search_text, ANY_LENGTH};
static const struct shape search_result = {.kind = SHAPE_STRUCTURE, .name = "SearchResultBlock", .members = MEMBERS{
    {"source", &any_string, true},
    {"title", &any_string, true},
    {"content", &search_texts, true},
    {"citations", &citations_config, false},
    END}};

/* ---- tools --------------------------------------------------------------------------------- */

static const struct shape tool_use = {.kind = SHAPE_STRUCTURE, .name = "ToolUseBlock", .members = MEMBERS{
    {"toolUseId", &tool_use_id, true},
    {"name", &tool_name, true},
    {"input", &document, true},
    {"type", &tool_use_type, false},
    END}};
static const struct shape tool_result_content = {.kind = SHAPE_UNION, .name = "ToolResultContentBlock", .members = MEMBERS{
    {"json", &document, false},
    {"text", &any_string, false},
    {"image", &image, false},
    {"document", &document_block, false},
    {"video", &video, false},
    {"searchResult", &search_result, false},
    END}};
static const struct shape tool_result_contents = {.kind = SHAPE_LIST, .item = &tool_result_content, ANY_LENGTH};
static const struct shape tool_result = {.kind = SHAPE_STRUCTURE, .name = "ToolResultBlock", .members = MEMBERS{
    {"toolUseId", &tool_use_id, true},
    {"content", &tool_result_contents, true},
    {"status", &tool_result_status, false},
    {"type", &any_string, false},
    END}};

static const struct shape reference_text = {.kind = SHAPE_STRING, .min = 1, .max = 128};
static const struct shape tool_reference = {.kind = SHAPE_STRUCTURE, .name = "ToolReference", .members = MEMBERS{
    {"type", &reference_text, false},
    {"name", &reference_text, false},
    {"serverName", &reference_text, false},
    END}};
static const struct shape tool_change = {.kind = SHAPE_STRUCTURE, .name = "ToolAdditionBlock", .members = MEMBERS{
    {"tool", &tool_reference, true},
    END}};

static const struct shape cache_point = {.kind = SHAPE_STRUCTURE, .name = "CachePointBlock", .members = MEMBERS{
    {"type", &cache_type, true},
    {"ttl", &cache_ttl, false},
    END}};

static const struct shape input_schema = {.kind = SHAPE_UNION, .name = "ToolInputSchema", .members = MEMBERS{
    {"json", &document, false},
    END}};
static const struct shape tool_spec = {.kind = SHAPE_STRUCTURE, .name = "ToolSpecification", .members = MEMBERS{
    {"name", &tool_name, true},
    {"description", &non_empty_string, false},
    {"inputSchema", &input_schema, true},
    {"strict", &boolean, false},
    END}};
static const struct shape named_tool = {.kind = SHAPE_STRUCTURE, .name = "SystemTool", .members = MEMBERS{
    {"name", &tool_name, true},
    END}};
static const struct shape tool = {.kind = SHAPE_UNION, .name = "Tool", .members = MEMBERS{
    {"toolSpec", &tool_spec, false},
    {"systemTool", &named_tool, false},
    {"cachePoint", &cache_point, false},
    END}};
static const struct shape tools = {.kind = SHAPE_LIST, .item = &tool, .min = 1, ANY_LENGTH};
static const struct shape nothing = {.kind = SHAPE_STRUCTURE, .name = "AutoToolChoice", .members = MEMBERS{END}};
static const struct shape tool_choice = {.kind = SHAPE_UNION, .name = "ToolChoice", .members = MEMBERS{
    {"auto", &nothing, false},
    {"any", &nothing, false},
    {"tool", &named_tool, false},
    END}};
static const struct shape tool_config = {.kind = SHAPE_STRUCTURE, .name = "ToolConfiguration", .members = MEMBERS{
    {"tools", &tools, true},
    {"toolChoice", &tool_choice, false},
    END}};

/* ---- content ------------------------------------------------------------------------------- */

static const struct shape guard_qualifiers = {.kind = SHAPE_LIST, .item = &guard_qualifier, ANY_LENGTH};
static const struct shape guard_text = {.kind = SHAPE_STRUCTURE, .name = "GuardrailConverseTextBlock", .members = MEMBERS{
    {"text", &any_string, true},
    {"qualifiers", &guard_qualifiers, false},
    END}};
static const struct shape guard_image_source = {.kind = SHAPE_UNION, .name = "GuardrailConverseImageSource", .members = MEMBERS{
    {"bytes", &non_empty_blob, false},
    END}};
static const struct shape guard_image = {.kind = SHAPE_STRUCTURE, .name = "GuardrailConverseImageBlock", .members = MEMBERS{
    {"format", &guard_image_format, true},
    {"source", &guard_image_source, true},
    END}};
static const struct shape guard_content = {.kind = SHAPE_UNION, .name = "GuardrailConverseContentBlock", .members = MEMBERS{
    {"text", &guard_text, false},
    {"image", &guard_image, false},
    END}};

static const struct shape reasoning_text = {.kind = SHAPE_STRUCTURE, .name = "ReasoningTextBlock", .members = MEMBERS{
    {"text", &any_string, true},
    {"signature", &any_string, false},
    END}};
static const struct shape reasoning = {.kind = SHAPE_UNION, .name = "ReasoningContentBlock", .members = MEMBERS{
    {"reasoningText", &reasoning_text, false},
    {"redactedContent", &blob, false},
    END}};

static const struct shape web_location = {.kind = SHAPE_STRUCTURE, .name = "WebLocation", .members = MEMBERS{
    {"url", &any_string, false},
    {"domain", &any_string, false},
    END}};
static const struct shape span_location = {.kind = SHAPE_STRUCTURE, .name = "DocumentCharLocation", .members = MEMBERS{
    {"documentIndex", &index_number, false},
    {"start", &index_number, false},
    {"end", &index_number, false},
    END}};
static const struct shape search_location = {.kind = SHAPE_STRUCTURE, .name = "SearchResultLocation", .members = MEMBERS{
    {"searchResultIndex", &index_number, false},
    {"start", &index_number, false},
    {"end", &index_number, false},
    END}};
static const struct shape citation_location = {.kind = SHAPE_UNION, .name = "CitationLocation", .members = MEMBERS{
    {"web", &web_location, false},
    {"documentChar", &span_location, false},
    {"documentPage", &span_location, false},
    {"documentChunk", &span_location, false},
    {"searchResultLocation", &search_location, false},
    END}};
static const struct shape citation = {.kind = SHAPE_STRUCTURE, .name = "Citation", .members = MEMBERS{
    {"title", &any_string, false},
    {"source", &any_string, false},
    {"sourceContent", &text_list, false},
    {"location", &citation_location, false},
    END}};
static const struct shape citations = {.kind = SHAPE_LIST, .item = &citation, ANY_LENGTH};
static const struct shape citations_content = {.kind = SHAPE_STRUCTURE, .name = "CitationsContentBlock", .members = MEMBERS{
    {"content", &text_list, false},
    {"citations", &citations, false},
    END}};

static const struct shape content_block = {.kind = SHAPE_UNION, .name = "ContentBlock", .members = MEMBERS{
    {"text", &any_string, false},
    {"image", &image, false},
    {"document", &document_block, false},
    {"video", &video, false},
    {"audio", &audio, false},
    {"toolUse", &tool_use, false},
    {"toolResult", &tool_result, false},
    {"guardContent", &guard_content, false},
    {"cachePoint", &cache_point, false},
    {"reasoningContent", &reasoning, false},
    {"citationsContent", &citations_content, false},
    {"searchResult", &search_result, false},
    {"toolAddition", &tool_change, false},
    {"toolRemoval", &tool_change, false},
    END}};
static const struct shape content_blocks = {.kind = SHAPE_LIST, .item = &content_block, ANY_LENGTH};
static const struct shape message = {.kind = SHAPE_STRUCTURE, .name = "Message", .members = MEMBERS{
    {"role", &role, true},
    {"content", &content_blocks, true},
    END}};
static const struct shape messages = {.kind = SHAPE_LIST, .item = &message, ANY_LENGTH};
static const struct shape system_block = {.kind = SHAPE_UNION, .name = "SystemContentBlock", .members = MEMBERS{
    {"text", &non_empty_string, false},
    {"guardContent", &guard_content, false},
    {"cachePoint", &cache_point, false},
    END}};
static const struct shape system_blocks = {.kind = SHAPE_LIST, .item = &system_block, ANY_LENGTH};

/* ---- configuration ------------------------------------------------------------------------- */

static const struct shape max_tokens = {.kind = SHAPE_INTEGER, .min = 1, .max = SHAPE_NO_MAX};
static const struct shape fraction = {.kind = SHAPE_FLOAT, .min = 0, .max = 1};
static const struct shape stop_sequences = {.kind = SHAPE_LIST, .item = &non_empty_string, .max = 2500};
static const struct shape inference_config = {.kind = SHAPE_STRUCTURE, .name = "InferenceConfiguration", .members = MEMBERS{
    {"maxTokens", &max_tokens, false},
    {"temperature", &fraction, false},
    {"topP", &fraction, false},
    {"stopSequences", &stop_sequences, false},
    END}};

static const struct shape guardrail_id = {.kind = SHAPE_STRING, .max = 2048};
static const struct shape guardrail_config = {.kind = SHAPE_STRUCTURE, .name = "GuardrailConfiguration", .members = MEMBERS{
    {"guardrailIdentifier", &guardrail_id, false},
    {"guardrailVersion", &guardrail_id, false},
    {"trace", &guardrail_trace, false},
    {"streamProcessingMode", &guardrail_mode, false},
    END}};

static const struct shape prompt_value = {.kind = SHAPE_UNION, .name = "PromptVariableValues", .members = MEMBERS{
    {"text", &any_string, false},
    END}};
static const struct shape prompt_variables = {.kind = SHAPE_MAP, .key = &any_string, .item = &prompt_value, ANY_LENGTH};
static const struct shape field_path = {.kind = SHAPE_STRING, .min = 1, .max = 256};
static const struct shape field_paths = {.kind = SHAPE_LIST, .item = &field_path, .max = 10};

#define METADATA_EXTRA " \t\r\n\v\f:_@$#=/+,-."
static const struct shape metadata_key = {.kind = SHAPE_STRING, .min = 1, .max = 256,
    .pattern = "[a-zA-Z0-9\\s:_@$#=/+,-.]{1,256}", .alphabet = METADATA_EXTRA};
static const struct shape metadata_value = {.kind = SHAPE_STRING, .max = 256,
    .pattern = "[a-zA-Z0-9\\s:_@$#=/+,-.]{0,256}", .alphabet = METADATA_EXTRA};
const struct shape shape_request_metadata = {.kind = SHAPE_MAP, .key = &metadata_key,
    .item = &metadata_value, .min = 1, .max = 16};

static const struct shape performance_config = {.kind = SHAPE_STRUCTURE, .name = "PerformanceConfiguration", .members = MEMBERS{
    {"latency", &latency, false},
    END}};
static const struct shape service_tier = {.kind = SHAPE_STRUCTURE, .name = "ServiceTier", .members = MEMBERS{
    {"type", &service_tier_type, true},
    END}};
static const struct shape json_schema = {.kind = SHAPE_STRUCTURE, .name = "JsonSchemaDefinition", .members = MEMBERS{
    {"schema", &any_string, true},
    {"name", &any_string, false},
    {"description", &any_string, false},
    END}};
static const struct shape output_structure = {.kind = SHAPE_UNION, .name = "OutputFormatStructure", .members = MEMBERS{
    {"jsonSchema", &json_schema, false},
    END}};
static const struct shape output_format = {.kind = SHAPE_STRUCTURE, .name = "OutputFormat", .members = MEMBERS{
    {"type", &output_format_type, true},
    {"structure", &output_structure, true},
    END}};
static const struct shape effort = {.kind = SHAPE_STRING, .max = 16};
static const struct shape output_config = {.kind = SHAPE_STRUCTURE, .name = "OutputConfig", .members = MEMBERS{
    {"textFormat", &output_format, false},
    {"effort", &effort, false},
    END}};

const struct shape shape_converse_request = {.kind = SHAPE_STRUCTURE, .name = "ConverseRequest", .members = MEMBERS{
    {"messages", &messages, false},
    {"system", &system_blocks, false},
    {"inferenceConfig", &inference_config, false},
    {"toolConfig", &tool_config, false},
    {"guardrailConfig", &guardrail_config, false},
    {"additionalModelRequestFields", &document, false},
    {"promptVariables", &prompt_variables, false},
    {"additionalModelResponseFieldPaths", &field_paths, false},
    {"requestMetadata", &shape_request_metadata, false},
    {"performanceConfig", &performance_config, false},
    {"serviceTier", &service_tier, false},
    {"outputConfig", &output_config, false},
    END}};

static const struct shape converse_tokens = {.kind = SHAPE_STRUCTURE, .name = "ConverseTokensRequest", .members = MEMBERS{
    {"messages", &messages, false},
    {"system", &system_blocks, false},
    {"toolConfig", &tool_config, false},
    {"additionalModelRequestFields", &document, false},
    END}};
static const struct shape invoke_tokens = {.kind = SHAPE_STRUCTURE, .name = "InvokeModelTokensRequest", .members = MEMBERS{
    {"body", &blob, true},
    END}};
static const struct shape count_input = {.kind = SHAPE_UNION, .name = "CountTokensInput", .members = MEMBERS{
    {"invokeModel", &invoke_tokens, false},
    {"converse", &converse_tokens, false},
    END}};
const struct shape shape_count_tokens_request = {.kind = SHAPE_STRUCTURE, .name = "CountTokensRequest", .members = MEMBERS{
    {"input", &count_input, true},
    END}};
