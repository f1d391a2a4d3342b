#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# replay.sh BUILD: runs each fuzz target of BUILD on its corpus, without a fuzzer. A target that cannot
# be run, ends badly, or has no corpus is one failure. The last line is "N passed, N failed" (inputs,
# targets).
set -u
cd "$(dirname "$0")/../.."
build=${1:?folder of the build}
passed=0
failed=0
for source in tests/fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    if said=$("$build/fuzz/$target" "tests/fuzz/corpus/${target#fuzz_}" 2>&1); then
        inputs=$(printf '%s\n' "$said" | sed -n 's/.*: \([0-9]*\) inputs$/\1/p')
        echo "$target: ${inputs:-0} inputs"
        passed=$((passed + ${inputs:-0}))
    else
        printf '%s: FAILED\n%s\n' "$target" "$said"
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ]
