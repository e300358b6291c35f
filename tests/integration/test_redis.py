"""Gateways that share a real Redis: exact limits, every way to reach it, and every way in which it can
fail while clients go on asking."""

import collections
import json
import os
import re
import shutil
import signal
import subprocess
import threading
import time

import httpx
import pytest
from conftest import KEY, configuration, deployment
from programs import BUILD, Crowd, free_port, wait_for
from redis_server import RedisServer, RedisWay, Sentinel, SlowWay
from test_limits import ENV, WINDOW, Stream, chat, check_exact, many, saturate
from test_signals import workers

PATIENCE = 0.2  # seconds: shared_patience; the machine of a test may be busy
PAUSE = 5.0  # seconds: how long Redis is made to say nothing
SLOWEST = 4.0  # seconds: nobody waits until it speaks again

CALLER = {"key": "sk-a", "rpm_limit": 1000000, "tpm_limit": 1000000000, "max_parallel_requests": 1000}


def settings(simulator, redis=None, keys=(CALLER,), **more):
    general = {"api_keys": list(keys), "shared_patience": PATIENCE, **more.pop("general_settings", {})}
    router = {"redis_url": redis.url} if redis else {}
    return configuration(
        simulator.url,
        general_settings=general,
        router_settings={**router, **more.pop("router_settings", {})},
        **more,
    )


def away(gateway):
    return gateway.holds()["shared_state"]["away"]


def wait_back(gateway):
    wait_for(lambda: not away(gateway), 20, "Redis is back")
    return gateway


def changes(gateway):
    """How often the log says that Redis is away, and that it is back."""
    log = gateway.log()
    return log.count(" is away ("), log.count(" is back after ")


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis", "--enable-debug-command", "local")
    yield server
    server.kill()


class Load(Crowd):
    """Clients that ask without pause until the end of the block."""

    def __init__(self, gateway, key="sk-a", clients=6):
        super().__init__(clients)
        self.gateway, self.key = gateway, key
        self.statuses, self.slowest = collections.Counter(), 0.0
        self.lock = threading.Lock()

    def run(self, _):
        body = {"model": "claude", "max_tokens": 1, "messages": [{"role": "user", "content": "x"}]}
        with httpx.Client(timeout=30, headers={"Authorization": f"Bearer {self.key}"}) as client:
            while not self.over.is_set():
                begun = time.monotonic()
                status = client.post(self.gateway.base_url + "/chat/completions", json=body).status_code
                with self.lock:
                    self.statuses[status] += 1
                    self.slowest = max(self.slowest, time.monotonic() - begun)

    def wait_more(self, n=30):
        """Until that many more were answered."""
        wanted = sum(self.statuses.values()) + n
        wait_for(lambda: sum(self.statuses.values()) >= wanted, 20, "answers")

    def __enter__(self):
        super().__enter__()
        self.wait_more()
        return self


# ---- failures under load -----------------------------------------------------------------------


def kill_and_restart(redis, load):
    redis.kill()
    wait_for(lambda: away(load.gateway))
    load.wait_more()
    redis.start()


def client_pause(redis, load):
    redis.do("CLIENT", "PAUSE", int(PAUSE * 1000), "ALL")
    wait_for(lambda: away(load.gateway))
    load.wait_more()


def debug_sleep(redis, load):
    with subprocess.Popen(
        ["redis-cli", "-p", str(redis.port), "DEBUG", "SLEEP", str(PAUSE)], stdout=subprocess.DEVNULL
    ):
        wait_for(lambda: away(load.gateway))
        load.wait_more()


def stopped_process(redis, load):
    redis.stop_answering()
    wait_for(lambda: away(load.gateway))
    load.wait_more()
    redis.go_on()


def out_of_memory(redis, load):
    redis.do("CONFIG", "SET", "maxmemory", "1")
    wait_for(lambda: away(load.gateway))
    load.wait_more()
    redis.do("CONFIG", "SET", "maxmemory", "0")


def turned_into_a_replica(redis, load):
    redis.do("REPLICAOF", "127.0.0.1", "1")
    wait_for(lambda: away(load.gateway))
    load.wait_more()
    redis.do("REPLICAOF", "NO", "ONE")


def restarted_with_much_to_load(redis, load):
    redis.do("DEBUG", "POPULATE", 300, "much", 200)
    redis.do("SAVE")
    redis.kill()
    wait_for(lambda: away(load.gateway))
    slowly = ("--key-load-delay", 5000, "--loading-process-events-interval-bytes", 1024)
    redis.options += slowly
    redis.start(wait=False)
    wait_for(lambda: redis.do("PING", check=False).startswith("LOADING"), 10, "a server that loads")
    load.wait_more()


FAILURES = pytest.mark.parametrize(
    "fail",
    [
        kill_and_restart,
        restarted_with_much_to_load,
        client_pause,
        debug_sleep,
        stopped_process,
        out_of_memory,
        turned_into_a_replica,
    ],
    ids=lambda f: f.__name__,
)


@FAILURES
def test_clients_do_not_notice(launch, simulator, redis, fail):
    gateway = wait_back(launch(settings(simulator, redis)))
    with Load(gateway) as load:
        fail(redis, load)
        wait_back(gateway)
        load.wait_more()
    assert list(load.statuses) == [200]
    assert load.slowest < SLOWEST
    assert changes(gateway) == (1, 1)
    stats = gateway.holds()["shared_state"]
    assert stats["kind"] == "redis" and stats["asked"] > 0
    gateway.stop()


@FAILURES
def test_with_fail_closed_they_are_told(launch, simulator, redis, fail):
    """Requests with limits; those of the master key have none."""
    closed = {"fail_closed_rate_limit_enforcement": True}
    gateway = wait_back(launch(settings(simulator, redis, general_settings=closed)))
    with Load(gateway, KEY, 2) as unlimited, Load(gateway) as load:
        fail(redis, load)
        wait_back(gateway)
        load.wait_more()
        assert chat(gateway, "sk-a").status_code == 200
    assert set(load.statuses) == {200, 503}
    assert list(unlimited.statuses) == [200]
    assert load.slowest < SLOWEST
    assert changes(gateway) == (1, 1)
    gateway.stop()


def test_refused_at_the_start(launch, simulator, redis):
    redis.kill()
    gateway = launch(settings(simulator, redis))
    assert chat(gateway, "sk-a").status_code == 200 and away(gateway)
    redis.start()
    wait_back(gateway)
    assert chat(gateway, "sk-a").status_code == 200
    assert changes(gateway) == (1, 1)


def test_local_limits_take_over(launch, simulator, redis):
    """With what was left of them, and without counting anything twice."""
    caller = {"key": "sk-a", "rpm_limit": 4}
    gateway = wait_back(launch(settings(simulator, redis, keys=[caller])))
    assert [chat(gateway, "sk-a").status_code for _ in range(2)] == [200, 200]
    redis.kill()
    wait_for(lambda: away(gateway))
    answers = [chat(gateway, "sk-a") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["1", "0", "0"]
    redis.start()
    wait_back(gateway)
    assert [chat(gateway, "sk-a").status_code for _ in range(5)] == [200, 200, 200, 200, 429]


def test_four_that_are_cut_off_admit_no_more_than_the_limit_together(launch, simulator, redis):
    caller = {"key": "sk-a", "rpm_limit": 40}
    config = settings(simulator, redis, keys=[caller])
    gateways = [wait_back(launch(config)) for _ in range(4)]
    for gateway in gateways:
        wait_for(lambda gateway=gateway: gateway.holds()["shared_state"]["processes"] == 4)
    assert [chat(gateway, "sk-a").status_code for gateway in gateways * 2] == [200] * 8
    redis.kill()
    for gateway in gateways:
        wait_for(lambda gateway=gateway: away(gateway))
    answers = [answer for gateway in gateways for answer in many(12, lambda g=gateway: chat(g, "sk-a"))]
    # What each of them knew to be left, divided by four, and rounded down.
    assert collections.Counter(a.status_code for a in answers) == {200: 32, 429: 16}


def test_a_slow_redis_does_not_multiply_the_limit(launch, simulator, redis):
    """As patient as it is by default, with answers that take longer every now and then. Redis
    itself admits the limit; what each gateway adds is at most its share of what it took to be left."""
    limit, way = 100, SlowWay(redis, 90, 300)
    config = settings(simulator, way, keys=[{"key": "sk-a", "rpm_limit": limit}], general_settings={"shared_patience": 0.05})
    gateways = [wait_back(launch(config, env=ENV)) for _ in range(4)]
    for gateway in gateways:
        wait_for(lambda gateway=gateway: gateway.holds()["shared_state"]["processes"] == 4)
    granted, _ = saturate(gateways, "sk-a", 3 * limit + 1, 60)
    inside = max(sum(1 for s, a in granted if s >= begin and a < begin + WINDOW) for begin, _ in granted)
    assert sum(gateway.holds()["shared_state"]["late"] for gateway in gateways) > 0
    assert inside <= 2 * limit
    way.close()


@pytest.mark.parametrize("delay", [0.02, 0.08, 0.3], ids=lambda s: f"{s * 1000:.0f} ms")
def test_a_redis_that_is_always_slow(launch, simulator, redis, delay):
    """One that answers within shared_patience is used, however often it was away; of one that does not, the log says
    what to do, and it is used again as soon as it answers in time."""
    way, usable = RedisWay(redis, delay), delay < 0.1
    patience = 1 if usable else 0.1  # time for which it was busy itself a process allows, once more as much at most
    gateway = launch(settings(simulator, way, general_settings={"shared_patience": patience}))
    if usable:
        wait_back(gateway)
        redis.kill()
        wait_for(lambda: away(gateway))
        redis.start()
    else:
        told = r"redis at \S+ answers, but too late, the last time after (\d+) ms: requests wait 100 ms .*shared_patience"
        found = wait_for(lambda: re.search(told, gateway.log()), 60, "a line that says so")
        assert int(found[1]) >= 300 and away(gateway) and gateway.holds()["shared_state"]["probe_ms"] >= 300
        assert chat(gateway, "sk-a").status_code == 200
        way.delay = 0
    wait_back(gateway)
    assert chat(gateway, "sk-a").status_code == 200
    way.close()


def test_failover_by_sentinel(launch, simulator, redis, tmp_path):
    replica = RedisServer(tmp_path / "replica", "--replicaof", "127.0.0.1", redis.port)
    sentinel = Sentinel(tmp_path / "sentinel", redis)
    try:
        wait_for(lambda: "master_link_status:up" in replica.do("INFO", "replication"), 20)
        wait_for(lambda: "slaves=1" in sentinel.do("INFO", "sentinel"), 20)
        caller = {"key": "sk-a", "rpm_limit": 1000}
        cache = {
            "type": "redis",
            "sentinel_nodes": [["127.0.0.1", 1], ["127.0.0.1", sentinel.port]],
            "service_name": "lintel",
        }
        gateway = wait_back(
            launch(settings(simulator, keys=[caller], litellm_settings={"cache_params": cache}))
        )
        assert chat(gateway, "sk-a").status_code == 200
        # What was counted there goes on being counted at the replica.
        wait_for(lambda: "{lintel}:w:60000" in replica.do("KEYS", "*"))
        with Load(gateway, KEY, 2) as load:
            redis.kill()
            wait_for(lambda: away(gateway))
            # its clients lose their connections when it is promoted
            wait_for(lambda: "role:master" in replica.do("INFO", "replication", check=False), 30, "failover")
            wait_back(gateway)
            load.wait_more()
        assert list(load.statuses) == [200]
        answer = chat(gateway, "sk-a")
        assert answer.headers["x-ratelimit-remaining-requests"] == "998"
        # Sentinels drop the clients of whom they promote, which may be a second loss.
        assert changes(gateway) in ((1, 1), (2, 2))
    finally:
        sentinel.kill()
        replica.kill()


# ---- ways to reach it --------------------------------------------------------------------------


@pytest.fixture
def certificate(tmp_path):
    files = tmp_path / "ca.pem", tmp_path / "key.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"]
        + ["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", files[1], "-out", files[0]],
        check=True,
        capture_output=True,
    )
    return files


def counts_in(server, db=0):
    """The limits' keys that are there."""
    return server.do("-n", db, "EVAL", "return #redis.call('KEYS', '{lintel}:w:*')", 0)


def check_reached(gateway, server, db=0):
    wait_back(gateway)
    assert chat(gateway, "sk-a").status_code == 200
    assert int(counts_in(server, db)) > 0
    assert gateway.holds()["shared_state"]["failed"] == 0


def test_password_database_and_environment(launch, simulator, redis):
    redis.do("CONFIG", "SET", "requirepass", "se:c@ret")
    redis.cli = ("-a", "se:c@ret", "--no-auth-warning")
    for env in (
        {"REDIS_HOST": "localhost", "REDIS_PORT": str(redis.port), "REDIS_PASSWORD": "se:c@ret", "REDIS_DB": "3"},
        {"REDIS_URL": f"redis://:se%3Ac%40ret@127.0.0.1:{redis.port}/3"},
    ):
        redis.do("FLUSHALL")
        check_reached(launch(settings(simulator), env=env), redis, 3)


def test_a_wrong_password_is_said_and_not_shown(launch, simulator, redis):
    redis.do("CONFIG", "SET", "requirepass", "right")
    gateway = launch(settings(simulator), env={"REDIS_URL": f"redis://:wrong-one@127.0.0.1:{redis.port}"})
    assert chat(gateway, "sk-a").status_code == 200
    assert "is away (WRONGPASS" in gateway.log() and "wrong-one" not in gateway.log()


def test_acl_user(launch, simulator, redis):
    """With no more rights than docs/state.md names."""
    commands = ("+@read", "+@write", "+@scripting", "+@connection", "+@pubsub", "+time")
    rights = ("~{lintel}:*", "&{lintel}:*", *commands)
    redis.do("ACL", "SETUSER", "gate", "on", ">secret", *rights)
    cache = {"type": "redis", "host": "127.0.0.1", "port": redis.port, "username": "gate", "password": "secret"}
    check_reached(launch(settings(simulator, litellm_settings={"cache_params": cache})), redis)


def test_unix_socket(launch, simulator, redis):
    router = {"redis_url": f"unix://{redis.socket}?db=2"}
    check_reached(launch(settings(simulator, router_settings=router)), redis, 2)


@pytest.fixture
def secure_redis(tmp_path, certificate):
    ca, key = certificate
    files = ("--tls-cert-file", ca, "--tls-key-file", key, "--tls-ca-cert-file", ca)
    cli = ("--tls", "--cacert", str(ca), "--cert", str(ca), "--key", str(key))
    server = RedisServer(tmp_path / "redis", *files, tls=True, cli=cli)
    yield server
    server.kill()


def test_tls(launch, simulator, secure_redis, certificate):
    """With a certificate of its own, which the server asks for; also under load and after a loss."""
    ca, key = certificate
    cache = {"type": "redis", "host": "localhost", "port": secure_redis.port, "ssl": True}
    cache |= {"ssl_ca_certs": str(ca), "ssl_certfile": str(ca), "ssl_keyfile": str(key)}
    gateway = launch(settings(simulator, litellm_settings={"cache_params": cache}))
    check_reached(gateway, secure_redis)
    with Load(gateway) as load:
        load.wait_more(100)
        secure_redis.kill()
        wait_for(lambda: away(gateway))
        secure_redis.start()
        wait_back(gateway)
        load.wait_more()
    assert list(load.statuses) == [200]


def test_sentinels_over_tls(launch, simulator, secure_redis, certificate, tmp_path):
    """The one that is asked for the master has the same certificate."""
    ca, key = certificate
    sentinel = Sentinel(
        tmp_path / "sentinel", secure_redis, *secure_redis.options, "--tls-replication", "yes", tls=True, cli=secure_redis.cli
    )
    try:
        cache = {"type": "redis", "sentinel_nodes": [["127.0.0.1", sentinel.port]], "service_name": "lintel", "ssl": True}
        cache |= {"ssl_ca_certs": str(ca), "ssl_certfile": str(ca), "ssl_keyfile": str(key)}
        check_reached(launch(settings(simulator, litellm_settings={"cache_params": cache})), secure_redis)
    finally:
        sentinel.kill()


def test_rediss_url(launch, simulator, secure_redis, certificate):
    ca, key = certificate
    files = f"ssl_ca_certs={ca}&ssl_certfile={ca}&ssl_keyfile={key}"
    router = {"redis_url": f"rediss://localhost:{secure_redis.port}/0?{files}"}
    check_reached(launch(settings(simulator, router_settings=router)), secure_redis)


@pytest.mark.parametrize("program", [p for p in ("redis-server", "valkey-server") if shutil.which(p)])
def test_each_program_that_there_is(launch, simulator, tmp_path, program):
    """Valkey comes with Debian 13."""
    server = RedisServer(tmp_path / "server", program=program)
    try:
        check_reached(launch(settings(simulator, server)), server)
    finally:
        server.kill()


@pytest.mark.parametrize(
    "params, why",
    [({}, "self-signed certificate"), ({"host": "127.0.0.2"}, "IP address mismatch")],
    ids=["unknown authority", "another host"],
)
def test_tls_is_verified(launch, simulator, secure_redis, certificate, params, why):
    cache = {"type": "redis", "host": "localhost", "port": secure_redis.port, "ssl": True, **params}
    if params:
        cache["ssl_ca_certs"] = str(certificate[0])
        secure_redis.kill()
        secure_redis.options += ("--bind", "127.0.0.1", "127.0.0.2", "--tls-auth-clients", "no")
        secure_redis.start()
    gateway = launch(settings(simulator, litellm_settings={"cache_params": cache}))
    assert chat(gateway, "sk-a").status_code == 200 and away(gateway)
    assert why in gateway.log()


@pytest.mark.parametrize(
    "what, wanted",
    [
        ("ssl_ca_certs", "certificates"),
        ("ssl_certfile", "a certificate"),
        ("ssl_keyfile", "the certificate's private key"),
    ],
)
def test_a_file_of_tls_that_is_none_stops_the_start(simulator, tmp_path, what, wanted):
    """It is there and can be read, but holds no PEM: the file and the reason are said, by check too."""
    bad = tmp_path / "not.pem"
    bad.write_text("nothing that was ever signed\n", encoding="utf-8")
    cache = {"type": "redis", "host": "localhost", "port": 1, "ssl": True, what: str(bad)}
    config = tmp_path / "config.json"
    config.write_text(json.dumps(settings(simulator, litellm_settings={"cache_params": cache})), encoding="utf-8")
    for arguments in (["check", config], ["--config", config, "--port", "0"]):
        done = subprocess.run([BUILD / "lintel", *arguments], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1
        assert f"cache_params: cannot use {bad} for TLS: {wanted} expected, as PEM (" in done.stderr


def test_cluster(launch, simulator, tmp_path):
    """Two nodes; the one that is named does not have the slot and says MOVED."""
    nodes = []
    try:
        for i in range(2):
            options = ("--cluster-enabled", "yes", "--cluster-port", free_port())
            nodes.append(RedisServer(tmp_path / f"node-{i}", *options))
        slot = int(nodes[0].do("CLUSTER", "KEYSLOT", "{lintel}:x"))
        without = ("0", slot - 1, slot + 1, 16383)
        nodes[0].do("CLUSTER", "ADDSLOTSRANGE", *without)
        nodes[1].do("CLUSTER", "ADDSLOTS", slot)
        nodes[0].do("CLUSTER", "MEET", "127.0.0.1", nodes[1].port, nodes[1].options[-1])
        for node in nodes:
            wait_for(lambda node=node: "cluster_state:ok" in node.do("CLUSTER", "INFO"), 20)
        cache = {"type": "redis", "redis_startup_nodes": [{"host": "127.0.0.1", "port": nodes[0].port}]}
        gateway = launch(settings(simulator, litellm_settings={"cache_params": cache}))
        wait_back(gateway)
        assert chat(gateway, "sk-a").status_code == 200
        assert "{lintel}:w:60000" in nodes[1].do("KEYS", "*")
    finally:
        for node in nodes:
            node.kill()


# ---- what is shared ----------------------------------------------------------------------------


def test_four_gateways_and_500_clients_share_one_limit(launch, simulator, redis):
    limit = 100
    keys = [{"key": "sk-a", "rpm_limit": limit}]
    config = settings(simulator, redis, keys=keys, general_settings={"shared_patience": 5})
    gateways = [wait_back(launch(config, env=ENV)) for _ in range(4)]
    granted, slowest = saturate(gateways, "sk-a", 3 * limit + 1, 500)
    check_exact(granted, slowest, limit, 3)
    for gateway in gateways:
        stats = gateway.holds()["shared_state"]
        assert (stats["late"], stats["failed"]) == (0, 0)


def test_workers_of_one_gateway_share_it_too(launch, simulator, redis):
    keys = [{"key": "sk-a", "rpm_limit": 20}]
    config = settings(simulator, redis, keys=keys, general_settings={"shared_patience": 5})
    gateway = launch(config, "--num_workers", "3", port=free_port())
    wait_for(lambda: gateway.log().count("is connected: limits and values are shared") == 3)
    answers = many(60, lambda: chat(gateway, "sk-a").status_code)
    assert collections.Counter(answers) == {200: 20, 429: 40}


def two_deployments(simulator):
    """Of one group, told apart by a tag, and the settings by which one of them comes to rest."""
    model = "bedrock/us.amazon.nova-pro-v1:0"
    two = [deployment("two", model, simulator.url, model_info={"id": name}) for name in "ab"]
    for entry, name in zip(two, "ab"):
        entry["model_info"] = entry["litellm_params"].pop("model_info")
    two[0]["litellm_params"]["tags"] = ["a"]
    router = {"cooldown_time": 20, "enable_tag_filtering": True, "adaptive_pacing": False}
    return two, router


def test_workers_share_a_limit_without_one_too(launch, simulator):
    """And places, and what one of them found out about a deployment."""
    keys = [{"key": "sk-a", "rpm_limit": 20}, {"key": "sk-b", "max_parallel_requests": 2}]
    two, router = two_deployments(simulator)
    config = settings(simulator, keys=keys, extra_models=two, router_settings=router)
    gateway = launch(config, "--num_workers", "3", port=free_port())
    assert gateway.log().count("3 workers count limits together") == 1
    answers = many(60, lambda: chat(gateway, "sk-a").status_code)
    assert collections.Counter(answers) == {200: 20, 429: 40}
    streams = [Stream(gateway, "sk-b") for _ in range(12)]
    assert collections.Counter(s.status() for s in streams) == {200: 2, 429: 10}
    for stream in streams:
        stream.cut()
    wait_for(lambda: chat(gateway, "sk-b").status_code == 200)
    tags = {"tags": ["a"]}
    many(30, lambda: chat(gateway, model="two", metadata=tags))  # all workers know of it
    chat(gateway, model="two", metadata=tags, messages=[{"role": "user", "content": "[[sim:error(429)]]"}])
    wait_for(lambda: all(gateway.holds()["deployments"]["a"]["rest_ms"] > 0 for _ in range(12)))


@pytest.mark.parametrize("by", ["redis", "workers"])
def test_a_change_of_a_key_reaches_all(launch, simulator, redis, tmp_path, by):
    general = {"database_url": f"sqlite:///{tmp_path}/keys.db", "data_directory": str(tmp_path)}
    config = settings(simulator, redis if by == "redis" else None, general_settings=general)
    if by == "redis":
        gateways = [wait_back(launch(config)) for _ in range(2)]
    else:
        gateways = [launch(config, "--num_workers", "3", port=free_port(), ready=False).wait_ready()]

    def manage(what, **body):
        head = {"Authorization": f"Bearer {KEY}"}
        url = gateways[0].base_url.removesuffix("/v1") + "/key/" + what
        answer = httpx.post(url, json=body, headers=head, timeout=20)
        return answer.status_code == 200 and answer.json()

    def seen(key):
        return {status for g in gateways for status in many(8, lambda g=g: chat(g, key).status_code)}

    key = wait_for(lambda: manage("generate"), 20, "the database")["key"]
    for what, status in (("block", 401), ("unblock", 200)):
        wait_for(lambda: seen(key) in ({200}, {401}))
        assert manage(what, key=key)
        wait_for(lambda status=status: seen(key) == {status})


def test_a_killed_worker_takes_no_limit_with_it(launch, simulator):
    """The others go on counting, and the one that is started in its place counts with them."""
    config = settings(simulator, keys=[{"key": "sk-a", "rpm_limit": 30}])
    gateway = launch(config, "--num_workers", "2", port=free_port(), ready=False)
    gateway.wait_ready()
    assert collections.Counter(many(10, lambda: chat(gateway, "sk-a").status_code)) == {200: 10}
    os.kill(workers(gateway)[0], signal.SIGKILL)
    wait_for(lambda: gateway.log().count("listening on") == 3, 10, "another worker")
    assert collections.Counter(many(60, lambda: chat(gateway, "sk-a").status_code)) == {200: 20, 429: 40}


def test_places_of_a_killed_gateway_come_back(launch, simulator, redis):
    keys = [{"key": "sk-a", "max_parallel_requests": 2}]
    config = settings(simulator, redis, keys=keys)
    first, second = (wait_back(launch(config)) for _ in range(2))
    streams = [Stream(first, "sk-a") for _ in range(2)]
    assert [s.status() for s in streams] == [200, 200]
    assert chat(second, "sk-a").status_code == 429
    first.kill()
    wait_for(lambda: chat(second, "sk-a").status_code == 200, 45, "the end of the leases")
    for stream in streams:
        stream.cut()


def test_gateways_know_of_each_others_deployments(launch, simulator, redis):
    """A rest is told at once, loads within a second or two."""
    two, router = two_deployments(simulator)
    config = settings(simulator, redis, extra_models=two, router_settings=router)
    first, second = (wait_back(launch(config)) for _ in range(2))
    for gateway in (first, second):
        assert chat(gateway, "sk-a", "two", metadata={"tags": ["a"]}).status_code == 200

    def of(gateway, name):
        return gateway.holds()["deployments"][name]

    wait_for(lambda: of(second, "a")["of_these_elsewhere"]["requests_per_minute"] == 1)
    assert of(second, "a")["requests_per_minute"] == 2
    message = [{"role": "user", "content": "[[sim:error(429)]]"}]
    chat(first, "sk-a", "two", metadata={"tags": ["a"]}, messages=message)
    wait_for(lambda: of(second, "a")["rest_ms"] > 0)
    assert of(second, "a")["rests"] == 0  # its own


def test_answers_are_kept_for_all_gateways(launch, simulator, redis):
    """Also while Redis is away nobody gets an error, and nobody an answer that was thrown away."""
    config = settings(simulator, redis, litellm_settings={"cache": True, "cache_params": {"type": "redis"}})
    first, second = (wait_back(launch(config)) for _ in range(2))
    question = [{"role": "user", "content": "kept for all"}]

    def ask(gateway):
        answer = chat(gateway, "sk-a", messages=question)
        assert answer.status_code == 200
        return answer.headers.get("x-litellm-cache-key")

    assert ask(first) is None
    wait_for(lambda: ask(second) is not None)
    redis.kill()
    wait_for(lambda: away(first))
    ask(first)
    redis.start()
    wait_back(first), wait_back(second)
    assert ask(second) is None  # it came back empty
