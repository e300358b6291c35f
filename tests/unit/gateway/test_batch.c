/* Batches against a scripted server on loopback. */

#include "batch.h"

#include "../io/caller.h"
#include "../io/cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 20
#define BODY_MAX  1000

static struct peer_server server;
static struct dialer caller;

struct owner {
    struct batch *batch;
    struct batch_options options;
    char urls[CALLS_MAX][64];
    size_t asked, told, overs;
    bool inside;        /* batch_start or batch_cancel */
    size_t refuse_from; /* `call` says no from this one on */
    size_t stop_at;     /* `done` says no to this one … */
    size_t cancel_at;   /* … or cancels the batch */
    struct {
        unsigned times;
        enum upstream_end end;
        int status;
        bool too_large, has_detail;
        char body[BODY_MAX + 1], kind[16];
    } answers[CALLS_MAX];
};

static bool on_call(void *user, size_t i, struct http_call *call)
{
    struct owner *o = user;
    assert_int_equal(i, o->asked);
    if (i >= o->refuse_from)
        return false;
    o->asked++;
    snprintf(o->urls[i], sizeof(o->urls[i]), "http://127.0.0.1:%d/%zu", caller.port, i);
    *call = (struct http_call){.method = "POST", .url = o->urls[i], .body = SLICE("{}")};
    return true;
}

static bool on_done(void *user, size_t i, const struct batch_answer *a)
{
    struct owner *o = user;
    struct slice kind = http_header_get(a->headers, "x-kind");
    assert_false(o->inside);
    assert_int_equal(o->overs, 0);
    o->told++;
    o->answers[i].times++;
    o->answers[i].end = a->end;
    o->answers[i].status = a->status;
    o->answers[i].too_large = a->too_large;
    o->answers[i].has_detail = *a->detail != '\0';
    assert_true(a->body.n <= BODY_MAX);
    snprintf(o->answers[i].body, sizeof(o->answers[i].body), "%.*s", SLICE_ARG(a->body));
    snprintf(o->answers[i].kind, sizeof(o->answers[i].kind), "%.*s", SLICE_ARG(kind));
    if (i == o->cancel_at)
        batch_cancel(o->batch);
    return i != o->stop_at;
}

static void on_over(void *user)
{
    struct owner *o = user;
    assert_false(o->inside);
    assert_int_equal(upstream_active(caller.upstream), 0);
    o->overs++;
}

static const struct batch_events events = {on_call, on_done, on_over};

static struct owner *start(struct world *w, size_t count, void (*on_data)(struct peer *p))
{
    static struct owner o;
    memset(&server, 0, sizeof(server));
    memset(&caller, 0, sizeof(caller));
    memset(&o, 0, sizeof(o));
    o.options = (struct batch_options){.count = count, .body_max = BODY_MAX};
    o.refuse_from = o.stop_at = o.cancel_at = SIZE_MAX;
    server.on_data = on_data;
    peer_server_open(&server, w);
    caller_open(&caller, w, server.port);
    o.inside = true;
    o.batch = batch_start(caller.upstream, &w->turn, &o.options, &events, &o);
    o.inside = false;
    return &o;
}

static void finish(struct world *w, const struct owner *o, size_t overs)
{
    world_run_ms(w, 20);
    assert_int_equal(o->overs, overs);
    caller_close(&caller);
    peer_server_close(&server);
}

/* "POST /12 HTTP/1.1…" */
static unsigned long number_of(const struct peer *p)
{
    assert_true(p->got.n > 6);
    return strtoul(p->got.p + 6, NULL, 10);
}

static void answer_with(struct peer *p, size_t declared, const char *body)
{
    char head[128];
    snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nX-Kind: k\r\nContent-Length: %zu\r\n\r\n",
             declared);
    peer_drop_request(p);
    peer_say(p, head);
    peer_say(p, body);
}

static void answer_number(struct peer *p)
{
    char body[16];
    if (!peer_has_request(p))
        return;
    snprintf(body, sizeof(body), "<%lu>", number_of(p));
    answer_with(p, strlen(body), body);
}

static void tells_each_answer_once_and_the_end(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, answer_number);
    char expected[16];
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->told, CALLS_MAX);
    for (size_t i = 0; i < CALLS_MAX; i++) {
        snprintf(expected, sizeof(expected), "<%zu>", i);
        assert_int_equal(o->answers[i].times, 1);
        assert_int_equal(o->answers[i].end, UPSTREAM_DONE);
        assert_int_equal(o->answers[i].status, 200);
        assert_string_equal(o->answers[i].body, expected);
        assert_string_equal(o->answers[i].kind, "k");
        assert_false(o->answers[i].too_large);
    }
    assert_true(server.accepts <= BATCH_CONCURRENCY);
    finish(w, o, 1);
}

static size_t held(void)
{
    size_t n = 0;
    for (struct list *l = server.peers.next; l != &server.peers; l = l->next)
        n += peer_has_request(LIST_ENTRY(l, struct peer, link));
    return n;
}

static void runs_a_few_at_once_the_first_first(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, NULL);
    WORLD_UNTIL(w, held() == BATCH_CONCURRENCY);
    world_run_ms(w, 20);
    assert_int_equal(held(), BATCH_CONCURRENCY);
    assert_int_equal(o->asked, BATCH_CONCURRENCY);
    /* The latest answer makes room for exactly one more. */
    struct peer *p = LIST_ENTRY(server.peers.prev, struct peer, link);
    unsigned long i = number_of(p);
    answer_number(p);
    WORLD_UNTIL(w, o->told == 1 && held() == BATCH_CONCURRENCY);
    assert_int_equal(o->answers[i].times, 1);
    assert_int_equal(o->asked, BATCH_CONCURRENCY + 1);
    batch_cancel(o->batch);
    finish(w, o, 0);
}

static void cancelling_is_silent_and_at_once(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, NULL);
    WORLD_UNTIL(w, held() == BATCH_CONCURRENCY);
    o->inside = true;
    batch_cancel(o->batch);
    o->inside = false;
    assert_int_equal(upstream_active(caller.upstream), 0);
    WORLD_UNTIL(w, server.open == 0);
    assert_int_equal(o->told, 0);
    finish(w, o, 0);
}

static void may_be_cancelled_before_anything_ran(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, 1, NULL);
    batch_cancel(o->batch);
    finish(w, o, 0);
    assert_int_equal(o->asked, 0);
    assert_int_equal(server.accepts, 0);
}

static void may_be_cancelled_by_what_it_tells(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, answer_number);
    o->cancel_at = 3;
    WORLD_UNTIL(w, o->answers[3].times);
    assert_int_equal(upstream_active(caller.upstream), 0);
    size_t told = o->told;
    finish(w, o, 0);
    assert_int_equal(o->told, told);
}

static void a_false_from_done_ends_the_rest(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, NULL);
    o->stop_at = 0;
    WORLD_UNTIL(w, held() == BATCH_CONCURRENCY);
    for (struct list *l = server.peers.next; l != &server.peers; l = l->next)
        if (number_of(LIST_ENTRY(l, struct peer, link)) == 0)
            answer_number(LIST_ENTRY(l, struct peer, link));
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->told, 1);
    assert_int_equal(o->asked, BATCH_CONCURRENCY);
    finish(w, o, 1);
}

static void a_false_from_call_ends_the_rest(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, NULL);
    o->refuse_from = 2;
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->asked, 2);
    assert_int_equal(o->told, 0);
    finish(w, o, 1);
}

/* 0 answers with just what may be, 1 says that it is too long, 2 hides it. */
static void answer_large(struct peer *p)
{
    static char body[BODY_MAX + 2];
    if (!peer_has_request(p))
        return;
    unsigned long i = number_of(p);
    memset(body, 'x', BODY_MAX + (i == 2));
    body[BODY_MAX + (i == 2)] = '\0';
    if (i < 2) {
        answer_with(p, BODY_MAX + i, body);
        return;
    }
    peer_drop_request(p);
    peer_say(p, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n");
    peer_say(p, body);
}

/* BODY_MAX bytes for everybody. */
static void answer_full(struct peer *p)
{
    static char body[BODY_MAX + 1];
    if (!peer_has_request(p))
        return;
    memset(body, 'x', BODY_MAX);
    answer_with(p, BODY_MAX, body);
}

static void gives_up_what_is_too_large(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, 3, answer_large);
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->told, 3);
    assert_int_equal(o->answers[0].end, UPSTREAM_DONE);
    assert_int_equal(strlen(o->answers[0].body), BODY_MAX);
    assert_false(o->answers[0].too_large);
    for (size_t i = 1; i < 3; i++) {
        assert_true(o->answers[i].too_large);
        assert_true(o->answers[i].has_detail);
        assert_int_equal(o->answers[i].end, UPSTREAM_BROKEN);
        assert_int_equal(o->answers[i].status, 200);
    }
    finish(w, o, 1);
}

/* Each is small enough, and together they are not: the later ones go. */
static void gives_up_beyond_the_total(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, CALLS_MAX, answer_large);
    batch_cancel(o->batch);
    o->options.body_max = 2 * BODY_MAX;
    o->options.total_max = 3 * BODY_MAX + 10;
    o->batch = batch_start(caller.upstream, &w->turn, &o->options, &events, o);
    server.on_data = answer_full;
    WORLD_UNTIL(w, o->overs);
    size_t whole = 0;
    for (size_t i = 0; i < CALLS_MAX; i++)
        whole += o->answers[i].end == UPSTREAM_DONE && !o->answers[i].too_large;
    assert_int_equal(o->told, CALLS_MAX);
    assert_int_equal(whole, 3);
    finish(w, o, 1);
}

static void cut_the_second(struct peer *p)
{
    if (!peer_has_request(p))
        return;
    if (number_of(p) != 1) {
        answer_number(p);
        return;
    }
    answer_with(p, 100, "short");
    peer_shutdown(p);
}

static void a_broken_call_is_told_and_the_others_go_on(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, 10, cut_the_second);
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->told, 10);
    for (size_t i = 0; i < 10; i++)
        assert_int_equal(o->answers[i].end, i == 1 ? UPSTREAM_BROKEN : UPSTREAM_DONE);
    assert_true(o->answers[1].has_detail);
    finish(w, o, 1);
}

static void timeouts_are_those_of_each_call(void **state)
{
    struct world *w = *state;
    struct owner *o = start(w, 2, NULL);
    o->options.timeouts.total_ms = 50;
    batch_cancel(o->batch);
    o->batch = batch_start(caller.upstream, &w->turn, &o->options, &events, o);
    WORLD_UNTIL(w, o->overs);
    assert_int_equal(o->answers[0].end, UPSTREAM_TIMEOUT_TOTAL);
    assert_int_equal(o->answers[1].end, UPSTREAM_TIMEOUT_TOTAL);
    finish(w, o, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WORLD_TEST(tells_each_answer_once_and_the_end),
        WORLD_TEST(runs_a_few_at_once_the_first_first),
        WORLD_TEST(cancelling_is_silent_and_at_once),
        WORLD_TEST(may_be_cancelled_before_anything_ran),
        WORLD_TEST(may_be_cancelled_by_what_it_tells),
        WORLD_TEST(a_false_from_done_ends_the_rest),
        WORLD_TEST(a_false_from_call_ends_the_rest),
        WORLD_TEST(gives_up_what_is_too_large),
        WORLD_TEST(gives_up_beyond_the_total),
        WORLD_TEST(a_broken_call_is_told_and_the_others_go_on),
        WORLD_TEST(timeouts_are_those_of_each_call),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
