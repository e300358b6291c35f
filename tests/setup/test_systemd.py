"""The unit, by systemd's own judgement; no systemd runs."""

import pathlib
import re
import subprocess

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = (ROOT / "conf/systemd/lintel@.service").read_text()


@pytest.fixture
def unit(tmp_path):
    """Its path, with programs that are there in the place of those that are not."""
    file = tmp_path / "lintel@.service"
    file.write_text(UNIT.replace("/opt/lintel/deployments/%i/lintel", "/bin/true"))
    return file


def analyze(*arguments):
    return subprocess.run(["systemd-analyze", *map(str, arguments)], capture_output=True, text=True, timeout=60)


def test_systemd_finds_nothing_wrong(unit):
    done = analyze("verify", unit)
    assert done.returncode == 0 and unit.name not in done.stderr, done.stderr


def test_systemd_sees_little_exposure(unit):
    done = analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit)
    assert done.returncode == 0, done.stdout[-400:] + done.stderr
    unit.write_text(re.sub(r"(?m)^(Protect|Restrict|SystemCall|Capability|NoNew).*\n", "", unit.read_text()))
    assert analyze("security", "--offline=true", "--threshold=20", "--no-pager", unit).returncode != 0


def test_requests_are_finished_before_the_end():
    drain = int(re.search(r"WORKER_DRAIN_MS (\d+)", (ROOT / "src/gateway/worker.h").read_text())[1]) / 1000
    assert int(re.search(r"(?m)^TimeoutStopSec=(\d+)$", UNIT)[1]) > drain
