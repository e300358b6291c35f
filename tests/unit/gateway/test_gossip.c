/* What gateways tell each other of deployments, over a channel that both hear; and what is heard
 * that nobody said. */

#include "check.h"
#include "gossip.h"
#include "world.h"

#include <stdio.h>

#define PROCESSES 2

static const char text[] = "model_list:\n"
                           "- {model_name: two, litellm_params: {model: "
                           "bedrock/amazon.nova-pro-v1:0}, model_info: {id: a}}\n"
                           "- {model_name: two, litellm_params: {model: "
                           "bedrock/amazon.nova-pro-v1:0}, model_info: {id: b}}\n"
                           "router_settings: {cooldown_time: 1, adaptive_pacing: false}\n";

struct fixture;

/* A process: what it publishes reaches all. */
struct process {
    struct shared shared;
    struct fixture *fixture;
    struct config *c;
    struct tracker *tracker;
    struct gossip *gossip;
};

struct fixture {
    struct world w;
    uv_loop_t loop;
    struct turn turn;
    struct process p[PROCESSES];
    unsigned said;
    char last[4096];
    char other[64]; /* of another kind */
};

static void on_publish(struct shared *s, struct slice message)
{
    struct fixture *f = LIST_ENTRY(s, struct process, shared)->fixture;
    f->said++;
    snprintf(f->last, sizeof(f->last), "%.*s", SLICE_ARG(message));
    for (int i = 0; i < PROCESSES; i++)
        f->p[i].shared.hearer.heard(f->p[i].shared.hearer.ctx, message);
}

static const struct shared_ops ops = {.publish = on_publish};

static void set_up(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    world_init(&f->w);
    uv_loop_init(&f->loop);
    turn_init(&f->turn, &f->loop);
    for (int i = 0; i < PROCESSES; i++) {
        struct process *p = &f->p[i];
        p->shared.ops = &ops;
        p->fixture = f;
        p->c = world_load(&f->w, text);
        assert_string_equal(world_problems(p->c), "");
        p->tracker = tracker_new();
        p->gossip = gossip_new(&f->turn, &p->shared, p->tracker, true);
    }
}

static void tear_down(struct fixture *f)
{
    for (int i = 0; i < PROCESSES; i++) {
        gossip_free(f->p[i].gossip);
        tracker_free(f->p[i].tracker);
        config_unref(f->p[i].c);
    }
    turn_fini(&f->turn);
    uv_run(&f->loop, UV_RUN_DEFAULT);
    assert_int_equal(uv_loop_close(&f->loop), 0);
}

/* The gossip's own timer does not keep a loop alive. */
static void on_keep_alive(uv_timer_t *timer)
{
}

static void run_ms(struct fixture *f, unsigned ms)
{
    uv_timer_t timer;
    uv_timer_init(&f->loop, &timer);
    uv_timer_start(&timer, on_keep_alive, ms, 0);
    uv_update_time(&f->loop);
    for (int64_t end = turn_now(&f->turn) + ms; turn_now(&f->turn) < end;)
        uv_run(&f->loop, UV_RUN_ONCE);
    uv_close((uv_handle_t *)&timer, NULL);
    uv_run(&f->loop, UV_RUN_NOWAIT);
}

static struct tracked *of(struct fixture *f, int process, int deployment)
{
    struct process *p = &f->p[process];
    return tracker_of(p->tracker, &p->c->deployments[deployment], turn_now(&f->turn));
}

static void begin(struct fixture *f, int process, struct tracked_call *call)
{
    tracked_begin(of(f, process, 0), call, 0, turn_now(&f->turn));
}

static int64_t end(struct fixture *f, int process, struct tracked_call *call, int status)
{
    struct process *p = &f->p[process];
    struct failure why = {.kind = status == 429 ? FAILURE_RATE_LIMIT : FAILURE_NONE,
                          .status = status,
                          .upstream = true};
    struct call_outcome o = {.failure = &why, .total_ms = 2000, .output = 10, .tokens = 50};
    return tracked_end(call, &p->c->settings.routing, &p->c->deployments[0], &o,
                       turn_now(&f->turn));
}

static void load_is_told_every_second(void **state)
{
    struct fixture f;
    struct tracked_call call, other;
    set_up(&f);
    of(&f, 1, 0);
    begin(&f, 0, &call);
    begin(&f, 0, &other);
    end(&f, 0, &other, 200);
    run_ms(&f, GOSSIP_PERIOD_MS + 200);
    int64_t now = turn_now(&f.turn);
    assert_int_equal(tracked_load(of(&f, 1, 0), now), 1);
    assert_int_equal(tracked_requests(of(&f, 1, 0), now), 2);
    assert_int_equal(tracked_tokens(of(&f, 1, 0), now), 50);
    assert_int_equal(tracked_running(of(&f, 1, 0)), 0);
    assert_int_equal(tracked_load(of(&f, 0, 0), now), 1); /* its own words are not added */
    end(&f, 0, &call, 200);
    gossip_free(f.p[0].gossip); /* it dies */
    run_ms(&f, PEERS_SILENT_MS + 200);
    now = turn_now(&f.turn);
    assert_int_equal(tracked_load(of(&f, 1, 0), now), 0);
    assert_int_equal(tracked_requests(of(&f, 1, 0), now), 0);
    f.p[0].gossip = gossip_new(&f.turn, &f.p[0].shared, f.p[0].tracker, true);
    tear_down(&f);
}

static void latency_joins_the_others(void **state)
{
    struct fixture f;
    struct tracked_call call;
    int64_t age;
    set_up(&f);
    of(&f, 1, 0);
    begin(&f, 0, &call);
    end(&f, 0, &call, 200);
    run_ms(&f, GOSSIP_PERIOD_MS + 200);
    double s =
        tracked_latency(of(&f, 1, 0), &f.p[1].c->settings.routing, false, turn_now(&f.turn), &age);
    assert_true(s > 0.19 && s < 0.21);
    tear_down(&f);
}

static void a_rest_is_told_at_once_and_so_is_its_end(void **state)
{
    struct fixture f;
    struct tracked_call call, probe;
    set_up(&f);
    of(&f, 1, 0);
    begin(&f, 0, &call);
    int64_t rests = end(&f, 0, &call, 429);
    assert_int_equal(rests, 1000);
    run_ms(&f, 20);
    assert_int_equal(f.said, 1);
    assert_in_range(tracked_rests(of(&f, 1, 0), turn_now(&f.turn)), 1, rests);
    assert_int_equal(tracked_rests(of(&f, 1, 1), turn_now(&f.turn)), 0);
    run_ms(&f, (unsigned)rests);
    begin(&f, 1, &probe);
    assert_true(probe.probe);
    begin(&f, 0, &call);
    assert_true(call.probe); /* of each process one, until somebody knows */
    end(&f, 0, &call, 200);
    run_ms(&f, 20);
    begin(&f, 1, &call);
    assert_false(call.probe);
    end(&f, 1, &call, 200);
    end(&f, 1, &probe, 200);
    tear_down(&f);
}

static void who_is_idle_says_nothing(void **state)
{
    struct fixture f;
    set_up(&f);
    of(&f, 0, 0);
    run_ms(&f, 2 * GOSSIP_PERIOD_MS + 200);
    assert_int_equal(f.said, 0);
    tear_down(&f);
}

static void on_other(void *ctx, struct slice body)
{
    struct fixture *f = ctx;
    snprintf(f->other, sizeof(f->other), "%.*s", SLICE_ARG(body));
}

static void other_kinds_are_registered(void **state)
{
    struct fixture f;
    set_up(&f);
    gossip_register(f.p[1].gossip, 'k', on_other, &f);
    gossip_say(f.p[0].gossip, 'k', SLICE("sk-1"));
    assert_string_equal(f.other, "sk-1");
    assert_string_equal(f.last, "ksk-1");
    tear_down(&f);
}

static void what_is_no_message_is_left_alone(void **state)
{
    static const char *const messages[] = {
        "",
        "d",
        "dx",
        "d[]",
        "d{}",
        "d{\"from\":\"1\"}",
        "d{\"from\":\"1\",\"deployments\":{}}",
        "d{\"from\":\"1\",\"deployments\":[1,[],[\"a\"],[\"a\",1,1,1,1,1]]}",
        "d{\"from\":1,\"deployments\":[[\"a\",1,1,1,1,1,1,1]]}",
        "d{\"from\":\"1\",\"deployments\":[[\"z\",1,1,1,1,1,1,1]]}",
        "\xff",
        "z",
    };
    struct fixture f;
    set_up(&f);
    of(&f, 1, 0);
    for (size_t i = 0; i < sizeof(messages) / sizeof(*messages); i++)
        on_publish(&f.p[0].shared, slice_of(messages[i]));
    assert_int_equal(tracked_load(of(&f, 1, 0), turn_now(&f.turn)), 0);
    on_publish(&f.p[0].shared, /* a later version says more */
               SLICE("d{\"from\":\"1\",\"deployments\":[[\"a\",3,1,1,-1,-1,0,0,\"new\"]]}"));
    assert_int_equal(tracked_load(of(&f, 1, 0), turn_now(&f.turn)), 3);
    tear_down(&f);
}

static void many_processes_share_a_bounded_table(void **state)
{
    struct peers peers = {0};
    for (uint64_t i = 1; i <= 3 * PEERS_MAX; i++)
        peers_hear(&peers, i, &(struct peer_load){1, 2, 3}, (int64_t)i);
    struct peer_load sum = peers_sum(&peers, 3 * PEERS_MAX);
    assert_int_equal(sum.running, PEERS_MAX);
    assert_int_equal(sum.requests, 2 * PEERS_MAX);
    peers_hear(&peers, 3 * PEERS_MAX, &(struct peer_load){5, 0, 0}, 3 * PEERS_MAX);
    assert_int_equal(peers_sum(&peers, 3 * PEERS_MAX).running, PEERS_MAX + 4);
    assert_int_equal(peers_sum(&peers, 3 * PEERS_MAX + PEERS_SILENT_MS).running, 0);
    peers_fini(&peers);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(load_is_told_every_second),
        cmocka_unit_test(latency_joins_the_others),
        cmocka_unit_test(a_rest_is_told_at_once_and_so_is_its_end),
        cmocka_unit_test(who_is_idle_says_nothing),
        cmocka_unit_test(other_kinds_are_registered),
        cmocka_unit_test(what_is_no_message_is_left_alone),
        cmocka_unit_test(many_processes_share_a_bounded_table),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
