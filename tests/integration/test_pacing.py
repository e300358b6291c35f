"""Throttling upstream, more load than it takes: the gateway finds out what gets through and sends no
more; what has to wait waits its turn, what would wait too long is told so at once, or falls back.

The figures are those of the simulator's own counters (bedrock-sim --rate)."""

import asyncio
import collections
import statistics
import time

import httpx
import pytest
from conftest import KEY, MODELS, configuration, deployment
from programs import Simulator

RATE = 25

pytestmark = pytest.mark.alone


@pytest.fixture
def throttled(tmp_path):
    """throttled(rate) → a Bedrock that takes so many calls a second."""
    started = []

    def start(rate=RATE):
        started.append(Simulator(tmp_path / f"throttled-{len(started)}", "--rate", rate))
        return started[-1]

    yield start
    for program in started:
        program.stop()


def group(urls, more=(), **settings):
    models = [
        deployment("g", MODELS["nova"], url) | {"model_info": {"id": f"d{i}"}} for i, url in enumerate(urls)
    ]
    return configuration(urls[0], extra_models=[*models, *more], router_settings={"num_retries": 3, **settings})


class Load:
    """Requests at even distances, whatever becomes of those before."""

    def __init__(self, gateway, stream=False, model="g"):
        self.gateway, self.answers = gateway, []
        self.body = {"model": model, "stream": stream, "messages": [{"role": "user", "content": "[[sim:reply(ok)]]"}]}

    async def one(self, client):
        begun = time.monotonic()
        answer = await client.post("/v1/chat/completions", json=self.body)
        answer.took = time.monotonic() - begun
        self.answers.append(answer)

    async def run(self, per_second, seconds, looks=()):
        """Returns what `look` said at each of the times `looks`."""
        seen = []
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=None)
        headers = {"authorization": f"Bearer {KEY}"}
        async with httpx.AsyncClient(
            base_url=self.gateway.url, headers=headers, timeout=30, limits=limits
        ) as client:
            begun, tasks = time.monotonic(), []
            looks = list(looks)
            for i in range(int(per_second * seconds)):
                await asyncio.sleep(max(0, begun + i / per_second - time.monotonic()))
                tasks.append(asyncio.create_task(self.one(client)))
                if looks and time.monotonic() - begun >= looks[0][0]:
                    seen.append(await asyncio.to_thread(looks.pop(0)[1]))
            await asyncio.gather(*tasks)
        return seen

    def statuses(self):
        return collections.Counter(a.status_code for a in self.answers)


def deployments(gateway):
    return gateway.get("/debug/exchanges", KEY)[1]["deployments"]


def counters(*simulators):
    def look():
        stats = [s.stats() for s in simulators]
        return time.monotonic(), sum(s["admitted"] for s in stats), sum(s["throttled"] for s in stats)

    return look


def rates(before, after):
    """(admitted, sent) a second."""
    seconds = after[0] - before[0]
    admitted, refused = after[1] - before[1], after[2] - before[2]
    return admitted / seconds, (admitted + refused) / seconds


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_goodput_under_three_times_the_load(launch, throttled, stream, record_property):
    simulator = throttled()
    gateway = launch(group([simulator.url], queue_timeout=1))
    load = Load(gateway, stream)
    look = counters(simulator)
    before, after = asyncio.run(load.run(3 * RATE, 9.2, [(3, look), (9, look)]))
    good, sent = rates(before, after)
    told = deployments(gateway)["d0"]
    record_property("report", f"of {RATE}/s: {good:.1f} admitted, {sent:.1f} sent; {load.statuses()}; {told}")
    assert good > 0.9 * RATE
    assert sent < 1.2 * RATE
    assert set(load.statuses()) == {200, 429}
    assert load.statuses()[200] > 0.85 * RATE * 9
    refused = [a for a in load.answers if a.status_code == 429]
    assert all(int(a.headers["retry-after"]) >= 1 for a in refused)
    assert "paced" in refused[-1].json()["error"]["message"]
    assert refused[-1].json()["error"]["type"] == "throttling_error"
    served = [a for a in load.answers if a.status_code == 200]
    # At once, not when the wait is over.
    assert statistics.median(a.took for a in refused) < statistics.median(a.took for a in served)
    assert told["throttled"] > 0 and RATE / 2 < told["paced_per_second"] < 2 * RATE
    assert told["rests"] == 0


def test_no_throttling_no_pace(launch, throttled):
    simulator = throttled(1000)
    gateway = launch(group([simulator.url]))
    load = Load(gateway)
    asyncio.run(load.run(60, 2))
    assert load.statuses() == {200: 120}
    told = deployments(gateway)["d0"]
    assert told["paced_per_second"] is None and told["throttled"] == 0


def test_switched_off(launch, throttled):
    """As LiteLLM: everything is sent."""
    simulator = throttled()
    gateway = launch(group([simulator.url], adaptive_pacing=False, num_retries=0))
    load = Load(gateway)
    look = counters(simulator)
    before, after = asyncio.run(load.run(3 * RATE, 3, [(1, look), (2.8, look)]))
    assert rates(before, after)[1] > 2 * RATE
    assert deployments(gateway)["d0"]["paced_per_second"] is None


def test_who_would_wait_falls_back(launch, throttled, simulator):
    """The throttled deployment stays busy, the others go to the fallback, and nobody is refused."""
    narrow = throttled()
    more = [deployment("other", MODELS["claude"], simulator.url)]
    gateway = launch(group([narrow.url], more, fallbacks=[{"g": ["other"]}], pace_patience=0.3))
    load = Load(gateway)
    look = counters(narrow)
    before, after = asyncio.run(load.run(3 * RATE, 6.2, [(3, look), (6, look)]))
    good, sent = rates(before, after)
    assert set(load.statuses()) == {200}
    assert good > 0.85 * RATE and sent < 1.2 * RATE
    shares = collections.Counter(a.headers["x-litellm-model-group"] for a in load.answers)
    assert shares["other"] > RATE * 6 and shares["g"] > 0.8 * RATE * 6


def test_two_deployments_together(launch, throttled):
    """LiteLLM's rest comes first; then each is paced at what it takes."""
    narrow, wide = throttled(15), throttled(30)
    gateway = launch(group([narrow.url, wide.url], queue_timeout=1, cooldown_time=1))
    load = Load(gateway)
    looks = [(5, counters(narrow)), (5, counters(wide)), (11, counters(narrow)), (11, counters(wide))]
    first, second, third, fourth = asyncio.run(load.run(90, 11.2, looks))
    for rate, (good, sent) in {15: rates(first, third), 30: rates(second, fourth)}.items():
        assert good > 0.8 * rate and sent < 1.25 * rate, (rate, good, sent, deployments(gateway))
    assert set(load.statuses()) == {200, 429}


def test_recovery(launch, throttled, simulator_at):
    """The limit goes: soon nothing waits any more."""
    narrow = throttled(10)
    gateway = launch(group([narrow.url], queue_timeout=1))
    load = Load(gateway)
    asyncio.run(load.run(60, 3))
    assert load.statuses()[429] > 60
    port = narrow.port
    narrow.stop()
    simulator_at(port)
    asyncio.run(Load(gateway).run(60, 5))
    free = Load(gateway)
    asyncio.run(free.run(60, 2))
    assert free.statuses() == {200: 120}
