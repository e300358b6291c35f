"""What the configuration says of keys, users and teams that are made; what several keys get at once."""

import datetime

import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for
from test_keys import ask, ask_info, chat, error

RULES = {
    "default_key_generate_params": {"max_budget": 3, "metadata": {"by": "default"}, "models": ["claude", "nova"]},
    "upperbound_key_generate_params": {"max_budget": 5, "tpm_limit": 1000, "duration": "30d"},
    "key_generation_settings": {
        "team_key_generation": {"allowed_team_member_roles": ["admin"], "required_params": ["key_alias"]},
        "personal_key_generation": {"allowed_user_roles": ["proxy_admin", "internal_user"]},
    },
    "default_internal_user_params": {"user_role": "internal_user", "max_budget": 7, "models": ["claude"]},
    "max_internal_user_budget": 2,
    "internal_user_budget_duration": "7d",
    "default_team_params": {"max_budget": 9, "models": ["nova"]},
    "tag_budget_config": {"dear": {"max_budget": 1e-7, "budget_duration": "1d"}},
}


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("rules")
    return server


@pytest.fixture(scope="module")
def ruled(launch, simulator, database, tmp_path_factory):
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    gateway = launch(configuration(simulator.url, general_settings=general, litellm_settings=RULES))
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    return gateway


def made(gateway, path, by=KEY, **members):
    answer = ask(gateway, path, members, by)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_what_a_new_key_has(ruled):
    key = made(ruled, "/key/generate", models=["claude"])
    assert (key["max_budget"], key["models"], key["metadata"]) == (3, ["claude"], {"by": "default"})
    assert key["tpm_limit"] == 1000 and key["expires"]
    assert made(ruled, "/key/generate", models=[], max_budget=4, metadata={})["max_budget"] == 4


@pytest.mark.parametrize("members", [{"max_budget": 6}, {"tpm_limit": 1001}, {"duration": "31d"}])
def test_the_most_that_a_key_may_have(ruled, members):
    key = made(ruled, "/key/generate")["key"]
    name = next(iter(members))
    for path in "/key/generate", "/key/update", "/key/regenerate":
        refused = ask(ruled, path, {"key": key, **members} if path != "/key/generate" else members)
        assert refused.status_code == 400 and f"{name} is over max limit set in config" in refused.text
    assert ask(ruled, "/key/update", {"key": key, "max_budget": 5, "duration": "30d"}).status_code == 200


def test_who_makes_keys(ruled):
    made(ruled, "/user/new", user_id="boss", auto_create_key=False)
    made(ruled, "/user/new", user_id="viewer", user_role="internal_user_viewer", auto_create_key=False)
    made(ruled, "/team/new", team_id="t", members_with_roles=[{"user_id": "boss", "role": "admin"}, {"user_id": "one", "role": "user"}])
    assert ask(ruled, "/key/generate", {"team_id": "t"}).status_code == 400  # even for the proxy's admin
    boss = made(ruled, "/key/generate", team_id="t", user_id="boss", key_alias="boss")["key"]
    one = made(ruled, "/key/generate", team_id="t", user_id="one", key_alias="one")["key"]
    refused = ask(ruled, "/key/generate", {"team_id": "t"}, boss)
    assert refused.status_code == 400 and "Required param key_alias not in data" in refused.text
    assert made(ruled, "/key/generate", boss, team_id="t", key_alias="more")["team_id"] == "t"
    assert ask(ruled, "/key/generate", {"team_id": "t", "key_alias": "no"}, one).status_code in (401, 403)
    assert made(ruled, "/key/generate", boss, user_id="boss")["user_id"] == "boss"


def test_what_a_new_user_and_a_new_team_have(ruled):
    user = made(ruled, "/user/new", user_id="new")
    assert (user["max_budget"], user["user_role"], user["models"]) == (7, "internal_user", ["claude"])
    assert user["budget_duration"] == "7d"  # the budget stands in default_internal_user_params
    assert made(ruled, "/user/new", user_id="said", max_budget=1, budget_duration="1d")["budget_duration"] == "1d"
    assert made(ruled, "/user/new", user_id="new-admin", user_role="proxy_admin")["max_budget"] is None
    team = made(ruled, "/team/new", team_id="new", models=["claude"])
    assert (team["max_budget"], team["models"]) == (9, ["claude"])


def test_several_keys_at_once(ruled):
    keys = [made(ruled, "/key/generate")["key"] for _ in range(2)]
    changes = [{"key": keys[0], "max_budget": 1}, {"key": "sk-none"}, {"key": keys[1], "max_budget": 50}, {"key": keys[1], "tags": ["t"]}]
    done = made(ruled, "/key/bulk_update", keys=changes)
    assert done["total_requested"] == 4
    assert [(u["key"], u["key_info"]["max_budget"]) for u in done["successful_updates"]] == [(keys[0], 1), (keys[1], 3)]
    assert [f["key"] for f in done["failed_updates"]] == ["sk-none", keys[1]]
    assert "over max limit" in done["failed_updates"][1]["failed_reason"]
    assert ask_info(ruled, keys[1])["metadata"]["tags"] == ["t"]
    assert ask(ruled, "/key/bulk_update", {"keys": []}).status_code == 400
    assert ask(ruled, "/key/bulk_update", {"keys": changes}, keys[0]).status_code == 401


def test_what_nobody_may_choose(launch, simulator, database, tmp_path):
    """disable_custom_api_keys, default_team_disabled, enable_key_alias_format_validation,
    disable_auto_add_proxy_admin_to_teams; and LITELLM_KEY_ROTATION_GRACE_PERIOD."""
    general = {
        "database_url": database.url,
        "data_directory": str(tmp_path),
        "disable_custom_api_keys": True,
        "default_team_disabled": True,
        "disable_auto_add_proxy_admin_to_teams": True,
    }
    litellm = {"enable_key_alias_format_validation": True}
    env = {"LITELLM_KEY_ROTATION_GRACE_PERIOD": "1h"}
    strict = launch(configuration(simulator.url, general_settings=general, litellm_settings=litellm), env=env)
    wait_for(lambda: ask(strict, "/key/generate", {}).status_code == 200, 20, "the database")
    key = made(strict, "/key/generate", key_alias="strict-1/a.b@c_d")["key"]
    for path, body in ("/key/generate", {"key": "sk-of-my-own"}), ("/key/regenerate", {"key": key, "new_key": "sk-of-my-own"}):
        refused = ask(strict, path, body)
        assert refused.status_code == 403 and "Custom API key values are disabled" in refused.text
    for alias in "x", "-strict", "strict-", "two words", "a" * 256, "tüte":
        for path, more in ("/key/generate", {}), ("/key/update", {"key": key}), (f"/key/{key}/regenerate", {}):
            refused = ask(strict, path, {"key_alias": alias, **more})
            assert refused.status_code == 400 and refused.json()["error"]["param"] == "key_alias", (alias, path, refused.text)
    renewed = made(strict, "/key/regenerate", key=key)["key"]
    assert chat(strict, renewed).status_code == chat(strict, key).status_code == 200
    last = made(strict, "/key/regenerate", key=renewed, grace_period="")["key"]
    assert chat(strict, last).status_code == 200 and chat(strict, renewed).status_code == 401
    user = made(strict, "/user/new", user_role="internal_user")
    team = made(strict, "/team/new", members_with_roles=[{"role": "admin", "user_id": user["user_id"]}])
    assert [m["user_id"] for m in team["members_with_roles"]] == [user["user_id"]]
    refused = ask(strict, "/key/generate", {}, user["key"])
    assert refused.status_code == 403 and "default_team_disabled" in refused.text
    assert made(strict, "/key/generate", user["key"], team_id=team["team_id"])["team_id"] == team["team_id"]


def test_more_of_a_budget_for_a_while(ruled):
    day = datetime.timedelta(days=1)
    now = datetime.datetime.now(datetime.timezone.utc)
    key = made(ruled, "/key/generate", max_budget=1e-7)["key"]
    assert chat(ruled, key).status_code == 200
    assert error(chat(ruled, key)) == (422, "budget_exceeded")
    for until, status in (now + day, 200), (now - day, 422):
        made(ruled, "/key/update", key=key, temp_budget_increase=1, temp_budget_expiry=until.isoformat())
        assert chat(ruled, key).status_code == status


def test_budgets_of_tags(ruled):
    key = made(ruled, "/key/generate")["key"]
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "metadata": {"tags": ["dear"]}}
    answers = [ask(ruled, "/v1/chat/completions", body, key) for _ in range(2)]
    assert [a.status_code for a in answers] == [200, 422] and "Tag=dear" in answers[1].text
    assert chat(ruled, key).status_code == 200


def test_when_a_key_is_to_be_renewed(ruled):
    key = made(ruled, "/key/generate", auto_rotate=True, rotation_interval="30d")["key"]
    info = ask_info(ruled, key)
    assert info["auto_rotate"] is True and info["rotation_interval"] == "30d" and info["key_rotation_at"] > info["created_at"]
    assert ask(ruled, "/key/update", {"key": key, "rotation_interval": "soon"}).status_code == 400


def test_periods_begin_anew_unasked(database, launch, simulator, tmp_path):
    """Of rows that no request comes for, by one of two gateways."""
    pause = {f"proxy_budget_rescheduler_{end}_time": 1 for end in ("min", "max")}
    general = {"database_url": database.url, **pause}
    gateways = [
        launch(configuration(simulator.url, general_settings={**general, "data_directory": str(tmp_path / name)})) for name in ("a", "b")
    ]
    wait_for(lambda: ask(gateways[0], "/key/generate", {}).status_code == 200, 20, "the database")
    key = made(gateways[0], "/key/generate", max_budget=5, budget_duration="1d", spend=3)
    made(gateways[0], "/budget/new", budget_id="b", max_budget=5, budget_duration="1d")
    named = made(gateways[0], "/key/generate", budget_id="b", spend=3)
    for table, column, value in ("VerificationToken", "token", key["token"]), ("BudgetTable", "budget_id", "b"):
        database.query(f"UPDATE \"LiteLLM_{table}\" SET budget_reset_at = created_at WHERE {column} = '{value}'")

    def began():
        return [ask_info(gateways[1], k["key"])["spend"] for k in (key, named)] == [0, 0]

    wait_for(began, 20, "the next periods")
    assert ask_info(gateways[0], key["key"])["budget_reset_at"] > key["created_at"]
