/* Images, documents and videos: the bytes are what the format says, sizes and numbers within the
 * service's limits, document names plain and unique. */

#include "rules.h"

#include "wire/crypto.h"

#define IMAGE_BYTES_MAX    (5 * 1024 * 1024)
#define IMAGES_MAX         20
#define DOCUMENT_BYTES_MAX (4718592) /* 4.5 MB */
#define DOCUMENTS_MAX      5
#define VIDEOS_MAX         1

static const char *image_type(struct slice b)
{
    if (slice_starts(b, SLICE("\x89PNG\r\n\x1a\n")))
        return "png";
    if (slice_starts(b, SLICE("\xff\xd8\xff")))
        return "jpeg";
    if (slice_starts(b, SLICE("GIF87a")) || slice_starts(b, SLICE("GIF89a")))
        return "gif";
    if (slice_starts(b, SLICE("RIFF")) && b.n > 12 && slice_starts(slice_skip(b, 8), SLICE("WEBP")))
        return "webp";
    return NULL;
}

const char *rules_image_type(struct slice base64, struct arena *a, bool *known)
{
    struct slice head;
    *known = base64_decode(slice_make(base64.p, base64.n > 64 ? 64 : base64.n), a, &head);
    return *known ? image_type(head) : NULL;
}

static bool check_image(const struct check *c, yyjson_val *image, const char *place)
{
    const struct slice format = json_get_slice(image, "format");
    const struct slice text = json_get_slice(json_get(image, "source"), "bytes");
    bool known;
    if (!text.p)
        return true;
    if (text.n / 4 * 3 > IMAGE_BYTES_MAX)
        return fault_model(c->fault, c->arena,
                           "%s.image.source.base64: image exceeds 5 MB maximum: %zu bytes > %d "
                           "bytes",
                           place, text.n / 4 * 3, IMAGE_BYTES_MAX);
    const char *type = rules_image_type(text, c->arena, &known);
    if (!known)
        return true;
    if (!type)
        return fault_model(c->fault, c->arena, "%s: Could not process image", place);
    if (!slice_eq(slice_of(type), format))
        return fault_model(c->fault, c->arena,
                           "%s.image.source.base64.data: Image does not match the provided media "
                           "type image/%.*s",
                           place, SLICE_ARG(format));
    return true;
}

static bool plain_name(struct slice name)
{
    bool space = false;
    for (size_t i = 0; i < name.n; i++) {
        const char ch = name.p[i];
        const bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
                            (ch >= '0' && ch <= '9') || ch == '-' || ch == '(' || ch == ')' ||
                            ch == '[' || ch == ']' || ch == '_';
        if (!letter && (ch != ' ' || space))
            return false;
        space = ch == ' ';
    }
    return true;
}

static bool check_document(const struct check *c, yyjson_val *document, const char *place)
{
    const struct slice bytes = json_get_slice(json_get(document, "source"), "bytes");
    if (!plain_name(json_get_slice(document, "name")))
        return fault_validation(c->fault, c->arena,
                                "The document file name at %s.document can only contain "
                                "alphanumeric characters, whitespace characters, hyphens, "
                                "parentheses, and square brackets. The name can't contain more "
                                "than one consecutive whitespace character.",
                                place);
    if (bytes.n / 4 * 3 > DOCUMENT_BYTES_MAX)
        return fault_validation(c->fault, c->arena,
                                "The document at %s is larger than the limit of 4.5 MB.", place);
    return true;
}

struct media {
    struct slice names[DOCUMENTS_MAX];
    size_t documents, images, videos;
};

static bool check_unique(const struct check *c, yyjson_val *document, struct media *seen)
{
    const struct slice name = json_get_slice(document, "name");
    if (seen->documents == DOCUMENTS_MAX)
        return fault_validation(c->fault, c->arena,
                                "The number of document blocks exceeds the limit of %d.",
                                DOCUMENTS_MAX);
    for (size_t i = 0; i < seen->documents; i++)
        if (slice_eq(seen->names[i], name))
            return fault_validation(c->fault, c->arena,
                                    "Document names must be unique: '%.*s' is used twice.",
                                    SLICE_ARG(name));
    seen->names[seen->documents++] = name;
    return true;
}

static bool check_video(const struct check *c, struct media *seen)
{
    if (!c->model->video)
        return fault_validation(c->fault, c->arena,
                                "This model doesn't support the video field. Remove video and try "
                                "again.");
    if (++seen->videos > VIDEOS_MAX)
        return fault_validation(c->fault, c->arena,
                                "The number of video blocks exceeds the limit of %d.", VIDEOS_MAX);
    return true;
}

static bool check_blocks(const struct check *c, yyjson_val *content, const char *place,
                         struct media *seen)
{
    size_t i, n;
    yyjson_val *block, *value;
    yyjson_arr_foreach(content, i, n, block)
    {
        const struct slice at = arena_printf(c->arena, "%s.%zu", place, i);
        const enum block_kind kind = block_kind(block, &value);
        if (kind == BLOCK_IMAGE && ++seen->images > IMAGES_MAX)
            return fault_validation(c->fault, c->arena,
                                    "The number of image blocks exceeds the limit of %d.",
                                    IMAGES_MAX);
        if (kind == BLOCK_IMAGE && !check_image(c, value, at.p))
            return false;
        if (kind == BLOCK_DOCUMENT &&
            (!check_document(c, value, at.p) || !check_unique(c, value, seen)))
            return false;
        if (kind == BLOCK_VIDEO && !check_video(c, seen))
            return false;
        if (kind != BLOCK_TOOL_RESULT)
            continue;
        const struct slice inner = arena_printf(c->arena, "%s.toolResult.content", at.p);
        if (!check_blocks(c, json_get(value, "content"), inner.p, seen))
            return false;
    }
    return true;
}

bool rules_media(const struct check *c)
{
    size_t i, n;
    yyjson_val *message;
    yyjson_arr_foreach(json_get(c->body, "messages"), i, n, message)
    {
        struct media seen = {.documents = 0};
        const struct slice place = arena_printf(c->arena, "messages.%zu.content", i);
        if (!check_blocks(c, message_content(message), place.p, &seen))
            return false;
        if (message_count(message, BLOCK_DOCUMENT) && !message_count(message, BLOCK_TEXT))
            return fault_validation(c->fault, c->arena,
                                    "A text block must be included in the conversation turn that "
                                    "contains document blocks. Add a text block at "
                                    "messages.%zu.content and try again.",
                                    i);
    }
    return true;
}
