/* pass_through_endpoints, as they are read. */

#include "check.h"
#include "world.h"

#define ENDPOINTS                                                                                  \
    "model_list: [{model_name: m, litellm_params: {model: bedrock/x.y, aws_region_name: r}}]\n"    \
    "general_settings:\n  pass_through_request_timeout: 5\n  pass_through_endpoints:\n"

static struct config *load(struct world *w, const char *text)
{
    struct config *c = world_load(w, text);
    assert_string_equal(world_problems(c), "");
    return c;
}

static void what_is_said(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    world_env(&w, "KEY", "their-key");
    struct config *c =
        load(&w, ENDPOINTS "  - path: /a/\n    target: https://x.example?k=v\n"
                           "    headers: {Authorization: Bearer os.environ/KEY, n: 5}\n"
                           "    auth: false\n    include_subpath: true\n    methods: [post]\n"
                           "    cost_per_request: 0.5\n    default_query_params: {v: 1}\n"
                           "  - {path: /b, target: 'http://u:p@q@127.0.0.1:80/y', timeout: 7}\n");
    const struct pass_endpoint *e = c->passes.v;
    assert_int_equal(c->passes.n, 2);
    assert_true(slice_eq(e->path, SLICE("/a")));
    assert_true(slice_eq(e->target, SLICE("https://x.example/")));
    assert_true(slice_eq(e->target_query, SLICE("k=v")));
    assert_true(slice_eq(e->told, SLICE("https://x.example/")));
    assert_true(slice_eq(http_header_get(e->headers, "authorization"), SLICE("Bearer their-key")));
    assert_true(slice_eq(http_header_get(e->headers, "n"), SLICE("5")));
    assert_true(slice_eq(e->methods[0], SLICE("POST")));
    assert_true(!e->auth && e->subpaths && !e->forward && e->cost == 0.5 && e->timeout == 5);
    assert_true(slice_eq(e->parameters[0].value, SLICE("1")));
    assert_true(e[1].auth && !e[1].subpaths && e[1].timeout == 7);
    assert_true(slice_eq(e[1].target, SLICE("http://u:p@q@127.0.0.1:80/y")));
    assert_true(slice_eq(e[1].told, SLICE("http://127.0.0.1:80/y")));
    config_unref(c);
}

static void credentials_of_langfuse(void **state)
{
    struct world w;
    (void)state;
    world_init(&w);
    struct config *c =
        load(&w, ENDPOINTS "  - {path: /l, target: 'https://l.example/api', headers: "
                           "{LANGFUSE_PUBLIC_KEY: pk, LANGFUSE_SECRET_KEY: sk}}\n");
    assert_int_equal(c->passes.v->headers.n, 1);
    assert_true(slice_eq(c->passes.v->headers.v[0].value, SLICE("Basic cGs6c2s=")));
    config_unref(c);
}

/* What a GET of the endpoints tells. */
static void what_is_shown(void **state)
{
    static const char *const rows[][2] = {
        {"{id: i, path: /a, target: 'https://x.example', auth: false}",
         "{\"id\":\"i\",\"path\":\"/a\",\"target\":\"https://x.example\",\"auth\":false}"},
        {"{path: /a, target: 'https://x.example/y?key=k', headers: {A: secret, n: 5}}",
         "{\"path\":\"/a\",\"target\":\"https://x.example/y?****\","
         "\"headers\":{\"A\":\"****\",\"n\":\"****\"}}"},
        {"{path: /a, target: 'https://u:p@x.example', default_query_params: {api_key: k, v: 1}}",
         "{\"path\":\"/a\",\"target\":\"****\","
         "\"default_query_params\":{\"api_key\":\"****\",\"v\":1}}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1024];
        world_init(&w);
        snprintf(text, sizeof(text), ENDPOINTS "  - %s\n", rows[i][0]);
        struct config *c = load(&w, text);
        struct slice shown = json_text_of(c->passes.v->shown, &c->arena);
        assert_true(slice_eq(shown, slice_of(rows[i][1])));
        config_unref(c);
    }
}

static void what_is_wrong(void **state)
{
    static const char *const rows[] = {
        "{path: a, target: 'https://x.example'}",
        "{path: /a}",
        "{path: /a, target: 'ftp://x.example'}",
        "{path: /a, target: 'https:///x'}",
        "{path: /a, target: 'https://x.example', headers: {A: os.environ/NOT_SET}}",
        "{path: /a, target: 'https://x.example', headers: {A: Bearer os.environ/NOT_SET}}",
        "{path: /a, target: 'https://x.example', headers: {'A:': b}}",
        "{path: /a, target: 'https://x.example', headers: {'A/B': b}}",
        "{path: /a, target: 'https://x.example', headers: {A: \"b\\r\\nC: d\"}}",
        "{path: /a, target: 'https://x.example', methods: [BREW]}",
        "{path: /a, target: 'https://x.example', auth: perhaps}",
        "{path: /a, target: 'https://x.example', guardrails: {g: null}}",
        "text",
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct world w;
        char text[1024];
        world_init(&w);
        snprintf(text, sizeof(text), ENDPOINTS "  - %s\n", rows[i]);
        struct config *c = world_load(&w, text);
        assert_true(c->errors > 0);
        config_unref(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_said), cmocka_unit_test(credentials_of_langfuse),
        cmocka_unit_test(what_is_shown), cmocka_unit_test(what_is_wrong)};
    return cmocka_run_group_tests_name("config_pass", tests, NULL, NULL);
}
