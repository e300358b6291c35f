#include "provider/rerank.h"

#include "bedrock.h"

/* "us-gov-west-1" → "aws-us-gov" */
static struct slice partition_of(struct slice region)
{
    if (slice_starts(region, SLICE("us-gov-")))
        return SLICE("aws-us-gov");
    return slice_starts(region, SLICE("cn-")) ? SLICE("aws-cn") : SLICE("aws");
}

static struct slice model_arn(const struct provider_attempt *t)
{
    struct slice region = slice_of(t->deployment->region);
    if (slice_starts(t->model_id, SLICE("arn:")))
        return t->model_id;
    return ARENA_JOIN(t->arena, SLICE("arn:"), partition_of(region), SLICE(":bedrock:"), region,
                      SLICE("::foundation-model/"), t->model_id);
}

static void write_queries(struct json_writer *w, const struct rerank_request *r)
{
    json_key(w, "queries");
    json_array(w);
    json_object(w);
    json_key(w, "textQuery");
    json_object(w);
    json_member_string(w, "text", r->query);
    json_object_end(w);
    json_member_string(w, "type", SLICE("TEXT"));
    json_object_end(w);
    json_array_end(w);
}

static void write_extra(struct json_writer *w, const struct llm_extra *e)
{
    if (!e)
        return;
    json_key(w, "additionalModelRequestFields");
    json_object(w);
    for (; e; e = e->next)
        (json_key_slice(w, e->name), json_value(w, e->value));
    json_object_end(w);
}

static void write_configuration(struct json_writer *w, const struct provider_attempt *t,
                                const struct rerank_request *r)
{
    json_key(w, "rerankingConfiguration");
    json_object(w);
    json_key(w, "bedrockRerankingConfiguration");
    json_object(w);
    json_key(w, "modelConfiguration");
    json_object(w);
    json_member_string(w, "modelArn", model_arn(t));
    write_extra(w, t->request->extra);
    json_object_end(w);
    json_member_integer(w, "numberOfResults", (int64_t)r->top_n);
    json_object_end(w);
    json_member_string(w, "type", SLICE("BEDROCK_RERANKING_MODEL"));
    json_object_end(w);
}

static void write_fields(struct json_writer *w, yyjson_val *document, yyjson_val *names)
{
    size_t i, n;
    yyjson_val *name, *value;
    json_object(w);
    yyjson_arr_foreach(names, i, n, name)
    {
        value = json_slice(name).p
                    ? yyjson_obj_getn(document, json_slice(name).p, json_slice(name).n)
                    : NULL;
        if (value)
            (json_key_slice(w, json_slice(name)), json_value(w, value));
    }
    json_object_end(w);
}

static void write_document(struct json_writer *w, yyjson_val *document, yyjson_val *names)
{
    bool text = yyjson_is_str(document);
    json_key_slice(w, text ? SLICE("textDocument") : SLICE("jsonDocument"));
    if (text) {
        json_object(w);
        json_member_string(w, "text", json_slice(document));
        json_object_end(w);
    } else if (names) {
        write_fields(w, document, names);
    } else {
        json_value(w, document);
    }
    json_member_string(w, "type", text ? SLICE("TEXT") : SLICE("JSON"));
}

static void write_sources(struct json_writer *w, const struct rerank_request *r)
{
    size_t i, n;
    yyjson_val *document;
    json_key(w, "sources");
    json_array(w);
    yyjson_arr_foreach(r->documents, i, n, document)
    {
        json_object(w);
        json_key(w, "inlineDocumentSource");
        json_object(w);
        write_document(w, document, r->rank_fields);
        json_object_end(w);
        json_member_string(w, "type", SLICE("INLINE"));
        json_object_end(w);
    }
    json_array_end(w);
}

bool rerank_build(const struct provider_attempt *t, const struct rerank_request *r,
                  struct http_call *call, struct failure *f)
{
    struct json_writer w;
    buf_reset(t->body);
    json_begin(&w, t->body);
    json_object(&w);
    write_queries(&w, r);
    write_configuration(&w, t, r);
    write_sources(&w, r);
    json_object_end(&w);
    return bedrock_sign_agent_call(t, SLICE("/rerank"), call, f);
}

static bool read_result(const struct provider_attempt *t, const struct rerank_request *r,
                        yyjson_val *item, struct rerank_result *out)
{
    int64_t index;
    yyjson_val *score = json_get(item, "relevanceScore");
    if (!json_int(json_get(item, "index"), &index) || index < 0 || (size_t)index >= r->count ||
        !json_is_number(score))
        return false;
    *out = (struct rerank_result){(size_t)index, json_text_of(score, t->arena)};
    return true;
}

static bool read_results(const struct provider_attempt *t, const struct rerank_request *r,
                         yyjson_val *list, struct rerank_result *results, size_t *count)
{
    size_t i, n;
    yyjson_val *item;
    *count = yyjson_arr_size(list);
    if (!yyjson_is_arr(list) || *count > r->count)
        return false;
    yyjson_arr_foreach(list, i, n, item) if (!read_result(t, r, item, &results[i])) return false;
    return true;
}

bool rerank_read(const struct provider_attempt *t, const struct rerank_request *r, int status,
                 struct http_headers headers, struct slice body, struct rerank_result **results,
                 size_t *count, struct failure *f)
{
    if (status != 200) {
        bedrock_failure(f, t, status, http_header_get(headers, "x-amzn-errortype"), body);
        return false;
    }
    *results = arena_alloc(t->arena, r->count * sizeof(**results));
    if (read_results(t, r, json_get(json_parse(body, t->arena, NULL), "results"), *results, count))
        return true;
    return failure_set(f, t->arena, FAILURE_BAD_GATEWAY, 502,
                       "Bedrock's answer is no order of the documents");
}
