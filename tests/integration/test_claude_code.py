"""The Claude Code command line works through a task of several tool calls, thinking on, and a follow-up
turn of its user."""

import json

import pytest
from claude_code import ClaudeCode
from conftest import NODE_MODULES, configuration, deployment

# The simulator's counts for each turn: input, output, cache read, cache written.
USAGE = ((4000, 50, 0, 3000), (30, 60, 3000, 200), (40, 70, 3200, 100), (50, 80, 3300, 0))


# It knows models by their names, and asks each for thinking in its own form.
MODELS = {
    "claude-sonnet-4-5": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-opus-4-6": "bedrock/us.anthropic.claude-opus-4-6-v1",
    "claude-sonnet-4-5-converse": "bedrock/converse/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "house-model": "bedrock/us.amazon.nova-pro-v1:0",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [deployment(name, model, simulator.url) for name, model in MODELS.items()]
    return launch(configuration(simulator.url, extra_models=models))


@pytest.fixture
def claude_code(gateway, tmp_path):
    return ClaudeCode(NODE_MODULES, gateway, tmp_path)


def call(name, **arguments):
    return f"[[sim:tool({name},{json.dumps(arguments, ensure_ascii=False)})]]"


def task(work):
    turns = (
        call("Read", file_path=str(work / "first.txt")),
        call("Write", file_path=str(work / "second.txt"), content="Grüße 🦜\n") + "[[sim:redacted]]",
        call("Bash", command="cat second.txt; echo ran > third.txt", description="Look at it")
        + call("Read", file_path=str(work / "second.txt")),
        "[[sim:reply(All done.)]]",
    )
    said = "".join(
        f"[[sim:turn({i})]][[sim:usage({','.join(map(str, USAGE[i]))})]]{turn}" for i, turn in enumerate(turns)
    )
    return "Copy the first file to the second and look at it. " + said


def prepare(claude_code):
    (claude_code.work / "first.txt").write_text("Grüße 🦜\n")


def check_work(claude_code, run):
    assert run.code == 0 and run.result["result"] == "All done.", run.output[-4000:]
    assert (claude_code.work / "second.txt").read_text().strip() == "Grüße 🦜"
    assert (claude_code.work / "third.txt").read_text() == "ran\n"
    assert not run.result["is_error"] and run.result["num_turns"] >= 4


def agent_calls(simulator, mark):
    """Those of the task itself (there may be one for a title): each accepted and answered to its end."""
    calls = simulator.since(mark)
    assert all((c["outcome"], c["status"]) == ("completed", 200) for c in calls)
    return [c for c in calls if isinstance(c["body"], dict) and c["body"].get("tools")]


def kinds_of_thinking(body):
    return [m["content"][0]["type"] for m in body["messages"] if m["role"] == "assistant"]


def test_a_task(claude_code, simulator):
    prepare(claude_code)
    mark = simulator.mark()
    run = claude_code.run("claude-sonnet-4-5", task(claude_code.work))
    check_work(claude_code, run)
    calls = agent_calls(simulator, mark)
    assert len(calls) == 4 and all(c["path"].endswith("/invoke-with-response-stream") for c in calls)
    bodies = [c["body"] for c in calls]
    assert all(body["thinking"] == {"type": "enabled", "budget_tokens": 2000} for body in bodies)
    # It sends its thinking back itself, signatures and all.
    kinds = ["thinking", "redacted_thinking", "thinking"]
    assert [kinds_of_thinking(body) for body in bodies] == [kinds[:i] for i in range(4)]
    # What is cached stays as it was: tools and the system prompt byte for byte.
    assert all(body["tools"] == bodies[0]["tools"] for body in bodies)
    assert all(body["system"] == bodies[0]["system"] for body in bodies)
    assert "cache_control" in json.dumps(bodies[0]["system"])


def test_what_it_says_of_tokens_and_cost(claude_code):
    prepare(claude_code)
    run = claude_code.run("claude-sonnet-4-5", task(claude_code.work))
    check_work(claude_code, run)
    usage = run.result["usage"]
    assert usage["input_tokens"] == sum(fresh for fresh, _, _, _ in USAGE)
    assert usage["output_tokens"] == sum(out for _, out, _, _ in USAGE)
    assert usage["cache_read_input_tokens"] == sum(read for _, _, read, _ in USAGE)
    assert usage["cache_creation_input_tokens"] == sum(write for _, _, _, write in USAGE)
    assert run.result["total_cost_usd"] > 0


def test_a_follow_up(claude_code, simulator):
    prepare(claude_code)
    first = claude_code.run("claude-sonnet-4-5", task(claude_code.work))
    check_work(claude_code, first)
    mark = simulator.mark()
    prompt = "And now? [[sim:turn(0)]]" + call("Bash", command="wc -l < second.txt", description="Count")
    second = claude_code.run(
        "claude-sonnet-4-5", prompt + "[[sim:turn(1)]][[sim:reply(One line.)]]", "--resume", first.result["session_id"]
    )
    assert second.code == 0 and second.result["result"] == "One line.", second.output[-4000:]
    calls = agent_calls(simulator, mark)
    assert len(calls) == 2
    assert sum(m["role"] == "assistant" for m in calls[-1]["body"]["messages"]) == 5


@pytest.mark.parametrize(
    "model, api, thinks",
    [
        ("claude-opus-4-6", "invoke-with-response-stream", True),  # adaptively
        ("claude-sonnet-4-5-converse", "converse-stream", True),
        ("house-model", "converse-stream", False),
    ],
)
def test_other_models(claude_code, simulator, model, api, thinks):
    prepare(claude_code)
    mark = simulator.mark()
    run = claude_code.run(model, task(claude_code.work))
    check_work(claude_code, run)
    assert all(c["path"].endswith(f"/{api}") for c in simulator.since(mark))
    assert bool(run.blocks("thinking")) == thinks


def test_a_failure_is_told(claude_code):
    run = claude_code.run("nobody", "Hi")
    assert run.code != 0 and run.result["is_error"]
    assert "nobody" in json.dumps(run.result)


def test_bedrock_mode(gateway, simulator, tmp_path):
    """It speaks Bedrock to the gateway; the key comes as the SDKs send Bedrock's, then as a header of its own."""
    bedrock = {
        "CLAUDE_CODE_USE_BEDROCK": "1",
        "ANTHROPIC_BEDROCK_BASE_URL": f"http://{gateway.netloc}/bedrock",
        "AWS_REGION": "us-east-1",
    }
    claude_code = ClaudeCode(NODE_MODULES, gateway, tmp_path, {**bedrock, "AWS_BEARER_TOKEN_BEDROCK": gateway.key})
    prepare(claude_code)
    mark = simulator.mark()
    first = claude_code.run("us.anthropic.claude-sonnet-4-5-20250929-v1:0", task(claude_code.work))
    check_work(claude_code, first)
    calls = agent_calls(simulator, mark)
    assert len(calls) == 4 and all(c["path"].endswith("/invoke-with-response-stream") for c in calls)
    assert [kinds_of_thinking(c["body"])[-1:] for c in calls] == [[], ["thinking"], ["redacted_thinking"], ["thinking"]]
    assert first.result["usage"]["output_tokens"] == sum(out for _, out, _, _ in USAGE)
    claude_code.own = {
        **bedrock,
        "CLAUDE_CODE_SKIP_BEDROCK_AUTH": "1",
        "ANTHROPIC_CUSTOM_HEADERS": f"x-litellm-api-key: {gateway.key}",
    }
    prompt = "And now? [[sim:turn(0)]]" + call("Bash", command="wc -l < second.txt", description="Count")
    second = claude_code.run(
        "claude-sonnet-4-5", prompt + "[[sim:turn(1)]][[sim:reply(One line.)]]", "--resume", first.result["session_id"]
    )
    assert second.code == 0 and second.result["result"] == "One line.", second.output[-4000:]
