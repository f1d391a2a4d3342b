#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# make soak: the tests of limits, and reloads under load, in full size, each bounded in time, and their
# totals. Ends by itself, in about half an hour.
#
#     tests/soak/run.sh BUILD [part ...]      parts: model unique exact sessions faults reload
set -u
build=$(realpath -m "${1:?folder of the build}")
shift
cd "$(dirname "$0")/../.."
export MAILREEVE_SOAK=1
export MAILREEVE_BUILD="$build"
passed=0
failed=0
work=$(mktemp -d "${TMPDIR:-/tmp}/mailreeve-soak.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# part NAME SECONDS WANTED COMMAND...: what it prints of its totals are the lines with WANTED in them.
part() {
    name=$1
    seconds=$2
    wanted=$3
    shift 3
    echo "== $name (at most $seconds s)"
    if timeout "$seconds" "$@" >"$work/log" 2>&1 </dev/null; then
        grep -E "$wanted" "$work/log" | sed 's/^/   /'
        passed=$((passed + 1))
    else
        status=$?
        [ $status -eq 124 ] && echo "   took longer"
        tail -n 100 "$work/log" | sed 's/^/   /'
        failed=$((failed + 1))
    fi
}

for name in ${*:-model unique exact sessions reload}; do
    case $name in
        model) part "windows against a model, every rolling window" 240 "operations" \
            "$build/filter/store/store_model_test" ;;
        unique) part "windows of different members against a model" 180 "operations" \
            "$build/filter/store/store_unique_test" ;;
        exact) part "8 filter processes of 64 senders on one key" 300 "L =|operations" \
            "$build/filter/store/store_exact_test" ;;
        sessions) part "random sessions, given back exactly" 600 "sessions,|passed" \
            sh tests/e2e/run.sh -q -s tests/e2e/test_limits_given_back.py ;;
        reload) part "1,000 reloads under load" 600 "reloads|passed" \
            env MAILREEVE_RELOADS=1000 sh tests/e2e/run.sh -q -s tests/e2e/test_reload.py ;;
        faults)
            part "faults of a Redis, 20 times" 1200 "^F[0-9]|PASSED" "$build/filter/store/store_faults_test"
            part "failovers by sentinels and by hand, 20 times" 600 "^F[0-9]|PASSED" \
                "$build/filter/store/store_faults_sentinel_test"
            part "faults of a cluster, 20 times" 600 "^F[0-9]|^more|^lost|PASSED" \
                "$build/filter/store/store_faults_cluster_test"
            ;;
        *)
            echo "there is no part \"$name\"" >&2
            exit 64
            ;;
    esac
done
echo "$passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
