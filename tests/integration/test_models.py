"""What the gateway says of its models."""

import json
import pathlib

import httpx
import openai
import pytest
from conftest import MODELS, configuration, deployment

FACTS = """
acme.new-model-v1:0:
  mode: chat
  max_input_tokens: 4000
  max_output_tokens: 500
  input_cost_per_token: 1.0e-6
  output_cost_per_token: 2.0e-6
  supports_vision: true
"""
PROFILE = "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/abc"
NOWHERE = "http://127.0.0.1:9"
SECRETS = {
    "aws_session_token": "session-of-the-test",
    "extra_headers": {"x-api-key": "header-of-the-test"},
    "aws_external_id": "external-of-the-test",
}


def entry(name, model, info=None, **params):
    return {**deployment(name, model, NOWHERE, **params), "model_info": info or {}}


SETTINGS = {
    # Two deployments of one group are one model. Nobody calls these.
    "extra_models": [
        entry("pair", MODELS["claude"], {"access_groups": ["beta"]}, rpm=2, **SECRETS),
        entry("pair", MODELS["nova"], {"access_groups": ["beta", "all"]}, rpm=3),
        entry("own-price", MODELS["claude"], max_tokens=4096, input_cost_per_token=1e-3),
        entry("profile", f"bedrock/{PROFILE}", {"base_model": "us.amazon.nova-pro-v1:0"}),
        entry("new", "bedrock/acme.new-model-v1:0"),
        entry("wild/*", "bedrock/acme.*"),
        entry("any-*", MODELS["nova"]),
    ],
    "router_settings": {
        "model_group_alias": {"gpt-4o": "claude", "secret": {"model": "nova", "hidden": True}},
        "fallbacks": [{"claude": ["nova", "pair"]}, {"*": ["new"]}],
        "context_window_fallbacks": [{"model": "nova", "fallback": "claude"}],
    },
    "litellm_settings": {"public_model_groups": ["nova"]},
    "general_settings": {"model_facts_file": "facts.yml"},
}
NAMES = ["gpt-4o", *MODELS, "pair", "own-price", "profile", "new", "wild/new-model-v1:0"]


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    facts = tmp_path_factory.mktemp("facts") / "facts.yml"
    facts.write_text(FACTS, encoding="utf-8")
    settings = json.loads(json.dumps(SETTINGS))
    settings["general_settings"]["model_facts_file"] = str(facts)
    return launch(configuration(simulator.url, **settings))


def of_name(answer, name, key="model_name"):
    (found,) = [m for m in answer["data"] if m[key] == name]
    return found


# ---- lists -------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["/v1/models", "/models"])
def test_list(gateway, target):
    status, answer = gateway.get(target, gateway.key)
    assert status == 200 and answer["object"] == "list"
    assert [m["id"] for m in answer["data"]] == NAMES
    for model in answer["data"]:
        assert model["object"] == "model" and isinstance(model["created"], int) and model["owned_by"]
        assert "metadata" not in model
    assert of_name(answer, "claude", "id")["max_output_tokens"] == 64000
    assert of_name(answer, "new", "id")["max_input_tokens"] == 4000


def test_list_with_fallbacks(gateway):
    def fallbacks(query):
        answer = gateway.get(f"/v1/models?include_metadata=true{query}", gateway.key)[1]
        return {m["id"]: m["metadata"]["fallbacks"] for m in answer["data"]}

    general = fallbacks("")
    assert general["claude"] == ["nova", "pair"] and general["nova"] == ["new"]
    assert general == fallbacks("&fallback_type=general")
    context = fallbacks("&fallback_type=context_window")
    assert context["nova"] == ["claude"] and context["claude"] == []
    assert set(map(tuple, fallbacks("&fallback_type=content_policy").values())) == {()}
    status, answer = gateway.get("/v1/models?include_metadata=1&fallback_type=x", gateway.key)
    assert status == 400 and "fallback_type" in answer["detail"]


def test_list_with_more_names(gateway):
    def names(query):
        return [m["id"] for m in gateway.get(f"/v1/models?{query}", gateway.key)[1]["data"]]

    assert {"wild/*", "any-*", *NAMES} == set(names("return_wildcard_routes=true"))
    assert names("include_model_access_groups=true") == [*NAMES, "beta", "all"]
    assert names("only_model_access_groups=true") == ["beta", "all"]


def test_one(gateway):
    status, answer = gateway.get("/v1/models/claude", gateway.key)
    assert status == 200 and answer["id"] == "claude" and answer["object"] == "model"
    assert gateway.get("/v1/models/any-thing", gateway.key)[1]["id"] == "any-thing"
    assert gateway.get("/v1/models/wild/x", gateway.key)[1]["id"] == "wild/x"


def test_unknown(gateway):
    status, answer = gateway.get("/v1/models/gpt-17", gateway.key)
    assert (status, answer) == (
        404,
        {"detail": "The model `gpt-17` does not exist or is not accessible"},
    )


def test_sdk(client):
    assert [m.id for m in client.models.list()] == NAMES
    assert client.models.retrieve("nova").id == "nova"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-17")


def test_escaped_name(gateway):
    assert gateway.get("/v1/models/gpt%2D4o", gateway.key)[1]["id"] == "gpt-4o"
    assert gateway.get("/v1/models/a%2Fb%22%0A", gateway.key)[0] == 404


@pytest.mark.parametrize("name", ["gpt-4o", "secret"])
def test_an_alias_answers_under_its_own_name(client, name):
    answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": "Hello"}])
    assert answer.model == name


# ---- facts -------------------------------------------------------------------------------------


class Cline:
    """How Cline's LiteLLM provider learns about models, and what it then shows as the cost."""

    def __init__(self, base_url, key):
        base_url = base_url.rstrip("/")
        url = (base_url if base_url.endswith("/v1") else base_url + "/v1") + "/model/info"
        reply = httpx.get(url, headers={"x-litellm-api-key": key}, timeout=10, trust_env=False)
        reply.raise_for_status()
        self.models = {}
        for model in reply.json()["data"]:
            info = model["model_info"]
            self.models.setdefault(
                model["model_name"],
                {
                    "maxTokens": model["litellm_params"].get("max_tokens")
                    or info["max_output_tokens"]
                    or info["max_tokens"],
                    "contextWindow": info["max_input_tokens"] or info["max_tokens"],
                    "supportsImages": bool(info["supports_vision"]),
                    "supportsPromptCache": bool(info["supports_prompt_caching"]),
                    "supportsReasoning": bool(info["supports_reasoning"]),
                    "input": info["input_cost_per_token"],
                    "output": info["output_cost_per_token"],
                    "cacheWrites": info["cache_creation_input_token_cost"],
                    "cacheReads": info["cache_read_input_token_cost"],
                },
            )

    def cost(self, model, usage):
        m = self.models[model]
        read = usage.prompt_tokens_details.cached_tokens or 0
        write = getattr(usage, "cache_creation_input_tokens", 0) or 0
        return (
            (usage.prompt_tokens - read - write) * m["input"]
            + usage.completion_tokens * m["output"]
            + write * (m["cacheWrites"] or 0)
            + read * (m["cacheReads"] or 0)
        )


@pytest.fixture(params=["", "/v1"])
def cline(gateway, request):
    return Cline(f"http://{gateway.netloc}{request.param}", gateway.key)


def test_cline_learns_the_models(cline):
    assert cline.models["claude"] == {
        "maxTokens": 64000,
        "contextWindow": 200000,
        "supportsImages": True,
        "supportsPromptCache": True,
        "supportsReasoning": True,
        "input": 3.3e-6,  # of the geography us.
        "output": 1.65e-5,
        "cacheWrites": 4.125e-6,
        "cacheReads": 3.3e-7,
    }
    assert cline.models["gpt-4o"] == cline.models["claude"]
    assert cline.models["own-price"]["maxTokens"] == 4096
    assert cline.models["own-price"]["input"] == 1e-3
    assert cline.models["own-price"]["output"] == 1.65e-5
    assert cline.models["profile"]["input"] == 8e-7
    assert cline.models["new"]["output"] == cline.models["wild/new-model-v1:0"]["output"] == 2e-6
    assert cline.models["any-*"]["contextWindow"] == 300000


@pytest.mark.parametrize("model", ["claude", "gpt-4o", "nova"])
def test_the_cost_cline_shows_is_the_one_the_gateway_counts(cline, client, model):
    stream = client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "How much is this? " * 50}],
        stream=True,
        stream_options={"include_usage": True},
    )
    usage = [chunk.usage for chunk in stream if chunk.usage][-1]
    assert usage.prompt_tokens > 50 and usage.completion_tokens > 0
    assert cline.cost(model, usage) == pytest.approx(usage.cost, rel=1e-9)
    assert usage.cost > 0


@pytest.mark.parametrize("target", ["/v1/model/info", "/model/info"])
def test_model_info(gateway, target):
    status, answer = gateway.get(target, gateway.key)
    assert status == 200
    names = [m["model_name"] for m in answer["data"]]
    assert names.count("pair") == 2 and set(names) == {*NAMES, "any-*"}
    profile = of_name(answer, "profile")
    assert profile["litellm_params"]["model"] == f"bedrock/{PROFILE}"
    assert profile["model_info"]["base_model"] == profile["model_info"]["key"] == "us.amazon.nova-pro-v1:0"
    ids = [m["model_info"]["id"] for m in answer["data"] if m["model_name"] not in ("gpt-4o",)]
    assert len(set(ids)) == len(ids)
    one = gateway.get(f"{target}?litellm_model_id={profile['model_info']['id']}", gateway.key)[1]
    assert one == {"data": [profile]}
    status, answer = gateway.get(f"{target}?litellm_model_id=nope", gateway.key)
    assert status == 400 and "nope" in answer["detail"]["error"]


def test_model_group_info(gateway):
    answer = gateway.get("/model_group/info", gateway.key)[1]
    assert [g["model_group"] for g in answer["data"]] == NAMES
    pair = of_name(answer, "pair", "model_group")
    assert pair["max_input_tokens"] == 300000 and pair["rpm"] == 5 and pair["tpm"] is None
    assert pair["input_cost_per_token"] == 3.3e-6 and pair["supports_vision"] is True
    assert "thinking" not in pair["supported_openai_params"]
    one = gateway.get("/model_group/info?model_group=pair", gateway.key)[1]
    assert one == {"data": [pair]}
    assert gateway.get("/model_group/info?model_group=nope", gateway.key)[1] == {"data": []}


def test_no_secret_is_shown(gateway):
    targets = ["/model/info", "/v1/model/info", "/model_group/info", "/v1/models", "/public/model_hub"]
    secrets = ["simulated-bedrock-secret", "AKIA", gateway.key]
    secrets += [v if isinstance(v, str) else v["x-api-key"] for v in SECRETS.values()]
    assert all(s in pathlib.Path(gateway.config_file).read_text() for s in secrets)
    for target in targets:
        text = json.dumps(gateway.get(target, gateway.key)[1])
        assert not [s for s in secrets if s in text]


def test_only_the_hub_is_open(gateway):
    for target in ["/v1/model/info", "/model/info", "/v2/model/info", "/model_group/info", "/v1/models"]:
        status, answer = gateway.get(target)
        assert status == 401 and answer["error"]["type"] == "auth_error"
    status, answer = gateway.get("/public/model_hub")
    assert status == 200 and [g["model_group"] for g in answer] == ["nova"]
    assert answer[0]["is_public_model_group"] is True


def test_what_needs_a_database(gateway):
    status, answer = gateway.get("/v2/model/info", gateway.key)
    assert status == 500 and "database" in answer["detail"]["error"]
    headers = {"Authorization": f"Bearer {gateway.key}"}
    for method, target in [
        ("POST", "/model/new"),
        ("POST", "/model/update"),
        ("POST", "/model/delete"),
        ("PATCH", "/model/x/update"),
    ]:
        reply = httpx.request(
            method, f"http://{gateway.netloc}{target}", json={"model_name": "x"}, headers=headers, timeout=10, trust_env=False
        )
        error = reply.json()["error"]
        assert reply.status_code == 500 and error["code"] == "500" and error["type"] == "auth_error"
        assert "No DB Connected" in error["message"]


# ---- what would be done ------------------------------------------------------------------------


def test_supported_params(gateway):
    def params(model):
        return gateway.get(f"/utils/supported_openai_params?model={model}", gateway.key)

    status, answer = params("claude")
    assert status == 200 and "thinking" in answer["supported_openai_params"]
    assert params("bedrock/" + MODELS["claude"].removeprefix("bedrock/")) == (status, answer)
    assert "thinking" not in params("nova")[1]["supported_openai_params"]
    status, answer = params("gpt-17")
    assert status == 400 and "gpt-17" in answer["detail"]["error"]
    status, answer = gateway.get("/utils/supported_openai_params", gateway.key)
    assert status == 422 and answer["detail"][0]["loc"] == ["query", "model"]


def transform(gateway, body, **more):
    reply = httpx.post(
        f"http://{gateway.netloc}/utils/transform_request",
        headers={"Authorization": f"Bearer {gateway.key}"},
        timeout=10, trust_env=False,
        **({"json": body} if body is not None else more),
    )
    return reply.status_code, reply.json()


def test_transform_request(gateway, simulator):
    calls = simulator.stats()["requests"]
    request = {
        "model": "claude",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "stream": True,
    }
    status, answer = transform(gateway, {"call_type": "completion", "request_body": request})
    assert status == 200 and answer["error"] is None
    assert answer["raw_request_api_base"] == (
        f"{simulator.url}/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse-stream"
    )
    assert answer["raw_request_body"]["messages"] == [{"role": "user", "content": [{"text": "hi"}]}]
    assert answer["raw_request_body"]["inferenceConfig"]["temperature"] == 0.5
    assert "AKIA" not in json.dumps(answer) and "Signature" not in json.dumps(answer)
    assert simulator.stats()["requests"] == calls


BY_URL = {
    "role": "user",
    "content": [{"type": "image_url", "image_url": {"url": "https://example.com/image.png"}}],
}


@pytest.mark.parametrize(
    "body, status, says",
    [
        ({"call_type": "completion", "request_body": {"model": "x", "messages": []}}, 200, None),
        ({"call_type": "embedding", "request_body": {"model": "claude"}}, 200, None),
        ({"call_type": "completion", "request_body": {"model": "claude", "messages": [BY_URL]}}, 200, None),
        ({"call_type": "completion"}, 422, "request_body"),
        ({"request_body": {}}, 422, "call_type"),
        ([], 422, "body"),
    ],
)
def test_what_cannot_be_transformed(gateway, body, status, says):
    got, answer = transform(gateway, body)
    assert got == status
    if status == 200:
        assert answer["error"] and answer["raw_request_body"] is None
    else:
        assert says in answer["detail"][0]["loc"]


def test_transform_request_that_is_no_json(gateway):
    assert transform(gateway, None, content=b"{")[0] == 422
