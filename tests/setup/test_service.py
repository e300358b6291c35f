"""start, stop, restart, status, logs and run, against stub programs."""

import http.server
import os
import re
import shlex
import signal
import socket
import subprocess
import threading

import pytest
from conftest import alive, free_port, wait_for

REAL = {"AWS_ACCESS_KEY_ID": "AKIAEXAMPLE"}


def test_start_tells_what_one_needs(tree):
    done = tree.run("start", **REAL)
    assert done.returncode == 0, done.stderr
    assert done.stderr == "WARNING of the stub\n"
    assert f"http://127.0.0.1:{tree.port}" in done.stdout
    assert "stub-one, stub-two" in done.stdout
    assert "run/lintel.log" in done.stdout
    assert "environment" in done.stdout
    assert tree.pid("bedrock-sim") is None
    assert "LINTEL_SIMULATED" not in tree.started_with()
    key = re.search(r'LITELLM_MASTER_KEY="(sk-[0-9a-f]{48})"', (tree.path / ".env").read_text())[1]
    assert key in done.stdout and f"LITELLM_MASTER_KEY={key}" in tree.started_with()
    curl = shlex.split(done.stdout.splitlines()[-1])
    assert curl[:2] == ["curl", f"http://127.0.0.1:{tree.port}/v1/chat/completions"]
    assert f"Authorization: Bearer {key}" in curl and '"stub-one"' in curl[-1]


def test_start_again_says_it_runs(tree):
    tree.run("start", **REAL)
    pid = tree.pid()
    again = tree.run("start", **REAL)
    assert again.returncode == 0 and "runs already" in again.stdout
    assert tree.pid() == pid


def test_both_names_are_one_program(tree):
    assert tree.run("start", script="manage-services.sh", **REAL).returncode == 0
    assert tree.run("stop").stdout == "Lintel has stopped.\n"
    one, other = (tree.run("--help", script=f"manage-{name}.sh") for name in ("litellm", "services"))
    assert one.returncode == 0 and one.stdout == other.stdout


def test_stop(tree):
    tree.run("start")
    gateway, simulator = tree.pid(), tree.pid("bedrock-sim")
    assert gateway and simulator
    done = tree.run("stop")
    assert done.returncode == 0 and "stopped" in done.stdout
    assert not alive(gateway) and not alive(simulator)
    assert tree.run("stop").returncode == 0


def test_stop_insists_when_the_time_is_over(tree):
    tree.run("start", STUB_IS_STUBBORN="1", **REAL)
    pid = tree.pid()
    done = tree.run("stop", LINTEL_STOP_SECONDS="1")
    assert done.returncode == 0 and "by force" in done.stderr
    assert not alive(pid)


def test_status(tree):
    assert tree.run("status").returncode == 3
    tree.run("start")
    done = tree.run("status")
    assert done.returncode == 0 and f":{tree.port}" in done.stdout and "simulated" in done.stdout
    os.kill(tree.pid("bedrock-sim"), signal.SIGKILL)
    wait_for(lambda: tree.pid("bedrock-sim") is None)
    assert "has died" in tree.run("status").stdout
    os.kill(tree.pid(), signal.SIGKILL)
    wait_for(lambda: tree.pid() is None)
    assert tree.run("status").returncode == 3


@pytest.mark.parametrize("content", ["", "4194305 123\n", "nonsense\n", "{pid} 1\n", "{pid}\n"])
def test_stale_pid_file_heals(tree, content):
    """Empty, a pid of nobody, no pid, and the pid of a live stranger with another start time."""
    stranger = subprocess.Popen(["sleep", "60"])
    try:
        (tree.path / "run").mkdir()
        (tree.path / "run" / "lintel.pid").write_text(content.format(pid=stranger.pid))
        assert tree.run("stop").returncode == 0
        (tree.path / "run" / "lintel.pid").write_text(content.format(pid=stranger.pid))
        done = tree.run("start", **REAL)
        assert done.returncode == 0, done.stderr
        assert tree.pid() != stranger.pid and alive(tree.pid())
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_stop_leaves_other_gateways_alone(tree):
    """The same program, started by somebody else."""
    other = subprocess.Popen(
        [tree.path / "build/lintel", "--config", "x", "--host", "127.0.0.1", "--port", str(free_port())],
        stdout=subprocess.DEVNULL,
    )
    try:
        tree.run("start")
        tree.run("stop")
        assert other.poll() is None
    finally:
        other.kill()
        other.wait()


def test_taken_port(tree):
    with socket.create_server(("127.0.0.1", tree.port)):
        done = tree.run("start")
    assert done.returncode == 1
    assert f"port {tree.port} is taken" in done.stderr and len(done.stderr.splitlines()) == 1
    assert tree.pid() is None and tree.pid("bedrock-sim") is None


@pytest.mark.parametrize("port", ["0", "65536", "http", "-1"])
def test_no_port(tree, port):
    done = tree.run("start", "--port", port)
    assert done.returncode == 1 and f"not a port: {port}" in done.stderr


def test_gateway_that_dies_says_why(tree):
    done = tree.run("start", STUB_DIES="the master key is weak")
    assert done.returncode == 1
    assert done.stderr.endswith("lintel: refused: the master key is weak\n")
    assert len(done.stderr.splitlines()) == 1
    assert tree.pid() is None and tree.pid("bedrock-sim") is None
    assert tree.run("status").returncode == 3


def test_simulator_that_dies_says_why(tree):
    done = tree.run("start", STUB_SIM_DIES="no socket")
    assert done.returncode == 1 and "bedrock-sim: no socket" in done.stderr
    assert tree.pid() is None and not (tree.path / "run/lintel.pid").exists()


def test_bad_config(tree):
    tree.config("bad.yml", "broken\n")
    done = tree.run("start", "-c", "bad.yml")
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert "bad.yml:1: error" in lines[0] and "has errors" in lines[1] and len(lines) == 2
    assert tree.pid() is None and tree.pid("bedrock-sim") is None


def test_restart(tree):
    tree.run("start", **REAL)
    first = tree.pid()
    assert tree.run("restart", **REAL).returncode == 0
    second = tree.pid()
    assert second and second != first and not alive(first)
    assert tree.run("stop").returncode == 0
    assert tree.run("restart", **REAL).returncode == 0 and tree.pid()


def test_restart_that_cannot_start_leaves_the_running_one(tree):
    tree.run("start", **REAL)
    pid = tree.pid()
    tree.config("bad.yml", "broken\n")
    assert tree.run("restart", "-c", "bad.yml", **REAL).returncode == 1
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        assert tree.run("restart", "--port", port, **REAL).returncode == 1
    assert tree.pid() == pid


def test_reload(tree):
    assert tree.run("reload").returncode == 3
    tree.config("mine.yml")
    tree.run("start", "-c", "mine.yml", **REAL)
    pid = tree.pid()
    done = tree.run("reload")
    assert done.returncode == 0 and "mine.yml" in done.stdout, done.stderr
    tree.config("mine.yml", "broken\n")
    done = tree.run("reload")
    assert done.returncode == 1 and "not changed" in done.stderr
    assert tree.pid() == pid


def test_logs(tree):
    assert tree.run("logs").returncode == 1
    tree.run("start", **REAL)
    done = tree.run("logs")
    assert done.returncode == 0 and "args --config" in done.stdout


def test_options_reach_the_gateway(tree):
    port = str(free_port())
    tree.run("start", "--host", "0.0.0.0", f"--port={port}", "--num_workers", "3", "--detailed_debug", **REAL)
    words = tree.started_with()
    assert f"--host 0.0.0.0 --port {port} --num_workers 3 --detailed_debug" in words
    assert f"http://127.0.0.1:{port}" in tree.run("status").stdout


@pytest.mark.parametrize(
    "arguments", [[], ["fly"], ["start", "stop"], ["start", "--port"], ["start", "--wings"], ["-c"]]
)
def test_wrong_usage(tree, arguments):
    done = tree.run(*arguments)
    assert done.returncode == 2 and len(done.stderr.splitlines()) == 1


def test_two_starts_at_once_start_one(tree):
    starts = [threading.Thread(target=tree.run, args=("start",), kwargs=REAL) for _ in range(3)]
    for start in starts:
        start.start()
    for start in starts:
        start.join()
    assert tree.log().count("args --config") == 1


@pytest.mark.parametrize("simulated", [True, False])
def test_run_in_the_foreground(tree, simulated):
    env = {**tree.env, **({} if simulated else REAL)}
    process = subprocess.Popen(
        [tree.path / "manage-litellm.sh", "run"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert "args --config" in next(line for line in process.stdout if line.startswith("args"))
    simulator = tree.pid("bedrock-sim")
    assert bool(simulator) == simulated
    assert tree.run("status").returncode == 0
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    process.communicate()
    assert not simulator or not alive(simulator)
    assert tree.run("status").returncode == 3


# ---- real or simulated --------------------------------------------------------------------------


def test_without_credentials_bedrock_is_simulated_and_said_loudly(tree):
    done = tree.run("start", AWS_PROFILE="gone")
    assert done.returncode == 0 and "SIMULATED BEDROCK" in done.stderr
    words = tree.started_with()
    url = re.search(r"listening on (\S+)", tree.log("bedrock-sim"))[1]
    assert "LINTEL_SIMULATED=1" in words and f"AWS_BEDROCK_RUNTIME_ENDPOINT={url}" in words
    assert "AWS_ACCESS_KEY_ID=AKIASIMULATEDBEDROCK" in words and "AWS_PROFILE" not in words


def test_configuration_with_a_credential_source_is_never_simulated(tree):
    tree.config("profile.yml", "aws_profile_name: cline\n")
    done = tree.run("start", "-c", "profile.yml")
    assert "SIMULATED" not in done.stderr and tree.pid("bedrock-sim") is None


class Metadata(http.server.BaseHTTPRequestHandler):
    """The instance metadata service, version 2: a token first."""

    role = "role-of-the-instance"

    def do_PUT(self):
        self.answer(200, "a-token")

    def do_GET(self):
        known = self.headers["x-aws-ec2-metadata-token"] == "a-token" and self.role
        self.answer(200 if known else 404, self.role or "")

    def answer(self, status, text):
        self.send_response(status)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text.encode())

    def log_message(self, *_):
        pass


@pytest.fixture
def metadata():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Metadata)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield {
        "AWS_EC2_METADATA_DISABLED": None,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{server.server_port}/",
    }
    server.shutdown()
    thread.join()
    server.server_close()


def test_instance_role_is_not_simulated(tree, metadata):
    done = tree.run("start", **metadata)
    assert "instance profile role-of-the-instance" in done.stdout
    assert "SIMULATED" not in done.stderr and tree.pid("bedrock-sim") is None


def test_instance_without_a_role_is_simulated(tree, metadata, monkeypatch):
    monkeypatch.setattr(Metadata, "role", None)
    assert "SIMULATED" in tree.run("start", **metadata).stderr


def test_disabled_metadata_is_not_asked(tree, metadata):
    assert "SIMULATED" in tree.run("start", **{**metadata, "AWS_EC2_METADATA_DISABLED": "true"}).stderr


def test_silent_metadata_costs_a_second_at_most(tree):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        endpoint = f"http://127.0.0.1:{silent.getsockname()[1]}"
        done = tree.run("start", AWS_EC2_METADATA_DISABLED=None, AWS_EC2_METADATA_SERVICE_ENDPOINT=endpoint)
    assert "SIMULATED" in done.stderr
