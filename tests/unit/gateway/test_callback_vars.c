/* Secrets in the callback_vars of keys and teams: sealed on the way into the database, opened for
 * use, hidden in answers. */

#include "../wire/check.h"
#include "callback_vars.h"
#include "wire/secretbox.h"

#define SALT      SLICE("sk-salt")
#define SEALED    "litellm_enc::"
#define VARS(v)   "{\"callback_vars\":{" v "}}"
#define LOGGED(v) "{\"logging\":[{\"callback_name\":\"webhook\",\"callback_vars\":{" v "}}]}"

#define check_text(found, text) check_slice((found), slice_of(text))

static struct slice hidden(struct slice metadata, struct arena *a)
{
    struct buf b;
    struct json_writer w;
    buf_init(&b, 1 << 20);
    json_begin(&w, &b);
    callback_vars_write(&w, metadata);
    struct slice text = arena_dup(a, buf_slice(&b));
    buf_fini(&b);
    return text;
}

static struct slice opened(struct slice salt, struct slice metadata, struct arena *a)
{
    yyjson_val *v = callback_vars_open(salt, json_parse(metadata, a, NULL), a);
    assert_non_null(v);
    return json_text_of(v, a);
}

/* What is sealed (the rest stays as it is), what of it is shown; opened it is again what it was. */
static void what_is_a_secret(void **state)
{
    static const struct {
        const char *said, *shown;
        size_t seals;
    } rows[] = {
        {VARS("\"langfuse_secret_key\":\"sk\""), VARS("\"langfuse_secret_key\":\"***REDACTED***\""),
         1},
        {VARS("\"webhook_url\":\"http://a\",\"n\":\"v\""),
         VARS("\"webhook_url\":\"***REDACTED***\",\"n\":\"v\""), 1},
        {VARS("\"langfuse_host\":\"http://a\""), VARS("\"langfuse_host\":\"http://a\""), 0},
        {VARS("\"langfuse_secret_key\":\"\""), VARS("\"langfuse_secret_key\":\"***REDACTED***\""),
         0},
        {VARS("\"sample\":0.5,\"on\":true"), VARS("\"sample\":0.5,\"on\":true"), 0},
        {LOGGED("\"api_key\":\"a\",\"secret\":\"b\""),
         LOGGED("\"api_key\":\"***REDACTED***\",\"secret\":\"***REDACTED***\""), 2},
        /* elsewhere a name says nothing */
        {"{\"api_key\":\"a\"}", "{\"api_key\":\"a\"}", 0},
        {"{\"api_key\":\"a\",\"callback_vars\":[\"b\"]}",
         "{\"api_key\":\"a\",\"callback_vars\":[\"b\"]}", 0},
        /* a list of one kind or the other */
        {"[1,\"a\"]", "[1,\"a\"]", 0},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        arena_init(&a);
        struct slice said = slice_of(rows[i].said), empty = SLICE("");
        struct slice sealed = callback_vars_seal(SALT, said, empty, &a);
        size_t seals = 0;
        for (struct slice rest = sealed; rest.n; rest = slice_skip(rest, 1))
            seals += slice_starts(rest, SLICE(SEALED));
        assert_int_equal(seals, rows[i].seals);
        check_text(hidden(sealed, &a), rows[i].shown);
        check_text(hidden(said, &a), rows[i].shown); /* from before there was a salt key */
        check_text(opened(SALT, sealed, &a), rows[i].said);
        arena_fini(&a);
    }
}

/* A map of headers is a secret as a whole, and a text from then on. */
static void a_map_is_sealed_as_its_text(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice said = SLICE(VARS("\"webhook_headers\":{\"x-key\":\"1\"}"));
    struct slice sealed = callback_vars_seal(SALT, said, SLICE(""), &a);
    assert_int_equal(slice_find(sealed, SLICE("x-key")), -1);
    check_text(opened(SALT, sealed, &a), VARS("\"webhook_headers\":\"{\\\"x-key\\\":\\\"1\\\"}\""));
    check_text(hidden(said, &a), VARS("\"webhook_headers\":\"***REDACTED***\""));
    arena_fini(&a);
}

static void without_a_salt_key_it_stays(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice said = SLICE(VARS("\"api_key\":\"a\""));
    check_slice(callback_vars_seal(SLICE(""), said, SLICE(""), &a), said);
    check_slice(opened(SLICE(""), said, &a), said);
    arena_fini(&a);
}

static void what_another_key_sealed_is_left_out(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice sealed =
        callback_vars_seal(SALT, SLICE(VARS("\"api_key\":\"a\",\"n\":\"v\"")), SLICE(""), &a);
    check_text(opened(SLICE("another"), sealed, &a), VARS("\"n\":\"v\""));
    check_text(opened(SALT, SLICE(VARS("\"n\":\"litellm_enc::no box\"")), &a), VARS(""));
    arena_fini(&a);
}

/* What is sealed in the row stays; what only looks so was copied, and is sealed like any text. */
static void sealed_once(void **state)
{
    struct arena a;
    arena_init(&a);
    struct slice old = callback_vars_seal(SALT, SLICE(VARS("\"api_key\":\"a\"")), SLICE(""), &a);
    check_slice(callback_vars_seal(SALT, old, old, &a), old);
    struct slice copied = callback_vars_seal(SALT, old, SLICE(VARS("\"api_key\":\"b\"")), &a);
    struct slice before =
        json_get_slice(json_get(json_parse(old, &a, NULL), "callback_vars"), "api_key");
    assert_int_equal(slice_find(copied, before), -1);
    check_slice(opened(SALT, copied, &a), old);
    arena_fini(&a);
}

/* A client sends back what it was shown. */
static void what_was_hidden_comes_back(void **state)
{
#define SHOWN "\"api_key\":\"***REDACTED***\""
    static const struct {
        const char *said, *used;
    } rows[] = {
        {LOGGED("\"host\":\"h\"," SHOWN), LOGGED("\"host\":\"h\",\"api_key\":\"a\"")},
        /* a secret goes to no other host than the one it was given for, … */
        {LOGGED("\"host\":\"other\"," SHOWN), LOGGED("\"host\":\"other\"")},
        {LOGGED(SHOWN), LOGGED("")},
        {LOGGED("\"host\":\"h\",\"more\":1," SHOWN), LOGGED("\"host\":\"h\",\"more\":1")},
        /* … nor to another callback … */
        {"{\"logging\":[{\"callback_name\":\"lunary\",\"callback_vars\":{\"host\":\"h\"," SHOWN
         "}}]}",
         "{\"logging\":[{\"callback_name\":\"lunary\",\"callback_vars\":{\"host\":\"h\"}}]}"},
        {VARS("\"host\":\"h\"," SHOWN), VARS("\"host\":\"h\"")},
        /* … but its place in the list does not matter */
        {"{\"logging\":[{\"callback_name\":\"s3\"},{\"callback_name\":\"webhook\","
         "\"callback_vars\":{\"host\":\"h\"," SHOWN "}}]}",
         "{\"logging\":[{\"callback_name\":\"s3\"},{\"callback_name\":\"webhook\","
         "\"callback_vars\":{\"host\":\"h\",\"api_key\":\"a\"}}]}"},
        {LOGGED("\"host\":\"h\",\"api_key\":\"new\""),
         LOGGED("\"host\":\"h\",\"api_key\":\"new\"")},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        arena_init(&a);
        struct slice first = SLICE(LOGGED("\"host\":\"h\",\"api_key\":\"a\""));
        struct slice old = callback_vars_seal(SALT, first, SLICE(""), &a);
        struct slice changed = callback_vars_seal(SALT, slice_of(rows[i].said), old, &a);
        check_text(opened(SALT, changed, &a), rows[i].used);
        arena_fini(&a);
    }
}

static void what_is_none(void **state)
{
    static const char *const texts[] = {"", "{}", "null", "no JSON with callback_vars",
                                        "{\"a\":1}"};
    struct arena a;
    arena_init(&a);
    for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
        check_text(callback_vars_seal(SALT, slice_of(texts[i]), SLICE(""), &a), texts[i]);
    check_text(hidden(SLICE("no JSON"), &a), "null");
    assert_null(callback_vars_open(SALT, NULL, &a));
    arena_fini(&a);
}

/* Where an object nests deeper than is looked at, it is left as it is; what is too long is refused.
 */
static void bounds(void **state)
{
    enum { TOO_LONG = 2 * 1024 * 1024 };
    struct arena a;
    arena_init(&a);
#define DEEP(v) "{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{\"f\":" v "}}}}}}"
    struct slice deep = SLICE(DEEP(VARS("\"api_key\":\"a\"")));
    check_slice(callback_vars_seal(SALT, deep, SLICE(""), &a), deep);
    struct buf b;
    buf_init(&b, 2 * TOO_LONG);
    BUF_LITERAL(&b, "{\"callback_vars\":{\"n\":\"");
    memset(buf_reserve(&b, TOO_LONG), 'x', TOO_LONG);
    b.n += TOO_LONG;
    BUF_LITERAL(&b, "\"}}");
    assert_int_equal(callback_vars_seal(SALT, buf_slice(&b), SLICE(""), &a).n, 0);
    buf_fini(&b);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_a_secret),
        cmocka_unit_test(a_map_is_sealed_as_its_text),
        cmocka_unit_test(without_a_salt_key_it_stays),
        cmocka_unit_test(what_another_key_sealed_is_left_out),
        cmocka_unit_test(sealed_once),
        cmocka_unit_test(what_was_hidden_comes_back),
        cmocka_unit_test(what_is_none),
        cmocka_unit_test(bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
