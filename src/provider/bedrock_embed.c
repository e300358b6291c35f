/* Embedding models of Bedrock.
 *
 * Happy path: the model's id says its family; a row of `families` says how its body is written and
 * where its answer has the vectors. The plan cuts the inputs into calls; each call is written,
 * signed and later read on its own.
 *
 * Failure modes: a model that makes no embeddings is the client's mistake (400); so are dimensions
 * for a model of fixed size, unless they are to be dropped. An answer with too few vectors, or
 * none, is a 502: half a list must not look whole. */

#include "provider/embed.h"

#include "bedrock.h"
#include "llm/estimate.h"
#include "llm/media.h"
#include "provider/models.h"

#define NOVA_DIMENSIONS SLICE("3072") /* Nova has no default of its own; LiteLLM's */

struct writer {
    struct json_writer json;
    const struct provider_attempt *t;
    const struct embed_plan *plan;
    const struct slice *inputs; /* of this call */
    size_t count;
};

/* ---- the client's parameters --------------------------------------------------------------- */

static yyjson_val *extra_of(const struct provider_attempt *t, struct slice name)
{
    for (const struct llm_extra *e = t->request->extra; e; e = e->next)
        if (slice_eq(e->name, name))
            return e->value;
    return NULL;
}

static bool is_one_of(struct slice name, const char *const *list)
{
    while (*list && !slice_eq(name, slice_of(*list)))
        list++;
    return *list;
}

#define NAMES(...)                                                                                 \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* All but those we write ourselves: no member may stand there twice. */
static void write_extras(struct writer *w, const char *const *own)
{
    for (const struct llm_extra *e = w->t->request->extra; e; e = e->next) {
        if (is_one_of(e->name, own))
            continue;
        json_key_slice(&w->json, e->name);
        json_value(&w->json, e->value);
    }
}

/* A member that the client did not set in the model's own words. */
static bool writes_own(struct writer *w, struct slice name)
{
    if (extra_of(w->t, name))
        return false;
    json_key_slice(&w->json, name);
    return true;
}

/* `dimensions` under the model's name for it. */
static void write_dimensions(struct writer *w, struct slice name)
{
    yyjson_val *dimensions = extra_of(w->t, SLICE("dimensions"));
    if (dimensions && writes_own(w, name))
        json_value(&w->json, dimensions);
}

/* Asked for in words when the client named an encoding, as LiteLLM does; it is the default too. */
static void write_float_type(struct writer *w, struct slice name)
{
    if (w->plan->request->format != EMBED_UNSET && writes_own(w, name))
        json_raw(&w->json, SLICE("[\"float\"]"));
}

/* ---- media in data URLs -------------------------------------------------------------------- */

/* "data:image/png;base64,AAAA" → "image/png" and "AAAA". */
static bool split_data_url(struct slice s, struct slice *type, struct slice *base64)
{
    if (!slice_starts_nocase(s, SLICE("data:")))
        return false;
    s = slice_skip(s, 5);
    struct slice head = slice_split(&s, ',');
    if (!slice_ends(head, SLICE(";base64")) || !s.p)
        return false;
    *type = slice_split(&head, ';');
    *base64 = s;
    return true;
}

static bool is_image(struct slice input)
{
    struct slice type, base64;
    return split_data_url(input, &type, &base64) && slice_starts_nocase(type, SLICE("image/"));
}

/* ---- Titan --------------------------------------------------------------------------------- */

static void write_titan_v1(struct writer *w)
{
    json_member_string(&w->json, "inputText", w->inputs[0]);
    write_extras(w, NAMES("inputText", "dimensions"));
}

static void write_titan_v2(struct writer *w)
{
    yyjson_val *dimensions = extra_of(w->t, SLICE("dimensions"));
    write_titan_v1(w);
    if (dimensions) {
        json_key(&w->json, "dimensions");
        json_value(&w->json, dimensions);
    }
    write_float_type(w, SLICE("embeddingTypes"));
}

static void write_titan_image(struct writer *w)
{
    yyjson_val *dimensions = extra_of(w->t, SLICE("dimensions"));
    struct slice type, base64;
    bool image = split_data_url(w->inputs[0], &type, &base64);
    if (image)
        json_member_string(&w->json, "inputImage", base64);
    else
        json_member_string(&w->json, "inputText", w->inputs[0]);
    write_extras(w, NAMES(image ? "inputImage" : "inputText", "dimensions"));
    if (dimensions && writes_own(w, SLICE("embeddingConfig"))) {
        json_object(&w->json);
        json_key(&w->json, "outputEmbeddingLength");
        json_value(&w->json, dimensions);
        json_object_end(&w->json);
    }
}

/* The list of numbers, or of an object of lists by type the floats, or else what there is. */
static yyjson_val *floats_of(yyjson_val *v, struct slice *type)
{
    yyjson_obj_iter it = yyjson_obj_iter_with(v);
    yyjson_val *key = yyjson_obj_iter_next(&it), *floats = json_get(v, "float");
    if (yyjson_is_arr(v) || !key)
        return v;
    *type = floats ? SLICE("float") : json_slice(key);
    return floats ? floats : yyjson_obj_iter_get_val(key);
}

static void read_titan(yyjson_val *answer, size_t count, struct embed_answer *out)
{
    struct slice type;
    yyjson_val *vector = json_get(answer, "embedding");
    if (!yyjson_is_arr(vector))
        vector = floats_of(json_get(answer, "embeddingsByType"), &type);
    out->vectors[0] = vector;
    json_int(json_get(answer, "inputTextTokenCount"), &out->tokens);
}

/* ---- Cohere -------------------------------------------------------------------------------- */

/* Images come alone (see calls_of_cohere), and as images whatever the texts are meant for. */
static void write_cohere(struct writer *w)
{
    bool image = is_image(w->inputs[0]);
    json_key_slice(&w->json, image ? SLICE("images") : SLICE("texts"));
    json_array(&w->json);
    for (size_t i = 0; i < w->count; i++)
        json_string(&w->json, w->inputs[i]);
    json_array_end(&w->json);
    if (image)
        json_member_string(&w->json, "input_type", SLICE("image"));
    else if (writes_own(w, SLICE("input_type")))
        json_string(&w->json, SLICE("search_document"));
    write_extras(w, NAMES("texts", "images", "dimensions", image ? "input_type" : NULL));
    write_dimensions(w, SLICE("output_dimension"));
    write_float_type(w, SLICE("embedding_types"));
}

static void read_cohere(yyjson_val *answer, size_t count, struct embed_answer *out)
{
    yyjson_val *list = floats_of(json_get(answer, "embeddings"), &out->type);
    if (yyjson_arr_size(list) != count)
        return;
    for (size_t i = 0; i < count; i++)
        out->vectors[i] = yyjson_arr_get(list, i);
}

/* As many texts a call as it takes, and each image in one of its own. */
static void calls_of_cohere(const struct embed_request *r, struct embed_plan *p)
{
    size_t room = 0; /* in the last call */
    for (size_t i = 0; i < r->count; i++) {
        bool image = is_image(r->inputs[i]);
        if (image || room == 0) {
            p->calls[p->count++] = (struct embed_call){.first = i};
            room = image ? 1 : EMBED_COHERE_TEXTS;
        }
        p->calls[p->count - 1].count++;
        room = image ? 0 : room - 1;
    }
}

/* ---- Nova ---------------------------------------------------------------------------------- */

struct nova_medium {
    struct slice kind;   /* "image", "video", "audio"; empty: a text */
    struct slice format; /* "png" */
    struct slice source; /* base64 */
};

static struct slice audio_format(struct slice type)
{
    static const char *const names[][2] = {
        {"mpeg", "mp3"}, {"x-wav", "wav"}, {"wave", "wav"}, {"vnd.wave", "wav"}};
    for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
        if (slice_eq_nocase(type, slice_of(names[i][0])))
            return slice_of(names[i][1]);
    return type;
}

static struct nova_medium nova_medium_of(struct slice input)
{
    struct slice type, base64;
    if (!split_data_url(input, &type, &base64))
        return (struct nova_medium){0};
    const struct media *media = media_by_type(type);
    if (media && media->kind == LLM_IMAGE)
        return (struct nova_medium){SLICE("image"), slice_of(media->format), base64};
    if (media && media->kind == LLM_VIDEO)
        return (struct nova_medium){SLICE("video"), slice_of(media->format), base64};
    if (slice_starts_nocase(type, SLICE("audio/")))
        return (struct nova_medium){SLICE("audio"), audio_format(slice_skip(type, 6)), base64};
    return (struct nova_medium){0};
}

static void write_nova_medium(struct writer *w, const struct nova_medium *m)
{
    json_key_slice(&w->json, m->kind);
    json_object(&w->json);
    json_member_string(&w->json, "format", m->format);
    json_key(&w->json, "source");
    json_object(&w->json);
    json_member_string(&w->json, "bytes", m->source);
    json_object_end(&w->json);
    json_object_end(&w->json);
}

static void write_nova_text(struct writer *w, struct slice text)
{
    bool stored = slice_starts(text, SLICE("s3://"));
    json_key(&w->json, "text");
    json_object(&w->json);
    json_member_string(&w->json, "truncationMode", SLICE("END"));
    if (stored) {
        json_key(&w->json, "source");
        json_object(&w->json);
        json_key(&w->json, "s3Location");
        json_object(&w->json);
        json_member_string(&w->json, "uri", text);
        json_object_end(&w->json);
        json_object_end(&w->json);
    } else {
        json_member_string(&w->json, "value", text);
    }
    json_object_end(&w->json);
}

/* A client may describe the input wholly by itself (`text`, `image`, … of Nova's own schema). */
static bool nova_input_given(const struct writer *w)
{
    return extra_of(w->t, SLICE("text")) || extra_of(w->t, SLICE("image")) ||
           extra_of(w->t, SLICE("video")) || extra_of(w->t, SLICE("audio"));
}

static void write_nova(struct writer *w)
{
    struct nova_medium medium = nova_medium_of(w->inputs[0]);
    json_member_string(&w->json, "schemaVersion", SLICE("nova-multimodal-embed-v1"));
    json_member_string(&w->json, "taskType", SLICE("SINGLE_EMBEDDING"));
    json_key(&w->json, "singleEmbeddingParams");
    json_object(&w->json);
    if (writes_own(w, SLICE("embeddingPurpose")))
        json_string(&w->json, SLICE("GENERIC_INDEX"));
    write_extras(w, NAMES("dimensions"));
    if (extra_of(w->t, SLICE("dimensions")))
        write_dimensions(w, SLICE("embeddingDimension"));
    else if (writes_own(w, SLICE("embeddingDimension")))
        json_raw(&w->json, NOVA_DIMENSIONS);
    if (medium.kind.n && !nova_input_given(w))
        write_nova_medium(w, &medium);
    else if (!nova_input_given(w))
        write_nova_text(w, w->inputs[0]);
    json_object_end(&w->json);
}

static void read_nova(yyjson_val *answer, size_t count, struct embed_answer *out)
{
    yyjson_val *first = yyjson_arr_get_first(json_get(answer, "embeddings"));
    out->vectors[0] = json_get(first, "embedding");
}

/* ---- families ------------------------------------------------------------------------------ */

static const struct family {
    const char *id; /* how the ids of the family begin */
    bool sized;     /* takes dimensions */
    void (*write)(struct writer *w);
    void (*read)(yyjson_val *answer, size_t count, struct embed_answer *out);
} families[EMBED_FAMILIES] = {
    [EMBED_TITAN_V1] = {"amazon.titan-embed", false, write_titan_v1, read_titan},
    [EMBED_TITAN_V2] = {"amazon.titan-embed-text-v2", true, write_titan_v2, read_titan},
    [EMBED_TITAN_IMAGE] = {"amazon.titan-embed-image", true, write_titan_image, read_titan},
    [EMBED_COHERE] = {"cohere.embed", true, write_cohere, read_cohere},
    [EMBED_NOVA] = {"amazon.nova-2-multimodal-embed", true, write_nova, read_nova},
};

/* The longest beginning wins. */
static bool find_family(const struct provider_attempt *t, enum embed_family *family)
{
    struct slice id = model_base_id(slice_of(t->model->id));
    size_t best = 0;
    for (int i = 0; i < EMBED_FAMILIES; i++) {
        struct slice start = slice_of(families[i].id);
        if (start.n > best && slice_starts(id, start)) {
            *family = (enum embed_family)i;
            best = start.n;
        }
    }
    return best > 0;
}

static bool is_dropped(const struct provider_attempt *t)
{
    return t->request->drop_params || t->deployment->drop_params;
}

static bool check_dimensions(const struct provider_attempt *t, enum embed_family family,
                             struct failure *f)
{
    yyjson_val *dimensions = extra_of(t, SLICE("dimensions"));
    if (!dimensions || families[family].sized || is_dropped(t))
        return true;
    failure_set(f, t->arena, FAILURE_UNSUPPORTED, 400,
                "Bedrock does not support the parameter 'dimensions' for model %.*s; set "
                "drop_params: true to drop such parameters",
                SLICE_ARG(t->model_id));
    f->param = SLICE("dimensions");
    return false;
}

bool embed_plan_make(const struct provider_attempt *t, const struct embed_request *r,
                     struct embed_plan *p, struct failure *f)
{
    *p = (struct embed_plan){.request = r};
    if (!find_family(t, &p->family))
        return failure_bad_param(f, t->arena, "model",
                                 "model %.*s makes no embeddings: Titan, Cohere and Nova models "
                                 "named \"embed\" do",
                                 SLICE_ARG(t->model_id));
    if (!check_dimensions(t, p->family, f))
        return false;
    p->calls = arena_alloc(t->arena, (r->count + 1) * sizeof(*p->calls));
    if (p->family == EMBED_COHERE)
        calls_of_cohere(r, p);
    else
        for (; p->count < r->count; p->count++)
            p->calls[p->count] = (struct embed_call){p->count, 1};
    return true;
}

bool embed_build(const struct provider_attempt *t, const struct embed_plan *p, size_t i,
                 struct http_call *call, struct failure *f)
{
    struct writer w = {.t = t, .plan = p, .count = p->calls[i].count};
    w.inputs = p->request->inputs + p->calls[i].first;
    buf_reset(t->body);
    json_begin(&w.json, t->body);
    json_object(&w.json);
    families[p->family].write(&w);
    json_object_end(&w.json);
    if (!bedrock_sign_call(t, SLICE("/invoke"), false, (struct http_headers){0}, call, f))
        return false;
    call->body = arena_dup(t->arena, call->body);
    return true;
}

/* ---- answers ------------------------------------------------------------------------------- */

static void count_tokens(const struct embed_plan *p, const struct embed_call *c,
                         struct http_headers headers, struct embed_answer *out)
{
    struct slice counted = http_header_get(headers, "x-amzn-bedrock-input-token-count");
    struct slice type, base64;
    out->images = 0;
    out->estimated = out->tokens < 0 && !slice_to_i64(counted, &out->tokens);
    if (out->estimated)
        out->tokens = 0;
    for (size_t i = c->first; i < c->first + c->count; i++) {
        out->images += is_image(p->request->inputs[i]);
        if (out->estimated && !split_data_url(p->request->inputs[i], &type, &base64))
            out->tokens += llm_estimate_text(p->request->inputs[i]);
    }
}

static bool check_vectors(const struct provider_attempt *t, const struct embed_answer *out,
                          size_t count, struct failure *f)
{
    for (size_t i = 0; i < count; i++)
        if (!yyjson_is_arr(out->vectors[i]))
            return failure_set(f, t->arena, FAILURE_BAD_GATEWAY, 502,
                               "Bedrock's answer has no embedding for each input");
    return true;
}

bool embed_read(const struct provider_attempt *t, const struct embed_plan *p, size_t i, int status,
                struct http_headers headers, struct slice body, struct arena *scratch,
                struct embed_answer *out, struct failure *f)
{
    const struct embed_call *c = &p->calls[i];
    if (status != 200) {
        bedrock_failure(f, t, status, http_header_get(headers, "x-amzn-errortype"), body);
        return false;
    }
    yyjson_val *answer = json_parse(body, scratch, NULL);
    *out = (struct embed_answer){.tokens = -1};
    out->vectors = arena_alloc(scratch, c->count * sizeof(struct yyjson_val *));
    for (size_t k = 0; k < c->count; k++)
        out->vectors[k] = NULL;
    families[p->family].read(answer, c->count, out);
    count_tokens(p, c, headers, out);
    return check_vectors(t, out, c->count, f);
}
