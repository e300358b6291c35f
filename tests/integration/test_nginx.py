"""Real nginx with conf/nginx.conf in front of two gateways: streams come through as they are written,
and a gateway is restarted under load without a client's seeing an error."""

import os
import re
import shutil
import subprocess
import threading
import time

import pytest
from conftest import KEY, configuration, openai_client
from programs import ROOT, Gateway, free_port, wait_for
from raw import Raw

NGINX = shutil.which("nginx") or "/usr/sbin/nginx"
SECONDS = 6


class Nginx:
    """As far as clients care, a gateway."""

    def __init__(self, folder, ports):
        self.host, self.port, self.key = "127.0.0.1", free_port(), KEY
        self.netloc = f"{self.host}:{self.port}"
        self.base_url = f"http://{self.netloc}/v1"
        text = (ROOT / "conf/nginx.conf").read_text(encoding="utf-8")
        text = text.replace("127.0.0.1:8080", f"127.0.0.1:{self.port}")
        text = text.replace("127.0.0.1:4000", f"127.0.0.1:{ports[0]}")
        text = text.replace("127.0.0.1:4001", f"127.0.0.1:{ports[1]}")
        text = text.replace("worker_processes auto", "worker_processes 1")
        text = re.sub(r"(?m)^pid .*;", f"pid {folder}/nginx.pid;", text)
        # Where bodies and answers go that are too large: not into the system's folders.
        places = "".join(
            f"    {name}_temp_path {folder}/{name};\n"
            for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        )
        text = text.replace("http {\n", "http {\n" + places)
        self.conf, self.log = folder / "nginx.conf", folder / "nginx.log"
        self.conf.write_text(text, encoding="utf-8")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [NGINX, "-e", "stderr", "-p", folder, "-c", self.conf, "-g", "daemon off;"],
                stdin=subprocess.DEVNULL,
                stderr=log,
            )

    def stop(self):
        self.process.terminate()
        self.process.wait(10)


@pytest.fixture(scope="module")
def ports():
    return free_port(), free_port()


@pytest.fixture(scope="module")
def gateways(launch, simulator, ports):
    return [launch(configuration(simulator.url), port=port) for port in ports]


@pytest.fixture(scope="module")
def nginx(gateways, ports, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    os.chmod(folder, 0o777)
    server = Nginx(folder, ports)
    try:
        wait_for(lambda: reachable(server), 10, "nginx listening")
        yield server
    finally:
        server.stop()


def reachable(server):
    assert server.process.poll() is None, server.log.read_text()
    try:
        with Raw(server) as raw:
            raw.request("GET", "/health/readiness")
            return raw.reply().status == 200
    except OSError:
        return False


def test_the_configuration_is_one(nginx):
    done = subprocess.run([NGINX, "-t", "-e", "stderr", "-c", nginx.conf], capture_output=True, text=True)
    assert done.returncode == 0 and "[warn]" not in done.stderr, done.stderr


def test_a_stream_is_not_held_back(nginx):
    """Each piece arrives while the next is still to be made."""
    with openai_client(nginx) as client:
        stream = client.chat.completions.create(
            model="claude",
            messages=[{"role": "user", "content": "[[sim:chunks(5,10)]] [[sim:gap(300)]]"}],
            stream=True,
        )
        arrived = [time.monotonic() for chunk in stream if chunk.choices and chunk.choices[0].delta.content]
    gaps = [b - a for a, b in zip(arrived, arrived[1:])]
    assert len(gaps) == 4 and min(gaps) > 0.1, gaps


def test_a_client_that_leaves_ends_its_call(nginx, gateways):
    with Raw(nginx) as raw:
        raw.chat(
            model="claude",
            messages=[{"role": "user", "content": "[[sim:chunks(5000,10)]] [[sim:gap(50)]]"}],
            stream=True,
        )
        assert raw.head()[1] == 200
        assert sum(g.holds()["upstream"] for g in gateways) == 1
    wait_for(lambda: not any(g.holds()["upstream"] or g.holds()["live"] for g in gateways), 5, "no call")


def ask_until(nginx, end, stream, errors, served):
    with openai_client(nginx) as client:
        while time.monotonic() < end:
            try:
                answer = client.chat.completions.create(
                    model="claude",
                    messages=[{"role": "user", "content": "[[sim:chunks(20,10)]] [[sim:gap(10)]]"}],
                    stream=stream,
                )
                if stream:
                    reasons = [c.choices[0].finish_reason for c in answer if c.choices]
                    assert reasons[-1] == "stop", reasons
                else:
                    assert answer.choices[0].finish_reason == "stop"
                served.append(stream)
            except Exception as error:  # whatever a client would have seen
                errors.append(repr(error))


def test_one_gateway_is_restarted_under_load(nginx, gateways, ports, tmp_path, simulator):
    errors, served, end = [], [], time.monotonic() + SECONDS
    clients = [
        threading.Thread(target=ask_until, args=(nginx, end, i % 2 == 0, errors, served)) for i in range(12)
    ]
    for client in clients:
        client.start()
    time.sleep(1)
    gateways[0].stop()
    alone = len(served)
    time.sleep(1)
    again = Gateway(tmp_path, configuration(simulator.url), key=KEY, port=ports[0])
    try:
        again.wait_ready()
        for client in clients:
            client.join(SECONDS + 20)
        assert errors == []
        assert len(served) > alone > 0
        assert again.holds()["served"] > 5, "nobody came back to the gateway that was restarted"
    finally:
        again.stop()
