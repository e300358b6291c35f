"""A budget that several gateways spend at once: it is passed by no more than what was under way when it ended."""

import collections
import concurrent.futures
import itertools
import time

import httpx
import pytest
from conftest import MODELS, configuration, deployment
from programs import wait_for
from redis_server import RedisServer
from test_keys import ask, generate

pytestmark = pytest.mark.timeout(300)

GATEWAYS, CLIENTS, CALLS = 4, 40, 100  # clients of all gateways together; calls that the budget is for
# Every connection is kept: the pool may close one that is too many while another thread has just been given it.
KEPT = httpx.Limits(max_connections=None, max_keepalive_connections=None, keepalive_expiry=None)
http = httpx.Client(timeout=30, trust_env=False, limits=KEPT)
POOR = 1e-7  # USD; less than any call costs

TOKENS, PRICE = 20, 2**-20  # of each answer; USD: what is held for a call is what it costs
FEW = 2.5 * TOKENS * PRICE  # USD: for three calls
EXACT = {"input_cost_per_token": 0, "output_cost_per_token": PRICE}


@pytest.fixture(scope="module", params=["sqlite", "postgresql with redis"])
def gateways(request, database_server, launch, simulator, tmp_path_factory):
    kind, _, redis = request.param.partition(" with ")
    database = database_server(kind)
    database.create("budgets")
    shared = RedisServer(tmp_path_factory.mktemp("redis")) if redis else None
    general = {"database_url": database.url, "api_keys": [{"key": "sk-of-the-file", "spend_limit": FEW}]}
    exact = deployment("exact", MODELS["claude"], simulator.url, **EXACT)
    started = []
    for _ in range(GATEWAYS):
        general["data_directory"] = str(tmp_path_factory.mktemp("data"))
        router = {"redis_url": shared.url} if shared else {}
        started.append(
            launch(configuration(simulator.url, extra_models=[exact], general_settings=general, router_settings=router))
        )
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


def made(gateway, path, **members):
    answer = ask(gateway, path, members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def holders(gateway):
    """Whose budget it is → (a key, what its requests say): everybody who may have one."""
    few = {"max_budget": FEW}
    made(gateway, "/user/new", user_id="few", auto_create_key=False, **few)
    made(gateway, "/user/new", user_id="member", auto_create_key=False)
    teams = [made(gateway, "/team/new", **members)["team_id"] for members in (few, {})]
    made(gateway, "/team/member_add", team_id=teams[1], member={"user_id": "member", "role": "user"}, max_budget_in_team=FEW)
    organization = made(gateway, "/organization/new", organization_alias="few", **few)["organization_id"]
    made(gateway, "/customer/new", user_id="few", **few)
    made(gateway, "/tag/new", name="few", **few)
    keys = {
        "key": few,
        "user": {"user_id": "few"},
        "team": {"team_id": teams[0]},
        "member": {"team_id": teams[1], "user_id": "member"},
        "organization": {"organization_id": organization},
        "end user": {},
        "tag": {},
        "model": {"model_max_budget": {"exact": {"budget_limit": FEW, "time_period": "30d"}}},
        "period": {"budget_limits": [{"budget_duration": "30d", "max_budget": FEW}]},
    }
    says = {"end user": {"user": "few"}, "tag": {"metadata": {"tags": ["few"]}}}
    found = {whose: (generate(gateway, **members)["key"], says.get(whose, {})) for whose, members in keys.items()}
    return {**found, "key of the file": ("sk-of-the-file", {})}


def wave(gateways, asked):
    """All of them at once, and all of them long enough → how many passed, by whose budget."""
    slow = [{"role": "user", "content": "hi [[sim:slow_head(1000)]]"}]
    each = list(zip(asked, itertools.cycle(gateways)))
    with concurrent.futures.ThreadPoolExecutor(len(each)) as pool:
        states = list(pool.map(lambda a: call(a[1], a[0][1], model="exact", messages=slow, **a[0][2]).status_code, each))
    assert set(states) <= {200, 422}, states
    return collections.Counter(a[0][0] for a, state in zip(each, states, strict=True) if state == 200)


def test_overshoot_of_everybody(gateways):
    """Two hundred clients, twenty of each holder, come at once. What is under way is counted beforehand: each
    gateway lets pass what the budget is for, and no more."""
    started, database, shared = gateways
    rows = """SELECT COUNT(*) FROM "LiteLLM_SpendLogs" WHERE model_group = 'exact' AND status = 'success'"""
    everybody = holders(started[0])
    asked = [(whose, *found) for _ in range(5) for whose, found in everybody.items() for _ in range(GATEWAYS)]
    assert len(asked) == 200
    passed = collections.Counter()
    while more := wave(started, asked):
        passed += more
        wait_for(lambda: int(database.query(rows)[0][0]) == passed.total(), 40, "their rows")
        time.sleep(0.15)  # as above
        if shared:
            tell_each_other(started)
        assert max(passed.values()) <= 3 * GATEWAYS, passed
    assert len(passed) == 10 and min(passed.values()) >= 3, passed


def test_overshoot_of_a_gateway(launch, simulator):
    """Two hundred clients of one process and its max_budget."""
    exact = deployment("exact", MODELS["claude"], simulator.url, **EXACT)
    gateway = launch(configuration(simulator.url, extra_models=[exact], litellm_settings={"max_budget": FEW}), warm=False)
    assert wave([gateway], [("all", gateway.key, {})] * 200).total() == 3
    assert wave([gateway], [("all", gateway.key, {})] * 4).total() == 0


def test_overshoot_of_embeddings(launch, simulator):
    """What a text may cost is counted by its size: a budget for two lets pass no fifty."""
    text = "[[sim:slow_head(1000)]] " + "word " * 200
    embed = deployment("embed", "bedrock/amazon.titan-embed-text-v2:0", simulator.url, input_cost_per_token=PRICE)
    most = 2 * PRICE * len(text) / 4
    gateway = launch(configuration(simulator.url, extra_models=[embed], litellm_settings={"max_budget": most}), warm=False)

    def ask_for_one(i):
        body = {"model": "embed", "input": f"{text} {i}"}
        return http.post(f"{gateway.base_url}/embeddings", json=body, headers={"Authorization": f"Bearer {gateway.key}"}).status_code

    with concurrent.futures.ThreadPoolExecutor(50) as pool:
        states = list(pool.map(ask_for_one, range(50)))
    assert set(states) == {200, 422} and states.count(200) <= 3, states
