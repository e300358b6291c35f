/* OpenAI's legacy completions (POST /v1/completions): a prompt in, text out.
 *
 * Happy path: the prompt becomes the one message of a user, every other parameter is read as for
 * chat; the answer's text comes back under `text`. Thinking and tool calls have no place here and
 * are left out. `echo` puts the prompt in front of the answer, as it does at OpenAI. Several
 * prompts, or several choices (`n`), are a message each and answered one by one (completions.h).
 *
 * Failure modes: token ids are refused, since they mean something to one tokenizer only. `suffix`
 * and `best_of` are left to the provider, which has nothing for them. EV_FAIL ends a stream as in
 * chat. */

#include "dialect/completions.h"
#include "openai_answer.h"
#include "openai_error.h"
#include "openai_extra.h"
#include "wire/sse.h"

#define PREFIX_MAX (16 * 1024) /* id, model and framing of a chunk */

/* ---- requests ------------------------------------------------------------------------------ */

static bool refuse_tokens(struct arena *a, struct failure *f)
{
    return failure_bad_param(f, a, "prompt", "prompt: token ids are not supported, send the text");
}

static bool add_prompt(struct slice text, struct arena *a, struct llm_message ***tail)
{
    struct llm_message *m = ARENA_NEW(a, struct llm_message);
    struct llm_block **blocks = &m->blocks;
    m->role = LLM_USER;
    llm_block_add(&blocks, a, LLM_TEXT)->text = text;
    **tail = m;
    *tail = &m->next;
    return true;
}

static bool parse_prompt_list(yyjson_val *list, struct arena *a, struct llm_message ***tail,
                              struct failure *f)
{
    size_t i, n;
    yyjson_val *item;
    yyjson_arr_foreach(list, i, n, item)
    {
        if (json_is_number(item) || json_is_number(yyjson_arr_get_first(item)))
            return refuse_tokens(a, f);
        if (!yyjson_is_str(item))
            return failure_bad_param(f, a, arena_printf(a, "prompt[%zu]", i).p,
                                     "prompt[%zu]: expected a string, got %s", i,
                                     json_type_name(item));
        add_prompt(json_slice(item), a, tail);
    }
    return n || failure_bad_param(f, a, "prompt", "prompt: expected at least one");
}

static bool parse_prompt(yyjson_val *v, struct arena *a, struct llm_request *r, struct failure *f)
{
    struct llm_message **tail = &r->messages;
    if (!v)
        return failure_missing_param(f, a, "prompt");
    if (yyjson_is_arr(v))
        return parse_prompt_list(v, a, &tail, f);
    if (yyjson_is_str(v))
        return add_prompt(json_slice(v), a, &tail);
    return failure_bad_param(f, a, "prompt",
                             "prompt: expected a string or a list of strings, got %s",
                             json_type_name(v));
}

/* `n` that is no count was refused with the parameters of chat. */
static bool parse_choices(yyjson_val *n, struct arena *a, struct llm_request *r, struct failure *f)
{
    int64_t each = 1;
    size_t prompts = 0;
    for (const struct llm_message *m = r->messages; m; m = m->next)
        prompts++;
    json_int(n, &each);
    if (each > COMPLETIONS_MAX || prompts > COMPLETIONS_MAX / (size_t)each)
        return failure_bad_param(f, a, "prompt",
                                 "prompt: at most %d choices a request, got %zu prompts and n=%lld",
                                 COMPLETIONS_MAX, prompts, (long long)each);
    r->choices = (size_t)each;
    r->separate = prompts > 1 || each > 1;
    return true;
}

static bool parse_echo(yyjson_val *v, struct arena *a, struct llm_request *r, struct failure *f)
{
    if (v && !yyjson_is_bool(v))
        return failure_bad_param(f, a, "echo", "echo: expected a boolean, got %s",
                                 json_type_name(v));
    if (yyjson_is_true(v))
        r->echo = r->messages->blocks->text;
    return true;
}

/* LangChain sends it always; newer Claudes do not take it beside a temperature. */
static void drop_idle_top_p(struct llm_request *r)
{
    double top_p;
    if (json_double(r->top_p, &top_p) && top_p >= 1)
        r->top_p = NULL;
}

static bool completions_parse(yyjson_val *body, struct arena *a, struct llm_request *out,
                              struct failure *f)
{
    if (!openai_params_parse(body, a, out, f) ||
        !parse_prompt(openai_take_extra(out, "prompt"), a, out, f) ||
        !parse_choices(openai_take_extra(out, "n"), a, out, f) ||
        !parse_echo(openai_take_extra(out, "echo"), a, out, f))
        return false;
    drop_idle_top_p(out);
    return true;
}

/* ---- streams ------------------------------------------------------------------------------- */

struct encoder {
    struct slice chunk; /* `{"id":…,"choices":[{"index":0,"logprobs":null,"text":` */
    struct slice echo;  /* not sent yet; or empty */
    bool include_usage;
};

static void write_head(struct json_writer *w, const struct dialect_answer *ans)
{
    json_member_string(w, "id", ans->id);
    json_member_string(w, "object", SLICE("text_completion"));
    json_member_integer(w, "created", ans->created);
    json_member_string(w, "model", ans->model);
}

static struct encoder *encoder_of(struct arena *a, const struct dialect_answer *ans, size_t index,
                                  struct slice echo)
{
    struct encoder *enc = ARENA_NEW(a, struct encoder);
    struct json_writer w;
    struct buf b;
    buf_init(&b, PREFIX_MAX + 6 * ans->model.n);
    json_begin(&w, &b);
    json_object(&w);
    write_head(&w, ans);
    buf_addf(&b, ",\"choices\":[{\"index\":%zu,\"logprobs\":null,\"text\":", index);
    enc->chunk = arena_dup(a, buf_slice(&b));
    enc->echo = arena_dup(a, echo);
    buf_fini(&b);
    return enc;
}

static void *completions_encoder(struct arena *a, const struct llm_request *r,
                                 const struct dialect_answer *ans)
{
    struct encoder *enc = encoder_of(a, ans, 0, r->echo);
    enc->include_usage = r->include_usage;
    return enc;
}

/* Begins a chunk and writes its text; the choice stays open. */
static void chunk_begin(struct encoder *enc, struct slice text, struct buf *out)
{
    struct json_writer w;
    sse_begin(out);
    buf_add(out, enc->chunk);
    json_begin(&w, out);
    json_string_begin(&w);
    json_string_part(&w, enc->echo);
    json_string_part(&w, text);
    json_string_end(&w);
    enc->echo = SLICE("");
}

static void encode_text(struct encoder *enc, struct slice text, struct buf *out)
{
    chunk_begin(enc, text, out);
    BUF_LITERAL(out, ",\"finish_reason\":null}]}");
    sse_end(out);
}

static void encode_stop(struct encoder *enc, enum llm_stop stop, struct buf *out)
{
    chunk_begin(enc, SLICE(""), out);
    buf_addf(out, ",\"finish_reason\":\"%s\"}]}", openai_finish_reason(stop));
    sse_end(out);
}

/* With an empty choice, as in chat: clients index choices[0]. */
static void encode_usage(struct encoder *enc, const struct llm_usage *usage, struct buf *out)
{
    struct json_writer w;
    if (!enc->include_usage)
        return;
    chunk_begin(enc, SLICE(""), out);
    BUF_LITERAL(out, ",\"finish_reason\":null}]");
    json_begin(&w, out);
    w.comma = true;
    openai_write_usage(&w, usage);
    json_object_end(&w);
    sse_end(out);
}

static void completions_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    struct encoder *enc = encoder;
    switch (e->kind) {
    case EV_START:
    case EV_FOREIGN:
    case EV_RAW:
    case EV_BLOCK_START:
    case EV_REASONING:
    case EV_SIGNATURE:
    case EV_REDACTED:
    case EV_TOOL_ARGS:
    case EV_CITATION:
    case EV_BLOCK_STOP:
    case EV_NOTE: break;
    case EV_TEXT: encode_text(enc, e->text, out); break;
    case EV_STOP: encode_stop(enc, e->stop, out); break;
    case EV_USAGE: encode_usage(enc, e->usage, out); break;
    case EV_END: sse_data(out, SLICE("[DONE]")); break;
    case EV_FAIL: openai_error_event(e->failure, out); break;
    }
}

/* ---- whole answers ------------------------------------------------------------------------- */

static void write_choice(struct json_writer *w, const struct completions_choice *c)
{
    json_object(w);
    json_member_string(w, "finish_reason", slice_of(openai_finish_reason(c->stop)));
    json_member_integer(w, "index", (int64_t)c->index);
    json_key(w, "text");
    json_string_begin(w);
    json_string_part(w, c->echo);
    json_string_part(w, c->text);
    json_string_end(w);
    json_key(w, "logprobs");
    json_null(w);
    json_object_end(w);
}

void completions_write(const struct dialect_answer *ans, const struct completions_choice *choices,
                       size_t count, const struct llm_usage *usage, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    write_head(&w, ans);
    json_key(&w, "choices");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        write_choice(&w, &choices[i]);
    json_array_end(&w);
    if (usage)
        openai_write_usage(&w, usage);
    json_object_end(&w);
}

static void completions_encode_whole(const struct llm_response *response,
                                     const struct llm_request *r, const struct dialect_answer *ans,
                                     struct buf *out)
{
    struct arena a;
    arena_init(&a);
    const struct completions_choice choice = {
        .echo = r->echo, .text = llm_response_text(response, &a), .stop = response->stop};
    completions_write(ans, &choice, 1, &response->usage, out);
    arena_fini(&a);
}

/* ---- several choices ----------------------------------------------------------------------- */

void *completions_choice_encoder(struct arena *a, const struct dialect_answer *ans,
                                 const struct completions_choice *c)
{
    return encoder_of(a, ans, c->index, c->echo);
}

void completions_choice_encode(void *encoder, const struct llm_event *e, struct buf *out)
{
    if (e->kind == EV_TEXT || e->kind == EV_STOP)
        completions_encode(encoder, e, out);
}

void completions_write_end(const struct dialect_answer *ans, const struct llm_usage *usage,
                           struct buf *out)
{
    if (usage) {
        sse_begin(out);
        completions_write(ans, NULL, 0, usage, out);
        sse_end(out);
    }
    sse_data(out, SLICE("[DONE]"));
}

const struct dialect dialect_openai_completions = {
    .name = "openai_completions",
    .id_header = "x-request-id",
    .parse = completions_parse,
    .encoder = completions_encoder,
    .encode = completions_encode,
    .keep_alive = openai_keep_alive,
    .encode_whole = completions_encode_whole,
    .encode_failure = openai_error_write,
};
