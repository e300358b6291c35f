"""Who manages what without being an admin of the proxy: admins and members of teams, admins of
organizations, users. tests/unit/gateway/test_roles.c has the rule of each route."""

import pytest
from conftest import KEY, configuration
from databases import KINDS, Sqlite
from programs import wait_for
from test_keys import ask as ask_once
from test_keys import generate


def ask(gateway, path, body=None, by=KEY, **params):
    answer = ask_once(gateway, path, body, by, **params)
    return answer.status_code, answer.json()


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("roles")
    return server


@pytest.fixture(scope="module")
def world(launch, simulator, database, tmp_path_factory):
    """Teams `of-org` in the organization `org`, and `alone`; a key of each user, in no team."""
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    litellm = {"disable_add_user_agent_to_request_tags": True}
    gateway = launch(configuration(simulator.url, general_settings=general, litellm_settings=litellm))
    wait_for(lambda: ask(gateway, "/key/generate", {})[0] == 200, 20, "the database")
    people = ["org-admin", "team-admin", "member", "else"]
    for user in people:
        assert ask(gateway, "/user/new", {"user_id": user, "user_role": "internal_user", "auto_create_key": False})[0] == 200
    for name in "org", "other":
        assert ask(gateway, "/organization/new", {"organization_id": name, "organization_alias": name})[0] == 200
    boss = {"organization_id": "org", "member": {"user_id": "org-admin", "role": "org_admin"}}
    assert ask(gateway, "/organization/member_add", boss)[0] == 200
    members = [{"user_id": "team-admin", "role": "admin"}, {"user_id": "member", "role": "user"}]
    assert ask(gateway, "/team/new", {"team_id": "alone", "members_with_roles": members, "max_budget": 5})[0] == 200
    assert ask(gateway, "/team/new", {"team_id": "of-org", "organization_id": "org"})[0] == 200
    return gateway, {user: generate(gateway, user_id=user)["key"] for user in people}


CALLS = [
    # path, body or query, who may; all others are refused with a 403
    ("GET", "/team/info", {"team_id": "alone"}, {"team-admin", "member"}),
    ("GET", "/team/info", {"team_id": "of-org"}, {"org-admin"}),
    ("GET", "/team/info", {"team_id": "nobody-s"}, set()),
    ("GET", "/team/permissions_list", {"team_id": "alone"}, {"team-admin", "member"}),
    ("POST", "/team/update", {"team_id": "alone", "team_alias": "still alone"}, {"team-admin"}),
    ("POST", "/team/update", {"team_id": "alone", "max_budget": 50}, set()),
    ("POST", "/team/update", {"team_id": "of-org", "max_budget": 50}, {"org-admin"}),
    ("POST", "/team/update", {"team_id": "of-org", "organization_id": "other"}, set()),
    ("POST", "/team/block", {"team_id": "alone"}, set()),
    ("POST", "/team/unblock", {"team_id": "of-org"}, {"org-admin"}),
    ("POST", "/team/model/add", {"team_id": "of-org", "models": ["claude"]}, {"org-admin"}),
    ("POST", "/team/delete", {"team_ids": ["of-org", "alone"]}, set()),
    ("POST", "/team/new", {"team_alias": "nobody's"}, set()),
    ("POST", "/team/new", {"team_alias": "other's", "organization_id": "other"}, set()),
    ("POST", "/team/new", {"team_id": "new", "organization_id": "org"}, {"org-admin"}),
    ("GET", "/organization/info", {"organization_id": "org"}, {"org-admin"}),
    ("GET", "/organization/info", {"organization_id": "other"}, set()),
    ("POST", "/organization/member_add", {"organization_id": "org", "member": {"user_id": "else", "role": "internal_user"}}, {"org-admin"}),
    ("POST", "/organization/member_add", {"organization_id": "other", "member": {"user_id": "else", "role": "org_admin"}}, set()),
    ("GET", "/user/info", {"user_id": "member"}, {"member"}),
    ("POST", "/key/generate", {"team_id": "alone"}, {"team-admin"}),
    ("POST", "/key/generate", {"team_id": "alone", "user_id": "member"}, {"team-admin"}),
    ("POST", "/key/generate", {"team_id": "of-org"}, {"org-admin"}),
    ("POST", "/key/generate", {"organization_id": "org"}, {"org-admin"}),
    ("POST", "/key/generate", {"organization_id": "other"}, set()),
    ("POST", "/user/new", {"user_alias": "nowhere"}, set()),
    ("POST", "/user/new", {"organizations": ["org", "other"]}, set()),
    ("POST", "/user/new", {"organizations": ["org"], "user_role": "proxy_admin"}, set()),
    ("POST", "/user/new", {"organizations": ["org"], "teams": ["alone"]}, set()),
    ("POST", "/user/new", {"organizations": ["org"], "teams": ["of-org"]}, {"org-admin"}),
]


@pytest.mark.parametrize("call", CALLS, ids=lambda call: f"{call[1]} {call[2]}")
def test_who_may(world, call):
    gateway, keys = world
    method, path, said, may = call
    for user in [u for u in keys if u not in may] + sorted(may):
        status, answer = ask(gateway, path, said, keys[user]) if method == "POST" else ask(gateway, path, None, keys[user], **said)
        assert status == (200 if user in may else 403), (user, answer)


def test_members_of_a_team(world):
    gateway, keys = world
    body = {"team_id": "alone", "member": {"user_id": "else", "role": "user"}}
    for user, status in ("member", 403), ("org-admin", 403), ("team-admin", 200):
        assert ask(gateway, "/team/member_add", body, keys[user])[0] == status
    changed = {"team_id": "alone", "user_id": "else", "max_budget_in_team": 1}
    assert [ask(gateway, "/team/member_update", changed, keys[u])[0] for u in ("else", "team-admin")] == [403, 200]
    gone = {"team_id": "alone", "user_id": "else"}
    assert [ask(gateway, "/team/member_delete", gone, keys[u])[0] for u in ("else", "team-admin")] == [403, 200]


def test_members_make_keys_where_their_team_lets_them(world):
    gateway, keys = world
    wanted = {"team_id": "alone", "key_alias": "by a member"}
    assert ask(gateway, "/key/generate", wanted, keys["member"])[0] == 403
    permissions = {"team_id": "alone", "team_member_permissions": ["/key/generate"]}
    assert [ask(gateway, "/team/permissions_update", permissions, keys[u])[0] for u in ("member", "team-admin")] == [403, 200]
    status, made = ask(gateway, "/key/generate", wanted, keys["member"])
    assert (status, made["user_id"], made["team_id"]) == (200, "member", "alone")
    assert ask(gateway, "/key/generate", {"team_id": "alone", "user_id": "else"}, keys["member"])[0] == 403


def test_keys_of_a_team(world):
    gateway, keys = world
    key = generate(gateway, team_id="alone", user_id="member", key_alias="the team's")["key"]
    admin, member, other = keys["team-admin"], keys["member"], keys["org-admin"]
    update = {"key": key, "max_budget": 2}
    assert [ask(gateway, "/key/update", update, by)[0] for by in (other, member, admin)] == [403, 403, 200]
    for fixed in {"team_id": "of-org"}, {"user_id": "team-admin"}, {"spend": 0}, {"budget_id": "b"}:
        assert ask(gateway, "/key/update", {"key": key, **fixed}, admin)[0] == 403
    loose = generate(gateway, user_id="member")["key"]
    for path, body in ("/v2/key/info", {"keys": [key]}), (f"/key/{key}/reset_spend", {"reset_to": 0}):
        assert [ask(gateway, path, body, by)[0] for by in (other, admin)] == [403, 200]
    assert [ask(gateway, "/key/info", None, by, key=key)[0] for by in (other, admin, member)] == [403, 200, 200]
    assert [ask(gateway, "/key/info", None, by, key=loose)[0] for by in (admin, member)] == [403, 200]
    assert ask(gateway, f"/key/{loose}/reset_spend", {"reset_to": 0}, member)[0] == 403
    for path in "/key/block", "/key/unblock":
        assert [ask(gateway, path, {"key": key}, by)[0] for by in (other, member, admin)] == [403, 403, 200]
    seen = ask(gateway, "/key/list", None, admin, team_id="alone", return_full_object=True)[1]["keys"]
    assert "member" in {k["user_id"] for k in seen} and {k["team_id"] for k in seen} == {"alone"}
    assert {k["user_id"] for k in ask(gateway, "/key/list", None, member, return_full_object=True)[1]["keys"]} == {"member"}
    assert [ask(gateway, "/key/delete", {"keys": [key]}, by)[0] for by in (other, admin)] == [403, 200]


def test_admins_of_an_organization_make_its_users(world):
    gateway, keys = world
    made = {"user_id": "of the org", "organizations": ["org"], "auto_create_key": False}
    assert ask(gateway, "/user/new", made, keys["org-admin"])[0] == 200
    members = ask(gateway, "/organization/info", None, keys["org-admin"], organization_id="org")[1]["members"]
    assert ("of the org", "internal_user") in [(m["user_id"], m["user_role"]) for m in members]
    assert ask(gateway, "/user/new", {**made, "user_id": "lost", "organizations": ["no such"]})[0] == 404


def test_tags_of_those_who_see_only_their_own(world):
    gateway, keys = world
    assert ask(gateway, "/tag/new", {"name": "hers", "description": "d"})[0] == 200
    assert ask(gateway, "/tag/new", {"name": "nobody's"})[0] == 200
    for user, tag in ("member", "hers"), ("member", "by the way"), ("else", "theirs"):
        body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "metadata": {"tags": [tag]}}
        assert ask(gateway, "/v1/chat/completions", body, keys[user])[0] == 200

    def tags(by):
        return {t["name"] for t in ask(gateway, "/tag/list", None, by)[1]}

    wait_for(lambda: {"hers", "by the way", "theirs", "nobody's"} <= tags(KEY), 20, "the tags")
    assert tags(keys["member"]) == {"hers", "by the way"} and tags(keys["else"]) == {"theirs"}
    assert tags(keys["team-admin"]) == set()


def test_everybody_sees_their_own(world):
    gateway, keys = world
    teams = {user: {t["team_id"] for t in ask(gateway, "/team/list", None, key)[1]} for user, key in keys.items()}
    assert teams["member"] == teams["team-admin"] == {"alone"} and teams["else"] == set()
    assert "of-org" in teams["org-admin"] and "alone" not in teams["org-admin"]
    page = ask(gateway, "/v2/team/list", None, keys["member"])[1]
    assert [t["team_id"] for t in page["teams"]] == ["alone"]
    assert [o["organization_id"] for o in ask(gateway, "/organization/list", None, keys["org-admin"])[1]] == ["org"]
    assert ask(gateway, "/organization/list", None, keys["team-admin"])[1] == []
    assert ask(gateway, "/user/info", None, keys["member"])[1]["user_id"] == "member"


def test_keys_without_a_user_and_users_without_a_role(world):
    gateway, _ = world
    nobody, unknown = generate(gateway)["key"], generate(gateway, user_id="no-such-user")["key"]
    assert ask(gateway, "/key/generate", {}, nobody)[0] == 401
    status, answer = ask(gateway, "/key/list", None, nobody)
    assert (status, answer["error"]["type"], answer["error"]["param"]) == (403, "bad_request_error", "user_id")
    assert ask(gateway, "/key/generate", {}, unknown)[0] == 403
    assert ask(gateway, "/user/list", None, unknown)[0] == 401


def test_a_key_that_may_see_what_was_spent(world):
    gateway, _ = world
    key = generate(gateway, permissions={"get_spend_routes": True})["key"]
    assert ask(gateway, "/global/spend/teams", None, key)[0] == 200
    assert ask(gateway, "/user/list", None, key)[0] == 401
    assert ask(gateway, "/global/spend/teams", None, generate(gateway)["key"])[0] == 401


def test_a_blocked_end_user_gets_no_kept_answer(launch, simulator, tmp_path):
    db = Sqlite()
    db.create("blocked")
    config = configuration(
        simulator.url,
        general_settings={"database_url": db.url, "data_directory": str(tmp_path)},
        litellm_settings={"cache": True, "cache_params": {"type": "local"}},
    )
    gateway = launch(config)
    wait_for(lambda: ask(gateway, "/key/generate", {})[0] == 200, 20, "the database")
    body = {"model": "claude", "user": "someone", "messages": [{"role": "user", "content": "the same again"}]}

    def kept():
        return "x-litellm-cache-key" in ask_once(gateway, "/v1/chat/completions", body).headers

    wait_for(kept, 10, "a kept answer")
    assert ask(gateway, "/customer/block", {"user_ids": ["someone"]})[0] == 200
    status, answer = ask(gateway, "/v1/chat/completions", body)
    assert status == 400 and "User blocked" in answer["error"]["message"]
    assert ask(gateway, "/v1/chat/completions", {**body, "user": "someone else"})[0] == 200
    db.stop()
