"""key_alias_pattern, default_soft_budget, team_metadata_schema, max_ui_session_budget; keys that are to be renewed."""

import pytest
from conftest import KEY, configuration
from databases import Sqlite
from destination import destination
from programs import wait_for
from test_key_rules import made
from test_keys import ask, ask_info
from test_ui_access import Person

PATTERN = "[a-z0-9]+(-[a-z0-9]+)*"
FIELDS = [{"key": "cost_center", "label": "Cost center"}, {"key": "owner"}]
PASSWORD = "correct horse 1"


@pytest.fixture(scope="module")
def place():
    with destination() as d:
        yield d


@pytest.fixture(scope="module")
def gateway(launch, simulator, place, tmp_path_factory):
    db = Sqlite()
    db.create("options")
    general = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data")), "team_metadata_schema": FIELDS,
               "alerting": ["webhook"], "alert_types": ["virtual_key_updated"]}
    litellm = {"key_alias_pattern": PATTERN, "default_soft_budget": 2.5, "max_ui_session_budget": 1e-7,
               "enable_key_alias_format_validation": True}
    env = {"UI_PASSWORD": PASSWORD, "WEBHOOK_URL": place.url + "/hook", "LITELLM_KEY_ROTATION_ENABLED": "True",
           "LITELLM_KEY_ROTATION_CHECK_INTERVAL_SECONDS": "1"}
    gateway = launch(configuration(simulator.url, general_settings=general, litellm_settings=litellm), env=env)
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    gateway.db = db
    yield gateway
    db.stop()


def test_the_whole_of_an_alias_matches(gateway):
    key = made(gateway, "/key/generate", key_alias="team-search-2")["key"]
    for alias in "Team-search", "team search", "x-", "-x", "a" * 256, "a..b", "x\n", "":
        for path in "/key/generate", "/key/update", f"/key/{key}/regenerate", "/key/service-account/generate":
            refused = ask(gateway, path, {"key_alias": alias, "key": key, "team_id": "t"} if path != "/key/generate" else {"key_alias": alias})
            assert refused.status_code == 400 and refused.json()["error"]["param"] == "key_alias", (alias, path, refused.text)
            assert refused.json()["error"]["message"].endswith("match the configured key_alias_pattern: " + PATTERN)
    bulk = made(gateway, "/key/bulk_update", keys=[{"key": key, "key_alias": "No"}])
    assert bulk["failed_updates"][0]["failed_reason"].endswith(PATTERN)
    made(gateway, "/key/update", key=key, key_alias="a" * 255)


def test_an_alias_from_before_the_pattern_may_stay(gateway):
    key = made(gateway, "/key/generate", key_alias="old")
    gateway.db.query(f"UPDATE \"LiteLLM_VerificationToken\" SET key_alias = 'Old one' WHERE token = '{key['token']}'")
    made(gateway, "/key/update", key=key["key"], key_alias="Old one", max_budget=1)
    renewed = made(gateway, "/key/regenerate", key=key["key"], key_alias="Old one")
    assert renewed["key_alias"] == "Old one"
    assert ask(gateway, "/key/update", {"key": renewed["key"], "key_alias": "Old two"}).status_code == 400


@pytest.mark.parametrize("members, soft", [({}, 2.5), ({"soft_budget": 7}, 7), ({"soft_budget": 0}, 0)])
def test_a_new_key_has_a_soft_budget(gateway, members, soft):
    key = made(gateway, "/key/generate", **members)["key"]
    assert ask_info(gateway, key)["litellm_budget_table"]["soft_budget"] == soft


def test_a_named_budget_is_the_budget(gateway):
    made(gateway, "/budget/new", budget_id="named", max_budget=5)
    assert made(gateway, "/key/generate", budget_id="named")["budget_id"] == "named"


def test_what_a_teams_metadata_is_meant_to_have(gateway):
    key = made(gateway, "/user/new", user_role="internal_user_viewer")["key"]
    for by in KEY, key:
        answer = ask(gateway, "/team/metadata_schema", by=by)
        assert answer.json() == {"fields": [FIELDS[0], {"key": "owner", "label": None}]}
    assert ask(gateway, "/team/metadata_schema", by="sk-nobody").status_code == 401
    assert made(gateway, "/team/new", metadata={"other": 1})["metadata"] == {"other": 1}  # it is no rule


def say(person):
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}]}
    return person.post("/v1/chat/completions", json=body)


@pytest.mark.parametrize("budget, free", [({}, False), ({"max_budget": 100}, True)])
def test_what_a_login_may_spend(gateway, budget, free):
    name = "free" if free else "held"
    made(gateway, "/user/new", user_id=name, user_role="internal_user", password=PASSWORD, auto_create_key=False, **budget)
    with Person(gateway) as person, Person(gateway) as again:
        assert person.log_in(name, PASSWORD).status_code == 200
        assert say(person).status_code == 200
        if free:
            assert [say(person).status_code for _ in range(3)] == [200] * 3
            return
        wait_for(lambda: say(person).status_code == 422, 20, "the end of the login's budget")
        refused = say(person).json()["error"]
        assert refused["type"] == "budget_exceeded" and "this login" in refused["message"]
        assert person.get("/v1/models").status_code == 200
        assert again.log_in(name, PASSWORD).status_code == 200 and say(again).status_code == 200


def test_the_administrators_login_too(gateway):
    with Person(gateway) as person:
        assert person.log_in("admin", PASSWORD).status_code == 200
        wait_for(lambda: say(person).status_code == 422, 20, "the end of the login's budget")
    assert ask(gateway, "/v1/chat/completions", {"model": "claude", "messages": [{"role": "user", "content": "hi"}]}).status_code == 200


def due(place):
    """What was told of keys to renew, by their hashes."""
    return [r.json()["token"] for r in place.at("/hook") if "is to be renewed" in r.body.decode()]


def test_a_key_whose_time_is_over_is_told_and_renewed_by_hand(gateway, place):
    keys = [made(gateway, "/key/generate", auto_rotate=on, rotation_interval="30d") for on in (True, False)]
    for key in keys:
        gateway.db.query(f"UPDATE \"LiteLLM_VerificationToken\" SET key_rotation_at = created_at WHERE token = '{key['token']}'")
    wait_for(lambda: keys[0]["token"] in due(place), 20, "the alert")
    assert keys[1]["token"] not in due(place)
    told = "".join(r.body.decode() for r in place.at("/hook")) + gateway.log()
    assert "/key/regenerate" in told and not any(key["key"] in told for key in keys)
    info = ask_info(gateway, keys[0]["key"])
    assert info["rotation_count"] == 0 and info["key_rotation_at"] == info["created_at"]
    renewed = made(gateway, "/key/regenerate", key=keys[0]["key"])
    info = ask_info(gateway, renewed["key"])
    assert info["rotation_count"] == 1 and info["key_rotation_at"] > info["last_rotation_at"] > info["created_at"]
