"""A redis-server of the test's own on loopback, without persistence; and its sentinels."""

import pathlib
import random
import signal
import subprocess
import time

from programs import environment, free_port, wait_for
from way import Way


class RedisServer:
    """redis-server with more options of its command line; they and the port stay from one start to
    the next."""

    def __init__(self, folder, *options, port=None, tls=False, cli=(), program="redis-server"):
        self.program = program
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.options = options
        self.port = port or free_port()
        self.tls = tls
        self.cli = cli  # more options of redis-cli
        self.process = None
        self.socket = self.folder / "socket"
        self.start()

    def arguments(self):
        yield from (self.program, "--bind", "127.0.0.1", "--save", "", "--dir", self.folder)
        yield from ("--tls-port" if self.tls else "--port", self.port)
        yield from ("--port", 0) if self.tls else ("--unixsocket", self.socket)
        yield from self.options

    def start(self, wait=True):
        with open(self.folder / "redis.log", "ab") as log:
            self.process = subprocess.Popen(
                [str(a) for a in self.arguments()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=environment(self.folder),
            )
        if wait:
            wait_for(self.answers, 10, self.program)
        return self

    def answers(self):
        assert self.process.poll() is None, (self.folder / "redis.log").read_text()
        return any(word in self.do("PING", check=False) for word in ("PONG", "NOAUTH"))

    def do(self, *words, check=True):
        """One command; what redis-cli prints."""
        done = subprocess.run(
            ["redis-cli", "-p", str(self.port), *self.cli, *map(str, words)],
            capture_output=True,
            text=True,
            timeout=20,
            env=environment(self.folder),
        )
        assert not check or done.returncode == 0, done
        return done.stdout.strip()

    def stop_answering(self):
        self.process.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.process.send_signal(signal.SIGCONT)

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"


class Sentinel(RedisServer):
    def __init__(self, folder, master, *options, name="lintel", **more):
        folder = pathlib.Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        self.config = folder / "sentinel.conf"
        self.config.write_text(
            f"sentinel monitor {name} 127.0.0.1 {master.port} 1\n"
            f"sentinel down-after-milliseconds {name} 500\n"
            f"sentinel failover-timeout {name} 2000\n"
        )
        super().__init__(folder, *options, **more)

    def arguments(self):
        yield from ("redis-server", self.config, "--sentinel", "--bind", "127.0.0.1")
        yield from ("--tls-port" if self.tls else "--port", self.port, "--dir", self.folder)
        yield from (("--port", 0) if self.tls else ())
        yield from self.options


class RedisWay(Way):
    def __init__(self, server, delay=0):
        super().__init__(server.port, delay)

    @property
    def url(self):
        return f"redis://127.0.0.1:{self.port}"


class SlowWay(RedisWay):
    """Every now and then nothing comes back for some milliseconds."""

    def __init__(self, server, stall_ms, every_ms):
        super().__init__(server)
        self.stall, self.every, self.stalled = stall_ms / 1000, every_ms / 1000, time.monotonic()

    def wait(self):
        if time.monotonic() - self.stalled > self.every:
            time.sleep(self.stall * random.uniform(0.8, 1.2))
            self.stalled = time.monotonic()
