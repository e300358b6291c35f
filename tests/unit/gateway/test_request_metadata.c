/* bedrock_request_metadata_fields → requestMetadata. */

#include "../config/check.h"
#include "../config/world.h"

#include "request_metadata.h"

#include <stdio.h>
#include <string.h>

struct row_of {
    const char *fields, *own, *metadata, *wanted; /* JSON; NULL: nothing */
};

static void metadata(void **state)
{
    static const struct row_of rows[] = {
        {"[\"user_api_key_alias\",\"user_api_key_team_id\",\"user_api_key_alias\"]", NULL, NULL,
         "{\"user_api_key_alias\":\"app\",\"user_api_key_team_id\":\"t-1\"}"},
        /* What is not known, cannot be sent, or is no fact of the gateway. */
        {"[\"user_api_key_user_id\",\"user_api_key_org_id\",\"user_api_key_x\",\"model\"]", NULL,
         NULL, NULL},
        /* Nobody says the gateway's own words. */
        {"[\"user_api_key_alias\"]",
         "{\"user_api_key_alias\":\"me\",\"user_api_key_x\":\"y\",\"job\":\"a b\",\"n\":1}",
         "{\"spend_logs_metadata\":{\"b\":\"2\"}}",
         "{\"user_api_key_alias\":\"app\",\"job\":\"a b\"}"},
        {"[\"spend_logs_metadata\"]", "{\"a\":\"1\"}",
         "{\"spend_logs_metadata\":{\"a\":\"3\",\"b\":\"\",\"c\":\"<\"}}",
         "{\"a\":\"1\",\"b\":\"\"}"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        struct arena a;
        struct caller caller;
        struct llm_request r;
        struct llm_extra other = {.name = SLICE("performanceConfig")}, own = {.next = &other};
        arena_init(&a);
        caller_init(&caller, &a);
        caller.alias = SLICE("app");
        caller.team = SLICE("t-1");
        caller.user = SLICE("<no>");
        llm_request_init(&r);
        own.name = SLICE("requestMetadata");
        own.value = rows[i].own ? json_parse(slice_of(rows[i].own), &a, NULL) : NULL;
        r.extra = rows[i].own ? &own : &other;
        if (rows[i].metadata)
            r.metadata = json_parse(slice_of(rows[i].metadata), &a, NULL);
        request_metadata_set(&r, json_parse(slice_of(rows[i].fields), &a, NULL), &caller, &a);
        size_t count = 0;
        bool found = false;
        for (const struct llm_extra *e = r.extra; e; e = e->next, count++)
            if (slice_eq(e->name, SLICE("requestMetadata"))) {
                found = true;
                assert_true(slice_eq(json_text_of(e->value, &a), slice_of(rows[i].wanted)));
            }
        assert_int_equal(found, rows[i].wanted != NULL);
        assert_int_equal(count, found ? 2 : 1);
        caller_free(&caller);
        arena_fini(&a);
    }
}

static void at_most(void **state)
{
    struct arena a;
    struct caller caller;
    struct llm_request r;
    struct llm_extra own = {.name = SLICE("requestMetadata")};
    char text[1024] = "{";
    (void)state;
    for (int i = 0; i < 20; i++)
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s\"k%d\":\"v\"", i ? "," : "",
                 i);
    strcat(text, "}");
    arena_init(&a);
    caller_init(&caller, &a);
    caller.alias = SLICE("app");
    llm_request_init(&r);
    own.value = json_parse(slice_of(text), &a, NULL);
    r.extra = &own;
    request_metadata_set(&r, json_parse(SLICE("[\"user_api_key_alias\"]"), &a, NULL), &caller, &a);
    assert_int_equal(yyjson_obj_size(r.extra->value), REQUEST_METADATA_MAX);
    assert_non_null(json_get(r.extra->value, "user_api_key_alias"));
    caller_free(&caller);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(metadata), cmocka_unit_test(at_most)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
