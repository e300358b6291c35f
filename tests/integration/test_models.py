"""What the gateway says of its models."""

import openai
import pytest
from conftest import MODELS, deployment

SETTINGS = {
    # Two deployments of one group are one model. Nobody calls them here.
    "extra_models": [deployment("pair", MODELS[name], "http://127.0.0.1:9") for name in ("claude", "nova")],
    "router_settings": {
        "model_group_alias": {"gpt-4o": "claude", "secret": {"model": "nova", "hidden": True}}
    },
}


@pytest.mark.parametrize("target", ["/v1/models", "/models"])
def test_list(gateway, target):
    status, answer = gateway.get(target, gateway.key)
    assert status == 200 and answer["object"] == "list"
    names = [m["id"] for m in answer["data"]]
    assert names[: len(MODELS)] == list(MODELS)
    assert sorted(names) == sorted([*MODELS, "pair", "gpt-4o"])
    for model in answer["data"]:
        assert model["object"] == "model" and isinstance(model["created"], int) and model["owned_by"]


def test_one(gateway):
    status, answer = gateway.get("/v1/models/claude", gateway.key)
    assert status == 200 and answer["id"] == "claude" and answer["object"] == "model"


def test_unknown(gateway):
    status, answer = gateway.get("/v1/models/gpt-17", gateway.key)
    assert status == 404 and "gpt-17" in answer["error"]["message"] and answer["error"]["code"] == "404"


def test_sdk(client):
    assert {m.id for m in client.models.list()} == {*MODELS, "pair", "gpt-4o"}
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
