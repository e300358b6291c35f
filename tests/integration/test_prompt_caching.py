"""An agent's conversation of thirty turns: what one call writes into Bedrock's prompt cache, the next
one reads. The simulator keeps prefixes as Bedrock does, block by block, and counts what it finds."""

import base64
import json
import uuid

import pytest
from conftest import configuration, deployment, openai_client

TURNS = 30
LONG = "Work carefully and say what you do. " * 300
PDF = base64.b64encode(b"%PDF-1.4\n%%EOF\n").decode()
MARK = {"cache_control": {"type": "ephemeral"}}

MODELS = {
    "auto": "us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "auto-adaptive": "us.anthropic.claude-opus-5-5",
    "auto-invoke": "invoke/us.anthropic.claude-sonnet-4-5-20250929-v1:0",
    "auto-nova": "us.amazon.nova-pro-v1:0",
}


@pytest.fixture(scope="module")
def gateway(launch, simulator):
    models = [
        deployment(name, f"bedrock/{model}", simulator.url, prompt_caching="auto") for name, model in MODELS.items()
    ]
    return launch(configuration(simulator.url, extra_models=models))


@pytest.fixture
def client(gateway):
    with openai_client(gateway) as client:
        yield client


def tool(name, description):
    parameters = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def wants(name, turn):
    return f"Turn {turn}: go on. [[sim:tool({name},{json.dumps({'path': f'file {turn}'})})]]"


def counts(usage):
    """(tokens read from the cache, tokens written to it)."""
    details = usage.prompt_tokens_details
    return details.cached_tokens, getattr(details, "cache_creation_tokens", 0)


class Agent:
    """Asks, calls what it is told to call, and keeps the conversation as OpenAI's clients do: without
    the thinking."""

    def __init__(self, client, model, tool_name="read_file", mark=None, parts=None, **options):
        self.client, self.model, self.tool_name = client, model, tool_name
        self.mark, self.parts, self.options = mark or {}, parts or (lambda turn: []), options
        # Nobody else's prompt begins with this tool.
        self.tools = [tool(tool_name, f"{LONG} {uuid.uuid4()}")]
        self.messages = [{"role": "system", "content": [{"type": "text", "text": LONG, **self.mark}]}]

    def turn(self, number):
        text = {"type": "text", "text": wants(self.tool_name, number)}
        self.messages.append({"role": "user", "content": [*self.parts(number), text]})
        answer = self.client.chat.completions.create(
            model=self.model, messages=self.marked(), tools=self.tools, **self.options
        )
        message = answer.choices[0].message
        assert message.tool_calls[0].function.name == self.tool_name
        said = {"role": "assistant", "content": message.content}
        said["tool_calls"] = [c.model_dump(include={"id", "type", "function"}) for c in message.tool_calls]
        results = [{"role": "tool", "tool_call_id": c.id, "content": "x = 1\n" * 20} for c in message.tool_calls]
        self.messages += [said, *results]
        return counts(answer.usage)

    def marked(self):
        """With the last two messages of the user marked, as Cline does it."""
        users = [m for m in self.messages if m["role"] == "user"][-2:] if self.mark else []
        return [
            {**m, "content": [*m["content"][:-1], {**m["content"][-1], **self.mark}]} if m in users else m
            for m in self.messages
        ]


def pdf_now_and_then(turn):
    if turn % 7:
        return []
    return [{"type": "file", "file": {"file_data": f"data:application/pdf;base64,{PDF}", "filename": "a.pdf"}}]


THINKING = {"max_tokens": 4000, "extra_body": {"thinking": {"type": "enabled", "budget_tokens": 1024}}}

AGENTS = {
    "automatic": lambda c: Agent(c, "auto"),
    "marked by the client": lambda c: Agent(c, "claude", mark=MARK),
    "thinking that is recalled": lambda c: Agent(c, "auto", **THINKING),
    "thinking that is recalled, adaptive": lambda c: Agent(c, "auto-adaptive", reasoning_effort="high"),
    "documents": lambda c: Agent(c, "auto", parts=pdf_now_and_then),
    "mapped names": lambda c: Agent(c, "auto", tool_name="my.tool/read file"),
    "over InvokeModel": lambda c: Agent(c, "auto-invoke", **THINKING),
    "Nova": lambda c: Agent(c, "auto-nova"),
}


@pytest.mark.parametrize("name", AGENTS)
def test_each_turn_reads_what_the_one_before_wrote(client, name):
    agent = AGENTS[name](client)
    read, written = agent.turn(0)
    assert written > 500
    for number in range(1, TURNS):
        before = read + written
        read, written = agent.turn(number)
        assert read >= before, f"turn {number} reads {read} tokens, {before} were there"
        assert 0 < written < 2000  # a document is 1500
