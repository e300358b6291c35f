"""Three regions in one group, 200 streams at a time, and one region dies and comes back: no client
sees an error, the others take over, and the one that is back is found by single calls.

LINTEL_OUTAGE_SECONDS makes the outage longer than the suite can wait for (60 is what is promised)."""

import asyncio
import collections
import json
import os
import time

import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import Simulator
from raw import events

CLIENTS = 200
OUTAGE = float(os.environ.get("LINTEL_OUTAGE_SECONDS", "6"))
BEFORE, AFTER = 2.0, 5.0
REST = 1.0
PROMPT = "[[sim:chunks(8,40)]] [[sim:gap(120)]] Hello"

pytestmark = pytest.mark.alone


class Client:
    """Streams one after the other, on one connection, until it is told to stop."""

    def __init__(self, gateway):
        self.gateway, self.served, self.problems = gateway, [], []
        body = json.dumps(
            {"model": "g", "messages": [{"role": "user", "content": PROMPT}], "stream": True}
        ).encode()
        head = f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        self.request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body

    async def stream(self, reader, writer):
        writer.write(self.request)
        head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
        headers = dict(line.split(": ", 1) for line in head.split("\r\n")[1:] if line)
        data = b""
        while size := int(await reader.readline(), 16):
            data += await reader.readexactly(size)
            await reader.readexactly(2)
        await reader.readline()
        self.note(head, headers.get("x-litellm-model-id"), data)

    def note(self, head, served_by, data):
        found = events(data) if head.startswith("http/1.1 200 ") else []
        good = found and found[-1] == "[DONE]" and not any("error" in c for c in found[:-1])
        good = good and any(c["choices"] and c["choices"][0].get("finish_reason") for c in found[:-1])
        if not good:
            self.problems.append((head, data[-500:]))
        self.served.append((time.monotonic(), served_by))

    async def run(self, stop):
        reader, writer = await asyncio.open_connection(self.gateway.host, self.gateway.port)
        while not stop.is_set():
            await self.stream(reader, writer)
        writer.close()


async def under_load(gateway, story):
    stop = asyncio.Event()
    clients = [Client(gateway) for _ in range(CLIENTS)]
    tasks = [asyncio.create_task(c.run(stop)) for c in clients]
    try:
        times = await story()
    finally:
        stop.set()
        await asyncio.gather(*tasks)
    return times, clients


def told(gateway, which="d0"):
    return gateway.get("/debug/exchanges", KEY)[1]["deployments"][which]


@pytest.mark.timeout(90 + OUTAGE)
def test_one_region_of_three_is_down(launch, tmp_path, record_property):
    regions = [Simulator(tmp_path / f"region-{i}") for i in range(3)]
    models = [
        deployment("g", MODELS["claude"], region.url, aws_region_name=name) | {"model_info": {"id": f"d{i}"}}
        for i, (region, name) in enumerate(zip(regions, ["us-east-1", "us-west-2", "eu-west-1"], strict=True))
    ]
    settings = {"num_retries": 3, "cooldown_time": REST, "mid_stream_fallbacks": True}
    gateway = launch(configuration(regions[1].url, extra_models=models, router_settings=settings))

    async def story():
        seen = {}
        await asyncio.sleep(BEFORE)
        seen["down"] = time.monotonic()
        regions[0].kill()
        await asyncio.sleep(1.5)
        seen["resting"] = await asyncio.to_thread(told, gateway)
        await asyncio.sleep(OUTAGE - 1.5)
        seen["before"] = await asyncio.to_thread(told, gateway)
        regions[0] = Simulator(tmp_path / "region-0-again", port=regions[0].port)
        seen["up"] = time.monotonic()
        await asyncio.sleep(AFTER)
        seen["end"] = time.monotonic()
        return seen

    seen, clients = asyncio.run(under_load(gateway, story))
    problems = [p for c in clients for p in c.problems]
    served = [s for c in clients for s in c.served]
    assert not problems, (len(problems), problems[:3])

    def shares(begin, end):
        return collections.Counter(by for at, by in served if begin <= at < end)

    during = shares(seen["down"] + 1.5, seen["up"])
    after = shares(seen["end"] - 2, seen["end"])
    record_property(
        "report",
        f"{len(served)} streams, {OUTAGE:g} s of one region: no error; before {dict(shares(0, seen['down']))}, "
        f"meanwhile {dict(during)}, afterwards {dict(after)}; {seen['before']}",
    )
    assert not during["d0"] and min(during["d1"], during["d2"]) > 0.3 * sum(during.values())
    assert after["d0"] > 0.15 * sum(after.values())
    # Each call of the one that is down is a probe, after a rest.
    probes = seen["before"]["calls"] - seen["resting"]["calls"]
    rests = seen["before"]["rests"] - seen["resting"]["rests"]
    assert seen["resting"]["rests"] >= 1 and (OUTAGE - 1.5) / REST / 2 - 1 <= probes <= rests + 1
    assert told(gateway)["rest_ms"] == 0
    gateway.nothing_left()
    for region in regions:
        region.stop()
