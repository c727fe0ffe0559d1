#!/usr/bin/env bash
# Runs the fuzz targets, each for so many seconds, and stops at the first finding. Needs a nightly compiler and
# cargo-fuzz (`cargo install cargo-fuzz --locked`). What is found worth keeping is added to the corpus of the target, which
# the tests replay; it is kept small. The server's targets are in fuzz, the core's in fuzz/e2ee.
#
#   scripts/fuzz.sh SECONDS [TARGET…]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
seconds="${1:-600}"
shift || true
cd "$root"
cargo fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: cargo-fuzz not found: cargo install cargo-fuzz --locked" >&2
    exit 1
}
targets=("$@")
if ((${#targets[@]} == 0)); then
    mapfile -t targets < <(for project in fuzz fuzz/e2ee; do cargo +nightly fuzz list --fuzz-dir "$project"; done)
fi
project_of() {
    local project
    for project in fuzz fuzz/e2ee; do
        [[ ! -f "$project/fuzz_targets/$1.rs" ]] || { echo "$project"; return; }
    done
    echo "fuzz: no target $1" >&2
    return 1
}
# Largest input, and what is kept at most: bytes, and files.
longest=4096
keep=150000
most=200

# Of the inputs that together reach all that was reached some of every size: all of them would be thousands of files.
keep_corpus() {
    local target="$1" found="$2" project="$3" all=0 step number file size
    local covering="$found.cmin"
    rm -rf "$covering"
    mkdir -p "$covering"
    cargo +nightly fuzz run --fuzz-dir "$project" --sanitizer none "$target" "$covering" "$project/corpus/$target" "$found" -- -set_cover_merge=1 -max_len="$longest" >"$found.log" 2>&1 ||
        { tail -5 "$found.log"; return 1; }
    mapfile -t sorted < <(find "$covering" -type f -printf '%s %p\n' | sort -n)
    step=$(((${#sorted[@]} + most - 1) / most))
    for ((number = 0; number < ${#sorted[@]}; number += step)); do
        read -r size file <<<"${sorted[number]}"
        all=$((all + size))
        ((all <= keep)) || break
        cp -n "$file" "$project/corpus/$target/"
    done
}

for target in "${targets[@]}"; do
    project="$(project_of "$target")"
    echo "fuzz: $target, $seconds seconds"
    found="$root/fuzz/target/found/$target"
    mkdir -p "$found"
    cargo +nightly fuzz run --fuzz-dir "$project" --sanitizer none "$target" "$found" "$project/corpus/$target" -- \
        -max_total_time="$seconds" -max_len="$longest" -timeout=30 -print_final_stats=1 -verbosity=0
    keep_corpus "$target" "$found" "$project"
done
