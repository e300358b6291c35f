"""Anthropic's SDK for Node: anthropic_client.mjs runs the cases, here stands what they must find."""

import pytest


@pytest.fixture(scope="module")
def found(gateway, node):
    return node("anthropic_client.mjs", BASE_URL=f"http://{gateway.netloc}", API_KEY=gateway.key)


def test_plain(found):
    message = found["plain"]["data"]
    assert message["type"] == "message" and message["stop_reason"] == "end_turn"
    assert message["model"] == "claude" and message["usage"]["input_tokens"] > 0
    assert found["plain"]["callId"] == found["plain"]["requestId"]


def test_bearer(found):
    assert found["bearer"] == "end_turn"


def test_stream(found):
    stream = found["stream"]
    assert stream["text"] == "Grüße 🦜 日本語" and stream["thought"]
    thinking, text = stream["message"]["content"]
    assert thinking["type"] == "thinking" and thinking["signature"] and text["text"] == stream["text"]
    assert stream["message"]["usage"]["output_tokens"] > 1


def test_runner(found):
    results = ["get_weather: Oslo", "get_time: Oslo", "get_weather: Rome"]
    assert found["runner"] == [{"text": "Fine.", "results": results, "next": "end_turn"}] * 4


def test_count(found):
    assert 1 <= found["count"]["input_tokens"] < 30


@pytest.mark.parametrize(
    "case, name, status, kind",
    [
        ("throttled", "RateLimitError", 429, "rate_limit_error"),
        ("throttledStream", "RateLimitError", 429, "rate_limit_error"),
        ("invalid", "BadRequestError", 400, "invalid_request_error"),
        ("unavailable", "ServiceUnavailableError", 503, "api_error"),
        ("unknown", "BadRequestError", 400, "invalid_request_error"),
        ("key", "AuthenticationError", 401, "authentication_error"),
        ("midstream", "APIError", None, "api_error"),
    ],
)
def test_errors(found, case, name, status, kind):
    error = found["errors"][case]
    assert (error["name"], error.get("status"), error["type"]) == (name, status, kind)
