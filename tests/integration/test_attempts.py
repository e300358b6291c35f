"""Retries and fallbacks, as a client of the OpenAI SDK sees them, against the scripted simulator."""

import json
import time
import urllib.request

import openai
import pytest
from conftest import MODELS, configuration, deployment, openai_client

ROUTER = {
    "num_retries": 2,
    "fallbacks": [{"primary": ["secondary"]}, {"model": "broken", "fallback": "nowhere"}],
    "context_window_fallbacks": [{"small": ["secondary"]}, {"tiny": ["secondary"]}],
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [
        deployment("primary", MODELS["claude"], simulator.url, num_retries=0),
        deployment("secondary", MODELS["nova"], simulator.url),
        deployment("small", MODELS["claude"], simulator.url),
        {**deployment("tiny", MODELS["claude"], simulator.url), "model_info": {"max_input_tokens": 500}},
        deployment("broken", MODELS["claude"], simulator.url, num_retries=0),
        deployment("unreachable", MODELS["claude"], "http://127.0.0.1:9", num_retries=0),
    ]
    settings = {**ROUTER, "fallbacks": [*ROUTER["fallbacks"], {"unreachable": ["small", "secondary"]}, {"small": ["secondary"]}]}
    return launch(configuration(simulator.url, extra_models=models, router_settings=settings))


def calls(simulator, n):
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last={n}") as answer:
        return [(c["path"].split("/")[2], c["status"]) for c in json.load(answer)]


def ask(client, text, **more):
    options = {"model": "claude", "messages": [{"role": "user", "content": text}], **more}
    return client.chat.completions.with_raw_response.create(**options)


def content(raw, stream):
    if not stream:
        return raw.parse().choices[0].message.content
    return "".join(c.choices[0].delta.content or "" for c in raw.parse() if c.choices)


STREAM = pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])


@STREAM
@pytest.mark.parametrize("fault", ["error(500)", "error(503)", "exception(serviceUnavailableException)"])
def test_a_retry_helps(client, stream, fault, request):
    begun = time.monotonic()
    raw = ask(client, f"[[sim:{fault}]] [[sim:times(1)]] {request.node.name}", stream=stream)
    assert content(raw, stream)
    assert raw.headers["x-litellm-attempted-retries"] == "1"
    assert raw.headers["x-litellm-attempted-fallbacks"] == "0"
    assert time.monotonic() - begun < 5


@STREAM
def test_retry_after_is_honoured(client, stream, request):
    begun = time.monotonic()
    raw = ask(client, f"[[sim:throttle(1)]] {request.node.name}", stream=stream)
    assert content(raw, stream)
    assert time.monotonic() - begun >= 1  # a throttle says: in a second


@STREAM
def test_retries_end(client, simulator, stream, request):
    with pytest.raises(openai.InternalServerError) as caught:
        ask(client, f"[[sim:error(503)]] {request.node.name}", stream=stream)
    assert caught.value.status_code == 503
    assert [status for _, status in calls(simulator, 3)] == [503, 503, 503]


@pytest.mark.parametrize("how", ["body", "header"])
def test_the_client_says_how_often(client, simulator, how, request):
    more = {"extra_body": {"num_retries": 0}} if how == "body" else {"extra_headers": {"x-litellm-num-retries": "0"}}
    before = simulator.stats()["requests"]
    with pytest.raises(openai.InternalServerError):
        ask(client, f"[[sim:error(503)]] {request.node.name}", **more)
    assert simulator.stats()["requests"] == before + 1


@pytest.mark.parametrize("fault", ["error(400)", "error(403)", "error(404)", "error(424)"])
def test_no_retry_where_none_can_help(client, simulator, fault, request):
    before = simulator.stats()["requests"]
    with pytest.raises(openai.APIStatusError):
        ask(client, f"[[sim:{fault}]] {request.node.name}")
    assert simulator.stats()["requests"] == before + 1


@STREAM
@pytest.mark.parametrize("fault", ["error(400)", "error(403)", "error(503)", "throttle", "exception(throttlingException)"])
def test_a_fallback_helps(client, simulator, stream, fault, request):
    text = f"[[sim:{fault}]] [[sim:times(1)]] {request.node.name}"
    if fault == "throttle":
        text = f"[[sim:throttle(1)]] {request.node.name}"
    raw = ask(client, text, model="primary", stream=stream)
    assert content(raw, stream)
    assert raw.headers["x-litellm-attempted-fallbacks"] == "1"
    assert raw.headers["x-litellm-model-group"] == "secondary"
    assert [model for model, _ in calls(simulator, 2)] == [m.split("/")[-1].replace(":", "%3A") for m in (MODELS["claude"], MODELS["nova"])]


def test_the_fallbacks_name(client, request):
    text = f"[[sim:error(400)]] [[sim:times(1)]] {request.node.name}"
    assert ask(client, text, model="primary").parse().model == MODELS["nova"].split("/")[-1]
    stream = ask(client, text + "!", model="primary", stream=True).parse()
    assert {chunk.model for chunk in stream} == {"secondary"}


def test_too_long_goes_to_its_own_list(client, request):
    too_long = "[[sim:error(400,Input is too long for requested model.)]] [[sim:times(1)]]"
    raw = ask(client, f"{too_long} {request.node.name}", model="small")
    assert raw.headers["x-litellm-model-group"] == "secondary"
    with pytest.raises(openai.BadRequestError, match="ContextWindowExceeded"):
        ask(client, f"{too_long} {request.node.name}!", model="primary")


@STREAM
def test_too_long_by_the_estimate(client, simulator, stream, request):
    """The model's window is known: what cannot fit is not sent there. Nowhere else to go: it is sent."""
    before = simulator.stats()["requests"]
    text = f"{'many words ' * 400} {request.node.name}"
    raw = ask(client, text, model="tiny", stream=stream)
    assert content(raw, stream)
    assert raw.headers["x-litellm-model-group"] == "secondary"
    assert raw.headers["x-litellm-attempted-fallbacks"] == "1"
    assert simulator.stats()["requests"] == before + 1
    raw = ask(client, text, model="tiny", stream=stream, extra_body={"disable_fallbacks": True})
    assert content(raw, stream)
    assert raw.headers["x-litellm-model-group"] == "tiny"
    raw = ask(client, f"few words {request.node.name}", model="tiny", stream=stream)
    assert raw.headers["x-litellm-model-group"] == "tiny"


def test_fallbacks_of_the_request(client, request):
    text = f"[[sim:error(400)]] [[sim:times(1)]] {request.node.name}"
    raw = ask(client, text, extra_body={"fallbacks": ["secondary"]})
    assert raw.headers["x-litellm-model-group"] == "secondary"
    with pytest.raises(openai.BadRequestError):
        ask(client, text + "!", model="primary", extra_body={"disable_fallbacks": True})


def test_a_group_that_is_none(client, request):
    """The client hears of what failed, not of the hole in the configuration."""
    with pytest.raises(openai.APIStatusError) as caught:
        ask(client, f"[[sim:error(404)]] {request.node.name}", model="broken")
    assert caught.value.status_code == 404


@STREAM
def test_an_unreachable_endpoint(client, stream, request):
    raw = ask(client, f"[[sim:error(400)]] [[sim:times(1)]] {request.node.name}", model="unreachable", stream=stream)
    assert content(raw, stream)
    assert raw.headers["x-litellm-attempted-fallbacks"] == "2"


@pytest.mark.parametrize(
    "mock, group",
    [
        ({"mock_testing_fallbacks": True}, "primary"),
        ({"mock_testing_rate_limit_error": True}, "primary"),
        ({"mock_testing_context_fallbacks": True}, "small"),
    ],
)
def test_mocked_failures(client, simulator, mock, group):
    before = simulator.stats()["requests"]
    raw = ask(client, "Hello", model=group, extra_body=mock)
    assert raw.headers["x-litellm-model-group"] == "secondary"
    assert simulator.stats()["requests"] == before + 1


def test_nothing_is_repeated_once_something_was_said(client, simulator, request):
    before = simulator.stats()["requests"]
    stream = ask(client, f"[[sim:chunks(10,10)]] [[sim:cut(4)]] {request.node.name}", model="primary", stream=True)
    with pytest.raises(openai.APIError):
        list(stream.parse())
    assert simulator.stats()["requests"] == before + 1


def test_a_client_that_leaves_between_attempts(gateway, simulator, request):
    with openai_client(gateway, timeout=0.5) as client:
        with pytest.raises(openai.APITimeoutError):
            ask(client, f"[[sim:throttle]] {request.node.name}", extra_body={"num_retries": 50})
    time.sleep(0.3)
    before = simulator.stats()["requests"]
    time.sleep(1.5)
    assert simulator.stats()["requests"] == before


def test_thinking_comes_back_after_a_retry(client, simulator, request):
    """What was recalled for the first attempt is recalled for the second."""
    tools = [{"type": "function", "function": {"name": "get_weather"}}]
    thinking = {"max_tokens": 4000, "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}
    first = ask(client, f"[[sim:tool(get_weather,{{}})]] {request.node.name}", tools=tools, **thinking).parse()
    call = first.choices[0].message.tool_calls[0]
    messages = [
        {"role": "user", "content": "How is it?"},
        {"role": "assistant", "tool_calls": [call.model_dump()]},
        {"role": "tool", "tool_call_id": call.id, "content": "sunny"},
        {"role": "user", "content": f"[[sim:error(503)]] [[sim:times(1)]] {request.node.name}"},
    ]
    raw = client.chat.completions.with_raw_response.create(model="claude", messages=messages, tools=tools, **thinking)
    assert raw.headers["x-litellm-attempted-retries"] == "1"
    assert "thinking-recalled" in raw.headers["x-lintel-repairs"]
