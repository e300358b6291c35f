"""Spend in a database: the same over SQLite, PostgreSQL and MariaDB, each the real one. Servers and
gateways are killed under load; what the database says must be what the simulated Bedrock did."""

import collections
import contextlib
import http.client
import importlib.util
import json
import os
import pathlib
import socket
import subprocess
import threading

import pytest
from conftest import KEY, configuration, openai_client
from databases import KINDS, Postgres
from programs import BUILD, Crowd, wait_for
from test_keys import ask as ask_keys

pytestmark = pytest.mark.timeout(300)

PROMPT = {"model": "claude", "messages": [{"role": "user", "content": "how much?"}], "max_tokens": 20}
SUMS = 'SELECT COUNT(*), SUM(prompt_tokens), SUM(completion_tokens), SUM(spend) FROM "LiteLLM_SpendLogs"'
DAYS = 'SELECT SUM(api_requests), SUM(prompt_tokens), SUM(completion_tokens), SUM(spend) FROM "LiteLLM_Daily%s"'


@pytest.fixture(scope="module", params=KINDS)
def server(request):
    started = KINDS[request.param]()
    yield started
    started.stop()


names = (f"test{i}" for i in range(1000))


@pytest.fixture
def database(server):
    """An empty database."""
    server.create(next(names))
    return server


@pytest.fixture
def start(launch, simulator, tmp_path):
    """start(database) → a gateway that writes to it; all share one data directory."""

    def run(database, *arguments, simulator_url=simulator.url, **general):
        settings = {
            "database_url": database.url,
            "data_directory": str(tmp_path / "data"),
            "database_connect_timeout": 1,
            **general,
        }
        gateway = launch(configuration(simulator_url, general_settings=settings), *arguments, warm=False)
        gateway.wait_database()
        return gateway

    return run


def ask(gateway, **more):
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=20)
    headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
    with contextlib.closing(connection):
        connection.request("POST", "/v1/chat/completions", json.dumps({**PROMPT, **more}), headers)
        reply = connection.getresponse()
        return reply.status, json.loads(reply.read())


def numbers(rows):
    return [float(n or 0) for n in rows[0]]


def written(database, count, seconds=20):
    """Waits for so many rows, and lets nothing more come."""
    wait_for(lambda: numbers(database.query(SUMS))[0] >= count, seconds, f"{count} rows")
    return numbers(database.query(SUMS))


def check_days(database):
    """Rows per day say what the rows say."""
    total = numbers(database.query(SUMS))
    for table in ("UserSpend", "GlobalSpend"):
        assert numbers(database.query(DAYS % table)) == pytest.approx(total), table


# ---- the store itself -------------------------------------------------------------------------------


@pytest.mark.parametrize("program", ["test_state_store", "test_state_spend"])
def test_suite_of_the_store(database, program):
    """The unit tests, which alone run over SQLite, over each of them."""
    done = subprocess.run(
        [BUILD / "tests/unit/state" / program],
        env={**os.environ, "LINTEL_TEST_DATABASE": database.url},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]


def test_four_gateways_at_once_on_an_empty_database(database, launch, simulator, tmp_path):
    def one(i):
        settings = {"database_url": database.url, "data_directory": str(tmp_path / f"data{i}")}
        return launch(configuration(simulator.url, general_settings=settings), ready=False)

    gateways = [one(i) for i in range(4)]
    for gateway in gateways:
        gateway.wait_ready()
        wait_for(lambda g=gateway: "database connected" in g.log(), 40, "the connection")
        assert "unavailable" not in gateway.log()
        assert ask(gateway)[0] == 200
    assert written(database, 4)[0] == 4
    assert [v for (v,) in database.query('SELECT version FROM "lintel_migrations"')] == ["1"]
    for gateway in gateways:
        gateway.stop()
    assert database.query('SELECT spool_id FROM "lintel_spool"') == []


# ---- what requests leave ----------------------------------------------------------------------------


def test_rows_of_requests(database, start):
    gateway = start(database)
    usages = []
    with openai_client(gateway) as client:
        extra = {"extra_headers": {"x-litellm-tags": "team red,nightly"}, "user": "bob"}
        for i in range(5):
            whole = client.chat.completions.create(**PROMPT, **extra)
            usages.append((whole.usage.prompt_tokens, whole.usage.completion_tokens, whole.id))
        stream = client.chat.completions.create(**PROMPT, stream=True, stream_options={"include_usage": True})
        last = list(stream)[-1]
        usages.append((last.usage.prompt_tokens, last.usage.completion_tokens, last.id))
    assert ask(gateway, model="nobody has it")[0] == 400
    total = written(database, 7)
    assert total[1] == sum(u[0] for u in usages) and total[2] == sum(u[1] for u in usages) and total[3] > 0
    ids = {i for (i,) in database.query("""SELECT request_id FROM "LiteLLM_SpendLogs" WHERE status = 'success'""")}
    assert ids == {u[2] for u in usages}
    failed = database.query("""SELECT api_key, "user", total_tokens, metadata FROM "LiteLLM_SpendLogs" WHERE status = 'failure'""")
    assert [row[:3] for row in failed] == [("litellm_proxy_master_key", "default_user_id", "0")]
    assert json.loads(failed[0][3])["error_information"]["error_code"] == "400"
    check_days(database)
    tags = database.query('SELECT tag, api_requests, completion_tokens FROM "LiteLLM_DailyTagSpend" ORDER BY tag')
    agents = [tag for tag in tags if tag[0].startswith("User-Agent: OpenAI")]  # one with its version, one without
    assert [row for row in tags if row not in agents] == [("nightly", "5", "100"), ("team red", "5", "100")]
    assert [tag[1:] for tag in agents] == [("6", "120")] * 2
    ((user, spend),) = database.query('SELECT user_id, spend FROM "LiteLLM_EndUserTable"')
    assert user == "bob" and float(spend) == pytest.approx(total[3] * 5 / 6)
    gateway.stop()


def test_what_no_database_can_store_is_mended(database, start):
    """A NUL, half a character, names without end: the row is written, and holds nothing up."""
    gateway = start(database)
    for user in ("a\0b", "\ud800" * 3, "x" * 5000, "é" * 300):
        assert ask(gateway, user=user)[0] in (200, 400)
    assert ask(gateway, user="last", metadata={"tags": ["a\0b", "x" * 1000]})[0] == 200
    wait_for(lambda: database.query("""SELECT 1 FROM "LiteLLM_EndUserTable" WHERE user_id = 'last'"""), 20, "the last")
    assert "refuses" not in gateway.log()
    check_days(database)
    gateway.stop()


def test_switches(database, start):
    gateway = start(database, disable_spend_logs=True)
    assert ask(gateway)[0] == 200
    wait_for(lambda: numbers(database.query(DAYS % "UserSpend"))[0] == 1, 20, "the day")
    assert database.query('SELECT request_id FROM "LiteLLM_SpendLogs"') == []
    gateway.stop()
    gateway = start(database, disable_spend_updates=True)
    assert ask(gateway)[0] == 200
    assert written(database, 1)[0] == 1
    assert numbers(database.query(DAYS % "UserSpend"))[0] == 1
    gateway.stop()


# ---- nothing lost -----------------------------------------------------------------------------------


class Load(Crowd):
    """Requests one after the other from each of four clients, until it is told to stop."""

    def __init__(self, gateway):
        super().__init__(4)
        self.gateway, self.statuses = gateway, collections.Counter()

    def run(self, _):
        while not self.over.is_set():
            try:
                status = ask(self.gateway)[0]
            except (OSError, http.client.HTTPException):
                status = None
            self.statuses[status] += 1


def test_database_goes_away_under_load(database, start):
    gateway = start(database)
    written_before = 0
    with Load(gateway) as load:
        for _ in range(2):
            wait_for(lambda n=written_before: numbers(database.query(SUMS))[0] > n, 20, "rows")
            with database.away():
                wait_for(lambda: "database unavailable" in gateway.log().split("is back")[-1], 40, "the loss noticed")
                before = load.statuses[200]
                wait_for(lambda b=before: load.statuses[200] > b + 20, 20, "serving without the database")
            written_before = numbers(database.query(SUMS))[0]
    assert set(load.statuses) == {200}
    total = written(database, load.statuses[200], 60)
    assert total[0] == load.statuses[200]
    assert total[2] == 20 * load.statuses[200]
    check_days(database)
    assert gateway.log().count("database unavailable") == gateway.log().count("database is back") == 2
    gateway.stop()


def test_away_at_the_start(database, start):
    with database.away():
        gateway = start(database)
        wait_for(lambda: "database unavailable" in gateway.log(), 40, "the loss noticed")
        assert ask(gateway)[0] == 200
    wait_for(lambda: "database is back" in gateway.log(), 60, "the connection")
    assert written(database, 1)[0] == 1
    gateway.stop()


def test_unknown_keys_while_it_is_away(database, start):
    """They are refused; or may call models, and only that, if the configuration says so."""
    def states(gateway, path, body):
        return ask_keys(gateway, path, body, by="sk-nobody-knows").status_code

    with database.away():
        strict = start(database)
        assert states(strict, "/v1/chat/completions", PROMPT) == 503
        strict.stop(40)
        lenient = start(database, allow_requests_on_db_unavailable=True)
        assert states(lenient, "/v1/chat/completions", PROMPT) == 200
        assert states(lenient, "/v1/models", None) == states(lenient, "/key/generate", {}) == 503
        assert ask_keys(lenient, "/v1/chat/completions", PROMPT, by="no-key").status_code == 401
    wait_for(lambda: states(lenient, "/v1/chat/completions", PROMPT) == 401, 60, "the connection")
    rows = """SELECT "user" FROM "LiteLLM_SpendLogs" WHERE api_key = 'failed-to-connect-to-db'"""
    wait_for(lambda: set(database.query(rows)) == {("__db_unavailable_fallback__",)}, 20, "the row")
    lenient.stop()


def test_stopped_while_the_database_is_away(database, start):
    gateway = start(database)
    assert ask(gateway)[0] == 200
    written(database, 1)
    with database.away():
        for _ in range(10):
            assert ask(gateway)[0] == 200
        gateway.stop(40)
    gateway = start(database)
    assert written(database, 11, 60)[0] == 11
    gateway.stop()
    assert database.query('SELECT spool_id FROM "lintel_spool"') == []


REFUSALS = {  # no row of that model
    "sqlite": """CREATE TRIGGER "no" BEFORE INSERT ON "LiteLLM_SpendLogs" WHEN NEW.model_group = 'nova'
        BEGIN SELECT RAISE(ABORT, 'not this one'); END""",
    "postgresql": """ALTER TABLE "LiteLLM_SpendLogs" ADD CONSTRAINT "no" CHECK (model_group <> 'nova')""",
    "mysql": """ALTER TABLE "LiteLLM_SpendLogs" ADD CONSTRAINT "no" CHECK (model_group <> 'nova')""",
}


def test_rows_that_the_database_refuses(database, start, tmp_path):
    """The others are written; those are kept where people find them, or wait until they can be."""
    spool = tmp_path / "data/spool"
    gateway = start(database)
    database.query(REFUSALS[database.kind])
    for model in ("claude", "nova", "claude", "nova"):
        assert ask(gateway, model=model)[0] == 200
    assert written(database, 2)[0] == 2
    wait_for(lambda: "the database refuses" in gateway.log(), 20, "the log")
    (file,) = spool.glob("*.refused")
    wait_for(lambda: len(file.read_text().splitlines()) == 2, 20, "both of them")
    assert [json.loads(line)["model_group"] for line in file.read_text().splitlines()] == ["nova"] * 2
    file.rename(tmp_path / "kept")
    file.mkdir()  # nothing can be kept there
    for model in ("nova", "claude"):
        assert ask(gateway, model=model)[0] == 200
    wait_for(lambda: "cannot be written" in gateway.log(), 20, "the trouble")
    assert numbers(database.query(SUMS))[0] == 2
    file.rmdir()
    assert written(database, 3)[0] == 3
    assert [json.loads(line)["model_group"] for line in file.read_text().splitlines()] == ["nova"]
    wait_for(lambda: "can be written again" in gateway.log(), 20, "the line behind it")
    assert gateway.log().count("cannot be written") == gateway.log().count("can be written again") == 1
    check_days(database)
    gateway.stop()


class Relay:
    """A way to a server that can be stopped up: connections stay, and are accepted, but nothing comes
    back any more."""

    def __init__(self, port):
        self.to, self.open = ("127.0.0.1", port), threading.Event()
        self.open.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            try:
                client = self.listener.accept()[0]
                server = socket.create_connection(self.to)
            except OSError:
                return
            for a, b in ((client, server), (server, client)):
                threading.Thread(target=self.pump, args=(a, b), daemon=True).start()

    def pump(self, a, b):
        with contextlib.suppress(OSError):
            while data := a.recv(65536):
                self.open.wait()
                b.sendall(data)
        for s in (a, b):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def relayed(database):
    """A context in which the database accepts and never answers: hang(). Of a file that is a lock."""
    if database.kind == "sqlite":
        yield database.away
        return

    @contextlib.contextmanager
    def hang():
        relay.open.clear()
        yield
        relay.open.set()

    relay, real = Relay(database.port), database.port
    database.port = relay.port
    yield hang
    database.port = real
    relay.listener.close()


def test_database_that_hangs(database, start):
    """At the start, and in the middle: requests do not wait for it."""
    with relayed(database) as hang:
        with hang():
            gateway = start(database, database_socket_timeout=1)
            assert "database unavailable" in gateway.log() and ask(gateway)[0] == 200
        wait_for(lambda: "database is back" in gateway.log(), 60, "the connection")
        assert written(database, 1)[0] == 1
        with hang():
            for _ in range(5):
                assert ask(gateway)[0] == 200
            wait_for(lambda: gateway.log().count("database unavailable") == 2, 40, "the loss noticed")
        assert written(database, 6, 60)[0] == 6
        check_days(database)
        gateway.stop()


# ---- LiteLLM's own database -------------------------------------------------------------------------


@pytest.fixture(scope="module")
def litellm_database():
    """PostgreSQL with every migration of LiteLLM, in the order of their names."""
    server = Postgres()
    try:
        server.create("litellm")
        package = pathlib.Path(importlib.util.find_spec("litellm_proxy_extras").origin).parent
        files = sorted(package.glob("migrations/*/migration.sql"))
        assert len(files) > 200
        for file in files:
            server.psql("-v", "ON_ERROR_STOP=1", "-f", str(file))
        yield server
    finally:
        server.stop()


COLUMNS = """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' AND table_name NOT LIKE 'lintel%' ORDER BY 1, 2"""


def test_on_a_database_of_litellm(litellm_database, start):
    database = litellm_database
    before = database.query(COLUMNS)
    database.query(
        """INSERT INTO "LiteLLM_DailyUserSpend" (id, user_id, date, api_key, model, custom_llm_provider, endpoint,
        mcp_namespaced_tool_name, updated_at, api_requests) SELECT 'theirs', 'default_user_id',
        to_char(now() at time zone 'utc', 'YYYY-MM-DD'), 'litellm_proxy_master_key',
        'us.anthropic.claude-sonnet-4-5-20250929-v1:0', 'bedrock', '/chat/completions', '', now(), 100"""
    )
    gateway = start(database)
    for _ in range(3):
        assert ask(gateway, user="eve")[0] == 200
    assert written(database, 3)[0] == 3
    gateway.stop()
    assert database.query(COLUMNS) == before
    # Their row of the day goes on, unless the day is over meanwhile.
    requests = database.query('SELECT SUM(api_requests), COUNT(*) FROM "LiteLLM_DailyUserSpend"')
    assert requests[0][0] == "103" and requests[0][1] in ("1", "2")


def test_tables_are_those_of_litellm(litellm_database, launch, simulator, tmp_path):
    """What we make in an empty database has LiteLLM's columns, with LiteLLM's types."""
    theirs = {(row[0], row[1]): row[2:4] for row in litellm_database.query(COLUMNS)}
    litellm_database.create("ours")
    try:
        settings = {"database_url": litellm_database.url, "data_directory": str(tmp_path / "data")}
        gateway = launch(configuration(simulator.url, general_settings=settings))
        wait_for(lambda: "database connected" in gateway.log(), 20, "the connection")
        gateway.stop()
        ours = {(row[0], row[1]): row[2:4] for row in litellm_database.query(COLUMNS)}
    finally:
        litellm_database.database = "litellm"
    assert len({table for table, _ in ours}) > 25
    assert {name: kind for name, kind in ours.items() if theirs.get(name) != kind} == {}
    tables = {table for table, _ in ours}
    assert {name for name in theirs if name[0] in tables} == set(ours)


def test_schema_is_left_alone_when_asked(database, start):
    gateway = start(database, disable_prisma_schema_update=True)
    wait_for(lambda: "database unavailable" in gateway.log(), 20, "the refusal")
    assert "disable_prisma_schema_update" in gateway.log()
    assert ask(gateway)[0] == 200
    gateway.stop()


# ---- settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("url", ["oracle://h/d", "postgresql://u:secret@h:x/d", "mysql://u:secret@host"])
def test_url_that_cannot_be_used(launch, simulator, tmp_path, url):
    settings = {"database_url": url, "data_directory": str(tmp_path)}
    gateway = launch(configuration(simulator.url, general_settings=settings), ready=False)
    assert gateway.wait() == 1
    assert "database_url cannot be used" in gateway.log() and "secret" not in gateway.log()


def test_url_from_the_environment(launch, simulator, tmp_path):
    env = {"DATABASE_URL": "sqlite", "LINTEL_DATA_DIRECTORY": str(tmp_path / "there")}
    gateway = launch(configuration(simulator.url), env=env)
    wait_for(lambda: "database connected" in gateway.log(), 20, "the connection")
    gateway.stop()
    assert (tmp_path / "there/lintel.db").exists()
