"""Legacy completions through the OpenAI SDK for Python and LangChain."""

import json

import openai
import pytest
from langchain_openai import OpenAI as LangChainOpenAI
from programs import wait_for


def collect(stream):
    text, reasons, usages = "", [], []
    for chunk in stream:
        assert chunk.object == "text_completion" and chunk.model == "claude"
        if getattr(chunk, "usage", None):
            usages.append(chunk.usage)
        for choice in chunk.choices:
            text += choice.text
            reasons += [choice.finish_reason] if choice.finish_reason else []
    return text, reasons, usages


def test_plain(client):
    answer = client.completions.create(model="claude", prompt="Say hello. [[sim:reply(Grüße 🦜)]]")
    (choice,) = answer.choices
    assert answer.object == "text_completion" and answer.model == "claude"
    assert choice.text == "Grüße 🦜" and choice.finish_reason == "stop" and choice.index == 0
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens > 0


def test_stream(client):
    prompt = "[[sim:chunks(20,5)]]"
    text, reasons, usages = collect(client.completions.create(model="claude", prompt=prompt, stream=True))
    assert len(text) == 100 and reasons == ["stop"] and not usages
    text, reasons, (usage,) = collect(
        client.completions.create(
            model="claude", prompt=prompt, stream=True, stream_options={"include_usage": True}
        )
    )
    assert len(text) == 100 and reasons == ["stop"] and usage.completion_tokens > 0


def test_length(client):
    answer = client.completions.create(model="claude", prompt="[[sim:chunks(50,10)]]", max_tokens=5)
    assert answer.choices[0].finish_reason == "length" and answer.usage.completion_tokens == 5


def test_echo(client):
    prompt = "Once upon a time [[sim:reply(there was)]]"
    whole = client.completions.create(model="claude", prompt=prompt, echo=True)
    text, _, _ = collect(client.completions.create(model="claude", prompt=prompt, echo=True, stream=True))
    assert whole.choices[0].text == text == prompt + "there was"


@pytest.mark.parametrize(
    "options, message",
    [
        ({"prompt": [1, 2, 3]}, "token ids"),
        ({"prompt": [[1, 2], [3]]}, "token ids"),
        ({"prompt": ["a", [3]]}, "token ids"),
        ({"prompt": ["a", None]}, r"prompt\[1\]"),
        ({"prompt": []}, "at least one"),
        ({"prompt": ["a"] * 43, "n": 3}, "at most 128"),
        ({"prompt": "a", "n": 0}, "n"),
        ({"prompt": "a", "suffix": "b"}, "'suffix'"),
        ({"prompt": "a", "best_of": 2}, "'best_of'"),
        ({"prompt": "a", "logprobs": 1}, "'logprobs'"),
        ({"prompt": "a", "echo": "x"}, "echo"),
    ],
)
def test_mistakes_of_the_client(client, options, message):
    with pytest.raises(openai.BadRequestError, match=message):
        client.completions.create(model="claude", **options)


def test_errors(client):
    with pytest.raises(openai.RateLimitError):
        client.completions.create(model="claude", prompt="[[sim:throttle]]")
    with pytest.raises(openai.RateLimitError):
        list(client.completions.create(model="claude", prompt="[[sim:throttle]]", stream=True))
    with pytest.raises(openai.APIError):
        prompt = "[[sim:chunks(5,5)]] [[sim:exception(modelStreamErrorException,3)]]"
        list(client.completions.create(model="claude", prompt=prompt, stream=True))


@pytest.mark.parametrize(
    "path",
    ["/v1/completions", "/completions", "/openai/deployments/claude/completions", "/engines/claude/completions"],
)
def test_paths(gateway, curl, path):
    body = json.dumps({"model": "claude", "prompt": "[[sim:reply(yes)]]"})
    auth = f"Authorization: Bearer {gateway.key}"
    status, _, answer = curl(gateway.url + path, "-H", auth, "-H", "Content-Type: application/json", "-d", body)
    assert status == 200 and json.loads(answer)["choices"][0]["text"] == "yes"


def test_langchain(gateway):
    with openai.DefaultHttpxClient() as pool:
        llm = LangChainOpenAI(
            model="claude", api_key=gateway.key, base_url=gateway.base_url, max_retries=0, http_client=pool
        )
        assert llm.invoke("[[sim:reply(yes)]]") == "yes"
        assert "".join(llm.stream("[[sim:chunks(4,5)]]")).strip()


# ---- several prompts, several choices --------------------------------------------------------------

PROMPTS = ["[[sim:reply(one)]][[sim:usage(10,1)]]", "[[sim:reply(two)]][[sim:usage(20,2)]]", "[[sim:reply(three)]][[sim:usage(30,3)]]"]


def test_several_prompts(client, simulator):
    mark = simulator.mark()
    answer = client.completions.create(model="claude", prompt=PROMPTS, n=2)
    assert [c.index for c in answer.choices] == list(range(6))
    assert [c.text for c in answer.choices] == ["one", "one", "two", "two", "three", "three"]
    assert {c.finish_reason for c in answer.choices} == {"stop"}
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (120, 12)
    calls = simulator.since(mark)
    assert len(calls) == 6 and all(len(c["body"]["messages"]) == 1 for c in calls)
    (echoed, other) = client.completions.create(model="claude", prompt=PROMPTS[:2], echo=True).choices
    assert echoed.text == PROMPTS[0] + "one" and other.text == PROMPTS[1] + "two"


def streamed(client, prompts, **more):
    texts, reasons, usages = {}, {}, []
    for chunk in client.completions.create(model="claude", prompt=prompts, stream=True, **more):
        usages += [chunk.usage] if chunk.usage else []
        for choice in chunk.choices:
            texts[choice.index] = texts.get(choice.index, "") + choice.text
            if choice.finish_reason:
                assert choice.index not in reasons
                reasons[choice.index] = choice.finish_reason
    assert reasons.keys() == texts.keys()
    return texts, usages


def test_several_streamed(client):
    texts, (usage,) = streamed(client, PROMPTS, n=2, stream_options={"include_usage": True})
    assert texts == {0: "one", 1: "one", 2: "two", 3: "two", 4: "three", 5: "three"}
    assert (usage.prompt_tokens, usage.completion_tokens) == (120, 12)
    texts, usages = streamed(client, "[[sim:reply(yes)]]", n=3)
    assert texts == {0: "yes", 1: "yes", 2: "yes"} and not usages


def test_tokens_of_several_come_together(client, simulator):
    """Those of a choice that takes its time, while another one is complete."""
    before, seen = simulator.stats()["cancelled"], {0: 0, 1: 0}
    prompts = ["[[sim:chunks(4000,20)]][[sim:gap(20)]]", "[[sim:chunks(30,20)]][[sim:gap(20)]]"]
    stream = client.completions.create(model="claude", prompt=prompts, stream=True, max_tokens=100000)
    for chunk in stream:
        (choice,) = chunk.choices
        seen[choice.index] += 1
        assert choice.index == 1 or not choice.finish_reason
        if choice.index == 1 and choice.finish_reason and seen[0] > 1:
            break
    assert seen[1] > 5
    stream.close()
    wait_for(lambda: simulator.stats()["cancelled"] == before + 1, 20, "the other call cancelled")


def test_one_of_several_fails(client):
    with pytest.raises(openai.RateLimitError):
        client.completions.create(model="claude", prompt=[PROMPTS[0], "[[sim:throttle]] several"])
    with pytest.raises(openai.RateLimitError):
        streamed(client, ["[[sim:throttle]] several", "[[sim:slow_head(3000)]] several"])
    with pytest.raises(openai.APIError, match="Too many requests"):
        streamed(client, [PROMPTS[0], "[[sim:slow_head(300)]][[sim:throttle]] several"])


def test_several_without_a_call(client, simulator):
    mark = simulator.mark()
    answer = client.completions.create(model="claude", prompt=["a", "b"], extra_body={"mock_response": "mocked"})
    assert [c.text for c in answer.choices] == ["mocked", "mocked"] and not simulator.since(mark)
    assert streamed(client, ["a", "b"], extra_body={"mock_response": "mocked"})[0] == {0: "mocked", 1: "mocked"}


def test_langchain_batch(gateway):
    with openai.DefaultHttpxClient() as pool:
        llm = LangChainOpenAI(
            model="claude", api_key=gateway.key, base_url=gateway.base_url, max_retries=0, http_client=pool
        )
        assert llm.batch(["[[sim:reply(yes)]]", "[[sim:reply(no)]]"]) == ["yes", "no"]
