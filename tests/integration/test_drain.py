"""GET /health/drain: probes say 503 in every worker, and the answer comes once no request is left."""

import httpx
from conftest import KEY, configuration
from programs import wait_for
from test_admission import later
from test_limits import Stream, chat

TOKEN = {"X-Drain-Token": "let-go"}


def get(gateway, path, **options):
    return httpx.get(gateway.base_url.removesuffix("/v1") + path, timeout=60, **options)


def test_off_a_wrong_token_and_the_variable(launch, simulator):
    gateway = launch(configuration(simulator.url, general_settings={"drain_endpoint_token": "let-go"}))
    answer = get(gateway, "/health/drain", headers=TOKEN)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    settings = {"enable_drain_endpoint": True}
    gateway = launch(configuration(simulator.url, general_settings=settings), env={"DRAIN_ENDPOINT_TOKEN": "let-go"})
    for headers in ({}, {"X-Drain-Token": "let-g"}):
        answer = get(gateway, "/health/drain", headers=headers)
        assert (answer.status_code, answer.json()) == (401, {"detail": "Invalid or missing X-Drain-Token"})
    assert get(gateway, "/health/readiness").status_code == 200
    answer = get(gateway, "/health/drain", headers=TOKEN)
    assert (answer.status_code, answer.json()) == (200, {"status": "drained", "drained_requests": 0})


def test_it_waits_for_all_workers(launch, simulator):
    settings = {"enable_drain_endpoint": True, "drain_endpoint_token": "let-go"}
    gateway = launch(configuration(simulator.url, general_settings=settings), "--num_workers", 2, env={"GRACEFUL_SHUTDOWN_TIMEOUT": "3600", "DRAIN_ENDPOINT_TOKEN": "another"})
    streams = [Stream(gateway, KEY) for _ in range(6)]
    thread, answers = later(lambda: get(gateway, "/health/drain", headers=TOKEN))
    for path in ("/health/readiness", "/health/liveliness", "/health/liveness"):
        wait_for(lambda p=path: get(gateway, p).status_code == 503, 20, "the probe")
        for _ in range(8):  # both workers
            answer = get(gateway, path)
            assert (answer.status_code, answer.json()) == (503, {"status": "shutting_down"})
    assert chat(gateway).status_code == 200  # is served all the same
    assert not answers
    for stream in streams:
        stream.cut()
    thread.join(60)
    assert answers[0].status_code == 200 and answers[0].json()["status"] == "drained"
    assert answers[0].json()["drained_requests"] >= 6


def test_it_does_not_wait_for_ever(launch, simulator):
    gateway = launch(configuration(simulator.url, general_settings={"enable_drain_endpoint": True}), env={"GRACEFUL_SHUTDOWN_TIMEOUT": "0.1"})
    stream = Stream(gateway, KEY)
    answer = get(gateway, "/health/drain")
    assert (answer.status_code, answer.json()) == (200, {"status": "drained", "drained_requests": 0})
    stream.cut()
