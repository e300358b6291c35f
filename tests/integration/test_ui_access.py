"""Who may log in at the admin UI, and what each sees and may change there: users of the database by password, by
virtual key and by invitation; sessions end on every worker."""

import base64
import hashlib
import json

import httpx
import pytest
from conftest import KEY, configuration
from databases import Sqlite
from programs import wait_for

PASSWORD = "correct horse 1"
ROLES = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer"]


def root(gateway):
    return gateway.base_url.removesuffix("/v1")


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    db = Sqlite()
    db.create("access")
    settings = {"database_url": db.url, "data_directory": str(tmp_path_factory.mktemp("data"))}
    config = configuration(simulator.url, general_settings=settings)
    config["litellm_settings"] = {"proxy_batch_write_at": 0.1}
    gateway = launch(config, "--num_workers", "2", env={"UI_PASSWORD": "the-admins-own"})
    wait_for(lambda: ask(gateway, "POST", "/key/generate", {}).status_code == 200, 20, "the database")
    gateway.db = db
    yield gateway
    db.stop()


def ask(gateway, method, path, body=None, key=KEY):
    return httpx.request(method, root(gateway) + path, headers={"Authorization": f"Bearer {key}"}, json=body, timeout=20)


def made(gateway, path, body):
    answer = ask(gateway, "POST", path, body)
    assert answer.status_code == 200, answer.text
    return answer.json()


addresses = (f"127.0.{i}.1" for i in range(1, 255))


class Person(httpx.Client):
    """Somebody at the admin UI: a browser's cookies, without the browser. Each has an address, so that nobody's wrong
    tries are another's."""

    def __init__(self, gateway):
        super().__init__(base_url=root(gateway), timeout=20, transport=httpx.HTTPTransport(local_address=next(addresses)))

    def log_in(self, name, password):
        answer = self.post("/v2/login", json={"username": name, "password": password})
        if answer.status_code == 200:
            self.headers["x-csrf-token"] = answer.json()["csrf_token"]
        return answer


@pytest.fixture
def person(gateway):
    with Person(gateway) as person:
        yield person


@pytest.fixture(scope="module")
def people(gateway):
    """One of each role, with a key of their own: {role: (address, key)}"""
    found = {}
    for role in ROLES:
        address = f"{role}@Example.com"
        user = made(gateway, "/user/new", {"user_id": role, "user_email": address, "user_role": role, "password": PASSWORD,
                                           "key_alias": f"key of {role}"})
        found[role] = (address, user["key"])
    return found


# ---- logging in ------------------------------------------------------------------------------------


@pytest.mark.parametrize("role", ROLES)
def test_by_address_by_id_and_by_key(person, people, role):
    address, key = people[role]
    for name, word in [(address.lower(), PASSWORD), (role, PASSWORD), ("whatever", key)]:
        answer = person.log_in(name, word)
        assert answer.status_code == 200, answer.text
        assert (answer.json()["user_id"], answer.json()["user_role"]) == (role, role)
        assert word not in answer.text + answer.headers["set-cookie"]
        assert person.get("/ui/session").json() == answer.json()
        person.cookies.clear()


def test_who_is_not_let_in(gateway, person, people):
    made(gateway, "/user/new", {"user_id": "no-password", "user_email": "none@example.com"})
    nobodys = made(gateway, "/key/generate", {})["key"]
    address = people["internal_user"][0]
    for name, word in [(address, PASSWORD + "1"), (address, ""), ("", PASSWORD), ("example.com", PASSWORD), ("%", PASSWORD),
                       ("no-password", ""), ("no-password", "null"), ("x", nobodys), ("x", "sk-none")]:
        assert person.log_in(name, word).status_code == 401, (name, word)
    # who is right at last gets back nothing of it, so that others find room again
    assert person.log_in(address, PASSWORD).status_code == 200


def test_passwords_are_kept_as_litellm_keeps_them(gateway, person):
    made(gateway, "/user/new", {"user_id": "stored", "password": PASSWORD, "auto_create_key": False})
    stored = gateway.db.query('SELECT password FROM "LiteLLM_UserTable" WHERE user_id = \'stored\'')[0][0]
    raw = base64.b64decode(stored.removeprefix("scrypt:"))
    assert raw[16:] == hashlib.scrypt(PASSWORD.encode(), salt=raw[:16], n=16384, r=8, p=1, dklen=32)
    for other in ["scrypt:" + base64.b64encode(raw[:16] + hashlib.scrypt(b"of python", salt=raw[:16], n=16384, r=8, p=1)).decode(),
                  hashlib.sha256(b"of python").hexdigest()]:
        gateway.db.query(f'UPDATE "LiteLLM_UserTable" SET password = \'{other}\' WHERE user_id = \'stored\'')
        assert person.log_in("stored", PASSWORD).status_code == 401
        assert person.log_in("stored", "of python").status_code == 200
    for broken in ["scrypt:", "scrypt:AAAA", "scrypt:%", "", "of python"]:
        gateway.db.query(f'UPDATE "LiteLLM_UserTable" SET password = \'{broken}\' WHERE user_id = \'stored\'')
        assert person.log_in("stored", "of python").status_code == 401


def test_a_password_is_changed_and_never_shown(gateway, person, people):
    answer = ask(gateway, "POST", "/user/update", {"user_id": "internal_user_viewer", "password": "another one 2"})
    assert answer.status_code == 200 and "scrypt" not in answer.text and "another" not in answer.text
    assert person.log_in("internal_user_viewer", PASSWORD).status_code == 401
    assert person.log_in("internal_user_viewer", "another one 2").status_code == 200
    assert ask(gateway, "POST", "/user/update", {"user_id": "internal_user_viewer", "password": "short"}).status_code == 400
    made(gateway, "/user/update", {"user_id": "internal_user_viewer", "password": PASSWORD})


# ---- what they may ---------------------------------------------------------------------------------

# {route: who gets an answer}; A: admin, V: viewer, U: internal user, R: internal user who only looks
MAY = {
    ("GET", "/ui/session"): "AVUR", ("GET", "/v1/models"): "AVUR", ("GET", "/model/info"): "AVUR",
    ("GET", "/key/list"): "AVUR", ("GET", "/key/aliases"): "AVUR", ("GET", "/user/info"): "AVUR",
    ("GET", "/user/daily/activity"): "AVUR", ("GET", "/global/spend"): "AVUR", ("GET", "/spend/logs/v2"): "AVUR",
    ("GET", "/user/info?user_id=proxy_admin"): "AV", ("GET", "/user/list"): "AV", ("GET", "/team/list"): "AVUR",
    ("GET", "/global/spend/teams"): "AV", ("GET", "/router/settings"): "AV", ("GET", "/invitation/info?invitation_id=x"): "AV",
    ("POST", "/key/generate"): "AU", ("POST", "/user/new"): "A", ("POST", "/team/new"): "A", ("POST", "/model/new"): "A",
    ("POST", "/config/update"): "A", ("POST", "/invitation/new"): "A", ("POST", "/cache/flushall"): "A",
}
DAYS = {"start_date": "2026-01-01", "end_date": "2026-12-31"}


@pytest.mark.parametrize("role", ROLES)
def test_what_each_may(person, people, role):
    assert person.log_in(role, PASSWORD).status_code == 200
    letter = "AVUR"[ROLES.index(role)]
    for (method, path), who in MAY.items():
        query = {} if "?" in path else {"params": DAYS} if method == "GET" else {"json": {}}
        code = person.request(method, path, **query).status_code
        assert (code not in (401, 403)) == (letter in who), (role, method, path, code)
    assert person.get("/ui/session").status_code == 200  # a refusal ends no session


@pytest.mark.parametrize("role", ["internal_user", "internal_user_viewer"])
def test_users_see_their_own(person, people, role):
    person.log_in(role, PASSWORD)
    keys = person.get("/key/list", params={"return_full_object": "true", "size": 100}).json()["keys"]
    assert keys and {key["user_id"] for key in keys} == {role}
    other = hashlib.sha256(people["proxy_admin"][1].encode()).hexdigest()
    assert person.get("/key/info", params={"key": other}).status_code == 403
    assert person.get("/key/list", params={"user_id": "proxy_admin"}).json()["keys"] == []


def test_what_a_user_spends_at_the_ui_is_theirs(gateway, person, people):
    person.log_in("internal_user", PASSWORD)
    answer = person.post("/v1/chat/completions", json={"model": "claude", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status_code == 200, answer.text
    spent = lambda: ask(gateway, "GET", "/user/info?user_id=internal_user").json()["user_info"]["spend"] > 0
    wait_for(spent, 20, "the user's spend")
    rows = lambda: person.get("/spend/logs/v2", params=DAYS | {"start_date": "2026-01-01 00:00:00",
                                                                "end_date": "2030-01-01 00:00:00"}).json()["data"]
    wait_for(rows, 20, "the user's row")
    assert {row["user"] for row in rows()} == {"internal_user"}


def test_users_models_bind_their_logins(gateway, person):
    made(gateway, "/user/new", {"user_id": "narrow", "password": PASSWORD, "models": ["nova"], "auto_create_key": False})
    person.log_in("narrow", PASSWORD)
    answer = person.post("/v1/chat/completions", json={"model": "claude", "messages": [{"role": "user", "content": "hi"}]})
    assert answer.status_code == 403


# ---- the end of a session --------------------------------------------------------------------------


def every_worker(gateway, cookie, csrf):
    """Codes of /ui/session over fresh connections, which the kernel spreads over both workers."""
    return {httpx.get(root(gateway) + "/ui/session", headers={"cookie": cookie, "x-csrf-token": csrf}).status_code
            for _ in range(12)}


@pytest.mark.parametrize("name, word", [("admin", "the-admins-own"), ("internal_user", PASSWORD)])
def test_logging_out_ends_it_on_every_worker(gateway, person, people, name, word):
    answer = person.log_in(name, word)
    cookie, csrf = answer.headers["set-cookie"].split(";")[0], answer.json()["csrf_token"]
    assert every_worker(gateway, cookie, csrf) == {200}
    other = Person(gateway)
    other.log_in(name, word)
    assert person.post("/ui/logout").status_code == 200
    assert every_worker(gateway, cookie, csrf) == {401}
    assert other.get("/ui/session").status_code == 200  # that one alone
    other.close()


def test_it_ends_with_the_user(gateway, person):
    made(gateway, "/user/new", {"user_id": "leaving", "password": PASSWORD})
    person.log_in("leaving", PASSWORD)
    assert person.get("/key/list").status_code == 200
    made(gateway, "/user/update", {"user_id": "leaving", "user_role": "internal_user_viewer"})
    wait_for(lambda: person.post("/key/generate", json={}).status_code == 401, 20, "the new role")
    made(gateway, "/user/delete", {"user_ids": ["leaving"]})
    wait_for(lambda: person.get("/ui/session").status_code == 401, 20, "the end of the session")


@pytest.mark.parametrize("how", ["/key/block", "/key/delete"])
def test_it_ends_with_the_key(gateway, person, people, how):
    key = made(gateway, "/key/generate", {"user_id": "internal_user"})["key"]
    assert person.log_in("x", key).status_code == 200
    made(gateway, how, {"key": key} if how == "/key/block" else {"keys": [key]})
    wait_for(lambda: person.get("/ui/session").status_code in (401, 403), 20, "the end of the session")
    assert person.log_in("x", key).status_code == 401


# ---- invitations -----------------------------------------------------------------------------------


def test_an_invitation(gateway, person):
    made(gateway, "/user/new", {"user_id": "invited", "user_email": "invited@example.com", "auto_create_key": False})
    link = made(gateway, "/invitation/new", {"user_id": "invited"})
    assert (link["user_id"], link["is_accepted"], link["created_by"]) == ("invited", False, "default_user_id")
    told = person.get("/onboarding/get_token", params={"invite_link": link["id"]}).json()
    assert told["user_email"] == "invited@example.com" and told["login_url"].endswith(link["id"])
    payload = told["token"].split(".")[1]
    assert json.loads(base64.urlsafe_b64decode(payload + "=="))["user_id"] == "invited"
    claim = {"invitation_link": link["id"], "user_id": "invited", "password": PASSWORD}
    assert person.post("/onboarding/claim_token", json=claim | {"user_id": "proxy_admin"}).status_code == 401
    assert person.post("/onboarding/claim_token", json=claim | {"password": "short"}).status_code == 400
    answer = person.post("/onboarding/claim_token", json=claim)
    assert answer.status_code == 200 and answer.json()["user_id"] == "invited"
    assert person.get("/ui/session").json()["user_id"] == "invited"
    assert person.post("/onboarding/claim_token", json=claim).status_code == 401  # once only
    assert person.get("/onboarding/get_token", params={"invite_link": link["id"]}).status_code == 401
    assert person.log_in("invited@example.com", PASSWORD).status_code == 200
    assert ask(gateway, "GET", f"/invitation/info?invitation_id={link['id']}").json()["is_accepted"] is True


def test_invitations_that_are_none(gateway, person):
    made(gateway, "/user/new", {"user_id": "late", "auto_create_key": False})
    assert ask(gateway, "POST", "/invitation/new", {"user_id": "nobody"}).status_code == 400
    old, taken_back = (made(gateway, "/invitation/new", {"user_id": "late"})["id"] for _ in range(2))
    gateway.db.query(f"UPDATE \"LiteLLM_InvitationLink\" SET expires_at = created_at WHERE id = '{old}'")
    assert made(gateway, "/invitation/delete", {"invitation_id": taken_back})["id"] == taken_back
    assert ask(gateway, "POST", "/invitation/delete", {"invitation_id": taken_back}).status_code == 400
    for link in [old, taken_back, "", "'"]:
        answer = person.post("/onboarding/claim_token", json={"invitation_link": link, "user_id": "late", "password": PASSWORD})
        assert answer.status_code in (401, 422) and "set-cookie" not in answer.headers, link
