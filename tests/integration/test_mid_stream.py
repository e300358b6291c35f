"""mid_stream_fallbacks: a stream that breaks off goes on elsewhere, and the client's text is the whole
text, whatever byte it broke at. Where that cannot be: the error event, as without the option."""

import json
import re
import urllib.request

import pytest
from conftest import MODELS, configuration, deployment
from programs import wait_for
from raw import Raw, events

TEXT = (
    "Räume und Träume:  zwei Wörter, drei Zeilen.\n\n\tEingerückt 🙂 und — mit Strich. \n"
    "    def f(x):\n        return x  # 日本語のテキスト\n\n\nEnde gut,\u00a0alles gut."
)
ROUTER = {"num_retries": 2, "disable_cooldowns": True}
NEW_CLAUDE = "bedrock/us.anthropic.claude-sonnet-4-6"


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    def two(name, model, **params):
        return [deployment(name, model, simulator.url, **params) for _ in range(2)]

    models = [
        *two("pair", MODELS["claude"]),
        *two("native", MODELS["claude"].replace("bedrock/", "bedrock/invoke/")),
        *two("new", NEW_CLAUDE),
        *two("once", MODELS["claude"], num_retries=0),
        deployment("mixed", MODELS["claude"], simulator.url),
        *two("mixed", NEW_CLAUDE),
        deployment("first", MODELS["claude"], simulator.url, num_retries=0),
        deployment("second", MODELS["nova"], simulator.url),
        deployment("alone", MODELS["claude"], simulator.url, num_retries=0),
    ]
    router = {**ROUTER, "mid_stream_fallbacks": True, "fallbacks": [{"first": ["new", "second"]}]}
    return launch(configuration(simulator.url, extra_models=models, router_settings=router))


def ask(gateway, model, text, path="/v1/chat/completions", **body):
    body = {"messages": [{"role": "user", "content": text}], "stream_options": {"include_usage": True}, **body}
    with Raw(gateway, timeout=30) as raw:
        reply = raw.chat(model=model, stream=True, **body).reply()
    assert reply.status == 200
    return events(reply.body)


def calls(simulator, n):
    """The last n calls, oldest first: (path, body)."""
    with urllib.request.urlopen(f"{simulator.url}/_sim/requests?last={n}") as answer:
        found = json.load(answer)
    return [(c["path"], c["body"] if isinstance(c["body"], dict) else json.loads(c["body"])) for c in found]


def text_of(found):
    return "".join(c["choices"][0]["delta"].get("content") or "" for c in found if c != "[DONE]" and c.get("choices"))


def whole(found):
    """The text of a stream that ended well and looks like one answer."""
    assert found[-1] == "[DONE]", found[-1]
    chunks = found[:-1]
    assert not any("error" in c for c in chunks)
    assert len({(c["id"], c["model"], c["created"]) for c in chunks}) == 1
    assert [c["choices"][0]["delta"].get("role") for c in chunks if c["choices"][0]["delta"].get("role")] == ["assistant"]
    assert len([c for c in chunks if c["choices"][0].get("finish_reason")]) == 1
    return text_of(found)


def broken(found):
    assert "error" in found[-1] and "[DONE]" not in found
    return text_of(found)


CHUNKS = (len(TEXT.encode()) + 15) // 16
FRAMES = CHUNKS + 6


@pytest.mark.parametrize("fault", ["cut_frame({n})", "cut({n})", "exception(internalServerException,{n})", "badcrc({n})", "end({n})"])
@pytest.mark.parametrize("model", ["pair", "native", "first"])
def test_every_place(gateway, simulator, model, fault):
    """Each chunk ends somewhere else: within words, behind spaces, newlines, wide characters. Behind the
    last of them follow the end of the block, the stop, the counts."""
    for n in range(FRAMES if "frame" in fault else CHUNKS + 1):
        script = f"[[sim:{fault.format(n=n)}]] [[sim:times(1)]] [[sim:gap(0)]]"
        found = ask(gateway, model, f"{script} [[sim:reply({TEXT})]] {model} {fault} {n}")
        assert whole(found) == TEXT, n
        if 2 < n < CHUNKS:
            (_, first), (_, second) = calls(simulator, 2)
            assert len(second["messages"]) == len(first["messages"]) + 1
            last = second["messages"][-1]
            beginning = last["content"] if isinstance(last["content"], str) else last["content"][-1]["text"]
            assert last["role"] == "assistant" and TEXT.startswith(beginning) and beginning == beginning.rstrip()
            assert TEXT[len(beginning) :]


@pytest.mark.parametrize("size", range(1, 12))
def test_every_byte(gateway, simulator_pieces, size):
    """Pieces of one to eleven bytes, broken behind each of the first twenty."""
    name = f"pieces-{size}"
    for n in range(1, 20):
        script = f"[[sim:cut({n})]] [[sim:times(1)]] [[sim:gap(0)]]"
        assert whole(ask(simulator_pieces[size], "pair", f"{script} [[sim:reply({TEXT})]] {name} {n}")) == TEXT


@pytest.fixture(scope="module")
def simulator_pieces(launch, tmp_path_factory):
    """Gateways in front of simulators that cut texts into pieces of so many bytes."""
    from programs import Simulator

    started, gateways = [], {}
    for size in range(1, 12):
        started.append(Simulator(tmp_path_factory.mktemp("pieces"), "--fast", "--chunk-bytes", str(size)))
        models = [deployment("pair", MODELS["claude"], started[-1].url) for _ in range(2)]
        sections = {"router_settings": ROUTER, "litellm_settings": {"mid_stream_fallbacks": True}}
        gateways[size] = launch(configuration(started[-1].url, extra_models=models, **sections))
    yield gateways
    for program in started:
        program.stop()


def test_breaks_twice(gateway, request):
    """The continuation breaks too; one budget for all of it: two retries."""
    for times, ends in ((2, whole), (3, broken)):
        script = f"[[sim:cut(3)]] [[sim:times({times})]] [[sim:reply({TEXT})]]"
        text = ends(ask(gateway, "pair", f"{script} {request.node.name} {times}"))
        assert text == TEXT if ends is whole else TEXT.startswith(text) and len(text) > 100


def test_falls_back(gateway, simulator, request):
    """The group has no retry; of its fallbacks the first takes no beginning, the second does."""
    found = ask(gateway, "first", f"[[sim:cut(3)]] [[sim:times(1)]] [[sim:reply({TEXT})]] {request.node.name}")
    assert whole(found) == TEXT
    (path, _), (other, body) = calls(simulator, 2)
    assert "claude-sonnet-4-5" in path and "nova-pro" in other
    assert {c["model"] for c in found[:-1]} == {"first"}


def test_mixed_group(gateway, simulator, request):
    """Of a group only the member that takes a beginning goes on."""
    text = f"[[sim:cut(3)]] [[sim:times(1)]] [[sim:reply({TEXT})]] {request.node.name}"
    for n in range(6):
        assert whole(ask(gateway, "mixed", f"{text} {n}")) == TEXT
        (_, _), (path, _) = calls(simulator, 2)
        assert "claude-sonnet-4-5" in path


@pytest.mark.parametrize("model", ["new", "once", "alone"])
def test_nobody_goes_on(gateway, simulator, model, request):
    """No model that takes a beginning; no retry and no fallback."""
    before = simulator.stats()["requests"]
    text = broken(ask(gateway, model, f"[[sim:cut(3)]] [[sim:reply({TEXT})]] {request.node.name}"))
    assert text and TEXT.startswith(text)
    assert simulator.stats()["requests"] == before + 1


TOOLS = [{"type": "function", "function": {"name": "look_up", "parameters": {"type": "object", "properties": {"what": {"type": "string"}}}}}]


def calls_of(found):
    pieces = [t for c in found if c != "[DONE]" and c.get("choices") for t in c["choices"][0]["delta"].get("tool_calls") or []]
    assert {p["index"] for p in pieces} <= {0}
    return "".join(p["function"]["arguments"] for p in pieces)


def test_text_before_a_tool_call(gateway, request):
    arguments = {"what": "the weather in Paris"}
    script = f"[[sim:cut(4)]] [[sim:times(1)]] [[sim:reply({TEXT})]] [[sim:tool(look_up,{json.dumps(arguments)})]]"
    found = ask(gateway, "pair", f"{script} {request.node.name}", tools=TOOLS)
    assert whole(found) == TEXT
    assert json.loads(calls_of(found)) == arguments
    assert found[-3]["choices"][0]["finish_reason"] == "tool_calls"


def test_half_a_tool_call_is_not_continued(gateway, simulator, request):
    script = "[[sim:cut(3)]] [[sim:times(1)]] [[sim:reply(Hm.)]] [[sim:tool(look_up,{\"what\":\"the weather in Paris, and in Rome\"})]]"
    before = simulator.stats()["requests"]
    found = ask(gateway, "pair", f"{script} {request.node.name}", tools=TOOLS)
    assert broken(found) == "Hm." and calls_of(found)
    assert simulator.stats()["requests"] == before + 1


def test_thinking_comes_once(gateway, simulator, request):
    """The text behind the thinking goes on without thinking; thinking alone does not go on."""
    thinking = {"type": "enabled", "budget_tokens": 2000}
    for n, ends in ((30, whole), (2, broken)):
        script = f"[[sim:cut({n})]] [[sim:times(1)]] [[sim:reply({TEXT * 6})]]"
        found = ask(gateway, "pair", f"{script} {request.node.name} {n}", thinking=thinking, max_tokens=9000)
        if ends is broken:
            assert broken(found) == ""
            continue
        assert whole(found) == TEXT * 6
        _, (_, second) = calls(simulator, 2)
        assert "thinking" not in second.get("additionalModelRequestFields", {}) or second["additionalModelRequestFields"]["thinking"]["type"] == "disabled"
        assert 2000 < second["inferenceConfig"]["maxTokens"] < 9000


def test_limits_go_with_it(gateway, simulator, request):
    """max_tokens is what is left of it, stop sequences hold for the rest."""
    script = f"[[sim:cut(4)]] [[sim:times(1)]] [[sim:reply({TEXT})]]"
    found = ask(gateway, "pair", f"{script} {request.node.name}", max_tokens=1000, stop=["日本"])
    assert whole(found) == TEXT[: TEXT.index("日本")]
    (_, first), (_, second) = calls(simulator, 2)
    assert first["inferenceConfig"]["maxTokens"] == 1000
    assert 900 < second["inferenceConfig"]["maxTokens"] < 1000
    assert second["inferenceConfig"]["stopSequences"] == ["日本"]
    found = ask(gateway, "pair", f"{script} {request.node.name}", max_tokens=1)
    assert found[-1] == "[DONE]"


def test_the_client_gave_a_beginning(gateway, simulator, request):
    messages = [
        {"role": "user", "content": f"[[sim:cut(3)]] [[sim:times(1)]] [[sim:reply(Well, {TEXT})]] {request.node.name}"},
        {"role": "assistant", "content": "Well, "},
    ]
    found = ask(gateway, "pair", "", messages=messages)
    assert whole(found).strip() == TEXT.strip()
    (_, first), (_, second) = calls(simulator, 2)
    assert len(first["messages"]) == len(second["messages"]) == 2
    assert second["messages"][-1]["content"][0]["text"].startswith("Well, Räume")


def test_nothing_but_the_counts_was_missing(gateway, simulator, request):
    """The model had stopped: the answer is whole, its usage is estimated."""
    before = simulator.stats()["requests"]
    found = ask(gateway, "new", f"[[sim:reply(All of it.)]] [[sim:cut_frame(4)]] {request.node.name}")
    assert whole(found) == "All of it." and simulator.stats()["requests"] == before + 1
    assert found[-2]["usage"]["completion_tokens"] > 2


def test_usage_adds_up(gateway, request):
    script = f"[[sim:cut(6)]] [[sim:times(1)]] [[sim:usage(1000,50)]] [[sim:reply({TEXT})]]"
    found = ask(gateway, "pair", f"{script} {request.node.name}")
    assert whole(found) == TEXT
    usage = found[-2]["usage"]
    assert usage["prompt_tokens"] > 1000 and 60 < usage["completion_tokens"] < 150
    price = usage["prompt_tokens"] * 3.3e-6 + usage["completion_tokens"] * 16.5e-6
    assert usage["cost"] == pytest.approx(price, rel=0.01)


def test_the_log_tells(gateway, request):
    found = ask(gateway, "pair", f"[[sim:cut(6)]] [[sim:times(1)]] [[sim:reply({TEXT})]] {request.node.name}")
    call = found[0]["id"].removeprefix("chatcmpl-")
    wait_for(lambda: any(call in line and "resumed=1" in line for line in gateway.log().splitlines()), what="the log line")


def test_a_format_cannot_be_begun_by_another(gateway, simulator, request):
    schema = {"type": "json_schema", "json_schema": {"name": "x", "strict": True, "schema": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"], "additionalProperties": False}}}
    before = simulator.stats()["requests"]
    found = ask(gateway, "pair", f"[[sim:cut(1)]] {request.node.name} {'x' * 40}", response_format=schema)
    broken(found)
    assert simulator.stats()["requests"] == before + 1


def test_completions(gateway, request):
    prompt = f"[[sim:cut(4)]] [[sim:times(1)]] [[sim:reply({TEXT})]] {request.node.name}"
    with Raw(gateway, timeout=30) as raw:
        body = json.dumps({"model": "pair", "prompt": prompt, "stream": True}).encode()
        head = [f"authorization: Bearer {gateway.key}", "content-type: application/json"]
        raw.request("POST", "/v1/completions", headers=head, body=body)
        found = events(raw.reply().body)
    assert found[-1] == "[DONE]"
    assert "".join(c["choices"][0]["text"] for c in found[:-1] if c["choices"]) == TEXT


# ---- the same over /v1/messages --------------------------------------------------------------------


def ask_messages(gateway, model, text, **body):
    body = {"model": model, "max_tokens": 4096, "stream": True, "messages": [{"role": "user", "content": text}], **body}
    with Raw(gateway, timeout=30) as raw:
        head = [f"x-api-key: {gateway.key}", "content-type: application/json"]
        raw.request("POST", "/v1/messages", headers=head, body=json.dumps(body).encode())
        body = re.sub(rb"^event: .*\n", b"", raw.reply().body, flags=re.MULTILINE)
        found = [e for e in events(body) if e["type"] != "ping"]
    assert [e["type"] for e in found].count("message_start") == 1 and found[0]["type"] == "message_start"
    open_block, last = None, -1
    for e in found:
        if e["type"] == "content_block_start":
            assert open_block is None and e["index"] == last + 1
            open_block = last = e["index"]
        elif e["type"] == "content_block_delta":
            assert e["index"] == open_block
        elif e["type"] == "content_block_stop":
            assert e["index"] == open_block
            open_block = None
    return found


def text_of_messages(found):
    return "".join(e["delta"].get("text", "") for e in found if e["type"] == "content_block_delta")


@pytest.mark.parametrize("model", ["pair", "native", "first"])
def test_messages(gateway, model):
    for n in range(0, CHUNKS, 3):
        for fault in (f"cut({n})", f"exception(internalServerException,{n})"):
            script = f"[[sim:{fault}]] [[sim:times(1)]] [[sim:gap(0)]] [[sim:reply({TEXT})]] messages {model} {fault}"
            found = ask_messages(gateway, model, script)
            assert [e["type"] for e in found[-2:]] == ["message_delta", "message_stop"]
            assert text_of_messages(found) == TEXT and found[-2]["usage"]["output_tokens"] > 20


def test_messages_thinking_and_a_tool(gateway):
    """Behind the thinking the text goes on without; a tool call that begins later comes whole."""
    tools = [{"name": "look_up", "input_schema": {"type": "object", "properties": {"what": {"type": "string"}}}}]
    script = f"[[sim:cut(45)]] [[sim:times(1)]] [[sim:reply({TEXT * 6})]] [[sim:tool(look_up,{{\"what\":\"x\"}})]] messages"
    found = ask_messages(gateway, "native", script, tools=tools, thinking={"type": "enabled", "budget_tokens": 2000})
    kinds = [e["content_block"]["type"] for e in found if e["type"] == "content_block_start"]
    assert kinds == ["thinking", "text", "tool_use"] and text_of_messages(found) == TEXT * 6
    arguments = "".join(e["delta"].get("partial_json", "") for e in found if e["type"] == "content_block_delta")
    assert json.loads(arguments) == {"what": "x"} and found[-2]["delta"]["stop_reason"] == "tool_use"


def test_messages_that_nobody_goes_on_with(gateway):
    found = ask_messages(gateway, "alone", f"[[sim:cut(5)]] [[sim:reply({TEXT})]] messages")
    assert found[-1]["type"] == "error" and TEXT.startswith(text_of_messages(found)) and text_of_messages(found)
