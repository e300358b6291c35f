"""Every metric that the alerts and the operator's documents name is one that the gateway has, and every
metric that it has is fed somewhere.

metrics.py ROOT
"""

import pathlib
import re
import sys


def main():
    root = pathlib.Path(sys.argv[1])
    rows = (root / "include/base/metric_rows.h").read_text()
    have = set()
    for kind, name in re.findall(r'^METRIC\(\w+, (\w+), .*?"(\w+)"', rows, re.M):
        if kind == "COUNTER":
            have.add(name + "_total")
        elif kind == "HISTOGRAM":
            have |= {name} | {f"{name}_{part}" for part in ("bucket", "sum", "count")}
        else:
            have.add(name)
    wrong = 0
    sources = "".join(p.read_text() for p in (root / "src").rglob("*.c"))
    for name in re.findall(r"^METRIC\((\w+),", rows, re.M):
        if not re.search(rf"\bMETRIC_{name}\b", sources):
            print(f"METRIC_{name} is declared and never fed")
            wrong += 1
    for file in ("conf/prometheus/alerts.yml", "docs/operations.md"):
        named = set(re.findall(r"\b(?:litellm|lintel|process)_[a-z0-9_]+_(?:total|bucket|bytes|seconds)\b", (root / file).read_text()))
        named |= set(re.findall(r"\b(?:lintel|litellm)_[a-z_]+(?= *[)=>{])", (root / file).read_text()))
        for name in sorted(named - have - {"litellm_model_name", "litellm_settings"}):
            print(f"{file}: no metric is called {name}")
            wrong += 1
    alerts = re.findall(r"alert: (\w+)", (root / "conf/prometheus/alerts.yml").read_text())
    documented = re.findall(r"^\| (Lintel\w+) \|", (root / "docs/operations.md").read_text(), re.M)
    if alerts != documented or not alerts:
        print(f"docs/operations.md tells of other alerts than conf/prometheus/alerts.yml: {set(alerts) ^ set(documented)}")
        wrong += 1
    return wrong > 0


sys.exit(main())
