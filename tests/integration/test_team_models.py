"""Models of one team, which its admins manage: who may, with which parameters, who sees and calls them."""

import httpx
import pytest
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration
from databases import Sqlite
from programs import wait_for
from test_keys import ask, chat, generate

HAIKU = "bedrock/anthropic.claude-3-haiku-20240307-v1:0"
OWN = {"model": HAIKU, "aws_access_key_id": ACCESS_KEY_ID, "aws_secret_access_key": SECRET_ACCESS_KEY, "aws_region_name": "us-east-1"}


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    db = Sqlite()
    db.create("teams")
    general = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data")), "store_model_in_db": True}
    config = configuration(simulator.url, general_settings=general, litellm_settings={"store_audit_logs": True})
    env = {"LITELLM_SALT_KEY": "sk-salt", "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": simulator.url, "SECRET_OF_OURS": "hidden-value"}
    gateway = launch(config, env=env)
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    gateway.db = db
    yield gateway
    db.stop()


@pytest.fixture(scope="module")
def people(gateway):
    """Keys of their own of a team's admin, of a member, of another team's admin, of nobody there."""
    for user in "boss", "member", "rival", "nobody":
        post(gateway, "/user/new", user_id=user, user_role="internal_user", auto_create_key=False)
    for team, boss in ("ours", "boss"), ("theirs", "rival"):
        members = [{"user_id": boss, "role": "admin"}, {"user_id": "member", "role": "user"}]
        post(gateway, "/team/new", team_id=team, members_with_roles=members)
    return {user: generate(gateway, user_id=user)["key"] for user in ("boss", "member", "rival", "nobody")}


def post(gateway, path, status=200, by=KEY, **body):
    answer = ask(gateway, path, body, by)
    assert answer.status_code == status, answer.text
    return answer.json()


def new(gateway, by, name, team="ours", status=200, params=OWN, **info):
    return post(gateway, "/model/new", status, by, model_name=name, litellm_params=params, model_info={"team_id": team, **info})


def names(gateway, key):
    return [m["id"] for m in ask(gateway, "/v1/models", by=key).json()["data"]]


def team_models(gateway, team):
    return ask(gateway, "/team/info", team_id=team).json()["team_info"]["models"]


def test_a_model_of_a_team_lives(gateway, people):
    boss, ours, theirs = people["boss"], generate(gateway, team_id="ours")["key"], generate(gateway, team_id="theirs")["key"]
    made = new(gateway, boss, "private", id="p-1", x=1)
    inner = made["model_name"]
    assert inner.startswith("model_name_ours_") and made["created_by"] == "boss"
    assert made["model_info"] == {"id": "p-1", "x": 1, "team_id": "ours", "team_public_model_name": "private"}
    answer = chat(gateway, ours, "private")
    assert answer.status_code == 200 and answer.headers["x-litellm-model-id"] == "p-1"
    assert chat(gateway, ours, inner).status_code == 200 and chat(gateway, KEY, inner).status_code == 200
    assert chat(gateway, theirs, "private").status_code == 400
    for key in theirs, people["nobody"], generate(gateway)["key"]:
        refused = chat(gateway, key, inner)
        assert (refused.status_code, refused.json()["error"]["type"]) == (403, "team_model_access_denied")
        assert not {"private", inner} & set(names(gateway, key))
        assert ask(gateway, "/model/info", by=key, litellm_model_id="p-1").status_code == 400
    assert "private" in names(gateway, ours) and inner not in names(gateway, ours)
    assert ask(gateway, "/v1/models/private", by=ours).json()["id"] == "private"
    assert ask(gateway, "/v1/models/private", by=theirs).status_code == 404
    shown = ask(gateway, "/model/info", by=ours, litellm_model_id="p-1").json()["data"][0]
    assert shown["model_name"] == "private" and SECRET_ACCESS_KEY not in str(shown)
    assert "private" in [m["model_name"] for m in ask(gateway, "/v1/model/info", by=ours).json()["data"]]
    path = "/bedrock/model/anthropic.claude-3-haiku-20240307-v1:0/converse"  # by the id of its model nobody else gets there
    native = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    assert [ask(gateway, path, native, key).is_success for key in (ours, theirs, KEY)] == [True, False, False]
    assert inner in names(gateway, KEY)  # what an admin of the proxy calls it by
    renamed = post(gateway, "/model/update", by=boss, model_name="secret", litellm_params={"rpm": 5}, model_info={"id": "p-1"})
    assert renamed["model_name"] == inner and renamed["model_info"]["team_public_model_name"] == "secret"
    assert chat(gateway, ours, "secret").status_code == 200 and chat(gateway, ours, "private").status_code == 400
    post(gateway, "/model/delete", by=boss, id="p-1")
    assert chat(gateway, ours, "secret").status_code == 400 and inner not in names(gateway, KEY)
    actions = gateway.db.query("SELECT action, changed_by FROM \"LiteLLM_AuditLog\" WHERE object_id = 'p-1' ORDER BY updated_at")
    assert [tuple(a) for a in actions] == [("created", "boss"), ("updated", "boss"), ("deleted", "boss")]


def test_who_may(gateway, people):
    new(gateway, KEY, "kept", id="kept")
    for user in "member", "rival", "nobody":
        by = people[user]
        new(gateway, by, "mine", status=403)
        post(gateway, "/model/update", 403, by, litellm_params={"rpm": 1}, model_info={"id": "kept"})
        assert httpx.patch(gateway.base_url.removesuffix("/v1") + "/model/kept/update", json={"litellm_params": {"rpm": 1}},
                           headers={"Authorization": f"Bearer {by}"}).status_code == 403
        post(gateway, "/model/delete", 403, by, id="kept")
    boss = people["boss"]
    post(gateway, "/model/new", 403, boss, model_name="everybody-s", litellm_params=OWN, model_info={})
    new(gateway, boss, "mine", team="theirs", status=403)
    new(gateway, KEY, "mine", team="no-such", status=404)
    post(gateway, "/model/new", by=KEY, model_name="open", litellm_params=OWN, model_info={"id": "open"})
    post(gateway, "/model/update", 403, boss, litellm_params={"rpm": 1}, model_info={"id": "open"})
    post(gateway, "/model/delete", 403, boss, id="open")
    post(gateway, "/model/update", 400, boss, litellm_params={}, model_info={"id": "kept", "team_id": "theirs"})
    post(gateway, "/model/update", 400, KEY, litellm_params={}, model_info={"id": "open", "team_id": "ours"})
    post(gateway, "/model/block", 401, boss, model_id="kept")
    for model in "kept", "open":
        post(gateway, "/model/delete", id=model)


@pytest.mark.parametrize("params, status", [
    ({"aws_access_key_id": "os.environ/SECRET_OF_OURS"}, 403),
    ({"stop": ["os.environ/SECRET_OF_OURS"]}, 403),
    ({"aws_profile_name": "default"}, 403),
    ({"aws_role_name": "arn:aws:iam::123456789012:role/gateway", "aws_session_name": "s"}, 403),
    ({"aws_web_identity_token": "/var/run/token"}, 403),
    ({"litellm_credential_name": "ours"}, 403),
    ({"aws_bedrock_runtime_endpoint": "http://127.0.0.1:1"}, 403),
    ({"api_base": "http://169.254.169.254"}, 403),
    ({"extra_headers": {"x": "y"}}, 403),
    ({"aws_access_key_id": None}, 400),
    ({"aws_secret_access_key": ""}, 400),
])
def test_what_an_admin_of_a_team_may_not_say(gateway, people, params, status):
    boss, whole = people["boss"], {k: v for k, v in {**OWN, **params}.items() if v is not None}
    refused = new(gateway, boss, "reaching", status=status, params=whole)
    assert "hidden-value" not in str(refused)
    new(gateway, boss, "fine", id="fine")
    post(gateway, "/model/update", status, boss, litellm_params=params, model_info={"id": "fine"})
    post(gateway, "/model/delete", by=boss, id="fine")


def test_neither_by_a_name_nor_by_facts(gateway, people):
    boss = people["boss"]
    new(gateway, boss, "os.environ/SECRET_OF_OURS", status=403)
    new(gateway, boss, "fine", status=403, note="os.environ/SECRET_OF_OURS")
    new(gateway, boss, "claude", status=400)  # for all: the team may not be allowed that one
    role = {"model": HAIKU, "aws_role_name": "arn:aws:iam::123456789012:role/r", "aws_region_name": "us-east-1"}
    new(gateway, KEY, "by-admin", params=role, id="by-admin")
    post(gateway, "/model/update", 403, boss, litellm_params={"model": "bedrock/amazon.nova-pro-v1:0"}, model_info={"id": "by-admin"})
    post(gateway, "/model/delete", by=boss, id="by-admin")


def test_an_api_key_of_the_gateway_is_not_used(gateway, people):
    made = new(gateway, people["boss"], "static", id="static")
    stored = gateway.db.query("SELECT litellm_params FROM \"LiteLLM_ProxyModelTable\" WHERE model_id = 'static'")[0][0]
    assert '"api_key"' in stored and SECRET_ACCESS_KEY not in stored + str(made)
    post(gateway, "/model/delete", id="static")


def test_the_teams_list_of_models(gateway, people):
    post(gateway, "/team/new", team_id="listed", models=["nova"])
    for model_id, team, listed in ("l-1", "listed", ["nova", "extra"]), ("l-2", "listed", ["nova", "extra"]), ("l-3", "ours", []):
        new(gateway, KEY, "extra", team=team, id=model_id)
        assert team_models(gateway, team) == listed
    key = generate(gateway, team_id="listed")["key"]
    narrow = generate(gateway, team_id="listed", models=["nova"])["key"]
    wait_for(lambda: chat(gateway, key, "extra").status_code == 200, 20, "the team's new list")
    assert chat(gateway, narrow, "extra").json()["error"]["type"] == "key_model_access_denied"
    assert chat(gateway, key, "claude").status_code == 403 and names(gateway, key).count("extra") == 1
    served = lambda: chat(gateway, key, "extra").headers["x-litellm-model-id"]  # noqa: E731
    seen = set()
    wait_for(lambda: seen.add(served()) or seen == {"l-1", "l-2"}, 20, "both deployments")
    post(gateway, "/model/delete", id="l-1")
    assert team_models(gateway, "listed") == ["nova", "extra"]  # the other one has that name
    post(gateway, "/team/model/delete", team_id="listed", models=["nova"])
    post(gateway, "/model/delete", id="l-2")
    assert team_models(gateway, "listed") == ["no-default-models"]  # none at all would be all
    wait_for(lambda: chat(gateway, key, "claude").status_code == chat(gateway, key, "nova").status_code == 403, 20, "no models")


def test_a_name_for_all_and_one_of_the_team(gateway):
    post(gateway, "/team/new", team_id="same")
    new(gateway, KEY, "claude", team="same", id="own-claude")
    key = generate(gateway, team_id="same")["key"]
    assert chat(gateway, key, "claude").headers["x-litellm-model-id"] == "own-claude"
    assert chat(gateway, generate(gateway)["key"], "claude").headers["x-litellm-model-id"] != "own-claude"
    assert names(gateway, key).count("claude") == 1
    # the team goes, and what it had
    post(gateway, "/team/delete", team_ids=["same"])
    assert gateway.db.query("SELECT COUNT(*) FROM \"LiteLLM_ProxyModelTable\" WHERE model_id = 'own-claude'")[0][0] in (0, "0")
    wait_for(lambda: not any(n.startswith("model_name_same_") for n in names(gateway, KEY)), 20, "the end of the team's model")
    assert gateway.db.query("SELECT action FROM \"LiteLLM_AuditLog\" WHERE object_id = 'own-claude' ORDER BY updated_at")[-1][0] == "deleted"
