"""A budget that several gateways spend at once: it is passed by no more than what was under way when it ended."""

import concurrent.futures
import itertools
import time

import httpx
import pytest
from conftest import configuration
from programs import wait_for
from redis_server import RedisServer
from test_keys import ask, generate

GATEWAYS, CLIENTS, CALLS = 4, 40, 100  # clients of all gateways together; calls that the budget is for
# Every connection is kept: the pool may close one that is too many while another thread has just been given it.
KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
http = httpx.Client(timeout=30, trust_env=False, limits=KEPT)
POOR = 1e-7  # USD; less than any call costs


@pytest.fixture(scope="module", params=["sqlite", "postgresql with redis"])
def gateways(request, database_server, launch, simulator, tmp_path_factory):
    kind, _, redis = request.param.partition(" with ")
    database = database_server(kind)
    database.create("budgets")
    shared = RedisServer(tmp_path_factory.mktemp("redis")) if redis else None
    general = {"database_url": database.url}
    started = []
    for _ in range(GATEWAYS):
        general["data_directory"] = str(tmp_path_factory.mktemp("data"))
        router = {"redis_url": shared.url} if shared else {}
        started.append(launch(configuration(simulator.url, general_settings=general, router_settings=router)))
    for gateway in started:
        wait_for(lambda g=gateway: ask(g, "/key/generate", {}).status_code == 200, 40, "the database")
        wait_for(lambda g=gateway: not shared or not g.holds()["shared_state"]["away"], 40, "the Redis")
    yield started, database, shared
    for gateway in started:
        gateway.stop()
    if shared:
        shared.kill()


def call(gateway, key, **members):
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 20, **members}
    return http.post(gateway.base_url + "/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"})


def tell_each_other(gateways):
    """What one says comes in order: who knows of its last word knows all that it said before."""
    for gateway in gateways:
        marker = generate(gateway, max_budget=POOR)["key"]
        assert call(gateway, marker).status_code == 200
        for other in gateways:
            wait_for(lambda o=other, m=marker: call(o, m).status_code == 422, 20, "the word")


def holder(gateway, whose, most):
    """A key whose budget, or whose tag's, is so much; and what its requests say besides."""
    budget = {"max_budget": most}
    if whose == "key":
        return generate(gateway, **budget), {}
    made = ask(gateway, "/tag/new", {"name": "shared", **budget})
    assert made.status_code == 200, made.text
    return generate(gateway), {"metadata": {"tags": ["shared"]}}


@pytest.mark.parametrize("whose", ["key", "tag"])
def test_overshoot(gateways, whose):
    started, database, shared = gateways
    cost = float(call(started[0], generate(started[0])["key"]).headers["x-litellm-response-cost"])
    key, members = holder(started[0], whose, (CALLS - 0.5) * cost)
    rows = f"""SELECT COUNT(*), SUM(spend) FROM "LiteLLM_SpendLogs" WHERE api_key = '{key["token"]}' AND status = 'success'"""
    passed = 0
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        while True:
            each = itertools.islice(itertools.cycle(started), CLIENTS)
            states = list(pool.map(lambda g: call(g, key["key"], **members).status_code, each))
            assert set(states) <= {200, 422}, states
            passed += states.count(200)
            wait_for(lambda: int(database.query(rows)[0][0]) == passed, 40, "their rows")  # noqa: B023
            if 200 not in states:
                break
            assert passed <= CALLS + CLIENTS
            time.sleep(0.15)  # beyond this, no gateway takes what it read in the database for new
            if shared:
                tell_each_other(started)
    assert CALLS <= passed <= CALLS + CLIENTS
    assert float(database.query(rows)[0][1]) == pytest.approx(passed * cost)
