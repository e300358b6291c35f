#!/bin/bash
# manage-litellm.sh: everything between a bare machine and a running, tested Lintel.
#
# Happy path of `start`: packages → build → .env → `lintel check` → real or simulated Bedrock →
# background → ready → what to do next. Each step that fails says so in one line, exits non-zero
# and leaves nothing running. The steps live in scripts/; this file is the command line.

set -u -o pipefail
ML_ROOT=$(dirname "$(readlink -f "$0")")
ML_NAME=$(basename "$0" .sh)
ML_BUILD=${LINTEL_BUILD_DIR:-$ML_ROOT/build}
ML_RUN=$ML_ROOT/run

# shellcheck source=scripts/say.sh
. "$ML_ROOT/scripts/say.sh"
# shellcheck source=scripts/env.sh
. "$ML_ROOT/scripts/env.sh"
# shellcheck source=scripts/packages.sh
. "$ML_ROOT/scripts/packages.sh"
# shellcheck source=scripts/build.sh
. "$ML_ROOT/scripts/build.sh"
# shellcheck source=scripts/process.sh
. "$ML_ROOT/scripts/process.sh"
# shellcheck source=scripts/credentials.sh
. "$ML_ROOT/scripts/credentials.sh"
# shellcheck source=scripts/service.sh
. "$ML_ROOT/scripts/service.sh"

usage() {
    cat <<EOF
Usage: ./manage-litellm.sh [-c CONFIG] COMMAND [OPTIONS]

Commands
  start          install what is missing, build, start in the background, wait until ready
  stop           finish the running requests, then stop
  restart        start anew (also another version): the new one takes the old one's place, which
                 finishes its requests; what would not start leaves the running one alone
  upgrade        the same
  reload         read the configuration again without a break
  status         tell whether it runs (exit 0: yes, 3: no)
  logs [-f]      show the log; -f follows it
  run            like start, but in the foreground (containers, service managers)
  build          install what building needs and build build/lintel and build/bedrock-sim
  test [--quick] install what the tests need and run every suite; --quick: unit, golden and lint

Options of start, restart and run
  -c, --config CONFIG   a file, or the name of one in conf/ (default: CONFIG_FILE of .env,
                        else default_config.yml); may stand before the command
  --host HOST           address to listen on (default: HOST of .env, else 127.0.0.1)
  --port PORT           port to listen on (default: PORT of .env, else 4000)
  --num_workers N       worker processes
  --detailed_debug      log everything
  -h, --help            this text

Settings come from .env (made from .env.example with a random LITELLM_MASTER_KEY when there is
none). A variable of the environment wins over .env, an option over both.
Virtual keys and what was spent: build/lintel keys --help.
Without AWS credentials a simulated Bedrock is started too, and said loudly.
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 not running (status).
EOF
}

wrong_usage() {
    complain "$1 (see ./manage-litellm.sh --help)"
    exit 2
}

# Sets ML_VERB, ML_CONFIG_WANTED, ML_HOST_WANTED, ML_PORT_WANTED, ML_ARGS (for lintel) and the
# flags of single commands.
parse_arguments() {
    ML_VERB='' ML_CONFIG_WANTED='' ML_HOST_WANTED='' ML_PORT_WANTED='' ML_FOLLOW='' ML_QUICK=''
    ML_ARGS=()
    while [ $# -gt 0 ]; do
        case $1 in
        --*=*) set -- "${1%%=*}" "${1#*=}" "${@:2}" ;;
        esac
        case $1 in
        -c | --config | --host | --port | --num_workers)
            [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
            take_option "$1" "$2"
            shift
            ;;
        -h | --help | help)
            usage
            exit 0
            ;;
        --detailed_debug) ML_ARGS+=("$1") ;;
        -f | --follow) ML_FOLLOW=yes ;;
        --quick) ML_QUICK=yes ;;
        start | stop | restart | upgrade | reload | status | logs | run | build | test)
            [ -z "$ML_VERB" ] || wrong_usage "two commands: $ML_VERB and $1"
            ML_VERB=$1
            ;;
        *) wrong_usage "unknown command or option: $1" ;;
        esac
        shift
    done
    [ -n "$ML_VERB" ] || wrong_usage "no command"
}

take_option() {
    case $1 in
    -c | --config) ML_CONFIG_WANTED=$2 ;;
    --host) ML_HOST_WANTED=$2 ;;
    --port) ML_PORT_WANTED=$2 ;;
    --num_workers) ML_ARGS+=("$1" "$2") ;;
    esac
}

main() {
    parse_arguments "$@"
    case $ML_VERB in
    start) service_start ;;
    stop) service_stop ;;
    restart | upgrade) service_restart ;;
    reload) service_reload ;;
    status) service_status ;;
    logs) service_logs ;;
    run) service_run ;;
    build) build_release ;;
    test) exec "$ML_ROOT/scripts/test.sh" ${ML_QUICK:+--quick} ;;
    esac
}

main "$@"
