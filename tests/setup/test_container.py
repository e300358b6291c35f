"""Dockerfile and docker-compose.yml, read as text: no container engine is needed.

What they promise together is checked here: a user without rights, a read-only root with the one
folder that is written to, health, the port beyond loopback inside and on loopback outside.
"""

import pathlib
import re
import shlex

import pytest
import yaml

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def stages():
    """The Dockerfile as a list of stages, each a list of (instruction, rest of the line)."""
    text = (ROOT / "Dockerfile").read_text()
    text = re.sub(r"(?m)^\s*#.*\n", "", text).replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, text.splitlines())):
        word, rest = line.split(None, 1)
        if word == "FROM":
            found.append([])
        found[-1].append((word, rest))
    return found


@pytest.fixture(scope="module")
def service():
    return yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["lintel"]


def values(stage, word):
    return [rest for name, rest in stage if name == word]


def test_image_is_built_on_debian_13_in_two_stages(stages):
    assert [values(stage, "FROM")[0].split()[0] for stage in stages] == ["debian:trixie-slim"] * 2


def test_image_runs_without_rights(stages):
    words = [name for name, _ in stages[-1]]
    assert values(stages[-1], "USER") == ["lintel"]
    assert words.index("USER") > max(i for i, word in enumerate(words) if word in ("RUN", "COPY"))


def test_image_says_how_it_is(stages):
    final = stages[-1]
    assert "/health/readiness" in values(final, "HEALTHCHECK")[0]
    env = dict(pair.split("=") for pair in shlex.split(values(final, "ENV")[0]))
    assert env.pop("LINTEL_DATA_DIRECTORY") in " ".join(values(final, "RUN"))
    assert env == {"HOST": "0.0.0.0", "PORT": "4000"} and values(final, "EXPOSE") == ["4000"]
    assert values(final, "ENTRYPOINT") == ['["/app/manage-litellm.sh", "run"]']


def test_image_copies_what_exists_and_is_not_ignored(stages):
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for rest in values(stages[-1], "COPY"):
        if not rest.startswith("--from"):
            for source in rest.split()[:-1]:
                assert (ROOT / source).exists(), source
                assert source not in ignored and f"{source}/" not in ignored
    assert ".env" in ignored and ".git" in ignored


def test_compose_publishes_on_loopback_only(service):
    assert service["ports"] == ["127.0.0.1:4000:4000"]
    assert service["environment"] == {"HOST": "0.0.0.0", "PORT": "4000", "REDIS_HOST": "redis"}
    assert service["env_file"] == ".env"


def test_compose_takes_what_is_not_needed(service, stages):
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    uid = re.search(r"--uid (\d+)", " ".join(values(stages[-1], "RUN")))[1]
    assert service["tmpfs"] == [f"/app/run:uid={uid},gid={uid},mode=0700"]
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["data:/app/data"] and "LINTEL_DATA_DIRECTORY=/app/data" in values(stages[-1], "ENV")[0]


def test_compose_lets_requests_finish(service):
    assert service["healthcheck"]["test"][0] == "CMD-SHELL"
    assert service["stop_grace_period"] == "65s"


def test_compose_brings_a_redis_that_only_the_gateway_reaches(service):
    redis = yaml.safe_load((ROOT / "docker-compose.yml").read_text())["services"]["redis"]
    assert "ports" not in redis and redis["read_only"] is True and redis["cap_drop"] == ["ALL"]
    assert redis["healthcheck"]["test"] == ["CMD", "redis-cli", "ping"]
    assert service["depends_on"] == {"redis": {"condition": "service_healthy"}}
    assert redis["command"][redis["command"].index("--save") + 1] == ""
