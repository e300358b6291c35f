/* What the pure layers cost, one step at a time: time and allocations of
 *
 *   micro BODY.json [--smoke]        BODY: an OpenAI chat request (bench/prompts.py writes one)
 *
 * the long prompt (parse, dialect, writer, hash, signature) and a streamed chunk (frames, events,
 * SSE). Time is the best of ROUNDS rounds of at least ROUND_NS each; allocations are malloc, calloc
 * and realloc calls of our own code and of the libraries linked into it (not those inside shared
 * libraries). Each step checks its result. --smoke: one round of one operation, no figures. */

#include "tool.h"

#include "base/json.h"
#include "bedrock.h"
#include "dialect/dialect.h"
#include "provider/plan.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"
#include "wire/http1.h"

#define ROUNDS   7
#define ROUND_NS 50000000
#define CHUNKS   200
#define BODY_MAX (4u * 1024 * 1024)
#define NOW      1790000000 /* unix seconds */

/* ---- counted allocation: the linker sends our calls here (-Wl,--wrap) ---------------------------
 */

static unsigned long allocations;

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    allocations++;
    return __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
    allocations++;
    return __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
    allocations++;
    return __real_realloc(p, n);
}

/* ---- what is measured ---------------------------------------------------------------------- */

static struct {
    struct slice body;
    struct arena arena; /* of one operation */
    struct buf out;     /* of one operation; keeps its memory, as an exchange's next chunk does */

    struct arena kept; /* what operations start from */
    yyjson_val *parsed;
    struct llm_request request;
    struct llm_request streamed; /* the same, to be answered in events */
    struct sigv4_key key;
    struct deployment deployment;
    struct model_table *models;
    const struct model *model;
    struct provider_attempt attempt;
    struct plan plan;
    struct buf upstream_body; /* the Converse body */
    struct buf stream;        /* CHUNKS deltas in frames */
    struct buf chunks;        /* the same as InvokeModel wraps them */
    struct http1_parser *parser;
    size_t count; /* of events seen by a sink */
} micro;

static void check(bool good, const char *what)
{
    if (!good)
        die("wrong result: %s", what);
}

static void op_parse(void)
{
    check(json_parse(micro.body, &micro.arena, NULL) != NULL, "json_parse");
}

static void op_dialect(void)
{
    struct failure f = {0};
    struct llm_request r;
    check(dialect_openai_chat.parse(micro.parsed, &micro.arena, &r, &f), "dialect parse");
}

static void op_plan(void)
{
    struct failure f = {0};
    struct plan p;
    struct provider_attempt t = micro.attempt;
    t.prompt = &micro.arena;
    check(plan_make(&t, &p, &f), "plan");
}

static void op_write(void)
{
    bedrock_write_body(&micro.plan, &micro.out);
    check(micro.out.n == micro.upstream_body.n, "body writer");
}

static void op_hash(void)
{
    uint8_t digest[SHA256_SIZE];
    sha256(buf_slice(&micro.upstream_body), digest);
    check(digest[0] | digest[1] | digest[2] | digest[3], "SHA-256");
}

static void op_sign(void)
{
    const struct http_header headers[] = {{SLICE("content-type"), SLICE("application/json")},
                                          {SLICE("host"), SLICE("127.0.0.1:9")},
                                          {SLICE("x-amz-date"), SLICE("20260921T141320Z")}};
    const struct sigv4_request r = {
        .method = SLICE("POST"),
        .path = SLICE("/model/bench.whole/converse"),
        .headers = {headers, 3},
        .payload_hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"};
    const struct slice s =
        sigv4_authorization(&r, &micro.deployment.credentials, SLICE("us-east-1"), SLICE("bedrock"),
                            "20260921T141320Z", &micro.key, &micro.arena);
    check(s.n > 100, "signature");
}

/* All of it, as an exchange does it. */
static void op_prompt(void)
{
    struct failure f = {0};
    struct llm_request r;
    struct http_call call;
    yyjson_val *v = json_parse(micro.body, &micro.arena, NULL);
    check(v && dialect_openai_chat.parse(v, &micro.arena, &r, &f), "prompt");
    struct provider_attempt t = micro.attempt;
    t.request = &r;
    t.arena = &micro.arena;
    t.prompt = &micro.arena;
    t.body = &micro.out;
    check(provider_bedrock.build(&t, &call, &f), "call");
}

static bool count_frame(void *user, const struct eventstream_message *message)
{
    (void)user;
    micro.count += message->payload.n > 0;
    return true;
}

static void op_frames(void)
{
    struct eventstream es;
    eventstream_init(&es);
    micro.count = 0;
    check(eventstream_feed(&es, buf_slice(&micro.stream), count_frame, NULL) == ES_OK, "frames");
    check(micro.count == CHUNKS, "number of frames");
    eventstream_fini(&es);
}

static void feed_stream(const struct provider *p, const struct buf *stream,
                        const struct llm_sink *sink)
{
    struct provider_attempt t = micro.attempt;
    t.request = &micro.streamed;
    t.arena = &micro.arena;
    const struct http_header type = {SLICE("content-type"),
                                     SLICE("application/vnd.amazon.eventstream")};
    void *d = p->decoder(&t, 200, (struct http_headers){&type, 1}, sink);
    micro.count = 0;
    check(p->feed(d, buf_slice(stream)), "feed");
    p->fini(d);
    check(micro.count == CHUNKS, "number of events");
}

static void count_event(void *user, const struct llm_event *e)
{
    (void)user;
    micro.count += e->kind == EV_TEXT;
}

static void op_events(void)
{
    feed_stream(&provider_bedrock, &micro.stream, &(struct llm_sink){count_event, NULL});
}

static void op_invoke_events(void)
{
    feed_stream(&provider_anthropic_invoke, &micro.chunks, &(struct llm_sink){count_event, NULL});
}

static const struct dialect *encoding; /* of the operation */

static void encode_event(void *encoder, const struct llm_event *e)
{
    count_event(NULL, e);
    encoding->encode(encoder, e, &micro.out);
}

static void encode_chunks(const struct dialect *dialect, const struct provider *p,
                          const struct buf *stream)
{
    const struct dialect_answer answer = {
        .id = SLICE("chatcmpl-0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0"),
        .model = SLICE("claude-sonnet"),
        .created = NOW,
        .uuid = SLICE("0b1c2d3e-4f50-6172-8394-a5b6c7d8e9f0")};
    encoding = dialect;
    void *encoder = dialect->encoder(&micro.arena, &micro.streamed, &answer);
    feed_stream(p, stream, &(struct llm_sink){encode_event, encoder});
    check(micro.out.n > CHUNKS * 100, "SSE");
}

static void op_chunks(void)
{
    encode_chunks(&dialect_openai_chat, &provider_bedrock, &micro.stream);
}

static void op_invoke_chunks(void)
{
    encode_chunks(&dialect_openai_chat, &provider_anthropic_invoke, &micro.chunks);
}

static void op_messages(void)
{
    encode_chunks(&dialect_anthropic_messages, &provider_bedrock, &micro.stream);
}

static void op_responses(void)
{
    encode_chunks(&dialect_openai_responses, &provider_bedrock, &micro.stream);
}

static void op_completions(void)
{
    encode_chunks(&dialect_openai_completions, &provider_bedrock, &micro.stream);
}

static void op_native(void)
{
    micro.streamed.native = LLM_NATIVE_CONVERSE;
    encode_chunks(&dialect_bedrock_native, &provider_native, &micro.stream);
    micro.streamed.native = LLM_NATIVE_NONE;
}

static void op_invoke_messages(void)
{
    encode_chunks(&dialect_anthropic_messages, &provider_anthropic_invoke, &micro.chunks);
}

static const char typical_head[] =
    "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1:4000\r\nConnection: keep-alive\r\n"
    "Accept: application/json\r\nContent-Type: application/json\r\n"
    "User-Agent: OpenAI/JS 4.96.0\r\nX-Stainless-Lang: js\r\nX-Stainless-Package-Version: "
    "4.96.0\r\n"
    "X-Stainless-OS: Linux\r\nX-Stainless-Arch: x64\r\nX-Stainless-Runtime: node\r\n"
    "X-Stainless-Runtime-Version: v20.19.0\r\nAuthorization: Bearer sk-1234567890abcdef\r\n"
    "HTTP-Referer: https://cline.bot\r\nX-Title: Cline\r\nX-Stainless-Retry-Count: 0\r\n"
    "X-Stainless-Timeout: 600\r\naccept-language: *\r\nsec-fetch-mode: cors\r\n"
    "accept-encoding: gzip, deflate\r\nContent-Length: 0\r\n\r\n";

static void op_head(void)
{
    struct slice input = slice_make(typical_head, sizeof(typical_head) - 1), body;
    struct http1_error error;
    check(http1_feed(micro.parser, &input, &body, &error) == HTTP1_HEAD, "head");
    check(http1_head(micro.parser)->headers.n == 20, "headers");
    check(http1_feed(micro.parser, &input, &body, &error) == HTTP1_END, "end of the request");
    http1_next(micro.parser);
}

static const struct {
    const char *name;
    void (*run)(void);
    unsigned per; /* operations in one run */
} steps[] = {
    {"long prompt: JSON parse", op_parse, 1},
    {"long prompt: dialect (parsed JSON to request)", op_dialect, 1},
    {"long prompt: plan", op_plan, 1},
    {"long prompt: Converse body writer", op_write, 1},
    {"long prompt: SHA-256 of the body", op_hash, 1},
    {"SigV4 without the hash (key cached)", op_sign, 1},
    {"long prompt: all of the above", op_prompt, 1},
    {"chunk: event-stream frame", op_frames, CHUNKS},
    {"chunk: frame to event", op_events, CHUNKS},
    {"chunk: frame to event to SSE", op_chunks, CHUNKS},
    {"chunk: frame to event to SSE of Messages", op_messages, CHUNKS},
    {"chunk: frame to event to SSE of Responses", op_responses, CHUNKS},
    {"chunk: frame to event to SSE of completions", op_completions, CHUNKS},
    {"chunk: frame handed on (native)", op_native, CHUNKS},
    {"chunk: frame of InvokeModel to event", op_invoke_events, CHUNKS},
    {"chunk: frame of InvokeModel to event to SSE", op_invoke_chunks, CHUNKS},
    {"chunk: frame of InvokeModel to event to SSE of Messages", op_invoke_messages, CHUNKS},
    {"request head of an IDE agent, 20 headers", op_head, 1},
};

/* ---- set-up and timing --------------------------------------------------------------------- */

static void read_body(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        die("cannot read %s", path);
    char *p = arena_alloc(&micro.kept, BODY_MAX);
    micro.body = slice_make(p, fread(p, 1, BODY_MAX, f));
    fclose(f);
}

static void add_frame(struct buf *stream, struct slice event, struct slice payload)
{
    const struct eventstream_header headers[] = {
        {SLICE(":event-type"), event},
        {SLICE(":content-type"), SLICE("application/json")},
        {SLICE(":message-type"), SLICE("event")}};
    eventstream_write(stream, headers, 3, payload);
}

static void add_chunk(struct slice json)
{
    struct buf payload;
    buf_init(&payload, BODY_MAX);
    BUF_LITERAL(&payload, "{\"bytes\":\"");
    base64_encode(json, &payload);
    BUF_LITERAL(&payload, "\",\"p\":\"abcdefghijklmnop\"}");
    add_frame(&micro.chunks, SLICE("chunk"), buf_slice(&payload));
    buf_fini(&payload);
}

static void set_up(const char *path)
{
    struct failure f = {0};
    arena_init(&micro.arena);
    arena_init(&micro.kept);
    buf_init(&micro.out, BODY_MAX);
    buf_init(&micro.upstream_body, BODY_MAX);
    buf_init(&micro.stream, BODY_MAX);
    buf_init(&micro.chunks, BODY_MAX);
    micro.parser = http1_new();
    read_body(path);
    micro.parsed = json_parse(micro.body, &micro.kept, NULL);
    check(micro.parsed && dialect_openai_chat.parse(micro.parsed, &micro.kept, &micro.request, &f),
          "the body is a chat request");
    micro.streamed = micro.request;
    micro.streamed.stream = true;
    micro.deployment = (struct deployment){
        .model_name = "whole",
        .model = "bedrock/bench.whole",
        .bedrock_id = "bench.whole",
        .region = "us-east-1",
        .endpoint = "http://127.0.0.1:9",
        .credentials = {SLICE("AKIABENCH"), SLICE("bench-secret"), SLICE("")},
        .signing_key = &micro.key,
    };
    micro.models = model_table_new(SLICE(""), NULL);
    micro.model = models_find(micro.models, SLICE("anthropic.claude-3-7-sonnet-20250219-v1:0"),
                              SLICE("us-east-1"), NULL, &micro.kept);
    micro.attempt = (struct provider_attempt){.deployment = &micro.deployment,
                                              .model_id = SLICE("bench.whole"),
                                              .request = &micro.request,
                                              .now = NOW,
                                              .model = micro.model,
                                              .plan = &micro.plan,
                                              .arena = &micro.kept,
                                              .prompt = &micro.kept,
                                              .body = &micro.upstream_body};
    check(plan_make(&micro.attempt, &micro.plan, &f), "plan");
    bedrock_write_body(&micro.plan, &micro.upstream_body);
    for (int i = 0; i < CHUNKS; i++) {
        add_frame(&micro.stream, SLICE("contentBlockDelta"),
                  SLICE("{\"contentBlockIndex\":0,\"delta\":{\"text\":\" of the previous\"},"
                        "\"p\":\"abcdefghijklmnop\"}"));
        add_chunk(SLICE("{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                        "\"text_delta\",\"text\":\" of the previous\"}}"));
    }
}

static void run_once(size_t step)
{
    steps[step].run();
    arena_fini(&micro.arena);
    buf_reset(&micro.out);
}

static void measure(size_t step)
{
    double best = 0;
    unsigned long counted = 0;
    run_once(step); /* warm */
    for (int round = 0; round < ROUNDS; round++) {
        const int64_t begun = now_ns();
        const unsigned long before = allocations;
        long runs = 0;
        int64_t spent;
        do {
            run_once(step);
            runs++;
            spent = now_ns() - begun;
        } while (spent < ROUND_NS);
        const double each = (double)spent / (double)runs / steps[step].per;
        if (round == 0 || each < best)
            best = each;
        counted = (allocations - before) / (unsigned long)runs;
    }
    printf("| %s | %.0f ns | %.2f |\n", steps[step].name, best, (double)counted / steps[step].per);
    fflush(stdout);
}

int main(int argc, char **argv)
{
    const bool smoke = argc == 3 && !strcmp(argv[2], "--smoke");
    if (argc != 2 && !smoke)
        die("micro BODY.json [--smoke]");
    set_up(argv[1]);
    if (!smoke)
        printf("| step | time | allocations |\n|---|--:|--:|\n");
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
        if (smoke)
            run_once(i);
        else
            measure(i);
    }
    http1_free(micro.parser);
    arena_fini(&micro.arena);
    arena_fini(&micro.kept);
    buf_fini(&micro.out);
    buf_fini(&micro.upstream_body);
    buf_fini(&micro.stream);
    buf_fini(&micro.chunks);
    return 0;
}
