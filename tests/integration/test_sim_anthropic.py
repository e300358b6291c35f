"""bedrock-sim, used by Anthropic's own Python SDK (AnthropicBedrock): its signatures, its reading of the
chunks and its picture of a message are not ours."""

import json

import anthropic
import pytest
from anthropic import AnthropicBedrock
from conftest import ACCESS_KEY_ID, SECRET_ACCESS_KEY
from programs import Simulator
from test_sim_boto3 import SONNET

WEATHER = {
    "name": "get_weather",
    "description": "Tells the weather.",
    "input_schema": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
THINKING = {"type": "enabled", "budget_tokens": 1024}


@pytest.fixture(scope="module")
def client(tmp_path_factory):
    program = Simulator(tmp_path_factory.mktemp("sim"))
    with AnthropicBedrock(
        aws_access_key=ACCESS_KEY_ID,
        aws_secret_key=SECRET_ACCESS_KEY,
        aws_region="us-east-1",
        base_url=program.url,
        max_retries=0,
        timeout=15,
    ) as client:
        yield client
    program.stop()


def ask(client, stream, messages, **more):
    request = {"model": SONNET, "max_tokens": 4096, "messages": messages, **more}
    if not stream:
        return client.messages.create(**request)
    with client.messages.stream(**request) as events:
        return events.get_final_message()


def user(content):
    return {"role": "user", "content": content}


@pytest.mark.parametrize("stream", [False, True])
def test_message(client, stream):
    message = ask(client, stream, [user("Grüße aus 東京!")], system="Be kind.")
    assert "Grüße aus 東京!" in message.content[0].text and message.stop_reason == "end_turn"
    assert message.usage.input_tokens > 0 and message.usage.output_tokens > 10


@pytest.mark.parametrize("stream", [False, True])
def test_thinking_tool_loop(client, stream):
    """The SDK's own objects go back into the history, as an agent would send them."""
    messages = [user("What is the weather in Paris and Tokyo?")]
    more = {"tools": [WEATHER], "thinking": THINKING}
    message = ask(client, stream, messages, **more)
    assert [b.type for b in message.content] == ["thinking", "text", "tool_use", "tool_use"]
    assert message.content[0].thinking and message.content[0].signature
    assert [b.input for b in message.content[2:]] == [{"city": "Paris"}, {"city": "Tokyo"}]
    assert message.usage.output_tokens_details.thinking_tokens > 0
    results = [{"type": "tool_result", "tool_use_id": b.id, "content": "21 °C"} for b in message.content[2:]]
    messages += [{"role": "assistant", "content": message.content}, user(results)]
    assert "21 °C" in ask(client, stream, messages, **more).content[-1].text
    message.content[0].thinking += "!"
    with pytest.raises(anthropic.BadRequestError, match="Invalid `signature` in `thinking` block"):
        ask(client, stream, messages, **more)


def test_events(client):
    """The SDK's helpers see texts, thinking, signatures and tool arguments grow."""
    with client.messages.stream(
        model=SONNET,
        max_tokens=4096,
        messages=[user("What is the weather in Paris?")],
        tools=[WEATHER],
        thinking=THINKING,
    ) as stream:
        kinds = [event.type for event in stream]
    assert {"thinking", "signature", "text", "input_json"} <= set(kinds)


def test_redacted_thinking(client):
    message = ask(client, True, [user("[[sim:redacted]] Hello")], thinking=THINKING)
    assert message.content[0].type == "redacted_thinking" and message.content[0].data
    turns = [user("Hello"), {"role": "assistant", "content": message.content}, user("And?")]
    assert ask(client, False, turns, thinking=THINKING).stop_reason == "end_turn"


def test_prompt_cache(client):
    def usage():
        text = "word " * 3000 + "of the Anthropic SDK"
        system = [{"type": "text", "text": text, "cache_control": {"type": "ephemeral"}}]
        return client.messages.create(model=SONNET, max_tokens=100, system=system, messages=[user("Hello")]).usage

    first, second = usage(), usage()
    assert first.cache_creation_input_tokens == second.cache_read_input_tokens > 3000
    assert first.cache_creation.ephemeral_5m_input_tokens == first.cache_creation_input_tokens


def test_betas(client):
    def ask(beta):
        return client.beta.messages.create(model=SONNET, max_tokens=100, messages=[user("Hello")], betas=[beta])

    assert ask("context-1m-2025-08-07").stop_reason == "end_turn"
    with pytest.raises(anthropic.BadRequestError, match="invalid beta flag"):
        ask("oauth-2025-04-20")


@pytest.mark.parametrize("stream", [False, True])
def test_citations(client, stream):
    source = {"type": "text", "media_type": "text/plain", "data": "Grüße"}
    document = {"type": "document", "title": "notes", "source": source, "citations": {"enabled": True}}
    turn = user([document, {"type": "text", "text": "[[sim:cite]] [[sim:reply(See the notes.)]]"}])
    message = ask(client, stream, [turn])
    (block,) = message.content
    (citation,) = block.citations
    assert block.text == "See the notes." and citation.cited_text == "Grüße" and citation.document_title == "notes"
    assert citation.end_char_index == 5
    turns = [turn, {"role": "assistant", "content": message.content}, user("And now?")]
    assert ask(client, stream, turns).stop_reason == "end_turn"


def test_structured_output(client):
    schema = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
        "required": ["name", "age"],
        "additionalProperties": False,
    }
    output = {"format": {"type": "json_schema", "schema": schema}}
    message = client.messages.create(model=SONNET, max_tokens=100, messages=[user("I met Ada, 36")], output_config=output)
    assert json.loads(message.content[0].text) == {"name": "Ada", "age": 36}


@pytest.mark.parametrize(
    "fault, error",
    [
        ("throttle", anthropic.RateLimitError),
        ("error(403)", anthropic.PermissionDeniedError),
        ("error(500)", anthropic.InternalServerError),
        ("exception(throttlingException,2)", anthropic.APIStatusError),
    ],
)
def test_errors(client, fault, error):
    with pytest.raises(error):
        ask(client, True, [user(f"[[sim:{fault}]]")])
