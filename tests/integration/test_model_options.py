"""Options of single models: mocked answers that take their time, a system prompt of the gateway's, deployments that a
client's User-Agent chooses, a session that is told; lists of models that answer."""

import json
import time
import urllib.request

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import free_port, wait_for

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    claude = MODELS["claude"]
    embed = "bedrock/amazon.titan-embed-text-v2:0"
    models = [
        deployment("slow", claude, simulator.url, mock_response="Late.", mock_delay=0.3),
        deployment("guided", claude, simulator.url, litellm_system_prompt="Be brief.", provider_affinity_header="X-Conversation-Id"),
        deployment("agents", claude, simulator.url, tag_regex=["^User-Agent: claude-cli/"], id="of-claude"),
        deployment("agents", claude, simulator.url, tags=["default"]),
        deployment("embed", embed, simulator.url),
        deployment("ill", claude, f"http://127.0.0.1:{free_port()}"),
    ]
    models[2]["model_info"] = {"id": "of-claude-code"}
    models[2]["litellm_params"].pop("id")
    models[3]["model_info"] = {"id": "of-others"}
    general = {"embedding_model": "embed", "completion_model": "claude", "model_list_healthy_only": True}
    general |= {"background_health_checks": True, "health_check_interval": 3600}
    router = {"enable_tag_filtering": True}
    return launch(configuration(simulator.url, extra_models=models, general_settings=general, router_settings=router))


def post(gateway, path="/v1/chat/completions", headers=None, **body):
    url = gateway.base_url.removesuffix("/v1") + path
    if "input" not in body:
        body = {"messages": HELLO, "max_tokens": 20, **body}
    answer = httpx.post(url, json=body, headers={"Authorization": f"Bearer {KEY}", **(headers or {})}, timeout=30)
    assert answer.status_code == 200, answer.text
    return answer


def last_call(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1") as answer:
        return json.load(answer)[-1]


@pytest.mark.parametrize("stream", [False, True])
def test_mocked_answers_take_their_time(gateway, stream):
    begun = time.monotonic()
    answer = post(gateway, model="slow", stream=stream)
    assert "Late." in answer.text and time.monotonic() - begun >= 0.3
    begun = time.monotonic()
    answer = post(gateway, model="claude", stream=stream, mock_response="Later.", mock_delay=0.4)
    assert "Later." in answer.text and time.monotonic() - begun >= 0.4


def system(simulator):
    said = last_call(simulator)["body"]["system"]
    return [said] if isinstance(said, str) else [b["text"] for b in said]


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_the_gateways_system_prompt_comes_first(gateway, simulator, path):
    post(gateway, path, model="guided")
    assert system(simulator) == ["Be brief."]
    if path == "/v1/messages":
        post(gateway, path, model="guided", system="Be kind.")
    else:
        post(gateway, path, model="guided", messages=[{"role": "system", "content": "Be kind."}, *HELLO])
    assert system(simulator) == ["Be brief.", "Be kind."]


def test_the_session_is_told(gateway, simulator):
    post(gateway, model="guided", headers={"x-litellm-session-id": "s-1"})
    assert {k.lower(): v for k, v in last_call(simulator)["headers"].items()}["x-conversation-id"] == "s-1"
    post(gateway, model="guided")
    assert "x-conversation-id" not in {k.lower() for k in last_call(simulator)["headers"]}


def test_clients_choose_deployments_by_their_name(gateway):
    def served(agent):
        return post(gateway, model="agents", headers={"user-agent": agent}).headers["x-litellm-model-id"]

    assert {served("claude-cli/2.0") for _ in range(4)} == {"of-claude-code"}
    assert {served(agent) for agent in ("curl/8", "Claude-CLI/2.0", "x claude-cli/2.0")} == {"of-others"}


def test_models_of_requests_that_name_none(gateway):
    assert post(gateway, "/v1/embeddings", input="Hello").headers["x-litellm-model-group"] == "embed"
    assert post(gateway).headers["x-litellm-model-group"] == "claude"


def test_lists_leave_out_what_does_not_answer(gateway):
    url = gateway.base_url + "/models"

    def listed():
        answer = httpx.get(url, headers={"Authorization": f"Bearer {KEY}"}, timeout=30)
        return {m["id"] for m in answer.json()["data"]}

    wait_for(lambda: "ill" not in listed(), 30, "the health check")
    assert {"claude", "agents", "embed", "guided"} <= listed()
