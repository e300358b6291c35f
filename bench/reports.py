#!/usr/bin/env python3
"""How long reports of spend take over a million requests, on SQLite.

    bench/reports.py [--build DIR] [--rows N]

Fills a database that the gateway made with N rows of LiteLLM_SpendLogs and the rows per day that belong
to them (60 days, 200 keys, 4 models), asks each report five times, and prints the median in
milliseconds, the way over HTTP included.
"""

import argparse
import contextlib
import datetime
import json
import pathlib
import sqlite3
import statistics
import sys
import tempfile
import time
import urllib.request

import harness

DAYS, KEYS, MODELS = 60, 200, 4
TODAY = datetime.datetime.now(datetime.timezone.utc).date()

ROWS = """
WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {rows})
INSERT INTO "LiteLLM_SpendLogs" (request_id, call_type, api_key, spend, total_tokens, prompt_tokens, completion_tokens,
    startTime, endTime, model, model_id, model_group, custom_llm_provider, "user", team_id, end_user, metadata, cache_hit,
    request_tags, status, request_duration_ms, litellm_call_id, session_id)
SELECT 'chatcmpl-' || i, 'acompletion', printf('%064d', i % {keys}), 0.001 * (i % 17), 150 + i % 50, 100 + i % 50, 50,
    strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ((i * 86400.0 * {days} / {rows})) || ' seconds'),
    strftime('%Y-%m-%d %H:%M:%f', 'now', '-' || ((i * 86400.0 * {days} / {rows})) || ' seconds', '+2 seconds'),
    'model-' || (i % {models}), 'deployment', 'group-' || (i % {models}), 'bedrock', 'user-' || (i % {keys}),
    'team-' || (i % 20), 'customer-' || (i % 50), '{{"status":"success"}}', 'False', '["nightly"]', 'success', 2000,
    'call-' || i, 'session-' || (i / (3 * {keys})) || '-' || (i % {keys})
FROM n
"""

DAY = """
INSERT INTO "{table}" (id, {entity}, date, api_key, model, model_group, custom_llm_provider, mcp_namespaced_tool_name,
    endpoint, prompt_tokens, completion_tokens, spend, api_requests, successful_requests, updated_at)
SELECT lower(hex(randomblob(16))), {source}, substr(startTime, 1, 10), api_key, model, model_group, 'bedrock', '',
    '/chat/completions', SUM(prompt_tokens), SUM(completion_tokens), SUM(spend), COUNT(*), COUNT(*), 'now'
FROM "LiteLLM_SpendLogs" GROUP BY 2, 3, 4, 5, 6
"""

TABLES = {
    "LiteLLM_DailyUserSpend": ("user_id", '"user"'),
    "LiteLLM_DailyTeamSpend": ("team_id", "team_id"),
    "LiteLLM_DailyEndUserSpend": ("end_user_id", "end_user"),
    "LiteLLM_DailyOrganizationSpend": ("organization_id", "'all of them'"),
    "LiteLLM_DailyTagSpend": ("tag", "'nightly'"),
}

CALLS = """
INSERT INTO "lintel_daily_calls" (id, date, api_key, call_type, model, model_group, api_base, error, api_requests,
    completion_tokens)
SELECT lower(hex(randomblob(16))), substr(startTime, 1, 10), api_key, call_type, model, model_group, '', '', COUNT(*),
    SUM(completion_tokens)
FROM "LiteLLM_SpendLogs" GROUP BY 2, 3, 4, 5, 6
"""


def reports():
    month = f"start_date={TODAY - datetime.timedelta(days=30)}&end_date={TODAY}"
    day = f"start_date={TODAY - datetime.timedelta(days=1)}&end_date={TODAY}"
    return [
        "/global/spend",
        "/global/spend/logs",
        "/global/spend/keys?limit=10",
        "/global/spend/models",
        "/global/spend/teams",
        f"/global/spend/provider?{month}",
        f"/global/spend/tags?{month}",
        f"/global/spend/report?{day}",
        f"/global/spend/report?group_by=api_key&{month}",
        f"/global/activity?{month}",
        f"/global/activity/model?{month}",
        f"/global/activity/cache_hits?{month}",
        f"/spend/logs?{day}",
        "/spend/tags",
        f"/user/daily/activity?{month}",
        f"/user/daily/activity/aggregated?{month}",
        f"/team/daily/activity/aggregated?{month}",
        f"/user/daily/activity/aggregated/keys?{month}",
        f"/user/daily/activity/aggregated/search?search=user-7&{month}",
        f"/team/daily/activity/export?{month}",
        f"/team/daily/activity/export?export_type=daily_with_keys&{day}",
        f"/team/spend/by_user?team_ids=team-1,team-2&{month}",
        f"/user/spend/report?internal_user_id=user-7&{month}",
        f"/team/spend/report?team_id=team-1&{month}",
        f"/organization/spend/report?organization_id=all%20of%20them&{month}",
        "/tag/dau",
        "/tag/mau",
        f"/tag/summary?{month}",
        "/tag/user-agent/per-user-analytics",
        f"/spend/logs/v2?{month}",
        f"/spend/logs/ui?{day}",
        f"/spend/logs/ui?group_by_session=true&{month}",
        f"/spend/logs/v2?{day}&user_id=user-7",
        f"/spend/logs/v2?{day}&status_filter=failure",
        "/spend/logs?request_id=call-500",
    ]


def fill(file, rows):
    with contextlib.closing(sqlite3.connect(file, timeout=60)) as db:
        db.execute(ROWS.format(rows=rows, days=DAYS, keys=KEYS, models=MODELS))
        for table, (entity, source) in TABLES.items():
            db.execute(DAY.format(table=table, entity=entity, source=source))
        db.execute(CALLS)
        db.commit()


def ask(port, path):
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", headers={"Authorization": f"Bearer {harness.KEY}"})
    begun = time.perf_counter()
    with urllib.request.urlopen(request, timeout=60) as reply:
        size = len(reply.read())
    return 1000 * (time.perf_counter() - begun), size


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=harness.ROOT / "build", type=pathlib.Path)
    parser.add_argument("--rows", default=1_000_000, type=int)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="lintel-reports-") as name:
        folder = pathlib.Path(name)
        config = {
            "model_list": [],
            "general_settings": {"master_key": harness.KEY, "database_url": "sqlite", "data_directory": name},
        }
        (folder / "config.yaml").write_text(json.dumps(config))
        command = [options.build.resolve() / "lintel", "--config", folder / "config.yaml", "--port", "0"]
        gateway = harness.Program(folder, "lintel", command, 1)
        try:
            port = gateway.wait_port()
            while "database connected" not in gateway.log.read_text():
                time.sleep(0.01)
            begun = time.monotonic()
            fill(folder / "lintel.db", options.rows)
            print(f"{options.rows} rows in {time.monotonic() - begun:.0f} s\n\n| report | ms | KiB |\n|---|---:|---:|")
            for path in reports():
                times = [ask(port, path) for _ in range(5)]
                print(f"| {path} | {statistics.median(t for t, _ in times):.1f} | {times[0][1] / 1024:.0f} |", flush=True)
        finally:
            gateway.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main())
