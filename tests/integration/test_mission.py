"""The commands that the documents of the replaced systems print, taken literally but for the port."""

import json
import shlex

import pytest
from conftest import MODELS, configuration

KEY = "sk-litellm-test-key"

LIST_MODELS = """
curl http://localhost:4000/v1/models \
  -H "Authorization: Bearer ${LITELLM_MASTER_KEY}"
"""

BASIC_COMPLETION = """
curl -X POST 'http://0.0.0.0:4000/chat/completions' \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer ${LITELLM_MASTER_KEY}" \
-d '{
      "model": "bedrock-converse-us-claude-3-7-sonnet-v1",
      "messages": [
        {
          "role": "user",
          "content": "what llm are you"
        }
      ]
    }'
"""

FALLBACK_PING = """
curl -X POST 'http://0.0.0.0:4000/chat/completions' \
-H 'Content-Type: application/json' \
-H "Authorization: Bearer ${LITELLM_MASTER_KEY}" \
-d '{
  "model": "bedrock-converse-us-claude-3-7-sonnet-v1",
  "messages": [
    {
      "role": "user",
      "content": "ping"
    }
  ],
  "mock_testing_fallbacks": true
}'
"""

FRENCH_CHAT = """
curl http://localhost:4002/v1/chat/completions \
  -H "Content-Type: application/json" \
  -H "Authorization: Bearer sk-1234" \
  -d '{
    "model": "claude-3-5-sonnet",
    "messages": [
      {"role": "user", "content": "Bonjour, comment vas-tu?"}
    ],
    "max_tokens": 1024,
    "temperature": 0.7
  }'
"""


@pytest.fixture(scope="module", params=[KEY, "sk-1234"])
def gateway(request, launch, simulator):
    config = configuration(simulator.url)
    config["router_settings"]["fallbacks"] = [{"bedrock-converse-us-claude-3-7-sonnet-v1": ["claude-3-5-sonnet"]}]
    del config["general_settings"]["master_key"]
    return launch(config, key=request.param, env={"LITELLM_MASTER_KEY": request.param})


@pytest.fixture
def shell(gateway, curl):
    def run(command):
        command = command.replace(":4000", f":{gateway.port}").replace(":4002", f":{gateway.port}")
        command = command.replace("${LITELLM_MASTER_KEY}", gateway.key).replace("sk-1234", gateway.key)
        status, headers, body = curl(*shlex.split(command)[1:])
        assert headers["content-type"].startswith("application/json")
        return status, json.loads(body)

    return run


def test_a_sample_key_works_on_loopback_with_a_warning(gateway):
    assert any("key" in line for line in gateway.log().lower().splitlines() if "warn" in line), gateway.log()
    assert gateway.key not in gateway.log()


def test_list_of_models(shell):
    status, answer = shell(LIST_MODELS)
    assert status == 200 and [m["id"] for m in answer["data"]] == list(MODELS)


def test_basic_completion(shell):
    status, answer = shell(BASIC_COMPLETION)
    assert status == 200 and answer["model"] == "bedrock-converse-us-claude-3-7-sonnet-v1"
    assert answer["choices"][0]["message"]["content"] and answer["usage"]["total_tokens"] > 0


def test_fallback_ping(shell):
    """The first model fails as asked for, the next one answers."""
    status, answer = shell(FALLBACK_PING)
    assert status == 200 and answer["choices"][0]["message"]["content"]
    assert answer["model"] == MODELS["claude-3-5-sonnet"].split("/")[-1]


def test_french_chat(shell):
    status, answer = shell(FRENCH_CHAT)
    assert status == 200 and answer["model"] == "claude-3-5-sonnet"
    assert answer["choices"][0]["finish_reason"] == "stop"


def test_health(shell):
    assert shell("curl http://localhost:4002/health") == (200, {"status": "healthy"})


def test_models_without_v1(shell):
    status, answer = shell("curl http://localhost:4002/models -H 'Authorization: Bearer sk-1234'")
    assert status == 200 and answer["object"] == "list"
