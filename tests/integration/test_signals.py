"""SIGTERM and SIGINT: what runs is finished, nothing new is begun, and the end is a clean one."""

import contextlib
import os
import signal
import socket
import threading
import time

import pytest
from conftest import configuration
from programs import free_port, wait_for
from raw import Closed, Raw, events

SECOND_LONG = "[[sim:chunks(50,10)]] [[sim:gap(20)]]"
ENDLESS = "[[sim:chunks(5000,10)]] [[sim:gap(50)]]"


@pytest.fixture
def own(launch, simulator):
    return launch(configuration(simulator.url))


def ask(raw, text, stream=True):
    return raw.chat(model="claude", messages=[{"role": "user", "content": text}], stream=stream)


def refused(gateway):
    try:
        socket.create_connection((gateway.host, gateway.port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except ConnectionResetError:
        pass  # met the listener as it closed
    return False


def ended(gateway, seconds=3):
    code = gateway.wait(seconds)
    gateway.check_log()
    return code


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_idle(own, number):
    own.signal(number)
    assert ended(own) == 0
    assert "Traceback" not in own.log()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stream_is_finished(own, number):
    with Raw(own) as raw, Raw(own) as idle:
        idle.request().reply()
        ask(raw, SECOND_LONG)
        assert raw.head()[1] == 200
        own.signal(number)
        wait_for(lambda: refused(own), 1, "new connections refused")
        assert idle.closed()
        body = b"".join(raw.chunks())
        found = events(body)
        assert found[-1] == "[DONE]" and len([f for f in found if f != "[DONE]" and f["choices"]]) >= 50
        assert raw.closed()
    assert ended(own) == 0


def test_a_whole_answer_is_finished(own):
    with Raw(own) as raw:
        ask(raw, "[[sim:slow_head(700)]] Hello", stream=False)
        wait_for(lambda: own.holds()["live"] == 1)
        own.signal()
        assert raw.reply().json()["choices"][0]["finish_reason"] == "stop"
    assert ended(own) == 0


def test_a_slow_reader_gets_the_rest(own):
    """The exchange is over, but its last bytes are not with the client yet."""
    with Raw(own, receive_buffer=4096) as raw:
        ask(raw, "[[sim:chunks(16,1000000)]] [[sim:gap(0)]]", stream=False)
        wait_for(lambda: own.holds()["served"] > 2 and own.holds()["live"] == 0, 20, "the exchange over")
        own.signal()
        wait_for(lambda: refused(own), 1, "new connections refused")
        time.sleep(0.2)  # the client takes its time
        assert len(raw.reply().json()["choices"][0]["message"]["content"]) == 16_000_000
    assert ended(own) == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_second_signal_ends_at_once(own, simulator, number):
    before = simulator.stats()["cancelled"]
    with Raw(own) as raw:
        ask(raw, ENDLESS)
        assert raw.head()[1] == 200
        own.signal(number)
        wait_for(lambda: refused(own), 1, "new connections refused")
        assert own.running()
        begun = time.monotonic()
        own.signal(number)
        assert ended(own) == 0
        assert time.monotonic() - begun < 2
        with pytest.raises((Closed, ConnectionResetError)):
            list(raw.chunks())
    wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 1, "the upstream call cancelled")


def test_a_client_that_leaves_ends_the_drain(own):
    with Raw(own) as raw:
        ask(raw, ENDLESS)
        assert raw.head()[1] == 200
        own.signal()
        wait_for(lambda: refused(own), 1, "new connections refused")
    assert ended(own) == 0


def test_an_upload_in_progress_is_finished(own):
    body = b'{"model":"claude","messages":[{"role":"user","content":"Hello"}]}'
    with Raw(own) as raw:
        raw.send(
            f"POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {own.key}\r\n"
            f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body[:10]
        )
        wait_for(lambda: own.holds()["live"] == 1)
        own.signal()
        wait_for(lambda: refused(own), 1, "new connections refused")
        raw.send(body[10:])
        assert raw.reply().status == 200
    assert ended(own) == 0


def test_upstream_connections_that_went_stale(own, simulator):
    """Kept connections whose other side has closed are not used for the next call."""
    with Raw(own) as raw:
        for _ in range(3):
            assert events(ask(raw, "Hello").reply().body)[-1] == "[DONE]"
            ask(raw, "[[sim:cut(0)]]").reply()
        assert events(ask(raw, "Hello").reply().body)[-1] == "[DONE]"
    own.nothing_left()


def test_the_upstream_restarts(launch, simulator_at):
    simulator = simulator_at(0)
    own = launch(configuration(simulator.url))
    with Raw(own) as raw:
        assert ask(raw, "Hello", False).reply().status == 200
        simulator.stop()
        assert ask(raw, "Hello", False).reply().status in (502, 503)
        simulator_at(simulator.port)
        assert ask(raw, "Hello", False).reply().status == 200
    own.nothing_left()


def test_signals_under_load(own):
    """A drain in the middle of many short calls: each is either answered whole or not begun."""
    problems, answered, stop = [], [], threading.Event()

    def caller():
        while not stop.is_set():
            try:
                with Raw(own) as raw:
                    ask(raw, "Hello")
                    first = raw.socket.recv(1)
                    if not first:
                        return
                    raw.buffer += first
                    reply = raw.reply()
                    answered.append(events(reply.body)[-1] == "[DONE]")
            except (ConnectionRefusedError, ConnectionResetError, BrokenPipeError):
                return
            except Exception as problem:  # noqa: BLE001 - told by the main thread
                problems.append(repr(problem))
                return

    threads = [threading.Thread(target=caller) for _ in range(8)]
    for thread in threads:
        thread.start()
    wait_for(lambda: len(answered) > 50, 20, "fifty answers")
    own.signal()
    code = ended(own, 10)
    stop.set()
    for thread in threads:
        thread.join(10)
    assert code == 0 and not problems and all(answered)


# ---- several workers --------------------------------------------------------------------------------


def workers(gateway):
    with open(f"/proc/{gateway.pid}/task/{gateway.pid}/children", encoding="ascii") as f:
        return [int(pid) for pid in f.read().split()]


@pytest.fixture
def crew(launch, simulator):
    """Two workers on one port. Workers may die, so no baseline here."""
    gateway = launch(configuration(simulator.url), "--num_workers", "2", port=free_port(), ready=False)
    return gateway.wait_ready()


def test_workers_finish_their_streams(crew):
    pids = workers(crew)
    with contextlib.ExitStack() as stack:
        held = [stack.enter_context(Raw(crew)) for _ in range(8)]
        for raw in held:
            ask(raw, SECOND_LONG)
            assert raw.head()[1] == 200
        crew.signal()
        for raw in held:
            assert events(b"".join(raw.chunks()))[-1] == "[DONE]"
    assert ended(crew) == 0
    assert not [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def test_a_killed_worker_is_replaced(crew):
    first = workers(crew)
    assert len(first) == 2
    os.kill(first[0], signal.SIGKILL)
    wait_for(lambda: len(set(workers(crew)) | set(first)) == 3, 5, "a new worker")
    wait_for(lambda: crew.log().count("listening on") == 3, 5, "a new listener")
    for _ in range(20):
        with Raw(crew) as raw:
            assert ask(raw, "Hello").reply().status == 200
    crew.signal()
    assert ended(crew) == 0
