#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make check: every test there is but the long ones. A line for each part while it runs, the output of a
# part that fails, and at the end "N passed, N failed".
#
#     tests/check.sh [part ...]      only these parts: build hardening unit asan tsan
#                                    fuzz lint settings spf header e2e
set -u
cd "$(dirname "$0")/.."
MAKE=${MAKE:-make}
BUILD=$(realpath -m "${BUILD:-build}")
LLVM=${LLVM:-19}
export LLVM
PARTS=${*:-build hardening unit asan tsan fuzz lint settings spf header e2e}
JOBS=$(nproc)
passed=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mailreeve-check.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

SANITIZE="-O1 -g -fno-omit-frame-pointer"
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0:exitcode=99
export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
export TSAN_OPTIONS="halt_on_error=1:exitcode=99:atexit_sleep_ms=50:suppressions=$PWD/tests/tsan.supp"
export LSAN_OPTIONS="suppressions=$PWD/tests/lsan.supp:print_suppressions=0"

note() { # note NAME PASSED FAILED LOG
    passed=$((passed + $2))
    failed=$((failed + $3))
    if [ "$3" -eq 0 ]; then
        printf '%-44s %4d passed\n' "$1" "$2"
    else
        printf '%-44s %4d passed, %d FAILED\n' "$1" "$2" "$3"
        tail -n 200 "$4" | sed 's/^/    /'
        { echo "failed: $1"
          grep -E '^== |FAILED|[Ee]rror' "$4" | tail -n 12 | sed 's/^/    /'; } >>"$work/told_again"
    fi
}

# one NAME COMMAND...: a part that either passes or fails.
one() {
    name=$1
    shift
    if "$@" >"$work/log" 2>&1 </dev/null; then
        note "$name" 1 0 "$work/log"
    else
        note "$name" 0 1 "$work/log"
        return 1
    fi
}

# counted NAME COMMAND...: prints "N passed, N failed" (or pytest's words) last.
counted() {
    name=$1
    shift
    "$@" >"$work/log" 2>&1 </dev/null
    status=$?
    good=$(grep -oE '[0-9]+ passed' "$work/log" | tail -n 1 | cut -d' ' -f1)
    bad=$(grep -E '[0-9]+ (failed|error)' "$work/log" | tail -n 1 | grep -oE '[0-9]+ (failed|errors?)' |
        cut -d' ' -f1 | paste -sd+ | sed 's/^$/0/')
    bad=$((${bad:-0}))
    # A command that fails without saying how many, or passes without running any, has failed.
    [ $status -ne 0 ] && [ "$bad" -eq 0 ] && bad=1
    [ $status -eq 0 ] && [ "${good:-0}" -eq 0 ] && bad=1
    note "$name" "${good:-0}" "$bad" "$work/log"
    grep '^score: ' "$work/log" | sed 's/^/    /'
}

# side_by_side FOLDER COMMAND...: runs COMMAND with each line of the input as its last argument, as many
# at once as there are processors; what each printed and its exit status go to FOLDER, under its path
# with _ for each /.
side_by_side() {
    folder=$1
    shift
    rm -rf "$folder"
    mkdir "$folder"
    # shellcheck disable=SC2016
    xargs -n 1 -P "$JOBS" sh -c 'folder=$0; for last; do :; done
        name=$folder/$(printf %s "$last" | tr / _)
        "$@" >"$name.log" 2>&1 </dev/null
        echo $? >"$name.status"' "$folder" "$@"
}

# unit_tests NAME BUILD: all cmocka programs of one build.
unit_tests() {
    good=0
    bad=0
    : >"$work/unit"
    (cd "$2" && find filter policies -name '*_test' -type f -perm -u+x) | sort >"$work/programs"
    side_by_side "$work/units" sh -c 'exec timeout 300 "$0/$1"' "$2" <"$work/programs"
    for file in "$work"/units/*.status; do
        [ -e "$file" ] || continue
        log=${file%.status}.log
        status=$(cat "$file")
        ran=$(grep -oE 'PASSED  \] [0-9]+ test' "$log" | tail -n 1 | grep -oE '[0-9]+')
        lost=$(grep -oE 'FAILED  \] [0-9]+ test' "$log" | tail -n 1 | grep -oE '[0-9]+')
        if [ "$status" -ne 0 ]; then
            lost=${lost:-1}
            { echo "== $(basename "$log" .log) ended with $status"
              grep -v -e ' RUN ' -e '  OK ' "$log"; } >>"$work/unit"
        elif [ "${ran:-0}" -eq 0 ]; then
            lost=1
            echo "== $(basename "$log" .log) ran no test" >>"$work/unit"
        fi
        grep '^score: ' "$log" >>"$work/scores"
        good=$((good + ${ran:-0}))
        bad=$((bad + ${lost:-0}))
    done
    [ $((good + bad)) -eq 0 ] && bad=1
    note "$1" "$good" "$bad" "$work/unit"
    sort -u "$work/scores" | sed 's/^/    /'
    : >"$work/scores"
}

# end_to_end NAME BUILD FILE...: files of tests, each in a namespace with servers of its own.
end_to_end() {
    name=$1
    build=$2
    shift 2
    good=0
    bad=0
    : >"$work/failures"
    printf '%s\n' "$@" | side_by_side "$work/files" env MAILREEVE_BUILD="$build" sh tests/e2e/run.sh -q
    for file in "$@"; do
        log=$work/files/$(printf %s "$file" | tr / _).log
        status=$(cat "${log%.log}.status" 2>/dev/null || echo 1)
        ran=$(count_of passed "$log")
        lost=$(($(count_of failed "$log") + $(count_of 'errors?' "$log")))
        # A file that fails without saying how much, or runs nothing, has failed.
        [ "$status" -ne 0 ] && [ "$lost" -eq 0 ] && lost=1
        [ "$((ran + lost))" -eq 0 ] && lost=1
        if [ "$lost" -gt 0 ]; then
            { echo "== $file ended with $status"; tail -n 80 "$log"; } >>"$work/failures"
        fi
        grep '^score: ' "$log" >>"$work/scores"
        good=$((good + ran))
        bad=$((bad + lost))
    done
    note "$name" "$good" "$bad" "$work/failures"
    sed 's/^/    /' "$work/scores"
    : >"$work/scores"
}

# count_of WORD LOG: the number before WORD in pytest's last line.
count_of() {
    number=$(tail -n 1 "$2" | grep -oE "[0-9]+ $1" | grep -oE '[0-9]+')
    echo "${number:-0}"
}

part_build() { one "build, warnings are errors ($(${CC:-cc} --version | head -n 1 | cut -c1-24))" \
    $MAKE -j"$JOBS" BUILD="$BUILD" WERROR=-Werror all unit-tests || exit 1; }
part_unit() { unit_tests "unit and service tests" "$BUILD"; }
part_asan() {
    one "build with ASan and UBSan (clang $LLVM)" $MAKE -j"$JOBS" BUILD="$BUILD/asan" CC="clang-$LLVM" WERROR=-Werror \
        HARDENING= CFLAGS="$SANITIZE -fsanitize=address,undefined -fno-sanitize-recover=undefined" all unit-tests fuzz-replay &&
        unit_tests "unit and service tests under ASan and UBSan" "$BUILD/asan"
}
part_tsan() {
    one "build with TSan (clang $LLVM)" $MAKE -j"$JOBS" BUILD="$BUILD/tsan" CC="clang-$LLVM" WERROR=-Werror \
        HARDENING= CFLAGS="$SANITIZE -fsanitize=thread" all unit-tests &&
        unit_tests "unit and service tests under TSan" "$BUILD/tsan"
}
part_hardening() { counted "hardening of the programs" sh tests/hardening.sh "$BUILD"; }
part_fuzz() { counted "fuzz corpora replayed under ASan and UBSan" sh tests/fuzz/replay.sh "$BUILD/asan"; }
# clang-tidy takes minutes: make lint runs it too.
part_lint() { counted "lint" env LINT_FAST=1 BUILD="$BUILD" sh tests/lint/run.sh; }
part_settings() { one "sample and manual equal the settings" sh tests/settings_current.sh "$BUILD"; }
part_spf() { counted "SPF: RFC 7208 and RFC 4408 suites" sh tests/spf_suite/run.sh "$BUILD"; }
part_header() { counted "From: real mail, and beside Python's email package" \
    sh tests/header_suite/run.sh "$BUILD"; }
part_e2e() {
    end_to_end "end to end: Postfix and Sendmail" "$BUILD" tests/e2e/test_*.py
    export MAILREEVE_RELOADS=25 # make soak: 1000
    end_to_end "end to end: life cycle under ASan and UBSan" "$BUILD/asan" tests/e2e/test_lifecycle.py tests/e2e/test_reload.py
    end_to_end "end to end: life cycle under TSan" "$BUILD/tsan" tests/e2e/test_lifecycle.py tests/e2e/test_reload.py
}

: >"$work/scores"
: >"$work/told_again"
for part in $PARTS; do
    "part_$part"
done
cat "$work/told_again"
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
