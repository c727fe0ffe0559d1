#!/usr/bin/env bash
# Runs the two commands of the README on bare systems: `make run` until the server answers, then `make test`. A system is
# made by debootstrap in a folder, with `make` and the Rust of this machine added, and nothing else; what has been
# committed is cloned into it.
#
#   scripts/bare-check.sh [debian] [ubuntu]     Debian 12, Ubuntu 24.04; default: both
#
# Needs root and debootstrap, several GB below target/bare-check, and an hour or more. What cannot be tried is said by
# name, as "NOT RUN": systems whose mirror cannot be reached, and tests that said so themselves.
#
# The systems are asked for packages where this machine asks: its sources of Debian, its proxies, its certificates, and
# the configuration of cargo, npm and pip are taken along.
#
# The folder becomes the root by pivot_root in a mount namespace, as in a container: after a chroot the kernel grants no
# user namespaces, which the test of the full disk needs.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

source_tree="$PWD"
work="$source_tree/target/bare-check"
# A mirror that says nothing is not there.
mirror_timeout=60
# From the beginning to a server that listens: half an hour is ample for a machine that has two cores and other work.
run_timeout=3600
port=9443

say() { printf 'bare-check: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

# Debian's own among the sources of this machine, as lines for sources.list. Others, such as a newer Node.js, are not bare.
own_sources() {
    # shellcheck disable=SC2016 # These are names of apt's, not the shell's.
    apt-get indextargets --format 'deb $(REPO_URI) $(RELEASE) $(COMPONENT)|$(ORIGIN)|$(CODENAME)' 'Created-By: Packages' 2>/dev/null |
        awk -F '|' -v release="$1" '$2 == "Debian" && index($3, release) == 1 { print $1 }' | sort -u
}

# Scripts for releases that are newer than debootstrap: those of one distribution are made alike.
scripts_for() {
    local from=/usr/share/debootstrap
    [[ ! -e "$from/scripts/$1" ]] || return 0
    export DEBOOTSTRAP_DIR="$work/debootstrap"
    rm -rf "$DEBOOTSTRAP_DIR"
    cp -r "$from" "$DEBOOTSTRAP_DIR"
    ln -s jammy "$DEBOOTSTRAP_DIR/scripts/$1"
}

# Makes the release $1 in the folder $2, with the components $3, from the mirror $4: or from debootstrap's own, if that
# answers. Returns whether it does.
make_system() {
    local mirror=() options=(--variant=minbase --include=make "--components=$3")
    [[ -z "$4" ]] || mirror=("$4")
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    timeout "$mirror_timeout" debootstrap --print-debs "${options[@]}" "$1" "$2" "${mirror[@]}" >"$2.log" 2>&1 || return 1
    rm -rf --one-file-system "$2"
    mkdir -p "$2"
    debootstrap "${options[@]}" "$1" "$2" "${mirror[@]}" >"$2.log" 2>&1 || {
        tail -n 20 "$2.log" >&2
        die "debootstrap failed"
    }
}

# How this machine reaches the registries of packages, for the system in $1. A file that a variable names comes along,
# under another name, so that the system's own packages do not write over it.
take_configuration() {
    local root="$1" variable name value
    cp /etc/resolv.conf /etc/hosts "$root/etc/"
    apt-config dump | grep -E '^Acquire::(http|https)::' >"$root/etc/apt/apt.conf.d/90from-outside" || true
    mkdir -p "$root/root/.cargo" "$root/opt/outside" "$root/usr/local/share/ca-certificates"
    # Authorities of this machine's own: the system takes them in when it gets ca-certificates.
    find /usr/local/share/ca-certificates -name '*.crt' -exec cp -t "$root/usr/local/share/ca-certificates" {} + 2>/dev/null || true
    for name in config.toml config; do
        [[ ! -f "${CARGO_HOME:-$HOME/.cargo}/$name" ]] || cp "${CARGO_HOME:-$HOME/.cargo}/$name" "$root/root/.cargo/"
    done
    for name in "$HOME/.npmrc" /etc/npmrc /etc/pip.conf; do
        [[ ! -f "$name" ]] || install -m 600 "$name" "$root/${name/#$HOME/root}"
    done
    : >"$root/opt/outside/environment"
    while IFS= read -r -d '' variable; do
        name="${variable%%=*}" value="${variable#*=}"
        case "$name" in
            http_proxy | https_proxy | no_proxy | HTTP_PROXY | HTTPS_PROXY | NO_PROXY | CARGO_BUILD_JOBS) ;;
            PIP_* | CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTRIES_* | npm_config_*) ;;
            NODE_EXTRA_CA_CERTS | SSL_CERT_FILE | CURL_CA_BUNDLE | REQUESTS_CA_BUNDLE) ;;
            *) continue ;;
        esac
        if [[ "$value" == /* ]]; then
            # A folder stays behind.
            [[ -f "$value" ]] || continue
            cp "$value" "$root/opt/outside/$name"
            value="/opt/outside/$name"
        fi
        printf '%s=%s\0' "$name" "$value" >>"$root/opt/outside/environment"
    done < <(env -0)
}

# The program that runs as the first process of the system.
write_check() {
    cat >"$1/opt/outside/check" <<'CHECK'
#!/bin/bash
# $1: what to do; $2: the port; $3: for how long
set -euo pipefail
cd /root/privmsg
started=$SECONDS
took() { printf 'bare-check: %s after %s s\n' "$1" "$((SECONDS - started))"; }
answers() {
    { exec 3<>"/dev/tcp/127.0.0.1/$1"; } 2>/dev/null || return 1
    printf 'GET /health HTTP/1.0\r\n\r\n' >&3
    grep -q '^HTTP/1.. 200' <&3
}
case "$1" in
    run)
        make run &
        until answers "$2"; do
            kill -0 $! 2>/dev/null || { wait $!; exit 1; }
            ((SECONDS - started < $3)) || { echo 'bare-check: no server'; exit 1; }
            sleep 2
        done
        took 'make run: the server answers'
        kill %1
        ;;
    test)
        make test
        took 'make test: passed'
        ;;
esac
CHECK
    chmod +x "$1/opt/outside/check"
}

# Runs the check $2 in the system in $1, which is the whole world to it but for the network.
within() {
    local variables=()
    mapfile -d '' -t variables <"$1/opt/outside/environment"
    # shellcheck disable=SC2016 # The inner shell's.
    unshare --mount --pid --fork --kill-child bash -euc '
        root="$1" rust="$2"; shift 2
        mount --make-rprivate /
        mount --bind "$root" "$root"
        mount --rbind /dev "$root/dev"
        mount -t proc proc "$root/proc"
        mkdir -p "$root/opt/rust" "$root/opt/before"
        mount --bind "$rust" "$root/opt/rust"
        mount -o remount,bind,ro "$root/opt/rust"
        cd "$root"
        pivot_root . opt/before
        umount -l /opt/before
        exec "$@"
    ' bare-check "$1" "$(rustc --print sysroot)" \
        /usr/bin/env -i HOME=/root USER=root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive \
        PATH=/opt/rust/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${variables[@]}" \
        /opt/outside/check "$2" "$port" "$run_timeout"
}

# Checks the system $1: release $2 with components $3, from mirror $4.
check() {
    local root="$work/$1" what
    scripts_for "$2"
    if ! make_system "$2" "$root" "$3" "$4"; then
        say "NOT RUN: $1 (its mirror cannot be reached)"
        return 0
    fi
    if [[ "$1" == debian && -n "$(own_sources "$2")" ]]; then
        own_sources "$2" >"$root/etc/apt/sources.list"
    fi
    take_configuration "$root"
    write_check "$root"
    git clone -q --no-hardlinks "$source_tree" "$root/root/privmsg"
    git -C "$root/root/privmsg" checkout -q --detach "$(git rev-parse HEAD)"
    for what in run test; do
        within "$root" "$what" >"$root.$what.log" 2>&1 </dev/null || {
            tail -n 60 "$root.$what.log" >&2
            die "make $what failed on $1; all of its output is in $root.$what.log"
        }
        grep -E '^bare-check: |NOT RUN' "$root.$what.log" | sed "s/^bare-check: /$1: /"
    done
    rm -rf --one-file-system "$root"
}

systems=("$@")
[[ ${#systems[@]} -gt 0 ]] || systems=(debian ubuntu)
((EUID == 0)) || die "root is needed: debootstrap makes devices, and pivot_root a system of a folder"
command -v rustc >/dev/null || die "rustc not found; it is taken along"
if ! command -v debootstrap >/dev/null; then
    apt-get install -y -qq debootstrap >/dev/null || die "debootstrap is needed (apt-get install debootstrap)"
fi
if { exec 3<>"/dev/tcp/127.0.0.1/$port"; } 2>/dev/null; then
    die "something listens on port $port, where 'make run' would"
fi
mkdir -p "$work"
for system in "${systems[@]}"; do
    case "$system" in
        debian) check debian bookworm main "$(own_sources bookworm | awk '$3 == "bookworm" { print $2; exit }')" ;;
        ubuntu) check ubuntu noble main,universe "" ;;
        *) die "unknown system '$system' (debian or ubuntu)" ;;
    esac
done
