"""What the tests of AWS credentials share: the stand-in of AWS, gateways in an environment of their
own, and botocore in the same one."""

import json
import os
import subprocess
import sys

import pytest
from cloud import Cloud
from conftest import KEY
from programs import Gateway, environment

ORACLE = """
import json, os, sys
import botocore.session
try:
    session = botocore.session.Session(profile=os.environ.get("ORACLE_PROFILE"))
    found = session.get_credentials()
    frozen = found and found.get_frozen_credentials()
    print(json.dumps({"id": frozen.access_key, "token": frozen.token} if frozen else None))
except Exception as error:
    print(json.dumps({"error": f"{type(error).__name__}: {error}"}))
"""


@pytest.fixture
def cloud():
    cloud = Cloud()
    yield cloud
    cloud.stop()


def write(path, text, mode=0o600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return str(path)


def oracle(home, env):
    done = subprocess.run(
        [sys.executable, "-c", ORACLE],
        env={**environment(home, **env), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def config(cloud, *params):
    return {
        "model_list": [
            {
                "model_name": f"m{i}",
                "litellm_params": {
                    "model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
                    "aws_region_name": "us-east-1",
                    "aws_bedrock_runtime_endpoint": cloud.url,
                    **more,
                },
            }
            for i, more in enumerate(params or [{}])
        ],
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0},
    }


@pytest.fixture
def launch_text():
    """launch_text(home, configuration, environment) → a gateway that is stopped after the test."""
    started = []

    def start(home, text, env):
        started.append(Gateway(home, text, key=KEY, env={"LITELLM_MASTER_KEY": KEY, **env}))
        return started[-1].wait_ready()

    yield start
    for gateway in started:
        gateway.stop()


@pytest.fixture
def gateway_in(launch_text):
    """gateway_in(home, cloud, environment, litellm_params of m0, of m1, …)."""
    return lambda home, cloud, env, *params: launch_text(home, config(cloud, *params), env)


def ask(curl, gateway, model="m0"):
    status, headers, body = curl(
        "-H",
        f"Authorization: Bearer {KEY}",
        "-H",
        "Content-Type: application/json",
        "-d",
        json.dumps({"model": model, "messages": [{"role": "user", "content": "Hi"}]}),
        gateway.base_url + "/chat/completions",
    )
    return status, json.loads(body)
