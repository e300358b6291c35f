#!/usr/bin/env python3
"""Prints what the failed tests of meson's log FILE (a JSON object a line) wrote.

Meson itself shows the last 100 lines of a test, and a finding of clang-tidy, or the head of a sanitizer's report,
may stand above them.
"""

import json
import pathlib
import sys

MOST = 600  # lines of one test: its first and its last


def shorten(lines):
    if len(lines) <= MOST:
        return lines
    left_out = f"[... {len(lines) - MOST} lines left out ...]"
    return [*lines[: MOST // 2], left_out, *lines[-MOST // 2 :]]


def main(file):
    sys.stdout.reconfigure(errors="replace")
    for line in file.read_text().splitlines():
        test = json.loads(line)
        if test["result"] not in ("OK", "EXPECTEDFAIL"):
            print(f"\n{test['name']}: {test['result']}")
            print("\n".join(shorten(((test["stdout"] or "") + test.get("stderr", "")).splitlines())))
    print(f"\nThe whole log: {file.with_suffix('.txt')}")


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]))
