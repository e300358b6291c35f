#!/bin/sh
# Lays out the sources of the two libraries that Debian 12 has no -dev package for, as meson
# subprojects: llhttp's generated C (package node-llhttp) and yyjson's C (source archive of the
# Python package yyjson). Nothing it writes is committed. Debian 13 packages both: not needed there.
set -eu
cd "$(dirname "$0")"

if [ ! -f llhttp/llhttp.c ]; then
    [ -f /usr/share/llhttp/llhttp.c ] || { echo "fetch.sh: install the package node-llhttp first" >&2; exit 1; }
    mkdir -p llhttp
    cp /usr/share/llhttp/*.c /usr/share/include/llhttp/llhttp.h llhttp/
fi
if [ ! -f yyjson/yyjson.c ]; then
    tmp=$(mktemp -d)
    trap 'rm -rf "$tmp"' EXIT
    PIP_DISABLE_PIP_VERSION_CHECK=1 python3 -m pip download -q --no-deps \
        --no-binary :all: -d "$tmp" 'yyjson==4.0.6' || { echo "fetch.sh: cannot fetch the yyjson source" >&2; exit 1; }
    tar -xzf "$tmp"/yyjson-*.tar.gz -C "$tmp"
    mkdir -p yyjson
    cp "$tmp"/yyjson-*/yyjson/yyjson.[ch] yyjson/
fi
cp packagefiles/llhttp/meson.build llhttp/
cp packagefiles/yyjson/meson.build yyjson/
