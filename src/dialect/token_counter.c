#include "dialect/token_counter.h"

#include "dialect/dialect.h"
#include "openai_extra.h"

static struct llm_block *add_turn(struct llm_message ***tail, struct arena *a, enum llm_role role)
{
    struct llm_message *m = ARENA_NEW(a, struct llm_message);
    struct llm_block **blocks = &m->blocks;
    m->role = role;
    **tail = m;
    *tail = &m->next;
    return llm_block_add(&blocks, a, LLM_TEXT);
}

static bool parse_prompt(yyjson_val *v, struct arena *a, struct llm_request *r, struct failure *f)
{
    struct llm_message **tail = &r->messages;
    if (!yyjson_is_str(v))
        return failure_bad_param(f, a, "prompt", "prompt: expected a string, got %s",
                                 json_type_name(v));
    add_turn(&tail, a, LLM_USER)->text = json_slice(v);
    return true;
}

static bool refuse_content(struct arena *a, size_t i, struct failure *f)
{
    char path[48];
    struct buf b = {.p = path, .size = sizeof(path), .cap = sizeof(path) - 1};
    buf_addf(&b, "contents[%zu]", i);
    path[b.n] = '\0';
    return failure_bad_param(f, a, path, "%s: expected {role, parts: [{text}]}", path);
}

/* One turn a part: only the sum of their tokens matters. */
static bool parse_content(yyjson_val *v, struct arena *a, struct llm_message ***tail)
{
    bool model = slice_eq(json_get_slice(v, "role"), SLICE("model"));
    yyjson_val *part, *parts = json_get(v, "parts");
    yyjson_arr_iter it = yyjson_arr_iter_with(parts);
    while ((part = yyjson_arr_iter_next(&it))) {
        struct slice text = json_get_slice(part, "text");
        if (!text.p)
            return false;
        add_turn(tail, a, model ? LLM_ASSISTANT : LLM_USER)->text = text;
    }
    return yyjson_is_arr(parts);
}

static bool parse_contents(yyjson_val *v, struct arena *a, struct llm_request *r, struct failure *f)
{
    yyjson_val *item;
    struct llm_message **tail = &r->messages;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    if (!yyjson_is_arr(v))
        return failure_bad_param(f, a, "contents", "contents: expected a list, got %s",
                                 json_type_name(v));
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_content(item, a, &tail))
            return refuse_content(a, i, f);
    return true;
}

bool token_counter_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                         struct failure *f)
{
    if (!openai_params_parse(body, a, r, f))
        return false;
    yyjson_val *messages = json_get(body, "messages");
    yyjson_val *prompt = openai_take_extra(r, "prompt");
    yyjson_val *contents = openai_take_extra(r, "contents");
    r->extra = NULL; /* nothing else of the request is counted */
    if (messages && !yyjson_is_null(messages))
        return true;
    if (prompt)
        return parse_prompt(prompt, a, r, f);
    if (contents)
        return parse_contents(contents, a, r, f);
    return failure_bad_param(f, a, "messages", "prompt or messages or contents must be provided");
}

static void write_failure(struct json_writer *w, const struct failure *f)
{
    json_member_bool(w, "error", f);
    json_key(w, "error_message");
    if (f) {
        json_string_begin(w);
        json_string_part(w, slice_of(failure_class(f)));
        json_string_part(w, SLICE(": "));
        json_string_part(w, f->message);
        json_string_end(w);
    } else
        json_null(w);
    json_key(w, "status_code");
    if (f)
        json_integer(w, f->status);
    else
        json_null(w);
}

void token_counter_write(const struct token_count *c, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_integer(&w, "total_tokens", c->tokens);
    json_member_string(&w, "request_model", c->request_model);
    json_member_string(&w, "model_used", c->model_used);
    json_member_string(&w, "tokenizer_type",
                       c->estimated ? SLICE("estimate") : SLICE("bedrock_api"));
    json_key(&w, "original_response");
    if (c->estimated) {
        json_null(&w);
    } else {
        json_object(&w);
        json_member_integer(&w, "inputTokens", c->tokens);
        json_object_end(&w);
    }
    write_failure(&w, c->failure);
    json_object_end(&w);
}
