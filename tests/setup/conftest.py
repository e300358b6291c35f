"""A copy of the scripts in a folder of its own, with stand-ins for the programs around them.

Each test gets a `Tree`: manage-litellm.sh and scripts/ as they are, a `build/` with stub programs
that keep the contract of lintel and bedrock-sim, and a `bin/` in front of PATH for stubs of apt-get
and the like. Whatever a test leaves running is stopped by its pid file.
"""

import os
import pathlib
import shutil
import socket
import subprocess
import sys
import time

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
STUBS = pathlib.Path(__file__).resolve().parent / "stubs"

ENV_EXAMPLE = """\
# Settings of the gateway
CONFIG_FILE="default_config.yml"
LITELLM_MASTER_KEY="sk-litellm-test-key"
AWS_ACCESS_KEY_ID=""
REDIS_AUTH="" # random
SALT="" # random
"""


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Tree:
    def __init__(self, path):
        self.path = path
        self.port = free_port()
        self.env = {
            "PATH": f"{path}/bin:{os.environ['PATH']}",
            "HOME": str(path / "home"),
            "PORT": str(self.port),
            "AWS_EC2_METADATA_DISABLED": "true",
            "LINTEL_STOP_SECONDS": "5",
        }
        for name in ("bin", "home", "conf", "build", "elsewhere"):
            (path / name).mkdir()
        for name in ("manage-litellm.sh", "manage-services.sh"):
            shutil.copy2(ROOT / name, path / name)
        shutil.copytree(ROOT / "scripts", path / "scripts")
        for name in ("lintel", "bedrock-sim"):
            self.program(f"build/{name}", (STUBS / f"{name}.py").read_text())
        (path / ".env.example").write_text(ENV_EXAMPLE)
        self.config("default_config.yml")

    def program(self, name, python):
        """Writes an executable Python program."""
        file = self.path / name
        file.write_text(f"#!{sys.executable}\n{python}")
        file.chmod(0o755)

    def shell(self, name, text):
        """Writes an executable shell program."""
        file = self.path / name
        file.write_text(f"#!/bin/sh\n{text}\n")
        file.chmod(0o755)

    def config(self, name, text="model_list: [stub]\n"):
        (self.path / "conf" / name).write_text(text)

    def run(self, *arguments, script="manage-litellm.sh", cwd=None, **more):
        env = {**self.env, **more}
        return subprocess.run(
            [str(self.path / script), *arguments],
            env={k: v for k, v in env.items() if v is not None},
            cwd=cwd or self.path / "elsewhere",
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def pid(self, name="lintel"):
        """The pid of a running program of ours, or None."""
        try:
            pid = int((self.path / "run" / f"{name}.pid").read_text().split()[0])
        except FileNotFoundError:
            return None
        return pid if alive(pid) else None

    def log(self, name="lintel"):
        return (self.path / "run" / f"{name}.log").read_text()

    def started_with(self):
        """What the stub gateway says of its arguments and environment."""
        return self.log().splitlines()[-1]

    def cleanup(self):
        for name in ("lintel", "bedrock-sim"):
            pid = self.pid(name)
            if pid:
                os.kill(pid, 9)


def alive(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def wait_for(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.02)


@pytest.fixture
def tree(tmp_path):
    made = Tree(tmp_path)
    yield made
    made.cleanup()
