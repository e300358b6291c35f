"""Cline's command line, the real one, in both of its generations.

    Current     3.x: one binary; calls tools as functions, says reasoning_effort, drops signatures
    Classic     2.x: the core of the editor's extension; tools as XML in the text, says
                thinking.budget_tokens, takes prices from /v1/model/info

A `Run` is one task, finished: its events, and what Cline says of tokens and cost. Each has a home of
its own, no telemetry, no updates, and no way out: what is not on this machine goes to a proxy that
is not there.
"""

import dataclasses
import json
import os
import pathlib
import subprocess

from programs import environment

NOWHERE = "http://127.0.0.1:1"
SECONDS = 60


@dataclasses.dataclass
class Run:
    code: int
    events: list
    output: str
    tokens_in: int = 0
    tokens_out: int = 0
    cache_reads: int = 0
    cost: float = 0.0


class Cline:
    def __init__(self, modules, gateway, folder):
        self.modules, self.gateway, self.home = modules, gateway, folder / "home"
        self.work = folder / "work"
        self.home.mkdir()
        self.work.mkdir()

    def write(self, path, value):
        path = self.home / path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))
        return path

    def start(self, *command):
        """A Run without figures."""
        done = subprocess.run(
            [*map(str, command)],
            cwd=self.work,
            env=environment(
                self.home,
                CLINE_NO_AUTO_UPDATE="1",
                CLINE_GLOBAL_SETTINGS_PATH=str(self.home / "global-settings.json"),
                HTTP_PROXY=NOWHERE,
                HTTPS_PROXY=NOWHERE,
                NO_PROXY="127.0.0.1",
            ),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return Run(done.returncode, [json.loads(line) for line in lines], done.stdout + done.stderr)


class Current(Cline):
    def run(self, model, prompt):
        settings = {
            "provider": "litellm",
            "apiKey": self.gateway.key,
            "model": model,
            "baseUrl": self.gateway.base_url,
        }
        entry = {"settings": settings, "updatedAt": "2026-01-01T00:00:00.000Z", "tokenSource": "manual"}
        self.write(
            "data/settings/providers.json",
            {"version": 1, "lastUsedProvider": "litellm", "modes": {}, "providers": {"litellm": entry}},
        )
        self.write("global-settings.json", {"telemetryOptOut": True, "autoUpdateEnabled": False})
        run = self.start(
            *(self.modules / "@cline/cli-linux-x64/bin/cline", "--json", "--data-dir", self.home / "data"),
            *("-P", "litellm", "-m", model, "--thinking", "medium", "--retries", 1, prompt),
        )
        if run.code == 0:
            usage = run.events[-1]["usage"]
            run.tokens_in, run.tokens_out = usage["inputTokens"], usage["outputTokens"]
            run.cache_reads, run.cost = usage["cacheReadTokens"], usage["totalCost"]
        return run


class Classic(Cline):
    def run(self, model, prompt, thinking=2000):
        state = {"welcomeViewCompleted": True, "telemetrySetting": "disabled"}
        for mode in ("act", "plan"):
            state[f"{mode}ModeApiProvider"] = "litellm"
            state[f"{mode}ModeLiteLlmModelId"] = model
        state["liteLlmBaseUrl"] = self.gateway.base_url.removesuffix("/v1")
        self.write("config/data/globalState.json", state)
        self.write("config/data/secrets.json", {"liteLlmApiKey": self.gateway.key})
        node = next(self.modules.glob("node-linux-*/bin/node"))
        run = self.start(
            *(node, self.modules / "cline/dist/cli.mjs", "task", "--yolo", "--json"),
            *("--config", self.home / "config", "--thinking", thinking, prompt),
        )
        history = self.home / "config/data/state/taskHistory.json"
        if run.code == 0:
            (task,) = json.loads(history.read_text())
            run.tokens_in, run.tokens_out = task["tokensIn"], task["tokensOut"]
            run.cache_reads, run.cost = task.get("cacheReads", 0), task["totalCost"]
        return run
