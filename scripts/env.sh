# shellcheck shell=bash
# .env: made when there is none, and read without evaluating anything in it. Sourced.

# A private copy of .env.example with a master key and secrets that nobody else has.
env_create() {
    local file=$ML_ROOT/.env example=$ML_ROOT/.env.example key line
    if [ -e "$file" ] || [ ! -f "$example" ]; then # in a container there is neither
        return 0
    fi
    key=sk-$(env_random 24)
    (
        umask 077
        while IFS= read -r line || [ -n "$line" ]; do
            case $line in
            LITELLM_MASTER_KEY=*) printf '# (Made at random, in place of the sample.)\nLITELLM_MASTER_KEY="%s"\n' "$key" ;;
            *'="" # random') printf '%s="%s"\n' "${line%%=*}" "$(env_random 32)" ;;
            *) printf '%s\n' "$line" ;;
            esac
        done <"$example" >"$file.new"
        grep -q '^LITELLM_MASTER_KEY=' "$file.new" || printf 'LITELLM_MASTER_KEY="%s"\n' "$key" >>"$file.new"
    ) && mv "$file.new" "$file" || die "cannot write $file"
    say "Made .env from .env.example, with a random LITELLM_MASTER_KEY."
}

# env_random BYTES: in hexadecimal digits.
env_random() { od -An -v -N"$1" -tx1 /dev/urandom | tr -d ' \n'; }

# Exports the KEY=VALUE lines of a file. What the environment holds already wins.
env_load() {
    local file=$1 line number=0
    [ -r "$file" ] || die "cannot read $file"
    while IFS= read -r line || [ -n "$line" ]; do
        number=$((number + 1))
        env_take_line "${line%$'\r'}" || complain "$file:$number: not KEY=VALUE, ignored"
    done <"$file"
}

# env_take_line LINE [COMMAND]: COMMAND gets key and value; by default they are exported.
env_take_line() {
    local key value
    local blank='^[[:space:]]*(#.*)?$'
    local pair='^[[:space:]]*(export[[:space:]]+)?([A-Za-z_][A-Za-z0-9_]*)[[:space:]]*=[[:space:]]*(.*)$'
    [[ $1 =~ $blank ]] && return 0
    [[ $1 =~ $pair ]] || return 1
    key=${BASH_REMATCH[2]}
    value=$(env_value "${BASH_REMATCH[3]}") || return 1
    "${2:-env_export}" "$key" "$value"
}

# Quotes go; '…' is literal, "…" knows \" \\ and \$; without quotes a value ends at " #".
env_value() {
    local text=$1
    local single="^'([^']*)'[[:space:]]*(#.*)?\$"
    local double='^"(([^"\\]|\\.)*)"[[:space:]]*(#.*)?$'
    case $text in
    \'*)
        [[ $text =~ $single ]] || return 1
        printf '%s' "${BASH_REMATCH[1]}"
        ;;
    \"*)
        [[ $text =~ $double ]] || return 1
        printf '%s' "${BASH_REMATCH[1]}" | sed 's/\\\(["\\$]\)/\1/g'
        ;;
    '#'*) ;;
    *)
        text=${text%%[[:space:]]#*}
        printf '%s' "${text%"${text##*[![:space:]]}"}"
        ;;
    esac
}

# What the environment holds, the shell's read-only names (UID, …) and this script's own variables
# are left alone.
env_export() {
    local flags
    flags=$(declare -p "$1" 2>/dev/null)
    flags=${flags#declare -}
    case ${flags%% *} in
    *[rx]*) return 0 ;;
    esac
    case $1 in
    ML_* | IFS | BASH*) return 0 ;;
    esac
    export "$1=$2"
}
