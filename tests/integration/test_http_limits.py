"""Caps and clocks of the HTTP server, with a gateway that is configured tightly."""

import json
import time

import pytest
from conftest import KEY, configuration
from programs import ASAN, wait_for
from raw import Closed, Raw, events

MEBIBYTE = 1 << 20
STALL = 2.0

SETTINGS = {
    "general_settings": {
        "max_request_size_mb": 1,
        "max_connections": 8,
        "header_timeout": 0.7,
        "body_timeout": 0.7,
        "idle_timeout": 1.2,
        "client_stall_timeout": STALL,
    }
}

HELLO = [{"role": "user", "content": "Hello"}]


def chat_head(gateway, *headers):
    lines = ["POST /v1/chat/completions HTTP/1.1", f"Host: {gateway.netloc}", f"Authorization: Bearer {KEY}"]
    return "\r\n".join([*lines, "Content-Type: application/json", *headers, "", ""]).encode()


def padded(size):
    """A chat request of exactly `size` bytes."""
    empty = json.dumps({"model": "claude", "messages": HELLO, "user": ""}).encode()
    return empty.replace(b'"user": ""', b'"user": "' + b"x" * (size - len(empty)) + b'"')


# ---- caps -------------------------------------------------------------------------------------------


def test_largest_body(gateway):
    body = padded(MEBIBYTE)
    assert len(body) == MEBIBYTE
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}") + body)
        assert raw.reply().status == 200


def test_declared_length_beyond_the_cap(gateway):
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {MEBIBYTE + 1}"))
        reply = raw.reply()
        assert reply.status == 413 and reply.headers["connection"] == "close"
        assert reply.error()["type"] == "invalid_request_error"


def test_declared_length_beyond_the_cap_with_expect(gateway):
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {MEBIBYTE + 1}", "Expect: 100-continue"))
        assert raw.reply().status == 413
        assert raw.closed()


def test_the_refusal_reaches_a_client_that_sends_on(gateway):
    """Closing at once would reset the connection and lose the reply."""
    body = padded(3 * MEBIBYTE)
    with Raw(gateway) as raw:
        try:
            raw.send(chat_head(gateway, f"Content-Length: {len(body)}") + body)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert raw.reply().status == 413


def test_chunked_body_beyond_the_cap(gateway):
    body = padded(MEBIBYTE + 1)
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Transfer-Encoding: chunked"))
        for i in range(0, len(body), 65536):
            piece = body[i : i + 65536]
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        reply = raw.reply()
        assert reply.status == 413 and reply.headers["connection"] == "close"
        reply.error()


def test_chunked_body_at_the_cap(gateway):
    body = padded(MEBIBYTE)
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Transfer-Encoding: chunked"))
        for i in range(0, len(body), 65536):
            piece = body[i : i + 65536]
            raw.send(b"%x\r\n%s\r\n" % (len(piece), piece))
        raw.send(b"0\r\n\r\n")
        assert raw.reply().status == 200


def test_413_with_curl(gateway, curl):
    status, _, body = curl(
        *(gateway.base_url + "/chat/completions", "-H", f"Authorization: Bearer {KEY}", "-H", "Expect:"),
        *("-H", "Content-Type: application/json", "--data-binary", "@-"),
        stdin=padded(2 * MEBIBYTE),
    )
    assert status == 413 and json.loads(body)["error"]["code"] == "413"


def test_long_target(gateway):
    with Raw(gateway) as raw:
        reply = raw.request(target="/v1/models?x=" + "y" * 20000).reply()
        assert reply.status == 414
        reply.error()
        assert raw.closed()


@pytest.mark.parametrize(
    "headers",
    [
        pytest.param(["X-Long: " + "y" * 70000], id="one-long"),
        pytest.param([f"X-{i}: {'y' * 1000}" for i in range(80)], id="many"),
        pytest.param([f"X-{i}: y" for i in range(200)], id="too-many-lines"),
        pytest.param(["X" * 70000 + ": y"], id="long-name"),
    ],
)
def test_large_head(gateway, headers):
    with Raw(gateway) as raw:
        reply = raw.request(headers=headers).reply()
        assert reply.status == 431
        reply.error()
        assert raw.closed()


def test_a_large_head_within_the_cap(gateway):
    with Raw(gateway) as raw:
        assert raw.request(headers=[f"X-{i}: {'y' * 1000}" for i in range(50)]).reply().status == 200


def test_too_many_connections(gateway):
    wait_for(lambda: gateway.holds()["connections"] == 1)
    held = [Raw(gateway) for _ in range(8)]
    try:
        for raw in held:
            assert raw.request().reply().status == 200
        with Raw(gateway) as late:
            reply = late.reply()
            assert reply.status == 503 and reply.headers["connection"] == "close"
            reply.error()
            assert late.closed()
        held.pop().socket.close()
        wait_for(lambda: accepted(gateway), 2, "a place is free again")
        assert held[0].request().reply().status == 200
    finally:
        for raw in held:
            raw.socket.close()


def accepted(gateway):
    with Raw(gateway) as raw:
        try:
            return raw.request().reply().status == 200
        except (BrokenPipeError, ConnectionResetError):
            return False


# ---- clocks -----------------------------------------------------------------------------------------


def seconds_until(action):
    begun = time.monotonic()
    result = action()
    return time.monotonic() - begun, result


def test_slow_head(gateway):
    with Raw(gateway) as raw:
        raw.send("GET /health HTTP/1.1\r\nHost: x\r\n")
        took, reply = seconds_until(raw.reply)
        assert reply.status == 408 and 0.5 < took < 2
        reply.error()
        assert raw.closed()


def test_a_head_that_drips(gateway):
    """A byte now and then does not extend the time."""
    with Raw(gateway) as raw:
        begun = time.monotonic()
        for byte in b"GET /health HTTP/1.1\r\nHost: x\r\nX-Drip: yyyyyyyyyyyyyyyyyyyy":
            raw.send(bytes([byte]))
            if not raw.silent(0.05):
                break
        assert raw.reply().status == 408
        assert 0.5 < time.monotonic() - begun < 2


def test_a_connection_that_says_nothing(gateway):
    with Raw(gateway) as raw:
        took, closed = seconds_until(raw.closed)
        assert closed and 0.5 < took < 2


def test_body_that_stands_still(gateway):
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, "Content-Length: 100") + b'{"model":')
        took, reply = seconds_until(raw.reply)
        assert reply.status == 408 and reply.headers["connection"] == "close" and 0.5 < took < 2
        reply.error()


def test_a_slow_but_steady_body(gateway):
    body = json.dumps({"model": "claude", "messages": HELLO}).encode()
    with Raw(gateway) as raw:
        raw.send(chat_head(gateway, f"Content-Length: {len(body)}"))
        for i in range(0, len(body), 8):
            raw.send(body[i : i + 8])
            time.sleep(0.2)  # well within body_timeout, in sum far beyond it
        assert raw.reply().status == 200


def test_idle_connection(gateway):
    with Raw(gateway) as raw:
        assert raw.request().reply().status == 200
        took, closed = seconds_until(raw.closed)
        assert closed and 0.9 < took < 3


def test_a_long_answer_is_not_idle(gateway):
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=[{"role": "user", "content": "[[sim:slow_head(2500)]] Hello"}])
        assert raw.reply().status == 200
        assert raw.request().reply().status == 200


# ---- a client that does not read --------------------------------------------------------------------


BYTES = 8_000_000  # of an answer: more than the kernel's buffers take


def flood(raw, stream=True):
    raw.chat(
        model="claude",
        messages=[{"role": "user", "content": f"[[sim:chunks({BYTES // 1000},1000)]] [[sim:gap(0)]]"}],
        stream=stream,
    )


def text_of(found):
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in found if c != "[DONE]")


def paused(gateway, count=1):
    """The live exchanges, once so many of them have paused their upstream."""

    def found():
        exchanges = [e for e in gateway.holds()["exchanges"] if e["paused"]]
        return len(exchanges) == count and exchanges

    return wait_for(found, 20, f"{count} upstreams paused")


def test_a_client_that_does_not_read_costs_little(launch, simulator):
    # What the sanitizer would keep of freed memory is not the gateway's.
    gateway = launch(
        configuration(simulator.url),
        env={"ASAN_OPTIONS": f"{ASAN}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"},
    )
    streams = 4
    held = [Raw(gateway, receive_buffer=4096) for _ in range(1 + streams)]
    try:
        # The first one pays what an allocator sets up once: megabytes with some sanitizers.
        flood(held[0])
        paused(gateway)
        before = gateway.resident()
        for raw in held[1:]:
            flood(raw)
        for exchange in paused(gateway, 1 + streams):
            assert exchange["queued"] <= 256 * 1024 + 64 * 1024, exchange
        grown = gateway.resident() - before
        assert grown < streams * MEBIBYTE, f"{grown} bytes for {streams} streams"
        # Whoever takes up reading gets all of it.
        found = events(held[0].reply().body)
        assert found[-1] == "[DONE]" and len(text_of(found)) == BYTES
    finally:
        for raw in held:
            raw.socket.close()
    gateway.nothing_left()


def test_a_client_that_stops_reading_is_cut(gateway, simulator):
    before = simulator.stats()["cancelled"]
    with Raw(gateway, receive_buffer=4096) as raw:
        flood(raw)
        paused(gateway)
        took, _ = seconds_until(
            lambda: wait_for(lambda: gateway.holds()["live"] == 0, STALL + 3, "the client cut")
        )
        assert took > STALL - 1
        wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 1, "the upstream call cancelled")
        with pytest.raises((Closed, ConnectionResetError)):
            raw.reply()


def test_a_slow_reader_is_not_cut(gateway):
    with Raw(gateway, receive_buffer=65536) as raw:
        raw.chat(
            model="claude",
            messages=[{"role": "user", "content": "[[sim:chunks(3000,1000)]] [[sim:gap(0)]]"}],
            stream=True,
        )
        end = time.monotonic() + STALL + 1.5
        while time.monotonic() < end:  # a little at a time, for longer than the stall clock
            raw.more()
            time.sleep(0.1)
        assert events(raw.reply().body)[-1] == "[DONE]"


def test_a_whole_answer_that_is_not_read_is_cut(gateway):
    with Raw(gateway, receive_buffer=4096) as raw:
        flood(raw, stream=False)
        wait_for(lambda: gateway.holds()["upstream"] == 0, 10, "the upstream call over")
        wait_for(lambda: gateway.holds()["connections"] == 1, STALL + 3, "the client cut")


def test_answers_are_paced_by_the_reader(gateway):
    """Everything arrives in order and whole when the reader stops and goes on."""
    with Raw(gateway, receive_buffer=4096) as raw:
        raw.chat(
            model="claude",
            messages=[{"role": "user", "content": "[[sim:chunks(2000,1000)]] [[sim:gap(0)]]"}],
            stream=True,
        )
        _, status, _ = raw.head()
        assert status == 200
        body = b""
        for i, chunk in enumerate(raw.chunks()):
            body += chunk
            if i % 40 == 0:
                time.sleep(0.01)
        assert len(text_of(events(body))) == 2_000_000
