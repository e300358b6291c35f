/* Bedrock's answers: any bytes, cut in any way, give the same reply as in one piece, with exactly
 * one end, and each event of the reply is JSON.
 *
 * Input: a byte (low 3 bits: the status; bit 3: the client wants a stream; bit 4: the bytes are
 * sent as they are; bits 5 and 6: Converse, or InvokeModel of Claude or Titan, or Converse for a
 * client of OpenAI's Responses; bit 7: the client speaks Anthropic's Messages; else it is OpenAI's
 * chat), a seed for the cuts, then the bytes. Unless bit
 * 4 is set, a streamed answer's bytes are lines that become frames, "event-type payload", with '!'
 * in front of an exception's type and
 * '?' of an error's; the payload of a "chunk" is wrapped as InvokeModel does it. */

#include "dialect/dialect.h"
#include "provider/provider.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool ok)
{
    if (!ok)
        abort();
}

/* ---- the answer ---------------------------------------------------------------------------- */

static void wrap(struct buf *out, struct slice json)
{
    buf_init(out, SIZE_MAX);
    BUF_LITERAL(out, "{\"bytes\":\"");
    base64_encode(json, out);
    BUF_LITERAL(out, "\"}");
}

static void write_line(struct buf *out, struct slice line)
{
    bool exception = slice_starts(line, SLICE("!")), error = slice_starts(line, SLICE("?"));
    struct slice rest = exception || error ? slice_skip(line, 1) : line;
    struct slice type = slice_split(&rest, ' ');
    struct eventstream_header h[] = {
        {SLICE(":message-type"), exception ? SLICE("exception")
                                 : error   ? SLICE("error")
                                           : SLICE("event")},
        {exception ? SLICE(":exception-type")
         : error   ? SLICE(":error-code")
                   : SLICE(":event-type"),
         slice_make(type.p, type.n < 1000 ? type.n : 1000)},
    };
    struct buf wrapped = {0};
    if (slice_eq(type, SLICE("chunk")))
        wrap(&wrapped, rest);
    eventstream_write(out, h, 2, wrapped.p ? buf_slice(&wrapped) : rest);
    buf_fini(&wrapped);
}

static void write_answer(struct buf *out, struct slice in, bool frames)
{
    buf_init(out, SIZE_MAX);
    if (!frames)
        buf_add(out, in);
    while (frames && in.n)
        write_line(out, slice_split(&in, '\n'));
}

/* ---- the reply ----------------------------------------------------------------------------- */

struct reply {
    const struct dialect *dialect;
    const struct llm_request *request;
    struct arena *arena;
    void *encoder;
    struct llm_fold fold;
    struct buf out;
    int ends;
};

static void on_event(void *user, const struct llm_event *e)
{
    struct reply *r = user;
    check(r->ends == 0);
    r->ends += e->kind == EV_END || e->kind == EV_FAIL;
    if (r->request->stream)
        r->dialect->encode(r->encoder, e, &r->out);
    else
        llm_fold_event(&r->fold, e);
}

/* Anthropic's grammar: a message that begins and ends, blocks with the next index each, deltas of
 * open ones only. */
struct grammar {
    bool begun, over;
    int64_t blocks, events;
    uint64_t open; /* bit per index; those beyond are not followed */
};

static uint64_t bit(int64_t index)
{
    return index < 64 ? UINT64_C(1) << index : 0;
}

static void check_message(struct grammar *g, struct slice type, yyjson_val *event)
{
    int64_t index = 0;
    bool start = slice_eq(type, SLICE("message_start")), error = slice_eq(type, SLICE("error"));
    check(!g->over && slice_eq(type, json_get_slice(event, "type")));
    check(start ? !g->begun : g->begun || error);
    g->begun = true;
    g->over = error || slice_eq(type, SLICE("message_stop"));
    check(!slice_eq(type, SLICE("message_delta")) || !g->open);
    if (!slice_starts(type, SLICE("content_block_")))
        return;
    check(json_int(json_get(event, "index"), &index));
    if (slice_eq(type, SLICE("content_block_start"))) {
        check(index == g->blocks++);
        g->open |= bit(index);
        return;
    }
    check(index < g->blocks && (index >= 64 || g->open & bit(index)));
    if (slice_eq(type, SLICE("content_block_stop")))
        g->open &= ~bit(index);
}

/* OpenAI's grammar of Responses: numbered events, one item at a time, deltas of the open one. */
static void check_response(struct grammar *g, struct slice type, yyjson_val *event)
{
    int64_t n = -1;
    bool added = slice_eq(type, SLICE("response.output_item.added"));
    check(!g->over && slice_eq(type, json_get_slice(event, "type")));
    check(json_int(json_get(event, "sequence_number"), &n) && n == g->events++);
    g->over = slice_eq(type, SLICE("response.completed")) ||
              slice_eq(type, SLICE("response.incomplete")) ||
              slice_eq(type, SLICE("response.failed"));
    if (!json_int(json_get(event, "output_index"), &n))
        return;
    check(n == (added ? g->blocks : g->blocks - 1) && (g->open != 0) != added);
    g->blocks += added;
    g->open = !slice_eq(type, SLICE("response.output_item.done"));
}

static void check_sse(struct slice sse, const struct dialect *dialect, struct arena *a)
{
    struct grammar g = {0};
    bool messages = dialect == &dialect_anthropic_messages;
    bool responses = dialect == &dialect_openai_responses;
    while (sse.n) {
        struct slice type = {0};
        if (messages || (responses && !slice_starts(sse, SLICE("data: [DONE]")))) {
            check(slice_starts(sse, SLICE("event: ")));
            type = slice_skip(slice_split(&sse, '\n'), 7);
        }
        check(slice_starts(sse, SLICE("data: ")));
        ptrdiff_t end = slice_find(sse, SLICE("\n\n"));
        check(end >= 0);
        struct slice data = slice_skip(slice_make(sse.p, (size_t)end), 6);
        struct arena_mark mark = arena_mark(a);
        yyjson_val *event = json_parse(data, a, NULL);
        check(event || (!messages && slice_eq(data, SLICE("[DONE]"))));
        if (messages)
            check_message(&g, type, event);
        else if (responses && event)
            check_response(&g, type, event);
        arena_rewind(a, mark);
        sse = slice_skip(sse, (size_t)end + 2);
    }
    check((!messages && !responses) || g.over);
}

static void write_whole(struct reply *r, const struct dialect_answer *ans)
{
    const struct llm_response *a = &r->fold.response;
    if (a->failure.kind != FAILURE_NONE)
        r->dialect->encode_failure(&a->failure, &r->out);
    else
        r->dialect->encode_whole(a, r->request, ans, &r->out);
    check(json_parse(buf_slice(&r->out), r->arena, NULL));
}

/* The reply to an answer whose bytes come in pieces of up to `most` (0: at once). */
static void run(const struct provider *p, const struct dialect *dialect, struct slice bytes,
                int status, const struct llm_request *request, size_t most, unsigned seed,
                struct arena *a, struct buf *out)
{
    struct deployment d = {.model_name = "m"};
    struct dialect_answer ans = {SLICE("id"), SLICE("m"), 1700000000, SLICE("u")};
    struct reply r = {.dialect = dialect, .request = request, .arena = a};
    struct provider_attempt t = {.deployment = &d, .request = request, .arena = a};
    struct llm_sink sink = {on_event, &r};
    buf_init(&r.out, SIZE_MAX);
    llm_fold_init(&r.fold, a);
    r.encoder = dialect->encoder(a, request, &ans);
    void *decoder = p->decoder(&t, status, (struct http_headers){0}, &sink);
    while (bytes.n) {
        seed = seed * 1103515245 + 12345;
        size_t n = most ? 1 + (seed >> 16) % most : bytes.n;
        n = n < bytes.n ? n : bytes.n;
        if (!p->feed(decoder, slice_make(bytes.p, n)))
            break;
        bytes = slice_skip(bytes, n);
    }
    p->finish(decoder);
    p->fini(decoder);
    check(r.ends == 1);
    if (request->stream)
        check_sse(buf_slice(&r.out), dialect, a);
    else
        write_whole(&r, &ans);
    llm_fold_fini(&r.fold);
    *out = r.out;
}

static const struct dialect *dialect_of(uint8_t bits)
{
    if (bits & 128)
        return &dialect_anthropic_messages;
    return (bits >> 5 & 3) == 3 ? &dialect_openai_responses : &dialect_openai_chat;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const int statuses[8] = {200, 200, 200, 400, 429, 503, 403, 302};
    static const size_t most[] = {1, 7, 100, 5000};
    static const struct provider *const providers[] = {
        &provider_bedrock, &provider_anthropic_invoke, &provider_titan, &provider_bedrock};
    if (size < 2)
        return 0;
    struct arena a;
    struct buf answer, whole, cut;
    int status = statuses[data[0] & 7];
    struct llm_request request = {
        .stream = data[0] & 8, .include_usage = data[0] & 8, .anthropic = data[0] & 128};
    arena_init(&a);
    write_answer(&answer, slice_make((const char *)data + 2, size - 2),
                 status == 200 && request.stream && !(data[0] & 16));
    const struct provider *p = providers[data[0] >> 5 & 3];
    const struct dialect *dialect = dialect_of(data[0]);
    struct llm_tool patch = {.name = SLICE("patch"), .text_input = true};
    request.tools = &patch;
    run(p, dialect, buf_slice(&answer), status, &request, 0, 0, &a, &whole);
    for (size_t i = 0; i < sizeof(most) / sizeof(*most); i++) {
        run(p, dialect, buf_slice(&answer), status, &request, most[i], data[1], &a, &cut);
        check(slice_eq(buf_slice(&whole), buf_slice(&cut)));
        buf_fini(&cut);
    }
    buf_fini(&whole);
    buf_fini(&answer);
    arena_fini(&a);
    return 0;
}
