#!/usr/bin/env python3
"""docs/requests.md names exactly the repairs that there are.

Usage: repairs.py ROOT"""
import pathlib
import re
import sys

root = pathlib.Path(sys.argv[1])
made = re.findall(r'\[REPAIR_\w+\] = "([a-z-]+)"', (root / "src/provider/plan.c").read_text())
told = re.findall(r"^\| `([a-z-]+)` \|", (root / "docs/requests.md").read_text(), re.M)
if len(made) < 20 or made != told:
    print("src/provider/plan.c and docs/requests.md differ:", sorted(set(made) ^ set(told)) or "in their order")
    sys.exit(1)
print(f"{len(made)} repairs")
