"""/v1/responses, asked by OpenAI's own Python SDK and by hand: answers, streams, tool loops with thinking,
what is kept and for whom."""

import json
import typing

import openai
import pydantic
import pytest
from conftest import KEY, configuration, deployment, openai_client
from programs import wait_for

CONVERSE = "bedrock-converse-us-claude-3-7-sonnet-v1"
OTHER_KEY = "sk-somebody-else-4711"
SETTINGS = {
    # Nothing is remembered for clients: what they bring back, or go on from, has its thinking with it.
    "general_settings": {"thinking_memory_mb": 0, "api_keys": [{"key": OTHER_KEY, "key_alias": "other"}]},
    "litellm_settings": {"sse_keepalive_ping_interval_seconds": 1},
}
FINAL = {"response.completed", "response.incomplete", "response.failed"}


def function(name, **more):
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
    return {"type": "function", "name": name, "description": f"Tells the {name}.", "parameters": parameters, **more}


TOOLS = [function("weather"), function("time")]
PATCH = {
    "type": "custom",
    "name": "patch",
    "description": "Patches files.",
    "format": {"type": "grammar", "syntax": "lark", "definition": "start: /.+/"},
}


def call(name, **arguments):
    return f"[[sim:tool({name},{json.dumps(arguments, ensure_ascii=False)})]]"


def collect(stream):
    """The final response; and that the events are a response's: in order, each once, each whole."""
    items, texts, final, numbers = {}, {}, None, []
    for event in stream:
        assert final is None, f"{event.type} behind the end"
        numbers.append(event.sequence_number)
        if event.type == "response.output_item.added":
            assert event.output_index == len(items) and event.item.id
            items[event.output_index] = event.item
            texts[event.output_index] = ""
        elif event.type.endswith(".delta"):
            assert event.item_id == items[event.output_index].id
            texts[event.output_index] += event.delta
        elif event.type in ("response.output_text.done", "response.reasoning_summary_text.done"):
            assert event.text == texts[event.output_index]
        elif event.type == "response.function_call_arguments.done":
            assert event.arguments == texts[event.output_index]
        elif event.type == "response.custom_tool_call_input.done":
            assert event.input == texts[event.output_index]
        elif event.type == "response.output_item.done":
            items[event.output_index] = event.item
        elif event.type in FINAL:
            final = event.response
    assert numbers == list(range(len(numbers)))
    assert [i.to_dict() for i in final.output] == [items[n].to_dict() for n in range(len(items))]
    return final


def ask(client, stream, content, **more):
    answer = client.responses.create(model=more.pop("model", "claude"), input=content, stream=stream, **more)
    return collect(answer) if stream else answer


def last_body(simulator, mark):
    calls = simulator.since(mark)
    assert calls, "nothing reached Bedrock"
    return calls[-1]["body"]


# ---- answers ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", CONVERSE, "nova"])
def test_text(client, simulator, model, stream):
    mark = simulator.mark()
    answer = ask(client, stream, "Grüße aus 東京!", model=model, instructions="Be kind.", max_output_tokens=900)
    assert answer.status == "completed" and answer.model == model and answer.object == "response"
    assert "Grüße aus 東京!" in answer.output_text and answer.instructions == "Be kind."
    assert answer.usage.input_tokens > 0 and answer.usage.total_tokens > answer.usage.output_tokens > 0
    assert answer.usage.to_dict()["cost"] > 0 and answer.max_output_tokens == 900
    assert "Be kind." in json.dumps(last_body(simulator, mark)["system"])


@pytest.mark.parametrize("stream", [False, True])
def test_what_was_asked_comes_back(client, simulator, stream):
    """… with the answer, and when it is asked for again; what only OpenAI's servers do does no harm."""
    asked = {"metadata": {"ticket": "4711"}, "truncation": "auto", "parallel_tool_calls": False, "tools": TOOLS}
    asked |= {"temperature": 0.5, "max_tool_calls": 3, "prompt_cache_key": "k", "safety_identifier": "s", "user": "bob"}
    mark = simulator.mark()
    answer = ask(client, stream, "Hi", include=["message.output_text.logprobs"], **asked)
    for seen in (answer.to_dict(), client.responses.retrieve(answer.id).to_dict()):
        assert {k: seen.get(k) for k in ("metadata", "truncation", "parallel_tool_calls", "temperature")} == {
            k: asked[k] for k in ("metadata", "truncation", "parallel_tool_calls", "temperature")
        }
        assert [t["name"] for t in seen["tools"]] == ["weather", "time"] and seen["store"] is True
    body = last_body(simulator, mark)
    assert body["inferenceConfig"] == {"temperature": 0.5} and "metadata" not in body


@pytest.mark.parametrize("stream", [False, True])
def test_usage_of_the_cache(client, stream):
    usage = ask(client, stream, "Hi [[sim:usage(10,20,3000,500)]]").usage
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (3510, 20, 3530)
    assert usage.input_tokens_details.cached_tokens == 3000


@pytest.mark.parametrize("stream", [False, True])
def test_cut_off(client, stream):
    answer = ask(client, stream, "Hi [[sim:chunks(9,20)]]", max_output_tokens=3)
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "max_output_tokens"
    assert answer.output[-1].status == "incomplete"
    answer = ask(client, stream, "Hi [[sim:stop(guardrail_intervened)]]")
    assert answer.status == "incomplete" and answer.incomplete_details.reason == "content_filter"


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", CONVERSE])
def test_citations(client, model, stream):
    document = {"type": "input_file", "filename": "sky.txt", "file_data": "data:text/plain;base64,VGhlIHNreSBpcyBibHVlLg=="}
    document["citations"] = {"enabled": True}
    prompt = [{"role": "user", "content": [document, {"type": "input_text", "text": "Which? [[sim:cite(The sky is blue.)]]"}]}]
    answer = ask(client, stream, prompt, model=model)
    annotations = [a for part in answer.output[-1].content for a in part.annotations]
    assert annotations and annotations[0].type == "file_citation" and annotations[0].filename
    assert 0 < annotations[0].index <= len(answer.output_text)


# ---- tools and thinking ----------------------------------------------------------------------------

TASK = (
    f"Compare. [[sim:turn(0)]] {call('weather', city='Paris')} {call('weather', city='Ōsaka')}"
    f"[[sim:turn(1)]] {call('time', city='Paris')} [[sim:redacted]] [[sim:turn(2)]] {call('time', city='Rome')}"
    "[[sim:turn(3)]] [[sim:reply(Sunny at noon.)]]"
)


def outputs(answer):
    return [
        {"type": "function_call_output", "call_id": item.call_id, "output": f"fine in {json.loads(item.arguments)['city']}"}
        for item in answer.output
        if item.type == "function_call"
    ]


def kinds(simulator, mark):
    """Of the blocks at the beginning of each assistant turn of the last call."""
    body = last_body(simulator, mark)
    first = [m["content"][0] for m in body["messages"] if m["role"] == "assistant"]
    return [b.get("type") or next(iter(b.get("reasoningContent", b))) for b in first]


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", CONVERSE])
def test_tool_loop_without_a_memory(client, simulator, model, stream):
    """store=False: the client brings all of it back, its thinking in encrypted_content."""
    history, mark = [{"role": "user", "content": TASK}], simulator.mark()
    more = {"model": model, "tools": TOOLS, "reasoning": {"effort": "low", "summary": "auto"}, "store": False}
    more["include"] = ["reasoning.encrypted_content"]
    for _ in range(4):
        answer = ask(client, stream, history, **more)
        history += answer.output + outputs(answer)
    assert answer.output_text == "Sunny at noon." and answer.output[0].type == "reasoning"
    invoke = ["thinking", "redacted_thinking", "thinking"]
    converse = ["reasoningText", "redactedContent", "reasoningText"]
    assert kinds(simulator, mark) in (invoke, converse)
    history.append({"role": "user", "content": "And now? [[sim:reply(Night.)]]"})
    assert ask(client, stream, history, **more).output_text == "Night."
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(answer.id)


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", ["claude", CONVERSE])
def test_tool_loop_from_response_to_response(client, simulator, model, stream):
    more = {"model": model, "tools": TOOLS, "reasoning": {"effort": "low"}}
    mark = simulator.mark()
    answer = ask(client, stream, TASK, **more)
    for _ in range(3):
        answer = ask(client, stream, outputs(answer), previous_response_id=answer.id, **more)
    assert answer.output_text == "Sunny at noon."
    assert len(kinds(simulator, mark)) == 3 and len(set(kinds(simulator, mark))) == 2
    final = ask(client, stream, "And now? [[sim:reply(Night.)]]", previous_response_id=answer.id, **more)
    assert final.output_text == "Night." and final.previous_response_id == answer.id


@pytest.mark.parametrize("stream", [False, True])
def test_items_by_reference(client, simulator, stream):
    """As agents do that keep the ids of items, and nothing else."""
    more = {"tools": TOOLS, "reasoning": {"effort": "low"}}
    first = ask(client, stream, "Go. " + call("weather", city="Oslo"), **more)
    history = [{"role": "user", "content": "Go."}]
    history += [{"type": "item_reference", "id": item.id} for item in first.output] + outputs(first)
    mark = simulator.mark()
    assert "fine in Oslo" in ask(client, stream, history, **more).output_text
    assert kinds(simulator, mark) == ["reasoningText"]
    with pytest.raises(openai.BadRequestError, match="not kept"):
        ask(client, False, [{"type": "item_reference", "id": "msg_123"}])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("text", ["*** Begin Patch\n+ \"Grüße\" \\ 🦜\t\n*** End Patch", "", "{}"])
def test_custom_tool(client, simulator, text, stream):
    mark = simulator.mark()
    asked = [{"role": "user", "content": "Go. " + call("patch", input=text)}]
    first = ask(client, stream, asked, tools=[PATCH])
    offered = json.dumps(last_body(simulator, mark)["toolConfig"])
    assert "lark grammar" in offered and "start: /.+/" in offered
    made = first.output[-1]
    assert (made.type, made.name, made.input) == ("custom_tool_call", "patch", text)
    result = {"type": "custom_tool_call_output", "call_id": made.call_id, "output": "patched"}
    asked += [*first.output, result]
    assert "patched" in ask(client, stream, asked, tools=[PATCH]).output_text


def test_namespaces(client):
    space = {"type": "namespace", "name": "agents", "description": "", "tools": [function("close")]}
    request = {"model": "claude", "input": "Go. " + call("agents__close", city="Rome")}
    raw = client.responses.with_raw_response.create(tools=[space, {"type": "web_search"}], **request)
    first = raw.parse()
    assert "server-tools" in raw.headers["x-lintel-repairs"]
    made = first.output[-1]
    assert (made.type, made.name, made.to_dict()["namespace"]) == ("function_call", "close", "agents")
    history = [{"role": "user", "content": "Go."}, *first.output, *outputs(first)]
    assert "fine in Rome" in ask(client, True, history, tools=[space]).output_text


def test_tool_choices(client, simulator):
    def offered(choice, **more):
        mark = simulator.mark()
        ask(client, False, "Hello", tools=TOOLS, tool_choice=choice, **more)
        body = last_body(simulator, mark)
        config = body.get("toolConfig", {})
        return [t["toolSpec"]["name"] for t in config.get("tools", [])], config.get("toolChoice")

    both = ["weather", "time"]
    assert offered("auto") == (both, {"auto": {}})
    assert offered("required") == (both, {"any": {}})
    assert offered({"type": "function", "name": "time"}) == (both, {"tool": {"name": "time"}})
    assert offered("none")[0] == []
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [{"type": "function", "name": "time"}]}
    assert offered(allowed) == (["time"], {"any": {}})


class Report(pydantic.BaseModel):
    city: str
    sky: typing.Literal["clear", "cloudy"]


@pytest.mark.parametrize("model", ["claude", CONVERSE, "nova"])
def test_parsed_output(client, model):
    parsed = client.responses.parse(model=model, input="How is it in Paris?", text_format=Report).output_parsed
    assert isinstance(parsed, Report) and parsed.sky == "clear"
    with client.responses.stream(model=model, input="How is it in Paris?", text_format=Report) as stream:
        assert stream.get_final_response().output_parsed == parsed


def test_stream_helper(client):
    with client.responses.stream(model="claude", input="Go. " + call("time", city="Oslo"), tools=TOOLS) as stream:
        kinds_seen = {event.type for event in stream}
        final = stream.get_final_response()
    assert {"response.created", "response.in_progress", "response.function_call_arguments.done"} <= kinds_seen
    assert json.loads(final.output[-1].arguments) == {"city": "Oslo"}


# ---- what is kept ----------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
def test_a_response_again(client, stream):
    answer = ask(client, stream, [{"role": "user", "content": "One"}, {"role": "user", "content": "Two"}])
    again = client.responses.retrieve(answer.id)
    assert again.to_dict() == answer.to_dict()
    assert [i.content[0].text for i in client.responses.input_items.list(answer.id)] == ["Two", "One"]
    page = client.responses.input_items.list(answer.id, order="asc", limit=1)
    assert page.data[0].content[0].text == "One" and page.has_more
    after = client.responses.input_items.list(answer.id, order="asc", after=page.data[0].id)
    assert [i.content[0].text for i in after.data] == ["Two"] and not after.has_more
    with pytest.raises(openai.BadRequestError, match="Cannot cancel"):
        client.responses.cancel(answer.id)
    client.responses.delete(answer.id)
    for gone in (client.responses.retrieve, client.responses.input_items.list, client.responses.delete):
        with pytest.raises(openai.NotFoundError):
            gone(answer.id)
    with pytest.raises(openai.BadRequestError, match="not found") as refused:
        ask(client, stream, "Go on", previous_response_id=answer.id)
    assert refused.value.param == "previous_response_id"


def test_nobody_elses(client, gateway):
    answer = ask(client, False, "A secret")
    with openai.OpenAI(base_url=gateway.base_url, api_key=OTHER_KEY, max_retries=0) as other:
        own = ask(other, False, "My own")
        assert other.responses.retrieve(own.id).id == own.id
        for gone in (other.responses.retrieve, other.responses.delete):
            with pytest.raises(openai.NotFoundError):
                gone(answer.id)
        with pytest.raises(openai.BadRequestError):
            ask(other, False, "Go on", previous_response_id=answer.id)
        item = {"type": "item_reference", "id": answer.output[0].id}
        with pytest.raises(openai.BadRequestError):
            ask(other, False, [item])
    assert client.responses.retrieve(own.id).id == own.id  # the master key's are all


def test_a_link_that_is_gone(client):
    first = ask(client, False, "One")
    second = ask(client, False, "Two", previous_response_id=first.id)
    client.responses.delete(first.id)
    with pytest.raises(openai.BadRequestError, match=first.id):
        ask(client, False, "Three", previous_response_id=second.id)


def test_input_tokens(client, simulator):
    few = client.responses.input_tokens.count(model="claude", input="Hello")
    assert few.object == "response.input_tokens" and few.input_tokens > 0
    answer = ask(client, False, "A long question. " * 50)
    many = client.responses.input_tokens.count(model="claude", input="Hello", previous_response_id=answer.id)
    assert many.input_tokens > few.input_tokens + 100


def test_compacting(client, simulator):
    first = ask(client, True, "We go to Paris. " + call("weather", city="Paris"), tools=TOOLS)
    mark = simulator.mark()
    short = client.responses.compact(
        model="claude", input=[*outputs(first), {"role": "user", "content": "Hm. [[sim:turn(0)]][[sim:reply(We spoke of Paris.)]]"}],
        previous_response_id=first.id,
    )
    said = json.dumps(last_body(simulator, mark)["messages"])
    assert "We go to Paris" in said and "fine in Paris" in said and "Write a summary" in said
    assert short.object == "response.compaction" and short.usage.output_tokens > 0
    mark = simulator.mark()
    ask(client, False, [*short.output, {"role": "user", "content": "Go on."}])
    said = json.dumps(last_body(simulator, mark)["messages"])
    assert "We spoke of Paris." in said and "We go to Paris" not in said
    with pytest.raises(openai.APIStatusError, match="summary"):
        client.responses.compact(model="claude", input="Hm. [[sim:turn(0)]][[sim:stop(max_tokens)]]")


# ---- failures --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "more, where",
    [
        ({"background": True}, "background"),
        ({"conversation": "conv_1"}, "conversation"),
        ({"tools": [{"type": "file_search", "vector_store_ids": ["a"]}]}, "tools"),
        ({"tool_choice": {"type": "web_search"}}, "tool_choice"),
        ({"input": [{"type": "shell_call"}]}, "input"),
        ({"input": [{"role": "user", "content": [{"type": "input_image", "file_id": "f"}]}]}, "file_id"),
        ({"input": [{"role": "nobody", "content": "Hi"}]}, "role"),
        ({"max_output_tokens": 0}, "max_output_tokens"),
    ],
)
def test_refused(client, more, where):
    with pytest.raises(openai.BadRequestError, match=where):
        client.responses.create(**{"model": "claude", "input": "Hi", **more})


@pytest.mark.parametrize("stream", [False, True])
def test_failures(client, stream):
    with pytest.raises(openai.RateLimitError):
        ask(client, stream, "[[sim:throttle]]")
    with pytest.raises(openai.BadRequestError):
        ask(client, stream, "Hi", model="nobody")


def test_a_stream_that_fails(gateway, curl):
    body = {"model": "claude", "stream": True, "input": "[[sim:chunks(9,20)]] [[sim:exception(modelStreamErrorException,4)]]"}
    status, _, raw = curl(gateway.base_url + "/responses", "-d", json.dumps(body), "-H", f"Authorization: Bearer {KEY}")
    events = [json.loads(line[6:]) for line in raw.decode().splitlines() if line.startswith("data: {")]
    assert status == 200 and [e["type"] for e in events[-2:]] == ["error", "response.failed"]
    assert events[-1]["response"]["error"]["code"] == "server_error" and "[DONE]" not in raw.decode()
    with openai_client(gateway) as client, pytest.raises(openai.APIError, match="ModelStreamError|model"):
        ask(client, True, body["input"])


def test_client_leaves(client, simulator):
    before = simulator.stats()["cancelled"]
    with client.responses.stream(model="claude", input="[[sim:chunks(2000,50)]] [[sim:gap(20)]]") as stream:
        next(iter(stream))
    wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 5, "the call cancelled")


@pytest.mark.parametrize("path", ["/responses", "/v1/responses", "/openai/v1/responses"])
def test_paths(gateway, curl, path):
    body = json.dumps({"model": "claude", "input": "Hi"})
    status, _, raw = curl(f"http://{gateway.netloc}{path}", "-d", body, "-H", f"Authorization: Bearer {KEY}")
    assert status == 200 and json.loads(raw)["id"].startswith("resp_")
