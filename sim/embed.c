/* Reading, checking and answering the bodies of embedding models.
 *
 * Happy path: the body has its shape, dimensions the model offers, exactly one kind of input; each
 * input becomes a vector, told in the model's own way.
 * Failure modes: Bedrock's schema voice for what is malformed, the models' own sentences for what
 * is too long or is no image. */

#include "embed.h"

#include "rules.h"
#include "usage.h"
#include "vector.h"

#include "wire/crypto.h"

#define INPUTS_MAX        96
#define TEXT_MAX          (32 * 1024 * 1024)
#define IMAGE_BYTES_MAX   (5 * 1024 * 1024)
#define TITAN_IMAGE_BYTES (25 * 1024 * 1024)

struct input {
    struct slice bytes; /* text, or an image's base64 */
    bool image;
};

struct inputs {
    struct input v[INPUTS_MAX];
    size_t n;
};

/* ---- dimensions ---------------------------------------------------------------------------- */

struct dimensions {
    const char *path[2]; /* of the member; path[1] NULL: at the top */
    int64_t offered[5];  /* the first is the default; 0 ends them */
};

static const struct dimensions *dimensions_of(const struct model *model)
{
    static const struct dimensions fixed_1536 = {{NULL, NULL}, {1536}};
    static const struct dimensions fixed_1024 = {{NULL, NULL}, {1024}};
    static const struct dimensions titan = {{"dimensions", NULL}, {1024, 512, 256}};
    static const struct dimensions image = {{"embeddingConfig", "outputEmbeddingLength"},
                                            {1024, 384, 256}};
    static const struct dimensions cohere = {{"output_dimension", NULL}, {1536, 1024, 512, 256}};
    static const struct dimensions nova = {{"singleEmbeddingParams", "embeddingDimension"},
                                           {3072, 1024, 384, 256}};
    switch (model->own_body) {
    case BODY_TITAN_EMBED_V2: return &titan;
    case BODY_TITAN_EMBED_IMAGE: return &image;
    case BODY_COHERE_V3: return &fixed_1024;
    case BODY_COHERE_V4: return &cohere;
    case BODY_NOVA_EMBED: return &nova;
    case BODY_TITAN_EMBED:
    case BODY_UNKNOWN:
    case BODY_CLAUDE:
    case BODY_TITAN_TEXT: break;
    }
    return &fixed_1536;
}

static int64_t dimension(yyjson_val *body, const struct dimensions *d)
{
    int64_t wanted;
    yyjson_val *v = d->path[0] ? json_get(body, d->path[0]) : NULL;
    if (d->path[1])
        v = json_get(v, d->path[1]);
    return json_int(v, &wanted) ? wanted : d->offered[0];
}

static bool check_dimension(yyjson_val *body, const struct model *model, struct arena *a,
                            struct fault *f)
{
    const struct dimensions *d = dimensions_of(model);
    const int64_t wanted = dimension(body, d);
    for (size_t i = 0; d->offered[i]; i++)
        if (d->offered[i] == wanted)
            return true;
    return fault_validation(f, a,
                            "Malformed input request: #/%s%s%s: %lld is not a valid enum value, "
                            "please reformat your input and try again.",
                            d->path[0], d->path[1] ? "/" : "", d->path[1] ? d->path[1] : "",
                            (long long)wanted);
}

/* ---- inputs -------------------------------------------------------------------------------- */

static void add(struct inputs *in, struct slice bytes, bool image)
{
    if (bytes.p && in->n < INPUTS_MAX)
        in->v[in->n++] = (struct input){bytes, image};
}

static void add_list(struct inputs *in, yyjson_val *list, bool image)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(list, i, n, v)
    {
        add(in, json_slice(v), image);
    }
}

/* What `text` holds in the arena's memory; frees it. */
static struct slice keep(struct buf *text, struct arena *a)
{
    const struct slice kept = arena_dup(a, buf_slice(text));
    buf_fini(text);
    return kept;
}

static void add_line(struct buf *text, struct slice line)
{
    if (text->n)
        buf_add_char(text, '\n');
    buf_add(text, line);
}

/* Cohere v4: the parts of an input make one vector. */
static void add_parts(struct inputs *in, yyjson_val *input, struct arena *a)
{
    size_t i, n;
    yyjson_val *part;
    struct buf all;
    bool image = false;
    buf_init(&all, TEXT_MAX);
    yyjson_arr_foreach(json_get(input, "content"), i, n, part)
    {
        const struct slice url = json_get_slice(json_get(part, "image_url"), "url");
        add_line(&all, url.p ? url : json_get_slice(part, "text"));
        image |= url.p && n == 1;
    }
    add(in, keep(&all, a), image);
}

static void read_inputs(yyjson_val *body, struct arena *a, struct inputs *in)
{
    size_t i, n;
    yyjson_val *input, *nova = json_get(body, "singleEmbeddingParams");
    in->n = 0;
    add(in, json_get_slice(body, "inputText"), false);
    add(in, json_get_slice(body, "inputImage"), true);
    add_list(in, json_get(body, "texts"), false);
    add_list(in, json_get(body, "images"), true);
    yyjson_arr_foreach(json_get(body, "inputs"), i, n, input)
    {
        add_parts(in, input, a);
    }
    add(in, json_get_slice(json_get(nova, "text"), "value"), false);
    add(in, json_get_slice(json_get(json_get(nova, "image"), "source"), "bytes"), true);
}

static int64_t tokens(const struct inputs *in)
{
    int64_t sum = 0;
    for (size_t i = 0; i < in->n; i++)
        sum += in->v[i].image ? 0 : usage_tokens(in->v[i].bytes.n);
    return sum;
}

/* ---- checks -------------------------------------------------------------------------------- */

static bool missing(struct arena *a, struct fault *f, const char *place, const char *key)
{
    return fault_validation(f, a,
                            "Malformed input request: #%s: required key [%s] not found, please "
                            "reformat your input and try again.",
                            place, key);
}

static bool cohere_kinds(yyjson_val *body, struct arena *a, struct fault *f)
{
    const bool texts = json_get(body, "texts"), images = json_get(body, "images");
    const bool inputs = json_get(body, "inputs");
    const bool as_image = slice_eq(json_get_slice(body, "input_type"), SLICE("image"));
    if (!texts && !images && !inputs)
        return missing(a, f, "", "texts");
    if (texts + images + inputs > 1)
        return fault_validation(f, a,
                                "invalid request: only one of texts, images or inputs can be set");
    if (images && !as_image)
        return fault_validation(f, a, "invalid request: images need input_type to be image");
    if (texts && as_image)
        return fault_validation(f, a, "invalid request: input_type image needs images");
    return true;
}

static bool check_kinds(yyjson_val *body, const struct model *model, const struct inputs *in,
                        struct arena *a, struct fault *f)
{
    const bool cohere = model->own_body == BODY_COHERE_V3 || model->own_body == BODY_COHERE_V4;
    if (cohere)
        return cohere_kinds(body, a, f);
    if (model->own_body == BODY_NOVA_EMBED && in->n != 1)
        return fault_validation(f, a,
                                "Invalid input request: singleEmbeddingParams must have exactly "
                                "one of text, image, video or audio.");
    if (!in->n)
        return fault_validation(f, a,
                                "Invalid input request: inputText or inputImage is required.");
    return true;
}

/* Cohere's images are data URLs, the others plain base64. */
static struct slice base64_of(const struct model *model, struct slice image)
{
    const ptrdiff_t comma = slice_find_char(slice_make(image.p, image.n > 64 ? 64 : image.n), ',');
    if (model->own_body != BODY_COHERE_V3 && model->own_body != BODY_COHERE_V4)
        return image;
    if (!slice_starts(image, SLICE("data:image/")) || comma < 0)
        return slice_make(NULL, 0);
    return slice_skip(image, (size_t)comma + 1);
}

static bool check_image(const struct model *model, struct slice image, struct arena *a,
                        struct fault *f)
{
    bool known;
    const size_t most =
        model->own_body == BODY_TITAN_EMBED_IMAGE ? TITAN_IMAGE_BYTES : IMAGE_BYTES_MAX;
    const struct slice data = base64_of(model, image);
    if (!data.n || !base64_valid(data) || !rules_image_type(data, a, &known))
        return fault_validation(f, a,
                                "Invalid input request: the image is malformed or of a type that "
                                "is not supported.");
    if (data.n / 4 * 3 > most)
        return fault_validation(f, a, "Invalid input request: the image exceeds %zu bytes.", most);
    return true;
}

static bool truncates(yyjson_val *body)
{
    yyjson_val *text = json_get(json_get(body, "singleEmbeddingParams"), "text");
    const struct slice mode = json_get_slice(text, "truncationMode");
    return mode.n && !slice_eq(mode, SLICE("NONE"));
}

static bool check_length(yyjson_val *body, const struct model *model, const struct inputs *in,
                         struct arena *a, struct fault *f)
{
    const int64_t n = tokens(in);
    if (n <= model->context || truncates(body))
        return true;
    return fault_validation(f, a,
                            "400 Bad Request: Too many input tokens. Max input tokens: %u, request "
                            "input token count: %lld ",
                            model->context, (long long)n);
}

bool embed_check(yyjson_val *body, const struct model *model, struct arena *a, struct fault *f)
{
    struct inputs in;
    if (!native_check(embed_shape(model), VOICE_SCHEMA, body, a, f) ||
        !check_dimension(body, model, a, f))
        return false;
    read_inputs(body, a, &in);
    if (!check_kinds(body, model, &in, a, f))
        return false;
    for (size_t i = 0; i < in.n; i++)
        if (in.v[i].image && !check_image(model, in.v[i].bytes, a, f))
            return false;
    return check_length(body, model, &in, a, f);
}

struct slice embed_text(yyjson_val *body, struct arena *a)
{
    struct inputs in;
    struct buf all;
    read_inputs(body, a, &in);
    buf_init(&all, TEXT_MAX);
    for (size_t i = 0; i < in.n; i++)
        if (!in.v[i].image)
            add_line(&all, in.v[i].bytes);
    return keep(&all, a);
}

/* ---- answers ------------------------------------------------------------------------------- */

struct telling {
    yyjson_val *body;
    const struct inputs *in;
    struct vector *vectors; /* one each */
    struct json_writer w;
};

static void write_typed(struct json_writer *w, const struct vector *v, struct slice type)
{
    if (slice_eq(type, SLICE("int8")) || slice_eq(type, SLICE("uint8")))
        vector_write_bytes(w, v, type.p[0] == 'i');
    else if (slice_eq(type, SLICE("binary")) || slice_eq(type, SLICE("ubinary")))
        vector_write_packed(w, v, type.p[0] == 'b');
    else if (slice_eq(type, SLICE("base64")))
        vector_write_base64(w, v);
    else
        vector_write_floats(w, v);
}

/* With text and image Titan's vector is that of both. */
static void titan_vector(const struct telling *t, struct arena *a)
{
    if (t->in->n == 2)
        vector_of(ARENA_JOIN(a, t->in->v[0].bytes, SLICE("\n"), t->in->v[1].bytes), t->vectors[0].n,
                  &t->vectors[0]);
    if (yyjson_is_false(json_get(t->body, "normalize")))
        vector_unscale(t->in->v[0].bytes, &t->vectors[0]);
}

static bool wants(yyjson_val *types, struct slice type)
{
    size_t i, n;
    yyjson_val *v;
    yyjson_arr_foreach(types, i, n, v)
    {
        if (slice_eq(json_slice(v), type))
            return true;
    }
    return false;
}

static void write_titan_types(struct telling *t)
{
    yyjson_val *types = json_get(t->body, "embeddingTypes");
    json_key(&t->w, "embeddingsByType");
    json_object(&t->w);
    if (!types || wants(types, SLICE("float"))) {
        json_key(&t->w, "float");
        vector_write_floats(&t->w, &t->vectors[0]);
    }
    if (wants(types, SLICE("binary"))) {
        json_key(&t->w, "binary");
        vector_write_bits(&t->w, &t->vectors[0]);
    }
    json_object_end(&t->w);
}

static void write_titan(struct telling *t, const struct model *model)
{
    struct json_writer *w = &t->w;
    json_key(w, "embedding");
    vector_write_floats(w, &t->vectors[0]);
    if (model->own_body == BODY_TITAN_EMBED_V2)
        write_titan_types(t);
    json_member_integer(w, "inputTextTokenCount", tokens(t->in));
    if (model->own_body != BODY_TITAN_EMBED_IMAGE)
        return;
    json_key(w, "message");
    json_null(w);
}

static void write_cohere_type(struct telling *t, struct slice type)
{
    json_array(&t->w);
    for (size_t i = 0; i < t->in->n; i++)
        write_typed(&t->w, &t->vectors[i], type);
    json_array_end(&t->w);
}

static void write_id(struct telling *t, struct arena *a)
{
    uint8_t digest[SHA256_SIZE];
    char hex[HEX_SIZE(SHA256_SIZE)];
    sha256(t->in->v[0].bytes, digest);
    hex_encode(digest, SHA256_SIZE, hex);
    json_member_string(
        &t->w, "id",
        arena_printf(a, "%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 12, hex + 15, hex + 18));
}

static void write_cohere(struct telling *t, struct arena *a)
{
    size_t i, n;
    yyjson_val *type, *types = json_get(t->body, "embedding_types");
    struct json_writer *w = &t->w;
    write_id(t, a);
    json_key(w, "texts");
    json_array(w);
    for (i = 0; i < t->in->n; i++)
        if (!t->in->v[i].image)
            json_string(w, t->in->v[i].bytes);
    json_array_end(w);
    json_key(w, "embeddings");
    if (types) {
        json_object(w);
        yyjson_arr_foreach(types, i, n, type)
        {
            json_key_slice(w, json_slice(type));
            write_cohere_type(t, json_slice(type));
        }
        json_object_end(w);
    } else {
        write_cohere_type(t, SLICE("float"));
    }
    json_member_string(w, "response_type",
                       types ? SLICE("embeddings_by_type") : SLICE("embeddings_floats"));
}

static void write_nova(struct telling *t)
{
    struct json_writer *w = &t->w;
    json_key(w, "embeddings");
    json_array(w);
    json_object(w);
    json_member_string(w, "embeddingType", t->in->v[0].image ? SLICE("IMAGE") : SLICE("TEXT"));
    json_key(w, "embedding");
    vector_write_floats(w, &t->vectors[0]);
    json_object_end(w);
    json_array_end(w);
}

int64_t embed_write(yyjson_val *body, const struct model *model, struct arena *a, struct buf *out)
{
    struct inputs in;
    struct telling t = {.body = body, .in = &in};
    const size_t n = (size_t)dimension(body, dimensions_of(model));
    read_inputs(body, a, &in);
    t.vectors = arena_alloc(a, in.n * sizeof(*t.vectors));
    for (size_t i = 0; i < in.n; i++)
        vector_of(in.v[i].bytes, n, &t.vectors[i]);
    json_begin(&t.w, out);
    json_object(&t.w);
    if (model->own_body == BODY_NOVA_EMBED) {
        write_nova(&t);
    } else if (model->own_body >= BODY_COHERE_V3) {
        write_cohere(&t, a);
    } else {
        titan_vector(&t, a);
        write_titan(&t, model);
    }
    json_object_end(&t.w);
    return tokens(&in);
}
