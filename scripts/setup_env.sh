#!/bin/bash
# setup_env.sh: puts the AWS keys of a profile in ~/.aws/credentials into .env.
#
# Happy path: .env is made from .env.example when there is none; the keys of the profile (cline, or
# the one that is named) and its region replace what stands there, and CONFIG_FILE becomes
# access_key_config.yml. A profile without keys of its own (a role, SSO, credential_process) is named
# in AWS_PROFILE instead: Lintel gets its credentials itself.
# What goes wrong is said in one line, and .env stays as it was. No secret is ever shown.

set -u -o pipefail
ML_ROOT=$(dirname "$(dirname "$(readlink -f "$0")")")
ML_NAME=setup_env

# shellcheck source=scripts/say.sh
. "$ML_ROOT/scripts/say.sh"
# shellcheck source=scripts/env.sh
. "$ML_ROOT/scripts/env.sh"

CREDENTIALS=${AWS_SHARED_CREDENTIALS_FILE:-$HOME/.aws/credentials}
CONFIG=${AWS_CONFIG_FILE:-$HOME/.aws/config}

usage() {
    cat <<EOF
Usage: scripts/setup_env.sh [PROFILE]

Fills .env from the profile PROFILE (default: cline) of ~/.aws/credentials and ~/.aws/config.
EOF
}

# profile_get FILE SECTION KEY: the last value of a key in a section; nothing when there is none.
profile_get() {
    [ -r "$1" ] || return 0
    SECTION=$2 KEY=$3 awk '
        { sub(/\r$/, "") }
        /^[ \t]*[#;]/ { next }
        /^\[/ {
            name = $0; sub(/^\[[ \t]*/, "", name); sub(/[ \t]*\].*$/, "", name)
            inside = name == ENVIRON["SECTION"]; next
        }
        inside && /^[^ \t]/ && index($0, "=") {
            key = substr($0, 1, index($0, "=") - 1); value = substr($0, index($0, "=") + 1)
            gsub(/^[ \t]+|[ \t]+$/, "", key); gsub(/^[ \t]+|[ \t]+$/, "", value)
            if (tolower(key) == ENVIRON["KEY"]) found = value
        }
        END { printf "%s", found }' "$1"
}

# of_profile KEY: what the credentials file says of the profile, else the config file.
of_profile() {
    local value section="profile $PROFILE"
    [ "$PROFILE" != default ] || section=default
    value=$(profile_get "$CREDENTIALS" "$PROFILE" "$1")
    printf '%s' "${value:-$(profile_get "$CONFIG" "$section" "$1")}"
}

profile_exists() {
    [ -r "$CREDENTIALS" ] && grep -qE "^\[[[:space:]]*${PROFILE//./\\.}[[:space:]]*\]" "$CREDENTIALS" && return 0
    [ -r "$CONFIG" ] && grep -qE "^\[[[:space:]]*(profile[[:space:]]+)?[\"']?${PROFILE//./\\.}[\"']?[[:space:]]*\]" "$CONFIG"
}

# settings_write NAME VALUE …: .env with these lines in the place of the old ones.
settings_write() {
    local file=$ML_ROOT/.env
    (
        umask 077
        cp "$file" "$file.new" || exit 1
        while [ $# -gt 0 ]; do
            NAME=$1 VALUE=$2 awk '
                $0 ~ "^#?[ \t]*(export[ \t]+)?" ENVIRON["NAME"] "[ \t]*=" && !done {
                    print ENVIRON["NAME"] "=\"" ENVIRON["VALUE"] "\""; done = 1; next
                }
                $0 ~ "^(export[ \t]+)?" ENVIRON["NAME"] "[ \t]*=" { next }
                { print }
                END { if (!done) print ENVIRON["NAME"] "=\"" ENVIRON["VALUE"] "\"" }' \
                "$file.new" >"$file.next" && mv "$file.next" "$file.new" || exit 1
            shift 2
        done
    ) && mv "$file.new" "$file" || die "cannot write $file"
}

check_value() {
    [[ $2 =~ ^[A-Za-z0-9/+=_.:-]*$ ]] || die "the $1 of profile $PROFILE holds characters that none has"
}

main() {
    local id secret token region other
    case ${1:-} in
    -h | --help)
        usage
        exit 0
        ;;
    -*)
        usage >&2
        exit 2
        ;;
    esac
    PROFILE=${1:-cline}
    [[ $PROFILE =~ ^[A-Za-z0-9_.@+-]+$ ]] || die "not the name of a profile: $PROFILE"
    profile_exists || die "there is no profile [$PROFILE] in $CREDENTIALS (make one: aws configure --profile $PROFILE)"
    id=$(of_profile aws_access_key_id) secret=$(of_profile aws_secret_access_key)
    token=$(of_profile aws_session_token) region=$(of_profile region)
    check_value 'access key id' "$id"
    check_value 'secret access key' "$secret"
    check_value 'session token' "$token"
    check_value region "$region"
    [ -z "$id" ] || [ -n "$secret" ] || die "profile [$PROFILE] has an access key id, but no secret access key"
    [ -n "$id" ] || [ -z "$secret" ] || die "profile [$PROFILE] has a secret access key, but no access key id"
    env_create
    [ -f "$ML_ROOT/.env" ] || die "there is no .env, and no .env.example to make it from"
    if [ -n "$id" ]; then
        other="access_key_config.yml"
        settings_write AWS_ACCESS_KEY_ID "$id" AWS_SECRET_ACCESS_KEY "$secret" AWS_SESSION_TOKEN "$token" \
            CONFIG_FILE "$other"
        say "The keys of profile [$PROFILE] are in .env, CONFIG_FILE is $other."
    else
        settings_write AWS_ACCESS_KEY_ID "" AWS_SECRET_ACCESS_KEY "" AWS_SESSION_TOKEN "" AWS_PROFILE "$PROFILE" \
            CONFIG_FILE iam_role_config.yml
        say "Profile [$PROFILE] has no keys of its own: .env names it in AWS_PROFILE, CONFIG_FILE is iam_role_config.yml."
    fi
    [ -z "$region" ] || settings_write AWS_REGION_NAME "$region"
    [ -z "$token" ] || say "These keys are temporary: run this again when they have expired."
    say "Next: ./manage-litellm.sh start"
}

main "$@"
