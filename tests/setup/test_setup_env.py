"""scripts/setup_env.sh: .env from a profile of the AWS tools' files."""

import stat

import pytest
from conftest import ROOT

KEYS = """# made by hand
[default]
aws_access_key_id = AKIADEFAULT
aws_secret_access_key = wrong
[cline]
aws_access_key_id = AKIAOLD
 aws_access_key_id = not a setting of ours
aws_secret_access_key=a/secret+key=
AWS_ACCESS_KEY_ID = AKIACLINE
[temporary]
aws_access_key_id = ASIATEMPORARY
aws_secret_access_key = secret
aws_session_token = IQoJb3JpZ2lu/token==
[half]
aws_access_key_id = AKIAHALF
[odd]
aws_access_key_id = AKIA"$(touch x)
aws_secret_access_key = s
"""

CONFIG = """[profile cline]
region = eu-west-1
[profile sso]
sso_session = work
"""


@pytest.fixture
def setup_env(tree):
    (tree.path / ".env.example").write_text((ROOT / ".env.example").read_text())
    folder = tree.path / "home/.aws"
    folder.mkdir()
    (folder / "credentials").write_text(KEYS)
    (folder / "config").write_text(CONFIG)
    return lambda *arguments: tree.run(*arguments, script="scripts/setup_env.sh")


def settings(tree):
    lines = (tree.path / ".env").read_text().splitlines()
    pairs = [line.split("=", 1) for line in lines if line and not line.startswith("#")]
    assert len({name for name, _ in pairs}) == len(pairs), "a setting stands there twice"
    return {name: value.strip('"') for name, value in pairs}


def test_the_keys_of_cline(tree, setup_env):
    done = setup_env()
    assert done.returncode == 0, done.stderr
    found = settings(tree)
    assert found["AWS_ACCESS_KEY_ID"] == "AKIACLINE"
    assert found["AWS_SECRET_ACCESS_KEY"] == "a/secret+key="
    assert found["AWS_SESSION_TOKEN"] == ""
    assert found["AWS_REGION_NAME"] == "eu-west-1"
    assert found["CONFIG_FILE"] == "access_key_config.yml"
    assert found["LITELLM_MASTER_KEY"] != "sk-litellm-test-key"
    assert stat.S_IMODE((tree.path / ".env").stat().st_mode) == 0o600
    assert "a/secret" not in done.stdout + done.stderr
    key = found["LITELLM_MASTER_KEY"]
    assert setup_env("temporary").returncode == 0
    found = settings(tree)
    assert found["AWS_SESSION_TOKEN"] == "IQoJb3JpZ2lu/token==" and found["LITELLM_MASTER_KEY"] == key


def test_a_profile_without_keys_is_named(tree, setup_env):
    assert setup_env("sso").returncode == 0
    found = settings(tree)
    assert found["AWS_PROFILE"] == "sso" and found["AWS_ACCESS_KEY_ID"] == ""
    assert found["CONFIG_FILE"] == "iam_role_config.yml"


@pytest.mark.parametrize(
    "profile, word",
    [("nosuch", "no profile"), ("half", "secret access key"), ("odd", "characters"), ("x y", "not the name")],
)
def test_what_goes_wrong_leaves_env_alone(tree, setup_env, profile, word):
    (tree.path / ".env").write_text("HOST=127.0.0.1\n")
    done = setup_env(profile)
    assert done.returncode == 1 and word in done.stderr and len(done.stderr.splitlines()) == 1
    assert (tree.path / ".env").read_text() == "HOST=127.0.0.1\n"
    assert not (tree.path / "elsewhere/x").exists()


def test_example_can_be_read(tree, setup_env):
    setup_env()
    tree.config("access_key_config.yml")
    done = tree.run("start")
    assert done.returncode == 0 and "not KEY=VALUE" not in done.stderr
    assert "AWS_ACCESS_KEY_ID=AKIACLINE" in tree.started_with()
