#!/usr/bin/env python3
"""Each state of a request stands in docs/operations.md and ARCHITECTURE.md, with what it waits for, and is seen by a
test in /debug/exchanges if a request can wait in it.

Usage: states.py ROOT"""
import ast
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
TESTS = ("test_debug_exchanges.py", "test_debug_states.py", "test_pass_through.py")
PASSED = {"DONE"}  # not listed


def rows(name, heading):
    """The table under the heading: {state: its second column}."""
    section = (root / name).read_text().split(heading, 1)[1].split("\n#", 1)[0]
    return dict(re.findall(r"^\| ([A-Z]+) \| ([^|]*) \|", section, re.M))


def seen(path):
    """What shown() and first_in() are called with, and the keys of CASES."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("shown", "first_in"):
            yield from (a.value for a in node.args if isinstance(a, ast.Constant))
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "CASES":
            yield from (key.value for key in node.value.keys)


states = re.findall(r"^    EX_([A-Z]+),?$", (root / "src/gateway/exchange.h").read_text(), re.M)
told = rows("docs/operations.md", "### What a request waits for")
built = rows("ARCHITECTURE.md", "## The life of a request")
tested = {state for name in TESTS for state in seen(root / "tests/integration" / name)}
problems = [f"{state}: not in ARCHITECTURE.md" for state in states if state not in built]
problems += [f"{state}: not in docs/operations.md" for state in states if state not in told]
problems += [f"{state}: docs/operations.md does not say what it waits for" for state, what in told.items() if not what]
problems += [f"{state}: no test sees it" for state in states if state not in tested | PASSED]
problems += [f"{state}: there is no such state" for state in {*told, *built, *tested} - set(states)]
if len(states) < 15 or problems:
    print("\n".join(problems) or "the states were not found")
    sys.exit(1)
print(f"{len(states)} states")
