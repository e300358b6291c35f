/* The bodies of the embedding models, one table per structure. */

#include "embed.h"

/* clang-format off */

#define MEMBERS (const struct native_member[])
#define END     {NULL, NULL, false}
#define ANY_LENGTH .max = NATIVE_NO_MAX

#define ENUM(name, ...)                                                                            \
    static const char *const name##_values[] = {__VA_ARGS__, NULL};                                \
    static const struct native_shape name = {.kind = NATIVE_STRING, ANY_LENGTH, .values = name##_values}

ENUM(titan_type, "float", "binary");
ENUM(input_type, "search_document", "search_query", "classification", "clustering", "image");
ENUM(truncate_v3, "NONE", "START", "END");
ENUM(truncate_v4, "NONE", "LEFT", "RIGHT");
ENUM(type_v3, "float", "int8", "uint8", "binary", "ubinary");
ENUM(type_v4, "float", "int8", "uint8", "binary", "ubinary", "base64");
ENUM(nova_task, "SINGLE_EMBEDDING");
ENUM(nova_version, "nova-multimodal-embed-v1");
ENUM(nova_purpose, "GENERIC_INDEX", "GENERIC_RETRIEVAL", "TEXT_RETRIEVAL", "IMAGE_RETRIEVAL", "VIDEO_RETRIEVAL",
     "DOCUMENT_RETRIEVAL", "AUDIO_RETRIEVAL", "CLASSIFICATION", "CLUSTERING");
ENUM(nova_truncation, "START", "END", "NONE");
ENUM(nova_image, "png", "jpeg", "gif", "webp");
ENUM(nova_detail, "STANDARD_IMAGE", "DOCUMENT_IMAGE");

static const struct native_shape any = {.kind = NATIVE_ANY};
static const struct native_shape boolean = {.kind = NATIVE_BOOLEAN};
static const struct native_shape string = {.kind = NATIVE_STRING, ANY_LENGTH};
static const struct native_shape text = {.kind = NATIVE_STRING, .min = 1, .max = 50000};
static const struct native_shape dimension = {.kind = NATIVE_INTEGER, .min = 1, .max = 3072}; /* which: embed.c */

/* ---- Titan --------------------------------------------------------------------------------- */

static const struct native_shape titan_v1 = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"inputText", &text, true},
    END}};
static const struct native_shape titan_types = {.kind = NATIVE_LIST, .item = &titan_type, .min = 1, .max = 2};
static const struct native_shape titan_v2 = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"inputText", &text, true},
    {"dimensions", &dimension, false},
    {"normalize", &boolean, false},
    {"embeddingTypes", &titan_types, false},
    END}};
static const struct native_shape titan_config = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"outputEmbeddingLength", &dimension, false},
    END}};
static const struct native_shape titan_image = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"inputText", &string, false},
    {"inputImage", &string, false},
    {"embeddingConfig", &titan_config, false},
    END}};

/* ---- Cohere -------------------------------------------------------------------------------- */

static const struct native_shape text_v3 = {.kind = NATIVE_STRING, .min = 1, .max = 2048};
static const struct native_shape texts_v3 = {.kind = NATIVE_LIST, .item = &text_v3, .min = 1, .max = 96};
static const struct native_shape images_v3 = {.kind = NATIVE_LIST, .item = &string, .min = 1, .max = 1};
static const struct native_shape types_v3 = {.kind = NATIVE_LIST, .item = &type_v3, .min = 1, ANY_LENGTH};
static const struct native_shape cohere_v3 = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"input_type", &input_type, true},
    {"texts", &texts_v3, false},
    {"images", &images_v3, false},
    {"truncate", &truncate_v3, false},
    {"embedding_types", &types_v3, false},
    END}};

static const struct native_shape text_v4 = {.kind = NATIVE_STRING, .min = 1, ANY_LENGTH};
static const struct native_shape texts_v4 = {.kind = NATIVE_LIST, .item = &text_v4, .min = 1, .max = 96};
static const struct native_shape images_v4 = {.kind = NATIVE_LIST, .item = &string, .min = 1, .max = 96};
static const struct native_shape types_v4 = {.kind = NATIVE_LIST, .item = &type_v4, .min = 1, ANY_LENGTH};
static const struct native_shape part_text = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"text", &text_v4, true},
    END}};
static const struct native_shape image_url = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"url", &string, true},
    {"detail", &string, false},
    END}};
static const struct native_shape part_image = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"type", &any, true},
    {"image_url", &image_url, true},
    END}};
static const struct native_shape part = {.kind = NATIVE_TAGGED, .members = MEMBERS{
    {"text", &part_text, false},
    {"image_url", &part_image, false},
    END}};
static const struct native_shape parts = {.kind = NATIVE_LIST, .item = &part, .min = 1, ANY_LENGTH};
static const struct native_shape input = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"content", &parts, true},
    END}};
static const struct native_shape inputs = {.kind = NATIVE_LIST, .item = &input, .min = 1, .max = 96};
static const struct native_shape max_tokens = {.kind = NATIVE_INTEGER, .min = 1, .max = 128000};
static const struct native_shape cohere_v4 = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"input_type", &input_type, true},
    {"texts", &texts_v4, false},
    {"images", &images_v4, false},
    {"inputs", &inputs, false},
    {"truncate", &truncate_v4, false},
    {"embedding_types", &types_v4, false},
    {"output_dimension", &dimension, false},
    {"max_tokens", &max_tokens, false},
    END}};

/* ---- Nova ---------------------------------------------------------------------------------- */

static const struct native_shape nova_text = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"truncationMode", &nova_truncation, true},
    {"value", &text, true},
    END}};
static const struct native_shape nova_bytes = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"bytes", &string, true},
    END}};
static const struct native_shape nova_picture = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"format", &nova_image, true},
    {"source", &nova_bytes, true},
    {"detailLevel", &nova_detail, false},
    END}};
static const struct native_shape nova_params = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"embeddingPurpose", &nova_purpose, true},
    {"embeddingDimension", &dimension, false},
    {"text", &nova_text, false},
    {"image", &nova_picture, false},
    END}};
static const struct native_shape nova = {.kind = NATIVE_OBJECT, .members = MEMBERS{
    {"schemaVersion", &nova_version, false},
    {"taskType", &nova_task, true},
    {"singleEmbeddingParams", &nova_params, true},
    END}};

/* clang-format on */

const struct native_shape *embed_shape(const struct model *model)
{
    switch (model->own_body) {
    case BODY_TITAN_EMBED: return &titan_v1;
    case BODY_TITAN_EMBED_V2: return &titan_v2;
    case BODY_TITAN_EMBED_IMAGE: return &titan_image;
    case BODY_COHERE_V3: return &cohere_v3;
    case BODY_COHERE_V4: return &cohere_v4;
    case BODY_NOVA_EMBED: return &nova;
    case BODY_UNKNOWN:
    case BODY_CLAUDE:
    case BODY_TITAN_TEXT: break;
    }
    return NULL;
}
