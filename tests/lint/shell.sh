#!/bin/sh
# Every shell script of the repository passes shellcheck, and so do the files it sources.
set -eu
cd "$(dirname "$0")/../.."

scripts=$(find . \( -path './build*' -o -path ./.git -o -path ./run -o -name node_modules \) -prune \
    -o -type f -size -200k -exec awk '
        FNR == 1 && /^#!.*[\/ ](ba)?sh( |$)/ { print FILENAME }
        { nextfile }' {} +)
case $scripts in
*./manage-litellm.sh*) ;;
*) echo "found no scripts" >&2 && exit 1 ;;
esac
# shellcheck disable=SC2086  # a list of files
shellcheck --external-sources --check-sourced $scripts
