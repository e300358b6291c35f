"""/debug/exchanges: the states in which a request waits for what lies outside: the database, Redis, AWS, the web. Each of
them is held here, the request is seen, then it is let go and ends well."""

import contextlib
import json
import stat

import pytest
from conftest import ACCESS_KEY_ID, KEY, SECRET_ACCESS_KEY, configuration, deployment
from programs import wait_for
from raw import Raw
from test_admin import Admin
from test_debug_exchanges import asking, body, check, first_in, shown
from test_fetch import Web, image
from test_thinking_memory import TOOLS, assistant, results
from way import Way

NARROW = "bedrock/us.amazon.nova-pro-v1:0"
LONG = 60  # seconds: nothing ends by itself that a test holds
LIMITED = "sk-limited"


@pytest.fixture(scope="module")
def way():
    """way(port) → a way to it that can be held."""
    ways = []

    def make(port):
        ways.append(Way(port))
        return ways[-1]

    yield make
    for w in ways:
        w.close()


# ---- what is shared -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def redis_way(way, redis):
    return way(redis.port)


@pytest.fixture(scope="module")
def sharing(launch, simulator, redis_way):
    """A gateway that waits for its Redis as long as that takes."""
    general = {
        "api_keys": [{"key": LIMITED, "rpm_limit": 1000}],
        "shared_patience": LONG,
        "coordination_redis": {"host": "127.0.0.1", "port": redis_way.port, "socket_timeout": LONG},
    }
    narrow = deployment("narrow", NARROW, simulator.url, max_parallel_requests=1)
    gateway = launch(
        configuration(
            simulator.url,
            extra_models=[narrow],
            general_settings=general,
            router_settings={"queue_timeout": LONG},
            litellm_settings={"user_url_validation": False},
        )
    )
    wait_for(lambda: not gateway.holds()["shared_state"]["away"], 20, "Redis")
    return gateway


def ask(gateway, request, path="/v1/chat/completions"):
    with asking(gateway, request, path) as raw:
        return answered(raw)


def answered(raw):
    reply = raw.reply()
    assert reply.status == 200, reply
    return reply.json()


def test_admit(sharing, redis_way):
    request = {"model": "claude", "input": "My name is Ada."}
    first = ask(sharing, request, "/v1/responses")
    with redis_way.held():
        with asking(sharing, {**request, "previous_response_id": first["id"]}, "/v1/responses") as raw:
            assert shown(sharing, "ADMIT")["path"] == "/v1/responses"
            redis_way.open.set()
            assert answered(raw)["previous_response_id"] == first["id"]


def test_limit(sharing, redis_way):
    with redis_way.held(), asking(sharing, body("hi"), key=LIMITED) as raw:
        found = shown(sharing, "LIMIT")
        assert found["model"] == "claude" and LIMITED not in json.dumps(found)
        redis_way.open.set()
        answered(raw)


def test_place(sharing, redis_way):
    """Whether there is one, of all gateways."""
    with redis_way.held(), asking(sharing, body("hi", model="narrow")) as raw:
        assert shown(sharing, "PLACE")["model_group"] == "narrow"
        redis_way.open.set()
        answered(raw)


def test_route(sharing):
    """There is none."""
    with asking(sharing, body("[[sim:hang]]", model="narrow")) as first:
        shown(sharing, "CALL")
        with asking(sharing, body("hi", model="narrow")) as second:
            assert shown(sharing, "ROUTE")["attempts"] == 0
            assert sharing.holds()["queued"] == 1
            first.socket.close()
            answered(second)


def test_recall(sharing, redis_way):
    """For 50 ms at most, so it is asked beside: whoever comes at the same moment sees it."""
    calls = [("tool-1", "get_weather", "{}")]
    messages = [{"role": "user", "content": "hi"}, assistant("", calls), *results(calls)]
    request = {"model": "claude", "messages": messages, "tools": TOOLS, "max_tokens": 20}

    def see():
        with Raw(sharing) as other, asking(sharing, request) as raw:
            other.request(target="/debug/exchanges")
            found = first_in(other.reply().json(), "RECALL")
            answered(raw)
        return found

    with redis_way.held():
        found = check(wait_for(see, 30, "a request in RECALL"))
    assert found["attempts"] == 0


def test_settle_of_a_client_that_left(sharing, redis_way):
    """What Redis grants to it has to be given back."""
    with redis_way.held():
        with asking(sharing, body("hi"), key=LIMITED):
            shown(sharing, "LIMIT")
        assert shown(sharing, "SETTLE")["path"] == "/v1/chat/completions"
    wait_for(lambda: not sharing.holds()["live"], 20, "its end")
    assert "status=499" in sharing.log()


@pytest.fixture
def web():
    server = Web()
    yield server
    server.shutdown()
    server.server_close()


def test_fetch(sharing, web, way):
    slow = way(web.server_port)
    parts = [{"type": "text", "text": "What is it?"}, image(f"http://127.0.0.1:{slow.port}/image.png")]
    with slow.held(), asking(sharing, body(parts)) as raw:
        assert shown(sharing, "FETCH")["model_group"] == "claude"
        slow.open.set()
        answered(raw)


# ---- AWS ----------------------------------------------------------------------------------------


def test_credentials_and_head(launch, simulator, tmp_path):
    """Credentials of a command that takes its time; behind it waits who finds the worker full."""
    made = {"Version": 1, "AccessKeyId": ACCESS_KEY_ID, "SecretAccessKey": SECRET_ACCESS_KEY}
    program, go, profiles = tmp_path / "credentials", tmp_path / "go", tmp_path / "config"
    program.write_text(f"#!/bin/sh\nwhile [ ! -e {go} ]; do sleep 0.05; done\necho '{json.dumps(made)}'\n")
    program.chmod(stat.S_IRWXU)
    profiles.write_text(f"[profile slow]\ncredential_process = {program}\n")
    model = deployment("slow", NARROW, simulator.url, aws_profile_name="slow", aws_access_key_id=None, aws_secret_access_key=None)
    full = {"max_in_flight_requests_per_worker": 1, "max_queued_requests_per_worker": 1, "admission_queue_timeout_seconds": LONG}
    config = configuration(simulator.url, extra_models=[model], general_settings=full)
    gateway = launch(config, env={"AWS_CONFIG_FILE": str(profiles)})
    with asking(gateway, body("hi", model="slow")) as raw:
        found = shown(gateway, "CREDENTIALS")
        assert found["model_group"] == "slow" and ACCESS_KEY_ID not in json.dumps(found)
        with asking(gateway, body("hi")) as other:
            assert shown(gateway, "HEAD")["path"] == "/v1/chat/completions"
            go.touch()
            answered(raw)
            answered(other)


# ---- the database ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def database(database_server):
    database = database_server("postgresql")
    database.create("states")
    return database


@pytest.fixture(scope="module")
def database_way(way, database):
    return way(database.port)


@pytest.fixture(scope="module")
def admin(launch, simulator, database, database_way, tmp_path_factory):
    general = {
        "database_url": database.url.replace(f":{database.port}/", f":{database_way.port}/"),
        "data_directory": str(tmp_path_factory.mktemp("data")),
    }
    a = Admin(launch(configuration(simulator.url, general_settings=general)), database)
    yield a
    a.http.close()


def test_auth(admin, database_way):
    """A key that has not been used yet."""
    key = admin.post("/key/generate")["key"]
    with database_way.held(), asking(admin.gateway, body("hi"), key=key) as raw:
        found = shown(admin.gateway, "AUTH")
        assert found["path"] == "/v1/chat/completions" and key not in json.dumps(found)
        database_way.open.set()
        answered(raw)


def test_answer(admin, database_way):
    """A key in a path is not shown."""
    key = admin.post("/key/generate")["key"]
    with database_way.held(), asking(admin.gateway, {}, f"/key/{key}/regenerate") as raw:
        found = shown(admin.gateway, "ANSWER")
        assert found["path"] == "/key/{item}/regenerate" and key not in json.dumps(found)
        database_way.open.set()
        assert answered(raw)["key"] != key


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_flush(admin, database_way, stream):
    """A response is in the database before its last byte is out."""
    with database_way.held():
        with asking(admin.gateway, {"model": "claude", "input": "hi", "stream": stream}, "/v1/responses") as raw:
            assert shown(admin.gateway, "FLUSH")["attempts"] == 1
            database_way.open.set()
            reply = raw.reply()
    assert reply.status == 200
    assert not stream or b"event: response.completed" in reply.body
