# shellcheck shell=bash
# Real or simulated Bedrock? Sourced.

# Prints where AWS credentials come from, or fails when there are none anywhere.
credentials_find() {
    local source status
    source=$("$ML_BUILD/lintel" credentials "$1" 2>/dev/null)
    status=$?
    if [ $status -eq 0 ]; then
        printf '%s\n' "$source"
    elif [ $status -eq 3 ]; then
        credentials_of_instance
    else
        printf 'unknown\n'
    fi
}

# An EC2 instance profile. A machine that is none is known after a second at the most.
credentials_of_instance() {
    local endpoint=${AWS_EC2_METADATA_SERVICE_ENDPOINT:-http://169.254.169.254} token role
    case ${AWS_EC2_METADATA_DISABLED:-} in
    [Tt][Rr][Uu][Ee] | 1) return 1 ;;
    esac
    endpoint=${endpoint%/}/latest
    token=$(credentials_ask -X PUT -H 'x-aws-ec2-metadata-token-ttl-seconds: 60' \
        "$endpoint/api/token") || return 1
    role=$(credentials_ask -H "x-aws-ec2-metadata-token: $token" \
        "$endpoint/meta-data/iam/security-credentials/") || return 1
    [ -n "$role" ] && printf 'instance profile %s\n' "${role%%$'\n'*}"
}

credentials_ask() { curl -fsS --noproxy '*' --max-time 1 "$@" 2>/dev/null; }
