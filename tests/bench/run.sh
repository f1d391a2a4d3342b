#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# The benchmark in a namespace of its own: tests/bench/run.sh BUILD [arguments of bench.py]
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
"$1/bench/recipients"
"$1/bench/limits"
exec sh "$here/../e2e/namespace.sh" /usr/bin/python3 "$here/bench.py" "$@"
