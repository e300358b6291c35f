"""Management: users, teams and their members, budgets, customers, organizations, tags; the same over
SQLite, PostgreSQL and MariaDB, with one gateway for each."""

import concurrent.futures
import contextlib
import json

import httpx
import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for

pytestmark = pytest.mark.timeout(120)


class Admin:
    """A gateway, asked by the holder of the master key."""

    def __init__(self, gateway, database):
        self.gateway, self.database = gateway, database
        self.base = gateway.base_url.removesuffix("/v1")
        self.http = httpx.Client(base_url=self.base, headers={"Authorization": f"Bearer {KEY}"}, timeout=20)

    def ask(self, method, path, body=None, **params):
        return self.http.request(method, path, json=body, params=params)

    def post(self, path, status=200, **body):
        answer = self.ask("POST", path, body)
        assert answer.status_code == status, answer.text
        return answer.json()

    def get(self, path, status=200, **params):
        answer = self.ask("GET", path, **params)
        assert answer.status_code == status, answer.text
        return answer.json()

    def rows(self, table, column, value):
        return int(self.database.query(f"""SELECT COUNT(*) FROM "LiteLLM_{table}" WHERE "{column}" = '{value}'""")[0][0])


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("admin")
    return server


@contextlib.contextmanager
def administered(gateway, database):
    """An Admin of that gateway, once it has its database."""
    admin = Admin(gateway, database)
    wait_for(lambda: admin.ask("GET", "/budget/list").status_code == 200, 30, "the database")
    yield admin
    admin.http.close()


@pytest.fixture(scope="module")
def admin(launch, simulator, database, tmp_path_factory):
    settings = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    with administered(launch(configuration(simulator.url, general_settings=settings)), database) as admin:
        yield admin


def same(part, whole):
    assert {name: whole.get(name) for name in part} == part


# ---- budgets ---------------------------------------------------------------------------------------


def test_a_budget_lives(admin):
    given = {"budget_id": "b-1", "max_budget": 7.5, "rpm_limit": 3, "model_max_budget": {"claude": {"max_budget": 1}}}
    made = admin.post("/budget/new", **given, budget_duration="30d")
    same(given, made)
    assert made["budget_reset_at"][8:19] == "01T00:00:00" and made["created_by"] == "default_user_id"
    assert admin.post("/budget/info", budgets=["b-1", "nobody's"]) == [made]
    assert made in admin.get("/budget/list")
    changed = admin.post("/budget/update", budget_id="b-1", max_budget=9, rpm_limit=None)
    same({"max_budget": 9, "rpm_limit": None, "budget_duration": "30d"}, changed)
    values = {s["field_name"]: s["field_value"] for s in admin.get("/budget/settings", budget_id="b-1")}
    same({"max_budget": 9, "budget_duration": "30d", "tpm_limit": None}, values)
    same({"budget_id": "b-1"}, admin.post("/budget/delete", id="b-1"))
    assert admin.post("/budget/info", budgets=["b-1"]) == []


def test_what_budgets_refuse(admin):
    admin.post("/budget/new", budget_id="b-2")
    assert "already exists" in admin.post("/budget/new", 400, budget_id="b-2")["detail"]["error"]
    admin.post("/budget/new", 400, budget_id="b-3", max_budget=-1)
    admin.post("/budget/new", 400, budget_id="b-3", budget_duration="soon")
    assert admin.post("/budget/update", 400, max_budget=1)["detail"]["error"] == "budget_id is required"
    for path, body in (("/budget/update", {"budget_id": "b-4"}), ("/budget/delete", {"id": "b-4"})):
        admin.post(path, 404, **body)
    admin.post("/budget/info", 400, budgets=[])
    admin.get("/budget/settings", 422)


# ---- customers, tags -------------------------------------------------------------------------------


@pytest.mark.parametrize("base", ["/customer", "/end_user"])
def test_a_customer_lives(admin, base):
    who = f"cust-{base[1:]}"
    made = admin.post(f"{base}/new", user_id=who, alias="A", max_budget=1e-7)
    same({"user_id": who, "alias": "A", "blocked": False, "spend": 0, "models": []}, made)
    same({"max_budget": 1e-7, "allowed_models": []}, made["litellm_budget_table"])
    assert admin.get(f"{base}/info", end_user_id=who) == made
    changed = admin.post(f"{base}/update", user_id=who, max_budget=3, default_model="claude")
    assert changed["budget_id"] == made["budget_id"] and changed["litellm_budget_table"]["max_budget"] == 3
    assert changed in admin.get(f"{base}/list")
    refused = admin.post(f"{base}/new", 400, user_id=who)["error"]
    same({"type": "bad_request", "param": "user_id"}, refused)
    assert [c["blocked"] for c in admin.post(f"{base}/block", user_ids=[who, "new one"])["blocked_users"]] == [True] * 2
    assert [c["blocked"] for c in admin.post(f"{base}/unblock", user_ids=[who])["blocked_users"]] == [False]
    missing = admin.post(f"{base}/delete", 404, user_ids=[who, "nobody"])["error"]
    same({"type": "not_found", "param": "user_ids"}, missing)
    assert admin.post(f"{base}/delete", user_ids=[who]) == {
        "deleted_customers": 1,
        "message": f"Successfully deleted customers with ids: ['{who}']",
    }
    same({"type": "not_found", "param": "end_user_id"}, admin.get(f"{base}/info", 404, end_user_id=who)["error"])
    same({"type": "not_found"}, admin.post(f"{base}/update", 404, user_id=who)["error"])


def test_a_customer_with_a_budget_that_is_shared(admin):
    admin.post("/budget/new", budget_id="b-shared", max_budget=2)
    made = admin.post("/customer/new", user_id="cust-shared", budget_id="b-shared")
    assert made["litellm_budget_table"]["max_budget"] == 2


def test_a_tag_lives(admin):
    made = admin.post("/tag/new", name="t", description="d", models=["claude"], max_budget=4)
    assert made["message"] == "Tag t created successfully"
    same({"name": "t", "description": "d", "models": ["claude"]}, made["tag"])
    assert made["tag"]["litellm_budget_table"]["max_budget"] == 4
    assert admin.post("/tag/new", 400, name="t")["detail"] == "Tag t already exists"
    changed = admin.post("/tag/update", name="t", description="e", max_budget=5)["tag"]
    same({"description": "e", "models": ["claude"]}, changed)
    assert admin.post("/tag/info", names=["t"])["t"]["litellm_budget_table"]["max_budget"] == 5
    assert "t" in [t["name"] for t in admin.get("/tag/list")]
    assert admin.post("/tag/delete", name="t") == {"message": "Tag t deleted successfully"}
    for path, body in (("/tag/info", {"names": ["t"]}), ("/tag/update", {"name": "t"}), ("/tag/delete", {"name": "t"})):
        assert admin.post(path, 404, **body)["detail"] == "Tag t not found"


# ---- users -----------------------------------------------------------------------------------------


def test_a_user_lives(admin):
    given = {"user_id": "u-1", "user_email": "a@example.com", "user_role": "internal_user", "max_budget": 5, "models": ["claude"]}
    made = admin.post("/user/new", **given, metadata={"m": 1}, tpm_limit=1000, key_alias="of u-1")
    same(given | {"metadata": {"m": 1}, "key_alias": "of u-1", "teams": None}, made)
    assert made["key"].startswith("sk-")
    chat = {"model": "claude", "messages": [{"role": "user", "content": "hi"}]}
    headers = {"Authorization": f"Bearer {made['key']}"}
    assert httpx.post(f"{admin.base}/v1/chat/completions", json=chat, headers=headers, timeout=20).status_code == 200
    info = admin.get("/user/info", user_id="u-1")
    same(given, info["user_info"])
    assert [k["key_alias"] for k in info["keys"]] == ["of u-1"] and "password" not in info["user_info"]
    same({"user_id": "u-1", "teams": []}, admin.get("/v2/user/info", user_id="u-1"))
    changed = admin.post("/user/update", user_id="u-1", max_budget=6, model_rpm_limit={"claude": 1})["data"]
    same({"max_budget": 6, "user_email": "a@example.com", "metadata": {"m": 1, "model_rpm_limit": {"claude": 1}}}, changed)
    same({"max_budget": None}, admin.post("/user/update", user_email="a@example.com", max_budget=None)["data"])
    page = admin.get("/user/list", user_ids="u-1,nobody")
    same({"total": 1, "page": 1, "page_size": 25, "total_pages": 1}, page)
    same({"user_id": "u-1", "key_count": 1}, page["users"][0])
    assert admin.get("/user/list", user_email="EXAMPLE", role="internal_user")["total"] == 1
    assert [u["user_id"] for u in admin.get("/user/filter/ui", user_email="a@")] == ["u-1"]
    refused = admin.post("/user/new", 409, user_id="u-1")["error"]
    same({"type": "internal_server_error", "code": "409"}, refused)
    admin.post("/user/new", 409, user_email="a@example.com")
    assert admin.post("/user/delete", user_ids=["u-1"]) == 1
    assert admin.rows("VerificationToken", "user_id", "u-1") == 0
    assert admin.rows("DeletedVerificationToken", "user_id", "u-1") == 1
    same({"type": "internal_server_error"}, admin.get("/user/info", 404, user_id="u-1")["error"])
    refused = httpx.post(f"{admin.base}/v1/chat/completions", json=chat, headers=headers, timeout=20)
    assert refused.status_code == 401


def test_users_without_a_key_and_with_a_wrong_role(admin):
    made = admin.post("/user/new", auto_create_key=False)
    assert made["key"] == "" and admin.rows("VerificationToken", "user_id", made["user_id"]) == 0
    for wrong in ({"user_role": "emperor"}, {"models": "claude"}, {"max_budget": -1}, {"duration": "soon"}):
        admin.post("/user/new", 400, user_id="u-wrong", **wrong)
    assert admin.rows("UserTable", "user_id", "u-wrong") == 0
    assert set(admin.get("/user/available_roles")) >= {"proxy_admin", "internal_user_viewer"}


def test_many_users_at_once(admin):
    for i in range(3):
        admin.post("/user/new", user_id=f"many-{i}", auto_create_key=False)
    users = [{"user_id": "many-0", "max_budget": 1}, {"user_id": "nobody"}, {"user_id": "many-1", "models": 5}, {}]
    done = admin.post("/user/bulk_update", users=users)
    assert [r["success"] for r in done["results"]] == [True, False, False, False]
    same({"total_requested": 4, "successful_updates": 1, "failed_updates": 3}, done)
    assert done["results"][0]["updated_user"]["max_budget"] == 1 and "models" in done["results"][2]["error"]
    first, second = (admin.get("/user/list", page=p, page_size=2, sort_by="user_id") for p in (1, 2))
    assert first["total_pages"] == -(-first["total"] // 2) and len(first["users"]) == 2
    names = [u["user_id"] for u in first["users"] + second["users"]]
    assert names == sorted(names) and len(set(names)) == 4
    admin.get("/user/list", 400, page_size=1000)


# ---- teams -----------------------------------------------------------------------------------------


def members(team):
    return [(m["user_id"], m["role"]) for m in team["members_with_roles"]]


def test_a_team_lives(admin):
    given = {"team_id": "t-1", "team_alias": "core", "models": ["claude"], "max_budget": 100, "tpm_limit": 1000}
    made = admin.post("/team/new", **given, metadata={"m": 1}, tags=["x"])
    same(given | {"metadata": {"m": 1, "tags": ["x"]}, "blocked": False, "spend": 0}, made)
    assert members(made) == [("default_user_id", "admin")]
    key = admin.post("/key/generate", team_id="t-1")
    info = admin.get("/team/info", team_id="t-1")
    same(given, info["team_info"])
    assert [k["token"] for k in info["keys"]] == [key["token"]]
    assert [m["user_id"] for m in info["team_memberships"]] == ["default_user_id"]
    changed = admin.post("/team/update", team_id="t-1", models=["claude", "nova"], metadata={"n": 2})
    assert changed["team_id"] == "t-1"
    same({"models": ["claude", "nova"], "metadata": {"n": 2}, "max_budget": 100}, changed["data"])
    assert admin.post("/team/model/add", team_id="t-1", models=["x", "claude"])["models"] == ["nova", "x", "claude"]
    assert admin.post("/team/model/delete", team_id="t-1", models=["x", "claude"])["models"] == ["nova"]
    assert admin.post("/team/model/delete", team_id="t-1", models=["nova"])["models"] == ["no-default-models"]  # not [], which is all
    admin.post("/team/update", team_id="t-1", models=[])
    assert admin.post("/team/model/delete", team_id="t-1", models=["nova"])["models"] == []
    assert admin.post("/team/model/add", team_id="t-1", models=["nova"])["models"] == ["all-proxy-models", "nova"]
    assert admin.post("/team/block", team_id="t-1")["blocked"] is True
    assert admin.post("/team/unblock", team_id="t-1")["blocked"] is False
    allowed = admin.post("/team/permissions_update", team_id="t-1", team_member_permissions=["/key/info"])
    assert allowed["team_member_permissions"] == ["/key/info"]
    listed = admin.get("/team/permissions_list", team_id="t-1")
    assert listed["team_member_permissions"] == ["/key/info"] and "/key/update" in listed["all_available_permissions"]
    team = next(t for t in admin.get("/team/list") if t["team_id"] == "t-1")
    assert len(team["keys"]) == len(team["team_memberships"]) == 1
    page = admin.get("/v2/team/list", team_alias="COR", user_id="default_user_id")
    same({"total": 1, "page": 1, "page_size": 10}, page)
    assert admin.get("/v2/team/list", user_id="nobody")["total"] == 0
    assert admin.get("/team/available") == []
    same({"type": "internal_server_error"}, admin.post("/team/new", 400, team_id="t-1")["error"])
    assert admin.post("/team/delete", team_ids=["t-1"]) == {"deleted_teams": ["t-1"]}
    same({"type": "auth_error", "param": "None"}, admin.get("/team/info", 404, team_id="t-1")["error"])
    for table in ("VerificationToken", "TeamMembership"):
        assert admin.rows(table, "team_id", "t-1") == 0
    assert admin.rows("DeletedTeamTable", "team_id", "t-1") == 1
    assert "t-1" not in admin.get("/v2/user/info", user_id="default_user_id")["teams"]
    for path in ("/team/update", "/team/block", "/team/permissions_update"):
        admin.post(path, 404, team_id="t-1", team_member_permissions=[])
    admin.post("/team/delete", 404, team_ids=["t-1"])


def test_a_team_calls_models_by_names_of_its_own(admin):
    admin.post("/team/new", team_id="t-alias", models=["claude"], model_aliases={"ours": "claude"})
    key = admin.post("/key/generate", team_id="t-alias")["key"]

    def chat(model):
        body = {"model": model, "messages": [{"role": "user", "content": "hi"}]}
        headers = {"Authorization": f"Bearer {key}"}
        return httpx.post(f"{admin.base}/v1/chat/completions", json=body, headers=headers, timeout=20).status_code

    assert chat("ours") == 200 and chat("theirs") != 200
    assert admin.get("/team/info", team_id="t-alias")["team_info"]["litellm_model_table"]["model_aliases"] == {"ours": "claude"}
    admin.post("/team/update", team_id="t-alias", model_aliases={"theirs": "claude"})
    wait_for(lambda: chat("theirs") == 200, 10, "the new alias")
    admin.post("/team/update", 400, team_id="t-alias", model_aliases=["x"])


def test_members_come_and_go(admin):
    admin.post("/team/new", team_id="t-2", team_member_budget=10, team_member_budget_duration="1d")
    admin.post("/user/new", user_id="known", user_email="known@example.com", auto_create_key=False)
    added = admin.post("/team/member_add", team_id="t-2", member={"role": "user", "user_email": "known@example.com"})
    assert ("known", "user") in members(added)
    same({"user_id": "known", "teams": ["t-2"]}, added["updated_users"][0])
    assert added["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"] == 10
    new = admin.post("/team/member_add", team_id="t-2", max_budget_in_team=1, member=[{"role": "admin", "user_id": "new"}])
    assert new["updated_users"][0]["user_role"] == "internal_user"
    assert new["updated_team_memberships"][0]["litellm_budget_table"]["max_budget"] == 1
    twice = admin.post("/team/member_add", 400, team_id="t-2", member={"user_id": "new"})["error"]
    assert twice["type"] == "team_member_already_in_team"
    changed = admin.post("/team/member_update", team_id="t-2", user_id="known", max_budget_in_team=3, role="admin")
    same({"user_id": "known", "team_id": "t-2", "max_budget_in_team": 3, "tpm_limit": None}, changed)
    info = admin.get("/team/info", team_id="t-2")
    assert ("known", "admin") in members(info["team_info"])
    budgets = {m["user_id"]: m["litellm_budget_table"]["max_budget"] for m in info["team_memberships"]}
    assert budgets == {"default_user_id": 10, "known": 3, "new": 1}
    admin.post("/key/generate", team_id="t-2", user_id="known")
    left = admin.post("/team/member_delete", team_id="t-2", user_email="known@example.com")
    assert members(left) == [("default_user_id", "admin"), ("new", "admin")]
    assert admin.get("/v2/user/info", user_id="known")["teams"] == []
    assert admin.rows("TeamMembership", "user_id", "known") == admin.rows("VerificationToken", "user_id", "known") == 0
    for path in ("/team/member_update", "/team/member_delete"):
        assert "not found in team" in admin.post(path, 400, team_id="t-2", user_id="known")["error"]["message"]
        admin.post(path, 404, team_id="t-none", user_id="known")
    admin.post("/team/member_add", 400, team_id="t-2", member={"role": "user"})


def test_members_in_bulk_and_users_that_name_their_teams(admin):
    for team in ("t-3", "t-4"):
        admin.post("/team/new", team_id=team)
    done = admin.post("/team/bulk_member_add", team_id="t-3", members=[{"user_id": f"bulk-{i}"} for i in range(3)])
    same({"total_requested": 3, "successful_additions": 3, "failed_additions": 0}, done)
    assert len(done["updated_team"]["members_with_roles"]) == 4
    made = admin.post("/user/new", user_id="joiner", teams=["t-3", "t-4"])
    assert made["teams"] == ["t-3", "t-4"]
    for team in ("t-3", "t-4"):
        assert ("joiner", "user") in members(admin.get("/team/info", team_id=team)["team_info"])
    admin.post("/user/new", 404, user_id="lost", teams=["t-none"])
    assert admin.post("/user/delete", user_ids=["joiner", "bulk-0"]) == 2
    left = members(admin.get("/team/info", team_id="t-3")["team_info"])
    assert [m[0] for m in left] == ["default_user_id", "bulk-1", "bulk-2"]


def test_many_change_a_team_at_once(admin):
    admin.post("/team/new", team_id="t-5")
    with concurrent.futures.ThreadPoolExecutor(6) as pool:
        bodies = [{"team_id": "t-5", "member": {"role": "user", "user_id": f"racer-{i}"}} for i in range(12)]
        answers = list(pool.map(lambda b: admin.ask("POST", "/team/member_add", b), bodies))
    assert {a.status_code for a in answers} == {200}, [a.text for a in answers]
    now = admin.get("/team/info", team_id="t-5")
    assert len(members(now["team_info"])) == len(now["team_memberships"]) == 13


# ---- organizations ---------------------------------------------------------------------------------


def test_an_organization_lives(admin):
    given = {"organization_id": "o-1", "organization_alias": "all of us", "models": ["claude"]}
    made = admin.post("/organization/new", **given, max_budget=50, metadata={"m": 1})
    same(given | {"metadata": {"m": 1}, "spend": 0, "created_by": "default_user_id"}, made)
    assert made["litellm_budget_table"]["max_budget"] == 50
    admin.post("/organization/new", 400, **given)
    admin.post("/organization/new", 400, organization_id="o-2")
    changed = admin.ask("PATCH", "/organization/update", {"organization_id": "o-1", "models": [], "max_budget": 60}).json()
    assert changed["models"] == [] and changed["organization_alias"] == "all of us"
    assert changed["budget_id"] == made["budget_id"] and changed["litellm_budget_table"]["max_budget"] == 60
    admin.post("/team/new", team_id="t-o", organization_id="o-1")
    key = admin.post("/key/generate", team_id="t-o")["token"]
    member = {"role": "internal_user", "user_id": "o-member"}
    added = admin.post("/organization/member_add", organization_id="o-1", member=member, max_budget_in_organization=4)
    assert [u["user_id"] for u in added["updated_users"]] == ["o-member"]
    same({"user_role": "internal_user"}, added["updated_organization_memberships"][0])
    admin.post("/organization/member_add", 400, organization_id="o-1", member=member)
    admin.post("/organization/member_add", 400, organization_id="o-1", member={"user_id": "x", "role": "emperor"})
    admin.post("/organization/member_add", 404, organization_id="o-none", member=member)
    one = {"organization_id": "o-1", "user_id": "o-member"}
    now = admin.ask("PATCH", "/organization/member_update", {**one, "role": "org_admin", "max_budget_in_organization": 5})
    same({"user_role": "org_admin"}, now.json())
    assert now.json()["litellm_budget_table"]["max_budget"] == 5
    info = admin.get("/organization/info", organization_id="o-1")
    assert [m["user_id"] for m in info["members"]] == ["o-member"] and [t["team_id"] for t in info["teams"]] == ["t-o"]
    assert info in admin.get("/organization/list", org_alias="OF US")
    assert [o["organization_id"] for o in admin.post("/organization/info", organizations=["o-1", "o-none"])] == ["o-1"]
    assert len(admin.get("/user/info", user_id="o-member")["user_info"]["organization_memberships"]) == 1
    assert admin.ask("DELETE", "/organization/member_delete", one).status_code == 200
    assert admin.ask("DELETE", "/organization/member_delete", one).status_code == 404
    gone = admin.ask("DELETE", "/organization/delete", {"organization_ids": ["o-1"]})
    assert [o["organization_id"] for o in gone.json()] == ["o-1"]
    for table, column, value in (("TeamTable", "team_id", "t-o"), ("VerificationToken", "token", key)):
        assert admin.rows(table, column, value) == 0 and admin.rows(f"Deleted{table}", column, value) == 1
    admin.get("/organization/info", 404, organization_id="o-1")
    assert admin.ask("DELETE", "/organization/delete", {"organization_ids": ["o-1"]}).status_code == 404


# ---- what all of them have in common ---------------------------------------------------------------


def test_who_may_not(admin):
    key = admin.post("/key/generate")["key"]
    for path in ("/user/new", "/team/new", "/budget/new", "/customer/new", "/tag/new", "/team/member_add"):
        answer = httpx.post(admin.base + path, json={}, headers={"Authorization": f"Bearer {key}"}, timeout=20)
        assert (answer.status_code, answer.json()["error"]["type"]) == (401, "auth_error"), path


@pytest.mark.parametrize(
    ("path", "member"),
    [
        ("/team/update", "team_id"),
        ("/team/member_add", "team_id"),
        ("/team/delete", "team_ids"),
        ("/user/update", "user_id"),
        ("/user/delete", "user_ids"),
        ("/customer/new", "user_id"),
        ("/customer/block", "user_ids"),
        ("/tag/new", "name"),
        ("/budget/delete", "id"),
    ],
)
def test_what_must_be_there(admin, path, member):
    assert member in admin.post(path, 400)["error"]["message"]
    assert admin.ask("POST", path, []).status_code == 422
    for wrong in (5, {}, [], [5], ["x"] * 301, ""):
        assert admin.ask("POST", path, {member: wrong}).status_code == 400, json.dumps(wrong)[:40]
