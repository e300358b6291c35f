/* What of a client's head goes to Bedrock, and what its spend is tagged with. */

#include "../config/check.h"
#include "../config/world.h"

#include "request_headers.h"
#include "request_tags.h"

#include <stdio.h>
#include <string.h>

static const struct http_header head[] = {
    {SLICE("Host"), SLICE("gateway")},
    {SLICE("Authorization"), SLICE("Bearer sk-1")},
    {SLICE("Cookie"), SLICE("a=b")},
    {SLICE("X-Api-Key"), SLICE("sk-1")},
    {SLICE("x-litellm-api-key"), SLICE("sk-1")},
    {SLICE("X-Gate"), SLICE("sk-1")},
    {SLICE("X-Amz-Date"), SLICE("now")},
    {SLICE("x-amzn-bedrock-guardrailIdentifier"), SLICE("none")},
    {SLICE("x-stainless-os"), SLICE("Linux")},
    {SLICE("X-Team"), SLICE("red \xff")},
    {SLICE("x-own"), SLICE("client")},
    {SLICE("x-litellm-user_api_key_team_id"), SLICE("else")},
    {SLICE("anthropic-beta"), SLICE("context-1m-2025-08-07")},
    {SLICE("User-Agent"), SLICE("claude-cli/2.0 (external)")},
};
static const struct http_headers all = {head, sizeof(head) / sizeof(*head)};

static struct config *load(struct world *w, const char *litellm)
{
    char text[1024];
    snprintf(text, sizeof(text),
             "model_list: []\ngeneral_settings: {litellm_key_header_name: x-gate}\n"
             "litellm_settings: {%s}\n",
             litellm);
    world_init(w);
    return world_load(w, text);
}

static void forwarded(struct config *c, const char *own, const char *wanted)
{
    struct arena a;
    struct caller caller;
    struct llm_request r;
    arena_init(&a);
    caller_init(&caller, &a);
    caller.alias = SLICE("app");
    caller.team = SLICE("t-1");
    llm_request_init(&r);
    r.headers = json_parse(slice_of(own), &a, NULL);
    request_headers_add(&r, c, all, &caller, SLICE("/v1/chat/completions"), &a);
    assert_string_equal(world_json(r.headers), wanted);
    caller_free(&caller);
    arena_fini(&a);
}

static void handed_on(void **state)
{
    struct world w;
    struct config *c = load(&w, "");
    (void)state;
    forwarded(c, "{\"X-Own\":\"body\",\"n\":1}",
              "{\"X-Own\":\"body\",\"X-Team\":\"red \xef\xbf\xbd\","
              "\"anthropic-beta\":\"context-1m-2025-08-07\"}");
    config_unref(c);
    c = load(&w, "add_user_information_to_llm_headers: true");
    forwarded(
        c, "{\"x-litellm-user_api_key_alias\":\"me\"}",
        "{\"x-litellm-user_api_key_alias\":\"app\",\"x-litellm-user_api_key_team_id\":\"t-1\","
        "\"x-litellm-user_api_key_request_route\":\"/v1/chat/completions\","
        "\"X-Team\":\"red \xef\xbf\xbd\",\"x-own\":\"client\","
        "\"anthropic-beta\":\"context-1m-2025-08-07\"}");
    config_unref(c);
}

static void at_most(void **state)
{
    struct world w;
    struct arena a;
    struct caller caller;
    struct llm_request r;
    struct http_header many[2 * REQUEST_HEADERS_MAX];
    struct config *c = load(&w, "");
    (void)state;
    arena_init(&a);
    caller_init(&caller, &a);
    for (int i = 0; i < 2 * REQUEST_HEADERS_MAX; i++)
        many[i] = (struct http_header){arena_printf(&a, "x-%d", i), SLICE("v")};
    llm_request_init(&r);
    request_headers_add(&r, c, (struct http_headers){many, 2 * REQUEST_HEADERS_MAX}, &caller,
                        SLICE("/"), &a);
    assert_int_equal(yyjson_obj_size(r.headers), REQUEST_HEADERS_MAX);
    char *large = arena_alloc(&a, REQUEST_HEADERS_BYTES);
    memset(large, 'x', REQUEST_HEADERS_BYTES);
    many[0].value = slice_make(large, REQUEST_HEADERS_BYTES);
    r.headers = NULL;
    request_headers_add(&r, c, (struct http_headers){many, 2}, &caller, SLICE("/"), &a);
    assert_string_equal(world_json(r.headers), "{\"x-1\":\"v\"}");
    caller_free(&caller);
    config_unref(c);
    arena_fini(&a);
}

static void of_which_groups(void **state)
{
    struct world w;
    struct config *c =
        load(&w, "model_group_settings: {forward_client_headers_to_llm_api: [claude, \"team/*\"]}");
    (void)state;
    assert_true(request_headers_wanted(c, SLICE("claude"), SLICE("claude")));
    assert_true(request_headers_wanted(c, SLICE("mine"), SLICE("claude")));
    assert_true(request_headers_wanted(c, SLICE("team/x"), SLICE("")));
    assert_false(request_headers_wanted(c, SLICE("nova"), SLICE("nova")));
    config_unref(c);
    world_expect(&w,
                 "litellm_settings:\n  model_group_settings:\n    "
                 "forward_client_headers_to_llm_api: all\n    x: 1\n"
                 "  extra_spend_tag_headers: [[]]\n",
                 "W1 model_list: there are no models\n"
                 "E3 litellm_settings.model_group_settings.forward_client_headers_to_llm_api: "
                 "expected a list of names\n"
                 "W4 litellm_settings.model_group_settings.x: unknown option, ignored\n"
                 "E5 litellm_settings.extra_spend_tag_headers[0]: expected a name\n");
}

static void tagged(const char *litellm, const char *wanted)
{
    struct world w;
    struct arena a;
    struct buf text;
    struct json_writer j;
    struct config *c = load(&w, litellm);
    arena_init(&a);
    buf_init(&text, 4096);
    json_begin(&j, &text);
    json_array(&j);
    request_tags_write(c, all, &j, &a);
    json_array_end(&j);
    assert_true(slice_eq(buf_slice(&text), slice_of(wanted)));
    buf_fini(&text);
    arena_fini(&a);
    config_unref(c);
}

static void tags(void **state)
{
    (void)state;
    tagged("", "[\"User-Agent: claude-cli\",\"User-Agent: claude-cli/2.0 (external)\"]");
    tagged("disable_add_user_agent_to_request_tags: true, "
           "extra_spend_tag_headers: [x-team, x-none, HOST]",
           "[\"x-team: red \xef\xbf\xbd\",\"HOST: gateway\"]");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(handed_on), cmocka_unit_test(at_most),
                                       cmocka_unit_test(of_which_groups), cmocka_unit_test(tags)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
