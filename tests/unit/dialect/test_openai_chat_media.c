/* Media parts that the golden cases cannot show: what is to be fetched, and what is not copied. */

#include "../base/check.h"

#include "dialect/dialect.h"

struct parsed {
    struct arena arena;
    struct llm_request request;
    struct failure failure;
    bool ok;
};

/* `text` is changed and must have JSON_PADDING bytes behind it. */
static void parse(struct parsed *p, char *text, size_t n)
{
    *p = (struct parsed){.ok = false};
    arena_init(&p->arena);
    yyjson_val *v = json_parse_insitu(text, n, &p->arena, NULL);
    assert_non_null(v);
    p->ok = dialect_openai_chat.parse(v, &p->arena, &p->request, &p->failure);
}

/* The one part of a user's message. */
static struct llm_block *parse_part(struct parsed *p, const char *part)
{
    static char text[2048];
    int n = snprintf(text, sizeof(text) - JSON_PADDING,
                     "{\"messages\":[{\"role\":\"user\",\"content\":[%s]}]}", part);
    parse(p, text, (size_t)n);
    return p->ok ? p->request.messages->blocks : NULL;
}

static const struct {
    const char *part;
    enum llm_block_kind kind;
    const char *url, *type, *name;
} remote[] = {
    {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"https://a.b/x\"}}", LLM_IMAGE,
     "https://a.b/x", "", ""},
    {"{\"type\":\"image_url\",\"image_url\":\"HTTPS://a.b/x.pdf\"}", LLM_IMAGE, "HTTPS://a.b/x.pdf",
     "", ""},
    {"{\"type\":\"image_url\",\"image_url\":{\"url\":\"http://a.b/x\",\"format\":\"application/"
     "pdf\"}}",
     LLM_DOCUMENT, "http://a.b/x", "application/pdf", ""},
    {"{\"type\":\"video_url\",\"video_url\":{\"url\":\"https://a.b/x\"}}", LLM_VIDEO,
     "https://a.b/x", "", ""},
    {"{\"type\":\"file\",\"file\":{\"file_id\":\"https://a.b/x\",\"filename\":\"r.pdf\"}}",
     LLM_DOCUMENT, "https://a.b/x", "", "r.pdf"},
    {"{\"type\":\"file\",\"file\":{\"file_data\":\"https://a.b/x\"}}", LLM_DOCUMENT,
     "https://a.b/x", "", ""},
    {"{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://a.b/x\"}}", LLM_IMAGE,
     "https://a.b/x", "", ""},
    {"{\"type\":\"document\",\"source\":{\"type\":\"url\",\"url\":\"https://a.b/"
     "x\"},\"title\":\"T\"}",
     LLM_DOCUMENT, "https://a.b/x", "", "T"},
};

static void test_remote(void **state)
{
    for (size_t i = 0; i < sizeof(remote) / sizeof(*remote); i++) {
        struct parsed p;
        const struct llm_block *b = parse_part(&p, remote[i].part);
        if (!b) {
            fail_msg("refused: %s", remote[i].part);
            return;
        }
        assert_int_equal(b->kind, remote[i].kind);
        check_text(b->url, remote[i].url);
        check_text(b->media_type, remote[i].type);
        check_text(b->name, remote[i].name);
        assert_int_equal(b->data.n, 0);
        arena_fini(&p.arena);
    }
}

static const char *const refused[] = {
    "{\"type\":\"image_url\",\"image_url\":\"file:///etc/passwd\"}",
    "{\"type\":\"image_url\",\"image_url\":\"/etc/passwd\"}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"gs://b/k.png\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"s3://bucket/key\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,A\"}}",
    "{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64, \"}}",
    "{\"type\":\"video_url\",\"image_url\":\"https://a.b/x\"}",
    "{\"type\":\"file\"}",
    "{\"type\":\"file\",\"file\":{}}",
    "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\"}}",
    "{\"type\":\"file\",\"file\":{\"filename\":\"a.pdf\",\"file_data\":\"!!!\"}}",
    "{\"type\":\"image\"}",
    "{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f\"}}",
    "{\"type\":\"image\",\"source\":{\"type\":\"text\",\"data\":\"x\"}}",
    "{\"type\":\"image\",\"source\":{\"type\":\"url\"}}",
    "{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":\"application/pdf\"}}",
    "{\"type\":\"document\",\"source\":{\"type\":\"text\"}}",
};

static void test_refused(void **state)
{
    for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++) {
        struct parsed p;
        if (parse_part(&p, refused[i]))
            fail_msg("accepted: %s", refused[i]);
        assert_int_equal(p.failure.status, 400);
        check_text(p.failure.param, "messages[0].content[0]");
        arena_fini(&p.arena);
    }
}

/* Several megabytes of base64 stay where the client's body is. */
static void test_large_data_is_not_copied(void **state)
{
    static const char head[] =
        "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
        "\"image_url\":{\"url\":\"data:image/png;base64,iVBORw0KGgo";
    static const char tail[] = "\"}}]}]}";
    const size_t data = 4 * 1024 * 1024 + 1, n = sizeof(head) - 1 + data + sizeof(tail) - 1;
    char *text = malloc(n + JSON_PADDING);
    struct parsed p;
    memcpy(text, head, sizeof(head) - 1);
    memset(text + sizeof(head) - 1, 'A', data);
    memcpy(text + sizeof(head) - 1 + data, tail, sizeof(tail) - 1);
    parse(&p, text, n);
    assert_true(p.ok);
    const struct llm_block *b = p.request.messages->blocks;
    assert_int_equal(b->data.n, data + sizeof("iVBORw0KGgo") - 1);
    assert_true(b->data.p > text && b->data.p < text + n);
    assert_true(p.arena.total < 64 * 1024);
    arena_fini(&p.arena);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_remote),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_large_data_is_not_copied),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
