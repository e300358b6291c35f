"""The Codex command line, the real one, in its non-interactive mode.

A `Run` is one turn of its user, finished: the events it printed. Each has a home of its own, and no way
out: what is not on this machine goes to a proxy that is not there.
"""

import dataclasses
import json
import platform
import subprocess

from programs import environment

NOWHERE = "http://127.0.0.1:1"
SECONDS = 90
MACHINES = {"x86_64": ("x64", "x86_64"), "aarch64": ("arm64", "aarch64")}

CONFIG = """\
model_provider = "lintel"
model_reasoning_summary = "auto"
[model_providers.lintel]
name = "Lintel"
base_url = "{url}"
env_key = "LINTEL_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
[analytics]
enabled = false
"""


@dataclasses.dataclass
class Run:
    code: int
    events: list
    output: str

    def items(self, kind):
        done = (e["item"] for e in self.events if e["type"] == "item.completed")
        return [item for item in done if item["type"] == kind]

    @property
    def said(self):
        return [item["text"] for item in self.items("agent_message")]

    @property
    def thread(self):
        return next(e["thread_id"] for e in self.events if e["type"] == "thread.started")

    @property
    def usage(self):
        return next(e["usage"] for e in self.events if e["type"] == "turn.completed")


class Codex:
    def __init__(self, modules, gateway, folder):
        package, machine = MACHINES[platform.machine()]
        vendor = modules / f"@openai/codex-linux-{package}/vendor/{machine}-unknown-linux-musl"
        self.program = vendor / "bin/codex"
        self.gateway, self.home, self.work = gateway, folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()
        (self.home / "config.toml").write_text(CONFIG.format(url=gateway.base_url))

    def run(self, model, prompt, *command, effort="medium"):
        thinking = ["-c", f"model_reasoning_effort={effort}"] if effort else []
        env = environment(
            self.home,
            CODEX_HOME=str(self.home),
            LINTEL_KEY=self.gateway.key,
            HTTP_PROXY=NOWHERE,
            HTTPS_PROXY=NOWHERE,
            NO_PROXY="127.0.0.1",
        )
        env = {k: v for k, v in env.items() if not k.startswith("OPENAI")}
        done = subprocess.run(
            [self.program, "exec", *command, "--json", "--skip-git-repo-check", "-m", model]
            + ["--dangerously-bypass-approvals-and-sandbox", *thinking, prompt],
            cwd=self.work,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return Run(done.returncode, [json.loads(line) for line in lines], done.stdout + done.stderr)
