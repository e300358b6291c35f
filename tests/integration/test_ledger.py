"""Nothing lost, nothing twice, whatever clients ask for: a random mix of calls, streams that are left or
break off, failures, kept answers, retries and fallbacks over every API, for keys, users, teams, end users
and tags, while databases and gateways are killed. Afterwards every sum of the ledger is that of its rows,
and the rows are what the simulated Bedrock told, at its price. What is random comes from a seed that a
failure shows."""

import collections
import contextlib
import http.client
import itertools
import json
import os
import pathlib
import random
import re
import signal
import threading
import time

import pytest
from conftest import KEY, MODELS, configuration, deployment
from databases import KINDS
from programs import Crowd, free_port, wait_for
from test_keys import ask, generate

pytestmark = pytest.mark.timeout(300)

CLIENTS, KILLS = 8, 2
# Powers of two: all sums are exact.
PRICES = {
    "input_cost_per_token": 2**-20,
    "output_cost_per_token": 2**-18,
    "cache_read_input_token_cost": 2**-23,
    "cache_creation_input_token_cost": 2**-19,
}
TOLD_PRICES = dict(zip(("input", "output", "read", "write"), PRICES.values(), strict=True))

# Streams that are left or break off cost an estimate: they have models of their own.
LEFT, BROKEN, RESUMED = "anthropic.claude-haiku-4-5-20251001-v1:0", "us.anthropic.claude-sonnet-4-6", "us.anthropic.claude-opus-4-5-20251101-v1:0"
EMBEDDER = "amazon.titan-embed-text-v2:0"  # some of its texts are kept: rows have their tokens, at no price
ESTIMATED = {LEFT, BROKEN, RESUMED, EMBEDDER}
EXTRA = {
    "native": "bedrock/invoke/us.anthropic.claude-3-5-haiku-20241022-v1:0",
    "embed": "bedrock/" + EMBEDDER,
    "left": "bedrock/" + LEFT,
    "broken": "bedrock/" + BROKEN,
    "resumed": "bedrock/" + RESUMED,
}
LONG = "You are a careful accountant. " * 300  # worth a cache point


def config_of(simulator, database, directory):
    models = [deployment(name, model, simulator.url, **PRICES) for name, model in {**MODELS, **EXTRA}.items()]
    models += [deployment("resumed", EXTRA["resumed"], simulator.url, **PRICES)]
    models += [deployment("away", MODELS["claude"], f"http://127.0.0.1:{free_port()}", num_retries=0, **PRICES)]
    return {
        **configuration(
            simulator.url,
            litellm_settings={"cache": True},
            router_settings={
                "num_retries": 2,
                "disable_cooldowns": True,
                "mid_stream_fallbacks": True,
                "fallbacks": [{"away": ["nova"]}],
            },
            general_settings={
                "database_url": database.url,
                "data_directory": str(directory),
                "database_connect_timeout": 1,
            },
        ),
        "model_list": models,
    }


# ---- what is asked ----------------------------------------------------------------------------------


class Question:
    """One request: what it is, how it is sent, what may come back."""

    def __init__(self, kind, rng, number):
        self.kind, self.rng, self.say = kind, rng, f"{rng.getrandbits(64):x} {number}"
        self.statuses, self.read, self.stream = {200}, None, False
        self.headers = {}
        self.path, self.body = getattr(self, kind)()

    def chat(self, model, text, **more):
        body = {"model": model, "messages": [{"role": "user", "content": text}], "max_tokens": 20, **more}
        if self.rng.random() < 0.5:
            body["user"] = f"end-{self.rng.randrange(3)}"
        if self.rng.random() < 0.5:
            body["metadata"] = {"tags": self.rng.sample(["red", "green", "blue"], self.rng.randint(1, 3))}
        if self.rng.random() < 0.2:
            self.headers["x-litellm-tags"] = "green,grey"
        self.stream = body.get("stream", False)
        return "/v1/chat/completions", body

    def whole(self):
        return self.chat(self.rng.choice(["claude", "native", "nova"]), self.say)

    def streamed(self):
        options = {"stream_options": {"include_usage": True}} if self.rng.random() < 0.5 else {}
        return self.chat(self.rng.choice(["claude", "native", "nova"]), self.say, stream=True, **options)

    def messages(self):
        self.stream = self.rng.random() < 0.5
        body = {"messages": [{"role": "user", "content": self.say}], "max_tokens": 20, "stream": self.stream}
        if self.rng.random() < 0.5:
            body["metadata"] = {"user_id": f"end-{self.rng.randrange(3)}"}
        return "/v1/messages", {"model": self.rng.choice(["claude", "native"]), **body}

    def responses(self):
        self.stream = self.rng.random() < 0.5
        model = self.rng.choice(["claude", "nova"])
        return "/v1/responses", {"model": model, "input": self.say, "stream": self.stream, "store": False, "max_output_tokens": 20}

    def embeddings(self):
        texts = [f"{self.say} {i}" for i in range(self.rng.randint(1, 3))]
        return "/v1/embeddings", {"model": "embed", "input": texts}

    def kept(self):
        return self.chat("claude", f"one of three: {self.rng.randrange(3)}", stream=self.rng.random() < 0.5)

    def kept_embeddings(self):
        return "/v1/embeddings", {"model": "embed", "input": [f"text {self.rng.randrange(4)}", f"text {self.rng.randrange(4)}"]}

    def prefixed(self):
        system = {"role": "system", "content": [{"type": "text", "text": LONG, "cache_control": {"type": "ephemeral"}}]}
        path, body = self.chat("claude", self.say)
        return path, {**body, "messages": [system, *body["messages"]]}

    def retried(self):
        fault = self.rng.choice(["throttle(1)", "error(500)]] [[sim:times(1)", "error(503)]] [[sim:times(2)"])
        return self.chat("claude", f"{self.say} [[sim:{fault}]]", stream=self.rng.random() < 0.5)

    def elsewhere(self):
        return self.chat("away", self.say, stream=self.rng.random() < 0.5)

    def unknown(self):
        self.statuses = {400, 404}
        return self.chat("nobody has it", self.say)

    def refused(self):
        self.statuses = {400}
        return self.chat("claude", f"{self.say} [[sim:error(400)]]", stream=self.rng.random() < 0.5)

    def failed(self):
        status = self.rng.choice([429, 500, 503])
        self.statuses = {429, 500, 502, 503}
        return self.chat("claude", f"{self.say} [[sim:error({status})]]", num_retries=0)

    def left(self):
        self.read = self.rng.choice([0, 1, 500, 2000])  # bytes, then the client has enough
        return self.chat("left", f"{self.say} [[sim:chunks(4000,20)]] [[sim:gap(20)]]", stream=True, max_tokens=100000)

    def broken(self):
        how = self.rng.choice(["cut(3)", "exception(internalServerException,3)", "end(3)", "badcrc(3)"])
        return self.chat("broken", f"{self.say} [[sim:chunks(9,20)]] [[sim:{how}]]", stream=True, max_tokens=1000)

    def resumed(self):
        how = self.rng.choice(["cut(3)", "exception(internalServerException,3)"])
        return self.chat("resumed", f"{self.say} [[sim:chunks(9,20)]] [[sim:{how}]] [[sim:times(1)]]", stream=True, max_tokens=1000)


MIX = {
    "whole": 6, "streamed": 6, "messages": 4, "responses": 4, "embeddings": 2, "kept": 3, "kept_embeddings": 1, "prefixed": 1,
    "retried": 2, "elsewhere": 2, "unknown": 1, "refused": 1, "failed": 1, "left": 3, "broken": 1, "resumed": 1,
}  # fmt: skip


class Asked:
    """What became of one."""

    def __init__(self, question, key):
        self.question, self.key = question, key
        self.status = self.id = None  # None: no answer
        self.over = False  # the answer's end was seen
        self.begin = self.end = time.monotonic()


def send(gateway, asked):
    question = asked.question
    connection = http.client.HTTPConnection(gateway.host, gateway.port, timeout=60)
    headers = {"Authorization": f"Bearer {asked.key}", "Content-Type": "application/json", "Connection": "close", **question.headers}
    with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
        connection.request("POST", question.path, json.dumps(question.body), headers)
        reply = connection.getresponse()
        asked.status, asked.id = reply.status, reply.getheader("x-litellm-call-id")
        reply.read(question.read)
        asked.over = question.read is None
    asked.end = time.monotonic()


def deal(rng):
    """Kinds without end, each of them within so many."""
    while True:
        deck = list(itertools.chain.from_iterable([kind] * count for kind, count in MIX.items()))
        rng.shuffle(deck)
        yield from deck


class Load(Crowd):
    """Clients that ask one thing after the other while the block runs."""

    numbers = itertools.count()

    def __init__(self, gateway, keys, seed):
        super().__init__(CLIENTS)
        self.gateway, self.keys, self.seed = gateway, keys, seed
        self.asked, self.lock = [], threading.Lock()
        self.kinds = deal(random.Random(seed))

    def run(self, i):
        rng = random.Random(f"{self.seed} {i}")
        while not self.over.is_set():
            with self.lock:
                kind = next(self.kinds)
            asked = Asked(Question(kind, rng, next(self.numbers)), rng.choice(self.keys))
            send(self.gateway, asked)
            self.asked.append(asked)
            if asked.status is None:
                time.sleep(0.01)  # nobody is there

    def answered(self, more=0):
        return sum(a.status is not None for a in self.asked) - more

    def wait(self, count):
        before = self.answered()
        wait_for(lambda: self.answered(before) >= count, 60, f"{count} answers")

    def ids(self, since=0.0):
        """Of those that were answered to the end."""
        return {a.id for a in self.asked if a.over and a.begin > since}


# ---- who asks ---------------------------------------------------------------------------------------


def made(gateway, path, **members):
    answer = ask(gateway, path, members)
    assert answer.status_code == 200, answer.text
    return answer.json()


def people(gateway):
    """Keys of two users, one of them in a team of an organization; and of nobody."""
    organization = made(gateway, "/organization/new", organization_alias="all")["organization_id"]
    team = made(gateway, "/team/new", team_alias="ours", organization_id=organization)["team_id"]
    for user in "ann", "bob":
        made(gateway, "/user/new", user_id=user, auto_create_key=False)
    made(gateway, "/team/member_add", team_id=team, member={"user_id": "ann", "role": "user"}, max_budget_in_team=1000)
    for tag in "red", "green":
        made(gateway, "/tag/new", name=tag)
    keys = [{"team_id": team, "user_id": "ann", "tags": ["red"]}, {"team_id": team}, {"user_id": "bob", "max_budget": 1000}, {}]
    return [KEY, *(generate(gateway, **members)["key"] for members in keys)]


# ---- what must be true ------------------------------------------------------------------------------

ROW = ("litellm_call_id", "api_key", "user", "team_id", "organization_id", "end_user", "request_tags", "model", "status",
       "cache_hit", "spend", "prompt_tokens", "completion_tokens")  # fmt: skip
SUMS = ("spend", "prompt_tokens", "completion_tokens", "api_requests", "failed_requests")


def rows_of(database):
    columns = ", ".join(f'"{c}"' for c in ROW)
    rows = [dict(zip(ROW, r, strict=True)) for r in database.query(f'SELECT {columns} FROM "LiteLLM_SpendLogs"')]
    for row in rows:
        row["request_tags"] = json.loads(row["request_tags"])
        row.update({c: float(row[c]) for c in SUMS if c in row}, api_requests=1, failed_requests=row["status"] == "failure")
    return rows


def summed(rows, names):
    """Sums by what names(row) gives: lists of keys."""
    sums = collections.defaultdict(lambda: [0.0] * len(SUMS))
    for row in rows:
        for name in names(row):
            sums[name] = [a + row[b] for a, b in zip(sums[name], SUMS, strict=True)]
    return dict(sums)


def check_days(database, rows, table, column, name):
    columns = f'"{column}", api_key, model'
    sums = ", ".join(f"SUM({c})" for c in SUMS)
    found = database.query(f'SELECT {columns}, {sums} FROM "LiteLLM_Daily{table}Spend" GROUP BY {columns}')
    expected = summed(rows, lambda row: [(n, row["api_key"], row["model"]) for n in name(row)])
    assert {r[:3]: [float(n) for n in r[3:]] for r in found} == expected, table


def check_spend(database, rows, table, column, name):
    """Rows of holders exist for those that were made; their spend begins at 0."""
    sums = summed(rows, name)
    found = database.query(f'SELECT {column}, spend FROM "LiteLLM_{table}"')
    assert found, table
    assert {r[:-1]: float(r[-1]) for r in found} == {r[:-1]: sums.get(r[:-1], [0.0])[0] for r in found}, table


def one(*columns):
    return lambda row: [tuple(row[c] for c in columns)] if all(row[c] for c in columns) else []


def check_sums(database, rows):
    """What was added up as rows came is what the rows add up to."""
    check_spend(database, rows, "VerificationToken", "token", one("api_key"))
    check_spend(database, rows, "UserTable", "user_id", one("user"))
    check_spend(database, rows, "TeamTable", "team_id", one("team_id"))
    check_spend(database, rows, "TeamMembership", "user_id, team_id", one("user", "team_id"))
    check_spend(database, rows, "OrganizationTable", "organization_id", one("organization_id"))
    check_spend(database, rows, "EndUserTable", "user_id", one("end_user"))
    check_spend(database, rows, "TagTable", "tag_name", lambda row: [(t,) for t in row["request_tags"]])
    check_days(database, rows, "User", "user_id", lambda row: [row["user"] or ""])
    for table, column, name in ("Team", "team_id", "team_id"), ("Organization", "organization_id", "organization_id"):
        check_days(database, rows, table, column, lambda row, n=name: [row[n]] if row[n] else [])
    check_days(database, rows, "EndUser", "end_user_id", lambda row: [row["end_user"]] if row["end_user"] else [])
    check_days(database, rows, "Tag", "tag", lambda row: row["request_tags"])
    total = [sum(row[c] for row in rows) for c in SUMS[:4]]
    for table in '"LiteLLM_DailyGlobalSpend"', '"LiteLLM_DailyUserSpend"':
        sums = database.query(f"SELECT {', '.join(f'SUM({c})' for c in SUMS[:4])} FROM {table}")
        assert [float(n) for n in sums[0]] == total, table


def check_ids(rows, asked):
    """Each request is there once."""
    ids = collections.Counter(row["litellm_call_id"] for row in rows)
    assert [i for i, n in ids.items() if n > 1] == []
    sent = {a.id: a for a in asked if a.id}
    for row in rows:
        a = sent.get(row["litellm_call_id"])
        assert a is None or (row["status"] == "failure") == (a.status != 200 or a.question.kind in ("left", "broken")), (a.question.kind, row)
    return {i for i, a in sent.items() if a.over and i not in ids}


def told_of(simulator):
    """(tokens in, tokens out, USD) of each model, as the simulator counts."""
    return {
        model: (t["input"] + t["read"] + t["write"], t["output"], sum(t[name] * price for name, price in TOLD_PRICES.items()))
        for model, t in simulator.stats()["told"].items()
    }


def ledger_of(rows):
    """The same, as the rows say; a kept answer was told once."""
    sums = collections.defaultdict(lambda: (0.0, 0.0, 0.0))
    for row in rows:
        if row["cache_hit"] == "True":
            assert row["spend"] == 0
        else:
            added = row["prompt_tokens"], row["completion_tokens"], row["spend"]
            sums[row["model"]] = tuple(a + b for a, b in zip(sums[row["model"]], added, strict=True))
    return sums


def check_order(asked, there):
    """What was answered before something began that is in the ledger is in the ledger."""
    plain = [a for a in asked if a.over and a.id and not a.question.stream]
    last = max((a.begin for a in plain if a.id in there), default=0)
    assert [a.question.kind for a in plain if a.end < last and a.id not in there] == []


def check_not_twice(simulator, rows):
    told, ledger = told_of(simulator), ledger_of(rows)
    for model in set(told) - ESTIMATED:
        assert all(a <= b for a, b in zip(ledger[model], told[model], strict=True)), model


def children(pid):
    return [int(p) for p in pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def check_estimates(rows, asked):
    """Streams that ended early cost what their tokens cost."""
    kinds = {a.id: a.question.kind for a in asked}
    early = [r for r in rows if r["model"] in (LEFT, BROKEN, RESUMED)]
    for row in early:
        price = row["prompt_tokens"] * TOLD_PRICES["input"] + row["completion_tokens"] * TOLD_PRICES["output"]
        assert row["spend"] == price and (price > 0 or kinds.get(row["litellm_call_id"]) == "left"), row


# ---- the tests --------------------------------------------------------------------------------------


@pytest.fixture(scope="module", params=KINDS)
def server(request, database_server):
    return database_server(request.param)


class World:
    """A database, a simulator, and one gateway after the other between them."""

    names = (f"ledger{i}" for i in range(1000))

    def __init__(self, server, launch, simulator, folder):
        server.create(next(self.names))
        self.database, self.simulator, self.launch = server, simulator, launch
        self.folder, self.config = folder, config_of(simulator, server, folder)
        self.seed = random.SystemRandom().getrandbits(32)
        self.rng = random.Random(self.seed)
        print(f"seed: {self.seed}")  # a failure shows it
        self.start()
        self.wait_database()
        self.keys = people(self.gateway)

    def start(self, workers=1):
        options = {"port": free_port()} if workers > 1 else {}
        self.gateway = self.launch(self.config, "--num_workers", workers, warm=False, **options)

    def wait_database(self):
        wait_for(lambda: ask(self.gateway, "/key/generate", {}).status_code == 200, 40, "the database")

    def wait_written(self, ids):
        """They are in the database."""
        rows = 'SELECT litellm_call_id FROM "LiteLLM_SpendLogs"'
        wait_for(lambda: ids <= {i for (i,) in self.database.query(rows)}, 40, "their rows")
        return ids

    def wait_spooled(self, ids):
        def spooled():
            files = b"".join(f.read_bytes() for f in (self.folder / "spool").iterdir())
            return all(i.encode() in files for i in ids)

        wait_for(spooled, 40, "the spool")
        return ids

    def load(self, name):
        """Of keys that the gateway knows by then."""
        for key in self.keys:
            wait_for(lambda k=key: ask(self.gateway, "/models", by=k).status_code == 200, 40, "the database")
        return Load(self.gateway, self.keys, f"{self.seed} {name}")


@pytest.fixture
def world(server, launch, simulator_at, tmp_path):
    return World(server, launch, simulator_at(0), tmp_path / "data")


def test_sum_of_the_ledger(world):
    """The database goes away twice; the gateway is stopped and goes on: nothing is missing."""
    loads = []
    for i in range(2):
        with world.load(i) as load:
            load.wait(world.rng.randrange(40, 70))
            with world.database.away():
                load.wait(world.rng.randrange(20, 50))
                if i == 0:  # it is away when the gateway stops
                    load.over.set()
                    world.gateway.stop(60)
            loads.append(load)
            if i == 0:
                world.start()
            else:
                load.wait(30)
    world.gateway.stop(60)

    rows, asked = rows_of(world.database), [a for load in loads for a in load.asked]
    counts = collections.Counter((a.question.kind, a.status) for a in asked)
    assert all(a.status is None or a.status in a.question.statuses for a in asked), counts
    assert check_ids(rows, asked) == set()
    check_sums(world.database, rows)
    check_estimates(rows, asked)
    told, ledger = told_of(world.simulator), ledger_of(rows)
    assert {m: ledger[m] for m in told if m not in ESTIMATED} == {m: t for m, t in told.items() if m not in ESTIMATED}
    assert told[LEFT][1] == told[BROKEN][1] == 0 and ledger[LEFT][0] > 0 and ledger[BROKEN][1] > 0
    assert all(a >= b for a, b in zip(ledger[RESUMED], told[RESUMED], strict=True))
    assert ledger[EMBEDDER][2] == told[EMBEDDER][2]


def test_kills(world, record_property):
    """kill -9 of the gateway, with the database there, away, and just killed: what is missing was the last
    that happened, after all that lay in the spool, and nothing counts twice."""
    asked, lost, kept = [], 0, set()
    for i in range(KILLS):
        with world.load(i) as load, contextlib.ExitStack() as stack:
            load.wait(world.rng.randrange(40, 80))
            kept |= world.wait_written(load.ids())
            if i:
                stack.enter_context(world.database.away())
                since = time.monotonic()
                load.wait(world.rng.randrange(1, 40))
                kept |= world.wait_spooled(load.ids(since))
            world.gateway.kill()
            load.over.set()
            if i == 1:
                world.start()  # it finds a spool, and nobody to give it to
                world.gateway.kill()
        asked.append(load.asked)
        world.start()
    world.wait_database()
    world.gateway.stop(60)

    rows, everything = rows_of(world.database), [a for of_round in asked for a in of_round]
    missing = check_ids(rows, everything)
    check_sums(world.database, rows)
    check_estimates(rows, everything)
    there = {row["litellm_call_id"] for row in rows}
    assert kept - there == set()
    for of_round in asked:
        check_order(of_round, there)
        lost += sum(a.id in missing for a in of_round)
    check_not_twice(world.simulator, rows)
    record_property("report", f"{len(everything)} requests, {KILLS} kills, {lost} answers not in the ledger")


def test_killed_workers(launch, simulator_at, database_server, tmp_path):
    """Another worker, or the next one, writes what a killed one left behind."""
    world = World(database_server("sqlite"), launch, simulator_at(0), tmp_path / "data")
    world.gateway.stop(60)
    world.start(workers=2)
    kept, since = set(), 0.0
    with world.load("workers") as load:
        for _ in range(2):
            load.wait(40)
            kept |= world.wait_written(load.ids(since))
            victim = world.rng.choice(children(world.gateway.pid))
            os.kill(victim, signal.SIGKILL)
            since = time.monotonic()
            wait_for(lambda v=victim: v not in (c := children(world.gateway.pid)) and len(c) == 2, 40, "another worker")
    world.gateway.stop(60)
    world.start()
    world.wait_database()
    world.gateway.stop(60)
    rows = rows_of(world.database)
    assert check_ids(rows, load.asked) & kept == set()
    check_sums(world.database, rows)
    check_not_twice(world.simulator, rows)
