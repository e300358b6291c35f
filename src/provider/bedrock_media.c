/* Media blocks of a Converse request.
 *
 * Happy path: the base64 of the client goes into the body as it is, with its padding completed.
 * Documents must have names, plain and different from each other. The client's file names are
 * neither, and models may take them for instructions: LiteLLM names documents by their content, and
 * so do we, in the same way. A name depends on the document and on those before it, so it stays the
 * same from turn to turn and prompt caches keep matching.
 *
 * Failure modes: none here; types that Converse has no format for do not pass the dialects. */

#include "bedrock_media.h"

#include "llm/media.h"
#include "wire/crypto.h"

#define HASHED_MAX   ((size_t)64 * 1024) /* bytes of a document that its name is made of */
#define HASH_LETTERS 16

struct bedrock_name {
    struct bedrock_name *next;
    struct slice name;
};

static struct slice format_of(const struct llm_block *b)
{
    const struct media *media = media_by_type(b->media_type);
    if (!media)
        return b->media_type;
    return b->kind == LLM_VIDEO && slice_eq(slice_of(media->format), SLICE("3gp"))
               ? SLICE("three_gp")
               : slice_of(media->format);
}

void bedrock_write_base64(struct json_writer *w, struct slice data)
{
    json_string_begin(w);
    buf_add(w->out, data);
    buf_add(w->out, slice_make("==", (4 - data.n % 4) % 4));
    json_string_end(w);
}

/* A document made of texts; its images stand beside it, by the plan. */
static void write_texts(struct json_writer *w, const struct llm_block *b)
{
    json_key(w, "content");
    json_array(w);
    for (; b; b = b->next) {
        if (b->kind != LLM_TEXT)
            continue;
        json_object(w);
        json_member_string(w, "text", b->text);
        json_object_end(w);
    }
    json_array_end(w);
}

static void write_source(struct json_writer *w, const struct llm_block *b)
{
    json_key(w, "source");
    json_object(w);
    if (slice_starts(b->url, SLICE("s3://"))) {
        json_key(w, "s3Location");
        json_object(w);
        json_member_string(w, "uri", b->url);
        json_object_end(w);
    } else if (b->data.n) {
        json_key(w, "bytes");
        bedrock_write_base64(w, b->data);
    } else if (b->content) {
        write_texts(w, b->content);
    } else {
        json_member_string(w, "text", b->text);
    }
    json_object_end(w);
}

/* ---- names of documents -------------------------------------------------------------------- */

static struct slice content_of(const struct llm_block *b)
{
    while (b->content)
        b = b->content;
    return b->url.n ? b->url : b->data.n ? b->data : b->text;
}

static struct slice name_by_content(struct arena *a, const struct llm_block *b)
{
    struct slice content = content_of(b);
    struct slice head = slice_make(content.p, content.n < HASHED_MAX ? content.n : HASHED_MAX);
    uint8_t digest[SHA256_SIZE];
    char hex[HEX_SIZE(HASH_LETTERS / 2)];
    sha256(ARENA_JOIN(a, head, arena_integer(a, (int64_t)content.n)), digest);
    hex_encode(digest, HASH_LETTERS / 2, hex);
    return ARENA_JOIN(a, SLICE("DocumentPDFmessages_"), slice_of(hex), SLICE("_"), format_of(b));
}

/* A document that comes again gets a number. */
static struct slice unique_name(struct bedrock_media *m, const struct llm_block *b)
{
    struct slice name = name_by_content(m->arena, b);
    struct bedrock_name *entry = ARENA_NEW(m->arena, struct bedrock_name);
    int64_t before = 0;
    for (const struct bedrock_name *n = m->names; n; n = n->next)
        before += slice_eq(n->name, name);
    *entry = (struct bedrock_name){m->names, name};
    m->names = entry;
    return before ? ARENA_JOIN(m->arena, name, SLICE("-"), arena_integer(m->arena, before + 1))
                  : name;
}

static void write_document_members(struct json_writer *w, const struct llm_block *b,
                                   struct bedrock_media *m)
{
    json_member_string(w, "name", unique_name(m, b));
    if (b->context.n)
        json_member_string(w, "context", b->context);
    if (b->citations) {
        json_key(w, "citations");
        json_object(w);
        json_member_bool(w, "enabled", true);
        json_object_end(w);
    }
}

void bedrock_write_media(struct json_writer *w, const struct llm_block *b, struct bedrock_media *m)
{
    json_object(w);
    json_key_slice(w, b->kind == LLM_IMAGE   ? SLICE("image")
                      : b->kind == LLM_VIDEO ? SLICE("video")
                                             : SLICE("document"));
    json_object(w);
    if (b->media_type.n)
        json_member_string(w, "format", format_of(b));
    if (b->kind == LLM_DOCUMENT)
        write_document_members(w, b, m);
    write_source(w, b);
    json_object_end(w);
    json_object_end(w);
}
