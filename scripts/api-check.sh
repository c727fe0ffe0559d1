#!/usr/bin/env bash
# Tries the API of the built server against its own description with schemathesis: no answer of 5xx, none that is not
# described, no shape that is not described, and no access without a key.
#
#   scripts/api-check.sh [BINARY] [EXAMPLES] [SEED]     EXAMPLES: cases for each endpoint
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
binary="$(realpath "${1:-${CARGO_TARGET_DIR:-$root/target}/debug/privmsg-server}")"
examples="${2:-20}"
seed="${3:-1}"
venv="${CARGO_TARGET_DIR:-$root/target}/api-check"
work="$(mktemp -d)"
server=

say() { printf 'api-check: %s\n' "$*" >&2; }
die() {
    say "$@"
    exit 1
}
finish() {
    [[ -z "$server" ]] || kill "$server" 2>/dev/null || true
    wait 2>/dev/null || true
    rm -rf "$work"
}
trap finish EXIT

[[ -x "$binary" ]] || die "no server at $binary; build it first"
command -v python3 >/dev/null || die "python3 not found; scripts/setup.sh test installs it"

# Of the version that is asked for, once.
if ! cmp -s "$root/tests/api/requirements.txt" "$venv/installed.txt"; then
    say "installing schemathesis into $venv"
    rm -rf "$venv"
    python3 -m venv "$venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check -r "$root/tests/api/requirements.txt"
    cp "$root/tests/api/requirements.txt" "$venv/installed.txt"
fi

printf '[turn]\nenabled = true\ncredential = "a secret of the api check"\nurls = ["turn:localhost:3478"]\n' >"$work/config.toml"
export PRIVMSG_ADMIN_KEY="admin key of the api check"
# Without the limits on how often: nearly all that comes in would only be told to wait.
unlimited=()
while read -r key; do
    unlimited+=("PRIVMSG_LIMITS_${key^^}=0")
done < <(sed -n 's/^\(rate_limit_[a-z_]*\|max_wrong_keys\) *=.*/\1/p' "$root/config/server/config.toml")
((${#unlimited[@]} > 10)) || die "config/server/config.toml does not name the limits"
(
    cd "$work"
    exec env -u PRIVMSG_ADMIN_KEY LC_ALL=C \
        PRIVMSG_SERVER_PORT=0 PRIVMSG_ADMIN_MASTER_KEY="$PRIVMSG_ADMIN_KEY" "${unlimited[@]}" \
        "$binary" run >"$work/out.log" 2>"$work/server.log"
) &
server=$!
for _ in $(seq 200); do
    url="$(sed -n 's/.*\(http:\/\/.*\)$/\1/p' "$work/out.log" 2>/dev/null || true)"
    [[ -z "$url" ]] || break
    kill -0 "$server" 2>/dev/null || die "the server did not start: $(cat "$work/server.log")"
    sleep 0.05
done
[[ -n "$url" ]] || die "the server does not say where it listens"

# A user with a session, by the API itself.
PRIVMSG_TOKEN="$("$venv/bin/python" - "$url" <<'PYTHON'
import json, os, sys, urllib.request

def post(path, body):
    data = json.dumps(body).encode()
    request = urllib.request.Request(sys.argv[1] + path, data, {"Content-Type": "application/json"})
    return json.load(urllib.request.urlopen(request))

created = post("/api/v1/admin/users", {"admin_key": os.environ["PRIVMSG_ADMIN_KEY"], "user_id": "AbCd1234"})
login = post("/api/v1/auth/login", {"user_id": "AbCd1234", "access_key": created["access_key"]})
print(login["token"])
PYTHON
)"
export PRIVMSG_TOKEN PRIVMSG_API_HOOKS="$root/tests/api/hooks.py"

run() {
    "$venv/bin/schemathesis" --config-file "$root/tests/api/schemathesis.toml" run "$url/api/v1/openapi.json" \
        --max-examples "$examples" --seed "$seed" --continue-on-failure --warnings off "$@"
}
cd "$work"
# What ends the session comes by itself, and last.
ends=(auth/logout auth/refresh 'users/me/devices/\{device_id\}' 'admin/users/\{user_id\}')
pattern="($(
    IFS='|'
    echo "${ends[*]}"
))"
run --exclude-path-regex "$pattern"
run --include-path-regex "$pattern" --phases examples,coverage,fuzzing
say "done; the server says: $(grep -c -E 'ERROR|panicked' "$work/server.log" || true) errors"
! grep -E 'ERROR|panicked' "$work/server.log"
