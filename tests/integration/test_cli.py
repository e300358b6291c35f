"""lintel keys, lintel spend: a person's way to the running gateway."""

import contextlib
import datetime
import fcntl
import json
import pty
import re
import struct
import subprocess
import termios
import unicodedata

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
    litellm = {"disable_add_user_agent_to_request_tags": True}
    started = launch(configuration(simulator.url, general_settings=settings, litellm_settings=litellm), warm=False)
    wait_for(lambda: ask(started, "/spend/keys").status_code == 200, 20, "the database")
    yield started
    started.stop()
    database.stop()


@pytest.fixture
def run(gateway, tmp_path):
    """run("keys", "list", …) → (status, standard output, standard error), in an empty folder."""

    def go(*arguments, url=None, key=KEY, env=None, stdout=subprocess.PIPE):
        where = ["--url", url or gateway.base_url.removesuffix("/v1")] if url != "" else []
        with_key = ["--key", key] if key else []
        done = subprocess.run(
            [BUILD / "lintel", *arguments, *where, *with_key],
            env=environment(tmp_path, **(env or {})),
            cwd=tmp_path,
            stdout=stdout,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert "Sanitizer" not in done.stderr, done.stderr
        return done.returncode, done.stdout, done.stderr

    return go


@pytest.fixture
def on_terminal(run):
    """The lines that a terminal of so many columns gets."""

    def go(columns, *arguments):
        ours, its = pty.openpty()
        with open(ours, "rb", buffering=0) as screen:
            with open(its, "wb") as terminal:
                fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", 24, columns, 0, 0))
                assert run(*arguments, stdout=terminal)[0] == 0
            shown = b""
            with contextlib.suppress(OSError):  # EIO: all is read, and nobody writes any more
                while piece := screen.read(65536):
                    shown += piece
        return shown.decode().split("\r\n")[:-1]

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
    for name in ("regenerate", "rotate"):
        renewed = re.search(r"^key +(sk-\S+)$", run("keys", name, key)[1], re.M)[1]
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


def test_a_key_by_another_name(run, gateway):
    made = [json.loads(run("keys", "new", "--alias", f"alias {n}", "--user", "nina", "--json")[1]) for n in (1, 2)]
    shown = [line.split()[-1] for line in run("keys", "list", "--user", "nina")[1].splitlines()[1:]]
    assert sorted(shown) == sorted(k["token"][:16] for k in made)
    for name in (made[0]["key"], made[0]["token"], made[0]["token"][:16], "alias 1"):
        assert json.loads(run("keys", "info", name, "--json")[1])["info"]["key_alias"] == "alias 1", name
    nameless = json.loads(run("keys", "new", "--json")[1])["key"]
    for wrong in (made[0]["token"][:7], "nobody", ""):  # too little; the empty one is not the nameless
        assert run("keys", "block", wrong)[0] == 1, wrong
    assert run("keys", "delete", nameless)[0] == 0
    assert run("keys", "update", "alias 2", "--alias", made[0]["token"][:16])[0] == 0
    assert run("keys", "block", made[0]["token"][:16])[0::2] == (2, f"lintel: '{made[0]['token'][:16]}' names 2 keys (lintel keys --help)\n")
    assert run("keys", "update", made[1]["key"], "--alias", "alias 2")[0] == 0
    old = made[0]["key"]
    renewed = json.loads(run("keys", "rotate", "alias 1", "--grace", "1h", "--rpm", "99", "--json")[1])
    assert renewed["rpm_limit"] == 99
    for key in (old, renewed["key"]):
        assert ask(gateway, "/v1/chat/completions", CLAUDE, by=key).status_code == 200
    gone = run("keys", "delete", "alias 1", "alias 2")[1].split("\n")
    assert sorted(gone) == sorted(["", f"deleted {renewed['token']}", f"deleted {made[1]['token']}"])


@pytest.fixture(scope="module")
def spent(gateway):
    """Two keys of one user and team; one asks for two models, with a tag, and fails once."""
    make = lambda **members: ask(gateway, "/key/generate", members).json()  # noqa: E731
    one = make(key_alias="first of flora", user_id="flora", team_id="greens")
    two = make(key_alias="second of flora", user_id="flora", team_id="greens")
    for key, model, tags in ((one, "claude", ["weekly"]), (one, "nova", []), (two, "claude", ["weekly"])):
        assert ask(gateway, "/v1/chat/completions", {**CLAUDE, "model": model, "tags": tags}, by=key["key"]).status_code == 200
    assert ask(gateway, "/v1/chat/completions", {**CLAUDE, "model": "nobody has it"}, by=two["key"]).status_code == 400
    days = {"start_date": str(TODAY), "end_date": str(TODAY + datetime.timedelta(days=1))}
    seen = lambda path, n, **more: ask(gateway, path, **days, **more).json()["metadata"]["total_api_requests"] == n  # noqa: E731
    wait_for(lambda: seen("/user/daily/activity", 4, user_id="flora"), 20, "the user's days")
    wait_for(lambda: seen("/team/daily/activity", 4, team_ids="greens"), 20, "the team's days")
    wait_for(lambda: seen("/tag/daily/activity", 2, tags="weekly"), 20, "the tag's days")
    wait_for(lambda: len(ask(gateway, "/spend/logs", user_id="flora").json()) == 4, 20, "the rows")
    return {"ONE": one["key"], "HASH": one["token"]}


FIRST, SECOND = "first of flora", "second of flora"
FILTERS = [
    ("keys --user flora", {FIRST: 2, SECOND: 2}),
    ("keys --team greens", {FIRST: 2, SECOND: 2}),
    ("keys --tag weekly", {FIRST: 1, SECOND: 1}),
    ("keys --user flora --model nova", {FIRST: 1}),
    ("models --user flora", {"claude": 2, "nova": 1, "nobody has it": 1}),
    ("models --tag weekly", {"claude": 2}),
    ("models --api-key ONE", {"claude": 1, "nova": 1}),
    ("models --api-key HASH", {"claude": 1, "nova": 1}),
    ("models --api-key ALIAS", {"claude": 1, "nova": 1}),
    ("days --team greens", {str(TODAY): 4}),
    ("days --team nobody", {}),
    ("users --user flora", {"flora": 4}),
    ("users --api-key ONE", {"flora": 2}),
    ("teams --team greens --model claude", {"greens": 2}),
    ("tags --tag weekly", {"weekly": 2}),
    ("tags --api-key ONE", {"weekly": 1}),
]


@pytest.mark.parametrize("command, wanted", FILTERS, ids=[f[0].replace(" ", "_") for f in FILTERS])
def test_spent_by_whom(run, spent, command, wanted):
    arguments = [{**spent, "ALIAS": FIRST}.get(word, word) for word in command.split()]
    rows = json.loads(run("spend", *arguments, "--json")[1])
    by_alias = arguments[0] == "keys"
    assert {r["alias" if by_alias else "name"]: r["requests"] for r in rows} == wanted


def test_logs_of_a_key(run, spent):
    for name in (spent["ONE"], spent["HASH"], FIRST):
        rows = json.loads(run("spend", "logs", "--api-key", name, "--json")[1])
        assert [r["api_key"] for r in rows] == [spent["HASH"]] * 2, name
    count = lambda *more: len(json.loads(run("spend", "logs", "--user", "flora", "--json", *more)[1]))  # noqa: E731
    assert (count(), count("--status", "failure"), count("--model", "nova"), count("--limit", "3")) == (4, 1, 1, 3)
    assert count("--team", "greens") == 4 and count("--from", f"{TODAY} 00:00:00") == 4


WIDE = "経理部の鍵、二〇二六年度の予算から払うもの"  # 21 characters, 42 columns


def test_terminals_and_pipes(run, on_terminal):
    """In a pipe all of it stands; on a terminal, whole columns at its width."""
    columns = lambda text: sum(2 if unicodedata.east_asian_width(c) in "WF" else not unicodedata.combining(c) for c in text)  # noqa: E731
    aliases = (WIDE, "Ame\u0301lie", "plain \x1b[31mred")
    for alias in aliases:
        assert run("keys", "new", "--alias", alias, "--user", "wide")[0] == 0
    piped = run("keys", "list", "--user", "wide")[1].splitlines()
    wide = lambda line: columns(line[: line.index(" wide ")])  # noqa: E731
    assert len({wide(line) for line in piped[1:]}) == 1
    assert any(WIDE in line for line in piped) and any("plain  [31mred" in line for line in piped)
    narrow = on_terminal(100, "keys", "list", "--user", "wide")
    assert max(map(columns, narrow)) <= 100 < max(map(columns, piped))
    assert len({wide(line) for line in narrow[1:]}) == 1 and "…" in "".join(narrow) and WIDE not in "".join(narrow)
    assert on_terminal(300, "keys", "list", "--user", "wide") == piped
    made = on_terminal(20, "keys", "new", "--alias", "shown whole", "--user", "wide")
    assert re.fullmatch(r"key +sk-\S{20,}", made[0])  # a key is never cut


def test_output_that_takes_nothing(run):
    with open("/dev/full", "w") as full:
        status, _, err = run("keys", "list", stdout=full)
    assert status == 1 and "No space left" in err


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
        ("keys", "new", "--tag", "x"),
        ("keys", "block", "sk-1", "--rpm", "1"),
        ("keys", "info", "sk-1", "sk-2"),
        ("spend", "moon"),
        ("spend", "users", "--team", "x"),
        ("spend", "users", "--user", ""),
        ("spend", "logs", "--user", ""),
        ("spend", "keys", "--team", "x", "--user", "y"),
        ("spend", "logs", "too much"),
        ("spend", "logs", "--limit", "0"),
        ("spend", "users", "--limit", "x"),
    ],
)
def test_wrong_usage(run, arguments):
    status, out, err = run(*arguments)
    assert (status, out) == (2, "") and err.startswith("lintel: ") and len(err.splitlines()) == 1


def test_help(run):
    for group, option in (("keys", "--help"), ("spend", "--help"), ("keys", "-h")):
        status, out, _ = run(group, option)
        assert status == 0 and out.startswith("usage: lintel keys") and "spend logs" in out
    assert "keys, spend" in run("--help", url="", key=None)[1]
