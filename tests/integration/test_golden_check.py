"""The recorded behaviour of LiteLLM, held against lintel by the checker that lies beside the
repository (../shared or LINTEL_SHARED). A case either passes or has a line in docs/differences.md
that says why not; and the gateway lives through all of them."""

import json
import subprocess
import sys

import pytest
from conftest import SHARED
from programs import BUILD, ROOT, SANITIZER, environment

AREAS = (
    "chat,chat_stream,tools,reasoning,caching,errors,embeddings,completions,messages_api,responses_api,models,"
    "routing,keys"
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("database", [False, True], ids=["without a database", "with a database"])
def test_golden_cases(tmp_path, record_property, database):
    golden = SHARED / "golden"
    report = tmp_path / "report.json"
    log = tmp_path / "sanitizers"
    env = environment(tmp_path)
    env["ASAN_OPTIONS"] += f":log_path={log}"
    env["UBSAN_OPTIONS"] += f":log_path={log}"
    env["TMPDIR"] = str(tmp_path)
    cases = ["--config", "!config_db.yaml"]
    if database:
        cases = ["--config", "config_db.yaml"]
        env["DATABASE_URL"] = f"sqlite:///{tmp_path}/lintel.db"
    allow = ["--allow", str(golden / "unstable.txt")]
    if (ROOT / "docs/differences.md").exists():
        allow = ["--allow", str(ROOT / "docs/differences.md")]
    start = f"{BUILD}/lintel --config {{config}} --host 127.0.0.1 --port {{port}}"
    done = subprocess.run(
        [sys.executable, str(golden / "check.py"), "--cases", str(golden / "cases"), "--area", AREAS, *cases, *allow]
        + ["--start", start, "--json", str(report), "--jobs", "2", "--timeout", "8", "--max-sleep", "2"],
        env=env,
        capture_output=True,
        text=True,
        timeout=230,
    )
    record_property("report", done.stdout[done.stdout.rfind("\narea") :])
    assert done.returncode in (0, 1), done.stderr
    results = json.loads(report.read_text())["cases"]
    assert len(results) > (10 if database else 100)
    for file in tmp_path.glob("sanitizers*"):
        text = file.read_text()
        assert not SANITIZER.search(text), text[:4000]
    assert not [r["case"] for r in results if r["diffs"]["died"]]
    assert not [r["case"] for r in results if not r["passed"] and "excused" not in r]
