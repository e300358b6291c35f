/* Parameters beside the conversation: dropped, refused, passed on; flags, tiers, stop sequences;
 * and what a client says twice. */

#include "planned.h"

#define A "'messages':[{'role':'user','content':'A'}]"

/* "name=json …" of a list of members. */
static const char *tell_extras(struct planned *p, const struct llm_extra *list)
{
    struct json_writer w;
    buf_reset(&p->out);
    for (const struct llm_extra *e = list; e; e = e->next) {
        buf_addf(&p->out, "%s%.*s=", e == list ? "" : " ", SLICE_ARG(e->name));
        json_begin(&w, &p->out);
        json_value(&w, e->value);
    }
    return told(p);
}

/* ---- without a counterpart ----------------------------------------------------------------- */

static const char *const unsupported[] = {"audio",
                                          "frequency_penalty",
                                          "logit_bias",
                                          "logprobs",
                                          "modalities",
                                          "prediction",
                                          "presence_penalty",
                                          "prompt_cache_key",
                                          "seed",
                                          "store",
                                          "top_logprobs",
                                          "prompt_cache_retention",
                                          "verbosity",
                                          "safety_identifier",
                                          "web_search_options"};

static void check_parameter(const char *name, const char *more, bool planned, const char *fields)
{
    struct planned p;
    planned_init(&p, SONNET37);
    planned_parse(&p, arena_printf(&p.x.arena, "%s'%s':1," A, more, name).p);
    planned_make(&p);
    assert_int_equal(p.planned, planned);
    if (planned) {
        check_told(name, tell_extras(&p, p.x.plan.fields), fields);
        assert_int_equal(p.x.plan.repairs, 0); /* the client knows what it dropped */
    } else {
        assert_int_equal(p.x.failure.kind, FAILURE_UNSUPPORTED);
        check_text(p.x.failure.param, name);
        assert_true(slice_find(p.x.failure.message, slice_of(name)) > 0);
    }
    planned_fini(&p);
}

static void test_without_a_counterpart(void **state)
{
    for (size_t i = 0; i < COUNT(unsupported); i++) {
        char allowed[128], field[64];
        snprintf(allowed, sizeof(allowed), "'allowed_openai_params':['%s'],", unsupported[i]);
        snprintf(field, sizeof(field), "%s=1", unsupported[i]);
        check_parameter(unsupported[i], "", false, NULL);
        check_parameter(unsupported[i], "'drop_params':true,", true, "");
        check_parameter(unsupported[i], allowed, true, field);
    }
    check_parameter("top_a", "", true, "top_a=1"); /* of the model, for all we know */
}

/* At the value that they have anyway, they ask for nothing. */
static void test_idle(void **state)
{
    static const struct {
        const char *member;
        bool planned;
    } rows[] = {
        {"'frequency_penalty':0", true},
        {"'frequency_penalty':0.0", true},
        {"'frequency_penalty':0.1", false},
        {"'presence_penalty':0", true},
        {"'presence_penalty':-1", false},
        {"'logprobs':false", true},
        {"'logprobs':true", false},
        {"'top_logprobs':0", true},
        {"'logit_bias':{}", true},
        {"'logit_bias':{'50256':-100}", false},
        {"'store':false", true},
        {"'store':true", false},
        {"'modalities':['text']", true},
        {"'modalities':['text','audio']", false},
        {"'best_of':1", true},
        {"'best_of':2", false},
        {"'suffix':''", true},
        {"'suffix':'x'", false},
        {"'verbosity':'medium'", true},
        {"'verbosity':'low'", false},
        {"'n':1", true},
        {"'n':2", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_init(&p, SONNET37);
        planned_parse(&p, arena_printf(&p.x.arena, "%s," A, rows[i].member).p);
        planned_make(&p);
        if (p.planned != rows[i].planned)
            fail_msg("%s", rows[i].member);
        assert_true(!p.planned || !p.x.plan.fields);
        planned_fini(&p);
    }
}

/* The configuration may drop them as well. */
static void test_dropped_by_the_deployment(void **state)
{
    struct planned p;
    planned_init(&p, SONNET37);
    p.x.deployment.drop_params = true;
    planned_parse(&p, "'seed':1,'n':2," A);
    planned_make(&p);
    assert_true(p.planned);
    assert_null(p.x.plan.fields);
    planned_fini(&p);
}

/* ---- where they go ------------------------------------------------------------------------- */

static const struct place_case {
    const char *name, *members, *fields, *top;
} places[] = {
    {"the model's", "'a':1,'b':{'c':[1.50]}," A, "a=1 b={\"c\":[1.50]}", ""},
    {"Converse's", "'requestMetadata':{'k':'v'},'performanceConfig':{'latency':'optimized'}," A, "",
     "requestMetadata={\"k\":\"v\"} performanceConfig={\"latency\":\"optimized\"}"},
    {"in wrappers", "'extra_body':{'a':1},'additionalModelRequestFields':{'b':2}," A, "a=1 b=2",
     ""},
    {"wrapped and not", "'a':1,'extra_body':{'a':2,'c':3}," A, "a=2 c=3", ""},
};

static void test_places(void **state)
{
    for (size_t i = 0; i < COUNT(places); i++) {
        struct planned p;
        planned_of(&p, SONNET37, places[i].members);
        check_told(places[i].name, tell_extras(&p, p.x.plan.fields), places[i].fields);
        check_told(places[i].name, tell_extras(&p, p.x.plan.top), places[i].top);
        planned_fini(&p);
    }
}

/* ---- said twice ---------------------------------------------------------------------------- */

static const struct twice_case {
    const char *name, *model, *members, *fields; /* of the body */
} twice[] = {
    {"thinking", SONNET37,
     "'thinking':{'type':'enabled','budget_tokens':2000},"
     "'extra_body':{'thinking':{'type':'enabled','budget_tokens':3000}}," A,
     "{\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":3000}}"},
    {"top_k", SONNET37, "'top_k':1,'extra_body':{'top_k':2}," A, "{\"top_k\":2}"},
    {"Nova's top_k", NOVA, "'top_k':1,'extra_body':{'inferenceConfig':{'topK':2}}," A,
     "{\"inferenceConfig\":{\"topK\":2}}"},
    {"Nova's effort", NOVA2,
     "'reasoning_effort':'low','extra_body':{'reasoningConfig':{'type':'disabled'}}," A,
     "{\"reasoningConfig\":{\"type\":\"disabled\"}}"},
    {"flags", SONNET37,
     "'anthropic_beta':['context-1m-2025-08-07'],'extra_body':{'anthropic_beta':['x']}," A,
     "{\"anthropic_beta\":[\"x\"]}"},
    {"effort, and more of output_config", OPUS46,
     "'reasoning_effort':'low','output_config':{'task_budget':{'total':5}}," A,
     "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},\"output_config\":{"
     "\"effort\""
     ":\"low\",\"task_budget\":{\"total\":5}}}"},
    {"effort twice", OPUS46,
     "'reasoning_effort':'low','output_config':{'effort':'high','task_budget':{'total':5}}," A,
     "{\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},\"output_config\":{"
     "\"effort\""
     ":\"high\",\"task_budget\":{\"total\":5}}}"},
    {"one call", SONNET45,
     "'parallel_tool_calls':false,'tools':[{'function':{'name':'r'}}],"
     "'extra_body':{'tool_choice':{'type':'auto'}}," A,
     "{\"tool_choice\":{\"type\":\"auto\"}}"},
};

static void test_said_twice(void **state)
{
    for (size_t i = 0; i < COUNT(twice); i++) {
        struct planned p;
        planned_of(&p, twice[i].model, twice[i].members);
        const char *body = tell_body(&p);
        const char *fields = strstr(body, "\"additionalModelRequestFields\":");
        if (!fields || !slice_starts(slice_of(strchr(fields, ':') + 1), slice_of(twice[i].fields)))
            fail_msg("%s: %s\nis not in %s", twice[i].name, twice[i].fields, body);
        planned_fini(&p);
    }
}

/* ---- tiers, flags, stop sequences ---------------------------------------------------------- */

static void test_service_tier(void **state)
{
    static const struct {
        const char *members, *tier, *top;
        bool planned;
    } rows[] = {
        {"'service_tier':'auto'," A, "default", "", true},
        {"'service_tier':'flex'," A, "flex", "", true},
        {"'service_tier':'priority'," A, "priority", "", true},
        {"'service_tier':'scale'," A, "", "", false},
        {"'service_tier':'scale','drop_params':true," A, "", "", true},
        {"'service_tier':'scale','allowed_openai_params':['service_tier']," A, "scale", "", true},
        {"'service_tier':'flex','serviceTier':{'type':'reserved'}," A, "",
         "serviceTier={\"type\":\"reserved\"}", true},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, SONNET37, rows[i].members);
        assert_int_equal(p.planned, rows[i].planned);
        if (p.planned) {
            check_text(p.x.plan.service_tier, rows[i].tier);
            check_told(rows[i].members, tell_extras(&p, p.x.plan.top), rows[i].top);
        }
        planned_fini(&p);
    }
}

static void check_list(const struct slice *v, size_t n, const char *expected, struct planned *p)
{
    buf_reset(&p->out);
    for (size_t i = 0; i < n; i++)
        buf_addf(&p->out, "%s%.*s", i ? "|" : "", SLICE_ARG(v[i]));
    check_told("list", told(p), expected);
}

static void test_flags(void **state)
{
    static const struct {
        const char *model, *members, *betas, *repairs;
    } rows[] = {
        {SONNET37, "'anthropic_beta':['context-1m-2025-08-07']," A, "context-1m-2025-08-07", ""},
        {SONNET37, "'anthropic_beta':'context-1m-2025-08-07, effort-2025-11-24'," A,
         "context-1m-2025-08-07|effort-2025-11-24", ""},
        {SONNET37, "'extra_headers':{'Anthropic-Beta':'context-1m-2025-08-07','x':'y'}," A,
         "context-1m-2025-08-07", ""},
        {SONNET37,
         "'anthropic_beta':['effort-2025-11-24','effort-2025-11-24'],"
         "'extra_headers':{'anthropic-beta':'effort-2025-11-24'}," A,
         "effort-2025-11-24", ""},
        {SONNET37, "'anthropic_beta':['claude-code-20250219','effort-2025-11-24']," A,
         "effort-2025-11-24", "beta"},
        {NOVA, "'anthropic_beta':['effort-2025-11-24']," A, "", ""},
        {ARN, "'anthropic_beta':['effort-2025-11-24']," A, "effort-2025-11-24", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        check_list(p.x.plan.betas, p.x.plan.beta_count, rows[i].betas, &p);
        check_told(rows[i].members, tell_repairs(&p), rows[i].repairs);
        planned_fini(&p);
    }
}

static void test_stop(void **state)
{
    static const struct {
        const char *model, *members, *stop, *repairs;
    } rows[] = {
        {SONNET37, "'stop':'END'," A, "END", ""},
        {SONNET37, "'stop':['END','\\n\\n','','X ']," A, "END|X ", "stop"},
        {NOVA, "'stop':['END','\\n\\n','']," A, "END|\n\n", "stop"},
        {NOVA, "'stop':['END','\\n\\n']," A, "END|\n\n", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct planned p;
        planned_of(&p, rows[i].model, rows[i].members);
        check_list(p.x.plan.stop, p.x.plan.stop_count, rows[i].stop, &p);
        check_told(rows[i].members, tell_repairs(&p), rows[i].repairs);
        planned_fini(&p);
    }
}

/* The names of all repairs: different, and fit for a header. */
static void test_names(void **state)
{
    for (unsigned i = 0; i < REPAIR_COUNT; i++) {
        const char *name = plan_repair_name(i);
        assert_non_null(name);
        assert_int_equal(strspn(name, "abcdefghijklmnopqrstuvwxyz-"), strlen(name));
        for (unsigned j = 0; j < i; j++)
            assert_string_not_equal(name, plan_repair_name(j));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_without_a_counterpart),
        cmocka_unit_test(test_idle),
        cmocka_unit_test(test_dropped_by_the_deployment),
        cmocka_unit_test(test_places),
        cmocka_unit_test(test_said_twice),
        cmocka_unit_test(test_service_tier),
        cmocka_unit_test(test_flags),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_names),
    };
    return cmocka_run_group_tests_name("plan_params", tests, NULL, NULL);
}
