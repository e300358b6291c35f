"""lintel and bedrock-sim as child processes.

A `Program` runs in the foreground with its output in a log file. It says where it listens, ends on
SIGTERM with exit code 0, and its log holds no sanitizer report: stop() checks all of it. A `Gateway`
can also be asked what it still holds on to: nothing_left() is the invariant behind every test.
"""

import json
import os
import pathlib
import re
import signal
import socket
import struct
import subprocess
import threading
import time
import urllib.error
import urllib.request

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = pathlib.Path(os.environ.get("LINTEL_BUILD", ROOT / "build-debug")).resolve()

LISTENING = re.compile(r"listening on (https?://(\[[^\]]+\]|[^:/\s]+):(\d+))")
ASAN = "abort_on_error=0:exitcode=99:detect_leaks=1"
SANITIZER = re.compile(r"ERROR: (Address|Leak|Undefined)\w*Sanitizer|runtime error:|SUMMARY: \w+Sanitizer")


def wait_for(condition, seconds=5.0, what="the condition"):
    """Polls until the condition yields something true, and returns it: often at first, ten times a second in the
    end, since other tests want the processor, too."""
    begun = time.monotonic()
    while True:
        value = condition()
        if value:
            return value
        waited = time.monotonic() - begun
        assert waited < seconds, f"{what} did not come true within {seconds} s"
        time.sleep(min(0.1, 0.01 + waited / 20))


def environment(home, **more):
    """No AWS, LiteLLM or Lintel settings of the developer's; sanitizers that end the program."""
    ours = re.compile(r"(AWS|LITELLM|LINTEL|REDIS)_|.*_proxy$|(HOST|PORT|NUM_WORKERS|CONFIG_FILE_PATH|DATABASE_URL)$", re.I)
    keep = {k: v for k, v in os.environ.items() if not ours.match(k)}
    keep.update(
        HOME=str(home),
        AWS_EC2_METADATA_DISABLED="true",
        ASAN_OPTIONS=ASAN,
        UBSAN_OPTIONS="halt_on_error=1:print_stacktrace=1",
        LINTEL_LOG_AT_ONCE="true",  # a line is in the log before the reply is out
    )
    keep.update({k: v for k, v in more.items() if v is not None})
    return keep


class Program:
    """`prefix`: a command that becomes the program (prlimit …); `output`: a descriptor that it writes to instead of
    its log file."""

    def __init__(self, folder, name, *arguments, env=None, prefix=(), output=None):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.name = name
        self.log_file = folder / f"{name}.log"
        self.env = environment(folder, **(env or {}))
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [*prefix, str(BUILD / name), *map(str, arguments)],
                stdin=subprocess.DEVNULL,
                stdout=log if output is None else output,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=self.env,
            )
        self.url = self.host = self.port = None

    @property
    def pid(self):
        return self.process.pid

    def log(self):
        return self.log_file.read_text(errors="replace")

    def running(self):
        return self.process.poll() is None

    def wait_listening(self, seconds=10):
        def listening():
            assert self.running(), f"{self.name} ended with {self.process.returncode}:\n{self.log()}"
            return LISTENING.search(self.log())

        found = wait_for(listening, seconds, f"{self.name} listening")
        self.url, self.host, self.port = found[1], found[2].strip("[]"), int(found[3])
        return self

    def signal(self, number=signal.SIGTERM):
        self.process.send_signal(number)

    def wait(self, seconds=10):
        return self.process.wait(seconds)

    def stop(self, seconds=15):
        """Drains; says so when the end was not a clean one."""
        if self.running():
            self.signal()
        try:
            code = self.wait(seconds)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.wait()
            raise AssertionError(
                f"{self.name} did not end within {seconds} s of SIGTERM\n{self.log()[-2000:]}"
            ) from None
        self.check_log()
        assert code == 0, f"{self.name} ended with {code}\n{self.log()[-4000:]}"

    def check_log(self):
        report = SANITIZER.search(self.log())
        assert not report, f"{self.name}: {self.log()[report.start() :][:6000]}"

    def kill(self):
        """For tests that end badly on purpose, and as a safety net."""
        if self.running():
            self.process.kill()
            self.wait()

    def resident(self):
        """Bytes of resident memory."""
        with open(f"/proc/{self.pid}/statm", encoding="ascii") as f:
            return int(f.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    def sockets(self):
        """((local port, remote port, state) of each TCP socket the program has open, how many
        other descriptors)."""
        inodes, others = set(), 0
        for fd in os.listdir(f"/proc/{self.pid}/fd"):
            try:
                target = os.readlink(f"/proc/{self.pid}/fd/{fd}")
            except FileNotFoundError:
                continue
            if target.startswith("socket:["):
                inodes.add(int(target[8:-1]))
            else:
                others += 1
        found = [s[1:] for s in tcp_sockets() if s[0] in inodes]
        return found, others + len(inodes) - len(found)


TCP_TIME_WAIT, TCP_LISTEN = 6, 10


def tcp_sockets():
    """(inode, local port, remote port, state) of each TCP socket somebody holds: sock_diag(7). Unlike
    /proc/net/tcp it leaves out those in TIME_WAIT, of which a test run makes thousands."""
    states = 0xFFF & ~(1 << TCP_TIME_WAIT)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 4) as diag:
        for family in (socket.AF_INET, socket.AF_INET6):
            request = struct.pack("=BBBxI48x", family, socket.IPPROTO_TCP, 0, states)
            diag.send(struct.pack("=IHHII", 16 + len(request), 20, 0x301, 0, 0) + request)
            done = False
            while not done:
                data = diag.recv(1 << 18)
                while data:
                    size, kind = struct.unpack_from("=IH", data)
                    assert kind != 2, "sock_diag refused"
                    done = done or kind == 3
                    if kind == 20:
                        state, local, remote = struct.unpack_from("!xBxxHH", data, 16)
                        yield struct.unpack_from("=I", data, 16 + 68)[0], local, remote, state
                    data = data[(size + 3) & ~3 :]


class Simulator(Program):
    """bedrock-sim at a brisk pace; directives in the prompt say otherwise (docs/simulator.md)."""

    def __init__(self, folder, *options, host="127.0.0.1", port=0):
        pace = ("--first-ms", 2, "--gap-ms", 1)
        super().__init__(folder, "bedrock-sim", "--host", host, "--port", port, *pace, *options)
        self.wait_listening()

    def stats(self):
        return self.ask("stats")

    def ask(self, what):
        with urllib.request.urlopen(f"{self.url}/_sim/{what}", timeout=10) as reply:
            return json.load(reply)

    def mark(self):
        """A place in the list of calls, for since()."""
        return self.stats()["requests"]

    def since(self, mark):
        """The calls after mark(), oldest first; at most 100 are kept."""
        return sorted(
            (c for c in self.ask("requests?last=100") if c["sequence"] > mark), key=lambda c: c["sequence"]
        )


class Gateway(Program):
    """lintel with a configuration of its own; port 0 unless told otherwise."""

    def __init__(self, folder, config, *arguments, key=None, host="127.0.0.1", port=0, **options):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.config_file = folder / "config.yml"
        text = (
            config if isinstance(config, str) else yaml.safe_dump(config, sort_keys=False, allow_unicode=True)
        )
        self.config_file.write_text(text, encoding="utf-8")
        self.key = key
        super().__init__(
            folder,
            "lintel",
            "--config",
            self.config_file,
            "--host",
            host,
            "--port",
            port,
            *arguments,
            **options,
        )
        self.baseline = None

    @classmethod
    def bare(cls, folder, key, env):
        """One that is told everything by its environment."""
        gateway = cls.__new__(cls)
        Program.__init__(gateway, folder, "lintel", env=env)
        gateway.key, gateway.baseline = key, None
        return gateway

    def wait_ready(self):
        self.wait_listening()
        wait_for(self.ready, 10, "GET /health/readiness")
        return self

    def ready(self):
        return self.get("/health/readiness")[0] == 200

    def wait_database(self):
        """Until it has reached its database, if it has one, or knows that it is away."""
        if "database_url" in self.config_file.read_text(encoding="utf-8") or "DATABASE_URL" in self.env:
            wait_for(lambda: re.search("database (connected|unavailable)", self.log()), 40, "a first try of the database")

    @property
    def netloc(self):
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def base_url(self):
        """What an OpenAI client calls its base URL."""
        return f"http://{self.netloc}/v1"

    def get(self, path, key=None):
        """(status, JSON) on a connection of its own."""
        request = urllib.request.Request(f"http://{self.netloc}{path}", headers={"Connection": "close"})
        if key:
            request.add_header("Authorization", f"Bearer {key}")
        try:
            with urllib.request.urlopen(request, timeout=10) as reply:
                return reply.status, json.loads(reply.read() or b"null")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read() or b"null")

    def holds(self):
        """What /debug/exchanges says: live, connections, upstream, descriptors, exchanges."""
        status, answer = self.get("/debug/exchanges", self.key)
        assert status == 200, answer
        return answer

    def descriptors(self):
        """(own files and listeners, client connections): what is neither is kept for reuse upstream."""
        sockets, others = self.sockets()
        listeners = sum(1 for s in sockets if s[2] == TCP_LISTEN)
        clients = sum(1 for s in sockets if s[0] == self.port and s[2] != TCP_LISTEN)
        return others + listeners, clients

    def set_baseline(self):
        """To be called once everything that is opened lazily has been."""
        self.baseline = wait_for(lambda: self.descriptors()[1] == 0 and self.descriptors()[0])

    def nothing_left(self, seconds=5.0):
        """No live exchange, no upstream call, no client connection, no descriptor above the
        baseline."""
        end = time.monotonic() + seconds
        while True:
            holds = self.holds()
            own, clients = self.descriptors()
            # The probe's own connection may still be there; of others there must be none.
            if not holds["live"] and not holds["upstream"] and holds["connections"] <= 1:
                if own <= self.baseline and clients <= 1:
                    return
            assert time.monotonic() < end, (
                f"still held after {seconds} s: {json.dumps(holds)[:2000]}; "
                f"own descriptors {own} (baseline {self.baseline}), client sockets {clients}"
            )
            time.sleep(0.02)


def free_port():
    """A port nobody listens on."""
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Crowd:
    """Threads that each call run(i) when the block begins; run() ends once `over` is set, which its end does."""

    def __init__(self, count):
        self.over = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(i,)) for i in range(count)]

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.over.set()
        for thread in self.threads:
            thread.join()
