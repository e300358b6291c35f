/* Metrics: what workers count together, what one leaves to the next, and the bounds. */

#include "cmocka_all.h"
#include "metrics_private.h"
#include "observe/request_meter.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SERIES_MAX 4
#define CALLERS    10000

struct machine { /* with two workers */
    struct metrics_shared *shared;
    struct metrics *workers[2];
    struct buf text;
};

static void start_with(struct machine *m, const struct metrics_options *o)
{
    m->shared = metrics_shared_new(2, o);
    for (unsigned i = 0; i < 2; i++)
        m->workers[i] = metrics_new(m->shared, i, SERIES_MAX);
    buf_init(&m->text, (size_t)1 << 20);
}

static void start(struct machine *m)
{
    start_with(m, NULL);
}

static void stop(struct machine *m)
{
    buf_fini(&m->text);
    for (unsigned i = 0; i < 2; i++)
        metrics_free(m->workers[i]);
    metrics_shared_free(m->shared);
}

static const char *text(struct machine *m, bool open)
{
    buf_reset(&m->text);
    metrics_write(m->workers[0], open, &m->text);
    buf_add_char(&m->text, '\0');
    return m->text.p;
}

#define SHOWS(m, line) assert_non_null(strstr(text(m, false), line "\n"))

static struct metric_series *one(struct machine *m, unsigned worker, enum metric_id id,
                                 const char *value)
{
    return metrics_one(m->workers[worker], id, slice_of(value));
}

static void workers_are_summed(void **state)
{
    struct machine m;
    start(&m);
    metric_add(one(&m, 0, METRIC_REPAIRS, "tool-name"), 2);
    metric_add(one(&m, 1, METRIC_REPAIRS, "tool-name"), 3);
    metric_add(one(&m, 1, METRIC_REPAIRS, "sampling"), 1);
    SHOWS(&m, "lintel_repairs_total{repair=\"tool-name\"} 5");
    SHOWS(&m, "lintel_repairs_total{repair=\"sampling\"} 1");
    SHOWS(&m, "# TYPE lintel_repairs_total counter");
    assert_non_null(strstr(text(&m, true), "# TYPE lintel_repairs counter\n"));
    assert_string_equal(m.text.p + m.text.n - sizeof("# EOF\n"), "# EOF\n");
    stop(&m);
}

static void histograms_are_cumulative(void **state)
{
    struct machine m;
    start(&m);
    metric_observe(one(&m, 0, METRIC_STAGE_SECONDS, "CALL"), 0.0005);
    metric_observe(one(&m, 0, METRIC_STAGE_SECONDS, "CALL"), 0.1); /* its bound is inside */
    metric_observe(one(&m, 1, METRIC_STAGE_SECONDS, "CALL"), 1000);
    SHOWS(&m, "lintel_stage_seconds_bucket{state=\"CALL\",le=\"0.001\"} 1");
    SHOWS(&m, "lintel_stage_seconds_bucket{state=\"CALL\",le=\"0.1\"} 2");
    SHOWS(&m, "lintel_stage_seconds_bucket{state=\"CALL\",le=\"2.0\"} 2");
    SHOWS(&m, "lintel_stage_seconds_bucket{state=\"CALL\",le=\"+Inf\"} 3");
    SHOWS(&m, "lintel_stage_seconds_count{state=\"CALL\"} 3");
    SHOWS(&m, "lintel_stage_seconds_sum{state=\"CALL\"} 1000.1005");
    stop(&m);
}

static void gauges_merge_as_their_row_says(void **state)
{
    struct machine m;
    struct slice key[] = {SLICE("hash"), SLICE("alias")};
    start(&m);
    for (unsigned i = 0; i < 2; i++) {
        metric_set(one(&m, i, METRIC_IN_FLIGHT, ""), 3 + i, 10);
        metric_set(one(&m, i, METRIC_REDIS_AWAY, ""), i == 0, 10);
        metric_set(metrics_series(m.workers[i], METRIC_KEY_BUDGET_LEFT, key), 5 - i, 10 + i);
    }
    SHOWS(&m, "litellm_in_flight_requests 7");
    SHOWS(&m, "lintel_shared_away 1");
    SHOWS(&m, "litellm_remaining_api_key_budget_metric{hashed_api_key=\"hash\","
              "api_key_alias=\"alias\"} 4");
    stop(&m);
}

/* A worker died: counters go on, gauges begin anew. */
static void the_next_worker_goes_on(void **state)
{
    struct machine m;
    start(&m);
    metric_add(one(&m, 1, METRIC_REPAIRS, "sampling"), 4);
    metric_follow(one(&m, 1, METRIC_QUEUE_REFUSED, ""), 6);
    metric_set(one(&m, 1, METRIC_IN_FLIGHT, ""), 9, 10);
    metrics_free(m.workers[1]);
    m.workers[1] = metrics_new(m.shared, 1, SERIES_MAX);
    metric_add(one(&m, 1, METRIC_REPAIRS, "sampling"), 1);
    metric_follow(one(&m, 1, METRIC_QUEUE_REFUSED, ""), 2);
    metric_follow(one(&m, 1, METRIC_QUEUE_REFUSED, ""), 3);
    SHOWS(&m, "lintel_repairs_total{repair=\"sampling\"} 5");
    SHOWS(&m, "lintel_queue_refused_total 9");
    SHOWS(&m, "litellm_in_flight_requests 0");
    stop(&m);
}

/* … but for what they say of callers; of deployments another worker knows more. */
static void what_was_last_seen_survives_a_worker(void **state)
{
    struct slice key[] = {SLICE("hash"), SLICE("alias")};
    struct slice place[] = {SLICE("m"), SLICE("d"), SLICE("b"), SLICE("bedrock")};
    struct machine m;
    start(&m);
    metric_set(metrics_series(m.workers[0], METRIC_KEY_BUDGET_LEFT, key), 9, 10);
    metric_set(metrics_series(m.workers[1], METRIC_KEY_BUDGET_LEFT, key), 5, 20);
    metric_set(metrics_series(m.workers[0], METRIC_DEPLOYMENT_STATE, place), 1, 10);
    metric_set(metrics_series(m.workers[1], METRIC_DEPLOYMENT_STATE, place), 2, 20);
    metrics_free(m.workers[1]);
    m.workers[1] = metrics_new(m.shared, 1, SERIES_MAX);
    SHOWS(&m, "litellm_remaining_api_key_budget_metric{hashed_api_key=\"hash\","
              "api_key_alias=\"alias\"} 5");
    SHOWS(&m, "litellm_deployment_state{litellm_model_name=\"m\",model_id=\"d\",api_base=\"b\","
              "api_provider=\"bedrock\"} 1");
    stop(&m);
}

static void too_many_series_are_one(void **state)
{
    struct machine m;
    char name[16];
    start(&m);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "r%d", i);
        metric_add(one(&m, 0, METRIC_REPAIRS, name), 1);
    }
    SHOWS(&m, "lintel_repairs_total{repair=\"r3\"} 1");
    SHOWS(&m, "lintel_repairs_total{repair=\"other\"} 96");
    assert_null(strstr(text(&m, false), "\"r4\""));
    SHOWS(&m, "lintel_metrics_overflow_total{metric=\"lintel_repairs\"} 96");
    stop(&m);
}

static void labels_are_escaped_and_cut(void **state)
{
    struct machine m;
    char name[METRICS_VALUE_MAX + 10];
    start(&m);
    metric_add(one(&m, 0, METRIC_REPAIRS, "a\"b\\c\nd"), 1);
    SHOWS(&m, "lintel_repairs_total{repair=\"a\\\"b\\\\c\\nd\"} 1");
    memset(name, 'x', sizeof(name));
    memcpy(name + METRICS_VALUE_MAX - 1, "\xc3\xa9", 3); /* é, across the end */
    metric_add(one(&m, 0, METRIC_REPAIRS, name), 1);
    assert_non_null(strstr(text(&m, false), "x\"} 1\n"));
    assert_null(strchr(m.text.p, '\xc3'));
    stop(&m);
}

/* ---- requests ------------------------------------------------------------------------------- */

static struct record request_of(const char *user, struct record_attempt *attempt)
{
    *attempt = (struct record_attempt){
        .deployment = SLICE("d1"), .status = 200, .begun_ms = 1010, .ended_ms = 2010};
    return (struct record){
        .text = {.model = SLICE("claude"),
                 .upstream = SLICE("us.claude"),
                 .deployment = SLICE("d1"),
                 .user = slice_of(user),
                 .route = SLICE("/v1/chat/completions")},
        .attempts = attempt,
        .attempt_count = 1,
        .begun_ms = 1000,
        .ended_ms = 2010,
        .status = 200,
        .usage = {.input = 3, .output = 10, .cache_read = 4},
        .cost = 0.25,
        .limits =
            {.requests_left = -1,
             .tokens_left = -1,
             .budgets = {{.most = -1}, {.most = -1}, {.most = -1}, {.most = -1}, {.most = 9}}},
    };
}

static void requests_are_counted(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    for (int i = 0; i < 3; i++)
        request_meter_count(meter, &r);
    SHOWS(&m, "litellm_spend_metric_total{end_user=\"None\",hashed_api_key=\"None\",api_key_alias="
              "\"None\",team=\"None\",team_alias=\"None\",model=\"us.claude\",user=\"ada\",user_"
              "email=\"None\",client_ip=\"None\",user_agent=\"None\",model_id=\"d1\",api_provider="
              "\"bedrock\",org_id=\"None\",org_alias=\"None\",requested_model=\"claude\",service_"
              "tier=\"None\"} 0.75");
    assert_non_null(strstr(text(&m, false), "status_code=\"200\""));
    assert_null(strstr(text(&m, false), "litellm_proxy_failed_requests"));
    request_meter_free(meter);
    stop(&m);
}

static void guardrails_are_counted(void **state)
{
    struct machine m;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    request_meter_guard(meter, &(struct request_meter_guard){.name = SLICE("g"), .ms = 250});
    SHOWS(&m, "litellm_guardrail_latency_seconds_sum{guardrail_name=\"g\",status=\"success\","
              "error_type=\"none\",hook_type=\"pre_call\"} 0.25");
    request_meter_free(meter);
    stop(&m);
}

/* Its 200 had been sent; dashboards look for 5xx. */
static void an_answer_that_broke_off_has_the_failures_status(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    attempt.status = 502;
    attempt.error_class = r.text.error_class = SLICE("BadGatewayError");
    r.failed = r.stream = true;
    request_meter_count(meter, &r);
    assert_non_null(strstr(text(&m, false), ",status_code=\"200\""));
    assert_non_null(
        strstr(m.text.p, ",exception_status=\"502\",exception_class=\"Bedrock.BadGatewayError\""));
    assert_null(strstr(m.text.p, "exception_status=\"200\""));
    request_meter_free(meter);
    stop(&m);
}

/* A model that hangs until clients leave has not answered. */
static void a_call_that_was_left_says_nothing_of_its_deployment(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    r.failed = r.gone = true;
    r.status = attempt.status = 499;
    request_meter_count(meter, &r);
    assert_non_null(strstr(text(&m, false), ",status_code=\"499\""));
    assert_null(strstr(m.text.p, "litellm_deployment_success"));
    assert_null(strstr(m.text.p, "litellm_deployment_total"));
    assert_null(strstr(m.text.p, "litellm_deployment_state"));
    request_meter_free(meter);
    stop(&m);
}

static void latencies_are_those_of_what_went_well(void **state)
{
    static const struct record_stage stages[] = {{"ROUTE", 20}, {"GUARD", 1}};
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    r.stages = stages;
    r.stage_count = 2;
    r.stream = r.failed = true;
    r.first_ms = 1500;
    request_meter_count(meter, &r);
    assert_null(strstr(text(&m, false), "latency"));
    assert_null(strstr(m.text.p, "time_to_first_token"));
    assert_null(strstr(m.text.p, "queue_time"));
    SHOWS(&m, "lintel_stage_seconds_count{state=\"ROUTE\"} 1");
    r.failed = false;
    request_meter_count(meter, &r);
    assert_non_null(strstr(text(&m, false), "litellm_request_total_latency_metric_count{"));
    assert_non_null(strstr(m.text.p, "litellm_request_queue_time_seconds_count{"));
    request_meter_free(meter);
    stop(&m);
}

/* mid_stream_fallbacks: the client saw the first token of the call that broke off. */
static void the_first_token_is_that_of_the_call_that_said_it(void **state)
{
    struct record_attempt attempts[2];
    struct machine m;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempts[0]);
    attempts[0].error_class = SLICE("BadGatewayError");
    attempts[1] = attempts[0];
    attempts[1].error_class = SLICE("");
    attempts[1].begun_ms = 1800;
    r.attempts = attempts;
    r.attempt_count = 2;
    r.stream = true;
    r.first_ms = 1510;
    request_meter_count(meter, &r);
    const char *sum = strstr(text(&m, false), "litellm_llm_api_time_to_first_token_metric_sum{");
    assert_non_null(sum);
    assert_float_equal(strtod(strstr(sum, "} ") + 2, NULL), 0.5, 1e-9);
    request_meter_free(meter);
    stop(&m);
}

#define SHOWS_STATE(m, state)                                                                      \
    SHOWS(m, "litellm_deployment_state{litellm_model_name=\"us.claude\",model_id=\"d1\",api_base=" \
             "\"None\",api_provider=\"bedrock\"} " #state)

static void count_at(struct request_meter *meter, int status, int64_t at)
{
    struct record_attempt attempt;
    struct record r = request_of("ada", &attempt);
    attempt.model = r.text.upstream;
    attempt.error_class = status == 200 ? SLICE("") : SLICE("SomeError");
    attempt.status = status;
    r.failed = status != 200;
    r.ended_ms = at;
    request_meter_count(meter, &r);
}

static void failures_show_that_are_the_deployments(void **state)
{
    static const int its_own[] = {401, 403, 404, 408, 429, 500, 503}, others[] = {400, 413, 422};
    struct machine m;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    for (size_t i = 0; i < sizeof(its_own) / sizeof(*its_own); i++) {
        count_at(meter, 200, 2000);
        SHOWS_STATE(&m, 0);
        count_at(meter, its_own[i], 2001);
        SHOWS_STATE(&m, 1);
    }
    count_at(meter, 200, 2002);
    for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
        count_at(meter, others[i], 2003);
        SHOWS_STATE(&m, 0);
    }
    request_meter_free(meter);
    stop(&m);
}

/* Whatever becomes of calls that were under way, here or in another worker. */
static void a_rest_is_shown_until_it_is_over(void **state)
{
    const struct request_meter_place at = {.model = SLICE("us.claude"), .deployment = SLICE("d1")};
    struct machine m;
    start(&m);
    struct request_meter *here = request_meter_new(m.workers[0]);
    struct request_meter *there = request_meter_new(m.workers[1]);
    count_at(here, 503, 2000);
    SHOWS_STATE(&m, 1);
    request_meter_rest(here, &at, 503, 500, 2001);
    count_at(here, 503, 2002);
    count_at(here, 200, 2003);
    SHOWS_STATE(&m, 2);
    count_at(there, 200, 2004);
    request_meter_look(here, 499, 2500);
    SHOWS_STATE(&m, 2);
    request_meter_look(here, 500, 2501);
    SHOWS_STATE(&m, 1);
    count_at(here, 200, 2502);
    SHOWS_STATE(&m, 0);
    request_meter_rest(here, &at, 503, 600, 2550);
    SHOWS_STATE(&m, 2);
    count_at(there, 200, 2605);
    request_meter_look(here, 650, 2651);
    SHOWS_STATE(&m, 0);
    request_meter_free(here);
    request_meter_free(there);
    stop(&m);
}

/* Whatever requests name, what they take is bounded, and what has no series of its own is counted:
 * more combinations of labels than are kept, too. */
static void ten_thousand_of_everything(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    char name[32];
    size_t lines = 0;
    double total = 0, dropped = 0;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    for (int i = 0; i < CALLERS; i++) {
        snprintf(name, sizeof(name), "name-%d", i);
        struct record r = request_of(name, &attempt);
        r.text.key = r.text.model = r.text.end_user = r.text.user_agent = r.text.user;
        request_meter_count(meter, &r);
    }
    for (const char *line = text(&m, false); line; line = strchr(line, '\n')) {
        line += *line == '\n';
        lines += strncmp(line, "litellm_", 8) == 0;
        if (strncmp(line, "litellm_proxy_total_requests_metric_total{", 42) == 0)
            total += strtod(strstr(line, "} ") + 2, NULL);
        if (strncmp(line, "lintel_metrics_overflow_total{", 30) == 0 &&
            strstr(line, "\"litellm_proxy_total_requests_metric\"} "))
            dropped = strtod(strstr(line, "} ") + 2, NULL);
    }
    assert_float_equal(total, CALLERS, 0);
    assert_float_equal(dropped, CALLERS - SERIES_MAX, 0);
    assert_true(lines < METRIC_COUNT * (SERIES_MAX + 1) * METRIC_BUCKETS_MAX);
    assert_true(metrics_region(m.shared, 0)->used < METRIC_COUNT * (SERIES_MAX + 1) * 2048);
    assert_true(strstr(m.text.p, "litellm_customer_max_budget_metric{end_user=\"name-0\"} 9"));
    request_meter_free(meter);
    stop(&m);
}

/* ---- what a configuration wants ----------------------------------------------------------------
 */

static yyjson_val *json(struct arena *a, const char *text)
{
    yyjson_val *v = json_parse(slice_of(text), a, NULL);
    assert_non_null(v);
    return v;
}

static void count_one(struct machine *m, const struct record *r)
{
    struct request_meter *meter = request_meter_new(m->workers[0]);
    request_meter_count(meter, r);
    request_meter_count(meter, r);
    request_meter_free(meter);
}

#define HIDES(m, part) assert_null(strstr(text(m, false), part))

static void a_configuration_chooses(void **state)
{
    struct machine m;
    struct arena a;
    struct record_attempt attempt;
    arena_init(&a);
    const struct metrics_options o = {
        .groups = json(&a, "[{\"metrics\":[\"litellm_spend_metric\",\"litellm_requests_metric_"
                           "total\"],\"include_labels\":[\"user\",\"model\",\"client_ip\"]},"
                           "{\"metrics\":[\"litellm_proxy_total_requests_metric\"]}]"),
        .exclude_metrics = json(&a, "[\"lintel_stage_seconds\"]"),
        .exclude_labels = json(&a, "[\"client_ip\",\"user_agent\"]"),
        .stream = true,
    };
    start_with(&m, &o);
    struct record r = request_of("ada", &attempt);
    r.stream = true;
    count_one(&m, &r);
    metric_add(one(&m, 0, METRIC_REPAIRS, "sampling"), 1);
    metric_observe(one(&m, 0, METRIC_STAGE_SECONDS, "CALL"), 1);
    SHOWS(&m, "litellm_spend_metric_total{model=\"us.claude\",user=\"ada\"} 0.5");
    SHOWS(&m, "litellm_requests_metric_total{model=\"us.claude\",user=\"ada\"} 2");
    SHOWS(&m, "lintel_repairs_total{repair=\"sampling\"} 1");
    assert_non_null(strstr(text(&m, false), ",stream=\"True\"} 2\n"));
    HIDES(&m, "litellm_total_tokens");
    HIDES(&m, "litellm_request_total_latency");
    HIDES(&m, "lintel_stage_seconds");
    HIDES(&m, "client_ip");
    stop(&m);
    arena_fini(&a);
}

static void a_configuration_makes_labels_and_buckets(void **state)
{
    struct machine m;
    struct arena a;
    struct record_attempt attempt;
    arena_init(&a);
    const struct metrics_options o = {
        .groups = json(&a, "[{\"metrics\":[\"litellm_request_total_latency_metric\"],\"include_"
                           "labels\":[\"metadata_job_step\",\"_2nd\",\"tag_prod\",\"tag_User_Agent_"
                           "_curl__\",\"user_email\",\"api_key_alias\"]}]"),
        .metadata = json(&a, "[\"metadata.job.step\",\"2nd\",\"metadata.job\"]"),
        .tags = json(&a, "[\"prod\",\"User-Agent: curl/*\",\"other*tag\"]"),
        .buckets = json(&a, "[0.5,2,10,\".inf\"]"),
        .identity = "user_email",
    };
    start_with(&m, &o);
    struct record r = request_of("ada", &attempt);
    r.text.metadata = SLICE("{\"job\":{\"step\":\"s\\\"1\"},\"2nd\":\"b\"}");
    r.text.tags = SLICE("[\"User-Agent: curl/8.1\",\"production\"]");
    r.text.user_email = SLICE("a@b");
    count_one(&m, &r);
    const char *labels = "user_email=\"a@b\",metadata_job_step=\"s\\\"1\",_2nd=\"b\",tag_prod="
                         "\"false\",tag_User_Agent__curl__=\"true\"";
    char line[400];
    snprintf(line, sizeof(line), "litellm_request_total_latency_metric_bucket{%s,le=\"2.0\"} 2\n",
             labels);
    assert_non_null(strstr(text(&m, false), line));
    snprintf(line, sizeof(line), "{%s,le=\"+Inf\"} 2\n", labels);
    assert_non_null(strstr(m.text.p, line));
    assert_null(strstr(m.text.p, "le=\"5.0\""));
    assert_null(strstr(m.text.p, "api_key_alias"));
    stop(&m);
    arena_fini(&a);
}

/* Labels that LiteLLM has on demand. */
static void labels_come_on_demand(void **state)
{
    static const struct {
        int64_t tokens;
        const char *label;
    } lengths[] = {{-1, "unknown"},    {0, "unknown"},     {1, "0-1k"},      {999, "0-1k"},
                   {1000, "1k-4k"},    {3999, "1k-4k"},    {4000, "4k-16k"}, {15999, "4k-16k"},
                   {16000, "16k-64k"}, {63999, "16k-64k"}, {64000, "64k+"}};
    const struct metrics_options o = {.limits = true, .prompt_length = true};
    struct record_attempt attempt;
    char text_of[64];
    for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
        struct machine m;
        start_with(&m, &o);
        struct record r = request_of("ada", &attempt);
        r.usage = (struct llm_usage){.input = lengths[i].tokens};
        count_one(&m, &r);
        r.failed = true;
        r.text.error_class = SLICE("RateLimitError");
        r.limit = i % 2 ? "tokens" : NULL;
        count_one(&m, &r);
        snprintf(text_of, sizeof(text_of), ",input_sequence_length=\"%s\"} ", lengths[i].label);
        assert_non_null(strstr(text(&m, false), text_of));
        assert_non_null(strstr(m.text.p, i % 2 ? ",rate_limit_category=\"litellm_rate_limit\",rate_"
                                                 "limit_type=\"tokens\"} 2"
                                               : ",rate_limit_category=\"vendor_rate_limit\",rate_"
                                                 "limit_type=\"None\"} 2"));
        stop(&m);
    }
    struct machine m;
    start(&m);
    struct record r = request_of("ada", &attempt);
    r.failed = true;
    count_one(&m, &r);
    HIDES(&m, "rate_limit_");
    HIDES(&m, "input_sequence_length");
    stop(&m);
}

/* LiteLLM's prometheus_system. */
static void services_come_on_demand(void **state)
{
    const struct metrics_options o = {.services = true};
    struct slice labels[METRIC_LABELS_ALL] = {[LABEL_REDIS] = SLICE("redis"),
                                              [LABEL_ERROR_CLASS] = SLICE("TimeoutError"),
                                              [LABEL_FUNCTION] = SLICE("ask")};
    for (int wanted = 0; wanted < 2; wanted++) {
        struct machine m;
        start_with(&m, wanted ? &o : NULL);
        metric_observe(one(&m, 0, METRIC_SELF_LATENCY, "self"), 2);
        metric_add(metrics_labelled(m.workers[0], METRIC_REDIS_FAILED, labels), 1);
        if (wanted) {
            SHOWS(&m, "litellm_self_latency_sum{self=\"self\"} 2");
            SHOWS(&m, "litellm_redis_failed_requests_total{redis=\"redis\",error_class="
                      "\"TimeoutError\",function_name=\"ask\"} 1");
        } else {
            HIDES(&m, "litellm_self_");
            SHOWS(&m, "litellm_redis_failed_requests_total 1");
        }
        stop(&m);
    }
}

static void show_budget(struct machine *m, enum record_payer payer, const char *id)
{
    const struct record_budget budget = {.most = 10, .spent = 4, .reset_ms = 7200000};
    const struct request_meter_payer who = {slice_of(id), SLICE("alias"), SLICE("a@b")};
    struct request_meter *meter = request_meter_new(m->workers[0]);
    request_meter_budget(meter, payer, &who, &budget, 3600000);
    request_meter_free(meter);
}

/* Though nobody asked for anything. */
static void budgets_are_shown(void **state)
{
    const struct metrics_options o = {.user_names = true};
    struct machine m;
    start(&m);
    show_budget(&m, RECORD_KEY, "hash");
    show_budget(&m, RECORD_TEAM, "reds");
    show_budget(&m, RECORD_USER, "ada");
    show_budget(&m, RECORD_ORGANIZATION, "acme");
    show_budget(&m, RECORD_CUSTOMER, "shop");
    SHOWS(&m, "litellm_remaining_api_key_budget_metric{hashed_api_key=\"hash\",api_key_alias="
              "\"alias\"} 6");
    SHOWS(&m, "litellm_team_max_budget_metric{team=\"reds\",team_alias=\"alias\"} 10");
    SHOWS(&m, "litellm_user_budget_remaining_hours_metric{user=\"ada\"} 1");
    SHOWS(&m, "litellm_org_max_budget_metric{org_id=\"acme\",org_alias=\"alias\"} 10");
    SHOWS(&m, "litellm_remaining_customer_budget_metric{end_user=\"shop\"} 6");
    stop(&m);
    start_with(&m, &o);
    show_budget(&m, RECORD_USER, "ada");
    SHOWS(&m, "litellm_user_max_budget_metric{user=\"ada\",user_email=\"a@b\",user_alias=\"alias"
              "\"} 10");
    stop(&m);
}

static void a_budget_that_is_taken_away_is_no_limit(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    r.text.end_user = SLICE("shop");
    r.limits.budgets[RECORD_CUSTOMER].spent = 9;
    request_meter_count(meter, &r);
    SHOWS(&m, "litellm_remaining_customer_budget_metric{end_user=\"shop\"} 0");
    r.limits.budgets[RECORD_CUSTOMER].most = -1;
    request_meter_count(meter, &r);
    SHOWS(&m, "litellm_remaining_customer_budget_metric{end_user=\"shop\"} +Inf");
    SHOWS(&m, "litellm_customer_max_budget_metric{end_user=\"shop\"} +Inf");
    HIDES(&m, "litellm_remaining_team_budget_metric");
    request_meter_free(meter);
    stop(&m);
}

/* They are many, and have bounds of their own. */
static void end_users_have_other_bounds(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    metrics_bound_end_users(m.workers[0], 1, 1000);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt);
    request_meter_count(meter, &r);
    r.text.end_user = SLICE("shop \"end_user=None\"");
    request_meter_count(meter, &r);
    SHOWS(&m, "lintel_metrics_overflow_total{metric=\"litellm_requests_metric\"} 1");
    assert_false(metrics_expire(m.workers[0], 10000, 0));
    assert_true(metrics_expire(m.workers[0], 20000, 0)); /* what is nobody's stays */
    HIDES(&m, "end_user=\"other\"");
    assert_non_null(strstr(text(&m, false), "litellm_requests_metric_total{end_user=\"None\""));
    request_meter_free(meter);
    stop(&m);
    start(&m);
    metrics_bound_end_users(m.workers[0], 0, 1000);
    meter = request_meter_new(m.workers[0]);
    request_meter_count(meter, &r);
    assert_false(metrics_expire(m.workers[0], 10000, 0));
    assert_true(metrics_expire(m.workers[0], 20000, 0));
    HIDES(&m, "shop");
    request_meter_free(meter);
    stop(&m);
}

/* A caller that is gone for good leaves its place to others; what it counts later begins anew. */
static void series_expire(void **state)
{
    struct machine m;
    struct record_attempt attempt;
    start(&m);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    struct record r = request_of("ada", &attempt), other = request_of("bob", &attempt);
    metric_add(one(&m, 0, METRIC_REPAIRS, "sampling"), 1);
    for (int i = 0; i < 100; i++) { /* of SERIES_MAX: none is in the way of the next */
        char name[16];
        snprintf(name, sizeof(name), "user-%03d", i);
        r.text.user = slice_of(name);
        request_meter_count(meter, &r);
        request_meter_count(meter, &other);
        int64_t now = 1000000 + i * 1000;
        assert_int_equal(metrics_expire(m.workers[0], now, 1500), i >= 2);
        if (i >= 2)
            request_meter_forget(meter);
    }
    assert_non_null(strstr(text(&m, false), "user=\"user-099\""));
    HIDES(&m, "user-050");
    HIDES(&m, "\"other\"");
    assert_true(metrics_region(m.shared, 0)->used < METRIC_COUNT * (SERIES_MAX + 4) * 1024);
    for (const char *line = text(&m, false);
         (line = strstr(line, "litellm_requests_metric_total{")); line++)
        if (strstr(line, "bob") && strstr(line, "bob") < strchr(line, '\n'))
            assert_int_equal(atoi(strstr(line, "} ") + 2), 100);
    SHOWS(&m, "lintel_repairs_total{repair=\"sampling\"} 1");
    metrics_free(m.workers[0]); /* the next worker has the same places */
    m.workers[0] = metrics_new(m.shared, 0, SERIES_MAX);
    HIDES(&m, "user-050");
    assert_non_null(strstr(text(&m, false), "user=\"user-099\""));
    request_meter_free(meter);
    stop(&m);
}

/* Those that nobody wants need no more memory each time that others go. */
static void what_is_off_does_not_grow(void **state)
{
    struct machine m;
    struct arena a;
    struct record_attempt attempt;
    size_t before = 0;
    arena_init(&a);
    const struct metrics_options o = {
        .groups = json(&a, "[{\"metrics\":[\"litellm_requests_metric\"]}]")};
    start_with(&m, &o);
    struct request_meter *meter = request_meter_new(m.workers[0]);
    for (int i = 0; i < 1000; i++) {
        char name[16];
        snprintf(name, sizeof(name), "user-%03d", i);
        struct record r = request_of(name, &attempt);
        request_meter_count(meter, &r);
        if (metrics_expire(m.workers[0], 1000000 + i * 1000, 1500))
            request_meter_forget(meter);
        before = i == 10 ? m.workers[0]->arena.total : before;
    }
    assert_int_equal(m.workers[0]->arena.total, before);
    request_meter_free(meter);
    stop(&m);
    arena_fini(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(workers_are_summed),
        cmocka_unit_test(histograms_are_cumulative),
        cmocka_unit_test(gauges_merge_as_their_row_says),
        cmocka_unit_test(the_next_worker_goes_on),
        cmocka_unit_test(what_was_last_seen_survives_a_worker),
        cmocka_unit_test(too_many_series_are_one),
        cmocka_unit_test(labels_are_escaped_and_cut),
        cmocka_unit_test(requests_are_counted),
        cmocka_unit_test(an_answer_that_broke_off_has_the_failures_status),
        cmocka_unit_test(a_call_that_was_left_says_nothing_of_its_deployment),
        cmocka_unit_test(latencies_are_those_of_what_went_well),
        cmocka_unit_test(the_first_token_is_that_of_the_call_that_said_it),
        cmocka_unit_test(failures_show_that_are_the_deployments),
        cmocka_unit_test(guardrails_are_counted),
        cmocka_unit_test(a_budget_that_is_taken_away_is_no_limit),
        cmocka_unit_test(a_rest_is_shown_until_it_is_over),
        cmocka_unit_test(a_configuration_chooses),
        cmocka_unit_test(a_configuration_makes_labels_and_buckets),
        cmocka_unit_test(series_expire),
        cmocka_unit_test(what_is_off_does_not_grow),
        cmocka_unit_test(labels_come_on_demand),
        cmocka_unit_test(services_come_on_demand),
        cmocka_unit_test(budgets_are_shown),
        cmocka_unit_test(end_users_have_other_bounds),
        cmocka_unit_test(ten_thousand_of_everything),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
