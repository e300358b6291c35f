/* OpenAI's embeddings.
 *
 * Happy path: the members that every request of OpenAI's has are read as for chat; `input` and
 * `encoding_format` are taken out of what is left over, the rest stays for the model. Vectors come
 * one by one as they were read off Bedrock's answers and are written as they are, or packed.
 *
 * Failure modes: an input that is no text is a 400 that names it. Token ids (LangChain sends them
 * unless told otherwise) are refused with the remedy: they mean something to one tokenizer only,
 * and not to Bedrock's. */

#include "dialect/embeddings.h"

#include "dialect/dialect.h"
#include "openai_extra.h"
#include "wire/crypto.h"

#define FLOAT_SIZE 4

static bool parse_format(yyjson_val *v, struct arena *a, struct embed_request *e, struct failure *f)
{
    struct slice name = json_slice(v);
    if (!v)
        return true;
    if (slice_eq(name, SLICE("float")))
        e->format = EMBED_FLOAT;
    else if (slice_eq(name, SLICE("base64")))
        e->format = EMBED_BASE64;
    else
        return failure_bad_param(f, a, "encoding_format",
                                 "encoding_format: expected \"float\" or \"base64\"");
    return true;
}

static bool check_dimensions(const struct llm_request *r, struct arena *a, struct failure *f)
{
    int64_t n;
    yyjson_val *v = openai_find_extra(r, "dimensions");
    if (!v || (json_int(v, &n) && n > 0))
        return true;
    return failure_bad_param(f, a, "dimensions", "dimensions: expected an integer of at least 1");
}

static bool refuse_tokens(struct arena *a, struct failure *f)
{
    return failure_bad_param(f, a, "input",
                             "input: token ids are not supported, send the text (LangChain: "
                             "check_embedding_ctx_length=False)");
}

static bool parse_input(yyjson_val *v, size_t i, struct arena *a, struct embed_request *e,
                        struct failure *f)
{
    char path[32];
    struct buf b = {.p = path, .size = sizeof(path), .cap = sizeof(path)};
    e->inputs[i] = json_slice(v);
    if (e->inputs[i].p)
        return true;
    if (json_is_number(v) || json_is_number(yyjson_arr_get_first(v)))
        return refuse_tokens(a, f);
    buf_addf(&b, "input[%zu]", i);
    return failure_bad_param(f, a, path, "%s: expected a string, got %s", path, json_type_name(v));
}

static bool parse_inputs(yyjson_val *v, struct arena *a, struct embed_request *e, struct failure *f)
{
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(v);
    e->count = yyjson_is_str(v) ? 1 : yyjson_arr_size(v);
    if (!yyjson_is_str(v) && !yyjson_is_arr(v))
        return failure_bad_param(f, a, "input",
                                 "input: expected a string or a list of strings, got %s",
                                 json_type_name(v));
    if (e->count > EMBED_INPUTS_MAX)
        return failure_bad_param(f, a, "input", "input: at most %d inputs", EMBED_INPUTS_MAX);
    e->inputs = arena_alloc(a, (e->count + 1) * sizeof(*e->inputs));
    if (yyjson_is_str(v))
        e->inputs[0] = json_slice(v);
    for (size_t i = 0; (item = yyjson_arr_iter_next(&it)); i++)
        if (!parse_input(item, i, a, e, f))
            return false;
    return true;
}

bool embeddings_parse(yyjson_val *body, struct arena *a, struct llm_request *r,
                      struct embed_request *e, struct failure *f)
{
    *e = (struct embed_request){0};
    if (!openai_params_parse(body, a, r, f))
        return false;
    yyjson_val *input = openai_take_extra(r, "input");
    if (!input)
        return failure_missing_param(f, a, "input");
    return parse_inputs(input, a, e, f) &&
           parse_format(openai_take_extra(r, "encoding_format"), a, e, f) &&
           check_dimensions(r, a, f);
}

/* ---- answers ------------------------------------------------------------------------------- */

/* Numbers beyond a float's range become its largest: no infinities in a vector. */
static float narrow(double value)
{
    static const double max = 3.4028234663852886e38;
    return (float)(value > max ? max : value < -max ? -max : value);
}

static void put_float(float value, char *to)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof(bits));
    for (int i = 0; i < FLOAT_SIZE; i++)
        to[i] = (char)(bits >> (8 * i));
}

static bool pack(yyjson_val *list, char *to)
{
    yyjson_val *item;
    double value;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it))) {
        if (!json_double(item, &value))
            return false;
        put_float(narrow(value), to);
        to += FLOAT_SIZE;
    }
    return true;
}

static bool write_packed(yyjson_val *list, struct arena *a, struct buf *out)
{
    size_t n = yyjson_arr_size(list) * FLOAT_SIZE;
    char *bytes = arena_alloc(a, n + 1);
    if (!pack(list, bytes))
        return false;
    buf_add_char(out, '"');
    base64_encode(slice_make(bytes, n), out);
    buf_add_char(out, '"');
    return true;
}

static bool write_plain(yyjson_val *list, struct buf *out)
{
    struct json_writer w;
    yyjson_val *item;
    yyjson_arr_iter it = yyjson_arr_iter_with(list);
    while ((item = yyjson_arr_iter_next(&it)))
        if (!json_is_number(item))
            return false;
    json_begin(&w, out);
    json_value(&w, list);
    return true;
}

bool embeddings_vector(yyjson_val *list, enum embed_format format, struct arena *a,
                       struct slice *json)
{
    struct arena scratch;
    struct buf b;
    if (!yyjson_is_arr(list))
        return false;
    arena_init(&scratch);
    buf_init(&b, SIZE_MAX);
    bool good = format == EMBED_BASE64 ? write_packed(list, &scratch, &b) : write_plain(list, &b);
    if (good)
        *json = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    arena_fini(&scratch);
    return good;
}

static void write_item(struct json_writer *w, const struct embeddings_item *item, size_t i)
{
    json_object(w);
    json_member_string(w, "object", SLICE("embedding"));
    json_member_integer(w, "index", (int64_t)i);
    json_key(w, "embedding");
    json_raw(w, item->json);
    if (item->type.n)
        json_member_string(w, "type", item->type);
    json_object_end(w);
}

static void write_usage(struct json_writer *w, const struct llm_usage *u)
{
    json_key(w, "usage");
    json_object(w);
    json_member_integer(w, "completion_tokens", 0);
    json_member_integer(w, "prompt_tokens", u->input);
    json_member_integer(w, "total_tokens", u->input);
    json_key(w, "completion_tokens_details");
    json_null(w);
    json_key(w, "prompt_tokens_details");
    json_null(w);
    if (u->has_cost) {
        char room[SLICE_MONEY];
        json_key(w, "cost");
        json_raw(w, slice_money(u->cost, room));
    }
    json_object_end(w);
}

void embeddings_write(struct slice model, const struct embeddings_item *items, size_t count,
                      const struct llm_usage *usage, struct buf *out)
{
    struct json_writer w;
    json_begin(&w, out);
    json_object(&w);
    json_member_string(&w, "model", model);
    json_key(&w, "data");
    json_array(&w);
    for (size_t i = 0; i < count; i++)
        write_item(&w, &items[i], i);
    json_array_end(&w);
    json_member_string(&w, "object", SLICE("list"));
    write_usage(&w, usage);
    json_object_end(&w);
}
