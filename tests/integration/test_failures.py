"""Every way in which an upstream can fail, streamed and not, before and after content, and exactly
what the client is told; then the same failures where a retry or a fallback helps.

What is special about a stream (comments, frames of all sizes, order) is in test_stream_faults.py, the clocks
are in test_timeouts.py, certificates in test_deployments.py."""

import collections
import contextlib
import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from conftest import MODELS, configuration, deployment
from programs import free_port
from raw import Raw, events
from test_deployments import Tls, authority  # noqa: F401 (a fixture)

INVOKE = MODELS["claude"].replace("bedrock/", "bedrock/invoke/")
THROTTLED, INVALID, SERVER = "throttling_error", "invalid_request_error", "internal_server_error"
TRY_AGAIN = "The system encountered an unexpected error during processing. Try your request again."

ROUTER = {
    "num_retries": 0,
    "connect_timeout": 2,
    "first_byte_timeout": 1.5,
    "stream_timeout": 1.5,
    "stream_idle_timeout": 1,
    "timeout": 5,
}


class Server:
    """Takes a connection, does `what` with it, closes it."""

    def __init__(self, what):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port, self.what = self.socket.getsockname()[1], what
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                threading.Thread(target=self.one, args=self.socket.accept()[:1], daemon=True).start()

    def one(self, client):
        with contextlib.suppress(OSError), client:
            self.what(client)

    def close(self):
        self.socket.close()


def cut_handshake(client):
    client.recv(100)


def silent_handshake(client):
    while client.recv(4096):
        pass


def half_a_head(client):
    client.recv(65536)
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Ty")


def no_http(client):
    client.recv(65536)
    client.sendall(b"220 mail.example.com ESMTP\r\n")


def refuse(status, error):
    body = b'{"message":"no"}'
    head = f"HTTP/1.1 {status} No\r\nx-amzn-errortype: {error}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"

    def answer(client):
        data = client.recv(65536)
        length = int(data.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
        while len(data.partition(b"\r\n\r\n")[2]) < length:
            data += client.recv(65536)
        client.sendall(head.encode() + body)

    return answer


@pytest.fixture(scope="module")
def places(simulator, authority):  # noqa: F811
    """Endpoints that are none."""
    servers = {
        "tls": Tls(authority.issue_cert("127.0.0.1"), simulator.port),
        "cut": Server(cut_handshake),
        "silent": Server(silent_handshake),
        "half": Server(half_a_head),
        "mail": Server(no_http),
    }
    yield {
        "refused": f"http://127.0.0.1:{free_port()}",
        "nowhere": "http://does-not-exist.invalid",
        "unknown-authority": f"https://127.0.0.1:{servers['tls'].port}",
        "handshake-cut": f"https://127.0.0.1:{servers['cut'].port}",
        "handshake-silent": f"https://127.0.0.1:{servers['silent'].port}",
        "http-on-an-https-port": f"https://127.0.0.1:{simulator.port}",
        "https-on-an-http-port": f"http://127.0.0.1:{servers['tls'].port}",
        "half-a-head": f"http://127.0.0.1:{servers['half'].port}",
        "no-http": f"http://127.0.0.1:{servers['mail'].port}",
    }
    for server in servers.values():
        server.close()


@pytest.fixture(scope="module")
def gateway(launch, simulator, places):
    models = [deployment(name, MODELS["claude"], url) for name, url in places.items()]
    models += [deployment("sim", MODELS["claude"], simulator.url), deployment("native", INVOKE, simulator.url)]
    # The same with somewhere to go: "…+" retries, "…>" falls back.
    again = [deployment(f"{m['model_name']}+", m["litellm_params"]["model"], simulator.url) for m in models[-2:]]
    for model in again:
        model["litellm_params"]["num_retries"] = 1
    onward = [dict(m, model_name=f"{m['model_name']}>") for m in models]
    spare = deployment("spare", MODELS["nova"], simulator.url)
    fallbacks = [{m["model_name"]: ["native" if "native" in m["model_name"] else "spare"]} for m in onward]
    settings = {**ROUTER, "fallbacks": fallbacks, "cooldown_time": 0, "adaptive_pacing": False}
    return launch(configuration(simulator.url, extra_models=[*models, *again, *onward, spare], router_settings=settings))


def ask(gateway, model, text, stream, **body):
    with Raw(gateway, timeout=20) as raw:
        return raw.chat(model=model, messages=[{"role": "user", "content": text}], stream=stream, **body).reply()


def check(error, status, kind, texts, name):
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["code"], error["type"], error["param"]) == (str(status), kind, None), error
    assert error["message"].startswith(f"litellm.{name}: BedrockException - "), error["message"]
    for text in texts if isinstance(texts, tuple) else (texts,):
        assert text in error["message"], error["message"]


# ---- before anything was said -------------------------------------------------------------------------

# id: (model, directives, status, error.type, in the message, LiteLLM's exception, retry-after)
BEFORE = {
    "refused": ("refused", "", 502, SERVER, ("to 127.0.0.1 port", "offered in region us-east-1"), "BadGatewayError", None),
    "no such name": ("nowhere", "", 502, SERVER, ("does-not-exist.invalid", "region us-east-1"), "BadGatewayError", None),
    "unknown authority": ("unknown-authority", "", 502, SERVER, "certificate", "BadGatewayError", None),
    "handshake cut": ("handshake-cut", "", 502, SERVER, "region us-east-1", "BadGatewayError", None),
    "handshake silent": ("handshake-silent", "", 408, INVALID, "connect timeout (2 s)", "Timeout", None),
    "http on https": ("http-on-an-https-port", "", 502, SERVER, ("SSL", "wrong version"), "BadGatewayError", None),
    "https on http": ("https-on-an-http-port", "", 502, SERVER, "", "BadGatewayError", None),
    "half a head": ("half-a-head", "", 502, SERVER, "", "BadGatewayError", None),
    "no http": ("no-http", "", 502, SERVER, "HTTP/0.9", "BadGatewayError", None),
    "slow head": ("sim", "[[sim:slow_head(9000)]]", 408, INVALID, "first-byte timeout (1.5 s)", "Timeout", None),
    "throttled": ("sim", "[[sim:throttle]]", 429, THROTTLED, "ThrottlingException: Too many requests", "RateLimitError", 1),
    "not ready": ("sim", "[[sim:error(ModelNotReadyException)]]", 429, THROTTLED, "not ready", "RateLimitError", 5),
    "429 of a proxy": ("sim", "[[sim:http(429,<html>slow down</html>)]]", 429, THROTTLED, "slow down", "RateLimitError", 1),
    "500": ("sim", "[[sim:error(500)]]", 500, SERVER, f"InternalServerException: {TRY_AGAIN}", "InternalServerError", None),
    "503": ("sim", "[[sim:error(503)]]", 503, SERVER, "Bedrock is unable to process your request.", "ServiceUnavailableError", None),
    "502 of a proxy": ("sim", "[[sim:http(502,<html>bad gateway</html>)]]", 502, SERVER, "bad gateway", "BadGatewayError", None),
    "504 of a proxy": ("sim", "[[sim:http(504,)]]", 504, SERVER, "HTTP status 504", "BadGatewayError", None),
    "validation": ("sim", "[[sim:error(400,no good)]]", 400, INVALID, "ValidationException: no good", "BadRequestError", None),
    "model timeout": ("sim", "[[sim:error(408)]]", 408, INVALID, "ModelTimeoutException: Model has timed out", "Timeout", None),
    "model error": ("sim", "[[sim:error(424)]]", 424, INVALID, "ModelErrorException", "BadRequestError", None),
}
# Only a stream has them; Bedrock's 200 is behind it.
FRAMES = {
    "throttling": ("sim", "throttlingException", 429, THROTTLED, "Too many requests", "RateLimitError"),
    "model stream": ("sim", "modelStreamErrorException", 424, INVALID, TRY_AGAIN, "BadRequestError"),
    "internal": ("sim", "internalServerException", 500, SERVER, TRY_AGAIN, "InternalServerError"),
    "unavailable": ("sim", "serviceUnavailableException", 503, SERVER, "unable to process", "ServiceUnavailableError"),
    "validation": ("sim", "validationException", 400, INVALID, "not valid", "BadRequestError"),
    "model timeout": ("native", "modelTimeoutException", 408, INVALID, "Model has timed out", "Timeout"),
    "throttling, native": ("native", "throttlingException", 429, THROTTLED, "Too many requests", "RateLimitError"),
}
# id: (directive, status, in the message)
STREAM = {
    "cut in a frame": ("cut({n})", 502, SERVER, "", "BadGatewayError"),
    "bad CRC": ("badcrc({n})", 502, SERVER, "checksum", "BadGatewayError"),
    "end without an end": ("end({n})", 502, SERVER, "", "BadGatewayError"),
    "silence": ("silence(9000,{n})", 408, INVALID, "idle timeout (1 s)", "Timeout"),
}


def check_refusal(reply, status, kind, texts, name, wait=None):
    assert reply.status == status, reply
    check(reply.error(), status, kind, texts, name)
    assert len(reply.headers["x-litellm-call-id"]) == 36
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers.get("retry-after") == (str(wait) if wait else None)


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", BEFORE)
def test_before_anything_was_said(gateway, case, stream):
    model, directive, *expected = BEFORE[case]
    check_refusal(ask(gateway, model, f"{directive} Hello", stream), *expected)


@pytest.mark.parametrize("case", FRAMES)
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_an_exception_before_content(gateway, case, stream):
    model, name, *expected = FRAMES[case]
    wait = 1 if expected[0] == 429 else None
    check_refusal(ask(gateway, model, f"[[sim:exception({name})]] Hello", stream), *expected, wait)


@pytest.mark.parametrize("case", STREAM)
def test_a_stream_that_fails_before_content(gateway, case):
    directive, *expected = STREAM[case]
    reply = ask(gateway, "sim", f"[[sim:{directive.format(n=0)}]] Hello", True)
    if reply.status == 200:  # the role was said already
        *chunks, last = events(reply.body)
        assert not any(c["choices"][0]["delta"].get("content") for c in chunks)
        check(last["error"], *expected)
    else:
        check_refusal(reply, *expected)


def test_a_whole_answer_that_is_cut(gateway):
    check_refusal(ask(gateway, "sim", "[[sim:cut(3)]] Hello", False), 502, SERVER, "bytes remaining", "BadGatewayError")


# ---- after content --------------------------------------------------------------------------------------


def broken(reply):
    """(text, error) of a stream that ends in its error event, without [DONE]."""
    assert reply.status == 200 and reply.headers["content-type"].startswith("text/event-stream")
    *chunks, last = events(reply.body)
    assert set(last) == {"error"} and not any("error" in c for c in chunks)
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in chunks), last["error"]


@pytest.mark.parametrize("case", FRAMES)
def test_an_exception_after_content(gateway, case):
    model, name, *expected = FRAMES[case]
    text, error = broken(ask(gateway, model, f"[[sim:chunks(9,4)]] [[sim:exception({name},3)]]", True))
    assert len(text) == 12
    check(error, *expected)


@pytest.mark.parametrize("case", STREAM)
def test_a_stream_that_fails_after_content(gateway, case):
    directive, *expected = STREAM[case]
    text, error = broken(ask(gateway, "sim", f"[[sim:chunks(9,4)]] [[sim:{directive.format(n=3)}]]", True))
    assert len(text) == 12
    check(error, *expected)


# ---- where something helps ------------------------------------------------------------------------------


def check_help(reply, stream, retries, fallbacks):
    assert reply.status == 200, reply
    assert not stream or events(reply.body)[-1] == "[DONE]"
    assert stream or reply.json()["choices"][0]["message"]["content"]
    told = [reply.headers[f"x-litellm-attempted-{what}"] for what in ("retries", "fallbacks")]
    assert told == [str(retries), str(fallbacks)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", BEFORE)
def test_a_fallback_helps(gateway, case, stream, request):
    model, directive, *_ = BEFORE[case]
    times = "[[sim:times(1)]]" if directive else ""
    check_help(ask(gateway, f"{model}>", f"{directive} {times} {request.node.name}", stream), stream, 0, 1)


RETRIED = [c for c, row in BEFORE.items() if row[1] and row[2] in (408, 429, 500, 502, 503, 504)]


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("case", RETRIED)
def test_a_retry_helps(gateway, case, stream, request):
    _, directive, *_ = BEFORE[case]
    check_help(ask(gateway, "sim+", f"{directive} [[sim:times(1)]] {request.node.name}", stream), stream, 1, 0)


@pytest.mark.parametrize("case", FRAMES)
def test_a_fallback_or_a_retry_behind_bedrocks_200(gateway, case, request):
    model, name, status, *_ = FRAMES[case]
    text = f"[[sim:exception({name})]] [[sim:times(1)]] {request.node.name}"
    check_help(ask(gateway, f"{model}>", text, True), True, 0, 1)
    if status in (408, 429, 500, 503):
        check_help(ask(gateway, f"{model}+", f"{text}!", True), True, 1, 0)


# ---- many at once ---------------------------------------------------------------------------------------


def crowd(gateway, count, model, text, stream, **body):
    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(lambda _: ask(gateway, model, text, stream, **body), range(count)))


@pytest.mark.alone
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("fault", ["error(500)", "error(503)", "throttle", "http(502,)", "cut(0)"])
def test_a_burst_passes_unseen(launch, simulator, fault, stream, request):
    """The first thirty calls of twenty clients fail. Those that throttle leave a pace of about one a second, by
    which the last client would wait longer than the usual queue_timeout."""
    gateway = launch(
        configuration(
            simulator.url,
            extra_models=[deployment("g", MODELS["claude"], simulator.url)],
            router_settings={"num_retries": 6, "queue_timeout": 60},
        )
    )
    text = f"[[sim:{fault}]] [[sim:times(30)]] {request.node.name}"
    replies = crowd(gateway, 20, "g", text, stream)
    assert collections.Counter(r.status for r in replies) == {200: 20}
    assert not stream or all(events(r.body)[-1] == "[DONE]" for r in replies)


@pytest.mark.alone
def test_a_storm_of_throttling(launch, simulator):
    """It does not end: all are told, and when to come back; upstream does not get all of it again and again."""
    gateway = launch(
        configuration(
            simulator.url,
            extra_models=[deployment("g", MODELS["claude"], simulator.url)],
            router_settings={"num_retries": 2, "queue_timeout": 2},
        )
    )
    before = simulator.stats()["requests"]
    for _ in range(3):
        for reply in crowd(gateway, 30, "g", "[[sim:throttle]] Hello", True):
            assert reply.status == 429 and int(reply.headers["retry-after"]) >= 1
            assert reply.error()["type"] == THROTTLED
    assert simulator.stats()["requests"] - before < 150  # of 270 that were wanted


@pytest.mark.alone
@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
@pytest.mark.parametrize("status, error", [(429, "ThrottlingException"), (503, "ServiceUnavailableException"), (500, "InternalServerException")])
def test_a_storm_falls_back(launch, simulator, status, error, stream):
    """Nobody sees it."""
    stormy = Server(refuse(status, error))
    models = [deployment("g", MODELS["claude"], f"http://127.0.0.1:{stormy.port}")]
    models += [deployment("spare", MODELS["nova"], simulator.url)]
    router = {"num_retries": 0, "fallbacks": [{"g": ["spare"]}]}
    gateway = launch(configuration(simulator.url, extra_models=models, router_settings=router))
    for _ in range(2):
        replies = crowd(gateway, 30, "g", "Hello", stream)
        assert collections.Counter(r.status for r in replies) == {200: 30}
        assert {r.headers["x-litellm-model-group"] for r in replies} == {"spare"}
    stormy.close()
