"""The four clocks of a call (connect, first byte, idle, total): each can be set for all, for one
deployment and for one request, the more precise one counts, and its error names it."""

import socket

import pytest
from conftest import MODELS, configuration, deployment
from raw import Raw, events

LONG, SHORT = 30, 0.4


class Deaf:
    """A server that is too busy to take connections: its backlog is full."""

    def __init__(self):
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.socket.listen(0)
        self.url = "http://127.0.0.1:%d" % self.socket.getsockname()[1]
        self.inside = []
        for _ in range(4):
            s = socket.socket()
            s.setblocking(False)
            s.connect_ex(self.socket.getsockname())
            self.inside.append(s)

    def close(self):
        for s in [*self.inside, self.socket]:
            s.close()


@pytest.fixture(scope="module")
def deaf():
    server = Deaf()
    yield server
    server.close()


# clock: (settings' name, name in the body and of its header, what the prompt makes the upstream do, streamed?,
#         what the error says)
CLOCKS = {
    "connect": ("connect_timeout", "x-lintel-connect-timeout", "", False, "connect timeout"),
    "connect-streamed": ("connect_timeout", "x-lintel-connect-timeout", "", True, "connect timeout"),
    "first": ("first_byte_timeout", "x-lintel-first-byte-timeout", "[[sim:hang]]", False, "first-byte timeout"),
    "first-streamed": ("stream_timeout", "x-litellm-stream-timeout", "[[sim:hang]]", True, "first-byte timeout"),
    "any-first-streamed": (
        "first_byte_timeout",
        "x-lintel-first-byte-timeout",
        "[[sim:hang]]",
        True,
        "first-byte timeout",
    ),
    "idle": (
        "stream_idle_timeout",
        "x-lintel-stream-idle-timeout",
        "[[sim:chunks(5,4)]] [[sim:silence(20000,2)]]",
        True,
        "idle timeout",
    ),
    "total": ("timeout", "x-litellm-timeout", "[[sim:hang]]", False, "total timeout"),
    "total-in-the-body": (
        "timeout",
        "x-litellm-timeout",
        "[[sim:chunks(400,4)]] [[sim:gap(20)]]",
        False,
        "total timeout",
    ),
}


def config(url, deaf_url, clock, where):
    name = CLOCKS[clock][0]
    settings = {} if where == "global" else {name: LONG}
    if where == "global":
        settings[name] = SHORT
    own = {name: SHORT} if where == "deployment" else {}
    model = deployment("m", MODELS["nova"], deaf_url if "connect" in clock else url, **own)
    return configuration(url, extra_models=[model], router_settings=settings)


def ask(gateway, clock, headers=(), **body):
    _, _, text, stream, _ = CLOCKS[clock]
    with Raw(gateway, timeout=20) as raw:
        messages = [{"role": "user", "content": f"{text} Hello"}]
        return raw.chat(headers, model="m", messages=messages, stream=stream, **body).reply()


def error_of(reply):
    """In the stream, where it had begun."""
    if reply.status != 200:
        assert reply.status == 408
        return reply.error()
    last = events(reply.body)[-1]
    assert set(last) == {"error"} and last["error"]["code"] == "408", last
    return last["error"]


def check(reply, clock):
    error = error_of(reply)
    assert error["type"] == "invalid_request_error", error
    assert CLOCKS[clock][4] in error["message"] and "(0.4 s)" in error["message"], error
    assert error["message"].startswith("litellm.Timeout")


@pytest.mark.parametrize("clock", CLOCKS)
@pytest.mark.parametrize("where", ["global", "deployment", "request"])
def test_each_clock(launch, simulator, deaf, clock, where):
    gateway = launch(config(simulator.url, deaf.url, clock, where))
    if where != "request":
        check(ask(gateway, clock), clock)
    else:
        check(ask(gateway, clock, **{CLOCKS[clock][0]: SHORT}), clock)
        check(ask(gateway, clock, [f"{CLOCKS[clock][1]}: {SHORT}"], **{CLOCKS[clock][0]: LONG}), clock)


@pytest.mark.parametrize("clock", ["first", "idle", "total"])
def test_the_precise_one_counts(launch, simulator, deaf, clock):
    """Also where it is the longer one."""
    name = CLOCKS[clock][0]
    text = {"first": "[[sim:slow_head(2000)]]", "idle": "[[sim:chunks(5,4)]] [[sim:silence(2000,2)]]"}.get(
        clock, "[[sim:slow_head(2000)]]"
    )
    own = deployment("own", MODELS["nova"], simulator.url, **{name: LONG})
    bare = deployment("bare", MODELS["nova"], simulator.url)
    gateway = launch(
        configuration(simulator.url, extra_models=[own, bare], router_settings={name: SHORT})
    )
    stream = CLOCKS[clock][3]
    messages = [{"role": "user", "content": f"{text} Hello"}]
    with Raw(gateway, timeout=20) as raw:

        def say(model, **more):
            return raw.chat(model=model, messages=messages, stream=stream, **more).reply()

        error_of(say("bare"))
        for reply in (say("own"), say("bare", **{name: LONG})):
            assert reply.status == 200
            assert not stream or events(reply.body)[-1] == "[DONE]"
        error_of(say("own", **{name: SHORT}))


def test_a_stream_has_no_total(launch, simulator):
    """It may take as long as it says something."""
    gateway = launch(configuration(simulator.url, router_settings={"timeout": 0.5}))
    with Raw(gateway, timeout=20) as raw:
        messages = [{"role": "user", "content": "[[sim:chunks(60,4)]] [[sim:gap(20)]]"}]
        reply = raw.chat(model="nova", messages=messages, stream=True).reply()
    assert events(reply.body)[-1] == "[DONE]"


@pytest.mark.parametrize("value", ["", "soon", "0", "-1"])
@pytest.mark.parametrize("header", sorted({c[1] for c in CLOCKS.values()}))
def test_bad_headers(gateway, header, value):
    with Raw(gateway) as raw:
        reply = raw.chat([f"{header}: {value}"], model="nova", messages=[{"role": "user", "content": "Hi"}]).reply()
    assert reply.status == 400 and header in reply.error()["message"]
