# shellcheck shell=bash
# Background processes and their pid files. Sourced.
#
# A pid file holds the pid and the start time of the process, in clock ticks since boot: a pid that
# the kernel has given to somebody else since is not mistaken for ours.

# Prints the start time of a live process; fails when there is none (a zombie is none).
process_start_time() {
    local stat fields
    { read -r stat <"/proc/$1/stat"; } 2>/dev/null || return 1
    read -ra fields <<<"${stat##*) }"
    [ "${fields[0]}" != Z ] && printf '%s\n' "${fields[19]}"
}

# Prints the pid that a pid file stands for, if it still runs; removes a stale file.
process_find() {
    local pid started
    { read -r pid started <"$1"; } 2>/dev/null || return 1
    if [ -n "$started" ] && [ "$(process_start_time "$pid")" = "$started" ]; then
        printf '%s\n' "$pid"
        return 0
    fi
    rm -f "$1"
    return 1
}

# process_launch PIDFILE LOG COMMAND...: in the background, in a session of its own.
process_launch() {
    local file=$1 log=$2 pid started
    shift 2
    setsid "$@" </dev/null >>"$log" 2>&1 9>&- &
    pid=$!
    started=$(process_start_time "$pid") || return 1
    printf '%s %s\n' "$pid" "$started" >"$file"
}

# process_stop PIDFILE SECONDS: asks; when the time is over asks for an end at once, then insists.
# Fails when asking once was not enough.
process_stop() {
    local pid
    pid=$(process_find "$1") || return 0
    kill -TERM "$pid" 2>/dev/null
    if process_wait_gone "$1" 1; then
        return 0
    fi
    say "Waiting for process $pid to finish what it has begun, $2 seconds at the most."
    if process_wait_gone "$1" "$2"; then
        return 0
    fi
    kill -TERM "$pid" 2>/dev/null
    if ! process_wait_gone "$1" 2; then
        kill -KILL -- "-$pid" "$pid" 2>/dev/null
        process_wait_gone "$1" 5
    fi
    return 1
}

# Removes the pid file, too.
process_wait_gone() {
    local tries=$(($2 * 50))
    while process_find "$1" >/dev/null; do
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.02
    done
}
