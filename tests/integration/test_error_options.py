"""What errors tell: the call's id, the groups that were asked, why other groups failed; and mocked failures."""

import json

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment

HELLO = [{"role": "user", "content": "Hello"}]
BAD = {"model": "claude", "messages": "none"}


def start(launch, simulator, general=None, litellm=None):
    models = [deployment(name, MODELS["claude"], simulator.url) for name in ("first", "second", "third")]
    router = {"num_retries": 0, "disable_cooldowns": True, "fallbacks": [{"first": ["second", "third"]}]}
    config = configuration(
        simulator.url,
        extra_models=models,
        router_settings=router,
        general_settings=general or {},
        litellm_settings=litellm or {},
    )
    return launch(config)


@pytest.fixture(scope="module")
def telling(launch, simulator):
    general = {"include_call_id_in_error_body": True, "expose_fallback_errors_to_caller": True}
    return start(launch, simulator, general, {"expose_router_debug_in_errors": True})


@pytest.fixture(scope="module")
def silent(launch, simulator):
    return start(launch, simulator, {"dangerously_allow_mock_testing_request_params": False})


def post(gateway, path="/v1/chat/completions", key=KEY, **body):
    url = gateway.base_url.removesuffix("/v1") + path
    body = {"model": "claude", "messages": HELLO, "max_tokens": 20, **body}
    return httpx.post(url, json=body, headers={"Authorization": f"Bearer {key}"}, timeout=30)


@pytest.mark.parametrize(
    "path, body",
    [
        ("/v1/chat/completions", {"messages": "none"}),
        ("/v1/messages", {"messages": "none"}),
        ("/v1/responses", {"input": 3}),
        ("/v1/chat/completions", {"model": "nobody"}),
        ("/v1/chat/completions", {"messages": [{"role": "user", "content": "[[sim:error(400)]]"}]}),
    ],
)
def test_the_id_in_the_body(telling, silent, path, body):
    answer = post(telling, path, **body)
    assert answer.status_code >= 400
    assert answer.json()["error"]["litellm_call_id"] == answer.headers["x-litellm-call-id"]
    assert "litellm_call_id" not in post(silent, path, **body).text


def test_the_id_in_a_refusal_and_in_a_stream(telling):
    answer = post(telling, key="sk-unknown")
    assert answer.status_code == 401 and answer.json()["error"]["litellm_call_id"] == answer.headers["x-litellm-call-id"]
    broken = [{"role": "user", "content": "[[sim:chunks(20,5)]] [[sim:cut(3)]]"}]
    answer = post(telling, stream=True, messages=broken)
    assert answer.status_code == 200
    last = [json.loads(line[6:]) for line in answer.text.split("\n") if line.startswith("data: {")][-1]
    assert last["error"]["litellm_call_id"] == answer.headers["x-litellm-call-id"]


def test_groups_in_messages(telling, silent):
    failing = [{"role": "user", "content": "[[sim:error(503)]]"}]
    message = post(telling, model="first", messages=failing).json()["error"]["message"]
    assert message.endswith(". Received Model Group=first\nAvailable Model Group Fallbacks=['second', 'third']")
    message = post(telling, messages=failing).json()["error"]["message"]
    assert message.endswith(". Received Model Group=claude\nAvailable Model Group Fallbacks=None")
    assert "Model Group" not in post(silent, model="first", messages=failing).text


@pytest.mark.parametrize("stream", [False, True])
def test_errors_of_other_groups(telling, silent, stream):
    wish = {"model": "first", "mock_testing_fallbacks": True, "stream": stream}
    answer = post(telling, **wish, include_fallback_errors=True)
    assert answer.status_code == 200 and answer.headers["x-litellm-attempted-fallbacks"] == "1"
    (error,) = json.loads(answer.headers["x-litellm-fallback-errors"])
    assert error["type"] == "InternalServerError" and error["code"] == "500" and error["param"] is None
    assert "mock_testing_fallbacks" in error["message"]
    assert "x-litellm-fallback-errors" not in post(telling, **wish).headers


def test_mocked_failures_are_ignored(silent):
    answer = post(silent, model="first", mock_testing_fallbacks=True, include_fallback_errors=True)
    assert answer.status_code == 200 and answer.headers["x-litellm-attempted-fallbacks"] == "0"
    assert "x-litellm-fallback-errors" not in answer.headers
