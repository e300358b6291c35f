"""Everything an upstream can do wrong, and what the client is told: before the first event an honest
HTTP status, after it an error event, never a silent end."""

import json
import time

import pytest
from conftest import MODELS, configuration, deployment
from programs import free_port
from raw import Raw, events

SETTINGS = {
    "litellm_settings": {"sse_keepalive_ping_interval_seconds": 1},
    "router_settings": {
        "connect_timeout": 2,
        "first_byte_timeout": 3,
        "stream_timeout": 3,
        "stream_idle_timeout": 4,
        "timeout": 3,
    },
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    dead = deployment("dead", MODELS["claude"], f"http://127.0.0.1:{free_port()}")
    nowhere = deployment("nowhere", MODELS["claude"], "http://does-not-exist.invalid")
    wrong_key = deployment("wrong-key", MODELS["claude"], simulator.url, aws_secret_access_key="wrong")
    return launch(configuration(simulator.url, extra_models=[dead, nowhere, wrong_key], **SETTINGS))


def ask(gateway, text, stream=True, model="claude"):
    with Raw(gateway, timeout=20) as raw:
        return raw.chat(model=model, messages=[{"role": "user", "content": text}], stream=stream).reply()


def broken_stream(reply):
    """(text so far, error) of a stream that must end in an error event, and in nothing else."""
    assert reply.status == 200
    found = events(reply.body)
    assert "[DONE]" not in found
    *chunks, last = found
    assert set(last) == {"error"} and set(last["error"]) >= {"message", "type", "param", "code"}, last
    assert not any(c.get("error") for c in chunks)
    assert not any(c["choices"][0]["finish_reason"] for c in chunks if c["choices"])
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks), last["error"]


# ---- before the first event -------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(
    "fault, status",
    [
        ("throttle", 429),
        ("error(ModelNotReadyException)", 429),
        ("error(400)", 400),
        ("error(403)", 403),
        ("error(404)", 404),
        ("error(408)", 408),
        ("error(424)", 424),
        ("error(500)", 500),
        ("error(503)", 503),
        ("error(ExpiredTokenException)", 403),
        ("http(502,<html>Bad gateway</html>)", 502),
        ("http(504,)", 504),
        ("http(418,short and stout)", 418),
    ],
)
def test_error_instead_of_a_stream(gateway, fault, status, stream):
    reply = ask(gateway, f"[[sim:{fault}]]", stream)
    assert reply.status == status
    error = reply.error()
    assert error["message"].startswith("litellm.") and error["type"]
    assert len(reply.headers["x-litellm-call-id"]) == 36
    assert len(reply.headers["llm_provider-x-amzn-requestid"]) == 36
    assert reply.headers["x-litellm-response-cost"] == "0" and reply.headers["x-litellm-timeout"] == "3"
    assert int(reply.headers.get("retry-after", 0)) == {"throttle": 1, "error(ModelNotReadyException)": 5}.get(fault, 0)


@pytest.mark.parametrize(
    "name, status, kind",
    [
        ("throttlingException", 429, "throttling_error"),
        ("validationException", 400, "invalid_request_error"),
        ("internalServerException", 500, "internal_server_error"),
        ("serviceUnavailableException", 503, "internal_server_error"),
        ("modelStreamErrorException", 424, "invalid_request_error"),
    ],
)
def test_exception_as_first_frame(gateway, name, status, kind):
    """Bedrock said 200 already; our client must not have heard of it."""
    reply = ask(gateway, f"[[sim:exception({name})]]")
    assert reply.status == status
    assert reply.error()["type"] == kind


def test_nobody_listens(gateway):
    for stream in (True, False):
        reply = ask(gateway, "Hello", stream, "dead")
        assert reply.status in (502, 503)
        assert reply.error()["type"] == "internal_server_error"


def test_name_that_does_not_resolve(gateway):
    reply = ask(gateway, "Hello", model="nowhere")
    assert reply.status in (502, 503)
    assert "offered in region us-east-1" in reply.error()["message"]


def test_signature_refused(gateway):
    reply = ask(gateway, "Hello", model="wrong-key")
    assert reply.status == 403
    error = reply.error()
    assert error["type"] == "permission_error" and "wrong" not in error["message"].split()
    assert "Check the secret access key (from: litellm_params)" in error["message"]


def test_hints_about_models(gateway):
    text = "Invocation of model ID x with on-demand throughput isn\u2019t supported."
    error = ask(gateway, f"[[sim:error(ValidationException,{text})]]", model="claude-3-5-sonnet").error()
    assert "bedrock/us.anthropic.claude-3-5-sonnet-20241022-v2:0" in error["message"]
    error = ask(gateway, "[[sim:error(403)]]").error()
    assert "aws:RequestedRegion" in error["message"]


@pytest.mark.parametrize("stream", [True, False])
def test_upstream_never_answers(gateway, stream):
    begun = time.monotonic()
    reply = ask(gateway, "[[sim:hang]]", stream)
    took = time.monotonic() - begun
    if stream and reply.status == 200:  # keep-alives went out meanwhile: then it must be said in-stream
        _, error = broken_stream(reply)
        assert error["code"] == "408"
    else:
        assert reply.status == 408
        assert "Timeout" in reply.error()["message"]
    assert 2.5 < took < 6


@pytest.mark.parametrize("stream", [True, False])
def test_the_client_says_how_long_it_waits(gateway, stream):
    """In the body or in the head; the head counts."""
    text = [{"role": "user", "content": "[[sim:slow_head(1500)]] Hello"}]
    with Raw(gateway) as raw:
        for headers, body, status in (
            ([], {"timeout": 0.5}, 408),
            (["x-litellm-timeout: 0.5"], {"timeout": 9}, 408),
            (["x-litellm-timeout: 10"], {"timeout": 0.5}, 200),
            ([], {"request_timeout": 10}, 200),
        ):
            reply = raw.chat(headers, model="claude", messages=text, stream=stream, **body).reply()
            if reply.status == 200 and status == 408:  # a keep-alive was faster
                assert broken_stream(reply)[1]["code"] == "408"
                continue
            assert reply.status == status, (headers, body)
            if status == 408:
                assert reply.headers["x-litellm-timeout"] == "0.5"
        for value in ("", "soon", "0", "-1", "inf"):
            reply = raw.chat([f"x-litellm-timeout: {value}"], model="claude", messages=text, stream=stream).reply()
            assert reply.status == 400 and "x-litellm-timeout" in reply.error()["message"]


def test_slow_head_within_the_limit(gateway):
    reply = ask(gateway, "[[sim:slow_head(700)]] Hello", stream=False)
    assert reply.status == 200


def test_empty_answer(gateway):
    """No content at all is an answer, and it must be complete."""
    found = events(ask(gateway, "[[sim:empty]]").body)
    assert found[-1] == "[DONE]" and found[-2]["choices"][0]["finish_reason"] == "stop"
    whole = ask(gateway, "[[sim:empty]]", stream=False).json()
    assert not whole["choices"][0]["message"]["content"] and whole["choices"][0]["finish_reason"] == "stop"


def test_answer_that_is_no_json(gateway):
    reply = ask(gateway, "[[sim:http(200,<html>hello</html>)]]", stream=False)
    assert reply.status in (500, 502)
    reply.error()


def test_answer_that_is_no_event_stream(gateway):
    reply = ask(gateway, "[[sim:http(200,<html>hello hello hello hello</html>)]]")
    assert reply.status in (500, 502)
    reply.error()


# ---- after it ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, code",
    [
        ("throttlingException", "429"),
        ("modelStreamErrorException", "424"),
        ("internalServerException", "500"),
        ("serviceUnavailableException", "503"),
        ("validationException", "400"),
    ],
)
def test_exception_in_mid_stream(gateway, name, code):
    text, error = broken_stream(ask(gateway, f"[[sim:chunks(10,4)]] [[sim:exception({name},3)]]"))
    assert len(text) == 12 and error["code"] == code


@pytest.mark.parametrize("fault", ["cut", "badcrc", "end"])
@pytest.mark.parametrize("after", [0, 1, 5])
def test_stream_that_breaks_off(gateway, fault, after):
    reply = ask(gateway, f"[[sim:chunks(10,4)]] [[sim:{fault}({after})]]")
    if after == 0 and reply.status != 200:
        assert reply.status in (500, 502)
        reply.error()
    else:
        text, error = broken_stream(reply)
        assert len(text) == 4 * after and error["code"] in ("500", "502")


@pytest.mark.parametrize("fault", ["cut(3)", "badcrc(3)", "end(3)"])
def test_the_next_request_is_served(gateway, fault):
    with Raw(gateway) as raw:
        first = raw.chat(
            model="claude",
            messages=[{"role": "user", "content": f"[[sim:{fault}]] [[sim:chunks(9,9)]]"}],
            stream=True,
        ).reply()
        broken_stream(first)
        again = raw.chat(model="claude", messages=[{"role": "user", "content": "Hello"}], stream=True).reply()
        assert events(again.body)[-1] == "[DONE]"


def test_silence_in_mid_stream_is_bridged(gateway):
    reply = ask(gateway, "[[sim:chunks(6,4)]] [[sim:silence(2600,3)]]")
    assert reply.status == 200
    lines = reply.body.decode().split("\n\n")
    comments = [i for i, line in enumerate(lines) if line.startswith(":")]
    assert len(comments) in (2, 3), lines
    assert comments == list(range(comments[0], comments[0] + len(comments)))
    found = events(reply.body)
    assert found[-1] == "[DONE]"
    assert len("".join(c["choices"][0]["delta"].get("content") or "" for c in found[:-1])) == 24


def test_silence_before_the_first_event_is_bridged(gateway):
    begun = time.monotonic()
    with Raw(gateway) as raw:
        raw.chat(
            model="claude",
            messages=[{"role": "user", "content": "[[sim:slow_head(2500)]] Hello"}],
            stream=True,
        )
        _, status, _ = raw.head()
        assert status == 200 and time.monotonic() - begun < 2
        pieces = list(raw.chunks())
    assert pieces[0].startswith(b": ")
    assert events(b"".join(pieces))[-1] == "[DONE]"


def test_silence_beyond_the_limit(gateway):
    begun = time.monotonic()
    text, error = broken_stream(ask(gateway, "[[sim:chunks(6,4)]] [[sim:silence(30000,3)]]"))
    assert len(text) == 12 and error["code"] == "408"
    assert 3.5 < time.monotonic() - begun < 8


def test_a_failure_behind_keep_alives_is_an_error_event(gateway):
    """The 200 went out with the first comment; what follows can only be said in the stream."""
    _, error = broken_stream(ask(gateway, "[[sim:slow_head(1800)]] [[sim:throttle]]"))
    assert error["code"] == "429" and error["type"] == "throttling_error"


def test_comments_are_read_over_by_the_sdk(client):
    prompt = [{"role": "user", "content": "[[sim:chunks(4,4)]] [[sim:silence(1500,2)]]"}]
    stream = client.chat.completions.create(model="claude", messages=prompt, stream=True)
    assert len("".join(c.choices[0].delta.content or "" for c in stream if c.choices)) == 16


@pytest.mark.parametrize("size", [1, 100, 100_000, 2_000_000])
def test_frames_of_all_sizes(gateway, size):
    count = 3
    found = events(ask(gateway, f"[[sim:chunks({count},{size})]]").body)
    assert found[-1] == "[DONE]"
    assert sum(len(c["choices"][0]["delta"].get("content") or "") for c in found[:-1]) == count * size


def test_faults_leave_no_connections_behind(gateway, simulator):
    for _ in range(20):
        ask(gateway, "[[sim:chunks(10,4)]] [[sim:cut(2)]]")
    sockets, _ = gateway.sockets()
    upstream = [s for s in sockets if s[1] == simulator.port]
    assert len(upstream) <= 4, json.dumps(upstream)
