"""Fixtures of the integration tests: the real lintel in front of the real bedrock-sim.

    simulator   one bedrock-sim for the worker's whole session, at a brisk pace
    gateway     one lintel for the module; it may say SETTINGS, a dict merged into its configuration
    launch      starts further gateways with configurations of their own
    client      an OpenAI client for the module's gateway
    node        runs one of the .mjs scripts beside this file

After every test each gateway that is still there must hold nothing any more (Gateway.nothing_left);
at the end of its module it must drain on SIGTERM, exit 0 and have no sanitizer report in its log.
"""

import functools
import json
import os
import pathlib
import platform
import subprocess

import httpx
import httpx2
import openai
import pytest
from databases import KINDS
from destination import destination
from programs import BUILD, ROOT, Gateway, Simulator
from redis_server import RedisServer

HERE = pathlib.Path(__file__).resolve().parent
NODE_MODULES = pathlib.Path(os.environ.get("LINTEL_TEST_NODE", ROOT / "build-test/node/node_modules"))
SHARED = pathlib.Path(os.environ.get("LINTEL_SHARED", ROOT.parent / "shared"))

# The golden cases lie beside the repository, not in it.
collect_ignore = [] if (SHARED / "golden/check.py").exists() else ["test_golden_check.py"]

KEY = "sk-integration-5f1d6c0e9a"

# What bedrock-sim accepts when nothing else is configured (docs/simulator.md).
ACCESS_KEY_ID = "AKIASIMULATEDBEDROCK"
SECRET_ACCESS_KEY = "simulated-bedrock-secret-key"

MODELS = {
    "claude": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "bedrock-converse-us-claude-3-7-sonnet-v1": "bedrock/converse/us.anthropic.claude-3-7-sonnet-20250219-v1:0",
    "claude-3-5-sonnet": "bedrock/anthropic.claude-3-5-sonnet-20241022-v2:0",
    "nova": "bedrock/us.amazon.nova-pro-v1:0",
}


# Each client reads the certificates of the machine anew, which takes longer than a request: all share them.
for library in (httpx, httpx2):
    library._transports.default.create_ssl_context = functools.cache(library.create_ssl_context)

# These take longest. They begin first, so that no worker is left with one of them in the end.
LONGEST = (
    "test_golden_check test_redis test_limits test_database test_ui_pages test_aws_renewal test_keys test_service_restart "
    "test_routing test_failures test_budgets_shared test_aws_credentials test_cache test_ledger test_stream_faults test_cline"
).split()


def pytest_collection_modifyitems(items):
    """Cline 3 comes for this processor only."""
    if platform.machine() != "x86_64":
        items[:] = [i for i in items if "current_cline" not in i.fixturenames]
    items.sort(key=lambda i: LONGEST.index(i.path.stem) if i.path.stem in LONGEST else len(LONGEST))


def pytest_sessionstart(session):
    for name in ("lintel", "bedrock-sim"):
        if not (BUILD / name).exists():
            pytest.exit(f"{BUILD / name} is missing: build it first (./manage-litellm.sh test does)", 2)


def pytest_terminal_summary(terminalreporter):
    """Prints what tests noted with record_property("report", text): figures that are told, not
    judged."""
    for reports in terminalreporter.stats.values():
        for report in reports:
            for name, text in getattr(report, "user_properties", ()):
                if name == "report" and report.when == "call":
                    terminalreporter.section(report.nodeid)
                    terminalreporter.write_line(text)


def deployment(name, model, endpoint, **params):
    return {
        "model_name": name,
        "litellm_params": {
            "model": model,
            "aws_region_name": "us-east-1",
            "aws_access_key_id": ACCESS_KEY_ID,
            "aws_secret_access_key": SECRET_ACCESS_KEY,
            "aws_bedrock_runtime_endpoint": endpoint,
            **params,
        },
    }


def configuration(endpoint, **sections):
    """A configuration with every model of MODELS at `endpoint`. Sections are merged over it, one
    level deep; extra_models are appended to the list."""
    config = {
        "model_list": [deployment(name, model, endpoint) for name, model in MODELS.items()]
        + sections.pop("extra_models", []),
        "general_settings": {"master_key": KEY},
        "router_settings": {"num_retries": 0},  # tests of failures want to see the first one
    }
    for name, section in sections.items():
        config.setdefault(name, {}).update(section)
    return config


@pytest.fixture(scope="session")
def simulator(tmp_path_factory):
    program = Simulator(tmp_path_factory.mktemp("simulator"))
    yield program
    program.stop()


@pytest.fixture
def simulator_at(tmp_path):
    """simulator_at(port) → a simulator of the test's own; port 0: any."""
    started = []

    def start(port):
        started.append(Simulator(tmp_path / f"simulator-{len(started)}", port=port))
        return started[-1]

    yield start
    for program in started:
        if program.running():
            program.stop()


@pytest.fixture(scope="session")
def database_server():
    """database_server(kind) → the server of that kind (databases.KINDS), started once for all tests of
    this worker; each module makes a database of its own in it."""
    started = {}

    def get(kind):
        if kind not in started:
            started[kind] = KINDS[kind]()
        return started[kind]

    yield get
    for server in started.values():
        server.stop()


@pytest.fixture(scope="module")
def redis(tmp_path_factory):
    server = RedisServer(tmp_path_factory.mktemp("redis"))
    yield server
    server.kill()


@pytest.fixture(scope="module")
def launch(tmp_path_factory):
    """launch(config, ...) → a Gateway that is ready. All of them are stopped, and held to a clean
    end, when the module ends; a test may stop its own earlier."""
    started = []

    def start(config, *arguments, ready=True, warm=True, **options):
        options.setdefault("key", KEY)
        gateway = Gateway(tmp_path_factory.mktemp("gateway"), config, *arguments, **options)
        started.append(gateway)
        if ready:
            gateway.wait_ready()
        if ready and warm:
            warm_up(gateway)
        return gateway

    yield start
    problems = []
    for gateway in started:
        try:
            if gateway.running():
                gateway.stop()
        except AssertionError as problem:
            problems.append(str(problem))
        finally:
            gateway.kill()
    assert not problems, "\n".join(problems)


def warm_up(gateway):
    """What is opened with the first requests (resolver, wake-up descriptors), and the database's files,
    belong to the baseline."""
    gateway.wait_database()
    gateway.holds()
    body = json.dumps(
        {"model": "claude", "messages": [{"role": "user", "content": "warm-up"}], "max_tokens": 8}
    )
    subprocess.run(
        [
            "curl",
            "-sS",
            "-o",
            os.devnull,
            "-m",
            "10",
            "--noproxy",
            "*",
            "-H",
            f"Authorization: Bearer {gateway.key}",
        ]
        + ["-H", "Content-Type: application/json", "-d", body, gateway.base_url + "/chat/completions"],
        check=True,
    )
    gateway.set_baseline()


@pytest.fixture(scope="module")
def gateway(request, launch, simulator):
    return launch(configuration(simulator.url, **getattr(request.module, "SETTINGS", {})))


@pytest.fixture(autouse=True)
def nothing_left(request):
    yield
    for value in request.node.funcargs.values():
        if isinstance(value, Gateway) and value.running() and value.baseline is not None:
            value.nothing_left()


@pytest.fixture
def client(gateway):
    with openai_client(gateway) as c:
        yield c


def openai_client(gateway, **options):
    """The SDK's own retries would hide what the gateway does."""
    options = {"api_key": gateway.key, "max_retries": 0, "timeout": 20, **options}
    return openai.OpenAI(base_url=gateway.base_url, **options)


@pytest.fixture(scope="module")
def server():
    """Where callbacks and alerts send to."""
    with destination() as d:
        yield d


@pytest.fixture(scope="session")
def node():
    """node(script, env) → the JSON the script prints as its last line."""

    def run(script, timeout=60, **env):
        done = subprocess.run(
            ["node", str(HERE / script)],
            env={"PATH": os.environ["PATH"], "LINTEL_TEST_NODE": str(NODE_MODULES), **env},
            capture_output=True,
            text=True,
            timeout=timeout,
        )
        assert done.returncode == 0, f"{script}: {done.stdout[-2000:]}\n{done.stderr[-6000:]}"
        return json.loads(done.stdout.splitlines()[-1])

    return run


@pytest.fixture(scope="session")
def curl():
    """curl(arguments...) → (status, headers, body); it follows no proxy of the developer's."""

    def run(*arguments, stdin=None, timeout=20):
        done = subprocess.run(
            ["curl", "-sS", "-D", "/dev/stderr", "--noproxy", "*", "-m", str(timeout), *map(str, arguments)],
            input=stdin,
            capture_output=True,
            timeout=timeout + 5,
        )
        lines = done.stderr.decode().replace("\r", "").strip().split("\n\n")[-1].split("\n")
        assert done.returncode == 0 and lines[0].startswith("HTTP/"), done
        headers = {k.lower(): v.strip() for k, _, v in (line.partition(":") for line in lines[1:])}
        return int(lines[0].split()[1]), headers, done.stdout

    return run
