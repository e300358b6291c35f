"""Limits of keys, models, deployments and of all together: exact under many clients at once, settled
with what was really used, given back when a client goes; and what clients are told."""

import hashlib
import http.server
import itertools
import json
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import wait_for
from redis_server import RedisServer

WINDOW = 3  # seconds: LITELLM_RATE_LIMIT_WINDOW_SIZE
ENV = {"LITELLM_RATE_LIMIT_WINDOW_SIZE": str(WINDOW)}


def keys(*rows):
    return {"general_settings": {"api_keys": list(rows)}}


def chat(gateway, key=KEY, model="claude", timeout=20, headers=None, **more):
    body = {"model": model, "max_tokens": 8, "messages": [{"role": "user", "content": "hello"}], **more}
    return httpx.post(
        gateway.base_url + "/chat/completions",
        json=body,
        headers={"Authorization": f"Bearer {key}", **(headers or {})},
        timeout=timeout,
    )


def many(n, call):
    with ThreadPoolExecutor(n) as pool:
        return list(pool.map(lambda _: call(), range(n)))


def statuses(answers):
    return sorted({a.status_code for a in answers})


class Stream:
    """A streamed answer that can be left in the middle."""

    def __init__(self, gateway, key, prompt="[[sim:chunks(400,5)]] [[sim:gap(50)]] go"):
        host, port = re.match(r"http://([^:]+):(\d+)", gateway.base_url).groups()
        body = json.dumps(
            {"model": "claude", "stream": True, "messages": [{"role": "user", "content": prompt}]}
        )
        self.socket = socket.create_connection((host, int(port)), timeout=20)
        self.socket.sendall(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode()
        )
        self.head = self.socket.recv(4096).decode()

    def status(self):
        return int(self.head.split()[1])

    def cut(self):
        self.socket.close()


# ---- requests -----------------------------------------------------------------------------------


POLL = 0.1  # seconds between the tries of a client that is refused


def saturate(gateways, key, wanted, clients, poll=POLL):
    """Clients of all gateways ask on and on until so many requests were granted, and a bit longer.
    What was granted, as (sent, answered), and the longest that an answer took."""
    granted, slowest, lock, stop = [], [0.0], threading.Lock(), threading.Event()

    def client(i):
        gateway = gateways[i % len(gateways)]
        body = {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
        with httpx.Client(timeout=30, headers={"Authorization": f"Bearer {key}"}) as c:
            while not stop.is_set():
                sent = time.monotonic()
                answer = c.post(gateway.base_url + "/chat/completions", json=body)
                now = time.monotonic()
                assert answer.status_code in (200, 429), answer.text
                with lock:
                    slowest[0] = max(slowest[0], now - sent)
                    if answer.status_code == 200:
                        granted.append((sent, now))
                    if len(granted) >= wanted:
                        stop.set()
                if answer.status_code == 429:
                    stop.wait(poll)

    with ThreadPoolExecutor(clients) as pool:
        list(pool.map(client, range(clients)))
    return sorted(granted), slowest[0]


def check_exact(granted, slowest, limit, windows, poll=POLL):
    """Never one too many in any window: what was sent and answered within one was granted within
    it. Hardly one too few: `windows` windows were used up in little more than their time, but for
    what the clients themselves take to notice."""
    for begin, _ in granted:
        inside = sum(1 for sent, answered in granted if sent >= begin and answered < begin + WINDOW)
        assert inside <= limit
    ends = sorted(answered for _, answered in granted)
    assert ends[windows * limit] - granted[0][0] >= windows * WINDOW - slowest
    assert ends[windows * limit] - granted[0][0] <= windows * (WINDOW / 0.98 + slowest + poll) + slowest


def test_rpm_is_exact_under_many_clients(launch, simulator):
    limit = 100
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "rpm_limit": limit})), env=ENV)
    granted, slowest = saturate([gateway], "sk-a", 3 * limit + 1, 250)
    check_exact(granted, slowest, limit, 3)


def test_what_a_refused_client_is_told(launch, simulator):
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "rpm_limit": 1, "tpm_limit": 5000})))
    first, second = chat(gateway, "sk-a"), chat(gateway, "sk-a")
    assert first.status_code == 200
    h = first.headers
    assert h["x-litellm-key-rpm-limit"] == "1" and h["x-litellm-key-tpm-limit"] == "5000"
    assert h["x-ratelimit-api_key-limit-requests"] == "1"
    assert h["x-ratelimit-api_key-remaining-requests"] == "0"
    assert h["x-ratelimit-limit-requests"] == "1" and h["x-ratelimit-remaining-requests"] == "0"
    assert h["x-ratelimit-limit-tokens"] == "5000"
    assert 4900 < int(h["x-ratelimit-remaining-tokens"]) < 5000  # the prompt and max_tokens
    assert re.fullmatch(r"1m\d(\.\d+)?s|\d\d(\.\d+)?s", h["x-ratelimit-reset-requests"])
    assert second.status_code == 429
    hashed = hashlib.sha256(b"sk-a").hexdigest()
    error = second.json()["error"]
    assert error["type"] == "throttling_error" and error["code"] == "429" and error["param"] is None
    assert re.fullmatch(
        rf"Rate limit exceeded for api_key: {hashed}\. Limit type: requests\. Current limit: 1, "
        r"Remaining: 0\. Limit resets at: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC",
        error["message"],
    )
    assert 50 <= int(second.headers["retry-after"]) <= 61
    assert second.headers["rate_limit_type"] == "requests"
    assert second.headers["reset_at"] in error["message"]
    assert second.headers["x-ratelimit-remaining-requests"] == "0"
    assert chat(gateway).status_code == 200  # the master key has no limit


def test_a_refused_request_takes_nothing(launch, simulator):
    """Every second limit refuses: the first one is as it was."""
    gateway = launch(
        configuration(
            simulator.url,
            **keys({"key": "sk-a", "rpm_limit": 3, "model_rpm_limit": {"claude": 1}}),
        )
    )
    assert chat(gateway, "sk-a").status_code == 200
    refused = [chat(gateway, "sk-a") for _ in range(5)]
    assert statuses(refused) == [429]
    assert "model_per_key" in refused[0].json()["error"]["message"]
    others = [chat(gateway, "sk-a", model="nova") for _ in range(3)]
    assert [a.status_code for a in others] == [200, 200, 429]
    assert "api_key:" in others[2].json()["error"]["message"]


def test_what_came_to_no_call_takes_nothing(launch, simulator):
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "rpm_limit": 2})))
    assert statuses([chat(gateway, "sk-a", model="unknown") for _ in range(5)]) == [400]
    assert statuses(many(2, lambda: chat(gateway, "sk-a"))) == [200]
    assert chat(gateway, "sk-a").status_code == 429


def test_limits_of_all_together(launch, simulator):
    """As the mission's documents write them."""
    gateway = launch(
        configuration(
            simulator.url,
            litellm_settings={"rpm": 5, "tpm": 100000, "max_parallel_requests": 100},
            **keys({"key": "sk-a"}),
        )
    )
    answers = [chat(gateway, key) for key in ("sk-a", KEY) for _ in range(4)]  # one was the warm-up
    assert [a.status_code for a in answers] == [200] * 4 + [429] * 4
    assert "global" in answers[-1].json()["error"]["message"]


def test_streams_and_other_routes_count_too(launch, simulator):
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "rpm_limit": 2})))
    answer = chat(gateway, "sk-a", stream=True)
    assert answer.status_code == 200 and answer.headers["x-ratelimit-remaining-requests"] == "1"
    h = {"Authorization": "Bearer sk-a"}
    body = {"model": "claude", "prompt": "x", "max_tokens": 1}
    assert httpx.post(gateway.base_url + "/completions", json=body, headers=h).status_code == 200
    refused = chat(gateway, "sk-a", stream=True)
    assert refused.status_code == 429 and refused.headers["content-type"] == "application/json"
    for path in ("/models", "/model/info"):  # these call no model
        assert httpx.get(gateway.base_url + path, headers=h).status_code == 200


# ---- tokens -------------------------------------------------------------------------------------


def left(answer):
    return int(answer.headers["x-ratelimit-remaining-tokens"])


def test_tokens_are_reserved_and_settled(launch, simulator):
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "tpm_limit": 2000})))
    first = chat(gateway, "sk-a", max_tokens=1500)
    used = first.json()["usage"]["total_tokens"]
    assert first.status_code == 200 and left(first) <= 500 and used < 300
    second = chat(gateway, "sk-a", max_tokens=1500)  # there is room again: it took far less
    assert second.status_code == 200
    reserved = 2000 - left(first)
    assert left(second) == 2000 - used - reserved
    with ThreadPoolExecutor(2) as pool:  # both at once cannot be
        slow = "[[sim:chunks(10,5)]] [[sim:slow_head(800)]] go"
        body = {"messages": [{"role": "user", "content": slow}], "max_tokens": 1000}
        both = list(pool.map(lambda _: chat(gateway, "sk-a", **body), range(2)))
    assert statuses(both) == [200, 429]
    assert "Limit type: tokens" in [b for b in both if b.status_code == 429][0].text


def test_more_than_expected_is_counted(launch, simulator):
    gateway = launch(
        configuration(
            simulator.url,
            general_settings={
                "token_rate_limit_type": "output",
                "api_keys": [{"key": "sk-a", "tpm_limit": 100}],
            },
        )
    )
    prompt = "[[sim:usage(20,120)]] go"  # without max_tokens a quarter of the limit is reserved
    body = {"messages": [{"role": "user", "content": prompt}], "max_tokens": None}
    first = chat(gateway, "sk-a", **body)
    assert first.status_code == 200 and left(first) == 75
    assert first.json()["usage"]["completion_tokens"] >= 100
    refused = chat(gateway, "sk-a", **body)
    assert refused.status_code == 429 and "Remaining: 0" in refused.text


# ---- at once ------------------------------------------------------------------------------------


def test_places_come_back_when_streams_are_cut(launch, simulator):
    gateway = launch(configuration(simulator.url, **keys({"key": "sk-a", "max_parallel_requests": 3})))
    for _ in range(4):
        streams = [Stream(gateway, "sk-a") for _ in range(3)]
        assert [s.status() for s in streams] == [200] * 3
        refused = chat(gateway, "sk-a")
        assert refused.status_code == 429
        assert "max_parallel_requests" in refused.json()["error"]["message"]
        assert refused.headers["rate_limit_type"] == "max_parallel_requests"
        for s in streams:
            s.cut()
        wait_for(lambda: chat(gateway, "sk-a").status_code == 200, what="a place")
    many(3, lambda: chat(gateway, "sk-a"))  # no place was lost
    streams = [Stream(gateway, "sk-a") for _ in range(3)]
    assert [s.status() for s in streams] == [200] * 3
    for s in streams:
        s.cut()


def test_places_come_back_after_errors(launch, simulator):
    gateway = launch(
        configuration(
            simulator.url,
            general_settings={
                "max_parallel_requests": 1,  # of each key that says nothing
                "global_max_parallel_requests": 50,
                "api_keys": [{"key": "sk-a"}],
            },
        )
    )
    for more in ({"model": "unknown"}, {"messages": "none"}, {}, {"max_tokens": 10**9}):
        chat(gateway, "sk-a", **more)
        assert chat(gateway, "sk-a").status_code == 200
    answers = many(20, lambda: chat(gateway, "sk-a"))
    assert 200 in statuses(answers) and set(statuses(answers)) <= {200, 429}
    assert chat(gateway, "sk-a").status_code == 200


# ---- deployments and groups ---------------------------------------------------------------------


def test_deployments_that_have_no_more_are_passed_over(launch, simulator):
    rows = [
        deployment("g", MODELS["claude"], simulator.url, rpm=n, aws_region_name=f"us-east-{n}")
        for n in (1, 2, 4)
    ]
    gateway = launch(
        configuration(
            simulator.url,
            extra_models=rows,
            router_settings={"optional_pre_call_checks": ["enforce_model_rate_limits"]},
            **keys({"key": "sk-a", "rpm_limit": 8}),
        )
    )
    answers = many(12, lambda: chat(gateway, "sk-a", model="g"))
    assert sorted(a.status_code for a in answers) == [200] * 7 + [429] * 5
    regions = [a.headers["x-litellm-model-region"] for a in answers if a.status_code == 200]
    assert {r: regions.count(r) for r in regions} == {f"us-east-{n}": n for n in (1, 2, 4)}
    refused = [a for a in answers if a.status_code == 429]
    assert all("No deployments available" in a.text for a in refused)
    assert all(30 < int(a.headers["retry-after"]) <= 61 for a in refused)
    assert chat(gateway, "sk-a").status_code == 200  # the refused ones took nothing of the key's


def test_a_group_and_its_fallback(launch, simulator):
    gateway = launch(
        configuration(
            simulator.url,
            router_settings={
                "model_group_limits": {"claude": {"rpm": 3}},
                "fallbacks": [{"claude": ["nova"]}],
            },
        )
    )
    answers = [chat(gateway) for _ in range(4)]  # and the warm-up
    assert statuses(answers) == [200]
    groups = [a.headers["x-litellm-model-group"] for a in answers]
    assert groups == ["claude", "claude", "nova", "nova"]


def test_a_default_for_each_key(launch, simulator):
    rows = [deployment("g", MODELS["claude"], simulator.url, default_api_key_rpm_limit=2)]
    gateway = launch(
        configuration(simulator.url, extra_models=rows, **keys({"key": "sk-a"}, {"key": "sk-b"}))
    )
    for key in ("sk-a", "sk-b"):
        answers = [chat(gateway, key, model="g") for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 429]


# ---- keys ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fixed(launch, simulator):
    return launch(
        configuration(
            simulator.url, **keys({"key": "sk-team-a", "models": ["claude"], "key_alias": "team-a"})
        )
    )


def test_fixed_keys(fixed):
    assert chat(fixed, "sk-team-a").status_code == 200
    refused = chat(fixed, "sk-team-a", model="nova")
    assert refused.status_code == 403
    assert refused.json()["error"] == {
        "message": "The requested model 'nova' is not available for this API key, or the model name is "
        "invalid. Check the models available to you and try again.",
        "type": "key_model_access_denied",
        "param": "model",
        "code": "403",
    }
    assert chat(fixed, "sk-team-b").status_code == 401
    assert chat(fixed, hashlib.sha256(b"sk-team-a").hexdigest()).status_code == 401


def test_fixed_keys_are_no_administrators(fixed):
    root = fixed.base_url.removesuffix("/v1")
    for path in ("/debug/exchanges", "/router/settings"):
        refused = httpx.get(root + path, headers={"Authorization": "Bearer sk-team-a"})
        assert refused.status_code == 401 and "Only proxy admin" in refused.text
        assert httpx.get(root + path, headers={"Authorization": f"Bearer {KEY}"}).status_code == 200


def test_fixed_keys_see_their_models(fixed):
    answer = httpx.get(fixed.base_url + "/models", headers={"Authorization": "Bearer sk-team-a"})
    assert [m["id"] for m in answer.json()["data"]] == ["claude"]


# ---- several processes --------------------------------------------------------------------------


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


def with_redis(simulator, redis, *rows, **general):
    return configuration(
        simulator.url,
        router_settings={"redis_url": redis.url},
        general_settings={"api_keys": list(rows), **general},
    )


def test_four_processes_count_together(launch, simulator, redis):
    """500 clients of 4 gateways, on one Redis. That has all the time that this machine makes it
    take: what it does not answer in time a gateway would answer alone."""
    limit = 300
    config = with_redis(simulator, redis, {"key": "sk-a", "rpm_limit": limit}, shared_patience=20)
    gateways = [launch(config, env=ENV) for _ in range(4)]
    granted, slowest = saturate(gateways, "sk-a", 3 * limit + 1, 500, poll=0.5)
    check_exact(granted, slowest, limit, 3, poll=0.5)


def test_places_of_a_killed_gateway_come_back(launch, simulator, redis):
    """Those of a stream that goes on for longer than a lease meanwhile stay taken."""
    rows = [{"key": "sk-a", "max_parallel_requests": 3}, {"key": "sk-b", "max_parallel_requests": 1}]
    config = with_redis(simulator, redis, *rows)
    doomed, one, other = (launch(config) for _ in range(3))
    kept = Stream(one, "sk-b", "[[sim:chunks(900,5)]] [[sim:gap(50)]] go")
    streams = [Stream(doomed, "sk-a") for _ in range(3)]
    assert [s.status() for s in (kept, *streams)] == [200] * 4
    began = time.monotonic()
    assert chat(other, "sk-a").status_code == 429
    doomed.kill()
    assert chat(other, "sk-a").status_code == 429

    def back():
        assert chat(other, "sk-b").status_code == 429
        return chat(other, "sk-a").status_code == 200

    wait_for(back, 45, "the end of the leases")
    assert statuses(many(3, lambda: chat(other, "sk-a"))) == [200]
    while time.monotonic() < began + 33:
        assert chat(other, "sk-b").status_code == 429
        time.sleep(0.5)
    kept.cut()
    wait_for(lambda: chat(other, "sk-b").status_code == 200, what="the place")


class Bedrock(http.server.ThreadingHTTPServer):
    """Answers after a while, and knows how many calls it had at once."""

    daemon_threads = True
    request_queue_size = 64

    def __init__(self, seconds):
        self.running = self.most = 0
        self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):  # noqa: N802 (the library's name)
                self.rfile.read(int(self.headers["content-length"]))
                self.server.begin(1)
                time.sleep(seconds)
                self.server.begin(-1)
                body = json.dumps(
                    {
                        "output": {"message": {"role": "assistant", "content": [{"text": "hello"}]}},
                        "stopReason": "end_turn",
                        "usage": {"inputTokens": 1, "outputTokens": 1, "totalTokens": 2},
                    }
                ).encode()
                self.send_response(200)
                self.send_header("content-type", "application/json")
                self.send_header("content-length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        threading.Thread(target=self.serve_forever, daemon=True).start()

    def begin(self, n):
        with self.lock:
            self.running += n
            self.most = max(self.most, self.running)


def test_places_at_a_deployment_are_shared(launch, simulator, redis):
    """Requests of two gateways wait until there is a place, and none is too many."""
    upstream = Bedrock(0.2)
    rows = [deployment("g", MODELS["claude"], upstream.url, max_parallel_requests=3)]
    config = configuration(
        simulator.url,
        extra_models=rows,
        router_settings={"redis_url": redis.url, "queue_timeout": 20},
        general_settings={"shared_patience": 10},
    )
    gateways = [launch(config) for _ in range(2)]
    turns = itertools.count()
    answers = many(30, lambda: chat(gateways[next(turns) % 2], model="g", timeout=40))
    assert statuses(answers) == [200]
    assert upstream.most == 3
    upstream.shutdown()
    upstream.server_close()


@pytest.mark.parametrize("closed", [False, True])
def test_redis_away(launch, simulator, redis, closed):
    config = with_redis(
        simulator,
        redis,
        {"key": "sk-a", "rpm_limit": 3},
        {"key": "sk-free"},
        fail_closed_rate_limit_enforcement=closed,
    )
    gateway = launch(config)
    assert statuses([chat(gateway, "sk-a") for _ in range(2)]) == [200]
    redis.kill()
    answers = [chat(gateway, "sk-a") for _ in range(4)]
    if closed:
        assert statuses(answers) == [503]
        assert "fail_closed_rate_limit_enforcement" in answers[0].json()["error"]["message"]
    else:  # this process counts by itself what was left
        assert [a.status_code for a in answers] == [200, 429, 429, 429]
    assert chat(gateway, "sk-free").status_code == 200  # it has no limits
    redis.start()  # empty
    wait_for(lambda: chat(gateway, "sk-a").status_code == 200, 10, "the return of Redis")
