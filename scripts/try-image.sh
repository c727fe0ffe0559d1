#!/usr/bin/env bash
# Builds the image from the unchanged Dockerfile, without a registry and without a Docker daemon, and tries it: the
# container's server answers, is not root, makes a user, passes its health check and stops in good order.
#
#   scripts/try-image.sh     needs root, Debian or Ubuntu, some gigabytes in target/image, and minutes
#
# The images in the FROM lines are stood in for by local ones of the same names: a base made by debootstrap, and the same
# with a C compiler and this machine's Rust toolchain. Crates come from this machine's cargo cache.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

work="target/image"
name="localhost/privmsg-server-trial"
port=19443

say() { printf 'try-image: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}

((EUID == 0)) || die "needs root"
missing=()
for package in buildah podman debootstrap crun; do
    command -v "$package" >/dev/null || missing+=("$package")
done
if ((${#missing[@]})); then
    say "installing ${missing[*]}"
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi

images() { buildah --storage-driver vfs "$@"; }
store() { tar -C "$1" -c . | podman --storage-driver vfs import - "$2" >/dev/null; }
have() { images images --format '{{.Name}}:{{.Tag}}' | grep -qx "$1"; }

mapfile -t from < <(awk '/^FROM /{print $2}' Dockerfile)
builder="docker.io/library/${from[0]}"
base="docker.io/library/${from[1]}"

mkdir -p "$work"
[[ -f "$work/base/etc/debian_version" ]] || debootstrap --variant=minbase bookworm "$work/base" >"$work/debootstrap.log"
have "$base" || { say "storing $base"; store "$work/base" "$base"; }

if ! have "$builder"; then
    say "storing $builder: a compiler, and this machine's toolchain and crates"
    cp -a "$work/base" "$work/builder"
    chroot "$work/builder" apt-get update -qq
    chroot "$work/builder" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends \
        gcc libc6-dev ca-certificates >/dev/null
    mkdir -p "$work/builder/usr/local/cargo"
    cp -aL "$(rustc --print sysroot)" "$work/builder/usr/local/rust"
    cp -a "${CARGO_HOME:-$HOME/.cargo}/registry" "$work/builder/usr/local/cargo/registry"
    printf '[net]\noffline = true\n' >"$work/builder/usr/local/cargo/config.toml"
    ln -sf ../rust/bin/cargo ../rust/bin/rustc "$work/builder/usr/local/bin/"
    # Where the toolchain looks for crates, whatever the builder's environment.
    mkdir -p "$work/builder/root" && ln -sfn /usr/local/cargo "$work/builder/root/.cargo"
    store "$work/builder" "$builder"
    rm -rf "$work/builder"
fi

say "building the Dockerfile"
start=$SECONDS
images bud --isolation chroot --pull-never -t "$name" . >"$work/build.log" 2>&1 || {
    tail -40 "$work/build.log" >&2
    die "the build failed"
}
built=$((SECONDS - start))
container="$(images from --pull-never "$name")"
mounted="$(images mount "$container")"
program=$(stat -c %s "$mounted/app/privmsg-server")
size=$(du -sm "$mounted" | cut -f1)
plain=$(du -sm "$work/base" | cut -f1)

# Docker mounts over a volume of the image; buildah 1.28 mounts the volume over what it is told to mount.
images config --volume /app/data- "$container"

trial="$(mktemp -d)"
server=
listener() { ss -Htlnp "sport = :$port" | sed -n 's/.*pid=\([0-9]*\).*/\1/p'; }
clean() {
    # Not the program that started the server: a server inside outlives it.
    [[ -z "$server" ]] || kill "$(listener)" "$server" 2>/dev/null || true
    images rm "$container" >/dev/null 2>&1 || true
    rm -rf "$trial"
}
trap clean EXIT
run() { images run --isolation chroot "$@"; }

say "init, as root, in the folder that compose mounts"
run --user 0 -v "$trial:/setup" "$container" -- ./privmsg-server init --docker --dir /setup --yes --json >"$trial/said.json"
key=$(sed -n 's/.*"admin_key":"\([^"]*\)".*/\1/p' "$trial/said.json")
[[ "$(stat -c '%u %a' "$trial/config/server/config.toml")" == "10001 600" ]] || die "the server's file is not its own"
[[ "$(stat -c '%u %a' "$trial/config/coturn/turnserver.conf")" == "65534 600" ]] || die "coturn's file is not its own"

say "the server, with the volumes of docker-compose.yml"
volumes=(-v "$trial/config/server:/app/config:ro" -v "$trial/data/server:/app/data"
    -v "$trial/data/backup:/app/backup"
    --env "PRIVMSG_SERVER_PORT=$port" --env PRIVMSG_SERVER_HOST=127.0.0.1)
run "${volumes[@]}" "$container" -- ./privmsg-server run >"$trial/log" 2>&1 &
server=$!
for _ in $(seq 100); do
    health="$(curl -fs "http://127.0.0.1:$port/health" || true)"
    [[ -n "$health" ]] && break
    sleep 0.1
done
[[ "$health" == *'"status":"ok"'* ]] || { cat "$trial/log" >&2; die "the container's server does not answer"; }
account="$(stat -c %u "$trial/data/server/privmsg.db")"
[[ "$account" == 10001 ]] || die "it runs as $account"
run "${volumes[@]}" "$container" -- ./privmsg-server health || die "the health check fails"
user="$(curl -fs "http://127.0.0.1:$port/api/v1/admin/users" -H 'content-type: application/json' \
    -d "{\"admin_key\":\"$key\",\"user_id\":\"first\"}")"
[[ "$user" == *'"access_key"'* ]] || die "no user: $user"
run "${volumes[@]}" "$container" -- ./privmsg-server list-keys --admin-key "$key" | grep -q first || die "the user is not listed"
inside="$(listener)"
kill -TERM "${inside:?the process that listens}"
wait "$server" || die "it did not stop in good order"
server=

printf 'image: %s MB, of which %s MB are the base and %s kB the program; built in %s s\n' \
    "$size" "$plain" "$((program / 1024))" "$built"
say "works: answers /health, is not root, makes a user"
