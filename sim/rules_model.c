/* What depends on the model's family: token limits, sampling parameters, the extra fields, and the
 * rules of extended thinking (Anthropic's documentation; texts as Bedrock passes them on). */

#include "rules.h"

#include "signature.h"

#define DOCS    "https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking"
#define CONSULT " Please consult our documentation at " DOCS

static yyjson_val *extra_fields(const struct check *c)
{
    return json_get(c->body, "additionalModelRequestFields");
}

/* ---- limits and sampling ------------------------------------------------------------------- */

static bool check_stops(const struct check *c, yyjson_val *stops)
{
    size_t i, n;
    yyjson_val *stop;
    yyjson_arr_foreach(stops, i, n, stop)
    {
        if (c->model->claude && slice_is_blank(json_slice(stop)))
            return fault_model(c->fault, c->arena,
                               "stop_sequences: each stop sequence must contain non-whitespace");
    }
    return true;
}

static bool check_sampling(const struct check *c, yyjson_val *config)
{
    static const char *const names[][2] = {{"temperature", "temperature"}, {"topP", "top_p"}};
    for (size_t i = 0; i < 2; i++)
        if (!c->model->sampling && json_is_number(json_get(config, names[i][0])))
            return fault_model(c->fault, c->arena, "`%s` is deprecated for this model.",
                               names[i][1]);
    if (!c->model->sampling && json_get(extra_fields(c), "top_k"))
        return fault_model(c->fault, c->arena, "`top_k` is deprecated for this model.");
    if (c->model->one_sampling && json_is_number(json_get(config, "temperature")) &&
        json_is_number(json_get(config, "topP")))
        return fault_model(c->fault, c->arena,
                           "`temperature` and `top_p` cannot both be specified for this model. "
                           "Please use only one.");
    return true;
}

bool rules_inference(const struct check *c)
{
    int64_t max_tokens;
    yyjson_val *config = json_get(c->body, "inferenceConfig");
    const bool many = c->model->output && json_int(json_get(config, "maxTokens"), &max_tokens) &&
                      max_tokens > c->model->output;
    if (many && c->native)
        return fault_model(c->fault, c->arena,
                           "max_tokens: %lld > %u, which is the maximum allowed number of output "
                           "tokens for %s",
                           (long long)max_tokens, c->model->output,
                           c->model->prefix + sizeof("anthropic.") - 1);
    if (many)
        return fault_validation(c->fault, c->arena,
                                "The maximum tokens you requested exceeds the model limit of %u. "
                                "Try again with a maximum tokens value that is lower than %u.",
                                c->model->output, c->model->output);
    return check_stops(c, json_get(config, "stopSequences")) && check_sampling(c, config);
}

/* ---- additionalModelRequestFields ---------------------------------------------------------- */

static bool one_of(struct slice s, const char *const *values)
{
    for (size_t i = 0; values[i]; i++)
        if (slice_eq(slice_of(values[i]), s))
            return true;
    return false;
}

/* Betas that Bedrock takes on Converse. */
static const char *const betas[] = {"computer-use-2024-10-22",
                                    "computer-use-2025-01-24",
                                    "computer-use-2025-11-24",
                                    "context-1m-2025-08-07",
                                    "context-management-2025-06-27",
                                    "effort-2025-11-24",
                                    "fine-grained-tool-streaming-2025-05-14",
                                    "interleaved-thinking-2025-05-14",
                                    "output-128k-2025-02-19",
                                    "structured-outputs-2025-11-13",
                                    "thinking-binding-controls-2026-08-01",
                                    "thinking-display-updates-2026-08-18",
                                    "token-efficient-tools-2025-02-19",
                                    "tool-examples-2025-10-29",
                                    "tool-search-tool-2025-10-19",
                                    NULL};

static bool check_betas(const struct check *c, yyjson_val *list)
{
    size_t i, n;
    yyjson_val *beta;
    if (list && !yyjson_is_arr(list))
        return fault_model(c->fault, c->arena, "anthropic_beta: Input should be a valid list");
    yyjson_arr_foreach(list, i, n, beta)
    {
        if (!one_of(json_slice(beta), betas))
            return fault_model(c->fault, c->arena, "invalid beta flag");
    }
    return true;
}

static int effort_rank(struct slice effort)
{
    static const char *const ranks[] = {"low", "medium", "high", "xhigh", "max"};
    for (int i = 0; i < 5; i++)
        if (slice_eq(slice_of(ranks[i]), effort))
            return i;
    return -1;
}

static bool check_effort(const struct check *c, yyjson_val *effort)
{
    const struct slice text = json_slice(effort);
    if (!effort)
        return true;
    if (!c->model->effort)
        return fault_model(c->fault, c->arena, "This model does not support the effort parameter.");
    if (effort_rank(text) < 0)
        return fault_model(c->fault, c->arena,
                           "output_config.effort: Input should be 'low', 'medium', 'high', "
                           "'xhigh' or 'max'");
    if (effort_rank(text) > effort_rank(slice_of(c->model->effort)))
        return fault_model(c->fault, c->arena,
                           "output_config.effort: '%.*s' is not supported by this model. The "
                           "highest level is '%s'.",
                           SLICE_ARG(text), c->model->effort);
    return true;
}

static const char *const known_fields[] = {"anthropic_beta", "context_management",
                                           "max_tokens",     "metadata",
                                           "output_config",  "safeguards",
                                           "stop_sequences", "temperature",
                                           "thinking",       "tool_choice",
                                           "tools",          "top_k",
                                           "top_p",          NULL};

static bool check_known(const struct check *c, yyjson_val *fields)
{
    size_t i, n;
    yyjson_val *key, *value;
    yyjson_obj_foreach(fields, i, n, key, value)
    {
        if (!one_of(json_slice(key), known_fields))
            return fault_model(c->fault, c->arena, "%.*s: Extra inputs are not permitted",
                               (int)yyjson_get_len(key), yyjson_get_str(key));
    }
    return true;
}

static bool check_paths(const struct check *c)
{
    size_t i, n;
    yyjson_val *path;
    yyjson_arr_foreach(json_get(c->body, "additionalModelResponseFieldPaths"), i, n, path)
    {
        if (!slice_starts(json_slice(path), SLICE("/")))
            return fault_validation(c->fault, c->arena,
                                    "The value at additionalModelResponseFieldPaths.%zu is not a "
                                    "valid JSON Pointer. Provide a valid JSON Pointer and try "
                                    "again.",
                                    i);
    }
    return true;
}

bool rules_fields(const struct check *c)
{
    yyjson_val *fields = extra_fields(c);
    if (!check_paths(c))
        return false;
    if (fields && !yyjson_is_null(fields) && !yyjson_is_obj(fields))
        return fault_validation(c->fault, c->arena,
                                "The format of the additionalModelRequestFields field is invalid. "
                                "Provide a json object for the field and try again.");
    if (!c->model->claude)
        return true;
    return check_known(c, fields) && check_betas(c, json_get(fields, "anthropic_beta")) &&
           check_effort(c, json_get(json_get(fields, "output_config"), "effort")) &&
           check_effort(c, json_get(json_get(c->body, "outputConfig"), "effort"));
}

/* ---- thinking ------------------------------------------------------------------------------ */

static bool check_type(const struct check *c, struct slice type)
{
    const enum thinking_mode mode = c->model->thinking;
    if (mode == THINKING_NONE && !slice_eq(type, SLICE("disabled")))
        return fault_model(c->fault, c->arena, "thinking: this model does not support thinking");
    if (slice_eq(type, SLICE("disabled")) && mode == THINKING_ALWAYS)
        return fault_model(c->fault, c->arena,
                           "\"thinking.type.disabled\" is not supported for this model.");
    if (slice_eq(type, SLICE("enabled")) && (mode == THINKING_ADAPTIVE || mode == THINKING_ALWAYS))
        return fault_model(c->fault, c->arena,
                           "\"thinking.type.enabled\" is not supported for this model. Use "
                           "\"thinking.type.adaptive\" and \"output_config.effort\" to control "
                           "thinking behavior.");
    if (slice_eq(type, SLICE("adaptive")) && mode == THINKING_BUDGET)
        return fault_model(c->fault, c->arena, "adaptive thinking is not supported on this model");
    if (slice_eq(type, SLICE("enabled")) || slice_eq(type, SLICE("adaptive")) ||
        slice_eq(type, SLICE("disabled")))
        return true;
    return fault_model(c->fault, c->arena,
                       "thinking: Input tag '%.*s' found using 'type' does not match any of the "
                       "expected tags: 'adaptive', 'disabled', 'enabled'",
                       SLICE_ARG(type));
}

static bool check_budget(const struct check *c, yyjson_val *thinking)
{
    int64_t budget, max_tokens = c->model->output;
    yyjson_val *value = json_get(thinking, "budget_tokens");
    if (!value)
        return fault_model(c->fault, c->arena, "thinking.enabled.budget_tokens: Field required");
    if (!json_int(value, &budget))
        return fault_model(c->fault, c->arena,
                           "thinking.enabled.budget_tokens: Input should be a valid integer");
    if (budget < 1024)
        return fault_model(c->fault, c->arena,
                           "thinking.enabled.budget_tokens: Input should be greater than or equal "
                           "to 1024");
    json_int(json_get(json_get(c->body, "inferenceConfig"), "maxTokens"), &max_tokens);
    if (budget >= max_tokens)
        return fault_model(c->fault, c->arena,
                           "`max_tokens` must be greater than `thinking.budget_tokens`." CONSULT
                           "#max-tokens-and-context-window-size");
    return true;
}

static bool check_thinking_sampling(const struct check *c)
{
    double value;
    yyjson_val *config = json_get(c->body, "inferenceConfig");
    if (json_double(json_get(config, "temperature"), &value) && value < 1)
        return fault_model(c->fault, c->arena,
                           "`temperature` may only be set to 1 when thinking is enabled." CONSULT
                           "#important-considerations-when-using-extended-thinking");
    if (json_double(json_get(config, "topP"), &value) && value < 0.95)
        return fault_model(c->fault, c->arena,
                           "`top_p` must be greater than or equal to 0.95 or unset when thinking "
                           "is enabled." CONSULT
                           "#important-considerations-when-using-extended-thinking");
    if (json_get(extra_fields(c), "top_k"))
        return fault_model(c->fault, c->arena,
                           "`top_k` must be unset when thinking is enabled." CONSULT
                           "#important-considerations-when-using-extended-thinking");
    return true;
}

static bool check_forced(const struct check *c)
{
    struct slice name;
    const char *choice = body_tool_choice(c->body, &name);
    if (!choice || slice_eq(slice_of(choice), SLICE("auto")))
        return true;
    return fault_model(c->fault, c->arena,
                       "Thinking may not be enabled when tool_choice forces tool use.");
}

static bool check_block_signature(const struct check *c, yyjson_val *value, const char *place)
{
    yyjson_val *text = json_get(value, "reasoningText");
    if (!text) {
        if (redacted_good(json_get_slice(value, "redactedContent"), c->arena))
            return true;
        return fault_model(c->fault, c->arena, "%s: Invalid `data` in `redacted_thinking` block",
                           place);
    }
    const struct slice signature = json_get_slice(text, "signature");
    if (!signature.n)
        return fault_model(c->fault, c->arena, "%s.thinking.signature: Field required", place);
    if (!signature_good(json_get_slice(text, "text"), signature, c->arena))
        return fault_model(c->fault, c->arena, "%s: Invalid `signature` in `thinking` block",
                           place);
    return true;
}

static bool check_signatures(const struct check *c)
{
    size_t i, n, j, blocks;
    yyjson_val *message, *block, *value;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        size_t at = 0; /* the model sees no cache points */
        yyjson_arr_foreach(message_content(message), j, blocks, block)
        {
            const enum block_kind kind = block_kind(block, &value);
            const struct slice place = arena_printf(c->arena, "messages.%zu.content.%zu", i, at);
            if (kind == BLOCK_REASONING && !check_block_signature(c, value, place.p))
                return false;
            at += kind != BLOCK_CACHE_POINT;
        }
    }
    return true;
}

static const char *anthropic_name(enum block_kind kind)
{
    switch (kind) {
    case BLOCK_TEXT: return "text";
    case BLOCK_IMAGE: return "image";
    case BLOCK_DOCUMENT: return "document";
    case BLOCK_TOOL_USE: return "tool_use";
    case BLOCK_TOOL_RESULT: return "tool_result";
    case BLOCK_REASONING: return "thinking";
    case BLOCK_VIDEO:
    case BLOCK_CACHE_POINT:
    case BLOCK_OTHER: break;
    }
    return "text";
}

/* Thinking stands first in its message, and never last. */
static bool check_place(const struct check *c, yyjson_val *message, size_t m)
{
    size_t i, n;
    yyjson_val *block;
    enum block_kind first = BLOCK_CACHE_POINT, last = BLOCK_CACHE_POINT;
    yyjson_arr_foreach(message_content(message), i, n, block)
    {
        const enum block_kind kind = block_kind(block, NULL);
        first = first == BLOCK_CACHE_POINT ? kind : first;
        last = kind == BLOCK_CACHE_POINT ? last : kind;
    }
    if (!message_count(message, BLOCK_REASONING))
        return true;
    if (first != BLOCK_REASONING)
        return fault_model(c->fault, c->arena,
                           "messages.%zu.content.0: If an assistant message contains any thinking "
                           "blocks, the first block must be `thinking` or `redacted_thinking`. "
                           "Found `%s`.",
                           m, anthropic_name(first));
    if (last != BLOCK_REASONING)
        return true;
    return fault_model(c->fault, c->arena,
                       "messages.%zu: The final block in an assistant message cannot be "
                       "`thinking`.",
                       m);
}

static bool check_places(const struct check *c)
{
    size_t i, n;
    yyjson_val *message;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        if (!check_place(c, message, i))
            return false;
    }
    return true;
}

/* In a tool loop that goes on, the first assistant message of the loop begins with thinking. */
static bool check_loop(const struct check *c)
{
    yyjson_val *messages = json_get(c->body, "messages");
    size_t first = yyjson_arr_size(messages);
    while (first >= 2 && message_count(yyjson_arr_get(messages, first - 1), BLOCK_TOOL_RESULT))
        first -= 2;
    if (first == yyjson_arr_size(messages))
        return true;
    const enum block_kind kind =
        block_kind(yyjson_arr_get_first(message_content(yyjson_arr_get(messages, first))), NULL);
    if (kind == BLOCK_REASONING)
        return true;
    return fault_model(c->fault, c->arena,
                       "messages.%zu.content.0.type: Expected `thinking` or `redacted_thinking`, "
                       "but found `%s`. When `thinking` is enabled, a final `assistant` message "
                       "must start with a thinking block (preceeding the lastmost set of "
                       "`tool_use` and `tool_result` blocks). We recommend you include thinking "
                       "blocks from previous turns. To avoid this requirement, disable "
                       "`thinking`." CONSULT,
                       first, anthropic_name(kind));
}

static bool check_final(const struct check *c, bool on)
{
    yyjson_val *last = body_last_message(c->body);
    const size_t at = yyjson_arr_size(json_get(c->body, "messages")) - 1;
    if (!message_is(last, "assistant"))
        return true;
    if (on)
        return fault_model(c->fault, c->arena,
                           "messages.%zu: `assistant` prefill is not supported when thinking is "
                           "enabled",
                           at);
    if (!message_count(last, BLOCK_REASONING))
        return true;
    return fault_model(c->fault, c->arena,
                       "messages.%zu.content.0: When thinking is disabled, an `assistant` message "
                       "in the final position cannot contain `thinking`. To use thinking blocks, "
                       "enable `thinking` in your request.",
                       at);
}

bool rules_thinking(const struct check *c)
{
    yyjson_val *field = json_get(extra_fields(c), "thinking");
    const struct thinking thinking = body_thinking(c->body, c->model);
    if (!c->model->claude)
        return true;
    if (field && !check_type(c, json_get_slice(field, "type")))
        return false;
    /* A model that always thinks, and was not asked to, takes what the table says it takes. */
    const bool asked = field && thinking.on;
    if ((asked || !thinking.on) && !check_final(c, asked))
        return false;
    if (thinking.manual && !check_budget(c, field))
        return false;
    if (asked && (!check_thinking_sampling(c) || !check_forced(c)))
        return false;
    return check_signatures(c) && check_places(c) && (!thinking.manual || check_loop(c));
}
