#!/usr/bin/env bash
# Checks that the portable core (privmsg-protocol, privmsg-e2ee) still compiles for browsers and for Android:
# wasm32-unknown-unknown and aarch64-linux-android. It type-checks (`cargo check`) and does not link, so neither a
# browser nor the Android NDK is needed.
#
#   scripts/check-targets.sh [target…]     default: both
#
# A target needs a standard library built for it. Two ways, tried in this order:
#   1. rustup has the target, or can fetch it.
#   2. No rustup, or no network to its server: Debian's rustc-web, cargo-web and rust-web-src (the backports of a current
#      Rust that Debian keeps for building browsers; 1.96 in Debian 12). The standard library is built from that source
#      with -Zbuild-std, which RUSTC_BOOTSTRAP=1 allows on a stable compiler. Needs root once, to install them.
#
# Quiet if all is well. Uses target/check-targets, apart from other builds; the second run takes seconds.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(-p privmsg-protocol -p privmsg-e2ee)
debian_packages=(rustc-web cargo-web rust-web-src)
# Keep in step with `rust-version` in Cargo.toml.
min_rust_minor=91
# A server that does not answer at once is not there.
rustup_timeout=120

targets=("$@")
if [ ${#targets[@]} -eq 0 ]; then
    targets=(wasm32-unknown-unknown aarch64-linux-android)
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

# Installs Debian's compiler and its source, once.
install_debian_rust() {
    if dpkg-query -W -f '${db:Status-Status}\n' "${debian_packages[@]}" 2>/dev/null | grep -cx installed |
        grep -qx "${#debian_packages[@]}"; then
        return 0
    fi
    command -v apt-get >/dev/null || die "no rustup target for $1, and no apt-get to install ${debian_packages[*]}."
    [ "$(id -u)" -eq 0 ] || die "no rustup target for $1. Run 'rustup target add $1', or as root 'apt-get install ${debian_packages[*]}'."
    say "installing ${debian_packages[*]}"
    apt-get update -qq >/dev/null || die "apt-get update failed."
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${debian_packages[@]}" >/dev/null ||
        die "could not install ${debian_packages[*]}."
}

# Runs cargo check for target $1 with Debian's compiler and a standard library built from source.
check_with_debian_rust() {
    install_debian_rust "$1"
    local rustc minor
    rustc="$(dpkg -L rustc-web | grep -E '/bin/rustc$' | head -n 1)"
    minor="$("$rustc" --version | cut -d. -f2)"
    [ "$minor" -ge "$min_rust_minor" ] || die "$rustc is Rust 1.$minor, and 1.$min_rust_minor is needed."
    PATH="$(dirname "$rustc"):$PATH" RUSTC="$rustc" RUSTC_BOOTSTRAP=1 \
        "$(dirname "$rustc")/cargo" check --quiet --locked -Zbuild-std=std,panic_abort "${packages[@]}" --target "$1"
}

for target in "${targets[@]}"; do
    if rustup_has "$target"; then
        cargo check --quiet --locked "${packages[@]}" --target "$target" || die "the core does not build for $target."
    else
        say "rustup cannot provide $target; building its standard library from Debian's source"
        check_with_debian_rust "$target" || die "the core does not build for $target."
    fi
done
