"""key_management_system: aws_secret_manager: keys come from a stand-in of AWS Secrets Manager (cloud.py), asked as
boto3 asks it."""

import base64
import os
import signal
import subprocess
import threading

import boto3
import pytest
import yaml
from aws import cloud, config  # noqa: F401  (a fixture)
from conftest import KEY
from destination import destination
from programs import BUILD, Gateway, environment, free_port, wait_for

SECRET = "sk-from-the-manager-81c7"
OTHER = "sk-another-from-the-manager-5d02"
KEYS = {"AWS_ACCESS_KEY_ID": "AKIAASKER", "AWS_SECRET_ACCESS_KEY": "asker-secret"}


@pytest.fixture
def manager(cloud):  # noqa: F811
    cloud.know("AKIAASKER", "asker-secret")
    cloud.kept["MASTER"] = SECRET
    return cloud


def secret_config(cloud, settings=None, general=None, **sections):  # noqa: F811
    made = config(cloud)
    made["general_settings"] = {
        "master_key": "os.environ/MASTER",
        "key_management_system": "aws_secret_manager",
        **({"key_management_settings": settings} if settings else {}),
        **(general or {}),
    }
    return {**made, **sections}


def variables(cloud, **more):  # noqa: F811
    return {**KEYS, "AWS_REGION_NAME": "eu-west-1", "AWS_ENDPOINT_URL_SECRETS_MANAGER": cloud.url, "AWS_ENDPOINT_URL_STS": cloud.url, "LITELLM_MASTER_KEY": None, **more}


@pytest.fixture
def serve(tmp_path):
    """serve(configuration, environment, arguments …) → a gateway that answers to SECRET."""
    started = []

    def start(made, env, *arguments, **options):
        gateway = Gateway(tmp_path / f"gateway-{len(started)}", made, *arguments, key=SECRET, env=env, **options)
        started.append(gateway)
        return gateway.wait_ready()

    yield start
    for gateway in started:
        try:
            if gateway.running():
                gateway.stop()
        finally:
            gateway.kill()


def refuses(tmp_path, made, env, seconds=30):
    """What lintel says that does not start."""
    file = tmp_path / "refused.yml"
    file.write_text(yaml.safe_dump(made))
    done = subprocess.run(
        [BUILD / "lintel", "--config", file, "--port", "0"], env=environment(tmp_path, **env), capture_output=True, text=True, timeout=seconds
    )
    assert done.returncode == 1, done
    assert SECRET not in done.stdout + done.stderr
    return done.stderr


def check(tmp_path, made, env):
    file = tmp_path / "checked.yml"
    file.write_text(yaml.safe_dump(made))
    done = subprocess.run([BUILD / "lintel", "check", file], env=environment(tmp_path, **env), capture_output=True, text=True, timeout=60)
    assert SECRET not in done.stdout + done.stderr
    return done


def lets_in(gateway, key):
    return gateway.get("/v1/models", key)[0] == 200


def hang_up(gateway):
    before = len(gateway.log())
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: "configuration is" in gateway.log()[before:], 30)
    return gateway.log()[before:]


# ---- the call --------------------------------------------------------------------------------------


def test_it_asks_as_boto3_does(manager, serve, curl):
    manager.kept["team/db-url_1+a=b@c"] = "sqlite:///of-the-secret.db"
    gateway = serve(secret_config(manager, general={"database_url": "os.environ/team/db-url_1+a=b@c"}), variables(manager))
    assert lets_in(gateway, SECRET) and not lets_in(gateway, KEY)
    assert (gateway.config_file.parent / "of-the-secret.db").exists()
    ours = {call["name"]: call for what, call in manager.calls if what == "secret"}
    manager.calls.clear()
    client = boto3.client("secretsmanager", region_name="eu-west-1", endpoint_url=manager.url, aws_access_key_id="AKIAASKER", aws_secret_access_key="asker-secret")
    for name in ours:
        assert client.get_secret_value(SecretId=name)["SecretString"] == manager.kept[name]
        theirs = manager.last("secret")
        assert ours[name]["body"] == theirs["body"] and ours[name]["path"] == theirs["path"]
        for header in "content-type", "x-amz-target":
            assert ours[name]["headers"][header] == theirs["headers"][header]
        scope = [call["headers"]["authorization"].split("Credential=")[1].split("/", 1)[1].split(",")[0] for call in (ours[name], theirs)]
        signed = [call["headers"]["authorization"].split("SignedHeaders=")[1].split(",")[0] for call in (ours[name], theirs)]
        assert scope[0] == scope[1] and signed[0] == signed[1]
    assert set(ours) == {"MASTER", "team/db-url_1+a=b@c"}


def test_a_role_asks(manager, serve):
    gateway = serve(
        secret_config(manager, {"aws_role_name": "arn:aws:iam::1:role/secrets", "aws_session_name": "s", "aws_region_name": "us-east-1"}),
        variables(manager),
    )
    assert lets_in(gateway, SECRET)
    assert manager.last("AssumeRole")["RoleArn"] == "arn:aws:iam::1:role/secrets"
    assert manager.last("secret")["by"].startswith("ASIA")
    assert "/us-east-1/secretsmanager/" in manager.last("secret")["headers"]["authorization"]


def test_a_clock_that_is_off(manager, serve):
    manager.clock = 3600
    assert lets_in(serve(secret_config(manager), variables(manager)), SECRET)
    assert manager.count("secret") == 2


# ---- where values go -------------------------------------------------------------------------------


def test_variables_that_the_gateway_looks_for(manager, serve, curl):
    """LITELLM_MASTER_KEY and LANGFUSE_SECRET_KEY stand nowhere in the file but in hosted_keys."""
    manager.kept |= {"LITELLM_MASTER_KEY": SECRET, "LANGFUSE_SECRET_KEY": "sk-lf-kept-77"}
    with destination() as langfuse:
        made = secret_config(
            manager, {"hosted_keys": ["LITELLM_MASTER_KEY", "LANGFUSE_SECRET_KEY"]}, {"master_key": None}, litellm_settings={"callbacks": ["langfuse"], "set_verbose": True}
        )
        env = variables(manager, LANGFUSE_PUBLIC_KEY="pk-lf-1", LANGFUSE_HOST=langfuse.url, DEFAULT_FLUSH_INTERVAL_SECONDS="0.05", LANGFUSE_SECRET_KEY="sk-lf-of-the-environment")
        gateway = serve(made, env, "--detailed_debug")
        curl("-H", f"Authorization: Bearer {SECRET}", "-H", "Content-Type: application/json", "-d", '{"model": "m0", "messages": [{"role": "user", "content": "Hi"}]}', gateway.base_url + "/chat/completions")
        told = wait_for(lambda: langfuse.received)[0]
        assert basic("pk-lf-1", "sk-lf-kept-77") == told.headers["authorization"]
        shown = [str(gateway.get(path, SECRET)) for path in ("/get/config/callbacks", "/get/config", "/model/info", "/config/list?config_type=general_settings", "/health/services?service=langfuse")]
        shown.append(curl("-H", f"Authorization: Bearer {SECRET}", gateway.base_url.removesuffix("/v1") + "/metrics/")[2].decode())
        shown.append(gateway.log())
        for text in shown:
            assert "sk-lf-kept-77" not in text and SECRET not in text


def basic(name, password):
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_one_secret_of_all(manager, serve):
    manager.kept["all"] = f'{{"LITELLM_MASTER_KEY": "{SECRET}", "UNUSED": {{"a": 1}}, "N": 12}}'
    gateway = serve(secret_config(manager, {"primary_secret_name": "all"}, {"master_key": None, "fetch_max_mb": "os.environ/N"}), variables(manager))
    assert lets_in(gateway, SECRET)
    assert manager.count("secret") == 1


def test_the_environment_has_what_the_manager_has_not(manager, serve):
    del manager.kept["MASTER"]
    manager.kept["DENIED"] = Exception("AccessDeniedException")
    gateway = serve(secret_config(manager, general={"drain_endpoint_token": "os.environ/DENIED"}), variables(manager, MASTER=SECRET, DENIED="x"))
    assert lets_in(gateway, SECRET)


def test_nothing_is_read_to_write_only(manager, serve):
    gateway = serve(secret_config(manager, {"access_mode": "write_only", "store_virtual_keys": True}), variables(manager, MASTER=SECRET))
    assert lets_in(gateway, SECRET) and manager.count("secret") == 0
    assert "virtual keys are not written into a secret manager" in gateway.log()


# ---- what goes wrong at the start ------------------------------------------------------------------


def test_a_wrong_signature(manager, tmp_path):
    said = refuses(tmp_path, secret_config(manager), variables(manager, AWS_SECRET_ACCESS_KEY="another"))
    assert 'general_settings.key_management_system: AWS Secrets Manager at ' in said
    assert '"MASTER": InvalidSignatureException: as told: InvalidSignatureException' in said
    assert "asker-secret" not in said and "another" not in said
    assert manager.count("secret") == 1


def test_it_is_away(manager, tmp_path):
    said = refuses(tmp_path, secret_config(manager), variables(manager, AWS_ENDPOINT_URL_SECRETS_MANAGER=f"http://127.0.0.1:{free_port()}"))
    assert '"MASTER": ' in said and "(tried 3 times)" in said


def test_it_fails_and_recovers(manager, serve):
    manager.hiccups = [500, 6]  # the second does not answer in time
    assert lets_in(serve(secret_config(manager), variables(manager)), SECRET)
    assert manager.count("secret") == 3


def test_it_throttles_all_the_time(manager, tmp_path):
    manager.kept["MASTER"] = Exception("ThrottlingException")
    assert '"MASTER": ThrottlingException: as told: ThrottlingException (tried 3 times)' in refuses(tmp_path, secret_config(manager), variables(manager))
    assert manager.count("secret") == 3


@pytest.mark.parametrize(
    "kept, settings, words",
    [
        ({}, {}, '"MASTER" is neither in AWS Secrets Manager (ResourceNotFoundException: as told'),
        ({}, {"hosted_keys": ["MASTER"]}, '"MASTER" is neither in AWS Secrets Manager (ResourceNotFoundException'),
        ({"MASTER": b"\x00\x01"}, {}, '"MASTER" is neither in AWS Secrets Manager (it is binary)'),
        ({"MASTER": Exception("AccessDeniedException")}, {"hosted_keys": ["MASTER"]}, '"MASTER": AccessDeniedException: as told'),
        ({}, {"primary_secret_name": "all"}, '"all": ResourceNotFoundException'),
        ({"all": SECRET}, {"primary_secret_name": "all"}, '"all" holds no JSON object'),
        ({"all": b"{}"}, {"primary_secret_name": "all"}, '"all" holds no JSON object'),
        ({"all": '{"M": ["' + SECRET + '"]}'}, {"primary_secret_name": "all", "hosted_keys": ["MASTER"]}, "the JSON of primary_secret_name has no such member"),
        ({"all": '{"MASTER": ["' + SECRET + '"]}'}, {"primary_secret_name": "all"}, "it is neither text nor a number"),
    ],
)
def test_a_secret_that_is_not_there(manager, tmp_path, kept, settings, words):
    manager.kept = kept
    assert words in refuses(tmp_path, secret_config(manager, settings), variables(manager))


@pytest.mark.parametrize("system", ["azure_key_vault", "google_secret_manager", "hashicorp_vault", "aws_kms", "custom"])
def test_other_managers(manager, tmp_path, system):
    said = refuses(tmp_path, secret_config(manager, general={"key_management_system": system}), variables(manager, MASTER=SECRET))
    assert "only aws_secret_manager is read here" in said


def test_check_asks_too(manager, tmp_path):
    done = check(tmp_path, secret_config(manager), variables(manager))
    assert done.returncode == 0 and "secrets: AWS Secrets Manager in eu-west-1, AWS credentials: environment" in done.stdout
    del manager.kept["MASTER"]
    done = check(tmp_path, secret_config(manager), variables(manager))
    assert done.returncode == 1 and '"MASTER" is neither' in done.stderr


# ---- another configuration -------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_a_secret_that_changes(manager, serve, workers):
    options = {"port": free_port()} if workers > 1 else {}
    gateway = serve(secret_config(manager), variables(manager), "--num_workers", str(workers), **options)
    wait_for(lambda: gateway.log().count("listening on") == workers, 20, "all workers")
    assert lets_in(gateway, SECRET)
    manager.kept["MASTER"] = OTHER
    assert "is read again" in hang_up(gateway)
    for _ in range(8):
        wait_for(lambda: lets_in(gateway, OTHER) and not lets_in(gateway, SECRET))
    assert OTHER not in gateway.log()


def test_a_worker_that_dies_has_what_is_new(manager, serve):
    gateway = serve(secret_config(manager), variables(manager), "--num_workers", "2", port=free_port())
    wait_for(lambda: gateway.log().count("listening on") == 2, 20, "both workers")
    children = f"/proc/{gateway.pid}/task/{gateway.pid}/children"
    manager.kept["MASTER"] = OTHER
    hang_up(gateway)
    wait_for(lambda: manager.count("secret") == 3, 20)
    with open(children) as f:
        first = f.read().split()[0]
    os.kill(int(first), signal.SIGKILL)
    wait_for(lambda: manager.count("secret") == 4, 20)
    wait_for(lambda: gateway.log().count("listening on") == 3, 20)
    for _ in range(16):
        assert lets_in(gateway, OTHER) and not lets_in(gateway, SECRET)


def test_what_runs_stays_when_it_is_away(manager, serve):
    gateway = serve(secret_config(manager), variables(manager))
    manager.kept["MASTER"] = Exception("AccessDeniedException")
    manager.failing["secret"] = 503
    log = hang_up(gateway)
    assert "the configuration is not changed" in log and "(tried 3 times)" in log
    assert lets_in(gateway, SECRET)
    manager.failing.clear()
    assert '(AccessDeniedException' in hang_up(gateway)
    manager.kept["MASTER"] = OTHER
    assert "is read again" in hang_up(gateway)
    assert lets_in(gateway, OTHER)


def test_requests_go_on_while_it_is_asked(manager, serve):
    gateway = serve(secret_config(manager), variables(manager))
    manager.hiccups = [3]
    manager.kept["MASTER"] = OTHER
    before = manager.count("secret")
    over = threading.Thread(target=hang_up, args=(gateway,))
    over.start()
    wait_for(lambda: manager.count("secret") > before)
    assert lets_in(gateway, SECRET)
    gateway.signal(signal.SIGHUP)  # one more, behind it
    over.join()
    wait_for(lambda: manager.count("secret") == before + 2)
    wait_for(lambda: lets_in(gateway, OTHER))


def test_it_stops_while_it_is_asked(manager, serve):
    gateway = serve(secret_config(manager), variables(manager))
    manager.hiccups = [4]
    gateway.signal(signal.SIGHUP)
    wait_for(lambda: manager.count("secret") == 2)
    gateway.stop()


def test_the_file_begins_to_name_a_manager(manager, serve):
    made = secret_config(manager)
    del made["general_settings"]["key_management_system"]
    gateway = serve(made, variables(manager, MASTER=SECRET))
    manager.kept["MASTER"] = OTHER
    gateway.config_file.write_text(yaml.safe_dump(secret_config(manager)))
    hang_up(gateway)
    assert lets_in(gateway, OTHER)
