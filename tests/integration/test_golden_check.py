"""The recorded behaviour of LiteLLM, held against lintel by the checker that lies beside the
repository (../shared or LINTEL_SHARED). Not every recorded case is meant to pass; which do is told
here, and that the gateway lived through all of them."""

import json
import subprocess
import sys

import pytest
from conftest import SHARED
from programs import BUILD, ROOT, SANITIZER, environment

AREAS = "chat,chat_stream,tools,errors,models,health,embeddings,completions"


@pytest.mark.timeout(180)
def test_golden_cases(tmp_path, record_property):
    golden = SHARED / "golden"
    report = tmp_path / "report.json"
    log = tmp_path / "sanitizers"
    env = environment(tmp_path)
    env["ASAN_OPTIONS"] += f":log_path={log}"
    env["UBSAN_OPTIONS"] += f":log_path={log}"
    env["TMPDIR"] = str(tmp_path)
    allow = ["--allow", str(golden / "unstable.txt")]
    if (ROOT / "docs/differences.md").exists():
        allow = ["--allow", str(ROOT / "docs/differences.md")]
    start = f"{BUILD}/lintel --config {{config}} --host 127.0.0.1 --port {{port}}"
    done = subprocess.run(
        [sys.executable, str(golden / "check.py"), "--cases", str(golden / "cases"), "--area", AREAS, *allow]
        + ["--start", start, "--json", str(report), "--jobs", "2", "--timeout", "8", "--max-sleep", "2"],
        env=env,
        capture_output=True,
        text=True,
        timeout=170,
    )
    record_property("report", done.stdout[done.stdout.rfind("\narea") :])
    assert done.returncode in (0, 1), done.stderr
    results = json.loads(report.read_text())["cases"]
    assert len(results) > 100
    for file in tmp_path.glob("sanitizers*"):
        text = file.read_text()
        assert not SANITIZER.search(text), text[:4000]
    assert not [r["case"] for r in results if r["diffs"]["died"]]
