/* How people name routes. */

#include "check.h"

#include "route_match.h"

static bool matches(const char *name, const char *method, const char *path)
{
    struct route_result r = routes_find(slice_of(method), slice_of(path));
    assert_int_equal(r.match, ROUTE_FOUND);
    return route_matches(slice_of(name), r.route, slice_of(path));
}

static void names(void **state)
{
    static const struct {
        const char *name, *method, *path;
        bool means;
    } rows[] = {
        {"/v1/models", "GET", "/v1/models", true},
        {"/v1/models", "GET", "/models", false},
        {"/v1/models", "GET", "/v1/models/claude", false},
        {"/v1/models/{model}", "GET", "/v1/models/claude", true},
        {"/v1/models/claude", "GET", "/v1/models/claude", true},
        {"/v1/models/claude", "GET", "/v1/models/nova", false},
        {"/v1/responses/{response_id}", "GET", "/v1/responses/r1", true},
        {"/v1/responses/{response_id}/cancel", "POST", "/v1/responses/r1/cancel", true},
        {"/v1/responses/{response_id}", "POST", "/v1/responses/r1/cancel", false},
        {"/v1/*", "GET", "/v1/models", true},
        {"/v1/*", "GET", "/models", false},
        {"/*", "GET", "/models", true},
        {"*", "GET", "/models", true},
        {"/v1", "GET", "/v1/models", false},
        {"", "GET", "/v1/models", false},
        {"llm_api_routes", "POST", "/v1/chat/completions", true},
        {"openai_routes", "GET", "/v1/models", true},
        {"openai_routes", "GET", "/v1/responses/r1", true},
        {"LiteLLMRoutes.openai_routes", "POST", "/v1/embeddings", true},
        {"llm_api_routes", "POST", "/key/generate", false},
        {"anthropic_routes", "POST", "/v1/messages", true},
        {"anthropic_routes", "POST", "/v1/chat/completions", false},
        {"mapped_pass_through_routes", "POST", "/bedrock/model/m/converse", true},
        {"mapped_pass_through_routes", "POST", "/v1/messages", false},
        {"info_routes", "GET", "/model/info", true},
        {"info_routes", "GET", "/key/list", false},
        {"management_routes", "POST", "/team/new", true},
        {"management_routes", "GET", "/v1/models", false},
        {"key_management_routes", "POST", "/key/generate", true},
        {"key_management_routes", "POST", "/team/new", false},
        {"spend_tracking_routes", "GET", "/spend/logs", true},
        {"spend_tracking_routes", "GET", "/global/spend", false},
        {"global_spend_tracking_routes", "GET", "/global/spend", true},
        {"public_routes", "GET", "/health/liveliness", true},
        {"public_routes", "GET", "/v1/models", false},
        {"no_such_routes", "GET", "/v1/models", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
        if (matches(rows[i].name, rows[i].method, rows[i].path) != rows[i].means)
            fail_msg("%s, %s", rows[i].name, rows[i].path);
}

static void any_of_them(void **state)
{
    const struct slice v[] = {SLICE("/models"), SLICE("/v1/*")};
    struct route_result r = routes_find(SLICE("GET"), SLICE("/v1/models"));
    (void)state;
    assert_true(route_matches_any((struct name_list){v, 2}, r.route, SLICE("/v1/models")));
    assert_false(route_matches_any((struct name_list){v, 1}, r.route, SLICE("/v1/models")));
    assert_false(route_matches_any((struct name_list){v, 0}, r.route, SLICE("/v1/models")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(names), cmocka_unit_test(any_of_them)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
