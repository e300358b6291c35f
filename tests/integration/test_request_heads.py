"""Heads of requests: which become tags of the spend, which go on to Bedrock with the call."""

import json
import urllib.request

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for

SENT = {
    "user-agent": "claude-cli/2.0 (external)",
    "x-team": "red",
    "x-litellm-tags": "nightly",
    "x-stainless-os": "Linux",
    "x-amzn-bedrock-guardrailidentifier": "none",
    "x-litellm-user_api_key_alias": "somebody else",
    "anthropic-beta": "context-1m-2025-08-07",
    "cookie": "a=b",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("heads")
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    litellm = {
        "extra_spend_tag_headers": ["x-team", "x-none"],
        "model_group_settings": {"forward_client_headers_to_llm_api": ["cl*e", "embed"]},
        "add_user_information_to_llm_headers": True,
    }
    return launch(configuration(simulator.url, general_settings=general, litellm_settings=litellm))


def post(gateway, path, body, key=KEY, **headers):
    url = gateway.base_url.removesuffix("/v1") + path
    return httpx.post(url, json=body, headers={"Authorization": f"Bearer {key}", **headers}, timeout=30)


def chat(gateway, model="claude", headers=None, key=KEY, **more):
    body = {"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 20, **more}
    answer = post(gateway, "/v1/chat/completions", body, key, **{**SENT, **(headers or {})})
    assert answer.status_code == 200, answer.text
    return answer


def last_call(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1") as answer:
        call = json.load(answer)[-1]
    return {k.lower(): v for k, v in call["headers"].items()}, call


def row_of(gateway, answer):
    url = gateway.base_url.removesuffix("/v1") + "/spend/logs"
    params = {"request_id": answer.headers["x-litellm-call-id"]}

    def found():
        return httpx.get(url, params=params, headers={"Authorization": f"Bearer {KEY}"}, timeout=30).json()

    wait_for(found, 30, "the row")
    return found()[0]


def test_heads_become_tags(gateway):
    tags = row_of(gateway, chat(gateway, model="nova", metadata={"tags": ["own"]}))["request_tags"]
    tags = json.loads(tags) if isinstance(tags, str) else tags
    assert tags == ["nightly", "own", "User-Agent: claude-cli", "User-Agent: claude-cli/2.0 (external)", "x-team: red"]


@pytest.mark.parametrize("stream", [False, True])
def test_heads_go_on_to_bedrock(gateway, simulator, stream):
    key = post(gateway, "/key/generate", {"key_alias": f"app-{stream}", "user_id": "ada"}).json()["key"]
    chat(gateway, key=key, stream=stream)
    headers, call = last_call(simulator)
    assert headers["x-team"] == "red" and headers["x-litellm-tags"] == "nightly"
    assert headers["x-litellm-user_api_key_alias"] == f"app-{stream}" and headers["x-litellm-user_api_key_user_id"] == "ada"
    assert headers["x-litellm-user_api_key_request_route"] == "/v1/chat/completions"
    assert len(headers["x-litellm-user_api_key_hash"]) == 64
    assert "context-1m-2025-08-07" in json.dumps(call["body"])  # where Bedrock wants it
    assert not {"cookie", "x-stainless-os", "x-amzn-bedrock-guardrailidentifier", "anthropic-beta"} & set(headers)
    assert headers["authorization"].startswith("AWS4-HMAC-SHA256") and "x-team" not in headers["authorization"]
    assert key not in json.dumps(headers)


def test_keys_stay_here(gateway, simulator):
    chat(gateway, headers={"x-api-key": KEY, "x-litellm-api-key": KEY})
    assert KEY not in json.dumps(last_call(simulator)[0])


def test_heads_of_other_groups_stay_here(gateway, simulator):
    chat(gateway, model="nova")
    assert not [n for n in last_call(simulator)[0] if n.startswith("x-") and not n.startswith("x-amz-")]


def test_all_groups_and_no_user_agent(launch, simulator, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("heads_of_all")
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    general |= {"forward_client_headers_to_llm_api": True}
    litellm = {"disable_add_user_agent_to_request_tags": True}
    gateway = launch(configuration(simulator.url, general_settings=general, litellm_settings=litellm))
    answer = chat(gateway, model="nova")
    headers, _ = last_call(simulator)
    assert headers["x-team"] == "red" and "x-litellm-user_api_key_hash" not in headers
    assert row_of(gateway, answer)["request_tags"] in (["nightly"], '["nightly"]')
