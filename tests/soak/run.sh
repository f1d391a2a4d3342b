#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make soak: limits against their models, faults of Redis, and reloads under load, in full size. Each part is
# bounded in time and prints what it did; ends by itself, in about half an hour on two quiet cores.
#
#     tests/soak/run.sh BUILD [part ...]      parts: model unique exact sessions faults reload
set -u
build=$(realpath -m "${1:?folder of the build}")
shift
cd "$(dirname "$0")/../.." || exit 1
export MAILREEVE_SOAK=1
export MAILREEVE_BUILD="$build"
passed=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mailreeve-soak.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
: >"$work/totals"

# part NAME SECONDS WANTED COMMAND...: what it printed with WANTED in it is its result; without any it failed.
part() {
    name=$1
    seconds=$2
    wanted=$3
    shift 3
    echo "== $name (at most $seconds s)"
    began=$(date +%s)
    timeout -k 10 "$seconds" "$@" >"$work/log" 2>&1 </dev/null
    status=$?
    took=$(($(date +%s) - began))
    if [ $status -eq 0 ] && grep -E "$wanted" "$work/log" >"$work/found"; then
        sed 's/^/   /' "$work/found"
        cat "$work/found" >>"$work/totals"
        echo "   passed in $took s"
        passed=$((passed + 1))
        return
    fi
    tail -n 100 "$work/log" | sed 's/^/   /'
    [ $status -eq 124 ] && echo "   took longer"
    echo "   FAILED in $took s (status $status)"
    failed=$((failed + 1))
}

# Sums over all parts, from the lines that they printed.
print_totals() {
    awk '
    # The number before WORD in this line.
    function before(word) { return match($0, "[0-9]+ " word) ? substr($0, RSTART) + 0 : 0 }
    function after(word) { return match($0, word " [0-9]+") ? substr($0, RSTART + length(word)) + 0 : 0 }
    / operations/ { operations += before("operations"); windows += before("rolling windows") }
    / attempts of / { attempts += before("attempts") }
    / sessions, / { sessions += before("sessions") }
    / reloads, / { reloads += before("reloads"); messages += before("messages judged") }
    /^total / {
        faults += before("faults"); calls += before("calls")
        if (/the data was gone/) gone += after("over-admitted"); else over += after("over-admitted")
        under += after("under-admitted")
    }
    END {
        printf "operations against a model or by its history: %d, rolling windows looked at: %d\n", operations, windows
        printf "attempts of many processes on one key: %d\n", attempts
        printf "sessions given back exactly: %d\n", sessions
        printf "faults of Redis: %d, calls meanwhile: %d\n", faults, calls
        printf "over-admitted: %d (where the data was gone: %d), under-admitted: %d\n", over, gone, under
        printf "reloads: %d, messages judged meanwhile: %d\n", reloads, messages
    }' "$work/totals"
}

store=$build/filter/store
for name in ${*:-model unique exact sessions faults reload}; do
    case $name in
        model) part "windows against a model, every rolling window" 300 " operations" "$store/store_model_test" ;;
        unique) part "windows of different members against a model" 180 " operations" "$store/store_unique_test" ;;
        exact) part "8 filter processes of 64 senders on one key" 300 "L =|operations" "$store/store_exact_test" ;;
        sessions) part "random sessions, given back exactly" 900 " sessions, " \
            sh tests/e2e/run.sh -q -s tests/e2e/test_limits_given_back.py ;;
        faults)
            part "faults of a Redis, 20 times" 1200 "^total " "$store/store_faults_test"
            part "failovers by sentinels and by hand, 20 times" 900 "^total " "$store/store_faults_sentinel_test"
            part "faults of a cluster, 20 times" 900 "^total " "$store/store_faults_cluster_test"
            ;;
        reload) part "1,000 reloads under load" 600 " reloads, " \
            env MAILREEVE_RELOADS=1000 sh tests/e2e/run.sh -q -s tests/e2e/test_reload.py ;;
        *)
            echo "there is no part \"$name\"" >&2
            exit 64
            ;;
    esac
done
echo "== totals"
print_totals
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
