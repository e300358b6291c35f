"""Several deployments of one name: who gets how much of a load, and what becomes of a sick one."""

import collections
import http.server
import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import Simulator

STRATEGIES = [
    "simple-shuffle",
    "least-busy",
    "usage-based-routing",
    "usage-based-routing-v2",
    "latency-based-routing",
    "cost-based-routing",
]


@pytest.fixture(scope="module")
def simulators(tmp_path_factory):
    """Three Bedrocks; the last one is slow."""
    folder = tmp_path_factory.mktemp("regions")
    started = [Simulator(folder / str(i), *more) for i, more in enumerate([(), (), ("--first-ms", 150)])]
    yield started
    for program in started:
        program.stop()


class Sick(http.server.ThreadingHTTPServer):
    """A Bedrock that answers every call with one error, and counts them."""

    daemon_threads = True

    def __init__(self, status, error):
        self.calls = 0

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802 (the library's name)
                self.rfile.read(int(self.headers["content-length"]))
                self.server.calls += 1
                body = json.dumps({"message": "no"}).encode()
                self.send_response(status)
                self.send_header("x-amzn-errortype", error)
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()


@pytest.fixture
def sick():
    """sick(status, error) → a server; all of them end with the test."""
    started = []

    def start(status, error):
        started.append(Sick(status, error))
        return started[-1]

    yield start
    for server in started:
        server.shutdown()
        server.server_close()


def group(urls, more=None, **settings):
    """A configuration whose group "g" has a deployment at each URL: d0, d1, …"""
    models = []
    for i, url in enumerate(urls):
        model = deployment("g", MODELS["nova"], url, **(more or {}).get(i, {}))
        models.append(model | {"model_info": {"id": f"d{i}"}})
    return configuration(urls[0], extra_models=models, router_settings=settings)


def ask(client, headers=None, **more):
    body = {"model": "g", "messages": [{"role": "user", "content": "go"}], **more}
    return client.post("/v1/chat/completions", json=body, headers=headers or {})


@pytest.fixture
def talk(launch):
    """talk(config) → (gateway, client)"""
    clients = []

    def start(config):
        gateway = launch(config)
        headers = {"authorization": f"Bearer {KEY}"}
        clients.append(httpx.Client(base_url=gateway.url, headers=headers, timeout=30))
        return gateway, clients[-1]

    yield start
    for client in clients:
        client.close()


def load(client, count, at_once, **more):
    """Answers to so many requests, so many at a time."""
    with ThreadPoolExecutor(at_once) as pool:
        return list(pool.map(lambda _: ask(client, **more), range(count)))


def shares(answers):
    assert all(a.status_code == 200 for a in answers), [a.text for a in answers if a.status_code != 200][:3]
    return collections.Counter(a.headers["x-litellm-model-id"] for a in answers)


def deployments(gateway):
    """What the gateway tells of each."""
    reply = httpx.get(f"{gateway.url}/debug/exchanges", headers={"authorization": f"Bearer {KEY}"})
    return reply.json()["deployments"]


# ---- shares of a load -------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_shares_under_load(talk, simulators, strategy, stream):
    cheap = {1: {"input_cost_per_token": 1e-9, "output_cost_per_token": 1e-9}}
    gateway, client = talk(group([s.url for s in simulators], cheap, routing_strategy=strategy))
    count = shares(load(client, 150, 10, stream=stream))
    if strategy == "cost-based-routing":
        assert count == {"d1": 150}
    elif strategy == "latency-based-routing":
        assert count["d2"] <= 25  # a third would be 50; a machine that halts makes the others slow, too
    elif strategy == "least-busy":
        assert count["d2"] < 40 and min(count["d0"], count["d1"]) > 40
    else:
        assert all(25 <= count[d] <= 80 for d in ("d0", "d1", "d2")), count
    told = deployments(gateway)
    for name in count:
        assert told[name]["calls"] >= count[name] and told[name]["running"] == 0


def test_weights(talk, simulators):
    _, client = talk(group([s.url for s in simulators[:2]], {0: {"weight": 9}, 1: {"weight": 1}}))
    count = shares(load(client, 200, 4))
    assert count["d0"] > 150 and count["d1"] > 4


def test_order(talk, simulators, sick):
    ill = sick(500, "InternalServerException")
    more = {0: {"order": 2}, 1: {"order": 3}, 2: {"order": 1}}
    _, client = talk(group([simulators[0].url, simulators[1].url, ill.url], more, num_retries=2))
    assert shares(load(client, 40, 4)) == {"d0": 40}
    assert ill.calls <= 8  # then it rests


# ---- a sick deployment ------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("status", "error", "most"),
    [
        (429, "ThrottlingException", 10),  # those that are under way when the first one fails
        (500, "InternalServerException", 30),
        (503, "ServiceUnavailableException", 30),
    ],
)
def test_clients_do_not_see_a_sick_deployment(talk, simulators, sick, strategy, status, error, most):
    ill = sick(status, error)
    urls = [simulators[0].url, ill.url, simulators[1].url]
    _, client = talk(group(urls, routing_strategy=strategy, num_retries=2))
    count = shares(load(client, 120, 10))
    assert count["d1"] == 0 and min(count["d0"], count["d2"]) > 0 or strategy == "cost-based-routing"
    assert ill.calls <= most


def test_an_unreachable_deployment(talk, simulators):
    gateway, client = talk(group([simulators[0].url, "http://127.0.0.1:9"], num_retries=2))
    assert shares(load(client, 60, 6)) == {"d0": 60}
    told = deployments(gateway)["d1"]
    assert told["rests"] >= 1 and told["failed"]["BadGatewayError"] <= 20


def test_refused_credentials_rest_at_once(talk, simulators, sick):
    ill = sick(403, "AccessDeniedException")
    _, client = talk(group([simulators[0].url, ill.url]))
    answers = [ask(client) for _ in range(30)]
    assert collections.Counter(a.status_code for a in answers) in ({200: 30}, {200: 29, 403: 1})
    assert ill.calls <= 1


def test_all_rest(talk, sick):
    ill = sick(429, "ThrottlingException")
    _, client = talk(group([ill.url, ill.url]))
    before = ill.calls
    assert [ask(client).json()["error"]["type"] for _ in range(2)] == ["throttling_error"] * 2
    answer = ask(client)
    assert answer.status_code == 429 and 1 <= int(answer.headers["retry-after"]) <= 5
    assert answer.json()["error"]["type"] == "all_deployments_in_cooldown"
    assert ill.calls == before + 2


def test_one_alone_does_not_rest(talk, sick):
    ill = sick(404, "ResourceNotFoundException")
    _, client = talk(group([ill.url]))
    assert [ask(client).status_code for _ in range(20)] == [404] * 20


def test_all_rest_falls_back(talk, simulators, sick):
    ill = sick(429, "ThrottlingException")
    config = group([ill.url, ill.url], fallbacks=[{"g": ["nova"]}], num_retries=1)
    config["model_list"] += [deployment("nova", MODELS["nova"], simulators[0].url)]
    config["model_list"] = [m for m in config["model_list"] if m["model_name"] == "g"] + config["model_list"][-1:]
    _, client = talk(config)
    answers = load(client, 20, 4)
    assert {a.status_code for a in answers} == {200}
    assert {a.headers["x-litellm-model-group"] for a in answers} == {"nova"}
    assert ill.calls <= 8


def test_recovery_is_probed(talk, simulators, sick):
    """One call after each rest, however many wait."""
    ill = sick(503, "ServiceUnavailableException")
    config = group([simulators[0].url, ill.url], cooldown_time=0.5, allowed_fails=0, num_retries=2)
    gateway, client = talk(config)
    assert shares(load(client, 600, 20)) == {"d0": 600}
    told = deployments(gateway)["d1"]
    assert told["calls"] <= 20 + told["rests"]


# ---- tags, affinity, limits -------------------------------------------------------------------------


def test_tags(talk, simulators):
    more = {0: {"tags": ["free"]}, 1: {"tags": ["paid", "default"]}}
    _, client = talk(group([s.url for s in simulators[:2]], more, enable_tag_filtering=True))
    assert shares([ask(client, metadata={"tags": ["free"]}) for _ in range(10)]) == {"d0": 10}
    assert shares([ask(client, {"x-litellm-tags": "x, free"}) for _ in range(10)]) == {"d0": 10}
    assert shares([ask(client) for _ in range(10)]) == {"d1": 10}
    assert shares([ask(client, metadata={"tags": ["other"]}) for _ in range(10)]) == {"d1": 10}


def test_tags_of_nobody(talk, simulators):
    _, client = talk(group([simulators[0].url], {0: {"tags": ["a"]}}, enable_tag_filtering=True))
    answer = ask(client, {"x-litellm-tags": "b"})
    assert answer.status_code == 401 and "tags configuration" in answer.json()["error"]["message"]


def test_affinity(talk, simulators):
    checks = ["session_affinity", "prompt_caching"]
    _, client = talk(group([s.url for s in simulators[:2]], optional_pre_call_checks=checks))
    first = set()
    for i in range(12):
        count = shares([ask(client, {"x-litellm-session-id": f"s{i}"}) for _ in range(4)])
        assert len(count) == 1
        first |= set(count)
    assert first == {"d0", "d1"}
    for i in range(12):
        system = {"type": "text", "text": f"Agent {i}. " * 900, "cache_control": {"type": "ephemeral"}}
        messages = [{"role": "system", "content": [system]}, {"role": "user", "content": "go"}]
        turns = [messages, [*messages, {"role": "assistant", "content": "ok"}, {"role": "user", "content": "on"}]]
        assert len(shares([ask(client, messages=turns[k % 2]) for k in range(4)])) == 1
    assert len(shares([ask(client) for _ in range(30)])) == 2  # nothing is cached here


def test_affinity_of_single_groups(talk, simulators):
    config = group([s.url for s in simulators[:2]], model_group_affinity_config={"g": ["session_affinity"], "nobody": []})
    gateway, client = talk(config)
    for i in range(6):
        assert len(shares([ask(client, {"x-litellm-session-id": f"s{i}"}) for _ in range(4)])) == 1
    assert "there is no such group" in gateway.log()


def test_regions(talk, simulators):
    more = {0: {"aws_region_name": "us-east-1"}, 1: {"aws_region_name": "eu-west-1"}}
    _, client = talk(group([s.url for s in simulators[:2]], more, enable_pre_call_checks=True))
    for region, one in (("us", "d0"), ("eu", "d1"), ("eu-west-1", "d1")):
        assert shares([ask(client, allowed_model_region=region) for _ in range(6)]) == {one: 6}
    answer = ask(client, allowed_model_region="ap")
    assert answer.status_code == 400 and "allowed_model_region" in answer.json()["error"]["message"]


def test_failover(talk, simulators):
    """Without a retry: the others of the group, each once."""
    urls = ["http://127.0.0.1:9", "http://127.0.0.1:9", simulators[0].url]
    config = group(urls, num_retries=0, enable_weighted_failover=True, disable_cooldowns=True)
    _, client = talk(config)
    assert shares([ask(client) for _ in range(8)]) == {"d2": 8}


def test_limits(talk, simulators):
    more = {0: {"rpm": 5}, 1: {"rpm": 10}}
    urls = [s.url for s in simulators[:2]]
    _, client = talk(group(urls, more, routing_strategy="usage-based-routing-v2"))
    answers = load(client, 20, 4)
    assert collections.Counter(a.status_code for a in answers) == {200: 15, 429: 5}
    assert shares([a for a in answers if a.status_code == 200]) == {"d0": 5, "d1": 10}
    refused = next(a for a in answers if a.status_code == 429)
    assert int(refused.headers["retry-after"]) >= 1


# ---- places -----------------------------------------------------------------------------------------


def slow(url, places, **settings):
    """Answers take 300 ms."""
    config = group([url], {0: {"max_parallel_requests": places}}, **settings)
    say = {"messages": [{"role": "user", "content": "[[sim:slow_head(300)]] go"}]}
    return config, say


def test_requests_wait_for_a_place(talk, simulators):
    config, say = slow(simulators[0].url, 3)
    gateway, client = talk(config)
    most = []
    done = threading.Event()

    def watch():
        while not done.wait(0.02):
            most.append(deployments(gateway).get("d0", {}).get("running", 0))

    watcher = threading.Thread(target=watch)
    watcher.start()
    begun = time.monotonic()
    answers = load(client, 15, 15, **say)
    took = time.monotonic() - begun
    done.set()
    watcher.join()
    assert shares(answers) == {"d0": 15}
    assert max(most) == 3 and took >= 5 * 0.3


def test_first_come_first_served(talk, simulators):
    config, say = slow(simulators[0].url, 1)
    _, client = talk(config)
    order = []

    def one(i):
        time.sleep(0.05 * i)
        assert ask(client, **say).status_code == 200
        order.append(i)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(one, range(6)))
    assert order == list(range(6))


def test_the_queue_is_bounded(talk, simulators):
    config, say = slow(simulators[0].url, 2, max_queued_requests=3)
    _, client = talk(config)
    answers = load(client, 12, 12, **say)
    assert collections.Counter(a.status_code for a in answers) == {200: 5, 429: 7}
    refused = [a for a in answers if a.status_code == 429]
    assert all(a.elapsed.total_seconds() < 0.25 and int(a.headers["retry-after"]) >= 1 for a in refused)
    assert "busy" in refused[0].json()["error"]["message"]
    assert ask(client, **say).status_code == 200


def test_the_wait_is_bounded(talk, simulators):
    config, say = slow(simulators[0].url, 1, queue_timeout=0.1)
    _, client = talk(config)
    answers = load(client, 4, 4, **say)
    count = collections.Counter(a.status_code for a in answers)
    assert count[200] >= 1 and count[429] >= 1 and count.total() == 4


def test_a_client_that_leaves_the_queue(talk, simulators):
    config, say = slow(simulators[0].url, 1)
    gateway, client = talk(config)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(ask, client, **say)
        time.sleep(0.1)
        body = {"model": "g", **say}
        with pytest.raises(httpx.ReadTimeout):
            client.post("/v1/chat/completions", json=body, timeout=0.1)
        assert first.result().status_code == 200
    assert ask(client, **say).status_code == 200
    assert gateway.get("/debug/exchanges", KEY)[1]["queued"] == 0
    assert deployments(gateway)["d0"]["calls"] == 2


def test_places_of_several(talk, simulators):
    urls = [s.url for s in simulators[:2]]
    _, client = talk(group(urls, default_max_parallel_requests=2))
    say = {"messages": [{"role": "user", "content": "[[sim:slow_head(300)]] go"}]}
    count = shares(load(client, 12, 12, **say))
    assert count["d0"] >= 4 and count["d1"] >= 4


# ---- what is told -----------------------------------------------------------------------------------


def test_router_settings(talk, simulators):
    config = group([simulators[0].url], routing_strategy="least-busy", redis_password="s3cr3t")
    _, client = talk(config)
    told = client.get("/router/settings").json()
    fields = {f["field_name"]: f for f in told["fields"]}
    assert fields["routing_strategy"]["field_value"] == "least-busy"
    assert fields["routing_strategy"]["field_default"] == "simple-shuffle"
    assert set(STRATEGIES) == set(fields["routing_strategy"]["options"]) == set(told["routing_strategy_descriptions"])
    assert fields["cooldown_time"]["field_default"] == 5 and fields["cooldown_time"]["field_type"] == "Float"
    assert told["current_values"]["routing_strategy"] == "least-busy" and "s3cr3t" not in json.dumps(told)
    assert httpx.get(str(client.base_url) + "/router/settings").status_code == 401
