"""Keys of each database: made, used, held to what they may, changed and taken away; known to every
gateway on the same database, and while it is away."""

import concurrent.futures
import contextlib
import hashlib
import threading

import httpx
import pytest
from conftest import KEY, configuration
from databases import KINDS
from programs import wait_for


@pytest.fixture(scope="module", params=KINDS)
def database(request, database_server):
    server = database_server(request.param)
    server.create("keys")
    return server


def with_database(simulator, database, directory):
    return configuration(
        simulator.url,
        general_settings={
            "database_url": database.url,
            "data_directory": str(directory),
            "database_connect_timeout": 1,
        },
    )


@pytest.fixture(scope="module")
def keyed(launch, simulator, database, tmp_path_factory):
    gateway = launch(with_database(simulator, database, tmp_path_factory.mktemp("data")))
    wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
    return gateway


def ask(gateway, path, body=None, by=KEY, headers=None, **params):
    method = "GET" if body is None else "POST"
    headers = {"Authorization": f"Bearer {by}", **(headers or {})}
    return httpx.request(method, gateway.base_url.removesuffix("/v1") + path, json=body, params=params, headers=headers, timeout=20)


def chat(gateway, key, model="claude"):
    return ask(gateway, "/v1/chat/completions", {"model": model, "messages": [{"role": "user", "content": "hi"}]}, key)


@contextlib.contextmanager
def ongoing(call):
    """Calls, one after the other, for as long as the block runs."""
    over = threading.Event()

    def run():
        while not over.is_set():
            call()

    caller = threading.Thread(target=run)
    caller.start()
    try:
        yield
    finally:
        over.set()
        caller.join()


def generate(gateway, **members):
    answer = ask(gateway, "/key/generate", members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def error(answer):
    return answer.status_code, answer.json()["error"]["type"]


def error_of(answer):
    return answer.is_error and error(answer)


def test_a_key_is_made_shown_once_and_works(keyed, database):
    made = generate(keyed)
    key = made["key"]
    assert key.startswith("sk-") and len(key) == 35
    assert made["key_name"] == "sk-..." + key[-4:]
    assert made["token"] == made["token_id"] == hashlib.sha256(key.encode()).hexdigest()
    assert made["models"] == [] and made["metadata"] == {} and made["max_budget"] is None
    assert made["key_type"] == "default" and made["created_by"] == "default_user_id"
    assert chat(keyed, key).status_code == 200
    dump = database.query('SELECT * FROM "LiteLLM_VerificationToken"')
    assert made["token"] in str(dump) and key not in str(dump)


def test_all_the_usual_members(keyed):
    given = {
        "key_alias": "full",
        "models": ["claude"],
        "max_budget": 10.5,
        "budget_duration": "30d",
        "tpm_limit": 10000,
        "rpm_limit": 100,
        "max_parallel_requests": 5,
        "metadata": {"a": 1},
        "aliases": {"mine": "claude"},
        "user_id": "someone",
    }
    made = generate(keyed, **given, duration="30d", tags=["x"], model_rpm_limit={"claude": 7}, nobody_knows_this=1)
    info = ask_info(keyed, made["key"])
    given["metadata"] = {"a": 1, "tags": ["x"], "model_rpm_limit": {"claude": 7}}
    assert {name: info[name] for name in given} == given
    assert {name: made[name] for name in given} == given
    assert made["tags"] == ["x"] and made["expires"] and info["budget_reset_at"][8:10] == "01"
    headers = chat(keyed, made["key"]).headers
    assert headers["x-litellm-key-rpm-limit"] == "100"
    assert headers["x-ratelimit-model_per_key-limit-requests"] == "7"


def ask_info(gateway, key, by=KEY):
    answer = ask(gateway, "/key/info", None, by, key=key)
    assert answer.status_code == 200, answer.text
    return answer.json()["info"]


def test_own_text_of_a_key(keyed):
    assert generate(keyed, key="sk-of-my-own-choice")["key"] == "sk-of-my-own-choice"
    assert chat(keyed, "sk-of-my-own-choice").status_code == 200
    assert ask(keyed, "/key/generate", {"key": "sk-of-my-own-choice"}).status_code == 400
    refused = ask(keyed, "/key/generate", {"key": "mykey"})
    assert refused.status_code == 400 and "must start with 'sk-'" in refused.text


@pytest.mark.parametrize(
    "members", [{"duration": "soon"}, {"models": "claude"}, {"max_budget": "much"}, {"metadata": []}, {"duration": "9" * 30 + "d"}]
)
def test_members_of_a_wrong_kind(keyed, members):
    refused = ask(keyed, "/key/generate", members)
    assert refused.status_code == 400 and next(iter(members)) in refused.text


def test_models_of_a_key(keyed):
    key = generate(keyed, models=["claude"])["key"]
    assert chat(keyed, key, "claude").status_code == 200
    assert error(chat(keyed, key, "nova")) == (403, "key_model_access_denied")
    assert [m["id"] for m in ask(keyed, "/v1/models", None, key).json()["data"]] == ["claude"]
    assert ask(keyed, "/v1/models/claude", None, key).json()["id"] == "claude"
    unseen, unknown = ask(keyed, "/v1/models/nova", None, key), ask(keyed, "/v1/models/nobody", None, key)
    assert unseen.status_code == unknown.status_code == 404
    assert unseen.json() == {"detail": "The model `nova` does not exist or is not accessible"}
    own = generate(keyed, models=["claude"], aliases={"mine": "claude", "not-mine": "nova"})["key"]
    assert ask(keyed, "/v1/models/mine", None, own).json()["id"] == "mine"
    assert ask(keyed, "/v1/models/not-mine", None, own).status_code == 404
    updated = ask(keyed, "/key/update", {"key": key, "models": ["nova"], "metadata": {"x": "y"}}).json()
    assert updated["models"] == ["nova"] and updated["metadata"] == {"x": "y"}
    assert error(chat(keyed, key, "claude")) == (403, "key_model_access_denied")


def test_limits_of_a_key(keyed):
    key = generate(keyed, rpm_limit=1)["key"]
    assert [chat(keyed, key).status_code for _ in range(2)] == [200, 429]


def test_an_expired_key(keyed):
    key = generate(keyed, duration="1s")["key"]
    wait_for(lambda: chat(keyed, key).status_code == 401, 10, "the key's end")
    refused = chat(keyed, key)
    assert error(refused) == (401, "expired_key") and refused.json()["error"]["param"] == "sk-..." + key[-4:]


def test_a_blocked_key(keyed):
    key = generate(keyed)["key"]
    assert chat(keyed, key).status_code == 200
    assert ask(keyed, "/key/block", {"key": key}).json()["blocked"] is True
    assert error(chat(keyed, key)) == (401, "auth_error")
    assert ask(keyed, "/key/unblock", {"key": key}).json()["blocked"] is False
    assert chat(keyed, key).status_code == 200


def test_a_deleted_key(keyed):
    key = generate(keyed, key_alias="short-lived")["key"]
    assert chat(keyed, key).status_code == 200
    assert ask(keyed, "/key/delete", {"keys": [key]}).json() == {"deleted_keys": [key]}
    refused = chat(keyed, key)
    assert error(refused) == (401, "token_not_found_in_db")
    assert hashlib.sha256(key.encode()).hexdigest() in refused.text and key not in refused.text
    assert ask_info(keyed, key)["status"] == "deleted"
    assert ask(keyed, "/key/delete", {"keys": [key]}).status_code == 404
    key = generate(keyed, key_alias="by-alias")["key"]
    assert ask(keyed, "/key/delete", {"key_aliases": ["by-alias"]}).json() == {"deleted_keys": ["by-alias"]}
    assert chat(keyed, key).status_code == 401


def test_an_alias_is_of_one_key_when_two_gateways_give_it_at_once(keyed, launch, simulator, database, tmp_path):
    gateways = [keyed, launch(with_database(simulator, database, tmp_path))]
    for gateway in gateways:
        wait_for(lambda g=gateway: ask(g, "/key/generate", {}).status_code == 200, 20, "the database")
    with concurrent.futures.ThreadPoolExecutor(2) as both:
        for i in range(15):
            body = {"key_alias": f"raced for {i}"}
            made, refused = sorted(both.map(lambda g, b=body: ask(g, "/key/generate", b), gateways), key=lambda a: a.status_code)
            assert (made.status_code, refused.status_code) == (200, 400), (made.text, refused.text)
            assert "already exists" in refused.text


def test_an_alias_is_of_one_key(keyed):
    first, second = generate(keyed, key_alias="of one")["key"], generate(keyed)["key"]
    taken = [
        ask(keyed, "/key/generate", {"key_alias": "of one"}),
        ask(keyed, "/key/update", {"key": second, "key_alias": "of one"}),
        ask(keyed, f"/key/{second}/regenerate", {"key_alias": "of one"}),
    ]
    assert [error(answer) for answer in taken] == [(400, "bad_request_error")] * 3
    assert all("Key with alias 'of one' already exists." in answer.text for answer in taken)
    assert taken[0].json()["error"]["param"] == "key_alias"
    assert ask_info(keyed, second)["key_alias"] is None and chat(keyed, second).status_code == 200
    assert ask(keyed, "/key/update", {"key": first, "key_alias": "of one", "tpm_limit": 1000}).status_code == 200
    ask(keyed, "/key/delete", {"keys": [first]})
    assert ask(keyed, "/key/update", {"key": second, "key_alias": "of one"}).status_code == 200


def test_keys_that_are_not_there(keyed):
    assert error(chat(keyed, "sk-nobody")) == (401, "token_not_found_in_db")
    assert error(ask(keyed, "/key/info", None, KEY, key="sk-nobody")) == (404, "not_found_error")
    assert error(ask(keyed, "/key/update", {"key": "sk-nobody", "models": []})) == (404, "not_found_error")
    assert error(ask(keyed, "/key/block", {"key": "sk-nobody"})) == (404, "not_found_error")
    generate(keyed, key="sk-nobody")  # that it was none is not remembered
    assert chat(keyed, "sk-nobody").status_code == 200


@pytest.mark.parametrize("path", ["generate", "update", "delete", "block", "unblock"])
def test_an_ordinary_key_is_no_admin(keyed, path):
    key = generate(keyed)["key"]
    refused = ask(keyed, f"/key/{path}", {"key": key}, key)
    assert error(refused) == (401, "auth_error")
    assert f"Only proxy admin can be used to generate, delete, update info for new keys/users/teams. Route=/key/{path}" in refused.text


def test_a_key_may_look_at_itself_only(keyed):
    mine, other = generate(keyed)["key"], generate(keyed)["key"]
    assert ask(keyed, "/key/info", None, mine).json()["info"]["key_name"] == "sk-..." + mine[-4:]
    assert ask(keyed, "/key/info", None, mine, key=other).status_code == 403


@pytest.mark.parametrize(
    "members, chats, lists, informs",
    [
        ({}, 200, 200, 200),
        ({"key_type": "llm_api"}, 200, 200, 200),
        ({"key_type": "management"}, 403, 403, 403),
        ({"key_type": "read_only"}, 403, 200, 200),
        ({"allowed_routes": ["/v1/models"]}, 403, 200, 403),
        ({"allowed_routes": ["/v1/chat/*"]}, 200, 403, 403),
        ({"allowed_routes": ["anthropic_routes", "/key/info"]}, 403, 403, 200),
        ({"allowed_routes": ["nothing_we_know"]}, 403, 403, 403),
    ],
)
def test_routes_of_a_key(keyed, members, chats, lists, informs):
    key = generate(keyed, **members)["key"]
    assert chat(keyed, key).status_code == chats
    assert ask(keyed, "/v1/models", by=key).status_code == lists
    assert ask(keyed, "/key/info", by=key).status_code == informs
    assert ask(keyed, "/key/generate", {}, key).status_code in (401, 403)


def test_a_budget_begins_anew(keyed):
    made = generate(keyed, max_budget=1e-7, budget_duration="3s")
    key, first = made["key"], ask_info(keyed, made["key"])["budget_reset_at"]
    for _ in range(2):
        wait_for(lambda: error_of(chat(keyed, key)) == (422, "budget_exceeded"), 15, "the budget's end")
        wait_for(lambda: chat(keyed, key).status_code == 200, 15, "the next period")
    assert ask_info(keyed, key)["budget_reset_at"] > first


def test_a_budget_is_enforced(keyed):
    key = generate(keyed, max_budget=1e-7)["key"]
    assert chat(keyed, key).status_code == 200
    refused = chat(keyed, key)
    assert error(refused) == (422, "budget_exceeded")
    assert f"Budget has been exceeded! Key=key (sk-...{key[-4:]}) Current cost: " in refused.text
    wait_for(lambda: ask_info(keyed, key)["spend"] > 0, 10, "the spend in the database")
    assert ask(keyed, "/key/update", {"key": key, "max_budget": 1}).json()["max_budget"] == 1
    assert chat(keyed, key).status_code == 200


def test_another_gateway_knows_of_changes(keyed, launch, simulator, database, tmp_path):
    other = launch(with_database(simulator, database, tmp_path))
    key = generate(keyed)["key"]
    wait_for(lambda: chat(other, key).status_code == 200, 10, "the key at the other gateway")
    ask(keyed, "/key/block", {"key": key})
    wait_for(lambda: chat(other, key).status_code == 401, 10, "the block at the other gateway")


def test_while_the_database_is_away_known_keys_go_on(keyed, database):
    key = generate(keyed)["key"]
    assert chat(keyed, key).status_code == 200
    with database.away():
        assert chat(keyed, "sk-unknown-while-away").status_code in (401, 503)  # a file that is locked can be read
        assert all(chat(keyed, key).status_code == 200 for _ in range(5))
    wait_for(lambda: ask(keyed, "/key/generate", {}).status_code == 200, 60, "the database's return")


def test_lists_of_keys(keyed):
    made = [generate(keyed, key_alias=f"listed-{i}", user_id="lister") for i in range(3)]
    page = ask(keyed, "/key/list", user_id="lister", size=2, sort_by="key_alias", sort_order="asc").json()
    assert page == {"keys": [m["token"] for m in made[:2]], "total_count": 3, "current_page": 1, "total_pages": 2}
    last = ask(keyed, "/key/list", user_id="lister", size=2, page=2, sort_by="key_alias", sort_order="asc", return_full_object=True)
    assert [k["key_alias"] for k in last.json()["keys"]] == ["listed-2"]
    assert ask(keyed, "/key/list", key_alias="LISTED-1").json()["total_count"] == 1
    assert ask(keyed, "/key/list", sort_by="nothing").status_code == 400
    aliases = ask(keyed, "/key/aliases", search="listed-").json()
    assert aliases["aliases"] == ["listed-0", "listed-1", "listed-2"] and aliases["total_count"] == 3
    infos = ask(keyed, "/v2/key/info", {"keys": [made[0]["key"], made[1]["token"]]}).json()["info"]
    assert sorted(i["key_alias"] for i in infos) == ["listed-0", "listed-1"]


def test_a_key_is_renewed(keyed):
    old = generate(keyed, key_alias="renewed", models=["claude"])["key"]
    assert chat(keyed, old).status_code == 200
    new = ask(keyed, "/key/regenerate", {"key": old, "grace_period": "1h", "key_alias": "renewed-2"}).json()
    assert new["key"] != old and new["key_alias"] == "renewed-2" and new["models"] == ["claude"]
    assert ask_info(keyed, new["key"])["rotation_count"] == 1
    assert chat(keyed, new["key"]).status_code == chat(keyed, old).status_code == 200
    last = ask(keyed, f"/key/{new['key']}/regenerate", {"new_key": "sk-renewed-by-hand"}).json()
    assert last["key"] == "sk-renewed-by-hand"
    assert [chat(keyed, k).status_code for k in (new["key"], last["key"])] == [401, 200]
    assert ask(keyed, "/key/regenerate", {"key": "sk-nobody-at-all"}).status_code == 404


def test_a_renewed_key_has_an_end(keyed):
    old = generate(keyed)["key"]
    new = ask(keyed, "/key/regenerate", {"key": old, "grace_period": "1s"}).json()["key"]
    wait_for(lambda: chat(keyed, old).status_code == 401, 10, "the end of the old key")
    assert chat(keyed, new).status_code == 200


def test_what_a_key_spent_is_taken_back(keyed):
    """While others' spend is on its way to the database: that is none of its business."""
    key, other = generate(keyed, max_budget=1e-7)["key"], generate(keyed)["key"]
    assert [chat(keyed, key).status_code for _ in range(2)] == [200, 422]
    wait_for(lambda: ask_info(keyed, key)["spend"] > 0, 10, "the spend in the database")
    with ongoing(lambda: chat(keyed, other)):
        for _ in range(4):
            reset = ask(keyed, f"/key/{key}/reset_spend", {"reset_to": 0}).json()
            assert reset["spend"] == 0 and reset["previous_spend"] > 0
            assert [chat(keyed, key).status_code for _ in range(2)] == [200, 422]
            wait_for(lambda: ask_info(keyed, key)["spend"] > 0, 10, "the spend in the database")
    assert ask(keyed, f"/key/{key}/reset_spend", {"reset_to": 5}).status_code == 400


def test_keys_of_services(keyed):
    ask(keyed, "/team/new", {"team_id": "of-services"})
    made = ask(keyed, "/key/service-account/generate", {"team_id": "of-services", "key_alias": "robot"}).json()
    assert made["team_id"] == "of-services" and made["user_id"] is None
    assert ask(keyed, "/key/service-account/generate", {}).status_code == 400
    assert ask(keyed, "/key/health", {}, made["key"]).json()["key"] == "healthy"


# ---- roles -----------------------------------------------------------------------------------------

ROLES = ["proxy_admin", "proxy_admin_viewer", "internal_user", "internal_user_viewer", "team", "customer"]
# route → who may; all others get 401 or 403, all get 401 without a key
ADMINS = {"proxy_admin", "proxy_admin_viewer"}
USERS = {"internal_user", "internal_user_viewer", "team admin"}
WITHOUT_ROLE = {"team", "customer"}  # which no user can have
MAY = {
    ("GET", "/user/list"): ADMINS,
    ("GET", "/team/list"): ADMINS | USERS | WITHOUT_ROLE,
    ("GET", "/user/info"): ADMINS | USERS | WITHOUT_ROLE,
    ("GET", "/global/spend"): ADMINS | USERS,
    ("POST", "/budget/info"): ADMINS,
    ("POST", "/user/new"): {"proxy_admin"},
    ("POST", "/team/new"): {"proxy_admin"},
    ("POST", "/budget/new"): {"proxy_admin"},
    ("POST", "/model/new"): {"proxy_admin"},
    ("POST", "/key/block"): {"proxy_admin", "internal_user", "team admin"},
    ("POST", "/key/generate"): {"proxy_admin", "internal_user", "team admin"},
    ("POST", "/key/delete"): {"proxy_admin", "internal_user", "team admin"},
    ("POST", "/key/regenerate"): {"proxy_admin", "internal_user", "team admin"},
    ("GET", "/key/list"): ADMINS | USERS | WITHOUT_ROLE,
    ("GET", "/v1/models"): {*ROLES, "team admin", "nobody"},
    ("GET", "/key/info"): {*ROLES, "team admin", "nobody"},
}


@pytest.fixture(scope="module")
def holders(keyed):
    """A key of a user of each role, of the admin of a team, and of nobody."""
    keys = {"nobody": generate(keyed)["key"]}
    for role in ROLES:
        ask(keyed, "/user/new", {"user_id": f"r-{role}", "user_role": role, "auto_create_key": False})
        keys[role] = generate(keyed, user_id=f"r-{role}")["key"]
    member = {"user_id": "r-boss", "role": "admin"}
    ask(keyed, "/team/new", {"team_id": "r-team", "members_with_roles": [member]})
    keys["team admin"] = generate(keyed, user_id="r-boss", team_id="r-team")["key"]
    return keys


@pytest.mark.parametrize("route", MAY, ids=" ".join)
def test_roles(keyed, holders, route):
    method, path = route
    body = {} if method == "POST" else None
    may = {role for role, key in holders.items() if ask(keyed, path, body, key).status_code not in (401, 403)}
    assert may == MAY[route]
    assert ask(keyed, path, body, "nothing").status_code == 401


def test_internal_users_have_their_own_keys(keyed, holders):
    user, other = holders["internal_user"], generate(keyed, user_id="r-else")["key"]
    mine = ask(keyed, "/key/generate", {"key_alias": "mine"}, user).json()
    assert mine["user_id"] == "r-internal_user"
    for refused in {"user_id": "r-else"}, {"team_id": "r-team"}, {"budget_id": "b"}, {"spend": -1}:
        assert ask(keyed, "/key/generate", refused, user).status_code == 403
    listed = ask(keyed, "/key/list", None, user, return_full_object=True).json()["keys"]
    assert len(listed) >= 2 and {k["user_id"] for k in listed} == {"r-internal_user"}
    assert ask(keyed, "/key/update", {"key": mine["key"], "key_alias": "still mine"}, user).status_code == 200
    assert ask(keyed, "/key/update", {"key": mine["key"], "max_budget": 9}, user).status_code == 403
    for path, body in ("update", {"key_alias": "x"}), ("delete", {"keys": [other]}), ("regenerate", {}), ("info", None):
        answer = ask(keyed, f"/key/{path}", body if body is None else {"key": other, **body}, user, **({"key": other} if body is None else {}))
        assert answer.status_code == 403, path
    assert ask(keyed, "/key/delete", {"keys": [mine["key"]]}, user).status_code == 200


def test_without_a_database(launch, simulator):
    gateway = launch(configuration(simulator.url))
    assert ask(gateway, "/key/generate", {}).status_code == 500
    assert chat(gateway, "sk-unknown").status_code == 401


def test_bedrock_s_own_calls_are_accounted(keyed, database):
    """Priced and noted as those of other dialects, until the key's budget is used up."""
    made = generate(keyed, max_budget=0.001, models=["claude"])
    body = {"messages": [{"role": "user", "content": [{"text": "[[sim:usage(1000,100)]]"}]}]}
    path = "/bedrock/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/"
    assert ask(keyed, path + "converse-stream", body, made["key"]).status_code == 200
    rows = f"SELECT call_type, model_group, prompt_tokens, completion_tokens, spend, status FROM \"LiteLLM_SpendLogs\" WHERE api_key = '{made['token']}'"
    (row,) = wait_for(lambda: database.query(rows), 20, "the row")
    assert row[:4] == ("allm_passthrough_route", "claude", "1000", "100") and row[5] == "success"
    assert float(row[4]) == pytest.approx(1000 * 3.3e-6 + 100 * 16.5e-6)
    refused = ask(keyed, path + "converse", body, made["key"])
    assert refused.status_code == 422 and refused.headers["x-amzn-errortype"] == "ValidationException"
    assert "Budget has been exceeded" in refused.json()["message"]
