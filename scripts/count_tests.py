#!/usr/bin/env python3
"""Adds up what the suites left in a folder of reports, prints a table and the closing line.

NAME.status (exit status and seconds) is there for every suite; beside it lies NAME.json (meson's
test log, a JSON object a line), NAME.xml (pytest's JUnit report), or nothing for a suite that is a
single step. A skipped test counts as failed, as does a suite that ended badly without a failed
test or that ran none at all.
"""

import json
import pathlib
import sys
import xml.etree.ElementTree


def count_meson(file):
    results = [json.loads(line)["result"] for line in file.read_text().splitlines()]
    passed = sum(result in ("OK", "EXPECTEDFAIL") for result in results)
    return passed, len(results) - passed


def count_junit(file):
    total = bad = 0
    for suite in xml.etree.ElementTree.parse(file).iter("testsuite"):
        total += int(suite.get("tests"))
        bad += sum(int(suite.get(name, 0)) for name in ("failures", "errors", "skipped"))
    return total - bad, bad


def count_suite(status_file):
    """(passed, failed, seconds) of one suite."""
    status, seconds = status_file.read_text().split()
    if status_file.with_suffix(".json").exists():
        passed, failed = count_meson(status_file.with_suffix(".json"))
    elif status_file.with_suffix(".xml").exists():
        passed, failed = count_junit(status_file.with_suffix(".xml"))
    else:
        passed, failed = (1, 0) if status == "0" and status_file.stem.startswith("build-") else (0, 1)
    if failed == 0 and (status != "0" or passed == 0):
        failed = 1
    return passed, failed, int(seconds)


def main(folder):
    rows = [(file.stem, *count_suite(file)) for file in sorted(folder.glob("*.status"))]
    print("\n%-16s %7s %7s %8s" % ("suite", "passed", "failed", "seconds"))
    for row in rows:
        print("%-16s %7d %7d %8d" % row)
    passed, failed = sum(row[1] for row in rows), sum(row[2] for row in rows)
    print(f"\n{passed} passed, {failed} failed")
    return 0 if rows and failed == 0 else 1


if __name__ == "__main__":
    sys.exit(main(pathlib.Path(sys.argv[1])))
