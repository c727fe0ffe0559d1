#!/usr/bin/env bash
# Compares docs/threat-model.md with the tests that it names: a claim whose test has been renamed or has gone is nobody's.
# A test is what stands in backquotes and is a file of Rust, or a name of at least four words; shorter names are fields.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

claims=docs/threat-model.md
status=0
missing() {
    printf 'check-claims: %s names %s, and there is no such test\n' "$claims" "$1" >&2
    status=1
}

# Backquotes are Markdown's here, not the shell's.
# shellcheck disable=SC2016
names="$(grep -oE '`[a-z0-9_/]+(\.rs)?`' "$claims" | tr -d '`' | sort -u)"
tests="$(git grep -hoE 'fn [a-z0-9_]+\(' -- '*.rs' | sed -E 's/^fn (.*)\($/\1/' | sort -u)"
while read -r name; do
    case "$name" in
    *.rs) [[ -n "$(git ls-files "$name" "**/$name")" ]] || missing "$name" ;;
    *_*_*_*) grep -qxF "$name" <<<"$tests" || missing "$name" ;;
    esac
done <<<"$names"
exit "$status"
