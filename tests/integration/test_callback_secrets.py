"""Secrets of callbacks that keys and teams have of their own: sealed in the database, in no answer, used all the same; and
where such callbacks may send to."""

import contextlib
import json

import httpx
import pytest
from conftest import configuration
from destination import destination
from programs import wait_for
from test_admin import administered

pytestmark = pytest.mark.timeout(120)

SALT = "sk-salt-of-the-callbacks"
TOKEN = "token-of-the-webhook"
HIDDEN = "***REDACTED***"


@pytest.fixture(scope="module")
def places():
    """listed: in the configuration's list; usual: where its own callback sends to; other: nobody named it."""
    with contextlib.ExitStack() as stack:
        yield {name: stack.enter_context(destination()) for name in ("listed", "usual", "other")}


@pytest.fixture(scope="module")
def admin(launch, simulator, places, database_server, tmp_path_factory):
    database = database_server("sqlite")
    database.create("callbacks")
    general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    settings = {"callback_url_allowed_hosts": [places["listed"].url.removeprefix("http://")], "success_callback": ["webhook"]}
    config = configuration(simulator.url, general_settings=general, litellm_settings=settings)
    env = {"LITELLM_SALT_KEY": SALT, "WEBHOOK_URL": places["usual"].url + "/usual", "DEFAULT_FLUSH_INTERVAL_SECONDS": "0.1"}
    with administered(launch(config, env=env), database) as admin:
        yield admin


def own(url, **more):
    return [{"callback_name": "webhook", "callback_type": "success", "callback_vars": {"webhook_url": url, **more}}]


def chat(admin, key, user):
    body = {"model": "claude", "messages": [{"role": "user", "content": "hi"}], "max_tokens": 5, "user": user}
    answer = httpx.post(admin.base + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=20)
    assert answer.status_code == 200, answer.text


def told(place, path, user):
    return [r for r in place.at(path) if user in r.body.decode()]


def test_they_lie_sealed_and_are_shown_to_nobody(admin, places):
    url = places["listed"].url + "/sealed-path"
    variables = {"webhook_headers": f"authorization={TOKEN}", "langfuse_secret_key": "sk-lf-of-the-team", "langfuse_host": "https://langfuse.test"}
    made = admin.post("/key/generate", metadata={"logging": own(url, **variables), "colour": "blue"})
    team = admin.post("/team/new", team_alias="t", logging=own(url, **variables))["team_id"]
    key = made["key"]
    hidden = {"webhook_url": HIDDEN, "webhook_headers": HIDDEN, "langfuse_secret_key": HIDDEN, "langfuse_host": "https://langfuse.test"}
    assert made["metadata"]["logging"][0]["callback_vars"] == hidden and made["metadata"]["colour"] == "blue"
    answers = [json.dumps(made)] + [
        admin.ask("GET", path, **query).text
        for path, query in (
            ("/key/info", {"key": key}), ("/key/list", {"return_full_object": "true"}), ("/team/info", {"team_id": team}),
            ("/team/list", {}), ("/v2/team/list", {}), ("/user/info", {}), ("/spend/keys", {}), ("/get/config/callbacks", {}))
    ]
    answers.append(admin.ask("POST", "/v2/key/info", {"keys": [key]}).text)
    assert sum(HIDDEN in a for a in answers) >= 5
    chat(admin, key, "sealed")
    found = wait_for(lambda: told(places["listed"], "/sealed-path", "sealed"), 20, "the webhook")
    assert found[0].headers["authorization"] == TOKEN
    stored = str(admin.database.query('SELECT metadata FROM "LiteLLM_VerificationToken"'))
    stored += str(admin.database.query('SELECT metadata FROM "LiteLLM_TeamTable"'))
    assert stored.count("litellm_enc::") == 6 and "https://langfuse.test" in stored
    for text in (*answers, stored, admin.gateway.log()):
        for secret in (TOKEN, "sk-lf-of-the-team", "sealed-path", SALT):
            assert secret not in text


def test_what_is_sent_back_hidden_stays(admin, places):
    url = places["listed"].url
    variables = {"webhook_headers": f"authorization={TOKEN}", "webhook_name": "x"}
    key = admin.post("/key/generate", metadata={"logging": own(url + "/kept", **variables)})["key"]
    shown = admin.get("/key/info", key=key)["info"]["metadata"]
    before = admin.database.query('SELECT metadata FROM "LiteLLM_VerificationToken" ORDER BY created_at DESC LIMIT 1')
    admin.post("/key/update", key=key, metadata={**shown, "colour": "red"})
    after = admin.database.query('SELECT metadata FROM "LiteLLM_VerificationToken" ORDER BY created_at DESC LIMIT 1')
    assert json.loads(after[0][0])["logging"] == json.loads(before[0][0])["logging"]
    chat(admin, key, "stays")
    assert wait_for(lambda: told(places["listed"], "/kept", "stays"), 20, "the webhook")[0].headers["authorization"] == TOKEN
    # A secret does not go where somebody else says.
    shown["logging"][0]["callback_vars"]["webhook_url"] = url + "/elsewhere"
    admin.post("/key/update", key=key, metadata=shown)
    chat(admin, key, "elsewhere")
    found = wait_for(lambda: told(places["listed"], "/elsewhere", "elsewhere"), 20, "the webhook")
    assert "authorization" not in found[0].headers


def test_where_they_may_send_to(admin, places):
    key = admin.post("/key/generate", metadata={"logging": own(places["other"].url + "/fenced")})["key"]
    chat(admin, key, "fenced")
    wait_for(lambda: "its address is not a public one" in admin.gateway.log(), 20, "the fence")
    # Nor where a URL only seems to begin with a trusted host, or hides one behind another.
    seemingly = places["other"].url.removeprefix("http://") + "/fenced?at=" + places["listed"].url
    wanted = admin.gateway.log().count("its address is not a public one") + 1
    chat(admin, admin.post("/key/generate", metadata={"logging": own(seemingly)})["key"], "hidden")
    wait_for(lambda: admin.gateway.log().count("its address is not a public one") >= wanted, 20, "the fence again")
    assert not places["other"].received
    # The operator's own host needs no list.
    key = admin.post("/key/generate", metadata={"logging": own(places["usual"].url + "/of-the-key")})["key"]
    chat(admin, key, "trusted")
    wait_for(lambda: told(places["usual"], "/of-the-key", "trusted"), 20, "the webhook")
    assert not told(places["usual"], "/usual", "fenced")


def test_more_than_a_worker_has_room_for(admin, places):
    """Those that nobody needs any more make room, those that a request will tell something do not."""
    place = places["listed"]

    def key_of(path, **more):
        logging = [own(place.url + path)[0] | more]
        return admin.post("/key/generate", metadata={"logging": logging})["key"]

    body = {"model": "claude", "messages": [{"role": "user", "content": "[[sim:chunks(500,20)]] [[sim:gap(100)]]"}], "stream": True, "user": "held"}
    key = key_of("/held", callback_type="success_and_failure")
    with httpx.stream("POST", admin.base + "/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}, timeout=60) as answer:
        lines = answer.iter_lines()  # the stream is closed with it
        next(lines)
        for i in range(70):
            path, user, key = f"/many/{i}", f"one-of-many-{i}", key_of(f"/many/{i}")
            wait_for(lambda: chat(admin, key, user) or told(place, path, user), 40, path)
    wait_for(lambda: told(place, "/held", "held"), 20, "the one that was held")
    assert [r.path for r in place.received if '"held"' in r.body.decode()] == ["/held"]
