/* Content parts that are images, documents or videos, in the
 * spellings clients use: OpenAI's (image_url, file; input_image, input_file), LiteLLM's (video_url,
 * file with a URL), Anthropic's (image, document).
 *
 * Happy path: a part names a source (a data URL, bare base64, an https: or s3: URL, plain text),
 * what is said about it (type, file name), and becomes one block. Base64 is checked and pointed to,
 * not copied: it may be megabytes. What a URL holds is known once it is fetched.
 *
 * Failure modes: a source that is missing or of a kind nobody can follow (file ids, ftp:), bad
 * base64, a type no model takes: each a 400 that names the part. */

#include "llm/media.h"
#include "parse.h"
#include "wire/crypto.h"

#include <string.h>

/* What a part says about its content; slices may be empty. */
struct source {
    struct slice path;  /* of the part, for errors */
    struct slice url;   /* "data:…", "https://…", "s3://…" */
    struct slice data;  /* base64 */
    struct slice text;  /* plain */
    struct slice type;  /* declared media type */
    struct slice name;  /* of the file */
    struct slice about; /* context of a document */
    bool citations;
    enum llm_block_kind kind; /* of what a URL leads to, until it is fetched */
};

struct media_part {
    struct parse *p;
    struct llm_block ***tail;
};

/* ---- sources → blocks ---------------------------------------------------------------------- */

static struct llm_block *add_block(const struct media_part *m, const struct source *s,
                                   enum llm_block_kind kind)
{
    struct llm_block *b = llm_block_add(m->tail, m->p->a, kind);
    b->name = s->name;
    b->context = s->about;
    b->citations = s->citations;
    return b;
}

static struct slice without_space(struct arena *a, struct slice text)
{
    char *p = arena_alloc(a, text.n);
    size_t n = 0;
    for (size_t i = 0; i < text.n; i++)
        if (!strchr(" \t\r\n", text.p[i]) || !text.p[i])
            p[n++] = text.p[i];
    return slice_make(p, n);
}

/* MIME's line breaks are the one common blemish; only then it is copied. */
static bool clean_base64(struct arena *a, struct slice *data)
{
    if (!data->n || base64_valid(*data))
        return data->n > 0;
    *data = without_space(a, *data);
    return data->n > 0 && base64_valid(*data);
}

static struct slice head_of(struct arena *a, struct slice data)
{
    const size_t chars = (MEDIA_HEAD + 2) / 3 * 4;
    struct slice head = {0};
    if (!base64_decode(slice_make(data.p, data.n < chars ? data.n / 4 * 4 : chars), a, &head))
        head.n = 0;
    return head;
}

static bool add_data(const struct media_part *m, struct source *s)
{
    if (!clean_base64(m->p->a, &s->data))
        return parse_refuse(m->p, s->path, "the data is not valid base64");
    const struct media *media = media_decide(s->type, s->name, head_of(m->p->a, s->data));
    if (!media && media_type_is_vague(s->type))
        return parse_refuse(m->p, s->path,
                            "its media type is not known: say it in the data URL, in "
                            "'format' or by the extension of 'filename'");
    if (!media)
        return parse_refuse(m->p, s->path, "unsupported media type '%.*s'", SLICE_ARG(s->type));
    struct llm_block *b = add_block(m, s, media->kind);
    b->media_type = slice_of(media->types[0]);
    b->data = s->data;
    return true;
}

/* data:image/png;base64,… */
static bool add_data_url(const struct media_part *m, struct source *s)
{
    struct slice rest = slice_skip(s->url, sizeof("data:") - 1);
    struct slice meta = slice_split(&rest, ',');
    if (!rest.p || !slice_ends(meta, SLICE("base64")))
        return parse_refuse(m->p, s->path, "the data URL does not hold base64");
    if (media_type_is_vague(s->type))
        s->type = slice_split(&meta, ';');
    s->data = rest;
    return add_data(m, s);
}

/* Bedrock reads these itself; only their type is ours to say. */
static bool add_s3(const struct media_part *m, struct source *s)
{
    const struct media *media = media_decide(s->type, s->url, slice_of(NULL));
    if (!media)
        return parse_refuse(m->p, s->path, "what '%.*s' holds is not known: say it in 'format'",
                            SLICE_ARG(s->url));
    struct llm_block *b = add_block(m, s, media->kind);
    b->media_type = slice_of(media->types[0]);
    b->url = s->url;
    return true;
}

static bool add_remote(const struct media_part *m, struct source *s)
{
    const struct media *media = media_by_type(s->type);
    struct llm_block *b = add_block(m, s, media ? media->kind : s->kind);
    b->media_type = media ? slice_of(media->types[0]) : slice_of("");
    b->url = s->url;
    return true;
}

static bool add_url(const struct media_part *m, struct source *s)
{
    if (slice_starts_nocase(s->url, SLICE("data:")))
        return add_data_url(m, s);
    if (slice_starts(s->url, SLICE("s3://")))
        return add_s3(m, s);
    if (slice_starts_nocase(s->url, SLICE("https://")) ||
        slice_starts_nocase(s->url, SLICE("http://")))
        return add_remote(m, s);
    return parse_refuse(m->p, s->path, "a URL must begin with data:, https:// or s3://");
}

static bool add_source(const struct media_part *m, struct source *s)
{
    if (s->url.n)
        return add_url(m, s);
    if (s->data.p)
        return add_data(m, s);
    struct llm_block *b = add_block(m, s, LLM_DOCUMENT);
    b->media_type = SLICE("text/plain");
    b->text = s->text;
    return true;
}

/* ---- parts → sources ----------------------------------------------------------------------- */

static bool is_url(struct slice s)
{
    return slice_starts_nocase(s, SLICE("data:")) || slice_starts(s, SLICE("s3://")) ||
           slice_starts_nocase(s, SLICE("https://")) || slice_starts_nocase(s, SLICE("http://"));
}

static bool wants_citations(yyjson_val *holder)
{
    return yyjson_is_true(json_get(json_get(holder, "citations"), "enabled"));
}

static bool refuse_file_id(const struct media_part *m, const struct source *s)
{
    return parse_refuse(m->p, s->path,
                        "'file_id' names an uploaded file, and files cannot be uploaded here: send "
                        "the data itself");
}

/* {image_url: {url, format}}, and video_url likewise; or the URL itself, as in input_image. */
static bool parse_url_part(const struct media_part *m, struct source *s, yyjson_val *part)
{
    const char *member = s->kind == LLM_VIDEO ? "video_url" : "image_url";
    yyjson_val *value = json_get(part, member);
    s->url = yyjson_is_str(value) ? json_slice(value) : json_get_slice(value, "url");
    s->type = json_get_slice(value, "format");
    if (!s->url.n && json_get(part, "file_id"))
        return refuse_file_id(m, s);
    if (!s->url.n)
        return parse_refuse(m->p, s->path, "'%s.url' is missing", member);
    return add_source(m, s);
}

/* {file: {file_data, file_id, filename, …}}, or the members themselves, as in input_file. */
static bool parse_file_part(const struct media_part *m, struct source *s, yyjson_val *part)
{
    yyjson_val *inner = json_get(part, "file"), *file = inner ? inner : part;
    struct slice id = json_get_slice(file, "file_id");
    struct slice data = json_get_slice(file, "file_data");
    struct slice url = json_get_slice(file, "file_url");
    s->name = json_get_slice(file, "filename");
    s->type = json_get_slice(file, "format");
    s->citations = wants_citations(part) || wants_citations(file);
    if (url.n)
        s->url = url;
    else if (is_url(id))
        s->url = id;
    else if (is_url(data))
        s->url = data;
    else
        s->data = data;
    if (s->url.n || s->data.n)
        return add_source(m, s);
    if (id.n)
        return refuse_file_id(m, s);
    return parse_refuse(m->p, s->path, "'file.file_data' is missing");
}

/* {type: image|document, source: {type: base64|url|text, …}, title, context, citations} */
static bool parse_source_part(const struct media_part *m, struct source *s, yyjson_val *part)
{
    yyjson_val *source = json_get(part, "source");
    struct slice type = json_get_slice(source, "type");
    s->type = json_get_slice(source, "media_type");
    s->name = json_get_slice(part, "title");
    s->about = json_get_slice(part, "context");
    s->citations = wants_citations(part);
    if (slice_eq(type, SLICE("base64")))
        s->data = json_get_slice(source, "data");
    else if (slice_eq(type, SLICE("url")))
        s->url = json_get_slice(source, "url");
    else if (slice_eq(type, SLICE("text")) && s->kind == LLM_DOCUMENT)
        s->text = json_get_slice(source, "data");
    else
        return parse_refuse(m->p, s->path, "a source of type '%.*s' is not supported",
                            SLICE_ARG(type));
    if (!s->data.n && !s->url.n && !s->text.n)
        return parse_refuse(m->p, s->path, "its source is empty");
    return add_source(m, s);
}

static const struct part_kind {
    const char *type;
    enum llm_block_kind kind;
    bool (*parse)(const struct media_part *m, struct source *s, yyjson_val *part);
} part_kinds[] = {
    {"image_url", LLM_IMAGE, parse_url_part},      {"video_url", LLM_VIDEO, parse_url_part},
    {"file", LLM_DOCUMENT, parse_file_part},       {"image", LLM_IMAGE, parse_source_part},
    {"document", LLM_DOCUMENT, parse_source_part}, {"input_image", LLM_IMAGE, parse_url_part},
    {"input_file", LLM_DOCUMENT, parse_file_part},
};

static const struct part_kind *find_kind(struct slice type)
{
    for (size_t i = 0; i < sizeof(part_kinds) / sizeof(*part_kinds); i++)
        if (slice_eq(type, slice_of(part_kinds[i].type)))
            return &part_kinds[i];
    return NULL;
}

bool parse_is_media(struct slice type)
{
    return find_kind(type) != NULL;
}

bool parse_media(struct parse *p, struct slice path, yyjson_val *part, struct llm_block ***tail)
{
    const struct part_kind *kind = find_kind(json_get_slice(part, "type"));
    const struct media_part m = {p, tail};
    struct source s = {.path = path, .kind = kind->kind};
    return kind->parse(&m, &s, part);
}
