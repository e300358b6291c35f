/* POST /spend/calculate: what a prompt will cost, or what an answer did. Cline asks after each
 * turn.
 *
 * Happy path: the model is a name that clients may ask for, or one of Bedrock's; tokens are those
 * of the answer's usage, or the prompt's by estimate.
 *
 * Failure modes: neither model nor answer, a model nobody knows, one without prices. */

#include "ask.h"
#include "config/bedrock_name.h"
#include "handlers.h"
#include "llm/estimate.h"
#include "model_list.h"
#include "report.h"

static const struct model *find_model(struct exchange *ex, struct slice name)
{
    const struct config *c = ex->config;
    struct model_listed listed;
    struct model_entry entry;
    struct bedrock_name bedrock;
    if (model_list_find(c, name, &listed, &ex->arena))
        for (size_t i = 0; i < c->deployment_count; i++)
            if (model_list_entry(c, &listed, &c->deployments[i], &entry, &ex->arena))
                return entry.facts;
    if (bedrock_name_parse(name, slice_make(NULL, 0), &bedrock))
        return NULL;
    const struct model *m = models_find(c->models, bedrock.id, bedrock.region, NULL, &ex->arena);
    return m->has_prices ? m : NULL;
}

static int64_t tokens(yyjson_val *usage, const char *name)
{
    int64_t n;
    return json_int(json_get(usage, name), &n) && n > 0 ? n : 0;
}

/* prompt_tokens hold what the cache gave and took; clients that count that apart show it by a sum
 * that is too small. */
static struct llm_usage usage_of(yyjson_val *answer)
{
    yyjson_val *usage = json_get(answer, "usage");
    yyjson_val *details = json_get(usage, "prompt_tokens_details");
    struct llm_usage u = {.output = tokens(usage, "completion_tokens"),
                          .cache_read = tokens(usage, "cache_read_input_tokens"),
                          .cache_write = tokens(usage, "cache_creation_input_tokens")};
    int64_t prompt = tokens(usage, "prompt_tokens");
    if (!u.cache_read)
        u.cache_read = tokens(details, "cached_tokens");
    if (!u.cache_write)
        u.cache_write = tokens(details, "cache_creation_tokens");
    u.input =
        prompt >= u.cache_read + u.cache_write ? prompt - u.cache_read - u.cache_write : prompt;
    return u;
}

static void refuse(struct exchange *ex, const char *text)
{
    report_refuse(ex, 400, "None", "None", slice_of(text));
}

static void write_cost(struct exchange *ex, struct slice name, const struct llm_usage *usage,
                       struct buf *body)
{
    const struct model *m = find_model(ex, name);
    struct json_writer w;
    if (!m) {
        report_refuse(
            ex, 400, "invalid_request_error", "model",
            arena_printf(&ex->arena, "This model isn't mapped yet. model=%.*s", SLICE_ARG(name)));
        return;
    }
    json_begin(&w, body);
    json_object(&w);
    json_key(&w, "cost"), json_number(&w, model_cost(m, usage, slice_make(NULL, 0)).total);
    json_object_end(&w);
}

void handle_spend_calculate(struct exchange *ex, struct buf *body)
{
    yyjson_val *asked = ask_body(ex), *answer = json_get(asked, "completion_response");
    struct slice model = json_get_slice(asked, "model");
    struct llm_usage usage = {0};
    if (!asked)
        return;
    if (model.n && !json_get(asked, "messages")) {
        refuse(ex, "Bad Request - messages must be provided if 'model' is provided");
    } else if (model.n) {
        struct llm_request request;
        if (!dialect_openai_chat.parse(asked, &ex->prompt, &request, &ex->failure))
            return;
        usage.input = llm_estimate_request(&request);
        write_cost(ex, model, &usage, body);
    } else if (yyjson_is_obj(answer)) {
        usage = usage_of(answer);
        write_cost(ex, json_get_slice(answer, "model"), &usage, body);
    } else {
        refuse(ex, "Bad Request - Either 'model' or 'completion_response' must be provided");
    }
}
