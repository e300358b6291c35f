"""Where AWS credentials come from: the gateway and botocore, in the same environment, with the same
files and the same stand-ins (cloud.py), find the same ones."""

import hashlib
import json
import pathlib
import subprocess

import pytest
from aws import ask, cloud, config, gateway_in, launch_text, oracle, write  # noqa: F401  (fixtures)
from cloud import SSO_TOKEN
from conftest import KEY
from programs import BUILD, ROOT, environment, wait_for

CREDENTIALS = """
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = default/secret+
[cline]
aws_access_key_id = AKIACLINE
aws_secret_access_key = cline-secret
aws_session_token = cline-token
[keys-and-process]
aws_access_key_id = AKIABOTH
aws_secret_access_key = both-secret
[role-in-credentials]
role_arn = arn:aws:iam::1:role/four
source_profile = cline
"""

CONFIG = """
# comment
[default]
region = eu-west-1
[profile role]
role_arn = arn:aws:iam::1:role/one
source_profile = cline
external_id = a&b=c
duration_seconds = 1800
[profile chained]
role_arn = arn:aws:iam::1:role/two
source_profile = role
[profile self]
role_arn = arn:aws:iam::1:role/self
source_profile = self
aws_access_key_id = AKIASELF
aws_secret_access_key = self-secret
[profile from-environment]
role_arn = arn:aws:iam::1:role/three
credential_source = Environment
[profile from-container]
role_arn = arn:aws:iam::1:role/three
credential_source = EcsContainer
[profile from-instance]
role_arn = arn:aws:iam::1:role/three
credential_source = Ec2InstanceMetadata
[profile from-process]
role_arn = arn:aws:iam::1:role/three
source_profile = process
[profile web]
role_arn = arn:aws:iam::1:role/web
web_identity_token_file = TOKEN_FILE
[profile from-web]
role_arn = arn:aws:iam::1:role/five
source_profile = web
[profile process]
credential_process = PROCESS 'AKIAPRINTED' "a-secret"
[profile keys-and-process]
credential_process = PROCESS AKIAPRINTED x
[profile keys-in-config]
aws_access_key_id = AKIACONFIG
aws_secret_access_key = config-secret
[profile process-and-keys]
credential_process = PROCESS AKIAPRINTED secret
aws_access_key_id = AKIACONFIG
aws_secret_access_key = config-secret
[sso-session work]
sso_region = us-east-1
sso_start_url = https://example.awsapps.com/start
sso_registration_scopes = sso:account:access
[profile sso]
sso_session = work
sso_account_id = 123456789012
sso_role_name = Reader
[profile sso-legacy]
sso_start_url = https://old.awsapps.com/start
sso_region = us-east-1
sso_account_id = 123456789012
sso_role_name = Legacy
[profile circle]
role_arn = arn:aws:iam::1:role/circle
source_profile = circle-back
[profile circle-back]
role_arn = arn:aws:iam::1:role/circle
source_profile = circle
[profile no-source]
role_arn = arn:aws:iam::1:role/none
[profile forbidden]
role_arn = arn:aws:iam::1:role/forbidden
source_profile = cline
[profile failing-process]
credential_process = PROCESS FAIL x
"""

PROCESS = """#!/bin/sh
if [ "$1" = FAIL ]; then echo "no luck: $2" >&2; exit 3; fi
printf '{"Version": 1, "AccessKeyId": "%s", "SecretAccessKey": "%s"}' "$1" "$2"
"""

ENV_KEYS = {"AWS_ACCESS_KEY_ID": "AKIAENV", "AWS_SECRET_ACCESS_KEY": "env-secret"}
CONTAINER = {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "CLOUD/container?x=1"}
WEB = {"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN_FILE", "AWS_ROLE_ARN": "arn:aws:iam::1:role/irsa"}
INSTANCE = {"AWS_EC2_METADATA_DISABLED": "false"}

# name → (environment, whether there are files, what is in the way of the cloud)
ROWS = {
    "nothing": ({}, False),
    "environment": (ENV_KEYS, False),
    "environment with a session": ({**ENV_KEYS, "AWS_SESSION_TOKEN": "env-token"}, False),
    "environment before profile": ({**ENV_KEYS, "AWS_PROFILE": "cline"}, True),
    "default profile": ({}, True),
    "named profile": ({"AWS_PROFILE": "cline"}, True),
    "AWS_DEFAULT_PROFILE": ({"AWS_DEFAULT_PROFILE": "cline"}, True),
    "role": ({"AWS_PROFILE": "role"}, True),
    "role of the credentials file": ({"AWS_PROFILE": "role-in-credentials"}, True),
    "role of a role": ({"AWS_PROFILE": "chained"}, True),
    "role with keys of its own": ({"AWS_PROFILE": "self"}, True),
    "role of the container": ({"AWS_PROFILE": "from-container", **CONTAINER}, True),
    "role of the instance": ({"AWS_PROFILE": "from-instance", **INSTANCE}, True),
    "role of a process": ({"AWS_PROFILE": "from-process"}, True),
    "role of a web identity": ({"AWS_PROFILE": "from-web"}, True),
    "role in a circle": ({"AWS_PROFILE": "circle"}, True),
    "role without source": ({"AWS_PROFILE": "no-source"}, True),
    "role that is forbidden": ({"AWS_PROFILE": "forbidden"}, True),
    "web identity": (WEB, False),
    "web identity before keys of the profile": (WEB, True),
    "web identity of a profile": ({"AWS_PROFILE": "web"}, True),
    "web identity without role": ({"AWS_WEB_IDENTITY_TOKEN_FILE": "TOKEN_FILE"}, False),
    "web identity without file": ({**WEB, "AWS_WEB_IDENTITY_TOKEN_FILE": "/nosuch"}, False),
    "process": ({"AWS_PROFILE": "process"}, True),
    "process after the credentials file": ({"AWS_PROFILE": "keys-and-process"}, True),
    "process before the config file": ({"AWS_PROFILE": "process-and-keys"}, True),
    "process that fails": ({"AWS_PROFILE": "failing-process", **CONTAINER}, True),
    "keys of the config file": ({"AWS_PROFILE": "keys-in-config"}, True),
    "SSO": ({"AWS_PROFILE": "sso"}, True),
    "SSO, legacy": ({"AWS_PROFILE": "sso-legacy"}, True),
    "container": (CONTAINER, False),
    "container after the profile": (CONTAINER, True),
    "container with a token": ({**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN": "Basic abc"}, False),
    "container with a token file": (
        {**CONTAINER, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": "AUTH_FILE"},
        False,
    ),
    "container elsewhere": (
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://example.com/container", **INSTANCE},
        False,
    ),
    "instance": (INSTANCE, False),
    "instance after the container": ({**INSTANCE, **CONTAINER}, False),
}
IMDS_V1 = "instance with version 1 only"
NO_ROLE = "instance without a role"
ROWS[IMDS_V1] = (INSTANCE, False)
ROWS[NO_ROLE] = (INSTANCE, False)


def lay_out(home, cloud, files):
    """The home of a user; the words that stand for its paths."""
    words = {
        "CLOUD": cloud.url,
        "TOKEN_FILE": write(home / "token", "header.payload.signature"),
        "AUTH_FILE": write(home / "auth", "Basic from-file"),
        "PROCESS": write(home / "process.sh", PROCESS, 0o700),
    }
    if files:
        write(home / ".aws/credentials", CREDENTIALS)
        write(home / ".aws/config", fill(CONFIG, words))
        for session in ("work", "https://old.awsapps.com/start"):
            token = {"accessToken": SSO_TOKEN, "expiresAt": "2099-01-01T00:00:00Z"}
            write(home / f".aws/sso/cache/{cache_name(session)}.json", json.dumps(token))
    return words


def cache_name(text):
    return hashlib.sha1(text.encode()).hexdigest()


def fill(text, words):
    for word, value in words.items():
        text = text.replace(word, value)
    return text


def prepare(name, row, home, cloud):
    settings, files = row
    words = lay_out(home, cloud, files)
    cloud.know("AKIAENV", "env-secret", settings.get("AWS_SESSION_TOKEN"))
    cloud.know("AKIADEFAULT", "default/secret+")
    cloud.know("AKIACLINE", "cline-secret", "cline-token")
    cloud.know("AKIABOTH", "both-secret")
    cloud.know("AKIASELF", "self-secret")
    cloud.know("AKIACONFIG", "config-secret")
    cloud.know("AKIAPRINTED", "secret" if name == "process before the config file" else "a-secret")
    cloud.container_token = settings.get("AWS_CONTAINER_AUTHORIZATION_TOKEN") or (
        "Basic from-file" if "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE" in settings else None
    )
    cloud.instance_v2 = name != IMDS_V1
    if name == NO_ROLE:
        cloud.instance_role = None
    common = {
        "AWS_ENDPOINT_URL_STS": cloud.url,
        "AWS_ENDPOINT_URL_SSO": cloud.url,
        "AWS_ENDPOINT_URL_SSO_OIDC": cloud.url,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url,
        "AWS_DEFAULT_REGION": "us-east-1",
    }
    return {**common, **{k: fill(v, words) for k, v in settings.items()}}


def refuses(home, env, config_text):
    """Whether `lintel check` finds an error in the configuration."""
    path = pathlib.Path(home) / "checked.yml"
    path.write_text(json.dumps(config_text))
    done = subprocess.run(
        [str(BUILD / "lintel"), "check", str(path)], env=environment(home, **env), capture_output=True
    )
    return done.returncode != 0


@pytest.mark.parametrize("name", ROWS)
def test_the_same_as_botocore(name, tmp_path, cloud, gateway_in, curl):
    env = prepare(name, ROWS[name], tmp_path, cloud)
    expected = oracle(tmp_path, env)
    if not expected or "error" in expected:
        if refuses(tmp_path, env, config(cloud)):
            return
        status, answer = ask(curl, gateway_in(tmp_path, cloud, env))
        assert status in (401, 500), answer
        assert "no AWS credentials for model 'm0'" in answer["error"]["message"]
        assert cloud.count("bedrock") == 0
        return
    gateway = gateway_in(tmp_path, cloud, env)
    status, answer = ask(curl, gateway)
    assert status == 200, answer
    call = cloud.last("bedrock")
    assert call["key"] == expected["id"] and call["error"] is None, cloud.calls
    assert expected["token"] == cloud.secrets[call["key"]][1]
    text = gateway.log()
    for secret, token in cloud.secrets.values():
        assert secret not in text and (not token or token not in text)


@pytest.mark.parametrize("profile", ["cline", "role", "web", "sso", "process", "keys-in-config", "default"])
def test_a_profile_of_a_model_is_a_session_of_it(profile, tmp_path, cloud, gateway_in, curl):
    """aws_profile_name, as botocore.session.Session(profile=…): the environment's keys and web identity
    do not count."""
    env = prepare(profile, ({**ENV_KEYS, **WEB, **CONTAINER}, True), tmp_path, cloud)
    expected = oracle(tmp_path, {**env, "ORACLE_PROFILE": profile})
    assert ask(curl, gateway_in(tmp_path, cloud, env, {"aws_profile_name": profile}))[0] == 200
    assert cloud.last("bedrock") == {"key": expected["id"], "error": None, "token": None}


LOGS = {  # where the environment has keys of another's; the container's if there are no parameters
    "role": {"s3_aws_role_name": "arn:aws:iam::1:role/logs", "s3_aws_session_name": "logs"},
    "profile": {"s3_aws_profile_name": "cline"},
    "container": {},
}


@pytest.mark.parametrize("how", LOGS)
def test_who_writes_the_bucket_of_the_callback_s3(how, tmp_path, cloud, server, launch_text, curl):
    """Found as a deployment's credentials are: s3_aws_… for aws_…"""
    server.received.clear()
    env = prepare(how, (CONTAINER if how == "container" else ENV_KEYS, how != "container"), tmp_path, cloud)
    bucket = {"s3_bucket_name": "logs", "s3_region_name": "eu-west-1", "s3_endpoint_url": server.url}
    settings = {"callbacks": ["s3"], "s3_callback_params": {**bucket, **LOGS[how]}}
    text = {**config(cloud), "litellm_settings": settings}
    gateway = launch_text(tmp_path, text, {**env, "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1"})
    assert ask(curl, gateway)[0] == 200
    (put,) = wait_for(lambda: [r for r in server.received if r.method == "PUT"], 20, "an object")
    key = put.headers["authorization"].split("Credential=")[1].split("/")[0]
    assert put.headers.get("x-amz-security-token") == cloud.secrets[key][1]
    if how == "role":
        assert cloud.last("AssumeRole")["RoleArn"] == "arn:aws:iam::1:role/logs"
    assert (key == "AKIACLINE") == (how == "profile") and key != ENV_KEYS["AWS_ACCESS_KEY_ID"]


@pytest.mark.parametrize(
    "name, env, source",
    [
        ("iam_role_config.yml", INSTANCE, "instance metadata"),
        ("iam_role_config.yml", {"AWS_PROFILE": "cline"}, "profile cline"),
        ("iam_role_config.yml", CONTAINER, "profile default"),
        ("default_config.yml", {"AWS_PROFILE": "sso"}, "profile sso"),
        ("access_key_config.yml", ENV_KEYS, "litellm_params"),
        # .env of the example: the variables are there, and empty
        (
            "access_key_config.yml",
            {"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_PROFILE": "cline"},
            "profile cline",
        ),
        ("prompt_caching.yml", CONTAINER, "profile default"),
    ],
)
def test_the_configurations_as_they_are(name, env, source, tmp_path, cloud, launch_text, curl):
    """conf/, with nothing but the environment to tell where AWS is."""
    env = prepare(name, (env, source.startswith("profile")), tmp_path, cloud)
    text = (ROOT / "conf" / name).read_text()
    gateway = launch_text(tmp_path, text, {**env, "AWS_BEDROCK_RUNTIME_ENDPOINT": cloud.url})
    models = [m["id"] for m in gateway.get("/v1/models", KEY)[1]["data"]]
    status, answer = ask(curl, gateway, models[0])
    assert status == 200, answer
    assert cloud.last("bedrock")["error"] is None
    assert f"AWS credentials from: {source} (model {models[0]})" in gateway.log()
