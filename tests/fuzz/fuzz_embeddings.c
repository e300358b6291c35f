/* An embeddings request and one answer to it: whatever is accepted becomes bodies that are JSON,
 * and whatever is read off an answer becomes a reply that is JSON. Input: a byte that picks the
 * model, the client's body up to a line feed, then Bedrock's answer. */

#include "dialect/embeddings.h"
#include "provider/embed.h"
#include "provider/models.h"

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *const models[] = {
    "amazon.titan-embed-text-v1",  "amazon.titan-embed-text-v2:0",
    "amazon.titan-embed-image-v1", "cohere.embed-english-v3",
    "us.cohere.embed-v4:0",        "amazon.nova-2-multimodal-embeddings-v1:0",
};

static void check(bool ok)
{
    if (!ok)
        abort();
}

static void check_json(struct slice text, struct arena *a)
{
    struct json_error e;
    check(json_parse(text, a, &e) || slice_eq(slice_of(e.message), SLICE("nested too deeply")));
}

static void read_answer(const struct provider_attempt *t, const struct embed_plan *p,
                        struct slice answer, struct failure *f)
{
    struct embed_answer read;
    struct buf out;
    size_t count = p->calls[0].count;
    struct embeddings_item *items = arena_alloc(t->arena, count * sizeof(*items));
    if (!embed_read(t, p, 0, 200, (struct http_headers){0}, answer, t->arena, &read, f)) {
        check(f->status == 502);
        return;
    }
    check(read.tokens >= 0 || !read.estimated);
    for (size_t i = 0; i < count; i++) {
        items[i].type = read.type;
        if (!embeddings_vector(read.vectors[i], p->request->format, t->arena, &items[i].json))
            return;
    }
    struct llm_usage usage = {.input = read.tokens};
    buf_init(&out, 1 << 26);
    embeddings_write(SLICE("m"), items, count, &usage, &out);
    check_json(buf_slice(&out), t->arena);
    buf_fini(&out);
}

static void run(const char *id, yyjson_val *body, struct slice answer,
                const struct model_table *table, struct arena *a)
{
    static struct sigv4_key key;
    struct failure f = {0};
    struct llm_request r;
    struct embed_request e;
    struct embed_plan p;
    struct http_call call;
    struct buf scratch;
    struct deployment d = {.model_name = "m",
                           .region = "us-east-1",
                           .endpoint = "http://127.0.0.1",
                           .credentials = {SLICE("id"), SLICE("secret"), SLICE("")},
                           .signing_key = &key};
    struct provider_attempt t = {.deployment = &d,
                                 .model_id = slice_of(id),
                                 .model = models_find(table, slice_of(id), SLICE(""), NULL, a),
                                 .request = &r,
                                 .now = 1700000000,
                                 .arena = a,
                                 .prompt = a,
                                 .body = &scratch};
    buf_init(&scratch, 1 << 26);
    bool good = embeddings_parse(body, a, &r, &e, &f) && embed_plan_make(&t, &e, &p, &f);
    check(good || f.status == 400);
    for (size_t i = 0; good && i < p.count; i++) {
        check(embed_build(&t, &p, i, &call, &f));
        check_json(call.body, a);
    }
    if (good && p.count)
        read_answer(&t, &p, answer, &f);
    buf_fini(&scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct model_table *table;
    struct arena a;
    if (!table)
        table = model_table_new(SLICE(""), NULL);
    if (!size)
        return 0;
    arena_init(&a);
    struct slice answer = slice_make((const char *)data + 1, size - 1);
    struct slice body = slice_split(&answer, '\n');
    yyjson_val *v = json_parse(body, &a, NULL);
    if (v)
        run(models[data[0] % (sizeof(models) / sizeof(*models))], v, answer, table, &a);
    arena_fini(&a);
    return 0;
}
