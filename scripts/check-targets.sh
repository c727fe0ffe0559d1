#!/usr/bin/env bash
# Checks that the core still builds for the systems that this one is not:
#
#   wasm32-unknown-unknown    privmsg-protocol, privmsg-e2ee: type-checked
#   aarch64-linux-android     these, and privmsg-store against a SQLCipher that is linked from outside: type-checked
#   x86_64-pc-windows-gnu     privmsg-store and privmsg-client with their tests: compiled and linked, SQLCipher, OpenSSL
#                             and ring included. The first time takes half an hour, most of it OpenSSL
#
#   scripts/check-targets.sh [target…]     default: all
#
# What cannot be tried here is said by name, as "NOT RUN". Otherwise quiet if all is well.
#
# A target needs a standard library built for it. Two ways, tried in this order:
#   1. rustup has the target, or can fetch it.
#   2. No rustup, or no network to its server: Debian's rustc-web, cargo-web and rust-web-src (the backports of a current
#      Rust that Debian keeps for building browsers; 1.96 in Debian 12). The standard library is built from that source
#      with -Zbuild-std, which RUSTC_BOOTSTRAP=1 allows on a stable compiler. Needs root once, to install them.
#
# Uses target/check-targets, apart from other builds; the second run takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

debian_packages=(rustc-web cargo-web rust-web-src)
# The linker and C compiler; what OpenSSL is built by.
windows_packages=(gcc-mingw-w64-x86-64 perl make)
# Keep in step with `rust-version` in Cargo.toml.
min_rust_minor=91
# A server that does not answer at once is not there.
rustup_timeout=120

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    targets=(wasm32-unknown-unknown aarch64-linux-android x86_64-pc-windows-gnu)
fi

export CARGO_TARGET_DIR="$PWD/target/check-targets"

say() { printf 'check-targets: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

# Whether rustup has the standard library of target $1, fetching it if need be.
rustup_has() {
    command -v rustup >/dev/null || return 1
    if rustup target list --installed 2>/dev/null | grep -qx "$1"; then
        return 0
    fi
    timeout "$rustup_timeout" rustup target add "$1" >/dev/null 2>&1
}

# Whether Debian's packages are installed, installing them if that can be done.
debian_has() {
    command -v dpkg-query >/dev/null || return 1
    if dpkg-query -W -f '${db:Status-Status}\n' "$@" 2>/dev/null | grep -cx installed | grep -qx "$#"; then
        return 0
    fi
    [ "$(id -u)" -eq 0 ] || return 1
    say "installing $*"
    apt-get update -qq >/dev/null || return 1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Sets `cargo` to the command that builds for target $1, with whatever it needs before it.
find_cargo() {
    if rustup_has "$1"; then
        cargo=(cargo)
        build_std=()
        return 0
    fi
    say "rustup cannot provide $1; building its standard library from Debian's source"
    debian_has "${debian_packages[@]}" ||
        die "no standard library for $1. Run 'rustup target add $1', or as root 'apt-get install ${debian_packages[*]}'."
    local rustc minor
    rustc="$(dpkg -L rustc-web | grep -E '/bin/rustc$' | head -n 1)"
    minor="$("$rustc" --version | cut -d. -f2)"
    [ "$minor" -ge "$min_rust_minor" ] || die "$rustc is Rust 1.$minor, and 1.$min_rust_minor is needed."
    cargo=(env "PATH=$(dirname "$rustc"):$PATH" "RUSTC=$rustc" RUSTC_BOOTSTRAP=1 "$(dirname "$rustc")/cargo")
    build_std=("-Zbuild-std=std,$2")
}

# Runs cargo: what it is to do, then the packages.
with_cargo() {
    "${cargo[@]}" "$1" --quiet --locked "${build_std[@]}" --target "$target" "${@:2}" || die "the core does not build for $target."
}

check_wasm() {
    find_cargo "$target" panic_abort
    with_cargo check -p privmsg-protocol -p privmsg-e2ee
}

check_android() {
    find_cargo "$target" panic_abort
    with_cargo check -p privmsg-protocol -p privmsg-e2ee
    # An application links the SQLCipher that its makers publish for Android. Nothing is linked here, so that any folder
    # will do, and no C compiler of the NDK is needed.
    LIBSQLITE3_SYS_USE_PKG_CONFIG=1 SQLCIPHER_LIB_DIR="$CARGO_TARGET_DIR" SQLCIPHER_INCLUDE_DIR="$CARGO_TARGET_DIR" \
        with_cargo check -p privmsg-store
    say "NOT RUN: privmsg-client for $target (ring is built by the NDK's C compiler)"
}

check_windows() {
    if ! debian_has "${windows_packages[@]}" && ! { command -v x86_64-w64-mingw32-gcc && command -v perl && command -v make; } >/dev/null; then
        say "NOT RUN: privmsg-store and privmsg-client for $target (as root: apt-get install ${windows_packages[*]})"
        return 0
    fi
    find_cargo "$target" panic_unwind
    with_cargo test --no-run --lib -p privmsg-store -p privmsg-client
}

for target in "${targets[@]}"; do
    case "$target" in
        wasm32-*) check_wasm ;;
        *-android*) check_android ;;
        *-windows-gnu) check_windows ;;
        *) die "nothing is known of $target" ;;
    esac
done
