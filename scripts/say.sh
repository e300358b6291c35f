# shellcheck shell=bash
# Talking to whoever started the script. Sourced.

say() { printf '%s\n' "$*"; }

complain() { printf '%s: %s\n' "${ML_NAME:-manage-litellm}" "$*" >&2; }

die() {
    complain "$@"
    exit 1
}
