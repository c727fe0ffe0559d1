#!/usr/bin/env bash
# Compares what the two workspaces, that of the clients and that of the server, must have in common: the package's
# version, edition and licence, the lints, the profiles, and the versions of what both use. Cargo has no way to share them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The tables whose names begin with $2, without comments. Profiles of single packages are each workspace's own.
tables() {
    awk -v wanted="$2" '
        /^\[/ { on = index($0, "[" wanted) == 1 && $0 !~ /package\.[a-z]/ }
        on && NF && !/^#/' "$1"
}
# Versions by name, of packages that both name. Features may differ, and rusqlite is the reason for there being two.
versions() {
    tables "$1" workspace.dependencies | sed -nE 's/^([a-z0-9_-]+) = (\{.*version = )?"([0-9.]+)".*/\1 \3/p' |
        grep -v '^rusqlite ' | sort
}

status=0
for table in workspace.package workspace.lints profile.; do
    diff -u --label Cargo.toml --label server/Cargo.toml \
        <(tables Cargo.toml "$table") <(tables server/Cargo.toml "$table") || status=1
done
differing="$(join <(versions Cargo.toml) <(versions server/Cargo.toml) | awk '$2 != $3')"
if [[ -n "$differing" ]]; then
    printf 'check-workspaces: of other versions in Cargo.toml and server/Cargo.toml:\n%s\n' "$differing" >&2
    status=1
fi
exit "$status"
