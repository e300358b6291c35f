"""Many streams at once. Bounded: what is measured here is told, the figures that count come from
bench/."""

import asyncio
import json
import time

import pytest
from conftest import configuration
from programs import ASAN
from raw import events

STREAMS = 200
CHUNKS = 40
GAP_MS = 25


async def one_stream(gateway, text):
    """(body, arrival time of each piece) of one streamed answer."""
    reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
    body = json.dumps(
        {"model": "claude", "messages": [{"role": "user", "content": text}], "stream": True}
    ).encode()
    writer.write(
        f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        f"Connection: close\r\nContent-Length: {len(body)}\r\n\r\n".encode()
        + body
    )
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 "), head
    data, times = b"", []
    while size := int(await reader.readline(), 16):
        data += await reader.readexactly(size)
        times.append(time.monotonic())
        await reader.readexactly(2)
    writer.close()
    await writer.wait_closed()
    return data, times


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def test_concurrent_streams(gateway, record_property):
    async def all_of_them():
        text = f"[[sim:chunks({CHUNKS},30)]] [[sim:gap({GAP_MS})]]"
        return await asyncio.gather(*(one_stream(gateway, text) for _ in range(STREAMS)))

    before, begun = gateway.resident(), time.monotonic()
    answers = asyncio.run(all_of_them())
    took, grown = time.monotonic() - begun, gateway.resident() - before
    gaps = []
    for data, times in answers:
        found = events(data)
        assert found[-1] == "[DONE]" and found[-2]["choices"][0]["finish_reason"] == "stop"
        text = "".join(c["choices"][0]["delta"].get("content") or "" for c in found[:-1])
        assert len(text) == CHUNKS * 30
        gaps += [b - a for a, b in zip(times, times[1:])]
    record_property(
        "report",
        f"{STREAMS} streams of {CHUNKS} chunks every {GAP_MS} ms: {took:.1f} s, gap between pieces "
        f"p50 {percentile(gaps, 0.5) * 1000:.1f} ms, p99 {percentile(gaps, 0.99) * 1000:.1f} ms; "
        f"resident memory +{grown / STREAMS / 1024:.0f} KiB a stream (with sanitizers)",
    )


def test_one_after_the_other_on_few_connections(launch, simulator):
    """Short calls in a row do not make memory, connections or descriptors grow."""
    # What the sanitizer would keep of freed memory is not the gateway's.
    gateway = launch(
        configuration(simulator.url),
        env={"ASAN_OPTIONS": f"{ASAN}:quarantine_size_mb=0:thread_local_quarantine_size_kb=0"},
    )

    async def caller(count):
        for _ in range(count):
            data, _ = await one_stream(gateway, "Hello")
            assert events(data)[-1] == "[DONE]"

    async def rounds(count):
        await asyncio.gather(*(caller(count) for _ in range(8)))

    asyncio.run(rounds(20))
    gateway.nothing_left()
    before = gateway.resident()
    asyncio.run(rounds(40))
    gateway.nothing_left()
    assert gateway.resident() - before < 320 * 16 * 1024


@pytest.mark.parametrize("leave_after", [0, 3])
def test_all_leave_at_once(gateway, leave_after):
    async def leaver():
        reader, writer = await asyncio.open_connection(gateway.host, gateway.port)
        text = "[[sim:chunks(2000,30)]] [[sim:gap(20)]]"
        body = json.dumps(
            {"model": "claude", "messages": [{"role": "user", "content": text}], "stream": True}
        ).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {gateway.key}\r\n"
        writer.write(head.encode() + f"Content-Length: {len(body)}\r\n\r\n".encode() + body)
        for _ in range(leave_after):
            await reader.readuntil(b"data: ")
        writer.transport.abort()

    async def all_of_them():
        await asyncio.gather(*(leaver() for _ in range(100)))

    asyncio.run(all_of_them())
    gateway.nothing_left()
