"""The log: one line a request, as text and as JSON; raw calls; files that are moved away; and a log that
nobody reads, or that cannot be written, which no request feels."""

import contextlib
import fcntl
import json
import os
import pty
import re
import signal
import struct
import termios
import threading

import openai
import pytest
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration, deployment, openai_client
from programs import Gateway, free_port, wait_for

BACKGROUND = {"LINTEL_LOG_AT_ONCE": "false"}  # as in production: a thread writes
MESSAGES = [{"role": "user", "content": "hello"}]
FIXED = {"api_keys": [{"key": "sk-logs-0123456789abcdef", "key_alias": "team blue", "user_id": "ada", "team_id": "blue"}]}


def ask(gateway, key=None, **more):
    with openai_client(gateway, api_key=key or gateway.key) as client:
        raw = client.chat.completions.with_raw_response.create(
            **{"model": "claude", "messages": MESSAGES, "max_tokens": 8, **more}
        )
        raw.parse().response.read() if more.get("stream") else raw.parse()
        return raw.headers["x-litellm-call-id"]


def line_of(gateway, call_id, file=None):
    def find():
        text = file.read_text() if file else gateway.log()
        return next((line for line in text.splitlines() if call_id in line and "status" in line), None)

    return wait_for(find, 10, f"the line of {call_id}")


@pytest.fixture(scope="module")
def as_text(launch, simulator):
    return launch(configuration(simulator.url, general_settings=FIXED), env=BACKGROUND)


@pytest.fixture(scope="module")
def as_json(launch, simulator):
    settings = {"json_logs": True}
    return launch(configuration(simulator.url, general_settings=FIXED, litellm_settings=settings), env=BACKGROUND)


def test_a_line_of_text(as_text):
    call = ask(as_text, key=FIXED["api_keys"][0]["key"], stream=True, user="end-1", stream_options={"include_usage": True})
    line = line_of(as_text, call)
    assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z INFO    " + call + " /v1/chat/completions status=200 model=claude ", line)
    assert re.search(r' deployment=\S+ key="team blue" key_hash=[0-9a-f]{12} user=ada team=blue end_user=end-1 ms=\d+ ', line)
    assert re.search(r" first_ms=\d+ call_ms=\d+ tokens=\d+/\d+ cost=0\.\d+$", line)
    assert FIXED["api_keys"][0]["key"] not in as_text.log()


def test_a_line_of_json(as_json):
    call = ask(as_json, key=FIXED["api_keys"][0]["key"], user="e\u00fc\n\"x")
    line = json.loads(line_of(as_json, call))
    assert line["level"] == "INFO" and line["message"] == "request" and line["call_id"] == call
    assert line["route"] == "/v1/chat/completions" and line["status"] == 200 and line["model"] == "claude"
    assert line["key_alias"] == "team blue" and re.fullmatch("[0-9a-f]{12}", line["key_hash"])
    assert line["user"] == "ada" and line["team"] == "blue" and line["end_user"] == "e\u00fc\n\"x"
    assert line["prompt_tokens"] > 0 and line["completion_tokens"] > 0 and line["cost"] > 0
    assert 0 <= line["call_ms"] <= line["ms"] and line["deployment"]


class Terminal:
    """A pseudo terminal of ten columns: what a program writes to `its` is added to a file."""

    def __init__(self, file):
        self.ours, self.its = pty.openpty()
        fcntl.ioctl(self.its, termios.TIOCSWINSZ, struct.pack("4H", 24, 10, 0, 0))
        self.thread = threading.Thread(target=self.read, args=(file,))

    def read(self, file):
        with open(self.ours, "rb", buffering=0) as screen, open(file, "ab", buffering=0) as log, contextlib.suppress(OSError):
            while piece := screen.read(65536):
                log.write(piece)

    def start(self):
        os.close(self.its)
        self.thread.start()


@pytest.mark.parametrize("env, colours", [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_on_a_terminal(tmp_path, simulator, env, colours):
    """One line a request, at any width; of what clients say nothing is obeyed."""
    model = deployment("wide\x1b[31m\u009b32m", "bedrock/us.amazon.nova-lite-v1:0", simulator.url)
    terminal = Terminal(tmp_path / "lintel.log")
    config = configuration(simulator.url, general_settings=FIXED, extra_models=[model])
    gateway = Gateway(tmp_path, config, key=KEY, env={"TERM": "xterm", **BACKGROUND, **env}, output=terminal.its)
    terminal.start()
    gateway.wait_ready()
    call = ask(gateway, model=model["model_name"], user="e\x1b]0;owned\x07\r\n2026 \u009bK" + "x" * 300)
    gateway.get("/%1b%5b31mred%0d%0aand%c2%9bmore")
    gateway.stop()
    terminal.thread.join(10)
    said = gateway.log_file.read_bytes().decode()
    line = next(each for each in said.split("\r\n") if call in each)
    assert re.match(r"\S+Z (\x1b\[32mINFO\x1b\[0m|INFO)    [0-9a-f-]{36} /v1/chat/completions status=200 ", line)
    assert ("\x1b[32mINFO\x1b[0m " in line) == colours and "x" * 300 in line and "cost=" in line
    assert "\x1b" not in re.sub(r"\x1b\[\d+m(ERROR|WARNING|INFO|DEBUG)\x1b\[0m", "", said) and not set(said) & set("\x07\u009b")
    assert all(re.match(r"\d{4}-\d\d-\d\dT", each) for each in said.split("\r\n") if each)


def test_a_failure_says_why(as_json):
    with pytest.raises(openai.APIStatusError) as caught:
        ask(as_json, messages=[{"role": "user", "content": "[[sim:throttle]]"}])
    line = json.loads(line_of(as_json, caught.value.response.headers["x-litellm-call-id"]))
    assert line["status"] == 429 and line["error"] and line["deployment"]


def test_every_line_is_json(as_json):
    ask(as_json)
    for line in as_json.log().splitlines():
        assert json.loads(line)["timestamp"]


def test_nothing_of_prompts_is_logged(as_text):
    call = ask(as_text, messages=[{"role": "user", "content": "the colour is teal"}])
    line_of(as_text, call)
    assert "teal" not in as_text.log()


def test_a_line_tells_of_all_calls(launch, simulator):
    router = {"num_retries": 1, "retry_after": 0, "fallbacks": [{"nova": ["claude"]}]}
    gateway = launch(configuration(simulator.url, router_settings=router), warm=False)
    call = ask(gateway, model="nova", messages=[{"role": "user", "content": "[[sim:throttle(2)]] to claude"}])
    assert line_of(gateway, call).endswith(" retries=1 fallbacks=1")


def test_raw_calls(launch, simulator):
    gateway = launch(configuration(simulator.url, litellm_settings={"log_raw_request_response": True}), warm=False)
    secret = "sk-" + "a1" * 20
    token = "eyJhbGciOiJub25l.eyJzdWIiOiJhZGEi+fQ/==.c2lnbmVkLWJ5LW5vYm9keQ"
    call = ask(gateway, stream=True, messages=[{"role": "user", "content": f"my key is {secret} ok, curl -H 'authorization: Bearer {token}'"}])
    line_of(gateway, call)
    raw = wait_for(lambda: "raw answer body" in gateway.log() and [x for x in gateway.log().splitlines() if f"{call} raw " in x])
    text = "\n".join(raw)
    assert re.search(r"raw request, from byte 0: POST http\S+/converse-stream; .*Authorization: \*\*\*\*;", text, re.I)
    assert "my key is sk-" + "*" * 40 + " ok" in text and secret not in gateway.log()
    assert "Bearer " + "*" * len(token) + "'" in text
    assert "raw answer, from byte 0: 200;" in text and "contentBlockDelta" in text
    assert SECRET_ACCESS_KEY not in gateway.log() and f"Credential={ACCESS_KEY_ID}" not in gateway.log()
    big = ask(gateway, messages=[{"role": "user", "content": "x" * 40000}])
    line_of(gateway, big)
    lines = [x for x in gateway.log().splitlines() if f"{big} raw request body" in x]
    assert len(lines) == 7 and re.search(r": 4\d{4} bytes in all, cut$", lines[-1]), lines
    assert sum(map(len, lines)) < 17 << 10


def test_redaction_forbids_raw_calls(launch, simulator):
    settings = {"log_raw_request_response": True, "turn_off_message_logging": True}
    gateway = launch(configuration(simulator.url, litellm_settings=settings), warm=False)
    line_of(gateway, ask(gateway))
    assert " raw " not in gateway.log()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_file_that_is_moved_away(launch, simulator, tmp_path, workers):
    file, moved = tmp_path / "lintel.log", tmp_path / "lintel.log.1"
    settings = {"log_file": str(file)}
    gateway = launch(
        configuration(simulator.url, general_settings=settings), "--num_workers", workers, env=BACKGROUND, ready=False
    )
    listens(gateway, wait_for(lambda: file.exists() and "listening on" in file.read_text() and file.read_text(), 10))
    line_of(gateway, ask(gateway), file)
    file.rename(moved)
    gateway.signal(signal.SIGUSR1)
    wait_for(file.exists, 10)
    # A worker that has not heard of it yet writes to the old one.
    wait_for(lambda: line_of(gateway, ask(gateway), AnyOf(file, moved)) in file.read_text(), 20, "a line in the new file")
    assert gateway.ready()


def test_rotation_under_load_loses_no_line(launch, simulator, tmp_path):
    """The file is moved away three times while requests come: each of them has one line, in one of the files."""
    file = tmp_path / "lintel.log"
    gateway = launch(configuration(simulator.url, general_settings={"log_file": str(file)}), env=BACKGROUND, ready=False)
    listens(gateway, wait_for(lambda: file.exists() and "listening on" in file.read_text() and file.read_text(), 10))
    calls, over = [], threading.Event()

    def load():
        while not over.is_set():
            calls.append(ask(gateway))

    threads = [threading.Thread(target=load) for _ in range(4)]
    for t in threads:
        t.start()
    for n in range(3):
        wait_for(lambda n=n: len(calls) >= 15 * (n + 1), 60, "requests")
        file.rename(tmp_path / f"lintel.log.{n}")
        gateway.signal(signal.SIGUSR1)
        wait_for(file.exists, 20)
    over.set()
    for t in threads:
        t.join()
    gateway.stop()  # writes what waits
    lines = "".join(f.read_text() for f in tmp_path.glob("lintel.log*")).splitlines()
    assert all(sum(f" {call} /v1/chat/completions status=200 " in line for line in lines) == 1 for call in calls)


def listens(gateway, text):
    """What `text` says of where it listens; its own log is empty."""
    found = re.search(r"listening on (http://([^:]+):(\d+))", text)
    gateway.url, gateway.host, gateway.port = found[1], found[2], int(found[3])
    wait_for(gateway.ready, 10)


class AnyOf:
    def __init__(self, *files):
        self.files = files

    def read_text(self):
        return "".join(f.read_text() for f in self.files if f.exists())


def test_a_file_that_cannot_be_opened(tmp_path, simulator):
    settings = {"log_file": str(tmp_path / "no" / "folder")}
    gateway = Gateway(tmp_path, configuration(simulator.url, general_settings=settings))
    assert gateway.wait() == 1
    assert "the log file" in gateway.log() and "No such file" in gateway.log()


def test_rotation_without_a_file_changes_nothing(as_text):
    as_text.signal(signal.SIGUSR1)
    line_of(as_text, ask(as_text))


def test_a_log_that_nobody_reads_is_not_felt(launch, simulator, tmp_path):
    """The log is a pipe whose reader stops."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    os.set_blocking(reader, True)
    gateway = launch(
        configuration(simulator.url, litellm_settings={"log_raw_request_response": True}, general_settings={"log_file": str(pipe)}),
        env=BACKGROUND,
        ready=False,
    )
    text = b""
    while b"listening on" not in text:
        text += os.read(reader, 65536)
    listens(gateway, text.decode())
    while not gateway.holds()["log_lost"]:
        ask(gateway, messages=[{"role": "user", "content": "x" * 20000}])
    rest = []
    drain = threading.Thread(target=lambda: rest.extend(iter(lambda: os.read(reader, 65536), b"")))
    drain.start()
    wait_for(lambda: ask(gateway) and b"lines of the log were lost" in b"".join(rest), 20)
    gateway.stop()
    drain.join(10)
    assert not drain.is_alive()
    os.close(reader)


def test_a_log_that_nobody_reads_does_not_keep_it_from_ending(launch, simulator, tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, 4096)
    os.set_blocking(reader, True)
    gateway = launch(configuration(simulator.url, general_settings={"log_file": str(pipe)}), env=BACKGROUND, ready=False)
    text = b""
    while b"listening on" not in text:
        text += os.read(reader, 65536)
    listens(gateway, text.decode())
    for _ in range(10):
        assert gateway.get("/" + "x" * 3000)[0] == 404
    gateway.stop()
    os.close(reader)


def test_a_disk_that_is_full(launch, simulator):
    port = free_port()
    settings = {"log_file": "/dev/full"}
    gateway = launch(
        configuration(simulator.url, general_settings=settings), env=BACKGROUND, port=port, ready=False
    )
    gateway.host, gateway.port = "127.0.0.1", port
    wait_for(lambda: answers(gateway), 10)
    ask(gateway)
    wait_for(lambda: gateway.holds()["log_lost"] > 1)


def answers(gateway):
    try:
        return gateway.ready()
    except OSError:
        return False
