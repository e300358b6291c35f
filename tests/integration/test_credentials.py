"""Named credentials: of the file and of the database, named by models, never shown."""

import json

import pytest
from conftest import ACCESS_KEY_ID, SECRET_ACCESS_KEY, configuration
from test_admin import Admin, same

HAIKU = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"
MADE = {"success": True, "message": "Credential created successfully"}


def values(simulator, **more):
    return {
        "aws_access_key_id": ACCESS_KEY_ID,
        "aws_secret_access_key": SECRET_ACCESS_KEY,
        "aws_region_name": "eu-west-1",
        "aws_bedrock_runtime_endpoint": simulator.url,
        **more,
    }


@pytest.fixture(scope="module")
def admin(launch, simulator, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("credentials")
    general = {
        "database_url": database.url,
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "store_model_in_db": True,
    }
    model = {"model_name": "of-file", "litellm_params": {"model": HAIKU, "litellm_credential_name": "account/a"}}
    config = configuration(simulator.url, general_settings=general, extra_models=[model])
    config["credential_list"] = [{"credential_name": "account/a", "credential_values": values(simulator)}]
    a = Admin(launch(config, env={"LITELLM_SALT_KEY": "sk-salt-of-the-tests"}), database)
    yield a
    a.http.close()


def chat(admin, model):
    body = {"model": model, "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5}
    return admin.ask("POST", "/v1/chat/completions", body).status_code


def test_of_the_file(admin):
    assert chat(admin, "of-file") == 200
    (shown,) = admin.get("/credentials")["credentials"]
    same({"credential_name": "account/a", "credential_info": {}}, shown)
    same({"aws_access_key_id": "AK****CK", "aws_region_name": "eu-west-1"}, shown["credential_values"])
    assert admin.get("/credentials/by_name/account%2Fa") == shown
    admin.get("/credentials/by_name/nobody", 404)
    admin.post("/credentials", 400, credential_name="account/a", credential_values={})
    for method, body in (("PATCH", {"credential_values": {}}), ("DELETE", None)):
        answer = admin.ask(method, "/credentials/account%2Fa", body)
        assert answer.status_code == 400 and "configuration file" in answer.text


def test_of_the_database(admin, simulator):
    assert admin.post("/credentials", credential_name="b", credential_values=values(simulator)) == MADE
    admin.post("/credentials", 400, credential_name="b", credential_values={})
    admin.post("/credentials", 400, credential_name="c", credential_values=5)
    admin.post("/credentials", 400, credential_values={})
    params = {"model": HAIKU, "litellm_credential_name": "b"}
    admin.post("/model/new", model_name="mine", litellm_params=params, model_info={"id": "m-1"})
    assert chat(admin, "mine") == 200
    by_model = admin.get("/credentials/by_model/m-1")
    assert by_model["credential_name"] == "mine-credential-m-1"
    same({"aws_region_name": "eu-west-1", "litellm_credential_name": "b"}, by_model["credential_values"])
    admin.get("/credentials/by_model/nobody", 404)
    change = {"credential_values": {"aws_secret_access_key": "wrong"}, "credential_info": {"why": "test"}}
    assert admin.ask("PATCH", "/credentials/b", change).json()["message"] == "Credential updated successfully"
    assert chat(admin, "mine") == 403
    same({"credential_info": {"why": "test"}}, admin.get("/credentials/by_name/b"))
    admin.ask("PATCH", "/credentials/b", {"credential_values": {"aws_secret_access_key": SECRET_ACCESS_KEY}})
    assert chat(admin, "mine") == 200
    stored = str(admin.database.query('SELECT * FROM "LiteLLM_CredentialsTable"'))
    for text in (stored, json.dumps(admin.get("/credentials")), json.dumps(by_model), admin.gateway.log()):
        assert SECRET_ACCESS_KEY not in text and ACCESS_KEY_ID not in text
    assert admin.ask("DELETE", "/credentials/b").json() == {"success": True, "message": "Credential deleted successfully"}
    assert admin.ask("DELETE", "/credentials/b").status_code == 404
    assert admin.ask("PATCH", "/credentials/b", {}).status_code == 404
    assert [c["credential_name"] for c in admin.get("/credentials")["credentials"]] == ["account/a"]
