#!/usr/bin/env bash
# Prepares Debian 12 or Ubuntu 24.04 for building PrivMsg: checks for Rust and installs the system packages that are
# missing. Says what it does, and does nothing (silently, at once) where everything is there.
#
#   scripts/setup.sh [build|desktop|test|lint]     each includes the one before it
set -euo pipefail

# What each package is for:
#   build-essential   linker, and the C compiler for the SQLite and SQLCipher that are built from source
#   pkg-config        finds OpenSSL
#   libssl-dev        OpenSSL's libcrypto, which SQLCipher uses
build_packages=(build-essential pkg-config libssl-dev)
#   libgstreamer…     sound: recording and playing voice messages
#   gstreamer1.0-…    what it loads when it runs: conversions, devices of any kind, playing faster
desktop_packages=(libgstreamer1.0-dev gstreamer1.0-plugins-base gstreamer1.0-plugins-good gstreamer1.0-plugins-bad gstreamer1.0-pulseaudio)
#   curl              a test runs the documented curl examples
#   ca-certificates   for curl and cargo
#   nodejs, npm       run and fetch what is in tests/web; taken from the system's packages only if there are none
#   chromium          the browser that tests/blackbox drives; PRIVMSG_CHROMIUM names another one
#   chromium-driver   by which it is driven. Ubuntu has both as snaps only; there these tests say that they were not run
#   pebble            a real certificate authority for tests/blackbox
#   nginx-light       a real proxy in front of the server in tests/blackbox
#   coturn            a real relay for calls, which `doctor` tries in tests/blackbox
#   python3-venv      schemathesis, which scripts/api-check.sh installs with pip, lives in a folder of its own
test_packages=(curl ca-certificates nginx-light pebble coturn python3-venv)
lint_packages=(shellcheck)
#   cargo-deny        licences, sources and duplicates of what is built in (deny.toml); installed by cargo
cargo_deny_version=0.20.2

# Keep in step with `rust-version` in Cargo.toml.
min_rust_minor=91

# What tests/web and its packages need; as in its package.json.
min_node_major=18
web_tests="$(dirname "${BASH_SOURCE[0]}")/../tests/web"

say() { printf 'setup: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

add_web_packages() {
    local node
    node="$(node --version 2>/dev/null || true)" # v20.11.1
    if ! command -v npm >/dev/null || ! [[ "$node" =~ ^v([0-9]+) ]] || ((BASH_REMATCH[1] < min_node_major)); then
        test_packages+=(nodejs npm)
    fi
    ! grep -qsx 'ID=ubuntu' /etc/os-release || return 0
    [[ -x "${PRIVMSG_CHROMIUM:-/usr/bin/chromium}" ]] || test_packages+=(chromium)
    command -v chromedriver >/dev/null || test_packages+=(chromium-driver)
}

stage="${1:-build}"
[[ "$stage" == build || "$stage" == desktop ]] || add_web_packages
packages=("${build_packages[@]}")
case "$stage" in
    build) ;;
    desktop) packages+=("${desktop_packages[@]}") ;;
    test) packages+=("${desktop_packages[@]}" "${test_packages[@]}") ;;
    lint) packages+=("${desktop_packages[@]}" "${test_packages[@]}" "${lint_packages[@]}") ;;
    *) die "unknown stage '$stage' (build, desktop, test or lint)" ;;
esac

check_rust() {
    local hint="Get it from https://rustup.rs (Ubuntu 24.04 also has it: apt install rustup && rustup default stable), then run this again."
    local tool version
    for tool in cargo rustc; do
        command -v "$tool" >/dev/null || die "$tool not found. PrivMsg needs Rust 1.$min_rust_minor or newer. $hint"
    done
    version="$(rustc --version)" # rustc 1.91.0 (…)
    if [[ "$version" =~ ^rustc\ ([0-9]+)\.([0-9]+) ]]; then
        if ((BASH_REMATCH[1] == 1 && BASH_REMATCH[2] < min_rust_minor)); then
            die "found $version, but PrivMsg needs Rust 1.$min_rust_minor or newer. Try: rustup update stable. $hint"
        fi
    else
        say "cannot read the version of '$version', going on"
    fi
    if [[ "$stage" == lint ]]; then
        cargo fmt --version >/dev/null 2>&1 || die "rustfmt is missing: rustup component add rustfmt"
        cargo clippy --version >/dev/null 2>&1 || die "clippy is missing: rustup component add clippy"
    fi
}

installed() { [[ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" == installed ]]; }

as_root() {
    if ((EUID == 0)); then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        die "root is needed for: $*   (no sudo here; run that as root, then this again)"
    fi
}

install_packages() {
    if ! command -v dpkg-query >/dev/null || ! command -v apt-get >/dev/null; then
        command -v cc >/dev/null || die "not a Debian-like system, and no C compiler: install what ${packages[*]} stand for"
        return 0
    fi
    local package missing=()
    for package in "${packages[@]}"; do
        installed "$package" || missing+=("$package")
    done
    ((${#missing[@]})) || return 0
    say "installing ${missing[*]}"
    as_root apt-get update -qq || say "apt-get update failed, trying with the package lists that are here"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get -o Dpkg::Use-Pty=0 install -y -qq --no-install-recommends "${missing[@]}" >&2 ||
        die "could not install ${missing[*]}"
}

# npm leaves a copy of the lock file behind: it tells what is installed.
install_web_tests() {
    local installed="$web_tests/node_modules/.package-lock.json"
    [[ ! -e "$installed" || "$installed" -ot "$web_tests/package-lock.json" ]] || return 0
    command -v npm >/dev/null || die "npm not found; tests/web needs it, with Node.js $min_node_major or newer"
    say "installing the packages of tests/web"
    npm ci --prefix "$web_tests" --ignore-scripts --loglevel=error >&2 || die "could not install the packages of tests/web"
    touch "$installed"
}

# Some three minutes of compiling, once; fast enough to be part of every lint afterwards.
install_cargo_deny() {
    command -v cargo-deny >/dev/null && return 0
    say "installing cargo-deny $cargo_deny_version (minutes)"
    # In a folder of its own: what is to be built here must not be built with it.
    env -u CARGO_TARGET_DIR cargo install --quiet --locked --version "$cargo_deny_version" cargo-deny >&2 ||
        die "could not install cargo-deny"
}

check_rust
install_packages
if [[ "$stage" != build && "$stage" != desktop ]]; then
    install_web_tests
fi
if [[ "$stage" == lint ]]; then
    install_cargo_deny
fi
