"""The Codex command line works through a task of several tool calls, thinking on, and a follow-up turn of
its user."""

import json

import pytest
from codex import Codex
from conftest import NODE_MODULES, configuration, deployment

# The simulator's counts for each turn: input, output, cache read, cache written.
USAGE = ((4000, 50, 0, 3000), (30, 60, 3000, 200), (40, 70, 3200, 100))
MODELS = {
    "claude-sonnet-4-5": "bedrock/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "claude-opus-4-6": "bedrock/us.anthropic.claude-opus-4-6-v1",
    "house-model": "bedrock/us.amazon.nova-pro-v1:0",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [deployment(name, model, simulator.url) for name, model in MODELS.items()]
    # Nothing is remembered for it: it brings its thinking back itself.
    return launch(configuration(simulator.url, extra_models=models, general_settings={"thinking_memory_mb": 0}))


@pytest.fixture
def codex(gateway, tmp_path):
    return Codex(NODE_MODULES, gateway, tmp_path)


def shell(command):
    return f"[[sim:tool(exec_command,{json.dumps({'cmd': command}, ensure_ascii=False)})]]"


def task():
    turns = (
        shell("cat first.txt"),
        shell("cp first.txt second.txt") + shell("echo ran > third.txt") + "[[sim:redacted]]",
        "[[sim:reply(All done.)]]",
    )
    said = "".join(
        f"[[sim:turn({i})]][[sim:usage({','.join(map(str, USAGE[i]))})]]{turn}" for i, turn in enumerate(turns)
    )
    return "Copy the first file to the second. " + said


def first_blocks(body):
    """What each assistant turn begins with."""
    blocks = [m["content"][0] for m in body["messages"] if m["role"] == "assistant"]
    return [next(iter(b.get("reasoningContent", b))) for b in blocks]


def check_task(codex, run):
    assert run.code == 0 and run.said[-1] == "All done.", run.output[-4000:]
    assert (codex.work / "second.txt").read_text() == "Grüße 🦜\n"
    assert (codex.work / "third.txt").read_text() == "ran\n"
    assert len(run.items("command_execution")) == 3


def accepted(simulator, mark):
    calls = simulator.since(mark)
    assert all((c["outcome"], c["status"]) == ("completed", 200) for c in calls)
    return [c["body"] for c in calls]


def test_a_task_and_a_follow_up(codex, simulator):
    (codex.work / "first.txt").write_text("Grüße 🦜\n")
    mark = simulator.mark()
    first = codex.run("claude-sonnet-4-5", task())
    check_task(codex, first)
    bodies = accepted(simulator, mark)
    assert len(bodies) == 3 and all("thinking" in b["additionalModelRequestFields"] for b in bodies)
    # It brings its thinking back itself, signed and encrypted.
    assert first_blocks(bodies[-1]) == ["reasoningText", "redactedContent"]
    # What is cached stays as it was.
    assert all(b["system"] == bodies[0]["system"] and b["toolConfig"] == bodies[0]["toolConfig"] for b in bodies)
    assert first.usage["input_tokens"] == sum(fresh + read + write for fresh, _, read, write in USAGE)
    assert first.usage["cached_input_tokens"] == sum(read for _, _, read, _ in USAGE)
    assert first.usage["output_tokens"] == sum(out for _, out, _, _ in USAGE)

    mark = simulator.mark()
    prompt = "And now? [[sim:turn(0)]]" + shell("wc -l second.txt") + "[[sim:turn(1)]][[sim:reply(One line.)]]"
    second = codex.run("claude-sonnet-4-5", prompt, "resume", first.thread)
    assert second.code == 0 and second.said[-1] == "One line.", second.output[-4000:]
    bodies = accepted(simulator, mark)
    assert len(bodies) == 2 and sum(m["role"] == "assistant" for m in bodies[-1]["messages"]) == 4


@pytest.mark.parametrize("model, thinks", [("claude-opus-4-6", True), ("house-model", False)])
def test_other_models(codex, simulator, model, thinks):
    (codex.work / "first.txt").write_text("Grüße 🦜\n")
    mark = simulator.mark()
    run = codex.run(model, task(), effort="medium" if thinks else None)
    check_task(codex, run)
    assert bool(run.items("reasoning")) == thinks
    assert all(("thinking" in b.get("additionalModelRequestFields", {})) == thinks for b in accepted(simulator, mark))


def test_a_failure_is_told(codex):
    run = codex.run("nobody", "Hi")
    assert run.code != 0 and "nobody" in run.output
    run = codex.run("claude-sonnet-4-5", "[[sim:chunks(9,20)]] [[sim:exception(modelStreamErrorException,4)]]")
    assert run.code != 0 and "turn.failed" in run.output
