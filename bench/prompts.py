#!/usr/bin/env python3
"""The bodies that the benchmarks post, always the same bytes.

    prompts.py FOLDER      writes short.json, long.json, burst.json, paced.json

`long` is what a coding agent sends in the middle of its work: 360 KB in 40 turns, nearly all of it
source text with quotes, line ends, tabs, backslashes and some characters beyond ASCII, with tools
and tool results. Unescaped UTF-8 and no blanks between tokens, as JavaScript writes JSON.
"""

import json
import pathlib
import random
import sys

TURNS = 40
LONG_BYTES = 360_000

LINES = [
    'import {{ {a}, {b} }} from "./{a}/{b}.js";',
    "\tconst {a} = await {b}.get(`/api/v1/${{{c}.id}}/items?limit={n}`, {{ signal }});",
    '\tif (!{a} || {a}.status !== "ready") {{',
    '\t\tthrow new Error("cannot read \\"" + {b} + "\\": " + {a}.message);',
    "\t}}",
    "\t// Größe und Länge prüfen — sonst läuft {a} über (siehe §{n})",
    '\treturn {a}.map(({b}) => ({{ ...{b}, name: {b}.name.replace(/\\s+/g, " "), size: {n} }}));',
    "}}",
    "",
    "/** {a}: 文字列を {b} に変換する。「{c}」は空でもよい。 */",
    "export async function {a}({b}, {c} = {n}) {{",
    '\tlog.debug("{a}", {{ {b}, {c}, path: "C:\\\\Users\\\\{a}\\\\{b}.txt" }});',
    "\tfor (const [{a}, {b}] of Object.entries({c})) {{",
    "\t\ttotal += {a}.length * {n}; // naïve, but `{b}` is short",
    "\t\tif (total > {n}) break;",
    '\texpect({a}("{b}", \'{c}\')).toEqual({{ ok: true, text: "✓ {n} passed\\n" }});',
]
WORDS = "account buffer cache client config cursor entry filter handler index item key limit model node offset page parser query range record region result row schema session shard state store stream table target token total user value worker".split()


def code(rng, size):
    """About `size` bytes of source text."""
    lines, length = [], 0
    while length < size:
        a, b, c = rng.sample(WORDS, 3)
        line = rng.choice(LINES).format(a=a, b=b, c=c.capitalize(), n=rng.randrange(1, 5000))
        lines.append(line)
        length += len(line.encode()) + 1
    return "\n".join(lines) + "\n"


def tool(name, description, **properties):
    schema = {"type": "object", "properties": {}, "required": list(properties), "additionalProperties": False}
    for key, text in properties.items():
        schema["properties"][key] = {"type": "string", "description": text}
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


TOOLS = [
    tool("read_file", "Reads a file of the workspace and returns its text.", path="Path relative to the workspace."),
    tool("write_file", "Writes a file; what was there is lost.", path="Path of the file.", content="The whole text."),
    tool("replace_in_file", "Replaces a passage.", path="Path of the file.", old="Exact text.", new="New text."),
    tool("search_files", 'Searches with a regular expression such as "foo\\\\(.*\\\\)".', path="Folder.", regex="What for."),
    tool("list_files", "Lists a folder.", path="Folder."),
    tool("run_command", "Runs a command in a shell and returns what it printed.", command="The command line."),
    tool("ask_user", "Asks a question when nothing else helps.", question="One clear question."),
]


def agent_prompt(part):
    """40 turns; `part` bytes of source text in each tool result."""
    rng = random.Random(20)
    messages = [
        {
            "role": "system",
            "content": "You are a careful software engineer. Work in small steps, and read before you write.\n\n"
            + "".join(f"{i}. Rule {i}: keep “{w}” as it is – unless told otherwise.\n" for i, w in enumerate(WORDS, 1)),
        },
        {"role": "user", "content": "The tests of the query parser fail since yesterday. Find out why and mend it."},
    ]
    for turn in range(1, TURNS + 1):
        path, call = f"src/{rng.choice(WORDS)}/{rng.choice(WORDS)}.ts", f"call_{turn:04d}{rng.randrange(16**8):08x}"
        name, arguments = "read_file", {"path": path}
        if turn % 4 == 0:
            name, arguments = "write_file", {"path": path, "content": code(rng, part // 4)}
        messages.append(
            {
                "role": "assistant",
                "content": f"I look at `{path}` next: it uses “{rng.choice(WORDS)}”.\n\n```ts\n{code(rng, part // 8)}```",
                "tool_calls": [
                    {
                        "id": call,
                        "type": "function",
                        "function": {"name": name, "arguments": json.dumps(arguments, ensure_ascii=False)},
                    }
                ],
            }
        )
        messages.append({"role": "tool", "tool_call_id": call, "content": f"{path}:\n{code(rng, part)}"})
    return messages


def body(model, messages, **more):
    text = json.dumps({"model": model, "messages": messages, **more}, ensure_ascii=False, separators=(",", ":"))
    return text.encode()


def long_body():
    """The tool results are made as long as it takes."""
    part = LONG_BYTES // (TURNS + TURNS // 4)
    while True:
        made = body("whole", agent_prompt(part), tools=TOOLS, max_tokens=4096, temperature=0.2)
        if abs(len(made) - LONG_BYTES) < LONG_BYTES // 200:
            return made
        part = part * LONG_BYTES // len(made)


def bodies():
    question = [{"role": "user", "content": "What is the capital of France?"}]
    return {
        "short": body("whole", question, max_tokens=100),
        "long": long_body(),
        "burst": body("burst", question, max_tokens=1000, stream=True),
        "paced": body("paced", question, max_tokens=1000, stream=True),
    }


def write(folder):
    """{name: file}"""
    folder = pathlib.Path(folder)
    files = {}
    for name, made in bodies().items():
        files[name] = folder / f"{name}.json"
        files[name].write_bytes(made)
    return files


if __name__ == "__main__":
    for name, file in write(sys.argv[1]).items():
        print(f"{file}: {file.stat().st_size} bytes")
