"""What lies in the database holds at a start without it: models and settings from the sealed copy on disk; keys do not."""

import httpx
import pytest
from conftest import KEY, SECRET_ACCESS_KEY, configuration
from programs import wait_for
from test_admin import Admin
from test_admin_models import SALT, chat, names, params

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def database(database_server):
    server = database_server("postgresql")
    server.create("copied")
    return server


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="module")
def start(launch, simulator, database, folder):
    def run(salt=SALT, **settings):
        general = {"database_url": database.url, "data_directory": str(folder), "store_model_in_db": True, **settings}
        gateway = launch(configuration(simulator.url, general_settings=general), env={"LITELLM_SALT_KEY": salt}, ready=False)
        gateway.wait_listening(60)
        return Admin(gateway, database)

    return run


@pytest.fixture(scope="module")
def copy(folder):
    return folder / "stored.sealed"


def test_a_start_without_the_database(start, database, simulator, copy):
    first = start()
    wait_for(lambda: first.ask("GET", "/model/info").status_code == 200 and copy.exists(), 30, "the first copy")
    empty = copy.read_bytes()
    first.post("/model/new", model_name="kept", litellm_params=params(simulator), model_info={"id": "m-kept"})
    first.post("/config/update", router_settings={"cooldown_time": 17})
    key = first.post("/key/generate")["key"]
    first.gateway.stop()
    sealed = copy.read_bytes()
    assert sealed != empty and copy.stat().st_mode & 0o777 == 0o600
    assert not [f.name for f in copy.parent.iterdir() if f.name.startswith(".stored")]
    for secret in (SECRET_ACCESS_KEY, KEY, key, SALT, "kept", "anthropic"):
        assert secret.encode() not in sealed
    with database.away():
        alone = start()
        assert chat(alone, "kept").status_code == chat(alone, "claude").status_code == 200
        assert alone.get("/model/info", litellm_model_id="m-kept")["data"][0]["model_info"]["db_model"] is True
        assert "the database cannot be read: 2 models and settings are those it had at 20" in alone.gateway.log()
        unknown = httpx.get(alone.base + "/v1/models", headers={"Authorization": f"Bearer {key}"}, timeout=20)
        assert unknown.status_code == 503 and "not one that was seen lately" in unknown.text
        other = start(salt="sk-another-salt")
        assert "kept" not in names(other) and chat(other, "claude").status_code == 200
        assert "damaged, or was sealed under another salt key" in other.gateway.log()
        other.gateway.stop()
    wait_for(lambda: alone.ask("POST", "/model/delete", {"id": "m-kept"}).status_code == 200, 60, "the database again")
    assert "kept" not in names(alone)
    wait_for(lambda: copy.read_bytes() != sealed, 30, "another copy")
    alone.gateway.stop()
    other = start(database_url="postgresql://lintel@127.0.0.1:1/another")
    assert "its copy on disk is of another database" in other.gateway.log()
    other.gateway.stop()


def test_a_copy_that_cannot_be_used(start, tmp_path):
    copy = tmp_path / "stored.sealed"
    for wrong, why in ((None, "there is no copy"), (b"nonsense", "is damaged")):
        if wrong:
            copy.write_bytes(wrong)
        alone = start(database_url="postgresql://lintel@127.0.0.1:1/copied", data_directory=str(tmp_path))
        assert chat(alone, "claude").status_code == 200
        assert "the configuration file counts alone" in alone.gateway.log() and why in alone.gateway.log()
        alone.gateway.stop()
        assert not wrong or copy.read_bytes() == wrong  # only what the database says takes its place
