#!/usr/bin/env python3
"""clang-format would change nothing.

    format.py ROOT

Any version from 14 on; the oldest one found decides, because later ones differ in details.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

OLDEST = 14
FOLDERS = ["include", "src", "sim", "tests", "bench"]


def version(command):
    text = subprocess.run([command, "--version"], capture_output=True, text=True).stdout
    found = re.search(r"version (\d+)", text)
    return int(found[1]) if found else 0


def find_formatter():
    names = ["clang-format"] + [f"clang-format-{v}" for v in range(OLDEST, OLDEST + 20)]
    found = sorted((version(p), p) for p in filter(None, map(shutil.which, names)))
    return next((p for v, p in found if v >= OLDEST), None)


def main():
    root = Path(sys.argv[1])
    files = sorted(str(p) for d in FOLDERS for p in (root / d).rglob("*.[ch]"))
    formatter = find_formatter()
    if not formatter:
        print(f"no clang-format of version {OLDEST} or later")
        return 77
    done = subprocess.run([formatter, "--dry-run", "-Werror", "--style=file", *files])
    print(f"{len(files)} files looked at by {formatter}")
    return 1 if done.returncode or not files else 0


sys.exit(main())
