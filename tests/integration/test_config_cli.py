"""The command line: check, what a start refuses and how it says so."""

import json
import re
import socket
import subprocess

import pytest
import yaml
from conftest import KEY, configuration
from programs import BUILD, ROOT, Gateway, environment, free_port
from raw import Raw

GOOD = """\
model_list:
  - model_name: claude
    litellm_params: &bedrock
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_region_name: us-east-1
      aws_access_key_id: AKIAEXAMPLE
      aws_secret_access_key: os.environ/TEST_SECRET
  - model_name: other
    litellm_params:
      <<: *bedrock
      max_tokens: 100
general_settings:
  master_key: sk-integration-0123456789
"""

BAD = """\
model_list:
  - model_name: claude
    litellm_params:
      model: bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0
      aws_region_name: [us-east-1]
      aws_secret_access_key: os.environ/NOT_SET_ANYWHERE
router_settings:
  timeout: soon
general_settings:
  max_request_size_mb: many
  fallbacks: []
litellm_settings:
  drop_parms: true
"""


@pytest.fixture
def lintel(tmp_path):
    def run(*arguments, config=None, timeout=20, **env):
        if config is not None:
            (tmp_path / "config.yml").write_text(config, encoding="utf-8")
        done = subprocess.run(
            [str(BUILD / "lintel"), *map(str, arguments)],
            env=environment(tmp_path, TEST_SECRET="secret-of-the-test", **env),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert "Sanitizer" not in done.stderr and "runtime error" not in done.stderr, done.stderr[:4000]
        assert "secret-of-the-test" not in done.stdout + done.stderr
        return done

    return run


# ---- check ------------------------------------------------------------------------------------------


def test_check_good(lintel):
    done = lintel("check", "config.yml", config=GOOD)
    assert done.returncode == 0 and done.stderr == "", done
    assert "0 errors" in done.stdout and "0 warnings" in done.stdout


def test_check_bad_tells_everything_at_once_with_lines(lintel):
    done = lintel("check", "config.yml", config=BAD)
    assert done.returncode == 1
    lines = {}
    for line in done.stderr.splitlines():
        file, number, severity, text = line.split(":", 3)
        assert file == "config.yml"
        lines[int(number)] = (severity.strip(), text.strip())
    assert lines[5][0] == "error" and "aws_region_name" in lines[5][1]
    assert lines[6][0] == "error" and "NOT_SET_ANYWHERE" in lines[6][1]
    assert lines[8][0] == "error" and "router_settings.timeout" in lines[8][1]
    assert lines[10][0] == "error" and "max_request_size_mb" in lines[10][1]
    assert lines[11][0] == "warning" and "fallbacks" in lines[11][1]
    assert lines[13][0] == "warning" and "drop_params" in lines[13][1]


@pytest.mark.parametrize(
    "config, line",
    [
        ("model_list:\n  - model_name: a\n bad indent: [\n", 3),
        ("model_list: 7\n", 1),
        ("- a\n- b\n", 1),
        ("model_list:\n  - litellm_params:\n      model: bedrock/x.y\n", 2),
    ],
)
def test_check_of_files_that_are_no_configuration(lintel, config, line):
    done = lintel("check", "config.yml", config=config)
    assert done.returncode == 1
    assert f"config.yml:{line}: error: " in done.stderr, done.stderr


def test_check_of_a_missing_file(lintel):
    done = lintel("check", "nowhere.yml")
    assert done.returncode == 1 and "nowhere.yml" in done.stderr and "No such file" in done.stderr


def test_the_shapes_of_the_mission_documents_are_accepted(lintel):
    """Even where LiteLLM would not: one warning per misplaced key, no error."""
    config = {
        **yaml.safe_load(GOOD),
        "litellm_settings": {
            "num_retries": 3,
            "request_timeout": 600,
            "retry_after": 10,
            "max_parallel_requests": 100,
            "rpm": 1000,
            "tpm": 100000,
            "fallbacks": [{"model": "claude", "fallback": "other"}],
            "context_window_fallbacks": [{"model": "claude", "fallback": "other"}],
            "success_callback": ["langfuse", "webhook"],
            "failure_callback": ["langfuse"],
            "alerting": ["slack", "email"],
            "alerting_threshold": 5,
            "set_verbose": True,
            "json_logs": True,
            "log_raw_request_response": False,
            "debug": True,
        },
        "router_settings": {
            "routing_strategy": "simple-shuffle",
            "redis_host": "localhost",
            "redis_port": 6379,
            "redis_password": "your-password",
            "cache_responses": True,
            "cache_kwargs": {"ttl": 3600},
        },
        "general_settings": {
            "master_key": "sk-1234",
            "database_url": "postgresql://user:pass@host:5432/litellm",
            "store_prompts_in_spend_logs": True,
            "api_keys": [{"key": "sk-team-a", "spend_limit": 100, "models": ["claude"]}],
        },
    }
    done = lintel("check", "config.yml", config=yaml.safe_dump(config))
    assert done.returncode == 0, done.stderr
    assert "alerting" not in done.stderr
    assert (
        "error" not in done.stderr and "your-password" not in done.stderr and "sk-team-a" not in done.stderr
    )


@pytest.mark.parametrize("file", sorted(p.name for p in (ROOT / "conf").glob("*.y*ml")))
def test_shipped_configurations(lintel, tmp_path, file):
    """With the variables they name set, and the profile that the mission uses."""
    path = ROOT / "conf" / file
    names = re.findall(r"os\.environ/(\w+)", path.read_text(encoding="utf-8"))
    profile = "[{}]\naws_access_key_id=AKIAEXAMPLE\naws_secret_access_key=secret\n"
    credentials = tmp_path / "credentials"
    credentials.write_text(profile.format("default") + profile.format("cline"))
    env = {"AWS_SHARED_CREDENTIALS_FILE": str(credentials), **{name: "set-for-the-test" for name in names}}
    done = lintel("check", path, **env)
    assert done.returncode == 0 and "0 errors" in done.stdout, done


def test_the_configuration_of_the_kubernetes_manifests(lintel):
    manifest = yaml.safe_load((ROOT / "conf/kubernetes/configmap.yaml").read_text())
    done = lintel("check", "config.yml", config=manifest["data"]["config.yml"], LITELLM_MASTER_KEY="sk-0123456789abcdef")
    assert done.returncode == 0 and "0 warnings" in done.stdout and not done.stderr, done


# ---- start ------------------------------------------------------------------------------------------


def one_line(done):
    (line,) = done.stderr.strip().splitlines() or [""]
    return line


def test_version_and_help(lintel):
    done = lintel("--version")
    assert done.returncode == 0 and done.stdout.startswith("lintel ") and not done.stderr
    done = lintel("--help")
    assert done.returncode == 0 and "--config" in done.stdout and not done.stderr


@pytest.mark.parametrize("arguments", [[], ["--nonsense"], ["--port", "80000"], ["--port", "x"], ["what"]])
def test_wrong_usage(lintel, arguments):
    done = lintel(*arguments, **({"CONFIG_FILE_PATH": "config.yml"} if arguments else {}), config=GOOD)
    assert done.returncode == 2 and done.stderr and not done.stdout


def test_start_with_a_bad_config(lintel):
    done = lintel("--config", "config.yml", "--port", 0, config=BAD)
    assert done.returncode == 1 and "config.yml:10: error: " in done.stderr
    assert "listening" not in done.stdout + done.stderr


def test_start_with_a_missing_config(lintel):
    done = lintel("--config", "nowhere.yml", "--port", 0)
    assert done.returncode == 1 and "nowhere.yml" in done.stderr


def test_taken_port(lintel):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = lintel("--config", "config.yml", "--port", port, config=GOOD)
    assert done.returncode == 1
    assert str(port) in one_line(done) and "in use" in one_line(done)


def test_address_that_is_not_ours(lintel):
    done = lintel("--config", "config.yml", "--host", "192.0.2.1", "--port", 0, config=GOOD)
    assert done.returncode == 1 and "192.0.2.1" in one_line(done)


@pytest.mark.parametrize("host", ["0.0.0.0", "::"])
@pytest.mark.parametrize("key", ["sk-litellm-test-key", "sk-1234", None])
def test_weak_key_beyond_loopback_is_refused(lintel, host, key):
    config = yaml.safe_load(GOOD)
    del config["general_settings"]
    done = lintel(
        *("--config", "config.yml", "--host", host, "--port", 0),
        config=yaml.safe_dump(config),
        **({"LITELLM_MASTER_KEY": key} if key else {}),
    )
    assert done.returncode == 1
    line = one_line(done)
    assert "master key" in line and host in line and "dangerously_permit_weak_or_unset_master_key" in line
    assert key is None or key not in line


@pytest.mark.parametrize("key", ["sk-litellm-test-key", None])
def test_weak_key_beyond_loopback_when_permitted(launch, simulator, key):
    config = configuration(simulator.url)
    config["general_settings"] = {"dangerously_permit_weak_or_unset_master_key": True}
    gateway = launch(
        config, host="0.0.0.0", key=key or "anything", env={"LITELLM_MASTER_KEY": key} if key else None
    )
    assert gateway.get("/v1/models", key)[0] == 200
    assert "master key" in gateway.log()


def test_strong_key_beyond_loopback(launch, simulator):
    gateway = launch(configuration(simulator.url), host="0.0.0.0")
    assert gateway.get("/v1/models", KEY)[0] == 200
    assert "warn" not in gateway.log().lower(), gateway.log()


def test_options_from_the_environment(tmp_path, simulator):
    """What a container gets."""
    port = free_port()
    (tmp_path / "c.yml").write_text(yaml.safe_dump(configuration(simulator.url)), encoding="utf-8")
    gateway = Gateway.bare(
        tmp_path, env={"CONFIG_FILE_PATH": "c.yml", "HOST": "127.0.0.1", "PORT": str(port)}, key=KEY
    )
    try:
        gateway.wait_ready()
        assert gateway.port == port and gateway.get("/v1/models", KEY)[0] == 200
    finally:
        gateway.stop()


def test_environment_variables_and_includes(launch, simulator, tmp_path):
    included = tmp_path / "models.yml"
    config = configuration(simulator.url)
    included.write_text(yaml.safe_dump({"model_list": config.pop("model_list")}), encoding="utf-8")
    text = yaml.safe_dump(
        {
            "include": [str(included)],
            "environment_variables": {"MY_KEY": KEY},
            "general_settings": {"master_key": "os.environ/MY_KEY"},
        }
    )
    gateway = launch(text)
    assert gateway.get("/v1/models/nova", KEY)[0] == 200
    gateway.nothing_left()


def test_credentials_from_the_environment(launch, simulator):
    config = configuration(simulator.url)
    for entry in config["model_list"]:
        del entry["litellm_params"]["aws_access_key_id"], entry["litellm_params"]["aws_secret_access_key"]
        del entry["litellm_params"]["aws_bedrock_runtime_endpoint"]
    gateway = launch(
        config,
        env={
            "AWS_ACCESS_KEY_ID": "AKIASIMULATEDBEDROCK",
            "AWS_SECRET_ACCESS_KEY": "simulated-bedrock-secret-key",
            "AWS_BEDROCK_RUNTIME_ENDPOINT": simulator.url,
        },
    )
    with Raw(gateway) as raw:
        reply = raw.chat(model="claude", messages=[{"role": "user", "content": "Hello"}]).reply()
        assert reply.status == 200 and "x-lintel-simulated" not in reply.headers
    gateway.nothing_left()


def test_the_simulated_bedrock_is_said_in_a_header(launch, simulator):
    gateway = launch(configuration(simulator.url), env={"LINTEL_SIMULATED": "1"})
    with Raw(gateway) as raw:
        reply = raw.chat(model="claude", messages=[{"role": "user", "content": "Hello"}]).reply()
    assert reply.headers["x-lintel-simulated"] == "true" and "SIMULATED" in gateway.log()
    gateway.nothing_left()


def test_json_logs(launch, simulator):
    gateway = launch(configuration(simulator.url, litellm_settings={"json_logs": True}))
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=[{"role": "user", "content": "Hello"}]).reply()
    gateway.stop()
    lines = gateway.log().splitlines()
    assert len(lines) >= 3 and all(isinstance(json.loads(line), dict) for line in lines)


@pytest.mark.parametrize("debug", [False, True])
def test_logs_hold_no_secrets_and_no_prompts(launch, simulator, debug):
    gateway = launch(configuration(simulator.url), *(["--detailed_debug"] if debug else []))
    secret = "the-prompt-nobody-may-read"
    with Raw(gateway) as raw:
        raw.chat(model="claude", messages=[{"role": "user", "content": secret}], stream=True).reply()
        raw.chat(
            model="claude", messages=[{"role": "user", "content": f"[[sim:error(500)]] {secret}"}]
        ).reply()
    gateway.stop()
    log = gateway.log()
    for word in (KEY, "simulated-bedrock-secret-key", secret):
        assert word not in log, word


def test_workers_share_a_port(launch, simulator):
    config = configuration(simulator.url)
    gateway = launch(config, "--num_workers", "2", port=free_port(), ready=False)
    gateway.wait_ready()
    for _ in range(20):
        with Raw(gateway) as raw:
            assert (
                raw.chat(model="claude", messages=[{"role": "user", "content": "Hello"}]).reply().status
                == 200
            )
    gateway.stop()
