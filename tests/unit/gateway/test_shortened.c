/* What is shown of texts and conversations that are too long. */

#include "check.h"
#include "shortened.h"

#define OLD_HEAD "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* 35 of 100 */
#define OLD_TAIL                                                                                   \
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" /* … and 65              \
                                                                         */
#define SKIPPED(n) "... (litellm_truncated skipped " #n " chars) ..."

struct written {
    struct arena arena;
    struct buf text;
    struct json_writer w;
};

static void start(struct written *to)
{
    arena_init(&to->arena);
    buf_init(&to->text, 1 << 20);
    json_begin(&to->w, &to->text);
}

static void stop(struct written *to)
{
    buf_fini(&to->text);
    arena_fini(&to->arena);
}

static void expect(struct written *to, const char *text)
{
    buf_add_char(&to->text, '\0');
    assert_string_equal(to->text.p, text);
}

static void texts(void **state)
{
    static const struct {
        const char *text;
        size_t max;
        const char *shown;
    } rows[] = {
        {"0123456789", 10, "\"0123456789\""},
        {"0123456789a", 10, "\"012" SKIPPED(1) "456789a\""},
        {"0123456789", 0, "\"" SKIPPED(10) "\""},
        /* characters of two bytes stay whole */
        {"\u00e4\u00f6\u00fc\u00e4\u00f6\u00fc", 8, "\"\u00e4" SKIPPED(4) "\u00e4\u00f6\u00fc\""},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct written to;
        start(&to);
        shortened_text(&to.w, slice_of(rows[i].text), rows[i].max);
        expect(&to, rows[i].shown);
        stop(&to);
    }
}

/* "a" so many times, for each list element; 0: a number. */
static yyjson_val *list_of(struct arena *a, const size_t *sizes, size_t n)
{
    struct buf b;
    buf_init(&b, 1 << 20);
    for (size_t i = 0; i < n; i++) {
        BUF_LITERAL(&b, ",{\"c\":\"");
        for (size_t k = 0; k < sizes[i]; k++)
            buf_add_char(&b, 'a');
        BUF_LITERAL(&b, "\",\"n\":7}");
    }
    b.p[0] = '[';
    buf_add_char(&b, ']');
    yyjson_val *list = json_parse(buf_slice(&b), a, NULL);
    buf_fini(&b);
    assert_non_null(list);
    return list;
}

static void the_last_messages_are_whole(void **state)
{
    struct written to;
    static const size_t sizes[] = {200, 3, 200, 5, 6};
    start(&to);
    shortened_messages(&to.w, list_of(&to.arena, sizes, 5), 150);
    /* 5 and 6 leave room for 139 bytes of the third. */
    expect(&to, "[{\"c\":\"" OLD_HEAD SKIPPED(100) OLD_TAIL "\",\"n\":7},{\"c\":\"aaa\",\"n\":7},"
                                                            "{\"c\":\"" OLD_HEAD
                                                            "aaaaaaaaaaaaa" SKIPPED(61) OLD_TAIL
           "aaaaaaaaaaaaaaaaaaaaaaaaaa"
           "\",\"n\":7},{\"c\":\"aaaaa\",\"n\":7},{\"c\":\"aaaaaa\",\"n\":7}]");
    stop(&to);
}

static void what_fits_is_as_it_was(void **state)
{
    struct written to;
    static const size_t sizes[] = {2, 3};
    start(&to);
    shortened_messages(&to.w, list_of(&to.arena, sizes, 2), 5);
    expect(&to, "[{\"c\":\"aa\",\"n\":7},{\"c\":\"aaa\",\"n\":7}]");
    stop(&to);
}

/* The system prompt is the oldest message. */
static void a_conversation(void **state)
{
    static const struct {
        const char *system, *messages;
        size_t max;
        const char *shown;
    } rows[] = {
        {"\"sy\"", "[{\"role\":\"user\",\"content\":\"hi\"}]", 100,
         "[{\"role\":\"system\",\"content\":\"sy\"},{\"role\":\"user\",\"content\":\"hi\"}]"},
        {"[{\"text\":\"sy\"}]", "\"hi\"", 100,
         "[{\"role\":\"system\",\"content\":[{\"text\":\"sy\"}]},"
         "{\"role\":\"user\",\"content\":\"hi\"}]"},
        {"\"sy\"", NULL, 100, "[{\"role\":\"system\",\"content\":\"sy\"}]"},
        {"\"" OLD_HEAD OLD_TAIL OLD_TAIL "\"", "[\"hi\"]", 100,
         "[{\"role\":\"system\",\"content\":\"" OLD_HEAD SKIPPED(65) OLD_TAIL "\"},\"hi\"]"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct written to;
        start(&to);
        yyjson_val *system = json_parse(slice_of(rows[i].system), &to.arena, NULL);
        yyjson_val *messages =
            rows[i].messages ? json_parse(slice_of(rows[i].messages), &to.arena, NULL) : NULL;
        assert_non_null(system);
        shortened_conversation(&to.w, system, messages, rows[i].max);
        expect(&to, rows[i].shown);
        stop(&to);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts),
        cmocka_unit_test(the_last_messages_are_whole),
        cmocka_unit_test(what_fits_is_as_it_was),
        cmocka_unit_test(a_conversation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
