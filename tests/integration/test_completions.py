"""Legacy completions through the OpenAI SDK for Python and LangChain."""

import json

import openai
import pytest
from langchain_openai import OpenAI as LangChainOpenAI


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
        ({"prompt": ["a", "b"]}, "one prompt a request"),
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
