#!/bin/bash
# deploy.sh: Lintel as a service of this machine (Debian, systemd; an EC2 instance, say).
#
# Happy path of `install`: packages → build → .env → release in /opt/lintel → user, folders,
# configuration and environment in /etc/lintel → unit → a new deployment, which takes the running
# one's place → healthy. Run it again after a change of anything: what is there already stays, and if
# nothing is new, nothing is started.
#
# Failure modes: each step says in one line what went wrong. Until the new deployment is ready, the one
# that runs goes on; one that does not get ready is taken away again, with what was written for it. What
# an operator may have changed in /etc/lintel is not overwritten unless asked for (-c, --env).

set -u -o pipefail
ML_ROOT=$(dirname "$(dirname "$(readlink -f "$0")")")
ML_NAME=deploy
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
# shellcheck source=scripts/credentials.sh
. "$ML_ROOT/scripts/credentials.sh"
# shellcheck source=scripts/service.sh
. "$ML_ROOT/scripts/service.sh"

DESTDIR=${DESTDIR:-} # in front of every path, as packagers know it
OPT=$DESTDIR/opt/lintel
ETC=$DESTDIR/etc/lintel
UNITS=$DESTDIR/etc/systemd/system
KEPT=5 # deployments and their releases; older ones are removed

usage() {
    cat <<EOF
Usage: scripts/deploy.sh [COMMAND] [OPTIONS]

Commands
  install        build and install Lintel, and start it or let it take the running one's place (default)
  rollback       back to the release before this one; configuration and environment stay
  restart        another deployment of the same release: after a change of /etc/lintel/env
  status         what runs

Options of install
  -c, --config CONFIG   a file, or the name of one in conf/, for /etc/lintel/config.yml; without it the
                        one that is there stays (at first: CONFIG_FILE of .env)
  --env                 take .env for /etc/lintel/env again; without it the one that is there stays
  -h, --help            this text
EOF
}

wrong_usage() {
    complain "$1 (see scripts/deploy.sh --help)"
    exit 2
}

parse_arguments() {
    VERB='' ML_CONFIG_WANTED='' ML_HOST_WANTED='' ML_PORT_WANTED='' TAKE_ENV='' BUILT=''
    ARGUMENTS=("$@")
    while [ $# -gt 0 ]; do
        case $1 in
        -c | --config)
            [ -n "${2:-}" ] || wrong_usage "$1 needs a value"
            ML_CONFIG_WANTED=$2
            shift
            ;;
        --env) TAKE_ENV=yes ;;
        --built) BUILT=yes ;;
        -h | --help)
            usage
            exit 0
            ;;
        install | rollback | restart | status)
            [ -z "$VERB" ] || wrong_usage "two commands: $VERB and $1"
            VERB=$1
            ;;
        *) wrong_usage "unknown command or option: $1" ;;
        esac
        shift
    done
    VERB=${VERB:-install}
}

# The rest needs root: asked for once the build, which does not, is done.
become_root() {
    [ "$(id -u)" -ne 0 ] && [ -z "$DESTDIR" ] || return 0
    command -v sudo >/dev/null || die "this needs root, and there is no sudo"
    exec sudo -- "$ML_ROOT/scripts/deploy.sh" "${ARGUMENTS[@]}" --built
}

# ---- what is installed --------------------------------------------------------------------------

install_user() {
    getent passwd lintel >/dev/null && return 0
    useradd --system --user-group --home-dir /var/lib/lintel --shell /usr/sbin/nologin lintel ||
        die "cannot make the user lintel"
}

# Sets RELEASE, named after what is in it.
install_release() {
    local sum new=$OPT/releases/.new
    sum=$(sha256sum <"$ML_BUILD/lintel") || die "there is no $ML_BUILD/lintel"
    RELEASE=$("$ML_BUILD/lintel" --version | tr ' ' '-')-${sum:0:12}
    [ ! -x "$OPT/releases/$RELEASE/lintel" ] || return 0
    rm -rf "$new"
    mkdir -p "$new" && install -m 755 "$ML_BUILD/lintel" "$new/lintel" &&
        install -m 644 "$ML_ROOT/LICENSE" "$new/LICENSE" &&
        mv "$new" "$OPT/releases/$RELEASE" || die "cannot install into $OPT"
    CHANGED=yes
    say "Installed $RELEASE."
}

# The variables of .env as systemd reads them.
install_env() {
    local from=$ML_ROOT/.env to=$ETC/env line number=0
    [ ! -e "$to" ] || [ -n "$TAKE_ENV" ] || return 0
    [ -r "$from" ] || die "cannot read $from, to take it for $to"
    (
        umask 077
        while IFS= read -r line || [ -n "$line" ]; do
            number=$((number + 1))
            env_take_line "${line%$'\r'}" env_print || complain "$from:$number: not KEY=VALUE, ignored"
        done <"$from" >"$to.new"
    )
    install_if_new "$to" 600 root:root
}

env_print() {
    [ -z "$2" ] || printf '%s="%s"\n' "$1" "$(printf '%s' "$2" | sed 's/["\\$`]/\\&/g')"
}

# A configuration with errors is not installed.
install_config() {
    local to=$ETC/config.yml from
    if [ -e "$to" ] && [ -z "$ML_CONFIG_WANTED" ]; then
        "$ML_BUILD/lintel" check "$to" >/dev/null || die "$to has errors"
        return 0
    fi
    from=$(service_find_config "${ML_CONFIG_WANTED:-${CONFIG_FILE:-default_config.yml}}") || exit 1
    cp "$from" "$to.new" || die "cannot write $to"
    # Where it will lie: what it includes is looked for beside it.
    "$ML_BUILD/lintel" check "$to.new" >/dev/null || {
        rm -f "$to.new"
        die "the configuration $from has errors"
    }
    install_if_new "$to" 640 root:lintel
}

install_unit() {
    local unit=$UNITS/lintel@.service
    mkdir -p "$UNITS" && cp "$ML_ROOT/conf/systemd/lintel@.service" "$unit.new" ||
        die "cannot write $unit"
    install_if_new "$unit" 644 root:root
}

# install_if_new FILE MODE OWNER: FILE.new into its place; what was there is kept as FILE.before.
install_if_new() {
    chmod "$2" "$1.new" && chown "$3" "$1.new" || die "cannot write $1"
    if cmp -s "$1.new" "$1"; then
        rm -f "$1.new"
        return 0
    fi
    [ ! -e "$1" ] || cp -p "$1" "$1.before"
    mv "$1.new" "$1" || die "cannot write $1"
    CHANGED=yes WRITTEN+=("$1")
    say "Wrote $1."
}

# ---- deployments --------------------------------------------------------------------------------

has_systemd() { [ -d "$DESTDIR/run/systemd/system" ]; }

# The number of the one that runs or ran last; 0 when there is none.
current() {
    local link
    link=$(readlink "$OPT/current") || link=0
    printf '%s' "${link##*/}"
}

release_of() { basename "$(readlink "$OPT/deployments/$1")"; }

is_active() { systemctl is-active --quiet "lintel@$1"; }

# Sets ML_URL from what the service gets.
read_address() {
    unset HOST PORT SSL_CERTFILE_PATH
    env_load "$ETC/env"
    service_settle_address
}

# deploy RELEASE: a new deployment of it takes the place of the one that runs.
deploy() {
    local before number unit
    before=$(current)
    number=$((before + 1))
    unit=lintel@$number
    ln -sfn "../releases/$1" "$OPT/deployments/$number" || die "cannot write to $OPT"
    if has_systemd; then
        systemctl daemon-reload
        systemctl start "$unit" || not_started "$number"
        systemctl --quiet enable "$unit"
    fi
    ln -sfn "deployments/$number" "$OPT/current"
    if ! has_systemd; then
        say "systemd does not run here. In its place:"
        say "  set -a; . $ETC/env; $OPT/current/lintel --config $ETC/config.yml"
        return 0
    fi
    [ "$before" = 0 ] || retire "$before"
    prune "$number"
    answers || die "deployment $number runs, but is not ready at $ML_URL (scripts/deploy.sh rollback)"
    say "Deployment $number ($1) runs at $ML_URL."
}

# The one before has not been asked to go yet.
not_started() {
    local file
    journalctl -q -n 5 --no-pager -o cat -u "lintel@$1" >&2
    systemctl stop "lintel@$1"
    systemctl reset-failed "lintel@$1" 2>/dev/null
    rm -f "$OPT/deployments/$1"
    for file in "${WRITTEN[@]}"; do
        [ ! -e "$file.before" ] || mv "$file.before" "$file"
    done
    die "deployment $1 did not start; what ran before goes on"
}

answers() {
    local tries=100
    until service_answers "$ML_URL"; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.1
    done
}

# It ends by itself when its place was taken; with another address it was not. Only then is it asked
# to: a signal while it finishes its requests would cut them.
retire() {
    local end=$((SECONDS + 3))
    systemctl --quiet disable "lintel@$1"
    while is_active "$1"; do
        if [ $SECONDS -ge $end ]; then
            systemctl stop --no-block "lintel@$1"
            break
        fi
        sleep 0.1
    done
    say "The one before (deployment $1) takes no new requests and ends when its last one has."
}

# What still finishes its requests has its file open, and needs it no more.
prune() {
    local file kept=" "
    for file in "$OPT"/deployments/*; do
        if [ "${file##*/}" -le $(($1 - KEPT)) ]; then
            rm -f "$file"
        else
            kept+="$(release_of "${file##*/}") "
        fi
    done
    for file in "$OPT"/releases/*; do
        [[ $kept == *" ${file##*/} "* ]] || rm -rf "$file"
    done
}

# ---- the commands -------------------------------------------------------------------------------

command_install() {
    if [ -z "$BUILT" ]; then
        [ ! -f "$ML_ROOT/meson.build" ] || build_release
        env_create
    fi
    become_root
    CHANGED=''
    install_user
    mkdir -p "$OPT/deployments" "$ETC" && chmod 750 "$ETC" && chown root:lintel "$ETC" ||
        die "cannot make $OPT and $ETC"
    install_release
    install_env
    read_address
    install_config
    install_unit
    credentials_find "$ETC/config.yml" >/dev/null ||
        complain "there are no AWS credentials yet: give the instance a role, or fill in $ETC/env"
    if [ -n "$CHANGED" ] || ! has_systemd || ! is_active "$(current)" ||
        [ "$(release_of "$(current)")" != "$RELEASE" ]; then
        deploy "$RELEASE"
    else
        answers || die "deployment $(current) runs, but is not ready at $ML_URL"
        say "Nothing is new: deployment $(current) runs at $ML_URL."
    fi
}

command_restart() {
    become_root
    [ "$(current)" != 0 ] || die "nothing is deployed yet"
    read_address
    deploy "$(release_of "$(current)")"
}

# The newest release that is another one.
command_rollback() {
    local number now
    become_root
    number=$(current)
    [ "$number" != 0 ] || die "nothing is deployed yet"
    now=$(release_of "$number")
    while [ "$((--number))" -gt 0 ]; do
        [ -e "$OPT/deployments/$number/lintel" ] || continue
        [ "$(release_of "$number")" = "$now" ] || break
    done
    [ "$number" -gt 0 ] || die "there is no other release to go back to"
    read_address
    deploy "$(release_of "$number")"
}

command_status() {
    local number
    number=$(current)
    [ "$number" != 0 ] || die "nothing is deployed"
    say "deployment $number, $(release_of "$number")"
    ! has_systemd || systemctl --no-pager status 'lintel@*'
}

WRITTEN=()
parse_arguments "$@"
"command_$VERB"
