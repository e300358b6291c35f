"""The limit of open descriptors: raised at start, kept to, and survived."""

import os
import resource
import signal
import socket
from contextlib import ExitStack

import pytest
from conftest import configuration
from programs import wait_for
from raw import Raw

HELLO = [{"role": "user", "content": "Hello"}]


def prlimit(soft, hard):
    return {"prefix": ("prlimit", f"--nofile={soft}:{hard}")}


def served(gateway):
    with Raw(gateway) as raw:
        try:
            return raw.request().reply().status == 200
        except OSError:
            return False


def test_the_limit_is_raised(launch, simulator):
    gateway = launch(configuration(simulator.url), **prlimit(300, 4000))
    assert "4000 at most (300 at start)" in gateway.log()
    assert resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE) == (4000, 4000)
    assert "max_connections is 10000" in gateway.log() and "enough for 1936" in gateway.log()


def test_a_fleet_of_idle_connections(launch, simulator):
    """What descriptors there are is enough for those who are in, and for what they ask of Bedrock."""
    gateway = launch(configuration(simulator.url), **prlimit(300, 300))
    assert "enough for 86" in gateway.log()
    with ExitStack() as stack:
        held = [stack.enter_context(Raw(gateway)) for _ in range(86)]
        wait_for(lambda: len(gateway.sockets()[0]) > 86)
        for _ in range(40):
            late = stack.enter_context(Raw(gateway))
            reply = late.reply()
            assert reply.status == 503 and reply.headers["connection"] == "close"
            reply.error()
            assert late.closed()
        for raw in held:
            assert raw.chat(model="claude", messages=HELLO).reply().status == 200
    wait_for(lambda: served(gateway))
    assert "no connection can be accepted" not in gateway.log()


def test_no_descriptor_is_left(launch, simulator):
    gateway = launch(configuration(simulator.url))
    limits = resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE)
    with ExitStack() as stack:
        early = stack.enter_context(Raw(gateway))
        assert early.request().reply().status == 200
        last = max(int(fd) for fd in os.listdir(f"/proc/{gateway.pid}/fd"))
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, (last + 1, limits[1]))
        refused = 0
        for _ in range(25):  # the first ones fill gaps below the limit
            raw = stack.enter_context(Raw(gateway))
            reply = raw.request().reply()
            assert reply.status in (200, 503)
            refused += reply.status == 503
            if reply.status == 503:
                reply.error()
                assert raw.closed()
        assert refused >= 8
        assert early.request().reply().status == 200  # who is in is served
        assert gateway.log().count("no connection can be accepted: Too many open files") == 1
        resource.prlimit(gateway.pid, resource.RLIMIT_NOFILE, limits)
        wait_for(lambda: served(gateway))
        assert f"accepted again; {refused} were refused" in gateway.log()


# ---- systemd ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_systemd_is_told(launch, simulator, tmp_path, workers):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.settimeout(10)
        address = "\0lintel-test-%d" % os.getpid() if workers > 1 else str(tmp_path / "notify")
        manager.bind(address)
        gateway = launch(
            configuration(simulator.url),
            *("--num_workers", workers),
            env={"NOTIFY_SOCKET": address.replace("\0", "@")},
        )
        assert [manager.recv(100) for _ in range(workers)] == [b"READY=1"] * workers
        gateway.signal(signal.SIGTERM)
        assert [manager.recv(100) for _ in range(workers)] == [b"STOPPING=1"] * workers
        assert gateway.wait() == 0
