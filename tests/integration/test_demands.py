"""What general_settings demands of calls of models, and who may log in at the admin UI."""

import httpx
import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_keys import ask, generate

pytestmark = pytest.mark.timeout(120)

ONE_MODEL = "sk-for-claude-only"
SERVICE = {"metadata": {"service_account_id": "robot"}}


@pytest.fixture(scope="module")
def gateway(launch, simulator, tmp_path_factory):
    blocked = tmp_path_factory.mktemp("lists") / "blocked.txt"
    blocked.write_text("mallory\n\n  trudy\n")
    general = {
        "database_url": "sqlite",
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "enforce_user_param": True,
        "reject_clientside_metadata_tags": True,
        "missing_session_id": "reject",
        "enforced_params": ["max_tokens", "metadata.generation_name"],
        "service_account_settings": {"enforced_params": ["metadata.job"]},
        "enforce_fallback_model_access": True,
        "api_keys": [{"key": ONE_MODEL, "models": ["claude"]}],
    }
    litellm = {"blocked_user_list": str(blocked), "banned_keywords_list": ["Forbidden words"], "callbacks": ["banned_keywords"]}
    router = {"fallbacks": [{"claude": ["nova"]}]}
    config = configuration(simulator.url, general_settings=general, litellm_settings=litellm, router_settings=router)
    gateway = launch(config, warm=False)  # the usual first call would be refused
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    assert call(gateway).status_code == 200
    gateway.holds()
    gateway.set_baseline()
    return gateway


def call(gateway, path="/v1/chat/completions", key=KEY, text="hi", without=(), headers=None, **members):
    body = {
        "model": "claude",
        "messages": [{"role": "user", "content": text}],
        "max_tokens": 8,
        "user": "alice",
        "metadata": {"generation_name": "g", "session_id": "s"},
        **members,
    }
    return ask(gateway, path, {k: v for k, v in body.items() if k not in without}, key, headers)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/completions", "/v1/responses"])
def test_a_call_that_has_all_of_it(gateway, path):
    field = {"/v1/completions": "prompt", "/v1/responses": "input"}.get(path)
    answer = call(gateway, path, **({field: "hi"} if field else {}))
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize(
    "change, status, param, message",
    [
        ({"without": ["user"]}, 401, "None", "'user' param not passed in. 'enforce_user_param'=True"),
        ({"user": "mallory"}, 400, None, "User blocked from making LLM API Calls. User=mallory"),
        ({"headers": {"x-litellm-end-user-id": "trudy"}}, 400, None, "User blocked from making LLM API Calls. User=trudy"),
        ({"without": ["max_tokens"]}, 400, "max_tokens", "BadRequest please pass param=max_tokens in request body. This is a required param"),
        ({"metadata": {"session_id": "s"}}, 400, "metadata.generation_name", "please pass param=metadata.generation_name"),
        ({"metadata": {"generation_name": "g"}}, 400, "session_id", "No session id"),
        ({"metadata": {"generation_name": "g", "session_id": "s", "tags": []}}, 400, "metadata.tags", "'metadata.tags' not allowed in request"),
        ({"tags": ["a"]}, 400, "metadata.tags", "'metadata.tags' not allowed in request"),
        ({"headers": {"x-litellm-tags": "a"}}, 400, "metadata.tags", "'metadata.tags' not allowed in request"),
        ({"text": "some FORBIDDEN words"}, 400, None, "Content blocked: keyword 'FORBIDDEN words' detected"),
    ],
)
def test_a_call_that_lacks_something(gateway, change, status, param, message):
    answer = call(gateway, **change)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert message in error["message"] or message in answer.text
    if param:
        assert error["param"] == param


def test_headers_may_name_the_user_and_the_session(gateway):
    said = {"x-litellm-customer-id": "bob", "x-litellm-session-id": "of-bob"}
    answer = call(gateway, without=["user"], metadata={"generation_name": "g"}, headers=said)
    assert answer.status_code == 200, answer.text


def test_the_refusal_speaks_the_clients_dialect(gateway):
    answer = call(gateway, "/v1/messages", without=["user"])
    assert answer.status_code == 401 and answer.json()["type"] == "error"
    native = {"messages": [{"role": "user", "content": [{"text": "hi"}]}]}
    answer = ask(gateway, "/bedrock/model/claude/converse", native, KEY, {"x-litellm-customer-id": "bob", "x-litellm-session-id": "s"})
    assert answer.status_code == 400 and "max_tokens" in answer.text


def test_keys_demand_more(gateway):
    service = generate(gateway, **SERVICE)["key"]
    own = generate(gateway, metadata={"enforced_params": ["temperature"]})["key"]
    assert "metadata.job" in call(gateway, key=service).text
    job = {"generation_name": "g", "session_id": "s", "job": "nightly"}
    assert call(gateway, key=service, metadata=job).status_code == 200
    assert "temperature" in call(gateway, key=own).text
    assert call(gateway, key=own, temperature=0.5).status_code == 200


def test_fallbacks_only_to_models_of_the_caller(gateway):
    assert call(gateway, mock_testing_fallbacks=True).headers["x-litellm-attempted-fallbacks"] == "1"
    refused = call(gateway, key=ONE_MODEL, mock_testing_fallbacks=True)
    assert refused.status_code == 500, refused.text
    assert call(gateway, key=ONE_MODEL).status_code == 200


@pytest.fixture(scope="module")
def office(launch, simulator, tmp_path_factory):
    general = {
        "database_url": "sqlite",
        "data_directory": str(tmp_path_factory.mktemp("data")),
        "missing_session_id": "generate",
        "user_header_mappings": [
            {"header_name": "X-Person", "litellm_user_role": "internal_user"},
            {"header_name": "X-Guest", "litellm_user_role": "customer"},
        ],
        "trusted_proxy_ranges": ["127.0.0.1"],
        "max_failed_login_attempts_per_source": 2,
        "max_failed_login_attempts_per_source_overrides": {"198.51.100.0/24": 0, "198.51.100.7": 3},
        "ui_access_mode": "admin_only",
        "block_robots": True,
    }
    gateway = launch(configuration(simulator.url, general_settings=general))
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    return gateway


def row_of(gateway, answer):
    assert answer.status_code == 200, answer.text
    request_id = answer.headers["x-litellm-call-id"]

    def rows():
        return ask(gateway, "/spend/logs", request_id=request_id).json()

    wait_for(rows, 20, "the row")
    return rows()[0]


def test_headers_name_whom_a_call_is_for(office):
    said = {"x-person": "carol", "x-guest": "guest-1"}
    row = row_of(office, call(office, headers=said, metadata={}, without=["user"]))
    assert (row["user"], row["end_user"]) == ("carol", "guest-1")
    assert call(office, headers={"x-guest": "g"}).status_code == 200


def test_a_session_for_those_without_one(office):
    first, second = row_of(office, call(office, metadata={})), row_of(office, call(office, metadata={}))
    assert first["session_id"] and second["session_id"] and first["session_id"] != second["session_id"]
    assert row_of(office, call(office, metadata={"session_id": "mine"}))["session_id"] == "mine"


def log_in(gateway, address, name="admin", password="wrong"):
    url = gateway.base_url.removesuffix("/v1") + "/v2/login"
    body = {"username": name, "password": password}
    return httpx.post(url, json=body, headers={"x-forwarded-for": address}, timeout=20)


@pytest.mark.parametrize("address, tries", [("203.0.113.1", 2), ("2001:db8::1", 2), ("198.51.100.7", 3)])
def test_tries_to_log_in(office, address, tries):
    for _ in range(tries):
        assert log_in(office, address).status_code == 401
    refused = log_in(office, address, password=KEY)
    assert refused.status_code == 429 and int(refused.headers["retry-after"]) > 0
    assert log_in(office, "203.0.113.99", password=KEY).status_code == 200


def test_an_address_without_a_limit_and_a_network_of_one(office):
    assert {log_in(office, "198.51.100.8").status_code for _ in range(6)} == {401}
    for last in 1, 2:
        assert log_in(office, f"2001:db8:1::{last}").status_code == 401
    assert log_in(office, "2001:db8:1::3").status_code == 429


def test_the_pages_are_for_admins(office):
    for name, role in ("boss", "proxy_admin"), ("reader", "proxy_admin_viewer"), ("worker", "internal_user"):
        assert ask(office, "/user/new", {"user_id": name, "user_role": role, "auto_create_key": False}).status_code == 200
        key = generate(office, user_id=name)["key"]
        entered = log_in(office, f"203.0.113.{10 + len(name)}", name=name, password=key)
        assert entered.status_code == (403 if name == "worker" else 200), entered.text
        assert call(office, key=key, metadata={}).status_code == 200  # the API is another matter


def test_robots(office, gateway):
    url = office.base_url.removesuffix("/v1") + "/robots.txt"
    assert httpx.get(url).text == "User-agent: *\nDisallow: /\n"
    assert gateway.get("/robots.txt")[0] == 404
