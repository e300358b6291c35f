"""The commands that the documents of the replaced systems print, taken literally but for the port."""

import json
import re
import shlex

import openai
import pytest
from conftest import ACCESS_KEY_ID, MODELS, SECRET_ACCESS_KEY, configuration, openai_client
from programs import free_port
from redis_server import RedisServer

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


# ---- the configuration of the French document --------------------------------------------------------

TABLE = {
    "claude-3-5-sonnet": "anthropic.claude-3-5-sonnet-20241022-v2:0",
    "claude-3-opus": "anthropic.claude-3-opus-20240229-v1:0",
    "claude-3-sonnet": "anthropic.claude-3-sonnet-20240229-v1:0",
    "claude-3-haiku": "anthropic.claude-3-haiku-20240307-v1:0",
    "titan-text-express": "amazon.titan-text-express-v1",
    "titan-text-lite": "amazon.titan-text-lite-v1",
    "titan-embed-text": "amazon.titan-embed-text-v1",
    "titan-embed-text-v2": "amazon.titan-embed-text-v2:0",
    "llama3-1-70b": "meta.llama3-1-70b-instruct-v1:0",
    "llama3-1-8b": "meta.llama3-1-8b-instruct-v1:0",
    "mistral-large": "mistral.mistral-large-2402-v1:0",
    "mixtral-8x7b": "mistral.mixtral-8x7b-instruct-v0:1",
    "mistral-7b": "mistral.mistral-7b-instruct-v0:2",
}

CONFIG_YAML = """\
model_list:
  - model_name: mon-modele-custom
    litellm_params:
      model: bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0
      aws_region_name: eu-west-1
      max_tokens: 4096
      temperature: 0.7
    model_info:
      mode: chat
      supports_function_calling: true
{models}
litellm_settings:
  success_callback: ["langfuse"]
  failure_callback: ["langfuse"]
  num_retries: 3                    # Nombre de tentatives
  request_timeout: 600              # Timeout en secondes
  retry_after: 10                   # Délai entre retries
  max_parallel_requests: 100        # Requêtes parallèles max
  rpm: 1000                         # Requests per minute
  tpm: 100000                       # Tokens per minute
  fallbacks:
    - model: claude-3-5-sonnet
      fallback: claude-3-haiku      # Fallback si erreur
    - model: claude-3-opus
      fallback: claude-3-sonnet
  context_window_fallbacks:
    - model: claude-3-5-sonnet
      fallback: claude-3-opus       # Fallback si contexte trop long
  set_verbose: true                 # Logs détaillés
  json_logs: true                   # Format JSON
  debug: true
  log_raw_request_response: false   # Log requêtes brutes (attention à la taille!)
  alerting: ["slack", "email"]
  alerting_threshold: 5             # Alertes après 5 erreurs
router_settings:
  routing_strategy: "simple-shuffle"  # Options disponibles
  redis_host: localhost
  redis_port: {redis}
  redis_password: your-password
  cache_responses: true
  cache_kwargs:
    ttl: 3600                       # Cache TTL en secondes
general_settings:
  database_url: "sqlite"
  master_key: sk-1234               # Clé principale
  # Support de multiples clés
  api_keys:
    - key: sk-team-a
      spend_limit: 100              # Limite en USD
      models: ["claude-3-5-sonnet", "claude-3-haiku"]

    - key: sk-team-b
      spend_limit: 50
      models: ["titan-text-express"]
"""


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(
        tmp_path_factory.mktemp("redis"), "--requirepass", "your-password", cli=["-a", "your-password"]
    )
    yield server
    server.kill()


@pytest.fixture(scope="module")
def french(launch, simulator, redis):
    models = "".join(
        f"  - model_name: {name}\n"
        f"    litellm_params: {{model: bedrock/{model}, aws_region_name: eu-west-1}}\n"
        for name, model in TABLE.items()
    )
    env = {
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_BEDROCK_RUNTIME_ENDPOINT": simulator.url,
        "LANGFUSE_PUBLIC_KEY": "pk-lf-xxxxxxxx",
        "LANGFUSE_SECRET_KEY": "sk-lf-xxxxxxxx",
        "LANGFUSE_HOST": f"http://127.0.0.1:{free_port()}",  # nobody is there, and nobody minds
        "WEBHOOK_URL": f"http://127.0.0.1:{free_port()}",
    }
    text = CONFIG_YAML.format(models=models, redis=redis.port)
    return launch(text, key="sk-1234", env=env, warm=False)


def say(gateway, text, key="sk-1234", **more):
    with openai_client(gateway, api_key=key) as client:
        messages = [{"role": "user", "content": text}]
        answer = client.chat.completions.create(**{"model": "claude-3-5-sonnet", "messages": messages, **more})
        return list(answer) if more.get("stream") else answer


def test_what_the_french_configuration_is_told(french):
    """Nothing is refused, and what has no effect is named."""
    names = set(re.findall(r"warning: \w+_settings\.([\w.\[\]]+):", french.log()))
    quiet = {"alerting", "alerting_threshold", "success_callback", "failure_callback"}
    assert names <= quiet and "error:" not in french.log()


@pytest.mark.parametrize("model", ["mon-modele-custom", *TABLE])
def test_models_of_the_french_table(french, model):
    if "embed" in model:
        with openai_client(french) as client:
            assert client.embeddings.create(model=model, input="Texte à vectoriser").data[0].embedding
    else:
        assert say(french, "Bonjour!", model=model, max_tokens=64).choices[0].message.content


def test_french_parameters(french, simulator):
    """Those of the document's table, and its metadata."""
    mark = simulator.mark()
    answer = say(
        french,
        "Explique-moi l'IA en 3 phrases",
        **{"max_tokens": 500, "temperature": 0.7, "top_p": 0.9, "stop": ["FIN"], "user": "user-123", "n": 1},
        extra_body={"top_k": 20, "metadata": {"session_id": "session-456", "environment": "production"}},
    )
    assert answer.choices[0].finish_reason == "stop" and len(simulator.since(mark)) == 1
    chunks = say(french, "Écris une courte histoire", stream=True)
    assert "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    tool = {
        "type": "function",
        "function": {
            "name": "get_weather",
            "description": "Obtenir la météo d'une ville",
            "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
        },
    }
    question = 'Quelle est la météo à Paris? [[sim:tool(get_weather,{"city":"Paris"})]]'
    call = say(french, question, tools=[tool], tool_choice="auto").choices[0].message.tool_calls[0]
    assert call.function.name == "get_weather" and json.loads(call.function.arguments) == {"city": "Paris"}


def test_french_keys(french):
    assert say(french, "A", key="sk-team-a", model="claude-3-haiku").choices
    assert say(french, "B", key="sk-team-b", model="titan-text-express").choices
    for key, model in (("sk-team-a", "titan-text-express"), ("sk-team-b", "claude-3-haiku")):
        with pytest.raises(openai.APIStatusError) as caught:
            say(french, "no", key=key, model=model)
        assert caught.value.status_code in (401, 403)


def test_french_fallbacks(french):
    for flag, model in (
        ("mock_testing_fallbacks", TABLE["claude-3-haiku"]),
        ("mock_testing_context_fallbacks", TABLE["claude-3-opus"]),
    ):
        assert say(french, f"ping {flag}", extra_body={flag: True}).model == model


def test_french_cache(french, simulator, redis):
    mark = simulator.mark()
    one, other = (say(french, "Une question deux fois") for _ in range(2))
    assert one.choices[0].message.content == other.choices[0].message.content
    assert len(simulator.since(mark)) == 1 and redis.do("DBSIZE") != "0"


def test_french_health(french, curl):
    status, _, body = curl(f"http://127.0.0.1:{french.port}/health")
    assert (status, json.loads(body)) == (200, {"status": "healthy"})
    key = ("-H", "Authorization: Bearer sk-1234")
    status, _, body = curl(f"http://127.0.0.1:{french.port}/model/info", *key)
    regions = {row["litellm_params"]["aws_region_name"] for row in json.loads(body)["data"]}
    assert status == 200 and regions == {"eu-west-1"}
