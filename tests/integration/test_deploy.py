"""scripts/deploy.sh with the real gateway, beneath a DESTDIR; systemctl.py stands in for systemd."""

import os
import pathlib
import shutil
import signal
import subprocess
import sys
import threading

import pytest
import yaml
from conftest import KEY, configuration, openai_client
from programs import BUILD, ROOT, environment, free_port, wait_for

HERE = pathlib.Path(__file__).resolve().parent
HELLO = [{"role": "user", "content": "Hello"}]


class Host:
    """A machine with a source tree (whose build is done) and a root of its own."""

    host = "127.0.0.1"
    key = KEY

    def __init__(self, path, config):
        self.path, self.root, self.tree = path, path / "root", path / "tree"
        self.port = free_port()
        (self.root / "run/systemd/system").mkdir(parents=True)
        (self.tree / "build").mkdir(parents=True)
        for folder in ("scripts", "conf"):
            shutil.copytree(ROOT / folder, self.tree / folder)
        shutil.copy(ROOT / "LICENSE", self.tree)
        shutil.copy2(BUILD / "lintel", self.tree / "build/lintel")
        self.configure(config)
        self.settings(PORT=self.port)
        self.bin = path / "bin"
        self.bin.mkdir()
        self.program("systemctl", f'exec {sys.executable} {HERE / "systemctl.py"} "$@"')
        self.program("journalctl", 'exec tail -n 5 "$DESTDIR"/instances/"${8#*@}".log')
        for name in ("useradd", "getent", "chown"):
            self.program(name, f"echo {name} $* >>$DESTDIR/users.log")

    @property
    def base_url(self):
        return f"http://{self.host}:{self.port}/v1"

    def program(self, name, text):
        (self.bin / name).write_text(f"#!/bin/sh\n{text}\n")
        (self.bin / name).chmod(0o755)

    def configure(self, config, name="site.yml"):
        (self.tree / "conf" / name).write_text(yaml.safe_dump(config))

    def settings(self, **more):
        lines = {"LITELLM_MASTER_KEY": KEY, "CONFIG_FILE": "site.yml", "ODD": "a\\\"b$c`d #e", **more}
        quoted = {k: str(v).replace("\\", "\\\\").replace('"', '\\"') for k, v in lines.items()}
        (self.tree / ".env").write_text("".join(f'{k}="{v}" # comment\n' for k, v in quoted.items()))

    def another_release(self):
        with open(self.tree / "build/lintel", "ab") as program:
            program.write(b"another build")

    def deploy(self, *arguments):
        return subprocess.run(
            [self.tree / "scripts/deploy.sh", *arguments],
            env=environment(self.path, DESTDIR=str(self.root), PATH=f"{self.bin}:{os.environ['PATH']}"),
            cwd=self.path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=80,
        )

    def instances(self):
        """number → pid of those that were started and still are there."""
        found = {int(f.stem): int(f.read_text()) for f in (self.root / "instances").glob("*.pid")}
        return {n: pid for n, pid in found.items() if alive(pid)}

    def log(self, number):
        return (self.root / f"instances/{number}.log").read_text()

    def cleanup(self):
        for pid in self.instances().values():
            os.kill(pid, signal.SIGTERM)
        wait_for(lambda: not self.instances(), 15, "the end of all instances")
        for file in (self.root / "instances").glob("*.log"):
            assert "Sanitizer" not in file.read_text()


def alive(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


@pytest.fixture(scope="module")
def host(tmp_path_factory, simulator):
    host = Host(tmp_path_factory.mktemp("host"), configuration(simulator.url))
    yield host
    host.cleanup()


def test_life_of_a_service(host, simulator):
    """From nothing to a service, to the next version under load, and back. One story, one gateway at a time."""
    done = host.deploy()
    assert done.returncode == 0, done.stderr
    assert "Deployment 1 (lintel-0.1.0-" in done.stdout and f"runs at http://127.0.0.1:{host.port}" in done.stdout
    assert done.stderr == ""
    env, config = host.root / "etc/lintel/env", host.root / "etc/lintel/config.yml"
    assert (env.stat().st_mode & 0o777, config.stat().st_mode & 0o777) == (0o600, 0o640)
    assert 'ODD="a\\\\\\"b\\$c\\`d #e"' in env.read_text()
    odd = pathlib.Path(f"/proc/{host.instances()[1]}/environ").read_bytes().split(b"\0")
    assert b'ODD=a\\"b$c`d #e' in odd
    assert "chown root:lintel" in (host.root / "users.log").read_text()

    again = host.deploy()
    assert again.returncode == 0 and again.stdout.startswith("Nothing is new: deployment 1 runs")

    host.another_release()
    heard, begun = [], threading.Event()

    def stream():
        with openai_client(host) as client:
            chunks = client.chat.completions.create(
                model="claude", stream=True, messages=[{"role": "user", "content": "[[sim:chunks(40,5)]] [[sim:gap(50)]]"}]
            )
            for chunk in chunks:
                begun.set()
                heard.append(chunk.choices[0].finish_reason if chunk.choices else None)

    reader = threading.Thread(target=stream)
    reader.start()
    assert begun.wait(10)
    done = host.deploy()
    assert done.returncode == 0, done.stderr
    assert "Installed lintel-" in done.stdout and "Deployment 2" in done.stdout
    assert "takes no new requests" in done.stdout and (host.root / "instances/enabled").read_text() == "2"
    with openai_client(host) as client:
        assert client.chat.completions.create(model="claude", messages=HELLO).choices
    reader.join()
    assert len(heard) > 30 and "stop" in heard  # by the first one, to its end
    wait_for(lambda: list(host.instances()) == [2])
    assert "stop lintel@1" not in (host.root / "systemctl.log").read_text()

    host.settings(PORT=host.port, DATABASE_URL="nonsense://", HOST="127.0.0.1")
    broken = host.deploy("--env")
    assert broken.returncode == 1 and "must begin with sqlite" in broken.stderr and "what ran before goes on" in broken.stderr
    assert list(host.instances()) == [2] and not (host.root / "opt/lintel/deployments/3").exists()
    assert "nonsense" not in env.read_text()

    releases = {file.name for file in (host.root / "opt/lintel/releases").iterdir()}
    back = host.deploy("rollback")
    assert back.returncode == 0 and len(releases) == 2, back.stderr
    running = [os.readlink(host.root / f"opt/lintel/deployments/{n}") for n in (1, 2, 3)]
    assert running[0] == running[2] != running[1]
    wait_for(lambda: list(host.instances()) == [3])


def test_what_an_operator_changed_stays(host, simulator):
    config = host.root / "etc/lintel/config.yml"
    config.write_text(config.read_text() + "# by hand\n")
    host.configure(configuration(simulator.url, litellm_settings={"drop_params": True}))
    done = host.deploy("rollback")
    assert done.returncode == 0 and config.read_text().endswith("# by hand\n"), done.stderr
    assert host.deploy().returncode == 0 and config.read_text().endswith("# by hand\n")
    done = host.deploy("-c", "site.yml")
    assert done.returncode == 0 and "drop_params" in config.read_text()
    assert config.with_name("config.yml.before").read_text().endswith("# by hand\n")
    host.configure({"model_list": 7}, "broken.yml")
    done = host.deploy("-c", "broken.yml")
    assert done.returncode == 1 and "has errors" in done.stderr and "drop_params" in config.read_text()


def test_another_port(host):
    """Its place is not taken: the one before is asked to go."""
    before = max(host.instances())
    host.port = free_port()
    host.settings(PORT=host.port)
    done = host.deploy("--env")
    assert done.returncode == 0, done.stderr
    assert f"stop lintel@{before}" in (host.root / "systemctl.log").read_text()
    wait_for(lambda: list(host.instances()) == [before + 1])
    assert "shutting down" in host.log(before)


def test_old_releases_go(host):
    host.another_release()
    assert host.deploy().returncode == 0
    links = {int(f.name): os.readlink(f).split("/")[-1] for f in (host.root / "opt/lintel/deployments").iterdir()}
    last = max(host.instances())
    assert last > 5 and sorted(links) == list(range(last - 4, last + 1))
    assert set(links.values()) == {f.name for f in (host.root / "opt/lintel/releases").iterdir()}


def test_without_systemd(host):
    (host.root / "run/systemd/system").rmdir()
    done = host.deploy()
    assert done.returncode == 0 and "systemd does not run here" in done.stdout


@pytest.mark.parametrize("arguments", [["install", "rollback"], ["-c"], ["--nonsense"]])
def test_wrong_usage(host, arguments):
    done = host.deploy(*arguments)
    assert done.returncode == 2 and "--help" in done.stderr
