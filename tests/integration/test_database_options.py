"""What general_settings say of the database: parameters of its URL, budgets that it must vouch for, the row of the
master key."""

import hashlib

import pytest
from conftest import KEY, configuration
from programs import wait_for
from test_keys import ask, chat, generate

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def database(database_server):
    server = database_server("postgresql")
    server.create("options")
    return server


@pytest.fixture(scope="module")
def start(launch, simulator, database, tmp_path_factory):
    def run(**more):
        general = {"database_url": database.url, "data_directory": str(tmp_path_factory.mktemp("data")), "database_connect_timeout": 1,
                   "database_socket_timeout": 2, **more}
        gateway = launch(configuration(simulator.url, general_settings=general))
        wait_for(lambda: ask(gateway, "/key/generate", {}).status_code == 200, 20, "the database")
        return gateway

    return run


def test_parameters_of_the_url(start, database):
    gateway = start(database_extra_connection_params={"application_name": "a b&c", "connection_limit": 3, "options": "-c geqo=off"})
    assert "warning" not in gateway.log()
    names = lambda: {name for name, in database.query("SELECT application_name FROM pg_stat_activity WHERE application_name <> ''")}  # noqa: E731
    assert "a b&c" in names()
    gateway.stop()
    wait_for(lambda: "a b&c" not in names(), 20, "the connection closed")
    start().stop()


def test_budgets_that_the_database_must_vouch_for(start, database):
    strict, lenient = start(fail_closed_budget_enforcement=True), start()
    poor, free = (generate(strict, **budget)["key"] for budget in ({"max_budget": 10}, {}))
    for gateway in strict, lenient:
        assert chat(gateway, poor).status_code == chat(gateway, free).status_code == 200
    with database.away():
        wait_for(lambda: chat(strict, poor).status_code == 503, 20, "a budget that nobody vouches for")
        refused = chat(strict, poor)
        assert "fail_closed_budget_enforcement is enabled" in refused.json()["error"]["message"]
        assert refused.headers["retry-after"] == "1"
        assert chat(strict, free).status_code == 200
        assert "fail_closed" not in chat(lenient, poor).text
    wait_for(lambda: chat(strict, poor).status_code == 200, 60, "the database's return")


def test_the_row_of_the_master_key(start, database):
    """As older versions of LiteLLM made it."""
    gateway, hiding = start(), start(disable_master_key_return=True)
    ask(gateway, "/user/new", {"user_id": "u", "auto_create_key": False})
    own, row = (generate(gateway, user_id="u")["token"] for _ in range(2))
    master = hashlib.sha256(KEY.encode()).hexdigest()
    database.query(f"""UPDATE "LiteLLM_VerificationToken" SET token = '{master}' WHERE token = '{row}'""")
    tokens = lambda g: {k["token"] for k in ask(g, "/user/info", user_id="u").json()["keys"]}  # noqa: E731
    assert tokens(gateway) == {own, master} and tokens(hiding) == {own}
