/* Cohere's rerank.
 *
 * Happy path: the members that every request has are read as for chat; query, documents and how
 * many are wanted are taken out of what is left over. Results come in the model's order.
 *
 * Failure modes: what is missing or of the wrong type is a 400 that names it. */

#include "dialect/rerank.h"

#include "dialect/dialect.h"
#include "openai_extra.h"

static bool parse_query(yyjson_val *v, struct arena *a, struct rerank_request *out,
                        struct failure *f)
{
    out->query = json_slice(v);
    if (!v)
        return failure_missing_param(f, a, "query");
    return out->query.p ||
           failure_bad_param(f, a, "query", "query: expected a string, got %s", json_type_name(v));
}

static bool parse_documents(yyjson_val *v, struct arena *a, struct rerank_request *out,
                            struct failure *f)
{
    size_t i, n;
    yyjson_val *item;
    if (!v)
        return failure_missing_param(f, a, "documents");
    if (!yyjson_arr_size(v))
        return failure_bad_param(f, a, "documents", "documents: expected a list of at least one");
    yyjson_arr_foreach(
        v, i, n,
        item) if (!yyjson_is_str(item) &&
                  !yyjson_is_obj(item)) return failure_bad_param(f, a, "documents",
                                                                 "documents[%zu]: expected a "
                                                                 "string or an object, got %s",
                                                                 i, json_type_name(item));
    out->documents = v;
    out->count = yyjson_arr_size(v);
    return true;
}

static bool parse_top_n(yyjson_val *v, struct arena *a, struct rerank_request *out,
                        struct failure *f)
{
    int64_t n;
    out->top_n = out->count;
    if (!v)
        return true;
    if (!json_int(v, &n) || n < 1)
        return failure_bad_param(f, a, "top_n", "top_n: expected an integer of at least 1");
    if ((size_t)n < out->count)
        out->top_n = (size_t)n;
    return true;
}

static bool parse_fields(yyjson_val *v, struct arena *a, struct rerank_request *out,
                         struct failure *f)
{
    out->rank_fields = v;
    return !v || yyjson_is_arr(v) ||
           failure_bad_param(f, a, "rank_fields", "rank_fields: expected a list of names, got %s",
                             json_type_name(v));
}

static bool parse_return(yyjson_val *v, struct arena *a, struct rerank_request *out,
                         struct failure *f)
{
    out->return_documents = yyjson_is_true(v);
    return !v || yyjson_is_bool(v) ||
           failure_bad_param(f, a, "return_documents",
                             "return_documents: expected a boolean, got %s", json_type_name(v));
}

static yyjson_val *take(struct llm_request *r, const char *name)
{
    yyjson_val *v = openai_take_extra(r, name);
    return yyjson_is_null(v) ? NULL : v;
}

bool rerank_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                  struct rerank_request *out, struct failure *f)
{
    *out = (struct rerank_request){.count = 0};
    if (!openai_params_parse(body, a, r, f) || !parse_query(take(r, "query"), a, out, f) ||
        !parse_documents(take(r, "documents"), a, out, f) ||
        !parse_top_n(take(r, "top_n"), a, out, f) ||
        !parse_fields(take(r, "rank_fields"), a, out, f) ||
        !parse_return(take(r, "return_documents"), a, out, f))
        return false;
    take(r, "max_chunks_per_doc"); /* of Cohere's first API: Bedrock's models cut as they do */
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

static void write_document(struct json_writer *w, yyjson_val *document)
{
    json_key(w, "document");
    if (yyjson_is_obj(document)) {
        json_value(w, document);
        return;
    }
    json_object(w);
    json_member_string(w, "text", json_slice(document));
    json_object_end(w);
}

static void write_result(struct json_writer *w, const struct rerank_request *r,
                         const struct rerank_result *result)
{
    json_object(w);
    json_member_integer(w, "index", (int64_t)result->index);
    json_key(w, "relevance_score");
    json_raw(w, result->score);
    if (r->return_documents)
        write_document(w, yyjson_arr_get(r->documents, result->index));
    json_object_end(w);
}

void rerank_write(struct slice id, const struct rerank_request *r,
                  const struct rerank_result *results, size_t count, size_t units, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "id", id);
    json_key(&w, "results");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        write_result(&w, r, &results[i]);
    json_array_end(&w);
    json_key(&w, "meta");
    json_object(&w);
    json_key(&w, "billed_units");
    json_object(&w);
    json_member_integer(&w, "search_units", (int64_t)units);
    json_object_end(&w);
    json_key(&w, "tokens");
    json_object(&w);
    json_object_end(&w);
    json_object_end(&w);
    json_object_end(&w);
}
