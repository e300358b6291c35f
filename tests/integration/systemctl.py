"""In systemctl's place for test_deploy.py: runs instances of the one unit that is installed, with the
paths beneath $DESTDIR and the environment that systemd would give, and hears their READY=1.

What `start` launched is in $DESTDIR/instances/NUMBER.pid, what it said in NUMBER.log.
"""

import os
import pathlib
import re
import shlex
import signal
import socket
import subprocess
import sys

ROOT = pathlib.Path(os.environ["DESTDIR"])
STATE = ROOT / "instances"


def beneath(text):
    return re.sub(r"(^|[= ])/(opt|etc|run|var)/", rf"\1{ROOT}/\2/", text)


def read_unit():
    lines = (ROOT / "etc/systemd/system/lintel@.service").read_text().splitlines()
    return [(k, beneath(v)) for k, _, v in (line.partition("=") for line in lines if line[:1].isalpha())]


def read_environment(file):
    """As systemd.exec(5) says: KEY="value" with \\ before the shell's special characters."""
    for line in file.read_text().splitlines():
        key, value = re.fullmatch(r'([A-Z0-9_]+)="((?:[^"\\]|\\.)*)"', line).groups()
        yield key, re.sub(r'\\(["\\$`])', r"\1", value)


def start(number):
    unit = dict(read_unit())
    assert unit["Type"] == "notify" and unit["KillMode"] == "mixed"
    environment = {"PATH": "/usr/bin:/bin"}
    for key, value in read_unit():
        if key == "Environment":
            environment |= dict(pair.split("=", 1) for pair in shlex.split(value))
    environment |= dict(read_environment(pathlib.Path(unit["EnvironmentFile"])))
    for folder in ("run/lintel", "var/lib/lintel", "instances"):
        (ROOT / folder).mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager, open(STATE / f"{number}.log", "wb") as log:
        manager.bind(f"\0lintel-{os.getpid()}")
        environment["NOTIFY_SOCKET"] = f"@lintel-{os.getpid()}"
        process = subprocess.Popen(
            shlex.split(unit["ExecStart"].replace("%i", number)),
            env=environment,
            cwd=ROOT / "var/lib/lintel",
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        manager.settimeout(0.1)
        while process.poll() is None:
            try:
                assert manager.recv(100) == b"READY=1"
                (STATE / f"{number}.pid").write_text(str(process.pid))
                return 0
            except TimeoutError:
                pass
    return 1


def is_active(number):
    try:
        pid = int((STATE / f"{number}.pid").read_text())
        alive = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return 3
    log = (STATE / f"{number}.log").read_text()
    return 0 if alive and "takes this one's place" not in log and "shutting down" not in log else 3


def stop(number):
    if is_active(number) == 0:
        os.kill(int((STATE / f"{number}.pid").read_text()), signal.SIGTERM)
    return 0


def enable(number):
    (STATE / "enabled").write_text(number)
    return 0


words = [word for word in sys.argv[1:] if not word.startswith("-")]
with open(ROOT / "systemctl.log", "a", encoding="utf-8") as told:
    print(*words, file=told)
does = {"start": start, "stop": stop, "is-active": is_active, "enable": enable}
sys.exit(does.get(words[0], lambda *_: 0)(*(word.split("@")[1] for word in words[1:])))
