/* Bodies, good and bad, and what the service says to them. */

#include "check.h"
#include "validate.h"

#define TOOL              "{'toolSpec':{'name':'get','inputSchema':{'json':{'type':'object'}}}}"
#define TOOLS             ",'toolConfig':{'tools':[" TOOL "]}"
#define HI                "'messages':[{'role':'user','content':[{'text':'hi'}]}]"
#define USER(blocks)      "{'role':'user','content':[" blocks "]}"
#define ASSISTANT(blocks) "{'role':'assistant','content':[" blocks "]}"
#define TEXT(text)        "{'text':'" text "'}"
#define CALL(id)          "{'toolUse':{'toolUseId':'" id "','name':'get','input':{}}}"
#define RESULT(id)        "{'toolResult':{'toolUseId':'" id "','content':[{'text':'ok'}]}}"
#define POINT             "{'cachePoint':{'type':'default'}}"
#define PNG                                                                                        \
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+"                                \
    "M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
#define VIDEO "{'video':{'format':'mp4','source':{'bytes':'AAAA'}}}"
#define MODEL "The model returned the following errors: "

struct body_case {
    const char *name;
    const char *model; /* NULL: SONNET */
    const char *body;
    const char *message; /* NULL: good */
    const char *type;    /* NULL: ValidationException */
};

static void check_cases(const struct body_case *cases, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        const struct body_case *c = &cases[i];
        struct arena a;
        struct fault f = {0};
        arena_init(&a);
        const struct model *model = model_find(slice_of(c->model ? c->model : SONNET));
        const bool good = validate_converse(json_of(&a, c->body), model, &a, &f);
        if (good != !c->message || good != !f.status)
            fail_msg("%s: %s: %.*s", c->name, good ? "accepted" : "refused", SLICE_ARG(f.message));
        if (!good) {
            check_text(c->name, f.message, c->message);
            assert_string_equal(f.type, c->type ? c->type : "ValidationException");
        }
        arena_fini(&a);
    }
}

static const struct body_case schema_cases[] = {
    {"plain", NULL, "{" HI "}", NULL, NULL},
    {"everything", NULL,
     "{" HI ",'system':[{'text':'s'}],'inferenceConfig':{'maxTokens':9,'topP':0.5,"
     "'stopSequences':['x']},"
     "'requestMetadata':{'a':'b'},'performanceConfig':"
     "{'latency':'standard'},'serviceTier':{'type':'flex'},'promptVariables':{'v':{'text':'x'}}"
     ","
     "'guardrailConfig':{'guardrailIdentifier':'a','guardrailVersion':'1','trace':'enabled',"
     "'streamProcessingMode':'sync'},'additionalModelResponseFieldPaths':['/stop_sequence'],"
     "'outputConfig':{'textFormat':{'type':'json_schema','structure':{'jsonSchema':"
     "{'schema':'{}'}}}}}",
     NULL, NULL},
    {"null members are absent", NULL, "{" HI ",'system':null,'toolConfig':null}", NULL, NULL},
    {"no object", NULL, "[]", "Start of list found where not expected", "SerializationException"},
    {"unknown at the top", NULL, "{" HI ",'temperature':1}",
     "Malformed input request: #: extraneous key [temperature] is not permitted, please "
     "reformat your input and try again.",
     NULL},
    {"unknown inside", NULL, "{'messages':[{'role':'user','content':[{'text':'a'}],'id':1}]}",
     "Malformed input request: #/messages/0: extraneous key [id] is not permitted, please "
     "reformat your input and try again.",
     NULL},
    {"text for a number", NULL, "{" HI ",'inferenceConfig':{'maxTokens':'5'}}",
     "STRING_VALUE cannot be converted to Integer", "SerializationException"},
    {"fraction for an integer", NULL, "{" HI ",'inferenceConfig':{'maxTokens':5.5}}",
     "NUMBER_VALUE cannot be converted to Integer", "SerializationException"},
    {"number for text", NULL, "{'messages':[" USER("{'text':5}") "]}",
     "NUMBER_VALUE cannot be converted to String", "SerializationException"},
    {"text for a list", NULL, "{'messages':[{'role':'user','content':'hi'}]}",
     "Unexpected field type", "SerializationException"},
    {"object for text", NULL, "{'messages':[" USER("{'text':{}}") "]}",
     "Start of structure or map found where not expected.", "SerializationException"},
    {"text for a boolean", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'a','strict':'yes','inputSchema':"
     "{'json':{'type':'object'}}}}]}}",
     "STRING_VALUE cannot be converted to Boolean", "SerializationException"},
    {"range", NULL, "{" HI ",'inferenceConfig':{'temperature':1.5,'maxTokens':0}}",
     "2 validation errors detected: Value '1.5' at 'inferenceConfig.temperature' failed to "
     "satisfy constraint: Member must have value less than or equal to 1; Value '0' at "
     "'inferenceConfig.maxTokens' failed to satisfy constraint: Member must have value greater "
     "than or equal to 1",
     NULL},
    {"enum", NULL, "{'messages':[{'role':'tool','content':[{'text':'a'}]}]}",
     "1 validation error detected: Value 'tool' at 'messages.1.member.role' failed to satisfy "
     "constraint: Member must satisfy enum value set: [user, assistant, system]",
     NULL},
    {"required", NULL, "{'messages':[{'role':'user'}]}",
     "1 validation error detected: Value null at 'messages.1.member.content' failed to "
     "satisfy constraint: Member must not be null",
     NULL},
    {"no union member", NULL, "{'messages':[" USER("{}") "]}",
     "The ContentBlock object at messages.0.content.0 must set exactly one of the following "
     "keys: text, image, …",
     NULL},
    {"two union members", NULL,
     "{'messages':[" USER("{'text':'a','cachePoint':{'type':'default'}}") "]}",
     "The ContentBlock object at messages.0.content.0 must set exactly one…", NULL},
    {"no tools", NULL, "{" HI ",'toolConfig':{'tools':[]}}",
     "1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1",
     NULL},
    {"tool name alphabet", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'my.tool','inputSchema':{'json':"
     "{'type':'object'}}}}]}}",
     "1 validation error detected: Value 'my.tool' at "
     "'toolConfig.tools.1.member.toolSpec.name' failed to satisfy constraint: Member must "
     "satisfy regular expression pattern: [a-zA-Z0-9_-]+",
     NULL},
    {"tool name length", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':"
     "'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffffggggg','inputSchema':"
     "{'json':{'type':'object'}}}}]}}",
     "1 validation error detected: Value 'aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeee"
     "ffffffffffggggg' at 'toolConfig.tools.1.member.toolSpec.name' failed to satisfy "
     "constraint: Member must have length less than or equal to 64",
     NULL},
    {"tool use id", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("a b")) "," USER(RESULT("a b")) "]" TOOLS
                                                                                        "}",
     "2 validation errors detected: Value 'a b' at "
     "'messages.2.member.content.1.member.toolUse.toolUseId' failed to satisfy constraint: "
     "Member must satisfy regular expression pattern: [a-zA-Z0-9_.:-]+; …",
     NULL},
    {"empty description", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'a','description':'','inputSchema':"
     "{'json':{'type':'object'}}}}]}}",
     "1 validation error detected: Value at 'toolConfig.tools.1.member.toolSpec.description' "
     "failed to satisfy constraint: Member must have length greater than or equal to 1",
     NULL},
    {"metadata: too many", NULL,
     "{" HI ",'requestMetadata':{'1':'','2':'','3':'','4':'','5':'','6':'','7':'','8':'','9':'',"
     "'10':'','11':'','12':'','13':'','14':'','15':'','16':'','17':''}}",
     "1 validation error detected: Value at 'requestMetadata' failed to satisfy constraint: "
     "Member must have length less than or equal to 16",
     NULL},
    {"metadata: alphabet", NULL, "{" HI ",'requestMetadata':{'a':'b!'}}",
     "1 validation error detected: Value 'b!' at 'requestMetadata.a' failed to satisfy "
     "constraint: Member must satisfy regular expression pattern: "
     "[a-zA-Z0-9\\s:_@$#=/+,-.]{0,256}",
     NULL},
    {"not base64", NULL,
     "{'messages':[" USER("{'image':{'format':'png','source':{'bytes':'a!'}}}") "]}",
     "Unable to decode a base64 value", "SerializationException"},
};

static void test_schema(void **state)
{
    check_cases(schema_cases, COUNT(schema_cases));
}

#define BLANK(place)                                                                               \
    "The text field in the ContentBlock object at " place                                          \
    " is blank. Add text to the text field, and try again."
static const struct body_case conversation_cases[] = {
    {"none", NULL, "{'messages':[]}",
     "A conversation must start with a user message. Try again "
     "with a conversation that starts with a user message.",
     NULL},
    {"absent", NULL, "{}", "A conversation must start with a user message.…", NULL},
    {"assistant first", NULL, "{'messages':[" ASSISTANT(TEXT("a")) "]}",
     "A conversation must start with a user message.…", NULL},
    {"user twice", NULL, "{'messages':[" USER(TEXT("a")) "," USER(TEXT("b")) "]}",
     "A conversation must alternate between user and assistant roles. Make sure the "
     "conversation alternates between user and assistant roles and try again.",
     NULL},
    {"no content", NULL, "{'messages':[" USER("") "]}",
     "The content field in the Message object at messages.0 is empty. Add a ContentBlock "
     "object to the content field and try again.",
     NULL},
    {"blank", NULL, "{'messages':[" USER(TEXT("a") "," TEXT(" \\n\\t")) "]}",
     BLANK("messages.0.content.1"), NULL},
    {"empty", NULL, "{'messages':[" USER(TEXT("")) "]}", BLANK("messages.0.content.0"), NULL},
    {"blank result", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         "{'toolResult':{'toolUseId':'x','content':[{'text':' '}]}}") "]" TOOLS "}",
     BLANK("messages.2.content.0.toolResult.content.0"), NULL},
    {"empty system", NULL, "{" HI ",'system':[{'text':''}]}",
     "1 validation error detected: Value at 'system.1.member.text' failed to satisfy "
     "constraint: Member must have length greater than or equal to 1",
     NULL},
    {"blank system", NULL, "{" HI ",'system':[{'text':' '}]}",
     "The text field in the SystemContentBlock object at system.0 is blank.…", NULL},
    {"system role, old model", NULL,
     "{'messages':[" USER(TEXT("a")) ",{'role':'system','content':[{'text':'b'}]}]}",
     "1 validation error detected: Value 'system' at 'messages.2.member.role'…", NULL},
    {"system role, new model", OPUS47,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) ",{'role':'system','content':"
                                                              "[{'text':'c'}]}," USER(
                                                                  TEXT("d")) "]}",
     NULL, NULL},
    {"prefill", NULL, "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "]}", NULL, NULL},
    {"prefill with space", NULL, "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b ")) "]}",
     MODEL "messages: final assistant content cannot end with trailing whitespace", NULL},
    {"prefill, new model", OPUS47, "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "]}",
     MODEL "This model does not support assistant message prefill. The conversation must end "
           "with a user message.",
     NULL},
    {"prefill, llama", "meta.llama3-1-70b-instruct-v1:0",
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "]}",
     "A conversation must end with a user message. Try again with a conversation that ends "
     "with a user message.",
     NULL},
    {"system, titan", "amazon.titan-text-express-v1", "{" HI ",'system':[{'text':'a'}]}",
     "This model doesn't support system messages.…", NULL},
    {"call by the user", NULL, "{'messages':[" USER(CALL("x")) "]" TOOLS "}",
     MODEL "messages.0: `tool_use` blocks can only be in `assistant` messages", NULL},
    {"result by the assistant", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(RESULT("x")) "]" TOOLS "}",
     MODEL "messages.1: `tool_result` blocks can only be in `user` messages", NULL},
};

static void test_conversation(void **state)
{
    check_cases(conversation_cases, COUNT(conversation_cases));
}

static const struct body_case tools_cases[] = {
    {"loop", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b") "," CALL("x") "," CALL("y")) "," USER(
         RESULT("x") "," RESULT("y") "," TEXT("c")) "]" TOOLS "}",
     NULL, NULL},
    {"other order of results", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," CALL("y")) "," USER(
         RESULT("y") "," RESULT("x")) "]" TOOLS "}",
     NULL, NULL},
    {"no toolConfig", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(RESULT("x")) "]}",
     "The toolConfig field must be defined when using toolUse and toolResult content blocks.",
     NULL},
    {"no result", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," CALL("y")) "," USER(
         TEXT("c")) "]" TOOLS "}",
     "Expected toolResult blocks at messages.2.content for the following Ids: x, y", NULL},
    {"one result missing", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," CALL("y")) "," USER(
         RESULT("x")) "]" TOOLS "}",
     "Expected toolResult blocks at messages.2.content for the following Ids: y", NULL},
    {"ends in a call", NULL, "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "]" TOOLS "}",
     "Expected toolResult blocks at messages.2.content for the following Ids: x", NULL},
    {"too many results", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         RESULT("x") "," RESULT("y")) "]" TOOLS "}",
     "The number of toolResult blocks at messages.2.content exceeds the number of toolUse "
     "blocks of previous turn.",
     NULL},
    {"result without a call", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(TEXT("b")) "," USER(RESULT("y")) "]" TOOLS "}",
     "The number of toolResult blocks at messages.2.content exceeds…", NULL},
    {"result in the first message", NULL, "{'messages':[" USER(RESULT("y")) "]" TOOLS "}",
     "The number of toolResult blocks at messages.0.content exceeds…", NULL},
    {"results in another turn", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(RESULT("x")) "," ASSISTANT(
         TEXT("b")) "," USER(RESULT("x")) "]" TOOLS "}",
     "The number of toolResult blocks at messages.4.content exceeds…", NULL},
    {"same id twice", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," CALL("x")) "," USER(
         RESULT("x")) "]" TOOLS "}",
     "The toolUse blocks at messages.1.content contain duplicate Ids: x", NULL},
    {"same result twice", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         RESULT("x") "," RESULT("x")) "]" TOOLS "}",
     "The toolResult blocks at messages.2.content contain duplicate Ids: x", NULL},
    {"text behind the call", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," TEXT("b")) "," USER(
         RESULT("x")) "]" TOOLS "}",
     MODEL "messages.1: `tool_use` ids were found without `tool_result` blocks immediately "
           "after: x. Each `tool_use` block must have a corresponding `tool_result` block in the "
           "next message.",
     NULL},
    {"text behind the call, not Claude", "us.amazon.nova-pro-v1:0",
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x") "," TEXT("b")) "," USER(
         RESULT("x")) "]" TOOLS "}",
     NULL, NULL},
    {"text before the result", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         TEXT("b") "," RESULT("x")) "]" TOOLS "}",
     MODEL "messages.1: `tool_use` ids were found without…", NULL},
    {"input is no object", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT("{'toolUse':{'toolUseId':'x','name':'get','"
                                                   "input':'{}'}}") "," USER(RESULT("x")) "]" TOOLS
                                                                                          "}",
     "The format of the value at messages.1.content.0.toolUse.input is invalid. Provide a json "
     "object for the field and try again.",
     NULL},
    {"json is no object", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         "{'toolResult':{'toolUseId':'x','content':[{'json':[1]}]}}") "]" TOOLS "}",
     "The format of the value at messages.2.content.0.toolResult.content.0.json is invalid. "
     "Provide a json object for the field and try again.",
     NULL},
    {"names twice", NULL, "{" HI ",'toolConfig':{'tools':[" TOOL "," TOOL "]}}",
     MODEL "tools: Tool names must be unique.", NULL},
    {"schema without a type", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'a','inputSchema':{'json':{}}}}]}}",
     "The value at toolConfig.tools.0.toolSpec.inputSchema.json.type must be one of the "
     "following: object.",
     NULL},
    {"schema as text", NULL,
     "{" HI ",'toolConfig':{'tools':[{'toolSpec':{'name':'a','inputSchema':{'json':'{}'}}}]}}",
     "The format of the value at toolConfig.tools.0.toolSpec.inputSchema.json is invalid.…", NULL},
    {"choice", NULL,
     "{" HI ",'toolConfig':{'tools':[" TOOL "],'toolChoice':{'tool':{'name':'get'}}}}", NULL, NULL},
    {"choice of a stranger", NULL,
     "{" HI ",'toolConfig':{'tools':[" TOOL "],'toolChoice':{'tool':{'name':'put'}}}}",
     MODEL "Tool 'put' not found in provided tools", NULL},
    {"two choices", NULL,
     "{" HI ",'toolConfig':{'tools':[" TOOL "],'toolChoice':{'any':{},'auto':{}}}}",
     "The ToolChoice object at toolConfig.toolChoice must set exactly one of the following "
     "keys: auto, any, tool.",
     NULL},
    {"forced, llama", "meta.llama3-1-70b-instruct-v1:0",
     "{" HI ",'toolConfig':{'tools':[" TOOL "],'toolChoice':{'any':{}}}}",
     "This model doesn't support the toolConfig.toolChoice.any field. Remove "
     "toolConfig.toolChoice.any and try again.",
     NULL},
    {"forced, opus 5.5", "us.anthropic.claude-opus-5-5",
     "{" HI ",'toolConfig':{'tools':[" TOOL "],'toolChoice':{'any':{}}}}",
     MODEL "tool_choice: forced tool use is not supported by this model", NULL},
    {"tools, titan", "amazon.titan-text-express-v1", "{" HI TOOLS "}",
     "This model doesn't support tool use.", NULL},
};

static void test_tools(void **state)
{
    check_cases(tools_cases, COUNT(tools_cases));
}

static const struct body_case cache_points_cases[] = {
    {"four", NULL,
     "{'system':[" TEXT("s") "," POINT "],'messages':[" USER(TEXT("a") "," POINT "," TEXT(
         "b") "," POINT) "],"
                         "'toolConfig':{'tools':[" TOOL "," POINT "]}}",
     NULL, NULL},
    {"five", NULL,
     "{'system':[" TEXT("s") "," POINT "],'messages':[" USER(TEXT("a") "," POINT "," TEXT(
         "b") "," POINT "," TEXT("c") "," POINT) "],'toolConfig':{'tools':[" TOOL "," POINT "]}}",
     MODEL "A maximum of 4 blocks with cache_control may be provided. Found 5.", NULL},
    {"one hour", NULL,
     "{'system':[" TEXT("s") ",{'cachePoint':{'type':'default','ttl':'1h'}}],'messages':[" USER(
         TEXT("a") "," POINT) "]}",
     NULL, NULL},
    {"one hour behind five minutes", NULL,
     "{'system':[" TEXT("s") "," POINT "],'messages':[" USER(
         TEXT("a") ",{'cachePoint':{'type':'default','ttl':'1h'}}") "]}",
     MODEL "messages.0.content.0.cache_control.ttl: a ttl='1h' cache_control block must not "
           "come after a ttl='5m' cache_control block.…",
     NULL},
    {"ttl, 3.7", SONNET37,
     "{" HI ",'system':[" TEXT("s") ",{'cachePoint':{'type':'default','ttl':'5m'}}]}",
     MODEL "system.0.cache_control.ephemeral.ttl: Extra inputs are not permitted", NULL},
    {"llama", "meta.llama3-1-70b-instruct-v1:0", "{'messages':[" USER(TEXT("a") "," POINT) "]}",
     "You invoked an unsupported model or your request did not allow prompt caching. See the "
     "documentation for more information.",
     "AccessDeniedException"},
    {"behind reasoning", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT("{'reasoningContent':{'reasoningText':"
                                                   "{'text':'t'}}}," POINT
                                                   "," TEXT("b")) "," USER(TEXT("c")) "]}",
     "Cache point cannot be inserted after reasoning block.", NULL},
};

static void test_cache_points(void **state)
{
    check_cases(cache_points_cases, COUNT(cache_points_cases));
}

#define IMAGE(format, bytes) "{'image':{'format':'" format "','source':{'bytes':'" bytes "'}}}"
#define DOCUMENT(name)       "{'document':{'format':'txt','name':'" name "','source':{'bytes':'aGk='}}}"
static const struct body_case media_cases[] = {
    {"image", NULL, "{'messages':[" USER(IMAGE("png", PNG)) "]}", NULL, NULL},
    {"video", "us.amazon.nova-lite-v1:0", "{'messages':[" USER(VIDEO) "]}", NULL, NULL},
    {"two videos", "us.amazon.nova-lite-v1:0", "{'messages':[" USER(VIDEO "," VIDEO) "]}",
     "The number of video blocks exceeds the limit of 1.", NULL},
    {"video, Claude", NULL, "{'messages':[" USER(VIDEO) "]}",
     "This model doesn't support the video field. Remove video and try again.", NULL},
    {"video of the assistant", "us.amazon.nova-lite-v1:0",
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(VIDEO) "]}",
     MODEL "messages.1: `video` blocks can only be in `user` messages", NULL},
    {"other format", NULL, "{'messages':[" USER(IMAGE("jpeg", PNG)) "]}",
     MODEL "messages.0.content.0.image.source.base64.data: Image does not match the provided "
           "media type image/jpeg",
     NULL},
    {"no image", NULL, "{'messages':[" USER(IMAGE("png", "aGVsbG8=")) "]}",
     MODEL "messages.0.content.0: Could not process image", NULL},
    {"unknown format", NULL, "{'messages':[" USER(IMAGE("tiff", PNG)) "]}",
     "1 validation error detected: Value 'tiff' at "
     "'messages.1.member.content.1.member.image.format' failed to satisfy constraint: Member "
     "must satisfy enum value set: [png, jpeg, gif, webp]",
     NULL},
    {"no bytes", NULL, "{'messages':[" USER(IMAGE("png", "")) "]}",
     "1 validation error detected: Value at "
     "'messages.1.member.content.1.member.image.source.bytes' failed to satisfy constraint: "
     "Member must have length greater than or equal to 1",
     NULL},
    {"image in a result", NULL,
     "{'messages':[" USER(TEXT("a")) "," ASSISTANT(CALL("x")) "," USER(
         "{'toolResult':{'toolUseId':'x','content':[" IMAGE("gif", PNG) "]}}") "]" TOOLS "}",
     MODEL "messages.2.content.0.toolResult.content.0.image.source.base64.data: Image does not "
           "match the provided media type image/gif",
     NULL},
    {"document", NULL, "{'messages':[" USER(TEXT("a") "," DOCUMENT("my notes (1)")) "]}", NULL,
     NULL},
    {"document name", NULL, "{'messages':[" USER(TEXT("a") "," DOCUMENT("notes.txt")) "]}",
     "The document file name at messages.0.content.1.document can only contain…", NULL},
    {"document without text", NULL, "{'messages':[" USER(DOCUMENT("notes")) "]}",
     "A text block must be included in the conversation turn that contains document blocks.…",
     NULL},
    {"documents of one name", NULL,
     "{'messages':[" USER(TEXT("a") "," DOCUMENT("n") "," DOCUMENT("n")) "]}",
     "Document names must be unique: 'n' is used twice.", NULL},
};

static void test_media(void **state)
{
    check_cases(media_cases, COUNT(media_cases));
}

static const struct body_case inference_cases[] = {
    {"token limit", "anthropic.claude-3-5-sonnet-20241022-v2:0",
     "{" HI ",'inferenceConfig':{'maxTokens':8193}}",
     "The maximum tokens you requested exceeds the model limit of 8192. Try again with a "
     "maximum tokens value that is lower than 8192.",
     NULL},
    {"blank stop", NULL, "{" HI ",'inferenceConfig':{'stopSequences':['\\n\\n']}}",
     MODEL "stop_sequences: each stop sequence must contain non-whitespace", NULL},
    {"sampling, 4.7", OPUS47, "{" HI ",'inferenceConfig':{'temperature':1}}",
     MODEL "`temperature` is deprecated for this model.", NULL},
    {"top_k, 4.7", OPUS47, "{" HI ",'additionalModelRequestFields':{'top_k':5}}",
     MODEL "`top_k` is deprecated for this model.", NULL},
    {"both, 4.5", NULL, "{" HI ",'inferenceConfig':{'temperature':1,'topP':0.9}}",
     MODEL "`temperature` and `top_p` cannot both be specified for this model. Please use only "
           "one.",
     NULL},
    {"both, 3.7", SONNET37, "{" HI ",'inferenceConfig':{'temperature':1,'topP':0.9}}", NULL, NULL},
    {"unknown field", NULL, "{" HI ",'additionalModelRequestFields':{'seed':1}}",
     MODEL "seed: Extra inputs are not permitted", NULL},
    {"unknown field, nova", "amazon.nova-lite-v1:0",
     "{" HI ",'additionalModelRequestFields':{'inferenceConfig':{'topK':5}}}", NULL, NULL},
    {"fields as text", NULL, "{" HI ",'additionalModelRequestFields':'x'}",
     "The format of the additionalModelRequestFields field is invalid.…", NULL},
    {"beta", NULL,
     "{" HI ",'additionalModelRequestFields':{'anthropic_beta':['context-1m-2025-08-07']}}", NULL,
     NULL},
    {"bad beta", NULL,
     "{" HI ",'additionalModelRequestFields':{'anthropic_beta':['oauth-2025-04-20']}}",
     MODEL "invalid beta flag", NULL},
    {"beta as text", NULL, "{" HI ",'additionalModelRequestFields':{'anthropic_beta':'x'}}",
     MODEL "anthropic_beta: Input should be a valid list", NULL},
    {"effort", "us.anthropic.claude-opus-4-6-v1",
     "{" HI ",'additionalModelRequestFields':{'output_config':{'effort':'max'}}}", NULL, NULL},
    {"effort beyond the ceiling", OPUS47, "{" HI ",'outputConfig':{'effort':'max'}}",
     MODEL "output_config.effort: 'max' is not supported by this model. The highest level is "
           "'xhigh'.",
     NULL},
    {"effort, 3.7", SONNET37, "{" HI ",'outputConfig':{'effort':'low'}}",
     MODEL "This model does not support the effort parameter.", NULL},
    {"no effort", OPUS47, "{" HI ",'outputConfig':{'effort':'huge'}}",
     MODEL "output_config.effort: Input should be 'low', 'medium', 'high', 'xhigh' or 'max'", NULL},
};

static void test_inference(void **state)
{
    check_cases(inference_cases, COUNT(inference_cases));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_schema), cmocka_unit_test(test_conversation),
        cmocka_unit_test(test_tools),  cmocka_unit_test(test_cache_points),
        cmocka_unit_test(test_media),  cmocka_unit_test(test_inference),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
