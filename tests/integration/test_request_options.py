"""LiteLLM's own members of a request (mock_response, mock_timeout, extra_headers, drop lists), and
what is written down of an answer that nobody waited for."""

import json
import re
import time
import urllib.request

import openai
import pytest
from conftest import MODELS, configuration, deployment
from programs import wait_for

HELLO = [{"role": "user", "content": "Hello"}]


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    preset = {
        "reasoning_effort": "low",
        "additional_drop_params": ["temperature"],
        "extra_headers": {"x-team": "blue"},
        "tools": [{"type": "function", "function": {"name": "ping"}}],
    }
    models = [
        deployment("preset", MODELS["claude"], simulator.url, **preset),
        deployment("mocked", MODELS["claude"], simulator.url, mock_response="From the configuration."),
    ]
    return launch(configuration(simulator.url, extra_models=models))


def ask(client, **more):
    options = {"model": "claude", "messages": HELLO, **more}
    return client.chat.completions.create(**options)


def calls(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/stats") as answer:
        return json.load(answer)["requests"]


def last_call(simulator):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1") as answer:
        call = json.load(answer)[-1]
        call["headers"] = {k.lower(): v for k, v in call["headers"].items()}
        return call


def test_mock_response(client, simulator):
    before = calls(simulator)
    answer = ask(client, extra_body={"mock_response": "Two words."})
    assert answer.choices[0].message.content == "Two words."
    assert answer.usage.completion_tokens == 3
    stream = ask(client, stream=True, extra_body={"mock_response": "One two three"})
    pieces = [c.choices[0].delta.content for c in stream if c.choices[0].delta.content]
    assert pieces == ["One ", "two ", "three"]
    assert ask(client, model="mocked").choices[0].message.content == "From the configuration."
    assert calls(simulator) == before


@pytest.mark.parametrize(
    "mock, error",
    [
        ("litellm.RateLimitError", openai.RateLimitError),
        ("litellm.InternalServerError", openai.InternalServerError),
        ("litellm.ContextWindowExceededError", openai.BadRequestError),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_mock_failure(client, mock, error, stream):
    with pytest.raises(error, match=mock.split(".")[1]):
        ask(client.with_options(max_retries=0), stream=stream, extra_body={"mock_response": mock})


@pytest.mark.parametrize("stream", [False, True])
def test_mock_timeout(client, simulator, stream):
    before, begun = calls(simulator), time.monotonic()
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client.with_options(max_retries=0), stream=stream, extra_body={"mock_timeout": True, "timeout": 1.5})
    assert caught.value.status_code == 408
    assert 1.3 < time.monotonic() - begun < 10
    assert calls(simulator) == before


def test_extra_headers(client, simulator):
    ask(
        client,
        extra_body={
            "extra_headers": {
                "x-mine": "yes",
                "Host": "elsewhere",
                "authorization": "Bearer stolen",
                "x-amz-date": "then",
                "bad name": "x",
                "x-bad": "a\r\nx-smuggled: 1",
                "anthropic-beta": "token-efficient-tools-2025-02-19",
            }
        },
    )
    headers = last_call(simulator)["headers"]
    assert headers["x-mine"] == "yes"
    assert not {"bad name", "x-bad", "x-smuggled", "anthropic-beta"} & set(headers)
    assert headers["host"] != "elsewhere" and headers["x-amz-date"] != "then"


def test_presets(client, simulator):
    """Parameters of the deployment hold where the client is silent; the drop list always holds."""
    ask(client, model="preset", temperature=0.3)
    call = last_call(simulator)
    body = call["body"]
    assert body["additionalModelRequestFields"]["thinking"] == {"type": "enabled", "budget_tokens": 1024}
    assert body["inferenceConfig"] == {"maxTokens": 1024 + 4096}
    assert body["toolConfig"]["tools"][0]["toolSpec"]["name"] == "ping"
    assert call["headers"]["x-team"] == "blue"
    ask(client, model="preset", max_tokens=7000, reasoning_effort="none")
    body = last_call(simulator)["body"]
    assert "additionalModelRequestFields" not in body and body["inferenceConfig"] == {"maxTokens": 7000}


def test_drop_list_of_the_client(client, simulator):
    ask(client, temperature=0.3, stop=["x"], extra_body={"additional_drop_params": ["stop", "seed"], "seed": 1})
    assert last_call(simulator)["body"]["inferenceConfig"] == {"temperature": 0.3}


def test_an_abandoned_stream_is_estimated(client, gateway):
    prompt = "[[sim:chunks(200,20)]] [[sim:gap(20)]] " + "word " * 400
    stream = ask(client, stream=True, messages=[{"role": "user", "content": prompt}])
    for i, _ in enumerate(stream):
        if i == 20:
            break
    stream.close()

    def line():
        found = re.findall(r"status=499 .* tokens=(\d+)/(\d+) usage=estimated cost=([\d.]+)", gateway.log())
        return found and [float(x) for x in found[-1]]

    tokens, output, cost = wait_for(line)
    assert 300 < tokens < 1200
    assert 20 < output < 400
    assert cost == pytest.approx(tokens * 3.3e-6 + output * 16.5e-6, rel=1e-6)
