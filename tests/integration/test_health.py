"""GET /health with a key: what LiteLLM's does, one tiny call for each deployment; background checks and
what routing makes of them."""

import json
import socket
import threading
import time

import pytest
from conftest import ACCESS_KEY_ID, KEY, MODELS, SECRET_ACCESS_KEY, configuration, deployment, openai_client
from programs import free_port, wait_for
from raw import Raw


class Silent:
    """Accepts connections and says nothing; counts those it holds."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        self.now = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                connection = self.socket.accept()[0]
            except OSError:
                return
            threading.Thread(target=self.hold, args=[connection], daemon=True).start()

    def hold(self, connection):
        with self.lock:
            self.now += 1
        while connection.recv(65536):
            pass
        with self.lock:
            self.now -= 1

    def close(self):
        self.socket.close()


@pytest.fixture
def silent():
    server = Silent()
    yield server
    server.close()


def entry(name, model, endpoint, info=None, **params):
    return {**deployment(name, model, endpoint, **params), "model_info": info or {}}


TITAN = "bedrock/amazon.titan-embed-text-v2:0"


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [
        entry("pair", MODELS["claude"], simulator.url, {"id": "one"}),
        entry("pair", MODELS["nova"], simulator.url, {"id": "two"}),
        entry("invoke", "bedrock/invoke/us.anthropic.claude-3-7-sonnet-20250219-v1:0", simulator.url),
        entry("embedding", TITAN, simulator.url, {"health_check_timeout": 5}),
        entry("refused", MODELS["claude"], simulator.url, aws_secret_access_key="wrong"),
        entry("dead", MODELS["claude"], f"http://127.0.0.1:{free_port()}"),
        entry("any/*", "bedrock/*", simulator.url),
        entry("named/*", "bedrock/*", simulator.url, {"health_check_model": MODELS["nova"]}),
        entry("reranker", MODELS["claude"], simulator.url, {"mode": "rerank"}),
        entry("thinker", MODELS["claude"], simulator.url, {"health_check_max_tokens": 3}, thinking={"type": "enabled", "budget_tokens": 2000}),
        entry("claude", MODELS["claude"], simulator.url, {"disable_background_health_check": True}),
    ]
    return launch({**configuration(simulator.url), "model_list": models})


def get(gateway, path):
    return gateway.get(path, gateway.key)


def health(gateway, query="", status=200):
    found, answer = get(gateway, f"/health{query}")
    assert found == status, answer
    return answer


def ids(endpoints):
    return sorted(e["model_id"] for e in endpoints)


def test_one_group(gateway, simulator):
    before = simulator.stats()["requests"]
    answer = health(gateway, "?model=pair")
    assert simulator.stats()["requests"] == before + 2
    assert set(answer) == {"healthy_endpoints", "unhealthy_endpoints", "healthy_count", "unhealthy_count"}
    assert ids(answer["healthy_endpoints"]) == ["one", "two"] and answer["unhealthy_endpoints"] == []
    assert (answer["healthy_count"], answer["unhealthy_count"]) == (2, 0)
    one = next(e for e in answer["healthy_endpoints"] if e["model_id"] == "one")
    assert one == {
        "model": MODELS["claude"].removeprefix("bedrock/"),
        "custom_llm_provider": "bedrock",
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": simulator.url,
        "model_id": "one",
    }


def test_one_deployment(gateway, simulator):
    before = simulator.stats()["requests"]
    assert ids(health(gateway, "?model_id=two")["healthy_endpoints"]) == ["two"]
    assert simulator.stats()["requests"] == before + 1
    assert "not found" in health(gateway, "?model_id=three", 404)["detail"]["error"]
    assert health(gateway, "?model=nobody") == {
        "healthy_endpoints": [],
        "unhealthy_endpoints": [],
        "healthy_count": 0,
        "unhealthy_count": 0,
    }


@pytest.mark.parametrize(
    "model, path, body",
    [
        ("invoke", "invoke", {"max_tokens": 16}),
        ("embedding", "invoke", {"inputText": "test from litellm"}),
        ("named/*", "converse", {"inferenceConfig": {"maxTokens": 16}}),
        ("thinker", "converse", {"inferenceConfig": {"maxTokens": 3}}),
    ],
)
def test_what_is_called(gateway, simulator, model, path, body):
    assert health(gateway, f"?model={model.replace('*', '%2A')}")["healthy_count"] == 1
    call = simulator.ask("requests?last=1")[-1]
    sent = call["body"] if isinstance(call["body"], dict) else json.loads(call["body"])
    assert call["path"].endswith(path)
    assert {k: sent[k] for k in body} == body
    assert sent.get("additionalModelRequestFields", {}).get("thinking", {}).get("type") in (None, "disabled")


@pytest.mark.parametrize(
    "model, status, words",
    [
        ("refused", 403, "BedrockException"),
        ("dead", 502, "BedrockException"),
        ("any/%2A", 400, "health_check_model"),
        ("reranker", 400, "rerank"),
    ],
)
def test_unhealthy(gateway, model, status, words):
    answer = health(gateway, f"?model={model}")
    (one,) = answer["unhealthy_endpoints"]
    assert answer["unhealthy_count"] == 1 and answer["healthy_count"] == 0
    assert one["exception_status"] == status and words in one["error"]


def test_all_of_them_and_no_secret(gateway):
    answer = health(gateway)
    assert answer["healthy_count"] == 7 and answer["unhealthy_count"] == 4
    text = json.dumps(answer) + gateway.log()
    assert SECRET_ACCESS_KEY not in text and ACCESS_KEY_ID not in json.dumps(answer) and '"wrong"' not in text


def test_who_may_ask(gateway, simulator):
    before = simulator.stats()["requests"]
    assert gateway.get("/health") == (200, {"status": "healthy"})
    assert gateway.get("/health?model=pair")[0] == 401
    assert gateway.get("/health", "sk-wrong")[0] == 401
    assert gateway.get("/health/latest")[0] == 401
    assert simulator.stats()["requests"] == before


def test_latest(gateway):
    health(gateway, "?model=pair")
    health(gateway, "?model=refused")
    status, answer = get(gateway, "/health/latest")
    assert status == 200 and answer["total_models"] == len(answer["latest_health_checks"]) >= 3
    one = answer["latest_health_checks"]["one"]
    assert one["status"] == "healthy" and one["model_name"] == "pair" and one["error_message"] is None
    assert one["checked_at"].endswith("+00:00")
    bad = next(c for c in answer["latest_health_checks"].values() if c["model_name"] == "refused")
    assert (bad["status"], bad["healthy_count"], bad["unhealthy_count"]) == ("unhealthy", 0, 1)
    assert "BedrockException" in bad["error_message"]


def test_backlog(gateway):
    one = {"in_flight_requests": 1, "admitted_requests": 0, "queued_requests": 0, "rejected_requests": 0}
    assert get(gateway, "/health/backlog") == (200, one)
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=[{"role": "user", "content": "[[sim:slow_head(2000)]]"}])
        both = {**one, "in_flight_requests": 2, "admitted_requests": 1}
        wait_for(lambda: get(gateway, "/health/backlog") == (200, both), what="the other request")
        raw.reply()


def test_details_can_be_hidden(launch, simulator):
    models = [entry("good", MODELS["claude"], simulator.url), entry("bad", "bedrock/*", simulator.url)]
    general = {"master_key": KEY, "health_check_details": False}
    answer = health(launch({"model_list": models, "general_settings": general}))
    assert set(answer["healthy_endpoints"][0]) == {"model", "model_id"}
    assert set(answer["unhealthy_endpoints"][0]) == {"model", "model_id", "exception_status"}


def test_limits(launch, silent):
    """Each check has its time, few run at once, and few clients may ask at once."""
    models = [entry("slow", MODELS["claude"], silent.url, {"health_check_timeout": 1}) for _ in range(6)]
    general = {"master_key": KEY, "health_check_concurrency": 2}
    gateway = launch({"model_list": models, "general_settings": general})
    begun = time.monotonic()
    answer = health(gateway)
    assert answer["unhealthy_count"] == 6
    assert all(e["exception_status"] == 408 for e in answer["unhealthy_endpoints"])
    assert time.monotonic() - begun >= 2.5  # three times two
    raws = [Raw(gateway).request(target="/health") for _ in range(4)]
    wait_for(lambda: silent.now == 8, what="four runs")
    refused = Raw(gateway).request(target="/health").reply()
    assert refused.status == 429 and refused.headers["retry-after"] == "1"
    for raw in raws:
        raw.__exit__()
    wait_for(lambda: silent.now == 0, what="the end of the calls of clients that left")


def background(simulator, models, **more):
    general = {"master_key": KEY, "background_health_checks": True, "health_check_interval": 1, **more}
    return {"model_list": models, "general_settings": general, "router_settings": {"num_retries": 0}}


def test_in_the_background(launch, simulator):
    models = [
        entry("good", MODELS["claude"], simulator.url, {"id": "good"}),
        entry("bad", MODELS["claude"], simulator.url, {"id": "bad"}, aws_secret_access_key="wrong"),
        entry("off", MODELS["claude"], simulator.url, {"id": "off", "disable_background_health_check": True}),
        entry("other", MODELS["claude"], simulator.url, {"id": "other"}),
    ]
    config = background(simulator, models, background_health_check_model_groups=["good", "bad", "off"])
    gateway = launch(config)
    wait_for(lambda: health(gateway)["unhealthy_count"] == 1, what="the first results")
    answer = health(gateway)
    assert ids(answer["healthy_endpoints"]) == ["good"] and ids(answer["unhealthy_endpoints"]) == ["bad"]
    assert ids(health(gateway, "?model=good")["healthy_endpoints"]) == ["good"]
    seen = get(gateway, "/health/latest")[1]["latest_health_checks"]["good"]["checked_at"]
    wait_for(lambda: get(gateway, "/health/latest")[1]["latest_health_checks"]["good"]["checked_at"] > seen, what="the next round")
    wait_for(lambda: gateway.log().count("failed its health check") == 1, what="one warning")


def test_routing_minds_them(launch, simulator):
    """With the checks nobody meets the dead one; a group that is dead as a whole is still tried."""
    dead = f"http://127.0.0.1:{free_port()}"
    models = [
        entry("group", MODELS["claude"], simulator.url, {"id": "alive"}),
        *[entry("group", MODELS["claude"], dead, {"id": f"dead{i}"}) for i in range(3)],
        entry("gone", MODELS["claude"], dead, {"id": "gone1"}),
        entry("gone", MODELS["claude"], dead, {"id": "gone2"}),
    ]
    config = background(simulator, models, enable_health_check_routing=True)
    config["router_settings"]["disable_cooldowns"] = True
    gateway = launch(config)
    wait_for(lambda: health(gateway)["unhealthy_count"] == 5, what="the first results")
    client = openai_client(gateway)
    for _ in range(20):
        raw = client.chat.completions.with_raw_response.create(model="group", messages=[{"role": "user", "content": "Hello"}])
        assert raw.headers["x-litellm-model-id"] == "alive"
    with Raw(gateway) as raw:
        assert raw.chat(model="gone", messages=[{"role": "user", "content": "Hello"}]).reply().status == 502
