"""One gateway takes another's place: no stream is cut, no connection refused, no request lost."""

import asyncio
import json
import os
import shutil
import signal
import socket
import tempfile
import time

import pytest
from conftest import KEY, configuration
from programs import Gateway, wait_for
from raw import Raw

STREAMS, SHORT, CLIENTS = 200, 2000, 20


@pytest.fixture
def path():
    """Short: an address of a Unix socket has 107 bytes."""
    folder = tempfile.mkdtemp(prefix="lintel")
    yield os.path.join(folder, "handover")
    shutil.rmtree(folder)


@pytest.fixture
def start(tmp_path, simulator, path):
    started = []

    def start(port, *arguments, handover=path):
        gateway = Gateway(
            tmp_path / str(len(started)),
            configuration(simulator.url),
            "--handover",
            handover,
            *arguments,
            key=KEY,
            port=port,
        )
        started.append(gateway)
        return gateway.wait_listening()

    yield start
    for gateway in started:
        gateway.kill()


def request(text, stream):
    body = json.dumps(
        {"model": "claude", "messages": [{"role": "user", "content": text}], "stream": stream}
    ).encode()
    head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
    return f"{head}Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


async def answer(reader):
    """(keeps the connection, body); anything else than a whole 200 is an exception."""
    head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
    assert head.startswith("http/1.1 200"), head
    keep, body = "connection: close" not in head, b""
    if "transfer-encoding: chunked" in head:
        while size := int(await reader.readline(), 16):
            body += (await reader.readexactly(size + 2))[:-2]
        await reader.readline()
    else:
        length = next(h for h in head.split("\r\n") if h.startswith("content-length:"))
        body = await reader.readexactly(int(length.partition(":")[2]))
    return keep, body


async def one_stream(port, begun):
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request("[[sim:chunks(30,10)]] [[sim:gap(150)]]", True))
    begun.append(1)
    _, body = await answer(reader)
    writer.close()
    assert body.endswith(b"data: [DONE]\n\n") and body.count(b'"content":') >= 30


async def short_requests(port, left, done):
    """On one connection for as long as the gateway keeps it."""
    reader = writer = None
    while left:
        left.pop()
        if not writer:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(request("Hello", False))
        keep, body = await answer(reader)
        assert json.loads(body)["choices"][0]["finish_reason"] == "stop"
        done.append(time.monotonic())
        if not keep:
            writer.close()
            reader = writer = None
    if writer:
        writer.close()


async def load(port, take_place):
    begun, left, done = [], list(range(SHORT)), []
    streams = [asyncio.create_task(one_stream(port, begun)) for _ in range(STREAMS)]
    short = [asyncio.create_task(short_requests(port, left, done)) for _ in range(CLIENTS)]
    while len(begun) < STREAMS or len(done) < SHORT // 10:
        await asyncio.sleep(0.01)
    new = await asyncio.to_thread(take_place)
    found = await asyncio.gather(*streams, *short, return_exceptions=True)
    return new, [repr(f) for f in found if f is not None], len(done)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("workers", [1, 2])
def test_nothing_is_lost(start, workers, simulator):
    old = start(0, "--num_workers", workers)
    served = simulator.stats()["requests"]
    new, errors, done = asyncio.run(load(old.port, lambda: start(old.port, "--num_workers", workers)))
    assert errors == [] and done == SHORT
    assert simulator.stats()["requests"] - served == STREAMS + SHORT
    assert old.wait(20) == 0
    old.check_log()
    assert "takes this one's place" in old.log()
    assert new.ready()
    new.stop()


def test_the_number_of_workers_may_change(start):
    first = start(0)
    second = start(first.port, "--num_workers", 3)
    assert first.wait(10) == 0
    third = start(first.port)
    assert second.wait(10) == 0
    assert third.ready()
    third.stop()


def test_it_can_go_on_and_on(start):
    gateway = start(0)
    for _ in range(4):
        new = start(gateway.port)
        assert gateway.wait(10) == 0
        gateway = new
    assert gateway.ready()
    gateway.stop()


def test_a_request_on_a_connection_that_idles_is_answered(start):
    """And told that it was the last: a client whose request is on its way while the gateway goes must
    not find the connection closed."""
    old = start(0)
    with Raw(old) as raw:
        raw.request()
        assert raw.reply().status == 200
        new = start(old.port)
        wait_for(lambda: "takes this one's place" in old.log(), 5)
        raw.request()
        reply = raw.reply()
        assert reply.status == 200 and reply.headers["connection"] == "close"
        assert raw.closed()
    assert old.wait(10) == 0
    new.stop()


def test_one_that_dies_before_it_is_ready_changes_nothing(start, path):
    old = start(0)
    with socket.socket(socket.AF_UNIX) as s:
        s.connect(path)
        name, fds, _, _ = socket.recv_fds(s, 400, 10)
        assert name.decode() == f"127.0.0.1 {old.port}" and len(fds) == 1
        for fd in fds:
            os.close(fd)
    time.sleep(0.2)
    assert old.ready() and "place" not in old.log()
    old.stop()
    assert not os.path.exists(path)


def test_another_address_is_left_alone(start, path):
    old = start(0)
    other = start(old.port, "--host", "127.0.0.2")
    assert old.ready() and other.ready()
    old.stop()
    assert os.path.exists(path)  # it is the other one's by now
    other.stop()
    assert not os.path.exists(path)


def test_a_stale_file_is_replaced(start, path):
    old = start(0)
    old.process.send_signal(signal.SIGKILL)
    old.wait()
    assert os.path.exists(path)
    new = start(old.port)
    assert new.ready()
    new.stop()


def test_a_place_that_cannot_be_made_is_a_warning(start):
    gateway = start(0, handover="/nowhere/at/all")
    assert gateway.ready() and "nobody can take this gateway's place" in gateway.log()
    gateway.stop()
