/* Whole calls, from the request to what is answered, without a socket. */

#include "check.h"
#include "service.h"

#define PATH(operation) "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/" operation
#define BASE(operation) "/model/anthropic.claude-sonnet-4-5-20250929-v1%3A0/" operation
#define ASK(text)       "{'messages':[{'role':'user','content':[{'text':'" text "'}]}]}"

#define NATIVE(text)                                                                               \
    "{'anthropic_version':'bedrock-2023-05-31','max_tokens':100,'messages':[{'role':'user',"       \
    "'content':'" text "'}]}"

#define RANK(model, count, source)                                                                 \
    "{'queries':[{'textQuery':{'text':'a b'},'type':'TEXT'}],'rerankingConfiguration':{'type':"    \
    "'BEDROCK_RERANKING_MODEL','bedrockRerankingConfiguration':{'modelConfiguration':{'modelArn':" \
    "'" model "'},'numberOfResults':" count                                                        \
    "}},'sources':[{'type':'INLINE','inlineDocumentSource':"                                       \
    "{'type':'TEXT','textDocument':{'text':'c "                                                    \
    "d'}}},{'type':'INLINE','inlineDocumentSource':" source "}]}"
#define SAME_TEXT "{'type':'TEXT','textDocument':{'text':'a b'}}"

struct world {
    struct service *service;
    struct arena arena;
    struct service_reply reply;
};

static void begin(struct world *w)
{
    w->service = malloc(sizeof(*w->service));
    service_init(w->service);
    auth_add_api_key(&w->service->auth, SLICE("key"));
    arena_init(&w->arena);
    service_reply_init(&w->reply);
}

static void finish(struct world *w)
{
    service_reply_fini(&w->reply);
    arena_fini(&w->arena);
    free(w->service);
}

static void call(struct world *w, const char *path, const char *body)
{
    const struct http_header header = {SLICE("Authorization"), SLICE("Bearer key")};
    const struct http_head head = {
        .method = SLICE("POST"), .path = slice_of(path), .headers = {&header, 1}};
    service_reply_fini(&w->reply);
    service_reply_init(&w->reply);
    service_answer(w->service, &head, json_text(&w->arena, body), 0, 0, &w->arena, &w->reply);
}

static const struct call_case {
    const char *path, *body;
    enum reply_kind kind;
    int status;
    const char *type, *reply;
} cases[] = {
    {PATH("converse"), ASK("[[sim:reply(hi)]]"), REPLY_WHOLE, 200, NULL, "{'output':…"},
    {PATH("converse-stream"), ASK("hi"), REPLY_STREAM, 200, NULL, ""},
    {"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A123456789012%3Ainference-profile%2Fa.b/converse",
     ASK("hi"), REPLY_WHOLE, 200, NULL, "{'output':…"},
    {BASE("count-tokens"), "{'input':{'converse':" ASK("12345678") "}}", REPLY_WHOLE, 200, NULL,
     "{'inputTokens':6}"},
    {BASE("count-tokens"), ASK("hi"), REPLY_WHOLE, 400, "ValidationException", "{'message':…"},
    {BASE("count-tokens"), "{'input':{'invokeModel':{'body':'e30='}}}", REPLY_WHOLE, 400,
     "ValidationException", "{'message':'anthropic_version: Field required'}"},
    {BASE("count-tokens"), "{'input':{'invokeModel':{'body':''}}}", REPLY_WHOLE, 400,
     "ValidationException", "{'message':'Invalid JSON in invokeModel.body: …"},
    {PATH("count-tokens"), "{'input':{'converse':" ASK("12345678") "}}", REPLY_WHOLE, 400,
     "ValidationException", "{'message':'The provided model doesn…"},
    {"/model/amazon.titan-text-express-v1/invoke", "{'inputText':'[[sim:reply(hi)]]'}", REPLY_WHOLE,
     200, NULL,
     "{'inputTextTokenCount':9,'results':[{'tokenCount':1,'outputText':'hi','completionReason':"
     "'FINISH'}]}"},
    {"/model/amazon.titan-text-express-v1/invoke-with-response-stream", "{'inputText':'hi'}",
     REPLY_STREAM, 200, NULL, ""},
    {"/model/amazon.titan-embed-text-v1/invoke", "{'inputText':'hi'}", REPLY_WHOLE, 200, NULL,
     "{'embedding':[…"},
    {"/model/amazon.titan-embed-text-v1/invoke",
     "{'inputText':'[[sim:exception("
     "throttlingException)]]'}",
     REPLY_WHOLE, 429, "ThrottlingException", "{'message':…"},
    {"/model/amazon.titan-embed-text-v1/invoke-with-response-stream", "{'inputText':'hi'}",
     REPLY_WHOLE, 400, "ValidationException",
     "{'message':'The model is unsupported for streaming.'}"},
    {"/model/amazon.titan-embed-text-v1/converse", ASK("hi"), REPLY_WHOLE, 400,
     "ValidationException", "{'message':'This action…"},
    {PATH("invoke"), NATIVE("[[sim:reply(hi)]]"), REPLY_WHOLE, 200, NULL, "{'id':'msg_bdrk_…"},
    {PATH("invoke-with-response-stream"), NATIVE("hi"), REPLY_STREAM, 200, NULL, ""},
    {PATH("invoke"), "{}", REPLY_WHOLE, 400, "ValidationException",
     "{'message':'anthropic_version: Field required'}"},
    {PATH("invoke"), ASK("hi"), REPLY_WHOLE, 400, "ValidationException",
     "{'message':'anthropic_version: Field required'}"},
    {PATH("converse"), NATIVE("hi"), REPLY_WHOLE, 400, "ValidationException",
     "{'message':'Malformed input request: …"},
    {PATH("invoke"), NATIVE("[[sim:exception(modelTimeoutException)]]"), REPLY_WHOLE, 408,
     "ModelTimeoutException", "{'message':'Model has timed out…"},
    {PATH("converse-stream"), ASK("[[sim:exception(modelTimeoutException)]]"), REPLY_WHOLE, 400,
     "ValidationException",
     "{'message':'bedrock-sim: modelTimeoutException is a frame of InvokeModel only'}"},
    {"/model/meta.llama3-1-70b-instruct-v1%3A0/invoke", "{'prompt':'hi'}", REPLY_WHOLE, 400,
     "ValidationException",
     "{'message':'bedrock-sim: InvokeModel of this model is not simulated'}"},
    {PATH("invoke-model"), "{}", REPLY_WHOLE, 404, "UnknownOperationException",
     "{'Output':{'__type':'com.amazon.coral.service#UnknownOperationException'},'Version':"
     "'1.0'}"},
    {"/rerank", RANK("amazon.rerank-v1:0", "1", SAME_TEXT), REPLY_WHOLE, 200, NULL,
     "{'results':[{'index':1,'relevanceScore':1}]}"},
    {"/rerank", RANK("amazon.rerank-v1:0", "3", SAME_TEXT), REPLY_WHOLE, 400, "ValidationException",
     "{'message':'The number of results…"},
    {"/rerank", RANK("amazon.rerank-v1:0", "1", "{'type':'JSON','textDocument':{'text':'a'}}"),
     REPLY_WHOLE, 400, "ValidationException", "{'message':'The document of source 1…"},
    {"/rerank", RANK("a.nova-pro", "1", SAME_TEXT), REPLY_WHOLE, 400, "ValidationException",
     "{'message':'The provided model doesn…"},
    {"/", "{}", REPLY_WHOLE, 404, "UnknownOperationException", "{'Output':…"},
    {"/model//converse", "{}", REPLY_WHOLE, 404, "UnknownOperationException", "{'Output':…"},
    {"/model/a.b/x/converse", "{}", REPLY_WHOLE, 404, "UnknownOperationException", "{'Output':…"},
    {"/model/gpt-4o/converse", ASK("hi"), REPLY_WHOLE, 404, "ResourceNotFoundException",
     "{'message':'Could not resolve the foundation model from the provided model identifier: "
     "gpt-4o'}"},
    {"/model/a.%zz/converse", ASK("hi"), REPLY_WHOLE, 404, "ResourceNotFoundException",
     "{'message':…"},
    {PATH("converse"), "{'messages':", REPLY_WHOLE, 400, "SerializationException",
     "{'message':'Unable to parse the request body: …"},
    {PATH("converse"), "", REPLY_WHOLE, 400, "ValidationException", "{'message':'A conversation…"},
    {PATH("converse"), ASK("[[sim:oops]]"), REPLY_WHOLE, 400, "ValidationException",
     "{'message':'bedrock-sim: unknown name in directive [[sim:oops]]'}"},
    {PATH("converse-stream"), ASK("[[sim:error(424)]]"), REPLY_WHOLE, 424, "ModelErrorException",
     "{'message':'The system encountered an unexpected error during processing. Try your "
     "request again.','originalStatusCode':500,'resourceName':'sim'}"},
    {PATH("converse-stream"), ASK("[[sim:http(418,tea)]]"), REPLY_WHOLE, 418, NULL, "tea"},
    {PATH("converse"), ASK("[[sim:exception(throttlingException,2)]]"), REPLY_WHOLE, 429,
     "ThrottlingException", "{'message':'Too many requests…"},
    {PATH("converse"), ASK("[[sim:hang]]"), REPLY_NEVER, 200, NULL, ""},
};

static void test_calls(void **state)
{
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct world w;
        begin(&w);
        call(&w, cases[i].path, cases[i].body);
        check_text(cases[i].path, buf_slice(&w.reply.body),
                   json_text(&w.arena, cases[i].reply).n ? json_text(&w.arena, cases[i].reply).p
                                                         : "");
        assert_int_equal(w.reply.kind, cases[i].kind);
        assert_int_equal(w.reply.status, cases[i].status);
        assert_int_equal(!w.reply.error_type, !cases[i].type);
        if (cases[i].type)
            assert_string_equal(w.reply.error_type, cases[i].type);
        if (cases[i].kind == REPLY_STREAM)
            assert_true(w.reply.plan.count > 3);
        finish(&w);
    }
}

static void test_method(void **state)
{
    const struct http_head head = {.method = SLICE("GET"), .path = SLICE(PATH("converse"))};
    assert_int_equal(service_operation(&head), OPERATION_UNKNOWN);
}

static void test_unsigned(void **state)
{
    struct world w;
    begin(&w);
    const struct http_head head = {.method = SLICE("POST"), .path = SLICE(PATH("converse"))};
    service_answer(w.service, &head, SLICE("{}"), 0, 0, &w.arena, &w.reply);
    assert_int_equal(w.reply.status, 403);
    assert_string_equal(w.reply.error_type, "MissingAuthenticationTokenException");
    finish(&w);
}

/* The first calls with a text fail, the next ones do not; another text counts for itself. */
static void test_times(void **state)
{
    struct world w;
    begin(&w);
    for (int i = 0; i < 4; i++) {
        call(&w, PATH("converse"), ASK("[[sim:throttle(2)]] one"));
        assert_int_equal(w.reply.status, i < 2 ? 429 : 200);
    }
    call(&w, PATH("converse"), ASK("[[sim:throttle(2)]] two"));
    assert_int_equal(w.reply.status, 429);
    service_reset(w.service);
    call(&w, PATH("converse"), ASK("[[sim:throttle(2)]] one"));
    assert_int_equal(w.reply.status, 429);
    call(&w, PATH("converse"), ASK("[[sim:times(1)]] [[sim:hang]] x"));
    assert_int_equal(w.reply.kind, REPLY_NEVER);
    call(&w, PATH("converse"), ASK("[[sim:times(1)]] [[sim:hang]] x"));
    assert_int_equal(w.reply.kind, REPLY_WHOLE);
    finish(&w);
}

/* Behind the signature and the model, before the body; what counts tokens has quotas of its own. */
static void test_quota(void **state)
{
    struct world w;
    begin(&w);
    w.service->quota.rate = 4;
    call(&w, PATH("converse"), ASK("hi"));
    assert_int_equal(w.reply.status, 200);
    call(&w, PATH("converse"), "{'messages':");
    assert_int_equal(w.reply.status, 429);
    assert_string_equal(w.reply.error_type, "ThrottlingException");
    call(&w, "/model/gpt-4o/converse", ASK("hi"));
    assert_int_equal(w.reply.status, 404);
    call(&w, BASE("count-tokens"), "{'input':{'converse':" ASK("12345678") "}}");
    assert_int_equal(w.reply.status, 200);
    call(&w, BASE("converse"), ASK("hi"));
    assert_int_equal(w.reply.status, 200);
    service_reset(w.service);
    call(&w, PATH("converse"), ASK("hi"));
    assert_int_equal(w.reply.status, 200);
    finish(&w);
}

static void test_waits(void **state)
{
    struct world w;
    begin(&w);
    w.service->pace.first_ms = 70;
    call(&w, PATH("converse-stream"), ASK("hi"));
    assert_int_equal(w.reply.wait_ms, 70);
    call(&w, PATH("converse"), ASK("[[sim:slow_head(30)]] [[sim:reply(a)]]"));
    assert_int_equal(w.reply.wait_ms, 100);
    call(&w, PATH("converse"), ASK("[[sim:slow_head(30)]] [[sim:throttle]]"));
    assert_int_equal(w.reply.wait_ms, 30);
    finish(&w);
}

static void test_cut(void **state)
{
    struct world w;
    begin(&w);
    call(&w, PATH("converse"), ASK("[[sim:cut(1)]]"));
    assert_true(w.reply.cut);
    call(&w, PATH("converse"), ASK("hi"));
    assert_false(w.reply.cut);
    finish(&w);
}

static void test_context(void **state)
{
    struct world w;
    struct buf body;
    begin(&w);
    buf_init(&body, 10 << 20);
    BUF_LITERAL(&body, "{'messages':[{'role':'user','content':[{'text':'");
    for (int i = 0; i < 100000; i++)
        BUF_LITERAL(&body, "word word ");
    BUF_LITERAL(&body, "'}]}]}");
    buf_add_char(&body, '\0');
    call(&w, PATH("converse"), body.p);
    check_text("Claude", buf_slice(&w.reply.body),
               "{\"message\":\"The model returned the following errors: prompt is too long: "
               "250004 tokens > 200000 maximum\"}");
    call(&w, "/model/meta.llama3-1-70b-instruct-v1%3A0/converse", body.p);
    check_text("Llama", buf_slice(&w.reply.body),
               "{\"message\":\"Input is too long for requested model.\"}");
    call(&w, "/model/anthropic.claude-opus-4-7/converse", body.p);
    assert_int_equal(w.reply.status, 200);
    buf_fini(&body);
    finish(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_calls),    cmocka_unit_test(test_method),
        cmocka_unit_test(test_unsigned), cmocka_unit_test(test_times),
        cmocka_unit_test(test_waits),    cmocka_unit_test(test_cut),
        cmocka_unit_test(test_context),  cmocka_unit_test(test_quota),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
