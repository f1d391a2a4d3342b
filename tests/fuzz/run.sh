#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# run.sh BUILD TARGET SECONDS: builds tests/fuzz/TARGET.c with libFuzzer against BUILD/libmailreeve.a
# and runs it on its corpus. What it finds new stays in BUILD/corpus, a crash in BUILD/crash-*.
set -eu

build=$1 target=$2 seconds=$3
name=${target#fuzz_}
packages="milter hiredis ldns libconfuse libpsl libidn2 libssl libcrypto jansson"

mkdir -p "$build/corpus/$name"
# shellcheck disable=SC2046 # the flags are words
${CC:-clang} -std=c11 -D_GNU_SOURCE -O1 -g -fsanitize=fuzzer,address,undefined \
    -fno-sanitize-recover=all -pthread $(pkg-config --cflags $packages) $(printf -- "-I%s " filter/*) -Ipolicies \
    -o "$build/$target" "tests/fuzz/$target.c" "$build/libmailreeve.a" \
    $(pkg-config --libs $packages) -lspf2 -lunistring ${LIBS:-}
echo "fuzzing $name for $seconds seconds"
"$build/$target" -max_total_time="$seconds" -max_len=2000 -timeout=10 \
    -artifact_prefix="$build/crash-$name-" -print_final_stats=1 \
    "$build/corpus/$name" "tests/fuzz/corpus/$name" >"$build/$target.log" 2>&1 || {
    tail -40 "$build/$target.log"
    exit 1
}
grep -E 'number_of_executed_units|average_exec_per_sec' "$build/$target.log"
