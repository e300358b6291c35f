"""Dockerfile and docker-compose.yml, without a container engine.

docker-compose checks its file against its schema. What both files promise together is read from them:
a user without rights, a read-only root with the folders that are written to, health, secrets that must
be set, ports on loopback only.
"""

import os
import pathlib
import re
import shlex
import shutil
import subprocess

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


# ---- docker-compose.yml ----------------------------------------------------------------------------

COMPOSE = (ROOT / "docker-compose.yml").read_text()
SECRETS = {"LITELLM_MASTER_KEY": "sk-of-the-test", "POSTGRES_PASSWORD": "p", "REDIS_AUTH": "r"}


@pytest.fixture(scope="module")
def services():
    return yaml.safe_load(COMPOSE)["services"]


@pytest.fixture(scope="module")
def service(services):
    return services["litellm"]


@pytest.fixture
def config(tmp_path):
    """config(**variables) → docker-compose, which checks the file against its schema."""
    (tmp_path / "docker-compose.yml").write_text(COMPOSE)

    def run(text=None, **variables):
        (tmp_path / ".env").write_text(text or "".join(f"{k}={v}\n" for k, v in variables.items()))
        return subprocess.run(
            ["docker-compose", "--profile", "nginx", "--profile", "langfuse", "config"],
            cwd=tmp_path,
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run


def test_compose_keeps_to_its_schema(config, services):
    done = config(**SECRETS, LINTEL_OTHER="x")
    assert done.returncode == 0, done.stderr
    shown = yaml.safe_load(done.stdout)["services"]
    assert set(shown) == set(services)
    assert shown["litellm"]["environment"]["LINTEL_OTHER"] == "x"  # all of .env reaches the gateway
    assert shown["litellm"]["environment"]["DATABASE_URL"] == "postgresql://lintel:p@postgres:5432/litellm"


@pytest.mark.parametrize("secret", SECRETS)
def test_compose_refuses_without_a_secret(config, secret):
    for variables in ({**SECRETS, secret: ""}, {k: v for k, v in SECRETS.items() if k != secret}):
        done = config(**variables)
        assert done.returncode != 0 and secret in done.stderr and ".env.example" in done.stderr


def test_compose_refuses_the_sample_as_it_is(config):
    assert "set it in .env" in config((ROOT / ".env.example").read_text()).stderr


def test_langfuse_refuses_without_a_secret(services, tmp_path):
    """The other secrets are asked for only where Langfuse is."""
    script = services["langfuse-setup"]["command"][2].replace("$$", "$")
    (tmp_path / "psql").write_text("#!/bin/sh\necho 1\n")
    (tmp_path / "psql").chmod(0o755)
    names = [n for n in services["langfuse-setup"]["environment"] if not n.startswith("PG")]
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", **dict.fromkeys(names, "x")}
    for name in names:
        done = subprocess.run(["sh", "-ec", script], env={**env, name: ""}, capture_output=True, text=True)
        assert done.returncode == 1 and name in done.stderr
    assert subprocess.run(["sh", "-ec", script], env=env).returncode == 0
    used = set(re.findall(r"\$\{(\w+):-\}", COMPOSE)) - {"LANGFUSE_PUBLIC_KEY", "LANGFUSE_SECRET_KEY"}
    assert {n for n in used if "INIT" not in n} == set(names)


def test_every_variable_is_in_the_sample():
    sample = set(re.findall(r"^#?([A-Z][A-Z0-9_]*)=", (ROOT / ".env.example").read_text(), re.M))
    used = set(re.findall(r"(?<!\$)\$\{(\w+)", COMPOSE))
    assert len(used) > 15 and used <= sample, used - sample


def test_nothing_is_published_beyond_loopback(services):
    published = {name: s["ports"] for name, s in services.items() if "ports" in s}
    assert set(published) == {"litellm", "nginx", "langfuse-web", "minio"}
    assert all(port.startswith("127.0.0.1:") for ports in published.values() for port in ports)
    assert service_ports(services) == ["127.0.0.1:${PORT:-4000}:4000"]


def service_ports(services):
    assert services["litellm"]["env_file"] == ".env" and services["litellm"]["environment"]["PORT"] == "4000"
    return services["litellm"]["ports"]


def test_the_gateway_has_what_it_needs_and_no_more(service, stages):
    assert service["read_only"] is True
    uid = re.search(r"--uid (\d+)", " ".join(values(stages[-1], "RUN")))[1]
    assert service["tmpfs"] == [f"/app/run:uid={uid},gid={uid},mode=0700"]
    writable = [volume for volume in service["volumes"] if not volume.endswith(":ro")]
    assert writable == ["data:/app/data"] and "LINTEL_DATA_DIRECTORY=/app/data" in values(stages[-1], "ENV")[0]
    assert service["depends_on"] == dict.fromkeys(["redis", "postgres"], {"condition": "service_healthy"})


def test_all_services_are_contained_and_healthy(services):
    for name, s in services.items():
        assert s["cap_drop"] == ["ALL"] and s["security_opt"] == ["no-new-privileges:true"], name
        if s["restart"] == "no":
            continue
        assert s["restart"] == "unless-stopped" and s["healthcheck"]["test"], name
        assert s["logging"]["options"]["max-size"], name


def test_the_gateway_starts_without_any_profile(services):
    always = {name for name, s in services.items() if "profiles" not in s}
    assert always == {"litellm", "redis", "postgres"}
    for name, s in services.items():
        for other in s.get("depends_on", {}):
            assert "profiles" not in services[other] or services[other]["profiles"] == s["profiles"], name


def test_requests_are_finished_before_the_end(service, services):
    drain = int(re.search(r"WORKER_DRAIN_MS (\d+)", (ROOT / "src/gateway/worker.h").read_text())[1]) / 60_000
    for s in (service, services["nginx"]):
        assert int(re.fullmatch(r"(\d+)m", s["stop_grace_period"])[1]) > drain


def test_both_redises_mean_different_things(services):
    """The gateway's drops what is old, Langfuse's keeps its jobs."""
    ours, theirs = services["redis"]["command"], services["langfuse-redis"]["command"]
    assert "volatile-lru" in ours and ours[ours.index("--save") + 1] == ""
    assert "noeviction" in theirs and theirs[theirs.index("--appendonly") + 1] == "yes"
    assert all("--requirepass" in command for command in (ours, theirs))


def test_nginx_gets_a_configuration_that_it_takes(services, tmp_path):
    """The file of the repository, changed as the container does it."""
    script = services["nginx"]["command"][2]
    script = script.split("exec nginx")[0].replace("$$", "$")
    script = script.replace("/etc/lintel/nginx.conf", str(ROOT / "conf/nginx.conf"))
    made = tmp_path / "nginx.conf"
    subprocess.run(["sh", "-ec", script.replace("/tmp/nginx.conf", str(made))], check=True)
    text = made.read_text()
    assert text.count("server litellm:4000 ") == 1 and "127.0.0.1" not in text and "listen 8080;" in text
    made.write_text(text.replace("litellm:4000", "localhost:4000").replace("/tmp/lintel-nginx.pid", f"{tmp_path}/pid"))
    nginx = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    done = subprocess.run([nginx, "-t", "-p", tmp_path, "-c", made], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
