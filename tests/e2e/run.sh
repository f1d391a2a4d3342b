#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# End-to-end tests in a namespace of their own: tests/e2e/run.sh [pytest arguments]
# MAILREEVE_BUILD names the folder of the programs (default: build).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
export PYTHONDONTWRITEBYTECODE=1
exec "$here/namespace.sh" /usr/bin/python3 -m pytest -p no:cacheprovider --rootdir "$here" \
    "$@" "$here"
