#!/usr/bin/env python3
"""clang-tidy over the project's own sources, with the flags they are compiled with.

    tidy.py ROOT BUILD

A suite of its own (`meson test --suite tidy`): it takes a minute or two.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

OLDEST = 14


def find_tidy():
    names = ["clang-tidy"] + [f"clang-tidy-{v}" for v in range(OLDEST, OLDEST + 20)]
    for path in filter(None, map(shutil.which, names)):
        text = subprocess.run([path, "--version"], capture_output=True, text=True).stdout
        found = re.search(r"version (\d+)", text)
        if found and int(found[1]) >= OLDEST:
            return path
    return None


def sources(root, build):
    """Each file once, however many targets compile it."""
    commands = json.loads((build / "compile_commands.json").read_text())
    files = {Path(os.path.normpath(Path(c["directory"]) / c["file"])) for c in commands}
    own = [root / "src", root / "sim"]
    return sorted(f for f in files if any(d in f.parents for d in own))


def main():
    root, build = Path(sys.argv[1]).resolve(), Path(sys.argv[2])
    tidy, files = find_tidy(), sources(root, build)
    if not tidy:
        print(f"no clang-tidy of version {OLDEST} or later")
        return 77

    def run(path):
        # The flags may be gcc's.
        return path, subprocess.run(
            [tidy, "--quiet", "-p", str(build), "--extra-arg=-Wno-unknown-warning-option", str(path)],
            capture_output=True, text=True)

    failed = 0
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for path, done in pool.map(run, files):
            if done.returncode:
                failed += 1
                print(f"---- {path.relative_to(root)}\n{done.stdout}")
    print(f"{len(files)} files, {failed} with findings")
    return 1 if failed or not files else 0


sys.exit(main())
