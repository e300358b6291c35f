# shellcheck shell=bash
# Lintel as a service: start, stop, restart, status, logs, run. Sourced.
#
# run/ holds lintel.pid, lintel.state (what the running one was started with), lintel.log,
# handover.sock (by which the next one takes its place), lintel.N.pid of those that still finish what
# they have begun, and, with a simulated Bedrock, bedrock-sim.pid and bedrock-sim.log.

ML_PID=$ML_RUN/lintel.pid
ML_STATE=$ML_RUN/lintel.state
ML_LOG=$ML_RUN/lintel.log
ML_HANDOVER=$ML_RUN/handover.sock
ML_SIM_PID=$ML_RUN/bedrock-sim.pid
ML_SIM_LOG=$ML_RUN/bedrock-sim.log
ML_SIM_ID=AKIASIMULATEDBEDROCK
ML_SIM_SECRET=simulated-bedrock-secret-key

ML_READY_SECONDS=15
ML_STOP_SECONDS=${LINTEL_STOP_SECONDS:-60}
ML_LOG_BYTES=$((64 * 1024 * 1024)) # a longer log is set aside at the next start

# ---- the commands -------------------------------------------------------------------------------

service_start() {
    local pid
    service_lock
    if pid=$(process_find "$ML_PID"); then
        say "Lintel runs already (pid $pid) at $(service_state url)."
        return 0
    fi
    service_prepare
    service_bring_up
}

# What cannot start is found out while the old one still serves. At the same address the new one
# takes the old one's place without a break, if both can.
service_restart() {
    service_lock
    service_prepare
    if [ "$ML_URL" = "$(service_state url)" ]; then
        if service_can_take_place; then
            service_take_place
            return
        fi
    else
        service_refuse_taken_port
    fi
    service_take_down
    service_bring_up
}

service_can_take_place() {
    [ -S "$ML_HANDOVER" ] && process_find "$ML_PID" >/dev/null
}

service_take_place() {
    local before old
    old=$(process_find "$ML_PID")
    service_choose_bedrock keep
    service_rotate_log
    service_command
    before=$(stat -c %s "$ML_LOG" 2>/dev/null || echo 0)
    mv "$ML_PID" "$ML_RUN/lintel.$old.pid"
    if ! process_launch "$ML_PID" "$ML_LOG" "${ML_COMMAND[@]}" || ! service_wait_taken "$before"; then
        process_stop "$ML_PID" 5
        mv "$ML_RUN/lintel.$old.pid" "$ML_PID"
        die "Lintel did not start: $(service_last_words "$before") (the one before goes on)"
    fi
    service_note_state
    service_tell "$before"
    process_find "$ML_RUN/lintel.$old.pid" >/dev/null &&
        say "The one before (pid $old) takes no new requests and ends when its last one has."
    return 0
}

# service_wait_taken BYTES-OF-THE-LOG-BEFORE
service_wait_taken() {
    local tries=$((ML_READY_SECONDS * 20))
    while process_find "$ML_PID" >/dev/null; do
        service_words "$1" | grep -q "takes this one's place" && service_answers "$ML_URL" && return 0
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

service_stop() {
    service_lock
    if process_find "$ML_PID" >/dev/null; then
        service_take_down
        say "Lintel has stopped."
    else
        service_take_down
        say "Lintel does not run."
    fi
}

# The running process says in its log whether it took the file.
service_reload() {
    local pid before tries=100
    service_lock
    if ! pid=$(process_find "$ML_PID"); then
        say "Lintel does not run."
        exit 3
    fi
    before=$(stat -c %s "$ML_LOG")
    kill -HUP "$pid"
    until service_words "$before" | grep -q 'configuration is'; do
        [ $tries -gt 0 ] || die "Lintel does not say whether it has read $(service_state config): see $ML_LOG"
        tries=$((tries - 1))
        sleep 0.05
    done
    if service_words "$before" | grep -q 'configuration is not changed'; then
        service_words "$before" >&2
        die "$(service_state config) is not taken over"
    fi
    say "Lintel has read $(service_state config) again."
}

service_status() {
    local pid
    if ! pid=$(process_find "$ML_PID"); then
        say "Lintel does not run."
        exit 3
    fi
    say "Lintel runs (pid $pid) at $(service_state url)."
    say "  Bedrock        $(service_state bedrock)"
    say "  configuration  $(service_state config)"
    say "  log            $(service_state log)"
    service_answers "$(service_state probe)" || say "  NOT READY: it does not answer /health/readiness"
    if [ "$(service_state bedrock)" = simulated ] && ! process_find "$ML_SIM_PID" >/dev/null; then
        say "  The simulated Bedrock has died: ./manage-litellm.sh restart"
    fi
}

service_logs() {
    [ -f "$ML_LOG" ] || die "there is no log yet: $ML_LOG"
    exec tail -n 200 ${ML_FOLLOW:+-F} "$ML_LOG"
}

# In the foreground. A simulated Bedrock ends with the gateway, whichever way that ends.
service_run() {
    local status child interrupted=yes
    service_lock
    process_find "$ML_PID" >/dev/null && die "Lintel runs already at $(service_state url)"
    service_prepare
    service_refuse_taken_port
    service_choose_bedrock
    ML_LOG='standard output' service_note_state
    printf '%s %s\n' $$ "$(process_start_time $$)" >"$ML_PID"
    exec 9>&-
    service_command
    [ "$ML_BEDROCK" = simulated ] || exec "${ML_COMMAND[@]}"
    service_tell_simulated
    "${ML_COMMAND[@]}" &
    child=$!
    trap 'interrupted=yes; kill -TERM "$child"' TERM INT
    while [ -n "$interrupted" ]; do # a signal ends `wait` early
        interrupted=
        wait "$child"
        status=$?
    done
    process_stop "$ML_SIM_PID" 5
    rm -f "$ML_PID" "$ML_STATE"
    exit "$status"
}

# ---- before the start ---------------------------------------------------------------------------

# One start or stop at a time.
service_lock() {
    mkdir -p "$ML_RUN" && exec 9>"$ML_RUN/lock" || die "cannot write to $ML_RUN"
    flock -w 300 9 || die "another start or stop has been at work for five minutes"
}

# Everything that can fail while nothing runs yet.
service_prepare() {
    [ ! -f "$ML_ROOT/meson.build" ] || build_release
    [ -x "$ML_BUILD/lintel" ] || die "there is no $ML_BUILD/lintel"
    env_create
    [ ! -f "$ML_ROOT/.env" ] || env_load "$ML_ROOT/.env"
    service_settle_address
    ML_CONFIG=$(service_find_config "${ML_CONFIG_WANTED:-${CONFIG_FILE:-default_config.yml}}") || exit 1
    "$ML_BUILD/lintel" check "$ML_CONFIG" >/dev/null || die "the configuration $ML_CONFIG has errors"
}

service_settle_address() {
    local reach scheme=http
    ML_HOST=${ML_HOST_WANTED:-${HOST:-127.0.0.1}}
    ML_PORT=${ML_PORT_WANTED:-${PORT:-4000}}
    [[ $ML_PORT =~ ^[0-9]{1,5}$ ]] && [ "$ML_PORT" -ge 1 ] && [ "$ML_PORT" -le 65535 ] ||
        die "not a port: $ML_PORT"
    case $ML_HOST in
    0.0.0.0) reach=127.0.0.1 ;;
    ::) reach=::1 ;;
    *) reach=$ML_HOST ;;
    esac
    ML_REACH=$reach
    [[ $reach == *:* ]] && reach="[$reach]"
    [ -z "${SSL_CERTFILE_PATH:-}" ] || scheme=https
    ML_URL=$scheme://$reach:$ML_PORT
}

# A path, or the name of a file in conf/, with or without its ending.
service_find_config() {
    local wanted=$1 file
    for file in "$wanted" "$ML_ROOT/$wanted" "$ML_ROOT/conf/$wanted" "$ML_ROOT/conf/$wanted.yml" \
        "$ML_ROOT/conf/$wanted.yaml"; do
        if [ -f "$file" ]; then
            readlink -f "$file"
            return 0
        fi
    done
    die "no such configuration: $wanted (conf/ has: $(service_config_names))"
}

service_config_names() {
    local file names=()
    for file in "$ML_ROOT"/conf/*.y*ml; do
        [ -f "$file" ] && names+=("${file##*/}")
    done
    printf '%s' "${names[*]-}"
}

# ---- up and down --------------------------------------------------------------------------------

service_bring_up() {
    service_refuse_taken_port
    trap 'service_give_up interrupted' INT TERM
    service_choose_bedrock
    service_rotate_log
    service_command
    local before
    before=$(stat -c %s "$ML_LOG" 2>/dev/null || echo 0)
    process_launch "$ML_PID" "$ML_LOG" "${ML_COMMAND[@]}" && service_wait_ready ||
        service_give_up "$(service_last_words "$before")"
    trap - INT TERM
    service_note_state
    service_tell "$before"
}

service_command() {
    ML_COMMAND=("$ML_BUILD/lintel" --config "$ML_CONFIG" --host "$ML_HOST" --port "$ML_PORT"
        "${ML_ARGS[@]}")
    [ ${#ML_HANDOVER} -ge 108 ] || ML_COMMAND+=(--handover "$ML_HANDOVER") # the kernel's limit
}

service_refuse_taken_port() {
    if timeout 1 bash -c ": </dev/tcp/$ML_REACH/$ML_PORT" 2>/dev/null; then
        die "port $ML_PORT is taken by another program (another one: --port N, or PORT in .env)"
    fi
}

# Sets ML_BEDROCK; without credentials starts the simulated Bedrock and points the gateway to it.
# With `keep` one that runs goes on: somebody may be streaming from it.
service_choose_bedrock() {
    if ML_BEDROCK=$(credentials_find "$ML_CONFIG"); then
        return 0
    fi
    ML_BEDROCK=simulated
    local url
    if [ "${1:-}" != keep ] || ! process_find "$ML_SIM_PID" >/dev/null; then
        : >"$ML_SIM_LOG"
        process_stop "$ML_SIM_PID" 5
        process_launch "$ML_SIM_PID" "$ML_SIM_LOG" "$ML_BUILD/bedrock-sim" --host 127.0.0.1 --port 0 \
            --credentials "$ML_SIM_ID:$ML_SIM_SECRET"
    fi
    url=$(service_sim_url) || service_give_up "the simulated Bedrock: $(tail -n 1 "$ML_SIM_LOG")"
    export LINTEL_SIMULATED=1 AWS_BEDROCK_RUNTIME_ENDPOINT=$url
    export AWS_ACCESS_KEY_ID=$ML_SIM_ID AWS_SECRET_ACCESS_KEY=$ML_SIM_SECRET
    [ -n "${AWS_REGION:-}" ] || export AWS_REGION=us-east-1
    unset AWS_SESSION_TOKEN AWS_SECURITY_TOKEN AWS_PROFILE AWS_DEFAULT_PROFILE AWS_BEARER_TOKEN_BEDROCK
}

service_sim_url() {
    local tries=100 line
    while [ $tries -gt 0 ]; do
        while read -r line; do
            case $line in
            'listening on http'*)
                printf '%s\n' "${line#listening on }"
                return 0
                ;;
            esac
        done <"$ML_SIM_LOG"
        process_find "$ML_SIM_PID" >/dev/null || return 1
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

service_wait_ready() {
    local tries=$((ML_READY_SECONDS * 20))
    while process_find "$ML_PID" >/dev/null; do
        service_answers "$ML_URL" && return 0
        [ $tries -gt 0 ] || return 1
        tries=$((tries - 1))
        sleep 0.05
    done
    return 1
}

# The certificate is for the name that clients use, not for this address.
service_answers() {
    curl -fsSk --noproxy '*' --max-time 2 -o /dev/null "$1/health/readiness" 2>/dev/null
}

# What lintel has said since the log had that many bytes.
service_words() { tail -c "+$(($1 + 1))" "$ML_LOG" 2>/dev/null | grep -v '^[[:space:]]*$'; }

service_last_words() {
    local line
    line=$(service_words "$1" | tail -n 1)
    printf '%s' "${line:-it was not ready after $ML_READY_SECONDS seconds (see $ML_LOG)}"
}

service_give_up() {
    trap - INT TERM
    process_stop "$ML_PID" 5
    process_stop "$ML_SIM_PID" 5
    rm -f "$ML_STATE"
    die "Lintel did not start: $1"
}

service_take_down() {
    local pid_file
    for pid_file in "$ML_RUN"/lintel.*.pid; do # these end by themselves; asking again would cut them
        process_wait_gone "$pid_file" "$ML_STOP_SECONDS" && continue
        process_stop "$pid_file" 2
        complain "an earlier Lintel had requests to finish: ended by force"
    done
    process_stop "$ML_PID" "$ML_STOP_SECONDS" ||
        complain "some requests were not finished after $ML_STOP_SECONDS seconds: ended by force"
    process_stop "$ML_SIM_PID" 5
    rm -f "$ML_STATE"
}

service_rotate_log() {
    [ "$(stat -c %s "$ML_LOG" 2>/dev/null || echo 0)" -le "$ML_LOG_BYTES" ] ||
        mv "$ML_LOG" "$ML_LOG.1"
}

# ---- telling ------------------------------------------------------------------------------------

service_note_state() {
    {
        printf 'url %s\nprobe %s\n' "$ML_URL" "$ML_URL"
        printf 'bedrock %s\nconfig %s\nlog %s\n' "$ML_BEDROCK" "$ML_CONFIG" "$ML_LOG"
    } >"$ML_STATE"
}

service_state() { sed -n "s/^$1 //p" "$ML_STATE" 2>/dev/null; }

service_tell_simulated() {
    cat >&2 <<'EOF'
********************************************************************************
*  SIMULATED BEDROCK: there are no AWS credentials, so a stand-in on this      *
*  machine answers instead of Amazon Bedrock. No model is asked.               *
*  For the real one set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in .env,   *
*  or use a profile or an instance role; then: ./manage-litellm.sh restart     *
********************************************************************************
EOF
}

# service_tell BYTES-OF-THE-LOG-BEFORE
service_tell() {
    local models key
    [ "$ML_BEDROCK" != simulated ] || service_tell_simulated
    service_words "$1" | grep WARNING | grep -v 'SIMULATED BEDROCK' >&2
    mapfile -t models < <("$ML_BUILD/lintel" models "$ML_CONFIG" 2>/dev/null)
    key=$(service_key)
    say "Lintel runs (pid $(process_find "$ML_PID"))."
    say "  URL            $ML_URL"
    say "  key            ${key:-none is asked for}"
    say "  models         $(service_join "${models[@]-}")"
    say "  Bedrock        $ML_BEDROCK"
    say "  configuration  $ML_CONFIG"
    say "  log            $ML_LOG"
    say "Try:"
    service_curl_line "$key" "${models[0]-}"
}

service_join() {
    local all
    all=$(printf ', %s' "$@")
    printf '%s' "${all#, }"
}

service_curl_line() {
    local key=$1 model=$2 line
    line="curl $ML_URL/v1/chat/completions -H 'Content-Type: application/json'"
    [ -z "$key" ] || line+=" -H $(service_quote "Authorization: Bearer $key")"
    line+=" -d $(service_quote "{\"model\": \"$model\", \"messages\": [{\"role\": \"user\", \"content\": \"Hello\"}]}")"
    say "  $line"
}

# In single quotes, for a shell.
service_quote() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

# The master key: written out in general_settings of the configuration, or LITELLM_MASTER_KEY.
service_key() {
    local key
    key=$(awk '
        /^[^ #]/ { inside = /^general_settings:/ }
        inside && /^ +master_key:/ {
            sub(/^ +master_key: */, ""); sub(/ +#.*$/, ""); gsub(/^["\x27]|["\x27] *$/, ""); print; exit
        }' "$ML_CONFIG")
    case $key in
    os.environ/*)
        key=${key#os.environ/}
        key=${!key:-}
        ;;
    '') key=${LITELLM_MASTER_KEY:-} ;;
    esac
    printf '%s' "$key"
}
