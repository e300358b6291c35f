"""Callbacks of teams: those that a team is given by /team/{team_id}/callback, those that LiteLLM wrote, and those of the
configuration (default_team_settings)."""

import base64
import json

import httpx
import pytest
from conftest import KEY, configuration
from destination import attributes, destination
from programs import wait_for
from test_admin import administered

pytestmark = pytest.mark.timeout(120)

HIDDEN = "***REDACTED***"
TRACES = "/api/public/otel/v1/traces"


@pytest.fixture(scope="module")
def place():
    with destination() as d:
        yield d


@pytest.fixture(scope="module")
def admin(launch, simulator, place, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("teams")
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    team = {"team_id": "of-the-file", "success_callback": ["langfuse"], "failure_callback": ["langfuse"]}
    team |= {"langfuse_public_key": "pk-file", "langfuse_secret": "os.environ/SECRET_OF_THE_TEAM", "langfuse_host": place.url}
    nested = {"team_id": "nested", "success_callback": ["webhook"], "callback_vars": {"webhook_url": place.url + "/nested"}}
    settings = {"callback_url_allowed_hosts": [place.url.removeprefix("http://")], "default_team_settings": [team, nested]}
    settings |= {"langfuse_default_tags": ["user_api_key_team_id", "cache_hit", "user_api_key_alias", "colour"]}
    settings |= {"standard_logging_payload_excluded_fields": ["messages", "response"]}
    settings |= {"disable_add_user_agent_to_request_tags": True}
    config = configuration(simulator.url, general_settings=general, litellm_settings=settings)
    env = {"LITELLM_SALT_KEY": "sk-salt", "SECRET_OF_THE_TEAM": "sk-file"}
    with administered(launch(config, env=env), database) as admin:
        yield admin


def webhook(place, path, kind="success", **more):
    return {"callback_name": "webhook", "callback_type": kind, "callback_vars": {"webhook_url": place.url + path, **more}}


def key_of(admin, team, **more):
    return admin.post("/key/generate", team_id=team, **more)["key"]


def chat(admin, key, user, status=200, text="hi"):
    body = {"model": "claude", "messages": [{"role": "user", "content": text}], "max_tokens": 5, "user": user}
    answer = httpx.post(admin.base + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    assert answer.status_code == status, answer.text


def told(place, path, user):
    return wait_for(lambda: [r for r in place.at(path) if user in r.body.decode()], 20, f"{user} at {path}")


def metadata(admin, team):
    return admin.database.query(f"""SELECT metadata FROM "LiteLLM_TeamTable" WHERE team_id = '{team}'""")[0][0]


def test_a_callback_of_a_team_lives(admin, place):
    team = admin.post("/team/new", team_id="lives/in a path", metadata={"colour": "blue"})["team_id"]
    path, key = "/team/lives%2Fin%20a%20path/callback", key_of(admin, team)
    none = {"team_id": team, "success_callbacks": [], "failure_callbacks": [], "callback_vars": {}}
    assert admin.get(path) == {"status": "success", "data": none}
    made = admin.post(path, **webhook(place, "/one", webhook_headers="authorization=token-of-the-team"))
    assert made["status"] == "success" and made["data"]["team_id"] == team and made["data"]["metadata"]["colour"] == "blue"
    assert made["data"]["metadata"]["logging"] == [
        {"callback_name": "webhook", "callback_type": "success", "callback_vars": {"webhook_url": HIDDEN, "webhook_headers": HIDDEN}}
    ]
    chat(admin, key, "first")
    first = told(place, "/one", "first")[0]
    assert first.headers["authorization"] == "token-of-the-team"
    assert not {"messages", "response"} & set(first.json()[0]) and first.json()[0]["end_user"] == "first"
    twice = admin.post(path, 400, **webhook(place, "/two"))["error"]
    assert (twice["type"], twice["param"], twice["code"]) == ("bad_request_error", "callback_name", "400")
    admin.post(path, **webhook(place, "/failures", "failure"))
    langfuse = {"langfuse_public_key": "pk-1", "langfuse_secret_key": "sk-1", "langfuse_host": place.url}
    admin.post(path, callback_name="langfuse", callback_vars=langfuse)
    chat(admin, key, "second", 429, "[[sim:throttle]]")
    told(place, "/failures", "second")
    span = wait_for(lambda: [s for s in place.spans(TRACES) if attributes(s).get("user.id") == "second"], 20, "Langfuse")
    assert attributes(span[0])["langfuse.trace.tags"] == [f"user_api_key_team_id:{team}", "cache_hit:False"]
    assert place.at(TRACES)[-1].headers["authorization"] == "Basic " + base64.b64encode(b"pk-1:sk-1").decode()
    shown = admin.get(path)["data"]
    assert shown["success_callbacks"] == shown["failure_callbacks"] == ["webhook", "langfuse"]
    assert shown["callback_vars"]["langfuse_host"] == place.url and shown["callback_vars"]["langfuse_secret_key"] == HIDDEN
    stored = metadata(admin, team)
    assert stored.count("litellm_enc::") == 5
    gone = admin.ask("DELETE", path + "/webhook").json()
    assert gone["message"] == f"Callback webhook removed for team {team}"
    assert gone["data"] == {"team_id": team, "success_callbacks": ["langfuse"], "failure_callbacks": ["langfuse"]}
    assert json.loads(metadata(admin, team))["logging"] == [json.loads(stored)["logging"][2]]
    missing = admin.ask("DELETE", path + "/webhook")
    assert missing.status_code == 404 and "is not registered" in missing.json()["detail"]["error"]
    off = admin.post("/team/lives%2Fin%20a%20path/disable_logging")
    assert off["message"] == f"Logging disabled for team {team}"
    assert off["data"] == {"team_id": team, "success_callbacks": [], "failure_callbacks": []}
    kept = json.loads(metadata(admin, team))
    assert kept["logging"] == [] and kept["colour"] == "blue"
    assert kept["callback_settings"] == {"success_callback": [], "failure_callback": [], "callback_vars": {}}
    admin.post(path, **webhook(place, "/three"))
    chat(admin, key, "third")
    told(place, "/three", "third")
    assert not [r for r in place.at("/one") if b"third" in r.body]
    for secret in ("token-of-the-team", "sk-1\"", "/three"):
        assert secret not in stored + metadata(admin, team) + json.dumps(admin.get("/team/info", team_id=team))


def test_what_is_refused(admin, place):
    admin.post("/team/new", team_id="t-2")
    path = "/team/t-2/callback"
    variables = {"webhook_url": place.url}
    for body, name, kind in (
        ({"callback_vars": variables}, "callback_name", "missing"),
        ({"callback_name": "webhook"}, "callback_vars", "missing"),
        ({"callback_name": "webhook", "callback_vars": []}, "callback_vars", "dict_type"),
        ({"callback_name": "webhook", "callback_vars": {"a": {}}}, "callback_vars", "string_type"),
        ({"callback_name": "webhook", "callback_vars": {"a": "os.environ/HOME"}}, "callback_vars", "value_error"),
        ({"callback_name": "webhook", "callback_type": "all", "callback_vars": {}}, "callback_type", "literal_error"),
    ):
        detail = admin.post(path, 422, **body)["detail"][0]
        assert (detail["loc"], detail["type"]) == (["body", name], kind)
    assert "no such callback" in admin.post(path, 400, callback_name="nobody", callback_vars={})["detail"]["error"]
    for method, path, status in (
        ("POST", "/team/none/callback", 400), ("GET", "/team/none/callback", 404),
        ("DELETE", "/team/none/callback/webhook", 404), ("POST", "/team/none/disable_logging", 404)):
        answer = admin.ask(method, path, webhook(place, "/x") if method == "POST" else None)
        assert answer.status_code == status and answer.json()["detail"]["error"] == "Team id = none does not exist."
    assert admin.ask("GET", "/team/t-2/callback/webhook").status_code == 405


def test_who_may(admin, place):
    for user in ("chief", "hand"):
        admin.post("/user/new", user_id=user, user_role="internal_user", auto_create_key=False)
    admin.post("/team/new", team_id="t-3", members_with_roles=[{"role": "admin", "user_id": "chief"}, {"role": "user", "user_id": "hand"}])
    admin.post("/team/new", team_id="t-4")
    keys = {user: admin.post("/key/generate", user_id=user)["key"] for user in ("chief", "hand")}
    for user, team, status in (("chief", "t-3", 200), ("chief", "t-4", 403), ("chief", "none", 403), ("hand", "t-3", 403)):
        headers = {"Authorization": f"Bearer {keys[user]}"}
        for method, path, body in (
            ("POST", "callback", webhook(place, "/x")), ("GET", "callback", None),
            ("DELETE", "callback/webhook", None), ("POST", "disable_logging", {})):
            answer = httpx.request(method, f"{admin.base}/team/{team}/{path}", json=body, headers=headers, timeout=20)
            assert answer.status_code == status, (user, team, method, path, answer.text)


def test_what_litellm_wrote(admin, place):
    """Its older form, of teams only; `logging` wins, even where it is empty."""
    older = {"success_callback": ["webhook"], "callback_vars": {"webhook_url": place.url + "/older"}}
    admin.post("/team/new", team_id="t-5", metadata={"callback_settings": older})
    shown = admin.get("/team/t-5/callback")["data"]
    assert shown == {"team_id": "t-5", "success_callbacks": ["webhook"], "failure_callbacks": [], "callback_vars": {"webhook_url": HIDDEN}}
    chat(admin, key_of(admin, "t-5"), "older")
    told(place, "/older", "older")
    admin.post("/team/t-5/disable_logging")
    kept = json.loads(metadata(admin, "t-5"))["callback_settings"]
    assert kept["success_callback"] == [] and kept["callback_vars"]["webhook_url"].startswith("litellm_enc::")
    assert admin.get("/team/t-5/callback")["data"]["success_callbacks"] == []


def test_teams_of_the_configuration(admin, place):
    for team in ("of-the-file", "nested"):
        admin.post("/team/new", team_id=team)
    key = key_of(admin, "of-the-file")
    chat(admin, key, "filed")
    chat(admin, key, "filed-failure", 429, "[[sim:throttle]]")
    chat(admin, key_of(admin, "nested"), "nested-one")
    for user in ("filed", "filed-failure"):
        wait_for(lambda u=user: [s for s in place.spans(TRACES) if attributes(s).get("user.id") == u], 20, user)
    wanted = "Basic " + base64.b64encode(b"pk-file:sk-file").decode()
    assert [r for r in place.at(TRACES) if r.headers["authorization"] == wanted]
    told(place, "/nested", "nested-one")
    # What a key says itself wins.
    own = key_of(admin, "nested", metadata={"logging": [webhook(place, "/of-the-key")]})
    chat(admin, own, "owned")
    told(place, "/of-the-key", "owned")
    assert not [r for r in place.at("/nested") if b"owned" in r.body]
    assert KEY not in admin.gateway.log() and "sk-file" not in admin.gateway.log()
