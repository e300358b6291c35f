"""What a destination does not take is kept in files, and told by the next process: each request once."""

import pathlib

import pytest
from conftest import configuration, openai_client
from programs import wait_for


@pytest.fixture
def start(launch, simulator, server, tmp_path):
    server.received.clear()

    def start(*arguments, **general):
        general = {"callback_spool_max_mb": 4, "data_directory": str(tmp_path), **general}
        settings = {"callbacks": ["webhook"]}
        env = {"WEBHOOK_URL": f"{server.url}/hook", "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1"}
        config = configuration(simulator.url, litellm_settings=settings, general_settings=general)
        return launch(config, *arguments, env=env, warm=False)

    return start


def ask(gateway, users):
    with openai_client(gateway) as client:
        for user in users:
            client.chat.completions.create(
                model="claude", messages=[{"role": "user", "content": "a prompt"}], user=user, max_tokens=8
            )


def users(server):
    """Whose requests were told of, in calls that were answered well."""
    return [p["end_user"] for r in server.at("/hook") for p in r.json()]


def batches(folder):
    return list(pathlib.Path(folder).glob("callbacks/*/*.batch"))


def kept(gateway):
    return next(c for c in gateway.holds()["callbacks"] if c["name"] == "webhook")["kept"]


def test_what_was_killed_with_a_dead_destination_is_told_by_the_next(start, server, tmp_path):
    server.mode = "failing"
    names = [f"user-{i}" for i in range(8)]
    gateway = start()
    ask(gateway, names)
    wait_for(lambda: kept(gateway) == len(names), 20, "all of them in files")
    gateway.kill()
    files = batches(tmp_path)
    assert all(f.stat().st_mode & 0o777 == 0o600 and b"a prompt" in f.read_bytes() for f in files)
    assert b"sk-" not in b"".join(f.read_bytes() for f in files)
    server.received.clear()
    server.mode = "ok"
    gateway = start()
    wait_for(lambda: len(users(server)) >= len(names), 20, "all of them told")
    wait_for(lambda: not batches(tmp_path), 20, "no files")
    gateway.stop()
    assert sorted(users(server)) == names
    assert not list((tmp_path / "callbacks").iterdir())


def test_the_end_of_a_gateway_does_not_wait_for_a_destination_that_hangs(start, server, tmp_path):
    server.mode = "hanging"
    gateway = start("--num_workers", "2")
    names = [f"user-{i}" for i in range(6)]
    for name in names:
        ask(gateway, [name])  # a connection each: both workers may have some
    wait_for(lambda: server.at("/hook"), 20, "a call")
    gateway.stop(seconds=30)
    assert batches(tmp_path)
    server.received.clear()
    server.mode = "ok"
    gateway = start("--num_workers", "2")
    wait_for(lambda: len(users(server)) >= len(names), 20, "all of them told")
    gateway.stop()
    assert sorted(users(server)) == names


def test_a_folder_that_cannot_be_used_is_said_and_nothing_else(start, tmp_path):
    (tmp_path / "callbacks").write_text("not a folder")
    gateway = start()
    assert "what callbacks are not told is not kept" in gateway.log()
    ask(gateway, ["ada"])
