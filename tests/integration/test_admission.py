"""What one worker takes on at once: who gets a place, who waits, who is refused; and the largest answer."""

import threading

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_limits import Stream, chat
from test_metrics import fetch

HEADERS = {"Authorization": f"Bearer {KEY}"}
LONG = 3600  # seconds: nobody waits in vain unless a test wants it


@pytest.fixture(scope="module")
def narrow(launch, simulator):
    settings = {"max_in_flight_requests_per_worker": 1, "max_queued_requests_per_worker": 1, "admission_queue_timeout_seconds": LONG}
    return launch(configuration(simulator.url, general_settings=settings, litellm_settings={"callbacks": ["prometheus"]}))


def get(gateway, path):
    return httpx.get(gateway.base_url.removesuffix("/v1") + path, headers=HEADERS)


def backlog(gateway):
    return get(gateway, "/health/backlog").json()


def waits_for(gateway, n):
    wait_for(lambda: backlog(gateway)["queued_requests"] == n, 20, f"{n} that wait")


def later(call):
    """call() in a thread: a list of its answer, once it is there."""
    answers = []
    thread = threading.Thread(target=lambda: answers.append(call()))
    thread.start()
    return thread, answers


def test_one_works_one_waits_the_third_is_refused(narrow):
    stream = Stream(narrow, KEY)
    assert stream.status() == 200
    thread, second = later(lambda: chat(narrow))
    waits_for(narrow, 1)
    third = chat(narrow, key="sk-wrong")  # nothing of it is looked at
    assert third.status_code == 503 and third.headers["retry-after"] == "1"
    assert third.json()["error"] == {
        "message": "Worker at capacity: 1 in-flight, 1 queued requests. Retry later.",
        "type": "overloaded_error",
        "param": None,
        "code": "503",
    }
    for path in ("/health/liveliness", "/health/readiness", "/metrics"):
        assert get(narrow, path).status_code == 200
    stream.cut()
    thread.join(30)
    assert second[0].status_code == 200
    waits_for(narrow, 0)
    assert chat(narrow).status_code == 200


def test_metrics_and_backlog_tell(narrow):
    stream = Stream(narrow, KEY)
    thread, second = later(lambda: chat(narrow))
    waits_for(narrow, 1)
    before = backlog(narrow)
    assert chat(narrow).status_code == 503
    after = backlog(narrow)
    assert before["admitted_requests"] == after["admitted_requests"] == 1
    assert after["rejected_requests"] == before["rejected_requests"] + 1

    def told():
        text = fetch(narrow)[2]
        return all(
            line in text
            for line in (
                "litellm_admission_admitted_requests 1",
                "litellm_admission_queued_requests 1",
                f'litellm_admission_rejected_requests_total{{reason="queue_full"}} {after["rejected_requests"]}',
            )
        )

    wait_for(told, 20, "the metrics")
    stream.cut()
    thread.join(30)
    assert second[0].status_code == 200


def test_who_leaves_the_line_is_forgotten(narrow):
    stream = Stream(narrow, KEY)
    with pytest.raises(httpx.TimeoutException):
        chat(narrow, timeout=0.5)
    waits_for(narrow, 0)
    stream.cut()
    wait_for(lambda: chat(narrow).status_code == 200, 20, "a place")


def test_the_wait_ends_and_large_answers_are_not_sent(launch, simulator):
    settings = {"max_in_flight_requests_per_worker": 1, "admission_queue_timeout_seconds": 0.1, "max_response_size_mb": 0.002}
    gateway = launch(configuration(simulator.url, general_settings=settings))
    stream = Stream(gateway, KEY)
    answer = chat(gateway)
    assert answer.status_code == 503 and "1 in-flight, 0 queued" in answer.json()["error"]["message"]
    stream.cut()
    wait_for(lambda: chat(gateway).status_code == 200, 20, "a place")
    answer = chat(gateway, messages=[{"role": "user", "content": "[[sim:chunks(100,50)]] [[sim:gap(1)]] long"}], max_tokens=4000)
    error = answer.json()["error"]
    assert (answer.status_code, error["type"], error["param"]) == (400, "bad_request_error", "content-length")
    assert error["message"].startswith("Response size is too large. ") and error["message"].endswith("Max size is 0.002MB")
    with httpx.stream(
        "POST",
        gateway.base_url + "/chat/completions",
        json={"model": "claude", "stream": True, "messages": [{"role": "user", "content": "[[sim:chunks(100,50)]] [[sim:gap(1)]] long"}]},
        headers=HEADERS,
    ) as streamed:
        assert streamed.status_code == 200 and len(streamed.read()) > 4096
