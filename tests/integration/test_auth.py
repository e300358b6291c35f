"""The master key: where it may stand, what a wrong one gets, and that nothing is read before it."""

import json

import openai
import pytest
from conftest import KEY, openai_client
from raw import Raw

BODY = json.dumps({"model": "claude", "messages": [{"role": "user", "content": "Hello"}]}).encode()


def head(gateway, *headers, length=len(BODY)):
    lines = [
        "POST /v1/chat/completions HTTP/1.1",
        f"Host: {gateway.netloc}",
        "Content-Type: application/json",
    ]
    return "\r\n".join([*lines, f"Content-Length: {length}", *headers, "", ""]).encode()


@pytest.mark.parametrize(
    "header",
    [
        f"Authorization: Bearer {KEY}",
        f"Authorization: bearer {KEY}",
        f"authorization: BEARER {KEY}",
        f"AUTHORIZATION:Bearer   {KEY}  ",
        f"x-api-key: {KEY}",
        f"X-Api-Key: {KEY}",
        f"api-key: {KEY}",
        f"x-litellm-api-key: {KEY}",
        f"x-litellm-api-key: Bearer {KEY}",
    ],
)
def test_where_the_key_may_stand(gateway, header):
    with Raw(gateway) as raw:
        assert raw.send(head(gateway, header) + BODY).reply().status == 200


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param([], id="none"),
        pytest.param(["Authorization: Bearer sk-wrong"], id="wrong"),
        pytest.param(["Authorization: Bearer "], id="empty"),
        pytest.param(["Authorization:"], id="blank"),
        pytest.param([f"Authorization: Basic {KEY}"], id="basic"),
        pytest.param([f"Authorization: Bearer {KEY}x"], id="longer"),
        pytest.param([f"Authorization: Bearer {KEY[:-1]}"], id="shorter"),
        pytest.param([f"Authorization: Bearer {KEY.upper()}"], id="upper-case"),
        pytest.param(["x-api-key: sk-wrong"], id="wrong-x-api-key"),
        pytest.param(["api-key: sk-wrong"], id="wrong-api-key"),
        pytest.param([f"x-other-key: {KEY}"], id="unknown-header"),
    ],
)
def test_without_the_right_key(gateway, headers):
    with Raw(gateway) as raw:
        reply = raw.send(head(gateway, *headers) + BODY).reply()
        assert reply.status == 401
        error = reply.error()
        assert error["message"].startswith("Authentication Error")
        assert KEY not in reply.body.decode()


@pytest.mark.parametrize("target", ["/health", "/health/liveliness", "/health/liveness", "/health/readiness"])
def test_health_needs_no_key(gateway, curl, target):
    status, headers, body = curl(f"http://{gateway.netloc}{target}")
    assert status == 200 and headers["content-type"].startswith("application/json")
    json.loads(body)


def test_health_says_healthy(gateway):
    assert gateway.get("/health") == (200, {"status": "healthy"})


@pytest.mark.parametrize("target", ["/v1/models", "/models", "/v1/models/claude", "/debug/exchanges"])
def test_everything_else_does(gateway, target):
    assert gateway.get(target)[0] == 401
    assert gateway.get(target, "sk-wrong")[0] == 401
    assert gateway.get(target, KEY)[0] == 200


def test_unknown_paths_tell_nothing_without_a_key(gateway):
    assert gateway.get("/no/such/path")[0] in (401, 404)
    assert gateway.get("/key/generate")[0] in (401, 405)


def test_no_upload_without_a_key(gateway):
    """The refusal comes before the body does, and what is sent all the same is not kept."""
    with Raw(gateway) as raw:
        raw.send(head(gateway, length=90_000_000))
        reply = raw.reply()
        assert reply.status == 401 and reply.headers["connection"] == "close"
        reply.error()


def test_no_100_continue_without_a_key(gateway):
    with Raw(gateway) as raw:
        raw.send(head(gateway, "Expect: 100-continue"))
        assert raw.reply().status == 401
        assert raw.closed()


def test_an_upload_without_a_key_costs_no_memory(gateway):
    before = gateway.resident()
    with Raw(gateway) as raw:
        try:
            raw.send(head(gateway, length=64 << 20))
            for _ in range(64):
                raw.send(b"x" * (1 << 20))
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert gateway.resident() - before < 8 << 20


def test_sdk_raises_authentication_error(gateway):
    with openai_client(gateway, api_key="sk-wrong") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            client.models.list()
    assert caught.value.status_code == 401 and caught.value.code == "401"
