"""Who changed what of keys, teams, users, models, …: rows of LiteLLM_AuditLog, and audit_log_callbacks."""

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


def actions(found, table):
    assert {r[1] for r in found} == {table}
    return [r[0] for r in found]


def changed(found, name):
    """(before, after) of each change of a member."""
    return [(r[2].get(name), r[3][name]) for r in found if r[2] and name in r[3]]


def test_a_budget(admin, place):
    admin.post("/budget/new", budget_id="b", max_budget=1)
    admin.post("/budget/update", budget_id="b", max_budget=2)
    admin.post("/budget/update", 404, budget_id="b-none", max_budget=2)
    admin.post("/budget/delete", id="b")
    admin.post("/budget/delete", 404, id="b")
    found = rows(admin, "b")
    assert sorted(actions(found, "BudgetTable")) == ["created", "deleted", "updated"]
    assert changed(found, "max_budget") == [(1, 2)] and not rows(admin, "b-none")
    told(place, "b", 3)


def test_a_customer_and_its_budget(admin, place):
    admin.post("/customer/new", user_id="c", alias="C", max_budget=3)
    budget = admin.database.query("SELECT budget_id FROM \"LiteLLM_EndUserTable\" WHERE user_id = 'c'")[0][0]
    admin.post("/customer/update", user_id="c", alias="D", max_budget=4)
    admin.post("/customer/block", user_ids=["c", "c-new"])
    admin.post("/customer/unblock", user_ids=["c"])
    admin.post("/customer/delete", user_ids=["c", "c-new"])
    found = rows(admin, "c")
    assert sorted(actions(found, "EndUserTable")) == ["blocked", "created", "deleted", "updated", "updated"]
    assert changed(found, "alias") == [("C", "D")]
    assert sorted(actions(rows(admin, "c-new"), "EndUserTable")) == ["created", "deleted"]
    of_budget = rows(admin, budget)
    assert sorted(actions(of_budget, "BudgetTable")) == ["created", "updated"] and changed(of_budget, "max_budget") == [(3, 4)]
    told(place, "c", 5)


def test_an_organization_and_its_members(admin, place):
    made = admin.post("/organization/new", organization_id="o", organization_alias="old", max_budget=5)
    answer = admin.ask("PATCH", "/organization/update", {"organization_id": "o", "organization_alias": "new", "max_budget": 6})
    assert answer.status_code == 200, answer.text
    admin.post("/organization/member_add", organization_id="o", member={"user_id": "om", "role": "internal_user"}, max_budget_in_organization=1)
    change = {"organization_id": "o", "user_id": "om", "role": "org_admin", "max_budget_in_organization": 2}
    assert admin.ask("PATCH", "/organization/member_update", change).status_code == 200
    assert admin.ask("DELETE", "/organization/member_delete", {"organization_id": "o", "user_id": "om"}).status_code == 200
    assert admin.ask("DELETE", "/organization/delete", {"organization_ids": ["o"]}).status_code == 200
    found = rows(admin, "o")
    assert sorted(actions(found, "OrganizationTable")) == ["created", "deleted", "updated"]
    assert changed(found, "organization_alias") == [("old", "new")]
    assert changed(rows(admin, made["budget_id"]), "max_budget") == [(5, 6)]
    member = rows(admin, "om/o")
    assert sorted(actions(member, "OrganizationMembership")) == ["created", "deleted", "updated"]
    assert changed(member, "user_role") == [("internal_user", "org_admin")]
    own = next(r[3]["budget_id"] for r in member if r[0] == "created")
    assert changed(rows(admin, own), "max_budget") == [(1, 2)]
    assert actions(rows(admin, "om"), "UserTable") == ["created"]
    told(place, "o", 3), told(place, "om/o", 3)


def test_a_tag(admin, place):
    admin.post("/tag/new", name="tag", description="old", max_budget=7)
    admin.post("/tag/update", name="tag", description="new", max_budget=8)
    admin.post("/tag/delete", name="tag")
    admin.post("/tag/delete", 404, name="tag")
    found = rows(admin, "tag")
    assert sorted(actions(found, "TagTable")) == ["created", "deleted", "updated"] and changed(found, "description") == [("old", "new")]
    assert changed(rows(admin, next(r[2]["budget_id"] for r in found if r[0] == "deleted")), "max_budget") == [(7, 8)]
    told(place, "tag", 3)


def test_budgets_of_members_and_keys(admin):
    admin.post("/team/new", team_id="bt", team_member_budget=1, members_with_roles=[{"user_id": "bm", "role": "user"}])
    admin.post("/team/update", team_id="bt", team_member_budget=2)
    common = admin.get("/team/info", team_id="bt")["team_info"]["metadata"]["team_member_budget_id"]
    assert changed(rows(admin, common), "max_budget") == [(1, 2)]
    admin.post("/team/member_update", team_id="bt", user_id="bm", max_budget_in_team=3)
    admin.post("/team/member_update", team_id="bt", user_id="bm", max_budget_in_team=4)
    own = admin.database.query("SELECT budget_id FROM \"LiteLLM_TeamMembership\" WHERE team_id = 'bt' AND user_id = 'bm'")[0][0]
    assert changed(rows(admin, own), "max_budget") == [(3, 4)] and own != common
    key = admin.post("/key/generate", soft_budget=5)["token"]
    soft = rows(admin, key)[0][3]["budget_id"]
    assert rows(admin, soft)[0][3]["soft_budget"] == 5


def test_credentials(admin, place):
    values = {"aws_region_name": "us-east-1", "aws_access_key_id": "AKIDHIDDEN2", "aws_secret_access_key": "secret-of-the-credential"}
    admin.post("/credentials", credential_name="cr", credential_values=values)
    admin.post("/credentials", 400, credential_name="cr", credential_values=values)
    assert admin.ask("PATCH", "/credentials/cr", {"credential_values": {"aws_region_name": "eu-west-1"}}).status_code == 200
    assert admin.ask("DELETE", "/credentials/cr").status_code == 200
    assert admin.ask("DELETE", "/credentials/cr").status_code == 404
    found = rows(admin, "cr")
    assert sorted(actions(found, "CredentialsTable")) == ["created", "deleted", "updated"]
    (before, after), = changed(found, "credential_values")
    assert (before["aws_region_name"], after["aws_region_name"]) == ("us-east-1", "eu-west-1")
    everything = str(found) + json.dumps(told(place, "cr", 3))
    assert "secret-of-the-credential" not in everything and "litellm_enc" not in everything and "REDACTED" in everything


def test_settings(admin, place):
    field = {"field_name": "cooldown_time", "config_type": "router_settings"}
    admin.post("/config/update", router_settings={"cooldown_time": 3, "allowed_fails": 2})
    admin.post("/config/update", 400, router_settings={"cooldown_time": "many"})  # nothing came of it
    headers = {"litellm-changed-by": "ada"}
    assert admin.http.post("/config/field/update", json={**field, "field_value": 5}, headers=headers).status_code == 200
    admin.post("/config/field/delete", **field)
    found = rows(admin, "router_settings")
    assert {r[1] for r in found} == {"Config"} and {r[5] for r in found} == {"litellm_proxy_master_key"}
    assert sorted(([r[0], r[2], r[3], r[4]] for r in found), key=str) == [
        ["created", None, {"cooldown_time": 3, "allowed_fails": 2}, "default_user_id"],
        ["updated", {"allowed_fails": 2, "cooldown_time": 5}, {"cooldown_time": None}, "default_user_id"],
        ["updated", {"cooldown_time": 3, "allowed_fails": 2}, {"cooldown_time": 5}, "ada"],
    ]
    told(place, "router_settings", 3)


def test_all_at_once(admin):
    admin.post("/global/spend/reset")
    assert sorted((r[0], r[1], r[2], r[3]["spend"]) for r in rows(admin, "*")) == [("updated", "TeamTable", {}, 0), ("updated", "VerificationToken", {}, 0)]


def test_secrets_of_settings(admin, place):
    """Also what lies deeper, in lists, and in URLs; each of them both as what was written and as what was there."""
    team = {"team_id": "t-1", "success_callback": ["langfuse"], "callback_vars": {"langfuse_secret_key": "planted-1", "langfuse_host": "https://caller:planted-2@lf.test/"}}
    settings = {"default_team_settings": [team], "generic_logger_headers": {"x-name": "planted-3"}, "turn_off_message_logging": False}
    for _ in "ab":
        admin.post("/config/update", litellm_settings=settings, router_settings={"redis_url": "redis://caller:planted-4@127.0.0.1:9/0", "alerting_config": {"webhook_url": "https://hooks.test/planted-5"}})
    found = rows(admin, "litellm_settings") + [r for r in rows(admin, "router_settings") if "redis_url" in r[3]]
    everything = str(found) + json.dumps(told(place, "litellm_settings", 2)) + str([r.body for r in place.received]) + json.dumps(admin.get("/audit", page_size=100))
    assert len(found) == 4 and "planted" not in everything
    shown = next(r for r in found if r[0] == "updated" and r[2] and "default_team_settings" in r[2])
    for values in shown[2], shown[3]:
        assert values["default_team_settings"][0]["team_id"] == "t-1" and values["turn_off_message_logging"] is False
        assert values["generic_logger_headers"] == "***REDACTED***"
    admin.post("/config/update", router_settings={"redis_url": None, "alerting_config": None}, litellm_settings=dict.fromkeys(settings))


def test_secrets_of_models_in_maps(admin):
    params = {"model": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", "extra_headers": {"x-name": "planted"}, "aws_region_name": "us-east-1"}
    model = admin.post("/model/new", model_name="deep", litellm_params=params)["model_id"]
    (made,) = rows(admin, model)
    assert "planted" not in str(made) and made[3]["litellm_params"]["aws_region_name"] == "us-east-1"
    admin.post("/model/delete", id=model)


def test_the_list(admin):
    for i in range(3):
        admin.post("/budget/new", budget_id=f"l-{i}", max_budget=i)
    key = admin.post("/key/generate")
    first = admin.get("/audit", table_name="LiteLLM_BudgetTable", page_size=2, sort_by="object_id", sort_order="asc")
    assert [r["object_id"] for r in first["audit_logs"]] == sorted(r["object_id"] for r in first["audit_logs"]) and first["page"] == 1
    assert first["page_size"] == len(first["audit_logs"]) == 2 and first["total_pages"] == (first["total"] + 1) // 2
    one, = admin.get("/audit", object_id="l-1")["audit_logs"]
    assert set(one) == MEMBERS and one["action"] == "created" and one["updated_values"]["max_budget"] == 1 and one["before_value"] is None
    assert admin.get(f"/audit/{one['id']}") == one
    assert admin.get("/audit/nobody's", 404) == {"detail": {"message": "Audit log with ID nobody's not found"}}
    assert [r["object_id"] for r in admin.get("/audit", object_key_hash=key["token"])["audit_logs"]] == [key["token"]]
    day, second = one["updated_at"][:10], one["updated_at"][:19].replace("T", " ")
    assert one in admin.get("/audit", object_id="l-1", start_date=day, end_date=day)["audit_logs"]
    assert one in admin.get("/audit", object_id="l-1", start_date=second, end_date=second)["audit_logs"]
    for none in {"end_date": "2020-01-01"}, {"start_date": "2100-01-01T00:00:00Z"}, {"action": "deleted"}, {"changed_by": "nobody"}, {"changed_by_api_key": "0"}:
        assert admin.get("/audit", object_id="l-1", **none)["total"] == 0, none
    for wrong in {"page": 0}, {"page_size": 101}, {"start_date": "soon"}, {"sort_by": "before_value"}, {"sort_by": "nothing"}, {"sort_order": "up"}:
        admin.get("/audit", 422, **wrong)


@pytest.mark.parametrize(("role", "status"), [("proxy_admin_viewer", 200), ("internal_user", 401), ("internal_user_viewer", 401)])
def test_whom_the_list_is_for(admin, role, status):
    made = admin.post("/user/new", user_id=f"r-{role}", user_role=role)
    for path in "/audit", "/audit/nobody's":
        answer = httpx.get(admin.base + path, headers={"Authorization": f"Bearer {made['key']}"}, timeout=20)
        assert answer.status_code == (404 if status == 200 and path != "/audit" else status), answer.text


def test_what_may_not_be_told(admin):
    assert "audit_log_callbacks: lunary is not used" in admin.gateway.log() and KEY not in admin.gateway.log()
