/* The rules of extended thinking, with signatures that the simulator issued, and others. */

#include "check.h"
#include "signature.h"
#include "validate.h"

#define MODEL "The model returned the following errors: "
#define DOCS  "https://docs.anthropic.com/en/docs/build-with-claude/extended-thinking"
#define HI    "'messages':[{'role':'user','content':[{'text':'hi'}]}]"
#define TOOLS                                                                                      \
    "'toolConfig':{'tools':[{'toolSpec':{'name':'get','inputSchema':{'json':{'type':'object'}}}}]"
#define ENABLED                                                                                    \
    "'additionalModelRequestFields':{'thinking':{'type':'enabled','budget_tokens':2000}}"
#define ADAPTIVE       "'additionalModelRequestFields':{'thinking':{'type':'adaptive'}}"
#define THINKING(json) "{" HI ",'additionalModelRequestFields':{'thinking':" json "}}"
/* %s: the first block of the assistant's turn */
#define LOOP                                                                                       \
    "{'messages':[{'role':'user','content':[{'text':'hi'}]},{'role':'assistant','content':[%s"     \
    "{'toolUse':{'toolUseId':'x','name':'get','input':{}}}]},{'role':'user','content':["           \
    "{'toolResult':{'toolUseId':'x','content':[{'text':'ok'}]}}]}]," TOOLS "}"
#define FIRST                                                                                      \
    MODEL "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "      \
          "`tool_use`. When `thinking` is enabled, a final `assistant` message must start with a " \
          "thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).…"

#define TURN(blocks)                                                                               \
    "{'messages':[{'role':'user','content':[{'text':'hi'}]},{'role':'assistant','content':"        \
    "[" blocks "]},{'role':'user','content':[{'text':'hi'}]}]}"

struct thinking_case {
    const char *name;
    const char *model;
    const char *body;
    const char *block; /* for %s: "good", "forged", "unsigned", "redacted", "foreign" or "" */
    const char *message;
};

static const struct thinking_case cases[] = {
    {"enabled", SONNET, "{" HI "," ENABLED "}", "", NULL},
    {"small budget", SONNET, THINKING("{'type':'enabled','budget_tokens':1023}"), "",
     MODEL "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
    {"no budget", SONNET, THINKING("{'type':'enabled'}"), "",
     MODEL "thinking.enabled.budget_tokens: Field required"},
    {"budget as text", SONNET, THINKING("{'type':'enabled','budget_tokens':'2000'}"), "",
     MODEL "thinking.enabled.budget_tokens: Input should be a valid integer"},
    {"budget not below max_tokens", SONNET,
     "{" HI ",'inferenceConfig':{'maxTokens':2000}," ENABLED "}", "",
     MODEL "`max_tokens` must be greater than `thinking.budget_tokens`. Please consult our "
           "documentation at " DOCS "#max-tokens-and-context-window-size"},
    {"temperature 1", SONNET, "{" HI ",'inferenceConfig':{'temperature':1}," ENABLED "}", "", NULL},
    {"temperature 0", SONNET, "{" HI ",'inferenceConfig':{'temperature':0}," ENABLED "}", "",
     MODEL "`temperature` may only be set to 1 when thinking is enabled.…"},
    {"top_p", SONNET, "{" HI ",'inferenceConfig':{'topP':0.9}," ENABLED "}", "",
     MODEL "`top_p` must be greater than or equal to 0.95 or unset when thinking is enabled.…"},
    {"top_k", SONNET,
     "{" HI ",'additionalModelRequestFields':{'top_k':3,'thinking':{'type':'enabled',"
     "'budget_tokens':2000}}}",
     "", MODEL "`top_k` must be unset when thinking is enabled.…"},
    {"forced tool", SONNET, "{" HI "," TOOLS ",'toolChoice':{'any':{}}}," ENABLED "}", "",
     MODEL "Thinking may not be enabled when tool_choice forces tool use."},
    {"auto", SONNET, "{" HI "," TOOLS ",'toolChoice':{'auto':{}}}," ENABLED "}", "", NULL},
    {"prefill", SONNET,
     "{'messages':[{'role':'user','content':[{'text':'a'}]},{'role':'assistant','content':"
     "[{'text':'b'}]}]," ENABLED "}",
     "", MODEL "messages.1: `assistant` prefill is not supported when thinking is enabled"},
    {"prefill with thinking, off", SONNET,
     "{'messages':[{'role':'user','content':[{'text':'a'}]},{'role':'assistant','content':"
     "[%s{'text':'b'}]}]}",
     "good",
     MODEL "messages.1.content.0: When thinking is disabled, an `assistant` message in the final "
           "position cannot contain `thinking`. To use thinking blocks, enable `thinking` in your "
           "request."},
    {"unknown type", SONNET, THINKING("{'type':'on'}"), "",
     MODEL "thinking: Input tag 'on' found using 'type' does not match any of the expected tags: "
           "'adaptive', 'disabled', 'enabled'"},
    {"adaptive on 4.5", SONNET, "{" HI "," ADAPTIVE "}", "",
     MODEL "adaptive thinking is not supported on this model"},
    {"adaptive on 4.6", "us.anthropic.claude-opus-4-6-v1", "{" HI "," ADAPTIVE "}", "", NULL},
    {"budget on 4.6", "us.anthropic.claude-opus-4-6-v1", "{" HI "," ENABLED "}", "", NULL},
    {"budget on 4.7", OPUS47, "{" HI "," ENABLED "}", "",
     MODEL "\"thinking.type.enabled\" is not supported for this model. Use "
           "\"thinking.type.adaptive\" and \"output_config.effort\" to control thinking behavior."},
    {"disabled on 5.5", "us.anthropic.claude-opus-5-5", THINKING("{'type':'disabled'}"), "",
     MODEL "\"thinking.type.disabled\" is not supported for this model."},
    {"nothing on 5.5", "us.anthropic.claude-opus-5-5", "{" HI "}", "", NULL},
    {"3.5", "anthropic.claude-3-5-sonnet-20241022-v2:0", "{" HI "," ENABLED "}", "",
     MODEL "thinking: this model does not support thinking"},
    {"disabled on 3.5", "anthropic.claude-3-5-sonnet-20241022-v2:0",
     THINKING("{'type':'disabled'}"), "", NULL},
    {"loop", SONNET, LOOP "," ENABLED "}", "good", NULL},
    {"loop, redacted", SONNET, LOOP "," ENABLED "}", "redacted", NULL},
    {"loop without thinking", SONNET, LOOP "," ENABLED "}", "", FIRST},
    {"loop without thinking, off", SONNET, LOOP "}", "", NULL},
    {"loop without thinking, adaptive", OPUS47, LOOP "," ADAPTIVE "}", "", NULL},
    {"loop, changed text", SONNET, LOOP "," ENABLED "}", "forged",
     MODEL "messages.1.content.0: Invalid `signature` in `thinking` block"},
    {"loop, no signature", SONNET, LOOP "," ENABLED "}", "unsigned",
     MODEL "messages.1.content.0.thinking.signature: Field required"},
    {"loop, foreign data", SONNET, LOOP "," ENABLED "}", "foreign",
     MODEL "messages.1.content.0: Invalid `data` in `redacted_thinking` block"},
    {"thinking before a text", SONNET, TURN("%s{'text':'A'}"), "good", NULL},
    {"thinking before a text and a point", SONNET,
     TURN("%s{'text':'A'},{'cachePoint':{'type':'default'}}"), "good", NULL},
    {"thinking between texts", SONNET, TURN("{'text':'A'},%s{'text':'B'}"), "good",
     MODEL "messages.1.content.0: If an assistant message contains any thinking blocks, the first "
           "block must be `thinking` or `redacted_thinking`. Found `text`."},
    {"thinking last", SONNET, TURN("%s"), "last",
     MODEL "messages.1: The final block in an assistant message cannot be `thinking`."},
};

static const char *block_of(struct arena *a, const char *kind)
{
    const struct slice signature = signature_of(SLICE("hmm"), a);
    if (strcmp(kind, "redacted") == 0)
        return arena_printf(a, "{'reasoningContent':{'redactedContent':'%s'}},",
                            redacted_of(SLICE("hmm"), a).p)
            .p;
    if (strcmp(kind, "foreign") == 0)
        return "{'reasoningContent':{'redactedContent':'AAAA'}},";
    if (strcmp(kind, "unsigned") == 0)
        return "{'reasoningContent':{'reasoningText':{'text':'hmm'}}},";
    if (!*kind)
        return "";
    return arena_printf(a,
                        "{'reasoningContent':{'reasoningText':{'text':'%s','signature':'%s'}}}%s",
                        strcmp(kind, "forged") == 0 ? "hmm?" : "hmm", signature.p,
                        strcmp(kind, "last") == 0 ? "" : ",")
        .p;
}

static const char *with_block(struct arena *a, const char *body, const char *block)
{
    const ptrdiff_t at = slice_find(slice_of(body), SLICE("%s"));
    if (at < 0)
        return body;
    return arena_printf(a, "%.*s%s%s", (int)at, body, block, body + at + 2).p;
}

static void test_rules(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct thinking_case *c = &cases[i];
        struct arena a;
        struct fault f = {0};
        arena_init(&a);
        const char *body = with_block(&a, c->body, block_of(&a, c->block));
        const bool good =
            validate_converse(json_of(&a, body), model_find(slice_of(c->model)), &a, &f);
        if (good != !c->message)
            fail_msg("%s: %s: %.*s", c->name, good ? "accepted" : "refused", SLICE_ARG(f.message));
        if (!good)
            check_text(c->name, f.message, c->message);
        arena_fini(&a);
    }
}

/* A loop of several calls: only its first turn must think. */
static void test_long_loop(void **state)
{
    struct arena a;
    struct fault f = {0};
    arena_init(&a);
    const char *body =
        "{'messages':[{'role':'user','content':[{'text':'hi'}]},{'role':'assistant','content':[%s"
        "{'toolUse':{'toolUseId':'x','name':'get','input':{}}}]},{'role':'user','content':["
        "{'toolResult':{'toolUseId':'x','content':[{'text':'ok'}]}}]},{'role':'assistant',"
        "'content':[{'toolUse':{'toolUseId':'y','name':'get','input':{}}}]},{'role':'user',"
        "'content':[{'toolResult':{'toolUseId':'y','content':[{'text':'ok'}]}}]}]," TOOLS
        "}," ENABLED "}";
    const struct model *model = model_find(SLICE(SONNET));
    assert_true(
        validate_converse(json_of(&a, with_block(&a, body, block_of(&a, "good"))), model, &a, &f));
    assert_false(validate_converse(json_of(&a, with_block(&a, body, "")), model, &a, &f));
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_rules),
                                       cmocka_unit_test(test_long_loop)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
