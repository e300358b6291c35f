#include "../base/check.h"

#include "llm/media.h"

static const struct {
    const char *type, *name;
    struct slice head;
    const char *expected; /* format; NULL: unknown */
} rows[] = {
    /* the declared type, in any spelling */
    {"image/png", "", SLICE(""), "png"},
    {"IMAGE/JPG", "", SLICE(""), "jpeg"},
    {"text/csv; charset=utf-8", "", SLICE("a,b"), "csv"},
    {" application/pdf ", "", SLICE(""), "pdf"},
    {"application/vnd.openxmlformats-officedocument.wordprocessingml.document", "", SLICE(""),
     "docx"},
    {"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "", SLICE(""), "xlsx"},
    {"video/quicktime", "", SLICE(""), "mov"},
    {"video/mov", "", SLICE(""), "mov"},
    {"video/3gpp", "", SLICE(""), "3gp"},
    {"text/markdown", "x.html", SLICE(""), "md"},
    /* text of any kind */
    {"text/x-c", "", SLICE(""), "txt"},
    {"application/json", "", SLICE(""), "txt"},
    {"application/ld+json", "", SLICE(""), "txt"},
    {"application/atom+xml", "", SLICE(""), "txt"},
    /* what no model takes */
    {"image/svg+xml", "", SLICE("<svg"), NULL},
    {"image/tiff", "x.png", SLICE(""), NULL},
    {"audio/mpeg", "", SLICE(""), NULL},
    {"application/zip", "x.docx", SLICE("PK\3\4"), NULL},
    {"png", "", SLICE(""), NULL},
    {"", "", SLICE(""), NULL},
    /* the name, when the type says nothing */
    {"", "a.pdf", SLICE(""), "pdf"},
    {"application/octet-stream", "A.B.DOCX", SLICE("PK\3\4"), "docx"},
    {"", "https://example.com/a.b/c.jpg?x=y.png#z.gif", SLICE(""), "jpeg"},
    {"", "s3://bucket.pdf/clip.mkv", SLICE(""), "mkv"},
    {"", "https://example.com/a.pdf/b", SLICE(""), NULL},
    {"", "c:\\a.pdf\\b", SLICE(""), NULL},
    {"", "pdf", SLICE(""), NULL},
    {"", "a.", SLICE(""), NULL},
    {"", "a.exe", SLICE(""), NULL},
    /* the bytes are right */
    {"image/jpeg", "a.gif", SLICE("\x89PNG\r\n\x1a\n\0\0\0\r"), "png"},
    {"image/png", "", SLICE("\xff\xd8\xff\xe0"), "jpeg"},
    {"image/png", "", SLICE("GIF89a"), "gif"},
    {"image/png", "", SLICE("GIF87a"), "gif"},
    {"image/png", "", SLICE("RIFF\1\2\3\4WEBP"), "webp"},
    {"image/png", "", SLICE("%PDF-1.7"), "pdf"},
    {"audio/mpeg", "", SLICE("%PDF-1.7"), "pdf"},
    {"", "", SLICE("%PDF-1.7"), "pdf"},
    /* or say nothing */
    {"image/png", "", SLICE("RIFF\1\2\3\4WAVE"), "png"},
    {"image/png", "", SLICE("RIFF\1\2\3\4WEB"), "png"},
    {"image/gif", "", SLICE("\x89PNG"), "gif"},
};

static void test_decide(void **state)
{
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        const struct media *m =
            media_decide(slice_of(rows[i].type), slice_of(rows[i].name), rows[i].head);
        if (!m != !rows[i].expected || (m && strcmp(m->format, rows[i].expected) != 0))
            fail_msg("row %zu: %s %s: %s", i, rows[i].type, rows[i].name, m ? m->format : "none");
    }
}

/* A row is found by each of its names, and by nothing of another row. */
static void test_names_agree(void **state)
{
    static const char *const formats[] = {
        "png", "jpeg", "gif", "webp", "pdf", "csv",  "doc", "docx", "xls", "xlsx", "html",
        "md",  "txt",  "mp4", "mov",  "mkv", "webm", "flv", "mpeg", "mpg", "wmv",  "3gp"};
    char name[16];
    for (size_t i = 0; i < sizeof(formats) / sizeof(*formats); i++) {
        snprintf(name, sizeof(name), "x.%s", formats[i]);
        const struct media *m = media_by_name(slice_of(name));
        assert_non_null(m);
        assert_string_equal(m->format, formats[i]);
        for (size_t j = 0; m->types[j]; j++)
            assert_ptr_equal(media_by_type(slice_of(m->types[j])), m);
        for (size_t j = 0; m->suffixes[j]; j++) {
            snprintf(name, sizeof(name), "x.%s", m->suffixes[j]);
            assert_ptr_equal(media_by_name(slice_of(name)), m);
        }
    }
}

static void test_vague(void **state)
{
    assert_true(media_type_is_vague(SLICE("")));
    assert_true(media_type_is_vague(SLICE("Application/Octet-Stream; x=y")));
    assert_false(media_type_is_vague(SLICE("application/zip")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_decide),
        cmocka_unit_test(test_names_agree),
        cmocka_unit_test(test_vague),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
