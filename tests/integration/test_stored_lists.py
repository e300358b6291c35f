"""Lists of general_settings that the database adds to: allowed_ips and pass_through_endpoints."""

import concurrent.futures
import json

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_admin import administered
from test_pass_through import Server

pytestmark = pytest.mark.timeout(120)

MINE, OTHERS = "198.51.100.7", "203.0.113.9"
SECRET = "Bearer a-planted-secret"
FILE_ENDPOINT = {"path": "/of-the-file", "target": "http://127.0.0.1:9/x", "headers": {"Authorization": SECRET}}


@pytest.fixture(scope="module")
def database(database_server):
    server = database_server("sqlite")
    server.create("lists")
    return server


@pytest.fixture(scope="module")
def start(launch, simulator, database, tmp_path_factory):
    """Behind a proxy on this machine, which says who calls."""

    def run(*arguments, **more):
        general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data")),
                   "store_model_in_db": True, "trusted_proxy_ranges": ["127.0.0.0/8"],
                   "pass_through_endpoints": [FILE_ENDPOINT], **more}
        config = configuration(simulator.url, general_settings=general, litellm_settings={"store_audit_logs": True})
        return launch(config, *arguments, env={"LITELLM_SALT_KEY": "sk-salt"})

    return run


@pytest.fixture(scope="module")
def admin(start, database):
    with administered(start("--num_workers", "2"), database) as admin:
        yield admin


@pytest.fixture(scope="module")
def other(start, admin, database):
    with administered(start(), database) as other:
        yield other


@pytest.fixture
def server():
    server = Server()
    yield server
    server.shutdown()
    server.server_close()


def statuses(gateway, path="/v1/models", client=None, method="GET"):
    """Of many connections, so that each worker has some."""
    headers = {"Authorization": f"Bearer {KEY}", **({"x-forwarded-for": client} if client else {})}
    url = gateway.base_url.removesuffix("/v1") + path

    def ask(_):
        return httpx.request(method, url, headers=headers, timeout=20).status_code

    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        return set(pool.map(ask, range(16)))


def change(admin, path, ip, status=200, client=MINE):
    answer = admin.http.post(path, json={"ip": ip}, headers={"x-forwarded-for": client})
    assert answer.status_code == status, answer.text
    return answer.json()


def forwarded(admin, client=MINE):
    return admin.http.get("/get/allowed_ips", headers={"x-forwarded-for": client}).json()


def said(answer):
    return answer["error"]["message"]


def audits(database, text):
    found = database.query("SELECT action, object_id, before_value, updated_values FROM \"LiteLLM_AuditLog\" ORDER BY updated_at")
    assert "planted" not in str(found)
    return [row for row in found if text in str(row)]


def test_addresses(admin, other, database):
    assert forwarded(admin) == {"data": None}
    for nonsense in "host.example", "10.0.0.0/33":
        assert nonsense in said(change(admin, "/add/allowed_ip", nonsense, 400))
    admin.post("/add/allowed_ip", 400)
    # The first address would shut out who asks, and everybody else.
    assert MINE in said(change(admin, "/add/allowed_ip", OTHERS, 400))
    assert statuses(admin.gateway, client=OTHERS) == {200}
    done = change(admin, "/add/allowed_ip", "198.51.100.0/24")
    assert done == {"message": "IP 198.51.100.0/24 address added successfully", "status": "success"}
    assert forwarded(admin) == {"data": ["198.51.100.0/24"]}
    assert statuses(admin.gateway, client=MINE) == {200}
    wait_for(lambda: statuses(admin.gateway, client=OTHERS) == {403}, 5, "all workers")
    wait_for(lambda: statuses(other.gateway, client=OTHERS) == {403}, 10, "the other gateway")
    change(admin, "/add/allowed_ip", OTHERS)
    wait_for(lambda: statuses(admin.gateway, client=OTHERS) == {200}, 5, "all workers")
    assert said(change(admin, "/add/allowed_ip", OTHERS, 400)) == "IP address already exists"
    assert MINE in said(change(admin, "/delete/allowed_ip", "198.51.100.0/24", 400))
    change(admin, "/delete/allowed_ip", "192.0.2.1", 404)
    change(admin, "/delete/allowed_ip", "198.51.100.0/24", client=OTHERS)
    wait_for(lambda: statuses(admin.gateway, client=MINE) == {403}, 5, "all workers")
    done = change(admin, "/delete/allowed_ip", OTHERS, client=OTHERS)
    assert done == {"message": f"IP {OTHERS} deleted successfully", "status": "success"}
    assert forwarded(admin) == {"data": None}
    wait_for(lambda: statuses(admin.gateway, client=MINE) == {200}, 5, "all workers")
    rows = audits(database, OTHERS)
    assert len(rows) == 3 and {r[1] for r in rows} == {"general_settings"}
    assert json.loads(rows[-1][2]) == {"allowed_ips": [OTHERS]} and json.loads(rows[-1][3]) == {"allowed_ips": []}


def test_addresses_of_the_file(start, database):
    with administered(start(allowed_ips=["127.0.0.1", MINE]), database) as admin:
        change(admin, "/add/allowed_ip", OTHERS)
        assert forwarded(admin) == {"data": ["127.0.0.1", MINE, OTHERS]}
        assert "configuration file" in said(change(admin, "/delete/allowed_ip", MINE, 400, client=OTHERS))
        change(admin, "/delete/allowed_ip", OTHERS)
        assert statuses(admin.gateway, client=OTHERS) == {403}


def test_many_at_once(admin):
    change(admin, "/add/allowed_ip", "198.51.100.0/24")
    ips = [f"192.0.2.{i}" for i in range(8)]
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda ip: change(admin, "/add/allowed_ip", ip), ips))
    wait_for(lambda: set(forwarded(admin)["data"]) == {"198.51.100.0/24", *ips}, 5, "all of them, in any worker")
    for ip in ips:
        change(admin, "/delete/allowed_ip", ip)
    change(admin, "/delete/allowed_ip", "198.51.100.0/24")


BASE = "/config/pass_through_endpoint"


def put(admin, where, status=200, /, **body):
    answer = admin.ask("POST", where, body)
    assert answer.status_code == status, answer.text
    return answer.json()


def header(server, name):
    """Of the last request there."""
    return {n.lower(): v for n, v in server.seen[-1][2].items()}.get(name)


def endpoints(admin, **query):
    return {e["id"] or e["path"]: e for e in admin.get(BASE, **query)["endpoints"]}


def test_an_endpoint_lives(admin, other, server, database):
    given = {"path": "/elsewhere", "target": server.url + "/echo", "headers": {"X-Secret": SECRET}, "methods": ["POST"]}
    made = put(admin, BASE, **given, is_from_config=False)["endpoints"]
    assert len(made) == 1 and made[0]["id"] and made[0]["headers"] == {"X-Secret": "****"}
    key, shown = made[0]["id"], made[0]
    expected = {"path": "/elsewhere", "target": server.url + "/echo", "auth": True, "is_from_config": False, "methods": ["POST"]}
    assert {name: shown[name] for name in expected} == expected
    assert endpoints(admin, endpoint_id=key) == {key: shown}
    of_file = endpoints(admin)["/of-the-file"]
    assert of_file["is_from_config"] is True and of_file["headers"] == {"Authorization": "****"}
    assert admin.ask("POST", "/elsewhere", {"a": 1}).status_code == 200
    assert header(server, "x-secret") == SECRET
    wait_for(lambda: statuses(admin.gateway, "/elsewhere", method="POST") == {200}, 5, "all workers")
    wait_for(lambda: statuses(other.gateway, "/elsewhere", method="POST") == {200}, 10, "the other gateway")
    # What was shown masked and comes back stays as it is.
    changed = put(admin, f"{BASE}/{key}", path="/moved", headers={"X-Secret": "****", "X-More": "m"})["endpoints"][0]
    assert changed == {**shown, "path": "/moved", "headers": {"X-Secret": "****", "X-More": "****"}}
    assert admin.ask("POST", "/elsewhere", {}).status_code == 404
    assert admin.ask("POST", "/moved", {}).status_code == 200
    assert (header(server, "x-secret"), header(server, "x-more")) == (SECRET, "m")
    assert "planted" not in str(database.query('SELECT * FROM "LiteLLM_Config"'))
    assert len(audits(database, "/moved")) == 1
    assert admin.ask("DELETE", BASE, endpoint_id=key).json()["endpoints"] == [changed]
    assert admin.ask("POST", "/moved", {}).status_code == 404
    wait_for(lambda: statuses(other.gateway, "/moved", method="POST") == {404}, 10, "the other gateway")
    assert list(endpoints(admin)) == ["/of-the-file"]
    assert len(audits(database, "/moved")) == 2
    for gateway in admin.gateway, other.gateway:
        assert "planted" not in gateway.log()


def test_masks(admin, server, database):
    """A mask is what was shown: before another server, or where nothing was, it stands for nothing."""
    given = {"path": "/masked", "target": server.url + "/echo?subscription-key=planted&v=1"}
    shown = put(admin, BASE, id="m", **given)["endpoints"][0]
    assert shown["target"] == server.url + "/echo?****"
    assert put(admin, BASE + "/m", target=shown["target"], timeout=5)["endpoints"] == [{**shown, "timeout": 5}]
    assert admin.ask("GET", "/masked").status_code == 200
    assert "subscription-key=planted" in server.seen[-1][1]
    for wrong in ({"target": "http://other.test/echo?****"}, {"headers": {"X-New": "****"}}):
        assert "mask" in said(put(admin, BASE + "/m", 400, **wrong)), wrong
    assert "mask" in said(put(admin, BASE, 400, path="/copy", target=server.url, headers={"X-Secret": "****"}))
    assert endpoints(admin, endpoint_id="m") == {"m": {**shown, "timeout": 5}}
    assert admin.ask("DELETE", BASE, endpoint_id="m").status_code == 200
    assert len(audits(database, "REDACTED")) >= 3  # nothing of the parameters, which `audits` looks for
    assert "planted" not in str(admin.get("/config/list", config_type="general_settings"))


def test_endpoints_that_are_refused(admin, server):
    put(admin, BASE, id="one", path="/one", target=server.url)
    for wrong, why in (
        ({"path": "no-path", "target": server.url}, "expected a path"),
        ({"path": "/two", "target": "ftp://x"}, "expected a target"),
        ({"path": "/two", "target": server.url, "headers": {"A": "b\r\nC: d"}}, "header"),
        ({"path": "/two", "target": server.url, "guardrails": {"g": None}}, "guardrails"),
        ({"path": "/one", "target": server.url}, "another endpoint"),
        ({"path": "/of-the-file", "target": server.url}, "another endpoint"),
        ({"path": "/v1/models", "target": server.url}, "route of its own there: GET /v1/models"),
        ({"id": "one", "path": "/two", "target": server.url}, "this id already"),
    ):
        assert why in said(put(admin, BASE, 400, **wrong)), wrong
    assert "another endpoint" in said(put(admin, BASE + "/one", 400, path="/of-the-file"))
    put(admin, BASE + "/nobody", 404, path="/x")
    admin.get(BASE, endpoint_id="nobody")
    assert admin.ask("DELETE", BASE, endpoint_id="nobody").status_code == 400
    assert admin.ask("DELETE", BASE).status_code == 400
    assert set(endpoints(admin)) == {"/of-the-file", "one"}
    assert admin.ask("DELETE", BASE, endpoint_id="one").status_code == 200


def test_what_litellm_wrote(admin, server, database):
    """In the clear, beside settings that belong to the file; what cannot be used is told, the rest holds."""
    entry = {"id": "theirs", "path": "/theirs", "target": server.url + "/echo", "headers": {"X-Secret": "in-the-clear"},
             "include_subpath": False, "cost_per_request": 0.0, "auth": True, "guardrails": None, "methods": None,
             "default_query_params": {}, "timeout": None}
    settings = {"master_key": "sk-other", "pass_through_endpoints": [entry, {"id": "alien", "path": "x"}, 5], "allowed_ips": "x"}
    database.query("DELETE FROM \"LiteLLM_Config\" WHERE param_name = 'general_settings'")
    database.query(f"""INSERT INTO "LiteLLM_Config" (param_name, param_value) VALUES ('general_settings', '{json.dumps(settings)}')""")
    admin.post("/config/update", litellm_settings={"drop_params": True})  # has all of it read
    assert set(endpoints(admin)) == {"/of-the-file", "theirs"}
    assert admin.ask("GET", "/theirs").status_code == 200
    assert header(server, "x-secret") == "in-the-clear"
    assert "pass_through_endpoints alien" in admin.gateway.log()
    assert admin.ask("DELETE", BASE, endpoint_id="theirs").status_code == 200
    left = json.loads(database.query("SELECT param_value FROM \"LiteLLM_Config\" WHERE param_name = 'general_settings'")[0][0])
    assert left == {**settings, "pass_through_endpoints": [{"id": "alien", "path": "x"}, 5]}


def test_without_store_model_in_db(start, database):
    with administered(start(store_model_in_db=False), database) as admin:
        assert "store_model_in_db" in said(admin.post("/add/allowed_ip", 500, ip="127.0.0.1"))
        assert "store_model_in_db" in said(put(admin, BASE, 500, path="/x", target="http://127.0.0.1:9"))
        assert list(endpoints(admin)) == ["/of-the-file"] and admin.get("/get/allowed_ips") == {"data": None}
