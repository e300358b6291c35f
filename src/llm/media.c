/* Media that models take. The order of belief: the bytes where they have a signature (a wrong type
 * is a 400 at Bedrock), then the declared type, then the name of the file. */

#include "llm/media.h"

#define LIST(...)                                                                                  \
    (const char *const[])                                                                          \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }

/* clang-format off */
static const struct media table[] = {
    {LLM_IMAGE, "png", LIST("image/png", "image/x-png"), LIST("png")},
    {LLM_IMAGE, "jpeg", LIST("image/jpeg", "image/jpg", "image/pjpeg"), LIST("jpeg", "jpg", "jpe", "jfif")},
    {LLM_IMAGE, "gif", LIST("image/gif"), LIST("gif")},
    {LLM_IMAGE, "webp", LIST("image/webp"), LIST("webp")},

    {LLM_DOCUMENT, "pdf", LIST("application/pdf", "application/x-pdf"), LIST("pdf")},
    {LLM_DOCUMENT, "csv", LIST("text/csv", "application/csv", "text/comma-separated-values"), LIST("csv")},
    {LLM_DOCUMENT, "doc", LIST("application/msword"), LIST("doc")},
    {LLM_DOCUMENT, "docx", LIST("application/vnd.openxmlformats-officedocument.wordprocessingml.document"), LIST("docx")},
    {LLM_DOCUMENT, "xls", LIST("application/vnd.ms-excel"), LIST("xls")},
    {LLM_DOCUMENT, "xlsx", LIST("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"), LIST("xlsx")},
    {LLM_DOCUMENT, "html", LIST("text/html", "application/xhtml+xml"), LIST("html", "htm", "xhtml")},
    {LLM_DOCUMENT, "md", LIST("text/markdown", "text/x-markdown", "text/md"), LIST("md", "markdown")},
    {LLM_DOCUMENT, "txt", LIST("text/plain"), LIST("txt", "text", "log", "json", "xml", "yaml", "yml")},

    {LLM_VIDEO, "mp4", LIST("video/mp4", "video/x-m4v"), LIST("mp4", "m4v")},
    {LLM_VIDEO, "mov", LIST("video/quicktime", "video/mov"), LIST("mov", "qt")},
    {LLM_VIDEO, "mkv", LIST("video/x-matroska", "video/matroska", "video/mkv"), LIST("mkv")},
    {LLM_VIDEO, "webm", LIST("video/webm"), LIST("webm")},
    {LLM_VIDEO, "flv", LIST("video/x-flv", "video/flv"), LIST("flv")},
    {LLM_VIDEO, "mpeg", LIST("video/mpeg"), LIST("mpeg")},
    {LLM_VIDEO, "mpg", LIST("video/mpg"), LIST("mpg")},
    {LLM_VIDEO, "wmv", LIST("video/x-ms-wmv", "video/wmv"), LIST("wmv")},
    {LLM_VIDEO, "3gp", LIST("video/3gpp", "video/3gp"), LIST("3gp", "3gpp")},
};

static const char *const vague_types[] = {
    "application/octet-stream", "binary/octet-stream", "application/x-binary", "*/*",
};

/* Text all the same. */
static const char *const text_types[] = {
    "application/json", "application/xml", "application/yaml", "application/x-yaml", "application/toml",
    "application/javascript", "application/x-javascript", "application/x-sh", "application/sql",
    "application/x-ndjson", "application/jsonl",
};
/* clang-format on */

#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool is_one_of(struct slice s, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n && list[i]; i++)
        if (slice_eq_nocase(s, slice_of(list[i])))
            return true;
    return false;
}

static struct slice without_parameters(struct slice type)
{
    return slice_trim(slice_split(&type, ';'));
}

static const struct media *find(struct slice s, bool by_type)
{
    for (size_t i = 0; i < COUNT(table) && s.n; i++)
        if (is_one_of(s, by_type ? table[i].types : table[i].suffixes, SIZE_MAX))
            return &table[i];
    return NULL;
}

static bool ends_nocase(struct slice s, struct slice end)
{
    return s.n >= end.n && slice_eq_nocase(slice_skip(s, s.n - end.n), end);
}

static bool is_text(struct slice type)
{
    bool image = slice_starts_nocase(type, SLICE("image/")); /* image/svg+xml */
    return slice_starts_nocase(type, SLICE("text/")) ||
           is_one_of(type, text_types, COUNT(text_types)) ||
           (!image && (ends_nocase(type, SLICE("+json")) || ends_nocase(type, SLICE("+xml"))));
}

bool media_type_is_vague(struct slice type)
{
    type = without_parameters(type);
    return !type.n || is_one_of(type, vague_types, COUNT(vague_types));
}

const struct media *media_by_type(struct slice type)
{
    type = without_parameters(type);
    const struct media *m = find(type, true);
    return m || !is_text(type) ? m : find(SLICE("txt"), false);
}

/* What stands behind the last dot of the last segment, before a query or a fragment. */
static struct slice extension(struct slice name)
{
    struct slice path = slice_split(&name, '?');
    path = slice_split(&path, '#');
    for (size_t i = path.n; i > 0 && path.p[i - 1] != '/' && path.p[i - 1] != '\\'; i--)
        if (path.p[i - 1] == '.')
            return slice_skip(path, i);
    return slice_make(NULL, 0);
}

const struct media *media_by_name(struct slice name)
{
    return find(extension(name), false);
}

const struct media *media_by_bytes(struct slice head)
{
    const char *format = NULL;
    if (slice_starts(head, SLICE("\x89PNG\r\n\x1a\n")))
        format = "png";
    else if (slice_starts(head, SLICE("\xff\xd8\xff")))
        format = "jpeg";
    else if (slice_starts(head, SLICE("GIF87a")) || slice_starts(head, SLICE("GIF89a")))
        format = "gif";
    else if (slice_starts(head, SLICE("RIFF")) && head.n >= MEDIA_HEAD &&
             slice_starts(slice_skip(head, 8), SLICE("WEBP")))
        format = "webp";
    else if (slice_starts(head, SLICE("%PDF-")))
        format = "pdf";
    return find(slice_of(format), false);
}

const struct media *media_decide(struct slice type, struct slice name, struct slice head)
{
    const struct media *m = media_by_bytes(head);
    if (!m)
        m = media_by_type(type);
    return m || !media_type_is_vague(type) ? m : media_by_name(name);
}
