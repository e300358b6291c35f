#!/bin/bash
# Runs the test suites and closes with a line "N passed, N failed".
#
#   scripts/test.sh            every suite, from a bare machine on
#   scripts/test.sh --quick    unit, golden and lint: what a developer runs every few minutes
#
# Called by `./manage-litellm.sh test`. A suite that ran no test has failed, and so has a skipped
# test: whatever the tests need is installed first. Reports and logs lie in build-test/.

set -u -o pipefail
ML_NAME='manage-litellm test'
ML_ROOT=$(dirname "$(dirname "$(readlink -f "$0")")")
ML_RUN=$ML_ROOT/build-test # where packages.sh and build.sh put their logs
# shellcheck source=scripts/say.sh
. "$ML_ROOT/scripts/say.sh"
# shellcheck source=scripts/packages.sh
. "$ML_ROOT/scripts/packages.sh"
# shellcheck source=scripts/build.sh
. "$ML_ROOT/scripts/build.sh"

ML_REPORTS=$ML_RUN/reports
ML_VENV=$ML_RUN/venv
ML_SDKS=$ML_RUN/sdks
ML_NODE=$ML_RUN/node
ML_DEBUG=$ML_ROOT/build-debug

# ---- what the tests need ------------------------------------------------------------------------

# The packages of tests/requirements.txt, installed anew only when that list has changed.
test_venv() {
    local list=$ML_ROOT/tests/requirements.txt log=$ML_RUN/pip.log
    PATH=$ML_VENV/bin:$PATH
    export LINTEL_TEST_PYTHON=$ML_VENV/bin/python
    cmp -s "$list" "$ML_VENV/requirements.txt" && return 0
    say "Installing the Python packages of the tests."
    if python3 -m venv --clear "$ML_VENV" >"$log" 2>&1 &&
        python -m pip install -q --disable-pip-version-check -r "$list" >>"$log" 2>&1; then
        cp "$list" "$ML_VENV/requirements.txt"
    else
        die "cannot install the packages of tests/requirements.txt: $(tail -n 1 "$log")"
    fi
}

# The packages of tests/sdks.txt, in a folder beside the environment: what they say they need clashes
# with it and with each other. Found through LINTEL_TEST_SDKS.
test_sdks() {
    local list=$ML_ROOT/tests/sdks.txt log=$ML_RUN/sdks.log
    export LINTEL_TEST_SDKS=$ML_SDKS
    cmp -s "$list" "$ML_SDKS/sdks.txt" && return 0
    say "Installing the SDKs of the callbacks."
    rm -rf "$ML_SDKS"
    if python -m pip install -q --disable-pip-version-check --no-deps --target "$ML_SDKS" -r "$list" >"$log" 2>&1; then
        cp "$list" "$ML_SDKS/sdks.txt"
    else
        die "cannot install the packages of tests/sdks.txt: $(tail -n 1 "$log")"
    fi
}

# The modules of tests/integration/package-lock.json, exactly; found through LINTEL_TEST_NODE.
test_node() {
    local from=$ML_ROOT/tests/integration log=$ML_RUN/npm.log
    export LINTEL_TEST_NODE=$ML_NODE/node_modules
    cmp -s "$from/package-lock.json" "$ML_NODE/installed" && return 0
    say "Installing the Node modules of the tests."
    mkdir -p "$ML_NODE" && cp "$from/package.json" "$from/package-lock.json" "$ML_NODE/"
    if npm ci --prefix "$ML_NODE" --no-audit --no-fund --ignore-scripts >"$log" 2>&1; then
        cp "$from/package-lock.json" "$ML_NODE/installed"
    else
        die "cannot install the modules of tests/integration: $(grep -i -m 1 'npm.*error' "$log")"
    fi
}

test_prepare() {
    mkdir -p "$ML_REPORTS" || die "cannot write to $ML_RUN"
    rm -f "$ML_REPORTS"/*
    packages_for_build
    packages_or_subprojects
    packages_for_tests
    test_venv
}

# ---- the suites ---------------------------------------------------------------------------------

# Each leaves build-test/reports/NAME.{json,xml,status}; scripts/count_tests.py counts them.
test_begin() {
    ML_SUITE=$1
    ML_BEGUN=$SECONDS
    printf '%s\n' "---- $1"
}

test_end() {
    printf '%s %s\n' "$1" $((SECONDS - ML_BEGUN)) >"$ML_REPORTS/$ML_SUITE.status"
    return "$1"
}

# A build is a test: it must end, and without a warning (warnings are errors).
test_build() {
    test_begin "$1"
    shift
    (build_tree "$@")
    test_end $?
}

test_meson() {
    local log=$ML_DEBUG/meson-logs/$1
    test_begin "$1"
    rm -f "$log.json"
    meson test -C "$ML_DEBUG" --no-rebuild --suite "$1" --logbase "$1" --quiet --timeout-multiplier 4
    test_end $? || [ ! -f "$log.json" ] || "$LINTEL_TEST_PYTHON" "$ML_ROOT/scripts/failed_logs.py" "$log.json"
    [ ! -f "$log.json" ] || cp "$log.json" "$ML_REPORTS/"
}

# test_pytest NAME FOLDER OPTIONS...
test_pytest() {
    local name=$1 folder=$2
    shift 2
    test_begin "$name"
    "$LINTEL_TEST_PYTHON" -m pytest -q --junitxml="$ML_REPORTS/$name.xml" "$@" \
        "$ML_ROOT/tests/$folder"
    test_end $?
}

# ---- beside them --------------------------------------------------------------------------------

# What only computes runs beside the suites that mostly wait, and gives way to them at once
# (SCHED_IDLE): it takes no time that a test measures. In a process group of its own, which ends with
# this script.
test_aside_begin() {
    set -m
    (
        chrt --idle --pid 0 "$BASHPID"
        # What pytest makes of the asserts is kept: once for all workers.
        "$LINTEL_TEST_PYTHON" -m pytest -qq -n 0 --collect-only "$ML_ROOT/tests/integration" >/dev/null
        test_build build-release "$ML_ROOT/build" "lintel bedrock-sim" --buildtype=release -Dtests=false
        # For clang's warnings: nobody runs it.
        CC=clang test_build build-clang "$ML_ROOT/build-clang" all --buildtype=plain
        test_meson tidy
    ) >"$ML_RUN/aside.log" 2>&1 </dev/null &
    ML_ASIDE=$!
    set +m
    trap 'kill -- "-$ML_ASIDE" 2>/dev/null' EXIT
}

test_aside_end() {
    wait "$ML_ASIDE"
    trap - EXIT
    cat "$ML_RUN/aside.log"
}

# ---- all of it ----------------------------------------------------------------------------------

test_main() {
    local quick=''
    [ "${1:-}" != --quick ] || quick=yes
    cd "$ML_ROOT" || exit 1
    export ASAN_OPTIONS=detect_leaks=1:strict_string_checks=1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    test_prepare
    test_build build-debug "$ML_DEBUG" all -Db_sanitize=address,undefined -Db_lundef=false
    [ -n "$quick" ] || test_aside_begin
    test_meson unit
    test_meson golden
    test_meson lint
    if [ -z "$quick" ]; then
        test_meson fuzz
        test_meson bench
        test_pytest setup setup
        test_sdks
        test_node
        test_pytest integration integration -m 'not alone'
        test_aside_end
        test_pytest alone integration -m alone -n 2
    fi
    "$LINTEL_TEST_PYTHON" "$ML_ROOT/scripts/count_tests.py" "$ML_REPORTS"
}

test_main "$@"
