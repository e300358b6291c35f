#include "rerank.h"

#include "schema.h"
#include "vector.h"

#include <math.h>
#include <stdlib.h>

#define DIMENSIONS  256
#define RESULTS_MAX 1000

/* clang-format off */

#define MEMBERS (const struct shape_member[])
#define END     {NULL, NULL, false}

#define ENUM(name, value)                                                                          \
    static const char *const name##_values[] = {value, NULL};                                      \
    static const struct shape name = {.kind = SHAPE_STRING, .max = SHAPE_NO_MAX, .values = name##_values}

ENUM(query_type, "TEXT");
ENUM(configuration_type, "BEDROCK_RERANKING_MODEL");
ENUM(source_type, "INLINE");

static const char *const document_types[] = {"TEXT", "JSON", NULL};
static const struct shape document_type = {.kind = SHAPE_STRING, .max = SHAPE_NO_MAX, .values = document_types};
static const struct shape any = {.kind = SHAPE_DOCUMENT};
static const struct shape token = {.kind = SHAPE_STRING, .min = 1, .max = 2048};
static const struct shape text = {.kind = SHAPE_STRING, .min = 1, .max = 32000};
static const struct shape result_count = {.kind = SHAPE_INTEGER, .min = 1, .max = RESULTS_MAX};
static const struct shape text_document = {.kind = SHAPE_STRUCTURE, .name = "RerankTextDocument", .members = MEMBERS{
    {"text", &text, false},
    END}};
static const struct shape query = {.kind = SHAPE_STRUCTURE, .name = "RerankQuery", .members = MEMBERS{
    {"textQuery", &text_document, true},
    {"type", &query_type, true},
    END}};
static const struct shape queries = {.kind = SHAPE_LIST, .item = &query, .min = 1, .max = 1};
static const struct shape document = {.kind = SHAPE_STRUCTURE, .name = "RerankDocument", .members = MEMBERS{
    {"jsonDocument", &any, false},
    {"textDocument", &text_document, false},
    {"type", &document_type, true},
    END}};
static const struct shape source = {.kind = SHAPE_STRUCTURE, .name = "RerankSource", .members = MEMBERS{
    {"inlineDocumentSource", &document, true},
    {"type", &source_type, true},
    END}};
static const struct shape sources = {.kind = SHAPE_LIST, .item = &source, .min = 1, .max = RESULTS_MAX};
static const struct shape model = {.kind = SHAPE_STRUCTURE, .name = "BedrockRerankingModelConfiguration", .members = MEMBERS{
    {"additionalModelRequestFields", &any, false},
    {"modelArn", &token, true},
    END}};
static const struct shape bedrock = {.kind = SHAPE_STRUCTURE, .name = "BedrockRerankingConfiguration", .members = MEMBERS{
    {"modelConfiguration", &model, true},
    {"numberOfResults", &result_count, false},
    END}};
static const struct shape configuration = {.kind = SHAPE_STRUCTURE, .name = "RerankingConfiguration", .members = MEMBERS{
    {"bedrockRerankingConfiguration", &bedrock, true},
    {"type", &configuration_type, true},
    END}};
static const struct shape request = {.kind = SHAPE_STRUCTURE, .name = "RerankRequest", .members = MEMBERS{
    {"nextToken", &token, false},
    {"queries", &queries, true},
    {"rerankingConfiguration", &configuration, true},
    {"sources", &sources, true},
    END}};

/* clang-format on */

static yyjson_val *bedrock_of(yyjson_val *body)
{
    return json_get(json_get(body, "rerankingConfiguration"), "bedrockRerankingConfiguration");
}

struct slice rerank_model(yyjson_val *body)
{
    return json_get_slice(json_get(bedrock_of(body), "modelConfiguration"), "modelArn");
}

struct slice rerank_query(yyjson_val *body)
{
    yyjson_val *first = yyjson_arr_get_first(json_get(body, "queries"));
    return json_get_slice(json_get(first, "textQuery"), "text");
}

static yyjson_val *document_of(yyjson_val *item)
{
    return json_get(item, "inlineDocumentSource");
}

/* What its type says must be there, and nothing else. */
static bool check_documents(yyjson_val *body, struct arena *a, struct fault *f)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(json_get(body, "sources"), i, n, item)
    {
        yyjson_val *d = document_of(item);
        bool is_text = slice_eq(json_get_slice(d, "type"), SLICE("TEXT"));
        bool has_text = json_get(d, "textDocument"), has_json = json_get(d, "jsonDocument");
        if (has_text != is_text || has_json == is_text)
            return fault_validation(f, a, "The document of source %zu does not fit its type.", i);
    }
    return true;
}

bool rerank_check(yyjson_val *body, struct arena *a, struct fault *f)
{
    int64_t wanted;
    if (!schema_check(&request, body, a, f) || !check_documents(body, a, f))
        return false;
    if (!json_int(json_get(bedrock_of(body), "numberOfResults"), &wanted) ||
        (size_t)wanted <= yyjson_arr_size(json_get(body, "sources")))
        return true;
    return fault_validation(f, a, "The number of results exceeds the number of sources.");
}

struct rank {
    size_t index;
    double score;
};

static int by_score(const void *x, const void *y)
{
    const struct rank *a = x, *b = y;
    if (a->score > b->score || a->score < b->score)
        return a->score > b->score ? -1 : 1;
    return a->index < b->index ? -1 : a->index > b->index;
}

/* Between 0 and 1, with six decimals. */
static double score_of(const struct vector *wanted, yyjson_val *d, struct arena *a)
{
    struct vector *v = ARENA_NEW(a, struct vector);
    yyjson_val *plain = json_get(d, "textDocument");
    double sum = 0;
    vector_of(plain ? json_get_slice(plain, "text") : json_text_of(json_get(d, "jsonDocument"), a),
              DIMENSIONS, v);
    for (size_t i = 0; i < DIMENSIONS; i++)
        sum += wanted->v[i] * v->v[i];
    return round((1 + sum) / 2 * 1e6) / 1e6;
}

static void write_ranks(struct json_writer *w, const struct rank *ranks, size_t n)
{
    json_key(w, "results");
    json_array(w);
    for (size_t i = 0; i < n; i++) {
        json_object(w);
        json_member_integer(w, "index", (int64_t)ranks[i].index);
        json_key(w, "relevanceScore");
        json_number(w, ranks[i].score);
        json_object_end(w);
    }
    json_array_end(w);
}

void rerank_write(yyjson_val *body, struct arena *a, struct buf *out)
{
    size_t i, n;
    int64_t wanted;
    yyjson_val *item, *list = json_get(body, "sources");
    struct rank *ranks = arena_alloc(a, yyjson_arr_size(list) * sizeof(*ranks));
    struct vector *v = ARENA_NEW(a, struct vector);
    struct json_writer w;
    vector_of(rerank_query(body), DIMENSIONS, v);
    yyjson_arr_foreach(list, i, n, item)
    {
        struct arena_mark mark = arena_mark(a);
        ranks[i] = (struct rank){i, score_of(v, document_of(item), a)};
        arena_rewind(a, mark);
    }
    qsort(ranks, n, sizeof(*ranks), by_score);
    if (json_int(json_get(bedrock_of(body), "numberOfResults"), &wanted))
        n = (size_t)wanted;
    json_begin(&w, out);
    json_object(&w);
    write_ranks(&w, ranks, n);
    json_object_end(&w);
}
