#!/usr/bin/env bash
# A suite that cannot fail proves nothing. Each patch beside this breaks one rule: the test that it names has to turn red, for the reason
# that it names. They are applied to a copy of this tree, which is built apart; with a folder as argument, to the tree there. PLANTED=8*
# takes some of them only.
set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(git -C "$here" rev-parse --show-toplevel)
tree=${1:-$root/target/planted/tree}
if [ $# = 0 ]; then
    rm -rf "$tree" && git -C "$root" worktree prune
    git -C "$root" worktree add --quiet --detach "$tree" HEAD
    # The drivers are the same.
    mkdir -p "$tree/target/wasm32-wasip2" && cp -r "$root/target/wasm32-wasip2/release" "$tree/target/wasm32-wasip2/"
fi
cd "$tree"
log=$(mktemp)
patch=
restore() { if [ -n "$patch" ]; then git apply -R "$patch"; patch=; fi; }
trap 'restore; rm -f "$log"' EXIT

failed=0
for planted in "$here"/${PLANTED:-*}.patch; do
    name=$(basename "$planted" .patch)
    test=$(sed -n 's/^test: //p' "$planted")
    red=$(sed -n 's/^red: //p' "$planted")
    git apply "$planted" && patch=$planted
    if ! cargo test --locked --no-run --lib --bins --tests >"$log" 2>&1; then
        tail -20 "$log"
        echo "$name: does not build"
        failed=1
    else
        binary=$(sed -nE 's/.*tests\/it\/main.rs \((target\/debug\/deps\/it-[0-9a-f]+)\)/\1/p' "$log" | xargs ls -S | head -1)
        status=0
        RUST_BACKTRACE=0 timeout 300 "$binary" --exact "$test" --nocapture >"$log" 2>&1 || status=$?
        if [ $status = 0 ]; then
            echo "$name: NOT NOTICED by $test"
            failed=1
        elif grep -qE "$red" "$log"; then
            echo "$name: $test is red: $(grep -E "$red" "$log" | head -1 | cut -c1-160)"
        else
            tail -20 "$log"
            echo "$name: $test is red for another reason than /$red/"
            failed=1
        fi
    fi
    restore
done
exit $failed
