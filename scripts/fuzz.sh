#!/usr/bin/env bash
# Runs the fuzz targets, each for so many seconds, and stops at the first finding. Needs a nightly compiler and
# cargo-fuzz (`cargo install cargo-fuzz --locked`). What is found worth keeping is added to fuzz/corpus, which the tests
# replay; it is kept small.
#
#   scripts/fuzz.sh SECONDS [TARGET…]
set -euo pipefail

root="$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)"
seconds="${1:-600}"
shift || true
cd "$root/fuzz"
cargo fuzz --version >/dev/null 2>&1 || {
    echo "fuzz: cargo-fuzz not found: cargo install cargo-fuzz --locked" >&2
    exit 1
}
targets=("$@")
if ((${#targets[@]} == 0)); then
    mapfile -t targets < <(cargo +nightly fuzz list)
fi
# Largest input, and largest corpus that is kept.
longest=4096
keep=150000

# A few small inputs that together reach all that was reached, up to the size that is kept.
keep_corpus() {
    local target="$1" found="$2" file size all=0
    local smallest="$found.cmin"
    mkdir -p "$smallest"
    cargo +nightly fuzz run --sanitizer none "$target" "$smallest" "corpus/$target" "$found" -- -set_cover_merge=1 -max_len="$longest" >"$found.log" 2>&1 ||
        { tail -5 "$found.log"; return 1; }
    while read -r size file; do
        ((all + size <= keep)) || break
        all=$((all + size))
        cp -n "$file" "corpus/$target/"
    done < <(find "$smallest" -type f -printf '%s %p\n' | sort -n)
}

for target in "${targets[@]}"; do
    echo "fuzz: $target, $seconds seconds"
    found="$root/fuzz/target/found/$target"
    mkdir -p "$found"
    cargo +nightly fuzz run --sanitizer none "$target" "$found" "corpus/$target" -- \
        -max_total_time="$seconds" -max_len="$longest" -timeout=30 -print_final_stats=1 -verbosity=0
    keep_corpus "$target" "$found"
done
