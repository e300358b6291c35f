"""Who changed what of keys, teams, users and models: rows of LiteLLM_AuditLog, and audit_log_callbacks."""

import hashlib
import json

import httpx
import pytest
from conftest import KEY, configuration
from destination import destination
from programs import wait_for
from test_admin import administered

pytestmark = pytest.mark.timeout(120)

MEMBERS = {"id", "updated_at", "changed_by", "changed_by_api_key", "action", "table_name", "object_id", "before_value", "updated_values"}


@pytest.fixture(scope="module")
def place():
    with destination() as d:
        yield d


@pytest.fixture(scope="module")
def admin(launch, simulator, place, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("audit")
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data")), "store_model_in_db": True}
    settings = {"store_audit_logs": True, "audit_log_callbacks": [{"webhook": {"event_types": ["llm_api_failure"]}}, "s3", "lunary"]}
    settings["s3_callback_params"] = {
        "s3_bucket_name": "b", "s3_region_name": "eu-west-1", "s3_path": "logs", "s3_endpoint_url": place.url + "/s3",
        "s3_aws_access_key_id": "AKIDEXAMPLE", "s3_aws_secret_access_key": "secret"}
    config = configuration(simulator.url, general_settings=general, litellm_settings=settings)
    env = {"WEBHOOK_URL": place.url + "/hook", "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1", "LITELLM_SALT_KEY": "sk-salt"}
    with administered(launch(config, env=env), database) as admin:
        yield admin


def rows(admin, object_id):
    """(action, table, before, after), in order, and the whole of the rows."""
    found = admin.database.query(
        "SELECT action, table_name, before_value, updated_values, changed_by, changed_by_api_key FROM \"LiteLLM_AuditLog\""
        f" WHERE object_id = '{object_id}' ORDER BY updated_at, action")
    return [(a, t.removeprefix("LiteLLM_"), json.loads(b) if b else None, json.loads(n), who, key) for a, t, b, n, who, key in found]


def told(place, object_id, count):
    def events():
        return [e for r in place.at("/hook") for e in r.json() if e["object_id"] == object_id]

    return wait_for(lambda: events() if len(events()) >= count else None, 20, f"the webhook of {object_id}")


def test_a_team(admin, place):
    secret = {"callback_name": "langfuse", "callback_type": "success", "callback_vars": {"langfuse_secret_key": "sk-lf-hidden"}}
    admin.post("/team/new", team_id="t", team_alias="old", max_budget=5, metadata={"logging": [secret]})
    headers = {"litellm-changed-by": "ada"}
    assert admin.http.post("/team/update", json={"team_id": "t", "team_alias": "new"}, headers=headers).status_code == 200
    admin.post("/team/block", team_id="t")
    admin.post("/team/t/callback", callback_name="webhook", callback_vars={"webhook_url": "https://hooks.test/hidden"})
    admin.post("/team/update", 400, team_id="t", max_budget=-1)  # nothing came of it
    admin.post("/team/delete", team_ids=["t"])
    found = rows(admin, "t")
    assert sorted(r[0] for r in found) == ["blocked", "created", "deleted", "updated", "updated"]
    by_action = {r[0]: r for r in found}
    assert {r[1] for r in found} == {"TeamTable"} and {r[5] for r in found} == {"litellm_proxy_master_key"}
    _, _, before, after, who, _ = by_action["created"]
    assert before is None and after["team_alias"] == "old" and after["max_budget"] == 5 and who == "default_user_id"
    renamed = next(r for r in found if "team_alias" in r[3] and r[2])
    assert (renamed[2]["team_alias"], renamed[3]["team_alias"], renamed[4]) == ("old", "new", "ada")
    assert by_action["blocked"][3]["blocked"] is True and by_action["blocked"][2]["team_alias"] == "new"
    assert by_action["deleted"][2]["team_alias"] == "new" and by_action["deleted"][3] == {}
    events = told(place, "t", 5)
    assert all(set(e) == MEMBERS for e in events)
    assert sorted(e["action"] for e in events) == sorted(r[0] for r in found)
    assert json.loads(next(e for e in events if e["action"] == "created")["updated_values"]) == after
    objects = wait_for(lambda: [r for r in place.received if r.path.startswith("/s3/b/logs/audit_logs/") and b'"t"' in r.body], 20, "the bucket")
    assert objects[0].json()["table_name"] == "LiteLLM_TeamTable"
    for text in (str(found), json.dumps(events), str([r.body for r in place.received])):
        assert "hidden" not in text and "litellm_enc" not in text


def test_a_key(admin, place):
    made = admin.post("/key/generate", key_alias="k", max_budget=1)
    key, hashed = made["key"], made["token"]
    admin.post("/key/update", key=key, max_budget=2)
    admin.post("/key/bulk_update", keys=[{"key": key, "max_budget": 3}])
    admin.post(f"/key/{hashed}/reset_spend", reset_to=0)
    renewed = admin.post("/key/regenerate", key=key)
    admin.post("/key/delete", keys=[renewed["key"]])
    found = rows(admin, hashed)
    assert sorted(r[0] for r in found) == ["created", "rotated", "updated", "updated", "updated"]
    assert [(r[2]["max_budget"], r[3]["max_budget"]) for r in found if r[0] == "updated" and "max_budget" in r[3]] in ([(1, 2), (2, 3)], [(2, 3), (1, 2)])
    gone = rows(admin, renewed["token"])
    assert [r[0] for r in gone] == ["deleted"] and gone[0][2]["key_alias"] == "k"
    told(place, hashed, 5)
    assert key not in str(found) + str(gone) and renewed["key"] not in str(gone)


def test_users_and_their_keys(admin, place):
    admin.post("/user/new", user_id="u", user_role="internal_user", password="sesame-open")
    admin.post("/user/update", user_id="u", user_alias="U", password="sesame-anew")
    own = admin.post("/key/generate", user_id="u")["key"]
    as_user = httpx.post(admin.base + "/key/generate", json={"key_alias": "mine"}, headers={"Authorization": f"Bearer {own}"}, timeout=20)
    assert as_user.status_code == 200, as_user.text
    by = rows(admin, as_user.json()["token"])[0]
    assert (by[4], by[5]) == ("u", hashlib.sha256(own.encode()).hexdigest())
    admin.post("/user/delete", user_ids=["u"])
    found = rows(admin, "u")
    assert sorted(r[0] for r in found) == ["created", "deleted", "updated"] and {r[1] for r in found} == {"UserTable"}
    assert sorted(r[0] for r in rows(admin, as_user.json()["token"])) == ["created", "deleted"]
    assert "sesame" not in str(found) and "scrypt" not in str(found)
    told(place, "u", 3)


def test_a_model(admin, place):
    params = {"model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "aws_region_name": "us-east-1"}
    params |= {"aws_access_key_id": "AKIDHIDDEN", "aws_secret_access_key": "secret-of-the-model"}
    made = admin.post("/model/new", model_name="m", litellm_params=params)
    model = made["model_id"]
    admin.post("/model/update", model_info={"id": model}, model_name="m-2")
    admin.post("/model/delete", id=model)
    admin.post("/model/delete", 400, id=model)
    found = rows(admin, model)
    assert sorted(r[0] for r in found) == ["created", "deleted", "updated"] and {r[1] for r in found} == {"ProxyModelTable"}
    changed = next(r for r in found if r[0] == "updated")
    assert (changed[2]["model_name"], changed[3]["model_name"]) == ("m", "m-2")
    assert changed[2]["litellm_params"]["aws_region_name"] == "us-east-1"
    assert "secret-of-the-model" not in str(found) + json.dumps(told(place, model, 3))


def test_what_may_not_be_told(admin):
    assert "audit_log_callbacks: lunary is not used" in admin.gateway.log() and KEY not in admin.gateway.log()
