/* The allocation budget: once a stream runs, a chunk costs no malloc from the provider's feed to
 * the bytes of the SSE event, in whatever pieces it comes; a short request costs a few.
 *
 * Calls of malloc and its kin are counted by AddressSanitizer's hook, or, without it, by taking
 * their place in this program. */

#include "attempt.h"

#include "dialect/dialect.h"
#include "wire/crypto.h"
#include "wire/eventstream.h"

static volatile unsigned long allocations; /* volatile: malloc is known not to change variables */

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif

#ifdef WITH_ASAN
/* sanitizer/allocator_interface.h, which gcc does not install everywhere. */
int __sanitizer_install_malloc_and_free_hooks(void (*on_malloc)(const volatile void *, size_t),
                                              void (*on_free)(const volatile void *));

static void count(const volatile void *p, size_t n)
{
    allocations++;
}

static void ignore(const volatile void *p)
{
}

static void start_counting(void)
{
    assert_true(__sanitizer_install_malloc_and_free_hooks(count, ignore) > 0);
}
#else
void *__libc_malloc(size_t n);
void *__libc_calloc(size_t count, size_t n);
void *__libc_realloc(void *p, size_t n);

void *malloc(size_t n)
{
    allocations++;
    return __libc_malloc(n);
}

void *calloc(size_t count, size_t n)
{
    allocations++;
    return __libc_calloc(count, n);
}

void *realloc(void *p, size_t n)
{
    allocations++;
    return __libc_realloc(p, n);
}

static void start_counting(void)
{
}
#endif

/* The counter must count, or the tests below show nothing. */
static void test_the_counter(void **state)
{
    unsigned long before = allocations;
    void *volatile p = malloc(10);
    assert_int_equal(allocations - before, 1);
    p = realloc(p, 100000);
    assert_int_equal(allocations - before, 2);
    free(p);
    p = calloc(1, 10);
    assert_int_equal(allocations - before, 3);
    free(p);
}

struct stream {
    const struct dialect *dialect;
    void *encoder;
    struct buf out;
};

static void encode(void *user, const struct llm_event *e)
{
    struct stream *s = user;
    s->dialect->encode(s->encoder, e, &s->out);
}

static void write_event(struct buf *out, const char *type, const char *payload)
{
    struct eventstream_header h[] = {{SLICE(":event-type"), slice_of(type)},
                                     {SLICE(":content-type"), SLICE("application/json")},
                                     {SLICE(":message-type"), SLICE("event")}};
    eventstream_write(out, h, 3, slice_of(payload));
}

static void write_chunk(struct buf *out, const char *json)
{
    struct buf payload;
    buf_init(&payload, 1 << 20);
    BUF_LITERAL(&payload, "{\"bytes\":\"");
    base64_encode(slice_of(json), &payload);
    BUF_LITERAL(&payload, "\"}");
    buf_add_char(&payload, '\0');
    write_event(out, "chunk", payload.p);
    buf_fini(&payload);
}

static void write_converse(struct buf *out)
{
    write_event(
        out, "contentBlockStart",
        "{\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":\"t\",\"name\":\"n\"}}}");
    for (int i = 0; i < 100; i++) {
        write_event(out, "contentBlockDelta",
                    "{\"contentBlockIndex\":0,\"delta\":{\"text\":\" some "
                    "\\\"words\\\"\\n\"},\"p\":\"abc\"}");
        write_event(
            out, "contentBlockDelta",
            "{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"{\\\"a\\\":\"}}}");
        write_event(out, "contentBlockDelta",
                    "{\"contentBlockIndex\":2,\"delta\":{\"reasoningContent\":{\"text\":\"hm\"}}}");
    }
}

static void write_anthropic(struct buf *out)
{
    write_chunk(out, "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":"
                     "\"tool_use\",\"id\":\"t\",\"name\":\"n\"}}");
    for (int i = 0; i < 100; i++) {
        write_chunk(out, "{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
                         "\"text_delta\",\"text\":\" some \\\"words\\\"\\n\"}}");
        write_chunk(out, "{\"type\":\"content_block_delta\",\"index\":1,\"delta\":{\"type\":"
                         "\"input_json_delta\",\"partial_json\":\"{\\\"a\\\":\"}}");
        write_chunk(out, "{\"type\":\"content_block_delta\",\"index\":2,\"delta\":{\"type\":"
                         "\"thinking_delta\",\"thinking\":\"hm\"}}");
    }
}

static void write_titan(struct buf *out)
{
    for (int i = 0; i < 100; i++)
        write_chunk(out, "{\"outputText\":\" some \\\"words\\\"\",\"index\":0,"
                         "\"completionReason\":null,\"inputTextTokenCount\":25}");
}

/* Feeds all frames in pieces of `piece` bytes; the client takes what comes out. */
static void feed(const struct provider *p, void *decoder, struct slice bytes, size_t piece,
                 struct stream *s)
{
    while (bytes.n) {
        size_t n = piece < bytes.n ? piece : bytes.n;
        assert_true(p->feed(decoder, slice_make(bytes.p, n)));
        bytes = slice_skip(bytes, n);
        if (s->out.n > 8192)
            buf_reset(&s->out);
    }
}

static void check_stream(const struct dialect *dialect, const struct provider *p,
                         struct slice frames)
{
    static const size_t pieces[] = {SIZE_MAX, 1, 100, 1400};
    struct dialect_answer ans = {SLICE("chatcmpl-1"), SLICE("claude"), 1700000000};
    struct fixture x;
    struct stream s = {.dialect = dialect};
    fixture_init(&x);
    buf_init(&s.out, 1 << 20);
    x.request.stream = true;
    s.encoder = dialect->encoder(&x.arena, &x.request, &ans);
    x.sink = (struct llm_sink){encode, &s};
    void *d = p->decoder(&x.attempt, 200, (struct http_headers){0}, &x.sink);
    feed(p, d, frames, 77, &s); /* the buffers find their size */
    feed(p, d, frames, SIZE_MAX, &s);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(*pieces); i++) {
        unsigned long before = allocations;
        feed(p, d, frames, pieces[i], &s);
        assert_int_equal(allocations - before, 0);
    }
    p->fini(d);
    buf_fini(&s.out);
    fixture_fini(&x);
}

static void test_stream(void **state)
{
    static const struct {
        const struct provider *provider;
        void (*write)(struct buf *out);
    } rows[] = {{&provider_bedrock, write_converse},
                {&provider_anthropic_invoke, write_anthropic},
                {&provider_titan, write_titan}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct buf frames;
        buf_init(&frames, 1 << 20);
        rows[i].write(&frames);
        check_stream(&dialect_openai_chat, rows[i].provider, buf_slice(&frames));
        check_stream(&dialect_anthropic_messages, rows[i].provider, buf_slice(&frames));
        buf_fini(&frames);
    }
}

/* A short question from its bytes to the signed call: the arena's blocks come from the free list,
 * so only the growing body and the crypto library allocate. */
static void test_short_request(void **state)
{
    char text[200 + JSON_PADDING];
    struct fixture x;
    for (int round = 0; round < 2; round++) {
        struct http_call call;
        fixture_init(&x);
        int n = snprintf(text, 200,
                         "{\"model\":\"claude\",\"stream\":true,\"max_tokens\":100,\"messages\":"
                         "[{\"role\":\"system\",\"content\":\"Be brief.\"},"
                         "{\"role\":\"user\",\"content\":\"Hi\"}]}");
        unsigned long before = allocations;
        yyjson_val *body = json_parse_insitu(text, (size_t)n, &x.arena, NULL);
        assert_true(dialect_openai_chat.parse(body, &x.arena, &x.request, &x.failure));
        assert_true(provider_bedrock.build(&x.attempt, &call, &x.failure));
        if (round)
            assert_in_range(allocations - before, 1, 34);
        fixture_fini(&x);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_counter),
        cmocka_unit_test(test_stream),
        cmocka_unit_test(test_short_request),
    };
    start_counting();
    return cmocka_run_group_tests_name("allocations", tests, NULL, NULL);
}
