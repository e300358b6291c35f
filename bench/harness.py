"""Starts what a benchmark needs and measures one run; bench/run says which runs and prints them.

Everything listens on 127.0.0.1 at ports the kernel chose, lives in a temporary folder, and is ended
by its process id.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[1]
KEY = "sk-bench-0f3a9c55d1e84b7796aa"
TOOLS = ["bench-responder", "bench-load", "bench-micro"]
LISTENING = re.compile(r"listening on http://127\.0\.0\.1:(\d+)")


class BenchError(Exception):
    pass


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


before_all = []  # what stands before every command: ["chrt", "-r", "1"] with --realtime


def on_core(core):
    """What to put before a command; on a machine with one core all share it."""
    return [*before_all, "taskset", "-c", str(core if (os.cpu_count() or 1) > 1 else 0)]


def resident_kb(pid):
    status = pathlib.Path(f"/proc/{pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1])


def environment(folder):
    """Without the developer's AWS, LiteLLM, Lintel and proxy settings."""
    keep = {k: v for k, v in os.environ.items() if not re.match(r"(AWS|LITELLM|LINTEL)_|.*_proxy$", k, re.I)}
    return keep | {"HOME": str(folder), "AWS_EC2_METADATA_DISABLED": "true"}


class Program:
    """A child process with its output in a file."""

    def __init__(self, folder, name, command, core):
        self.name, self.log = name, folder / f"{name}.log"
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [*on_core(core), *map(str, command)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=folder,
                env=environment(folder),
            )

    def wait_port(self, port=None):
        """Until it listens; where it says so itself, on which port."""
        end = time.monotonic() + 15
        while time.monotonic() < end:
            text = self.log.read_text(errors="replace")
            if self.process.poll() is not None:
                raise BenchError(f"{self.name} ended with {self.process.returncode}:\n{text[-2000:]}")
            said = LISTENING.search(text)
            if said and not port:
                return int(said[1])
            if port:
                with socket.socket() as s:
                    if s.connect_ex(("127.0.0.1", port)) == 0:
                        return port
            time.sleep(0.01)
        raise BenchError(f"{self.name} does not listen:\n{text[-2000:]}")

    def stop(self):
        """Ends it, and returns its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        return self.process.returncode


NGINX = """
daemon off;
{user}
worker_processes 1;
pid {folder}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 8192; }}
http {{
    access_log off;
    client_max_body_size 100m;
    client_body_buffer_size 2m;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    keepalive_requests 100000000;
    upstream bedrock {{
        server 127.0.0.1:{upstream};
        keepalive 1024;
        keepalive_requests 100000000;
    }}
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location / {{
            proxy_pass http://bedrock;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_buffering off;
            proxy_read_timeout 60s;
        }}
    }}
}}
"""


class Nginx:
    """proxy_pass and nothing else: the body goes through as it is, no access log, one worker."""

    name = "nginx"

    def __init__(self, folder, upstream):
        found = shutil.which("nginx") or shutil.which("/usr/sbin/nginx")
        if not found:
            raise BenchError("nginx is not installed (Debian: nginx-light)")
        self.port = free_port()
        user = "user root;" if os.geteuid() == 0 else ""
        conf = folder / "nginx.conf"
        conf.write_text(NGINX.format(folder=folder, port=self.port, upstream=upstream, user=user))
        command = [found, "-p", folder, "-c", conf, "-e", "stderr"]
        self.program = Program(folder, "nginx", command, core=0)
        self.program.wait_port(self.port)
        master = self.program.process.pid
        children = pathlib.Path(f"/proc/{master}/task/{master}/children")
        self.pid = int(children.read_text().split()[0])

    def path(self, body):
        whole = body.removeprefix("fresh-") in ("short", "long")
        return f"/model/bench.{'whole' if whole else body}/converse{'' if whole else '-stream'}"

    def stop(self):
        return self.program.stop()


class Direct(Nginx):
    """No gateway at all: what the load generator and the responder cost themselves."""

    name = "no gateway"

    def __init__(self, folder, upstream):
        self.port, self.pid = upstream, None

    def stop(self):
        return 0


CONFIG = """
model_list:
{models}
general_settings:
  master_key: {key}
"""
MODEL = """
  - model_name: {name}
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0 # for its prices
      model_id: bench.{name}
      aws_access_key_id: AKIABENCH
      aws_secret_access_key: bench-secret
      aws_region_name: us-east-1
      aws_bedrock_runtime_endpoint: http://127.0.0.1:{upstream}
"""


class Lintel:
    """One process, nothing set that is not needed: the log as it is by default."""

    name = "Lintel"
    more = ""  # configuration

    def __init__(self, folder, upstream, build):
        config = folder / "lintel.yml"
        models = "".join(MODEL.format(name=name, upstream=upstream) for name in ("whole", "burst", "paced"))
        config.write_text(CONFIG.format(models=models, key=KEY) + self.more)
        command = [build / "lintel", "--config", config, "--host", "127.0.0.1", "--port", 0]
        self.program = Program(folder, "lintel", command, core=0)
        self.port = self.program.wait_port()
        self.pid = self.program.process.pid

    def path(self, body):
        return "/v1/chat/completions"

    def stop(self):
        return self.program.stop()


class LintelWithLimits(Lintel):
    """Three limits that are never reached, counted by the process."""

    name = "limits in the process"
    more = "litellm_settings: {rpm: 1000000000, tpm: 10000000000, max_parallel_requests: 100000}\n"


class LintelWithCache(Lintel):
    """Answers are kept in the process. Bodies that say so ask the model all the same."""

    name = "kept answers"
    more = "litellm_settings: {cache: true, cache_params: {type: local}}\n"


class LintelWatched(Lintel):
    """Told of every request: `callbacks` says who."""

    callbacks = "prometheus"

    def __init__(self, folder, upstream, build):
        there = f"http://127.0.0.1:{upstream}"
        self.more = f"""litellm_settings: {{callbacks: [{self.callbacks}]}}
environment_variables: {{OTEL_EXPORTER_OTLP_ENDPOINT: '{there}', LANGFUSE_HOST: '{there}',
  LANGFUSE_PUBLIC_KEY: pk-lf-bench, LANGFUSE_SECRET_KEY: sk-lf-bench}}
"""
        super().__init__(folder, upstream, build)

    def dropped(self):
        """Records that were not told: figures with any would be too good."""
        address = f"http://127.0.0.1:{self.port}/debug/exchanges"
        request = urllib.request.Request(address, headers={"Authorization": f"Bearer {KEY}"})
        with urllib.request.urlopen(request, timeout=10) as reply:
            return sum(c["dropped"] for c in json.load(reply)["callbacks"])


class LintelMetrics(LintelWatched):
    name = "prometheus"


class LintelTraced(LintelWatched):
    name = "otel"
    callbacks = "otel"


class LintelLangfuse(LintelWatched):
    name = "langfuse"
    callbacks = "langfuse"


class LintelAllWatched(LintelWatched):
    name = "all three"
    callbacks = "prometheus, otel, langfuse"


class LintelWithRedis(LintelWithLimits):
    """The same limits, counted by a Redis on the other core."""

    name = "limits in Redis"

    def __init__(self, folder, upstream, build):
        if not shutil.which("redis-server"):
            raise BenchError("redis-server is not installed")
        port = free_port()
        command = ["redis-server", "--port", port, "--bind", "127.0.0.1", "--save", "", "--dir", folder]
        self.redis = Program(folder, "redis", command, core=1)
        self.redis.wait_port(port)
        self.redis_port = port
        self.more = LintelWithLimits.more + f"router_settings: {{redis_url: 'redis://127.0.0.1:{port}'}}\n"
        super().__init__(folder, upstream, build)

    def scripts(self):
        """How many scripts the server has run, and the µs each took."""
        with socket.create_connection(("127.0.0.1", self.redis_port)) as s:
            s.sendall(b"INFO commandstats\r\n")
            text = s.recv(65536).decode()
        found = re.search(r"cmdstat_evalsha:calls=(\d+),usec=\d+,usec_per_call=([\d.]+)", text)
        return int(found[1]), float(found[2])

    def stop(self):
        status = super().stop()
        self.redis.stop()
        return status


class Bench:
    """The folder, the bodies and the responder; makes gateways and lets the load loose on them."""

    def __init__(self, folder, build, bodies, chunks, gap_ms):
        self.folder, self.build, self.bodies, self.chunks = folder, build, bodies, chunks
        self.running = []
        command = [build / "bench/bench-responder", "--chunks", chunks, "--gap-ms", gap_ms]
        self.responder = Program(folder, "responder", command, core=1)
        self.running.append(self.responder)
        self.upstream = self.responder.wait_port()

    def start(self, kind):
        gateway = kind(self.folder, self.upstream, *([self.build] if issubclass(kind, Lintel) else []))
        self.running.append(gateway)
        return gateway

    def stop(self, gateway):
        self.running.remove(gateway)
        return gateway.stop()

    def close(self):
        while self.running:
            self.running.pop().stop()

    def load(self, gateway, body, connections, **options):
        """One run of the load generator; its figures."""
        command = [
            *on_core(1), self.build / "bench/bench-load",
            "--port", gateway.port, "--path", gateway.path(body), "--key", KEY,
            "--body", self.bodies[body], "--connections", connections,
            "--marks", 1 if body.removeprefix("fresh-") in ("short", "long") else self.chunks,
        ]  # fmt: skip
        if gateway.pid:
            command += ["--pid", gateway.pid]
        for name, value in options.items():
            command += ["--" + name.replace("_", "-"), value]
        done = subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=150)
        if done.returncode:
            raise BenchError(f"{gateway.name}, {body}: {done.stderr.strip()}")
        return json.loads(done.stdout)

    def ask(self, gateway, body):
        """One request of our own, for looking at the answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{gateway.port}{gateway.path(body)}",
            data=self.bodies[body].read_bytes(),
            headers={"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"},
        )
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        with opener.open(request, timeout=30) as reply:
            return reply.read().decode()


def build_tools(build):
    if not (build / "build.ninja").exists():
        raise BenchError(f"there is no build in {build}: ./manage-litellm.sh build")
    targets = ["lintel", *(f"bench/{tool}" for tool in TOOLS)]
    done = subprocess.run(["ninja", "-C", str(build), *targets], capture_output=True, text=True)
    if done.returncode:
        raise BenchError(f"the build failed:\n{done.stdout[-3000:]}")


def build_type(build):
    options = json.loads((build / "meson-info/intro-buildoptions.json").read_text())
    return next(o["value"] for o in options if o["name"] == "buildtype")
