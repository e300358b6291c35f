"""Options about calls of models: what becomes of a history's tools, how long automatic cache points hold, answers that are held
against their schema, and whose responses are whose."""

import json

import httpx
import openai
import pytest
from conftest import KEY, configuration, openai_client

HISTORY = [
    {"role": "user", "content": "Read it."},
    {"role": "assistant", "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"a": 1}'}}]},
    {"role": "tool", "tool_call_id": "c1", "content": "x = 1"},
    {"role": "user", "content": "And now?"},
]
LONG = "Work carefully and say what you do. " * 300
SETTINGS = {
    "litellm_settings": {
        "bedrock_neutralize_orphaned_tool_blocks": True,
        "enable_anthropic_prompt_caching": True,
        "anthropic_prompt_caching_ttl": "1h",
        "enable_json_schema_validation": True,
    },
}
READ = [{"type": "function", "function": {"name": "read", "parameters": {"type": "object", "properties": {"a": {"type": "integer"}}}}}]


def ask(client, messages, model="claude", **more):
    return client.chat.completions.with_raw_response.create(model=model, messages=messages, **more)


@pytest.mark.parametrize("model", ["claude", "nova"])
def test_tools_of_a_history_become_text(client, simulator, model):
    before = simulator.mark()
    answer = ask(client, HISTORY, model)
    body = simulator.since(before)[0]["body"]
    assert "toolConfig" not in body and "tool-text" in answer.headers["x-lintel-repairs"]
    texts = [block["text"] for message in body["messages"] for block in message["content"] if "text" in block]
    assert "[tool call c1: read({\"a\": 1})]" in texts and "[tool result for c1: x = 1]" in texts


def test_tools_that_are_offered_stay(client, simulator):
    before = simulator.mark()
    ask(client, HISTORY, tools=READ)
    body = simulator.since(before)[0]["body"]
    assert body["messages"][1]["content"][0]["toolUse"]["toolUseId"] == "c1"
    assert len(body["toolConfig"]["tools"]) >= 1


def points(body):
    return [block["cachePoint"] for part in (body["system"], *(m["content"] for m in body["messages"])) for block in part if "cachePoint" in block]


def test_an_hour_of_automatic_points(client, simulator):
    """It is written at another price than five minutes, and told apart."""
    messages = [{"role": "system", "content": LONG + "hour"}, {"role": "user", "content": "Go on."}]
    before = simulator.mark()
    usage = json.loads(ask(client, messages).content)["usage"]
    told = points(simulator.since(before)[0]["body"])
    assert told and all(point == {"type": "default", "ttl": "1h"} for point in told)
    assert usage["prompt_tokens_details"]["cache_creation_token_details"]["ephemeral_1h_input_tokens"] > 500
    before = simulator.mark()
    answer = ask(client, messages, "bedrock-converse-us-claude-3-7-sonnet-v1")
    told = points(simulator.since(before)[0]["body"])
    assert told and all("ttl" not in point for point in told)
    assert "cache-ttl" not in answer.headers.get("x-lintel-repairs", "")


# ---- schemas ----

AGE = {"type": "object", "properties": {"age": {"type": "integer"}}, "required": ["age"], "additionalProperties": False}


def said(text):
    return [{"role": "user", "content": f"[[sim:reply({text})]]"}]


def wanted(schema=AGE):
    return {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}


def test_an_answer_that_fits(client):
    answer = ask(client, said('{"age": 5}'), response_format=wanted())
    assert json.loads(json.loads(answer.content)["choices"][0]["message"]["content"]) == {"age": 5}


@pytest.mark.parametrize("text, why", [('{"age": "old"}', "$.age: expected integer, got string"), ('{"years": 5}', "'age' is missing"), ("old", "no JSON")])
def test_an_answer_that_does_not_fit(client, text, why):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, said(text), response_format=wanted())
    assert caught.value.status_code == 502
    assert "JSONSchemaValidationError" in caught.value.message and why in caught.value.message


def test_nobody_asked_for_a_check(client):
    for more in ({}, {"response_format": wanted(), "extra_body": {"enable_json_schema_validation": False}}, {"response_format": {"type": "json_object"}}):
        assert ask(client, said("old"), **more).status_code == 200
    stream = client.chat.completions.create(model="claude", messages=said("old"), response_format=wanted(), stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in stream if c.choices) == "old"


def test_a_check_by_request(launch, simulator):
    """enforce_validation, too; the deployment goes on."""
    gateway = launch(configuration(simulator.url))
    enforced = {"type": "json_object", "response_schema": AGE, "enforce_validation": True}
    with openai_client(gateway) as client:
        assert ask(client, said("old"), response_format=wanted()).status_code == 200
        for more in ({"response_format": wanted(), "extra_body": {"enable_json_schema_validation": True}}, {"response_format": enforced}):
            for _ in range(3):
                with pytest.raises(openai.InternalServerError, match="JSONSchemaValidationError"):
                    ask(client, said("old"), **more)
        assert ask(client, said('{"age": 5}'), response_format=enforced).status_code == 200


# ---- responses ----


@pytest.mark.parametrize("open_to_all", [False, True])
def test_responses_of_others(launch, simulator, tmp_path, open_to_all):
    general = {"database_url": f"sqlite:///{tmp_path}/lintel.db", "disable_responses_id_security": open_to_all}
    gateway = launch(configuration(simulator.url, general_settings=general))
    base = f"http://{gateway.netloc}"
    made = [httpx.post(f"{base}/key/generate", headers={"Authorization": f"Bearer {KEY}"}, json={}, trust_env=False).json()["key"] for _ in range(2)]
    mine, theirs = ({"Authorization": f"Bearer {key}"} for key in made)
    answer = httpx.post(f"{base}/v1/responses", headers=mine, json={"model": "claude", "input": "Hello"}, trust_env=False).json()
    read = httpx.get(f"{base}/v1/responses/{answer['id']}", headers=theirs, trust_env=False)
    assert read.status_code == (200 if open_to_all else 404)
    more = {"model": "claude", "input": "On", "previous_response_id": answer["id"]}
    assert httpx.post(f"{base}/v1/responses", headers=theirs, json=more, trust_env=False).status_code == (200 if open_to_all else 400)
