"""lintel keys, lintel spend: a person's way to the running gateway."""

import json
import re
import subprocess

import pytest
from conftest import KEY, configuration
from databases import Sqlite
from programs import BUILD, environment, free_port, wait_for
from test_spend_reports import TODAY, ask

pytestmark = pytest.mark.timeout(120)

CLAUDE = {"model": "claude", "messages": [{"role": "user", "content": "hello"}], "max_tokens": 20}


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    database = Sqlite()
    database.create("cli")
    settings = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    started = launch(configuration(simulator.url, general_settings=settings), warm=False)
    wait_for(lambda: ask(started, "/spend/keys").status_code == 200, 20, "the database")
    yield started
    started.stop()
    database.stop()


@pytest.fixture
def run(gateway, tmp_path):
    """run("keys", "list", …) → (status, standard output, standard error), in an empty folder."""

    def go(*arguments, url=None, key=KEY, env=None):
        where = ["--url", url or gateway.base_url.removesuffix("/v1")] if url != "" else []
        with_key = ["--key", key] if key else []
        done = subprocess.run(
            [BUILD / "lintel", *arguments, *where, *with_key],
            env=environment(tmp_path, **(env or {})),
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return go


def test_a_key_from_its_making_to_its_end(run, gateway):
    status, out, _ = run(
        "keys", "new", "--alias", "cli key", "--user", "carla", "--models", "claude,nova", "--max-budget", "5", "--rpm", "7"
    )
    assert status == 0
    key = re.search(r"^key +(sk-\S+)$", out, re.M)[1]
    assert ask(gateway, "/v1/chat/completions", CLAUDE, by=key).status_code == 200
    made = json.loads(run("keys", "info", key, "--json")[1])["info"]
    assert (made["key_alias"], made["user_id"], made["models"], made["max_budget"], made["rpm_limit"]) == (
        "cli key", "carla", ["claude", "nova"], 5, 7,
    )
    table = run("keys", "list", "--user", "carla")[1].splitlines()
    assert table[0].split() == ["KEY", "ALIAS", "USER", "TEAM", "SPEND", "BUDGET", "EXPIRES", "STATE", "HASH"]
    assert len(table) == 2 and "cli key" in table[1] and "sk-..." in table[1] and key not in table[1]
    assert run("keys", "update", key, "--team", "reds")[0] == 0
    assert [k["team_id"] for k in json.loads(run("keys", "list", "--team", "reds", "--json")[1])] == ["reds"]
    assert run("keys", "block", key)[0] == 0
    wait_for(lambda: ask(gateway, "/v1/chat/completions", CLAUDE, by=key).status_code == 401, 20, "the block")
    assert "blocked" in run("keys", "list", "--user", "carla")[1]
    assert run("keys", "unblock", key)[0] == 0
    renewed = re.search(r"^key +(sk-\S+)$", run("keys", "regenerate", key)[1], re.M)[1]
    assert renewed != key
    key = renewed
    assert run("keys", "delete", key) == (0, f"deleted {key}\n", "")
    assert run("keys", "list", "--user", "carla", "--json")[1] == "[]\n"
    status, out, err = run("keys", "update", key, "--rpm", "1")
    assert (status, out) == (1, "") and "404" in err


def test_what_was_spent(run, gateway):
    key = json.loads(run("keys", "new", "--alias", "spender", "--user", "sam", "--team", "blues", "--json")[1])
    for _ in range(2):
        answer = ask(gateway, "/v1/chat/completions", {**CLAUDE, "tags": ["nightly"]}, by=key["key"])
        assert answer.status_code == 200
    wait_for(lambda: any(r["name"] == "sam" and r["requests"] == 2 for r in json.loads(run("spend", "users", "--json")[1])), 20, "the days")
    tokens = str(2 * answer.json()["usage"]["total_tokens"])
    for what, name in (("users", "sam"), ("teams", "blues"), ("tags", "nightly"), ("keys", key["token"])):
        (row,) = [r for r in json.loads(run("spend", what, "--json")[1]) if r["name"] == name]
        assert (row["requests"], row["failed"], str(row["tokens"])) == (2, 0, tokens) and row["spend"] > 0
    table = run("spend", "keys", "--limit", "1")[1].splitlines()
    assert table[0].split() == ["KEY", "ALIAS", "REQUESTS", "FAILED", "TOKENS", "SPEND"] and len(table) == 2
    assert run("spend", "days")[1].splitlines()[-1].startswith(str(TODAY))
    assert "claude" in run("spend", "models")[1]
    assert run("spend", "users", "--from", "2025-01-01", "--to", "2025-01-02", "--json")[1] == "[]\n"
    logs = json.loads(run("spend", "logs", "--user", "sam", "--json")[1])
    assert len(logs) == 2 and {r["team_id"] for r in logs} == {"blues"}
    table = run("spend", "logs", "--user", "sam", "--status", "success")[1].splitlines()
    assert len(table) == 3 and "success" in table[1]


def test_where_and_with_which_key(run, gateway, tmp_path):
    """From .env, from the environment before it, from the configuration."""
    port = gateway.port
    (tmp_path / ".env").write_text(f'# settings\nLITELLM_MASTER_KEY="{KEY}"\nHOST=127.0.0.1\nPORT={port}\n')
    assert run("keys", "list", url="", key=None)[0] == 0
    status, _, err = run("keys", "list", url="", key=None, env={"LITELLM_MASTER_KEY": "sk-another-one"})
    assert status == 1 and "401" in err
    (tmp_path / ".env").write_text("LITELLM_MASTER_KEY=\n")
    (tmp_path / "config.yaml").write_text(f"model_list: []\ngeneral_settings:\n  master_key: {KEY}\n")
    assert run("keys", "list", "--config", "config.yaml", url="", key=None, env={"PORT": str(port)})[0] == 0


def test_nobody_there(run):
    status, out, err = run("spend", "users", url=f"http://127.0.0.1:{free_port()}")
    assert (status, out) == (4, "") and len(err.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("keys",),
        ("keys", "dance"),
        ("keys", "info"),
        ("keys", "list", "too much"),
        ("keys", "new", "--max-budget", "much"),
        ("keys", "list", "--nonsense"),
        ("spend", "moon"),
        ("spend", "logs", "--limit", "0"),
        ("spend", "users", "--limit", "x"),
    ],
)
def test_wrong_usage(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and err


def test_help(run):
    for group in ("keys", "spend"):
        status, out, _ = run(group, "--help")
        assert status == 0 and out.startswith("usage: lintel keys") and "spend logs" in out
    assert "keys, spend" in run("--help", url="", key=None)[1]
