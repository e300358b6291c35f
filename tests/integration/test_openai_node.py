"""The OpenAI SDK for Node: openai_client.mjs runs the cases, here stands what they must find."""

import json

import pytest
from conftest import MODELS
from programs import wait_for


@pytest.fixture(scope="module")
def found(gateway, node, simulator):
    before = simulator.stats()["cancelled"]
    result = node("openai_client.mjs", BASE_URL=gateway.base_url, API_KEY=gateway.key)
    wait_for(lambda: simulator.stats()["cancelled"] >= before + 1, 1, "the aborted call cancelled")
    return result


def test_plain(found):
    answer = found["plain"]["answer"]
    assert answer["choices"][0]["finish_reason"] == "stop" and answer["choices"][0]["message"]["content"]
    assert answer["usage"]["total_tokens"] > 0
    assert len(found["plain"]["callId"]) == 36


def test_stream(found):
    stream = found["stream"]
    assert stream["text"] == "Grüße 🦜 日本語"
    assert stream["reasons"] == ["stop"] and stream["usages"] == 1


def test_tools(found):
    tools = found["tools"]
    assert tools["reasons"] == ["tool_calls"]
    assert [(c["name"], json.loads(c["arguments"])) for c in tools["calls"]] == [
        ("get_weather", {"at": "Ōsaka"}),
        ("get_time", {"at": "b"}),
    ]
    assert tools["final"]["finish_reason"] == "stop" and tools["final"]["message"]["content"]


def test_runner(found):
    assert found["runner"]["results"] == ["sunny in Oslo"] and found["runner"]["content"]


def test_thinking(found):
    assert found["thinking"] == ["Fine."] * 6


def test_parsed(found):
    assert len(found["parsed"]) == 6 and all(report["sky"] == "clear" for report in found["parsed"])


def test_image(found):
    assert found["image"]["finish_reason"] == "stop"


@pytest.mark.parametrize(
    "case, name, status, kind",
    [
        ("throttled", "RateLimitError", 429, "throttling_error"),
        ("throttledStream", "RateLimitError", 429, "throttling_error"),
        ("invalid", "BadRequestError", 400, "invalid_request_error"),
        ("unavailable", "InternalServerError", 503, "internal_server_error"),
        ("unknown", "BadRequestError", 400, "invalid_request_error"),
        ("key", "AuthenticationError", 401, "auth_error"),
    ],
)
def test_errors(found, case, name, status, kind):
    assert found["errors"][case] == {"name": name, "status": status, "code": str(status), "type": kind}


def test_an_error_in_mid_stream_is_thrown(found):
    error = found["errors"]["midstream"]
    assert error["name"] == "APIError" and error["code"] == "429"


def test_abort(found):
    assert found["abort"] == {"chunks": 3}


def test_models(found):
    assert found["models"] == list(MODELS)


def test_together(found):
    assert found["together"] == [20 * (i + 1) for i in range(20)]


def test_nothing_is_left(gateway, found):
    assert found
    gateway.nothing_left()
