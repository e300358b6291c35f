#!/bin/sh
# Lays out the sources of the two libraries that Debian 12 has no -dev package for, as meson
# subprojects: llhttp's generated C (out of the package node-llhttp) and yyjson's C (out of the
# source archive of the Python package yyjson, the version that Debian 13 has). Nothing it writes
# is committed. Not needed where libllhttp-dev and libyyjson-dev are installed.
set -eu
cd "$(dirname "$0")"

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

fail() {
    echo "fetch.sh: $*" >&2
    [ ! -s "$scratch/log" ] || sed 's/^/    /' "$scratch/log" | tail -n 5 >&2
    exit 1
}

# The package is only unpacked, not installed: its dependencies are dozens of Node packages.
fetch_llhttp() {
    tree=/
    if [ ! -f /usr/share/llhttp/llhttp.c ]; then
        (cd "$scratch" && apt-get download -q node-llhttp) >"$scratch/log" 2>&1 ||
            fail "cannot fetch the package node-llhttp"
        tree=$scratch/node-llhttp
        dpkg-deb -x "$scratch"/node-llhttp_*.deb "$tree"
    fi
    install_sources llhttp "$tree"/usr/share/llhttp/*.c "$tree/usr/share/include/llhttp/llhttp.h"
}

fetch_yyjson() {
    echo 'yyjson==4.0.6 --hash=sha256:fcd4dc15c1e39a30bf9fa85d56903029111506860fc3080ab0d81c6c6dacaa8c' \
        >"$scratch/requirements"
    python3 -m pip download -q --disable-pip-version-check --no-deps --no-binary yyjson \
        --require-hashes -r "$scratch/requirements" -d "$scratch" >"$scratch/log" 2>&1 ||
        fail "cannot fetch the source of yyjson"
    tar -xzf "$scratch"/yyjson-4.0.6.tar.gz -C "$scratch"
    install_sources yyjson "$scratch"/yyjson-4.0.6/yyjson/yyjson.[ch]
}

# Moved into place as a whole: an interrupted run leaves nothing that looks finished.
install_sources() {
    name=$1
    shift
    rm -rf "./$name" "./$name.new"
    mkdir "./$name.new"
    cp "$@" "packagefiles/$name/meson.build" "./$name.new/"
    mv "./$name.new" "./$name"
}

is_there() { cmp -s "packagefiles/$1/meson.build" "$1/meson.build"; }

is_there llhttp || fetch_llhttp
is_there yyjson || fetch_yyjson
