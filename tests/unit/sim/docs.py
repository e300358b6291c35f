#!/usr/bin/env python3
"""docs/simulator.md lists exactly the options and directives there are.

    docs.py ROOT
"""

import re
import sys
from pathlib import Path

root = Path(sys.argv[1])
text = (root / "docs/simulator.md").read_text(encoding="utf-8")
first_cells = [row.split("|")[1] for row in text.splitlines() if row.startswith("| `")]
quoted = [name for cell in first_cells for name in re.findall(r"`([^`]+)`", cell)]

WANTED = {
    "options": (re.findall(r'^    \{"(--[a-z-]+)"', (root / "sim/options.c").read_text(), re.M), r"(--[a-z-]+)"),
    "directives": (re.findall(r'\{"([a-z_]+)", \d, do_', (root / "sim/script.c").read_text()), r"([a-z_]+)(?:\(|$)"),
}
failed = False
for what, (names, pattern) in WANTED.items():
    documented = {m[1] for m in (re.match(pattern, q) for q in quoted) if m}
    names = set(names) - {"--help"}
    assert len(names) > 5, f"found no {what}"
    for name in sorted(names ^ documented):
        print(f"{what}: {name} is {'not in docs/simulator.md' if name in names else 'documented but not there'}")
        failed = True
sys.exit(failed)
