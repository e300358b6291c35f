# shellcheck shell=bash
# Building with meson and ninja. Sourced.

# build/lintel and build/bedrock-sim, optimised. ninja decides what is out of date.
build_release() {
    packages_for_build
    packages_or_subprojects
    build_tree "$ML_BUILD" "lintel bedrock-sim" --buildtype=release -Dtests=false
}

# build_tree FOLDER "TARGETS" MESON-OPTIONS...: configures once, then compiles. TARGETS may be "all".
build_tree() {
    local folder=$1 targets=$2 log
    shift 2
    mkdir -p "$ML_RUN" || die "cannot write to $ML_RUN"
    log=$ML_RUN/$(basename "$folder").log
    : >"$log"
    if [ ! -f "$folder/build.ninja" ]; then
        say "Building in ${folder#"$ML_ROOT/"} (this takes a minute or two the first time)."
        build_configure "$folder" "$log" "$@" || build_failed "$log"
    fi
    # shellcheck disable=SC2086  # a list of targets
    ninja -C "$folder" $targets >>"$log" 2>&1 && return 0
    build_failed "$log"
}

# A folder that a broken or older meson left behind is started afresh.
build_configure() {
    local folder=$1 log=$2
    shift 2
    meson setup "$folder" "$ML_ROOT" "$@" >>"$log" 2>&1 ||
        meson setup --wipe "$folder" "$ML_ROOT" "$@" >>"$log" 2>&1
}

build_failed() {
    local reason
    reason=$(grep -m 1 -E '(^|[: ])(error|ERROR|fatal error): ' "$1" || tail -n 1 "$1")
    die "the build failed: $reason (see $1)"
}
