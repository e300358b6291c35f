#!/bin/sh
# The same program under the other name that it is known by.
exec "$(dirname "$(readlink -f "$0")")/manage-litellm.sh" "$@"
