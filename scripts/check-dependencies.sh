#!/usr/bin/env bash
# Checks what is built in against deny.toml: licences, where it comes from, and what comes in several versions. It asks
# nobody: known vulnerabilities are the business of `make deny`.
#
#   scripts/check-dependencies.sh [MANIFEST…]     both workspaces by default
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

(($# > 0)) || set -- Cargo.toml server/Cargo.toml
host="$(rustc -vV | sed -n 's/^host: //p')"

status=0
for manifest; do
    # Only what is built here: the rest of the lock file may never have been fetched.
    cargo metadata --format-version 1 --locked --filter-platform "$host" --manifest-path "$manifest" |
        python3 -c '
import json, re, sys, tomllib
from collections import defaultdict

manifest = sys.argv[1]
with open("deny.toml", "rb") as file:
    rules = tomllib.load(file)
licences, skipped = set(rules["licenses"]["allow"]), set(rules["bans"]["skip"])
registries = {"registry+" + address for address in rules["sources"]["allow-registry"]}
metadata = json.load(sys.stdin)
used = {node["id"] for node in metadata["resolve"]["nodes"]}
packages = [package for package in metadata["packages"] if package["id"] in used]


def allowed(expression):
    """Whether an SPDX expression can be satisfied: OR is a choice, AND is not, and binds closer."""
    tokens = re.findall(r"[()]|[^\s()]+", (expression or "").replace("/", " OR "))

    def choice():
        good = both()
        while tokens[:1] == ["OR"]:
            tokens.pop(0)
            good = both() or good
        return good

    def both():
        good = one()
        while tokens[:1] == ["AND"]:
            tokens.pop(0)
            good = one() and good
        return good

    def one():
        token = tokens.pop(0) if tokens else ""
        if token == "(":
            good = choice()
            return tokens.pop(0) == ")" and good if tokens else False
        if tokens[:1] == ["WITH"]:
            tokens.pop(0)
            token += " WITH " + tokens.pop(0)
        return token in licences

    good = choice()
    return good and not tokens


assert allowed("MIT AND (GPL-2.0-only OR ISC)") and not allowed("MIT AND GPL-2.0-only") and not allowed("")
wrong, versions = [], defaultdict(set)
for package in packages:
    name = package["name"] + " " + package["version"]
    versions[package["name"]].add(package["version"])
    if not allowed(package["license"]):
        wrong.append(name + ": licence " + repr(package["license"]))
    if package["source"] is not None and package["source"] not in registries:
        wrong.append(name + ": from " + package["source"])
for name, found in sorted(versions.items()):
    if len(found) > 1 and name not in skipped:
        wrong.append(f"{name}: in several versions: " + ", ".join(sorted(found)))
for line in wrong:
    print(f"check-dependencies: {manifest}: {line}", file=sys.stderr)
sys.exit(bool(wrong))
' "$manifest" || status=1
done
exit "$status"
