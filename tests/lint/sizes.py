#!/usr/bin/env python3
"""Files of at most 800 lines, functions of at most 70: what one reads in one go.

    sizes.py ROOT

A function is what stands between a '{' in the first column and the next '}' there, which is how
clang-format lays them out.
"""

import sys
from pathlib import Path

FILE_LINES = 800
FUNCTION_LINES = 70
FOLDERS = ["include", "src", "sim", "tests", "bench"]


def functions(lines):
    """(line of the name, lines from '{' to '}')"""
    begin = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            begin = number
        elif line == "}" and begin:
            yield begin - 1, number - begin + 1
            begin = None


def check(path):
    lines = path.read_text().splitlines()
    if len(lines) > FILE_LINES:
        yield f"{path}: {len(lines)} lines, more than {FILE_LINES}"
    for number, length in functions(lines):
        if length > FUNCTION_LINES:
            yield f"{path}:{number}: a function of {length} lines, more than {FUNCTION_LINES}"


def main():
    root = Path(sys.argv[1])
    files = sorted(p for d in FOLDERS for p in (root / d).rglob("*.[ch]"))
    problems = [problem for path in files for problem in check(path)]
    lengths = sorted(n for p in files for _, n in functions(p.read_text().splitlines()))
    for problem in problems:
        print(problem)
    print(f"{len(files)} files, {len(lengths)} functions of {lengths[len(lengths) // 2]} lines in the "
          f"median, {len(problems)} problems")
    return 1 if problems or not lengths else 0


sys.exit(main())
