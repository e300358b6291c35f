"""AWS credentials over time: fetched once for all who need them, renewed ahead of their end, got anew
when AWS refuses them; and what the requests notice of it, which is nothing."""

import concurrent.futures
import hashlib
import json
import signal
import socket
import subprocess
import sys
import time

import pytest
from aws import ask, cloud, config, gateway_in, launch_text, oracle, write  # noqa: F401
from cloud import SSO_TOKEN, Cloud
from programs import wait_for

KEYS = {"aws_access_key_id": "AKIABASE", "aws_secret_access_key": "base-secret"}
# A developer's own do not count.
NO_BUNDLE = {"SSL_CERT_FILE": "", "AWS_CA_BUNDLE": "", "REQUESTS_CA_BUNDLE": ""}
ROLE = {**KEYS, "aws_role_name": "arn:aws:iam::123456789012:role/gateway"}


@pytest.fixture
def sts(cloud):
    cloud.know("AKIABASE", "base-secret")
    return cloud, {"AWS_ENDPOINT_URL_STS": cloud.url}


def bedrock_errors(cloud):
    return [c[1]["error"] for c in list(cloud.calls) if c[0] == "bedrock" and c[1]["error"]]


def test_renewed_under_load(sts, tmp_path, gateway_in, curl):
    """Three models of one role: every request is answered, and STS is asked once a renewal."""
    cloud, env = sts
    cloud.lifetime, cloud.serial = 14, 0
    gateway = gateway_in(tmp_path, cloud, env, ROLE, ROLE, {**ROLE, "timeout": 60})
    answers = []

    def load(number):
        while cloud.count("AssumeRole") < 4:
            answers.append(ask(curl, gateway, f"m{number % 3}")[0])

    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        list(pool.map(load, range(6)))
    assert set(answers) == {200} and len(answers) > 40
    assert cloud.count("AssumeRole") == 4 and not bedrock_errors(cloud)


def test_many_at_once_wait_for_one(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    cloud.delay = 0.5
    gateway = gateway_in(tmp_path, cloud, env, ROLE, ROLE)
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        answers = list(pool.map(lambda i: ask(curl, gateway, f"m{i % 2}")[0], range(12)))
    assert set(answers) == {200} and cloud.count("AssumeRole") == 1


def test_old_ones_serve_while_sts_fails(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    cloud.lifetime, cloud.serial = 40, 0
    gateway = gateway_in(tmp_path, cloud, env, ROLE)
    assert ask(curl, gateway)[0] == 200
    cloud.failing["AssumeRole"] = 500
    wait_for(lambda: "are not renewed" in gateway.log(), 40, "a renewal that fails")
    assert ask(curl, gateway)[0] == 200
    del cloud.failing["AssumeRole"]
    first = cloud.last("bedrock")["key"]
    wait_for(lambda: ask(curl, gateway)[0] == 200 and cloud.last("bedrock")["key"] != first, 20, "new keys")


def test_failures_are_told_and_remembered(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    gateway = gateway_in(tmp_path, cloud, env, {**ROLE, "aws_role_name": "arn:aws:iam::1:role/forbidden"}, KEYS)
    for _ in range(10):
        status, answer = ask(curl, gateway)
        assert status == 500
    text = answer["error"]["message"]
    assert "no AWS credentials for model 'm0'" in text and cloud.url in text
    assert "AccessDenied: User: AKIABASE is not authorized to perform: sts:AssumeRole" in text
    assert 1 <= cloud.count("AssumeRole") <= 4
    assert ask(curl, gateway, "m1")[0] == 200
    assert "base-secret" not in gateway.log() + text


def test_refused_tokens_are_got_anew(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    cloud.serial = 0
    gateway = gateway_in(tmp_path, cloud, env, ROLE)
    assert ask(curl, gateway)[0] == 200
    cloud.revoked.add(cloud.last("bedrock")["key"])
    assert ask(curl, gateway)[0] == 200
    assert cloud.count("AssumeRole") == 2 and bedrock_errors(cloud) == ["UnrecognizedClientException"]
    # Again, at once: that is not the credentials' fault, and STS is not asked each time.
    cloud.revoked.add(cloud.last("bedrock")["key"])
    assert [ask(curl, gateway)[0] for _ in range(3)] == [403] * 3
    assert cloud.count("AssumeRole") == 2


@pytest.mark.parametrize("ahead", [7200, -7200])
@pytest.mark.parametrize("params, refused", [(KEYS, ["InvalidSignatureException"]), (ROLE, [])])
def test_a_wrong_clock_is_set(sts, tmp_path, gateway_in, curl, ahead, params, refused):
    """By the first answer that shows it: of Bedrock, or of STS before Bedrock is called at all."""
    cloud, env = sts
    cloud.clock = ahead
    gateway = gateway_in(tmp_path, cloud, env, params)
    assert [ask(curl, gateway)[0] for _ in range(3)] == [200] * 3
    assert bedrock_errors(cloud) == refused
    assert gateway.log().count("the clock of this machine is") == 1


def test_reload_keeps_what_is_valid(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    gateway = gateway_in(tmp_path, cloud, env, ROLE)
    assert ask(curl, gateway)[0] == 200
    more = config(cloud, ROLE, {**ROLE, "aws_external_id": "x"})
    gateway.config_file.write_text(json.dumps(more))
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: ask(curl, gateway, "m1")[0] == 200, 10, "the second role")
    assert ask(curl, gateway)[0] == 200
    assert cloud.count("AssumeRole") == 2


def test_what_sts_is_told(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    role = {
        **ROLE,
        "aws_external_id": "a&b=c d",
        "aws_session_name": "team@a",
        "aws_session_tags": [{"Key": "team", "Value": "a/b"}, {"Key": "stage", "Value": "é"}],
    }
    assert ask(curl, gateway_in(tmp_path, cloud, env, role))[0] == 200
    told = cloud.last("AssumeRole")
    assert told["ExternalId"] == "a&b=c d" and told["RoleSessionName"] == "team@a"
    assert told["Tags.member.1.Key"] == "team" and told["Tags.member.1.Value"] == "a/b"
    assert told["Tags.member.2.Key"] == "stage" and told["Tags.member.2.Value"] == "é"


@pytest.mark.parametrize("form", ["oidc/file/{file}", "oidc/env/TOKEN", "oidc/env_path/PLACE", "TOKEN", "{file}"])
def test_web_identity_of_a_model(sts, tmp_path, gateway_in, curl, form):
    cloud, env = sts
    file = write(tmp_path / "token", "the.web.token\n")
    params = {"aws_web_identity_token": form.format(file=file), "aws_role_name": "arn:aws:iam::1:role/w"}
    gateway = gateway_in(tmp_path, cloud, {**env, "TOKEN": "the.web.token", "PLACE": file}, params)
    assert ask(curl, gateway)[0] == 200
    assert cloud.last("AssumeRoleWithWebIdentity")["WebIdentityToken"] == "the.web.token"


def test_a_role_of_ones_own_is_not_assumed(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    env |= {"AWS_EC2_METADATA_DISABLED": "false", "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url}
    own = {"aws_role_name": "arn:aws:iam::123456789012:role/path/own-role"}
    other = {"aws_role_name": "arn:aws:iam::999999999999:role/own-role"}
    gateway = gateway_in(tmp_path, cloud, env, own, other)
    assert ask(curl, gateway)[0] == 200
    assert cloud.count("AssumeRole") <= 1 and cloud.count("imds-credentials") == 1
    assert ask(curl, gateway, "m1")[0] == 200
    assert cloud.count("AssumeRole") == 1 and cloud.count("imds-credentials") == 1


def test_api_key(cloud, tmp_path, gateway_in, curl):
    cloud.bearer = "bedrock-api-key-of-the-environment"
    env = {"AWS_BEARER_TOKEN_BEDROCK": cloud.bearer}
    gateway = gateway_in(tmp_path, cloud, env, {}, {"api_key": "another"}, {"api_key": ""})
    assert ask(curl, gateway)[0] == 200 and cloud.last("bedrock")["token"] == cloud.bearer
    assert ask(curl, gateway, "m1")[0] == 403 and cloud.last("bedrock")["token"] == "another"
    status, answer = ask(curl, gateway, "m2")
    assert status == 401 and "no AWS credentials for model 'm2'" in answer["error"]["message"]
    assert cloud.bearer not in gateway.log()


def test_dead_metadata_hold_nobody_up(cloud, tmp_path, gateway_in, curl):
    """One that accepts and says nothing: it is asked a few times at most, others do not notice."""
    cloud.know("AKIABASE", "base-secret")
    with socket.create_server(("127.0.0.1", 0)) as silent:
        env = {
            "AWS_EC2_METADATA_DISABLED": "false",
            "AWS_EC2_METADATA_SERVICE_ENDPOINT": f"http://127.0.0.1:{silent.getsockname()[1]}",
        }
        gateway = gateway_in(tmp_path, cloud, env, {}, KEYS)
        assert ask(curl, gateway, "m1")[0] == 200
        answers = [ask(curl, gateway) for _ in range(5)]
    assert {status for status, _ in answers} == {401}
    text = answers[-1][1]["error"]["message"]
    for word in ("AWS_ACCESS_KEY_ID is not set", "profile default", "container", "instance metadata at http"):
        assert word in text


def test_sso_login_is_renewed_as_by_botocore(cloud, tmp_path, gateway_in, curl):
    write(
        tmp_path / ".aws/config",
        "[sso-session work]\nsso_region = us-east-1\nsso_start_url = https://example.com/start\n"
        "sso_registration_scopes = sso:account:access\n"
        "[default]\nsso_session = work\nsso_account_id = 1\nsso_role_name = R\n",
    )
    file = tmp_path / f".aws/sso/cache/{hashlib.sha1(b'work').hexdigest()}.json"
    token = {
        "startUrl": "https://example.com/start",
        "region": "us-east-1",
        "accessToken": "old-token",
        "expiresAt": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + 60)),
        "clientId": "client",
        "clientSecret": "client-secret",
        "registrationExpiresAt": "2099-01-01T00:00:00Z",
        "refreshToken": "refresh",
    }
    env = {"AWS_ENDPOINT_URL_SSO": cloud.url, "AWS_ENDPOINT_URL_SSO_OIDC": cloud.url}
    kept = []
    for _ in range(2):
        write(file, json.dumps(token))
        if not kept:
            expected = oracle(tmp_path, env)
        else:
            assert ask(curl, gateway_in(tmp_path, cloud, env))[0] == 200
            assert cloud.last("bedrock")["key"] == expected["id"]
        kept.append({**json.loads(file.read_text()), "expiresAt": None})
    assert kept[0]["accessToken"] == "renewed-token" and kept[0] == kept[1]
    assert cloud.calls[0] == cloud.calls[2], "CreateToken is asked for the same"
    assert file.stat().st_mode & 0o777 == 0o600 and SSO_TOKEN not in file.read_text()


def test_commands_get_nothing_but_the_environment(cloud, tmp_path, gateway_in, curl):
    """No socket of the gateway's, no signal that it ignores."""
    program = f"""#!{sys.executable}
import json, os
fds = [fd for fd in range(1024) if os.path.exists(f"/proc/self/fd/{{fd}}")]
ignored = int(open("/proc/self/status").read().split("SigIgn:")[1].split()[0], 16)
with open("{tmp_path}/seen", "w") as seen:
    json.dump([fds, ignored], seen)
print('{{"Version": 1, "AccessKeyId": "AKIABASE", "SecretAccessKey": "base-secret"}}')
"""
    command = write(tmp_path / "a program", program, 0o700)
    write(tmp_path / ".aws/config", f"[default]\ncredential_process = '{command}'\n")
    cloud.know("AKIABASE", "base-secret")
    assert ask(curl, gateway_in(tmp_path, cloud, {}))[0] == 200
    python_ignores = 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1
    fds, ignored = json.loads((tmp_path / "seen").read_text())
    assert fds == [0, 1, 2] and not ignored & ~python_ignores


def test_more_identities_than_are_fetched_at_once(sts, tmp_path, gateway_in, curl):
    cloud, env = sts
    cloud.delay = 0.2
    roles = [{**ROLE, "aws_external_id": f"x{i}"} for i in range(40)]
    gateway = gateway_in(tmp_path, cloud, env, *roles)
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda i: ask(curl, gateway, f"m{i}")[0], range(40)))
    assert set(answers) == {200} and cloud.count("AssumeRole") == 40


def test_proxies_are_for_what_is_far(cloud, tmp_path, gateway_in, curl):
    env = {
        "AWS_EC2_METADATA_DISABLED": "false",
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": cloud.url,
        "HTTP_PROXY": cloud.url,
    }
    assert ask(curl, gateway_in(tmp_path, cloud, env))[0] == 200
    assert cloud.count("imds-credentials") == 1
    assert cloud.count("proxied") == 1 and "/model/" in cloud.last("proxied")
    cloud.calls.clear()
    assert ask(curl, gateway_in(tmp_path / "2", cloud, {**env, "NO_PROXY": "127.0.0.1"}))[0] == 200
    assert cloud.count("proxied") == 0


@pytest.mark.parametrize("variable", ["AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE", None])
def test_certificate_authorities(tmp_path, launch_text, curl, variable):
    key, own = tmp_path / "key.pem", tmp_path / "own.pem"
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=cloud -addext".split()
    make += ["subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(own)]
    subprocess.run(make, check=True, capture_output=True)
    key.write_text(key.read_text() + own.read_text())
    far = Cloud(certificate=key)
    try:
        far.know("AKIABASE", "base-secret")
        env = {"AWS_ENDPOINT_URL_STS": far.url, **NO_BUNDLE, **({variable: str(own)} if variable else {})}
        status, answer = ask(curl, launch_text(tmp_path, config(far, ROLE), env))
        assert status == (200 if variable else 500), answer
        assert variable or "SSL" in answer["error"]["message"]
    finally:
        far.stop()
