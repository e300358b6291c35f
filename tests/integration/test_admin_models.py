"""Models and settings in the database: made over the API or by LiteLLM, added to what the file says,
known to every gateway, and sealed."""

import json

import httpx
import pytest
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration
from databases import KINDS
from programs import wait_for
from test_admin import Admin, same

pytestmark = pytest.mark.timeout(120)

SALT = "sk-salt-of-the-tests"
HAIKU = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("models")
    return server


@pytest.fixture(scope="module")
def start(launch, simulator, database, tmp_path_factory):
    def run(**settings):
        general = {
            "database_url": database.url,
            "data_directory": str(tmp_path_factory.mktemp("data")),
            "store_model_in_db": True,
            **settings,
        }
        config = configuration(simulator.url, general_settings=general)
        return Admin(launch(config, env={"LITELLM_SALT_KEY": SALT}), database)

    return run


@pytest.fixture(scope="module")
def admin(start):
    return start()


@pytest.fixture(scope="module")
def other(start, admin):
    return start()


def params(simulator, model=HAIKU, **more):
    return {
        "model": model,
        "aws_access_key_id": ACCESS_KEY_ID,
        "aws_secret_access_key": SECRET_ACCESS_KEY,
        "aws_region_name": "us-east-1",
        "aws_bedrock_runtime_endpoint": simulator.url,
        **more,
    }


def chat(admin, model):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    return admin.ask("POST", "/v1/chat/completions", body)


def info(admin, model_id):
    return admin.get("/v1/model/info", litellm_model_id=model_id)["data"][0]


def names(admin):
    return [m["id"] for m in admin.get("/v1/models")["data"]]


def test_a_model_lives(admin, other, simulator, database):
    made = admin.post("/model/new", model_name="mine", litellm_params=params(simulator), model_info={"id": "m-1", "x": 1})
    same({"model_id": "m-1", "model_name": "mine", "blocked": False, "created_by": "default_user_id"}, made)
    assert made["litellm_params"]["model"] == HAIKU and made["model_info"] == {"id": "m-1", "x": 1}
    assert chat(admin, "mine").status_code == 200
    wait_for(lambda: chat(other, "mine").status_code == 200, 20, "the other gateway")
    page = admin.get("/v2/model/info", size=1, search="MIN")
    assert [m["model_info"]["id"] for m in page["data"]] == ["m-1"]
    same({"total_count": 1, "current_page": 1, "total_pages": 1, "size": 1}, page)
    whole = admin.get("/v1/model/info")["data"]
    pages = [admin.get("/v2/model/info", size=1, page=i + 1)["data"] for i in range(len(whole) + 1)]
    assert pages == [[m] for m in whole] + [[]]
    assert admin.get("/v2/model/info", modelId="m-1")["data"] == page["data"]
    assert admin.get("/v2/model/info", model="nobody")["data"] == []
    shown = info(other, "m-1")["model_info"]
    same({"id": "m-1", "db_model": True, "x": 1}, shown)
    stored = str(database.query('SELECT * FROM "LiteLLM_ProxyModelTable"'))
    for secret in (SECRET_ACCESS_KEY, ACCESS_KEY_ID, HAIKU):
        assert secret not in stored
    for text in (json.dumps(made), json.dumps(admin.get("/v1/model/info")), admin.gateway.log()):
        assert SECRET_ACCESS_KEY not in text
    changed = admin.ask("PATCH", "/model/m-1/update", {"litellm_params": {"rpm": 1}}).json()
    same({"rpm": 1, "model": HAIKU}, changed["litellm_params"])
    changed = admin.post("/model/update", model_info={"id": "m-1"}, model_name="yours", litellm_params={"rpm": None})
    assert "rpm" not in changed["litellm_params"] and changed["model_name"] == "yours"
    assert chat(admin, "yours").status_code == 200 and chat(admin, "mine").status_code == 400
    assert admin.post("/model/delete", id="m-1") == {"message": "Model: m-1 deleted successfully"}
    assert chat(admin, "yours").status_code == 400
    wait_for(lambda: chat(other, "yours").status_code == 400, 20, "the other gateway")
    admin.post("/model/delete", 400, id="m-1")
    admin.post("/model/update", 400, model_info={"id": "m-1"})


def test_a_model_is_blocked(admin, other, simulator):
    for name in "paused", "sound":
        admin.post("/model/new", model_name="pair", litellm_params=params(simulator), model_info={"id": f"m-{name}"})
    admin.post("/model/new", model_name="single", litellm_params=params(simulator), model_info={"id": "m-single"})
    assert admin.post("/model/block", model_id="m-single")["blocked"] is True
    assert admin.post("/model/block", model_id="m-paused")["blocked"] is True
    assert "single" not in names(admin) and "pair" in names(admin)
    assert chat(admin, "single").status_code == 400
    wait_for(lambda: chat(other, "single").status_code == 400, 20, "the other gateway")
    for _ in range(5):
        assert chat(admin, "pair").headers["x-litellm-model-id"] == "m-sound"
    shown = {m["model_info"]["id"]: m["model_info"] for m in admin.get("/model/info")["data"]}
    for name, blocked in ("single", True), ("paused", True), ("sound", False):
        same({"db_model": True, "blocked": blocked, "config_source": "database"}, shown[f"m-{name}"])
    assert admin.post("/model/unblock", model_id="m-single")["blocked"] is False
    assert chat(admin, "single").status_code == 200
    assert admin.ask("PATCH", "/model/m-single/update", {"blocked": True}).json()["blocked"] is True
    assert chat(admin, "single").status_code == 400
    admin.post("/model/block", 404, model_id="m-nobody")
    admin.post("/model/block", 400)
    for name in ("paused", "sound", "single"):
        admin.post("/model/delete", id=f"m-{name}")


def test_where_a_model_comes_from(admin):
    text = admin.gateway.config_file.read_text().splitlines()
    for model in admin.get("/model/info")["data"]:
        file, line = model["model_info"]["config_source"].split(":")
        assert file == admin.gateway.config_file.name and f"model_name: {model['model_name']}" in text[int(line) - 1]
    of_file = admin.get("/model/info")["data"][0]["model_info"]["id"]
    assert "configuration file" in admin.post("/model/block", 400, model_id=of_file)["error"]["message"]


def test_a_key_sees_its_models(admin, simulator):
    admin.post("/model/new", model_name="hidden", litellm_params=params(simulator), model_info={"id": "m-hidden"})
    team = admin.post("/team/new", team_alias="of models", models=["claude"])["team_id"]
    key = admin.post("/key/generate", team_id=team)["key"]
    asked = lambda path: httpx.get(admin.base + path, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    for path in "/model/info", "/v1/model/info", "/v2/model/info":
        assert {m["model_name"] for m in asked(path).json()["data"]} == {"claude"}
    assert asked("/model/info?litellm_model_id=m-hidden").status_code == 400
    admin.post("/model/delete", id="m-hidden")


def test_what_cannot_be_used_is_not_stored(admin, simulator, database):
    of_file = admin.get("/v1/model/info")["data"][0]["model_info"]
    assert of_file["db_model"] is False
    for wrong in (
        {"litellm_params": params(simulator, "openai/gpt-4o")},
        {"litellm_params": params(simulator, timeout="soon")},
        {"litellm_params": params(simulator), "model_info": {"id": of_file["id"]}},
        {"litellm_params": {}},
        {},
    ):
        refused = admin.post("/model/new", 400, model_name="wrong", **wrong)
        assert SECRET_ACCESS_KEY not in json.dumps(refused)
    for path, body in (("/model/update", {"model_info": {"id": of_file["id"]}}), ("/model/delete", {"id": of_file["id"]})):
        assert "configuration file" in admin.post(path, 400, **body)["error"]["message"]
    assert admin.rows("ProxyModelTable", "model_name", "wrong") == 0
    admin.post("/model/new", model_name="once", litellm_params=params(simulator), model_info={"id": "m-2"})
    admin.post("/model/new", 400, model_name="twice", litellm_params=params(simulator), model_info={"id": "m-2"})
    admin.post("/model/update", 400, model_info={"id": "m-2"}, litellm_params={"model": "openai/gpt-4o"})
    assert chat(admin, "once").status_code == 200


def test_rows_that_others_wrote(admin, simulator, database):
    """In the clear, of another provider, with nonsense: what can be used is, the rest is told."""
    columns = '"model_id", "model_name", "litellm_params", "model_info", "created_by", "updated_by", "created_at", "updated_at", "blocked"'
    rows = {
        "theirs": params(simulator),
        "alien": {"model": "azure/gpt-4o", "api_key": "a-secret"},
        "nonsense": ["x"],
        "off": params(simulator),
    }
    for name, value in rows.items():
        blocked = "TRUE" if name == "off" else "FALSE"
        database.query(
            f"""INSERT INTO "LiteLLM_ProxyModelTable" ({columns}) VALUES ('id-{name}', '{name}', '{json.dumps(value)}',
            '{{"id": "id-{name}"}}', 'x', 'x', '2026-01-01 00:00:00', '2026-01-01 00:00:00', {blocked})"""
        )
    # A change over the API has all of them read.
    admin.post("/model/new", model_name="and mine", litellm_params=params(simulator), model_info={"id": "m-3"})
    listed = names(admin)
    assert "theirs" in listed and "and mine" in listed
    assert not {"alien", "nonsense", "off"} & set(listed)
    assert chat(admin, "theirs").status_code == 200 and chat(admin, "claude").status_code == 200
    log = admin.gateway.log()
    assert "id-alien" in log and "id-nonsense" in log and "a-secret" not in log
    for name in rows:
        admin.post("/model/delete", id=f"id-{name}")


def test_a_new_gateway_has_them_before_its_first_client(admin, start, simulator):
    admin.post("/model/new", model_name="kept", litellm_params=params(simulator), model_info={"id": "m-4"})
    late = start()
    assert "kept" in names(late)
    admin.post("/model/delete", id="m-4")


def test_settings(admin, other, simulator):
    for name, url in (("breaks", "http://127.0.0.1:9"), ("helps", simulator.url)):
        made = params(simulator, aws_bedrock_runtime_endpoint=url, num_retries=0)
        admin.post("/model/new", model_name=name, litellm_params=made, model_info={"id": f"m-{name}"})
    assert chat(admin, "breaks").status_code >= 429
    done = admin.post("/config/update", router_settings={"fallbacks": [{"breaks": ["helps"]}], "cooldown_time": 3})
    assert done == {"message": "Config updated successfully"}
    assert chat(admin, "breaks").status_code == 200
    wait_for(lambda: chat(other, "breaks").status_code == 200, 20, "the other gateway")
    fields = {f["field_name"]: f for f in admin.get("/config/list", config_type="router_settings")}
    same({"field_value": 3, "stored_in_db": True, "field_type": "Float"}, fields["cooldown_time"])
    same({"stored_in_db": None}, fields["routing_strategy"])
    same({"stored_in_db": False, "field_value": 0}, fields["num_retries"])
    one = {"field_name": "cooldown_time", "config_type": "router_settings"}
    admin.post("/config/field/update", **one, field_value=1)
    assert admin.get("/config/field/info", **one)["field_value"] == 1
    admin.post("/config/field/delete", **one)
    admin.get("/config/field/info", 400, **one)
    admin.post("/config/update", router_settings={"fallbacks": None})
    assert chat(admin, "breaks").status_code >= 429


def test_settings_that_cannot_be_stored(admin):
    for wrong in (
        {"router_settings": {"cooldown_time": "many"}},
        {"router_settings": {"fallbacks": 5}},
        {"router_settings": 5},
        {"router_settings": {"num_retries": 7}},  # the file says it
        {"general_settings": {"master_key": "sk-mine"}},
        {"environment_variables": {"A": "b"}},
    ):
        admin.post("/config/update", 400, **wrong)
    admin.post("/config/field/update", 400, field_name="master_key", field_value="sk-mine", config_type="general_settings")
    admin.post("/config/field/update", 400, field_name="cooldown_time", config_type="router_settings")
    admin.get("/config/list", 400)


def test_without_the_switch(start, simulator):
    off = start(store_model_in_db=False)
    refused = off.post("/model/new", 500, model_name="x", litellm_params=params(simulator))["error"]
    same({"type": "auth_error", "param": "None"}, refused)
    assert "store_model_in_db" in refused["message"]
