"""/debug/exchanges: a request is shown in each state that it can be held in, with how long it has been there and when it
came to those before; then what held it lets go, and it ends well. (tests/lint/states.py looks that none is forgotten.)"""

import contextlib
import json
import os
import signal
import time

import httpx
import pytest
from conftest import KEY, configuration, deployment
from destination import destination
from programs import wait_for
from raw import Raw
from test_signals import workers

ORDER = "HEAD AUTH BODY GUARD ADMIT ANSWER LOOKUP LIMIT ROUTE PLACE CREDENTIALS FETCH RECALL CALL AGAIN VET RELAY BATCH PASS FLUSH SETTLE".split()


@pytest.fixture(scope="module")
def places():
    """Where guards are; they do not answer before they are released."""
    with contextlib.ExitStack() as stack:
        found = {name: stack.enter_context(destination()) for name in ("pre_call", "post_call")}
        for place in found.values():
            place.mode, place.answer = "hanging", b'{"action": "NONE"}'
        yield found


@pytest.fixture(scope="module")
def gateway(launch, simulator, places):
    models = [deployment("failing", "bedrock/us.amazon.nova-pro-v1:0", simulator.url)]
    config = configuration(
        simulator.url, extra_models=models, litellm_settings={"cache": True}, router_settings={"num_retries": 1, "retry_after": 60},
    )  # fmt: skip
    config["guardrails"] = [
        {"guardrail_name": mode, "litellm_params": {"guardrail": "generic_guardrail_api", "mode": mode, "api_base": places[mode].url, "timeout": 60}}
        for mode in ("pre_call", "post_call")
    ]
    return launch(config)


def body(text, **more):
    return {"model": "claude", "messages": [{"role": "user", "content": text}], "max_tokens": 200000, **more}


@contextlib.contextmanager
def asking(gateway, request, path="/v1/chat/completions", cut=0, key=KEY):
    """A request whose answer nobody reads; its last `cut` bytes do not come."""
    data = json.dumps(request).encode()
    head = f"POST {path} HTTP/1.1\r\nHost: h\r\nAuthorization: Bearer {key}\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    with Raw(gateway, receive_buffer=4096, timeout=60) as raw:
        raw.send(head.encode() + data[: len(data) - cut])
        yield raw


def first_in(holds, state):
    return next((e for e in holds["exchanges"] if e["state"] == state), None)


def shown(gateway, state):
    """One that waits in it, as it is listed."""
    return check(wait_for(lambda: first_in(gateway.holds(), state), 20, f"a request in {state}"))


def check(found):
    state = found["state"]
    assert 0 <= found["in_state_ms"] <= found["age_ms"]
    entered = found["entered_ms"]
    assert entered[state] == max(entered.values()) and set(entered) <= set(ORDER)
    assert found["age_ms"] - entered[state] == found["in_state_ms"]
    assert KEY not in json.dumps(found)
    return found


CASES = {  # state: (request, path, bytes of it that do not come)
    "BODY": (body("half of it"), "/v1/chat/completions", 20),
    "GUARD": (body("hi", guardrails=["pre_call"]), "/v1/chat/completions", 0),
    "CALL": (body("[[sim:hang]]"), "/v1/messages", 0),
    "AGAIN": (body("[[sim:error(500)]]", model="failing"), "/v1/chat/completions", 0),
    "VET": (body("hi", guardrails=["post_call"]), "/v1/chat/completions", 0),
    "RELAY": (body("[[sim:silence(60000,2)]]", stream=True), "/v1/chat/completions", 0),
    "BATCH": ({"model": "claude", "prompt": ["[[sim:hang]]", "hi"], "max_tokens": 5}, "/v1/completions", 0),
}


@pytest.mark.parametrize("state", CASES)
def test_each_state(gateway, state):
    request, path, cut = CASES[state]
    with asking(gateway, request, path, cut):
        found = shown(gateway, state)
        assert found["path"] == path
        if state not in ("BODY", "GUARD"):
            assert found["model"] == request["model"] and found["attempts"] >= (state != "BATCH")
        assert found["calling"] == (state in ("CALL", "RELAY", "BATCH"))


def test_thousands(gateway):
    """All are counted, the oldest thousand are described, and no client says how much is written of them."""
    with contextlib.ExitStack() as stack:
        for _ in range(1100):
            stack.enter_context(asking(gateway, body("half of it"), cut=20))
        wait_for(lambda: gateway.holds()["states"].get("BODY") == 1100, 30, "all of them")
        long = body("[[sim:hang]]", model="claude", user="u" * 100000)
        stack.enter_context(asking(gateway, long))
        holds = wait_for(lambda: (h := gateway.holds())["states"].get("CALL") and h, 20, "the last one")
        assert holds["live"] == 1101 and holds["states"] == {"BODY": 1100, "CALL": 1}
        assert len(holds["exchanges"]) == 1000 and {e["state"] for e in holds["exchanges"]} == {"BODY"}
    gateway.nothing_left(30)


def test_an_equal_request_waits_for_the_first(gateway):
    request = body("[[sim:hang]] asked twice")
    with asking(gateway, request):
        shown(gateway, "CALL")
        with asking(gateway, request):
            assert shown(gateway, "LOOKUP")["attempts"] == 0


def test_of_all_workers(launch, simulator):
    """Whichever is asked; and one that does not answer is named instead of waited for."""
    gateway = launch(configuration(simulator.url), "--num_workers", 2, warm=False)
    with contextlib.ExitStack() as stack:
        for _ in range(16):  # each on a connection of its own
            stack.enter_context(asking(gateway, body("[[sim:hang]]")))
        wait_for(lambda: gateway.holds()["states"] == {"CALL": 16}, 20, "all of them, at whichever worker")
        for _ in range(4):
            holds = gateway.holds()
            assert holds["live"] == 16 and holds["deployments"] and sum(d["running"] for d in holds["deployments"].values()) == 16
            assert [(w["worker"], w["pid"], w["answered"]) for w in holds["workers"]] == [(i, pid, True) for i, pid in enumerate(workers(gateway))]
            by_worker = [[e for e in holds["exchanges"] if e["worker"] == i] for i in (0, 1)]
            assert [len(found) for found in by_worker] == [w["live"] for w in holds["workers"]] and all(by_worker)
            ages = [e["age_ms"] for e in holds["exchanges"]]
            assert ages == sorted(ages, reverse=True)
        stopped = workers(gateway)[1]
        os.kill(stopped, signal.SIGSTOP)
        try:
            begun = time.monotonic()
            holds = wait_for(lambda: asked_briefly(gateway), 30, "the worker that runs")
            assert time.monotonic() - begun < 20
            assert [w["answered"] for w in holds["workers"]] == [True, False] and holds["workers"][1]["pid"] == stopped
            assert holds["live"] == holds["workers"][0]["live"] == len(holds["exchanges"]) == len(by_worker[0])
        finally:
            os.kill(stopped, signal.SIGCONT)
        wait_for(lambda: gateway.holds()["live"] == 16, 20, "both again")
    wait_for(lambda: gateway.holds()["live"] == 0, 20, "the end of all")


def asked_briefly(gateway):
    """None: the connection is one of the worker that is stopped."""
    with contextlib.suppress(httpx.TimeoutException):
        return httpx.get(f"http://{gateway.netloc}/debug/exchanges", headers={"Authorization": f"Bearer {KEY}"}, timeout=3).json()


def test_a_worker_alone(gateway):
    """It has the same form."""
    with asking(gateway, body("[[sim:hang]]")):
        found = shown(gateway, "CALL")
        assert found["worker"] == 0
        assert [(w["worker"], w["pid"], w["answered"], w["live"]) for w in gateway.holds()["workers"]] == [(0, gateway.pid, True, 1)]
