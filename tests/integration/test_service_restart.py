"""manage-litellm.sh restart, with the real programs: nobody notices."""

import os
import shutil
import subprocess
import threading
import time

import openai
import pytest
from programs import ASAN, BUILD, ROOT, free_port, wait_for

KEY = "sk-of-the-restart-test-0001"


def alive(pid):
    """A zombie is not."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Tree:
    def __init__(self, folder):
        self.folder, self.port = folder, free_port()
        shutil.copy2(ROOT / "manage-litellm.sh", folder)
        shutil.copytree(ROOT / "scripts", folder / "scripts")
        shutil.copytree(ROOT / "conf", folder / "conf")
        shutil.copy2(ROOT / ".env.example", folder)
        self.env = {
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "PORT": str(self.port),
            "LITELLM_MASTER_KEY": KEY,
            "LINTEL_BUILD_DIR": str(BUILD),
            "AWS_EC2_METADATA_DISABLED": "true",
            "ASAN_OPTIONS": ASAN,
        }

    def run(self, *arguments):
        return subprocess.run(
            [self.folder / "manage-litellm.sh", *arguments],
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    def pid(self):
        return int((self.folder / "run/lintel.pid").read_text().split()[0])

    def others(self):
        return list((self.folder / "run").glob("lintel.*.pid"))

    def client(self):
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=KEY, max_retries=0)


@pytest.fixture
def tree(tmp_path):
    tree = Tree(tmp_path)
    done = tree.run("start")
    assert done.returncode == 0, done.stderr
    yield tree
    assert tree.run("stop").returncode == 0
    assert not tree.others() and "AddressSanitizer" not in (tmp_path / "run/lintel.log").read_text()



def test_restart_without_a_break(tree):
    first, errors, served, stop = tree.pid(), [], [], threading.Event()
    model = subprocess.run(
        [BUILD / "lintel", "models", tree.folder / "conf/default_config.yml"],
        env=tree.env,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()[0]

    def ask():
        with tree.client() as client:
            while not stop.is_set():
                try:
                    client.chat.completions.create(model=model, messages=[{"role": "user", "content": "Hi"}])
                    served.append(1)
                except Exception as error:
                    errors.append(repr(error))

    clients = [threading.Thread(target=ask) for _ in range(4)]
    with tree.client() as client:
        stream = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "[[sim:chunks(200,10)]] [[sim:gap(100)]]"}],
            stream=True,
        )
        next(stream)
        for c in clients:
            c.start()
        time.sleep(0.5)
        for told in (f"The one before (pid {first})", "Lintel runs"):  # the second one may end at once
            done = tree.run("restart")
            assert done.returncode == 0 and told in done.stdout, done.stderr
        assert tree.pid() != first and any(str(first) in p.name for p in tree.others())
        reasons = [c.choices[0].finish_reason for c in stream if c.choices]
        assert reasons[-1] == "stop" and len(reasons) > 150
    stop.set()
    for c in clients:
        c.join(20)
    assert errors == [] and len(served) > 10
    wait_for(lambda: not alive(first), 10, "the first one's end")


def test_a_restart_that_cannot_be_changes_nothing(tree):
    first = tree.pid()
    good = tree.env["LINTEL_BUILD_DIR"]
    broken = tree.folder / "broken"
    broken.mkdir()
    shutil.copy2(BUILD / "bedrock-sim", broken)
    (broken / "lintel").write_text(
        f'#!/bin/sh\n[ "$1" = check ] && exit 0\n[ "$1" = credentials ] && exec {BUILD}/lintel "$@"\necho no such luck; exit 1\n'
    )
    (broken / "lintel").chmod(0o755)
    tree.env["LINTEL_BUILD_DIR"] = str(broken)
    done = tree.run("restart")
    tree.env["LINTEL_BUILD_DIR"] = good
    assert done.returncode == 1 and "no such luck" in done.stderr and "goes on" in done.stderr
    assert tree.pid() == first and not tree.others()
    assert tree.run("status").returncode == 0


def test_stop_ends_those_that_still_finish(tree):
    first = tree.pid()
    with tree.client() as client:
        model = client.models.list().data[0].id
        stream = client.chat.completions.create(
            model=model,
            messages=[{"role": "user", "content": "[[sim:chunks(30,10)]] [[sim:gap(100)]]"}],
            stream=True,
        )
        next(stream)
        assert tree.run("restart").returncode == 0 and alive(first)
        reading = threading.Thread(target=lambda: list(stream))
        reading.start()
        assert tree.run("stop").returncode == 0
        reading.join(5)
    assert not alive(first)
