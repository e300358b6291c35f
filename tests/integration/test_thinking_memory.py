"""Tool loops with thinking on, by clients that never send the thinking back.

The simulator is as strict as Bedrock: without signed thinking in front of the first assistant turn of a
tool loop it refuses the request, and so it does with thinking that is not its own."""

import concurrent.futures
import json
import time
import urllib.request

import openai
import pytest
from conftest import KEY, configuration, openai_client
from programs import wait_for
from redis_server import RedisServer

THINKING = {"max_tokens": 4000, "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}


def function(name):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "function": {"name": name, "parameters": parameters}}


TOOLS = [function("get_weather"), function("get_time")]


def wants(*cities, tool="get_weather", more=""):
    """What makes the simulator call the tool once for each city."""
    calls = [f"[[sim:tool({tool},{json.dumps({'city': city})})]]" for city in cities]
    return {"role": "user", "content": " ".join(["How is it there?", *calls, more])}


def ask_whole(client, messages, **options):
    message = (
        client.chat.completions.create(
            model=options.pop("model", "claude"), messages=messages, tools=TOOLS, **THINKING, **options
        )
        .choices[0]
        .message
    )
    calls = [(c.id, c.function.name, c.function.arguments) for c in message.tool_calls or []]
    return message.content, calls, message.reasoning_content


def ask_streamed(client, messages, **options):
    content, calls, reasoning = "", [], ""
    stream = client.chat.completions.create(
        model=options.pop("model", "claude"), messages=messages, tools=TOOLS, stream=True, **THINKING, **options
    )
    for chunk in stream:
        if not chunk.choices:
            continue
        delta = chunk.choices[0].delta
        content += delta.content or ""
        reasoning += getattr(delta, "reasoning_content", None) or ""
        for piece in delta.tool_calls or []:
            if piece.id:
                calls.append([piece.id, piece.function.name, ""])
            calls[-1][2] += piece.function.arguments or ""
    return content, [tuple(call) for call in calls], reasoning


ASK = pytest.mark.parametrize("ask", [ask_whole, ask_streamed], ids=["whole", "streamed"])


def assistant(content, calls):
    """As a client without a notion of thinking writes it."""
    written = [
        {"id": i, "type": "function", "function": {"name": name, "arguments": arguments}}
        for i, name, arguments in calls
    ]
    return {"role": "assistant", "content": content or None, "tool_calls": written}


def results(calls):
    return [{"role": "tool", "tool_call_id": i, "content": f"sunny, says {name}"} for i, name, _ in calls]


def upstream(simulator):
    """The messages of the last request, as the simulator got them."""
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last=1", timeout=10) as reply:
        body = json.load(reply)[0]["body"]
    return (json.loads(body) if isinstance(body, str) else body)["messages"]


def thoughts(messages):
    """How many blocks of thinking each assistant turn begins with."""
    counts = []
    for message in messages:
        if message["role"] == "assistant":
            kinds = [next(iter(block)) for block in message["content"]]
            counts.append(kinds.count("reasoningContent"))
            assert kinds[: counts[-1]] == ["reasoningContent"] * counts[-1]
    return counts


def memory(gateway):
    return gateway.holds()["thinking_memory"]


def begin(client, *cities, ask=ask_whole, **options):
    """A conversation up to the results of its first calls, and the calls."""
    messages = [wants(*cities, more=options.pop("more", ""))]
    content, calls, reasoning = ask(client, messages, **options)
    assert len(calls) == len(cities)
    return [*messages, assistant(content, calls), *results(calls)], reasoning


def replay(gateway, simulator, messages, key=None, model="claude"):
    """Goes on with a conversation whose thinking may be gone; then this turn does without, and the
    header says so."""
    with openai_client(gateway, **({"api_key": key} if key else {})) as client:
        answer = client.chat.completions.with_raw_response.create(
            model=model, messages=messages, tools=TOOLS, **THINKING
        )
    got = thoughts(upstream(simulator))
    repairs = answer.headers.get("x-lintel-repairs", "").split(", ")
    assert ("thinking-recalled" in repairs, "thinking-off" in repairs) == (got[0] > 0, got[0] == 0)
    assert hasattr(answer.parse().choices[0].message, "reasoning_content") == (got[0] > 0)
    return got


@ASK
def test_a_loop_of_several_rounds(gateway, client, simulator, ask):
    messages, reasoning = begin(client, "Paris", ask=ask)
    assert reasoning
    before = []
    for turn in range(1, 6):
        messages.append(wants(f"City {turn}"))
        content, calls, reasoning = ask(client, messages)
        assert reasoning and len(calls) == 1
        got = upstream(simulator)
        assert thoughts(got) == [1] * turn
        assert got[: len(before)] == before  # what was sent stays as it was
        before = got
        messages += [assistant(content, calls), *results(calls)]
    content, calls, _ = ask(client, messages)
    assert "sunny" in content and not calls
    assert thoughts(upstream(simulator)) == [1] * 6


@ASK
def test_parallel_calls(client, simulator, ask):
    messages, _ = begin(client, "Paris", "Tokyo", "Lima", ask=ask)
    assert ask(client, messages)[0]
    assert thoughts(upstream(simulator)) == [1]


def test_parallel_calls_as_messages_of_their_own(client, simulator):
    """Some clients write down each call with its result."""
    messages, _ = begin(client, "Paris", "Tokyo")
    question, turn, *answers = messages
    for call, answer in zip(turn["tool_calls"], answers):
        question = [question] if isinstance(question, dict) else question
        question += [{"role": "assistant", "content": None, "tool_calls": [call]}, answer]
    assert ask_whole(client, question)[0]
    assert thoughts(upstream(simulator)) == [1, 0]


@ASK
def test_redacted_thinking(client, simulator, ask):
    messages, _ = begin(client, "Paris", ask=ask, more="[[sim:redacted]]")
    assert ask(client, messages)[0]
    (block,) = [b for b in upstream(simulator)[1]["content"] if "reasoningContent" in b]
    assert block["reasoningContent"]["redactedContent"]


def test_streamed_and_whole_remember_the_same(client, simulator):
    bodies = []
    for ask in (ask_whole, ask_streamed):
        messages, _ = begin(client, "Paris", ask=ask)
        ask_whole(client, messages)
        bodies.append(upstream(simulator)[1]["content"][0])
    assert bodies[0] == bodies[1]


def test_what_the_client_sends_back_is_used(gateway, client, simulator):
    first = client.chat.completions.create(
        model="claude", messages=[wants("Paris")], tools=TOOLS, **THINKING
    ).choices[0].message
    calls = [(c.id, c.function.name, c.function.arguments) for c in first.tool_calls]
    before = memory(gateway)
    turn = {**assistant(first.content, calls), "thinking_blocks": first.thinking_blocks}
    assert ask_whole(client, [wants("Paris"), turn, *results(calls)])[0]
    assert thoughts(upstream(simulator)) == [1]
    after = memory(gateway)
    assert (after["hits"], after["misses"]) == (before["hits"], before["misses"])  # nobody asked


def test_counters(gateway, client):
    before = memory(gateway)
    messages, _ = begin(client, "Oslo", "Rome")
    kept = memory(gateway)
    assert kept["entries"] == before["entries"] + 2 and kept["bytes"] > before["bytes"]
    ask_whole(client, messages)
    after = memory(gateway)
    assert after["hits"] == kept["hits"] + 1  # one question for both calls of the turn
    assert (after["late"], after["dropped"], after["evicted"]) == (0, 0, 0)


def test_answers_without_thinking_leave_nothing(gateway, client):
    before = memory(gateway)
    client.chat.completions.create(model="claude", messages=[wants("Paris")], tools=TOOLS, max_tokens=500)
    client.chat.completions.create(
        model="claude", messages=[{"role": "user", "content": "Hello!"}], tools=TOOLS, **THINKING
    )
    assert memory(gateway) == before


# ---- whose it is -----------------------------------------------------------------------------------


def test_two_tenants(launch, simulator):
    """Without a master key everybody may call; the keys they show still tell them apart."""
    gateway = launch(configuration(simulator.url, general_settings={"master_key": ""}), key="sk-one")
    with openai_client(gateway, api_key="sk-one") as client:
        messages, _ = begin(client, "Paris")
    assert replay(gateway, simulator, messages, key="sk-two") == [0]
    assert replay(gateway, simulator, messages, key="sk-one") == [1]


def test_another_model(gateway, client, simulator):
    """A signature is of use only to the model that made it."""
    messages, _ = begin(client, "Paris")
    assert replay(gateway, simulator, messages, model="bedrock-converse-us-claude-3-7-sonnet-v1") == [0]
    assert replay(gateway, simulator, messages) == [1]


# ---- how long, how much ----------------------------------------------------------------------------


def test_expiry(launch, simulator):
    ttl = 1.5
    gateway = launch(configuration(simulator.url, general_settings={"thinking_memory_ttl": ttl}))
    with openai_client(gateway) as client:
        messages, _ = begin(client, "Paris")
        end = time.monotonic() + 1.8 * ttl
        while time.monotonic() < end:  # in use it lives on
            time.sleep(0.3 * ttl)
            assert replay(gateway, simulator, messages) == [1]
        time.sleep(1.5 * ttl)
        assert replay(gateway, simulator, messages) == [0]
    assert memory(gateway)["expired"] == 1


def test_the_cap(launch, simulator):
    """Thinking and kept responses share one room."""
    room = 2 * 1024 * 1024
    gateway = launch(configuration(simulator.url, general_settings={"thinking_memory_mb": 1, "responses_memory_mb": 1}))
    with openai_client(gateway) as client:
        first, _ = begin(client, "Paris")
        one = memory(gateway)["bytes"]
        rows = [[f"City {i}-{j}" for j in range(8)] for i in range(room // one // 8 + 8)]
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda cities: begin(client, *cities), rows))
        last, _ = begin(client, "Tokyo")
    told = memory(gateway)
    assert told["evicted"] > 0 and room / 2 < told["bytes"] <= room
    assert replay(gateway, simulator, last) == [1]
    assert replay(gateway, simulator, first) == [0]


def test_switched_off(launch, simulator):
    gateway = launch(configuration(simulator.url, general_settings={"thinking_memory_mb": 0}))
    with openai_client(gateway) as client:
        messages, _ = begin(client, "Paris")
    assert replay(gateway, simulator, messages) == [0]
    assert "thinking_memory" not in gateway.holds()


def test_a_client_that_leaves_is_not_remembered(gateway, client):
    before = memory(gateway)
    stream = client.chat.completions.create(
        model="claude", messages=[wants("Paris", more="[[sim:gap(50)]]")], tools=TOOLS, stream=True, **THINKING
    )
    next(iter(stream))
    stream.close()
    wait_for(lambda: gateway.holds()["live"] == 0)
    assert memory(gateway)["entries"] == before["entries"]


@pytest.fixture
def redis(tmp_path):
    server = RedisServer(tmp_path / "redis")
    yield server
    server.kill()


def test_processes_share_it_through_redis(launch, simulator, redis):
    """What one gateway was told another knows, also one that is started later."""
    settings = configuration(simulator.url, router_settings={"redis_url": redis.url})
    first = launch(settings)
    wait_for(lambda: not first.holds()["shared_state"]["away"])
    with openai_client(first) as client:
        messages, _ = begin(client, "Paris", ask=ask_streamed)
    second = launch(settings)
    wait_for(lambda: not second.holds()["shared_state"]["away"])
    assert replay(second, simulator, messages) == [1]
    assert second.holds()["thinking_memory"]["hits"] == 1
    assert replay(first, simulator, messages) == [1]
    redis.do("FLUSHALL")
    assert replay(first, simulator, messages) == [0]
