"""The Claude Code command line, the real one, in print mode.

A `Run` is one turn of its user, finished: the events it printed, and what it says of tokens and cost.
Each has a home of its own, no telemetry, no updates, and no way out: what is not on this machine goes
to a proxy that is not there.
"""

import dataclasses
import json
import platform
import subprocess

from programs import environment

NOWHERE = "http://127.0.0.1:1"
SECONDS = 90
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}


@dataclasses.dataclass
class Run:
    code: int
    events: list
    output: str

    @property
    def result(self):
        return self.events[-1]

    def of_kind(self, kind):
        return [e for e in self.events if e["type"] == kind]

    def blocks(self, kind):
        content = (block for e in self.of_kind("assistant") for block in e["message"]["content"])
        return [block for block in content if block["type"] == kind]


class ClaudeCode:
    def __init__(self, modules, gateway, folder, own=None):
        """`own`: instead of the gateway's Anthropic routes and its key, in the environment's words."""
        self.own = own or dict(
            ANTHROPIC_BASE_URL=f"http://{gateway.netloc}", ANTHROPIC_AUTH_TOKEN=gateway.key
        )
        package = f"claude-code-linux-{MACHINES[platform.machine()]}"
        self.program = modules / "@anthropic-ai" / package / "claude"
        self.home, self.work = folder / "home", folder / "work"
        self.home.mkdir()
        self.work.mkdir()

    def run(self, model, prompt, *options, thinking=2000):
        own = dict(
            self.own,
            ANTHROPIC_MODEL=model,
            ANTHROPIC_DEFAULT_HAIKU_MODEL=model,
            MAX_THINKING_TOKENS=str(thinking),
            CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC="1",
            DISABLE_AUTOUPDATER="1",
            DISABLE_TELEMETRY="1",
            IS_SANDBOX="1",  # else it asks for nobody's permission only when it is not root
            HTTP_PROXY=NOWHERE,
            HTTPS_PROXY=NOWHERE,
            NO_PROXY="127.0.0.1",
        )
        # Nothing of a developer's own Claude Code.
        env = {k: v for k, v in environment(self.home).items() if not k.startswith(("ANTHROPIC", "CLAUDE"))}
        env.update(own)
        done = subprocess.run(
            [self.program, "-p", prompt, "--output-format", "stream-json", "--verbose"]
            + ["--dangerously-skip-permissions", *options],
            cwd=self.work,
            env=env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return Run(done.returncode, [json.loads(line) for line in lines], done.stdout + done.stderr)
