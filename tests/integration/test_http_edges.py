"""HTTP/1 as curl and raw sockets speak it: framing, reuse, refusals. Caps and clocks are in
test_http_limits.py."""

import gzip
import json
import socket

import pytest
from conftest import KEY, configuration
from raw import Raw, events

HELLO = [{"role": "user", "content": "Hello"}]


def chat_body(**more):
    return json.dumps({"model": "claude", "messages": HELLO, **more}).encode()


def chat_head(gateway, *headers, target="/v1/chat/completions", version="HTTP/1.1"):
    lines = [f"POST {target} {version}", f"Host: {gateway.netloc}", f"Authorization: Bearer {KEY}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


# ---- reuse ------------------------------------------------------------------------------------------


def test_keep_alive(gateway):
    with Raw(gateway) as raw:
        for _ in range(20):
            reply = raw.request().reply()
            assert reply.status == 200 and reply.json() == "I'm alive!"
            assert reply.headers.get("connection", "keep-alive") != "close"
        assert raw.chat(model="claude", messages=HELLO).reply().status == 200
        assert raw.request().reply().status == 200
        assert gateway.holds()["connections"] == 2


def test_connection_close_is_honoured(gateway):
    with Raw(gateway) as raw:
        reply = raw.request(headers=["Connection: close"]).reply()
        assert reply.status == 200 and reply.headers["connection"] == "close"
        assert raw.closed()


def test_an_error_of_ours_keeps_the_connection(gateway):
    with Raw(gateway) as raw:
        assert raw.request(target="/nowhere").reply().status == 404
        assert raw.chat(model="unknown", messages=HELLO).reply().status == 400
        assert raw.request().reply().status == 200


def test_pipelining_answers_in_order(gateway):
    with Raw(gateway) as raw:
        targets = ["/health/liveliness", "/v1/models", "/nowhere", "/health/readiness", "/v1/models/claude"]
        for target in targets:
            raw.request(target=target)
        replies = [raw.reply() for _ in targets]
        assert [r.status for r in replies] == [200, 200, 404, 200, 200]
        assert replies[1].json()["object"] == "list" and replies[3].json()["status"] == "healthy"
        assert replies[4].json()["id"] == "claude"


def test_pipelining_behind_a_stream(gateway):
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=HELLO, stream=True).request().chat(model="claude", messages=HELLO)
        stream, alive, whole = raw.reply(), raw.reply(), raw.reply()
        assert events(stream.body)[-1] == "[DONE]"
        assert alive.json() == "I'm alive!"
        assert whole.json()["object"] == "chat.completion"


def test_many_pipelined_requests_in_one_write(gateway):
    one = f"GET /health/liveliness HTTP/1.1\r\nHost: {gateway.netloc}\r\n\r\n".encode()
    count = 2000  # far beyond what is kept of requests to come: reading must pause and go on
    with Raw(gateway) as raw:
        raw.socket.setblocking(False)
        data, got = one * count, b""
        raw.socket.setblocking(True)
        raw.socket.settimeout(10)
        sent = 0
        while sent < len(data):
            sent += raw.socket.send(data[sent : sent + 65536])
        while got.count(b"HTTP/1.1 200 OK") < count:
            piece = raw.socket.recv(65536)
            assert piece, f"closed after {got.count(b'HTTP/1.1 200 OK')} replies"
            got += piece


def test_requests_cut_at_every_byte(gateway):
    body = chat_body()
    request = chat_head(gateway, f"Content-Length: {len(body)}") + body
    with Raw(gateway) as raw:
        for byte in request:
            raw.send(bytes([byte]))
        assert raw.reply().json()["object"] == "chat.completion"


def test_half_closed_client_counts_as_gone(gateway):
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=HELLO, stream=True)
        raw.socket.shutdown(socket.SHUT_WR)
        raw.rest()  # whatever was sent before the close was seen, and then an end
    gateway.nothing_left()


# ---- bodies -----------------------------------------------------------------------------------------


def chunked(body, size):
    pieces = [body[i : i + size] for i in range(0, len(body), size)]
    return b"".join(b"%x\r\n%s\r\n" % (len(p), p) for p in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize("size", [1, 7, 4096])
def test_chunked_request_body(gateway, size):
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Transfer-Encoding: chunked") + chunked(chat_body(), size))
        assert raw.reply().json()["object"] == "chat.completion"
        assert raw.request().reply().status == 200


def test_chunk_extensions_and_trailers_are_read_over(gateway):
    body = chat_body()
    data = b"%x;name=value\r\n%s\r\n0\r\nX-Trailer: yes\r\n\r\n" % (len(body), body)
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Transfer-Encoding: chunked", "Trailer: X-Trailer") + data)
        assert raw.reply().json()["object"] == "chat.completion"
        assert raw.request().reply().status == 200


def test_expect_continue(gateway):
    body = chat_body()
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}", "Expect: 100-continue"))
        assert raw.reply().status == 100
        assert raw.silent(0.1)
        raw.send(body)
        assert raw.reply().json()["object"] == "chat.completion"
        assert raw.request().reply().status == 200


def test_expect_continue_with_curl(gateway, curl):
    body = json.dumps({"model": "claude", "messages": [{"role": "user", "content": "word " * 400_000}]})
    status, _, reply = curl(
        *("-X", "POST", gateway.base_url + "/chat/completions", "-H", f"Authorization: Bearer {KEY}"),
        *("-H", "Expect: 100-continue", "-H", "Content-Type: application/json", "--data-binary", "@-"),
        stdin=body.encode(),
    )
    # Two million characters are more than the model takes: what matters is whose answer it is.
    assert status == 400 and json.loads(reply)["error"]["type"] == "invalid_request_error"


def test_unknown_expectation(gateway):
    with Raw(gateway) as raw:
        reply = raw.request(headers=["Expect: 200-maybe"]).reply()
        assert reply.status == 417
        reply.error()


@pytest.mark.parametrize(
    "body, param, message",
    [
        (b"{", "request_body", "JSON"),
        (b'{"model":"\xc3\xa9",}', "request_body", "JSON"),
        (b'\xef\xbb\xbf{"model":"claude"}', "request_body", "BOM"),
        (b"[]", None, "object"),
        (b'"hi"', None, "object"),
        (b" \r\n", "messages", "is empty"),
        (b"{}", "messages", "required"),
        (b'{"model":"claude"}', "messages", "messages"),
        (b'{"messages":[{"role":"user","content":"hi"}]}', "model", "required"),
        (b'{"model":"claude","messages":"hi"}', None, "messages"),
        (b'{"model":"claude","messages":[{"role":"user","content":"\xff"}]}', "messages", "UTF-8"),
        (b'{"\\u00e9":"\\u00e9 \xc3\xa9","b":"\xed\xa0\x80"}', "messages", "UTF-8"),
        (b'{"model":"claude","messages":' + b"[" * 5000 + b"]" * 5000 + b"}", "request_body", "deep"),
    ],
)
def test_bodies_that_are_no_chat_request(gateway, body, param, message):
    """LiteLLM's rule: what cannot be read as text is nothing, and misses what nothing misses."""
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}") + body)
        reply = raw.reply()
        assert reply.status == 400
        error = reply.error()
        assert error["type"] == "invalid_request_error" and message in error["message"]
        assert error["param"] == param
        assert raw.request().reply().status == 200


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "Multipart/Form-Data; boundary=x"])
def test_forms(gateway, kind):
    """A form is none of ours, but curl -d says form when it sends JSON."""
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\nContent-Type: {kind}\r\n"
    with Raw(gateway) as raw:
        for body in (b"model=claude&messages=hi", chat_body()):
            raw.send(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        refused, answered = raw.reply(), raw.reply()
        assert refused.status == 400 and refused.error()["param"] == "messages"
        assert "form" in refused.error()["message"]
        assert answered.json()["object"] == "chat.completion"


def test_the_string_true_is_no_stream(gateway):
    with Raw(gateway) as raw:
        assert raw.chat(model="claude", messages=HELLO, stream="true").reply().json()["object"] == "chat.completion"


# ---- compression ------------------------------------------------------------------------------------


@pytest.mark.parametrize("accept, packed", [("gzip, deflate, br", True), ("br", False), ("gzip;q=0", False)])
def test_long_answers_are_compressed_for_those_who_ask(gateway, accept, packed):
    text = [{"role": "user", "content": "[[sim:chunks(100,40)]] Hello"}]
    with Raw(gateway) as raw:
        plain = raw.chat(model="claude", messages=text).reply()
        reply = raw.chat(headers=[f"Accept-Encoding: {accept}"], model="claude", messages=text).reply()
        assert reply.headers.get("content-encoding") == ("gzip" if packed else None)
        assert reply.headers["vary"] == plain.headers["vary"] == "Accept-Encoding"
        body = gzip.decompress(reply.body) if packed else reply.body
        assert json.loads(body)["choices"] == plain.json()["choices"]
        assert len(reply.body) < len(body) / 2 or not packed
        short = raw.request(headers=[f"Accept-Encoding: {accept}"]).reply()
        assert "content-encoding" not in short.headers and "vary" not in short.headers


def test_streams_and_heads_under_compression(gateway):
    accept = ["Accept-Encoding: gzip", "Origin: http://localhost:5173"]
    long = [{"role": "user", "content": "[[sim:chunks(100,40)]] Hello"}]
    with Raw(gateway) as raw:
        stream = raw.chat(headers=accept, model="claude", messages=long, stream=True).reply()
        assert "content-encoding" not in stream.headers and events(stream.body)[-1] == "[DONE]"
        whole = raw.chat(headers=accept, model="claude", messages=long).reply()
        assert whole.headers["vary"] == "Origin, Accept-Encoding"
        error = raw.chat(headers=accept, model="m" * 5000, messages=HELLO).reply()
        assert error.status == 400 and error.headers["content-encoding"] == "gzip"
        assert "m" * 5000 in json.loads(gzip.decompress(error.body))["error"]["message"]


def test_a_request_without_a_body(gateway):
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway))
        reply = raw.reply()
        assert reply.status == 400
        reply.error()


def test_a_body_on_get_is_dropped(gateway):
    with Raw(gateway) as raw:
        assert raw.request(body=b"x" * 1000).reply().status == 200
        assert raw.request().reply().status == 200


# ---- methods and paths ------------------------------------------------------------------------------


def test_head(gateway):
    with Raw(gateway) as raw:
        get = raw.request("GET", "/v1/models").reply()
        head = raw.request("HEAD", "/v1/models").reply("HEAD")
        assert head.status == 200
        assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))
        assert raw.request("HEAD", "/nowhere").reply("HEAD").status == 404
        assert raw.request().reply().status == 200


@pytest.mark.parametrize(
    "target", ["/nowhere", "/nowhere/", "/V1/models", "//v1/models", "/ui/..;/v1", "//", "///x/"]
)
def test_unknown_path(gateway, target):
    with Raw(gateway) as raw:
        reply = raw.request(target=target).reply()
        assert reply.status == 404 and reply.detail() == "Not Found"


@pytest.mark.parametrize(
    "target, location",
    [
        ("/v1/chat/completions/", "/v1/chat/completions"),
        ("/v1/chat/completions//", "/v1/chat/completions"),
        ("/chat/completions/?a=%2F&b", "/chat/completions?a=%2F&b"),
        ("/openai/deployments/cl%61ude/chat/completions/", "/openai/deployments/cl%61ude/chat/completions"),
        ("/health/liveliness/", "/health/liveliness"),
    ],
)
def test_slash_at_the_end(gateway, target, location):
    """The client is sent to the path without it, method and body to be repeated; nobody is asked for
    a key that only the place itself needs."""
    with Raw(gateway) as raw:
        reply = raw.send(f"POST {target} HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{{}}").reply()
        assert reply.status == 307 and reply.headers["location"] == location
        assert reply.body == b"" and "content-type" not in reply.headers
        assert raw.request(target=target).reply().headers["location"] == location
        assert raw.request("HEAD", target=target).reply("HEAD").status == 307
        assert raw.request().reply().status == 200


def test_a_client_that_follows_the_slash(gateway, curl):
    status, _, body = curl(
        *("-L", gateway.base_url + "/chat/completions/", "-H", f"Authorization: Bearer {KEY}"),
        *("-H", "Content-Type: application/json", "--data-binary", "@-"),
        stdin=chat_body(),
    )
    assert status == 200 and json.loads(body)["object"] == "chat.completion"


@pytest.mark.parametrize(
    "method, target, allow",
    [
        ("GET", "/v1/chat/completions", {"POST"}),
        ("PUT", "/chat/completions", {"POST"}),
        ("POST", "/v1/models", {"GET", "HEAD"}),
        ("DELETE", "/health", {"GET", "HEAD"}),
        ("PATCH", "/openai/deployments/claude/chat/completions", {"POST"}),
    ],
)
def test_wrong_method(gateway, method, target, allow):
    with Raw(gateway) as raw:
        reply = raw.request(method, target).reply()
        assert reply.status == 405
        assert {m.strip() for m in reply.headers["allow"].split(",")} - {"OPTIONS"} == allow
        assert reply.detail() == "Method Not Allowed"
        assert raw.request().reply().status == 200


def test_query_and_absolute_target(gateway):
    with Raw(gateway) as raw:
        assert raw.request(target="/v1/models?return_wildcard_routes=false&x=%2F").reply().status == 200
        assert raw.request(target=f"http://{gateway.netloc}/v1/models").reply().status == 200


@pytest.mark.parametrize(
    "target",
    [
        "/openai/deployments/claude/chat/completions?api-version=2024-10-21",
        "/engines/claude/chat/completions",
    ],
)
def test_model_in_the_path(gateway, target):
    body = json.dumps({"messages": HELLO}).encode()
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}", target=target) + body)
        reply = raw.reply()
        assert reply.status == 200 and reply.json()["model"] == "claude"


def test_cors_preflight(gateway, curl):
    status, headers, body = curl(
        *("-X", "OPTIONS", gateway.base_url + "/chat/completions", "-H", "Origin: http://localhost:5173"),
        *("-H", "Access-Control-Request-Method: POST"),
        *("-H", "Access-Control-Request-Headers: authorization,content-type,x-stainless-os"),
    )
    assert status in (200, 204) and body in (b"", b"OK")
    assert headers["access-control-allow-origin"] in ("*", "http://localhost:5173")
    assert "POST" in headers["access-control-allow-methods"]
    allowed = headers["access-control-allow-headers"].lower()
    assert allowed == "*" or all(h in allowed for h in ("authorization", "content-type", "x-stainless-os"))


def test_cors_on_the_answer_and_on_errors(gateway):
    with Raw(gateway) as raw:
        origin = ["Origin: http://localhost:5173"]
        assert raw.request(target="/v1/models", headers=origin).reply().headers["access-control-allow-origin"]
        assert raw.request(target="/nowhere", headers=origin).reply().headers["access-control-allow-origin"]
        stream = raw.chat(headers=origin, model="claude", messages=HELLO, stream=True).reply()
        assert stream.headers["access-control-allow-origin"]


def test_preflight_of_an_unknown_path(gateway, curl):
    status, _, _ = curl("-X", "OPTIONS", f"http://{gateway.netloc}/nowhere", "-H", "Origin: http://localhost")
    assert status == 404


# ---- HTTP/1.0 and IPv6 ------------------------------------------------------------------------------


def test_http_1_0(gateway):
    with Raw(gateway) as raw:
        reply = raw.request(version="HTTP/1.0").reply()
        assert reply.status == 200 and "transfer-encoding" not in reply.headers
        assert raw.closed()


def test_http_1_0_stream_ends_with_the_connection(gateway):
    body = chat_body(stream=True)
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}", version="HTTP/1.0") + body)
        version, status, headers = raw.head()
        assert status == 200
        assert "transfer-encoding" not in headers and "content-length" not in headers
        assert events(raw.rest())[-1] == "[DONE]"


def test_http_1_0_with_curl(gateway, curl):
    status, _, body = curl("-0", gateway.base_url + "/models", "-H", f"Authorization: Bearer {KEY}")
    assert status == 200 and json.loads(body)["object"] == "list"


def test_ipv6(launch, simulator, curl):
    gateway = launch(configuration(simulator.url), host="::1")
    assert gateway.host == "::1"
    with Raw(gateway) as raw:
        assert events(raw.chat(model="claude", messages=HELLO, stream=True).reply().body)[-1] == "[DONE]"
    status, _, _ = curl("-g", f"http://[::1]:{gateway.port}/v1/models", "-H", f"Authorization: Bearer {KEY}")
    assert status == 200
    gateway.nothing_left()


# ---- smuggling --------------------------------------------------------------------------------------

GOOD = b"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\n"
CHUNKED = GOOD + b"Transfer-Encoding: chunked\r\n"


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(CHUNKED + b"Content-Length: 3\r\n\r\n0\r\n\r\n", id="both-lengths"),
        pytest.param(
            GOOD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="both-reversed"
        ),
        pytest.param(GOOD + b"Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", id="two-lengths"),
        pytest.param(GOOD + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", id="same-length-twice"),
        pytest.param(GOOD + b"Content-Length: 3, 3\r\n\r\nabc", id="length-list"),
        pytest.param(GOOD + b"Content-Length: +3\r\n\r\nabc", id="length-sign"),
        pytest.param(GOOD + b"Content-Length: -3\r\n\r\nabc", id="length-negative"),
        pytest.param(GOOD + b"Content-Length: 0x3\r\n\r\nabc", id="length-hex"),
        pytest.param(GOOD + b"Content-Length: 3 3\r\n\r\nabc", id="length-space"),
        pytest.param(GOOD + b"Content-Length:\r\n\r\n", id="length-empty"),
        pytest.param(GOOD + b"Content-Length: 99999999999999999999\r\n\r\n", id="length-overflow"),
        pytest.param(GOOD + b"Content-Length : 3\r\n\r\nabc", id="space-before-colon"),
        pytest.param(GOOD + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", id="chunked-twice"),
        pytest.param(GOOD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", id="coding-unknown"),
        pytest.param(GOOD + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n", id="chunked-not-last"),
        pytest.param(GOOD + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n", id="coding-vertical-tab"),
        pytest.param(GOOD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n", id="folded"),
        pytest.param(GOOD + b"X: a\nContent-Length: 0\r\n\r\n", id="bare-lf-header"),
        pytest.param(b"GET /health HTTP/1.1\nHost: x\n\n", id="bare-lf-everywhere"),
        pytest.param(GOOD + b"X: a\rb\r\n\r\n", id="bare-cr"),
        pytest.param(GOOD + b"X: a\x00b\r\n\r\n", id="nul"),
        pytest.param(GOOD + b"X\x00: a\r\n\r\n", id="nul-in-name"),
        pytest.param(GOOD + b"no colon here\r\n\r\n", id="no-colon"),
        pytest.param(GOOD + b": value\r\n\r\n", id="empty-name"),
        pytest.param(GOOD + b"Host: y\r\n\r\n", id="two-hosts"),
        pytest.param(b"GET /health HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(b"GET  /health HTTP/1.1\r\nHost: x\r\n\r\n", id="two-spaces"),
        pytest.param(b"GET /he alth HTTP/1.1\r\nHost: x\r\n\r\n", id="space-in-target"),
        pytest.param(b"GET /health\r\nHost: x\r\n\r\n", id="http-0.9"),
        pytest.param(b"GET /health HTTP/1.1 x\r\nHost: x\r\n\r\n", id="tail-behind-version"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\x00" * 64, id="tls-hello"),
    ],
)
def test_ambiguous_heads_are_refused(gateway, request_bytes):
    # Behind it stands a request that would be answered if the two sides disagreed.
    smuggled = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with Raw(gateway) as raw:
        raw.send(request_bytes + smuggled)
        reply = raw.reply()
        assert reply.status in (400, 501)
        assert reply.headers["connection"] == "close"
        reply.error()
        assert raw.closed()


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"g\r\nabc\r\n0\r\n\r\n", id="not-hex"),
        pytest.param(b"-1\r\nabc\r\n0\r\n\r\n", id="negative"),
        pytest.param(b"+3\r\nabc\r\n0\r\n\r\n", id="sign"),
        pytest.param(b"0x3\r\nabc\r\n0\r\n\r\n", id="prefix"),
        pytest.param(b" 3\r\nabc\r\n0\r\n\r\n", id="space-before"),
        pytest.param(b"3\nabc\r\n0\r\n\r\n", id="bare-lf"),
        pytest.param(b"3\r\nabc\n0\r\n\r\n", id="bare-lf-behind-data"),
        pytest.param(b"3\r\nabcd\r\n0\r\n\r\n", id="longer-than-said"),
        pytest.param(b"fffffffffffffffff\r\nabc\r\n0\r\n\r\n", id="overflow"),
        pytest.param(b"3;a\x00b\r\nabc\r\n0\r\n\r\n", id="nul-in-extension"),
        pytest.param(b"\r\nabc\r\n0\r\n\r\n", id="no-size"),
    ],
)
def test_bad_chunks_are_refused(gateway, body):
    smuggled = b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n"
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Transfer-Encoding: chunked") + body + smuggled)
        reply = raw.reply()
        assert reply.status == 400
        assert reply.headers["connection"] == "close"
        reply.error()
        assert raw.closed()


def test_unknown_version(gateway):
    with Raw(gateway) as raw:
        reply = raw.send(b"GET /health HTTP/2.0\r\nHost: x\r\n\r\n").reply()
        assert reply.status in (400, 505)
        reply.error()
        assert raw.closed()


def test_errors_say_what_they_are(gateway, curl):
    for target, status in (("/nowhere", 404), ("/v1/chat/completions", 405)):
        got, headers, body = curl(f"http://{gateway.netloc}{target}", "-H", f"Authorization: Bearer {KEY}")
        assert got == status
        assert headers["content-type"].startswith("application/json")
        assert int(headers["content-length"]) == len(body)
        assert set(json.loads(body)) == {"detail"}
