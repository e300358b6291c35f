"""LangChain's client, as the mission documents show it."""

import openai
import pytest
from langchain_core.messages import HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI


@tool
def get_weather(city: str) -> str:
    """Tells the weather of a city."""
    return f"sunny in {city}"


@pytest.fixture
def llm(gateway):
    # A connection pool of its own: the default one is shared by all clients of the process.
    with openai.DefaultHttpxClient() as pool:
        yield ChatOpenAI(
            model="claude-3-5-sonnet",
            api_key=gateway.key,
            base_url=gateway.base_url,
            temperature=0.7,
            max_retries=0,
            http_client=pool,
        )


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
