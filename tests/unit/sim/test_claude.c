/* InvokeModel of Claude: what is refused in which words, what becomes of a body as Converse's, and
 * the events of a stream. */

#include "check.h"
#include "claude.h"
#include "validate.h"

#include "wire/crypto.h"
#include "wire/eventstream.h"

#define GOV   "us-gov.anthropic.claude-sonnet-4-5-20250929-v1:0"
#define HAIKU "anthropic.claude-3-haiku-20240307-v1:0"

#define HEAD               "{'anthropic_version':'bedrock-2023-05-31','max_tokens':2000,"
#define MESSAGES(list)     HEAD "'messages':[" list "]}"
#define HI                 "{'role':'user','content':'hi'}"
#define USER(blocks)       "{'role':'user','content':[" blocks "]}"
#define ASSISTANT(blocks)  "{'role':'assistant','content':[" blocks "]}"
#define TEXT(text)         "{'type':'text','text':'" text "'}"
#define CALL(id)           "{'type':'tool_use','id':'" id "','name':'get','input':{}}"
#define RESULT(id)         "{'type':'tool_result','tool_use_id':'" id "','content':'ok'}"
#define TOOL               "{'name':'get','input_schema':{'type':'object'}}"
#define POINT              "'cache_control':{'type':'ephemeral'}"
#define POINT_OF(ttl)      "'cache_control':{'type':'ephemeral','ttl':'" ttl "'}"
#define WITH(more)         HEAD "'messages':[" HI "]," more "}"
#define TURNS(list)        HEAD "'tools':[" TOOL "],'messages':[" list "]}"
#define SOURCE(type, data) "'source':{'type':'base64','media_type':'" type "','data':'" data "'}"
#define PLAIN(more)                                                                                \
    "{'type':'document','source':{'type':'text','media_type':'text/plain','data':'x'}" more "}"
#define PNG "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJ"
#define PDF "JVBERi0xLjQK"

struct body_case {
    const char *name;
    const char *model; /* NULL: SONNET */
    const char *body;
    const char *message; /* NULL: good */
};

static const struct body_case cases[] = {
    {"plain", NULL, MESSAGES(HI), NULL},
    {"everything", NULL,
     WITH("'system':'Be kind.','temperature':1,'top_k':3,'stop_sequences':['x'],'metadata':"
          "{'user_id':'u'},'tools':[" TOOL "],'tool_choice':{'type':'auto'},'anthropic_beta':"
          "['context-1m-2025-08-07'],'thinking':{'type':'disabled'},'safeguards':{}"),
     NULL},
    {"nulls", NULL, WITH("'system':null,'thinking':null,'tools':null,'top_k':null"), NULL},

    /* the shape */
    {"model", NULL, WITH("'model':'x'"), "model: Extra inputs are not permitted"},
    {"stream", NULL, WITH("'stream':true"), "stream: Extra inputs are not permitted"},
    {"service_tier", NULL, WITH("'service_tier':'auto'"),
     "service_tier: Extra inputs are not permitted"},
    {"version", NULL, "{'anthropic_version':'2023-06-01','max_tokens':1,'messages':[" HI "]}",
     "anthropic_version: Input should be 'bedrock-2023-05-31' or '2026-10-21'"},
    {"version of the SDK", NULL,
     "{'anthropic_version':'2026-10-21','max_tokens':1,'messages':[" HI "]}", NULL},
    {"no max_tokens", NULL, "{'anthropic_version':'bedrock-2023-05-31','messages':[" HI "]}",
     "max_tokens: Field required"},
    {"max_tokens 0", NULL,
     "{'anthropic_version':'bedrock-2023-05-31','max_tokens':0,'messages':[" HI "]}",
     "max_tokens: Input should be greater than or equal to 1"},
    {"max_tokens beyond the model", NULL,
     "{'anthropic_version':'bedrock-2023-05-31','max_tokens':99999,'messages':[" HI "]}",
     "max_tokens: 99999 > 64000, which is the maximum allowed number of output tokens for "
     "claude-sonnet-4-5"},
    {"temperature", NULL, WITH("'temperature':1.5"),
     "temperature: Input should be less than or equal to 1"},
    {"unknown block", NULL, MESSAGES(USER("{'type':'video'}")),
     "messages.0.content.0: Input tag 'video' found using 'type' does not match any of the "
     "expected tags: 'document', 'image', 'redacted_thinking', 'search_result', 'text', "
     "'thinking', 'tool_result', 'tool_use'"},
    {"block without type", NULL, MESSAGES(USER("{'text':'hi'}")),
     "messages.0.content.0.type: Field required"},
    {"text without text", NULL, MESSAGES(USER("{'type':'text'}")),
     "messages.0.content.0.text.text: Field required"},
    {"scope", NULL,
     WITH("'system':[{'type':'text','text':'x','cache_control':{'type':'ephemeral',"
          "'scope':'global'}}]"),
     "system.0.cache_control.ephemeral.scope: Extra inputs are not permitted"},
    {"cached thinking", NULL,
     MESSAGES(HI "," ASSISTANT("{'type':'thinking','thinking':'x','signature':'y'," POINT "}")),
     "messages.1.content.0.thinking.cache_control: Extra inputs are not permitted"},
    {"image by URL", NULL,
     MESSAGES(USER("{'type':'image','source':{'type':'url','url':'https://a/b.png'}}")),
     "messages.0.content.0.image.source: Input tag 'url' found using 'type' does not match any of "
     "the expected tags: 'base64'"},
    {"tool name", NULL, WITH("'tools':[{'name':'a.b','input_schema':{'type':'object'}}]"),
     "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'"},
    {"eager_input_streaming", NULL,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object'},'eager_input_streaming':true}]"),
     "tools.0.custom.eager_input_streaming: Extra inputs are not permitted"},
    {"call id", NULL,
     TURNS(HI "," ASSISTANT("{'type':'tool_use','id':'a.b','name':'get','input':{}}")),
     "messages.1.content.0.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'"},
    {"call input", NULL,
     TURNS(HI "," ASSISTANT("{'type':'tool_use','id':'a','name':'get','input':'{}'}")),
     "messages.1.content.0.tool_use.input: Input should be a valid dictionary"},

    /* fields and betas */
    {"unknown beta", NULL, WITH("'anthropic_beta':['context-1m-2025-08-07','oauth-2025-04-20']"),
     "invalid beta flag"},
    {"beta of Converse only", NULL, WITH("'anthropic_beta':['structured-outputs-2025-11-13']"),
     "invalid beta flag"},
    {"context_management", NULL, WITH("'context_management':{}"),
     "context_management: Extra inputs are not permitted"},
    {"context_management with its beta", NULL,
     WITH("'context_management':{},'anthropic_beta':['context-management-2025-06-27']"), NULL},
    {"defer_loading", NULL,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object'},'defer_loading':true}]"),
     "tools.0.custom.defer_loading: Extra inputs are not permitted"},
    {"strict", NULL,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object','additionalProperties':false},"
          "'strict':true}]"),
     NULL},
    {"strict and open", NULL,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object'},'strict':true}]"),
     "tools.0.custom: For 'object' type, 'additionalProperties' must be explicitly set to false"},
    {"schema", NULL,
     WITH("'output_config':{'format':{'type':'json_schema','schema':{'type':'object',"
          "'additionalProperties':false}}}"),
     NULL},
    {"open schema", NULL,
     WITH("'output_config':{'format':{'type':'json_schema','schema':{'type':'object'}}}"),
     "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly "
     "set to false"},
    {"schema, 3.7", SONNET37, WITH("'output_config':{'format':{'type':'json_schema','schema':{}}}"),
     "output_config.format: Extra inputs are not permitted"},
    {"some citations", NULL, MESSAGES(USER(PLAIN(",'citations':{'enabled':true}") "," PLAIN(""))),
     "messages: citations must be enabled on all or none of the documents of a request"},
    {"strict, 3.7", SONNET37,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object'},'strict':true}]"),
     "tools.0.custom.strict: Extra inputs are not permitted"},
    {"computer", NULL,
     WITH("'tools':[{'type':'computer_20250124','name':'computer','display_width_px':9,"
          "'display_height_px':9}]"),
     "tools.0: Input tag 'computer_20250124' found using 'type' does not match any of the "
     "expected tags: …"},
    {"computer with its beta", NULL,
     WITH("'anthropic_beta':['computer-use-2025-01-24'],'tools':[{'type':'computer_20250124',"
          "'name':'computer','display_width_px':9,'display_height_px':9}]"),
     NULL},
    {"web search", NULL, WITH("'tools':[{'type':'web_search_20250305','name':'web_search'}]"),
     "tools.0: Input tag 'web_search_20250305' found using 'type' does not match any of the "
     "expected tags: …"},

    /* the conversation */
    {"no messages", NULL, MESSAGES(""), "messages: at least one message is required"},
    {"assistant first", NULL, MESSAGES(ASSISTANT(TEXT("x"))),
     "messages: first message must use the \"user\" role"},
    {"two users", NULL, MESSAGES(HI "," HI),
     "messages: roles must alternate between \"user\" and \"assistant\", but found multiple "
     "\"user\" roles in a row"},
    {"system role, 4.5", NULL, MESSAGES(HI ",{'role':'system','content':'x'}"),
     "messages.1.role: Input should be 'user' or 'assistant'"},
    {"system role, 4.7", OPUS47, MESSAGES(HI ",{'role':'system','content':'x'}"), NULL},
    {"no content", NULL, MESSAGES("{'role':'user','content':[]}"),
     "messages.0: user messages must have non-empty content"},
    {"empty assistant", NULL, MESSAGES(HI ",{'role':'assistant','content':''}," HI),
     "messages.1: all messages must have non-empty content except for the optional final "
     "assistant message"},
    {"empty final assistant", NULL, MESSAGES(HI ",{'role':'assistant','content':[]}"), NULL},
    {"empty text", NULL, MESSAGES(USER(TEXT(""))),
     "messages: text content blocks must be non-empty"},
    {"blank text", NULL, MESSAGES("{'role':'user','content':' \\n'}"),
     "messages: text content blocks must contain non-whitespace text"},
    {"empty system", NULL, WITH("'system':[" TEXT("") "]"),
     "system: text content blocks must be non-empty"},
    {"call in a user's turn", NULL, MESSAGES(USER(CALL("a"))),
     "messages.0: `tool_use` blocks can only be in `assistant` messages"},
    {"image in the assistant's turn", NULL,
     MESSAGES(HI "," ASSISTANT("{'type':'image'," SOURCE("image/png", PNG) "}")),
     "messages.1: `image` blocks can only be in `user` messages"},
    {"prefill", NULL, MESSAGES(HI "," ASSISTANT(TEXT("{"))), NULL},
    {"prefill with a space", NULL, MESSAGES(HI "," ASSISTANT(TEXT("{ "))),
     "messages: final assistant content cannot end with trailing whitespace"},
    {"prefill, 4.7", OPUS47, MESSAGES(HI "," ASSISTANT(TEXT("{"))),
     "This model does not support assistant message prefill. The conversation must end with a "
     "user message."},

    /* tools */
    {"schema without type", NULL, WITH("'tools':[{'name':'a','input_schema':{}}]"),
     "tools.0.custom.input_schema.type: Field required"},
    {"schema of a string", NULL, WITH("'tools':[{'name':'a','input_schema':{'type':'string'}}]"),
     "tools.0.custom.input_schema.type: Input should be 'object'"},
    {"same name", NULL, WITH("'tools':[" TOOL "," TOOL "]"), "tools: Tool names must be unique."},
    {"choice without tools", NULL, WITH("'tool_choice':{'type':'auto'}"),
     "tool_choice: may only be specified while providing tools"},
    {"choice of another API", NULL, WITH("'tools':[" TOOL "],'tool_choice':{'type':'required'}"),
     "tool_choice: Input tag 'required' found using 'type' does not match any of the expected "
     "tags: 'any', 'auto', 'none', 'tool'"},
    {"choice of no tool", NULL,
     WITH("'tools':[" TOOL "],'tool_choice':{'type':'tool','name':'put'}"),
     "Tool 'put' not found in provided tools"},
    {"forced, 5.5", "us.anthropic.claude-opus-5-5",
     WITH("'tools':[" TOOL "],'tool_choice':{'type':'any'}"),
     "tool_choice: forced tool use is not supported by this model"},
    {"a pair", NULL, TURNS(HI "," ASSISTANT(CALL("a")) "," USER(RESULT("a"))), NULL},
    {"results first, then text", NULL,
     TURNS(HI "," ASSISTANT(TEXT("x") "," CALL("a")) "," USER(RESULT("a") "," TEXT("y"))), NULL},
    {"result without content", NULL,
     TURNS(HI "," ASSISTANT(CALL("a")) "," USER("{'type':'tool_result','tool_use_id':'a'}")), NULL},
    {"no result", NULL, TURNS(HI "," ASSISTANT(CALL("a")) "," HI),
     "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a. "
     "Each `tool_use` block must have a corresponding `tool_result` block in the next message."},
    {"one of two", NULL, TURNS(HI "," ASSISTANT(CALL("a") "," CALL("b")) "," USER(RESULT("a"))),
     "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: b.…"},
    {"ends in a call", NULL, TURNS(HI "," ASSISTANT(CALL("a"))),
     "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a.…"},
    {"text behind the call", NULL,
     TURNS(HI "," ASSISTANT(CALL("a") "," TEXT("x")) "," USER(RESULT("a"))),
     "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a.…"},
    {"text before the result", NULL,
     TURNS(HI "," ASSISTANT(CALL("a")) "," USER(TEXT("x") "," RESULT("a"))),
     "messages.1: `tool_use` ids were found without `tool_result` blocks immediately after: a.…"},
    {"result of nothing", NULL,
     TURNS(HI "," ASSISTANT(CALL("a")) "," USER(RESULT("a") "," RESULT("b"))),
     "messages.2.content.1: unexpected `tool_use_id` found in `tool_result` blocks: b. Each "
     "`tool_result` block must have a corresponding `tool_use` block in the previous message."},
    {"result twice", NULL, TURNS(HI "," ASSISTANT(CALL("a")) "," USER(RESULT("a") "," RESULT("a"))),
     "messages.2.content.1: each tool_use must have a single result. Found multiple `tool_result` "
     "blocks with id: a"},
    {"call twice", NULL, TURNS(HI "," ASSISTANT(CALL("a") "," CALL("a"))),
     "messages: `tool_use` ids must be unique"},
    {"no tools", NULL, MESSAGES(HI "," ASSISTANT(CALL("a")) "," USER(RESULT("a"))),
     "Requests which include `tool_use` or `tool_result` blocks must define tools."},

    /* caching */
    {"four points", NULL,
     WITH("'tools':[{'name':'a','input_schema':{'type':'object'}," POINT "}],'system':"
          "[{'type':'text','text':'x'," POINT "},{'type':'text','text':'y'," POINT
          "},{'type':'text','text':'z'," POINT "}]"),
     NULL},
    {"five points", NULL,
     HEAD "'system':[{'type':'text','text':'x'," POINT "},{'type':'text','text':'y'," POINT
          "},{'type':'text','text':'z'," POINT "}],'tools':[" TOOL "],'messages':[" HI
          "," ASSISTANT(CALL("a")) "," USER(
              "{'type':'tool_result','tool_use_id':'a','content':[{'type':'text','text':'x'," POINT
              "}]," POINT "}") "]}",
     "A maximum of 4 blocks with cache_control may be provided. Found 5."},
    {"TTLs", NULL,
     WITH("'system':[{'type':'text','text':'x'," POINT
          "},{'type':'text','text':'y'," POINT_OF("1h") "}]"),
     "system.1.cache_control.ttl: a ttl='1h' cache_control block must not come after a ttl='5m' "
     "cache_control block.…"},
    {"TTL in a message", NULL,
     HEAD "'system':[{'type':'text','text':'x'," POINT
          "}],'messages':[" USER("{'type':'text','text':'y'," POINT_OF("1h") "}") "]}",
     "messages.0.content.0.text.cache_control.ttl: a ttl='1h'…"},
    {"TTL, 3.7", SONNET37, WITH("'system':[{'type':'text','text':'x'," POINT_OF("1h") "}]"),
     "system.0.cache_control.ephemeral.ttl: Extra inputs are not permitted"},
    {"no caching", HAIKU, WITH("'system':[{'type':'text','text':'x'," POINT "}]"),
     "system.0.cache_control: Extra inputs are not permitted"},

    /* media */
    {"image", NULL, MESSAGES(USER("{'type':'image'," SOURCE("image/png", PNG) "}")), NULL},
    {"another type", NULL, MESSAGES(USER("{'type':'image'," SOURCE("image/jpeg", PNG) "}")),
     "messages.0.content.0.image.source.base64: The image was specified using the image/jpeg "
     "media type, but the image appears to be a image/png image"},
    {"no image", NULL, MESSAGES(USER("{'type':'image'," SOURCE("image/png", "AAAA") "}")),
     "Could not process image"},
    {"no base64", NULL, MESSAGES(USER("{'type':'image'," SOURCE("image/png", "?") "}")),
     "messages.0.content.0.image.source.base64.data: Invalid base64 data"},
    {"PDF", NULL, MESSAGES(USER("{'type':'document'," SOURCE("application/pdf", PDF) "}")), NULL},
    {"no PDF", NULL, MESSAGES(USER("{'type':'document'," SOURCE("application/pdf", "AAAA") "}")),
     "messages.0.content.0.document.source.base64.data: The PDF specified was not valid."},
    {"image in a result", NULL,
     TURNS(HI "," ASSISTANT(CALL("a")) "," USER(
         "{'type':'tool_result','tool_use_id':'a','content':[{'type':'image'," SOURCE(
             "image/png", "AAAA") "}]}")),
     "Could not process image"},

    /* what Claude says in both operations */
    {"stop sequence", NULL, WITH("'stop_sequences':[' ']"),
     "stop_sequences: each stop sequence must contain non-whitespace"},
    {"sampling, 4.7", OPUS47, WITH("'temperature':1"),
     "`temperature` is deprecated for this model."},
    {"top_k, 4.7", OPUS47, WITH("'top_k':1"), "`top_k` is deprecated for this model."},
    {"both, 4.5", NULL, WITH("'temperature':1,'top_p':0.9"),
     "`temperature` and `top_p` cannot both be specified for this model. Please use only one."},
    {"effort, 3.7", SONNET37, WITH("'output_config':{'effort':'low'}"),
     "This model does not support the effort parameter."},
    {"budget", NULL, WITH("'thinking':{'type':'enabled','budget_tokens':1024}"), NULL},
    {"small budget", NULL, WITH("'thinking':{'type':'enabled','budget_tokens':1000}"),
     "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"},
    {"budget not below max_tokens", NULL,
     WITH("'thinking':{'type':'enabled','budget_tokens':2000}"),
     "`max_tokens` must be greater than `thinking.budget_tokens`.…"},
    {"no budget", NULL, WITH("'thinking':{'type':'enabled'}"),
     "thinking.enabled.budget_tokens: Field required"},
    {"thinking and a temperature", NULL,
     WITH("'temperature':0.5,'thinking':{'type':'enabled','budget_tokens':1024}"),
     "`temperature` may only be set to 1 when thinking is enabled.…"},
    {"thinking and a forced tool", NULL,
     WITH("'tools':[" TOOL "],'tool_choice':{'type':'any'},'thinking':{'type':'enabled',"
          "'budget_tokens':1024}"),
     "Thinking may not be enabled when tool_choice forces tool use."},
    {"loop without thinking", NULL,
     HEAD "'thinking':{'type':'enabled','budget_tokens':1024},'tools':[" TOOL "],'messages':[" HI
          "," ASSISTANT(CALL("a")) "," USER(RESULT("a")) "]}",
     "messages.1.content.0.type: Expected `thinking` or `redacted_thinking`, but found "
     "`tool_use`.…"},
    {"foreign signature", NULL,
     MESSAGES(
         HI "," ASSISTANT(TEXT("x") ",{'type':'thinking','thinking':'x','signature':'y'}") "," HI),
     "messages.1.content.1: Invalid `signature` in `thinking` block"},
};

static void test_bodies(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        const struct body_case *c = &cases[i];
        struct arena a;
        struct fault f = {0};
        yyjson_val *converse = NULL;
        arena_init(&a);
        const struct model *model = model_find(slice_of(c->model ? c->model : SONNET));
        const bool good = validate_claude(json_of(&a, c->body), model, &a, &f, &converse);
        if (good != !c->message || good != !f.status)
            fail_msg("%s: %s: %.*s", c->name, good ? "accepted" : "refused", SLICE_ARG(f.message));
        if (good) {
            assert_non_null(converse);
        } else {
            check_text(c->name, f.message, c->message);
            assert_string_equal(f.type, "ValidationException");
        }
        arena_fini(&a);
    }
}

/* ---- as Converse --------------------------------------------------------------------------- */

static const struct {
    const char *body, *converse;
} translations[] = {
    {"{'messages':[" USER("{'type':'tool_result','tool_use_id':'x','content':[{'type':'text',"
                          "'text':'a'," POINT_OF("1h") "}]}") "]}",
     "{'messages':[{'role':'user','content':[{'toolResult':{'toolUseId':'x','content':[{'text':"
     "'a'}]}},{'cachePoint':{'type':'default','ttl':'1h'}}]}],'inferenceConfig':{},"
     "'additionalModelRequestFields':{}}"},
    {"{'max_tokens':5,'top_p':0.5,'messages':[" HI "]}",
     "{'messages':[{'role':'user','content':[{'text':'hi'}]}],'inferenceConfig':{'maxTokens':5,"
     "'topP':0.5},'additionalModelRequestFields':{}}"},
    {"{'system':'a','messages':[" USER("{'type':'text','text':'b'," POINT_OF("5m") "}") "]}",
     "{'system':[{'text':'a'}],'messages':[{'role':'user','content':[{'text':'b'},{'cachePoint':"
     "{'type':'default','ttl':'5m'}}]}],'inferenceConfig':{},'additionalModelRequestFields':{}}"},
    {"{'messages':[" ASSISTANT(
         "{'type':'thinking','thinking':'t','signature':'s'},{'type':'redacted_thinking','data':"
         "'d'}," CALL("x")) "," USER("{'type':'tool_result','tool_use_id':'x','is_error':true,"
                                     "'content':[{'type':'image'," SOURCE("image/png",
                                                                          "AA") "}]}") "]}",
     "{'messages':[{'role':'assistant','content':[{'reasoningContent':{'reasoningText':{'text':"
     "'t','signature':'s'}}},{'reasoningContent':{'redactedContent':'d'}},{'toolUse':"
     "{'toolUseId':'x','name':'get','input':{}}}]},{'role':'user','content':[{'toolResult':"
     "{'toolUseId':'x','content':[{'image':{'format':'png','source':{'bytes':'AA'}}}],'status':"
     "'error'}}]}],'inferenceConfig':{},'additionalModelRequestFields':{}}"},
    {"{'messages':[" USER("{'type':'document'," SOURCE(
         "application/pdf",
         "AA") ",'title':'t'},{'type':'document',"
               "'source':{'type':'text','media_type':'text/plain','data':'w'}},{'type':'document',"
               "'source':{'type':'content','content':'c'}},{'type':'search_result','source':'s',"
               "'title':'t','content':[" TEXT("r") "]}") "]}",
     "{'messages':[{'role':'user','content':[{'document':{'format':'pdf','name':'t','source':"
     "{'bytes':'AA'}}},{'document':{'format':'txt','name':'','source':{'text':'w'}}},{'document':"
     "{'format':'txt','name':'','source':{'content':[{'text':'c'}]}}},{'searchResult':{'source':"
     "'s','title':'t','content':[{'text':'r'}]}}]}],'inferenceConfig':{},"
     "'additionalModelRequestFields':{}}"},
    {"{'tools':[{'name':'a','description':'d','input_schema':{'type':'object'}," POINT
     "},{'type':'bash_20250124','name':'bash'}],'tool_choice':{'type':'tool','name':'a'}}",
     "{'messages':[],'toolConfig':{'tools':[{'toolSpec':{'name':'a','description':'d',"
     "'inputSchema':{'json':{'type':'object'}}}},{'cachePoint':{'type':'default'}},{'toolSpec':"
     "{'name':'bash','inputSchema':{'json':{'type':'object'}}}}],'toolChoice':{'tool':{'name':"
     "'a'}}},'inferenceConfig':{},'additionalModelRequestFields':{'tool_choice':{'type':'tool',"
     "'name':'a'}}}"},
};

static void test_translation(void **state)
{
    for (size_t i = 0; i < COUNT(translations); i++) {
        struct arena a;
        struct buf out;
        struct json_writer w;
        arena_init(&a);
        buf_init(&out, 1 << 20);
        json_begin(&w, &out);
        json_value(&w, claude_to_converse(json_of(&a, translations[i].body), &a));
        check_same(translations[i].body, buf_slice(&out),
                   json_text(&a, translations[i].converse).p);
        buf_fini(&out);
        arena_fini(&a);
    }
}

static void test_schema_as_text(void **state)
{
    struct arena a;
    arena_init(&a);
    yyjson_val *body = claude_to_converse(
        json_of(&a, "{'output_config':{'format':{'type':'json_schema','schema':{'a':1}}}}"), &a);
    yyjson_val *format = json_get(json_get(body, "outputConfig"), "textFormat");
    check_same("schema",
               json_get_slice(json_get(json_get(format, "structure"), "jsonSchema"), "schema"),
               "{\"a\":1}");
    arena_fini(&a);
}

/* What Converse could not hold is refused, not read half. */
static void test_deep(void **state)
{
    struct arena a;
    struct fault f = {0};
    struct buf body;
    yyjson_val *converse;
    arena_init(&a);
    buf_init(&body, 1 << 20);
    BUF_LITERAL(&body, HEAD "'tools':[" TOOL "],'messages':[" HI
                            ",{'role':'assistant','content':[{'type':'tool_use','id':'a',"
                            "'name':'get','input':{'x':");
    for (int i = 0; i < JSON_MAX_DEPTH - 6; i++)
        buf_add_char(&body, '[');
    for (int i = 0; i < JSON_MAX_DEPTH - 6; i++)
        buf_add_char(&body, ']');
    BUF_LITERAL(&body, "}}]}," USER(RESULT("a")) "]}");
    buf_add_char(&body, '\0');
    assert_false(
        validate_claude(json_of(&a, body.p), model_find(SLICE(SONNET)), &a, &f, &converse));
    check_same("deep", f.message, "The request is nested too deeply.");
    buf_fini(&body);
    arena_fini(&a);
}

/* ---- streams ------------------------------------------------------------------------------- */

struct trace {
    struct arena arena;
    struct buf events;
};

static bool on_message(void *user, const struct eventstream_message *m)
{
    struct trace *t = user;
    struct slice event;
    yyjson_val *payload = json_parse(m->payload, &t->arena, NULL);
    check_same("event type", m->event_type, "chunk");
    assert_true(base64_decode(json_get_slice(payload, "bytes"), &t->arena, &event));
    assert_true(json_get_slice(payload, "p").n > 0);
    buf_add(&t->events, event);
    buf_add_char(&t->events, '\n');
    return true;
}

static void check_stream(const char *name, const struct answer *answer, const char *expected)
{
    struct trace t;
    struct script script;
    struct fault f = {0};
    struct plan plan;
    struct eventstream es;
    const struct pace pace = {.first_ms = 7, .chunk_bytes = 4};
    arena_init(&t.arena);
    buf_init(&t.events, 1 << 20);
    plan_init(&plan);
    eventstream_init(&es);
    assert_true(script_parse(SLICE(""), &t.arena, &script, &f));
    plan_stream(&plan, answer, &script, &pace);
    assert_int_equal(eventstream_feed(&es, buf_slice(&plan.bytes), on_message, &t), ES_OK);
    check_same(name, buf_slice(&t.events), json_text(&t.arena, expected).p);
    eventstream_fini(&es);
    plan_fini(&plan);
    buf_fini(&t.events);
    arena_fini(&t.arena);
}

#define START(usage)                                                                               \
    "{'type':'message_start','message':{'id':'i','type':'message','role':'assistant','model':"     \
    "'m','content':[],'stop_reason':null,'stop_sequence':null,'usage':{" usage                     \
    "'output_tokens':1}}}\n"
#define METRICS                                                                                    \
    "'amazon-bedrock-invocationMetrics':{'inputTokenCount':9,'outputTokenCount':5,"                \
    "'invocationLatency':7,'firstByteLatency':7"
#define CACHE                                                                                      \
    "'cache_creation_input_tokens':3,'cache_read_input_tokens':2,'cache_creation':"                \
    "{'ephemeral_5m_input_tokens':2,'ephemeral_1h_input_tokens':1}"

#define DELTA                                                                                      \
    "{'type':'message_delta','delta':{'stop_reason':'end_turn','stop_sequence':null},'usage':"     \
    "{'output_tokens':5}}\n"

static void test_blocks(void **state)
{
    const struct answer answer = {
        .grammar = GRAMMAR_CLAUDE,
        .id = SLICE("i"),
        .model = SLICE("m"),
        .blocks = {{.kind = BLOCK_REASONING, .text = SLICE("hmm"), .signature = SLICE("c2ln")},
                   {.kind = BLOCK_REASONING, .text = SLICE("b3BhcXVl"), .redacted = true},
                   {.kind = BLOCK_TEXT, .text = SLICE("hello")},
                   {.kind = BLOCK_TOOL_USE,
                    .text = SLICE("{\"a\":1}"),
                    .id = SLICE("x"),
                    .name = SLICE("get")}},
        .n = 4,
        .stop = SLICE("tool_use"),
        .usage = {.input = 9, .output = 5, .thinking = 1}};
    check_stream(
        "blocks", &answer,
        START(
            "'input_tokens':9,") "{'type':'content_block_start','index':0,'content_block':{'type':'"
                                 "thinking',"
                                 "'thinking':'','signature':''}}\n"
                                 "{'type':'content_block_delta','index':0,'delta':{'type':'"
                                 "thinking_delta',"
                                 "'thinking':'hmm'}}\n"
                                 "{'type':'content_block_delta','index':0,'delta':{'type':'"
                                 "signature_delta',"
                                 "'signature':'c2ln'}}\n"
                                 "{'type':'content_block_stop','index':0}\n"
                                 "{'type':'content_block_start','index':1,'content_block':{'type':"
                                 "'redacted_thinking','data':'b3BhcXVl'}}\n"
                                 "{'type':'content_block_stop','index':1}\n"
                                 "{'type':'content_block_start','index':2,'content_block':{'type':'"
                                 "text','text':"
                                 "''}}\n"
                                 "{'type':'content_block_delta','index':2,'delta':{'type':'text_"
                                 "delta','text':"
                                 "'hell'}}\n"
                                 "{'type':'content_block_delta','index':2,'delta':{'type':'text_"
                                 "delta','text':"
                                 "'o'}}\n"
                                 "{'type':'content_block_stop','index':2}\n"
                                 "{'type':'content_block_start','index':3,'content_block':{'type':'"
                                 "tool_use','id':"
                                 "'x','name':'get','input':{}}}\n"
                                 "{'type':'content_block_delta','index':3,'delta':{'type':'input_"
                                 "json_delta',"
                                 "'partial_json':''}}\n"
                                 "{'type':'content_block_delta','index':3,'delta':{'type':'input_"
                                 "json_delta',"
                                 "'partial_json':'{\\'a\\'"
                                 "'}}\n"
                                 "{'type':'content_block_delta','index':3,'delta':{'type':'input_"
                                 "json_delta',"
                                 "'partial_json':':1}'}}\n"
                                 "{'type':'content_block_stop','index':3}\n"
                                 "{'type':'message_delta','delta':{'stop_reason':'tool_use','stop_"
                                 "sequence':null},"
                                 "'usage':{'output_tokens':5,'output_tokens_details':{'thinking_"
                                 "tokens':1}}}\n"
                                 "{'type':'message_stop'," METRICS "}}\n");
}

static void test_citation(void **state)
{
    const struct answer answer = {.grammar = GRAMMAR_CLAUDE,
                                  .id = SLICE("i"),
                                  .model = SLICE("m"),
                                  .blocks = {{.kind = BLOCK_TEXT,
                                              .text = SLICE("see"),
                                              .cited = SLICE("wörds"),
                                              .title = SLICE("doc")}},
                                  .n = 1,
                                  .stop = SLICE("end_turn"),
                                  .usage = {.input = 9, .output = 5}};
#define CITATION                                                                                   \
    "{'type':'char_location','cited_text':'wörds','document_index':0,'document_title':'doc',"     \
    "'start_char_index':0,'end_char_index':5}"
    check_stream("citation", &answer,
                 START("'input_tokens':9,") "{'type':'content_block_start','index':0,'content_"
                                            "block':{'type':'text','text':"
                                            "'','citations':[]}}\n"
                                            "{'type':'content_block_delta','index':0,'delta':{'"
                                            "type':'text_delta','text':"
                                            "'see'}}\n"
                                            "{'type':'content_block_delta','index':0,'delta':{'"
                                            "type':'citations_delta',"
                                            "'citation':" CITATION "}}\n"
                                            "{'type':'content_block_stop','index':0}\n" DELTA
                                            "{'type':'message_stop'," METRICS "}}\n");
    struct arena a;
    struct buf out;
    arena_init(&a);
    buf_init(&out, 1 << 16);
    claude_write(&answer, &out);
    check_text("whole", buf_slice(&out),
               json_text(&a, "{'id':'i','type':'message','role':'assistant','model':'m','content':"
                             "[{'type':'text','text':'see','citations':[" CITATION "]}]…")
                   .p);
    buf_fini(&out);
    arena_fini(&a);
}

/* Where the counts of the cache stand. */
static void test_cache_counts(void **state)
{
    struct answer answer = {
        .grammar = GRAMMAR_CLAUDE,
        .id = SLICE("i"),
        .model = SLICE("m"),
        .stop = SLICE("end_turn"),
        .usage = {.input = 9, .output = 5, .read = 2, .write = 3, .write_hour = 1, .cached = true}};
    check_stream("last", &answer,
                 START("'input_tokens':9,") DELTA "{'type':'message_stop','usage':{" CACHE
                                                  "}," METRICS ",'cacheReadInputTokenCount':2,"
                                                  "'cacheWriteInputTokenCount':3}}\n");
    answer.cache_first = true;
    check_stream("first", &answer,
                 START("'input_tokens':9," CACHE ",") DELTA "{'type':'message_stop'," METRICS
                                                            "}}\n");
}

/* Who answers, and how it counts. */
static void test_introduction(void **state)
{
    static const struct {
        const char *id, *name;
        bool cache_first;
    } models[] = {
        {SONNET, "claude-sonnet-4-5-20250929", false},
        {GOV, "claude-sonnet-4-5-20250929", true},
        {"anthropic.claude-opus-4-6-v1", "claude-opus-4-6", false},
        {OPUS47, "claude-opus-4-7", false},
    };
    for (size_t i = 0; i < COUNT(models); i++) {
        struct arena a;
        struct script script;
        struct fault f = {0};
        struct answer answer;
        const struct usage usage = {.input = 1};
        arena_init(&a);
        assert_true(script_parse(SLICE(""), &a, &script, &f));
        const struct question q = {.grammar = GRAMMAR_CLAUDE,
                                   .text = SLICE("x"),
                                   .model_id = slice_of(models[i].id),
                                   .model = model_find(slice_of(models[i].id)),
                                   .script = &script,
                                   .arena = &a};
        answer_make(&q, &usage, &answer);
        check_same("name", answer.model, models[i].name);
        check_text("id", answer.id, "msg_bdrk_…");
        assert_int_equal(answer.cache_first, models[i].cache_first);
        arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bodies),         cmocka_unit_test(test_translation),
        cmocka_unit_test(test_schema_as_text), cmocka_unit_test(test_deep),
        cmocka_unit_test(test_blocks),         cmocka_unit_test(test_cache_counts),
        cmocka_unit_test(test_introduction),   cmocka_unit_test(test_citation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
