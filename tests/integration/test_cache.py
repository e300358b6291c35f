"""Answers that are kept and given again: to whom, for how long, in which form, and which never are."""

import concurrent.futures
import json
import threading
import time
import urllib.request

import openai
import pytest
from conftest import KEY, configuration, deployment, openai_client
from programs import wait_for

SETTINGS = {"litellm_settings": {"cache": True}}
KEY_HEADER = "x-litellm-cache-key"


def unique(text, count=iter(range(10**6))):
    return f"{text} number {next(count)}"


def ask(client, prompt, stream=False, model="claude", **options):
    """(content, tool calls as (name, arguments), headers, usage) of one answer."""
    messages = options.pop("messages", [{"role": "user", "content": prompt}])
    raw = client.chat.completions.with_raw_response.create(
        model=model,
        messages=messages,
        stream=stream,
        **({"stream_options": {"include_usage": True}} if stream else {}),
        **options,
    )
    answer = raw.parse()
    if not stream:
        message = answer.choices[0].message
        calls = [(c.function.name, c.function.arguments) for c in message.tool_calls or []]
        return message.content or "", calls, raw.headers, answer.usage
    content, calls, usage = "", [], None
    for chunk in answer:
        usage = chunk.usage or usage
        for choice in chunk.choices:
            content += choice.delta.content or ""
            for piece in choice.delta.tool_calls or []:
                if piece.function.name:
                    calls.append([piece.function.name, ""])
                calls[-1][1] += piece.function.arguments or ""
    return content, [tuple(c) for c in calls], raw.headers, usage


def is_hit(answer):
    return KEY_HEADER in answer[2]


def post(gateway, path, body, key=KEY):
    request = urllib.request.Request(
        f"http://{gateway.netloc}{path}",
        data=json.dumps(body).encode(),
        headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json", "Connection": "close"},
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, json.loads(reply.read()), dict(reply.headers)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.loads(error.read()), dict(error.headers)


def figures(gateway):
    return gateway.holds()["response_cache"]


FORMS = [False, True]
FORM = pytest.mark.parametrize("stream", FORMS, ids=["whole", "streamed"])


@FORM
@pytest.mark.parametrize("first", FORMS, ids=["whole", "streamed"])
def test_an_answer_is_given_again_in_either_form(client, simulator, first, stream):
    prompt, mark = unique("Tell me something"), simulator.mark()
    one = ask(client, prompt, first)
    two = ask(client, prompt, stream)
    assert not is_hit(one) and is_hit(two)
    assert one[0] == two[0] != ""
    assert len(simulator.since(mark)) == 1


@FORM
def test_a_hit_costs_nothing_and_says_how_much_it_would_have_taken(client, simulator, stream):
    prompt = unique("What does it cost?")
    one, two = ask(client, prompt, stream), ask(client, prompt, stream)
    assert one[3].prompt_tokens == two[3].prompt_tokens > 0
    assert one[3].completion_tokens == two[3].completion_tokens > 0
    assert one[3].cost > 0 == two[3].cost
    if not stream:
        assert float(one[2]["x-litellm-response-cost"]) > 0 == float(two[2]["x-litellm-response-cost"])
    assert two[2]["x-litellm-model-id"] == one[2]["x-litellm-model-id"]
    assert two[2]["x-litellm-model-group"] == "claude"


def test_id_and_time_are_those_of_the_answer(client):
    messages = [{"role": "user", "content": unique("Who are you?")}]
    one = client.chat.completions.create(model="claude", messages=messages)
    two = client.chat.completions.create(model="claude", messages=messages)
    assert (one.id, one.created) == (two.id, two.created)
    three = next(iter(client.chat.completions.create(model="claude", messages=messages, stream=True)))
    assert (one.id, one.created) == (three.id, three.created)


@FORM
def test_tool_calls_and_thinking(client, simulator, stream):
    tool = {
        "type": "function",
        "function": {"name": "get_weather", "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
    }
    prompt = unique('[[sim:tool(get_weather,{"city":"Paris"})]]')
    options = {
        "tools": [tool],
        "max_tokens": 3000,
        "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}},
    }
    one, two = ask(client, prompt, stream, **options), ask(client, prompt, not stream, **options)
    assert one[1] == two[1] and json.loads(one[1][0][1]) == {"city": "Paris"}
    assert is_hit(two)


def test_legacy_completions(client, simulator):
    prompt, mark = unique("Once upon a time"), simulator.mark()
    texts = [
        client.completions.create(model="claude", prompt=prompt, max_tokens=50).choices[0].text for _ in range(2)
    ]
    stream = client.completions.create(model="claude", prompt=prompt, max_tokens=50, stream=True)
    texts.append("".join(c.choices[0].text for c in stream if c.choices))
    assert len(set(texts)) == 1 and texts[0]
    assert len(simulator.since(mark)) == 1


def test_messages(gateway, simulator):
    body = {
        "model": "claude",
        "max_tokens": 100,
        "messages": [{"role": "user", "content": unique("Good morning")}],
    }
    mark = simulator.mark()
    answers = [post(gateway, "/v1/messages", body) for _ in range(2)]
    assert [a[0] for a in answers] == [200, 200] and answers[0][1]["content"] == answers[1][1]["content"]
    assert [KEY_HEADER in a[2] for a in answers] == [False, True]
    assert len(simulator.since(mark)) == 1


OTHERS = {
    "temperature": {"temperature": 0.5},
    "model": {"model": "nova"},
    "max_tokens": {"max_tokens": 77},
    "stop": {"stop": ["zzz"]},
    "format": {"response_format": {"type": "json_object"}},
    "system": {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "PROMPT"}]},
    "extra": {"extra_body": {"top_k": 7}},
    "namespace": {"extra_body": {"cache": {"namespace": "elsewhere"}}},
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_changes_the_answer_asks_again(client, simulator, name):
    prompt = unique("Nearly the same")
    options = json.loads(json.dumps(OTHERS[name]).replace("PROMPT", prompt))
    ask(client, prompt)
    mark = simulator.mark()
    assert not is_hit(ask(client, prompt, **options))
    assert is_hit(ask(client, prompt, **options))
    assert is_hit(ask(client, prompt))
    assert len(simulator.since(mark)) == 1


@pytest.mark.parametrize(
    "options",
    [
        {"user": "somebody"},
        {"extra_body": {"metadata": {"trace_id": "t"}}},
        {"extra_body": {"num_retries": 3}},
        {"extra_headers": {"Cache-Control": "no-cache"}},
        {"extra_body": {"cache": {"ttl": 5}}},
    ],
    ids=["user", "metadata", "retries", "header", "ttl"],
)
def test_what_does_not_change_the_answer(client, options):
    prompt = unique("All the same")
    ask(client, prompt)
    assert is_hit(ask(client, prompt, **options))


# ---- what a request may say --------------------------------------------------------------------


def cache(**controls):
    return {"extra_body": {"cache": {k.replace("_", "-"): v for k, v in controls.items()}}}


def test_no_cache_asks_the_model_and_keeps_the_answer(client, simulator):
    prompt, mark = unique("Fresh, please"), simulator.mark()
    assert not is_hit(ask(client, prompt, **cache(no_cache=True)))
    assert not is_hit(ask(client, prompt, **cache(no_cache=True)))
    assert is_hit(ask(client, prompt))
    assert len(simulator.since(mark)) == 2


def test_no_store_keeps_nothing_but_takes(client):
    prompt = unique("Forget it")
    assert not is_hit(ask(client, prompt, **cache(no_store=True)))
    assert not is_hit(ask(client, prompt))
    assert is_hit(ask(client, prompt, **cache(no_store=True)))


def test_caching_false_does_neither(client):
    prompt = unique("Not here")
    off = {"extra_body": {"caching": False}}
    ask(client, prompt, **off)
    assert not is_hit(ask(client, prompt))
    assert not is_hit(ask(client, prompt, **off))


def test_ttl_of_a_request(client):
    prompt = unique("For a second")
    ask(client, prompt, **cache(ttl=1))
    assert is_hit(ask(client, prompt))
    wait_for(lambda: not is_hit(ask(client, prompt, **cache(no_store=True))), 10, "the end of the entry")


def test_s_maxage(client):
    prompt = unique("Not older than")
    ask(client, prompt)
    assert is_hit(ask(client, prompt, **cache(s_maxage=600)))
    time.sleep(2.1)  # ages are whole seconds
    assert not is_hit(ask(client, prompt, **cache(s_maxage=1, no_store=True)))
    assert is_hit(ask(client, prompt))


@pytest.mark.parametrize(
    "controls", [{"ttl": "long"}, {"ttl": -1}, {"s_maxage": "x"}, {"namespace": "a b"}, {"namespace": 7}], ids=str
)
def test_controls_that_say_nothing_are_refused(client, controls):
    with pytest.raises(openai.BadRequestError, match="cache."):
        ask(client, unique("What?"), **cache(**controls))


# ---- what is never kept ------------------------------------------------------------------------


@pytest.mark.parametrize("fault", ["cut(3)", "exception(modelStreamErrorException,3)", "end(3)", "badcrc(2)"])
def test_broken_streams_are_not_kept(client, simulator, fault):
    prompt, mark = unique(f"[[sim:chunks(9,10)]] [[sim:{fault}]] [[sim:times(1)]]"), simulator.mark()
    with pytest.raises(openai.APIError):
        ask(client, prompt, stream=True)
    whole = ask(client, prompt, stream=True)
    assert not is_hit(whole) and len(whole[0]) == 90
    assert ask(client, prompt)[0] == whole[0]
    assert len(simulator.since(mark)) == 2


def test_errors_are_not_kept(client, simulator):
    prompt = unique("[[sim:error(400,no)]] [[sim:times(1)]]")
    with pytest.raises(openai.BadRequestError):
        ask(client, prompt)
    assert not is_hit(ask(client, prompt))
    assert is_hit(ask(client, prompt))


def test_empty_answers_are_not_kept(client):
    prompt = unique("[[sim:empty]]")
    assert not is_hit(ask(client, prompt))
    assert not is_hit(ask(client, prompt))


def test_a_client_that_leaves_leaves_nothing(client, simulator):
    prompt = unique("[[sim:chunks(200,10)]] [[sim:gap(20)]]")
    stream = client.chat.completions.create(
        model="claude", messages=[{"role": "user", "content": prompt}], stream=True
    )
    next(iter(stream))
    stream.close()
    wait_for(lambda: simulator.stats()["live"] == 0, 10, "the end of the call")
    assert not is_hit(ask(client, prompt.replace("gap(20)", "gap(21)"), **cache(no_store=True)))


# ---- single flight -----------------------------------------------------------------------------


def across(gateways, count, prompt, stream=lambda i: False):
    """The answers of `count` clients that ask at the same time, at one gateway after the other, or their
    exceptions."""
    barrier = threading.Barrier(count)

    def one(i):
        with openai_client(gateways[i % len(gateways)]) as client:
            barrier.wait()
            try:
                return ask(client, prompt, stream(i))
            except openai.APIError as error:
                return error

    with concurrent.futures.ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


@pytest.mark.parametrize("stream", [lambda i: False, lambda i: True, lambda i: i % 2 == 1], ids=["whole", "streamed", "both"])
def test_fifty_at_once_make_one_call(gateway, simulator, stream):
    prompt, mark = unique("[[sim:chunks(30,10)]] [[sim:gap(20)]] All together"), simulator.mark()
    answers = across([gateway], 50, prompt, stream)
    assert {a[0] for a in answers} == {answers[0][0]} and len(answers[0][0]) == 300
    assert len(simulator.since(mark)) == 1
    assert sum(not is_hit(a) for a in answers) == 1


def test_those_who_follow_get_the_stream_as_it_comes(gateway, simulator):
    prompt = unique("[[sim:chunks(8,10)]] [[sim:gap(10)]] [[sim:silence(1500,4)]] Slowly")
    times, contents = {}, {}

    def one(i):
        with openai_client(gateway) as client:
            stream = client.chat.completions.create(
                model="claude", messages=[{"role": "user", "content": prompt}], stream=True
            )
            for chunk in stream:
                if chunk.choices and chunk.choices[0].delta.content:
                    times.setdefault(i, []).append(time.monotonic())
                    contents[i] = contents.get(i, "") + chunk.choices[0].delta.content

    with concurrent.futures.ThreadPoolExecutor(5) as pool:
        list(pool.map(one, range(5)))
    assert len(set(contents.values())) == 1 and len(contents) == 5
    for t in times.values():  # the silence in the middle was felt by all: nobody waited for the end
        assert t[-1] - t[0] > 1


def test_the_leader_leaves_and_the_others_get_their_answer(gateway, simulator):
    prompt, mark = unique("[[sim:chunks(60,10)]] [[sim:gap(20)]] Go on without me"), simulator.mark()
    message = [{"role": "user", "content": prompt}]
    with openai_client(gateway) as first, openai_client(gateway) as second, openai_client(gateway) as third:
        lead = iter(first.chat.completions.create(model="claude", messages=message, stream=True))
        while not next(lead).choices[0].delta.content:
            pass
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            streamed = pool.submit(ask, second, prompt, True)
            whole = pool.submit(ask, third, prompt, False)
            wait_for(lambda: len(gateway.holds()["exchanges"]) == 3, what="three exchanges")
            next(lead)
            first.close()
            assert len(streamed.result(20)[0]) == len(whole.result(20)[0]) == 600
    assert len(simulator.since(mark)) == 1


def test_the_leader_leaves_before_there_is_an_answer(gateway, simulator):
    prompt, mark = unique("[[sim:slow_head(1500)]] Take over"), simulator.mark()
    with openai_client(gateway, timeout=0.7) as hasty, openai_client(gateway) as patient:
        with concurrent.futures.ThreadPoolExecutor(2) as pool:
            left = pool.submit(ask, hasty, prompt)
            wait_for(lambda: len(simulator.since(mark)) == 1, what="the first call")
            stays = pool.submit(ask, patient, prompt)
            with pytest.raises(openai.APITimeoutError):
                left.result(20)
            assert stays.result(20)[0]
    assert len(simulator.since(mark)) == 1


def test_who_follows_does_not_get_the_leaders_error(gateway, simulator):
    prompt = unique("[[sim:slow_head(700)]] [[sim:error(503,away)]] [[sim:times(1)]] Mine alone")
    answers = across([gateway], 6, prompt, lambda i: i % 2 == 1)
    failed = [a for a in answers if isinstance(a, openai.APIError)]
    assert len(failed) == 1 and failed[0].status_code == 503
    assert {bool(a[0]) for a in answers if a is not failed[0]} == {True}


def test_a_stream_that_breaks_breaks_for_those_who_have_a_part_of_it(gateway, simulator, client):
    prompt = unique("[[sim:chunks(20,10)]] [[sim:gap(40)]] [[sim:cut(15)]] [[sim:times(1)]] Broken")
    answers = across([gateway], 6, prompt, lambda i: i > 1)
    broken = [a for a in answers if isinstance(a, openai.APIError)]
    whole = [a for a in answers if not isinstance(a, openai.APIError)]
    assert broken and {len(a[0]) for a in whole} <= {200}
    assert is_hit(ask(client, prompt))


def test_a_slow_client_holds_nobody_up(gateway, simulator, client):
    prompt = unique("[[sim:chunks(400,4000)]] [[sim:gap(1)]] A lot")
    message = [{"role": "user", "content": prompt}]
    with openai_client(gateway) as slow:
        stream = iter(slow.chat.completions.create(model="claude", messages=message, stream=True))
        text = next(stream).choices[0].delta.content or ""
        fast = ask(client, prompt, True)
        assert len(fast[0]) == 1600000
        text += "".join(c.choices[0].delta.content or "" for c in stream if c.choices)
        assert text == fast[0]


def test_single_flight_off(launch, simulator):
    gateway = launch(configuration(simulator.url, litellm_settings={"cache": True, "cache_params": {"single_flight": False}}))
    prompt, mark = unique("[[sim:slow_head(500)]] Each for itself"), simulator.mark()
    across([gateway], 4, prompt, lambda i: False)
    assert len(simulator.since(mark)) == 4


# ---- configuration -----------------------------------------------------------------------------


def cached(simulator, **params):
    return configuration(simulator.url, litellm_settings={"cache": True, "cache_params": params})


def test_off_without_a_word(launch, simulator):
    gateway = launch(configuration(simulator.url))
    with openai_client(gateway) as client:
        prompt = unique("Again and again")
        assert not is_hit(ask(client, prompt)) and not is_hit(ask(client, prompt, **cache(use_cache=True)))
    assert "response_cache" not in gateway.holds()
    assert gateway.get("/cache/ping", KEY)[0] == 503


def test_keys_do_not_see_each_others_answers(launch, simulator):
    config = cached(simulator)
    del config["general_settings"]["master_key"]
    config["general_settings"]["dangerously_permit_weak_or_unset_master_key"] = True
    gateway = launch(config)
    prompt = unique("Secret")
    with openai_client(gateway, api_key="sk-one") as one, openai_client(gateway, api_key="sk-two") as two:
        ask(one, prompt)
        assert is_hit(ask(one, prompt)) and not is_hit(ask(two, prompt))
    config["litellm_settings"]["cache_params"]["scope"] = "all"
    gateway = launch(config)
    with openai_client(gateway, api_key="sk-one") as one, openai_client(gateway, api_key="sk-two") as two:
        ask(one, prompt)
        assert is_hit(ask(two, prompt))


def test_default_off(launch, simulator):
    gateway = launch(cached(simulator, mode="default_off"))
    with openai_client(gateway) as client:
        prompt = unique("Only if asked")
        ask(client, prompt)
        assert not is_hit(ask(client, prompt, **cache(use_cache=True)))
        assert is_hit(ask(client, prompt, **cache(use_cache=True)))
        assert not is_hit(ask(client, prompt))


def test_ttl_of_the_configuration(launch, simulator):
    gateway = launch(cached(simulator, type="local", ttl=1))
    with openai_client(gateway) as client:
        prompt = unique("Soon over")
        ask(client, prompt)
        assert is_hit(ask(client, prompt))
        wait_for(lambda: not is_hit(ask(client, prompt, **cache(no_store=True))), 10, "the end of the entry")
        longer = unique("A little longer")
        ask(client, longer, **cache(ttl=60))
        time.sleep(1.2)
        assert is_hit(ask(client, longer))


def test_the_cache_is_bounded(launch, simulator):
    gateway = launch(cached(simulator, max_size_mb=1, max_entry_kb=200))
    with openai_client(gateway) as client:
        prompts = [unique("[[sim:chunks(100,1000)]]") for _ in range(20)]
        for prompt in prompts:
            ask(client, prompt)
        held = figures(gateway)
        assert held["bytes"] <= 1 << 20 and held["evicted"] > 0 and held["kept"] == 21  # with the warm-up's
        assert is_hit(ask(client, prompts[-1])) and not is_hit(ask(client, prompts[0], **cache(no_store=True)))
        large = unique("[[sim:chunks(100,4000)]]")
        assert not is_hit(ask(client, large)) and not is_hit(ask(client, large))
        assert figures(gateway)["unkept"] == 2


def test_supported_call_types(launch, simulator):
    gateway = launch(cached(simulator, supported_call_types=["atext_completion"]))
    with openai_client(gateway) as client:
        prompt = unique("Text only")
        assert not is_hit(ask(client, prompt)) and not is_hit(ask(client, prompt))
        client.completions.create(model="claude", prompt=prompt)
        again = client.completions.with_raw_response.create(model="claude", prompt=prompt)
        assert KEY_HEADER in again.headers


def test_hits_take_nothing_of_limits(launch, simulator):
    """Whoever has none left gets what is kept all the same."""
    config = cached(simulator)
    config["general_settings"]["api_keys"] = [{"key": "sk-once", "rpm_limit": 1, "max_parallel_requests": 1}]
    gateway = launch(config)
    with openai_client(gateway, api_key="sk-once") as client:
        prompt = unique("Once only")
        assert not is_hit(ask(client, prompt))
        for stream in (False, True, False):
            assert is_hit(ask(client, prompt, stream))
        with pytest.raises(openai.RateLimitError):
            ask(client, unique("Something else"))


def test_groups_that_share_answers(launch, simulator):
    config = configuration(
        simulator.url,
        router_settings={"cache_responses": True, "cache_kwargs": {"ttl": 60}, "caching_groups": [["claude", "twin"]]},
        extra_models=[deployment("twin", "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0", simulator.url)],
    )
    gateway = launch(config)
    with openai_client(gateway) as client:
        prompt = unique("Whoever")
        ask(client, prompt)
        assert is_hit(ask(client, prompt, model="twin")) and not is_hit(ask(client, prompt, model="nova"))


def test_an_answer_of_a_fallback_is_not_kept(launch, simulator):
    gateway = launch(
        configuration(
            simulator.url,
            litellm_settings={"cache": True, "fallbacks": [{"claude": ["nova"]}]},
        )
    )
    with openai_client(gateway) as client:
        prompt = unique("[[sim:error(503,away)]] [[sim:times(1)]] Whoever can")
        assert not is_hit(ask(client, prompt))
        assert not is_hit(ask(client, prompt))
        assert is_hit(ask(client, prompt))


# ---- embeddings --------------------------------------------------------------------------------


def embed(client, inputs, **options):
    raw = client.embeddings.with_raw_response.create(model="vectors", input=inputs, **options)
    answer = raw.parse()
    return [d.embedding for d in answer.data], answer.usage, raw.headers


@pytest.mark.parametrize("encoding", ["float", "base64"])
@pytest.mark.parametrize("model", ["bedrock/amazon.titan-embed-text-v2:0", "bedrock/cohere.embed-english-v3"])
def test_vectors_are_kept_input_by_input(launch, simulator, model, encoding):
    gateway = launch(
        configuration(
            simulator.url,
            litellm_settings={"cache": True},
            extra_models=[deployment("vectors", model, simulator.url)],
        )
    )
    with openai_client(gateway) as client:
        first = embed(client, ["alpha beta", "gamma"], encoding_format=encoding)
        mark = simulator.mark()
        again = embed(client, ["gamma", "alpha beta"], encoding_format=encoding)
        assert again[0] == first[0][::-1] and KEY_HEADER in again[2] and KEY_HEADER not in first[2]
        assert again[1].prompt_tokens == first[1].prompt_tokens > 0
        assert simulator.since(mark) == []
        mixed = embed(client, ["delta", "gamma", "epsilon", "alpha beta"], encoding_format=encoding)
        assert [mixed[0][1], mixed[0][3]] == [first[0][1], first[0][0]] and KEY_HEADER not in mixed[2]
        bodies = json.dumps([c["body"] for c in simulator.since(mark)])
        assert "delta" in bodies and "epsilon" in bodies and "gamma" not in bodies
        fresh = embed(
            client,
            ["delta", "gamma", "epsilon", "alpha beta"],
            encoding_format=encoding,
            **cache(no_cache=True, no_store=True),
        )
        assert fresh[0] == mixed[0] and fresh[1].prompt_tokens == mixed[1].prompt_tokens
        many = [f"text {i}" for i in range(300)]
        assert embed(client, many)[0] == embed(client, many)[0]
        assert figures(gateway)["hits"] == 2


# ---- /cache/… ----------------------------------------------------------------------------------


def test_ping(gateway):
    status, answer = gateway.get("/cache/ping", KEY)
    assert status == 200 and answer["status"] == "healthy" and answer["cache_type"] == "local"
    assert json.loads(answer["litellm_cache_params"])["ttl"] == 600
    assert gateway.get("/cache/ping")[0] == 401
    assert gateway.get("/cache/redis/info", KEY)[0] == 503


def test_delete_by_the_key_that_clients_see(gateway, client):
    prompt = unique("Delete me")
    ask(client, prompt)
    key = ask(client, prompt)[2][KEY_HEADER]
    assert post(gateway, "/cache/delete", {"keys": [key]})[:2] == (200, {"status": "success"})
    assert not is_hit(ask(client, prompt))
    named = cache(namespace="my.space")
    ask(client, prompt, **named)
    key = ask(client, prompt, **named)[2][KEY_HEADER]
    assert key.startswith("my.space:")
    post(gateway, "/cache/delete", {"keys": [key]})
    assert not is_hit(ask(client, prompt, **named)) and is_hit(ask(client, prompt))
    for body in ({}, {"keys": []}, {"keys": "x"}, {"keys": [1]}, {"keys": ["x"] * 257}):
        assert post(gateway, "/cache/delete", body)[0] == 422


def test_flush(gateway, client):
    prompt = unique("Flush me")
    ask(client, prompt)
    assert is_hit(ask(client, prompt))
    assert post(gateway, "/cache/flushall", {})[:2] == (200, {"status": "success"})
    assert figures(gateway)["entries"] == 0
    assert not is_hit(ask(client, prompt))
