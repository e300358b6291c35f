"""LangChain: the chat model as the mission documents show it, agents that think, structured output."""

import asyncio
import json

import openai
import pytest
from langchain.agents import create_agent
from langchain.agents.structured_output import ProviderStrategy, ToolStrategy
from langchain_core.messages import AIMessage, AIMessageChunk, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, Field


@tool
def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"sunny in {city}"


@tool
def get_time(city: str) -> str:
    """Tells the time in a city."""
    return f"noon in {city}"


@pytest.fixture
def chat(gateway):
    """chat(model, ...) → ChatOpenAI."""
    # A connection pool of its own: the default one is shared by all clients of the process.
    with openai.DefaultHttpxClient() as pool:

        def make(model, **options):
            return ChatOpenAI(
                model=model,
                api_key=gateway.key,
                base_url=gateway.base_url,
                max_retries=0,
                http_client=pool,
                **options,
            )

        yield make


@pytest.fixture
def llm(chat):
    return chat("claude-3-5-sonnet", temperature=0.7)


def test_invoke(llm):
    answer = llm.invoke("Bonjour!")
    assert answer.content and answer.usage_metadata["input_tokens"] > 0
    assert answer.response_metadata["finish_reason"] == "stop"


def test_stream(llm):
    chunks = list(llm.stream("[[sim:chunks(10,5)]]"))
    assert len("".join(c.content for c in chunks)) == 50 and len(chunks) >= 10


def test_tools(llm):
    model = llm.bind_tools([get_weather])
    question = HumanMessage('[[sim:tool(get_weather,{"city":"Paris"})]]')
    answer = model.invoke([question])
    (call,) = answer.tool_calls
    assert call["name"] == "get_weather" and call["args"] == {"city": "Paris"}
    result = ToolMessage(get_weather.invoke(call["args"]), tool_call_id=call["id"])
    final = model.invoke([question, answer, result])
    assert final.content and not final.tool_calls


def test_tools_streamed(llm):
    whole = None
    for chunk in llm.bind_tools([get_weather]).stream('[[sim:tool(get_weather,{"city":"Paris"})]]'):
        whole = chunk if whole is None else whole + chunk
    assert [(c["name"], c["args"]) for c in whole.tool_calls] == [("get_weather", {"city": "Paris"})]


# ---- agents that think -----------------------------------------------------------------------------

SONNET_3_7 = "bedrock-converse-us-claude-3-7-sonnet-v1"

THINKING = [
    pytest.param("claude", {"reasoning_effort": "medium"}, id="effort"),
    pytest.param(
        SONNET_3_7,
        {"extra_body": {"thinking": {"type": "enabled", "budget_tokens": 2000}}, "temperature": 0},
        id="budget",
    ),
]

TASK = (
    'Compare. [[sim:turn(0)]] [[sim:tool(get_weather,{"city":"Paris"})]] [[sim:tool(get_weather,{"city":"Rome"})]]'
    '[[sim:turn(1)]] [[sim:tool(get_time,{"city":"Paris"})]] [[sim:redacted]]'
    '[[sim:turn(2)]] [[sim:tool(get_time,{"city":"Rome"})]]'
    "[[sim:turn(3)]] [[sim:reply(It is sunny at noon.)]]"
)
RESULTS = ["sunny in Paris", "sunny in Rome", "noon in Paris", "noon in Rome"]


def thoughts(body):
    """What kind of thinking each assistant turn begins with."""
    turns = [m["content"] for m in body["messages"] if m["role"] == "assistant"]
    return [list(turn[0].get("reasoningContent", {None: None}))[0] for turn in turns]


def check_calls(calls):
    """LangChain drops thinking; what it drops is put back in every turn."""
    assert [(c["outcome"], c["status"]) for c in calls] == [("completed", 200)] * 4
    kinds = ["reasoningText", "redactedContent", "reasoningText"]
    assert [thoughts(c["body"]) for c in calls] == [kinds[:i] for i in range(4)]


def check_messages(messages):
    assert [m.content for m in messages if isinstance(m, ToolMessage)] == RESULTS
    assert isinstance(messages[-1], AIMessage) and messages[-1].content == "It is sunny at noon."


@pytest.mark.parametrize("model, options", THINKING)
def test_agent(chat, simulator, model, options):
    agent = create_agent(chat(model, **options), [get_weather, get_time], system_prompt="Be brief.")
    mark = simulator.mark()
    check_messages(agent.invoke({"messages": [HumanMessage(TASK)]})["messages"])
    check_calls(simulator.since(mark))


@pytest.mark.parametrize("model, options", THINKING)
def test_agent_streamed(chat, simulator, model, options):
    agent = create_agent(chat(model, **options), [get_weather, get_time])
    mark = simulator.mark()
    text, results, pieces = "", [], 0
    for message, _ in agent.stream({"messages": [HumanMessage(TASK)]}, stream_mode="messages"):
        if isinstance(message, ToolMessage):
            results.append(message.content)
        elif isinstance(message, AIMessageChunk):
            text += message.content
            pieces += 1
    assert text == "It is sunny at noon." and sorted(results) == sorted(RESULTS) and pieces > 20
    calls = simulator.since(mark)
    check_calls(calls)
    assert all(c["path"].endswith("/converse-stream") for c in calls)


def test_agents_at_once(gateway):
    """The asynchronous client, several conversations in one pool."""

    async def run():
        async with openai.DefaultAsyncHttpxClient() as pool:
            llm = ChatOpenAI(
                model="claude",
                api_key=gateway.key,
                base_url=gateway.base_url,
                max_retries=0,
                http_async_client=pool,
                reasoning_effort="low",
            )
            agent = create_agent(llm, [get_weather, get_time])
            tasks = [agent.ainvoke({"messages": [HumanMessage(f"{i}: {TASK}")]}) for i in range(6)]
            return await asyncio.gather(*tasks)

    for result in asyncio.run(run()):
        check_messages(result["messages"])


# ---- structured output -----------------------------------------------------------------------------


class Report(BaseModel):
    """What the weather is like."""

    city: str
    degrees: int
    sky: str = Field(json_schema_extra={"enum": ["clear", "cloudy"]})
    days: list[str]


NATIVE = ["claude"]  # has outputConfig.textFormat; the others are made to call a tool
FORCED = [SONNET_3_7, "claude-3-5-sonnet", "nova"]


def check_report(report):
    assert isinstance(report, Report) and report.sky in ("clear", "cloudy")


def way(body):
    """How Bedrock was asked for JSON."""
    if "outputConfig" in body:
        return "native"
    return next(iter(body["toolConfig"].get("toolChoice", {"none": {}})))


@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
@pytest.mark.parametrize("model", NATIVE + FORCED)
def test_structured_output(chat, simulator, model, method):
    mark = simulator.mark()
    check_report(chat(model).with_structured_output(Report, method=method).invoke("How is it in Paris?"))
    (call,) = simulator.since(mark)
    native = model in NATIVE and method == "json_schema"
    assert way(call["body"]) == ("native" if native else "tool")


@pytest.mark.parametrize("model", NATIVE + FORCED)
def test_structured_output_streamed(chat, model):
    structured = chat(model).with_structured_output(Report, method="json_schema")
    (report,) = structured.stream("How is it in Paris?")
    check_report(report)


def test_json_mode(chat):
    structured = chat("claude").with_structured_output(None, method="json_mode")
    assert structured.invoke('Say it in JSON. [[sim:reply({"city": "Paris"})]]') == {"city": "Paris"}


REPORT = {"city": "Paris", "degrees": 21, "sky": "clear", "days": ["Monday"]}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    "model, question",
    [
        ("claude", "How is it in Paris?"),
        # A model that thinks cannot be made to call a tool; it is offered one and has to want it.
        (SONNET_3_7, f"How is it in Paris? [[sim:tool(json_tool_call,{json.dumps(REPORT)})]]"),
    ],
)
def test_structured_output_and_thinking(chat, model, question, stream):
    llm = chat(model, reasoning_effort="low", streaming=stream, stream_usage=True)
    answer = llm.with_structured_output(Report, method="json_schema", include_raw=True).invoke(question)
    check_report(answer["parsed"])
    assert answer["raw"].usage_metadata["output_token_details"]["reasoning"] > 0


@pytest.mark.parametrize("strategy", [ProviderStrategy, ToolStrategy])
@pytest.mark.parametrize("model", ["claude", SONNET_3_7])
def test_agent_with_structured_answer(chat, model, strategy):
    agent = create_agent(chat(model), [get_weather], response_format=strategy(Report))
    task = 'Report. [[sim:turn(0)]] [[sim:tool(get_weather,{"city":"Paris"})]] [[sim:turn(1)]]' + (
        "[[sim:tool(Report,%s)]]" if strategy is ToolStrategy else "[[sim:reply(%s)]]"
    ) % json.dumps(REPORT)
    answer = agent.invoke({"messages": [HumanMessage(task)]})
    assert answer["structured_response"] == Report(**REPORT)


# ---- the Responses API -----------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("kept", [False, True], ids=["whole-conversation", "previous-response"])
def test_an_agent_on_responses(chat, simulator, kept, stream):
    """With the whole conversation it brings everything back; else the gateway has it."""
    model = chat(
        "claude",
        use_responses_api=True,
        reasoning={"effort": "low", "summary": "auto"},
        streaming=stream,
        **({"use_previous_response_id": True} if kept else {"store": False, "include": ["reasoning.encrypted_content"]}),
    )
    task = (
        '[[sim:turn(0)]][[sim:tool(get_weather,{"city":"Rome"})]][[sim:tool(get_time,{"city":"Rome"})]]'
        '[[sim:turn(1)]][[sim:tool(get_weather,{"city":"Oslo"})]][[sim:redacted]][[sim:turn(2)]][[sim:reply(Fine.)]]'
    )
    agent = create_agent(model, [get_weather, get_time])
    mark = simulator.mark()
    state = agent.invoke({"messages": [HumanMessage("Go. " + task)]})
    assert state["messages"][-1].text == "Fine."
    calls = simulator.since(mark)
    first = [m["content"][0] for m in calls[-1]["body"]["messages"] if m["role"] == "assistant"]
    assert [next(iter(block["reasoningContent"])) for block in first] == ["reasoningText", "redactedContent"]
    state["messages"].append(HumanMessage("And? [[sim:reply(Night.)]]"))
    assert agent.invoke(state)["messages"][-1].text == "Night."
