"""Answers that four gateways keep in one Redis: what test_cache.py says of one holds there too, and
equal requests at the same time make one call, whichever of them they reach."""

import concurrent.futures
import threading
import time

import openai
import pytest
from conftest import KEY, configuration, openai_client
from programs import free_port, wait_for
from redis_server import RedisServer
from test_cache import (  # noqa: F401: the same tests, with the gateway of this module
    KEY_HEADER,
    across,
    ask,
    cache,
    figures,
    is_hit,
    post,
    test_a_hit_costs_nothing_and_says_how_much_it_would_have_taken,
    test_a_slow_client_holds_nobody_up,
    test_an_answer_is_given_again_in_either_form,
    test_broken_streams_are_not_kept,
    test_caching_false_does_neither,
    test_delete_by_the_key_that_clients_see,
    test_empty_answers_are_not_kept,
    test_errors_are_not_kept,
    test_no_cache_asks_the_model_and_keeps_the_answer,
    test_no_store_keeps_nothing_but_takes,
    test_the_leader_leaves_before_there_is_an_answer,
    test_tool_calls_and_thinking,
    test_ttl_of_a_request,
    test_what_changes_the_answer_asks_again,
    unique,
)

CLAIM = 3  # seconds: CLAIM_MS of exchange_claim.h


def settings(simulator, redis, **params):
    return configuration(
        simulator.url,
        general_settings={"shared_patience": 5},
        router_settings={"redis_url": redis.url},
        litellm_settings={"cache": True, "cache_params": {"type": "redis", **params}},
    )


@pytest.fixture(scope="module")
def four(launch, simulator, redis):
    gateways = [launch(settings(simulator, redis)) for _ in range(4)]
    for gateway in gateways:
        wait_for(lambda gateway=gateway: not gateway.holds()["shared_state"]["away"])
    return gateways


@pytest.fixture(scope="module")
def gateway(four):
    return four[0]


@pytest.mark.parametrize("stream", [lambda i: False, lambda i: True, lambda i: i % 3 == 1], ids=["whole", "streamed", "both"])
def test_many_at_four_gateways_make_one_call(four, simulator, stream):
    prompt, mark = unique("[[sim:chunks(30,10)]] [[sim:gap(20)]] All of you"), simulator.mark()
    answers = across(four, 24, prompt, stream)
    assert {a[0] for a in answers} == {answers[0][0]} and len(answers[0][0]) == 300
    assert len(simulator.since(mark)) == 1
    assert sum(not is_hit(a) for a in answers) == 1


def test_a_call_that_takes_longer_than_a_claim_is_one_call(four, simulator):
    prompt, mark = unique(f"[[sim:slow_head({CLAIM * 1000 + 1500})]] Slow"), simulator.mark()
    answers = across(four, 8, prompt, lambda i: i % 3 == 1)
    assert {bool(a[0]) for a in answers} == {True}
    assert len(simulator.since(mark)) == 1


def test_who_waits_elsewhere_does_not_get_the_error(four, simulator):
    """Nor waits for one after the other to fail."""
    prompt = unique("[[sim:slow_head(700)]] [[sim:error(503,away)]] [[sim:times(1)]] Mine alone")
    answers = across(four, 8, prompt, lambda i: i % 3 == 1)
    failed = [a for a in answers if isinstance(a, openai.APIError)]
    assert len(failed) == 1 and failed[0].status_code == 503
    assert {bool(a[0]) for a in answers if a is not failed[0]} == {True}


def test_an_answer_that_is_not_kept_makes_others_call(launch, simulator, redis):
    config = settings(simulator, redis, max_entry_kb=1, namespace="small")
    gateways = [launch(config) for _ in range(2)]
    prompt, mark = unique("[[sim:chunks(20,200)]] [[sim:slow_head(500)]] Large"), simulator.mark()
    answers = across(gateways, 8, prompt)
    assert {len(a[0]) for a in answers} == {4000}
    assert len(simulator.since(mark)) == 2


def test_a_killed_gateway_frees_those_who_wait(launch, simulator, redis):
    """Within the time of a claim: one of them makes the call for all."""
    gateways = [launch(settings(simulator, redis)) for _ in range(3)]
    prompt, mark = unique("[[sim:slow_head(6000)]] [[sim:times(1)]] I am dying"), simulator.mark()
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        first = pool.submit(across, gateways[:1], 1, prompt)
        wait_for(lambda: len(simulator.since(mark)) == 1, what="the call")
        others = pool.submit(across, gateways[1:], 6, prompt, lambda i: i % 2 == 1)
        wait_for(lambda: all(figures(g)["awaited"] == 1 for g in gateways[1:]), what="those who wait")
        gateways[0].kill()
        assert isinstance(first.result()[0], openai.APIError)
        killed = time.monotonic()
        assert {bool(a[0]) for a in others.result()} == {True}
    assert time.monotonic() - killed < 2 * CLAIM
    assert len(simulator.since(mark)) == 2


def test_the_word_is_not_needed(launch, simulator, redis):
    """Who hears nothing looks again by itself."""
    redis.do("ACL", "SETUSER", "deaf", "on", ">secret", "~*", "resetchannels", "+@all")
    config = settings(simulator, redis, namespace="deaf")
    config["router_settings"]["redis_url"] = redis.url.replace("//", "//deaf:secret@")
    gateways = [launch(config) for _ in range(2)]
    prompt, mark = unique("[[sim:slow_head(400)]] Nobody hears"), simulator.mark()
    answers = across(gateways, 4, prompt)
    assert {bool(a[0]) for a in answers} == {True}
    assert len(simulator.since(mark)) == 1


def test_a_key_of_one_gateway_is_deleted_for_all(four):
    prompt = unique("Kept for all")
    with openai_client(four[0]) as first, openai_client(four[1]) as second:
        ask(first, prompt)
        key = ask(second, prompt)[2][KEY_HEADER]
        assert post(four[2], "/cache/delete", {"keys": [key]})[:2] == (200, {"status": "success"})
        assert not is_hit(ask(first, prompt))


def test_workers_delete_and_flush_what_each_of_them_keeps(launch, simulator):
    """In their own memory, without a Redis."""
    config = configuration(simulator.url, litellm_settings={"cache": True})
    gateway = launch(config, "--num_workers", "3", port=free_port(), ready=False).wait_ready()
    body = {"model": "claude", "messages": [{"role": "user", "content": unique("In three places")}]}

    def hits():
        """Of connections of their own, which the workers take as they come."""
        answers = [post(gateway, "/v1/chat/completions", body) for _ in range(16)]
        return {answer[2].get(KEY_HEADER) for answer in answers}

    for path in ("/cache/delete", "/cache/flushall"):
        body.pop("cache", None)
        wait_for(lambda: None not in hits(), what="an answer in each worker")
        body["cache"] = {"no-store": True}
        (key,) = hits()
        assert post(gateway, path, {"keys": [key]})[0] == 200
        wait_for(lambda: hits() == {None}, what="all of them having heard")


def test_flush_leaves_others_alone(four, launch, simulator, redis):
    other = launch(settings(simulator, redis, namespace="another"))
    prompt = unique("Flush me")
    with openai_client(four[0]) as client, openai_client(other) as elsewhere:
        ask(client, prompt), ask(elsewhere, prompt)
        assert post(four[1], "/cache/flushall", {})[:2] == (200, {"status": "success"})
        assert not is_hit(ask(client, prompt)) and is_hit(ask(elsewhere, prompt))
        assert redis.do("EVAL", "return #redis.call('KEYS', '{lintel}:v:flight:*')", 0) == "0"


def test_ping_and_info(four):
    status, answer = four[0].get("/cache/ping", KEY)
    assert status == 200 and answer["cache_type"] == "redis" and answer["ping_response"] is True
    status, answer = four[0].get("/cache/redis/info", KEY)
    assert status == 200 and answer["info"]["away"] is False and answer["info"]["asked"] > 0


def test_a_paused_redis_is_unhealthy_and_harms_nobody(launch, simulator, tmp_path):
    redis = RedisServer(tmp_path / "redis")
    try:
        config = settings(simulator, redis)
        config["general_settings"]["shared_patience"] = 0.05
        gateway = launch(config)
        wait_for(lambda: not gateway.holds()["shared_state"]["away"])
        redis.kill()
        wait_for(lambda: gateway.get("/cache/ping", KEY)[0] == 503)
        assert post(gateway, "/cache/flushall", {})[0] == 503
        with openai_client(gateway) as client:
            prompt = unique("On my own")
            assert [is_hit(ask(client, prompt)) for _ in range(2)] == [False, True]
    finally:
        redis.kill()
