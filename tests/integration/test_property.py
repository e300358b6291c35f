"""Whatever conversation a client of OpenAI's API has, in whatever disorder, Bedrock takes what becomes
of it: the simulator, which refuses what Bedrock refuses, answers 200.

Hypothesis makes up the conversations and, when one fails, the smallest that still does. One run has a
fixed seed, another one of its own, which is told; LINTEL_PROPERTY_SEED=N repeats it, and
LINTEL_PROPERTY_EXAMPLES=N makes more of them."""

import base64
import http.client
import json
import os
import random
import re
import urllib.request

import hypothesis
import pytest
from conftest import KEY, configuration, deployment
from hypothesis import HealthCheck
from hypothesis import strategies as st
from programs import ROOT, Simulator

EXAMPLES = int(os.environ.get("LINTEL_PROPERTY_EXAMPLES", 700))

# What a model sees, by name: t(ext only), i(mages), d(ocuments).
MODELS = {
    "anthropic.claude-3-haiku-20240307-v1:0": "i",
    "anthropic.claude-3-5-sonnet-20241022-v2:0": "id",
    "us.anthropic.claude-3-5-haiku-20241022-v1:0": "t",
    "us.anthropic.claude-3-7-sonnet-20250219-v1:0": "id",
    "eu.anthropic.claude-sonnet-4-20250514-v1:0": "id",
    "us.anthropic.claude-opus-4-1-20250805-v1:0": "id",
    "us.anthropic.claude-haiku-4-5-20251001-v1:0": "id",
    "us.anthropic.claude-sonnet-4-5-20250929-v1:0": "id",
    "us.anthropic.claude-opus-4-5-20251101-v1:0": "id",
    "us.anthropic.claude-opus-4-6-v1": "id",
    "eu.anthropic.claude-sonnet-4-6": "id",
    "us.anthropic.claude-opus-4-7": "id",
    "us.anthropic.claude-opus-4-8": "id",
    "anthropic.claude-mythos-preview": "i",
    "us.anthropic.claude-mythos-5-1": "id",
    "us.anthropic.claude-fable-5": "id",
    "us.anthropic.claude-fable-5-1": "id",
    "us.anthropic.claude-opus-5": "id",
    "us.anthropic.claude-opus-5-5": "id",
    "us.anthropic.claude-sonnet-5": "id",
    "us.anthropic.claude-sonnet-5-5": "id",
    "us.anthropic.claude-haiku-5-5": "id",
    "us.anthropic.claude-opus-7-20280101-v1:0": "id",
    "invoke/us.anthropic.claude-3-7-sonnet-20250219-v1:0": "id",
    "invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0": "id",
    "invoke/us.anthropic.claude-opus-4-6-v1": "id",
    "invoke/us.anthropic.claude-opus-5-5": "id",
    "us.amazon.nova-pro-v1:0": "id",
    "us.amazon.nova-2-lite-v1:0": "id",
    "converse/amazon.titan-text-express-v1": "t",
    "amazon.titan-text-express-v1": "t",
    "meta.llama3-1-70b-instruct-v1:0": "t",
    "mistral.mistral-large-2407-v1:0": "t",
    "mistral.mistral-7b-instruct-v0:2": "t",
    "cohere.command-r-plus-v1:0": "t",
    "us.deepseek.r1-v1:0": "t",
    "qwen.qwen3-32b-v1:0": "t",
    "openai.gpt-oss-120b-1:0": "t",
}

PNG = base64.b64encode(
    bytes.fromhex(
        "89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489"
        "0000000d49444154789c63646061f80f0001050101cfa02ee50000000049454e44ae426082"
    )
).decode()
PDF = base64.b64encode(b"%PDF-1.4\n1 0 obj\n<<>>\nendobj\ntrailer\n<<>>\n%%EOF\n").decode()

# ---- texts and names ------------------------------------------------------------------------------

BLANKS = ["", " ", "\n\t", "\u00a0", "\u2003\n"]
LONG = "Lots of words. " * 150
TEXTS = ["Hi", "Go on. ", "weather in Paris?", "größe — 日本語 👩‍💻", 'quoted "\\" \u0007', LONG]
texts = st.sampled_from(TEXTS + BLANKS)
NAMES = ["get_weather", "read", "my.tool/do it", "größe", "n" * 100, "json_tool_call", "my_tool_do_it", "🙂"]
names = st.sampled_from(NAMES)
IDS = ["call_1", "tooluse_abc", "chatcmpl-tool-1.2:3", "i" * 100, "ids are ünicode", "call_1 ", "9"]
ids = st.sampled_from(IDS)
arguments = st.sampled_from(["{}", '{"city": "Paris",  "n": 1.50}', "", " ", '{"city": "Par', "[1]", "null"])
controls = st.sampled_from([None, None, None, {}, {"ttl": "1h"}, {"ttl": "5m"}])


def marked(draw, value):
    """With a cache_control, now and then."""
    control = draw(controls)
    return value if control is None else {**value, "cache_control": {"type": "ephemeral", **control}}


def maybe(strategy):
    return st.one_of(st.none(), strategy)


# ---- messages -------------------------------------------------------------------------------------


class Senses:
    """What the model sees, and how much of it is left to show: Bedrock has its limits for one request."""

    def __init__(self, kinds, thoughts):
        self.left = {"image": 4 if "i" in kinds else 0, "document": 3 if "d" in kinds else 0}
        self.thoughts = thoughts

    def take(self, kind):
        self.left[kind] -= 1
        return self.left[kind] >= 0


def part(draw, senses, kinds=("text", "text", "image", "document")):
    kind = draw(st.sampled_from(kinds))
    if kind == "image" and senses.take("image"):
        return marked(
            draw, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}}
        )
    if kind == "document" and senses.take("document"):
        if draw(st.booleans()):
            file = {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}
            return marked(draw, {"type": "file", "file": file})
        source = {"type": "text", "media_type": "text/plain", "data": draw(texts) or "x"}
        cited = {"citations": {"enabled": True}} if draw(st.booleans()) else {}
        return marked(draw, {"type": "document", "source": source, "title": "T", **cited})
    return marked(draw, {"type": "text", "text": draw(texts)})


def content(draw, senses, kinds):
    shape = draw(st.sampled_from(["string", "string", "string", "list", "null"]))
    if shape == "string":
        return draw(texts)
    if shape == "null":
        return None
    return [part(draw, senses, kinds) for _ in range(draw(st.integers(0, 3)))]


def call(draw):
    function = {"name": draw(names), "arguments": draw(arguments)}
    return marked(draw, {"id": draw(ids), "type": "function", "function": function})


def thinking(draw, senses):
    kinds = draw(st.lists(st.sampled_from(["signed", "signed", "redacted", "unsigned"]), max_size=2))
    blocks = {
        "unsigned": {"type": "thinking", "thinking": "Hm.", "signature": ""},
        "signed": senses.thoughts["signed"],
        "redacted": senses.thoughts["redacted"],
    }
    return [blocks[kind] for kind in kinds]


def assistant(draw, senses, calls=None):
    message = {"role": "assistant", "content": content(draw, senses, ("text",))}
    if calls is None:
        calls = [call(draw) for _ in range(draw(st.integers(0, 2)))]
    if calls:
        message["tool_calls"] = calls
    if draw(st.booleans()):
        message["thinking_blocks"] = thinking(draw, senses)
    if draw(st.integers(0, 9)) == 0:
        message["refusal"] = "I cannot."
    return marked(draw, message)


def user(draw, senses):
    return marked(draw, {"role": "user", "content": content(draw, senses, ("text", "image", "document"))})


def tool(draw, senses, id):
    kinds = ("text", "text", "image") if senses.left["document"] > 0 else ("text",)
    return marked(
        draw, {"role": "tool", "tool_call_id": id, "content": content(draw, senses, kinds)}
    )


def system(draw, senses):
    role = draw(st.sampled_from(["system", "developer"]))
    return marked(draw, {"role": role, "content": draw(texts)})


def legacy(draw, senses):
    if draw(st.booleans()):
        return {"role": "function", "name": draw(names), "content": draw(texts)}
    call = {"name": draw(names), "arguments": draw(arguments)}
    return {"role": "assistant", "content": None, "function_call": call}


def any_message(draw, senses):
    kind = draw(st.sampled_from("uuuaaatts" + "l"))
    if kind == "t":
        return tool(draw, senses, draw(ids))
    return {"u": user, "a": assistant, "s": system, "l": legacy}[kind](draw, senses)


def round_of_calls(draw, senses):
    """Calls and their results, as an agent has them; and what may happen to them on the way."""
    calls = [call(draw) for _ in range(draw(st.integers(1, 3)))]
    results = [tool(draw, senses, one["id"]) for one in calls]
    accident = draw(st.sampled_from(["none"] * 4 + ["order", "lost", "twice", "split", "alone", "late"]))
    if accident == "order":
        results.reverse()
    elif accident == "lost":
        results.pop()
    elif accident == "twice":
        results.append(results[0])
    elif accident == "split":
        results.insert(draw(st.integers(0, len(results))), user(draw, senses))
    elif accident == "late":
        results.insert(draw(st.integers(0, len(results))), assistant(draw, senses))
    messages = [assistant(draw, senses, calls), *results]
    if accident == "alone":
        messages = [*(assistant(draw, senses, [one]) for one in calls), *results]
    return messages


def conversation(draw, senses):
    messages = [system(draw, senses) for _ in range(draw(st.integers(0, 2)))]
    if draw(st.booleans()):
        messages.append(user(draw, senses))
    for _ in range(draw(st.integers(0, 5))):
        if draw(st.booleans()):
            messages += round_of_calls(draw, senses)
        else:
            messages.append(any_message(draw, senses))
    if not messages or draw(st.booleans()):
        messages.append(user(draw, senses))
    return messages


# ---- the rest of a request ------------------------------------------------------------------------

SCHEMAS = [
    {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
    {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False},
    {"type": "object", "properties": {"n": {"type": "integer", "minimum": 1}}, "additionalProperties": False},
    {"properties": {"minimum": {"type": "string"}}, "$schema": "x", "additionalProperties": False, "title": "T"},
    {
        "type": "object",
        "properties": {"next": {"$ref": "#/$defs/Node"}, "definitions": {"type": "string"}},
        "additionalProperties": False,
        "$defs": {"Node": {"type": "object", "properties": {"next": {"$ref": "#/$defs/Node"}}}},
    },
    {
        "type": "object",
        "properties": {"to": {"$ref": "#/$defs/A"}, "list": {"type": "array", "items": {"$ref": "#/$defs/A"}}},
        "additionalProperties": False,
        "$defs": {"A": {"type": "object", "properties": {"s": {"enum": ["a", "b"]}}, "additionalProperties": False}},
    },
    {"$ref": "#/definitions/In", "definitions": {"In": {"type": "object", "properties": {"a": {"type": "number"}}}}},
    {"type": "object", "properties": {"x": {"$ref": "#/$defs/Nothing"}}, "additionalProperties": False},
    {"type": "object", "properties": {"o": {"type": "object", "properties": {}}}, "additionalProperties": False},
]
schemas = st.sampled_from(SCHEMAS)


def offered(draw):
    function = {"name": draw(names)}
    description = draw(st.sampled_from([None, "", " ", "Tells it."]))
    parameters = draw(st.one_of(st.none(), st.just({}), schemas))
    if description is not None:
        function["description"] = description
    if parameters is not None:
        function["parameters"] = parameters
    if draw(st.booleans()):
        function["strict"] = True
    return marked(draw, {"type": "function", "function": function})


def with_tools(draw, body):
    tools = [offered(draw) for _ in range(draw(st.integers(0, 3)))]
    if not tools:
        return
    body["tools"] = tools
    choice = draw(st.sampled_from([None, "auto", "none", "required", "named"]))
    if choice == "named":
        name = draw(st.sampled_from([t["function"]["name"] for t in tools]))
        choice = {"type": "function", "function": {"name": name}}
    if choice:
        body["tool_choice"] = choice
    if draw(st.booleans()):
        body["parallel_tool_calls"] = draw(st.booleans())


EFFORTS = ["none", "minimal", "low", "medium", "high", "xhigh", "max"]
THINKING = [
    {"type": "disabled"},
    {"type": "adaptive"},
    {"type": "adaptive", "display": "omitted"},
    {"type": "enabled"},
    {"type": "enabled", "budget_tokens": 1},
    {"type": "enabled", "budget_tokens": 2000},
    {"type": "enabled", "budget_tokens": 200000},
]
POINTS = [
    {"location": "message", "role": "system"},
    {"location": "message", "role": "user"},
    {"location": "message", "role": "tool"},
    {"location": "message", "role": "assistant", "control": {"type": "ephemeral", "ttl": "1h"}},
    {"location": "message", "index": -1},
    {"location": "message", "index": 1, "control": {"type": "ephemeral", "ttl": "1h"}},
    {"location": "tool_config"},
]
PARAMETERS = {
    "anthropic_beta": st.sampled_from([["context-1m-2025-08-07"], ["unknown-2030-01-01"]]),
    "output_config": st.sampled_from([{"effort": e} for e in EFFORTS[2:]]),
    "temperature": st.sampled_from([0, 0.5, 1, 1.5, 2]),
    "top_p": st.sampled_from([0.1, 0.95, 1]),
    "top_k": st.sampled_from([1, 40]),
    "max_tokens": st.sampled_from([1, 1000, 5000, 500000]),
    "stop": st.sampled_from(["\n\n", "END", ["END", " ", ""], []]),
    "seed": st.just(1),
    "n": st.just(1),
    "user": st.just("u"),
    "service_tier": st.sampled_from(["auto", "default", "flex"]),
    "cache_control_injection_points": st.lists(st.sampled_from(POINTS), min_size=1, max_size=3),
    "functions": st.just([{"name": "read", "parameters": {"type": "object", "properties": {}}}]),
    "response_format": st.one_of(
        st.sampled_from([{"type": "text"}, {"type": "json_object"}]),
        st.builds(
            lambda schema, strict: {
                "type": "json_schema",
                "json_schema": {"name": "answer", "schema": schema, "strict": strict},
            },
            schemas,
            st.booleans(),
        ),
    ),
}


@st.composite
def requests(draw, thoughts):
    model = draw(st.sampled_from(list(MODELS)))
    senses = Senses(MODELS[model], thoughts)
    body = {"model": model, "messages": conversation(draw, senses), "drop_params": True}
    with_tools(draw, body)
    for name in draw(st.lists(st.sampled_from(list(PARAMETERS)), max_size=4, unique=True)):
        body[name] = draw(PARAMETERS[name])
    if draw(st.booleans()):
        name, values = draw(st.sampled_from([("thinking", THINKING), ("reasoning_effort", EFFORTS)]))
        body[name] = draw(st.sampled_from(values))
    if draw(st.integers(0, 3)) == 3:
        body["stream"] = True
    if "titan" in model:  # 8000 tokens are all it reads
        body = json.loads(json.dumps(body, ensure_ascii=False).replace(LONG, "Hi"))
    return body


# ---- asking ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def simulator(tmp_path_factory):
    program = Simulator(tmp_path_factory.mktemp("simulator"), "--fast")
    yield program
    program.stop()


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [deployment(name, f"bedrock/{name}", simulator.url) for name in MODELS]
    auto = deployment("auto", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", simulator.url)
    auto["litellm_params"]["prompt_caching"] = "auto"
    return launch(configuration(simulator.url, extra_models=[*models, auto]))


class Asker:
    def __init__(self, gateway, simulator):
        self.gateway, self.simulator = gateway, simulator
        self.connection = http.client.HTTPConnection(gateway.netloc, timeout=20)
        self.count = 0

    def close(self):
        self.connection.close()

    def ask(self, body):
        headers = {"Authorization": f"Bearer {KEY}", "Content-Type": "application/json"}
        self.connection.request("POST", "/v1/chat/completions", json.dumps(body), headers)
        reply = self.connection.getresponse()
        self.count += 1
        return reply.status, reply.read().decode()

    def sent(self):
        with urllib.request.urlopen(f"{self.simulator.url}/_sim/requests?last=1", timeout=10) as reply:
            return json.dumps(json.load(reply)[0]["body"], ensure_ascii=False)

    def accepted(self, body):
        """The answer; with all one needs to see why, if it is none."""
        status, text = self.ask(body)
        good = status == 200 and ('data: {"error"' not in text if body.get("stream") else True)
        if body.get("stream"):
            good = good and text.endswith("data: [DONE]\n\n")
        assert good, (
            f"{status}: {text[-2000:]}\n--- the client's request\n{json.dumps(body, ensure_ascii=False)}\n"
            f"--- what the simulator got last\n{self.sent()}"
        )
        return None if body.get("stream") else json.loads(text)

    def thoughts(self):
        """Thinking that the simulator has signed."""
        found = {}
        for kind, directive in (("signed", ""), ("redacted", " [[sim:redacted]]")):
            body = {
                "model": "us.anthropic.claude-3-7-sonnet-20250219-v1:0",
                "messages": [{"role": "user", "content": "Think." + directive}],
                "thinking": {"type": "enabled", "budget_tokens": 1024},
            }
            (found[kind],) = self.accepted(body)["choices"][0]["message"]["thinking_blocks"]
        return found


@pytest.fixture
def asker(gateway, simulator):
    asker = Asker(gateway, simulator)
    yield asker
    asker.close()


def goes_on(body, answer):
    """The same conversation a turn later: with the answer, results for its calls and a word more."""
    message = answer["choices"][0]["message"]
    reply = {k: message[k] for k in ("role", "content", "tool_calls") if message.get(k) is not None}
    results = [
        {"role": "tool", "tool_call_id": one["id"], "content": "22 C"} for one in reply.get("tool_calls", [])
    ]
    if message.get("function_call"):
        reply["function_call"] = message["function_call"]
        results = [{"role": "function", "name": message["function_call"]["name"], "content": "22 C"}]
    more = results or [{"role": "user", "content": "Go on."}]
    return {**body, "messages": [*body["messages"], reply, *more]}


def holds_for(asker, seed, examples, strategy):
    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
    )
    @hypothesis.given(strategy)
    def holds(body):
        answer = asker.accepted(body)
        if answer:
            asker.accepted(goes_on(body, answer))

    holds()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("kind", ["fixed", "own"])
def test_any_conversation_is_accepted(asker, kind, record_property):
    own = int(os.environ.get("LINTEL_PROPERTY_SEED", random.SystemRandom().randrange(1 << 32)))
    seed = 1 if kind == "fixed" else own
    try:
        holds_for(asker, seed, EXAMPLES, requests(asker.thoughts()))
    finally:
        print(f"LINTEL_PROPERTY_SEED={seed}")
        record_property("report", f"seed {seed}: {asker.count} requests")


def test_the_conversations_need_every_repair(gateway):
    """Else the test above would show less than it seems to."""
    names = re.findall(r'= "([a-z-]+)"', (ROOT / "src/provider/plan.c").read_text())
    made = gateway.holds()["repairs"]
    assert len(names) > 25
    of_others = {"fields", "server-blocks", "server-tools"}  # test_messages_property.py, test_responses.py
    assert not [name for name in names if not made.get(name) and name not in of_others]
