"""Tool loops written by hand with the OpenAI SDK for Python, thinking on, and structured output.

The conversation grows by what the SDK hands out, in the ways people write it down; the simulator
refuses whatever Bedrock would."""

import json
from typing import Literal

import openai
import pytest
from conftest import configuration, deployment
from pydantic import BaseModel

SONNET_3_7 = "bedrock-converse-us-claude-3-7-sonnet-v1"
NEWER = {
    "opus-4-6": "bedrock/us.anthropic.claude-opus-4-6-v1",  # a budget or adaptive
    "opus-4-8": "bedrock/us.anthropic.claude-opus-4-8",  # adaptive only
    "opus-5-5": "bedrock/us.anthropic.claude-opus-5-5",  # always thinks, takes no forced tool
    "invoke": "bedrock/invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    more = [deployment(name, model, simulator.url) for name, model in NEWER.items()]
    return launch(configuration(simulator.url, extra_models=more))


# ---- loops -----------------------------------------------------------------------------------------


def function(name):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"name": name, "description": f"Tells the {name}.", "parameters": parameters}


FUNCTIONS = [function("weather"), function("time")]
TOOLS = [{"type": "function", "function": f} for f in FUNCTIONS]


def call(name, city):
    return f"[[sim:tool({name},{json.dumps({'city': city})})]]"


TASK = {
    "role": "user",
    "content": f"Compare. [[sim:turn(0)]] {call('weather', 'Paris')} {call('weather', 'Rome')}"
    f"[[sim:turn(1)]] {call('time', 'Paris')} [[sim:redacted]] [[sim:turn(2)]] {call('time', 'Rome')}"
    "[[sim:turn(3)]] [[sim:reply(Sunny at noon.)]]",
}
ONE_BY_ONE = {
    "role": "user",
    "content": f"Compare. [[sim:turn(0)]] {call('weather', 'Paris')} [[sim:turn(1)]] {call('time', 'Paris')}"
    f"[[sim:turn(2)]] {call('weather', 'Rome')} [[sim:turn(3)]] [[sim:reply(Sunny at noon.)]]",
}


def ask_whole(client, **request):
    """The message itself, as examples append it."""
    return client.chat.completions.create(**request).choices[0].message


def ask_as_dict(client, **request):
    """With everything that is in it: thinking blocks, too."""
    return ask_whole(client, **request).model_dump(exclude_none=True)


def ask_streamed(client, **request):
    """Put together by hand: text and calls, nothing else."""
    text, calls = "", []
    for chunk in client.chat.completions.create(stream=True, **request):
        for choice in chunk.choices:
            text += choice.delta.content or ""
            for piece in choice.delta.tool_calls or []:
                if piece.id:
                    calls.append(
                        {"id": piece.id, "type": "function", "function": {"name": "", "arguments": ""}}
                    )
                calls[piece.index]["function"]["name"] += piece.function.name or ""
                calls[piece.index]["function"]["arguments"] += piece.function.arguments or ""
    return {"role": "assistant", "content": text, **({"tool_calls": calls} if calls else {})}


def ask_in_pieces(client, **request):
    """With the blocks of thinking as they come, piece for piece."""
    message, pieces = {}, []
    with client.chat.completions.stream(**request) as stream:
        for event in stream:
            if event.type == "chunk" and event.chunk.choices:
                pieces += getattr(event.chunk.choices[0].delta, "thinking_blocks", [])
        message = plain(stream.get_final_completion().choices[0].message)
    return {**message, "thinking_blocks": pieces}


def ask_by_helper(client, **request):
    """Put together by the SDK."""
    with client.chat.completions.stream(**request) as stream:
        return stream.get_final_completion().choices[0].message


WAYS = pytest.mark.parametrize("ask", [ask_whole, ask_as_dict, ask_streamed, ask_in_pieces, ask_by_helper])


def plain(message):
    return message if isinstance(message, dict) else message.model_dump(exclude_none=True)


def loop(client, ask, messages, **request):
    """Answers calls until there are none; the last message."""
    for _ in range(6):
        message = ask(client, messages=messages, **request)
        messages.append(message)
        calls = plain(message).get("tool_calls")
        if not calls:
            return plain(message)
        for one in calls:
            city = json.loads(one["function"]["arguments"])["city"]
            content = f"{one['function']['name']} in {city}: fine"
            messages.append({"role": "tool", "tool_call_id": one["id"], "content": content})
    raise AssertionError("it does not end")


def kind(block):
    """Of a block of Converse or of Anthropic's messages, if it is thinking."""
    if "reasoningContent" in block:
        return "redacted" if "redactedContent" in block["reasoningContent"] else "signed"
    return {"thinking": "signed", "redacted_thinking": "redacted"}.get(block.get("type"))


def check_calls(calls):
    """Nothing was refused, and each assistant turn kept its thinking."""
    assert [(c["outcome"], c["status"]) for c in calls] == [("completed", 200)] * 4
    for i, one in enumerate(calls):
        turns = [m["content"] for m in one["body"]["messages"] if m["role"] == "assistant"]
        assert [kind(turn[0]) for turn in turns] == ["signed", "redacted", "signed"][:i]
        assert not any(kind(block) for turn in turns for block in turn[1:])


EFFORT = {"reasoning_effort": "medium"}
BUDGET = {
    "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}},
    "temperature": 0,
    "max_tokens": 500,
}


@WAYS
@pytest.mark.parametrize(
    "model, options",
    [
        ("claude", EFFORT),
        (SONNET_3_7, BUDGET),
        ("opus-4-6", EFFORT),
        ("opus-4-8", BUDGET),
        ("opus-5-5", {}),
        ("invoke", BUDGET),
    ],
)
def test_loop(client, simulator, ask, model, options):
    mark = simulator.mark()
    last = loop(client, ask, [TASK], model=model, tools=TOOLS, **options)
    assert last["content"] == "Sunny at noon."
    check_calls(simulator.since(mark))


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("options", [{}, EFFORT], ids=["plain", "thinking"])
def test_legacy_functions(client, simulator, options, stream):
    """Calls without ids. Thinking cannot be found again then; it is off for the rest of the loop."""
    mark, messages = simulator.mark(), [ONE_BY_ONE]
    for _ in range(6):
        answer = client.chat.completions.create(
            model="claude", messages=messages, functions=FUNCTIONS, stream=stream, **options
        )
        if stream:
            name, arguments, text, reason = "", "", "", None
            for choice in (c for chunk in answer for c in chunk.choices):
                text += choice.delta.content or ""
                name += (choice.delta.function_call and choice.delta.function_call.name) or ""
                arguments += (choice.delta.function_call and choice.delta.function_call.arguments) or ""
                reason = choice.finish_reason or reason
        else:
            choice, reason = answer.choices[0], answer.choices[0].finish_reason
            name, arguments = (c := choice.message.function_call) and (c.name, c.arguments) or ("", "")
            text = choice.message.content
        if not name:
            break
        assert reason == "function_call"
        function_call = {"name": name, "arguments": arguments}
        messages.append({"role": "assistant", "content": None, "function_call": function_call})
        messages.append({"role": "function", "name": name, "content": "fine"})
    assert text == "Sunny at noon." and reason == "stop" and len(messages) == 7
    assert [c["status"] for c in simulator.since(mark)] == [200] * 4


# ---- structured output -----------------------------------------------------------------------------


class Day(BaseModel):
    name: str
    degrees: int


class Report(BaseModel):
    city: str
    sky: Literal["clear", "cloudy"]
    days: list[Day]


HOW = [{"role": "user", "content": "How is it in Paris?"}]
SUNNY = '{"city": "Paris", "sky": "clear", "days": [{"name": "Monday", "degrees": 21}]}'
WANTS_JSON = [{"role": "user", "content": f"How is it? [[sim:tool(json_tool_call,{SUNNY})]]"}]

MODELS = pytest.mark.parametrize(
    "model, native",
    [("claude", True), ("opus-4-6", True), (SONNET_3_7, False), ("nova", False), ("invoke", None)],
)


def check_body(simulator, mark, native):
    (one,) = simulator.since(mark)
    body = one["body"]
    if native is not None:
        assert ("outputConfig" in body) == native
        assert native or body["toolConfig"]["toolChoice"] == {"tool": {"name": "json_tool_call"}}


@MODELS
def test_parse(client, simulator, model, native):
    mark = simulator.mark()
    answer = client.chat.completions.parse(model=model, messages=HOW, response_format=Report)
    choice = answer.choices[0]
    assert isinstance(choice.message.parsed, Report) and choice.finish_reason == "stop"
    assert not choice.message.tool_calls and not choice.message.refusal
    check_body(simulator, mark, native)


@MODELS
def test_parse_streamed(client, simulator, model, native):
    mark, kinds = simulator.mark(), []
    with client.chat.completions.stream(model=model, messages=HOW, response_format=Report) as stream:
        for event in stream:
            kinds.append(event.type)
        final = stream.get_final_completion().choices[0]
    assert isinstance(final.message.parsed, Report) and final.finish_reason == "stop"
    assert kinds.count("content.done") == 1 and kinds.count("content.delta") > 1
    check_body(simulator, mark, native)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize("model, messages", [("claude", HOW), (SONNET_3_7, WANTS_JSON), ("opus-4-8", HOW)])
def test_parse_while_thinking(client, model, messages, streamed):
    request = {"model": model, "messages": messages, "response_format": Report, **EFFORT}
    if streamed:
        with client.chat.completions.stream(**request) as stream:
            message = stream.get_final_completion().choices[0].message
    else:
        message = client.chat.completions.parse(**request).choices[0].message
    assert isinstance(message.parsed, Report)
    (block,) = message.thinking_blocks
    assert block["type"] == "thinking" and block["signature"]


@pytest.mark.parametrize("model", ["claude", SONNET_3_7, "opus-5-5", "nova"])
def test_strict_tools(client, model):
    """The SDK's own schema of a class, strict, parsed back into it."""
    tools = [openai.pydantic_function_tool(Report, name="report")]
    answer = client.chat.completions.parse(
        model=model,
        messages=[{"role": "user", "content": f"How is it? [[sim:tool(report,{SUNNY})]]"}],
        tools=tools,
    )
    (one,) = answer.choices[0].message.tool_calls
    assert one.function.parsed_arguments == Report.model_validate_json(SUNNY)


@pytest.mark.parametrize("model", ["claude", SONNET_3_7])
def test_tools_then_structured_answer(client, simulator, model):
    """Tools of its own beside the format: the loop ends with JSON."""
    task = {
        "role": "user",
        "content": f"Report. [[sim:turn(0)]] {call('weather', 'Paris')} [[sim:turn(1)]]"
        + (f"[[sim:reply({SUNNY})]]" if model == "claude" else f"[[sim:tool(json_tool_call,{SUNNY})]]"),
    }
    mark = simulator.mark()
    form = {"type": "json_schema", "json_schema": {"name": "report", "schema": Report.model_json_schema()}}
    last = loop(client, ask_whole, [task], model=model, tools=TOOLS, response_format=form)
    assert Report.model_validate_json(last["content"]) and not last.get("tool_calls")
    assert [c["status"] for c in simulator.since(mark)] == [200] * 2
