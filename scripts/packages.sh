# shellcheck shell=bash
# Debian packages: only what is missing is installed. Sourced.
#
# A row: how to tell that it is there already (from whatever source) → the package that brings it.
# cmd:NAME is a command, pc:NAME a pkg-config module, file:PATH a file,
# clang:PATH a file of clang's own, py:NAME a Python module.

ML_BUILD_PACKAGES='
cmd:gcc gcc
file:/usr/include/stdio.h libc6-dev
cmd:meson meson
cmd:ninja ninja-build
cmd:pkg-config pkgconf
cmd:curl curl
file:/etc/ssl/certs/ca-certificates.crt ca-certificates
pc:libuv libuv1-dev
pc:libcurl libcurl4-openssl-dev
pc:yaml-0.1 libyaml-dev
pc:libcrypto libssl-dev
pc:zlib zlib1g-dev
pc:hiredis libhiredis-dev
pc:libsodium libsodium-dev
pc:libpcre2-8 libpcre2-dev
file:/usr/include/mbedtls/md.h libmbedtls-dev
pc:sqlite3 libsqlite3-dev
pc:libpq libpq-dev
pc:libmariadb libmariadb-dev
file:/usr/share/javascript/chart.js/chart.min.js libjs-chart.js
'

ML_TEST_PACKAGES='
pc:cmocka libcmocka-dev
cmd:clang clang
clang:include/sanitizer/asan_interface.h libclang-rt-dev
cmd:clang-tidy clang-tidy
cmd:nginx nginx-light
cmd:psql postgresql
file:/usr/sbin/mariadbd mariadb-server
cmd:mariadb mariadb-client
cmd:redis-server redis-server
cmd:node nodejs
cmd:npm npm
cmd:shellcheck shellcheck
cmd:git git
cmd:ss iproute2
cmd:openssl openssl
py:ensurepip python3-venv
cmd:docker-compose docker-compose
cmd:chromium chromium
cmd:systemd-analyze systemd
cmd:prometheus prometheus
'

packages_for_build() { packages_ensure "$ML_BUILD_PACKAGES"; }

packages_for_tests() { packages_ensure "$ML_TEST_PACKAGES"; }

# Installs the packages of the rows whose probe finds nothing.
packages_ensure() {
    local probe package missing=()
    while read -r probe package; do
        [ -z "$probe" ] || packages_found "$probe" || missing+=("$package")
    done <<<"$1"
    [ ${#missing[@]} -eq 0 ] || packages_install "${missing[@]}"
}

packages_found() {
    case $1 in
    cmd:nginx) command -v nginx >/dev/null || [ -x /usr/sbin/nginx ] ;;
    cmd:*) command -v "${1#cmd:}" >/dev/null ;;
    pc:*) pkg-config --exists "${1#pc:}" 2>/dev/null ;;
    file:*) [ -e "${1#file:}" ] ;;
    clang:*) [ -e "$(clang -print-resource-dir 2>/dev/null)/${1#clang:}" ] ;;
    py:*) python3 -c "import ${1#py:}" 2>/dev/null ;;
    esac
}

packages_install() {
    local log=$ML_RUN/packages.log reason
    command -v apt-get >/dev/null ||
        die "missing, and there is no apt-get to install it with: $* (Debian's names)"
    mkdir -p "$ML_RUN" && : >"$log" || die "cannot write $log"
    say "Installing: $*"
    packages_known "$1" || packages_update "$log"
    packages_apt "$log" install "$@" && return 0
    packages_update "$log"
    packages_apt "$log" install "$@" && return 0
    reason=$(grep -E '^(E|W|sudo): *' "$log" | tail -n 1)
    die "cannot install $* (${reason:-see $log})"
}

# An empty list of packages (a fresh image) knows nothing.
packages_known() { [ -n "$(apt-cache show --no-all-versions "$1" 2>/dev/null)" ]; }

packages_update() { packages_apt "$1" update || true; }

# As root; through sudo, which may only ask for a password where there is someone to ask.
packages_apt() {
    local log=$1 become=()
    shift
    if [ "$(id -u)" -ne 0 ]; then
        if command -v sudo >/dev/null; then
            become=(sudo)
            [ -t 0 ] || become+=(-n)
        else
            say "E: neither root nor sudo" >>"$log"
            return 1
        fi
    fi
    "${become[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -q --no-install-recommends \
        -o DPkg::Lock::Timeout=120 "$@" >>"$log" 2>&1 </dev/null
}

# As subprojects/fetch.sh sees it: what it did not finish has no meson.build.
packages_laid_out() {
    cmp -s "$ML_ROOT/subprojects/packagefiles/$1/meson.build" "$ML_ROOT/subprojects/$1/meson.build"
}

# Debian 12 has no -dev packages of these two: their sources are laid out as subprojects.
packages_or_subprojects() {
    local lacking=()
    pkg-config --exists libllhttp || packages_laid_out llhttp || lacking+=(libllhttp-dev)
    pkg-config --exists yyjson || packages_laid_out yyjson || lacking+=(libyyjson-dev)
    [ ${#lacking[@]} -gt 0 ] || return 0
    mkdir -p "$ML_RUN"
    packages_known libc6-dev || packages_update "$ML_RUN/packages.log"
    if packages_known libllhttp-dev && packages_known libyyjson-dev; then
        packages_install "${lacking[@]}"
    else
        packages_ensure 'cmd:dpkg-deb dpkg
            py:pip python3-pip'
        say "Fetching the sources of llhttp and yyjson, which this release does not package."
        "$ML_ROOT/subprojects/fetch.sh" || die "cannot lay out the sources of llhttp and yyjson"
    fi
}
