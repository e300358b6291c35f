"""/utils/token_counter: Bedrock's own count where it gives one, an estimate that says so elsewhere."""

import json

import pytest
from conftest import configuration, deployment


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [
        deployment("nowhere", "bedrock/anthropic.claude-3-7-sonnet-20250219-v1:0", "http://127.0.0.1:9"),
        deployment("titan-embed", "bedrock/amazon.titan-embed-text-v2:0", simulator.url),
    ]
    return launch(configuration(simulator.url, extra_models=models))


@pytest.fixture
def count(gateway, curl):
    def ask(query="", **body):
        status, _, answer = curl(
            f"{gateway.url}/utils/token_counter{query}",
            *("-H", f"Authorization: Bearer {gateway.key}", "-H", "Content-Type: application/json"),
            *("-d", json.dumps(body)),
        )
        return status, json.loads(answer)

    return ask


HELLO = [{"role": "user", "content": "Hello, how are you today?"}]


def test_bedrock_counts(count, client, simulator):
    before = simulator.stats()["requests"]
    status, found = count(model="claude", messages=HELLO)
    assert status == 200 and simulator.stats()["requests"] == before + 1
    assert found["tokenizer_type"] == "bedrock_api" and found["error"] is False
    assert found["request_model"] == "claude"
    assert found["model_used"] == "anthropic.claude-sonnet-4-5-20250929-v1:0"
    assert found["original_response"] == {"inputTokens": found["total_tokens"]}
    answer = client.chat.completions.create(model="claude", messages=HELLO)
    assert found["total_tokens"] == answer.usage.prompt_tokens


def test_tools_and_system_count(count):
    tools = [{"type": "function", "function": {"name": "get_weather", "description": "Weather of a city"}}]
    alone = count(model="claude", messages=HELLO)[1]["total_tokens"]
    with_tools = count(model="claude", messages=HELLO, tools=tools)[1]["total_tokens"]
    system = [{"role": "system", "content": "You are a helpful assistant."}]
    with_system = count(model="claude", messages=system + HELLO)[1]["total_tokens"]
    assert with_tools > alone and with_system > alone


def test_prompt_and_contents(count):
    (message,) = HELLO
    contents = [{"role": "user", "parts": [{"text": message["content"]}]}]
    counts = {
        count(model="claude", messages=HELLO)[1]["total_tokens"],
        count(model="claude", prompt=message["content"])[1]["total_tokens"],
        count(model="claude", contents=contents)[1]["total_tokens"],
    }
    assert len(counts) == 1


@pytest.mark.parametrize("model", ["nova", "titan-embed"])
def test_estimates(count, simulator, model):
    before = simulator.stats()["requests"]
    status, found = count(model=model, messages=HELLO)
    assert status == 200 and found["tokenizer_type"] == "estimate" and found["error"] is False
    assert 7 <= found["total_tokens"] <= 20 and found["original_response"] is None
    assert simulator.stats()["requests"] == before


def test_the_client_wants_no_call(count, simulator):
    before = simulator.stats()["requests"]
    _, found = count("?call_endpoint=false", model="claude", messages=HELLO)
    assert found["tokenizer_type"] == "estimate" and simulator.stats()["requests"] == before
    _, found = count("?call_endpoint=true", model="claude", messages=HELLO)
    assert found["tokenizer_type"] == "bedrock_api" and simulator.stats()["requests"] == before + 1


def test_errors_are_not_hidden(count):
    status, found = count(model="nowhere", messages=HELLO)
    assert status == 200 and found["tokenizer_type"] == "estimate" and found["total_tokens"] > 0
    assert found["error"] is True and found["status_code"] == 502 and "BadGatewayError" in found["error_message"]
    status, found = count(model="nobody", messages=HELLO)
    assert status == 400 and "Invalid model name" in found["error"]["message"]
    status, found = count(model="claude")
    assert status == 400 and "must be provided" in found["error"]["message"]
    status, found = count(messages=HELLO)
    assert status == 400 and "'model'" in found["error"]["message"]


def test_images_by_url_are_not_fetched(count):
    part = {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}}
    status, found = count(model="claude", messages=[{"role": "user", "content": [part]}])
    assert status == 200 and found["error"] is True and found["tokenizer_type"] == "estimate"
    assert "URL" in found["error_message"]
